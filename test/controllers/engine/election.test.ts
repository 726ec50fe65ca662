/** Who may lead, by the lease and by how long it was seen unchanged. */
import { expect } from 'chai';
import {
  DEFAULT_TIMING,
  type ElectionPlan,
  planElection,
  released,
  timingProblem,
} from '../../../controllers/engine/election.ts';
import type { Lease } from '../../../schemas/types.gen.ts';

const NOW = Date.UTC(2026, 0, 1);

function leaseOf(spec: NonNullable<Lease['spec']>): Lease {
  return { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'l' }, spec };
}

function plan(lease: Lease | undefined, unchangedForMs = 0): ElectionPlan {
  return planElection({ lease, unchangedForMs, identity: 'me', nowMs: NOW, timing: DEFAULT_TIMING });
}

const held = leaseOf({
  holderIdentity: 'other',
  leaseDurationSeconds: 15,
  acquireTime: '2020-01-01T00:00:00.000000Z',
  renewTime: '2020-01-01T00:00:00.000000Z',
  leaseTransitions: 4,
});

describe('Election: who may take the lease', () => {
  it('makes it when there is none, with no transition yet', () => {
    const made = plan(undefined);
    expect(made).to.deep.equal({
      kind: 'create',
      spec: {
        holderIdentity: 'me',
        leaseDurationSeconds: 15,
        acquireTime: '2026-01-01T00:00:00.000000Z',
        renewTime: '2026-01-01T00:00:00.000000Z',
        leaseTransitions: 0,
      },
    });
  });

  it('waits while it is held, however old the times written in it are', () => {
    expect(plan(held, 0)).to.deep.equal({ kind: 'wait', holder: 'other', forMs: 15_000 });
    expect(plan(held, 14_999)).to.deep.equal({ kind: 'wait', holder: 'other', forMs: 1 });
  });

  it('waits for as long as the holder promised, not for as long as itself would', () => {
    const longer = leaseOf({ ...held.spec, leaseDurationSeconds: 60 });
    expect(plan(longer, 15_000)).to.deep.equal({ kind: 'wait', holder: 'other', forMs: 45_000 });
    const silent = leaseOf({ holderIdentity: 'other' });
    expect(plan(silent, 1_000)).to.deep.equal({ kind: 'wait', holder: 'other', forMs: 14_000 });
  });

  it('takes it when it was not seen to change for its duration, and counts the transition', () => {
    const taken = plan(held, 15_000);
    expect(taken).to.deep.include({ kind: 'take', previous: 'other' });
    expect(taken.kind === 'take' && taken.spec).to.deep.include({
      holderIdentity: 'me',
      leaseTransitions: 5,
    });
  });

  it('takes at once what was given back, however new the times written in it are', () => {
    const free = leaseOf(released(held, NOW));
    expect(free.spec).to.deep.include({ holderIdentity: '', leaseDurationSeconds: 1, leaseTransitions: 4 });
    const taken = plan(free);
    expect(taken).to.deep.include({ kind: 'take', previous: undefined });
    expect(taken.kind === 'take' && taken.spec.leaseTransitions).to.equal(5);
  });

  it('renews what is its own already: neither the time it was acquired nor the transitions change', () => {
    const renewed = plan(leaseOf({ ...held.spec, holderIdentity: 'me' }));
    expect(renewed).to.deep.equal({
      kind: 'renew',
      spec: { ...held.spec, holderIdentity: 'me', renewTime: '2026-01-01T00:00:00.000000Z' },
    });
  });
});

describe('Election: timing', () => {
  for (const [timing, problem] of [
    [DEFAULT_TIMING, undefined],
    [{ leaseDurationMs: 3_000, renewDeadlineMs: 2_000, retryPeriodMs: 500 }, undefined],
    [{ leaseDurationMs: 10_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 }, /two would lead/],
    [{ leaseDurationMs: 15_000, renewDeadlineMs: 2_000, retryPeriodMs: 2_000 }, /more than 1.2 times/],
    [{ leaseDurationMs: 1_500, renewDeadlineMs: 1_000, retryPeriodMs: 100 }, /whole seconds/],
    [{ leaseDurationMs: 3_000, renewDeadlineMs: 2_000, retryPeriodMs: 0 }, /more than 0/],
  ] as const) {
    it(`${problem === undefined ? 'takes' : 'refuses'} ${Object.values(timing).join(', ')} ms`, () => {
      if (problem === undefined) expect(timingProblem(timing)).to.equal(undefined);
      else expect(timingProblem(timing)).to.match(problem);
    });
  }
});
