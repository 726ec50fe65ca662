/**
 * The metrics as OpenMetrics text, which unlike the older form can hold exemplars: made from that form, metric by
 * metric, because the library renames counters for good once it has written them as OpenMetrics.
 *
 * Series keep the names they have in the older form: a counter that does not end with `_total` is told as `unknown`
 * rather than renamed.
 * Source: OpenMetrics 1.0, "Text format" and "Exemplars".
 */
import { findExemplars, type HistogramExemplars } from '../../machinery/exemplars.ts';
import type { Metrics } from '../../machinery/metrics.ts';
import { parseAccept } from './objects/negotiation.ts';

export const OPENMETRICS_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';
const VERSIONS = new Set(['0.0.1', '1.0.0', undefined]);

/** Whether whoever asks prefers OpenMetrics; the older form is for all others. */
export function wantsOpenMetrics(accept: string): boolean {
  const [first] = parseAccept(accept).filter(
    ({ type }) => type === 'text/plain' || type === 'application/openmetrics-text',
  );
  return first?.type === 'application/openmetrics-text' && VERSIONS.has(first.parameters['version']);
}

export async function openMetricsText(metrics: Metrics): Promise<string> {
  const blocks = await Promise.all(
    metrics.getMetricsAsArray().map(async ({ name }) => {
      const text = await metrics.getSingleMetricAsString(name);
      return blockOf(text, findExemplars(metrics, name)).join('\n');
    }),
  );
  return [...blocks, '# EOF', ''].join('\n');
}

const TYPE = /^# TYPE (\S+) (\S+)$/;
const HELP = /^# HELP (\S+) /;
const BUCKET = /^\w+_bucket\{(.*)\} \S+$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** One metric: its lines, in OpenMetrics. */
function blockOf(text: string, exemplars: HistogramExemplars | undefined): readonly string[] {
  const lines = text.split('\n');
  const type = lines.map((line) => TYPE.exec(line)?.[2]).find((found) => found !== undefined);
  return lines.map((line) => {
    const told = TYPE.exec(line);
    if (told !== null) {
      const [, name = ''] = told;
      const isPlainCounter = type === 'counter' && !name.endsWith('_total');
      return `# TYPE ${familyOf(name, type)} ${isPlainCounter ? 'unknown' : String(type)}`;
    }
    if (line.startsWith('# HELP ')) {
      return line.replace(HELP, (_, name: string) => `# HELP ${familyOf(name, type)} `);
    }
    return exemplars === undefined ? line : line + exemplarOf(line, exemplars);
  });
}

/** A family is named without the suffix that its counters have. */
function familyOf(name: string, type: string | undefined): string {
  return type === 'counter' ? name.replace(/_total$/, '') : name;
}

function exemplarOf(line: string, exemplars: HistogramExemplars): string {
  const labels = BUCKET.exec(line)?.[1];
  if (labels === undefined) return '';
  const { le = '', ...rest } = Object.fromEntries(
    [...labels.matchAll(LABEL)].map(([, name = '', value = '']): [string, string] => [
      name,
      unescaped(value),
    ]),
  );
  const found = exemplars.find(rest)?.at(le);
  return found === undefined ? '' : ` # {trace_id="${found.traceId}"} ${found.value} ${found.atMs / 1000}`;
}

function unescaped(value: string): string {
  return value.replaceAll(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char));
}
