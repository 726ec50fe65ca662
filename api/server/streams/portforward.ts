/**
 * `…/portforward`: TCP connections to ports inside the Task's container. Three forms of one thing: SPDY streams, the
 * same in a WebSocket (kubectl from 1.31 on), and WebSocket channels with the ports in the query (client libraries).
 * Source: kubelet `cri/streaming/portforward`; client-go `tools/portforward`; enhancement 4006.
 */
import { createWebSocketStream } from 'ws';
import { ApiError } from '../../../machinery/errors.ts';
import { CHANNEL_PROTOCOLS, chooseChannelProtocol } from '../../../net/channels.ts';
import { ChannelSocket } from '../../../net/channelsocket.ts';
import { keepAlive, watchPeer } from '../../../net/websocket.ts';
import type { AppContext } from '../context.ts';
import { arrivalOf } from '../middleware/arrival.ts';
import { longRunning } from '../middleware/metrics.ts';
import type { Target } from '../objects/objects.ts';
import type { Query } from '../objects/query.ts';
import { findBoundTask, requireRunning, sessionVerbs } from './boundtask.ts';
import type { SessionDeps } from './exec.ts';
import { type Forwarder, forwardOverChannels, forwardOverSpdy } from './forwarding.ts';
import {
  changeToSpdy,
  changeToWebSocket,
  chooseSpdyProtocol,
  type Offer,
  readOffer,
  unsupportedSubprotocol,
} from './handshake.ts';

const SPDY_PROTOCOL = 'portforward.k8s.io';
const TUNNEL_PROTOCOL = 'SPDY/3.1+portforward.k8s.io';
/** Of one channel session; each costs a connection and two channels, and there are 255 of those. */
const MAX_PORTS = 64;

export async function forwardPorts(ctx: AppContext, target: Target, deps: SessionDeps): Promise<void> {
  const verbs = sessionVerbs(ctx.method);
  const running = requireRunning(await findBoundTask(ctx, target, deps, { verbs, container: undefined }));
  const offer = readOffer(ctx);
  const { worker, task, called } = running;
  const forwarder: Forwarder = {
    clock: deps.clock,
    called,
    dial: (port, signal) => deps.workerLink.portForward(worker, task, port, signal),
  };
  await deps.sessions.run(async () => {
    const forward = open(ctx, offer, forwarder);
    if (forward === undefined) return;
    await longRunning(ctx, deps.metrics, () => forward(arrivalOf(ctx.req).stopping));
  });
}

/** Changes the protocol; what is returned forwards until either side ends. Undefined when the client went away. */
function open(
  ctx: AppContext,
  offer: Offer,
  forwarder: Forwarder,
): ((stopping: AbortSignal) => Promise<void>) | undefined {
  if (offer.type === 'spdy') {
    const protocol = chooseSpdyProtocol(ctx, offer.protocols, [SPDY_PROTOCOL]);
    const socket = changeToSpdy(ctx, protocol);
    return (stopping) => forwardOverSpdy(socket, forwarder, stopping);
  }
  if (offer.subprotocols.includes(TUNNEL_PROTOCOL)) {
    const changed = changeToWebSocket(ctx, TUNNEL_PROTOCOL);
    if (changed === undefined) return undefined;
    watchPeer(changed.socket);
    keepAlive(changed.webSocket, changed.socket, forwarder.clock);
    const duplex = createWebSocketStream(changed.webSocket);
    // A WebSocket that is held back does not tell that its connection is gone.
    changed.socket.once('close', () => duplex.destroy());
    return (stopping) => forwardOverSpdy(duplex, forwarder, stopping);
  }
  const protocol = chooseChannelProtocol(offer.subprotocols);
  if (protocol === undefined) {
    throw unsupportedSubprotocol(offer.subprotocols, [
      TUNNEL_PROTOCOL,
      ...CHANNEL_PROTOCOLS.map(({ name }) => name),
    ]);
  }
  const ports = portsOf(ctx.query);
  const changed = changeToWebSocket(ctx, protocol.name);
  if (changed === undefined) return undefined;
  const channels = new ChannelSocket(changed.webSocket, changed.socket, protocol, forwarder.clock);
  return (stopping) => forwardOverChannels(channels, ports, forwarder, stopping);
}

/** `?ports=80&ports=81` and `?ports=80,81`. Throws `BadRequest` in Kubernetes' words. */
function portsOf(query: Query): readonly number[] {
  const given = [query.ports ?? []].flat();
  if (given.length === 0) throw new ApiError('BadRequest', 'query parameter "ports" is required');
  const ports = given.flatMap((value) => {
    if (value === '') throw new ApiError('BadRequest', 'query parameter "ports" cannot be empty');
    return value.split(',').map((text) => {
      const problem = portProblem(text);
      if (problem !== undefined) throw new ApiError('BadRequest', problem);
      return Number(text);
    });
  });
  if (ports.length > MAX_PORTS) {
    throw new ApiError('BadRequest', `found ${ports.length} ports, wanted at most ${MAX_PORTS}`);
  }
  return ports;
}

function portProblem(text: string): string | undefined {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) return `unable to parse "${text}" as a port`;
  return Number(text) === 0 ? `port "${text}" must be > 0` : undefined;
}
