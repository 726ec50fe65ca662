/** The part of the store's promise about one key's past: its writes, what was noted with them, and how far back they go. */
import { expect } from 'chai';
import { seededRandom } from '../../machinery/random.ts';
import { MAX_NOTE_BYTES, type Store, type StoreVersion, type Write } from '../../store/store.ts';
import { at, mustCommit, put, rejection, remove, text } from './builders.ts';

interface World {
  readonly store: Store;
}

const noted = (write: Write, note: string): Write => ({ ...write, note });

function described({ kind, revision, note, current }: StoreVersion): string {
  const what = kind === 'put' ? `=${text(current?.value)}` : '';
  return `${kind}${what} @${revision}${note === undefined ? '' : ` by ${note}`}`;
}

export function describeVersions(world: World): void {
  const told = async (key: string, limit = 100, beforeRevision?: number): Promise<readonly string[]> => {
    const query = { limit, ...(beforeRevision === undefined ? {} : { beforeRevision }) };
    return (await world.store.history(key, query)).versions.map(described);
  };

  /** Revisions 1 to 6. */
  const live = async (): Promise<void> => {
    await mustCommit(world.store, noted(put('/a', '1'), 'ann'));
    await mustCommit(world.store, noted(put('/a', '2'), 'bob'), put('/ab', 'x'));
    await mustCommit(world.store, noted(remove('/a'), 'cid'));
    await mustCommit(world.store, noted(put('/a', '3'), 'dan'));
    await mustCommit(world.store, put('/a', '4'));
  };

  describe('history', () => {
    it('tells the writes of one key newest first, deletes among them, with what was noted', async () => {
      await live();
      expect(await told('/a')).to.deep.equal([
        'put=4 @6',
        'put=3 @5 by dan',
        'delete @4 by cid',
        'put=2 @2 by bob',
        'put=1 @1 by ann',
      ]);
      const { versions, more, oldestRevision } = await world.store.history('/a', { limit: 5 });
      expect({ more, oldestRevision }).to.deep.equal({ more: false, oldestRevision: 0 });
      expect(versions.map(({ current }) => current?.version)).to.deep.equal([2, 1, undefined, 2, 1]);
      expect(versions.every(({ writtenAtMs }) => writtenAtMs > 0)).to.equal(true);
    });

    it('ends with a delete when the key is gone, and knows nothing of a key that never was', async () => {
      await mustCommit(world.store, put('/a', '1'));
      await mustCommit(world.store, noted(remove('/a'), 'ann'));
      expect(await told('/a')).to.deep.equal(['delete @2 by ann', 'put=1 @1']);
      expect(await told('/')).to.deep.equal([]);
      expect(await told('/b')).to.deep.equal([]);
    });

    it('comes in pages, each from where the last one ended', async () => {
      await live();
      const first = await world.store.history('/a', { limit: 2 });
      expect(first.versions.map(described)).to.deep.equal(['put=4 @6', 'put=3 @5 by dan']);
      expect(first.more).to.equal(true);
      const second = await world.store.history('/a', { limit: 2, beforeRevision: 5 });
      expect(second.versions.map(described)).to.deep.equal(['delete @4 by cid', 'put=2 @2 by bob']);
      expect(second.more).to.equal(true);
      const third = await world.store.history('/a', { limit: 2, beforeRevision: 2 });
      expect(third.versions.map(described)).to.deep.equal(['put=1 @1 by ann']);
      expect(third.more).to.equal(false);
      expect(await told('/a', 2, 1)).to.deep.equal([]);
    });

    it('begins with what was there at the oldest moment that is kept', async () => {
      await live();
      await world.store.compact(2);
      // The commit of revision 2 has another write, 3, and is kept or forgotten whole.
      expect(await told('/a')).to.deep.equal([
        'put=4 @6',
        'put=3 @5 by dan',
        'delete @4 by cid',
        'put=2 @2 by bob',
      ]);
      expect(await world.store.history('/a', { limit: 9 })).to.include({ oldestRevision: 3, more: false });
      expect(await told('/a', 9, 2)).to.deep.equal([]);
      await world.store.compact(4);
      expect(await told('/a')).to.deep.equal(['put=4 @6', 'put=3 @5 by dan']);
      await world.store.compact(6);
      expect(await told('/a')).to.deep.equal(['put=4 @6']);
      expect(await told('/a', 9, 6)).to.deep.equal([]);
    });

    it('says nothing of a delete that found nothing', async () => {
      await mustCommit(world.store, put('/a', '1'), put('/b', '1'));
      await mustCommit(world.store, noted(remove('/a'), 'ann'));
      await mustCommit(world.store, noted(remove('/a'), 'bob'), put('/b', '2'));
      await mustCommit(world.store, noted(remove('/never'), 'bob'), put('/b', '3'));
      expect(await told('/a')).to.deep.equal(['delete @3 by ann', 'put=1 @1']);
      expect(await told('/never')).to.deep.equal([]);
    });

    it('gives a note to no write that failed', async () => {
      await mustCommit(world.store, noted(put('/a', '1'), 'ann'));
      const result = await world.store.commit([noted(put('/a', '2', at(99)), 'bob')]);
      expect(result).to.include({ ok: false });
      expect(await told('/a')).to.deep.equal(['put=1 @1 by ann']);
    });

    it('keeps notes apart from values, for readers and watchers', async () => {
      const note = '{"user":"ånn \\n"}';
      await mustCommit(world.store, noted(put('/a', ''), note));
      expect(await world.store.get('/a')).to.include({ note });
      expect(text((await world.store.get('/a'))?.value)).to.equal('');
      const [item] = (await world.store.range('/a')).items;
      expect(item).to.include({ note });
      await mustCommit(world.store, put('/a', '2'));
      expect(await world.store.get('/a')).not.to.have.property('note');
    });

    it('refuses a note that is too long, and more noted deletes than fit', async () => {
      const long = noted(put('/a', '1'), 'ä'.repeat(MAX_NOTE_BYTES / 2 + 1));
      expect(await rejection(world.store.commit([long]))).to.include({ reason: 'TooLarge' });
      await mustCommit(world.store, noted(put('/a', '1'), 'n'.repeat(MAX_NOTE_BYTES)));
      const puts = Array.from({ length: 51 }, (_, n) => put(`/k/${n}`, 'x'));
      await mustCommit(world.store, ...puts);
      const deletes = puts.map(({ key }) => noted(remove(key), 'n'.repeat(200)));
      expect(await rejection(world.store.commit(deletes))).to.include({ reason: 'TooLarge' });
      await mustCommit(world.store, ...deletes.slice(0, 50));
      await mustCommit(world.store, ...deletes.slice(50));
      expect((await world.store.range('/k/')).items).to.deep.equal([]);
    });

    it('is of its key alone when many are deleted at once', async () => {
      const names = Array.from({ length: 100 }, (_, n) => `/k/${n}`);
      for (const name of names) await mustCommit(world.store, noted(put(name, name), `maker of ${name}`));
      await Promise.all(names.map((name) => world.store.commit([noted(remove(name), `remover of ${name}`)])));
      for (const name of ['/k/0', '/k/7', '/k/99']) {
        const { versions } = await world.store.history(name, { limit: 9 });
        expect(versions.map(({ kind, note }) => `${kind}: ${note}`)).to.deep.equal([
          `delete: remover of ${name}`,
          `put: maker of ${name}`,
        ]);
      }
    });

    for (const seed of [1, 2, 3]) {
      it(`tells every write, in pages of any size, from any floor on (seed ${seed})`, async () => {
        const random = seededRandom(seed);
        const pick = <T>(items: readonly T[]): T => items[Math.floor(random.next() * items.length)] as T;
        const keys = ['/a', '/ab', '/b'];
        const alive = new Set<string>();
        const written = new Map<string, { readonly revision: number; readonly line: string }[]>();
        for (let step = 0; step < 40; step++) {
          const key = pick(keys);
          const isDelete = alive.has(key) && random.next() < 0.4;
          const write = noted(isDelete ? remove(key) : put(key, String(step)), `n${step}`);
          const revision = await mustCommit(world.store, write);
          if (isDelete) alive.delete(key);
          else alive.add(key);
          const what = isDelete ? 'delete' : `put=${step}`;
          const line = `${what} @${revision} by n${step}`;
          written.set(key, [{ revision, line }, ...(written.get(key) ?? [])]);
        }
        for (const floor of [0, 11, 27, 40]) {
          await world.store.compact(floor);
          for (const key of keys) {
            const all = written.get(key) ?? [];
            const old = all.find(({ revision }) => revision <= floor);
            const wanted = all
              .filter((one) => one.revision > floor || (one === old && !one.line.startsWith('delete')))
              .map(({ line }) => line);
            const found: string[] = [];
            for (let beforeRevision: number | undefined, more = true; more; ) {
              const limit = pick([1, 2, 3, 50]);
              const before = beforeRevision === undefined ? {} : { beforeRevision };
              const page = await world.store.history(key, { limit, ...before });
              found.push(...page.versions.map(described));
              beforeRevision = page.versions.at(-1)?.revision;
              ({ more } = page);
            }
            expect(found, `${key} from ${floor} on`).to.deep.equal(wanted);
          }
        }
      });
    }

    it('wants a limit', async () => {
      expect(await rejection(world.store.history('/a', { limit: 0 }))).to.be.instanceOf(RangeError);
    });
  });
}
