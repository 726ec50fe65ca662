/** The files of a ConfigMap or Secret volume: what is shown, and that a reader never sees some of the old and some of the new. */
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect } from 'chai';
import { project, projectionProblem } from '../../../agent/volumes/projection.ts';
import type { VolumeFile } from '../../../controllers/task/services.ts';
import { seededRandom } from '../../../machinery/random.ts';
import { file } from './rig.ts';

const options = { nowMs: Date.UTC(2026, 0, 2, 3, 4, 5) };

describe('Files of a volume', () => {
  let directory = '';

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'gantry-projection-'));
  });

  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const shown = (): string[] =>
    readdirSync(directory)
      .filter((name) => !name.startsWith('..'))
      .toSorted();
  const sets = (): string[] => readdirSync(directory).filter((name) => /^\.\.\d/.test(name));
  const read = (path: string): string => readFileSync(join(directory, path), 'utf8');

  it('are links through ..data to a directory that is named after the time, as Kubernetes lays them', async () => {
    await project(directory, [file('a', '1'), file('sub/b', '2')], options);
    expect(shown()).to.deep.equal(['a', 'sub']);
    expect(readlinkSync(join(directory, 'a'))).to.equal('..data/a');
    expect(readlinkSync(join(directory, 'sub'))).to.equal('..data/sub');
    expect(readlinkSync(join(directory, '..data'))).to.match(/^\.\.2026_01_02_03_04_05\./);
    expect([read('a'), read('sub/b')]).to.deep.equal(['1', '2']);
  });

  it('have the permissions they are given, whatever the umask says', async () => {
    const before = process.umask(0o077);
    try {
      await project(
        directory,
        [file('a', '1', 0o444), file('b', '2', 0o640), file('s/c', '3', 0o777)],
        options,
      );
    } finally {
      process.umask(before);
    }
    const modes = ['a', 'b', 's/c', 's', '..data/.'].map(
      (path) => statSync(join(directory, path)).mode & 0o777,
    );
    expect(modes).to.deep.equal([0o444, 0o640, 0o777, 0o755, 0o755]);
  });

  it('are not written again when nothing has changed', async () => {
    expect(await project(directory, [file('a', '1')], options)).to.equal(true);
    const before = lstatSync(join(directory, '..data'));
    expect(await project(directory, [file('a', '1')], options)).to.equal(false);
    expect(lstatSync(join(directory, '..data')).ino).to.equal(before.ino);
  });

  it('follow bytes, permissions, new keys and removed keys, and leave nothing old behind', async () => {
    await project(directory, [file('a', '1'), file('gone', '1'), file('dir/x', '1')], options);
    await project(directory, [file('a', '2'), file('new', '2'), file('dir/y', '2')], options);
    expect(shown()).to.deep.equal(['a', 'dir', 'new']);
    expect([read('a'), read('new'), read('dir/y')]).to.deep.equal(['2', '2', '2']);
    expect(readdirSync(join(directory, 'dir'))).to.deep.equal(['y']);
    expect(await project(directory, [file('a', '2', 0o600)], options)).to.equal(true);
    expect(statSync(join(directory, 'a')).mode & 0o777).to.equal(0o600);
    expect(sets()).to.have.length(1);
  });

  it('may be none', async () => {
    await project(directory, [file('a', '1')], options);
    await project(directory, [], options);
    expect(shown()).to.deep.equal([]);
  });

  it('may be bytes that are not text', async () => {
    const data = Buffer.from([0, 255, 128, 10]);
    await project(directory, [{ path: 'a', data, mode: 0o644 }], options);
    expect(readFileSync(join(directory, 'a')).equals(data)).to.equal(true);
  });

  it('are put right after somebody, or a crash, has left things half done', async () => {
    await project(directory, [file('a', '1')], options);
    mkdirSync(join(directory, '..2026_01_01_00_00_00.half'));
    writeFileSync(join(directory, '..2026_01_01_00_00_00.half', 'a'), 'half');
    symlinkSync('nowhere', join(directory, '..data_tmp'));
    writeFileSync(join(directory, 'stray'), '');
    await project(directory, [file('a', '2')], options);
    expect(readdirSync(directory)).to.have.length(3);
    expect(read('a')).to.equal('2');
    rmSync(join(directory, '..data'));
    await project(directory, [file('a', '2')], options);
    expect(read('a')).to.equal('2');
    writeFileSync(join(directory, readlinkSync(join(directory, '..data')), 'a'), 'changed by hand');
    await project(directory, [file('a', '2')], options);
    expect(read('a')).to.equal('2');
  });

  for (const [title, paths, wanted] of [
    ['leads up', ['a/../b'], `must be relative and without '..'`],
    ['is absolute', ['/etc/passwd'], `must be relative and without '..'`],
    ['looks like one of ours', ['..data/a'], `must be relative and without '..'|must not start with '..'`],
    ['starts with two dots', ['..a'], `must not start with '..'`],
    ['is empty', [''], 'is not a path of a file'],
    ['is there twice', ['a', 'a'], 'two keys are to be the file "a"'],
    ['is a directory for another', ['a', 'a/b/c'], 'is to be a file and the directory of'],
  ] as const) {
    it(`a path that ${title} is refused`, () => {
      expect(projectionProblem(paths.map((path) => file(path, '')))).to.match(new RegExp(wanted));
    });
  }

  it('are seen by a concurrent reader all old or all new, never some of each (law)', async function () {
    this.timeout(60_000);
    const seed = Number(process.env['GANTRY_VOLUMES_SEED'] ?? Date.now() % 1_000_000);
    const random = seededRandom(seed);
    const replay = `GANTRY_VOLUMES_SEED=${seed} mocha --exit test/agent/volumes/projection.test.ts`;
    const setOf = (version: number): VolumeFile[] => {
      const files: VolumeFile[] = [];
      const count = 1 + Math.floor(random.next() * 12);
      for (let index = 0; index < count; index++) {
        const path = index % 3 === 0 ? `dir${index}/key` : `key${index}`;
        const size = Math.floor(random.next() * 3) * 5_000 + 10;
        files.push(file(path, JSON.stringify({ version, count, padding: 'x'.repeat(size) })));
      }
      return files;
    };
    await project(directory, setOf(0), options);
    const reader = new Worker(READER, { eval: true, workerData: directory });
    let looks = 0;
    let seen = 0;
    let fault = '';
    const isDone = new Promise<void>((resolve, reject) => {
      reader.on('error', reject);
      reader.on('exit', () => resolve());
    });
    reader.on('message', (message: { looks: number; versions: number; fault: string }) => {
      looks = message.looks;
      seen = message.versions;
      fault ||= message.fault;
    });
    for (let version = 1; version <= 200; version++) {
      await project(directory, setOf(version), options);
    }
    reader.postMessage('stop');
    await isDone;
    expect(fault, replay).to.equal('');
    expect(seen, `versions seen in ${looks} looks; ${replay}`).to.be.greaterThan(5);
  });
});

/** Reads whole sets, and single files as their users do; in a thread of its own, so that it is there at every moment. */
const READER = `
const { parentPort, workerData: directory } = require('node:worker_threads');
const { readdirSync, readFileSync, readlinkSync } = require('node:fs');
const { join } = require('node:path');
let looks = 0;
const versions = new Set();
let fault = '';
let isOver = false;
parentPort.on('message', () => { isOver = true; });
function look() {
  const set = join(directory, readlinkSync(join(directory, '..data')));
  const found = readdirSync(set, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => JSON.parse(readFileSync(join(entry.parentPath, entry.name), 'utf8')));
  // The set it looked at may have been taken away during the look: then some of it is missing, and it looks again.
  if (set !== join(directory, readlinkSync(join(directory, '..data')))) return;
  const kinds = new Set(found.map(({ version }) => version));
  if (kinds.size !== 1) fault = 'a mixture of versions ' + [...kinds];
  if (found.length !== found[0].count) fault = 'of ' + found[0].count + ' files ' + found.length + ' were there';
  versions.add(found[0].version);
  JSON.parse(readFileSync(join(directory, 'dir0', 'key'), 'utf8'));
}
function turn() {
  for (let i = 0; i < 20; i++) {
    looks++;
    try { look(); } catch (error) {
      if (error.code !== 'ENOENT') fault = String(error);
    }
  }
  parentPort.postMessage({ looks, versions: versions.size, fault });
  if (isOver || fault !== '') parentPort.close();
  else setImmediate(turn);
}
turn();
`;
