/**
 * Rules of CustomResourceDefinition: what Kubernetes fills in, and what speaks against a definition. What is said about
 * its schemas is `crdschema.ts`. Source: apiextensions-apiserver `pkg/apis/apiextensions/validation`.
 */
import { isRecord } from '../../../../machinery/json.ts';
import type { DynamicObject } from '../../../../machinery/meta.ts';
import { dnsLabelProblem, subdomainProblem } from '../../../../machinery/names.ts';
import type { KindNames, KindVersion, Schema } from '../../../../schemas/crd.ts';
import { builtinKinds } from '../../../../schemas/kinds.ts';
import { asDefinition, type Definition, FINALIZER_CLEANUP, isTrue } from '../../kinds/definition.ts';
import { type FieldProblem, forbidden, invalid, required, unsupported } from '../fielderrors.ts';
import { compileValidator, type Validator } from '../validation.ts';
import { schemaProblems } from './crdschema.ts';
import type { KindRules } from './rules.ts';

const APPROVAL = 'api-approved.kubernetes.io';
const APPROVAL_DOC = 'https://github.com/kubernetes/enhancements/pull/1111';
/** Groups of reviews and views, which are answered without definitions: one of a user's would stand in front of them. */
const OWN_GROUPS = ['authentication.k8s.io', 'authorization.k8s.io', 'events.k8s.io', 'metrics.k8s.io'];
const DNS1035 = /^[a-z](?:[-a-z0-9]*[a-z0-9])?$/;
const DNS1035_TEXT =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string'];
const COLUMN_FORMATS = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];

export const crdRules: KindRules = {
  onCreate(object) {
    if (!isWellFormed(object)) return [];
    fillIn(object, undefined);
    return definitionProblems(asDefinition(object), undefined);
  },
  onUpdate(object, before, subresource) {
    if (!isWellFormed(object)) return [];
    const old = asDefinition(before);
    if (subresource !== undefined) return storedVersionProblems(asDefinition(object));
    fillIn(object, old);
    return definitionProblems(asDefinition(object), old);
  },
};

let validator: Validator | undefined;

/** Whether all parts have the types they must have; where not, validation says so, and nothing more can be read. */
function isWellFormed(object: DynamicObject): boolean {
  validator ??= compileValidator(ownSchema(), 'CustomResourceDefinition');
  return validator.problems(object, undefined).length === 0;
}

function ownSchema(): Schema {
  const document = builtinKinds.find(({ spec }) => spec.names.kind === 'CustomResourceDefinition');
  const [version] = document?.spec.versions ?? [];
  if (version === undefined) throw new Error('CustomResourceDefinition is not among the built-in kinds');
  return version.schema.openAPIV3Schema;
}

/** Kubernetes' defaults, the finalizer that keeps the definition until its objects are gone, and the stored versions. */
function fillIn(object: DynamicObject, old: Definition | undefined): void {
  const { spec, status, metadata } = asDefinition(object);
  const { names } = spec;
  const kind = typeof names.kind === 'string' ? names.kind : '';
  object['spec'] = {
    ...spec,
    names: {
      ...names,
      ...((names.singular ?? '') === '' ? { singular: kind.toLowerCase() } : {}),
      ...((names.listKind ?? '') === '' && kind !== '' ? { listKind: `${kind}List` } : {}),
    },
    conversion: spec.conversion ?? { strategy: 'None' },
  };
  const stored = spec.versions.filter((version) => version.storage).map((version) => version.name);
  const known = status?.storedVersions ?? [];
  const missing = stored.filter((name) => !known.includes(name));
  if (missing.length > 0) object['status'] = { ...status, storedVersions: [...known, ...missing] };
  const finalizers = metadata.finalizers ?? [];
  if (old?.metadata.deletionTimestamp === undefined && !finalizers.includes(FINALIZER_CLEANUP)) {
    object.metadata = { ...metadata, finalizers: [...finalizers, FINALIZER_CLEANUP] };
  }
}

function definitionProblems(definition: Definition, old: Definition | undefined): readonly FieldProblem[] {
  const { metadata, spec } = definition;
  const problems: FieldProblem[] = [];
  const wanted = `${spec.names.plural}.${spec.group}`;
  if (metadata.name !== wanted) {
    problems.push(invalid('metadata.name', metadata.name, 'must be spec.names.plural+"."+spec.group'));
  }
  problems.push(
    ...groupProblems(definition, old),
    ...nameProblems(spec.names),
    ...versionProblems(definition),
  );
  if (spec.preserveUnknownFields === true) {
    problems.push(
      invalid('spec.preserveUnknownFields', true, 'must be false in order to use defaults in the schema'),
    );
  }
  problems.push(...conversionProblems(spec.conversion), ...changeProblems(definition, old));
  if (problems.length === 0) problems.push(...schemasOf(definition, old));
  return problems;
}

function groupProblems({ metadata, spec }: Definition, old: Definition | undefined): FieldProblem[] {
  const { group, names } = spec;
  const problem = subdomainProblem(group);
  if (group === '') return [required('spec.group')];
  if (problem !== undefined) return [invalid('spec.group', group, problem)];
  if (!group.includes('.')) {
    return [invalid('spec.group', group, 'should be a domain with at least one dot')];
  }
  const taken = builtinKinds.find(
    (kind) =>
      kind.spec.group === group &&
      (kind.spec.names.plural === names.plural || kind.spec.names.kind === names.kind),
  );
  if (taken !== undefined) {
    return [
      forbidden(
        'spec.names',
        `${taken.metadata.name} (${taken.spec.names.kind}) is built in and cannot be defined`,
      ),
    ];
  }
  if (old === undefined && OWN_GROUPS.includes(group)) {
    return [forbidden('spec.group', `${group} is served by Gantry itself and takes no definitions`)];
  }
  const isProtected = /(?:^|\.)(?:k8s|kubernetes)\.io$/.test(group);
  const approval = metadata.annotations?.[APPROVAL];
  // What was let in without it may go on without it.
  if (!isProtected || (old !== undefined && approval === old.metadata.annotations?.[APPROVAL])) return [];
  const field = `metadata.annotations[${APPROVAL}]`;
  if (approval === undefined || approval === '') {
    return [
      required(field, `protected groups must have approval annotation "${APPROVAL}", see ${APPROVAL_DOC}`),
    ];
  }
  if (URL.canParse(approval) || approval.startsWith('unapproved')) return [];
  return [
    invalid(
      field,
      approval,
      `protected groups must have approval annotation "${APPROVAL}" with either a URL or a reason starting with "unapproved", see ${APPROVAL_DOC}`,
    ),
  ];
}

function nameProblems(names: KindNames): FieldProblem[] {
  const problems: FieldProblem[] = [];
  for (const field of ['plural', 'singular', 'kind', 'listKind'] as const) {
    const name = names[field] ?? '';
    const isKind = field === 'kind' || field === 'listKind';
    const problem = labelProblem(isKind ? name.toLowerCase() : name);
    if (name === '') problems.push(required(`spec.names.${field}`));
    else if (problem !== undefined) {
      const detail = isKind ? `may have mixed case, but should otherwise match: ${problem}` : problem;
      problems.push(invalid(`spec.names.${field}`, name, detail));
    }
  }
  if (names.kind !== '' && names.kind === names.listKind) {
    problems.push(invalid('spec.names.listKind', names.listKind, 'kind and listKind may not be the same'));
  }
  for (const field of ['shortNames', 'categories'] as const) {
    for (const [index, name] of (names[field] ?? []).entries()) {
      const problem = labelProblem(name);
      if (problem !== undefined) problems.push(invalid(`spec.names.${field}[${index}]`, name, problem));
    }
  }
  return problems;
}

function labelProblem(name: string): string | undefined {
  if (name.length > 63) return dnsLabelProblem(name);
  return DNS1035.test(name) ? undefined : DNS1035_TEXT;
}

function versionProblems({ spec }: Definition): FieldProblem[] {
  const { versions } = spec;
  const problems: FieldProblem[] = [];
  for (const [index, version] of versions.entries()) {
    const path = `spec.versions[${index}]`;
    const problem = labelProblem(version.name ?? '');
    if (problem !== undefined) problems.push(invalid(`${path}.name`, version.name, problem));
    if (version.deprecationWarning !== undefined) {
      const warning = version.deprecationWarning;
      if (version.deprecated !== true) {
        problems.push(
          invalid(`${path}.deprecationWarning`, warning, 'can only be set for deprecated versions'),
        );
      }
      if (warning.length > 256) {
        problems.push(invalid(`${path}.deprecationWarning`, warning, 'must be <= 256 characters long'));
      }
    }
    problems.push(...columnProblems(version, path), ...scaleProblems(version, path));
  }
  const names = versions.map(({ name }) => name);
  if (new Set(names).size < names.length) {
    problems.push(invalid('spec.versions', names, 'must contain unique version names'));
  }
  if (versions.filter(({ storage }) => storage).length !== 1) {
    problems.push(invalid('spec.versions', names, 'must have exactly one version marked as storage version'));
  }
  return problems;
}

function columnProblems({ additionalPrinterColumns = [] }: KindVersion, path: string): FieldProblem[] {
  const problems: FieldProblem[] = [];
  for (const [index, { name, type, format = '', jsonPath }] of additionalPrinterColumns.entries()) {
    const place = `${path}.additionalPrinterColumns[${index}]`;
    if ((name ?? '') === '') problems.push(required(`${place}.name`));
    const types = `must be one of ${COLUMN_TYPES.join(',')}`;
    if (type === undefined) problems.push(required(`${place}.type`, types));
    else if (!COLUMN_TYPES.includes(type)) problems.push(invalid(`${place}.type`, type, types));
    if (format !== '' && !COLUMN_FORMATS.includes(format)) {
      problems.push(invalid(`${place}.format`, format, `must be one of ${COLUMN_FORMATS.join(',')}`));
    }
    problems.push(...pathProblems(`${place}.jsonPath`, jsonPath ?? ''));
  }
  return problems;
}

function pathProblems(field: string, path: string): FieldProblem[] {
  if (path === '') return [required(field)];
  if (path.startsWith('.')) return [];
  return [invalid(field, path, 'must be a simple json path starting with .')];
}

function scaleProblems({ subresources }: KindVersion, path: string): FieldProblem[] {
  const scale = subresources?.scale;
  if (scale === undefined) return [];
  const place = `${path}.subresources.scale`;
  const problems: FieldProblem[] = [];
  const check = (name: string, value: string | undefined, roots: readonly string[]): void => {
    const field = `${place}.${name}`;
    const found = pathProblems(field, value ?? '');
    problems.push(...found);
    if (found.length > 0 || value === undefined) return;
    if (/[[\]]/.test(value)) problems.push(invalid(field, value, 'must be a json path in the dot notation'));
    else if (!roots.some((root) => value.startsWith(`.${root}.`))) {
      const wanted = roots.map((root) => `.${root}`).join(' or ');
      problems.push(invalid(field, value, `should be a json path under ${wanted}`));
    }
  };
  check('specReplicasPath', scale.specReplicasPath, ['spec']);
  check('statusReplicasPath', scale.statusReplicasPath, ['status']);
  if ((scale.labelSelectorPath ?? '') !== '') {
    check('labelSelectorPath', scale.labelSelectorPath, ['status', 'spec']);
  }
  return problems;
}

function conversionProblems(conversion: Definition['spec']['conversion']): FieldProblem[] {
  const strategy: string = conversion?.strategy ?? 'None';
  if (strategy === 'None') {
    if (conversion?.webhook === undefined) return [];
    return [forbidden('spec.conversion.webhook', 'should not be set when strategy is not set to Webhook')];
  }
  if (strategy === 'Webhook') {
    return [
      forbidden(
        'spec.conversion.strategy',
        'conversion by a webhook is not served here: use None, which changes apiVersion and nothing else',
      ),
    ];
  }
  return [unsupported('spec.conversion.strategy', strategy, ['None', 'Webhook'])];
}

function changeProblems(definition: Definition, old: Definition | undefined): FieldProblem[] {
  if (old === undefined) return [];
  const problems: FieldProblem[] = [];
  const keep = (field: string, now: unknown, before: unknown): void => {
    if (now !== before) problems.push(invalid(field, now, 'field is immutable'));
  };
  const { spec } = definition;
  keep('spec.group', spec.group, old.spec.group);
  keep('spec.names.plural', spec.names.plural, old.spec.names.plural);
  if (isTrue(old, 'Established')) {
    keep('spec.scope', spec.scope, old.spec.scope);
    keep('spec.names.kind', spec.names.kind, old.spec.names.kind);
  }
  return [...problems, ...storedVersionProblems(definition)];
}

function storedVersionProblems({ spec, status }: Definition): FieldProblem[] {
  const stored = status?.storedVersions ?? [];
  if (stored.length === 0)
    return [invalid('status.storedVersions', stored, 'must have at least one stored version')];
  const problems = [...stored.entries()]
    .filter(([, name]) => !spec.versions.some((version) => version.name === name))
    .map(([index, name]) =>
      invalid(
        `status.storedVersions[${index}]`,
        name,
        'missing from spec.versions; '.concat(
          `${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`,
        ),
      ),
    );
  const storage = spec.versions.find((version) => version.storage)?.name;
  if (storage !== undefined && !stored.includes(storage)) {
    problems.push(invalid('status.storedVersions', stored, `must have the storage version ${storage}`));
  }
  return problems;
}

/** The schemas that are new or changed; one that was let in stays in. */
function schemasOf({ spec }: Definition, old: Definition | undefined): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const unchanged = new Set(
    old?.spec.versions.map((version) => JSON.stringify([version.schema, version.selectableFields])),
  );
  for (const [index, version] of spec.versions.entries()) {
    if (unchanged.has(JSON.stringify([version.schema, version.selectableFields]))) continue;
    const path = `spec.versions[${index}]`;
    const schema: unknown = version.schema?.openAPIV3Schema;
    if (!isRecord(schema)) problems.push(required(`${path}.schema.openAPIV3Schema`, 'schemas are required'));
    else problems.push(...schemaProblems(version, path));
  }
  return problems;
}
