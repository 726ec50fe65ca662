/** What every answer must be, whatever was asked. */
import { isRecord } from '../../machinery/json.ts';
import type { RawAnswer } from './rawhttp.ts';
import type { FuzzRequest } from './requests.ts';

/** What is wrong with the answer; undefined when it is as it should be. */
export function problemOf(request: FuzzRequest, answer: RawAnswer, mayGoOn: boolean): string | undefined {
  const { status, headers, body, isWhole } = answer;
  // A worker or a kind that is away; a time that was up.
  const isAllowed = status === 503 || status === 504;
  if (status >= 500 && !isAllowed) return `status ${status}: ${textOf(body)}`;
  // Asked for too short a time, or for a version that is yet to come, as Kubernetes answers that.
  if (status === 504 && !/timeout=|resourceVersion=/.test(request.target))
    return `status 504: ${textOf(body)}`;
  // Node itself refuses what is no HTTP, with its own few words.
  if (!headers.has('x-request-id')) {
    return [400, 405, 408, 413, 417, 431].includes(status)
      ? undefined
      : `status ${status} from nobody of ours`;
  }
  if (!isWhole && !mayGoOn) return `an answer of status ${status} that was cut`;
  if (request.method === 'HEAD' || status === 101) return undefined;
  // Dropped by us before its body had come.
  if (status >= 400 && !isWhole) return undefined;
  if (status >= 400) return problemOfRefusal(request.target, status, headers, body);
  if (headers.get('content-type')?.startsWith('application/json') !== true) return undefined;
  return headers.has('content-encoding') ? undefined : problemOfJson(body, isWhole, mayGoOn);
}

function problemOfRefusal(
  target: string,
  status: number,
  headers: RawAnswer['headers'],
  body: Buffer,
): string | undefined {
  if (headers.get('content-type')?.startsWith('application/json') !== true) {
    return `a refusal (${status}) of type ${headers.get('content-type') ?? 'none'}`;
  }
  const value = parsed(body);
  if (!isRecord(value)) return `a refusal (${status}) that is no JSON: ${textOf(body)}`;
  if (/^(http:\/\/[^/]*)?\/tasks(?:$|[/?])/.test(target) && value.HTTPStatusCode === status) return undefined;
  if (value.kind !== 'Status' || value.apiVersion !== 'v1' || value.status !== 'Failure') {
    return `a refusal (${status}) that is no Status: ${textOf(body)}`;
  }
  if (value.code !== status) return `a Status with code ${String(value.code)} in an answer of ${status}`;
  if (typeof value.reason !== 'string' || value.reason === '')
    return `a Status without a reason: ${textOf(body)}`;
  if (typeof value.message !== 'string' || value.message === '')
    return `a Status without a message: ${textOf(body)}`;
  // The words of an exception that nobody meant for clients.
  if (
    /(?:Cannot (?:read|set|convert)|is not (?:a function|iterable)|undefined|\[object|Maximum call stack)/.test(
      value.message,
    )
  ) {
    return request(value.message);
  }
  return undefined;
}

function request(message: string): string | undefined {
  // What the client itself sent may say anything.
  return /Maximum call stack|Cannot (?:read|set) propert|is not a function|is not iterable/.test(message)
    ? `an exception's words: ${message.slice(0, 300)}`
    : undefined;
}

function problemOfJson(body: Buffer, isWhole: boolean, mayGoOn: boolean): string | undefined {
  if (!mayGoOn)
    return body.length === 0 || parsed(body) !== undefined ? undefined : `no JSON: ${textOf(body)}`;
  const lines = body.toString('utf8').split('\n');
  if (!isWhole) lines.pop();
  for (const line of lines.filter((text) => text !== '')) {
    const frame = parsed(Buffer.from(line));
    if (frame === undefined) return `a line that is no JSON: ${line.slice(0, 300)}`;
    if (!isRecord(frame) || frame.type !== 'ERROR') continue;
    const code = isRecord(frame.object) ? (frame.object.code ?? frame.object.HTTPStatusCode) : undefined;
    if (typeof code !== 'number' || code >= 500) return `an ERROR frame: ${line.slice(0, 300)}`;
  }
  return undefined;
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as unknown;
  } catch {
    return undefined;
  }
}

function textOf(body: Buffer): string {
  return body.toString('utf8').slice(0, 500);
}
