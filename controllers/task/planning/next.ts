/**
 * The way to the next container: what to wait for, what to pull, what to create and start.
 * Called when nothing of the Task has a process and the Task is to have one.
 */

import { findCondition } from '../../../machinery/conditions.ts';
import type { RegistryAuth } from '../../../machinery/runtime.ts';
import type { TaskInputs } from '../services.ts';
import type { Action, Failure } from '../types.ts';
import { backoffOf, createDelayMs, pullDelayMs, restartDelayMs } from './backoff.ts';
import { containerSpec } from './containerspec.ts';
import { describeEnd } from './history.ts';
import { imageProblem, pullPolicyOf } from './image.ts';
import type { Verdict } from './phase.ts';
import { isStartable, type TaskView } from './view.ts';

export interface NextStep {
  readonly actions: readonly Action[];
  readonly verdict: Verdict;
  readonly requeueAfterMs?: number;
}

type ReadyInputs = TaskInputs & { readonly kind: 'ready' };

/** Inputs tell when they change; this is for the change that nobody heard of. */
const INPUTS_LOOK_MS = 30_000;

export function planNext(view: TaskView): NextStep {
  const { inputs } = view.world;
  const problem = imageProblem(view.task.spec.image);
  if (problem !== undefined) return { actions: [], verdict: waiting('InvalidImageName', problem) };
  const wait = dependencyWait(view) ?? restartWait(view);
  if (wait !== undefined) return wait;
  if (inputs.kind !== 'ready') return inputsWait(inputs);
  const created = view.attempts.findLast((attempt) => isStartable(view, attempt));
  if (created !== undefined) {
    const { id, name } = created.container;
    const message = `Starting container ${name}`;
    return {
      actions: [{ kind: 'start', id, name, reason: 'Created', message }],
      verdict: creating(`container ${name} is being started`),
    };
  }
  return imageStep(view, inputs.registryAuths) ?? createStep(view, inputs);
}

/** What the Task depends on is asked about before the first container of the binding only. */
function dependencyWait({ task, attempts, history, epoch }: TaskView): NextStep | undefined {
  if ((task.spec.dependsOn ?? []).length === 0) return undefined;
  const isFirst = [...attempts, ...history.entries].every((earlier) => earlier.epoch !== epoch);
  const condition = findCondition(task.status?.conditions, 'DependenciesMet');
  if (!isFirst || condition?.status === 'True') return undefined;
  const message = condition?.message ?? 'it is not known yet whether what the task depends on is there';
  return { actions: [], verdict: waiting('DependencyNotReady', message) };
}

function inputsWait(inputs: Exclude<TaskInputs, ReadyInputs>): NextStep {
  const verdict =
    inputs.kind === 'missing'
      ? waiting('CreateContainerConfigError', inputs.message)
      : creating('the ConfigMaps and Secrets that the task uses are being read');
  return { actions: [], verdict, requeueAfterMs: INPUTS_LOOK_MS };
}

/**
 * The wait between the end of one container and the start of the next. A clock that was set back after the end must not
 * make the wait longer with each look: what the status says of it holds, if it is not later than from now on.
 */
function restartWait({ task, world, run, history }: TaskView): NextStep | undefined {
  const [last] = run;
  if (last === undefined) return undefined;
  const delayMs = restartDelayMs(run, backoffOf(task.spec));
  const endedMs = Date.parse(last.finishedAt ?? '');
  // An engine whose clock runs ahead must not hold a restart for longer than the backoff itself.
  const foreseenMs = (Number.isNaN(endedMs) ? world.nowMs : Math.min(endedMs, world.nowMs)) + delayMs;
  const toldMs = history.fresh.length === 0 ? Date.parse(task.status?.nextRestartAt ?? '') : Number.NaN;
  const atMs = Number.isNaN(toldMs) ? foreseenMs : Math.min(foreseenMs, toldMs);
  if (delayMs === 0 || atMs <= world.nowMs) return undefined;
  const reason = last.reason === 'ContainerCannotRun' ? 'RunContainerError' : 'CrashLoopBackOff';
  const message = `back-off ${delayMs / 1000}s before the next start; the last container ended with ${describeEnd(last)}`;
  return {
    actions: [],
    verdict: { kind: 'waiting', reason, message, nextRestartAtMs: atMs },
    requeueAfterMs: atMs - world.nowMs,
  };
}

/** Pulls where the policy or the engine asks for it, and waits while it runs or after it failed. */
function imageStep(view: TaskView, auths: readonly RegistryAuth[]): NextStep | undefined {
  const { task, world } = view;
  const { memory, monotonicMs: nowMs } = world;
  const { image } = task.spec;
  const policy = pullPolicyOf(task.spec);
  const failure = currentFailure(view);
  const pull = (reason: string, message: string, verdict?: Verdict): NextStep => ({
    actions: [{ kind: 'pull', image, auths, reason, message }],
    verdict: verdict ?? creating(`image "${image}" is being pulled`),
  });
  if (memory.pulling === image) {
    const soFar = memory.pullProgress === undefined ? '' : `: ${memory.pullProgress}`;
    const verdict = pullFailed(failure) ?? creating(`image "${image}" is being pulled${soFar}`);
    return { actions: [], verdict };
  }
  if (failure?.step === 'create' && failure.reason === 'ImageNotFound') {
    if (policy === 'Never') {
      const untilMs = failure.atMs + pullDelayMs(failure.count);
      if (untilMs <= nowMs) return undefined;
      const message = `image "${image}" is not on worker ${world.worker} and imagePullPolicy is Never: load it there or change the policy`;
      return waitFor(view, waiting('ErrImagePull', message), untilMs - nowMs);
    }
    return pull('ImageMissing', `Pulling image "${image}", which is not on this worker`);
  }
  if (failure?.step === 'pull') {
    const untilMs = failure.atMs + pullDelayMs(failure.count);
    if (untilMs > nowMs) {
      return waitFor(view, pullFailed(failure) ?? creating('the image is not here yet'), untilMs - nowMs);
    }
    return pull('Retry', `Pulling image "${image}" again`, pullFailed(failure));
  }
  if (policy === 'Always' && memory.pulled !== image) {
    return pull('PullPolicy', `Pulling image "${image}" because imagePullPolicy is Always`);
  }
  return undefined;
}

function createStep(view: TaskView, inputs: ReadyInputs): NextStep {
  const { task, world, run } = view;
  const failure = currentFailure(view);
  const isRefused = failure?.step === 'create' && failure.reason !== 'ImageNotFound';
  if (isRefused || failure?.step === 'prepare') {
    const untilMs = failure.atMs + createDelayMs(failure.count, backoffOf(task.spec));
    if (untilMs > world.monotonicMs) {
      const isConfig = failure.step === 'prepare' && failure.reason === 'InvalidSpec';
      const reason = isConfig ? 'CreateContainerConfigError' : 'CreateContainerError';
      return waitFor(view, waiting(reason, failure.message), untilMs - world.monotonicMs);
    }
  }
  const attempt = nextAttempt(view);
  const spec = containerSpec(task, {
    worker: world.worker,
    clusterId: world.clusterId,
    publishAddress: world.publishAddress,
    ...(world.cores === undefined ? {} : { cores: world.cores }),
    attempt,
    env: inputs.env,
    knownPorts: knownPorts(view),
  });
  const [last] = run;
  const why = whyNew(view);
  const message =
    last === undefined
      ? `Created container ${spec.name}`
      : `Created container ${spec.name}: the one before ended with ${describeEnd(last)}`;
  const isReplacingRemoved = view.history.fresh.some((entry) => isVanished(view, entry.id));
  return {
    actions: [
      {
        kind: 'create',
        attempt,
        spec,
        files: inputs.files,
        filesVersion: inputs.filesVersion,
        reason: why,
        message,
        ...(isReplacingRemoved ? { drift: 'removed' as const } : {}),
      },
      { kind: 'start', name: spec.name, reason: why, message: `Started container ${spec.name}` },
    ],
    verdict: creating(`container ${spec.name} is being created`),
  };
}

/** A failure of this generation: editing the spec tries again at once. */
function currentFailure({ task, world }: TaskView): Failure | undefined {
  const { failure } = world.memory;
  return failure?.generation === (task.metadata.generation ?? 0) ? failure : undefined;
}

function pullFailed(failure: Failure | undefined): Waiting | undefined {
  if (failure?.step !== 'pull') return undefined;
  return waiting(failure.count === 1 ? 'ErrImagePull' : 'ImagePullBackOff', failure.message);
}

/** Grows for ever, also when containers and their labels are gone. */
function nextAttempt({ task, world, attempts, history }: TaskView): number {
  return (
    Math.max(
      task.status?.attempts ?? 0,
      world.memory.attemptFloor,
      history.entries[0]?.attempt ?? 0,
      ...attempts.map(({ attempt }) => attempt),
    ) + 1
  );
}

function knownPorts({ task, world }: TaskView): NonNullable<NonNullable<typeof task.status>['ports']> {
  const { failure } = world.memory;
  const isTaken = failure?.step === 'start' && failure.reason === 'PortConflict';
  return isTaken || task.status?.workerName !== world.worker ? [] : (task.status.ports ?? []);
}

/** One word for the Event. */
function whyNew({ run, history, epoch }: TaskView): string {
  if (run.length > 0) return 'Restart';
  const [newest] = history.entries;
  if (newest === undefined) return 'FirstContainer';
  return newest.epoch === epoch ? newest.reason : 'NewBinding';
}

function isVanished({ attempts }: TaskView, id: string | undefined): boolean {
  return !attempts.some(({ container }) => container.id === id);
}

/** Two clocks that say the same time differ by this much at most, from one look to the next. */
const SAME_TIME_MS = 2_000;

/** When the next try begins is told as well, in words that stay the same from one look to the next. */
function waitFor({ task, world }: TaskView, verdict: Waiting, leftMs: number): NextStep {
  const foreseenMs = Math.round(world.nowMs + leftMs);
  const toldMs = Date.parse(task.status?.nextRestartAt ?? '');
  const nextRestartAtMs = Math.abs(toldMs - foreseenMs) < SAME_TIME_MS ? toldMs : foreseenMs;
  return { actions: [], verdict: { ...verdict, nextRestartAtMs }, requeueAfterMs: leftMs };
}

type Waiting = Extract<Verdict, { kind: 'waiting' }>;

function creating(message: string): Waiting {
  return waiting('ContainerCreating', message);
}

function waiting(reason: string, message: string): Waiting {
  return { kind: 'waiting', reason, message };
}
