/**
 * Parameters of a Run from the command line. A text becomes the type that the template's or the job's own description
 * asks for; where it cannot be that, it stays text, and the server says what is wrong with it.
 */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileProblem } from '../machinery/durablefile.ts';
import { messageOf } from '../machinery/errors.ts';
import { isRecord, readPath } from '../machinery/json.ts';
import { declaredIn } from '../schemas/parameters.ts';
import { CommandError, type Io } from './io.ts';
import { readAll } from './manifests.ts';

export interface ParameterFlags {
  /** `-p name=value`, each. */
  readonly parameter?: readonly string[];
  /** A JSON object, or `@file` (`@-`: standard input) with one. */
  readonly parameters?: string;
}

/** `$ref`s and alternatives are followed so deep. */
const MOST_LEVELS = 16;
const MOST_BYTES = 1024 * 1024;

/**
 * @param schemaOf what the values are typed by: a JSON Schema of an object; asked only when there are texts to type
 * Rejects with `CommandError`, and with what `schemaOf` does.
 */
export async function parametersFrom(
  flags: ParameterFlags,
  schemaOf: () => Promise<unknown>,
  io: Io,
): Promise<Record<string, unknown>> {
  const given = flags.parameters === undefined ? {} : await objectFrom(flags.parameters, io);
  const texts = (flags.parameter ?? []).map(pairFrom);
  if (texts.length === 0) return given;
  const named = new Set<string>();
  for (const [name] of texts) {
    if (named.has(name)) throw new CommandError(`-p ${name} is given twice: each parameter has one value`);
    named.add(name);
  }
  const schema = await schemaOf();
  const typed = texts.map(([name, text]) => [name, typedValue(name, text, schema)] as const);
  return { ...given, ...Object.fromEntries(typed) };
}

function pairFrom(text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new CommandError(`-p: found "${text}", wanted NAME=VALUE, for example -p position=30`);
}

async function objectFrom(text: string, io: Io): Promise<Record<string, unknown>> {
  const source = text.startsWith('@') ? text.slice(1) : undefined;
  const read = source === undefined ? text : await textOf(source, io);
  const where = source === undefined ? '--parameters' : `--parameters ${text}`;
  let value: unknown;
  try {
    value = JSON.parse(read);
  } catch (error) {
    throw new CommandError(`${where}: wanted a JSON object: ${messageOf(error)}`, { cause: error });
  }
  if (isRecord(value)) return value;
  throw new CommandError(`${where}: found ${shown(read)}, wanted a JSON object such as {"position": 30}`);
}

async function textOf(source: string, io: Io): Promise<string> {
  if (source === '-') return readAll(io.stdin);
  try {
    const bytes = await readFile(resolve(io.directory, source));
    if (bytes.length <= MOST_BYTES) return bytes.toString('utf8');
  } catch (error) {
    throw new CommandError(`cannot read ${source}: ${fileProblem(error)}`, { cause: error });
  }
  throw new CommandError(`${source} is larger than ${MOST_BYTES} bytes, which no Run can hold`);
}

function shown(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function typedValue(name: string, text: string, schema: unknown): unknown {
  const declared = declaredIn(schema);
  const others = isRecord(schema) ? schema['additionalProperties'] : undefined;
  const part = Object.hasOwn(declared, name) ? declared[name] : others;
  const wanted: Wanted = { types: new Set(), values: [] };
  collect(part, schema, wanted, 0);
  const listed = wanted.values.find(
    (value) => (typeof value === 'string' ? value : JSON.stringify(value)) === text,
  );
  if (listed !== undefined) return listed;
  for (const type of ORDER) {
    const value = wanted.types.has(type) ? READERS[type](text, name) : undefined;
    if (value !== undefined) return value;
  }
  return text;
}

interface Wanted {
  readonly types: Set<string>;
  /** Of `enum` and `const`. */
  readonly values: unknown[];
}

/** What a schema says of types, whichever of its alternatives holds. */
function collect(part: unknown, root: unknown, wanted: Wanted, level: number): void {
  if (!isRecord(part) || level > MOST_LEVELS) return;
  const { type, $ref, enum: listed, const: only } = part;
  for (const one of Array.isArray(type) ? type : [type]) {
    if (typeof one === 'string') wanted.types.add(one);
  }
  if (Array.isArray(listed)) wanted.values.push(...listed);
  if (only !== undefined) wanted.values.push(only);
  if (typeof $ref === 'string' && $ref.startsWith('#/')) {
    const path = $ref.slice(2).split('/');
    const names = path.map((step) => decodeStep(step).replaceAll('~1', '/').replaceAll('~0', '~'));
    collect(readPath(root, names), root, wanted, level + 1);
  }
  for (const way of ['anyOf', 'oneOf', 'allOf'] as const) {
    const parts = part[way];
    for (const inner of Array.isArray(parts) ? parts : []) collect(inner, root, wanted, level + 1);
  }
}

function decodeStep(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // No escapes then: the text itself.
    return text;
  }
}

const ORDER = ['integer', 'number', 'boolean', 'null', 'array', 'object'] as const;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?$/;

/** Each reads a text as its type; undefined where it is none. */
const READERS: Readonly<Record<(typeof ORDER)[number], (text: string, name: string) => unknown>> = {
  integer: (text, name) => {
    const value = numberIn(text);
    if (value === undefined || !Number.isInteger(value)) return undefined;
    if (Number.isSafeInteger(value)) return value;
    throw new CommandError(
      `-p ${name}: found ${shown(text)}, wanted a whole number of at most ${Number.MAX_SAFE_INTEGER}: JSON cannot carry larger ones exactly`,
    );
  },
  number: numberIn,
  boolean: (text) => (text === 'true' ? true : text === 'false' ? false : undefined),
  null: (text) => (text === 'null' ? null : undefined),
  array: (text) => jsonIn(text, Array.isArray),
  object: (text) => jsonIn(text, isRecord),
};

function numberIn(text: string): number | undefined {
  const value = NUMBER.test(text) ? Number(text) : Number.NaN;
  return Number.isFinite(value) ? value : undefined;
}

function jsonIn(text: string, isWanted: (value: unknown) => boolean): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return isWanted(value) ? value : undefined;
  } catch {
    // Not JSON: then it is what it is, and the server says that it does not fit.
    return undefined;
  }
}
