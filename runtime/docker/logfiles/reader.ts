/**
 * A container's log, read from the engine's files instead of through the engine: every byte as it was written, several
 * times as fast, at next to no cost for the engine; and what was rotated away before it was read is known, and said.
 *
 * Only for engines on this machine whose files may be read, and logs of Docker's `local` driver that are not compressed:
 * everything else is read through the engine. See docs/adr/0021.
 */
import { join } from 'node:path';
import type { Clock } from '../../../machinery/clock.ts';
import type { LogChunk, LogOptions } from '../../../machinery/runtime.ts';
import { FileChain, type Place } from './chain.ts';
import { LogFormatError, type Rendering, renderEntries } from './entry.ts';
import { ENGINE_LOST, markOf, REMOVED, ROTATED, UNREADABLE } from './marks.ts';
import { type EndWatch, LogTail } from './tail.ts';

const NEWLINE = 0x0a;
const MAX_LOOKS = 5;
/** Times of entries are nearly in order: parts of a line have the time of its beginning. */
const DISORDER_NANOSECONDS = 60_000_000_000n;

/** One container's log files, for all who read them at the same time. */
class ContainerLog {
  readonly chain: FileChain;
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #end: EndWatch;
  readers = 0;
  #tail: LogTail | undefined;
  #followers = 0;

  constructor(directory: string, isSingle: boolean, clock: Clock, end: EndWatch) {
    this.#directory = directory;
    this.chain = new FileChain(directory, isSingle);
    this.#clock = clock;
    this.#end = end;
  }

  /** Begins there when nobody follows yet. Let go with `unfollow`. */
  follow(place: Place): LogTail {
    this.#followers += 1;
    if (this.#tail !== undefined) return this.#tail;
    place.file.holders += 1;
    this.#tail = new LogTail(
      { chain: this.chain, directory: this.#directory, clock: this.#clock, end: this.#end },
      place,
    );
    return this.#tail;
  }

  async unfollow(): Promise<void> {
    this.#followers -= 1;
    if (this.#followers > 0) return;
    const tail = this.#tail;
    this.#tail = undefined;
    await tail?.stop();
  }
}

export interface LogFilesTarget {
  readonly id: string;
  readonly directory: string;
  /** The engine keeps one file only. */
  readonly isSingle: boolean;
  readonly end: EndWatch;
}

export class LogFiles {
  readonly #clock: Clock;
  readonly #open = new Map<string, ContainerLog>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** How many logs are being read. */
  get size(): number {
    return this.#open.size;
  }

  /**
   * Undefined when the files cannot be read, or are not what is understood here. Once it has begun it is read to the
   * end: what turns out to be unreadable is marked.
   */
  async read(
    target: LogFilesTarget,
    options: LogOptions,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<LogChunk, void, undefined> | undefined> {
    const log =
      this.#open.get(target.id) ??
      new ContainerLog(target.directory, target.isSingle, this.#clock, target.end);
    this.#open.set(target.id, log);
    log.readers += 1;
    const leave = (): void => {
      log.readers -= 1;
      if (log.readers === 0 && this.#open.get(target.id) === log) this.#open.delete(target.id);
    };
    try {
      const rendering: Rendering = {
        timestamps: options.timestamps === true,
        stream: options.stream,
        sinceNanoseconds:
          options.sinceSeconds === undefined
            ? undefined
            : BigInt(Math.round(options.sinceSeconds * 1e6)) * 1000n,
      };
      const start = await startOf(log.chain, rendering, options, MAX_LOOKS);
      return readFrom(log, start, { rendering, isFollowing: options.follow === true, leave, signal });
    } catch (error) {
      leave();
      if (error instanceof LogFormatError || isFileError(error)) return undefined;
      throw error;
    }
  }
}

export function directoryOf(dataRoot: string, id: string): string {
  return join(dataRoot, 'containers', id, 'local-logs');
}

/** The place from which on there may be what is wanted; its file is held. */
async function startOf(
  chain: FileChain,
  rendering: Rendering,
  options: LogOptions,
  looks: number,
): Promise<Place> {
  try {
    return await findStart(chain, rendering, options);
  } catch (error) {
    // A file that is emptied while it is looked at says nothing sensible.
    if (looks > 1 && error instanceof LogFormatError) return startOf(chain, rendering, options, looks - 1);
    throw error;
  }
}

async function findStart(chain: FileChain, rendering: Rendering, options: LogOptions): Promise<Place> {
  const files = await chain.holdAll();
  try {
    let start: Place = { file: files[0], offset: 0 };
    const first = await chain.read(start);
    if (first?.bytes.length === 0)
      throw new LogFormatError('the log file begins with something else than an entry');
    if (options.tailLines !== undefined) {
      const { stream } = rendering;
      const isCounted = (entry: { readonly stream: string }): boolean =>
        stream === undefined || entry.stream === stream;
      start = (await chain.startOfTail(files, options.tailLines, isCounted)) ?? start;
    } else if (rendering.sinceNanoseconds !== undefined) {
      for (const file of files) {
        start = { file, offset: 0 };
        const last = file === files.at(-1) ? undefined : await chain.lastTime(file);
        if (last === undefined || last >= rendering.sinceNanoseconds - DISORDER_NANOSECONDS) break;
      }
    }
    start.file.holders += 1;
    return start;
  } finally {
    chain.release(...files);
  }
}

interface Reading {
  readonly rendering: Rendering;
  readonly isFollowing: boolean;
  readonly leave: () => void;
  readonly signal: AbortSignal;
}

/** @param start its file's hold passes over. */
async function* readFrom(
  log: ContainerLog,
  start: Place,
  { rendering, isFollowing, leave, signal }: Reading,
): AsyncGenerator<LogChunk, void, undefined> {
  const { chain } = log;
  let place = start;
  let tail: LogTail | undefined;
  let losses = 0;
  let isLineEnd = true;
  const mark = function* (text: string): Generator<LogChunk> {
    if (!isLineEnd) yield { stream: 'stdout', data: Buffer.from('\n'), isMark: true };
    isLineEnd = true;
    yield markOf(text);
  };
  try {
    while (!signal.aborted) {
      // As they were before the files were looked at.
      const version = tail?.version ?? 0;
      const wasComplete = tail?.isComplete === true;
      const shared = tail?.find(place);
      const block = shared?.block ?? (tail?.isEdge(place) === true ? undefined : await chain.read(place));
      if (block !== undefined) {
        place = { file: place.file, offset: block.end };
        if (block.bytes.length === 0) yield* mark(UNREADABLE);
        for (const chunk of shared?.render(rendering) ?? renderEntries(block.bytes, rendering)) {
          isLineEnd = chunk.data.at(-1) === NEWLINE;
          yield chunk;
          if (signal.aborted) return;
        }
        continue;
      }
      if (tail?.isEdge(place) === true) {
        if (tail.losses > losses) {
          losses = tail.losses;
          yield* mark(ENGINE_LOST);
        }
        if (wasComplete) return;
        await tail.changed(version, signal);
        continue;
      }
      const next = await chain.holdNext(place.file);
      if (next !== undefined) {
        // Written between the look and the rotation: read first.
        if ((await chain.read(place)) !== undefined) {
          if (next.file !== undefined) chain.release(next.file);
          continue;
        }
        if (next.isGap) yield* mark(next.file === undefined ? REMOVED : ROTATED);
        if (next.file === undefined) return;
        chain.release(place.file);
        place = { file: next.file, offset: 0 };
        continue;
      }
      if (!isFollowing) return;
      if (tail === undefined) {
        tail = log.follow(place);
        losses = tail.losses;
      } else if (wasComplete) return;
      else await tail.changed(version, signal);
    }
  } finally {
    chain.release(place.file);
    if (tail !== undefined) await log.unfollow();
    leave();
  }
}

function isFileError(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code.startsWith('E')
  );
}
