/** Removes what is old enough to go: ended tasks past their `gantry.dev/ttl`, and Events past a day or a hundred. */
import type { ObjectStore } from '../../client/informer.ts';
import { isApiError } from '../../machinery/errors.ts';
import { ANNOTATION_TRACE } from '../../machinery/labels.ts';
import { keyOf, parseKey } from '../../machinery/meta.ts';
import { events, tasks } from '../../schemas/kinds.ts';
import type { Event, Task } from '../../schemas/types.gen.ts';
import type { ControllerContext } from '../engine/context.ts';
import { type Controller, ControllerLoop, done, type Result, requeueAfter } from '../engine/controller.ts';
import { BY_SUBJECT, subjectOf } from '../informers.ts';
import { planEventRemoval, planTaskTtl } from './plan.ts';

export function openTaskTtl(context: ControllerContext, source: ObjectStore<Task>): ControllerLoop {
  const loop = new ControllerLoop(new TaskTtl(context, source), context);
  source.onChange((key, task) => {
    if (task !== undefined) loop.enqueue(key);
  });
  return loop;
}

class TaskTtl implements Controller {
  readonly name = 'task-ttl';
  readonly #context: ControllerContext;
  readonly #tasks: ObjectStore<Task>;
  /** Key -> the bad value that was already told of. */
  readonly #toldOf = new Map<string, string>();

  constructor(context: ControllerContext, source: ObjectStore<Task>) {
    this.#context = context;
    this.#tasks = source;
    source.onChange((key, task) => {
      if (task === undefined) this.#toldOf.delete(key);
    });
  }

  traceOf(key: string): string | undefined {
    return this.#tasks.get(key)?.metadata.annotations?.[ANNOTATION_TRACE];
  }

  async reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const { clock, client, recorder, log } = this.#context;
    const task = this.#tasks.get(key);
    if (task === undefined) return done;
    const plan = planTaskTtl(task, clock.now());
    switch (plan.kind) {
      case 'keep':
        return done;
      case 'later':
        return requeueAfter(plan.inMs);
      case 'bad':
        if (this.#toldOf.get(key) === plan.value) return done;
        this.#toldOf.set(key, plan.value);
        recorder.record({ object: task, type: 'Warning', reason: 'InvalidTTL', message: plan.message });
        return done;
      case 'delete': {
        const { uid, resourceVersion } = task.metadata;
        const preconditions = {
          ...(uid === undefined ? {} : { uid }),
          // Somebody may be starting it again right now: then it is not ours to delete.
          ...(resourceVersion === undefined ? {} : { resourceVersion }),
        };
        try {
          await client.delete(tasks, parseKey(key), { preconditions, signal });
        } catch (error) {
          if (isApiError(error, 'NotFound')) return done;
          throw error;
        }
        log.info(
          { key, endedAtMs: plan.endedAtMs, ttlMs: plan.ttlMs },
          'ended task removed: its ttl has passed',
        );
        return done;
      }
    }
  }
}

/** Keys of its queue are subjects: the uid of the object that Events are about. */
export function openEventTtl(context: ControllerContext, source: ObjectStore<Event>): ControllerLoop {
  const { clock, client, log } = context;
  const controller: Controller = {
    name: 'event-ttl',
    async reconcile(subject, signal) {
      const plan = planEventRemoval(source.byIndex(BY_SUBJECT, subject), clock.now());
      for (const { event, why } of plan.remove) {
        const { uid, resourceVersion } = event.metadata;
        const preconditions = {
          ...(uid === undefined ? {} : { uid }),
          ...(resourceVersion === undefined ? {} : { resourceVersion }),
        };
        try {
          await client.delete(events, keyOf(event), { preconditions, signal });
        } catch (error) {
          // Folded into again in the meantime: its change brings us back here.
          if (!isApiError(error, 'NotFound', 'Conflict')) throw error;
        }
        log.debug({ event: event.metadata.name, why }, 'event removed');
      }
      return plan.lookAgainMs === undefined ? done : requeueAfter(plan.lookAgainMs);
    },
  };
  const loop = new ControllerLoop(controller, context);
  source.onChange((_, event) => {
    if (event !== undefined) loop.enqueue(subjectOf(event));
  });
  return loop;
}
