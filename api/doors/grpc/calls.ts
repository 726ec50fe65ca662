/**
 * What every call of the job runner goes through: who calls (the certificate's word, never the metadata's), a trace, a
 * seat, the audit, one log line, and errors as gRPC's codes.
 */
import type { Metadata, ServerWritableStream, sendUnaryData } from '@grpc/grpc-js';
import { Metadata as NewMetadata } from '@grpc/grpc-js';
import type { Client } from '../../../machinery/client.ts';
import type { Clock } from '../../../machinery/clock.ts';
import { ApiError } from '../../../machinery/errors.ts';
import type { FairQueue } from '../../../machinery/fairqueue.ts';
import { doorIdentity, type Identity } from '../../../machinery/identity.ts';
import type { Log } from '../../../machinery/log.ts';
import type { Random } from '../../../machinery/random.ts';
import { newTrace, withTrace } from '../../../machinery/trace.ts';
import { InProcessClient } from '../../registry/inprocess.ts';
import type { Registry, RequestContext, RequestOrigin } from '../../registry/types.ts';
import { subjectIdentity } from '../../server/middleware/authentication.ts';
import { CallError, toCallError } from './errors.ts';
import type { CallMetrics } from './metrics.ts';

/** What a handler knows of its call. */
export interface Call {
  readonly caller: Identity;
  /** The caller's own, for authorization. */
  readonly context: RequestContext;
  /** Acts as the job runner; the audit says for whom. */
  readonly client: Client;
  /** Aborts when nobody waits for the answer any more, or the server stops; its reason is what the call ends with. */
  readonly signal: AbortSignal;
  /** Gives the seat to others: what follows is waiting. */
  release(): void;
}

export interface CallDeps {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly calls: CallMetrics;
  readonly seats: FairQueue;
  readonly stopping: AbortSignal;
}

/** What calls of both forms have. */
interface Surface {
  readonly metadata: Metadata;
  readonly cancelled: boolean;
  getPath(): string;
  getPeer(): string;
  getAuthContext(): { readonly sslPeerCertificate?: Parameters<typeof subjectIdentity>[0] };
  sendMetadata(metadata: Metadata): void;
  on(event: 'cancelled', listener: () => void): unknown;
}

const DOOR = doorIdentity('grpc');

/** Who calls, in the calls of gRPC's own services too. */
export function callerOf(surface: Pick<Surface, 'getAuthContext'>): Identity {
  const { sslPeerCertificate } = surface.getAuthContext();
  const identity = sslPeerCertificate === undefined ? undefined : subjectIdentity(sslPeerCertificate);
  if (identity === undefined) {
    throw new CallError('UNAUTHENTICATED', 'the client certificate names nobody: wanted a common name (CN)');
  }
  return identity;
}

export function answerUnary<Request, Answer>(
  deps: CallDeps,
  handle: (call: Call, request: Request) => Promise<Answer>,
): (surface: Surface & { readonly request: Request }, answer: sendUnaryData<Answer>) => void {
  return (surface, answer) => {
    let result: Answer | undefined;
    const work = async (call: Call): Promise<void> => {
      result = await handle(call, surface.request);
    };
    void through(deps, surface, work).then((error) => {
      if (error !== undefined) answer(error.answer);
      else answer(null, result ?? null);
    });
  };
}

export function answerStream<Request, Frame>(
  deps: CallDeps,
  handle: (call: Call, request: Request) => AsyncIterable<Frame>,
): (surface: ServerWritableStream<Request, Frame>) => void {
  return (surface) => {
    const work = async (call: Call): Promise<void> => {
      for await (const frame of handle(call, surface.request)) {
        if (!surface.write(frame)) await drained(surface, call.signal);
        call.signal.throwIfAborted();
      }
    };
    void through(deps, surface, work).then((error) => {
      if (error === undefined) surface.end();
      else surface.emit('error', Object.assign(new Error(error.message), error.answer));
    });
  };
}

/** Resolves when the reader has taken enough for there to be room again, or when the signal aborts. */
function drained(stream: NodeJS.EventEmitter, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      stream.off('drain', finish);
      signal.removeEventListener('abort', finish);
      resolve();
    };
    stream.on('drain', finish);
    signal.addEventListener('abort', finish);
    if (signal.aborted) finish();
  });
}

/** Never rejects: resolves with what the call ends with where that is an error. */
async function through(
  deps: CallDeps,
  surface: Surface,
  work: (call: Call) => Promise<void>,
): Promise<CallError | undefined> {
  const { registry, clock, random, log, calls, seats, stopping } = deps;
  const startMs = clock.monotonicMs();
  const path = surface.getPath();
  const method = path.slice(path.lastIndexOf('/') + 1);
  const trace = newTrace(random, text(surface.metadata, 'traceparent'));
  const origin: RequestOrigin = {
    auditId: trace.requestId,
    uri: path,
    sourceIps: [
      surface
        .getPeer()
        .replace(/:\d+$/, '')
        .replace(/^::ffff:(?=\d)/, ''),
    ],
    receivedMs: clock.now(),
    told: 'nothing',
  };
  const gone = new AbortController();
  surface.on('cancelled', () =>
    gone.abort(new CallError('CANCELLED', 'nobody waits for the answer any more')),
  );
  const stop = (): void => gone.abort(new CallError('UNAVAILABLE', 'the server is stopping; call again'));
  stopping.addEventListener('abort', stop);
  if (stopping.aborted) stop();
  let context: RequestContext | undefined;
  let release = (): void => undefined;

  const failure = await withTrace(trace, async (): Promise<CallError | undefined> => {
    try {
      if (surface.cancelled) throw new CallError('CANCELLED', 'nobody waits for the answer any more');
      const ids = new NewMetadata();
      ids.set('x-trace-id', trace.traceId);
      ids.set('x-request-id', trace.requestId);
      surface.sendMetadata(ids);
      const caller = callerOf(surface);
      const userAgent = text(surface.metadata, 'user-agent');
      context = { identity: caller, origin, ...(userAgent === undefined ? {} : { userAgent }) };
      const seat = seats.take(caller.name) ?? (await seats.wait(caller.name, gone.signal));
      if (typeof seat === 'string') {
        gone.signal.throwIfAborted();
        throw new CallError(
          'RESOURCE_EXHAUSTED',
          `too many calls of user ${JSON.stringify(caller.name)} at once: ${seat}; call again later`,
        );
      }
      release = () => seat.release();
      const client = new InProcessClient(registry, { ...context, identity: DOOR, impersonator: caller });
      await work({ caller, context, client, signal: gone.signal, release });
      if (origin.told !== 'everything') tell({ code: 200 });
      return undefined;
    } catch (error) {
      const failed = toCallError(error);
      if (failed.codeName === 'INTERNAL') log.error({ err: error }, 'a call of the job runner failed');
      if (origin.told !== 'everything') {
        tell({ error: error instanceof ApiError ? error : new ApiError('BadRequest', failed.message) });
      }
      return failed;
    }
  });
  release();
  stopping.removeEventListener('abort', stop);
  const seconds = (clock.monotonicMs() - startMs) / 1000;
  const code = failure?.codeName ?? 'OK';
  calls.ended.inc({ method, code });
  if (method !== 'Tail') calls.seconds.observe({ method }, seconds);
  const line = {
    path,
    code,
    durationMs: Math.round(seconds * 10_000) / 10,
    user: context?.identity.name ?? '',
    trace_id: trace.traceId,
    request_id: trace.requestId,
    ...(failure === undefined ? {} : { why: failure.message }),
  };
  log.info(line, 'call');
  return failure;

  function tell(outcome: Parameters<Registry['auditRequest']>[3]): void {
    registry.auditRequest(context, origin, { verb: method.toLowerCase(), path }, outcome);
  }
}

function text(metadata: Metadata, key: string): string | undefined {
  const [value] = metadata.get(key);
  return typeof value === 'string' ? value : undefined;
}
