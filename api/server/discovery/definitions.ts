/**
 * The schemas of OpenAPI documents: each kind's own, published under the name generators expect, its list, and what its
 * subresources take. References are written in OpenAPI v3's form; `swagger.ts` has v2's.
 */
import type { Schema } from '../../../schemas/crd.ts';
import type { ServedKind } from '../../registry/types.ts';
import { actDefinitions } from './actdefinitions.ts';
import { definitionName, META_PREFIX } from './names.ts';
import { type GroupVersionKind, gvkOf, subresourceGvk } from './subresources.ts';

type Nested = 'properties' | 'items' | 'additionalProperties' | 'allOf';

/** A schema of an OpenAPI document: a structural schema, or a reference to another definition. */
export interface Definition extends Omit<Schema, Nested> {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, Definition>>;
  readonly items?: Definition;
  readonly additionalProperties?: Definition | boolean;
  readonly allOf?: readonly Definition[];
  readonly 'x-kubernetes-group-version-kind'?: readonly GroupVersionKind[];
}

export type Definitions = Readonly<Record<string, Definition>>;

const REFERENCE = '#/components/schemas/';

export function reference(name: string): Definition {
  return { $ref: REFERENCE + name };
}

/** A described property of another definition's type: kubectl explain follows the one entry of `allOf`. */
export function described(name: string, description: string): Definition {
  return { description, allOf: [reference(name)] };
}

/** The name a reference refers to. */
export function referred($ref: string): string {
  return $ref.slice(REFERENCE.length);
}

/** Everything the operations of a kind speak of, beside what is in every document. */
export function definitionsOf(kind: ServedKind): Definitions {
  const name = definitionName(kind);
  const schema = published(kind.definition.schema.openAPIV3Schema);
  const found: Record<string, Definition> = {
    [name]: {
      ...schema,
      properties: {
        ...TYPE_META,
        ...schema.properties,
        metadata: described(`${META_PREFIX}ObjectMeta`, 'Standard object metadata.'),
      },
      'x-kubernetes-group-version-kind': [gvkOf(kind)],
    },
  };
  if (kind.verbs.includes('list')) {
    const gvk = { ...gvkOf(kind), kind: kind.listKind };
    found[definitionName(gvk)] = {
      type: 'object',
      description: `${kind.listKind} is a list of ${kind.kind} objects.`,
      required: ['items'],
      properties: {
        ...TYPE_META,
        metadata: described(`${META_PREFIX}ListMeta`, 'Standard list metadata.'),
        items: { type: 'array', description: 'The objects.', items: reference(name) },
      },
      'x-kubernetes-group-version-kind': [gvk],
    };
  }
  for (const subresource of kind.subresources) {
    const gvk = subresourceGvk(kind, subresource);
    const act = actDefinitions[gvk.kind];
    if (act === undefined || gvk.kind === kind.kind) continue;
    found[definitionName(gvk)] = {
      ...act,
      properties: {
        ...TYPE_META,
        metadata: described(`${META_PREFIX}ObjectMeta`, 'Standard object metadata.'),
        ...act.properties,
      },
      'x-kubernetes-group-version-kind': [gvk],
    };
  }
  return found;
}

const TYPE_META: Definitions = {
  apiVersion: { type: 'string', description: 'The group and version of this representation of the object.' },
  kind: { type: 'string', description: 'The kind of the object, in CamelCase.' },
};

/** The schema without what only Gantry understands. */
function published(schema: Schema): Schema {
  const {
    'x-gantry-quantity': _quantity,
    'x-gantry-schema': isSchema,
    properties,
    items,
    additionalProperties,
    ...rest
  } = schema;
  return {
    ...rest,
    ...(isSchema === true ? { 'x-kubernetes-preserve-unknown-fields': true } : {}),
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
