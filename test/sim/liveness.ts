/** What must become true once nothing goes wrong any more, and then stay as it is. Each says what is still missing. */

import { demandOf, holdsShare } from '../../controllers/scheduler/demand.ts';
import { planSchedule } from '../../controllers/scheduler/plan.ts';
import { findCondition } from '../../machinery/conditions.ts';
import { isSameJson } from '../../machinery/json.ts';
import { LABEL_EPOCH, LABEL_TASK, LABEL_UID } from '../../machinery/labels.ts';
import type { FakeContainer } from '../../runtime/fake/container.ts';
import { configMaps, tasks, workers } from '../../schemas/kinds.ts';
import type { Task, Worker } from '../../schemas/types.gen.ts';
import type { World } from '../world.ts';
import { VOLUME } from './actors.ts';
import type { Cluster } from './cluster.ts';
import { isOurs } from './safety.ts';

/** Undefined when everything is as it was asked for. */
export async function findUnconverged(world: World, cluster: Cluster): Promise<string | undefined> {
  const all = (await world.admin.list(tasks)).items;
  const allWorkers = (await world.admin.list(workers)).items;
  const ours = [...cluster.engines].flatMap(([worker, { engine }]) =>
    engine.containers().filter((container) => isOurs(worker, container)),
  );
  for (const worker of allWorkers) {
    const ready = findCondition(worker.status?.conditions, 'Ready');
    if (ready?.status !== 'True')
      return `worker ${worker.metadata.name} is ${ready?.reason ?? 'not heard of'}`;
  }
  const uids = new Set(all.map((task) => task.metadata.uid));
  const orphan = ours.find((container) => !uids.has(container.spec.labels[LABEL_UID] ?? ''));
  for (const [worker, shelf] of cluster.shelves) {
    const left = shelf.uids().find((uid) => !uids.has(uid));
    if (left !== undefined) return `worker ${worker} keeps files of Task ${left}, which is gone`;
  }
  if (orphan !== undefined) {
    return `container ${orphan.name} of task ${orphan.spec.labels[LABEL_TASK] ?? ''} is left although its Task is gone`;
  }
  const configs = new Map(
    (await world.admin.list(configMaps)).items.map(({ metadata, data }) => [metadata.name, data ?? {}]),
  );
  for (const task of all) {
    const wrong = wrongInputs(task, configs, cluster);
    if (wrong === 'it waits for them') continue;
    if (wrong !== undefined) return `task ${task.metadata.name} ${wrong}`;
    const missing = missingOf(
      task,
      ours.filter((container) => isOf(task, container)),
      all,
      allWorkers,
    );
    if (missing !== undefined) return `task ${task.metadata.name} ${missing}`;
  }
  return undefined;
}

/** Who waits for a ConfigMap is where it should be; who runs has its files as they are. */
function wrongInputs(
  { metadata, spec, status }: Task,
  configs: ReadonlyMap<string, Readonly<Record<string, string>>>,
  cluster: Cluster,
): string | undefined {
  const inEnv = (spec.envFrom ?? []).map(({ configMapRef }) => configMapRef?.name);
  const inFiles = (spec.volumes ?? []).map(({ configMap }) => configMap?.name);
  const lacks = [...inEnv, ...inFiles].filter((name) => name !== undefined && !configs.has(name));
  if (status?.phase === 'Pending' && status.reason === 'CreateContainerConfigError') {
    return lacks.length > 0 ? 'it waits for them' : 'waits for a ConfigMap that is there';
  }
  const [name] = inFiles;
  const wanted = configs.get(name ?? '');
  if (status?.phase !== 'Running' || wanted === undefined) return undefined;
  const found = cluster.shelves.get(spec.workerName ?? '')?.filesOf(metadata.uid ?? '', VOLUME);
  // A missing object leaves everything as it is, also what another one has.
  if (lacks.length > 0 || isSameJson(found, wanted)) return undefined;
  return `has files ${JSON.stringify(found)}, wanted ${JSON.stringify(wanted)}`;
}

function isOf(task: Task, { spec }: FakeContainer): boolean {
  return spec.labels[LABEL_UID] === task.metadata.uid;
}

function missingOf(
  task: Task,
  containers: readonly FakeContainer[],
  all: readonly Task[],
  allWorkers: readonly Worker[],
): string | undefined {
  const { metadata, spec, status } = task;
  const running = containers.filter((container) => container.isRunning());
  const [only] = running;
  if (metadata.deletionTimestamp !== undefined) return 'is still being deleted';
  if (containers.length - running.length > 1)
    return `has ${containers.length - running.length} ended containers`;
  const phase = status?.phase ?? 'none';
  if (spec.workerName === undefined && spec.desiredState !== 'Stopped' && !isOver(task)) {
    if (running.length > 0) return 'is bound to nobody and runs';
    if (phase !== 'Pending' || status?.reason !== 'Unschedulable') return `is unbound in phase ${phase}`;
    const plan = planSchedule(
      task,
      allWorkers.map((worker) => candidateOf(worker, all)),
    );
    return plan.kind === 'unschedulable'
      ? undefined
      : `waits although it could go to ${JSON.stringify(plan)}`;
  }
  if (status?.observedGeneration !== metadata.generation && spec.workerName !== undefined) {
    return `has generation ${metadata.generation}, its status tells of ${status?.observedGeneration}`;
  }
  const wanted = wantedPhases(task);
  if (!wanted.includes(phase))
    return `is in phase ${phase} (${status?.reason ?? ''}), wanted ${wanted.join(' or ')}`;
  if (phase !== 'Running') return running.length === 0 ? undefined : `is ${phase} and runs`;
  if (only === undefined || running.length > 1) return `is Running with ${running.length} containers`;
  if (only.state !== 'running') return `is Running and its container is ${only.state}`;
  if (status?.container?.id !== only.id) return 'tells of another container than the one that runs';
  if (only.spec.image !== spec.image) return `runs image ${only.spec.image}, wanted ${spec.image}`;
  if ((only.spec.args ?? []).join() !== (spec.args ?? []).join())
    return `runs with args ${only.spec.args?.join() ?? ''}`;
  const isLacking = !only.spec.env.some((entry) => entry.startsWith('colour='));
  if (spec.envFrom !== undefined && isLacking) return 'runs without the variables of its ConfigMap';
  if (only.spec.labels[LABEL_EPOCH] !== String(spec.bindingEpoch))
    return 'runs a container of another binding';
  const memory = spec.resources?.limits?.memory;
  if (memory !== undefined && only.resources.memoryBytes !== Number.parseInt(String(memory), 10) * 2 ** 20) {
    return `may use ${only.resources.memoryBytes} bytes, wanted ${memory}`;
  }
  return findCondition(status.conditions, 'Scheduled')?.status === 'True'
    ? undefined
    : 'runs and is not Scheduled';
}

function isOver({ status, metadata }: Task): boolean {
  const isEnd = ['Succeeded', 'Failed', 'Stopped'].includes(status?.phase ?? '');
  return isEnd && status?.observedGeneration === metadata.generation;
}

/** Images whose containers end by themselves. */
export const ENDING_IMAGES: readonly string[] = ['once:1', 'fails:1'];

/** What a task may have come to; somebody may have killed it by hand, which ends it under some restart policies. */
function wantedPhases({ spec }: Task): readonly string[] {
  // A task that is stopped before it was ever placed has nobody who could say so.
  if (spec.desiredState === 'Stopped') {
    return spec.workerName === undefined
      ? ['Stopped', 'Pending', 'none', 'Succeeded', 'Failed']
      : ['Stopped'];
  }
  if (spec.activeDeadlineSeconds !== undefined) return ['Running', 'Succeeded', 'Failed'];
  const runsOn = !ENDING_IMAGES.includes(spec.image);
  if (spec.restartPolicy === 'Never')
    return runsOn ? ['Running', 'Succeeded', 'Failed'] : ['Succeeded', 'Failed'];
  if (spec.restartPolicy === 'OnFailure') return runsOn ? ['Running', 'Succeeded'] : ['Succeeded'];
  return ['Running'];
}

function candidateOf(worker: Worker, all: readonly Task[]) {
  const held = all.filter((task) => holdsShare(task) && task.spec.workerName === worker.metadata.name);
  const demands = held.map((task) => ({ task, demand: demandOf(task) }));
  return {
    worker,
    milliCpu: demands.reduce((sum, { demand }) => sum + demand.milliCpu, 0),
    memoryBytes: demands.reduce((sum, { demand }) => sum + demand.memoryBytes, 0),
    diskBytes: demands.reduce((sum, { demand }) => sum + demand.diskBytes, 0),
    ports: demands.flatMap(({ task, demand }) =>
      demand.hostPorts.map((port) => ({ ...port, task: task.metadata.name })),
    ),
    taskCount: held.length,
  };
}

/** Everything that would show that somebody still works on a settled cluster. */
export async function snapshotOfWork(world: World, cluster: Cluster): Promise<Record<string, unknown>> {
  const versions: Record<string, unknown> = {};
  for (const task of (await world.admin.list(tasks)).items) {
    versions[`task ${task.metadata.name}`] = task;
  }
  for (const worker of (await world.admin.list(workers)).items) {
    versions[`worker ${worker.metadata.name}`] = worker;
  }
  const acts = [...cluster.engines].map(([worker, { mutations }]) => [
    `acts on ${worker}`,
    mutations.map(({ operation, outcome }) => `${operation}: ${outcome}`),
  ]);
  return { ...versions, ...Object.fromEntries(acts) };
}
