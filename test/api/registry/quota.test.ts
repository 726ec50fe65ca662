/** What a namespace may hold, exactly, also when many write at once. */
import { expect } from 'chai';
import { DEFAULT_NAMESPACE_LIMITS, type NamespaceLimits } from '../../../api/registry/quota/quotas.ts';
import { ApiError } from '../../../machinery/errors.ts';
import { isSameJson } from '../../../machinery/json.ts';
import {
  configMaps,
  events,
  leases,
  namespaces,
  resourceQuotas,
  secrets,
  tasks,
} from '../../../schemas/kinds.ts';
import type { ConfigMap, ResourceQuota, Task } from '../../../schemas/types.gen.ts';
import { taskManifest } from '../../builders.ts';
import { openWorld, type World, type WorldOptions } from '../../world.ts';

const key = (name: string, namespace = 'default'): { name: string; namespace: string } => ({
  name,
  namespace,
});
const configMap = (name: string, data: Record<string, string> = {}, namespace = 'default'): ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: key(name, namespace),
  data,
});
const quota = (hard: Record<string, string>): ResourceQuota => ({
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  metadata: key('q'),
  spec: { hard },
});
const task = (name: string, cpu: string, memory?: string): Task =>
  taskManifest(name, {
    resources: { requests: { cpu }, ...(memory === undefined ? {} : { limits: { memory } }) },
  });

async function refusalOf(work: Promise<unknown>): Promise<ApiError> {
  const error = await work.then(
    () => new Error('it was done'),
    (thrown: unknown) => thrown,
  );
  if (error instanceof ApiError) return error;
  throw error;
}

/** How many of the calls were done; any refusal but 403 fails the test. */
async function doneOf(calls: readonly Promise<unknown>[]): Promise<number> {
  let done = 0;
  for (const result of await Promise.allSettled(calls)) {
    if (result.status === 'fulfilled') done++;
    else if (!(result.reason instanceof ApiError) || result.reason.code !== 403) throw result.reason;
  }
  return done;
}

describe('Quotas', () => {
  let world: World;
  const open = async (limits: Partial<NamespaceLimits> = {}, rest: WorldOptions = {}): Promise<void> => {
    world = await openWorld({ ...rest, namespaceLimits: { ...DEFAULT_NAMESPACE_LIMITS, ...limits } });
  };
  /** The status is written a few turns of the event loop after what it counts. */
  const expectUsed = async (expected: Record<string, string>): Promise<void> => {
    let used: unknown;
    for (let turn = 0; turn < 50; turn++) {
      used = (await world.admin.get(resourceQuotas, key('q'))).status?.used;
      if (isSameJson(used, expected)) return;
      await world.settle();
    }
    expect(used).to.deep.equal(expected);
  };
  afterEach(() => world.close());

  describe('of every namespace', () => {
    it('let in as many objects as they say, however many come at once', async () => {
      await open({ maxObjects: 10 });
      const calls = Array.from({ length: 25 }, (_, index) =>
        world.admin.create(configMaps, configMap(`c${index}`)),
      );
      expect(await doneOf(calls)).to.equal(10);
      const error = await refusalOf(world.admin.create(secrets, { ...configMap('s'), kind: 'Secret' }));
      expect(error.code).to.equal(403);
      expect(error.message).to.match(
        /^secrets "s" is forbidden: exceeded quota: the limit of every namespace \(.*--namespace-max-objects.*\), requested: objects=1, used: objects=10, limited: objects=10$/,
      );
    });

    it('give room back when something goes, and when a write fails', async () => {
      await open({ maxObjects: 2 });
      await world.admin.create(configMaps, configMap('a'));
      for (let attempt = 0; attempt < 3; attempt++) {
        expect(await refusalOf(world.admin.create(configMaps, configMap('a')))).to.include({ code: 409 });
      }
      await world.admin.create(configMaps, configMap('b'));
      expect(await refusalOf(world.admin.create(configMaps, configMap('c')))).to.include({ code: 403 });
      await world.admin.delete(configMaps, key('a'));
      await world.admin.create(configMaps, configMap('c'));
    });

    it('take nothing for a dry run, and refuse one all the same', async () => {
      await open({ maxObjects: 1 });
      for (let attempt = 0; attempt < 3; attempt++) {
        await world.admin.create(configMaps, configMap('a'), { dryRun: true });
      }
      await world.admin.create(configMaps, configMap('a'));
      expect(await refusalOf(world.admin.create(configMaps, configMap('b'), { dryRun: true }))).to.include({
        code: 403,
      });
    });

    it('count bytes, also of changes, and let go what makes it smaller', async () => {
      await open({ maxBytes: 4_000 });
      const made = await world.admin.create(configMaps, configMap('a', { x: 'x'.repeat(2_000) }));
      const error = await refusalOf(world.admin.create(configMaps, configMap('b', { x: 'x'.repeat(2_000) })));
      expect(error.message).to.match(/requested: bytes=\d+, used: bytes=\d+, limited: bytes=4000$/);
      const grown = { ...made, data: { x: 'x'.repeat(3_900) } };
      expect(await refusalOf(world.admin.update(configMaps, grown))).to.include({ code: 403 });
      await world.admin.update(configMaps, { ...made, data: { x: 'x' } });
      await world.admin.create(configMaps, configMap('b', { x: 'x'.repeat(2_000) }));
    });

    it('never refuse a status, a mark of deletion or a lifted finalizer', async () => {
      await open({ maxBytes: 1_300 });
      const manifest = taskManifest('t', {}, { finalizers: ['example.com/mine'] });
      const made = await world.admin.create(tasks, manifest);
      const status = { ...made, status: { phase: 'Pending' as const, message: 'm'.repeat(2_000) } };
      await world.admin.update(tasks, status, { subresource: 'status' });
      expect(
        await refusalOf(
          world.admin.patch(tasks, key('t'), { type: 'merge', body: { spec: { args: ['x'] } } }),
        ),
      ).to.include({ code: 403 });
      await world.admin.delete(tasks, key('t'));
      await world.admin.patch(tasks, key('t'), { type: 'merge', body: { metadata: { finalizers: null } } });
      expect(await refusalOf(world.admin.get(tasks, key('t')))).to.include({ code: 404 });
    });

    it('hold for each namespace by itself, and not for Gantry’s own', async () => {
      await open({ maxObjects: 1 });
      await world.admin.create(namespaces, {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: 'team' },
      });
      await world.admin.create(configMaps, configMap('a'));
      await world.admin.create(configMaps, configMap('a', {}, 'team'));
      for (const name of ['a', 'b', 'c'])
        await world.admin.create(configMaps, configMap(name, {}, 'gantry-system'));
    });

    it('do not count Events and Leases', async () => {
      await open({ maxObjects: 1 });
      for (const name of ['a', 'b']) {
        await world.admin.create(events, {
          apiVersion: 'v1',
          kind: 'Event',
          metadata: key(name),
          involvedObject: {},
        });
        await world.admin.create(leases, {
          apiVersion: 'coordination.k8s.io/v1',
          kind: 'Lease',
          metadata: key(name),
        });
      }
      await world.admin.create(configMaps, configMap('a'));
    });

    it('stay right when more changed than the caches remember', async () => {
      await open({ maxObjects: 3 }, { cacheLimits: { maxChanges: 4, maxChangeBytes: 100_000 } });
      await world.admin.create(configMaps, configMap('a'));
      for (let turn = 0; turn < 20; turn++) {
        await world.admin.patch(configMaps, key('a'), {
          type: 'merge',
          body: { data: { turn: String(turn) } },
        });
      }
      const calls = Array.from({ length: 6 }, (_, index) =>
        world.admin.create(configMaps, configMap(`b${index}`)),
      );
      expect(await doneOf(calls)).to.equal(2);
    });
  });

  describe('of a ResourceQuota', () => {
    it('count objects of a kind, by its name and in short', async () => {
      await open();
      await world.admin.create(configMaps, configMap('old'));
      await world.admin.create(
        resourceQuotas,
        quota({ configmaps: '3', 'count/configmaps': '4', 'count/tasks.gantry.dev': '1', services: '1' }),
      );
      const calls = Array.from({ length: 8 }, (_, index) =>
        world.admin.create(configMaps, configMap(`c${index}`)),
      );
      expect(await doneOf(calls)).to.equal(2);
      const error = await refusalOf(world.admin.create(configMaps, configMap('x')));
      expect(error.message).to.equal(
        'configmaps "x" is forbidden: exceeded quota: q, requested: configmaps=1, used: configmaps=3, limited: configmaps=3',
      );
      await world.admin.create(tasks, taskManifest('t'));
      expect(await refusalOf(world.admin.create(tasks, taskManifest('u')))).to.include({ code: 403 });
      await expectUsed({
        configmaps: '3',
        'count/configmaps': '3',
        'count/tasks.gantry.dev': '1',
        services: '0',
      });
    });

    it('sum up what Tasks ask for, until they have ended', async () => {
      await open();
      await world.admin.create(resourceQuotas, quota({ pods: '2', 'requests.cpu': '1', memory: '1Gi' }));
      const error = await refusalOf(world.admin.create(tasks, taskManifest('silent')));
      expect(error.message).to.equal(
        'tasks.gantry.dev "silent" is forbidden: failed quota: q: must specify memory,requests.cpu',
      );
      const first = await world.admin.create(tasks, task('first', '600m', '256Mi'));
      const excess = await refusalOf(world.admin.create(tasks, task('second', '500m', '1Gi')));
      expect(excess.message).to.match(
        /exceeded quota: q, requested: memory=1Gi,requests\.cpu=500m, used: memory=256Mi,requests\.cpu=600m, limited: memory=1Gi,requests\.cpu=1$/,
      );
      await world.admin.create(tasks, task('second', '400m', '256Mi'));
      await expectUsed({ pods: '2', 'requests.cpu': '1', memory: '512Mi' });
      const grown = { type: 'merge' as const, body: { spec: { resources: { requests: { cpu: '700m' } } } } };
      expect(await refusalOf(world.admin.patch(tasks, key('second'), grown))).to.include({ code: 403 });
      await world.admin.update(
        tasks,
        { ...first, status: { phase: 'Succeeded' } },
        { subresource: 'status' },
      );
      await world.admin.patch(tasks, key('second'), grown);
      await expectUsed({ pods: '1', 'requests.cpu': '700m', memory: '256Mi' });
    });

    it('ask for room again when a Task that has ended is to run anew, never when that is told', async () => {
      await open();
      await world.admin.create(resourceQuotas, quota({ pods: '1' }));
      const first = await world.admin.create(tasks, taskManifest('first'));
      const told = async (phase: 'Running' | 'Succeeded'): Promise<Task> => {
        const now = await world.admin.get(tasks, key('first'));
        const status = { phase, observedGeneration: now.metadata.generation ?? 0 };
        return world.admin.update(tasks, { ...now, status }, { subresource: 'status' });
      };
      await told('Succeeded');
      await world.admin.create(tasks, taskManifest('second'));
      const again = { type: 'merge' as const, body: { spec: { image: `${first.spec.image}-2` } } };
      const excess = await refusalOf(world.admin.patch(tasks, key('first'), again));
      expect(excess.message).to.include(
        'exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1',
      );
      // However it came to run: what is, is said.
      await told('Running');
      await expectUsed({ pods: '2' });
      await told('Succeeded');
      await world.admin.delete(tasks, key('second'));
      await world.admin.patch(tasks, key('first'), again);
      await expectUsed({ pods: '1' });
    });

    it('keep status.used after every change, and after a start', async () => {
      await open();
      await world.admin.create(configMaps, configMap('a'));
      await world.admin.create(resourceQuotas, quota({ configmaps: '5' }));
      await expectUsed({ configmaps: '1' });
      await Promise.all(['b', 'c', 'd'].map((name) => world.admin.create(configMaps, configMap(name))));
      await expectUsed({ configmaps: '4' });
      await world.admin.delete(configMaps, key('a'));
      await expectUsed({ configmaps: '3' });
      const changed = await world.admin.get(resourceQuotas, key('q'));
      await world.admin.update(resourceQuotas, { ...changed, spec: { hard: { secrets: '1' } } });
      await expectUsed({ secrets: '0' });
      expect((await world.admin.get(resourceQuotas, key('q'))).status).to.deep.equal({
        hard: { secrets: '1' },
        used: { secrets: '0' },
      });
    });

    it('may be lowered below what there is: nothing goes, nothing comes', async () => {
      await open();
      for (const name of ['a', 'b']) await world.admin.create(configMaps, configMap(name));
      await world.admin.create(resourceQuotas, quota({ configmaps: '1' }));
      await world.admin.patch(configMaps, key('a'), { type: 'merge', body: { data: { x: 'y' } } });
      expect(await refusalOf(world.admin.create(configMaps, configMap('c')))).to.include({ code: 403 });
      expect((await world.admin.list(configMaps, { namespace: 'default' })).items).to.have.length(2);
    });

    it('refuse scopes, which nothing here has', async () => {
      await open();
      const scoped = { ...quota({ pods: '1' }), spec: { hard: { pods: '1' }, scopes: ['BestEffort'] } };
      const error = await refusalOf(
        world.admin.create(resourceQuotas, scoped as ResourceQuota, { fieldValidation: 'Strict' }),
      );
      expect(error.message).to.equal('strict decoding error: unknown field "spec.scopes"');
    });
  });
});
