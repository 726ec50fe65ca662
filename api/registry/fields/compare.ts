/**
 * From values to sets: what a value consists of, and what changed between two. Equal parts cost one look; nothing is
 * allocated for them.
 * Source of the rules: structured-merge-diff `typed` (ToFieldSet, Compare).
 */
import { isRecord, isSameJson } from '../../../machinery/json.ts';
import { type FieldSet, isEmptySet, MEMBER, NO_FIELDS, nodeOf } from './fieldset.ts';
import {
  asList,
  asMap,
  fieldShape,
  itemElement,
  itemsByElement,
  type ListShape,
  type MapShape,
  type Shape,
} from './shape.ts';

export interface Changes {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

const NO_CHANGES: Changes = { added: NO_FIELDS, modified: NO_FIELDS, removed: NO_FIELDS };

export function isUnchanged({ added, modified, removed }: Changes): boolean {
  return isEmptySet(added) && isEmptySet(modified) && isEmptySet(removed);
}

/**
 * What applying this value would own: its leaves, and beside them the items of lists and the fields that the schema
 * does not name (they exist because somebody put them there).
 */
export function appliedSet(shape: Shape, value: unknown): FieldSet {
  const map = asMap(shape, value);
  if (map !== undefined && isRecord(value)) return appliedFields(map, value);
  const list = asList(shape, value);
  return list !== undefined && Array.isArray(value) ? appliedItems(list, value) : NO_FIELDS;
}

function appliedFields(shape: MapShape, value: Readonly<Record<string, unknown>>): FieldSet {
  const result: Record<string, FieldSet> = {};
  for (const field of Object.keys(value)) {
    const part = value[field];
    const partShape = fieldShape(shape, field);
    if (part === undefined || partShape === 'untracked') continue;
    const isWhole = asMap(partShape, part) === undefined && asList(partShape, part) === undefined;
    const isEmptyMap = isRecord(part) && Object.keys(part).length === 0;
    const node = nodeOf(isWhole || isEmptyMap || !shape.fields.has(field), appliedSet(partShape, part));
    if (node !== undefined) result[`f:${field}`] = node;
  }
  return withoutMetadataItself(shape, result);
}

function appliedItems(shape: ListShape, list: readonly unknown[]): FieldSet {
  const result: Record<string, FieldSet> = {};
  for (const item of list) {
    result[itemElement(shape, item)] =
      shape.keys === undefined ? MEMBER : (nodeOf(true, appliedSet(shape.item, item)) ?? MEMBER);
  }
  return result;
}

/** What changed from one value to the other. Undefined stands for a value that is not there. */
export function compareValues(shape: Shape, before: unknown, after: unknown): Changes {
  const found = compareNode(shape, before, after);
  if (found === undefined) return NO_CHANGES;
  return {
    added: atRoot(shape, found.added),
    modified: atRoot(shape, found.modified),
    removed: atRoot(shape, found.removed),
  };
}

/** The root is no field. */
function atRoot(shape: Shape, node: FieldSet | undefined): FieldSet {
  if (node === undefined) return NO_FIELDS;
  const { '.': _self, ...children } = node;
  return shape.kind === 'map' ? withoutMetadataItself(shape, children) : children;
}

interface Found {
  readonly added?: FieldSet | undefined;
  readonly modified?: FieldSet | undefined;
  readonly removed?: FieldSet | undefined;
}

function compareNode(shape: Shape, before: unknown, after: unknown): Found | undefined {
  if (before === after) return undefined;
  if (before === undefined) return { added: wholeSet(shape, after) };
  if (after === undefined) return { removed: wholeSet(shape, before) };
  const oldMap = asMap(shape, before);
  const newMap = asMap(shape, after);
  if (oldMap !== undefined && newMap !== undefined && isRecord(before) && isRecord(after)) {
    return compareFields(oldMap, before, after);
  }
  const oldList = asList(shape, before);
  const newList = asList(shape, after);
  if (oldList !== undefined && newList !== undefined && Array.isArray(before) && Array.isArray(after)) {
    return compareItems(oldList, before, after);
  }
  if (isSameJson(before, after)) return undefined;
  // One form became another: what was inside is gone, what is inside now is new.
  return {
    modified: MEMBER,
    removed: oldMap === undefined && oldList === undefined ? undefined : inside(shape, before),
    added: newMap === undefined && newList === undefined ? undefined : inside(shape, after),
  };
}

function compareFields(
  shape: MapShape,
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): Found | undefined {
  const tally = new Tally();
  for (const field in after) {
    const partShape = fieldShape(shape, field);
    if (partShape === 'untracked') continue;
    const found = compareNode(partShape, before[field], after[field]);
    if (found !== undefined) tally.add(`f:${field}`, found);
  }
  for (const field in before) {
    if (after[field] !== undefined) continue;
    const partShape = fieldShape(shape, field);
    const found = partShape === 'untracked' ? undefined : compareNode(partShape, before[field], undefined);
    if (found !== undefined) tally.add(`f:${field}`, found);
  }
  return tally.found();
}

function compareItems(
  shape: ListShape,
  before: readonly unknown[],
  after: readonly unknown[],
): Found | undefined {
  // Most lists are as they were, and to see that costs far less than to name every item.
  if (isSameJson(before, after)) return undefined;
  const tally = new Tally();
  const old = itemsByElement(shape, before);
  for (const [element, item] of itemsByElement(shape, after)) {
    tally.add(element, compareNode(shape.item, old.get(element), item));
    old.delete(element);
  }
  for (const [element, item] of old) tally.add(element, compareNode(shape.item, item, undefined));
  return tally.found();
}

/** Collects what was found below one node. */
class Tally {
  #added: Record<string, FieldSet> | undefined;
  #modified: Record<string, FieldSet> | undefined;
  #removed: Record<string, FieldSet> | undefined;

  add(element: string, found: Found | undefined): void {
    if (found === undefined) return;
    if (found.added !== undefined) (this.#added ??= {})[element] = found.added;
    if (found.modified !== undefined) (this.#modified ??= {})[element] = found.modified;
    if (found.removed !== undefined) (this.#removed ??= {})[element] = found.removed;
  }

  found(): Found | undefined {
    const [added, modified, removed] = [this.#added, this.#modified, this.#removed];
    if (added === undefined && modified === undefined && removed === undefined) return undefined;
    return { added, modified, removed };
  }
}

/** A value that came or went as a whole: every node of it, itself included; undefined if nothing in it is anybody's. */
function wholeSet(shape: Shape, value: unknown): FieldSet | undefined {
  const children = inside(shape, value);
  if (children !== undefined) return nodeOf(true, children);
  const hasOnlyUntracked =
    isRecord(value) && asMap(shape, value) !== undefined && Object.keys(value).length > 0;
  return hasOnlyUntracked ? undefined : MEMBER;
}

function inside(shape: Shape, value: unknown): FieldSet | undefined {
  const result: Record<string, FieldSet> = {};
  const map = asMap(shape, value);
  if (map !== undefined && isRecord(value)) {
    for (const field of Object.keys(value)) {
      const part = value[field];
      const partShape = fieldShape(map, field);
      if (part === undefined || partShape === 'untracked') continue;
      const node = wholeSet(partShape, part);
      if (node !== undefined) result[`f:${field}`] = node;
    }
    return nodeOf(false, result);
  }
  const list = asList(shape, value);
  if (list !== undefined && Array.isArray(value)) {
    for (const [element, item] of itemsByElement(list, value)) {
      result[element] = list.keys === undefined ? MEMBER : (wholeSet(list.item, item) ?? MEMBER);
    }
  }
  return nodeOf(false, result);
}

/** Every object has metadata: having it is nobody's wish, only what is in it. A map of named kinds has none. */
function withoutMetadataItself(shape: MapShape, fields: Record<string, FieldSet>): FieldSet {
  const metadata = fields['f:metadata'];
  if (metadata === undefined || shape.fields.get('apiVersion') !== 'untracked') return fields;
  const { '.': _self, ...children } = metadata;
  if (isEmptySet(children)) delete fields['f:metadata'];
  else fields['f:metadata'] = children;
  return fields;
}
