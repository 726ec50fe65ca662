/** A Worker in `/metrics/state`, and what its Tasks hold of it. Pure. */
import type { Worker } from '../../../schemas/types.gen.ts';
import { conditionTails, flag, newStateView, plain, type StateView, type Tails } from './described.ts';
import { type Family, lineHead, lineTail, unixSeconds } from './family.ts';
import { amountTails } from './resources.ts';
import type { Share } from './taskstate.ts';

export const workerState: StateView = newStateView<Worker>(
  [
    {
      name: 'gantry_worker_info',
      help: 'Always 1.',
      type: 'gauge',
      tell: ({ status: { info = {} } = {} }) => [
        lineTail(1, [
          ['os', info.os ?? ''],
          ['arch', info.arch ?? ''],
          ['kernel_version', info.kernel ?? ''],
          ['docker_version', info.dockerVersion ?? ''],
          ['agent_version', info.agentVersion ?? ''],
        ]),
      ],
    },
    {
      name: 'gantry_worker_created',
      help: 'When the Worker enrolled, Unix time.',
      type: 'gauge',
      tell: ({ metadata }) => plain(unixSeconds(metadata.creationTimestamp)),
    },
    {
      name: 'gantry_worker_spec_unschedulable',
      help: '1 while the Worker takes no new Tasks (cordoned).',
      type: 'gauge',
      tell: ({ spec }) => flag(spec?.unschedulable),
    },
    {
      name: 'gantry_worker_spec_taint',
      help: '1 for each taint of the Worker.',
      type: 'gauge',
      tell: ({ spec }) => taintTails(spec?.taints ?? []),
    },
    {
      name: 'gantry_worker_status_condition',
      help: '1 for how the condition is, 0 for the others.',
      type: 'gauge',
      tell: ({ status }) => conditionTails(status?.conditions),
    },
    {
      name: 'gantry_worker_status_capacity',
      help: 'What the machine has.',
      type: 'gauge',
      tell: ({ status }) => amountTails(status?.capacity),
    },
    {
      name: 'gantry_worker_status_allocatable',
      help: 'What Tasks may ask for.',
      type: 'gauge',
      tell: ({ status }) => amountTails(status?.allocatable),
    },
  ],
  ({ metadata }) => lineHead([['worker', metadata.name]]),
);

function taintTails(taints: NonNullable<NonNullable<Worker['spec']>['taints']>): Tails {
  const tails = taints.map(({ key, value = '', effect }) =>
    lineTail(1, [
      ['key', key],
      ['value', value],
      ['effect', effect],
    ]),
  );
  // Said twice it is one taint; two lines of the same labels are no metrics.
  return [...new Set(tails)];
}

/** What is known of a Worker from its Tasks, not from itself. */
export const sharesFamilies = [
  {
    name: 'gantry_worker_status_allocated',
    help: 'What Tasks that are bound to the Worker ask for.',
    type: 'gauge',
  },
  { name: 'gantry_worker_status_tasks', help: 'Tasks that are bound to the Worker.', type: 'gauge' },
] as const satisfies readonly Family[];

export interface Held {
  cores: number;
  memoryBytes: number;
  diskBytes: number;
  tasks: number;
}

export function addShare(held: Map<string, Held>, { worker, cores, memoryBytes, diskBytes }: Share): void {
  const sum = held.get(worker) ?? { cores: 0, memoryBytes: 0, diskBytes: 0, tasks: 0 };
  sum.cores += cores;
  sum.memoryBytes += memoryBytes;
  sum.diskBytes += diskBytes;
  sum.tasks++;
  held.set(worker, sum);
}

/** In the order of `sharesFamilies`. */
export function shareTails(held: Held | undefined): readonly Tails[] {
  const { cores = 0, memoryBytes = 0, diskBytes = 0, tasks = 0 } = held ?? {};
  // Sums of thousandths, which are no exact numbers, as the thousandths they are.
  const cpu = Math.round(cores * 1_000) / 1_000;
  return [amountTails({ cpu, memory: memoryBytes, 'ephemeral-storage': diskBytes }), plain(tasks)];
}
