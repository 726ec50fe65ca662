/**
 * The task controller of one worker: observe, plan, perform, and write one status at the end.
 *
 * What it remembers of a Task besides objects and containers is a convenience (see `TaskMemory`): it may be killed
 * between any two lines, and the next instance goes on from what it finds.
 */
import { messageOf, type RuntimeError } from '../../machinery/errors.ts';
import { LABEL_UID } from '../../machinery/labels.ts';
import type { Log } from '../../machinery/log.ts';
import { keyOf, keyString } from '../../machinery/meta.ts';
import type { ContainerDetail } from '../../machinery/runtime.ts';
import { type ObjectTrace, traceOfObject } from '../../machinery/trace.ts';
import { tasks } from '../../schemas/kinds.ts';
import type { Task } from '../../schemas/types.gen.ts';
import {
  type Controller,
  ControllerLoop,
  done,
  postponed,
  type Result,
  requeueAfter,
} from '../engine/controller.ts';
import { Background } from './acting/background.ts';
import { Clearance } from './acting/clearance.ts';
import { EngineView, type KnownContainer } from './acting/observe.ts';
import { Performer, type Problem, type Subject } from './acting/perform.ts';
import { StartPlaces } from './acting/places.ts';
import { Publisher } from './acting/publish.ts';
import {
  forgetGone,
  isRememberedAlready,
  isUncovered,
  type Moment,
  type Outcome,
  type Pass,
  remember,
  unanswered,
} from './acting/remember.ts';
import { eventsOf, problemEvent } from './acting/report.ts';
import { Results } from './acting/results.ts';
import { StrayWatch } from './acting/strays.ts';
import { Tails } from './acting/tails.ts';
import { TaskCopy } from './acting/taskcopy.ts';
import { Upkeep } from './acting/upkeep.ts';
import { least } from './delays.ts';
import { type TaskMetrics, taskMetrics } from './metrics.ts';
import type { TaskControllerOptions } from './options.ts';
import { planTask, responsibleWorker } from './plan.ts';
import { birthOf } from './planning/deadline.ts';
import { emptyMemory, type TaskMemory, type TaskPlan, type TaskWorld } from './types.ts';

const RELIST_MS = 10_000;
const ROTATION_MS = 1_000;
/** Enough for a stop, a removal, a pull that was there, a creation and a failed start in one go. */
const MAX_ROUNDS = 6;
const NOT_READY_MS = 200;
const STOP_RETRY_MS = 1_000;

export class TaskController implements Controller {
  readonly name = 'task';
  readonly resource = tasks;
  readonly #options: TaskControllerOptions;
  readonly #log: Log;
  readonly #metrics: TaskMetrics;
  readonly #loop: ControllerLoop;
  readonly #view: EngineView;
  readonly #strays: StrayWatch;
  readonly #background: Background;
  readonly #performer: Performer;
  readonly #places: StartPlaces;
  readonly #stop = new AbortController();
  /** By uid; entries go with their Task. */
  readonly #memories = new Map<string, TaskMemory>();
  readonly #copy: TaskCopy;
  readonly #publisher: Publisher;
  readonly #clearance: Clearance;
  readonly #upkeep: Upkeep;
  readonly #tails: Tails;
  readonly #results: Results;

  constructor(options: TaskControllerOptions) {
    this.#options = options;
    const { client, runtime, clock, log, worker, clusterId, relistMs = RELIST_MS } = options;
    this.#log = log.child({ controller: this.name });
    this.#metrics = taskMetrics(options.metrics);
    this.#loop = new ControllerLoop(this, {
      clock,
      random: options.random,
      log,
      metrics: options.metrics,
      concurrency: options.concurrency ?? 16,
      deadlineMs: 180_000,
      backoff: { baseMs: 5, maxMs: 30_000 },
    });
    this.#view = new EngineView({
      runtime,
      clock,
      log: this.#log,
      clusterId,
      worker,
      relistMs,
      rotationMs: options.rotationMs ?? ROTATION_MS,
      onChange: (key) => this.#loop.enqueue(key),
      onListed: (isRecovered, signal) => this.#onListed(isRecovered, signal),
    });
    this.#strays = new StrayWatch({ client, worker, confirmMs: relistMs });
    const { services } = options;
    const { signal } = this.#stop;
    this.#background = new Background({
      runtime,
      hooks: services.hooks,
      pulls: options.pulls ?? {},
      metrics: options.metrics,
      clock,
      log: this.#log,
      signal,
    });
    this.#upkeep = new Upkeep({
      services,
      clock,
      log: this.#log,
      onChange: (key) => this.#loop.enqueue(key),
    });
    this.#tails = new Tails({ runtime, clock, log: this.#log, signal });
    this.#results = new Results({ runtime, outputs: services.outputs, clock });
    this.#places = new StartPlaces({
      limit: options.startsAtOnce,
      onCalled: (key) => this.#loop.enqueue(key),
    });
    this.#performer = new Performer({
      runtime,
      client,
      clock,
      view: this.#view,
      services,
      background: this.#background,
      clusterId,
      worker,
      onBegun: (subject, outcome) => this.#remember(subject, outcome),
      onSettled: (subject, outcome) => this.#onMoved(subject, outcome, true),
      onProgress: (subject, outcome, isNews) => this.#onMoved(subject, outcome, isNews),
      onProblem: (subject, problem) => this.#onProblem(subject, problem),
    });
    this.#copy = new TaskCopy(options.taskStore);
    this.#publisher = new Publisher({
      client,
      events: options.events,
      copy: this.#copy,
      metrics: this.#metrics,
    });
    this.#clearance = new Clearance({
      performer: this.#performer,
      events: options.events,
      clock,
      log: this.#log,
      metrics: this.#metrics,
      worker,
      worldOf: ({ task }, container, memory) => this.#worldOf(task, [container], memory),
    });
  }

  /** True when nothing waits to be looked at and nothing is being looked at. */
  get isIdle(): boolean {
    return this.#loop.isIdle;
  }

  /** The engine is back, or may have changed: list it now. */
  relistSoon(): void {
    this.#view.relistSoon();
  }

  /** Works until the signal aborts, then lets running reconciles finish. Containers go on running. */
  async run(signal: AbortSignal): Promise<void> {
    const stopListening = this.#options.taskStore.onChange((key, task, old) => this.#onTask(key, task, old));
    try {
      await Promise.all([this.#view.run(signal), this.#loop.run(signal)]);
    } finally {
      stopListening();
      this.#stop.abort(new Error('the worker is stopping'));
      await this.#background.idle();
    }
  }

  traceOf(key: string): ObjectTrace | undefined {
    return traceOfObject(this.#options.taskStore.get(key)?.metadata);
  }

  async reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const call = this.#places.callOf(key);
    try {
      return await this.#look(key, signal);
    } finally {
      this.#places.passOn(key, call);
    }
  }

  async #look(key: string, signal: AbortSignal): Promise<Result> {
    if (!this.#view.isListed || !this.#options.taskStore.hasSynced) return requeueAfter(NOT_READY_MS);
    let delayMs = await this.#clearStrays(key, signal);
    for (let round = 0; ; round++) {
      const task = this.#copy.read(key);
      if (task === undefined || responsibleWorker(task) !== this.#options.worker) {
        // A copy says so; the next full list asks the API itself.
        const isDoubtful = this.#view.knownOf(key).some(({ id }) => this.#strays.find(id) === undefined);
        if (isDoubtful) this.#view.relistSoon();
        break;
      }
      const { plan, isSettled, failure, isPostponed } = await this.#round(key, task, round, signal);
      if (isSettled) {
        delayMs = least(delayMs, plan?.requeueAfterMs);
        if (isPostponed) return postponed(delayMs);
        if (failure !== undefined) throw failure;
        break;
      }
      if (round >= MAX_ROUNDS) return requeueAfter(0);
    }
    return delayMs === undefined ? done : requeueAfter(delayMs);
  }

  async #round(key: string, task: Task, round: number, signal: AbortSignal): Promise<Pass> {
    const uid = task.metadata.uid ?? '';
    const early = round === 0 ? this.#planEarly(key, task, uid) : undefined;
    const begun = early === undefined ? undefined : await this.#act(key, task, early, signal);
    if (begun !== undefined && begun.isPostponed === undefined) return begun;
    const containers = ofTask(uid, await this.#view.containersOf(key, signal));
    this.#tails.begin(task, containers);
    const plan = planTask(this.#worldOf(task, containers, this.#memory(uid)));
    this.#upkeep.probe(key, task, plan);
    if (plan.actions.length === 0 || round >= MAX_ROUNDS) {
      const told = await this.#withWords(task, containers, plan, signal);
      await this.#publisher.publish(key, task, told, signal);
      this.#settle(uid, told, containers);
      return { plan: told, isSettled: told.actions.length === 0 };
    }
    const acted = await this.#act(key, task, plan, signal);
    // Of one that has had nothing here yet there is no news while it waits: a burst of many is not written down twice.
    const isKnown = containers.length > 0 || task.status?.workerName !== undefined;
    if (acted.failure !== undefined || (acted.isPostponed && isKnown)) {
      const told = await this.#withWords(task, containers, plan, signal);
      await this.#publisher.publish(key, task, told, signal);
    }
    return acted;
  }

  /** Drops what is over, and notes when the Task began while the wall clock is what it was. */
  #settle(uid: string, { status }: TaskPlan, containers: readonly ContainerDetail[]): void {
    const memory = forgetGone(this.#memory(uid), new Set(containers.map(({ id }) => id)));
    const { clock } = this.#options;
    const moment = { memory, nowMs: clock.now(), monotonicMs: clock.monotonicMs() };
    const birth = status?.startedAt === undefined ? {} : { birth: birthOf(status.startedAt, moment) };
    this.#memories.set(uid, { ...memory, ...birth, isKnown: true });
  }

  /** The same plan once more with what those said that have ended, where any end is about to be written down. */
  async #withWords(
    task: Task,
    containers: readonly ContainerDetail[],
    plan: TaskPlan,
    signal: AbortSignal,
  ): Promise<TaskPlan> {
    const outputs = await this.#tails.outputsOf(task, containers);
    const results = await this.#results.of(task, plan.status, signal);
    if (outputs.size === 0 && results.size === 0) return plan;
    const memory = this.#memory(task.metadata.uid ?? '');
    return planTask({ ...this.#worldOf(task, containers, memory), outputs, results });
  }

  /**
   * The next attempt may be made while the engine still cleans up after the last one and cannot be asked about it. Only
   * that much is believed of what the event said: it is started, and a status written, from what inspections say.
   */
  #planEarly(key: string, task: Task, uid: string): TaskPlan | undefined {
    const found = this.#view.endedOf(key);
    if (found === undefined) return undefined;
    const plan = planTask(this.#worldOf(task, ofTask(uid, found), this.#memory(uid)));
    const creates = plan.actions.filter(({ kind }) => kind === 'create');
    const isNextAttempt = plan.actions.every(({ kind }) => ['create', 'start', 'remove'].includes(kind));
    return isNextAttempt && creates.length > 0 ? { ...plan, actions: creates } : undefined;
  }

  async #act(key: string, task: Task, plan: TaskPlan, signal: AbortSignal): Promise<Pass> {
    const isMaking = plan.actions.some(({ kind }) => kind === 'create' || kind === 'start');
    if (isMaking && !this.#places.take(key)) return { plan, isSettled: true, isPostponed: true };
    try {
      return await this.#do(key, task, plan, signal);
    } finally {
      if (isMaking) this.#places.leave();
    }
  }

  async #do(key: string, task: Task, plan: TaskPlan, signal: AbortSignal): Promise<Pass> {
    const uid = task.metadata.uid ?? '';
    const actions = plan.actions.map(({ kind, reason }) => `${kind}: ${reason}`);
    this.#log.info({ key, actions }, 'acting on a Task');
    const outcomes = await this.#performer.perform({ taskKey: key, uid }, task, plan.actions, signal);
    const failure = this.#note(task, uid, outcomes);
    if (failure !== undefined) return { plan, isSettled: true, failure };
    const isLifted = outcomes.some(({ kind, action }) => kind === 'done' && action.kind === 'liftFinalizer');
    if (isLifted) this.#memories.delete(uid);
    return { plan: { ...plan, actions: [] }, isSettled: isLifted };
  }

  /** Takes note of what was done. @returns the error of an act that no memory of the planner covers. */
  #note(task: Task, uid: string, outcomes: readonly Outcome[]): RuntimeError | undefined {
    let failure: RuntimeError | undefined;
    for (const outcome of outcomes) {
      for (const event of eventsOf(task, outcome)) this.#options.events.record(event);
      const { action } = outcome;
      if (action.drift !== undefined && outcome.kind !== 'failed') {
        this.#metrics.driftRepaired.inc({ kind: action.drift });
      }
      if (isUncovered(outcome)) {
        failure = outcome.error;
        this.#memories.set(uid, unanswered(this.#memory(uid), outcome));
        continue;
      }
      if (isRememberedAlready(outcome)) continue;
      this.#memories.set(uid, remember(this.#memory(uid), outcome, this.#momentOf(task)));
    }
    return failure;
  }

  /** Stops and removes what the API confirmed to be nobody's. @returns when to look again. */
  async #clearStrays(key: string, signal: AbortSignal): Promise<number | undefined> {
    let delayMs: number | undefined;
    if (!this.#view.knownOf(key).some(({ id }) => this.#strays.find(id) !== undefined)) return delayMs;
    for (const container of await this.#view.containersOf(key, signal)) {
      const stray = this.#strays.find(container.id);
      if (stray === undefined) continue;
      delayMs = least(delayMs, await this.#clearance.clear(key, stray, container, signal));
    }
    return delayMs;
  }

  async #onListed(isRecovered: boolean, signal: AbortSignal): Promise<void> {
    const { taskStore, worker, clock } = this.#options;
    if (!taskStore.hasSynced) return;
    if (isRecovered) {
      for (const task of taskStore.list()) {
        if (responsibleWorker(task) === worker) this.#loop.enqueue(keyString(keyOf(task)));
      }
    }
    const known = this.#view.known();
    try {
      this.#forgetGone(known);
      const read = (key: string): Task | undefined => this.#copy.read(key);
      const { keys, held } = await this.#strays.look(known, read, clock.monotonicMs(), signal);
      for (const key of keys) this.#loop.enqueue(key);
      if (held > 0) this.#clearance.sayHeld(held, known.length);
    } catch (error) {
      if (!signal.aborted) this.#log.warn({ err: error }, `cannot tell orphans: ${messageOf(error)}`);
    }
    const ours = taskStore.list().filter((task) => responsibleWorker(task) === worker);
    const uids = known.map(({ uid }) => uid);
    await this.#upkeep.sweep(ours, uids, signal);
  }

  /** Memory is bounded by what exists. */
  #forgetGone(known: readonly KnownContainer[]): void {
    const uids = new Set(this.#options.taskStore.list().map(({ metadata }) => metadata.uid ?? ''));
    for (const uid of this.#memories.keys()) if (!uids.has(uid)) this.#memories.delete(uid);
    const ids = new Set(known.map(({ id }) => id));
    this.#clearance.retain(ids);
    this.#tails.retain(ids);
    this.#results.retain(ids);
  }

  #onTask(key: string, task: Task | undefined, old: Task | undefined): void {
    const { worker } = this.#options;
    const isOurs = task !== undefined && responsibleWorker(task) === worker;
    const wasOurs = old !== undefined && responsibleWorker(old) === worker;
    if (task === undefined) this.#copy.forget(key);
    if (wasOurs && (!isOurs || task.metadata.uid !== old.metadata.uid)) {
      this.#upkeep.forget(key, old.metadata.uid);
    }
    if (isOurs || wasOurs || this.#view.knownOf(key).length > 0) this.#loop.enqueue(key);
  }

  #remember({ taskKey, uid }: Subject, outcome: Outcome): void {
    const task = this.#copy.read(taskKey);
    if (task?.metadata.uid !== uid) return this.#clearance.note(uid, outcome);
    this.#memories.set(uid, remember(this.#memory(uid), outcome, this.#momentOf(task)));
  }

  /** What goes on in the background has come further, or has ended. */
  #onMoved(subject: Subject, outcome: Outcome, isNews: boolean): void {
    const { taskKey } = subject;
    this.#remember(subject, outcome);
    if (isNews) this.#tell(subject, outcome);
    // A refused stop is tried again, but not in a spin; a refused pull has a backoff of its own.
    if (outcome.kind === 'failed' && ['stop', 'remove'].includes(outcome.action.kind)) {
      this.#loop.enqueueAfter(taskKey, STOP_RETRY_MS);
    } else {
      this.#loop.enqueue(taskKey);
    }
  }

  #tell({ taskKey, uid }: Subject, outcome: Outcome): void {
    const task = this.#copy.read(taskKey);
    if (task?.metadata.uid !== uid) return;
    for (const event of eventsOf(task, outcome)) this.#options.events.record(event);
  }

  #onProblem({ taskKey, uid }: Subject, problem: Problem): void {
    const task = this.#copy.read(taskKey);
    this.#log.warn({ key: taskKey }, problem.message);
    if (task?.metadata.uid === uid) this.#options.events.record(problemEvent(task, problem));
  }

  #worldOf(task: Task | undefined, containers: readonly ContainerDetail[], memory: TaskMemory): TaskWorld {
    const { worker, clusterId, publishAddress, clock } = this.#options;
    const cores = this.#options.cores?.();
    const isOurs = task !== undefined && responsibleWorker(task) === worker;
    return {
      task,
      containers,
      memory,
      ...this.#upkeep.surroundingsOf(task, isOurs, containers),
      outputs: new Map(),
      results: new Map(),
      nowMs: clock.now(),
      monotonicMs: clock.monotonicMs(),
      worker,
      clusterId,
      publishAddress,
      ...(cores === undefined ? {} : { cores }),
    };
  }

  #momentOf(task: Task): Moment {
    const { clock } = this.#options;
    return { monotonicMs: clock.monotonicMs(), generation: task.metadata.generation ?? 0 };
  }

  #memory(uid: string): TaskMemory {
    return this.#memories.get(uid) ?? emptyMemory;
  }
}

function ofTask(uid: string, containers: readonly ContainerDetail[]): readonly ContainerDetail[] {
  return containers.filter(({ labels }) => labels[LABEL_UID] === uid);
}
