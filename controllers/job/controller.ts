/**
 * Runs Jobs by their schedules and by what they depend on, lets their runs begin, and removes old ones.
 *
 * Level-triggered: a Job is looked at when it, its runs, or what it depends on changes, and when its schedule's next time
 * comes. The plan is made anew from what is there; of what this process remembers nothing is needed for being right.
 */

import { timestamp } from '../../machinery/clock.ts';
import { isApiError } from '../../machinery/errors.ts';
import { isSameJson } from '../../machinery/json.ts';
import { keyOf, keyString } from '../../machinery/meta.ts';
import { type ObjectTrace, traceOfObject } from '../../machinery/trace.ts';
import { jobs, runs } from '../../schemas/kinds.ts';
import { awaitedRuns, hasBegun, hasEnded, jobsOwning } from '../../schemas/runlives.ts';
import type { Job, Run } from '../../schemas/types.gen.ts';
import type { ControllerContext } from '../engine/context.ts';
import { type Controller, ControllerLoop, done, type Result, requeueAfter } from '../engine/controller.ts';
import { BY_AWAITED, BY_JOB, BY_UPSTREAM, type Informers, noLongerAwaited } from '../informers.ts';
import { type JobMetrics, jobMetrics } from './metrics.ts';
import { performAction, performMake, performStatus } from './perform.ts';
import { planJob } from './plan.ts';
import type { JobPlan, JobWorld, NewRun } from './types.ts';
import { WallJumps } from './walljumps.ts';

/** A write waits for the store; several Jobs may be under way at once. */
const CONCURRENCY = 4;
/** Jobs that a change of what one depends on leads to, at most. */
const MAX_VISITED = 1_000;
const SETTINGS = 'default';
/** One that makes runs, one that has them; a place that is refused may make room for another. */
const MAX_PASSES = 5;

type JobInformers = Pick<Informers, 'jobs' | 'runs' | 'schedulerSettings'>;

export function openJobs(
  context: ControllerContext,
  informers: JobInformers,
): { readonly loop: ControllerLoop; readonly close: () => void } {
  const controller = new Jobs(context, informers);
  const loop = new ControllerLoop(controller, { ...context, concurrency: CONCURRENCY });
  controller.attach(loop);
  return { loop, close: () => controller.stop() };
}

/** What this process wrote last: its copy may take a moment to show it. */
interface Written {
  readonly fromVersion: string | undefined;
  readonly job: Job;
  readonly atMs: number;
}

class Jobs implements Controller {
  readonly name = 'job';
  readonly resource = jobs;
  readonly #context: ControllerContext;
  readonly #informers: JobInformers;
  readonly #metrics: JobMetrics;
  readonly #written = new Map<string, Written>();
  #wallJumps: WallJumps | undefined;

  constructor(context: ControllerContext, informers: JobInformers) {
    this.#context = context;
    this.#informers = informers;
    this.#metrics = jobMetrics(context.metrics);
  }

  attach(loop: ControllerLoop): void {
    const { jobs: jobCopies, runs: runCopies, schedulerSettings } = this.#informers;
    const all = (): void => {
      for (const job of jobCopies.list()) loop.enqueue(keyString(keyOf(job)));
    };
    const dependents = (key: string): void => {
      for (const dependent of jobCopies.byIndex(BY_UPSTREAM, key)) loop.enqueue(keyString(keyOf(dependent)));
    };
    const hasSchedule = (): boolean => jobCopies.list().some(({ spec }) => spec.schedule !== undefined);
    this.#wallJumps = new WallJumps(this.#context.clock, hasSchedule, all);
    jobCopies.onChange((key, job, old) => {
      if (job === undefined) this.#written.delete(key);
      else if (job.spec.schedule !== undefined) this.#wallJumps?.keepLooking();
      loop.enqueue(key);
      const isOther = job === undefined || old === undefined;
      if (isOther || !isSameJson(job.spec.dependsOn, old.spec.dependsOn)) {
        for (const dependent of this.#downstreamOf(key)) loop.enqueue(dependent);
      }
    });
    runCopies.onChange((_, run, old) => {
      const some = run ?? old;
      // What it kept from going may go now.
      for (const key of noLongerAwaited(run, old)) {
        const other = runCopies.get(key);
        if (other?.spec.jobRef !== undefined)
          loop.enqueue(keyString({ ...keyOf(other), name: other.spec.jobRef.name }));
      }
      const name = some?.spec.jobRef?.name;
      if (some === undefined || name === undefined) return;
      const key = keyString({ ...keyOf(some), name });
      if (!isSameJson(factsOf(run), factsOf(old))) loop.enqueue(key);
      if ((run !== undefined && hasEnded(run)) !== (old !== undefined && hasEnded(old))) dependents(key);
    });
    schedulerSettings.onChange(all);
  }

  stop(): void {
    this.#wallJumps?.close();
  }

  traceOf(key: string): ObjectTrace | undefined {
    return traceOfObject(this.#informers.jobs.get(key)?.metadata);
  }

  async reconcile(key: string, signal: AbortSignal): Promise<Result> {
    const job = this.#newest(key);
    if (job === undefined) return this.#withoutJob(key, signal);
    if (job.metadata.deletionTimestamp !== undefined) return done;
    const { world, plan, refused } = await this.#plan(key, job, signal);
    const { recorder } = this.#context;
    if (plan.status !== undefined && plan.status !== world.job.status) {
      const written = await performStatus(this.#context, world.job, plan.status, signal);
      if (written === undefined) return done;
      this.#remember(key, world.job, written);
      // Only what the status tells of: a plan that came to nothing is made again.
      this.#metrics.missed.inc(plan.missed);
      this.#metrics.fires.inc({ result: 'skipped' }, plan.skipped);
      this.#metrics.fires.inc({ result: 'refused' }, refused);
    }
    for (const note of plan.notes) recorder.record({ object: world.job, ...note });
    for (const action of plan.actions) await performAction(this.#context, world.job, action, signal);
    return plan.lookAgainMs === undefined ? done : requeueAfter(plan.lookAgainMs);
  }

  /** Planned from one moment, however long it takes to make runs. */
  async #plan(
    key: string,
    job: Job,
    signal: AbortSignal,
  ): Promise<{
    readonly world: JobWorld;
    readonly plan: Extract<JobPlan, { kind: 'settle' }>;
    /** Times of its schedule whose runs were refused. */
    readonly refused: number;
  }> {
    let refused = 0;
    const unmade = new Map<string, string>();
    let world = await this.#observe(key, job, unmade, signal);
    for (let pass = 0; pass < MAX_PASSES; pass++) {
      const plan = planJob(world);
      if (plan.kind === 'settle') return { world, plan, refused };
      const made: Run[] = [];
      for (const wanted of plan.runs) {
        const result = await performMake(this.#context, job, wanted, signal);
        if (result.kind === 'made') {
          made.push(result.run);
          if (result.isNew) this.#countFire(wanted);
        } else {
          unmade.set(wanted.name, result.why);
          if (wanted.trigger !== 'Dependency') refused++;
        }
      }
      const uids = new Set(made.map(({ metadata }) => metadata.uid));
      world = { ...world, runs: [...world.runs.filter(({ metadata }) => !uids.has(metadata.uid)), ...made] };
    }
    throw new Error(`job ${key} asked for runs in ${MAX_PASSES} passes, wanted one: look at its plan`);
  }

  #countFire({ trigger, scheduledMs }: NewRun): void {
    if (scheduledMs === undefined) return;
    this.#metrics.fires.inc({ result: trigger === 'CatchUp' ? 'caught_up' : 'made' });
    if (trigger === 'CatchUp') return;
    const lateMs = Math.max(0, this.#context.clock.now() - scheduledMs);
    this.#metrics.fireDelay.observe(lateMs / 1000);
  }

  async #observe(
    key: string,
    job: Job,
    unmade: ReadonlyMap<string, string>,
    signal: AbortSignal,
  ): Promise<JobWorld> {
    const { clock } = this.#context;
    const { jobs: jobCopies, runs: runCopies, schedulerSettings } = this.#informers;
    const copies = runCopies.byIndex(BY_JOB, key);
    const { read, gone } = await this.#readLive(job, copies, signal);
    const newer = new Set(read.map(({ metadata }) => metadata.uid));
    const named = (name: string): string => keyString({ ...keyOf(job), name });
    const written = this.#written.get(key);
    return {
      job,
      runs: [...copies.filter(({ metadata: { uid = '' } }) => !newer.has(uid) && !gone.has(uid)), ...read],
      gone,
      findJob: (name) => jobCopies.get(named(name)),
      runsOf: (name) => runCopies.byIndex(BY_JOB, named(name)),
      hasDependents: jobCopies.byIndex(BY_UPSTREAM, key).length > 0,
      awaited: new Set(
        copies.flatMap(({ metadata: { name } }) =>
          runCopies.byIndex(BY_AWAITED, named(name)).length > 0 ? [name] : [],
        ),
      ),
      isSchedulerSuspended: schedulerSettings.get(SETTINGS)?.spec?.suspended === true,
      sinceJumpMs: this.#wallJumps?.sinceJumpMs(),
      nowMs: clock.now(),
      sinceWriteMs: written === undefined ? undefined : clock.monotonicMs() - written.atMs,
      unmade,
    };
  }

  /**
   * What the status tells of and the copy has not: it may be too new for it, or gone. And what is under way as the copy
   * has it, without the status telling of it: most likely it has ended, which the copy has yet to show.
   */
  async #readLive(
    job: Job,
    copies: readonly Run[],
    signal: AbortSignal,
  ): Promise<{ readonly read: readonly Run[]; readonly gone: ReadonlySet<string> }> {
    const { status = {} } = job;
    const known = new Set(copies.map(({ metadata }) => metadata.uid));
    const active = status.active ?? [];
    const listed = new Set(active.map(({ uid }) => uid));
    const doubtful = [
      ...[...active, ...(status.waiting ?? [])].filter(({ uid }) => !known.has(uid)),
      ...copies
        .filter((run) => hasBegun(run) && !hasEnded(run) && !listed.has(run.metadata.uid ?? ''))
        .map(({ metadata: { name, uid = '' } }) => ({ name, uid })),
    ];
    const read: Run[] = [];
    const gone = new Set<string>();
    for (const { name, uid } of doubtful) {
      const run = await this.#read({ ...keyOf(job), name }, signal);
      if (run?.metadata.uid === uid) read.push(run);
      else gone.add(uid);
    }
    return { read, gone };
  }

  async #read(key: { namespace?: string; name: string }, signal: AbortSignal): Promise<Run | undefined> {
    try {
      return await this.#context.client.get(runs, key, { signal });
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  /** A run that nobody lets begin: its Job is gone, and did not take it along. */
  async #withoutJob(key: string, signal: AbortSignal): Promise<Result> {
    const orphans = this.#informers.runs
      .byIndex(BY_JOB, key)
      .filter((run) => !hasEnded(run) && !hasBegun(run) && run.metadata.deletionTimestamp === undefined)
      // The collector takes the others away.
      .filter((run) => jobsOwning(run).length === 0);
    for (const run of orphans) {
      const { client, clock, recorder } = this.#context;
      const name = run.spec.jobRef?.name ?? '';
      const isThere = await client.get(jobs, { ...keyOf(run), name }, { signal }).then(
        () => true,
        (error: unknown) => {
          if (isApiError(error, 'NotFound')) return false;
          throw error;
        },
      );
      if (isThere) continue;
      const reason = 'JobNotFound';
      const message = `job "${name}" is not there`;
      const finishedAt = timestamp(clock.now());
      const status = { ...run.status, state: 'failed', reason, message, finishedAt } as const;
      await client.update(runs, { ...run, status }, { subresource: 'status', signal });
      const decision = { inputs: { jobRef: run.spec.jobRef }, verdict: reason, action: 'the run has failed' };
      recorder.record({ object: run, type: 'Warning', reason, message, decision });
    }
    return done;
  }

  #newest(key: string): Job | undefined {
    const copy = this.#informers.jobs.get(key);
    const written = this.#written.get(key);
    if (copy === undefined || written === undefined) return copy;
    return copy.metadata.resourceVersion === written.fromVersion ? written.job : copy;
  }

  #remember(key: string, from: Job, job: Job): void {
    const atMs = this.#context.clock.monotonicMs();
    this.#written.set(key, { fromVersion: from.metadata.resourceVersion, job, atMs });
  }

  /** Those that depend on it, and on them: a circle goes through them. */
  #downstreamOf(key: string): readonly string[] {
    const found = new Set<string>();
    const queue = [key];
    for (let at = queue.shift(); at !== undefined && found.size < MAX_VISITED; at = queue.shift()) {
      for (const dependent of this.#informers.jobs.byIndex(BY_UPSTREAM, at)) {
        const name = keyString(keyOf(dependent));
        if (found.has(name)) continue;
        found.add(name);
        queue.push(name);
      }
    }
    return [...found];
  }
}

/** Of a Run, what its Job is planned from: its steps come and go without it. */
function factsOf(run: Run | undefined): unknown {
  if (run === undefined) return undefined;
  const { metadata, spec, status = {} } = run;
  const { uid, deletionTimestamp, ownerReferences } = metadata;
  const { state, finishedAt, startedAt } = status;
  return [
    uid,
    deletionTimestamp,
    ownerReferences,
    spec,
    state,
    finishedAt,
    startedAt,
    awaitedRuns(run).length,
  ];
}
