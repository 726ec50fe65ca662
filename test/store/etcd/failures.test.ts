/**
 * The etcd engine while etcd is hurt: leaders killed and frozen under load, a quorum gone and back, compaction under a
 * slow reader, no space, a restart of everything. `load.ts` says what must hold each time.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { systemClock } from '../../../machinery/clock.ts';
import { StoreError } from '../../../machinery/errors.ts';
import { silentLog } from '../../../machinery/log.ts';
import { seededRandom, systemRandom } from '../../../machinery/random.ts';
import { openEtcd } from '../../../store/etcd/connection.ts';
import { openEtcdStore } from '../../../store/etcd/engine.ts';
import type { Store } from '../../../store/store.ts';
import { bytes, mustCommit, put } from '../builders.ts';
import { bound, EtcdCluster, needEtcd } from './cluster.ts';
import { Load } from './load.ts';

const stores: Store[] = [];
let prefixes = 0;

/** A store whose client asks the members in this order. */
async function openOn(cluster: EtcdCluster, order: readonly number[], prefix?: string): Promise<Store> {
  const endpoints = order.map((index) => cluster.endpoint(index));
  const client = openEtcd({ endpoints }, { clock: systemClock, log: silentLog });
  const store = await openEtcdStore(client, {
    clock: systemClock,
    log: silentLog,
    random: systemRandom,
    prefix: prefix ?? `failures/${prefixes++}`,
  });
  stores.push(store);
  return store;
}

const others = (index: number): [number, number] => [(index + 1) % 3, (index + 2) % 3];

function tell(words: string): void {
  console.log(`        ${words}`);
}

describe('etcd in trouble', () => {
  let cluster: EtcdCluster;

  before(async function () {
    this.timeout(30_000);
    needEtcd(this);
    cluster = await EtcdCluster.start({ members: 3, snapshotCount: 500 });
  });
  after(() => cluster?.stop());
  afterEach(async function () {
    this.timeout(30_000);
    await Promise.all(stores.splice(0).map((store) => store.close()));
  });

  it('a leader killed under load costs writers an election and loses nothing', async function () {
    this.timeout(bound(40_000));
    const leader = await cluster.leader();
    const load = new Load(await openOn(cluster, [leader, ...others(leader)]), '/kill/');
    await load.more(300);
    const atMs = performance.now();
    await cluster.kill(leader);
    await load.more(300);
    await cluster.restart(leader);
    await load.more(100);
    await load.judge();
    const stallMs = Math.round(load.stallMs(atMs));
    tell(
      `writers stalled ${stallMs} ms; ${load.errors.length} of ${load.acknowledged.length} writes had no certain end`,
    );
    expect(stallMs).to.be.lessThan(bound(6000));
  });

  for (const [name, offset] of [
    ['the leader', 0],
    ['a follower', 1],
  ] as const) {
    it(`${name} frozen under load, its connections open, is left for another; thawed, it changes nothing`, async function () {
      this.timeout(bound(40_000));
      const frozen = ((await cluster.leader()) + offset) % 3;
      const load = new Load(await openOn(cluster, [frozen, ...others(frozen)]), '/freeze/');
      await load.more(300);
      const atMs = performance.now();
      cluster.pause(frozen);
      try {
        await load.more(300);
      } finally {
        cluster.resume(frozen);
      }
      await load.more(200);
      await cluster.healthy(frozen);
      await load.judge();
      const stallMs = Math.round(load.stallMs(atMs));
      tell(
        `writers stalled ${stallMs} ms; ${load.errors.length} of ${load.acknowledged.length} writes had no certain end`,
      );
      expect(stallMs).to.be.lessThan(bound(6000));
    });
  }

  it('without a quorum writes are refused in plain words, soon; with one again everything goes on', async function () {
    this.timeout(bound(60_000));
    const leader = await cluster.leader();
    const store = await openOn(cluster, [0, 1, 2]);
    const load = new Load(store, '/quorum/', 8);
    await load.more(100);
    await Promise.all([leader, others(leader)[0]].map((index) => cluster.kill(index)));
    await load.refused();
    await load.refused();
    const stoppedAt = load.acknowledged.length;
    const startedAt = performance.now();
    const refusal = await store.latestRevision().then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(refusal).to.be.instanceOf(StoreError).with.property('reason', 'Unavailable');
    expect(performance.now() - startedAt, 'a read that must be current').to.be.lessThan(bound(7000));
    await load.refused();
    expect(load.acknowledged.length).to.equal(stoppedAt);
    for (const { error } of load.errors) {
      expect(error.reason).to.equal('Unavailable');
      expect(error.message)
        .to.match(/etcd/)
        .and.match(/see that|goes on by itself/);
    }
    const slowestMs = Math.round(Math.max(...load.errors.map(({ tookMs }) => tookMs)));
    const last = load.errors.at(-1);
    tell(
      `the slowest refusal took ${slowestMs} ms, the last ${Math.round(last?.tookMs ?? 0)} ms: ${last?.error.message}`,
    );
    expect(slowestMs).to.be.lessThan(bound(9000));
    const atMs = performance.now();
    await Promise.all([leader, others(leader)[0]].map((index) => cluster.restart(index)));
    await load.more(200);
    tell(`writers went on ${Math.round(load.stallMs(atMs))} ms after the members were started`);
    await load.judge();
  });

  it('all of etcd restarted under load: writers and watches go on by themselves', async function () {
    this.timeout(bound(40_000));
    const load = new Load(await openOn(cluster, [0, 1, 2]), '/restart/');
    await load.more(200);
    await Promise.all([0, 1, 2].map((index) => cluster.kill(index)));
    await Promise.all([0, 1, 2].map((index) => cluster.restart(index)));
    await load.more(200);
    await load.judge();
  });

  it('whatever is killed and frozen, in any order, nothing acknowledged is lost', async function () {
    const rounds = process.env.GANTRY_TEST_LONG === '1' ? 40 : 3;
    this.timeout(rounds * 20_000);
    const seed = Number(process.env.GANTRY_SEED ?? systemRandom.next() * 2 ** 32) >>> 0;
    const random = seededRandom(seed);
    const load = new Load(await openOn(cluster, [0, 1, 2]), '/any/');
    try {
      for (let round = 0; round < rounds; round += 1) {
        const victim = Math.floor(random.next() * 3);
        const second = random.next() < 0.3 ? (victim + 1) % 3 : undefined;
        const isKill = random.next() < 0.5;
        await load.more(Math.floor(random.next() * 100));
        if (second !== undefined) cluster.pause(second);
        if (isKill) await cluster.kill(victim);
        else cluster.pause(victim);
        if (second === undefined) await load.more(50);
        else await load.refused();
        if (second !== undefined) cluster.resume(second);
        if (isKill) await cluster.restart(victim);
        else cluster.resume(victim);
        await load.more(50);
      }
      await load.judge();
    } catch (error) {
      throw new Error(
        `replay with: GANTRY_SEED=${seed} npx mocha test/store/etcd/failures.test.ts -g 'in any order'`,
        {
          cause: error,
        },
      );
    } finally {
      for (const index of [0, 1, 2]) cluster.resume(index);
    }
    tell(
      `${rounds} rounds, ${load.acknowledged.length} writes acknowledged, ${load.errors.length} refused or without a certain end`,
    );
  });

  it('compaction under a slow reader gives it everything or tells it Compacted, never a gap', async function () {
    this.timeout(bound(40_000));
    const store = await openOn(cluster, [0, 1, 2], 'failures/compaction');
    const start = store.revision();
    for (let index = 0; index < 400; index += 20) {
      const writes = Array.from({ length: 20 }, (_, at) => put(`/c/k${at}`, `${index + at}`));
      await mustCommit(store, ...writes);
    }
    const controller = new AbortController();
    const told: number[] = [];
    let error: unknown;
    const reading = (async () => {
      for await (const { events } of store.watch(['/c/'], {
        afterRevision: start,
        signal: controller.signal,
      })) {
        for (const { revision } of events) told.push(revision);
        await delay(20);
        if (told.length >= 400) break;
      }
    })().catch((caught: unknown) => {
      error = caught;
    });
    // Somebody who knows nothing of our readers.
    await cluster.compact(await etcdRevision(cluster));
    await reading;
    controller.abort();
    if (error !== undefined) expect(error).to.be.instanceOf(StoreError).with.property('reason', 'Compacted');
    expect(
      isWhole(told, error !== undefined),
      'whole commits in order, all of them unless Compacted',
    ).to.equal(true);

    const late = store.watch(['/c/'], { afterRevision: start, signal: new AbortController().signal });
    const refusal = await (async () => {
      for await (const _ of late) return undefined;
    })().catch((caught: unknown) => caught);
    expect(refusal).to.be.instanceOf(StoreError).with.property('reason', 'Compacted');
    expect(store.compactedRevision()).to.be.greaterThan(start);
    await mustCommit(store, put('/c/after', 'x'));
  });

  it('out of space: ReadOnly for writes, reads and watches go on; with room again, writes do', async function () {
    this.timeout(bound(40_000));
    const small = await EtcdCluster.start({ quotaBytes: 16 * 1024 * 1024 });
    try {
      const store = await openOn(small, [0]);
      await mustCommit(store, put('/s/a', 'first'));
      const value = Buffer.alloc(900_000, 120);
      let error: unknown;
      for (let index = 0; index < 40 && error === undefined; index += 1) {
        error = await store
          .commit([{ kind: 'put', key: '/s/big', value, precondition: { kind: 'none' } }])
          .then(
            () => undefined,
            (caught: unknown) => caught,
          );
      }
      expect(error).to.be.instanceOf(StoreError).with.property('reason', 'ReadOnly');
      expect((await store.get('/s/a'))?.value).to.deep.equal(new Uint8Array(bytes('first')));
      expect((await store.range('/s/')).items.length).to.equal(2);
      await store.latestRevision();
      const revision = await etcdRevision(small);
      await small.compact(revision);
      await small.ctl(['defrag']);
      await small.ctl(['alarm', 'disarm']);
      const before = store.revision();
      const controller = new AbortController();
      const watch = store.watch(['/s/'], { afterRevision: before, signal: controller.signal });
      await mustCommit(store, put('/s/a', 'second'));
      for await (const { events } of watch) if (events.some(({ key }) => key === '/s/a')) break;
      controller.abort();
      await store.close();
    } finally {
      await small.stop();
    }
  });
});

async function etcdRevision(cluster: EtcdCluster): Promise<number> {
  const client = openEtcd(cluster.endpoints, { clock: systemClock, log: silentLog });
  try {
    return (await client.range({ key: 'x' })).header.revision;
  } finally {
    await client.close();
  }
}

/** Twenty writes a commit. */
function isWhole(told: readonly number[], wasCut: boolean): boolean {
  const isOrdered = told.every((revision, index) => index === 0 || revision > (told[index - 1] ?? 0));
  return isOrdered && (wasCut ? told.length % 20 === 0 : told.length === 400);
}
