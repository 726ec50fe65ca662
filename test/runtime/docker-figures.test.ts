/** What the kernel's files say of containers on a real engine, beside what the engine itself says of them. */
import { expect } from 'chai';
import { systemClock } from '../../machinery/clock.ts';
import type { ContainerFigures } from '../../machinery/containerfigures.ts';
import { DockerCalls } from '../../runtime/docker/calls.ts';
import { DockerRuntime } from '../../runtime/docker/docker.ts';
import { DockerFigures } from '../../runtime/docker/figures/figures.ts';
import { eventually } from './expectations.ts';
import { TEST_LABEL } from './rig.ts';
import { docker, endpoint, IMAGE, isLeftOut, prepareEngine, shell, sweep } from './sample-engine.ts';

const { signal } = new AbortController();
const MIB = 1024 ** 2;

async function made(name: string, script: string, config: object = {}): Promise<string> {
  const container = await docker.createContainer({
    name: `gantry-rttest-${process.pid}-figures-${name}`,
    Image: IMAGE,
    Labels: { [TEST_LABEL]: 'runtime' },
    HostConfig: { NetworkMode: 'bridge', ...config },
    Cmd: [...shell(script)],
  });
  await container.start();
  return container.id;
}

(isLeftOut ? describe.skip : describe)('DockerRuntime: figures of containers', function () {
  this.timeout(60_000);
  const runtime = new DockerRuntime(endpoint, systemClock);
  const elsewhere = new DockerFigures({
    container: (id) => docker.getContainer(id),
    calls: new DockerCalls(systemClock, 'the engine'),
    clock: systemClock,
    isSameMachine: false,
  });
  const read = async (id: string): Promise<ContainerFigures | undefined> =>
    (await runtime.figures([id], signal)).get(id);

  before(prepareEngine);
  after(sweep);

  it('are what the engine says, from files and without it', async () => {
    // Something to do afterwards: the shell would become its last command, and what it holds would be gone.
    const hold = 'x=$(head -c 20000000 /dev/zero | tr "\\0" x); sleep 3600; echo "$x"';
    const id = await made('holds', hold, { Memory: 100 * MIB });
    const { ours, theirs } = await eventually(async () => {
      const figures = await read(id);
      const told = (await elsewhere.read([id], signal)).get(id);
      if (figures === undefined || told === undefined) return undefined;
      const ourBytes = figures.memoryWorkingSetBytes ?? 0;
      const isClose = Math.abs(ourBytes - (told.memoryWorkingSetBytes ?? 0)) < 5_000_000;
      return ourBytes > 20_000_000 && isClose ? { ours: figures, theirs: told } : undefined;
    }, 'more than 20 MB in use, as both say');
    expect((theirs.cpuSeconds ?? 0) - (ours.cpuSeconds ?? 0)).to.be.within(0, 1);
    expect(Math.abs((theirs.memoryRssBytes ?? 0) - (ours.memoryRssBytes ?? 0))).to.be.lessThan(5_000_000);
    expect([ours.memoryLimitBytes, theirs.memoryLimitBytes]).to.deep.equal([100 * MIB, 100 * MIB]);
    expect(ours.startedAt).to.equal(theirs.startedAt);
    expect(ours.group).to.include(id);
    expect(ours.oomKills).to.equal(0);
    expect(ours.processes).to.be.within(1, 3);
    expect(ours.interfaces.map(({ name }) => name)).to.deep.equal(theirs.interfaces.map(({ name }) => name));
    expect(ours.interfaces[0]?.receivedBytes).to.be.within(1, theirs.interfaces[0]?.receivedBytes ?? 0);
  });

  it('follow a container that is started again by hand, and leave out one that has ended', async () => {
    const id = await made('again', 'sleep 3600');
    const first = await eventually(() => read(id), 'its figures');
    await docker.getContainer(id).restart({ t: 0 });
    const second = await eventually(() => read(id), 'its figures again');
    expect(second.startedAt).to.not.equal(first.startedAt);
    await docker.getContainer(id).kill();
    await eventually(async () => ((await read(id)) === undefined ? true : undefined), 'none any more');
    expect((await runtime.figures([id, 'f00d'.repeat(16)], signal)).size).to.equal(0);
  });

  it('tell how long a CPU limit held it back, and what it wrote to a disk', async () => {
    const id = await made(
      'works',
      'dd if=/dev/zero of=/file bs=1M count=8 oflag=direct; while :; do :; done',
      {
        NanoCpus: 100_000_000,
      },
    );
    const throttled = await eventually(async () => {
      const figures = await read(id);
      return (figures?.cpuThrottledSeconds ?? 0) > 0.3 ? figures : undefined;
    }, 'it is held back');
    expect(throttled.cpuSeconds).to.be.greaterThan(0.01);
    expect((throttled.cpuUserSeconds ?? 0) + (throttled.cpuSystemSeconds ?? 0)).to.be.within(
      0,
      (throttled.cpuSeconds ?? 0) + 0.1,
    );
    for (const { device, writes, writtenBytes } of throttled.devices) {
      expect(device).to.match(/^(?:\/dev\/\S+|\d+:\d+)$/);
      if (writtenBytes > 0) expect(writes).to.be.greaterThan(0);
    }
  });
});
