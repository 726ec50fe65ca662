/** Who is asked when, and what is told of it: the real prober on a fake engine, time that moves when told. */
import type { Duplex } from 'node:stream';
import { expect } from 'chai';
import { TaskProber } from '../../../agent/probes/prober.ts';
import type { EventInput } from '../../../controllers/engine/event.ts';
import type { ProbeState, ProbeTarget } from '../../../controllers/task/services.ts';
import { FakeClock } from '../../../machinery/fakeclock.ts';
import { silentLog } from '../../../machinery/log.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import { type Random, seededRandom } from '../../../machinery/random.ts';
import { FakeRuntime } from '../../../runtime/fake/fake.ts';
import type { FakeCommand } from '../../../runtime/fake/process.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { newTask } from '../../builders.ts';

type Spec = Partial<Task['spec']>;

/** A probe by a command of this name. */
const by = (name: string): { exec: { command: string[] } } => ({ exec: { command: [name] } });

/** A server that redirects every request to another host. */
function sendElsewhere(connection: Duplex): void {
  connection.once('data', () => {
    connection.end('HTTP/1.1 302 Found\r\nLocation: http://other.example/\r\nContent-Length: 2\r\n\r\nno');
  });
}

class Bench {
  readonly clock = new FakeClock();
  readonly events: EventInput[] = [];
  readonly changes: string[] = [];
  readonly metrics = newMetrics();
  readonly stopped = new AbortController();
  /** Seconds since the start at which each command ran, by its name. */
  readonly asked: Record<string, number[]> = {};
  /** What each command answers: an exit code, or never. */
  readonly answers: Record<string, number | 'hangs'> = {};
  readonly runtime: FakeRuntime;
  readonly prober: TaskProber;
  running = 0;
  mostRunning = 0;

  constructor(random: Random = { ...seededRandom(1), next: () => 0.5 }) {
    const run: FakeCommand = async ({ command: [name = ''], write, killed }) => {
      (this.asked[name] ??= []).push(this.clock.monotonicMs() / 1000);
      this.mostRunning = Math.max(this.mostRunning, ++this.running);
      const answer = this.answers[name] ?? 0;
      if (answer === 'hangs') {
        await new Promise<void>((resolve) => killed.addEventListener('abort', () => resolve()));
      } else if (answer !== 0) await write('stderr', `${name} says ${answer}\n`);
      this.running--;
      return answer === 'hangs' ? 137 : answer;
    };
    const commands = { startup: run, live: run, ready: run, other: run };
    this.runtime = new FakeRuntime({
      clock: this.clock,
      random: seededRandom(1),
      images: { busybox: {} },
      commands,
      serve: (_, port) => (port === 80 ? sendElsewhere : undefined),
    });
    this.prober = new TaskProber({
      runtime: this.runtime,
      clock: this.clock,
      random,
      log: silentLog,
      events: { record: (event) => void this.events.push(event) },
      metrics: this.metrics,
      version: 'test',
      signal: this.stopped.signal,
    });
    this.prober.onChange((key) => void this.changes.push(key));
  }

  async start(name: string, spec: Spec): Promise<ProbeTarget> {
    const { id } = await this.runtime.create(
      {
        name,
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
      this.stopped.signal,
    );
    await this.runtime.start(id, this.stopped.signal);
    return {
      taskKey: `default/${name}`,
      task: newTask(name, spec),
      containerId: id,
      startedAtMs: this.clock.now(),
    };
  }

  async keep(name: string, spec: Spec): Promise<ProbeTarget> {
    const target = await this.start(name, spec);
    this.prober.keep(target);
    return target;
  }

  /** Lets time pass, and everything happen in it. */
  async pass(seconds: number): Promise<void> {
    await settle();
    const endMs = this.clock.monotonicMs() + seconds * 1000;
    for (;;) {
      const left = endMs - this.clock.monotonicMs();
      const next = this.clock.nextDueMs();
      this.clock.advance(next === undefined ? left : Math.min(left, next));
      await settle();
      if (this.clock.monotonicMs() >= endMs && (this.clock.nextDueMs() ?? 1) > 0) return;
    }
  }

  state({ containerId }: ProbeTarget): ProbeState | undefined {
    return this.prober.stateOf(containerId);
  }

  messages(): string[] {
    return this.events.map(({ reason, message }) => `${reason}: ${message}`);
  }
}

/** As many turns as an answer takes that nobody waits for. */
async function settle(): Promise<void> {
  for (let turns = 0; turns < 5; turns++) await new Promise((resolve) => setImmediate(resolve));
}

describe('The prober', () => {
  it('asks at once, then every ten seconds', async () => {
    const bench = new Bench();
    const target = await bench.keep('a', { readinessProbe: by('ready') });
    expect(bench.state(target)?.readiness).to.equal('notReady');
    await bench.pass(30);
    expect(bench.asked).to.deep.equal({ ready: [0, 10, 20, 30] });
    expect(bench.state(target)).to.deep.equal({ startup: 'none', liveness: 'ok', readiness: 'ready' });
    expect(bench.changes).to.deep.equal(['default/a', 'default/a']);
  });

  it('waits for the initial delay of each probe from the container’s start, and asks in its own period', async () => {
    const bench = new Bench();
    const target = await bench.start('a', {
      livenessProbe: { ...by('live'), initialDelaySeconds: 5, periodSeconds: 4 },
      readinessProbe: { ...by('ready'), periodSeconds: 6 },
    });
    await bench.pass(2);
    bench.prober.keep(target);
    await bench.pass(12);
    expect(bench.asked).to.deep.equal({ live: [5, 9, 13], ready: [2, 8, 14] });
  });

  it('counts in time that passes, not in what a wall clock says', async () => {
    const bench = new Bench();
    await bench.keep('a', { livenessProbe: { ...by('live'), initialDelaySeconds: 5, periodSeconds: 5 } });
    bench.clock.jumpWall(-3_600_000);
    await bench.pass(6);
    bench.clock.jumpWall(7_200_000);
    await bench.pass(5);
    expect(bench.asked).to.deep.equal({ live: [5, 10] });
    const late = await bench.start('b', { readinessProbe: { ...by('ready'), initialDelaySeconds: 3 } });
    bench.clock.jumpWall(-3_600_000);
    bench.prober.keep(late);
    await bench.pass(4);
    expect(bench.asked['ready']).to.deep.equal([14]);
  });

  it('holds the others until the startup probe has passed, then asks them at once', async () => {
    const bench = new Bench();
    bench.answers['startup'] = 1;
    const target = await bench.keep('a', {
      startupProbe: { ...by('startup'), periodSeconds: 1, failureThreshold: 10 },
      livenessProbe: by('live'),
      readinessProbe: by('ready'),
    });
    await bench.pass(3.5);
    expect(bench.state(target)).to.deep.equal({
      startup: 'pending',
      liveness: 'ok',
      readiness: 'notReady',
      message: 'Startup probe failed: startup says 1',
    });
    bench.answers['startup'] = 0;
    await bench.pass(8.5);
    expect(bench.asked).to.deep.equal({ startup: [0, 1, 2, 3, 4], live: [4], ready: [4] });
    expect(bench.state(target)).to.deep.equal({ startup: 'passed', liveness: 'ok', readiness: 'ready' });
  });

  it('asks no more once liveness has failed: the container is ended, and the next one begins anew', async () => {
    const bench = new Bench();
    bench.answers['live'] = 3;
    const spec = {
      livenessProbe: { ...by('live'), periodSeconds: 1, failureThreshold: 2 },
      readinessProbe: { ...by('ready'), periodSeconds: 1 },
    };
    const target = await bench.keep('a', spec);
    await bench.pass(5);
    expect(bench.asked['live']).to.deep.equal([0, 1]);
    expect(bench.state(target)).to.deep.equal({
      startup: 'none',
      liveness: 'failed',
      readiness: 'notReady',
      message: 'Liveness probe failed: live says 3',
    });
    bench.prober.drop(target.containerId);
    expect(bench.state(target)).to.equal(undefined);
    const next = await bench.keep('a2', spec);
    expect(bench.state(next)?.liveness).to.equal('ok');
    // The same container, started again by hand.
    bench.prober.keep({ ...next, startedAtMs: next.startedAtMs + 1 });
    await bench.pass(0);
    expect(bench.asked['live']?.length).to.equal(3);
  });

  it('never asks a probe twice at once, leaves out what fell due meanwhile and kills what is late', async () => {
    const bench = new Bench();
    bench.answers['live'] = 'hangs';
    await bench.keep('a', {
      livenessProbe: { ...by('live'), periodSeconds: 2, timeoutSeconds: 5, failureThreshold: 9 },
    });
    await bench.pass(14);
    expect(bench.asked['live']).to.deep.equal([0, 6, 12]);
    expect(bench.mostRunning).to.equal(1);
    expect(bench.messages()[0]).to.equal(
      'Unhealthy: Liveness probe failed: command "live" timed out after 5s',
    );
  });

  it('runs at most 32 commands at once, and who had to wait loses nothing by it', async () => {
    const bench = new Bench();
    bench.answers['live'] = 'hangs';
    for (let at = 0; at < 40; at++) {
      await bench.keep(`t${at}`, { livenessProbe: { ...by('live'), failureThreshold: 1 } });
    }
    await bench.pass(0.5);
    expect(bench.asked['live']?.length).to.equal(32);
    bench.answers['live'] = 0;
    await bench.pass(1);
    expect(bench.asked['live']?.length).to.equal(40);
    expect(bench.mostRunning).to.equal(32);
    expect(bench.messages().length).to.equal(32);
  });

  it('tells of every failure up to the one that counts, then of the same words once a minute', async () => {
    const bench = new Bench();
    bench.answers['ready'] = 2;
    await bench.keep('a', { readinessProbe: { ...by('ready'), periodSeconds: 1 } });
    await bench.pass(100);
    expect(bench.messages()).to.deep.equal(Array(4).fill('Unhealthy: Readiness probe failed: ready says 2'));
    expect(bench.events[0]).to.deep.include({ type: 'Warning' });
    // One change when it is kept, one with the words.
    expect(bench.changes.length).to.equal(2);
    bench.answers['ready'] = 4;
    await bench.pass(1);
    expect(bench.messages().at(-1)).to.equal('Unhealthy: Readiness probe failed: ready says 4');
    expect(bench.changes.length).to.equal(3);
  });

  it('warns of what was success only because nobody went on', async () => {
    const bench = new Bench();
    const target = await bench.keep('a', { readinessProbe: { httpGet: { port: 80 } } });
    await bench.pass(25);
    expect(bench.state(target)?.readiness).to.equal('ready');
    expect(bench.messages()).to.deep.equal([
      'ProbeWarning: Readiness probe warning: Probe terminated redirects, Response body: no',
    ]);
  });

  it('counts no answer against the container when the engine does not answer', async () => {
    const bench = new Bench();
    const target = await bench.keep('a', {
      livenessProbe: { ...by('live'), periodSeconds: 1, failureThreshold: 1 },
    });
    await bench.pass(1);
    bench.runtime.stopEngine({ containersDie: false });
    await bench.pass(20);
    expect(bench.state(target)?.liveness).to.equal('ok');
    expect(bench.messages().every((text) => text.startsWith('Unhealthy: Liveness probe errored: '))).to.equal(
      true,
    );
    bench.runtime.startEngine();
    bench.answers['live'] = 1;
    await bench.pass(1);
    expect(bench.state(target)?.liveness).to.equal('failed');
  });

  it('a command that was killed has failed, unless its container ended with it', async () => {
    const bench = new Bench();
    bench.answers['live'] = 'hangs';
    const livenessProbe = { ...by('live'), timeoutSeconds: 30, failureThreshold: 1 };
    const target = await bench.keep('a', { livenessProbe });
    await bench.pass(1);
    bench.runtime.engine.kill(target.containerId);
    await bench.pass(1);
    expect(bench.state(target)?.liveness).to.equal('ok');
    expect(bench.messages()).to.deep.equal([
      'Unhealthy: Liveness probe errored: command "live" ended with its container',
    ]);
    bench.answers['live'] = 137;
    const other = await bench.keep('b', { livenessProbe });
    await bench.pass(1);
    expect(bench.state(other)?.liveness).to.equal('failed');
  });

  it('an adopted container stays ready and started until its probe speaks against it', async () => {
    const bench = new Bench();
    const spec = {
      startupProbe: by('startup'),
      readinessProbe: { ...by('ready'), periodSeconds: 1, failureThreshold: 2 },
    };
    const found = { ...(await bench.start('a', spec)), wasReady: true, wasStarted: true };
    bench.prober.keep(found);
    expect(bench.state(found)).to.deep.equal({ startup: 'passed', liveness: 'ok', readiness: 'ready' });
    bench.answers['ready'] = 1;
    await bench.pass(0);
    expect(bench.state(found)?.readiness).to.equal('ready');
    await bench.pass(1);
    expect(bench.state(found)?.readiness).to.equal('notReady');
    expect(bench.asked['startup']).to.equal(undefined);
  });

  it('spreads the first questions to containers that it finds running', async () => {
    const random = seededRandom(5);
    const bench = new Bench(random);
    for (let at = 0; at < 20; at++) {
      const found = await bench.start(`t${at}`, { readinessProbe: by('ready') });
      bench.prober.keep({ ...found, startedAtMs: bench.clock.now() - 60_000 });
    }
    await bench.pass(10);
    const first = bench.asked['ready'] ?? [];
    expect(first.length).to.equal(20);
    expect(new Set(first).size).to.be.greaterThan(15);
    expect(Math.max(...first)).to.be.greaterThan(5);
  });

  describe('when the spec changes under a running container', () => {
    it('goes on with what is the same and keeps what it said', async () => {
      const bench = new Bench();
      const spec = { livenessProbe: by('live'), readinessProbe: by('ready') };
      const target = await bench.keep('a', spec);
      await bench.pass(3);
      const task = newTask('a', { ...structuredClone(spec), terminationGracePeriodSeconds: 5 });
      bench.prober.keep({ ...target, task });
      expect(bench.state(target)?.readiness).to.equal('ready');
      await bench.pass(8);
      expect(bench.asked).to.deep.equal({ live: [0, 10], ready: [0, 10] });
    });

    it('asks a new probe at once; who was ready stays so until it has failed as often as it may', async () => {
      const bench = new Bench();
      const target = await bench.keep('a', { livenessProbe: by('live') });
      await bench.pass(3);
      bench.answers['other'] = 1;
      const readinessProbe = { ...by('other'), periodSeconds: 1, failureThreshold: 2 };
      bench.prober.keep({ ...target, task: newTask('a', { livenessProbe: by('live'), readinessProbe }) });
      await bench.pass(0.5);
      expect(bench.state(target)?.readiness).to.equal('ready');
      await bench.pass(1);
      expect(bench.state(target)?.readiness).to.equal('notReady');
      expect(bench.asked).to.deep.equal({ live: [0], other: [3, 4] });
    });

    it('a changed probe that has failed is asked anew; one that is taken away is in nobody’s way', async () => {
      const bench = new Bench();
      bench.answers['ready'] = 1;
      const target = await bench.keep('a', { readinessProbe: { ...by('ready'), failureThreshold: 1 } });
      await bench.pass(1);
      bench.prober.keep({ ...target, task: newTask('a', { readinessProbe: by('other') }) });
      expect(bench.state(target)?.readiness).to.equal('notReady');
      await bench.pass(1);
      expect(bench.state(target)?.readiness).to.equal('ready');
      bench.prober.keep({ ...target, task: newTask('a', {}) });
      expect(bench.state(target)?.readiness).to.equal('ready');
      expect(bench.clock.nextDueMs()).to.equal(undefined);
    });
  });

  it('leaves no timer and no process behind when a container is dropped and when the worker stops', async () => {
    const bench = new Bench();
    bench.answers['live'] = 'hangs';
    const dropped = await bench.keep('a', { livenessProbe: by('live'), readinessProbe: by('ready') });
    await bench.keep('b', { livenessProbe: by('live') });
    await bench.pass(0.5);
    expect(bench.running).to.equal(2);
    bench.prober.drop(dropped.containerId);
    await bench.pass(0);
    expect(bench.running).to.equal(1);
    bench.stopped.abort(new Error('stopping'));
    await bench.pass(0);
    expect(bench.running).to.equal(0);
    expect(bench.clock.nextDueMs()).to.equal(undefined);
    expect(bench.messages()).to.deep.equal([]);
  });

  it('says of a port that names nothing what was wanted', async () => {
    const bench = new Bench();
    const target = await bench.keep('a', { readinessProbe: { httpGet: { port: 'web' } } });
    await bench.pass(1);
    expect(bench.state(target)?.message).to.equal(
      'Readiness probe errored: port "web" is neither the name of one of the task\'s ports nor a number from 1 to 65535',
    );
  });

  it('counts under the kubelet’s names', async () => {
    const bench = new Bench();
    bench.answers['live'] = 1;
    await bench.keep('a', {
      livenessProbe: { ...by('live'), periodSeconds: 1 },
      readinessProbe: by('ready'),
    });
    await bench.pass(1);
    const text = await bench.metrics.metrics();
    expect(text).to.contain('prober_probe_total{probe_type="Liveness",result="failed"} 2');
    expect(text).to.contain('prober_probe_total{probe_type="Readiness",result="successful"} 1');
    expect(text).to.contain('prober_probe_duration_seconds_count{probe_type="Liveness"} 2');
  });
});
