/**
 * Request bodies: read up to a bound, understood by their media type, parsed once.
 * Source of the bound and the wording: Kubernetes' apiserver (3 MiB requests; `RequestEntityTooLarge`).
 */
import type { IncomingMessage } from 'node:http';
import { type LoadOptions, load, YAMLException } from 'js-yaml';
import { duplicateKeys } from '../../../machinery/duplicatekeys.ts';
import { ApiError, messageOf } from '../../../machinery/errors.ts';
import { isDeeperThan, isRecord, MAX_DEPTH, wellFormed } from '../../../machinery/json.ts';
import type { AppContext } from '../context.ts';
import { decodeProtobuf, PROTOBUF_TYPE } from '../protobuf/decode.ts';

/** The largest request body. */
export const MAX_BODY_BYTES = 3 * 1024 * 1024;
/** How much of a body that is too large is read and thrown away, so that its sender gets to read the answer. */
const MAX_DISCARDED_BYTES = 8 * MAX_BODY_BYTES;
const YAML_OPTIONS: LoadOptions = { maxAliases: 100 };
/** What a YAML body may amount to when its aliases are written out: values, and characters of texts and keys. */
const MAX_YAML_SIZE = 2 * MAX_BODY_BYTES;
/** Only an escape can smuggle half a surrogate pair into a text that is UTF-8. */
const SURROGATE_ESCAPE = /\\(?:u|U0000)d[89a-f]/i;

const JSON_TYPE = 'application/json';
const YAML_TYPE = 'application/yaml';
const MERGE_PATCH_TYPE = 'application/merge-patch+json';
const JSON_PATCH_TYPE = 'application/json-patch+json';
const OBJECT_TYPES = [JSON_TYPE, YAML_TYPE, PROTOBUF_TYPE];

/**
 * Throws `RequestEntityTooLarge`, `BadRequest` when the peer went away half-way, and `UnsupportedMediaType` for a
 * compressed body: its size is known only when it is too late.
 */
export async function readBody(request: IncomingMessage, limitBytes = MAX_BODY_BYTES): Promise<Buffer> {
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding.trim().toLowerCase() !== 'identity') {
    throw new ApiError(
      'UnsupportedMediaType',
      `the body of the request has Content-Encoding "${encoding}", which requests may not have here; send it as it is`,
      {},
    );
  }
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
  const parse = parserOf(mediaType(ctx));
  return parse(await readBody(ctx.req));
}

/** The object in a body that need not be there, such as DeleteOptions; undefined when it is not. */
export async function readOptionalObject(ctx: AppContext): Promise<unknown> {
  const bytes = await readBody(ctx.req);
  return bytes.length === 0 ? undefined : parserOf(mediaType(ctx))(bytes);
}

function parserOf(type: string): (bytes: Buffer) => unknown {
  switch (type) {
    case '':
    case JSON_TYPE:
      return parseJson;
    case YAML_TYPE:
      return parseYaml;
    case PROTOBUF_TYPE:
      return parseProtobuf;
    default:
      throw unsupportedMediaType(type, OBJECT_TYPES);
  }
}

/** Embedded JSON is the only part of a protobuf body that can be deep. */
function parseProtobuf(bytes: Uint8Array): unknown {
  const value = decodeProtobuf(bytes);
  checkDepth(value);
  return value;
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
  return { type, body: type === 'apply' ? parseApplied(bytes) : parseJson(bytes) };
}

/** YAML that programs write is JSON, which is far quicker to read; what looks like it and is none is YAML all the same. */
function parseApplied(bytes: Uint8Array): unknown {
  if (bytes.find((byte) => byte > 0x20) !== 0x7b) return parseYaml(bytes);
  try {
    return parseJson(bytes);
  } catch {
    return parseYaml(bytes);
  }
}

export function parseJson(bytes: Uint8Array): unknown {
  return checked('JSON', bytes, (text) => JSON.parse(text));
}

export function parseYaml(bytes: Uint8Array): unknown {
  let repeated: string | undefined;
  const value = checked('YAML', bytes, (text) => {
    try {
      return load(text, YAML_OPTIONS);
    } catch (error) {
      repeated = repeatedKey(error, text);
      if (repeated === undefined) throw error;
      return load(text, { ...YAML_OPTIONS, json: true });
    }
  });
  if (repeated !== undefined && isRecord(value)) duplicates.set(value, [repeated]);
  return value;
}

/** The key that a YAML text gives twice, if that is what is wrong with it. */
function repeatedKey(error: unknown, text: string): string | undefined {
  if (!(error instanceof YAMLException) || error.reason !== 'duplicated mapping key') return undefined;
  const line = text.split('\n')[error.mark?.line ?? 0] ?? '';
  return /^[\s?-]*(?:"([^"]*)"|'([^']*)'|([^:]+?))\s*:/.exec(line)?.slice(1).find(Boolean) ?? line.trim();
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
  if (format === 'YAML') checkSize(value);
  checkDepth(value);
  const result = SURROGATE_ESCAPE.test(text) ? wellFormed(value) : value;
  if (format === 'JSON' && isRecord(result)) {
    const found = duplicateKeys(text, value);
    if (found.length > 0) duplicates.set(result, found);
  }
  return result;
}

/** What bodies said twice; the last of it counts. Of a YAML body it is the first such key, without its path. */
const duplicates = new WeakMap<object, readonly string[]>();

/** Paths of the keys that the text of this body gave more than once, such as `spec.image`. */
export function duplicatesIn(body: unknown): readonly string[] {
  return (isRecord(body) ? duplicates.get(body) : undefined) ?? [];
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
}

/** A few aliases of aliases make billions of values out of a few bytes; they are shared until somebody writes them. */
function checkSize(value: unknown): void {
  let left = MAX_YAML_SIZE;
  const count = (item: unknown, levels: number): void => {
    left -= typeof item === 'string' ? 1 + item.length : 1;
    if (left < 0 || levels < 0)
      throw new ApiError('BadRequest', 'the YAML document contains excessive aliasing');
    if (Array.isArray(item)) for (const part of item) count(part, levels - 1);
    else if (isRecord(item)) {
      for (const [key, part] of Object.entries(item)) {
        left -= key.length;
        count(part, levels - 1);
      }
    }
  };
  count(value, MAX_DEPTH);
}

function checkDepth(value: unknown): void {
  if (!isDeeperThan(value, MAX_DEPTH)) return;
  throw new ApiError('BadRequest', `the object provided is nested deeper than ${MAX_DEPTH} levels`);
}

/** The media type in lower case, without parameters; empty when the header is missing. */
export function mediaType(ctx: AppContext): string {
  return (ctx.get('Content-Type').split(';', 1)[0] ?? '').trim().toLowerCase();
}

export function unsupportedMediaType(found: string, accepted: readonly string[]): ApiError {
  return new ApiError(
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}; found "${found}"`,
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
