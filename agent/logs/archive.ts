/**
 * What ended containers wrote and how they ended, kept for a while after the engine has forgotten them.
 *
 * One file for each container: its log's records (`records.ts`), gzipped; then the story of its end as JSON; then 16 bytes:
 * the story's length, the checksum of the records as they are in the file, and a magic word. A file has its name only
 * when it is whole and on the disk. Names tell time, Task and attempt, so that the directory is the index:
 * `<kept at, ms>.<task uid>.<attempt>.<container>.log`.
 *
 * Promises: never more bytes than it may have, also while a log is being kept: the oldest goes first. Nothing older than it
 * may be. A damaged file is refused with a sentence that names it, and stands in nobody's way.
 */
import { createReadStream } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { crc32, createGunzip, createGzip } from 'node:zlib';
import { Counter, Gauge } from 'prom-client';
import type { LogArchive } from '../../controllers/task/services.ts';
import type { HistoryEntry } from '../../controllers/task/types.ts';
import { type Clock, sleep } from '../../machinery/clock.ts';
import { fileProblem } from '../../machinery/durablefile.ts';
import { ApiError, messageOf } from '../../machinery/errors.ts';
import { isRecord } from '../../machinery/json.ts';
import { Limiter } from '../../machinery/limiter.ts';
import type { Log } from '../../machinery/log.ts';
import type { Metrics } from '../../machinery/metrics.ts';
import type { LogChunk, Runtime } from '../../machinery/runtime.ts';
import { readRecords, recordHeader } from './records.ts';

const MAGIC = Buffer.from('GANTRYL1');
const FOOTER_BYTES = 16;
const MAX_STORY_BYTES = 64 * 1024;
/** File systems give space in such pieces. */
const PIECE_BYTES = 4096;
const DRAFT = '.draft';
/** Between two looks for what is too old. */
const PRUNE_MS = 60_000;
/** Logs that are kept at the same time: each takes a good part of a core. */
const AT_ONCE = 2;
/** Fast rather than small: lines of programs shrink to a tenth all the same. */
const GZIP_LEVEL = 1;

export interface ArchiveOptions {
  readonly directory: string;
  readonly retentionMs: number;
  readonly retentionBytes: number;
}

export interface ArchiveDeps extends ArchiveOptions {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Ends the pruning. */
  readonly signal: AbortSignal;
}

/** What is told of a container after its end. */
export interface LogStory {
  readonly taskKey: string;
  readonly attempt: number;
  readonly containerId: string;
  /** Bytes of the log as it was written, times included. */
  readonly bytes: number;
  readonly end?: HistoryEntry;
}

/** One kept log. */
export interface ArchivedLog {
  readonly path: string;
  readonly taskUid: string;
  readonly attempt: number;
  readonly containerId: string;
  readonly keptAtMs: number;
  /** On the disk. */
  readonly diskBytes: number;
}

type Kept = Parameters<LogArchive['keep']>[0];

export class DiskArchive implements LogArchive {
  readonly #deps: ArchiveDeps;
  readonly #limiter = new Limiter(AT_ONCE);
  /** Oldest first. */
  #logs: ArchivedLog[] = [];
  /** Of drafts. */
  #draftBytes = 0;
  readonly #opened: Promise<void>;
  readonly #lost: Counter<'reason'>;

  constructor(deps: ArchiveDeps) {
    this.#deps = deps;
    const registers = [deps.metrics];
    const keptNow = (): readonly ArchivedLog[] => this.#logs;
    new Gauge({
      name: 'gantry_log_archive_bytes',
      help: 'Bytes on disk of logs of removed containers.',
      registers,
      collect() {
        this.set(keptNow().reduce((sum, { diskBytes }) => sum + diskBytes, 0));
      },
    });
    new Gauge({
      name: 'gantry_log_archive_logs',
      help: 'Logs of removed containers that are kept.',
      registers,
      collect() {
        this.set(keptNow().length);
      },
    });
    this.#lost = new Counter({
      name: 'gantry_log_archive_removed_total',
      help: 'Kept logs that were removed, by reason: age, or to make room (bytes).',
      labelNames: ['reason'],
      registers,
    });
    this.#opened = this.#open();
    // Whoever needs it hears of it; nobody may have to.
    this.#opened.catch((error: unknown) => {
      deps.log.error({ err: error }, `logs of removed containers cannot be kept: ${messageOf(error)}`);
    });
    void this.#pruneByAge();
  }

  async keep(container: Kept, end: HistoryEntry | undefined, signal: AbortSignal): Promise<void> {
    await this.#opened;
    await this.#limiter.run(signal, async () => {
      if (this.#logs.some(({ containerId }) => container.id.startsWith(containerId))) return;
      await this.#write(container, end, signal);
    });
  }

  /** The kept logs of a Task, oldest attempt first. */
  async of(taskUid: string): Promise<readonly ArchivedLog[]> {
    await this.#opened.catch(() => undefined);
    this.#prune();
    return this.#logs.filter((log) => log.taskUid === taskUid).sort((a, b) => a.attempt - b.attempt);
  }

  /** Throws `InternalError` for a file that is damaged. */
  async story(log: ArchivedLog): Promise<LogStory> {
    const file = await openKept(log);
    try {
      return (await readStory(file, log)).story;
    } finally {
      await file.close();
    }
  }

  /** Rejects with `InternalError` for a file that is damaged, before the first chunk. */
  async read(log: ArchivedLog, signal: AbortSignal): Promise<AsyncGenerator<LogChunk, void, undefined>> {
    const file = await openKept(log);
    try {
      const { recordBytes, checksum } = await readStory(file, log);
      let found = 0;
      const checked = createReadStream('', {
        fd: file,
        start: 0,
        end: Math.max(0, recordBytes - 1),
        autoClose: false,
        signal,
      });
      for await (const part of checked) found = crc32(part, found);
      if (found !== checksum) throw damaged(log, 'its checksum is another');
      return this.#chunks(file, recordBytes, log, signal);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async *#chunks(
    file: FileHandle,
    recordBytes: number,
    log: ArchivedLog,
    signal: AbortSignal,
  ): AsyncGenerator<LogChunk, void, undefined> {
    const packed = createReadStream('', { fd: file, start: 0, end: recordBytes - 1, autoClose: false });
    const unpacked = createGunzip();
    packed.on('error', (error) => unpacked.destroy(error));
    try {
      for await (const chunk of readRecords(packed.pipe(unpacked))) {
        if (signal.aborted) return;
        yield chunk;
      }
    } catch (error) {
      throw damaged(log, messageOf(error), error);
    } finally {
      packed.destroy();
      unpacked.destroy();
      await file.close();
    }
  }

  async #open(): Promise<void> {
    const { directory } = this.#deps;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    for (const name of (await readdir(directory)).sort()) {
      const path = join(directory, name);
      if (name.endsWith(DRAFT)) await rm(path, { force: true });
      else {
        const log = logOf(path, name, (await stat(path)).size);
        if (log !== undefined) this.#logs.push(log);
      }
    }
    this.#logs.sort((a, b) => a.keptAtMs - b.keptAtMs);
    this.#prune();
  }

  async #write(container: Kept, end: HistoryEntry | undefined, signal: AbortSignal): Promise<void> {
    const { directory, runtime, clock } = this.#deps;
    const containerId = container.id.slice(0, 16);
    const name = [clock.now(), container.taskUid, container.attempt, containerId, 'log'].join('.');
    const path = join(directory, name);
    if (logOf(path, name, 0) === undefined) {
      throw new Error(`the log of container ${containerId} cannot be kept: it has no proper uid or attempt`);
    }
    const draft = path + DRAFT;
    // Whatever ends the writing ends the reading.
    const over = new AbortController();
    const reading = AbortSignal.any([signal, over.signal]);
    let written = 0;
    const account = (bytes: number): void => {
      written += bytes;
      this.#draftBytes += bytes;
      this.#prune();
      if (this.#draftBytes > this.#deps.retentionBytes) {
        throw new Error(
          `the log of ${container.taskKey}, attempt ${container.attempt}, is larger than all logs together may be (${this.#deps.retentionBytes} bytes)`,
        );
      }
    };
    try {
      const file = await open(draft, 'wx', 0o600);
      try {
        let checksum = 0;
        let bytes = 0;
        const records = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
          for await (const chunk of runtime.logs(container.id, { timestamps: true }, reading)) {
            bytes += chunk.data.length;
            yield recordHeader(chunk);
            yield chunk.data;
          }
          signal.throwIfAborted();
        };
        const source = Readable.from(records(), { objectMode: false });
        const packed = createGzip({ level: GZIP_LEVEL });
        source.on('error', (error) => packed.destroy(error));
        try {
          for await (const part of source.pipe(packed)) {
            const data: Buffer = part;
            account(data.length);
            checksum = crc32(data, checksum);
            await file.writeFile(data);
          }
        } finally {
          over.abort();
          source.destroy();
        }
        const story: LogStory = {
          taskKey: container.taskKey,
          attempt: container.attempt,
          containerId: container.id,
          bytes,
          ...(end === undefined ? {} : { end }),
        };
        const tail = footerOf(story, checksum);
        account(tail.length);
        await file.writeFile(tail);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(draft, path);
      await syncDirectory(directory);
    } catch (error) {
      await rm(draft, { force: true });
      this.#draftBytes -= written;
      const why = error instanceof Error && 'code' in error ? fileProblem(error) : messageOf(error);
      throw new Error(`the log of ${container.taskKey}, attempt ${container.attempt}, was not kept: ${why}`, {
        cause: error,
      });
    }
    this.#draftBytes -= written;
    const kept = logOf(path, name, written);
    if (kept !== undefined) this.#logs.push(kept);
    this.#prune();
  }

  #prune(): void {
    const { clock, retentionMs, retentionBytes } = this.#deps;
    const remove = (log: ArchivedLog, reason: 'age' | 'bytes'): void => {
      this.#logs.splice(this.#logs.indexOf(log), 1);
      this.#lost.inc({ reason });
      rm(log.path, { force: true }).catch((error: unknown) => {
        this.#deps.log.warn(
          { err: error, path: log.path },
          'a kept log that has had its time cannot be removed',
        );
      });
    };
    const oldestMs = clock.now() - retentionMs;
    for (const log of this.#logs.filter(({ keptAtMs }) => keptAtMs < oldestMs)) remove(log, 'age');
    let bytes = this.#draftBytes + this.#logs.reduce((sum, { diskBytes }) => sum + diskBytes, 0);
    while (bytes > retentionBytes) {
      const [oldest] = this.#logs;
      if (oldest === undefined) return;
      bytes -= oldest.diskBytes;
      remove(oldest, 'bytes');
    }
  }

  async #pruneByAge(): Promise<void> {
    const { clock, signal } = this.#deps;
    while (!signal.aborted) {
      await sleep(clock, PRUNE_MS, signal);
      this.#prune();
    }
  }
}

function footerOf(story: LogStory, checksum: number): Buffer {
  const text = Buffer.from(JSON.stringify(story));
  const footer = Buffer.alloc(FOOTER_BYTES);
  footer.writeUInt32BE(text.length, 0);
  footer.writeUInt32BE(checksum, 4);
  MAGIC.copy(footer, 8);
  return Buffer.concat([text, footer]);
}

async function readStory(
  file: FileHandle,
  log: ArchivedLog,
): Promise<{ readonly story: LogStory; readonly recordBytes: number; readonly checksum: number }> {
  const { size } = await file.stat();
  const footer = Buffer.alloc(FOOTER_BYTES);
  await file.read(footer, 0, FOOTER_BYTES, Math.max(0, size - FOOTER_BYTES));
  if (!footer.subarray(8).equals(MAGIC)) throw damaged(log, 'its end is missing');
  const length = footer.readUInt32BE(0);
  const recordBytes = size - FOOTER_BYTES - length;
  if (length > MAX_STORY_BYTES || recordBytes <= 0) throw damaged(log, 'its parts are longer than it is');
  const text = Buffer.alloc(length);
  await file.read(text, 0, length, recordBytes);
  try {
    const story: unknown = JSON.parse(text.toString());
    if (isStory(story)) return { story, recordBytes, checksum: footer.readUInt32BE(4) };
  } catch (error) {
    throw damaged(log, messageOf(error), error);
  }
  throw damaged(log, 'it does not say whose log it is');
}

function isStory(value: unknown): value is LogStory {
  return isRecord(value) && typeof value['attempt'] === 'number' && typeof value['bytes'] === 'number';
}

async function openKept(log: ArchivedLog): Promise<FileHandle> {
  try {
    return await open(log.path, 'r');
  } catch (error) {
    throw new ApiError('NotFound', `the log of attempt ${log.attempt} is not kept any longer`, undefined, {
      cause: error,
    });
  }
}

function damaged(log: ArchivedLog, why: string, cause?: unknown): ApiError {
  return new ApiError(
    'InternalError',
    `the kept log of attempt ${log.attempt} is damaged (${log.path}: ${why}); the logs of other attempts are not concerned`,
    undefined,
    { cause },
  );
}

function logOf(path: string, name: string, bytes: number): ArchivedLog | undefined {
  const parts = /^(\d{1,16})\.([A-Za-z0-9-]{1,64})\.(\d{1,9})\.([A-Za-z0-9_-]{1,16})\.log$/.exec(name);
  const [, keptAt = '', taskUid = '', attempt = '', containerId = ''] = parts ?? [];
  if (parts === null) return undefined;
  return {
    path,
    taskUid,
    attempt: Number(attempt),
    containerId,
    keptAtMs: Number(keptAt),
    diskBytes: Math.ceil(bytes / PIECE_BYTES) * PIECE_BYTES,
  };
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
