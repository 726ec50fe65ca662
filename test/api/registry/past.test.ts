/** Reading the past: which moment a read is of, what was there, what is gone, and who may know it. */
import { expect } from 'chai';
import { definitions } from '../../../api/registry/kinds/definition.ts';
import { openRegistry } from '../../../api/registry/open.ts';
import type { ServedKind } from '../../../api/registry/types.ts';
import type { GetOptions, ListOptions, ReadMoment } from '../../../machinery/client.ts';
import { workerIdentity } from '../../../machinery/identity.ts';
import { silentLog } from '../../../machinery/log.ts';
import type { DynamicObject, KubeObject, Resource } from '../../../machinery/meta.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import { seededRandom } from '../../../machinery/random.ts';
import { events, namespaces, roleBindings, roles, secrets, tasks } from '../../../schemas/kinds.ts';
import { openStore } from '../../../store/open.ts';
import { taskManifest } from '../../builders.ts';
import { refusalOf } from '../../client-conformance.ts';
import { adminIdentity, openWorld, type World } from '../../world.ts';
import {
  CRONTABS,
  crontab,
  crontabs,
  definition,
  isEstablished,
  untilDefinition,
  untilServed,
  version,
} from './kinds/crontabs.ts';

const context = { identity: adminIdentity };
const configmaps: Resource = {
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  namespaced: true,
};
const START = '2026-01-01T00:00:00.000Z';
const minuteMs = 60_000;

function configmap(name: string, value: string, namespace = 'default'): DynamicObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace, labels: { value } },
    data: { value },
  };
}

/** The kind without its type: for objects that are what a manifest would be. */
const generic = ({ group, version: at, plural, kind, namespaced }: Resource<KubeObject>): Resource => ({
  group,
  version: at,
  plural,
  kind,
  namespaced,
});
const versionOf = ({ metadata }: { metadata: { resourceVersion?: string } }): string =>
  metadata.resourceVersion ?? '';

describe('The past', () => {
  let world: World;

  beforeEach(async () => {
    world = await openWorld();
  });
  afterEach(() => world.close());

  /** What a read was told of its moment. */
  const told = async (
    read: (options: GetOptions) => Promise<unknown>,
    options: GetOptions,
  ): Promise<ReadMoment | undefined> => {
    let moment: ReadMoment | undefined;
    await read({ ...options, onMoment: (its) => (moment = its) });
    return moment;
  };

  describe('of one object', () => {
    let first: string;
    let second: string;
    let gone: string;
    const key = { namespace: 'default', name: 'a' };
    const get = (options: GetOptions): Promise<DynamicObject> => world.admin.get(configmaps, key, options);
    const valueOf = async (options: GetOptions): Promise<unknown> => (await get(options))['data'];

    beforeEach(async () => {
      await world.advance(minuteMs);
      first = versionOf(await world.admin.create(configmaps, configmap('a', 'one')));
      await world.advance(minuteMs);
      second = versionOf(await world.admin.update(configmaps, configmap('a', 'two')));
      await world.advance(minuteMs);
      await world.admin.delete(configmaps, key);
      gone = String(world.store.revision());
      await world.advance(minuteMs);
    });

    it('is read at a revision, also when the object is deleted since', async () => {
      const exactly = (resourceVersion: string): GetOptions => ({
        resourceVersion,
        resourceVersionMatch: 'Exact',
      });
      expect(await valueOf(exactly(first))).to.deep.equal({ value: 'one' });
      expect(await valueOf(exactly(second))).to.deep.equal({ value: 'two' });
      expect(versionOf(await get(exactly(second)))).to.equal(second);
      const never = await refusalOf(get(exactly(String(Number(first) - 1))), 'NotFound');
      expect(never.message).to.equal(`configmaps "a" not found at revision ${Number(first) - 1}`);
      expect(never.details).to.deep.equal({ name: 'a', kind: 'configmaps' });
      const deleted = await refusalOf(get(exactly(gone)), 'NotFound');
      expect(deleted.message).to.equal(`configmaps "a" not found at revision ${gone}`);
      expect(await told(get, exactly(first))).to.deep.equal({ revision: Number(first), timeMs: undefined });
    });

    it('is read at a time: of the clock, with a fraction or an offset, or so long ago', async () => {
      const rows: readonly (readonly [at: string, value: string])[] = [
        ['2026-01-01T00:01:00Z', 'one'],
        ['2026-01-01T00:01:59.999Z', 'one'],
        ['2026-01-01t00:02:00z', 'two'],
        ['2026-01-01T01:02:00.123456789+01:00', 'two'],
        ['2025-12-31T21:32:30-02:30', 'two'],
        ['-3m', 'one'],
        ['-2m30s', 'one'],
        ['-2m', 'two'],
        ['-61s', 'two'],
        ['-0.02h', 'two'],
      ];
      for (const [at, value] of rows) expect(await valueOf({ at }), at).to.deep.equal({ value });
      const before = await refusalOf(get({ at: '-3m1s' }), 'NotFound');
      expect(before.message).to.match(
        /^configmaps "a" not found at 2026-01-01T00:00:59\.000Z \(revision \d+\)$/,
      );
      await refusalOf(get({ at: '-1m' }), 'NotFound');
      await refusalOf(get({ at: '-0s' }), 'NotFound');
      expect(await told(get, { at: '-3m' })).to.deep.equal({
        revision: Number(first),
        timeMs: Date.parse(START) + minuteMs,
      });
    });

    it('refuses a time that is none, and one that has not come', async () => {
      const wanted = 'wanted a time such as 2026-11-21T10:00:00Z or a duration back from now such as -10m';
      const rows: readonly (readonly [options: GetOptions, said: string])[] = [
        [{ at: '' }, `at: found "", ${wanted}`],
        [{ at: 'yesterday' }, `at: found "yesterday", ${wanted}`],
        [{ at: '10m' }, `at: found "10m", ${wanted}; did you mean "-10m"?`],
        [{ at: '-10' }, `at: found "-10", ${wanted}`],
        [{ at: '-' }, `at: found "-", ${wanted}`],
        [{ at: '--10m' }, `at: found "--10m", ${wanted}`],
        [{ at: `-${'9'.repeat(400)}h` }, `at: found "-${'9'.repeat(400)}h", ${wanted}`],
        [{ at: '2026-01-01' }, `at: found "2026-01-01", ${wanted}`],
        [{ at: '2026-01-01T00:00:00' }, `at: found "2026-01-01T00:00:00", ${wanted}`],
        [{ at: '2026-02-30T00:00:00Z' }, `at: found "2026-02-30T00:00:00Z", ${wanted}`],
        [{ at: '2026-01-01T24:00:00Z' }, `at: found "2026-01-01T24:00:00Z", ${wanted}`],
        [
          { at: '2026-01-01T00:00:00 01:00' },
          `at: found "2026-01-01T00:00:00 01:00", ${wanted}; a + in a URL is written %2B`,
        ],
        [
          { at: '2026-01-01T00:04:00.001Z' },
          'at: found "2026-01-01T00:04:00.001Z", which is in the future, wanted a time up to now, 2026-01-01T00:04:00.000Z',
        ],
        [
          { at: '-1m', resourceVersion: '5' },
          'at and resourceVersion: found "-1m" and "5", wanted one of them: each names the moment',
        ],
        [
          { at: '-1m', resourceVersionMatch: 'Exact' },
          'at and resourceVersionMatch: found "-1m" and "Exact", wanted one of them: each names the moment',
        ],
      ];
      for (const [options, said] of rows) {
        for (const read of [get(options), world.admin.list(configmaps, options)]) {
          if (options.resourceVersionMatch !== undefined && read !== undefined && said.includes('Match')) {
            // A list without resourceVersion is refused in Kubernetes' words first.
            const error = await read.then(
              () => undefined,
              (thrown: unknown) => thrown,
            );
            expect(error).to.be.instanceOf(Error);
            continue;
          }
          const error = await refusalOf(read, 'BadRequest');
          expect(error.message).to.equal(said);
          expect(error.details?.causes?.[0]?.field).to.equal('at');
        }
      }
    });

    it('refuses a revision that is none, and knows that a get without Exact is of the present', async () => {
      const rows: readonly (readonly [GetOptions, string])[] = [
        [{ resourceVersionMatch: 'Exact' }, 'is forbidden unless resourceVersion is provided'],
        [
          { resourceVersionMatch: 'Exact', resourceVersion: '0' },
          '"exact" is forbidden for resourceVersion "0"',
        ],
        [
          { resourceVersionMatch: 'exact', resourceVersion: first },
          'Unsupported value: "exact": supported values: "Exact", "NotOlderThan", ""',
        ],
      ];
      for (const [options, said] of rows) {
        const error = await refusalOf(get(options), 'Invalid');
        expect(error.message).to.include(said);
      }
      await refusalOf(get({ resourceVersion: 'x', resourceVersionMatch: 'Exact' }), 'BadRequest');
      const present: readonly GetOptions[] = [
        { resourceVersion: first },
        { resourceVersion: '0' },
        { resourceVersion: first, resourceVersionMatch: 'NotOlderThan' },
        { resourceVersionMatch: 'NotOlderThan' },
      ];
      for (const options of present) {
        const error = await refusalOf(get(options), 'NotFound');
        expect(error.message).to.equal('configmaps "a" not found');
      }
    });

    it('waits a little for a revision that nobody has written yet, and then says so', async () => {
      const next = { resourceVersion: String(Number(gone) + 1), resourceVersionMatch: 'Exact' };
      const waiting = get(next);
      await world.settle();
      await world.admin.create(configmaps, configmap('a', 'three'));
      expect((await waiting)['data']).to.deep.equal({ value: 'three' });
      const never = refusalOf(get({ ...next, resourceVersion: '1000000' }), 'Timeout');
      await world.advance(3_000);
      expect((await never).message).to.match(/^Too large resource version: 1000000, current: \d+$/);
    });

    it('ends where history ends: 410 names the oldest moment kept', async () => {
      await world.store.compact(Number(second));
      const kept = `their past is kept from revision ${second} \\(2026-01-01T00:02:00\\.000Z\\) on; ask for that or for something later$`;
      const rows: readonly (readonly [GetOptions, string])[] = [
        [{ resourceVersion: first, resourceVersionMatch: 'Exact' }, `at revision ${first}`],
        [{ at: '-3m' }, 'at 2026-01-01T00:01:00\\.000Z'],
      ];
      for (const [options, moment] of rows) {
        for (const read of [get(options), world.admin.list(configmaps, options)]) {
          const error = await refusalOf(read, 'Expired');
          expect(error.code).to.equal(410);
          expect(error.message).to.match(new RegExp(`^too old: configmaps ${moment} are gone: ${kept}`));
        }
      }
      expect(await valueOf({ at: '-2m' })).to.deep.equal({ value: 'two' });
    });
  });

  describe('of a list', () => {
    it('is of one moment over all its pages, whatever happens meanwhile', async () => {
      for (const name of ['a', 'b', 'c', 'd', 'e']) {
        await world.admin.create(configmaps, configmap(name, 'one'));
        await world.advance(1_000);
      }
      await world.admin.create(configmaps, configmap('a', 'one', 'gantry-system'));
      await world.advance(minuteMs);
      const at = '-1m';
      let next: string | undefined;
      const seen: string[] = [];
      const moments: (ReadMoment | undefined)[] = [];
      do {
        const options: ListOptions = {
          namespace: 'default',
          limit: 2,
          ...(next === undefined ? { at } : { continue: next, ...(seen.length === 2 ? { at } : {}) }),
        };
        let moment: ReadMoment | undefined;
        const page = await world.admin.list(configmaps, { ...options, onMoment: (its) => (moment = its) });
        moments.push(moment);
        expect(page.metadata.resourceVersion).to.equal(String(moment?.revision));
        seen.push(
          ...page.items.map(({ metadata, data }) => `${metadata.name}=${(data as { value: string }).value}`),
        );
        next = page.metadata.continue;
        for (const name of ['a', 'c', 'e']) {
          await world.admin.update(configmaps, configmap(name, `changed-after-${seen.length}`));
        }
        await world.advance(10_000);
        if (seen.length === 2) await world.admin.delete(configmaps, { namespace: 'default', name: 'd' });
      } while (next !== undefined);
      expect(seen).to.deep.equal(['a=one', 'b=one', 'c=one', 'd=one', 'e=one']);
      for (const moment of moments) expect(moment).to.deep.equal(moments[0]);
      expect(moments[0]?.timeMs).to.equal(Date.parse(START) + 5_000);
    });

    it('goes on at its own time alone', async () => {
      for (const name of ['a', 'b']) await world.admin.create(configmaps, configmap(name, 'one'));
      await world.advance(minuteMs);
      const list = (options: ListOptions) => world.admin.list(configmaps, { limit: 1, ...options });
      const byTime = (await list({ at: '2026-01-01T00:00:30Z' })).metadata.continue ?? '';
      const present = (await list({})).metadata.continue ?? '';
      expect((await list({ continue: byTime, at: '2026-01-01T00:00:30Z' })).items).to.have.length(1);
      const other = await refusalOf(list({ continue: byTime, at: '2026-01-01T00:00:31Z' }), 'BadRequest');
      expect(other.message).to.equal(
        'at and continue: found "2026-01-01T00:00:31Z" and a token of a list at 2026-01-01T00:00:30.000Z, wanted the same or no at',
      );
      const none = await refusalOf(list({ continue: present, at: '-1s' }), 'BadRequest');
      expect(none.message).to.include('a token of a list at no time');
      const forged = Buffer.from(JSON.stringify({ v: 'gantry.dev/v1', rv: 1, at: 1e300, after: '' }));
      await refusalOf(list({ continue: forged.toString('base64url') }), 'BadRequest');
      await world.admin.update(configmaps, configmap('b', 'two'));
      await world.store.compact(world.store.revision());
      const gone = await refusalOf(list({ continue: byTime }), 'Expired');
      expect(gone.message).to.match(
        /^too old: configmaps at 2026-01-01T00:00:30\.000Z \(revision \d+\) are gone/,
      );
      expect(gone.continue).to.equal(undefined);
    });

    it('selects by what was: labels, fields, names', async () => {
      const made = await world.admin.create(tasks, taskManifest('t', {}, { labels: { color: 'red' } }));
      await world.advance(minuteMs);
      await world.admin.patch(
        tasks,
        { namespace: 'default', name: 't' },
        { type: 'merge', body: { metadata: { labels: { color: 'blue' } } } },
      );
      await world.admin.create(tasks, taskManifest('u'));
      await world.advance(minuteMs);
      const names = async (options: ListOptions): Promise<string> =>
        (await world.admin.list(tasks, options)).items.map(({ metadata }) => metadata.name).join(' ');
      const then = { resourceVersion: versionOf(made), resourceVersionMatch: 'Exact' };
      expect(await names({ ...then, labelSelector: 'color=red' })).to.equal('t');
      expect(await names({ ...then, labelSelector: 'color=blue' })).to.equal('');
      expect(await names({ at: '-2m', labelSelector: 'color=red' })).to.equal('t');
      expect(await names({ at: '-1m', labelSelector: 'color=red' })).to.equal('');
      expect(await names({ at: '-1m' })).to.equal('t u');
      expect(await names({ ...then, fieldSelector: 'metadata.name=t' })).to.equal('t');
      expect(await names({ ...then, namespace: 'default', fieldSelector: 'metadata.name=t' })).to.equal('t');
      expect(await names({ ...then, namespace: 'default', fieldSelector: 'metadata.name=u' })).to.equal('');
      expect(await names({ ...then, namespace: 'gantry-system' })).to.equal('');
      expect(await names({ ...then, limit: 5 })).to.equal('t');
    });

    it('of a time before the first write is empty', async () => {
      const list = await world.admin.list(configmaps, { at: '2001-01-01T00:00:00Z' });
      expect(list.items).to.deep.equal([]);
      expect(list.metadata.resourceVersion).to.equal('0');
    });
  });

  describe('of every kind', () => {
    it('of a namespace that is gone, with everything in it', async () => {
      const room: DynamicObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'room' } };
      await world.admin.create(generic(namespaces), room);
      await world.admin.create(configmaps, configmap('a', 'one', 'room'));
      const then = {
        resourceVersion: String(world.store.revision()),
        resourceVersionMatch: 'Exact',
      };
      await world.admin.delete(configmaps, { namespace: 'room', name: 'a' });
      const found = world.registry.findKind('', 'v1', 'namespaces');
      if (found === undefined) throw new Error('namespaces are not served');
      await world.admin.delete(namespaces, { name: 'room' });
      await world.registry.update(
        context,
        found,
        { name: 'room' },
        { ...room, spec: { finalizers: [] } },
        { subresource: 'finalize' },
      );
      await refusalOf(world.admin.get(namespaces, { name: 'room' }), 'NotFound');
      expect((await world.admin.get(namespaces, { name: 'room' }, then)).metadata.name).to.equal('room');
      expect((await world.admin.list(configmaps, { ...then, namespace: 'room' })).items).to.have.length(1);
    });

    it('that users define: as the kind is served now; 404 when the kind is gone', async () => {
      const { admin, store } = world;
      const two = [
        version('v1', { 'x-kubernetes-preserve-unknown-fields': true }),
        version(
          'v2',
          { properties: { schedule: { type: 'string' }, size: { type: 'integer' } } },
          { storage: false },
        ),
      ];
      await admin.create(definitions, definition(two));
      await untilDefinition(world.admin, CRONTABS, 'being established', isEstablished);
      await admin.create(crontabs('v1'), crontab('a', { schedule: '* * * * *', odd: 1 }));
      const then = { resourceVersion: String(store.revision()), resourceVersionMatch: 'Exact' };
      await admin.delete(crontabs('v1'), { namespace: 'default', name: 'a' });
      const key = { namespace: 'default', name: 'a' };
      expect((await admin.get(crontabs('v1'), key, then))['spec']).to.deep.equal({
        schedule: '* * * * *',
        odd: 1,
      });
      const asV2 = await admin.get(crontabs('v2'), key, then);
      expect(asV2.apiVersion).to.equal('example.com/v2');
      expect(asV2['spec']).to.deep.equal({ schedule: '* * * * *' });
      const list = await admin.list(crontabs('v2'), then);
      expect(list.items.map((item) => item.apiVersion)).to.deep.equal(['example.com/v2']);
      await admin.delete(definitions, { name: CRONTABS });
      await untilServed(world.registry, 'v1', false);
      await refusalOf(admin.get(crontabs('v1'), key, then), 'NotFound');
      // The same name with another scope: what was kept under it then is not of this kind.
      await admin.create(definitions, definition(two, {}, { scope: 'Cluster' }));
      await untilDefinition(world.admin, CRONTABS, 'being established', isEstablished);
      const whole = { ...crontabs('v1'), namespaced: false };
      expect((await admin.list(whole, then)).items).to.deep.equal([]);
      await refusalOf(admin.get(whole, { name: 'default/a' }, then), 'NotFound');
    });

    it('that keeps a shorter past: 410 says since when for them', async () => {
      const { clock } = world;
      const prefix = '/registry/core/events/';
      const retention = { transientPrefixes: [prefix], transientHistoryMs: minuteMs, everyMs: 10_000 };
      const store = await openStore('memory:', { clock, random: seededRandom(2), retention });
      const parts = { clock, random: seededRandom(3), log: silentLog, metrics: newMetrics() };
      const registry = await openRegistry({ ...parts, store });
      const admin = registry.as(adminIdentity);
      const event = (name: string) =>
        ({
          apiVersion: 'v1',
          kind: 'Event',
          metadata: { name, namespace: 'default' },
          involvedObject: { kind: 'Task', namespace: 'default', name: 't' },
        }) as const;
      try {
        await admin.create(configmaps, configmap('a', 'one'));
        await admin.create(events, event('a'));
        await world.advance(90_000);
        const second = await admin.create(events, event('b'));
        await admin.update(configmaps, configmap('a', 'two'));
        await world.advance(20_000);
        expect((await admin.list(configmaps, { at: '-100s' })).items[0]?.['data']).to.deep.equal({
          value: 'one',
        });
        expect((await admin.list(events, { at: '-19s' })).items).to.have.length(2);
        await world.advance(2 * minuteMs);
        const later = await refusalOf(
          admin.list(events, { resourceVersion: '1', resourceVersionMatch: 'Exact' }),
          'Expired',
        );
        expect(later.message).to.include('(2026-01-01T00:01:30.000Z)');
        expect((await admin.list(configmaps, { at: '-230s' })).items).to.have.length(1);
        expect(Number(versionOf(second))).to.be.greaterThan(0);
      } finally {
        await registry.close();
        await store.close();
      }
    });
  });

  describe('and who may know it', () => {
    it('is read with the permission that the present needs', async () => {
      const { admin, store } = world;
      const secret = (name: string, namespace = 'default'): DynamicObject => ({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name, namespace },
        stringData: { word: 'open' },
      });
      const kind = generic(secrets);
      for (const name of ['mine', 'other']) await admin.create(kind, secret(name));
      await admin.create(kind, secret('mine', 'gantry-system'));
      const then = { resourceVersion: String(store.revision()), resourceVersionMatch: 'Exact' };
      await admin.create(generic(roles), {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'Role',
        metadata: { name: 'reader', namespace: 'default' },
        rules: [{ apiGroups: [''], resources: ['secrets'], resourceNames: ['mine'], verbs: ['get', 'list'] }],
      });
      await admin.create(generic(roleBindings), {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { name: 'reader', namespace: 'default' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'rita' }],
      });
      for (const name of ['mine', 'other']) await admin.delete(kind, { namespace: 'default', name });
      const rita = world.registry.as({ name: 'rita', groups: ['system:authenticated'] });
      const got = await rita.get(kind, { namespace: 'default', name: 'mine' }, then);
      expect(got['data']).to.deep.equal({ word: Buffer.from('open').toString('base64') });
      await refusalOf(rita.get(kind, { namespace: 'default', name: 'other' }, then), 'Forbidden');
      await refusalOf(rita.get(kind, { namespace: 'gantry-system', name: 'mine' }, then), 'Forbidden');
      await refusalOf(rita.list(kind, { namespace: 'default', ...then }), 'Forbidden');
      await refusalOf(rita.list(kind, then), 'Forbidden');
      const named = { namespace: 'default', fieldSelector: 'metadata.name=mine', ...then };
      expect((await rita.list(kind, named)).items).to.have.length(1);
    });

    it('shows a worker of Tasks what concerned it then', async () => {
      const { admin, store } = world;
      await world.addWorker('w1');
      const key = { namespace: 'default', name: 't' };
      const task = await admin.create(tasks, taskManifest('t'));
      const unbound = { resourceVersion: versionOf(task), resourceVersionMatch: 'Exact' };
      await admin.post(tasks, key, 'binding', {
        apiVersion: 'gantry.dev/v1',
        kind: 'Binding',
        metadata: key,
        target: { name: 'w1' },
        epoch: 1,
      });
      const bound = { resourceVersion: String(store.revision()), resourceVersionMatch: 'Exact' };
      const w1 = world.registry.as(workerIdentity('w1'));
      const w2 = world.registry.as(workerIdentity('w2'));
      expect((await w1.get(tasks, key, bound)).spec.workerName).to.equal('w1');
      await refusalOf(w1.get(tasks, key, unbound), 'NotFound');
      await refusalOf(w2.get(tasks, key, bound), 'NotFound');
      expect((await w1.list(tasks, { ...bound })).items).to.have.length(1);
      expect((await w2.list(tasks, { ...bound })).items).to.deep.equal([]);
    });
  });

  it('is read by so many at once, who take turns; more are sent away for a moment', async () => {
    for (let at = 0; at < 20; at++) await world.admin.create(configmaps, configmap(`c${at}`, 'one'));
    const then = { resourceVersion: String(world.store.revision()), resourceVersionMatch: 'Exact' };
    await world.admin.update(configmaps, configmap('c1', 'two'));
    const kind: ServedKind | undefined = world.registry.findKind('', 'v1', 'configmaps');
    if (kind === undefined) throw new Error('configmaps are not served');
    const lists = (name: string, count: number) =>
      Array.from({ length: count }, () =>
        world.registry.list({ identity: { ...adminIdentity, name } }, kind, then),
      );
    const greedy = await Promise.allSettled([...lists('greedy', 40), ...lists('modest', 2)]);
    const refused = greedy.slice(0, 40).filter((result) => result.status === 'rejected');
    expect(refused).to.have.length(40 - 2 - 20);
    for (const result of refused) {
      expect(result.reason).to.include({ reason: 'TooManyRequests', code: 429 });
      expect(result.reason.details.retryAfterSeconds).to.equal(1);
      expect(result.reason.message).to.match(
        /3 lists of the past are read at once, and too many of yours are waiting already$/,
      );
    }
    for (const result of greedy.slice(40)) expect(result.status).to.equal('fulfilled');
    for (const result of await Promise.allSettled(lists('greedy', 1)))
      expect(result.status).to.equal('fulfilled');
  });

  it('is bounded in bytes: a page ends there, and a list without pages is refused', async () => {
    const data = { value: 'x'.repeat(1024 * 1024 - 1_000) };
    const keys = Array.from({ length: 70 }, (_, at) => ({
      namespace: at < 35 ? 'default' : 'other',
      name: `c${String(at).padStart(2, '0')}`,
    }));
    await world.admin.create(namespaces, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'other' },
    });
    let resourceVersion = '';
    for (const metadata of keys) {
      const made = await world.admin.create(configmaps, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata,
        data,
      });
      resourceVersion = versionOf(made);
    }
    for (const key of keys) await world.admin.delete(configmaps, key);
    const options = { resourceVersion, resourceVersionMatch: 'Exact' };
    const refusal = await refusalOf(world.admin.list(configmaps, options), 'RequestEntityTooLarge');
    expect(refusal.message).to.match(/^configmaps at revision \d+ are more than 64 MiB: read them in pages/);
    const first = await world.admin.list(configmaps, { ...options, limit: 500 });
    expect(first.items.length).to.be.within(60, 65);
    const rest = await world.admin.list(configmaps, { limit: 500, continue: first.metadata.continue ?? '' });
    const names = [...first.items, ...rest.items].map(({ metadata }) => metadata.name);
    expect(names).to.deep.equal(keys.map(({ name }) => name));
    expect(rest.metadata.continue).to.equal(undefined);
  });
});
