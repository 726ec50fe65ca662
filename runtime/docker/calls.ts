/**
 * Every call to the engine goes through here: a limit in time, the caller's signal, a place among the calls under way, and
 * errors translated once. Streams are opened within the same limits and then read for as long as the caller wants.
 *
 * An engine that takes connections and answers none costs `CALLS_AT_ONCE` of them, however many ask: the others wait for
 * a place, within their own limits, and then fail like the calls before them.
 */
import { Readable } from 'node:stream';
import { type Clock, sleep } from '../../machinery/clock.ts';
import { RuntimeError } from '../../machinery/errors.ts';
import { Limiter } from '../../machinery/limiter.ts';
import { withinBounds } from '../bounded.ts';
import { statusOf, translateDockerError } from './errors.ts';

/** For every call but stop and pull. A start takes 0.2 s alone and seconds on a busy machine. */
export const CALL_LIMIT_MS = 30_000;
const POLL_MS = 50;
/** An engine is slower, not faster, when asked for more at once. */
const CALLS_AT_ONCE = 64;
/** Each waits for a grace period, so many wait together. */
const LONG_CALLS_AT_ONCE = 512;

/**
 * - `quick`: within `CALL_LIMIT_MS`, for all but the others.
 * - `long`: takes as long as a container or a line does.
 */
type Kind = 'quick' | 'long';

export type Work<T> = (abortSignal: AbortSignal) => Promise<T>;

export class DockerCalls {
  readonly #clock: Clock;
  readonly #engine: string;
  readonly #places: Readonly<Record<Kind, Limiter>> = {
    quick: new Limiter(CALLS_AT_ONCE),
    long: new Limiter(LONG_CALLS_AT_ONCE),
  };

  /** @param engine what the engine is called in messages. */
  constructor(clock: Clock, engine: string) {
    this.#clock = clock;
    this.#engine = engine;
  }

  /**
   * Calls of one kind must not be made within one another: they could wait for each other's places.
   * @param limitMs absent for a quick call; null for one that only the signal ends. The wait for a place counts.
   * Rejects with `RuntimeError`.
   */
  async call<T>(what: string, signal: AbortSignal, work: Work<T>, limitMs?: number | null): Promise<T> {
    const places = this.#places[limitMs === undefined ? 'quick' : 'long'];
    const bounds = {
      what: this.#name(what),
      signal,
      ...(limitMs === null ? {} : { limitMs: limitMs ?? CALL_LIMIT_MS }),
    };
    try {
      return await withinBounds(this.#clock, bounds, (inner) =>
        // Given up, a call has broken off its connection: its place is free, also where the call itself never settles.
        places.run(inner, () => untilAborted(inner, work(inner))),
      );
    } catch (error) {
      throw translateDockerError(error, this.#name(what));
    }
  }

  /**
   * A quick call that is carried through, within its own limit, also when its caller gives up: rejects at once then, and
   * what comes of it has to see to itself.
   */
  async carried<T>(what: string, signal: AbortSignal, work: Work<T>): Promise<T> {
    const bounds = { what: this.#name(what), signal };
    return withinBounds(this.#clock, bounds, () => this.call(what, new AbortController().signal, work));
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

/** The work's own end, or the signal's, whichever comes first. */
function untilAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(new RuntimeError('Unavailable', 'given up', { cause: signal.reason }));
    if (signal.aborted) giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
  });
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
