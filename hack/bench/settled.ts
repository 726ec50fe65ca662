/** What Gantry costs when nothing happens: many settled Tasks on one engine. `GANTRY_BENCH_MINUTES` (default 2) of looking. */
import { readFileSync } from 'node:fs';
import { newHttpClient } from '../../client/http.ts';
import { loadKubeconfig } from '../../client/kubeconfig.ts';
import { tasks } from '../../schemas/kinds.ts';
import type { Task } from '../../schemas/types.gen.ts';
import { GantryProcess } from '../../test/walk/process.ts';
import type { Row } from './main.ts';
import { isReady, Sightings } from './sightings.ts';

const TASKS = 300;
/** Clock ticks a second of /proc/<pid>/stat, on every Linux. */
const TICKS = 100;
const SETTLE_MS = 20_000;

export async function benchSettled(): Promise<readonly Row[]> {
  const minutes = Number(process.env['GANTRY_BENCH_MINUTES'] ?? 2);
  const gantry = await GantryProcess.open({ env: { GANTRY_LOG_LEVEL: 'warn' } });
  const abort = new AbortController();
  try {
    const client = newHttpClient(
      await loadKubeconfig({ path: gantry.kubeconfig, defaults: [], directory: gantry.home }),
    );
    const sightings = new Sightings();
    const following = sightings.follow(client, abort.signal);
    const begin = performance.now();
    await Promise.all(
      Array.from({ length: TASKS }, async (_, at) => {
        const ready = sightings.next(`t-${at}`, isReady);
        await client.create(tasks, manifest(`t-${at}`));
        await ready;
      }),
    );
    const perSecond = TASKS / ((performance.now() - begin) / 1000);
    abort.abort();
    await following;
    await pause(SETTLE_MS);
    const plain = await watched(gantry.pid, minutes);
    for (let at = 0; at < TASKS; at++) {
      const task = await client.get(tasks, { namespace: 'default', name: `t-${at}` });
      const readinessProbe = { tcpSocket: { port: 8080 }, periodSeconds: 10 };
      await client.update(tasks, { ...task, spec: { ...task.spec, readinessProbe } });
    }
    await pause(SETTLE_MS);
    const probed = await watched(gantry.pid, minutes);
    return [
      { name: `${TASKS} Tasks at once until all are Ready`, value: perSecond, unit: 'containers/s' },
      {
        name: `${TASKS} settled Tasks, ${minutes} min: processor`,
        value: plain.cpuShare * 100,
        unit: '% of a core',
        wanted: 'under 3',
      },
      { name: 'the same: resident memory at the end', value: plain.rssMebibytes, unit: 'MiB' },
      {
        name: 'the same: growth',
        value: plain.growthMebibytes,
        unit: 'MiB',
        wanted: 'none over 10 minutes',
      },
      {
        name: 'each probed over TCP every 10 s: processor',
        value: probed.cpuShare * 100,
        unit: '% of a core',
      },
      { name: 'the same: growth', value: probed.growthMebibytes, unit: 'MiB' },
    ];
  } finally {
    abort.abort();
    await gantry.dispose();
  }
}

function manifest(name: string): Task {
  return {
    apiVersion: 'gantry.dev/v1',
    kind: 'Task',
    metadata: { name, namespace: 'default' },
    spec: { image: 'gantry/hello:1', terminationGracePeriodSeconds: 0 },
  };
}

interface Cost {
  readonly cpuShare: number;
  readonly rssMebibytes: number;
  /** From the mean of the first quarter to the mean of the last. */
  readonly growthMebibytes: number;
}

async function watched(pid: number, minutes: number): Promise<Cost> {
  const looks = 24;
  const stepMs = (minutes * 60_000) / looks;
  const cpuBefore = cpuSeconds(pid);
  const begin = performance.now();
  const sizes: number[] = [];
  for (let look = 0; look < looks; look++) {
    await pause(stepMs);
    sizes.push(rssMebibytes(pid));
  }
  const quarter = looks / 4;
  return {
    cpuShare: (cpuSeconds(pid) - cpuBefore) / ((performance.now() - begin) / 1000),
    rssMebibytes: sizes.at(-1) ?? Number.NaN,
    growthMebibytes: mean(sizes.slice(-quarter)) - mean(sizes.slice(0, quarter)),
  };
}

function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The command's name, in parentheses, may hold anything; user and system time are the 12th and 13th after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

function rssMebibytes(pid: number): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kibibytes) / 1024;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
