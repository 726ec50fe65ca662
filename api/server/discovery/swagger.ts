/**
 * OpenAPI v2 ("Swagger"): one document of everything, for kubectl before 1.29 and for client generators.
 *
 * v2 knows less than v3, and kubectl's own reader of it less again: what it cannot take is left out as Kubernetes
 * leaves it out for custom kinds (combinations, null, defaults), and what may hold anything has no type.
 * Source: OpenAPI Specification 2.0; apiextensions-apiserver's conversion of structural schemas.
 */
import type { ServedKind } from '../../registry/types.ts';
import { type Definition, type Definitions, definitionsOf, referred } from './definitions.ts';
import { type DocumentBytes, keptWith, newDocument } from './documents.ts';
import { encodeDocument } from './gnostic.ts';
import { META_PREFIX } from './names.ts';
import { statusText } from './openapi.ts';
import { metaDefinitions } from './openapimeta.ts';
import { type Operation, type PathOperations, pathsOf } from './operations.ts';
import type { Parameter } from './parameters.ts';

/** The media type as old clients ask for it; `@` is no character of a media type, so newer ones ask with a dot. */
export const PROTOBUF_TYPES: readonly string[] = [
  'application/com.github.proto-openapi.spec.v2@v1.0+protobuf',
  'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
];
const PROTOBUF_ANSWER = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

const JSON_TYPE = 'application/json';

/** Any JSON object that is a part of the document. */
export type Part = Readonly<Record<string, unknown>>;

export function swaggerJson(kinds: readonly ServedKind[], productVersion: string): DocumentBytes {
  return keptWith(kinds, 'openapi v2 json', () => newDocument(JSON_TYPE, swagger(kinds, productVersion)));
}

/** The same document as gnostic's `openapi.v2.Document`. */
export function swaggerProtobuf(kinds: readonly ServedKind[], productVersion: string): DocumentBytes {
  return keptWith(kinds, 'openapi v2 protobuf', () =>
    newDocument(PROTOBUF_ANSWER, Buffer.from(encodeDocument(swagger(kinds, productVersion)))),
  );
}

function swagger(kinds: readonly ServedKind[], productVersion: string): Part {
  const definitions: Definitions = Object.fromEntries(
    [...kinds.map(definitionsOf), metaDefinitions].flatMap((some) => Object.entries(some)),
  );
  return {
    swagger: '2.0',
    info: { title: 'Gantry', version: productVersion },
    paths: Object.fromEntries(kinds.flatMap(pathsOf).map((path) => [path.path, pathItem(path)])),
    definitions: Object.fromEntries(
      Object.entries(definitions).map(([name, definition]) => [name, downgraded(definition)]),
    ),
    security: [{ BearerToken: [] }],
    securityDefinitions: {
      BearerToken: {
        type: 'apiKey',
        name: 'authorization',
        in: 'header',
        description: 'Bearer token authentication',
      },
    },
  };
}

function pathItem({ pathParameters, operations }: PathOperations): Part {
  return {
    ...Object.fromEntries(operations.map((operation) => [operation.method, written(operation)])),
    ...(pathParameters.length === 0
      ? {}
      : {
          parameters: pathParameters.map((parameter) => ({ ...placed(parameter, 'path'), required: true })),
        }),
  };
}

function placed({ name, type, description, isList }: Parameter, place: 'path' | 'query'): Part {
  const how = isList === true ? { type: 'array', items: { type }, collectionFormat: 'multi' } : { type };
  return { name, in: place, description, ...how };
}

function written(operation: Operation): Part {
  const { id, description, action, tag, gvk, parameters, takes, answers } = operation;
  const { definition } = answers;
  const schema = definition === undefined ? { type: 'string' } : refer(definition);
  const body =
    takes === undefined
      ? []
      : [{ name: 'body', in: 'body', required: !takes.isOptional, schema: refer(takes.definition) }];
  return {
    description,
    consumes: takes?.types ?? ['*/*'],
    produces: [definition === undefined ? 'text/plain' : JSON_TYPE],
    schemes: ['https'],
    tags: [tag],
    operationId: id,
    parameters: [...body, ...parameters.map((parameter) => placed(parameter, 'query'))],
    responses: {
      ...Object.fromEntries(
        answers.statuses.map((status) => [status, { description: statusText(status), schema }]),
      ),
      default: { description: 'Why it failed.', schema: refer(`${META_PREFIX}Status`) },
    },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': gvk,
  };
}

function refer(name: string): Part {
  return { $ref: `#/definitions/${name}` };
}

/** What is left of a v3 schema: these keywords as they are, the others as said below. */
const KEPT = [
  'title',
  'description',
  'format',
  'pattern',
  'minimum',
  'exclusiveMinimum',
  'maximum',
  'exclusiveMaximum',
  'multipleOf',
  'minLength',
  'maxLength',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
  'required',
  'enum',
  'x-kubernetes-group-version-kind',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-map-type',
  'x-kubernetes-preserve-unknown-fields',
  'x-kubernetes-int-or-string',
  'x-kubernetes-embedded-resource',
] as const;

function downgraded(definition: Definition): Part {
  const { $ref, allOf = [], type, properties, items, additionalProperties } = definition;
  const target = $ref ?? (allOf.length === 1 ? allOf[0]?.$ref : undefined);
  if (target !== undefined) {
    const { description } = definition;
    return { ...(description === undefined ? {} : { description }), ...refer(referred(target)) };
  }
  const kept = Object.fromEntries(
    KEPT.filter((keyword) => definition[keyword] !== undefined).map((keyword) => [
      keyword,
      definition[keyword],
    ]),
  );
  // kubectl's reader takes a type at its word: what may also be null, a number or have any field must have none.
  const isAnything =
    definition.nullable === true ||
    definition['x-kubernetes-int-or-string'] === true ||
    definition['x-kubernetes-preserve-unknown-fields'] === true ||
    (type === 'array' && items === undefined);
  if (isAnything) return kept;
  return {
    ...kept,
    ...(type === undefined ? {} : { type }),
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, part]) => [name, downgraded(part)]),
          ),
        }),
    ...(items === undefined ? {} : { items: downgraded(items) }),
    ...(typeof additionalProperties === 'object'
      ? { additionalProperties: downgraded(additionalProperties) }
      : {}),
  };
}
