/**
 * kill -9 in the middle of writing, again and again on the same directory: every acknowledged write must be there
 * afterwards, whole commits only. (The page cache survives a killed process; that an acknowledgement waits for the
 * disk is fsync.test.ts's to show.)
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { FakeClock } from '../../machinery/fakeclock.ts';
import { seededRandom } from '../../machinery/random.ts';
import { KeyRing } from '../../store/encryption.ts';
import { openStore } from '../../store/open.ts';
import { checkSqliteStore } from '../../store/sqlite/check.ts';
import type { Store } from '../../store/store.ts';
import { newDirectory, removeDirectories, text, Watcher } from './builders.ts';

const ROUNDS = process.env['GANTRY_TEST_LONG'] === '1' ? 200 : 20;
const SEED = Number(process.env['GANTRY_CRASH_SEED'] ?? '1');
const LONGEST_LIFE_MS = 120;

interface Acknowledged {
  readonly key: string;
  readonly revision: number;
  readonly count: number;
}

/** Runs one writer process until it is killed after `lifeMs` of writing; what it had printed by then. */
async function runAndKill(
  directory: string,
  round: number,
  lifeMs: number,
  keyText: string | undefined,
): Promise<Acknowledged[]> {
  const script = fileURLToPath(new URL('./crash-writer.ts', import.meta.url));
  const child = spawn(
    process.execPath,
    [script, directory, String(round), ...(keyText === undefined ? [] : [keyText])],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += String(chunk);
  });
  const ended = once(child, 'close');
  await new Promise<void>((resolve) => {
    child.stdout.on('data', (chunk) => {
      // Random moments count from the first write on, not from the start of the process.
      if (output === '') setTimeout(resolve, lifeMs);
      output += String(chunk);
    });
    child.on('exit', () => resolve());
  });
  child.kill('SIGKILL');
  await ended;
  expect(errors, 'what the writer complained of').to.equal('');
  expect(child.signalCode).to.equal('SIGKILL');
  // A last line without its end was cut by the kill.
  const lines = output.slice(0, output.lastIndexOf('\n')).split('\n');
  return lines
    .map((line) => line.split(' '))
    .filter(([key]) => key !== 'ready')
    .map(([key = '', revision, count]) => ({ key, revision: Number(revision), count: Number(count) }));
}

/** @param isRewritten values are encrypted anew by later starts, so that they have later revisions. */
async function checkWhole(
  store: Store,
  acknowledged: readonly Acknowledged[],
  isRewritten: boolean,
): Promise<void> {
  for (const { key, revision, count } of acknowledged) {
    const [left, right] = [await store.get(`${key}/left`), await store.get(`${key}/right`)];
    const found = Number(text(left?.value));
    expect(found, `${key}, acknowledged as ${count} at revision ${revision}`).to.be.at.least(count);
    expect(text(right?.value), `${key}: half a commit`).to.equal(String(found));
    if (found === count && !isRewritten) expect(right?.modRevision, key).to.equal(revision);
    expect(right?.modRevision, key).to.be.at.least(revision);
    const past = await store.range(key, { revision });
    expect(past.items.map(({ value }) => text(value))).to.deep.equal([String(count), String(count)]);
  }
}

/** The key file of a round: every third has a new key on top, so that starts are killed while they write values anew. */
function keyFileOf(round: number): string {
  const newest = Math.floor(round / 3);
  return Array.from({ length: newest + 1 }, (_, age) =>
    Buffer.alloc(32, `key ${newest - age} `).toString('base64'),
  ).join('\n');
}

/** Writes and kills for some rounds on one directory; how many writes were acknowledged in all of them. */
async function killAgainAndAgain(seed: number, rounds: number, isEncrypted: boolean): Promise<number> {
  const random = seededRandom(seed);
  const directory = newDirectory();
  const newest = new Map<string, Acknowledged>();
  let total = 0;
  for (let round = 0; round < rounds; round++) {
    const keyText = isEncrypted ? keyFileOf(round) : undefined;
    const acknowledged = await runAndKill(directory, round, random.next() * LONGEST_LIFE_MS, keyText);
    total += acknowledged.length;
    const encryption =
      keyText === undefined ? {} : { encryption: { keys: KeyRing.parse(keyText), prefixes: ['/round/'] } };
    const store = await openStore(`sqlite:${directory}`, { clock: new FakeClock(), ...encryption });
    for (const one of acknowledged) {
      newest.set(one.key, one);
      expect(store.revision()).to.be.at.least(one.revision);
    }
    await checkWhole(store, [...newest.values()], isEncrypted);
    if (round === rounds - 1) {
      const watcher = new Watcher(store, ['/'], 0);
      await watcher.reached(store.revision());
      await watcher.stop();
      const revisions = watcher.events.map(({ revision }) => revision);
      expect(revisions, 'no revision missing or twice').to.deep.equal(revisions.map((_, n) => n + 1));
    }
    await store.close();
    const { findings } = await checkSqliteStore(directory, {
      maxFindings: 5,
      signal: new AbortController().signal,
      ...encryption,
    });
    expect(findings, `round ${round}`).to.deep.equal([]);
  }
  return total;
}

describe('sqlite store under kill -9', function () {
  this.timeout(ROUNDS * 5000);
  after(removeDirectories);

  it(`keeps every acknowledged write, half of them encrypted under changing keys, in ${ROUNDS} rounds (GANTRY_CRASH_SEED=${SEED})`, async () => {
    const halves = [
      killAgainAndAgain(SEED, ROUNDS / 2, false),
      killAgainAndAgain(SEED + 1, ROUNDS / 2, true),
    ];
    for (const acknowledged of await Promise.all(halves)) {
      expect(acknowledged, 'acknowledged writes in all rounds').to.be.greaterThan(ROUNDS * 5);
    }
  });
});
