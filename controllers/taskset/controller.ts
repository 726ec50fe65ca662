/**
 * The TaskSet controller: keeps as many tasks of a set as are wanted, and brings a new template to them step by step.
 *
 * One pass: revisions and their snapshots, adoptions and releases, the status with those that are to leave, creations,
 * and last the deletions that the stored status has told of before. A status that is refused because the set has changed
 * ends the pass: of two controllers at once only one decides, and the other finds done what that one did.
 */
import { setCondition } from '../../machinery/conditions.ts';
import { isApiError, messageOf } from '../../machinery/errors.ts';
import { isSameJson } from '../../machinery/json.ts';
import { type KubeObject, keyOf, keyString } from '../../machinery/meta.ts';
import { type ObjectTrace, traceOfObject } from '../../machinery/trace.ts';
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
import { planTaskSet } from './plan.ts';
import type { Status } from './types.ts';

const CONCURRENCY = 4;
/** Timers do not notice a wall clock that is put right: what waits for a time of day is looked at at least this often. */
const LOOK_AGAIN_MS = 30_000;
/** After as much as one pass makes or deletes: the copies of the tasks have to catch up. */
const GO_ON_MS = 50;
/** The condition that says what creating was refused with. */
const REFUSED = 'ReplicaFailure';
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
  readonly resource = taskSets;
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

  traceOf(key: string): ObjectTrace | undefined {
    return traceOfObject(this.#informers.taskSets.get(key)?.metadata);
  }

  async reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const set = this.#informers.taskSets.get(key);
    if (set === undefined) return done;
    const { clock, recorder } = this.#context;
    const memory = this.#memory;
    const observed = await this.#observe(key, set, signal);
    const plan = planTaskSet(observed.world);
    const context = {
      ...this.#context,
      contents: this.#contents,
      tell: (type: 'Normal' | 'Warning', reason: string, message: string): void => {
        if (type === 'Warning' && !memory.isNews(key, message)) return;
        const { generation } = set.metadata;
        const inputs = { generation, replicas: set.spec.replicas, revision: set.status?.targetRevision };
        const action = type === 'Normal' ? 'done' : 'it is tried again';
        recorder.record({
          object: set,
          type,
          reason,
          message,
          decision: { inputs, verdict: reason, action },
        });
      },
      noteTaken: (name: string) => memory.noteTaken(key, name),
      noteUndeletable: (uid: string, version: string | undefined) =>
        memory.noteUndeletable(key, uid, version),
    };
    const revisions = new Revisions(context, observed, signal);
    const performance = new Performance(context, revisions, observed, signal);
    await revisions.adopt();
    await revisions.keepSnapshots(plan.actions);
    const held = memory.heldFor(key, set, clock.monotonicMs());
    const unprepared = await performance.prepare(plan.actions, held === undefined);
    let refusal = held ?? unprepared;
    const planned = { ...set, ...(plan.status === undefined ? {} : { status: plan.status }) };
    const told = await this.#writeStatus(set, this.#withRefusal(planned, refusal), signal);
    // Whatever else was planned was planned from the past: the change brings us back.
    if (told === undefined) return done;
    for (const note of plan.notes) recorder.record({ object: set, ...note });
    const creates = plan.actions.filter((action) => action.kind === 'create');
    if (refusal === undefined && creates.length > 0) {
      refusal = await performance.create(creates);
      const next = refusal === undefined ? withoutRefusal(told) : this.#withRefusal(told, refusal);
      await this.#writeStatus(told, next, signal);
    }
    if (held === undefined) memory.noteRefusal(key, set, refusal, clock.monotonicMs());
    const removal = await performance.remove(plan.actions);
    const waits = [
      plan.lookAgainMs === undefined ? undefined : Math.min(plan.lookAgainMs, LOOK_AGAIN_MS),
      (plan.hasMore.creates && refusal === undefined) || plan.hasMore.deletes ? GO_ON_MS : undefined,
      observed.problem === undefined ? undefined : UNREAD_RECHECK_MS,
      removal === 'done' ? undefined : LOOK_AGAIN_MS,
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
      noticedMs: memory.noticedMs(key, set, nowMs),
      taken: memory.taken(key, set, (name) => tasks.get(keyString({ namespace, name })) !== undefined, nowMs),
    };
    const context = { sources: this.#informers, contents: this.#contents, clock };
    const observed = await observeTaskSet(context, set, known, signal);
    if (observed.problem === undefined) memory.noteRead(key, set, nowMs);
    else {
      const why = messageOf(observed.problem);
      log.warn({ taskset: key, err: observed.problem }, `cannot tell the revision of the template: ${why}`);
    }
    const readyMs = memory.readyMs(key, set, observed.world.tasks, clock.monotonicMs());
    return { ...observed, world: { ...observed.world, readyMs, undeletable: memory.undeletable(key) } };
  }

  /** As it is stored then; undefined when it was changed in the meantime. */
  async #writeStatus(old: TaskSet, next: TaskSet, signal: AbortSignal): Promise<TaskSet | undefined> {
    if (isSameJson(next.status, old.status)) return old;
    try {
      const stored = await this.#context.client.update(taskSets, next, { subresource: 'status', signal });
      this.#count(old.status, next.status);
      return stored;
    } catch (error) {
      if (isApiError(error, 'Conflict', 'NotFound')) return undefined;
      throw error;
    }
  }

  #withRefusal(set: TaskSet, refusal: Refusal | undefined): TaskSet {
    if (refusal === undefined) return set;
    const { generation } = set.metadata;
    const failure = {
      type: REFUSED,
      status: 'True' as const,
      reason: 'FailedCreate',
      message: refusal.message,
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    };
    const conditions = [...setCondition(set.status?.conditions, failure, this.#context.clock.now())];
    return { ...set, status: { ...set.status, conditions } };
  }

  #count(old: Status | undefined, next: Status | undefined): void {
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

function withoutRefusal(set: TaskSet): TaskSet {
  const conditions = (set.status?.conditions ?? []).filter(({ type }) => type !== REFUSED);
  return set.status === undefined ? set : { ...set, status: { ...set.status, conditions } };
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
