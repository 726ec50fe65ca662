/** A TaskSet, a Job and a Run in `/metrics/state`. Pure. */
import type { Job, Run, TaskSet } from '../../../schemas/types.gen.ts';
import { conditionTails, flag, newStateView, oneOf, plain, type StateView } from './described.ts';
import { lineHead, lineTail, unixSeconds } from './family.ts';

const placed =
  (label: string) =>
  ({ metadata: { namespace = '', name } }: TaskSet | Job | Run): string =>
    lineHead([
      ['namespace', namespace],
      [label, name],
    ]);

export const taskSetState: StateView = newStateView<TaskSet>(
  [
    {
      name: 'gantry_taskset_created',
      help: 'When the TaskSet was made, Unix time.',
      type: 'gauge',
      tell: ({ metadata }) => plain(unixSeconds(metadata.creationTimestamp)),
    },
    {
      name: 'gantry_taskset_spec_replicas',
      help: 'Tasks asked for; in mode Global as many as there are workers for them.',
      type: 'gauge',
      tell: ({ spec, status }) =>
        plain(spec.mode === 'Global' ? status?.desiredReplicas : (spec.replicas ?? 1)),
    },
    {
      name: 'gantry_taskset_spec_paused',
      help: '1 while rollouts of the TaskSet are paused.',
      type: 'gauge',
      tell: ({ spec }) => flag(spec.paused),
    },
    {
      name: 'gantry_taskset_status_replicas',
      help: 'Tasks of the TaskSet.',
      type: 'gauge',
      tell: ({ status }) => plain(status?.replicas ?? 0),
    },
    {
      name: 'gantry_taskset_status_replicas_ready',
      help: 'Tasks of the TaskSet that are ready.',
      type: 'gauge',
      tell: ({ status }) => plain(status?.readyReplicas ?? 0),
    },
    {
      name: 'gantry_taskset_status_replicas_available',
      help: 'Tasks of the TaskSet that have been ready for long enough.',
      type: 'gauge',
      tell: ({ status }) => plain(status?.availableReplicas ?? 0),
    },
    {
      name: 'gantry_taskset_status_replicas_unavailable',
      help: 'Tasks of the TaskSet that are missing or not available.',
      type: 'gauge',
      tell: ({ status }) => plain(status?.unavailableReplicas ?? 0),
    },
    {
      name: 'gantry_taskset_status_replicas_updated',
      help: 'Tasks of the TaskSet that are of its newest revision.',
      type: 'gauge',
      tell: ({ status }) => plain(status?.updatedReplicas ?? 0),
    },
    {
      name: 'gantry_taskset_metadata_generation',
      help: 'Generation of what is asked for.',
      type: 'gauge',
      tell: ({ metadata }) => plain(metadata.generation),
    },
    {
      name: 'gantry_taskset_status_observed_generation',
      help: 'Generation that the controller has seen.',
      type: 'gauge',
      tell: ({ status }) => plain(status?.observedGeneration ?? 0),
    },
    {
      name: 'gantry_taskset_status_condition',
      help: '1 for how the condition is, 0 for the others.',
      type: 'gauge',
      tell: ({ status }) => conditionTails(status?.conditions, true),
    },
  ],
  placed('taskset'),
);

export const jobState: StateView = newStateView<Job>(
  [
    {
      name: 'gantry_job_info',
      help: 'Always 1.',
      type: 'gauge',
      tell: ({ spec }) => [
        lineTail(1, [
          ['schedule', spec.schedule ?? ''],
          ['concurrency_policy', spec.concurrencyPolicy ?? 'Allow'],
        ]),
      ],
    },
    {
      name: 'gantry_job_spec_suspended',
      help: '1 while the schedule of the Job rests.',
      type: 'gauge',
      tell: ({ spec }) => flag(spec.suspend),
    },
    {
      name: 'gantry_job_status_active',
      help: 'Runs of the Job that are under way.',
      type: 'gauge',
      tell: ({ status }) => plain(status?.activeCount ?? status?.active?.length ?? 0),
    },
    {
      name: 'gantry_job_status_last_schedule_time',
      help: 'The last time of its schedule that was dealt with, Unix time.',
      type: 'gauge',
      tell: ({ status }) => plain(unixSeconds(status?.lastScheduleTime)),
    },
    {
      name: 'gantry_job_status_next_schedule_time',
      help: 'The next time of its schedule, Unix time.',
      type: 'gauge',
      tell: ({ status }) => plain(unixSeconds(status?.nextScheduleTime)),
    },
    {
      name: 'gantry_job_status_last_successful_time',
      help: 'When a Run of the Job last completed, Unix time.',
      type: 'gauge',
      tell: ({ status }) => plain(unixSeconds(status?.lastSuccessfulTime)),
    },
  ],
  placed('job'),
);

const stateTails = oneOf('state', ['pending', 'running', 'completed', 'failed', 'interrupted', 'cancelled']);

export const runState: StateView = newStateView<Run>(
  [
    {
      name: 'gantry_run_info',
      help: 'Always 1.',
      type: 'gauge',
      tell: ({ spec }) => [
        lineTail(1, [
          ['job', spec.jobRef?.name ?? ''],
          ['trigger', spec.trigger ?? 'Manual'],
          ['priority', String(spec.priority ?? 0)],
        ]),
      ],
    },
    {
      name: 'gantry_run_created',
      help: 'When the Run was made, Unix time.',
      type: 'gauge',
      tell: ({ metadata }) => plain(unixSeconds(metadata.creationTimestamp)),
    },
    {
      name: 'gantry_run_status_state',
      help: '1 for the state the Run is in, 0 for the others.',
      type: 'gauge',
      tell: ({ status }) => stateTails(status?.state ?? 'pending'),
    },
    {
      name: 'gantry_run_status_reason',
      help: '1 for the reason of its state, where it has one.',
      type: 'gauge',
      tell: ({ status }) =>
        (status?.reason ?? '') === '' ? [] : [lineTail(1, [['reason', status?.reason ?? '']])],
    },
    {
      name: 'gantry_run_start_time',
      help: 'When the Run began, Unix time.',
      type: 'gauge',
      tell: ({ status }) => plain(unixSeconds(status?.startedAt)),
    },
    {
      name: 'gantry_run_completion_time',
      help: 'When the Run ended, Unix time.',
      type: 'gauge',
      tell: ({ status }) => plain(unixSeconds(status?.finishedAt)),
    },
  ],
  placed('run'),
);
