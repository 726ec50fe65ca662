/** Creates the Tasks of steps, and stops them: the acts of a Run's plan. Doing one twice is doing it once. */
import type { ObjectStore } from '../../../client/informer.ts';
import type { Client } from '../../../machinery/client.ts';
import type { Clock } from '../../../machinery/clock.ts';
import { type ApiError, isApiError } from '../../../machinery/errors.ts';
import { keyString } from '../../../machinery/meta.ts';
import { tasks } from '../../../schemas/kinds.ts';
import type { Run, Task } from '../../../schemas/types.gen.ts';
import { endOf, shortened } from '../planning/ends.ts';
import type { StepWords } from '../planning/environment.ts';
import { isControlledBy, taskNames } from '../planning/names.ts';
import { newStepTask, stepsBefore } from '../planning/steptask.ts';
import type { CreateAction, Pinned, Refusal, StepStatus, StopAction } from '../types.ts';
import type { Written } from './memory.ts';

/** Of one Run at once. */
const CONCURRENCY = 8;
/** A step that found no room tries again after this long, and after twice as long each time. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;

export interface Performed {
  readonly created: readonly Task[];
  /** By step. */
  readonly refusals: ReadonlyMap<string, Refusal>;
  /** The first act that failed in a way that says nothing about what was asked for: the whole look comes again. */
  readonly error: unknown;
}

export interface StepActs {
  readonly client: Client;
  readonly clock: Clock;
  readonly source: ObjectStore<Task>;
  readonly made: Written<Task>;
}

export async function performSteps(
  acts: StepActs,
  world: {
    readonly run: Run;
    readonly pinned: Pinned | undefined;
    readonly entries: readonly StepStatus[];
    /** What was refused before, by step. */
    readonly refusals: ReadonlyMap<string, Refusal>;
  },
  plan: { readonly creates: readonly CreateAction[]; readonly stops: readonly StopAction[] },
  signal: AbortSignal,
): Promise<Performed> {
  const created: Task[] = [];
  const refusals = new Map<string, Refusal>();
  let error: unknown;
  const { run, pinned, entries } = world;
  const work: (() => Promise<void>)[] = plan.stops.map((stop) => () => stopTask(acts, stop, signal));
  if (pinned !== undefined) {
    for (const create of plan.creates) {
      work.push(async () => {
        const before = await wordsBefore(acts, run, pinned, entries, create.step.name, signal);
        const made = await createTask(acts, { run, pinned, ...create, before }, signal);
        if (made.kind === 'created') created.push(made.task);
        else refusals.set(create.step.name, waitOf(made.error, world.refusals.get(create.step.name)));
      });
    }
  }
  const next = async (): Promise<void> => {
    for (let act = work.shift(); act !== undefined; act = work.shift()) {
      try {
        await act();
      } catch (failure) {
        error ??= failure;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENCY, work.length) }, next));
  return { created, refusals, error };
}

type Made =
  | { readonly kind: 'created'; readonly task: Task }
  | { readonly kind: 'refused'; readonly error: ApiError };

/** Throws what says nothing about the Task itself. */
async function createTask(
  { client, made }: StepActs,
  input: Omit<Parameters<typeof newStepTask>[0], 'name'>,
  signal: AbortSignal,
): Promise<Made> {
  const { run, step, attempt } = input;
  let taken: ApiError | undefined;
  for (const name of taskNames(run, step.name, attempt)) {
    try {
      const task = await client.create(tasks, newStepTask({ ...input, name }), { signal });
      made.add(task);
      return { kind: 'created', task };
    } catch (error) {
      if (!isApiError(error)) throw error;
      if (isFinal(error) || isFull(error)) return { kind: 'refused', error };
      if (error.reason !== 'AlreadyExists') throw error;
      taken = error;
    }
    const { namespace } = run.metadata;
    const found = await client.get(
      tasks,
      { name, ...(namespace === undefined ? {} : { namespace }) },
      { signal },
    );
    if (isControlledBy(found, run)) return { kind: 'created', task: found };
  }
  if (taken === undefined) throw new Error(`step "${step.name}" has no name for its task`);
  return { kind: 'refused', error: taken };
}

/** In the version it was planned from: a Task that has ended meanwhile is not made to have been stopped. */
async function stopTask({ client }: StepActs, { task }: StopAction, signal: AbortSignal): Promise<void> {
  try {
    await client.update(tasks, { ...task, spec: { ...task.spec, desiredState: 'Stopped' } }, { signal });
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
  }
}

/** What the steps before this one said; from their Tasks where these are there, else from the Run's status. */
async function wordsBefore(
  acts: StepActs,
  run: Run,
  pinned: Pinned,
  entries: readonly StepStatus[],
  step: string,
  signal: AbortSignal,
): Promise<readonly StepWords[]> {
  const words: StepWords[] = [];
  for (const name of stepsBefore(pinned, step)) {
    const entry = entries.find((other) => other.name === name);
    if (entry?.taskName === undefined) continue;
    const task = await endedTask(acts, run, entry.taskName, entry.taskUID, signal);
    const result = task?.status?.result;
    words.push({
      step: name,
      ...(entry.exitCode === undefined ? {} : { exitCode: entry.exitCode }),
      ...(result?.stdout === undefined ? {} : { stdout: result.stdout }),
      outputs: result?.outputs ?? entry.outputs ?? {},
    });
  }
  return words;
}

/** The copy may lag behind the Run that tells of its end. Undefined: it is gone. */
async function endedTask(
  { client, source, clock }: StepActs,
  run: Run,
  name: string,
  uid: string | undefined,
  signal: AbortSignal,
): Promise<Task | undefined> {
  const { namespace } = run.metadata;
  const key = { name, ...(namespace === undefined ? {} : { namespace }) };
  const copy = source.get(keyString(key));
  if (copy !== undefined && copy.metadata.uid === uid && endOf(copy, clock.now()) !== undefined) return copy;
  try {
    const live = await client.get(tasks, key, { signal });
    return live.metadata.uid === uid ? live : undefined;
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
}

/** No room now: other objects may go. Kubernetes' words. */
function isFull(error: ApiError): boolean {
  return error.reason === 'Forbidden' && error.message.includes('exceeded quota');
}

function isFinal(error: ApiError): boolean {
  const { reason } = error;
  if (reason === 'Forbidden') return !isFull(error);
  return reason === 'Invalid' || reason === 'BadRequest' || reason === 'RequestEntityTooLarge';
}

function waitOf(error: ApiError, before: Refusal | undefined): Refusal {
  const message = shortened(error.message);
  if (!isFull(error)) return { kind: 'final', reason: error.reason, message, leftMs: 0 };
  const waits = (before?.waits ?? 0) + 1;
  const leftMs = Math.min(FIRST_WAIT_MS * 2 ** Math.min(waits - 1, 30), LONGEST_WAIT_MS);
  return { kind: 'wait', reason: 'QuotaExceeded', message, leftMs, waits };
}
