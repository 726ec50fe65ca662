import { expect } from 'chai';
import { asRecord, at, openServer, type TestServer } from './harness.ts';

const AGGREGATED = (version: string): string =>
  `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;

describe('discovery', () => {
  let server: TestServer;
  before(async () => {
    server = await openServer();
  });
  after(() => server.close());

  const get = async (path: string, accept = 'application/json'): Promise<Record<string, unknown>> => {
    const answer = await server.ask('GET', path, { headers: { Accept: accept } });
    expect(answer.status, path).to.equal(200);
    return answer.json();
  };
  const named = (list: unknown, key: string, name: string): Record<string, unknown> =>
    asRecord((list as unknown[]).find((item) => at(item, key) === name));

  for (const version of ['v2', 'v2beta1']) {
    it(`is aggregated in ${version}, and says so in its Content-Type`, async () => {
      const accept = `${AGGREGATED(version)},application/json`;
      const { headers, json } = await server
        .ask('GET', '/apis', { headers: { Accept: accept } })
        .then((answer) => ({
          headers: answer.headers,
          json: answer.json(),
        }));
      expect(headers['content-type']).to.equal(AGGREGATED(version));
      expect(json).to.include({
        kind: 'APIGroupDiscoveryList',
        apiVersion: `apidiscovery.k8s.io/${version}`,
      });
      const group = named(json.items, 'metadata.name', 'gantry.dev');
      expect(at(group, 'versions.0')).to.deep.include({ version: 'v1', freshness: 'Current' });
      const resource = named(at(group, 'versions.0.resources'), 'resource', 'tasks');
      expect(resource).to.deep.include({
        responseKind: { group: 'gantry.dev', version: 'v1', kind: 'Task' },
        scope: 'Namespaced',
        singularResource: 'task',
        shortNames: ['gt'],
        categories: ['all'],
      });
      expect(resource.verbs).to.include.members([
        'create',
        'delete',
        'get',
        'list',
        'patch',
        'update',
        'watch',
      ]);
      const subresources = (resource.subresources as unknown[]).map((item) => at(item, 'subresource'));
      expect(subresources).to.have.members(['status', 'binding', 'log']);
    });
  }

  it('prefers v2 where a client takes both', async () => {
    const json = await get('/apis', `${AGGREGATED('v2')},${AGGREGATED('v2beta1')},application/json`);
    expect(json.apiVersion).to.equal('apidiscovery.k8s.io/v2');
  });

  it('has the core group, nameless, at /api with the Pod view read-only and in no category', async () => {
    const json = await get('/api', AGGREGATED('v2'));
    expect(at(json, 'items.0.metadata')).not.to.have.property('name');
    const pods = named(at(json, 'items.0.versions.0.resources'), 'resource', 'pods');
    expect(pods).to.deep.include({ verbs: ['get', 'list', 'watch'], shortNames: ['po'] });
    expect(pods).not.to.have.property('categories');
  });

  it('has the older forms', async () => {
    expect(await get('/api')).to.deep.include({ kind: 'APIVersions', versions: ['v1'] });
    const groups = await get('/apis');
    expect(groups).to.include({ kind: 'APIGroupList', apiVersion: 'v1' });
    const version = { groupVersion: 'gantry.dev/v1', version: 'v1' };
    const group = { name: 'gantry.dev', versions: [version], preferredVersion: version };
    expect(named(groups.groups, 'name', 'gantry.dev')).to.deep.equal(group);
    expect(await get('/apis/gantry.dev')).to.deep.equal({ kind: 'APIGroup', apiVersion: 'v1', ...group });
    const resources = await get('/apis/gantry.dev/v1');
    expect(resources).to.include({ kind: 'APIResourceList', groupVersion: 'gantry.dev/v1' });
    expect(named(resources.resources, 'name', 'tasks')).to.deep.include({
      singularName: 'task',
      namespaced: true,
      kind: 'Task',
    });
    expect(named(resources.resources, 'name', 'tasks/status')).to.deep.include({
      kind: 'Task',
      singularName: '',
    });
    expect(named(resources.resources, 'name', 'tasks/binding')).to.deep.include({
      kind: 'Binding',
      verbs: ['create'],
    });
    const core = await get('/api/v1');
    expect(core).to.include({ kind: 'APIResourceList', groupVersion: 'v1' });
    expect(named(core.resources, 'name', 'namespaces')).to.deep.include({
      namespaced: false,
      kind: 'Namespace',
    });
  });

  for (const path of ['/apis/nowhere.dev', '/apis/nowhere.dev/v1', '/api/v9', '/apis/gantry.dev/v9']) {
    it(`has nothing at ${path}`, async () => {
      const answer = await server.ask('GET', path);
      expect([answer.status, answer.json().reason]).to.deep.equal([404, 'NotFound']);
    });
  }

  it('serves at every path it lists', async () => {
    for (const root of ['/api/v1', '/apis/gantry.dev/v1', '/apis/coordination.k8s.io/v1']) {
      for (const resource of (await get(root)).resources as { name: string; verbs: string[] }[]) {
        if (resource.verbs.includes('list')) await get(`${root}/${resource.name}`);
      }
    }
  });

  it('tells its version as a Kubernetes one, with its own behind it', async () => {
    const version = await get('/version');
    expect(version).to.deep.include({ major: '1', minor: '33', gitVersion: 'v1.33.0+gantry.0.1.0' });
    expect(version.platform).to.match(/^linux\/(amd64|arm64)$/);
  });
});

describe('OpenAPI v3', () => {
  let server: TestServer;
  before(async () => {
    server = await openServer();
  });
  after(() => server.close());

  const document = async (path: string): Promise<{ url: string; json: Record<string, unknown> }> => {
    const root = (await server.ask('GET', '/openapi/v3')).json();
    const url = String(
      (root.paths as Record<string, { serverRelativeURL: string }>)[path]?.serverRelativeURL,
    );
    const answer = await server.ask('GET', url);
    expect(answer.status).to.equal(200);
    return { url, json: answer.json() };
  };

  it('lists one document for each group and version, by a URL that may be kept for ever', async () => {
    const root = (await server.ask('GET', '/openapi/v3')).json();
    expect(root.paths).to.have.all.keys('api/v1', 'apis/gantry.dev/v1', 'apis/coordination.k8s.io/v1');
    const { url } = await document('apis/gantry.dev/v1');
    expect(url).to.match(/^\/openapi\/v3\/apis\/gantry\.dev\/v1\?hash=[0-9A-F]{64}$/);
    const { headers } = await server.ask('GET', url);
    expect(headers['cache-control']).to.equal('public, immutable');
    expect(headers.vary).to.equal('Accept');
    expect(Date.parse(headers.expires ?? '')).to.be.greaterThan(Date.now());
    const again = await server.ask('GET', url, { headers: { 'If-None-Match': headers.etag ?? '' } });
    expect([again.status, again.text]).to.deep.equal([304, '']);
    const stale = await server.ask('GET', '/openapi/v3/apis/gantry.dev/v1?hash=OLD');
    expect([stale.status, stale.headers.location]).to.deep.equal([301, url]);
  });

  it('describes kinds by group, version and kind, with metadata by reference', async () => {
    const { json } = await document('apis/gantry.dev/v1');
    const task = at(json, 'components.schemas') as Record<string, unknown>;
    const schema = asRecord(task['dev.gantry.v1.Task']);
    expect(schema['x-kubernetes-group-version-kind']).to.deep.equal([
      { group: 'gantry.dev', version: 'v1', kind: 'Task' },
    ]);
    expect(at(schema, 'properties.metadata.allOf')).to.deep.equal([
      { $ref: '#/components/schemas/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' },
    ]);
    expect(at(schema, 'properties.spec.properties.image.description')).to.be.a('string');
    expect(task).to.include.keys('dev.gantry.v1.TaskList', 'dev.gantry.v1.Worker');
    expect(JSON.stringify(json)).not.to.include('x-gantry');
  });

  it('has no reference to what is not there', async () => {
    for (const path of ['api/v1', 'apis/gantry.dev/v1', 'apis/coordination.k8s.io/v1']) {
      const { json } = await document(path);
      const schemas = asRecord(at(json, 'components.schemas'));
      const references = [...JSON.stringify(json).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)];
      expect(references).not.to.have.length(0);
      for (const [, name = ''] of references) expect(schemas, path).to.have.property(name);
    }
  });

  it('says what every operation does, and offers server-side validation where kubectl looks for it', async () => {
    const { json } = await document('apis/gantry.dev/v1');
    const paths = asRecord(json.paths);
    const item = asRecord(paths['/apis/gantry.dev/v1/namespaces/{namespace}/tasks/{name}']);
    expect(item).to.include.keys('get', 'put', 'patch', 'delete');
    const patch = asRecord(item.patch);
    expect(patch).to.deep.include({
      'x-kubernetes-action': 'patch',
      'x-kubernetes-group-version-kind': { group: 'gantry.dev', version: 'v1', kind: 'Task' },
    });
    const names = (patch.parameters as { name: string }[]).map((parameter) => parameter.name);
    expect(names).to.include.members(['fieldValidation', 'dryRun', 'fieldManager']);
    expect(paths).to.include.keys(
      '/apis/gantry.dev/v1/tasks',
      '/apis/gantry.dev/v1/namespaces/{namespace}/tasks',
      '/apis/gantry.dev/v1/namespaces/{namespace}/tasks/{name}/status',
      '/apis/gantry.dev/v1/namespaces/{namespace}/tasks/{name}/binding',
      '/apis/gantry.dev/v1/workers/{name}',
    );
    expect(paths['/apis/gantry.dev/v1/workers/{name}/binding']).to.equal(undefined);
  });
});
