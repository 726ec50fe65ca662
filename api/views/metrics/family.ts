/**
 * What Prometheus is told, as text: families of one name, and the lines below each. Written by hand and not by the metrics
 * library, which would keep a number and a hash for every line of every object.
 * Source of the form: Prometheus documentation, "Exposition formats", text format 0.0.4.
 */

export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'gauge' | 'counter';
}

export type LabelPairs = readonly (readonly [name: string, value: string])[];

/** What a client made up may be as long as an object; a longer value is cut, and ends with an ellipsis. */
const LONGEST_VALUE = 512;

/** The two lines before those of a family. */
export function familyHead({ name, help, type }: Family): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
}

/** `namespace="default",task="hello"`. */
export function labelText(labels: LabelPairs): string {
  return labels.map(([name, value]) => `${name}="${escaped(value)}"`).join(',');
}

/** `{`, what all lines of an object begin with: the place of its lines in every family. */
export function lineHead(labels: LabelPairs): string {
  return `{${labelText(labels)}`;
}

/** What follows a head: further labels and the value. `} 1`, or `,phase="Running"} 1`. */
export function lineTail(value: number, labels: LabelPairs = []): string {
  return labels.length === 0 ? `} ${value}` : `,${labelText(labels)}} ${value}`;
}

const SPECIAL = /[\\"\n]/g;

function escaped(value: string): string {
  const short = value.length > LONGEST_VALUE ? `${value.slice(0, LONGEST_VALUE - 1)}…` : value;
  return short.toWellFormed().replaceAll(SPECIAL, (char) => (char === '\n' ? '\\n' : `\\${char}`));
}

/** Seconds since the epoch; undefined for what is no time. */
export function unixSeconds(time: string | undefined): number | undefined {
  const ms = time === undefined ? Number.NaN : Date.parse(time);
  return Number.isNaN(ms) ? undefined : ms / 1000;
}
