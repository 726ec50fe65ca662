/** What is said of wrong values, word for word as Kubernetes says it. */
import { expect } from 'chai';
import { conformObject } from '../../../api/registry/admission/structural.ts';
import { compileValidator } from '../../../api/registry/admission/validation.ts';
import type { Schema } from '../../../schemas/crd.ts';
import { builtinKinds } from '../../../schemas/kinds.ts';

function problems(schema: Schema, value: unknown, old?: unknown): string[] {
  const validator = compileValidator({ type: 'object', properties: { v: schema } }, 'tests');
  return validator
    .problems({ v: value }, old === undefined ? undefined : { v: old })
    .map(({ reason, field, message }) => `${reason} ${field}: ${message}`);
}

const text: Schema = { type: 'string' };

describe('Validation', () => {
  const rows: readonly (readonly [schema: Schema, value: unknown, said: string | undefined])[] = [
    [text, 'x', undefined],
    [
      text,
      5,
      'FieldValueTypeInvalid v: Invalid value: "integer": v in body must be of type string: "integer"',
    ],
    [text, null, 'FieldValueTypeInvalid v: Invalid value: "null": v in body must be of type string: "null"'],
    [
      { type: 'integer' },
      'x',
      'FieldValueTypeInvalid v: Invalid value: "string": v in body must be of type integer: "string"',
    ],
    [
      { type: 'integer' },
      1.5,
      'FieldValueTypeInvalid v: Invalid value: "number": v in body must be of type integer: "number"',
    ],
    [
      { type: 'array', items: text },
      {},
      'FieldValueTypeInvalid v: Invalid value: "object": v in body must be of type array: "object"',
    ],
    [{ type: 'integer', nullable: true }, null, undefined],
    [
      { type: 'object', required: ['a'], properties: { a: text } },
      {},
      'FieldValueRequired v.a: Required value',
    ],
    [
      { ...text, enum: ['A', 'B'] },
      'x',
      'FieldValueNotSupported v: Unsupported value: "x": supported values: "A", "B"',
    ],
    [
      { ...text, pattern: '^a+$' },
      'b',
      'FieldValueInvalid v: Invalid value: "b": v in body should match \'^a+$\'',
    ],
    [
      { ...text, minLength: 1 },
      '',
      'FieldValueInvalid v: Invalid value: "": v in body should be at least 1 chars long',
    ],
    [{ ...text, maxLength: 2 }, 'abc', 'FieldValueTooLong v: Too long: may not be more than 2 bytes'],
    [
      { type: 'integer', minimum: 1 },
      0,
      'FieldValueInvalid v: Invalid value: 0: v in body should be greater than or equal to 1',
    ],
    [
      { type: 'integer', maximum: 1 },
      2,
      'FieldValueInvalid v: Invalid value: 2: v in body should be less than or equal to 1',
    ],
    [
      { type: 'array', maxItems: 1, items: text },
      ['a', 'b'],
      'FieldValueTooMany v: Too many: 2: must have at most 1 items',
    ],
    [
      { type: 'array', minItems: 1, items: text },
      [],
      'FieldValueInvalid v: Invalid value: []: v in body should have at least 1 items',
    ],
    [
      { type: 'object', maxProperties: 1, additionalProperties: text },
      { a: '', b: '' },
      'FieldValueTooMany v: Too many: 2: must have at most 1 items',
    ],
    [
      { ...text, format: 'date-time' },
      'soon',
      'FieldValueInvalid v: Invalid value: "soon": v in body must be of type date-time: "soon"',
    ],
    [{ ...text, format: 'date-time' }, '2026-01-01T00:00:00.000000Z', undefined],
    [{ ...text, format: 'nobody-knows-it' }, 'x', undefined],
    [
      { type: 'array', items: text, 'x-kubernetes-list-type': 'set' },
      ['a', 'b', 'a'],
      'FieldValueDuplicate v[2]: Duplicate value: "a"',
    ],
    [
      {
        type: 'array',
        items: { type: 'object', properties: { k: text, x: text } },
        'x-kubernetes-list-type': 'map',
        'x-kubernetes-list-map-keys': ['k'],
      },
      [
        { k: 'a', x: '1' },
        { k: 'a', x: '2' },
      ],
      'FieldValueDuplicate v[1]: Duplicate value: {"k":"a"}',
    ],
    [
      { type: 'object', additionalProperties: { type: 'integer' } },
      { 'a.b/c': 'x' },
      'FieldValueTypeInvalid v[a.b/c]: Invalid value: "string": v[a.b/c] in body must be of type integer: "string"',
    ],
    [{ 'x-kubernetes-int-or-string': true }, 5, undefined],
    [{ 'x-kubernetes-int-or-string': true }, '5', undefined],
    [
      { 'x-kubernetes-int-or-string': true },
      true,
      'FieldValueTypeInvalid v: Invalid value: "boolean": v in body must be of type integer,string: "boolean"',
    ],
    [{ 'x-kubernetes-int-or-string': true, 'x-gantry-quantity': true }, '64Mi', undefined],
    [{ 'x-kubernetes-int-or-string': true, 'x-gantry-quantity': true }, 0, undefined],
    [{ 'x-kubernetes-int-or-string': true, 'x-gantry-quantity': 'positive' }, '1', undefined],
    [
      { 'x-kubernetes-int-or-string': true, 'x-gantry-quantity': 'positive' },
      '0Mi',
      'FieldValueInvalid v: Invalid value: "0Mi": must be greater than 0',
    ],
    [{ 'x-kubernetes-int-or-string': true, 'x-gantry-quantity': 'positive' }, '4Ei', undefined],
    [
      { 'x-kubernetes-int-or-string': true, 'x-gantry-quantity': 'positive' },
      '99999Ei',
      'FieldValueInvalid v: Invalid value: "99999Ei": must be at most 4Ei',
    ],
    [
      { 'x-kubernetes-int-or-string': true, 'x-gantry-quantity': true },
      '-1',
      'FieldValueInvalid v: Invalid value: "-1": must be greater than or equal to 0',
    ],
    [
      { 'x-kubernetes-int-or-string': true, 'x-gantry-quantity': true },
      'abc',
      'FieldValueInvalid v: Invalid value: "abc": quantities must match the regular expression \'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$\'',
    ],
  ];
  for (const [schema, value, said] of rows) {
    it(`${JSON.stringify(value)}: ${said ?? 'nothing'}`, () => {
      expect(problems(schema, value)).to.deep.equal(said === undefined ? [] : [said]);
    });
  }

  it('tells patterns apart and runs them in linear time', () => {
    const schema: Schema = {
      type: 'object',
      properties: { a: { ...text, pattern: '(a+)+$' }, b: { ...text, pattern: '^b$' } },
    };
    const startedMs = performance.now();
    expect(problems(schema, { a: `${'a'.repeat(5_000)}!`, b: 'x' })).to.have.length(2);
    expect(performance.now() - startedMs).to.be.lessThan(2_000);
  });

  it('looks at every item and names where it is', () => {
    const schema: Schema = {
      type: 'array',
      items: { type: 'object', required: ['n'], properties: { n: { type: 'integer' } } },
    };
    expect(problems(schema, [{ n: 1 }, {}, { n: 'x' }])).to.deep.equal([
      'FieldValueRequired v[1].n: Required value',
      'FieldValueTypeInvalid v[2].n: Invalid value: "string": v[2].n in body must be of type integer: "string"',
    ]);
  });
});

describe('CEL rules', () => {
  const withRule = (rule: string, rest: Schema = { type: 'object' }, message = 'no'): Schema => ({
    ...rest,
    'x-kubernetes-validations': [{ rule, message }],
  });
  const numbers: Schema = {
    type: 'object',
    properties: { a: { type: 'integer' }, b: { type: 'integer' }, s: text },
  };

  it('compare integers as integers', () => {
    const schema = withRule('self.a <= self.b', numbers, 'a must be at most b');
    expect(problems(schema, { a: 1, b: 2 })).to.deep.equal([]);
    expect(problems(schema, { a: 3, b: 2 })).to.deep.equal([
      'FieldValueInvalid v: Invalid value: {"a":3,"b":2}: a must be at most b',
    ]);
  });

  it('are not run on what has the wrong shape', () => {
    expect(problems(withRule('self.a <= self.b', numbers), { a: 'x', b: 2 })).to.have.length(1);
  });

  it('say when a value is missing that they need', () => {
    expect(problems(withRule('self.a <= self.b', numbers), { a: 1 })[0])
      .to.include('could not be evaluated')
      .and.include('No such key: b');
  });

  it('run on every item, at its own place', () => {
    const schema: Schema = { type: 'array', items: withRule('self.a > 0', numbers, 'must be positive') };
    expect(problems(schema, [{ a: 1 }, { a: 0 }])).to.deep.equal([
      'FieldValueInvalid v[1]: Invalid value: {"a":0}: must be positive',
    ]);
  });

  it('compare with the old value only where there is one', () => {
    const schema = withRule('self.a >= oldSelf.a', numbers, 'may not shrink');
    expect(problems(schema, { a: 1 })).to.deep.equal([]);
    expect(problems(schema, { a: 1 }, { a: 1 })).to.deep.equal([]);
    expect(problems(schema, { a: 1 }, { a: 2 })).to.have.length(1);
  });

  it('find the old item of a keyed list by its key, and no past for other items', () => {
    const items = withRule('self.a == oldSelf.a', numbers, 'a is immutable');
    const keyed: Schema = {
      type: 'array',
      items,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['s'],
    };
    expect(
      problems(
        keyed,
        [
          { s: 'new', a: 9 },
          { s: 'x', a: 2 },
        ],
        [{ s: 'x', a: 1 }],
      ),
    ).to.have.length(1);
    expect(problems({ type: 'array', items }, [{ a: 2 }], [{ a: 1 }])).to.deep.equal([]);
  });

  it('match in linear time', () => {
    const schema = withRule("self.s.matches('^(a+)+$')", numbers, 'no match');
    const startedMs = performance.now();
    expect(problems(schema, { s: `${'a'.repeat(5_000)}!` })).to.have.length(1);
    expect(problems(schema, { s: 'aaa' })).to.deep.equal([]);
    expect(performance.now() - startedMs).to.be.lessThan(2_000);
  });

  it('know quantities', () => {
    const rule =
      "quantity(self.s).isGreaterThan(quantity('500m')) && quantity(self.s).add(quantity('1')).compareTo(quantity('3')) < 0";
    expect(problems(withRule(rule, numbers), { s: '1' })).to.deep.equal([]);
    expect(problems(withRule(rule, numbers), { s: '2' })).to.have.length(1);
    expect(problems(withRule('isQuantity(self.s)', numbers), { s: 'x' })).to.have.length(1);
  });

  it('fail the kind, not the user, when they are wrong', () => {
    for (const rule of ['self.nope == 1', 'self.a ==', 'self.a + 1', 'unknownFunction(self)']) {
      expect(() => compileValidator(withRule(rule, numbers), 'things.example.com'), rule).to.throw(
        Error,
        /^things\.example\.com: the rule ".*" at the root/,
      );
    }
  });
});

describe("Task's own schema", () => {
  const document = builtinKinds.find((kind) => kind.spec.names.plural === 'tasks');
  const schema = document?.spec.versions[0]?.schema.openAPIV3Schema ?? {};
  const validator = compileValidator(schema, 'tasks');
  const said = (spec: Record<string, unknown>): string[] => {
    const { value } = conformObject(schema, {
      apiVersion: 'gantry.dev/v1',
      kind: 'Task',
      metadata: {},
      spec: { image: 'x', ...spec },
    });
    return validator.problems(value as object, undefined).map(({ field, message }) => `${field}: ${message}`);
  };

  for (const [what, spec, field] of [
    ['a working directory with a NUL byte', { workingDir: '/a\0b' }, 'spec.workingDir'],
    ['more shared memory than a 64-bit integer has', { shmSize: '8Ei' }, 'spec.shmSize'],
    [
      'requests above limits (cpu)',
      { resources: { requests: { cpu: '2' }, limits: { cpu: '1500m' } } },
      'spec.resources',
    ],
    [
      'requests above limits (memory)',
      { resources: { requests: { memory: '1Gi' }, limits: { memory: 1024 } } },
      'spec.resources',
    ],
    [
      'another host port under host network',
      { network: { mode: 'host' }, ports: [{ containerPort: 80, hostPort: 81 }] },
      'spec.ports',
    ],
    [
      'a host port that is not published',
      { ports: [{ containerPort: 80, hostPort: 80, publish: false }] },
      'spec.ports[0]',
    ],
    ['a first wait longer than the longest', { backoff: { initialSeconds: 100 } }, 'spec.backoff'],
    ['two variables of one name', { env: [{ name: 'A' }, { name: 'A' }] }, 'spec.env[1]'],
    [
      'one port twice',
      { ports: [{ containerPort: 80 }, { containerPort: 80, protocol: 'TCP' }] },
      'spec.ports[1]',
    ],
    ['an empty image', { image: '' }, 'spec.image'],
    ['a relative working directory', { workingDir: 'x' }, 'spec.workingDir'],
    ['a signal there is none of', { stopSignal: 'SIGNOPE' }, 'spec.stopSignal'],
    ['no shared memory', { shmSize: 0 }, 'spec.shmSize'],
    ['a log of nothing', { logs: { maxSize: '0' } }, 'spec.logs.maxSize'],
    ['half a millicore', { resources: { limits: { cpu: '5m' } } }, 'spec.resources.limits.cpu'],
    [
      'requests above limits (ephemeral-storage)',
      { resources: { requests: { 'ephemeral-storage': '2Gi' }, limits: { 'ephemeral-storage': '1Gi' } } },
      'spec.resources',
    ],
    [
      'a probe of a port that has no such name',
      { livenessProbe: { httpGet: { port: 'web' } }, ports: [{ name: 'http', containerPort: 80 }] },
      'spec.livenessProbe',
    ],
    [
      'a probe of a port there is none of',
      { readinessProbe: { tcpSocket: { port: 0 } } },
      'spec.readinessProbe',
    ],
    ['a hook at no port', { lifecycle: { preStop: { httpGet: { port: '80' } } } }, 'spec.lifecycle.preStop'],
    [
      'a preStop longer than the grace',
      { lifecycle: { preStop: { sleep: { seconds: 31 } } } },
      'spec.lifecycle',
    ],
    [
      'two ports of one name',
      {
        ports: [
          { name: 'a', containerPort: 80 },
          { name: 'a', containerPort: 81 },
        ],
      },
      'spec.ports',
    ],
    [
      'a path of the worker that climbs',
      { volumes: [{ name: 'v', hostPath: { path: '/srv/../etc' } }] },
      'spec.volumes[0].hostPath.path',
    ],
    [
      'a file that climbs out of its volume',
      { volumes: [{ name: 'v', secret: { secretName: 's', items: [{ key: 'k', path: 'a/../../b' }] } }] },
      'spec.volumes[0].secret.items[0].path',
    ],
    [
      'a seccomp profile elsewhere',
      { securityContext: { seccompProfile: { type: 'Localhost', localhostProfile: '../x' } } },
      'spec.securityContext.seccompProfile.localhostProfile',
    ],
    [
      'two volumes of one name',
      {
        volumes: [
          { name: 'v', emptyDir: {} },
          { name: 'v', emptyDir: {} },
        ],
      },
      'spec.volumes[1]',
    ],
    [
      'a capability with its prefix',
      { securityContext: { capabilities: { add: ['CAP_CHOWN'] } } },
      'spec.securityContext.capabilities.add',
    ],
    [
      'every right, and none to gain',
      { securityContext: { privileged: true, allowPrivilegeEscalation: false } },
      'spec.securityContext.allowPrivilegeEscalation',
    ],
    ['a group of nobody', { securityContext: { runAsGroup: 5 } }, 'spec.securityContext.runAsGroup'],
    [
      'root that is not root',
      { securityContext: { runAsNonRoot: true, runAsUser: 0 } },
      'spec.securityContext.runAsUser',
    ],
  ] as const) {
    it(`refuses ${what}`, () =>
      expect(said(spec).join('\n')).to.match(new RegExp(`^${field.replace(/[[\].]/g, '\\$&')}: `)));
  }

  for (const [what, spec] of [
    [
      'the same port over TCP and UDP',
      { ports: [{ containerPort: 53 }, { containerPort: 53, protocol: 'UDP' }] },
    ],
    [
      'equal requests and limits in different words',
      { resources: { requests: { cpu: 1 }, limits: { cpu: '1000m' } } },
    ],
    [
      'host network with the same port',
      { network: { mode: 'host' }, ports: [{ containerPort: 80, hostPort: 80 }] },
    ],
    ['only a limit', { resources: { limits: { memory: '64Mi' } } }],
    [
      'probes and hooks of named and numbered ports',
      {
        ports: [{ name: 'web', containerPort: 80 }],
        livenessProbe: { httpGet: { port: 'web' } },
        readinessProbe: { tcpSocket: { port: 81 } },
        lifecycle: { postStart: { httpGet: { port: 'web' } } },
      },
    ],
    [
      'as many ports, variables and mounts as there may be, within what rules may cost',
      {
        ports: Array.from({ length: 128 }, (_, i) => ({
          name: `p${i}`,
          containerPort: i + 1,
          hostPort: i + 1,
        })),
        env: Array.from({ length: 1_024 }, (_, i) => ({ name: `V${i}`, value: 'x'.repeat(1_000) })),
        volumes: Array.from({ length: 64 }, (_, i) => ({ name: `v${i}`, emptyDir: { sizeLimit: '1Gi' } })),
        volumeMounts: Array.from({ length: 64 }, (_, i) => ({
          name: `v${i}`,
          mountPath: `/srv/some/where/in/the/file/system/${i}`,
          subPath: 'a/b/c',
        })),
      },
    ],
  ] as const) {
    it(`takes ${what}`, () => expect(said(spec)).to.deep.equal([]));
  }
});
