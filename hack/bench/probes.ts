/**
 * What probing costs a worker: a thousand containers, each asked every ten seconds, as a share of one core. HTTP probes
 * go to a real server in a process of its own, beside bare node:http sending as many requests; TCP and exec probes go to
 * the fake engine, so that what is measured is the prober and not an engine.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { TaskProber } from '../../agent/probes/prober.ts';
import type { Probe } from '../../controllers/task/services.ts';
import { systemClock } from '../../machinery/clock.ts';
import { silentLog } from '../../machinery/log.ts';
import { newMetrics } from '../../machinery/metrics.ts';
import { seededRandom } from '../../machinery/random.ts';
import { FakeRuntime } from '../../runtime/fake/fake.ts';
import { newTask } from '../../test/builders.ts';
import type { Row } from './main.ts';

const CONTAINERS = 1_000;
const PERIOD_SECONDS = 10;
const SETTLE_MS = 2_000;
/** One period: every container once. */
const MEASURE_MS = 10_000;
const WANTED = 'under 10';

const SERVER = `
  const server = require('node:http').createServer((_, response) => response.end('ok'));
  server.listen(0, '127.0.0.1', () => process.send(server.address().port));
  process.once('disconnect', () => process.exit(0));
`;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What this process used meanwhile, as a share of one core in percent. */
async function share(work: (signal: AbortSignal) => void): Promise<number> {
  const stop = new AbortController();
  work(stop.signal);
  await pause(SETTLE_MS);
  const [before, beginMs] = [process.cpuUsage(), performance.now()];
  await pause(MEASURE_MS);
  const { user, system } = process.cpuUsage(before);
  const percent = (user + system) / 10 / (performance.now() - beginMs);
  stop.abort(new Error('measured'));
  await pause(100);
  return percent;
}

/** @returns successes asked of how many answers. */
async function probed(probe: Probe): Promise<{ readonly percent: number; readonly perSecond: number }> {
  const metrics = newMetrics();
  const runtime = new FakeRuntime({
    clock: systemClock,
    random: seededRandom(1),
    images: { busybox: { echoPorts: [7777] } },
    // A container of this address is the server of the bench.
    info: { isDialOnly: probe.httpGet === undefined },
  });
  const targets = await Promise.all(
    Array.from({ length: CONTAINERS }, async (_, at) => {
      const { signal } = new AbortController();
      const { id } = await runtime.create(
        {
          name: `c${at}`,
          image: 'busybox',
          labels: {},
          env: [],
          ports: [],
          resources: {},
          networkMode: 'none',
          privileged: false,
          readOnlyRootFilesystem: false,
          capabilities: { add: [], drop: [] },
        },
        signal,
      );
      await runtime.start(id, signal);
      return { at, id };
    }),
  );
  const percent = await share((signal) => {
    const prober = new TaskProber({
      runtime,
      clock: systemClock,
      random: seededRandom(2),
      log: silentLog,
      events: { record: ({ message }) => console.error(`  ${message}`) },
      metrics,
      version: 'bench',
      signal,
    });
    for (const { at, id } of targets) {
      prober.keep({
        taskKey: `default/t${at}`,
        task: newTask(`t${at}`, { livenessProbe: { ...probe, periodSeconds: PERIOD_SECONDS } }),
        containerId: id,
        startedAtMs: systemClock.now() - 60_000,
        ip: '127.0.0.1',
      });
    }
  });
  const { values } = (await metrics.getSingleMetric('prober_probe_total')?.get()) ?? { values: [] };
  const asked = values.reduce((sum, { value }) => sum + value, 0);
  return { percent, perSecond: asked / ((SETTLE_MS + MEASURE_MS) / 1000) };
}

function bare(port: number): Promise<number> {
  return share((signal) => {
    const ask = (): void => {
      get({ host: '127.0.0.1', port, agent: false }, (response) => void response.resume());
    };
    const timer = setInterval(ask, (PERIOD_SECONDS * 1000) / CONTAINERS);
    signal.addEventListener('abort', () => clearInterval(timer));
  });
}

async function startServer(): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const child = spawn(process.execPath, ['-e', SERVER], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const [port] = (await once(child, 'message')) as [number];
  return { child, port };
}

export async function benchProbes(): Promise<readonly Row[]> {
  const { child, port } = await startServer();
  try {
    const rows: Row[] = [];
    const baseline = await bare(port);
    const probes: Readonly<Record<string, Probe>> = {
      'HTTP, beside bare node:http': { httpGet: { port } },
      TCP: { tcpSocket: { port: 7777 } },
      exec: { exec: { command: ['exit', '0'] } },
    };
    for (const [name, probe] of Object.entries(probes)) {
      const { percent, perSecond } = await probed(probe);
      rows.push({
        name: `${CONTAINERS} containers every ${PERIOD_SECONDS} s, ${name}`,
        value: percent,
        unit: '% of a core',
        wanted: WANTED,
        ...(probe.httpGet === undefined ? {} : { baseline }),
      });
      rows.push({ name: 'asked', value: perSecond, unit: '/s' });
    }
    return rows;
  } finally {
    child.disconnect();
  }
}
