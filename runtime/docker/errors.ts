/**
 * What the Docker Engine and the way to it say when something goes wrong, as `RuntimeError`: translated here and
 * nowhere else.
 *
 * The status code alone does not tell: a taken port, a user that does not exist and a registry that is down are all
 * 500. The wording was read off Docker 20.10 and 28; a text that is not recognised stays `Failed`, never a guess.
 */
import { messageOf, RuntimeError, type RuntimeErrorReason } from '../../machinery/errors.ts';

/** Node's codes for an engine that cannot be reached or hung up. */
const CONNECTION_CODES: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such socket: is Docker running?',
  ECONNREFUSED: 'nobody listens there: is Docker running?',
  EACCES: 'this user may not open the socket: run as root or join the group docker',
  ECONNRESET: 'the engine closed the connection',
  EPIPE: 'the engine closed the connection',
  ETIMEDOUT: 'the engine does not answer',
  EHOSTUNREACH: 'the host cannot be reached',
  ENETUNREACH: 'the host cannot be reached',
  EHOSTDOWN: 'the host is down',
  ENOTFOUND: 'the host name is not known',
  EAI_AGAIN: 'the host name cannot be looked up now',
  ERR_STREAM_PREMATURE_CLOSE: 'the engine closed the connection',
  ABORT_ERR: 'the call was given up',
};

/** Registries' and the engine's words for an image that is not there. */
const NOT_IN_REGISTRY =
  /manifest unknown|manifest for .* not found|pull access denied|repository .* (?:not found|does not exist)|name unknown|no matching manifest|no match for platform/i;
/** That it wants other credentials, or any. */
const NOT_ALLOWED =
  /unauthorized|no basic auth credentials|authentication required|authentication is required|access to the resource is denied|incorrect username or password|status(?: code)?:? 40[13]\b|\bforbidden\b/i;
/** That there was no answer, or one that says "not now". The engine itself is well. */
const NOT_ANSWERING =
  /dial tcp|no such host|connection refused|connection reset|broken pipe|i\/o timeout|TLS handshake|x509:|HTTP response to HTTPS client|\bEOF\b|request canceled|Client\.Timeout|deadline exceeded|no route to host|network is unreachable|proxyconnect|toomanyrequests|too many requests|status(?: code)?:? (?:429|5\d\d)\b|server misbehaving/i;

/** @param what what was being done, for the message: `start of container "x"`. */
export function translateDockerError(error: unknown, what: string): RuntimeError {
  if (error instanceof RuntimeError) return error;
  const status = propertyOf(error, 'statusCode');
  if (typeof status === 'number') return fromAnswer(status, textOf(error), what, error);
  const code = propertyOf(error, 'code');
  const hint = typeof code === 'string' ? CONNECTION_CODES[code] : undefined;
  if (hint !== undefined) {
    return new RuntimeError('Unavailable', `${what}: ${hint} (${messageOf(error)})`, { cause: error });
  }
  // An answer that is not HTTP at all: something else listens there, or the connection was cut inside the head.
  const isParseError = typeof code === 'string' && code.startsWith('HPE_');
  return new RuntimeError(isParseError ? 'Unavailable' : 'Failed', `${what}: ${messageOf(error)}`, {
    cause: error,
  });
}

/** The status code of the engine's answer, if the error is one. */
export function statusOf(error: unknown): number | undefined {
  const status = propertyOf(error, 'statusCode');
  return typeof status === 'number' ? status : undefined;
}

/** The engine's own words. dockerode wraps them: `(HTTP code 500) server error - <words> `. */
export function textOf(error: unknown): string {
  return messageOf(error)
    .replace(/^\(HTTP code \d+\) [^-]* - /, '')
    .trim();
}

/**
 * What a pull failed with: in a line of its progress, or in the answer itself. The engine hands on the registry's words
 * under a code that says nothing: a wrong password and a registry that is down are both 500.
 */
export function pullError(text: string, what: string, cause?: unknown): RuntimeError {
  return new RuntimeError(pullReasonOf(text), `${what}: ${text}`, cause === undefined ? {} : { cause });
}

function pullReasonOf(text: string): RuntimeErrorReason {
  // First, because the engine adds `unauthorized` to some of it: a registry does not say which of the two it is.
  if (NOT_IN_REGISTRY.test(text)) return 'ImageNotFound';
  if (NOT_ALLOWED.test(text)) return 'Unauthorized';
  if (NOT_ANSWERING.test(text)) return 'RegistryUnavailable';
  return /invalid reference format/i.test(text) ? 'InvalidSpec' : 'Failed';
}

function fromAnswer(status: number, text: string, what: string, cause: unknown): RuntimeError {
  const holderId = /already in use by (?:container )?"?([0-9a-f]{12,64})/.exec(text)?.[1];
  return new RuntimeError(reasonOf(status, text, holderId !== undefined), `${what}: ${text}`, {
    cause,
    ...(holderId === undefined ? {} : { holderId }),
  });
}

function reasonOf(status: number, text: string, hasHolder: boolean): RuntimeErrorReason {
  if (status === 503) return 'Unavailable';
  if (status === 404 && /no such container|no container with/i.test(text)) return 'NotFound';
  // Whatever the code: 20.10 answers 500 when the registry says so.
  if (/no such image/i.test(text) || NOT_IN_REGISTRY.test(text)) return 'ImageNotFound';
  if (status === 409 && hasHolder) return 'Conflict';
  if (/port is already allocated|address already in use/i.test(text)) return 'PortConflict';
  // 403 from its pools of addresses, 500 from its bridges.
  if (/pool overlaps with other one|networks have overlapping/i.test(text)) return 'AddressConflict';
  if (/network with name .* already exists/i.test(text)) return 'Conflict';
  // As much is in use now: the kernel would have to kill.
  if (/unable to set memory limit to \d+ \(current usage/.test(text)) return 'Conflict';
  if (status === 400 || /invalid subnet|invalid CIDR/i.test(text)) return 'InvalidSpec';
  if (/unable to find (?:user|group)|Cannot mkdir|executable file not found/i.test(text))
    return 'InvalidSpec';
  return 'Failed';
}

function propertyOf(error: unknown, name: string): unknown {
  return typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined;
}
