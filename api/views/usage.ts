/**
 * metrics.k8s.io/v1beta1: what Tasks and Workers use now (`kubectl top`). Nothing of it is stored: every read asks the
 * workers. A worker that does not answer is left out, as Kubernetes' metrics server leaves out what it has no sample of.
 */
import type { Clock } from '../../machinery/clock.ts';
import { ApiError, notFound } from '../../machinery/errors.ts';
import { GROUP_MASTERS, type Identity } from '../../machinery/identity.ts';
import { apiVersionOf, type DynamicObject } from '../../machinery/meta.ts';
import { parseFieldSelector, parseLabelSelector } from '../../machinery/selectors.ts';
import type { TaskUsage, WorkerLink, WorkerUsage } from '../../machinery/workerlink.ts';
import type { Schema } from '../../schemas/crd.ts';
import { workers } from '../../schemas/kinds.ts';
import type { Worker } from '../../schemas/types.gen.ts';
import type { Registry, ServedKind } from '../registry/types.ts';
import type { LiveKind } from './live.ts';

export interface UsageDeps {
  readonly registry: Pick<Registry, 'as' | 'authorize'>;
  readonly workerLink: Pick<WorkerLink, 'usage'>;
  readonly clock: Clock;
}

/** Reads the list of workers; what of it is told is for the caller's own permissions on metrics.k8s.io. */
const READER: Identity = { name: 'system:metrics', groups: [GROUP_MASTERS] };
const GROUP = 'metrics.k8s.io';
const VERSION = 'v1beta1';

const quantities: Schema = {
  type: 'object',
  description: 'cpu in cores and memory in bytes.',
  additionalProperties: { 'x-kubernetes-int-or-string': true },
};
const common: Readonly<Record<string, Schema>> = {
  apiVersion: { type: 'string', description: 'metrics.k8s.io/v1beta1.' },
  kind: { type: 'string', description: 'The kind of this object.' },
  metadata: { type: 'object', description: 'Standard object metadata.' },
  timestamp: { type: 'string', format: 'date-time', description: 'End of the time this was measured over.' },
  window: { type: 'string', description: 'How long it was measured over.' },
};

function kindOf(
  plural: string,
  kind: string,
  namespaced: boolean,
  properties: Schema['properties'],
): ServedKind {
  return {
    group: GROUP,
    version: VERSION,
    plural,
    kind,
    namespaced,
    singular: '',
    listKind: `${kind}List`,
    shortNames: [],
    categories: [],
    verbs: ['get', 'list'],
    columns: [],
    definition: {
      name: VERSION,
      served: true,
      storage: false,
      schema: {
        openAPIV3Schema: {
          type: 'object',
          description: `${kind} is what was used on average over the window.`,
          properties: { ...common, ...properties },
        },
      },
    },
    subresources: [],
  };
}

const nodeMetrics = kindOf('nodes', 'NodeMetrics', false, { usage: quantities });
const podMetrics = kindOf('pods', 'PodMetrics', true, {
  containers: {
    type: 'array',
    description: 'The one container of the task.',
    items: {
      type: 'object',
      properties: { name: { type: 'string', description: "The task's name." }, usage: quantities },
    },
  },
});

export function openUsageKinds(deps: UsageDeps): readonly LiveKind[] {
  return [newLiveKind(nodeMetrics, deps, nodesOf), newLiveKind(podMetrics, deps, podsOf)];
}

type Told = Readonly<{ worker: Worker; usage: WorkerUsage }>;

function newLiveKind(
  kind: ServedKind,
  deps: UsageDeps,
  tell: (told: Told) => readonly DynamicObject[],
): LiveKind {
  const { registry } = deps;
  return {
    kind,
    async get(context, key, signal) {
      registry.authorize(context, { verb: 'get', group: kind.group, resource: kind.plural, ...key });
      const all = await readAll(deps, kind === nodeMetrics ? key.name : undefined, signal);
      const found = all
        .flatMap(tell)
        .find(({ metadata }) => metadata.name === key.name && metadata.namespace === key.namespace);
      if (found === undefined) throw notFound(kind, key.name);
      return found;
    },
    async list(context, { namespace, labelSelector, fieldSelector, signal }) {
      const where = namespace === undefined ? {} : { namespace };
      registry.authorize(context, { verb: 'list', group: kind.group, resource: kind.plural, ...where });
      const hasLabels = parseLabelSelector(labelSelector);
      const hasFields = parseFieldSelector(fieldSelector, ['metadata.name', 'metadata.namespace']);
      const all = await readAll(deps, undefined, signal);
      return all
        .flatMap(tell)
        .filter(
          ({ metadata }) =>
            (namespace === undefined || metadata.namespace === namespace) &&
            hasLabels(metadata.labels) &&
            hasFields((field) => (field === 'metadata.name' ? metadata.name : metadata.namespace)),
        )
        .sort((a, b) => compareText(placeOf(a), placeOf(b)));
    },
  };
}

/** A worker that has not answered by then is left out. */
const PATIENCE_MS = 10_000;

async function readAll(
  { registry, workerLink, clock }: UsageDeps,
  only: string | undefined,
  callerSignal: AbortSignal | undefined,
): Promise<readonly Told[]> {
  const overdue = new AbortController();
  const timer = clock.after(PATIENCE_MS, () => overdue.abort());
  const signal =
    callerSignal === undefined ? overdue.signal : AbortSignal.any([callerSignal, overdue.signal]);
  const { items } = await registry.as(READER).list(workers, { signal });
  const asked = items.filter(({ metadata }) => only === undefined || metadata.name === only);
  const answers = await Promise.allSettled(
    asked.map(async (worker) => ({ worker, usage: await workerLink.usage(worker.metadata.name, signal) })),
  );
  timer.cancel();
  const told = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
  const failed = answers.find((answer) => answer.status === 'rejected');
  if (told.length === 0 && failed !== undefined) {
    throw new ApiError('ServiceUnavailable', 'no worker says what it uses now, try again', undefined, {
      cause: failed.reason,
    });
  }
  return told;
}

function nodesOf({ worker, usage }: Told): readonly DynamicObject[] {
  const { name, labels } = worker.metadata;
  return [
    {
      kind: nodeMetrics.kind,
      apiVersion: apiVersionOf(nodeMetrics),
      metadata: { name, ...timeOf(usage), ...(labels === undefined ? {} : { labels }) },
      ...windowOf(usage),
      usage: amounts(usage),
    },
  ];
}

function podsOf({ usage }: Told): readonly DynamicObject[] {
  return usage.tasks.map((task: TaskUsage) => ({
    kind: podMetrics.kind,
    apiVersion: apiVersionOf(podMetrics),
    metadata: {
      name: task.name,
      ...(task.namespace === undefined ? {} : { namespace: task.namespace }),
      ...timeOf(usage),
      ...(Object.keys(task.labels).length === 0 ? {} : { labels: { ...task.labels } }),
    },
    ...windowOf(usage),
    containers: [{ name: task.name, usage: amounts(task) }],
  }));
}

function timeOf({ atMs }: WorkerUsage): { creationTimestamp: string } {
  return { creationTimestamp: seconds(atMs) };
}

function windowOf({ atMs, windowMs }: WorkerUsage): { timestamp: string; window: string } {
  return { timestamp: seconds(atMs), window: `${windowMs / 1000}s` };
}

function seconds(atMs: number): string {
  return new Date(atMs).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Billionths of a core, rounded up as Kubernetes' metrics server does; kibibytes. */
function amounts({ cpuNanocores, memoryBytes }: { cpuNanocores: number; memoryBytes: number }): {
  cpu: string;
  memory: string;
} {
  return { cpu: `${Math.ceil(cpuNanocores)}n`, memory: `${Math.ceil(memoryBytes / 1024)}Ki` };
}

function placeOf({ metadata }: DynamicObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
