/** What a metrics registry would be scraped for, as series. */
import type { Metrics } from '../machinery/metrics.ts';

export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** All series of a text in Prometheus' form. Throws for a line that is none. */
export function parseSeries(text: string): readonly Series[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name, labels = '', value] = LINE.exec(line) ?? [];
      if (name === undefined) throw new Error(`no series: ${line}`);
      const pairs = [...labels.matchAll(LABEL)].map(([, key = '', text = '']): [string, string] => [
        key,
        text,
      ]);
      return { name, labels: Object.fromEntries(pairs), value: Number(value) };
    });
}

/** Those of this name, which for a histogram ends with `_count`, `_sum` or `_bucket`. */
export async function seriesOf(metrics: Metrics, name: string): Promise<readonly Series[]> {
  return parseSeries(await metrics.metrics()).filter((series) => series.name === name);
}
