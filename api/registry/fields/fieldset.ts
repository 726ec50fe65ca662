/**
 * Sets of field paths, in the very form they travel in: Kubernetes' FieldsV1. A set is a trie of path elements, written
 * `f:<field>`, `k:<keys of a list item>`, `v:<item of a set>` and `i:<index>`. A node is itself a member when it says so
 * with a `.`, or when there is nothing below it; the root is never one, so `{}` is the empty set.
 *
 * Sets are never changed: every operation shares what stays the same, and hands back the very set it was given when
 * nothing came of it, so that "did anything change" is a comparison of references.
 * Source: Kubernetes API reference, FieldsV1; structured-merge-diff `fieldpath`.
 */
import { ApiError } from '../../../machinery/errors.ts';
import { isRecord } from '../../../machinery/json.ts';

export interface FieldSet {
  readonly [element: string]: FieldSet;
}

type Draft = Record<string, FieldSet>;

const SELF = '.';

/** A node with nothing below it: below the root, a member. */
export const MEMBER: FieldSet = Object.freeze({});
export const NO_FIELDS: FieldSet = Object.freeze({});

export function isEmptySet(set: FieldSet): boolean {
  for (const _ in set) return false;
  return true;
}

function isMember(node: FieldSet): boolean {
  return SELF in node || isEmptySet(node);
}

/** A node from its parts; undefined when there is nothing in it. */
export function nodeOf(isItself: boolean, children: FieldSet): FieldSet | undefined {
  if (isEmptySet(children)) return isItself ? MEMBER : undefined;
  return isItself ? { [SELF]: MEMBER, ...children } : children;
}

/** The subset below one element; undefined when there is none. */
export function below(set: FieldSet | undefined, element: string): FieldSet | undefined {
  return set !== undefined && Object.hasOwn(set, element) ? set[element] : undefined;
}

export function hasElement(set: FieldSet | undefined, element: string): boolean {
  const node = below(set, element);
  return node !== undefined && isMember(node);
}

/** Whether anything below this element, not the element itself, is in the set. */
export function hasBelow(node: FieldSet | undefined): node is FieldSet {
  if (node === undefined) return false;
  for (const element in node) if (element !== SELF) return true;
  return false;
}

export function unionOf(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b || isEmptySet(b)) return a;
  if (isEmptySet(a)) return b;
  return unionChildren(a, b);
}

/** The children of `b` laid into those of `a`; `.` is the caller's. */
function unionChildren(a: FieldSet, b: FieldSet): FieldSet {
  let result: Draft | undefined;
  for (const element of Object.keys(b)) {
    const other = b[element];
    if (element === SELF || other === undefined) continue;
    const own = below(a, element);
    const joined = own === undefined ? other : unionNode(own, other);
    if (joined === own) continue;
    result ??= { ...a };
    result[element] = joined;
  }
  return result ?? a;
}

function unionNode(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b) return a;
  const children = unionChildren(a, b);
  if (SELF in a || !(isMember(a) || isMember(b)) || isEmptySet(children)) return children;
  return { [SELF]: MEMBER, ...children };
}

/** What is stored was made or parsed by this file; only its type is lost on the way. */
export function isFieldSet(fieldsV1: unknown): fieldsV1 is FieldSet {
  return isRecord(fieldsV1);
}

/** What is in `a` and not in `b`: taking a path away leaves what is below it. */
export function differenceOf(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(a) || isEmptySet(b)) return a;
  return differenceChildren(a, b);
}

function differenceChildren(a: FieldSet, b: FieldSet): FieldSet {
  let result: Draft | undefined;
  for (const element of Object.keys(a)) {
    const own = a[element];
    const other = element === SELF ? undefined : below(b, element);
    if (own === undefined || other === undefined) continue;
    const left = differenceNode(own, other);
    if (left === own) continue;
    result ??= { ...a };
    if (left === undefined) delete result[element];
    else result[element] = left;
  }
  return result ?? a;
}

function differenceNode(a: FieldSet, b: FieldSet): FieldSet | undefined {
  if (isEmptySet(a)) return isMember(b) ? undefined : a;
  const left = differenceChildren(a, b);
  if (!(SELF in a)) return isEmptySet(left) ? undefined : left;
  const isLeft = !isMember(b);
  if (isLeft && hasBelow(left)) return left;
  const { [SELF]: _self, ...children } = left;
  return nodeOf(isLeft, children);
}

export function intersectionOf(a: FieldSet, b: FieldSet): FieldSet {
  const result: Draft = {};
  for (const element of Object.keys(a)) {
    const own = a[element];
    const other = element === SELF ? undefined : below(b, element);
    if (own === undefined || other === undefined) continue;
    const both = nodeOf(isMember(own) && isMember(other), intersectionOf(own, other));
    if (both !== undefined) result[element] = both;
  }
  return result;
}

/** Whether every member of `a` is one of `b`. */
export function isSubset(a: FieldSet, b: FieldSet): boolean {
  return isEmptySet(differenceOf(a, b));
}

/** Every member as the list of its elements, parents before children. */
export function* membersOf(set: FieldSet, prefix: readonly string[] = []): Generator<readonly string[]> {
  for (const element of Object.keys(set).sort()) {
    const node = set[element];
    if (element === SELF || node === undefined) continue;
    const path = [...prefix, element];
    if (isMember(node)) yield path;
    yield* membersOf(node, path);
  }
}

export function setOf(paths: Iterable<readonly string[]>): FieldSet {
  let set = NO_FIELDS;
  for (const path of paths) {
    set = unionOf(
      set,
      path.reduceRight<FieldSet>((node, element) => ({ [element]: node }), MEMBER),
    );
  }
  return set;
}

/** The same set with its elements in order, `.` first: how it is stored and shown. */
export function sortedSet(set: FieldSet): FieldSet {
  const result: Draft = {};
  for (const element of Object.keys(set).sort()) {
    const node = set[element];
    if (node !== undefined) result[element] = sortedSet(node);
  }
  return result;
}

/** `.spec.ports[name="http"].hostPort`: how messages name a path. */
export function printPath(path: readonly string[]): string {
  return path.map(printElement).join('');
}

function printElement(element: string): string {
  const text = element.slice(2);
  switch (element.slice(0, 2)) {
    case 'f:':
      return `.${text}`;
    case 'v:':
      return `[=${text}]`;
    case 'i:':
      return `[${text}]`;
    default: {
      const keys: unknown = JSON.parse(text);
      const parts = Object.entries(isRecord(keys) ? keys : {}).map(
        ([key, value]) => `${key}=${JSON.stringify(value)}`,
      );
      return `[${parts.join(',')}]`;
    }
  }
}

/** The element of a list item by its keys, which must be in order. */
export function keyElement(entries: readonly (readonly [string, unknown])[]): string {
  return `k:{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`;
}

/** Far deeper than any schema. */
const MAX_DEPTH = 256;

/** A set that somebody sent, with its elements in the one form this file compares. Throws `BadRequest`. */
export function parseSet(value: unknown, path: string, depth = 0): FieldSet {
  if (!isRecord(value) || depth > MAX_DEPTH) {
    throw new ApiError('BadRequest', `${path} must be a FieldsV1 object, found ${JSON.stringify(value)}`);
  }
  const result: Draft = {};
  for (const [element, node] of Object.entries(value)) {
    if (element === SELF) result[SELF] = MEMBER;
    else result[parseElement(element, path)] = parseSet(node, path, depth + 1);
  }
  return result;
}

function parseElement(element: string, path: string): string {
  const text = element.slice(2);
  const wrong = (): ApiError =>
    new ApiError('BadRequest', `${path}: ${JSON.stringify(element)} is no path element of FieldsV1`);
  switch (element.slice(0, 2)) {
    case 'f:':
      return element;
    case 'i:':
      if (!/^\d+$/.test(text)) throw wrong();
      return element;
    case 'v:':
      return `v:${JSON.stringify(parsed(text, wrong))}`;
    case 'k:': {
      const keys = parsed(text, wrong);
      if (!isRecord(keys)) throw wrong();
      return keyElement(Object.entries(keys).sort(([a], [b]) => (a < b ? -1 : 1)));
    }
    default:
      throw wrong();
  }
}

function parsed(text: string, wrong: () => ApiError): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw wrong();
  }
}
