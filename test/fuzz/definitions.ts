/** CustomResourceDefinitions at random: many good ones, many that must be refused, with rules and patterns meant to hurt. */
import type { Chance } from './chance.ts';
import { oddText, oddValue, word } from './values.ts';

/** Few names, so that definitions meet objects, and each other. */
export const GROUPS = ['fuzz.example', 'other.example', 'gantry.dev', 'apps', 'x'] as const;
export const PLURALS = ['things', 'widgets', 'tasks', 'gears'] as const;

const RULES = [
  'true',
  'false',
  'self == oldSelf',
  'has(self.a) && self.a != ""',
  'self.all(x, self.all(y, self.all(z, x == y && y == z)))',
  'self.matches("(a+)+$")',
  'self.matches(self)',
  'self.a.b.c.d == 1',
  'size(self) > 0',
  'self.map(x, self.map(y, self)).size() > 0',
  '1/0 == 1',
  '[1,2,3].exists(i, self == i)',
  'string(self).repeat(10)',
  'self.startsWith("a") ? true : self.endsWith("b")',
  'duration(self) > duration("1s")',
  'timestamp(self).getFullYear() > 2000',
  'quantity(self).compareTo(quantity("1")) > 0',
  'optional.of(self).hasValue()',
  '9223372036854775807 + 1 > 0',
  'self.__proto__ == null',
  'constructor',
  '(((((((((((((((((((true)))))))))))))))))))',
  '!'.repeat(500),
  '('.repeat(2_000),
  `${'self.a.'.repeat(300)}b`,
  `"${'x'.repeat(5_000)}" == self`,
  '',
  '#',
  'self[',
  "self['__proto__']",
  'url(self).getHost() == "x"',
  'ip(self).family() == 4',
  'format.named("dns1123Label").value().validate(self).hasValue()',
  'self.findAll("a*").size() < 3',
  'authorizer.path("/").check("get").allowed()',
] as const;

const PATTERNS = [
  '^[a-z]+$',
  '(a+)+$',
  '(x*)*y',
  '[',
  '(?=a)',
  '\\1',
  '(?<n>a)\\k<n>',
  'a{1000}{1000}',
  '.*.*.*.*.*x',
  '\\p{L}+',
  '(?i)abc',
  '',
  '^(([a-z])+.)+[A-Z]([a-z])+$',
  '\u0000',
  `${'('.repeat(200)}${')'.repeat(200)}`,
  'a{99999}',
] as const;

const FORMATS = ['int32', 'int64', 'date-time', 'date', 'ipv4', 'cidr', 'uuid', 'byte', 'password', 'bogus'];
const TYPES = ['object', 'array', 'string', 'integer', 'number', 'boolean'] as const;

/** One that is taken, and takes much. */
export function goodDefinition(plural: string, group: string): Record<string, unknown> {
  const kind = `${plural.charAt(0).toUpperCase()}${plural.slice(1, -1)}`;
  const text = { type: 'string' };
  const properties = {
    a: { ...text, maxLength: 3_000, pattern: '^[^x]*$' },
    replicas: { type: 'integer', minimum: 0, default: 1 },
    list: {
      type: 'array',
      maxItems: 50,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['a'],
      items: {
        type: 'object',
        required: ['a'],
        properties: { a: text, b: { 'x-kubernetes-int-or-string': true } },
      },
    },
    free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  };
  const spec = {
    type: 'object',
    properties,
    'x-kubernetes-validations': [
      { rule: '!has(oldSelf.a) || !has(self.a) || size(self.a) < 2000', message: 'too long' },
      { rule: '!has(self.list) || self.list.all(item, size(item.a) < 100)' },
    ],
  };
  const status = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const scale = { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural, kind },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: 'object', properties: { spec, status } } },
          subresources: { status: {}, scale },
        },
      ],
    },
  };
}

export function definition(chance: Chance, plural: string, group: string): Record<string, unknown> {
  const kind = `${plural.charAt(0).toUpperCase()}${plural.slice(1, -1)}`;
  const versions = Array.from({ length: chance.weighted([8, 1], [2, 2], [1, 3]) }, (_, index) => ({
    name: chance.is(0.9) ? `v${index + 1}` : oddText(chance),
    served: chance.is(0.9),
    storage: chance.is(0.9) ? index === 0 : true,
    schema: { openAPIV3Schema: rootSchema(chance) },
    ...(chance.is(0.4) ? { subresources: subresources(chance) } : {}),
    ...(chance.is(0.3) ? { additionalPrinterColumns: [column(chance)] } : {}),
    ...(chance.is(0.2) ? { selectableFields: [{ jsonPath: jsonPath(chance) }] } : {}),
    ...(chance.is(0.1) ? { deprecated: true, deprecationWarning: oddText(chance) } : {}),
  }));
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: chance.is(0.8) ? 'Namespaced' : 'Cluster',
      names: {
        plural,
        kind: chance.is(0.85) ? kind : chance.of(['Task', 'Scale', 'constructor', 'toString', 'List']),
        ...(chance.is(0.3) ? { shortNames: chance.some(['th', 'wi', 'po', 'svc', oddText(chance)], 3) } : {}),
        ...(chance.is(0.3) ? { categories: ['all', oddText(chance)] } : {}),
        ...(chance.is(0.2) ? { singular: word(chance), listKind: `${kind}List` } : {}),
      },
      versions,
      ...(chance.is(0.1) ? { preserveUnknownFields: chance.is(0.5) } : {}),
      ...(chance.is(0.1) ? { conversion: { strategy: chance.of(['None', 'Webhook']) } } : {}),
    },
  };
}

function jsonPath(chance: Chance): string {
  return chance.of([
    '.spec.a',
    '.spec',
    '.metadata.name',
    '.spec.list[0].a',
    '.spec.list[?(@.a=="x")].b',
    '..',
    '.spec[*]',
    '.a[?(@.b==',
    oddText(chance),
  ]);
}

function column(chance: Chance): unknown {
  return {
    name: chance.is(0.8) ? 'Col' : oddText(chance),
    type: chance.of(['string', 'integer', 'number', 'boolean', 'date', 'x']),
    jsonPath: jsonPath(chance),
    ...(chance.is(0.2) ? { priority: chance.between(-1, 3) } : {}),
  };
}

function subresources(chance: Chance): unknown {
  const scale = {
    specReplicasPath: chance.of(['.spec.replicas', '.spec.a', '.x[0]', oddText(chance)]),
    statusReplicasPath: '.status.replicas',
    ...(chance.is(0.5) ? { labelSelectorPath: '.status.selector' } : {}),
  };
  return { ...(chance.is(0.7) ? { status: {} } : {}), ...(chance.is(0.5) ? { scale } : {}) };
}

function rootSchema(chance: Chance): unknown {
  if (chance.is(0.05)) return schema(chance, 3);
  return {
    type: 'object',
    properties: {
      spec: schema(chance, 4, 'object'),
      status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
    },
    ...(chance.is(0.2) ? rules(chance) : {}),
  };
}

function rules(chance: Chance): Record<string, unknown> {
  const made = Array.from({ length: chance.between(1, 2) }, () => ({
    rule: chance.of(RULES),
    ...(chance.is(0.5) ? { message: oddText(chance) } : {}),
    ...(chance.is(0.2) ? { messageExpression: chance.of(RULES) } : {}),
    ...(chance.is(0.2) ? { fieldPath: chance.of(['.a', '.spec.a', '.x[', oddText(chance)]) } : {}),
    ...(chance.is(0.2)
      ? { reason: chance.of(['FieldValueInvalid', 'FieldValueRequired', oddText(chance)]) }
      : {}),
    ...(chance.is(0.2) ? { optionalOldSelf: chance.is(0.5) } : {}),
  }));
  return { 'x-kubernetes-validations': made };
}

/** A schema, structural more often than not. */
export function schema(
  chance: Chance,
  depth: number,
  type: (typeof TYPES)[number] = chance.of(depth > 0 ? TYPES : TYPES.slice(2)),
): Record<string, unknown> {
  const made: Record<string, unknown> = chance.is(0.97) ? { type } : {};
  if (chance.is(0.15)) Object.assign(made, rules(chance));
  if (chance.is(0.15)) made.default = oddValue(chance);
  if (chance.is(0.1)) made.nullable = true;
  if (chance.is(0.05)) made.enum = Array.from({ length: chance.below(4) }, () => oddValue(chance, 1));
  if (chance.is(0.05)) made['x-kubernetes-preserve-unknown-fields'] = true;
  if (chance.is(0.03)) made['x-kubernetes-embedded-resource'] = true;
  if (chance.is(0.05)) made[chance.of(['anyOf', 'oneOf', 'allOf', 'not'])] = validations(chance, depth);
  if (chance.is(0.02))
    made[chance.of(['$ref', 'definitions', 'dependencies', 'id', 'x-y'])] = oddValue(chance);
  if (type === 'object') {
    if (chance.is(0.8)) {
      const keys = ['a', 'b', 'replicas', 'list', ...(chance.is(0.2) ? [oddText(chance)] : [])];
      const chosen = keys.filter(() => chance.is(0.6));
      made.properties = Object.fromEntries(chosen.map((key) => [key, schema(chance, depth - 1)]));
      if (chance.is(0.3)) made.required = chance.some(keys, 2);
    } else made.additionalProperties = chance.is(0.8) ? schema(chance, depth - 1) : chance.is(0.5);
    if (chance.is(0.1)) made['x-kubernetes-map-type'] = chance.of(['atomic', 'granular', 'x']);
  } else if (type === 'array') {
    made.items = schema(chance, depth - 1);
    if (chance.is(0.3)) made.maxItems = chance.between(-1, 20);
    if (chance.is(0.4)) made['x-kubernetes-list-type'] = chance.of(['set', 'map', 'atomic', 'x']);
    if (chance.is(0.3)) made['x-kubernetes-list-map-keys'] = chance.some(['a', 'b', 'name'], 2);
  } else if (type === 'string') {
    if (chance.is(0.3)) made.pattern = chance.of(PATTERNS);
    if (chance.is(0.3)) made.maxLength = chance.between(-1, 2_000);
    if (chance.is(0.2)) made.format = chance.of(FORMATS);
  } else if (type === 'integer' || type === 'number') {
    if (chance.is(0.3)) made.minimum = chance.between(-5, 5);
    if (chance.is(0.2)) made.multipleOf = chance.of([0, -1, 0.1, 3]);
    if (chance.is(0.1)) made['x-kubernetes-int-or-string'] = true;
  }
  return made;
}

function validations(chance: Chance, depth: number): unknown {
  const one = chance.of<unknown>([
    { required: ['a'] },
    { pattern: chance.of(PATTERNS) },
    { properties: { a: { minimum: 3 } } },
    schema(chance, Math.min(depth - 1, 1)),
  ]);
  return chance.is(0.9) ? [one, { maxLength: 3 }] : one;
}
