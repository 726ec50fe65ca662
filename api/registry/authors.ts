/**
 * Who made a write, as it is kept beside what was written (`Write.note`) and told by `history.ts`: in one commit, so that
 * no write of the API is without its author, and never served with the object.
 */
import type { Author } from '../../machinery/history.ts';
import { isRecord } from '../../machinery/json.ts';
import { currentTrace } from '../../machinery/trace.ts';
import { defaultManager } from './fields/manager.ts';
import type { AccessRequest, RequestContext } from './types.ts';

/** Of each word in a note: longer names are cut, so that a note is shorter than the store takes. */
const MAX_WORD_LENGTH = 256;

/** What is kept with a write: `machinery/history.ts` has it by name. */
export interface Noted {
  /** Who writes; made by `signed`. */
  readonly note?: string;
}

/** The options with the name the write is remembered under, where its sender gave none, and with who that is. */
export function signed<Options extends object>(
  context: RequestContext,
  { verb, subresource }: AccessRequest,
  options: Options,
): Options & Noted & { readonly fieldManager: string } {
  const { fieldManager = '' }: { readonly fieldManager?: string } = options;
  const manager = fieldManager === '' ? defaultManager(context) : fieldManager;
  const trace = currentTrace();
  const { identity, impersonator } = context;
  const author: Author = {
    user: identity.name,
    ...(impersonator === undefined ? {} : { impersonator: impersonator.name }),
    manager,
    verb,
    ...(subresource === undefined ? {} : { subresource }),
    ...(trace === undefined ? {} : { requestId: trace.requestId, traceId: trace.traceId }),
  };
  return { ...options, fieldManager: manager, note: encodeAuthor(author) };
}

function encodeAuthor(author: Author): string {
  return JSON.stringify(author, (_key, value: unknown) => (typeof value === 'string' ? word(value) : value));
}

/** Control characters take six bytes each in JSON, and say nothing. */
function word(text: string): string {
  const cut = text.length > MAX_WORD_LENGTH ? `${text.slice(0, MAX_WORD_LENGTH)}…`.toWellFormed() : text;
  return cut.replaceAll(/\p{Cc}/gu, '\uFFFD');
}

/** Undefined where nobody is noted, or not in words that are known here. */
export function decodeAuthor(note: string | undefined): Author | undefined {
  const found = note === undefined ? undefined : parse(note);
  if (found === undefined) return undefined;
  const { user, impersonator, manager, verb, subresource, requestId, traceId } = found;
  if (typeof user !== 'string' || typeof verb !== 'string') return undefined;
  return {
    user,
    ...(typeof impersonator === 'string' ? { impersonator } : {}),
    ...(typeof manager === 'string' ? { manager } : {}),
    verb,
    ...(typeof subresource === 'string' ? { subresource } : {}),
    ...(typeof requestId === 'string' ? { requestId } : {}),
    ...(typeof traceId === 'string' ? { traceId } : {}),
  };
}

function parse(note: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(note);
    return isRecord(value) ? value : undefined;
  } catch {
    // Another writer of the store noted something else: for the registry that is nobody.
    return undefined;
  }
}
