/** Which moment a list and a watch are of, and how a list in pages goes on: Kubernetes' table, row by row. */
import { expect } from 'chai';
import { openRegistry } from '../../../api/registry/open.ts';
import type {
  RegistryListOptions,
  RegistryWatchOptions,
  ServedKind,
  StoredWatchEvent,
} from '../../../api/registry/types.ts';
import { silentLog } from '../../../machinery/log.ts';
import type { DynamicObject, Resource } from '../../../machinery/meta.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import { roles } from '../../../schemas/kinds.ts';
import { refusalOf } from '../../client-conformance.ts';
import { adminIdentity, openWorld, type World } from '../../world.ts';

const context = { identity: adminIdentity };
const configmaps: Resource = {
  group: '',
  version: 'v1',
  plural: 'configmaps',
  kind: 'ConfigMap',
  namespaced: true,
};

function configmap(name: string, labels: Record<string, string> = {}, namespace = 'default'): DynamicObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, labels }, data: { at: '0' } };
}

describe('A list', () => {
  let world: World;
  let kind: ServedKind;
  /** Revisions after a, b, c, d were made, and after b was changed. */
  let revisions: number[];

  beforeEach(async () => {
    world = await openWorld();
    const found = world.registry.findKind('', 'v1', 'configmaps');
    if (found === undefined) throw new Error('configmaps are not served');
    kind = found;
    revisions = [];
    for (const name of ['a', 'b', 'c', 'd']) {
      const made = await world.admin.create(
        configmaps,
        configmap(name, { even: String('bd'.includes(name)) }),
      );
      revisions.push(Number(made.metadata.resourceVersion));
    }
  });
  afterEach(() => world.close());

  const list = (options: RegistryListOptions = {}): Promise<readonly [names: string, revision: number]> =>
    world.registry
      .list(context, kind, { namespace: 'default', ...options })
      .then(({ items, resourceVersion }) => [
        items.map(({ object }) => object.metadata.name).join(''),
        resourceVersion,
      ]);
  const at = (index: number): string => String(revisions[index]);

  it('is of the present, of a version at least, or of exactly one', async () => {
    const last = revisions[3];
    const rows: readonly (readonly [
      options: RegistryListOptions,
      names: string,
      revision: number | undefined,
    ])[] = [
      [{}, 'abcd', last],
      [{ resourceVersion: '' }, 'abcd', last],
      [{ resourceVersion: '0' }, 'abcd', last],
      [{ resourceVersion: at(1) }, 'abcd', last],
      [{ resourceVersion: at(1), resourceVersionMatch: 'NotOlderThan' }, 'abcd', last],
      [{ resourceVersion: '0', resourceVersionMatch: 'NotOlderThan' }, 'abcd', last],
      [{ resourceVersion: at(1), resourceVersionMatch: 'Exact' }, 'ab', revisions[1]],
      [{ limit: 3 }, 'abc', last],
      [{ limit: 3, resourceVersion: '0' }, 'abc', last],
      [{ limit: 3, resourceVersion: at(1) }, 'ab', revisions[1]],
      [{ limit: 1, resourceVersion: at(1), resourceVersionMatch: 'Exact' }, 'a', revisions[1]],
      [{ limit: 3, resourceVersion: at(1), resourceVersionMatch: 'NotOlderThan' }, 'abc', last],
      [{ fieldSelector: 'metadata.name=c' }, 'c', last],
      [{ fieldSelector: 'metadata.name=c,metadata.namespace!=default' }, '', last],
      [{ fieldSelector: 'metadata.name=none' }, '', last],
      [{ labelSelector: 'even=true', limit: 1 }, 'b', last],
    ];
    for (const [options, names, revision] of rows) {
      expect(await list(options), JSON.stringify(options)).to.deep.equal([names, revision]);
    }
  });

  it('refuses what makes no sense, in the words of Kubernetes', async () => {
    const rows: readonly (readonly [options: RegistryListOptions, said: string])[] = [
      [
        { resourceVersionMatch: 'Exact' },
        'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
      ],
      [
        { resourceVersionMatch: 'Exact', resourceVersion: '0' },
        'resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
      ],
      [
        { resourceVersionMatch: 'Newest', resourceVersion: '1' },
        'resourceVersionMatch: Unsupported value: "Newest": supported values: "Exact", "NotOlderThan", ""',
      ],
      [
        { resourceVersionMatch: 'NotOlderThan', resourceVersion: '1', continue: 'x' },
        'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided',
      ],
    ];
    for (const [options, said] of rows) {
      const error = await refusalOf(list(options), 'Invalid');
      expect(error.message).to.equal(`ListOptions.meta.k8s.io "" is invalid: ${said}`);
    }
    const { continue: token = '' } = await world.registry.list(context, kind, {
      namespace: 'default',
      limit: 1,
    });
    const both = await refusalOf(list({ continue: token, resourceVersion: '5' }), 'BadRequest');
    expect(both.message).to.equal('specifying resource version is not allowed when using continue');
    await refusalOf(list({ continue: 'nonsense' }), 'BadRequest');
    await refusalOf(list({ resourceVersion: 'abc' }), 'BadRequest');
  });

  it('does not go on from a moment that has not come', async () => {
    const token = JSON.stringify({ v: 'gantry.dev/v1', rv: 1_000_000, after: '' });
    const error = await refusalOf(list({ continue: Buffer.from(token).toString('base64url') }), 'Timeout');
    expect(error.message).to.match(/^Too large resource version: 1000000, current: \d+$/);
  });

  it('says how many are left, where that is known', async () => {
    const first = await world.registry.list(context, kind, { namespace: 'default', limit: 1 });
    expect(first.remainingItemCount).to.equal(3);
    const chosen = await world.registry.list(context, kind, {
      namespace: 'default',
      limit: 1,
      labelSelector: 'even',
    });
    expect(chosen.continue).to.be.a('string');
    expect(chosen.remainingItemCount).to.equal(undefined);
  });

  it('whose moment is gone can be gone on with, of the present', async () => {
    const first = await world.registry.list(context, kind, { namespace: 'default', limit: 2 });
    await world.admin.create(configmaps, configmap('c2'));
    await world.admin.delete(configmaps, { namespace: 'default', name: 'd' });
    await world.store.compact(world.store.revision());
    const error = await refusalOf(list({ limit: 2, continue: first.continue ?? '' }), 'Expired');
    expect(error.message).to.match(
      /^The provided continue parameter is too old to display a consistent list result\. You can start a new list/,
    );
    const token = error.toStatus().metadata.continue;
    if (token === undefined) return expect.fail('there was no token to go on with');
    expect(await list({ limit: 2, continue: token })).to.deep.equal(['cc2', world.registry.revision()]);
    const rest = await world.registry.list(context, kind, {
      namespace: 'default',
      limit: 1,
      continue: token,
    });
    expect(rest.continue).to.be.a('string');
    expect(await list({ continue: rest.continue ?? '' })).to.deep.equal(['c2', rest.resourceVersion]);
  });

  it('keeps the order of the store, by bytes, also where names are not ASCII', async () => {
    const names = ['\u{ff5e}', '\u{1f600}', '\u{e000}', '\u{10000}'];
    for (const name of names) {
      const metadata = { name, namespace: 'default' };
      await world.admin.create(roles, {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'Role',
        metadata,
        rules: [],
      });
    }
    const { store, clock, random } = world;
    const again = await openRegistry({ store, clock, random, log: silentLog, metrics: newMetrics() });
    try {
      const client = again.as(adminIdentity);
      const listed = async (limit?: number): Promise<string[]> => {
        const found: string[] = [];
        let next: string | undefined;
        do {
          const page = await client.list(roles, {
            namespace: 'default',
            ...(limit === undefined ? {} : { limit }),
            ...(next === undefined ? {} : { continue: next }),
          });
          found.push(...page.items.map(({ metadata }) => metadata.name));
          next = page.metadata.continue;
        } while (next !== undefined);
        return found;
      };
      expect(await listed()).to.deep.equal(['\u{e000}', '\u{ff5e}', '\u{10000}', '\u{1f600}']);
      expect(await listed(1)).to.deep.equal(['\u{e000}', '\u{ff5e}', '\u{10000}', '\u{1f600}']);
      await client.delete(roles, { namespace: 'default', name: '\u{ff5e}' });
      expect(await listed()).to.deep.equal(['\u{e000}', '\u{10000}', '\u{1f600}']);
    } finally {
      await again.close();
    }
  });

  it('deletes what it selects, in order, and answers with it', async () => {
    const gone = await world.registry.deleteCollection(context, kind, {
      namespace: 'default',
      labelSelector: 'even=true',
      dryRun: true,
    });
    expect(gone.items.map(({ object }) => object.metadata.name)).to.deep.equal(['b', 'd']);
    expect((await list())[0]).to.equal('abcd');
    const some = await world.registry.deleteCollection(context, kind, {
      namespace: 'default',
      labelSelector: 'even=true',
      limit: 1,
    });
    expect(some.items.map(({ object }) => object.metadata.name)).to.deep.equal(['b']);
    expect((await list())[0]).to.equal('acd');
    await world.registry.deleteCollection(context, kind, { namespace: 'default' });
    expect((await list())[0]).to.equal('');
  });

  describe('that goes on as a watch', () => {
    async function open(options: RegistryWatchOptions): Promise<AsyncIterator<StoredWatchEvent>> {
      return (await world.registry.watch(context, kind, { namespace: 'default', ...options }))[
        Symbol.asyncIterator
      ]();
    }
    const told = async (events: AsyncIterator<StoredWatchEvent>): Promise<string> => {
      const { value, done } = await events.next();
      if (done === true) return 'the end';
      const event: StoredWatchEvent = value;
      return event.type === 'BOOKMARK'
        ? `BOOKMARK${event.isInitialEnd === true ? ' end' : ''}`
        : `${event.type} ${event.stored.object.metadata.name}`;
    };

    it('begins with what there is, or after a version', async () => {
      const fresh = await open({ fieldSelector: 'metadata.name=b' });
      expect(await told(fresh)).to.equal('ADDED b');
      const any = await open({ resourceVersion: '0', labelSelector: 'even=true' });
      expect([await told(any), await told(any)]).to.deep.equal(['ADDED b', 'ADDED d']);
      const later = await open({ resourceVersion: at(2) });
      expect(await told(later)).to.equal('ADDED d');
      const streamed = await open({
        sendInitialEvents: true,
        resourceVersionMatch: 'NotOlderThan',
        allowWatchBookmarks: true,
        fieldSelector: 'metadata.name=c',
      });
      expect([await told(streamed), await told(streamed)]).to.deep.equal(['ADDED c', 'BOOKMARK end']);
      const silent = await open({
        sendInitialEvents: false,
        resourceVersionMatch: 'NotOlderThan',
        allowWatchBookmarks: true,
      });
      const first = told(silent);
      await world.admin.create(configmaps, configmap('e'));
      expect(await first).to.equal('ADDED e');
    });

    it('refuses options that make no sense together', async () => {
      const alone = await refusalOf(open({ resourceVersionMatch: 'NotOlderThan' }), 'Invalid');
      expect(alone.message).to.include(
        'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
      );
      const exact = await refusalOf(
        open({ resourceVersionMatch: 'Exact', sendInitialEvents: true }),
        'Invalid',
      );
      expect(exact.message).to.include(
        'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
      );
    });

    it('gets bookmarks also when it is quiet and began in what only the store remembers', async () => {
      const { store, clock, random } = world;
      const registry = await openRegistry({ store, clock, random, log: silentLog, metrics: newMetrics() });
      const served = registry.findKind('', 'v1', 'configmaps');
      if (served === undefined) return expect.fail('configmaps are not served');
      // Nothing of the kind happened since: there is no event in the history, and none will come.
      const since = String(revisions[3]);
      await world.admin.create(configmaps, configmap('elsewhere', {}, 'gantry-system'));
      const late = await openRegistry({ store, clock, random, log: silentLog, metrics: newMetrics() });
      const events = (
        await late.watch(context, served, {
          namespace: 'default',
          resourceVersion: since,
          allowWatchBookmarks: true,
        })
      )[Symbol.asyncIterator]();
      const first = told(events);
      await world.settle();
      await world.advance(60_000);
      expect(await first).to.equal('BOOKMARK');
      await events.return?.();
      await registry.close();
      await late.close();
    });
  });
});
