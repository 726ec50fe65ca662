/** docs/metrics.md as a query sees it: by the names that series carry, with every label they may have. */
import { containerRows, processRows, type Row, stateRows } from './metricsdoc.ts';

export interface KnownMetric {
  readonly type: string;
  readonly labels: ReadonlySet<string>;
}

/** What Prometheus adds to everything it scrapes. */
const TARGET = ['instance', 'job'];
/** What series carry beside the labels of their own row. */
const OF_OBJECTS = ['namespace', 'task', 'taskset', 'job', 'run', 'worker'];
const OF_CONTAINERS = ['container', 'id', 'image', 'name', 'namespace', 'pod', 'worker'];
/** Prometheus' own. */
const OWN: readonly Row[] = [
  { name: 'up', type: 'gauge', labels: [], onlyWhere: '' },
  { name: 'ALERTS', type: 'gauge', labels: ['alertname', 'alertstate', 'severity'], onlyWhere: '' },
];

/** A histogram is its three series. */
export function knownMetrics(): Map<string, KnownMetric> {
  const known = new Map<string, KnownMetric>();
  const add = (rows: readonly Row[], common: readonly string[]): void => {
    for (const { name, type, labels: own } of rows) {
      const labels = new Set([...own, ...common, ...TARGET]);
      if (type !== 'histogram') known.set(name, { type, labels });
      else {
        known.set(`${name}_bucket`, { type: 'counter', labels: new Set([...labels, 'le']) });
        for (const part of ['sum', 'count']) known.set(`${name}_${part}`, { type: 'counter', labels });
      }
    }
  };
  add(OWN, []);
  add(processRows(), []);
  add(stateRows(), OF_OBJECTS);
  add(containerRows(), OF_CONTAINERS);
  return known;
}
