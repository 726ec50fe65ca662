/**
 * Runs on the real registry: the run controller alone, or several of it, beside a Job controller that lets everything
 * begin and a worker that ends Tasks as the test says.
 */
import { Recorder } from '../../../controllers/engine/recorder.ts';
import { newInformers } from '../../../controllers/informers.ts';
import { openRuns } from '../../../controllers/run/controller.ts';
import type { Client } from '../../../machinery/client.ts';
import type { Clock } from '../../../machinery/clock.ts';
import { isApiError } from '../../../machinery/errors.ts';
import { LABEL_STEP } from '../../../machinery/labels.ts';
import { silentLog } from '../../../machinery/log.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import { seededRandom } from '../../../machinery/random.ts';
import { jobs, runs, tasks, taskTemplates } from '../../../schemas/kinds.ts';
import type { Job, Run, Task, TaskTemplate } from '../../../schemas/types.gen.ts';
import type { World } from '../../world.ts';

const API = 'gantry.dev/v1';
const NAMESPACE = 'default';

export type JobStep = Partial<Job['spec']['tasks'][number]> & { readonly name: string };

/** How a try ends; `forever`: not by itself. */
export interface Play {
  readonly exitCode?: number;
  readonly reason?: string;
  readonly forever?: boolean;
  readonly outputs?: Record<string, string>;
  readonly stdout?: string;
}

export interface Process {
  /** Stops it, and waits until it has. */
  kill(): Promise<void>;
  /** Waits for nothing: it may be dead. */
  abandon(): void;
}

/** @param clientOf whose calls may be made to fail. */
export function startRuns(
  world: World,
  clientOf: (name: string) => Client = (name) => world.controllerClient(name),
  clock: Clock = world.clock,
): Process {
  const stop = new AbortController();
  const tools = { clock, random: seededRandom(7), log: silentLog, metrics: newMetrics() };
  const informers = newInformers({ ...tools, client: clientOf('informers') });
  const client = clientOf('run');
  const recorder = new Recorder({ ...tools, client, component: 'run' });
  const { loop } = openRuns({ ...tools, client, recorder }, informers);
  const used = [
    informers.tasks,
    informers.jobs,
    informers.runs,
    informers.taskTemplates,
    informers.controllerRevisions,
  ];
  const copying = used.map((informer) => informer.start(stop.signal));
  const running = Promise.all(used.map((informer) => informer.synced(stop.signal))).then(() =>
    loop.run(stop.signal),
  );
  return {
    abandon: () => stop.abort(),
    async kill() {
      stop.abort();
      await world.advance(10_000);
      await Promise.all([running, ...copying]);
    },
  };
}

export class Stage {
  readonly world: World;
  /** By step: its tries, the last one for all that follow; a step that is not named completes. */
  plays: Readonly<Record<string, readonly Play[]>> = {};
  /** Names of Tasks in the order in which they were first seen. */
  readonly begun: string[] = [];

  constructor(world: World) {
    this.world = world;
  }

  createJob(name: string, steps: readonly JobStep[], spec: Partial<Job['spec']> = {}): Promise<Job> {
    const made = steps.map((step) => ({
      ...step,
      ...(step.templateRef === undefined ? { template: step.template ?? { spec: { image: 'noop:1' } } } : {}),
    }));
    return this.world.admin.create(jobs, {
      apiVersion: API,
      kind: 'Job',
      metadata: { name, namespace: NAMESPACE },
      spec: { ...spec, tasks: made },
    });
  }

  createTemplate(name: string, spec: TaskTemplate['spec']): Promise<TaskTemplate> {
    return this.world.admin.create(taskTemplates, {
      apiVersion: API,
      kind: 'TaskTemplate',
      metadata: { name, namespace: NAMESPACE },
      spec,
    });
  }

  /** @returns it as it was created; of a Job, it is let begin. */
  async createRun(name: string, spec: Run['spec']): Promise<Run> {
    const run = await this.world.admin.create(runs, {
      apiVersion: API,
      kind: 'Run',
      metadata: { name, namespace: NAMESPACE },
      spec,
    });
    if (spec.jobRef !== undefined) await this.letBegin(run);
    return run;
  }

  async letBegin(run: Run): Promise<void> {
    const job = await this.world.admin.get(jobs, { namespace: NAMESPACE, name: run.spec.jobRef?.name ?? '' });
    const active = [...(job.status?.active ?? []), { name: run.metadata.name, uid: run.metadata.uid ?? '' }];
    await this.world.admin.update(
      jobs,
      { ...job, status: { ...job.status, active } },
      { subresource: 'status' },
    );
  }

  run(name: string): Promise<Run> {
    return this.world.admin.get(runs, { namespace: NAMESPACE, name });
  }

  async task(name: string): Promise<Task | undefined> {
    try {
      return await this.world.admin.get(tasks, { namespace: NAMESPACE, name });
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  async tasks(): Promise<readonly Task[]> {
    return (await this.world.admin.list(tasks)).items;
  }

  patchRun(name: string, spec: Partial<Run['spec']>): Promise<Run> {
    return this.world.admin.patch(runs, { namespace: NAMESPACE, name }, { type: 'merge', body: { spec } });
  }

  deleteTask(name: string): Promise<Task> {
    return this.world.admin.delete(tasks, { namespace: NAMESPACE, name });
  }

  /** Ends what is to end, as the plays say. */
  async work(): Promise<void> {
    for (const task of await this.tasks()) {
      const { name, labels = {} } = task.metadata;
      if (!this.begun.includes(name)) this.begun.push(name);
      if (isOver(task)) continue;
      const plays = this.plays[labels[LABEL_STEP] ?? ''] ?? [];
      const attempt = Number(/-(\d+)$/.exec(name)?.[1] ?? 1);
      const play = plays[attempt - 1] ?? plays.at(-1) ?? {};
      if (task.spec.desiredState === 'Stopped')
        await this.tell(task, { phase: 'Stopped', reason: 'Stopped' });
      else if (play.forever !== true) await this.end(task, play);
      else if (task.status?.phase !== 'Running') await this.tell(task, { phase: 'Running' });
    }
  }

  async end(task: Task, { exitCode = 0, reason, outputs, stdout }: Play): Promise<void> {
    const isSuccess = exitCode === 0 && reason === undefined;
    const result = {
      ...(outputs === undefined ? {} : { outputs }),
      ...(stdout === undefined ? {} : { stdout }),
    };
    await this.tell(task, {
      phase: isSuccess ? 'Succeeded' : 'Failed',
      reason: reason ?? (isSuccess ? 'Completed' : 'Error'),
      message: `the container ended with exit code ${exitCode}`,
      container: { exitCode },
      finishedAt: new Date(this.world.clock.now()).toISOString(),
      ...(Object.keys(result).length === 0 ? {} : { result }),
    });
  }

  async tell(task: Task, status: NonNullable<Task['status']>): Promise<void> {
    const { generation } = task.metadata;
    const told = { ...status, ...(generation === undefined ? {} : { observedGeneration: generation }) };
    await this.world.admin.update(tasks, { ...task, status: told }, { subresource: 'status' });
  }

  /** Works until the Run has ended. */
  async untilEnded(name: string, withinMs = 60_000): Promise<Run> {
    await this.until(
      `the end of run ${name}`,
      async () => {
        return (await this.run(name)).status?.finishedAt !== undefined;
      },
      withinMs,
    );
    return this.run(name);
  }

  /** Lets time pass in steps, the worker working, until it is so. */
  async until(what: string, condition: () => Promise<boolean>, withinMs = 60_000): Promise<void> {
    for (let passedMs = 0; passedMs <= withinMs; passedMs += 100) {
      await this.world.settle();
      if (await condition()) return;
      await this.work();
      await this.world.advance(100);
    }
    throw new Error(`waited ${withinMs} ms in vain for: ${what}`);
  }
}

export function isOver({ metadata, status }: Task): boolean {
  const isEnd = ['Succeeded', 'Failed', 'Stopped'].includes(status?.phase ?? '');
  return isEnd && status?.observedGeneration === metadata.generation;
}

/** `a completed, b skipped`. */
export function statesOf(run: Run): string {
  return (run.status?.tasks ?? []).map(({ name, state }) => `${name} ${state}`).join(', ');
}

/** A Task's variables that have plain values. */
export function variablesOf(task: Task | undefined): Record<string, string> {
  return Object.fromEntries((task?.spec.env ?? []).map(({ name, value = '' }) => [name, value]));
}
