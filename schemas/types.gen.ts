// Generated from schemas/**/*.yaml by `npm run gen`. Do not edit.
import type { ObjectMeta } from '../machinery/meta.ts';

/**
 * CustomResourceDefinition adds a kind of your own to the API: as soon as its names are accepted, objects of it can be created, validated, listed and watched like those of any built-in kind. Its name must be "<spec.names.plural>.<spec.group>".
 */
export interface CustomResourceDefinition {
/**
 * What the kind is called, and how its objects look.
 */
spec: {
/**
 * The API group of the kind; its objects are served under /apis/<group>/. A DNS name with at least one dot, such as example.com. Cannot be changed.
 */
group: string
/**
 * Whether objects live in namespaces (Namespaced) or beside them (Cluster). Cannot be changed once the kind is established.
 */
scope: ("Cluster" | "Namespaced")
/**
 * The names of the resource and of the kind.
 */
names: {
/**
 * The resource's name in paths, /apis/<group>/<version>/.../<plural>; lower case. Cannot be changed.
 */
plural: string
/**
 * The resource's name for one object; lower case. Default is the kind in lower case.
 */
singular?: string
/**
 * The kind's name as objects carry it; CamelCase and singular.
 */
kind: string
/**
 * The name of a list of the kind. Default is "<kind>List".
 */
listKind?: string
/**
 * Short forms of the resource's name for the command line; lower case.
 */
shortNames?: string[]
/**
 * Groups of resources the kind belongs to, such as "all", so that `kubectl get all` shows it too.
 */
categories?: string[]
}
/**
 * All versions of the kind. Objects are kept in one of them and served in each; between versions only apiVersion changes.
 */
versions: {
/**
 * The version's name in paths and in apiVersion, such as v1 or v2beta1.
 */
name: string
/**
 * Whether the version can be used through the API.
 */
served: boolean
/**
 * Whether objects are kept in this version. Exactly one version has it.
 */
storage: boolean
/**
 * Whether whoever uses the version is warned.
 */
deprecated?: boolean
/**
 * The warning of a deprecated version, instead of the usual one.
 */
deprecationWarning?: string
/**
 * How objects of this version look.
 */
schema?: {
/**
 * The structural OpenAPI v3 schema that objects are pruned, defaulted and validated by.
 */
openAPIV3Schema?: {

}
}
/**
 * The parts of an object that are changed by themselves.
 */
subresources?: {
/**
 * Serves /status: status is then changed there alone, and metadata.generation counts what is changed elsewhere.
 */
status?: {

}
/**
 * Serves /scale, which `kubectl scale` and autoscalers use.
 */
scale?: {
/**
 * Where the wanted number is, as a path under .spec without lists.
 */
specReplicasPath: string
/**
 * Where the present number is, as a path under .status without lists.
 */
statusReplicasPath: string
/**
 * Where the label selector of what is counted is kept in text form, as a path under .status or .spec without lists.
 */
labelSelectorPath?: string
}
}
/**
 * What `kubectl get` shows beside the name. Default is the age alone.
 */
additionalPrinterColumns?: {
/**
 * What the column is headed with.
 */
name: string
/**
 * The OpenAPI type of the column, one of boolean, date, integer, number, string.
 */
type: string
/**
 * The OpenAPI format of the column; only tells how to show it.
 */
format?: string
/**
 * What the column says, for people.
 */
description?: string
/**
 * 0 is always shown; above, only with `-o wide`.
 */
priority?: number
/**
 * A simple JSON path into the object, such as .spec.replicas.
 */
jsonPath: string
}[]
/**
 * Fields that a field selector may name besides metadata.name and metadata.namespace.
 */
selectableFields?: {
/**
 * A simple JSON path to a field of type string, boolean or integer, such as .spec.color.
 */
jsonPath: string
}[]
}[]
/**
 * How objects are converted between versions.
 */
conversion?: {
/**
 * None changes apiVersion and nothing else. Webhook, which asks a service, is not served here.
 */
strategy: string
/**
 * The service that converts; not served here.
 */
webhook?: {

}
}
/**
 * Must be false: what a schema does not know is dropped, except where it says x-kubernetes-preserve-unknown-fields.
 */
preserveUnknownFields?: boolean
}
/**
 * How far the definition has come; written by the server.
 */
status?: {
/**
 * NamesAccepted, Established and Terminating.
 */
conditions?: {
/**
 * NamesAccepted, Established or Terminating.
 */
type: string
/**
 * True, False or Unknown.
 */
status: string
/**
 * One word for why it is so.
 */
reason?: string
/**
 * A sentence for people.
 */
message?: string
/**
 * When the status last changed.
 */
lastTransitionTime?: string
/**
 * The generation of the definition that this was said of.
 */
observedGeneration?: number
}[]
/**
 * The names the kind is served under; fewer than asked for when some are taken.
 */
acceptedNames?: {
/**
 * The resource's name in paths.
 */
plural?: string
/**
 * The resource's name for one object.
 */
singular?: string
/**
 * The kind's name.
 */
kind?: string
/**
 * The name of a list of the kind.
 */
listKind?: string
/**
 * Short forms of the resource's name.
 */
shortNames?: string[]
/**
 * Groups of resources the kind belongs to.
 */
categories?: string[]
}
/**
 * Every version in which objects may be kept. One that is named here cannot be taken out of spec.versions; take it out here once all objects were written anew.
 */
storedVersions?: string[]
}
apiVersion: string
kind: string
metadata: ObjectMeta
}

/**
 * ControllerRevision keeps the state of an object's template as it was at one revision.
 */
export interface ControllerRevision {
apiVersion: string
kind: string
metadata: ObjectMeta
/**
 * The state itself; it can never be changed.
 */
data?: {

}
/**
 * Its place in the history: larger is newer.
 */
revision: number
}

/**
 * Lease is somebody's sign of life.
 */
export interface Lease {
apiVersion: string
kind: string
metadata: ObjectMeta
/**
 * The lease itself.
 */
spec?: {
/**
 * Who holds the lease.
 */
holderIdentity?: string
/**
 * How long the lease is good after the last renewal.
 */
leaseDurationSeconds?: number
/**
 * When the holder got it.
 */
acquireTime?: string
/**
 * When the holder last renewed it.
 */
renewTime?: string
/**
 * How often the holder changed.
 */
leaseTransitions?: number
}
}

/**
 * ConfigMap holds configuration that Tasks read as environment variables or files.
 */
export interface ConfigMap {
apiVersion: string
kind: string
metadata: ObjectMeta
/**
 * True: the data can never change again; only the metadata can. It cannot be set back to false.
 */
immutable?: boolean
/**
 * Text by key. A key consists of letters, digits, '-', '_' and '.'. All data together is at most 1 MiB.
 */
data?: {
[k: string]: string
}
/**
 * Bytes by key, in base64. No key may be in data too.
 */
binaryData?: {
[k: string]: string
}
}

/**
 * Event is a report of something that happened to an object.
 */
export interface Event {
apiVersion: string
kind: string
metadata: ObjectMeta
/**
 * The object this event is about.
 */
involvedObject: {
/**
 * The object's group and version.
 */
apiVersion?: string
/**
 * The object's kind.
 */
kind?: string
/**
 * The object's namespace.
 */
namespace?: string
/**
 * The object's name.
 */
name?: string
/**
 * The object's uid.
 */
uid?: string
/**
 * The object's version when it happened.
 */
resourceVersion?: string
/**
 * The part of the object it happened to.
 */
fieldPath?: string
}
/**
 * One word that says what happened.
 */
reason?: string
/**
 * A sentence for people.
 */
message?: string
/**
 * Normal or Warning.
 */
type?: ("Normal" | "Warning")
/**
 * How often it happened.
 */
count?: number
/**
 * When it first happened.
 */
firstTimestamp?: (string | null)
/**
 * When it last happened.
 */
lastTimestamp?: (string | null)
/**
 * When it happened.
 */
eventTime?: (string | null)
/**
 * What was done.
 */
action?: string
/**
 * For something that goes on: how often, and when last.
 */
series?: {
/**
 * How often it happened.
 */
count?: number
/**
 * When it last happened.
 */
lastObservedTime?: (string | null)
}
/**
 * A second object that has to do with it.
 */
related?: {
/**
 * The object's group and version.
 */
apiVersion?: string
/**
 * The object's kind.
 */
kind?: string
/**
 * The object's namespace.
 */
namespace?: string
/**
 * The object's name.
 */
name?: string
/**
 * The object's uid.
 */
uid?: string
/**
 * The object's version when it happened.
 */
resourceVersion?: string
/**
 * The part of the object it has to do with.
 */
fieldPath?: string
}
/**
 * Who reports it.
 */
source?: {
/**
 * The controller.
 */
component?: string
/**
 * The worker.
 */
host?: string
}
/**
 * The controller that reports it.
 */
reportingComponent?: string
/**
 * The instance of the controller.
 */
reportingInstance?: string
}

/**
 * Namespace is a room for names.
 */
export interface Namespace {
apiVersion: string
kind: string
metadata: ObjectMeta
/**
 * What is asked for.
 */
spec?: {
/**
 * Who must finish before a deleted namespace goes; changed through the finalize subresource only.
 */
finalizers?: string[]
}
/**
 * What was seen.
 */
status?: {
/**
 * Active; Terminating once it was deleted, while what is in it goes.
 */
phase?: ("Active" | "Terminating")
/**
 * Why a deleted namespace is not gone yet.
 * 
 * Items: One finding.
 */
conditions?: {
/**
 * What it is about, such as NamespaceContentRemaining.
 */
type: string
/**
 * Whether it is so.
 */
status: ("True" | "False" | "Unknown")
/**
 * When the status last changed.
 */
lastTransitionTime?: (string | null)
/**
 * One word that says why.
 */
reason?: string
/**
 * A sentence for people.
 */
message?: string
}[]
}
}

/**
 * ResourceQuota says how much one namespace may hold. A write that would exceed it is refused.
 */
export interface ResourceQuota {
apiVersion: string
kind: string
metadata: ObjectMeta
/**
 * The limits.
 */
spec?: {
/**
 * Limits by name: count/<plural>.<group> (count/<plural> for the core group) for how many objects of a kind; configmaps, secrets and resourcequotas for the same in short; pods, requests.cpu (or cpu), requests.memory (or memory), limits.cpu and limits.memory for the sums over all Tasks that have not ended.
 */
hard?: {
[k: string]: number | string
}
}
/**
 * What was counted.
 */
status?: {
/**
 * The limits that used was counted for.
 */
hard?: {
[k: string]: number | string
}
/**
 * How much there is.
 */
used?: {
[k: string]: number | string
}
}
}

/**
 * Secret holds passwords, keys and tokens that Tasks read as environment variables or files.
 */
export interface Secret {
apiVersion: string
kind: string
metadata: ObjectMeta
/**
 * True: the data can never change again; only the metadata can. It cannot be set back to false.
 */
immutable?: boolean
/**
 * Bytes by key, in base64. A key consists of letters, digits, '-', '_' and '.'. All data together is at most 1 MiB.
 */
data?: {
[k: string]: string
}
/**
 * Text by key, for writing only: it goes into data, over what is there, and is never read back.
 */
stringData?: {
[k: string]: string
}
/**
 * What the data is for: Opaque, or a type such as kubernetes.io/tls that says which keys must be there. It cannot be changed.
 */
type?: string
}

/**
 * ServiceAccount is a name that programs act under; roles are bound to it as to a user.
 */
export interface ServiceAccount {
apiVersion: string
kind: string
metadata: ObjectMeta
/**
 * Whether Tasks under this name are given a token.
 */
automountServiceAccountToken?: boolean
/**
 * Secrets that programs under this name may use.
 * 
 * Items: One Secret in the same namespace.
 */
secrets?: {
/**
 * The object's group and version.
 */
apiVersion?: string
/**
 * The object's kind.
 */
kind?: string
/**
 * The object's namespace.
 */
namespace?: string
/**
 * The object's name.
 */
name: string
/**
 * The object's uid.
 */
uid?: string
/**
 * The version of the object that is meant.
 */
resourceVersion?: string
/**
 * The part of the object that is meant.
 */
fieldPath?: string
}[]
/**
 * Secrets in the same namespace with which images are pulled.
 * 
 * Items: One Secret.
 */
imagePullSecrets?: {
/**
 * The Secret's name.
 */
name?: string
}[]
}

/**
 * IdempotencyKey remembers which Run a request with this key made. The API server writes it together with the Run; it is removed after its annotation gantry.dev/ttl.
 */
export interface IdempotencyKey {
apiVersion: string
kind: string
metadata: ObjectMeta
/**
 * What is remembered.
 */
spec: {
/**
 * The key as it was sent. The object's name is made from it.
 */
key: string
/**
 * Of what was asked for; something else under the same key is refused.
 */
requestHash: string
/**
 * The Run that was made.
 */
run: {
/**
 * Its name.
 */
name: string
/**
 * Its uid.
 */
uid: string
}
}
}

/**
 * Job is work that runs to an end. Each time it runs is a Run.
 */
export interface Job {
apiVersion: string
kind: string
metadata: ObjectMeta
/**
 * What is asked for.
 */
spec: {
/**
 * The steps. Those that depend on nothing begin at once, side by side.
 */
tasks: {
/**
 * The step's name, unique in the job.
 */
name: string
/**
 * What the step's task is made from. $(parameters.NAME), $(config.KEY), $(run.name), $(run.scheduledTime) and $(tasks.STEP.outputs.KEY), $(tasks.STEP.stdout), $(tasks.STEP.exitCode) are put into its image, command, args and the values of env.
 */
template?: {
/**
 * Labels and annotations of the task.
 */
metadata?: {
/**
 * Labels of the task.
 */
labels?: {
[k: string]: string
}
/**
 * Annotations of the task.
 */
annotations?: {
[k: string]: string
}
}
spec: Omit<Task['spec'], 'workerName' | 'bindingEpoch' | 'desiredState' | 'backoff' | 'dependsOn' | 'activeDeadlineSeconds' | 'ttlSecondsAfterFinished' | 'outputs' | 'priority' | 'restartPolicy'> & { restartPolicy?: "Never" }
}
/**
 * A TaskTemplate in the same namespace, from which the step's task is made.
 */
templateRef?: {
/**
 * Its name.
 */
name: string
}
/**
 * The template's parameters. Texts may hold $(parameters.NAME) and the others that a template may.
 */
arguments?: {

}
/**
 * Steps that must have ended before this one begins.
 */
dependsOn?: string[]
/**
 * How they must have ended: AllSuccess, all completed; OnFailure, at least one failed; AllDone, all completed or failed, none skipped; Always, however they ended. Else the step is skipped.
 */
condition?: ("AllSuccess" | "OnFailure" | "AllDone" | "Always")
/**
 * Whether it is tried again when it failed; absent: as its TaskTemplate says, else not.
 */
retries?: {
/**
 * How often at most, beside the first time.
 */
limit?: number
/**
 * The wait before the first retry; it doubles each time, up to an hour.
 */
backoffSeconds?: number
/**
 * After which failures: Transient, those that are not the program's own doing (its worker was lost, it was preempted, evicted or stopped by a hand, its image could not be had), and exit code 75.
 */
on?: ("Always" | "Transient" | "Never")
}
/**
 * Each try is killed after this long.
 */
timeoutSeconds?: number
}[]
/**
 * When it runs by itself: five or six fields of cron (seconds first), @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually, or @every DURATION (for example @every 1h30m, counted from the job's creation).
 */
schedule?: string
/**
 * The time zone of the schedule, by its IANA name; absent: UTC.
 */
timeZone?: string
/**
 * True: the schedule rests. What was missed meanwhile is not made up for.
 */
suspend?: boolean
/**
 * What happens when maxConcurrentRuns are under way: Allow and Forbid, the new run is refused; Replace, the oldest is cancelled for it; Queue, it waits, the highest priority first, then the oldest.
 */
concurrencyPolicy?: ("Allow" | "Forbid" | "Replace" | "Queue")
/**
 * How many runs may be under way at once; absent: 1 with Forbid, Replace and Queue, 1000 with Allow.
 */
maxConcurrentRuns?: number
/**
 * A time of the schedule that was missed by more than this is not made up for.
 */
startingDeadlineSeconds?: number
/**
 * What happens with times of the schedule that were missed, within startingDeadlineSeconds: Skip, nothing, but for the time it takes to start anew; Latest, the last of them runs; All, each of them runs, at most 100.
 */
catchUp?: ("Skip" | "Latest" | "All")
/**
 * How many completed runs are kept.
 */
successfulRunsHistoryLimit?: number
/**
 * How many runs are kept that ended in another way.
 */
failedRunsHistoryLimit?: number
/**
 * What a run may be given.
 */
parameters?: {
/**
 * The parameter's name.
 */
name: string
/**
 * The type of its value.
 */
type?: ("string" | "integer" | "number" | "boolean")
/**
 * The value where a run gives none.
 */
default?: {
[k: string]: unknown
}
/**
 * True: a run must give it, unless it has a default.
 */
required?: boolean
/**
 * The values it may have.
 */
enum?: unknown[]
/**
 * What it is for.
 */
description?: string
}[]
/**
 * Other jobs of the namespace that must have run. Without a schedule the job runs whenever a run of one of them makes all of this true.
 */
dependsOn?: {
/**
 * Its name.
 */
job: string
/**
 * LastSuccess: its last ended run completed; LastComplete: it has an ended run, however it ended; WithinWindow: a run completed within windowSeconds.
 */
condition?: ("LastSuccess" | "LastComplete" | "WithinWindow")
/**
 * How long ago at most.
 */
windowSeconds?: number
}[]
/**
 * Variables of every step that does not define them itself.
 */
env?: {
/**
 * The variable's name.
 */
name: string
/**
 * Its value; absent: empty.
 */
value?: string
}[]
/**
 * Values for $(config.KEY) in templates.
 */
config?: {
[k: string]: string
}
}
/**
 * What was seen, never what is hoped.
 */
status?: {
/**
 * The generation this status was made from.
 */
observedGeneration?: number
/**
 * Runs that were let begin and whose end has not been seen. A run begins only once it is in this list, so it never holds more than maxConcurrentRuns.
 */
active?: {
/**
 * The run's name.
 */
name: string
/**
 * Its uid.
 */
uid: string
}[]
/**
 * Runs that the schedule, or a job it depends on, made and that wait to begin. One of theirs that is in neither list and has not ended was made twice, and is removed.
 */
waiting?: {
/**
 * The run's name.
 */
name: string
/**
 * Its uid.
 */
uid: string
}[]
/**
 * How many that are.
 */
activeCount?: number
/**
 * Runs that wait to begin.
 */
queued?: number
/**
 * The last time of the schedule that was dealt with: run, or skipped for a reason that an Event tells.
 */
lastScheduleTime?: string
/**
 * The next time of the schedule; absent while it rests.
 */
nextScheduleTime?: string
/**
 * When a run of it last completed.
 */
lastSuccessfulTime?: string
/**
 * When a run of it last ended, however it did.
 */
lastRunTime?: string
/**
 * How that run ended.
 */
lastRunState?: string
/**
 * Which runs of the jobs it depends on last made it run.
 */
lastDependencyKey?: string
/**
 * The schedule and time zone this status was made from.
 */
schedule?: string
/**
 * Since when it has been that; earlier times of it are nobody's.
 */
scheduleSince?: string
/**
 * Suspended, once it has been, and Valid: whether it can run as it is written.
 */
conditions?: {
/**
 * The condition's name.
 */
type: string
/**
 * Whether it holds.
 */
status: ("True" | "False" | "Unknown")
/**
 * One word that says why.
 */
reason: string
/**
 * A sentence for people.
 */
message: string
/**
 * When status last changed.
 */
lastTransitionTime: string
/**
 * The generation this was judged from.
 */
observedGeneration?: number
}[]
}
}

/**
 * Run is one time that a Job runs, or a TaskTemplate is dispatched. Its steps are Tasks that it owns.
 */
export interface Run {
apiVersion: string
kind: string
metadata: ObjectMeta
/**
 * What is asked for. Nothing of it can be changed but cancel and ttlSecondsAfterFinished.
 */
spec: {
/**
 * The Job in the same namespace of which this is a run.
 */
jobRef?: {
/**
 * Its name.
 */
name: string
}
/**
 * The TaskTemplate in the same namespace that is run, as one step of the same name.
 */
templateRef?: {
/**
 * Its name.
 */
name: string
}
/**
 * Values of the job's or template's parameters. Checked, and completed by their defaults, when the run is created; with rerunOf, what is not given is what that run had, and nothing is added.
 */
parameters?: {

}
/**
 * What made it run. Schedule, CatchUp and Dependency are for the job controller to say.
 */
trigger?: ("Schedule" | "Manual" | "Dependency" | "CatchUp" | "Rerun")
/**
 * The time of the schedule it is for; with rerunOf, absent: that which that run was for.
 */
scheduledTime?: string
/**
 * The Run that is run again.
 */
rerunOf?: {
/**
 * Its name.
 */
name: string
/**
 * The step from which on. What had completed, and comes neither after it nor after another step that had not, is taken over. Absent: everything.
 */
fromTask?: string
}
/**
 * Runs in the same namespace that must have completed before this one begins. If one ends otherwise, or is gone before it was seen to complete, this one fails with DependencyNotSatisfied.
 */
dependsOn?: {
/**
 * Its name.
 */
name: string
}[]
/**
 * The priority of its tasks, and of the run where it waits for others; absent: the template's, else 0.
 */
priority?: number
/**
 * Creating a run with a key that was used in the last five minutes gives the run that was created then, or a Conflict if it asked for something else, or if that run is gone.
 */
idempotencyKey?: string
/**
 * The run is removed this long after it ended; absent: by its job's history limits, and after an hour where there is no job.
 */
ttlSecondsAfterFinished?: number
/**
 * True: what runs is stopped, with its grace period, and nothing more begins. It cannot be set back.
 */
cancel?: boolean
/**
 * The ControllerRevision that holds what is run. Written once, by the run controller.
 */
revision?: string
}
/**
 * What was seen, never what is hoped.
 */
status?: {
/**
 * Where it is in its life.
 */
state?: ("pending" | "running" | "completed" | "failed" | "interrupted" | "cancelled")
/**
 * One word that says why: BackoffLimitExceeded, TaskFailed, DependencyNotSatisfied, MaxConcurrentRunsExceeded, Interrupted, Cancelled…
 */
reason?: string
/**
 * A sentence for people.
 */
message?: string
/**
 * Its steps, in the order of the job.
 */
tasks?: {
/**
 * The step's name.
 */
name: string
/**
 * Where it is in its life.
 */
state: ("pending" | "running" | "completed" | "failed" | "interrupted" | "cancelled" | "skipped")
/**
 * One word that says why.
 */
reason?: string
/**
 * A sentence for people.
 */
message?: string
/**
 * How often it was tried.
 */
attempts?: number
/**
 * The Task of the newest try.
 */
taskName?: string
/**
 * That Task's uid.
 */
taskUID?: string
/**
 * When its first try was made.
 */
startedAt?: string
/**
 * When it ended.
 */
finishedAt?: string
/**
 * While a retry waits: when it begins.
 */
retryAt?: string
/**
 * How far it is, percent, as its task says itself; 100 once it has completed.
 */
progress?: number
/**
 * How the newest try ended.
 */
exitCode?: number
/**
 * What it wrote to $GANTRY_OUTPUT.
 */
outputs?: {
[k: string]: string
}
/**
 * The Run from which this was taken over.
 */
rerunOf?: string
}[]
/**
 * The runs of spec.dependsOn, as they were seen.
 */
dependsOn?: {
/**
 * Its name.
 */
name: string
/**
 * Its uid: another run that gets its name later is not meant.
 */
uid?: string
/**
 * When it completed. Present once that was seen; from then on it may be gone.
 */
completedAt?: string
}[]
/**
 * The time of the schedule it is for.
 */
scheduledTime?: string
/**
 * When its first step began.
 */
startedAt?: string
/**
 * When it ended.
 */
finishedAt?: string
/**
 * How far it is, percent: the mean of its steps. Absent where none of them has said anything yet.
 */
progress?: number
/**
 * The W3C trace id of the request that made it.
 */
traceID?: string
/**
 * The generation this status was made from.
 */
observedGeneration?: number
}
}

/**
 * SchedulerSettings says what holds for every schedule of the cluster, and how its Tasks are placed. There is one object, named default; without it the defaults hold.
 */
export interface SchedulerSettings {
apiVersion: string
kind: string
metadata: ObjectMeta
/**
 * What is asked for.
 */
spec?: {
/**
 * True: no Job runs by its schedule or by what it depends on; runs that somebody makes are run. What was missed meanwhile is not made up for.
 */
suspended?: boolean
/**
 * How a worker is chosen among those a Task fits on. Spread (where nothing is said): the least allocated; BinPack: the most allocated; RoundRobin: one after the other; EPVM: where it adds least to the cost of the cluster. It holds for bindings from now on; nothing moves for it.
 */
profile?: ("Spread" | "BinPack" | "RoundRobin" | "EPVM")
}
}

/**
 * Task is the desired state of one container, kept by the worker it is bound to, and what was last seen of it.
 */
export interface Task {
apiVersion: string
kind: string
metadata: ObjectMeta
/**
 * What is asked for.
 */
spec: {
/**
 * The image reference, for example registry.example:5000/team/web:1.4.
 */
image: string
/**
 * When to pull the image. Without it: Always if the tag is latest or missing, else IfNotPresent.
 */
imagePullPolicy?: ("Always" | "IfNotPresent" | "Never")
/**
 * Secrets of type kubernetes.io/dockerconfigjson in the same namespace, with credentials for the image's registry.
 */
imagePullSecrets?: {
/**
 * The Secret's name.
 */
name: string
}[]
/**
 * Replaces the image's entry point.
 */
command?: string[]
/**
 * Replaces the image's command (the arguments of the entry point).
 */
args?: string[]
/**
 * The working directory inside the container; absent: the image's.
 */
workingDir?: string
/**
 * Environment variables.
 */
env?: {
/**
 * The variable's name.
 */
name: string
/**
 * The variable's value; absent: empty. $(NAME) stands for a variable defined before, $$ for a dollar sign.
 */
value?: string
/**
 * Where the value comes from: exactly one source.
 */
valueFrom?: {
/**
 * A key of a ConfigMap or Secret in the same namespace.
 */
configMapKeyRef?: {
/**
 * The object's name.
 */
name: string
/**
 * The key in its data.
 */
key: string
/**
 * True: the variable is left out where the object or the key is missing. Else the task waits for it.
 */
optional?: boolean
}
/**
 * A key of a ConfigMap or Secret in the same namespace.
 */
secretKeyRef?: {
/**
 * The object's name.
 */
name: string
/**
 * The key in its data.
 */
key: string
/**
 * True: the variable is left out where the object or the key is missing. Else the task waits for it.
 */
optional?: boolean
}
/**
 * A field of the task itself.
 */
fieldRef?: {
/**
 * metadata.name, metadata.namespace, metadata.uid, metadata.labels['KEY'], metadata.annotations['KEY'], spec.workerName (spec.nodeName is the same) or status.hostIP.
 */
fieldPath: string
}
/**
 * A request or limit of the task. A limit that is not given is what the worker has to give; a request that is not given is the limit, and 0 without one.
 */
resourceFieldRef?: {
/**
 * Which of them.
 */
resource: ("limits.cpu" | "limits.memory" | "limits.ephemeral-storage" | "requests.cpu" | "requests.memory" | "requests.ephemeral-storage")
/**
 * The unit, for example 1m or 1Mi; absent: 1. The result is rounded up.
 */
divisor?: (number | string)
}
}
}[]
/**
 * ConfigMaps and Secrets all of whose keys become variables; later ones win, env wins over all.
 */
envFrom?: {
/**
 * Put before every key.
 */
prefix?: string
/**
 * An object in the same namespace.
 */
configMapRef?: {
/**
 * The object's name.
 */
name: string
/**
 * True: nothing is taken from it while it is missing. Else the task waits for it.
 */
optional?: boolean
}
/**
 * An object in the same namespace.
 */
secretRef?: {
/**
 * The object's name.
 */
name: string
/**
 * True: nothing is taken from it while it is missing. Else the task waits for it.
 */
optional?: boolean
}
}[]
/**
 * Ports the container listens on.
 */
ports?: {
/**
 * A name for the port, unique in the task.
 */
name?: string
/**
 * The port inside the container.
 */
containerPort: number
/**
 * The transport protocol.
 */
protocol?: ("TCP" | "UDP")
/**
 * The port on the worker. Absent: a free one, chosen once per binding and kept in status.ports.
 */
hostPort?: number
/**
 * The worker's address to publish on. Absent: the worker's publish address.
 */
hostIP?: string
/**
 * Whether the port is published on the worker at all; absent: it is.
 */
publish?: boolean
}[]
/**
 * What the task needs and may use.
 */
resources?: {
/**
 * What the scheduler sets aside. Where only a limit is given, the request is the limit.
 */
requests?: {
/**
 * Cores, for example 500m.
 */
cpu?: (number | string)
/**
 * Bytes, for example 64Mi.
 */
memory?: (number | string)
/**
 * Bytes on the worker's disk, for example 1Gi.
 */
"ephemeral-storage"?: (number | string)
}
/**
 * What the container may use at most.
 */
limits?: {
/**
 * Cores, for example 500m; at least 10m.
 */
cpu?: (number | string)
/**
 * Bytes, for example 64Mi; at least 6Mi.
 */
memory?: (number | string)
/**
 * Bytes that the container's own files, its emptyDir volumes on disk and its log may take, for example 1Gi. A container above it is stopped with the reason Evicted.
 */
"ephemeral-storage"?: (number | string)
}
}
/**
 * Processes and threads at once; absent: 4096.
 */
pidsLimit?: number
/**
 * The share of the disk's time where several want it, against 500 of those that say nothing; an engine whose kernel has no such weights leaves it out.
 */
ioWeight?: number
/**
 * Bytes of /dev/shm, for example 256Mi; absent: 64Mi.
 */
shmSize?: (number | string)
/**
 * Limits of each process, as setrlimit(2) has them; absent ones are the engine's.
 */
ulimits?: {
/**
 * The limit's name without RLIMIT_.
 */
name: ("as" | "core" | "cpu" | "data" | "fsize" | "locks" | "memlock" | "msgqueue" | "nice" | "nofile" | "nproc" | "rss" | "rtprio" | "rttime" | "sigpending" | "stack")
/**
 * What applies; -1: no limit.
 */
soft: number
/**
 * Up to where a process may raise it; -1: no limit.
 */
hard: number
}[]
/**
 * Directories and files that the container is given.
 */
volumes?: {
/**
 * What volumeMounts call it.
 */
name: string
/**
 * A directory that is empty at first and lives as long as the task stays on its worker.
 */
emptyDir?: {
/**
 * Memory: kept in memory, counted against the memory limit. Absent: on the worker's disk.
 */
medium?: ("" | "Memory")
/**
 * Bytes; in memory a write beyond it fails, on disk the container is stopped with the reason Evicted.
 */
sizeLimit?: (number | string)
}
/**
 * A path of the worker itself. Allowed only where the namespace's security level or the operator's list allows it.
 */
hostPath?: {
/**
 * The absolute path, without '..'.
 */
path: string
/**
 * What must be there before the container starts; absent: anything.
 */
type?: ("" | "DirectoryOrCreate" | "Directory" | "FileOrCreate" | "File" | "Socket" | "CharDevice" | "BlockDevice")
}
/**
 * A named volume of the worker's engine, made when it is missing, kept when the task goes, shared by the tasks of the namespace that name it.
 */
volume?: {
/**
 * The volume's name in the namespace.
 */
name: string
}
/**
 * The keys of a ConfigMap as files, kept up to date while the container runs.
 */
configMap?: {
/**
 * The ConfigMap's name.
 */
name: string
/**
 * Permission bits; absent: 0644 (decimal 420).
 */
defaultMode?: number
/**
 * Which keys, and where; absent: all, each as a file of its name.
 */
items?: {
/**
 * The key in the data.
 */
key: string
/**
 * The file's path inside the volume, without '..'.
 */
path: string
/**
 * Permission bits; absent: 0644 (decimal 420).
 */
mode?: number
}[]
/**
 * True: missing ones are left out. Else the task waits for them.
 */
optional?: boolean
}
/**
 * The keys of a Secret as files in memory, kept up to date while the container runs.
 */
secret?: {
/**
 * The Secret's name.
 */
secretName: string
/**
 * Permission bits; absent: 0644 (decimal 420).
 */
defaultMode?: number
/**
 * Which keys, and where; absent: all, each as a file of its name.
 */
items?: {
/**
 * The key in the data.
 */
key: string
/**
 * The file's path inside the volume, without '..'.
 */
path: string
/**
 * Permission bits; absent: 0644 (decimal 420).
 */
mode?: number
}[]
/**
 * True: missing ones are left out. Else the task waits for them.
 */
optional?: boolean
}
}[]
/**
 * Where the volumes appear inside the container.
 */
volumeMounts?: {
/**
 * The volume's name.
 */
name: string
/**
 * The absolute path inside the container.
 */
mountPath: string
/**
 * A path inside the volume that is mounted instead of all of it, without '..'. Such a mount of a ConfigMap or Secret is not kept up to date.
 */
subPath?: string
/**
 * True: the container cannot write to it. ConfigMaps and Secrets never can be written to.
 */
readOnly?: boolean
}[]
/**
 * Asked again and again while the container runs.
 */
livenessProbe?: {
/**
 * Succeeds when the command ends with 0 inside the container. It runs without a shell.
 */
exec?: {
/**
 * The program and its arguments.
 */
command: string[]
}
/**
 * Succeeds when the answer's status is from 200 to 399.
 */
httpGet?: {
/**
 * The path and query; absent: /.
 */
path?: string
/**
 * The container's port: its number, or its name in ports.
 */
port: (number | string)
/**
 * Who is asked; absent: the container.
 */
host?: string
/**
 * Absent: HTTP. With HTTPS the certificate is not checked.
 */
scheme?: ("HTTP" | "HTTPS")
/**
 * Headers of the request.
 */
httpHeaders?: {
/**
 * The header's name.
 */
name: string
/**
 * The header's value.
 */
value: string
}[]
}
/**
 * Succeeds when the port takes a connection.
 */
tcpSocket?: {
/**
 * The container's port: its number, or its name in ports.
 */
port: (number | string)
/**
 * Who is asked; absent: the container.
 */
host?: string
}
/**
 * Succeeds when grpc.health.v1.Health/Check answers SERVING.
 */
grpc?: {
/**
 * The container's port.
 */
port: number
/**
 * The service that is asked about; absent: the whole server.
 */
service?: string
}
/**
 * Seconds between the container's start and the first question; absent: 0.
 */
initialDelaySeconds?: number
/**
 * Seconds between two questions; absent: 10.
 */
periodSeconds?: number
/**
 * Seconds to wait for an answer; absent: 1.
 */
timeoutSeconds?: number
/**
 * Successes in a row after a failure that count as success; absent: 1.
 */
successThreshold?: number
/**
 * Failures in a row that count as failure; absent: 3.
 */
failureThreshold?: number
/**
 * Seconds between the stop signal and the kill where this probe failed; absent: the task's. Not for readiness.
 */
terminationGracePeriodSeconds?: number
}
/**
 * Asked again and again while the container runs.
 */
readinessProbe?: {
/**
 * Succeeds when the command ends with 0 inside the container. It runs without a shell.
 */
exec?: {
/**
 * The program and its arguments.
 */
command: string[]
}
/**
 * Succeeds when the answer's status is from 200 to 399.
 */
httpGet?: {
/**
 * The path and query; absent: /.
 */
path?: string
/**
 * The container's port: its number, or its name in ports.
 */
port: (number | string)
/**
 * Who is asked; absent: the container.
 */
host?: string
/**
 * Absent: HTTP. With HTTPS the certificate is not checked.
 */
scheme?: ("HTTP" | "HTTPS")
/**
 * Headers of the request.
 */
httpHeaders?: {
/**
 * The header's name.
 */
name: string
/**
 * The header's value.
 */
value: string
}[]
}
/**
 * Succeeds when the port takes a connection.
 */
tcpSocket?: {
/**
 * The container's port: its number, or its name in ports.
 */
port: (number | string)
/**
 * Who is asked; absent: the container.
 */
host?: string
}
/**
 * Succeeds when grpc.health.v1.Health/Check answers SERVING.
 */
grpc?: {
/**
 * The container's port.
 */
port: number
/**
 * The service that is asked about; absent: the whole server.
 */
service?: string
}
/**
 * Seconds between the container's start and the first question; absent: 0.
 */
initialDelaySeconds?: number
/**
 * Seconds between two questions; absent: 10.
 */
periodSeconds?: number
/**
 * Seconds to wait for an answer; absent: 1.
 */
timeoutSeconds?: number
/**
 * Successes in a row after a failure that count as success; absent: 1.
 */
successThreshold?: number
/**
 * Failures in a row that count as failure; absent: 3.
 */
failureThreshold?: number
/**
 * Seconds between the stop signal and the kill where this probe failed; absent: the task's. Not for readiness.
 */
terminationGracePeriodSeconds?: number
}
/**
 * Asked again and again while the container runs.
 */
startupProbe?: {
/**
 * Succeeds when the command ends with 0 inside the container. It runs without a shell.
 */
exec?: {
/**
 * The program and its arguments.
 */
command: string[]
}
/**
 * Succeeds when the answer's status is from 200 to 399.
 */
httpGet?: {
/**
 * The path and query; absent: /.
 */
path?: string
/**
 * The container's port: its number, or its name in ports.
 */
port: (number | string)
/**
 * Who is asked; absent: the container.
 */
host?: string
/**
 * Absent: HTTP. With HTTPS the certificate is not checked.
 */
scheme?: ("HTTP" | "HTTPS")
/**
 * Headers of the request.
 */
httpHeaders?: {
/**
 * The header's name.
 */
name: string
/**
 * The header's value.
 */
value: string
}[]
}
/**
 * Succeeds when the port takes a connection.
 */
tcpSocket?: {
/**
 * The container's port: its number, or its name in ports.
 */
port: (number | string)
/**
 * Who is asked; absent: the container.
 */
host?: string
}
/**
 * Succeeds when grpc.health.v1.Health/Check answers SERVING.
 */
grpc?: {
/**
 * The container's port.
 */
port: number
/**
 * The service that is asked about; absent: the whole server.
 */
service?: string
}
/**
 * Seconds between the container's start and the first question; absent: 0.
 */
initialDelaySeconds?: number
/**
 * Seconds between two questions; absent: 10.
 */
periodSeconds?: number
/**
 * Seconds to wait for an answer; absent: 1.
 */
timeoutSeconds?: number
/**
 * Successes in a row after a failure that count as success; absent: 1.
 */
successThreshold?: number
/**
 * Failures in a row that count as failure; absent: 3.
 */
failureThreshold?: number
/**
 * Seconds between the stop signal and the kill where this probe failed; absent: the task's. Not for readiness.
 */
terminationGracePeriodSeconds?: number
}
/**
 * What is done after the container's start and before its end.
 */
lifecycle?: {
/**
 * One act. A container whose postStart fails is stopped; preStop counts against the grace period.
 */
postStart?: {
/**
 * Succeeds when the command ends with 0 inside the container. It runs without a shell.
 */
exec?: {
/**
 * The program and its arguments.
 */
command: string[]
}
/**
 * Succeeds when the answer's status is from 200 to 399.
 */
httpGet?: {
/**
 * The path and query; absent: /.
 */
path?: string
/**
 * The container's port: its number, or its name in ports.
 */
port: (number | string)
/**
 * Who is asked; absent: the container.
 */
host?: string
/**
 * Absent: HTTP. With HTTPS the certificate is not checked.
 */
scheme?: ("HTTP" | "HTTPS")
/**
 * Headers of the request.
 */
httpHeaders?: {
/**
 * The header's name.
 */
name: string
/**
 * The header's value.
 */
value: string
}[]
}
/**
 * Succeeds when the port takes a connection.
 */
tcpSocket?: {
/**
 * The container's port: its number, or its name in ports.
 */
port: (number | string)
/**
 * Who is asked; absent: the container.
 */
host?: string
}
/**
 * Waits.
 */
sleep?: {
/**
 * How long.
 */
seconds: number
}
}
/**
 * One act. A container whose postStart fails is stopped; preStop counts against the grace period.
 */
preStop?: {
/**
 * Succeeds when the command ends with 0 inside the container. It runs without a shell.
 */
exec?: {
/**
 * The program and its arguments.
 */
command: string[]
}
/**
 * Succeeds when the answer's status is from 200 to 399.
 */
httpGet?: {
/**
 * The path and query; absent: /.
 */
path?: string
/**
 * The container's port: its number, or its name in ports.
 */
port: (number | string)
/**
 * Who is asked; absent: the container.
 */
host?: string
/**
 * Absent: HTTP. With HTTPS the certificate is not checked.
 */
scheme?: ("HTTP" | "HTTPS")
/**
 * Headers of the request.
 */
httpHeaders?: {
/**
 * The header's name.
 */
name: string
/**
 * The header's value.
 */
value: string
}[]
}
/**
 * Succeeds when the port takes a connection.
 */
tcpSocket?: {
/**
 * The container's port: its number, or its name in ports.
 */
port: (number | string)
/**
 * Who is asked; absent: the container.
 */
host?: string
}
/**
 * Waits.
 */
sleep?: {
/**
 * How long.
 */
seconds: number
}
}
}
/**
 * Seconds after the task's first start when it is stopped for good, with the reason DeadlineExceeded.
 */
activeDeadlineSeconds?: number
/**
 * Seconds after the task's end (Succeeded or Failed) when the object is deleted; absent: it is kept.
 */
ttlSecondsAfterFinished?: number
/**
 * Seconds between the stop signal and the kill.
 */
terminationGracePeriodSeconds?: number
/**
 * The signal that asks the container to stop; absent: the image's, or SIGTERM.
 */
stopSignal?: string
/**
 * Whether an ended container is started again.
 */
restartPolicy?: ("Always" | "OnFailure" | "Never")
/**
 * How long to wait between restarts: the first restart is at once, then the wait doubles.
 */
backoff?: {
/**
 * The wait before the second restart.
 */
initialSeconds?: number
/**
 * The longest wait.
 */
maxSeconds?: number
/**
 * A container that ran this long starts the count anew.
 */
resetSeconds?: number
}
/**
 * What must be so before the first container is started. Once it was, it is not asked again.
 */
dependsOn?: {
/**
 * The kind of the object in the same namespace.
 */
kind?: "Task"
/**
 * Its name.
 */
name: string
/**
 * Started: a container of it has been started. Ready: its condition Ready is True. Completed: its phase is Succeeded.
 */
condition?: ("Started" | "Ready" | "Completed")
}[]
/**
 * Stopped keeps the object and its history, without a container running.
 */
desiredState?: ("Running" | "Stopped")
/**
 * Privileges of the container.
 */
securityContext?: {
/**
 * The user id of the container's process.
 */
runAsUser?: number
/**
 * The group id of the container's process; only with runAsUser.
 */
runAsGroup?: number
/**
 * Mounts the container's root file system read-only.
 */
readOnlyRootFilesystem?: boolean
/**
 * True: a container whose user is root is not started.
 */
runAsNonRoot?: boolean
/**
 * Gives the container nearly all of the worker's own rights.
 */
privileged?: boolean
/**
 * Whether a process may gain more rights than its parent, for example by a set-user-id file; absent: no, unless privileged.
 */
allowPrivilegeEscalation?: boolean
/**
 * Which system calls are filtered; absent: RuntimeDefault.
 */
seccompProfile?: {
/**
 * RuntimeDefault: the engine's own list.
 */
type: ("RuntimeDefault" | "Unconfined" | "Localhost")
/**
 * A file below the worker's folder of seccomp profiles, without '..'.
 */
localhostProfile?: string
}
/**
 * Linux capabilities on top of, or missing from, the engine's default set.
 */
capabilities?: {
/**
 * Capabilities to add, without the CAP_ prefix.
 */
add?: string[]
/**
 * Capabilities to drop, without the CAP_ prefix.
 */
drop?: string[]
}
}
/**
 * How the container is connected.
 */
network?: {
/**
 * bridge: the network that all tasks of the namespace on this worker share, on which they find each other by name; host: the worker's own; none; any other name: a network of that name in the namespace.
 */
mode?: string
/**
 * The container's host name; absent: the task's name.
 */
hostname?: string
/**
 * Further names under which others on the network find it.
 */
aliases?: string[]
/**
 * Addresses of name servers; absent: the worker's.
 */
dns?: string[]
}
/**
 * True: the container sees and signals every process of the worker.
 */
hostPID?: boolean
/**
 * How much output is kept on the worker for each container.
 */
logs?: {
/**
 * Bytes of one file, for example 10Mi, which is the default.
 */
maxSize?: (number | string)
/**
 * How many files; absent: 5.
 */
maxFiles?: number
}
/**
 * Taints of workers that do not keep the task away.
 */
tolerations?: {
/**
 * The taint's name; absent: every taint.
 */
key?: string
/**
 * How the value compares; absent: Equal.
 */
operator?: ("Exists" | "Equal")
/**
 * The taint's value; absent: empty.
 */
value?: string
/**
 * The taint's effect; absent: every effect.
 */
effect?: ("NoSchedule" | "PreferNoSchedule")
}[]
/**
 * Labels that a worker must carry. gantry.dev/worker stands for the worker's own name.
 */
workerSelector?: {
[k: string]: string
}
/**
 * Who is placed first when several tasks wait for room: the highest; absent: 0.
 */
priority?: number
/**
 * PreemptLowerPriority: while there is no room for it, tasks of lower priority may be moved off a worker to make some; absent: Never.
 */
preemptionPolicy?: ("Never" | "PreemptLowerPriority")
/**
 * What is kept in status.result of what the container says as it ends. Asks for a file: $GANTRY_OUTPUT names one, in which each line KEY=VALUE is an output.
 */
outputs?: {
/**
 * How much of the end of standard output is kept, in bytes; absent: none.
 */
stdoutBytes?: number
}
/**
 * The worker the task is bound to. Written only by the tasks/binding subresource.
 */
workerName?: string
/**
 * Counts the bindings of this task. Written only by the tasks/binding subresource.
 */
bindingEpoch?: number
}
/**
 * What was seen, never what is hoped.
 */
status?: {
/**
 * Where the task is in its life.
 */
phase?: ("Pending" | "Running" | "Succeeded" | "Failed" | "Stopped" | "Unknown")
/**
 * One word that says why the task is in its phase.
 */
reason?: string
/**
 * A sentence for people.
 */
message?: string
/**
 * Scheduled (written by the scheduler), DependenciesMet (written by the dependency controller) and Ready (written by the worker).
 */
conditions?: {
/**
 * The condition's name.
 */
type: string
/**
 * Whether it holds.
 */
status: ("True" | "False" | "Unknown")
/**
 * One word that says why.
 */
reason: string
/**
 * A sentence for people.
 */
message: string
/**
 * When status last changed.
 */
lastTransitionTime: string
/**
 * The generation this was judged from.
 */
observedGeneration?: number
}[]
/**
 * The worker that wrote this status.
 */
workerName?: string
/**
 * The newest container.
 */
container?: {
/**
 * The engine's id.
 */
id?: string
/**
 * The container's name on the engine.
 */
name?: string
/**
 * The image it was made from.
 */
image?: string
/**
 * The image's id.
 */
imageID?: string
/**
 * The engine's word for its state.
 */
state?: string
/**
 * When it was started.
 */
startedAt?: string
/**
 * When it ended.
 */
finishedAt?: string
/**
 * How it ended.
 */
exitCode?: number
/**
 * The signal that ended it, where the exit code tells.
 */
signal?: number
/**
 * Whether it ran out of memory.
 */
oomKilled?: boolean
/**
 * Whether it got through postStart and its startup probe.
 */
started?: boolean
/**
 * While it is being stopped: why, in the word its end gets in the history.
 */
stopReason?: string
}
/**
 * Containers made for this task so far.
 */
attempts?: number
/**
 * Containers started again after one ended.
 */
restartCount?: number
/**
 * The last ended containers, newest first.
 */
history?: {
/**
 * Which container of the task it was.
 */
attempt: number
/**
 * The engine's id.
 */
id?: string
/**
 * The binding it was made under.
 */
epoch?: number
/**
 * The hash of the spec it was made from.
 */
specHash?: string
/**
 * How it ended.
 */
exitCode?: number
/**
 * The signal that ended it.
 */
signal?: number
/**
 * Completed, Error, OOMKilled, ContainerCannotRun, DeadlineExceeded, Evicted, LivenessFailed, Preempted, StartupFailed, Stopped or Superseded.
 */
reason: string
/**
 * The last lines it wrote, at most 2 KiB.
 */
output?: string
/**
 * The engine's own words, where it said any.
 */
message?: string
/**
 * When it was started.
 */
startedAt?: string
/**
 * When it ended.
 */
finishedAt?: string
}[]
/**
 * How far it is, percent, as it says itself: the last line ::progress N on its standard output, or progress=N in $GANTRY_OUTPUT.
 */
progress?: number
/**
 * With spec.outputs: what the last container said, once the task has Succeeded or Failed.
 */
result?: {
/**
 * The lines KEY=VALUE of the file $GANTRY_OUTPUT, of two with the same key the later; at most 64 of them and 64 KiB together.
 */
outputs?: {
[k: string]: string
}
/**
 * The end of standard output, at most spec.outputs.stdoutBytes; a byte that is no UTF-8 is shown as U+FFFD.
 */
stdout?: string
/**
 * What was wrong with the file, or left out of it.
 */
message?: string
}
/**
 * While the next try of what failed waits (a restart, a pull, a creation): when it begins.
 */
nextRestartAt?: string
/**
 * The published ports as the engine has them.
 */
ports?: {
/**
 * The port's name in the spec.
 */
name?: string
/**
 * The port inside the container.
 */
containerPort: number
/**
 * The transport protocol.
 */
protocol: string
/**
 * The worker's address.
 */
hostIP: string
/**
 * The port on the worker.
 */
hostPort: number
}[]
/**
 * The container's address on its network.
 */
ip?: string
/**
 * When the first container was started.
 */
startedAt?: string
/**
 * When the task reached Succeeded, Failed or Stopped.
 */
finishedAt?: string
/**
 * The generation this status was made from.
 */
observedGeneration?: number
/**
 * When this status last changed.
 */
observedAt?: string
}
}

/**
 * TaskSet keeps a number of equal Tasks, and replaces them step by step when their template changes.
 */
export interface TaskSet {
apiVersion: string
kind: string
metadata: ObjectMeta
/**
 * What is asked for.
 */
spec: {
/**
 * Replicated: spec.replicas tasks, wherever they fit; Global: one on every worker that the template's workerSelector and tolerations admit. A taint that comes later drives none away.
 */
mode?: ("Replicated" | "Global")
/**
 * How many tasks; absent: 1.
 */
replicas?: number
/**
 * Which tasks of the namespace are its: those that are nobody else's are adopted, those that do not match any more are let go. Must match the template's labels and gantry.dev/taskset, which its tasks get, and not be on controller-revision-hash.
 */
selector: {
/**
 * Labels a task must have.
 */
matchLabels?: {
[k: string]: string
}
/**
 * What must hold of its labels beside that.
 */
matchExpressions?: {
/**
 * The label.
 */
key: string
/**
 * How it is compared.
 */
operator: ("In" | "NotIn" | "Exists" | "DoesNotExist")
/**
 * With In and NotIn: the values.
 */
values?: string[]
}[]
}
/**
 * What each of its tasks is made from.
 */
template: {
/**
 * Labels and annotations of the tasks.
 */
metadata?: {
/**
 * Labels of the tasks.
 */
labels?: {
[k: string]: string
}
/**
 * Annotations of the tasks.
 */
annotations?: {
[k: string]: string
}
}
spec: Omit<Task['spec'], 'workerName' | 'bindingEpoch' | 'desiredState' | 'activeDeadlineSeconds' | 'ttlSecondsAfterFinished' | 'outputs' | 'restartPolicy'> & { restartPolicy?: "Always" }
}
/**
 * How tasks of a new revision take the places of those of the old.
 */
strategy?: {
/**
 * RollingUpdate: some at a time; Recreate: all old ones end before the first new one begins.
 */
type?: ("RollingUpdate" | "Recreate")
/**
 * How many more than spec.replicas there may be meanwhile: a number, or a percentage, rounded up. Canaries may be more.
 */
maxSurge?: (number | string)
/**
 * How many of spec.replicas may be unavailable meanwhile: a number, or a percentage, rounded down. Where both come to 0, this is 1.
 */
maxUnavailable?: (number | string)
/**
 * First only some of the new revision, beside all of the old one.
 */
canary?: {
/**
 * How many.
 */
replicas?: number
/**
 * True: the rest follows once these are available. False: once somebody promotes the revision.
 */
autoPromote?: boolean
}
/**
 * True: a revision that does not progress within progressDeadlineSeconds is given up, and the last stable one comes back. spec.template stays as it is; status.rejectedRevision says so.
 */
autoRevert?: boolean
}
/**
 * How long a task must have been ready to count as available.
 */
minReadySeconds?: number
/**
 * A rollout in which nothing has moved for this long has failed. More than minReadySeconds. Time in which it is paused or waits for promotion does not count.
 */
progressDeadlineSeconds?: number
/**
 * How many old revisions are kept, beside those in use, to go back to.
 */
revisionHistoryLimit?: number
/**
 * True: changes of the template wait; the number of replicas is still kept.
 */
paused?: boolean
}
/**
 * What was seen, never what is hoped.
 */
status?: {
/**
 * The generation this status was made from.
 */
observedGeneration?: number
/**
 * How many tasks are wanted: spec.replicas, or the number of matching workers.
 */
desiredReplicas?: number
/**
 * How many tasks there are that are not on their way out.
 */
replicas?: number
/**
 * How many of them are of the update revision.
 */
updatedReplicas?: number
/**
 * How many of them are Ready.
 */
readyReplicas?: number
/**
 * How many of them have been Ready for minReadySeconds.
 */
availableReplicas?: number
/**
 * How many of those wanted are not available.
 */
unavailableReplicas?: number
/**
 * Those to send work to: Ready, and not on their way out. A task leaves this list a second before its container is told to stop.
 */
endpoints?: {
/**
 * The task's name.
 */
task: string
/**
 * Its worker.
 */
workerName?: string
/**
 * The container's address on its network.
 */
ip?: string
/**
 * Where its ports are published.
 */
ports?: {
/**
 * The port's name in the spec.
 */
name?: string
/**
 * The port inside the container.
 */
containerPort: number
/**
 * The transport protocol.
 */
protocol: string
/**
 * The worker's address.
 */
hostIP: string
/**
 * The port on the worker.
 */
hostPort: number
}[]
}[]
/**
 * Tasks that were chosen to go: they take no new work, and are deleted a second after they left endpoints.
 */
leaving?: {
/**
 * The task's name.
 */
task: string
/**
 * Its uid.
 */
uid: string
/**
 * When it was chosen; RFC 3339 with milliseconds.
 */
since: string
/**
 * Superseded (another revision takes its place), ScaledDown, Failed, WorkerNotMatching or Recreate.
 */
reason: string
/**
 * Why this one.
 */
message?: string
}[]
/**
 * The ControllerRevision that most tasks were of before the update, until it is complete.
 */
currentRevision?: string
/**
 * The ControllerRevision of spec.template.
 */
updateRevision?: string
/**
 * The one new tasks are made from: the update revision, unless it was rejected.
 */
targetRevision?: string
/**
 * The last one that all tasks were of and available.
 */
lastStableRevision?: string
/**
 * An update revision that was given up (autoRevert). Another template, or a restart, begins anew.
 */
rejectedRevision?: string
/**
 * The revision whose canaries were promoted.
 */
promotedRevision?: string
/**
 * When the rollout last moved.
 */
lastProgressTime?: string
/**
 * While a rollout is under way: the furthest it has been. What only comes and goes, as a crash loop does, is no progress.
 */
furthest?: {
/**
 * The most there were of the target revision.
 */
updated?: number
/**
 * The most of them that were available.
 */
available?: number
/**
 * The fewest there were of other revisions, those on their way out included.
 */
outdated?: number
}
/**
 * With a fixed hostPort the old task stops before the new one starts: how long nobody answered there the last time.
 */
lastGap?: {
/**
 * The task that came.
 */
task?: string
/**
 * From the moment the old one left endpoints until the new one was Ready.
 */
seconds?: number
/**
 * When it was Ready.
 */
finishedAt?: string
}
/**
 * spec.selector as text, for /scale.
 */
selector?: string
/**
 * Available, Progressing and ReplicaFailure.
 */
conditions?: {
/**
 * The condition's name.
 */
type: string
/**
 * Whether it holds.
 */
status: ("True" | "False" | "Unknown")
/**
 * One word that says why.
 */
reason: string
/**
 * A sentence for people.
 */
message: string
/**
 * When status last changed.
 */
lastTransitionTime: string
/**
 * The generation this was judged from.
 */
observedGeneration?: number
}[]
}
}

/**
 * TaskTemplate is a kind of work that can be dispatched. A Run with a templateRef, or a step of a Job, is one time it is done.
 */
export interface TaskTemplate {
apiVersion: string
kind: string
metadata: ObjectMeta
/**
 * What is asked for.
 */
spec: {
/**
 * What it does, for people.
 */
description?: string
/**
 * A JSON Schema (draft 2020-12) of an object: what a run may be given. Absent: nothing.
 */
parameters?: {

}
/**
 * What the task is made from. $(parameters.NAME) in its image, command, args and the values of env is the value of a parameter.
 */
template: {
/**
 * Labels and annotations of the task.
 */
metadata?: {
/**
 * Labels of the task.
 */
labels?: {
[k: string]: string
}
/**
 * Annotations of the task.
 */
annotations?: {
[k: string]: string
}
}
spec: Omit<Task['spec'], 'workerName' | 'bindingEpoch' | 'desiredState' | 'backoff' | 'dependsOn' | 'activeDeadlineSeconds' | 'ttlSecondsAfterFinished' | 'outputs' | 'priority' | 'workerSelector' | 'restartPolicy'> & { restartPolicy?: "Never" }
}
/**
 * Labels that a worker must carry to be given this work.
 */
workerSelector?: {
[k: string]: string
}
/**
 * The priority of runs that say nothing; absent: 0.
 */
priority?: number
/**
 * Each try is killed after this long.
 */
timeoutSeconds?: number
/**
 * Whether work that failed is tried again, where a Job does not say.
 */
retries?: {
/**
 * How often at most, beside the first time.
 */
limit?: number
/**
 * The wait before the first retry; it doubles each time, up to an hour.
 */
backoffSeconds?: number
/**
 * After which failures; see a Job's retries.
 */
on?: ("Always" | "Transient" | "Never")
}
}
}

/**
 * Worker is one Docker engine and the agent beside it.
 */
export interface Worker {
apiVersion: string
kind: string
metadata: ObjectMeta
/**
 * What is asked for.
 */
spec?: {
/**
 * No new tasks are placed here.
 */
unschedulable?: boolean
/**
 * What keeps tasks away that do not tolerate it.
 */
taints?: {
/**
 * The taint's name.
 */
key: string
/**
 * Its value.
 */
value?: string
/**
 * NoSchedule: no new task without a toleration is placed here; PreferNoSchedule: only where no other worker fits.
 */
effect: ("NoSchedule" | "PreferNoSchedule")
}[]
}
/**
 * What was seen.
 */
status?: {
/**
 * What the machine has.
 */
capacity?: {
/**
 * Cores.
 */
cpu?: string
/**
 * Bytes.
 */
memory?: string
/**
 * Bytes of the engine's disk.
 */
"ephemeral-storage"?: string
}
/**
 * What tasks may ask for together.
 */
allocatable?: {
/**
 * Cores.
 */
cpu?: string
/**
 * Bytes.
 */
memory?: string
/**
 * Bytes of the engine's disk.
 */
"ephemeral-storage"?: string
}
/**
 * Ready (written by the lifecycle controller once the lease is lost, by the agent otherwise), RuntimeReady, MemoryPressure and DiskPressure.
 */
conditions?: {
/**
 * The condition's name.
 */
type: string
/**
 * Whether it holds.
 */
status: ("True" | "False" | "Unknown")
/**
 * One word that says why.
 */
reason: string
/**
 * A sentence for people.
 */
message: string
/**
 * When status last changed.
 */
lastTransitionTime: string
/**
 * The generation this was judged from.
 */
observedGeneration?: number
}[]
/**
 * Where the worker is reached; the first is where its ports are published.
 */
addresses?: {
/**
 * What kind of address.
 */
type: ("InternalIP" | "Hostname")
/**
 * The address.
 */
address: string
}[]
/**
 * What the machine and the engine say of themselves.
 */
info?: {
/**
 * The operating system.
 */
os?: string
/**
 * The processor architecture.
 */
arch?: string
/**
 * The kernel's version.
 */
kernel?: string
/**
 * The engine's version.
 */
dockerVersion?: string
/**
 * Gantry's version.
 */
agentVersion?: string
}
/**
 * The generation this status was made from.
 */
observedGeneration?: number
}
}

/**
 * ClusterRole is a set of rules that a ClusterRoleBinding or a RoleBinding grants.
 */
export interface ClusterRole {
apiVersion: string
kind: string
metadata: ObjectMeta
/**
 * What the role allows. Rules only add; nothing can be denied.
 */
rules?: ({
/**
 * The verbs allowed; * is all of them.
 */
verbs: (string[] | null)
/**
 * The groups of the resources; the empty one is core, * is all of them.
 */
apiGroups?: string[]
/**
 * Resources such as tasks, subresources such as tasks/status, * /status; * is all of them.
 */
resources?: string[]
/**
 * Only objects with these names; empty is all of them.
 */
resourceNames?: string[]
/**
 * Paths such as /metrics; a star is allowed only as the last part.
 */
nonResourceURLs?: string[]
}[] | null)
/**
 * When given, a controller fills rules with those of all cluster roles that a selector selects.
 */
aggregationRule?: {
/**
 * Which cluster roles are gathered.
 * 
 * Items: A label selector.
 */
clusterRoleSelectors?: {
/**
 * Labels that must have these values.
 */
matchLabels?: {
[k: string]: string
}
/**
 * Requirements that must all hold.
 * 
 * Items: A requirement on one label.
 */
matchExpressions?: {
/**
 * The label.
 */
key: string
/**
 * In, NotIn, Exists or DoesNotExist.
 */
operator: string
/**
 * The values of In and NotIn.
 */
values?: string[]
}[]
}[]
}
}

/**
 * ClusterRoleBinding grants a ClusterRole in the whole cluster.
 */
export interface ClusterRoleBinding {
apiVersion: string
kind: string
metadata: ObjectMeta
/**
 * The role that is granted. It never changes; to grant another one, delete the binding and make a new one.
 */
roleRef: {
/**
 * The role's group: rbac.authorization.k8s.io.
 */
apiGroup?: string
/**
 * ClusterRole.
 */
kind: string
/**
 * The role's name.
 */
name: string
}
/**
 * Who is granted the role.
 */
subjects?: ({
/**
 * User, Group or ServiceAccount.
 */
kind: string
/**
 * rbac.authorization.k8s.io for User and Group, empty for ServiceAccount.
 */
apiGroup?: string
/**
 * The subject's name.
 */
name: string
/**
 * The service account's namespace; users and groups have none.
 */
namespace?: string
}[] | null)
}

/**
 * Role is a set of rules that hold in one namespace.
 */
export interface Role {
apiVersion: string
kind: string
metadata: ObjectMeta
/**
 * What the role allows. Rules only add; nothing can be denied.
 */
rules?: ({
/**
 * The verbs allowed; * is all of them.
 */
verbs: (string[] | null)
/**
 * The groups of the resources; the empty one is core, * is all of them.
 */
apiGroups?: string[]
/**
 * Resources such as tasks, subresources such as tasks/status, * /status; * is all of them.
 */
resources?: string[]
/**
 * Only objects with these names; empty is all of them.
 */
resourceNames?: string[]
/**
 * Paths such as /metrics; a star is allowed only as the last part.
 */
nonResourceURLs?: string[]
}[] | null)
}

/**
 * RoleBinding grants a Role, or a ClusterRole within its namespace.
 */
export interface RoleBinding {
apiVersion: string
kind: string
metadata: ObjectMeta
/**
 * The role that is granted. It never changes; to grant another one, delete the binding and make a new one.
 */
roleRef: {
/**
 * The role's group: rbac.authorization.k8s.io.
 */
apiGroup?: string
/**
 * Role or ClusterRole.
 */
kind: string
/**
 * The role's name.
 */
name: string
}
/**
 * Who is granted the role.
 */
subjects?: ({
/**
 * User, Group or ServiceAccount.
 */
kind: string
/**
 * rbac.authorization.k8s.io for User and Group, empty for ServiceAccount.
 */
apiGroup?: string
/**
 * The subject's name.
 */
name: string
/**
 * The service account's namespace; users and groups have none.
 */
namespace?: string
}[] | null)
}
