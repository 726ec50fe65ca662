/**
 * Kubernetes' channel protocols over WebSocket: each message is one channel's number and bytes for it. Pure: nothing a
 * client can send makes this throw.
 *
 * `v4` tells the end as a Status on the error channel, `v5` also lets a client end one channel (255); the ones without a
 * version are older: an error is plain text there, success is silence. `base64` ones are for clients that can only send
 * text (browser consoles still use them).
 * Source: apimachinery `httpstream/wsstream` and `remotecommand` constants; enhancement 4006.
 */

export interface ChannelProtocol {
  /** The WebSocket subprotocol; empty when the client named none. */
  readonly name: string;
  readonly isBase64: boolean;
  /** Whether the end is a Status (JSON) rather than text. */
  readonly hasStatus: boolean;
  /** Whether a client may end a single channel. */
  readonly hasClose: boolean;
}

const protocol = (name: string, version: 0 | 4 | 5, isBase64 = false): ChannelProtocol => ({
  name,
  isBase64,
  hasStatus: version >= 4,
  hasClose: version >= 5,
});

export const CHANNEL_PROTOCOLS: readonly ChannelProtocol[] = [
  protocol('v5.channel.k8s.io', 5),
  protocol('v4.channel.k8s.io', 4),
  protocol('v4.base64.channel.k8s.io', 4, true),
  protocol('channel.k8s.io', 0),
  protocol('base64.channel.k8s.io', 0, true),
];

/** For a client that names no protocol at all. */
const UNNAMED = protocol('', 0);

/** The first of the client's protocols that is served; undefined when none is. */
export function chooseChannelProtocol(offered: readonly string[]): ChannelProtocol | undefined {
  if (offered.length === 0) return UNNAMED;
  for (const name of offered) {
    const found = CHANNEL_PROTOCOLS.find((candidate) => candidate.name === name);
    if (found !== undefined) return found;
  }
  return undefined;
}

export type ChannelMessage =
  | { readonly type: 'data'; readonly channel: number; readonly data: Buffer }
  /** The client sends no more on this channel. */
  | { readonly type: 'close'; readonly channel: number }
  /** A message without content: clients send it to be seen. */
  | { readonly type: 'empty' }
  | { readonly type: 'malformed'; readonly problem: string };

const CLOSE_CHANNEL = 255;
const ASCII_ZERO = 0x30;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Text frames are taken as their bytes: some clients send text on binary protocols. */
export function readChannelMessage({ isBase64, hasClose }: ChannelProtocol, message: Buffer): ChannelMessage {
  const [first] = message;
  if (first === undefined) return { type: 'empty' };
  const rest = message.subarray(1);
  if (!isBase64) {
    if (first !== CLOSE_CHANNEL || !hasClose) return { type: 'data', channel: first, data: rest };
    const [channel] = rest;
    if (rest.length === 1 && channel !== undefined) return { type: 'close', channel };
    return { type: 'malformed', problem: `the end of a channel has ${rest.length} bytes, wanted one` };
  }
  const channel = first - ASCII_ZERO;
  if (channel < 0 || channel > 9) {
    return { type: 'malformed', problem: `a message begins with byte ${first}, wanted a digit` };
  }
  const text = rest.toString('latin1').replace(/[\r\n]/g, '');
  if (text.length % 4 !== 0 || !BASE64.test(text)) return { type: 'malformed', problem: 'found no base64' };
  return { type: 'data', channel, data: Buffer.from(text, 'base64') };
}

/** A text message for base64 protocols, a binary one for the others. */
export function writeChannelMessage(
  { isBase64 }: ChannelProtocol,
  channel: number,
  data: Uint8Array,
): string | Buffer {
  if (isBase64) return `${channel}${Buffer.from(data).toString('base64')}`;
  const message = Buffer.allocUnsafe(data.length + 1);
  message[0] = channel;
  message.set(data, 1);
  return message;
}
