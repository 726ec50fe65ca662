import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { StoreError } from '../../machinery/errors.ts';
import { FakeClock } from '../../machinery/fakeclock.ts';
import { newMetrics } from '../../machinery/metrics.ts';
import type { EtcdClient } from '../../store/etcd/client.ts';
import { UncertainWriteError } from '../../store/etcd/errors.ts';
import { measuredEtcd } from '../../store/etcd/measured.ts';
import { measureStore } from '../../store/measured.ts';
import { openStore } from '../../store/open.ts';
import { seriesOf } from '../series.ts';

const put = (key: string) =>
  ({ kind: 'put', key, value: Buffer.from('x'), precondition: { kind: 'none' } }) as const;

describe('What is told of an open store', () => {
  it('its past reaches back to the oldest moment kept, and no further after it was compacted', async () => {
    const clock = new FakeClock();
    const metrics = newMetrics();
    const store = await openStore('memory:', { clock, metrics });
    const told = async (): Promise<number | undefined> =>
      (await seriesOf(metrics, 'gantry_store_history_seconds'))[0]?.value;
    expect(await told(), 'of nothing').to.equal(0);
    await store.commit([put('/a')]);
    clock.advance(60_000);
    expect(await told(), 'of all that ever was').to.equal(60);
    await store.commit([put('/b')]);
    const kept = store.revision();
    clock.advance(30_000);
    await store.compact(kept);
    expect(await told()).to.equal(30);
    await store.close();
    expect(await told(), 'closed').to.equal(undefined);
  });

  it('the room on the disk is that of the file system it is on; one in memory has none', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'gantry-store-'));
    const metrics = newMetrics();
    const store = await openStore(`sqlite:${directory}`, { clock: new FakeClock(), metrics });
    const { blocks, bsize } = await statfs(directory);
    const [size] = await seriesOf(metrics, 'gantry_store_disk_size_bytes');
    const [free] = await seriesOf(metrics, 'gantry_store_disk_free_bytes');
    expect(size?.value).to.equal(blocks * bsize);
    expect(free?.value).to.be.within(1, blocks * bsize);
    expect(await seriesOf(metrics, 'gantry_store_size_limit_bytes')).to.deep.equal([]);
    await store.close();
    await rm(directory, { recursive: true });

    const light = newMetrics();
    const memory = await openStore('memory:', { clock: new FakeClock(), metrics: light });
    expect(light.getSingleMetric('gantry_store_disk_free_bytes')).to.equal(undefined);
    await memory.close();
  });

  it('a limit is a series where the store tells one, and none where it does not or does not answer', async () => {
    const metrics = newMetrics();
    let answer: () => Promise<number | undefined> = async () => undefined;
    measureStore(
      { oldestMoment: async () => ({ revision: 1, writtenAtMs: undefined }) },
      { metrics, clock: new FakeClock(), sizeLimit: () => answer() },
    );
    const told = async () =>
      (await seriesOf(metrics, 'gantry_store_size_limit_bytes')).map(({ value }) => value);
    expect(await told()).to.deep.equal([]);
    answer = async () => 2_000;
    expect(await told()).to.deep.equal([2_000]);
    answer = async () => {
      throw new StoreError('Unavailable', 'away');
    };
    expect(await told()).to.deep.equal([]);
  });
});

describe('Calls of etcd', () => {
  const header = { clusterId: '1', revision: 1 };
  const client = (problem?: Error): EtcdClient => {
    const answer = async <T>(value: T): Promise<T> => {
      clock.advance(40);
      if (problem !== undefined) throw problem;
      return value;
    };
    return {
      range: () => answer({ kind: 'range', items: [], more: false, count: 0, header }),
      txn: () => answer({ header, succeeded: true, answers: [] }),
      async *watch() {
        yield* [];
        await answer(undefined);
      },
      compact: () => answer(undefined),
      status: () => answer({ header, version: '3.4', dbSize: 1, dbSizeInUse: 1, hasNoSpaceAlarm: false }),
      close: () => Promise.resolve(),
    };
  };
  let clock: FakeClock;
  beforeEach(() => {
    clock = new FakeClock();
  });
  const all = async (etcd: EtcdClient, signal?: AbortSignal): Promise<void> => {
    const { signal: watching } = new AbortController();
    for (const work of [
      () => etcd.range({ key: 'a' }, signal),
      () => etcd.txn({ compare: [], success: [], failure: [] }, signal),
      () => etcd.compact(1, signal),
      () => etcd.status(signal),
      async () => {
        for await (const _ of etcd.watch({
          key: 'a',
          end: 'b',
          startRevision: 1,
          signal: signal ?? watching,
        }));
      },
    ]) {
      await work().catch(() => undefined);
    }
  };

  it('are timed by operation, a watch excepted', async () => {
    const metrics = newMetrics();
    await all(measuredEtcd(client(), metrics, clock));
    const sums = await seriesOf(metrics, 'gantry_etcd_request_duration_seconds_sum');
    expect(sums.map(({ labels, value }) => [labels['operation'], value])).to.deep.equal([
      ['range', 0.04],
      ['txn', 0.04],
      ['compact', 0.04],
      ['status', 0.04],
    ]);
    expect(await seriesOf(metrics, 'gantry_etcd_request_errors_total')).to.deep.equal([]);
  });

  for (const [problem, isAborted, reason] of [
    [new StoreError('Unavailable', 'no quorum'), false, 'Unavailable'],
    [new StoreError('ReadOnly', 'full'), false, 'ReadOnly'],
    [new UncertainWriteError('perhaps'), false, 'Uncertain'],
    [new StoreError('Unavailable', 'cancelled'), true, 'Aborted'],
    [new TypeError('a fault of ours'), false, 'Unknown'],
  ] as const) {
    it(`that fail with ${problem.name} ${problem.message} count as ${reason}`, async () => {
      const metrics = newMetrics();
      await all(measuredEtcd(client(problem), metrics, clock), isAborted ? AbortSignal.abort() : undefined);
      const errors = await seriesOf(metrics, 'gantry_etcd_request_errors_total');
      expect(errors.map(({ labels, value }) => [labels['operation'], labels['reason'], value])).to.deep.equal(
        ['range', 'txn', 'compact', 'status', 'watch'].map((operation) => [operation, reason, 1]),
      );
    });
  }
});
