/**
 * What it would take to compare values with schemas, counted before it is done: both are of bounded size, but every item
 * may have to be compared with every part of a choice, and each comparison that fails leaves an error behind. Pure.
 */
import { isRecord } from '../../../../machinery/json.ts';

/** Comparisons of one schema with one value, in one write: at most about a second, nearly always less than a millisecond. */
const MAX_COMPARISONS = 200_000;
/** Of all schemas that one write is judged by: as much as is compiled in about two seconds. */
const MAX_SCHEMA_BYTES = 256 * 1024;
/** So many characters are read in the time of one comparison. */
const CHARACTERS = 64;
const DEFINITIONS = '#/$defs/';
const EVERYWHERE = ['allOf', 'anyOf', 'oneOf'] as const;
const SAME_VALUE = ['not', 'if', 'then', 'else'] as const;

/** One write's share. */
export class Effort {
  #comparisons = MAX_COMPARISONS;
  #schemaBytes = MAX_SCHEMA_BYTES;
  readonly #seen = new Set<object>();

  /** Whether one more schema may be judged by; the same again costs nothing. */
  affordsSchema(schema: Readonly<Record<string, unknown>>): boolean {
    if (this.#seen.has(schema)) return true;
    this.#seen.add(schema);
    this.#schemaBytes -= Buffer.byteLength(JSON.stringify(schema));
    return this.#schemaBytes >= 0;
  }

  /** Whether a value may be compared with an admitted schema: one that does not contain itself. */
  affords(schema: Readonly<Record<string, unknown>>, value: unknown): boolean {
    const definitions = isRecord(schema['$defs']) ? schema['$defs'] : {};
    this.#compare(schema, value, definitions);
    return this.#comparisons >= 0;
  }

  #compare(schema: unknown, value: unknown, definitions: Readonly<Record<string, unknown>>): void {
    if (this.#comparisons < 0 || !isRecord(schema)) return;
    const { enum: listed, const: only, required, properties, $ref: reference } = schema;
    this.#comparisons--;
    this.#count(listed);
    this.#count(only);
    this.#count(required);
    if (typeof value === 'string') this.#comparisons -= Math.floor(value.length / CHARACTERS);
    const compare = (part: unknown, item: unknown): void => this.#compare(part, item, definitions);
    for (const keyword of SAME_VALUE) compare(schema[keyword], value);
    for (const keyword of EVERYWHERE) for (const part of listOf(schema[keyword])) compare(part, value);
    if (typeof reference === 'string') compare(definitions[reference.slice(DEFINITIONS.length)], value);
    if (Array.isArray(value)) this.#compareItems(schema, value, compare);
    else if (isRecord(value)) this.#compareFields(schema, value, mapOf(properties), compare);
  }

  #compareItems(
    schema: Readonly<Record<string, unknown>>,
    items: readonly unknown[],
    compare: Compare,
  ): void {
    const { prefixItems, items: others, contains, uniqueItems } = schema;
    const first = listOf(prefixItems);
    if (uniqueItems === true) this.#count(items);
    for (const [at, item] of items.entries()) {
      if (this.#comparisons < 0) return;
      compare(first[at] ?? others, item);
      compare(contains, item);
    }
  }

  #compareFields(
    schema: Readonly<Record<string, unknown>>,
    value: Readonly<Record<string, unknown>>,
    properties: Readonly<Record<string, unknown>>,
    compare: Compare,
  ): void {
    const { additionalProperties, propertyNames, patternProperties, dependentSchemas } = schema;
    const patterns = Object.values(mapOf(patternProperties));
    this.#comparisons -= Object.keys(properties).length;
    for (const part of Object.values(mapOf(dependentSchemas))) compare(part, value);
    for (const [name, item] of Object.entries(value)) {
      if (this.#comparisons < 0) return;
      this.#comparisons -= patterns.length;
      compare(propertyNames, name);
      compare(Object.hasOwn(properties, name) ? properties[name] : additionalProperties, item);
      for (const part of patterns) compare(part, item);
    }
  }

  /** All that a value holds. */
  #count(value: unknown): void {
    if (this.#comparisons < 0 || value === undefined) return;
    this.#comparisons--;
    if (typeof value === 'string') this.#comparisons -= Math.floor(value.length / CHARACTERS);
    else if (Array.isArray(value)) for (const item of value) this.#count(item);
    else if (isRecord(value)) for (const item of Object.values(value)) this.#count(item);
  }
}

type Compare = (part: unknown, item: unknown) => void;

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function mapOf(value: unknown): Readonly<Record<string, unknown>> {
  return isRecord(value) ? value : {};
}
