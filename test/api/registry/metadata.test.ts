/** What the registry holds about every object's metadata, whatever the kind. */
import { expect } from 'chai';
import type { Client } from '../../../machinery/client.ts';
import type { ObjectMeta } from '../../../machinery/meta.ts';
import { newTrace, withTrace } from '../../../machinery/trace.ts';
import { events, leases, namespaces, tasks, workers } from '../../../schemas/kinds.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { taskManifest } from '../../builders.ts';
import { refusalOf } from '../../client-conformance.ts';
import { openWorld, type World } from '../../world.ts';

describe('Metadata', () => {
  let world: World;
  let client: Client;
  beforeEach(async () => {
    world = await openWorld();
    client = world.admin;
  });
  afterEach(() => world.close());

  const hello = { namespace: 'default', name: 'hello' };
  const create = (metadata: Partial<ObjectMeta>): Promise<Task> =>
    client.create(tasks, taskManifest('hello', {}, metadata));
  /** Bodies as they may come over a wire, of any shape. */
  const createRaw = (metadata: unknown): Promise<Task> =>
    client.create(tasks, { ...taskManifest('hello'), metadata } as Task);

  describe('names', () => {
    for (const name of ['Hello', 'a_b', '-a', 'a.b', 'a'.repeat(64)]) {
      it(`refuses a Task called ${JSON.stringify(name)}`, async () => {
        const error = await refusalOf(create({ name }), 'Invalid');
        expect(error.details?.causes?.[0]).to.include({
          field: 'metadata.name',
          reason: 'FieldValueInvalid',
        });
      });
    }

    it('lets workers and leases have dots in their names', async () => {
      await client.create(workers, {
        apiVersion: 'gantry.dev/v1',
        kind: 'Worker',
        metadata: { name: 'a.example.com' },
      });
    });

    it('wants a name or how to make one', async () => {
      const error = await refusalOf(createRaw({ namespace: 'default' }), 'Invalid');
      expect(error.message).to.equal(
        'Task.gantry.dev "" is invalid: metadata.name: Required value: name or generateName is required',
      );
    });

    it('cuts a long generateName so that the name stays valid', async () => {
      const made = await create({ name: '', generateName: 'a'.repeat(70) });
      expect(made.metadata.name).to.match(/^a{58}[a-z0-9]{5}$/);
    });
  });

  const wrongTypes: readonly (readonly [unknown, string])[] = [
    ['x', 'metadata must be an object, found string'],
    [{ name: 1 }, 'metadata.name must be a string, found integer'],
    [
      { name: 'hello', namespace: 'default', labels: { a: 1 } },
      'metadata.labels["a"] must be a string, found integer',
    ],
    [
      { name: 'hello', namespace: 'default', labels: [] },
      'metadata.labels must be a map of strings, found array',
    ],
    [
      { name: 'hello', namespace: 'default', finalizers: 'x' },
      'metadata.finalizers must be a list, found string',
    ],
    [
      { name: 'hello', namespace: 'default', ownerReferences: [1] },
      'metadata.ownerReferences[0] must be an object, found integer',
    ],
  ];
  for (const [metadata, said] of wrongTypes) {
    it(`refuses ${JSON.stringify(metadata)}`, async () => {
      expect((await refusalOf(createRaw(metadata), 'BadRequest')).message).to.equal(said);
    });
  }

  it('refuses labels, annotations, finalizers and owners that are no such things', async () => {
    const error = await refusalOf(
      create({
        labels: { 'a b': 'x', ok: 'not ok!' },
        annotations: { 'a/b/c': 'x' },
        finalizers: ['not a name'],
        ownerReferences: [{ apiVersion: 'v1', kind: '', name: 'x', uid: 'y' }],
      }),
      'Invalid',
    );
    expect(error.details?.causes?.map((cause) => cause.field)).to.deep.equal([
      'metadata.labels',
      'metadata.labels',
      'metadata.annotations',
      'metadata.finalizers[0]',
      'metadata.ownerReferences[0].kind',
    ]);
  });

  it('takes at most 256 KiB of annotations', async () => {
    const error = await refusalOf(create({ annotations: { big: 'x'.repeat(256 * 1024) } }), 'Invalid');
    expect(error.message).to.include('metadata.annotations: Too long: may not be more than 262144 bytes');
  });

  it('tells of unknown fields and drops what servers keep for themselves', async () => {
    const metadata: object = { ...hello, nme: 'x', managedFields: [{ manager: 'me' }], selfLink: '/x' };
    const error = await refusalOf(
      client.create(tasks, { ...taskManifest('hello'), metadata } as Task, { fieldValidation: 'Strict' }),
      'BadRequest',
    );
    expect(error.message).to.equal('strict decoding error: unknown field "metadata.nme"');
    const made = await createRaw(metadata);
    expect(made.metadata).not.to.have.any.keys('nme', 'selfLink');
    expect(made.metadata.managedFields?.map(({ manager }) => manager)).to.deep.equal(['admin']);
  });

  it('stamps identity whatever the body says', async () => {
    const made = await create({
      uid: 'mine',
      generation: 9,
      creationTimestamp: '2001-01-01T00:00:00Z',
      deletionTimestamp: '2001-01-01T00:00:00Z',
      deletionGracePeriodSeconds: 5,
    });
    expect(made.metadata.uid).not.to.equal('mine');
    expect(made.metadata).to.include({ generation: 1, creationTimestamp: '2026-01-01T00:00:00Z' });
    expect(made.metadata).not.to.have.any.keys('deletionTimestamp', 'deletionGracePeriodSeconds');
  });

  it('refuses a version on something new', async () => {
    await refusalOf(create({ resourceVersion: '7' }), 'BadRequest');
  });

  it('takes a time that was kept as a date for the same', async () => {
    const made = await create({});
    const creationTimestamp = made.metadata.creationTimestamp?.replace('Z', '.000Z') ?? '';
    const same = await client.update(tasks, { ...made, metadata: { ...made.metadata, creationTimestamp } });
    expect(same.metadata).to.deep.equal(made.metadata);
  });

  it('counts no generations for the kinds Kubernetes does not count them for', async () => {
    const lease = await client.create(leases, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'x', namespace: 'gantry-system' },
      spec: { holderIdentity: 'x' },
    });
    expect(lease.metadata.generation).to.equal(undefined);
    expect((await client.get(namespaces, { name: 'default' })).metadata.generation).to.equal(undefined);
  });

  it('wants body and path to agree', async () => {
    const { registry } = world;
    const kind = registry.findKind('gantry.dev', 'v1', 'tasks');
    if (kind === undefined) return expect.fail('tasks are not served');
    const context = { identity: { name: 'admin', groups: ['system:masters'] } };
    const post = (body: unknown, namespace = 'default'): Promise<unknown> =>
      registry.create(context, kind, body, { namespace });
    await refusalOf(post('text'), 'BadRequest');
    await refusalOf(post([]), 'BadRequest');
    await refusalOf(post({ ...taskManifest('x'), kind: 'Pod' }), 'BadRequest');
    await refusalOf(post({ ...taskManifest('x'), apiVersion: 'gantry.dev/v2' }), 'BadRequest');
    await refusalOf(post({ metadata: { name: 'x' }, spec: { image: 'x' } }), 'BadRequest');
    await refusalOf(post(taskManifest('x'), 'gantry-system'), 'BadRequest');
    await refusalOf(registry.update(context, kind, hello, taskManifest('hello')), 'NotFound');
    await post(taskManifest('hello'));
    await refusalOf(registry.update(context, kind, hello, taskManifest('other')), 'BadRequest');
    await refusalOf(
      client.create(workers, {
        apiVersion: 'gantry.dev/v1',
        kind: 'Worker',
        metadata: { name: 'w', namespace: 'default' },
      }),
      'BadRequest',
    );
  });

  it('stamps the trace on what is new and on what is wished anew, and keeps it otherwise', async () => {
    const first = newTrace(world.random);
    const made = await withTrace(first, () => create({}));
    expect(made.metadata.annotations).to.deep.equal({ 'gantry.dev/trace-id': first.traceId });
    const second = newTrace(world.random);
    const edit = (body: unknown): Promise<Task> =>
      withTrace(second, () => client.patch(tasks, hello, { type: 'merge', body }));
    const labelled = await edit({
      metadata: { labels: { a: 'b' }, annotations: { 'gantry.dev/trace-id': null } },
    });
    expect(labelled.metadata.annotations).to.deep.equal({ 'gantry.dev/trace-id': first.traceId });
    const changed = await edit({ spec: { image: 'two' } });
    expect(changed.metadata.annotations).to.deep.equal({ 'gantry.dev/trace-id': second.traceId });
    // Events carry the trace of what they tell about: nobody overwrites it.
    const event = await withTrace(second, () =>
      client.create(events, {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: 'e', namespace: 'default', annotations: { 'gantry.dev/trace-id': first.traceId } },
        involvedObject: { name: 'hello' },
      }),
    );
    expect(event.metadata.annotations).to.deep.equal({ 'gantry.dev/trace-id': first.traceId });
  });

  it('refuses an object over 1 MiB, naming size and limit', async () => {
    const args = Array.from({ length: 1024 }, () => 'x'.repeat(1100));
    const error = await refusalOf(
      client.create(tasks, taskManifest('hello', { args })),
      'RequestEntityTooLarge',
    );
    expect(error.code).to.equal(413);
    expect(error.message).to.match(/Task "hello" is \d{7} bytes as JSON, at most 1048576 are stored/);
  });

  it('bumps the generation of what is being deleted, and gives it the grace of its spec', async () => {
    await client.create(
      tasks,
      taskManifest('hello', { terminationGracePeriodSeconds: 12 }, { finalizers: ['example.com/x'] }),
    );
    const marked = await client.delete(tasks, hello);
    expect(marked.metadata).to.include({ generation: 2, deletionGracePeriodSeconds: 12 });
    expect(
      (await client.delete(tasks, hello, { gracePeriodSeconds: 60 })).metadata.deletionGracePeriodSeconds,
    ).to.equal(12);
    expect(
      (await client.delete(tasks, hello, { gracePeriodSeconds: 1 })).metadata.deletionGracePeriodSeconds,
    ).to.equal(1);
  });

  it('leaves the binding to the binding', async () => {
    const error = await refusalOf(
      client.create(tasks, taskManifest('hello', { workerName: 'w', bindingEpoch: 1 })),
      'Invalid',
    );
    expect(error.details?.causes?.map((cause) => cause.field)).to.deep.equal([
      'spec.workerName',
      'spec.bindingEpoch',
    ]);
    await create({});
    const moved = await refusalOf(
      client.patch(tasks, hello, { type: 'merge', body: { spec: { workerName: 'w2' } } }),
      'Invalid',
    );
    expect(moved.message).to.include('spec.workerName: Invalid value: "w2": field is immutable');
  });
});
