/** Load on a store, and what it feels like: rates, waits, how long the event loop was held. */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Store, Write } from '../../store/store.ts';

export const VALUE_BYTES = 2048;
const ROUND_MS = 3_000;
/** Time in which caches fill, files grow to their working size and code is compiled. */
const WARM_UP_MS = 500;

export interface Load {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** How late the event loop came to a timer of a millisecond, at most and in 99 of 100 cases. */
  readonly loopP99Ms: number;
  readonly loopMaxMs: number;
}

/** Each writer puts again and again, one after the other. */
export async function loadWith(
  writers: number,
  put: (writer: number, round: number) => Promise<void>,
): Promise<Load> {
  const latenciesMs: number[] = [];
  const loop = monitorEventLoopDelay({ resolution: 1 });
  const startMs = performance.now();
  const fromMs = startMs + WARM_UP_MS;
  const untilMs = fromMs + ROUND_MS;
  const write = async (writer: number): Promise<void> => {
    for (let round = 0; performance.now() < untilMs; round++) {
      const sentMs = performance.now();
      await put(writer, round);
      if (sentMs >= fromMs) latenciesMs.push(performance.now() - sentMs);
    }
  };
  const starting = setTimeout(() => loop.enable(), WARM_UP_MS);
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
  clearTimeout(starting);
  loop.disable();
  const tookMs = performance.now() - fromMs;
  return {
    perSecond: (latenciesMs.length * 1000) / tookMs,
    ...quantiles(latenciesMs),
    loopP99Ms: Math.max(0, loop.percentile(99) / 1e6 - 1),
    loopMaxMs: Math.max(0, loop.max / 1e6 - 1),
  };
}

/** Compare-and-write of new keys and, as often, of ones written before. */
export function putsTo(store: Store, folder: string): (writer: number, round: number) => Promise<void> {
  const revisions = new Map<string, number>();
  return async (writer, round) => {
    const key = `/registry/bench/${folder}/${writer}/${round >> 1}`;
    const seen = revisions.get(key);
    const result = await store.commit([
      {
        kind: 'put',
        key,
        value: Buffer.alloc(VALUE_BYTES, round),
        precondition: seen === undefined ? { kind: 'absent' } : { kind: 'modRevision', modRevision: seen },
      },
    ]);
    if (!result.ok) throw new Error(`nobody else writes ${key}, and it was refused`);
    if (seen === undefined) revisions.set(key, result.revision);
    else revisions.delete(key);
  };
}

/** From the call of a commit until a watcher has its event, one at a time. */
export async function measureWatch(
  store: Store,
): Promise<{ readonly p50Ms: number; readonly p99Ms: number }> {
  const stop = new AbortController();
  const latenciesMs: number[] = [];
  const events = store
    .watch(['/registry/watched/'], {
      afterRevision: store.revision(),
      signal: stop.signal,
      marksPresent: true,
    })
    [Symbol.asyncIterator]();
  await events.next();
  for (let round = 0; round < 500; round++) {
    const startMs = performance.now();
    const next = events.next();
    await store.commit([putOf(`/registry/watched/${round}`, round)]);
    await next;
    latenciesMs.push(performance.now() - startMs);
  }
  stop.abort();
  return quantiles(latenciesMs);
}

/** Puts many keys under a folder, many at once. */
export async function fill(store: Store, folder: string, keys: number): Promise<void> {
  for (let first = 0; first < keys; first += 1_000) {
    await Promise.all(
      Array.from({ length: Math.min(1_000, keys - first) }, (_, at) =>
        store.commit([putOf(`/registry/${folder}/${first + at}`, at)]),
      ),
    );
  }
}

/** Milliseconds for one range of everything in a folder. */
export async function measureRange(store: Store, folder: string, keys: number): Promise<number> {
  const startMs = performance.now();
  const { items } = await store.range(`/registry/${folder}/`);
  if (items.length !== keys) throw new Error(`range gave ${items.length} keys, wanted ${keys}`);
  return performance.now() - startMs;
}

export function quantiles(latenciesMs: number[]): { readonly p50Ms: number; readonly p99Ms: number } {
  latenciesMs.sort((a, b) => a - b);
  const at = (share: number): number => latenciesMs[Math.floor(latenciesMs.length * share)] ?? 0;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}

function putOf(key: string, fillWith: number): Write {
  return { kind: 'put', key, value: Buffer.alloc(VALUE_BYTES, fillWith), precondition: { kind: 'none' } };
}
