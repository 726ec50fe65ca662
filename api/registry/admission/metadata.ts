/**
 * What every object's metadata must be and what the server alone decides of it, whatever the kind.
 *
 * Source of the rules and of the wording: Kubernetes API conventions "Metadata", apimachinery
 * `ValidateObjectMeta` and `ValidateObjectMetaUpdate`.
 */
import { timestamp } from '../../../machinery/clock.ts';
import { ApiError } from '../../../machinery/errors.ts';
import { isRecord } from '../../../machinery/json.ts';
import {
  type ObjectMeta,
  type OwnerReference,
  qualifiedName,
  type Resource,
} from '../../../machinery/meta.ts';
import { labelKeyProblem, labelValueProblem, subdomainProblem } from '../../../machinery/names.ts';
import { type Random, randomSuffix } from '../../../machinery/random.ts';
import { type FieldProblem, forbidden, invalid, required, tooLong, typeName } from './fielderrors.ts';
import type { KindRules } from './rules/rules.ts';

const MAX_ANNOTATION_BYTES = 256 * 1024;
/** A generated name is the prefix, cut to this, and five characters. */
const MAX_GENERATED_PREFIX = 58;
type Kind = Pick<Resource, 'group' | 'plural' | 'kind' | 'namespaced'>;

/** The fields of metadata a client may send, each with how it is read. Others are unknown; the last two are dropped. */
const READERS: Readonly<Record<string, (value: unknown, path: string) => unknown>> = {
  name: readString,
  generateName: readString,
  namespace: readString,
  uid: readString,
  resourceVersion: readString,
  generation: readNumber,
  creationTimestamp: readString,
  deletionTimestamp: readString,
  deletionGracePeriodSeconds: readNumber,
  labels: readStringMap,
  annotations: readStringMap,
  ownerReferences: (value, path) =>
    readList(value, path).map((item, index) => readOwner(item, `${path}[${index}]`)),
  finalizers: (value, path) =>
    readList(value, path).map((item, index) => readString(item, `${path}[${index}]`)),
  managedFields: () => undefined,
  selfLink: () => undefined,
};

export interface ReadMetadata {
  readonly metadata: Partial<ObjectMeta>;
  readonly unknown: readonly string[];
}

/** Metadata as sent, every field of the right type. Throws `BadRequest` naming field, found and wanted. */
export function readMetadata(value: unknown): ReadMetadata {
  if (value === undefined || value === null) return { metadata: {}, unknown: [] };
  if (!isRecord(value)) throw notA('metadata', value, 'an object');
  const unknown: string[] = [];
  const metadata: Record<string, unknown> = {};
  for (const [field, part] of Object.entries(value)) {
    const path = `metadata.${field}`;
    const read = Object.hasOwn(READERS, field) ? READERS[field] : undefined;
    if (read === undefined) unknown.push(path);
    else if (part !== null && part !== undefined) {
      const result = read(part, path);
      if (result !== undefined) metadata[field] = result;
    }
  }
  return { metadata, unknown };
}

/** The metadata of a new object. `namespace` is the request's. Generates the name if only its prefix was given. */
export function newMetadata(
  sent: Partial<ObjectMeta>,
  namespace: string | undefined,
  stamp: { readonly nowMs: number; readonly random: Random; readonly hasGeneration: boolean },
): ObjectMeta {
  if (sent.resourceVersion !== undefined && sent.resourceVersion !== '') {
    throw new ApiError(
      'BadRequest',
      `resourceVersion should not be set on objects to be created, found "${sent.resourceVersion}"`,
    );
  }
  const hasName = sent.name !== undefined && sent.name !== '';
  const prefix = hasName ? '' : (sent.generateName ?? '').slice(0, MAX_GENERATED_PREFIX);
  const name = hasName ? (sent.name ?? '') : prefix === '' ? '' : prefix + randomSuffix(stamp.random);
  return ordered({
    name,
    ...(sent.generateName === undefined ? {} : { generateName: sent.generateName }),
    ...(namespace === undefined ? {} : { namespace }),
    uid: stamp.random.uuid(),
    ...(stamp.hasGeneration ? { generation: 1 } : {}),
    creationTimestamp: timestamp(stamp.nowMs),
    ...editable(sent),
  });
}

/**
 * The metadata after an update: what the client may change from `sent`, the rest from `old`. Throws `Conflict` for
 * another uid; other forbidden changes are told by `metadataChangeProblems`.
 */
export function changedMetadata(kind: Kind, sent: Partial<ObjectMeta>, old: ObjectMeta): ObjectMeta {
  if (sent.uid !== undefined && sent.uid !== '' && sent.uid !== old.uid) {
    throw preconditionFailed(
      kind,
      old.name,
      `UID in precondition: ${sent.uid}, UID in object meta: ${old.uid}`,
    );
  }
  const { labels: _labels, annotations: _notes, ownerReferences: _owners, finalizers: _holds, ...kept } = old;
  return ordered({ ...kept, ...editable(sent) });
}

/** What is wrong with an object's metadata on its own. */
export function metadataProblems(
  { rules }: { readonly rules: KindRules },
  metadata: ObjectMeta,
): FieldProblem[] {
  const problems: FieldProblem[] = [];
  if (metadata.name === '') {
    problems.push(required('metadata.name', 'name or generateName is required'));
  } else {
    const problem =
      rules.nameProblem === undefined ? subdomainProblem(metadata.name) : rules.nameProblem(metadata.name);
    if (problem !== undefined) problems.push(invalid('metadata.name', metadata.name, problem));
  }
  problems.push(...labelsAndAnnotationsProblems(metadata, 'metadata'));
  for (const [index, finalizer] of (metadata.finalizers ?? []).entries()) {
    const problem = labelKeyProblem(finalizer);
    if (problem !== undefined) problems.push(invalid(`metadata.finalizers[${index}]`, finalizer, problem));
  }
  for (const [index, owner] of (metadata.ownerReferences ?? []).entries()) {
    for (const field of ['apiVersion', 'kind', 'name', 'uid'] as const) {
      if (owner[field] === '') problems.push(required(`metadata.ownerReferences[${index}].${field}`));
    }
  }
  if ((metadata.ownerReferences ?? []).filter((owner) => owner.controller === true).length > 1) {
    problems.push(
      invalid(
        'metadata.ownerReferences',
        metadata.ownerReferences,
        'only one reference can have controller set to true',
      ),
    );
  }
  return problems;
}

/** @param at where they stand, such as `metadata` or `spec.template.metadata`. */
export function labelsAndAnnotationsProblems(
  { labels = {}, annotations = {} }: Pick<ObjectMeta, 'labels' | 'annotations'>,
  at: string,
): FieldProblem[] {
  const problems: FieldProblem[] = [];
  for (const [key, value] of Object.entries(labels)) {
    const keyProblem = labelKeyProblem(key);
    if (keyProblem !== undefined) problems.push(invalid(`${at}.labels`, key, keyProblem));
    const valueProblem = labelValueProblem(value);
    if (valueProblem !== undefined) problems.push(invalid(`${at}.labels`, value, valueProblem));
  }
  let annotationBytes = 0;
  for (const [key, value] of Object.entries(annotations)) {
    annotationBytes += Buffer.byteLength(key) + Buffer.byteLength(value);
    const problem = labelKeyProblem(key.toLowerCase());
    if (problem !== undefined) problems.push(invalid(`${at}.annotations`, key, problem));
  }
  if (annotationBytes > MAX_ANNOTATION_BYTES)
    problems.push(tooLong(`${at}.annotations`, MAX_ANNOTATION_BYTES));
  return problems;
}

/** What an update asked for that nobody may change. */
export function metadataChangeProblems(sent: Partial<ObjectMeta>, old: ObjectMeta): FieldProblem[] {
  const problems: FieldProblem[] = [];
  if (!isSameInstant(sent.creationTimestamp, old.creationTimestamp)) {
    problems.push(invalid('metadata.creationTimestamp', sent.creationTimestamp, 'field is immutable'));
  }
  if (!isSameInstant(sent.deletionTimestamp, old.deletionTimestamp)) {
    problems.push(invalid('metadata.deletionTimestamp', sent.deletionTimestamp, 'field is immutable'));
  }
  if (old.deletionTimestamp !== undefined) {
    const held = new Set(old.finalizers);
    const added = (sent.finalizers ?? []).filter((finalizer) => !held.has(finalizer));
    if (added.length > 0) {
      problems.push(
        forbidden(
          'metadata.finalizers',
          `no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`,
        ),
      );
    }
  }
  return problems;
}

/** 409 for a resourceVersion that is no longer the object's. */
export function modified(kind: Kind, name: string, sent: string, current: string | undefined): ApiError {
  const now = current === undefined ? 'it is gone' : `it is ${current}`;
  return new ApiError(
    'Conflict',
    `Operation cannot be fulfilled on ${qualifiedName(kind)} "${name}": the object has been modified; please apply your changes to the latest version and try again (you sent resourceVersion ${sent}, ${now})`,
    conflictDetails(kind, name),
  );
}

/** 409 for anything else that does not allow the operation now. */
export function conflict(kind: Kind, name: string, why: string): ApiError {
  return new ApiError(
    'Conflict',
    `Operation cannot be fulfilled on ${qualifiedName(kind)} "${name}": ${why}`,
    conflictDetails(kind, name),
  );
}

export function preconditionFailed(kind: Kind, name: string, why: string): ApiError {
  return conflict(kind, name, `Precondition failed: ${why}`);
}

function conflictDetails(kind: Kind, name: string): { name: string; group?: string; kind: string } {
  return { name, ...(kind.group === '' ? {} : { group: kind.group }), kind: kind.plural };
}

/** Absent means unchanged; clients that keep times as dates send `.000Z` back. */
function isSameInstant(sent: string | undefined, old: string | undefined): boolean {
  if (sent === undefined || sent === '' || sent === old) return true;
  return old !== undefined && Date.parse(sent) === Date.parse(old);
}

/** What a client decides; empty maps and lists are absent. */
function editable(sent: Partial<ObjectMeta>): Partial<ObjectMeta> {
  const { labels, annotations, ownerReferences, finalizers } = sent;
  return {
    ...(labels === undefined || Object.keys(labels).length === 0 ? {} : { labels }),
    ...(annotations === undefined || Object.keys(annotations).length === 0 ? {} : { annotations }),
    ...(ownerReferences === undefined || ownerReferences.length === 0 ? {} : { ownerReferences }),
    ...(finalizers === undefined || finalizers.length === 0 ? {} : { finalizers: [...new Set(finalizers)] }),
  };
}

/** One order of fields for all objects, without undefined ones; resourceVersion is the store's business. */
function ordered(metadata: ObjectMeta): ObjectMeta {
  const { resourceVersion: _served, ...kept } = metadata;
  const first = ['name', 'generateName', 'namespace', 'uid', 'generation', 'creationTimestamp'];
  const entries = Object.entries(kept).sort(([a], [b]) => rank(a) - rank(b));
  function rank(field: string): number {
    const at = first.indexOf(field);
    return at < 0 ? first.length : at;
  }
  return { name: metadata.name, ...Object.fromEntries(entries) };
}

function readString(value: unknown, path: string): string {
  if (typeof value !== 'string') throw notA(path, value, 'a string');
  return value;
}

function readNumber(value: unknown, path: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value)) throw notA(path, value, 'an integer');
  return value;
}

function readList(value: unknown, path: string): readonly unknown[] {
  if (!Array.isArray(value)) throw notA(path, value, 'a list');
  return value;
}

function readStringMap(value: unknown, path: string): Record<string, string> {
  if (!isRecord(value)) throw notA(path, value, 'a map of strings');
  const result: Record<string, string> = {};
  for (const [key, item] of Object.entries(value)) {
    if (key === '__proto__') throw new ApiError('BadRequest', `${path} may not have the key "__proto__"`);
    // A null in a map of strings is the empty string, as Kubernetes' decoder has it.
    result[key] = item === null ? '' : readString(item, `${path}[${JSON.stringify(key)}]`);
  }
  return result;
}

function readOwner(value: unknown, path: string): OwnerReference {
  if (!isRecord(value)) throw notA(path, value, 'an object');
  const text = (field: string): string => readString(value[field] ?? '', `${path}.${field}`);
  const flag = (field: 'controller' | 'blockOwnerDeletion'): Partial<OwnerReference> => {
    const found = value[field];
    if (found === undefined || found === null) return {};
    if (typeof found !== 'boolean') throw notA(`${path}.${field}`, found, 'a boolean');
    return { [field]: found };
  };
  return {
    apiVersion: text('apiVersion'),
    kind: text('kind'),
    name: text('name'),
    uid: text('uid'),
    ...flag('controller'),
    ...flag('blockOwnerDeletion'),
  };
}

function notA(path: string, found: unknown, wanted: string): ApiError {
  return new ApiError('BadRequest', `${path} must be ${wanted}, found ${typeName(found)}`);
}
