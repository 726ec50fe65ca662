/** Kinds of users: served as soon as they are established, on every server, changed and taken away at run time. */
import { expect } from 'chai';
import { definitions, FINALIZER_CLEANUP } from '../../../../api/registry/kinds/definition.ts';
import { openRegistry } from '../../../../api/registry/open.ts';
import type { Registry } from '../../../../api/registry/types.ts';
import { isApiError } from '../../../../machinery/errors.ts';
import { ANNOTATION_PROTECT } from '../../../../machinery/labels.ts';
import { silentLog } from '../../../../machinery/log.ts';
import { newMetrics } from '../../../../machinery/metrics.ts';
import { seededRandom } from '../../../../machinery/random.ts';
import { EventReader, refusalOf } from '../../../client-conformance.ts';
import { isPending, openServers } from '../../../cluster/servers.ts';
import { adminIdentity, openWorld, type World } from '../../../world.ts';
import {
  CRONTABS,
  crontab,
  crontabs,
  definition,
  isEstablished,
  key,
  untilDefinition,
  untilServed,
  version,
} from './crontabs.ts';

const text = { type: 'string' } as const;
const spec = { properties: { cron: { ...text, default: '@daily' }, replicas: { type: 'integer' } } } as const;

describe('A CustomResourceDefinition', () => {
  let world: World;
  beforeEach(async () => {
    world = await openWorld();
  });
  afterEach(() => world.close());

  async function define(made = definition([version('v1', spec)])): Promise<void> {
    await world.admin.create(definitions, made);
    await untilDefinition(world.admin, made.metadata.name, 'Established', isEstablished);
  }

  it('is filled in: names, conversion, stored versions and the finalizer', async () => {
    const made = await world.admin.create(definitions, definition([version('v1')]));
    expect(made.spec.names).to.include({ singular: 'crontab', listKind: 'CronTabList' });
    expect(made.spec.conversion).to.deep.equal({ strategy: 'None' });
    expect(made.status).to.deep.equal({ storedVersions: ['v1'] });
    expect(made.metadata.finalizers).to.deep.equal([FINALIZER_CLEANUP]);
    expect(made.metadata.generation).to.equal(1);
  });

  it('is established, and served in that very moment', async () => {
    const events = new EventReader(world.admin, definitions);
    await world.admin.create(definitions, definition([version('v1', spec)], { shortNames: ['ct'] }));
    for (;;) {
      const event = await events.next();
      if (event.type === 'BOOKMARK' || !isEstablished(event.object)) continue;
      expect(event.object.status?.acceptedNames).to.include({ plural: 'crontabs', kind: 'CronTab' });
      const made = await world.admin.create(crontabs(), crontab('a', {}));
      expect(made['spec']).to.deep.equal({ cron: '@daily' });
      break;
    }
    await events.stop();
  });

  it('changes the list of kinds, and nothing else does', async () => {
    const before = world.registry.kinds();
    expect(world.registry.kinds()).to.equal(before);
    await define();
    const after = world.registry.kinds();
    expect(after).not.to.equal(before);
    expect(after.filter(({ group }) => group === 'example.com').map(({ plural }) => plural)).to.deep.equal([
      'crontabs',
    ]);
    await world.admin.create(crontabs(), crontab('a', {}));
    await world.settle();
    expect(world.registry.kinds()).to.equal(after);
  });

  it('waits for a name that another has, and gets it when that one goes', async () => {
    await define();
    await world.admin.create(definitions, definition([version('v1')], { plural: 'others' }));
    const waiting = await untilDefinition(world.admin, 'others.example.com', 'a conflict', ({ status }) =>
      Boolean(status?.conditions?.some(({ type }) => type === 'NamesAccepted')),
    );
    expect(
      waiting.status?.conditions?.map(({ type, status, reason, message }) => [type, status, reason, message]),
    ).to.deep.equal([
      ['Established', 'False', 'NotAccepted', 'not all names are accepted'],
      ['NamesAccepted', 'False', 'ListKindConflict', '"CronTabList" is already in use'],
    ]);
    expect(world.registry.findKind('example.com', 'v1', 'others')).to.equal(undefined);
    await world.admin.delete(definitions, { name: CRONTABS });
    await untilDefinition(world.admin, 'others.example.com', 'Established', isEstablished);
    expect(world.registry.findKind('example.com', 'v1', 'others')?.kind).to.equal('CronTab');
  });

  it('changes its schema while it is served: old objects are read as the new one says', async () => {
    await define();
    await world.admin.create(crontabs(), crontab('a', { cron: '5', replicas: 3 }));
    const found = await world.admin.get(definitions, { name: CRONTABS });
    const next = version('v1', { properties: { cron: text, suspend: { type: 'boolean', default: false } } });
    const last = await world.admin.update(definitions, {
      ...found,
      spec: { ...found.spec, versions: [next] },
    });
    expect(last.metadata.generation).to.equal(2);
    await world.until('the new schema', async () => {
      const { spec: seen } = await world.admin.get(crontabs(), key('a'));
      return JSON.stringify(seen) === JSON.stringify({ cron: '5', suspend: false });
    });
    const listed = await world.admin.list(crontabs(), { labelSelector: '!x' });
    expect(listed.items.map((item) => item['spec'])).to.deep.equal([{ cron: '5', suspend: false }]);
  });

  it('lets watches go on where they were when it is changed', async () => {
    await define();
    const a = await world.admin.create(crontabs(), crontab('a', {}));
    const events = new EventReader(world.admin, crontabs(), {
      resourceVersion: a.metadata.resourceVersion ?? '',
    });
    const found = await world.admin.get(definitions, { name: CRONTABS });
    const next = version('v1', { properties: { cron: { ...text, default: 'x' } } });
    const first = events.next();
    await world.admin.update(definitions, { ...found, spec: { ...found.spec, versions: [next] } });
    await first.then(
      () => expect.fail('the watch went on over the change'),
      (error: Error) => expect(error.message).to.equal('the watch ended'),
    );
    await world.admin.create(crontabs(), crontab('b', {}));
    const again = new EventReader(world.admin, crontabs(), {
      resourceVersion: a.metadata.resourceVersion ?? '',
    });
    expect(await again.take(1)).to.deep.equal(['ADDED b']);
    await again.stop();
  });

  describe('when it is deleted', () => {
    it('takes its objects with it, tells watchers of each and then why they end', async () => {
      await define();
      await world.admin.create(crontabs(), crontab('a', {}));
      await world.admin.create(crontabs(), crontab('b', {}));
      const events = new EventReader(world.admin, crontabs());
      expect(await events.take(2)).to.deep.equal(['ADDED a', 'ADDED b']);
      await world.admin.delete(definitions, { name: CRONTABS });
      expect(await events.take(2)).to.deep.equal(['DELETED a', 'DELETED b']);
      const end = await refusalOf(events.next(), 'Gone');
      expect(end.message).to.include(`${CRONTABS} is not served any more`);
      await untilServed(world.registry, 'v1', false);
      await refusalOf(world.admin.get(definitions, { name: CRONTABS }), 'NotFound');
      await refusalOf(world.admin.list(crontabs()), 'NotFound');
    });

    it('waits for the finalizers of its objects, and takes no new ones meanwhile', async () => {
      await define();
      const held = crontab('held', {});
      await world.admin.create(crontabs(), {
        ...held,
        metadata: { ...held.metadata, finalizers: ['example.com/hold'] },
      });
      await world.admin.delete(definitions, { name: CRONTABS });
      const ending = await untilDefinition(world.admin, CRONTABS, 'Terminating', ({ status }) =>
        Boolean(
          status?.conditions?.some(({ type, status: value }) => type === 'Terminating' && value === 'True'),
        ),
      );
      expect(ending.metadata.finalizers).to.deep.equal([FINALIZER_CLEANUP]);
      const refused = await refusalOf(
        world.admin.create(crontabs(), crontab('late', {})),
        'MethodNotAllowed',
      );
      expect(refused.message).to.equal('create not allowed while custom resource definition is terminating');
      await world.admin.patch(crontabs(), key('held'), {
        type: 'merge',
        body: { metadata: { finalizers: null } },
      });
      await untilServed(world.registry, 'v1', false);
    });

    it('holds no other up while an object of it cannot be deleted, nor who asks which kinds there are', async () => {
      const servers = await openServers();
      const { admin, registry, store } = await servers.add();
      await admin.create(definitions, definition([version('v1')]));
      await untilDefinition(admin, CRONTABS, 'Established', isEstablished);
      const kept = crontab('kept', {});
      const annotations = { [ANNOTATION_PROTECT]: 'true' };
      await admin.create(crontabs(), { ...kept, metadata: { ...kept.metadata, annotations } });
      await admin.delete(definitions, { name: CRONTABS });
      // Long enough for the pauses between tries to have grown.
      await servers.advance(60_000);
      expect((await admin.list(definitions)).items, 'it is stuck').to.have.length(1);
      expect(await isPending(registry.settleKinds()), 'settles between two tries').to.equal(false);
      await admin.create(definitions, definition([version('v1')], { plural: 'others', kind: 'Other' }));
      await servers.advance(500);
      expect(isEstablished(await admin.get(definitions, { name: 'others.example.com' }))).to.equal(true);
      const body = { metadata: { annotations: { [ANNOTATION_PROTECT]: null } } };
      await admin.patch(crontabs(), key('kept'), { type: 'merge', body });
      await servers.advance(20_000);
      expect((await store.range('/registry/example.com/')).items).to.deep.equal([]);
      await servers.close();
    });

    it('can be made again under the same name, with nothing left of before', async () => {
      await define();
      await world.admin.create(crontabs(), crontab('a', {}));
      await world.admin.delete(definitions, { name: CRONTABS });
      await untilServed(world.registry, 'v1', false);
      await define();
      expect((await world.admin.list(crontabs())).items).to.deep.equal([]);
      await world.admin.create(crontabs(), crontab('a', {}));
    });
  });

  describe('on every server of the store', () => {
    let other: Registry;
    beforeEach(async () => {
      const { store, clock } = world;
      other = await openRegistry({
        store,
        clock,
        random: seededRandom(7),
        log: silentLog,
        metrics: newMetrics(),
      });
    });
    afterEach(() => other.close());

    it('is served, also when it came before the server, and taken away', async () => {
      await define();
      await untilServed(other, 'v1');
      const client = other.as(adminIdentity);
      const made = await client.create(crontabs(), crontab('a', {}));
      expect(await world.admin.get(crontabs(), key('a'))).to.deep.equal(made);
      const { store, clock } = world;
      const third = await openRegistry({
        store,
        clock,
        random: seededRandom(8),
        log: silentLog,
        metrics: newMetrics(),
      });
      expect(await third.as(adminIdentity).get(crontabs(), key('a'))).to.deep.equal(made);
      await client.delete(definitions, { name: CRONTABS });
      for (const registry of [world.registry, other, third]) await untilServed(registry, 'v1', false);
      await third.close();
    });
  });

  it('comes to be the same, however definitions come and go', async () => {
    const random = seededRandom(11);
    const names = ['aaa', 'bbb', 'ccc'];
    for (let step = 0; step < 40; step++) {
      const plural = names[Math.floor(random.next() * names.length)] ?? 'aaa';
      const kind = `K${plural}`;
      try {
        if (random.next() < 0.6)
          await world.admin.create(definitions, definition([version('v1')], { plural, kind }));
        else await world.admin.delete(definitions, { name: `${plural}.example.com` });
      } catch (error) {
        if (!isApiError(error, 'AlreadyExists', 'NotFound', 'Conflict')) throw error;
      }
      if (random.next() < 0.5) await world.settle();
    }
    await world.until('a settled set', async () => {
      const { items } = await world.admin.list(definitions);
      const isSettled = items.every(
        (item) => item.metadata.deletionTimestamp === undefined && isEstablished(item),
      );
      const served = world.registry.kinds().filter(({ group }) => group === 'example.com');
      const wanted = items
        .map(
          ({
            spec: {
              names: { plural },
            },
          }) => plural,
        )
        .sort();
      return (
        isSettled && JSON.stringify(served.map(({ plural }) => plural).sort()) === JSON.stringify(wanted)
      );
    });
  });
});
