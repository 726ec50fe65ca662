/** What a silent worker means, and how silence is measured. */
import { expect } from 'chai';
import { LeaseAges } from '../../../controllers/worker-lifecycle/leases.ts';
import { planLifecycle } from '../../../controllers/worker-lifecycle/plan.ts';
import { findCondition } from '../../../machinery/conditions.ts';
import { FakeClock } from '../../../machinery/fakeclock.ts';
import type { Lease, Task, Worker } from '../../../schemas/types.gen.ts';
import { newTask, newWorker } from '../../builders.ts';

const NOW = Date.UTC(2026, 0, 1, 12);
const running: NonNullable<Task['status']> = {
  phase: 'Running',
  workerName: 'w1',
  observedGeneration: 1,
  container: { id: 'c1', state: 'running' },
};

function plan(leaseAgeMs: number, worker: Worker, tasks: readonly Task[] = []) {
  return planLifecycle({ worker, leaseAgeMs, lostAfterMs: 12_000, tasks, nowMs: NOW });
}

function lease(resourceVersion: string): Lease {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'w1', namespace: 'gantry-system', uid: 'l1', resourceVersion },
  };
}

describe('planLifecycle', () => {
  it('leaves a worker with a living lease alone and looks again when it could be lost', () => {
    expect(
      plan(4_000, newWorker('w1'), [newTask('a', { workerName: 'w1' }, { status: running })]),
    ).to.deep.equal({
      isLost: false,
      tasks: [],
      lookAgainMs: 8_000,
    });
  });

  it('leaves to the agent to say that a worker is back', () => {
    const told = newTask('a', { workerName: 'w1' }, { status: { phase: 'Unknown', reason: 'WorkerLost' } });
    expect(plan(0, newWorker('w1', { ready: 'Unknown' }), [told]))
      .to.include({ isLost: false })
      .and.not.have.property('workerStatus');
  });

  it('says Unknown of a lost worker and of the tasks bound to it, and keeps the rest of what was seen', () => {
    const answer = plan(12_000, newWorker('w1'), [newTask('a', { workerName: 'w1' }, { status: running })]);
    expect(findCondition(answer.workerStatus?.conditions, 'Ready')).to.include({
      status: 'Unknown',
      reason: 'LeaseExpired',
      lastTransitionTime: '2026-01-01T12:00:00Z',
    });
    expect(answer.workerStatus?.allocatable).to.deep.equal({ cpu: '4', memory: '8Gi' });
    const [task] = answer.tasks;
    expect(task?.status).to.include({ phase: 'Unknown', reason: 'WorkerLost', workerName: 'w1' });
    expect(task?.status.container).to.deep.equal(running.container);
    expect(findCondition(task?.status.conditions, 'Ready')).to.include({
      status: 'Unknown',
      reason: 'WorkerLost',
    });
  });

  const ENDED: readonly NonNullable<Task['status']>['phase'][] = ['Succeeded', 'Failed', 'Stopped'];
  it('leaves alone tasks that are over, but not those whose spec has changed since', () => {
    for (const phase of ENDED) {
      const over = newTask('a', { workerName: 'w1' }, { status: { ...running, ...(phase && { phase }) } });
      expect(plan(12_000, newWorker('w1'), [over]).tasks, phase).to.have.length(0);
      const changed = { ...over, metadata: { ...over.metadata, generation: 2 } };
      expect(plan(12_000, newWorker('w1'), [changed]).tasks, phase).to.have.length(1);
    }
  });

  it('says it of a task that was bound and never heard of', () => {
    expect(plan(12_000, newWorker('w1'), [newTask('a', { workerName: 'w1' })]).tasks).to.have.length(1);
  });

  it('says everything once (fixed point)', () => {
    const first = plan(12_000, newWorker('w1'), [newTask('a', { workerName: 'w1' }, { status: running })]);
    const [told] = first.tasks;
    if (told === undefined || first.workerStatus === undefined) throw new Error('nothing was said');
    const again = plan(99_000, { ...newWorker('w1'), status: first.workerStatus }, [
      { ...told.task, status: told.status },
    ]);
    expect(again.tasks).to.have.length(0);
    expect(again).not.to.have.property('workerStatus');
  });
});

describe('LeaseAges', () => {
  it('counts from when a change was seen, on the observer’s clock, whatever the wall clock does', () => {
    const clock = new FakeClock();
    const ages = new LeaseAges(clock, 1_000_000);
    ages.see('w1', lease('5'));
    clock.advance(3_000);
    clock.jumpWall(86_400_000);
    expect(ages.ageMs('w1')).to.equal(3_000);
    expect(ages.see('w1', lease('5')), 'the same again is no sign of life').to.equal(false);
    expect(ages.ageMs('w1')).to.equal(3_000);
    clock.jumpWall(-2 * 86_400_000);
    expect(ages.see('w1', lease('6'))).to.equal(true);
    expect(ages.ageMs('w1')).to.equal(0);
  });

  it('gives a worker without a lease a full period from when it was first seen', () => {
    const clock = new FakeClock();
    const ages = new LeaseAges(clock, 1_000_000);
    expect(ages.ageMs('w1')).to.equal(undefined);
    ages.expect('w1');
    clock.advance(2_000);
    ages.expect('w1');
    expect(ages.see('w1', undefined)).to.equal(false);
    expect(ages.ageMs('w1')).to.equal(2_000);
  });

  it('gives every worker a full period after the observer itself was asleep', () => {
    const clock = new FakeClock();
    const ages = new LeaseAges(clock, 6_000);
    ages.see('w1', lease('5'));
    for (let second = 0; second < 5; second++) {
      clock.advance(1_000);
      expect(ages.stayAwake()).to.equal(false);
    }
    expect(ages.ageMs('w1')).to.equal(5_000);
    clock.advance(60_000);
    expect(ages.stayAwake()).to.equal(true);
    expect(ages.ageMs('w1')).to.equal(0);
    expect(ages.see('w1', lease('5')), 'the lease itself is still the old one').to.equal(false);
  });
});
