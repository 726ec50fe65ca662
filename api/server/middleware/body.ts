/**
 * Request bodies: read up to a bound, understood by their media type, parsed once.
 * Source of the bound and the wording: Kubernetes' apiserver (3 MiB requests; `RequestEntityTooLarge`).
 */
import type { IncomingMessage } from 'node:http';
import { load } from 'js-yaml';
import { ApiError, messageOf } from '../../../machinery/errors.ts';
import { duplicateKeys } from '../../../machinery/duplicatekeys.ts';
import { isRecord, wellFormed } from '../../../machinery/json.ts';
import type { AppContext } from '../context.ts';

/** The largest request body. */
export const MAX_BODY_BYTES = 3 * 1024 * 1024;
/** How much of a body that is too large is read and thrown away, so that its sender gets to read the answer. */
const MAX_DISCARDED_BYTES = 8 * MAX_BODY_BYTES;
/** Far deeper than any object; keeps recursive code off the end of the stack. */
const MAX_DEPTH = 256;
const MAX_YAML_ALIASES = 100;
/** Only an escape can smuggle half a surrogate pair into a text that is UTF-8. */
const SURROGATE_ESCAPE = /\\(?:u|U0000)d[89a-f]/i;

const JSON_TYPE = 'application/json';
const YAML_TYPE = 'application/yaml';
const MERGE_PATCH_TYPE = 'application/merge-patch+json';
const JSON_PATCH_TYPE = 'application/json-patch+json';

/** Throws `RequestEntityTooLarge`, or `BadRequest` when the peer went away half-way. */
export async function readBody(request: IncomingMessage, limitBytes = MAX_BODY_BYTES): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes <= limitBytes) chunks.push(chunk);
      else if (bytes > MAX_DISCARDED_BYTES) break;
    }
  } catch (error) {
    throw new ApiError('BadRequest', `the request body ended early: ${messageOf(error)}`, undefined, {
      cause: error,
    });
  }
  if (bytes > limitBytes) {
    throw new ApiError('RequestEntityTooLarge', `Request entity too large: limit is ${limitBytes}`, {});
  }
  return Buffer.concat(chunks);
}

/** The object in a create, update or subresource request. A missing Content-Type means JSON. */
export async function readObject(ctx: AppContext): Promise<unknown> {
  const type = mediaType(ctx);
  if (type !== '' && type !== JSON_TYPE && type !== YAML_TYPE) {
    throw unsupportedMediaType(type, [JSON_TYPE, YAML_TYPE]);
  }
  const bytes = await readBody(ctx.req);
  return type === YAML_TYPE ? parseYaml(bytes) : parseJson(bytes);
}

/** The object in a body that need not be there, such as DeleteOptions; undefined when it is not. */
export async function readOptionalObject(ctx: AppContext): Promise<unknown> {
  const type = mediaType(ctx);
  const bytes = await readBody(ctx.req);
  if (bytes.length === 0) return undefined;
  if (type === YAML_TYPE) return parseYaml(bytes);
  if (type !== '' && type !== JSON_TYPE) throw unsupportedMediaType(type, [JSON_TYPE, YAML_TYPE]);
  return parseJson(bytes);
}

const PATCH_TYPES: ReadonlyMap<string, 'json' | 'merge' | 'strategic' | 'apply'> = new Map([
  [JSON_PATCH_TYPE, 'json'],
  [MERGE_PATCH_TYPE, 'merge'],
  ['application/strategic-merge-patch+json', 'strategic'],
  ['application/apply-patch+yaml', 'apply'],
]);

/** A patch, by its Content-Type. What is applied may be YAML or JSON. */
export async function readPatch(
  ctx: AppContext,
): Promise<{ readonly type: 'json' | 'merge' | 'strategic' | 'apply'; readonly body: unknown }> {
  const found = mediaType(ctx);
  const type = PATCH_TYPES.get(found);
  if (type === undefined) throw unsupportedMediaType(found, [...PATCH_TYPES.keys()]);
  const bytes = await readBody(ctx.req);
  return { type, body: type === 'apply' && !isJsonText(bytes) ? parseYaml(bytes) : parseJson(bytes) };
}

/** Whether a text that may be YAML is JSON: what programs send, and far quicker to read. */
function isJsonText(bytes: Uint8Array): boolean {
  const first = bytes.find((byte) => byte > 0x20);
  return first === 0x7b && bytes.findLast((byte) => byte > 0x20) === 0x7d;
}

export function parseJson(bytes: Uint8Array): unknown {
  return checked('JSON', bytes, (text) => JSON.parse(text));
}

export function parseYaml(bytes: Uint8Array): unknown {
  return checked('YAML', bytes, (text) => load(text, { maxAliases: MAX_YAML_ALIASES }));
}

function checked(format: string, bytes: Uint8Array, parse: (text: string) => unknown): unknown {
  let text: string;
  let value: unknown;
  try {
    text = decode(bytes);
    value = parse(text);
  } catch (error) {
    const message = `the object provided is unrecognized: the body is not ${format}: ${messageOf(error)}`;
    throw new ApiError('BadRequest', message, undefined, { cause: error });
  }
  if (isDeeperThan(value, MAX_DEPTH)) {
    throw new ApiError('BadRequest', `the object provided is nested deeper than ${MAX_DEPTH} levels`);
  }
  const result = SURROGATE_ESCAPE.test(text) ? wellFormed(value) : value;
  if (format === 'JSON' && isRecord(result)) {
    const found = duplicateKeys(text, value);
    if (found.length > 0) duplicates.set(result, found);
  }
  return result;
}

/** What bodies said twice; the last of it counts. A YAML body that does is not read at all. */
const duplicates = new WeakMap<object, readonly string[]>();

/** Paths of the keys that the JSON text of this body gave more than once, such as `spec.image`. */
export function duplicatesIn(body: unknown): readonly string[] {
  return (isRecord(body) ? duplicates.get(body) : undefined) ?? [];
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((item) => isDeeperThan(item, levels - 1));
}

/** The media type in lower case, without parameters; empty when the header is missing. */
export function mediaType(ctx: AppContext): string {
  return (ctx.get('Content-Type').split(';', 1)[0] ?? '').trim().toLowerCase();
}

export function unsupportedMediaType(found: string, accepted: readonly string[]): ApiError {
  const hint =
    found === 'application/vnd.kubernetes.protobuf' ? ' (protobuf bodies are not understood; send JSON)' : '';
  return new ApiError(
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}; found "${found}"${hint}`,
    {},
  );
}

/** Throws `BadRequest` unless the value is an object. */
export function objectBody(value: unknown, what: string): Record<string, unknown> {
  if (isRecord(value)) return value;
  throw new ApiError(
    'BadRequest',
    `${what} must be an object, found ${Array.isArray(value) ? 'a list' : typeof value}`,
  );
}
