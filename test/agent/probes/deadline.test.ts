/** How long a question may take, in time that this process had. */
import { expect } from 'chai';
import { Deadline, Overdue, Stalled } from '../../../agent/probes/deadline.ts';
import type { Clock } from '../../../machinery/clock.ts';
import { FakeClock } from '../../../machinery/fakeclock.ts';

/** Its process is paused now and then: what falls due meanwhile fires when it goes on. */
class PausingClock implements Clock {
  readonly #inner = new FakeClock();
  #behindMs = 0;

  now = (): number => this.#inner.now() + this.#behindMs;
  monotonicMs = (): number => this.#inner.monotonicMs() + this.#behindMs;
  after = this.#inner.after.bind(this.#inner);

  advance(byMs: number): void {
    this.#inner.advance(byMs);
  }

  /** Time goes by, and nothing fires before the end of it. */
  pause(forMs: number): void {
    this.#behindMs += forMs;
    this.#inner.advance(this.#inner.nextDueMs() ?? 0);
  }
}

const never = new AbortController().signal;

describe('deadlines of probes', () => {
  it('pass when the time is over, not before', () => {
    const clock = new FakeClock();
    const deadline = new Deadline(clock, 1_000, never);
    clock.advance(999);
    expect(deadline.signal.aborted).to.equal(false);
    clock.advance(1);
    expect(deadline.signal.reason).to.be.instanceOf(Overdue);
  });

  it('leave nothing behind when the answer came', () => {
    const clock = new FakeClock();
    const deadline = new Deadline(clock, 1_000, never);
    deadline.done();
    clock.advance(10_000);
    expect(deadline.signal.aborted).to.equal(false);
    expect(clock.nextDueMs()).to.equal(undefined);
  });

  it('do not count a pause of the whole process', () => {
    const clock = new PausingClock();
    const deadline = new Deadline(clock, 1_000, never);
    clock.advance(600);
    clock.pause(5_000);
    expect(deadline.signal.aborted).to.equal(false);
    clock.advance(499);
    expect(deadline.signal.aborted).to.equal(false);
    clock.advance(1);
    expect(deadline.signal.reason).to.be.instanceOf(Overdue);
  });

  it('end in the end: of a process that has no time nobody learns whether the answer was late', () => {
    const clock = new PausingClock();
    const deadline = new Deadline(clock, 1_000, never);
    for (let pauses = 0; pauses < 16; pauses++) clock.pause(1_000);
    expect(deadline.signal.reason).to.be.instanceOf(Stalled);
  });

  it('end with whoever asked', () => {
    const clock = new FakeClock();
    const asker = new AbortController();
    const deadline = new Deadline(clock, 1_000, asker.signal);
    const reason = new Error('gone');
    asker.abort(reason);
    expect(deadline.signal.reason).to.equal(reason);
    expect(clock.nextDueMs()).to.equal(undefined);
    expect(new Deadline(clock, 1_000, asker.signal).signal.reason).to.equal(reason);
  });
});
