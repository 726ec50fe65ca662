/** Drift repair: random acts of a hand on the engine, and how long until what was declared is so again. */
import Docker from 'dockerode';
import { newHttpClient } from '../../client/http.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { seededRandom } from '../../machinery/random.ts';
import { tasks } from '../../schemas/kinds.ts';
import type { Task } from '../../schemas/types.gen.ts';
import { GantryProcess } from '../../test/walk/process.ts';
import type { Row } from './main.ts';
import { isReady, isRunningAnew, Sightings } from './sightings.ts';

const TASKS = 20;
const ACTS = 100;
const MEMORY_BYTES = 64 * 1024 * 1024;
const LOOK_MS = 5;
const BOUND_MS = 60_000;

type Kind = 'kill' | 'stop' | 'remove' | 'pause' | 'rename' | 'limits';
const KINDS: readonly Kind[] = ['kill', 'stop', 'remove', 'pause', 'rename', 'limits'];

function manifest(name: string): Task {
  return {
    apiVersion: 'gantry.dev/v1',
    kind: 'Task',
    metadata: { name, namespace: 'default' },
    spec: {
      image: 'gantry/hello:1',
      terminationGracePeriodSeconds: 0,
      // A second kill of the same container within the backoff would measure the backoff.
      backoff: { initialSeconds: 1, maxSeconds: 1, resetSeconds: 1 },
      resources: { limits: { memory: String(MEMORY_BYTES) } },
    },
  };
}

export async function benchSabotage(): Promise<readonly Row[]> {
  const seed = Date.now() % 100_000;
  const random = seededRandom(seed);
  const docker = new Docker();
  const gantry = await GantryProcess.open({ env: { GANTRY_LOG_LEVEL: 'warn' } });
  const abort = new AbortController();
  try {
    const client = newHttpClient(
      await loadKubeconfig({ path: gantry.kubeconfig, defaults: [], directory: gantry.home }),
    );
    const sightings = new Sightings();
    const following = sightings.follow(client, abort.signal);
    await Promise.all(
      Array.from({ length: TASKS }, async (_, at) => {
        const ready = sightings.next(`t-${at}`, isReady);
        await client.create(tasks, manifest(`t-${at}`));
        await ready;
      }),
    );
    const repaired = new Map<Kind, number[]>(KINDS.map((kind) => [kind, []]));
    for (let act = 0; act < ACTS; act++) {
      const name = `t-${Math.floor(random.next() * TASKS)}`;
      const kind = KINDS[Math.floor(random.next() * KINDS.length)] ?? 'kill';
      const { status } = await client.get(tasks, { namespace: 'default', name });
      const container = docker.getContainer(status?.container?.id ?? '');
      const found = await container.inspect();
      const ranMs = Date.now() - Date.parse(found.State.StartedAt);
      // Restarts of a container that ran shorter than resetSeconds wait, as they should.
      if (ranMs < 1_500) await new Promise((resolve) => setTimeout(resolve, 1_500 - ranMs));
      repaired.get(kind)?.push(await repairMs(kind, name, container, found.Name, sightings));
    }
    abort.abort();
    await following;
    const all = [...repaired.values()].flat();
    console.log(`  seed ${seed}, ${ACTS} acts on ${TASKS} Tasks`);
    return [
      { name: 'act by hand -> as declared again, p50', value: quantile(all, 0.5), unit: 'ms' },
      { name: 'act by hand -> as declared again, p99', value: quantile(all, 0.99), unit: 'ms' },
      ...[...repaired].flatMap(([kind, times]) =>
        times.length === 0
          ? []
          : [{ name: `${kind}, median of ${times.length}`, value: quantile(times, 0.5), unit: 'ms' }],
      ),
    ];
  } finally {
    abort.abort();
    await gantry.dispose();
  }
}

/** From the moment the engine was asked. */
async function repairMs(
  kind: Kind,
  name: string,
  container: Docker.Container,
  containerName: string,
  sightings: Sightings,
): Promise<number> {
  const begin = performance.now();
  switch (kind) {
    case 'kill':
    case 'stop':
    case 'remove': {
      const again = sightings.next(name, isRunningAnew(container.id));
      const act =
        kind === 'kill'
          ? container.kill()
          : kind === 'stop'
            ? container.stop({ t: 0 })
            : container.remove({ force: true });
      const seen = await again;
      await act;
      return seen - begin;
    }
    case 'pause':
      await container.pause();
      await until(async () => !(await container.inspect()).State.Paused);
      break;
    case 'rename':
      await container.rename({ name: `sabotaged-${Math.floor(begin)}` });
      await until(async () => (await container.inspect()).Name === containerName);
      break;
    case 'limits':
      await container.update({ Memory: 2 * MEMORY_BYTES, MemorySwap: 2 * MEMORY_BYTES });
      await until(async () => (await container.inspect()).HostConfig.Memory === MEMORY_BYTES);
      break;
  }
  return performance.now() - begin;
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + BOUND_MS;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`not put right within ${BOUND_MS / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
