/**
 * The TaskSet controller: keeps as many tasks of a set as are wanted, and brings a new template to them step by step.
 *
 * One pass: revisions and their snapshots, adoptions and releases, creations, the status with those that are to leave,
 * and last the deletions that the stored status has told of. It remembers nothing that it could not find out again; of
 * two that work at once, one finds done what the other did, or its status write is refused and it looks again.
 */
import { setCondition } from '../../machinery/conditions.ts';
import { isApiError, messageOf } from '../../machinery/errors.ts';
import { isSameJson } from '../../machinery/json.ts';
import { ANNOTATION_TRACE } from '../../machinery/labels.ts';
import { type KubeObject, keyOf, keyString } from '../../machinery/meta.ts';
import { controllerRevisions, taskSets } from '../../schemas/kinds.ts';
import { taskReferences } from '../../schemas/taskreferences.ts';
import type { TaskSet } from '../../schemas/types.gen.ts';
import type { ControllerContext } from '../engine/context.ts';
import { type Controller, ControllerLoop, done, type Result, requeueAfter } from '../engine/controller.ts';
import { BY_NAMESPACE, type Informers } from '../informers.ts';
import type { Kinds } from '../kinds/kinds.ts';
import { controllerOf, type Refusal } from './acting/answers.ts';
import { Contents } from './acting/contents.ts';
import { SetMemory } from './acting/memory.ts';
import { type Observed, observeTaskSet, selectorOf } from './acting/observe.ts';
import { Performance } from './acting/perform.ts';
import { Revisions } from './acting/revisions.ts';
import { SetsByInput } from './acting/setsbyinput.ts';
import { type TaskSetMetrics, taskSetMetrics } from './metrics.ts';
import type { Status, TaskSetPlan, TaskSetWorld } from './types.ts';

/** Decides nothing yet. */
const planTaskSet = ({ set }: TaskSetWorld): TaskSetPlan => ({
  actions: [],
  status: set.status,
  lookAgainMs: undefined,
  notes: [],
});

const CONCURRENCY = 4;
/** Timers do not notice a wall clock that is put right: what waits for a time of day is looked at at least this often. */
const LOOK_AGAIN_MS = 30_000;
/** Sources of a template that could not be read are read again after this long. */
const UNREAD_RECHECK_MS = 2_000;

export function openTaskSets(
  context: ControllerContext,
  informers: Informers,
  kinds: Kinds,
): { readonly loop: ControllerLoop; readonly close?: () => void } {
  const controller = new TaskSets(context, informers, kinds);
  const loop = new ControllerLoop(controller, { ...context, concurrency: CONCURRENCY });
  controller.attach(loop);
  return { loop };
}

class TaskSets implements Controller {
  readonly name = 'taskset';
  readonly #context: ControllerContext;
  readonly #informers: Informers;
  readonly #kinds: Kinds;
  readonly #contents: Contents;
  readonly #metrics: TaskSetMetrics;
  readonly #setsByInput = new SetsByInput();
  readonly #memory = new SetMemory();
  #isStopped = false;

  constructor(context: ControllerContext, informers: Informers, kinds: Kinds) {
    this.#context = context;
    this.#informers = informers;
    this.#kinds = kinds;
    this.#contents = new Contents(context.client, kinds);
    this.#metrics = taskSetMetrics(context.metrics, () => (this.#isStopped ? [] : informers.taskSets.list()));
  }

  attach(loop: ControllerLoop): void {
    const { taskSets: sets, tasks, controllerRevisions: revisions, workers } = this.#informers;
    sets.onChange((key, set) => {
      this.#setsByInput.see(key, set === undefined ? [] : taskReferences(set.spec.template.spec));
      if (set === undefined) this.#memory.forget(key);
      loop.enqueue(key);
    });
    tasks.onChange((_, task, old) => {
      for (const key of new Set([...this.#setsOf(task), ...this.#setsOf(old)])) loop.enqueue(key);
    });
    revisions.onChange((_, revision, old) => {
      const key = ownerKey(revision ?? old);
      if (key !== undefined) loop.enqueue(key);
    });
    workers.onChange(() => {
      for (const set of sets.list()) {
        if (set.spec.mode === 'Global') loop.enqueue(keyString(keyOf(set)));
      }
    });
    this.#kinds.onItem(({ name }, key, object, old) => {
      if (name !== 'configmaps' && name !== 'secrets') return;
      for (const set of this.#setsByInput.using(name, key)) loop.enqueue(set);
      for (const set of this.#setsWithCopy(object ?? old)) loop.enqueue(set);
    });
  }

  stop(): void {
    this.#isStopped = true;
  }

  traceOf(key: string): string | undefined {
    return this.#informers.taskSets.get(key)?.metadata.annotations?.[ANNOTATION_TRACE];
  }

  async reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const set = this.#informers.taskSets.get(key);
    // What belongs to a set that goes is the garbage collector's.
    if (set === undefined || set.metadata.deletionTimestamp !== undefined) return done;
    const { clock, recorder } = this.#context;
    const memory = this.#memory;
    const observed = await this.#observe(key, set, signal);
    const plan = planTaskSet(observed.world);
    const context = {
      ...this.#context,
      contents: this.#contents,
      tell: (type: 'Normal' | 'Warning', reason: string, message: string): void => {
        if (type === 'Normal' || memory.isNews(key, message))
          recorder.record({ object: set, type, reason, message });
      },
      noteTaken: (name: string) => memory.noteTaken(key, name),
    };
    const revisions = new Revisions(context, observed, signal);
    const performance = new Performance(context, revisions, observed, signal);
    const going = plan.actions.flatMap((action) => (action.kind === 'deleteRevision' ? [action.name] : []));
    await revisions.keepSnapshots(new Set(going));
    const held = memory.heldFor(key, set, clock.monotonicMs());
    const refused = await performance.build(plan.actions, held === undefined);
    if (held === undefined) memory.noteRefusal(key, set, refused, clock.monotonicMs());
    const refusal = held ?? refused;
    if (!(await this.#writeStatus(set, plan, refusal, signal))) return done;
    for (const note of plan.notes) recorder.record({ object: set, ...note });
    const undeleted = await performance.remove(plan.actions.filter((action) => action.kind === 'delete'));
    const waits = [
      plan.lookAgainMs === undefined ? undefined : Math.min(plan.lookAgainMs, LOOK_AGAIN_MS),
      observed.problem === undefined ? undefined : UNREAD_RECHECK_MS,
      undeleted === undefined ? undefined : LOOK_AGAIN_MS,
      refusal === undefined ? undefined : memory.heldMs(key, clock.monotonicMs()),
    ].filter((wait) => wait !== undefined);
    return waits.length === 0 ? done : requeueAfter(Math.max(0, Math.min(...waits)));
  }

  async #observe(key: string, set: TaskSet, signal: AbortSignal): Promise<Observed> {
    const { clock, log } = this.#context;
    const { tasks } = this.#informers;
    const { namespace = '' } = set.metadata;
    const memory = this.#memory;
    const nowMs = clock.monotonicMs();
    const known = {
      isFresh: memory.isUnread(key, set, nowMs),
      watchedMs: memory.watchedMs(key, set, nowMs),
      taken: memory.taken(key, set, (name) => tasks.get(keyString({ namespace, name })) !== undefined, nowMs),
    };
    const context = { sources: this.#informers, contents: this.#contents, clock };
    const observed = await observeTaskSet(context, set, known, signal);
    if (observed.problem === undefined) memory.noteRead(key, set, nowMs);
    else {
      const why = messageOf(observed.problem);
      log.warn({ taskset: key, err: observed.problem }, `cannot tell the revision of the template: ${why}`);
    }
    return observed;
  }

  /** False when it was changed in the meantime: that change brings us back. */
  async #writeStatus(
    set: TaskSet,
    { status }: TaskSetPlan,
    refusal: Refusal | undefined,
    signal: AbortSignal,
  ): Promise<boolean> {
    const next = this.#withRefusal(status, refusal, set.metadata.generation);
    if (next === undefined || next === set.status || isSameJson(next, set.status)) return true;
    try {
      const body = { ...set, status: next };
      await this.#context.client.update(taskSets, body, { subresource: 'status', signal });
    } catch (error) {
      if (isApiError(error, 'Conflict', 'NotFound')) return false;
      throw error;
    }
    this.#count(set.status, next);
    return true;
  }

  #withRefusal(
    status: Status | undefined,
    refusal: Refusal | undefined,
    generation: number | undefined,
  ): Status | undefined {
    const conditions = status?.conditions ?? [];
    if (refusal === undefined) {
      const others = conditions.filter(({ type }) => type !== 'ReplicaFailure');
      return others.length === conditions.length ? status : { ...status, conditions: others };
    }
    const failure = {
      type: 'ReplicaFailure',
      status: 'True' as const,
      reason: 'FailedCreate',
      message: refusal.message,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    };
    const next = setCondition(conditions, failure, this.#context.clock.now());
    return next === conditions ? status : { ...status, conditions: [...next] };
  }

  #count(old: Status | undefined, next: Status): void {
    const before = progressOf(old);
    const after = progressOf(next);
    if (before === after) return;
    if (after === 'NewRevisionAvailable') this.#metrics.rollouts.inc({ result: 'completed' });
    if (after === 'ProgressDeadlineExceeded') this.#metrics.rollouts.inc({ result: 'failed' });
    if (after === 'RolledBack') this.#metrics.rollouts.inc({ result: 'reverted' });
  }

  /** Whom a change of this task concerns: the set that controls it, or those that might adopt it. */
  *#setsOf(task: KubeObject | undefined): Generator<string> {
    if (task === undefined) return;
    const owner = controllerOf(task);
    if (owner !== undefined) {
      const key = ownerKey(task);
      if (key !== undefined) yield key;
      return;
    }
    const { namespace = '', labels } = task.metadata;
    for (const set of this.#informers.taskSets.byIndex(BY_NAMESPACE, namespace)) {
      if (selectorOf(set)(labels)) yield keyString(keyOf(set));
    }
  }

  /** Sets that a copy of a ConfigMap or Secret is for. */
  *#setsWithCopy(object: KubeObject | undefined): Generator<string> {
    for (const { kind, name } of object?.metadata.ownerReferences ?? []) {
      if (kind !== controllerRevisions.kind) continue;
      const { namespace = '' } = object?.metadata ?? {};
      const revision = this.#informers.controllerRevisions.get(keyString({ namespace, name }));
      const key = ownerKey(revision);
      if (key !== undefined) yield key;
    }
  }
}

function progressOf(status: Status | undefined): string | undefined {
  return status?.conditions?.find(({ type }) => type === 'Progressing')?.reason;
}

/** The key of the TaskSet that controls it. */
function ownerKey(object: KubeObject | undefined): string | undefined {
  const owner = object === undefined ? undefined : controllerOf(object);
  if (object === undefined || owner?.kind !== taskSets.kind) return undefined;
  return keyString({ ...keyOf(object), name: owner.name });
}
