/** Writing what several Tasks print into one answer: whole lines, each with its step in front of it. */
import type { LogEntry } from '../../../machinery/workerlink.ts';
import type { ResponseStream } from '../../server/streams/stream.ts';

/** A longer line is broken, so that a reader's memory is not the Task's to fill. */
const LONGEST_LINE = 64 * 1024;
const LINE_FEED = 0x0a;

/** One write at a time, however many write. */
export class SharedStream {
  readonly #stream: ResponseStream;
  #last: Promise<boolean> = Promise.resolve(true);
  #begun = 0;
  #done = 0;

  constructor(stream: ResponseStream) {
    this.#stream = stream;
  }

  /** Resolves when there is room for more; false when the answer is over. */
  write(bytes: Uint8Array): Promise<boolean> {
    this.#begun += 1;
    this.#last = this.#last
      .then((isOpen) => isOpen && this.#stream.write(bytes))
      .finally(() => {
        this.#done += 1;
      });
    return this.#last;
  }

  /** How many writes there have been. */
  get count(): number {
    return this.#begun;
  }

  /** The reader has yet to take what was written. */
  get isBusy(): boolean {
    return this.#begun > this.#done;
  }
}

/** The bytes of one Task; a prefix of `''` passes them on as they are. */
export class LineWriter {
  readonly #to: SharedStream;
  readonly #prefix: Buffer;
  /** By stream: the beginning of a line whose end is yet to come. */
  readonly #held = new Map<LogEntry['stream'], Buffer>();

  constructor(to: SharedStream, prefix: string) {
    this.#to = to;
    this.#prefix = Buffer.from(prefix);
  }

  /** False when the answer is over. */
  async write({ stream, data }: Pick<LogEntry, 'stream' | 'data'>): Promise<boolean> {
    if (this.#prefix.length === 0) return this.#to.write(data);
    const bytes = Buffer.concat([this.#held.get(stream) ?? Buffer.alloc(0), data]);
    const end = bytes.lastIndexOf(LINE_FEED) + 1;
    const rest = bytes.subarray(end);
    const isLong = rest.length > LONGEST_LINE;
    this.#held.set(stream, isLong ? Buffer.alloc(0) : Buffer.from(rest));
    const lines = [...linesOf(bytes.subarray(0, end)), ...(isLong ? [rest] : [])];
    return lines.length === 0 || this.#to.write(Buffer.concat(lines.flatMap((line) => this.#whole(line))));
  }

  /** What never ended with a line feed. */
  async end(): Promise<void> {
    const left = [...this.#held.values()].filter((bytes) => bytes.length > 0);
    this.#held.clear();
    if (left.length > 0) await this.#to.write(Buffer.concat(left.flatMap((line) => this.#whole(line))));
  }

  #whole(line: Buffer): Buffer[] {
    return [this.#prefix, line, ...(line.at(-1) === LINE_FEED ? [] : [Buffer.from('\n')])];
  }
}

function linesOf(bytes: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(LINE_FEED, from) + 1;
    lines.push(bytes.subarray(from, end));
    from = end;
  }
  return lines;
}
