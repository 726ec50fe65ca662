/** The promises of `Runtime` about containers, images and calls. */
import { expect } from 'chai';
import type { PublishedPort, PullProgress } from '../../machinery/runtime.ts';
import { collect, rejection } from './expectations.ts';
import { type Promised, uniqueName } from './rig.ts';

export function promiseContainers(promise: Promised): void {
  promise('tells about the engine and its machine', async (rig) => {
    const info = await rig.runtime.info(rig.signal);
    expect(info.cpus).to.be.greaterThan(0);
    expect(info.memoryBytes).to.be.greaterThan(16 * 1024 ** 2);
    expect([info.engineVersion, info.os, info.arch, info.kernel, info.hostname]).to.not.include('');
  });

  promise('lists containers in any state by all of the labels, and no others', async (rig) => {
    const created = await rig.create('waits', { labels: { ...rig.labels, tier: 'a' } });
    const running = await rig.run('waits', { labels: { ...rig.labels, tier: 'b', weird: 'a=b c"d,é' } });
    const summaries = await rig.runtime.list(rig.labels, rig.signal);
    expect(summaries.map(({ id }) => id)).to.have.members([created, running]);
    expect(await rig.runtime.list({ ...rig.labels, tier: 'a' }, rig.signal)).to.have.lengthOf(1);
    expect(await rig.runtime.list({ ...rig.labels, tier: 'c' }, rig.signal)).to.deep.equal([]);
    const [found] = await rig.runtime.list({ ...rig.labels, weird: 'a=b c"d,é' }, rig.signal);
    const detail = await rig.look(running);
    expect(found).to.deep.include({
      id: running,
      name: detail.name,
      state: 'running',
      image: detail.image,
      imageId: detail.imageId,
    });
    expect(found?.labels).to.include({ ...rig.labels, tier: 'b', weird: 'a=b c"d,é' });
    const image = await rig.runtime.image(detail.image, rig.signal);
    expect(image?.id).to.equal(detail.imageId);
  });

  promise('creates, starts, stops and removes, and doing it twice is doing it once', async (rig) => {
    const wanted = rig.spec('waits');
    const { id } = await rig.runtime.create(wanted, rig.signal);
    const created = await rig.look(id);
    expect(created).to.include({ id, name: wanted.name, state: 'created', oomKilled: false });
    expect(created).to.not.have.any.keys('startedAt', 'finishedAt', 'exitCode', 'error', 'ip');
    expect(created.resources).to.deep.equal({});
    expect(created.ports).to.deep.equal([]);

    await rig.runtime.start(id, rig.signal);
    await rig.runtime.start(id, rig.signal);
    await rig.fixture.untilReady(id, 'waits');
    const running = await rig.look(id);
    expect(running.state).to.equal('running');
    expect(Date.parse(running.startedAt ?? '')).to.be.at.least(Date.parse(running.createdAt));
    expect(running).to.not.have.any.keys('finishedAt', 'exitCode');

    await rig.runtime.stop(id, { gracePeriodMs: 10_000 }, rig.signal);
    const stopped = await rig.look(id);
    expect(stopped.state).to.equal('exited');
    expect(stopped.exitCode).to.equal(143);
    expect(Date.parse(stopped.finishedAt ?? '')).to.be.at.least(Date.parse(stopped.startedAt ?? ''));
    await rig.runtime.stop(id, { gracePeriodMs: 10_000 }, rig.signal);

    await rig.runtime.remove(id, rig.signal);
    await rig.runtime.remove(id, rig.signal);
    expect(await rig.runtime.inspect(id, rig.signal)).to.equal(undefined);
    expect(await rig.runtime.list(rig.labels, rig.signal)).to.deep.equal([]);
  });

  promise('finds a container by its name as well as by its id', async (rig) => {
    const wanted = rig.spec('waits');
    const { id } = await rig.runtime.create(wanted, rig.signal);
    expect((await rig.look(wanted.name)).id).to.equal(id);
  });

  promise('kills what ignores the stop signal when the grace period is over', async (rig) => {
    const id = await rig.run('ignores the stop signal');
    const startedMs = performance.now();
    await rig.runtime.stop(id, { gracePeriodMs: 1_000 }, rig.signal);
    expect(performance.now() - startedMs).to.be.within(900, 8_000);
    expect(await rig.look(id)).to.include({ state: 'exited', exitCode: 137, oomKilled: false });
  });

  promise('stops a paused container', async (rig) => {
    const id = await rig.run('waits');
    await rig.fixture.byHand.pause(id);
    await rig.runtime.stop(id, { gracePeriodMs: 1_000 }, rig.signal);
    expect((await rig.look(id)).state).to.equal('exited');
  });

  promise('wakes up a paused container, and one that is not paused stays as it is', async (rig) => {
    const id = await rig.run('waits');
    await rig.fixture.byHand.pause(id);
    expect((await rig.look(id)).state).to.equal('paused');
    await rig.runtime.unpause(id, rig.signal);
    expect((await rig.look(id)).state).to.equal('running');
    await rig.runtime.unpause(id, rig.signal);
    expect((await rig.look(id)).state).to.equal('running');
  });

  promise('removes a container that runs', async (rig) => {
    const id = await rig.run('ignores the stop signal');
    await rig.runtime.remove(id, rig.signal);
    expect(await rig.runtime.inspect(id, rig.signal)).to.equal(undefined);
  });

  promise('tells the exit code of an end of its own accord, and runs it again when started', async (rig) => {
    const id = await rig.run('ends with 3');
    expect((await rig.reach(id, 'exited')).exitCode).to.equal(3);
    await rig.runtime.start(id, rig.signal);
    expect((await rig.reach(id, 'exited')).exitCode).to.equal(3);
  });

  promise('sees a kill by hand as an end with 137', async (rig) => {
    const id = await rig.run('waits');
    await rig.fixture.byHand.kill(id);
    expect((await rig.reach(id, 'exited')).exitCode).to.equal(137);
  });

  promise('renames, also to the name it has', async (rig) => {
    const id = await rig.create('waits');
    const name = uniqueName();
    await rig.runtime.rename(id, name, rig.signal);
    await rig.runtime.rename(id, name, rig.signal);
    expect((await rig.look(id)).name).to.equal(name);
  });

  promise('names the holder of a name that is taken', async (rig) => {
    const holder = rig.spec('waits');
    const { id: holderId } = await rig.runtime.create(holder, rig.signal);
    const other = await rig.create('waits');
    for (const act of [
      () => rig.runtime.create(rig.spec('waits', { name: holder.name }), rig.signal),
      () => rig.runtime.rename(other, holder.name, rig.signal),
    ]) {
      const error = await rejection(act());
      expect(error.reason).to.equal('Conflict');
      expect(error.holderId).to.equal(holderId);
      expect(error.message).to.include(holder.name);
    }
  });

  promise('sets limits and changes them in place; an absent one stays as it is', async (rig) => {
    const resources = { nanoCpus: 500_000_000, memoryBytes: 64 * 1024 ** 2, cpuShares: 512 };
    const id = await rig.run('waits', { resources });
    const before = await rig.look(id);
    expect(before.resources).to.deep.equal(resources);
    await rig.runtime.update(id, { memoryBytes: 256 * 1024 ** 2 }, rig.signal);
    await rig.runtime.update(id, { nanoCpus: 250_000_000, cpuShares: 256 }, rig.signal);
    await rig.runtime.update(id, {}, rig.signal);
    const after = await rig.look(id);
    expect(after.resources).to.deep.equal({
      nanoCpus: 250_000_000,
      memoryBytes: 256 * 1024 ** 2,
      cpuShares: 256,
    });
    expect(after.startedAt).to.equal(before.startedAt);
  });

  promise('refuses an image that is not there, by reason', async (rig) => {
    const error = await rejection(
      rig.runtime.create(rig.spec('waits', { image: 'gantry/absent:1' }), rig.signal),
    );
    expect(error.reason).to.equal('ImageNotFound');
    expect(error.message).to.include('gantry/absent:1');
    expect(await rig.runtime.image('gantry/absent:1', rig.signal)).to.equal(undefined);
  });

  promise('refuses settings that can never work, by reason', async (rig) => {
    const error = await rejection(
      rig.runtime.create(rig.spec('waits', { resources: { memoryBytes: 1_000 } }), rig.signal),
    );
    expect(error.reason).to.equal('InvalidSpec');
    const id = await rig.create('waits');
    expect((await rejection(rig.runtime.update(id, { memoryBytes: 1_000 }, rig.signal))).reason).to.equal(
      'InvalidSpec',
    );
  });

  promise('keeps a container that could not start, with the reason', async (rig) => {
    const id = await rig.create('has no such command');
    expect((await rejection(rig.runtime.start(id, rig.signal))).reason).to.equal('InvalidSpec');
    const detail = await rig.look(id);
    expect(detail).to.include({ state: 'created', exitCode: 127 });
    expect(detail.error).to.be.a('string').that.is.not.equal('');
  });

  promise('publishes ports, chooses a free one for 0, and refuses one that is taken', async (rig) => {
    const free: PublishedPort = { containerPort: 8080, protocol: 'TCP', hostIP: '127.0.0.1', hostPort: 0 };
    const udp: PublishedPort = { ...free, containerPort: 53, protocol: 'UDP' };
    const id = await rig.run('waits', { networkMode: 'bridge', ports: [free, udp] });
    const { ports, ip } = await rig.look(id);
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

    const taken = await rig.create('waits', {
      networkMode: 'bridge',
      ports: [{ ...free, hostPort: tcpPort }],
    });
    expect((await rejection(rig.runtime.start(taken, rig.signal))).reason).to.equal('PortConflict');
    expect((await rig.look(taken)).state).to.equal('created');

    await rig.runtime.remove(id, rig.signal);
    await rig.runtime.start(taken, rig.signal);
    expect((await rig.look(taken)).ports).to.deep.equal([{ ...free, hostPort: tcpPort }]);
  });

  promise('publishes nothing without a network of its own', async (rig) => {
    const port: PublishedPort = { containerPort: 8080, protocol: 'TCP', hostIP: '127.0.0.1', hostPort: 0 };
    const id = await rig.run('waits', { networkMode: 'none', ports: [port] });
    const detail = await rig.look(id);
    expect(detail.ports).to.deep.equal([]);
    expect(detail).to.not.have.property('ip');
  });

  promise('tells that there is no such container, by reason', async (rig) => {
    const missing = uniqueName();
    const acts: Readonly<Record<string, () => Promise<unknown>>> = {
      start: () => rig.runtime.start(missing, rig.signal),
      stop: () => rig.runtime.stop(missing, { gracePeriodMs: 1_000 }, rig.signal),
      unpause: () => rig.runtime.unpause(missing, rig.signal),
      rename: () => rig.runtime.rename(missing, uniqueName(), rig.signal),
      update: () => rig.runtime.update(missing, { cpuShares: 2 }, rig.signal),
      'update of nothing': () => rig.runtime.update(missing, {}, rig.signal),
      logs: () => rig.readLog(missing),
    };
    for (const [operation, act] of Object.entries(acts)) {
      const error = await rejection(act());
      expect(error.reason, operation).to.equal('NotFound');
      expect(error.message, operation).to.include(missing);
    }
    expect(await rig.runtime.inspect(missing, rig.signal)).to.equal(undefined);
    await rig.runtime.remove(missing, rig.signal);
  });

  promise('pulls an image that the registry has', async (rig) => {
    const pulled = await rig.runtime.pull(rig.fixture.pullable, {}, rig.signal);
    expect(await rig.runtime.image(rig.fixture.pullable, rig.signal)).to.deep.equal(pulled);
  });

  promise(
    'removes an image, but not from under a container, and doing it twice is doing it once',
    async (rig) => {
      const { runtime, signal } = rig;
      const { pullable } = rig.fixture;
      const { id } = await runtime.pull(pullable, {}, signal);
      const listed = (await runtime.images(signal)).find((image) => image.id === id);
      expect(listed?.references).to.include(pullable);
      const container = await rig.create('waits', { image: pullable });
      await rejection(runtime.removeImage(id, signal), 'Conflict');
      expect((await runtime.image(pullable, signal))?.id).to.equal(id);
      await runtime.remove(container, signal);
      await runtime.removeImage(id, signal);
      await runtime.removeImage(id, signal);
      expect(await runtime.image(pullable, signal)).to.equal(undefined);
      expect((await runtime.images(signal)).map((image) => image.id)).to.not.include(id);
    },
  );

  promise('tells how far a pull has come, to the end', async (rig) => {
    const { runtime, signal } = rig;
    const { pullable } = rig.fixture;
    const before = await runtime.image(pullable, signal);
    if (before !== undefined) await runtime.removeImage(before.id, signal);
    const seen: PullProgress[] = [];
    await runtime.pull(pullable, { onProgress: (progress) => seen.push(progress) }, signal);
    const last = seen.at(-1);
    expect(last?.layers).to.be.greaterThan(0);
    expect(last?.doneLayers).to.equal(last?.layers);
    expect(last?.doneBytes).to.equal(last?.totalBytes);
  });

  promise('tells that the registry has no such image, by reason', async (rig) => {
    const error = await rejection(
      rig.runtime.pull(rig.fixture.unknownToRegistry, {}, rig.signal),
      'ImageNotFound',
    );
    expect(error.reason).to.equal('ImageNotFound');
    expect(error.message).to.include(rig.fixture.unknownToRegistry);
  });

  promise('gives up a call when its signal aborts, before or during', async (rig) => {
    const id = await rig.run('ignores the stop signal');
    const aborted = AbortSignal.abort();
    const acts: Readonly<Record<string, () => Promise<unknown>>> = {
      info: () => rig.runtime.info(aborted),
      list: () => rig.runtime.list(rig.labels, aborted),
      inspect: () => rig.runtime.inspect(id, aborted),
      create: () => rig.runtime.create(rig.spec('waits'), aborted),
      start: () => rig.runtime.start(id, aborted),
      stop: () => rig.runtime.stop(id, { gracePeriodMs: 1_000 }, aborted),
      unpause: () => rig.runtime.unpause(id, aborted),
      rename: () => rig.runtime.rename(id, uniqueName(), aborted),
      update: () => rig.runtime.update(id, { cpuShares: 2 }, aborted),
      remove: () => rig.runtime.remove(id, aborted),
      image: () => rig.runtime.image('gantry/absent:1', aborted),
      pull: () => rig.runtime.pull('gantry/absent:1', {}, aborted),
    };
    for (const [operation, act] of Object.entries(acts)) {
      expect((await rejection(act())).reason, operation).to.equal('Unavailable');
    }
    expect(await collect(rig.runtime.events(rig.labels, aborted))).to.deep.equal([]);
    expect(await collect(rig.runtime.logs(id, {}, aborted))).to.deep.equal([]);
    expect(await rig.runtime.list(rig.labels, rig.signal)).to.have.lengthOf(1);
    expect((await rig.look(id)).state).to.equal('running');

    const during = new AbortController();
    const stopping = rejection(rig.runtime.stop(id, { gracePeriodMs: 60_000 }, during.signal));
    const startedMs = performance.now();
    during.abort();
    expect((await stopping).message).to.include('abandoned');
    expect(performance.now() - startedMs).to.be.lessThan(5_000);
  });
}
