/** Bindings and what is set aside for them: never more than a worker has, never one host port twice. */
import { expect } from 'chai';
import {
  type AllocationRecord,
  demandOf,
  emptyRecord,
  type HostPort,
  isClash,
  parseRecord,
} from '../../../api/registry/binding/allocation.ts';
import { openRegistry } from '../../../api/registry/open.ts';
import type { Registry } from '../../../api/registry/types.ts';
import type { Client } from '../../../machinery/client.ts';
import { isApiError } from '../../../machinery/errors.ts';
import { GROUP_MASTERS } from '../../../machinery/identity.ts';
import { silentLog } from '../../../machinery/log.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import { pick, seededRandom } from '../../../machinery/random.ts';
import { tasks, workers } from '../../../schemas/kinds.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { newTask, newWorker, taskManifest } from '../../builders.ts';
import { refusalOf } from '../../client-conformance.ts';
import { openWorld, type World } from '../../world.ts';

const key = (name: string): { namespace: string; name: string } => ({ namespace: 'default', name });

function bind(client: Client, name: string, worker: string, epoch = 1): Promise<unknown> {
  return client.post(tasks, key(name), 'binding', {
    apiVersion: 'gantry.dev/v1',
    kind: 'Binding',
    metadata: key(name),
    target: { name: worker },
    epoch,
  });
}

describe('What a task takes on a worker', () => {
  const worker = newWorker('w');
  it('is its requests, else its limits, else nothing', () => {
    const task = newTask('t', {
      resources: { requests: { cpu: '500m' }, limits: { cpu: '1', memory: '64Mi' } },
    });
    expect(demandOf(task, worker)).to.deep.equal({ milliCpu: 500, memoryBytes: 64 * 2 ** 20, hostPorts: [] });
    expect(demandOf(newTask('t'), worker)).to.deep.equal({ milliCpu: 0, memoryBytes: 0, hostPorts: [] });
  });

  it('is the host ports it fixes, on the address it says or the worker publishes on', () => {
    const ports: Task['spec']['ports'] = [
      { containerPort: 80, hostPort: 8080 },
      { containerPort: 53, protocol: 'UDP', hostPort: 53, hostIP: '10.0.0.1' },
      { containerPort: 81 },
    ];
    expect(demandOf(newTask('t', { ports }), worker).hostPorts).to.deep.equal([
      { hostIP: '127.0.0.1', hostPort: 8080, protocol: 'TCP' },
      { hostIP: '10.0.0.1', hostPort: 53, protocol: 'UDP' },
    ]);
  });

  it('is every port it listens on when it shares the host network', () => {
    const task = newTask('t', { network: { mode: 'host' }, ports: [{ containerPort: 80 }] });
    expect(demandOf(task, worker).hostPorts).to.deep.equal([
      { hostIP: '0.0.0.0', hostPort: 80, protocol: 'TCP' },
    ]);
  });

  const tcp = (hostIP: string, hostPort = 80): HostPort => ({ hostIP, hostPort, protocol: 'TCP' });
  for (const [a, b, isTaken] of [
    [tcp('127.0.0.1'), tcp('127.0.0.1'), true],
    [tcp('127.0.0.1'), tcp('10.0.0.1'), false],
    [tcp('127.0.0.1'), tcp('0.0.0.0'), true],
    [tcp('::'), tcp('10.0.0.1'), true],
    [tcp(''), tcp('10.0.0.1'), true],
    [tcp('127.0.0.1'), tcp('127.0.0.1', 81), false],
    [tcp('127.0.0.1'), { ...tcp('127.0.0.1'), protocol: 'UDP' }, false],
  ] as const) {
    it(`${JSON.stringify(a)} and ${JSON.stringify(b)} ${isTaken ? 'clash' : 'do not clash'}`, () => {
      expect([isClash(a, b), isClash(b, a)]).to.deep.equal([isTaken, isTaken]);
    });
  }
});

describe('tasks/binding', () => {
  let world: World;
  let client: Client;
  beforeEach(async () => {
    world = await openWorld();
    client = world.admin;
    await world.addWorker('w1', { cpu: '2', memory: '1Gi' });
  });
  afterEach(() => world.close());

  const record = async (worker = 'w1'): Promise<AllocationRecord> => {
    const stored = await world.store.get(`/allocations/${worker}`);
    return stored === undefined ? emptyRecord(worker) : parseRecord(stored.value, worker);
  };
  const held = async (worker?: string): Promise<string[]> =>
    Object.values((await record(worker)).tasks).map((entry) => entry.name);
  const create = (name: string, spec: Partial<Task['spec']> = {}): Promise<Task> =>
    client.create(tasks, taskManifest(name, spec));
  const edit = (name: string, spec: Record<string, unknown>): Promise<Task> =>
    client.patch(tasks, key(name), { type: 'merge', body: { spec } });
  const tell = (name: string, status: Task['status']): Promise<Task> =>
    client.patch(tasks, key(name), { type: 'merge', body: { status } }, { subresource: 'status' });
  const cpu = (amount: string): Partial<Task['spec']> => ({ resources: { requests: { cpu: amount } } });

  it('commits the task and the record together', async () => {
    const made = await create('a', { ...cpu('500m'), ports: [{ containerPort: 80, hostPort: 8080 }] });
    const revision = world.store.revision();
    await bind(client, 'a', 'w1');
    expect(world.store.revision()).to.equal(revision + 2);
    expect((await record()).tasks[made.metadata.uid ?? '']).to.deep.equal({
      namespace: 'default',
      name: 'a',
      epoch: 1,
      milliCpu: 500,
      memoryBytes: 0,
      hostPorts: [{ hostIP: '127.0.0.1', hostPort: 8080, protocol: 'TCP' }],
    });
    const bound = await client.get(tasks, key('a'));
    expect(bound.spec).to.include({ workerName: 'w1', bindingEpoch: 1 });
    expect(bound.metadata).to.deep.include({ generation: 1, finalizers: ['gantry.dev/container'] });
  });

  it('refuses, naming why', async () => {
    await create('a');
    const said = async (promise: Promise<unknown>): Promise<string> =>
      (await refusalOf(promise, 'Conflict')).message;
    expect(await said(bind(client, 'a', 'nobody'))).to.include('there is no worker "nobody"');
    expect(await said(bind(client, 'a', 'w1', 2))).to.include("the binding's epoch is 2, the next one is 1");
    await bind(client, 'a', 'w1');
    expect(await said(bind(client, 'a', 'w1', 2))).to.include('it is already bound to worker "w1" (epoch 1)');
    await create('big', cpu('3'));
    expect(await said(bind(client, 'big', 'w1'))).to.include(
      'worker "w1" has 2 of cpu free, the task asks for 3',
    );
    await create('fat', { resources: { limits: { memory: '2Gi' } } });
    expect(await said(bind(client, 'fat', 'w1'))).to.include('has 1Gi of memory free, the task asks for 2Gi');
    await world.addWorker('small', { disk: '1Gi' });
    await create('wide', { resources: { requests: { 'ephemeral-storage': '2Gi' } } });
    expect(await said(bind(client, 'wide', 'small'))).to.include(
      'worker "small" has 1Gi of ephemeral-storage free, the task asks for 2Gi',
    );
    await client.create(tasks, taskManifest('going', {}, { finalizers: ['example.com/x'] }));
    await client.delete(tasks, key('going'));
    expect(await said(bind(client, 'going', 'w1'))).to.include('it is being deleted');
    await create('stopped', { desiredState: 'Stopped' });
    expect(await said(bind(client, 'stopped', 'w1'))).to.include('its desiredState is Stopped');
    await refusalOf(bind(client, 'missing', 'w1'), 'NotFound');
    expect(await held()).to.deep.equal(['a']);
  });

  it('cannot read what is no binding', async () => {
    await create('a');
    const post = (body: Record<string, unknown>): Promise<unknown> =>
      client.post(tasks, key('a'), 'binding', {
        apiVersion: 'gantry.dev/v1',
        kind: 'Binding',
        metadata: { name: 'a' },
        ...body,
      });
    await refusalOf(post({ epoch: 1 }), 'BadRequest');
    await refusalOf(post({ target: { name: 'w1' } }), 'BadRequest');
    await refusalOf(post({ target: { name: 'w1' }, epoch: 1, kind: 'Pod' }), 'BadRequest');
    await refusalOf(post({ target: { name: 'w1' }, epoch: 1, metadata: { name: 'b' } }), 'BadRequest');
    await refusalOf(
      post({ target: { name: 'w1' }, epoch: 1, metadata: { name: 'a', uid: 'other' } }),
      'Conflict',
    );
    await refusalOf(
      client.post(tasks, key('a'), 'unbinding', { apiVersion: 'v1', kind: 'X', metadata: { name: 'a' } }),
      'NotFound',
    );
  });

  it('gives a host port once, and again when it is free', async () => {
    const port = (hostIP?: string): Partial<Task['spec']> => ({
      ports: [{ containerPort: 80, hostPort: 80, ...(hostIP === undefined ? {} : { hostIP }) }],
    });
    await world.allowEverything('default');
    await create('a', port());
    await create('b', port('127.0.0.1'));
    await create('c', port('10.0.0.1'));
    await create('d', port('0.0.0.0'));
    await bind(client, 'a', 'w1');
    expect((await refusalOf(bind(client, 'b', 'w1'), 'Conflict')).message).to.include(
      'host port 80/TCP of worker "w1" is taken by task default/a',
    );
    await bind(client, 'c', 'w1');
    await refusalOf(bind(client, 'd', 'w1'), 'Conflict');
    await client.delete(tasks, key('a'));
    await client.patch(tasks, key('a'), { type: 'merge', body: { metadata: { finalizers: null } } });
    expect(await held()).to.deep.equal(['c']);
    await bind(client, 'b', 'w1');
  });

  it('never gives one task two claims on the same host port', async () => {
    await world.allowEverything('default');
    await create('a', {
      ports: [
        { containerPort: 80, hostPort: 80 },
        { containerPort: 81, hostPort: 80, hostIP: '0.0.0.0' },
      ],
    });
    expect((await refusalOf(bind(client, 'a', 'w1'), 'Conflict')).message).to.include(
      'another port of this task',
    );
  });

  for (const phase of ['Succeeded', 'Failed', 'Stopped'] as const) {
    it(`releases what a task held with the write that says ${phase}`, async () => {
      await create('a', cpu('2'));
      await bind(client, 'a', 'w1');
      await tell('a', { phase: 'Running', observedGeneration: 1 });
      expect(await held()).to.deep.equal(['a']);
      const revision = world.store.revision();
      await tell('a', { phase });
      expect(world.store.revision()).to.equal(revision + 2);
      expect(await held()).to.deep.equal([]);
      expect((await client.get(tasks, key('a'))).spec.workerName).to.equal('w1');
    });
  }

  it('unbinds a task that ended and is wished anew, keeping the epoch, and takes it back in', async () => {
    await create('a', cpu('2'));
    await bind(client, 'a', 'w1');
    await tell('a', { phase: 'Succeeded', workerName: 'w1', observedGeneration: 1 });
    const again = await edit('a', { image: 'two' });
    expect(again.spec).to.include({ bindingEpoch: 1 }).and.not.have.property('workerName');
    expect(again.metadata.finalizers).to.deep.equal(['gantry.dev/container']);
    await bind(client, 'a', 'w1', 2);
    // A condition written beside the old phase does not end it anew.
    await tell('a', { reason: 'Scheduled' });
    expect(await held()).to.deep.equal(['a']);
    // The same word about the new spec does.
    await tell('a', { phase: 'Succeeded', observedGeneration: 2 });
    expect(await held()).to.deep.equal([]);
  });

  it('does not unbind a task that is wished to stay stopped, or is being deleted', async () => {
    await create('a');
    await bind(client, 'a', 'w1');
    await edit('a', { desiredState: 'Stopped' });
    await tell('a', { phase: 'Stopped', workerName: 'w1' });
    expect((await edit('a', { image: 'two' })).spec.workerName).to.equal('w1');
    expect((await edit('a', { desiredState: 'Running' })).spec).not.to.have.property('workerName');
  });

  it('follows the spec of a bound task, or refuses naming the field and what is free', async () => {
    await create('a', cpu('500m'));
    await create('b', cpu('1'));
    await bind(client, 'a', 'w1');
    await bind(client, 'b', 'w1');
    const grown = await edit('a', {
      resources: { requests: { cpu: '1' } },
      ports: [{ containerPort: 80, hostPort: 80 }],
    });
    expect((await record()).tasks[grown.metadata.uid ?? '']).to.deep.include({
      milliCpu: 1000,
      hostPorts: [{ hostIP: '127.0.0.1', hostPort: 80, protocol: 'TCP' }],
    });
    const error = await refusalOf(edit('a', { resources: { requests: { cpu: '1100m' } } }), 'Invalid');
    expect(error.details?.causes?.[0]?.field).to.equal('spec.resources.requests.cpu');
    expect(error.message).to.include('worker "w1" has 1 of cpu free, the task asks for 1100m');
    const clash = await refusalOf(edit('b', { ports: [{ containerPort: 1, hostPort: 80 }] }), 'Invalid');
    expect(clash.details?.causes?.[0]?.field).to.equal('spec.ports[0].hostPort');
    expect((await client.get(tasks, key('a'))).spec.resources?.requests?.cpu).to.equal('1');
  });

  it('lets a task keep what it holds on a worker that has shrunk', async () => {
    await create('a', cpu('2'));
    await bind(client, 'a', 'w1');
    await client.patch(
      workers,
      { name: 'w1' },
      { type: 'merge', body: { status: { allocatable: { cpu: '1' } } } },
      { subresource: 'status' },
    );
    await edit('a', { image: 'two' });
    await edit('a', { resources: { requests: { cpu: '1500m' } } });
    await refusalOf(edit('a', { resources: { requests: { cpu: '1600m' } } }), 'Invalid');
  });

  it('changes nothing on a dry run', async () => {
    await create('a', cpu('1'));
    await client.post(
      tasks,
      key('a'),
      'binding',
      { apiVersion: 'gantry.dev/v1', kind: 'Binding', metadata: key('a'), target: { name: 'w1' }, epoch: 1 },
      { dryRun: true },
    );
    expect(await held()).to.deep.equal([]);
    await bind(client, 'a', 'w1');
    await client.delete(tasks, key('a'), { dryRun: true });
    await client.patch(
      tasks,
      key('a'),
      { type: 'merge', body: { status: { phase: 'Failed' } } },
      { subresource: 'status', dryRun: true },
    );
    expect(await held()).to.deep.equal(['a']);
  });

  it('lets two schedulers race and never fills a worker twice', async () => {
    // Two registries on one store, as two servers would be: no lock in memory is between them.
    const open = (seed: number): Promise<Registry> =>
      openRegistry({
        store: world.store,
        clock: world.clock,
        random: seededRandom(seed),
        log: silentLog,
        metrics: newMetrics(),
      });
    const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9));
    const replay = `replay: SEED=${seed} npx mocha test/api/registry/binding.test.ts`;
    const random = seededRandom(seed);
    const registries = await Promise.all([open(1), open(2)]);
    const clients = registries.map((registry) => registry.as({ name: 'admin', groups: [GROUP_MASTERS] }));
    await world.addWorker('w2', { cpu: '3', memory: '1Gi' });
    const names = Array.from({ length: 24 }, (_, at) => `t${at}`);
    for (const name of names) {
      const hostPort = pick(random, [8001, 8002, 8003, undefined]);
      await create(name, {
        ...cpu(pick(random, ['250m', '500m', '1']) ?? '1'),
        ...(hostPort === undefined ? {} : { ports: [{ containerPort: 80, hostPort }] }),
      });
    }
    let bound = 0;
    await Promise.all(
      clients.flatMap((racer) =>
        names.map(async (name) => {
          try {
            await bind(racer, name, pick(random, ['w1', 'w2']) ?? 'w1');
            bound++;
          } catch (error) {
            if (!isApiError(error, 'Conflict')) throw error;
          }
        }),
      ),
    );
    const all = (await client.list(tasks)).items.filter((task) => task.spec.workerName !== undefined);
    expect(bound, replay).to.equal(all.length).and.be.greaterThan(0);
    for (const [worker, milli] of [
      ['w1', 2000],
      ['w2', 3000],
    ] as const) {
      const mine = all.filter((task) => task.spec.workerName === worker);
      const entries = Object.values((await record(worker)).tasks);
      expect(entries.map((entry) => entry.name).sort(), replay).to.deep.equal(
        mine.map((task) => task.metadata.name).sort(),
      );
      expect(
        entries.reduce((sum, entry) => sum + entry.milliCpu, 0),
        replay,
      ).to.be.at.most(milli);
      const ports = entries.flatMap((entry) => entry.hostPorts.map((port) => port.hostPort));
      expect(new Set(ports).size, replay).to.equal(ports.length);
    }
    await Promise.all(registries.map((registry) => registry.close()));
  });
});
