/**
 * `View`: one stored object with a second face, such as the Pod of a Task. A view is pure: it says how the face is
 * served and how it is made from the stored object; reading, selecting and watching come from `catalog.ts`.
 * Adding one is a file beside this one and a line in the list that the server is given.
 */
import { humanDuration } from '../../machinery/duration.ts';
import type { DynamicObject } from '../../machinery/meta.ts';
import type { ServedKind } from '../registry/types.ts';

export interface View {
  /** How the face is routed, discovered and described. Reads only: get, list, watch. */
  readonly kind: ServedKind;
  /** The stored kind it is a face of. Reading the face needs, and is authorized as, reading that. */
  readonly source: Pick<ServedKind, 'group' | 'version' | 'plural' | 'kind'>;
  /** Same namespace, name and resourceVersion; another uid means another object to whoever watches. */
  project(stored: DynamicObject): DynamicObject;
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
