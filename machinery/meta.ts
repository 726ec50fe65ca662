/**
 * The shape every stored object has, in Kubernetes' own words.
 *
 * Source of the field rules: Kubernetes API conventions, "Metadata" and "Types (Kinds)".
 * Objects that come out of a client or a cache are shared: treat them as frozen and copy before changing.
 */

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

/** Which manager owns which fields, in Kubernetes' FieldsV1 form. Source: meta/v1 ManagedFieldsEntry. */
export interface ManagedFieldsEntry {
  manager: string;
  operation: 'Apply' | 'Update';
  apiVersion: string;
  /** RFC 3339, seconds. */
  time?: string;
  fieldsType: 'FieldsV1';
  fieldsV1: Record<string, unknown>;
  subresource?: string;
}

export interface ObjectMeta {
  name: string;
  generateName?: string;
  namespace?: string;
  /** Set by the server at creation, never reused. */
  uid?: string;
  /** Opaque to clients; compare for equality only. */
  resourceVersion?: string;
  /** Grows by one with every change of the desired state (spec). */
  generation?: number;
  /** RFC 3339, seconds. */
  creationTimestamp?: string;
  deletionTimestamp?: string;
  deletionGracePeriodSeconds?: number;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
  managedFields?: ManagedFieldsEntry[];
}

export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
}

/** An object of a kind known only at run time. */
export interface DynamicObject extends KubeObject {
  [field: string]: unknown;
}

export interface ObjectList<T extends KubeObject> {
  apiVersion: string;
  kind: string;
  metadata: { resourceVersion?: string; continue?: string; remainingItemCount?: number };
  items: T[];
}

/** Where objects of one kind live on the wire, and the type they have. */
export interface Resource<T extends KubeObject = DynamicObject> {
  /** Empty for Kubernetes' core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Never set: ties the resource to its object type. */
  readonly phantom?: T;
}

/** Names one object of a known resource. Cluster-scoped objects have no namespace. */
export interface ObjectKey {
  readonly namespace?: string;
  readonly name: string;
}

/** `gantry.dev/v1`, or `v1` for the core group. */
export function apiVersionOf(resource: { readonly group: string; readonly version: string }): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

/** `tasks` or `tasks.gantry.dev`: how Kubernetes' messages name a resource. */
export function qualifiedName(resource: { readonly group: string; readonly plural: string }): string {
  return resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
}

/** How log lines name an object: `tasks.gantry.dev/default/hello`, `workers.gantry.dev/w1`. */
export function objectPath(
  resource: { readonly group: string; readonly plural: string },
  key: string,
): string {
  return `${qualifiedName(resource)}/${key}`;
}

/** Core, the bare early groups (`apps`) and everything under k8s.io: kinds whose types clients have compiled in. */
export function isKubernetesGroup(group: string): boolean {
  return !group.includes('.') || group.endsWith('.k8s.io');
}

/** `namespace/name`, or `name` for cluster-scoped objects: the form work queues carry. */
export function keyString(key: ObjectKey): string {
  return key.namespace === undefined ? key.name : `${key.namespace}/${key.name}`;
}

export function parseKey(text: string): ObjectKey {
  const slash = text.indexOf('/');
  return slash < 0 ? { name: text } : { namespace: text.slice(0, slash), name: text.slice(slash + 1) };
}

export function keyOf(object: KubeObject): ObjectKey {
  const { namespace, name } = object.metadata;
  return namespace === undefined ? { name } : { namespace, name };
}
