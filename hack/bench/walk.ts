/** From accepted to seen Running, and from killed to running again, beside bare dockerode doing the same. */
import Docker from 'dockerode';
import { newHttpClient } from '../../client/http.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { configMaps, secrets, tasks } from '../../schemas/kinds.ts';
import type { Task } from '../../schemas/types.gen.ts';
import { freePort, GantryProcess } from '../../test/walk/process.ts';
import type { Row } from './main.ts';
import { isReady, isRunningAnew, Sightings } from './sightings.ts';

const IMAGE = 'gantry/hello:1';
const ROUNDS = 15;
const BURST = 50;
/** What the engine does best on two cores: 2 to 4 at once. */
const BARE_PARALLEL = 4;
const BARE_NETWORK = `gantry-bench-${process.pid}`;
const BARE_SUBNET = '10.199.0.0/22';

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** On a network of the kind that Tasks are on: its name server makes each start dearer than on the engine's own bridge. */
async function bareStart(docker: Docker, name: string, hostPort?: string): Promise<Docker.Container> {
  const NetworkMode = BARE_NETWORK;
  const ports = { '8080/tcp': [{ HostIp: '127.0.0.1', HostPort: hostPort ?? '' }] };
  const container = await docker.createContainer({
    name,
    Image: IMAGE,
    Labels: { 'gantry-bench': 'bare' },
    ...(hostPort === undefined
      ? { HostConfig: { NetworkMode } }
      : { ExposedPorts: { '8080/tcp': {} }, HostConfig: { NetworkMode, PortBindings: ports } }),
  });
  await container.start();
  return container;
}

/** What the engine itself needs from the kill of a container until its successor runs, milliseconds. */
async function bareAgain(docker: Docker, made: Docker.Container[], hostPort?: string): Promise<number> {
  const name = `gantry-bench-${process.pid}-again-${made.length}`;
  const container = await bareStart(docker, name, hostPort);
  made.push(container);
  const begin = performance.now();
  await container.kill();
  made.push(await bareStart(docker, `${name}-next`, hostPort));
  return performance.now() - begin;
}

/** With what a service has: configuration, a secret, a directory of its own, and a probe. */
function fullManifest(name: string): Task {
  const { spec, ...rest } = manifest(name);
  return {
    ...rest,
    spec: {
      ...spec,
      envFrom: [{ configMapRef: { name: 'bench-settings' } }],
      volumes: [
        { name: 'settings', configMap: { name: 'bench-settings' } },
        { name: 'key', secret: { secretName: 'bench-key' } },
        { name: 'own', emptyDir: {} },
      ],
      volumeMounts: [
        { name: 'settings', mountPath: '/settings' },
        { name: 'key', mountPath: '/key' },
        { name: 'own', mountPath: '/own' },
      ],
      readinessProbe: { httpGet: { port: 8080 }, periodSeconds: 1 },
    },
  };
}

function manifest(name: string, isPublished = false): Task {
  return {
    apiVersion: 'gantry.dev/v1',
    kind: 'Task',
    metadata: { name, namespace: 'default' },
    spec: {
      image: IMAGE,
      ...(isPublished ? { ports: [{ containerPort: 8080 }] } : {}),
      terminationGracePeriodSeconds: 0,
    },
  };
}

export async function benchWalk(): Promise<readonly Row[]> {
  const docker = new Docker();
  const gantry = await GantryProcess.open({ env: { GANTRY_LOG_LEVEL: 'warn' } });
  const abort = new AbortController();
  const bare: Docker.Container[] = [];
  const network = await docker.createNetwork({
    Name: BARE_NETWORK,
    IPAM: { Config: [{ Subnet: BARE_SUBNET }] },
  });
  try {
    const client = newHttpClient(
      await loadKubeconfig({ path: gantry.kubeconfig, defaults: [], directory: gantry.home }),
    );
    const sightings = new Sightings();
    const following = sightings.follow(client, abort.signal);

    const bareMs: number[] = [];
    const taskMs: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const begin = performance.now();
      bare.push(await bareStart(docker, `gantry-bench-${process.pid}-${round}`));
      bareMs.push(performance.now() - begin);
      const seen = sightings.next(`one-${round}`, isRunningAnew());
      await client.create(tasks, manifest(`one-${round}`));
      const accepted = performance.now();
      taskMs.push((await seen) - accepted);
    }

    const killed = async (name: string): Promise<number> => {
      const old = (await client.get(tasks, { namespace: 'default', name })).status?.container?.id ?? '';
      const seen = sightings.next(name, isRunningAnew(old));
      const killing = docker.getContainer(old).kill();
      const begin = performance.now();
      const againMs = (await seen) - begin;
      await killing;
      return againMs;
    };
    const againMs: number[] = [];
    const bareAgainMs: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      againMs.push(await killed(`one-${round}`));
      bareAgainMs.push(await bareAgain(docker, bare));
    }
    const barePublishedMs: number[] = [];
    const publishedMs: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      barePublishedMs.push(await bareAgain(docker, bare, String(await freePort())));
      const seen = sightings.next(`published-${round}`, isRunningAnew());
      await client.create(tasks, manifest(`published-${round}`, true));
      await seen;
      publishedMs.push(await killed(`published-${round}`));
    }

    const bareBegin = performance.now();
    let next = 0;
    const bareBurst = async (): Promise<void> => {
      for (let at = next++; at < BURST; at = next++) {
        bare.push(await bareStart(docker, `gantry-bench-${process.pid}-burst-${at}`));
      }
    };
    await Promise.all(Array.from({ length: BARE_PARALLEL }, bareBurst));
    const barePerSecond = BURST / ((performance.now() - bareBegin) / 1000);
    await Promise.all(bare.splice(0).map((container) => container.remove({ force: true })));

    const taskBegin = performance.now();
    await Promise.all(
      Array.from({ length: BURST }, async (_, at) => {
        const seen = sightings.next(`burst-${at}`, isRunningAnew());
        await client.create(tasks, manifest(`burst-${at}`));
        await seen;
      }),
    );
    const tasksPerSecond = BURST / ((performance.now() - taskBegin) / 1000);

    await Promise.all([
      client.create(configMaps, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'bench-settings', namespace: 'default' },
        data: { LEVEL: 'info', COLOUR: 'blue' },
      }),
      client.create(secrets, {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'bench-key', namespace: 'default' },
        data: { word: Buffer.from('sesame').toString('base64') },
      }),
    ]);
    // Beside them again: with many containers on the engine a start takes longer than with few.
    const fullMs: number[] = [];
    const bareFullMs: number[] = [];
    const bareFullAgainMs: number[] = [];
    const fullReadyMs: number[] = [];
    const fullAgainMs: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const begin = performance.now();
      bare.push(await bareStart(docker, `gantry-bench-${process.pid}-full-${round}`));
      bareFullMs.push(performance.now() - begin);
      const seen = sightings.next(`full-${round}`, isRunningAnew());
      const ready = sightings.next(`full-${round}`, isReady);
      await client.create(tasks, fullManifest(`full-${round}`));
      const accepted = performance.now();
      fullMs.push((await seen) - accepted);
      fullReadyMs.push((await ready) - accepted);
    }
    for (let round = 0; round < ROUNDS; round++) {
      fullAgainMs.push(await killed(`full-${round}`));
      bareFullAgainMs.push(await bareAgain(docker, bare));
    }
    const fullBegin = performance.now();
    await Promise.all(
      Array.from({ length: BURST }, async (_, at) => {
        const seen = sightings.next(`full-burst-${at}`, isRunningAnew());
        await client.create(tasks, fullManifest(`full-burst-${at}`));
        await seen;
      }),
    );
    const fullPerSecond = BURST / ((performance.now() - fullBegin) / 1000);

    abort.abort();
    await following;
    return [
      {
        name: 'one Task: accepted -> seen Running, median',
        value: median(taskMs),
        unit: 'ms',
        baseline: median(bareMs),
        wanted: 'at most 60 ms over bare create+start',
      },
      {
        name: 'docker kill -> seen running again, median',
        value: median(againMs),
        unit: 'ms',
        baseline: median(bareMs),
        wanted: 'at most 100 ms over bare create+start',
      },
      {
        name: 'the same, beside bare kill, create+start',
        value: median(againMs),
        unit: 'ms',
        baseline: median(bareAgainMs),
      },
      {
        name: 'the same with a published port, beside bare',
        value: median(publishedMs),
        unit: 'ms',
        baseline: median(barePublishedMs),
      },
      {
        name: `${BURST} Tasks at once`,
        value: tasksPerSecond,
        unit: 'containers/s',
        baseline: barePerSecond,
        wanted: `at least 0.75 of bare dockerode, ${BARE_PARALLEL} at once`,
      },
      {
        name: 'probe, three volumes, Secret: accepted -> seen Running',
        value: median(fullMs),
        unit: 'ms',
        baseline: median(bareFullMs),
        wanted: 'at most 60 ms over bare create+start',
      },
      {
        name: 'probe, three volumes, Secret: accepted -> seen Ready',
        value: median(fullReadyMs),
        unit: 'ms',
        baseline: median(bareFullMs),
      },
      {
        name: 'probe, three volumes, Secret: kill -> seen running again',
        value: median(fullAgainMs),
        unit: 'ms',
        baseline: median(bareFullMs),
        wanted: 'at most 100 ms over bare create+start',
      },
      {
        name: 'the same, beside bare kill, create+start',
        value: median(fullAgainMs),
        unit: 'ms',
        baseline: median(bareFullAgainMs),
      },
      {
        name: `${BURST} of them at once`,
        value: fullPerSecond,
        unit: 'containers/s',
        baseline: barePerSecond,
        wanted: `at least 0.75 of bare dockerode, ${BARE_PARALLEL} at once`,
      },
    ];
  } finally {
    abort.abort();
    await Promise.all(bare.map((container) => container.remove({ force: true })));
    await network.remove();
    await gantry.dispose();
  }
}
