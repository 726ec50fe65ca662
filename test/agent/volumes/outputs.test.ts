/** The directory for outputs on the worker's disk: what a container makes of it leads nowhere and holds nothing up. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import type { DiskVolumes } from '../../../agent/volumes/diskvolumes.ts';
import { OUTPUT_LIMIT_BYTES, readPlainFile } from '../../../agent/volumes/outputs.ts';
import { systemClock } from '../../../machinery/clock.ts';
import { RuntimeError } from '../../../machinery/errors.ts';
import { systemRandom } from '../../../machinery/random.ts';
import type { FoundFile } from '../../../machinery/runtime.ts';
import { FakeRuntime } from '../../../runtime/fake/fake.ts';
import { newTask } from '../../builders.ts';
import { diskOf, isRoot, openVolumes, Sandbox, signal } from './rig.ts';

const UID = 'uid-1';
const SECRET = 'root:secret';
const task = newTask('web', { outputs: {} }, { metadata: { uid: UID } });

describe('Directories for outputs', function () {
  let sandbox: Sandbox;
  let volumes: DiskVolumes;
  const at = (attempt: number, name = ''): string =>
    join(diskOf(sandbox.path, UID), `.outputs.${attempt}`, name);
  const read = (attempt = 1): Promise<FoundFile> => volumes.outputs.read(task, { id: 'c1', attempt }, signal);
  const rejected = async (work: Promise<unknown>): Promise<RuntimeError> => {
    try {
      await work;
    } catch (error) {
      if (error instanceof RuntimeError) return error;
      throw error;
    }
    throw new Error('it went well');
  };

  beforeEach(function () {
    // Elsewhere the engine keeps them.
    if (!isRoot) {
      console.log('      skipped: only root keeps outputs on its own disk');
      this.skip();
    }
    sandbox = new Sandbox();
    volumes = openVolumes(sandbox.path);
  });
  afterEach(() => sandbox?.dispose());

  it('hold an empty file that every user of the container may write to', async () => {
    const mount = await volumes.outputs.prepare(task, 1, signal);
    expect(mount).to.deep.equal({
      kind: 'bind',
      source: at(1),
      target: '/run/gantry',
      readOnly: false,
    });
    expect(statSync(at(1)).mode & 0o7777).to.equal(0o1777);
    expect(statSync(at(1, 'output')).mode & 0o7777).to.equal(0o666);
    expect(await read()).to.deep.equal({ kind: 'file', bytes: Buffer.from(''), isCut: false });
  });

  it('are made once however often an attempt is prepared', async () => {
    await volumes.outputs.prepare(task, 1, signal);
    writeFileSync(at(1, 'output'), 'a=1\n');
    await volumes.outputs.prepare(task, 1, signal);
    expect(readFileSync(at(1, 'output'), 'utf8')).to.equal('a=1\n');
  });

  it('begin anew with each attempt, and keep what the one before wrote until the next', async () => {
    await volumes.outputs.prepare(task, 1, signal);
    writeFileSync(at(1, 'output'), 'a=1\n');
    await volumes.outputs.prepare(task, 2, signal);
    expect(await read(2)).to.deep.include({ bytes: Buffer.from('') });
    expect(await read(1)).to.deep.include({ bytes: Buffer.from('a=1\n') });
    await volumes.outputs.prepare(task, 5, signal);
    expect(readdirSync(diskOf(sandbox.path, UID)).toSorted()).to.deep.equal(['.outputs.2', '.outputs.5']);
  });

  it('go with the Task', async () => {
    await volumes.outputs.prepare(task, 1, signal);
    await volumes.release(UID, signal);
    expect(existsSync(diskOf(sandbox.path, UID))).to.equal(false);
    expect(await read()).to.deep.equal({ kind: 'none' });
  });

  it('are measured with the limit of a mebibyte', async () => {
    await volumes.outputs.prepare(task, 1, signal);
    expect(await volumes.diskDirectories(task, signal)).to.deep.equal([
      { volume: 'outputs', path: at(1), sizeLimit: OUTPUT_LIMIT_BYTES },
    ]);
  });

  for (const mountPath of ['/run/gantry', '/run//gantry/', '/run/gantry/output', '/run/x/../gantry']) {
    it(`refuse a volume of the Task at ${mountPath}`, async () => {
      const taken = newTask('web', { outputs: {}, volumeMounts: [{ name: 'v', mountPath }] });
      const { reason, message } = await rejected(volumes.outputs.prepare(taken, 1, signal));
      expect(reason).to.equal('InvalidSpec');
      expect(message).to.include(mountPath).and.to.include('mount the volume elsewhere');
    });
  }

  describe('of a hostile container', () => {
    const MADE: Readonly<Record<string, (path: string) => void | Promise<void>>> = {
      'a symbolic link': (path) => symlinkSync(join(sandbox.path, 'shadow'), path),
      'a directory': (path) => mkdirSync(path),
      'a FIFO': (path) => void execFileSync('mkfifo', [path]),
      'a device': (path) => void execFileSync('mknod', [path, 'c', '1', '5']),
      'a socket': async (path) => {
        const server = createServer().listen(path);
        await once(server, 'listening');
        server.unref();
      },
    };
    for (const [what, make] of Object.entries(MADE)) {
      it(`with ${what} in the file's place: told, not followed, not opened`, async function () {
        writeFileSync(join(sandbox.path, 'shadow'), SECRET);
        await volumes.outputs.prepare(task, 1, signal);
        rmSync(at(1, 'output'));
        try {
          await make(at(1, 'output'));
        } catch (error) {
          // Not everywhere may root make devices.
          if (what === 'a device') {
            console.log('      skipped: no device can be made here');
            this.skip();
          }
          throw error;
        }
        expect(await read()).to.deep.equal({ kind: 'other', what });
      });
    }

    it('with a link in the place of the whole directory, which only a hand on the worker can lay: not followed', async () => {
      await volumes.outputs.prepare(task, 1, signal);
      mkdirSync(join(sandbox.path, 'elsewhere'));
      writeFileSync(join(sandbox.path, 'elsewhere', 'output'), SECRET);
      rmSync(at(1), { recursive: true });
      symlinkSync(join(sandbox.path, 'elsewhere'), at(1));
      expect((await rejected(read())).reason).to.equal('Failed');
    });

    it('with 10 GB that take no place: its beginning', async () => {
      await volumes.outputs.prepare(task, 1, signal);
      writeFileSync(at(1, 'output'), 'a=1\n');
      truncateSync(at(1, 'output'), 10 * 2 ** 30);
      const found = await read();
      if (found.kind !== 'file') throw new Error(`found ${found.kind}`);
      expect(found.isCut).to.equal(true);
      expect(found.bytes.byteLength).to.equal(OUTPUT_LIMIT_BYTES);
      expect(Buffer.from(found.bytes.subarray(0, 4)).toString()).to.equal('a=1\n');
    });

    it('that removes the file, or everything: no outputs', async () => {
      await volumes.outputs.prepare(task, 1, signal);
      rmSync(at(1, 'output'));
      expect(await read()).to.deep.equal({ kind: 'none' });
      rmSync(at(1), { recursive: true });
      expect(await read()).to.deep.equal({ kind: 'none' });
    });

    it('that swaps file and link while they are read: never what the link leads to', async function () {
      this.timeout(20_000);
      await volumes.outputs.prepare(task, 1, signal);
      writeFileSync(join(sandbox.path, 'shadow'), SECRET);
      const directory = at(1);
      let isOver = false;
      const swapping = (async (): Promise<void> => {
        for (let turn = 0; !isOver; turn++) {
          if (turn % 2 === 0) symlinkSync(join(sandbox.path, 'shadow'), join(directory, 'next'));
          else writeFileSync(join(directory, 'next'), 'a=1\n');
          renameSync(join(directory, 'next'), join(directory, 'output'));
          await new Promise((resolve) => setImmediate(resolve));
        }
      })();
      const seen = new Set<string>();
      for (let look = 0; look < 300; look++) {
        const found = await readPlainFile(directory, 'output', 1_000);
        seen.add(found.kind === 'file' ? Buffer.from(found.bytes).toString() : found.kind);
      }
      isOver = true;
      await swapping;
      expect([...seen]).to.not.include(SECRET);
      expect([...seen].filter((what) => what !== '' && what !== 'none')).to.have.members(['a=1\n', 'other']);
    });
  });

  describe('where the engine keeps them', () => {
    const newRuntime = (): FakeRuntime =>
      new FakeRuntime({
        clock: systemClock,
        random: systemRandom,
        images: { 'job:1': { files: { '/run/gantry/output': 'a=1\n' } } },
      });
    const open = (runtime: FakeRuntime): DiskVolumes => openVolumes(sandbox.path, { runtime, userId: 1_000 });
    const run = async (runtime: FakeRuntime, name: string, volume: string): Promise<string> => {
      const mounts = [{ kind: 'volume' as const, name: volume, target: '/run/gantry', readOnly: false }];
      const spec = {
        name,
        image: 'job:1',
        labels: {},
        env: [],
        ports: [],
        resources: {},
        networkMode: 'none',
        privileged: false,
        readOnlyRootFilesystem: false,
        capabilities: { add: [], drop: [] },
        mounts,
      };
      const { id } = await runtime.create(spec, signal);
      await runtime.start(id, signal);
      await runtime.stop(id, { gracePeriodMs: 0 }, signal);
      return id;
    };

    it('are a volume for each attempt, read through the engine, and not more than are in use', async () => {
      const runtime = newRuntime();
      volumes = open(runtime);
      const names: string[] = [];
      const ids: string[] = [];
      for (const attempt of [1, 2, 3]) {
        const mount = await volumes.outputs.prepare(task, attempt, signal);
        if (mount.kind !== 'volume') throw new Error(`found ${mount.kind}`);
        names.push(mount.name);
        ids.push(await run(runtime, `c${attempt}`, mount.name));
        if (attempt > 1) await runtime.remove(ids[attempt - 2] ?? '', signal);
      }
      expect(new Set(names).size).to.equal(3);
      const left = (await runtime.volumes({}, signal)).map(({ name }) => name);
      expect(left, 'the first is in use by nobody').to.have.members(names.slice(1));
      expect(await volumes.outputs.read(task, { id: ids[2] ?? '', attempt: 3 }, signal)).to.deep.equal({
        kind: 'file',
        bytes: Buffer.from('a=1\n'),
        isCut: false,
      });
      await volumes.sweep(new Set(), signal);
    });

    it('tell that the container is gone', async () => {
      volumes = open(newRuntime());
      const { reason } = await rejected(volumes.outputs.read(task, { id: 'gone', attempt: 1 }, signal));
      expect(reason).to.equal('NotFound');
    });
  });
});
