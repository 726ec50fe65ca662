/**
 * Secrets: `stringData` becomes `data`, each type has the keys its readers need, and a type is for life.
 * Source of the types and the wording: Kubernetes documentation, "Secrets", and core validation. No message ever
 * shows a value.
 */
import { isRecord } from '../../../../machinery/json.ts';
import type { DynamicObject } from '../../../../machinery/meta.ts';
import { type FieldProblem, invalid, required, tooLong } from '../fielderrors.ts';
import { decodedBytes, immutableProblems, keyProblems, MAX_DATA_BYTES, textEntries } from './datakeys.ts';
import type { KindRules } from './rules.ts';

const ANNOTATION_SERVICE_ACCOUNT = 'kubernetes.io/service-account.name';

/** What a type asks of its data beyond valid keys. */
const typeRules: Readonly<Record<string, (secret: DynamicObject, data: Data) => readonly FieldProblem[]>> = {
  'kubernetes.io/service-account-token': ({ metadata }) =>
    (metadata.annotations?.[ANNOTATION_SERVICE_ACCOUNT] ?? '') === ''
      ? [required(`metadata.annotations[${ANNOTATION_SERVICE_ACCOUNT}]`)]
      : [],
  'kubernetes.io/dockercfg': (_secret, data) => jsonProblems(data, '.dockercfg'),
  'kubernetes.io/dockerconfigjson': (_secret, data) => jsonProblems(data, '.dockerconfigjson'),
  // Either may be empty, but one must be there.
  'kubernetes.io/basic-auth': (_secret, data) =>
    data.has('username') || data.has('password') ? [] : missing(data, ['username', 'password']),
  'kubernetes.io/ssh-auth': (_secret, data) =>
    (data.get('ssh-privatekey') ?? '') === '' ? [required('data[ssh-privatekey]')] : [],
  'kubernetes.io/tls': (_secret, data) => missing(data, ['tls.crt', 'tls.key']),
};

type Data = ReadonlyMap<string, string>;

function missing(data: Data, keys: readonly string[]): FieldProblem[] {
  return keys.filter((key) => !data.has(key)).map((key) => required(`data[${key}]`));
}

function jsonProblems(data: Data, key: string): FieldProblem[] {
  const encoded = data.get(key);
  if (encoded === undefined) return [required(`data[${key}]`)];
  try {
    if (isRecord(JSON.parse(Buffer.from(encoded, 'base64').toString()))) return [];
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return [invalid(`data[${key}]`, '<secret contents redacted>', 'must be a JSON object')];
}

/** Moves `stringData` into `data`, over what is there. */
function foldStringData(object: DynamicObject): void {
  const texts = textEntries(object, 'stringData');
  const isText = isRecord(object['stringData']) && texts.length === Object.keys(object['stringData']).length;
  // What is not text stays for the schema to refuse.
  if (object['stringData'] !== undefined && !isText) return;
  delete object['stringData'];
  if (texts.length === 0) return;
  const encoded = texts.map(([key, text]) => [key, Buffer.from(text).toString('base64')] as const);
  object['data'] = { ...(isRecord(object['data']) ? object['data'] : {}), ...Object.fromEntries(encoded) };
}

function dataProblems(object: DynamicObject): FieldProblem[] {
  foldStringData(object);
  const problems = keyProblems(object, 'data');
  if (decodedBytes(object, 'data') > MAX_DATA_BYTES) problems.push(tooLong('data', MAX_DATA_BYTES));
  const { type } = object;
  const rule = typeof type === 'string' && Object.hasOwn(typeRules, type) ? typeRules[type] : undefined;
  problems.push(...(rule?.(object, new Map(textEntries(object, 'data'))) ?? []));
  return problems;
}

export const secretRules: KindRules = {
  onCreate: dataProblems,
  onUpdate(object, before) {
    const problems = dataProblems(object);
    if (object['type'] !== before['type']) {
      problems.unshift(invalid('type', object['type'], 'field is immutable'));
    }
    return [...immutableProblems(object, before), ...problems];
  },
};
