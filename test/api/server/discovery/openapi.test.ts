import { expect } from 'chai';
import { asRecord, at, openServer, type TestServer } from '../harness.ts';
import { checkSwagger } from './swaggerreader.ts';

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
    expect(root.paths).to.include.keys('api/v1', 'apis/gantry.dev/v1', 'apis/coordination.k8s.io/v1');
    const { url } = await document('apis/gantry.dev/v1');
    expect(url).to.match(/^\/openapi\/v3\/apis\/gantry\.dev\/v1\?hash=[0-9A-F]{64}$/);
    const { headers } = await server.ask('GET', url);
    expect(headers['cache-control']).to.equal('public, immutable');
    expect(headers.vary?.split(', ')).to.include('Accept');
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
    const root = (await server.ask('GET', '/openapi/v3')).json();
    for (const path of Object.keys(asRecord(root.paths))) {
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

describe('OpenAPI v2', () => {
  let server: TestServer;
  let document: Record<string, unknown>;
  before(async () => {
    server = await openServer();
    document = (await server.ask('GET', '/openapi/v2')).json();
  });
  after(() => server.close());

  it('satisfies a strict reader', () => {
    const { operations, definitions } = checkSwagger(document);
    expect(operations).to.be.greaterThan(100);
    expect(definitions).to.be.greaterThan(30);
  });

  it('names definitions and operations as Kubernetes names them', () => {
    expect(document.definitions).to.include.keys(
      'io.k8s.api.core.v1.Pod',
      'io.k8s.api.core.v1.ConfigMapList',
      'io.k8s.api.rbac.v1.ClusterRole',
      'io.k8s.api.coordination.v1.Lease',
      'io.k8s.api.policy.v1.Eviction',
      'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition',
      'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta',
      'dev.gantry.v1.Task',
      'dev.gantry.v1.TaskList',
    );
    for (const [method, path, id] of [
      ['get', '/api/v1/namespaces/{namespace}/configmaps', 'listCoreV1NamespacedConfigMap'],
      ['get', '/api/v1/configmaps', 'listCoreV1ConfigMapForAllNamespaces'],
      ['get', '/api/v1/namespaces/{namespace}/configmaps/{name}', 'readCoreV1NamespacedConfigMap'],
      [
        'put',
        '/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/{name}',
        'replaceCoordinationV1NamespacedLease',
      ],
      [
        'delete',
        '/apis/gantry.dev/v1/namespaces/{namespace}/tasks',
        'deleteGantryDevV1CollectionNamespacedTask',
      ],
      ['post', '/apis/rbac.authorization.k8s.io/v1/clusterroles', 'createRbacAuthorizationV1ClusterRole'],
      ['patch', '/api/v1/namespaces/{name}/status', 'patchCoreV1NamespaceStatus'],
      ['get', '/api/v1/namespaces/{namespace}/pods/{name}/log', 'readCoreV1NamespacedPodLog'],
      ['get', '/api/v1/namespaces/{namespace}/pods/{name}/exec', 'connectCoreV1GetNamespacedPodExec'],
      [
        'post',
        '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
        'createAuthorizationV1SelfSubjectAccessReview',
      ],
    ] as const) {
      expect(asRecord(asRecord(asRecord(document.paths)[path])[method]).operationId).to.equal(id);
    }
  });

  it('comes as protobuf to who asks for it, under both spellings and the old path', async () => {
    const protobuf = async (path: string, accept: string): Promise<string> => {
      const { status, headers, text } = await server.ask('GET', path, { headers: { Accept: accept } });
      expect(status).to.equal(200);
      expect(headers['content-type']).to.equal('application/com.github.proto-openapi.spec.v2.v1.0+protobuf');
      return text;
    };
    const first = await protobuf('/openapi/v2', 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf');
    expect(
      await protobuf('/openapi/v2', 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'),
    ).to.equal(first);
    expect(await protobuf('/swagger-2.0.0.pb-v1', '*/*')).to.equal(first);
    expect((await server.ask('GET', '/openapi/v2', { headers: { Accept: 'text/html' } })).status).to.equal(
      406,
    );
  });
});
