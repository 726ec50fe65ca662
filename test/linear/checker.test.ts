/**
 * The checker, judged by histories small enough for a person, and by a search that tries everything. It must be right
 * in both directions: a checker that says yes to all finds nothing.
 */
import { expect } from 'chai';
import * as fc from 'fast-check';
import { checkRegister } from './checker.ts';
import type { Action, Intent, Operation, Seen, WriteOutcome } from './history.ts';
import { judge, smallestPart } from './judge.ts';
import { NEW_REGISTER, type RegisterState, revisionsSeen, step } from './register.ts';
import { isLong } from './seeds.ts';

const OPEN = Number.POSITIVE_INFINITY;

let ids = 0;

function operation(called: number, returned: number, action: Action): Operation {
  ids++;
  return { id: ids, client: `c${ids}`, key: 'k', called, returned, action };
}

/** `"a@1"`; undefined for nothing. */
function seen(text: string | undefined): Seen | undefined {
  const [value = '', revision] = text?.split('@') ?? [];
  return text === undefined ? undefined : { value, revision: Number(revision) };
}

function read(called: number, returned: number, found?: string): Operation {
  return operation(called, returned, { kind: 'read', seen: seen(found) });
}

function write(called: number, returned: number, intent: Intent, outcome: WriteOutcome): Operation {
  return operation(called, returned, { kind: 'write', intent, outcome });
}

function put(
  called: number,
  returned: number,
  what: string,
  wants: Intent['wants'] = { kind: 'none' },
): Operation {
  const [value = '', revision] = what.split('@');
  if (returned === OPEN) return write(called, OPEN, { value, wants }, { kind: 'unknown', why: 'killed' });
  return write(called, returned, { value, wants }, { kind: 'done', revision: Number(revision) });
}

function refused(called: number, returned: number, wants: Intent['wants'], found?: string): Operation {
  const there = seen(found);
  const evidence = there === undefined ? { kind: 'absent' as const } : { kind: 'seen' as const, seen: there };
  return write(called, returned, { value: `never ${called}`, wants }, { kind: 'conflict', evidence });
}

function remove(called: number, returned: number, outcome: WriteOutcome): Operation {
  return write(called, returned, { value: undefined, wants: { kind: 'present' } }, outcome);
}

const at = (revision: number): Intent['wants'] => ({ kind: 'revision', revision });
const done = (revision: number): WriteOutcome => ({ kind: 'done', revision });
const unknown: WriteOutcome = { kind: 'unknown', why: 'killed' };

const rows: readonly {
  name: string;
  operations: readonly Operation[];
  verdict: 'linearizable' | 'impossible';
}[] = [
  { name: 'nothing was done', operations: [], verdict: 'linearizable' },
  { name: 'a read of nothing', operations: [read(1, 2)], verdict: 'linearizable' },
  { name: 'a read of what nobody wrote', operations: [read(1, 2, 'a@1')], verdict: 'impossible' },
  {
    name: 'a read after the write',
    operations: [put(1, 2, 'a@1'), read(3, 4, 'a@1')],
    verdict: 'linearizable',
  },
  {
    name: 'a read that misses an acknowledged write',
    operations: [put(1, 2, 'a@1'), read(3, 4)],
    verdict: 'impossible',
  },
  {
    name: 'a read beside the write, before it',
    operations: [put(1, 4, 'a@1'), read(2, 3)],
    verdict: 'linearizable',
  },
  {
    name: 'a read beside the write, after it',
    operations: [put(1, 4, 'a@1'), read(2, 3, 'a@1')],
    verdict: 'linearizable',
  },
  {
    name: 'two reads beside the write that see it come and go',
    operations: [put(1, 8, 'a@1'), read(2, 3, 'a@1'), read(4, 5)],
    verdict: 'impossible',
  },
  {
    name: 'two reads of two clients beside the write, the later one before it',
    operations: [put(1, 8, 'a@1'), read(2, 6, 'a@1'), read(3, 5)],
    verdict: 'linearizable',
  },
  {
    name: 'a stale read',
    operations: [put(1, 2, 'a@1'), put(3, 4, 'b@2'), read(5, 6, 'a@1')],
    verdict: 'impossible',
  },
  {
    name: 'two writes on the same revision',
    operations: [put(1, 2, 'a@1'), put(3, 6, 'b@2', at(1)), put(4, 5, 'c@3', at(1))],
    verdict: 'impossible',
  },
  {
    name: 'one of two writes on the same revision',
    operations: [put(1, 2, 'a@1'), put(3, 6, 'b@2', at(1)), refused(4, 5, at(1), 'b@2')],
    verdict: 'linearizable',
  },
  {
    name: 'a refusal although the precondition holds',
    operations: [put(1, 2, 'a@1'), refused(3, 4, at(1), 'a@1')],
    verdict: 'impossible',
  },
  {
    name: 'a refusal by a copy that is behind',
    operations: [put(1, 2, 'a@1'), put(3, 4, 'b@2'), refused(5, 6, at(2), 'a@1')],
    verdict: 'impossible',
  },
  {
    name: 'an open write that was never made',
    operations: [put(1, OPEN, 'a'), read(2, 3), read(4, 5)],
    verdict: 'linearizable',
  },
  {
    name: 'an open write that happens long after',
    operations: [put(1, OPEN, 'a'), read(2, 3), read(4, 5, 'a@1')],
    verdict: 'linearizable',
  },
  {
    name: 'an open write that happens and vanishes',
    operations: [put(1, OPEN, 'a'), read(2, 3, 'a@1'), read(4, 5)],
    verdict: 'impossible',
  },
  {
    name: 'an open write that happens before it was called',
    operations: [read(1, 2, 'a@1'), put(3, OPEN, 'a')],
    verdict: 'impossible',
  },
  {
    name: 'an open write that happens twice',
    operations: [put(1, OPEN, 'a'), read(2, 3, 'a@1'), put(4, 5, 'b@2'), read(6, 7, 'a@3')],
    verdict: 'impossible',
  },
  {
    name: 'an open write whose precondition was gone',
    operations: [put(1, 2, 'a@1'), put(3, OPEN, 'b', at(1)), put(4, 5, 'c@2', at(1)), read(6, 7, 'b@3')],
    verdict: 'impossible',
  },
  {
    name: 'a write on the revision of an open one',
    operations: [put(1, OPEN, 'a'), read(2, 3, 'a@1'), put(4, 5, 'b@2', at(1))],
    verdict: 'linearizable',
  },
  {
    name: 'an open write that nobody saw explains what a deletion found',
    operations: [put(1, OPEN, 'a'), remove(2, 3, done(2))],
    verdict: 'linearizable',
  },
  { name: 'a deletion of nothing', operations: [remove(2, 3, done(2))], verdict: 'impossible' },
  {
    name: 'an open deletion between two reads',
    operations: [put(1, 2, 'a@1'), remove(3, OPEN, unknown), read(4, 5, 'a@1'), read(6, 7)],
    verdict: 'linearizable',
  },
  {
    name: 'an open deletion that is undone',
    operations: [put(1, 2, 'a@1'), remove(3, OPEN, unknown), read(4, 5), read(6, 7, 'a@1')],
    verdict: 'impossible',
  },
  {
    name: 'a deletion of an older revision than is there',
    operations: [put(1, 2, 'a@1'), put(3, 4, 'b@2'), remove(5, 6, { kind: 'done', was: 1 })],
    verdict: 'impossible',
  },
  {
    name: 'a write with a smaller revision than the one before',
    operations: [put(1, 2, 'a@5'), put(3, 4, 'b@4')],
    verdict: 'impossible',
  },
  {
    name: 'two writes beside each other in the order of their revisions',
    operations: [put(1, 4, 'b@2'), put(2, 3, 'a@1'), read(5, 6, 'b@2')],
    verdict: 'linearizable',
  },
  {
    name: 'a value at another revision than acknowledged',
    operations: [put(1, 2, 'a@1'), read(3, 4, 'a@2')],
    verdict: 'impossible',
  },
];

/** Every order that real time allows, tried one after another. */
function tryAll(
  operations: readonly Operation[],
  state: RegisterState = NEW_REGISTER,
  revisions = revisionsSeen(operations),
): boolean {
  const go = (left: readonly Operation[], from: RegisterState): boolean => {
    if (left.every(({ returned }) => returned === OPEN)) return true;
    return left.some((one) => {
      if (left.some((other) => other.returned < one.called)) return false;
      const to = step(from, one, revisions);
      return (
        to !== undefined &&
        go(
          left.filter((other) => other !== one),
          to,
        )
      );
    });
  };
  return go(operations, state);
}

/** A history of one register with some truth in it: what a real one answered, and now and then something else. */
const smallHistory: fc.Arbitrary<readonly Operation[]> = fc
  .array(
    fc.record({
      kind: fc.constantFrom('read', 'put', 'cas', 'delete'),
      length: fc.integer({ min: 1, max: 12 }),
      isOpen: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
      lie: fc.integer({ min: 0, max: 11 }),
    }),
    { maxLength: 7 },
  )
  .map((wishes) => {
    let state: Seen | undefined;
    let older: Seen | undefined;
    let revision = 0;
    return wishes.map(({ kind, length, isOpen, lie }, index) => {
      const called = index * 4 + (lie % 3);
      const returned = isOpen ? OPEN : called + length + 0.5;
      const told = lie === 0 ? older : state;
      if (kind === 'read')
        return read(called, called + length + 0.5, told && `${told.value}@${told.revision}`);
      if (kind === 'delete') {
        if (isOpen && lie < 6) return remove(called, OPEN, unknown);
        if (told === undefined)
          return remove(called, called + length + 0.5, { kind: 'conflict', evidence: { kind: 'absent' } });
        [older, state] = [state, undefined];
        return remove(called, returned, isOpen ? unknown : done(++revision));
      }
      const wants: Intent['wants'] =
        kind === 'put' ? { kind: 'none' } : told === undefined ? { kind: 'absent' } : at(told.revision);
      if (lie === 1)
        return refused(called, called + length + 0.5, at(999), told && `${told.value}@${told.revision}`);
      const value = `v${index}`;
      if (isOpen && lie < 6) return put(called, OPEN, value, wants);
      [older, state] = [state, { value, revision: ++revision }];
      return put(called, returned, `${value}@${revision}`, wants);
    });
  });

/** Throws with the command that plays the failure again. */
function always<T>(property: fc.IProperty<T>, runs: number, title: string): void {
  const { GANTRY_FC_SEED, GANTRY_FC_PATH } = process.env;
  const details = fc.check(property, {
    numRuns: isLong ? runs * 30 : runs,
    ...(GANTRY_FC_SEED === undefined ? {} : { seed: Number(GANTRY_FC_SEED) }),
    ...(GANTRY_FC_PATH === undefined ? {} : { path: GANTRY_FC_PATH }),
  });
  if (!details.failed) return;
  const replay = `GANTRY_FC_SEED=${details.seed} GANTRY_FC_PATH=${details.counterexamplePath} npx mocha test/linear/checker.test.ts -g '${title}'`;
  throw new Error(`replay with: ${replay}\n${JSON.stringify(details.counterexample, undefined, 1)}`, {
    cause: details.errorInstance,
  });
}

describe('the linearizability checker', () => {
  for (const { name, operations, verdict } of rows) {
    it(`${verdict === 'linearizable' ? 'accepts' : 'refuses'}: ${name}`, () => {
      expect(checkRegister(operations).kind).to.equal(verdict);
      expect(tryAll(operations)).to.equal(verdict === 'linearizable');
    });
  }

  it('says what a search through all orders says', function () {
    this.timeout(300_000);
    const verdicts = { linearizable: 0, impossible: 0 };
    always(
      fc.property(smallHistory, (operations) => {
        const verdict = checkRegister(operations).kind;
        if (verdict !== 'undecided') verdicts[verdict]++;
        expect(verdict).to.equal(tryAll(operations) ? 'linearizable' : 'impossible');
      }),
      3000,
      'all orders',
    );
    expect(verdicts.linearizable, 'histories of both sorts').to.be.greaterThan(100);
    expect(verdicts.impossible, 'histories of both sorts').to.be.greaterThan(100);
  });

  it('finds a smallest part that is impossible for a person too', function () {
    this.timeout(300_000);
    always(
      fc.property(smallHistory, (operations) => {
        fc.pre(!tryAll(operations));
        const part = smallestPart(operations, { maxPoints: 100_000 });
        expect(part.operations.length).to.be.at.most(operations.length);
        expect(tryAll(part.operations, part.start, revisionsSeen(operations))).to.equal(false);
      }),
      1000,
      'smallest part',
    );
  });

  it('judges long histories with many open writes in little time', () => {
    const operations: Operation[] = [];
    for (let n = 1; n <= 3000; n++) {
      const place = n * 10;
      if (n % 50 === 0)
        operations.push(put(place - 5, OPEN, `open${n}`, n % 100 === 0 ? { kind: 'none' } : at(n - 1)));
      operations.push(put(place, place + 12, `v${n}@${n}`), read(place + 15, place + 17, `v${n}@${n}`));
    }
    expect(checkRegister(operations, { maxPoints: 50_000 }).kind).to.equal('linearizable');
    // And as bad ones, which must be searched to the end.
    const bad = [...operations, read(60_000, 60_001, 'v2998@2998')];
    expect(checkRegister(bad, { maxPoints: 50_000 }).kind).to.equal('impossible');
  });

  it('says that it could not decide, rather than guess, when its bound is reached', () => {
    const operations = [put(1, 2, 'a@1'), put(3, 4, 'b@2'), read(5, 6, 'a@1')];
    expect(checkRegister(operations, { maxPoints: 1 })).to.include({ kind: 'undecided' });
    expect(judge({ operations, watches: [] }, { maxPoints: 1 }).undecided[0]).to.match(/could not decide/);
  });

  it('shows only the part that nothing explains', () => {
    const operations: Operation[] = [];
    for (let n = 1; n <= 100; n++)
      operations.push(put(n * 10, n * 10 + 1, `v${n}@${n}`), read(n * 10 + 2, n * 10 + 3, `v${n}@${n}`));
    operations.push(read(505.1, 505.2, 'v49@49'));
    const [report = ''] = judge({ operations, watches: [] }).impossible;
    expect(report.split('\n').length, report).to.be.lessThan(7);
    expect(report).to.contain('"v50" at 50').and.to.contain('read -> "v49" at 49');
  });
});

describe('the laws of revisions', () => {
  const lawsOf = (...operations: Operation[]): readonly string[] => judge({ operations, watches: [] }).laws;

  it('gives a revision to one write only, and a value one revision', () => {
    expect(lawsOf(put(1, 2, 'a@1'), { ...put(1, 3, 'b@1'), key: 'other' })[0]).to.match(
      /two writes were given revision 1/,
    );
    expect(lawsOf(put(1, 4, 'a@1'), read(2, 3, 'a@2'))[0]).to.match(/"a" is at two revisions, 1 and 2/);
  });

  it('follows real time over all keys', () => {
    const later = { ...put(3, 4, 'b@4'), key: 'other' };
    expect(lawsOf(put(1, 2, 'a@5'), later)[0]).to.match(/began after another was acknowledged/);
    expect(lawsOf({ ...put(1, 5, 'a@5') }, later)).to.deep.equal([]);
  });

  it('never tells of something older than was told before', () => {
    expect(lawsOf(put(1, 9, 'b@2'), put(2, 3, 'a@1'), read(4, 5, 'b@2'), read(6, 7, 'a@1'))[0]).to.match(
      /something older/,
    );
  });
});
