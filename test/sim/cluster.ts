/** The cluster under test: a registry, a control plane, and workers with an engine each; every process can die. */
import { startAgent } from '../../agent/agent.ts';
import { ControlPlane } from '../../controllers/list.ts';
import type { Client } from '../../machinery/client.ts';
import { messageOf } from '../../machinery/errors.ts';
import { LABEL_CLUSTER, LABEL_TASK, LABEL_UID, LABEL_WORKER } from '../../machinery/labels.ts';
import { silentLog } from '../../machinery/log.ts';
import { newMetrics } from '../../machinery/metrics.ts';
import { type Random, seededRandom } from '../../machinery/random.ts';
import type { ContainerSpec, Runtime } from '../../machinery/runtime.ts';
import { FakeRuntime } from '../../runtime/fake/fake.ts';
import type { FakeProgram } from '../../runtime/fake/program.ts';
import type { World } from '../world.ts';
import type { Chaos } from './chaos.ts';
import { Life, mortalClient, mortalRuntime } from './mortal.ts';

export const CLUSTER = 'c1';
export const CONTROL_PLANE = 'control plane';

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
  readonly plant?: Plant;
}

export class Cluster {
  readonly engines = new Map<string, FakeRuntime>();
  /** Containers about to be started for a process that is dead: an engine has no way to refuse that. */
  readonly lateStarts = new Set<string>();
  readonly #options: ClusterOptions;
  readonly #processes = new Map<string, Process>();
  #starts = 0;

  constructor(options: ClusterOptions) {
    this.#options = options;
    const { world, chaos } = options;
    options.workers.forEach((worker, index) => {
      const engine = new FakeRuntime({
        clock: world.clock,
        random: seededRandom(1_000 + index),
        images: PROGRAMS,
        info: { cpus: 4, memoryBytes: 8 * 2 ** 30, hostname: worker },
        hooks: { deliverEvent: () => !chaos.happens(chaos.odds.loseEvent) },
      });
      for (const spec of foreignContainers(worker)) engine.engine.start(engine.engine.create(spec).id);
      this.engines.set(worker, engine);
    });
  }

  get processes(): readonly string[] {
    return [CONTROL_PLANE, ...this.#options.workers];
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
      name === CONTROL_PLANE ? this.#startControlPlane(life, die) : this.#startAgent(name, life, die),
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

  #startControlPlane(life: Life, die: () => void): Process {
    const { world, chaos, plant } = this.#options;
    const stop = new AbortController();
    const hooks = chaos.hooksOf(CONTROL_PLANE, life, die);
    const controlPlane = new ControlPlane({
      clientOf: (controller) => {
        const client = mortalClient(world.controllerClient(controller), life, hooks);
        return plant?.client?.(client, CONTROL_PLANE, client) ?? client;
      },
      ...this.#toolsFor(life),
    });
    this.#watch(CONTROL_PLANE, controlPlane.run(stop.signal));
    return { life, stop: () => stop.abort() };
  }

  #startAgent(worker: string, life: Life, die: () => void): Process {
    const { world, chaos, plant } = this.#options;
    const engine = this.engines.get(worker);
    if (engine === undefined) throw new Error(`no engine for worker ${worker}`);
    const hooks = chaos.hooksOf(worker, life, die);
    const runtime = mortalRuntime(engine, life, { ...hooks, lateStart: (id) => this.lateStarts.add(id) });
    const client = mortalClient(world.workerClient(worker), life, hooks);
    const starting = startAgent({
      client: plant?.client?.(client, worker, mortalClient(world.admin, life, hooks)) ?? client,
      runtime: plant?.runtime?.(runtime) ?? runtime,
      ...this.#toolsFor(life),
      workerName: worker,
      clusterId: CLUSTER,
      agentVersion: '0.0.0',
      startsAtOnce: 4,
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

  #toolsFor(life: Life) {
    return {
      clock: life.clock(this.#options.world.clock),
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
