/** What the kernel says of the machine, read from its texts. */
import { expect } from 'chai';
import {
  cpuFigures,
  loadFigures,
  memoryFigures,
  newStatsReader,
  type ReadProc,
  readSystemProc,
} from '../../agent/stats.ts';

const MEMINFO = `MemTotal:        8152180 kB
MemFree:         1250044 kB
MemAvailable:    5310212 kB
Buffers:          310112 kB
Cached:          3720480 kB
SwapCached:            1 kB
Active:          2810116 kB
Inactive:        3110404 kB
Active(anon):    1000000 kB
SwapTotal:             2 kB
SwapFree:              3 kB
HugePages_Total:       0
`;
const STAT = `cpu  128123 12 40321 9123456 2345 1 812 2 3 4
cpu0 64000 6 20000 4561728 1000 0 400 0 0 0
intr 1 2 3
`;

describe('The figures of a machine', () => {
  it('D0.7 memory is as /proc/meminfo has it, in KiB', () => {
    expect(memoryFigures(MEMINFO)).to.deep.equal({
      MemTotal: 8_152_180,
      MemFree: 1_250_044,
      MemAvailable: 5_310_212,
      Buffers: 310_112,
      Cached: 3_720_480,
      SwapCached: 1,
      Active: 2_810_116,
      Inactive: 3_110_404,
      SwapTotal: 2,
      SwapFree: 3,
    });
    expect(memoryFigures('MemTotal: 5 kB\n')).to.include({ MemTotal: 5, SwapFree: 0 });
    expect(memoryFigures('nothing of the kind')).to.equal(undefined);
  });

  it('D0.7 CPU is the line of all cores of /proc/stat; what an old kernel does not tell is 0', () => {
    expect(cpuFigures(STAT)).to.deep.equal({
      user: 128_123,
      nice: 12,
      system: 40_321,
      idle: 9_123_456,
      iowait: 2_345,
      irq: 1,
      softirq: 812,
      steal: 2,
      guest: 3,
      guest_nice: 4,
    });
    expect(cpuFigures('cpu  1 2 3 4\n')).to.include({ idle: 4, iowait: 0 });
    expect(cpuFigures('cpu0 1 2 3 4\n')).to.equal(undefined);
  });

  it('D0.7 load is as /proc/loadavg has it', () => {
    expect(loadFigures('0.42 0.31 0.25 2/311 48213\n')).to.deep.equal({
      last1Min: 0.42,
      last5Min: 0.31,
      last15Min: 0.25,
      running: 2,
      total: 311,
      lastPid: 48_213,
    });
    expect(loadFigures('')).to.equal(undefined);
  });

  it('D0.7 disk is where the engine keeps its data, and / where that is not known', async () => {
    const asked: string[] = [];
    let dataRoot: string | undefined;
    const texts = { meminfo: MEMINFO, stat: STAT, loadavg: '0.4 0.3 0.2 2/311 48213\n' };
    const read = newStatsReader({
      readProc: (name) => Promise.resolve(texts[name]),
      readFileSystem(path) {
        asked.push(path);
        return Promise.resolve({ totalBytes: 100, availableBytes: 40, totalInodes: 9, freeInodes: 7 });
      },
      dataRoot: () => dataRoot,
      countTasks: () => 3,
    });
    const stats = await read();
    expect(stats.disk).to.include({ totalBytes: 100, availableBytes: 40, freeInodes: 7 });
    expect(stats.taskCount).to.equal(3);
    dataRoot = '/var/lib/docker';
    await read();
    expect(asked).to.deep.equal(['/', '/var/lib/docker']);
  });

  it('D0.7 what the system does not tell is left out, and only that', async () => {
    const readProc: ReadProc = (name) => Promise.resolve(name === 'stat' ? STAT : undefined);
    const nowhere = { readFileSystem: () => Promise.resolve(undefined), dataRoot: () => undefined };
    const stats = await newStatsReader({ ...nowhere, readProc, countTasks: () => 0 })();
    expect(stats).to.include({ memory: undefined, disk: undefined, load: undefined, taskCount: 0 });
    expect(stats.cpu).to.include({ user: 128_123 });
  });

  it('D0.7 of this very machine they are read', async function () {
    if (process.platform !== 'linux') this.skip();
    expect(memoryFigures((await readSystemProc('meminfo')) ?? '')?.MemTotal).to.be.greaterThan(0);
    expect(cpuFigures((await readSystemProc('stat')) ?? '')?.user).to.be.greaterThan(0);
    expect(loadFigures((await readSystemProc('loadavg')) ?? '')?.total).to.be.greaterThan(0);
  });
});
