/** All kinds, followed together: users' kinds as they come and go, and what of their objects is kept. */
import { expect } from 'chai';
import { keptOf } from '../../../controllers/kinds/kinds.ts';
import { ControlPlane } from '../../../controllers/list.ts';
import type { Client } from '../../../machinery/client.ts';
import { isApiError } from '../../../machinery/errors.ts';
import { silentLog } from '../../../machinery/log.ts';
import type { DynamicObject, KubeObject, ObjectMeta, Resource } from '../../../machinery/meta.ts';
import { configMaps, namespaces } from '../../../schemas/kinds.ts';
import { openWorld, type World } from '../../world.ts';

const definitions: Resource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};
const widgets: Resource = {
  group: 'example.com',
  version: 'v2',
  plural: 'widgets',
  kind: 'Widget',
  namespaced: true,
};

function version(name: string, storage: boolean): object {
  const openAPIV3Schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  return { name, served: true, storage, schema: { openAPIV3Schema } };
}

const definition: DynamicObject = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
    versions: [version('v1', false), version('v2', true)],
  },
};

describe('Kinds', () => {
  let world: World;
  let stop: AbortController;
  let running: Promise<void>;

  beforeEach(async () => {
    world = await openWorld();
    stop = new AbortController();
    const { clock, random, metrics } = world;
    const clientOf = (name: string): Client => world.controllerClient(name);
    running = new ControlPlane({ clientOf, clock, random, log: silentLog, metrics }).run(stop.signal);
    await world.settle();
  });

  afterEach(async () => {
    stop.abort();
    await running;
    await world.close();
  });

  async function register(): Promise<void> {
    await world.admin.create(definitions, definition);
    await world.until('widgets are served', isServed);
  }

  async function isServed(): Promise<boolean> {
    try {
      await world.admin.list(widgets);
      return true;
    } catch (error) {
      if (isApiError(error, 'NotFound')) return false;
      throw error;
    }
  }

  const add = (name: string, metadata: Partial<ObjectMeta> = {}): Promise<DynamicObject> =>
    world.admin.create(widgets, {
      apiVersion: 'example.com/v2',
      kind: 'Widget',
      metadata: { name, namespace: 'default', ...metadata },
    });

  const own = (name: string, { kind, metadata }: KubeObject, apiVersion: string): Promise<unknown> =>
    world.admin.create(configMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name,
        namespace: 'default',
        ownerReferences: [{ apiVersion, kind, name: metadata.name, uid: metadata.uid ?? '' }],
      },
    });

  const maps = async (): Promise<string[]> =>
    (await world.admin.list(configMaps)).items.map(({ metadata }) => metadata.name);

  it("a user's kind owns and is owned as any other, by every version it is served in", async () => {
    await register();
    const a = await add('a');
    await own('one', a, 'example.com/v1');
    await own('two', a, 'example.com/v2');
    await own('three', a, 'example.com/v3');
    await world.advance(5_000);
    expect(await maps()).to.have.members(['one', 'two', 'three']);
    await world.admin.delete(widgets, { namespace: 'default', name: 'a' });
    await world.until('the dependents have gone', async () => (await maps()).length === 1);
    expect(await maps()).to.deep.equal(['three']);
  });

  it('what refers to a kind that is not served stays, and is decided when the kind comes', async () => {
    const metadata = { name: 'ghost', namespace: 'default', uid: 'u1' };
    await own('early', { apiVersion: 'example.com/v2', kind: 'Widget', metadata }, 'example.com/v2');
    await world.advance(60_000);
    expect(await maps()).to.deep.equal(['early']);
    await register();
    await world.until('early has gone', async () => (await maps()).length === 0);
  });

  it('a kind that goes takes nobody else along, and may come again', async () => {
    await register();
    await world.admin.delete(definitions, { name: 'widgets.example.com' });
    await world.until('widgets are gone', async () => !(await isServed()));
    await world.advance(5_000);
    await register();
    await own('one', await add('a'), 'example.com/v2');
    await world.advance(5_000);
    await world.admin.delete(widgets, { namespace: 'default', name: 'a' });
    await world.until('the dependent has gone', async () => (await maps()).length === 0);
  });

  it("a namespace is emptied of users' kinds too, and anything of theirs may have a ttl", async () => {
    await register();
    await world.admin.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
    await add('a', { namespace: 'shop' });
    await add('b', { annotations: { 'gantry.dev/ttl': '10s' } });
    await world.admin.delete(namespaces, { name: 'shop' });
    await world.until('both have gone', async () => (await world.admin.list(widgets)).items.length === 0);
  });
});

describe('keptOf', () => {
  it('keeps what ownership, protection and age are told by, and no more', () => {
    const metadata: ObjectMeta = {
      name: 'x',
      namespace: 'default',
      uid: 'u',
      resourceVersion: '7',
      generation: 2,
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { a: 'b' },
      annotations: { note: 'long' },
      finalizers: ['f'],
    };
    const whole = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { big: 'x'.repeat(1000) } };
    expect(keptOf(whole)).to.deep.equal({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'x', namespace: 'default', uid: 'u', resourceVersion: '7', finalizers: ['f'] },
    });
    const marked = { ...metadata, annotations: { note: 'long', 'gantry.dev/ttl': '1h' } };
    expect(keptOf({ ...whole, metadata: marked }).metadata).to.include({
      creationTimestamp: '2026-01-01T00:00:00Z',
    });
    expect(keptOf({ ...whole, metadata: marked }).metadata.annotations).to.deep.equal({
      'gantry.dev/ttl': '1h',
    });
  });
});
