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
  const eventually = (what: string, condition: () => Promise<boolean>): Promise<void> =>
    server.world.until(what, condition);
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
      expect(subresources).to.include.members(['status', 'binding', 'log', 'exec']);
    });
  }

  it('prefers v2 where a client takes both', async () => {
    const json = await get('/apis', `${AGGREGATED('v2')},${AGGREGATED('v2beta1')},application/json`);
    expect(json.apiVersion).to.equal('apidiscovery.k8s.io/v2');
  });

  it('has the core group, nameless, at /api with the Pod view in no category', async () => {
    const json = await get('/api', AGGREGATED('v2'));
    expect(at(json, 'items.0.metadata')).not.to.have.property('name');
    const pods = named(at(json, 'items.0.versions.0.resources'), 'resource', 'pods');
    expect(pods.verbs).to.include.members(['get', 'list', 'watch']);
    expect(pods.shortNames).to.deep.equal(['po']);
    expect(pods).not.to.have.property('categories');
    expect(named(pods.subresources, 'subresource', 'eviction').responseKind).to.deep.equal({
      group: 'policy',
      version: 'v1',
      kind: 'Eviction',
    });
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
    // drain looks for exactly this.
    expect(named(core.resources, 'name', 'pods/eviction')).to.include({
      group: 'policy',
      version: 'v1',
      kind: 'Eviction',
    });
    expect(named(core.resources, 'name', 'pods')).not.to.have.property('storageVersionHash');
    expect(named(core.resources, 'name', 'namespaces')).to.deep.include({
      namespaced: false,
      kind: 'Namespace',
    });
  });

  it('says in which version objects are kept, by Kubernetes’ own hash', async () => {
    const { resources } = await get('/apis/coordination.k8s.io/v1');
    // What a Kubernetes 1.33 says of its leases.
    expect(named(resources, 'name', 'leases').storageVersionHash).to.equal('gqkMMb/YqFM=');
    const core = (await get('/api/v1')).resources;
    for (const [name, hash] of [
      ['configmaps', 'qFsyl6wFWjQ='],
      ['secrets', 'S6u1pOWzb84='],
      ['namespaces', 'Q3oi5N2YM8M='],
    ] as const) {
      expect(named(core, 'name', name).storageVersionHash, name).to.equal(hash);
    }
  });

  it('has reviews as resources that can only be created', async () => {
    const { resources } = await get('/apis/authorization.k8s.io/v1');
    expect(named(resources, 'name', 'selfsubjectaccessreviews')).to.deep.equal({
      name: 'selfsubjectaccessreviews',
      singularName: 'selfsubjectaccessreview',
      namespaced: false,
      kind: 'SelfSubjectAccessReview',
      verbs: ['create'],
    });
  });

  it('follows the kinds of users as they come and go, the preferred version first, built-in groups before theirs', async () => {
    const version = (name: string, storage: boolean): object => ({
      name,
      served: true,
      storage,
      schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object' } } } },
    });
    const names = { plural: 'gears', singular: 'gear', kind: 'Gear', listKind: 'GearList' };
    const definition = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'gears.aaa.example' },
      spec: {
        group: 'aaa.example',
        scope: 'Namespaced',
        names,
        versions: [version('v1beta1', true), version('v2alpha1', false), version('v1', false)],
      },
    };
    const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
    const old = await server.ask('GET', '/apis');
    expect((await server.ask('POST', definitions, { body: definition })).status).to.equal(201);
    const groupsNow = async (): Promise<readonly string[]> =>
      ((await get('/apis')).groups as { name: string }[]).map(({ name }) => name);
    await eventually('the group is served', async () => (await groupsNow()).includes('aaa.example'));
    expect((await groupsNow()).indexOf('gantry.dev')).to.be.lessThan(
      (await groupsNow()).indexOf('aaa.example'),
    );
    const fresh = await server.ask('GET', '/apis', { headers: { 'If-None-Match': old.headers.etag ?? '' } });
    expect(fresh.status).to.equal(200);
    const group = await get('/apis/aaa.example');
    expect((group.versions as { version: string }[]).map((one) => one.version)).to.deep.equal([
      'v1',
      'v1beta1',
      'v2alpha1',
    ]);
    expect(at(group, 'preferredVersion.version')).to.equal('v1');
    const aggregated = named((await get('/apis', AGGREGATED('v2'))).items, 'metadata.name', 'aaa.example');
    expect((aggregated.versions as { version: string }[])[0]?.version).to.equal('v1');
    const hashes = await Promise.all(
      ['v1', 'v1beta1'].map(async (one) =>
        at(await get(`/apis/aaa.example/${one}`), 'resources.0.storageVersionHash'),
      ),
    );
    expect(hashes[0]).to.be.a('string').and.equal(hashes[1]);
    expect((await get('/openapi/v3')).paths).to.include.keys('apis/aaa.example/v1');
    expect((await get('/openapi/v2')).definitions).to.include.keys('example.aaa.v1.Gear');
    await server.ask('DELETE', `${definitions}/gears.aaa.example`);
    await eventually('the group is gone', async () => !(await groupsNow()).includes('aaa.example'));
    expect((await get('/openapi/v2')).definitions).not.to.include.keys('example.aaa.v1.Gear');
  });

  it('is not sent again to a client that has it', async () => {
    for (const [path, accept] of [
      ['/apis', AGGREGATED('v2')],
      ['/api', AGGREGATED('v2beta1')],
      ['/apis', 'application/json'],
      ['/apis/gantry.dev/v1', 'application/json'],
      ['/openapi/v2', 'application/json'],
      ['/version', 'application/json'],
    ] as const) {
      const { headers } = await server.ask('GET', path, { headers: { Accept: accept } });
      const again = await server.ask('GET', path, {
        headers: { Accept: accept, 'If-None-Match': headers.etag ?? '' },
      });
      expect([again.status, again.text], path).to.deep.equal([304, '']);
      const other = await server.ask('GET', path, { headers: { Accept: accept, 'If-None-Match': '"OLD"' } });
      expect(other.status, path).to.equal(200);
    }
  });

  it('lists its paths at /, and answers all of them, with a slash behind them or without', async () => {
    const paths = (await get('/')).paths as string[];
    expect(paths).to.include.members(['/api', '/api/v1', '/apis', '/apis/gantry.dev', '/apis/gantry.dev/v1']);
    for (const path of paths) {
      expect((await server.ask('GET', path)).status, path).to.equal(200);
      expect((await server.ask('GET', `${path}/`)).status, `${path}/`).to.equal(200);
    }
  });

  it('is only read', async () => {
    for (const path of [
      '/',
      '/api',
      '/apis',
      '/apis/gantry.dev/v1',
      '/openapi/v2',
      '/openapi/v3',
      '/version',
    ]) {
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']) {
        const answer = await server.ask(method, path);
        expect([answer.status, answer.headers.allow], `${method} ${path}`).to.deep.equal([405, 'GET']);
        expect(answer.json().reason).to.equal('MethodNotAllowed');
      }
      const head = await server.ask('HEAD', path);
      expect([head.status, head.text], `HEAD ${path}`).to.deep.equal([200, '']);
    }
    expect((await server.ask('GET', '/debug/pprof/')).status).to.equal(404);
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
