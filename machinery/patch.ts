/**
 * The two patches everybody speaks: JSON merge patch (RFC 7386) and JSON patch (RFC 6902).
 *
 * Neither changes the document it is given. A patch that cannot be applied is `ApiError('Invalid')` (422), a body that
 * is no patch at all `ApiError('BadRequest')` (400), as Kubernetes answers.
 */
import * as jsonPatchModule from 'fast-json-patch';
import { ApiError } from './errors.ts';
import { isRecord } from './json.ts';

// The package is CommonJS with an `__esModule` mark: everything hangs on its default export.
const jsonPatch = jsonPatchModule.default;

/** Kubernetes' own bound on the operations of one JSON patch. */
const MAX_OPERATIONS = 10_000;

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
  const validate: jsonPatchModule.Validator<unknown> = (operation, index, current, existing) => {
    jsonPatch.validator(operation, index, current, existing);
    if (operation.op === '_get') throw new Error('there is no operation "_get"');
    refuseLooseIndices(operation, current);
  };
  try {
    let current: unknown = jsonPatch.deepClone(document);
    for (; at < operations.length; at++) {
      const operation = operations[at];
      if (operation === undefined) break;
      validate(operation, at, undefined, '');
      // The value is copied: later operations may change what it became part of.
      current = jsonPatch.applyOperation(
        current,
        jsonPatch.deepClone(operation),
        validate,
        true,
        true,
        at,
      ).newDocument;
    }
    return current;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const found: unknown = operations[at];
    throw new ApiError(
      'Invalid',
      `the JSON patch cannot be applied: operation ${at} (${describe(found)}): ${firstLine(error.message)}`,
      undefined,
      { cause: error },
    );
  }
}

function describe(operation: unknown): string {
  if (!isRecord(operation)) return JSON.stringify(operation) ?? 'undefined';
  return `${String(operation['op'])} ${String(operation['path'])}`;
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
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
