/**
 * From a dispatch to its durable acceptance: POST of a Run of a TaskTemplate, beside the POST of a ConfigMap of the same
 * size to the same process in the same run. `gantry` answers after the fsync, so the latency of the answer is that of
 * accepted to durable.
 */
import type { Row } from './main.ts';
import { startOne } from './onechild.ts';
import { NOOP_IMAGE } from './oneprocess.ts';
import { median } from './walk.ts';
import { Connection, type Endpoint, type Load, load, type Wanted } from './wire.ts';

const ROUNDS = 3;
const ROUND_MS = 1_000;
const WARM_MS = 1_000;
/** Requests of a round with controllers: what they make of them goes on meanwhile, and is waited for between rounds. */
const BURST = 640;
const SETTLED_MS = 60_000;

const RUNS = '/apis/gantry.dev/v1/namespaces/default/runs';
const TEMPLATES = '/apis/gantry.dev/v1/namespaces/default/tasktemplates';
const MAPS = '/api/v1/namespaces/default/configmaps';
const PARAMETERS = { n: 30, note: 'x'.repeat(120) };

const TEMPLATE = {
  apiVersion: 'gantry.dev/v1',
  kind: 'TaskTemplate',
  metadata: { name: 'noop', namespace: 'default' },
  spec: {
    parameters: {
      type: 'object',
      properties: { n: { type: 'integer', minimum: 0 }, note: { type: 'string' } },
      required: ['n'],
      additionalProperties: false,
    },
    template: { spec: { image: NOOP_IMAGE, args: ['$(parameters.n)'] } },
  },
};

let number = 0;

function runOf(extra: Readonly<Record<string, unknown>> = {}): Wanted {
  const name = `run-${number++}`;
  const spec = { templateRef: { name: 'noop' }, parameters: PARAMETERS, ...extra };
  const body = { apiVersion: 'gantry.dev/v1', kind: 'Run', metadata: { name, namespace: 'default' }, spec };
  return { method: 'POST', path: RUNS, body: JSON.stringify(body) };
}

function keyedRun(): Wanted {
  return runOf({ idempotencyKey: `key-${number}` });
}

/** As many bytes as a Run. */
function mapOf(): Wanted {
  const size = runOf().body?.length ?? 0;
  const body = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `map-${number++}`, namespace: 'default' },
    data: { padding: '' },
  };
  body.data.padding = 'x'.repeat(Math.max(0, size - JSON.stringify(body).length));
  return { method: 'POST', path: MAPS, body: JSON.stringify(body) };
}

export async function benchDispatch(): Promise<readonly Row[]> {
  return [...(await measureApi()), ...(await measureAtWork())];
}

/** Nobody works in the process but the API: what the way itself takes. */
async function measureApi(): Promise<Row[]> {
  await using one = await startOne('quiet');
  const { endpoint } = one;
  await ask(endpoint, { method: 'POST', path: TEMPLATES, body: JSON.stringify(TEMPLATE) });
  const rows: Row[] = [];
  for (const connections of [1, 64]) {
    const kinds = { mapOf, runOf: () => runOf(), keyedRun };
    const loads: Record<keyof typeof kinds, Load[]> = { mapOf: [], runOf: [], keyedRun: [] };
    for (const next of Object.values(kinds)) await load(endpoint, { connections, forMs: WARM_MS }, next);
    // In turns, so that whatever else the machine does meets all of them.
    for (let round = 0; round < ROUNDS; round++) {
      loads.mapOf.push(await load(endpoint, { connections, forMs: ROUND_MS }, kinds.mapOf));
      loads.runOf.push(await load(endpoint, { connections, forMs: ROUND_MS }, kinds.runOf));
      loads.keyedRun.push(await load(endpoint, { connections, forMs: ROUND_MS }, kinds.keyedRun));
    }
    const clients = connections === 1 ? '1 client' : `${connections} clients`;
    rows.push(...latencies(`dispatch, ${clients}`, loads.runOf, loads.mapOf));
    rows.push(...latencies(`dispatch with a key, ${clients}`, loads.keyedRun, loads.mapOf));
  }
  return rows;
}

/** Beside controllers and an agent that carry the Runs out in the same process. */
async function measureAtWork(): Promise<Row[]> {
  await using one = await startOne('whole');
  const { endpoint } = one;
  await ask(endpoint, { method: 'POST', path: TEMPLATES, body: JSON.stringify(TEMPLATE) });
  const rows: Row[] = [];
  for (const connections of [1, 64]) {
    const atMost = connections === 1 ? BURST / 8 : BURST;
    const found: Load[] = [];
    const baseline: Load[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const bound = { connections, atMost, forMs: SETTLED_MS };
      baseline.push(await load(endpoint, bound, mapOf));
      found.push(await load(endpoint, bound, () => runOf()));
      await untilSettled(endpoint);
    }
    const clients = connections === 1 ? '1 client' : `${connections} clients`;
    rows.push(...latencies(`dispatch while Runs are carried out, ${clients}`, found, baseline));
  }
  return rows;
}

/** Until no Run is under way. */
async function untilSettled(endpoint: Endpoint): Promise<void> {
  const connection = await Connection.open(endpoint);
  const selector = encodeURIComponent('status.state!=completed');
  const end = performance.now() + SETTLED_MS;
  for (;;) {
    const path = `${RUNS}?fieldSelector=${selector}&limit=1`;
    const list = JSON.parse((await connection.ask({ method: 'GET', path })).text()) as { items: unknown[] };
    if (list.items.length === 0) break;
    if (performance.now() > end) throw new Error(`Runs were still under way after ${SETTLED_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  connection.close();
}

async function ask(endpoint: Endpoint, wanted: Wanted): Promise<void> {
  const connection = await Connection.open(endpoint);
  await connection.ask(wanted);
  connection.close();
}

function latencies(name: string, found: readonly Load[], baseline: readonly Load[]): Row[] {
  const of = (loads: readonly Load[], read: (one: Load) => number): number => median(loads.map(read));
  return [
    {
      name: `${name}, p50`,
      value: of(found, (one) => one.p50Ms),
      unit: 'ms',
      baseline: of(baseline, (one) => one.p50Ms),
    },
    {
      name: `${name}, p99`,
      value: of(found, (one) => one.p99Ms),
      unit: 'ms',
      baseline: of(baseline, (one) => one.p99Ms),
    },
    {
      name: `${name}, rate`,
      value: of(found, (one) => one.perSecond),
      unit: '/s',
      baseline: of(baseline, (one) => one.perSecond),
    },
  ];
}
