/** What became of an object: each version with who wrote it, also of what is gone, and no more than one may see. */
import { expect } from 'chai';
import { decodeAuthor, signed } from '../../../api/registry/authors.ts';
import type { RequestContext, ServedKind } from '../../../api/registry/types.ts';
import type { HistoryOptions, ObjectHistory, ObjectVersion } from '../../../machinery/history.ts';
import type { Identity } from '../../../machinery/identity.ts';
import { workerIdentity } from '../../../machinery/identity.ts';
import type { DynamicObject, KubeObject, ObjectKey, Resource } from '../../../machinery/meta.ts';
import { withTrace } from '../../../machinery/trace.ts';
import {
  configMaps,
  events,
  namespaces,
  roleBindings,
  roles,
  secrets,
  tasks,
} from '../../../schemas/kinds.ts';
import { MAX_NOTE_BYTES } from '../../../store/store.ts';
import { taskManifest } from '../../builders.ts';
import { refusalOf } from '../../client-conformance.ts';
import { adminIdentity, openWorld, type World } from '../../world.ts';

const context: RequestContext = { identity: adminIdentity };
const key: ObjectKey = { namespace: 'default', name: 'hello' };
const ann: Identity = { name: 'ann', groups: ['system:authenticated'] };

/** `changed 12 by ann (kubectl, patch)`, without the revision. */
function line({ operation, author }: ObjectVersion): string {
  if (author === undefined) return `${operation} by nobody`;
  const { user, impersonator, manager, verb, subresource } = author;
  const who = impersonator === undefined ? user : `${user} (really ${impersonator})`;
  const what = subresource === undefined ? verb : `${verb} ${subresource}`;
  return `${operation} by ${who}: ${what} as ${manager}`;
}

describe('The history of an object', () => {
  let world: World;

  beforeEach(async () => {
    world = await openWorld();
  });
  afterEach(() => world.close());

  const kindOf = ({ group, version, plural }: Resource<KubeObject>): ServedKind => {
    const kind = world.registry.findKind(group, version, plural);
    if (kind === undefined) throw new Error(`${plural} are not served`);
    return kind;
  };
  const history = (
    resource: Resource<KubeObject>,
    of: ObjectKey,
    options: HistoryOptions = {},
    asked: RequestContext = context,
  ): Promise<ObjectHistory> => world.registry.history(asked, kindOf(resource), of, options);
  const lines = async (options: HistoryOptions = {}): Promise<readonly string[]> =>
    (await history(tasks, key, options)).versions.map(line);

  const allow = async (
    user: string,
    verbs: readonly string[],
    resources: readonly string[],
  ): Promise<void> => {
    await world.admin.create(roles, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: user, namespace: 'default' },
      rules: [{ apiGroups: ['*'], resources: [...resources], verbs: [...verbs] }],
    });
    await world.admin.create(roleBindings, {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: user, namespace: 'default' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: user },
      subjects: [{ kind: 'User', name: user, apiGroup: 'rbac.authorization.k8s.io' }],
    });
  };

  /** Created, image changed, status reported, priority changed, deleted; then made again. */
  const live = async (): Promise<void> => {
    const { registry } = world;
    const kind = kindOf(tasks);
    await registry.create({ ...context, userAgent: 'kubectl/v1.34' }, kind, taskManifest('hello'));
    const trace = { requestId: 'r-1', traceId: 'a'.repeat(32) };
    await withTrace(trace, () =>
      registry.patch(
        context,
        kind,
        key,
        { type: 'merge', body: { spec: { image: 'alpine' } } },
        {
          fieldManager: 'ci',
        },
      ),
    );
    await registry.patch(
      { identity: { name: 'system:controller:task', groups: ['system:masters'] } },
      kind,
      key,
      { type: 'merge', body: { status: { phase: 'Pending' } } },
      { subresource: 'status' },
    );
    await registry.delete({ identity: ann, impersonator: adminIdentity }, kind, key);
    await registry.create(context, kind, taskManifest('hello', { image: 'debian' }));
  };

  describe('tells', () => {
    beforeEach(async () => {
      await allow('ann', ['delete', 'get'], ['tasks']);
      await live();
    });

    it('each version, newest first, with who wrote it, through all objects that had the name', async () => {
      expect(await lines()).to.deep.equal([
        'created by admin: create as admin',
        'deleted by ann (really admin): delete as ann',
        'changed by admin: patch as ci',
        'created by admin: create as kubectl',
      ]);
    });

    it('versions that changed status alone only to who asks for them', async () => {
      expect(await lines({ hasStatus: true })).to.deep.equal([
        'created by admin: create as admin',
        'deleted by ann (really admin): delete as ann',
        'changed by system:controller:task: patch status as task',
        'changed by admin: patch as ci',
        'created by admin: create as kubectl',
      ]);
    });

    it('what each version was, what it was before, when it came, and of which request', async () => {
      const { versions, continueBefore, oldestRevision } = await history(tasks, key);
      expect({ continueBefore, oldestRevision }).to.deep.equal({
        continueBefore: undefined,
        oldestRevision: 0,
      });
      const images = versions.map(({ object, previous }) => [image(previous), image(object)]);
      expect(images).to.deep.equal([
        [undefined, 'debian'],
        ['alpine', 'alpine'],
        ['busybox', 'alpine'],
        [undefined, 'busybox'],
      ]);
      const [, , patched] = versions;
      expect(patched?.author).to.include({ requestId: 'r-1', traceId: 'a'.repeat(32) });
      expect(patched?.object.metadata.resourceVersion).to.equal(String(patched?.revision));
      expect(patched?.timeMs).to.equal(world.clock.now());
      expect(versions.every(({ object }) => Object.isFrozen(object))).to.equal(true);
    });

    it('in pages that come to the same as the whole', async () => {
      for (const hasStatus of [false, true]) {
        const whole = (await history(tasks, key, { hasStatus })).versions;
        for (const limit of [1, 2, 3, 4, 5]) {
          const pages: ObjectVersion[] = [];
          let beforeRevision: number | undefined;
          do {
            const before = beforeRevision === undefined ? {} : { beforeRevision };
            const page = await history(tasks, key, { limit, hasStatus, ...before });
            expect(page.versions.length).to.be.at.most(limit);
            pages.push(...page.versions);
            beforeRevision = page.continueBefore;
          } while (beforeRevision !== undefined);
          expect(pages).to.deep.equal(whole);
        }
      }
    });

    it('as far as the past is kept: what was there then is the last', async () => {
      const [, , patched] = (await history(tasks, key)).versions;
      await world.store.compact(patched?.revision ?? 0);
      const { versions, oldestRevision } = await history(tasks, key);
      expect(versions.map(line)).to.deep.equal([
        'created by admin: create as admin',
        'deleted by ann (really admin): delete as ann',
        'changed by admin: patch as ci',
      ]);
      expect(versions.at(-1)).not.to.have.property('previous');
      expect(oldestRevision).to.equal(patched?.revision);
    });
  });

  it('is never served with the object, nor counted against what an object may be', async () => {
    await world.registry.create({ ...context, userAgent: 'telltale/1' }, kindOf(configMaps), {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'c', namespace: 'default' },
      data: { a: 'b' },
    });
    const stored = await world.registry.get(context, kindOf(configMaps), { namespace: 'default', name: 'c' });
    const { managedFields: _named, ...metadata } = stored.object.metadata;
    expect(JSON.stringify({ ...stored.object, metadata })).not.to.contain('telltale');
    expect(Buffer.from(stored.json).toString()).not.to.contain('"verb"');
  });

  it('names whoever let go of the last finalizer as the one who deleted', async () => {
    const { registry } = world;
    const kind = kindOf(configMaps);
    const of = { namespace: 'default', name: 'held' };
    const body = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { ...of, finalizers: ['example.com/hold'] },
    };
    await registry.create(context, kind, body);
    await registry.delete({ identity: { ...adminIdentity, name: 'bob' } }, kind, of);
    await registry.patch({ identity: { ...adminIdentity, name: 'cid' } }, kind, of, {
      type: 'merge',
      body: { metadata: { finalizers: null } },
    });
    expect((await history(configMaps, of)).versions.map(line)).to.deep.equal([
      'deleted by cid: patch as cid',
      'changed by bob: delete as bob',
      'created by admin: create as admin',
    ]);
  });

  it('of many deleted at once names who deleted each', async () => {
    const kind = kindOf(configMaps);
    for (const name of ['a', 'b']) {
      await world.admin.create(configMaps, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, namespace: 'default' },
      });
    }
    await world.registry.deleteCollection(context, kind, { namespace: 'default' });
    for (const name of ['a', 'b']) {
      const [gone] = (await history(configMaps, { namespace: 'default', name })).versions;
      expect(gone === undefined ? '' : line(gone)).to.equal('deleted by admin: deletecollection as admin');
    }
  });

  describe('is refused', () => {
    it('to who may not read the object, also when it is gone', async () => {
      await world.admin.create(secrets, {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 's', namespace: 'default' },
      });
      const of = { namespace: 'default', name: 's' };
      await allow('ann', ['get'], ['tasks']);
      await refusalOf(history(secrets, of, {}, { identity: ann }), 'Forbidden');
      await world.admin.delete(secrets, of);
      await refusalOf(history(secrets, of, {}, { identity: ann }), 'Forbidden');
      await refusalOf(history(secrets, of, {}, { identity: workerIdentity('w1') }), 'Forbidden');
      expect((await history(secrets, of)).versions).to.have.length(2);
    });

    it('of a name that nothing is known of, with since when that is', async () => {
      const error = await refusalOf(history(tasks, { namespace: 'default', name: 'none' }), 'NotFound');
      expect(error.message).to.match(/"none" not found: nothing is known of it since revision 0, /);
    });

    it('of what has no history to speak of', async () => {
      const error = await refusalOf(history(events, { namespace: 'default', name: 'e' }), 'BadRequest');
      expect(error.message).to.contain('events have no history');
    });

    it('for a limit that is none', async () => {
      await world.admin.create(tasks, taskManifest('hello'));
      for (const limit of [0, -1, 1.5, 501, Number.NaN]) {
        const error = await refusalOf(history(tasks, key, { limit }), 'BadRequest');
        expect(error.message).to.equal(`limit: found ${limit}, wanted a whole number from 1 to 500`);
      }
      expect((await history(tasks, key, { beforeRevision: 1 })).versions).to.deep.equal([]);
    });
  });

  it('ends a page where so much was looked at as was allowed, and page by page tells the same', async () => {
    await world.admin.create(tasks, taskManifest('hello'));
    for (let at = 0; at < 6; at++) {
      const body = { metadata: { annotations: { note: `${at}`.repeat(50_000) } } };
      await world.admin.patch(tasks, key, { type: 'merge', body });
    }
    const whole = (await history(tasks, key)).versions.map(({ revision }) => revision);
    expect(whole).to.have.length(7);
    for (const maxBytes of [1, 120_000]) {
      const told: number[] = [];
      let pages = 0;
      for (let before: number | undefined = Number.MAX_SAFE_INTEGER; before !== undefined; pages++) {
        const page: ObjectHistory = await history(tasks, key, { maxBytes, beforeRevision: before });
        told.push(...page.versions.map(({ revision }) => revision));
        before = page.continueBefore;
      }
      expect(told).to.deep.equal(whole);
      expect(pages).to.be.greaterThan(2);
    }
  });

  it('keeps of whatever names somebody has no more than the store takes', () => {
    for (const letter of ['"', '\u0001', '\u754c', '\u{1f600}']) {
      const name = letter.repeat(600);
      const identity = { name, groups: [] };
      const request = {
        verb: 'patch',
        group: 'gantry.dev',
        version: 'v1',
        resource: 'tasks',
        subresource: name,
      };
      const { note } = signed({ identity, impersonator: identity }, request, { fieldManager: name });
      expect(Buffer.byteLength(note ?? '')).to.be.below(MAX_NOTE_BYTES);
      expect(decodeAuthor(note)?.user).to.have.length(257);
    }
  });

  it('shows a worker only what concerned it', async () => {
    await world.addWorker('w1');
    await world.admin.create(tasks, taskManifest('hello'));
    await world.admin.post(tasks, key, 'binding', {
      apiVersion: 'gantry.dev/v1',
      kind: 'Binding',
      metadata: key,
      target: { name: 'w1' },
      epoch: 1,
    });
    const mine = await history(tasks, key, {}, { identity: workerIdentity('w1') });
    expect(mine.versions.map(line)).to.deep.equal(['changed by admin: create binding as admin']);
    expect(mine.versions.every(({ previous }) => previous === undefined)).to.equal(true);
    await refusalOf(history(tasks, key, {}, { identity: workerIdentity('w2') }), 'NotFound');
  });

  it('is of one object, not of one whose name begins alike, nor of another namespace', async () => {
    await world.admin.create(namespaces, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'other' },
    });
    for (const name of ['hello', 'hello-2']) await world.admin.create(tasks, taskManifest(name));
    await world.admin.create(tasks, taskManifest('hello', {}, { namespace: 'other' }));
    expect(await lines()).to.have.length(1);
  });
});

function image(object: DynamicObject | undefined): unknown {
  const spec = object?.['spec'];
  return typeof spec === 'object' && spec !== null && 'image' in spec ? spec.image : undefined;
}
