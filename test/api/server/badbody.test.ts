/** Bodies that cannot be used: refused with the status code and the Status that Kubernetes gives. */
import { gzipSync } from 'node:zlib';
import { taskManifest } from '../../builders.ts';
import { HELLO, itRefuses, type Refusal, TASKS } from './refusals.ts';

const json = { 'Content-Type': 'application/json' };
const yaml = { 'Content-Type': 'application/yaml' };
const protobuf = { 'Content-Type': 'application/vnd.kubernetes.protobuf' };
const YAML_TASK = 'apiVersion: gantry.dev/v1\nkind: Task\nmetadata: {name: new}\nspec:\n  image: x\n';
const merge = { 'Content-Type': 'application/merge-patch+json' };
const jsonPatch = { 'Content-Type': 'application/json-patch+json' };

const post = (
  name: string,
  body: unknown,
  code: number,
  reason: string,
  says: RegExp,
  field?: string,
): Refusal => ({
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

const rows: readonly Refusal[] = [
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
    name: 'a YAML alias bomb of few aliases',
    method: 'POST',
    path: TASKS,
    ask: { headers: yaml, body: aliasBomb(9) },
    code: 400,
    reason: 'BadRequest',
    says: /excessive aliasing/,
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
    says: /application\/json, application\/yaml, application\/vnd\.kubernetes\.protobuf; found "text\/plain"/,
  },
  {
    name: 'a protobuf body that is none',
    method: 'POST',
    path: '/api/v1/namespaces',
    ask: { headers: protobuf, body: 'k8s' },
    code: 400,
    reason: 'BadRequest',
    says: /provided data does not appear to be a protobuf message, expected prefix \[107 56 115 0\]/,
  },
  {
    name: 'a protobuf body that ends early',
    method: 'POST',
    path: '/api/v1/namespaces',
    ask: { headers: protobuf, body: Buffer.from('k8s\0\x0a\x0f\x0a\x02v1', 'latin1') },
    code: 400,
    reason: 'BadRequest',
    says: /must be of type runtime\.Unknown/,
  },
  {
    name: 'a protobuf body of a kind that has no such form',
    method: 'POST',
    path: TASKS,
    ask: { headers: protobuf, body: Buffer.from('k8s\0\x0a\x15\x0a\x0dgantry.dev/v1\x12\x04Task', 'latin1') },
    code: 415,
    reason: 'UnsupportedMediaType',
    says: /accepted media types include: application\/json, application\/yaml; "Task" of "gantry\.dev\/v1" has no protobuf form/,
  },
  {
    name: 'a compressed body',
    method: 'POST',
    path: TASKS,
    ask: { headers: { ...json, 'Content-Encoding': 'gzip' }, body: gzipSync('{}') },
    code: 415,
    reason: 'UnsupportedMediaType',
    says: /Content-Encoding "gzip"/,
  },
  {
    name: 'JSON that says one thing twice',
    method: 'POST',
    path: `${TASKS}?fieldValidation=Strict`,
    ask: { headers: json, body: twice(JSON.stringify(taskManifest('new')), '"image":"other",') },
    code: 400,
    reason: 'BadRequest',
    says: /^strict decoding error: duplicate field "spec\.image"$/,
  },
  {
    name: 'YAML that says one thing twice',
    method: 'POST',
    path: `${TASKS}?fieldValidation=Strict`,
    ask: { headers: yaml, body: `${YAML_TASK}  image: other\n` },
    code: 400,
    reason: 'BadRequest',
    says: /^strict decoding error: duplicate field "image"$/,
  },
  {
    name: 'a strategic merge patch of a kind that is not Kubernetes’',
    method: 'PATCH',
    path: HELLO,
    ask: { headers: { 'Content-Type': 'application/strategic-merge-patch+json' }, body: '{}' },
    code: 415,
    reason: 'UnsupportedMediaType',
    says: /application\/json-patch\+json, application\/merge-patch\+json/,
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
];

/** A field put in front of `image`, which makes it one too many. */
function twice(text: string, field: string): string {
  return text.replace('"image"', `${field}"image"`);
}

function aliasBomb(levels = 12): string {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
  for (let level = 1; level < levels; level++) {
    lines.push(`a${level}: &a${level} [${Array.from({ length: 10 }, () => `*a${level - 1}`).join(', ')}]`);
  }
  return lines.join('\n');
}

describe('a body that cannot be used is refused as Kubernetes refuses it', () => itRefuses(rows));
