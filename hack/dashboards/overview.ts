/** The first page: is what I declared running, and if not, what is it that is not? */
import type { Dashboard } from './dashboard.ts';
import { rateOfAll, state, taskLinks, tasksetLinks, toDashboard, workerLinks } from './queries.ts';

const NOT_WELL = 'phase=~"Pending|Failed|Unknown"';
const tasks = toDashboard('Tasks', 'gantry-tasks');
const workers = toDashboard('Workers', 'gantry-workers');
const server = toDashboard('API server and store', 'gantry-apiserver');
const scheduler = toDashboard('Controllers and scheduler', 'gantry-controllers');
const jobs = toDashboard('Jobs and runs', 'gantry-jobs');

export const overview: Dashboard = {
  uid: 'gantry-overview',
  title: 'Gantry / Overview',
  description: 'Is what was declared what runs?',
  variables: ['namespace'],
  rows: [
    {
      title: 'Is what I declared running?',
      panels: [
        {
          kind: 'number',
          title: 'Replicas ready',
          description:
            'Ready Tasks of all TaskSets, of those asked for. Below 100 %: a rollout is under way, or Tasks do not come up. `gantry get tasksets -A`.',
          unit: 'percentunit',
          queries: [
            {
              expr: `sum(${state('gantry_taskset_status_replicas_ready', 'namespace')}) / sum(${state('gantry_taskset_spec_replicas', 'namespace')})`,
              legend: 'ready',
            },
          ],
          limits: { badBelow: 0.9, warnBelow: 1 },
          whenNone: 'no TaskSets',
          links: [tasks],
        },
        {
          kind: 'number',
          title: 'Tasks not well',
          description:
            'Tasks that are Pending, Failed or Unknown. They are named in the table below. `gantry get tasks -A`, then `gantry why task/NAME`.',
          unit: 'short',
          queries: [
            {
              expr: `sum(${state('gantry_task_status_phase', 'namespace', NOT_WELL)})`,
              legend: 'not well',
            },
          ],
          limits: { warnFrom: 1, badFrom: 5 },
          whenNone: 'no Tasks',
          links: [tasks],
        },
        {
          kind: 'number',
          title: 'Workers not ready',
          description:
            'Workers whose condition Ready is not true: their Tasks are moved away after a while. `gantry get workers`, `gantry why worker/NAME`.',
          unit: 'short',
          queries: [
            {
              expr: `sum(${state('gantry_worker_status_condition', undefined, 'condition="Ready", status!="true"')})`,
              legend: 'not ready',
            },
          ],
          limits: { badFrom: 1 },
          whenNone: 'no Workers',
          links: [workers],
        },
        {
          kind: 'number',
          title: 'Runs failed, last hour',
          description:
            'Runs that ended as failed within the last hour. `gantry get runs -A`, `gantry why run/NAME`.',
          unit: 'short',
          queries: [
            {
              expr: 'sum(increase(gantry_runs_ended_total{state="failed"}[1h]))',
              legend: 'failed',
            },
          ],
          limits: { warnFrom: 1, badFrom: 5 },
          whenNone: 'none',
          links: [jobs],
        },
        {
          kind: 'number',
          title: 'Control plane answers',
          description:
            'The share of API servers that Prometheus could scrape. Below 100 % a server is down, or Prometheus is not let in: see Targets in Prometheus.',
          unit: 'percentunit',
          queries: [{ expr: 'avg(up{job="gantry"})', legend: 'up' }],
          limits: { badBelow: 0.5, warnBelow: 1 },
          whenNone: 'not scraped',
          links: [server],
        },
        {
          kind: 'number',
          title: 'Alerts firing',
          description:
            'Alerts of Gantry that fire now. Each has a page that says what to do: follow runbook_url of the alert.',
          unit: 'short',
          queries: [
            {
              expr: 'count(ALERTS{alertname=~"Gantry.+", alertstate="firing"})',
              legend: 'firing',
              emptyWhile: 'no alert fires',
            },
          ],
          limits: { badFrom: 1 },
          whenNone: 'none',
        },
      ],
    },
    {
      title: 'What is not as declared',
      panels: [
        {
          kind: 'table',
          title: 'Tasks that are Pending, Failed or Unknown',
          description:
            'At most fifty. Each row leads to its Task, its log, its history, and the answer to why. On a terminal: `gantry why task/NAME -n NAMESPACE`, `gantry logs NAME -n NAMESPACE`.',
          unit: 'short',
          queries: [
            {
              expr: `topk(50, max by (namespace, task, phase) (${state('gantry_task_status_phase', 'namespace', NOT_WELL)}) == 1)`,
              legend: '',
              emptyWhile: 'all Tasks are well',
            },
          ],
          links: taskLinks,
        },
        {
          kind: 'table',
          title: 'TaskSets that have not what they ask for',
          description:
            'How many Tasks are missing or not yet available. `gantry rollout status taskset/NAME`, `gantry why taskset/NAME`.',
          unit: 'short',
          queries: [
            {
              expr: `topk(50, max by (namespace, taskset) (${state('gantry_taskset_status_replicas_unavailable', 'namespace')}) > 0)`,
              legend: 'Missing',
              emptyWhile: 'every TaskSet has the Tasks it asks for',
            },
          ],
          limits: { warnFrom: 1, badFrom: 3 },
          links: tasksetLinks,
        },
        {
          kind: 'lines',
          title: 'Tasks by phase',
          description:
            'All Tasks, by the phase they are in. Much Pending for long: see Controllers and scheduler.',
          unit: 'short',
          isStacked: true,
          queries: [
            {
              expr: `sum by (phase) (${state('gantry_task_status_phase', 'namespace')})`,
              legend: '{{phase}}',
            },
          ],
          links: [tasks],
        },
        {
          kind: 'lines',
          title: 'Why Tasks wait or have ended',
          description:
            'Tasks by the reason of their state: CrashLoopBackOff, Unschedulable, ImagePullBackOff and so on. `gantry why task/NAME` tells the whole chain.',
          unit: 'short',
          isStacked: true,
          queries: [
            {
              expr: `sum by (reason) (${state('gantry_task_status_reason', 'namespace')})`,
              legend: '{{reason}}',
              emptyWhile: 'no Task waits and none has ended',
            },
          ],
          links: [tasks, scheduler],
        },
        {
          kind: 'lines',
          title: 'Restarts by namespace',
          description:
            'Containers started again, a minute. A steady line is a Task that crashes again and again: `gantry get tasks -n NAMESPACE`.',
          unit: 'short',
          queries: [
            {
              expr: `60 * sum by (namespace) (rate(gantry_task_status_restarts_total{namespace=~"$namespace"}[$__rate_interval]))`,
              legend: '{{namespace}}',
            },
          ],
          limits: { warnFrom: 1, badFrom: 10 },
          links: [tasks],
        },
        {
          kind: 'table',
          title: 'Workers that are not ready',
          description:
            'By the status of their condition Ready: false says so itself, unknown was not heard of. `gantry why worker/NAME`.',
          unit: 'short',
          queries: [
            {
              expr: `max by (worker, status) (${state('gantry_worker_status_condition', undefined, 'condition="Ready", status!="true"')}) == 1`,
              legend: '',
              emptyWhile: 'every Worker is ready',
            },
          ],
          limits: { badFrom: 1 },
          links: workerLinks,
        },
      ],
    },
    {
      title: 'What there is room for, and how the control plane is',
      panels: [
        {
          kind: 'lines',
          title: 'CPU asked for, of what Workers give',
          description:
            'What bound Tasks request, of what is allocatable. Near 100 % new Tasks stay Pending with InsufficientCPU.',
          unit: 'percentunit',
          queries: [allocated('cpu')],
          limits: { warnFrom: 0.8, badFrom: 0.95 },
          width: 8,
          links: [workers],
        },
        {
          kind: 'lines',
          title: 'Memory asked for, of what Workers give',
          description:
            'What bound Tasks request, of what is allocatable. Near 100 % new Tasks stay Pending with InsufficientMemory.',
          unit: 'percentunit',
          queries: [allocated('memory')],
          limits: { warnFrom: 0.8, badFrom: 0.95 },
          width: 8,
          links: [workers],
        },
        {
          kind: 'lines',
          title: 'Requests by code',
          description: 'Requests a second that all API servers answered, by HTTP status code.',
          unit: 'reqps',
          queries: [
            {
              expr: `sum by (code) (${rateOfAll('apiserver_request_total')})`,
              legend: '{{code}}',
            },
          ],
          width: 8,
          links: [server],
        },
      ],
    },
  ],
};

function allocated(resource: 'cpu' | 'memory'): { expr: string; legend: string } {
  const of = (metric: string): string =>
    `max by (worker) (${state(metric, undefined, `resource="${resource}"`)})`;
  return {
    expr: `${of('gantry_worker_status_allocated')} / ${of('gantry_worker_status_allocatable')}`,
    legend: '{{worker}}',
  };
}
