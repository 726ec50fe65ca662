/** What is counted of containers: the files of control groups v1 and v2, the engine's answer, and what many cost. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import type Docker from 'dockerode';
import { RuntimeError } from '../../../machinery/errors.ts';
import { FakeClock } from '../../../machinery/fakeclock.ts';
import { DockerCalls } from '../../../runtime/docker/calls.ts';
import { figuresOfAnswer } from '../../../runtime/docker/figures/answer.ts';
import { DockerFigures } from '../../../runtime/docker/figures/figures.ts';
import {
  figureOf,
  openKernelFiles,
  type ReadNow,
  wholeOf,
} from '../../../runtime/docker/figures/kernelfiles.ts';
import { cpuMs } from '../../cputime.ts';
import { addV1, addV2, type Files, figuresOfBoth, idOf, ownInterface, pidOf } from './groupfiles.ts';

const signal = new AbortController().signal;

/** An engine that knows containers by their number, and counts what it is asked. */
class Engine {
  inspections = 0;
  answers = 0;
  readonly running = new Set<number>();
  networkMode = 'bridge';
  stats: (id: string) => unknown = () => {
    throw new RuntimeError('Failed', 'no stats here');
  };
  pid: (index: number) => number = pidOf;

  readonly container = (id: string): Docker.Container => {
    const index = Number.parseInt(id.slice(0, 4), 16);
    const inspect = (): Promise<unknown> => {
      this.inspections++;
      if (!this.running.has(index))
        return Promise.reject(Object.assign(new Error('no such'), { statusCode: 404 }));
      const State = { Running: true, Pid: this.pid(index), StartedAt: '2026-01-01T00:00:00Z' };
      return Promise.resolve({ Id: id, State, HostConfig: { NetworkMode: this.networkMode, Memory: 99 } });
    };
    const stats = (): Promise<unknown> => {
      this.answers++;
      return Promise.resolve(this.stats(id));
    };
    return { id, inspect, stats } as unknown as Docker.Container;
  };
}

function open(engine: Engine, read: ReadNow, isSameMachine = true): DockerFigures {
  const clock = new FakeClock();
  return new DockerFigures({
    container: engine.container,
    calls: new DockerCalls(clock, 'the engine'),
    clock,
    isSameMachine,
    read,
  });
}

describe('Figures of containers', () => {
  for (const [version, add, group] of [
    ['v1', addV1, `/docker/${idOf(1)}`],
    ['v2', addV2, `/system.slice/docker-${idOf(1)}.scope`],
  ] as const) {
    describe(`from control groups ${version}`, () => {
      const files: Files = new Map();
      let engine: Engine;
      beforeEach(() => {
        files.clear();
        add(files, 1);
        engine = new Engine();
        engine.running.add(1);
      });
      const openHere = (): DockerFigures => open(engine, (path) => files.get(path));

      it('are all that the kernel counts, each in its unit', async () => {
        const found = (await openHere().read([idOf(1)], signal)).get(idOf(1));
        const { atMs, ...figures } = found ?? { atMs: 0 };
        expect(atMs).to.be.greaterThan(0);
        expect(figures).to.deep.equal({
          ...figuresOfBoth,
          group,
          startedAt: '2026-01-01T00:00:00Z',
          interfaces: [ownInterface],
        });
      });

      it('ask the engine for a container’s process once, and again when it is another one’s', async () => {
        const figures = openHere();
        for (let count = 0; count < 5; count++)
          expect((await figures.read([idOf(1)], signal)).size).to.equal(1);
        expect(engine.inspections).to.equal(1);
        // Started again by hand: another process, and the old number is somebody else's.
        files.set(`/proc/${pidOf(1)}/cgroup`, '0::/user.slice\n');
        engine.pid = () => 7;
        files.set('/proc/7/cgroup', [...files].find(([path]) => path.endsWith('cgroup'))?.[1] ?? '');
        add(files, 1);
        files.set('/proc/7/cgroup', files.get(`/proc/${pidOf(1)}/cgroup`) ?? '');
        files.set(`/proc/${pidOf(1)}/cgroup`, '0::/user.slice\n');
        expect((await figures.read([idOf(1)], signal)).get(idOf(1))).to.include({ cpuSeconds: 2.5 });
        expect(engine.inspections).to.equal(2);
      });

      it('leave out what has ended meanwhile, and what nobody knows', async () => {
        const figures = openHere();
        await figures.read([idOf(1)], signal);
        files.clear();
        engine.running.clear();
        expect([...(await figures.read([idOf(1), idOf(2)], signal)).keys()]).to.deep.equal([]);
      });

      it('have no interfaces of the machine’s own network, and no limit where there is none', async () => {
        engine.networkMode = 'host';
        for (const [path, text] of files) {
          if (path.endsWith('memory.max')) files.set(path, 'max\n');
          if (path.endsWith('memory.stat')) files.set(path, text.replace('67108864', '9223372036854771712'));
        }
        const found = (await openHere().read([idOf(1)], signal)).get(idOf(1));
        expect(found).to.include({ memoryLimitBytes: 0 });
        expect(found?.interfaces).to.deep.equal([]);
      });

      it('do without every file but those of CPU and memory', async () => {
        const needed = /cgroup$|cpuacct\.usage$|cpu\.stat$|memory\.usage_in_bytes$|memory\.current$/;
        for (const path of files.keys()) if (!needed.test(path)) files.delete(path);
        const found = (await openHere().read([idOf(1)], signal)).get(idOf(1));
        expect(found).to.include({ cpuSeconds: 2.5, memoryUsageBytes: 5_000_000, memoryRssBytes: undefined });
        expect([found?.interfaces, found?.devices]).to.deep.equal([[], []]);
      });

      it('of 300 cost under a fifth of a second of the processor, from real files, and let others run', async function () {
        this.timeout(20_000);
        const directory = mkdtempSync(join(tmpdir(), 'gantry-figures-'));
        try {
          const ids = Array.from({ length: 300 }, (_, index) => idOf(index));
          for (const [index] of ids.entries()) {
            add(files, index);
            engine.running.add(index);
          }
          for (const [path, text] of files) {
            mkdirSync(dirname(join(directory, path)), { recursive: true });
            writeFileSync(join(directory, path), text);
          }
          const read = openKernelFiles();
          const figures = open(engine, (path) => read(join(directory, path)));
          await figures.read(ids, signal);
          let turns = 0;
          const counting = setInterval(() => turns++, 0);
          const before = cpuMs();
          const found = await figures.read(ids, signal);
          const spent = cpuMs() - before;
          clearInterval(counting);
          expect(found.size).to.equal(300);
          expect(engine.inspections).to.equal(300);
          // 2 % of a core at one scrape in 15 s would be 300 ms.
          expect(spent).to.be.lessThan(200);
          expect(turns).to.be.greaterThan(3);
          if (process.env.GANTRY_TEST_SHOW !== undefined) console.info(`      ${spent.toFixed(1)} ms`);
        } finally {
          rmSync(directory, { recursive: true, force: true });
        }
      });
    });
  }

  describe('from an engine elsewhere', () => {
    const answer = (memory: object, io: object): object => ({
      read: '2026-01-01T00:00:01.5Z',
      cpu_stats: {
        cpu_usage: { total_usage: 2.5e9, usage_in_usermode: 1.5e9, usage_in_kernelmode: 0.9e9 },
        throttling_data: { throttled_time: 0.75e9 },
      },
      memory_stats: { usage: 5_000_000, limit: 2e10, stats: memory },
      blkio_stats: io,
      networks: {
        eth0: {
          rx_bytes: 2000,
          rx_packets: 20,
          rx_errors: 1,
          rx_dropped: 2,
          tx_bytes: 3000,
          tx_packets: 30,
          tx_errors: 3,
          tx_dropped: 4,
        },
      },
    });
    const entry = (op: string, value: number): object => ({ major: 254, minor: 0, op, value });
    const { oomKills: _kills, processes: _processes, ...same } = figuresOfBoth;
    const expected = {
      ...same,
      atMs: Date.UTC(2026, 0, 1, 0, 0, 1, 500),
      group: `/docker/${idOf(1)}`,
      startedAt: 's',
      memoryLimitBytes: 99,
      interfaces: [ownInterface],
      devices: [{ device: '254:0', reads: 1, readBytes: 4096, writes: 2, writtenBytes: 8192 }],
    };
    const inspected = { id: idOf(1), startedAt: 's', memoryLimitBytes: 99 };

    it('are its answer, in both of its forms', () => {
      const v1 = answer(
        { total_rss: 1_000_000, total_cache: 3_000_000, total_inactive_file: 1_500_000, cache: 1, rss: 1 },
        {
          io_service_bytes_recursive: [entry('Read', 4096), entry('Write', 8192), entry('Total', 1)],
          io_serviced_recursive: [entry('Read', 1), entry('Write', 2)],
        },
      );
      expect(figuresOfAnswer(v1, inspected)).to.deep.equal(expected);
      const v2 = answer(
        { anon: 1_000_000, file: 3_000_000, inactive_file: 1_500_000 },
        {
          io_service_bytes_recursive: [entry('read', 4096), entry('write', 8192)],
          io_serviced_recursive: null,
        },
      );
      expect(figuresOfAnswer(v2, inspected)).to.deep.include({
        memoryRssBytes: 1_000_000,
        devices: [{ device: '254:0', reads: 0, readBytes: 4096, writes: 0, writtenBytes: 8192 }],
      });
    });

    it('are none for a container that does not run, or for nothing', () => {
      for (const odd of [undefined, null, 'x', {}, { read: '0001-01-01T00:00:00Z' }])
        expect(figuresOfAnswer(odd, inspected)).to.equal(undefined);
    });

    it('are asked for one by one; one that fails leaves the others, an engine that is away does not', async () => {
      const engine = new Engine();
      for (const index of [1, 2, 3]) engine.running.add(index);
      engine.stats = (id) => {
        if (id === idOf(2)) throw new RuntimeError('Failed', 'broken');
        return answer({}, {});
      };
      const figures = open(engine, () => expect.fail('no file is read'), false);
      const ids = [1, 2, 3].map(idOf);
      expect([...(await figures.read(ids, signal)).keys()].sort()).to.deep.equal([idOf(1), idOf(3)]);
      expect(engine.answers).to.equal(3);
      engine.stats = () => {
        throw new RuntimeError('Unavailable', 'away');
      };
      const error: unknown = await figures.read(ids, signal).catch((thrown: unknown) => thrown);
      expect(error).to.be.instanceOf(RuntimeError).and.include({ reason: 'Unavailable' });
    });
  });

  it('are not read on for a caller that has left', async () => {
    const error: unknown = await open(new Engine(), () => undefined)
      .read([idOf(1)], AbortSignal.abort())
      .catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(RuntimeError).and.include({ reason: 'Unavailable' });
  });

  it('are taken from texts to the letter', () => {
    expect(figureOf('ab 1\nb 2\n', 'b')).to.equal(2);
    expect(figureOf('b 3', 'b')).to.equal(3);
    expect(figureOf('ab 1\n', 'b')).to.equal(undefined);
    expect(figureOf('b max\n', 'b')).to.equal(undefined);
    expect(figureOf(undefined, 'b')).to.equal(undefined);
    expect([wholeOf('12\n'), wholeOf('max\n'), wholeOf(''), wholeOf(undefined)]).to.deep.equal([
      12,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it('are read whole from files of any length, and absence is no error', () => {
    const read = openKernelFiles();
    expect(read('/proc/self/maps')?.length ?? 0).to.be.greaterThan(5_000);
    expect(read('/proc/self/status')).to.match(/^Name:/);
    expect(read('/proc/0/cgroup')).to.equal(undefined);
    expect(() => read('/proc')).to.throw('EISDIR');
  });
});
