/** The tables of docs/metrics.md as data: which metrics there are, of which type, with which labels. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface KnownMetric {
  readonly type: string;
  readonly labels: ReadonlySet<string>;
}

/** What Prometheus adds to everything it scrapes. */
const TARGET = ['instance', 'job'];
/** What series of a section carry beside the labels of their own row. */
const SECTIONS: readonly (readonly [heading: string, labels: readonly string[]])[] = [
  ['## State', ['namespace', 'task', 'taskset', 'job', 'run', 'worker']],
  ['## Containers', ['container', 'id', 'image', 'name', 'namespace', 'pod', 'worker']],
];
/** Prometheus' own. */
const OWN: readonly (readonly [name: string, labels: readonly string[]])[] = [
  ['up', []],
  ['ALERTS', ['alertname', 'alertstate', 'severity']],
];

/** By the name that series carry: a histogram is its three. */
export function knownMetrics(): Map<string, KnownMetric> {
  const known = new Map<string, KnownMetric>(
    OWN.map(([name, labels]) => [name, { type: 'gauge', labels: new Set([...labels, ...TARGET]) }]),
  );
  let common: readonly string[] = [];
  const text = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'metrics.md'), 'utf8');
  for (const line of text.split('\n')) {
    if (line.startsWith('## ')) common = SECTIONS.find(([heading]) => line.startsWith(heading))?.[1] ?? [];
    const row = /^\| `(\w+)` \| (\w+) \|([^|]*)\|/.exec(line);
    if (row === null) continue;
    const [, name = '', type = '', words = ''] = row;
    const own = [...words.matchAll(/`(\w+)`/g)].map((match) => match[1] ?? '');
    const labels = new Set([...own, ...common, ...TARGET]);
    if (type !== 'histogram') known.set(name, { type, labels });
    else {
      known.set(`${name}_bucket`, { type: 'counter', labels: new Set([...labels, 'le']) });
      for (const part of ['sum', 'count']) known.set(`${name}_${part}`, { type: 'counter', labels });
    }
  }
  return known;
}
