/**
 * A Task's wish in a Pod's words: its spec with the one container, and the volumes. Pure.
 *
 * What a Task leaves to a default is written out where kubectl prints it (`describe pod` says "period=0s" of what is
 * absent). A named volume of the worker's engine is shown as a claim of that name: nothing of a Pod comes closer.
 * Source of the shapes: Kubernetes core/v1 PodSpec, Container, Volume, Probe.
 */
import type { Task } from '../../schemas/types.gen.ts';

type Spec = Task['spec'];
type Probe = NonNullable<Spec['livenessProbe']>;
type Hook = NonNullable<NonNullable<Spec['lifecycle']>['postStart']>;
type Volume = NonNullable<Spec['volumes']>[number];
type Variable = NonNullable<Spec['env']>[number];
type Fields = Readonly<Record<string, unknown>>;

export function podSpecOf(task: Task, workerName: string | undefined): Fields {
  const { spec } = task;
  const { network } = spec;
  return {
    ...(spec.volumes === undefined ? {} : { volumes: spec.volumes.map(volumeOf) }),
    ...(workerName === undefined ? {} : { nodeName: workerName }),
    ...(spec.workerSelector === undefined ? {} : { nodeSelector: spec.workerSelector }),
    containers: [containerOf(task)],
    restartPolicy: spec.restartPolicy ?? 'Always',
    terminationGracePeriodSeconds: spec.terminationGracePeriodSeconds ?? 30,
    ...pick(spec, ['activeDeadlineSeconds', 'imagePullSecrets', 'tolerations']),
    ...(network?.mode === 'host' ? { hostNetwork: true } : {}),
    ...(spec.hostPID === true ? { hostPID: true } : {}),
    ...(network?.hostname === undefined ? {} : { hostname: network.hostname }),
    ...(network?.dns === undefined ? {} : { dnsPolicy: 'None', dnsConfig: { nameservers: network.dns } }),
    // Some clients read into this without looking whether it is there.
    securityContext: {},
  };
}

function containerOf({ metadata, spec }: Task): Fields {
  const lifecycle = lifecycleOf(spec);
  return {
    name: metadata.name,
    ...pick(spec, ['image', 'command', 'args', 'workingDir', 'envFrom', 'imagePullPolicy', 'volumeMounts']),
    ...(spec.env === undefined ? {} : { env: spec.env.map(variableOf) }),
    ...(spec.ports === undefined ? {} : { ports: spec.ports.map(({ publish: _publish, ...port }) => port) }),
    resources: spec.resources ?? {},
    ...(spec.livenessProbe === undefined ? {} : { livenessProbe: probeOf(spec.livenessProbe) }),
    ...(spec.readinessProbe === undefined ? {} : { readinessProbe: probeOf(spec.readinessProbe) }),
    ...(spec.startupProbe === undefined ? {} : { startupProbe: probeOf(spec.startupProbe) }),
    ...(lifecycle === undefined ? {} : { lifecycle }),
    ...(spec.securityContext === undefined ? {} : { securityContext: spec.securityContext }),
    terminationMessagePath: '/dev/termination-log',
    // Of a container that failed, the last lines of its output are what is told of its end.
    terminationMessagePolicy: 'FallbackToLogsOnError',
  };
}

function volumeOf({ volume, ...rest }: Volume): Fields {
  return volume === undefined ? rest : { name: rest.name, persistentVolumeClaim: { claimName: volume.name } };
}

function variableOf({ valueFrom, ...rest }: Variable): Fields {
  if (valueFrom === undefined) return rest;
  const { fieldRef } = valueFrom;
  return {
    ...rest,
    valueFrom: fieldRef === undefined ? valueFrom : { fieldRef: { apiVersion: 'v1', ...fieldRef } },
  };
}

const PROBE_DEFAULTS = { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 };

function probeOf({ httpGet, ...rest }: Probe): Fields {
  return { ...(httpGet === undefined ? {} : { httpGet: httpOf(httpGet) }), ...PROBE_DEFAULTS, ...rest };
}

function httpOf(httpGet: NonNullable<Probe['httpGet']>): Fields {
  return { path: '/', scheme: 'HTTP', ...httpGet };
}

function lifecycleOf({ lifecycle, stopSignal }: Spec): Fields | undefined {
  if (lifecycle === undefined && stopSignal === undefined) return undefined;
  const { postStart, preStop } = lifecycle ?? {};
  return {
    ...(postStart === undefined ? {} : { postStart: hookOf(postStart) }),
    ...(preStop === undefined ? {} : { preStop: hookOf(preStop) }),
    ...(stopSignal === undefined ? {} : { stopSignal }),
  };
}

function hookOf({ httpGet, ...rest }: Hook): Fields {
  return { ...(httpGet === undefined ? {} : { httpGet: httpOf(httpGet) }), ...rest };
}

export function pick<T extends object, K extends keyof T>(
  from: T | undefined,
  keys: readonly K[],
): Partial<Pick<T, K>> {
  const result: Partial<Pick<T, K>> = {};
  for (const key of keys) if (from?.[key] !== undefined) result[key] = from[key];
  return result;
}
