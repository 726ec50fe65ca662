/**
 * A container's log as Docker streams it, put right in four ways.
 *
 * - The stream comes in frames (or, from a container with a terminal, without).
 * - The engine cuts long lines (at 16 KiB) and gives each part a time of its own: only a line's beginning keeps it.
 * - Of the `local` driver's logs it drops the newline after such a line, whose parts all have one time there.
 * - Following is asked for with times, because engines lose the end of it: a last line without its newline, often the
 *   last words of a crash, is not followed (moby/moby issue 43860). So when a followed stream ends, the log is read once
 *   more from a little before its end, and what was not seen is added.
 */
import type { Readable } from 'node:stream';
import { RuntimeError } from '../../machinery/errors.ts';
import type { LogChunk } from '../../machinery/runtime.ts';
import { Demultiplexer } from './demux.ts';
import { markOf, ROTATED } from './logfiles/marks.ts';

/** As many frames are remembered to find the place where a followed stream ended. */
const REMEMBERED_FRAMES = 256;
/** `2026-01-01T00:00:00.000000000Z `, before every frame. */
const STAMP_BYTES = 31;
const NEWLINE = 0x0a;

export async function* readFrames(stream: Readable): AsyncGenerator<LogChunk, void, undefined> {
  const frames = new Demultiplexer();
  for await (const chunk of stream) {
    for (const { stream, data } of frames.push(chunk)) yield { stream, data };
  }
  frames.end();
}

/** A container with a terminal has one stream, without frames. */
export async function* readRaw(stream: Readable): AsyncGenerator<LogChunk, void, undefined> {
  for await (const data of stream) yield { stream: 'stdout', data };
}

/** Reads streams with times: a log, or a followed one and afterwards the rest that the engine did not send. */
export class StampedLog {
  readonly #keepsStamps: boolean;
  /** Streams whose last frame was no end of a line, with that frame's time. */
  readonly #unfinished = new Map<LogChunk['stream'], string>();
  #losesNewlines = false;
  /** The newest frames that were seen, oldest first. */
  readonly #seen: string[] = [];

  /** @param keepsStamps whether the reader wants the times too. */
  constructor(keepsStamps: boolean) {
    this.#keepsStamps = keepsStamps;
  }

  /** From when on the rest must be read again, in the engine's words; undefined is from the start. */
  restQuery(): { readonly since: string } | undefined {
    const [oldest] = this.#seen.map(stampIn).sort();
    if (oldest === undefined) return undefined;
    const fraction = /\.(\d+)Z$/.exec(oldest)?.[1] ?? '0';
    return { since: `${Math.floor(Date.parse(oldest) / 1000)}.${fraction}` };
  }

  /** Takes what is read for seen already: what comes after it is the rest. */
  async remember(stream: Readable): Promise<void> {
    for await (const _ of this.#read(stream, (frame) => this.#see(frame, false))) continue;
  }

  /** The engine forgets the newline after a long line: there was one where the next frame has another time. */
  repairNewlines(): void {
    this.#losesNewlines = true;
  }

  async *readWhole(stream: Readable): AsyncGenerator<LogChunk, void, undefined> {
    yield* this.#read(stream, () => true);
  }

  async *readFollowed(stream: Readable): AsyncGenerator<LogChunk, void, undefined> {
    yield* this.#read(stream, (frame) => this.#see(frame, true));
  }

  /**
   * What comes after all that was seen: frames keep their order, so the rest begins when each has come by again. When one
   * that is newer comes by first, they are gone, and perhaps more with them: that is marked.
   */
  async *readOn(stream: Readable): AsyncGenerator<LogChunk, void, undefined> {
    const missing = new Map<string, number>();
    for (const frame of this.#seen) missing.set(frame, (missing.get(frame) ?? 0) + 1);
    const newest = this.#seen.map(stampIn).sort().at(-1) ?? '';
    let isGap = false;
    const chunks = this.#read(stream, (frame) => {
      const count = missing.get(frame) ?? 0;
      if (count > 0) {
        if (count > 1) missing.set(frame, count - 1);
        else missing.delete(frame);
        return false;
      }
      if (missing.size > 0 && stampIn(frame) <= newest) return false;
      if (missing.size > 0) {
        isGap = true;
        missing.clear();
        this.#seen.length = 0;
      }
      return this.#see(frame, true);
    });
    for await (const chunk of chunks) {
      if (isGap) yield markOf(ROTATED);
      isGap = false;
      yield chunk;
    }
  }

  #see(frame: string, isWanted: boolean): boolean {
    this.#seen.push(frame);
    if (this.#seen.length > REMEMBERED_FRAMES) this.#seen.shift();
    return isWanted;
  }

  /** @param isWanted asked once for each frame, with its stream and time. */
  async *#read(
    stream: Readable,
    isWanted: (frame: string) => boolean,
  ): AsyncGenerator<LogChunk, void, undefined> {
    const frames = new Demultiplexer();
    let stamp = Buffer.alloc(0);
    let isPassed = false;
    for await (const chunk of stream) {
      for (const piece of frames.push(chunk)) {
        if (piece.isFirst) stamp = Buffer.alloc(0);
        const missing = STAMP_BYTES - stamp.length;
        const data = piece.data.subarray(missing);
        if (missing > 0) {
          stamp = Buffer.concat([stamp, piece.data.subarray(0, missing)]);
          if (stamp.length < STAMP_BYTES) continue;
          const time = stampOf(stamp);
          isPassed = isWanted(`${piece.stream} ${time}`);
          const unfinished = this.#unfinished.get(piece.stream);
          const isForgotten = this.#losesNewlines && unfinished !== undefined && unfinished !== time;
          if (isPassed && isForgotten) yield { stream: piece.stream, data: Buffer.from('\n') };
          const isBeginning = unfinished === undefined || isForgotten;
          if (isPassed && isBeginning && this.#keepsStamps) yield { stream: piece.stream, data: stamp };
        }
        if (!isPassed || data.length === 0) continue;
        if (data.at(-1) === NEWLINE) this.#unfinished.delete(piece.stream);
        else this.#unfinished.set(piece.stream, stamp.toString('latin1'));
        yield { stream: piece.stream, data };
      }
    }
    frames.end();
  }
}

/** The time in what was remembered of a frame. */
function stampIn(frame: string): string {
  return frame.slice(-STAMP_BYTES).trim();
}

function stampOf(bytes: Buffer): string {
  const text = bytes.toString('latin1');
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z $/.test(text)) return text;
  throw new RuntimeError(
    'Failed',
    `expected a log line from the engine to start with a time, found "${text}"`,
  );
}
