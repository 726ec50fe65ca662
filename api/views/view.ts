/**
 * `View`: one stored object with a second face, such as the Pod of a Task. A view is pure: it says how the face is
 * served, how it is made from the stored object, and what a change of the face means for that; reading, selecting,
 * watching and writing come from `catalog.ts`. Adding one is a file beside this one and a line in the server's list.
 */
import { humanDuration } from '../../machinery/duration.ts';
import { isRecord, isSameJson } from '../../machinery/json.ts';
import type { DynamicObject, ObjectMeta } from '../../machinery/meta.ts';
import { type FieldProblem, forbidden, invalidObject } from '../registry/admission/fielderrors.ts';
import type { ServedKind } from '../registry/types.ts';

/** What a create sends: its name may still have to be made. */
export interface NewObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Partial<ObjectMeta>;
  readonly [field: string]: unknown;
}

export interface View {
  /** How the face is routed, discovered and described. Its verbs say which of the hooks below there are. */
  readonly kind: ServedKind;
  /** The stored kind it is a face of. Reading the face needs, and is authorized as, reading that. */
  readonly source: Pick<ServedKind, 'group' | 'version' | 'plural' | 'kind'>;
  /** Same namespace, name and resourceVersion; another uid means another object to whoever watches. */
  project(stored: DynamicObject): DynamicObject;
  /**
   * The stored object after its face was changed to `face`. Throws `Invalid` for a change that the stored object
   * cannot take. For the verbs update and patch.
   */
  fold?(face: DynamicObject, stored: DynamicObject): DynamicObject;
  /** The object to store for a new face. Throws `Invalid` for what it cannot be made from. For the verb create. */
  make?(face: DynamicObject): NewObject;
  /** What deleting the face does to the stored object: it goes too, or it is evicted and gets a new face. */
  readonly removal?: 'delete' | 'evict';
}

/** Annotations and labels as a changed face wishes them; annotations the face never showed stay. */
export function foldMetadata(
  face: DynamicObject,
  stored: DynamicObject,
  isHidden: (annotation: string) => boolean,
): ObjectMeta {
  const { labels: _labels, annotations: old = {}, ...kept } = stored.metadata;
  const { labels = {}, annotations = {} } = face.metadata;
  const hidden = Object.entries(old).filter(([name]) => isHidden(name));
  const shown = Object.entries(annotations).filter(([name]) => !isHidden(name));
  const merged = Object.fromEntries([...hidden, ...shown]);
  return {
    ...kept,
    ...(Object.keys(labels).length === 0 ? {} : { labels }),
    ...(Object.keys(merged).length === 0 ? {} : { annotations: merged }),
  };
}

/**
 * Throws `Invalid` naming every field of spec, and of what a client decides in metadata, that differs and is not
 * among the `changeable` ones. Status is left out: what is written there through the object itself is ignored, as
 * for every kind.
 */
export function refuseOtherChanges(
  kind: ServedKind,
  before: DynamicObject,
  after: DynamicObject,
  changeable: readonly string[],
  hint: string,
): void {
  const isOpen = (path: string): boolean => changeable.includes(path);
  const problems: FieldProblem[] = [];
  const compare = (path: string, old: unknown, now: unknown): void => {
    if (isOpen(path) || isSameJson(old, now)) return;
    if (isRecord(old) && isRecord(now)) {
      for (const field of new Set([...Object.keys(old), ...Object.keys(now)])) {
        compare(`${path}.${field}`, old[field], now[field]);
      }
    } else if (Array.isArray(old) && Array.isArray(now) && old.length === now.length) {
      for (const index of old.keys()) compare(`${path}[${index}]`, old[index], now[index]);
    } else {
      problems.push(forbidden(path, hint));
    }
  };
  compare('spec', before['spec'] ?? {}, after['spec'] ?? {});
  for (const field of ['labels', 'annotations', 'finalizers', 'ownerReferences'] as const) {
    compare(`metadata.${field}`, before.metadata[field] ?? [], after.metadata[field] ?? []);
  }
  if (problems.length > 0) throw invalidObject(kind, before.metadata.name, problems);
}

export interface TableColumn {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  /** 0 is always shown; above, only with `-o wide`. */
  readonly priority: number;
}

export type Cell = string | number | boolean | null;

/** Rows of one kind where JSONPath columns cannot say it. */
export interface TablePrinter {
  readonly columns: readonly TableColumn[];
  cells(object: DynamicObject, nowMs: number): readonly Cell[];
}

/** A column of text. @param priority above 0: only with `-o wide`. */
export function textColumn(name: string, description: string, priority = 0): TableColumn {
  return { name, type: 'string', format: '', description, priority };
}

export const NAME_COLUMN: TableColumn = {
  name: 'Name',
  type: 'string',
  format: 'name',
  description: 'Name must be unique within a namespace.',
  priority: 0,
};

/** How long ago, as kubectl says it; `<unknown>` where there is no time. */
export function age(value: unknown, nowMs: number): string {
  const atMs = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  return Number.isNaN(atMs) ? '<unknown>' : humanDuration(nowMs - atMs);
}
