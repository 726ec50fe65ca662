/** Two batches under way at once, and the first of them failing: nobody is told what is not so, and no watcher has a gap. */
import { expect } from 'chai';
import { StoreError } from '../../machinery/errors.ts';
import { FakeClock } from '../../machinery/fakeclock.ts';
import type { Log, LogOutcome, LogWrite } from '../../store/log.ts';
import { MemoryLog } from '../../store/memory.ts';
import { openMvccStore } from '../../store/mvcc.ts';
import type { Store } from '../../store/store.ts';
import { put, Watcher } from './builders.ts';

type Fate = 'made' | 'refused' | 'made, and then lost on the way back';

/** A log whose batches end as told, each when it is let go, in order. */
class GatedLog extends MemoryLog {
  readonly #fates: Fate[];
  readonly #gates: (() => void)[] = [];
  sizes: number[] = [];

  constructor(fates: Fate[]) {
    super('test');
    this.#fates = fates;
  }

  override async append(commits: readonly (readonly LogWrite[])[]): Promise<readonly LogOutcome[]> {
    const fate = this.#fates[this.sizes.length] ?? 'made';
    this.sizes.push(commits.length);
    // As an engine does it: in the order of the calls, however late the answers are.
    const done = fate === 'refused' ? undefined : super.append(commits);
    await new Promise<void>((resolve) => this.#gates.push(resolve));
    if (fate === 'made' && done !== undefined) return done;
    await done;
    throw new StoreError('Unavailable', 'the disk said no');
  }

  async letGoUntil(done: Promise<unknown>): Promise<void> {
    const state = { isDone: false };
    void done.then(() => {
      state.isDone = true;
    });
    while (!state.isDone) {
      this.#gates.shift()?.();
      await new Promise(setImmediate);
    }
  }

  async letGo(batches: number): Promise<void> {
    for (let at = 0; at < batches; at++) {
      while (this.#gates.length === 0) await new Promise(setImmediate);
      this.#gates.shift()?.();
      await new Promise(setImmediate);
    }
  }
}

const open = (log: Log): Promise<Store> => openMvccStore(log, { clock: new FakeClock() });

describe('two batches under way', () => {
  const commitAll = (store: Store, from: number, count: number) =>
    Array.from({ length: count }, (_, at) => store.commit([put(`/k/${from + at}`, 'v')]));

  it('sends a second batch while the first is made durable, and no third', async () => {
    const log = new GatedLog([]);
    const store = await open(log);
    const first = commitAll(store, 0, 10);
    await new Promise(setImmediate);
    const rest = commitAll(store, 10, 300);
    await new Promise(setImmediate);
    expect(log.sizes).to.deep.equal([10, 64]);
    const all = Promise.all([...first, ...rest]);
    await log.letGoUntil(all);
    expect(log.sizes.reduce((sum, size) => sum + size, 0)).to.equal(310);
    expect(store.revision()).to.equal(310);
    await store.close();
  });

  for (const fate of ['refused', 'made, and then lost on the way back'] as const) {
    it(`answers the second truly when the first was ${fate}, and watchers hear each write once`, async () => {
      const log = new GatedLog([fate]);
      const store = await open(log);
      const watcher = new Watcher(store, ['/'], 0);
      const first = Promise.allSettled(commitAll(store, 0, 10));
      await new Promise(setImmediate);
      const second = Promise.allSettled(commitAll(store, 10, 64));
      await new Promise(setImmediate);
      expect(log.sizes).to.deep.equal([10, 64]);
      await log.letGo(2);
      expect((await first).every(({ status }) => status === 'rejected')).to.equal(true);
      const answers = await second;
      const made = fate === 'refused' ? 0 : 10;
      const revisions = answers.map((answer) =>
        answer.status === 'fulfilled' && answer.value.ok ? answer.value.revision : undefined,
      );
      expect(revisions).to.deep.equal(Array.from({ length: 64 }, (_, at) => made + 1 + at));
      await watcher.reached(made + 64);
      await watcher.stop();
      expect(watcher.events.map(({ revision }) => revision)).to.deep.equal(
        Array.from({ length: made + 64 }, (_, at) => at + 1),
      );
      const last = store.commit([put('/after', 'v')]);
      await log.letGo(1);
      expect(await last).to.deep.include({ ok: true, revision: made + 65 });
      await store.close();
    });
  }
});
