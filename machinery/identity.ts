/** Who is asking. Authentication makes one; authorization and audit read it. */
export interface Identity {
  readonly name: string;
  readonly groups: readonly string[];
}

/** May do everything; the group of the admin client certificate (Kubernetes' own convention). */
export const GROUP_MASTERS = 'system:masters';
/** The group of every worker's client certificate; its name is `system:worker:<worker>`. */
export const GROUP_WORKERS = 'system:workers';
/** The control plane's own loops. */
export const GROUP_CONTROLLERS = 'system:controllers';

const WORKER_PREFIX = 'system:worker:';

export function workerIdentity(worker: string): Identity {
  return { name: WORKER_PREFIX + worker, groups: [GROUP_WORKERS, 'system:authenticated'] };
}

/** The worker's name behind an identity, if it is a worker's. */
export function workerOf(identity: Identity): string | undefined {
  return identity.groups.includes(GROUP_WORKERS) && identity.name.startsWith(WORKER_PREFIX)
    ? identity.name.slice(WORKER_PREFIX.length)
    : undefined;
}

export function controllerIdentity(controller: string): Identity {
  return { name: `system:controller:${controller}`, groups: [GROUP_CONTROLLERS, 'system:authenticated'] };
}
