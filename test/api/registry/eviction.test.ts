/** What an eviction says of itself when it is for something else. */
import { expect } from 'chai';
import { planEviction, readEviction } from '../../../api/registry/binding/eviction.ts';
import { type Condition, findCondition } from '../../../machinery/conditions.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { newTask } from '../../builders.ts';

describe('An eviction', () => {
  it('for another name is refused, and what it leaves out is taken from the path', () => {
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'b' } };
    expect(() => readEviction(body, { namespace: 'n', name: 'a' })).to.throw(
      'the eviction is for "n"/"b", the path is for n/a',
    );
  });

  const body = { apiVersion: 'policy/v1', kind: 'Eviction' };
  const key = { namespace: 'default', name: 't' };
  const record = { worker: 'w1', tasks: {} };
  const bound = (conditions: readonly Condition[] = []): Task =>
    newTask('t', { workerName: 'w1', bindingEpoch: 1 }, { status: { conditions: [...conditions] } });
  const evict = (task: Task, rest: Record<string, unknown>): Task | undefined =>
    planEviction(task, readEviction({ ...body, ...rest }, key), record, 0)?.task;

  it('that makes room for another task says so in the same commit', () => {
    const task = evict(bound(), { reason: 'Preempted', message: 'default/urgent takes its room' });
    expect(task?.spec).to.not.have.property('workerName');
    expect(findCondition(task?.status?.conditions, 'Scheduled')).to.include({
      status: 'False',
      reason: 'Preempted',
      message: 'default/urgent takes its room',
    });
  });

  it('takes back what an earlier preemption said, and says nothing itself', () => {
    const words = { reason: 'Preempted', message: 'long ago', lastTransitionTime: '2026-01-01T00:00:00Z' };
    const stale = evict(bound([{ type: 'Scheduled', status: 'False', ...words }]), {});
    expect(stale?.status?.conditions).to.deep.equal([]);
    const fresh = evict(bound([{ type: 'Scheduled', status: 'True', ...words, reason: 'Bound' }]), {});
    expect(findCondition(fresh?.status?.conditions, 'Scheduled')).to.include({ reason: 'Bound' });
  });

  it('for another reason is refused by name', () => {
    expect(() => readEviction({ ...body, reason: 'Bored' }, key)).to.throw(
      'the reason of an eviction is Evicted or Preempted, found "Bored"',
    );
  });
});
