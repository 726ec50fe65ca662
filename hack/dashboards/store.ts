/** The rows of the API server's page about its store, its other ways in, and its process. */
import type { Row } from './dashboard.ts';
import type { Query } from './panel.ts';
import { ofServers, quantileOfServers, rateOfServers, sharesOfServers } from './queries.ts';

const perServer = (metric: string): Query => ({ expr: ofServers(metric), legend: '{{instance}}' });
const NO_ETCD = 'the store is embedded and not an etcd';
const NO_GRPC = 'nobody calls the job runner over gRPC';

export const storeRow: Row = {
  title: 'Store',
  panels: [
    {
      kind: 'lines',
      title: 'How long commits take',
      description:
        'Until they are durable and answered: half of them, and 99 of 100, no longer. This is the disk.',
      unit: 's',
      queries: sharesOfServers('gantry_store_commit_duration_seconds'),
      limits: { warnFrom: 0.1, badFrom: 0.5 },
    },
    {
      kind: 'lines',
      title: 'Commits',
      description: 'A second, and how many of them share one flush to the disk.',
      unit: 'ops',
      queries: [
        { expr: `sum(${rateOfServers('gantry_store_commit_duration_seconds_count')})`, legend: 'commits' },
        {
          expr: `sum(${rateOfServers('gantry_store_commit_batch_size_sum')}) / sum(${rateOfServers('gantry_store_commit_batch_size_count')})`,
          legend: 'of one flush',
        },
      ],
    },
    {
      kind: 'lines',
      title: 'Commits that failed',
      description:
        'A second, by reason; failed preconditions are not among them. Any of them is worth a look at the log of the server.',
      unit: 'ops',
      queries: [
        {
          expr: `sum by (reason) (${rateOfServers('gantry_store_commit_failures_total')})`,
          legend: '{{reason}}',
          emptyWhile: 'no commit has failed since the server began',
        },
      ],
      limits: { badFrom: 0.01 },
    },
    {
      kind: 'lines',
      title: 'Size',
      description: 'Bytes the store takes, and where it ends: beyond the limit it takes no writes.',
      unit: 'bytes',
      queries: [
        perServer('gantry_store_size_bytes'),
        {
          expr: ofServers('gantry_store_size_limit_bytes'),
          legend: '{{instance}} limit',
          emptyWhile: 'the store has no limit',
        },
      ],
    },
    {
      kind: 'lines',
      title: 'Objects',
      description:
        'Stored objects by resource; the ten with the most. One that only grows is not cleaned up by anybody.',
      unit: 'short',
      queries: [
        {
          expr: `topk(10, max by (resource) (${ofServers('apiserver_storage_objects')}))`,
          legend: '{{resource}}',
        },
      ],
    },
    {
      kind: 'lines',
      title: 'Revisions',
      description: 'Writes a second, as the revision of the store counts them.',
      unit: 'ops',
      queries: [{ expr: `max(${rateOfServers('gantry_store_revision')})`, legend: 'writes' }],
    },
    {
      kind: 'lines',
      title: 'How long etcd takes',
      description: '99 of 100 calls take no longer, by operation.',
      unit: 's',
      queries: [
        {
          expr: quantileOfServers(0.99, 'gantry_etcd_request_duration_seconds', ['operation']),
          legend: '{{operation}}',
          emptyWhile: NO_ETCD,
        },
      ],
      limits: { warnFrom: 0.25, badFrom: 1 },
    },
    {
      kind: 'lines',
      title: 'Calls of etcd that failed',
      description: 'A second, by operation and reason, after all tries on its members.',
      unit: 'ops',
      queries: [
        {
          expr: `sum by (operation, reason) (${rateOfServers('gantry_etcd_request_errors_total')})`,
          legend: '{{operation}} {{reason}}',
          emptyWhile: NO_ETCD,
        },
      ],
      limits: { badFrom: 0.1 },
    },
  ],
};

export const processRow: Row = {
  title: 'Other ways in, and the process',
  panels: [
    {
      kind: 'lines',
      title: 'Calls of the job runner (gRPC)',
      description: 'A second, by method and code.',
      unit: 'reqps',
      queries: [
        {
          expr: `sum by (method, code) (${rateOfServers('gantry_grpc_calls_total')})`,
          legend: '{{method}} {{code}}',
          emptyWhile: NO_GRPC,
        },
      ],
    },
    {
      kind: 'lines',
      title: 'How long calls of the job runner take',
      description: '99 of 100 take no longer, by method; Tail, which takes as long as its job, is left out.',
      unit: 's',
      queries: [
        {
          expr: quantileOfServers(0.99, 'gantry_grpc_call_duration_seconds', ['method']),
          legend: '{{method}}',
          emptyWhile: NO_GRPC,
        },
      ],
      limits: { warnFrom: 0.5, badFrom: 1 },
    },
    {
      kind: 'lines',
      title: 'Traces',
      description:
        'Connections and subscriptions of the traces door that are open, and clients let go a minute, by cause.',
      unit: 'short',
      queries: [
        { expr: `sum(${ofServers('gantry_trace_connections')})`, legend: 'connections' },
        { expr: `sum(${ofServers('gantry_trace_subscriptions')})`, legend: 'subscriptions' },
        {
          expr: `60 * sum by (cause) (${rateOfServers('gantry_trace_dropped_total')})`,
          legend: 'let go: {{cause}}',
          emptyWhile: 'no client was let go since the server began',
        },
      ],
    },
    {
      kind: 'lines',
      title: 'Certificates',
      description: 'Until each ends, the one that ends first of each kind.',
      unit: 's',
      queries: [
        {
          expr: `min by (certificate) (${ofServers('gantry_certificate_remaining_seconds')})`,
          legend: '{{certificate}}',
        },
      ],
      limits: { badBelow: 7 * 86_400, warnBelow: 30 * 86_400 },
    },
    {
      kind: 'lines',
      title: 'Memory',
      description: 'Of the process in RAM, and its JavaScript heap.',
      unit: 'bytes',
      queries: [
        { expr: ofServers('process_resident_memory_bytes'), legend: '{{instance}}' },
        { expr: ofServers('nodejs_heap_size_used_bytes'), legend: '{{instance}} heap' },
      ],
      limits: { warnFrom: 2 ** 30, badFrom: 2 ** 31 },
    },
    {
      kind: 'lines',
      title: 'CPU, and lag of the event loop',
      description:
        'Processors used, and how late, in seconds, 99 of 100 turns of the event loop were at most: above 0.1 everything is slow.',
      unit: 'none',
      queries: [
        { expr: rateOfServers('process_cpu_seconds_total'), legend: '{{instance}}' },
        {
          expr: ofServers('nodejs_eventloop_lag_p99_seconds'),
          legend: '{{instance}} lag',
        },
      ],
      limits: { warnFrom: 0.8, badFrom: 1.5 },
    },
  ],
};
