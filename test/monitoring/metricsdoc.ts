/** The tables of docs/metrics.md row by row, as a process is held against them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseSeries } from '../series.ts';

/** Where a row holds: `worker`, `shared`, `disk`, `limit`, or everywhere. */
export interface Row {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly onlyWhere: string;
}

const PROCESS = ['API server', 'Store', 'Controllers', 'Worker', 'Process'] as const;

function rowsOf(isWanted: (heading: string) => boolean, hasPlace: boolean): readonly Row[] {
  const text = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'metrics.md'), 'utf8');
  const rows: Row[] = [];
  let heading = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('## ')) heading = line.slice(3);
    const [, name, type = '', labels = '', third = ''] =
      /^\| `(\w+)` \| (\w+) \|([^|]*)\|([^|]*)\|/.exec(line) ?? [];
    if (name === undefined || !isWanted(heading)) continue;
    const words = [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label);
    const [, onlyWhere = ''] = /`(\w+)`/.exec(hasPlace ? third : '') ?? [];
    rows.push({ name, type, labels: words, onlyWhere });
  }
  return rows;
}

/** Those of `/metrics`. */
export const processRows = (): readonly Row[] =>
  rowsOf((heading) => PROCESS.some((each) => each === heading), true);
/** Those of `/metrics/state`. */
export const stateRows = (): readonly Row[] => rowsOf((heading) => heading.startsWith('State'), false);
/** Those of the containers. */
export const containerRows = (): readonly Row[] =>
  rowsOf((heading) => heading.startsWith('Containers'), false);

/** The families of a text in Prometheus' form, with the types it tells. */
export function familiesOf(text: string): ReadonlyMap<string, string> {
  return new Map(
    [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', type = '']): [string, string] => [
      name,
      type,
    ]),
  );
}

/** By family: every set of label names that its series have. */
export function labelSetsOf(text: string): ReadonlyMap<string, ReadonlySet<string>> {
  const families = familiesOf(text);
  const found = new Map<string, Set<string>>();
  for (const { name, labels } of parseSeries(text)) {
    const family = families.has(name) ? name : name.replace(/_(?:bucket|sum|count)$/, '');
    const names = Object.keys(labels).filter((label) => label !== 'le');
    const sets = found.get(family) ?? new Set<string>();
    found.set(family, sets.add(names.sort().join(',')));
  }
  return found;
}
