/** Names that people and tools rely on: labels on containers, annotations and finalizers on objects. */

/** Container labels (05-docker, "Names and labels"). */
export const LABEL_CLUSTER = 'gantry.dev/cluster';
export const LABEL_TASK = 'gantry.dev/task';
export const LABEL_UID = 'gantry.dev/uid';
export const LABEL_ATTEMPT = 'gantry.dev/attempt';
export const LABEL_EPOCH = 'gantry.dev/epoch';
export const LABEL_WORKER = 'gantry.dev/worker';
export const LABEL_SPEC_HASH = 'gantry.dev/spec-hash';
/** On networks and volumes, which belong to a namespace rather than to a Task. */
export const LABEL_NAMESPACE = 'gantry.dev/namespace';
/** On networks: what `spec.network.mode` calls it. */
export const LABEL_NETWORK = 'gantry.dev/network';
/** On volumes: what `spec.volumes[].volume.name` calls it. */
export const LABEL_VOLUME = 'gantry.dev/volume';

/** On a Namespace: how much of their workers its Tasks may ask for: privileged, baseline (the default) or restricted. */
export const LABEL_SECURITY = 'gantry.dev/security';

/** Held by a Task while a container of it may exist on its worker. */
export const FINALIZER_CONTAINER = 'gantry.dev/container';

/** Kubernetes' own: the object waits until the garbage collector has deleted its dependents. */
export const FINALIZER_FOREGROUND = 'foregroundDeletion';
/** Kubernetes' own: the object waits until the garbage collector has taken it out of its dependents' references. */
export const FINALIZER_ORPHAN = 'orphan';

/** `"true"`: the object may not be deleted until somebody removes this. */
export const ANNOTATION_PROTECT = 'gantry.dev/protect';
/** Inputs, verdict and action of a decision, as JSON, on Events. */
export const ANNOTATION_DECISION = 'gantry.dev/decision';
/** The W3C trace id of the request that last changed an object's desired state. */
export const ANNOTATION_TRACE = 'gantry.dev/trace-id';
/** The object is removed this long after it was created, a Task after it ended; for example `24h`. */
export const ANNOTATION_TTL = 'gantry.dev/ttl';
/** The free-form name a client of the /tasks API gave its task. */
export const ANNOTATION_TASK_NAME = 'gantry.dev/task-name';

export const NAMESPACE_DEFAULT = 'default';
/** Leases of workers live here. */
export const NAMESPACE_SYSTEM = 'gantry-system';
