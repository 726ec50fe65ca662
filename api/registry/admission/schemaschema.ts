/**
 * The schema of schemas: apiextensions.k8s.io/v1 JSONSchemaProps, which contains itself and so cannot be written as a
 * structural schema. Used for pruning what users write under `openAPIV3Schema`; what is in it is judged by the rules
 * of CustomResourceDefinition.
 */
import type { Schema } from '../../../schemas/crd.ts';

const any: Schema = { 'x-kubernetes-preserve-unknown-fields': true };
const text: Schema = { type: 'string' };
const flag: Schema = { type: 'boolean' };
const figure: Schema = { type: 'number' };
const count: Schema = { type: 'integer' };
const texts: Schema = { type: 'array', items: text };

const properties: Record<string, Schema> = {
  id: text,
  $schema: text,
  $ref: text,
  type: text,
  format: text,
  title: text,
  description: text,
  default: any,
  example: any,
  externalDocs: { type: 'object', properties: { description: text, url: text } },
  nullable: flag,
  enum: { type: 'array', items: any },
  pattern: text,
  minimum: figure,
  exclusiveMinimum: flag,
  maximum: figure,
  exclusiveMaximum: flag,
  multipleOf: figure,
  minLength: count,
  maxLength: count,
  minItems: count,
  maxItems: count,
  uniqueItems: flag,
  minProperties: count,
  maxProperties: count,
  required: texts,
  'x-kubernetes-preserve-unknown-fields': flag,
  'x-kubernetes-embedded-resource': flag,
  'x-kubernetes-int-or-string': flag,
  'x-kubernetes-list-type': text,
  'x-kubernetes-list-map-keys': texts,
  'x-kubernetes-map-type': text,
  'x-kubernetes-validations': {
    type: 'array',
    items: {
      type: 'object',
      properties: {
        rule: text,
        message: text,
        messageExpression: text,
        reason: text,
        fieldPath: text,
        optionalOldSelf: flag,
      },
    },
  },
};

/** Contains itself: walk it along a value only. */
export const schemaOfSchemas: Schema = { type: 'object', properties };

const one = schemaOfSchemas;
const many: Schema = { type: 'array', items: schemaOfSchemas };
const named: Schema = { type: 'object', additionalProperties: schemaOfSchemas };
Object.assign(properties, {
  items: one,
  additionalItems: one,
  not: one,
  additionalProperties: one,
  allOf: many,
  anyOf: many,
  oneOf: many,
  properties: named,
  patternProperties: named,
  definitions: named,
  dependencies: any,
});
