/** Puts the registry together on a store: the composition of this folder, and nothing else. */
import { Gauge } from 'prom-client';
import type { Clock } from '../../machinery/clock.ts';
import { isApiError } from '../../machinery/errors.ts';
import { GROUP_MASTERS, type Identity } from '../../machinery/identity.ts';
import { NAMESPACE_DEFAULT, NAMESPACE_SYSTEM } from '../../machinery/labels.ts';
import type { Log } from '../../machinery/log.ts';
import { qualifiedName } from '../../machinery/meta.ts';
import type { Metrics } from '../../machinery/metrics.ts';
import type { Random } from '../../machinery/random.ts';
import type { KindDocument } from '../../schemas/crd.ts';
import { builtinKinds, namespaces } from '../../schemas/kinds.ts';
import type { Store } from '../../store/store.ts';
import { Audit } from './access/audit.ts';
import { Authorizer } from './access/authorize.ts';
import { Admission } from './admission/admission.ts';
import { StoreFeed } from './cache/storefeed.ts';
import { type CacheLimits, DEFAULT_CACHE_LIMITS, WatchCache } from './cache/watchcache.ts';
import { type CacheOf, Commits } from './commits.ts';
import { Deletes } from './deletes.ts';
import { KeyedQueue } from './keyedqueue.ts';
import { buildKindTable } from './kindtable.ts';
import { Reads } from './reads.ts';
import { StoreRegistry } from './registry.ts';
import type { Registry } from './types.ts';
import { Writes } from './writes.ts';

export interface RegistryOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly kinds?: readonly KindDocument[];
  /** How much of the recent past each kind's cache keeps for watchers. */
  readonly cacheLimits?: CacheLimits;
}

const OPENER: Identity = { name: 'system:registry', groups: [GROUP_MASTERS] };

/** Resolves when every cache holds the present and the first namespaces exist. The store stays the caller's to close. */
export async function openRegistry(options: RegistryOptions): Promise<Registry> {
  const { store, clock, random, log, metrics } = options;
  const limits = options.cacheLimits ?? DEFAULT_CACHE_LIMITS;
  const caches = buildKindTable(options.kinds ?? builtinKinds).map((entry) => new WatchCache(entry, limits));
  const byResource = new Map(caches.map((cache) => [qualifiedName(cache.entry.kind), cache]));
  const cacheOf: CacheOf = (kind) => byResource.get(qualifiedName(kind));
  const feed = new StoreFeed(store, caches, clock, log);
  await feed.start();
  const commits = new Commits(store, cacheOf);
  const objects = new KeyedQueue();
  const registry = new StoreRegistry({
    store,
    log,
    caches,
    feed,
    reads: new Reads({ store, clock, feed }),
    writes: new Writes({ cacheOf, admission: new Admission(clock, random), commits, objects }),
    deletes: new Deletes({ commits, clock, objects }),
    reviews: [],
    authorizer: new Authorizer(),
    audit: new Audit(log),
  });
  registerMetrics(metrics, caches);
  if (byResource.has(qualifiedName(namespaces))) await ensureNamespaces(registry);
  return registry;
}

async function ensureNamespaces(registry: Registry): Promise<void> {
  const client = registry.as(OPENER);
  for (const name of [NAMESPACE_DEFAULT, NAMESPACE_SYSTEM]) {
    try {
      await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error;
    }
  }
}

/** Names are Kubernetes'; both are read from the caches when somebody scrapes. */
function registerMetrics(metrics: Metrics, caches: readonly WatchCache[]): void {
  metrics.registerMetric(
    new Gauge({
      name: 'apiserver_storage_objects',
      help: 'Number of stored objects by resource.',
      labelNames: ['resource'],
      registers: [],
      collect() {
        for (const { entry, size } of caches) this.set({ resource: qualifiedName(entry.kind) }, size);
      },
    }),
  );
  metrics.registerMetric(
    new Gauge({
      name: 'apiserver_registered_watchers',
      help: 'Number of watchers by kind.',
      labelNames: ['group', 'version', 'kind'],
      registers: [],
      collect() {
        for (const { entry, watcherCount } of caches) {
          const { group, version, kind } = entry.kind;
          this.set({ group, version, kind }, watcherCount);
        }
      },
    }),
  );
}
