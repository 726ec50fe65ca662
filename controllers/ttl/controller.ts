/**
 * Removes what is old enough to go: whatever is past its `gantry.dev/ttl`, Tasks and Runs past their
 * `ttlSecondsAfterFinished`, and Events past a day or a hundred.
 */
import type { ObjectStore } from '../../client/informer.ts';
import { timestamp } from '../../machinery/clock.ts';
import { isApiError } from '../../machinery/errors.ts';
import { ANNOTATION_TTL } from '../../machinery/labels.ts';
import { type KubeObject, keyOf, keyString, qualifiedName } from '../../machinery/meta.ts';
import { type ObjectTrace, traceOfObject } from '../../machinery/trace.ts';
import { events, runs, tasks } from '../../schemas/kinds.ts';
import type { Event, Run, Task } from '../../schemas/types.gen.ts';
import { awaitedBy } from '../dependencies/plan.ts';
import type { ControllerContext } from '../engine/context.ts';
import { type Controller, ControllerLoop, done, type Result, requeueAfter } from '../engine/controller.ts';
import { BY_AWAITED, BY_DEPENDENCY, BY_SUBJECT, noLongerAwaited, subjectOf } from '../informers.ts';
import { itemText, parseItem } from '../kinds/item.ts';
import type { FollowedKind, Kinds } from '../kinds/kinds.ts';
import { ClockWatch } from './clockwatch.ts';
import { planEventRemoval, planObjectTtl, planRunTtl, planTaskTtl, type TtlPlan } from './plan.ts';

/** `gantry.dev/ttl` on anything: Tasks and Runs from their end, everything else from its creation. */
export function openTtl(
  context: ControllerContext,
  kinds: Kinds,
  source: ObjectStore<Task>,
  runSource: ObjectStore<Run>,
): ControllerLoop {
  const loop = new ControllerLoop(new Ttl(context, kinds, source, runSource), context);
  kinds.onItem(({ name }, key, object, old) => {
    const isMarked = object?.metadata.annotations?.[ANNOTATION_TTL] !== undefined;
    if (isMarked || old?.metadata.annotations?.[ANNOTATION_TTL] !== undefined)
      loop.enqueue(itemText(name, key));
  });
  runSource.onChange((key, run, old) => {
    // Its time begins with its end; of its steps nothing is asked.
    const { finishedAt } = run?.status ?? {};
    const isNews =
      old?.status?.finishedAt !== finishedAt ||
      old?.spec.ttlSecondsAfterFinished !== run?.spec.ttlSecondsAfterFinished;
    if (finishedAt !== undefined && isNews) loop.enqueue(itemText(qualifiedName(runs), key));
    // Whoever waited for others keeps them no longer.
    for (const other of noLongerAwaited(run, old)) loop.enqueue(itemText(qualifiedName(runs), other));
  });
  const look = (key: string): void => loop.enqueue(itemText(qualifiedName(tasks), key));
  source.onChange((key, task, old) => {
    if (task?.spec.ttlSecondsAfterFinished !== undefined) look(key);
    // Whoever waited for others keeps them no longer.
    if (old?.spec.dependsOn === undefined) return;
    const still = new Set(task === undefined ? [] : awaitedBy(task));
    for (const name of awaitedBy(old)) {
      if (!still.has(name)) look(keyString({ ...keyOf(old), name }));
    }
  });
  return loop;
}

/** Timers do not notice a wall clock that is put right: looked at at least this often. */
const LOOK_AGAIN_MS = 3_600_000;
/** What could not be deleted is tried again after this long. */
const REFUSED_RECHECK_MS = 10 * 60_000;

class Ttl implements Controller {
  readonly name = 'ttl';
  readonly #context: ControllerContext;
  readonly #kinds: Kinds;
  readonly #tasks: ObjectStore<Task>;
  readonly #runs: ObjectStore<Run>;
  readonly #clockWatch: ClockWatch;
  /** Item -> what was last told of it, so that it is told once. */
  readonly #toldOf = new Map<string, string>();

  constructor(
    context: ControllerContext,
    kinds: Kinds,
    source: ObjectStore<Task>,
    runSource: ObjectStore<Run>,
  ) {
    this.#context = context;
    this.#kinds = kinds;
    this.#tasks = source;
    this.#runs = runSource;
    this.#clockWatch = new ClockWatch(context.clock);
  }

  traceOf(text: string): ObjectTrace | undefined {
    const { kind, key } = parseItem(text);
    return traceOfObject(this.#kinds.named(kind)?.store.get(key)?.metadata);
  }

  async reconcile(text: string, signal: AbortSignal): Promise<Result> {
    const { kind: name, key } = parseItem(text);
    const kind = this.#kinds.named(name);
    const object = kind?.store.get(key);
    if (kind === undefined || object === undefined) {
      this.#toldOf.delete(text);
      return done;
    }
    const nowMs = this.#context.clock.now();
    const plan = this.#planOf(name, key, object, nowMs);
    switch (plan.kind) {
      case 'keep':
        this.#toldOf.delete(text);
        return done;
      case 'later':
        this.#toldOf.delete(text);
        return requeueAfter(Math.min(plan.inMs, LOOK_AGAIN_MS));
      case 'bad':
        this.#tell(text, object, 'InvalidTTL', plan.message);
        return done;
      case 'protected':
        this.#tell(text, object, 'Protected', plan.message);
        return done;
      case 'awaited':
        this.#tell(text, object, 'TTLAwaited', plan.message, 'Normal');
        return done;
      case 'delete': {
        const distrustMs = this.#clockWatch.distrustMs();
        if (distrustMs > 0) {
          this.#context.log.warn(
            { object: text, distrustMs },
            'the wall clock was set ahead: what has become old by that is kept for a while',
          );
          return requeueAfter(distrustMs);
        }
        return this.#remove(kind, object, text, plan, signal);
      }
    }
  }

  #planOf(kind: string, key: string, object: KubeObject, nowMs: number): TtlPlan {
    const task = kind === qualifiedName(tasks) ? this.#tasks.get(key) : undefined;
    if (task !== undefined) return planTaskTtl(task, nowMs, this.#waitingFor(task));
    const run = kind === qualifiedName(runs) ? this.#runs.get(key) : undefined;
    return run === undefined
      ? planObjectTtl(object, nowMs)
      : planRunTtl(run, nowMs, this.#runsWaitingFor(run));
  }

  async #remove(
    kind: FollowedKind,
    object: KubeObject,
    text: string,
    { sinceMs, ttlMs, by }: Extract<TtlPlan, { kind: 'delete' }>,
    signal: AbortSignal,
  ): Promise<Result> {
    const { client, recorder, log } = this.#context;
    const { uid, resourceVersion } = object.metadata;
    const preconditions = {
      ...(uid === undefined ? {} : { uid }),
      // Somebody may be giving it more time, or starting it again, right now: then it is not ours to delete.
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    };
    try {
      await client.delete(kind.resource, keyOf(object), {
        preconditions,
        propagationPolicy: 'Background',
        signal,
      });
    } catch (error) {
      // Its change brings us back.
      if (isApiError(error, 'NotFound', 'Conflict')) return done;
      if (!isApiError(error, 'Forbidden')) throw error;
      this.#tell(
        text,
        object,
        'TTLRefused',
        `its ttl has passed, but deleting it was refused: ${error.message}`,
      );
      return requeueAfter(REFUSED_RECHECK_MS);
    }
    const inputs = { since: timestamp(sinceMs), ttlMs, by };
    log.info({ object: text, uid, ...inputs }, 'removed: its ttl has passed');
    recorder.record({
      object,
      type: 'Normal',
      reason: 'TTLExpired',
      message: `removed: its ${by} has passed`,
      decision: { inputs, verdict: 'TTLExpired', action: 'delete' },
    });
    return done;
  }

  /** Names of Tasks that have not been started yet, and are not without this one. */
  #waitingFor(task: Task): readonly string[] {
    return this.#tasks
      .byIndex(BY_DEPENDENCY, keyString(keyOf(task)))
      .filter((dependent) => awaitedBy(dependent).includes(task.metadata.name))
      .map(({ metadata }) => metadata.name);
  }

  #runsWaitingFor(run: Run): readonly string[] {
    return this.#runs.byIndex(BY_AWAITED, keyString(keyOf(run))).map(({ metadata }) => metadata.name);
  }

  #tell(
    text: string,
    object: KubeObject,
    reason: string,
    message: string,
    type: 'Normal' | 'Warning' = 'Warning',
  ): void {
    if (this.#toldOf.get(text) === message) return;
    this.#toldOf.set(text, message);
    const { annotations, creationTimestamp } = object.metadata;
    const inputs = { ttl: annotations?.[ANNOTATION_TTL], creationTimestamp };
    const decision = { inputs, verdict: reason, action: 'it stays' };
    this.#context.recorder.record({ object, type, reason, message, decision });
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
