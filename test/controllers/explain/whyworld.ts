/**
 * A whole small cluster that is asked why: the real registry, the real control plane, a real agent on an engine that
 * plays programs. What it is asked about has happened, and its Events and statuses are those that were really written.
 */
import { type Agent, startAgent } from '../../../agent/agent.ts';
import { openServices } from '../../../agent/services.ts';
import { collectFacts } from '../../../api/server/explain/facts.ts';
import { explainWhy } from '../../../controllers/explain/why/explain.ts';
import { ControlPlane } from '../../../controllers/list.ts';
import type { Identity } from '../../../machinery/identity.ts';
import { silentLog } from '../../../machinery/log.ts';
import { apiVersionOf, type KubeObject, type Resource } from '../../../machinery/meta.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import { seededRandom } from '../../../machinery/random.ts';
import type { WhyAnswer, WhyEntry, WhyFacts } from '../../../machinery/why.ts';
import { FakeRuntime, type FakeRuntimeOptions } from '../../../runtime/fake/fake.ts';
import { tasks, workers } from '../../../schemas/kinds.ts';
import type { Task, Worker } from '../../../schemas/types.gen.ts';
import { taskManifest } from '../../builders.ts';
import { Life } from '../../sim/mortal.ts';
import { Shelf } from '../../sim/shelf.ts';
import { adminIdentity, openWorld, type World } from '../../world.ts';

const IMAGES: NonNullable<FakeRuntimeOptions['images']> = {
  'app:1': {},
  'app:2': {},
  'crash:1': {
    exitAfterMs: 100,
    exitCode: 3,
    output: [{ atMs: 50, stream: 'stderr', data: 'cannot reach the database\n' }],
  },
  'hungry:1': { exitAfterMs: 100, exitCode: 137, oomKilled: true },
  'job:1': { exitAfterMs: 50 },
  'broken:1': { startError: 'exec: "serve": executable file not found in $PATH' },
};

const NO_HOOKS = {
  before: () => Promise.resolve(),
  after: () => Promise.resolve(),
  lateStart: () => undefined,
};

export class WhyWorld {
  readonly world: World;
  readonly runtime: FakeRuntime;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  readonly #agent: Agent;

  private constructor(
    world: World,
    runtime: FakeRuntime,
    running: Promise<void>,
    stop: AbortController,
    agent: Agent,
  ) {
    this.world = world;
    this.runtime = runtime;
    this.#running = running;
    this.#stop = stop;
    this.#agent = agent;
  }

  static async open(options: Partial<FakeRuntimeOptions> = {}): Promise<WhyWorld> {
    const world = await openWorld();
    const stop = new AbortController();
    const tools = { clock: world.clock, random: seededRandom(3), log: silentLog, metrics: newMetrics() };
    const running = new ControlPlane({ ...tools, clientOf: (name) => world.controllerClient(name) }).run(
      stop.signal,
    );
    const shelf = new Shelf();
    const runtime = new FakeRuntime({
      ...tools,
      images: IMAGES,
      info: { cpus: 4, memoryBytes: 8 * 2 ** 30, hostname: 'w1' },
      ...options,
    });
    const starting = startAgent({
      ...tools,
      client: world.workerClient('w1'),
      runtime,
      workerName: 'w1',
      clusterId: 'c1',
      agentVersion: '0.0.0',
      openServices: (deps) => ({ ...openServices(deps), volumes: shelf.openFor(new Life(), NO_HOOKS) }),
      readMachine: () => Promise.resolve(undefined),
      readFileSystem: () => Promise.resolve(undefined),
    });
    await world.advance(1_000);
    return new WhyWorld(world, runtime, running, stop, await starting);
  }

  editWorker(name: string, spec: NonNullable<Worker['spec']>): Promise<unknown> {
    return this.world.admin.patch(workers, { name }, { type: 'merge', body: { spec } });
  }

  cordon(name: string): Promise<unknown> {
    return this.editWorker(name, { unschedulable: true });
  }

  /** Its agent stops, and its lease runs out. */
  async loseWorker(): Promise<void> {
    const stopping = this.#agent.stop();
    await this.world.advance(1_000);
    await stopping;
    await this.world.advance(20_000);
  }

  async close(): Promise<void> {
    const stopping = this.#agent.stop();
    this.#stop.abort();
    await this.world.advance(1_000);
    await Promise.all([stopping, this.#running]);
    await this.world.close();
  }

  async create<T extends KubeObject>(
    resource: Resource<T>,
    name: string,
    fields: Readonly<Record<string, unknown>>,
  ): Promise<T> {
    const object: unknown = {
      apiVersion: apiVersionOf(resource),
      kind: resource.kind,
      metadata: { name, ...(resource.namespaced ? { namespace: 'default' } : {}) },
      ...fields,
    };
    // Whether it is one is the registry's to say.
    return this.world.admin.create(resource, object as T);
  }

  task(name: string, spec: Partial<Task['spec']> = {}): Promise<Task> {
    return this.world.admin.create(tasks, taskManifest(name, { image: 'app:1', ...spec }));
  }

  /** Waits for the reason in the Task's status, on the fake clock. */
  async untilReason(name: string, reason: string): Promise<void> {
    await this.world.until(`task ${name} says ${reason}`, async () => {
      const { status } = await this.world.admin.get(tasks, { namespace: 'default', name });
      return status?.reason === reason;
    });
    await this.world.settle();
  }

  async untilPhase(name: string, phase: string): Promise<void> {
    await this.world.until(`task ${name} is ${phase}`, async () => {
      const { status } = await this.world.admin.get(tasks, { namespace: 'default', name });
      return status?.phase === phase;
    });
    await this.world.settle();
  }

  async facts(
    resource: Resource<KubeObject>,
    name: string,
    identity: Identity = adminIdentity,
  ): Promise<WhyFacts> {
    const { registry, clock } = this.world;
    const kind = registry.findKind(resource.group, resource.version, resource.plural);
    if (kind === undefined) throw new Error(`no kind ${resource.plural}`);
    const key = resource.namespaced ? { namespace: 'default', name } : { name };
    const deps = { registry, clock, workerLink: this.#agent.link };
    return collectFacts({ identity }, kind, key, deps, new AbortController().signal);
  }

  async why(resource: Resource<KubeObject>, name: string, identity?: Identity): Promise<WhyAnswer> {
    return explainWhy(await this.facts(resource, name, identity));
  }
}

/** One line for each entry, without what always differs. */
export function linesOf(timeline: readonly WhyEntry[]): readonly string[] {
  return timeline.map(({ topic, reason, message, count }) => {
    const times = count === undefined ? '' : ` (${count} times)`;
    return `${topic}${reason === undefined ? '' : ` ${reason}`}: ${message}${times}`;
  });
}
