/** The history of objects over HTTP: its form, its parameters, who may ask, and the client that reads it. */
import { expect } from 'chai';
import { readHistory } from '../../../../client/history.ts';
import { newHttpClient } from '../../../../client/http.ts';
import { configMaps, tasks } from '../../../../schemas/kinds.ts';
import { taskManifest } from '../../../builders.ts';
import { refusalOf } from '../../../client-conformance.ts';
import { type Answer, openServer, type TestServer } from '../harness.ts';

const TASKS = '/apis/gantry.dev/v1/namespaces/default/tasks';
const key = { namespace: 'default', name: 'hello' };

describe('The history of objects over HTTP', () => {
  let server: TestServer;

  beforeEach(async () => {
    server = await openServer();
    const { world } = server;
    await world.admin.create(tasks, taskManifest('hello', { image: 'gantry/hello:1' }));
    await world.advance(60_000);
    const body = {
      spec: { image: 'gantry/hello:2', env: [{ name: 'GREETING', value: 'hi' }] },
      metadata: { annotations: { 'gantry.dev/change-cause': 'a new image' } },
    };
    await world.admin.patch(tasks, key, { type: 'merge', body }, { fieldManager: 'ci' });
    await world.admin.patch(
      tasks,
      key,
      { type: 'merge', body: { status: { phase: 'Pending' } } },
      { subresource: 'status' },
    );
    await world.admin.delete(tasks, key);
  });
  afterEach(() => server.close());

  const ask = (path: string, options = {}): Promise<Answer> => server.ask('GET', path, options);
  const items = (answer: Answer): readonly Record<string, unknown>[] => {
    const found: unknown = answer.json().items;
    if (!Array.isArray(found)) throw new Error(answer.text);
    return found;
  };

  it('tells each version: when, what, who, and which fields', async () => {
    const answer = await ask(`${TASKS}/hello/history`);
    expect(answer.status, answer.text).to.equal(200);
    expect(answer.json()).to.deep.include({ apiVersion: 'gantry.dev/v1', kind: 'ObjectHistory' });
    const [gone, changed, made] = items(answer);
    expect(items(answer)).to.have.length(3);
    expect(made).to.deep.include({
      time: '2026-01-01T00:00:00.000Z',
      operation: 'created',
      user: 'admin',
      manager: 'admin',
      verb: 'create',
      generation: 1,
      changedFields: [],
    });
    expect(changed).to.deep.include({
      time: '2026-01-01T00:01:00.000Z',
      operation: 'changed',
      manager: 'ci',
      verb: 'patch',
      generation: 2,
      changeCause: 'a new image',
      changedFields: [
        { path: 'spec.image', operation: 'changed' },
        { path: 'spec.env', operation: 'added' },
        { path: 'metadata.annotations', operation: 'added' },
      ],
    });
    expect(gone).to.deep.include({ operation: 'deleted', verb: 'delete', user: 'admin' });
    expect(answer.text).not.to.contain('"object"').and.not.to.contain('"spec":');
  });

  it('of its writes over HTTP knows the request', async () => {
    const made = await server.ask('POST', TASKS, {
      body: JSON.stringify(taskManifest('wired')),
      headers: { 'Content-Type': 'application/json', 'User-Agent': 'kubectl/v1.34' },
    });
    expect(made.status, made.text).to.equal(201);
    const [created] = items(await ask(`${TASKS}/wired/history`));
    expect(created).to.include({ manager: 'kubectl', verb: 'create' });
    expect(created?.['requestID']).to.match(/^[0-9a-f-]{36}$/);
    expect(created?.['traceID']).to.match(/^[0-9a-f]{32}$/);
  });

  it('comes in pages, with status where that is asked for, and with the objects', async () => {
    const first = await ask(`${TASKS}/hello/history?limit=2&status=true&objects=true`);
    expect(items(first).map(({ operation, subresource }) => [operation, subresource])).to.deep.equal([
      ['deleted', undefined],
      ['changed', 'status'],
    ]);
    expect(items(first)[1]?.['changedFields']).to.deep.equal([{ path: 'status', operation: 'added' }]);
    expect(items(first)[0]?.['object']).to.nested.include({ 'spec.image': 'gantry/hello:2' });
    const metadata: unknown = first.json().metadata;
    expect(metadata).to.have.property('continue').that.is.a('string');
    const before = (metadata as { continue: string }).continue;
    const second = await ask(`${TASKS}/hello/history?limit=2&status=true&before=${before}`);
    expect(items(second).map(({ operation }) => operation)).to.deep.equal(['changed', 'created']);
    expect(second.json().metadata).not.to.have.property('continue');
  });

  it('refuses what makes no sense, in words', async () => {
    const rows: readonly (readonly [string, number, RegExp])[] = [
      [`${TASKS}/none/history`, 404, /not found: nothing is known of it since revision 0/],
      [`${TASKS}/hello/history?limit=all`, 400, /limit: found ..all.., wanted a whole number/],
      [`${TASKS}/hello/history?limit=0`, 400, /limit: found 0, wanted a whole number from 1 to 500/],
      [`${TASKS}/hello/history?before=-1`, 400, /before: found ..-1../],
      [
        '/api/v1/namespaces/default/pods/hello/history',
        400,
        /tasks\.gantry\.dev\/hello, of which it is a view/,
      ],
      ['/api/v1/nodes/w1/history', 400, /workers\.gantry\.dev\/w1, of which it is a view/],
      ['/apis/metrics.k8s.io/v1beta1/nodes/w1/history', 400, /it is made when it is read/],
      ['/api/v1/namespaces/default/events/e/history', 400, /events have no history/],
      ['/apis/gantry.dev/v1/tasks/hello/history', 404, /./],
      ['/apis/gantry.dev/v1/namespaces/default/nothings/hello/history', 404, /./],
    ];
    for (const [path, status, message] of rows) {
      const answer = await ask(path);
      expect(answer.status, `${path}: ${answer.text}`).to.equal(status);
      expect(answer.text, path).to.match(message);
    }
    const post = await server.ask('POST', `${TASKS}/hello/history`, { body: '{}' });
    expect(post.status).to.equal(405);
    const yaml = await ask(`${TASKS}/hello/history`, { headers: { Accept: 'application/yaml' } });
    expect(yaml.status).to.equal(406);
  });

  it('is of an object that is called so, too', async () => {
    await server.world.admin.create(configMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'history', namespace: 'default' },
    });
    expect((await ask('/api/v1/namespaces/default/configmaps/history')).json().kind).to.equal('ConfigMap');
    expect((await ask('/api/v1/namespaces/default/configmaps/history/history')).json().kind).to.equal(
      'ObjectHistory',
    );
  });

  it('is read by the client, page by page', async () => {
    const http = newHttpClient({ server: `http://127.0.0.1:${server.port}` });
    const whole = await readHistory(http, tasks, key, { hasObjects: true });
    expect(whole.entries.map(({ operation, author }) => [operation, author?.manager])).to.deep.equal([
      ['deleted', 'admin'],
      ['changed', 'ci'],
      ['created', 'admin'],
    ]);
    const [, changed] = whole.entries;
    expect(changed).to.deep.include({ generation: 2, changeCause: 'a new image', moreChangedFields: 0 });
    expect(changed?.changedFields?.map(({ path }) => path)).to.deep.equal([
      'spec.image',
      'spec.env',
      'metadata.annotations',
    ]);
    expect(changed?.object?.metadata.name).to.equal('hello');
    const page = await readHistory(http, tasks, key, { limit: 1 });
    expect(page.entries).to.have.length(1);
    expect(page.entries[0]).not.to.have.property('object');
    const beforeRevision = page.continueBefore ?? 0;
    const rest = await readHistory(http, tasks, key, { beforeRevision });
    expect([...page.entries, ...rest.entries].map(({ revision }) => revision)).to.deep.equal(
      whole.entries.map(({ revision }) => revision),
    );
    await refusalOf(readHistory(http, tasks, { ...key, name: 'none' }), 'NotFound');
  });

  it('is of a namespace, too, whose place in the path is that of what is in it', async () => {
    const answer = await ask('/api/v1/namespaces/default/history');
    expect(answer.status, answer.text).to.equal(200);
    expect(items(answer).at(-1)).to.include({ operation: 'created' });
  });

  it('is in discovery and in OpenAPI with why, for kinds that have one', async () => {
    for (const [path, shown, not] of [
      ['/apis/gantry.dev/v1', '"tasks/history"', undefined],
      ['/api/v1', '"secrets/history"', '"events/history"'],
      ['/apis/coordination.k8s.io/v1', '"leases"', '"leases/history"'],
      ['/openapi/v3/apis/gantry.dev/v1', '/tasks/{name}/history"', undefined],
      ['/openapi/v3/api/v1', '/configmaps/{name}/history"', '/pods/{name}/history"'],
      ['/openapi/v2', 'dev.gantry.v1.ObjectHistory', undefined],
      ['/apis/gantry.dev/v1', '"tasks/why"', undefined],
      ['/api/v1', '"events/why"', '"pods/why"'],
      ['/openapi/v3/api/v1', '/configmaps/{name}/why"', '/pods/{name}/why"'],
      ['/openapi/v2', 'dev.gantry.v1.Why', undefined],
    ] as const) {
      const answer = await ask(path);
      expect(answer.status, path).to.equal(200);
      expect(answer.text, path).to.contain(shown);
      if (not !== undefined) expect(answer.text, path).not.to.contain(not);
    }
  });
});
