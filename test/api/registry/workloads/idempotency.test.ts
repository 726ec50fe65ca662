/** One key, one Run: however often, from however many, and through whichever server it is asked for. */
import { expect } from 'chai';
import { openRegistry } from '../../../../api/registry/open.ts';
import type { Client } from '../../../../machinery/client.ts';
import { ApiError } from '../../../../machinery/errors.ts';
import { silentLog } from '../../../../machinery/log.ts';
import { apiVersionOf } from '../../../../machinery/meta.ts';
import { newMetrics } from '../../../../machinery/metrics.ts';
import { seededRandom } from '../../../../machinery/random.ts';
import {
  idempotencyKeys,
  resourceQuotas,
  roleBindings,
  roles,
  runs,
  taskTemplates,
} from '../../../../schemas/kinds.ts';
import type { Run, TaskTemplate } from '../../../../schemas/types.gen.ts';
import { adminIdentity, openWorld, type World } from '../../../world.ts';

const fib: TaskTemplate = {
  apiVersion: 'gantry.dev/v1',
  kind: 'TaskTemplate',
  metadata: { name: 'fib', namespace: 'default' },
  spec: {
    parameters: {
      type: 'object',
      required: ['position'],
      properties: { position: { type: 'integer' }, mode: { type: 'string', default: 'fast' } },
    },
    template: { spec: { image: 'gantry/work:1', args: ['$(parameters.position)'] } },
  },
};
const dispatch = (key: string | undefined, position = 10, more: Partial<Run['metadata']> = {}): Run => ({
  apiVersion: 'gantry.dev/v1',
  kind: 'Run',
  metadata: { name: '', generateName: 'fib-', namespace: 'default', ...more },
  spec: {
    templateRef: { name: 'fib' },
    parameters: { position },
    ...(key === undefined ? {} : { idempotencyKey: key }),
  },
});

async function refusalOf(work: Promise<unknown>): Promise<ApiError> {
  const error = await work.then(
    () => new Error('it was done'),
    (thrown: unknown) => thrown,
  );
  if (error instanceof ApiError) return error;
  throw error;
}

describe('Idempotency keys', () => {
  let world: World;
  const count = async (kind: typeof runs | typeof idempotencyKeys): Promise<number> =>
    (await world.admin.list<Run>(kind as typeof runs, { namespace: 'default' })).items.length;

  beforeEach(async () => {
    world = await openWorld({ idempotency: { ttlMs: 300_000, maxKeys: 20 } });
    await world.admin.create(taskTemplates, fib);
  });
  afterEach(() => world.close());

  it('the same request again is answered with the first Run, as it is by then', async () => {
    const first = await world.admin.create(runs, dispatch('a'));
    await world.admin.update(runs, { ...first, status: { state: 'running' } }, { subresource: 'status' });
    const again = await world.admin.create(runs, dispatch('a'));
    expect([again.metadata.uid, again.status?.state]).to.deep.equal([first.metadata.uid, 'running']);
    expect(await count(runs)).to.equal(1);
  });

  it('over the registry, 201 the first time and 200 from then on', async () => {
    const kind = world.registry.findKind('gantry.dev', 'v1', 'runs');
    if (kind === undefined) return expect.fail('there are no Runs');
    const post = (): Promise<{ isCreated: boolean }> =>
      world.registry.create({ identity: adminIdentity }, kind, dispatch('a'), { namespace: 'default' });
    expect([(await post()).isCreated, (await post()).isCreated]).to.deep.equal([true, false]);
  });

  it('what a server adds is no other request: generated names, defaults, the trace; nor is the order of fields', async () => {
    const first = await world.admin.create(runs, dispatch('a'));
    expect(first.spec.parameters).to.deep.equal({ mode: 'fast', position: 10 });
    const same = dispatch('a', 10, { labels: {}, annotations: { 'gantry.dev/trace-id': 'x' } });
    const again = await world.admin.create(runs, {
      ...same,
      spec: {
        trigger: 'Manual',
        idempotencyKey: 'a',
        parameters: { position: 10 },
        templateRef: { name: 'fib' },
      },
    });
    expect(again.metadata.name).to.equal(first.metadata.name);
  });

  for (const [what, other] of [
    ['another parameter', dispatch('a', 11)],
    ['another label', dispatch('a', 10, { labels: { x: 'y' } })],
    ['another generateName', dispatch('a', 10, { generateName: 'other-' })],
    ['a name of its own', dispatch('a', 10, { name: 'mine' })],
  ] as const) {
    it(`another request is a Conflict: ${what}`, async () => {
      const first = await world.admin.create(runs, dispatch('a'));
      const refusal = await refusalOf(world.admin.create(runs, other));
      expect([refusal.code, refusal.reason]).to.deep.equal([409, 'Conflict']);
      expect(refusal.message).to.contain(
        `idempotency key "a" was used 0 s ago for run "${first.metadata.name}", which asked for something else; send that request, or another key`,
      );
      expect(await count(runs)).to.equal(1);
    });
  }

  it('who may create Runs and not read them is answered without what has become of it, whoever made it', async () => {
    const grant = async (name: string, verbs: string[]): Promise<Client> => {
      await world.admin.create(roles, {
        apiVersion: apiVersionOf(roles),
        kind: 'Role',
        metadata: { name, namespace: 'default' },
        rules: [{ verbs, apiGroups: ['gantry.dev'], resources: ['runs'] }],
      });
      await world.admin.create(roleBindings, {
        apiVersion: apiVersionOf(roleBindings),
        kind: 'RoleBinding',
        metadata: { name, namespace: 'default' },
        roleRef: { apiGroup: roles.group, kind: 'Role', name },
        subjects: [{ apiGroup: roles.group, kind: 'User', name }],
      });
      return world.registry.as({ name, groups: ['system:authenticated'] });
    };
    const dispatcher = await grant('dispatcher', ['create']);
    const reader = await grant('reader', ['create', 'get']);
    const first = await world.admin.create(runs, dispatch('a'));
    const status = { state: 'completed', message: 'the password is swordfish' } as const;
    await world.admin.update(runs, { ...first, status }, { subresource: 'status' });
    const told = await dispatcher.create(runs, dispatch('a'));
    expect([told.metadata.uid, told.spec.parameters]).to.deep.equal([
      first.metadata.uid,
      first.spec.parameters,
    ]);
    expect(JSON.stringify(told)).not.to.contain('swordfish');
    expect((await reader.create(runs, dispatch('a'))).status?.message).to.contain('swordfish');
  });

  it('the answer needs nothing that the Run was made from', async () => {
    const first = await world.admin.create(runs, dispatch('a'));
    await world.admin.delete(taskTemplates, { name: 'fib', namespace: 'default' });
    expect((await world.admin.create(runs, dispatch('a'))).metadata.name).to.equal(first.metadata.name);
    expect((await refusalOf(world.admin.create(runs, dispatch('b')))).message).to.contain(
      'spec.templateRef.name: Not found: "fib"',
    );
  });

  it('fifty at once make one Run and one key', async () => {
    const made = await Promise.all(Array.from({ length: 50 }, () => world.admin.create(runs, dispatch('a'))));
    expect(new Set(made.map(({ metadata }) => metadata.uid)).size).to.equal(1);
    expect([await count(runs), await count(idempotencyKeys)]).to.deep.equal([1, 1]);
  });

  it('fifty at once through two servers on one store make one Run', async () => {
    const second = await openRegistry({
      store: world.store,
      clock: world.clock,
      random: seededRandom(2),
      log: silentLog,
      metrics: newMetrics(),
    });
    const clients = [world.admin, second.as(adminIdentity)];
    const made = await Promise.all(
      Array.from({ length: 50 }, (_, at) => (clients[at % 2] ?? world.admin).create(runs, dispatch('a'))),
    );
    expect(new Set(made.map(({ metadata }) => metadata.uid)).size).to.equal(1);
    expect(await count(runs)).to.equal(1);
    await second.close();
  });

  it('fifty at once of which each asks for something else: one is done, the others are Conflicts', async () => {
    const made = await Promise.allSettled(
      Array.from({ length: 50 }, (_, at) => world.admin.create(runs, dispatch('a', at))),
    );
    expect(made.filter(({ status }) => status === 'fulfilled')).to.have.length(1);
    for (const result of made)
      if (result.status === 'rejected') expect(result.reason).to.have.property('code', 409);
    expect(await count(runs)).to.equal(1);
  });

  it('survive a restart', async () => {
    const first = await world.admin.create(runs, dispatch('a'));
    await world.registry.close();
    const registry = await openRegistry({
      store: world.store,
      clock: world.clock,
      random: seededRandom(3),
      log: silentLog,
      metrics: newMetrics(),
    });
    const again = await registry.as(adminIdentity).create(runs, dispatch('a'));
    expect(again.metadata.uid).to.equal(first.metadata.uid);
    await registry.close();
  });

  it('a Run that is gone is not made again while its key is remembered', async () => {
    const first = await world.admin.create(runs, dispatch('a'));
    await world.admin.delete(runs, { name: first.metadata.name, namespace: 'default' });
    const refusal = await refusalOf(world.admin.create(runs, dispatch('a')));
    expect([refusal.code, refusal.message]).to.satisfy(
      ([code, text]: [number, string]) =>
        code === 409 && /which is gone; what was done is not done twice/.test(text),
    );
  });

  it('are forgotten after five minutes, whether or not they are removed by then', async () => {
    const first = await world.admin.create(runs, dispatch('a'));
    const [key] = (await world.admin.list(idempotencyKeys, { namespace: 'default' })).items;
    expect(key?.metadata.annotations?.['gantry.dev/ttl']).to.equal('5m');
    expect(key?.spec.run).to.deep.equal({ name: first.metadata.name, uid: first.metadata.uid });
    await world.advance(299_000);
    expect((await world.admin.create(runs, dispatch('a'))).metadata.uid).to.equal(first.metadata.uid);
    await world.advance(2_000);
    const second = await world.admin.create(runs, dispatch('a', 11));
    expect(second.metadata.uid).not.to.equal(first.metadata.uid);
    expect([await count(runs), await count(idempotencyKeys)]).to.deep.equal([2, 1]);
  });

  it('a dry run writes neither, and shows the Run there is', async () => {
    await world.admin.create(runs, dispatch('a'), { dryRun: true });
    expect([await count(runs), await count(idempotencyKeys)]).to.deep.equal([0, 0]);
    const first = await world.admin.create(runs, dispatch('a'));
    const shown = await world.admin.create(runs, dispatch('a'), { dryRun: true });
    expect(shown.metadata.uid).to.equal(first.metadata.uid);
  });

  it('a refused Run leaves no key', async () => {
    const wrong = dispatch('a');
    expect(
      (await refusalOf(world.admin.create(runs, { ...wrong, spec: { ...wrong.spec, parameters: {} } }))).code,
    ).to.equal(422);
    const taken = dispatch(undefined, 1, { name: 'taken' });
    await world.admin.create(runs, taken);
    const again = dispatch('b', 1, { name: 'taken' });
    expect((await refusalOf(world.admin.create(runs, again))).reason).to.equal('AlreadyExists');
    expect(await count(idempotencyKeys)).to.equal(0);
  });

  it('hold for server-side apply, too', async () => {
    const body = { ...dispatch('a'), metadata: { name: 'applied', namespace: 'default' } };
    const key = { name: 'applied', namespace: 'default' };
    const apply = (name: string): Promise<Run> =>
      world.admin.patch(
        runs,
        { ...key, name },
        { type: 'apply', body: { ...body, metadata: { ...key, name } } },
        { fieldManager: 'me' },
      );
    const first = await apply('applied');
    expect((await apply('applied')).metadata.resourceVersion).to.equal(first.metadata.resourceVersion);
    expect((await refusalOf(apply('other'))).reason).to.equal('Conflict');
    expect(await count(runs)).to.equal(1);
  });

  it('are bounded, and take nothing of what a namespace may hold', async () => {
    for (let at = 0; at < 20; at++) await world.admin.create(runs, dispatch(`k${at}`));
    const refusal = await refusalOf(world.admin.create(runs, dispatch('one more')));
    expect([refusal.code, refusal.details?.retryAfterSeconds]).to.deep.equal([429, 10]);
    expect(refusal.message).to.equal(
      'namespace "default" remembers 20 idempotency keys, and may remember 20: try again when some are forgotten, or send no key',
    );
    expect(await count(runs)).to.equal(20);
    await world.admin.create(runs, dispatch(undefined));
    await world.advance(301_000);
    await world.admin.create(runs, dispatch('k3'));
    await world.close();

    world = await openWorld({ namespaceLimits: { maxObjects: 12, maxBytes: 1e6 } });
    const used = (await world.admin.list(resourceQuotas, { namespace: 'default' })).items.length;
    await world.admin.create(taskTemplates, fib);
    for (let at = used; at < 11; at++) await world.admin.create(runs, dispatch(`k${at}`));
    expect((await refusalOf(world.admin.create(runs, dispatch('too many')))).message).to.contain(
      'exceeded quota',
    );
    expect([await count(runs), await count(idempotencyKeys)]).to.deep.equal([11, 11]);
  });
});
