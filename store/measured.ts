/**
 * What is told of a store that is open, beside what it counts itself: how far back its past reaches, and how much room is
 * left for it. All of it is read when somebody scrapes; what cannot be read then is left out.
 */
import { Gauge } from 'prom-client';
import type { Clock } from '../machinery/clock.ts';
import { StoreError } from '../machinery/errors.ts';
import type { Metrics } from '../machinery/metrics.ts';
import type { Store } from './store.ts';

/** Of the file system that holds the store, bytes. */
export interface DiskSpace {
  /** What this process may still write. */
  readonly free: number;
  readonly size: number;
}

export interface StoreSurroundings {
  readonly metrics: Metrics;
  readonly clock: Clock;
  /** Absent: the store is on no disk of this machine. */
  readonly disk?: () => Promise<DiskSpace>;
  /** Beyond so many bytes the store takes no writes; undefined where that is not known. Absent: there is no such limit. */
  readonly sizeLimit?: () => Promise<number | undefined>;
}

export function measureStore(store: Pick<Store, 'oldestMoment'>, surroundings: StoreSurroundings): void {
  const { metrics, clock, disk, sizeLimit } = surroundings;
  const gauge = (name: string, help: string, read: () => Promise<number | undefined>): void => {
    const made = new Gauge({
      name,
      help,
      registers: [],
      async collect() {
        const value = await read().catch(unanswered);
        if (value === undefined) made.remove();
        else made.set(value);
      },
    });
    // One without a value is no series, rather than 0, which would be believed.
    made.remove();
    metrics.registerMetric(made);
  };
  gauge(
    'gantry_store_history_seconds',
    'How far back the past can be read: the age of the oldest moment kept, or of the store.',
    async () => {
      const { writtenAtMs, beganAtMs } = await store.oldestMoment();
      const sinceMs = writtenAtMs ?? beganAtMs ?? clock.now();
      return Math.max(0, clock.now() - sinceMs) / 1000;
    },
  );
  if (disk !== undefined) {
    const free = 'Bytes that may still be written to the file system of the store.';
    gauge('gantry_store_disk_free_bytes', free, async () => (await disk()).free);
    gauge('gantry_store_disk_size_bytes', 'Bytes of that file system.', async () => (await disk()).size);
  }
  if (sizeLimit !== undefined) {
    const help = 'Bytes beyond which the store takes no writes, where it tells them.';
    gauge('gantry_store_size_limit_bytes', help, sizeLimit);
  }
}

/** A store that is closed or does not answer has nothing to tell; that it does not is told by its other figures. */
function unanswered(error: unknown): undefined {
  if (error instanceof StoreError || isSystemError(error)) return undefined;
  throw error;
}

function isSystemError(error: unknown): boolean {
  return error instanceof Error && 'syscall' in error;
}
