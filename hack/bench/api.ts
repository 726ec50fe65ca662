/**
 * What the wire costs: requests a second of `gantry server` beside a bare Node server doing the least for the same
 * answers (`bareserver.ts`), with one client for both; fan-out of one change to a thousand watchers; memory of a
 * hundred thousand objects.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, freePort } from '../../test/walk/process.ts';
import { startBare } from './bareprocess.ts';
import type { Row } from './main.ts';
import { median } from './walk.ts';
import { Connection, type Endpoint, type Load, load, type Wanted } from './wire.ts';

const ROUNDS = 5;
const ROUND_MS = 1_500;
const WARM_MS = 2_000;
/** Names of objects: each round has its own. */
const NUMBERS = 1_000_000;
const CONNECTIONS = 32;
const LISTED = 10_000;
const WATCHERS = 1_000;
const CHANGES = 20;
const STORED = 100_000;
const PADDING = 'x'.repeat(1_400);

/** What requests are measured on: nothing but the API writes these, where a Task's controllers would answer it. */
const MAPS = '/api/v1/namespaces/default/configmaps';

const mapOf = (name: string, note = ''): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'default', annotations: { note } },
    data: { padding: PADDING },
  });

const taskOf = (name: string, note = ''): string =>
  JSON.stringify({
    apiVersion: 'gantry.dev/v1',
    kind: 'Task',
    metadata: { name, namespace: 'default', annotations: { padding: PADDING, note } },
    spec: { image: 'gantry/hello:1', desiredState: 'Stopped' },
  });

interface Server {
  readonly endpoint: Endpoint;
  readonly child: ChildProcess;
}

export async function benchApi(): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), 'gantry-bench-api-'));
  const children: ChildProcess[] = [];
  try {
    const gantry = await startGantry(folder);
    children.push(gantry.child);
    const bare = await startBare(folder, join(folder, 'gantry', 'pki'), gantry.endpoint);
    children.push(bare.child);
    return [
      ...(await measureRequests(gantry.endpoint, bare.endpoint)),
      ...(await measureLists(gantry.endpoint, bare.endpoint)),
      ...(await measureFanOut(gantry.endpoint, bare.endpoint)),
      ...(await measureObjects(folder)),
    ];
  } finally {
    for (const child of children) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
}

async function startGantry(folder: string, name = 'gantry'): Promise<Server> {
  const home = join(folder, name);
  mkdirSync(home, { mode: 0o700 });
  const port = await freePort();
  const words = [
    'server',
    '--home',
    home,
    '--api-port',
    '0',
    '--grpc-port',
    '0',
    '--secure-port',
    String(port),
    '--namespace-max-objects',
    '1000000',
  ];
  const child = spawn(join(import.meta.dirname, '..', 'gantry'), [...words, '--namespace-max-bytes', '4Gi'], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, GANTRY_LOG_LEVEL: 'error' },
  });
  const kubeconfig = await eventually('gantry has written its kubeconfig', () => {
    if (child.exitCode !== null) throw new Error(`gantry server ended with ${child.exitCode}`);
    try {
      return readFileSync(join(home, 'kubeconfig'), 'utf8');
    } catch {
      return undefined;
    }
  });
  const data = (field: string): string =>
    Buffer.from(new RegExp(`${field}: (\\S+)`).exec(kubeconfig)?.[1] ?? '', 'base64').toString();
  const endpoint: Endpoint = {
    host: '127.0.0.1',
    port,
    ca: data('certificate-authority-data'),
    cert: data('client-certificate-data'),
    key: data('client-key-data'),
  };
  await eventually('gantry is ready', async () => {
    const connection = await Connection.open(endpoint).catch(() => undefined);
    if (connection === undefined) return undefined;
    const length = await connection.ask({ method: 'GET', path: '/readyz' }).catch(() => undefined);
    connection.close();
    return length;
  });
  return { endpoint, child };
}

interface Measure {
  readonly name: string;
  readonly wanted?: string;
  gantry(number: number): Wanted;
  bare(number: number): Wanted;
}

const measures: readonly Measure[] = [
  {
    name: 'get',
    wanted: 'ratio at least 0.35',
    gantry: () => ({ method: 'GET', path: `${MAPS}/fixed` }),
    bare: () => ({ method: 'GET', path: '/fixed' }),
  },
  {
    name: 'create, durable',
    wanted: 'ratio at least 0.25',
    gantry: (number) => ({ method: 'POST', path: MAPS, body: mapOf(`made-${number}`) }),
    bare: (number) => ({ method: 'POST', path: `/made-${number}`, body: mapOf(`made-${number}`) }),
  },
  {
    name: 'merge patch',
    gantry: (number) => ({
      method: 'PATCH',
      path: `${MAPS}/patched-${number % CONNECTIONS}`,
      contentType: 'application/merge-patch+json',
      body: `{"metadata":{"annotations":{"note":"${number}"}}}`,
    }),
    bare: (number) => ({
      method: 'PATCH',
      path: `/patched-${number % CONNECTIONS}`,
      body: `{"metadata":{"note":"${number}"}}`,
    }),
  },
  {
    name: 'apply patch',
    gantry: (number) => ({
      method: 'PATCH',
      path: `${MAPS}/applied-${number % CONNECTIONS}?fieldManager=bench&force=true`,
      contentType: 'application/apply-patch+yaml',
      body: mapOf(`applied-${number % CONNECTIONS}`, String(number)),
    }),
    bare: (number) => ({
      method: 'PATCH',
      path: `/applied-${number % CONNECTIONS}`,
      body: mapOf(`applied-${number % CONNECTIONS}`, String(number)),
    }),
  },
];

async function measureRequests(gantry: Endpoint, bare: Endpoint): Promise<Row[]> {
  const names = ['fixed', ...Array.from({ length: CONNECTIONS }, (_, at) => `patched-${at}`)];
  const prepare = { connections: 1, forMs: Number.POSITIVE_INFINITY, atMost: names.length };
  const named = (number: number): string => names[number] ?? 'one-more';
  await load(gantry, prepare, (number) => ({ method: 'POST', path: MAPS, body: mapOf(named(number)) }));
  // The bare server answers with the very bytes that Gantry serves.
  const connection = await Connection.open(gantry);
  const served: string[] = [];
  for (const name of names) {
    served.push((await connection.ask({ method: 'GET', path: `${MAPS}/${name}` })).text());
  }
  connection.close();
  await load(bare, prepare, (number) => ({
    method: 'POST',
    path: `/${named(number)}`,
    body: served[number] ?? mapOf('one-more'),
  }));
  const rows: Row[] = [];
  for (const measure of measures) {
    const { found, baseline } = await inTurns(
      (offset, forMs) =>
        load(bare, { connections: CONNECTIONS, forMs }, (number) => measure.bare(offset + number)),
      (offset, forMs) =>
        load(gantry, { connections: CONNECTIONS, forMs }, (number) => measure.gantry(offset + number)),
    );
    rows.push(...rowsOf(measure.name, found, baseline, measure.wanted));
  }
  return rows;
}

type Round = (offset: number, forMs: number) => Promise<Load>;

/** The two take short turns, so that whatever else the machine does meets both; the medians of the rounds are told. */
async function inTurns(bare: Round, gantry: Round): Promise<{ found: Load; baseline: Load }> {
  let offset = 0;
  const baselines: Load[] = [];
  const found: Load[] = [];
  await bare((offset += NUMBERS), WARM_MS);
  await gantry((offset += NUMBERS), WARM_MS);
  for (let round = 0; round < ROUNDS; round++) {
    baselines.push(await bare((offset += NUMBERS), ROUND_MS));
    found.push(await gantry((offset += NUMBERS), ROUND_MS));
  }
  return { found: medianLoad(found), baseline: medianLoad(baselines) };
}

function medianLoad(loads: readonly Load[]): Load {
  const of = (read: (load: Load) => number): number => median(loads.map(read));
  return {
    perSecond: of(({ perSecond }) => perSecond),
    p50Ms: of(({ p50Ms }) => p50Ms),
    p99Ms: of(({ p99Ms }) => p99Ms),
    bytes: of(({ bytes }) => bytes),
  };
}

function rowsOf(name: string, found: Load, baseline: Load, wanted?: string): Row[] {
  return [
    {
      name,
      value: found.perSecond,
      unit: '/s',
      baseline: baseline.perSecond,
      ...(wanted === undefined ? {} : { wanted }),
    },
    { name: `${name}, p50`, value: found.p50Ms, unit: 'ms', baseline: baseline.p50Ms },
    { name: `${name}, p99`, value: found.p99Ms, unit: 'ms', baseline: baseline.p99Ms },
  ];
}

async function measureLists(gantry: Endpoint, bare: Endpoint): Promise<Row[]> {
  const fill = { connections: CONNECTIONS, forMs: Number.POSITIVE_INFINITY, atMost: LISTED };
  const listed = '/apis/gantry.dev/v1/namespaces/listed/tasks';
  await load(gantry, { ...fill, connections: 1, atMost: 1 }, () => ({
    method: 'POST',
    path: '/api/v1/namespaces',
    body: JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'listed' } }),
  }));
  await load(gantry, fill, (number) => ({
    method: 'POST',
    path: listed,
    body: taskOf(`listed-${number}`).replace('"namespace":"default"', '"namespace":"listed"'),
  }));
  await load(bare, fill, (number) => ({
    method: 'POST',
    path: `/listed-${number}`,
    body: taskOf(`listed-${number}`),
  }));
  const rows: Row[] = [];
  for (const [name, query] of [
    ['list of 10,000', ''],
    ['first page of 500 of 10,000', '?limit=500'],
  ] as const) {
    const options = (forMs: number): Parameters<typeof load>[1] => ({ connections: 4, forMs });
    const { found, baseline } = await inTurns(
      (_, forMs) => load(bare, options(forMs), () => ({ method: 'GET', path: '/list' })),
      (_, forMs) => load(gantry, options(forMs), () => ({ method: 'GET', path: listed + query })),
    );
    const megabytes = (of: Load): number => (of.perSecond * of.bytes) / 2 ** 20;
    rows.push(...rowsOf(name, found, baseline));
    rows.push({
      name: `${name}, bytes`,
      value: megabytes(found),
      unit: 'MiB/s',
      baseline: megabytes(baseline),
    });
  }
  return rows;
}

/** Time from the write's answer being asked for to the frame at the last watcher. */
async function measureFanOut(gantry: Endpoint, bare: Endpoint): Promise<Row[]> {
  const patch =
    (path: string) =>
    (number: number): Wanted => ({
      method: 'PATCH',
      path,
      contentType: 'application/merge-patch+json',
      body: `{"metadata":{"annotations":{"note":"fan-${number}"}}}`,
    });
  const baseline = await fanOut(bare, '/fixed?watch=true', patch('/fixed'));
  const found = await fanOut(
    gantry,
    `${MAPS}?watch=true&fieldSelector=metadata.name%3Dfixed`,
    patch(`${MAPS}/fixed`),
  );
  return [
    {
      name: `one change to the last of ${WATCHERS} watchers, median`,
      value: found,
      unit: 'ms',
      baseline,
      wanted: 'under 100 ms',
    },
  ];
}

async function fanOut(endpoint: Endpoint, path: string, change: (number: number) => Wanted): Promise<number> {
  let waiting = 0;
  let marker = '';
  let allHeard: () => void = () => undefined;
  const requests = await Promise.all(
    Array.from(
      { length: WATCHERS },
      () =>
        new Promise<() => void>((resolve, reject) => {
          const request = httpsRequest(
            { ...endpoint, path, servername: 'localhost', agent: false },
            (response) => {
              response.on('data', (chunk: Buffer) => {
                if (marker !== '' && chunk.includes(marker) && --waiting === 0) allHeard();
              });
              resolve(() => request.destroy());
            },
          );
          request.on('error', reject);
          request.end();
        }),
    ),
  );
  const connection = await Connection.open(endpoint);
  const times: number[] = [];
  for (let number = 0; number < CHANGES; number++) {
    waiting = WATCHERS;
    marker = `"fan-${number}"`;
    const heard = new Promise<void>((resolve) => {
      allHeard = resolve;
    });
    const startMs = performance.now();
    await Promise.all([connection.ask(change(number)), heard]);
    times.push(performance.now() - startMs);
  }
  connection.close();
  for (const stop of requests) stop();
  return median(times);
}

function residentBytes({ child }: Server): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

async function measureObjects(folder: string): Promise<Row[]> {
  const server = await startGantry(folder, 'many');
  try {
    await load(
      server.endpoint,
      { connections: 64, forMs: Number.POSITIVE_INFINITY, atMost: STORED },
      (number) => ({ method: 'POST', path: MAPS, body: mapOf(`stored-${number}`) }),
    );
    return [
      {
        name: `gantry server with ${STORED} ConfigMaps of 2 KB: resident memory`,
        value: residentBytes(server) / 2 ** 20,
        unit: 'MiB',
        wanted: 'under 1 GB',
      },
    ];
  } finally {
    server.child.kill('SIGKILL');
    await once(server.child, 'exit');
  }
}
