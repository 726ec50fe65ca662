/**
 * Parameters of Jobs and TaskTemplates: what fits them, and what stands in where a Run gives nothing. Pure. That values
 * fit the whole JSON Schema of a TaskTemplate is admission's to say.
 */
import { isRecord, isSameJson } from '../machinery/json.ts';
import type { Job } from './types.gen.ts';

export type JobParameter = NonNullable<Job['spec']['parameters']>[number];
export type Values = Readonly<Record<string, unknown>>;

/** What is wrong with a value of a parameter: what is wanted, or the values it may have; undefined: it fits. */
export type Misfit =
  | { readonly kind: 'type'; readonly wanted: string }
  | { readonly kind: 'enum'; readonly allowed: readonly unknown[] };

const OF_TYPE: Readonly<Record<NonNullable<JobParameter['type']>, (value: unknown) => boolean>> = {
  string: (value) => typeof value === 'string',
  integer: (value) => Number.isSafeInteger(value),
  number: (value) => Number.isFinite(value),
  boolean: (value) => typeof value === 'boolean',
};

export function isOfType(type: NonNullable<JobParameter['type']>, value: unknown): boolean {
  return OF_TYPE[type](value);
}

export function parameterMisfit(
  { type = 'string', enum: allowed }: JobParameter,
  value: unknown,
): Misfit | undefined {
  if (!isOfType(type, value)) return { kind: 'type', wanted: type };
  if (allowed === undefined || allowed.some((item) => isSameJson(item, value))) return undefined;
  return { kind: 'enum', allowed };
}

export function jobDefaults(parameters: readonly JobParameter[]): Values {
  return Object.fromEntries(
    parameters.flatMap(({ name, default: value }) => (value === undefined ? [] : [[name, value]])),
  );
}

/** Of the parameters themselves: a default further inside one is only told to its readers. */
export function templateDefaults(schema: unknown): Values {
  return Object.fromEntries(
    Object.entries(declaredIn(schema)).flatMap(([name, part]) =>
      isRecord(part) && part['default'] !== undefined ? [[name, part['default']]] : [],
    ),
  );
}

/** The parameters that a TaskTemplate's schema names, each with its schema. */
export function declaredIn(schema: unknown): Values {
  return isRecord(schema) && isRecord(schema['properties']) ? schema['properties'] : {};
}

/** What may allow a parameter beside `properties`, as far as a reader of the schema can tell. */
const OTHER_WAYS = ['$ref', 'allOf', 'anyOf', 'oneOf', 'if', 'dependentSchemas', 'patternProperties'];

/**
 * Whether a TaskTemplate's schema names all parameters there are. One that says nothing of `additionalProperties` lets
 * others pass, as in JSON Schema at large, but means none.
 */
export function namesAll(schema: unknown): boolean {
  if (!isRecord(schema)) return schema === undefined;
  const { additionalProperties: others } = schema;
  return (others === undefined || others === false) && !OTHER_WAYS.some((way) => schema[way] !== undefined);
}
