/** Workers: what they have, what is asked of them, what they use, and how their engines and agents do. */
import type { Dashboard } from './dashboard.ts';
import type { Query } from './panel.ts';
import { ofWorkers, quantile, rate, rateOfAll, state, workerLinks } from './queries.ts';

const perWorker = (metric: string, more?: string): string =>
  `max by (worker) (${state(metric, 'worker', more)})`;
const ofInstance = (expr: string, legend = '{{instance}}'): Query => ({ expr, legend });
const room = (resource: 'cpu' | 'memory'): readonly Query[] =>
  (['allocated', 'allocatable', 'capacity'] as const).map((what) => ({
    expr: perWorker(`gantry_worker_status_${what}`, `resource="${resource}"`),
    legend: `{{worker}} ${what}`,
  }));

export const workers: Dashboard = {
  uid: 'gantry-workers',
  title: 'Gantry / Workers',
  description:
    'What Workers have, what is asked of them, what they use, and how their engines and agents do.',
  variables: ['worker'],
  rows: [
    {
      title: 'Which there are',
      panels: [
        {
          kind: 'table',
          title: 'Workers',
          description:
            '`gantry describe worker NAME` tells everything of one, `gantry why worker/NAME` what is wrong with it.',
          unit: 'short',
          queries: [
            {
              expr: `max by (worker, os, arch, kernel_version, docker_version, agent_version) (${state('gantry_worker_info', 'worker')})`,
              legend: '',
            },
          ],
          width: 14,
          links: workerLinks,
        },
        {
          kind: 'table',
          title: 'Conditions',
          description:
            'Ready and RuntimeReady should be true, MemoryPressure and DiskPressure false. Unknown: not heard of, its lease has run out.',
          unit: 'short',
          queries: [
            {
              expr: `max by (worker, condition, status) (${state('gantry_worker_status_condition', 'worker')}) == 1`,
              legend: '',
            },
          ],
          width: 10,
          links: workerLinks,
        },
        {
          kind: 'number',
          title: 'Cordoned',
          description: 'Workers that take no new Tasks because somebody said so. `kubectl uncordon NAME`.',
          unit: 'short',
          queries: [{ expr: `sum(${perWorker('gantry_worker_spec_unschedulable')})`, legend: 'cordoned' }],
          limits: { warnFrom: 1, badFrom: 3 },
          width: 6,
          whenNone: 'no Workers',
        },
        {
          kind: 'number',
          title: 'Since the last heartbeat',
          description:
            'The longest of all agents, when they were last scraped: since the lease of the Worker was renewed. After --lease-duration-seconds (12 s) it counts as lost.',
          unit: 's',
          queries: [
            {
              expr: 'max(timestamp(gantry_heartbeat_last_success_timestamp_seconds) - gantry_heartbeat_last_success_timestamp_seconds)',
              legend: 'seconds',
            },
          ],
          limits: { warnFrom: 8, badFrom: 12 },
          width: 6,
          whenNone: 'no agent is scraped',
        },
        {
          kind: 'number',
          title: 'Containers scraped',
          description: 'The share of Workers whose containers Prometheus could read.',
          unit: 'percentunit',
          queries: [{ expr: 'avg(up{job="gantry-containers"})', legend: 'up' }],
          limits: { badBelow: 0.5, warnBelow: 1 },
          width: 6,
          whenNone: 'not scraped',
        },
        {
          kind: 'number',
          title: 'Taints',
          description:
            'Taints of all Workers: Tasks that do not tolerate one are not placed there. `gantry describe worker NAME`.',
          unit: 'short',
          queries: [
            {
              expr: `count(${state('gantry_worker_spec_taint', 'worker')})`,
              legend: 'taints',
              emptyWhile: 'no Worker has a taint',
            },
          ],
          limits: { warnFrom: 1, badFrom: 10 },
          width: 6,
          whenNone: 'none',
        },
      ],
    },
    {
      title: 'Room',
      panels: [
        {
          kind: 'lines',
          title: 'CPU: asked for, to be had, there',
          description:
            'In processors. Where what is asked for reaches what is to be had, nothing more is placed.',
          unit: 'none',
          queries: room('cpu'),
        },
        {
          kind: 'lines',
          title: 'Memory: asked for, to be had, there',
          description: 'Where what is asked for reaches what is to be had, nothing more is placed.',
          unit: 'bytes',
          queries: room('memory'),
        },
        {
          kind: 'lines',
          title: 'CPU that containers use',
          description:
            'Of the processors of the machine. Much lower than what is asked for: requests are too large.',
          unit: 'percentunit',
          queries: [
            {
              expr: `sum by (worker) (${rate(ofWorkers('container_cpu_usage_seconds_total'))}) / max by (worker) (${ofWorkers('machine_cpu_cores')})`,
              legend: '{{worker}}',
            },
          ],
          limits: { warnFrom: 0.8, badFrom: 0.95 },
          max: 1,
        },
        {
          kind: 'lines',
          title: 'Memory that containers use',
          description: 'Working sets, of the memory of the machine. What else runs there is not in it.',
          unit: 'percentunit',
          queries: [
            {
              expr: `sum by (worker) (${ofWorkers('container_memory_working_set_bytes')}) / max by (worker) (${ofWorkers('machine_memory_bytes')})`,
              legend: '{{worker}}',
            },
          ],
          limits: { warnFrom: 0.8, badFrom: 0.95 },
          max: 1,
        },
        {
          kind: 'lines',
          title: 'Tasks',
          description: 'Tasks bound to each Worker, whatever their phase.',
          unit: 'short',
          isStacked: true,
          queries: [{ expr: perWorker('gantry_worker_status_tasks'), legend: '{{worker}}' }],
        },
        {
          kind: 'lines',
          title: 'Containers',
          description: 'That run on each Worker, as counted when they were read.',
          unit: 'short',
          isStacked: true,
          queries: [
            {
              expr: `count by (worker) (${ofWorkers('container_start_time_seconds')})`,
              legend: '{{worker}}',
            },
          ],
        },
      ],
    },
    {
      title: 'Engine and agent (of all servers that have a Worker)',
      panels: [
        {
          kind: 'lines',
          title: 'Operations of the engine',
          description:
            'Operations of container engines a second, by operation. What reads and lists is in it.',
          unit: 'ops',
          queries: [
            ofInstance(`sum by (operation) (${rate('gantry_runtime_operations_total')})`, '{{operation}}'),
          ],
        },
        {
          kind: 'lines',
          title: 'Operations that failed',
          description:
            'A second, by operation and reason. NotFound and Conflict come with the work; Unavailable is an engine that is down.',
          unit: 'ops',
          queries: [
            {
              expr: `sum by (operation, reason) (${rate('gantry_runtime_operation_errors_total')})`,
              legend: '{{operation}} {{reason}}',
              emptyWhile: 'no operation has failed since the agent began',
            },
          ],
          limits: { warnFrom: 0.1, badFrom: 1 },
        },
        {
          kind: 'lines',
          title: 'How long the engine takes',
          description: '99 of 100 operations take no longer, by operation.',
          unit: 's',
          queries: [
            ofInstance(
              quantile(0.99, 'gantry_runtime_operation_duration_seconds', ['operation']),
              '{{operation}}',
            ),
          ],
          limits: { warnFrom: 5, badFrom: 30 },
        },
        {
          kind: 'lines',
          title: 'Drift repaired, orphans removed',
          description:
            'What hands did to containers and Gantry put right, a minute, by kind of drift. Much of it: something else manages these containers, too.',
          unit: 'short',
          queries: [
            {
              expr: `60 * sum by (kind) (${rate('gantry_task_drift_repaired_total')})`,
              legend: '{{kind}}',
            },
            { expr: `60 * sum(${rate('gantry_orphans_removed_total')})`, legend: 'orphans' },
          ],
          limits: { warnFrom: 1, badFrom: 10 },
        },
        {
          kind: 'lines',
          title: 'Pulls of images',
          description:
            'A minute by result, and how many are under way. Errors: `gantry get tasks -A` shows ErrImagePull.',
          unit: 'short',
          queries: [
            { expr: `60 * sum by (result) (${rate('gantry_image_pulls_total')})`, legend: '{{result}}' },
            { expr: 'sum(gantry_image_pulls_in_progress)', legend: 'under way' },
          ],
        },
        {
          kind: 'lines',
          title: 'How long pulls take',
          description: 'Half of them, and 90 of 100, take no longer; those that failed are not in it.',
          unit: 's',
          queries: [0.5, 0.9].map((share) => ({
            expr: quantile(share, 'gantry_image_pull_duration_seconds'),
            legend: `${share * 100} %`,
            emptyWhile: 'no image is pulled',
          })),
          limits: { warnFrom: 60, badFrom: 300 },
        },
        {
          kind: 'lines',
          title: 'Probes',
          description: 'A second, by type and result. Failed Liveness probes restart containers.',
          unit: 'ops',
          queries: [
            {
              expr: `sum by (probe_type, result) (${rateOfAll('prober_probe_total')})`,
              legend: '{{probe_type}} {{result}}',
              emptyWhile: 'no Task has a probe',
            },
          ],
        },
        {
          kind: 'lines',
          title: 'Restarts by reason',
          description: 'A minute: why the containers before them ended.',
          unit: 'short',
          queries: [
            {
              expr: `60 * sum by (reason) (${rate('gantry_task_restarts_total')})`,
              legend: '{{reason}}',
              emptyWhile: 'nothing was restarted since the agent began',
            },
          ],
          limits: { warnFrom: 1, badFrom: 10 },
        },
        {
          kind: 'lines',
          title: 'Heartbeats that failed',
          description:
            'A minute. The agent cannot reach the API: a Worker is lost when they fail for --lease-duration-seconds (12 s).',
          unit: 'short',
          queries: [ofInstance(`60 * sum by (instance) (${rate('gantry_heartbeat_failures_total')})`)],
          limits: { warnFrom: 1, badFrom: 4 },
        },
        {
          kind: 'lines',
          title: 'Logs kept of removed containers',
          description: 'Bytes on the disk of the agent; --log-retention-bytes bounds them.',
          unit: 'bytes',
          queries: [ofInstance('gantry_log_archive_bytes')],
          limits: { warnFrom: 0.9 * 2 ** 30, badFrom: 1.1 * 2 ** 30 },
        },
        {
          kind: 'lines',
          title: 'Images removed to make room',
          description:
            'An hour, and looks at the images that failed. Much of it: the disk of the engine is too small.',
          unit: 'short',
          queries: [
            { expr: `3600 * sum(${rate('gantry_image_gc_removed_total')})`, legend: 'removed' },
            { expr: `3600 * sum(${rate('gantry_image_gc_failures_total')})`, legend: 'failed' },
          ],
          limits: { warnFrom: 10, badFrom: 100 },
        },
      ],
    },
  ],
};
