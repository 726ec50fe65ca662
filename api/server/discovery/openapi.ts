/**
 * OpenAPI v3: one document for each group and version, made from the kinds' own schemas. `kubectl explain` reads the
 * schemas; `kubectl create` and `apply` look for the query parameters. A document is made when it is first asked for,
 * and made again only when a kind of its group and version changed.
 * Source: Kubernetes documentation, "Kubernetes API Concepts": OpenAPI V3; the extensions are apimachinery's.
 */
import type { ServedKind } from '../../registry/types.ts';
import { definitionsOf, reference } from './definitions.ts';
import { type DocumentBytes, keptWith, newDocument } from './documents.ts';
import { META_PREFIX } from './names.ts';
import { metaDefinitions } from './openapimeta.ts';
import { groupVersionPath, type Operation, type PathOperations, pathsOf } from './operations.ts';
import type { Parameter } from './parameters.ts';

/** By path without the leading slash: `apis/gantry.dev/v1`. */
export type OpenApiDocuments = ReadonlyMap<string, DocumentBytes>;

interface Made {
  readonly kinds: readonly ServedKind[];
  readonly document: DocumentBytes;
}

export class OpenApi {
  readonly #productVersion: string;
  /** What the list of kinds before this one gave, by path: most of it is the same again. */
  #latest: ReadonlyMap<string, Made> = new Map();

  constructor(productVersion: string) {
    this.#productVersion = productVersion;
  }

  documents(kinds: readonly ServedKind[]): OpenApiDocuments {
    return keptWith(kinds, 'openapi v3', () => {
      const byPath = Map.groupBy(kinds, groupVersionPath);
      const made = [...byPath.keys()].sort().map((path): readonly [string, Made] => {
        const own = byPath.get(path) ?? [];
        const before = this.#latest.get(path);
        const isCurrent = before !== undefined && isSame(before.kinds, own);
        return [path, isCurrent ? before : make(own, this.#productVersion)];
      });
      this.#latest = new Map(made);
      return new Map(made.map(([path, { document }]) => [path, document]));
    });
  }

  /** `/openapi/v3`. */
  root(kinds: readonly ServedKind[]): DocumentBytes {
    return keptWith(kinds, 'openapi v3 root', () => {
      const entries = [...this.documents(kinds)].map(([path, { hash }]) => [
        path,
        { serverRelativeURL: `/openapi/v3/${path}?hash=${hash}` },
      ]);
      return newDocument('application/json', { paths: Object.fromEntries(entries) });
    });
  }
}

function isSame(before: readonly ServedKind[], now: readonly ServedKind[]): boolean {
  return before.length === now.length && before.every((kind, at) => kind === now[at]);
}

function make(kinds: readonly ServedKind[], productVersion: string): Made {
  const paths = kinds.flatMap(pathsOf).map((path) => [path.path, pathItem(path)]);
  const document = newDocument('application/json', {
    openapi: '3.0.0',
    info: { title: 'Gantry', version: productVersion },
    paths: Object.fromEntries(paths),
    components: { schemas: Object.assign({}, ...kinds.map(definitionsOf), metaDefinitions) },
  });
  return { kinds, document };
}

function pathItem({ pathParameters, operations }: PathOperations): unknown {
  return {
    ...Object.fromEntries(operations.map((operation) => [operation.method, written(operation)])),
    ...(pathParameters.length === 0
      ? {}
      : {
          parameters: pathParameters.map((parameter) => ({ ...placed(parameter, 'path'), required: true })),
        }),
  };
}

function placed({ name, type, description, isList }: Parameter, place: 'path' | 'query'): object {
  const schema = isList === true ? { type: 'array', items: { type } } : { type };
  return { name, in: place, description, schema };
}

function written(operation: Operation): unknown {
  const { id, description, action, tag, gvk, parameters, takes, answers } = operation;
  const content =
    answers.definition === undefined
      ? { 'text/plain': { schema: { type: 'string' } } }
      : { 'application/json': { schema: reference(answers.definition) } };
  return {
    tags: [tag],
    description,
    operationId: id,
    parameters: parameters.map((parameter) => placed(parameter, 'query')),
    ...(takes === undefined
      ? {}
      : {
          requestBody: {
            required: !takes.isOptional,
            content: Object.fromEntries(
              takes.types.map((type) => [type, { schema: reference(takes.definition) }]),
            ),
          },
        }),
    responses: {
      ...Object.fromEntries(
        answers.statuses.map((status) => [status, { description: statusText(status), content }]),
      ),
      default: {
        description: 'Why it failed.',
        content: { 'application/json': { schema: reference(`${META_PREFIX}Status`) } },
      },
    },
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': gvk,
  };
}

export function statusText(status: number): string {
  return status === 201 ? 'Created' : status === 202 ? 'Accepted' : 'OK';
}
