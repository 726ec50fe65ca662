/**
 * Strategic merge patch: a merge patch that knows lists. Lists merge by the key their schema names, sets by value, every
 * other list is replaced; directives inside the patch say the rest (`$patch`, `$retainKeys`, `$setElementOrder/<list>`,
 * `$deleteFromPrimitiveList/<list>`).
 *
 * The document is not changed. A directive that makes no sense is `ApiError('BadRequest')`, as in Kubernetes.
 * Source: Kubernetes documentation, "Update API Objects in Place Using kubectl patch"; the design document
 * "Strategic Merge Patch" of sig-api-machinery.
 */
import { ApiError } from './errors.ts';
import { isRecord, jsonHash } from './json.ts';

/** What a schema has to say about lists: a structural schema, or anything of that form. */
export interface MergeSchema {
  readonly properties?: Readonly<Record<string, MergeSchema>>;
  readonly additionalProperties?: MergeSchema | boolean;
  readonly items?: MergeSchema;
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  readonly 'x-kubernetes-list-map-keys'?: readonly string[];
}

type Fields = Readonly<Record<string, unknown>>;

const PATCH = '$patch';
const RETAIN_KEYS = '$retainKeys';
const ORDER = '$setElementOrder/';
const DELETE_VALUES = '$deleteFromPrimitiveList/';

/** Every object's metadata. */
const METADATA: MergeSchema = {
  properties: {
    finalizers: { 'x-kubernetes-list-type': 'set' },
    ownerReferences: { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['uid'] },
  },
};

/** A whole object patched. @param schema of its kind; the metadata is every kind's. */
export function applyStrategicMergePatch(document: Fields, patch: unknown, schema: MergeSchema): Fields {
  if (!isRecord(patch)) throw refused('a strategic merge patch must be an object');
  return mergeFields(document, patch, {
    ...schema,
    properties: { ...schema.properties, metadata: METADATA },
  });
}

function mergeFields(document: Fields, patch: Fields, schema: MergeSchema | undefined): Fields {
  const directive = patch[PATCH];
  if (directive === 'replace') return plainFields(patch);
  if (directive === 'delete') return {};
  if (directive !== undefined && directive !== 'merge') throw unknownDirective(directive);
  const result: Record<string, unknown> = { ...retained(document, patch) };
  for (const [field, value] of Object.entries(patch)) {
    if (field === '__proto__') throw refused('a strategic merge patch may not name "__proto__"');
    if (isDirective(field)) continue;
    if (value === null) delete result[field];
    else result[field] = mergeValue(result[field], value, field, patch, fieldSchema(schema, field));
  }
  // Lists that the patch only orders or only takes values from.
  for (const directiveField of Object.keys(patch)) {
    const field = listOf(directiveField);
    const value = field === undefined ? undefined : result[field];
    if (field === undefined || Object.hasOwn(patch, field) || !Array.isArray(value)) continue;
    result[field] = mergeList(value, [], field, patch, fieldSchema(schema, field) ?? {});
  }
  return result;
}

function mergeValue(
  current: unknown,
  value: unknown,
  field: string,
  patch: Fields,
  schema: MergeSchema | undefined,
): unknown {
  if (isRecord(value)) {
    return isRecord(current) ? mergeFields(current, value, schema) : mergeFields({}, value, schema);
  }
  if (!Array.isArray(value)) return value;
  const type = schema?.['x-kubernetes-list-type'];
  if (schema === undefined || (type !== 'map' && type !== 'set')) return value.map(plain);
  return mergeList(Array.isArray(current) ? current : [], value, field, patch, schema);
}

function mergeList(
  current: readonly unknown[],
  patch: readonly unknown[],
  field: string,
  around: Fields,
  schema: MergeSchema,
): unknown[] {
  const key = mergeKey(schema);
  const merged =
    key === undefined ? mergeValues(current, patch, field, around) : mergeItems(current, patch, key, schema);
  const order = around[ORDER + field];
  if (order === undefined) return merged;
  if (!Array.isArray(order)) throw refused(`${ORDER}${field} must be a list`);
  return ordered(merged, current, order, key);
}

/** The key items are known by; undefined for a set of plain values. */
function mergeKey(schema: MergeSchema): string | undefined {
  return schema['x-kubernetes-list-type'] === 'map' ? schema['x-kubernetes-list-map-keys']?.[0] : undefined;
}

function mergeValues(
  current: readonly unknown[],
  patch: readonly unknown[],
  field: string,
  around: Fields,
): unknown[] {
  const deleted = around[DELETE_VALUES + field] ?? [];
  if (!Array.isArray(deleted)) throw refused(`${DELETE_VALUES}${field} must be a list`);
  const gone = new Set(deleted.map(textOf));
  const result = current.filter((item) => !gone.has(textOf(item)));
  const there = new Set(result.map(textOf));
  for (const item of patch) {
    if (there.has(textOf(item))) continue;
    there.add(textOf(item));
    result.push(item);
  }
  return result;
}

function mergeItems(
  current: readonly unknown[],
  patch: readonly unknown[],
  key: string,
  schema: MergeSchema,
): unknown[] {
  const items = patch.map((item): Fields => {
    if (!isRecord(item)) throw refused(`an item of a list merged by "${key}" must be an object`);
    return item;
  });
  if (items.some((item) => item[PATCH] === 'replace')) {
    return items.filter((item) => item[PATCH] !== 'replace').map(plainFields);
  }
  const result: unknown[] = [...current];
  /** Where the items of a key are, first to last. */
  const places = new Map<string, number[]>();
  const place = (item: Fields, at: number): void => {
    const known = places.get(textOf(item[key]));
    if (known === undefined) places.set(textOf(item[key]), [at]);
    else known.push(at);
  };
  for (const [at, item] of current.entries()) if (isRecord(item)) place(item, at);
  const gone = new Set<number>();
  for (const item of items) {
    const directive = item[PATCH];
    if (item[key] === undefined) {
      throw refused(`${JSON.stringify(item)} does not contain declared merge key: ${key}`);
    }
    const found = places.get(textOf(item[key]));
    if (directive === 'delete') {
      const at = found?.shift();
      if (at !== undefined) gone.add(at);
      continue;
    }
    const at = found?.[0];
    const before = at === undefined ? undefined : result[at];
    const merged = mergeFields(isRecord(before) ? before : {}, item, schema.items);
    if (at === undefined) place(item, result.push(merged) - 1);
    else result[at] = merged;
  }
  return gone.size === 0 ? result : result.filter((_, at) => !gone.has(at));
}

/**
 * Items that the order names come in that order; the others keep their place before whatever they stood before.
 */
function ordered(
  merged: readonly unknown[],
  current: readonly unknown[],
  order: readonly unknown[],
  key: string | undefined,
): unknown[] {
  const nameOf = (item: unknown): unknown => (key === undefined || !isRecord(item) ? item : item[key]);
  const rankedBy = (list: readonly unknown[]): ReadonlyMap<string, number> =>
    // Of what is there twice the first counts, so it is set last.
    new Map(list.map((item, at) => [textOf(nameOf(item)), at] as const).reverse());
  const names = rankedBy(order);
  const places = rankedBy(current);
  const rank = (item: unknown, ranks: ReadonlyMap<string, number>): number =>
    ranks.get(textOf(nameOf(item))) ?? -1;
  const named = merged
    .filter((item) => rank(item, names) >= 0)
    .sort((a, b) => rank(a, names) - rank(b, names));
  const others = merged.filter((item) => rank(item, names) < 0);
  const result: unknown[] = [];
  let taken = 0;
  for (const item of named) {
    const place = rank(item, places);
    for (; taken < others.length; taken++) {
      const stood = rank(others[taken], places);
      if (place < 0 || stood < 0 || stood > place) break;
      result.push(others[taken]);
    }
    result.push(item);
  }
  return [...result, ...others.slice(taken)];
}

/** With `$retainKeys` only the fields it names stay. */
function retained(document: Fields, patch: Fields): Fields {
  const keys = patch[RETAIN_KEYS];
  if (keys === undefined) return document;
  if (!Array.isArray(keys)) throw refused(`${RETAIN_KEYS} must be a list`);
  const kept = new Set<unknown>(keys);
  const unnamed = Object.keys(patch).find(
    (field) => !isDirective(field) && patch[field] !== null && !kept.has(field),
  );
  if (unnamed !== undefined)
    throw refused(`${RETAIN_KEYS} must name every field of its patch, "${unnamed}" is missing`);
  return Object.fromEntries(Object.entries(document).filter(([field]) => kept.has(field)));
}

function fieldSchema(schema: MergeSchema | undefined, field: string): MergeSchema | undefined {
  const { properties, additionalProperties } = schema ?? {};
  if (properties !== undefined && Object.hasOwn(properties, field)) return properties[field];
  return typeof additionalProperties === 'object' ? additionalProperties : undefined;
}

function isDirective(field: string): boolean {
  return field === PATCH || field === RETAIN_KEYS || listOf(field) !== undefined;
}

/** The list that a directive such as `$setElementOrder/<list>` speaks of. */
function listOf(field: string): string | undefined {
  const prefix = [ORDER, DELETE_VALUES].find((candidate) => field.startsWith(candidate));
  return prefix === undefined ? undefined : field.slice(prefix.length);
}

/** A part of the patch that meets nothing: without its directives, nulls and what they delete. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  return isRecord(value) ? plainFields(value) : value;
}

function plainFields(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([field, value]) => !isDirective(field) && value !== null)
      .map(([field, value]) => [field, plain(value)]),
  );
}

/**
 * The same text for the same JSON, so that lists are looked up and not searched: a patch within the bounds of a body may
 * hold a hundred thousand items, and each compared with each would hold up everybody for minutes.
 */
function textOf(value: unknown): string {
  return typeof value === 'object' && value !== null ? jsonHash(value) : String(JSON.stringify(value));
}

function unknownDirective(directive: unknown): ApiError {
  return refused(`Unknown patch type found: ${JSON.stringify(directive)}`);
}

function refused(message: string): ApiError {
  return new ApiError('BadRequest', message);
}
