/** The watch cache: what readers see, what watchers are told, and what happens when either falls behind. */
import { expect } from 'chai';
import { openRegistry, type RegistryOptions } from '../../../api/registry/open.ts';
import type {
  Registry,
  RegistryListOptions,
  RegistryWatchOptions,
  ServedKind,
  StoredWatchEvent,
} from '../../../api/registry/types.ts';
import type { Client } from '../../../machinery/client.ts';
import { ApiError, StoreError } from '../../../machinery/errors.ts';
import { FakeClock } from '../../../machinery/fakeclock.ts';
import { GROUP_MASTERS } from '../../../machinery/identity.ts';
import { silentLog } from '../../../machinery/log.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import { pick, seededRandom } from '../../../machinery/random.ts';
import { namespaces, tasks } from '../../../schemas/kinds.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { openStore } from '../../../store/open.ts';
import type { Store } from '../../../store/store.ts';
import { taskManifest } from '../../builders.ts';
import { refusalOf } from '../../client-conformance.ts';

const context = { identity: { name: 'admin', groups: [GROUP_MASTERS] } };
const key = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name });
/** Lets everything run that waits for nothing but its turn. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Reads a watch of the registry one event at a time. */
class Reader {
  readonly #iterator: AsyncIterator<StoredWatchEvent>;
  readonly #controller: AbortController;

  constructor(iterator: AsyncIterator<StoredWatchEvent>, controller: AbortController) {
    this.#iterator = iterator;
    this.#controller = controller;
  }

  static async open(
    registry: Registry,
    kind: ServedKind,
    options: RegistryWatchOptions = {},
  ): Promise<Reader> {
    const controller = new AbortController();
    const events = await registry.watch(context, kind, { ...options, signal: controller.signal });
    return new Reader(events[Symbol.asyncIterator](), controller);
  }

  next(): Promise<IteratorResult<StoredWatchEvent>> {
    return this.#iterator.next();
  }

  async event(): Promise<StoredWatchEvent> {
    const result = await this.next();
    if (result.done === true) throw new Error('the watch ended');
    return result.value;
  }

  abort(): void {
    this.#controller.abort();
  }
}

function textOf(event: StoredWatchEvent): string {
  return event.type === 'BOOKMARK'
    ? `BOOKMARK ${event.resourceVersion}${event.isInitialEnd === true ? ' end of initial' : ''}`
    : `${event.type} ${event.stored.object.metadata.name}`;
}

describe('The watch cache', () => {
  let clock: FakeClock;
  let store: Store;
  let registry: Registry;
  let client: Client;
  let kind: ServedKind;

  async function open(options: Partial<RegistryOptions> = {}): Promise<void> {
    registry = await openRegistry({
      store,
      clock,
      random: seededRandom(1),
      log: silentLog,
      metrics: newMetrics(),
      ...options,
    });
    client = registry.as(context.identity);
    const served = registry.findKind('gantry.dev', 'v1', 'tasks');
    if (served === undefined) throw new Error('tasks are not served');
    kind = served;
  }

  beforeEach(async () => {
    clock = new FakeClock();
    store = await openStore('memory:', { clock, random: seededRandom(2) });
    await open();
  });
  afterEach(async () => {
    await registry.close();
    await store.close();
  });

  const create = (name: string, labels?: Record<string, string>): Promise<Task> =>
    client.create(tasks, taskManifest(name, {}, labels === undefined ? {} : { labels }));
  const edit = (name: string, image: string): Promise<Task> =>
    client.patch(tasks, key(name), { type: 'merge', body: { spec: { image } } });
  const remove = (name: string): Promise<Task> => client.delete(tasks, key(name));
  const list = (options: RegistryListOptions = {}): ReturnType<Registry['list']> =>
    registry.list(context, kind, options);

  describe('serves', () => {
    it('objects with the very bytes that JSON makes of them, frozen', async () => {
      await create('a', { weird: '' });
      const stored = await registry.get(context, kind, key('a'));
      expect(JSON.parse(Buffer.from(stored.json).toString())).to.deep.equal(stored.object);
      expect(Buffer.from(stored.json).toString()).to.equal(JSON.stringify(stored.object));
      expect(stored.object.metadata.resourceVersion).to.equal(String(stored.resourceVersion));
      expect(() => {
        stored.object.metadata.name = 'x';
      }).to.throw(TypeError);
    });

    it('the answer of a write with the same bytes as a read', async () => {
      const { stored, isCreated } = await registry.create(context, kind, taskManifest('a'));
      expect(isCreated).to.equal(true);
      const read = await registry.get(context, kind, key('a'));
      expect(Buffer.from(stored.json).toString()).to.equal(Buffer.from(read.json).toString());
    });

    it('bytes that an annotation which looks like metadata does not spoil', async () => {
      await client.create(tasks, taskManifest('a', {}, { annotations: { x: '"metadata":{' } }));
      const { object, json } = await registry.get(context, kind, key('a'));
      expect(JSON.parse(Buffer.from(json).toString())).to.deep.equal(object);
    });

    it('the same list until something of the kind changes', async () => {
      await create('a');
      const first = await list();
      await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'other' } });
      const second = await list();
      expect(second.items).to.equal(first.items);
      expect(second.resourceVersion).to.be.greaterThan(first.resourceVersion);
      await create('b');
      expect((await list()).items).to.have.length(2);
      expect(first.items).to.have.length(1);
    });

    it('what another server wrote to the same store', async () => {
      const other = await openRegistry({
        store,
        clock,
        random: seededRandom(3),
        log: silentLog,
        metrics: newMetrics(),
      });
      await other.as(context.identity).create(tasks, taskManifest('a'));
      expect((await client.get(tasks, key('a'))).metadata.name).to.equal('a');
      await other.close();
    });

    it('the past exactly, while it is kept', async () => {
      const a = await create('a');
      await edit('a', 'two');
      await create('b');
      const options = { resourceVersion: a.metadata.resourceVersion ?? '', resourceVersionMatch: 'Exact' };
      const then = await list(options);
      expect(then.items.map(({ object }) => object)).to.deep.equal([a]);
      expect(String(then.resourceVersion)).to.equal(a.metadata.resourceVersion);
      await store.compact(store.revision());
      await refusalOf(list(options), 'Expired');
    });

    it('no page of a list whose moment is gone', async () => {
      for (const name of ['a', 'b', 'c']) await create(name);
      const page = await list({ limit: 1 });
      await create('d');
      await store.compact(store.revision());
      const error = await refusalOf(list({ limit: 1, continue: page.continue ?? '' }), 'Expired');
      expect(error.code).to.equal(410);
      expect(error.message).to.match(
        /^The provided continue parameter is too old to display a consistent list result/,
      );
    });

    it('pages by selector, whole, in order', async () => {
      for (let at = 0; at < 9; at++) await create(`t${at}`, { odd: String(at % 2 === 1) });
      const names: string[] = [];
      let next: string | undefined;
      do {
        const page = await list({
          limit: 2,
          labelSelector: 'odd=true',
          ...(next === undefined ? {} : { continue: next }),
        });
        expect(page.remainingItemCount).to.equal(undefined);
        names.push(...page.items.map(({ object }) => object.metadata.name));
        next = page.continue;
        if (names.length === 2) await remove('t8');
      } while (next !== undefined);
      expect(names).to.deep.equal(['t1', 't3', 't5', 't7']);
    });

    it('only options that make sense together', async () => {
      await refusalOf(list({ resourceVersionMatch: 'Exact' }), 'Invalid');
      await refusalOf(list({ resourceVersionMatch: 'Exact', resourceVersion: '0' }), 'Invalid');
      await refusalOf(list({ resourceVersionMatch: 'Sometimes', resourceVersion: '1' }), 'Invalid');
      await refusalOf(list({ resourceVersion: 'abc' }), 'BadRequest');
      expect((await list({ resourceVersion: '0' })).items).to.deep.equal([]);
      expect(
        (await list({ resourceVersion: '1', resourceVersionMatch: 'NotOlderThan' })).items,
      ).to.deep.equal([]);
    });

    it('nobody a version that is not written yet: waits a little, then says so', async () => {
      const future = String(store.revision() + 1);
      const waiting = list({ resourceVersion: future, resourceVersionMatch: 'NotOlderThan' });
      await create('a');
      expect((await waiting).items).to.have.length(1);
      const vain = refusalOf(list({ resourceVersion: '9999' }), 'Timeout');
      await settle();
      clock.advance(3_000);
      const error = await vain;
      expect(error.message).to.match(/^Too large resource version: 9999, current: \d+$/);
      expect(error.details?.causes?.[0]?.reason).to.equal('ResourceVersionTooLarge');
      const hasty = registry.watch(context, kind, { resourceVersion: '9999', signal: AbortSignal.abort() });
      expect((await refusalOf(hasty, 'Timeout')).message).to.equal(error.message);
    });
  });

  describe('tells watchers', () => {
    it('the end of the initial events, when they were asked for', async () => {
      await create('a');
      const reader = await Reader.open(registry, kind, {
        sendInitialEvents: true,
        allowWatchBookmarks: true,
      });
      expect(textOf(await reader.event())).to.equal('ADDED a');
      expect(textOf(await reader.event())).to.equal(`BOOKMARK ${store.revision()} end of initial`);
      reader.abort();
    });

    it('how far they are, once a minute, when they want bookmarks', async () => {
      const reader = await Reader.open(registry, kind, { allowWatchBookmarks: true });
      const first = reader.event();
      await settle();
      await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'x' } });
      await settle();
      clock.advance(60_000);
      expect(textOf(await first)).to.equal(`BOOKMARK ${store.revision()}`);
      const second = reader.event();
      await settle();
      clock.advance(60_000);
      expect(textOf(await second)).to.equal(`BOOKMARK ${store.revision()}`);
      reader.abort();
    });

    it('once that they have caught up, when they want that marked: after the past, and where there is none', async () => {
      const a = await create('a');
      await edit('a', 'two');
      await create('b');
      const resourceVersion = a.metadata.resourceVersion ?? '';
      const reader = await Reader.open(registry, kind, { resourceVersion, marksPresent: true });
      expect(textOf(await reader.event())).to.equal('MODIFIED a');
      expect(textOf(await reader.event())).to.equal('ADDED b');
      expect(textOf(await reader.event())).to.equal(`BOOKMARK ${store.revision()}`);
      const next = reader.event();
      await settle();
      clock.advance(120_000);
      await create('c');
      expect(textOf(await next)).to.equal('ADDED c');
      reader.abort();
      const both = await Reader.open(registry, kind, {
        resourceVersion: String(store.revision()),
        marksPresent: true,
        allowWatchBookmarks: true,
      });
      expect(textOf(await both.event())).to.equal(`BOOKMARK ${store.revision()}`);
      const later = both.event();
      await settle();
      clock.advance(60_000);
      expect(textOf(await later)).to.equal(`BOOKMARK ${store.revision()}`);
      both.abort();
    });

    it('the same frame, made once, and what the object was before', async () => {
      const readers = await Promise.all([Reader.open(registry, kind), Reader.open(registry, kind)]);
      const a = await create('a');
      await edit('a', 'two');
      const frames: Uint8Array[] = [];
      for (const reader of readers) {
        const added = await reader.event();
        const modified = await reader.event();
        if (added.type === 'BOOKMARK' || modified.type === 'BOOKMARK') return expect.fail('wanted changes');
        expect(added.previous).to.equal(undefined);
        expect(modified.previous?.object).to.deep.equal(a);
        frames.push(modified.frame());
        const frame = Buffer.from(modified.frame()).toString();
        expect(frame.endsWith('}\n')).to.equal(true);
        expect(JSON.parse(frame)).to.deep.equal({ type: 'MODIFIED', object: modified.stored.object });
        reader.abort();
      }
      expect(frames[0]).to.equal(frames[1]);
    });

    it('that they are over, quietly, when they abort or the registry closes', async () => {
      const aborted = await Reader.open(registry, kind);
      const waiting = aborted.next();
      await settle();
      aborted.abort();
      expect((await waiting).done).to.equal(true);
      const left = await Reader.open(registry, kind);
      const ending = left.next();
      await settle();
      await registry.close();
      expect((await ending).done).to.equal(true);
      await refusalOf(list(), 'ServiceUnavailable');
    });

    it('that a version is too old, before the watch begins', async () => {
      await create('a');
      await registry.close();
      await store.compact(store.revision());
      await open();
      const error = await refusalOf(registry.watch(context, kind, { resourceVersion: '1' }), 'Expired');
      expect(error.message).to.match(/^too old resource version: 1 \(\d+\)$/);
    });

    it('the past that only the store remembers, then the present', async () => {
      const a = await create('a');
      await edit('a', 'two');
      await remove('a');
      await create('b');
      await registry.close();
      await open();
      const reader = await Reader.open(registry, kind, { resourceVersion: a.metadata.resourceVersion ?? '' });
      const told = [await reader.event(), await reader.event(), await reader.event()].map(textOf);
      expect(told).to.deep.equal(['MODIFIED a', 'DELETED a', 'ADDED b']);
      await create('c');
      expect(textOf(await reader.event())).to.equal('ADDED c');
      reader.abort();
    });

    it('that they are too slow, when the log of changes ran over them', async () => {
      await registry.close();
      await open({ cacheLimits: { maxChanges: 4, maxChangeBytes: 1024 * 1024 } });
      await create('a');
      const slow = await Reader.open(registry, kind);
      expect(textOf(await slow.event())).to.equal('ADDED a');
      const waiting = slow.event();
      await settle();
      await edit('a', 'v0');
      expect(textOf(await waiting)).to.equal('MODIFIED a');
      let last = 0;
      for (let at = 1; at <= 6; at++) last = Number((await edit('a', `v${at}`)).metadata.resourceVersion);
      try {
        await slow.event();
        expect.fail('the slow watcher was not ended');
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        expect(error.reason).to.equal('Expired');
        expect(error.message).to.include('too slow');
      }
      // Whoever comes back is served from the store's history: nothing is lost.
      const back = await Reader.open(registry, kind, { resourceVersion: String(last - 5) });
      const versions: number[] = [];
      for (let at = 0; at < 5; at++) {
        const event = await back.event();
        if (event.type !== 'BOOKMARK') versions.push(event.stored.resourceVersion);
      }
      const next = Number((await edit('a', 'next')).metadata.resourceVersion);
      const event = await back.event();
      if (event.type !== 'BOOKMARK') versions.push(event.stored.resourceVersion);
      expect(versions).to.deep.equal([last - 4, last - 3, last - 2, last - 1, last, next]);
      back.abort();
    });
  });

  describe('recovers', () => {
    /** The store, with a watch that can be broken from outside. */
    function breakable(): { store: Store; breakWatch: (error: Error) => void } {
      let fail: ((error: Error) => void) | undefined;
      const broken = new Proxy(store, {
        get(target, property): unknown {
          if (property === 'watch') {
            const watch: Store['watch'] = async function* (prefixes, options) {
              const failure = new Promise<never>((_resolve, reject) => {
                fail = reject;
              });
              failure.catch(() => undefined);
              const inner = target.watch(prefixes, options)[Symbol.asyncIterator]();
              for (;;) {
                const result = await Promise.race([inner.next(), failure]);
                if (result.done === true) return;
                yield result.value;
              }
            };
            return watch;
          }
          const value: unknown = Reflect.get(target, property, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
      return { store: broken, breakWatch: (error) => fail?.(error) };
    }

    it('from a store that went away for a while: watchers notice nothing', async () => {
      await registry.close();
      const { store: flaky, breakWatch } = breakable();
      await open({ store: flaky });
      const reader = await Reader.open(registry, kind);
      breakWatch(new StoreError('Unavailable', 'gone for a walk'));
      await settle();
      expect(registry.isReady()).to.equal(false);
      clock.advance(60_000);
      await settle();
      expect(registry.isReady()).to.equal(true);
      await create('a');
      expect(textOf(await reader.event())).to.equal('ADDED a');
      reader.abort();
    });

    it('from having been behind the store: whom the store told meanwhile is not told again', async () => {
      const a = await create('a');
      await edit('a', 'two');
      const other = registry;
      const { store: flaky, breakWatch } = breakable();
      await open({ store: flaky });
      breakWatch(new StoreError('Unavailable', 'gone for a walk'));
      await settle();
      const elsewhere = other.as(context.identity);
      await elsewhere.create(tasks, taskManifest('b'));
      const reader = await Reader.open(registry, kind, { resourceVersion: a.metadata.resourceVersion ?? '' });
      const told = [await reader.event(), await reader.event()].map(textOf);
      expect(told).to.deep.equal(['MODIFIED a', 'ADDED b']);
      const waiting = reader.event();
      await settle();
      clock.advance(60_000);
      await settle();
      await elsewhere.create(tasks, taskManifest('c'));
      expect(textOf(await waiting)).to.equal('ADDED c');
      reader.abort();
      await other.close();
    });

    it('from having fallen too far behind: reads everything anew and ends every watch as expired', async () => {
      await registry.close();
      const { store: flaky, breakWatch } = breakable();
      await open({ store: flaky });
      await create('a');
      const reader = await Reader.open(registry, kind, { resourceVersion: String(store.revision()) });
      const waiting = refusalOf(reader.event(), 'Expired');
      await settle();
      breakWatch(new StoreError('Compacted', 'too far behind'));
      await settle();
      expect(registry.isReady()).to.equal(false);
      clock.advance(60_000);
      await waiting;
      await settle();
      expect(registry.isReady()).to.equal(true);
      await create('b');
      expect((await list()).items.map(({ object }) => object.metadata.name)).to.deep.equal(['a', 'b']);
    });
  });

  it('tells every watcher every change once, in order, however it is cut and resumed', async () => {
    const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9));
    const replay = `replay: SEED=${seed} npx mocha test/api/registry/watchcache.test.ts`;
    const random = seededRandom(seed);
    await registry.close();
    await open({ cacheLimits: { maxChanges: 16, maxChangeBytes: 64 * 1024 } });
    const start = store.revision();
    const writing = new AbortController();

    /** Follows by resuming after the last version seen, cut at random; keeps what it was told. */
    const follow = async (labelSelector: string | undefined): Promise<Map<string, string>> => {
      const present = new Map<string, string>();
      let after = start;
      while (!writing.signal.aborted || after < store.revision()) {
        const reader = await Reader.open(registry, kind, {
          resourceVersion: String(after),
          allowWatchBookmarks: true,
          ...(labelSelector === undefined ? {} : { labelSelector }),
        });
        const patience = 1 + Math.floor(random.next() * 12);
        for (let seen = 0; seen < patience; seen++) {
          const pending = reader.next();
          // It may fail while we still look elsewhere; the race below sees it.
          pending.catch(() => undefined);
          // Nothing more to come for a watcher with a selector shows as a bookmark.
          for (let turn = 0; turn < 3; turn++) await settle();
          if (writing.signal.aborted) clock.advance(60_000);
          let result: IteratorResult<StoredWatchEvent>;
          try {
            result = await Promise.race([
              pending,
              settle().then(() => ({ done: true as const, value: undefined })),
            ]);
          } catch (error) {
            if (error instanceof ApiError && error.reason === 'Expired') break;
            throw error;
          }
          if (result.done === true) {
            reader.abort();
            const last = await pending;
            if (last.done === true) break;
            result = last;
          }
          const event = result.value;
          if (event.type === 'BOOKMARK') {
            expect(event.resourceVersion, replay).to.be.at.least(after);
            after = event.resourceVersion;
            continue;
          }
          expect(event.stored.resourceVersion, replay).to.be.greaterThan(after);
          after = event.stored.resourceVersion;
          const { name } = event.stored.object.metadata;
          expect(event.type === 'ADDED', `${replay}: ${textOf(event)}`).to.equal(!present.has(name));
          if (event.type === 'DELETED') present.delete(name);
          else present.set(name, String(after));
        }
        reader.abort();
        // Away long enough, now and then, that only the store remembers what came next.
        const away = random.next() < 0.4 ? 30 : 0;
        for (let turn = 0; turn < away; turn++) await settle();
      }
      return present;
    };

    const names = ['a', 'b', 'c', 'd'];
    const write = async (): Promise<void> => {
      for (let at = 0; at < 60; at++) {
        const name = pick(random, names) ?? 'a';
        const act = pick(random, ['create', 'label', 'delete']);
        try {
          if (act === 'create') await create(name, { app: pick(random, ['web', 'db']) ?? 'web' });
          else if (act === 'delete') await remove(name);
          else {
            const body = {
              metadata: { labels: { app: pick(random, ['web', 'db']) } },
              spec: { image: `v${at}` },
            };
            await client.patch(tasks, key(name), { type: 'merge', body });
          }
        } catch (error) {
          if (!(error instanceof ApiError) || !['NotFound', 'AlreadyExists'].includes(error.reason))
            throw error;
        }
        if (random.next() < 0.3) await settle();
      }
    };
    const followers = [undefined, 'app=web', 'app=db', 'app'].map((selector) => ({
      selector,
      present: follow(selector),
    }));
    await Promise.all([write(), write(), write()]);
    writing.abort();
    for (const { selector, present } of followers) {
      const wanted = (await list(selector === undefined ? {} : { labelSelector: selector })).items.map(
        ({ object, resourceVersion }) => [object.metadata.name, String(resourceVersion)] as const,
      );
      expect(Object.fromEntries(await present), replay).to.deep.equal(Object.fromEntries(wanted));
    }
  }).timeout(30_000);
});
