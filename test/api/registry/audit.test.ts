/** What the registry tells operators: the audit trail, metrics, and store failures in words. */
import { expect } from 'chai';
import { pino } from 'pino';
import { openRegistry } from '../../../api/registry/open.ts';
import type { Registry } from '../../../api/registry/types.ts';
import type { Client } from '../../../machinery/client.ts';
import { StoreError, type StoreErrorReason } from '../../../machinery/errors.ts';
import { FakeClock } from '../../../machinery/fakeclock.ts';
import { GROUP_MASTERS } from '../../../machinery/identity.ts';
import { type Metrics, newMetrics } from '../../../machinery/metrics.ts';
import { seededRandom } from '../../../machinery/random.ts';
import { currentTrace, nameWork, newTrace, traceFields, withTrace } from '../../../machinery/trace.ts';
import { leases, secrets, tasks } from '../../../schemas/kinds.ts';
import { openStore } from '../../../store/open.ts';
import type { Store } from '../../../store/store.ts';
import { taskManifest } from '../../builders.ts';
import { refusalOf } from '../../client-conformance.ts';

interface Line {
  readonly level: number;
  readonly trace_id?: string;
  readonly audit?: Readonly<Record<string, unknown>>;
}

describe('The registry tells operators', () => {
  const clock = new FakeClock();
  const random = seededRandom(1);
  let store: Store;
  let registry: Registry;
  let metrics: Metrics;
  let client: Client;
  let lines: Line[];
  let failWith: StoreErrorReason | undefined;
  const key = { namespace: 'default', name: 'hello' };

  beforeEach(async () => {
    lines = [];
    failWith = undefined;
    const inner = await openStore('memory:', { clock, random });
    store = new Proxy(inner, {
      get(target, property): unknown {
        if (property === 'commit' && failWith !== undefined) {
          const reason = failWith;
          return () => Promise.reject(new StoreError(reason, 'the disk said so'));
        }
        const value: unknown = Reflect.get(target, property, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const log = pino(
      { level: 'debug', base: null, mixin: () => traceFields(currentTrace()) },
      { write: (text: string) => void lines.push(JSON.parse(text)) },
    );
    metrics = newMetrics();
    registry = await openRegistry({ store, clock, random, log, metrics });
    client = registry.as({ name: 'admin', groups: [GROUP_MASTERS] });
    lines = [];
  });
  afterEach(async () => {
    await registry.close();
    await store.close();
  });

  const summary = (audit: Line['audit']): unknown => {
    const { user, verb, objectRef, responseStatus, level, stage } = audit ?? {};
    return { user, verb, objectRef, responseStatus, level, stage };
  };
  const told = (): unknown[] => lines.flatMap(({ audit }) => (audit === undefined ? [] : [summary(audit)]));

  it('who wrote what and how it ended, with the trace, without the body', async () => {
    const trace = newTrace(random);
    await withTrace(trace, () =>
      client.create(tasks, taskManifest('hello', { env: [{ name: 'A', value: 'secret' }] })),
    );
    await client.delete(tasks, key);
    await refusalOf(client.delete(tasks, key), 'NotFound');
    const user = { username: 'admin', groups: [GROUP_MASTERS] };
    const objectRef = {
      resource: 'tasks',
      namespace: 'default',
      name: 'hello',
      apiGroup: 'gantry.dev',
      apiVersion: 'v1',
    };
    const row = { user, objectRef, level: 'Metadata', stage: 'ResponseComplete' };
    expect(told()).to.deep.equal([
      { ...row, verb: 'create', responseStatus: { metadata: {}, code: 201 } },
      { ...row, verb: 'delete', responseStatus: { metadata: {}, code: 200 } },
      {
        ...row,
        verb: 'delete',
        responseStatus: {
          metadata: {},
          status: 'Failure',
          reason: 'NotFound',
          code: 404,
          message: 'tasks.gantry.dev "hello" not found',
        },
      },
    ]);
    expect(lines[0]?.audit).to.include({
      kind: 'Event',
      apiVersion: 'audit.k8s.io/v1',
      auditID: trace.requestId,
    });
    expect(lines[0]?.trace_id).to.equal(trace.traceId);
    expect(lines[0]?.audit?.['annotations']).to.deep.equal({ 'gantry.dev/trace-id': trace.traceId });
    expect(JSON.stringify(lines)).not.to.include('secret');
  });

  it('D2.5 what dispatched work is called, once that is known', async () => {
    await withTrace(newTrace(random), () => {
      nameWork({ taskId: 'Order 1' });
      return client.create(tasks, taskManifest('named'));
    });
    expect(lines[0]?.audit?.['annotations']).to.include({ 'gantry.dev/task-id': 'Order 1' });
  });

  it('nothing that was found wrong in a body: it may be a secret', async () => {
    const env = [
      { name: 'A', value: 'x' },
      { name: 'A', value: 'secret' },
    ];
    await refusalOf(client.create(tasks, taskManifest('hello', { env, workingDir: 'secret' })), 'Invalid');
    expect(lines[0]?.audit?.['responseStatus']).to.deep.equal({
      metadata: {},
      status: 'Failure',
      reason: 'Invalid',
      code: 422,
    });
    expect(JSON.stringify(lines)).not.to.include('secret');
  });

  it('every refusal, of reads too, and as a warning', async () => {
    const dev = registry.as({ name: 'dev', groups: ['system:dev'] });
    await refusalOf(dev.list(secrets), 'Forbidden');
    await refusalOf(dev.delete(tasks, key), 'Forbidden');
    expect(lines.map((line) => [line.level, line.audit?.['verb']])).to.deep.equal([
      [40, undefined],
      [30, 'list'],
      [40, undefined],
      [30, 'delete'],
    ]);
    await dev.list(tasks);
    expect(lines).to.have.length(4);
  });

  it('no signs of life', async () => {
    await client.create(leases, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'x', namespace: 'gantry-system' },
    });
    expect(lines).to.deep.equal([]);
  });

  it('how many objects and watchers there are, by kind', async () => {
    await client.create(tasks, taskManifest('hello'));
    const controller = new AbortController();
    const events = client.watch(tasks, { signal: controller.signal })[Symbol.asyncIterator]();
    await events.next();
    const pending = events.next();
    await new Promise((resolve) => setImmediate(resolve));
    const text = await metrics.metrics();
    expect(text).to.include('apiserver_storage_objects{resource="tasks.gantry.dev"} 1');
    expect(text).to.include('apiserver_storage_objects{resource="namespaces"} 5');
    expect(text).to.include('apiserver_registered_watchers{group="gantry.dev",version="v1",kind="Task"} 1');
    controller.abort();
    await pending;
    expect(await metrics.metrics()).to.include(
      'apiserver_registered_watchers{group="gantry.dev",version="v1",kind="Task"} 0',
    );
  });

  for (const [reason, wanted, code] of [
    ['ReadOnly', 'ServiceUnavailable', 503],
    ['Unavailable', 'ServiceUnavailable', 503],
    ['TooLarge', 'RequestEntityTooLarge', 413],
    ['Corrupt', 'ServiceUnavailable', 503],
  ] as const) {
    it(`a store that says ${reason} as ${code}, in its own words`, async () => {
      failWith = reason;
      const error = await refusalOf(client.create(tasks, taskManifest('hello')), wanted);
      expect(error.code).to.equal(code);
      expect(error.message).to.include('the disk said so');
      failWith = undefined;
      await refusalOf(client.get(tasks, key), 'NotFound');
    });
  }

  it('what it serves, as discovery needs it', () => {
    const served = registry.kinds().map(({ group, plural, verbs, subresources }) => ({
      resource: `${plural}.${group}`,
      verbs: verbs.length,
      subresources: subresources.map(({ name }) => name),
    }));
    expect(served).to.deep.include({
      resource: 'tasks.gantry.dev',
      verbs: 8,
      subresources: ['status', 'binding', 'eviction'],
    });
    expect(served).to.deep.include({
      resource: 'namespaces.',
      verbs: 7,
      subresources: ['status', 'finalize'],
    });
    expect(registry.findKind('gantry.dev', 'v2', 'tasks')).to.equal(undefined);
    expect(registry.findKind('', 'v1', 'events')?.columns.map((column) => column.name)).to.include(
      'Last Seen',
    );
  });
});
