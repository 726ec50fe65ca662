/** The objects behind Tasks, watched one by one: on the real registry, with the worker's own rights. */
import { expect } from 'chai';
import type { EventInput } from '../../../../controllers/engine/event.ts';
import type { Allocatable } from '../../../../controllers/task/inputs/environment.ts';
import { ObjectInputs } from '../../../../controllers/task/inputs/source.ts';
import type { TaskInputs } from '../../../../controllers/task/services.ts';
import { ApiError, isApiError } from '../../../../machinery/errors.ts';
import { silentLog } from '../../../../machinery/log.ts';
import { pick, seededRandom } from '../../../../machinery/random.ts';
import { configMaps, secrets, tasks } from '../../../../schemas/kinds.ts';
import type { ConfigMap, Task } from '../../../../schemas/types.gen.ts';
import { taskManifest } from '../../../builders.ts';
import { type ClientHooks, intercept } from '../../../intercept.ts';
import { openWorld, type World } from '../../../world.ts';

type Spec = Partial<Task['spec']>;

const key = (name: string) => ({ namespace: 'default', name });

describe('The inputs of Tasks, watched', () => {
  let world: World;
  let inputs: ObjectInputs;
  let hooks: ClientHooks;
  let stopped: AbortController;
  let told: string[];
  let events: EventInput[];
  let allocatable: Allocatable | undefined;

  const open = (maxWatches?: number): ObjectInputs => {
    hooks = {};
    told = [];
    events = [];
    stopped = new AbortController();
    const source = new ObjectInputs({
      client: intercept(world.workerClient('w1'), hooks),
      clock: world.clock,
      random: world.random,
      log: silentLog,
      events: { record: (event) => void events.push(event) },
      worker: 'w1',
      publishAddress: '127.0.0.1',
      allocatable: () => allocatable,
      signal: stopped.signal,
      ...(maxWatches === undefined ? {} : { maxWatches }),
    });
    source.onChange((taskKey) => told.push(taskKey));
    return source;
  };

  beforeEach(async () => {
    world = await openWorld();
    await world.addWorker('w1');
    allocatable = { cpu: '2', memory: '4Gi' };
    inputs = open();
  });
  afterEach(async () => {
    stopped.abort();
    await world.settle();
    await world.close();
  });

  const create = (name: string, spec: Spec): Promise<Task> =>
    world.admin.create(tasks, taskManifest(name, spec));
  const bind = (name: string): Promise<unknown> =>
    world.admin.post(tasks, key(name), 'binding', {
      apiVersion: 'gantry.dev/v1',
      kind: 'Binding',
      metadata: key(name),
      target: { name: 'w1' },
      epoch: 1,
    });
  const run = async (name: string, spec: Spec): Promise<Task> => {
    await create(name, spec);
    await bind(name);
    return world.admin.get(tasks, key(name));
  };
  const newMap = (name: string, data: Record<string, string>): ConfigMap => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'default' },
    data,
  });
  const write = (name: string, data: Record<string, string>): Promise<ConfigMap> =>
    world.admin.create(configMaps, newMap(name, data));
  const edit = (name: string, body: unknown): Promise<ConfigMap> =>
    world.admin.patch(configMaps, key(name), { type: 'merge', body });
  const colorOf = (name: string): Spec => ({
    env: [{ name: 'COLOR', valueFrom: { configMapKeyRef: { name, key: 'color' } } }],
  });
  const shown = (found: TaskInputs): unknown =>
    found.kind === 'ready' ? found.env : found.kind === 'missing' ? found.message : 'loading';
  const look = async (task: Task): Promise<unknown> => {
    inputs.inputsOf(task);
    await world.settle();
    return shown(inputs.inputsOf(task));
  };
  const watchers = async (): Promise<number> => {
    const gauge = await world.metrics.getSingleMetric('apiserver_registered_watchers')?.get();
    return (gauge?.values ?? [])
      .filter(({ labels }) => ['ConfigMap', 'Secret'].includes(String(labels['kind'])))
      .reduce((sum, { value }) => sum + value, 0);
  };

  it('are loading until all is read, and then what is there', async () => {
    await write('settings', { color: 'blue' });
    const task = await run('web', colorOf('settings'));
    expect(shown(inputs.inputsOf(task))).to.equal('loading');
    await world.settle();
    expect(told).to.deep.equal(['default/web']);
    expect(shown(inputs.inputsOf(task))).to.deep.equal(['COLOR=blue']);
  });

  it('of a Task that refers to nothing are there at once, and watch nothing', async () => {
    const task = await run('web', { env: [{ name: 'A', value: 'a' }] });
    expect(shown(inputs.inputsOf(task))).to.deep.equal(['A=a']);
    expect(inputs.size).to.equal(0);
  });

  it('are told when what was missing appears, changes, goes, and comes back as another', async () => {
    const task = await run('web', colorOf('settings'));
    expect(await look(task)).to.equal('configmap "settings" not found');
    const steps: readonly (readonly [() => Promise<unknown>, unknown])[] = [
      [() => write('settings', { color: 'blue' }), ['COLOR=blue']],
      [() => edit('settings', { data: { color: 'red' } }), ['COLOR=red']],
      [
        () => edit('settings', { data: { color: null } }),
        'couldn\'t find key "color" in ConfigMap default/settings',
      ],
      [() => world.admin.delete(configMaps, key('settings')), 'configmap "settings" not found'],
      [() => write('settings', { color: 'green' }), ['COLOR=green']],
    ];
    for (const [act, wanted] of steps) {
      told = [];
      await act();
      await world.settle();
      expect(told).to.deep.equal(['default/web']);
      expect(shown(inputs.inputsOf(task))).to.deep.equal(wanted);
    }
  });

  it('say nothing of a change that changes none of the data', async () => {
    await write('settings', { color: 'blue' });
    const task = await run('web', colorOf('settings'));
    await look(task);
    told = [];
    await edit('settings', { metadata: { labels: { a: 'b' } } });
    await world.settle();
    expect(told).to.deep.equal([]);
  });

  it('are watched once for many Tasks, which all hear of a change', async () => {
    await write('settings', { color: 'blue' });
    const all = await Promise.all(['a', 'b', 'c'].map((name) => run(name, colorOf('settings'))));
    for (const task of all) expect(await look(task)).to.deep.equal(['COLOR=blue']);
    expect(inputs.size).to.equal(1);
    expect(await watchers()).to.equal(1);
    told = [];
    await edit('settings', { data: { color: 'red' } });
    await world.settle();
    expect(told.toSorted()).to.deep.equal(['default/a', 'default/b', 'default/c']);
  });

  it('are watched no more when the last Task is forgotten, or refers to something else', async () => {
    const one = await run('one', colorOf('settings'));
    const two = await run('two', colorOf('settings'));
    await look(one);
    await look(two);
    inputs.forget('default/one');
    inputs.forget('default/nobody');
    await world.settle();
    expect([inputs.size, await watchers()]).to.deep.equal([1, 1]);
    await look(
      await world.admin.patch(tasks, key('two'), { type: 'merge', body: { spec: colorOf('others') } }),
    );
    expect([inputs.size, await watchers()]).to.deep.equal([1, 1]);
    inputs.forget('default/two');
    await world.settle();
    expect([inputs.size, await watchers()]).to.deep.equal([0, 0]);
  });

  it('end with their signal', async () => {
    await look(await run('web', colorOf('settings')));
    stopped.abort();
    await world.settle();
    expect(await watchers()).to.equal(0);
  });

  it('are refused with the reason while the Task is not the worker’s, and had soon after it is', async () => {
    await write('settings', { color: 'blue' });
    const task = await create('web', colorOf('settings'));
    expect(await look(task)).to.match(
      /^configmap "settings" cannot be read: configmaps "settings" is forbidden: .*no task of worker "w1" refers to it$/,
    );
    await bind('web');
    await world.until('it is read', () => Array.isArray(shown(inputs.inputsOf(task))), 4_000);
  });

  it('hold while the API is away, and are caught up with when it is back', async () => {
    await write('settings', { color: 'blue' });
    const task = await run('web', colorOf('settings'));
    await look(task);
    const away = new ApiError('ServiceUnavailable', 'the server is away');
    hooks.before = () => {
      throw away;
    };
    hooks.deliver = () => {
      throw away;
    };
    await edit('settings', { data: { color: 'red' } });
    await world.advance(60_000);
    expect(shown(inputs.inputsOf(task))).to.deep.equal(['COLOR=blue']);
    hooks.before = () => undefined;
    hooks.deliver = () => undefined;
    await world.until(
      'the change is seen',
      () => String(shown(inputs.inputsOf(task))) === 'COLOR=red',
      11_000,
    );
  });

  it('are loading, and nothing is said to be missing, until the API has been there once', async () => {
    await write('settings', { color: 'blue' });
    const task = await run('web', colorOf('settings'));
    hooks.before = () => {
      throw new ApiError('ServiceUnavailable', 'the server is away');
    };
    expect(await look(task)).to.equal('loading');
    await world.advance(60_000);
    expect(await look(task)).to.equal('loading');
    hooks.before = () => undefined;
    await world.until('it is read', () => Array.isArray(shown(inputs.inputsOf(task))), 11_000);
  });

  it('are read anew when the version to go on from is gone', async () => {
    await write('settings', { color: 'blue' });
    const task = await run('web', colorOf('settings'));
    await look(task);
    let isFirst = true;
    hooks.deliver = () => {
      if (isFirst) {
        isFirst = false;
        throw new ApiError('Expired', 'too old resource version');
      }
    };
    await edit('settings', { data: { color: 'red' } });
    await world.until(
      'the change is seen',
      () => String(shown(inputs.inputsOf(task))) === 'COLOR=red',
      4_000,
    );
  });

  it('beyond what a worker may watch are refused with the limit, until there is room', async () => {
    stopped.abort();
    inputs = open(1);
    for (const name of ['a', 'b']) await write(name, { color: name });
    const [one, two] = [await run('one', colorOf('a')), await run('two', colorOf('b'))];
    expect(await look(one)).to.deep.equal(['COLOR=a']);
    expect(await look(two)).to.equal(
      'configmap "b" cannot be read: this worker watches 1 ConfigMaps and Secrets already, as many as it may',
    );
    expect(inputs.size).to.equal(1);
    told = [];
    inputs.forget('default/one');
    await world.settle();
    expect(told).to.deep.equal(['default/two']);
    expect(await look(two)).to.deep.equal(['COLOR=b']);
  });

  it('tell what was passed over in an Event, once for each time it changes', async () => {
    await write('settings', { color: 'blue', '1st': 'x' });
    const task = await run('web', {
      envFrom: [{ configMapRef: { name: 'settings' } }],
      imagePullSecrets: [{ name: 'registry' }],
    });
    expect(await look(task)).to.deep.equal(['color=blue']);
    await look(task);
    const reasons = (): unknown => events.map(({ reason }) => reason);
    const both = ['InvalidEnvironmentVariableNames', 'FailedToRetrieveImagePullSecret'];
    expect(reasons()).to.deep.equal(both);
    const metadata = { name: 'registry', namespace: 'default' };
    await world.admin.create(secrets, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata,
      stringData: { password: 'hunter2' },
    });
    await world.settle();
    await look(task);
    expect(reasons()).to.deep.equal([...both, ...both]);
    expect(events.map(({ message }) => message).join()).not.to.include('hunter2');
  });

  it('that need the worker’s figures are there soon after these are', async () => {
    allocatable = undefined;
    const task = await run('web', {
      env: [{ name: 'CPUS', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } }],
    });
    expect(await look(task)).to.equal('loading');
    allocatable = { cpu: '2', memory: '4Gi' };
    await world.until('the Task is told', () => told.includes('default/web'), 1_000);
    expect(await look(task)).to.deep.equal(['CPUS=2']);
  });

  it('come to what is there, whatever happened on the way', async () => {
    const seed = Number(process.env['GANTRY_INPUTS_SEED'] ?? Date.now() % 1_000_000);
    const replay = `GANTRY_INPUTS_SEED=${seed} npx mocha --exit test/controllers/task/inputs/source.test.ts`;
    const random = seededRandom(seed);
    const names = ['a', 'b', 'c'];
    const any = (): string => pick(random, names) ?? '';
    const all = new Map<string, Task>();
    for (const name of names) all.set(name, await run(name, colorOf(name)));
    let isAway = false;
    const maybeFail = (): void => {
      if (isAway || random.next() < 0.1) throw new ApiError('ServiceUnavailable', 'the server is away');
      if (random.next() < 0.05) throw new ApiError('Expired', 'too old resource version');
    };
    hooks.before = maybeFail;
    hooks.deliver = maybeFail;
    const acts: readonly (() => unknown)[] = [
      () => write(any(), { color: String(random.next()) }),
      () => edit(any(), { data: { color: String(random.next()) } }),
      () => edit(any(), { data: { color: null } }),
      () => world.admin.delete(configMaps, key(any())),
      () => void (isAway = !isAway),
      () => world.advance(random.next() * 3_000),
      () => inputs.forget(`default/${any()}`),
      async () => {
        const [name, other] = [any(), any()];
        all.set(
          name,
          await world.admin.patch(tasks, key(name), { type: 'merge', body: { spec: colorOf(other) } }),
        );
      },
      () => inputs.inputsOf(all.get(any()) ?? expect.fail('no Task')),
    ];
    for (let step = 0; step < 200; step++) {
      try {
        await pick(random, acts)?.();
      } catch (error) {
        // It is there already, or not there.
        if (!isApiError(error, 'AlreadyExists', 'NotFound')) throw error;
      }
      if (random.next() < 0.5) await world.settle();
    }
    hooks.before = () => undefined;
    hooks.deliver = () => undefined;
    for (const task of all.values()) inputs.inputsOf(task);
    await world.advance(25_000);
    const colors = new Map(
      (await world.admin.list(configMaps)).items.map(({ metadata, data }) => [
        metadata.name,
        data?.['color'],
      ]),
    );
    for (const task of all.values()) {
      const name = task.spec.env?.[0]?.valueFrom?.configMapKeyRef?.name ?? '';
      const color = colors.get(name);
      const lack = colors.has(name)
        ? `couldn't find key "color" in ConfigMap default/${name}`
        : `configmap "${name}" not found`;
      expect(shown(inputs.inputsOf(task)), replay).to.deep.equal(
        color === undefined ? lack : [`COLOR=${color}`],
      );
    }
  });
});
