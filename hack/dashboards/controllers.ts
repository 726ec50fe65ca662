/** Controllers and the scheduler: whether they work, whether they keep up, and what keeps Tasks from being placed. */
import type { Dashboard } from './dashboard.ts';
import { quantile, rate, rateOfAll } from './queries.ts';

export const controllers: Dashboard = {
  uid: 'gantry-controllers',
  title: 'Gantry / Controllers and scheduler',
  description: 'Whether controllers work and keep up, and what keeps Tasks from being placed.',
  variables: [],
  rows: [
    {
      title: 'At a glance',
      panels: [
        {
          kind: 'number',
          title: 'Controllers work in',
          description:
            'Processes whose controllers work: one, whatever the number of servers. 0: nothing declared is carried out.',
          unit: 'short',
          queries: [{ expr: 'sum(gantry_controllers_active)', legend: 'processes' }],
          limits: { badBelow: 1 },
          width: 6,
          whenNone: 'not scraped',
        },
        {
          kind: 'number',
          title: 'Keys that wait',
          description:
            'In all work queues. Thousands for long: a controller does not keep up, see the depth by queue.',
          unit: 'short',
          queries: [{ expr: 'sum(workqueue_depth{job="gantry"})', legend: 'keys' }],
          limits: { warnFrom: 100, badFrom: 1000 },
          width: 6,
          whenNone: 'not scraped',
        },
        {
          kind: 'number',
          title: 'Tasks that wait for a Worker',
          description:
            '`gantry get tasks -A` shows them as Pending, `gantry why task/NAME` has a verdict for each Worker.',
          unit: 'short',
          queries: [{ expr: 'sum(scheduler_pending_tasks{job="gantry"})', legend: 'Tasks' }],
          limits: { warnFrom: 1, badFrom: 20 },
          width: 6,
          whenNone: 'not scraped',
        },
        {
          kind: 'number',
          title: 'Longest work under way',
          description:
            'How long the longest reconciliation has taken so far. Minutes: it hangs, often on an engine.',
          unit: 's',
          queries: [
            { expr: 'max(workqueue_longest_running_processor_seconds{job="gantry"})', legend: 'seconds' },
          ],
          limits: { warnFrom: 30, badFrom: 300 },
          width: 6,
          whenNone: 'not scraped',
        },
      ],
    },
    {
      title: 'Controllers',
      panels: [
        {
          kind: 'lines',
          title: 'Reconciliations',
          description:
            'A second, by controller. A line that is high while nothing changes is a controller that fights with somebody.',
          unit: 'ops',
          queries: [
            {
              expr: `sum by (controller) (${rateOfAll('controller_runtime_reconcile_total')})`,
              legend: '{{controller}}',
            },
          ],
        },
        {
          kind: 'lines',
          title: 'Reconciliations that failed',
          description:
            'A second, by controller. They are tried again, later each time; the log of the server has the reason.',
          unit: 'ops',
          queries: [
            {
              expr: `sum by (controller) (${rateOfAll('controller_runtime_reconcile_errors_total')})`,
              legend: '{{controller}}',
              emptyWhile: 'no reconciliation has failed since the controllers began',
            },
            {
              expr: `sum by (controller) (${rateOfAll('controller_runtime_terminal_reconcile_errors_total')})`,
              legend: '{{controller}} for good',
              emptyWhile: 'no reconciliation has failed for good since the controllers began',
            },
          ],
          limits: { warnFrom: 0.1, badFrom: 1 },
        },
        {
          kind: 'lines',
          title: 'How long reconciliations take',
          description: '99 of 100 take no longer, by controller. Those of Tasks wait for the engine.',
          unit: 's',
          queries: [
            {
              expr: quantile(0.99, 'controller_runtime_reconcile_time_seconds', ['controller']),
              legend: '{{controller}}',
            },
          ],
          limits: { warnFrom: 5, badFrom: 30 },
        },
        {
          kind: 'lines',
          title: 'How long keys wait',
          description: '99 of 100 wait no longer in their queue before they are worked on.',
          unit: 's',
          queries: [
            { expr: quantile(0.99, 'workqueue_queue_duration_seconds', ['name']), legend: '{{name}}' },
          ],
          limits: { warnFrom: 1, badFrom: 10 },
        },
        {
          kind: 'lines',
          title: 'Depth of queues',
          description: 'Keys that wait, by queue. One that only grows: its controller does not keep up.',
          unit: 'short',
          queries: [{ expr: 'sum by (name) (workqueue_depth{job="gantry"})', legend: '{{name}}' }],
          limits: { warnFrom: 100, badFrom: 1000 },
        },
        {
          kind: 'lines',
          title: 'Keys that came back',
          description: 'A second after a failure, by queue.',
          unit: 'ops',
          queries: [
            {
              expr: `sum by (name) (${rateOfAll('workqueue_retries_total')})`,
              legend: '{{name}}',
              emptyWhile: 'nothing was tried again since the controllers began',
            },
          ],
          limits: { warnFrom: 1, badFrom: 10 },
        },
        {
          kind: 'lines',
          title: 'Busy',
          description:
            'Reconciliations now running, of those that may run at once. At 100 % the controller is the bottleneck.',
          unit: 'percentunit',
          queries: [
            {
              expr: 'sum by (controller) (controller_runtime_active_workers{job="gantry"}) / sum by (controller) (controller_runtime_max_concurrent_reconciles{job="gantry"})',
              legend: '{{controller}}',
            },
          ],
          limits: { warnFrom: 0.8, badFrom: 1 },
          max: 1,
        },
        {
          kind: 'lines',
          title: 'Who leads',
          description:
            'Where several servers share an etcd: 1 for the process that holds the lease. Changes that come often: a server does not reach the store in time.',
          unit: 'short',
          queries: [
            {
              expr: 'sum by (instance) (leader_election_master_status{job="gantry"})',
              legend: '{{instance}}',
              emptyWhile: 'the store is not shared, so that nobody need be elected',
            },
            { expr: 'sum by (instance) (gantry_controllers_active)', legend: '{{instance}} works' },
          ],
          max: 1,
        },
        {
          kind: 'lines',
          title: 'Events',
          description:
            'Events written a second, and those that were not, by cause. `kubectl get events -A` shows them.',
          unit: 'ops',
          queries: [
            { expr: `sum by (act) (${rate('gantry_events_written_total')})`, legend: '{{act}}' },
            {
              expr: `sum by (cause) (${rate('gantry_events_dropped_total')})`,
              legend: 'not written: {{cause}}',
              emptyWhile: 'no Event was dropped since the controllers began',
            },
          ],
        },
        {
          kind: 'lines',
          title: 'Rollouts that ended',
          description:
            'An hour, by result. Reverted: the new revision did not come up, and the one before is back.',
          unit: 'short',
          queries: [
            {
              expr: `3600 * sum by (result) (${rate('gantry_taskset_rollouts_total')})`,
              legend: '{{result}}',
            },
          ],
        },
      ],
    },
    {
      title: 'Scheduler',
      panels: [
        {
          kind: 'lines',
          title: 'Attempts to place a Task',
          description:
            'A second, by result. Unschedulable ones are tried again when a Worker or a Task changes.',
          unit: 'ops',
          queries: [
            {
              expr: `sum by (result) (${rateOfAll('scheduler_schedule_attempts_total')})`,
              legend: '{{result}}',
            },
          ],
        },
        {
          kind: 'lines',
          title: 'How long an attempt takes',
          description: '99 of 100 take no longer, the binding included, by result.',
          unit: 's',
          queries: [
            {
              expr: quantile(0.99, 'scheduler_scheduling_attempt_duration_seconds', ['result']),
              legend: '{{result}}',
            },
          ],
          limits: { warnFrom: 0.5, badFrom: 2 },
        },
        {
          kind: 'lines',
          title: 'Why Tasks are not placed',
          description:
            'Tasks that wait, under every verdict that a Worker gave: one Task counts under several. InsufficientCPU or Memory: add a Worker or lower requests; TaintNotTolerated, SelectorMismatch: what is asked for fits no Worker.',
          unit: 'short',
          queries: [
            {
              expr: 'sum by (reason) (gantry_scheduler_unschedulable_tasks)',
              legend: '{{reason}}',
              emptyWhile: 'every Task has a Worker',
            },
          ],
          limits: { warnFrom: 1, badFrom: 20 },
        },
        {
          kind: 'lines',
          title: 'Bindings that failed',
          description: 'A minute, by reason. Conflict: somebody else was faster; it is tried again.',
          unit: 'short',
          queries: [
            {
              expr: `60 * sum by (reason) (${rate('gantry_scheduler_bind_errors_total')})`,
              legend: '{{reason}}',
              emptyWhile: 'no binding has failed since the scheduler began',
            },
          ],
          limits: { warnFrom: 1, badFrom: 10 },
        },
        {
          kind: 'lines',
          title: 'Tasks taken off for others',
          description:
            'An hour: preempted by Tasks of higher priority. `gantry why task/NAME` names the one they made room for.',
          unit: 'short',
          queries: [
            { expr: `3600 * sum(${rateOfAll('scheduler_preemption_victims_total')})`, legend: 'preempted' },
          ],
          limits: { warnFrom: 10, badFrom: 100 },
        },
        {
          kind: 'lines',
          title: 'From Task to running',
          description:
            'From when a new Task was first seen to when its container ran: half of them, and 90 of 100, no longer. Pulls are in it.',
          unit: 's',
          queries: [0.5, 0.9].map((share) => ({
            expr: quantile(share, 'gantry_task_start_duration_seconds'),
            legend: `${share * 100} %`,
          })),
          limits: { warnFrom: 10, badFrom: 60 },
        },
      ],
    },
  ],
};
