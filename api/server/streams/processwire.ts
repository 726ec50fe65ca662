/**
 * The client's ends of a process (exec, attach): what it types, what it reads, its terminal's size and how it is told
 * the end; over WebSocket channels or over SPDY streams, which are the same from here on.
 */
import type { Readable, Writable } from 'node:stream';
import type { Clock } from '../../../machinery/clock.ts';
import type { Status } from '../../../machinery/errors.ts';
import type { ProcessOptions } from '../../../machinery/runtime.ts';
import { CHANNEL_PROTOCOLS, chooseChannelProtocol } from '../../../net/channels.ts';
import { ChannelSocket } from '../../../net/channelsocket.ts';
import { SpdyConnection } from '../../../net/spdy/connection.ts';
import type { SpdyStream } from '../../../net/spdy/stream.ts';
import type { AppContext } from '../context.ts';
import {
  changeToSpdy,
  changeToWebSocket,
  chooseSpdyProtocol,
  type Offer,
  unsupportedSubprotocol,
} from './handshake.ts';

export interface ProcessWire {
  readonly stdin: Readable | undefined;
  readonly stdout: Writable | undefined;
  readonly stderr: Writable | undefined;
  /** JSON sizes, one after another. */
  readonly resize: Readable | undefined;
  /** Aborts when the client is gone. */
  readonly gone: AbortSignal;
  /** Tells, where the protocol can, that the process runs now. */
  begin(): Promise<void>;
  /** Tells the end and closes, after everything written before; done when the client has it or is gone. */
  finish(status: Status): Promise<void>;
}

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const ERROR = 3;
const RESIZE = 4;

/** `v4` tells the end as a Status, the older ones as text. `v5` over SPDY would be `v4`: clients offer both. */
const SPDY_PROTOCOLS = ['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io'];
const SPDY_RESIZING = new Set(['v4.channel.k8s.io', 'v3.channel.k8s.io']);
/** How long a client may take to open its streams. */
const STREAMS_MS = 30_000;

/**
 * Changes the protocol. Undefined when the client went away, or did not do its part in time. Throws `ApiError`, with the
 * connection still HTTP's, when there is no protocol both know.
 */
export async function openProcessWire(
  ctx: AppContext,
  offer: Offer,
  options: ProcessOptions,
  clock: Clock,
): Promise<ProcessWire | undefined> {
  if (offer.type === 'spdy') return openSpdyWire(ctx, offer.protocols, options, clock);
  const protocol = chooseChannelProtocol(offer.subprotocols);
  if (protocol === undefined) {
    throw unsupportedSubprotocol(
      offer.subprotocols,
      CHANNEL_PROTOCOLS.map(({ name }) => name),
    );
  }
  const changed = changeToWebSocket(ctx, protocol.name);
  if (changed === undefined) return undefined;
  const channels = new ChannelSocket(changed.webSocket, changed.socket, protocol, clock);
  return {
    stdin: options.stdin ? channels.readable(STDIN) : undefined,
    stdout: options.stdout ? channels.writable(STDOUT) : undefined,
    stderr: options.stderr ? channels.writable(STDERR) : undefined,
    resize: options.tty ? channels.readable(RESIZE) : undefined,
    gone: channels.gone,
    async begin() {
      // Kubernetes says with an empty message that the session is open, and some clients wait for it. Not sooner than
      // the process runs: kubectl from 1.30 to 1.34 is not ready for messages at once, and complains of them.
      const first = options.stdout ? STDOUT : options.stderr ? STDERR : ERROR;
      await channels.send(first, Buffer.alloc(0)).catch(() => undefined);
    },
    async finish(status) {
      const text = endingText(status, protocol.hasStatus);
      // A client that is gone is told nothing, which is what a failed write means.
      if (text !== '') await channels.send(ERROR, Buffer.from(text)).catch(() => undefined);
      await channels.close();
    },
  };
}

async function openSpdyWire(
  ctx: AppContext,
  offered: readonly string[],
  options: ProcessOptions,
  clock: Clock,
): Promise<ProcessWire | undefined> {
  const protocol = chooseSpdyProtocol(ctx, offered, SPDY_PROTOCOLS);
  const wanted = [
    'error',
    ...(options.stdin ? ['stdin'] : []),
    ...(options.stdout ? ['stdout'] : []),
    ...(options.stderr ? ['stderr'] : []),
    ...(options.tty && SPDY_RESIZING.has(protocol) ? ['resize'] : []),
  ];
  const streams = new Map<string, SpdyStream>();
  const socket = changeToSpdy(ctx, protocol);
  let complete = (): void => undefined;
  const connection = new SpdyConnection(socket, {
    clock,
    maxStreams: wanted.length,
    onStream(stream) {
      const type = stream.headers.get('streamtype') ?? '';
      if (!wanted.includes(type)) return `unexpected stream type: "${type}"`;
      if (streams.has(type)) return `there is a ${type} stream already`;
      streams.set(type, stream);
      if (streams.size === wanted.length) complete();
      return undefined;
    },
  });
  await new Promise<void>((resolve) => {
    const timer = clock.after(STREAMS_MS, resolve);
    complete = () => {
      timer.cancel();
      resolve();
    };
    if (streams.size === wanted.length) complete();
    connection.ended.addEventListener('abort', complete, { once: true });
  });
  const error = streams.get('error');
  if (connection.ended.aborted || streams.size < wanted.length || error === undefined) {
    connection.close();
    return undefined;
  }
  const outputs = [streams.get('stdout'), streams.get('stderr')].filter((stream) => stream !== undefined);
  // Nobody writes on what we write on; but the client ends it, and an end that is not read is none.
  for (const stream of [error, ...outputs]) stream.resume();
  return {
    stdin: streams.get('stdin'),
    stdout: streams.get('stdout'),
    stderr: streams.get('stderr'),
    resize: streams.get('resize'),
    gone: connection.ended,
    // The replies to its streams told the client.
    begin: () => Promise.resolve(),
    async finish(status) {
      // kubectl reads its outputs to their end before it looks at the error stream.
      await Promise.all(outputs.map((stream) => endOf(stream)));
      const text = endingText(status, protocol === 'v4.channel.k8s.io');
      if (text !== '' && error.writable) error.write(text);
      await endOf(error);
      connection.close();
    },
  };
}

/** Resolves when all that was written has left, or never will. */
export function endOf(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || stream.writableFinished) return resolve();
    stream.once('close', resolve);
    stream.end(() => resolve());
  });
}

function endingText(status: Status, isJson: boolean): string {
  if (isJson) return JSON.stringify(status);
  return status.status === 'Success' ? '' : (status.message ?? '');
}

/** Resolves when there is room for more; false when the client takes no more. */
export function writeTo(writable: Writable, data: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    if (!writable.writable) return resolve(false);
    writable.write(data, (error) => resolve(error === null || error === undefined));
  });
}
