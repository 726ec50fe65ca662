/**
 * Real etcd members on loopback for tests: started on free ports with directories of their own, killed and paused at
 * will, and gone when the test process is, however it ends. `ETCD` and `ETCDCTL` name other binaries than the PATH's.
 */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Context } from 'mocha';
import { systemRandom } from '../../../machinery/random.ts';
import { makeAuthority, newKey, signLeaf } from '../../../net/certificates.ts';
import type { EtcdEndpoints } from '../../../store/etcd/client.ts';

const ETCD = process.env.ETCD ?? 'etcd';
const ETCDCTL = process.env.ETCDCTL ?? 'etcdctl';
const START_MS = 20_000;
/** On a machine that does other things too, what takes so long alone takes several times that. */
const BUSY = process.env['GANTRY_TEST_LONG'] === '1' ? 1 : 5;
const run = promisify(execFile);

const missing = [ETCD, ETCDCTL].filter((binary) => spawnSync(binary, ['--version']).error !== undefined);

export const hasEtcd = missing.length === 0;

/** In `before(function () { needEtcd(this); … })`: without an etcd the suite is skipped, and says so. */
export function needEtcd(context: Context): void {
  if (hasEtcd) return;
  const words = `${missing.join(' and ')} not found: run hack/test.sh, or set ETCD and ETCDCTL to where they are`;
  console.error(`      skipped, ${words}`);
  context.skip();
}

/** The most that something may take which takes less than this on a machine of its own. */
export function bound(aloneMs: number): number {
  return aloneMs * BUSY;
}

export interface EtcdClusterOptions {
  readonly members?: 1 | 3;
  /** Servers show a certificate for 127.0.0.1, and want one of ours. */
  readonly tls?: boolean;
  /** Switches authentication on, with the user `gantry` who may do anything under `prefix`. */
  readonly auth?: { readonly password: string; readonly prefix: string };
  readonly quotaBytes?: number;
  /** Entries between two snapshots: small values make a member that was away come back through a snapshot. */
  readonly snapshotCount?: number;
  /** etcd's own compaction, in revisions. */
  readonly autoCompactionRevisions?: number;
}

interface Member {
  readonly name: string;
  readonly clientPort: number;
  readonly peerPort: number;
  readonly metricsPort: number;
  process: ChildProcess | undefined;
  isPaused: boolean;
}

interface Tls {
  readonly ca: string;
  /** The client's. */
  readonly certificate: string;
  readonly key: string;
}

const SERVER_FILES = { certificate: 'server.crt', key: 'server.key' };

export class EtcdCluster {
  readonly directory: string;
  readonly #options: EtcdClusterOptions;
  readonly #members: readonly Member[];
  readonly #tls: Tls | undefined;
  readonly #atExit = (): void => this.#killAll();

  private constructor(
    directory: string,
    options: EtcdClusterOptions,
    members: readonly Member[],
    tls: Tls | undefined,
  ) {
    this.directory = directory;
    this.#options = options;
    this.#members = members;
    this.#tls = tls;
    process.once('exit', this.#atExit);
  }

  static async start(options: EtcdClusterOptions = {}): Promise<EtcdCluster> {
    const directory = mkdtempSync(join(tmpdir(), 'gantry-etcd-'));
    const count = options.members ?? 1;
    const ports = await freePorts(count * 3);
    const members = Array.from({ length: count }, (_, index) => ({
      name: `m${index}`,
      clientPort: ports[index * 3] ?? 0,
      peerPort: ports[index * 3 + 1] ?? 0,
      metricsPort: ports[index * 3 + 2] ?? 0,
      process: undefined,
      isPaused: false,
    }));
    const tls = options.tls === true ? await makeTls(directory) : undefined;
    const cluster = new EtcdCluster(directory, options, members, tls);
    try {
      for (const member of members) cluster.#spawn(member);
      await Promise.all(members.map((member) => cluster.#healthy(member)));
      if (options.auth !== undefined) await cluster.#enableAuth(options.auth);
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** What `openEtcd` takes. */
  get endpoints(): EtcdEndpoints {
    return {
      endpoints: this.#members.map(({ clientPort }) => `127.0.0.1:${clientPort}`),
      ...(this.#tls === undefined ? {} : { tls: this.#tls }),
      ...(this.#options.auth === undefined
        ? {}
        : { user: { name: 'gantry', password: this.#options.auth.password } }),
    };
  }

  /** The address for `openStore`, without TLS and user. */
  get url(): string {
    return `etcd://${this.endpoints.endpoints.join(',')}`;
  }

  /** Of the files that hold what `endpoints.tls` says. */
  get tlsFiles(): { readonly ca: string; readonly certificate: string; readonly key: string } {
    return tlsFiles(this.directory);
  }

  endpoint(index: number): string {
    return `127.0.0.1:${this.#member(index).clientPort}`;
  }

  /** SIGKILL; its data stays. */
  async kill(index: number): Promise<void> {
    const member = this.#member(index);
    const child = member.process;
    if (child === undefined) return;
    member.process = undefined;
    member.isPaused = false;
    const gone = exited(child);
    child.kill('SIGKILL');
    await gone;
  }

  /** Starts a killed member again on its data; waits until it takes part, unless told not to. */
  async restart(index: number, { waits = true }: { readonly waits?: boolean } = {}): Promise<void> {
    const member = this.#member(index);
    if (member.process !== undefined) await this.kill(index);
    this.#spawn(member);
    if (waits) await this.#healthy(member);
  }

  /** SIGSTOP: its connections stay open and nothing answers. */
  pause(index: number): void {
    const member = this.#member(index);
    member.process?.kill('SIGSTOP');
    member.isPaused = true;
  }

  resume(index: number): void {
    const member = this.#member(index);
    member.process?.kill('SIGCONT');
    member.isPaused = false;
  }

  /** The member that leads; waits for one. */
  async leader(): Promise<number> {
    const deadline = Date.now() + START_MS;
    while (Date.now() < deadline) {
      for (const [index, member] of this.#members.entries()) {
        if (member.process === undefined || member.isPaused) continue;
        const text = await get(member.metricsPort, '/metrics');
        if (/^etcd_server_is_leader 1$/m.test(text)) return index;
      }
      await delay(50);
    }
    throw new Error(`no member of the etcd in ${this.directory} became leader within ${START_MS} ms`);
  }

  /** Waits until this member sees a leader and answers. */
  healthy(index: number): Promise<void> {
    return this.#healthy(this.#member(index));
  }

  /** etcdctl at all members, or at one; gives what it prints. */
  async ctl(
    words: readonly string[],
    { at, user }: { readonly at?: number; readonly user?: string } = {},
  ): Promise<string> {
    const endpoints = at === undefined ? this.endpoints.endpoints : [this.endpoint(at)];
    const files = tlsFiles(this.directory);
    const security =
      this.#tls === undefined ? [] : ['--cacert', files.ca, '--cert', files.certificate, '--key', files.key];
    const scheme = this.#tls === undefined ? 'http' : 'https';
    const { stdout } = await run(
      ETCDCTL,
      [
        '--endpoints',
        endpoints.map((endpoint) => `${scheme}://${endpoint}`).join(','),
        ...security,
        ...(user === undefined ? [] : ['--user', user]),
        ...words,
      ],
      { env: { ...environment(), ETCDCTL_API: '3' }, timeout: START_MS },
    );
    return stdout;
  }

  /** Somebody else's compaction. */
  async compact(revision: number): Promise<void> {
    await this.ctl(['compaction', String(revision)]);
  }

  /** Of the only member: its data becomes that of a snapshot (`ctl(['snapshot', 'save', file])`), its ids stay. */
  async restoreSnapshot(file: string): Promise<void> {
    const member = this.#member(0);
    await this.kill(0);
    const directory = join(this.directory, member.name);
    rmSync(directory, { recursive: true });
    const peer = `http://127.0.0.1:${member.peerPort}`;
    const cluster = `--initial-cluster=${member.name}=${peer}`;
    const ids = [
      cluster,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster-token=${this.directory}`,
    ];
    await this.ctl(['snapshot', 'restore', file, `--name=${member.name}`, `--data-dir=${directory}`, ...ids]);
    await this.restart(0);
  }

  /** The last lines of a member's log, for messages of tests that fail. */
  logTail(index: number, lines = 20): string {
    const text = readFileSync(join(this.directory, `${this.#member(index).name}.log`), 'utf8');
    return text.split('\n').slice(-lines).join('\n');
  }

  async stop(): Promise<void> {
    const children = this.#members.flatMap(({ process: child }) => (child === undefined ? [] : [child]));
    const gone = Promise.all(children.map(exited));
    this.#killAll();
    await gone;
    process.removeListener('exit', this.#atExit);
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }

  #killAll(): void {
    for (const member of this.#members) {
      member.process?.kill('SIGKILL');
      member.process = undefined;
    }
  }

  #member(index: number): Member {
    const member = this.#members[index];
    if (member === undefined) throw new RangeError(`this etcd has no member ${index}`);
    return member;
  }

  #spawn(member: Member): void {
    const { quotaBytes, snapshotCount, autoCompactionRevisions } = this.#options;
    const scheme = this.#tls === undefined ? 'http' : 'https';
    const client = `${scheme}://127.0.0.1:${member.clientPort}`;
    const files = tlsFiles(this.directory);
    const log = openSync(join(this.directory, `${member.name}.log`), 'a');
    const cluster = this.#members.map(({ name, peerPort }) => `${name}=http://127.0.0.1:${peerPort}`);
    const peer = `http://127.0.0.1:${member.peerPort}`;
    const settings: Record<string, string | number | undefined> = {
      name: member.name,
      'data-dir': join(this.directory, member.name),
      logger: 'zap',
      'enable-grpc-gateway': 'false',
      'listen-client-urls': client,
      'advertise-client-urls': client,
      'listen-peer-urls': peer,
      'initial-advertise-peer-urls': peer,
      'listen-metrics-urls': `http://127.0.0.1:${member.metricsPort}`,
      'initial-cluster': cluster.join(','),
      'initial-cluster-token': this.directory,
      'quota-backend-bytes': quotaBytes,
      'snapshot-count': snapshotCount,
    };
    if (this.#tls !== undefined) {
      settings['cert-file'] = join(this.directory, SERVER_FILES.certificate);
      settings['key-file'] = join(this.directory, SERVER_FILES.key);
      settings['trusted-ca-file'] = files.ca;
      settings['client-cert-auth'] = 'true';
    }
    if (autoCompactionRevisions !== undefined) {
      settings['auto-compaction-mode'] = 'revision';
      settings['auto-compaction-retention'] = autoCompactionRevisions;
    }
    const words = Object.entries(settings)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `--${name}=${value}`);
    // The kernel kills it when this process dies without a word.
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', ETCD, ...words], {
      env: environment(),
      stdio: ['ignore', log, log],
    });
    child.unref();
    member.process = child;
    member.isPaused = false;
  }

  async #healthy(member: Member): Promise<void> {
    const deadline = Date.now() + START_MS;
    while (Date.now() < deadline) {
      if (member.process !== undefined && member.process.exitCode !== null) break;
      if (/"health": ?"true"/.test(await get(member.metricsPort, '/health'))) return;
      await delay(50);
    }
    const index = this.#members.indexOf(member);
    throw new Error(`etcd member ${member.name} did not become healthy:\n${this.logTail(index)}`);
  }

  async #enableAuth({
    password,
    prefix,
  }: {
    readonly password: string;
    readonly prefix: string;
  }): Promise<void> {
    await this.ctl(['user', 'add', `root:${password}`]);
    await this.ctl(['user', 'grant-role', 'root', 'root']);
    await this.ctl(['user', 'add', `gantry:${password}`]);
    await this.ctl(['role', 'add', 'gantry']);
    await this.ctl(['role', 'grant-permission', 'gantry', 'readwrite', '--prefix=true', prefix]);
    await this.ctl(['user', 'grant-role', 'gantry', 'gantry']);
    await this.ctl(['role', 'add', 'root']);
    await this.ctl(['auth', 'enable']);
  }
}

async function makeTls(directory: string): Promise<Tls> {
  const validity = { nowMs: Date.now(), days: 1 };
  const authority = { key: await newKey(), certificate: '' };
  authority.certificate = await makeAuthority('etcd of a test', authority.key, validity, systemRandom);
  const server = await newKey();
  const client = await newKey();
  const serverLeaf = { subject: { commonName: 'etcd' }, usage: 'server', names: ['127.0.0.1'] } as const;
  const clientLeaf = { subject: { commonName: 'gantry' }, usage: 'client' } as const;
  const tls = {
    ca: authority.certificate,
    certificate: await signLeaf(authority, clientLeaf, client, validity, systemRandom),
    key: client,
  };
  const files = tlsFiles(directory);
  writeFileSync(files.ca, tls.ca);
  writeFileSync(files.certificate, tls.certificate);
  writeFileSync(files.key, tls.key, { mode: 0o600 });
  writeFileSync(join(directory, SERVER_FILES.key), server, { mode: 0o600 });
  writeFileSync(
    join(directory, SERVER_FILES.certificate),
    await signLeaf(authority, serverLeaf, server, validity, systemRandom),
  );
  return tls;
}

/** Without proxies, and without what would set up another etcd. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^ETCD|_proxy$/i.test(name)));
}

function tlsFiles(directory: string): {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
} {
  return {
    ca: join(directory, 'ca.crt'),
    certificate: join(directory, 'client.crt'),
    key: join(directory, 'client.key'),
  };
}

async function get(port: number, path: string): Promise<string> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(1000) });
    return await response.text();
  } catch {
    // Not up yet, or not any more: the caller asks again until its own deadline.
    return '';
  }
}

function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  child.ref();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

/** All at once, so that no port comes twice. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from(
      { length: count },
      () =>
        new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
          const server = createServer();
          server.once('error', reject);
          server.listen(0, '127.0.0.1', () => resolve(server));
        }),
    ),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
