/** The scale subresource over HTTP, on a kind that has it: its own form, its isolation, its managers. */
import { expect } from 'chai';
import { openRegistry } from '../../../../api/registry/open.ts';
import { FakeClock } from '../../../../machinery/fakeclock.ts';
import { silentLog } from '../../../../machinery/log.ts';
import { newMetrics } from '../../../../machinery/metrics.ts';
import { seededRandom } from '../../../../machinery/random.ts';
import type { KindDocument } from '../../../../schemas/crd.ts';
import { builtinKinds } from '../../../../schemas/kinds.ts';
import { openStore } from '../../../../store/open.ts';
import { adminIdentity, openWorld } from '../../../world.ts';
import { type Answer, type Ask, at, serve, type TestServer } from '../../server/harness.ts';

const INT = { type: 'integer', minimum: 0, maximum: 100 } as const;

const flocks: KindDocument = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'flocks.example.dev' },
  spec: {
    group: 'example.dev',
    scope: 'Namespaced',
    names: { plural: 'flocks', singular: 'flock', kind: 'Flock', listKind: 'FlockList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: {
          status: {},
          scale: {
            specReplicasPath: '.spec.size.replicas',
            statusReplicasPath: '.status.replicas',
            labelSelectorPath: '.status.selector',
          },
        },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                properties: {
                  color: { type: 'string' },
                  size: { type: 'object', properties: { replicas: INT } },
                },
              },
              status: {
                type: 'object',
                properties: { replicas: INT, selector: { type: 'string' } },
              },
            },
          },
        },
      },
    ],
  },
};

const PATH = '/apis/example.dev/v1/namespaces/default/flocks';
const SCALE = `${PATH}/f/scale`;

describe('the scale subresource', () => {
  let server: TestServer;
  let close: () => Promise<void>;

  beforeEach(async () => {
    const clock = new FakeClock();
    const random = seededRandom(1);
    const metrics = newMetrics();
    const store = await openStore('memory:', { clock, random });
    const kinds = [...builtinKinds, flocks];
    const registry = await openRegistry({ store, clock, random, log: silentLog, metrics, kinds });
    const world = await openWorld();
    server = await serve({
      ...world,
      clock,
      random,
      metrics,
      store,
      registry,
      admin: registry.as(adminIdentity),
    });
    close = async () => {
      await server.close();
      await registry.close();
      await store.close();
      await world.close();
    };
    await ask('POST', `${PATH}?fieldManager=maker`, {
      body: {
        apiVersion: 'example.dev/v1',
        kind: 'Flock',
        metadata: { name: 'f' },
        spec: { color: 'red', size: { replicas: 2 } },
      },
    });
  });
  afterEach(() => close());

  async function ask(method: string, path: string, request: Ask = {}, status = 0): Promise<Answer> {
    const answer = await server.ask(method, path, request);
    expect(answer.status, answer.text).to.satisfy((found: number) =>
      status === 0 ? found < 300 : found === status,
    );
    return answer;
  }
  const patch = (path: string, type: string, body: unknown, status = 0): Promise<Answer> =>
    ask('PATCH', path, { headers: { 'content-type': `application/${type}` }, body }, status);
  const scale = (replicas: unknown, metadata: object = {}): Record<string, unknown> => ({
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: { name: 'f', namespace: 'default', ...metadata },
    spec: { replicas },
  });
  const flock = async (): Promise<Record<string, unknown>> => (await ask('GET', `${PATH}/f`)).json();

  it('shows the figure, what there is and by what it is found', async () => {
    await patch(`${PATH}/f/status`, 'merge-patch+json', { status: { replicas: 1, selector: 'app=x' } });
    const found = (await ask('GET', SCALE)).json();
    expect(found).to.deep.include({
      apiVersion: 'autoscaling/v1',
      kind: 'Scale',
      spec: { replicas: 2 },
      status: { replicas: 1, selector: 'app=x' },
    });
    const { metadata } = await flock();
    for (const field of ['name', 'namespace', 'uid', 'resourceVersion', 'creationTimestamp']) {
      expect(at(found, `metadata.${field}`)).to.equal(at(metadata, field));
    }
    expect(at(found, 'metadata.managedFields.0')).to.deep.include({
      manager: 'maker',
      apiVersion: 'autoscaling/v1',
      fieldsV1: { 'f:spec': { 'f:replicas': {} } },
    });
  });

  it('is replaced without a Content-Type, moves the generation and changes nothing else', async () => {
    const before = await flock();
    const answer = await ask('PUT', `${SCALE}?fieldManager=kubectl`, {
      headers: { 'content-type': '' },
      body: { ...scale(5), status: { replicas: 99 } },
    });
    expect(at(answer.json(), 'spec.replicas')).to.equal(5);
    const after = await flock();
    expect(at(after, 'spec')).to.deep.equal({ color: 'red', size: { replicas: 5 } });
    expect(at(after, 'status')).to.equal(undefined);
    expect(at(after, 'metadata.generation')).to.equal(Number(at(before, 'metadata.generation')) + 1);
    expect(at(after, 'metadata.managedFields')).to.deep.include({
      manager: 'kubectl',
      operation: 'Update',
      apiVersion: 'example.dev/v1',
      time: '2026-01-01T00:00:00Z',
      fieldsType: 'FieldsV1',
      fieldsV1: { 'f:spec': { 'f:size': { 'f:replicas': {} } } },
      subresource: 'scale',
    });
  });

  for (const type of ['merge-patch+json', 'strategic-merge-patch+json']) {
    it(`takes a ${type}`, async () => {
      await patch(SCALE, type, { spec: { replicas: 7 } });
      expect(at(await flock(), 'spec.size.replicas')).to.equal(7);
    });
  }

  it('takes a JSON patch, and a no-op writes nothing', async () => {
    await patch(SCALE, 'json-patch+json', [{ op: 'replace', path: '/spec/replicas', value: 3 }]);
    const after = await flock();
    expect(at(after, 'spec.size.replicas')).to.equal(3);
    await ask('PUT', SCALE, { body: scale(3) });
    expect(await flock()).to.deep.equal(after);
  });

  it('is applied, with conflicts of its own', async () => {
    const path = `${SCALE}?fieldManager=hpa`;
    const conflict = await patch(path, 'apply-patch+yaml', scale(9), 409);
    expect(conflict.json().message).to.equal(
      'Apply failed with 1 conflict: conflict with "maker" using example.dev/v1: .spec.size.replicas',
    );
    await patch(`${path}&force=true`, 'apply-patch+yaml', scale(9));
    const after = await flock();
    expect(at(after, 'spec')).to.deep.equal({ color: 'red', size: { replicas: 9 } });
    expect(at(after, 'metadata.managedFields.0')).to.deep.include({ manager: 'hpa', subresource: 'scale' });
    await ask(
      'PATCH',
      `${PATH}/gone/scale?fieldManager=hpa`,
      { headers: { 'content-type': 'application/apply-patch+yaml' }, body: scale(1, { name: 'gone' }) },
      404,
    );
  });

  it('stores nothing on a dry run', async () => {
    const before = await flock();
    const answer = await ask('PUT', `${SCALE}?dryRun=All`, { body: scale(8) });
    expect(at(answer.json(), 'spec.replicas')).to.equal(8);
    expect(await flock()).to.deep.equal(before);
  });

  for (const [name, body, status, message] of [
    ['a negative figure', scale(-1), 422, 'spec.replicas: Invalid value: -1'],
    ['a figure that is none', scale('many'), 422, 'spec.replicas'],
    ['what the owner does not allow', scale(101), 422, 'spec.size.replicas'],
    ['a stale version', scale(3, { resourceVersion: '1' }), 409, 'the object has been modified'],
    ['another uid', scale(3, { uid: 'other' }), 409, 'UID in precondition'],
    ['another name', scale(3, { name: 'g' }), 400, 'does not match the name on the URL'],
    ['another kind', { apiVersion: 'v1', kind: 'Pod', metadata: {} }, 400, 'must be a Scale'],
  ] as const) {
    it(`refuses ${name}`, async () => {
      expect((await ask('PUT', SCALE, { body }, status)).text).to.include(message);
    });
  }

  it('is not there for kinds without it', async () => {
    await ask('GET', '/apis/gantry.dev/v1/namespaces/default/tasks/x/scale', {}, 404);
  });
});
