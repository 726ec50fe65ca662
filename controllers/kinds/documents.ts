/** Which kinds there are to follow, from their documents. Pure. */
import { findCondition } from '../../machinery/conditions.ts';
import { apiVersionOf, type KubeObject, qualifiedName, type Resource } from '../../machinery/meta.ts';
import type { KindDocument } from '../../schemas/crd.ts';

/** A kind and how it is read: one resource, whatever the number of versions it is served in. */
export interface KindSource {
  /** `tasks.gantry.dev`, or `configmaps` for the core group. */
  readonly name: string;
  /** The version objects are kept in if that is served, else the first that is. */
  readonly resource: Resource<KubeObject>;
  /** Every `apiVersion/kind` by which an object of it may be referred to. */
  readonly references: readonly string[];
}

/** What a reference calls a kind. */
export function referenceName(apiVersion: string, kind: string): string {
  return `${apiVersion}/${kind}`;
}

/** A user's definition may stand for a while before it is served. */
export function isEstablished({ status }: KindDocument): boolean {
  return findCondition(status?.conditions, 'Established')?.status === 'True';
}

/** Undefined for a document that serves nothing. */
export function kindSource(document: KindDocument): KindSource | undefined {
  const { group, names, scope, versions } = document.spec;
  const served = versions.filter((version) => version.served);
  const read = served.find((version) => version.storage) ?? served[0];
  if (read === undefined) return undefined;
  const resource = {
    group,
    version: read.name,
    plural: names.plural,
    kind: names.kind,
    namespaced: scope === 'Namespaced',
  };
  return {
    name: qualifiedName(resource),
    resource,
    references: served.map(({ name }) => referenceName(apiVersionOf({ group, version: name }), names.kind)),
  };
}

export function isSameSource(a: KindSource, b: KindSource): boolean {
  return (
    a.resource.version === b.resource.version &&
    a.resource.kind === b.resource.kind &&
    a.resource.namespaced === b.resource.namespaced
  );
}
