/** Where a task goes and why not elsewhere: the name is the rule, the row is the world. */
import { expect } from 'chai';
import * as fc from 'fast-check';
import { demandOf, portsClash } from '../../../controllers/scheduler/demand.ts';
import type { Candidate } from '../../../controllers/scheduler/filters.ts';
import { planSchedule } from '../../../controllers/scheduler/plan.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { newTask, newWorker } from '../../builders.ts';

function candidate(
  name: string,
  options: Parameters<typeof newWorker>[1] & { tasks?: readonly Task[] } = {},
): Candidate {
  const held = (options.tasks ?? []).map((task) => ({ task, demand: demandOf(task) }));
  return {
    worker: newWorker(name, options),
    milliCpu: held.reduce((sum, { demand }) => sum + demand.milliCpu, 0),
    memoryBytes: held.reduce((sum, { demand }) => sum + demand.memoryBytes, 0),
    diskBytes: held.reduce((sum, { demand }) => sum + demand.diskBytes, 0),
    ports: held.flatMap(({ task, demand }) =>
      demand.hostPorts.map((port) => ({ ...port, task: `default/${task.metadata.name}` })),
    ),
    taskCount: held.length,
  };
}

const asking = (cpu: string, memory = '64Mi'): Task =>
  newTask('t', { resources: { requests: { cpu, memory } } });
const port = (hostPort: number, rest: { hostIP?: string; protocol?: 'TCP' | 'UDP' } = {}): Task =>
  newTask(`p${hostPort}`, { ports: [{ containerPort: 80, hostPort, ...rest }] });

const PLACED: readonly {
  readonly name: string;
  readonly task: Task;
  readonly candidates: readonly Candidate[];
  readonly worker: string;
  readonly reason: string;
}[] = [
  {
    name: 'one worker that fits is taken',
    task: asking('1'),
    candidates: [candidate('w1')],
    worker: 'w1',
    reason: 'the only worker',
  },
  {
    name: 'the least allocated of those that fit is taken',
    task: asking('500m'),
    candidates: [
      candidate('w1', { tasks: [asking('1')] }),
      candidate('w2'),
      candidate('w3', { tasks: [asking('2')] }),
    ],
    worker: 'w2',
    reason: 'the least allocated of 3 workers that fit',
  },
  {
    name: 'the worker it ran on before wins over an emptier one',
    task: newTask('t', {}, { status: { workerName: 'w2' } }),
    candidates: [candidate('w1'), candidate('w2', { tasks: [asking('2')] })],
    worker: 'w2',
    reason: 'it ran there before',
  },
  {
    name: 'the worker it ran on before is passed over when it does not fit any more',
    task: newTask('t', {}, { status: { workerName: 'w2' } }),
    candidates: [candidate('w1'), candidate('w2', { ready: 'Unknown' })],
    worker: 'w1',
    reason: 'the only one of 2 workers that fits',
  },
  {
    name: 'equal workers are taken in the order of their names, whatever order they come in',
    task: asking('1'),
    candidates: [candidate('w3'), candidate('w1'), candidate('w2')],
    worker: 'w1',
    reason: 'the least allocated of 3 workers that fit',
  },
  {
    name: 'tasks that ask for nothing spread too',
    task: newTask('t'),
    candidates: [
      candidate('w1', { tasks: [newTask('a'), newTask('b')] }),
      candidate('w2', { tasks: [newTask('c')] }),
    ],
    worker: 'w2',
    reason: 'the least allocated of 2 workers that fit',
  },
  {
    name: 'what is asked may be exactly what is free',
    task: asking('4', '8Gi'),
    candidates: [candidate('w1')],
    worker: 'w1',
    reason: 'the only worker',
  },
  {
    name: 'gantry.dev/worker is the worker’s own name, whatever its labels say',
    task: newTask('t', { workerSelector: { 'gantry.dev/worker': 'w2' } }),
    candidates: [candidate('w1', { labels: { 'gantry.dev/worker': 'w2' } }), candidate('w2')],
    worker: 'w2',
    reason: 'the only one of 2 workers that fits',
  },
  {
    name: 'limits count where no requests are given',
    task: newTask('t', { resources: { limits: { cpu: '3' } } }),
    candidates: [candidate('w1', { tasks: [asking('2')] }), candidate('w2', { cpu: '3' })],
    worker: 'w2',
    reason: 'the only one of 2 workers that fits',
  },
  {
    name: 'the disk of a worker that does not say how much it has is not counted',
    task: newTask('t', { resources: { requests: { 'ephemeral-storage': '1Ti' } } }),
    candidates: [candidate('w1')],
    worker: 'w1',
    reason: 'the only worker',
  },
  {
    name: 'a task that tolerates it goes where disk is short',
    task: newTask('t', { tolerations: [{ key: 'node.kubernetes.io/disk-pressure', operator: 'Exists' }] }),
    candidates: [candidate('w1', { pressure: ['DiskPressure'] })],
    worker: 'w1',
    reason: 'the only worker',
  },
  {
    name: 'a task whose share of memory is counted goes where memory is short',
    task: asking('1'),
    candidates: [candidate('w1', { pressure: ['MemoryPressure'] })],
    worker: 'w1',
    reason: 'the only worker',
  },
  {
    name: 'the same number of another protocol is another port',
    task: port(80),
    candidates: [candidate('w1', { tasks: [port(80, { protocol: 'UDP' })] })],
    worker: 'w1',
    reason: 'the only worker',
  },
  {
    name: 'a port the engine chooses clashes with nothing',
    task: newTask('t', { ports: [{ containerPort: 80 }] }),
    candidates: [candidate('w1', { tasks: [port(80)] })],
    worker: 'w1',
    reason: 'the only worker',
  },
];

const REFUSED: readonly {
  readonly name: string;
  readonly task: Task;
  readonly candidates: readonly Candidate[];
  readonly message: string;
}[] = [
  {
    name: 'no worker at all',
    task: newTask('t'),
    candidates: [],
    message: '0/0 workers fit: no worker has joined yet',
  },
  {
    name: 'each worker gets its own verdict, with what was asked and what was found',
    task: newTask('t', { resources: { requests: { cpu: '2' } }, workerSelector: { disk: 'ssd' } }),
    candidates: [
      candidate('w1', { cpu: '2', labels: { disk: 'ssd' }, tasks: [asking('1500m')] }),
      candidate('w2', { labels: { disk: 'hdd' } }),
      candidate('w3'),
    ],
    message:
      '0/3 workers fit: w1 InsufficientCPU (asks 2, 0.5 free); w2 SelectorMismatch (wants disk=ssd, has disk=hdd); w3 SelectorMismatch (wants disk=ssd, has no label disk)',
  },
  {
    name: 'a worker of another name',
    task: newTask('t', { workerSelector: { 'gantry.dev/worker': 'w9' } }),
    candidates: [candidate('w1')],
    message: '0/1 workers fit: w1 SelectorMismatch (wants gantry.dev/worker=w9, has gantry.dev/worker=w1)',
  },
  {
    name: 'memory',
    task: asking('1', '9Gi'),
    candidates: [candidate('w1', { tasks: [asking('1', '512Ki')] })],
    message: '0/1 workers fit: w1 InsufficientMemory (asks 9216Mi, 8191.5Mi free)',
  },
  {
    name: 'disk, by requests or else limits',
    task: newTask('t', { resources: { limits: { 'ephemeral-storage': '2Gi' } } }),
    candidates: [
      candidate('w1', {
        disk: '10Gi',
        tasks: [newTask('a', { resources: { requests: { 'ephemeral-storage': '9Gi' } } })],
      }),
    ],
    message: '0/1 workers fit: w1 InsufficientDisk (asks 2048Mi of ephemeral-storage, 1024Mi free)',
  },
  {
    name: 'a worker that is short of disk, and one that is short of memory',
    task: newTask('t'),
    candidates: [
      candidate('w1', { pressure: ['DiskPressure'] }),
      candidate('w2', { pressure: ['MemoryPressure'] }),
    ],
    message:
      '0/2 workers fit: w1 TaintNotTolerated (the worker has the taint node.kubernetes.io/disk-pressure:NoSchedule); w2 TaintNotTolerated (the worker has the taint node.kubernetes.io/memory-pressure:NoSchedule)',
  },
  {
    name: 'a host port held by another task',
    task: port(8080),
    candidates: [candidate('w1', { tasks: [port(8080)] })],
    message: '0/1 workers fit: w1 PortConflict (TCP 8080 is held by task default/p8080)',
  },
  {
    name: 'a port on every address clashes with the same port on one',
    task: port(8080, { hostIP: '0.0.0.0' }),
    candidates: [candidate('w1', { tasks: [port(8080, { hostIP: '10.0.0.1' })] })],
    message: '0/1 workers fit: w1 PortConflict (TCP 8080 is held by task default/p8080)',
  },
  {
    name: 'a port without an address clashes with the worker’s publish address',
    task: port(8080),
    candidates: [candidate('w1', { tasks: [port(8080, { hostIP: '127.0.0.1' })] })],
    message: '0/1 workers fit: w1 PortConflict (TCP 8080 is held by task default/p8080)',
  },
  {
    name: 'a task that asks for one port twice fits nowhere',
    task: newTask('t', {
      ports: [
        { containerPort: 80, hostPort: 8080 },
        { containerPort: 81, hostPort: 8080, hostIP: '0.0.0.0' },
      ],
    }),
    candidates: [candidate('w1')],
    message: '0/1 workers fit: w1 PortConflict (the task asks for TCP 8080 twice)',
  },
  {
    name: 'on the worker’s own network every port is a host port',
    task: newTask('t', { network: { mode: 'host' }, ports: [{ containerPort: 8080, publish: false }] }),
    candidates: [candidate('w1', { tasks: [port(8080)] })],
    message: '0/1 workers fit: w1 PortConflict (TCP 8080 is held by task default/p8080)',
  },
  {
    name: 'a cordoned worker, a silent one, one that never reported, one on its way out',
    task: newTask('t'),
    candidates: [
      candidate('w1', { unschedulable: true }),
      candidate('w2', { ready: 'Unknown' }),
      candidate('w3', { ready: 'never' }),
      candidate('w4', { isDeleting: true }),
    ],
    message:
      '0/4 workers fit: w1 WorkerCordoned (spec.unschedulable is true); w2 WorkerNotReady (Ready is Unknown, reason LeaseExpired); w3 WorkerNotReady (it has not reported yet); w4 WorkerNotReady (it is being deleted)',
  },
];

describe('planSchedule', () => {
  for (const { name, task, candidates, worker, reason } of PLACED) {
    it(`places: ${name}`, () => {
      const plan = planSchedule(task, candidates);
      expect(plan).to.include({ kind: 'bind', worker, reason, epoch: 1 });
    });
  }

  for (const { name, task, candidates, message } of REFUSED) {
    it(`refuses: ${name}`, () => {
      const plan = planSchedule(task, candidates);
      expect(plan).to.include({ kind: 'unschedulable', message });
    });
  }

  it('tells of ten workers in full and counts the rest', () => {
    const many = Array.from({ length: 200 }, (_, index) =>
      candidate(
        `w${String(index).padStart(3, '0')}`,
        index % 3 === 0 ? { unschedulable: true } : { cpu: '1' },
      ),
    );
    const plan = planSchedule(asking('2'), many);
    if (plan.kind !== 'unschedulable') throw new Error(`planned ${plan.kind}`);
    expect(plan.message).to.match(/^0\/200 workers fit: w000 WorkerCordoned/);
    expect(plan.message).to.match(/; and 190 more: 127 InsufficientCPU, 63 WorkerCordoned$/);
    expect(plan.verdicts, 'the verdicts themselves are complete').to.have.length(200);
  });

  it('leaves alone what is bound, deleted, stopped or over', () => {
    const rows: readonly [Task, string][] = [
      [newTask('t', { workerName: 'w1' }), 'Bound'],
      [newTask('t', {}, { metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } }), 'Deleting'],
      [newTask('t', { desiredState: 'Stopped' }), 'Stopped'],
      [
        newTask('t', {}, { metadata: { generation: 3 }, status: { phase: 'Failed', observedGeneration: 3 } }),
        'Ended',
      ],
    ];
    for (const [task, reason] of rows) {
      expect(planSchedule(task, [candidate('w1')])).to.deep.equal({ kind: 'nothing', reason });
    }
  });

  it('places again what ended before its spec was changed, in the next epoch', () => {
    const task = newTask(
      't',
      { bindingEpoch: 4 },
      {
        metadata: { generation: 4 },
        status: { phase: 'Succeeded', observedGeneration: 3, workerName: 'w1' },
      },
    );
    expect(planSchedule(task, [candidate('w1')])).to.include({
      kind: 'bind',
      epoch: 5,
      reason: 'it ran there before',
    });
  });

  it('never overfills a worker or gives a port twice, in any order of tasks (law)', () => {
    const taskOf = fc.record({
      cpu: fc.integer({ min: 0, max: 2500 }),
      memoryMi: fc.integer({ min: 0, max: 4000 }),
      hostPort: fc.option(fc.integer({ min: 8000, max: 8003 }), { nil: undefined }),
      hostIP: fc.option(fc.constantFrom('0.0.0.0', '127.0.0.1', '10.0.0.1'), { nil: undefined }),
    });
    fc.assert(
      fc.property(
        fc.array(taskOf, { maxLength: 25 }),
        fc.array(
          fc.record({ cpu: fc.integer({ min: 1, max: 4 }), memoryGi: fc.integer({ min: 1, max: 8 }) }),
          {
            minLength: 1,
            maxLength: 4,
          },
        ),
        (asks, machines) => {
          const placed = new Map<string, Task[]>(machines.map((_, index) => [`w${index}`, []]));
          const optionsOf = (index: number) => ({
            cpu: String(machines[index]?.cpu),
            memory: `${machines[index]?.memoryGi}Gi`,
          });
          asks.forEach(({ cpu, memoryMi, hostPort, hostIP }, index) => {
            const task = newTask(`t${index}`, {
              resources: { requests: { cpu: `${cpu}m`, memory: `${memoryMi}Mi` } },
              ...(hostPort === undefined
                ? {}
                : { ports: [{ containerPort: 80, hostPort, ...(hostIP === undefined ? {} : { hostIP }) }] }),
            });
            const candidates = machines.map((_, at) =>
              candidate(`w${at}`, { ...optionsOf(at), tasks: placed.get(`w${at}`) ?? [] }),
            );
            const plan = planSchedule(task, candidates);
            if (plan.kind === 'bind') placed.get(plan.worker)?.push(task);
          });
          machines.forEach(({ cpu, memoryGi }, index) => {
            const demands = (placed.get(`w${index}`) ?? []).map(demandOf);
            expect(demands.reduce((sum, demand) => sum + demand.milliCpu, 0)).to.be.at.most(cpu * 1000);
            expect(demands.reduce((sum, demand) => sum + demand.memoryBytes, 0)).to.be.at.most(
              memoryGi * 2 ** 30,
            );
            const ports = demands
              .flatMap((demand) => demand.hostPorts)
              .map((found) => ({ ...found, hostIP: found.hostIP === '' ? '127.0.0.1' : found.hostIP }));
            ports.forEach((a, at) =>
              ports
                .slice(at + 1)
                .forEach((b) => expect(portsClash(a, b), JSON.stringify([a, b])).to.equal(false)),
            );
          });
        },
      ),
      { numRuns: 150 },
    );
  });
});
