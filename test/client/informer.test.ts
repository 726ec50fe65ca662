/** The informer on the real registry, with a way to the server that can be broken. */
import { expect } from 'chai';
import * as fc from 'fast-check';
import { Informer, type InformerOptions } from '../../client/informer.ts';
import { ApiError } from '../../machinery/errors.ts';
import { silentLog } from '../../machinery/log.ts';
import { seededRandom } from '../../machinery/random.ts';
import { tasks } from '../../schemas/kinds.ts';
import type { Task } from '../../schemas/types.gen.ts';
import { taskManifest } from '../builders.ts';
import { type ClientCall, type ClientHooks, intercept } from '../intercept.ts';
import { openWorld, type World } from '../world.ts';

describe('Informer', () => {
  let world: World;
  let stop: AbortController;
  let hooks: ClientHooks;
  let calls: ClientCall[];

  beforeEach(async () => {
    world = await openWorld();
    stop = new AbortController();
    calls = [];
    hooks = {};
  });

  afterEach(async () => {
    stop.abort();
    await world.close();
  });

  function newInformer(options: Partial<InformerOptions<Task>> = {}): Informer<Task> {
    const client = intercept(world.controllerClient('informers'), {
      before: (call) => {
        calls.push(call);
        return hooks.before?.(call);
      },
      deliver: (call, event) => hooks.deliver?.(call, event),
    });
    return new Informer({
      client,
      resource: tasks,
      clock: world.clock,
      random: seededRandom(7),
      log: silentLog,
      ...options,
    });
  }

  /** What a handler was told, in order: `+` new, `~` changed, `-` gone. */
  function told(informer: Informer<Task>): string[] {
    const lines: string[] = [];
    informer.onChange((key, object, old) => {
      lines.push(`${object === undefined ? '-' : old === undefined ? '+' : '~'}${key}`);
    });
    return lines;
  }

  const create = (name: string, labels: Record<string, string> = {}): Promise<Task> =>
    world.admin.create(tasks, taskManifest(name, {}, { labels }));
  const remove = (name: string): Promise<Task> => world.admin.delete(tasks, { namespace: 'default', name });
  const relabel = (name: string, labels: Record<string, string>): Promise<Task> =>
    world.admin.patch(
      tasks,
      { namespace: 'default', name },
      { type: 'merge', body: { metadata: { labels } } },
    );
  const listCalls = (): number => calls.filter((call) => call.operation === 'list').length;

  it('first copies what there is, then follows what happens', async () => {
    await create('a');
    const informer = newInformer();
    const lines = told(informer);
    expect(informer.hasSynced).to.equal(false);
    void informer.start(stop.signal);
    await informer.synced(stop.signal);
    expect(informer.hasSynced).to.equal(true);
    await create('b');
    await relabel('a', { x: '1' });
    await remove('b');
    await world.settle();
    expect(lines).to.deep.equal(['+default/a', '+default/b', '~default/a', '-default/b']);
    expect(informer.get('default/a')?.metadata.labels).to.deep.equal({ x: '1' });
    expect(informer.list()).to.have.length(1);
    expect(Object.isFrozen(informer.get('default/a')?.spec)).to.equal(true);
  });

  it('tells a handler that comes late of everything that is there', async () => {
    await create('a');
    const informer = newInformer();
    void informer.start(stop.signal);
    await informer.synced(stop.signal);
    expect(told(informer)).to.deep.equal(['+default/a']);
  });

  it('reads long lists page by page', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await create(name);
    const informer = newInformer({ pageSize: 2 });
    void informer.start(stop.signal);
    await informer.synced(stop.signal);
    expect(informer.list()).to.have.length(5);
    expect(listCalls()).to.equal(3);
  });

  it('resumes where a broken watch left off, without listing again', async () => {
    const informer = newInformer();
    const lines = told(informer);
    void informer.start(stop.signal);
    await informer.synced(stop.signal);
    hooks.deliver = () => {
      delete hooks.deliver;
      throw new ApiError('ServiceUnavailable', 'the connection broke');
    };
    await create('a');
    await world.settle();
    await remove('a');
    await create('b');
    expect(lines, 'nothing came through').to.deep.equal([]);
    await world.until('the events of the gap', () => informer.get('default/b') !== undefined, 5_000);
    expect(lines).to.deep.equal(['+default/a', '-default/a', '+default/b']);
    expect(listCalls()).to.equal(1);
  });

  it('misses no deletion and no replacement when it has to list again', async () => {
    await create('kept');
    await create('gone');
    await create('again');
    const informer = newInformer();
    const lines = told(informer);
    void informer.start(stop.signal);
    await informer.synced(stop.signal);
    await world.settle();
    lines.length = 0;
    hooks.deliver = () => {
      throw new ApiError('ServiceUnavailable', 'the connection broke');
    };
    hooks.before = (call) => {
      if (call.operation === 'watch') {
        hooks = {};
        throw new ApiError('Expired', 'too old resource version');
      }
    };
    await remove('gone');
    await remove('again');
    await create('again');
    await world.until('the second list', () => listCalls() === 2, 5_000);
    await world.settle();
    expect(lines).to.deep.equal(['-default/gone', '-default/again', '+default/again']);
    expect(informer.get('default/kept')).not.to.equal(undefined);
  });

  it('goes on for other handlers and other objects when a handler throws', async () => {
    const informer = newInformer();
    informer.onChange(() => {
      throw new Error('a bug in a handler');
    });
    const lines = told(informer);
    void informer.start(stop.signal);
    await informer.synced(stop.signal);
    await create('a');
    await create('b');
    await world.settle();
    expect(lines).to.deep.equal(['+default/a', '+default/b']);
  });

  it('keeps indexes true through changes and deletions', async () => {
    const informer = newInformer({
      indexes: { colour: (task) => [task.metadata.labels?.['colour'] ?? 'none'] },
    });
    void informer.start(stop.signal);
    await informer.synced(stop.signal);
    await create('a', { colour: 'red' });
    await create('b', { colour: 'red' });
    await relabel('a', { colour: 'blue' });
    await remove('b');
    await world.settle();
    expect(informer.byIndex('colour', 'red')).to.deep.equal([]);
    expect(informer.byIndex('colour', 'blue').map((task) => task.metadata.name)).to.deep.equal(['a']);
    expect(() => informer.byIndex('shape', 'round')).to.throw(/no index "shape", only colour/);
  });

  it('while the server is away tries again, ever more slowly, and is there when it returns', async () => {
    hooks.before = () => {
      throw new ApiError('ServiceUnavailable', 'the server is starting');
    };
    const informer = newInformer();
    const running = informer.start(stop.signal);
    await world.advance(10 * 60_000);
    expect(calls.length).to.be.within(15, 60);
    expect(informer.hasSynced).to.equal(false);
    hooks = {};
    await create('a');
    await world.until('the copy', () => informer.get('default/a') !== undefined, 30_000);
    stop.abort();
    await running;
  });

  it('ends when told, also while it waits for the first list', async () => {
    hooks.before = () => Promise.reject(new ApiError('ServiceUnavailable', 'away'));
    const informer = newInformer();
    const running = informer.start(stop.signal);
    const synced = informer.synced(stop.signal);
    await world.settle();
    stop.abort();
    await Promise.all([running, synced]);
    expect(informer.hasSynced).to.equal(false);
  });

  it('ends up equal to the server whatever breaks, and so does whoever listened (law)', async function () {
    this.timeout(60_000);
    const name = fc.constantFrom('a', 'b', 'c');
    const act = fc.oneof(
      fc.record({ kind: fc.constantFrom('create' as const, 'delete' as const, 'change' as const), name }),
      fc.record({ kind: fc.constantFrom('break' as const, 'expire' as const) }),
      fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 500 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 25 }), async (acts) => {
        const ownWorld = await openWorld();
        const ownStop = new AbortController();
        const ownHooks: ClientHooks = {};
        const informer = new Informer({
          client: intercept(ownWorld.controllerClient('informers'), ownHooks),
          resource: tasks,
          clock: ownWorld.clock,
          random: seededRandom(3),
          log: silentLog,
        });
        const replica = new Map<string, Task>();
        informer.onChange((key, object, old) => {
          expect(old?.metadata.uid, 'handlers see every step').to.equal(replica.get(key)?.metadata.uid);
          if (object === undefined) replica.delete(key);
          else replica.set(key, object);
        });
        void informer.start(ownStop.signal);
        let change = 0;
        for (const step of acts) {
          const key = { namespace: 'default', name: 'name' in step ? step.name : '' };
          const ignore = (): undefined => undefined;
          if (step.kind === 'create')
            await ownWorld.admin.create(tasks, taskManifest(step.name)).catch(ignore);
          else if (step.kind === 'delete') await ownWorld.admin.delete(tasks, key).catch(ignore);
          else if (step.kind === 'change') {
            const body = { metadata: { labels: { change: String(change++) } } };
            await ownWorld.admin.patch(tasks, key, { type: 'merge', body }).catch(ignore);
          } else if (step.kind === 'break') {
            ownHooks.deliver = () => {
              delete ownHooks.deliver;
              throw new ApiError('ServiceUnavailable', 'the connection broke');
            };
          } else if (step.kind === 'expire') {
            ownHooks.before = (call) => {
              if (call.operation !== 'watch') return;
              delete ownHooks.before;
              throw new ApiError('Expired', 'too old resource version');
            };
          } else if (step.kind === 'wait') await ownWorld.advance(step.ms);
        }
        delete ownHooks.before;
        delete ownHooks.deliver;
        await ownWorld.advance(120_000);
        const truth = (await ownWorld.admin.list(tasks)).items.map(versionOf).sort();
        expect(informer.list().map(versionOf).sort()).to.deep.equal(truth);
        expect([...replica.values()].map(versionOf).sort()).to.deep.equal(truth);
        ownStop.abort();
        await ownWorld.close();
      }),
      { numRuns: 40 },
    );
  });
});

function versionOf(task: Task): string {
  return `${task.metadata.name}@${task.metadata.resourceVersion ?? ''}`;
}
