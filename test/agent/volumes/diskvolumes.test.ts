/**
 * Volumes of Tasks on this machine's own file systems, with a fake engine. What is mounted needs root: without it those
 * tests are left out, loudly.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { mountPoints, mountsAt } from '../../../agent/volumes/mounts.ts';
import { systemClock } from '../../../machinery/clock.ts';
import { RuntimeError } from '../../../machinery/errors.ts';
import { systemRandom } from '../../../machinery/random.ts';
import type { Mount, Runtime, RuntimeInfo } from '../../../machinery/runtime.ts';
import { FakeRuntime } from '../../../runtime/fake/fake.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { diskOf, file, filesOf, isRoot, memoryOf, openVolumes, Sandbox, signal, taskWith } from './rig.ts';

const TMPFS = 0x01021994;
const UID = 'uid-web';
const none = filesOf({});

async function refusal(work: Promise<unknown>): Promise<RuntimeError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof RuntimeError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

const sourceAt = (mounts: readonly Mount[], target: string): string => {
  const found = mounts.find((mount) => mount.target === target);
  if (found?.kind !== 'bind') throw new Error(`nothing is bound at ${target}`);
  return found.source;
};

/** A fake engine that says something else of itself. */
class AlteredRuntime extends FakeRuntime {
  readonly #facts: Partial<RuntimeInfo>;

  constructor(facts: Partial<RuntimeInfo>) {
    super({ clock: systemClock, random: systemRandom, images: {} });
    this.#facts = facts;
  }

  override async info(inner: AbortSignal): Promise<RuntimeInfo> {
    return { ...(await super.info(inner)), ...this.#facts };
  }
}

if (!isRoot) console.warn('not root: tests of volumes that are mounted are LEFT OUT');

(isRoot ? describe : describe.skip)('Volumes of Tasks', () => {
  let sandbox: Sandbox;
  const open: typeof openVolumes = (_, overrides) => openVolumes(sandbox.path, overrides);
  const volumes = (overrides?: Parameters<typeof openVolumes>[1]) => open(sandbox.path, overrides);

  beforeEach(() => {
    sandbox = new Sandbox();
  });

  afterEach(() => sandbox.dispose());

  it('a Task without mounts needs nothing', async () => {
    expect(await volumes().prepare(taskWith({}), none, signal)).to.deep.equal([]);
    expect(readdirSync(sandbox.path)).to.deep.equal([]);
  });

  it('an emptyDir is a directory that everybody may write to, and that stays as containers made it', async () => {
    const task = taskWith({ scratch: { emptyDir: {} } });
    const [mount] = await volumes().prepare(task, none, signal);
    const source = join(diskOf(sandbox.path, UID), 'scratch');
    expect(mount).to.deep.equal({ kind: 'bind', source, target: '/scratch', readOnly: false });
    expect(statSync(source).mode & 0o7777).to.equal(0o777);
    writeFileSync(join(source, 'kept'), 'x');
    chmodSync(source, 0o700);
    // Another container of the Task, and another life of Gantry.
    await volumes().prepare(task, none, signal);
    expect(readFileSync(join(source, 'kept'), 'utf8')).to.equal('x');
    expect(statSync(source).mode & 0o7777).to.equal(0o700);
  });

  it('an emptyDir in memory has its size, keeps what is in it, and grows in place', async () => {
    const task = (sizeLimit: string): Task =>
      taskWith({ fast: { emptyDir: { medium: 'Memory', sizeLimit } } });
    const source = sourceAt(await volumes().prepare(task('1Mi'), none, signal), '/fast');
    expect(statfsSync(source)).to.include({ type: TMPFS, blocks: 256, bsize: 4096 });
    expect(statSync(source).mode & 0o7777).to.equal(0o777);
    writeFileSync(join(source, 'kept'), 'x');
    expect(() => writeFileSync(join(source, 'large'), Buffer.alloc(2 ** 21))).to.throw(/ENOSPC/);
    rmSync(join(source, 'large'));
    await volumes().prepare(task('1Mi'), none, signal);
    expect(readFileSync(join(source, 'kept'), 'utf8')).to.equal('x');
    expect(await mountsAt(source)).to.have.length(1);
    await volumes().prepare(task('3Mi'), none, signal);
    writeFileSync(join(source, 'large'), Buffer.alloc(2 ** 21));
    expect(readFileSync(join(source, 'kept'), 'utf8')).to.equal('x');
  });

  it('a ConfigMap is on the disk, a Secret in memory that is never swapped; both are read-only', async () => {
    const task = taskWith({ config: { configMap: { name: 'c' } }, keys: { secret: { secretName: 's' } } });
    const files = filesOf({ config: [file('a', '1')], keys: [file('token', 'canary', 0o400)] });
    const mounts = await volumes().prepare(task, files, signal);
    expect(mounts.map(({ readOnly }) => readOnly)).to.deep.equal([true, true]);
    expect(readFileSync(join(sourceAt(mounts, '/config'), 'a'), 'utf8')).to.equal('1');
    const keys = sourceAt(mounts, '/keys');
    expect(statfsSync(keys).type).to.equal(TMPFS);
    expect(statSync(join(keys, 'token')).mode & 0o777).to.equal(0o400);
    const [mount] = await mountsAt(join(sandbox.path, 'run', 'cluster', 'w1'));
    const kernel = execFileSync('uname', ['-r'], { encoding: 'utf8' }).split('.').map(Number.parseFloat);
    if ((kernel[0] ?? 0) * 100 + (kernel[1] ?? 0) >= 604) expect(mount?.options).to.include('noswap');
    expect(() => execFileSync('grep', ['-rlx', '--', 'canary', join(sandbox.path, 'volumes')])).to.throw();
  });

  it('a Secret is not written where memory was unmounted by hand: it is mounted again first', async () => {
    const task = taskWith({ keys: { secret: { secretName: 's' } } });
    const files = filesOf({ keys: [file('token', 'canary')] });
    await volumes().prepare(task, files, signal);
    const root = join(sandbox.path, 'run', 'cluster', 'w1');
    execFileSync('umount', [root]);
    expect(readdirSync(root)).to.deep.equal([]);
    // As after a reboot.
    const keys = sourceAt(await volumes().prepare(task, files, signal), '/keys');
    expect(readFileSync(join(keys, 'token'), 'utf8')).to.equal('canary');
    expect(statfsSync(keys).type).to.equal(TMPFS);
  });

  it('refresh changes files in place, under whoever has the directory mounted', async () => {
    const task = taskWith({ config: { configMap: { name: 'c' } }, keys: { secret: { secretName: 's' } } });
    const disk = volumes();
    const first = filesOf({ config: [file('a', '1')], keys: [file('k', '1')] });
    const mounts = await disk.prepare(task, first, signal);
    const inode = statSync(sourceAt(mounts, '/config')).ino;
    await disk.refresh(task, filesOf({ config: [file('a', '2')], keys: [file('k', '2')] }), signal);
    expect(readFileSync(join(sourceAt(mounts, '/config'), 'a'), 'utf8')).to.equal('2');
    expect(readFileSync(join(sourceAt(mounts, '/keys'), 'k'), 'utf8')).to.equal('2');
    expect(statSync(sourceAt(mounts, '/config')).ino).to.equal(inode);
  });

  it('a named volume is of the engine, carries labels, outlives the Task and is found again', async () => {
    const runtime: Runtime = new FakeRuntime({ clock: systemClock, random: systemRandom, images: {} });
    const task = taskWith({ data: { volume: { name: 'pg' } } });
    const disk = volumes({ runtime });
    const [mount] = await disk.prepare(task, none, signal);
    expect(mount).to.deep.equal({
      kind: 'volume',
      name: 'gantry.default.pg',
      target: '/data',
      readOnly: false,
    });
    await disk.release(UID, signal);
    await disk.sweep(new Set(), signal);
    await disk.sweep(new Set(), signal);
    const found = await runtime.volumes(
      { 'gantry.dev/cluster': 'cluster', 'gantry.dev/worker': 'w1' },
      signal,
    );
    expect(
      found.map(({ name, labels }) => [name, labels['gantry.dev/namespace'], labels['gantry.dev/volume']]),
    ).to.deep.equal([['gantry.default.pg', 'default', 'pg']]);
    const foreign = await refusal(volumes({ runtime, clusterId: 'other' }).prepare(task, none, signal));
    expect(foreign.reason).to.equal('InvalidSpec');
    expect(foreign.message).to.include('gantry.default.pg belongs to another Gantry cluster (cluster)');
  });

  describe('subPath', () => {
    const web = taskWith({ scratch: { emptyDir: {} } }, [
      { name: 'scratch', mountPath: '/part', subPath: 'a/b' },
    ]);

    it('is made where it is missing and shows what is there', async () => {
      const mounts = await volumes().prepare(web, none, signal);
      writeFileSync(join(diskOf(sandbox.path, UID), 'scratch', 'a', 'b', 'file'), 'x');
      expect(readFileSync(join(sourceAt(mounts, '/part'), 'file'), 'utf8')).to.equal('x');
      await volumes().prepare(web, none, signal);
      expect(await mountsAt(memoryOf(sandbox.path, UID))).to.have.length(1);
    });

    it('of a ConfigMap or Secret shows one file, which stays as it was', async () => {
      const task = taskWith({ config: { configMap: { name: 'c' } } }, [
        { name: 'config', mountPath: '/etc/app.conf', subPath: 'app.conf' },
      ]);
      const disk = volumes();
      const mounts = await disk.prepare(task, filesOf({ config: [file('app.conf', '1')] }), signal);
      const part = sourceAt(mounts, '/etc/app.conf');
      expect(mounts.find(({ target }) => target === '/etc/app.conf')?.readOnly).to.equal(true);
      await disk.refresh(task, filesOf({ config: [file('app.conf', '2')] }), signal);
      expect(readFileSync(part, 'utf8')).to.equal('1');
      // The next container gets the file as it is then.
      await disk.prepare(task, filesOf({ config: [file('app.conf', '2')] }), signal);
      expect(readFileSync(part, 'utf8')).to.equal('2');
      const missing = await refusal(disk.prepare(task, filesOf({ config: [file('other', '')] }), signal));
      expect(missing.reason).to.equal('InvalidSpec');
      expect(missing.message).to.include('subPath "app.conf" of volume "config": no such file or directory');
    });

    it('is refused where a container made it a link that leads out, and nothing is mounted', async () => {
      await volumes().prepare(taskWith({ scratch: { emptyDir: {} } }), none, signal);
      symlinkSync('/etc', join(diskOf(sandbox.path, UID), 'scratch', 'a'));
      const error = await refusal(volumes().prepare(web, none, signal));
      expect(error.reason).to.equal('InvalidSpec');
      expect(error.message).to.match(
        /subPath "a\/b" of volume "scratch" is refused: it leads through a link to \/etc/,
      );
      expect(await mountsAt(memoryOf(sandbox.path, UID))).to.deep.equal([]);
    });

    it('with .. is refused', async () => {
      const task = taskWith({ scratch: { emptyDir: {} } }, [
        { name: 'scratch', mountPath: '/part', subPath: 'a/../../x' },
      ]);
      expect((await refusal(volumes().prepare(task, none, signal))).message).to.include(
        `must not contain '..'`,
      );
    });

    it('is bound as it was found: a link that takes its place afterwards changes nothing', async () => {
      const mounts = await volumes().prepare(web, none, signal);
      const directory = join(diskOf(sandbox.path, UID), 'scratch');
      writeFileSync(join(directory, 'a', 'b', 'file'), 'inside');
      execFileSync('mv', [join(directory, 'a'), join(directory, 'moved')]);
      symlinkSync('/etc', join(directory, 'a'));
      expect(readdirSync(sourceAt(mounts, '/part'))).to.deep.equal(['file']);
    });
  });

  describe('hostPath', () => {
    const at = (path: string, type?: string): Task =>
      taskWith({ host: { hostPath: { path, ...(type === undefined ? {} : { type: type as 'File' }) } } });
    const path = (name: string): string => join(sandbox.path, name);

    beforeEach(() => {
      mkdirSync(path('directory'));
      writeFileSync(path('file'), '');
    });

    for (const [type, good, bad, words] of [
      ['Directory', 'directory', 'file', 'is not a directory'],
      ['DirectoryOrCreate', 'directory', 'file', 'is not a directory'],
      ['File', 'file', 'directory', 'is not a file'],
      ['FileOrCreate', 'file', 'directory', 'is not a file'],
      ['Socket', 'socket', 'file', 'is not a socket file'],
      ['CharDevice', '/dev/null', 'file', 'is not a character device'],
      ['BlockDevice', undefined, 'file', 'is not a block device'],
    ] as const) {
      it(`of type ${type} is found, and refused where it is something else`, async () => {
        const server = createServer();
        if (good === 'socket') await new Promise<void>((resolve) => server.listen(path('socket'), resolve));
        const block = readdirSync('/dev')
          .map((name) => `/dev/${name}`)
          .find((name) => statSync(name, { throwIfNoEntry: false })?.isBlockDevice());
        const wanted = good === undefined ? block : good.startsWith('/') ? good : path(good);
        try {
          if (wanted !== undefined) {
            const mounts = await volumes().prepare(at(wanted, type), none, signal);
            expect(sourceAt(mounts, '/host')).to.equal(wanted);
          }
          const error = await refusal(volumes().prepare(at(path(bad), type), none, signal));
          expect(error.reason).to.equal('InvalidSpec');
          expect(error.message).to.include(`hostPath type check failed: ${path(bad)} ${words}`);
        } finally {
          server.close();
        }
      });
    }

    it('of no type may be anything, as long as it is there', async () => {
      for (const name of ['directory', 'file']) {
        expect(sourceAt(await volumes().prepare(at(path(name)), none, signal), '/host')).to.equal(path(name));
        expect(sourceAt(await volumes().prepare(at(path(name), ''), none, signal), '/host')).to.equal(
          path(name),
        );
      }
      const error = await refusal(volumes().prepare(at(path('nothing')), none, signal));
      expect(error.message).to.match(/does not exist on this worker; the type DirectoryOrCreate makes it/);
    });

    it('is made by DirectoryOrCreate and FileOrCreate, and by no other', async () => {
      await volumes().prepare(at(path('new/deep'), 'DirectoryOrCreate'), none, signal);
      expect(statSync(path('new/deep')).mode & 0o777).to.equal(0o755);
      await volumes().prepare(at(path('new/file'), 'FileOrCreate'), none, signal);
      expect(statSync(path('new/file')).mode & 0o777).to.equal(0o644);
      expect(
        (await refusal(volumes().prepare(at(path('no/file'), 'FileOrCreate'), none, signal))).message,
      ).to.include('there is no directory');
      expect(
        (await refusal(volumes().prepare(at(path('absent'), 'Directory'), none, signal))).message,
      ).to.include('it does not exist');
    });

    it('with .. is refused', async () => {
      const error = await refusal(volumes().prepare(at(`${path('directory')}/../file`), none, signal));
      expect(error.message).to.include(`must not contain '..'`);
    });

    it('below a path that everybody may mount is bound as it was found, and never leads out by a link', async () => {
      const hostPathAllowed = [path('directory')];
      mkdirSync(path('directory/inside'));
      writeFileSync(path('directory/inside/x'), 'x');
      symlinkSync('/etc', path('directory/out'));
      symlinkSync(path('directory/inside'), path('directory/in'));
      const disk = volumes({ hostPathAllowed });
      for (const name of ['inside', 'in']) {
        const source = sourceAt(await disk.prepare(at(path(`directory/${name}`)), none, signal), '/host');
        expect(source.startsWith(memoryOf(sandbox.path, UID))).to.equal(true);
        expect(readdirSync(source)).to.deep.equal(['x']);
      }
      const error = await refusal(disk.prepare(at(path('directory/out/hosts')), none, signal));
      expect(error.message).to.match(/is refused: it leads through a link to \/etc, which is outside/);
      // However it is written that the API server lets through, and whatever way the operator wrote it.
      const parent = path('.');
      for (const written of [
        `${parent}//directory/out`,
        `/${parent}/directory/out`,
        `${parent}/./directory/out`,
        `${parent}/directory//./out/`,
      ]) {
        for (const allowed of [`${parent}/directory`, `/${parent}//directory/`]) {
          const again = await refusal(
            volumes({ hostPathAllowed: [allowed] }).prepare(at(written), none, signal),
          );
          expect(again.message, `${written} below ${allowed}`).to.match(
            /is refused: it leads through a link/,
          );
        }
      }
      // A path that is allowed by itself, inside of one that is too: whoever has the outer one may have replaced it.
      const nested = volumes({ hostPathAllowed: [path('directory/out'), path('directory')] });
      expect((await refusal(nested.prepare(at(path('directory/out')), none, signal))).message).to.match(
        /is refused: it leads through a link/,
      );
      // What the API server lets through besides is not this list's affair.
      expect(sourceAt(await disk.prepare(at(path('file')), none, signal), '/host')).to.equal(path('file'));
    });
  });

  describe('at the end', () => {
    const everything = taskWith(
      {
        scratch: { emptyDir: {} },
        fast: { emptyDir: { medium: 'Memory' } },
        config: { configMap: { name: 'c' } },
        keys: { secret: { secretName: 's' } },
        host: { hostPath: { path: '/etc' } },
      },
      [
        { name: 'scratch', mountPath: '/part', subPath: 'a' },
        { name: 'host', mountPath: '/ssl', subPath: 'ssl' },
      ],
    );
    const files = filesOf({ config: [file('a', '1')], keys: [file('k', '1')] });

    it('release takes away everything of the Task and nothing else, twice as well as once', async () => {
      const before = readdirSync('/etc');
      await volumes().prepare(everything, files, signal);
      const other = { ...everything, metadata: { ...everything.metadata, uid: 'uid-other' } };
      await volumes().prepare(other, files, signal);
      // A life of Gantry that remembers nothing.
      await volumes().release(UID, signal);
      expect(existsSync(diskOf(sandbox.path, UID))).to.equal(false);
      expect(existsSync(memoryOf(sandbox.path, UID))).to.equal(false);
      expect(existsSync(join(diskOf(sandbox.path, 'uid-other'), 'config', 'a'))).to.equal(true);
      await volumes().release(UID, signal);
      await volumes().release('uid-other', signal);
      expect(await mountsAt(sandbox.path)).to.deep.equal([]);
      expect(readdirSync(join(sandbox.path, 'run'))).to.deep.equal([]);
      expect(readdirSync('/etc')).to.deep.equal(before);
    });

    it('release goes on although somebody stands in a directory of the Task', async () => {
      const mounts = await volumes().prepare(everything, files, signal);
      const here = process.cwd();
      process.chdir(sourceAt(mounts, '/fast'));
      try {
        await volumes().release(UID, signal);
      } finally {
        process.chdir(here);
      }
      expect(await mountsAt(sandbox.path)).to.deep.equal([]);
    });

    it('release does not enter what somebody mounted inside, and says so', async () => {
      const mounts = await volumes().prepare(everything, files, signal);
      const foreign = join(sourceAt(mounts, '/scratch'), 'foreign');
      mkdirSync(foreign);
      execFileSync('mount', ['-t', 'tmpfs', 'gantry-test', foreign]);
      writeFileSync(join(foreign, 'precious'), 'x');
      const error = await refusal(volumes().release(UID, signal));
      expect(error.message).to.include('"foreign" is on another file system');
      expect(existsSync(join(foreign, 'precious'))).to.equal(true);
    });

    for (const uid of ['', '..', '../x', 'a/b', '.hidden']) {
      it(`the uid "${uid}" is never made a path`, async () => {
        expect((await refusal(volumes().release(uid, signal))).reason).to.equal('InvalidSpec');
      });
    }

    it('sweep takes away what was nobody’s twice in a row, and what is not a Task’s stays', async () => {
      const disk = volumes();
      await disk.prepare(everything, files, signal);
      mkdirSync(join(sandbox.path, 'volumes', 'lost+found'));
      const again = volumes();
      await again.sweep(new Set([UID]), signal);
      await again.sweep(new Set(), signal);
      expect(existsSync(diskOf(sandbox.path, UID))).to.equal(true);
      await again.sweep(new Set(), signal);
      expect(readdirSync(join(sandbox.path, 'volumes'))).to.deep.equal(['lost+found']);
      expect(await mountsAt(sandbox.path)).to.deep.equal([]);
    });

    it('sweep leaves alone what was prepared since the list it is given was made', async () => {
      const disk = volumes();
      await disk.prepare(everything, files, signal);
      await disk.sweep(new Set(), signal);
      await disk.prepare(everything, files, signal);
      await disk.sweep(new Set(), signal);
      expect(existsSync(diskOf(sandbox.path, UID))).to.equal(true);
    });
  });

  it('a Task that was evicted for its disk finds its emptyDirs empty the next time', async () => {
    const disk = volumes();
    const task = taskWith({
      scratch: { emptyDir: { sizeLimit: '1Mi' } },
      fast: { emptyDir: { medium: 'Memory' } },
    });
    const mounts = await disk.prepare(task, none, signal);
    writeFileSync(join(sourceAt(mounts, '/scratch'), 'much'), '');
    writeFileSync(join(sourceAt(mounts, '/fast'), 'kept'), '');
    disk.emptyBeforeNext(UID);
    await disk.prepare(task, none, signal);
    expect(readdirSync(sourceAt(mounts, '/scratch'))).to.deep.equal([]);
    expect(readdirSync(sourceAt(mounts, '/fast'))).to.deep.equal(['kept']);
    writeFileSync(join(sourceAt(mounts, '/scratch'), 'little'), '');
    await disk.prepare(task, none, signal);
    expect(readdirSync(sourceAt(mounts, '/scratch'))).to.deep.equal(['little']);
  });

  it('a full disk is said, leaves the files that were there, and is over when there is room', async () => {
    // The directory of volumes is a small disk of its own.
    const directory = join(sandbox.path, 'volumes');
    mkdirSync(directory);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'gantry-test', directory]);
    const task = taskWith({ config: { configMap: { name: 'c' } } });
    const disk = volumes();
    const mounts = await disk.prepare(task, filesOf({ config: [file('a', 'old')] }), signal);
    writeFileSync(join(directory, 'ballast'), Buffer.alloc(2 ** 17));
    const large = filesOf({ config: [file('a', 'new'), file('large', 'x'.repeat(2 ** 18))] });
    const error = await refusal(disk.refresh(task, large, signal));
    expect(error.reason).to.equal('Failed');
    expect(error.message).to.include('no space left on the disk');
    const source = sourceAt(mounts, '/config');
    expect(readFileSync(join(source, 'a'), 'utf8')).to.equal('old');
    expect(readdirSync(source).filter((name) => /^\.\.\d/.test(name))).to.have.length(1);
    expect((await refusal(disk.prepare(task, large, signal))).reason).to.equal('Failed');
    execFileSync('mount', ['-o', 'remount,size=2m', directory]);
    await disk.prepare(task, large, signal);
    expect(readFileSync(join(source, 'a'), 'utf8')).to.equal('new');
  });

  describe('for a user namespace', () => {
    it('belong to root inside of it', async () => {
      const base = 100_000;
      const runtime = new AlteredRuntime({ userNamespaceBase: base });
      const task = taskWith({
        scratch: { emptyDir: {} },
        fast: { emptyDir: { medium: 'Memory' } },
        config: { configMap: { name: 'c' } },
      });
      const disk = volumes({ runtime });
      const files = filesOf({ config: [file('d/a', '1')] });
      const mounts = await disk.prepare(task, files, signal);
      const paths = ['/scratch', '/fast', '/config'].map((target) => sourceAt(mounts, target));
      paths.push(join(sourceAt(mounts, '/config'), 'd', 'a'));
      expect(paths.map((path) => [statSync(path).uid, statSync(path).gid])).to.deep.equal(
        paths.map(() => [base, base]),
      );
    });
  });
});

describe('Volumes of Tasks, with less than a machine of its own', () => {
  let sandbox: Sandbox;
  const here = new AlteredRuntime({});
  const elsewhere = new AlteredRuntime({ isLocal: false });
  const files = filesOf({ config: [file('a', '1')], keys: [file('k', '1')] });

  beforeEach(() => {
    sandbox = new Sandbox();
  });

  afterEach(() => sandbox.dispose());

  for (const [title, overrides] of [
    ['an engine elsewhere', { runtime: elsewhere }],
    ['no root', { userId: 12_345, runtime: here }],
  ] as const) {
    it(`${title}: an emptyDir is a volume of the engine, and goes with the Task`, async () => {
      const disk = openVolumes(sandbox.path, overrides);
      const [mount] = await disk.prepare(taskWith({ scratch: { emptyDir: {} } }), none, signal);
      expect(mount).to.deep.equal({
        kind: 'volume',
        name: 'gantry.emptydir.uid-web.scratch',
        target: '/scratch',
        readOnly: false,
      });
      const ours = { 'gantry.dev/cluster': 'cluster' };
      expect(await overrides.runtime.volumes(ours, signal)).to.have.length(1);
      await disk.release(UID, signal);
      expect(await overrides.runtime.volumes(ours, signal)).to.have.length(0);
      await disk.prepare(taskWith({ scratch: { emptyDir: {} } }), none, signal);
      const again = openVolumes(sandbox.path, overrides);
      await again.sweep(new Set(), signal);
      await again.sweep(new Set(), signal);
      expect(await overrides.runtime.volumes(ours, signal)).to.have.length(0);
    });
  }

  for (const [title, volume] of [
    ['an emptyDir of medium Memory', { emptyDir: { medium: 'Memory' } }],
    ['a volume of a ConfigMap', { configMap: { name: 'c' } }],
    ['a volume of a Secret', { secret: { secretName: 's' } }],
    ['a hostPath', { hostPath: { path: '/etc' } }],
  ] as const) {
    it(`an engine elsewhere: ${title} is refused, and said what it needs`, async () => {
      const disk = openVolumes(sandbox.path, { runtime: elsewhere });
      const error = await refusal(disk.prepare(taskWith({ config: volume }), files, signal));
      expect(error.reason).to.equal('InvalidSpec');
      expect(error.message).to.include(`${title} needs an engine on the same Linux machine as its Gantry`);
    });
  }

  it('no root: what must be mounted is refused, and said what it needs', async () => {
    const disk = openVolumes(sandbox.path, { userId: 12_345 });
    for (const task of [
      taskWith({ fast: { emptyDir: { medium: 'Memory' } } }),
      taskWith({ config: { configMap: { name: 'c' } } }, [{ name: 'config', mountPath: '/x', subPath: 'a' }]),
    ]) {
      const error = await refusal(disk.prepare(task, files, signal));
      expect(error.reason).to.equal('InvalidSpec');
      expect(error.message).to.include('needs a Gantry that runs as root');
    }
  });

  it('no root: a Secret is in a file system in memory that is there already, or nowhere', async () => {
    const userId = process.getuid?.() ?? 0;
    if (userId === 0) return;
    const task = taskWith({ keys: { secret: { secretName: 's' } } });
    const disk = openVolumes(sandbox.path, { userId, memoryCandidates: [sandbox.path, '/dev/shm'] });
    const source = sourceAt(await disk.prepare(task, files, signal), '/keys');
    expect(source.startsWith('/dev/shm/')).to.equal(true);
    await disk.release(UID, signal);
    expect(existsSync(source)).to.equal(false);
  });

  it('no root and no memory: a Secret is refused', async () => {
    const task = taskWith({ keys: { secret: { secretName: 's' } } });
    const disk = openVolumes(sandbox.path, { userId: 12_345, memoryCandidates: [sandbox.path] });
    const error = await refusal(disk.prepare(task, files, signal));
    expect(error.reason).to.equal('InvalidSpec');
    expect(error.message).to.include('no file system in memory was found at').and.include('XDG_RUNTIME_DIR');
  });
});

describe('Mounts of the machine', () => {
  it('are read with blanks in their paths', () => {
    const text =
      '43 27 0:39 / /tmp/a\\040b rw,nosuid - tmpfs gantry rw,size=1024k\n36 35 98:0 /m1 /m2 rw master:1 - ext3 /dev/root rw\n';
    expect(mountPoints(text)).to.deep.equal([
      { path: '/tmp/a b', type: 'tmpfs', options: 'rw,size=1024k' },
      { path: '/m2', type: 'ext3', options: 'rw' },
    ]);
  });
});
