/** Tasks and TaskSets: how they are, what they take, how far rollouts are. */
import type { Dashboard } from './dashboard.ts';
import type { Query } from './panel.ts';
import { ofContainers, rate, state, taskLinks, tasksetLinks } from './queries.ts';

const BY_TASK = 'namespace, task';
const BY_POD = 'namespace, pod';
/** More lines than these say nothing; the variables narrow to the one that matters. */
const LINES = 20;
const top = (expr: string): string => `topk(${LINES}, ${expr})`;
const use = (series: string): Query => ({
  expr: top(`sum by (${BY_POD}) (${series})`),
  legend: '{{namespace}}/{{pod}}',
});

export const tasks: Dashboard = {
  uid: 'gantry-tasks',
  title: 'Gantry / Tasks',
  description: 'How Tasks are, what their containers take, and how far TaskSets are with their rollouts.',
  variables: ['namespace', 'task'],
  rows: [
    {
      title: 'How they are',
      panels: [
        {
          kind: 'table',
          title: 'Tasks',
          description:
            'At most a hundred: narrow with the variables. Each row leads to its log, its history and the answer to why. On a terminal: `gantry logs NAME -n NAMESPACE --previous`, `gantry why task/NAME -n NAMESPACE`.',
          unit: 'short',
          queries: [
            {
              expr: `topk(100, max by (${BY_TASK}, worker, image, owner_kind, owner_name) (${state('gantry_task_info', 'task')}))`,
              legend: '',
            },
          ],
          width: 16,
          links: taskLinks,
        },
        {
          kind: 'table',
          title: 'Phase and reason',
          description:
            'Why a Task waits, or how it ended. `gantry why task/NAME -n NAMESPACE` tells the whole chain.',
          unit: 'short',
          queries: [
            {
              expr: `topk(100, max by (${BY_TASK}, reason) (${state('gantry_task_status_reason', 'task')}))`,
              legend: '',
              emptyWhile: 'no Task waits and none has ended',
            },
          ],
          width: 8,
          links: taskLinks,
        },
        {
          kind: 'lines',
          title: 'Tasks by phase',
          description:
            'Of the Tasks that the variables name. Pending for long is a question for `gantry why`.',
          unit: 'short',
          isStacked: true,
          queries: [
            { expr: `sum by (phase) (${state('gantry_task_status_phase', 'task')})`, legend: '{{phase}}' },
          ],
        },
        {
          kind: 'lines',
          title: 'Running, but not ready',
          description:
            'Tasks whose container runs and whose readiness probe does not succeed: nothing is sent to them. `gantry why task/NAME` shows the probe.',
          unit: 'short',
          queries: [
            {
              expr: `sum by (namespace) (max by (${BY_TASK}) (${state('gantry_task_status_phase', 'task', 'phase="Running"')}) * on (${BY_TASK}) (1 - max by (${BY_TASK}) (${state('gantry_task_status_ready', 'task')})))`,
              legend: '{{namespace}}',
            },
          ],
          limits: { warnFrom: 1, badFrom: 5 },
        },
        {
          kind: 'lines',
          title: 'Restarts',
          description:
            'Containers of a Task started again, a minute; the twenty with the most. `gantry logs NAME --previous` shows the last words of the one before.',
          unit: 'short',
          queries: [
            {
              expr: top(
                `60 * max by (${BY_TASK}) (${rate('gantry_task_status_restarts_total{namespace=~"$namespace", task=~"$task"}')}) > 0`,
              ),
              legend: '{{namespace}}/{{task}}',
              emptyWhile: 'nothing is restarted',
            },
          ],
          limits: { warnFrom: 0.2, badFrom: 1 },
        },
        {
          kind: 'table',
          title: 'Exit codes that are not 0',
          description:
            'Of the container that ended last. 137 is SIGKILL (often the memory limit), 143 SIGTERM, 127 a command that is not in the image. `gantry logs NAME --attempts` lists every end.',
          unit: 'none',
          queries: [
            {
              expr: `topk(100, max by (${BY_TASK}) (${state('gantry_task_status_last_exit_code', 'task')}) > 0)`,
              legend: 'Exit code',
              emptyWhile: 'no container has failed',
            },
          ],
          limits: { badFrom: 1 },
          links: taskLinks,
        },
      ],
    },
    {
      title: 'TaskSets',
      panels: [
        {
          kind: 'lines',
          title: 'Replicas',
          description:
            'Asked for, there, ready, and of the newest revision. `gantry rollout status taskset/NAME` follows a rollout.',
          unit: 'short',
          queries: [
            replicas('gantry_taskset_spec_replicas', 'asked for'),
            replicas('gantry_taskset_status_replicas', 'there'),
            replicas('gantry_taskset_status_replicas_ready', 'ready'),
            replicas('gantry_taskset_status_replicas_updated', 'of the newest revision'),
          ],
        },
        {
          kind: 'table',
          title: 'Rollouts',
          description:
            'How the change to the newest revision stands: the condition Progressing. False is stuck or given up. `gantry rollout undo taskset/NAME` goes back.',
          unit: 'short',
          queries: [
            {
              expr: `max by (namespace, taskset, status, reason) (${state('gantry_taskset_status_condition', 'namespace', 'condition="Progressing"')}) == 1`,
              legend: '',
            },
          ],
          links: tasksetLinks,
        },
      ],
    },
    {
      title: 'What their containers take',
      panels: [
        {
          kind: 'lines',
          title: 'CPU',
          description: 'Processors used; the twenty that use the most. A pod is a Task here.',
          unit: 'none',
          queries: [use(rate(ofContainers('container_cpu_usage_seconds_total')))],
        },
        {
          kind: 'lines',
          title: 'CPU, of the limit',
          description:
            'What is used of resources.limits.cpu. At 100 % the container is held back: it gets slow, it is not killed.',
          unit: 'percentunit',
          queries: [
            {
              expr: top(
                `sum by (${BY_TASK}) (label_replace(${rate(ofContainers('container_cpu_usage_seconds_total'))}, "task", "$1", "pod", "(.*)")) / max by (${BY_TASK}) (${state('gantry_task_resource_limits', 'task', 'resource="cpu"')})`,
              ),
              legend: '{{namespace}}/{{task}}',
              emptyWhile: 'no running Task has a CPU limit',
            },
          ],
          limits: { warnFrom: 0.8, badFrom: 0.95 },
        },
        {
          kind: 'lines',
          title: 'CPU held back',
          description:
            'How long of each second the limit kept containers from running, over all their threads. Raise resources.limits.cpu of those that should not wait.',
          unit: 's',
          queries: [use(rate(ofContainers('container_cpu_cfs_throttled_seconds_total')))],
          limits: { warnFrom: 0.25, badFrom: 1 },
        },
        {
          kind: 'lines',
          title: 'Memory',
          description: 'The working set: what cannot be dropped, and what counts against the limit.',
          unit: 'bytes',
          queries: [use(ofContainers('container_memory_working_set_bytes'))],
        },
        {
          kind: 'lines',
          title: 'Memory, of the limit',
          description:
            'What is used of resources.limits.memory. At 100 % the kernel kills: the Task ends with OOMKilled, exit code 137.',
          unit: 'percentunit',
          queries: [
            {
              expr: top(
                `sum by (${BY_POD}) (${ofContainers('container_memory_working_set_bytes')}) / (sum by (${BY_POD}) (${ofContainers('container_spec_memory_limit_bytes')}) > 0)`,
              ),
              legend: '{{namespace}}/{{pod}}',
              emptyWhile: 'no running Task has a memory limit',
            },
          ],
          limits: { warnFrom: 0.8, badFrom: 0.95 },
        },
        {
          kind: 'lines',
          title: 'Killed for want of memory',
          description:
            'How often the kernel killed something in containers, an hour. `gantry why task/NAME`.',
          unit: 'short',
          queries: [
            {
              expr: top(`3600 * sum by (${BY_POD}) (${rate(ofContainers('container_oom_events_total'))})`),
              legend: '{{namespace}}/{{pod}}',
            },
          ],
          limits: { badFrom: 1 },
        },
        {
          kind: 'lines',
          title: 'Network',
          description:
            'Bytes a second received and sent. Tasks on the network of the machine have none of their own.',
          unit: 'binBps',
          queries: [
            {
              ...use(rate(ofContainers('container_network_receive_bytes_total'))),
              legend: '{{pod}} received',
            },
            { ...use(rate(ofContainers('container_network_transmit_bytes_total'))), legend: '{{pod}} sent' },
          ],
        },
        {
          kind: 'lines',
          title: 'Packets lost',
          description:
            'Errors and dropped packets a second, both ways. Anything that stays above zero is worth a look.',
          unit: 'pps',
          queries: [
            use(
              [
                'container_network_receive_errors_total',
                'container_network_receive_packets_dropped_total',
                'container_network_transmit_errors_total',
                'container_network_transmit_packets_dropped_total',
              ]
                .map((metric) => rate(ofContainers(metric)))
                .join(' + '),
            ),
          ],
          limits: { warnFrom: 1, badFrom: 100 },
        },
        {
          kind: 'lines',
          title: 'Disk',
          description:
            'Bytes a second read from and written to block devices. What the page cache answers is not in it.',
          unit: 'binBps',
          queries: [
            {
              ...use(rate(ofContainers('container_fs_reads_bytes_total'))),
              legend: '{{pod}} read',
              emptyWhile: 'no container has touched a block device',
            },
            {
              ...use(rate(ofContainers('container_fs_writes_bytes_total'))),
              legend: '{{pod}} written',
              emptyWhile: 'no container has touched a block device',
            },
          ],
        },
        {
          kind: 'lines',
          title: 'Processes',
          description:
            'In each container. One that only grows leaves children behind: resources.limits.pids bounds it.',
          unit: 'short',
          queries: [use(ofContainers('container_processes'))],
        },
      ],
    },
  ],
};

function replicas(metric: string, what: string): Query {
  return {
    expr: top(`max by (namespace, taskset) (${state(metric, 'namespace')})`),
    legend: `{{taskset}} ${what}`,
  };
}
