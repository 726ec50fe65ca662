/** What a machine is said to be short of, and how the Worker says it. */
import { expect } from 'chai';
import { type FileSystemReading, PressureGauge } from '../../../agent/disk/pressure.ts';
import type { MachineReading } from '../../../agent/machine.ts';
import { workerStatus } from '../../../agent/workerstatus.ts';
import { FakeClock } from '../../../machinery/fakeclock.ts';
import type { RuntimeInfo } from '../../../machinery/runtime.ts';
import { newWorker } from '../../builders.ts';

const GIB = 2 ** 30;
const disk = (availablePercent: number, freeInodes = 500): FileSystemReading => ({
  totalBytes: 100 * GIB,
  availableBytes: availablePercent * GIB,
  totalInodes: 1_000,
  freeInodes,
});
const memory = (availableBytes: number): MachineReading => ({
  cpuNanoseconds: 0n,
  memoryBytes: 4 * GIB - availableBytes,
  totalMemoryBytes: 4 * GIB,
});

describe('Pressure on a worker', () => {
  const clock = new FakeClock();
  let data: FileSystemReading | undefined = disk(50);
  let volumes: FileSystemReading | undefined = disk(50);
  let machine: MachineReading | undefined = memory(GIB);
  const engine = { isLocal: true, dataRoot: '/var/lib/docker' };
  const open = (reservedShare?: number): PressureGauge =>
    new PressureGauge({
      ...(reservedShare === undefined ? {} : { reservedShare }),
      clock,
      readFileSystem: (path) => Promise.resolve(path === '/volumes' ? volumes : data),
      readMachine: () => Promise.resolve(machine),
      volumesDirectory: '/volumes',
    });

  beforeEach(() => {
    data = disk(50);
    volumes = disk(50);
    machine = memory(GIB);
  });

  for (const [name, arrange, message] of [
    ['enough of everything', () => undefined, undefined],
    ['15% free with the engine is enough', () => (data = disk(15)), undefined],
    ['less is not', () => (data = disk(14.9)), 'less than 15% of the file system of /var/lib/docker is free'],
    ['10% free with the volumes is enough', () => (volumes = disk(10)), undefined],
    [
      'less is not, there',
      () => (volumes = disk(9.9)),
      'less than 10% of the file system of /volumes is free',
    ],
    [
      'inodes run out too',
      () => (data = disk(50, 49)),
      'less than 5% of the inodes of the file system of /var/lib/docker are free',
    ],
    [
      'a file system that counts no inodes',
      () => (data = { ...disk(50), totalInodes: 0, freeInodes: 0 }),
      undefined,
    ],
  ] as const) {
    it(`disk: ${name}`, async () => {
      arrange();
      const { disk: found } = await open().look(engine);
      expect(found?.isShort).to.equal(message !== undefined);
      if (message !== undefined) expect(found?.message).to.equal(message);
    });
  }

  it('disk: how much is to stay free can be said, and 0 means that none has to', async () => {
    data = disk(4);
    expect((await open(0.05).look(engine)).disk?.message).to.contain('less than 5% of');
    expect((await open(0.04).look(engine)).disk?.isShort).to.equal(false);
    data = disk(0, 0);
    expect((await open(0).look(engine)).disk?.isShort).to.equal(false);
  });

  it('memory: less than 100Mi available is too little', async () => {
    machine = memory(100 * 2 ** 20);
    expect((await open().look(engine)).memory?.isShort).to.equal(false);
    machine = memory(100 * 2 ** 20 - 1);
    expect((await open().look(engine)).memory?.isShort).to.equal(true);
  });

  it('is said at once and taken back only after a minute without it', async () => {
    const gauge = open();
    const isShort = async (): Promise<boolean | undefined> => (await gauge.look(engine)).disk?.isShort;
    expect(await isShort()).to.equal(false);
    data = disk(14);
    expect(await isShort()).to.equal(true);
    data = disk(16);
    clock.advance(59_000);
    expect(await isShort()).to.equal(true);
    data = disk(14);
    expect(await isShort()).to.equal(true);
    data = disk(16);
    clock.advance(59_000);
    expect(await isShort()).to.equal(true);
    clock.advance(1_000);
    expect(await isShort()).to.equal(false);
  });

  it('is not guessed for an engine elsewhere, nor where nothing can be read', async () => {
    expect(await open().look({ ...engine, isLocal: false })).to.deep.equal({});
    data = undefined;
    machine = undefined;
    expect(await open().look(engine)).to.deep.equal({});
  });

  it('is a condition of the Worker, with the disk among what it has; the rest of the status stays', async () => {
    data = disk(10);
    const info: RuntimeInfo = {
      engineVersion: '20',
      os: 'linux',
      arch: 'amd64',
      kernel: '6',
      hostname: 'h',
      cpus: 2,
      memoryBytes: 4 * GIB,
      dataRoot: '/var/lib/docker',
      isLocal: true,
      userNamespaceBase: 0,
      hasSeccomp: true,
    };
    const facts = {
      report: { isUp: true, info } as const,
      reserve: { milliCpu: 0, memoryBytes: 0 },
      publishAddress: '127.0.0.1',
      agentVersion: '0',
      nowMs: 0,
    };
    const pressure = await open().look(engine);
    const status = workerStatus(newWorker('w1'), { ...facts, pressure });
    expect(status.capacity).to.deep.equal({ cpu: '2', memory: '4Gi', 'ephemeral-storage': '100Gi' });
    expect(status.allocatable?.['ephemeral-storage']).to.equal('85Gi');
    const said = (status.conditions ?? []).map(
      ({ type, status: value, reason }) => `${type} ${value} ${reason}`,
    );
    expect(said).to.deep.equal([
      'DiskPressure True AgentHasDiskPressure',
      'MemoryPressure False AgentHasSufficientMemory',
      'Ready True AgentReady',
      'RuntimeReady True RuntimeReady',
    ]);
    const silent = workerStatus(newWorker('w1'), facts);
    expect(silent.capacity).to.deep.equal({ cpu: '2', memory: '4Gi' });
    expect(silent.conditions).to.have.length(2);
  });
});
