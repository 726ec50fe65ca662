/**
 * A process in a fake container: a program in TypeScript with an input, an output, a terminal and an end, behind the
 * same `ProcessSession` as a real one. Back-pressure is real both ways: a program waits while nobody reads what it
 * writes, and who writes waits while the program does not read.
 */
import { RuntimeError } from '../../machinery/errors.ts';
import type { LogChunk, ProcessOptions, ProcessSession, TerminalSize } from '../../machinery/runtime.ts';
import { OutputQueue } from '../outputqueue.ts';

/** What a program sees of the world. */
export interface FakeIo {
  /** With its name first. */
  readonly command: readonly string[];
  readonly isTerminal: boolean;
  /** Ends when the input was closed or the process was killed. */
  readonly input: AsyncIterable<Uint8Array>;
  /** Of the terminal now; undefined until somebody says. */
  size(this: void): TerminalSize | undefined;
  /** Resolves when there is room for more. */
  readonly write: (stream: LogChunk['stream'], data: Uint8Array | string) => Promise<void>;
  /** Aborts when the process is killed or has ended. */
  readonly killed: AbortSignal;
}

/** Resolves with its exit code. */
export type FakeCommand = (io: FakeIo) => Promise<number | undefined>;

/** 128 and the number of KILL. */
const EXIT_KILLED = 137;
/** Bytes of input that may wait. */
const INPUT_MARK_BYTES = 64 * 1024;

/** What was written to the process and it has not read. */
class Input implements AsyncIterable<Uint8Array> {
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;
  #isOver = false;
  #changed: PromiseWithResolvers<void> = Promise.withResolvers();

  put(data: Uint8Array): void {
    if (this.#isOver) return;
    this.#chunks.push(data);
    this.#bytes += data.length;
    this.#tell();
  }

  end(): void {
    this.#isOver = true;
    this.#tell();
  }

  /** Resolves when there is room for more, or nobody reads any more. */
  async room(): Promise<void> {
    while (this.#bytes > INPUT_MARK_BYTES && !this.#isOver) await this.#changed.promise;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    for (;;) {
      const data = this.#chunks.shift();
      if (data !== undefined) {
        this.#bytes -= data.length;
        this.#tell();
        yield data;
      } else if (this.#isOver) return;
      else await this.#changed.promise;
    }
  }

  #tell(): void {
    const { resolve } = this.#changed;
    this.#changed = Promise.withResolvers();
    resolve();
  }
}

export class FakeProcess implements ProcessSession {
  readonly command: readonly string[];
  readonly output: AsyncIterable<LogChunk>;
  readonly ended: ProcessSession['ended'];
  readonly #options: ProcessOptions;
  readonly #kind: 'started' | 'joined';
  readonly #settle: PromiseWithResolvers<{ readonly exitCode: number | undefined }>;
  readonly #queue: OutputQueue;
  readonly #input = new Input();
  readonly #killed = new AbortController();
  readonly #onGone: (process: FakeProcess) => void;
  #room: PromiseWithResolvers<void> = Promise.withResolvers();
  #hasRoom = true;
  #size: TerminalSize | undefined;
  #isLetGo = false;

  /**
   * @param onGone called once, when the program has ended or was killed.
   * @param kind what was joined is not this session's to kill, and its program is only the following of it.
   */
  constructor(
    program: FakeCommand,
    command: readonly string[],
    options: ProcessOptions,
    onGone: (process: FakeProcess) => void,
    kind: 'started' | 'joined' = 'started',
  ) {
    this.command = command;
    this.#options = options;
    this.#kind = kind;
    this.#onGone = onGone;
    this.#settle = Promise.withResolvers();
    this.ended = this.#settle.promise;
    this.ended.catch(() => undefined);
    this.#queue = new OutputQueue(() => {
      this.#hasRoom = true;
      this.#room.resolve();
    });
    this.output = this.#queue;
    if (!options.stdin) this.#input.end();
    const io: FakeIo = {
      command,
      isTerminal: options.tty,
      input: this.#input,
      size: () => this.#size,
      write: (stream, data) => this.#write(stream, Buffer.from(data)),
      killed: this.#killed.signal,
    };
    program(io).then(
      (exitCode) => this.#finish(() => this.#settle.resolve({ exitCode })),
      (error: unknown) => this.#finish(() => this.#settle.reject(error)),
    );
  }

  async write(data: Uint8Array): Promise<void> {
    if (!this.#options.stdin) return;
    this.#input.put(Uint8Array.from(data));
    await this.#input.room();
  }

  endInput(): void {
    this.#input.end();
  }

  resize(size: TerminalSize): Promise<void> {
    if (this.#options.tty) this.#size = size;
    return Promise.resolve();
  }

  close(): void {
    this.#letGo(() => this.#settle.resolve({ exitCode: undefined }));
    if (this.#kind === 'joined') this.#end();
  }

  kill(): Promise<void> {
    if (this.#kind === 'started') this.end(EXIT_KILLED);
    return Promise.resolve();
  }

  /** Ends it from outside, as the end of its container does. */
  end(exitCode: number): void {
    this.#finish(() => this.#settle.resolve({ exitCode }));
  }

  /** The connection to it breaks; what becomes of it nobody learns. */
  lose(): void {
    this.#letGo(() =>
      this.#settle.reject(new RuntimeError('Unavailable', 'the connection to the process was lost')),
    );
  }

  /** Nobody is connected to it any more; the program goes on, without input, and nobody reads what it writes. */
  #letGo(settle: () => void): void {
    if (this.#isLetGo) return;
    this.#isLetGo = true;
    this.#queue.end();
    this.#input.end();
    this.#room.resolve();
    settle();
  }

  #finish(settle: () => void): void {
    this.#letGo(settle);
    this.#end();
  }

  #end(): void {
    if (this.#killed.signal.aborted) return;
    this.#killed.abort();
    this.#onGone(this);
  }

  async #write(stream: LogChunk['stream'], data: Uint8Array): Promise<void> {
    const { tty, stdout, stderr } = this.#options;
    const shown = tty ? 'stdout' : stream;
    if (!(shown === 'stdout' ? stdout : stderr)) return;
    if (!this.#queue.push({ stream: shown, data: Uint8Array.from(data) })) this.#hasRoom = false;
    while (!this.#hasRoom && !this.#isLetGo) {
      this.#room = Promise.withResolvers();
      await this.#room.promise;
    }
  }
}
