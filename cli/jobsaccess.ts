/**
 * Where the job runner is and with which certificate it is spoken to: by flag, else by environment, else as the
 * kubeconfig has it for the Kubernetes API.
 */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { JobsAccess, JobsCall, JobsClient } from '../client/jobs.ts';
import { type ClusterAccess, loadKubeconfig } from '../client/kubeconfig.ts';
import { fileProblem } from '../machinery/durablefile.ts';
import { parseDurationMs } from '../machinery/duration.ts';
import { resolveHome } from './config.ts';
import { CommandError, type Io } from './io.ts';

export interface JobsFlags {
  readonly host?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
  readonly timeout?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
}

const DEFAULT_ADDRESS = '127.0.0.1';
const DEFAULT_PORT = 7444;
/** For calls that are answered at once. */
const DEFAULT_TIMEOUT_MS = 30_000;

/** Environment variables, for flags that are not given. */
export const JOBS_VARIABLES = {
  host: 'GANTRY_JOBS_HOST',
  cert: 'GANTRY_JOBS_CERT',
  key: 'GANTRY_JOBS_KEY',
  ca: 'GANTRY_JOBS_CA',
  timeout: 'GANTRY_JOBS_TIMEOUT',
} as const;

type Named = keyof typeof JOBS_VARIABLES;

/**
 * Runs `work` with a client of the job runner and closes it afterwards. Rejects with `CommandError`, `KubeconfigError`
 * and `JobsError`.
 * @param isPatient without a timeout, for as long as it takes
 */
export async function withJobs<T>(
  flags: JobsFlags,
  io: Io,
  isPatient: boolean,
  work: (client: JobsClient, call: JobsCall) => Promise<T>,
): Promise<T> {
  const timeoutMs = timeoutOf(flags, io, isPatient);
  const access = await jobsAccess(flags, io);
  const { openJobsClient } = await import('../client/jobs.ts');
  const client = openJobsClient(access, io.clock);
  try {
    return await work(client, {
      signal: io.signal,
      ...(timeoutMs === undefined ? {} : { deadlineMs: io.clock.now() + timeoutMs }),
    });
  } finally {
    client.close();
  }
}

/** Rejects with `CommandError` and `KubeconfigError`. */
export async function jobsAccess(flags: JobsFlags, io: Io): Promise<JobsAccess> {
  const given = (name: Named): string | undefined => valueOf(name, flags, io)?.text;
  const isWhole = (['cert', 'key', 'ca'] as const).every((name) => given(name) !== undefined);
  // With all three files at hand the job runner is spoken to without any kubeconfig.
  const cluster = isWhole ? undefined : await clusterAccess(flags, io);
  const read = async (
    name: 'cert' | 'key' | 'ca',
    known: string | Buffer | undefined,
    what: string,
  ): Promise<string | Buffer> => {
    const found = valueOf(name, flags, io);
    if (found === undefined) {
      if (known !== undefined) return known;
      throw new CommandError(
        `the job runner wants ${what}, and the kubeconfig has none: give --${name} FILE (gantry certificate create makes them)`,
      );
    }
    try {
      return await readFile(resolve(io.directory, found.text));
    } catch (error) {
      throw new CommandError(`${found.from}: cannot read ${found.text}: ${fileProblem(error)}`, {
        cause: error,
      });
    }
  };
  const host = valueOf('host', flags, io);
  return {
    host: host === undefined ? defaultHost(cluster) : checkedHost(host),
    certificate: await read('cert', cluster?.certificate, 'a client certificate'),
    key: await read('key', cluster?.key, "the client certificate's key"),
    authority: await read('ca', cluster?.certificateAuthority, "the cluster's authority"),
    ...(cluster?.serverName === undefined ? {} : { serverName: cluster.serverName }),
  };
}

function valueOf(
  name: Named,
  flags: JobsFlags,
  { env }: Pick<Io, 'env'>,
): { readonly text: string; readonly from: string } | undefined {
  const flag = flags[name];
  if (flag !== undefined) return { text: flag, from: `--${name}` };
  const variable = JOBS_VARIABLES[name];
  const set = env[variable];
  return set === undefined || set === '' ? undefined : { text: set, from: variable };
}

async function clusterAccess(flags: JobsFlags, io: Io): Promise<ClusterAccess> {
  return loadKubeconfig({
    ...(flags.kubeconfig === undefined ? {} : { path: flags.kubeconfig }),
    ...(flags.context === undefined ? {} : { context: flags.context }),
    ...(io.env.KUBECONFIG === undefined ? {} : { variable: io.env.KUBECONFIG }),
    defaults: [join(await resolveHome(io), 'kubeconfig'), join(io.userHome, '.kube', 'config')],
    directory: io.directory,
  });
}

/** The machine of the Kubernetes API, and the port that the job runner has unless told otherwise. */
function defaultHost(cluster: ClusterAccess | undefined): string {
  const address = cluster === undefined ? DEFAULT_ADDRESS : new URL(cluster.server).hostname;
  return `${address}:${DEFAULT_PORT}`;
}

/** `host`, `host:port`, `[::1]:port` */
function checkedHost({ text, from }: { readonly text: string; readonly from: string }): string {
  const match = /^(\[[0-9a-fA-F:.]+\]|[^\s:/[\]]+)(?::(\d{1,5}))?$/.exec(text);
  const port = match?.[2] === undefined ? DEFAULT_PORT : Number(match[2]);
  if (match === null || port < 1 || port > 65_535) {
    throw new CommandError(`${from}: found "${text}", wanted HOST:PORT, for example 127.0.0.1:7444`);
  }
  return `${match[1] ?? ''}:${port}`;
}

/** Milliseconds; undefined: as long as it takes. */
function timeoutOf(flags: JobsFlags, io: Io, isPatient: boolean): number | undefined {
  const found = valueOf('timeout', flags, io);
  if (found === undefined) return isPatient ? undefined : DEFAULT_TIMEOUT_MS;
  if (found.text === '0' || found.text === '0s') return undefined;
  const ms = parseDurationMs(found.text);
  if (ms !== undefined) return ms;
  throw new CommandError(`${found.from}: found "${found.text}", wanted a duration such as 30s or 5m`);
}
