/**
 * How many durable writes a second each engine makes, beside what the disk itself allows in the same run (an append log
 * with group commit, `appendlog.ts`); how long watchers wait, what a range costs, and whether the file stays flat.
 * 2 KB values, compare-and-write, new keys and rewritten ones half and half.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../machinery/clock.ts';
import { openStore } from '../../store/open.ts';
import type { Store } from '../../store/store.ts';
import { EtcdCluster, hasEtcd } from '../../test/store/etcd/cluster.ts';
import { AppendLog } from './appendlog.ts';
import { benchChurn } from './churn.ts';
import type { Row } from './main.ts';
import { benchStartup } from './startup.ts';
import { fill, type Load, loadWith, measureRange, measureWatch, putsTo, VALUE_BYTES } from './storeload.ts';

const WRITERS = [1, 16, 256];
const ETCD_WRITERS = [1, 16, 256, 1_024];
const WANTED: Readonly<Record<string, string>> = { 'sqlite 256': 'ratio 0.45', 'etcd 1024': '12000' };

export async function benchStore(): Promise<readonly Row[]> {
  const directory = mkdtempSync(join(tmpdir(), 'gantry-bench-store-'));
  try {
    const baselines = new Map<number, Load>();
    const rows: Row[] = [];
    for (const writers of WRITERS) {
      const load = await loadAppendLog(join(directory, `append-${writers}`), writers);
      baselines.set(writers, load);
      rows.push({
        name: `append log: writes of 2 KB, ${writers} writers`,
        value: load.perSecond,
        unit: '/s',
      });
      rows.push({ name: `append log: ${writers} writers, p99`, value: load.p99Ms, unit: 'ms' });
    }
    const store = await openStore(`sqlite:${join(directory, 'store')}`, { clock: systemClock });
    rows.push(...(await benchEngine('sqlite', store, WRITERS, baselines)));
    await store.close();
    rows.push(...(await benchEtcd(baselines)));
    rows.push(...(await benchChurn(join(directory, 'churn'))));
    rows.push(...(await benchStartup(join(directory, 'startup'))));
    return rows;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A member of Debian's etcd on this machine, which takes its share of the two cores. */
async function benchEtcd(baselines: ReadonlyMap<number, Load>): Promise<Row[]> {
  if (!hasEtcd) {
    console.error('  etcd is not on the PATH: its figures are left out');
    return [];
  }
  const cluster = await EtcdCluster.start();
  try {
    const store = await openStore(`etcd://${cluster.endpoints.endpoints.join(',')}/bench`, {
      clock: systemClock,
    });
    const rows = await benchEngine('etcd', store, ETCD_WRITERS, baselines);
    await store.close();
    return rows;
  } finally {
    await cluster.stop();
  }
}

async function loadAppendLog(path: string, writers: number): Promise<Load> {
  const log = await AppendLog.open(path);
  try {
    return await loadWith(writers, (_, round) => log.append(Buffer.alloc(VALUE_BYTES, round)));
  } finally {
    await log.close();
  }
}

/** @param baselines by number of writers. */
async function benchEngine(
  engine: string,
  store: Store,
  writersList: readonly number[],
  baselines: ReadonlyMap<number, Load>,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const writers of writersList) {
    const load = await loadWith(writers, putsTo(store, String(writers)));
    const baseline = baselines.get(writers)?.perSecond;
    const name = `${engine}: compare-and-write of 2 KB, ${writers} writers`;
    const goal = WANTED[`${engine} ${writers}`];
    const wanted = goal === undefined ? {} : { wanted: goal };
    const against = baseline === undefined ? {} : { baseline };
    rows.push({ name, value: load.perSecond, unit: '/s', ...against, ...wanted });
    rows.push({ name: `${engine}: ${writers} writers, p50`, value: load.p50Ms, unit: 'ms' });
    rows.push({ name: `${engine}: ${writers} writers, p99`, value: load.p99Ms, unit: 'ms' });
    const loop = `${engine}: ${writers} writers, event loop held`;
    rows.push({ name: `${loop}, p99`, value: load.loopP99Ms, unit: 'ms', wanted: 'under 10' });
    rows.push({ name: `${loop}, most`, value: load.loopMaxMs, unit: 'ms', wanted: 'under 50' });
  }
  const watched = await measureWatch(store);
  rows.push({ name: `${engine}: commit -> watch event, p50`, value: watched.p50Ms, unit: 'ms' });
  rows.push({ name: `${engine}: commit -> watch event, p99`, value: watched.p99Ms, unit: 'ms' });
  for (const keys of [10_000, 100_000]) {
    await fill(store, `range${keys}`, keys);
    const tookMs = await measureRange(store, `range${keys}`, keys);
    rows.push({ name: `${engine}: range of ${keys} x 2 KB`, value: tookMs, unit: 'ms' });
  }
  return rows;
}
