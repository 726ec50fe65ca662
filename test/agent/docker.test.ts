/**
 * The agent on the real engine: started, killed and restarted, adopted, isolated, deleted. Every test has cluster ids
 * of its own, and removes what carries them.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { type Agent, startAgent } from '../../agent/agent.ts';
import { openRegistry } from '../../api/registry/open.ts';
import type { Registry } from '../../api/registry/types.ts';
import { systemClock } from '../../machinery/clock.ts';
import { isApiError } from '../../machinery/errors.ts';
import { workerIdentity } from '../../machinery/identity.ts';
import { silentLog } from '../../machinery/log.ts';
import { newMetrics } from '../../machinery/metrics.ts';
import { systemRandom } from '../../machinery/random.ts';
import type { Runtime } from '../../machinery/runtime.ts';
import { openRuntime } from '../../runtime/open.ts';
import { events, tasks, workers } from '../../schemas/kinds.ts';
import type { Task } from '../../schemas/types.gen.ts';
import { openStore } from '../../store/open.ts';
import type { Store } from '../../store/store.ts';
import { taskManifest } from '../builders.ts';
import { adminIdentity } from '../world.ts';

const run = promisify(execFile);
const docker = async (...args: readonly string[]): Promise<string> =>
  (await run('docker', [...args])).stdout.trim();

async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined>,
  withinMs = 15_000,
): Promise<T> {
  const endMs = Date.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > endMs) throw new Error(`waited ${withinMs} ms in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A control plane without a scheduler, and an agent on the machine's own engine. */
class Cluster {
  readonly id = `test-${systemRandom.uuid()}`;
  readonly #runtime: Runtime = openRuntime('docker:', {
    clock: systemClock,
    metrics: newMetrics(),
    env: process.env,
  });
  #store: Store | undefined;
  #registry: Registry | undefined;
  #agent: Agent | undefined;

  get admin() {
    if (this.#registry === undefined) throw new Error('the cluster is not open');
    return this.#registry.as(adminIdentity);
  }

  get link() {
    if (this.#agent === undefined) throw new Error('no agent runs');
    return this.#agent.link;
  }

  async open(): Promise<void> {
    this.#store = await openStore('memory:', { clock: systemClock, random: systemRandom });
    this.#registry = await openRegistry({
      store: this.#store,
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      metrics: newMetrics(),
    });
    await this.startAgent();
    await eventually('the worker is ready', async () => {
      const list = await this.admin.list(workers);
      return list.items[0]?.status?.conditions?.find(
        ({ type, status }) => type === 'Ready' && status === 'True',
      );
    });
  }

  async startAgent(): Promise<void> {
    if (this.#registry === undefined) throw new Error('the cluster is not open');
    this.#agent = await startAgent({
      client: this.#registry.as(workerIdentity('w1')),
      runtime: this.#runtime,
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      metrics: newMetrics(),
      workerName: 'w1',
      clusterId: this.id,
      agentVersion: 'test',
      relistMs: 1_000,
    });
  }

  async stopAgent(): Promise<void> {
    await this.#agent?.stop();
    this.#agent = undefined;
  }

  async apply(name: string, spec: Partial<Task['spec']> = {}): Promise<Task> {
    await this.admin.create(
      tasks,
      taskManifest(name, { image: 'gantry/hello:1', terminationGracePeriodSeconds: 1, ...spec }),
    );
    const key = { namespace: 'default', name };
    await this.admin.post(tasks, key, 'binding', {
      apiVersion: 'gantry.dev/v1',
      kind: 'Binding',
      metadata: key,
      target: { name: 'w1' },
      epoch: 1,
    });
    return this.until(name, 'Running');
  }

  async read(name: string): Promise<Task | undefined> {
    try {
      return await this.admin.get(tasks, { namespace: 'default', name });
    } catch (error) {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  until(name: string, phase: string): Promise<Task> {
    return eventually(`${name} is ${phase}`, async () => {
      const task = await this.read(name);
      return task?.status?.phase === phase ? task : undefined;
    });
  }

  async containers(...extra: readonly string[]): Promise<readonly string[]> {
    const out = await docker(
      'ps',
      '-q',
      '--no-trunc',
      ...extra,
      '--filter',
      `label=gantry.dev/cluster=${this.id}`,
    );
    return out === '' ? [] : out.split('\n');
  }

  async close(): Promise<void> {
    await this.stopAgent();
    const left = await this.containers('-a');
    if (left.length > 0) await docker('rm', '-f', ...left);
    await this.#registry?.close();
    await this.#store?.close();
  }
}

describe('agent on the real engine', function () {
  this.timeout(60_000);
  let cluster: Cluster;

  before(async () => {
    await run('hack/sample-image.sh');
  });
  beforeEach(async () => {
    cluster = new Cluster();
    await cluster.open();
  });
  afterEach(() => cluster.close());

  it('starts a container that answers on its port, and starts it again when it is killed', async () => {
    const first = await cluster.apply('hello', { ports: [{ containerPort: 8080 }] });
    expect(await cluster.containers()).to.deep.equal([first.status?.container?.id]);
    const port = first.status?.ports?.[0];
    expect(port?.hostPort).to.be.greaterThan(0);
    await docker('kill', first.status?.container?.id ?? '');
    const second = await eventually('the second attempt', async () => {
      const task = await cluster.read('hello');
      return task?.status?.restartCount === 1 && task.status.phase === 'Running' ? task : undefined;
    });
    expect(second.status?.history?.[0]).to.include({ attempt: 1, exitCode: 137, signal: 9, reason: 'Error' });
    expect(second.status?.ports?.[0]).to.include({ hostPort: port?.hostPort });
    expect(await cluster.containers()).to.deep.equal([second.status?.container?.id]);
  });

  it('D4.8 gives every byte as entries, each stream in order, to a hundred readers at once', async () => {
    const bytes = 'i=0; while [ $i -lt 256 ]; do printf "\\\\$(printf %03o $i)"; i=$((i+1)); done';
    const long = 'head -c 40000 /dev/zero | tr "\\0" x';
    const script = `${bytes}; echo err >&2; ${long}; echo; ${long}; echo more >&2; printf 'no end'`;
    const task = await cluster.apply('bytes', {
      command: ['sh', '-c', `sleep 1; ${script}`],
      restartPolicy: 'Never',
    });
    const ref = { namespace: 'default', name: 'bytes', uid: task.metadata.uid ?? '' };
    const { signal } = new AbortController();
    const wanted = Buffer.concat([
      Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
      Buffer.from(`${'x'.repeat(40_000)}\n${'x'.repeat(40_000)}no end`),
    ]);
    const readers = Array.from({ length: 100 }, async () =>
      Array.fromAsync(await cluster.link.logEntries('w1', ref, { follow: true }, signal)),
    );
    await cluster.until('bytes', 'Succeeded');
    const later = Array.fromAsync(await cluster.link.logEntries('w1', ref, { follow: false }, signal));
    for (const entries of await Promise.all([...readers, later])) {
      const of = (stream: string): Buffer =>
        Buffer.concat(entries.flatMap((entry) => (entry.stream === stream ? [entry.data] : [])));
      expect(of('stdout').equals(wanted)).to.equal(true);
      expect(of('stderr').toString()).to.equal('err\nmore\n');
      expect(of('gap')).to.have.length(0);
      const times = entries.filter(({ stream }) => stream === 'stderr').map(({ time }) => time);
      expect(times).to.deep.equal(times.toSorted());
      for (const { time } of entries) expect(time).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    }
  });

  it('keeps the same container when the agent is new', async () => {
    const before = await cluster.apply('hello');
    await cluster.stopAgent();
    expect(await cluster.containers()).to.deep.equal([before.status?.container?.id]);
    await cluster.startAgent();
    await eventually('it is adopted', async () => {
      const { items } = await cluster.admin.list(events);
      return items.find(({ reason }) => reason === 'Adopted');
    });
    expect(await cluster.containers('-a')).to.deep.equal([before.status?.container?.id]);
    expect((await cluster.read('hello'))?.status?.container?.startedAt).to.equal(
      before.status?.container?.startedAt,
    );
  });

  it('puts right what is paused, renamed, edited and removed by hand', async () => {
    const task = await cluster.apply('hello', { resources: { limits: { memory: '64Mi' } } });
    const id = task.status?.container?.id ?? '';
    const inspect = (format: string): Promise<string> => docker('inspect', '--format', format, id);
    await docker('pause', id);
    await eventually('it runs', async () =>
      (await inspect('{{.State.Status}}')) === 'running' ? true : undefined,
    );
    await docker('rename', id, `mine-${cluster.id}`);
    await eventually('its name', async () =>
      (await inspect('{{.Name}}')) === `/${task.status?.container?.name}` ? true : undefined,
    );
    await docker('update', '--memory', '128m', '--memory-swap', '256m', id);
    await eventually('its limit', async () =>
      (await inspect('{{.HostConfig.Memory}}')) === String(2 ** 26) ? true : undefined,
    );
    await docker('rm', '-f', id);
    const next = await eventually('a new container', async () => {
      const now = await cluster.read('hello');
      return now?.status?.phase === 'Running' && now.status.container?.id !== id ? now : undefined;
    });
    expect(await cluster.containers('-a')).to.deep.equal([next.status?.container?.id]);
  });

  it('touches nothing of a second cluster on the same engine', async () => {
    const other = new Cluster();
    await other.open();
    try {
      const mine = await cluster.apply('hello');
      const theirs = await other.apply('hello');
      await cluster.admin.delete(tasks, { namespace: 'default', name: 'hello' });
      await eventually('mine is gone', async () =>
        (await cluster.read('hello')) === undefined ? true : undefined,
      );
      // Longer than two full lists: whatever would be taken for an orphan is gone by then.
      await new Promise((resolve) => setTimeout(resolve, 2_500));
      expect(await cluster.containers('-a')).to.deep.equal([]);
      expect(await other.containers()).to.deep.equal([theirs.status?.container?.id]);
      expect(theirs.status?.container?.id).to.not.equal(mine.status?.container?.id);
    } finally {
      await other.close();
    }
  });

  it('says why a command cannot run, and answers for the log of one that did', async () => {
    await cluster.apply('words', {
      command: ['/bin/sh', '-c', 'echo first; echo second; exec sleep 1000'],
      stopSignal: 'SIGKILL',
    });
    const uid = (await cluster.read('words'))?.metadata.uid ?? '';
    const read = async (tailLines?: number): Promise<string> => {
      const options = {
        follow: false,
        previous: false,
        timestamps: false,
        ...(tailLines === undefined ? {} : { tailLines }),
      };
      const key = { namespace: 'default', name: 'words', uid };
      const chunks = await cluster.link.logs('w1', key, options, new AbortController().signal);
      return Buffer.concat(await Array.fromAsync(chunks)).toString();
    };
    await eventually('both lines', async () => ((await read()) === 'first\nsecond\n' ? true : undefined));
    expect(await read(1)).to.equal('second\n');
    await cluster.admin.create(
      tasks,
      taskManifest('bad', { image: 'gantry/hello:1', command: ['/no/such'] }),
    );
    const key = { namespace: 'default', name: 'bad' };
    await cluster.admin.post(tasks, key, 'binding', {
      apiVersion: 'gantry.dev/v1',
      kind: 'Binding',
      metadata: key,
      target: { name: 'w1' },
      epoch: 1,
    });
    const bad = await eventually('RunContainerError', async () => {
      const task = await cluster.read('bad');
      return task?.status?.reason === 'RunContainerError' ? task : undefined;
    });
    expect(bad.status?.message).to.contain('/no/such');
    expect(bad.status?.history?.[0]?.reason).to.equal('ContainerCannotRun');
  });

  it('answers for a process in a Task, for a port of it, and for what it uses', async () => {
    await cluster.apply('page', { ports: [{ containerPort: 8080, publish: false }] });
    await cluster.apply('busy', { command: ['/bin/sh', '-c', 'while :; do :; done'], stopSignal: 'SIGKILL' });
    const refOf = async (name: string) => ({
      namespace: 'default',
      name,
      uid: (await cluster.read(name))?.metadata.uid ?? '',
    });
    const page = await refOf('page');
    const { signal } = new AbortController();
    const options = { stdin: false, stdout: true, stderr: true, tty: false };
    const session = await cluster.link.exec('w1', page, ['sh', '-c', 'hostname; exit 9'], options, signal);
    const words = await Array.fromAsync(session.output);
    expect(Buffer.concat(words.map(({ data }) => data)).toString()).to.match(/^\S+\n$/);
    expect(await session.ended).to.deep.equal({ exitCode: 9 });

    const connection = await eventually('the port', () =>
      cluster.link.portForward('w1', page, 8080, signal).catch(() => undefined),
    );
    connection.end('GET /index.html HTTP/1.0\r\n\r\n');
    expect((await Array.fromAsync(connection)).join('')).to.include('Hello from Gantry');

    const startMs = Date.now();
    const usage = await cluster.link.usage('w1', signal);
    expect(Date.now() - startMs).to.be.lessThan(5_000);
    const busy = usage.tasks.find(({ name }) => name === 'busy');
    const { stdout } = await run('docker', [
      'stats',
      '--no-stream',
      '--format',
      '{{.CPUPerc}}',
      (await cluster.read('busy'))?.status?.container?.id ?? '',
    ]);
    const theirs = Number.parseFloat(stdout) * 10_000_000;
    // Two looks at a machine that others use too, a moment apart.
    expect(busy?.cpuNanocores, `docker says ${stdout}`).to.be.within(theirs / 4, theirs * 4);
    expect(busy?.memoryBytes).to.be.within(1, 50_000_000);
    expect(usage.cpuNanocores).to.be.at.least((busy?.cpuNanocores ?? 0) / 2);
    expect(usage.memoryBytes).to.be.greaterThan(50_000_000);
  });
});
