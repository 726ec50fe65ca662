/**
 * Which JSON Schemas (draft 2020-12) may describe the parameters of a TaskTemplate: what means something, costs little
 * however hostile a value is, and can be read without looking anything up. Pure.
 *
 * Left out of the draft: schemas with names and addresses of their own (`$id`, `$anchor`, `$dynamicRef`), references to
 * anything but `#/$defs/…`, and schemas that contain themselves, so that what a value is compared with is bounded.
 */
import { isRecord } from '../../../../machinery/json.ts';
import { type FieldProblem, invalid, required, typeName } from '../fielderrors.ts';
import { isPlainKeyword, keywordProblems } from './keywords.ts';

/** Of the whole schema as JSON. */
export const MAX_SCHEMA_BYTES = 32 * 1024;
const MAX_SCHEMA_DEPTH = 16;
/** Schemas within the schema, each counted once for every way to it. */
const MAX_SUBSCHEMAS = 2_000;
const DRAFT = 'https://json-schema.org/draft/2020-12/schema';
const LOCAL = '#/$defs/';

const SCHEMA: ReadonlySet<string> = new Set(
  'items additionalProperties not if then else contains propertyNames'.split(' '),
);
const LIST: ReadonlySet<string> = new Set(['allOf', 'anyOf', 'oneOf', 'prefixItems']);
const MAP: ReadonlySet<string> = new Set(['properties', 'patternProperties', 'dependentSchemas', '$defs']);
const ROOT_ONLY: ReadonlySet<string> = new Set(['$schema', '$defs']);

/** @param at where the schema stands, such as `spec.parameters`. */
export function dialectProblems(schema: Readonly<Record<string, unknown>>, at: string): FieldProblem[] {
  if (Buffer.byteLength(JSON.stringify(schema)) > MAX_SCHEMA_BYTES) {
    return [
      invalid(at, 'a schema', `must be no more than ${MAX_SCHEMA_BYTES} bytes of JSON; make it simpler`),
    ];
  }
  const { type, $schema: draft } = schema;
  const problems: FieldProblem[] = [];
  if (type === undefined)
    problems.push(required(`${at}.type`, 'must be object: it has the parameters as its properties'));
  else if (type !== 'object')
    problems.push(invalid(`${at}.type`, type, 'must be object: it has the parameters as its properties'));
  if (draft !== undefined && draft !== DRAFT && draft !== `${DRAFT}#`)
    problems.push(invalid(`${at}.$schema`, draft, `must be ${DRAFT}, or absent`));
  const reader = new Reader(schema, at);
  reader.count(schema, at, 0);
  return [...problems, ...reader.problems];
}

class Reader {
  readonly problems: FieldProblem[] = [];
  readonly #root: Readonly<Record<string, unknown>>;
  readonly #at: string;
  /** How many schemas each definition is, once known; `open` while it is being counted. */
  readonly #definitions = new Map<string, number | 'open'>();
  readonly #told = new Set<string>();
  #isFull = false;

  constructor(root: Readonly<Record<string, unknown>>, at: string) {
    this.#root = root;
    this.#at = at;
  }

  /** How many schemas a schema is, with all it holds and refers to. */
  count(schema: unknown, at: string, depth: number): number {
    if (typeof schema === 'boolean') return 1;
    if (!isRecord(schema)) {
      this.#tell(
        invalid(at, schema, `must be a schema (an object, true or false), found ${typeName(schema)}`),
      );
      return 1;
    }
    if (depth > MAX_SCHEMA_DEPTH) {
      this.#tell(invalid(at, 'a schema', `must not be more than ${MAX_SCHEMA_DEPTH} schemas deep`));
      return 1;
    }
    let size = 1;
    for (const [keyword, value] of Object.entries(schema)) {
      const place = `${at}.${keyword}`;
      if (ROOT_ONLY.has(keyword) && schema !== this.#root)
        this.#tell(invalid(place, keyword, `may stand at the root of the schema only`));
      else if (SCHEMA.has(keyword)) size += this.count(value, place, depth + 1);
      else if (LIST.has(keyword)) size += this.#countList(value, place, depth);
      else if (MAP.has(keyword)) size += this.#countMap(value, place, depth);
      else if (keyword === '$ref') size += this.#countReferred(value, place, depth);
      else if (!isPlainKeyword(keyword) && keyword !== '$schema') this.#tell(unknownKeyword(at, keyword));
    }
    for (const problem of keywordProblems(schema, at)) this.#tell(problem);
    if (size > MAX_SUBSCHEMAS && !this.#isFull) {
      this.#isFull = true;
      this.#tell(
        invalid(
          this.#at,
          'a schema',
          `must not hold more than ${MAX_SUBSCHEMAS} schemas, each counted where it is referred to`,
        ),
      );
    }
    return Math.min(size, MAX_SUBSCHEMAS + 1);
  }

  #countList(value: unknown, at: string, depth: number): number {
    if (!Array.isArray(value)) {
      this.#tell(invalid(at, value, `must be a list of schemas, found ${typeName(value)}`));
      return 0;
    }
    return value.reduce(
      (sum: number, part: unknown, index) => sum + this.count(part, `${at}[${index}]`, depth + 1),
      0,
    );
  }

  #countMap(value: unknown, at: string, depth: number): number {
    if (!isRecord(value)) {
      this.#tell(invalid(at, value, `must be a map of schemas, found ${typeName(value)}`));
      return 0;
    }
    let size = 0;
    for (const [name, part] of Object.entries(value)) {
      const place = `${at}[${name}]`;
      if (name === '__proto__') this.#tell(invalid(place, name, 'is no name that a parameter may have'));
      else size += this.count(part, place, depth + 1);
    }
    return size;
  }

  #countReferred(value: unknown, at: string, depth: number): number {
    const name = typeof value === 'string' && value.startsWith(LOCAL) ? value.slice(LOCAL.length) : undefined;
    const definitions = this.#root['$defs'];
    if (name === undefined || name.includes('/')) {
      this.#tell(
        invalid(at, value, 'must be #/$defs/NAME, a definition in this schema; nothing else is looked up'),
      );
      return 0;
    }
    if (!isRecord(definitions) || !Object.hasOwn(definitions, name)) {
      this.#tell(invalid(at, value, `there is no ${this.#at}.$defs[${name}]`));
      return 0;
    }
    const known = this.#definitions.get(name);
    if (known === 'open') {
      this.#tell(invalid(at, value, 'must not lead back to where it stands: a schema cannot contain itself'));
      return 0;
    }
    if (known !== undefined) return known;
    this.#definitions.set(name, 'open');
    const size = this.count(definitions[name], `${this.#at}.$defs[${name}]`, depth + 1);
    this.#definitions.set(name, size);
    return size;
  }

  /** A definition is read where it stands and where it is referred to: once is enough. */
  #tell(problem: FieldProblem): void {
    const text = `${problem.field} ${problem.message}`;
    if (this.#told.has(text)) return;
    this.#told.add(text);
    this.problems.push(problem);
  }
}

function unknownKeyword(at: string, keyword: string): FieldProblem {
  return invalid(
    at,
    keyword,
    'is no keyword of JSON Schema (draft 2020-12) that may be used here; a parameter belongs into properties',
  );
}
