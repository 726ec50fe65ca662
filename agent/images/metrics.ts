/** What the collector of images counts. */
import { Counter } from 'prom-client';
import type { Metrics } from '../../machinery/metrics.ts';

export interface ImageMetrics {
  readonly removed: Counter;
  readonly freedBytes: Counter;
  readonly failures: Counter;
}

const made = new WeakMap<Metrics, ImageMetrics>();

/** Made once for each metrics registry: several workers in one process count together. */
export function imageMetrics(metrics: Metrics): ImageMetrics {
  const existing = made.get(metrics);
  if (existing !== undefined) return existing;
  const registers = [metrics];
  const fresh: ImageMetrics = {
    removed: new Counter({
      name: 'gantry_image_gc_removed_total',
      help: 'Images removed because the disk of the container engine was full.',
      registers,
    }),
    freedBytes: new Counter({
      name: 'gantry_image_gc_freed_bytes_total',
      help: 'Bytes that came free on the disk of the container engine by removing images.',
      registers,
    }),
    failures: new Counter({
      name: 'gantry_image_gc_failures_total',
      help: 'Looks at the images of the container engine that failed or did not free what was wanted.',
      registers,
    }),
  };
  made.set(metrics, fresh);
  return fresh;
}
