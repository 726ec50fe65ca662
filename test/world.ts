/**
 * A small world for tests: the real registry on the memory store, under a clock that moves only when told.
 *
 * `settle` runs all that needs no time; `advance` lets time pass timer by timer, settling after each, as it would in
 * reality; `until` does so until a condition holds, and fails with what was waited for when it does not in time.
 */
import type { CacheLimits } from '../api/registry/cache/watchcache.ts';
import type { IdempotencySettings } from '../api/registry/idempotency.ts';
import { openRegistry } from '../api/registry/open.ts';
import type { NamespaceLimits } from '../api/registry/quota/quotas.ts';
import type { Registry } from '../api/registry/types.ts';
import type { Client } from '../machinery/client.ts';
import { FakeClock } from '../machinery/fakeclock.ts';
import { controllerIdentity, GROUP_MASTERS, type Identity, workerIdentity } from '../machinery/identity.ts';
import { LABEL_SECURITY } from '../machinery/labels.ts';
import { silentLog } from '../machinery/log.ts';
import { type Metrics, newMetrics } from '../machinery/metrics.ts';
import { type Random, seededRandom } from '../machinery/random.ts';
import { namespaces, workers } from '../schemas/kinds.ts';
import type { Worker } from '../schemas/types.gen.ts';
import { openStore } from '../store/open.ts';
import type { Store } from '../store/store.ts';
import { newWorker, type WorkerOptions } from './builders.ts';

export const adminIdentity: Identity = { name: 'admin', groups: [GROUP_MASTERS, 'system:authenticated'] };

export interface World {
  readonly clock: FakeClock;
  readonly random: Random;
  readonly metrics: Metrics;
  readonly store: Store;
  readonly registry: Registry;
  /** May do everything. */
  readonly admin: Client;
  controllerClient(name: string): Client;
  workerClient(name: string): Client;
  /** Adds a worker that has reported its room. */
  addWorker(name: string, options?: WorkerOptions): Promise<Worker>;
  /** Labels a namespace with the security level privileged. */
  allowEverything(namespace: string): Promise<void>;
  settle(): Promise<void>;
  advance(ms: number): Promise<void>;
  /** @param withinMs of the fake clock; default 60,000. */
  until(what: string, condition: () => boolean | Promise<boolean>, withinMs?: number): Promise<void>;
  close(): Promise<void>;
}

export interface WorldOptions {
  readonly seed?: number;
  /** How much of the recent past watchers find without the store's history. */
  readonly cacheLimits?: CacheLimits;
  readonly namespaceLimits?: NamespaceLimits;
  readonly allowedHostPaths?: readonly string[];
  readonly idempotency?: IdempotencySettings;
}

export async function openWorld(options: WorldOptions = {}): Promise<World> {
  const clock = new FakeClock();
  const random = seededRandom(options.seed ?? 1);
  const metrics = newMetrics();
  const store = await openStore('memory:', { clock, random });
  const registry = await openRegistry({
    store,
    clock,
    random,
    log: silentLog,
    metrics,
    ...(options.cacheLimits === undefined ? {} : { cacheLimits: options.cacheLimits }),
    ...(options.namespaceLimits === undefined ? {} : { namespaceLimits: options.namespaceLimits }),
    ...(options.idempotency === undefined ? {} : { idempotency: options.idempotency }),
    ...(options.allowedHostPaths === undefined ? {} : { allowedHostPaths: options.allowedHostPaths }),
  });
  const admin = registry.as(adminIdentity);
  const world: World = {
    clock,
    random,
    metrics,
    store,
    registry,
    admin,
    controllerClient: (name) => registry.as(controllerIdentity(name)),
    workerClient: (name) => registry.as(workerIdentity(name)),
    async addWorker(name, workerOptions) {
      const wanted = newWorker(name, workerOptions);
      const { uid: _uid, resourceVersion: _version, generation: _generation, ...metadata } = wanted.metadata;
      const made = await admin.create(workers, { ...wanted, metadata });
      return admin.update(workers, { ...made, status: wanted.status ?? {} }, { subresource: 'status' });
    },
    async allowEverything(namespace) {
      const body = { metadata: { labels: { [LABEL_SECURITY]: 'privileged' } } };
      await admin.patch(namespaces, { name: namespace }, { type: 'merge', body });
    },
    // Everything in this world is microtasks and the clock; a turn of the event loop runs all of the former.
    settle: () => new Promise((resolve) => setImmediate(resolve)),
    async advance(ms) {
      const endMs = clock.monotonicMs() + ms;
      await world.settle();
      // Timers that are due already fire also when no time passes.
      while (clock.monotonicMs() < endMs || clock.nextDueMs() === 0) {
        clock.advance(Math.min(clock.nextDueMs() ?? Infinity, endMs - clock.monotonicMs()));
        await world.settle();
      }
    },
    async until(what, condition, withinMs = 60_000) {
      const endMs = clock.monotonicMs() + withinMs;
      await world.settle();
      while (!(await condition())) {
        const stepMs = clock.nextDueMs();
        if (stepMs === undefined || clock.monotonicMs() + stepMs > endMs) {
          throw new Error(`waited ${withinMs} ms in vain for: ${what}`);
        }
        clock.advance(stepMs);
        await world.settle();
      }
    },
    async close() {
      await registry.close();
      await store.close();
    },
  };
  return world;
}
