/** Lifecycle acts on a fake engine: what is success, what an error says, what an abort ends. */
import type { Duplex } from 'node:stream';
import { expect } from 'chai';
import { Hooks } from '../../../agent/hooks/hooks.ts';
import type { Hook } from '../../../controllers/task/services.ts';
import { messageOf } from '../../../machinery/errors.ts';
import { FakeClock } from '../../../machinery/fakeclock.ts';
import { seededRandom } from '../../../machinery/random.ts';
import { FakeRuntime } from '../../../runtime/fake/fake.ts';
import type { FakeCommand } from '../../../runtime/fake/process.ts';
import { newTask } from '../../builders.ts';

/** Answers every request with the status in its path. */
function answer(connection: Duplex): void {
  connection.once('data', (data: Buffer) => {
    const status = /GET \/(\d+)/.exec(data.toString())?.[1] ?? '200';
    connection.end(`HTTP/1.1 ${status} so\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  });
}

class Bench {
  readonly clock = new FakeClock();
  readonly abort = new AbortController();
  killed = 0;
  readonly runtime: FakeRuntime;
  readonly hooks: Hooks;

  constructor() {
    const speak: FakeCommand = async ({ command: [, code], write }) => {
      await write('stdout', 'x'.repeat(5_000));
      await write('stderr', '\nlast words\n');
      return Number(code);
    };
    const hang: FakeCommand = ({ killed }) =>
      new Promise((resolve) => {
        killed.addEventListener('abort', () => resolve(++this.killed));
      });
    this.runtime = new FakeRuntime({
      clock: this.clock,
      random: seededRandom(1),
      images: { busybox: {} },
      commands: { speak, hang },
      serve: (_, port) => (port === 8080 ? answer : undefined),
    });
    this.hooks = new Hooks({ runtime: this.runtime, clock: this.clock, version: 'test' });
  }

  async start(hook: Hook): Promise<Promise<string>> {
    const { id } = await this.runtime.create(
      {
        name: 'c',
        image: 'busybox',
        labels: {},
        env: [],
        ports: [],
        resources: {},
        networkMode: 'none',
        privileged: false,
        readOnlyRootFilesystem: false,
        capabilities: { add: [], drop: [] },
      },
      this.abort.signal,
    );
    await this.runtime.start(id, this.abort.signal);
    return this.run(id, hook);
  }

  /** `done`, or what the error says. */
  run(id: string, hook: Hook): Promise<string> {
    const task = newTask('a', { ports: [{ name: 'web', containerPort: 8080 }] });
    return this.hooks.run(task, id, hook, this.abort.signal).then(
      () => 'done',
      (error: unknown) => messageOf(error),
    );
  }
}

const outcomes: readonly { name: string; hook: Hook; says: string | RegExp }[] = [
  { name: 'a command that ends with 0 is done', hook: { exec: { command: ['speak', '0'] } }, says: 'done' },
  {
    name: 'a command that ends otherwise failed, with its code and its last words',
    hook: { exec: { command: ['speak', '3'] } },
    says: /^command "speak 3" ended with 3: x{100,2048}\nlast words$/,
  },
  { name: 'a request that is answered is done', hook: { httpGet: { port: 'web' } }, says: 'done' },
  { name: 'also with a redirect', hook: { httpGet: { port: 8080, path: '/302' } }, says: 'done' },
  {
    name: 'a request that is answered with a failure failed',
    hook: { httpGet: { port: 8080, path: '/500' } },
    says: 'HTTP hook failed with statuscode: 500',
  },
  { name: 'a port that takes a connection is done', hook: { tcpSocket: { port: 'web' } }, says: 'done' },
  {
    name: 'a port that takes none failed',
    hook: { tcpSocket: { port: 81 } },
    says: /connection refused/,
  },
  {
    name: 'a port of no name failed',
    hook: { tcpSocket: { port: 'none' } },
    says: /^port "none" is neither the name/,
  },
  { name: 'no wait is done', hook: { sleep: { seconds: 0 } }, says: 'done' },
];

describe('lifecycle hooks', () => {
  for (const { name, hook, says } of outcomes) {
    it(name, async () => {
      const bench = new Bench();
      const outcome = bench.start(hook);
      await Promise.resolve();
      if (hook.sleep !== undefined) await until(() => bench.clock.nextDueMs() !== undefined);
      bench.clock.advance(0);
      const said = await outcome;
      if (typeof says === 'string') expect(said).to.equal(says);
      else expect(said).to.match(says);
    });
  }

  it('a wait takes its time, and ends with the signal', async () => {
    for (const isAborted of [false, true]) {
      const bench = new Bench();
      const outcome = bench.start({ sleep: { seconds: 5 } });
      await until(() => bench.clock.nextDueMs() !== undefined);
      bench.clock.advance(4_999);
      if (isAborted) bench.abort.abort(new Error('no time left'));
      else bench.clock.advance(1);
      expect(await outcome).to.equal(isAborted ? 'no time left' : 'done');
      expect(bench.clock.nextDueMs()).to.equal(undefined);
    }
  });

  it('a command is killed when the signal aborts', async () => {
    const bench = new Bench();
    const outcome = bench.start({ exec: { command: ['hang'] } });
    // Until the command waits for its end.
    for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setImmediate(resolve));
    bench.abort.abort(new Error('no time left'));
    expect(await outcome).to.equal('no time left');
    expect(bench.killed).to.equal(1);
  });

  it('nothing is begun when the signal has aborted already', async () => {
    const bench = new Bench();
    bench.abort.abort(new Error('no time at all'));
    expect(await bench.run('nobody', { exec: { command: ['hang'] } })).to.equal('no time at all');
  });
});

/** Within a bound of turns of the event loop. */
async function until(isSo: () => boolean): Promise<void> {
  for (let turns = 0; turns < 1_000 && !isSo(); turns++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}
