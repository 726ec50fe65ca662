/**
 * Steps a second through graphs of steps that do nothing: on the fake engine, where all that is measured is Gantry in
 * one process with a durable store; and on Docker, beside bare dockerode doing create, start, wait and remove of the
 * same containers, as many at once as the engine does best.
 */
import Docker from 'dockerode';
import { newHttpClient } from '../../client/http.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import type { Client } from '../../machinery/client.ts';
import { jobs, runs } from '../../schemas/kinds.ts';
import type { Job, Run } from '../../schemas/types.gen.ts';
import { command, GantryProcess } from '../../test/walk/process.ts';
import type { Row } from './main.ts';
import { startOne } from './onechild.ts';
import { NOOP_IMAGE } from './oneprocess.ts';
import { median } from './walk.ts';

const IMAGE = 'gantry/worktypes:1';
const COMMAND = ['/worktypes/noop'];
/** Steps side by side, layer by layer; each depends on all of the layer before. */
const LAYERS = [1, 4, 4, 1];
const STEPS = LAYERS.reduce((sum, width) => sum + width, 0);
const ROUNDS = 3;
const FAKE_RUNS = 40;
const DOCKER_RUNS = 8;
const WARM_RUNS = 4;
const BARE_PARALLEL = 4;
const BARE_NETWORK = `gantry-bench-steps-${process.pid}`;
const BARE_SUBNET = '10.199.4.0/22';
const BOUND_MS = 180_000;

export async function benchSteps(): Promise<readonly Row[]> {
  return [...(await measureFake()), ...(await measureDocker())];
}

async function measureFake(): Promise<Row[]> {
  await using one = await startOne('whole');
  const { host, port, ca, cert, key } = one.endpoint;
  const client = newHttpClient({
    server: `https://${host}:${port}`,
    certificateAuthority: ca,
    certificate: cert,
    key,
  });
  await using graphs = await Graphs.open(client, { image: NOOP_IMAGE });
  await graphs.perSecond(WARM_RUNS);
  const aloneMs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) aloneMs.push((STEPS / (await graphs.perSecond(1))) * 1000);
  const found: number[] = [];
  for (let round = 0; round < ROUNDS; round++) found.push(await graphs.perSecond(FAKE_RUNS));
  return [
    {
      name: `one Run of ${STEPS} steps in ${LAYERS.length} layers, fake engine`,
      value: median(aloneMs),
      unit: 'ms',
    },
    {
      name: `${FAKE_RUNS} Runs of ${STEPS} steps at once, fake engine`,
      value: median(found),
      unit: 'steps/s',
      wanted: 'at least 150',
    },
  ];
}

async function measureDocker(): Promise<Row[]> {
  const built = await command('hack/worktypes-image.sh', []);
  if (built.code !== 0) throw new Error(built.stderr);
  const docker = new Docker();
  const network = await docker.createNetwork({
    Name: BARE_NETWORK,
    IPAM: { Config: [{ Subnet: BARE_SUBNET }] },
  });
  try {
    const gantry = await GantryProcess.open({ env: { GANTRY_LOG_LEVEL: 'warn' } });
    try {
      const kubeconfig = { path: gantry.kubeconfig, defaults: [], directory: gantry.home };
      const client = newHttpClient(await loadKubeconfig(kubeconfig));
      await using graphs = await Graphs.open(client, { image: IMAGE, command: COMMAND });
      await graphs.perSecond(1);
      const found: number[] = [];
      const bare: number[] = [];
      // In turns, so that whatever else the machine does meets both.
      for (let round = 0; round < ROUNDS; round++) {
        bare.push(await barePerSecond(docker, DOCKER_RUNS * STEPS));
        found.push(await graphs.perSecond(DOCKER_RUNS));
      }
      return [
        {
          name: `${DOCKER_RUNS} Runs of ${STEPS} steps at once, Docker`,
          value: median(found),
          unit: 'steps/s',
          baseline: median(bare),
          wanted: `at least 0.75 of bare create, start, wait, remove, ${BARE_PARALLEL} at once`,
        },
      ];
    } finally {
      await gantry.dispose();
    }
  } finally {
    await network.remove();
  }
}

async function barePerSecond(docker: Docker, count: number): Promise<number> {
  const begin = performance.now();
  let left = count;
  const one = async (): Promise<void> => {
    while (left-- > 0) {
      const container = await docker.createContainer({
        Image: IMAGE,
        Cmd: COMMAND,
        Labels: { 'gantry-bench': 'bare' },
        HostConfig: { NetworkMode: BARE_NETWORK },
      });
      await container.start();
      await container.wait();
      await container.remove();
    }
  };
  await Promise.all(Array.from({ length: BARE_PARALLEL }, one));
  return count / ((performance.now() - begin) / 1000);
}

function jobOf(spec: { readonly image: string; readonly command?: readonly string[] }): Job {
  const { image, command: words } = spec;
  const steps = LAYERS.flatMap((width, layer) =>
    Array.from({ length: width }, (_, at) => ({
      name: `s${layer}-${at}`,
      ...(layer === 0
        ? {}
        : {
            dependsOn: Array.from(
              { length: LAYERS[layer - 1] ?? 0 },
              (_none, above) => `s${layer - 1}-${above}`,
            ),
          }),
      template: { spec: { image, ...(words === undefined ? {} : { command: [...words] }) } },
    })),
  );
  return {
    apiVersion: 'gantry.dev/v1',
    kind: 'Job',
    metadata: { name: 'graph', namespace: 'default' },
    // What removing old Runs costs is not what is asked here.
    spec: { tasks: steps, successfulRunsHistoryLimit: 1000 },
  };
}

/** Runs of one Job, followed by one watch. */
class Graphs implements AsyncDisposable {
  readonly #client: Client;
  readonly #abort = new AbortController();
  readonly #waiting = new Map<string, PromiseWithResolvers<void>>();
  #following: Promise<void> = Promise.resolve();
  #next = 0;

  private constructor(client: Client) {
    this.#client = client;
  }

  static async open(client: Client, spec: Parameters<typeof jobOf>[0]): Promise<Graphs> {
    const graphs = new Graphs(client);
    await client.create(jobs, jobOf(spec));
    graphs.#following = graphs.#follow().catch((error: unknown) => graphs.#fail(error));
    return graphs;
  }

  /** Starts that many Runs at once, and waits until all have completed. */
  async perSecond(count: number): Promise<number> {
    const names = Array.from({ length: count }, () => `graph-${this.#next++}`);
    const ended = names.map((name) => {
      const one = Promise.withResolvers<void>();
      this.#waiting.set(name, one);
      return one.promise;
    });
    const bound = setTimeout(
      () => this.#fail(new Error(`${this.#waiting.size} Runs were still under way after ${BOUND_MS} ms`)),
      BOUND_MS,
    );
    const begin = performance.now();
    try {
      await Promise.all([...ended, ...names.map((name) => this.#client.create(runs, runOf(name)))]);
    } finally {
      clearTimeout(bound);
    }
    return (count * STEPS) / ((performance.now() - begin) / 1000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#following;
  }

  async #follow(): Promise<void> {
    const { signal } = this.#abort;
    for await (const event of this.#client.watch(runs, { namespace: 'default', signal })) {
      if (event.type !== 'ADDED' && event.type !== 'MODIFIED') continue;
      const { metadata, status } = event.object;
      const waiting = this.#waiting.get(metadata.name);
      if (waiting === undefined || status?.finishedAt === undefined) continue;
      this.#waiting.delete(metadata.name);
      if (status.state === 'completed') waiting.resolve();
      else waiting.reject(new Error(`Run ${metadata.name} is ${status.state}: ${status.message}`));
    }
  }

  #fail(error: unknown): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

function runOf(name: string): Run {
  return {
    apiVersion: 'gantry.dev/v1',
    kind: 'Run',
    metadata: { name, namespace: 'default' },
    spec: { jobRef: { name: 'graph' } },
  };
}
