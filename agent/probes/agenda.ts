/**
 * When who is to be called: a thousand appointments and one timer.
 *
 * Appointments are kept on a grid: everything that falls due between two of its lines is called together at the later
 * one. Waking a process costs more than asking a question, so questions that come together cost a fraction of what they
 * cost one by one. An appointment never comes early, and at most a line's distance late; one that is due already comes at once.
 */
import type { Clock, Timer } from '../../machinery/clock.ts';

const GRID_MS = 100;

export interface Appointment {
  cancel(): void;
}

export class Agenda {
  readonly #clock: Clock;
  /** By number of the grid's line. */
  readonly #lines = new Map<number, Set<() => void>>();
  #timer: Timer | undefined;
  /** The line that the timer is set for. */
  #next = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param dueMs on the monotonic clock. */
  at(dueMs: number, call: () => void): Appointment {
    if (dueMs <= this.#clock.monotonicMs()) return this.#clock.after(0, call);
    const line = Math.ceil(dueMs / GRID_MS);
    const calls = this.#lines.get(line) ?? new Set();
    calls.add(call);
    this.#lines.set(line, calls);
    if (line < this.#next) this.#set(line);
    return { cancel: () => this.#cancel(line, call) };
  }

  #cancel(line: number, call: () => void): void {
    const calls = this.#lines.get(line);
    calls?.delete(call);
    if (calls?.size !== 0) return;
    this.#lines.delete(line);
    if (this.#lines.size === 0) this.#set(Number.POSITIVE_INFINITY);
  }

  #set(line: number): void {
    this.#timer?.cancel();
    this.#next = line;
    if (line === Number.POSITIVE_INFINITY) return;
    this.#timer = this.#clock.after(line * GRID_MS - this.#clock.monotonicMs(), () => this.#call());
  }

  #call(): void {
    const now = this.#clock.monotonicMs() / GRID_MS;
    this.#next = Number.POSITIVE_INFINITY;
    // Taken out first: who is called makes new appointments.
    const due = [...this.#lines.keys()].filter((line) => line <= now).sort((a, b) => a - b);
    const calls = due.flatMap((line) => [...(this.#lines.get(line) ?? [])]);
    for (const line of due) this.#lines.delete(line);
    for (const call of calls) call();
    const next = Math.min(...this.#lines.keys());
    if (next < this.#next) this.#set(next);
  }
}
