/** `kubectl get resourcequotas`: used and limit of everything counted. Source: kubectl's printer for quotas. */
import { isRecord, readPath } from '../../machinery/json.ts';
import { age, NAME_COLUMN, type TablePrinter, textColumn } from './view.ts';

export const resourceQuotaTable: TablePrinter = {
  columns: [
    NAME_COLUMN,
    textColumn('Age', 'Time since it was created.'),
    textColumn('Request', 'Objects, and the least that tasks ask for: used and allowed.'),
    textColumn('Limit', 'The most that tasks may use: used and allowed.'),
  ],
  cells(quota, nowMs) {
    const hard = figures(readPath(quota, ['status', 'hard']));
    const used = figures(readPath(quota, ['status', 'used']));
    const shown = (isLimit: boolean): string =>
      Object.keys(hard)
        .filter((name) => name.startsWith('limits.') === isLimit)
        .sort()
        .map((name) => `${name}: ${used[name] ?? '0'}/${hard[name]}`)
        .join(', ');
    const { name, creationTimestamp } = quota.metadata;
    return [name, age(creationTimestamp, nowMs), shown(false), shown(true)];
  },
};

function figures(value: unknown): Readonly<Record<string, string>> {
  return isRecord(value)
    ? Object.fromEntries(Object.entries(value).map(([name, figure]) => [name, String(figure)]))
    : {};
}
