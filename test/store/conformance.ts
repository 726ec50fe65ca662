/**
 * The store's promise, as one suite that every engine runs. An engine's test file calls `describeStore` and adds what
 * only that engine can do.
 */
import { expect } from 'chai';
import { FakeClock } from '../../machinery/fakeclock.ts';
import { seededRandom } from '../../machinery/random.ts';
import type { StoreOptions } from '../../store/mvcc.ts';
import {
  MAX_COMMIT_BYTES,
  MAX_COMMIT_WRITES,
  MAX_VALUE_BYTES,
  type Store,
  type WatchBatch,
  type Write,
} from '../../store/store.ts';
import { absent, at, describeEvent, mustCommit, put, rejection, remove, text, Watcher } from './builders.ts';
import { describeHistory } from './conformance-history.ts';
import { describeMoments } from './conformance-moments.ts';
import { describeVersions } from './conformance-versions.ts';
import type { Differences } from './differences.ts';
import { describeModel } from './model.ts';

/** Opens a new, empty store. */
export type OpenEmpty = (options: StoreOptions) => Promise<Store>;

/** @param modelRuns random runs against the model in a normal test run. */
export function describeStore(
  name: string,
  open: OpenEmpty,
  modelRuns: number,
  differences: Differences = {},
): void {
  describe(`Store promise: ${name}`, () => {
    let clock: FakeClock;
    let store: Store;
    const reopen = async (options: Partial<StoreOptions>): Promise<void> => {
      await store.close();
      store = await open({ clock, ...options });
    };
    const world = {
      reopen,
      get store() {
        return store;
      },
      get clock() {
        return clock;
      },
    };
    beforeEach(async () => {
      clock = new FakeClock();
      store = await open({ clock });
    });
    afterEach(() => store.close());

    describe('commit', () => {
      it('gives every write a revision of its own, consecutive in a commit', async () => {
        expect(await store.commit([put('/a', '1'), put('/b', '1')])).to.deep.include({
          ok: true,
          revision: 2,
          modRevisions: [1, 2],
        });
        expect(await store.commit([put('/a', '2')])).to.deep.include({ revision: 3, modRevisions: [3] });
        expect(store.revision()).to.equal(3);
        const [a, b] = [await store.get('/a'), await store.get('/b')];
        expect(a).to.deep.include({ createRevision: 1, modRevision: 3, version: 2 });
        expect(b).to.deep.include({ createRevision: 2, modRevision: 2, version: 1 });
        expect(text(a?.value)).to.equal('2');
      });

      it('stamps the wall time of the write', async () => {
        clock.jumpWall(5000);
        await mustCommit(store, put('/a', '1'));
        const [item] = (await store.range('/')).items;
        expect(item?.writtenAtMs).to.equal(clock.now());
        expect((await store.get('/a'))?.writtenAtMs).to.equal(clock.now());
      });

      it('refuses a put over what exists when absence was wanted, and says what is there', async () => {
        await mustCommit(store, put('/a', 'first'));
        const result = await store.commit([put('/b', 'x'), put('/a', 'second', absent)]);
        expect(result).to.deep.include({ ok: false, failed: 1, revision: 1 });
        expect(result.ok ? '' : text(result.current?.value)).to.equal('first');
        expect(await store.get('/b'), 'the other write of the refused commit').to.equal(undefined);
        expect(store.revision()).to.equal(1);
      });

      it('compares the revision of the last write', async () => {
        await mustCommit(store, put('/a', '1'));
        expect((await store.commit([put('/a', '2', at(1))])).ok).to.equal(true);
        expect(await store.commit([put('/a', '3', at(1))])).to.deep.include({ ok: false, failed: 0 });
        expect(await store.commit([put('/gone', '3', at(1))])).to.deep.include({
          ok: false,
          current: undefined,
        });
        expect((await store.commit([remove('/a', at(1))])).ok).to.equal(false);
        expect((await store.commit([remove('/a', at(2))])).ok).to.equal(true);
      });

      it('begins a key anew after its delete', async () => {
        await mustCommit(store, put('/a', '1'));
        await mustCommit(store, remove('/a'));
        expect(await store.get('/a')).to.equal(undefined);
        expect((await store.commit([put('/a', '2', at(1))])).ok).to.equal(false);
        await mustCommit(store, put('/a', '3', absent));
        expect(await store.get('/a')).to.deep.include({ createRevision: 3, modRevision: 3, version: 1 });
      });

      it('changes nothing by deleting what is not there', async () => {
        const result = await store.commit([remove('/none')]);
        expect(result).to.deep.include({ ok: true, revision: 0, modRevisions: [undefined] });
        const both = await store.commit([remove('/none'), put('/a', '1')]);
        expect(both).to.deep.include({ ok: true, revision: 1, modRevisions: [undefined, 1] });
      });

      it('lets one conflict fail no neighbour, however many go at once', async () => {
        const results = await Promise.all(
          Array.from({ length: 200 }, (_, n) => store.commit([put(`/k${n % 100}`, String(n), absent)])),
        );
        expect(results.map(({ ok }) => ok)).to.deep.equal(results.map((_, n) => n < 100));
        expect(store.revision()).to.equal(100);
        // The one that lost sees the one that won, which was not durable yet when both were sent.
        const loser = results[150];
        expect(loser?.ok === false ? text(loser.current?.value) : undefined).to.equal('50');
      });

      it('refuses what no engine could keep', async () => {
        const big = { kind: 'put' as const, key: '/big', precondition: absent };
        const tooLarge = await rejection(
          store.commit([{ ...big, value: new Uint8Array(MAX_VALUE_BYTES + 1) }, put('/a', '1')]),
        );
        expect(tooLarge).to.deep.include({ name: 'StoreError', reason: 'TooLarge' });
        expect(tooLarge.message).to.contain('/big').and.contain(String(MAX_VALUE_BYTES));
        expect(await rejection(store.commit([put(`/${'k'.repeat(5000)}`, '1')]))).to.include({
          reason: 'TooLarge',
        });
        expect(await rejection(store.commit([put('/a', '1'), remove('/a')]))).to.be.instanceOf(TypeError);
        expect(await rejection(store.commit([]))).to.be.instanceOf(TypeError);
        expect(await rejection(store.commit([put('', '1')]))).to.be.instanceOf(TypeError);
        expect(await rejection(store.commit([put('/\ud800', '1')]))).to.be.instanceOf(TypeError);
        expect(store.revision(), 'nothing of all that was written').to.equal(0);
      });

      it('takes as many writes as any engine can, and refuses one more', async () => {
        const many = (count: number): Write[] => Array.from({ length: count }, (_, n) => put(`/k${n}`, 'x'));
        const { length } = (await store.range('/')).items;
        expect(length).to.equal(0);
        expect(await store.commit(many(MAX_COMMIT_WRITES))).to.include({
          ok: true,
          revision: MAX_COMMIT_WRITES,
        });
        const removals = many(MAX_COMMIT_WRITES).map(({ key }, n) => remove(key, at(n + 1)));
        expect(await store.commit(removals)).to.include({ ok: true });
        expect(await rejection(store.commit(many(MAX_COMMIT_WRITES + 1)))).to.include({ reason: 'TooLarge' });
        expect((await store.range('/')).items).to.deep.equal([]);
      });

      it('takes as many bytes as any engine can, and refuses one more', async () => {
        const half = Math.floor(MAX_COMMIT_BYTES / 2);
        const value = (bytes: number): Uint8Array => Buffer.alloc(bytes, 'x');
        const [a, b] = ['/a', '/b'].map((key) => ({ kind: 'put' as const, key, precondition: absent }));
        if (a === undefined || b === undefined) throw new Error('unreachable');
        const full = await store.commit([
          { ...a, value: value(half - 2) },
          { ...b, value: value(half - 2) },
        ]);
        expect(full).to.include({ ok: true });
        const over = store.commit([
          { ...a, value: value(half - 2) },
          { ...b, value: value(half + 2) },
        ]);
        expect(await rejection(over)).to.include({ reason: 'TooLarge' });
        expect(await store.commit([put('/c', '1')])).to.include({ ok: true, revision: 3 });
      });

      it('takes a batch of large values at once', async () => {
        const value = Buffer.alloc(300_000, 'x');
        const results = await Promise.all(
          Array.from({ length: 20 }, (_, n) =>
            store.commit([{ kind: 'put', key: `/large/${n}`, value, precondition: absent }]),
          ),
        );
        expect(results.every(({ ok }) => ok)).to.equal(true);
        const watcher = new Watcher(store, ['/large/'], 0);
        await watcher.reached(20);
        await watcher.stop();
        expect(watcher.events.every(({ current }) => current?.value.byteLength === 300_000)).to.equal(true);
      });

      it('keeps a value of the greatest size, and an empty one, byte for byte', async () => {
        const value = Buffer.alloc(MAX_VALUE_BYTES, 'gantry');
        await store.commit([{ kind: 'put', key: '/big', value, precondition: absent }, put('/empty', '')]);
        const { items } = await store.range('/');
        expect(items.map(({ value: found }) => found.byteLength)).to.deep.equal([MAX_VALUE_BYTES, 0]);
        expect(Buffer.compare(items[0]?.value ?? Buffer.alloc(0), value)).to.equal(0);
      });

      it('turns writers away when too many wait, and takes them again later', async () => {
        await reopen({ limits: { maxQueuedCommits: 8 } });
        const results = await Promise.allSettled(
          Array.from({ length: 9 }, (_, n) => store.commit([put(`/k${n}`, '1')])),
        );
        const refused = results.filter((result) => result.status === 'rejected');
        expect(refused.map(({ reason }) => String(reason))).to.have.length(1);
        expect(refused[0]?.reason).to.include({ reason: 'Unavailable' });
        expect((await store.commit([put('/k8', '1', absent)])).ok).to.equal(true);
      });
    });

    describe('range', () => {
      it('answers in byte order of the keys, within the prefix', async () => {
        const keys = ['/p/b', '/p/a', '/p', '/q/x', '/p/é', '/p/\u{1F600}', '/p/\uFF5E', '/p/a/z', '/p/Z'];
        for (const key of keys) await mustCommit(store, put(key, 'v'));
        const wanted = keys
          .filter((key) => key.startsWith('/p/'))
          .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
        const { items } = await store.range('/p/');
        expect(items.map(({ key }) => key)).to.deep.equal(wanted);
        expect((await store.range('')).items).to.have.length(keys.length);
        expect((await store.range('/none')).items).to.deep.equal([]);
      });

      it('gives pages that say whether more follows', async () => {
        for (const key of ['/p/a', '/p/b', '/p/c', '/q']) await mustCommit(store, put(key, 'v'));
        const first = await store.range('/p/', { limit: 2 });
        expect(first).to.deep.include({ more: true, revision: 4 });
        const second = await store.range('/p/', { limit: 2, after: '/p/b', revision: first.revision });
        expect(second.items.map(({ key }) => key)).to.deep.equal(['/p/c']);
        expect(second.more).to.equal(false);
        expect((await store.range('/p/', { limit: 3 })).more, 'exactly the limit').to.equal(false);
        expect(await rejection(store.range('/p/', { limit: 0 }))).to.be.instanceOf(RangeError);
      });

      it('shows a past revision as it was, deletes and later keys included', async () => {
        await mustCommit(store, put('/a', '1'), put('/b', '1'));
        const past = await mustCommit(store, put('/a', '2'));
        await mustCommit(store, remove('/b'));
        await mustCommit(store, put('/a', '3'), put('/c', '1'));
        const { items } = await store.range('/', { revision: past });
        expect(items.map(({ key, value }) => `${key}=${text(value)}`)).to.deep.equal(['/a=2', '/b=1']);
        expect(text((await store.get('/a', { revision: past }))?.value)).to.equal('2');
        expect(await store.get('/c', { revision: past })).to.equal(undefined);
        expect(await store.get('/b', { revision: past + 1 })).to.equal(undefined);
        expect(await rejection(store.range('/', { revision: 99 }))).to.include({ reason: 'Unavailable' });
      });

      it('never shows half a commit', async () => {
        await mustCommit(store, put('/a', '1'));
        await mustCommit(store, put('/a', '2'), put('/b', '2'));
        await mustCommit(store, put('/a', '3'));
        const inside = await store.range('/', { revision: 2 });
        expect(inside.items.map(({ value }) => text(value))).to.deep.equal(['2', '2']);
        expect(inside.revision).to.equal(3);
      });

      it('gives consistent pages of one moment while writers run', async () => {
        const keys = Array.from({ length: 40 }, (_, n) => `/pair/${String(n).padStart(2, '0')}`);
        const writeAll = (round: number) => mustCommit(store, ...keys.map((key) => put(key, String(round))));
        await writeAll(0);
        const reading = { isOn: true };
        const writer = (async () => {
          let round = 0;
          while (reading.isOn) await writeAll(++round);
          return round;
        })();
        for (let read = 0; read < 10; read++) {
          const values: (string | undefined)[] = [];
          let page = await store.range('/pair/', { limit: 7 });
          values.push(...page.items.map(({ value }) => text(value)));
          while (page.more) {
            const after = page.items.at(-1)?.key ?? '';
            page = await store.range('/pair/', { limit: 7, after, revision: page.revision });
            values.push(...page.items.map(({ value }) => text(value)));
          }
          expect(values).to.have.length(keys.length);
          expect(new Set(values), 'every key is of the same commit').to.have.property('size', 1);
        }
        reading.isOn = false;
        expect(await writer, 'writes made meanwhile').to.be.greaterThan(0);
      });

      it('reads more keys than one page of the engine holds', async () => {
        for (let first = 0; first < 2500; first += 100) {
          await mustCommit(
            store,
            ...Array.from({ length: 100 }, (_, n) => put(`/many/${first + n}`, String(first + n))),
          );
        }
        const { items, more } = await store.range('/many/');
        expect(items).to.have.length(2500);
        expect(more).to.equal(false);
        expect(new Set(items.map(({ key }) => key)).size).to.equal(2500);
      });
    });

    describe('watch', () => {
      it('tells the past from the revision asked for, then the present, with what was before', async () => {
        await mustCommit(store, put('/w/a', '1'));
        const start = await mustCommit(store, put('/w/a', '2'), put('/other', 'x'));
        await mustCommit(store, put('/w/b', '1'));
        const watcher = new Watcher(store, ['/w/'], start);
        await watcher.reached(4);
        await mustCommit(store, put('/w/a', '3'), put('/other', 'y'), remove('/w/b'));
        await mustCommit(store, put('/w/b', '2'));
        await watcher.reached(8);
        await watcher.stop();
        expect(watcher.events.map(describeEvent)).to.deep.equal([
          'put /w/b=1 @4',
          'put /w/a=3 @5 (was 2)',
          'delete /w/b @7 (was 1)',
          'put /w/b=2 @8',
        ]);
        const [, second, third] = watcher.events;
        expect(second?.current).to.deep.include({ createRevision: 1, modRevision: 5, version: 3 });
        expect(second?.previous).to.deep.include({ createRevision: 1, modRevision: 2, version: 2 });
        expect(third?.current).to.equal(undefined);
      });

      it('tells the same of the past as of the present', async () => {
        const live = new Watcher(store, ['/'], 0);
        await mustCommit(store, put('/a', '1'));
        await mustCommit(store, put('/a', '2'), put('/b', '1'));
        clock.advance(10);
        await mustCommit(store, remove('/a'));
        await live.reached(4);
        const late = new Watcher(store, ['/'], 0);
        await late.reached(4);
        const plain = ({ events }: Watcher): unknown => JSON.parse(JSON.stringify(events));
        expect(plain(late)).to.deep.equal(plain(live));
        await Promise.all([live.stop(), late.stop()]);
      });

      it('marks the end of the past, also when there is nothing in it, for whoever asks', async () => {
        await mustCommit(store, put('/a', '1'), put('/other', 'x'));
        const stop = new AbortController();
        const watch = (prefix: string): AsyncIterator<WatchBatch> =>
          store
            .watch([prefix], { afterRevision: 0, signal: stop.signal, marksPresent: true })
            [Symbol.asyncIterator]();
        const quiet = watch('/none');
        expect((await quiet.next()).value).to.deep.equal({ events: [], revision: 2 });
        const full = watch('/a');
        expect((await full.next()).value)
          .to.have.property('events')
          .with.length(1);
        expect((await full.next()).value).to.deep.equal({ events: [], revision: 2 });
        const next = full.next();
        await mustCommit(store, put('/a', '2'));
        expect((await next).value).to.have.property('revision', 3);
        stop.abort();
        expect((await full.next()).done).to.equal(true);
        expect((await quiet.next()).done).to.equal(true);
      });

      it('marks each batch with the revision it reaches, and resumes from it', async () => {
        const watcher = new Watcher(store, ['/a', '/b'], 0);
        await mustCommit(store, put('/a', '1'), put('/z', '1'));
        await mustCommit(store, put('/b', '1'));
        await watcher.reached(3);
        await watcher.stop();
        let last = 0;
        for (const { events, revision } of watcher.batches) {
          for (const event of events) expect(event.revision).to.be.greaterThan(last).and.at.most(revision);
          last = revision;
        }
        const inMiddle = new Watcher(store, ['/'], 1);
        await inMiddle.reached(3);
        expect(inMiddle.events.map(({ revision }) => revision)).to.deep.equal([2, 3]);
        await inMiddle.stop();
      });

      it('has no gap and no repeat, wherever it starts, under concurrent writers', async () => {
        const random = seededRandom(7);
        const writing = { isOn: true };
        const write = async (writer: number): Promise<void> => {
          for (let round = 0; writing.isOn; round++) {
            const key = `/k/${Math.floor(random.next() * 20)}`;
            await store.commit([
              round % 5 === 4 ? remove(key) : put(key, `${writer}.${round}`),
              put(`/noise/${writer}`, 'x'),
            ]);
          }
        };
        const writers = Array.from({ length: 8 }, (_, writer) => write(writer));
        const watchers: { watcher: Watcher; from: number }[] = [];
        for (let n = 0; n < 12; n++) {
          const from = Math.floor(random.next() * store.revision());
          watchers.push({ watcher: new Watcher(store, ['/'], from), from });
          await mustCommit(store, put('/tick', String(n)));
        }
        writing.isOn = false;
        await Promise.all(writers);
        const end = await mustCommit(store, put('/end', 'x'));
        for (const { watcher, from } of watchers) {
          await watcher.reached(end);
          await watcher.stop();
          const wanted = Array.from({ length: end - from }, (_, n) => from + 1 + n);
          expect(watcher.events.map(({ revision }) => revision)).to.deep.equal(wanted);
        }
      });

      it('tells of a write only when it is acknowledged or about to be', async () => {
        const abort = new AbortController();
        const told: number[] = [];
        const reading = (async () => {
          for await (const { revision } of store.watch(['/'], { afterRevision: 0, signal: abort.signal })) {
            expect(store.revision(), 'the acknowledged revision').to.be.at.least(revision);
            told.push(revision);
            if (revision >= 30) abort.abort();
          }
        })();
        for (let n = 0; n < 10; n++) {
          await Promise.all(['/a', '/b', '/c'].map((key) => store.commit([put(key, String(n))])));
        }
        await reading;
        expect(told.at(-1)).to.equal(30);
      });

      it('ends a reader that falls too far behind, and no other', async () => {
        await reopen({ limits: { feed: { maxEvents: 10, maxBytes: 1_000_000 } } });
        const signal = new AbortController().signal;
        const slow = store.watch(['/'], { afterRevision: 0, signal })[Symbol.asyncIterator]();
        const quick = new Watcher(store, ['/'], 0);
        await mustCommit(store, put('/a', '0'));
        expect((await slow.next()).done).to.equal(false);
        // The reader is in the live feed from its second question on.
        const second = slow.next();
        await mustCommit(store, put('/a', '1'));
        expect((await second).done).to.equal(false);
        for (let n = 0; n < 12; n++) await quick.reached(await mustCommit(store, put('/a', String(n))));
        expect(await rejection(slow.next())).to.include({ reason: 'Compacted' });
        expect((await slow.next()).done, 'ended for good').to.equal(true);
        await quick.stop();
        expect(quick.events).to.have.length(14);
      });

      it('ends quietly on abort, also when nothing ever happens', async () => {
        const watcher = new Watcher(store, ['/'], 0);
        await mustCommit(store, put('/a', '1'));
        await watcher.reached(1);
        await watcher.stop();
        const early = store.watch(['/'], { afterRevision: 0, signal: AbortSignal.abort() });
        for await (const batch of early)
          expect.fail(`an aborted watch told of ${batch.events.length} events`);
      });
    });

    describeHistory(world, differences);
    describeVersions(world);
    describeMoments(world);

    describe('size and close', () => {
      it('counts keys and bytes', async () => {
        await mustCommit(store, put('/a', '1'), put('/b', '1'), put('/c', '1'));
        await mustCommit(store, remove('/a'), remove('/none'), put('/b', '2'));
        const { keys, bytes } = await store.size();
        expect(keys).to.equal(2);
        expect(bytes).to.be.greaterThan(0);
      });

      it('finishes what it accepted, ends the watches, and refuses what comes later', async () => {
        const watcher = new Watcher(store, ['/'], 0);
        await watcher.reached(await mustCommit(store, put('/first', '1')));
        const accepted = Array.from({ length: 50 }, (_, n) => store.commit([put(`/k${n}`, '1')]));
        const closing = store.close();
        const refused = rejection(store.commit([put('/late', '1')]));
        await closing;
        expect((await Promise.all(accepted)).every(({ ok }) => ok)).to.equal(true);
        expect(await watcher.ended, 'quietly').to.equal(undefined);
        expect(watcher.events, 'everything accepted was told').to.have.length(51);
        const errors = await Promise.all([
          refused,
          rejection(store.get('/a')),
          rejection(store.range('/')),
          rejection(store.compact(1)),
          rejection(store.size()),
          new Watcher(store, ['/'], 0).ended,
        ]);
        for (const error of errors) expect(error).to.include({ reason: 'Unavailable' });
        await store.close();
      });
    });

    describeModel(open, modelRuns, differences);
  });
}
