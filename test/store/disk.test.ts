/** A real small disk (tmpfs) that fills up, grows, and turns read-only. Needs leave to mount; elsewhere it is left out. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { FakeClock } from '../../machinery/fakeclock.ts';
import { openStore } from '../../store/open.ts';
import type { Store } from '../../store/store.ts';
import { mustCommit, newDirectory, put, rejection, removeDirectories, Watcher } from './builders.ts';

describe('sqlite store on a disk', () => {
  let disk: string;
  let store: Store;
  const mount = (...words: string[]): void => {
    execFileSync('mount', [...words, disk], { stdio: 'pipe' });
  };
  const open = async (): Promise<Store> =>
    openStore(`sqlite:${join(disk, 'store')}`, { clock: new FakeClock() });
  /** Writes until it is refused; the revision of the last write that was acknowledged, and the refusal. */
  const fillUp = async (): Promise<{ acknowledged: number; refusal: Error }> => {
    let acknowledged = store.revision();
    const refusal = await rejection(
      (async () => {
        for (let n = 0; n < 10_000; n++)
          acknowledged = await mustCommit(store, put('/a', `${n}`.padEnd(2000)));
      })(),
    );
    return { acknowledged, refusal };
  };
  const takeRoom = (name: string): void => {
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(join(disk, name), Buffer.alloc(bavail * bsize));
  };

  before(function () {
    disk = join(newDirectory(), 'disk');
    mkdirSync(disk);
    try {
      mount('-t', 'tmpfs', '-o', 'size=3m', 'tmpfs');
    } catch {
      // Only a machine's administrator may mount; the same faults without a disk are in sqlite.test.ts.
      this.skip();
    }
  });
  after(() => {
    try {
      execFileSync('umount', ['-l', disk], { stdio: 'pipe' });
    } finally {
      removeDirectories();
    }
  });

  it('fills up: writes are refused, reads and watches go on; with room again nothing acknowledged is missing', async () => {
    store = await open();
    const watcher = new Watcher(store, ['/'], 0);
    const { acknowledged, refusal } = await fillUp();
    expect(refusal).to.include({ name: 'StoreError', reason: 'ReadOnly' });
    expect(refusal.message).to.contain(disk).and.contain('room');
    expect(acknowledged).to.be.greaterThan(50);
    expect((await store.get('/a'))?.modRevision).to.equal(acknowledged);
    expect((await store.get('/a', { revision: acknowledged - 1 }))?.modRevision).to.equal(acknowledged - 1);
    await watcher.reached(acknowledged);

    mount('-o', 'remount,size=8m');
    const next = await mustCommit(store, put('/a', 'there is room'));
    await watcher.reached(next);
    await watcher.stop();
    expect(watcher.events.map(({ revision }) => revision)).to.deep.equal(
      Array.from({ length: next }, (_, at) => at + 1),
    );
  });

  it('is closed properly when full, cannot be opened without any room, and says so; opens whole with room', async () => {
    takeRoom('taken');
    const { acknowledged } = await fillUp();
    await store.close();
    rmSync(join(disk, 'taken'));
    takeRoom('taken');
    const error = await rejection(open());
    expect(error).to.include({ name: 'StoreError', reason: 'ReadOnly' });
    expect(error.message)
      .to.contain(disk)
      .and.match(/no room|is full/);
    rmSync(join(disk, 'taken'));
    store = await open();
    expect(store.revision()).to.equal(acknowledged);
    await mustCommit(store, put('/a', 'there is room'));
  });

  it('turns read-only: refused at open with a sentence, and opened when it is writable again', async () => {
    const revision = store.revision();
    await store.close();
    mount('-o', 'remount,ro');
    const error = await rejection(open());
    expect(error).to.include({ name: 'StoreError', reason: 'Unavailable' });
    expect(error.message).to.contain(join(disk, 'store')).and.contain('read-only file system');
    mount('-o', 'remount,rw');
    store = await open();
    expect(await mustCommit(store, put('/a', 'writable'))).to.equal(revision + 1);
    await store.close();
  });
});
