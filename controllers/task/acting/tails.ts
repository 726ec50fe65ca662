/**
 * The last lines of what ended containers wrote, for the story of their end. Read beside everything else as soon as an
 * end is seen, so that they are there when it is written down, and never waited for longer than two seconds.
 */
import type { Clock } from '../../../machinery/clock.ts';
import { messageOf } from '../../../machinery/errors.ts';
import { Limiter } from '../../../machinery/limiter.ts';
import type { Log } from '../../../machinery/log.ts';
import type { ContainerDetail, Runtime } from '../../../machinery/runtime.ts';
import { withinBounds } from '../../../runtime/bounded.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { unrecordedEnds } from '../planning/history.ts';

export interface TailsOptions {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

const TAIL_BYTES = 2_048;
const TAIL_LINES = 40;
const LIMIT_MS = 2_000;
/** Lines may be of any length: beyond this the rest is not worth the reading. */
const MAX_READ_BYTES = 1024 * 1024;
const READS_AT_ONCE = 4;

export class Tails {
  readonly #options: TailsOptions;
  readonly #limiter = new Limiter(READS_AT_ONCE);
  /** By container id and end: one that is started again by hand ends again. */
  readonly #readings = new Map<string, Promise<string | undefined>>();

  constructor(options: TailsOptions) {
    this.#options = options;
  }

  /** Begins to read what ended containers wrote. Twice is once. */
  begin(task: Task, containers: readonly ContainerDetail[]): void {
    for (const { id, finishedAt } of unrecordedEnds(task, containers)) void this.#of(id, finishedAt);
  }

  /** By container id: what those wrote whose end is about to be written down. */
  async outputsOf(task: Task, containers: readonly ContainerDetail[]): Promise<ReadonlyMap<string, string>> {
    const outputs = new Map<string, string>();
    for (const { id, finishedAt } of unrecordedEnds(task, containers)) {
      const text = await this.#of(id, finishedAt);
      if (text !== undefined) outputs.set(id, text);
    }
    return outputs;
  }

  /** Drops what belongs to containers that are not there any more. */
  retain(present: ReadonlySet<string>): void {
    for (const key of this.#readings.keys()) {
      if (!present.has(key.slice(0, key.indexOf(' ')))) this.#readings.delete(key);
    }
  }

  /** Undefined for a container that wrote nothing, or whose log did not come in time. */
  #of(id: string, finishedAt: string): Promise<string | undefined> {
    const key = keyOf(id, finishedAt);
    const reading = this.#readings.get(key) ?? this.#read(id);
    this.#readings.set(key, reading);
    return reading;
  }

  async #read(id: string): Promise<string | undefined> {
    const { runtime, clock, log, signal } = this.#options;
    let tail = Buffer.alloc(0);
    const reading = async (inner: AbortSignal): Promise<void> => {
      let readBytes = 0;
      const enough = new AbortController();
      const stop = AbortSignal.any([inner, enough.signal]);
      for await (const { data, isMark } of runtime.logs(id, { tailLines: TAIL_LINES }, stop)) {
        if (isMark !== true) tail = Buffer.concat([tail, data]).subarray(-TAIL_BYTES);
        readBytes += data.byteLength;
        if (readBytes > MAX_READ_BYTES) enough.abort();
      }
    };
    try {
      const bounds = { what: `end of the log of container ${id}`, signal, limitMs: LIMIT_MS };
      await withinBounds(clock, bounds, (inner) => this.#limiter.run(inner, () => reading(inner)));
    } catch (error) {
      log.debug({ err: error, container: id }, `cannot read the last lines: ${messageOf(error)}`);
    }
    return textOf(tail);
  }
}

function keyOf(id: string, finishedAt: string): string {
  return `${id} ${finishedAt}`;
}

/** Whole lines and whole characters, without what would confuse a terminal; at most `TAIL_BYTES` bytes. */
function textOf(tail: Buffer): string | undefined {
  let bytes = tail;
  if (bytes.length >= TAIL_BYTES) {
    const newline = bytes.indexOf(0x0a);
    if (newline >= 0 && newline < bytes.length - 1) bytes = bytes.subarray(newline + 1);
    while (bytes.length > 0 && ((bytes[0] ?? 0) & 0xc0) === 0x80) bytes = bytes.subarray(1);
  }
  const text = bytes
    .toString('utf8')
    .replace(/[^\P{Cc}\t\n]/gu, '')
    .replace(/\n+$/, '');
  return text === '' ? undefined : text;
}
