/** The reconcile loop: retry policy, isolation, deadline, stop. */
import { expect } from 'chai';
import {
  type Controller,
  ControllerLoop,
  done,
  postponed,
  type Result,
  requeueAfter,
} from '../../../controllers/engine/controller.ts';
import { sleep, systemClock } from '../../../machinery/clock.ts';
import { ApiError, TerminalError } from '../../../machinery/errors.ts';
import { FakeClock } from '../../../machinery/fakeclock.ts';
import { silentLog } from '../../../machinery/log.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import { seededRandom } from '../../../machinery/random.ts';
import { currentTrace } from '../../../machinery/trace.ts';

/** Runs everything that needs no time to pass. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await Promise.resolve();
}

function start(controller: Partial<Controller> & Pick<Controller, 'reconcile'>, concurrency = 1) {
  const clock = new FakeClock();
  const metrics = newMetrics();
  const stop = new AbortController();
  const loop = new ControllerLoop(
    { name: 'test', ...controller },
    {
      clock,
      random: seededRandom(1),
      log: silentLog,
      metrics,
      concurrency,
      backoff: { baseMs: 10, maxMs: 1000 },
    },
  );
  const ended = loop.run(stop.signal);
  return { clock, metrics, stop, loop, ended };
}

describe('ControllerLoop', () => {
  it('what asks for ever to be called again at once is called ever more seldom, until it asks for something else', async () => {
    for (const delayMs of [0, -1, Number.NaN]) {
      let calls = 0;
      let answer: Result = requeueAfter(delayMs);
      const { clock, loop, stop, ended } = start({
        reconcile: async () => {
          calls++;
          return answer;
        },
      });
      const pass = async (ms: number): Promise<void> => {
        for (let step = 0; step < ms; step++) {
          for (let turn = 0; turn < 20; turn++) await settle();
          clock.advance(1);
        }
        for (let turn = 0; turn < 20; turn++) await settle();
      };
      loop.enqueue('a');
      await pass(0);
      expect(calls, 'so often at once').to.equal(17);
      await pass(10);
      expect(calls).to.equal(18);
      await pass(1_270);
      expect(calls, '20, 40, ... 640 ms').to.equal(24);
      await pass(1_980);
      expect(calls, 'each second').to.equal(25);
      answer = requeueAfter(5);
      await pass(1_000);
      answer = requeueAfter(delayMs);
      const before = calls;
      await pass(5);
      expect(calls - before, 'from the beginning').to.equal(17);
      stop.abort();
      await ended;
    }
  });

  it('leaves the event loop its turns, whatever a reconcile asks for', async () => {
    const stop = new AbortController();
    const loop = new ControllerLoop(
      { name: 'test', reconcile: async () => requeueAfter(0) },
      { clock: systemClock, random: seededRandom(1), log: silentLog, metrics: newMetrics() },
    );
    const ended = loop.run(stop.signal);
    loop.enqueue('a');
    await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    await ended;
  });

  it('leaves failures and their backoff as they are when a reconcile is postponed', async () => {
    const atMs: number[] = [];
    const isBackingOff: boolean[] = [];
    let answer: () => Promise<Result> = () => Promise.reject(new Error('not yet'));
    const { clock, loop, stop, ended } = start({
      reconcile: (key) => {
        atMs.push(clock.monotonicMs());
        isBackingOff.push(loop.isBackingOff(key));
        return answer();
      },
    });
    const pass = async (ms: number): Promise<void> => {
      for (let step = 0; step < ms; step++) {
        await settle();
        clock.advance(1);
      }
      await settle();
    };
    loop.enqueue('a');
    await pass(15);
    answer = () => Promise.resolve(postponed());
    loop.enqueue('a');
    await pass(100);
    expect(atMs, 'again when the backoff of 20 ms is over, and then not before it is enqueued').to.deep.equal(
      [0, 10, 15, 30],
    );
    expect(isBackingOff).to.deep.equal([false, false, true, false]);
    answer = () => Promise.resolve(postponed(7));
    loop.enqueue('a');
    await pass(7);
    expect(atMs.slice(4)).to.deep.equal([115, 122]);
    answer = () => Promise.reject(new Error('not yet'));
    await pass(7);
    answer = () => Promise.resolve(done);
    await pass(100);
    expect(atMs.slice(6), 'the third failure waits for 40 ms').to.deep.equal([129, 169]);
    stop.abort();
    await ended;
  });

  it('comes back after a growing delay when a reconcile fails, and forgets failures once one succeeds', async () => {
    const atMs: number[] = [];
    let failing = 3;
    const { clock, loop, stop, ended } = start({
      reconcile: () => {
        atMs.push(clock.monotonicMs());
        return failing-- > 0 ? Promise.reject(new Error('not yet')) : Promise.resolve(done);
      },
    });
    loop.enqueue('a');
    for (let ms = 0; ms < 200; ms++) {
      await settle();
      clock.advance(1);
    }
    expect(atMs).to.deep.equal([0, 10, 30, 70]);
    failing = 1;
    loop.enqueue('a');
    await settle();
    clock.advance(10);
    await settle();
    expect(atMs.slice(4), 'from the shortest delay again').to.deep.equal([200, 210]);
    stop.abort();
    await ended;
  });

  it('never tries again after a terminal error until somebody adds the key', async () => {
    let calls = 0;
    const { clock, metrics, loop, stop, ended } = start({
      reconcile: () => {
        calls++;
        return Promise.reject(new TerminalError('image name is not valid'));
      },
    });
    loop.enqueue('a');
    await settle();
    clock.advance(10_000_000);
    await settle();
    expect(calls).to.equal(1);
    loop.enqueue('a');
    await settle();
    expect(calls).to.equal(2);
    expect(await metrics.metrics()).to.contain(
      'controller_runtime_reconcile_total{controller="test",result="terminal_error"} 2',
    );
    stop.abort();
    await ended;
  });

  it('looks again after requeueAfter without counting it as a failure', async () => {
    let calls = 0;
    const { clock, metrics, loop, stop, ended } = start({
      reconcile: () => Promise.resolve(++calls < 3 ? requeueAfter(100) : done),
    });
    loop.enqueue('a');
    for (let turn = 0; turn < 5; turn++) {
      await settle();
      clock.advance(100);
    }
    expect(calls).to.equal(3);
    const text = await metrics.metrics();
    expect(text).to.contain('controller_runtime_reconcile_total{controller="test",result="requeue_after"} 2');
    expect(text).to.contain('controller_runtime_reconcile_total{controller="test",result="success"} 1');
    expect(text).not.to.contain('controller_runtime_reconcile_errors_total{controller="test"} ');
    stop.abort();
    await ended;
  });

  it('goes on with other keys when one fails for ever, also with what is not an Error', async () => {
    const seen: string[] = [];
    const { loop, stop, ended } = start({
      reconcile: (key) => {
        seen.push(key);
        if (key === 'bad') throw new ApiError('Conflict', 'somebody was faster');
        return Promise.resolve(done);
      },
    });
    for (const key of ['bad', 'good', 'fine']) loop.enqueue(key);
    await settle();
    expect(seen).to.deep.equal(['bad', 'good', 'fine']);
    stop.abort();
    await ended;
  });

  it('runs as many at once as allowed, never one key twice, and a change during the work leads to another look', async () => {
    const running = new Set<string>();
    let most = 0;
    let calls = 0;
    const { clock, loop, stop, ended } = start(
      {
        reconcile: async (key) => {
          expect(running.has(key), `${key} twice at once`).to.equal(false);
          running.add(key);
          calls++;
          most = Math.max(most, running.size);
          await sleep(clock, 10);
          running.delete(key);
          return done;
        },
      },
      2,
    );
    for (const key of ['a', 'b', 'c']) loop.enqueue(key);
    await settle();
    loop.enqueue('a');
    for (let turn = 0; turn < 5; turn++) {
      clock.advance(10);
      await settle();
    }
    expect(most).to.equal(2);
    expect(calls).to.equal(4);
    stop.abort();
    await ended;
  });

  it('tells a reconcile past its deadline to end', async () => {
    let reason: unknown;
    const { clock, loop, stop, ended } = start({
      reconcile: async (_key, signal) => {
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
        reason = signal.reason;
        throw signal.reason;
      },
    });
    loop.enqueue('a');
    await settle();
    clock.advance(60_000);
    await settle();
    expect(String(reason)).to.contain('passed its deadline of 60000 ms');
    stop.abort();
    await ended;
  });

  it('lets the current reconcile finish when it is stopped', async () => {
    let isFinished = false;
    const { clock, loop, stop, ended } = start({
      reconcile: async () => {
        await sleep(clock, 1000);
        isFinished = true;
        return done;
      },
    });
    loop.enqueue('a');
    loop.enqueue('b');
    await settle();
    stop.abort();
    await settle();
    expect(isFinished).to.equal(false);
    clock.advance(1000);
    await ended;
    expect(isFinished).to.equal(true);
    expect(loop.isIdle).to.equal(true);
  });

  it('stops within its bound although a reconcile never ends', async () => {
    let wasTold = false;
    const { clock, loop, stop, ended } = start({
      reconcile: (_key, signal) => {
        signal.addEventListener('abort', () => {
          wasTold = true;
        });
        return new Promise(() => undefined);
      },
    });
    loop.enqueue('a');
    await settle();
    stop.abort();
    await settle();
    clock.advance(6_000);
    await ended;
    expect(wasTold).to.equal(true);
  });

  it('runs each reconcile in the trace of the object behind the key, or a new one', async () => {
    const seen: (string | undefined)[] = [];
    const { loop, stop, ended } = start({
      reconcile: () => {
        seen.push(currentTrace()?.traceId);
        return Promise.resolve(done);
      },
      traceOf: (key) => (key === 'traced' ? { traceId: 'f'.repeat(32) } : undefined),
    });
    loop.enqueue('traced');
    loop.enqueue('other');
    await settle();
    expect(seen[0]).to.equal('f'.repeat(32));
    expect(seen[1])
      .to.match(/^[0-9a-f]{32}$/)
      .and.not.equal(seen[0]);
    stop.abort();
    await ended;
  });
});
