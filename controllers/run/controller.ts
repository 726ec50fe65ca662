/**
 * Carries Runs from their beginning to their end: pins what is run, makes the Tasks of steps as these come about, and
 * tells in the status what was seen. One look writes the status once at most, and only when it says something new; what
 * is done is done before it is told, so that one write tells of it.
 */
import { isApiError } from '../../machinery/errors.ts';
import { isSameJson } from '../../machinery/json.ts';
import { ANNOTATION_TRACE } from '../../machinery/labels.ts';
import { keyOf, keyString } from '../../machinery/meta.ts';
import { type ObjectTrace, traceOfObject } from '../../machinery/trace.ts';
import { runs } from '../../schemas/kinds.ts';
import { awaitedRuns, DEPENDENCY_NOT_SATISFIED, hasEnded } from '../../schemas/runlives.ts';
import type { ControllerRevision, Job, Run, Task } from '../../schemas/types.gen.ts';
import type { ControllerContext } from '../engine/context.ts';
import { type Controller, ControllerLoop, done, type Result, requeueAfter } from '../engine/controller.ts';
import { BY_AWAITED, type Informers } from '../informers.ts';
import { KEPT_MS, Written } from './acting/memory.ts';
import { observeDependencies, observeRun, readLive } from './acting/observe.ts';
import { find, pinRun, siblingOf } from './acting/pin.ts';
import { Pruner } from './acting/prune.ts';
import { performSteps } from './acting/steps.ts';
import { planRun } from './plan.ts';
import { waitingNotes, waitingStatus } from './planning/dependencies.ts';
import { endOf, isGivenUp } from './planning/ends.ts';
import { isoTime } from './planning/steps.ts';
import type { Refusal, RunPlan, RunWorld, Status } from './types.ts';

/** Each look waits for the store most of its time. */
const CONCURRENCY = 16;
/** Looks in a row at one Run; after that others have their turn. */
const MAX_ROUNDS = 4;
/** A wall clock may be set: what is far away is looked at again in between. */
const LONGEST_LOOK_MS = 3_600_000;
const REVISION = 'revision:';

export function openRuns(
  context: ControllerContext,
  informers: Informers,
): { readonly loop: ControllerLoop; readonly close?: () => void } {
  const controller = new RunController(context, informers);
  const loop = new ControllerLoop(controller, { ...context, concurrency: CONCURRENCY });
  controller.attach(loop);
  return { loop };
}

class RunController implements Controller {
  readonly name = 'run';
  readonly resource = runs;
  readonly #context: ControllerContext;
  readonly #informers: Informers;
  readonly #pruner: Pruner;
  readonly #writtenRuns: Written<Run>;
  readonly #madeTasks: Written<Task>;
  readonly #madeRevisions: Written<ControllerRevision>;
  /** By Run and step: until when, on the monotonic clock, a step that found no room waits. */
  readonly #refusals = new Map<string, Map<string, Refusal & { readonly dueMs: number }>>();

  /** By Run that has not ended: when its status was last written here, on the monotonic clock. */
  readonly #writtenMs = new Map<string, number>();

  constructor(context: ControllerContext, informers: Informers) {
    this.#context = context;
    this.#informers = informers;
    const { client, clock } = context;
    this.#pruner = new Pruner({
      client,
      clock,
      runs: informers.runs,
      revisions: informers.controllerRevisions,
    });
    this.#writtenRuns = new Written(clock);
    this.#madeTasks = new Written(clock);
    this.#madeRevisions = new Written(clock);
  }

  attach(loop: ControllerLoop): void {
    const prune = (key: string): void => loop.enqueue(REVISION + key);
    this.#informers.runs.onChange((key, run, old) => {
      this.#writtenRuns.seen(key, run);
      const used = old?.spec.revision;
      if (run === undefined) {
        this.#refusals.delete(key);
        this.#writtenMs.delete(key);
        if (used !== undefined && old !== undefined) prune(keyString(siblingOf(old, used)));
      } else loop.enqueue(key);
      // Its end, or that it is gone, is what others wait for.
      if (run === undefined || (hasEnded(run) && (old === undefined || !hasEnded(old)))) {
        for (const { metadata } of this.#informers.runs.byIndex(BY_AWAITED, key))
          loop.enqueue(keyString(metadata));
      }
    });
    this.#informers.tasks.onChange((key, task, old) => {
      this.#madeTasks.seen(key, task);
      const either = task ?? old;
      const owner = either?.metadata.ownerReferences?.find(({ controller }) => controller === true);
      if (either === undefined || owner?.kind !== runs.kind || !isNews(task, old, this.#context.clock.now()))
        return;
      loop.enqueue(keyString(siblingOf(either, owner.name)));
    });
    this.#informers.jobs.onChange((_, job, old) => {
      for (const key of newlyActive(job, old)) loop.enqueue(key);
    });
    this.#informers.controllerRevisions.onChange((key, revision) => {
      this.#madeRevisions.seen(key, revision);
      prune(key);
      for (const other of this.#pruner.siblings(key)) prune(keyString(keyOf(other)));
    });
  }

  traceOf(key: string): ObjectTrace | undefined {
    return traceOfObject(this.#informers.runs.get(key)?.metadata);
  }

  async reconcile(key: string, signal: AbortSignal): Promise<Result> {
    if (key.startsWith(REVISION)) {
      const lookAgainMs = await this.#pruner.prune(key.slice(REVISION.length), signal);
      return lookAgainMs === undefined ? done : requeueAfter(lookAgainMs);
    }
    const copy = this.#informers.runs.get(key);
    if (copy === undefined || copy.metadata.deletionTimestamp !== undefined) return done;
    const written = this.#writtenRuns.get(key);
    const run = written !== undefined && written.metadata.uid === copy.metadata.uid ? written : copy;
    try {
      const result = await this.#look(run, signal);
      return written === undefined ? result : soonest(result, KEPT_MS);
    } catch (error) {
      // Somebody wrote first: what was written here last is not the newest.
      this.#writtenRuns.forget(key);
      if (isApiError(error, 'NotFound') && (await this.#isGone(run, signal))) return done;
      throw error;
    }
  }

  async #look(found: Run, signal: AbortSignal): Promise<Result> {
    let run = found;
    if (run.status?.finishedAt === undefined) {
      const pin = (given: Run): Promise<Run | undefined> => this.#pin(given, signal);
      const wait = (given: Run): Promise<Run | undefined> => this.#awaitOthers(given, signal);
      // What is dispatched runs as its template was when it was asked for, which its parameters fit. What a Job or an older
      // run says is taken when it begins; and while it waits it takes no place among the job's runs.
      const isDispatched = run.spec.templateRef !== undefined && run.spec.rerunOf === undefined;
      for (const prepare of isDispatched ? [pin, wait] : [wait, pin]) {
        const next = await prepare(run);
        if (next === undefined) return done;
        run = next;
      }
    }
    for (let round = 1; ; round++) {
      const { plan, next, isAhead } = await this.#step(run, signal);
      run = next;
      if (run.status?.finishedAt !== undefined) {
        this.#refusals.delete(keyString(keyOf(run)));
        return done;
      }
      if (plan.goesOn && round < MAX_ROUNDS) continue;
      if (plan.goesOn) return requeueAfter(0);
      const again = plan.lookAgainMs === undefined ? done : soonest(done, plan.lookAgainMs);
      return isAhead ? soonest(again, KEPT_MS) : again;
    }
  }

  /** Undefined: it does not begin now. */
  async #pin(run: Run, signal: AbortSignal): Promise<Run | undefined> {
    if (run.spec.revision !== undefined) return run;
    const pinning = await pinRun(
      {
        ...this.#informers,
        revisions: this.#informers.controllerRevisions,
        client: this.#context.client,
        made: this.#madeRevisions,
        keep: (key) => this.#pruner.keep(key),
      },
      run,
      signal,
    );
    if (pinning.kind === 'waits') return undefined;
    if (pinning.kind === 'refused') {
      await this.#refuse(run, pinning.reason, pinning.message, signal);
      return undefined;
    }
    this.#writtenRuns.add(pinning.run);
    return pinning.run;
  }

  /** Undefined: it does not begin now. */
  async #awaitOthers(run: Run, signal: AbortSignal): Promise<Run | undefined> {
    // One that is to be cancelled is ended by whoever would have let it begin.
    if (run.spec.cancel === true || awaitedRuns(run).length === 0) return run;
    const plan = await observeDependencies(this.#context.client, this.#informers.runs, run, signal);
    const status = waitingStatus(run, plan);
    if (plan.kind === 'failed') {
      await this.#refuse({ ...run, status }, DEPENDENCY_NOT_SATISFIED, plan.message, signal);
      return undefined;
    }
    if (isSameJson(status, run.status)) return undefined;
    const written = await this.#write(run, { status, notes: waitingNotes(run, plan) }, signal);
    return plan.kind === 'met' ? written : undefined;
  }

  /** Plans, performs, and tells of it in one write. */
  async #step(run: Run, signal: AbortSignal): Promise<Step> {
    const key = keyString(keyOf(run));
    const sources = {
      ...this.#informers,
      client: this.#context.client,
      revisions: this.#informers.controllerRevisions,
      madeRevisions: this.#madeRevisions,
      madeTasks: this.#madeTasks,
    };
    const seen = await observeRun(sources, run, signal);
    if (seen.kind === 'refused') {
      const next = await this.#refuse(run, 'InvalidRerun', seen.message, signal);
      return { plan: planRun({ ...NO_WORLD, run: next, nowMs: 0 }), next, isAhead: false };
    }
    const { clock } = this.#context;
    const writtenMs = this.#writtenMs.get(key);
    let world: RunWorld = {
      ...seen.world,
      refusals: this.#refusalsOf(key),
      nowMs: clock.now(),
      ...(writtenMs === undefined ? {} : { sinceWriteMs: clock.monotonicMs() - writtenMs }),
    };
    let plan = planRun(world);
    if (plan.lookups.length > 0) {
      world = { ...world, ...(await readLive(this.#context.client, world, plan.lookups, signal)) };
      plan = planRun(world);
    }
    let error: unknown;
    if (plan.creates.length > 0 || plan.stops.length > 0) {
      const acts = {
        client: this.#context.client,
        clock: this.#context.clock,
        source: this.#informers.tasks,
        made: this.#madeTasks,
      };
      const entries = plan.status.tasks ?? [];
      const { pinned, refusals } = world;
      const performed = await performSteps(acts, { run, pinned, entries, refusals }, plan, signal);
      ({ error } = performed);
      this.#remember(key, plan, performed.refusals);
      const all = new Map(world.tasks);
      for (const task of performed.created) all.set(task.metadata.name, task);
      const isNothingNew = performed.created.length === 0 && performed.refusals.size === 0;
      if (!isNothingNew) {
        world = { ...world, tasks: all, refusals: new Map([...refusals, ...performed.refusals]) };
        plan = planRun(world);
      }
    }
    const next = await this.#write(run, plan, signal);
    if (error !== undefined) throw error;
    return { plan, next, isAhead: seen.isAhead };
  }

  async #write(run: Run, plan: Pick<RunPlan, 'status' | 'notes'>, signal: AbortSignal): Promise<Run> {
    if (plan.status === run.status || (run.status === undefined && Object.keys(plan.status).length === 0))
      return run;
    const written = await this.#context.client.update(
      runs,
      { ...run, status: plan.status },
      { subresource: 'status', signal },
    );
    this.#writtenRuns.add(written);
    const key = keyString(keyOf(run));
    if (plan.status.finishedAt === undefined) this.#writtenMs.set(key, this.#context.clock.monotonicMs());
    else this.#writtenMs.delete(key);
    for (const note of plan.notes) this.#context.recorder.record({ object: written, ...note });
    return written;
  }

  #refusalsOf(key: string): ReadonlyMap<string, Refusal> {
    const nowMs = this.#context.clock.monotonicMs();
    return new Map(
      [...(this.#refusals.get(key) ?? [])].map(([step, refusal]) => [
        step,
        { ...refusal, leftMs: refusal.dueMs - nowMs },
      ]),
    );
  }

  /** Of the steps that were tried, those that wait for room; what is final stands in the status. */
  #remember(key: string, { creates }: RunPlan, refused: ReadonlyMap<string, Refusal>): void {
    const known = this.#refusals.get(key) ?? new Map<string, Refusal & { readonly dueMs: number }>();
    const nowMs = this.#context.clock.monotonicMs();
    for (const { step } of creates) {
      const refusal = refused.get(step.name);
      if (refusal?.kind === 'wait') known.set(step.name, { ...refusal, dueMs: nowMs + refusal.leftMs });
      else known.delete(step.name);
    }
    if (known.size === 0) this.#refusals.delete(key);
    else this.#refusals.set(key, known);
  }

  /** Ends a Run before anything of it has begun. */
  async #refuse(run: Run, reason: string, message: string, signal: AbortSignal): Promise<Run> {
    const { scheduledTime } = run.spec;
    const traceID = run.metadata.annotations?.[ANNOTATION_TRACE];
    const { generation } = run.metadata;
    const status: Status = {
      state: 'failed',
      reason,
      message,
      ...(run.status?.dependsOn === undefined ? {} : { dependsOn: run.status.dependsOn }),
      ...(scheduledTime === undefined ? {} : { scheduledTime }),
      finishedAt: isoTime(this.#context.clock.now()),
      ...(traceID === undefined ? {} : { traceID }),
      ...(generation === undefined ? {} : { observedGeneration: generation }),
    };
    const inputs = { jobRef: run.spec.jobRef ?? null, templateRef: run.spec.templateRef ?? null };
    const decision = { inputs, verdict: reason, action: 'the run has ended before a step began' };
    const notes = [{ type: 'Warning' as const, reason, message, decision }];
    return this.#write(run, { status, notes }, signal);
  }

  async #isGone(run: Run, signal: AbortSignal): Promise<boolean> {
    const live = await find(this.#context.client, runs, keyOf(run), signal);
    return live?.metadata.uid !== run.metadata.uid;
  }
}

interface Step {
  readonly plan: RunPlan;
  /** The Run as it is stored now. */
  readonly next: Run;
  readonly isAhead: boolean;
}

/** Whichever comes first. */
function soonest(result: Result, delayMs: number): Result {
  const otherMs = result.kind === 'requeueAfter' ? result.delayMs : LONGEST_LOOK_MS;
  return requeueAfter(Math.min(otherMs, delayMs, LONGEST_LOOK_MS));
}

const NO_WORLD: Omit<RunWorld, 'run' | 'nowMs'> = {
  pinned: undefined,
  tasks: new Map(),
  absent: new Set(),
  refusals: new Map(),
  takenOver: [],
};

/** Whether a Task says something that a Run acts upon; its way from one worker's word to the next is not that. */
function isNews(task: Task | undefined, old: Task | undefined, nowMs: number): boolean {
  if (task === undefined || old === undefined) return true;
  return signOf(task, nowMs) !== signOf(old, nowMs);
}

function signOf(task: Task, nowMs: number): string {
  const { uid = '', deletionTimestamp = '' } = task.metadata;
  const { phase, reason, startedAt, progress = '' } = task.status ?? {};
  const end = endOf(task, nowMs)?.kind ?? '';
  const isInTrouble = startedAt === undefined && (isGivenUp(reason) || reason === 'ErrImagePull');
  const isLost = phase === 'Unknown';
  return [uid, deletionTimestamp, task.spec.desiredState ?? '', end, isInTrouble, isLost, progress].join(' ');
}

/** Keys of the Runs that a Job has let begin since. */
function newlyActive(job: Job | undefined, old: Job | undefined): readonly string[] {
  if (job === undefined) return [];
  const before = new Set((old?.status?.active ?? []).map(({ uid }) => uid));
  return (job.status?.active ?? []).flatMap(({ name, uid }) =>
    before.has(uid) ? [] : [keyString(siblingOf(job, name))],
  );
}
