/**
 * The dispatch door's own figures (its document: 5 ms to dispatch, 2 ms for a status, 1 ms for the agents, over 1,000
 * results consumed a second, about 99 % idempotency hits on retries), met durably: a dispatch is answered after the
 * fsync. Beside a bare server that does the least for the same answers: one fsynced put, one object from memory.
 */
import { randomUUID } from 'node:crypto';
import { newHttpClient } from '../../client/http.ts';
import type { Client } from '../../machinery/client.ts';
import { isRecord } from '../../machinery/json.ts';
import { runs, tasks } from '../../schemas/kinds.ts';
import { startBare } from './bareprocess.ts';
import type { Row } from './main.ts';
import { startOne } from './onechild.ts';
import { NOOP_IMAGE } from './oneprocess.ts';
import { median } from './walk.ts';
import { Connection, type Endpoint, type Load, load, type Wanted } from './wire.ts';

const ROUNDS = 3;
const ROUND_MS = 1_000;
const WARM_MS = 1_000;
const WORKERS = 20;
const RETRIED = 20;
const RETRIES = 100;
const RESULTS = 1_000;
const BOUND_MS = 120_000;

const TEMPLATES = '/apis/gantry.dev/v1/namespaces/default/tasktemplates';
const TEMPLATE = {
  apiVersion: 'gantry.dev/v1',
  kind: 'TaskTemplate',
  metadata: { name: 'noop', namespace: 'default' },
  spec: {
    parameters: { type: 'object', properties: { n: { type: 'integer' } }, additionalProperties: false },
    template: { spec: { image: NOOP_IMAGE, args: ['$(parameters.n)'] } },
  },
};

export async function benchDoors(): Promise<readonly Row[]> {
  return [...(await measureRequests()), ...(await measureResults())];
}

/** Nobody works in the process but the API: what the way itself takes. */
async function measureRequests(): Promise<Row[]> {
  await using one = await startOne('quiet');
  const { endpoint } = one;
  await prepare(endpoint);
  const bare = await startBare(one.folder, `${one.folder}/pki`, endpoint);
  try {
    const first = 'asked-for';
    await ask(endpoint, dispatchOf(first));
    const body = dispatchOf('x').body ?? '';
    await ask(bare.endpoint, { method: 'PUT', path: '/asked-for', body });
    const measures = [
      {
        name: 'dispatch',
        wanted: '5 ms',
        gantry: () => dispatchOf(randomUUID()),
        bare: () => ({ method: 'PUT', path: `/${randomUUID()}`, body }),
      },
      {
        name: 'status',
        wanted: '2 ms',
        gantry: () => ({ method: 'GET', path: `/api/v1/status/${first}` }),
        bare: () => ({ method: 'GET', path: '/asked-for' }),
      },
      {
        name: `agents (${WORKERS})`,
        wanted: '1 ms',
        gantry: () => ({ method: 'GET', path: '/api/v1/agents' }),
        bare: () => ({ method: 'GET', path: '/asked-for' }),
      },
    ];
    const rows: Row[] = [];
    for (const { name, wanted, gantry, bare: barely } of measures) {
      const found: Load[] = [];
      const baseline: Load[] = [];
      await load(endpoint, { connections: 1, forMs: WARM_MS }, gantry);
      // In turns, so that whatever else the machine does meets both.
      for (let round = 0; round < ROUNDS; round++) {
        baseline.push(await load(bare.endpoint, { connections: 1, forMs: ROUND_MS }, barely));
        found.push(await load(endpoint, { connections: 1, forMs: ROUND_MS }, gantry));
      }
      const row = (what: string, read: (one: Load) => number): Row => ({
        name: `${name}, ${what}`,
        value: median(found.map(read)),
        unit: 'ms',
        baseline: median(baseline.map(read)),
        ...(what === 'p50' ? { wanted } : {}),
      });
      rows.push(
        row('p50', (one) => one.p50Ms),
        row('p99', (one) => one.p99Ms),
      );
    }
    return [...rows, ...(await measureRetries(endpoint))];
  } finally {
    bare.child.kill('SIGKILL');
  }
}

/** Each request sent a hundred times, as a client does that gets no answer: how often no new Run was made. */
async function measureRetries(endpoint: Endpoint): Promise<Row[]> {
  const before = await countRuns(endpoint);
  const ids = Array.from({ length: RETRIED }, () => randomUUID());
  const total = RETRIED * RETRIES;
  const found = await load(endpoint, { connections: 16, forMs: BOUND_MS, atMost: total }, (number) =>
    dispatchOf(ids[number % RETRIED] ?? '', { request_id: ids[number % RETRIED] }),
  );
  const made = (await countRuns(endpoint)) - before;
  return [
    {
      name: `${total} dispatches of ${RETRIED} requests: idempotency hits`,
      value: (100 * (total - made)) / total,
      unit: '%',
      wanted: 'about 99',
    },
    { name: 'the same: p50, 16 clients', value: found.p50Ms, unit: 'ms' },
    { name: 'the same: p99, 16 clients', value: found.p99Ms, unit: 'ms' },
  ];
}

/**
 * Results are consumed: Tasks of a thousand Runs are told to have succeeded. There is no worker: what is measured is the
 * way from the first result told to the last one that is durable and told on to a watcher, which is what the document's
 * own figure is of, and to the last Run that has ended.
 */
async function measureResults(): Promise<Row[]> {
  await using one = await startOne('workerless');
  const { endpoint } = one;
  await prepare(endpoint, 0);
  const { host, port, ca, cert, key } = endpoint;
  const client = newHttpClient({
    server: `https://${host}:${port}`,
    certificateAuthority: ca,
    certificate: cert,
    key,
  });
  const told: number[] = [];
  const ended: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    await load(endpoint, { connections: 32, forMs: BOUND_MS, atMost: RESULTS }, () =>
      dispatchOf(randomUUID()),
    );
    const waiting = await until('every Run has its task', async () => {
      const { items } = await client.list(tasks, { namespace: 'default' });
      const fresh = items.filter((task) => task.status?.phase !== 'Succeeded');
      return fresh.length === RESULTS ? fresh.map((task) => task.metadata.name) : undefined;
    });
    const stop = new AbortController();
    const heard = untilSucceeded(client, new Set(waiting), stop.signal);
    const begin = performance.now();
    const now = new Date().toISOString();
    const status = {
      phase: 'Succeeded',
      observedGeneration: 1,
      startedAt: now,
      finishedAt: now,
      container: { exitCode: 0 },
    };
    const atMost = waiting.length;
    await load(endpoint, { connections: 32, forMs: BOUND_MS, atMost }, (number) => ({
      method: 'PATCH',
      path: `/apis/gantry.dev/v1/namespaces/default/tasks/${waiting[number]}/status`,
      contentType: 'application/merge-patch+json',
      body: JSON.stringify({ status }),
    }));
    await heard;
    stop.abort();
    told.push((RESULTS * 1000) / (performance.now() - begin));
    await until('every Run has ended', async () => {
      const fieldSelector = 'status.state!=completed';
      const { items } = await client.list(runs, { namespace: 'default', fieldSelector, limit: 1 });
      return items.length === 0 ? true : undefined;
    });
    ended.push((RESULTS * 1000) / (performance.now() - begin));
  }
  return [
    {
      name: 'results consumed: durable and told on, 32 clients',
      value: median(told),
      unit: '/s',
      wanted: 'over 1000',
    },
    { name: 'the same, until each Run has ended', value: median(ended), unit: '/s' },
  ];
}

/** Resolves once a watch has told of the end of each. */
async function untilSucceeded(client: Client, names: Set<string>, signal: AbortSignal): Promise<void> {
  for await (const event of client.watch(tasks, { namespace: 'default', signal })) {
    if (event.type === 'BOOKMARK' || event.object.status?.phase !== 'Succeeded') continue;
    names.delete(event.object.metadata.name);
    if (names.size === 0) return;
  }
}

async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  const end = performance.now() + BOUND_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(`not within ${BOUND_MS} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function dispatchOf(taskId: string, extra: Readonly<Record<string, unknown>> = {}): Wanted {
  const body = { task_id: taskId, work_type: 'noop', parameters: { n: 1 }, priority: 3, ...extra };
  return { method: 'POST', path: '/api/v1/dispatch', body: JSON.stringify(body) };
}

async function prepare(endpoint: Endpoint, workers = WORKERS): Promise<void> {
  await ask(endpoint, { method: 'POST', path: TEMPLATES, body: JSON.stringify(TEMPLATE) });
  for (let number = 0; number < workers; number++) {
    const metadata = { name: `worker-${number}`, labels: { 'gantry.dev/agent-type': 'infra' } };
    const worker = { apiVersion: 'gantry.dev/v1', kind: 'Worker', metadata };
    await ask(endpoint, {
      method: 'POST',
      path: '/apis/gantry.dev/v1/workers',
      body: JSON.stringify(worker),
    });
  }
}

async function countRuns(endpoint: Endpoint): Promise<number> {
  const path = '/apis/gantry.dev/v1/namespaces/default/runs';
  const list: unknown = JSON.parse(await ask(endpoint, { method: 'GET', path }));
  return isRecord(list) && Array.isArray(list['items']) ? list['items'].length : 0;
}

async function ask(endpoint: Endpoint, wanted: Wanted): Promise<string> {
  const connection = await Connection.open(endpoint);
  const answer = await connection.ask(wanted);
  connection.close();
  return answer.text();
}
