/**
 * What a list or a watch may be asked for: which moment it is of, and which combinations make sense.
 * Source: Kubernetes documentation, "Resource versions"; apimachinery `meta/internalversion/validation`, whose words
 * these are.
 */
import { ApiError } from '../../machinery/errors.ts';
import { isRecord } from '../../machinery/json.ts';
import { type FieldProblem, forbidden, invalidObject, unsupported } from './admission/fielderrors.ts';
import type { RegistryListOptions, RegistryWatchOptions } from './types.ts';

const LIST_OPTIONS = { group: 'meta.k8s.io', kind: 'ListOptions' };
const TOKEN_FORM = 'gantry.dev/v1';

/** Undefined when absent. Throws `BadRequest` for anything but a number. */
export function parseVersion(text: string | undefined): number | undefined {
  if (text === undefined || text === '') return undefined;
  const version = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(version)) return version;
  throw new ApiError(
    'BadRequest',
    `invalid resource version: resourceVersion must be a number, found "${text}"`,
  );
}

/** Throws `Invalid` for combinations that make no sense, `BadRequest` for a version beside a token. */
export function checkListOptions(options: RegistryListOptions): void {
  const { resourceVersion = '', resourceVersionMatch: match = '', continue: token = '' } = options;
  const problems: FieldProblem[] = [];
  const refuse = (why: string): void => {
    problems.push(forbidden('resourceVersionMatch', `resourceVersionMatch ${why}`));
  };
  if (match !== '') {
    if (resourceVersion === '') refuse('is forbidden unless resourceVersion is provided');
    if (token !== '') refuse('is forbidden when continue is provided');
    if (match !== 'Exact' && match !== 'NotOlderThan') {
      problems.push(unsupported('resourceVersionMatch', match, ['Exact', 'NotOlderThan', '']));
    }
    if (match === 'Exact' && resourceVersion === '0') refuse('"exact" is forbidden for resourceVersion "0"');
  }
  if (problems.length > 0) throw invalidObject(LIST_OPTIONS, '', problems);
  if (token !== '' && resourceVersion !== '' && resourceVersion !== '0') {
    throw new ApiError('BadRequest', 'specifying resource version is not allowed when using continue');
  }
}

/** Throws `Invalid`. In process `sendInitialEvents` may come alone; on the wire it needs its match, as in Kubernetes. */
export function checkWatchOptions({
  resourceVersionMatch: match,
  sendInitialEvents,
}: RegistryWatchOptions): void {
  if (match === undefined) return;
  const problems: FieldProblem[] = [];
  if (sendInitialEvents === undefined) {
    problems.push(
      forbidden(
        'resourceVersionMatch',
        'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
      ),
    );
  } else if (match !== 'NotOlderThan') {
    problems.push(
      forbidden(
        'resourceVersionMatch',
        'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
      ),
    );
    problems.push(unsupported('resourceVersionMatch', match, ['NotOlderThan']));
  }
  if (problems.length > 0) throw invalidObject(LIST_OPTIONS, '', problems);
}

/** Whether a list is of exactly the version asked for, rather than of one that is at least as new. */
export function isExactList(
  { resourceVersionMatch: match, limit = 0 }: RegistryListOptions,
  asked: number,
): boolean {
  return asked > 0 && (match === 'Exact' || ((match ?? '') === '' && limit > 0));
}

/** Where a list in pages goes on. */
export interface ContinueToken {
  /** Undefined: of now, whatever the pages before it were of. */
  readonly revision: number | undefined;
  /** The time that was asked for, where one was. */
  readonly timeMs?: number | undefined;
  /** The last key that was listed. */
  readonly after: string;
}

export function writeContinue({ revision, timeMs, after }: ContinueToken): string {
  const token = { v: TOKEN_FORM, rv: revision ?? -1, at: timeMs, after };
  return Buffer.from(JSON.stringify(token)).toString('base64url');
}

/** Throws `BadRequest` for what is no token of this server. */
export function readContinue(token: string): ContinueToken {
  const value = parsed(Buffer.from(token, 'base64url').toString());
  if (isRecord(value) && value['v'] === TOKEN_FORM) {
    const { rv, after, at } = value;
    const isTime = at === undefined || (typeof at === 'number' && new Date(at).getTime() === at);
    if (
      Number.isSafeInteger(rv) &&
      typeof rv === 'number' &&
      rv >= -1 &&
      typeof after === 'string' &&
      isTime
    ) {
      return { revision: rv === -1 ? undefined : rv, timeMs: at, after };
    }
  }
  throw new ApiError('BadRequest', 'continue key is not valid: it is not a token of this server');
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** 410 for a token whose moment is gone, with one that lists the rest as it is now. */
export function expiredContinue(after: string, cause: unknown): ApiError {
  return new ApiError(
    'Expired',
    'The provided continue parameter is too old to display a consistent list result. You can start a new list without ' +
      'the continue parameter, or use the continue token in this response to retrieve the remainder of the results. ' +
      'Continuing with the provided token results in an inconsistent list - objects that were created, modified, or ' +
      'deleted between the time the first chunk was returned and now may show up in the list.',
    undefined,
    { cause, continue: writeContinue({ revision: undefined, after }) },
  );
}
