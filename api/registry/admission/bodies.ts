/**
 * Request bodies as admission reads them: what is unknown or said twice is told or refused as the caller wants it
 * (`fieldValidation`), what contradicts the path is refused.
 */
import { ApiError } from '../../../machinery/errors.ts';
import { isRecord } from '../../../machinery/json.ts';
import { apiVersionOf, isKubernetesGroup, type ObjectKey, type ObjectMeta } from '../../../machinery/meta.ts';
import { readWish } from '../fields/apply.ts';
import type { KindEntry } from '../kindtable.ts';
import type { RegistryWriteOptions } from '../types.ts';
import { typeName } from './fielderrors.ts';
import { conflict, readMetadata } from './metadata.ts';
import { conformObject, pruneObject } from './structural.ts';

export interface Read {
  readonly metadata: Partial<ObjectMeta>;
  readonly fields: Record<string, unknown>;
  readonly warnings: readonly string[];
  /** `metadata.managedFields` as sent, not yet read. */
  readonly sentEntries: unknown;
}

/**
 * The object of a create or update: of the right kind, its metadata of the right types, the rest pruned and defaulted.
 * Throws `BadRequest`.
 */
export function readBody(
  entry: KindEntry,
  body: unknown,
  options: RegistryWriteOptions,
  status: 'kept' | 'dropped',
): Read {
  const { kind } = entry;
  if (!isRecord(body)) {
    throw new ApiError('BadRequest', `the body must be a ${kind.kind} object, found ${typeName(body)}`);
  }
  const wanted = apiVersionOf(kind);
  for (const [field, value] of [
    ['kind', kind.kind],
    ['apiVersion', wanted],
  ] as const) {
    const found = body[field];
    if (found === value) continue;
    // Clients with compiled types leave out what the path says already.
    if ((found === undefined || found === '') && isKubernetesGroup(kind.group)) continue;
    throw new ApiError(
      'BadRequest',
      found === undefined || found === ''
        ? `Object '${field}' is missing in the body, wanted ${JSON.stringify(value)}`
        : `the ${field} of the body (${typeof found === 'string' ? found : typeName(found)}) does not match the one expected here (${value})`,
    );
  }
  const { metadata, unknown } = readMetadata(body['metadata']);
  const { status: _dropped, ...rest } = body;
  const conformed = conformObject(entry.schema, status === 'dropped' ? rest : body);
  const fields = isRecord(conformed.value) ? conformed.value : {};
  const sentEntries = isRecord(body['metadata']) ? body['metadata']['managedFields'] : undefined;
  return { metadata, fields, warnings: told([...unknown, ...conformed.unknown], options), sentEntries };
}

/** As many as Kubernetes tells of. */
const MAX_TOLD = 100;

/** Warnings of fields that nobody knows, or a refusal of them, as the caller wants it. */
function told(
  unknown: readonly string[],
  { fieldValidation = 'Warn', duplicates = [] }: RegistryWriteOptions,
): string[] {
  const found = [
    ...[...unknown]
      .sort()
      .slice(0, MAX_TOLD)
      .map((path) => `unknown field "${path}"`),
    ...duplicates.map((path) => `duplicate field "${path}"`),
  ];
  if (found.length > 0 && fieldValidation === 'Strict') {
    throw new ApiError('BadRequest', `strict decoding error: ${found.join(', ')}`);
  }
  return fieldValidation === 'Warn' ? found : [];
}

/** A wish without what its way of writing does not write, and without what the schema does not know. */
export function readApplied(
  entry: KindEntry,
  key: ObjectKey,
  body: unknown,
  options: RegistryWriteOptions,
): { wish: Record<string, unknown>; warnings: string[] } {
  const { apiVersion, kind, metadata: sent, ...rest } = readWish(entry, body);
  const { metadata, unknown } = readMetadata(sent);
  const name = metadata.name ?? key.name;
  if (name !== key.name) {
    throw new ApiError(
      'BadRequest',
      `the name of the object (${name}) does not match the name on the URL (${key.name})`,
    );
  }
  namespaceFor(entry, metadata.namespace, key.namespace);
  const pruned = pruneObject(entry.schema, rest);
  const warnings = told([...unknown, ...pruned.unknown], options);
  const { status, ...fields } = isRecord(pruned.value) ? pruned.value : {};
  const { uid, resourceVersion } = metadata;
  const identity = {
    name,
    ...(key.namespace === undefined ? {} : { namespace: key.namespace }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
  if (options.subresource === 'status') {
    return {
      wish: { apiVersion, kind, metadata: identity, ...(status === undefined ? {} : { status }) },
      warnings,
    };
  }
  return {
    wish: {
      apiVersion,
      kind,
      metadata: { ...metadata, ...identity },
      ...fields,
      ...(entry.hasStatus || status === undefined ? {} : { status }),
    },
    warnings,
  };
}

/** 409 for a wish that names the uid of an object that is not there. */
export function requireNoUid({ kind }: KindEntry, key: ObjectKey, body: unknown): void {
  const metadata = isRecord(body) && isRecord(body['metadata']) ? body['metadata'] : {};
  const { uid } = metadata;
  if (typeof uid !== 'string' || uid === '') return;
  throw conflict(
    kind,
    key.name,
    `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`,
  );
}

/** The namespace of the object, from its body and the request, which must agree. Throws `BadRequest`. */
export function namespaceFor(
  { kind }: KindEntry,
  inBody: string | undefined,
  inRequest: string | undefined,
): string | undefined {
  const sent = inBody === '' ? undefined : inBody;
  if (!kind.namespaced) {
    if (sent === undefined && inRequest === undefined) return undefined;
    throw new ApiError('BadRequest', `${kind.kind} has no namespace, found "${sent ?? inRequest}"`);
  }
  const namespace = inRequest ?? sent;
  if (namespace === undefined) {
    throw new ApiError(
      'BadRequest',
      `${kind.kind} needs a namespace, found none in the request or in metadata.namespace`,
    );
  }
  if (sent !== undefined && sent !== namespace) {
    throw new ApiError(
      'BadRequest',
      `the namespace of the provided object (${sent}) does not match the namespace sent on the request (${namespace})`,
    );
  }
  return namespace;
}
