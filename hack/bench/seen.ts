/**
 * What being looked at costs: scrapes of thousands of objects, the answer to "why", a history, and the figures of hundreds
 * of real containers. Beside each, in the same run: the same series kept in prom-client, a plain get of the same object,
 * and the engine's own statistics of the same containers.
 */
import { Agent, request } from 'node:https';
import { Gauge } from 'prom-client';
import { systemClock } from '../../machinery/clock.ts';
import { newMetrics } from '../../machinery/metrics.ts';
import { DockerRuntime } from '../../runtime/docker/docker.ts';
import { docker, endpoint as engine, IMAGE, prepareEngine } from '../../test/runtime/sample-engine.ts';
import type { Row } from './main.ts';
import { startOne } from './onechild.ts';
import { median } from './walk.ts';
import { type Endpoint, load } from './wire.ts';

const OBJECTS = 5_000;
const ROUNDS = 5;
const VERSIONS = 20;
const CONTAINERS = 300;
const READINGS = 20;
const SCRAPE_SECONDS = 15;
const LABEL = 'gantry.dev/bench';
const TASKS = '/apis/gantry.dev/v1/namespaces/default/tasks';
const { signal } = new AbortController();

export async function benchSeen(): Promise<readonly Row[]> {
  return [...(await measureRequests()), ...(await measureContainers())];
}

async function measureRequests(): Promise<Row[]> {
  await using one = await startOne('quiet');
  const { endpoint } = one;
  await load(endpoint, { connections: 16, forMs: 120_000, atMost: OBJECTS }, (number) => ({
    method: 'POST',
    path: TASKS,
    body: JSON.stringify(taskOf(`t${number}`)),
  }));
  const asked = `${TASKS}/t0`;
  for (let version = 0; version < VERSIONS; version++) {
    const body = JSON.stringify({ spec: { env: [{ name: 'VERSION', value: String(version) }] } });
    await load(endpoint, { connections: 1, forMs: 10_000, atMost: 1 }, () => ({
      method: 'PATCH',
      path: asked,
      contentType: 'application/merge-patch+json',
      body,
    }));
  }
  using client = newClient(endpoint);
  const first = await client.timed('/metrics/state');
  const again: number[] = [];
  for (let round = 0; round < ROUNDS; round++) again.push((await client.timed('/metrics/state')).ms);
  const kept = await timeOfKept(first.text);
  const own: number[] = [];
  for (let round = 0; round < ROUNDS; round++) own.push((await client.timed('/metrics')).ms);
  const of = async (path: string): Promise<number> => {
    const found: number[] = [];
    for (let round = 0; round < 60; round++) found.push((await client.timed(path)).ms);
    return median(found.slice(10));
  };
  const get = await of(asked);
  return [
    {
      name: `state of ${OBJECTS} Tasks (${(first.text.length / 1e6).toFixed(1)} MB), first scrape`,
      value: first.ms,
      unit: 'ms',
    },
    {
      name: 'the same, nothing has changed (baseline: prom-client)',
      value: median(again),
      unit: 'ms',
      baseline: kept,
    },
    { name: "the process's own metrics", value: median(own), unit: 'ms' },
    {
      name: `history of ${VERSIONS} changes (baseline: get)`,
      value: await of(`${asked}/history`),
      unit: 'ms',
      baseline: get,
    },
    {
      name: 'why, of the same Task (baseline: get)',
      value: await of(`${asked}/why`),
      unit: 'ms',
      baseline: get,
    },
  ];
}

/** Writing the same series out of a registry of prom-client, which is how most programs would tell them. */
async function timeOfKept(text: string): Promise<number> {
  const metrics = newMetrics();
  const gauges = new Map<string, Gauge>();
  for (const line of text.split('\n')) {
    const [, name = '', labels = '', value = ''] = /^([a-z_]+)\{(.*)\} (\S+)$/.exec(line) ?? [];
    if (name === '') continue;
    const pairs = Object.fromEntries(
      [...labels.matchAll(/([a-z_]+)="((?:[^"\\]|\\.)*)"/g)].map((match) => [match[1] ?? '', match[2] ?? '']),
    );
    let gauge = gauges.get(name);
    if (gauge === undefined) {
      gauge = new Gauge({ name, help: name, labelNames: Object.keys(pairs), registers: [metrics] });
      gauges.set(name, gauge);
    }
    gauge.set(pairs, Number(value));
  }
  const found: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const begin = performance.now();
    await metrics.metrics();
    found.push(performance.now() - begin);
  }
  return median(found);
}

/** Processor time of this process alone: what the engine does for its statistics is on top of the baseline. */
async function measureContainers(): Promise<Row[]> {
  await prepareEngine();
  const ids: string[] = [];
  try {
    await Promise.all(
      Array.from({ length: 4 }, async (_, lane) => {
        for (let number = lane; number < CONTAINERS; number += 4) ids.push(await startContainer());
      }),
    );
    const runtime = new DockerRuntime(engine, systemClock);
    await runtime.figures(ids, signal);
    const read = await cpuSecondsOf(READINGS, async () => {
      const { size } = await runtime.figures(ids, signal);
      if (size !== CONTAINERS) throw new Error(`figures of ${size} containers, wanted ${CONTAINERS}`);
    });
    const asked = await cpuSecondsOf(1, async () => {
      for (const id of ids) await runtime.stats(id, signal);
    });
    return [
      {
        name: `figures of ${CONTAINERS} containers each ${SCRAPE_SECONDS} s (baseline: Docker's stats)`,
        value: (100 * read) / SCRAPE_SECONDS,
        unit: '% of a core',
        baseline: (100 * asked) / SCRAPE_SECONDS,
        wanted: 'under 2',
      },
    ];
  } finally {
    const left = await docker.listContainers({ all: true, filters: { label: [`${LABEL}=${process.pid}`] } });
    for (const { Id } of left) await docker.getContainer(Id).remove({ force: true, v: true });
  }
}

async function startContainer(): Promise<string> {
  const container = await docker.createContainer({
    Image: IMAGE,
    Cmd: ['sleep', '3600'],
    Labels: { [LABEL]: String(process.pid) },
    HostConfig: { Init: false },
  });
  await container.start();
  return container.id;
}

async function cpuSecondsOf(times: number, work: () => Promise<void>): Promise<number> {
  const before = process.cpuUsage();
  for (let round = 0; round < times; round++) await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6 / times;
}

interface Client extends Disposable {
  timed(path: string): Promise<{ readonly ms: number; readonly text: string }>;
}

function newClient({ host, port, ca, cert, key }: Endpoint): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    timed(path) {
      const begin = performance.now();
      return new Promise((resolve, reject) => {
        const asking = request(
          { host, port, ca, cert, key, path, agent, servername: 'localhost' },
          (answer) => {
            const held: Buffer[] = [];
            answer.on('data', (chunk: Buffer) => held.push(chunk));
            answer.on('error', reject);
            answer.on('end', () => {
              const text = Buffer.concat(held).toString();
              if (answer.statusCode !== 200) reject(new Error(`${path}: ${answer.statusCode} ${text}`));
              else resolve({ ms: performance.now() - begin, text });
            });
          },
        );
        asking.on('error', reject).end();
      });
    },
    [Symbol.dispose]: () => agent.destroy(),
  };
}

function taskOf(name: string): object {
  return {
    apiVersion: 'gantry.dev/v1',
    kind: 'Task',
    metadata: { name, namespace: 'default' },
    spec: { image: IMAGE, resources: { requests: { cpu: '10m', memory: '16Mi' } } },
  };
}
