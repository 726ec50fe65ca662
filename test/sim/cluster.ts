/** The cluster under test: a registry, a control plane, and workers with an engine each; every process can die. */
import { startAgent } from '../../agent/agent.ts';
import { openServices } from '../../agent/services.ts';
import { LeaderElection } from '../../controllers/engine/leaderelection.ts';
import { Recorder } from '../../controllers/engine/recorder.ts';
import { ControlPlane } from '../../controllers/list.ts';
import type { TaskServices } from '../../controllers/task/services.ts';
import type { Client } from '../../machinery/client.ts';
import { messageOf } from '../../machinery/errors.ts';
import { LABEL_CLUSTER, LABEL_TASK, LABEL_UID, LABEL_WORKER } from '../../machinery/labels.ts';
import { silentLog } from '../../machinery/log.ts';
import { newMetrics } from '../../machinery/metrics.ts';
import { pick, type Random, seededRandom } from '../../machinery/random.ts';
import type { ContainerSpec, Runtime } from '../../machinery/runtime.ts';
import { FakeRuntime } from '../../runtime/fake/fake.ts';
import type { FakeProgram } from '../../runtime/fake/program.ts';
import type { World } from '../world.ts';
import type { Chaos } from './chaos.ts';
import { Life, mortalClient, mortalRuntime } from './mortal.ts';
import { Shelf } from './shelf.ts';

export const CLUSTER = 'c1';
export const CONTROL_PLANE = 'control plane';

const LEASE = { namespace: 'kube-system', name: 'gantry-controllers' };
/** How far the wall clocks of control planes are apart at most. */
const CLOCKS_APART_MS = 20 * 60_000;

/** What the images of the simulator do. */
export const PROGRAMS: Readonly<Record<string, FakeProgram>> = {
  'forever:1': {},
  'stubborn:1': { ignoresStopSignal: true },
  'leisurely:1': { stopTakesMs: 1_500 },
  'once:1': { exitAfterMs: 2_000 },
  'fails:1': { exitAfterMs: 400, exitCode: 3 },
};

/** Distorts what an agent is given, to prove that the simulator notices. */
export interface Plant {
  readonly name: string;
  readonly runtime?: (runtime: Runtime) => Runtime;
  readonly services?: (services: TaskServices) => TaskServices;
  /** @param everything the client of somebody who may see and do everything, alive as long as the process. */
  readonly client?: (client: Client, process: string, everything: Client) => Client;
}

interface Process {
  readonly life: Life;
  readonly stop: () => void;
}

export interface ClusterOptions {
  readonly world: World;
  readonly chaos: Chaos;
  readonly random: Random;
  readonly trace: (line: string) => void;
  readonly workers: readonly string[];
  /** One alone, or several of which one leads. */
  readonly controlPlanes: number;
  readonly plant?: Plant;
}

export class Cluster {
  readonly engines = new Map<string, FakeRuntime>();
  /** By worker: the volumes on its machine. */
  readonly shelves = new Map<string, Shelf>();
  /** Containers about to be started for a process that is dead: an engine has no way to refuse that. */
  readonly lateStarts = new Set<string>();
  readonly #options: ClusterOptions;
  readonly #processes = new Map<string, Process>();
  readonly #controlPlanes: readonly string[];
  readonly #elections = new Map<string, LeaderElection>();
  #starts = 0;

  constructor(options: ClusterOptions) {
    this.#options = options;
    const { world, chaos, controlPlanes } = options;
    this.#controlPlanes =
      controlPlanes === 1
        ? [CONTROL_PLANE]
        : Array.from({ length: controlPlanes }, (_, at) => `${CONTROL_PLANE} ${at + 1}`);
    options.workers.forEach((worker, index) => {
      const engine = new FakeRuntime({
        clock: world.clock,
        random: seededRandom(1_000 + index),
        images: PROGRAMS,
        info: { cpus: 4, memoryBytes: 8 * 2 ** 30, hostname: worker },
        hooks: { deliverEvent: () => !chaos.happens(chaos.odds.loseEvent) },
        commands: { well: () => Promise.resolve(chaos.happens(chaos.odds.sick) ? 1 : 0) },
      });
      this.shelves.set(worker, new Shelf());
      for (const spec of foreignContainers(worker)) engine.engine.start(engine.engine.create(spec).id);
      this.engines.set(worker, engine);
    });
  }

  get processes(): readonly string[] {
    return [...this.#controlPlanes, ...this.#options.workers];
  }

  /** Control planes that are elected, and could be. */
  get candidates(): readonly string[] {
    return [...this.#elections.keys()].filter((name) => {
      const process = this.#processes.get(name);
      return process !== undefined && !process.life.isAsleep;
    });
  }

  /** Those that believe to lead, whether they are awake or not. */
  get leaders(): readonly string[] {
    return [...this.#elections].flatMap(([name, election]) =>
      this.#processes.has(name) && election.isLeading ? [name] : [],
    );
  }

  /** Stops one of several control planes in the middle of what it does, and lets it go on after a while. */
  pause(): void {
    const { random, world, trace } = this.#options;
    const name = pick(random, this.#controlPlanes) ?? CONTROL_PLANE;
    const process = this.#processes.get(name);
    if (process === undefined || process.life.isAsleep) return;
    const asleepMs = Math.round(random.next() * 40_000);
    trace(`asleep: ${name} for ${asleepMs} ms`);
    process.life.sleep();
    world.clock.after(asleepMs, () => process.life.wake());
  }

  isAlive(process: string): boolean {
    return this.#processes.has(process);
  }

  start(name: string): void {
    if (this.#processes.has(name)) return;
    this.#options.trace(`start: ${name}`);
    const life = new Life();
    const die = (): void => this.kill(name);
    this.#processes.set(
      name,
      name.startsWith(CONTROL_PLANE)
        ? this.#startControlPlane(name, life, die)
        : this.#startAgent(name, life, die),
    );
  }

  /** Kills the process without warning, and starts another one after a while. */
  kill(name: string): void {
    const process = this.#processes.get(name);
    if (process === undefined) return;
    const { random, world, trace } = this.#options;
    this.#processes.delete(name);
    process.life.end();
    // Frees its watches; with its life over, nothing it still does has an effect.
    process.stop();
    const isLong = random.next() < 0.15;
    const downMs = Math.round(random.next() * (isLong ? 30_000 : 2_000));
    trace(`down: ${name} for ${downMs} ms`);
    world.clock.after(downMs, () => this.start(name));
  }

  /** For good. */
  stop(name: string): void {
    const process = this.#processes.get(name);
    this.#processes.delete(name);
    process?.life.end();
    process?.stop();
  }

  #startControlPlane(name: string, life: Life, die: () => void): Process {
    const { world, chaos, plant } = this.#options;
    const stop = new AbortController();
    const hooks = chaos.hooksOf(name, life, die);
    const mortal = (controller: string): Client => {
      const client = mortalClient(world.controllerClient(controller), life, hooks);
      return plant?.client?.(client, CONTROL_PLANE, client) ?? client;
    };
    if (this.#controlPlanes.length === 1) {
      const controlPlane = new ControlPlane({ clientOf: mortal, ...this.#toolsFor(life) });
      this.#watch(name, controlPlane.run(stop.signal));
      return { life, stop: () => stop.abort() };
    }
    const tools = this.#toolsFor(life, Math.round((this.#options.random.next() - 0.5) * CLOCKS_APART_MS));
    const client = mortal('leader-election');
    const election = new LeaderElection({
      ...tools,
      ...LEASE,
      client,
      recorder: new Recorder({ ...tools, client, component: 'leader-election' }),
      identity: `${name} of start ${this.#starts}`,
    });
    this.#elections.set(name, election);
    const controlPlane = new ControlPlane({
      ...tools,
      clientOf: (controller) => election.guard(mortal(controller)),
    });
    this.#watch(
      name,
      election.run(stop.signal, (signal) => {
        this.#options.trace(`leads: ${name}`);
        return controlPlane.run(signal);
      }),
    );
    return { life, stop: () => stop.abort() };
  }

  #startAgent(worker: string, life: Life, die: () => void): Process {
    const { world, chaos, plant } = this.#options;
    const engine = this.engines.get(worker);
    if (engine === undefined) throw new Error(`no engine for worker ${worker}`);
    const hooks = chaos.hooksOf(worker, life, die);
    const runtimeHooks = { ...hooks, lateStart: (id: string) => this.lateStarts.add(id) };
    const runtime = mortalRuntime(engine, life, runtimeHooks);
    const volumes = this.shelves.get(worker)?.openFor(life, runtimeHooks);
    if (volumes === undefined) throw new Error(`no volumes for worker ${worker}`);
    const client = mortalClient(world.workerClient(worker), life, hooks);
    const starting = startAgent({
      client: plant?.client?.(client, worker, mortalClient(world.admin, life, hooks)) ?? client,
      runtime: plant?.runtime?.(runtime) ?? runtime,
      ...this.#toolsFor(life),
      workerName: worker,
      clusterId: CLUSTER,
      agentVersion: '0.0.0',
      startsAtOnce: 4,
      openServices: (deps) => {
        const services = { ...openServices(deps), volumes };
        return plant?.services?.(services) ?? services;
      },
      // The machine's own figures are read in real time, and are others in every run.
      readMachine: () => Promise.resolve(undefined),
      readFileSystem: () => Promise.resolve(undefined),
    });
    this.#watch(worker, starting);
    return {
      life,
      stop: () =>
        this.#watch(
          worker,
          starting.then((agent) => agent.stop()),
        ),
    };
  }

  #toolsFor(life: Life, shiftMs = 0) {
    return {
      clock: life.clock(this.#options.world.clock, shiftMs),
      random: seededRandom(10_000 + this.#starts++),
      log: silentLog,
      metrics: newMetrics(),
    };
  }

  #watch(name: string, running: Promise<unknown>): void {
    running.catch((error: unknown) => this.#options.trace(`end: ${name} failed: ${messageOf(error)}`));
  }
}

/** What else is on the engine: not ours to touch, however much it looks like ours. */
function foreignContainers(worker: string): ContainerSpec[] {
  const base = {
    image: 'forever:1',
    env: [],
    ports: [],
    resources: {},
    networkMode: 'none' as const,
    privileged: false,
    readOnlyRootFilesystem: false,
    capabilities: { add: [], drop: [] },
  };
  const ours = { [LABEL_TASK]: 'default/t0', [LABEL_UID]: 'someone-elses' };
  return [
    { ...base, name: 'database', labels: {} },
    { ...base, name: 'other-cluster', labels: { ...ours, [LABEL_CLUSTER]: 'c2', [LABEL_WORKER]: worker } },
    {
      ...base,
      name: 'other-worker',
      labels: { ...ours, [LABEL_CLUSTER]: CLUSTER, [LABEL_WORKER]: 'elsewhere' },
    },
  ];
}
