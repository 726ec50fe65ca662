/**
 * How many durable writes a second the embedded store makes, beside what the disk itself allows: a bare loop of
 * append and fdatasync in the same run. 2 KB values, new keys and rewritten ones half and half.
 */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../machinery/clock.ts';
import { openStore } from '../../store/open.ts';
import type { Store } from '../../store/store.ts';

export interface BenchRow {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly baseline?: number;
  /** value / baseline. */
  readonly ratio?: number;
}

const VALUE_BYTES = 2048;
const ROUND_MS = 2000;
const RANGE_KEYS = 10_000;

export async function benchStore(): Promise<BenchRow[]> {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-bench-store-'));
  try {
    const baseline = measureFlushes(directory);
    const rows: BenchRow[] = [{ name: 'append + fdatasync of 2 KB, bare loop', value: baseline, unit: '/s' }];
    const store = await openStore(`sqlite:${join(directory, 'store')}`, { clock: systemClock });
    for (const writers of [1, 16, 256]) {
      const { perSecond, p50Ms, p99Ms } = await measurePuts(store, writers);
      const name = `durable puts of 2 KB, ${writers} writers`;
      rows.push({ name, value: perSecond, unit: '/s', baseline, ratio: perSecond / baseline });
      rows.push({ name: `${name}, p50`, value: p50Ms, unit: 'ms' });
      rows.push({ name: `${name}, p99`, value: p99Ms, unit: 'ms' });
    }
    rows.push({ name: 'range of 10,000 x 2 KB', value: await measureRange(store), unit: 'ms' });
    await store.close();
    return rows;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Flushes a second, one after the other. */
function measureFlushes(directory: string): number {
  const fd = openSync(join(directory, 'baseline'), 'a');
  try {
    const value = Buffer.alloc(VALUE_BYTES, 1);
    const startMs = performance.now();
    let count = 0;
    while (performance.now() - startMs < ROUND_MS) {
      writeSync(fd, value);
      fdatasyncSync(fd);
      count++;
    }
    return (count * 1000) / (performance.now() - startMs);
  } finally {
    closeSync(fd);
  }
}

async function measurePuts(
  store: Store,
  writers: number,
): Promise<{ perSecond: number; p50Ms: number; p99Ms: number }> {
  const latenciesMs: number[] = [];
  const startMs = performance.now();
  const write = async (writer: number): Promise<void> => {
    for (let round = 0; performance.now() - startMs < ROUND_MS; round++) {
      const key = `/bench/${writers}/${writer}/${round >> 1}`;
      const sentMs = performance.now();
      const result = await store.commit([
        { kind: 'put', key, value: Buffer.alloc(VALUE_BYTES, round), precondition: { kind: 'none' } },
      ]);
      if (!result.ok) throw new Error(`a put without precondition was refused: ${key}`);
      latenciesMs.push(performance.now() - sentMs);
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
  const perSecond = (latenciesMs.length * 1000) / (performance.now() - startMs);
  latenciesMs.sort((a, b) => a - b);
  const quantile = (share: number): number => latenciesMs[Math.floor(latenciesMs.length * share)] ?? 0;
  return { perSecond, p50Ms: quantile(0.5), p99Ms: quantile(0.99) };
}

async function measureRange(store: Store): Promise<number> {
  for (let first = 0; first < RANGE_KEYS; first += 100) {
    await store.commit(
      Array.from({ length: 100 }, (_, at) => ({
        kind: 'put' as const,
        key: `/range/${first + at}`,
        value: Buffer.alloc(VALUE_BYTES, at),
        precondition: { kind: 'none' as const },
      })),
    );
  }
  const startMs = performance.now();
  const { items } = await store.range('/range/');
  if (items.length !== RANGE_KEYS) throw new Error(`range gave ${items.length} keys, wanted ${RANGE_KEYS}`);
  return performance.now() - startMs;
}
