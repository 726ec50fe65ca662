/** Prometheus' text, read strictly: what a test knows of it is what any reader would. */

export interface Series {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Exposition {
  readonly series: readonly Series[];
  readonly types: ReadonlyMap<string, string>;
  /** The one series with these labels among others; throws when there is none, or more than one. */
  value(name: string, labels?: Readonly<Record<string, string>>): number;
  /** How many series of a name. */
  count(name: string): number;
}

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)\{(.*)\} (\S+)$/s;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/y;

/** Throws for what is no text of that form: a family in two places or without its head, a series twice. */
export function parseExposition(text: string): Exposition {
  if (text !== '' && !text.endsWith('\n')) throw new Error('the last line has no end');
  const types = new Map<string, string>();
  const series: Series[] = [];
  const seen = new Set<string>();
  let family = '';
  for (const line of text.split('\n').slice(0, -1)) {
    if (line.startsWith('# HELP ')) continue;
    const told = /^# TYPE (\S+) (counter|gauge)$/.exec(line);
    if (told !== null) {
      const [, name = '', type = ''] = told;
      if (types.has(name)) throw new Error(`family ${name} begins twice`);
      types.set(name, type);
      family = name;
      continue;
    }
    const found = LINE.exec(line);
    if (found === null) throw new Error(`no line of metrics: ${line}`);
    const [, name = '', inside = '', value = ''] = found;
    if (name !== family) throw new Error(`${name} stands under ${family}`);
    const labels = labelsIn(inside);
    const key = `${name}${JSON.stringify(
      labels,
      Object.keys(labels).toSorted((a, b) => (a < b ? -1 : 1)),
    )}`;
    if (seen.has(key)) throw new Error(`twice: ${line}`);
    seen.add(key);
    if (Number.isNaN(Number(value))) throw new Error(`no number: ${line}`);
    series.push({ name, labels, value: Number(value) });
  }
  const findAll = (name: string, labels: Readonly<Record<string, string>>): readonly Series[] =>
    series.filter(
      (each) =>
        each.name === name && Object.entries(labels).every(([key, value]) => each.labels[key] === value),
    );
  return {
    series,
    types,
    count: (name) => findAll(name, {}).length,
    value(name, labels = {}) {
      const all = findAll(name, labels);
      const [first] = all;
      if (first === undefined || all.length > 1)
        throw new Error(`${all.length} series ${name}${JSON.stringify(labels)}`);
      return first.value;
    },
  };
}

function labelsIn(inside: string): Record<string, string> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < inside.length) {
    const at = LABEL.lastIndex;
    const found = LABEL.exec(inside);
    if (found === null) throw new Error(`no labels: ${inside.slice(at)}`);
    const [, name = '', value = ''] = found;
    if (Object.hasOwn(labels, name)) throw new Error(`label ${name} twice: ${inside}`);
    labels[name] = value.replaceAll(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char));
  }
  return labels;
}
