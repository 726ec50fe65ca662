/**
 * Does what the planner decided, in order, until something fails. Every call has a limit in time and the reconcile's
 * signal; what it came to is answered in words the planner understands.
 */
import type { Client } from '../../../machinery/client.ts';
import type { Clock } from '../../../machinery/clock.ts';
import { isApiError, messageOf, RuntimeError } from '../../../machinery/errors.ts';
import { FINALIZER_CONTAINER, LABEL_CLUSTER, LABEL_UID, LABEL_WORKER } from '../../../machinery/labels.ts';
import type { Runtime } from '../../../machinery/runtime.ts';
import { withinBounds } from '../../../runtime/bounded.ts';
import { tasks } from '../../../schemas/kinds.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import type { TaskServices } from '../services.ts';
import type { Action } from '../types.ts';
import { type Background, type PreStop, toRuntimeError } from './background.ts';
import type { EngineView } from './observe.ts';
import { PreparationError, prepareContainer } from './prepare.ts';
import type { Outcome } from './remember.ts';

export interface PerformerOptions {
  readonly runtime: Runtime;
  readonly client: Client;
  readonly clock: Clock;
  readonly view: EngineView;
  readonly services: TaskServices;
  readonly background: Background;
  readonly clusterId: string;
  readonly worker: string;
  /** A stop, a pull or a postStart hook of this Task is about to begin: it may be over before `perform` is. */
  readonly onBegun: (subject: Subject, outcome: Outcome) => void;
  /** A stop, a pull or a postStart hook of this Task has ended. */
  readonly onSettled: (subject: Subject, outcome: Outcome) => void;
  /** How far a pull for this Task has come. @param isNews worth an Event */
  readonly onProgress: (subject: Subject, outcome: Outcome, isNews: boolean) => void;
  /** Something went wrong that holds nothing up. */
  readonly onProblem: (subject: Subject, problem: Problem) => void;
}

export interface Problem {
  readonly reason: 'FailedPreStopHook' | 'LogsNotKept';
  readonly message: string;
  readonly action: Action;
}

export interface Subject {
  readonly taskKey: string;
  readonly uid: string;
  /** A container that is nobody's: `uid` is its id, and what is done for it is done before the next. */
  readonly isStray?: true;
}

const CREATE_LIMIT_MS = 60_000;
const START_LIMIT_MS = 60_000;
const ACT_LIMIT_MS = 30_000;
const PREPARE_LIMIT_MS = 60_000;
const KEEP_LIMIT_MS = 120_000;

export class Performer {
  readonly #options: PerformerOptions;

  constructor(options: PerformerOptions) {
    this.#options = options;
  }

  /** Outcomes of the actions that were tried. Rejects with `ApiError` (lifting the finalizer) and on abort. */
  async perform(
    subject: Subject,
    task: Task | undefined,
    actions: readonly Action[],
    signal: AbortSignal,
  ): Promise<readonly Outcome[]> {
    const outcomes: Outcome[] = [];
    let createdId: string | undefined;
    for (const action of actions) {
      signal.throwIfAborted();
      const containerId = idOf(action) ?? createdId;
      try {
        const outcome = await this.#act(subject, task, action, containerId, signal);
        outcomes.push(outcome);
        if (action.kind !== 'create') continue;
        // Found rather than made: it may have run already, so it is looked at before anything else is done.
        if (outcome.kind !== 'done') return outcomes;
        createdId = outcome.containerId;
      } catch (error) {
        if (isApiError(error)) throw error;
        const isPreparation = error instanceof PreparationError;
        const failed = isPreparation ? error.error : toRuntimeError(error);
        // Unanswered or contradicted: what is on the engine is not what was thought.
        this.#options.view.doubt(subject.taskKey);
        outcomes.push({
          kind: 'failed',
          action,
          error: failed,
          ...(containerId === undefined ? {} : { containerId }),
          ...(isPreparation ? { isPreparation } : {}),
        });
        return outcomes;
      }
    }
    return outcomes;
  }

  async #act(
    subject: Subject,
    task: Task | undefined,
    action: Action,
    createdId: string | undefined,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { runtime, view, services, background, onBegun, onSettled } = this.#options;
    switch (action.kind) {
      case 'pull': {
        const begun: Outcome = { kind: 'begun', action };
        onBegun(subject, begun);
        background.pull(
          action.image,
          action.auths,
          (words, isNews) => this.#options.onProgress(subject, { ...begun, words }, isNews),
          (error, words) => onSettled(subject, settledOutcome(action, error, words)),
        );
        return begun;
      }
      case 'stop': {
        const begun: Outcome = { kind: 'begun', action };
        onBegun(subject, begun);
        background.stop(action.id, action.gracePeriodMs, this.#preStop(subject, task, action), (error) => {
          view.touch(action.id);
          onSettled(subject, settledOutcome(action, error));
        });
        return begun;
      }
      case 'postStart': {
        const begun: Outcome = { kind: 'begun', action };
        if (task === undefined) return begun;
        onBegun(subject, begun);
        background.postStart(action.id, task, action.hook, (error) =>
          onSettled(subject, settledOutcome(action, error)),
        );
        return begun;
      }
      case 'create': {
        const { id, isNew } = await this.#create(task, action, signal);
        view.add(id, action.spec.labels);
        return isNew ? { kind: 'done', action, containerId: id } : { kind: 'begun', action };
      }
      case 'start': {
        const id = createdId ?? action.name;
        await this.#bounded(action, START_LIMIT_MS, signal, (inner) => runtime.start(id, inner));
        view.touch(id);
        return { kind: 'done', action, containerId: id };
      }
      case 'unpause':
        await this.#bounded(action, ACT_LIMIT_MS, signal, (inner) => runtime.unpause(action.id, inner));
        break;
      case 'rename':
        await this.#bounded(action, ACT_LIMIT_MS, signal, (inner) =>
          runtime.rename(action.id, action.name, inner),
        );
        break;
      case 'update':
        await this.#bounded(action, ACT_LIMIT_MS, signal, (inner) =>
          runtime.update(action.id, action.resources, inner),
        );
        break;
      case 'refreshVolumes':
        if (task === undefined) break;
        await this.#bounded(action, PREPARE_LIMIT_MS, signal, (inner) =>
          services.volumes.refresh(task, action.files, inner),
        );
        break;
      case 'releaseVolumes':
        await this.#bounded(action, PREPARE_LIMIT_MS, signal, (inner) =>
          services.volumes.release(subject.uid, inner),
        );
        break;
      case 'remove':
        if (action.ended !== undefined && subject.isStray !== true) {
          const begun: Outcome = { kind: 'begun', action };
          onBegun(subject, begun);
          background.remove(
            (inner) => this.#remove(subject, action, inner),
            (error) => {
              view.touch(action.id);
              onSettled(subject, settledOutcome(action, error));
            },
          );
          return begun;
        }
        await this.#remove(subject, action, signal);
        break;
      case 'liftFinalizer':
        await this.#liftFinalizer(task, signal);
        break;
    }
    const id = idOf(action);
    if (id !== undefined) view.touch(id);
    return { kind: 'done', action };
  }

  /** A name that is taken by a container of this very attempt means that it was created before: that one is it. */
  async #create(
    task: Task | undefined,
    action: Action & { readonly kind: 'create' },
    signal: AbortSignal,
  ): Promise<{ id: string; isNew: boolean }> {
    const { runtime, services, clock } = this.#options;
    const bounds = {
      what: `preparation of container ${action.spec.name}`,
      signal,
      limitMs: PREPARE_LIMIT_MS,
    };
    const spec =
      task === undefined
        ? action.spec
        : await withinBounds(clock, bounds, (inner) =>
            prepareContainer(runtime, services, task, action, inner),
          );
    try {
      const made = await this.#bounded(action, CREATE_LIMIT_MS, signal, (inner) =>
        runtime.create(spec, inner),
      );
      return { id: made.id, isNew: true };
    } catch (error) {
      if (!(error instanceof RuntimeError) || error.reason !== 'Conflict') throw error;
      const holder = await this.#bounded(action, ACT_LIMIT_MS, signal, (inner) =>
        runtime.inspect(error.holderId ?? spec.name, inner),
      );
      const isOurs = [LABEL_CLUSTER, LABEL_WORKER, LABEL_UID].every(
        (label) => holder?.labels[label] === spec.labels[label],
      );
      if (holder === undefined || !isOurs) throw error;
      return { id: holder.id, isNew: false };
    }
  }

  #preStop(
    subject: Subject,
    task: Task | undefined,
    action: Action & { readonly kind: 'stop' },
  ): PreStop | undefined {
    if (action.preStop === undefined || task === undefined) return undefined;
    const onFailed = (why: string): void =>
      this.#options.onProblem(subject, {
        reason: 'FailedPreStopHook',
        message: `PreStopHook failed: ${why}`,
        action,
      });
    return { task, hook: action.preStop, onFailed };
  }

  async #remove(
    subject: Subject,
    action: Action & { readonly kind: 'remove' },
    signal: AbortSignal,
  ): Promise<void> {
    const { runtime } = this.#options;
    await this.#keepLogs(subject, action, signal);
    await this.#bounded(action, ACT_LIMIT_MS, signal, (inner) => runtime.remove(action.id, inner));
  }

  /** A log that cannot be kept is told of, and holds no removal up. */
  async #keepLogs(
    subject: Subject,
    action: Action & { readonly kind: 'remove' },
    signal: AbortSignal,
  ): Promise<void> {
    const { ended, id, name } = action;
    if (ended === undefined) return;
    const { end, ...whose } = ended;
    const { archive } = this.#options.services;
    try {
      const bounds = { what: `keeping the log of container ${name}`, signal, limitMs: KEEP_LIMIT_MS };
      await withinBounds(this.#options.clock, bounds, (inner) => archive.keep({ id, ...whose }, end, inner));
    } catch (error) {
      signal.throwIfAborted();
      const message = `The log of container ${name} could not be kept: ${messageOf(error)}`;
      this.#options.onProblem(subject, { reason: 'LogsNotKept', message, action });
    }
  }

  /** Asks the engine itself, whatever the copy says: with the finalizer goes the last reason to look. */
  async #liftFinalizer(task: Task | undefined, signal: AbortSignal): Promise<void> {
    const { runtime, client, clock, clusterId } = this.#options;
    if (task === undefined) return;
    const { uid = '', name } = task.metadata;
    const bounds = { what: `list of containers of task "${name}"`, signal, limitMs: ACT_LIMIT_MS };
    const left = await withinBounds(clock, bounds, (inner) =>
      runtime.list(
        { [LABEL_CLUSTER]: clusterId, [LABEL_UID]: uid, [LABEL_WORKER]: this.#options.worker },
        inner,
      ),
    );
    if (left.length > 0) {
      throw new RuntimeError(
        'Failed',
        `task "${name}" still has container ${left[0]?.name ?? ''} on the engine; it is removed first`,
      );
    }
    const finalizers = (task.metadata.finalizers ?? []).filter((held) => held !== FINALIZER_CONTAINER);
    try {
      await client.update(tasks, { ...task, metadata: { ...task.metadata, finalizers } }, { signal });
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
  }

  #bounded<T>(
    action: Action,
    limitMs: number,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const what = `${action.kind} of container ${'name' in action ? action.name : (idOf(action) ?? '')}`;
    return withinBounds(this.#options.clock, { what, signal, limitMs }, work);
  }
}

function idOf(action: Action): string | undefined {
  return 'id' in action ? action.id : undefined;
}

function settledOutcome(action: Action, error: RuntimeError | undefined, words?: string): Outcome {
  if (error !== undefined) return { kind: 'failed', action, error };
  return { kind: 'done', action, ...(words === undefined ? {} : { words }) };
}
