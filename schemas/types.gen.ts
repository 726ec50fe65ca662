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
 * Labels that a worker must carry.
 */
workerSelector?: {
[k: string]: string
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
 * Completed, Error, OOMKilled, ContainerCannotRun, DeadlineExceeded, Evicted, LivenessFailed, StartupFailed, Stopped or Superseded.
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
 * While the restart waits: when the next attempt begins.
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
