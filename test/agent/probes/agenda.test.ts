/** Appointments on a grid: in order, never early, one timer for all. */
import { expect } from 'chai';
import { Agenda } from '../../../agent/probes/agenda.ts';
import { FakeClock } from '../../../machinery/fakeclock.ts';

describe('agendas', () => {
  it('call together what falls due between two lines, at the later one; what is due already at once', () => {
    const clock = new FakeClock();
    const agenda = new Agenda(clock);
    const called: string[] = [];
    const at = (dueMs: number): void => {
      agenda.at(dueMs, () => void called.push(`${dueMs} at ${clock.monotonicMs()}`));
    };
    for (const dueMs of [250, 201, 0, 300, 301, 99]) at(dueMs);
    clock.advance(0);
    expect(called.splice(0)).to.deep.equal(['0 at 0']);
    clock.advance(299);
    expect(called.splice(0)).to.deep.equal(['99 at 100']);
    clock.advance(1_000);
    expect(called).to.deep.equal(['250 at 300', '201 at 300', '300 at 300', '301 at 400']);
  });

  it('call nobody who cancelled, and keep no timer for them', () => {
    const clock = new FakeClock();
    const agenda = new Agenda(clock);
    const called: number[] = [];
    const appointments = [100, 100, 500].map((dueMs) => agenda.at(dueMs, () => void called.push(dueMs)));
    appointments[0]?.cancel();
    clock.advance(200);
    expect(called).to.deep.equal([100]);
    appointments[2]?.cancel();
    appointments[1]?.cancel();
    expect(clock.nextDueMs()).to.equal(undefined);
  });

  it('take appointments from those they call, and lose none that comes sooner than the next', () => {
    const clock = new FakeClock();
    const agenda = new Agenda(clock);
    const calledMs: number[] = [];
    const again = (): void => {
      calledMs.push(clock.monotonicMs());
      if (calledMs.length < 4) agenda.at(clock.monotonicMs() + 150, again);
    };
    agenda.at(5_000, () => void calledMs.push(clock.monotonicMs()));
    agenda.at(150, again);
    clock.advance(10_000);
    expect(calledMs).to.deep.equal([200, 400, 600, 800, 5_000]);
  });
});
