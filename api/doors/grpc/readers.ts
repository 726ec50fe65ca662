/** How many follow the output of jobs at once: of one job, and of all. */
import { CallError } from './errors.ts';
import type { CallMetrics } from './metrics.ts';

export interface ReaderLimits {
  readonly ofOneJob: number;
  readonly ofAll: number;
}

const LIMITS: ReaderLimits = { ofOneJob: 256, ofAll: 1024 };

export class Readers {
  readonly #metrics: Pick<CallMetrics, 'readers'>;
  readonly #limits: ReaderLimits;
  readonly #byJob = new Map<string, number>();
  #all = 0;

  constructor(metrics: Pick<CallMetrics, 'readers'>, limits: ReaderLimits = LIMITS) {
    this.#metrics = metrics;
    this.#limits = limits;
  }

  /** A place until it is disposed of. Throws `RESOURCE_EXHAUSTED`. */
  take(job: string): Disposable {
    const { ofOneJob, ofAll } = this.#limits;
    const ofThis = this.#byJob.get(job) ?? 0;
    if (ofThis >= ofOneJob) throw full(`of this job ${ofThis} readers`, ofOneJob);
    if (this.#all >= ofAll) throw full(`${this.#all} readers`, ofAll);
    this.#count(job, 1);
    return { [Symbol.dispose]: () => this.#count(job, -1) };
  }

  #count(job: string, change: number): void {
    this.#all += change;
    const ofThis = (this.#byJob.get(job) ?? 0) + change;
    if (ofThis === 0) this.#byJob.delete(job);
    else this.#byJob.set(job, ofThis);
    this.#metrics.readers.set(this.#all);
  }
}

function full(found: string, most: number): CallError {
  return new CallError('RESOURCE_EXHAUSTED', `found ${found}, wanted at most ${most}; call again later`);
}
