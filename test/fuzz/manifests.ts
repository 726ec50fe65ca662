/** A manifest of every kind: a small good one, enriched with whatever its schema allows. */
import { isRecord } from '../../machinery/json.ts';
import type { Schema } from '../../schemas/crd.ts';
import { builtinKinds } from '../../schemas/kinds.ts';
import type { Chance } from './chance.ts';
import { definition, GROUPS, PLURALS } from './definitions.ts';
import { oddText, oddValue, word } from './values.ts';

/** A kind as discovery tells of it. */
export interface FuzzedKind {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly subresources: readonly string[];
  readonly verbs: readonly string[];
}

/** Few, so that requests meet each other's objects. */
export const NAMES = ['a', 'a', 'a', 'a', 'a', 'hello', 'hello', 'hello', 'b', 'x.y'] as const;
export const NAMESPACES = [
  'default',
  'default',
  'default',
  'default',
  'default',
  'default',
  'fuzz-a',
  'kube-system',
] as const;
const ROLES = [
  'get',
  'list',
  'watch',
  'create',
  'update',
  'patch',
  'delete',
  '*',
  'bind',
  'escalate',
] as const;

type Parts = (chance: Chance) => Record<string, unknown>;

const rule: Parts = (chance) => ({
  apiGroups: chance.of([[''], ['gantry.dev'], ['*']]),
  resources: chance.of([['tasks'], ['configmaps', 'secrets'], ['*'], ['tasks/status']]),
  verbs: [chance.of(ROLES)],
  ...(chance.is(0.2) ? { resourceNames: [chance.of(NAMES)] } : {}),
});
const roleRef: Parts = (chance) => ({
  roleRef: {
    apiGroup: 'rbac.authorization.k8s.io',
    kind: chance.of(['Role', 'ClusterRole']),
    name: chance.of([...NAMES, 'view', 'cluster-admin']),
  },
  subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: chance.of(NAMES) }],
});
const attributes: Parts = (chance) => ({
  resourceAttributes: {
    verb: chance.of(ROLES),
    group: 'gantry.dev',
    resource: 'tasks',
    namespace: 'default',
  },
});
const texts = (chance: Chance): Record<string, string> =>
  Object.fromEntries(
    chance.some(NAMES, 3).map((name) => [name, chance.is(0.8) ? word(chance) : oddText(chance)]),
  );

/** Texts in which references may stand, good ones and others. */
const REFERRING = [
  'echo',
  '$(parameters.n)',
  '$(config.k)',
  '$(run.name)',
  '$(tasks.a.outputs.k)',
  '$(tasks.b.stdout)',
  '$$(parameters.n)',
  '$(parameters.',
  '$(HOME)',
] as const;
const TEMPLATE_SPEC: Parts = (chance) => ({
  image: 'busybox',
  args: [chance.of(REFERRING), chance.is(0.3) ? oddText(chance) : 'x'],
  ...(chance.is(0.3) ? { env: [{ name: 'A', value: chance.of(REFERRING) }] } : {}),
  ...(chance.is(0.2)
    ? { volumeMounts: [{ name: 'v', mountPath: chance.of(['/a', '/a/', '/../b', '//']) }] }
    : {}),
});
/** Schemas of parameters, and what is none. */
const PARAMETERS: readonly Parts[] = [
  () => ({ type: 'object', properties: { n: { type: 'integer', default: 3 } } }),
  () => ({ type: 'object', $defs: { a: { $ref: '#/$defs/a' } }, properties: { n: { $ref: '#/$defs/a' } } }),
  (chance) => ({ type: 'object', properties: { n: { type: 'string', pattern: oddText(chance) } } }),
  (chance) => ({ type: 'object', [chance.of(['anyOf', 'required', 'items', 'nonsense'])]: oddValue(chance) }),
];

/** What a good one needs beside apiVersion, kind and metadata. */
const PARTS: Readonly<Record<string, Parts>> = {
  Task: (chance) => ({
    spec: {
      image: 'busybox',
      ...(chance.is(0.3) ? { command: ['sh', '-c', oddText(chance)] } : {}),
      ...(chance.is(0.3) ? { ports: [{ containerPort: chance.between(1, 99), protocol: 'TCP' }] } : {}),
      ...(chance.is(0.3) ? { env: [{ name: 'A', value: word(chance) }] } : {}),
      ...(chance.is(0.2) ? { restartPolicy: chance.of(['Always', 'OnFailure', 'Never']) } : {}),
    },
  }),
  TaskSet: (chance) => ({
    spec: {
      ...(chance.is(0.7) ? { replicas: chance.below(5) } : {}),
      selector: { matchLabels: { app: chance.weighted([9, 'a'], [1, 'b']) } },
      template: { metadata: { labels: { app: 'a' } }, spec: { image: 'busybox' } },
      ...(chance.is(0.3)
        ? { strategy: { maxSurge: chance.of([0, 1, '25%', '101%', oddText(chance)]) } }
        : {}),
    },
  }),
  Job: (chance) => ({
    spec: {
      tasks: [
        { name: 'a', template: { spec: TEMPLATE_SPEC(chance) } },
        {
          name: 'b',
          dependsOn: chance.weighted([5, ['a']], [1, ['b']], [1, ['none']]),
          ...(chance.is(0.5)
            ? { template: { spec: TEMPLATE_SPEC(chance) } }
            : {
                templateRef: { name: chance.of(NAMES) },
                arguments: { n: chance.of([1, 'x', '$(parameters.n)']) },
              }),
        },
      ],
      parameters: [{ name: 'n', type: 'integer', default: chance.weighted<unknown>([5, 3], [1, 'three']) }],
      config: { k: oddText(chance) },
      ...(chance.is(0.3)
        ? { schedule: chance.of(['* * * * *', '@hourly', '@every 1h30m', '30 2 30 2 *', oddText(chance)]) }
        : {}),
      ...(chance.is(0.2) ? { dependsOn: [{ job: chance.of(NAMES) }] } : {}),
    },
  }),
  Run: (chance) => ({
    spec: {
      ...(chance.is(0.5)
        ? { jobRef: { name: chance.of(NAMES) } }
        : { templateRef: { name: chance.of(NAMES) } }),
      ...(chance.is(0.5) ? { parameters: { n: chance.of<unknown>([1, 'x', null, oddValue(chance)]) } } : {}),
      ...(chance.is(0.5) ? { idempotencyKey: chance.of(['k', 'l', oddText(chance)]) } : {}),
      ...(chance.is(0.2) ? { cancel: chance.is(0.5) } : {}),
    },
  }),
  TaskTemplate: (chance) => ({
    spec: {
      ...(chance.is(0.8) ? { parameters: chance.of(PARAMETERS)(chance) } : {}),
      template: { spec: TEMPLATE_SPEC(chance) },
    },
  }),
  SchedulerSettings: (chance) => ({ spec: { suspended: chance.is(0.5) } }),
  IdempotencyKey: (chance) => ({
    spec: { key: 'k', requestHash: word(chance), run: { name: chance.of(NAMES), uid: 'u' } },
  }),
  Pod: () => ({ spec: { containers: [{ name: 'hello', image: 'busybox' }] } }),
  Worker: () => ({ spec: {} }),
  Node: () => ({ spec: {} }),
  Event: (chance) => ({
    involvedObject: { kind: 'Task', namespace: 'default', name: chance.of(NAMES) },
    reason: word(chance),
    message: oddText(chance),
    type: 'Normal',
  }),
  Lease: () => ({ spec: { holderIdentity: 'a', leaseDurationSeconds: 10 } }),
  ConfigMap: (chance) => ({ data: texts(chance), ...(chance.is(0.1) ? { immutable: true } : {}) }),
  Secret: (chance) => ({
    type: chance.weighted(
      [5, 'Opaque'],
      [1, 'kubernetes.io/basic-auth'],
      [1, 'kubernetes.io/service-account-token'],
    ),
    stringData: texts(chance),
    data: { a: chance.weighted([5, 'YQ=='], [1, ''], [1, 'not base64!']) },
  }),
  ResourceQuota: (chance) => ({
    spec: {
      hard: { [chance.of(['count/tasks.gantry.dev', 'configmaps'])]: chance.of(['100', '1k']) },
    },
  }),
  ControllerRevision: (chance) => ({ revision: chance.below(9), data: { a: oddValue(chance) } }),
  Role: (chance) => ({ rules: [rule(chance)] }),
  ClusterRole: (chance) => ({
    rules: [rule(chance)],
    ...(chance.is(0.2) ? { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] } } : {}),
  }),
  RoleBinding: roleRef,
  ClusterRoleBinding: roleRef,
  SubjectAccessReview: (chance) => ({ spec: { user: chance.of(NAMES), ...attributes(chance) } }),
  LocalSubjectAccessReview: (chance) => ({ spec: { user: chance.of(NAMES), ...attributes(chance) } }),
  SelfSubjectAccessReview: (chance) => ({ spec: attributes(chance) }),
  SelfSubjectRulesReview: () => ({ spec: { namespace: 'default' } }),
  TokenReview: (chance) => ({ spec: { token: oddText(chance) } }),
  TokenRequest: () => ({ spec: { audiences: ['gantry'], expirationSeconds: 600 } }),
  Binding: () => ({ target: { name: 'w1' }, epoch: 1 }),
  Eviction: () => ({ deleteOptions: {} }),
  Scale: (chance) => ({ spec: { replicas: chance.between(-1, 5) } }),
};

/** What is sent to a subresource is of another kind. */
const SUBRESOURCE_KINDS: Readonly<Record<string, readonly [apiVersion: string, kind: string]>> = {
  binding: ['gantry.dev/v1', 'Binding'],
  eviction: ['policy/v1', 'Eviction'],
  scale: ['autoscaling/v1', 'Scale'],
  token: ['authentication.k8s.io/v1', 'TokenRequest'],
};

interface At {
  readonly namespace: string;
  readonly name: string;
  readonly subresource?: string | undefined;
}

/** One that should be taken. */
export function goodManifest(kind: FuzzedKind, at: At, chance: Chance): Record<string, unknown> {
  const [apiVersion, name] = kindAt(kind, at);
  const metadata = { name: at.name, ...(kind.namespaced ? { namespace: at.namespace } : {}) };
  return { apiVersion, kind: name, metadata, ...partsOf(name, chance) };
}

/** One that may be taken. */
export function manifest(kind: FuzzedKind, at: At, chance: Chance): Record<string, unknown> {
  if (kind.kind === 'CustomResourceDefinition') {
    const found = definition(chance, chance.of(PLURALS), chance.of(GROUPS));
    return {
      ...found,
      metadata: { ...(chance.is(0.3) ? metadata(chance) : {}), ...(found.metadata as object) },
    };
  }
  const good = goodManifest(kind, at, chance);
  return {
    ...good,
    metadata: {
      ...(good.metadata as object),
      ...(chance.is(0.05) ? { name: undefined, generateName: `${at.name}-` } : {}),
      ...(chance.is(0.4) ? metadata(chance) : {}),
    },
    ...(chance.is(0.4) ? enriched(good, kind, chance) : {}),
  };
}

function kindAt({ group, version, kind }: FuzzedKind, { subresource = '' }: At): readonly [string, string] {
  const acted = Object.hasOwn(SUBRESOURCE_KINDS, subresource) ? SUBRESOURCE_KINDS[subresource] : undefined;
  return acted ?? [group === '' ? version : `${group}/${version}`, kind];
}

function partsOf(kind: string, chance: Chance): Record<string, unknown> {
  const parts = Object.hasOwn(PARTS, kind) ? PARTS[kind]?.(chance) : undefined;
  return parts ?? { spec: { a: word(chance), replicas: 1, list: [{ a: 'x' }] } };
}

function metadata(chance: Chance): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  if (chance.is(0.5)) made.labels = { a: word(chance), ...(chance.is(0.2) ? texts(chance) : {}) };
  if (chance.is(0.3))
    made.annotations = { ...texts(chance), ...chance.of<object>([{}, annotations(chance)]) };
  if (chance.is(0.1)) made.finalizers = chance.some(['fuzz.example/hold', 'foregroundDeletion', 'orphan'], 2);
  if (chance.is(0.1)) made.ownerReferences = [ownerReference(chance)];
  if (chance.is(0.1)) made.resourceVersion = chance.of(['1', '0', '', '999999', oddText(chance)]);
  if (chance.is(0.1)) made.managedFields = [managedFields(chance)];
  if (chance.is(0.05)) made.uid = oddText(chance);
  if (chance.is(0.05)) made.creationTimestamp = chance.of([null, '2020-01-01T00:00:00Z', oddText(chance)]);
  if (chance.is(0.05)) made.deletionTimestamp = '2020-01-01T00:00:00Z';
  return made;
}

function annotations(chance: Chance): Record<string, string> {
  return {
    'gantry.dev/ttl': chance.of(['1h', '0s', '-1s', oddText(chance)]),
    'kubectl.kubernetes.io/last-applied-configuration': chance.of(['{}', '{', '[]', oddText(chance)]),
  };
}

function ownerReference(chance: Chance): Record<string, unknown> {
  return {
    apiVersion: chance.of(['v1', 'gantry.dev/v1', 'a/b/c', oddText(chance)]),
    kind: chance.of(['ConfigMap', 'Task', 'Nothing']),
    name: chance.of(NAMES),
    uid: chance.of(['6b7b0a5e-7b7e-4a7e-8a7e-6b7b0a5e7b7e', 'x']),
    ...(chance.is(0.3) ? { controller: true, blockOwnerDeletion: true } : {}),
  };
}

export function managedFields(chance: Chance): Record<string, unknown> {
  return {
    manager: chance.of(['kubectl', 'fuzz', '', oddText(chance)]),
    operation: chance.of(['Apply', 'Update', 'Other']),
    apiVersion: chance.of(['v1', 'gantry.dev/v1', 'other/v9', '']),
    time: chance.of(['2020-01-01T00:00:00Z', null, oddText(chance)]),
    fieldsType: chance.of(['FieldsV1', 'FieldsV1', 'FieldsV2', '']),
    fieldsV1: chance.of<unknown>([
      { 'f:spec': { 'f:image': {} }, 'f:data': { '.': {}, 'f:a': {} } },
      { 'f:spec': { 'f:ports': { 'k:{"containerPort":80,"protocol":"TCP"}': { '.': {} } } } },
      { 'f:metadata': { 'f:finalizers': { 'v:"x"': {} } } },
      { 'k:{': {}, 'v:{': {}, 'i:x': {}, 'i:99999999999': {}, 'q:': {} },
      { 'f:__proto__': { 'f:constructor': {} } },
      oddValue(chance),
    ]),
  };
}

const schemas: ReadonlyMap<string, Schema> = new Map(
  builtinKinds.flatMap(({ spec }) =>
    spec.versions.map((version) => [
      `${spec.group}/${version.name}/${spec.names.kind}`,
      version.schema.openAPIV3Schema,
    ]),
  ),
);

/** The same parts with more of what the schema knows. */
function enriched(parts: Record<string, unknown>, kind: FuzzedKind, chance: Chance): Record<string, unknown> {
  const properties = schemas.get(`${kind.group}/${kind.version}/${kind.kind}`)?.properties ?? {};
  const names = Object.keys(properties).filter((name) => !['apiVersion', 'kind', 'metadata'].includes(name));
  return Object.fromEntries(
    names
      .filter(() => chance.is(0.7))
      .map((name) => {
        const made = fill(properties[name] ?? {}, chance, 5);
        const given = parts[name];
        return [name, isRecord(given) && isRecord(made) ? { ...made, ...given } : made];
      }),
  );
}

/** A value the schema allows, more or less. */
export function fill(schema: Schema, chance: Chance, depth: number): unknown {
  if (chance.is(0.03)) return oddValue(chance);
  if (schema.enum !== undefined && schema.enum.length > 0) return chance.of(schema.enum);
  if (schema['x-kubernetes-int-or-string'] === true) return chance.of<unknown>(['100m', 1, '1Gi', '0']);
  switch (schema.type) {
    case 'object': {
      const { properties = {}, required = [], additionalProperties } = schema;
      const chosen = Object.entries(properties).filter(
        ([name]) => required.includes(name) || (depth > 0 && chance.is(0.4)),
      );
      const made = Object.fromEntries(chosen.map(([name, inner]) => [name, fill(inner, chance, depth - 1)]));
      if (typeof additionalProperties !== 'object') return made;
      return { ...made, [word(chance)]: fill(additionalProperties, chance, depth - 1) };
    }
    case 'array':
      return Array.from({ length: chance.below(3) }, () => fill(schema.items ?? {}, chance, depth - 1));
    case 'integer':
      return Math.max(schema.minimum ?? 0, Math.min(schema.maximum ?? 100, chance.below(100)));
    case 'number':
      return chance.below(100) / 10;
    case 'boolean':
      return chance.is(0.5);
    case 'string':
      return schema.format === 'date-time'
        ? '2026-01-01T00:00:00Z'
        : chance.is(0.8)
          ? word(chance)
          : oddText(chance);
    case undefined:
      return oddValue(chance, 2);
  }
}
