/**
 * How many wait for something of jobs at once, of one job, of one user and of all: readers of output, callers for an end.
 * No user has them all.
 */
import { CallError } from './errors.ts';

export interface PlaceLimits {
  readonly ofOneJob: number;
  readonly ofOneUser: number;
  readonly ofAll: number;
}

const LIMITS: PlaceLimits = { ofOneJob: 256, ofOneUser: 512, ofAll: 1024 };

export class Places {
  readonly #what: string;
  readonly #limits: PlaceLimits;
  readonly #onChange: (taken: number) => void;
  readonly #byJob = new Map<string, number>();
  readonly #byUser = new Map<string, number>();
  #all = 0;

  /** @param what who has them, for people: "readers" */
  constructor(what: string, limits: PlaceLimits = LIMITS, onChange: (taken: number) => void = () => {}) {
    this.#what = what;
    this.#limits = limits;
    this.#onChange = onChange;
  }

  /** A place until it is disposed of. Throws `RESOURCE_EXHAUSTED`. */
  take(job: string, user: string): Disposable {
    const { ofOneJob, ofOneUser, ofAll } = this.#limits;
    const what = this.#what;
    const ofThis = this.#byJob.get(job) ?? 0;
    if (ofThis >= ofOneJob) throw full(`of this job ${ofThis} ${what}`, ofOneJob);
    const ofUser = this.#byUser.get(user) ?? 0;
    if (ofUser >= ofOneUser) throw full(`of user ${JSON.stringify(user)} ${ofUser} ${what}`, ofOneUser);
    if (this.#all >= ofAll) throw full(`${this.#all} ${what}`, ofAll);
    this.#count(job, user, 1);
    return { [Symbol.dispose]: () => this.#count(job, user, -1) };
  }

  #count(job: string, user: string, change: number): void {
    this.#all += change;
    add(this.#byJob, job, change);
    add(this.#byUser, user, change);
    this.#onChange(this.#all);
  }
}

function add(counts: Map<string, number>, key: string, change: number): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}

function full(found: string, most: number): CallError {
  return new CallError('RESOURCE_EXHAUSTED', `found ${found}, wanted at most ${most}; call again later`);
}
