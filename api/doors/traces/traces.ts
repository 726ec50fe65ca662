/**
 * The WebSocket door: `/ws/{trace_id}` tells what happens in one trace, to those who subscribed to it and to nobody
 * else; `/ws` begins without a subscription. docs/doors/traces.md is the protocol.
 */
import { Counter, Gauge } from 'prom-client';
import type { Clock } from '../../../machinery/clock.ts';
import { Limiter } from '../../../machinery/limiter.ts';
import type { Log } from '../../../machinery/log.ts';
import type { Metrics } from '../../../machinery/metrics.ts';
import { currentTrace } from '../../../machinery/trace.ts';
import { handshakeProblem, isWebSocketOffer, offeredSubprotocols } from '../../../net/websocket.ts';
import { runs } from '../../../schemas/kinds.ts';
import type { Registry } from '../../registry/types.ts';
import { type AppContext, identityOf, requestContext } from '../../server/context.ts';
import { methodNotAllowed, unknownPath } from '../../server/errors.ts';
import { arrivalOf } from '../../server/middleware/arrival.ts';
import { becomeLongRunning, pathRoute } from '../../server/middleware/metrics.ts';
import { WatchLimit } from '../../server/middleware/watchlimit.ts';
import { changeToWebSocket } from '../../server/streams/handshake.ts';
import type { Door } from '../door.ts';
import { type ConnectionDeps, MAX_MESSAGE_BYTES, TraceConnection } from './connection.ts';
import { errorBody, statusOf, TraceError, UPGRADE } from './errors.ts';
import { TraceHub } from './hub.ts';
import { readRevision, readTraceId } from './messages.ts';
import { Rights } from './rights.ts';

export interface TracesDoorDeps {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

export interface TracesDoor extends Door {
  /** Ends every subscription. */
  close(): Promise<void>;
}

/** Browsers that send a token in the subprotocol need one that the server can answer with. */
export const SUBPROTOCOL = 'traces.gantry.dev';
const PATH = '/ws';
/** How many read the past at once: it is read from the store. */
const REPLAYS = 4;

export function tracesDoor(deps: TracesDoorDeps): TracesDoor {
  const { registry, clock, log } = deps;
  const hub = new TraceHub(registry, log);
  const limit = new WatchLimit();
  const replays = new Limiter(REPLAYS);
  const open = new Set<TraceConnection>();
  const counts = newCounts(deps.metrics, open, hub);

  async function serve(ctx: AppContext): Promise<void> {
    ctx.state.labels = pathRoute(ctx.method, PATH);
    if (ctx.method !== 'GET') throw methodNotAllowed(ctx, ['GET']);
    const traceId = traceIdOf(ctx.path);
    const from = [ctx.query.from_revision].flat()[0];
    const fromRevision = from === undefined ? undefined : readRevision(from);
    checkOffer(ctx);
    const rights = new Rights(registry, clock, identityOf(ctx));
    if (!(await rights.mayAnywhere())) {
      const { group, version, plural: resource } = runs;
      // Refused, and told the audit, as every request is.
      registry.authorize(requestContext(ctx), { verb: 'watch', group, version, resource });
    }
    await limit.run(identityOf(ctx).name, async () => {
      const subprotocol = offeredSubprotocols(ctx.req).includes(SUBPROTOCOL) ? SUBPROTOCOL : '';
      const changed = changeToWebSocket(ctx, subprotocol, MAX_MESSAGE_BYTES);
      if (changed === undefined) return;
      becomeLongRunning(ctx);
      const connectionDeps: ConnectionDeps = { hub, registry, rights, clock, log, replays, counts };
      const connection = new TraceConnection(changed.webSocket, changed.socket, connectionDeps);
      await hold(connection, arrivalOf(ctx.req).stopping, () => {
        if (traceId !== undefined) connection.subscribe(traceId, fromRevision);
      });
    });
  }

  async function hold(connection: TraceConnection, stopping: AbortSignal, begin: () => void): Promise<void> {
    const stop = (): void => connection.stop();
    open.add(connection);
    stopping.addEventListener('abort', stop, { once: true });
    try {
      if (stopping.aborted) stop();
      else begin();
      await connection.closed;
    } finally {
      stopping.removeEventListener('abort', stop);
      open.delete(connection);
    }
  }

  return {
    name: 'traces',
    owns: (path) => path === PATH || path.startsWith(`${PATH}/`),
    describeError: (error) => ({
      code: statusOf(error),
      body: errorBody(error, currentTrace()?.traceId ?? ''),
    }),
    middleware: serve,
    async close() {
      const all = [...open];
      for (const connection of all) connection.stop();
      await Promise.all(all.map(({ closed }) => closed));
    },
  };
}

/** Undefined for `/ws` alone. Throws `TraceError`, or `NotFound` for what is below a trace. */
function traceIdOf(path: string): string | undefined {
  const [id = '', ...rest] = path.slice(PATH.length + 1).split('/');
  if (rest.length > 0) throw unknownPath();
  return id === '' ? undefined : readTraceId(id);
}

function checkOffer(ctx: AppContext): void {
  if (arrivalOf(ctx.req).upgrade === undefined || !isWebSocketOffer(ctx.req)) {
    // HTTP/2 has neither header and refuses an answer with them. Source: RFC 9113, section 8.2.2.
    if (ctx.req.httpVersionMajor === 1) ctx.set({ Upgrade: 'websocket', Connection: 'Upgrade' });
    const message = 'found an ordinary request, wanted a WebSocket handshake (HTTP/1.1, Upgrade: websocket)';
    throw new TraceError(UPGRADE, message, 426);
  }
  const problem = handshakeProblem(ctx.req);
  if (problem !== undefined) throw new TraceError(UPGRADE, `the WebSocket handshake is broken: ${problem}`);
}

function newCounts(
  metrics: Metrics,
  open: ReadonlySet<TraceConnection>,
  hub: TraceHub,
): ConnectionDeps['counts'] {
  const registers = [metrics];
  const subscriptions = new Gauge({
    name: 'gantry_trace_subscriptions',
    help: 'Subscriptions to traces over WebSocket that are open now.',
    registers,
  });
  new Gauge({
    name: 'gantry_trace_connections',
    help: 'WebSocket connections of the traces door that are open now.',
    registers,
    collect() {
      this.set(open.size);
    },
  });
  new Gauge({
    name: 'gantry_trace_objects',
    help: 'Objects whose last event the traces door remembers, for new subscribers; 0 without any.',
    registers,
    collect() {
      this.set(hub.size);
    },
  });
  const frames = new Counter({
    name: 'gantry_trace_frames_total',
    help: 'Events sent to subscribers of traces.',
    registers,
  });
  const drops = new Counter({
    name: 'gantry_trace_dropped_total',
    help: 'Clients of the traces door that were let go, by cause: slow, dead, noisy or failed.',
    labelNames: ['cause'],
    registers,
  });
  return {
    frame: () => frames.inc(),
    dropped: (cause) => drops.inc({ cause }),
    subscribed: (by) => subscriptions.inc(by),
  };
}
