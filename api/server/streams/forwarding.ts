/**
 * Forwarded connections: each a data and an error stream of the client's, joined to one TCP connection in the container.
 *
 * Promises: bytes in order and none lost, each direction ended by itself, held back when the other side is slow; a
 * connection that fails says so on its error stream and harms no other; everything is closed when the session ends.
 */
import type { Duplex, Readable, Writable } from 'node:stream';
import type { Clock } from '../../../machinery/clock.ts';
import { messageOf } from '../../../machinery/errors.ts';
import type { ChannelSocket } from '../../../net/channelsocket.ts';
import { SpdyConnection } from '../../../net/spdy/connection.ts';
import type { SpdyStream } from '../../../net/spdy/stream.ts';
import { endOf, writeTo } from './processwire.ts';

export interface Forwarder {
  readonly clock: Clock;
  /** `pod "hello"`, for messages. */
  readonly called: string;
  /** Rejects with `ApiError`. */
  readonly dial: (port: number, signal: AbortSignal) => Promise<Duplex>;
}

/** How long a client may take to open the second stream of a pair. */
const PAIR_MS = 30_000;
/** How long a client may go on sending after the container has ended its side. */
const LAST_WORDS_MS = 1_000;

interface Pair {
  readonly port: number;
  /** No longer gives it up for what does not come. */
  readonly complete: () => void;
  error?: SpdyStream;
  data?: SpdyStream;
}

/** Resolves when the client has gone or the server stops; every connection is closed then. */
export async function forwardOverSpdy(
  socket: Duplex,
  forwarder: Forwarder,
  stopping: AbortSignal,
): Promise<void> {
  const pairs = new Map<string, Pair>();
  const running = new Set<Promise<void>>();
  const connection = new SpdyConnection(socket, {
    clock: forwarder.clock,
    onStream(stream) {
      const { port, type, problem } = readStreamHeaders(stream);
      if (problem !== undefined) return problem;
      const id = requestIdOf(stream, type);
      const pair = pairs.get(id) ?? newPair(id, port);
      if (pair[type] !== undefined) return `there is a ${type} stream of request ${id} already`;
      pair[type] = stream;
      const { error, data } = pair;
      if (error === undefined || data === undefined) return undefined;
      pairs.delete(id);
      pair.complete();
      const work = forwardPair(error, data, pair.port);
      running.add(work);
      void work.finally(() => running.delete(work));
      return undefined;
    },
  });
  const signal = AbortSignal.any([connection.ended, stopping]);

  function newPair(id: string, port: number): Pair {
    const timer = forwarder.clock.after(PAIR_MS, () => {
      pairs.delete(id);
      pair.complete();
      pair.error?.destroy();
      pair.data?.destroy();
    });
    const complete = (): void => {
      timer.cancel();
      connection.ended.removeEventListener('abort', complete);
    };
    const pair: Pair = { port, complete };
    pairs.set(id, pair);
    connection.ended.addEventListener('abort', complete, { once: true });
    return pair;
  }

  async function forwardPair(error: SpdyStream, data: SpdyStream, port: number): Promise<void> {
    // The client ends it at once, and an end that is not read is none.
    error.resume();
    const problem = await forward({ from: data, to: data }, port, forwarder, signal);
    if (problem === undefined) error.end();
    else error.end(problem);
  }

  await aborted(signal);
  connection.close();
  await Promise.all(running);
}

/** Channel `2i` carries the data of the i-th port, `2i + 1` its errors; each begins with its port, as two bytes. */
export async function forwardOverChannels(
  channels: ChannelSocket,
  ports: readonly number[],
  forwarder: Forwarder,
  stopping: AbortSignal,
): Promise<void> {
  const signal = AbortSignal.any([channels.gone, stopping]);
  const forwarding = ports.map(async (port, index) => {
    const [dataChannel, errorChannel] = [index * 2, index * 2 + 1];
    const client = { from: channels.readable(dataChannel), to: channels.writable(dataChannel) };
    const prefix = Buffer.alloc(2);
    prefix.writeUInt16LE(port);
    // Writes fail only because the client is gone, and then nothing is left to tell.
    await channels.send(dataChannel, prefix).catch(() => undefined);
    await channels.send(errorChannel, prefix).catch(() => undefined);
    const problem = await forward(client, port, forwarder, signal);
    if (problem !== undefined) await channels.send(errorChannel, Buffer.from(problem)).catch(() => undefined);
  });
  await Promise.all(forwarding);
  await channels.close();
}

/** The client's side of one forwarded connection. */
interface ClientEnd {
  readonly from: Readable;
  readonly to: Writable;
}

/** Joins the two until both directions have ended. Gives what the client should be told, if anything. Never rejects. */
async function forward(
  client: ClientEnd,
  port: number,
  { dial, called, clock }: Forwarder,
  signal: AbortSignal,
): Promise<string | undefined> {
  let target: Duplex;
  try {
    target = await dial(port, signal);
  } catch (error) {
    client.to.destroy();
    client.from.destroy();
    if (signal.aborted) return undefined;
    return `error forwarding port ${port} to ${called}: ${messageOf(error)}`;
  }
  // Heard by whoever reads or writes; a reset between two of those is heard by nobody.
  target.on('error', () => undefined);
  const cut = (): void => {
    target.destroy();
    client.to.destroy();
    client.from.destroy();
  };
  signal.addEventListener('abort', cut, { once: true });
  if (signal.aborted) cut();
  const fromClient = copy(client.from, target);
  await copy(target, client.to);
  // The container has said all it had to say. Clients hang up then; one that cannot say so is not waited for.
  const timer = clock.after(LAST_WORDS_MS, cut);
  await fromClient;
  timer.cancel();
  signal.removeEventListener('abort', cut);
  cut();
  return undefined;
}

/** Ends the one when the other ends, cuts it off when the other was cut. Never rejects. */
async function copy(from: Readable, to: Writable): Promise<void> {
  try {
    for await (const chunk of from.iterator({ destroyOnReturn: false })) {
      // Nobody takes any more: what still comes is dropped, so that its sender is not held up.
      if (!(await writeTo(to, chunk))) return void from.resume();
    }
    await endOf(to);
  } catch {
    // A reset is passed on as one: that is between the two, and no reason to tell kubectl, which would give up the
    // whole session.
    to.destroy();
  }
}

function readStreamHeaders({
  headers,
}: SpdyStream):
  | { readonly port: number; readonly type: 'error' | 'data'; readonly problem?: undefined }
  | { readonly port?: undefined; readonly type?: undefined; readonly problem: string } {
  const port = headers.get('port') ?? '';
  const type = headers.get('streamtype') ?? '';
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) {
    return { problem: `unable to parse "${port}" as a port` };
  }
  if (type !== 'error' && type !== 'data') return { problem: `invalid stream type "${type}"` };
  return { port: Number(port), type };
}

/** Old clients name no request: their error and data streams follow each other. */
function requestIdOf({ headers, id }: SpdyStream, type: 'error' | 'data'): string {
  return headers.get('requestid') ?? `stream-${type === 'error' ? id : id - 2}`;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
