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

interface Address {
  readonly host: string;
  readonly port: number;
}

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
  /** It has no network of its own: a loopback address of the machine is its own, too. */
  readonly isOnMachine: boolean;
  /** Inside its own network, once that is known. */
  readonly own: Address | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

/** Longer ones are nobody's, and would be told again and again. */
const LONGEST_PATH = 1024;

/**
 * Undefined for a Task that does not ask, does not run, or names no port or path that it could be. A published port is
 * told as it is outside; others are at the container's own address, which only its worker's machine reaches.
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
  if (path.length > LONGEST_PATH) return undefined;
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

/**
 * Undefined where its worker does not say where it is. What is published for its machine alone is told at the container's
 * own address, which reaches as far: on another machine a loopback address would be that machine's own services, at a port
 * that whoever wrote the Task has chosen.
 */
export function taskTarget(wish: ScrapeWish, addresses: Addresses): TargetGroup | undefined {
  const host = wish.host ?? addresses.get(wish.worker);
  if (host === undefined) return undefined;
  const found = isLoopback(host) && !wish.isOnMachine ? wish.own : { host, port: wish.port };
  if (found === undefined) return undefined;
  const isIPv6 = found.host.includes(':');
  return { targets: [`${isIPv6 ? `[${found.host}]` : found.host}:${found.port}`], labels: wish.labels };
}

function isLoopback(host: string): boolean {
  return /^127\.|^(?:0*:)+0*1$|^::ffff:127\./i.test(host);
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
): Pick<ScrapeWish, 'host' | 'port' | 'isOnMachine' | 'own'> | undefined {
  if (spec.network?.mode === 'host') return { host: undefined, port, isOnMachine: true, own: undefined };
  const isOnMachine = false;
  const own = status.ip === undefined ? undefined : { host: status.ip, port };
  const published = status.ports?.find((each) => each.containerPort === port && each.protocol === 'TCP');
  if (published !== undefined) {
    const isEverywhere = EVERYWHERE.has(published.hostIP);
    return { host: isEverywhere ? undefined : published.hostIP, port: published.hostPort, isOnMachine, own };
  }
  return own === undefined ? undefined : { ...own, isOnMachine, own };
}
