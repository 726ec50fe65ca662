/**
 * What can go wrong between a client and its server, as the `ApiError` that says so: answers of 400 and above, and
 * connections that fail.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { ApiError, apiErrorFromStatus, messageOf, reasonForCode, type Status } from '../machinery/errors.ts';
import { isRecord } from '../machinery/json.ts';

/** What of an answer that is no Status is shown to a person. */
const SHOWN_BODY_CHARACTERS = 300;

/** The server was not reached, or went away: nothing it said. */
export class ConnectionError extends ApiError {
  constructor(message: string, options?: ErrorOptions) {
    super('ServiceUnavailable', message, undefined, options);
    this.name = 'ConnectionError';
  }
}

/** A kept connection turned out to be closed; the request may be sent again if that does no harm. */
export class StaleConnectionError extends Error {
  constructor(cause: Error) {
    super(cause.message, { cause });
    this.name = 'StaleConnectionError';
  }
}

/** The beginning of an answer, for people. */
export function shownBody(text: string): string {
  return text.trim().slice(0, SHOWN_BODY_CHARACTERS);
}

export function isStatus(value: unknown): value is Status {
  return isRecord(value) && value.kind === 'Status' && value.apiVersion === 'v1';
}

/** The error a server answered with; proxies and other servers answer with something else than a Status. */
export function errorFromAnswer(
  code: number,
  headers: IncomingHttpHeaders,
  body: Buffer,
  what: string,
): ApiError {
  const text = body.toString('utf8');
  try {
    const parsed: unknown = JSON.parse(text);
    if (isStatus(parsed)) return apiErrorFromStatus({ ...parsed, code: parsed.code ?? code });
  } catch {
    // Not JSON: shown as it is below.
  }
  const shown = shownBody(text);
  const retryAfterSeconds = Number(headers['retry-after']);
  return new ApiError(
    reasonForCode(code),
    `the server answered ${code} to ${what}${shown === '' ? '' : `: ${shown}`}`,
    Number.isInteger(retryAfterSeconds) ? { retryAfterSeconds } : undefined,
  );
}

export function explainFailure(error: unknown, address: string): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof StaleConnectionError) return explainFailure(error.cause, address);
  const code = codeOf(error);
  const cause = { cause: error };
  if (error instanceof Error && error.name === 'AbortError') {
    return new ApiError('Timeout', `the request to ${address} was given up`, undefined, cause);
  }
  if (code === 'ECONNREFUSED') {
    return new ConnectionError(
      `the connection to the server ${address} was refused - did you start it with "gantry up"?`,
      cause,
    );
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    return new ConnectionError(`the server's name in ${address} cannot be resolved`, cause);
  }
  if (code === 'ECONNRESET' || code === 'EPIPE' || code === 'ERR_STREAM_PREMATURE_CLOSE') {
    return new ConnectionError(`the connection to the server ${address} was lost`, cause);
  }
  if (code.startsWith('ERR_TLS_') || CERTIFICATE_PROBLEMS.has(code)) {
    return new ConnectionError(
      `the server ${address} is not the one the kubeconfig was made for: ${messageOf(error)}`,
      cause,
    );
  }
  if (code.startsWith('ERR_SSL_') || code === 'EPROTO') {
    return new ConnectionError(`no TLS connection to the server ${address}: ${messageOf(error)}`, cause);
  }
  return new ConnectionError(`no connection to the server ${address}: ${messageOf(error) || code}`, cause);
}

/** OpenSSL's verdicts on a chain, as Node spells them. */
const CERTIFICATE_PROBLEMS: ReadonlySet<string> = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'INVALID_CA',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Node tries all addresses of a name and reports their failures together: the first speaks for all. */
function codeOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
