/**
 * A rolling update of twenty replicas, beside a Docker Swarm service that does the same on the same engine: the same
 * image, the same check of readiness, as many at a time, the new one before the old one. Both stand side by side, and
 * are updated in turns.
 *
 * An update is over when twenty replicas of the new version are ready and the last container of the old one has stopped.
 * The engine is made a swarm of one for this, on 127.0.0.1, and leaves it afterwards.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import Docker from 'dockerode';
import { newHttpClient } from '../../client/http.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import type { Client } from '../../machinery/client.ts';
import { isRecord } from '../../machinery/json.ts';
import { taskSets } from '../../schemas/kinds.ts';
import type { TaskSet } from '../../schemas/types.gen.ts';
import { GantryProcess } from '../../test/walk/process.ts';
import type { Row } from './main.ts';
import { median } from './walk.ts';

const IMAGE = 'gantry/hello:1';
const REPLICAS = 20;
/** A quarter, both products' own idea of a step. */
const AT_ONCE = 5;
const ROUNDS = 3;
const CHECK = ['wget', '-q', '-O', '/dev/null', 'http://127.0.0.1:8080/'];
const GRACE_SECONDS = 10;
const LOOK_MS = 50;
const BOUND_MS = 180_000;
const SERVICE = `gantry-bench-${process.pid}`;
const GATEWAY_NETWORK = 'docker_gwbridge';
const NANOSECONDS = 1_000_000_000;

/** An interrupted bench must not leave a swarm behind: what it waits for ends, and then all is undone. */
let isInterrupted = false;
let isUndoing = false;

export async function benchRollout(): Promise<readonly Row[]> {
  const docker = new Docker();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (isInterrupted = true));
  await using swarm = await SwarmService.open(docker);
  const gantry = await GantryProcess.open({ env: { GANTRY_LOG_LEVEL: 'warn' } });
  try {
    const kubeconfig = { path: gantry.kubeconfig, defaults: [], directory: gantry.home };
    const set = new Replicas(newHttpClient(await loadKubeconfig(kubeconfig)));
    await set.create();
    const swarmMs: number[] = [];
    const gantryMs: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      swarmMs.push(await swarm.update());
      gantryMs.push(await set.update());
    }
    return [
      {
        name: `rolling update of ${REPLICAS} replicas, ${AT_ONCE} at a time, new before old`,
        value: median(gantryMs) / 1000,
        unit: 's',
        baseline: median(swarmMs) / 1000,
        wanted: 'at most half of docker service update',
      },
      {
        name: 'the fewest that were available meanwhile',
        value: set.fewestAvailable,
        unit: 'replicas',
        wanted: `${REPLICAS}`,
      },
    ];
  } finally {
    await gantry.dispose();
  }
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + BOUND_MS;
  while (!(await isSo())) {
    if (isInterrupted && !isUndoing) throw new Error(`interrupted while waiting for: ${what}`);
    if (performance.now() > end) throw new Error(`not within ${BOUND_MS / 1000} s: ${what}`);
    await sleep(LOOK_MS);
  }
}

/** Performs it, and says how long it took until all was over, milliseconds. */
async function timed(
  act: () => Promise<unknown>,
  what: string,
  isOver: () => Promise<boolean>,
): Promise<number> {
  const begin = performance.now();
  await act();
  await until(what, isOver);
  return performance.now() - begin;
}

class SwarmService implements AsyncDisposable {
  readonly #docker: Docker;
  #version = 1;

  private constructor(docker: Docker) {
    this.#docker = docker;
  }

  static async open(docker: Docker): Promise<SwarmService> {
    const info: unknown = await docker.info();
    const state = isRecord(info) && isRecord(info['Swarm']) ? info['Swarm']['LocalNodeState'] : undefined;
    if (state !== 'inactive') {
      throw new Error(`the engine is in a swarm already (${String(state)}); this bench makes one of its own`);
    }
    await docker.swarmInit({ ListenAddr: '127.0.0.1:2377', AdvertiseAddr: '127.0.0.1' });
    const service = new SwarmService(docker);
    try {
      await docker.createService(service.#spec());
      await until(`${REPLICAS} replicas of the service`, () => service.#isSettled());
      return service;
    } catch (error) {
      await service[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Milliseconds. */
  async update(): Promise<number> {
    const service = this.#docker.getService(SERVICE);
    const found: unknown = await service.inspect();
    const version = isRecord(found) && isRecord(found['Version']) ? Number(found['Version']['Index']) : 0;
    this.#version++;
    return timed(
      () => service.update({ ...this.#spec(), version }),
      `the service is of version ${this.#version}`,
      () => this.#isSettled(),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    isUndoing = true;
    await this.#docker.swarmLeave({ force: true });
    // What a swarm leaves behind: its containers end after it, and only then its network can go.
    const filters = { label: [`com.docker.swarm.service.name=${SERVICE}`] };
    const left = await this.#docker.listContainers({ all: true, filters });
    await Promise.allSettled(left.map(({ Id }) => this.#docker.getContainer(Id).remove({ force: true })));
    await until('its containers are gone', async () => {
      return (await this.#docker.listContainers({ all: true, filters })).length === 0;
    });
    await this.#docker.getNetwork(GATEWAY_NETWORK).remove();
  }

  /** As many of this version as wanted are running, which for Swarm means healthy, and no other has a process. */
  async #isSettled(): Promise<boolean> {
    const found: unknown = await this.#docker.listTasks({ filters: { service: [SERVICE] } });
    const tasks = Array.isArray(found) ? found.filter(isRecord) : [];
    let running = 0;
    for (const { Spec, Status } of tasks) {
      const isNew = JSON.stringify(Spec).includes(`"VERSION=${this.#version}"`);
      const state = isRecord(Status) ? Status['State'] : undefined;
      if (isNew && state === 'running') running++;
      if (!isNew && (state === 'running' || state === 'starting')) return false;
    }
    return running === REPLICAS;
  }

  #spec(): Docker.CreateServiceOptions {
    return {
      Name: SERVICE,
      TaskTemplate: {
        ContainerSpec: {
          Image: IMAGE,
          Env: [`VERSION=${this.#version}`],
          StopGracePeriod: GRACE_SECONDS * NANOSECONDS,
          HealthCheck: { Test: ['CMD', ...CHECK], Interval: NANOSECONDS, Timeout: NANOSECONDS, Retries: 3 },
        },
      },
      Mode: { Replicated: { Replicas: REPLICAS } },
      UpdateConfig: { Parallelism: AT_ONCE, Delay: 0, Order: 'start-first', FailureAction: 'pause' },
    };
  }
}

class Replicas {
  readonly #client: Client;
  #version = 1;
  fewestAvailable = REPLICAS;

  constructor(client: Client) {
    this.#client = client;
  }

  async create(): Promise<void> {
    await this.#client.create(taskSets, this.#manifest());
    await until(`${REPLICAS} tasks of the TaskSet`, () => this.#isSettled());
  }

  /** Milliseconds. */
  update(): Promise<number> {
    this.#version++;
    const body = { spec: this.#manifest().spec };
    return timed(
      () => this.#client.patch(taskSets, { namespace: 'default', name: 'replicas' }, { type: 'merge', body }),
      `the TaskSet is of version ${this.#version}`,
      async () => {
        const isSettled = await this.#isSettled();
        this.fewestAvailable = Math.min(this.fewestAvailable, this.#available);
        return isSettled;
      },
    );
  }

  #available = REPLICAS;

  async #isSettled(): Promise<boolean> {
    const { metadata, status = {} } = await this.#client.get(taskSets, {
      namespace: 'default',
      name: 'replicas',
    });
    this.#available = status.availableReplicas ?? 0;
    return (
      status.observedGeneration === metadata.generation &&
      status.updatedReplicas === REPLICAS &&
      status.availableReplicas === REPLICAS &&
      status.replicas === REPLICAS &&
      (status.leaving ?? []).length === 0
    );
  }

  #manifest(): TaskSet {
    return {
      apiVersion: 'gantry.dev/v1',
      kind: 'TaskSet',
      metadata: { name: 'replicas', namespace: 'default' },
      spec: {
        replicas: REPLICAS,
        selector: { matchLabels: { app: 'replicas' } },
        strategy: { type: 'RollingUpdate', maxSurge: AT_ONCE, maxUnavailable: 0 },
        template: {
          metadata: { labels: { app: 'replicas' } },
          spec: {
            image: IMAGE,
            env: [{ name: 'VERSION', value: String(this.#version) }],
            readinessProbe: { exec: { command: CHECK }, periodSeconds: 1, timeoutSeconds: 1 },
            terminationGracePeriodSeconds: GRACE_SECONDS,
          },
        },
      },
    };
  }
}
