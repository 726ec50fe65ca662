/** Who is asking. Authentication makes one; authorization and audit read it. */
export interface Identity {
  readonly name: string;
  readonly groups: readonly string[];
  /** What tells two users of one name at different times apart: of a service account, its object's uid. */
  readonly uid?: string;
  /** What else is known of the user, for example which token proved it. Not looked at by authorization. */
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** May do everything; the group of the admin client certificate (Kubernetes' own convention). */
export const GROUP_MASTERS = 'system:masters';
/** The group of every worker's client certificate; its name is `system:worker:<worker>`. */
export const GROUP_WORKERS = 'system:workers';
/** The control plane's own loops. */
export const GROUP_CONTROLLERS = 'system:controllers';
/** Everybody who proved to be somebody. */
export const GROUP_AUTHENTICATED = 'system:authenticated';
/** Everybody who did not. */
export const GROUP_UNAUTHENTICATED = 'system:unauthenticated';

const WORKER_PREFIX = 'system:worker:';

export function workerIdentity(worker: string): Identity {
  return { name: WORKER_PREFIX + worker, groups: [GROUP_WORKERS, GROUP_AUTHENTICATED] };
}

/** The worker's name behind an identity, if it is a worker's. */
export function workerOf(identity: Identity): string | undefined {
  return identity.groups.includes(GROUP_WORKERS) && identity.name.startsWith(WORKER_PREFIX)
    ? identity.name.slice(WORKER_PREFIX.length)
    : undefined;
}

export function controllerIdentity(controller: string): Identity {
  return { name: `system:controller:${controller}`, groups: [GROUP_CONTROLLERS, GROUP_AUTHENTICATED] };
}

/**
 * A door that decides by rules of its own what its callers may do, and then acts itself. What it does is told of its
 * callers: they are the impersonators of its requests.
 */
export function doorIdentity(door: string): Identity {
  return { name: `system:door:${door}`, groups: [GROUP_AUTHENTICATED] };
}

const SERVICE_ACCOUNT_PREFIX = 'system:serviceaccount:';

/** The user name of a service account. Source: Kubernetes documentation, "Authenticating": service account tokens. */
export function serviceAccountName(namespace: string, name: string): string {
  return `${SERVICE_ACCOUNT_PREFIX}${namespace}:${name}`;
}

/** The service account behind a user name, if it is one's. */
export function serviceAccountOf(
  user: string,
): { readonly namespace: string; readonly name: string } | undefined {
  if (!user.startsWith(SERVICE_ACCOUNT_PREFIX)) return undefined;
  const [namespace = '', name = '', ...rest] = user.slice(SERVICE_ACCOUNT_PREFIX.length).split(':');
  return namespace === '' || name === '' || rest.length > 0 ? undefined : { namespace, name };
}

/** The groups every service account of a namespace is in, without `system:authenticated`. */
export function serviceAccountGroups(namespace: string): readonly string[] {
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
}
