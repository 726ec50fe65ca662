/** The part of the store's promise about now and then: the newest revision, wall times, and what is encrypted. */
import { expect } from 'chai';
import type { FakeClock } from '../../machinery/fakeclock.ts';
import { type Encryption, KeyRing } from '../../store/encryption.ts';
import type { StoreOptions } from '../../store/mvcc.ts';
import type { Store } from '../../store/store.ts';
import { describeEvent, mustCommit, put, rejection, remove, text, Watcher } from './builders.ts';

interface World {
  readonly store: Store;
  readonly clock: FakeClock;
  /** Closes it and opens another, empty one with these options. */
  reopen(options: Partial<StoreOptions>): Promise<void>;
}

export function describeMoments(world: World): void {
  describe('latestRevision', () => {
    it('is at least that of every commit acknowledged before, and is reached by watches', async () => {
      expect(await world.store.latestRevision()).to.equal(0);
      const watcher = new Watcher(world.store, ['/'], 0);
      for (let n = 0; n < 5; n++) {
        const revision = await mustCommit(world.store, put('/a', String(n)), put('/b', String(n)));
        expect(await world.store.latestRevision()).to.equal(revision);
      }
      const answers = await Promise.all(Array.from({ length: 50 }, () => world.store.latestRevision()));
      expect(new Set(answers)).to.deep.equal(new Set([10]));
      await watcher.reached(10);
      await watcher.stop();
      await mustCommit(world.store, remove('/a'));
      expect(await world.store.latestRevision()).to.equal(11);
    });

    it('is asked anew by whoever asks after a commit, however many ask at once', async () => {
      const asking = async (): Promise<void> => {
        for (let n = 0; n < 20; n++) {
          const before = await mustCommit(world.store, put(`/k${n}`, 'x'));
          expect(await world.store.latestRevision()).to.be.at.least(before);
        }
      };
      await Promise.all(Array.from({ length: 8 }, asking));
    });

    it('is refused by a closed store', async () => {
      const { store } = world;
      await world.reopen({});
      for (const refused of [store.latestRevision(), store.momentAt(0), store.oldestMoment()]) {
        expect(await rejection(refused)).to.include({ reason: 'Unavailable' });
      }
    });
  });

  describe('moments', () => {
    it('finds the newest write at or before a wall time', async () => {
      const { store, clock } = world;
      clock.advance(1000);
      const startMs = clock.now();
      await mustCommit(store, put('/a', '1'));
      clock.advance(1000);
      await mustCommit(store, put('/a', '2'), put('/b', '1'));
      await mustCommit(store, put('/c', '1'));
      clock.advance(1000);
      await mustCommit(store, remove('/a'));
      clock.advance(1000);
      const at = async (afterMs: number): Promise<unknown> => {
        const { revision, writtenAtMs } = await store.momentAt(startMs + afterMs);
        return [revision, writtenAtMs === undefined ? undefined : writtenAtMs - startMs];
      };
      expect(await at(-1)).to.deep.equal([0, undefined]);
      expect(await at(0)).to.deep.equal([1, 0]);
      expect(await at(999)).to.deep.equal([1, 0]);
      expect(await at(1000)).to.deep.equal([4, 1000]);
      expect(await at(1999)).to.deep.equal([4, 1000]);
      expect(await at(2000)).to.deep.equal([5, 2000]);
      expect(await at(3_600_000), 'the future is now').to.deep.equal([5, 2000]);
      const { revision } = await store.momentAt(startMs + 1500);
      const { items } = await store.range('/', { revision });
      expect(items.map(({ key, value }) => `${key}=${text(value)}`)).to.deep.equal(['/a=2', '/b=1', '/c=1']);
    });

    it('knows the oldest one, and says so when an older one is asked for', async () => {
      const { store, clock } = world;
      expect(await store.oldestMoment()).to.include({ revision: 0, writtenAtMs: undefined });
      const startMs = clock.now();
      for (let n = 0; n < 10; n++) {
        await mustCommit(store, put('/a', String(n)));
        clock.advance(1000);
      }
      const whole = { revision: 0, writtenAtMs: undefined, beganAtMs: startMs };
      expect(await store.oldestMoment()).to.deep.equal(whole);
      await store.compact(4);
      expect(await store.oldestMoment()).to.deep.equal({ revision: 4, writtenAtMs: startMs + 3000 });
      expect(await store.momentAt(startMs + 3000)).to.deep.equal({
        revision: 4,
        writtenAtMs: startMs + 3000,
      });
      const error = await rejection(store.momentAt(startMs + 2999));
      expect(error).to.include({ reason: 'Compacted' });
      expect(error.message).to.contain(new Date(startMs + 2999).toISOString());
      expect(error.message).to.contain(new Date(startMs + 3000).toISOString());
      expect(await store.momentAt(startMs + 5500)).to.include({ revision: 6 });
    });

    it('begins with a deletion as with any other write', async () => {
      const { store, clock } = world;
      const startMs = clock.now();
      await mustCommit(store, put('/a', '1'), put('/b', '1'));
      clock.advance(1000);
      await mustCommit(store, remove('/a'));
      clock.advance(60_000);
      const last = await mustCommit(store, put('/b', '2'));
      await store.compact(3);
      const oldest = { revision: 3, writtenAtMs: startMs + 1000 };
      expect(await store.oldestMoment()).to.deep.equal(oldest);
      expect(await store.momentAt(startMs + 30_000)).to.deep.equal(oldest);
      expect((await store.range('/', { revision: 3 })).items.map(({ key }) => key)).to.deep.equal(['/b']);
      await store.compact(last);
      expect(await store.oldestMoment()).to.deep.equal({ revision: last, writtenAtMs: startMs + 61_000 });
    });

    it('finds its way where the wall clock went back', async () => {
      const { store, clock } = world;
      const startMs = clock.now();
      for (let n = 0; n < 6; n++) {
        await mustCommit(store, put('/a', String(n)));
        if (n === 2) clock.jumpWall(-1500);
        clock.advance(1000);
      }
      for (let afterMs = 0; afterMs < 5000; afterMs += 500) {
        const { revision, writtenAtMs } = await store.momentAt(startMs + afterMs);
        expect(writtenAtMs, `revision ${revision}`).to.be.at.most(startMs + afterMs);
      }
    });
  });

  describe('encryption', () => {
    const file = KeyRing.newFile();
    const encryption: Encryption = { keys: KeyRing.parse(file), prefixes: ['/secret/'] };

    it('is not to be seen from outside: reads, pages, watches and conflicts give what was put', async () => {
      await world.reopen({ encryption });
      const { store } = world;
      const watcher = new Watcher(store, ['/'], 0);
      await mustCommit(store, put('/secret/a', 'one'), put('/plain', 'p'));
      await mustCommit(store, put('/secret/a', 'two'));
      await mustCommit(store, remove('/secret/a'));
      expect(await store.get('/secret/a')).to.equal(undefined);
      expect(text((await store.get('/secret/a', { revision: 2 }))?.value)).to.equal('one');
      const { items } = await store.range('/', { revision: 3 });
      expect(items.map(({ value }) => text(value))).to.deep.equal(['p', 'two']);
      await watcher.reached(4);
      await watcher.stop();
      const late = new Watcher(store, ['/secret/'], 0);
      await late.reached(4);
      await late.stop();
      const wanted = [
        'put /secret/a=one @1',
        'put /secret/a=two @3 (was one)',
        'delete /secret/a @4 (was two)',
      ];
      expect(late.events.map(describeEvent)).to.deep.equal(wanted);
      expect(watcher.events.map(describeEvent)).to.deep.equal([
        wanted[0],
        'put /plain=p @2',
        ...wanted.slice(1),
      ]);
      await mustCommit(store, put('/secret/b', 'three'));
      const refused = await store.commit([put('/secret/b', 'four', { kind: 'absent' })]);
      expect(refused.ok ? '' : text(refused.current?.value)).to.equal('three');
    });
  });
}
