/** Paths inside volumes that containers write to: found inside, or not at all. */
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect } from 'chai';
import { OutsideError, openBeneath, pathOfHandle } from '../../../agent/volumes/beneath.ts';
import { removeTree } from '../../../agent/volumes/removal.ts';
import { signal } from './rig.ts';

const nothing = { make: 'nothing', owner: 0 } as const;

describe('Paths in volumes', () => {
  let base = '';
  let root = '';

  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'gantry-beneath-'));
    root = join(base, 'volume');
    mkdirSync(join(root, 'a', 'b'), { recursive: true });
    mkdirSync(join(base, 'secret'));
    writeFileSync(join(base, 'secret', 'key'), 'of the host');
    writeFileSync(join(root, 'a', 'b', 'c'), 'inside');
  });

  afterEach(() => rmSync(base, { recursive: true, force: true }));

  const find = async (
    path: string,
    options: Parameters<typeof openBeneath>[2] = nothing,
  ): Promise<string> => {
    const handle = await openBeneath(root, path, options);
    try {
      return readlinkSync(pathOfHandle(handle));
    } finally {
      await handle.close();
    }
  };
  const refusal = async (path: string): Promise<unknown> => {
    try {
      return `found ${await find(path)}`;
    } catch (error) {
      return error;
    }
  };

  it('lead to files and directories', async () => {
    expect(await find('a/b/c')).to.equal(join(root, 'a/b/c'));
    expect(await find('a/./b/')).to.equal(join(root, 'a/b'));
  });

  it('follow links that stay inside', async () => {
    symlinkSync('a/b', join(root, 'short'));
    symlinkSync('../../a', join(root, 'a', 'b', 'up'));
    expect(await find('short/c')).to.equal(join(root, 'a/b/c'));
    expect(await find('a/b/up/b/c')).to.equal(join(root, 'a/b/c'));
  });

  for (const [title, target] of [
    ['an absolute link', '/etc'],
    ['a link that goes up', '../secret'],
    ['a link that goes up through a directory', 'a/../../secret'],
  ] as const) {
    it(`never lead out: ${title}`, async () => {
      symlinkSync(target, join(root, 'link'));
      expect(await refusal('link')).to.be.instanceOf(OutsideError);
      expect(await refusal('link/key')).to.be.instanceOf(OutsideError);
    });
  }

  it('never lead round in circles', async () => {
    symlinkSync('loop', join(root, 'loop'));
    expect(await refusal('loop')).to.be.instanceOf(OutsideError);
  });

  it('are made where they are missing, with the permissions of what they are made in', async () => {
    expect(await find('x/y', { make: 'directory', owner: 0 })).to.equal(join(root, 'x/y'));
    expect(statSync(join(root, 'x/y')).mode).to.equal(statSync(root).mode);
    expect(await find('a/file', { make: 'file', owner: 0 })).to.equal(join(root, 'a/file'));
    expect(readFileSync(join(root, 'a/file'), 'utf8')).to.equal('');
    expect(await refusal('nowhere/at/all')).to.have.property('code', 'ENOENT');
    symlinkSync('/etc/made-by-a-test', join(root, 'dangling'));
    expect(
      await find('dangling', { make: 'directory', owner: 0 }).catch((error: unknown) => error),
    ).to.be.instanceOf(OutsideError);
    expect(existsSync('/etc/made-by-a-test')).to.equal(false);
  });

  it('leave no handle open', async () => {
    const open = (): number => {
      const descriptor = openSync('/dev/null', 'r');
      closeSync(descriptor);
      return descriptor;
    };
    const before = open();
    symlinkSync('/etc', join(root, 'link'));
    for (let turn = 0; turn < 20; turn++) {
      await find('a/b/c');
      await refusal('link/passwd');
      await refusal('a/nothing');
    }
    expect(open()).to.equal(before);
  });

  it('never lead out while a directory is swapped for a link as fast as can be (law)', async function () {
    this.timeout(60_000);
    const swapper = swapping(root, 'a', base);
    let inside = 0;
    try {
      for (let turn = 0; turn < 2_000; turn++) {
        const found = await refusal('a/key');
        const direct = await refusal('a');
        for (const answer of [found, direct]) {
          if (typeof answer === 'string') expect(answer).to.match(new RegExp(`^found ${root}/`));
        }
        if (typeof direct === 'string') inside++;
      }
    } finally {
      await swapper.stop();
    }
    expect(inside).to.be.greaterThan(0);
  });

  it('a tree is removed without following links, and without leaving its directory', async () => {
    symlinkSync(join(base, 'secret'), join(root, 'a', 'link'));
    symlinkSync(join(base, 'secret', 'key'), join(root, 'file-link'));
    await removeTree(root, signal);
    expect(existsSync(root)).to.equal(false);
    expect(readFileSync(join(base, 'secret', 'key'), 'utf8')).to.equal('of the host');
    await removeTree(root, signal);
  });

  it('a link in the place of a tree is removed, and what it leads to stays', async () => {
    symlinkSync(join(base, 'secret'), join(base, 'link'));
    await removeTree(join(base, 'link'), signal);
    expect(existsSync(join(base, 'link'))).to.equal(false);
    expect(existsSync(join(base, 'secret', 'key'))).to.equal(true);
  });

  it('a tree that is deeper than paths can be is removed with few handles', async function () {
    this.timeout(60_000);
    // Deeper than a path may be long, and than there are handles: made from the inside out.
    let tree = mkdtempSync(join(base, 'deep-'));
    for (let depth = 0; depth < 3_000; depth++) {
      const outer = join(base, `deep.${depth % 2}`);
      mkdirSync(outer);
      renameSync(tree, join(outer, 'dir'));
      tree = outer;
      writeFileSync(join(outer, 'file'), '');
    }
    await removeTree(tree, signal);
    expect(existsSync(tree)).to.equal(false);
  });

  it('a removal is not led out by a directory that is swapped for a link as fast as can be (law)', async function () {
    this.timeout(60_000);
    const swapper = swapping(root, 'a', base);
    try {
      for (let turn = 0; turn < 200; turn++) {
        await removeTree(root, signal).catch(() => undefined);
        try {
          mkdirSync(join(root, 'a', 'b'), { recursive: true });
        } catch {
          // It was swapped on the way: the next turn removes what there is.
        }
        expect(readFileSync(join(base, 'secret', 'key'), 'utf8')).to.equal('of the host');
      }
    } finally {
      await swapper.stop();
    }
  });
});

/** A container that makes `name` a directory and a link to the host's secret, again and again, in a thread of its own. */
function swapping(root: string, name: string, base: string): { stop(): Promise<void> } {
  const worker = new Worker(
    `
const { parentPort, workerData: { root, name, base } } = require('node:worker_threads');
const { mkdirSync, renameSync, rmSync, symlinkSync } = require('node:fs');
const { join } = require('node:path');
let isOver = false;
parentPort.on('message', () => { isOver = true; });
function turn() {
  for (let i = 0; i < 50; i++) {
    try {
      mkdirSync(join(root, 'draft'), { recursive: true });
      symlinkSync(join(base, 'secret'), join(root, 'link'));
      rmSync(join(root, name), { recursive: true, force: true });
      renameSync(join(root, 'link'), join(root, name));
      rmSync(join(root, name));
      renameSync(join(root, 'draft'), join(root, name));
    } catch {
      try { rmSync(join(root, 'link'), { force: true }); } catch {}
    }
  }
  if (isOver) parentPort.close();
  else setImmediate(turn);
}
turn();
`,
    { eval: true, workerData: { root, name, base } },
  );
  return {
    async stop() {
      const ended = new Promise((resolve) => worker.once('exit', resolve));
      worker.postMessage('stop');
      await ended;
    },
  };
}
