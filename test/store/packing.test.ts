import { expect } from 'chai';
import * as fc from 'fast-check';
import type { LogOutcome, LogRow, LogWrite } from '../../store/log.ts';
import {
  packCommits,
  packOutcomes,
  packPage,
  unpackCommits,
  unpackOutcomes,
  unpackPage,
} from '../../store/sqlite/packing.ts';

const revision = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });

const write: fc.Arbitrary<LogWrite> = fc.record({
  kind: fc.constantFrom('put' as const, 'delete' as const),
  key: fc.string({ minLength: 1 }),
  record: fc.uint8Array({ maxLength: 40 }),
  precondition: fc.oneof(
    fc.constant({ kind: 'none' as const }),
    fc.constant({ kind: 'absent' as const }),
    fc.record({ kind: fc.constant('modRevision' as const), modRevision: revision }),
  ),
  knownRevision: fc.option(revision, { nil: undefined }),
});

const row: fc.Arbitrary<LogRow> = fc.record({
  key: fc.string({ minLength: 1 }),
  revision,
  createRevision: revision,
  version: revision,
  isDelete: fc.boolean(),
  record: fc.uint8Array({ maxLength: 40 }),
});

function outcomeOf({ length }: readonly LogWrite[]): fc.Arbitrary<LogOutcome> {
  const effect = fc.record({
    revision,
    createRevision: revision,
    version: revision,
    previousRevision: fc.option(revision, { nil: undefined }),
    previous: fc.option(row, { nil: undefined }),
  });
  return fc.oneof(
    fc.record({
      ok: fc.constant(true as const),
      revision,
      effects: fc.array(fc.option(effect, { nil: undefined }), { minLength: length, maxLength: length }),
    }),
    fc.record({
      ok: fc.constant(false as const),
      failed: fc.nat({ max: length - 1 }),
      current: fc.option(row, { nil: undefined }),
      revision,
    }),
  );
}

const batch = fc.array(fc.array(write, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 6 });

describe('what the threads of the embedded store hand over', () => {
  it('is the same on the other side: commits', () => {
    fc.assert(
      fc.property(batch, (commits) => {
        const plain = unpackCommits(structuredClone(packCommits(commits)));
        expect(plain.map((writes) => writes.map(comparable))).to.deep.equal(
          commits.map((writes) => writes.map(comparable)),
        );
      }),
    );
  });

  it('is the same on the other side: outcomes', () => {
    const answered = batch.chain((commits) =>
      fc.tuple(fc.constant(commits), fc.tuple(...commits.map(outcomeOf))),
    );
    fc.assert(
      fc.property(answered, ([commits, outcomes]) => {
        const packed = structuredClone(packOutcomes(outcomes, packCommits(commits).lengths));
        expect(unpackOutcomes(packed, commits)).to.deep.equal(outcomes);
      }),
    );
  });

  it('is the same on the other side: pages', () => {
    const page = fc.record({ rows: fc.array(row), revision, more: fc.boolean() });
    fc.assert(
      fc.property(page, (found) => {
        expect(unpackPage(structuredClone(packPage(found)))).to.deep.equal(found);
      }),
    );
  });

  it('takes a revision that nothing has for one, and not for absence', () => {
    const asked: LogWrite = {
      kind: 'put',
      key: '/a',
      record: new Uint8Array(),
      precondition: { kind: 'modRevision', modRevision: 0 },
      knownRevision: undefined,
    };
    const [[told] = []] = unpackCommits(packCommits([[asked]]));
    expect(told?.precondition.kind).to.equal('modRevision');
  });
});

function comparable(one: LogWrite): unknown {
  return { ...one, record: [...one.record] };
}
