/**
 * The hash that says whether a container was made from the same spec.
 *
 * It covers the fields the user set that only a new container can change, with the API's defaults left out: a field
 * that is added to Task later, with a default, changes no hash. Not covered: resource limits (changed in place; a
 * limit that was removed is seen on the container itself), what the container never sees (restart policy, backoff,
 * grace period, pull policy, selectors, port names, labels, probes, hooks, deadlines, dependencies), and what is in
 * ConfigMaps and Secrets: volumes are brought up to date in place, variables with the next container, as in Kubernetes.
 *
 * The hash is versioned. One made by another version of the rules says nothing, so its container is kept: an upgrade
 * of Gantry restarts nothing.
 */
import { jsonHash } from '../../../machinery/json.ts';
import type { Task } from '../../../schemas/types.gen.ts';

const VERSION = 'v1';

export function specHash(spec: Task['spec']): string {
  const covered = pruned({
    image: spec.image,
    command: spec.command,
    args: spec.args,
    workingDir: spec.workingDir,
    env: spec.env
      ?.map(({ name, value, valueFrom }) =>
        valueFrom === undefined ? [name, value ?? ''] : [name, value ?? '', valueFrom],
      )
      .sort(byFirst),
    envFrom: spec.envFrom,
    ports: spec.ports
      ?.map(({ containerPort, protocol, hostPort, hostIP, publish }) => [
        `${containerPort}/${protocol ?? 'TCP'}`,
        pruned({ hostPort, hostIP, publish: publish === false ? false : undefined }) ?? {},
      ])
      .sort(byFirst),
    stopSignal: spec.stopSignal,
    securityContext: spec.securityContext,
    network: {
      mode: spec.network?.mode === 'bridge' ? undefined : spec.network?.mode,
      hostname: spec.network?.hostname,
      aliases: spec.network?.aliases?.toSorted(),
      dns: spec.network?.dns,
    },
    volumes: spec.volumes?.map(({ name, ...source }) => [name, source]).sort(byFirst),
    volumeMounts: spec.volumeMounts
      ?.map(({ mountPath, readOnly, ...mount }) => [
        mountPath,
        { ...mount, ...(readOnly === true ? { readOnly } : {}) },
      ])
      .sort(byFirst),
    // Whether the file is there; how much of standard output is kept no container knows.
    outputs: spec.outputs === undefined ? undefined : true,
    ioWeight: spec.ioWeight,
    shmSize: spec.shmSize,
    ulimits: spec.ulimits?.map(({ name, soft, hard }) => [name, soft, hard]).sort(byFirst),
    hostPID: spec.hostPID === true ? true : undefined,
    logs: spec.logs,
  });
  return `${VERSION}:${jsonHash(covered).slice(0, 16)}`;
}

/** False only when both hashes follow the same rules and differ. */
export function isSameSpec(a: string | undefined, b: string | undefined): boolean {
  return a === b || a === undefined || b === undefined || versionOf(a) !== versionOf(b);
}

function versionOf(hash: string): string {
  return hash.slice(0, hash.indexOf(':'));
}

function byFirst(a: readonly unknown[], b: readonly unknown[]): number {
  return String(a[0]) < String(b[0]) ? -1 : 1;
}

/** Without undefined and empty lists and objects, at any depth: not set and set to nothing are the same. */
function pruned(value: Readonly<Record<string, unknown>>): Record<string, unknown> | undefined {
  const kept: [string, unknown][] = [];
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined || (Array.isArray(item) && item.length === 0)) continue;
    if (typeof item === 'object' && item !== null && !Array.isArray(item)) {
      const inner = pruned({ ...item });
      if (inner !== undefined) kept.push([key, inner]);
    } else kept.push([key, item]);
  }
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
}
