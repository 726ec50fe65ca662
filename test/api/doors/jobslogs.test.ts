import { request } from 'node:http';
import { expect } from 'chai';
import { ApiError } from '../../../machinery/errors.ts';
import type { LogEntry, LogEntryOptions, WorkerLink } from '../../../machinery/workerlink.ts';
import { runs, tasks } from '../../../schemas/kinds.ts';
import type { Run } from '../../../schemas/types.gen.ts';
import { eventually } from '../../walk/process.ts';
import { noWorkers } from '../server/harness.ts';
import { actsOn, type JobsRig, NAMESPACE, openJobsRig, STEP } from './jobsrig.ts';

/** What Tasks have written; those that are followed wait for more until they are ended. */
class Logs {
  readonly asked: (readonly [task: string, options: LogEntryOptions])[] = [];
  readonly #entries = new Map<string, (LogEntry | ApiError)[]>();
  readonly #ended = new Set<string>();
  #changed = Promise.withResolvers<void>();

  say(task: string, text: string | Buffer, stream: LogEntry['stream'] = 'stdout'): void {
    this.#add(task, { time: '2026-01-01T00:00:00.000000000Z', stream, data: Buffer.from(text), attempt: 1 });
  }

  fail(task: string, error: ApiError): void {
    this.#add(task, error);
  }

  end(...names: readonly string[]): void {
    for (const name of names) this.#ended.add(name);
    this.#wake();
  }

  link(): WorkerLink {
    return {
      ...noWorkers,
      logEntries: (worker, { name }, options, signal) => {
        this.asked.push([`${worker}/${name}`, options]);
        if (this.#entries.has(name) || options.follow)
          return Promise.resolve(this.#read(name, options, signal));
        return Promise.reject(new ApiError('BadRequest', `task "${name}" is waiting to start`));
      },
    };
  }

  #add(task: string, entry: LogEntry | ApiError): void {
    this.#entries.set(task, [...(this.#entries.get(task) ?? []), entry]);
    this.#wake();
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async *#read(name: string, { follow }: LogEntryOptions, signal: AbortSignal): AsyncGenerator<LogEntry> {
    const gone = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    for (let at = 0; ; ) {
      const next = this.#entries.get(name)?.[at];
      if (next instanceof ApiError) throw next;
      if (next !== undefined) {
        at++;
        yield next;
      } else {
        if (!follow || this.#ended.has(name) || signal.aborted) return;
        await Promise.race([this.#changed.promise, gone]);
      }
    }
  }
}

describe('the jobs door: D3.13 GET /api/runs/{run_id}/logs', () => {
  let rig: JobsRig;
  let logs: Logs;
  beforeEach(async () => {
    logs = new Logs();
    rig = await openJobsRig({ workerLink: logs.link() });
    await addJob('hello', { tasks: ['build', 'test'].map((name) => ({ name, ...STEP })) });
    await ofJob('hello-1', 'hello');
  });
  afterEach(() => rig.close());
  const { addJob, ofJob, setStatus, expectError } = actsOn(() => rig);

  const stored = (): Promise<Run> => rig.world.admin.get(runs, { namespace: NAMESPACE, name: 'hello-1' });
  /** A Task of the Run, as its controller makes it. */
  async function bind(name: string, workerName: string): Promise<void> {
    const task = await rig.world.admin.get(tasks, { namespace: NAMESPACE, name });
    await rig.world.admin.update(tasks, { ...task, status: { workerName } }, { subresource: 'status' });
  }
  async function addTask(step: string, attempt: number, worker = 'w1'): Promise<void> {
    const { uid = '' } = (await stored()).metadata;
    const owner = { apiVersion: 'gantry.dev/v1', kind: 'Run', name: 'hello-1', uid, controller: true };
    await rig.world.admin.create(tasks, {
      apiVersion: 'gantry.dev/v1',
      kind: 'Task',
      metadata: {
        name: `hello-1-${step}-${attempt}`,
        namespace: NAMESPACE,
        labels: { 'gantry.dev/run': 'hello-1', 'gantry.dev/step': step },
        ownerReferences: [owner],
      },
      spec: {
        image: 'gantry/hello:1',
        env: [{ name: 'GANTRY_ATTEMPT', value: String(attempt) }],
      },
    });
    if (worker !== '') await bind(`hello-1-${step}-${attempt}`, worker);
  }
  const begin = (...steps: readonly string[]): Promise<void> =>
    setStatus('hello-1', {
      state: 'running',
      startedAt: '2026-01-01T00:00:00Z',
      tasks: steps.map((name) => ({ name, state: 'running' as const })),
    });
  const finish = async (): Promise<void> => {
    const { status } = await stored();
    await setStatus('hello-1', { ...status, state: 'completed', finishedAt: '2026-01-01T00:00:09Z' });
  };
  const read = async (query = ''): Promise<string> => {
    const answer = await rig.ask('GET', `/api/runs/hello-1/logs${query}`);
    expect(answer.status, answer.text).to.equal(200);
    expect(answer.headers['content-type']).to.equal('text/plain; charset=utf-8');
    expect(answer.headers['transfer-encoding']).to.equal('chunked');
    return answer.text;
  };
  /** An answer that goes on: what has come of it so far. */
  async function following(
    query: string,
  ): Promise<{ text(): string; readonly ended: Promise<boolean>; leave(): void }> {
    let text = '';
    const ended = Promise.withResolvers<boolean>();
    const begun = Promise.withResolvers<void>();
    const asking = request(
      { port: rig.port, path: `/api/runs/hello-1/logs?follow=true${query}`, agent: false },
      (response) => {
        begun.resolve();
        response.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
        response.on('close', () => ended.resolve(response.complete));
      },
    );
    asking.on('error', () => ended.resolve(false));
    asking.end();
    await begun.promise;
    return { text: () => text, ended: ended.promise, leave: () => asking.destroy() };
  }
  const says = (answer: { text(): string }, wanted: string): Promise<true> =>
    eventually(
      `the answer says ${JSON.stringify(wanted)}`,
      () => (answer.text() === wanted ? true : undefined),
      5_000,
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}, it says ${JSON.stringify(answer.text())}`);
    });

  it('D3.13 is empty before anything has begun', async () => {
    expect(await read()).to.equal('');
    await begin('build');
    await addTask('build', 1, '');
    await addTask('test', 1);
    expect(await read()).to.equal('');
  });

  it('D3.13 tells all steps in their order and every try, with the step in front of each line', async () => {
    await begin('test', 'build');
    for (const [step, attempt] of [
      ['build', 1],
      ['test', 2],
      ['test', 1],
    ] as const)
      await addTask(step, attempt);
    logs.say('hello-1-build-1', 'one\ntwo\n');
    logs.say('hello-1-test-1', 'no end');
    logs.say('hello-1-test-2', 'half ');
    logs.say('hello-1-test-2', 'oops\n', 'stderr');
    logs.say('hello-1-test-2', 'whole\n');
    expect(await read()).to.equal(
      '[test] no end\n[test 2] oops\n[test 2] half whole\n[build] one\n[build] two\n',
    );
  });

  it('D3.13 of one step the bytes are passed on as they are', async () => {
    await begin('build', 'test');
    await addTask('build', 1);
    await addTask('test', 1);
    const bytes = Buffer.from([0, 0xff, 0x0a, 0x61]);
    logs.say('hello-1-build-1', bytes);
    logs.say('hello-1-test-1', 'other');
    const answer = await following('&task=build');
    await says(answer, bytes.toString('latin1'));
    answer.leave();
    expect(await read('?task=test')).to.equal('other');
    expect(logs.asked.map(([task]) => task)).to.deep.equal(['w1/hello-1-build-1', 'w1/hello-1-test-1']);
  });

  it('D3.13 breaks a line that never ends', async () => {
    await begin('build');
    await addTask('build', 1);
    logs.say('hello-1-build-1', 'x'.repeat(70_000));
    logs.say('hello-1-build-1', 'y\n');
    expect(await read()).to.equal(`[build] ${'x'.repeat(70_000)}\n[build] y\n`);
  });

  it('D3.13 says where something is missing', async () => {
    await begin('build');
    await addTask('build', 1);
    logs.say('hello-1-build-1', 'here 3 lines are missing', 'gap');
    logs.say('hello-1-build-1', 'on\n');
    expect(await read()).to.equal('[build] here 3 lines are missing\n[build] on\n');
  });

  it('D3.13 takes the last lines alone', async () => {
    await begin('build');
    await addTask('build', 1);
    logs.say('hello-1-build-1', 'x\n');
    await read('?tail=3');
    expect(logs.asked).to.deep.equal([['w1/hello-1-build-1', { follow: false, tailLines: 3 }]]);
    expectError(
      await rig.ask('GET', '/api/runs/hello-1/logs?tail=few'),
      400,
      'BAD_REQUEST',
      /tail: found "few"/,
    );
  });

  it('D3.13 knows no step but those of the run', async () => {
    await begin('build', 'test');
    expectError(
      await rig.ask('GET', '/api/runs/hello-1/logs?task=nobody'),
      404,
      'NOT_FOUND',
      /run "hello-1" has no task "nobody": it has build, test/,
    );
    await setStatus('hello-1', { tasks: [{ name: 'build', state: 'completed', rerunOf: 'hello-0' }] });
    expectError(
      await rig.ask('GET', '/api/runs/hello-1/logs?task=build'),
      404,
      'NOT_FOUND',
      /taken over from run "hello-0"/,
    );
  });

  it('D3.13 an only log that cannot be had is an error, one of several a line', async () => {
    await begin('build', 'test');
    await addTask('build', 1);
    const gone = new ApiError('ServiceUnavailable', 'worker "w1" is not connected');
    const broken: WorkerLink = { ...noWorkers, logEntries: () => Promise.reject(gone) };
    const other = await openJobsRig({ world: rig.world, workerLink: broken });
    const path = '/api/runs/hello-1/logs';
    expectError(await other.ask('GET', path), 503, 'SERVICE_UNAVAILABLE', /worker "w1" is not connected/);
    await addTask('test', 1);
    const { text } = await other.ask('GET', path);
    expect(text).to.equal(
      '[build] the log cannot be read: worker "w1" is not connected\n[test] the log cannot be read: worker "w1" is not connected\n',
    );
    await other.close();
  });

  it('D3.13 a log that takes more than a minute to read is whole', async () => {
    await begin('build');
    await addTask('build', 1);
    const rest = Promise.withResolvers<void>();
    const entry = (text: string): LogEntry => ({
      time: '',
      stream: 'stdout',
      data: Buffer.from(text),
      attempt: 1,
    });
    const slow = async function* (): AsyncGenerator<LogEntry> {
      yield entry('one\n');
      await rest.promise;
      yield entry('two\n');
    };
    const workerLink: WorkerLink = { ...noWorkers, logEntries: () => Promise.resolve(slow()) };
    const other = await openJobsRig({ world: rig.world, workerLink });
    const answer = await fetch(`http://127.0.0.1:${other.port}/api/runs/hello-1/logs`);
    await rig.world.advance(61_000);
    rest.resolve();
    expect(await answer.text()).to.equal('[build] one\n[build] two\n');
    await other.close();
  });

  it('D3.13 passes over Tasks that only say they are of the run', async () => {
    await begin('build');
    await rig.world.admin.create(tasks, {
      apiVersion: 'gantry.dev/v1',
      kind: 'Task',
      metadata: { name: 'stranger', namespace: NAMESPACE, labels: { 'gantry.dev/run': 'hello-1' } },
      spec: { image: 'x' },
    });
    await bind('stranger', 'w1');
    logs.say('stranger', 'mine\n');
    expect(await read()).to.equal('');
  });

  it('D3.13 follows every step side by side until the run has ended', async () => {
    await begin('build');
    await addTask('build', 1);
    const answer = await following('');
    logs.say('hello-1-build-1', 'one\n');
    await says(answer, '[build] one\n');
    await addTask('test', 1, '');
    await addTask('test', 2, 'w2');
    logs.say('hello-1-test-2', 'a');
    logs.say('hello-1-build-1', 'two\n');
    await says(answer, '[build] one\n[build] two\n');
    logs.say('hello-1-test-2', 'b\n');
    const soFar = '[build] one\n[build] two\n[test 2] ab\n';
    await says(answer, soFar);
    await bind('hello-1-test-1', 'w2');
    logs.say('hello-1-test-1', 'late\n');
    await says(answer, `${soFar}[test] late\n`);
    logs.end('hello-1-build-1', 'hello-1-test-1');
    await finish();
    logs.say('hello-1-test-2', 'last words');
    logs.end('hello-1-test-2');
    expect(await answer.ended, 'ended properly').to.equal(true);
    expect(answer.text()).to.equal(`${soFar}[test] late\n[test 2] last words\n`);
  });

  it('D3.13 ends also where a log does not, once nothing more has come for a while', async () => {
    await begin('build', 'test');
    for (let n = 1; n <= 51; n++) await addTask('build', n);
    for (let n = 1; n <= 51; n++) logs.say(`hello-1-build-${n}`, 'x\n');
    const answer = await following('');
    await eventually('fifty are read', () => (answer.text().split('\n').length === 51 ? true : undefined));
    await finish();
    let isOver = false;
    void answer.ended.then(() => (isOver = true));
    await eventually('it ends', async () => {
      await rig.world.advance(1_000);
      return isOver ? true : undefined;
    });
    expect(await answer.ended).to.equal(true);
    expect(answer.text().split('\n')).to.have.length(52);
    expect(logs.asked.filter(([, { follow }]) => follow)).to.have.length(50);
  });

  it('D3.13 follows a task that is taken to another worker there, too', async () => {
    await begin('build');
    await addTask('build', 1);
    const answer = await following('');
    await eventually('it is read', () => (logs.asked.length === 1 ? true : undefined));
    await bind('hello-1-build-1', 'w2');
    await eventually('it is read where it has gone', () => (logs.asked.length === 2 ? true : undefined));
    expect(logs.asked.map(([task]) => task)).to.deep.equal(['w1/hello-1-build-1', 'w2/hello-1-build-1']);
    logs.end('hello-1-build-1');
    await finish();
    expect(await answer.ended).to.equal(true);
  });

  it('D3.13 waits for last words that take their time', async () => {
    await begin('build');
    await addTask('build', 1);
    const answer = await following('');
    await eventually('it is read', () => (logs.asked.length === 1 ? true : undefined));
    await finish();
    for (let second = 0; second < 10; second++) await rig.world.advance(1_000);
    logs.say('hello-1-build-1', 'last words\n');
    logs.end('hello-1-build-1');
    expect(await answer.ended).to.equal(true);
    expect(answer.text()).to.equal('[build] last words\n');
  });

  it('D3.13 of a run that has ended, following is reading', async () => {
    await begin('build');
    await addTask('build', 1);
    logs.say('hello-1-build-1', 'all\n');
    await finish();
    expect(await read('?follow=true')).to.equal('[build] all\n');
    expect(logs.asked[0]?.[1].follow).to.equal(false);
  });

  it('D3.13 ends when the run is deleted', async () => {
    await begin('build');
    const answer = await following('');
    await rig.world.admin.delete(runs, { namespace: NAMESPACE, name: 'hello-1' });
    expect(await answer.ended).to.equal(true);
  });

  it('D3.13 a log that breaks off is told, and the others go on', async () => {
    await begin('build', 'test');
    await addTask('build', 1);
    await addTask('test', 1);
    const answer = await following('');
    logs.fail('hello-1-build-1', new ApiError('ServiceUnavailable', 'the worker is gone'));
    await says(answer, '[build] the log cannot be read: the worker is gone\n');
    logs.say('hello-1-test-1', 'on\n');
    await says(answer, '[build] the log cannot be read: the worker is gone\n[test] on\n');
    logs.end('hello-1-test-1');
    await finish();
    expect(await answer.ended).to.equal(true);
  });

  it('D3.13 follows fifty at a time, and all of them', async () => {
    await begin('build');
    for (let n = 1; n <= 55; n++) await addTask('build', n);
    const answer = await following('');
    await eventually('fifty are read', () => (logs.asked.length === 50 ? true : undefined));
    for (let n = 1; n <= 55; n++) {
      logs.say(`hello-1-build-${n}`, 'x\n');
      logs.end(`hello-1-build-${n}`);
    }
    await finish();
    expect(await answer.ended).to.equal(true);
    expect(answer.text().split('\n')).to.have.length(56);
  });

  it('D3.13 lets go of everything when the reader leaves', async () => {
    await begin('build');
    await addTask('build', 1);
    const answer = await following('');
    logs.say('hello-1-build-1', 'one\n');
    await says(answer, '[build] one\n');
    answer.leave();
    expect(await answer.ended).to.equal(false);
    logs.say('hello-1-build-1', 'nobody hears\n');
  });

  it('D3.13 cuts the answer off when it cannot go on: it is not complete, and says so', async () => {
    await begin('build');
    const answer = await following('');
    await rig.world.registry.close();
    expect(await answer.ended).to.be.a('boolean');
  });
});
