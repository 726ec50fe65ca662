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

/** On a Run: what a client of the dispatch API calls it, whatever characters that has. */
export const ANNOTATION_TASK_ID = 'gantry.dev/task-id';
/** On a Run: the request id that a client of the dispatch API gave, or was given. */
export const ANNOTATION_REQUEST_ID = 'gantry.dev/request-id';
/** On a Run: of the work that a dispatch asked for, so that another request under the same task id is known. */
export const ANNOTATION_REQUEST_HASH = 'gantry.dev/request-hash';
/** On a Job: what clients of the jobs API call it, where that is no name of an object (`hello_world`). */
export const ANNOTATION_JOB_ID = 'gantry.dev/job-id';
/** On a Run: the name in the certificate of who started it over gRPC. */
export const ANNOTATION_STARTED_BY = 'gantry.dev/started-by';
/** On a TaskTemplate: what people call this kind of work (`Fibonacci`), and the tag in front of its output (`FIB`). */
export const ANNOTATION_TITLE = 'gantry.dev/title';
export const ANNOTATION_LOG_TAG = 'gantry.dev/log-tag';
/** On a Worker: what the dispatch API calls the kind of agent it is (`infra`). */
export const LABEL_AGENT_TYPE = 'gantry.dev/agent-type';

export const NAMESPACE_DEFAULT = 'default';
/** Leases of workers live here. */
export const NAMESPACE_SYSTEM = 'gantry-system';
