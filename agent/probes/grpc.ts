/**
 * A gRPC probe: `grpc.health.v1.Health/Check` of the gRPC health checking protocol, over HTTP/2 without TLS, by the
 * kubelet's rules (`pkg/probe/grpc`, Kubernetes 1.33): only SERVING is success.
 *
 * The two messages of the protocol have one field each, so they are written and read here.
 */
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  type IncomingHttpHeaders,
  type IncomingHttpStatusHeader,
} from 'node:http2';
import type { Duplex } from 'node:stream';
import { messageOf } from '../../machinery/errors.ts';
import { type Answer, MAX_ANSWER_BYTES, success } from './answer.ts';
import { Overdue } from './deadline.ts';
import { hostPort, type Road, socketWords } from './road.ts';

export interface GrpcQuestion {
  readonly port: number;
  /** Empty: the whole server. */
  readonly service: string;
  readonly userAgent: string;
  readonly timeoutMs: number;
}

const STATUSES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
const UNIMPLEMENTED = '12';
/** A byte of flags, four of length. */
const FRAME_BYTES = 5;

/** @param signal ends the question; with `Overdue` as its reason the answer is a failure. */
export async function askGrpc(road: Road, question: GrpcQuestion, signal: AbortSignal): Promise<Answer> {
  const where = hostPort(road.host, question.port);
  const tooLate: Answer = {
    kind: 'failure',
    message: `timeout: health rpc did not complete within ${question.timeoutMs / 1000}s`,
  };
  const connection = await road.connect(question.port, signal);
  if (connection.kind === 'unknown') return connection;
  if (connection.kind === 'refused') {
    return {
      kind: 'failure',
      message: `error: failed to connect service "${where}": ${connection.message}`,
    };
  }
  const { socket } = connection;
  try {
    const reply = await check(socket, where, question, signal);
    return judged(reply);
  } catch (error) {
    if (signal.reason instanceof Overdue) return tooLate;
    if (signal.aborted) return { kind: 'unknown', message: messageOf(signal.reason) };
    return { kind: 'failure', message: `error: health rpc failed: ${socketWords(error)}` };
  } finally {
    socket.destroy();
  }
}

interface Reply {
  readonly httpStatus: number | undefined;
  readonly grpcStatus: string | undefined;
  readonly grpcMessage: string;
  readonly body: Buffer;
}

function check(
  socket: Duplex,
  authority: string,
  { service, userAgent }: GrpcQuestion,
  signal: AbortSignal,
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const session: ClientHttp2Session = connectHttp2(`http://${authority}`, {
      createConnection: () => socket,
    });
    const giveUp = (): void => end(() => reject(new Error('given up')));
    const end = (act: () => void): void => {
      signal.removeEventListener('abort', giveUp);
      act();
      session.destroy();
    };
    session.on('error', (error) => end(() => reject(error)));
    session.once('close', () => end(() => reject(new Error('the connection was closed'))));
    signal.addEventListener('abort', giveUp, { once: true });
    if (signal.aborted) return giveUp();
    const stream = session.request({
      ':method': 'POST',
      ':path': '/grpc.health.v1.Health/Check',
      'content-type': 'application/grpc',
      'user-agent': userAgent,
      te: 'trailers',
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    let head: IncomingHttpHeaders & IncomingHttpStatusHeader = {};
    let tail: IncomingHttpHeaders = {};
    stream.on('response', (headers) => {
      head = headers;
    });
    stream.on('trailers', (headers) => {
      tail = headers;
    });
    stream.on('data', (chunk: Buffer) => {
      if (bytes < MAX_ANSWER_BYTES) chunks.push(chunk);
      bytes += chunk.length;
    });
    stream.on('error', (error) => end(() => reject(error)));
    stream.on('end', () => {
      // Where there is no body the headers are the trailers.
      const word = (name: string): string | undefined => asText(tail[name] ?? head[name]);
      const reply = {
        httpStatus: head[':status'],
        grpcStatus: word('grpc-status'),
        grpcMessage: percentDecoded(word('grpc-message') ?? ''),
        body: Buffer.concat(chunks),
      };
      end(() => resolve(reply));
    });
    stream.end(healthCheckRequest(service));
  });
}

function judged({ httpStatus, grpcStatus, grpcMessage, body }: Reply): Answer {
  if (grpcStatus === '0') {
    const status = servingStatus(body);
    if (status === 'SERVING') return success;
    return { kind: 'failure', message: `service unhealthy (responded with "${status}")` };
  }
  const why =
    grpcStatus === undefined
      ? `HTTP status ${httpStatus} without a gRPC status`
      : `status ${grpcStatus}: ${grpcMessage}`;
  return {
    kind: 'failure',
    message:
      grpcStatus === UNIMPLEMENTED
        ? `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${grpcMessage}`
        : `error: health rpc failed: ${why}`,
  };
}

/** `message HealthCheckRequest { string service = 1; }` in a frame. */
function healthCheckRequest(service: string): Buffer {
  const name = Buffer.from(service);
  const message =
    name.length === 0 ? Buffer.alloc(0) : Buffer.concat([Buffer.from([0x0a, ...varint(name.length)]), name]);
  const frame = Buffer.alloc(FRAME_BYTES);
  frame.writeUInt32BE(message.length, 1);
  return Buffer.concat([frame, message]);
}

/** `message HealthCheckResponse { ServingStatus status = 1; }` in a frame; an absent status is 0. */
function servingStatus(body: Buffer): string {
  const end = Math.min(body.length, FRAME_BYTES + (body.length >= FRAME_BYTES ? body.readUInt32BE(1) : 0));
  const [tag, value = 0] = body.subarray(FRAME_BYTES, end);
  return tag === 0x08 ? (STATUSES[value] ?? String(value)) : (STATUSES[0] ?? '');
}

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}

function asText(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}

/** As gRPC sends its messages; what is no such encoding stays as it is. */
function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
