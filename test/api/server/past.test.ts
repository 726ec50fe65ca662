/** The past over HTTP: parameters, headers, forms of the answer, views, the plain door, and kubectl. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { GROUP_MASTERS } from '../../../machinery/identity.ts';
import { readPath } from '../../../machinery/json.ts';
import { tasks } from '../../../schemas/kinds.ts';
import { taskManifest } from '../../builders.ts';
import { kubectls } from '../../kubectl/versions.ts';
import { command } from '../../walk/process.ts';
import { type Answer, openServer, type TestServer } from './harness.ts';

const TASKS = '/apis/gantry.dev/v1/namespaces/default/tasks';
const TABLE = { headers: { Accept: 'application/json;as=Table;g=meta.k8s.io;v=v1' } };
const PARTIAL = { headers: { Accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' } };
const ID = '01234567-89ab-4cde-8fab-0123456789ab';

describe('The past over HTTP', () => {
  let server: TestServer;
  let made: string;
  let changed: string;

  beforeEach(async () => {
    server = await openServer();
    const { world } = server;
    const { admin } = world;
    await world.advance(60_000);
    const task = await admin.create(tasks, taskManifest('hello', { image: 'gantry/hello:1' }));
    await world.advance(60_000);
    const next = await admin.update(tasks, { ...task, spec: { ...task.spec, image: 'gantry/hello:2' } });
    await world.advance(60_000);
    await admin.delete(tasks, { namespace: 'default', name: 'hello' });
    await world.advance(60_000);
    made = task.metadata.resourceVersion ?? '';
    changed = next.metadata.resourceVersion ?? '';
  });
  afterEach(() => server.close());

  const ask = (path: string, options = {}): Promise<Answer> => server.ask('GET', path, options);
  const image = (answer: Answer): unknown => readPath(answer.json(), ['spec', 'image']);
  const message = (answer: Answer): unknown => answer.json().message;

  it('is read by revision and by time, and headers say which moment it is', async () => {
    const exact = await ask(`${TASKS}/hello?resourceVersion=${made}&resourceVersionMatch=Exact`);
    expect(exact.status, exact.text).to.equal(200);
    expect(image(exact)).to.equal('gantry/hello:1');
    expect(exact.headers['gantry-read-revision']).to.equal(made);
    expect(exact.headers['gantry-read-time']).to.equal(undefined);
    const byTime = await ask(`${TASKS}/hello?at=-2m`);
    expect(image(byTime)).to.equal('gantry/hello:2');
    expect(byTime.headers['gantry-read-revision']).to.equal(changed);
    expect(byTime.headers['gantry-read-time']).to.equal('2026-01-01T00:02:00.000Z');
    const offset = await ask(`${TASKS}/hello?at=2026-01-01T01:01:30%2B01:00`);
    expect(image(offset)).to.equal('gantry/hello:1');
    const list = await ask(`${TASKS}?at=-3m`);
    expect(list.headers['gantry-read-revision']).to.equal(made);
    expect(readPath(list.json(), ['metadata', 'resourceVersion'])).to.equal(made);
    expect(list.json().items).to.have.length(1);
    const everywhere = await ask('/apis/gantry.dev/v1/tasks?at=-3m&labelSelector=nothing');
    expect(everywhere.json().items).to.have.length(0);
    const present = await ask(TASKS);
    expect(present.headers['gantry-read-revision']).to.equal(undefined);
    expect((await server.ask('HEAD', `${TASKS}/hello?at=-2m`)).status).to.equal(200);
    const none = await ask(`${TASKS}/hello?at=-1m`);
    expect(none.status).to.equal(404);
    expect(message(none)).to.match(
      /^tasks\.gantry\.dev "hello" not found at 2026-01-01T00:03:00\.000Z \(revision \d+\)$/,
    );
    expect(none.headers['gantry-read-revision']).to.match(/^\d+$/);
  });

  it('is a part of an object where a subresource is read', async () => {
    const status = await ask(`${TASKS}/hello/status?at=-2m`);
    expect(image(status)).to.equal('gantry/hello:2');
  });

  it('comes in every form; ages are those of then', async () => {
    const table = (await ask(`${TASKS}?at=2026-01-01T00:02:10Z`, TABLE)).json();
    expect(table.kind).to.equal('Table');
    const columns = (table.columnDefinitions as { name: string }[]).map(({ name }) => name);
    const [row] = table.rows as { cells: unknown[] }[];
    expect(row?.cells[columns.indexOf('Age')]).to.equal('70s');
    const partial = (await ask(`${TASKS}?at=-2m`, PARTIAL)).json();
    expect(partial.kind).to.equal('PartialObjectMetadataList');
    expect(readPath(partial, ['metadata', 'resourceVersion'])).to.equal(changed);
    const protobuf = await ask(`${TASKS}?at=-2m`, {
      headers: { Accept: 'application/vnd.kubernetes.protobuf,application/json' },
    });
    expect(protobuf.headers['content-type']).to.equal('application/json');
  });

  it('goes on page by page with the same headers', async () => {
    for (const name of ['a', 'b', 'c']) await server.world.admin.create(tasks, taskManifest(name));
    const first = await ask(`${TASKS}?at=-0s&limit=2`);
    await server.world.advance(60_000);
    await server.world.admin.delete(tasks, { namespace: 'default', name: 'c' });
    const token = String(readPath(first.json(), ['metadata', 'continue']));
    const rest = await ask(`${TASKS}?limit=2&continue=${token}`);
    expect(rest.json().items).to.have.length(1);
    for (const header of ['gantry-read-revision', 'gantry-read-time']) {
      expect(rest.headers[header]).to.equal(first.headers[header]);
    }
    const again = await ask(`${TASKS}?limit=2&continue=${token}&at=-0s`);
    expect(again.json().items).to.have.length(1);
  });

  it('is there of views, and not of what is made while it is read', async () => {
    const pod = await ask('/api/v1/namespaces/default/pods/hello?at=-2m');
    expect(pod.json().kind).to.equal('Pod');
    expect(readPath(pod.json(), ['metadata', 'resourceVersion'])).to.equal(changed);
    expect(pod.headers['gantry-read-revision']).to.equal(changed);
    const pods = await ask(`/api/v1/pods?resourceVersion=${made}&resourceVersionMatch=Exact`);
    expect(pods.json().items).to.have.length(1);
    const none = await ask('/api/v1/namespaces/default/pods/hello?at=-1m');
    expect(message(none)).to.match(/^pods "hello" not found at 2026-01-01T00:03:00\.000Z \(revision \d+\)$/);
    expect(message(await ask('/api/v1/namespaces/default/pods/hello'))).to.equal('pods "hello" not found');
    await server.world.addWorker('w1');
    await server.world.advance(60_000);
    expect((await ask('/api/v1/nodes?at=-0s')).json().items).to.have.length(1);
    expect((await ask('/api/v1/nodes?at=-90s')).json().items).to.have.length(0);
    const usage = await ask('/apis/metrics.k8s.io/v1beta1/nodes?at=-1m');
    expect(usage.status).to.equal(400);
    expect(message(usage)).to.equal(
      'at: found "-1m", wanted none: nodes.metrics.k8s.io are made when they are read, and have no past',
    );
  });

  it('is refused where it makes no sense, naming the parameters', async () => {
    const rows: readonly (readonly [method: string, path: string, said: RegExp])[] = [
      [
        'GET',
        `${TASKS}?at=-1m&watch=true`,
        /^query parameter at: found "-1m" beside watch, wanted one of them/,
      ],
      ['GET', `${TASKS}?at=-1m&resourceVersion=1`, /^at and resourceVersion: found "-1m" and "1"/],
      ['GET', `${TASKS}?at=soon`, /^at: found "soon", wanted a time such as/],
      ['GET', `${TASKS}?at=`, /^at: found "", wanted a time such as/],
      ['GET', `${TASKS}?at=2026-01-01T00:00:00+01:00`, /a \+ in a URL is written %2B$/],
      ['GET', `${TASKS}/hello?at=-1m&at=-2m`, /^query parameter at: found it 2 times, wanted it once$/],
      ['GET', `${TASKS}/hello?at=2126-01-01T00:00:00Z`, /which is in the future, wanted a time up to now/],
      ['GET', `${TASKS}/hello/exec?at=-1m&command=x`, /on CONNECT, wanted it on/],
      [
        'POST',
        `${TASKS}?at=-1m`,
        /^query parameter at: found "-1m" on POST, wanted it on get, list and log only/,
      ],
      ['PUT', `${TASKS}/hello?at=-1m`, /on PUT, wanted/],
      ['PATCH', `${TASKS}/hello?at=-1m`, /on PATCH, wanted/],
      ['DELETE', `${TASKS}/hello?at=-1m`, /on DELETE, wanted/],
      ['DELETE', `${TASKS}?at=-1m`, /on DELETECOLLECTION, wanted/],
    ];
    for (const [method, path, said] of rows) {
      const answer = await server.ask(method, path);
      expect(answer.status, `${method} ${path}: ${answer.text}`).to.equal(400);
      expect(message(answer), path).to.match(said);
    }
    // What only ends like it is another parameter, and nobody's.
    expect((await ask(`${TASKS}?format=x&watch=0`)).status).to.equal(200);
  });

  it('is gone at some point: 410 names the oldest moment', async () => {
    await server.world.store.compact(Number(changed));
    for (const path of [
      `${TASKS}?at=-3m`,
      `${TASKS}/hello?at=-3m`,
      `${TASKS}?resourceVersion=${made}&resourceVersionMatch=Exact`,
      `${TASKS}/hello?resourceVersion=${made}&resourceVersionMatch=Exact`,
      '/api/v1/namespaces/default/pods/hello?at=-3m',
    ]) {
      const answer = await ask(path);
      expect(answer.status, path).to.equal(410);
      expect(answer.json().reason).to.equal('Expired');
      expect(message(answer)).to.include(`kept from revision ${changed} (2026-01-01T00:02:00.000Z) on`);
    }
  });

  it('has not come yet beyond the present: Kubernetes says too large', async () => {
    const waiting = ask(`${TASKS}/hello?resourceVersion=1000000&resourceVersionMatch=Exact`);
    let isOver = false;
    void waiting.finally(() => {
      isOver = true;
    });
    // The request comes over a real connection; the patience it meets is of the clock that is moved here.
    for (let turn = 0; turn < 100_000; turn++) {
      if (isOver) break;
      await server.world.advance(10);
    }
    const answer = await waiting;
    expect(answer.status).to.equal(504);
    expect(message(answer)).to.match(/^Too large resource version: 1000000, current: \d+$/);
    expect(answer.json().details).to.deep.include({
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    });
  });

  it('is read through the plain door', async () => {
    const { world } = server;
    const { admin } = world;
    await server.ask('POST', '/tasks', {
      body: { ID: ID, State: 2, Task: { ID: ID, Name: 'x', Image: 'gantry/hello:1' } },
    });
    await world.advance(60_000);
    expect((await ask('/tasks')).json().items).to.have.length(1);
    const before = await ask('/tasks?at=-2m');
    expect(before.json().items).to.have.length(0);
    expect(before.headers['gantry-read-time']).to.equal('2026-01-01T00:03:00.000Z');
    const earlier = await ask('/tasks?at=2026-01-01T00:01:30Z');
    expect(earlier.json().items).to.have.length(1);
    await admin.delete(tasks, { namespace: 'default', name: ID });
    await world.advance(60_000);
    expect((await ask(`/tasks/${ID}`)).status).to.equal(404);
    expect((await ask(`/tasks/${ID}?at=-90s`)).status).to.equal(200);
    for (const [method, path] of [
      ['POST', '/tasks?at=-1m'],
      ['DELETE', `/tasks/${ID}?at=-1m`],
      ['GET', '/tasks?watch=true&at=-1m'],
      ['GET', '/tasks?at=soon'],
    ] as const) {
      const answer = await server.ask(method, path);
      expect(answer.status, `${method} ${path}`).to.equal(400);
      expect(String(answer.json().Message)).to.match(/^at: /);
    }
  });

  it('is described in OpenAPI, on gets and lists alone', async () => {
    const { paths } = (await ask('/openapi/v3/apis/gantry.dev/v1')).json() as {
      paths: Record<string, Record<string, { parameters?: { name: string }[] }>>;
    };
    const has = (path: string, method: string): boolean =>
      (paths[path]?.[method]?.parameters ?? []).some(({ name }) => name === 'at');
    const collection = '/apis/gantry.dev/v1/namespaces/{namespace}/tasks';
    expect(has(collection, 'get')).to.equal(true);
    expect(has(`${collection}/{name}`, 'get')).to.equal(true);
    for (const method of ['put', 'patch', 'delete'])
      expect(has(`${collection}/{name}`, method)).to.equal(false);
    for (const method of ['post', 'delete']) expect(has(collection, method)).to.equal(false);
  });

  for (const { path, minor } of kubectls()) {
    it(`is read by kubectl 1.${minor} with get --raw, the one way it has to send the parameter`, async function () {
      this.timeout(30_000);
      const cache = await mkdtemp(join(tmpdir(), 'gantry-kubectl-'));
      try {
        const kubectl = (...words: string[]) =>
          command(path, ['-s', `http://127.0.0.1:${server.port}`, '--cache-dir', cache, ...words], {});
        const then = await kubectl('get', '--raw', `${TASKS}/hello?at=-2m`);
        expect(then.code, then.stderr).to.equal(0);
        expect(readPath(JSON.parse(then.stdout), ['spec', 'image'])).to.equal('gantry/hello:2');
        const none = await kubectl('get', '--raw', `${TASKS}/hello?at=-1m`);
        expect(none.stderr).to.include(
          '(NotFound): tasks.gantry.dev "hello" not found at 2026-01-01T00:03:00.000Z',
        );
      } finally {
        await rm(cache, { recursive: true });
      }
    });
  }
});

describe('Many lists of the past over HTTP', () => {
  it('are read some at a time; the rest is told to come again', async () => {
    const server = await openServer({ identity: { name: 'admin', groups: [GROUP_MASTERS] } });
    try {
      const { admin, store } = server.world;
      for (let at = 0; at < 30; at++) await admin.create(tasks, taskManifest(`t${at}`));
      const then = `resourceVersion=${store.revision()}&resourceVersionMatch=Exact`;
      await admin.delete(tasks, { namespace: 'default', name: 't0' });
      const answers = await Promise.all(
        Array.from({ length: 150 }, () => server.ask('GET', `${TASKS}?${then}`)),
      );
      for (const answer of answers) {
        expect(answer.status).to.be.oneOf([200, 429]);
        if (answer.status === 200) expect(answer.json().items).to.have.length(30);
        else expect(answer.headers['retry-after']).to.equal('1');
      }
      expect(answers.filter(({ status }) => status === 200).length).to.be.at.least(22);
    } finally {
      await server.close();
    }
  });
});
