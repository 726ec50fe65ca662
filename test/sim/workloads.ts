/** Users of TaskSets, Jobs and Runs, and what must hold of these whatever goes wrong. */
import { isApiError, messageOf } from '../../machinery/errors.ts';
import { isRecord } from '../../machinery/json.ts';
import { ANNOTATION_PROMOTED, LABEL_STEP } from '../../machinery/labels.ts';
import type { KubeObject, Resource } from '../../machinery/meta.ts';
import { pick, type Random } from '../../machinery/random.ts';
import { controllerRevisions, jobs, runs, schedulerSettings, taskSets, tasks } from '../../schemas/kinds.ts';
import type { ControllerRevision, Job, Run, Task, TaskSet } from '../../schemas/types.gen.ts';
import type { World } from '../world.ts';
import { Violation } from './safety.ts';

const SETS = ['s0', 's1'];
const JOBS = ['j0', 'j1'];
const GOOD = ['forever:1', 'forever:1', 'leisurely:1', 'stubborn:1'];
const API = 'gantry.dev/v1';
const ENDED_PHASES = ['Succeeded', 'Failed', 'Stopped'];

export interface WorkloadsOptions {
  readonly world: World;
  readonly random: Random;
  readonly trace: (line: string) => void;
}

export class Workloads {
  readonly #world: World;
  readonly #random: Random;
  readonly #trace: (line: string) => void;
  /** Job uid and scheduled time -> the uid of the one Run there may ever be for it. */
  readonly #fires = new Map<string, string>();
  /** Set uid -> the most Tasks it has been allowed since it last had no more than it wants. */
  readonly #allowance = new Map<string, number>();
  /** Uids of Tasks that were judged when they came. */
  readonly #begun = new Set<string>();
  /** Uids of Tasks that have ended. A hand may start the container of one again: that is nobody's step. */
  readonly #ended = new Set<string>();
  /** Names of Runs that have completed; none is used twice. */
  readonly #completed = new Set<string>();
  /** Uids of Tasks that a set had not deleted yet, and of those that it may delete. */
  #alive = new Map<string, Task>();
  #mayGo = new Set<string>();
  #revision = -1;

  constructor({ world, random, trace }: WorkloadsOptions) {
    this.#world = world;
    this.#random = random;
    this.#trace = trace;
  }

  /** Does one thing to one object. */
  async act(): Promise<void> {
    if (this.#random.next() < 0.55) await this.#touchSet();
    else await this.#touchJob();
  }

  /** Asks for nothing that could not come to rest. */
  async calm(): Promise<void> {
    const settings = {
      apiVersion: API,
      kind: 'SchedulerSettings',
      metadata: { name: 'default' },
      spec: { suspended: true },
    };
    await this.#try('suspend every schedule', () => this.#world.admin.create(schedulerSettings, settings));
    for (const set of await this.#all(taskSets)) {
      const template = {
        spec: { image: 'forever:1', args: [`calm${Math.floor(this.#random.next() * 1000)}`] },
      };
      const strategy = { canary: null };
      await this.#patch(taskSets, set.metadata.name, {
        // Whoever was away at the end of the storm has time to come back.
        spec: { paused: false, progressDeadlineSeconds: 600, strategy, template },
      });
    }
  }

  async findUnconverged(): Promise<string | undefined> {
    for (const { metadata, spec, status } of await this.#all(taskSets)) {
      const wanted = spec.replicas ?? 1;
      const told = `taskset ${metadata.name}`;
      if (status?.observedGeneration !== metadata.generation) return `${told} is not looked at`;
      if (
        status?.updatedReplicas !== wanted ||
        status.availableReplicas !== wanted ||
        status.replicas !== wanted
      )
        return `${told} has ${JSON.stringify({ ...status, endpoints: status?.endpoints?.length })}, wanted ${wanted}`;
      if (status.endpoints?.length !== wanted) return `${told} has ${status.endpoints?.length} endpoints`;
      if ((status.leaving ?? []).length > 0) return `${told} still has Tasks that leave`;
      const progressing = status.conditions?.find(({ type }) => type === 'Progressing');
      if (progressing?.reason !== 'NewRevisionAvailable') return `${told} is ${progressing?.reason}`;
      const own = (await this.#all(tasks)).filter((task) => isOwnedBy(task, metadata.uid));
      if (own.length !== wanted) return `${told} has ${own.length} Tasks, wanted ${wanted}`;
    }
    const nowMs = this.#world.clock.now();
    for (const { metadata, spec, status } of await this.#all(runs)) {
      // Made by a clock that was ahead, and nobody's until its time has come.
      if (status === undefined && Date.parse(spec.scheduledTime ?? '') > nowMs) continue;
      if (status?.finishedAt === undefined)
        return `run ${metadata.name} is ${status?.state ?? 'not looked at'}`;
    }
    for (const { metadata, status } of await this.#all(jobs)) {
      if ((status?.active ?? []).length > 0) return `job ${metadata.name} counts ended runs as active`;
    }
    return undefined;
  }

  async snapshot(): Promise<Record<string, unknown>> {
    const kept: Record<string, unknown> = {};
    for (const set of await this.#all(taskSets)) kept[`taskset ${set.metadata.name}`] = set;
    for (const job of await this.#all(jobs)) kept[`job ${job.metadata.name}`] = job;
    for (const run of await this.#all(runs)) kept[`run ${run.metadata.name}`] = run;
    for (const revision of await this.#all(controllerRevisions))
      kept[`controllerrevision ${revision.metadata.name}`] = revision;
    return kept;
  }

  /** To be called after every step. Throws `Violation`. */
  async check(): Promise<void> {
    const revision = this.#world.store.revision();
    if (revision === this.#revision) return;
    this.#revision = revision;
    const [allSets, allJobs, allRuns, allTasks, allRevisions] = await Promise.all([
      this.#all(taskSets),
      this.#all(jobs),
      this.#all(runs),
      this.#all(tasks),
      this.#all(controllerRevisions),
    ]);
    for (const { metadata, status } of allRuns)
      if (status?.finishedAt !== undefined && status.state === 'completed')
        this.#completed.add(metadata.name);
    for (const task of allTasks) if (hasEnded(task)) this.#ended.add(task.metadata.uid ?? '');
    this.#checkSets(allSets, allTasks);
    this.#checkLeaving(allSets, allTasks);
    this.#checkRuns(allJobs, allRuns, allTasks);
    this.#checkSteps(allRuns, allTasks, allRevisions);
  }

  /** Never more Tasks than wanted and the surge. */
  #checkSets(sets: readonly TaskSet[], all: readonly Task[]): void {
    for (const { metadata, spec, status } of sets) {
      const uid = metadata.uid ?? '';
      const leaving = new Set((status?.leaving ?? []).map((entry) => entry.uid));
      const own = all.filter(
        (task) =>
          isOwnedBy(task, uid) &&
          task.metadata.deletionTimestamp === undefined &&
          !leaving.has(task.metadata.uid ?? '') &&
          !ENDED_PHASES.includes(task.status?.phase ?? ''),
      );
      const wanted = spec.replicas ?? 1;
      const surge = Number(spec.strategy?.maxSurge ?? 1) + (spec.strategy?.canary?.replicas ?? 0);
      const allowed = Math.max(wanted + surge, own.length <= wanted ? 0 : (this.#allowance.get(uid) ?? 0));
      this.#allowance.set(uid, allowed);
      if (own.length <= allowed) continue;
      const names = own.map((task) => task.metadata.name).join(', ');
      throw new Violation(
        `taskset ${metadata.name} may have ${allowed} Tasks and has ${own.length}: ${names}`,
      );
    }
  }

  /** Who reads endpoints knows of a departure before it happens. */
  #checkLeaving(sets: readonly TaskSet[], all: readonly Task[]): void {
    const now = new Map(
      all
        .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
        .map((task) => [task.metadata.uid ?? '', task]),
    );
    const owners = new Map(sets.map((set) => [set.metadata.uid ?? '', set]));
    for (const [uid, task] of this.#alive) {
      if (now.has(uid)) continue;
      const owner = owners.get(ownerOf(task) ?? '');
      if (owner === undefined || owner.metadata.deletionTimestamp !== undefined || this.#mayGo.has(uid))
        continue;
      throw new Violation(`task ${task.metadata.name} was deleted, and its set never said that it leaves`);
    }
    this.#alive = now;
    const announced = new Set<string>();
    for (const { metadata, status } of sets) {
      for (const { task, uid } of status?.leaving ?? []) {
        announced.add(uid);
        if (status?.endpoints?.some((endpoint) => endpoint.task === task) === true)
          throw new Violation(`taskset ${metadata.name}: ${task} leaves and is in endpoints`);
      }
    }
    this.#mayGo = announced;
  }

  #checkRuns(allJobs: readonly Job[], all: readonly Run[], allTasks: readonly Task[]): void {
    for (const run of all) {
      const { jobRef, scheduledTime } = run.spec;
      const owner = ownerOf(run);
      if (jobRef === undefined || scheduledTime === undefined || owner === undefined) continue;
      const fire = `${owner} ${scheduledTime}`;
      const first = this.#fires.get(fire) ?? run.metadata.uid ?? '';
      this.#fires.set(fire, first);
      if (first !== run.metadata.uid)
        throw new Violation(`job ${jobRef.name} ran twice for ${scheduledTime}: ${run.metadata.name}`);
    }
    for (const job of allJobs) {
      const most = job.spec.maxConcurrentRuns ?? (job.spec.concurrencyPolicy === 'Allow' ? 1000 : 1);
      const working = all.filter(
        (run) =>
          ownerOf(run) === job.metadata.uid &&
          allTasks.some((task) => isOwnedBy(task, run.metadata.uid) && this.#goesOn(task)),
      );
      if (working.length <= most) continue;
      const names = working.map((run) => run.metadata.name).join(', ');
      throw new Violation(`job ${job.metadata.name} may have ${most} runs at once and has ${names}`);
    }
  }

  /** No step begins before those it depends on have ended, and no second try of one while the first goes on. */
  #checkSteps(
    allRuns: readonly Run[],
    all: readonly Task[],
    allRevisions: readonly ControllerRevision[],
  ): void {
    for (const task of all) {
      const { uid = '', labels = {}, name } = task.metadata;
      const step = labels[LABEL_STEP];
      if (step === undefined || this.#begun.has(uid)) continue;
      this.#begun.add(uid);
      const run = allRuns.find(({ metadata }) => metadata.uid === ownerOf(task));
      const revision = allRevisions.find(({ metadata }) => metadata.name === run?.spec.revision);
      if (run === undefined || revision === undefined) continue;
      const early = run.spec.dependsOn?.find((awaited) => !this.#completed.has(awaited.name));
      if (early !== undefined)
        throw new Violation(`task ${name} began before run ${early.name} had completed`);
      const siblings = all.filter((other) => isOwnedBy(other, run.metadata.uid) && other !== task);
      const own = siblings.find(
        (other) => other.metadata.labels?.[LABEL_STEP] === step && this.#goesOn(other),
      );
      if (own !== undefined)
        throw new Violation(`task ${name} began while ${own.metadata.name} of the same step goes on`);
      for (const upstream of upstreamOf(revision, step)) {
        const open = siblings.find(
          (other) => other.metadata.labels?.[LABEL_STEP] === upstream && this.#goesOn(other),
        );
        if (open !== undefined)
          throw new Violation(`task ${name} began before ${open.metadata.name} had ended`);
        const isTold = run.status?.tasks?.some(
          (entry) => entry.name === upstream && entry.state !== 'pending' && entry.state !== 'running',
        );
        const isThere = siblings.some((other) => other.metadata.labels?.[LABEL_STEP] === upstream);
        if (isTold !== true && !isThere) throw new Violation(`task ${name} began and ${upstream} never did`);
      }
    }
  }

  #goesOn({ metadata }: Task): boolean {
    return !this.#ended.has(metadata.uid ?? '');
  }

  async #touchSet(): Promise<void> {
    const name = pick(this.#random, SETS) ?? 's0';
    const set = (await this.#all(taskSets)).find(({ metadata }) => metadata.name === name);
    const dice = this.#random.next();
    if (set === undefined) return this.#createSet(name);
    if (dice < 0.06) return this.#delete(taskSets, name);
    if (dice < 0.3) return this.#patch(taskSets, name, { spec: { replicas: this.#count(5) } });
    if (dice < 0.55)
      return this.#patch(taskSets, name, {
        spec: { template: { spec: { args: [`v${this.#count(1000)}`] } } },
      });
    if (dice < 0.7)
      return this.#patch(taskSets, name, { spec: { template: { spec: { image: this.#imageOfSet() } } } });
    if (dice < 0.8) return this.#patch(taskSets, name, { spec: { paused: set.spec.paused !== true } });
    const promoted = set.status?.updateRevision;
    if (promoted === undefined) return undefined;
    return this.#patch(taskSets, name, { metadata: { annotations: { [ANNOTATION_PROMOTED]: promoted } } });
  }

  #createSet(name: string): Promise<void> {
    const chance = (odds: number): boolean => this.#random.next() < odds;
    const probe = { exec: { command: ['well'] }, periodSeconds: 2, failureThreshold: 2 };
    const set = {
      apiVersion: API,
      kind: 'TaskSet',
      metadata: { name, namespace: 'default' },
      spec: {
        replicas: this.#count(5),
        selector: { matchLabels: { app: name } },
        minReadySeconds: this.#count(3),
        progressDeadlineSeconds: 20,
        strategy: {
          type: chance(0.2) ? 'Recreate' : 'RollingUpdate',
          maxSurge: this.#count(3),
          maxUnavailable: 1 + this.#count(2),
          autoRevert: chance(0.5),
        },
        template: {
          metadata: { labels: { app: name } },
          spec: {
            image: this.#imageOfSet(),
            terminationGracePeriodSeconds: 2,
            ...(chance(0.3) ? { readinessProbe: probe } : {}),
          },
        },
      },
    };
    if (set.spec.strategy.type === 'RollingUpdate' && chance(0.3))
      Object.assign(set.spec.strategy, { canary: { replicas: 1, autoPromote: chance(0.5) } });
    return this.#try(`create taskset ${name} ${JSON.stringify(set.spec)}`, () =>
      this.#world.admin.create<KubeObject>(taskSets, set),
    );
  }

  async #touchJob(): Promise<void> {
    const name = pick(this.#random, JOBS) ?? 'j0';
    const job = (await this.#all(jobs)).find(({ metadata }) => metadata.name === name);
    const dice = this.#random.next();
    if (job === undefined) return this.#createJob(name);
    if (dice < 0.06) return this.#delete(jobs, name);
    if (dice < 0.2) return this.#patch(jobs, name, { spec: { suspend: job.spec.suspend !== true } });
    if (dice < 0.35) return this.#patch(jobs, name, { spec: { schedule: this.#schedule() } });
    if (dice < 0.75) return this.#createRun(name);
    const run = pick(this.#random, await this.#all(runs));
    if (run === undefined) return undefined;
    return this.#patch(runs, run.metadata.name, { spec: { cancel: true } });
  }

  #createJob(name: string): Promise<void> {
    const steps = ['a', 'b', 'c', 'd'].slice(0, 1 + this.#count(4));
    const job = {
      apiVersion: API,
      kind: 'Job',
      metadata: { name, namespace: 'default' },
      spec: {
        ...(this.#random.next() < 0.7 ? { schedule: this.#schedule() } : {}),
        concurrencyPolicy: pick(this.#random, ['Allow', 'Forbid', 'Replace', 'Queue']) ?? 'Queue',
        maxConcurrentRuns: 1 + this.#count(2),
        catchUp: pick(this.#random, ['Skip', 'Latest', 'All']) ?? 'Skip',
        successfulRunsHistoryLimit: 2,
        failedRunsHistoryLimit: 2,
        tasks: steps.map((step, at) => ({
          name: step,
          dependsOn: steps.slice(0, at).filter(() => this.#random.next() < 0.5),
          condition:
            pick(this.#random, ['AllSuccess', 'AllSuccess', 'OnFailure', 'AllDone', 'Always']) ?? 'Always',
          retries: { limit: this.#count(2), backoffSeconds: 1 },
          template: {
            spec: {
              image: pick(this.#random, ['once:1', 'once:1', 'fails:1']) ?? 'once:1',
              terminationGracePeriodSeconds: 1,
            },
          },
        })),
      },
    };
    return this.#try(`create job ${name} ${JSON.stringify(job.spec)}`, () =>
      this.#world.admin.create<KubeObject>(jobs, job),
    );
  }

  async #createRun(job: string): Promise<void> {
    const name = `${job}-by-hand-${this.#count(1_000_000)}`;
    const other = this.#random.next() < 0.3 ? pick(this.#random, await this.#all(runs)) : undefined;
    const awaited = other && { dependsOn: [{ name: other.metadata.name }] };
    const run = {
      apiVersion: API,
      kind: 'Run',
      metadata: { name, namespace: 'default' },
      spec: { jobRef: { name: job }, priority: this.#count(3), ...awaited },
    };
    return this.#try(`create run ${name} ${JSON.stringify(awaited ?? {})}`, () =>
      this.#world.admin.create<KubeObject>(runs, run),
    );
  }

  #schedule(): string {
    return `*/${5 + this.#count(20)} * * * * *`;
  }

  #imageOfSet(): string {
    return this.#random.next() < 0.2 ? 'fails:1' : (pick(this.#random, GOOD) ?? 'forever:1');
  }

  /** 0 to below - 1. */
  #count(below: number): number {
    return Math.floor(this.#random.next() * below);
  }

  async #all<T extends KubeObject>(resource: Resource<T>): Promise<readonly T[]> {
    return (await this.#world.admin.list(resource)).items;
  }

  #patch(
    resource: Resource<never> | Resource<KubeObject>,
    name: string,
    body: Record<string, unknown>,
  ): Promise<void> {
    return this.#try(`patch ${resource.kind} ${name} ${JSON.stringify(body)}`, () =>
      this.#world.admin.patch<KubeObject>(resource, { namespace: 'default', name }, { type: 'merge', body }),
    );
  }

  #delete(resource: Resource<never> | Resource<KubeObject>, name: string): Promise<void> {
    return this.#try(`delete ${resource.kind} ${name}`, () =>
      this.#world.admin.delete<KubeObject>(resource, { namespace: 'default', name }),
    );
  }

  async #try(what: string, write: () => Promise<unknown>): Promise<void> {
    try {
      await write();
      this.#trace(`user: ${what}`);
    } catch (error) {
      if (!isApiError(error)) throw error;
      this.#trace(`user: ${what}: refused: ${messageOf(error)}`);
    }
  }
}

function ownerOf({ metadata }: KubeObject): string | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid;
}

function isOwnedBy(object: KubeObject, uid: string | undefined): boolean {
  return uid !== undefined && ownerOf(object) === uid;
}

function hasEnded({ metadata, spec, status }: Task): boolean {
  // Stopped before anybody placed it: it never begins.
  if (spec.desiredState === 'Stopped' && spec.workerName === undefined) return true;
  return ENDED_PHASES.includes(status?.phase ?? '') && status?.observedGeneration === metadata.generation;
}

/** What a revision of a Job says a step depends on. */
function upstreamOf({ data }: ControllerRevision, step: string): readonly string[] {
  const steps = isRecord(data) && Array.isArray(data['tasks']) ? data['tasks'].filter(isRecord) : [];
  const found = steps.find((one) => one['name'] === step)?.['dependsOn'];
  return Array.isArray(found) ? found.map(String) : [];
}
