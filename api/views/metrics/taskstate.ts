/** A Task in `/metrics/state`. Pure. */
import type { Task } from '../../../schemas/types.gen.ts';
import { conditionTails, flag, newStateView, oneOf, plain, type StateView } from './described.ts';
import { lineHead, lineTail, unixSeconds } from './family.ts';
import { amountOf, amountTails } from './resources.ts';

const phaseTails = oneOf('phase', ['Pending', 'Running', 'Succeeded', 'Failed', 'Stopped', 'Unknown']);

export const taskState: StateView = newStateView<Task>(
  [
    { name: 'gantry_task_info', help: 'Always 1.', type: 'gauge', tell: (task) => [infoOf(task)] },
    {
      name: 'gantry_task_created',
      help: 'When the Task was made, Unix time.',
      type: 'gauge',
      tell: ({ metadata }) => plain(unixSeconds(metadata.creationTimestamp)),
    },
    {
      name: 'gantry_task_status_phase',
      help: '1 for the phase the Task is in, 0 for the others.',
      type: 'gauge',
      tell: ({ status }) => phaseTails(status?.phase ?? 'Pending'),
    },
    {
      name: 'gantry_task_status_condition',
      help: '1 for how the condition is, 0 for the others.',
      type: 'gauge',
      tell: ({ status }) => conditionTails(status?.conditions),
    },
    {
      name: 'gantry_task_status_reason',
      help: '1 for the reason of its phase, where it has one.',
      type: 'gauge',
      tell: ({ status }) =>
        (status?.reason ?? '') === '' ? [] : [lineTail(1, [['reason', status?.reason ?? '']])],
    },
    {
      name: 'gantry_task_status_restarts_total',
      help: "Restarts of the Task's container.",
      type: 'counter',
      tell: ({ status }) => plain(status?.restartCount ?? 0),
    },
    {
      name: 'gantry_task_status_ready',
      help: '1 while the Task is ready.',
      type: 'gauge',
      tell: ({ status }) =>
        flag(
          status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True'),
        ),
    },
    {
      name: 'gantry_task_status_last_exit_code',
      help: 'Exit code of the container that ended last.',
      type: 'gauge',
      // Newest first; a container that never ran has no exit code.
      tell: ({ status }) => plain(status?.history?.find(({ exitCode }) => exitCode !== undefined)?.exitCode),
    },
    {
      name: 'gantry_task_resource_requests',
      help: 'What the Task asks for.',
      type: 'gauge',
      tell: ({ spec }) => amountTails(spec.resources?.requests),
    },
    {
      name: 'gantry_task_resource_limits',
      help: 'What the Task may have at most.',
      type: 'gauge',
      tell: ({ spec }) => amountTails(spec.resources?.limits),
    },
    {
      name: 'gantry_task_deletion_timestamp',
      help: 'Since when the Task is being deleted, Unix time.',
      type: 'gauge',
      tell: ({ metadata }) => plain(unixSeconds(metadata.deletionTimestamp)),
    },
  ],
  ({ metadata: { namespace = '', name } }) =>
    lineHead([
      ['namespace', namespace],
      ['task', name],
    ]),
);

function infoOf({ metadata, spec }: Task): string {
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  return lineTail(1, [
    ['uid', metadata.uid ?? ''],
    ['image', spec.image],
    ['worker', spec.workerName ?? ''],
    ['owner_kind', owner?.kind ?? ''],
    ['owner_name', owner?.name ?? ''],
    ['priority', String(spec.priority ?? 0)],
  ]);
}

/** What a Task holds of its worker. */
export interface Share {
  readonly worker: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
}

const ENDED: ReadonlySet<string> = new Set(['Succeeded', 'Failed', 'Stopped']);

/** Until its end is recorded, as the allocation record has it (`registry/binding/allocation.ts`). */
export function shareOf({ metadata, spec, status }: Task): Share | undefined {
  const { workerName: worker } = spec;
  if (worker === undefined) return undefined;
  if (ENDED.has(status?.phase ?? '') && status?.observedGeneration === metadata.generation) return undefined;
  const { requests = {}, limits = {} } = spec.resources ?? {};
  const of = (key: 'cpu' | 'memory' | 'ephemeral-storage'): number =>
    amountOf(requests[key] ?? limits[key] ?? 0) ?? 0;
  return { worker, cores: of('cpu'), memoryBytes: of('memory'), diskBytes: of('ephemeral-storage') };
}
