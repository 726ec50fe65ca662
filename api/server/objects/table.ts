/**
 * meta.k8s.io Tables: what `kubectl get` shows. Columns come from the kind's document, or from a printer where JSONPath
 * cannot say it. kubectl prints the cells of a server's table as they are, so dates are turned into ages here.
 * Source: Kubernetes documentation, "Receiving resources as Tables"; CustomResourceDefinition "Additional printer columns".
 */
import { ApiError } from '../../../machinery/errors.ts';
import type { DynamicObject } from '../../../machinery/meta.ts';
import type { PrinterColumn } from '../../../schemas/crd.ts';
import type { ServedKind } from '../../registry/types.ts';
import { age, type Cell, NAME_COLUMN, type TablePrinter } from '../../views/view.ts';
import { compileJsonPath } from '../jsonpath.ts';

/** What a row carries of its object. */
export type IncludeObject = 'None' | 'Metadata' | 'Object';

export function includeObject(value: string | undefined): IncludeObject {
  if (value === undefined || value === '' || value === 'Metadata') return 'Metadata';
  if (value === 'None' || value === 'Object') return value;
  throw new ApiError(
    'BadRequest',
    `query parameter includeObject: found "${value}", wanted None, Metadata or Object`,
  );
}

const AGE: PrinterColumn = {
  name: 'Age',
  type: 'date',
  description: 'Time since the object was created.',
  jsonPath: '.metadata.creationTimestamp',
};

const printers = new WeakMap<ServedKind, TablePrinter>();

/**
 * The kind's own columns, name first; a kind without columns shows its age, and so does one whose definition has a
 * column that cannot be read: admission takes it, as Kubernetes' does.
 */
export function columnPrinter(kind: ServedKind): TablePrinter {
  let printer = printers.get(kind);
  if (printer === undefined) printers.set(kind, (printer = newColumnPrinter(kind)));
  return printer;
}

function newColumnPrinter(kind: ServedKind): TablePrinter {
  const own = kind.columns.length === 0 ? undefined : readersOf(kind.columns);
  const readers = own ?? [{ column: AGE, read: compileJsonPath(AGE.jsonPath) }];
  return {
    columns: [
      NAME_COLUMN,
      ...readers.map(({ column }) => ({
        name: column.name,
        type: column.type,
        format: column.format ?? '',
        description: column.description ?? '',
        priority: column.priority ?? 0,
      })),
    ],
    cells: (object, nowMs) => [
      object.metadata.name,
      ...readers.map(({ column, read }) => cell(column, read(object), nowMs)),
    ],
  };
}

interface ColumnReader {
  readonly column: PrinterColumn;
  readonly read: ReturnType<typeof compileJsonPath>;
}

/** Undefined when one of them is no path. */
function readersOf(columns: readonly PrinterColumn[]): readonly ColumnReader[] | undefined {
  try {
    return columns.map((column) => ({ column, read: compileJsonPath(column.jsonPath) }));
  } catch {
    // Told to nobody, as on Kubernetes: who made the definition sees that its columns are missing.
    return undefined;
  }
}

function cell(column: PrinterColumn, values: readonly unknown[], nowMs: number): Cell {
  const [first] = values;
  if (first === undefined || first === null) return null;
  if (column.type === 'date') return age(first, nowMs);
  if (column.type === 'string') return values.map(plainText).join(',');
  if (column.type === 'boolean') return typeof first === 'boolean' ? first : null;
  return typeof first === 'number' ? first : null;
}

function plainText(value: unknown): string {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
}

export interface TableOptions {
  readonly printer: TablePrinter;
  readonly include: IncludeObject;
  readonly apiVersion: string;
  readonly nowMs: number;
  /** Watch frames after the first leave the columns out. */
  readonly withColumns: boolean;
}

export interface TableMeta {
  readonly resourceVersion?: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

export function tableOf(
  objects: readonly DynamicObject[],
  metadata: TableMeta,
  options: TableOptions,
): unknown {
  const { printer, include, apiVersion, nowMs, withColumns } = options;
  return {
    kind: 'Table',
    apiVersion,
    metadata,
    columnDefinitions: withColumns ? printer.columns : null,
    rows: objects.map((object) => ({
      cells: printer.cells(object, nowMs),
      object: include === 'None' ? null : include === 'Object' ? object : partialOf(object, apiVersion),
    })),
  };
}

/** meta.k8s.io PartialObjectMetadata. */
export function partialOf(object: DynamicObject, apiVersion: string): DynamicObject {
  return { kind: 'PartialObjectMetadata', apiVersion, metadata: object.metadata };
}
