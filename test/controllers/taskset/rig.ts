/** A whole small cluster: the real registry, control planes, agents on fake engines, time that moves when told. */
import { type Agent, startAgent } from '../../../agent/agent.ts';
import { openServices } from '../../../agent/services.ts';
import { ControlPlane } from '../../../controllers/list.ts';
import { isApiError } from '../../../machinery/errors.ts';
import { silentLog } from '../../../machinery/log.ts';
import type { KubeObject, ObjectMeta, Resource } from '../../../machinery/meta.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import { seededRandom } from '../../../machinery/random.ts';
import { FakeRuntime } from '../../../runtime/fake/fake.ts';
import { configMaps, controllerRevisions, events, taskSets, tasks, workers } from '../../../schemas/kinds.ts';
import type { ConfigMap, ControllerRevision, Event, Task, TaskSet } from '../../../schemas/types.gen.ts';
import { type ClientHooks, intercept } from '../../intercept.ts';
import { openWorld, type World, type WorldOptions } from '../../world.ts';

export interface RigOptions extends WorldOptions {
  /** Default: one, w1. */
  readonly workers?: readonly string[];
  /** Around every call of a controller. */
  readonly hooks?: (controller: string) => ClientHooks;
}

type Status = NonNullable<TaskSet['status']>;
type Spec = TaskSet['spec'];

const IMAGES = { 'web:1': {}, 'web:2': {}, 'web:3': {}, 'broken:1': { exitAfterMs: 100, exitCode: 3 } };

interface Running {
  readonly stop: AbortController;
  readonly running: Promise<void>;
}

export class TaskSetRig {
  readonly world: World;
  readonly engines = new Map<string, FakeRuntime>();
  /** Of all control planes. */
  readonly metrics = newMetrics();
  readonly #options: RigOptions;
  readonly #agents = new Map<string, Agent>();
  readonly #controlPlanes = new Set<Running>();
  #starts = 0;

  private constructor(world: World, options: RigOptions) {
    this.world = world;
    this.#options = options;
  }

  static async open(options: RigOptions = {}): Promise<TaskSetRig> {
    const rig = new TaskSetRig(await openWorld(options), options);
    for (const worker of options.workers ?? ['w1']) await rig.addWorker(worker);
    rig.startControlPlane();
    return rig;
  }

  async addWorker(name: string): Promise<void> {
    const { world } = this;
    const runtime = new FakeRuntime({ clock: world.clock, random: seededRandom(7), images: IMAGES });
    this.engines.set(name, runtime);
    const agent = await startAgent({
      client: world.workerClient(name),
      runtime,
      clock: world.clock,
      random: world.random,
      log: silentLog,
      metrics: newMetrics(),
      workerName: name,
      clusterId: 'cluster-under-test',
      agentVersion: 'test',
      openServices: (deps) => ({ ...openServices(deps) }),
      // The machine's own files are read in real time.
      readMachine: () => Promise.resolve(undefined),
      readFileSystem: () => Promise.resolve(undefined),
    });
    this.#agents.set(name, agent);
    await world.until(`worker ${name} is enrolled`, async () => {
      const { items } = await world.admin.list(workers);
      const worker = items.find(({ metadata }) => metadata.name === name);
      return (
        worker?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true
      );
    });
  }

  startControlPlane(): Running {
    const { world } = this;
    const { hooks = () => ({}) } = this.#options;
    const stop = new AbortController();
    const controlPlane = new ControlPlane({
      clientOf: (name) => intercept(world.controllerClient(name), hooks(name)),
      clock: world.clock,
      random: seededRandom(100 + this.#starts++),
      log: silentLog,
      metrics: this.metrics,
    });
    const started = { stop, running: controlPlane.run(stop.signal) };
    this.#controlPlanes.add(started);
    return started;
  }

  async stopControlPlane(started: Running | undefined = [...this.#controlPlanes][0]): Promise<void> {
    if (started === undefined) return;
    this.#controlPlanes.delete(started);
    started.stop.abort();
    await this.#ended('the control plane has stopped', started.running);
  }

  async close(): Promise<void> {
    for (const started of this.#controlPlanes) await this.stopControlPlane(started);
    for (const agent of this.#agents.values()) await this.#ended('the agent has stopped', agent.stop());
    await this.world.close();
  }

  async #ended(what: string, ending: Promise<void>): Promise<void> {
    let isOver = false;
    const over = ending.finally(() => {
      isOver = true;
    });
    await this.world.until(what, () => isOver);
    await over;
  }

  create(name: string, spec: Partial<Spec> = {}, metadata: Partial<ObjectMeta> = {}): Promise<TaskSet> {
    return this.world.admin.create(taskSets, {
      apiVersion: 'gantry.dev/v1',
      kind: 'TaskSet',
      metadata: { name, namespace: 'default', ...metadata },
      spec: { selector: { matchLabels: { app: name } }, template: template(name), ...spec },
    });
  }

  /** How often TaskSets were looked at so far. */
  async looks(): Promise<number> {
    const { values } = (await this.metrics.getSingleMetric('controller_runtime_reconcile_total')?.get()) ?? {
      values: [],
    };
    const own = values.filter(({ labels }) => labels['controller'] === 'taskset');
    return own.reduce((sum, { value }) => sum + value, 0);
  }

  /** A merge patch. */
  patch(name: string, body: object): Promise<TaskSet> {
    return this.world.admin.patch(taskSets, key(name), { type: 'merge', body });
  }

  read(name: string): Promise<TaskSet> {
    return this.world.admin.get(taskSets, key(name));
  }

  async status(name: string): Promise<Status> {
    return (await this.read(name)).status ?? {};
  }

  async reason(name: string, type: string): Promise<string | undefined> {
    return (await this.status(name)).conditions?.find((condition) => condition.type === type)?.reason;
  }

  async tasksOf(name: string): Promise<readonly Task[]> {
    const { items } = await this.world.admin.list(tasks);
    return items.filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.name === name));
  }

  async revisions(): Promise<readonly ControllerRevision[]> {
    const { items } = await this.world.admin.list(controllerRevisions);
    return items.toSorted((a, b) => a.revision - b.revision);
  }

  async events(name: string): Promise<readonly Event[]> {
    const { items } = await this.world.admin.list(events, { fieldSelector: `involvedObject.name=${name}` });
    return items;
  }

  async copies(): Promise<readonly ConfigMap[]> {
    const { items } = await this.world.admin.list(configMaps);
    return items.filter(({ immutable }) => immutable === true);
  }

  config(name: string, data: Record<string, string>): Promise<ConfigMap> {
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' }, data };
    return this.world.admin.create(configMaps, object);
  }

  /** Every task there should be is available and of the newest revision, and nothing else is left. */
  async untilSettled(name: string, withinMs = 120_000): Promise<Status> {
    await this.world
      .until(
        `taskset ${name} is settled`,
        async () => {
          const { metadata, status } = await this.read(name);
          const wanted = status?.desiredReplicas ?? -1;
          return (
            status?.observedGeneration === metadata.generation &&
            status?.updatedReplicas === wanted &&
            status.availableReplicas === wanted &&
            status.replicas === wanted &&
            (status.leaving ?? []).length === 0 &&
            (await this.tasksOf(name)).length === wanted
          );
        },
        withinMs,
      )
      .catch(async (error: unknown) => {
        throw new Error(`${String(error)}\n${JSON.stringify(await this.status(name), null, 1)}`, {
          cause: error,
        });
      });
    return this.status(name);
  }

  async exists<T extends KubeObject>(resource: Resource<T>, name: string): Promise<boolean> {
    try {
      await this.world.admin.get(resource, key(name));
      return true;
    } catch (error) {
      if (isApiError(error, 'NotFound')) return false;
      throw error;
    }
  }
}

export function key(name: string) {
  return { namespace: 'default', name };
}

/** Labelled after its set. */
export function template(name: string, spec: Partial<Spec['template']['spec']> = {}): Spec['template'] {
  return { metadata: { labels: { app: name } }, spec: { image: 'web:1', ...spec } };
}
