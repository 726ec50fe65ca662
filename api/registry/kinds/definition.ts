/**
 * A CustomResourceDefinition as it lives in the store: a kind's document with metadata and a status, and what it says
 * about how far it has come. Source: apiextensions.k8s.io/v1.
 */
import { findCondition } from '../../../machinery/conditions.ts';
import { isRecord } from '../../../machinery/json.ts';
import type { DynamicObject, ObjectMeta, Resource } from '../../../machinery/meta.ts';
import type { KindDocument, KindNames } from '../../../schemas/crd.ts';

export type Definition = DynamicObject & Omit<KindDocument, 'metadata'> & { metadata: ObjectMeta };

export const definitions: Resource<Definition> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};

/** Keeps a definition until its objects are gone. */
export const FINALIZER_CLEANUP = 'customresourcecleanup.apiextensions.k8s.io';

export type DefinitionCondition = 'NamesAccepted' | 'Established' | 'Terminating';

/** Throws for an object that admission would never have let in. */
export function asDefinition(object: DynamicObject): Definition {
  if (isDefinition(object)) return object;
  throw new Error(`${object.kind} ${object.metadata.name} is kept among the definitions and is none`);
}

function isDefinition(object: DynamicObject): object is Definition {
  const { spec } = object;
  return (
    object.kind === definitions.kind &&
    isRecord(spec) &&
    isRecord(spec['names']) &&
    Array.isArray(spec['versions'])
  );
}

export function isTrue({ status }: Definition, type: DefinitionCondition): boolean {
  return findCondition(status?.conditions, type)?.status === 'True';
}

/** The document that is served: under the names that were accepted, which may be fewer than asked for. */
export function acceptedDocument({ apiVersion, kind, metadata, spec, status }: Definition): KindDocument {
  return {
    apiVersion,
    kind,
    metadata: { name: metadata.name },
    spec: { ...spec, names: { ...spec.names, ...withoutEmpty(status?.acceptedNames ?? {}) } },
  };
}

/** What the cache, the schemas and the routes of a kind follow from: another text means building them anew. */
export function signatureOf({ spec, status }: Definition): string {
  return JSON.stringify([spec, status?.acceptedNames]);
}

function withoutEmpty(names: Partial<KindNames>): Partial<KindNames> {
  return Object.fromEntries(Object.entries(names).filter(([, name]) => name !== ''));
}
