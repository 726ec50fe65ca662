/** The process itself: how soon it is ready, and what it costs while nothing happens. */
import { readFileSync } from 'node:fs';
import { GantryProcess } from '../../test/walk/process.ts';
import type { Row } from './main.ts';
import { median } from './walk.ts';

const STARTS = 5;
const IDLE_SETTLE_MS = 5_000;
const IDLE_MS = 20_000;

/** CPU seconds used so far, and resident bytes. Linux only. */
function usage(pid: number): { readonly cpuSeconds: number; readonly residentBytes: number } {
  // The second field may hold spaces; everything after its closing parenthesis is numeric. Ticks are 1/100 s on Linux.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const resident = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100,
    residentBytes: Number(resident) * 1024,
  };
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function benchProcess(): Promise<readonly Row[]> {
  const gantry = await GantryProcess.open({ env: { GANTRY_LOG_LEVEL: 'warn' } });
  try {
    for (let at = 0; at < 10; at++) {
      const task = {
        apiVersion: 'gantry.dev/v1',
        kind: 'Task',
        metadata: { name: `idle-${at}` },
        spec: { image: 'gantry/hello:1', terminationGracePeriodSeconds: 0 },
      };
      const created = await gantry.kubectl(['create', '-f', '-'], JSON.stringify(task));
      if (created.code !== 0) throw new Error(created.stderr);
    }
    const ready = await gantry.kubectl(['wait', 'tasks', '--all', '--for=condition=Ready', '--timeout=60s']);
    if (ready.code !== 0) throw new Error(ready.stderr);

    const startMs: number[] = [];
    for (let round = 0; round < STARTS; round++) {
      await gantry.stop('SIGTERM');
      const begin = performance.now();
      await gantry.start();
      startMs.push(performance.now() - begin);
    }

    await pause(IDLE_SETTLE_MS);
    const before = usage(gantry.pid);
    await pause(IDLE_MS);
    const after = usage(gantry.pid);
    const cpuPercent = ((after.cpuSeconds - before.cpuSeconds) / (IDLE_MS / 1000)) * 100;
    return [
      {
        name: 'start -> ready on existing data, median',
        value: median(startMs),
        unit: 'ms',
        wanted: 'under 2000',
      },
      { name: 'idle with 10 running Tasks: CPU', value: cpuPercent, unit: '% of a core', wanted: 'under 1' },
      {
        name: 'idle: resident memory',
        value: after.residentBytes / 2 ** 20,
        unit: 'MiB',
        wanted: 'under 150 MB',
      },
    ];
  } finally {
    await gantry.dispose();
  }
}
