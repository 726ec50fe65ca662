/** structured-merge-diff's schema form, read as shapes: only what the vectors use. */
import { DEDUCED, SCALAR, type Shape } from '../../../../api/registry/fields/shape.ts';

export interface SmdType extends SmdAtom {
  readonly namedType?: string;
  readonly elementRelationship?: string;
}

interface SmdAtom {
  readonly scalar?: string;
  readonly list?: {
    readonly elementType: SmdType;
    readonly elementRelationship: string;
    readonly keys?: readonly string[];
  };
  readonly map?: {
    readonly fields?: readonly {
      readonly name: string;
      readonly type: SmdType;
      readonly default?: unknown;
    }[];
    readonly elementType?: SmdType;
    readonly elementRelationship?: string;
  };
}

export interface SmdSchema {
  readonly schema: { readonly types: readonly (SmdAtom & { readonly name: string })[] };
  readonly root: SmdType;
}

export function readSmdSchema({ schema, root }: SmdSchema, version: string): Shape {
  const types = new Map(schema.types.map((type) => [type.name, type]));
  const named = new Map<string, Shape>();

  function resolve(type: SmdType): Shape {
    const { namedType, elementRelationship } = type;
    if (namedType === undefined) return atom(type, elementRelationship);
    if (namedType === '__untyped_deduced_') return DEDUCED;
    const found = types.get(namedType);
    if (found === undefined) throw new Error(`the schema has no type ${namedType}`);
    if (elementRelationship !== undefined) return atom(found, elementRelationship);
    const known = named.get(namedType);
    if (known !== undefined) return known;
    // A type may contain itself: its place is taken before it is read.
    const place = {} as Shape;
    named.set(namedType, place);
    return Object.assign(place, atom(found, undefined));
  }

  function atom({ list, map }: SmdAtom, relationship: string | undefined): Shape {
    if (list !== undefined) {
      if ((relationship ?? list.elementRelationship) === 'atomic') return { kind: 'list', isAtomic: true };
      return {
        kind: 'list',
        isAtomic: false,
        item: resolve(list.elementType),
        keys: list.keys === undefined ? undefined : [...list.keys].sort(),
        keyDefaults: defaultsOf(list.elementType),
      };
    }
    if (map === undefined) return SCALAR;
    return {
      kind: 'map',
      isAtomic: (relationship ?? map.elementRelationship) === 'atomic',
      fields: new Map((map.fields ?? []).map((field) => [field.name, resolve(field.type)])),
      rest: map.elementType === undefined ? DEDUCED : resolve(map.elementType),
    };
  }

  function defaultsOf({ namedType, map }: SmdType): Record<string, unknown> {
    const fields = (namedType === undefined ? map : types.get(namedType)?.map)?.fields ?? [];
    return Object.fromEntries(
      fields.flatMap((field) => (field.default === undefined ? [] : [[field.name, field.default]])),
    );
  }

  return resolve(types.has(version) ? { namedType: version } : root);
}
