/** One process of a Docker Engine as a `ProcessSession`: the connection's frames, the end and its exit code. */
import { messageOf, RuntimeError } from '../../machinery/errors.ts';
import type { LogChunk, ProcessOptions, ProcessSession, TerminalSize } from '../../machinery/runtime.ts';
import { OutputQueue } from '../outputqueue.ts';
import type { DockerCalls, Work } from './calls.ts';
import { Demultiplexer } from './demux.ts';
import { translateDockerError } from './errors.ts';
import { FirstWords, refusalCode } from './firstwords.ts';
import { EngineWire } from './wire.ts';

export type Ending =
  | { readonly isOver: false }
  | {
      readonly isOver: true;
      readonly exitCode: number | undefined;
      /** The engine could not start it: what it wrote are the engine's words. */
      readonly isRefused?: boolean;
    };

export interface EngineProcess {
  /** For messages. */
  readonly what: string;
  readonly calls: DockerCalls;
  readonly options: ProcessOptions;
  /** One stream without frames: a terminal. */
  readonly isRaw: boolean;
  readonly takesInput: boolean;
  readonly ending: Work<Ending>;
  readonly resize: (size: TerminalSize, signal: AbortSignal) => Promise<void>;
  /** Ends it as far as that can be done from here; false when it cannot. Absent for a process that is not ours to end. */
  readonly kill?: Work<boolean>;
}

/** The engine says a moment late that a process has ended whose connection broke. */
const BROKEN_LIMIT_MS = 5_000;
/** For a process that has closed its output and goes on. */
const MAX_POLL_MS = 1_000;
/** A killed process is gone in milliseconds, and the engine says so; one that hangs in the kernel is not waited for. */
const KILLED_LIMIT_MS = 5_000;
/** An engine that refuses a process ends its output at once. */
const REFUSAL_LIMIT_MS = 1_000;

type Ended = { readonly exitCode: number | undefined };

export class EngineSession implements ProcessSession {
  readonly output: AsyncIterable<LogChunk>;
  readonly ended: Promise<Ended>;
  readonly #process: EngineProcess;
  readonly #queue: OutputQueue;
  readonly #wire: EngineWire;
  readonly #frames = new Demultiplexer();
  readonly #first = new FirstWords();
  readonly #over = new AbortController();
  readonly #settle: PromiseWithResolvers<Ended>;
  readonly #whole: AbortSignal;
  readonly #leave = (): void => {
    this.close();
    void this.kill();
  };

  /**
   * @param signals `opening` gives up the call that makes the session, `whole` ends the session at any time; either ends a
   * process that was started for it.
   */
  constructor(
    stream: unknown,
    process: EngineProcess,
    signals: { readonly opening: AbortSignal; readonly whole: AbortSignal },
  ) {
    this.#process = process;
    this.#whole = signals.whole;
    this.#settle = Promise.withResolvers<Ended>();
    this.ended = this.#settle.promise;
    // Who does not ask how it ended is not told; that alone must not end a whole process of ours.
    this.ended.catch(() => undefined);
    this.#queue = new OutputQueue(() => this.#wire.resume());
    this.output = this.#queue;
    this.#wire = new EngineWire(stream, {
      data: (chunk) => this.#take(chunk),
      end: (error) => void this.#finish(error),
    });
    this.#whole.addEventListener('abort', this.#leave, { once: true });
    if (signals.opening.aborted || signals.whole.aborted) this.#leave();
    else this.#wire.start();
  }

  write(data: Uint8Array): Promise<void> {
    return this.#process.takesInput ? this.#wire.write(data) : Promise.resolve();
  }

  endInput(): void {
    // A process without an input has none to end, and an engine may take a half-closed connection for one that left.
    if (this.#process.takesInput) this.#wire.endInput();
  }

  async resize(size: TerminalSize): Promise<void> {
    const { calls, what, isRaw, resize } = this.#process;
    if (!isRaw || size.columns < 1 || size.rows < 1 || this.#over.signal.aborted) return;
    try {
      await calls.call(`resizing of the terminal of ${what}`, this.#over.signal, (signal) =>
        resize(size, signal),
      );
    } catch (error) {
      // A terminal whose process has ended has no size any more.
      if (!this.#over.signal.aborted) throw error;
    }
  }

  /** Also after `close`: whoever lets go of the connection first still ends the process. */
  async kill(): Promise<void> {
    const { calls, what, kill } = this.#process;
    if (kill === undefined) return;
    // Nobody's signal: whoever gives up a process wants it ended.
    const { signal } = new AbortController();
    try {
      const isKilled = await calls.call(`kill of ${what}`, signal, kill);
      if (isKilled) await calls.until(signal, async () => this.#over.signal.aborted, KILLED_LIMIT_MS);
    } catch {
      // An engine that does not answer now: closing is all that is left, and what the promise of `kill` allows.
    }
    this.close();
  }

  close(): void {
    this.#settle.resolve({ exitCode: undefined });
    this.#letGo();
  }

  /** Looks once, in the background, whether the process has ended without a word. */
  endIfOver(): void {
    const { calls, what, ending } = this.#process;
    const look = async (): Promise<void> => {
      try {
        if ((await calls.call(what, this.#over.signal, ending)).isOver) await this.#finish();
      } catch (error) {
        this.#fail(error);
      }
    };
    void look();
  }

  #take(chunk: Uint8Array): boolean {
    const { isRaw } = this.#process;
    try {
      if (isRaw) return this.#hand([{ stream: 'stdout', data: chunk }]);
      let hasRoom = true;
      for (const { stream, data } of this.#frames.push(chunk)) {
        hasRoom = this.#hand(this.#first.take({ stream, data }));
      }
      if (this.#first.isHolding) void this.#releaseSoon();
      return hasRoom;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  #hand(chunks: readonly LogChunk[]): boolean {
    let hasRoom = true;
    for (const chunk of chunks) hasRoom = this.#queue.push(chunk);
    return hasRoom;
  }

  /** A process that begins as the engine would is not held up for longer. */
  async #releaseSoon(): Promise<void> {
    const { calls } = this.#process;
    await calls.until(this.#over.signal, async () => !this.#first.isHolding, REFUSAL_LIMIT_MS);
    this.#hand(this.#first.release());
  }

  /** The engine's words about a process it could not start are no output of it, but what a shell would say. */
  #tellRefusal(end: Ending): Ending {
    const [words] = this.#first.release();
    if (words === undefined || !end.isOver) return end;
    if (end.isRefused !== true) this.#hand([words]);
    else if (this.#process.options.stderr) this.#hand([{ stream: 'stderr', data: words.data }]);
    return end.isRefused === true ? { ...end, exitCode: refusalCode(words.data, end.exitCode) } : end;
  }

  /** The connection has ended: what is left is to learn how the process did. */
  async #finish(broken?: Error): Promise<void> {
    const { calls, what, ending, isRaw } = this.#process;
    // Whose the first words are is known with the end; what came after them is not kept waiting for it.
    if (!this.#first.isHolding) this.#queue.end();
    this.#wire.close();
    try {
      if (!isRaw && broken === undefined) this.#frames.end();
      let end: Ending = { isOver: false };
      const hasEnded = async (): Promise<boolean> => {
        end = await calls.call(what, this.#over.signal, ending);
        return end.isOver;
      };
      const limitMs = broken === undefined ? undefined : BROKEN_LIMIT_MS;
      if (await calls.until(this.#over.signal, hasEnded, limitMs, MAX_POLL_MS)) return this.#end(end);
      if (broken !== undefined) throw broken;
    } catch (error) {
      this.#fail(error);
    }
  }

  #end(ending: Ending): void {
    const end = this.#tellRefusal(ending);
    this.#settle.resolve({ exitCode: end.isOver ? end.exitCode : undefined });
    this.#letGo();
  }

  #fail(error: unknown): void {
    const { what } = this.#process;
    const known = translateDockerError(error, what);
    // An engine that no longer answers about a connection it had: the connection is lost, whatever the reason.
    const lost =
      known.reason === 'Failed' && !(error instanceof RuntimeError)
        ? new RuntimeError('Unavailable', `${what}: the connection was lost: ${messageOf(error)}`, {
            cause: error,
          })
        : known;
    this.#hand(this.#first.release());
    this.#settle.reject(lost);
    this.#letGo();
  }

  #letGo(): void {
    this.#whole.removeEventListener('abort', this.#leave);
    this.#queue.end();
    this.#wire.close();
    this.#over.abort();
  }
}
