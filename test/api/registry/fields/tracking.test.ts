/** `metadata.managedFields` as every kind of write leaves it. */
import { expect } from 'chai';
import { keyOf } from '../../../../machinery/meta.ts';
import { leases, tasks } from '../../../../schemas/kinds.ts';
import type { Lease } from '../../../../schemas/types.gen.ts';
import { taskManifest } from '../../../builders.ts';
import { refusalOf } from '../../../client-conformance.ts';
import { openWorld, type World } from '../../../world.ts';
import { applyAs, entryOf, fieldsOf, hello, managersOf, patchAs, wishOf } from './writer.ts';

describe('managed fields', () => {
  let world: World;

  beforeEach(async () => {
    world = await openWorld();
  });
  afterEach(() => world.close());

  const merge = (fieldManager: string, body: object): ReturnType<typeof patchAs> =>
    patchAs(world, fieldManager, { type: 'merge', body });
  const create = (): ReturnType<World['admin']['create']> =>
    world.admin.create(tasks, taskManifest('hello', { image: 'a' }), { fieldManager: 'maker' });

  it('say who made an object, field by field and with its defaults', async () => {
    const made = await create();
    expect(managersOf(made)).to.deep.equal(['Update maker']);
    const fields = fieldsOf(made, 'maker');
    expect(fields).to.include.members(['spec', 'spec.image', 'spec.restartPolicy']);
    expect(fields?.filter((path) => !path.startsWith('spec'))).to.deep.equal([]);
  });

  it('count what is in the metadata, not the metadata', async () => {
    const manifest = taskManifest('hello', { image: 'a' }, { labels: { a: 'b' } });
    const made = await world.admin.create(tasks, manifest, { fieldManager: 'maker' });
    expect(fieldsOf(made, 'maker')?.filter((path) => !path.startsWith('spec'))).to.deep.equal([
      'metadata.labels',
      'metadata.labels.a',
    ]);
  });

  it('are named after who asks when nobody says', async () => {
    const made = await world.admin.create(tasks, taskManifest('hello'));
    expect(managersOf(made)).to.deep.equal(['Update admin']);
  });

  it('move with the value; a field has one writer', async () => {
    await create();
    await world.advance(2_000);
    const changed = await merge('editor', { spec: { image: 'b' }, metadata: { labels: { a: 'b' } } });
    expect(managersOf(changed)).to.deep.equal(['Update maker', 'Update editor']);
    expect(fieldsOf(changed, 'maker')).not.to.include('spec.image');
    expect(fieldsOf(changed, 'editor')).to.deep.equal(['metadata.labels', 'metadata.labels.a', 'spec.image']);
    expect(entryOf(changed, 'maker').time).to.equal('2026-01-01T00:00:00Z');
    expect(entryOf(changed, 'editor').time).to.equal('2026-01-01T00:00:02Z');
  });

  it('change nothing when the write changes nothing', async () => {
    const made = await create();
    await world.advance(2_000);
    expect(await merge('editor', { spec: { image: 'a' } })).to.deep.equal(made);
    expect(await world.admin.update(tasks, made as never)).to.deep.equal(made);
  });

  it('forget fields that are removed, and managers that own nothing', async () => {
    await create();
    await merge('editor', { metadata: { labels: { a: 'b' } } });
    const removed = await merge('other', { metadata: { labels: null } });
    expect(managersOf(removed)).to.deep.equal(['Update maker']);
  });

  it('keep status apart', async () => {
    await create();
    const made = await patchAs(
      world,
      'agent',
      { type: 'merge', body: { status: { reason: 'x' } } },
      { subresource: 'status' },
    );
    expect(managersOf(made)).to.have.members(['Update maker', 'Update status agent']);
    expect(fieldsOf(made, 'agent')).to.include.members(['status', 'status.reason']);
  });

  it('name the binding', async () => {
    await world.addWorker('w');
    await create();
    const binding = {
      apiVersion: 'gantry.dev/v1',
      kind: 'Binding',
      metadata: { name: 'hello' },
      target: { name: 'w' },
      epoch: 1,
    };
    await world.controllerClient('scheduler').post(tasks, hello, 'binding', binding);
    const bound = await world.admin.get(tasks, hello);
    expect(managersOf(bound)).to.include('Update binding scheduler');
    expect(fieldsOf(bound, 'scheduler')).to.include('spec.workerName');
  });

  it('are kept by clients who do not know them', async () => {
    const made = await create();
    const { managedFields: _unknown, ...metadata } = made.metadata;
    const updated = await world.admin.update(tasks, { ...made, metadata } as never);
    expect(updated).to.deep.equal(made);
    expect(managersOf(await merge('x', { metadata: { managedFields: [] } }))).to.deep.equal(['Update maker']);
  });

  it('are reset by one empty entry, and not begun again before somebody applies', async () => {
    await create();
    const reset = await merge('x', { metadata: { managedFields: [{}] } });
    expect(reset.metadata).not.to.have.property('managedFields');
    const changed = await merge('x', { spec: { image: 'b' } });
    expect(changed.metadata).not.to.have.property('managedFields');
    const applied = await applyAs(world, 'me', wishOf({ image: 'b' }));
    expect(managersOf(applied)).to.deep.equal(['Apply me', 'Update before-first-apply']);
    expect(fieldsOf(applied, 'before-first-apply')).to.include.members(['spec.image', 'spec.restartPolicy']);
  });

  it('may be edited, as kubectl does when it begins to apply on the server', async () => {
    const made = await create();
    const entry = { ...entryOf(made, 'maker'), manager: 'kubectl', operation: 'Apply' };
    const patch = [
      { op: 'replace', path: '/metadata/managedFields', value: [entry] },
      { op: 'replace', path: '/metadata/resourceVersion', value: made.metadata.resourceVersion },
    ];
    const edited = await patchAs(world, 'kubectl', { type: 'json', body: patch });
    expect(managersOf(edited)).to.deep.equal(['Apply kubectl']);
    await refusalOf(patchAs(world, 'kubectl', { type: 'json', body: patch }), 'Conflict');
  });

  for (const [name, entry, message] of [
    [
      'an operation that is none',
      { operation: 'Guess' },
      'managedFields[0].operation: Invalid value: "Guess"',
    ],
    ['a form that is none', { fieldsType: 'FieldsV2' }, 'managedFields[0].fieldsType: Invalid value'],
    ['a manager’s name that is too long', { manager: 'x'.repeat(129) }, 'managedFields[0].manager: Too long'],
    ['a time that is none', { time: 'soon' }, 'managedFields[0].time: Invalid value'],
  ] as const) {
    it(`refuse ${name}`, async () => {
      const made = await create();
      const managedFields = [{ ...entryOf(made, 'maker'), ...entry }];
      const error = await refusalOf(merge('x', { metadata: { managedFields } }), 'Invalid');
      expect(error.message).to.include(message);
    });
  }

  it('refuse fields that are no FieldsV1', async () => {
    const made = await create();
    const managedFields = [{ ...entryOf(made, 'maker'), fieldsV1: { spec: {} } }];
    const error = await refusalOf(merge('x', { metadata: { managedFields } }), 'BadRequest');
    expect(error.message).to.include('is no path element of FieldsV1');
  });

  it('merge the oldest of many writers into one', async () => {
    await create();
    for (let index = 0; index < 14; index++) {
      await world.advance(1_000);
      await merge(`writer-${index}`, { metadata: { labels: { [`l${index}`]: 'x' } } });
    }
    const made = await world.admin.get(tasks, hello);
    expect(made.metadata.managedFields).to.have.length(10);
    expect(managersOf(made)).to.include('Update ancient-changes').and.not.to.include('Update writer-0');
    expect(fieldsOf(made, 'ancient-changes')).to.include('metadata.labels.l0');
    expect(managersOf(made)).to.include('Update writer-13');
  });

  it('stay as small as they are however often a heartbeat is written', async () => {
    const manifest: Lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'w', namespace: 'gantry-system' },
      spec: { holderIdentity: 'w', leaseDurationSeconds: 12 },
    };
    let lease = await world.admin.create(leases, manifest);
    const beat = async (): Promise<void> => {
      await world.advance(3_000);
      const renewTime = new Date(world.clock.now()).toISOString().replace('Z', '000Z');
      lease = await world.admin.patch(leases, keyOf(lease), { type: 'merge', body: { spec: { renewTime } } });
    };
    await beat();
    const size = JSON.stringify(lease.metadata.managedFields).length;
    for (let index = 0; index < 20; index++) await beat();
    expect(JSON.stringify(lease.metadata.managedFields)).to.have.length(size);
  });
});
