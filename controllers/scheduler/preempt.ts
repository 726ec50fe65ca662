/** Performs what was decided of a preemption: takes the victims off their worker, and tells both sides why. */
import type { ObjectStore } from '../../client/informer.ts';
import { isApiError } from '../../machinery/errors.ts';
import { parseKey } from '../../machinery/meta.ts';
import { tasks } from '../../schemas/kinds.ts';
import type { Task } from '../../schemas/types.gen.ts';
import type { ControllerContext } from '../engine/context.ts';
import { priorityOf } from './demand.ts';
import { describeVictims, type Holder } from './preemption.ts';
import type { Preemption } from './rounds.ts';

export interface PreemptionAct {
  /** `namespace/name` of the task that takes the room. */
  readonly key: string;
  readonly task: Task;
  readonly decision: Preemption;
}

/** Throws at the first victim that is not as it was when it was chosen: the others are left where they are. */
export async function performPreemption(
  { client, recorder }: Pick<ControllerContext, 'client' | 'recorder'>,
  copy: ObjectStore<Task>,
  { key, task, decision }: PreemptionAct,
  signal: AbortSignal,
): Promise<void> {
  const { worker, victims, verdicts } = decision;
  const priority = priorityOf(task);
  const message = `${key} of priority ${priority} takes its room on worker ${worker}`;
  const names = victims.map((victim) => ({ task: victim.task, priority: victim.priority }));
  recorder.record({
    object: task,
    type: 'Normal',
    reason: 'Preempting',
    message: `takes room on worker ${worker} from ${describeVictims(victims)}`,
    decision: {
      inputs: { priority, resources: task.spec.resources, workers: decision.candidates },
      verdict: verdicts,
      action: `move ${names.map((victim) => victim.task).join(', ')} off ${worker}`,
    },
  });
  for (const victim of victims) {
    const found = copy.get(victim.task);
    await evict(victim);
    if (found === undefined) continue;
    recorder.record({
      object: found,
      type: 'Warning',
      reason: 'Preempted',
      message,
      decision: {
        inputs: { priority: victim.priority, by: key, itsPriority: priority, worker, victims: names },
        verdict: verdicts,
        action: 'move it off the worker; it waits for room again',
      },
    });
  }

  async function evict({ uid, task: victim, resourceVersion }: Holder): Promise<void> {
    const { name, namespace } = parseKey(victim);
    const preconditions = { uid, ...(resourceVersion === undefined ? {} : { resourceVersion }) };
    const body = {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
      deleteOptions: { preconditions },
      reason: 'Preempted',
      message,
    };
    try {
      await client.post(tasks, parseKey(victim), 'eviction', body, { signal });
    } catch (error) {
      // Gone in the meantime: that makes room as well.
      if (!isApiError(error, 'NotFound')) throw error;
    }
  }
}
