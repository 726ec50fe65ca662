/**
 * kill -9 in the middle of a backup and of a restore, at many moments: nothing half-done is taken for whole, and the
 * next run succeeds.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { messageOf } from '../../../machinery/errors.ts';
import { FakeClock } from '../../../machinery/fakeclock.ts';
import { seededRandom } from '../../../machinery/random.ts';
import { openStore } from '../../../store/open.ts';
import { mustCommit, newDirectory, put, rejection, removeDirectories } from '../builders.ts';
import { contentOf, openEngine, verify } from './rig.ts';

const LONG = process.env['GANTRY_TEST_LONG'] === '1';
const ROUNDS = LONG ? 60 : 5;
const SEED = Number(process.env['GANTRY_KILL_SEED'] ?? '1');
const KEYS = 4_000;
const hack = join(import.meta.dirname, '..', '..', '..', 'hack', 'gantry');

interface Ended {
  readonly code: number | null;
  readonly output: string;
}

/** Runs a command; with `killWhen` it is killed so long after that path appeared, unless it ended before. */
async function run(
  words: readonly string[],
  killWhen?: { readonly path: string; readonly afterMs: number },
): Promise<Ended> {
  // In a group of its own: hack/gantry is a shell that becomes the process, or has it as a child.
  const child = spawn(hack, [...words], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  const ended = once(child, 'close');
  if (killWhen !== undefined) {
    while (child.exitCode === null && !existsSync(killWhen.path))
      await new Promise((go) => setTimeout(go, 1));
    await new Promise((go) => setTimeout(go, killWhen.afterMs));
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }
  await ended;
  return { code: child.exitCode, output };
}

describe('backup and restore under kill -9', function () {
  this.timeout(ROUNDS * 20_000);
  let home: string;
  let source: string;
  let wanted: { key: string; value: string }[];
  let whole: string;

  before(async () => {
    home = newDirectory();
    source = join(home, 'source');
    const store = await openEngine('sqlite', { directory: source });
    const random = seededRandom(SEED);
    const noise = Array.from({ length: 2_000 }, () => Math.floor(random.next() * 36).toString(36)).join('');
    for (let at = 0; at < KEYS; at += 50) {
      const writes = Array.from({ length: 50 }, (_, n) =>
        put(`/registry/test/things/${at + n}`, noise.slice(n) + noise.slice(0, n)),
      );
      await mustCommit(store, ...writes);
    }
    wanted = await contentOf(store);
    await store.close();
    whole = join(home, 'whole.backup');
    const made = await run(['backup', whole, '--store', `sqlite:${source}`, '--home', home]);
    expect(made.code, made.output).to.equal(0);
  });
  after(removeDirectories);

  it(`never leaves a backup that is not whole (${ROUNDS} rounds, GANTRY_KILL_SEED=${SEED})`, async () => {
    const random = seededRandom(SEED);
    let killed = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const path = join(newDirectory(), 'cluster.backup');
      const words = ['backup', path, '--store', `sqlite:${source}`, '--home', home];
      const { code } = await run(words, { path: `${path}.partial`, afterMs: random.next() * 150 });
      if (code === null) killed++;
      if (existsSync(path)) expect((await verify(path)).trailer.keys).to.equal(KEYS);
      else {
        expect(code).to.equal(null);
        // Killed on its way, or with all of it written and its name not yet given.
        const found = await verify(`${path}.partial`).catch((error: unknown) => messageOf(error));
        if (typeof found === 'string') expect(found).to.include(`${path}.partial`);
        else expect(found.trailer.keys).to.equal(KEYS);
        const again = await run(words);
        expect(again.code, again.output).to.equal(0);
        expect((await verify(path)).trailer.keys).to.equal(KEYS);
        expect(existsSync(`${path}.partial`)).to.equal(false);
      }
    }
    expect(killed, 'rounds in which it was killed in the middle').to.be.greaterThan(0);
  });

  it(`never leaves a store that is not whole (${ROUNDS} rounds, GANTRY_KILL_SEED=${SEED})`, async () => {
    const random = seededRandom(SEED + 1);
    let killed = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const directory = join(newDirectory(), 'store');
      const words = ['restore', whole, '--store', `sqlite:${directory}`, '--home', home];
      await run(words, { path: `${directory}.restoring`, afterMs: random.next() * 500 });
      if (!existsSync(directory)) {
        killed++;
        const error = await rejection(openStore(`sqlite:${directory}`, { clock: new FakeClock() }));
        expect(error.message).to.include(`a restore into ${directory} has not ended`);
        expect(existsSync(directory), 'nothing is begun in its place').to.equal(false);
        const again = await run(words);
        expect(again.code, again.output).to.equal(0);
      }
      expect(existsSync(`${directory}.restoring`)).to.equal(false);
      const store = await openEngine('sqlite', { directory });
      expect(await contentOf(store)).to.deep.equal(wanted);
      await store.close();
    }
    expect(killed, 'rounds in which it was killed in the middle').to.be.greaterThan(0);
  });

  it('a second restore beside a running one is refused', async () => {
    const directory = join(newDirectory(), 'store');
    const { openRestoreTarget } = await import('../../../store/backup/target.ts');
    const newCluster = { clusterId: 'one', afterRevision: 7 };
    const target = await openRestoreTarget(`sqlite:${directory}`, { clock: new FakeClock(), newCluster });
    const second = await run(['restore', whole, '--store', `sqlite:${directory}`, '--home', home]);
    expect(second.code).to.equal(1);
    expect(second.output).to.include(`in use by process ${process.pid}`);
    await target.abandon();
    expect(existsSync(`${directory}.restoring`)).to.equal(false);
  });
});
