/** The API server: who asks what, how fast it is answered, what is refused. Its store is a file of its own. */
import type { Dashboard } from './dashboard.ts';
import { ofServers, quantileOfServers, rateOfServers, sharesOfServers } from './queries.ts';
import { processRow, storeRow } from './store.ts';

export const apiserver: Dashboard = {
  uid: 'gantry-apiserver',
  title: 'Gantry / API server and store',
  description: 'Who asks what, how fast it is answered, what is refused, and how the store is.',
  variables: ['server'],
  rows: [
    {
      title: 'At a glance',
      panels: [
        {
          kind: 'number',
          title: 'Answered without a fault of the server',
          description:
            'The share of requests of the last hour whose code is not 5xx, without probes and scrapes. The error budget is 0.1 %.',
          unit: 'percentunit',
          queries: [
            {
              expr: `1 - sum(increase(${ofServers('gantry_served_requests_total', 'result="failed"')}[1h])) / sum(increase(${ofServers('gantry_served_requests_total')}[1h]))`,
              legend: 'without a fault',
            },
          ],
          limits: { badBelow: 0.99, warnBelow: 0.999 },
          decimals: 2,
          whenNone: 'no requests',
        },
        {
          kind: 'number',
          title: '99 of 100 take no longer',
          description: 'Requests of the last minutes, watches and followed logs left out.',
          unit: 's',
          queries: [{ expr: quantileOfServers(0.99, 'apiserver_request_duration_seconds'), legend: 'p99' }],
          limits: { warnFrom: 0.5, badFrom: 1 },
          decimals: 3,
          whenNone: 'no requests',
        },
        {
          kind: 'number',
          title: 'Store',
          description: 'Bytes the store takes. `gantry store check` looks at it, `gantry backup` keeps it.',
          unit: 'bytes',
          queries: [{ expr: `max(${ofServers('gantry_store_size_bytes')})`, legend: 'size' }],
          whenNone: 'unknown',
        },
        {
          kind: 'number',
          title: 'Disk free',
          description:
            'Of the disk the store is on. Without room nothing can be written, and nothing changes any more.',
          unit: 'percentunit',
          queries: [
            {
              expr: `min(${ofServers('gantry_store_disk_free_bytes')} / ${ofServers('gantry_store_disk_size_bytes')})`,
              legend: 'free',
            },
          ],
          limits: { badBelow: 0.1, warnBelow: 0.2 },
          whenNone: 'no disk here',
        },
        {
          kind: 'number',
          title: 'Certificate that ends first',
          description:
            'Until a certificate of a server ends. Servers renew their own; the cluster CA is renewed by hand (docs/security.md).',
          unit: 's',
          queries: [{ expr: `min(${ofServers('gantry_certificate_remaining_seconds')})`, legend: 'left' }],
          limits: { badBelow: 7 * 86_400, warnBelow: 30 * 86_400 },
          whenNone: 'none',
        },
        {
          kind: 'number',
          title: 'History',
          description: 'How far back the past can be read: `gantry get … --at`, `gantry history`.',
          unit: 's',
          queries: [
            {
              expr: `min(${ofServers('gantry_store_history_seconds')})`,
              legend: 'back',
            },
          ],
          whenNone: 'unknown',
        },
      ],
    },
    {
      title: 'Requests',
      panels: [
        {
          kind: 'lines',
          title: 'By code',
          description:
            'A second. 429: somebody asks too much; 409: several write the same; 5xx: the log of the server says why.',
          unit: 'reqps',
          isStacked: true,
          queries: [
            { expr: `sum by (code) (${rateOfServers('apiserver_request_total')})`, legend: '{{code}}' },
          ],
        },
        {
          kind: 'lines',
          title: 'By door',
          description:
            'Through which of the ways in: kubernetes, tasks, dispatch, traces, jobs, worker or documents.',
          unit: 'reqps',
          isStacked: true,
          queries: [
            { expr: `sum by (door) (${rateOfServers('apiserver_request_total')})`, legend: '{{door}}' },
          ],
        },
        {
          kind: 'lines',
          title: 'By verb and resource',
          description: 'The ten that are asked for most.',
          unit: 'reqps',
          queries: [
            {
              expr: `topk(10, sum by (verb, resource) (${rateOfServers('apiserver_request_total')}))`,
              legend: '{{verb}} {{resource}}',
            },
          ],
        },
        {
          kind: 'lines',
          title: 'Faults of the server',
          description:
            'The share of requests answered with 5xx, without probes and scrapes. Its error budget is 0.1 %.',
          unit: 'percentunit',
          queries: [
            {
              expr: `sum(${rateOfServers('gantry_served_requests_total', 'result="failed"')}) / sum(${rateOfServers('gantry_served_requests_total')})`,
              legend: '5xx',
            },
          ],
          limits: { warnFrom: 0.001, badFrom: 0.01 },
        },
        {
          kind: 'lines',
          title: 'How long they take, by verb',
          description:
            '99 of 100 take no longer. Points are single requests with their trace, where exemplars are kept.',
          unit: 's',
          queries: [
            {
              expr: quantileOfServers(0.99, 'apiserver_request_duration_seconds', ['verb']),
              legend: '{{verb}}',
              exemplars: true,
            },
          ],
          limits: { warnFrom: 0.5, badFrom: 1 },
        },
        {
          kind: 'lines',
          title: 'How long they take, by door',
          description: '99 of 100 take no longer. The job runner over gRPC has a panel of its own.',
          unit: 's',
          queries: [
            {
              expr: quantileOfServers(0.99, 'apiserver_request_duration_seconds', ['door']),
              legend: '{{door}}',
            },
          ],
          limits: { warnFrom: 0.5, badFrom: 1 },
        },
        {
          kind: 'lines',
          title: 'Under way',
          description: 'Requests being answered now, and watches, followed logs and sessions that are open.',
          unit: 'short',
          queries: [
            {
              expr: `sum by (request_kind) (${ofServers('apiserver_current_inflight_requests')})`,
              legend: '{{request_kind}}',
            },
            { expr: `sum(${ofServers('apiserver_longrunning_requests')})`, legend: 'long-running' },
          ],
        },
        {
          kind: 'lines',
          title: 'Seats',
          description:
            'Requests that hold a seat and that wait for one, by priority level. Who waits is told in docs/operations.md.',
          unit: 'short',
          queries: [
            {
              expr: `sum by (priority_level) (${ofServers('apiserver_flowcontrol_current_executing_requests')})`,
              legend: '{{priority_level}}',
            },
            {
              expr: `sum by (priority_level) (${ofServers('apiserver_flowcontrol_current_inqueue_requests')})`,
              legend: '{{priority_level}} waiting',
            },
          ],
        },
        {
          kind: 'lines',
          title: 'Refused for want of a seat',
          description: 'Requests a second that got 429, by priority level and reason.',
          unit: 'reqps',
          queries: [
            {
              expr: `sum by (priority_level, reason) (${rateOfServers('apiserver_flowcontrol_rejected_requests_total')})`,
              legend: '{{priority_level}} {{reason}}',
              emptyWhile: 'no request was refused for want of a seat since the server began',
            },
          ],
          limits: { warnFrom: 0.1, badFrom: 1 },
        },
        {
          kind: 'lines',
          title: 'Writes refused by admission',
          description:
            'A minute, by resource, operation and reason: what is asked for is invalid, over a quota, or forbidden by a rule. The audit log names who and what.',
          unit: 'short',
          queries: [
            {
              expr: `60 * sum by (resource, operation, reason) (${rateOfServers('gantry_admission_refusals_total')})`,
              legend: '{{operation}} {{resource}} {{reason}}',
              emptyWhile: 'no write was refused since the server began',
            },
          ],
        },
        {
          kind: 'lines',
          title: 'Idempotency keys',
          description: 'Requests for a Run under a key, a minute: hit was answered with the Run made before.',
          unit: 'short',
          queries: [
            {
              expr: `60 * sum by (result) (${rateOfServers('gantry_idempotency_requests_total')})`,
              legend: '{{result}}',
            },
          ],
        },
        {
          kind: 'lines',
          title: 'Audit',
          description:
            'Audit events written a second, and those that were lost: of lost ones nobody can tell any more who did it.',
          unit: 'ops',
          queries: [
            { expr: `sum(${rateOfServers('apiserver_audit_event_total')})`, legend: 'written' },
            {
              expr: `sum by (reason) (${rateOfServers('apiserver_audit_error_total')})`,
              legend: 'lost: {{reason}}',
              emptyWhile: 'no audit event was lost since the server began',
            },
          ],
        },
      ],
    },
    {
      title: 'Watches',
      panels: [
        {
          kind: 'lines',
          title: 'Watchers',
          description: 'By kind, those inside the process too; the ten with the most.',
          unit: 'short',
          queries: [
            {
              expr: `topk(10, sum by (kind) (${ofServers('apiserver_registered_watchers')}))`,
              legend: '{{kind}}',
            },
          ],
        },
        {
          kind: 'lines',
          title: 'Events sent to watchers',
          description: 'A second over HTTP, by kind.',
          unit: 'ops',
          queries: [
            {
              expr: `sum by (kind) (${rateOfServers('apiserver_watch_events_total')})`,
              legend: '{{kind}}',
              emptyWhile: 'nobody watches over HTTP',
            },
          ],
        },
        {
          kind: 'lines',
          title: 'From commit to watcher',
          description:
            'How long changes take from being committed to being handed to watchers: half of them, and 99 of 100, no longer.',
          unit: 's',
          queries: sharesOfServers('gantry_watch_delivery_duration_seconds'),
          limits: { warnFrom: 0.25, badFrom: 1 },
        },
        {
          kind: 'lines',
          title: 'Watches that ended',
          description:
            'A minute, by reason. Expired and stalled are watchers that cannot keep up, or a history that is too short.',
          unit: 'short',
          queries: [
            {
              expr: `60 * sum by (reason) (${rateOfServers('gantry_watch_ended_total')})`,
              legend: '{{reason}}',
            },
          ],
        },
      ],
    },
    storeRow,
    processRow,
  ],
};
