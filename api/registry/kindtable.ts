/**
 * The kinds that are served, made from their documents: what routing, discovery and tables need, and beside it what
 * only the registry needs (the compiled validator, the declared fields). Built once when the registry opens.
 */
import { isRecord, readPath } from '../../machinery/json.ts';
import type { DynamicObject } from '../../machinery/meta.ts';
import type { KindDocument, KindVersion, Schema } from '../../schemas/crd.ts';
import { rulesOf } from './admission/rules/list.ts';
import type { KindRules } from './admission/rules/rules.ts';
import { compileValidator, type Validator } from './admission/validation.ts';
import { kindPrefix } from './keys.ts';
import type { ServedKind } from './types.ts';

export interface KindEntry {
  readonly kind: ServedKind;
  /** What all store keys of the kind start with. */
  readonly prefix: string;
  readonly schema: Schema;
  readonly validator: Validator;
  /** What neither schema nor CEL can say. */
  readonly rules: KindRules;
  readonly hasStatus: boolean;
  /** Whether the server counts changes of the desired state. Kubernetes' own kinds here do not have it. */
  readonly hasGeneration: boolean;
  /** What a field selector may name: `metadata.name`, `metadata.namespace` and the declared ones. */
  readonly fields: readonly string[];
  readField(object: DynamicObject, field: string): string | undefined;
}

const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
/** A namespace cannot go before something clears what lives in it; until then it stays. */
const UNDELETABLE: ReadonlySet<string> = new Set(['/namespaces']);
/** Acts on one object, beside those that follow from the document. */
const ACTS: Readonly<Record<string, ServedKind['subresources']>> = {
  'gantry.dev/tasks': [
    { name: 'binding', verbs: ['create'], kind: 'Binding' },
    { name: 'eviction', verbs: ['create'], kind: 'Eviction' },
  ],
};
/** Kubernetes reads an Event's field label `source` from inside it. */
const FIELD_PATHS: Readonly<Record<string, string>> = { '/events source': 'source.component' };

/** Throws when a document is wrong, naming it. */
export function buildKindTable(documents: readonly KindDocument[]): KindEntry[] {
  return documents.map((document) => {
    const served = document.spec.versions.filter((version) => version.served);
    const [version] = served;
    if (served.length !== 1 || version === undefined || !version.storage) {
      throw new Error(
        `kind ${document.metadata.name}: exactly one version must be served, and be the stored one; found ${served.length}`,
      );
    }
    return entryOf(document, version);
  });
}

function entryOf(document: KindDocument, version: KindVersion): KindEntry {
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
    verbs: UNDELETABLE.has(id) ? VERBS.filter((verb) => !verb.startsWith('delete')) : VERBS,
    columns: version.additionalPrinterColumns ?? [],
    definition: version,
    subresources: [
      ...(hasStatus ? [{ name: 'status', verbs: ['get', 'patch', 'update'] }] : []),
      ...(ACTS[id] ?? []),
    ],
  };
  const declared = (version.selectableFields ?? []).map(({ jsonPath }) => jsonPath.replace(/^\./, ''));
  const paths = new Map(
    ['metadata.name', 'metadata.namespace', ...declared].map((field) => [
      field,
      (FIELD_PATHS[`${id} ${field}`] ?? field).split('.'),
    ]),
  );
  return {
    kind,
    prefix: kindPrefix(kind),
    schema,
    validator: compileValidator(schema, document.metadata.name),
    rules: rulesOf(kind),
    hasStatus,
    hasGeneration: isRecord(schema.properties?.['spec']) && !isKubernetesGroup(group),
    fields: [...paths.keys()],
    readField(object, field) {
      const path = paths.get(field);
      const value = path === undefined ? undefined : readPath(object, path);
      return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
        ? String(value)
        : undefined;
    },
  };
}

/** Core, the bare early groups (`apps`) and everything under k8s.io. */
function isKubernetesGroup(group: string): boolean {
  return !group.includes('.') || group.endsWith('.k8s.io');
}
