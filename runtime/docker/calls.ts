/**
 * Every call to the engine goes through here: a limit in time, the caller's signal, and errors translated once.
 * Streams are opened within the same limit and then read for as long as the caller wants.
 */
import { Readable } from 'node:stream';
import { type Clock, sleep } from '../../machinery/clock.ts';
import { RuntimeError } from '../../machinery/errors.ts';
import { withinBounds } from '../bounded.ts';
import { statusOf, translateDockerError } from './errors.ts';

/** For every call but stop and pull. A start takes 0.2 s alone and seconds on a busy machine. */
export const CALL_LIMIT_MS = 30_000;
const POLL_MS = 50;

export type Work<T> = (abortSignal: AbortSignal) => Promise<T>;

export class DockerCalls {
  readonly #clock: Clock;
  readonly #engine: string;

  /** @param engine what the engine is called in messages. */
  constructor(clock: Clock, engine: string) {
    this.#clock = clock;
    this.#engine = engine;
  }

  /** @param limitMs null for a call that only the signal ends. Rejects with `RuntimeError`. */
  async call<T>(
    what: string,
    signal: AbortSignal,
    work: Work<T>,
    limitMs: number | null = CALL_LIMIT_MS,
  ): Promise<T> {
    try {
      return await withinBounds(
        this.#clock,
        { what: this.#name(what), signal, ...(limitMs === null ? {} : { limitMs }) },
        work,
      );
    } catch (error) {
      throw translateDockerError(error, this.#name(what));
    }
  }

  /** Ends quietly when the signal aborts; what else ends the connection early is thrown as `RuntimeError`. */
  async *stream<T>(
    what: string,
    signal: AbortSignal,
    open: Work<unknown>,
    read: (stream: Readable) => AsyncIterable<T>,
  ): AsyncGenerator<T, void, undefined> {
    if (signal.aborted) return;
    const life = new AbortController();
    const end = (): void => life.abort(signal.reason);
    signal.addEventListener('abort', end, { once: true });
    try {
      const stream = await this.call(what, signal, async (opening) => {
        opening.addEventListener('abort', () => life.abort(opening.reason), { once: true });
        return asReadable(await open(life.signal));
      });
      yield* read(stream);
    } catch (error) {
      if (!signal.aborted) throw translateDockerError(error, this.#name(what));
    } finally {
      signal.removeEventListener('abort', end);
      // A reader that left early would leave the connection open otherwise.
      life.abort();
    }
  }

  /**
   * Looks again and again until it is so (true), the time is over or the signal aborts (false).
   * @param maxPollMs looks come further and further apart, up to this.
   */
  async until(
    signal: AbortSignal,
    isSo: () => Promise<boolean>,
    limitMs: number = Number.POSITIVE_INFINITY,
    maxPollMs: number = POLL_MS,
  ): Promise<boolean> {
    const deadlineMs = this.#clock.monotonicMs() + limitMs;
    for (let pollMs = POLL_MS; !signal.aborted; pollMs = Math.min(maxPollMs, pollMs * 2)) {
      if (await isSo()) return true;
      if (this.#clock.monotonicMs() >= deadlineMs) return false;
      await sleep(this.#clock, pollMs, signal);
    }
    return false;
  }

  #name(what: string): string {
    return `${what} (${this.#engine})`;
  }
}

export function asReadable(stream: unknown): Readable {
  if (stream instanceof Readable) return stream;
  throw new RuntimeError('Failed', 'expected a stream from the engine');
}

/** Runs an act for which some refusals mean that it was done before. */
export async function orDone(
  act: () => Promise<unknown>,
  isDone: (error: unknown) => boolean,
): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!isDone(error)) throw error;
  }
}

/** Undefined for what the engine says is not there. */
export async function orAbsent<T>(look: () => Promise<T>): Promise<T | undefined> {
  try {
    return await look();
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}
