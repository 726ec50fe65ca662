/**
 * One kind as the registry works with it, made from its document: what routing, discovery and tables need, and beside
 * it what only the registry needs (the compiled validator, the declared fields). Built-in documents and the
 * CustomResourceDefinitions of users go through the same code. Which kinds are served now is `kinds/kinds.ts`.
 */
import { isRecord, readPath } from '../../machinery/json.ts';
import { apiVersionOf, type DynamicObject, isKubernetesGroup, qualifiedName } from '../../machinery/meta.ts';
import type { KindDocument, KindVersion, Schema } from '../../schemas/crd.ts';
import { rulesOf } from './admission/rules/list.ts';
import type { KindRules } from './admission/rules/rules.ts';
import { compileValidator, type Validator } from './admission/validation.ts';
import { kindPrefix } from './keys.ts';
import type { ServedKind } from './types.ts';

/** One version of one kind. */
export interface KindEntry {
  readonly kind: ServedKind;
  /** What all store keys of the kind start with, whatever the version. */
  readonly prefix: string;
  readonly schema: Schema;
  readonly validator: Validator;
  /** What neither schema nor CEL can say. */
  readonly rules: KindRules;
  readonly hasStatus: boolean;
  /** Whether the server counts changes of the desired state. Most of Kubernetes' own kinds do not have it. */
  readonly hasGeneration: boolean;
  /** What a field selector may name: `metadata.name`, `metadata.namespace` and the declared ones. */
  readonly fields: readonly string[];
  /** The declared ones alone: what is kept beside every cached object. */
  readonly declaredFields: readonly string[];
  readField(object: DynamicObject, field: string): string | undefined;
  /** The version in which objects are kept, where it is another one than this. */
  readonly storage: KindEntry | undefined;
  /** True while the kind goes away with all its objects: nothing can be created. */
  readonly isTerminating: boolean;
}

/** A kind with every version it is served at, in the order of its document. */
export interface KindDefinition {
  /** `<plural>.<group>`. */
  readonly name: string;
  readonly storage: KindEntry;
  readonly served: readonly KindEntry[];
}

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
/** Namespaces go one by one, as in Kubernetes: each takes everything in it along. */
const NOT_TOGETHER: ReadonlySet<string> = new Set(['/namespaces']);
/** Acts on one object, beside those that follow from the document. */
const ACTS: Readonly<Record<string, ServedKind['subresources']>> = {
  'gantry.dev/tasks': [
    { name: 'binding', verbs: ['create'], kind: 'Binding' },
    { name: 'eviction', verbs: ['create'], kind: 'Eviction' },
  ],
  '/namespaces': [{ name: 'finalize', verbs: ['update'] }],
  '/serviceaccounts': [{ name: 'token', verbs: ['create'], kind: 'TokenRequest' }],
};
/** Kubernetes reads an Event's field label `source` from inside it. */
const FIELD_PATHS: Readonly<Record<string, string>> = { '/events source': 'source.component' };
/** Kubernetes' own kinds that count their generations; all kinds of users do. */
const COUNTED_GROUPS: ReadonlySet<string> = new Set(['apiextensions.k8s.io', 'apps']);

/** Throws when a document is wrong, naming it. */
export function buildKindTable(documents: readonly KindDocument[]): KindDefinition[] {
  return documents.map((document) => defineKind(document, true));
}

/**
 * Compiles all that a document says. Throws when it is wrong, naming it.
 * @param isBuiltin whether the kind is one of Gantry's own rather than a user's.
 */
export function defineKind(document: KindDocument, isBuiltin: boolean): KindDefinition {
  const { group, names, versions } = document.spec;
  const stored = versions.filter((version) => version.storage);
  const [kept] = stored;
  if (kept === undefined || stored.length !== 1) {
    throw new Error(
      `kind ${document.metadata.name}: exactly one version must be the stored one; found ${stored.length}`,
    );
  }
  const storage = entryOf(document, kept, isBuiltin, undefined);
  return {
    name: qualifiedName({ group, plural: names.plural }),
    storage,
    served: versions
      .filter((version) => version.served)
      .map((version) => (version === kept ? storage : entryOf(document, version, isBuiltin, storage))),
  };
}

/** The same kind while it goes away. */
export function terminating(definition: KindDefinition): KindDefinition {
  const storage = { ...definition.storage, isTerminating: true };
  return {
    ...definition,
    storage,
    served: definition.served.map((entry) =>
      entry === definition.storage ? storage : { ...entry, storage, isTerminating: true },
    ),
  };
}

function entryOf(
  document: KindDocument,
  version: KindVersion,
  isBuiltin: boolean,
  storage: KindEntry | undefined,
): KindEntry {
  const { group, names, scope } = document.spec;
  const schema = version.schema.openAPIV3Schema;
  const id = `${group}/${names.plural}`;
  const hasStatus = version.subresources?.status !== undefined;
  const kind: ServedKind = {
    group,
    version: version.name,
    plural: names.plural,
    kind: names.kind,
    namespaced: scope === 'Namespaced',
    singular: names.singular,
    listKind: names.listKind,
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    verbs: NOT_TOGETHER.has(id) ? VERBS.filter((verb) => verb !== 'deletecollection') : VERBS,
    columns: version.additionalPrinterColumns ?? [],
    definition: version,
    ...(version.deprecated === true
      ? {
          deprecation:
            version.deprecationWarning ??
            `${apiVersionOf({ group, version: version.name })} ${names.kind} is deprecated`,
        }
      : {}),
    subresources: [
      ...(hasStatus ? [{ name: 'status', verbs: ['get', 'patch', 'update'] }] : []),
      ...(version.subresources?.scale === undefined
        ? []
        : [{ name: 'scale', verbs: ['get', 'patch', 'update'], kind: 'Scale' }]),
      ...(ACTS[id] ?? []),
    ],
  };
  const declared = (version.selectableFields ?? []).map(({ jsonPath }) => jsonPath.replace(/^\./, ''));
  const fields = ['metadata.name', 'metadata.namespace', ...declared];
  const paths = new Map(fields.map((field) => [field, (FIELD_PATHS[`${id} ${field}`] ?? field).split('.')]));
  return {
    kind,
    prefix: kindPrefix(kind),
    schema,
    validator: validatorOf(schema, document.metadata.name, isBuiltin),
    rules: rulesOf(kind),
    hasStatus,
    hasGeneration:
      !isBuiltin ||
      (isRecord(schema.properties?.['spec']) && (!isKubernetesGroup(group) || COUNTED_GROUPS.has(group))),
    fields,
    declaredFields: declared.filter((field) => !field.startsWith('metadata.')),
    readField(object, field) {
      const path = paths.get(field);
      const value = path === undefined ? undefined : readPath(object, path);
      return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
        ? String(value)
        : undefined;
    },
    storage,
    isTerminating: false,
  };
}

/** One for each schema, however often a registry is opened on it. */
const validators = new WeakMap<Schema, Validator>();

/**
 * Those of built-in kinds are compiled when they are first needed: a test compiles them all, and a start should not
 * wait for it. What a user wrote is compiled before it is served.
 */
function validatorOf(schema: Schema, name: string, isBuiltin: boolean): Validator {
  const compiled = (): Validator => {
    let validator = validators.get(schema);
    if (validator === undefined) validators.set(schema, (validator = compileValidator(schema, name)));
    return validator;
  };
  return isBuiltin ? { problems: (object, old) => compiled().problems(object, old) } : compiled();
}
