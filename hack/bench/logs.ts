/**
 * Logs: bytes a second of one container through to a client, against `docker logs -f` of the same container; and several
 * hundred followers of one container at once.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { Agent, type RequestOptions, request } from 'node:https';
import { command, eventually, GantryProcess } from '../../test/walk/process.ts';
import type { Row } from './main.ts';
import { median } from './walk.ts';

/** Fits into what is kept, so that both read the same. */
const BYTES = 30_000_000;
const ROUNDS = 3;
const FOLLOWERS = 300;
const SPEAKING_MS = 10_000;
const LINE =
  'this is a line of output that is about a hundred bytes long, as the lines of many programs are, 0123';

const task = (name: string, script: string): string =>
  JSON.stringify({
    apiVersion: 'gantry.dev/v1',
    kind: 'Task',
    metadata: { name },
    spec: { image: 'gantry/hello:1', command: ['sh', '-c', script], terminationGracePeriodSeconds: 0 },
  });

/** CPU seconds used so far, and resident bytes. Linux only. */
function usage(pid: number): { readonly cpuSeconds: number; readonly residentBytes: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const resident = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100,
    residentBytes: Number(resident) * 1024,
  };
}

/** Megabytes a second from the command's start until so many bytes came out of it. */
async function rateOf(words: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const [file = '', ...args] = words;
  const begin = performance.now();
  const child = spawn(file, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'ignore'] });
  let bytes = 0;
  for await (const chunk of child.stdout) {
    bytes += (chunk as Buffer).length;
    if (bytes >= BYTES) break;
  }
  const seconds = (performance.now() - begin) / 1000;
  const ended = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined;
  child.kill();
  await ended;
  if (bytes < BYTES) throw new Error(`${words.join(' ')}: ${bytes} bytes, wanted ${BYTES}`);
  return bytes / 1e6 / seconds;
}

export async function benchLogs(): Promise<readonly Row[]> {
  const gantry = await GantryProcess.open({ env: { GANTRY_LOG_LEVEL: 'warn' } });
  try {
    await gantry.kubectl(
      ['create', '-f', '-'],
      task('speaker', `yes "${LINE}" | head -c ${BYTES}; echo; echo END; sleep 3600`),
    );
    await gantry.kubectl(['create', '-f', '-'], task('clock', `while :; do echo "${LINE}"; sleep 0.1; done`));
    const ready = await gantry.kubectl(['wait', 'tasks', '--all', '--for=condition=Ready', '--timeout=60s']);
    if (ready.code !== 0) throw new Error(ready.stderr);
    const id = (await gantry.kubectl(['get', 'task', 'speaker', '-o', 'jsonpath={.status.container.id}']))
      .stdout;
    await eventually('everything is written', async () => {
      const { stdout } = await command('docker', ['logs', '--tail', '1', id]);
      return stdout === 'END\n' ? true : undefined;
    });
    const env = { KUBECONFIG: gantry.kubeconfig, HOME: gantry.home };
    const kubectl = process.env.KUBECTL ?? 'kubectl';
    const [docker, through, plain]: [number[], number[], number[]] = [[], [], []];
    const door = doorOf(gantry);
    for (let round = 0; round < ROUNDS; round++) {
      docker.push(await rateOf(['docker', 'logs', '-f', id], {}));
      through.push(await rateOf([kubectl, 'logs', '-f', 'speaker'], env));
      plain.push(await rateOfRequest(door));
    }
    const before = usage(gantry.pid);
    const followers = await Promise.all(Array.from({ length: FOLLOWERS }, () => follow(door, 'clock')));
    await eventually('all follow', () => (followers.every(({ bytes }) => bytes() > 0) ? true : undefined));
    const settled = usage(gantry.pid);
    await new Promise((resolve) => setTimeout(resolve, SPEAKING_MS));
    const after = usage(gantry.pid);
    for (const { stop } of followers) stop();
    const wanted = 'at least 0.7';
    const baseline = median(docker);
    return [
      { name: 'one container to kubectl logs -f', value: median(through), unit: 'MB/s', baseline, wanted },
      { name: 'the same to a bare HTTPS client', value: median(plain), unit: 'MB/s', baseline },
      {
        name: `${FOLLOWERS} followers of one container, 10 lines a second: CPU`,
        value: ((after.cpuSeconds - settled.cpuSeconds) / (SPEAKING_MS / 1000)) * 100,
        unit: '% of a core',
      },
      {
        name: `${FOLLOWERS} followers: resident memory more than before`,
        value: (after.residentBytes - before.residentBytes) / 2 ** 20,
        unit: 'MiB',
      },
    ];
  } finally {
    await gantry.dispose();
  }
}

/** How the administrator gets in. */
function doorOf(gantry: GantryProcess): RequestOptions {
  const text = readFileSync(gantry.kubeconfig, 'utf8');
  const data = (field: string): Buffer =>
    Buffer.from(new RegExp(`${field}: "?([A-Za-z0-9+/=]+)`).exec(text)?.[1] ?? '', 'base64');
  return {
    host: '127.0.0.1',
    port: gantry.securePort,
    ca: data('certificate-authority-data'),
    cert: data('client-certificate-data'),
    key: data('client-key-data'),
    agent: new Agent({ keepAlive: false }),
  };
}

const pathOf = (name: string, query: string): string =>
  `/apis/gantry.dev/v1/namespaces/default/tasks/${name}/log?${query}`;

/** Megabytes a second until so many bytes came. */
async function rateOfRequest(door: RequestOptions): Promise<number> {
  const begin = performance.now();
  const asked = request({ ...door, path: pathOf('speaker', 'follow=true') });
  asked.end();
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  let bytes = 0;
  for await (const chunk of answer) {
    bytes += (chunk as Buffer).length;
    if (bytes >= BYTES) break;
  }
  const seconds = (performance.now() - begin) / 1000;
  asked.destroy();
  if (bytes < BYTES) throw new Error(`an HTTPS client got ${bytes} bytes, wanted ${BYTES}`);
  return bytes / 1e6 / seconds;
}

interface Follower {
  readonly bytes: () => number;
  readonly stop: () => void;
}

function follow(door: RequestOptions, name: string): Promise<Follower> {
  return new Promise((resolve, reject) => {
    const asked = request({ ...door, path: pathOf(name, 'follow=true&tailLines=1') }, (answer) => {
      let bytes = 0;
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
      });
      answer.on('error', () => undefined);
      resolve({ bytes: () => bytes, stop: () => asked.destroy() });
    });
    asked.on('error', reject);
    asked.end();
  });
}
