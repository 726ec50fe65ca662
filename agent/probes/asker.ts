/**
 * When one probe asks: first after its delay, then every period, in step with its first question, whatever an answer
 * takes. Never two at once: what falls due meanwhile is left out. All on the monotonic clock.
 */
import type { Clock } from '../../machinery/clock.ts';
import type { Agenda, Appointment } from './agenda.ts';

export interface AskerOptions {
  readonly clock: Clock;
  readonly agenda: Agenda;
  readonly periodMs: number;
  /** Milliseconds from now. */
  readonly firstInMs: number;
  /** Never rejects. Its answer is awaited before the next question. */
  readonly ask: (signal: AbortSignal) => Promise<void>;
}

export class Asker {
  readonly #options: AskerOptions;
  readonly #over = new AbortController();
  #dueMs: number;
  #appointment: Appointment | undefined;
  #isAsking = false;
  #isHeld = true;

  constructor(options: AskerOptions) {
    this.#options = options;
    this.#dueMs = options.clock.monotonicMs() + options.firstInMs;
  }

  /** Lets it ask, at once if a question is overdue; or lets it rest. */
  hold(isHeld: boolean): void {
    if (isHeld === this.#isHeld) return;
    this.#isHeld = isHeld;
    if (isHeld) return this.#appointment?.cancel();
    // Who had to wait keeps step with the question it waited for, not with those it could not ask.
    this.#dueMs = Math.max(this.#dueMs, this.#options.clock.monotonicMs());
    this.#arm();
  }

  /** For good; a question under way is given up. */
  end(): void {
    this.#isHeld = true;
    this.#appointment?.cancel();
    this.#over.abort(new Error('it is not probed any more'));
  }

  #arm(): void {
    if (this.#isHeld || this.#isAsking) return;
    this.#appointment = this.#options.agenda.at(this.#dueMs, () => void this.#ask());
  }

  async #ask(): Promise<void> {
    const { ask, clock, periodMs } = this.#options;
    this.#isAsking = true;
    await ask(this.#over.signal);
    this.#isAsking = false;
    const passed = Math.floor((clock.monotonicMs() - this.#dueMs) / periodMs);
    this.#dueMs += Math.max(1, passed + 1) * periodMs;
    this.#arm();
  }
}
