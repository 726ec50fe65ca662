import { expect } from 'chai';
import fc from 'fast-check';
import { FairQueue, type LevelOptions, type Refusal, type Seat } from '../../machinery/fairqueue.ts';
import { FakeClock } from '../../machinery/fakeclock.ts';

const LEVEL: LevelOptions = {
  name: 'test',
  seats: 4,
  seatsPerUser: 3,
  queueLength: 3,
  waiting: 5,
  waitMs: 1_000,
};
const never = new AbortController().signal;

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const take = (queue: FairQueue, user: string, count: number): Seat[] =>
  Array.from({ length: count }, () => {
    const seat = queue.take(user);
    if (seat === undefined) throw new Error(`no seat for ${user}`);
    return seat;
  });

describe('A fair queue', () => {
  let clock: FakeClock;
  let queue: FairQueue;
  let told: string[];
  beforeEach(() => {
    clock = new FakeClock();
    queue = new FairQueue(LEVEL, clock);
    told = [];
  });
  /** Waits, and tells who got what. */
  const wait = (user: string, signal = never): Promise<Seat | Refusal> => {
    const waiting = queue.wait(user, signal);
    void waiting.then((result) => told.push(typeof result === 'string' ? `${user}:${result}` : user));
    return waiting;
  };

  it('gives free seats at once', () => {
    take(queue, 'a', 3);
    take(queue, 'b', 1);
    expect([queue.running, queue.take('b')]).to.deep.equal([4, undefined]);
  });

  it('forgets whoever has nothing here, also those it turned away', async () => {
    const seats = [...take(queue, 'a', 3), ...take(queue, 'b', 1)];
    for (const user of ['a', 'b', 'c', 'd', 'e']) void wait(user);
    for (let at = 0; at < 100; at++) {
      expect(queue.take(`x${at}`)).to.equal(undefined);
      expect(await wait(`x${at}`)).to.equal('queue-full');
    }
    expect(queue.users).to.equal(5);
    clock.advance(LEVEL.waitMs);
    await settle();
    for (const seat of seats) seat.release();
    expect(queue.users).to.equal(0);
  });

  it('gives nobody every seat', () => {
    take(queue, 'a', 3);
    expect(queue.take('a')).to.equal(undefined);
    expect(queue.take('b')).to.not.equal(undefined);
  });

  it('lets users take turns, whoever came first with many', async () => {
    const [first, second] = [...take(queue, 'x', 3), ...take(queue, 'y', 1)];
    void wait('a');
    void wait('a');
    void wait('a');
    void wait('b');
    for (const seat of [first, second]) seat?.release();
    await settle();
    expect(told).to.deep.equal(['a', 'b']);
  });

  it('passes over a user who has his share', async () => {
    const [mine] = take(queue, 'a', 3);
    const [other] = take(queue, 'b', 1);
    void wait('a');
    void wait('c');
    other?.release();
    await settle();
    expect(told).to.deep.equal(['c']);
    mine?.release();
    await settle();
    expect(told).to.deep.equal(['c', 'a']);
  });

  it('lets nobody past his own queue', async () => {
    const [seat] = take(queue, 'a', 3);
    void wait('a');
    expect(queue.take('a')).to.equal(undefined);
    seat?.release();
    await settle();
    expect(told).to.deep.equal(['a']);
  });

  it('refuses who has too many waiting, and everybody when all have', async () => {
    take(queue, 'a', 3);
    take(queue, 'b', 1);
    for (const user of ['a', 'a', 'a', 'a', 'b', 'b', 'c']) void wait(user);
    await settle();
    expect(told).to.deep.equal(['a:queue-full', 'c:queue-full']);
    expect(queue.waiting).to.equal(5);
  });

  it('refuses who waited too long, and forgets who left', async () => {
    take(queue, 'a', 3);
    const leaving = new AbortController();
    void wait('a');
    void wait('a', leaving.signal);
    leaving.abort();
    clock.advance(LEVEL.waitMs);
    await settle();
    expect(told).to.deep.equal(['a:cancelled', 'a:time-out']);
    expect(queue.waiting).to.equal(0);
  });

  it('counts a seat once, however often it is released', () => {
    const [seat] = take(queue, 'a', 2);
    seat?.release();
    seat?.release();
    expect(queue.running).to.equal(1);
  });

  it('never has more running than seats, never leaves a seat free that somebody could have, and ends empty', async () => {
    const step = fc.record({
      user: fc.constantFrom('a', 'b', 'c'),
      act: fc.constantFrom('ask', 'release', 'leave'),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), async (steps) => {
        const subject = new FairQueue(LEVEL, new FakeClock());
        const held: { user: string; seat: Seat }[] = [];
        const waiting: { user: string; leaving: AbortController }[] = [];
        const count = (user: string): number => held.filter((one) => one.user === user).length;
        for (const { user, act } of steps) {
          if (act === 'release')
            held
              .splice(
                held.findIndex((one) => one.user === user),
                1,
              )
              .at(0)
              ?.seat.release();
          else if (act === 'leave') waiting.find((one) => one.user === user)?.leaving.abort();
          else {
            const seat = subject.take(user);
            if (seat !== undefined) held.push({ user, seat });
            else {
              const one = { user, leaving: new AbortController() };
              waiting.push(one);
              void subject.wait(user, one.leaving.signal).then((result) => {
                waiting.splice(waiting.indexOf(one), 1);
                if (typeof result !== 'string') held.push({ user, seat: result });
              });
            }
          }
          await settle();
          expect(subject.running).to.equal(held.length).and.at.most(LEVEL.seats);
          expect(subject.waiting).to.equal(waiting.length).and.at.most(LEVEL.waiting);
          for (const one of waiting) {
            const isBlocked = held.length === LEVEL.seats || count(one.user) === LEVEL.seatsPerUser;
            expect(isBlocked, `${one.user} waits beside a free seat`).to.equal(true);
          }
        }
        while (held.length > 0) {
          held.pop()?.seat.release();
          await settle();
        }
        expect([subject.running, subject.waiting]).to.deep.equal([0, 0]);
      }),
      { numRuns: 60 },
    );
  });
});
