/**
 * The two patches everybody speaks: JSON merge patch (RFC 7386) and JSON patch (RFC 6902).
 *
 * Neither changes the document it is given. A patch that cannot be applied is `ApiError('Invalid')` (422), a body that
 * is no patch at all `ApiError('BadRequest')` (400), as Kubernetes answers.
 */
import * as jsonPatchModule from 'fast-json-patch';
import { ApiError } from './errors.ts';
import { isDeeperThan, isRecord, MAX_DEPTH } from './json.ts';

// The package is CommonJS with an `__esModule` mark: everything hangs on its default export.
const jsonPatch = jsonPatchModule.default;

/** Kubernetes' own bound on the operations of one JSON patch. */
const MAX_OPERATIONS = 10_000;
/** And on what its copies may add, in bytes: without one, thirty operations that each double the document fill the memory. */
const MAX_COPIED_BYTES = 3 * 1024 * 1024;

/** RFC 7386: null removes, objects merge, anything else replaces. */
export function applyMergePatch(document: unknown, patch: unknown): unknown {
  if (!isRecord(patch)) return patch;
  const result: Record<string, unknown> = isRecord(document) ? { ...document } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (key === '__proto__') throw new ApiError('BadRequest', 'a merge patch may not name "__proto__"');
    if (value === null) delete result[key];
    else result[key] = applyMergePatch(result[key], value);
  }
  return result;
}

/** RFC 6902, all or nothing; `test` must hold and every path must exist. */
export function applyJsonPatch(document: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) {
    throw new ApiError('BadRequest', 'a JSON patch must be an array of operations (RFC 6902)');
  }
  if (patch.length > MAX_OPERATIONS) {
    throw new ApiError(
      'RequestEntityTooLarge',
      `the JSON patch has ${patch.length} operations, at most ${MAX_OPERATIONS} are allowed`,
    );
  }
  const operations: jsonPatchModule.Operation[] = patch;
  let at = 0;
  try {
    let current: unknown = jsonPatch.deepClone(document);
    const copied = new CopiedBytes();
    for (; at < operations.length; at++) {
      const operation = operations[at];
      if (operation === undefined) break;
      current = applyOperation(current, operation, at, copied);
    }
    return shallow(current);
  } catch (error) {
    if (!(error instanceof Error) || error instanceof ApiError) throw error;
    const found: unknown = operations[at];
    throw new ApiError(
      'Invalid',
      `the JSON patch cannot be applied: operation ${at} (${describe(found)}): ${firstLine(error.message)}`,
      undefined,
      { cause: error },
    );
  }
}

/** Each operation may have put all that there is one level deeper. */
function shallow(document: unknown): unknown {
  if (!isDeeperThan(document, MAX_DEPTH)) return document;
  throw new ApiError('Invalid', `the JSON patch makes the object nested deeper than ${MAX_DEPTH} levels`);
}

class CopiedBytes {
  #bytes = 0;

  add(value: unknown): void {
    this.#bytes += Buffer.byteLength(JSON.stringify(value));
    if (this.#bytes <= MAX_COPIED_BYTES) return;
    throw new Error(`the accumulated size increase of copies is over the limit of ${MAX_COPIED_BYTES} bytes`);
  }
}

/**
 * Changes the document in place; gives the new one, because the root too can be replaced. Moves and copies are taken
 * apart here: the library copies the whole document to see whether their `from` exists.
 */
function applyOperation(
  document: unknown,
  operation: jsonPatchModule.Operation,
  at: number,
  copied: CopiedBytes,
): unknown {
  validate(operation, at, undefined, '');
  refuseNoDocument(operation, document);
  const { path } = operation;
  const add = (from: unknown, value: unknown): unknown => step(from, { op: 'add', path, value }, at);
  if (operation.op === 'copy') {
    const value = valueAt(document, operation.from);
    copied.add(value);
    return add(document, jsonPatch.deepClone(value));
  }
  if (operation.op === 'move') {
    const { from } = operation;
    if (path.startsWith(`${from}/`)) throw new Error(`"${from}" cannot be moved into itself`);
    const value = valueAt(document, from);
    return path === from ? document : add(step(document, { op: 'remove', path: from }, at), value);
  }
  // The value is copied: later operations may change what it became part of.
  return step(document, structuredClone(operation), at);
}

function step(document: unknown, operation: jsonPatchModule.Operation, at: number): unknown {
  return jsonPatch.applyOperation(document, operation, validate, true, true, at).newDocument;
}

function validate(
  operation: jsonPatchModule.Operation,
  index: number,
  document: unknown,
  existing?: string,
): void {
  jsonPatch.validator(operation, index, document, existing);
  if (operation.op === '_get') throw new Error('there is no operation "_get"');
  refuseLooseIndices(operation, document);
}

/** Throws where there is nothing. */
function valueAt(document: unknown, pointer: string): unknown {
  let current: unknown = document;
  for (const part of pointer.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
    if (Array.isArray(current) && /^(?:0|[1-9]\d*)$/.test(key) && Number(key) < current.length) {
      current = current[Number(key)];
    } else if (isRecord(current) && Object.hasOwn(current, key)) current = current[key];
    else throw new Error(`there is nothing at ${pointer}`);
  }
  return current;
}

function describe(operation: unknown): string {
  if (!isRecord(operation)) return JSON.stringify(operation) ?? 'undefined';
  return `${String(operation['op'])} ${String(operation['path'])}`;
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
}

/** An earlier operation may have taken the whole document away. */
function refuseNoDocument(operation: jsonPatchModule.Operation, document: unknown): void {
  const pointers = 'from' in operation ? [operation.path, operation.from] : [operation.path];
  if ((typeof document !== 'object' || document === null) && pointers.some((pointer) => pointer !== '')) {
    throw new Error(`the document is ${JSON.stringify(document) ?? 'gone'}, and has no fields`);
  }
}

/** RFC 6901: an array index has no leading zeros. The library lets `01` through. */
function refuseLooseIndices(operation: jsonPatchModule.Operation, document: unknown): void {
  const pointers = 'from' in operation ? [operation.path, operation.from] : [operation.path];
  for (const pointer of pointers) {
    let current: unknown = document;
    for (const part of pointer.split('/').slice(1)) {
      const key = part.replaceAll('~1', '/').replaceAll('~0', '~');
      if (Array.isArray(current)) {
        if (/^0\d+$/.test(key)) throw new Error(`"${key}" in ${pointer} is not an array index`);
        current = current[Number(key)];
      } else {
        current = isRecord(current) && Object.hasOwn(current, key) ? current[key] : undefined;
      }
    }
  }
}
