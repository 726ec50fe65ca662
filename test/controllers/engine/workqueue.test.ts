/** The work queue against a model, and the promises that are easier to read as examples. */
import { expect } from 'chai';
import * as fc from 'fast-check';
import { WorkQueue } from '../../../controllers/engine/workqueue.ts';
import { FakeClock } from '../../../machinery/fakeclock.ts';
import { newMetrics } from '../../../machinery/metrics.ts';

const never = new AbortController().signal;

function newQueue(backoff?: { baseMs: number; maxMs: number }) {
  const clock = new FakeClock();
  const metrics = newMetrics();
  const queue = new WorkQueue({
    name: 'test',
    clock,
    metrics,
    ...(backoff === undefined ? {} : { backoff }),
  });
  return { clock, metrics, queue };
}

describe('WorkQueue', () => {
  it('hands out keys in the order of their arrival, each once', async () => {
    const { queue } = newQueue();
    for (const key of ['b', 'a', 'b', 'c', 'a']) queue.add(key);
    expect([await queue.take(never), await queue.take(never), await queue.take(never)]).to.deep.equal([
      'b',
      'a',
      'c',
    ]);
    expect(queue.depth).to.equal(0);
  });

  it('remembers an add during the work, and puts the key behind those that waited longer', async () => {
    const { queue } = newQueue();
    queue.add('a');
    queue.add('b');
    expect(await queue.take(never)).to.equal('a');
    queue.add('a');
    expect(queue.depth, 'not handed out while it is worked on').to.equal(1);
    queue.done('a');
    expect([await queue.take(never), await queue.take(never)]).to.deep.equal(['b', 'a']);
  });

  it('wakes a waiting taker, and one whose signal aborts leaves without taking anything', async () => {
    const { queue } = newQueue();
    const leaving = new AbortController();
    const left = queue.take(leaving.signal);
    const stayed = queue.take(never);
    leaving.abort();
    queue.add('a');
    expect(await left).to.equal(undefined);
    expect(await stayed).to.equal('a');
  });

  it('of several delays for a key the earliest counts', async () => {
    const { clock, queue } = newQueue();
    queue.addAfter('a', 1000);
    queue.addAfter('a', 100);
    queue.addAfter('a', 500);
    clock.advance(99);
    expect(queue.depth).to.equal(0);
    clock.advance(1);
    expect(queue.depth).to.equal(1);
    await queue.take(never);
    queue.done('a');
    clock.advance(10_000);
    expect(queue.depth, 'the later ones are forgotten').to.equal(0);
  });

  it('doubles the delay with every failure up to the longest, and starts anew once forgotten', () => {
    const { queue } = newQueue({ baseMs: 5, maxMs: 60 });
    const delays = Array.from({ length: 6 }, () => queue.addRateLimited('a'));
    expect(delays).to.deep.equal([5, 10, 20, 40, 60, 60]);
    expect(queue.addRateLimited('b'), 'each key on its own').to.equal(5);
    queue.forget('a');
    expect(queue.addRateLimited('a')).to.equal(5);
  });

  it('backs off up to 1,000 s by default and never overflows', () => {
    const { queue } = newQueue();
    let last = 0;
    for (let failure = 0; failure < 2000; failure++) last = queue.addRateLimited('a');
    expect(last).to.equal(1_000_000);
  });

  it('after the shutdown hands out nothing, takes nothing and leaves no timer behind', async () => {
    const { clock, queue } = newQueue();
    queue.add('a');
    const waiting = queue.take(never).then(() => queue.take(never));
    queue.addAfter('b', 100);
    await Promise.resolve();
    queue.shutDown();
    queue.add('c');
    expect(await waiting).to.equal(undefined);
    expect(queue.depth).to.equal(0);
    expect(clock.nextDueMs()).to.equal(undefined);
  });

  it('shows Kubernetes’ metrics', async () => {
    const { clock, metrics, queue } = newQueue();
    queue.add('a');
    queue.add('b');
    clock.advance(2000);
    await queue.take(never);
    clock.advance(3000);
    const text = await metrics.metrics();
    expect(text).to.contain('workqueue_depth{name="test"} 1');
    expect(text).to.contain('workqueue_adds_total{name="test"} 2');
    expect(text).to.contain('workqueue_queue_duration_seconds_sum{name="test"} 2');
    expect(text).to.contain('workqueue_unfinished_work_seconds{name="test"} 3');
    expect(text).to.contain('workqueue_longest_running_processor_seconds{name="test"} 3');
    queue.done('a');
    queue.addRateLimited('a');
    const after = await metrics.metrics();
    expect(after).to.contain('workqueue_work_duration_seconds_sum{name="test"} 3');
    expect(after).to.contain('workqueue_retries_total{name="test"} 1');
  });

  it('keeps its invariants under any sequence of calls (law)', async () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd');
    const act = fc.oneof(
      fc.record({ kind: fc.constant('add' as const), key }),
      fc.record({ kind: fc.constant('take' as const) }),
      fc.record({ kind: fc.constant('done' as const), key }),
      fc.record({ kind: fc.constant('addAfter' as const), key, ms: fc.integer({ min: 0, max: 50 }) }),
      fc.record({ kind: fc.constant('addRateLimited' as const), key }),
      fc.record({ kind: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 60 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 60 }), async (acts) => {
        const { clock, queue } = newQueue({ baseMs: 5, maxMs: 40 });
        // The model: who waits, who is worked on, who was added since it was taken, and when delayed adds fall due.
        let waiting: string[] = [];
        const working = new Set<string>();
        const again = new Set<string>();
        const due = new Map<string, number>();
        const failures = new Map<string, number>();
        const add = (name: string): void => {
          if (working.has(name)) again.add(name);
          else if (!waiting.includes(name)) waiting.push(name);
        };
        const delay = (name: string, ms: number): void => {
          if (ms <= 0) add(name);
          else due.set(name, Math.min(due.get(name) ?? Infinity, clock.monotonicMs() + ms));
        };
        for (const step of acts) {
          if (step.kind === 'add') {
            queue.add(step.key);
            add(step.key);
          } else if (step.kind === 'take' && waiting.length > 0) {
            const taken = await queue.take(never);
            expect(taken, 'first come, first served').to.equal(waiting[0]);
            waiting = waiting.slice(1);
            expect(working.has(taken ?? ''), 'never twice at once').to.equal(false);
            working.add(taken ?? '');
          } else if (step.kind === 'done') {
            queue.done(step.key);
            if (working.delete(step.key) && again.delete(step.key)) waiting.push(step.key);
          } else if (step.kind === 'addAfter') {
            queue.addAfter(step.key, step.ms);
            delay(step.key, step.ms);
          } else if (step.kind === 'addRateLimited') {
            const count = failures.get(step.key) ?? 0;
            failures.set(step.key, count + 1);
            const ms = Math.min(5 * 2 ** count, 40);
            expect(queue.addRateLimited(step.key)).to.equal(ms);
            delay(step.key, ms);
          } else if (step.kind === 'advance') {
            const untilMs = clock.monotonicMs() + step.ms;
            // One millisecond at a time, so that what falls due together arrives in an order the model knows.
            while (clock.monotonicMs() < untilMs) {
              clock.advance(1);
              const fallen = [...due].filter(([, atMs]) => atMs <= clock.monotonicMs());
              // Several on the same millisecond: any order is right, so the queue's own is taken over.
              for (const [name] of fallen) due.delete(name);
              const fresh = fallen
                .map(([name]) => name)
                .filter((name) => !working.has(name) && !waiting.includes(name));
              for (const [name] of fallen) if (working.has(name)) again.add(name);
              if (fresh.length === 1) waiting.push(...fresh);
              else if (fresh.length > 1) {
                const order = await takeAll(queue, waiting.length + fresh.length);
                expect(order.slice(0, waiting.length)).to.deep.equal(waiting);
                expect(new Set(order.slice(waiting.length))).to.deep.equal(new Set(fresh));
                for (const name of order) queue.done(name);
                for (const name of order) queue.add(name);
                waiting = order;
              }
            }
          }
          expect(queue.depth).to.equal(waiting.length);
          expect(new Set(queue.processing())).to.deep.equal(working);
        }
      }),
      { numRuns: 300 },
    );
  });
});

async function takeAll(queue: WorkQueue, count: number): Promise<string[]> {
  const keys: string[] = [];
  for (let index = 0; index < count; index++) keys.push((await queue.take(never)) ?? '');
  return keys;
}
