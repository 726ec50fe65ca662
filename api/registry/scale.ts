/**
 * The `/scale` subresource: how many of something are wanted, in a form that is the same for every kind that has it
 * (autoscaling/v1 Scale). It is a face of the object, not an object: writing it changes one field of its owner.
 * Source of the rules: Kubernetes documentation, "Extend the Kubernetes API with CustomResourceDefinitions", Scale
 * subresource; apimachinery `managedfields` (scalehandler).
 */
import { ApiError } from '../../machinery/errors.ts';
import { deepFreeze, isRecord, readPath } from '../../machinery/json.ts';
import { apiVersionOf, type DynamicObject, type ManagedFieldsEntry } from '../../machinery/meta.ts';
import { invalid, invalidObject, required, wrongType } from './admission/fielderrors.ts';
import { below, type FieldSet, hasElement, isFieldSet } from './fields/fieldset.ts';
import type { KindEntry } from './kindtable.ts';
import type { StoredObject } from './types.ts';

export const SCALE = 'scale';
const SCALE_VERSION = 'autoscaling/v1';
const SCALE_KIND = { group: 'autoscaling', kind: 'Scale' };
const SPEC_REPLICAS: FieldSet = { 'f:spec': { 'f:replicas': {} } };

type ScalePaths = NonNullable<NonNullable<KindEntry['kind']['definition']['subresources']>['scale']>;

/** Where the kind keeps what a Scale shows. Throws `NotFound` for one that has no scale. */
function pathsOf({ kind }: KindEntry): ScalePaths {
  const paths = kind.definition.subresources?.scale;
  if (paths === undefined) throw new ApiError('NotFound', 'the server could not find the requested resource');
  return paths;
}

function parts(jsonPath: string): string[] {
  return jsonPath.replace(/^\./, '').split('.');
}

export function scaleOf(entry: KindEntry, { metadata, ...fields }: DynamicObject): DynamicObject {
  const { specReplicasPath, statusReplicasPath, labelSelectorPath } = pathsOf(entry);
  const { name, namespace, uid, resourceVersion, creationTimestamp } = metadata;
  const wanted = readPath(fields, parts(specReplicasPath));
  const selector = labelSelectorPath === undefined ? undefined : readPath(fields, parts(labelSelectorPath));
  const managedFields = scaleEntries(parts(specReplicasPath), metadata.managedFields ?? []);
  return {
    kind: SCALE_KIND.kind,
    apiVersion: SCALE_VERSION,
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
      ...(managedFields.length === 0 ? {} : { managedFields }),
    },
    spec: typeof wanted === 'number' ? { replicas: wanted } : {},
    status: {
      replicas: figure(readPath(fields, parts(statusReplicasPath))),
      ...(typeof selector === 'string' && selector !== '' ? { selector } : {}),
    },
  };
}

function figure(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

/** Of the owner's managers those who own the figure, in the Scale's terms. */
function scaleEntries(path: readonly string[], entries: readonly ManagedFieldsEntry[]): ManagedFieldsEntry[] {
  const elements = path.map((field) => `f:${field}`);
  return entries.flatMap((entry) => {
    let node: FieldSet | undefined = isFieldSet(entry.fieldsV1) ? entry.fieldsV1 : undefined;
    for (const element of elements.slice(0, -1)) node = below(node, element);
    if (!hasElement(node, elements.at(-1) ?? '')) return [];
    return [{ ...entry, apiVersion: SCALE_VERSION, fieldsV1: SPEC_REPLICAS }];
  });
}

/** The face of a stored object, with its own bytes. */
export function storedScale(entry: KindEntry, { object, resourceVersion }: StoredObject): StoredObject {
  const scale = deepFreeze(scaleOf(entry, object));
  return { object: scale, json: Buffer.from(JSON.stringify(scale)), resourceVersion };
}

/** The owner as a Scale would have it: its own body with the figure of the Scale in it. Throws `BadRequest` and `Invalid`. */
export function withScale(entry: KindEntry, owner: DynamicObject, scale: unknown): Record<string, unknown> {
  const { name, replicas, uid, resourceVersion } = readScale(scale, owner.metadata.name);
  const { resourceVersion: _stored, ...metadata } = owner.metadata;
  const body = {
    ...owner,
    metadata: {
      ...metadata,
      name,
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    },
  };
  return setAt(body, parts(pathsOf(entry).specReplicasPath), replicas);
}

/** An applied Scale as a wish about its owner. */
export function wishOfScale(
  entry: KindEntry,
  scale: unknown,
  key: { readonly name: string },
): Record<string, unknown> {
  const { name, replicas, uid, resourceVersion } = readScale(scale, key.name);
  const { kind } = entry;
  const metadata = {
    name,
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
  const wish = { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata };
  return setAt(wish, parts(pathsOf(entry).specReplicasPath), replicas);
}

interface SentScale {
  readonly name: string;
  readonly replicas: number;
  readonly uid: string | undefined;
  readonly resourceVersion: string | undefined;
}

function readScale(body: unknown, ownName: string): SentScale {
  const { apiVersion, kind, metadata, spec } = isRecord(body) ? body : {};
  if (apiVersion !== SCALE_VERSION || kind !== SCALE_KIND.kind) {
    throw new ApiError(
      'BadRequest',
      `the body must be a ${SCALE_KIND.kind} of ${SCALE_VERSION}, found ${JSON.stringify(kind)} of ${JSON.stringify(apiVersion)}`,
    );
  }
  const sent = isRecord(metadata) ? metadata : {};
  const text = (field: string): string | undefined => {
    const value = sent[field];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  // Absent is zero, as for every integer that Kubernetes leaves out when it is zero.
  const replicas = (isRecord(spec) ? spec['replicas'] : undefined) ?? 0;
  const name = text('name') ?? ownName;
  if (typeof replicas !== 'number' || !Number.isInteger(replicas)) {
    throw invalidObject(SCALE_KIND, name, [wrongType('spec.replicas', replicas, 'integer')]);
  }
  if (replicas < 0) {
    throw invalidObject(SCALE_KIND, name, [
      invalid('spec.replicas', replicas, 'must be greater than or equal to 0'),
    ]);
  }
  if (spec !== undefined && spec !== null && !isRecord(spec)) {
    throw invalidObject(SCALE_KIND, name, [required('spec')]);
  }
  return { name, replicas, uid: text('uid'), resourceVersion: text('resourceVersion') };
}

function setAt(
  fields: Readonly<Record<string, unknown>>,
  path: readonly string[],
  value: unknown,
): Record<string, unknown> {
  const [field = '', ...rest] = path;
  const inner = fields[field];
  return {
    ...fields,
    [field]: rest.length === 0 ? value : setAt(isRecord(inner) ? inner : {}, rest, value),
  };
}
