/** The judge of the failure suite, judged: faults planted in a sound store must not pass. */
import { expect } from 'chai';
import { systemClock } from '../../../machinery/clock.ts';
import { openStore } from '../../../store/open.ts';
import type { Store, StoreEvent } from '../../../store/store.ts';
import { Load } from './load.ts';

interface Faults {
  /** Acknowledges this commit without making it. */
  readonly isLost?: (commit: number) => boolean;
  readonly tell?: (events: readonly StoreEvent[]) => readonly StoreEvent[];
}

async function judged({ isLost = () => false, tell = (events) => events }: Faults): Promise<unknown> {
  const sound = await openStore('memory:', { clock: systemClock });
  let commits = 0;
  const faulty: Store = Object.create(sound, {
    commit: {
      value: async (writes: Parameters<Store['commit']>[0]) => {
        commits += 1;
        if (!isLost(commits)) return sound.commit(writes);
        return { ok: true, revision: 1_000_000, modRevisions: [1_000_000], writtenAtMs: 0 };
      },
    },
    watch: {
      value: async function* (...words: Parameters<Store['watch']>) {
        for await (const batch of sound.watch(...words)) yield { ...batch, events: tell(batch.events) };
      },
    },
    latestRevision: { value: () => sound.latestRevision() },
    revision: { value: () => sound.revision() },
    range: { value: (...words: Parameters<Store['range']>) => sound.range(...words) },
  });
  try {
    const load = new Load(faulty, '/x/', 4);
    await load.more(200);
    await load.judge();
    return undefined;
  } catch (error) {
    return error;
  } finally {
    await sound.close();
  }
}

/** Once, in the middle of what happens. */
function once(change: (events: readonly StoreEvent[]) => readonly StoreEvent[]): Faults['tell'] & {} {
  let seen = 0;
  let isDone = false;
  return (events) => {
    seen += events.length;
    if (isDone || seen < 50 || events.length === 0) return events;
    isDone = true;
    return change(events);
  };
}

describe('the judge of the failure suite', () => {
  it('passes a sound store', async () => {
    expect(await judged({})).to.equal(undefined);
  });
  it('finds a lost write', async () => {
    expect(await judged({ isLost: (commit) => commit === 100 })).to.be.instanceOf(Error);
  });
  it('finds an event that was not told', async () => {
    expect(await judged({ tell: once((events) => events.slice(1)) })).to.be.instanceOf(Error);
  });
  it('finds an event told twice', async () => {
    expect(await judged({ tell: once((events) => [...events, ...events]) })).to.be.instanceOf(Error);
  });
});
