/** `kubectl get configmaps` and `kubectl get secrets`: how much data there is. Source: kubectl's printers. */
import { isRecord } from '../../machinery/json.ts';
import type { DynamicObject } from '../../machinery/meta.ts';
import { age, NAME_COLUMN, type TablePrinter, textColumn } from './view.ts';

const DATA = textColumn('Data', 'How many keys there are.');
const AGE = textColumn('Age', 'Time since it was created.');

export const configMapTable: TablePrinter = {
  columns: [NAME_COLUMN, DATA, AGE],
  cells: (object, nowMs) => [
    object.metadata.name,
    keys(object, 'data') + keys(object, 'binaryData'),
    age(object.metadata.creationTimestamp, nowMs),
  ],
};

export const secretTable: TablePrinter = {
  columns: [NAME_COLUMN, textColumn('Type', 'What the data is for.'), DATA, AGE],
  cells: (object, nowMs) => [
    object.metadata.name,
    typeof object['type'] === 'string' ? object['type'] : '',
    keys(object, 'data'),
    age(object.metadata.creationTimestamp, nowMs),
  ],
};

export const serviceAccountTable: TablePrinter = {
  columns: [NAME_COLUMN, textColumn('Secrets', 'How many Secrets it may use.'), AGE],
  cells: (object, nowMs) => [
    object.metadata.name,
    Array.isArray(object['secrets']) ? object['secrets'].length : 0,
    age(object.metadata.creationTimestamp, nowMs),
  ],
};

function keys(object: DynamicObject, field: string): number {
  const data = object[field];
  return isRecord(data) ? Object.keys(data).length : 0;
}
