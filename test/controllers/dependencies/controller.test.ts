/** DependenciesMet on the real registry, under the whole control plane. */
import { expect } from 'chai';
import { planDependencies } from '../../../controllers/dependencies/plan.ts';
import { ControlPlane } from '../../../controllers/list.ts';
import { timestamp } from '../../../machinery/clock.ts';
import { findCondition } from '../../../machinery/conditions.ts';
import { ApiError } from '../../../machinery/errors.ts';
import { silentLog } from '../../../machinery/log.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import { seededRandom } from '../../../machinery/random.ts';
import { events, tasks } from '../../../schemas/kinds.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { taskManifest } from '../../builders.ts';
import { openWorld, type World } from '../../world.ts';

describe('Dependencies', () => {
  let world: World;
  let stop: AbortController;
  let running: Promise<void>;

  beforeEach(async () => {
    world = await openWorld();
    stop = new AbortController();
    running = new ControlPlane({
      clientOf: (name) => world.controllerClient(name),
      clock: world.clock,
      random: world.random,
      log: silentLog,
      metrics: newMetrics(),
    }).run(stop.signal);
    await world.settle();
  });
  afterEach(async () => {
    stop.abort();
    await running;
    await world.close();
  });

  const key = (name: string) => ({ namespace: 'default', name });
  const create = (name: string, ...dependsOn: NonNullable<Task['spec']['dependsOn']>): Promise<Task> =>
    world.admin.create(tasks, taskManifest(name, dependsOn.length === 0 ? {} : { dependsOn }));
  const tell = (name: string, status: Task['status']): Promise<Task> =>
    world.admin.patch(tasks, key(name), { type: 'merge', body: { status } }, { subresource: 'status' });
  const met = async (name: string): Promise<string> => {
    const { status } = await world.admin.get(tasks, key(name));
    const found = findCondition(status?.conditions, 'DependenciesMet');
    return found === undefined ? 'none' : `${found.status} ${found.message}`;
  };
  const says = (name: string, message: string): Promise<void> =>
    world.until(`${name}: ${message}`, async () => (await met(name)).includes(message), 5_000);
  const READY = {
    conditions: [
      {
        type: 'Ready',
        status: 'True' as const,
        reason: 'R',
        message: 'm',
        lastTransitionTime: '2026-03-01T00:00:00Z',
      },
    ],
  };

  it('becomes True when the dependency appears and is ready, and False again when it is not', async () => {
    await create('web', { name: 'db' });
    await says('web', 'False task "db" is missing');
    await create('db');
    await says('web', 'False task "db" is not Ready');
    await tell('db', READY);
    await says('web', 'True task "db" is Ready');
    expect(await met('db')).to.equal('none');
    await world.admin.delete(tasks, key('db'));
    await says('web', 'False task "db" is missing');
    const told = (await world.admin.list(events)).items.filter(
      ({ involvedObject, reason }) => involvedObject.name === 'web' && (reason ?? '').startsWith('Depend'),
    );
    expect(told.map(({ reason }) => reason)).to.include.members(['DependencyNotReady', 'DependenciesMet']);
  });

  it('is left alone once the first container was started', async () => {
    await world.addWorker('w1');
    await create('db');
    await create('web', { name: 'db' });
    await tell('db', READY);
    await says('web', 'True task "db" is Ready');
    await world.until('the binding', async () => {
      const { spec } = await world.admin.get(tasks, key('web'));
      return spec.workerName === 'w1';
    });
    await tell('web', { workerName: 'w1', container: { id: 'c', startedAt: '2026-03-01T00:00:00Z' } });
    await world.admin.delete(tasks, key('db'));
    await world.advance(2_000);
    expect(await met('web')).to.equal('True task "db" is Ready');
  });

  it('keeps a task that has ended, whatever its ttl, until those that need its end were started', async () => {
    await world.admin.create(tasks, taskManifest('init', { ttlSecondsAfterFinished: 1 }));
    await create('web', { name: 'init', condition: 'Completed' }, { name: 'db' });
    await create('late', { name: 'init' });
    await tell('init', {
      phase: 'Succeeded',
      observedGeneration: 1,
      finishedAt: timestamp(world.clock.now()),
    });
    await world.advance(60_000);
    await says('web', 'False task "db" is missing');
    const told = (await world.admin.list(events)).items.find(({ reason }) => reason === 'TTLAwaited');
    expect(told?.message).to.include('not been started yet: web; it stays');
    await tell('web', { startedAt: '2026-03-01T00:00:00Z' });
    await world.until('the removal', async () =>
      (await world.admin.list(tasks)).items.every(({ metadata }) => metadata.name !== 'init'),
    );
    await says('web', 'False task "db" is missing');
    expect(await met('web')).to.not.include('init');
  });

  it('tells every member of a circle, however it came about, and all that it is broken', async () => {
    await create('a', { name: 'b' });
    await create('b', { name: 'c' });
    await create('c');
    await says('b', 'task "c" is not Ready');
    const dependsOn = [{ name: 'a' }];
    await world.admin.patch(tasks, key('c'), { type: 'merge', body: { spec: { dependsOn } } });
    await says('a', 'they wait for each other: a -> b -> c -> a');
    await says('b', 'they wait for each other: b -> c -> a -> b');
    await says('c', 'they wait for each other: c -> a -> b -> c');
    await world.admin.patch(tasks, key('c'), { type: 'merge', body: { spec: { dependsOn: null } } });
    for (const name of ['a', 'b'])
      await world.until('no circle', async () => !(await met(name)).includes('each other'), 5_000);
    expect(await met('c')).to.equal('none');
  });

  it('law: whatever happens to tasks, in the end every condition says what is so', async () => {
    const seed = Number(process.env['GANTRY_DEPENDENCIES_SEED'] ?? Date.now() % 1_000_000);
    const replay = `GANTRY_DEPENDENCIES_SEED=${seed} npx mocha --exit test/controllers/dependencies/controller.test.ts`;
    const random = seededRandom(seed);
    const below = (count: number): number => Math.floor(random.next() * count);
    const names = ['a', 'b', 'c', 'd', 'e'];
    const nameAt = (index: number): string => names[index] ?? 'a';
    const conditions = ['Started', 'Ready', 'Completed'] as const;
    for (let step = 0; step < 120; step++) {
      const name = nameAt(below(names.length));
      const others = names.filter((other) => other !== name && random.next() < 0.4);
      const dependsOn = others.map((other) => ({ name: other, condition: conditions[below(3)] ?? 'Ready' }));
      const acts: readonly (() => Promise<unknown>)[] = [
        () => create(name, ...dependsOn),
        () => world.admin.patch(tasks, key(name), { type: 'merge', body: { spec: { dependsOn } } }),
        () => tell(name, READY),
        () => tell(name, { phase: 'Succeeded', observedGeneration: 1 }),
        () => tell(name, { phase: 'Pending', reason: 'DependencyNotReady', message: `turn ${step}` }),
        () => tell(name, { startedAt: '2026-03-01T00:00:00Z' }),
        () => world.admin.delete(tasks, key(name)),
      ];
      // What cannot be done to a task that is not there, or is there already, is not.
      await acts[below(acts.length)]?.().catch((error: unknown) => {
        if (!(error instanceof ApiError)) throw error;
      });
      if (random.next() < 0.3) await world.advance(below(500));
    }
    await world.advance(60_000);
    const all = (await world.admin.list(tasks)).items;
    const find = (name: string): Task | undefined => all.find(({ metadata }) => metadata.name === name);
    for (const task of all) {
      const plan = planDependencies({ task, find, nowMs: world.clock.now() });
      expect(plan.kind, `${task.metadata.name} is not settled; again with: ${replay}`).to.equal('keep');
    }
  });

  it('is refused of a task that depends on itself', async () => {
    const error: unknown = await create('a', { name: 'a' }).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(ApiError);
    expect(String(error)).to.include('spec.dependsOn').and.include('a task cannot depend on itself');
  });
});
