/**
 * One priority level: at most so many requests run at once, the others wait in a queue for each user, and the users
 * take turns. A request that finds a seat free never waits and makes no promise; a queue is bounded in length and time.
 * Source of the idea: Kubernetes documentation, "API Priority and Fairness"; its queues are shuffled because it has
 * many flows, ours are one for each user because there are few.
 */
import type { Clock } from './clock.ts';

export interface LevelOptions {
  readonly name: string;
  /** Requests that run at the same time. */
  readonly seats: number;
  /** One user's share of them: never all, so that who sends slowly holds nobody up. Default three quarters. */
  readonly seatsPerUser?: number;
  /** Requests of one user that wait. */
  readonly queueLength: number;
  /** Requests of all users that wait. */
  readonly waiting: number;
  readonly waitMs: number;
}

export type Refusal = 'queue-full' | 'time-out' | 'cancelled';

/** A seat is held until `release`; more than once does no harm. */
export interface Seat {
  release(): void;
}

interface Flow {
  readonly user: string;
  running: number;
  readonly waiting: Waiter[];
}

interface Waiter {
  readonly flow: Flow;
  /** Runs when the turn has come. */
  readonly start: () => void;
}

export class FairQueue {
  readonly options: LevelOptions;
  readonly #clock: Clock;
  readonly #seatsPerUser: number;
  readonly #flows = new Map<string, Flow>();
  /** Flows in which somebody waits, whose turn is next first. */
  readonly #turns = new Set<Flow>();
  #running = 0;
  #waiting = 0;
  #dispatched = 0;

  constructor(options: LevelOptions, clock: Clock) {
    this.options = options;
    this.#clock = clock;
    this.#seatsPerUser = options.seatsPerUser ?? Math.ceil((options.seats * 3) / 4);
  }

  get running(): number {
    return this.#running;
  }
  get waiting(): number {
    return this.#waiting;
  }
  /** Users that have a request here, running or waiting. */
  get users(): number {
    return this.#flows.size;
  }
  /** Requests that got a seat so far. */
  get dispatched(): number {
    return this.#dispatched;
  }

  /** A seat at once, or undefined: then `wait`. */
  take(user: string): Seat | undefined {
    const flow = this.#flowOf(user);
    if (flow.waiting.length > 0 || !this.#hasSeat(flow)) return undefined;
    return this.#seat(flow);
  }

  /** A seat when it is this user's turn, or why there will be none. @param gone aborts when nobody waits any more */
  wait(user: string, gone: AbortSignal): Promise<Seat | Refusal> {
    const flow = this.#flowOf(user);
    if (flow.waiting.length >= this.options.queueLength || this.#waiting >= this.options.waiting) {
      this.#letGo(flow);
      return Promise.resolve('queue-full');
    }
    return new Promise((resolve) => {
      const finish = (result: Seat | Refusal): void => {
        timer.cancel();
        gone.removeEventListener('abort', cancelled);
        resolve(result);
      };
      const giveUp = (refusal: Refusal): void => {
        this.#forget(waiter);
        finish(refusal);
      };
      const cancelled = (): void => giveUp('cancelled');
      const waiter: Waiter = { flow, start: () => finish(this.#seat(flow)) };
      const timer = this.#clock.after(this.options.waitMs, () => giveUp('time-out'));
      gone.addEventListener('abort', cancelled);
      flow.waiting.push(waiter);
      this.#turns.add(flow);
      this.#waiting++;
    });
  }

  #flowOf(user: string): Flow {
    let flow = this.#flows.get(user);
    if (flow === undefined) this.#flows.set(user, (flow = { user, running: 0, waiting: [] }));
    return flow;
  }

  #hasSeat(flow: Flow): boolean {
    return this.#running < this.options.seats && flow.running < this.#seatsPerUser;
  }

  #seat(flow: Flow): Seat {
    this.#running++;
    this.#dispatched++;
    flow.running++;
    let isHeld = true;
    return {
      release: () => {
        if (!isHeld) return;
        isHeld = false;
        this.#running--;
        flow.running--;
        if (this.#turns.size > 0) this.#next();
        this.#letGo(flow);
      },
    };
  }

  /** Gives the free seats to those whose turn it is; a flow that got one goes to the end. */
  #next(): void {
    for (const flow of this.#turns) {
      if (this.#running >= this.options.seats) return;
      if (!this.#hasSeat(flow)) continue;
      const waiter = flow.waiting.shift();
      this.#turns.delete(flow);
      // Iteration comes to it again, after the others.
      if (flow.waiting.length > 0) this.#turns.add(flow);
      if (waiter === undefined) continue;
      this.#waiting--;
      waiter.start();
    }
  }

  #forget(waiter: Waiter): void {
    const { flow } = waiter;
    const at = flow.waiting.indexOf(waiter);
    if (at < 0) return;
    flow.waiting.splice(at, 1);
    this.#waiting--;
    if (flow.waiting.length > 0) return;
    this.#turns.delete(flow);
    this.#letGo(flow);
  }

  /** Nothing is kept of a user who has nothing here. */
  #letGo(flow: Flow): void {
    if (flow.running === 0 && flow.waiting.length === 0) this.#flows.delete(flow.user);
  }
}
