/** What a Run is planned from: its revision, its Tasks, and what a rerun takes over. */
import type { ObjectStore } from '../../../client/informer.ts';
import type { Client } from '../../../machinery/client.ts';
import { keyString } from '../../../machinery/meta.ts';
import { controllerRevisions, runs, tasks } from '../../../schemas/kinds.ts';
import { awaitedRuns } from '../../../schemas/runlives.ts';
import type { ControllerRevision, Run, Task } from '../../../schemas/types.gen.ts';
import { BY_CONTROLLER } from '../../informers.ts';
import { type DecidedDependencies, planDependencies } from '../planning/dependencies.ts';
import { isControlledBy } from '../planning/names.ts';
import { fromTaskProblem, planRerun, takenOver } from '../planning/rerun.ts';
import { readPinned } from '../planning/revision.ts';
import type { Pinned, RunWorld, StepStatus } from '../types.ts';
import type { Written } from './memory.ts';
import { find, siblingOf } from './pin.ts';

export interface ObserveSources {
  readonly client: Client;
  readonly runs: ObjectStore<Run>;
  readonly tasks: ObjectStore<Task>;
  readonly revisions: ObjectStore<ControllerRevision>;
  readonly madeTasks: Written<Task>;
  readonly madeRevisions: Written<ControllerRevision>;
}

type Seen =
  | {
      readonly kind: 'world';
      readonly world: Omit<RunWorld, 'refusals' | 'nowMs'>;
      /** Some of it is not in the copies yet: look again soon, even if nothing happens. */
      readonly isAhead: boolean;
    }
  /** It cannot begin where it is to. */
  | { readonly kind: 'refused'; readonly message: string };

export async function observeRun(sources: ObserveSources, run: Run, signal: AbortSignal): Promise<Seen> {
  const own = new Map<string, Task>();
  for (const copy of sources.tasks.byIndex(BY_CONTROLLER, run.metadata.uid ?? ''))
    own.set(copy.metadata.name, copy);
  let isAhead = false;
  for (const { taskName } of run.status?.tasks ?? []) {
    if (taskName === undefined || own.has(taskName)) continue;
    const made = sources.madeTasks.get(keyString(siblingOf(run, taskName)));
    if (made === undefined || !isControlledBy(made, run)) continue;
    own.set(taskName, made);
    isAhead = true;
  }
  const hasEnded = run.status?.finishedAt !== undefined;
  const pinned = hasEnded ? undefined : await readRevision(sources, run, signal);
  const taken =
    pinned === undefined || run.status?.tasks !== undefined
      ? []
      : await takeOver(sources, run, pinned, signal);
  if (typeof taken === 'string') return { kind: 'refused', message: taken };
  const world = { run, pinned, tasks: own, absent: new Set<string>(), takenOver: taken };
  return { kind: 'world', world, isAhead };
}

/** What those that it waits for say; the copies lag, so one that is to be gone is read live before it is believed. */
export async function observeDependencies(
  client: Client,
  source: ObjectStore<Run>,
  run: Run,
  signal: AbortSignal,
): Promise<DecidedDependencies> {
  const found = new Map<string, Run>();
  const absent = new Set<string>();
  for (const name of awaitedRuns(run)) {
    const copy = source.get(keyString(siblingOf(run, name)));
    if (copy !== undefined) found.set(name, copy);
  }
  for (;;) {
    const plan = planDependencies({ run, found, absent });
    if (plan.kind !== 'look') return plan;
    for (const name of plan.names) {
      const live = await find(client, runs, siblingOf(run, name), signal);
      if (live === undefined) absent.add(name);
      else found.set(name, live);
    }
  }
}

/** Reads Tasks that the copy does not have: there, or surely not. */
export async function readLive(
  client: Client,
  world: Pick<RunWorld, 'run' | 'tasks' | 'absent'>,
  names: readonly string[],
  signal: AbortSignal,
): Promise<Pick<RunWorld, 'tasks' | 'absent'>> {
  const own = new Map(world.tasks);
  const absent = new Set(world.absent);
  for (const name of names) {
    const task = await find(client, tasks, siblingOf(world.run, name), signal);
    if (task !== undefined && isControlledBy(task, world.run)) own.set(name, task);
    else absent.add(name);
  }
  return { tasks: own, absent };
}

/** A text says why it cannot begin. */
async function takeOver(
  { client, runs: source }: ObserveSources,
  run: Run,
  pinned: Pinned,
  signal: AbortSignal,
): Promise<readonly StepStatus[] | string> {
  const { rerunOf } = run.spec;
  if (rerunOf?.fromTask === undefined) return [];
  const problem = fromTaskProblem(run, pinned);
  if (problem !== undefined) return problem;
  const key = siblingOf(run, rerunOf.name);
  const copy = source.get(keyString(key));
  // The copy may lag: an end that it does not show is looked for.
  const old = copy?.status?.finishedAt === undefined ? await find(client, runs, key, signal) : copy;
  const again = planRerun(run, old);
  if (again.kind === 'refused') return again.message;
  return old === undefined ? [] : takenOver(run, old, pinned);
}

const known = new WeakMap<ControllerRevision, { readonly pinned: Pinned | undefined }>();

/** Undefined: it is gone, or holds nothing that could be run. */
async function readRevision(
  { client, revisions, madeRevisions }: ObserveSources,
  run: Run,
  signal: AbortSignal,
): Promise<Pinned | undefined> {
  const key = siblingOf(run, run.spec.revision ?? '');
  const copy = revisions.get(keyString(key)) ?? madeRevisions.get(keyString(key));
  const revision = copy ?? (await find(client, controllerRevisions, key, signal));
  if (revision === undefined) return undefined;
  const read = known.get(revision) ?? { pinned: readPinned(revision.data) };
  known.set(revision, read);
  return read.pinned;
}
