/**
 * Exemplars: beside the buckets of a histogram, the trace of the last thing that was counted in each, so that from a slow
 * request in a graph one gets to the request. Kept beside the histograms rather than in them: the library's own would
 * cost each observation a search for its labels, and change how everybody observes.
 *
 * Bounded by the series there are: one slot for each bucket that ever held something. Observing is a search among a few
 * numbers and three assignments, so it is always on.
 */
import type { Metrics } from './metrics.ts';

export interface Exemplar {
  value: number;
  traceId: string;
  /** Wall time, milliseconds. */
  atMs: number;
}

export type Labels = Readonly<Record<string, string>>;

/** Those of one series of a histogram. */
export class SeriesExemplars {
  readonly #bounds: readonly number[];
  readonly #slots: (Exemplar | undefined)[];

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#slots = Array.from({ length: bounds.length + 1 }, () => undefined);
  }

  observe(value: number, traceId: string, atMs: number): void {
    let at = 0;
    while (at < this.#bounds.length && value > (this.#bounds[at] ?? Infinity)) at++;
    const slot = this.#slots[at];
    if (slot === undefined) this.#slots[at] = { value, traceId, atMs };
    else {
      slot.value = value;
      slot.traceId = traceId;
      slot.atMs = atMs;
    }
  }

  /** @param bound a bucket's `le`; `+Inf` is the last one's */
  at(bound: string): Exemplar | undefined {
    const index = this.#bounds.findIndex((value) => String(value) === bound);
    return this.#slots[index < 0 ? this.#bounds.length : index];
  }
}

/** Those of one histogram. */
export class HistogramExemplars {
  readonly #bounds: readonly number[];
  readonly #series = new Map<string, SeriesExemplars>();

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
  }

  /** To be kept by whoever observes: finding it costs more than observing. */
  series(labels: Labels): SeriesExemplars {
    const key = seriesKey(labels);
    let series = this.#series.get(key);
    if (series === undefined) {
      series = new SeriesExemplars(this.#bounds);
      this.#series.set(key, series);
    }
    return series;
  }

  find(labels: Labels): SeriesExemplars | undefined {
    return this.#series.get(seriesKey(labels));
  }
}

const kept = new WeakMap<Metrics, Map<string, HistogramExemplars>>();

/** Those of the histogram of this name, made when first asked for. */
export function exemplarsFor(
  metrics: Metrics,
  histogram: string,
  bounds: readonly number[],
): HistogramExemplars {
  const known = kept.get(metrics) ?? new Map<string, HistogramExemplars>();
  kept.set(metrics, known);
  const found = known.get(histogram) ?? new HistogramExemplars(bounds);
  known.set(histogram, found);
  return found;
}

export function findExemplars(metrics: Metrics, histogram: string): HistogramExemplars | undefined {
  return kept.get(metrics)?.get(histogram);
}

/** The same for the same labels, in whatever order. */
function seriesKey(labels: Labels): string {
  return Object.keys(labels)
    .sort()
    .map((name) => `${name}=${JSON.stringify(labels[name])}`)
    .join(',');
}
