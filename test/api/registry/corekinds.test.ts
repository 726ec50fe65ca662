/** What Kubernetes' own kinds may and may not be: its validation tables, as far as they fit, word for word. */
import { expect } from 'chai';
import { isApiError } from '../../../machinery/errors.ts';
import type { DynamicObject, Resource } from '../../../machinery/meta.ts';
import {
  configMaps,
  controllerRevisions,
  namespaces,
  resourceQuotas,
  secrets,
  serviceAccounts,
} from '../../../schemas/kinds.ts';
import { openWorld, type World } from '../../world.ts';

const b64 = (text: string): string => Buffer.from(text).toString('base64');
const MIB = 1024 * 1024;

interface Row {
  readonly name: string;
  readonly resource: Resource;
  readonly object: Record<string, unknown>;
  /** What is said against it; absent: it is created. */
  readonly says?: string | RegExp;
  readonly code?: number;
}

interface Change extends Row {
  readonly to: Record<string, unknown>;
}

const dynamic = (resource: Omit<Resource, 'phantom'>): Resource => resource;
const configMap = (name: string, object: Record<string, unknown>, says?: string | RegExp): Row => ({
  name: `a ConfigMap ${name}`,
  resource: dynamic(configMaps),
  object,
  ...(says === undefined ? {} : { says }),
});
const secret = (name: string, object: Record<string, unknown>, says?: string | RegExp): Row => ({
  name: `a Secret ${name}`,
  resource: dynamic(secrets),
  object,
  ...(says === undefined ? {} : { says }),
});
const other = (
  name: string,
  resource: Resource,
  object: Record<string, unknown>,
  says?: string | RegExp,
): Row => ({ name, resource, object, ...(says === undefined ? {} : { says }) });

const KEY_TEXT =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
const IMMUTABLE = 'field is immutable when `immutable` is set';

const created: readonly Row[] = [
  configMap('without data', {}),
  configMap('with every kind of key', {
    data: { 'a.b-c_D': 'x', '.hidden': '' },
    binaryData: { '.x': b64('y') },
  }),
  configMap(
    'with a key that is no key',
    { data: { 'a b': '' } },
    `data[a b]: Invalid value: "a b": ${KEY_TEXT}`,
  ),
  configMap('with the key .', { data: { '.': '' } }, 'data[.]: Invalid value: ".": must not be \'.\''),
  configMap('with the key ..', { data: { '..': '' } }, 'data[..]: Invalid value: "..": must not be \'..\''),
  configMap(
    'with a key that starts with ..',
    { data: { '..a': '' } },
    'data[..a]: Invalid value: "..a": must not start with \'..\'',
  ),
  configMap(
    'with a key of 254 characters',
    { data: { ['k'.repeat(254)]: '' } },
    /must be no more than 253 characters$/,
  ),
  configMap('with a key of 253 characters', { data: { ['k'.repeat(253)]: '' } }),
  configMap(
    'with one key in both',
    { data: { a: 'x' }, binaryData: { a: b64('y') } },
    'data[a]: Invalid value: "a": duplicate of key present in binaryData',
  ),
  configMap(
    'over 1 MiB',
    { data: { a: 'x'.repeat(MIB + 1) } },
    /Too long: may not be more than 1048576 bytes/,
  ),
  {
    ...configMap('with broken base64', { binaryData: { a: 'e' } }, /illegal base64 data at input byte 1/),
    code: 400,
  },
  secret('without a type', { data: { a: b64('x') } }),
  secret('of a type nobody knows', { type: 'example.com/x' }),
  secret('of a type that every JavaScript object knows', { type: 'hasOwnProperty' }),
  secret(
    'with a key that is no key',
    { data: { 'a/b': '' } },
    `data[a/b]: Invalid value: "a/b": ${KEY_TEXT}`,
  ),
  {
    ...secret('with broken base64', { data: { a: 'not base64!' } }, /illegal base64 data at input byte 3/),
    code: 400,
  },
  secret('for docker, old form', { type: 'kubernetes.io/dockercfg', data: { '.dockercfg': b64('{}') } }),
  secret(
    'for docker, old form, without its key',
    { type: 'kubernetes.io/dockercfg' },
    'data[.dockercfg]: Required value',
  ),
  secret('for docker', {
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': b64('{"auths":{}}') },
  }),
  secret(
    'for docker that is no JSON',
    { type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': b64('hunter2') } },
    'data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": must be a JSON object',
  ),
  secret(
    'for docker without its key',
    { type: 'kubernetes.io/dockerconfigjson' },
    'data[.dockerconfigjson]: Required value',
  ),
  secret(
    'for TLS without a key',
    { type: 'kubernetes.io/tls', data: { 'tls.crt': '' } },
    'data[tls.key]: Required value',
  ),
  secret(
    'for TLS without anything',
    { type: 'kubernetes.io/tls' },
    '[data[tls.crt]: Required value, data[tls.key]: Required value]',
  ),
  secret('for TLS', { type: 'kubernetes.io/tls', stringData: { 'tls.crt': 'c', 'tls.key': 'k' } }),
  secret('for basic auth with a user only', {
    type: 'kubernetes.io/basic-auth',
    stringData: { username: '' },
  }),
  secret(
    'for basic auth without anything',
    { type: 'kubernetes.io/basic-auth' },
    '[data[username]: Required value, data[password]: Required value]',
  ),
  secret(
    'for SSH without a key',
    { type: 'kubernetes.io/ssh-auth', data: { 'ssh-privatekey': '' } },
    'data[ssh-privatekey]: Required value',
  ),
  secret(
    'of a service account that is not named',
    { type: 'kubernetes.io/service-account-token' },
    'metadata.annotations[kubernetes.io/service-account.name]: Required value',
  ),
  other('a ServiceAccount', dynamic(serviceAccounts), {
    secrets: [{ name: 's' }],
    imagePullSecrets: [{ name: 'p' }],
  }),
  other('a ControllerRevision', dynamic(controllerRevisions), { data: { spec: { any: [1] } }, revision: 1 }),
  other(
    'a ControllerRevision without data',
    dynamic(controllerRevisions),
    { revision: 1 },
    'data: Required value: data is mandatory',
  ),
  other(
    'a ControllerRevision below zero',
    dynamic(controllerRevisions),
    { data: {}, revision: -1 },
    'revision: Invalid value: -1: must be greater than or equal to 0',
  ),
  other('a ResourceQuota of what kubectl offers', dynamic(resourceQuotas), {
    spec: {
      hard: {
        cpu: '1500m',
        memory: '1G',
        pods: '2',
        services: 3,
        persistentvolumeclaims: '10',
        'count/x.y.z': '1',
      },
    },
  }),
  other(
    'a ResourceQuota of nothing known',
    dynamic(resourceQuotas),
    { spec: { hard: { gpus: '1' } } },
    'spec.hard[gpus]: Invalid value: "gpus": must be a standard resource for quota',
  ),
  other(
    'a ResourceQuota of half a ConfigMap',
    dynamic(resourceQuotas),
    { spec: { hard: { configmaps: '1500m' } } },
    'spec.hard[configmaps]: Invalid value: "1500m": must be an integer',
  ),
  other(
    'a ResourceQuota of extended resources',
    dynamic(resourceQuotas),
    { spec: { hard: { 'example.com/gpu': '1' } } },
    /is not counted here; use count\//,
  ),
  other(
    'a ResourceQuota that is no quantity',
    dynamic(resourceQuotas),
    { spec: { hard: { pods: 'many' } } },
    /quantities must match/,
  ),
  other(
    'a Namespace with a finalizer of no domain',
    dynamic(namespaces),
    { spec: { finalizers: ['mine'] } },
    'spec.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
  ),
];

const changed: readonly Change[] = [
  { ...configMap('that may change', { data: { a: '1' } }), to: { data: { a: '2' }, immutable: true } },
  {
    ...configMap(
      'whose immutable data changes',
      { data: { a: '1' }, immutable: true },
      `data: Forbidden: ${IMMUTABLE}`,
    ),
    to: { data: { a: '2' } },
  },
  {
    ...configMap(
      'whose immutable bytes change',
      { binaryData: { a: '' }, immutable: true },
      `binaryData: Forbidden: ${IMMUTABLE}`,
    ),
    to: { binaryData: { b: '' } },
  },
  {
    ...configMap(
      'that shall be mutable again',
      { data: { a: '1' }, immutable: true },
      `immutable: Forbidden: ${IMMUTABLE}`,
    ),
    to: { immutable: false },
  },
  {
    ...configMap('whose labels change', { data: { a: '1' }, immutable: true }),
    to: { metadata: { labels: { x: 'y' } } },
  },
  {
    ...secret(
      'whose immutable data changes through text',
      { data: { a: b64('1') }, immutable: true },
      `data: Forbidden: ${IMMUTABLE}`,
    ),
    to: { stringData: { a: '2' } },
  },
  {
    ...secret('that says in text what it holds', { data: { a: b64('1') }, immutable: true }),
    to: { stringData: { a: '1' } },
  },
  {
    ...secret('of another type', {}, 'type: Invalid value: "example.com/x": field is immutable'),
    to: { type: 'example.com/x' },
  },
  {
    ...other(
      'a ControllerRevision with other data',
      dynamic(controllerRevisions),
      { data: { a: 1 }, revision: 1 },
      'data: Invalid value: {"a":2}: field is immutable',
    ),
    to: { data: { a: 2 } },
  },
  {
    ...other('a ControllerRevision with another number', dynamic(controllerRevisions), {
      data: { a: 1 },
      revision: 1,
    }),
    to: { revision: 2 },
  },
];

describe("Kubernetes' own kinds", () => {
  let world: World;
  before(async () => {
    world = await openWorld();
  });
  after(() => world.close());

  let count = 0;
  const make = ({ resource, object }: Row): Promise<DynamicObject> =>
    world.admin.create(resource, {
      apiVersion: resource.group === '' ? 'v1' : `${resource.group}/v1`,
      kind: resource.kind,
      metadata: { name: `o${++count}`, ...(resource.namespaced ? { namespace: 'default' } : {}) },
      ...object,
    });

  async function check({ says, code = 422 }: Row, work: () => Promise<unknown>): Promise<void> {
    const outcome = await work().then(
      () => undefined,
      (error: unknown) => error,
    );
    if (says === undefined) {
      expect(outcome).to.equal(undefined);
      return;
    }
    if (!isApiError(outcome)) throw outcome ?? new Error('it was accepted');
    expect(outcome.code).to.equal(code);
    if (typeof says === 'string')
      expect(outcome.message.endsWith(` is invalid: ${says}`), outcome.message).to.equal(true);
    else expect(outcome.message).to.match(says);
  }

  for (const row of created) {
    it(`${row.says === undefined ? 'takes' : 'refuses'} ${row.name}`, () => check(row, () => make(row)));
  }
  for (const row of changed) {
    it(`${row.says === undefined ? 'lets' : 'does not let'} ${row.name} be written`, async () => {
      const { metadata, ...before } = await make(row);
      const { metadata: wished, ...to } = row.to;
      const after = {
        ...before,
        ...to,
        metadata: { ...metadata, ...(wished as object | undefined) },
      } as DynamicObject;
      await check(row, () => world.admin.update(row.resource, after));
    });
  }

  it('keeps the text of a Secret as bytes, over what is there, and never gives it back', async () => {
    const made = await make(
      secret('', { data: { a: b64('1'), b: b64('2') }, stringData: { b: 'ü', c: '' } }),
    );
    expect(made).to.deep.include({ type: 'Opaque', data: { a: b64('1'), b: b64('ü'), c: '' } });
    expect(made).not.to.have.property('stringData');
    const patched = await world.admin.patch(
      dynamic(secrets),
      { namespace: 'default', name: made.metadata.name },
      { type: 'merge', body: { stringData: { d: 'x' }, data: { a: null } } },
    );
    expect(patched['data']).to.deep.equal({ b: b64('ü'), c: '', d: b64('x') });
  });

  it('finds Secrets by their type', async () => {
    const made = await make(
      secret('', { type: 'kubernetes.io/tls', stringData: { 'tls.crt': '', 'tls.key': '' } }),
    );
    const found = await world.admin.list(dynamic(secrets), {
      namespace: 'default',
      fieldSelector: 'type=kubernetes.io/tls',
    });
    expect(found.items.map(({ metadata }) => metadata.name)).to.include(made.metadata.name);
    expect(new Set(found.items.map((item) => item['type']))).to.deep.equal(new Set(['kubernetes.io/tls']));
  });

  it('shows no value of a Secret in a refusal', async () => {
    const error: unknown = await make(
      secret('', { type: 'kubernetes.io/dockercfg', stringData: { '.dockercfg': 'hunter2' } }),
    ).catch((thrown: unknown) => thrown);
    expect(JSON.stringify(isApiError(error) ? error.toStatus() : error)).not.to.match(/hunter2|aHVudGVyMg/);
  });
});
