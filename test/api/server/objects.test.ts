import { expect } from 'chai';
import { taskManifest } from '../../builders.ts';
import { at, openServer, type TestServer } from './harness.ts';

const TASKS = '/apis/gantry.dev/v1/namespaces/default/tasks';
const TABLE = { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };

describe('objects over HTTP', () => {
  let server: TestServer;
  beforeEach(async () => {
    server = await openServer();
  });
  afterEach(() => server.close());

  const create = (name: string, metadata = {}) =>
    server.ask('POST', TASKS, { body: taskManifest(name, {}, metadata) });

  it('creates with 201, reads, updates, patches and deletes', async () => {
    const made = await create('hello');
    expect(made.status).to.equal(201);
    expect(made.headers['content-type']).to.equal('application/json');
    const read = await server.ask('GET', `${TASKS}/hello`);
    expect(read.status).to.equal(200);
    expect(read.json()).to.deep.equal(made.json());

    const updated = await server.ask('PUT', `${TASKS}/hello`, {
      body: { ...made.json(), spec: { image: 'web:2' } },
    });
    expect([updated.status, at(updated.json(), 'spec.image')]).to.deep.equal([200, 'web:2']);

    const merged = await server.ask('PATCH', `${TASKS}/hello`, {
      headers: { 'Content-Type': 'application/merge-patch+json' },
      body: JSON.stringify({ metadata: { labels: { a: 'b' } } }),
    });
    expect([merged.status, at(merged.json(), 'metadata.labels.a')]).to.deep.equal([200, 'b']);

    const patched = await server.ask('PATCH', `${TASKS}/hello`, {
      headers: { 'Content-Type': 'application/json-patch+json' },
      body: JSON.stringify([{ op: 'replace', path: '/spec/image', value: 'web:3' }]),
    });
    expect([patched.status, at(patched.json(), 'spec.image')]).to.deep.equal([200, 'web:3']);

    const removed = await server.ask('DELETE', `${TASKS}/hello`, {
      body: { propagationPolicy: 'Background' },
    });
    expect(removed.status).to.equal(200);
    // Gone at once: a Status that names it, as Kubernetes answers.
    expect(removed.json()).to.deep.include({ kind: 'Status', status: 'Success', metadata: {} });
    expect(at(removed.json(), 'details')).to.deep.equal({
      name: 'hello',
      group: 'gantry.dev',
      kind: 'tasks',
      uid: at(patched.json(), 'metadata.uid'),
    });
    expect((await server.ask('GET', `${TASKS}/hello`)).status).to.equal(404);
  });

  it('takes a body without a Content-Type as JSON, and YAML as YAML', async () => {
    const bare = await server.ask('POST', TASKS, { body: JSON.stringify(taskManifest('bare')) });
    expect(bare.status).to.equal(201);
    const yaml = await server.ask('POST', TASKS, {
      headers: { 'Content-Type': 'application/yaml' },
      body: 'apiVersion: gantry.dev/v1\nkind: Task\nmetadata: {name: yaml}\nspec: {image: "web:1"}\n',
    });
    expect(yaml.status).to.equal(201);
  });

  it('loses no patch of many that come at the same time', async () => {
    await create('busy');
    const statuses = await Promise.all(
      Array.from({ length: 30 }, async (_, index) => {
        const answer = await server.ask('PATCH', `${TASKS}/busy`, {
          headers: { 'Content-Type': 'application/merge-patch+json' },
          body: JSON.stringify({ metadata: { labels: { [`k${index}`]: 'v' } } }),
        });
        return answer.status;
      }),
    );
    expect(new Set(statuses)).to.deep.equal(new Set([200]));
    const read = await server.ask('GET', `${TASKS}/busy`);
    expect(Object.keys(at(read.json(), 'metadata.labels') as object)).to.have.length(30);
  });

  it('takes half a surrogate pair for U+FFFD, as Go does', async () => {
    const manifest = JSON.stringify(taskManifest('half', { args: ['HALF', 'whole \u{1F600}'] }));
    const json = await server.ask('POST', TASKS, {
      headers: { 'Content-Type': 'application/json' },
      body: manifest.replace('HALF', '\\ud800'),
    });
    expect(at(json.json(), 'spec.args')).to.deep.equal(['\ufffd', 'whole \u{1F600}']);
    const patched = await server.ask('PATCH', `${TASKS}/half`, {
      headers: { 'Content-Type': 'application/merge-patch+json' },
      body: '{"metadata":{"annotations":{"a":"\\uDFFFx"}}}',
    });
    expect(at(patched.json(), 'metadata.annotations.a')).to.equal('\ufffdx');
  });

  it('acts as somebody else where that is wanted, not as who asks', async () => {
    const answer = await server.ask('GET', TASKS, { headers: { 'Impersonate-User': 'jane' } });
    expect(answer.status).to.equal(403);
    expect(at(answer.json(), 'message')).to.include('User "jane" cannot list resource "tasks"');
  });

  it('keeps nothing of a dry run', async () => {
    const answer = await server.ask('POST', `${TASKS}?dryRun=All`, { body: taskManifest('dry') });
    expect(answer.status).to.equal(201);
    expect((await server.ask('GET', `${TASKS}/dry`)).status).to.equal(404);
    await create('kept');
    const removal = await server.ask('DELETE', `${TASKS}/kept`, { body: { dryRun: ['All'] } });
    expect(removal.status).to.equal(200);
    expect((await server.ask('GET', `${TASKS}/kept`)).status).to.equal(200);
  });

  it('deletes only what the preconditions describe', async () => {
    const made = await create('hello');
    const refused = await server.ask('DELETE', `${TASKS}/hello`, {
      body: { preconditions: { uid: 'another' } },
    });
    expect([refused.status, refused.json().reason]).to.deep.equal([409, 'Conflict']);
    const uid = at(made.json(), 'metadata.uid');
    expect(
      (await server.ask('DELETE', `${TASKS}/hello`, { body: { preconditions: { uid } } })).status,
    ).to.equal(200);
  });

  it('lists in one namespace, in all, by label and by page', async () => {
    await create('a', { labels: { app: 'web' } });
    await create('b');
    await create('c', { labels: { app: 'web' } });
    const names = async (path: string): Promise<unknown[]> => {
      const list = (await server.ask('GET', path)).json();
      expect(list).to.include({ kind: 'TaskList', apiVersion: 'gantry.dev/v1' });
      return (list.items as unknown[]).map((item) => at(item, 'metadata.name'));
    };
    expect(await names(TASKS)).to.deep.equal(['a', 'b', 'c']);
    expect(await names('/apis/gantry.dev/v1/tasks')).to.deep.equal(['a', 'b', 'c']);
    expect(await names(`${TASKS}?labelSelector=app%3Dweb`)).to.deep.equal(['a', 'c']);
    expect(await names(`${TASKS}?fieldSelector=metadata.name%3Db`)).to.deep.equal(['b']);
    expect(await names('/apis/gantry.dev/v1/namespaces/other/tasks')).to.deep.equal([]);

    const first = (await server.ask('GET', `${TASKS}?limit=2`)).json();
    expect(first.items).to.have.length(2);
    const token = encodeURIComponent(String(at(first, 'metadata.continue')));
    expect(await names(`${TASKS}?limit=2&continue=${token}`)).to.deep.equal(['c']);
  });

  it('answers with a Table whose cells are ready to print', async () => {
    await create('hello');
    server.world.clock.advance(90_000);
    const table = (await server.ask('GET', TASKS, { headers: TABLE })).json();
    expect(table).to.include({ kind: 'Table', apiVersion: 'meta.k8s.io/v1' });
    const columns = table.columnDefinitions as { name: string; priority: number }[];
    expect(columns.filter((column) => column.priority === 0).map((column) => column.name)).to.deep.equal([
      'Name',
      'Phase',
      'Ready',
      'Restarts',
      'Worker',
      'Age',
    ]);
    expect(at(table, 'rows.0.cells.0')).to.equal('hello');
    expect(at(table, 'rows.0.cells.5')).to.equal('90s');
    expect(at(table, 'rows.0.object.kind')).to.equal('PartialObjectMetadata');
    const whole = await server.ask('GET', `${TASKS}/hello?includeObject=Object`, { headers: TABLE });
    expect(at(whole.json(), 'rows.0.object.spec.image')).to.equal('busybox');
  });

  it('answers with metadata alone', async () => {
    await create('hello');
    const headers = { Accept: 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1' };
    const list = (await server.ask('GET', TASKS, { headers })).json();
    expect(list.kind).to.equal('PartialObjectMetadataList');
    expect(at(list, 'items.0')).to.have.all.keys('kind', 'apiVersion', 'metadata');
  });

  it('writes the status alone through /status, and reads it there', async () => {
    await create('hello');
    const status = { phase: 'Pending', reason: 'Unschedulable' };
    const answer = await server.ask('PATCH', `${TASKS}/hello/status`, {
      headers: { 'Content-Type': 'application/merge-patch+json' },
      body: JSON.stringify({ spec: { image: 'other' }, status }),
    });
    expect([answer.status, at(answer.json(), 'spec.image')]).to.deep.equal([200, 'busybox']);
    expect(at((await server.ask('GET', `${TASKS}/hello/status`)).json(), 'status')).to.deep.include(status);
  });

  it('binds through tasks/binding with 201', async () => {
    await create('hello');
    await server.world.addWorker('w1');
    const answer = await server.ask('POST', `${TASKS}/hello/binding`, {
      body: {
        apiVersion: 'gantry.dev/v1',
        kind: 'Binding',
        metadata: { name: 'hello', namespace: 'default' },
        target: { name: 'w1' },
        epoch: 1,
      },
    });
    expect(answer.status).to.equal(201);
    expect(at((await server.ask('GET', `${TASKS}/hello`)).json(), 'spec.workerName')).to.equal('w1');
  });

  it('applies YAML as well as JSON: 201 for what is new, 200 for what is there', async () => {
    const apply = (body: string): ReturnType<TestServer['ask']> =>
      server.ask('PATCH', `${TASKS}/hello?fieldManager=me`, {
        headers: { 'Content-Type': 'application/apply-patch+yaml' },
        body,
      });
    const head = 'apiVersion: gantry.dev/v1\nkind: Task\nmetadata: {name: hello}\n';
    const made = await apply(`${head}spec:\n  image: one\n`);
    expect([made.status, at(made.json(), 'spec.image')]).to.deep.equal([201, 'one']);
    const flow = await apply(
      '{apiVersion: gantry.dev/v1, kind: Task, metadata: {name: hello}, spec: {image: two}}',
    );
    expect([flow.status, at(flow.json(), 'spec.image')]).to.deep.equal([200, 'two']);
    const json = await apply(JSON.stringify(taskManifest('hello', { image: 'three' })));
    expect([json.status, at(json.json(), 'metadata.managedFields.0.manager')]).to.deep.equal([200, 'me']);
  });

  it('remembers who wrote by the program in the User-Agent', async () => {
    const made = await server.ask('POST', TASKS, {
      headers: { 'User-Agent': 'kubectl/v1.33.0 (linux/amd64)' },
      body: taskManifest('hello'),
    });
    expect(at(made.json(), 'metadata.managedFields.0.manager')).to.equal('kubectl');
  });

  it('tells of keys that a body gives twice, or refuses them', async () => {
    const body =
      '{"apiVersion":"gantry.dev/v1","kind":"Task","metadata":{"name":"x"},"spec":{"image":"a","image":"b"}}';
    const strict = await server.ask('POST', `${TASKS}?fieldValidation=Strict`, { body });
    expect(strict.status).to.equal(400);
    expect(strict.json().message).to.equal('strict decoding error: duplicate field "spec.image"');
    const warned = await server.ask('POST', TASKS, { body });
    expect([warned.status, warned.headers.warning]).to.deep.equal([
      201,
      '299 - "duplicate field \\"spec.image\\""',
    ]);
    const ignored = await server.ask('PUT', `${TASKS}/x?fieldValidation=Ignore`, { body });
    expect([ignored.status, ignored.headers.warning]).to.deep.equal([200, undefined]);
  });

  it('warns in Warning headers when asked to', async () => {
    const body = { ...taskManifest('hello'), spec: { image: 'x', nonsense: 1 } };
    const answer = await server.ask('POST', `${TASKS}?fieldValidation=Warn`, { body });
    expect(answer.status).to.equal(201);
    expect(answer.headers.warning).to.match(/^299 - ".*spec\.nonsense.*"$/);
  });

  it('warns of no more than clients can read', async () => {
    const unknown = Object.fromEntries(Array.from({ length: 5_000 }, (_, index) => [`unknown${index}`, 1]));
    const body = { ...taskManifest('noisy'), spec: { image: 'x', ['long'.repeat(1_000)]: 1, ...unknown } };
    const warned = await server.ask('POST', `${TASKS}?fieldValidation=Warn`, { body });
    expect(warned.status).to.equal(201);
    expect(String(warned.headers.warning).length).to.be.within(1_000, 8_000);
    const refused = await server.ask('POST', `${TASKS}?fieldValidation=Strict`, { body });
    expect(refused.status).to.equal(400);
    expect(refused.text.match(/unknown field/g)).to.have.length(100);
  });

  it('gives every answer its ids, taking the client’s where they are usable', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const given = await server.ask('GET', TASKS, {
      headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01`, 'X-Request-Id': 'req-1' },
    });
    expect(given.headers).to.include({ 'x-request-id': 'req-1', 'x-trace-id': traceId });
    expect(given.headers.traceparent).to.match(new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`));
    const bad = await server.ask('GET', TASKS, { headers: { 'X-Request-Id': 'a b"c' } });
    expect(bad.headers['x-request-id']).to.match(/^[0-9a-f-]{36}$/);
    const made = await server.ask('POST', TASKS, {
      headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
      body: taskManifest('traced'),
    });
    expect(at(made.json(), 'metadata.annotations')).to.deep.include({ 'gantry.dev/trace-id': traceId });
  });
});
