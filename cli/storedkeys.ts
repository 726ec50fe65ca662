/**
 * The keys of a cluster whose store is shared, for a command that is no server: the store is opened, and of the registry as
 * much as Secrets need.
 */
import { openRegistry } from '../api/registry/open.ts';
import type { Clock } from '../machinery/clock.ts';
import { silentLog } from '../machinery/log.ts';
import { newMetrics } from '../machinery/metrics.ts';
import { systemRandom } from '../machinery/random.ts';
import { builtinKinds } from '../schemas/kinds.ts';
import { ClusterKeys } from './clusterkeys.ts';
import type { Settings } from './settings.ts';
import { openStoreOf } from './storeopening.ts';

const KINDS: ReadonlySet<string> = new Set(['Namespace', 'Secret']);

/** Rejects with what cannot be opened, and as `work` does. */
export async function withStoredKeys<T>(
  settings: Settings,
  clock: Clock,
  work: (keys: ClusterKeys) => Promise<T>,
): Promise<T> {
  await using opened = new AsyncDisposableStack();
  const random = systemRandom;
  const store = await openStoreOf(settings, { clock, random });
  opened.defer(() => store.close());
  const keys = new ClusterKeys({
    home: settings.home,
    isShared: store.isShared,
    registry: () => registry,
    clock,
  });
  const registry = await openRegistry({
    store,
    clock,
    random,
    log: silentLog,
    metrics: newMetrics(),
    kinds: builtinKinds.filter(({ spec }) => KINDS.has(spec.names.kind)),
  });
  opened.defer(() => registry.close());
  await keys.open();
  return await work(keys);
}
