/** What a Task is given, from what is there: the rows are Kubernetes' rules. */
import { expect } from 'chai';
import type { InputContext } from '../../../../controllers/task/inputs/environment.ts';
import type { Found } from '../../../../controllers/task/inputs/found.ts';
import { type Resolved, resolveInputs } from '../../../../controllers/task/inputs/resolve.ts';
import type { InputKind } from '../../../../schemas/taskreferences.ts';
import type { ConfigMap, Secret, Task } from '../../../../schemas/types.gen.ts';
import { newTask } from '../../../builders.ts';

type Spec = Partial<Task['spec']>;

const context: InputContext = {
  worker: 'w1',
  publishAddress: '10.0.0.7',
  allocatable: { cpu: '3500m', memory: '8Gi' },
};
const base64 = (value: string | Uint8Array): string => Buffer.from(value).toString('base64');

function configMap(
  name: string,
  data: Record<string, string>,
  binaryData?: Record<string, string>,
): ConfigMap {
  const metadata = { name, namespace: 'default', uid: `uid-${name}` };
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata,
    data,
    ...(binaryData === undefined ? {} : { binaryData }),
  };
}

function secret(name: string, data: Record<string, string | Uint8Array>, type = 'Opaque'): Secret {
  const encoded = Object.fromEntries(Object.entries(data).map(([key, value]) => [key, base64(value)]));
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace: 'default' }, type, data: encoded };
}

const objects: Readonly<Record<string, Found>> = {
  'configmaps/settings': {
    kind: 'object',
    object: configMap(
      'settings',
      { color: 'blue', SIZE: '$(NAME)', '1st': 'x', '..odd': 'y', constructor: 'own' },
      { image: base64('\x89PNG') },
    ),
  },
  'configmaps/more': { kind: 'object', object: configMap('more', { color: 'red', shape: 'round' }) },
  'configmaps/empty': { kind: 'object', object: configMap('empty', {}) },
  'configmaps/hidden': { kind: 'refused', reason: 'no task of worker "w1" refers to it' },
  'configmaps/later': { kind: 'unread' },
  'secrets/later': { kind: 'unread' },
  'secrets/login': { kind: 'object', object: secret('login', { user: 'anna', password: 'hunter2' }) },
  'secrets/binary': {
    kind: 'object',
    object: secret('binary', { raw: new Uint8Array([0xff, 0xfe]), nul: 'a\0b' }),
  },
  'secrets/registry': {
    kind: 'object',
    object: secret(
      'registry',
      {
        '.dockerconfigjson': JSON.stringify({ auths: { 'r.example': { username: 'u', password: 'p' } } }),
      },
      'kubernetes.io/dockerconfigjson',
    ),
  },
};

const find = (kind: InputKind, name: string): Found => objects[`${kind}/${name}`] ?? { kind: 'absent' };

function resolve(spec: Spec, metadata: Partial<Task['metadata']> = {}, inside = context): Resolved {
  return resolveInputs(newTask('web', spec, { metadata }), inside, find);
}

/** The environment, or what is said instead. */
function envOf(spec: Spec, metadata: Partial<Task['metadata']> = {}): readonly string[] | string {
  const { inputs } = resolve(spec, metadata);
  if (inputs.kind === 'ready') return inputs.env;
  return inputs.kind === 'missing' ? inputs.message : 'loading';
}

const fromMap = (name: string, key: string, optional?: boolean) => ({
  name: 'V',
  valueFrom: { configMapKeyRef: { name, key, ...(optional === undefined ? {} : { optional }) } },
});
const fromSecret = (name: string, key: string, optional?: boolean) => ({
  name: 'V',
  valueFrom: { secretKeyRef: { name, key, ...(optional === undefined ? {} : { optional }) } },
});
const field = (fieldPath: string) => [{ name: 'V', valueFrom: { fieldRef: { fieldPath } } }];
type ResourceRef = NonNullable<
  NonNullable<NonNullable<Task['spec']['env']>[number]['valueFrom']>['resourceFieldRef']
>;
const resource = (name: ResourceRef['resource'], divisor?: string) => [
  {
    name: 'V',
    valueFrom: { resourceFieldRef: { resource: name, ...(divisor === undefined ? {} : { divisor }) } },
  },
];

describe('The environment of a Task', () => {
  const rows: readonly (readonly [string, Spec, readonly string[] | string])[] = [
    ['is empty by default', {}, []],
    ['has values as they are', { env: [{ name: 'A', value: 'a=b c' }, { name: 'B' }] }, ['A=a=b c', 'B=']],
    [
      'expands what was defined before, and only that',
      {
        env: [
          { name: 'A', value: '$(B)' },
          { name: 'B', value: 'b' },
          { name: 'C', value: '$(B)$$(B)' },
        ],
      },
      ['A=$(B)', 'B=b', 'C=b$(B)'],
    ],
    [
      'reads a key of a ConfigMap, without expanding it',
      { env: [fromMap('settings', 'SIZE')] },
      ['V=$(NAME)'],
    ],
    ['reads a key of a Secret', { env: [fromSecret('login', 'password')] }, ['V=hunter2']],
    ['reads a key called constructor', { env: [fromMap('settings', 'constructor')] }, ['V=own']],
    ['misses an object', { env: [fromMap('nope', 'k')] }, 'configmap "nope" not found'],
    ['misses a Secret', { env: [fromSecret('nope', 'k')] }, 'secret "nope" not found'],
    [
      'misses a key',
      { env: [fromMap('settings', 'nope')] },
      'couldn\'t find key "nope" in ConfigMap default/settings',
    ],
    [
      'misses a key that every object inherits',
      { env: [fromSecret('login', 'toString')] },
      'couldn\'t find key "toString" in Secret default/login',
    ],
    ['leaves out an optional one whose object is missing', { env: [fromMap('nope', 'k', true)] }, []],
    ['leaves out an optional one whose key is missing', { env: [fromSecret('login', 'k', true)] }, []],
    [
      'does not take a refusal for an absence, not even of an optional one',
      { env: [fromMap('hidden', 'k', true)] },
      'configmap "hidden" cannot be read: no task of worker "w1" refers to it',
    ],
    [
      'refuses binaryData',
      { env: [fromMap('settings', 'image')] },
      'key "image" in ConfigMap default/settings is binary and cannot be an environment variable: mount it as a volume',
    ],
    [
      'refuses a Secret that is no text',
      { env: [fromSecret('binary', 'raw')] },
      'key "raw" in Secret default/binary is not text (UTF-8 without NUL bytes) and cannot be an environment variable: mount it as a volume',
    ],
    [
      'refuses a NUL byte',
      { env: [fromSecret('binary', 'nul')] },
      'key "nul" in Secret default/binary is not text (UTF-8 without NUL bytes) and cannot be an environment variable: mount it as a volume',
    ],
    [
      'tells all that is missing, each once',
      {
        env: [fromMap('a', 'k'), { ...fromSecret('b', 'k'), name: 'W' }, { ...fromMap('a', 'l'), name: 'X' }],
      },
      'configmap "a" not found; secret "b" not found',
    ],
    ['waits for what is not read yet', { env: [fromMap('later', 'k')] }, 'loading'],
    [
      'tells what is missing before all is read',
      { env: [fromMap('later', 'k'), { ...fromMap('nope', 'k'), name: 'W' }] },
      'configmap "nope" not found',
    ],
    [
      'takes all keys that are names, in order, prefixed',
      { envFrom: [{ configMapRef: { name: 'more' }, prefix: 'P_' }, { secretRef: { name: 'login' } }] },
      ['P_color=red', 'P_shape=round', 'password=hunter2', 'user=anna'],
    ],
    [
      'lets a later object win, and env over all',
      {
        envFrom: [{ configMapRef: { name: 'more' } }, { secretRef: { name: 'login' }, prefix: 'sh' }],
        env: [
          { name: 'shape', value: 'not $(shape)' },
          { name: 'N', value: '$(color)' },
        ],
      },
      ['color=red', 'shape=not round', 'shpassword=hunter2', 'shuser=anna', 'N=red'],
    ],
    [
      'misses an object of envFrom',
      { envFrom: [{ secretRef: { name: 'nope' } }] },
      'secret "nope" not found',
    ],
    [
      'leaves out an optional one of envFrom',
      { envFrom: [{ secretRef: { name: 'nope', optional: true } }] },
      [],
    ],
    ['takes nothing from an empty object', { envFrom: [{ configMapRef: { name: 'empty' } }] }, []],
    ['knows its name', { env: field('metadata.name') }, ['V=web']],
    ['knows its namespace', { env: field('metadata.namespace') }, ['V=default']],
    ['knows its uid', { env: field('metadata.uid') }, ['V=uid-web']],
    ['knows a label', { env: field("metadata.labels['app.kubernetes.io/name']") }, ['V=shop']],
    ['knows that there is no such label', { env: field("metadata.labels['toString']") }, ['V=']],
    ['knows an annotation', { env: field("metadata.annotations['note']") }, ['V=$(N)']],
    ['knows its worker', { env: field('spec.workerName') }, ['V=w1']],
    ['knows its worker by its other name', { env: field('spec.nodeName') }, ['V=w1']],
    ['knows where it is published', { env: field('status.hostIP') }, ['V=10.0.0.7']],
    ['rounds cores up', { resources: { limits: { cpu: '1100m' } }, env: resource('limits.cpu') }, ['V=2']],
    [
      'counts in the unit asked for',
      { resources: { limits: { cpu: '1100m' } }, env: resource('limits.cpu', '1m') },
      ['V=1100'],
    ],
    [
      'rounds bytes up',
      { resources: { limits: { memory: '1025Ki' } }, env: resource('limits.memory', '1Mi') },
      ['V=2'],
    ],
    ['has what the worker has without a limit', { env: resource('limits.cpu', '1m') }, ['V=3500']],
    ['has the memory of the worker', { env: resource('limits.memory', '1Gi') }, ['V=8']],
    [
      'says so where the worker has no figure',
      { env: resource('limits.ephemeral-storage') },
      'limits.ephemeral-storage is not given, and the worker does not say how much ephemeral-storage it has',
    ],
    [
      'takes a limit for the request that is not given',
      { resources: { limits: { cpu: '2' } }, env: resource('requests.cpu') },
      ['V=2'],
    ],
    ['requests nothing by default', { env: resource('requests.memory') }, ['V=0']],
    ['takes a divisor of 0 for 1', { env: resource('limits.cpu', '0') }, ['V=4']],
  ];
  for (const [what, spec, wanted] of rows) {
    it(what, () => {
      const labels = { 'app.kubernetes.io/name': 'shop' };
      expect(envOf(spec, { labels, annotations: { note: '$(N)' } })).to.deep.equal(wanted);
    });
  }

  it('waits for the worker’s figures only where it needs them', () => {
    const inside = { ...context, allocatable: undefined };
    expect(resolve({ env: resource('limits.cpu') }, {}, inside).inputs.kind).to.equal('loading');
    const given = { env: resource('limits.cpu'), resources: { limits: { cpu: '1' } } };
    expect(resolve(given, {}, inside).inputs.kind).to.equal('ready');
  });

  it('leaves out keys that are no names of variables, and tells them', () => {
    const { inputs, notes } = resolve({ envFrom: [{ configMapRef: { name: 'settings' } }] });
    expect(inputs)
      .to.have.property('env')
      .that.deep.equals(['SIZE=$(NAME)', 'color=blue', 'constructor=own']);
    expect(notes).to.deep.equal([
      {
        reason: 'InvalidEnvironmentVariableNames',
        message:
          'Keys [..odd, 1st] from the EnvFrom configMap default/settings were skipped since they are considered invalid environment variable names.',
      },
    ]);
  });

  it('takes a key that a prefix makes a name', () => {
    const { inputs, notes } = resolve({ envFrom: [{ configMapRef: { name: 'settings' }, prefix: 'K' }] });
    expect(inputs).to.have.property('env').that.includes('K1st=x').and.includes('K..odd=y');
    expect(notes).to.deep.equal([]);
  });

  it('counts problems past the first eight', () => {
    const env = Array.from({ length: 11 }, (_, at) => ({ ...fromMap(`m${at}`, 'k'), name: `V${at}` }));
    expect(envOf({ env })).to.match(/^configmap "m0" not found; .*configmap "m7" not found; and 3 more$/);
  });

  it('refuses a variable that no process can be given, without showing it', () => {
    const said = envOf({ env: [{ name: 'BIG', value: 'secret'.repeat(30_000) }] });
    expect(said).to.equal(
      'the environment variable BIG has 180000 bytes, with its name it can have 131070 at most: give it as a file of a volume',
    );
    expect(envOf({ env: [{ name: 'BIG', value: 'x'.repeat(131_067) }] })).to.have.length(1);
  });

  it('refuses variables that multiply each other', () => {
    const env = Array.from({ length: 1000 }, (_, at) => ({
      name: `V${at}`,
      value: at === 0 ? 'x'.repeat(1000) : `$(V${at - 1})$(V${at - 1})`,
    }));
    expect(envOf({ env })).to.match(/^the environment variable V8 has 256000 bytes/);
  });

  it('refuses more than a process can be given together', () => {
    const env = Array.from({ length: 20 }, (_, at) => ({ name: `V${at}`, value: 'x'.repeat(120_000) }));
    expect(envOf({ env })).to.match(
      /^the environment and the arguments have more than 2031616 bytes together/,
    );
  });
});

describe('The arguments of a Task', () => {
  it('are refused where they grow past what a process can be given', () => {
    const env = [{ name: 'BIG', value: 'x'.repeat(100_000) }];
    expect(envOf({ env, command: ['$(BIG)'], args: ['a', '$(BIG)$(BIG)'] })).to.equal(
      'args[1] has 200000 bytes, it can have 131071 at most',
    );
    const args = Array.from({ length: 20 }, () => '$(BIG)');
    expect(envOf({ env, args })).to.match(
      /^the environment and the arguments have more than 2031616 bytes together/,
    );
  });
});

describe('The files of a Task', () => {
  const volumes = (...all: NonNullable<Task['spec']['volumes']>): Spec => ({ volumes: all });
  const shown = (spec: Spec): unknown => {
    const { inputs } = resolve(spec);
    if (inputs.kind !== 'ready') return inputs.kind === 'missing' ? inputs.message : 'loading';
    return [...inputs.files].map(([name, { isSecret, files }]) => [
      name,
      isSecret,
      files.map(
        ({ path, data, mode }) => `${path} ${mode.toString(8)} ${Buffer.from(data).toString('latin1')}`,
      ),
    ]);
  };
  const rows: readonly (readonly [string, Spec, unknown])[] = [
    [
      'are all keys, text and binary, by their names',
      volumes({ name: 'v', configMap: { name: 'more' } }, { name: 'w', secret: { secretName: 'login' } }),
      [
        ['v', false, ['color 644 red', 'shape 644 round']],
        ['w', true, ['password 644 hunter2', 'user 644 anna']],
      ],
    ],
    [
      'are the keys asked for, where and how they are asked for',
      volumes({
        name: 'v',
        configMap: {
          name: 'settings',
          defaultMode: 0o400,
          items: [
            { key: 'image', path: 'a/./b//logo.png' },
            { key: 'color', path: 'a/color', mode: 0o755 },
          ],
        },
      }),
      [['v', false, ['a/b/logo.png 400 \xc2\x89PNG', 'a/color 755 blue']]],
    ],
    ['miss an object', volumes({ name: 'v', secret: { secretName: 'nope' } }), 'secret "nope" not found'],
    [
      'miss a key',
      volumes({ name: 'v', configMap: { name: 'more', items: [{ key: 'nope', path: 'x' }] } }),
      'couldn\'t find key "nope" in ConfigMap default/more, which volume "v" takes as a file',
    ],
    [
      'are none where an optional object is missing',
      volumes({ name: 'v', configMap: { name: 'nope', optional: true } }),
      [['v', false, []]],
    ],
    [
      'are without an optional key that is missing',
      volumes({
        name: 'v',
        secret: {
          secretName: 'login',
          optional: true,
          items: [
            { key: 'nope', path: 'x' },
            { key: 'user', path: 'y' },
          ],
        },
      }),
      [['v', true, ['y 644 anna']]],
    ],
    ['wait for what is not read yet', volumes({ name: 'v', configMap: { name: 'later' } }), 'loading'],
    ['are of no other volumes', volumes({ name: 'v', emptyDir: {} }), []],
  ];
  for (const [what, spec, wanted] of rows) {
    it(what, () => expect(shown(spec)).to.deep.equal(wanted));
  }

  for (const [paths, problem] of [
    [['../x'], 'must not contain ".."'],
    [['a/../../x'], 'must not contain ".."'],
    [['/etc/x'], 'must not begin with "/"'],
    [['..data'], 'must not begin with ".."'],
    [['./..x/y'], 'must not begin with ".."'],
    [['./'], 'names no file'],
    [['x'.repeat(256)], 'has a part of more than 255 bytes'],
    [['x/'.repeat(3000)], 'has more than 4096 bytes'],
    [['a', './a'], 'is there twice'],
    [['a', 'a/b'], 'and "a" cannot both be: one is a directory of the other'],
    [['a/b/c', 'a/b'], 'and "a/b/c" cannot both be: one is a directory of the other'],
  ] as const) {
    it(`are refused at ${paths.join(' and ').slice(0, 30)}`, () => {
      const items = paths.map((path) => ({ key: 'color', path }));
      const said = `volume "v": the path "${paths.at(-1)}" of key "color" ${problem}`;
      expect(shown(volumes({ name: 'v', configMap: { name: 'more', items } }))).to.equal(said);
    });
  }

  it('have a version that changes with content, mode and path, and with nothing else', () => {
    const versionOf = (spec: Spec): string => {
      const { inputs } = resolve(spec);
      return inputs.kind === 'ready' ? inputs.filesVersion : inputs.kind;
    };
    const source = { name: 'more' };
    const versions = [
      versionOf({}),
      versionOf(volumes({ name: 'v', configMap: source })),
      versionOf(volumes({ name: 'v', configMap: { ...source, defaultMode: 0o600 } })),
      versionOf(volumes({ name: 'v', configMap: { ...source, items: [{ key: 'color', path: 'color' }] } })),
      versionOf(
        volumes({ name: 'v', configMap: { name: 'settings', items: [{ key: 'color', path: 'color' }] } }),
      ),
      versionOf(volumes({ name: 'v', configMap: { ...source, items: [{ key: 'color', path: 'c' }] } })),
    ];
    expect(new Set(versions).size).to.equal(versions.length);
    expect(versionOf(volumes({ name: 'v', configMap: source }))).to.equal(versions[1]);
  });
});

describe('Credentials for registries', () => {
  it('come from the imagePullSecrets in their order', () => {
    const { inputs, notes } = resolve({ imagePullSecrets: [{ name: 'registry' }] });
    expect(inputs)
      .to.have.property('registryAuths')
      .that.deep.equals([{ registry: 'r.example', username: 'u', password: 'p' }]);
    expect(notes).to.deep.equal([]);
  });

  it('are told to be missing or unusable, and keep nothing from starting', () => {
    const { inputs, notes } = resolve({
      imagePullSecrets: [{ name: 'nope' }, { name: 'login' }, { name: 'registry' }],
    });
    expect(inputs).to.have.property('registryAuths').with.length(1);
    expect(notes.map(({ reason }) => reason)).to.deep.equal(['FailedToRetrieveImagePullSecret']);
    expect(notes[0]?.message).to.match(
      /^Of the imagePullSecrets in namespace default some cannot be used, and pulling the image may fail: "nope" is not there; "login" \(type Opaque\): it has no key \.dockerconfigjson/,
    );
    expect(notes[0]?.message).not.to.include('hunter2');
  });

  it('are waited for', () => {
    expect(resolve({ imagePullSecrets: [{ name: 'later' }] }).inputs.kind).to.equal('loading');
  });
});
