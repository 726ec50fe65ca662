/** A connection of the traces door whose other end does as it is told: takes nothing, says nothing, fails. */
import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import type { WebSocket } from 'ws';
import { type ConnectionDeps, TraceConnection } from '../../../api/doors/traces/connection.ts';
import type { TraceHub } from '../../../api/doors/traces/hub.ts';
import { Rights } from '../../../api/doors/traces/rights.ts';
import { Limiter } from '../../../machinery/limiter.ts';
import { silentLog } from '../../../machinery/log.ts';
import { adminIdentity, type World } from '../../world.ts';
import type { Frame } from './tracesrig.ts';

export class FakeWire extends EventEmitter {
  readonly socket = new PassThrough();
  readonly OPEN = 1;
  readyState = 1;
  bufferedAmount = 0;
  readonly sent: Frame[] = [];
  pings = 0;
  isStuck = false;
  isFailing = false;
  isDead = false;
  goodbye: { readonly code: number; readonly reason: string } | undefined;
  #waiting: { readonly bytes: number; readonly done: (error?: Error) => void }[] = [];

  send(text: string, done: (error?: Error) => void): void {
    if (this.isFailing) return done(new Error('write EPIPE'));
    this.sent.push(JSON.parse(text) as Frame);
    if (!this.isStuck) return done();
    this.bufferedAmount += text.length;
    this.#waiting.push({ bytes: text.length, done });
  }

  /** Takes what waits. */
  take(): void {
    this.isStuck = false;
    for (const { bytes, done } of this.#waiting.splice(0)) {
      this.bufferedAmount -= bytes;
      done();
    }
    this.bufferedAmount = 0;
    this.socket.emit('drain');
  }

  ping(): void {
    this.pings++;
    if (!this.isDead) this.emit('pong');
  }

  close(code: number, reason: string): void {
    this.goodbye = { code, reason };
    this.readyState = 2;
    if (!this.isDead) queueMicrotask(() => this.terminate());
  }

  terminate(): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.emit('close');
  }

  say(message: unknown): void {
    this.emit('message', Buffer.from(JSON.stringify(message)), false);
  }

  ofType(type: string): readonly Frame[] {
    return this.sent.filter((frame) => frame['type'] === type);
  }
}

export interface FakeClient {
  readonly wire: FakeWire;
  readonly connection: TraceConnection;
}

export function connect(
  world: World,
  hub: TraceHub,
  drops: string[] = [],
  more: Partial<ConnectionDeps> = {},
): FakeClient {
  const wire = new FakeWire();
  const { registry, clock } = world;
  const connection = new TraceConnection(wire as unknown as WebSocket, wire.socket, {
    hub,
    registry,
    rights: new Rights(registry, clock, adminIdentity),
    clock,
    log: silentLog,
    replays: new Limiter(4),
    counts: {
      frame: () => undefined,
      dropped: (cause) => void drops.push(cause),
      subscribed: () => undefined,
    },
    ...more,
  });
  return { wire, connection };
}
