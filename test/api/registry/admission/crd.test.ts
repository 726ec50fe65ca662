/** What speaks against a CustomResourceDefinition, in the words of Kubernetes' own validation. */
import { expect } from 'chai';
import type { FieldProblem } from '../../../../api/registry/admission/fielderrors.ts';
import { crdRules } from '../../../../api/registry/admission/rules/crd.ts';
import type { DynamicObject } from '../../../../machinery/meta.ts';
import type { Schema } from '../../../../schemas/crd.ts';
import { definition, version } from '../kinds/crontabs.ts';

const told = (problems: readonly FieldProblem[] | undefined): string[] =>
  (problems ?? []).map(({ field, message }) => `${field}: ${message}`);
const created = (object: unknown): string[] =>
  told(crdRules.onCreate?.(structuredClone(object) as DynamicObject));
const changed = (before: unknown, after: unknown): string[] =>
  told(crdRules.onUpdate?.(structuredClone(after) as DynamicObject, before as DynamicObject, undefined));

/** As it is stored: filled in. */
function stored(object: unknown, conditions: readonly unknown[] = []): DynamicObject {
  const made = structuredClone(object) as DynamicObject;
  expect(told(crdRules.onCreate?.(made))).to.deep.equal([]);
  return { ...made, status: { ...(made['status'] as object), conditions } };
}

const place = 'spec.versions[0].schema.openAPIV3Schema';
const withSpec = (spec: unknown): unknown => definition([version('v1', spec as Schema)]);
const spec = `${place}.properties[spec]`;
const text = { type: 'string' };

describe('A definition is refused', () => {
  const sound = definition([version('v1')]);

  it('not when it is sound', () => expect(created(sound)).to.deep.equal([]));

  const rows: readonly (readonly [what: string, object: unknown, ...said: string[]])[] = [
    [
      'under another name than its own',
      { ...sound, metadata: { name: 'x.example.com' } },
      'metadata.name: Invalid value: "x.example.com": must be spec.names.plural+"."+spec.group',
    ],
    [
      'in a group without a dot',
      { ...sound, metadata: { name: 'crontabs.example' }, spec: { ...sound.spec, group: 'example' } },
      'spec.group: Invalid value: "example": should be a domain with at least one dot',
    ],
    [
      'with a kind that is its list kind',
      definition([version('v1')], { listKind: 'CronTab' }),
      'spec.names.listKind: Invalid value: "CronTab": kind and listKind may not be the same',
    ],
    [
      'in place of a built-in kind',
      definition([version('v1')], { plural: 'tasks', kind: 'Task' }, { group: 'gantry.dev' }),
      'spec.names: Forbidden: tasks.gantry.dev (Task) is built in and cannot be defined',
    ],
    [
      'in front of the reviews that decide who may do what',
      definition([version('v1')], {}, { group: 'authorization.k8s.io' }),
      'spec.group: Forbidden: authorization.k8s.io is served by Gantry itself and takes no definitions',
    ],
    [
      'in a protected group without approval',
      definition([version('v1')], {}, { group: 'sub.k8s.io' }),
      'metadata.annotations[api-approved.kubernetes.io]: Required value: protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111',
    ],
    [
      'without a stored version',
      definition([version('v1', {}, { storage: false })]),
      'spec.versions: Invalid value: ["v1"]: must have exactly one version marked as storage version',
    ],
    [
      'with two versions of one name',
      definition([version('v1'), version('v1', {}, { storage: false })]),
      'spec.versions: Invalid value: ["v1","v1"]: must contain unique version names',
    ],
    [
      'without a schema',
      definition([{ name: 'v1', served: true, storage: true } as never]),
      `${place}: Required value: schemas are required`,
    ],
    [
      'when it wants its conversion from a webhook',
      definition([version('v1')], {}, { conversion: { strategy: 'Webhook', webhook: {} } }),
      'spec.conversion.strategy: Forbidden: conversion by a webhook is not served here: use None, which changes apiVersion and nothing else',
    ],
    [
      'when unknown fields should be kept everywhere',
      definition([version('v1')], {}, { preserveUnknownFields: true }),
      'spec.preserveUnknownFields: Invalid value: true: must be false in order to use defaults in the schema',
    ],
    [
      'with a warning of a version that is not deprecated',
      definition([version('v1', {}, { deprecationWarning: 'old' })]),
      'spec.versions[0].deprecationWarning: Invalid value: "old": can only be set for deprecated versions',
    ],
    [
      'with a column of no type there is',
      definition([
        version(
          'v1',
          {},
          { additionalPrinterColumns: [{ name: 'A', type: 'map' as never, jsonPath: '.spec' }] },
        ),
      ]),
      'spec.versions[0].additionalPrinterColumns[0].type: Invalid value: "map": must be one of boolean,date,integer,number,string',
    ],
    [
      'with a replicas path elsewhere',
      definition([
        version(
          'v1',
          {},
          {
            subresources: {
              scale: { specReplicasPath: '.status.replicas', statusReplicasPath: '.status.replicas' },
            },
          },
        ),
      ]),
      'spec.versions[0].subresources.scale.specReplicasPath: Invalid value: ".status.replicas": should be a json path under .spec',
    ],
    [
      'with a field to select by that is no scalar',
      definition([
        version(
          'v1',
          { properties: { list: { type: 'array', items: { type: 'string' } } } },
          { selectableFields: [{ jsonPath: '.spec.list' }] },
        ),
      ]),
      'spec.versions[0].selectableFields[0].jsonPath: Invalid value: ".spec.list": must point to a field of type string, boolean or integer, found array',
    ],
    [
      'with a field to select by that is not there',
      definition([version('v1', {}, { selectableFields: [{ jsonPath: '.spec.color' }] })]),
      'spec.versions[0].selectableFields[0].jsonPath: Invalid value: ".spec.color": is an invalid path: does not refer to a valid field',
    ],
    // The structure.
    [
      'for a field without a type',
      withSpec({ properties: { a: {} } }),
      `${spec}.properties[a].type: Required value: must not be empty for specified object fields`,
    ],
    [
      'for items without a type',
      withSpec({ properties: { a: { type: 'array', items: {} } } }),
      `${spec}.properties[a].items.type: Required value: must not be empty for specified array items`,
    ],
    [
      'for a list without items',
      withSpec({ properties: { a: { type: 'array' } } }),
      `${spec}.properties[a].items: Required value: must be specified`,
    ],
    [
      'for a type that is none',
      withSpec({ properties: { a: { type: 'map' } } }),
      `${spec}.properties[a].type: Unsupported value: "map": supported values: "array", "boolean", "integer", "number", "object", "string"`,
    ],
    [
      'for a keyword of the wrong type',
      withSpec({ properties: { a: { type: 'string', maxLength: 'x' } } }),
      `${spec}.properties[a].maxLength: Invalid value: "string": ${spec}.properties[a].maxLength in body must be of type integer: "string"`,
    ],
    [
      'for uniqueItems',
      withSpec({ properties: { a: { type: 'array', items: text, uniqueItems: true } } }),
      `${spec}.properties[a].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic`,
    ],
    [
      'for a reference',
      withSpec({ properties: { a: { type: 'string', $ref: '#/x' } } }),
      `${spec}.properties[a].$ref: Forbidden: $ref is not supported`,
    ],
    [
      'for properties beside additional ones',
      withSpec({ properties: { a: text }, additionalProperties: text }),
      `${spec}.additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive`,
    ],
    [
      'for a type inside a value validation',
      withSpec({ properties: { a: text }, anyOf: [{ properties: { a: text } }] }),
      `${spec}.anyOf[0].properties[a].type: Forbidden: must be empty to be structural`,
    ],
    [
      'for a field that only a value validation names',
      withSpec({ anyOf: [{ properties: { b: { minLength: 1 } } }] }),
      `${spec}.properties[b]: Required value: because it is defined in a value validation`,
    ],
    [
      'for a description inside a value validation',
      withSpec({ properties: { a: text }, not: { description: 'x' } }),
      `${spec}.not.description: Forbidden: must be empty to be structural`,
    ],
    [
      'for int-or-string with a type',
      withSpec({ properties: { a: { type: 'string', 'x-kubernetes-int-or-string': true } } }),
      `${spec}.properties[a].type: Invalid value: "string": must be empty if x-kubernetes-int-or-string is true`,
    ],
    [
      'for an embedded resource that is no object',
      withSpec({ properties: { a: { type: 'string', 'x-kubernetes-embedded-resource': true } } }),
      `${spec}.properties[a].type: Invalid value: "string": must be object if x-kubernetes-embedded-resource is true`,
      `${spec}.properties[a].properties: Required value: must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields`,
    ],
    [
      'for more said of metadata than its name',
      {
        ...sound,
        spec: {
          ...sound.spec,
          versions: [
            {
              ...version('v1'),
              schema: {
                openAPIV3Schema: {
                  type: 'object',
                  properties: { metadata: { type: 'object', properties: { labels: { type: 'object' } } } },
                },
              },
            },
          ],
        },
      },
      `${place}.properties[metadata]: Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified`,
    ],
    // Patterns, lists, defaults.
    [
      'for a pattern that is none',
      withSpec({ properties: { a: { ...text, pattern: '(' } } }),
      `${spec}.properties[a].pattern: Invalid value: "(": must be a valid regular expression, but isn't: error parsing regexp: missing closing ): \`(\``,
    ],
    [
      'for a map list without keys',
      withSpec({
        properties: {
          a: {
            type: 'array',
            'x-kubernetes-list-type': 'map',
            items: { type: 'object', properties: { k: text } },
          },
        },
      }),
      `${spec}.properties[a].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map`,
    ],
    [
      'for a key that may be absent',
      withSpec({
        properties: {
          a: {
            type: 'array',
            'x-kubernetes-list-type': 'map',
            'x-kubernetes-list-map-keys': ['k'],
            items: { type: 'object', properties: { k: text } },
          },
        },
      }),
      `${spec}.properties[a].items.properties[k].default: Required value: this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property`,
    ],
    [
      'for a set of objects that merge',
      withSpec({
        properties: { a: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'object' } } },
      }),
      `${spec}.properties[a].items.x-kubernetes-map-type: Invalid value: null: must be atomic as item of a list with x-kubernetes-list-type=set`,
    ],
    [
      'for a list type on no list',
      withSpec({ 'x-kubernetes-list-type': 'atomic' }),
      `${spec}.type: Invalid value: "object": must be array if x-kubernetes-list-type is specified`,
    ],
    [
      'for a default of the wrong type',
      withSpec({ properties: { a: { type: 'integer', default: 'x' } } }),
      `${spec}.properties[a].default: Invalid value: "string": value in body must be of type integer: "string"`,
    ],
    [
      'for a default beside a pattern that is none',
      withSpec({
        properties: {
          a: { type: 'object', default: {}, properties: { b: { type: 'string', pattern: '\\1' } } },
        },
      }),
      `${spec}.properties[a].properties[b].pattern: Invalid value: "\\\\1": must be a valid regular expression, but isn't: error parsing regexp: invalid escape sequence: \`\\1\``,
    ],
    [
      'for a default that would be pruned',
      withSpec({ properties: { a: { type: 'object', properties: { b: text }, default: { c: 1 } } } }),
      `${spec}.properties[a].default: Invalid value: {"c":1}: must match the schema: it has fields that would be pruned`,
    ],
    // Rules.
    [
      'for a rule that does not parse',
      withSpec({ 'x-kubernetes-validations': [{ rule: 'self.' }] }),
      `${spec}.x-kubernetes-validations[0].rule: Invalid value: "self.": compilation failed: Expected IDENTIFIER, got EOF`,
    ],
    [
      'for a rule that names a field there is not',
      withSpec({ properties: { a: text }, 'x-kubernetes-validations': [{ rule: 'self.b == "x"' }] }),
      `${spec}.x-kubernetes-validations[0].rule: Invalid value: "self.b == \\"x\\"": compilation failed: No such key: b`,
    ],
    [
      'for a rule that is no question',
      withSpec({ properties: { a: text }, 'x-kubernetes-validations': [{ rule: 'self.a' }] }),
      `${spec}.x-kubernetes-validations[0].rule: Invalid value: "self.a": must evaluate to a bool: it gives string`,
    ],
    [
      'for an empty rule',
      withSpec({ 'x-kubernetes-validations': [{ rule: ' ' }] }),
      `${spec}.x-kubernetes-validations[0].rule: Required value: rule is not specified`,
    ],
    [
      'for a reason there is not',
      withSpec({ 'x-kubernetes-validations': [{ rule: 'true', reason: 'Never' }] }),
      `${spec}.x-kubernetes-validations[0].reason: Unsupported value: "Never": supported values: "FieldValueRequired", "FieldValueForbidden", "FieldValueInvalid", "FieldValueDuplicate"`,
    ],
    [
      'for a field path that leads nowhere',
      withSpec({ properties: { a: text }, 'x-kubernetes-validations': [{ rule: 'true', fieldPath: '.b' }] }),
      `${spec}.x-kubernetes-validations[0].fieldPath: Invalid value: ".b": fieldPath must be a valid path`,
    ],
    [
      'for a rule that nests without end',
      withSpec({ 'x-kubernetes-validations': [{ rule: `true${' && true'.repeat(3_000)}` }] }),
      `${spec}.x-kubernetes-validations[0].rule: Invalid value: "${`true${' && true'.repeat(3_000)}`.slice(0, 500)}"… (24004 characters): compilation failed: the expression nests 3001 levels, at most 500 are allowed`,
    ],
    [
      'for a message expression that gives no text',
      withSpec({ 'x-kubernetes-validations': [{ rule: 'true', messageExpression: '1' }] }),
      `${spec}.x-kubernetes-validations[0].messageExpression: Invalid value: "1": must evaluate to a string: it gives int`,
    ],
    [
      'for optionalOldSelf without oldSelf',
      withSpec({ 'x-kubernetes-validations': [{ rule: 'true', optionalOldSelf: true }] }),
      `${spec}.x-kubernetes-validations[0].rule: Invalid value: "true": optionalOldSelf may be used only by rules that use oldSelf`,
    ],
  ];
  for (const [what, object, ...said] of rows) {
    it(what, () => expect(created(object)).to.deep.equal(said));
  }

  it('for rules that could cost too much, and taken with the limits that make them cheap', () => {
    const rule = { rule: 'self.all(x, self.all(y, x == y))' };
    const list = { type: 'array', items: text, 'x-kubernetes-validations': [rule] };
    const [first = ''] = created(withSpec({ properties: { a: list } }));
    expect(first).to.match(
      /\.rule: Forbidden: estimated rule cost exceeds budget by factor of more than 100x \(try simplifying/,
    );
    const bounded = { ...list, maxItems: 20, items: { ...text, maxLength: 20 } };
    expect(created(withSpec({ properties: { a: bounded } }))).to.deep.equal([]);
  });

  it('not for a spelled-out int-or-string', () => {
    const anyOf = [{ type: 'integer' }, { type: 'string' }];
    for (const form of [{ anyOf }, { allOf: [{ anyOf }, { minLength: 1 }] }]) {
      expect(
        created(withSpec({ properties: { a: { 'x-kubernetes-int-or-string': true, ...form } } })),
      ).to.deep.equal([]);
    }
  });
});

describe('A change of a definition', () => {
  const established = [
    {
      type: 'Established',
      status: 'True',
      reason: '',
      message: '',
      lastTransitionTime: '2026-01-01T00:00:00Z',
    },
  ];
  const before = stored(definition([version('v1')]), established);
  const spec = before['spec'] as Record<string, unknown>;

  it('cannot move it to another scope or kind once it is established', () => {
    const after = {
      ...before,
      spec: { ...spec, scope: 'Cluster', names: { ...(spec['names'] as object), kind: 'Other' } },
    };
    expect(changed(before, after)).to.deep.equal([
      'spec.scope: Invalid value: "Cluster": field is immutable',
      'spec.names.kind: Invalid value: "Other": field is immutable',
    ]);
    expect(changed({ ...before, status: { storedVersions: ['v1'] } }, after)).to.deep.equal([]);
  });

  it('remembers every version that was stored, and keeps it in the list', () => {
    const two = [version('v1', {}, { storage: false }), version('v2')];
    const after = structuredClone({ ...before, spec: { ...spec, versions: two } }) as DynamicObject;
    expect(told(crdRules.onUpdate?.(after, before, undefined))).to.deep.equal([]);
    expect((after['status'] as Record<string, unknown>)['storedVersions']).to.deep.equal(['v1', 'v2']);
    const [said = ''] = changed(after, { ...after, spec: { ...spec, versions: [version('v2')] } });
    expect(said).to.match(
      /^status\.storedVersions\[0\]: Invalid value: "v1": missing from spec\.versions; v1 was previously a storage version/,
    );
  });

  it('leaves a schema alone that was let in before its rules were', () => {
    const old = structuredClone(before);
    const versions = [
      { ...version('v1'), schema: { openAPIV3Schema: { type: 'object', properties: { a: {} } } } },
    ];
    old['spec'] = { ...spec, versions };
    expect(changed(old, { ...old, metadata: { ...old.metadata, labels: { a: 'b' } } })).to.deep.equal([]);
  });
});
