/**
 * OpenAPI v3: one document for each group and version, made from the kinds' own schemas. `kubectl explain` reads the
 * schemas; `kubectl create` and `apply` look for the query parameters.
 * Source: Kubernetes documentation, "Kubernetes API Concepts": OpenAPI V3; the extensions are apimachinery's.
 */
import { jsonHash } from '../../../machinery/json.ts';
import type { Schema } from '../../../schemas/crd.ts';
import type { ServedKind } from '../../registry/types.ts';
import { type Definition, described, META_PREFIX, metaDefinitions, reference } from './openapimeta.ts';

export interface OpenApiDocument {
  readonly json: Buffer;
  readonly hash: string;
}

/** By path without the leading slash: `apis/gantry.dev/v1`. */
export type OpenApiDocuments = ReadonlyMap<string, OpenApiDocument>;

const made = new WeakMap<readonly ServedKind[], OpenApiDocuments>();

/** Made once for each list of kinds. */
export function openApiDocuments(kinds: readonly ServedKind[], productVersion: string): OpenApiDocuments {
  let documents = made.get(kinds);
  if (documents === undefined) {
    const paths = [...new Set(kinds.map(documentPath))].sort();
    documents = new Map(
      paths.map((path) => {
        const document = newDocument(
          kinds.filter((kind) => documentPath(kind) === path),
          productVersion,
        );
        return [
          path,
          { json: Buffer.from(JSON.stringify(document)), hash: jsonHash(document).toUpperCase() },
        ];
      }),
    );
    made.set(kinds, documents);
  }
  return documents;
}

/** `/openapi/v3`. */
export function openApiRoot(documents: OpenApiDocuments): unknown {
  const entries = [...documents].map(([path, { hash }]) => [
    path,
    { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` },
  ]);
  return { paths: Object.fromEntries(entries) };
}

function documentPath(kind: ServedKind): string {
  return kind.group === '' ? `api/${kind.version}` : `apis/${kind.group}/${kind.version}`;
}

function newDocument(kinds: readonly ServedKind[], productVersion: string): unknown {
  return {
    openapi: '3.0.0',
    info: { title: 'Gantry', version: productVersion },
    paths: Object.assign({}, ...kinds.map(pathsOf)),
    components: { schemas: Object.assign({}, ...kinds.map(definitionsOf), metaDefinitions) },
  };
}

/** `dev.gantry.v1.Task`: the group reversed, as Kubernetes names custom kinds. */
function definitionName(kind: ServedKind): string {
  const group = kind.group === '' ? 'io.k8s.api.core' : kind.group.split('.').toReversed().join('.');
  return `${group}.${kind.version}.${kind.kind}`;
}

function gvk(kind: ServedKind, name = kind.kind): { group: string; version: string; kind: string } {
  return { group: kind.group, version: kind.version, kind: name };
}

function definitionsOf(kind: ServedKind): Record<string, Definition> {
  const schema = published(kind.definition.schema.openAPIV3Schema);
  const name = definitionName(kind);
  return {
    [name]: {
      ...schema,
      properties: {
        ...schema.properties,
        metadata: described(`${META_PREFIX}ObjectMeta`, 'Standard object metadata.'),
      },
      'x-kubernetes-group-version-kind': [gvk(kind)],
    },
    [`${name}List`]: {
      type: 'object',
      description: `${kind.listKind} is a list of ${kind.kind} objects.`,
      required: ['items'],
      properties: {
        apiVersion: { type: 'string', description: 'The group and version of this representation.' },
        kind: { type: 'string', description: 'The kind of this list.' },
        metadata: described(`${META_PREFIX}ListMeta`, 'Standard list metadata.'),
        items: { type: 'array', description: 'The objects.', items: reference(name) },
      },
      'x-kubernetes-group-version-kind': [gvk(kind, kind.listKind)],
    },
  };
}

/** The schema without what only Gantry understands. */
function published(schema: Schema): Schema {
  const { 'x-gantry-quantity': _, properties, items, additionalProperties, ...rest } = schema;
  return {
    ...rest,
    ...(properties === undefined
      ? {}
      : {
          properties: Object.fromEntries(
            Object.entries(properties).map(([name, part]) => [name, published(part)]),
          ),
        }),
    ...(items === undefined ? {} : { items: published(items) }),
    ...(additionalProperties === undefined
      ? {}
      : {
          additionalProperties:
            typeof additionalProperties === 'object' ? published(additionalProperties) : additionalProperties,
        }),
  };
}

type Place = 'path' | 'query';

function parameter(name: string, place: Place, type: string, description: string): unknown {
  return { name, in: place, ...(place === 'path' ? { required: true } : {}), description, schema: { type } };
}

const query = (name: string, type: string, description: string): unknown =>
  parameter(name, 'query', type, description);

const WRITE_PARAMETERS = [
  query('dryRun', 'string', 'All: everything runs but the write.'),
  query('fieldManager', 'string', 'The name of the actor that makes the change.'),
  query(
    'fieldValidation',
    'string',
    'What to do about unknown fields: Strict refuses, Warn (default) drops them with a warning, Ignore drops them.',
  ),
];
const DELETE_PARAMETERS = [
  query('dryRun', 'string', 'All: everything runs but the deletion.'),
  query('gracePeriodSeconds', 'integer', 'Seconds the object is given to end by itself.'),
  query('propagationPolicy', 'string', 'Background, Foreground or Orphan.'),
];
const LIST_PARAMETERS = [
  query('labelSelector', 'string', 'Only objects with these labels.'),
  query('fieldSelector', 'string', 'Only objects with these fields.'),
  query('limit', 'integer', 'At most this many objects; the answer says how to go on.'),
  query('continue', 'string', 'Where the page before this one ended.'),
  query('resourceVersion', 'string', 'The version to read or to watch from.'),
  query('resourceVersionMatch', 'string', 'Exact or NotOlderThan.'),
  query('timeoutSeconds', 'integer', 'How long a watch lasts.'),
  query('watch', 'boolean', 'Stream the changes instead of listing.'),
  query('allowWatchBookmarks', 'boolean', 'Send marks of progress into a watch.'),
  query('sendInitialEvents', 'boolean', 'Begin a watch with the objects there are.'),
];
const LOG_PARAMETERS = [
  query('container', 'string', "The container: the task's name."),
  query('follow', 'boolean', 'Go on as the container writes.'),
  query('previous', 'boolean', 'The log of the container before this one.'),
  query('tailLines', 'integer', 'Only this many lines from the end.'),
  query('sinceSeconds', 'integer', 'Only what is younger than this.'),
  query('sinceTime', 'string', 'Only what was written after this time.'),
  query('timestamps', 'boolean', 'Begin every line with its time.'),
  query('limitBytes', 'integer', 'At most this many bytes.'),
];
const PATCH_TYPES = ['application/merge-patch+json', 'application/json-patch+json'];

interface Operation {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** Kubernetes' word for what it does. */
  readonly action: string;
  /** The verb that the kind must have for it. */
  readonly verb: string;
  readonly parameters: readonly unknown[];
  readonly takes?: 'object' | 'patch' | 'deleteOptions';
  readonly answers: 'object' | 'list' | 'text';
}

const COLLECTION: readonly Operation[] = [
  { method: 'get', action: 'list', verb: 'list', parameters: LIST_PARAMETERS, answers: 'list' },
  {
    method: 'post',
    action: 'post',
    verb: 'create',
    parameters: WRITE_PARAMETERS,
    takes: 'object',
    answers: 'object',
  },
];
const ITEM: readonly Operation[] = [
  { method: 'get', action: 'get', verb: 'get', parameters: [], answers: 'object' },
  {
    method: 'put',
    action: 'put',
    verb: 'update',
    parameters: WRITE_PARAMETERS,
    takes: 'object',
    answers: 'object',
  },
  {
    method: 'patch',
    action: 'patch',
    verb: 'patch',
    parameters: WRITE_PARAMETERS,
    takes: 'patch',
    answers: 'object',
  },
  {
    method: 'delete',
    action: 'delete',
    verb: 'delete',
    parameters: DELETE_PARAMETERS,
    takes: 'deleteOptions',
    answers: 'object',
  },
];
const SUBRESOURCE: readonly Operation[] = [
  ...ITEM.filter((operation) => operation.method !== 'delete'),
  {
    method: 'post',
    action: 'post',
    verb: 'create',
    parameters: WRITE_PARAMETERS,
    takes: 'object',
    answers: 'object',
  },
];
const LOG: Operation = {
  method: 'get',
  action: 'connect',
  verb: 'get',
  parameters: LOG_PARAMETERS,
  answers: 'text',
};

function pathsOf(kind: ServedKind): Record<string, unknown> {
  const base = `/${documentPath(kind)}`;
  const collection = kind.namespaced
    ? `${base}/namespaces/{namespace}/${kind.plural}`
    : `${base}/${kind.plural}`;
  const item = `${collection}/{name}`;
  const paths: Record<string, unknown> = {};
  const add = (path: string, operations: readonly Operation[], verbs: readonly string[]): void => {
    const offered = operations.filter((operation) => verbs.includes(operation.verb));
    if (offered.length === 0) return;
    paths[path] = {
      ...Object.fromEntries(
        offered.map((operation) => [operation.method, operationOf(kind, operation, path)]),
      ),
      parameters: [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) =>
        parameter(name, 'path', 'string', `The object's ${name}.`),
      ),
    };
  };
  if (kind.namespaced) add(`${base}/${kind.plural}`, COLLECTION.slice(0, 1), kind.verbs);
  add(collection, COLLECTION, kind.verbs);
  add(item, ITEM, kind.verbs);
  for (const { name, verbs } of kind.subresources) {
    add(`${item}/${name}`, name === 'log' ? [LOG] : SUBRESOURCE, verbs);
  }
  return paths;
}

function operationOf(kind: ServedKind, operation: Operation, path: string): unknown {
  const { method, action, parameters, takes, answers } = operation;
  const name = definitionName(kind);
  const content =
    answers === 'text'
      ? { 'text/plain': { schema: { type: 'string' } } }
      : { 'application/json': { schema: reference(answers === 'list' ? `${name}List` : name) } };
  const id = path
    .replace(/[{}]/g, '')
    .split('/')
    .filter((part) => part !== '')
    .join('_');
  return {
    operationId: `${action}_${id}`,
    tags: [documentPath(kind)],
    parameters,
    ...(takes === undefined ? {} : { requestBody: { content: requestContent(takes, name) } }),
    responses: {
      [method === 'post' ? '201' : '200']: { description: method === 'post' ? 'Created' : 'OK', content },
      default: {
        description: 'Why it failed.',
        content: { 'application/json': { schema: reference(`${META_PREFIX}Status`) } },
      },
    },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': gvk(kind),
  };
}

function requestContent(takes: NonNullable<Operation['takes']>, name: string): unknown {
  if (takes === 'patch') {
    return Object.fromEntries(
      PATCH_TYPES.map((type) => [type, { schema: reference(`${META_PREFIX}Patch`) }]),
    );
  }
  const schema = reference(takes === 'object' ? name : `${META_PREFIX}DeleteOptions`);
  return { 'application/json': { schema }, 'application/yaml': { schema } };
}
