/** A deleted namespace is emptied and goes, on the real registry. */
import { expect } from 'chai';
import { ControlPlane } from '../../../controllers/list.ts';
import type { Client } from '../../../machinery/client.ts';
import { isApiError } from '../../../machinery/errors.ts';
import { silentLog } from '../../../machinery/log.ts';
import type { KubeObject, ObjectMeta, Resource } from '../../../machinery/meta.ts';
import { configMaps, events, namespaces, secrets, tasks } from '../../../schemas/kinds.ts';
import type { Namespace } from '../../../schemas/types.gen.ts';
import type { Write } from '../../../store/store.ts';
import { taskManifest } from '../../builders.ts';
import { openWorld, type World } from '../../world.ts';

const key = { namespace: 'shop', name: 'x' };

describe('Namespace controller', () => {
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
    await world.admin.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
  });

  afterEach(async () => {
    stop.abort();
    await running;
    await world.close();
  });

  const add = (metadata: Partial<ObjectMeta> = {}) =>
    world.admin.create(configMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { ...key, ...metadata },
    });

  async function find<T extends KubeObject>(resource: Resource<T>, at: { name: string; namespace?: string }) {
    try {
      return await world.admin.get(resource, at);
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  const shop = (): Promise<Namespace | undefined> => find(namespaces, { name: 'shop' });
  const goes = (): Promise<void> =>
    world.until('the namespace goes', async () => (await shop()) === undefined);

  async function says(type: string): Promise<string> {
    const condition = (await shop())?.status?.conditions?.find((found) => found.type === type);
    return `${condition?.status} ${condition?.reason}: ${condition?.message}`;
  }

  const patch = (resource: Resource<KubeObject>, body: unknown) =>
    world.admin.patch(resource, key, { type: 'merge', body });

  it('empties it of everything and lets it go, and leaves others alone', async () => {
    await add();
    await add({ namespace: 'default' });
    await world.admin.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: key });
    await world.admin.create(tasks, taskManifest('x', {}, { namespace: 'shop' }));
    const marked = await world.admin.delete(namespaces, { name: 'shop' });
    expect(marked.status?.phase).to.equal('Terminating');
    await goes();
    expect(
      (await world.admin.list(configMaps)).items.map(({ metadata }) => metadata.namespace),
    ).to.deep.equal(['default']);
    await world.advance(1_000);
    const told = (await world.admin.list(events)).items.map(({ reason }) => reason);
    expect(told).to.include('NamespaceEmptied');
  });

  it('takes along what was on its way into it when it was deleted', async () => {
    const { store } = world;
    const commit = store.commit.bind(store);
    const isLate = (write: Write): boolean => write.key.endsWith('/configmaps/shop/x');
    let isMarked = false;
    let late: (() => void) | undefined;
    // The commits of one store are in order: this one takes until another begins after the deletion.
    store.commit = (writes) => {
      if (writes.some(isLate)) {
        return new Promise((resolve) => {
          late = () => resolve(commit(writes));
        });
      }
      if (isMarked) late?.();
      isMarked ||= writes.some(({ key: changed }) => changed.endsWith('/namespaces/shop'));
      return commit(writes);
    };
    const adding = add();
    await world.settle();
    await world.admin.delete(namespaces, { name: 'shop' });
    await adding;
    store.commit = commit;
    await goes();
    expect(await find(configMaps, key)).to.equal(undefined);
  });

  it('waits for finalizers, saying whose, and goes with the last', async () => {
    await add({ finalizers: ['example.com/slow'] });
    await world.admin.delete(namespaces, { name: 'shop' });
    await world.advance(1_000);
    expect(await says('NamespaceFinalizersRemaining')).to.equal(
      'True SomeFinalizersRemain: Some content in the namespace has finalizers remaining: example.com/slow in 1 resource instances',
    );
    expect((await find(configMaps, key))?.metadata.deletionTimestamp).to.be.a('string');
    await patch(configMaps, { metadata: { finalizers: null } });
    await goes();
  });

  it('stops Tasks before it takes away what they use', async () => {
    await add();
    await world.admin.create(
      tasks,
      taskManifest('x', {}, { namespace: 'shop', finalizers: ['gantry.dev/container'] }),
    );
    await world.admin.delete(namespaces, { name: 'shop' });
    await world.advance(60_000);
    expect((await find(tasks, key))?.metadata.deletionTimestamp).to.be.a('string');
    expect((await find(configMaps, key))?.metadata.deletionTimestamp).to.equal(undefined);
    await patch(tasks, { metadata: { finalizers: null } });
    await goes();
  });

  it('stays Terminating around what is protected, says so, and goes once that is lifted', async () => {
    await add({ annotations: { 'gantry.dev/protect': 'true' } });
    await world.admin.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: key });
    await world.admin.delete(namespaces, { name: 'shop' });
    await world.until('the rest has gone', async () => (await find(secrets, key)) === undefined);
    await world.advance(60_000);
    expect(await says('NamespaceDeletionContentFailure')).to.match(
      /^True ContentProtected: .*configmaps "x"/,
    );
    expect((await find(configMaps, key))?.metadata.deletionTimestamp).to.equal(undefined);
    await patch(configMaps, { metadata: { annotations: { 'gantry.dev/protect': null } } });
    await goes();
  });

  it('does not delete a namespace that is protected itself, nor one that is there for good', async () => {
    const at = { name: 'shop' };
    const annotate = (value: string | null) =>
      world.admin.patch(namespaces, at, {
        type: 'merge',
        body: { metadata: { annotations: { 'gantry.dev/protect': value } } },
      });
    await annotate('true');
    for (const name of ['shop', 'default', 'gantry-system']) {
      let refusal: unknown;
      try {
        await world.admin.delete(namespaces, { name });
      } catch (error) {
        refusal = error;
      }
      expect(isApiError(refusal, 'Forbidden'), name).to.equal(true);
    }
    await annotate(null);
    await world.admin.delete(namespaces, at);
    await goes();
  });
});
