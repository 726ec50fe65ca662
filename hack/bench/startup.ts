/** How soon a server is ready on a store that already holds a lot, and what it then weighs. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../machinery/clock.ts';
import { openStore } from '../../store/open.ts';
import { eventually, freePort } from '../../test/walk/process.ts';
import type { Row } from './main.ts';

const OBJECTS = 100_000;
const DATA_BYTES = 1_700;
const BATCH = 1_000;
const STARTS = 3;
const root = join(import.meta.dirname, '..', '..');

/** @param home an empty directory. */
export async function benchStartup(home: string): Promise<readonly Row[]> {
  const emptyMs = await measureStart(home);
  await fillStore(join(home, 'store'));
  const starts: { readonly readyMs: number; readonly residentBytes: number }[] = [];
  for (let round = 0; round < STARTS; round++) starts.push(await measureStart(home));
  starts.sort((a, b) => a.readyMs - b.readyMs);
  const middle = starts[STARTS >> 1] ?? { readyMs: 0, residentBytes: 0 };
  return [
    {
      name: `gantry server: start -> ready with ${OBJECTS} ConfigMaps of 2 KB`,
      value: middle.readyMs,
      unit: 'ms',
      baseline: emptyMs.readyMs,
      wanted: 'under 3000',
    },
    { name: 'the same: resident memory', value: middle.residentBytes / 2 ** 20, unit: 'MiB' },
  ];
}

async function measureStart(
  home: string,
): Promise<{ readonly readyMs: number; readonly residentBytes: number }> {
  const managerPort = await freePort();
  const words = [
    '--home',
    home,
    '--api-port',
    '0',
    '--grpc-port',
    '0',
    '--secure-port',
    '0',
    '--dev',
    '--manager-port',
    String(managerPort),
    '--log-level',
    'warn',
  ];
  const startMs = performance.now();
  const child = spawn(process.execPath, [join(root, 'cli', 'main.ts'), 'server', ...words], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  try {
    await eventually('a server that is ready', () => isReady(child, managerPort));
    const readyMs = performance.now() - startMs;
    const resident = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
    return { readyMs, residentBytes: Number(resident) * 1024 };
  } finally {
    child.kill();
    if (child.exitCode === null) await once(child, 'exit');
  }
}

async function isReady(child: ChildProcess, port: number): Promise<true | undefined> {
  if (child.exitCode !== null) throw new Error(`the server ended with code ${child.exitCode}`);
  try {
    return (await fetch(`http://127.0.0.1:${port}/readyz`)).ok || undefined;
  } catch {
    return undefined;
  }
}

async function fillStore(directory: string): Promise<void> {
  const store = await openStore(`sqlite:${directory}`, { clock: systemClock });
  const data = { text: 'x'.repeat(DATA_BYTES) };
  for (let first = 0; first < OBJECTS; first += BATCH) {
    await Promise.all(
      Array.from({ length: BATCH }, (_, at) => {
        const name = `filler-${String(first + at).padStart(6, '0')}`;
        const metadata = {
          name,
          namespace: 'default',
          uid: crypto.randomUUID(),
          creationTimestamp: '2026-01-01T00:00:00Z',
        };
        const value = Buffer.from(JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data }));
        const key = `/registry/core/configmaps/default/${name}`;
        return store.commit([{ kind: 'put', key, value, precondition: { kind: 'absent' } }]);
      }),
    );
  }
  await store.close();
}
