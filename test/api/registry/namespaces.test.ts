/** The life of a namespace, as the API sees it; what empties it is a controller's. */
import { expect } from 'chai';
import { ApiError } from '../../../machinery/errors.ts';
import { configMaps, namespaces } from '../../../schemas/kinds.ts';
import type { ConfigMap, Namespace } from '../../../schemas/types.gen.ts';
import { openWorld, type World } from '../../world.ts';

const team = { name: 'team' };

async function refusalOf(work: Promise<unknown>): Promise<ApiError> {
  const error = await work.then(
    () => new Error('it was done'),
    (thrown: unknown) => thrown,
  );
  if (error instanceof ApiError) return error;
  throw error;
}

describe('Namespaces', () => {
  let world: World;
  beforeEach(async () => {
    world = await openWorld();
  });
  afterEach(() => world.close());

  const make = (name = 'team', spec: NonNullable<Namespace['spec']> = {}): Promise<Namespace> =>
    world.admin.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name }, spec });
  const finalize = (namespace: Namespace, finalizers: string[]): Promise<Namespace> =>
    world.admin.update(namespaces, { ...namespace, spec: { finalizers } }, { subresource: 'finalize' });
  const configMap = (namespace = 'team'): Promise<ConfigMap> =>
    world.admin.create(configMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace, name: 'c' },
    });

  it('are there from the first start on', async () => {
    const names = (await world.admin.list(namespaces)).items.map(({ metadata }) => metadata.name);
    expect(names).to.have.members([
      'default',
      'gantry-system',
      'kube-system',
      'kube-public',
      'kube-node-lease',
    ]);
  });

  it('are held by a finalizer, labelled with their name and active', async () => {
    const made = await make('team', { finalizers: ['example.com/mine'] });
    expect(made.spec).to.deep.equal({ finalizers: ['example.com/mine', 'kubernetes'] });
    expect(made.status).to.deep.equal({ phase: 'Active' });
    expect(made.metadata.labels).to.deep.equal({ 'kubernetes.io/metadata.name': 'team' });
  });

  for (const name of ['default', 'gantry-system', 'kube-system', 'kube-public', 'kube-node-lease']) {
    it(`do not go when they are ${name}`, async () => {
      const error = await refusalOf(world.admin.delete(namespaces, { name }));
      expect(error).to.include({
        code: 403,
        message: `namespaces "${name}" is forbidden: this namespace may not be deleted`,
      });
    });
  }

  it('are marked when deleted, and gone with the last finalizer', async () => {
    await make();
    const marked = await world.admin.delete(namespaces, team);
    expect(marked.metadata.deletionTimestamp).to.be.a('string');
    expect(marked.status?.phase).to.equal('Terminating');
    await world.admin.delete(namespaces, team);
    const current = await world.admin.get(namespaces, team);
    expect(current.spec).to.deep.equal({ finalizers: ['kubernetes'] });
    await finalize(current, []);
    expect(await refusalOf(world.admin.get(namespaces, team))).to.include({ reason: 'NotFound' });
  });

  it('stay for finalizers of their metadata', async () => {
    const made = await make();
    await world.admin.update(namespaces, {
      ...made,
      metadata: { ...made.metadata, finalizers: ['example.com/mine'] },
    });
    await finalize(await world.admin.delete(namespaces, team), []);
    const held = await world.admin.get(namespaces, team);
    const { finalizers: _lifted, ...metadata } = held.metadata;
    await world.admin.update(namespaces, { ...held, metadata });
    expect(await refusalOf(world.admin.get(namespaces, team))).to.include({ reason: 'NotFound' });
  });

  it('take nothing new while they go, and everything else goes on', async () => {
    await make();
    const before = await configMap();
    await world.admin.delete(namespaces, team);
    const error = await refusalOf(world.admin.create(configMaps, { ...newConfigMap('late') }));
    expect(error.message).to.equal(
      'configmaps "late" is forbidden: unable to create new content in namespace team because it is being terminated',
    );
    expect(error.details?.causes).to.deep.equal([
      {
        reason: 'NamespaceTerminating',
        message: 'namespace team is being terminated',
        field: 'metadata.namespace',
      },
    ]);
    await world.admin.update(configMaps, { ...before, data: { a: 'b' } });
    await world.admin.delete(configMaps, { namespace: 'team', name: 'c' });
  });

  it('change their finalizers through finalize only, and nothing else through it', async () => {
    const made = await make();
    const updated = await world.admin.update(namespaces, { ...made, spec: {} });
    expect(updated.spec).to.deep.equal({ finalizers: ['kubernetes'] });
    const { resourceVersion: _any, ...metadata } = made.metadata;
    const finalized = await finalize({ ...made, metadata: { ...metadata, labels: { x: 'y' } } }, [
      'example.com/a',
      'kubernetes',
    ]);
    expect(finalized.spec).to.deep.equal({ finalizers: ['example.com/a', 'kubernetes'] });
    expect(finalized.metadata.labels).to.deep.equal(made.metadata.labels);
  });

  it('are Active exactly as long as they are not deleted', async () => {
    const made = await make();
    const wrong = { ...made, status: { phase: 'Terminating' as const } };
    const error = await refusalOf(world.admin.update(namespaces, wrong, { subresource: 'status' }));
    expect(error.message).to.match(
      /status\.Phase: Invalid value: "Terminating": may only be 'Active' if `deletionTimestamp` is empty$/,
    );
  });

  it('that were never there take nothing', async () => {
    expect(await refusalOf(configMap('nowhere'))).to.include({
      code: 404,
      message: 'namespaces "nowhere" not found',
    });
  });

  function newConfigMap(name: string): ConfigMap {
    return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'team', name } };
  }
});
