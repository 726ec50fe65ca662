/** Server-side apply through the registry, as managers see it. */
import { expect } from 'chai';
import { tasks } from '../../../../schemas/kinds.ts';
import { taskManifest } from '../../../builders.ts';
import { refusalOf } from '../../../client-conformance.ts';
import { openWorld, type World } from '../../../world.ts';
import { applyAs, entryOf, fieldsOf, hello, managersOf, patchAs, wishOf } from './writer.ts';

const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

describe('server-side apply', () => {
  let world: World;

  beforeEach(async () => {
    world = await openWorld();
  });
  afterEach(() => world.close());

  it('creates what is not there, and owns what it said, not the defaults', async () => {
    const made = await applyAs(world, 'me', wishOf({ image: 'a' }, { labels: { app: 'web' } }));
    expect(made.spec).to.include({ image: 'a', restartPolicy: 'Always' });
    expect(managersOf(made)).to.deep.equal(['Apply me']);
    expect(fieldsOf(made, 'me')).to.deep.equal(['metadata.labels.app', 'spec.image']);
    expect(entryOf(made, 'me')).to.deep.include({
      apiVersion: 'gantry.dev/v1',
      fieldsType: 'FieldsV1',
      time: '2026-01-01T00:00:00Z',
    });
  });

  it('writes nothing when nothing changes', async () => {
    const made = await applyAs(world, 'me', wishOf({ image: 'a' }));
    await world.advance(5_000);
    const again = await applyAs(world, 'me', wishOf({ image: 'a' }));
    expect(again).to.deep.equal(made);
    const changed = await applyAs(world, 'me', wishOf({ image: 'b' }));
    expect(changed.metadata.resourceVersion).not.to.equal(made.metadata.resourceVersion);
    expect(entryOf(changed, 'me').time).to.equal('2026-01-01T00:00:05Z');
  });

  it('refuses to take what another manager owns, naming it', async () => {
    await applyAs(world, 'one', wishOf({ image: 'a', args: ['x'] }));
    const error = await refusalOf(applyAs(world, 'two', wishOf({ image: 'b' })), 'Conflict');
    expect(error.message).to.equal('Apply failed with 1 conflict: conflict with "one": .spec.image');
    expect(error.details).to.deep.equal({
      causes: [{ reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.spec.image' }],
    });
    const both = await refusalOf(applyAs(world, 'two', wishOf({ image: 'b', args: ['y'] })), 'Conflict');
    expect(both.message).to.equal(
      'Apply failed with 2 conflicts: conflicts with "one":\n- .spec.args\n- .spec.image',
    );
  });

  it('names version and subresource of those who did not apply', async () => {
    await world.admin.create(tasks, taskManifest('hello', { image: 'a' }), { fieldManager: 'edit' });
    const error = await refusalOf(applyAs(world, 'me', wishOf({ image: 'b' })), 'Conflict');
    expect(error.message).to.equal(
      'Apply failed with 1 conflict: conflict with "edit" using gantry.dev/v1: .spec.image',
    );
    const status = { apiVersion: 'gantry.dev/v1', kind: 'Task', metadata: { name: 'hello' } };
    await patchAs(
      world,
      'agent',
      { type: 'merge', body: { status: { reason: 'x' } } },
      { subresource: 'status' },
    );
    const other = await refusalOf(
      applyAs(world, 'me', { ...status, status: { reason: 'y' } }, { subresource: 'status' }),
      'Conflict',
    );
    expect(other.message).to.include('conflict with "agent" with subresource "status" using gantry.dev/v1');
  });

  it('takes it when forced; the other keeps the rest', async () => {
    await applyAs(world, 'one', wishOf({ image: 'a', args: ['x'] }));
    const taken = await applyAs(world, 'two', wishOf({ image: 'b' }), { isForced: true });
    expect(taken.spec.image).to.equal('b');
    expect(fieldsOf(taken, 'one')).to.deep.equal(['spec.args']);
    expect(fieldsOf(taken, 'two')).to.deep.equal(['spec.image']);
  });

  it('shares a field that both want the same', async () => {
    await applyAs(world, 'one', wishOf({ image: 'a' }));
    const shared = await applyAs(world, 'two', wishOf({ image: 'a' }));
    expect(managersOf(shared)).to.deep.equal(['Apply one', 'Apply two']);
    const error = await refusalOf(applyAs(world, 'one', wishOf({ image: 'b' })), 'Conflict');
    expect(error.message).to.include('conflict with "two"');
  });

  it('removes what it no longer says and nobody else owns', async () => {
    await applyAs(world, 'one', wishOf({ image: 'a', args: ['x'], env: [{ name: 'A', value: '1' }] }));
    await applyAs(world, 'two', wishOf({ args: ['x'] }));
    const less = await applyAs(world, 'one', wishOf({ image: 'a' }));
    expect(less.spec).to.include({ image: 'a' });
    expect(less.spec.args).to.deep.equal(['x']);
    expect(less.spec).not.to.have.property('env');
    expect(fieldsOf(less, 'one')).to.deep.equal(['spec.image']);
  });

  it('gives a removed field its default back', async () => {
    await applyAs(world, 'one', wishOf({ image: 'a', restartPolicy: 'Never' }));
    const less = await applyAs(world, 'one', wishOf({ image: 'a' }));
    expect(less.spec.restartPolicy).to.equal('Always');
  });

  it('merges lists of maps item by item', async () => {
    const a = { name: 'A', value: '1' };
    const b = { name: 'B', value: '2' };
    await applyAs(world, 'one', wishOf({ image: 'a', env: [a] }));
    const both = await applyAs(world, 'two', wishOf({ env: [b] }));
    expect(both.spec.env).to.deep.equal([a, b]);
    expect(fieldsOf(both, 'two')).to.deep.equal([
      'spec.env[{"name":"B"}]',
      'spec.env[{"name":"B"}].name',
      'spec.env[{"name":"B"}].value',
    ]);
    const left = await applyAs(world, 'two', wishOf({}));
    expect(left.spec.env).to.deep.equal([a]);
    expect(managersOf(left)).to.include('Apply one');
  });

  it('orders items as it says, others where they were', async () => {
    const env = (...names: string[]): { name: string; value: string }[] =>
      names.map((name) => ({ name, value: '1' }));
    await applyAs(world, 'one', wishOf({ image: 'a', env: env('A', 'B', 'C') }));
    await applyAs(world, 'two', wishOf({ env: env('X') }));
    const made = await applyAs(world, 'one', wishOf({ image: 'a', env: env('C', 'A', 'B') }));
    expect(made.spec.env?.map(({ name }) => name)).to.deep.equal(['C', 'X', 'A', 'B']);
  });

  it('loses a field that somebody else changes, without being asked', async () => {
    await applyAs(world, 'one', wishOf({ image: 'a' }));
    const changed = await patchAs(world, 'kubectl-edit', { type: 'merge', body: { spec: { image: 'b' } } });
    expect(managersOf(changed)).to.deep.equal(['Update kubectl-edit']);
    const error = await refusalOf(applyAs(world, 'one', wishOf({ image: 'a' })), 'Conflict');
    expect(error.message).to.include('"kubectl-edit" using gantry.dev/v1: .spec.image');
  });

  it('validates what would be stored, not what was sent', async () => {
    await refusalOf(applyAs(world, 'me', wishOf({ args: ['x'] })), 'Invalid');
    await applyAs(world, 'me', wishOf({ image: 'a' }));
    const partial = await applyAs(world, 'other', wishOf({ args: ['x'] }));
    expect(partial.spec).to.deep.include({ image: 'a', args: ['x'] });
  });

  it('stores nothing on a dry run, also when it would create', async () => {
    const shown = await applyAs(world, 'me', wishOf({ image: 'a' }), { dryRun: true });
    expect(shown.spec.image).to.equal('a');
    await refusalOf(world.admin.get(tasks, hello), 'NotFound');
    const made = await applyAs(world, 'me', wishOf({ image: 'a' }));
    const other = await applyAs(world, 'me', wishOf({ image: 'b' }), { dryRun: true });
    expect(other.spec.image).to.equal('b');
    expect(await world.admin.get(tasks, hello)).to.deep.equal(made);
  });

  it('keeps to what it writes: no status with the object, nothing but status with status', async () => {
    const made = await applyAs(world, 'me', { ...wishOf({ image: 'a' }), status: { reason: 'x' } });
    expect(made).not.to.have.property('status');
    expect(fieldsOf(made, 'me')).to.deep.equal(['spec.image']);
    const status = await applyAs(
      world,
      'agent',
      { ...wishOf({ image: 'b' }, { labels: { a: 'b' } }), status: { reason: 'x' } },
      { subresource: 'status' },
    );
    expect(status.spec.image).to.equal('a');
    expect(status.status).to.include({ reason: 'x' });
    expect(managersOf(status)).to.deep.equal(['Apply status agent', 'Apply me']);
    expect(fieldsOf(status, 'agent')).to.deep.equal(['status.reason']);
  });

  for (const [name, body, message] of [
    ['another version', { ...wishOf({ image: 'a' }), apiVersion: 'gantry.dev/v2' }, 'Incorrect version'],
    ['another kind', { ...wishOf({ image: 'a' }), kind: 'Worker' }, 'Incorrect kind'],
    ['managed fields', wishOf({ image: 'a' }, { managedFields: [] }), 'metadata.managedFields must be nil'],
    ['another name', wishOf({ image: 'a' }, { name: 'other' }), 'does not match the name on the URL'],
    ['another namespace', wishOf({ image: 'a' }, { namespace: 'other' }), 'does not match the namespace'],
    ['no object', ['x'], 'must be an object'],
  ] as const) {
    it(`refuses a body with ${name}`, async () => {
      const error = await refusalOf(applyAs(world, 'me', body), 'BadRequest');
      expect(error.message).to.include(message);
    });
  }

  it('refuses a uid or version that is not the object’s', async () => {
    const gone = await refusalOf(applyAs(world, 'me', wishOf({ image: 'a' }, { uid: 'u' })), 'Conflict');
    expect(gone.message).to.include('uid mismatch');
    const { metadata } = await applyAs(world, 'me', wishOf({ image: 'a' }));
    await refusalOf(applyAs(world, 'me', wishOf({ image: 'b' }, { uid: 'other' })), 'Conflict');
    await refusalOf(applyAs(world, 'me', wishOf({ image: 'b' }, { resourceVersion: '1' })), 'Conflict');
    const { uid, resourceVersion } = metadata;
    const made = await applyAs(world, 'me', wishOf({ image: 'b' }, { uid, resourceVersion }));
    expect(made.spec.image).to.equal('b');
  });

  it('tells of unknown fields as it is asked to', async () => {
    const strict = applyAs(world, 'me', wishOf({ image: 'a', imge: 'b' }), { fieldValidation: 'Strict' });
    const error = await refusalOf(strict, 'BadRequest');
    expect(error.message).to.equal('strict decoding error: unknown field "spec.imge"');
    const made = await applyAs(world, 'me', wishOf({ image: 'a', imge: 'b' }));
    expect(fieldsOf(made, 'me')).to.deep.equal(['spec.image']);
  });

  describe('after kubectl’s client-side apply', () => {
    const config = wishOf({ image: 'a', args: ['x'] });
    const client = (spec: object): Parameters<World['admin']['create']>[1] => ({
      ...taskManifest('hello', spec),
      metadata: {
        name: 'hello',
        namespace: 'default',
        annotations: { [LAST_APPLIED]: JSON.stringify(config) },
      },
    });

    it('kubectl takes over what it applied last, and keeps the annotation up', async () => {
      await world.admin.create(tasks, client({ image: 'a', args: ['x'] }) as never, {
        fieldManager: 'kubectl-client-side-apply',
      });
      const made = await applyAs(world, 'kubectl', wishOf({ image: 'b', args: ['x'] }));
      expect(made.spec.image).to.equal('b');
      expect(JSON.parse(made.metadata.annotations?.[LAST_APPLIED] ?? '')).to.have.nested.property(
        'spec.image',
        'b',
      );
      expect(fieldsOf(made, 'kubectl')).to.deep.equal(['spec.args', 'spec.image']);
    });

    it('others do not, and kubectl does not take what changed since', async () => {
      await world.admin.create(tasks, client({ image: 'a', args: ['x'] }) as never, {
        fieldManager: 'kubectl-client-side-apply',
      });
      await refusalOf(applyAs(world, 'flux', wishOf({ image: 'b' })), 'Conflict');
      await patchAs(world, 'hpa', { type: 'merge', body: { spec: { image: 'c' } } });
      const error = await refusalOf(
        applyAs(world, 'kubectl', wishOf({ image: 'b', args: ['y'] })),
        'Conflict',
      );
      expect(error.message).to.equal(
        'Apply failed with 1 conflict: conflict with "hpa" using gantry.dev/v1: .spec.image',
      );
    });
  });
});
