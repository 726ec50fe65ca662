/**
 * The ids that follow one request through the house: from the HTTP header to log lines, objects and Events.
 *
 * W3C Trace Context, version 00: `traceparent: 00-<trace id 32 hex>-<span id 16 hex>-<flags>`.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Random } from './random.ts';

export interface Trace {
  readonly requestId: string;
  /** 32 lower-case hex digits. */
  readonly traceId: string;
}

const storage = new AsyncLocalStorage<Trace>();

/** Runs `work` with the trace as the current one, for everything it awaits. */
export function withTrace<T>(trace: Trace, work: () => T): T {
  return storage.run(trace, work);
}

export function currentTrace(): Trace | undefined {
  return storage.getStore();
}

export function newTrace(random: Random, traceparent?: string): Trace {
  const given = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?$/.exec(traceparent ?? '')?.[1];
  const isUsable = given !== undefined && !/^0+$/.test(given) && traceparent?.startsWith('ff') !== true;
  const requestId = random.uuid();
  return { requestId, traceId: isUsable ? given : random.uuid().replaceAll('-', '') };
}
