/**
 * What ownership needs to know of a schema: which values are owned as a whole (scalars, atomic lists and maps), which
 * field by field, and by what an item of a list is known. Where a schema says nothing, the value decides: maps are owned
 * field by field, lists as a whole (Kubernetes' "deduced" type).
 * Source: Kubernetes documentation, "Server-Side Apply", Merge strategy; structured-merge-diff `schema`.
 */
import { isRecord } from '../../../machinery/json.ts';
import { ANNOTATION_TRACE } from '../../../machinery/labels.ts';
import type { Schema } from '../../../schemas/crd.ts';
import { keyElement } from './fieldset.ts';

export type Shape =
  | { readonly kind: 'scalar' }
  | { readonly kind: 'deduced' }
  | { readonly kind: 'map'; readonly isAtomic: boolean; readonly fields: Fields; readonly rest: Shape }
  | { readonly kind: 'list'; readonly isAtomic: true }
  | {
      readonly kind: 'list';
      readonly isAtomic: false;
      readonly item: Shape;
      /** Sorted; undefined for a set, whose items are their own keys. */
      readonly keys: readonly string[] | undefined;
      readonly keyDefaults: Readonly<Record<string, unknown>>;
    };

export type MapShape = Extract<Shape, { kind: 'map' }>;
export type ListShape = Extract<Shape, { isAtomic: false; kind: 'list' }>;

/** Declared fields; `untracked` ones belong to the server and are nobody's. */
export type Fields = ReadonlyMap<string, Shape | 'untracked'>;

export const SCALAR: Shape = { kind: 'scalar' };
export const DEDUCED: Shape = { kind: 'deduced' };
const ATOMIC_LIST: Shape = { kind: 'list', isAtomic: true };
/** A map without a schema, where something known to be a map is walked. */
const ANY_MAP: MapShape = { kind: 'map', isAtomic: false, fields: new Map(), rest: DEDUCED };

const shapes = new WeakMap<Schema, Shape>();
const objectShapes = new WeakMap<Schema, Shape>();

/** The shape of a whole object of the kind: its metadata is every kind's, and apiVersion and kind are nobody's. */
export function objectShape(schema: Schema): Shape {
  let shape = objectShapes.get(schema);
  if (shape === undefined) {
    const root = shapeOf(schema);
    const { fields, rest } = root.kind === 'map' ? root : ANY_MAP;
    shape = {
      kind: 'map',
      isAtomic: false,
      rest,
      fields: new Map([
        ...fields,
        ['apiVersion', 'untracked'],
        ['kind', 'untracked'],
        ['metadata', METADATA],
      ]),
    };
    objectShapes.set(schema, shape);
  }
  return shape;
}

export function shapeOf(schema: Schema): Shape {
  let shape = shapes.get(schema);
  if (shape === undefined) {
    shape = makeShape(schema);
    shapes.set(schema, shape);
  }
  return shape;
}

function makeShape(schema: Schema): Shape {
  if (schema['x-kubernetes-int-or-string'] === true) return SCALAR;
  if (schema.type === 'array') return listShape(schema);
  if (schema.type === 'object') return mapShape(schema);
  return schema.type === undefined ? DEDUCED : SCALAR;
}

function mapShape(schema: Schema): Shape {
  const { properties, additionalProperties } = schema;
  const isAtomic = schema['x-kubernetes-map-type'] === 'atomic';
  if (properties === undefined && typeof additionalProperties !== 'object' && !isAtomic) return DEDUCED;
  return {
    kind: 'map',
    isAtomic,
    fields: new Map(Object.entries(properties ?? {}).map(([field, part]) => [field, shapeOf(part)])),
    rest: typeof additionalProperties === 'object' ? shapeOf(additionalProperties) : DEDUCED,
  };
}

function listShape(schema: Schema): Shape {
  const type = schema['x-kubernetes-list-type'] ?? 'atomic';
  const { items } = schema;
  if (type === 'atomic' || items === undefined) return ATOMIC_LIST;
  if (type === 'set')
    return { kind: 'list', isAtomic: false, item: shapeOf(items), keys: undefined, keyDefaults: {} };
  const keys = [...(schema['x-kubernetes-list-map-keys'] ?? [])].sort();
  const keyDefaults = Object.fromEntries(
    keys.flatMap((key) => {
      const value = items.properties?.[key]?.default;
      return value === undefined ? [] : [[key, value]];
    }),
  );
  return { kind: 'list', isAtomic: false, item: shapeOf(items), keys, keyDefaults };
}

const STRINGS: Schema = { type: 'object', additionalProperties: { type: 'string' } };

/** What of metadata is desired state; the rest names the object or is stamped by the server. */
const METADATA: Shape = {
  kind: 'map',
  isAtomic: false,
  rest: DEDUCED,
  fields: new Map<string, Shape | 'untracked'>([
    ...[
      'name',
      'namespace',
      'uid',
      'resourceVersion',
      'generation',
      'creationTimestamp',
      'deletionTimestamp',
      'deletionGracePeriodSeconds',
      'managedFields',
      'selfLink',
    ].map((field): [string, 'untracked'] => [field, 'untracked']),
    ['generateName', SCALAR],
    ['labels', shapeOf(STRINGS)],
    [
      'annotations',
      { kind: 'map', isAtomic: false, fields: new Map([[ANNOTATION_TRACE, 'untracked']]), rest: SCALAR },
    ],
    ['finalizers', { kind: 'list', isAtomic: false, item: SCALAR, keys: undefined, keyDefaults: {} }],
    [
      'ownerReferences',
      {
        kind: 'list',
        isAtomic: false,
        item: { kind: 'map', isAtomic: true, fields: new Map(), rest: DEDUCED },
        keys: ['uid'],
        keyDefaults: {},
      },
    ],
  ]),
};

/** The map to walk field by field, or undefined where the value is owned as a whole. */
export function asMap(shape: Shape, value: unknown): MapShape | undefined {
  if (!isRecord(value)) return undefined;
  if (shape.kind === 'deduced') return ANY_MAP;
  return shape.kind === 'map' && !shape.isAtomic ? shape : undefined;
}

/** The list to walk item by item, or undefined where the value is owned as a whole. */
export function asList(shape: Shape, value: unknown): ListShape | undefined {
  return Array.isArray(value) && shape.kind === 'list' && !shape.isAtomic ? shape : undefined;
}

/** The shape of one field, or `untracked`. */
export function fieldShape(shape: MapShape, field: string): Shape | 'untracked' {
  return shape.fields.get(field) ?? shape.rest;
}

/** By what an item of a list is known. */
export function itemElement({ keys, keyDefaults }: ListShape, item: unknown): string {
  if (keys === undefined || !isRecord(item)) return `v:${JSON.stringify(item)}`;
  const entries: (readonly [string, unknown])[] = [];
  for (const key of keys) {
    const value = item[key] ?? keyDefaults[key];
    if (value !== undefined && value !== null) entries.push([key, value]);
  }
  return keyElement(entries);
}

/** Items by element, in order; of items with the same element the first counts. */
export function itemsByElement(shape: ListShape, list: readonly unknown[]): Map<string, unknown> {
  const items = new Map<string, unknown>();
  for (const item of list) {
    const element = itemElement(shape, item);
    if (!items.has(element)) items.set(element, item);
  }
  return items;
}
