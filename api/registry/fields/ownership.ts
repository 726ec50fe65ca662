/**
 * Who owns which fields, and what a write does to that: the two operations of server-side apply on values and sets,
 * without a word about objects, entries or time.
 * Source of the rules: Kubernetes documentation, "Server-Side Apply"; structured-merge-diff `merge` (Update, Apply).
 */
import { isRecord } from '../../../machinery/json.ts';
import { appliedSet, type Changes, compareValues, isUnchanged } from './compare.ts';
import {
  differenceOf,
  type FieldSet,
  intersectionOf,
  isEmptySet,
  MEMBER,
  membersOf,
  NO_FIELDS,
  nodeOf,
  unionOf,
} from './fieldset.ts';
import { mergeValues, removeFields } from './merge.ts';
import { fieldShape, type Shape } from './shape.ts';

export interface Ownership {
  readonly set: FieldSet;
  /** The version whose schema the set speaks of. */
  readonly version: string;
  readonly isApplied: boolean;
}

/** By manager's id. */
export type Owners = ReadonlyMap<string, Ownership>;

/** The shape of objects of a version; undefined for one that is served no more, whose owners are forgotten. */
export type ShapeOf = (version: string) => Shape | undefined;

export interface Conflict {
  readonly owner: string;
  readonly path: readonly string[];
}

export interface Updated {
  /** The very map that was given when nothing in it changed. */
  readonly owners: Owners;
  /** Whether the writer gave any field a value: what moves its time. */
  readonly isWriter: boolean;
}

/** After a write of any kind but apply: who changed a field owns it, alone. */
export function afterUpdate(
  shapeOf: ShapeOf,
  before: unknown,
  after: unknown,
  owners: Owners,
  writer: { readonly id: string; readonly version: string },
): Updated {
  const compared = new Comparisons(shapeOf, before, after);
  const own = compared.in(writer.version);
  if (own === undefined || isUnchanged(own)) return { owners, isWriter: false };
  const result = new Map(taken(compared, owners, writer.id));
  const written = unionOf(own.added, own.modified);
  const old = owners.get(writer.id)?.set ?? NO_FIELDS;
  const set = unionOf(differenceOf(old, own.removed), written);
  if (isEmptySet(set)) result.delete(writer.id);
  else result.set(writer.id, { set, version: writer.version, isApplied: false });
  return { owners: isSameOwners(owners, result) ? owners : result, isWriter: !isEmptySet(written) };
}

export interface Applied {
  readonly value: unknown;
  readonly owners: Owners;
  /** What is owned by others and would be changed: nothing may be stored unless this is empty or the apply is forced. */
  readonly conflicts: readonly Conflict[];
}

/** Lays a manager's whole wish over the live value, and takes away what it no longer wishes and nobody else owns. */
export function applyWish(
  shapeOf: ShapeOf,
  live: unknown,
  wish: unknown,
  owners: Owners,
  manager: { readonly id: string; readonly version: string },
): Applied {
  const shape = shapeOf(manager.version);
  if (shape === undefined) throw new Error(`there is no schema for ${manager.version}`);
  const last = owners.get(manager.id);
  const set = appliedSet(shape, wish);
  const claimed: Owners = new Map(owners).set(manager.id, { set, version: manager.version, isApplied: true });
  const value = pruned(shapeOf, mergeValues(shape, live, wish), claimed, last);
  const compared = new Comparisons(shapeOf, live, value);
  const result = new Map(taken(compared, claimed, manager.id));
  if (isEmptySet(set)) result.delete(manager.id);
  return { value, owners: result, conflicts: conflictsIn(compared, owners, manager.id) };
}

/** The others after a change: nobody but the writer owns what was changed. */
function* taken(compared: Comparisons, owners: Owners, writer: string): Generator<[string, Ownership]> {
  for (const [id, ownership] of owners) {
    if (id === writer) {
      yield [id, ownership];
      continue;
    }
    const changed = compared.changedIn(ownership.version);
    if (changed === undefined) continue;
    const set = differenceOf(ownership.set, changed);
    if (set === ownership.set) yield [id, ownership];
    else if (!isEmptySet(set)) yield [id, { ...ownership, set }];
  }
}

function conflictsIn(compared: Comparisons, owners: Owners, manager: string): Conflict[] {
  const conflicts: Conflict[] = [];
  for (const [owner, { set, version }] of owners) {
    const changes = owner === manager ? undefined : compared.in(version);
    if (changes === undefined) continue;
    const both = intersectionOf(set, unionOf(changes.modified, changes.added));
    for (const path of membersOf(both)) conflicts.push({ owner, path });
  }
  return conflicts;
}

/** What the manager applied last time, no longer applies, and nobody else owns, goes. */
function pruned(shapeOf: ShapeOf, merged: unknown, owners: Owners, last: Ownership | undefined): unknown {
  if (last === undefined || isEmptySet(last.set)) return merged;
  const shape = shapeOf(last.version);
  if (shape === undefined) return merged;
  const named = (set: FieldSet, of: Shape): FieldSet => withNamedFields(of, set);
  let kept = removeFields(shape, merged, named(last.set, shape));
  const versions = new Set([last.version, ...[...owners.values()].map(({ version }) => version)]);
  for (const version of versions) {
    const there = shapeOf(version);
    if (there === undefined) continue;
    let owned = NO_FIELDS;
    for (const ownership of owners.values())
      if (ownership.version === version) owned = unionOf(owned, ownership.set);
    const stays = unionOf(named(appliedSet(there, kept ?? {}), there), named(owned, there));
    kept = removeFields(there, merged, differenceOf(named(appliedSet(there, merged), there), stays));
  }
  // Whatever else went with them was never this manager's to remove.
  const gone = differenceOf(
    named(appliedSet(shape, merged), shape),
    named(appliedSet(shape, kept ?? {}), shape),
  );
  return removeFields(shape, merged, intersectionOf(gone, named(last.set, shape)));
}

/** The set with every field that the schema names and that has members below it a member itself. */
function withNamedFields(shape: Shape, set: FieldSet): FieldSet {
  const result: Record<string, FieldSet> = {};
  for (const element of Object.keys(set)) {
    const node = set[element];
    if (node === undefined || element === '.') continue;
    const isMember = '.' in node || isEmptySet(node);
    if (shape.kind === 'map' && element.startsWith('f:')) {
      const field = element.slice(2);
      const part = fieldShape(shape, field);
      const children = part === 'untracked' ? node : withNamedFields(part, node);
      result[element] = nodeOf(isMember || shape.fields.has(field), children) ?? MEMBER;
    } else {
      const item = shape.kind === 'list' && !shape.isAtomic ? shape.item : shape;
      result[element] = nodeOf(isMember, withNamedFields(item, node)) ?? MEMBER;
    }
  }
  return result;
}

function isSameOwners(a: Owners, b: Owners): boolean {
  if (a.size !== b.size) return false;
  for (const [id, { set, version }] of b) {
    const own = a.get(id);
    if (own === undefined || own.version !== version) return false;
    if (own.set !== set) return false;
  }
  return true;
}

/** What changed, in the terms of each version that somebody owns fields in; each is looked at once. */
class Comparisons {
  readonly #shapeOf: ShapeOf;
  readonly #before: unknown;
  readonly #after: unknown;
  readonly #known = new Map<Shape, { readonly changes: Changes; changed?: FieldSet }>();

  constructor(shapeOf: ShapeOf, before: unknown, after: unknown) {
    this.#shapeOf = shapeOf;
    this.#before = before;
    this.#after = after;
  }

  in(version: string): Changes | undefined {
    return this.#find(version)?.changes;
  }

  /** Everything that was added, modified or removed. */
  changedIn(version: string): FieldSet | undefined {
    const found = this.#find(version);
    if (found === undefined) return undefined;
    const { added, modified, removed } = found.changes;
    found.changed ??= unionOf(unionOf(modified, added), removed);
    return found.changed;
  }

  #find(version: string): { readonly changes: Changes; changed?: FieldSet } | undefined {
    const shape = this.#shapeOf(version);
    if (shape === undefined) return undefined;
    let found = this.#known.get(shape);
    if (found === undefined) {
      const before = isRecord(this.#before) ? this.#before : {};
      const after = isRecord(this.#after) ? this.#after : {};
      found = { changes: compareValues(shape, before, after) };
      this.#known.set(shape, found);
    }
    return found;
  }
}
