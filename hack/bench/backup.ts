/**
 * How long a backup and a restore of 100,000 objects of 2 KB take, and what memory they need: the commands themselves,
 * as processes, beside `cp` and fsync of as many bytes. The baseline of the memory is the command that does nothing.
 */
import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../machinery/clock.ts';
import { openStore } from '../../store/open.ts';
import type { Write } from '../../store/store.ts';
import { EtcdCluster, hasEtcd } from '../../test/store/etcd/cluster.ts';
import type { Row } from './main.ts';

const OBJECTS = 100_000;
const ENTRIES = 29;
const BATCH = 100;
const AT_ONCE = 20;
const LOOK_MS = 10;
const main = join(import.meta.dirname, '..', '..', 'cli', 'main.ts');

interface Ran {
  readonly seconds: number;
  readonly peakBytes: number;
}

export async function benchBackup(): Promise<readonly Row[]> {
  const home = mkdtempSync(join(tmpdir(), 'gantry-bench-backup-'));
  const etcd = hasEtcd ? await EtcdCluster.start() : undefined;
  try {
    const bytes = await fillStore(`sqlite:${join(home, 'store')}`);
    const file = join(home, 'one.backup');
    const idle = await run(['version', '--client']);
    const bare = writeBare(join(home, 'bare'), bytes);
    const backup = await run(['backup', file, '--home', home, '--store', `sqlite:${join(home, 'store')}`]);
    const restore = await run(['restore', file, '--home', home, '--store', `sqlite:${join(home, 'again')}`]);
    const rows = [
      ...rowsOf('backup of an embedded store', backup, idle, bare),
      { name: 'its file, of the bytes stored', value: (100 * statSync(file).size) / bytes, unit: '%' },
      ...rowsOf('restore into an embedded store', restore, idle, bare),
    ];
    if (etcd === undefined) return rows;
    const url = `${etcd.url}/bench`;
    rows.push(
      ...rowsOf(
        'restore into etcd',
        await run(['restore', file, '--home', home, '--store', url]),
        idle,
        bare,
      ),
    );
    rows.push(
      ...rowsOf(
        'backup of a store on etcd',
        await run(['backup', file, '--home', home, '--store', url]),
        idle,
        bare,
      ),
    );
    return rows;
  } finally {
    await etcd?.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

function rowsOf(name: string, { seconds, peakBytes }: Ran, idle: Ran, bareSeconds: number): Row[] {
  const mebibytes = (value: number): number => value / 2 ** 20;
  return [
    { name: `${name}: ${OBJECTS} objects of 2 KB`, value: seconds, unit: 's', baseline: bareSeconds },
    {
      name: '  its peak memory',
      value: mebibytes(peakBytes),
      unit: 'MiB',
      baseline: mebibytes(idle.peakBytes),
    },
  ];
}

/** Objects as a cluster has them: half words that come again and again, half what never does. The bytes of all. */
async function fillStore(url: string): Promise<number> {
  const store = await openStore(url, { clock: systemClock });
  let bytes = 0;
  const commit = (first: number): Promise<unknown> => {
    const writes = Array.from({ length: BATCH }, (_, at): Write => {
      const value = newObject(first + at);
      bytes += value.length;
      const key = `/registry/core/configmaps/default/c${first + at}`;
      return { kind: 'put', key, value, precondition: { kind: 'absent' } };
    });
    return store.commit(writes);
  };
  for (let first = 0; first < OBJECTS; first += BATCH * AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => commit(first + at * BATCH)));
  }
  await store.close();
  return bytes;
}

function newObject(at: number): Buffer {
  const metadata = {
    name: `c${at}`,
    namespace: 'default',
    uid: randomUUID(),
    creationTimestamp: new Date(systemClock.now()),
  };
  const data = Object.fromEntries(
    Array.from({ length: ENTRIES }, (_, entry) => [
      `environment-variable-${entry}`,
      randomBytes(24).toString('base64'),
    ]),
  );
  return Buffer.from(JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data }));
}

/** Seconds for as many bytes, written and flushed. */
function writeBare(path: string, bytes: number): number {
  const block = randomBytes(2 ** 20);
  const startMs = performance.now();
  const file = openSync(path, 'w');
  for (let done = 0; done < bytes; done += block.length) writeSync(file, block);
  fsyncSync(file);
  closeSync(file);
  return (performance.now() - startMs) / 1000;
}

async function run(words: readonly string[]): Promise<Ran> {
  const startMs = performance.now();
  const child = spawn(process.execPath, [main, ...words], { stdio: ['ignore', 'ignore', 'inherit'] });
  let peakBytes = 0;
  const timer = setInterval(() => {
    peakBytes = Math.max(peakBytes, peakOf(child.pid ?? 0));
  }, LOOK_MS);
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
  clearInterval(timer);
  if (code !== 0) throw new Error(`gantry ${words.join(' ')} ended with ${code}`);
  return { seconds: (performance.now() - startMs) / 1000, peakBytes };
}

function peakOf(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    // It ended between two looks.
    return 0;
  }
}
