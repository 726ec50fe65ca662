/**
 * Keeps the condition DependenciesMet of Tasks that depend on others. Their worker starts the first container of a
 * binding once it is True.
 *
 * Level-triggered: a change of any Task queues those that depend on it, and each is judged anew by what is there then.
 * So a circle that is closed or broken becomes known to all its members, one by one, as each one's condition changes.
 */
import type { ObjectStore } from '../../client/informer.ts';
import { findCondition } from '../../machinery/conditions.ts';
import { isApiError } from '../../machinery/errors.ts';
import { keyOf, keyString } from '../../machinery/meta.ts';
import { traceOfObject } from '../../machinery/trace.ts';
import { tasks } from '../../schemas/kinds.ts';
import type { Task } from '../../schemas/types.gen.ts';
import type { ControllerContext } from '../engine/context.ts';
import { type Controller, ControllerLoop, done, type Result } from '../engine/controller.ts';
import { BY_DEPENDENCY } from '../informers.ts';
import { DEPENDENCIES_MET, planDependencies } from './plan.ts';

/** A write waits for the store; several may be under way at once. */
const CONCURRENCY = 2;

export function openDependencies(context: ControllerContext, source: ObjectStore<Task>): ControllerLoop {
  const { client, clock, recorder, log } = context;
  const controller: Controller = {
    name: 'dependencies',
    resource: tasks,
    traceOf: (key) => traceOfObject(source.get(key)?.metadata),
    async reconcile(key, signal): Promise<Result> {
      const task = source.get(key);
      if (task === undefined) return done;
      const { namespace } = task.metadata;
      const plan = planDependencies({
        task,
        find: (name) => source.get(keyString({ name, ...(namespace === undefined ? {} : { namespace }) })),
        nowMs: clock.now(),
      });
      if (plan.kind === 'keep') return done;
      try {
        await client.update(tasks, { ...task, status: plan.status }, { subresource: 'status', signal });
      } catch (error) {
        // Its change brings us back, unless it is gone.
        if (isApiError(error, 'NotFound')) return done;
        throw error;
      }
      const { condition } = plan;
      log.debug({ task: key, status: condition?.status, message: condition?.message }, 'dependencies judged');
      if (condition === undefined || !plan.isNews) return done;
      recorder.record({
        object: task,
        type: 'Normal',
        reason: condition.reason,
        message: condition.message,
        decision: {
          inputs: { dependsOn: task.spec.dependsOn ?? [] },
          verdict: condition.reason,
          action:
            condition.status === 'True'
              ? 'the first container may be started'
              : 'the first container is not started yet',
        },
      });
      return done;
    },
  };
  const loop = new ControllerLoop(controller, { ...context, concurrency: CONCURRENCY });
  source.onChange((key, task) => {
    const isJudged = findCondition(task?.status?.conditions, DEPENDENCIES_MET) !== undefined;
    if (isJudged || task?.spec.dependsOn !== undefined) loop.enqueue(key);
    for (const dependent of source.byIndex(BY_DEPENDENCY, key)) loop.enqueue(keyString(keyOf(dependent)));
  });
  return loop;
}
