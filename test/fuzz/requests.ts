/** Whole requests at random: mostly what a client might send, with something odd here and there, and some that are nothing but odd. */
import { type Body, deleteBody, objectBody, oddBody, type Place, patchBody, selector } from './bodies.ts';
import type { Chance } from './chance.ts';
import { type FuzzedKind, goodManifest, NAMES, NAMESPACES } from './manifests.ts';
import { mutatedText, oddNumber, oddText, word } from './values.ts';

export interface FuzzRequest {
  readonly method: string;
  /** Path and query, as they stand in the request line. */
  readonly target: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer | undefined;
  /** `cut`: the client goes away in the middle of the body. `drop`: as soon as the request is sent. */
  readonly ending: 'whole' | 'chunked' | 'cut' | 'drop';
}

/** What the last answers told, so that later requests can speak of it. */
export interface Memory {
  readonly resourceVersions: string[];
  readonly continues: string[];
  readonly uids: string[];
}

const PATHS = [
  '/',
  '/api',
  '/apis',
  '/api/v1',
  '/apis/gantry.dev',
  '/apis/gantry.dev/v1',
  '/apis/nothing.example',
  '/version',
  '/healthz',
  '/livez/ping',
  '/readyz?verbose',
  '/readyz?exclude=ping&exclude=x',
  '/metrics',
  '/openapi/v2',
  '/swagger-2.0.0.pb-v1',
  '/openapi/v3',
  '/openapi/v3/api/v1',
  '/openapi/v3/apis/gantry.dev/v1?hash=abc',
  '/openapi/v3/apis/fuzz.example/v1',
  '/openapi/v3/__proto__',
  '/tasks',
  '/tasks?watch=true',
  '/tasks/266592cd-960d-4091-981c-8c25c44b1018',
  '/tasks/x?fields=all',
  '/api/v1/namespaces',
  '/api/v1/namespaces/default/finalize',
  '/api/v1/namespaces/fuzz-a/status',
  '/apis/__proto__/constructor/toString',
  '/api/v1/watch/pods',
  '/../../etc/passwd',
  '//',
  '/%',
  '/%00',
  '/%2e%2e/%2e%2e',
  '/api/v1/namespaces/%2F/pods',
  '/api/v1/namespaces/%ff/pods/%c0%af',
  '/api/v1/namespaces/default/pods/a/proxy/x',
  '*',
  'http://other.example/api',
  '/api/v1/pods?%',
  '/api/v1/pods?limit=%ff&=&&a[b]=c',
] as const;

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS', 'TRACE', 'PROPFIND'] as const;

const TASK_EVENTS = [
  { ID: '266592cd-960d-4091-981c-8c25c44b1018', State: 2, Task: { State: 1, Name: 'a', Image: 'busybox' } },
  { State: 3, ID: '266592cd-960d-4091-981c-8c25c44b1018' },
  { Task: { ID: '21b23589-5d2d-4731-b5c9-a97e9832d021', Image: 'x', ExposedPorts: { '80/tcp': {} } } },
  { State: -1 },
] as const;

const ACCEPTS = [
  'application/json',
  '*/*',
  'application/json;as=Table;v=v1;g=meta.k8s.io,application/json',
  'application/json;as=Table;v=v1;g=meta.k8s.io',
  'application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
  'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json',
  'application/com.github.proto-openapi.spec.v2@v1.0+protobuf',
  'application/vnd.kubernetes.protobuf, */*',
  'application/vnd.kubernetes.protobuf',
  'text/html;q=0.9,*/*;q=0.1',
  'application/json;q=NaN',
  ';;;,,,===',
  'application/json;as=__proto__;v=v1;g=meta.k8s.io',
] as const;

type Header = readonly [name: string, value: string];

const HEADERS: readonly ((chance: Chance) => readonly Header[])[] = [
  (chance) => [
    ['Impersonate-User', chance.of(['jane', 'system:serviceaccount:default:a', '', oddToken(chance)])],
  ],
  (chance) => [
    ['Impersonate-User', 'jane'],
    ['Impersonate-Group', chance.of(['system:masters', 'dev', 'system:authenticated', ''])],
    ['Impersonate-Extra-%zz', 'x'],
  ],
  (chance) => [[`Impersonate-${chance.of(['Uid', 'Group', 'Extra-A', 'Other', 'Extra-__proto__'])}`, 'x']],
  (chance) => [
    ['Authorization', chance.of(['Bearer x', 'Bearer a.b.c', 'Basic YTpi', 'Bearer', oddToken(chance)])],
  ],
  (chance) => [['Range', chance.of(['bytes=0-10', 'bytes=-1', 'bytes=9-1', 'x'])]],
  (chance) => [
    [chance.of(['If-Match', 'If-None-Match']), chance.of(['*', '"x"', 'W/"x"', oddToken(chance)])],
  ],
  (chance) => [['If-Modified-Since', chance.of(['Thu, 01 Jan 1970 00:00:00 GMT', 'x'])]],
  (chance) => [['Expect', chance.of(['100-continue', 'x'])]],
  (chance) => [
    ['Accept-Encoding', chance.of(['gzip', 'identity;q=0', 'br, gzip', '*;q=0', oddToken(chance)])],
  ],
  (chance) => [['Content-Encoding', chance.of(['gzip', 'identity', 'x'])]],
  (chance) => [['User-Agent', chance.of(['kubectl/v1.33', '/', oddToken(chance), 'x'.repeat(2_000)])]],
  (chance) => [['traceparent', chance.of(['00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', 'x'])]],
  (chance) => [['X-Request-Id', oddToken(chance)]],
  (chance) => [['Origin', chance.of(['http://evil.example', 'null', 'http://127.0.0.1'])]],
  (chance) => [['X-HTTP-Method-Override', chance.of(METHODS)]],
  () => [['X-Forwarded-For', '1.2.3.4, x']],
  (chance) => [[`X-Huge`, 'x'.repeat(chance.of([4_000, 20_000, 70_000]))]],
  (chance) => Array.from({ length: chance.between(1, 150) }, (_, index): Header => [`X-${index}`, 'y']),
  (chance) => [
    ['Connection', 'Upgrade'],
    ['Upgrade', chance.of(['websocket', 'SPDY/3.1', 'h2c', 'x, websocket'])],
    ['Sec-WebSocket-Version', chance.of(['13', '8', ''])],
    ['Sec-WebSocket-Key', chance.of(['dGhlIHNhbXBsZSBub25jZQ==', 'x', ''])],
    [
      'Sec-WebSocket-Protocol',
      chance.of(['v5.channel.k8s.io', 'v4.channel.k8s.io, x', 'SPDY/3.1+portforward.k8s.io', '']),
    ],
    ['X-Stream-Protocol-Version', chance.of(['v4.channel.k8s.io', 'portforward.k8s.io', 'x'])],
  ],
];

/** What may stand in a header. */
function oddToken(chance: Chance): string {
  return Buffer.from(oddText(chance), 'utf8')
    .toString('latin1')
    .replace(/[\r\n\0]/g, '')
    .slice(0, 3_000);
}

export function request(kinds: readonly FuzzedKind[], memory: Memory, chance: Chance): FuzzRequest {
  const isObject = chance.is(0.92);
  const place = placeOf(kinds, chance);
  const method = methodFor(place, chance);
  const isCollection =
    isObject &&
    place.subresource === undefined &&
    (method === 'POST' || chance.is(method === 'GET' ? 0.3 : 0.03));
  const path = isObject ? objectPath(place, isCollection, chance) : oddPath(chance);
  const query =
    chance.is(method === 'GET' ? 0.6 : 0.35) || method === 'PATCH' ? queryOf(method, memory, chance) : '';
  const body = bodyOf(method, place, path, chance);
  const headers: Header[] = [];
  if (body !== undefined && chance.is(0.97)) headers.push(['Content-Type', typeOf(body, chance)]);
  if (chance.is(0.25)) headers.push(['Accept', chance.is(0.95) ? chance.of(ACCEPTS) : oddToken(chance)]);
  if (chance.is(0.2)) headers.push(...chance.of(HEADERS)(chance));
  return {
    method,
    target: query === '' ? path : `${path}${path.includes('?') ? '&' : '?'}${query}`,
    headers,
    body: body?.bytes,
    ending: chance.weighted([30, 'whole'], [3, 'chunked'], [0.7, 'cut'], [0.7, 'drop']),
  };
}

/** The good manifest of a kind, created where most requests look. */
export function creation(kind: FuzzedKind, name: string, chance: Chance): FuzzRequest {
  const place: Place = { kind, namespace: 'default', name, subresource: undefined };
  const bytes = Buffer.from(JSON.stringify(goodManifest(kind, place, chance)));
  const headers = [['Content-Type', 'application/json']] as const;
  return { method: 'POST', target: objectPath(place, true, chance), headers, body: bytes, ending: 'whole' };
}

const METHOD_OF: Readonly<Record<string, string>> = {
  get: 'GET',
  list: 'GET',
  watch: 'GET',
  create: 'POST',
  update: 'PUT',
  patch: 'PATCH',
  delete: 'DELETE',
  deletecollection: 'DELETE',
};

/** One that the kind has, mostly; deletions are few, so that there are objects. */
function methodFor({ kind, subresource }: Place, chance: Chance): string {
  if (chance.is(0.04)) return chance.of(METHODS);
  if (subresource !== undefined) return chance.of(['GET', 'PUT', 'PATCH', 'PATCH', 'POST']);
  const possible = kind.verbs.flatMap((verb) => METHOD_OF[verb] ?? []);
  const kept = possible.filter((method) => method !== 'DELETE' || chance.is(0.12));
  return kept.length === 0 ? 'GET' : chance.of([...kept, ...kept.filter((method) => method === 'PATCH')]);
}

function placeOf(kinds: readonly FuzzedKind[], chance: Chance): Place {
  const kind = chance.of(kinds);
  return {
    kind,
    namespace: chance.is(0.97) ? chance.of(NAMESPACES) : oddText(chance),
    name: chance.is(0.95) ? chance.of(NAMES) : oddText(chance),
    subresource: subresourceOf(kind, chance),
  };
}

function subresourceOf({ subresources }: FuzzedKind, chance: Chance): string | undefined {
  if (chance.is(0.02)) return chance.of(['status', 'scale', 'log', oddText(chance)]);
  return subresources.length > 0 && chance.is(0.3) ? chance.of(subresources) : undefined;
}

function objectPath(place: Place, isCollection: boolean, chance: Chance): string {
  const { kind, namespace, name, subresource } = place;
  const parts = kind.group === '' ? ['api', kind.version] : ['apis', kind.group, kind.version];
  if (kind.namespaced && chance.is(isCollection ? 0.85 : 0.98)) parts.push('namespaces', namespace);
  // Built-in definitions are not to be lost: everything would be refused from then on.
  parts.push(kind.plural);
  if (!isCollection) parts.push(kind.plural === 'customresourcedefinitions' ? definitionName(chance) : name);
  if (!isCollection && subresource !== undefined) parts.push(subresource);
  const path = `/${parts.map((part) => encodeURIComponent(part.toWellFormed())).join('/')}`;
  if (chance.is(0.97)) return path;
  return chance.of([
    `${path}/`,
    `${path}//`,
    path.replace('/', '//'),
    `${path}/..`,
    path.replace(/[a-z]/, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
    path.toUpperCase(),
    `${path}/${'x'.repeat(chance.of([100, 5_000, 60_000]))}`,
    usable(mutatedText(path, chance)),
  ]);
}

function definitionName(chance: Chance): string {
  return chance.of(['things.fuzz.example', 'widgets.fuzz.example', 'gears.other.example', 'x']);
}

function oddPath(chance: Chance): string {
  const path = chance.of(PATHS);
  return chance.is(0.7) ? path : usable(mutatedText(path, chance));
}

/** A request line ends at a line break and has two spaces; everything else may stand in it. */
function usable(target: string): string {
  const bytes = Buffer.from(target.toWellFormed(), 'utf8').toString('latin1');
  return bytes.replace(/[\r\n ]/g, '_').slice(0, 70_000) || '/';
}

function queryOf(method: string, memory: Memory, chance: Chance): string {
  const version = (): string =>
    chance.weighted<() => string>(
      [3, () => (memory.resourceVersions.length === 0 ? '1' : chance.of(memory.resourceVersions))],
      [1, () => '0'],
      [1, () => ''],
      // A version yet to come is waited for.
      [0.2, () => String(oddNumber(chance))],
      [1, () => oddText(chance)],
    )();
  const boolean = (): string => chance.of(['true', 'false', '1', '0', '', 'True', oddText(chance)]);
  const figure = (): string =>
    chance.of(['0', '1', '2', '500', '-1', '1e3', '99999999999999999999', oddText(chance)]);
  const names: Readonly<Record<string, () => string>> = {
    ...(method === 'PATCH'
      ? { fieldManager: () => chance.of(['kubectl', 'fuzz', '', oddText(chance)]) }
      : {}),
    labelSelector: () => selector(chance),
    fieldSelector: () => selector(chance),
    limit: figure,
    continue: () => {
      if (memory.continues.length === 0 || chance.is(0.2)) return oddText(chance);
      const token = chance.of(memory.continues);
      return chance.is(0.5) ? token : mutatedText(token, chance);
    },
    resourceVersion: version,
    resourceVersionMatch: () => chance.of(['Exact', 'NotOlderThan', '', 'x']),
    watch: boolean,
    allowWatchBookmarks: boolean,
    sendInitialEvents: boolean,
    timeoutSeconds: () => chance.of(['1', '0', '-1', '9999999999', oddText(chance)]),
    timeout: () => chance.of(['1s', '0', '5m', '1ns', '-1s', oddText(chance)]),
    dryRun: () => chance.of(['All', 'All', '', 'None', oddText(chance)]),
    fieldManager: () => chance.of(['kubectl', 'fuzz', 'x'.repeat(200), oddText(chance)]),
    fieldValidation: () => chance.of(['Strict', 'Warn', 'Ignore', '', 'x']),
    force: boolean,
    pretty: boolean,
    propagationPolicy: () => chance.of(['Background', 'Foreground', 'Orphan', 'x']),
    gracePeriodSeconds: figure,
    orphanDependents: boolean,
    includeObject: () => chance.of(['None', 'Metadata', 'Object', 'x']),
    command: () => chance.of(['sh', 'cat', oddText(chance)]),
    stdin: boolean,
    stdout: boolean,
    tty: boolean,
    container: () => chance.of(NAMES),
    follow: boolean,
    tailLines: figure,
    sinceSeconds: figure,
    sinceTime: () => chance.of(['2020-01-01T00:00:00Z', oddText(chance)]),
    limitBytes: figure,
    ports: figure,
    hash: () => word(chance),
  };
  const chosen = chance.some(Object.keys(names), 4);
  // A patch is applied by somebody.
  if (method === 'PATCH' && chance.is(0.85)) chosen.unshift('fieldManager');
  return chosen
    .map((name) => `${name}=${chance.is(0.97) ? encoded(names[name]?.() ?? '') : usable(oddText(chance))}`)
    .join('&');
}

function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}

function bodyOf(method: string, place: Place, path: string, chance: Chance): Body | undefined {
  if (path.startsWith('/tasks')) {
    return { type: 'application/json', bytes: Buffer.from(JSON.stringify(chance.of(TASK_EVENTS))) };
  }
  switch (method) {
    case 'POST':
    case 'PUT':
      return objectBody(place, chance);
    case 'PATCH':
      return patchBody(place, chance);
    case 'DELETE':
      return chance.is(0.5) ? deleteBody(chance) : undefined;
    default:
      return chance.is(0.05) ? oddBody(chance) : undefined;
  }
}

function typeOf(body: Body, chance: Chance): string {
  if (chance.is(0.93)) return body.type;
  return chance.of([
    '',
    `${body.type}; charset=utf-8`,
    `${body.type};;;`,
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/vnd.kubernetes.protobuf',
    'application/yaml',
    'application/apply-patch+yaml',
    oddToken(chance),
  ]);
}
