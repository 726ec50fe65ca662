/** The part of the store's promise about the past: what compaction and retention forget, and what they must not. */
import { expect } from 'chai';
import type { FakeClock } from '../../machinery/fakeclock.ts';
import type { StoreOptions } from '../../store/mvcc.ts';
import type { Store } from '../../store/store.ts';
import { describeEvent, mustCommit, put, rejection, remove, text, Watcher } from './builders.ts';
import type { Differences } from './differences.ts';

/** The store under test, new for every test. */
interface World {
  readonly store: Store;
  readonly clock: FakeClock;
  /** Closes it and opens another, empty one with these options. */
  reopen(options: Partial<StoreOptions>): Promise<void>;
}

export function describeHistory(world: World, differences: Differences): void {
  describe('compact', () => {
    it('forgets the past up to a revision and keeps the present', async () => {
      await mustCommit(world.store, put('/a', '1'), put('/b', '1'), put('/c', '1'));
      await mustCommit(world.store, put('/a', '2'));
      await mustCommit(world.store, remove('/c'));
      await mustCommit(world.store, put('/a', '3'));
      await world.store.compact(5);
      expect(world.store.compactedRevision()).to.equal(5);
      const { items } = await world.store.range('/');
      expect(items.map(({ key, value }) => `${key}=${text(value)}`)).to.deep.equal(['/a=3', '/b=1']);
      const atFloor = await world.store.range('/', { revision: 5 });
      expect(atFloor.items.map(({ key, value }) => `${key}=${text(value)}`)).to.deep.equal(['/a=2', '/b=1']);
      expect(await rejection(world.store.range('/', { revision: 4 }))).to.include({ reason: 'Compacted' });
      expect(await rejection(world.store.get('/a', { revision: 4 }))).to.include({ reason: 'Compacted' });
      expect(await new Watcher(world.store, ['/'], 4).ended).to.include({ reason: 'Compacted' });
      const watcher = new Watcher(world.store, ['/'], 5);
      await watcher.reached(6);
      expect(watcher.events.map(describeEvent)).to.deep.equal(['put /a=3 @6 (was 2)']);
      await watcher.stop();
    });

    it('never gives a revision twice, even when the newest write was a delete that is forgotten', async () => {
      await mustCommit(world.store, put('/a', '1'));
      await mustCommit(world.store, remove('/a'));
      await world.store.compact(2);
      expect(await mustCommit(world.store, put('/b', '1'))).to.equal(3);
      await world.store.compact(3);
      expect(await world.store.size()).to.include({ keys: 1 });
    });

    it('takes whole commits', async () => {
      await mustCommit(world.store, put('/a', '1'), put('/b', '1'));
      await mustCommit(world.store, put('/a', '2'));
      await world.store.compact(1);
      expect(world.store.compactedRevision()).to.equal(2);
    });

    it('refuses a revision that is not written yet, and is content with one already forgotten', async () => {
      const revision = await mustCommit(world.store, put('/a', '1'));
      expect(await rejection(world.store.compact(revision + 1))).to.be.instanceOf(RangeError);
      await world.store.compact(revision);
      await world.store.compact(0);
      expect(world.store.compactedRevision()).to.equal(revision);
    });

    it('lets commits through while it runs, and they lose nothing', async () => {
      for (let round = 0; round < 10; round++) {
        await mustCommit(
          world.store,
          ...Array.from({ length: 100 }, (_, n) => put(`/k/${n}`, String(round))),
        );
      }
      const compaction = world.store.compact(world.store.revision());
      const during = await Promise.all(
        Array.from({ length: 20 }, (_, n) => world.store.commit([put(`/d/${n}`, 'x')])),
      );
      await compaction;
      expect(during.every(({ ok }) => ok)).to.equal(true);
      expect((await world.store.range('/k/')).items.every(({ value }) => text(value) === '9')).to.equal(true);
      expect(await world.store.size()).to.include({ keys: 120 });
    });
  });

  describe('retention', () => {
    const hourMs = 3_600_000;
    /** Moves time until a condition holds: each step runs the loop once, each round lets its work finish. */
    const settle = async (condition: () => boolean): Promise<void> => {
      for (let round = 0; !condition(); round++) {
        if (round > 500) throw new Error('retention did not come to its end in 500 rounds');
        if (round % 50 === 0) world.clock.advance(60_000);
        await world.store.size();
      }
    };

    it('forgets by age', async () => {
      await world.reopen({ retention: { historyMs: hourMs } });
      await mustCommit(world.store, put('/task', '1'));
      await mustCommit(world.store, put('/task', '2'), put('/other', '1'));
      world.clock.advance(30 * 60_000);
      const later = await mustCommit(world.store, put('/task', '3'));
      expect(world.store.compactedRevision()).to.equal(0);
      world.clock.advance(31 * 60_000);
      await settle(() => world.store.compactedRevision() === 3);
      expect(text((await world.store.get('/task', { revision: 3 }))?.value)).to.equal('2');
      expect(await rejection(world.store.get('/task', { revision: 1 }))).to.include({ reason: 'Compacted' });
      world.clock.advance(hourMs);
      await settle(() => world.store.compactedRevision() === later);
      expect(await rejection(world.store.get('/task', { revision: 3 }))).to.include({ reason: 'Compacted' });
      expect(text((await world.store.get('/task'))?.value)).to.equal('3');
      expect(text((await world.store.get('/task', { revision: later }))?.value)).to.equal('3');
    });

    const isTransientKept = differences.keepsTransient !== undefined;
    const title = 'forgets what is transient much earlier';
    (isTransientKept ? it.skip : it)(`${title}${differences.keepsTransient ?? ''}`, async () => {
      await world.reopen({ retention: { historyMs: hourMs, transientPrefixes: ['/lease/'] } });
      await mustCommit(world.store, put('/task', '1'), put('/lease/w', '1'));
      await mustCommit(world.store, put('/task', '2'), put('/lease/w', '2'));
      world.clock.advance(10 * 60_000);
      await mustCommit(world.store, put('/lease/w', '3'));
      const isForgotten = async (): Promise<boolean> =>
        world.store.get('/lease/w', { revision: 3 }).then(
          () => false,
          () => true,
        );
      let isLeaseGone = false;
      for (let round = 0; !isLeaseGone && round < 200; round++) {
        if (round % 20 === 0) world.clock.advance(60_000);
        isLeaseGone = await isForgotten();
      }
      expect(isLeaseGone, 'the past of the lease is gone').to.equal(true);
      expect(await new Watcher(world.store, ['/lease/'], 3).ended).to.include({ reason: 'Compacted' });
      expect(await new Watcher(world.store, ['/'], 3).ended, 'a watch over both').to.include({
        reason: 'Compacted',
      });
      expect(text((await world.store.get('/task', { revision: 2 }))?.value)).to.equal('1');
      expect(text((await world.store.get('/lease/w'))?.value)).to.equal('3');
      expect(world.store.compactedRevision()).to.equal(0);

      world.clock.advance(2 * hourMs);
      await settle(() => world.store.compactedRevision() === 5);
      expect(await rejection(world.store.get('/task', { revision: 3 }))).to.include({ reason: 'Compacted' });
      expect(text((await world.store.get('/task'))?.value)).to.equal('2');
    });

    it('forgets the older half when the log grows too big', async () => {
      await world.reopen({ retention: { historyBytes: 100 } });
      for (let n = 0; n < 20; n++) await mustCommit(world.store, put('/a', 'x'.repeat(100)));
      await settle(() => world.store.compactedRevision() >= 10);
      expect((await world.store.get('/a'))?.modRevision).to.equal(20);
    });
  });
}
