/** One round of fuzzing: many requests, several at a time, each answer judged, and the server's state looked at afterwards. */
import { isRecord } from '../../machinery/json.ts';
import { askPort, asRecord } from '../api/server/harness.ts';
import { Chance } from './chance.ts';
import { goodDefinition } from './definitions.ts';
import { problemOf } from './judge.ts';
import type { FuzzedKind } from './manifests.ts';
import type { Exchange, RawAnswer } from './rawhttp.ts';
import { creation, type FuzzRequest, type Memory, request } from './requests.ts';
import type { FuzzTarget } from './target.ts';

export interface RoundOptions {
  readonly seed: number;
  readonly requests: number;
  readonly concurrency: number;
  readonly send: (request: FuzzRequest, options: Exchange) => Promise<RawAnswer | undefined>;
  /** Told of each answer, for statistics. */
  readonly onAnswer?: (request: FuzzRequest, answer: RawAnswer, ms: number) => void;
}

const ANSWER_WITHIN_MS = 5_000;
const DROP_AFTER_MS = 25;
const REMEMBERED = 50;

/** Every kind the server says it has, built in or not. */
export async function servedKinds(port: number): Promise<FuzzedKind[]> {
  const groups = asRecord((await askPort(port, 'GET', '/apis')).json()).groups;
  const paths = ['/api/v1'];
  for (const group of Array.isArray(groups) ? groups : []) {
    for (const { groupVersion } of (group as { versions: { groupVersion: string }[] }).versions) {
      paths.push(`/apis/${groupVersion}`);
    }
  }
  const found: FuzzedKind[] = [];
  for (const path of paths) {
    const resources = (await askPort(port, 'GET', path)).json().resources;
    const listed = (Array.isArray(resources) ? resources : []) as {
      name: string;
      kind: string;
      namespaced: boolean;
      verbs: string[];
    }[];
    const [, , group = '', version = ''] = path === '/api/v1' ? ['', '', '', 'v1'] : path.split('/');
    for (const { name, kind, namespaced, verbs } of listed.filter(({ name }) => !name.includes('/'))) {
      const subresources = listed
        .filter((other) => other.name.startsWith(`${name}/`))
        .map((other) => other.name.slice(name.length + 1));
      found.push({ group, version, plural: name, kind, namespaced, subresources, verbs });
    }
  }
  return found;
}

/** Kinds of definitions that come and go while the round runs. */
const CUSTOM: readonly FuzzedKind[] = ['fuzz.example', 'other.example'].flatMap((group) =>
  ['things', 'widgets'].map((plural) => ({
    group,
    version: 'v1',
    plural,
    kind: `${plural.charAt(0).toUpperCase()}${plural.slice(1, -1)}`,
    namespaced: true,
    subresources: ['status', 'scale'],
    verbs: ['get', 'list', 'create', 'update', 'patch', 'delete', 'deletecollection', 'watch'],
  })),
);

/** Throws for the first answer, or log line, that is wrong. */
export async function runRound(target: FuzzTarget, options: RoundOptions): Promise<void> {
  const chance = new Chance(options.seed);
  const kinds = [...(await servedKinds(target.plain.port)), ...CUSTOM];
  // What is stored is the deepest; of reviews and metrics there is little to say.
  const weighted = kinds.flatMap((kind) => (kind.verbs.includes('update') ? [kind, kind, kind] : [kind]));
  const memory: Memory = { resourceVersions: [], continues: [], uids: [] };
  // So that there is something to read and to change.
  await define(target, 'things', 'fuzz.example');
  for (const kind of kinds.filter(({ verbs }) => verbs.includes('create'))) {
    for (const name of ['a', 'hello'])
      await judge(target, creation(kind, name, chance.branch()), options, memory);
  }
  let left = options.requests;
  const work = async (): Promise<void> => {
    while (left-- > 0) {
      const asked = request(weighted, memory, chance.branch());
      await judge(target, asked, options, memory);
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, work));
}

async function define(target: FuzzTarget, plural: string, group: string): Promise<void> {
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  const made = await askPort(target.plain.port, 'POST', path, { body: goodDefinition(plural, group) });
  if (made.status !== 201 && made.status !== 409)
    throw new Error(`a good definition: ${made.status} ${made.text}`);
  const isServed = async (): Promise<boolean> =>
    (await askPort(target.plain.port, 'GET', `/apis/${group}/v1/${plural}`)).status === 200;
  await eventually(`${plural} to be served`, isServed);
}

/** Asks again and again, for five seconds at most. */
export async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + ANSWER_WITHIN_MS;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`waited ${ANSWER_WITHIN_MS} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function judge(
  target: FuzzTarget,
  asked: FuzzRequest,
  options: RoundOptions,
  memory: Memory,
): Promise<void> {
  const mayGoOn = goesOn(asked);
  const startMs = performance.now();
  let problem: string | undefined;
  try {
    const answer = await options.send(asked, {
      withinMs: ANSWER_WITHIN_MS,
      dropAfterMs: mayGoOn ? DROP_AFTER_MS : undefined,
    });
    if (answer !== undefined) {
      options.onAnswer?.(asked, answer, performance.now() - startMs);
      remember(memory, answer);
      problem = problemOf(asked, answer, mayGoOn);
    }
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  const [fault] = target.takeFaults();
  if (fault !== undefined)
    problem = `${problem ?? 'an answer that looks good'}; logged as an error: ${fault.slice(0, 3_000)}`;
  if (problem !== undefined) throw new Error(`${problem}\nto the request:\n${described(asked)}`);
}

/** Watches, followed logs, and whatever may be read as one. */
function goesOn({ method, target }: FuzzRequest): boolean {
  return method === 'GET' && /watch|follow|%77|\/log|\/exec|\/attach|\/portforward/i.test(target);
}

function remember(memory: Memory, { body, status }: RawAnswer): void {
  if (status !== 200 && status !== 201) return;
  const text = body.subarray(0, 3_000).toString('utf8');
  const keep = (list: string[], found: string | undefined): void => {
    if (found === undefined || found === '') return;
    list.push(found);
    if (list.length > REMEMBERED) list.shift();
  };
  keep(memory.resourceVersions, /"resourceVersion":"(\d+)"/.exec(text)?.[1]);
  keep(memory.continues, /"continue":"([^"]+)"/.exec(text)?.[1]);
  keep(memory.uids, /"uid":"([^"]+)"/.exec(text)?.[1]);
}

function described({ method, target, headers, body, ending }: FuzzRequest): string {
  const lines = [`${method} ${target.slice(0, 2_000)} (${ending})`];
  for (const [name, value] of headers) lines.push(`${name}: ${value.slice(0, 300)}`);
  if (body !== undefined) {
    const text = body.toString('utf8');
    const isText = Buffer.from(text).equals(body);
    lines.push('', isText ? text.slice(0, 6_000) : `base64 ${body.toString('base64').slice(0, 6_000)}`);
  }
  return lines.join('\n');
}

/**
 * Looks at everything that is stored: it is listed, each object is got, and each, sent as it is, is taken and changes
 * nothing. What is wrong, one line each.
 */
export async function problemsOfState(port: number): Promise<string[]> {
  const problems: string[] = await problemsOfDocuments(port);
  for (const kind of await servedKinds(port)) {
    const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
    const list = await askPort(port, 'GET', `${root}/${kind.plural}`);
    if (list.status === 405) continue;
    if (list.status !== 200) {
      if (list.status !== 503)
        problems.push(`list of ${kind.plural}: ${list.status} ${list.text.slice(0, 300)}`);
      continue;
    }
    const { items } = list.json();
    if (!Array.isArray(items)) {
      problems.push(`list of ${kind.plural} has no items`);
      continue;
    }
    for (const item of items) problems.push(...(await problemsOfObject(port, root, kind, item)));
  }
  return problems;
}

/** What tells clients which kinds there are must outlive whatever those are called. */
async function problemsOfDocuments(port: number): Promise<string[]> {
  const root = asRecord((await askPort(port, 'GET', '/openapi/v3')).json().paths);
  const documents = Object.values(root).map((entry) => String(asRecord(entry).serverRelativeURL));
  const problems: string[] = [];
  for (const path of ['/', '/openapi/v2', '/swagger-2.0.0.pb-v1', '/metrics', ...documents]) {
    const { status, text } = await askPort(port, 'GET', path);
    if (status !== 200) problems.push(`GET ${path}: ${status} ${text.slice(0, 300)}`);
  }
  return problems;
}

async function problemsOfObject(
  port: number,
  root: string,
  kind: FuzzedKind,
  item: unknown,
): Promise<string[]> {
  const metadata = isRecord(item) && isRecord(item.metadata) ? item.metadata : {};
  const place = kind.namespaced ? `/namespaces/${String(metadata.namespace)}` : '';
  const path = `${root}${place}/${kind.plural}/${encodeURIComponent(String(metadata.name))}`;
  const got = await askPort(port, 'GET', path);
  // It may just have gone.
  if (got.status === 404) return [];
  if (got.status !== 200) return [`GET ${path}: ${got.status} ${got.text.slice(0, 300)}`];
  const put = await askPort(port, 'PUT', `${path}?dryRun=All&fieldValidation=Strict`, {
    headers: { 'Content-Type': 'application/json' },
    body: got.text,
  });
  if ([404, 405, 409].includes(put.status)) return [];
  if (put.status !== 200) return [`PUT of ${path} as it is: ${put.status} ${put.text.slice(0, 600)}`];
  const { resourceVersion } = asRecord(put.json().metadata);
  if (resourceVersion === asRecord(got.json().metadata).resourceVersion) return [];
  return [
    `PUT of ${path} as it is changes it: ${got.text.slice(0, 1_500)} becomes ${put.text.slice(0, 1_500)}`,
  ];
}
