/**
 * Reading the past of 10,000 objects of 1.7 KB that have all changed since, on the durable engine, and how long that
 * keeps the event loop from others.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { openRegistry } from '../../api/registry/open.ts';
import type { ServedKind } from '../../api/registry/types.ts';
import type { ListOptions } from '../../machinery/client.ts';
import { systemClock } from '../../machinery/clock.ts';
import { GROUP_MASTERS } from '../../machinery/identity.ts';
import { silentLog } from '../../machinery/log.ts';
import { newMetrics } from '../../machinery/metrics.ts';
import { systemRandom } from '../../machinery/random.ts';
import { openStore } from '../../store/open.ts';
import type { Row } from './main.ts';

const OBJECTS = 10_000;
const AT_ONCE = 200;
const context = { identity: { name: 'bench', groups: [GROUP_MASTERS] } };

const nameOf = (index: number): string => `c${String(index).padStart(5, '0')}`;
const configmap = (index: number, value: string): object => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: nameOf(index), namespace: 'default', labels: { value } },
  data: { value: value.padEnd(1_500, '.') },
});

export async function benchPast(): Promise<readonly Row[]> {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-bench-past-'));
  const parts = { clock: systemClock, random: systemRandom };
  const store = await openStore(`sqlite:${join(directory, 'store.db')}`, parts);
  const namespaceLimits = { maxObjects: 10 * OBJECTS, maxBytes: 1e12 };
  const more = { log: silentLog, metrics: newMetrics(), namespaceLimits };
  const registry = await openRegistry({ store, ...parts, ...more });
  const kind = registry.findKind('', 'v1', 'configmaps');
  if (kind === undefined) throw new Error('configmaps are not served');
  try {
    await forAll((index) => registry.create(context, kind, configmap(index, 'one')));
    const revision = { resourceVersion: String(store.revision()), resourceVersionMatch: 'Exact' };
    const time = { at: new Date(systemClock.now()).toISOString() };
    await forAll((index) => {
      const key = { namespace: 'default', name: nameOf(index) };
      return registry.update(context, kind, key, configmap(index, 'two'));
    });
    const list = (options: ListOptions) => async (): Promise<void> => {
      const { items } = await registry.list(context, kind, options);
      const wanted = options.limit ?? OBJECTS;
      if (items.length !== wanted) throw new Error(`found ${items.length} objects, wanted ${wanted}`);
    };
    return [
      ...(await measured('list of 10,000 at a revision', 7, list(revision))),
      ...(await measured('page of 500 at a revision', 20, list({ ...revision, limit: 500 }))),
      ...(await measured('8 lists of 10,000 at once, all', 2, () => all(8, list(revision)))),
      ...(await measured('get at a revision', 300, getAt(kind, revision))),
      ...(await measured('get by time', 300, getAt(kind, time))),
    ];
  } finally {
    await registry.close();
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  }

  function getAt(of: ServedKind, options: ListOptions): () => Promise<unknown> {
    return () => registry.get(context, of, { namespace: 'default', name: nameOf(500) }, options);
  }
}

async function forAll(write: (index: number) => Promise<unknown>): Promise<void> {
  for (let start = 0; start < OBJECTS; start += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, offset) => write(start + offset)));
  }
}

async function all(count: number, read: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: count }, read));
}

async function measured(name: string, times: number, read: () => Promise<unknown>): Promise<readonly Row[]> {
  await read();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const tookMs: number[] = [];
  for (let round = 0; round < times; round++) {
    const startMs = systemClock.monotonicMs();
    await read();
    tookMs.push(systemClock.monotonicMs() - startMs);
  }
  delay.disable();
  tookMs.sort((a, b) => a - b);
  return [
    { name: `${name}, median`, value: tookMs[times >> 1] ?? 0, unit: 'ms' },
    { name: '  event loop delay p99', value: delay.percentile(99) / 1e6, unit: 'ms' },
  ];
}
