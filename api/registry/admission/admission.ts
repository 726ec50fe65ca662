/**
 * From what a client sent to what would be stored: pruned, defaulted, stamped with what the server alone decides, and
 * validated. Nothing here touches the store or knows who asks.
 */
import type { Clock } from '../../../machinery/clock.ts';
import { ApiError } from '../../../machinery/errors.ts';
import { isRecord, isSameJson } from '../../../machinery/json.ts';
import { ANNOTATION_TRACE } from '../../../machinery/labels.ts';
import {
  apiVersionOf,
  type DynamicObject,
  type ObjectKey,
  type ObjectMeta,
} from '../../../machinery/meta.ts';
import type { Random } from '../../../machinery/random.ts';
import { currentTrace } from '../../../machinery/trace.ts';
import type { KindEntry } from '../kindtable.ts';
import type { RegistryWriteOptions } from '../types.ts';
import { type FieldProblem, invalidObject, typeName } from './fielderrors.ts';
import {
  changedMetadata,
  metadataChangeProblems,
  metadataProblems,
  newMetadata,
  readMetadata,
} from './metadata.ts';
import { conformObject } from './structural.ts';

export interface Admitted {
  /** As it would be stored; without resourceVersion. */
  readonly object: DynamicObject;
  readonly warnings: readonly string[];
  /** The resourceVersion the client sent, if it sent one. */
  readonly sentVersion: string | undefined;
}

interface Read {
  readonly metadata: Partial<ObjectMeta>;
  readonly fields: Record<string, unknown>;
  readonly warnings: readonly string[];
}

/** Fields of the root that are not desired state. */
const NOT_DESIRED: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata', 'status']);

export class Admission {
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Throws `BadRequest` for what cannot be read and `Invalid` for what may not be. */
  create(entry: KindEntry, body: unknown, options: RegistryWriteOptions): Admitted {
    const { hasStatus, hasGeneration } = entry;
    const sent = readBody(entry, body, options, hasStatus ? 'dropped' : 'kept');
    const namespace = namespaceFor(entry, sent.metadata.namespace, options.namespace);
    const metadata = newMetadata(sent.metadata, namespace, {
      nowMs: this.#clock.now(),
      random: this.#random,
      hasGeneration,
    });
    // A dry run shows what the wish changes, and its own trace is not part of the wish.
    const isStamped = hasGeneration && options.dryRun !== true;
    const object = assemble(entry, isStamped ? stampTrace(metadata) : metadata, sent.fields);
    const problems = [...(entry.rules.onCreate?.(object) ?? [])];
    problems.push(
      ...metadataProblems(entry, object.metadata),
      ...entry.validator.problems(object, undefined),
    );
    refuse(entry, metadata.name, problems);
    return { object, warnings: sent.warnings, sentVersion: undefined };
  }

  /** The same for a change of an object that is there. `subresource` `status` changes status and nothing else. */
  update(
    entry: KindEntry,
    key: ObjectKey,
    before: DynamicObject,
    body: unknown,
    options: RegistryWriteOptions,
  ): Admitted {
    const { kind, hasStatus } = entry;
    const sent = readBody(entry, body, options, 'kept');
    namespaceFor(entry, sent.metadata.namespace, key.namespace);
    const name = sent.metadata.name ?? key.name;
    if (name !== key.name) {
      throw new ApiError(
        'BadRequest',
        `the name of the object (${name}) does not match the name on the URL (${key.name})`,
      );
    }
    const metadata = changedMetadata(kind, sent.metadata, before.metadata);
    const sentVersion = sent.metadata.resourceVersion;
    if (options.subresource === 'status') {
      const { resourceVersion: _served, ...kept } = before.metadata;
      const object: DynamicObject = { ...before, metadata: kept };
      if (sent.fields['status'] === undefined) delete object['status'];
      else object['status'] = sent.fields['status'];
      const problems = [...(entry.rules.onUpdate?.(object, before, 'status') ?? [])];
      refuse(entry, key.name, [...problems, ...entry.validator.problems(object, before)]);
      return { object, warnings: sent.warnings, sentVersion };
    }
    if (hasStatus) {
      if (before['status'] === undefined) delete sent.fields['status'];
      else sent.fields['status'] = before['status'];
    }
    const problems = metadataChangeProblems(sent.metadata, before.metadata);
    const wished = assemble(entry, metadata, sent.fields);
    problems.push(...(entry.rules.onUpdate?.(wished, before, undefined) ?? []));
    const object = {
      ...wished,
      metadata: this.#counted(entry, wished.metadata, before, wished, options.dryRun === true),
    };
    problems.push(...metadataProblems(entry, object.metadata), ...entry.validator.problems(object, before));
    refuse(entry, key.name, problems);
    return { object, warnings: sent.warnings, sentVersion };
  }

  /** Metadata with the generation and the trace moved on when the desired state changed. */
  #counted(
    { hasGeneration }: KindEntry,
    metadata: ObjectMeta,
    before: DynamicObject,
    fields: Readonly<Record<string, unknown>>,
    isDryRun: boolean,
  ): ObjectMeta {
    if (!hasGeneration) return metadata;
    const names = new Set([...Object.keys(before), ...Object.keys(fields)]);
    const isChanged = [...names].some(
      (field) => !NOT_DESIRED.has(field) && !isSameJson(before[field], fields[field]),
    );
    const kept = withTraceId(metadata, before.metadata.annotations?.[ANNOTATION_TRACE]);
    if (!isChanged) return kept;
    const counted = { ...kept, generation: (metadata.generation ?? 0) + 1 };
    return isDryRun ? counted : stampTrace(counted);
  }
}

/** Stamps the current trace, for what is wished anew. */
export function stampTrace(metadata: ObjectMeta): ObjectMeta {
  const traceId = currentTrace()?.traceId;
  return traceId === undefined ? metadata : withTraceId(metadata, traceId);
}

/** The annotation is the server's: as given here, or absent, whatever a client sent. */
function withTraceId(metadata: ObjectMeta, traceId: string | undefined): ObjectMeta {
  if (metadata.annotations?.[ANNOTATION_TRACE] === traceId) return metadata;
  const { annotations: sent, ...rest } = metadata;
  const { [ANNOTATION_TRACE]: _sent, ...others } = sent ?? {};
  const annotations = traceId === undefined ? others : { ...others, [ANNOTATION_TRACE]: traceId };
  return Object.keys(annotations).length === 0 ? rest : { ...rest, annotations };
}

function readBody(
  entry: KindEntry,
  body: unknown,
  { fieldValidation = 'Warn' }: RegistryWriteOptions,
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
  const found = [...unknown, ...conformed.unknown].sort().map((path) => `unknown field "${path}"`);
  if (found.length > 0 && fieldValidation === 'Strict') {
    throw new ApiError('BadRequest', `strict decoding error: ${found.join(', ')}`);
  }
  return { metadata, fields, warnings: fieldValidation === 'Warn' ? found : [] };
}

function namespaceFor(
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

function assemble(
  { kind }: KindEntry,
  metadata: ObjectMeta,
  fields: Readonly<Record<string, unknown>>,
): DynamicObject {
  const { apiVersion: _version, kind: _kind, metadata: _sent, ...rest } = fields;
  return { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata, ...rest };
}

function refuse({ kind }: KindEntry, name: string, problems: readonly FieldProblem[]): void {
  if (problems.length > 0) throw invalidObject(kind, name, problems);
}
