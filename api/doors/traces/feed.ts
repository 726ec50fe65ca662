/**
 * What happens to all Runs, Tasks and Events, as one sequence in order of revision: three watches, read as the door's
 * own identity and put together.
 *
 * They can be put together because all caches are filled by one feed of the store, which hands a batch to all of them
 * at once: whatever one watch has to tell, the others have to tell up to there, and a turn of the event loop later all
 * three have told it.
 */
import { ApiError, isApiError } from '../../../machinery/errors.ts';
import { controllerIdentity } from '../../../machinery/identity.ts';
import type { Resource } from '../../../machinery/meta.ts';
import { events, runs, tasks } from '../../../schemas/kinds.ts';
import type { Registry, RegistryWatchOptions, ServedKind, StoredWatchEvent } from '../../registry/types.ts';
import { type Change, type TraceEvent, type TraceKind, traceEventOf } from './frames.ts';

export const FEED_IDENTITY = controllerIdentity('traces');

type Place = Pick<Resource, 'group' | 'version' | 'plural'>;

const KINDS: readonly (readonly [TraceKind, Place])[] = [
  ['run', runs],
  ['task', tasks],
  ['event', events],
];

const CHANGES = { ADDED: 'added', MODIFIED: 'modified', DELETED: 'deleted' } as const satisfies Record<
  string,
  Change
>;

/** How many objects are read before somebody else has a turn. */
const TURN = 500;

export type FeedRegistry = Pick<Registry, 'watch' | 'findKind'>;

export interface FeedSink {
  /**
   * Everything up to `frontier` has been told now. What is not in any trace is told as well, by the frontier alone.
   * @param batch in order of revision
   */
  tell(batch: readonly TraceEvent[], frontier: number): void;
}

/**
 * Tells all there is as `current`, in one batch, then every change, until the signal aborts. Rejects with `ApiError` when
 * a watch does, and resolves when the registry closes.
 */
export async function runFeed(registry: FeedRegistry, sink: FeedSink, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const options = { sendInitialEvents: true, allowWatchBookmarks: true, signal: either };
  let pending: TraceEvent[] = [];
  let frontier = 0;
  let missing = KINDS.length;
  let isDue = false;
  const flush = (): void => {
    isDue = false;
    if (either.aborted) return;
    const batch = pending.sort((one, other) => one.revision - other.revision);
    pending = [];
    sink.tell(batch, frontier);
  };
  const read = async (kind: TraceKind, watch: AsyncIterable<StoredWatchEvent>): Promise<void> => {
    let isInitial = true;
    let read = 0;
    for await (const event of watch) {
      if (event.type === 'BOOKMARK') {
        frontier = Math.max(frontier, event.resourceVersion);
        if (event.isInitialEnd === true) {
          isInitial = false;
          missing--;
        }
      } else {
        const { object, resourceVersion } = event.stored;
        frontier = Math.max(frontier, resourceVersion);
        const told = traceEventOf(kind, isInitial ? 'current' : CHANGES[event.type], object, resourceVersion);
        if (told !== undefined) pending.push(told);
        // Only at the beginning: later, what has been told is what has been read within one turn.
        if (isInitial && ++read % TURN === 0) await nextTurn();
      }
      if (missing > 0 || isDue) continue;
      isDue = true;
      setImmediate(flush);
    }
  };
  try {
    const watches = await Promise.all(
      KINDS.map(
        async ([kind, resource]) =>
          [kind, await registry.watch(...asFeed(registry, resource, options))] as const,
      ),
    );
    // One that ends, however it does, leaves the others without a meaning.
    const readings = watches.map(([kind, watch]) => read(kind, watch).finally(() => over.abort()));
    await Promise.all(readings);
  } finally {
    over.abort();
  }
}

/**
 * What happened in one trace after a revision, up to another one that the feed has reached, in order.
 * Rejects `Expired` for a past that is gone, `Timeout` for a revision that is not there yet.
 */
export async function replay(
  registry: FeedRegistry,
  trace: { readonly id: string; readonly after: number; readonly upTo: number; readonly most: number },
  signal: AbortSignal,
): Promise<readonly TraceEvent[]> {
  const over = new AbortController();
  const options = {
    resourceVersion: String(trace.after),
    marksPresent: true,
    signal: AbortSignal.any([signal, over.signal]),
  };
  const found: TraceEvent[] = [];
  const read = async ([kind, resource]: (typeof KINDS)[number]): Promise<void> => {
    for await (const event of await registry.watch(...asFeed(registry, resource, options))) {
      if (event.type === 'BOOKMARK') return;
      const { stored } = event;
      if (stored.resourceVersion > trace.upTo) return;
      // Most of what happened is of other traces, and need not be parsed.
      if (!Buffer.from(stored.json.buffer, stored.json.byteOffset, stored.json.byteLength).includes(trace.id))
        continue;
      const told = traceEventOf(kind, CHANGES[event.type], stored.object, stored.resourceVersion);
      if (told?.traceId !== trace.id) continue;
      if (found.push(told) > trace.most) {
        throw new ApiError('Expired', `more than ${trace.most} things have happened since`);
      }
    }
  };
  try {
    await Promise.all(KINDS.map(read));
  } catch (error) {
    if (!isApiError(error, 'Expired', 'Gone')) throw error;
    throw new ApiError(
      'Expired',
      `from_revision: found ${trace.after}, since which not everything is kept (${error.message}): subscribe without from_revision for how things are now`,
      undefined,
      { cause: error },
    );
  } finally {
    over.abort();
  }
  return found.sort((one, other) => one.revision - other.revision);
}

function asFeed(
  registry: FeedRegistry,
  resource: Place,
  options: RegistryWatchOptions,
): Parameters<FeedRegistry['watch']> {
  const kind: ServedKind | undefined = registry.findKind(resource.group, resource.version, resource.plural);
  if (kind === undefined)
    throw new ApiError('ServiceUnavailable', `${resource.plural} are not served yet; try again`);
  return [{ identity: FEED_IDENTITY }, kind, options];
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
