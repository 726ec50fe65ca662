/** Starts `oneprocess.ts` on a directory of its own, and takes it away again. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isRecord } from '../../machinery/json.ts';
import type { Endpoint } from './wire.ts';

export interface OneChild extends AsyncDisposable {
  readonly endpoint: Endpoint;
  readonly child: ChildProcess;
  /** Its data; gone with it. */
  readonly folder: string;
}

/** @param mode `quiet`: only the API, without controllers and agent; `workerless`: without the agent. With GANTRY_BENCH_PROFILE a CPU profile is left in that folder. */
export async function startOne(mode: 'whole' | 'quiet' | 'workerless'): Promise<OneChild> {
  const folder = mkdtempSync(join(tmpdir(), 'gantry-bench-one-'));
  const profile = process.env.GANTRY_BENCH_PROFILE;
  const child = fork(
    join(import.meta.dirname, 'oneprocess.ts'),
    [folder, ...(mode === 'whole' ? [] : [`--${mode}`])],
    profile === undefined ? {} : { execArgv: ['--cpu-prof', `--cpu-prof-dir=${profile}`] },
  );
  const [said] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`the process to be measured ended with ${String(code)}`);
    }),
  ])) as [unknown];
  if (!isRecord(said))
    throw new Error('the process to be measured said something else than where it listens');
  const { port, ca, cert, key } = said;
  const endpoint = {
    host: '127.0.0.1',
    port: Number(port),
    ca: String(ca),
    cert: String(cert),
    key: String(key),
  };
  return {
    endpoint,
    child,
    folder,
    async [Symbol.asyncDispose]() {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
