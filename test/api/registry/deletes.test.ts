/** What a delete does: policies, grace, holds, refusals, dry runs. What becomes of dependents is the collector's test. */
import { expect } from 'chai';
import type { Client, DeleteOptions } from '../../../machinery/client.ts';
import { type ApiError, isApiError } from '../../../machinery/errors.ts';
import type { KubeObject, ObjectMeta } from '../../../machinery/meta.ts';
import { configMaps, tasks } from '../../../schemas/kinds.ts';
import { taskManifest } from '../../builders.ts';
import { adminIdentity, openWorld, type World } from '../../world.ts';

const key = { namespace: 'default', name: 'x' };

describe('Deletion', () => {
  let world: World;
  let client: Client;

  beforeEach(async () => {
    world = await openWorld();
    client = world.admin;
  });

  afterEach(() => world.close());

  const addMap = (metadata: Partial<ObjectMeta> = {}) =>
    client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...key, ...metadata } });
  const addTask = (metadata: Partial<ObjectMeta> = {}) =>
    client.create(tasks, taskManifest('x', { terminationGracePeriodSeconds: 12 }, metadata));
  const removeMap = (options?: DeleteOptions) => client.delete(configMaps, key, options);
  const removeTask = (options?: DeleteOptions) => client.delete(tasks, key, options);

  async function refused(act: Promise<unknown>): Promise<ApiError> {
    try {
      await act;
    } catch (error) {
      if (isApiError(error)) return error;
      throw error;
    }
    throw new Error('nothing was refused');
  }

  const isThere = async (): Promise<boolean> => (await client.list(configMaps)).items.length > 0;
  const graceOf = ({ metadata }: KubeObject): unknown => [
    metadata.deletionTimestamp,
    metadata.deletionGracePeriodSeconds,
  ];

  describe('propagationPolicy', () => {
    const held = ['example.com/x'];
    const rows: readonly {
      readonly before: string[];
      readonly policy?: NonNullable<DeleteOptions['propagationPolicy']>;
      readonly after: string[];
    }[] = [
      { before: held, after: held },
      { before: held, policy: 'Background', after: held },
      { before: held, policy: 'Foreground', after: [...held, 'foregroundDeletion'] },
      { before: held, policy: 'Orphan', after: [...held, 'orphan'] },
      { before: [], policy: 'Foreground', after: ['foregroundDeletion'] },
      { before: ['orphan'], after: ['orphan'] },
      { before: ['foregroundDeletion'], after: ['foregroundDeletion'] },
      { before: ['orphan', ...held], policy: 'Foreground', after: [...held, 'foregroundDeletion'] },
      { before: ['foregroundDeletion', ...held], policy: 'Background', after: held },
    ];
    for (const { before, policy, after } of rows) {
      it(`${policy ?? 'none'} with finalizers [${before.join()}] leaves [${after.join()}]`, async () => {
        await addMap({ finalizers: before });
        const marked = await removeMap(policy === undefined ? {} : { propagationPolicy: policy });
        expect(marked.metadata.finalizers).to.deep.equal(after);
        expect(marked.metadata.deletionTimestamp).to.equal('2026-01-01T00:00:00Z');
      });
    }

    it('Background takes away the only hold there was: the object goes at once', async () => {
      await addMap({ finalizers: ['orphan'] });
      await removeMap({ propagationPolicy: 'Background' });
      expect(await isThere()).to.equal(false);
    });

    it('a second delete may ask for something else, and asking for the same writes nothing', async () => {
      await addMap({ finalizers: held });
      const first = await removeMap({ propagationPolicy: 'Foreground' });
      expect(await removeMap({ propagationPolicy: 'Foreground' })).to.deep.equal(first);
      expect(await removeMap()).to.deep.equal(first);
      const second = await removeMap({ propagationPolicy: 'Orphan' });
      expect(second.metadata.finalizers).to.deep.equal([...held, 'orphan']);
      expect(second.metadata.deletionTimestamp).to.equal(first.metadata.deletionTimestamp);
    });
  });

  describe('grace', () => {
    it('is of the object, and deletionTimestamp is when it ends', async () => {
      await addTask({ finalizers: ['example.com/x'] });
      expect(graceOf(await removeTask())).to.deep.equal(['2026-01-01T00:00:12Z', 12]);
    });

    it('can be given, and a later delete only shortens it', async () => {
      await addTask({ finalizers: ['example.com/x'] });
      expect(graceOf(await removeTask({ gracePeriodSeconds: 60 }))).to.deep.equal([
        '2026-01-01T00:01:00Z',
        60,
      ]);
      await world.advance(5_000);
      expect(graceOf(await removeTask({ gracePeriodSeconds: 90 }))).to.deep.equal([
        '2026-01-01T00:01:00Z',
        60,
      ]);
      expect(graceOf(await removeTask())).to.deep.equal(['2026-01-01T00:01:00Z', 60]);
      expect(graceOf(await removeTask({ gracePeriodSeconds: 20 }))).to.deep.equal([
        '2026-01-01T00:00:20Z',
        20,
      ]);
      expect(graceOf(await removeTask({ gracePeriodSeconds: 0 }))).to.deep.equal(['2026-01-01T00:00:00Z', 0]);
    });

    it('below zero is one second, as Kubernetes has it', async () => {
      await addTask({ finalizers: ['example.com/x'] });
      expect(graceOf(await removeTask({ gracePeriodSeconds: -5 }))).to.deep.equal([
        '2026-01-01T00:00:01Z',
        1,
      ]);
    });

    it('is nothing to kinds that do not end gracefully', async () => {
      await addMap({ finalizers: ['example.com/x'] });
      expect(graceOf(await removeMap({ gracePeriodSeconds: 30 }))).to.deep.equal(['2026-01-01T00:00:00Z', 0]);
    });
  });

  describe('refusals', () => {
    const annotations = { 'gantry.dev/protect': 'true' };

    it('names the annotation that protects, until it is lifted', async () => {
      await addMap({ annotations });
      const error = await refused(removeMap());
      expect([error.reason, error.message]).to.deep.equal([
        'Forbidden',
        'configmaps "x" is forbidden: the annotation gantry.dev/protect is "true"; remove it first, then delete',
      ]);
      const body = { metadata: { annotations: { 'gantry.dev/protect': null } } };
      await client.patch(configMaps, key, { type: 'merge', body });
      await removeMap();
      expect(await isThere()).to.equal(false);
    });

    it('refuses a collection with something protected in it, before any of it is gone', async () => {
      await addMap({ name: 'a' });
      await addMap({ name: 'z', annotations });
      const kind = world.registry.findKind('', 'v1', 'configmaps');
      if (kind === undefined) throw new Error('no configmaps');
      const context = { identity: adminIdentity };
      const error = await refused(world.registry.deleteCollection(context, kind, { namespace: 'default' }));
      expect(error.message).to.contain('configmaps "z" is forbidden').and.to.contain('gantry.dev/protect');
      expect((await client.list(configMaps)).items).to.have.length(2);
    });

    it('refuses when the object is not the one that was meant, in the words of Kubernetes', async () => {
      const { metadata } = await addMap();
      const other = await refused(removeMap({ preconditions: { uid: 'u' } }));
      expect([other.reason, other.message]).to.deep.equal([
        'Conflict',
        `Operation cannot be fulfilled on configmaps "x": the UID in the precondition (u) does not match the UID in record (${metadata.uid}). The object might have been deleted and then recreated`,
      ]);
      const stale = await refused(removeMap({ preconditions: { resourceVersion: '1' } }));
      expect(stale.message).to.contain('the ResourceVersion in the precondition (1) does not match');
    });
  });

  it('a dry run says what would be, and changes nothing', async () => {
    const made = await addMap();
    const marked = await removeMap({ dryRun: true, propagationPolicy: 'Foreground' });
    expect(marked.metadata.finalizers).to.deep.equal(['foregroundDeletion']);
    await removeMap({ dryRun: true });
    expect(await client.get(configMaps, key)).to.deep.equal(made);
    await addTask({ annotations: { 'gantry.dev/protect': 'true' } });
    expect((await refused(removeTask({ dryRun: true }))).reason).to.equal('Forbidden');
  });
});
