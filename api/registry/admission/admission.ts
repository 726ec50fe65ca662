/**
 * From what a client sent to what would be stored: pruned, defaulted, stamped with what the server alone decides, and
 * validated. Nothing here writes, or knows who asks; other objects are looked at as the caches have them.
 */
import { type Clock, timestamp } from '../../../machinery/clock.ts';
import { ApiError } from '../../../machinery/errors.ts';
import { isSameJson } from '../../../machinery/json.ts';
import { ANNOTATION_TRACE } from '../../../machinery/labels.ts';
import {
  apiVersionOf,
  type DynamicObject,
  type ObjectKey,
  type ObjectMeta,
  type Resource,
} from '../../../machinery/meta.ts';
import type { Random } from '../../../machinery/random.ts';
import { currentTrace } from '../../../machinery/trace.ts';
import { runs } from '../../../schemas/kinds.ts';
import { planApply } from '../fields/apply.ts';
import { type Entries, entriesSent, trackUpdate, type Writer, withEntries } from '../fields/tracking.ts';
import type { KindEntry } from '../kindtable.ts';
import type { RegistryWriteOptions } from '../types.ts';
import { namespaceFor, type Read, readApplied, readBody } from './bodies.ts';
import { type FieldProblem, invalidObject } from './fielderrors.ts';
import { changedMetadata, metadataChangeProblems, metadataProblems, newMetadata } from './metadata.ts';
import { type FindObject, NOTHING_FOUND } from './rules/rules.ts';

export interface Admitted {
  /** As it would be stored; without resourceVersion. */
  readonly object: DynamicObject;
  readonly warnings: readonly string[];
  /** The resourceVersion the client sent, if it sent one. */
  readonly sentVersion: string | undefined;
}

/** The entries of an object that is about to be stored. */
type Track = (after: DynamicObject, sent: Read) => Entries;

/** Fields of the root that are not desired state. */
const NOT_DESIRED: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata', 'status']);

export class Admission {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #find: FindObject;

  constructor(clock: Clock, random: Random, find: FindObject) {
    this.#clock = clock;
    this.#random = random;
    this.#find = find;
  }

  /** Throws `BadRequest` for what cannot be read and `Invalid` for what may not be. */
  create(entry: KindEntry, body: unknown, options: RegistryWriteOptions): Admitted {
    // Whoever creates an object gave every field its value: what the body says of others does not count.
    return this.#create(entry, body, options, (after) =>
      trackUpdate(entry, undefined, after, undefined, writerOf(options), this.#time()),
    );
  }

  /** The same for a change of an object that is there. `subresource` `status` changes status and nothing else. */
  update(
    entry: KindEntry,
    key: ObjectKey,
    before: DynamicObject,
    body: unknown,
    options: RegistryWriteOptions,
  ): Admitted {
    return this.#update(entry, key, before, body, options, (after, sent) => {
      const stored = before.metadata.managedFields;
      const entries = entriesSent(entry, key.name, sent.sentEntries, stored, options.subresource);
      return trackUpdate(entry, before, after, entries, writerOf(options), this.#time());
    });
  }

  /**
   * Server-side apply: the whole wish of one manager, onto what is there or as a new object. Throws `Conflict` for fields
   * of other managers unless forced.
   */
  apply(
    entry: KindEntry,
    key: ObjectKey,
    before: DynamicObject | undefined,
    body: unknown,
    options: RegistryWriteOptions,
    isForced: boolean,
  ): Admitted {
    const { wish, warnings } = readApplied(entry, key, body, options);
    const planned = planApply(entry, before, wish, writerOf(options), isForced, this.#time());
    // What nobody knows has been told of already, and is gone.
    const quiet: RegistryWriteOptions = { ...options, fieldValidation: 'Ignore' };
    const admitted =
      before === undefined
        ? this.#create(entry, planned.body, quiet, planned.entries)
        : this.#update(entry, key, before, planned.body, quiet, planned.entries);
    return { ...admitted, warnings: [...warnings, ...admitted.warnings] };
  }

  /** For writes that are acts: the object with its entries saying who changed it, and how. */
  tracked(entry: KindEntry, before: DynamicObject, after: DynamicObject, writer: Writer): DynamicObject {
    const entries = before.metadata.managedFields;
    return withEntries(after, trackUpdate(entry, before, after, entries, writer, this.#time()));
  }

  #time(): string {
    return timestamp(this.#clock.now());
  }

  #create(entry: KindEntry, body: unknown, options: RegistryWriteOptions, track: Track): Admitted {
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
    const among = entry.rules.amongOthers?.(object, undefined, this.#find) ?? NOTHING_FOUND;
    problems.push(
      ...among.problems,
      ...metadataProblems(entry, object.metadata),
      ...entry.validator.problems(object, undefined),
    );
    refuse(entry, metadata.name, problems);
    const stored = withEntries(object, track(object, sent));
    return { object: stored, warnings: [...sent.warnings, ...among.warnings], sentVersion: undefined };
  }

  #update(
    entry: KindEntry,
    key: ObjectKey,
    before: DynamicObject,
    body: unknown,
    options: RegistryWriteOptions,
    track: Track,
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
      const stored = withEntries(object, track(object, sent));
      return { object: stored, warnings: sent.warnings, sentVersion };
    }
    if (hasStatus) {
      if (before['status'] === undefined) delete sent.fields['status'];
      else sent.fields['status'] = before['status'];
    }
    const problems = metadataChangeProblems(sent.metadata, before.metadata);
    const wished = assemble(entry, metadata, sent.fields);
    problems.push(...(entry.rules.onUpdate?.(wished, before, options.subresource) ?? []));
    const among =
      (options.subresource === undefined
        ? entry.rules.amongOthers?.(wished, before, this.#find)
        : undefined) ?? NOTHING_FOUND;
    problems.push(...among.problems);
    const object = {
      ...wished,
      metadata: this.#counted(entry, wished.metadata, before, wished, options.dryRun === true),
    };
    problems.push(...metadataProblems(entry, object.metadata), ...entry.validator.problems(object, before));
    refuse(entry, key.name, problems);
    const stored = withEntries(object, track(object, sent));
    return { object: stored, warnings: [...sent.warnings, ...among.warnings], sentVersion };
  }

  /** Metadata with the generation and the trace moved on when the desired state changed. */
  #counted(
    { hasGeneration, kind }: KindEntry,
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
    return isDryRun ? counted : restampTrace(kind, counted);
  }
}

/** Stamps the current trace, for what is wished anew. */
export function stampTrace(metadata: ObjectMeta): ObjectMeta {
  const traceId = currentTrace()?.traceId;
  return traceId === undefined ? metadata : withTraceId(metadata, traceId);
}

/**
 * Stamps the current trace on what was there before. What is done once keeps the trace it was asked for in: whoever
 * dispatched a Run finds all of it by one id, also what became of it after somebody cancelled it.
 */
export function restampTrace({ kind }: Pick<Resource, 'kind'>, metadata: ObjectMeta): ObjectMeta {
  const isOfRun = kind === runs.kind || metadata.ownerReferences?.some((owner) => owner.kind === runs.kind);
  return isOfRun === true && metadata.annotations?.[ANNOTATION_TRACE] !== undefined
    ? metadata
    : stampTrace(metadata);
}

/** The annotation is the server's: as given here, or absent, whatever a client sent. */
function withTraceId(metadata: ObjectMeta, traceId: string | undefined): ObjectMeta {
  if (metadata.annotations?.[ANNOTATION_TRACE] === traceId) return metadata;
  const { annotations: sent, ...rest } = metadata;
  const { [ANNOTATION_TRACE]: _sent, ...others } = sent ?? {};
  const annotations = traceId === undefined ? others : { ...others, [ANNOTATION_TRACE]: traceId };
  return Object.keys(annotations).length === 0 ? rest : { ...rest, annotations };
}

function writerOf({ fieldManager = '', subresource }: RegistryWriteOptions): Writer {
  return { name: fieldManager, ...(subresource === undefined ? {} : { subresource }) };
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
