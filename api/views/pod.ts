/**
 * The Pod of a Task: what makes kubectl's pod commands (`get pods`, `logs`, `describe pod`, `wait`) work on Tasks.
 *
 * Pure. Same name, namespace, resourceVersion and labels; the uid is derived from the Task's uid and its binding, so
 * that a Task bound anew is a new Pod. Annotations that would make a tool treat the Pod as its own (last-applied) or
 * that are Gantry's are left out. The Task is the Pod's controller, so that tools know who will bring it back.
 * Source of the shape: Kubernetes core/v1 Pod; of the STATUS column: kubectl's printer for pods.
 */
import { createHash } from 'node:crypto';
import { type Condition, findCondition } from '../../machinery/conditions.ts';
import { apiVersionOf, type DynamicObject } from '../../machinery/meta.ts';
import { tasks } from '../../schemas/kinds.ts';
import type { Task } from '../../schemas/types.gen.ts';
import { podKind } from './podkind.ts';
import { pick, podSpecOf } from './podspec.ts';
import { foldPod, isHiddenAnnotation, taskOfPod } from './podwrites.ts';
import type { View } from './view.ts';

export const podView: View = {
  kind: podKind,
  source: tasks,
  project: (stored) => podOf(asTask(stored)),
  fold: (face, stored) => foldPod(face, podOf(asTask(stored)), stored),
  make: taskOfPod,
  removal: 'evict',
};

/** The registry has checked the object against the Task's schema before it was stored. */
export function asTask(object: DynamicObject): Task {
  return object as unknown as Task;
}

/** Ends that a whole Pod comes to on Kubernetes, not its container alone. */
const ENDS_OF_PODS: readonly string[] = ['DeadlineExceeded', 'Evicted'];

type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown';
type State = Readonly<Record<string, unknown>>;

export function podOf(task: Task): DynamicObject {
  const { metadata, spec, status = {} } = task;
  const phase = phaseOf(task);
  const workerName = spec.workerName ?? (isLeaving(spec, status) ? status.workerName : undefined);
  const hostIP = status.ports?.find((port) => port.hostIP !== '0.0.0.0' && port.hostIP !== '::')?.hostIP;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: metadata.name,
      ...pick(metadata, ['namespace', 'resourceVersion', 'generation', 'creationTimestamp']),
      ...pick(metadata, ['deletionTimestamp', 'deletionGracePeriodSeconds', 'labels']),
      uid: podUid(metadata.uid ?? '', bindingOf(task)),
      ...annotationsOf(metadata.annotations),
      ownerReferences: [
        {
          apiVersion: apiVersionOf(tasks),
          kind: tasks.kind,
          name: metadata.name,
          uid: metadata.uid ?? '',
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: podSpecOf(task, workerName),
    status: {
      phase,
      ...(isOfPod(status) ? { reason: status.reason } : {}),
      ...(status.message === undefined ? {} : { message: status.message }),
      conditions: conditionsOf(task),
      ...(status.startedAt === undefined ? {} : { startTime: status.startedAt }),
      ...(hostIP === undefined ? {} : { hostIP, hostIPs: [{ ip: hostIP }] }),
      ...(status.ip === undefined || status.ip === ''
        ? {}
        : { podIP: status.ip, podIPs: [{ ip: status.ip }] }),
      ...(workerName === undefined ? {} : { containerStatuses: [containerStatusOf(task)] }),
    },
  };
}

/**
 * The binding that the Pod is of: the present one, or the one to come while no worker has the Task. An evicted Task
 * is still the old Pod until its worker has said that the container stopped.
 */
function bindingOf({ spec, status }: Task): number {
  const epoch = spec.bindingEpoch ?? 0;
  return spec.workerName === undefined && !isLeaving(spec, status) ? epoch + 1 : Math.max(epoch, 1);
}

function isLeaving(spec: Task['spec'], status: Task['status']): boolean {
  if (spec.workerName !== undefined || spec.bindingEpoch === undefined) return false;
  return status?.phase === 'Running' || status?.phase === 'Unknown';
}

/**
 * A name-based UUID (RFC 9562, version 5's form) over the Task's uid and its binding. A Task that was never bound
 * already has the uid of its first binding: placing it makes no new Pod of it.
 */
export function podUid(taskUid: string, bindingEpoch: number): string {
  const hash = createHash('sha1').update(`${taskUid}/${bindingEpoch}`).digest();
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join(
    '-',
  );
}

function phaseOf({ spec, status }: Task): Phase {
  const phase = status?.phase;
  if (phase === undefined)
    return spec.desiredState === 'Stopped' && spec.workerName === undefined ? 'Succeeded' : 'Pending';
  return phase === 'Stopped' ? 'Succeeded' : phase;
}

function annotationsOf(annotations: Readonly<Record<string, string>> | undefined): {
  annotations?: Record<string, string>;
} {
  const kept = Object.entries(annotations ?? {}).filter(([key]) => !isHiddenAnnotation(key));
  return kept.length === 0 ? {} : { annotations: Object.fromEntries(kept) };
}

function containerStatusOf(task: Task): Record<string, unknown> {
  const { metadata, spec, status = {} } = task;
  const state = stateOf(task);
  return {
    name: metadata.name,
    image: status.container?.image ?? spec.image,
    imageID: status.container?.imageID ?? '',
    ...(status.container?.id === undefined ? {} : { containerID: `docker://${status.container.id}` }),
    restartCount: status.restartCount ?? 0,
    ready: isReady(task),
    started: 'running' in state && status.container?.started !== false,
    state,
    lastState: lastStateOf(task, state),
  };
}

function isReady({ status }: Task): boolean {
  return findCondition(status?.conditions, 'Ready')?.status === 'True';
}

function isOfPod({ phase, reason }: NonNullable<Task['status']>): boolean {
  return phase === 'Failed' && reason !== undefined && ENDS_OF_PODS.includes(reason);
}

/** Exactly one of waiting, running, terminated. */
function stateOf({ spec, status = {} }: Task): State {
  const { container } = status;
  const isLive = container?.state === 'running' || container?.state === 'paused';
  const isEnded = status.phase === 'Succeeded' || status.phase === 'Failed' || status.phase === 'Stopped';
  if (isEnded) {
    const ended = status.history?.find(({ id }) => id === container?.id && id !== undefined);
    return { terminated: terminated({ ...container, ...pick(ended, ['message', 'output']) }, status.reason) };
  }
  if (isLive) return { running: pick(container, ['startedAt']) };
  const isGoing = spec.desiredState !== 'Stopped' && status.phase !== 'Unknown';
  return {
    waiting: {
      reason: status.reason ?? (isGoing ? 'ContainerCreating' : 'Stopping'),
      ...(status.message === undefined ? {} : { message: status.message }),
    },
  };
}

type Ended = NonNullable<NonNullable<Task['status']>['history']>[number];

/** The newest container that ended before the one the state speaks of. */
function lastStateOf({ status = {} }: Task, state: State): State {
  const { container, history = [] } = status;
  const current = 'waiting' in state ? undefined : container?.id;
  const last: Ended | undefined = history.find((ended) => current === undefined || ended.id !== current);
  return last === undefined ? {} : { terminated: terminated(last, last.reason) };
}

function terminated(
  ended: {
    id?: string;
    exitCode?: number;
    signal?: number;
    message?: string;
    output?: string;
    startedAt?: string;
    finishedAt?: string;
  },
  reason: string | undefined,
): State {
  // The engine's own words; of a container that failed, else its last lines.
  const message = ended.message ?? ((ended.exitCode ?? 0) === 0 ? undefined : ended.output);
  return {
    exitCode: ended.exitCode ?? 0,
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined || message === '' ? {} : { message }),
    ...pick(ended, ['signal', 'startedAt', 'finishedAt']),
    ...(ended.id === undefined ? {} : { containerID: `docker://${ended.id}` }),
  };
}

/** In the order in which a kubelet writes them. */
function conditionsOf({ spec, status = {} }: Task): readonly unknown[] {
  const scheduled = findCondition(status.conditions, 'Scheduled');
  const ready = findCondition(status.conditions, 'Ready');
  const dependencies = findCondition(status.conditions, 'DependenciesMet');
  const isPlaced = spec.workerName !== undefined;
  const isWaiting = dependencies?.status === 'False';
  const isOver = status.phase === 'Succeeded' || status.phase === 'Stopped';
  return [
    ...(isPlaced
      ? [
          condition(
            'PodReadyToStartContainers',
            status.container === undefined ? 'False' : 'True',
            scheduled,
            false,
          ),
          // What a Pod's init containers do, a Task's dependencies do.
          condition('Initialized', isWaiting ? 'False' : 'True', dependencies ?? scheduled, true),
        ]
      : []),
    condition('Ready', ready?.status ?? 'False', ready, true, isOver ? 'PodCompleted' : undefined),
    condition('ContainersReady', ready?.status ?? 'False', ready, true, isOver ? 'PodCompleted' : undefined),
    condition('PodScheduled', isPlaced ? 'True' : 'False', scheduled, !isPlaced),
  ];
}

function condition(
  type: string,
  status: string,
  from: Condition | undefined,
  withReason: boolean,
  reason = from?.reason,
): Record<string, unknown> {
  return {
    type,
    status,
    lastProbeTime: null,
    lastTransitionTime: from?.lastTransitionTime ?? null,
    ...(withReason && status !== 'True' && reason !== undefined ? { reason } : {}),
    ...(withReason && status !== 'True' && from !== undefined ? { message: from.message } : {}),
  };
}
