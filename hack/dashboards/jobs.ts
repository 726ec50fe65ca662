/** Jobs and Runs: what ran, how it ended, what is due, and what schedules missed. */
import type { Dashboard } from './dashboard.ts';
import { quantile, rate, runLinks, state } from './queries.ts';

const BY_JOB = 'namespace, job';
const NO_SCHEDULE = 'no Job has a schedule';
const NO_END = 'no Run has ended';

export const jobs: Dashboard = {
  uid: 'gantry-jobs',
  title: 'Gantry / Jobs and runs',
  description: 'What ran, how it ended, what is due, and what schedules missed.',
  variables: ['namespace', 'job'],
  rows: [
    {
      title: 'At a glance',
      panels: [
        {
          kind: 'number',
          title: 'Runs under way',
          description: 'Running now. `gantry get runs -A`.',
          unit: 'short',
          queries: [
            {
              expr: `sum(${state('gantry_run_status_state', 'namespace', 'state="running"')})`,
              legend: 'running',
            },
          ],
          whenNone: 'no Runs',
        },
        {
          kind: 'number',
          title: 'Runs that wait',
          description: 'Pending: for others, for a place, or for a quota. `gantry why run/NAME`.',
          unit: 'short',
          queries: [
            {
              expr: `sum(${state('gantry_run_status_state', 'namespace', 'state="pending"')})`,
              legend: 'pending',
            },
          ],
          limits: { warnFrom: 10, badFrom: 100 },
          whenNone: 'no Runs',
        },
        {
          kind: 'number',
          title: 'Completed, of those that ended',
          description: 'Within the last 24 hours, of all Jobs; cancelled ones are left out.',
          unit: 'percentunit',
          queries: [
            {
              expr: 'sum(increase(gantry_runs_ended_total{state="completed"}[24h])) / sum(increase(gantry_runs_ended_total{state!="cancelled"}[24h]))',
              legend: 'completed',
            },
          ],
          limits: { badBelow: 0.9, warnBelow: 0.99 },
          decimals: 1,
          whenNone: 'none ended',
        },
        {
          kind: 'number',
          title: 'Missed by schedules, 24 h',
          description:
            'Times that passed and do not run: a stop of the control plane, or startingDeadlineSeconds. `gantry describe job NAME`.',
          unit: 'short',
          queries: [{ expr: 'sum(increase(gantry_cron_missed_total[24h]))', legend: 'missed' }],
          limits: { warnFrom: 1, badFrom: 10 },
          whenNone: 'none',
        },
        {
          kind: 'number',
          title: 'Schedules that rest',
          description: 'Jobs with spec.suspend: they do not run by themselves.',
          unit: 'short',
          queries: [{ expr: `sum(${state('gantry_job_spec_suspended', 'job')})`, legend: 'suspended' }],
          limits: { warnFrom: 1, badFrom: 50 },
          whenNone: 'no Jobs',
        },
        {
          kind: 'number',
          title: 'Overdue',
          description:
            'Jobs whose next time passed more than a minute ago: nobody deals with schedules. See Controllers and scheduler.',
          unit: 'short',
          queries: [
            {
              expr: `count(max by (${BY_JOB}) (${state('gantry_job_status_next_schedule_time', 'job')}) < time() - 60)`,
              legend: 'overdue',
              emptyWhile: 'no Job is overdue',
            },
          ],
          limits: { badFrom: 1 },
          whenNone: 'none',
        },
      ],
    },
    {
      title: 'Runs',
      panels: [
        {
          kind: 'lines',
          title: 'Runs by state',
          description: 'Those that are kept: old ones go as the limits of their Job say.',
          unit: 'short',
          isStacked: true,
          queries: [
            {
              expr: `sum by (state) (${state('gantry_run_status_state', 'namespace')})`,
              legend: '{{state}}',
            },
          ],
        },
        {
          kind: 'lines',
          title: 'Runs that ended',
          description: 'A minute, by state and by what made them run.',
          unit: 'short',
          queries: [
            {
              expr: `60 * sum by (state, trigger) (${rate('gantry_runs_ended_total')})`,
              legend: '{{state}} {{trigger}}',
            },
          ],
        },
        {
          kind: 'lines',
          title: 'How long Runs take',
          description: '90 of 100 take no longer, by how they ended.',
          unit: 's',
          queries: [
            {
              expr: quantile(0.9, 'gantry_run_duration_seconds', ['state']),
              legend: '{{state}}',
              emptyWhile: NO_END,
            },
          ],
        },
        {
          kind: 'table',
          title: 'Runs that did not complete',
          description:
            'At most fifty: failed, or interrupted. `gantry why run/NAME -n NAMESPACE`, `gantry logs run/NAME`.',
          unit: 'short',
          queries: [
            {
              expr: `topk(50, max by (namespace, run, state) (${state('gantry_run_status_state', 'namespace', 'state=~"failed|interrupted"')}) == 1)`,
              legend: '',
              emptyWhile: 'no Run that is kept has failed',
            },
          ],
          links: runLinks,
        },
        {
          kind: 'lines',
          title: 'Why Runs wait or failed',
          description: 'Kept Runs by the reason of their state. `gantry why run/NAME` tells which step.',
          unit: 'short',
          isStacked: true,
          queries: [
            {
              expr: `sum by (reason) (${state('gantry_run_status_reason', 'namespace')})`,
              legend: '{{reason}}',
              emptyWhile: 'no Run has a reason to tell',
            },
          ],
        },
        {
          kind: 'lines',
          title: 'How long the last Runs of each Job took',
          description: 'From start to end of Runs that are kept; the longest of each Job.',
          unit: 's',
          queries: [
            {
              expr: `topk(20, max by (${BY_JOB}) ((${state('gantry_run_completion_time', 'namespace')} - on (namespace, run) ${state('gantry_run_start_time', 'namespace')}) * on (namespace, run) group_left (job) max by (namespace, run, job) (gantry_run_info{namespace=~"$namespace", job=~"$job", job!=""})))`,
              legend: '{{namespace}}/{{job}}',
              emptyWhile: 'no Run of a Job has ended',
            },
          ],
        },
      ],
    },
    {
      title: 'Schedules',
      panels: [
        {
          kind: 'table',
          title: 'Jobs',
          description:
            'Seconds until the next time, and since the last that was dealt with. `gantry cron next NAME` lists the times to come.',
          unit: 's',
          queries: [
            {
              expr: `max by (${BY_JOB}) (${state('gantry_job_status_next_schedule_time', 'job')}) - time()`,
              legend: 'Until the next',
              emptyWhile: NO_SCHEDULE,
            },
            {
              expr: `time() - max by (${BY_JOB}) (${state('gantry_job_status_last_schedule_time', 'job')})`,
              legend: 'Since the last',
              emptyWhile: NO_SCHEDULE,
            },
            {
              expr: `time() - max by (${BY_JOB}) (${state('gantry_job_status_last_successful_time', 'job')})`,
              legend: 'Since the last that completed',
              emptyWhile: 'no Run of a Job has completed',
            },
          ],
          width: 24,
        },
        {
          kind: 'lines',
          title: 'Times of schedules',
          description:
            'That were to run, a minute: made in time, caught up later, or refused by the API; and those that were missed.',
          unit: 'short',
          queries: [
            { expr: `60 * sum by (result) (${rate('gantry_cron_fires_total')})`, legend: '{{result}}' },
            { expr: `60 * sum(${rate('gantry_cron_missed_total')})`, legend: 'missed' },
          ],
          width: 8,
        },
        {
          kind: 'lines',
          title: 'How late Runs are made',
          description: 'From the time of a schedule to its Run: half of them, and 99 of 100, no later.',
          unit: 's',
          queries: [0.5, 0.99].map((share) => ({
            expr: quantile(share, 'gantry_cron_fire_delay_seconds'),
            legend: `${share * 100} %`,
            emptyWhile: NO_SCHEDULE,
          })),
          limits: { warnFrom: 1, badFrom: 10 },
          width: 8,
        },
        {
          kind: 'lines',
          title: 'Runs under way, by Job',
          description:
            'More than one for long, with concurrencyPolicy Allow: a Run takes longer than the time between two.',
          unit: 'short',
          queries: [
            {
              expr: `topk(20, max by (${BY_JOB}) (${state('gantry_job_status_active', 'job')}))`,
              legend: '{{namespace}}/{{job}}',
            },
          ],
          limits: { warnFrom: 2, badFrom: 10 },
          width: 8,
        },
      ],
    },
  ],
};
