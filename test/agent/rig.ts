/** One agent on a fake engine, in a small world: the real registry, the real agent, time that moves when told. */
import { type Agent, type AgentOptions, startAgent } from '../../agent/agent.ts';
import { openServices } from '../../agent/services.ts';
import type { TaskServices } from '../../controllers/task/services.ts';
import { isApiError } from '../../machinery/errors.ts';
import { silentLog } from '../../machinery/log.ts';
import { newMetrics } from '../../machinery/metrics.ts';
import { seededRandom } from '../../machinery/random.ts';
import type { ContainerDetail } from '../../machinery/runtime.ts';
import { FakeRuntime, type FakeRuntimeOptions } from '../../runtime/fake/fake.ts';
import { events, tasks, workers } from '../../schemas/kinds.ts';
import type { Task } from '../../schemas/types.gen.ts';
import { taskManifest } from '../builders.ts';
import { openWorld, type World } from '../world.ts';

const CLUSTER = 'cluster-under-test';
export const WORKER = 'w1';

export interface Rig {
  readonly world: World;
  readonly runtime: FakeRuntime;
  agent: Agent;
  /** A new agent on the same engine, as after a kill of the process. */
  restart(): Promise<void>;
  /** Creates the Task and binds it, as the scheduler would. */
  apply(name: string, spec?: Partial<Task['spec']>): Promise<Task>;
  bind(name: string): Promise<void>;
  edit(name: string, change: (spec: Task['spec']) => Task['spec']): Promise<void>;
  read(name: string): Promise<Task | undefined>;
  /** Waits until the Task is in the phase, on the fake clock. */
  untilPhase(name: string, phase: string): Promise<Task>;
  containers(name?: string): readonly ContainerDetail[];
  running(name?: string): readonly ContainerDetail[];
  eventReasons(name: string): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** @param adapt changes what the task controller has done for it. */
export async function openRig(
  options: Partial<FakeRuntimeOptions> = {},
  adapt: (services: TaskServices) => TaskServices = (services) => services,
  agentOptions: Partial<AgentOptions> = {},
): Promise<Rig> {
  const world = await openWorld();
  const runtime = new FakeRuntime({
    clock: world.clock,
    random: seededRandom(7),
    images: {
      'app:1': {},
      'app:2': {},
      'crash:1': { exitAfterMs: 100, exitCode: 3 },
      'job:1': { exitAfterMs: 50 },
    },
    ...options,
  });
  const start = (): Promise<Agent> =>
    startAgent({
      client: world.workerClient(WORKER),
      runtime,
      clock: world.clock,
      random: world.random,
      log: silentLog,
      metrics: newMetrics(),
      workerName: WORKER,
      clusterId: CLUSTER,
      agentVersion: 'test',
      openServices: (deps) => adapt(openServices(deps)),
      // The machine's own files are read in real time.
      readMachine: () => Promise.resolve(undefined),
      ...agentOptions,
      readFileSystem: () => Promise.resolve(undefined),
    });
  const key = (name: string) => ({ namespace: 'default', name });
  const rig: Rig = {
    world,
    runtime,
    agent: await start(),
    async restart() {
      await stop(rig);
      rig.agent = await start();
    },
    async apply(name, spec = {}) {
      const task = await world.admin.create(tasks, taskManifest(name, { image: 'app:1', ...spec }));
      await rig.bind(name);
      return task;
    },
    async bind(name) {
      const task = await world.admin.get(tasks, key(name));
      const binding = {
        apiVersion: 'gantry.dev/v1',
        kind: 'Binding',
        metadata: key(name),
        target: { name: WORKER },
        epoch: (task.spec.bindingEpoch ?? 0) + 1,
      };
      await world.admin.post(tasks, key(name), 'binding', binding);
    },
    async edit(name, change) {
      const task = await world.admin.get(tasks, key(name));
      const { resourceVersion: _, ...metadata } = task.metadata;
      await world.admin.update(tasks, { ...task, metadata, spec: change(task.spec) });
    },
    async read(name) {
      try {
        return await world.admin.get(tasks, key(name));
      } catch (error) {
        if (isApiError(error, 'NotFound')) return undefined;
        throw error;
      }
    },
    async untilPhase(name, phase) {
      await world.until(
        `task ${name} is ${phase}`,
        async () => (await rig.read(name))?.status?.phase === phase,
      );
      const task = await rig.read(name);
      if (task === undefined) throw new Error(`task ${name} is gone`);
      return task;
    },
    containers: (name) =>
      runtime.engine
        .containers()
        .map((container) => container.detail())
        .filter(({ labels }) => name === undefined || labels['gantry.dev/task'] === `default/${name}`),
    running: (name) => rig.containers(name).filter(({ state }) => state === 'running'),
    async eventReasons(name) {
      const list = await world.admin.list(events, { fieldSelector: `involvedObject.name=${name}` });
      return list.items.map(({ reason }) => reason ?? '');
    },
    async close() {
      await stop(rig);
      await world.close();
    },
  };
  await world.until('the worker is enrolled', async () => {
    const list = await world.admin.list(workers);
    return (
      list.items[0]?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ??
      false
    );
  });
  return rig;
}

/** Time may have to pass for it: flushes are bounded by the clock. */
async function stop(rig: Rig): Promise<void> {
  let isStopped = false;
  const stopping = rig.agent.stop().finally(() => {
    isStopped = true;
  });
  await rig.world.until('the agent has stopped', () => isStopped);
  await stopping;
}
