/**
 * YAML (and so JSON) read with the place of everything in it, so that an error of the parser or of the server can name
 * file:line:column.
 *
 * Plain values mean what they mean to kubectl: YAML 1.2 with 1.1's booleans (`yes`, `on`), `<<` merges, and 1.1's octal
 * and binary integers, but no dates and no base-60 numbers (Go's yaml.v2 as Kubernetes uses it).
 */
import {
  boolYaml11Tag,
  CORE_SCHEMA,
  constructFromEvents,
  defineScalarTag,
  EVENT_ID,
  type Event,
  getScalarValue,
  mergeTag,
  NOT_RESOLVED,
  parseEvents,
  SCALAR_STYLE,
  type ScalarEvent,
  YAMLException,
} from 'js-yaml';

export interface YamlDocument {
  readonly value: unknown;
  /**
   * `line:column`, both from 1, of the field at a path such as `spec.ports[0].containerPort`; of the nearest thing
   * around it when the document does not have the field.
   */
  locate(path: string): string;
}

export interface YamlResult {
  /** Without empty ones. */
  readonly documents: readonly YamlDocument[];
  /** `file:line:column: what is wrong`. */
  readonly problems: readonly string[];
}

/** An alias can be used again and again to blow a small file up; nobody writes this many by hand. */
const MAX_ALIASES = 200;

const INTEGER = /^[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|[1-9][0-9_]*|0)$/;
const integerTag = defineScalarTag<number>('tag:yaml.org,2002:int', {
  implicit: true,
  implicitFirstChars: '-+0123456789'.split(''),
  resolve(source) {
    if (!INTEGER.test(source)) return NOT_RESOLVED;
    const [, sign = '', digits = ''] = /^([-+]?)(.*)$/.exec(source.replaceAll('_', '')) ?? [];
    const value = Number(/^0[0-7]+$/.test(digits) ? `0o${digits.slice(1)}` : digits);
    if (!Number.isFinite(value)) return NOT_RESOLVED;
    return sign === '-' ? -value : value;
  },
  identify: (data) => Number.isInteger(data),
});

const SCHEMA = CORE_SCHEMA.withTags(mergeTag, boolYaml11Tag, integerTag);

export function parseYaml(text: string, filename: string): YamlResult {
  const source = text.replace(/^\uFEFF/, '');
  try {
    const events = parseEvents(source, { filename });
    const values = constructFromEvents(events, { source, filename, schema: SCHEMA, maxAliases: MAX_ALIASES });
    const trees = treesOf(events, source);
    const circle = values.findIndex(holdsItself);
    if (circle !== -1) {
      const place = lineAndColumn(source, find(trees[circle], ''));
      return {
        documents: [],
        problems: [`${filename}:${place}: an alias (*) stands inside what it stands for`],
      };
    }
    const documents = values.map((value, at) => ({
      value,
      locate: (path: string) => lineAndColumn(source, find(trees[at], path)),
    }));
    return {
      documents: documents.filter(({ value }) => value !== null && value !== undefined),
      problems: [],
    };
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const { mark } = error;
    const place = mark === undefined ? '1:1' : `${mark.line + 1}:${mark.column + 1}`;
    return { documents: [], problems: [`${filename}:${place}: ${error.reason}`] };
  }
}

function holdsItself(value: unknown): boolean {
  const done = new Set<unknown>();
  const above = new Set<unknown>();
  const visit = (part: unknown): boolean => {
    if (typeof part !== 'object' || part === null || done.has(part)) return false;
    if (above.has(part)) return true;
    above.add(part);
    const isCircle = Object.values(part).some(visit);
    above.delete(part);
    done.add(part);
    return isCircle;
  };
  return visit(value);
}

/** One value of a document: where its key (or else itself) begins, and what it holds. */
interface Place {
  readonly start: number;
  readonly children: Map<string, Place>;
  readonly isSequence: boolean;
}

interface OpenPlace {
  readonly place: Place;
  key: { readonly text: string; readonly start: number } | undefined;
  count: number;
}

function treesOf(events: readonly Event[], source: string): (Place | undefined)[] {
  const trees: (Place | undefined)[] = [];
  const anchors = new Map<string, Place>();
  const open: (OpenPlace | undefined)[] = [];
  const insert = (start: number, isSequence: boolean, known?: Place): Place => {
    const parent = open.at(-1);
    const key = parent?.key;
    const place: Place = { start: key?.start ?? start, children: known?.children ?? new Map(), isSequence };
    if (parent === undefined) trees[trees.length - 1] = place;
    else if (parent.place.isSequence) parent.place.children.set(String(parent.count++), place);
    else if (key !== undefined) parent.place.children.set(key.text, place);
    if (parent !== undefined) parent.key = undefined;
    return place;
  };
  const isKeyNext = (): boolean => {
    const parent = open.at(-1);
    return parent !== undefined && !parent.place.isSequence && parent.key === undefined;
  };
  for (const event of events) {
    switch (event.type) {
      case EVENT_ID.DOCUMENT:
        trees.push(undefined);
        // A document's end is a pop like any other.
        open.push(undefined);
        break;
      case EVENT_ID.POP:
        open.pop();
        break;
      case EVENT_ID.SCALAR: {
        const parent = open.at(-1);
        if (isKeyNext() && parent !== undefined) {
          parent.key = { text: getScalarValue(source, event), start: startOf(event) };
          break;
        }
        remember(anchors, event, source, insert(startOf(event), false));
        break;
      }
      case EVENT_ID.ALIAS: {
        const known = anchors.get(source.slice(event.anchorStart, event.anchorEnd));
        const parent = open.at(-1);
        if (isKeyNext() && parent !== undefined) parent.key = { text: '', start: event.anchorStart };
        else insert(event.anchorStart, known?.isSequence === true, known);
        break;
      }
      case EVENT_ID.SEQUENCE:
      case EVENT_ID.MAPPING: {
        const place = insert(event.start, event.type === EVENT_ID.SEQUENCE);
        remember(anchors, event, source, place);
        open.push({ place, key: undefined, count: 0 });
      }
    }
  }
  return trees;
}

/** Where a person sees it begin: at its quote, if it has one. */
function startOf(event: ScalarEvent): number {
  const isQuoted = event.style === SCALAR_STYLE.SINGLE_QUOTED || event.style === SCALAR_STYLE.DOUBLE_QUOTED;
  return isQuoted ? event.valueStart - 1 : event.valueStart;
}

function remember(
  anchors: Map<string, Place>,
  event: { readonly anchorStart: number; readonly anchorEnd: number },
  source: string,
  place: Place,
): void {
  if (event.anchorStart >= 0) anchors.set(source.slice(event.anchorStart, event.anchorEnd), place);
}

/** Walks as far as the path leads. Keys may hold dots themselves, so the longest key that fits is followed. */
function find(tree: Place | undefined, path: string): number {
  let place = tree;
  let rest = path.replace(/^[$.]+/, '');
  while (place !== undefined && rest !== '') {
    const index = /^\[(?:"([^"]*)"|'([^']*)'|([^\]]*))\]/.exec(rest);
    let next: Place | undefined;
    let length = 0;
    if (index !== null) {
      next = place.children.get(index[1] ?? index[2] ?? index[3] ?? '');
      length = index[0].length;
    } else {
      for (const [key, child] of place.children) {
        const isFitting = rest.startsWith(key) && /^(?:$|[.[])/.test(rest.slice(key.length));
        if (isFitting && key.length >= length) [next, length] = [child, key.length];
      }
    }
    if (next === undefined) break;
    place = next;
    rest = rest.slice(length).replace(/^\./, '');
  }
  return place?.start ?? 0;
}

function lineAndColumn(source: string, offset: number): string {
  const before = source.slice(0, offset);
  const line = before.split('\n').length;
  return `${line}:${offset - (before.lastIndexOf('\n') + 1) + 1}`;
}
