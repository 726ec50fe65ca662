import { expect } from 'chai';
import { FakeClock } from '../../machinery/fakeclock.ts';
import { MemoryLog } from '../../store/memory.ts';
import { openMvccStore } from '../../store/mvcc.ts';
import { openStore } from '../../store/open.ts';
import { mustCommit, put, rejection, text } from './builders.ts';
import { describeStore } from './conformance.ts';

describeStore('memory', (options) => openMvccStore(new MemoryLog(), options), 200);

describe('memory store', () => {
  it('uses nothing but microtasks, so that a simulation is the same every time', async () => {
    const store = await openStore('memory:', { clock: new FakeClock() });
    let isMacrotaskRun = false;
    setImmediate(() => {
      isMacrotaskRun = true;
    });
    await mustCommit(store, put('/a', '1'));
    await Promise.all(Array.from({ length: 100 }, (_, n) => store.commit([put(`/k${n}`, '1')])));
    await store.range('/');
    await store.compact(store.revision());
    await store.close();
    expect(isMacrotaskRun, 'the event loop turned').to.equal(false);
  });

  it('ranges 10,000 keys in well under a second, page by page', async () => {
    const store = await openStore('memory:', { clock: new FakeClock() });
    for (let first = 0; first < 10_000; first += 100) {
      await mustCommit(store, ...Array.from({ length: 100 }, (_, n) => put(`/k/${(first + n) * 7919}`, 'v')));
    }
    const startMs = performance.now();
    let count = 0;
    let page = await store.range('/k/', { limit: 100 });
    for (count += page.items.length; page.more; count += page.items.length) {
      page = await store.range('/k/', {
        limit: 100,
        after: page.items.at(-1)?.key ?? '',
        revision: page.revision,
      });
    }
    expect(count).to.equal(10_000);
    // Linear in the page, not in the store: a scan per page would take a hundred times this work.
    expect(performance.now() - startMs).to.be.lessThan(5000);
    await store.close();
  });

  it('opens by address and names the engines for one it does not know', async () => {
    const store = await openStore('memory:', { clock: new FakeClock() });
    await mustCommit(store, put('/a', '1'));
    expect(text((await store.get('/a'))?.value)).to.equal('1');
    await store.close();
    const clock = new FakeClock();
    expect((await rejection(openStore('redis://x', { clock }))).message).to.match(
      /redis:\/\/x.*memory:, sqlite:/,
    );
    expect((await rejection(openStore('sqlite:', { clock }))).message).to.contain('sqlite:PATH');
  });
});
