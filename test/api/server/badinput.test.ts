/** Bad input: the status code and the Status that Kubernetes gives, naming what was found; and nothing stored. */
import { expect } from 'chai';
import { isRecord } from '../../../machinery/json.ts';
import { taskManifest } from '../../builders.ts';
import { type Ask, openServer, type TestServer } from './harness.ts';

const TASKS = '/apis/gantry.dev/v1/namespaces/default/tasks';
const HELLO = `${TASKS}/hello`;
const json = { 'Content-Type': 'application/json' };
const yaml = { 'Content-Type': 'application/yaml' };
const merge = { 'Content-Type': 'application/merge-patch+json' };
const jsonPatch = { 'Content-Type': 'application/json-patch+json' };

interface Row {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly ask?: Ask;
  readonly code: number;
  readonly reason: string;
  /** What the message must name. */
  readonly says: RegExp;
  /** The field of the first cause. */
  readonly field?: string;
}

const post = (
  name: string,
  body: unknown,
  code: number,
  reason: string,
  says: RegExp,
  field?: string,
): Row => ({
  name,
  method: 'POST',
  path: TASKS,
  ask: { body },
  code,
  reason,
  says,
  ...(field === undefined ? {} : { field }),
});
const spec = (changes: Record<string, unknown>): unknown => ({
  ...taskManifest('new'),
  spec: { image: 'x', ...changes },
});

const rows: readonly Row[] = [
  {
    name: 'malformed JSON',
    method: 'POST',
    path: TASKS,
    ask: { headers: json, body: '{"kind":' },
    code: 400,
    reason: 'BadRequest',
    says: /not JSON/,
  },
  {
    name: 'an empty body',
    method: 'POST',
    path: TASKS,
    ask: { headers: json, body: '' },
    code: 400,
    reason: 'BadRequest',
    says: /not JSON/,
  },
  {
    name: 'JSON that is not UTF-8',
    method: 'POST',
    path: TASKS,
    ask: { headers: json, body: Buffer.from([0x22, 0xff, 0x22]) },
    code: 400,
    reason: 'BadRequest',
    says: /not JSON/,
  },
  {
    name: 'malformed YAML',
    method: 'POST',
    path: TASKS,
    ask: { headers: yaml, body: 'a: [1\nb: 2' },
    code: 400,
    reason: 'BadRequest',
    says: /not YAML/,
  },
  {
    name: 'a YAML alias bomb',
    method: 'POST',
    path: TASKS,
    ask: { headers: yaml, body: aliasBomb() },
    code: 400,
    reason: 'BadRequest',
    says: /not YAML|deeper/,
  },
  {
    name: 'JSON nested without end',
    method: 'POST',
    path: TASKS,
    ask: { headers: json, body: '['.repeat(100_000) + ']'.repeat(100_000) },
    code: 400,
    reason: 'BadRequest',
    says: /nested deeper than 256/,
  },
  {
    name: 'a list instead of an object',
    method: 'POST',
    path: TASKS,
    ask: { headers: json, body: '[]' },
    code: 400,
    reason: 'BadRequest',
    says: /./,
  },
  post(
    'another kind than the path’s',
    { ...taskManifest('new'), kind: 'Worker' },
    400,
    'BadRequest',
    /Worker/,
  ),
  post(
    'another version than the path’s',
    { ...taskManifest('new'), apiVersion: 'v2' },
    400,
    'BadRequest',
    /v2/,
  ),
  post(
    'another namespace than the path’s',
    taskManifest('new', {}, { namespace: 'other' }),
    400,
    'BadRequest',
    /namespace/,
  ),
  {
    name: 'an unknown field',
    method: 'POST',
    path: `${TASKS}?fieldValidation=Strict`,
    ask: { body: spec({ nonsense: 1 }) },
    code: 400,
    reason: 'BadRequest',
    says: /strict decoding error: unknown field "spec\.nonsense"/,
  },
  post('a mistyped field', spec({ command: 'sh' }), 422, 'Invalid', /spec\.command/, 'spec.command'),
  post('a missing field', { ...taskManifest('new'), spec: {} }, 422, 'Invalid', /spec\.image/, 'spec.image'),
  post(
    'a value out of range',
    spec({ ports: [{ containerPort: 70_000 }] }),
    422,
    'Invalid',
    /spec\.ports\[0\]\.containerPort/,
    'spec.ports[0].containerPort',
  ),
  post('an invalid name', taskManifest('Not_A_Name'), 422, 'Invalid', /metadata\.name/, 'metadata.name'),
  post('no name', { ...taskManifest(''), metadata: {} }, 422, 'Invalid', /name/),
  post(
    'an object over 1 MiB',
    spec({ args: Array.from({ length: 20 }, () => 'x'.repeat(60_000)) }),
    413,
    'RequestEntityTooLarge',
    /1048576|1 MiB|too large/i,
  ),
  {
    name: 'a body over 3 MiB',
    method: 'POST',
    path: TASKS,
    ask: { headers: json, body: 'x'.repeat(3 * 1024 * 1024 + 1) },
    code: 413,
    reason: 'RequestEntityTooLarge',
    says: /Request entity too large: limit is 3145728/,
  },
  {
    name: 'a wrong content type',
    method: 'POST',
    path: TASKS,
    ask: { headers: { 'Content-Type': 'text/plain' }, body: 'x' },
    code: 415,
    reason: 'UnsupportedMediaType',
    says: /application\/json, application\/yaml; found "text\/plain"/,
  },
  {
    name: 'a protobuf body',
    method: 'POST',
    path: '/api/v1/namespaces',
    ask: { headers: { 'Content-Type': 'application/vnd.kubernetes.protobuf' }, body: 'k8s' },
    code: 415,
    reason: 'UnsupportedMediaType',
    says: /send JSON/,
  },
  {
    name: 'a strategic merge patch',
    method: 'PATCH',
    path: HELLO,
    ask: { headers: { 'Content-Type': 'application/strategic-merge-patch+json' }, body: '{}' },
    code: 415,
    reason: 'UnsupportedMediaType',
    says: /application\/json-patch\+json, application\/merge-patch\+json/,
  },
  {
    name: 'an apply patch',
    method: 'PATCH',
    path: HELLO,
    ask: { headers: { 'Content-Type': 'application/apply-patch+yaml' }, body: '{}' },
    code: 415,
    reason: 'UnsupportedMediaType',
    says: /apply-patch/,
  },
  {
    name: 'a patch without a type',
    method: 'PATCH',
    path: HELLO,
    ask: { body: '{}' },
    code: 415,
    reason: 'UnsupportedMediaType',
    says: /merge-patch/,
  },
  {
    name: 'a malformed patch',
    method: 'PATCH',
    path: HELLO,
    ask: { headers: merge, body: '{' },
    code: 400,
    reason: 'BadRequest',
    says: /not JSON/,
  },
  {
    name: 'a JSON patch that is no list',
    method: 'PATCH',
    path: HELLO,
    ask: { headers: jsonPatch, body: '{}' },
    code: 400,
    reason: 'BadRequest',
    says: /./,
  },
  {
    name: 'a JSON patch whose test fails',
    method: 'PATCH',
    path: HELLO,
    ask: { headers: jsonPatch, body: '[{"op":"test","path":"/spec/image","value":"no"}]' },
    code: 422,
    reason: 'Invalid',
    says: /./,
  },
  {
    name: 'a stale resourceVersion',
    method: 'PUT',
    path: HELLO,
    ask: { body: { ...taskManifest('hello', {}, { resourceVersion: '1' }) } },
    code: 409,
    reason: 'Conflict',
    says: /hello/,
  },
  {
    name: 'another name than the path’s',
    method: 'PUT',
    path: HELLO,
    ask: { body: taskManifest('other') },
    code: 400,
    reason: 'BadRequest',
    says: /name/,
  },
  {
    name: 'an existing name',
    method: 'POST',
    path: TASKS,
    ask: { body: taskManifest('hello') },
    code: 409,
    reason: 'AlreadyExists',
    says: /tasks\.gantry\.dev "hello" already exists/,
  },
  {
    name: 'a missing object',
    method: 'GET',
    path: `${TASKS}/absent`,
    code: 404,
    reason: 'NotFound',
    says: /^tasks\.gantry\.dev "absent" not found$/,
  },
  {
    name: 'an update of a missing object',
    method: 'PUT',
    path: `${TASKS}/absent`,
    ask: { body: taskManifest('absent') },
    code: 404,
    reason: 'NotFound',
    says: /absent/,
  },
  {
    name: 'a deletion of a missing object',
    method: 'DELETE',
    path: `${TASKS}/absent`,
    code: 404,
    reason: 'NotFound',
    says: /absent/,
  },
  {
    name: 'an unknown path',
    method: 'GET',
    path: '/nowhere',
    code: 404,
    reason: 'NotFound',
    says: /^the server could not find the requested resource$/,
  },
  {
    name: 'an unknown kind',
    method: 'GET',
    path: '/apis/gantry.dev/v1/namespaces/default/cats',
    code: 404,
    reason: 'NotFound',
    says: /could not find/,
  },
  {
    name: 'an unknown version',
    method: 'GET',
    path: '/apis/gantry.dev/v9/tasks',
    code: 404,
    reason: 'NotFound',
    says: /could not find/,
  },
  {
    name: 'an unknown subresource',
    method: 'GET',
    path: `${HELLO}/scale`,
    code: 404,
    reason: 'NotFound',
    says: /could not find/,
  },
  {
    name: 'a namespaced object without its namespace',
    method: 'GET',
    path: '/apis/gantry.dev/v1/tasks/hello',
    code: 404,
    reason: 'NotFound',
    says: /could not find/,
  },
  {
    name: 'a cluster-scoped kind in a namespace',
    method: 'GET',
    path: '/apis/gantry.dev/v1/namespaces/default/workers',
    code: 404,
    reason: 'NotFound',
    says: /could not find/,
  },
  {
    name: 'OpenAPI v2',
    method: 'GET',
    path: '/openapi/v2',
    code: 404,
    reason: 'NotFound',
    says: /could not find/,
  },
  {
    name: 'a method that an object does not have',
    method: 'POST',
    path: HELLO,
    ask: { body: '{}' },
    code: 405,
    reason: 'MethodNotAllowed',
    says: /^the server does not allow this method on the requested resource$/,
  },
  {
    name: 'a method that a collection does not have',
    method: 'PUT',
    path: TASKS,
    ask: { body: '{}' },
    code: 405,
    reason: 'MethodNotAllowed',
    says: /does not allow/,
  },
  {
    name: 'a creation outside a namespace',
    method: 'POST',
    path: '/apis/gantry.dev/v1/tasks',
    ask: { body: '{}' },
    code: 405,
    reason: 'MethodNotAllowed',
    says: /does not allow/,
  },
  {
    name: 'a write to a view',
    method: 'POST',
    path: '/api/v1/namespaces/default/pods',
    ask: { body: '{}' },
    code: 405,
    reason: 'MethodNotAllowed',
    says: /does not allow/,
  },
  {
    name: 'a deletion of a view',
    method: 'DELETE',
    path: '/api/v1/namespaces/default/pods/hello',
    code: 405,
    reason: 'MethodNotAllowed',
    says: /does not allow/,
  },
  {
    name: 'a write to a path that is only read',
    method: 'POST',
    path: '/version',
    code: 405,
    reason: 'MethodNotAllowed',
    says: /does not allow/,
  },
  {
    name: 'a form that cannot be had',
    method: 'GET',
    path: TASKS,
    ask: { headers: { Accept: 'text/html' } },
    code: 406,
    reason: 'NotAcceptable',
    says: /only the following media types are accepted/,
  },
  {
    name: 'a label selector that cannot be read',
    method: 'GET',
    path: `${TASKS}?labelSelector=a%3D%3D%3Db`,
    code: 400,
    reason: 'BadRequest',
    says: /label selector/,
  },
  {
    name: 'a field selector on another field',
    method: 'GET',
    path: `${TASKS}?fieldSelector=spec.image%3Dx`,
    code: 400,
    reason: 'BadRequest',
    says: /field label not supported: "spec\.image"/,
  },
  {
    name: 'a field selector on a view’s other field',
    method: 'GET',
    path: '/api/v1/pods?fieldSelector=spec.color%3Dx',
    code: 400,
    reason: 'BadRequest',
    says: /field label not supported: "spec\.color"/,
  },
  {
    name: 'a limit that is no number',
    method: 'GET',
    path: `${TASKS}?limit=many`,
    code: 400,
    reason: 'BadRequest',
    says: /limit: found "many", wanted an integer/,
  },
  {
    name: 'a continue token that is none',
    method: 'GET',
    path: `${TASKS}?limit=1&continue=nonsense`,
    code: 400,
    reason: 'BadRequest',
    says: /continue/,
  },
  {
    name: 'a resourceVersion that is no number',
    method: 'GET',
    path: `${TASKS}?watch=1&resourceVersion=abc`,
    code: 400,
    reason: 'BadRequest',
    says: /abc/,
  },
  {
    name: 'a resourceVersionMatch without a resourceVersion',
    method: 'GET',
    path: `${TASKS}?resourceVersionMatch=Exact`,
    code: 422,
    reason: 'Invalid',
    says: /forbidden unless resourceVersion/,
    field: 'resourceVersionMatch',
  },
  {
    name: 'an unknown dryRun',
    method: 'POST',
    path: `${TASKS}?dryRun=Some`,
    ask: { body: taskManifest('new') },
    code: 422,
    reason: 'Invalid',
    says: /supported values: "All"/,
    field: 'dryRun',
  },
  {
    name: 'an unknown fieldValidation',
    method: 'POST',
    path: `${TASKS}?fieldValidation=Lax`,
    ask: { body: taskManifest('new') },
    code: 422,
    reason: 'Invalid',
    says: /"Strict", "Warn", "Ignore"/,
    field: 'fieldValidation',
  },
  {
    name: 'an unknown propagationPolicy',
    method: 'DELETE',
    path: HELLO,
    ask: { body: { propagationPolicy: 'Sideways' } },
    code: 422,
    reason: 'Invalid',
    says: /"Background"/,
    field: 'propagationPolicy',
  },
  {
    name: 'DeleteOptions of a wrong type',
    method: 'DELETE',
    path: HELLO,
    ask: { body: { gracePeriodSeconds: 'soon' } },
    code: 400,
    reason: 'BadRequest',
    says: /gracePeriodSeconds: found string, wanted a number/,
  },
  {
    name: 'DeleteOptions that are something else',
    method: 'DELETE',
    path: HELLO,
    ask: { body: { kind: 'Task' } },
    code: 400,
    reason: 'BadRequest',
    says: /must be DeleteOptions, found kind "Task"/,
  },
];

function aliasBomb(): string {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
  for (let level = 1; level < 12; level++) {
    lines.push(`a${level}: &a${level} [${Array.from({ length: 10 }, () => `*a${level - 1}`).join(', ')}]`);
  }
  return lines.join('\n');
}

describe('bad input is refused as Kubernetes refuses it', () => {
  let server: TestServer;
  before(async () => {
    server = await openServer();
    await server.ask('POST', TASKS, { body: taskManifest('hello') });
    await server.ask('PATCH', HELLO, { headers: merge, body: '{"metadata":{"labels":{"a":"b"}}}' });
  });
  after(() => server.close());

  for (const row of rows) {
    it(`${row.name}: ${row.code} ${row.reason}`, async () => {
      const before = server.world.registry.revision();
      const answer = await server.ask(row.method, row.path, row.ask);
      expect(answer.status).to.equal(row.code);
      expect(answer.headers['content-type']).to.equal('application/json');
      const status = answer.json();
      expect(status).to.deep.include({
        kind: 'Status',
        apiVersion: 'v1',
        status: 'Failure',
        code: row.code,
        reason: row.reason,
      });
      expect(status.message).to.match(row.says);
      if (row.field !== undefined) {
        const causes = isRecord(status.details) ? status.details.causes : undefined;
        expect(causes).to.be.an('array');
        expect((causes as { field?: string }[])[0]?.field).to.equal(row.field);
      }
      expect(server.world.registry.revision(), 'something was stored').to.equal(before);
    });
  }

  it('says which methods there are in Allow', async () => {
    const { headers } = await server.ask('PUT', TASKS, { body: '{}' });
    expect(headers.allow).to.equal('GET, POST');
  });
});
