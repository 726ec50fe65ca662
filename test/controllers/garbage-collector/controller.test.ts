/** The garbage collector on the real registry: the three policies, vanished owners, chains, circles, races, restarts. */
import { expect } from 'chai';
import { ControlPlane } from '../../../controllers/list.ts';
import type { Client, DeleteOptions } from '../../../machinery/client.ts';
import { ApiError, isApiError } from '../../../machinery/errors.ts';
import { silentLog } from '../../../machinery/log.ts';
import type { KubeObject, ObjectMeta, OwnerReference, Resource } from '../../../machinery/meta.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import { configMaps, events, namespaces, secrets } from '../../../schemas/kinds.ts';
import type { ConfigMap } from '../../../schemas/types.gen.ts';
import { type ClientHooks, intercept } from '../../intercept.ts';
import { openWorld, type World } from '../../world.ts';

describe('Garbage collector', () => {
  let world: World;
  let stop: AbortController;
  let running: Promise<void> | undefined;

  /** @param hooks around what the garbage collector asks of the server. */
  function start(hooks?: ClientHooks): void {
    stop = new AbortController();
    const { clock, random } = world;
    const clientOf = (name: string): Client =>
      hooks !== undefined && name === 'garbage-collector'
        ? intercept(world.controllerClient(name), hooks)
        : world.controllerClient(name);
    const metrics = newMetrics();
    running = new ControlPlane({ clientOf, clock, random, log: silentLog, metrics }).run(stop.signal);
  }

  async function halt(): Promise<void> {
    stop.abort();
    await running;
    running = undefined;
  }

  beforeEach(async () => {
    world = await openWorld();
    start();
    await world.settle();
  });

  afterEach(async () => {
    if (running !== undefined) await halt();
    await world.close();
  });

  function refTo({ apiVersion, kind, metadata }: KubeObject, blocks = true): OwnerReference {
    const { name, uid = '' } = metadata;
    return { apiVersion, kind, name, uid, blockOwnerDeletion: blocks };
  }

  function add(name: string, metadata: Partial<ObjectMeta> = {}): Promise<ConfigMap> {
    const object = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace: 'default', ...metadata },
    };
    return world.admin.create(configMaps, object);
  }

  const owned = (name: string, ...owners: readonly KubeObject[]): Promise<ConfigMap> =>
    add(name, { ownerReferences: owners.map((owner) => refTo(owner)) });

  const remove = (name: string, options: DeleteOptions = {}): Promise<ConfigMap> =>
    world.admin.delete(configMaps, { namespace: 'default', name }, options);

  async function read<T extends KubeObject>(resource: Resource<T>, name: string): Promise<T | undefined> {
    try {
      return await world.admin.get(resource, { namespace: 'default', name });
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  const names = async (): Promise<string[]> =>
    (await world.admin.list(configMaps)).items.map(({ metadata }) => metadata.name);

  const settles = (what: string, ...wanted: readonly string[]): Promise<void> =>
    world.until(`${what}: ${wanted.join(', ') || 'nothing'} left`, async () => {
      const found = await names();
      return found.length === wanted.length && wanted.every((name) => found.includes(name));
    });

  const reasons = async (reason: string): Promise<string[]> =>
    (await world.admin.list(events)).items
      .filter((event) => event.reason === reason)
      .map((event) => event.involvedObject.name ?? '');

  it('background: the owner goes at once, its dependents and theirs after it, each with its reason', async () => {
    const a = await add('a');
    const b = await owned('b', a);
    await owned('c', b);
    await add('other');
    await remove('a', { propagationPolicy: 'Background' });
    expect(await read(configMaps, 'a')).to.equal(undefined);
    await settles('background', 'other');
    await world.advance(1_000);
    expect(await reasons('GarbageCollected')).to.have.members(['b', 'c']);
    const event = (await world.admin.list(events)).items.find(
      ({ involvedObject }) => involvedObject.name === 'b',
    );
    const decision = JSON.parse(event?.metadata.annotations?.['gantry.dev/decision'] ?? '{}');
    expect(decision).to.deep.include({ verdict: 'GarbageCollected', action: 'delete, Background' });
    expect(decision.inputs.owners).to.deep.equal([
      { kind: 'ConfigMap', name: 'a', uid: a.metadata.uid, state: 'absent' },
    ]);
  });

  it('foreground: the owner is there until the last dependent of the last dependent has gone', async () => {
    const a = await add('a');
    const b = await owned('b', a);
    await add('c', { ownerReferences: [refTo(b)], finalizers: ['example.com/slow'] });
    const marked = await remove('a', { propagationPolicy: 'Foreground' });
    expect(marked.metadata.finalizers).to.deep.equal(['foregroundDeletion']);
    await world.until('c is told to go', async () => {
      return (await read(configMaps, 'c'))?.metadata.deletionTimestamp !== undefined;
    });
    expect(await names()).to.have.members(['a', 'b', 'c']);
    await world.admin.patch(
      configMaps,
      { namespace: 'default', name: 'c' },
      { type: 'merge', body: { metadata: { finalizers: null } } },
    );
    await settles('foreground');
  });

  it('foreground: does not wait for what does not block', async () => {
    const a = await add('a');
    await add('b', { ownerReferences: [refTo(a, false)], finalizers: ['example.com/slow'] });
    await remove('a', { propagationPolicy: 'Foreground' });
    await settles('not blocking', 'b');
    expect((await read(configMaps, 'b'))?.metadata.deletionTimestamp).to.be.a('string');
  });

  it('foreground: what another owner keeps is let go, and the first owner goes', async () => {
    const [a, b] = [await add('a'), await add('b')];
    await owned('c', a, b);
    await remove('a', { propagationPolicy: 'Foreground' });
    await settles('two owners', 'b', 'c');
    expect((await read(configMaps, 'c'))?.metadata.ownerReferences).to.deep.equal([refTo(b)]);
  });

  it('orphan: the dependents stay without the reference, then the owner goes', async () => {
    const [a, b] = [await add('a'), await add('b')];
    await owned('c', a);
    await owned('d', a, b);
    const marked = await remove('a', { propagationPolicy: 'Orphan' });
    expect(marked.metadata.finalizers).to.deep.equal(['orphan']);
    await settles('orphan', 'b', 'c', 'd');
    expect((await read(configMaps, 'c'))?.metadata.ownerReferences).to.equal(undefined);
    expect((await read(configMaps, 'd'))?.metadata.ownerReferences).to.deep.equal([refTo(b)]);
    await world.advance(1_000);
    expect(await reasons('Orphaned')).to.have.members(['c', 'd']);
  });

  it('a second delete changes the policy: foreground becomes background', async () => {
    const a = await add('a');
    await add('b', { ownerReferences: [refTo(a)], finalizers: ['example.com/slow'] });
    await remove('a', { propagationPolicy: 'Foreground' });
    await world.settle();
    await remove('a', { propagationPolicy: 'Background' });
    expect(await names()).to.deep.equal(['b']);
  });

  it('circles: three that own each other go in the foreground, and one that owns itself', async () => {
    const a = await add('a');
    const b = await owned('b', a);
    const c = await owned('c', b);
    for (const [name, owner] of [
      ['a', c],
      ['self', await add('self')],
    ] as const) {
      await world.admin.patch(
        configMaps,
        { namespace: 'default', name },
        { type: 'merge', body: { metadata: { ownerReferences: [refTo(owner)] } } },
      );
    }
    await world.advance(1_000);
    expect(await names()).to.have.members(['a', 'b', 'c', 'self']);
    await remove('a', { propagationPolicy: 'Foreground' });
    await remove('self', { propagationPolicy: 'Foreground' });
    await settles('circles');
  });

  it('an owner of the same name with another uid is another owner', async () => {
    const a = await add('a');
    await owned('b', a);
    await halt();
    await remove('a');
    const again = await add('a');
    await owned('c', again);
    start();
    await settles('recreated', 'a', 'c');
  });

  it('an owner that never was: what it owns goes; of a kind nobody serves, or a view: it stays', async () => {
    const ghost = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'ghost', uid: 'u1' } };
    const unknown = { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'w', uid: 'u2' } };
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', uid: 'u3' } };
    const future = { apiVersion: 'v2', kind: 'ConfigMap', metadata: { name: 'f', uid: 'u4' } };
    await owned('b', ghost);
    await owned('c', unknown);
    await owned('d', pod);
    await owned('e', ghost, pod);
    await owned('f', future);
    await world.until('b is gone', async () => (await read(configMaps, 'b')) === undefined);
    await world.advance(60_000);
    expect(await names()).to.have.members(['c', 'd', 'e', 'f']);
    expect((await read(configMaps, 'e'))?.metadata.ownerReferences).to.deep.equal([refTo(pod)]);
  });

  it('an owner in another namespace is no owner: an Event says so, and the object goes', async () => {
    await world.admin.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'far' } });
    const metadata = { name: 'a', namespace: 'far' };
    const a = await world.admin.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata });
    await owned('b', a);
    await world.until('b is gone', async () => (await read(configMaps, 'b')) === undefined);
    await world.advance(1_000);
    expect(await reasons('OwnerRefInvalidNamespace')).to.deep.equal(['b']);
    expect(await names()).to.deep.equal(['a']);
  });

  it('cluster-scoped owners own in any namespace; namespaced ones own nothing cluster-scoped', async () => {
    const make = (name: string, ownerReferences?: OwnerReference[]) =>
      world.admin.create(namespaces, {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name, ...(ownerReferences === undefined ? {} : { ownerReferences }) },
      });
    const scope = await make('scope');
    await owned('b', scope);
    const lost = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', uid: 'u1' } };
    await make('odd', [refTo(lost)]);
    await world.advance(1_000);
    expect(await names()).to.deep.equal(['b']);
    expect((await world.admin.get(namespaces, { name: 'odd' })).metadata.deletionTimestamp).to.equal(
      undefined,
    );
    expect(await reasons('OwnerRefInvalidNamespace')).to.deep.equal(['odd']);
    await world.admin.delete(namespaces, { name: 'scope' });
    await settles('a cluster-scoped owner');
  });

  it('what is protected stays without its owner, and goes when the protection does', async () => {
    const a = await add('a');
    await add('b', { ownerReferences: [refTo(a)], annotations: { 'gantry.dev/protect': 'true' } });
    await remove('a');
    await world.advance(60_000);
    expect(await names()).to.deep.equal(['b']);
    expect(await reasons('Protected')).to.deep.equal(['b']);
    const body = { metadata: { annotations: { 'gantry.dev/protect': null } } };
    await world.admin.patch(configMaps, { namespace: 'default', name: 'b' }, { type: 'merge', body });
    await settles('no longer protected');
  });

  it('dies in the middle and goes on: nothing is remembered, nothing is lost', async () => {
    const a = await add('a');
    for (let index = 0; index < 10; index++) await owned(`b${index}`, a);
    let left = 4;
    await halt();
    await remove('a', { propagationPolicy: 'Foreground' });
    start({
      before({ operation }) {
        if (operation !== 'delete' || left-- > 0) return;
        stop.abort();
        throw new ApiError('ServiceUnavailable', 'the process is dead');
      },
    });
    await world.until('it died', () => stop.signal.aborted);
    await halt();
    expect((await names()).length).to.be.greaterThan(1);
    start();
    await settles('after a restart');
  });

  it('loses the race with whoever adopts: what has a new owner stays', async () => {
    const [a, b] = [await add('a'), await add('b')];
    await owned('c', a);
    await halt();
    let isAdopted = false;
    await remove('a');
    start({
      async before({ operation }) {
        if (operation !== 'delete' || isAdopted) return;
        isAdopted = true;
        const body = { metadata: { ownerReferences: [refTo(b)] } };
        await world.admin.patch(configMaps, { namespace: 'default', name: 'c' }, { type: 'merge', body });
      },
    });
    await world.until('it was about to delete', () => isAdopted);
    await world.advance(60_000);
    expect(await names()).to.have.members(['b', 'c']);
  });

  it('lets go also of what the watch has not shown yet', async () => {
    const a = await add('a');
    await halt();
    let isLate = false;
    await remove('a', { propagationPolicy: 'Orphan' });
    start({
      async before({ operation }) {
        if (operation !== 'list' || isLate) return;
        isLate = true;
        await owned('late', a);
      },
    });
    await settles('late', 'late');
    expect((await read(configMaps, 'late'))?.metadata.ownerReferences).to.equal(undefined);
  });

  it('a settled world is left alone', async () => {
    const a = await add('a');
    await owned('b', a);
    await world.admin.create(secrets, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's', namespace: 'default', ownerReferences: [refTo(a)] },
    });
    await world.advance(1_000);
    const before = world.store.revision();
    await world.advance(10 * 60_000);
    expect(world.store.revision()).to.equal(before);
  });
});
