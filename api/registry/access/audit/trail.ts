/**
 * Where audit events go: a file of JSON lines, or the process's log.
 *
 * Promises of the file: taking an event costs its place in a bounded buffer and nothing else; it is written within a
 * tenth of a second, or at `close`; the file and what it was turned into before stay within their bounds; what is lost,
 * because the buffer is full or the disk refuses, is counted in a metric and said in the log.
 */
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { Counter } from 'prom-client';
import type { Clock, Timer } from '../../../../machinery/clock.ts';
import { fileProblem } from '../../../../machinery/durablefile.ts';
import type { Log } from '../../../../machinery/log.ts';
import type { Metrics } from '../../../../machinery/metrics.ts';
import type { AuditEvent } from './event.ts';

export interface AuditSink {
  write(event: AuditEvent): void;
  /** Resolves when everything taken so far is written or counted as lost. */
  close(): Promise<void>;
}

/** Events as lines of the process's own log. */
export function logSink(log: Log): AuditSink {
  return {
    write: (event) => log.info({ audit: event }, 'audit'),
    close: () => Promise.resolve(),
  };
}

export interface TrailOptions {
  readonly path: string;
  /** The file is put aside when it has grown past this. */
  readonly maxBytes: number;
  /** How many that were put aside are kept, newest first. */
  readonly maxBackups: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

const FLUSH_AFTER_MS = 100;
/** Events that wait to be written; about 10 MB of metadata. */
const MAX_WAITING = 10_000;
/** Lines made at once, so that nobody waits long for a burst to be put into words. */
const LINES_AT_ONCE = 200;
/** Bodies beyond this are left out of their event, as Kubernetes truncates. */
const MAX_EVENT_BYTES = 256 * 1024;
/** What is lost is said at most this often. */
const TELL_EVERY_MS = 10_000;

export class AuditTrail implements AuditSink {
  readonly #options: TrailOptions;
  readonly #events: Counter;
  readonly #errors: Counter;
  #waiting: AuditEvent[] = [];
  #timer: Timer | undefined;
  #flushing: Promise<void> | undefined;
  #file: FileHandle | undefined;
  #size = 0;
  #turnedAtMs = 0;
  #lost = 0;
  #toldAtMs = Number.NEGATIVE_INFINITY;

  private constructor(options: TrailOptions) {
    this.#options = options;
    this.#events = new Counter({
      name: 'apiserver_audit_event_total',
      help: 'Audit events written.',
      registers: [options.metrics],
    });
    this.#errors = new Counter({
      name: 'apiserver_audit_error_total',
      help: 'Audit events that were lost, by why.',
      labelNames: ['reason'],
      registers: [options.metrics],
    });
  }

  /** Rejects with an Error that names the file when it cannot be written. */
  static async open(options: TrailOptions): Promise<AuditTrail> {
    const trail = new AuditTrail(options);
    try {
      await mkdir(dirname(options.path), { recursive: true, mode: 0o700 });
      await trail.#opened();
    } catch (error) {
      throw new Error(`cannot write the audit log ${options.path}: ${fileProblem(error)}`, { cause: error });
    }
    return trail;
  }

  write(event: AuditEvent): void {
    if (this.#waiting.length >= MAX_WAITING) return this.#lose(1, 'buffer_full');
    this.#waiting.push(event);
    this.#timer ??= this.#options.clock.after(FLUSH_AFTER_MS, () => {
      this.#timer = undefined;
      void this.#flush();
    });
  }

  async close(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    await this.#flush();
    await this.#file?.close();
    this.#file = undefined;
  }

  /** One at a time; whoever comes meanwhile waits until also its own events are written. */
  async #flush(): Promise<void> {
    while (this.#flushing !== undefined) await this.#flushing;
    this.#flushing = this.#drain();
    try {
      await this.#flushing;
    } finally {
      this.#flushing = undefined;
    }
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, LINES_AT_ONCE);
      const lines = Buffer.from(batch.map(lineOf).join(''));
      try {
        const file = await this.#opened();
        await file.appendFile(lines);
        this.#size += lines.length;
        this.#events.inc(batch.length);
        if (this.#size >= this.#options.maxBytes) await this.#turn();
      } catch (error) {
        this.#lose(batch.length, 'write_failed', error);
        await this.#reopenLater();
      }
    }
  }

  async #opened(): Promise<FileHandle> {
    if (this.#file !== undefined) return this.#file;
    const file = await open(this.#options.path, 'a', 0o600);
    this.#file = file;
    this.#size = (await file.stat()).size;
    return file;
  }

  /** Whatever is wrong with the file may be over at the next try. */
  async #reopenLater(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    try {
      await file?.close();
    } catch (error) {
      this.#options.log.warn({ err: error }, 'the audit log could not be closed');
    }
  }

  /** Puts the file aside under the moment's name and begins another; the oldest ones go. */
  async #turn(): Promise<void> {
    const { path, maxBackups, clock } = this.#options;
    await this.#file?.close();
    this.#file = undefined;
    const directory = dirname(path);
    const extension = extname(path);
    const stem = basename(path, extension);
    // Never a name twice: a file would be lost with what it holds.
    this.#turnedAtMs = Math.max(clock.now(), this.#turnedAtMs + 1);
    const moment = new Date(this.#turnedAtMs).toISOString().replaceAll(':', '-');
    await rename(path, join(directory, `${stem}-${moment}${extension}`));
    const aside = (await readdir(directory))
      .filter((name) => name.startsWith(`${stem}-2`) && name.endsWith(extension))
      .sort();
    for (const name of aside.slice(0, Math.max(0, aside.length - maxBackups))) {
      await rm(join(directory, name), { force: true });
    }
  }

  #lose(count: number, reason: string, error?: unknown): void {
    this.#errors.inc({ reason }, count);
    this.#lost += count;
    const { clock, log, path } = this.#options;
    const nowMs = clock.monotonicMs();
    if (nowMs - this.#toldAtMs < TELL_EVERY_MS) return;
    this.#toldAtMs = nowMs;
    log.error(
      { lost: this.#lost, reason, path, ...(error === undefined ? {} : { problem: fileProblem(error) }) },
      'audit events were lost',
    );
    this.#lost = 0;
  }
}

function lineOf(event: AuditEvent): string {
  const line = `${JSON.stringify(event)}\n`;
  if (line.length <= MAX_EVENT_BYTES) return line;
  const { requestObject: _request, responseObject: _response, ...rest } = event;
  const annotations = { ...event.annotations, 'audit.k8s.io/truncated': 'true' };
  return `${JSON.stringify({ ...rest, annotations })}\n`;
}
