/**
 * Pulls of the Docker runtime from a real registry: Debian's docker-registry on the loopback, in front of it a line
 * that can be slow, stand still and break.
 */

import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { systemClock } from '../../machinery/clock.ts';
import type { ContainerSpec, PullProgress, RegistryAuth } from '../../machinery/runtime.ts';
import { DockerRuntime } from '../../runtime/docker/docker.ts';
import { eventually, rejection } from './expectations.ts';
import { ImageRegistry, needRegistry, tarOf, USER } from './image-registry.ts';
import { TEST_LABEL, uniqueName } from './rig.ts';
import { endpoint, isLeftOut, prepareEngine, sweep } from './sample-engine.ts';
import { SlowLine } from './slow-line.ts';

const { signal } = new AbortController();
const MIB = 1024 * 1024;

(isLeftOut ? describe.skip : describe)('Docker and a real registry', function () {
  this.timeout(120_000);
  const runtime = new DockerRuntime(endpoint, systemClock);
  const pulled = new Set<string>();
  let open: ImageRegistry;
  let guarded: ImageRegistry;

  before(async function () {
    needRegistry(this);
    await prepareEngine();
    open = await ImageRegistry.start();
    guarded = await ImageRegistry.start({ hasUsers: true });
  });
  afterEach(async () => {
    for (const reference of pulled) {
      const image = await runtime.image(reference, signal);
      if (image !== undefined) await runtime.removeImage(image.id, signal);
    }
    pulled.clear();
    await sweep();
  });
  after(async () => {
    await open?.stop();
    await guarded?.stop();
  });

  const specOf = (image: string): ContainerSpec => ({
    name: uniqueName(),
    image,
    labels: { [TEST_LABEL]: 'runtime' },
    command: ['/none'],
    env: [],
    ports: [],
    resources: {},
    networkMode: 'none',
    privileged: false,
    readOnlyRootFilesystem: false,
    capabilities: { add: [], drop: [] },
  });
  /** No two share a byte, so that the engine has to fetch each. */
  const layer = (bytes = 64): Buffer => tarOf('layer', randomBytes(bytes));
  const pull = (reference: string, auth?: RegistryAuth, onProgress?: (progress: PullProgress) => void) => {
    pulled.add(reference);
    const options = {
      ...(auth === undefined ? {} : { auth }),
      ...(onProgress === undefined ? {} : { onProgress }),
    };
    return runtime.pull(reference, options, signal);
  };
  const as = (password: string): RegistryAuth => ({
    registry: guarded.host,
    username: USER.username,
    password,
  });

  it('pulls, and tells what it pulled', async () => {
    const { reference, pinned } = await open.push('good', '1', {
      layers: [layer(), layer()],
      config: { User: '7' },
    });
    const image = await pull(reference);
    expect(image).to.include({ os: 'linux', architecture: 'amd64', user: '7' });
    expect(image.digests).to.deep.equal([pinned]);
    expect(image.bytes).to.be.greaterThan(0);
    expect(await runtime.image(reference, signal)).to.deep.equal(image);
    const listed = (await runtime.images(signal)).find(({ id }) => id === image.id);
    expect(listed?.references).to.have.members([reference, pinned]);
  });

  it('takes a digest, alone and behind a tag, for the image it pins', async () => {
    const first = await open.push('pinned', '1', { layers: [layer()] });
    const second = await open.push('pinned', '1', { layers: [layer()] });
    expect(first.digest).to.not.equal(second.digest);
    for (const reference of [first.pinned, `${first.reference}@${first.digest}`]) {
      const image = await pull(reference);
      expect(image.digests).to.deep.equal([first.pinned]);
      expect(await runtime.image(reference, signal)).to.deep.equal(image);
      const { id } = await runtime.create(specOf(reference), signal);
      expect((await runtime.inspect(id, signal))?.imageId).to.equal(image.id);
      await runtime.remove(id, signal);
      await runtime.removeImage(image.id, signal);
    }
  });

  it('tells a missing name, tag and digest from everything else', async () => {
    const { reference, digest } = await open.push('there', '1', { layers: [layer()] });
    const absent = digest.replace(/[0-9a-f]{8}$/, '00000000');
    for (const missing of [`${open.host}/nowhere:1`, `${reference}2`, `${open.host}/there@${absent}`]) {
      const error = await rejection(pull(missing), 'ImageNotFound');
      expect(error.message).to.include('manifest unknown');
    }
  });

  it('tells a wrong password, and none, from everything else', async () => {
    const { reference } = await guarded.push('secret', '1', { layers: [layer()] });
    expect((await rejection(pull(reference), 'Unauthorized')).message).to.include(
      'no basic auth credentials',
    );
    const wrong = await rejection(pull(reference, as('wrong')), 'Unauthorized');
    expect(wrong.message).to.include('authentication required').and.not.include('wrong"');
    expect((await pull(reference, as(USER.password))).digests).to.have.length(1);
  });

  it('tells that an image has nothing for this platform', async () => {
    const { reference } = await open.pushAll('elsewhere', '1', [
      { architecture: 'riscv64', layers: [layer()] },
      { architecture: 's390x', layers: [layer()] },
    ]);
    const error = await rejection(pull(reference), 'ImageNotFound');
    expect(error.message).to.include('no matching manifest for linux/');
  });

  it('pulls the image of this platform out of several', async () => {
    const { architecture } = await pull((await open.push('plain', '1', { layers: [layer()] })).reference);
    const { reference } = await open.pushAll('several', '1', [
      { architecture: 'riscv64', layers: [layer()] },
      { architecture, layers: [layer()] },
    ]);
    expect((await pull(reference)).architecture).to.equal(architecture);
  });

  it('makes no container of an image for another platform', async () => {
    const { reference } = await open.push('foreign', '1', { architecture: 'riscv64', layers: [layer()] });
    await pull(reference);
    const spec = specOf(reference);
    const error = await rejection(runtime.create(spec, signal), 'InvalidSpec');
    expect(error.message).to.match(/image ".*" is linux\/riscv64, this worker is linux\/\w+$/);
    expect(await runtime.inspect(spec.name, signal)).to.equal(undefined);
  });

  it('tells how far a slow pull has come, never backwards past what it said of the whole', async () => {
    const { reference } = await open.push('slow', '1', { layers: [layer(), layer(2 * MIB)] });
    const line = await SlowLine.open(open.host, MIB);
    try {
      const seen: PullProgress[] = [];
      await pull(reference.replace(open.host, line.host), undefined, (progress) => seen.push(progress));
      expect(seen.length).to.be.greaterThan(4);
      const last = seen.at(-1);
      expect(last).to.include({ layers: 2, doneLayers: 2 });
      expect(last?.totalBytes).to.be.greaterThan(2 * MIB);
      expect(last?.doneBytes).to.equal(last?.totalBytes);
      expect(seen.some(({ doneBytes }) => doneBytes > MIB / 2 && doneBytes < 2 * MIB)).to.equal(true);
      for (const { doneBytes, totalBytes, doneLayers, layers } of seen) {
        expect(doneBytes).to.be.at.most(totalBytes);
        expect(doneLayers).to.be.at.most(layers);
      }
    } finally {
      await line.close();
    }
  });

  it('lets go of the line when it is told to stop', async () => {
    const { reference } = await open.push('given-up', '1', { layers: [layer(4 * MIB)] });
    const line = await SlowLine.open(open.host, MIB / 4);
    try {
      const stop = new AbortController();
      const slow = reference.replace(open.host, line.host);
      const onProgress = ({ doneBytes }: PullProgress): void => {
        if (doneBytes > 0) stop.abort();
      };
      const error = await rejection(runtime.pull(slow, { onProgress }, stop.signal));
      expect(error.reason).to.equal('Unavailable');
      await eventually(
        async () => (line.connections === 0 ? true : undefined),
        'the engine to close its connections',
      );
      expect(await runtime.image(slow, signal)).to.equal(undefined);
    } finally {
      await line.close();
    }
  });

  it('tells that the registry was killed in the middle', async function () {
    // The engine tries the same layer for 75 s before it says so; what a worker does about it is tested with Tasks.
    if (process.env['GANTRY_TEST_LONG'] !== '1') this.skip();
    const mortal = await ImageRegistry.start();
    const { reference } = await mortal.push('cut', '1', { layers: [layer(4 * MIB)] });
    const line = await SlowLine.open(mortal.host, MIB);
    try {
      const slow = reference.replace(mortal.host, line.host);
      let isKilled = false;
      const error = await rejection(
        pull(slow, undefined, ({ doneBytes }) => {
          if (isKilled || doneBytes === 0) return;
          isKilled = true;
          void mortal.kill().then(() => line.close());
        }),
        'RegistryUnavailable',
      );
      expect(error.message).to.match(/connection refused|EOF|reset/);
      await rejection(pull(slow), 'RegistryUnavailable');
      expect(await runtime.image(slow, signal)).to.equal(undefined);
    } finally {
      await mortal.stop();
    }
  });

  it('removes an image with all its names, but not from under a container that does not run', async () => {
    const { reference } = await open.push('names', '1', { layers: [layer()] });
    const again = await open.push('names', '2', { layers: [layer()] });
    const image = await pull(reference);
    const { id } = await runtime.create(specOf(reference), signal);
    await rejection(runtime.removeImage(image.id, signal), 'Conflict');
    expect((await runtime.image(reference, signal))?.id).to.equal(image.id);
    await runtime.remove(id, signal);
    await pull(again.reference);
    await runtime.removeImage(image.id, signal);
    await runtime.removeImage(image.id, signal);
    expect(await runtime.image(reference, signal)).to.equal(undefined);
    expect(await runtime.image(again.reference, signal)).to.not.equal(undefined);
  });
});
