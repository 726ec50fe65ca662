/** Puts the registry together on a store: the composition of this folder, and nothing else. */
import type { Clock } from '../../machinery/clock.ts';
import { isApiError } from '../../machinery/errors.ts';
import { GROUP_MASTERS, type Identity } from '../../machinery/identity.ts';
import type { Log } from '../../machinery/log.ts';
import { qualifiedName } from '../../machinery/meta.ts';
import type { Metrics } from '../../machinery/metrics.ts';
import type { Random } from '../../machinery/random.ts';
import type { KindDocument } from '../../schemas/crd.ts';
import { builtinKinds, clusterRoles, idempotencyKeys, namespaces, tasks } from '../../schemas/kinds.ts';
import type { Store } from '../../store/store.ts';
import { Audit } from './access/audit/audit.ts';
import { type AuditPolicy, defaultPolicy } from './access/audit/policy.ts';
import { type AuditSink, logSink } from './access/audit/trail.ts';
import { TokenAuthenticator, type TokenParts } from './access/authenticate.ts';
import { Authorizer } from './access/authorize.ts';
import { reconcileBootstrapRoles } from './access/bootstrap/reconcile.ts';
import { InputUses } from './access/inputuses.ts';
import { rbacSource } from './access/rbacobjects.ts';
import type { Surroundings } from './access/restrictions.ts';
import { Admission } from './admission/admission.ts';
import { PERMANENT_NAMESPACES } from './admission/rules/namespace.ts';
import type { CacheOf } from './cache/cacheof.ts';
import { StoreFeed } from './cache/storefeed.ts';
import { type CacheLimits, DEFAULT_CACHE_LIMITS, WatchCache } from './cache/watchcache.ts';
import { Commits } from './commits.ts';
import { Deletes } from './deletes.ts';
import { DEFAULT_IDEMPOTENCY, Idempotency, type IdempotencySettings } from './idempotency.ts';
import { KeyedQueue } from './keyedqueue.ts';
import { relativeKey } from './keys.ts';
import { Definitions } from './kinds/definitions.ts';
import { Kinds } from './kinds/kinds.ts';
import { buildKindTable } from './kindtable.ts';
import { measureKinds, newRegistryMetrics } from './metrics.ts';
import { DEFAULT_NAMESPACE_LIMITS, type NamespaceLimits, Quotas } from './quota/quotas.ts';
import { QuotaStatus } from './quota/status.ts';
import { Tally } from './quota/tally.ts';
import { Reads } from './reads.ts';
import { StoreRegistry } from './registry.ts';
import { accessReviews } from './reviews/access.ts';
import { authenticationReviews } from './reviews/authentication.ts';
import { TokenRequests } from './reviews/tokenrequests.ts';
import { TaskSecurity } from './security.ts';
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
  /** What every namespace but Gantry's own may hold at most. */
  readonly namespaceLimits?: NamespaceLimits;
  /** Paths of workers that Tasks of level baseline may mount, and what lies below them; none unless given. */
  readonly allowedHostPaths?: readonly string[];
  /** How long idempotency keys are remembered, and how many. */
  readonly idempotency?: IdempotencySettings;
  /** Which bearer tokens are believed; none unless given. */
  readonly tokens?: TokenParts;
  /** What is audited; the default is every write and every refusal, without bodies. */
  readonly auditPolicy?: AuditPolicy;
  /** Where it is written; the log unless given. Closed with the registry. */
  readonly auditSink?: AuditSink;
}

const OPENER: Identity = { name: 'system:registry', groups: [GROUP_MASTERS] };

/** Resolves when every cache holds the present and the first namespaces exist. The store stays the caller's to close. */
export async function openRegistry(options: RegistryOptions): Promise<Registry> {
  const { store, clock, random, log, metrics } = options;
  const limits = options.cacheLimits ?? DEFAULT_CACHE_LIMITS;
  const builtin = buildKindTable(options.kinds ?? builtinKinds).map((definition) => ({
    definition,
    cache: new WatchCache(definition.storage, limits),
  }));
  const feed = new StoreFeed(
    store,
    builtin.map(({ cache }) => cache),
    clock,
    log,
  );
  const kinds = new Kinds(feed, builtin);
  const cacheOf: CacheOf = (kind) => kinds.cacheOf(kind);
  await feed.start();
  const counts = newRegistryMetrics(metrics);
  const reads = new Reads({ store, clock, feed, delivered: counts.delivered });
  const idempotencySettings = options.idempotency ?? DEFAULT_IDEMPOTENCY;
  const tally = new Tally(() => kinds.caches());
  const quotaStatus = new QuotaStatus({
    tally,
    cacheOf,
    clock,
    log,
    catchUp: (signal) => reads.catchUp(signal),
    closing: feed.closing,
  });
  const commits = new Commits({
    store,
    clock,
    random,
    cacheOf,
    kindNow: (kind) => kinds.get(qualifiedName(kind))?.definition.storage,
    quotas: new Quotas(
      tally,
      options.namespaceLimits ?? DEFAULT_NAMESPACE_LIMITS,
      cacheOf,
      idempotencySettings.maxKeys,
    ),
    reach: (revision) => feed.reach(revision),
    onWritten: (kind, namespace) => quotaStatus.touch(kind, namespace),
  });
  const objects = new KeyedQueue();
  const definitions = new Definitions({ kinds, feed, clock, log, limits });
  const inputUses = new InputUses(() => cacheOf(tasks));
  const surroundings: Surroundings = {
    find: (kind, key) => cacheOf(kind)?.get(relativeKey(key))?.object,
    isUsedBy: (worker, kind, key) => inputUses.has(worker, kind, key),
  };
  const authorizer = new Authorizer(rbacSource(cacheOf), surroundings);
  const tokens = new TokenAuthenticator(options.tokens ?? {}, surroundings);
  const audit = new Audit({
    policy: options.auditPolicy ?? defaultPolicy,
    sink: options.auditSink ?? logSink(log),
    clock,
    random,
    log,
  });
  const admission = new Admission(clock, random, (kind, key) => surroundings.find(kind, key));
  const reach = (revision: number): Promise<void> => feed.reach(revision);
  const registry = new StoreRegistry({
    store,
    log,
    kinds,
    feed,
    definitions,
    reads,
    commits,
    writes: new Writes({
      cacheOf,
      clock,
      security: new TaskSecurity(cacheOf, { allowedHostPaths: options.allowedHostPaths ?? [] }),
      admission,
      idempotency: new Idempotency({
        store,
        clock,
        admission,
        commits,
        entry: () => kinds.get(qualifiedName(idempotencyKeys))?.definition.storage,
        reach,
        settings: idempotencySettings,
        count: counts.keyed,
      }),
      commits,
      objects,
    }),
    deletes: new Deletes({ commits, clock, objects }),
    reviews: [
      ...accessReviews({ authorizer, audit }),
      ...authenticationReviews({ authorizer, audit }, tokens),
    ],
    authorizer,
    audit,
    tokens,
    refusalsOf: counts.refusalsOf,
    tokenRequests: new TokenRequests({ authority: options.tokens?.authority, surroundings, clock }),
  });
  measureKinds(metrics, kinds);
  if (cacheOf(namespaces) !== undefined) await ensureNamespaces(registry);
  if (cacheOf(clusterRoles) !== undefined) await reconcileBootstrapRoles(registry.as(OPENER));
  quotaStatus.start(registry.as(OPENER));
  await definitions.start(registry.as(OPENER));
  return registry;
}

async function ensureNamespaces(registry: Registry): Promise<void> {
  const client = registry.as(OPENER);
  for (const name of PERMANENT_NAMESPACES) {
    try {
      await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error;
    }
  }
}
