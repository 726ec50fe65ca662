/** What `Log` promises below `Store`: which rows are left after forgetting, and that slices add up. */
import { expect } from 'chai';
import { Envelopes } from '../../store/envelope.ts';
import type { Log, LogWrite } from '../../store/log.ts';
import { MemoryLog } from '../../store/memory.ts';
import { openSqliteLog } from '../../store/sqlite/sqlite.ts';
import { newDirectory, removeDirectories } from './builders.ts';

function write(kind: 'put' | 'delete', key: string, knownRevision?: number): LogWrite {
  const record = new Envelopes().seal(key, Buffer.from(key), 0);
  return { kind, key, record, precondition: { kind: 'none' }, knownRevision };
}

const logs: Readonly<Record<string, () => Promise<Log>>> = {
  memory: async () => new MemoryLog(),
  sqlite: () => openSqliteLog({ directory: newDirectory(), newClusterId: 'test', synchronous: 'FULL' }),
};

for (const [name, open] of Object.entries(logs)) {
  describe(`Log promise: ${name}`, () => {
    let log: Log;
    beforeEach(async () => {
      log = await open();
    });
    afterEach(() => log.close());
    after(removeDirectories);

    const append = async (...writes: LogWrite[]) => (await log.append(writes.map((one) => [one]))).at(-1);
    const revisionsLeft = async () =>
      (await log.changes(0, [''], 1000)).changes.map(({ row }) => row.revision);
    /** Forgets row by row; how many slices it took. */
    const trim = async (floor: number, transientFloor: number): Promise<number> => {
      const request = { floor, transientFloor, transientPrefixes: ['/lease/'], maxRows: 1 };
      for (let slices = 1; ; slices++) {
        if ((await log.trim(request)).isDone) return slices;
        if (slices > 100) throw new Error('forgetting a few rows took 100 slices');
      }
    };

    it('forgets rows that were written over and deletes, and nothing an event above the floor needs', async () => {
      await append(
        write('put', '/a'),
        write('put', '/a'),
        write('put', '/lease/x'),
        write('put', '/lease/x'),
      );
      await append(write('put', '/b'), write('delete', '/b'), write('put', '/a'), write('put', '/lease/x'));
      expect(await trim(2, 4), 'slices').to.be.greaterThan(1);
      expect(await revisionsLeft()).to.deep.equal([2, 4, 5, 6, 7, 8]);
      const { changes } = await log.changes(6, [''], 1000);
      expect(changes.map(({ previous }) => previous?.revision)).to.deep.equal([2, 4]);
      await trim(8, 8);
      expect(await revisionsLeft(), 'the newest row waits for a newer one').to.deep.equal([4, 7, 8]);
      await append(write('put', '/c'));
      await trim(9, 9);
      expect(await revisionsLeft()).to.deep.equal([7, 8, 9]);
      expect(await log.head()).to.deep.include({ revision: 9, floor: 9, transientFloor: 9 });
    });

    it('looks at no more rows than asked, and says how far it got', async () => {
      await append(...Array.from({ length: 10 }, (_, n) => write('put', n % 2 === 0 ? '/a' : '/b')));
      const first = await log.changes(0, ['/b'], 5);
      expect(first.changes.map(({ row }) => row.revision)).to.deep.equal([2, 4]);
      expect(first.revision).to.equal(5);
      const rest = await log.changes(first.revision, ['/b'], 100);
      expect(rest.changes.map(({ row }) => row.revision)).to.deep.equal([6, 8, 10]);
      expect(rest.revision).to.equal(10);
    });

    it('sends back the row written over only to a caller that does not hold it', async () => {
      await append(write('put', '/a'));
      const known = await append(write('put', '/a', 1));
      expect(known?.ok === true && known.effects[0]).to.deep.include({
        previousRevision: 1,
        previous: undefined,
      });
      const stale = await append(write('put', '/a', 1));
      const effect = stale?.ok === true ? stale.effects[0] : undefined;
      expect(effect?.previous).to.deep.include({ key: '/a', revision: 2, createRevision: 1, version: 2 });
    });
  });
}
