/** One kind, several versions: one is kept, each is served with its own schema. */
import { expect } from 'chai';
import { definitions } from '../../../../api/registry/kinds/definition.ts';
import { EventReader, refusalOf } from '../../../client-conformance.ts';
import { adminIdentity, openWorld, type World } from '../../../world.ts';
import {
  CRONTABS,
  crontab,
  crontabs,
  definition,
  isEstablished,
  key,
  untilDefinition,
  version,
} from './crontabs.ts';

const text = { type: 'string' } as const;
const old = version(
  'v1',
  { properties: { cron: { ...text, default: '@daily' }, host: text } },
  { storage: false, deprecated: true },
);
const kept = version(
  'v2',
  { properties: { cron: text, host: text, color: { ...text, default: 'red' } } },
  { subresources: { status: {} } },
);

describe('Versions of a kind', () => {
  let world: World;
  beforeEach(async () => {
    world = await openWorld();
    await world.admin.create(definitions, definition([old, kept]));
    await untilDefinition(world.admin, CRONTABS, 'Established', isEstablished);
  });
  afterEach(() => world.close());

  const v1 = crontabs('v1');
  const v2 = crontabs('v2');

  it('are defaulted by the version that is written, pruned by the one that is kept and the one that is read', async () => {
    const made = await world.admin.create(v1, crontab('a', { host: 'h' }, 'v1'));
    expect(made).to.deep.include({ apiVersion: 'example.com/v1', spec: { host: 'h', cron: '@daily' } });
    const seen = await world.admin.get(v2, key('a'));
    expect(seen.apiVersion).to.equal('example.com/v2');
    // The kept version's default comes when the object is read from the store.
    expect(seen['spec']).to.deep.equal({ host: 'h', cron: '@daily', color: 'red' });
    expect(seen.metadata.uid).to.equal(made.metadata.uid);
    expect(await world.admin.get(v1, key('a'))).to.deep.equal({ ...made, metadata: seen.metadata });
  });

  it('are what the store has only in the one that is kept', async () => {
    await world.admin.create(v1, crontab('a', {}, 'v1'));
    const stored = await world.store.get('/registry/example.com/crontabs/default/a');
    expect(JSON.parse(Buffer.from(stored?.value ?? []).toString())).to.include({
      apiVersion: 'example.com/v2',
    });
  });

  it('are changed through any of them', async () => {
    await world.admin.create(v2, crontab('a', { cron: '1' }, 'v2'));
    const patched = await world.admin.patch(v1, key('a'), { type: 'merge', body: { spec: { host: 'h' } } });
    expect(patched['spec']).to.deep.equal({ cron: '1', host: 'h' });
    const found = await world.admin.get(v2, key('a'));
    const updated = await world.admin.update(v2, { ...found, spec: { cron: '2', color: 'blue' } });
    expect(updated['spec']).to.deep.equal({ cron: '2', color: 'blue' });
    const wrong = await refusalOf(world.admin.create(v1, crontab('b', {}, 'v2')), 'BadRequest');
    expect(wrong.message).to.include('example.com/v1');
  });

  it('are listed and watched in each, with the same versions', async () => {
    const events = new EventReader(world.admin, v1);
    const made = await world.admin.create(v2, crontab('a', { color: 'x' }, 'v2'));
    const first = await events.next();
    expect(first).to.deep.include({ type: 'ADDED' });
    if (first.type !== 'BOOKMARK') {
      expect(first.object.apiVersion).to.equal('example.com/v1');
      expect(first.object.metadata.resourceVersion).to.equal(made.metadata.resourceVersion);
      expect(first.object['spec']).to.deep.equal({});
    }
    const list = await world.admin.list(v1);
    expect(list.items.map(({ apiVersion }) => apiVersion)).to.deep.equal(['example.com/v1']);
    await world.admin.delete(v1, key('a'));
    expect(await events.take(1)).to.deep.equal(['DELETED a']);
    await events.stop();
  });

  it('share bytes with nobody who reads another', async () => {
    await world.admin.create(v2, crontab('a', { color: 'x' }, 'v2'));
    const context = { identity: adminIdentity };
    for (const name of ['v1', 'v2']) {
      const kind = world.registry.findKind('example.com', name, 'crontabs');
      if (kind === undefined) return expect.fail(`${name} is not served`);
      const one = await world.registry.get(context, kind, key('a'));
      expect(JSON.parse(Buffer.from(one.json).toString())).to.deep.equal(one.object);
      const { items } = await world.registry.list(context, kind);
      expect(items[0]).to.equal(one);
      expect((await world.registry.list(context, kind)).items).to.equal(items);
    }
  });

  it('have subresources of their own', async () => {
    await world.admin.create(v2, crontab('a', {}, 'v2'));
    const status = { ...(await world.admin.get(v2, key('a'))), status: { seen: 3 } };
    await world.admin.update(v2, status, { subresource: 'status' });
    expect((await world.admin.get(v1, key('a')))['status']).to.deep.equal({ seen: 3 });
    await refusalOf(
      world.admin.update(v1, { ...status, apiVersion: 'example.com/v1' }, { subresource: 'status' }),
      'NotFound',
    );
  });

  it('warn whoever uses one that is deprecated', () => {
    expect(world.registry.findKind('example.com', 'v1', 'crontabs')?.deprecation).to.equal(
      'example.com/v1 CronTab is deprecated',
    );
    expect(world.registry.findKind('example.com', 'v2', 'crontabs')?.deprecation).to.equal(undefined);
  });

  it('move to another stored one at the next write of each object, and are read the same before and after', async () => {
    await world.admin.create(v2, crontab('a', { cron: '1' }, 'v2'));
    const found = await world.admin.get(definitions, { name: CRONTABS });
    const versions = [
      { ...old, storage: true },
      { ...kept, storage: false },
    ];
    await world.admin.update(definitions, { ...found, spec: { ...found.spec, versions } });
    await world.until('the other version is kept', async () => {
      const { status } = await world.admin.get(definitions, { name: CRONTABS });
      return status?.storedVersions?.includes('v1') === true;
    });
    expect((await world.admin.get(v2, key('a')))['spec']).to.deep.include({ cron: '1' });
    await world.admin.patch(v1, key('a'), { type: 'merge', body: { spec: { host: 'h' } } });
    const stored = await world.store.get('/registry/example.com/crontabs/default/a');
    expect(JSON.parse(Buffer.from(stored?.value ?? []).toString())).to.include({
      apiVersion: 'example.com/v1',
    });
  });
});
