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

/** On what belongs to a TaskSet, a Job or a Run: its name. Ownership itself is told by ownerReferences. */
export const LABEL_TASKSET = 'gantry.dev/taskset';
export const LABEL_JOB = 'gantry.dev/job';
export const LABEL_RUN = 'gantry.dev/run';
/** On a Run's Tasks: the step, by its name in the Job. */
export const LABEL_STEP = 'gantry.dev/step';
/** On a TaskSet's Tasks: the last part of the name of the ControllerRevision they were made from. Kubernetes' own. */
export const LABEL_REVISION = 'controller-revision-hash';
/** On a TaskSet: the revision that somebody has promoted, canaries having shown that it is good. */
export const ANNOTATION_PROMOTED = 'gantry.dev/promoted-revision';
/** On a template: when somebody last asked for new tasks of the same template (RFC 3339). Kubernetes' own. */
export const ANNOTATION_RESTARTED = 'kubectl.kubernetes.io/restartedAt';
/** On the snapshot of a ConfigMap or Secret that a revision holds: the name of what it was made from, and its uid. */
export const ANNOTATION_SNAPSHOT_OF = 'gantry.dev/snapshot-of';
export const ANNOTATION_SOURCE_UID = 'gantry.dev/source-uid';
/** On any object, and copied to its revisions: why it was changed, in its user's words. */
export const ANNOTATION_CHANGE_CAUSE = 'gantry.dev/change-cause';

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
