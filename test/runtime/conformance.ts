/**
 * What every `Runtime` promises, run against each of them. A runtime that cannot keep a promise names it in
 * `optOuts` with the reason, which shows in the test's output.
 */
import { expect } from 'chai';
import { RuntimeError, type RuntimeErrorReason } from '../../machinery/errors.ts';
import type {
  ContainerDetail,
  ContainerSpec,
  ContainerState,
  LogChunk,
  LogOptions,
  PublishedPort,
  Runtime,
  RuntimeEvent,
} from '../../machinery/runtime.ts';

/** What a container of the tests does. How it is told to is up to the runtime. */
export type Behaviour =
  /** Runs until it is told to stop, and obeys at once. */
  | 'waits'
  /** Runs until it is killed. */
  | 'ignores the stop signal'
  /** Ends at once with code 3. */
  | 'ends with 3'
  /** Writes `SPOKEN`, the pieces at least 50 ms apart, and ends with 0. */
  | 'speaks'
  /** Writes `NOT_TEXT` and ends with 0. */
  | 'writes bytes that are not text'
  /** Cannot be started: there is no such command. */
  | 'has no such command';

export const SPOKEN: readonly LogChunk[] = [
  { stream: 'stdout', data: Buffer.from('first\n') },
  { stream: 'stderr', data: Buffer.from('second\n') },
  { stream: 'stdout', data: Buffer.from('\0\r\x1b[1mé\n') },
  { stream: 'stderr', data: Buffer.from('no newline') },
];

export const NOT_TEXT: LogChunk = { stream: 'stdout', data: Buffer.from([0xff, 0x80, 0x00, 0xc3, 0x0a]) };

export interface RuntimeFixture {
  readonly runtime: Runtime;
  /** Settings of a container that does this. */
  program(behaviour: Behaviour): Pick<ContainerSpec, 'image' | 'command'>;
  /** A process just started may not have said yet how it takes signals: resolves when it has. */
  untilReady(id: string, behaviour: Behaviour): Promise<void>;
  /** Behind the runtime's back. */
  readonly byHand: {
    kill(id: string): Promise<void>;
    pause(id: string): Promise<void>;
  };
  /** An image that a pull finds, and one that the registry does not have. */
  readonly pullable: string;
  readonly unknownToRegistry: string;
  close(): Promise<void>;
}

export const TEST_LABEL = 'gantry-test';
const RUN_LABEL = 'gantry-test-run';
let counter = 0;

/** A name that no other test, process or person uses. */
function uniqueName(): string {
  return `gantry-rttest-${process.pid}-${++counter}`;
}

export function describeRuntime(
  name: string,
  open: () => Promise<RuntimeFixture>,
  optOuts: Readonly<Record<string, string>> = {},
): void {
  describe(`Runtime: ${name}`, function () {
    this.timeout(20_000);
    let fixture: RuntimeFixture;
    let runtime: Runtime;
    let labels: Record<string, string>;
    const { signal } = new AbortController();

    const promise = (title: string, body: () => Promise<void>): void => {
      const reason = optOuts[title];
      if (reason === undefined) it(title, body);
      else it.skip(`${title} (opted out: ${reason})`, body);
    };
    const spec = (behaviour: Behaviour, overrides: Partial<ContainerSpec> = {}): ContainerSpec => ({
      name: uniqueName(),
      labels,
      env: [],
      ports: [],
      resources: {},
      networkMode: 'none',
      privileged: false,
      readOnlyRootFilesystem: false,
      capabilities: { add: [], drop: [] },
      ...fixture.program(behaviour),
      ...overrides,
    });
    const create = async (behaviour: Behaviour, overrides?: Partial<ContainerSpec>): Promise<string> =>
      (await runtime.create(spec(behaviour, overrides), signal)).id;
    const run = async (behaviour: Behaviour, overrides?: Partial<ContainerSpec>): Promise<string> => {
      const id = await create(behaviour, overrides);
      await runtime.start(id, signal);
      await fixture.untilReady(id, behaviour);
      return id;
    };
    const look = async (id: string): Promise<ContainerDetail> => {
      const detail = await runtime.inspect(id, signal);
      if (detail === undefined) throw new Error(`container ${id} is gone`);
      return detail;
    };
    const reach = (id: string, state: ContainerState): Promise<ContainerDetail> =>
      eventually(async () => {
        const detail = await look(id);
        return detail.state === state ? detail : undefined;
      }, `container ${id} in state ${state}`);
    const readLog = async (id: string, options: LogOptions = {}): Promise<LogChunk[]> =>
      joined(await collect(runtime.logs(id, options, signal)));

    before(async () => {
      fixture = await open();
      runtime = fixture.runtime;
    });
    beforeEach(() => {
      labels = { [TEST_LABEL]: 'runtime', [RUN_LABEL]: uniqueName() };
    });
    afterEach(async () => {
      for (const { id } of await runtime.list(labels, signal)) await runtime.remove(id, signal);
    });
    after(() => fixture?.close());

    promise('tells about the engine and its machine', async () => {
      const info = await runtime.info(signal);
      expect(info.cpus).to.be.greaterThan(0);
      expect(info.memoryBytes).to.be.greaterThan(16 * 1024 ** 2);
      expect([info.engineVersion, info.os, info.arch, info.kernel, info.hostname]).to.not.include('');
    });

    promise('lists containers in any state by all of the labels, and no others', async () => {
      const created = await create('waits', { labels: { ...labels, tier: 'a' } });
      const running = await run('waits', { labels: { ...labels, tier: 'b', weird: 'a=b c"d,é' } });
      const summaries = await runtime.list(labels, signal);
      expect(summaries.map(({ id }) => id)).to.have.members([created, running]);
      expect(await runtime.list({ ...labels, tier: 'a' }, signal)).to.have.lengthOf(1);
      expect(await runtime.list({ ...labels, tier: 'c' }, signal)).to.deep.equal([]);
      const [found] = await runtime.list({ ...labels, weird: 'a=b c"d,é' }, signal);
      const detail = await look(running);
      expect(found).to.deep.include({
        id: running,
        name: detail.name,
        state: 'running',
        image: detail.image,
        imageId: detail.imageId,
      });
      expect(found?.labels).to.include({ ...labels, tier: 'b', weird: 'a=b c"d,é' });
      const image = await runtime.image(detail.image, signal);
      expect(image?.id).to.equal(detail.imageId);
    });

    promise('creates, starts, stops and removes, and doing it twice is doing it once', async () => {
      const wanted = spec('waits');
      const { id } = await runtime.create(wanted, signal);
      const created = await look(id);
      expect(created).to.include({ id, name: wanted.name, state: 'created', oomKilled: false });
      expect(created).to.not.have.any.keys('startedAt', 'finishedAt', 'exitCode', 'error', 'ip');
      expect(created.resources).to.deep.equal({});
      expect(created.ports).to.deep.equal([]);

      await runtime.start(id, signal);
      await runtime.start(id, signal);
      await fixture.untilReady(id, 'waits');
      const running = await look(id);
      expect(running.state).to.equal('running');
      expect(Date.parse(running.startedAt ?? '')).to.be.at.least(Date.parse(running.createdAt));
      expect(running).to.not.have.any.keys('finishedAt', 'exitCode');

      await runtime.stop(id, { gracePeriodMs: 10_000 }, signal);
      const stopped = await look(id);
      expect(stopped.state).to.equal('exited');
      expect(stopped.exitCode).to.equal(143);
      expect(Date.parse(stopped.finishedAt ?? '')).to.be.at.least(Date.parse(stopped.startedAt ?? ''));
      await runtime.stop(id, { gracePeriodMs: 10_000 }, signal);

      await runtime.remove(id, signal);
      await runtime.remove(id, signal);
      expect(await runtime.inspect(id, signal)).to.equal(undefined);
      expect(await runtime.list(labels, signal)).to.deep.equal([]);
    });

    promise('finds a container by its name as well as by its id', async () => {
      const wanted = spec('waits');
      const { id } = await runtime.create(wanted, signal);
      expect((await look(wanted.name)).id).to.equal(id);
    });

    promise('kills what ignores the stop signal when the grace period is over', async () => {
      const id = await run('ignores the stop signal');
      const startedMs = performance.now();
      await runtime.stop(id, { gracePeriodMs: 1_000 }, signal);
      expect(performance.now() - startedMs).to.be.within(900, 8_000);
      expect(await look(id)).to.include({ state: 'exited', exitCode: 137, oomKilled: false });
    });

    promise('stops a paused container', async () => {
      const id = await run('waits');
      await fixture.byHand.pause(id);
      await runtime.stop(id, { gracePeriodMs: 1_000 }, signal);
      expect((await look(id)).state).to.equal('exited');
    });

    promise('wakes up a paused container, and one that is not paused stays as it is', async () => {
      const id = await run('waits');
      await fixture.byHand.pause(id);
      expect((await look(id)).state).to.equal('paused');
      await runtime.unpause(id, signal);
      expect((await look(id)).state).to.equal('running');
      await runtime.unpause(id, signal);
      expect((await look(id)).state).to.equal('running');
    });

    promise('removes a container that runs', async () => {
      const id = await run('ignores the stop signal');
      await runtime.remove(id, signal);
      expect(await runtime.inspect(id, signal)).to.equal(undefined);
    });

    promise('tells the exit code of an end of its own accord, and runs it again when started', async () => {
      const id = await run('ends with 3');
      expect((await reach(id, 'exited')).exitCode).to.equal(3);
      await runtime.start(id, signal);
      expect((await reach(id, 'exited')).exitCode).to.equal(3);
    });

    promise('sees a kill by hand as an end with 137', async () => {
      const id = await run('waits');
      await fixture.byHand.kill(id);
      expect((await reach(id, 'exited')).exitCode).to.equal(137);
    });

    promise('renames, also to the name it has', async () => {
      const id = await create('waits');
      const name = uniqueName();
      await runtime.rename(id, name, signal);
      await runtime.rename(id, name, signal);
      expect((await look(id)).name).to.equal(name);
    });

    promise('names the holder of a name that is taken', async () => {
      const holder = spec('waits');
      const { id: holderId } = await runtime.create(holder, signal);
      const other = await create('waits');
      for (const act of [
        () => runtime.create(spec('waits', { name: holder.name }), signal),
        () => runtime.rename(other, holder.name, signal),
      ]) {
        const error = await rejection(act());
        expect(error.reason).to.equal('Conflict');
        expect(error.holderId).to.equal(holderId);
        expect(error.message).to.include(holder.name);
      }
    });

    promise('sets limits and changes them in place; an absent one stays as it is', async () => {
      const resources = { nanoCpus: 500_000_000, memoryBytes: 64 * 1024 ** 2, cpuShares: 512 };
      const id = await run('waits', { resources });
      const before = await look(id);
      expect(before.resources).to.deep.equal(resources);
      await runtime.update(id, { memoryBytes: 256 * 1024 ** 2 }, signal);
      await runtime.update(id, { nanoCpus: 250_000_000, cpuShares: 256 }, signal);
      await runtime.update(id, {}, signal);
      const after = await look(id);
      expect(after.resources).to.deep.equal({
        nanoCpus: 250_000_000,
        memoryBytes: 256 * 1024 ** 2,
        cpuShares: 256,
      });
      expect(after.startedAt).to.equal(before.startedAt);
    });

    promise('refuses an image that is not there, by reason', async () => {
      const error = await rejection(runtime.create(spec('waits', { image: 'gantry/absent:1' }), signal));
      expect(error.reason).to.equal('ImageNotFound');
      expect(error.message).to.include('gantry/absent:1');
      expect(await runtime.image('gantry/absent:1', signal)).to.equal(undefined);
    });

    promise('refuses settings that can never work, by reason', async () => {
      const error = await rejection(
        runtime.create(spec('waits', { resources: { memoryBytes: 1_000 } }), signal),
      );
      expect(error.reason).to.equal('InvalidSpec');
      const id = await create('waits');
      expect((await rejection(runtime.update(id, { memoryBytes: 1_000 }, signal))).reason).to.equal(
        'InvalidSpec',
      );
    });

    promise('keeps a container that could not start, with the reason', async () => {
      const id = await create('has no such command');
      expect((await rejection(runtime.start(id, signal))).reason).to.equal('InvalidSpec');
      const detail = await look(id);
      expect(detail).to.include({ state: 'created', exitCode: 127 });
      expect(detail.error).to.be.a('string').that.is.not.equal('');
    });

    promise('publishes ports, chooses a free one for 0, and refuses one that is taken', async () => {
      const free: PublishedPort = { containerPort: 8080, protocol: 'TCP', hostIP: '127.0.0.1', hostPort: 0 };
      const udp: PublishedPort = { ...free, containerPort: 53, protocol: 'UDP' };
      const id = await run('waits', { networkMode: 'bridge', ports: [free, udp] });
      const { ports, ip } = await look(id);
      expect(ports).to.have.lengthOf(2);
      const tcpPort = ports.find(({ protocol }) => protocol === 'TCP')?.hostPort ?? 0;
      const udpPort = ports.find(({ protocol }) => protocol === 'UDP')?.hostPort ?? 0;
      expect(tcpPort).to.be.within(1, 65_535);
      expect(udpPort).to.be.within(1, 65_535);
      expect(ports).to.deep.include.members([
        { ...free, hostPort: tcpPort },
        { ...udp, hostPort: udpPort },
      ]);
      expect(ip).to.match(/^\d+\.\d+\.\d+\.\d+$/);

      const taken = await create('waits', { networkMode: 'bridge', ports: [{ ...free, hostPort: tcpPort }] });
      expect((await rejection(runtime.start(taken, signal))).reason).to.equal('PortConflict');
      expect((await look(taken)).state).to.equal('created');

      await runtime.remove(id, signal);
      await runtime.start(taken, signal);
      expect((await look(taken)).ports).to.deep.equal([{ ...free, hostPort: tcpPort }]);
    });

    promise('publishes nothing without a network of its own', async () => {
      const port: PublishedPort = { containerPort: 8080, protocol: 'TCP', hostIP: '127.0.0.1', hostPort: 0 };
      const id = await run('waits', { networkMode: 'none', ports: [port] });
      const detail = await look(id);
      expect(detail.ports).to.deep.equal([]);
      expect(detail).to.not.have.property('ip');
    });

    promise('tells that there is no such container, by reason', async () => {
      const missing = uniqueName();
      const acts: Readonly<Record<string, () => Promise<unknown>>> = {
        start: () => runtime.start(missing, signal),
        stop: () => runtime.stop(missing, { gracePeriodMs: 1_000 }, signal),
        unpause: () => runtime.unpause(missing, signal),
        rename: () => runtime.rename(missing, uniqueName(), signal),
        update: () => runtime.update(missing, { cpuShares: 2 }, signal),
        'update of nothing': () => runtime.update(missing, {}, signal),
        logs: () => readLog(missing),
      };
      for (const [operation, act] of Object.entries(acts)) {
        const error = await rejection(act());
        expect(error.reason, operation).to.equal('NotFound');
        expect(error.message, operation).to.include(missing);
      }
      expect(await runtime.inspect(missing, signal)).to.equal(undefined);
      await runtime.remove(missing, signal);
    });

    promise('pulls an image that the registry has', async () => {
      const pulled = await runtime.pull(fixture.pullable, signal);
      expect(await runtime.image(fixture.pullable, signal)).to.deep.equal(pulled);
    });

    promise('tells that the registry has no such image, by reason', async () => {
      const error = await rejection(runtime.pull(fixture.unknownToRegistry, signal), 'ImageNotFound');
      expect(error.reason).to.equal('ImageNotFound');
      expect(error.message).to.include(fixture.unknownToRegistry);
    });

    promise(
      'tells what happens to labelled containers from the call on, and ends quietly on abort',
      async () => {
        const reading = new AbortController();
        const stream = runtime.events(labels, reading.signal);
        const id = await run('ends with 3', { labels: { ...labels, tier: 'a' } });
        await reach(id, 'exited');
        const other = { ...labels, [RUN_LABEL]: uniqueName() };
        await runtime.remove(await create('waits', { labels: other }), signal);
        await runtime.rename(id, uniqueName(), signal);
        await runtime.remove(id, signal);

        const seen: RuntimeEvent[] = [];
        for await (const event of stream) {
          seen.push(event);
          if (event.action === 'destroy') reading.abort();
        }
        expect(seen.map(({ action }) => action)).to.deep.equal([
          'create',
          'start',
          'die',
          'rename',
          'destroy',
        ]);
        for (const event of seen) {
          expect(event.containerId).to.equal(id);
          expect(event.labels).to.include({ ...labels, tier: 'a' });
          expect(event.labels).to.not.have.any.keys('name', 'exitCode', 'oldName');
        }
      },
    );

    promise(
      'gives the log as it was written: order, streams, control characters, an unfinished last line',
      async () => {
        const id = await run('speaks');
        await reach(id, 'exited');
        expect(await readLog(id)).to.deep.equal(joined(SPOKEN));
      },
    );

    promise('keeps bytes in the log that are not UTF-8', async () => {
      const id = await run('writes bytes that are not text');
      await reach(id, 'exited');
      expect(await readLog(id)).to.deep.equal(joined([NOT_TEXT]));
    });

    promise('follows a log until the container ends', async () => {
      const id = await run('speaks');
      expect(await readLog(id, { follow: true })).to.deep.equal(joined(SPOKEN));
      expect((await reach(id, 'exited')).exitCode).to.equal(0);
    });

    promise('gives the end of a log, the part since a time, and times', async () => {
      const id = await run('speaks');
      const ended = await reach(id, 'exited');
      expect(await readLog(id, { tailLines: 2 })).to.deep.equal(joined(SPOKEN.slice(2)));
      expect(await readLog(id, { tailLines: 0 })).to.deep.equal([]);
      const endedSeconds = Date.parse(ended.finishedAt ?? '') / 1000;
      expect(await readLog(id, { sinceSeconds: endedSeconds + 1 })).to.deep.equal([]);
      expect(await readLog(id, { sinceSeconds: endedSeconds - 60 })).to.deep.equal(joined(SPOKEN));
      const [first] = await readLog(id, { timestamps: true });
      expect(Buffer.from(first?.data ?? []).toString()).to.match(
        /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z first\n$/,
      );
    });

    promise('stops following a log on abort, quietly, and lets its reader leave early', async () => {
      const id = await run('waits');
      const reading = new AbortController();
      const following = collect(runtime.logs(id, { follow: true }, reading.signal));
      reading.abort();
      await following;

      const speaker = await run('speaks');
      for await (const chunk of runtime.logs(speaker, { follow: true }, signal)) {
        expect(chunk.stream).to.equal('stdout');
        break;
      }
    });

    promise('gives up a call when its signal aborts, before or during', async () => {
      const id = await run('ignores the stop signal');
      const aborted = AbortSignal.abort();
      const acts: Readonly<Record<string, () => Promise<unknown>>> = {
        info: () => runtime.info(aborted),
        list: () => runtime.list(labels, aborted),
        inspect: () => runtime.inspect(id, aborted),
        create: () => runtime.create(spec('waits'), aborted),
        start: () => runtime.start(id, aborted),
        stop: () => runtime.stop(id, { gracePeriodMs: 1_000 }, aborted),
        unpause: () => runtime.unpause(id, aborted),
        rename: () => runtime.rename(id, uniqueName(), aborted),
        update: () => runtime.update(id, { cpuShares: 2 }, aborted),
        remove: () => runtime.remove(id, aborted),
        image: () => runtime.image('gantry/absent:1', aborted),
        pull: () => runtime.pull('gantry/absent:1', aborted),
      };
      for (const [operation, act] of Object.entries(acts)) {
        expect((await rejection(act())).reason, operation).to.equal('Unavailable');
      }
      expect(await collect(runtime.events(labels, aborted))).to.deep.equal([]);
      expect(await collect(runtime.logs(id, {}, aborted))).to.deep.equal([]);
      expect(await runtime.list(labels, signal)).to.have.lengthOf(1);
      expect((await look(id)).state).to.equal('running');

      const during = new AbortController();
      const stopping = rejection(runtime.stop(id, { gracePeriodMs: 60_000 }, during.signal));
      const startedMs = performance.now();
      during.abort();
      expect((await stopping).message).to.include('abandoned');
      expect(performance.now() - startedMs).to.be.lessThan(5_000);
    });
  });
}

export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

/** Neighbouring chunks of one stream as one: how the bytes are cut is not promised. */
export function joined(chunks: readonly LogChunk[]): LogChunk[] {
  const runs: { stream: LogChunk['stream']; parts: Uint8Array[] }[] = [];
  for (const { stream, data } of chunks) {
    const last = runs.at(-1);
    if (last?.stream === stream) last.parts.push(data);
    else runs.push({ stream, parts: [data] });
  }
  return runs.map(({ stream, parts }) => ({ stream, data: Uint8Array.from(Buffer.concat(parts)) }));
}

/** The `RuntimeError` a promise rejects with; fails when it does not, or with another error. */
export async function rejection(work: Promise<unknown>, reason?: RuntimeErrorReason): Promise<RuntimeError> {
  const error = await work.then(
    (value) => expect.fail(`expected a RuntimeError, got ${JSON.stringify(value)}`),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof RuntimeError)) throw new Error('expected a RuntimeError', { cause: error });
  if (reason !== undefined) expect(error.reason, error.message).to.equal(reason);
  return error;
}

/** Looks until there is an answer, for at most ten seconds. */
export async function eventually<T>(look: () => Promise<T | undefined>, what: string): Promise<T> {
  const deadlineMs = performance.now() + 10_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > deadlineMs) throw new Error(`waited 10 s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
