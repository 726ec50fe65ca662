/**
 * What Prometheus is to scrape, as groups of targets of its HTTP service discovery. Pure.
 * Source of the form: Prometheus documentation, "HTTP SD"; of the annotations: the convention of Prometheus' example
 * configuration for Kubernetes.
 */
import type { Task, Worker } from '../../../schemas/types.gen.ts';

export interface TargetGroup {
  /** `host:port`. */
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** Where a server is that leads to the workers' containers. */
export interface ServerAddress {
  readonly host: string;
  readonly scheme: 'http' | 'https';
}

export const ANNOTATION_SCRAPE = 'prometheus.io/scrape';
export const ANNOTATION_PORT = 'prometheus.io/port';
export const ANNOTATION_PATH = 'prometheus.io/path';
export const ANNOTATION_SCHEME = 'prometheus.io/scheme';

/** Where the containers of one worker are told of. */
export function containerMetricsPath(worker: string): string {
  return `/api/v1/nodes/${encodeURIComponent(worker)}/proxy/metrics/cadvisor`;
}

/** Each worker's containers, through the server that was asked. */
export function workerTarget({ metadata: { name } }: Worker, { host, scheme }: ServerAddress): TargetGroup {
  return {
    targets: [host],
    labels: { __scheme__: scheme, __metrics_path__: containerMetricsPath(name), worker: name },
  };
}

type Addresses = ReadonlyMap<string, string>;

/** By the worker's name, where its published ports are. */
export function addressesOf(workers: readonly Worker[]): Addresses {
  return new Map(
    workers.flatMap(({ metadata, status }) => {
      const address = status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
      return address === undefined ? [] : [[metadata.name, address] as const];
    }),
  );
}

/** A Task that asks to be scraped, as far as that does not depend on its worker; made once for each version of it. */
export interface ScrapeWish {
  readonly worker: string;
  /** Undefined: on the machine's own network, or published on all its addresses: where the worker is. */
  readonly host: string | undefined;
  readonly port: number;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Undefined for a Task that does not ask, does not run, or names no port that it could be. A published port is told
 * as it is outside; others are at the container's own address, which only its worker's machine reaches.
 */
export function scrapeWishOf({ metadata, spec, status = {} }: Task): ScrapeWish | undefined {
  const { annotations = {}, namespace = '', name } = metadata;
  if (annotations[ANNOTATION_SCRAPE] !== 'true' || status.phase !== 'Running') return undefined;
  const worker = spec.workerName;
  const containerPort = portOf(spec.ports ?? [], annotations[ANNOTATION_PORT]);
  const scheme = annotations[ANNOTATION_SCHEME] ?? 'http';
  if (worker === undefined || containerPort === undefined || !['http', 'https'].includes(scheme))
    return undefined;
  const place = placeOf(spec, status, containerPort);
  if (place === undefined) return undefined;
  const path = annotations[ANNOTATION_PATH] ?? '/metrics';
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  const labels = Object.entries(metadata.labels ?? {}).map(
    ([key, value]) => [`__meta_gantry_task_label_${key.replaceAll(/\W/g, '_')}`, value] as const,
  );
  return {
    worker,
    ...place,
    labels: {
      ...Object.fromEntries(labels),
      __meta_gantry_task_uid: metadata.uid ?? '',
      __meta_gantry_task_owner_kind: owner?.kind ?? '',
      __meta_gantry_task_owner_name: owner?.name ?? '',
      __scheme__: scheme,
      __metrics_path__: path.startsWith('/') ? path : `/${path}`,
      namespace,
      task: name,
      worker,
    },
  };
}

/** Undefined where its worker does not say where it is. */
export function taskTarget(
  { worker, host, port, labels }: ScrapeWish,
  addresses: Addresses,
): TargetGroup | undefined {
  const found = host ?? addresses.get(worker);
  if (found === undefined) return undefined;
  return { targets: [`${found.includes(':') ? `[${found}]` : found}:${port}`], labels };
}

type Port = NonNullable<Task['spec']['ports']>[number];

/** By number, by the name that the Task gave it, or the first that speaks TCP. */
function portOf(ports: readonly Port[], wanted: string | undefined): number | undefined {
  if (wanted === undefined) return ports.find(({ protocol = 'TCP' }) => protocol === 'TCP')?.containerPort;
  if (/^\d{1,5}$/.test(wanted))
    return Number(wanted) > 0 && Number(wanted) < 65_536 ? Number(wanted) : undefined;
  return ports.find(({ name }) => name === wanted)?.containerPort;
}

const EVERYWHERE: ReadonlySet<string> = new Set(['', '0.0.0.0', '::']);

function placeOf(
  spec: Task['spec'],
  status: NonNullable<Task['status']>,
  port: number,
): Pick<ScrapeWish, 'host' | 'port'> | undefined {
  if (spec.network?.mode === 'host') return { host: undefined, port };
  const published = status.ports?.find((each) => each.containerPort === port && each.protocol === 'TCP');
  if (published !== undefined) {
    const isEverywhere = EVERYWHERE.has(published.hostIP);
    return { host: isEverywhere ? undefined : published.hostIP, port: published.hostPort };
  }
  return status.ip === undefined ? undefined : { host: status.ip, port };
}
