/**
 * `gantry server` has nothing of its own: real processes on a real etcd with TLS and users, an empty home each, one key
 * file for all of them. What other tests show in one process is shown with processes with GANTRY_TEST_LONG=1 only.
 */
import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { KeyRing } from '../../store/encryption.ts';
import { EtcdCluster, needEtcd } from '../store/etcd/cluster.ts';
import { eventually, type Output } from '../walk/process.ts';
import { Balancer } from './balancer.ts';
import { gantry, kubectl, ServerProcess, type ServerProcessOptions, statusOf } from './serverprocess.ts';

const PASSWORD = 'a password of a test';
const TASKS = '/apis/gantry.dev/v1/namespaces/default/tasks';
/** Seconds on a machine at rest. */
const BOUND_MS = 20_000;
const itLong = process.env['GANTRY_TEST_LONG'] === '1' ? it : it.skip;

describe('Servers that share an etcd', function () {
  this.timeout(120_000);
  let directory: string;
  let etcd: EtcdCluster;
  let keyFile: string;
  const processes: ServerProcess[] = [];

  before(async function () {
    needEtcd(this);
    directory = mkdtempSync(join(tmpdir(), 'gantry-shared-'));
    keyFile = join(directory, 'encryption.key');
    writeFileSync(keyFile, KeyRing.newFile(), { mode: 0o600 });
    writeFileSync(join(directory, 'password'), `${PASSWORD}\n`, { mode: 0o600 });
    etcd = await EtcdCluster.start({ tls: true, auth: { password: PASSWORD, prefix: 'gantry' } });
  });
  after(async () => {
    await Promise.all(processes.map((each) => each.dispose()));
    await etcd?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  const access = (prefix = 'gantry/main'): readonly string[] => {
    const { ca, certificate, key } = etcd.tlsFiles;
    return [
      `--store=${etcd.url}/${prefix}`,
      `--etcd-ca-file=${ca}`,
      `--etcd-cert-file=${certificate}`,
      `--etcd-key-file=${key}`,
      '--etcd-user=gantry',
      `--etcd-password-file=${join(directory, 'password')}`,
    ];
  };
  const server = async (options: Partial<ServerProcessOptions> = {}): Promise<ServerProcess> => {
    const made = await ServerProcess.at({
      flags: [...access(), '--encryption-key-file', keyFile],
      ...options,
    });
    processes.push(made);
    return made;
  };
  const done = ({ code, stdout, stderr }: Output): string => {
    if (code !== 0) throw new Error(stderr);
    return stdout.trim();
  };
  const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });
  const answers = (each: ServerProcess, token: string, status: number): Promise<true> =>
    eventually(
      `status ${status} from port ${each.port}`,
      async () => ((await statusOf(each.port, TASKS, bearer(token))) === status ? true : undefined),
      BOUND_MS,
    );

  let one: ServerProcess;
  let other: ServerProcess;

  it('agree on one authority when they start at once on nothing', async () => {
    [one, other] = [await server(), await server()];
    await Promise.all([one.start(), other.start()]);
    expect(one.authority()).to.have.length.greaterThan(100);
    expect(other.authority()).to.equal(one.authority());
    // One server's administrator is every server's.
    const kubeconfig = one.kubeconfigFor(other.port, join(directory, 'crossed'));
    expect(done(await kubectl(kubeconfig, ['get', 'namespaces', '-o', 'name']))).to.include('gantry-system');
    // Nothing in etcd can be read without the key file.
    const stored = await etcd.ctl(
      ['get', '--prefix', 'gantry/main:kv:/registry/core/secrets/', '--print-value-only'],
      {
        user: `gantry:${PASSWORD}`,
      },
    );
    expect(stored).to.not.include('tls.key');
  });

  it('serve kubectl through a balancer that knows only TCP', async () => {
    const balancer = await Balancer.start([one.port, other.port]);
    const kubeconfig = one.kubeconfigFor(balancer.port, join(directory, 'balanced'));
    const ask = (words: readonly string[], input?: string): Promise<Output> =>
      kubectl(kubeconfig, words, input);
    let seen = '';
    const watching = spawn(
      process.env.KUBECTL ?? 'kubectl',
      ['get', 'configmaps', '-w', '-o', 'name', '--kubeconfig', kubeconfig],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    watching.stdout.on('data', (chunk: Buffer) => {
      seen += chunk.toString();
    });
    try {
      for (let index = 0; index < 2; index++) {
        const name = `map-${index}`;
        done(await ask(['create', 'configmap', name, '--from-literal=a=1']));
        // The next command comes from another server: it sees what was answered before.
        expect(done(await ask(['get', 'configmap', name, '-o', 'jsonpath={.data.a}']))).to.equal('1');
        const manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { a: '2' } };
        done(await ask(['apply', '--server-side', '--force-conflicts', '-f', '-'], JSON.stringify(manifest)));
        expect(done(await ask(['get', 'configmap', name, '-o', 'jsonpath={.data.a}']))).to.equal('2');
      }
      await eventually('the watch has told all', () => (seen.includes('configmap/map-1') ? true : undefined));
    } finally {
      watching.kill();
      await balancer.stop();
    }
    expect(Math.min(...balancer.counts), `connections: ${balancer.counts.join(', ')}`).to.be.greaterThan(1);
  });

  it('believe one another’s tokens, and rights given at one hold at the other', async () => {
    done(await kubectl(one.kubeconfig, ['create', 'serviceaccount', 'bot']));
    const token = done(await kubectl(one.kubeconfig, ['create', 'token', 'bot']));
    await answers(other, token, 403);
    const binding = ['create', 'rolebinding', 'bot', '--clusterrole=view', '--serviceaccount=default:bot'];
    done(await kubectl(one.kubeconfig, binding));
    await answers(other, token, 200);
    done(await kubectl(other.kubeconfig, ['delete', 'serviceaccount', 'bot']));
    await answers(one, token, 401);
  });

  const cli = (words: readonly string[], home = 'cli'): Promise<Output> =>
    gantry([
      'token',
      ...words,
      `--home=${join(directory, home)}`,
      ...access(),
      `--encryption-key-file=${keyFile}`,
    ]);

  it('take tokens that gantry token makes, revokes and signs with another key, within seconds', async () => {
    const create = ['create', '--user', 'ann', '--group', 'system:masters'];
    const [first = '', second = ''] = (await Promise.all([cli(create), cli(create, 'cli2')])).map(done);
    for (const token of [first, second]) for (const each of [one, other]) await answers(each, token, 200);
    expect(done(await cli(['revoke', first]))).to.match(/^token \S+ of user ann is revoked$/);
    for (const each of [one, other]) {
      await answers(each, first, 401);
      await answers(each, second, 200);
    }
    expect(done(await cli(['rotate']))).to.match(/^tokens are signed with key \S+ from now on$/);
    const fresh = done(await cli(create));
    for (const each of [one, other]) {
      await answers(each, fresh, 200);
      await answers(each, second, 200);
    }
  });

  it('are the same after their homes are gone: certificates, kubeconfigs and tokens go on', async () => {
    const kubeconfig = join(directory, 'old');
    copyFileSync(one.kubeconfig, kubeconfig);
    const authority = one.authority();
    const token = done(await cli(['create', '--user', 'ann', '--group', 'system:masters']));
    await Promise.all([one.stop(), other.stop('SIGKILL')]);
    rmSync(one.home, { recursive: true });
    await one.start();
    expect(one.authority()).to.equal(authority);
    expect(done(await kubectl(kubeconfig, ['get', 'configmaps', '-o', 'name']))).to.include(
      'configmap/map-1',
    );
    await answers(one, token, 200);
  });

  itLong('say which worker is not connected to them', async () => {
    const task = {
      apiVersion: 'gantry.dev/v1',
      kind: 'Task',
      metadata: { name: 'far' },
      spec: { image: 'busybox' },
    };
    done(await kubectl(one.kubeconfig, ['apply', '-f', '-'], JSON.stringify(task)));
    const status = { status: { phase: 'Running', workerName: 'w-elsewhere' } };
    const patch = [
      'patch',
      'task',
      'far',
      '--subresource=status',
      '--type=merge',
      '-p',
      JSON.stringify(status),
    ];
    done(await kubectl(one.kubeconfig, patch));
    for (const words of [
      ['logs', 'far'],
      ['exec', 'far', '--', 'true'],
    ]) {
      const { code, stderr } = await kubectl(one.kubeconfig, words);
      expect(code, words.join(' ')).to.not.equal(0);
      expect(stderr).to.include('worker "w-elsewhere" is not connected to this server');
    }
  });

  itLong('are refused without the key file, or with another, in a sentence', async () => {
    const without = await server({ flags: access() });
    const refused = await without.refusal();
    expect(refused.code).to.equal(1);
    expect(refused.output).to.match(
      /gantry: the encryption key file \S+encryption\.key is missing, and the store etcd:\S+ cannot be opened without it/,
    );
    const foreign = join(directory, 'foreign.key');
    writeFileSync(foreign, KeyRing.newFile(), { mode: 0o600 });
    const mistaken = await server({ flags: [...access(), '--encryption-key-file', foreign] });
    const mistake = await mistaken.refusal();
    expect(mistake.code).to.equal(1);
    expect(mistake.output).to.match(
      /gantry: the store holds values encrypted with key .* not in \S+foreign\.key/,
    );
  });

  itLong('make the key file for a new cluster, once', async () => {
    const fresh = await server({ flags: access('gantry/fresh') });
    await fresh.start();
    expect(statSync(join(fresh.home, 'encryption.key')).mode & 0o777).to.equal(0o600);
    await fresh.stop();
    await fresh.start();
    // A neighbour on the same etcd is another cluster.
    expect(fresh.authority()).to.not.equal(one.authority());
  });

  itLong('take another key one after the other, and none is without a key it needs', async () => {
    const again = await server();
    await again.start();
    const [head = '', old = ''] = KeyRing.newFile().split('\n');
    const [, current = ''] = readFileSync(keyFile, 'utf8').split('\n');
    for (const lines of [
      [head, current, old],
      [head, old, current],
    ]) {
      writeFileSync(keyFile, `${lines.join('\n')}\n`, { mode: 0o600 });
      for (const each of [one, again]) {
        await each.stop();
        await each.start();
        const name = `secret-${each === one ? 'one' : 'again'}-${lines.indexOf(current)}`;
        done(await kubectl(each.kubeconfig, ['create', 'secret', 'generic', name, '--from-literal=a=b']));
        const elsewhere = each === one ? again : one;
        expect(done(await kubectl(elsewhere.kubeconfig, ['get', 'secret', name, '-o', 'name']))).to.include(
          name,
        );
      }
    }
    expect(one.output).to.match(/store: \d+ values were encrypted anew/);
    // All that is there now is encrypted with the new key: the old one can go.
    writeFileSync(keyFile, `${head}\n${old}\n`, { mode: 0o600 });
    await again.stop();
    await again.start();
    expect(again.authority()).to.equal(one.authority());
  });

  itLong('take over what one machine had for itself', async () => {
    const home = mkdtempSync(join(tmpdir(), 'gantry-server-'));
    const alone = await server({ flags: [], home });
    await alone.start();
    const kubeconfig = join(directory, 'alone');
    copyFileSync(alone.kubeconfig, kubeconfig);
    const authority = alone.authority();
    const token = done(
      await gantry(['token', 'create', '--home', home, '--user', 'a', '--group', 'system:masters']),
    );
    await alone.stop();
    const shared = await server({ home, flags: access('gantry/moved') });
    await shared.start();
    expect(shared.authority()).to.equal(authority);
    await answers(shared, token, 200);
    const moved = alone.kubeconfigFor(shared.port, join(directory, 'moved'));
    expect(done(await kubectl(moved, ['get', 'namespaces', '-o', 'name']))).to.include('default');
    // The same home at another cluster is a mistake.
    await shared.stop();
    const mistaken = await server({ home, flags: [...access(), '--encryption-key-file', keyFile] });
    const { code, output } = await mistaken.refusal();
    expect(code).to.equal(1);
    expect(output).to.match(/ca\.crt is one certificate authority and .*gantry-authority another/);
  });
});
