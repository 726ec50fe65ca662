/**
 * The job runner's client: four calls over gRPC on TLS 1.3 with a client certificate. Loading gRPC takes its time, so this
 * is imported by what talks to the job runner only.
 *
 * Rejects with `JobsError`, which says in one sentence what is wrong, and with nothing else.
 */
import { isIP } from 'node:net';
import { checkServerIdentity, createSecureContext, type SecureContext } from 'node:tls';
import { type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import type { Clock } from '../machinery/clock.ts';
import { messageOf } from '../machinery/errors.ts';
import {
  type Job,
  JobService,
  type StartRequest,
  type StatusRequest,
  type StopRequest,
  type TailRequest,
  type TailResponse,
} from '../schemas/grpc/jobs.gen.ts';
import { probe } from './jobsprobe.ts';

export interface JobsAccess {
  /** `127.0.0.1:7444` */
  readonly host: string;
  /** PEM, each. */
  readonly certificate: string | Buffer;
  readonly key: string | Buffer;
  readonly authority: string | Buffer;
  /** What the server's certificate is to name, instead of the host. */
  readonly serverName?: string;
}

export interface JobsCall {
  readonly signal?: AbortSignal;
  /** Milliseconds since 1970; absent: as long as it takes. */
  readonly deadlineMs?: number;
}

export interface JobsClient {
  start(request: StartRequest, call?: JobsCall): Promise<Job>;
  /** Resolves once nothing of it runs any more. */
  stop(request: StopRequest, call?: JobsCall): Promise<Job>;
  status(request: StatusRequest, call?: JobsCall): Promise<Job>;
  /** Ends when the job has, or quietly on abort. What is not taken yet waits at the server. */
  tail(request: TailRequest, call?: JobsCall): AsyncGenerator<TailResponse, void, undefined>;
  close(): void;
}

export type JobsProblem =
  | 'Unreachable'
  | 'Untrusted'
  | 'Refused'
  | 'Forbidden'
  | 'NotFound'
  | 'Invalid'
  | 'Late'
  | 'Other';

export class JobsError extends Error {
  readonly problem: JobsProblem;

  constructor(problem: JobsProblem, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'JobsError';
    this.problem = problem;
  }
}

/**
 * A server at an address is asked for no name (RFC 6066), which gRPC for Node cannot leave out; so it asks for one that
 * nobody heeds, and the certificate is held against the address all the same.
 */
const NAME_OF_ADDRESSES = 'localhost';

interface Method<Input extends DescMessage, Output extends DescMessage> {
  readonly localName: string;
  readonly name: string;
  readonly input: Input;
  readonly output: Output;
}

/** Throws `JobsError` for a certificate, key or authority that is none. */
export function openJobsClient(access: JobsAccess, clock: Clock): JobsClient {
  const { host } = access;
  const [address, port] = partsOf(host);
  const name = access.serverName ?? address;
  const context = secureContext(access);
  const tls = {
    serverName: isIP(name) === 0 ? name : NAME_OF_ADDRESSES,
    checkServerIdentity: (_asked: string, shown: Parameters<typeof checkServerIdentity>[1]) =>
      checkServerIdentity(name, shown),
  };
  const client = new Client(host, credentials.createFromSecureContext(context, tls), {
    'grpc.primary_user_agent': 'gantry-cli',
    'grpc.default_authority': access.serverName ?? host,
    'grpc.ssl_target_name_override': tls.serverName,
  });
  const explain = async (error: unknown, isBegun = false): Promise<JobsError> => {
    if (!isServiceError(error) || error.code !== status.UNAVAILABLE) return refusal(error, host);
    if (isBegun) {
      const message = `the connection to the job runner at ${host} was lost; the job goes on without it: ${lastError(error.details)}`;
      return new JobsError('Unreachable', message, { cause: error });
    }
    const found = await probe({ address, port, context, clock, ...tls });
    return unavailable(found ?? lastError(error.details), host, error);
  };

  const unary = <Input extends DescMessage, Output extends DescMessage>(
    method: Method<Input, Output>,
    request: MessageShape<Input>,
    { signal, deadlineMs }: JobsCall = {},
  ): Promise<MessageShape<Output>> =>
    new Promise((resolve, reject) => {
      const call = client.makeUnaryRequest(
        pathOf(method),
        (message: MessageShape<Input>) => Buffer.from(toBinary(method.input, message)),
        (bytes) => fromBinary(method.output, bytes),
        request,
        deadlineMs === undefined ? {} : { deadline: deadlineMs },
        (error, answer) => {
          signal?.removeEventListener('abort', cancel);
          if (error !== null) explain(error).then(reject, reject);
          else if (answer === undefined) reject(new JobsError('Other', `${host} answered nothing`));
          else resolve(answer);
        },
      );
      const cancel = (): void => call.cancel();
      if (signal?.aborted === true) cancel();
      else signal?.addEventListener('abort', cancel, { once: true });
    });

  async function* tail(
    request: TailRequest,
    { signal, deadlineMs }: JobsCall = {},
  ): AsyncGenerator<TailResponse, void, undefined> {
    const method = JobService.method.tail;
    const call = client.makeServerStreamRequest(
      pathOf(method),
      (message: TailRequest) => Buffer.from(toBinary(method.input, message)),
      (bytes) => fromBinary(method.output, bytes),
      request,
      deadlineMs === undefined ? {} : { deadline: deadlineMs },
    );
    const cancel = (): void => call.cancel();
    let isBegun = false;
    if (signal?.aborted === true) cancel();
    else signal?.addEventListener('abort', cancel, { once: true });
    try {
      const frames: AsyncIterable<TailResponse> = call;
      for await (const frame of frames) {
        isBegun = true;
        yield frame;
      }
    } catch (error) {
      if (signal?.aborted !== true) throw await explain(error, isBegun);
    } finally {
      signal?.removeEventListener('abort', cancel);
      call.cancel();
    }
  }

  return {
    start: (request, call) => unary(JobService.method.start, request, call),
    stop: (request, call) => unary(JobService.method.stop, request, call),
    status: (request, call) => unary(JobService.method.status, request, call),
    tail,
    close: () => client.close(),
  };
}

function pathOf({ name }: { readonly name: string }): string {
  return `/${JobService.typeName}/${name}`;
}

function partsOf(host: string): readonly [address: string, port: number] {
  const at = host.lastIndexOf(':');
  return [host.slice(0, at).replace(/^\[|\]$/g, ''), Number(host.slice(at + 1))];
}

function secureContext({ certificate, key, authority }: JobsAccess): SecureContext {
  try {
    return createSecureContext({ cert: certificate, key, ca: authority, minVersion: 'TLSv1.3' });
  } catch (error) {
    throw new JobsError('Invalid', `the client certificate, its key or the authority: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && 'details' in error && typeof error.details === 'string';
}

function refusal(error: unknown, host: string): JobsError {
  if (!isServiceError(error)) return new JobsError('Other', `${host}: ${messageOf(error)}`, { cause: error });
  const { code, details } = error;
  const [problem, say] = PROBLEMS.get(code) ?? ['Other', (said) => `${status[code] ?? code}: ${said}`];
  return new JobsError(problem, say(details, host), { cause: error });
}

type Saying = readonly [JobsProblem, (said: string, host: string) => string];

const PROBLEMS: ReadonlyMap<number, Saying> = new Map<number, Saying>([
  [
    status.UNAUTHENTICATED,
    ['Refused', (said, host) => `the job runner at ${host} refuses this client certificate: ${said}`],
  ],
  [status.PERMISSION_DENIED, ['Forbidden', (said) => `permission denied: ${said}`]],
  [status.NOT_FOUND, ['NotFound', (said) => said]],
  [status.INVALID_ARGUMENT, ['Invalid', (said) => said]],
  [
    status.DEADLINE_EXCEEDED,
    [
      'Late',
      (_said, host) =>
        `the job runner at ${host} did not answer in time: --timeout says how long it may take`,
    ],
  ],
  [status.CANCELLED, ['Other', () => 'interrupted']],
]);

/** No connection came about: the words of TLS and of sockets say why. */
function unavailable(said: string, host: string, cause: Error): JobsError {
  const [problem, say] = FAULTS.find(([words]) => words.test(said))?.[1] ?? [
    'Unreachable',
    () => `the job runner at ${host} cannot be reached: ${said}`,
  ];
  return new JobsError(problem, say(said, host), { cause });
}

const FAULTS: readonly (readonly [RegExp, Saying])[] = [
  [
    /ECONNREFUSED/,
    [
      'Unreachable',
      (_said, host) =>
        `nobody listens at ${host}: is Gantry up, and is this its --grpc-port? (--host names another)`,
    ],
  ],
  [
    /ENOTFOUND|EAI_AGAIN|Name resolution failed/,
    ['Unreachable', (said, host) => `${host} is not known: --host wants HOST:PORT (${said})`],
  ],
  [
    /alert|ECONNRESET|EPIPE|socket hang up|before secure|closed the connection|WRONG_VERSION|wrong version/i,
    [
      'Refused',
      (said, host) =>
        `the job runner at ${host} refused the connection: it takes TLS 1.3 with a client certificate of its cluster's authority (${said})`,
    ],
  ],
  [
    /certificate|altname|CERT_/i,
    [
      'Untrusted',
      (said, host) =>
        `the certificate that ${host} shows is not one of this cluster's authority for that address: ${said}`,
    ],
  ],
];

/** gRPC tells first that it tells of the last error. */
function lastError(details: string): string {
  return /Last error: (.*?)(?:\. Resolution note: .*)?$/s.exec(details)?.[1] ?? details;
}
