/**
 * The property behind the promise: whatever is done to a store, it answers as a model of a few lines would, now, at
 * every revision still kept, and in its watches. A failure prints the one command that replays it.
 */
import { expect } from 'chai';
import * as fc from 'fast-check';
import { FakeClock } from '../../machinery/fakeclock.ts';
import type { StoreOptions } from '../../store/mvcc.ts';
import type { CommitResult, Store, Write } from '../../store/store.ts';
import { absent, at, describeEvent, put, remove, text, Watcher } from './builders.ts';
import type { Differences } from './differences.ts';

const KEYS = ['/a', '/a/b', '/b', '/lease/x', '/lease/y'];

/** What one write of a random commit is to be; preconditions refer to the present when it runs. */
interface Intent {
  readonly key: string;
  readonly kind: 'put' | 'delete';
  readonly wants: 'none' | 'absent' | 'present' | 'stale';
}

type Step =
  | { readonly do: 'commit'; readonly intents: readonly Intent[] }
  | { readonly do: 'burst'; readonly commits: readonly (readonly Intent[])[] }
  | { readonly do: 'compact'; readonly share: number };

interface Entry {
  readonly value: string;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
}

/** The state after each commit, by its last revision, and every event. Nothing is ever forgotten here. */
class Model {
  revision = 0;
  floor = 0;
  readonly states = new Map<number, ReadonlyMap<string, Entry>>([[0, new Map()]]);
  readonly events: string[] = [];

  get state(): ReadonlyMap<string, Entry> {
    return this.states.get(this.revision) ?? new Map();
  }

  writeOf({ key, kind, wants }: Intent, value: string): Write {
    const current = this.state.get(key)?.modRevision;
    const precondition = {
      none: { kind: 'none' as const },
      absent,
      present: current === undefined ? absent : at(current),
      stale: at((current ?? 0) + 1_000_000),
    }[wants];
    return kind === 'put' ? put(key, value, precondition) : remove(key, precondition);
  }

  /** The index of the first write that must be refused, or the revisions it must get. */
  commit(writes: readonly Write[]): { failed: number } | { revisions: (number | undefined)[] } {
    const failed = writes.findIndex(({ key, precondition }) => {
      const found = this.state.get(key)?.modRevision;
      if (precondition.kind === 'absent') return found !== undefined;
      return precondition.kind === 'modRevision' && found !== precondition.modRevision;
    });
    if (failed >= 0) return { failed };
    const next = new Map(this.state);
    const revisions = writes.map((write) => {
      const before = next.get(write.key);
      if (write.kind === 'delete' && before === undefined) return undefined;
      const revision = ++this.revision;
      const was = before === undefined ? '' : ` (was ${before.value})`;
      if (write.kind === 'delete') {
        next.delete(write.key);
        this.events.push(`delete ${write.key} @${revision}${was}`);
        return revision;
      }
      const value = text(write.value) ?? '';
      const { createRevision = revision, version = 0 } = before ?? {};
      next.set(write.key, { value, createRevision, modRevision: revision, version: version + 1 });
      this.events.push(`put ${write.key}=${value} @${revision}${was}`);
      return revision;
    });
    this.states.set(this.revision, next);
    return { revisions };
  }

  /** The end of the commit that a revision is in. */
  endOf(revision: number): number {
    return [...this.states.keys()].find((end) => end >= revision) ?? revision;
  }
}

const intent: fc.Arbitrary<Intent> = fc.record({
  key: fc.constantFrom(...KEYS),
  kind: fc.constantFrom('put', 'put', 'put', 'delete'),
  wants: fc.constantFrom('none', 'none', 'absent', 'present', 'present', 'stale'),
});
const intents = fc.uniqueArray(intent, { minLength: 1, maxLength: 3, selector: ({ key }) => key });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('commit'), intents }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('burst'), commits: fc.array(intents, { maxLength: 6 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('compact'), share: fc.double({ min: 0, max: 1, noNaN: true }) }),
  },
);

export function describeModel(
  open: (options: StoreOptions) => Promise<Store>,
  runs: number,
  differences: Differences,
): void {
  it('answers as the model does, whatever is done to it', async function () {
    this.timeout(600_000);
    const run = fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const store = await open({ clock: new FakeClock() });
      const model = new Model();
      const live = new Watcher(store, ['/'], 0);
      try {
        let serial = 0;
        for (const next of steps) await perform(store, model, next, () => `v${serial++}`, differences);
        await checkReads(store, model);
        await live.reached(model.revision);
        expect(live.events.map(describeEvent)).to.deep.equal(model.events);
        const late = new Watcher(store, ['/'], model.floor);
        if (model.revision > model.floor) await late.reached(model.revision);
        expect(late.events.map(describeEvent)).to.deep.equal(model.events.slice(model.floor));
        await Promise.all([live.stop(), late.stop()]);
      } finally {
        await store.close();
      }
    });
    const { GANTRY_FC_SEED, GANTRY_FC_PATH, GANTRY_TEST_LONG } = process.env;
    const details = await fc.check(run, {
      numRuns: GANTRY_TEST_LONG === '1' ? runs * 20 : runs,
      ...(GANTRY_FC_SEED === undefined ? {} : { seed: Number(GANTRY_FC_SEED) }),
      ...(GANTRY_FC_PATH === undefined ? {} : { path: GANTRY_FC_PATH }),
    });
    if (!details.failed) return;
    const replay = `GANTRY_FC_SEED=${details.seed} GANTRY_FC_PATH=${details.counterexamplePath} npx mocha 'test/store/*.test.ts' -g 'as the model does'`;
    throw new Error(`replay with: ${replay}\nsteps: ${JSON.stringify(details.counterexample)}`, {
      cause: details.errorInstance,
    });
  });
}

async function perform(
  store: Store,
  model: Model,
  next: Step,
  value: () => string,
  { forgetsBatches, reorders }: Differences,
): Promise<void> {
  switch (next.do) {
    case 'commit': {
      const writes = next.intents.map((one) => model.writeOf(one, value()));
      check(await store.commit(writes), model.commit(writes), model);
      return;
    }
    case 'burst': {
      // All sent at once, so they share a batch; preconditions are of the moment before the first.
      const commits = next.commits.map((some) => some.map((one) => model.writeOf(one, value())));
      const results = await Promise.all(commits.map((writes) => store.commit(writes)));
      const made = commits.map((writes, index) => ({ writes, result: results[index] }));
      if (reorders !== undefined) made.sort(byMoment);
      for (const { writes, result } of made) check(result, model.commit(writes), model);
      return;
    }
    case 'compact': {
      const revision = Math.floor(next.share * model.revision);
      await store.compact(revision);
      model.floor = Math.max(model.floor, model.endOf(revision));
      if (forgetsBatches !== undefined && store.compactedRevision() > model.floor) {
        // Further than asked, but never into a commit.
        expect([...model.states.keys()]).to.include(store.compactedRevision());
        model.floor = store.compactedRevision();
      }
      expect(store.compactedRevision()).to.equal(model.floor);
    }
  }
}

interface Made {
  readonly writes: readonly Write[];
  readonly result: CommitResult | undefined;
}

/** The order that the answers tell: what made a revision comes before what only saw it. */
function byMoment(a: Made, b: Made): number {
  const madeNothing = ({ result }: Made): number =>
    result?.ok === true && result.modRevisions.includes(result.revision) ? 0 : 1;
  return (a.result?.revision ?? 0) - (b.result?.revision ?? 0) || madeNothing(a) - madeNothing(b);
}

function check(result: CommitResult | undefined, wanted: ReturnType<Model['commit']>, model: Model): void {
  if ('failed' in wanted) expect(result).to.deep.include({ ok: false, failed: wanted.failed });
  else expect(result).to.deep.include({ ok: true, modRevisions: wanted.revisions });
  expect(result?.revision).to.equal(model.revision);
}

async function checkReads(store: Store, model: Model): Promise<void> {
  expect(store.revision()).to.equal(model.revision);
  expect((await store.size()).keys).to.equal(model.state.size);
  for (const key of KEYS) {
    const found = await store.get(key);
    expect(found?.modRevision, key).to.equal(model.state.get(key)?.modRevision);
    expect(text(found?.value), key).to.equal(model.state.get(key)?.value);
  }
  for (let revision = model.floor; revision <= model.revision; revision++) {
    const page = await store.range('/', { revision });
    const found = page.items.map(({ key, value, createRevision, modRevision, version }) => [
      key,
      { value: text(value), createRevision, modRevision, version },
    ]);
    const wanted = [...(model.states.get(model.endOf(revision)) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
    expect(found, `at revision ${revision}`).to.deep.equal(wanted);
  }
}
