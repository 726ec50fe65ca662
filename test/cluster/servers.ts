/** Several API servers on one store in one process, each with an end of the store that can lag behind. */
import { openRegistry } from '../../api/registry/open.ts';
import type { NamespaceLimits } from '../../api/registry/quota/quotas.ts';
import type { Registry } from '../../api/registry/types.ts';
import type { Client } from '../../machinery/client.ts';
import { FakeClock } from '../../machinery/fakeclock.ts';
import { controllerIdentity } from '../../machinery/identity.ts';
import { type Log, silentLog } from '../../machinery/log.ts';
import { newMetrics } from '../../machinery/metrics.ts';
import { seededRandom } from '../../machinery/random.ts';
import { openStore } from '../../store/open.ts';
import type { Store } from '../../store/store.ts';
import { LaggingStore } from '../store/laggingstore.ts';
import { adminIdentity } from '../world.ts';

export interface Server {
  readonly store: LaggingStore;
  readonly registry: Registry;
  readonly admin: Client;
  controllerClient(name: string): Client;
}

export interface Servers {
  readonly clock: FakeClock;
  readonly store: Store;
  /** Another one, on what is there. */
  add(options?: { readonly log?: Log; readonly isShared?: boolean }): Promise<Server>;
  settle(): Promise<void>;
  /** Time passes, timer by timer. */
  advance(ms: number): Promise<void>;
  close(): Promise<void>;
}

export async function openServers(
  options: { readonly namespaceLimits?: NamespaceLimits } = {},
): Promise<Servers> {
  const clock = new FakeClock();
  const store = await openStore('memory:', { clock, random: seededRandom(1) });
  const all: Server[] = [];
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return {
    clock,
    store,
    settle,
    async add({ log = silentLog, isShared = true } = {}) {
      const end = new LaggingStore(store, isShared);
      const registry = await openRegistry({
        store: end,
        clock,
        random: seededRandom(100 + all.length),
        log,
        metrics: newMetrics(),
        ...options,
      });
      const server: Server = {
        store: end,
        registry,
        admin: registry.as(adminIdentity),
        controllerClient: (name) => registry.as(controllerIdentity(name)),
      };
      all.push(server);
      return server;
    },
    async advance(ms) {
      const endMs = clock.monotonicMs() + ms;
      await settle();
      while (clock.monotonicMs() < endMs || clock.nextDueMs() === 0) {
        clock.advance(Math.min(clock.nextDueMs() ?? Infinity, endMs - clock.monotonicMs()));
        await settle();
      }
    },
    async close() {
      for (const { store: end } of all) await end.close();
      for (const { registry } of all) await registry.close();
      await store.close();
    },
  };
}

/** Whether a promise has settled by now; what it settled with stays the caller's to look at. */
export async function isPending(promise: Promise<unknown>): Promise<boolean> {
  let isSettled = false;
  const settle = (): void => {
    isSettled = true;
  };
  promise.then(settle, settle);
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
  return !isSettled;
}
