/** What requests carry: manifests, patches of every type and options, good ones first, then hurt in value, text or bytes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { dump } from 'js-yaml';
import type { Chance } from './chance.ts';
import { type FuzzedKind, managedFields, manifest, NAMES } from './manifests.ts';
import { mutated, mutatedBytes, mutatedText, oddText, oddValue, word } from './values.ts';

export interface Body {
  readonly type: string;
  readonly bytes: Buffer;
}

export interface Place {
  readonly kind: FuzzedKind;
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string | undefined;
}

const recorded: readonly Buffer[] = readFileSync(
  join(import.meta.dirname, '../api/server/protobuf/vectors.jsonl'),
  'utf8',
)
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => Buffer.from((JSON.parse(line) as { readonly protobuf: string }).protobuf, 'base64'));

const TEXTS = [
  '',
  '{}',
  '[]',
  'null',
  '0',
  'NaN',
  '{"a":1,"a":2}',
  '{"metadata":{"name":"a","name":"b"}}',
  '{"a":1e999999}',
  '{"a":123456789012345678901234567890}',
  '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}',
  '{"a":"\\ud800"}',
  '\ufeff{}',
  '{"a":01}',
  "{'a':1}",
  '{"a":1}garbage',
  '{"a":1}{"b":2}',
  '{"spec":',
  '"',
  '['.repeat(5_000),
  '{"a":'.repeat(1_000),
  `${'['.repeat(300)}${']'.repeat(300)}`,
  'a: &a [1,2]\nb: *a\n',
  'a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c]\n',
  'a: &a\n  b: *a\n',
  '&a [*a]',
  '? {a: b}\n: c\n',
  '---\na: 1\n---\nb: 2\n',
  'a: !!js/function "function(){}"\n',
  'a: !!binary "!!!"\n',
  'a: !!timestamp 2020-01-01\nb: 2020-01-01\nc: 0o17\nd: .nan\ne: .inf\nf: ~\n',
  '<<: {a: 1}\nb: 2\n',
  '!!set {a, b}\n',
  '%YAML 9.9\n---\na: 1\n',
  'a: |\n  x\n b: 1\n',
  '\t\ta: 1',
  '{a: 1, a: 2}',
] as const;

const JSON_TYPE = 'application/json';
const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';
export const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
] as const;

/** What is asked to be created or put. */
export function objectBody(place: Place, chance: Chance): Body {
  const changes = chance.is(0.45) ? 0 : chance.between(1, 4);
  const value = mutated(manifest(place.kind, place, chance), chance, changes);
  return chance.weighted<() => Body>(
    [10, () => ({ type: JSON_TYPE, bytes: textOf(value, chance) })],
    [3, () => ({ type: 'application/yaml', bytes: yamlOf(value, chance) })],
    [2, () => ({ type: PROTOBUF_TYPE, bytes: protobuf(chance) })],
    [1, () => oddBody(chance)],
  )();
}

export function patchBody(place: Place, chance: Chance): Body {
  const type = chance.of(PATCH_TYPES);
  if (chance.is(0.05)) return { ...oddBody(chance), type };
  return { type, bytes: textOf(PATCHES[type](place, chance), chance) };
}

export function deleteBody(chance: Chance): Body {
  const options = {
    kind: 'DeleteOptions',
    apiVersion: chance.of(['v1', 'meta.k8s.io/v1', 'x']),
    ...(chance.is(0.3) ? { gracePeriodSeconds: chance.of<unknown>([0, 1, -1, 30, 1e20, '0']) } : {}),
    ...(chance.is(0.5)
      ? { propagationPolicy: chance.of(['Background', 'Foreground', 'Orphan', '', oddText(chance)]) }
      : {}),
    ...(chance.is(0.1) ? { orphanDependents: chance.of<unknown>([true, false, 'x']) } : {}),
    ...(chance.is(0.1)
      ? { preconditions: { uid: oddText(chance), resourceVersion: oddValue(chance, 0) } }
      : {}),
    ...(chance.is(0.2)
      ? { dryRun: chance.of<unknown>([['All'], [], ['x'], 'All', [oddValue(chance, 1)]]) }
      : {}),
  };
  return { type: JSON_TYPE, bytes: textOf(chance.is(0.7) ? options : mutated(options, chance), chance) };
}

export function oddBody(chance: Chance): Body {
  return {
    type: chance.of([JSON_TYPE, 'application/yaml', PROTOBUF_TYPE, ...PATCH_TYPES]),
    bytes: chance.weighted<() => Buffer>(
      [6, () => Buffer.from(chance.of(TEXTS))],
      [2, () => Buffer.from(JSON.stringify(oddValue(chance)))],
      [2, () => chance.bytes(chance.below(200))],
      [1, () => protobuf(chance)],
    )(),
  };
}

function protobuf(chance: Chance): Buffer {
  const bytes = chance.of(recorded);
  return chance.is(0.4) ? bytes : mutatedBytes(bytes, chance);
}

function textOf(value: unknown, chance: Chance): Buffer {
  const text = JSON.stringify(value);
  if (chance.is(0.9)) return Buffer.from(text);
  return chance.is(0.5) ? Buffer.from(mutatedText(text, chance)) : mutatedBytes(Buffer.from(text), chance);
}

function yamlOf(value: unknown, chance: Chance): Buffer {
  const text = dump(value, { skipInvalid: true, flowLevel: chance.of([-1, 1, 3]) });
  return Buffer.from(chance.is(0.8) ? text : mutatedText(text, chance));
}

const POINTERS = [
  '',
  '/',
  '/spec',
  '/spec/image',
  '/spec/env/0',
  '/spec/env/-',
  '/spec/env/99999999999',
  '/spec/env/-1',
  '/spec/env/01',
  '/data',
  '/data/a',
  '/metadata',
  '/metadata/name',
  '/metadata/labels',
  '/metadata/labels/a',
  '/metadata/labels/a~1b',
  '/metadata/managedFields',
  '/metadata/managedFields/0',
  '/metadata/resourceVersion',
  '/metadata/finalizers/0',
  '/metadata/ownerReferences',
  '/metadata/deletionTimestamp',
  '/kind',
  '/apiVersion',
  '/status',
  '/status/phase',
  '/__proto__',
  '/__proto__/polluted',
  '/constructor/prototype/polluted',
  '/spec/~2',
  '/spec/~',
  'spec',
  '//',
  '/toString',
  '/length',
] as const;

type Patch = (place: Place, chance: Chance) => unknown;

const PATCHES: Readonly<Record<(typeof PATCH_TYPES)[number], Patch>> = {
  'application/json-patch+json': (_place, chance) => {
    const operations = Array.from(
      { length: chance.weighted([9, chance.between(0, 5)], [0.2, 12_000]) },
      () => {
        const pointer = (): string => (chance.is(0.9) ? chance.of(POINTERS) : oddText(chance));
        const op = chance.of([
          'add',
          'add',
          'remove',
          'replace',
          'test',
          'move',
          'copy',
          'copy',
          '_get',
          'x',
        ]);
        return {
          op,
          path: pointer(),
          ...(op === 'move' || op === 'copy' ? { from: pointer() } : {}),
          ...(op === 'remove' ? {} : { value: oddValue(chance, 2) }),
        };
      },
    );
    return chance.is(0.9) ? operations : mutated(operations, chance);
  },
  'application/merge-patch+json': (place, chance) =>
    chance.is(0.5)
      ? mutated(manifest(place.kind, place, chance), chance)
      : chance.of<unknown>([
          { metadata: { labels: { a: word(chance), b: null } } },
          { metadata: { finalizers: null, annotations: null } },
          { metadata: null },
          { metadata: { managedFields: [managedFields(chance)] } },
          { metadata: { managedFields: [{}] } },
          { spec: null },
          { spec: { image: 'nginx', env: null } },
          { data: { a: oddText(chance) } },
          { kind: 'Other' },
          { status: oddValue(chance) },
          oddValue(chance),
        ]),
  'application/strategic-merge-patch+json': (_place, chance) =>
    chance.of<unknown>([
      { metadata: { $patch: 'replace', labels: { a: 'b' } } },
      { $patch: 'delete' },
      { metadata: { labels: { $patch: 'delete' } } },
      { $patch: oddText(chance) },
      { data: { $retainKeys: ['a'], a: 'x' } },
      { $retainKeys: oddValue(chance) },
      { metadata: { '$setElementOrder/finalizers': ['a', 'b'], finalizers: ['b'] } },
      { metadata: { '$deleteFromPrimitiveList/finalizers': ['fuzz.example/hold'] } },
      { metadata: { '$deleteFromPrimitiveList/finalizers': oddValue(chance) } },
      { metadata: { '$setElementOrder/ownerReferences': [{ uid: 'x' }, oddValue(chance, 1)] } },
      { metadata: { ownerReferences: [{ $patch: 'delete', uid: 'x' }] } },
      { metadata: { ownerReferences: [{ $patch: 'replace' }, { $patch: 'merge', uid: 1 }] } },
      { subjects: [{ $patch: 'replace' }, { kind: 'User', name: 'a' }] },
      { rules: [{ $patch: 'delete' }] },
      {
        spec: {
          unschedulable: chance.is(0.5),
          taints: [{ key: 'a', effect: 'NoSchedule', $patch: 'delete' }],
        },
      },
      {
        spec: {
          containers: [{ name: 'hello', image: 'x' }],
          '$setElementOrder/containers': [{ name: 'hello' }],
        },
      },
      { [`$${oddText(chance)}`]: oddValue(chance) },
      oddValue(chance),
    ]),
  'application/apply-patch+yaml': (place, chance) => {
    const value = manifest(place.kind, place, chance);
    return chance.is(0.5) ? value : mutated(value, chance);
  },
};

/** Text of a label or a field selector. */
export function selector(chance: Chance): string {
  const term = (): string =>
    chance.of([
      `${word(chance)}=${word(chance)}`,
      `${word(chance)}!=${word(chance)}`,
      `${word(chance)} in (${chance.some(NAMES, 4).join(',')})`,
      `${word(chance)} notin ()`,
      `!${word(chance)}`,
      `metadata.name=${chance.of(NAMES)}`,
      'metadata.namespace!=default',
      'status.phase=Running',
      'spec.workerName=',
      'involvedObject.uid=x',
      'a=b\\,c',
      'a>1',
      'a<x',
      '=',
      '(((',
      oddText(chance),
    ]);
  return Array.from({ length: chance.weighted([5, 1], [3, 3], [0.2, 500]) }, term).join(',');
}
