/**
 * docs/backup.md, walked: the data directory is lost, a backup with the key file and the pki directory brings the
 * cluster back; then it moves to etcd and home again. Each time the old kubeconfig works, containers go on running as if
 * nothing had been, and what was read before is told to be out of date.
 */
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { EtcdCluster, needEtcd } from '../store/etcd/cluster.ts';
import { command, eventually, GantryProcess, type Output } from './process.ts';

const TASK = {
  apiVersion: 'gantry.dev/v1',
  kind: 'Task',
  metadata: { name: 'staying' },
  spec: { image: 'gantry/hello:1', terminationGracePeriodSeconds: 1 },
};

interface Seen {
  readonly uid: string;
  readonly resourceVersion: string;
  /** Id and start of each container of the cluster. */
  readonly containers: readonly string[];
}

describe('Disaster recovery', function () {
  this.timeout(180_000);
  let gantry: GantryProcess;
  let safe: string;
  let cluster: string;
  let seen: Seen;

  before(async () => {
    gantry = await GantryProcess.open();
    safe = mkdtempSync(join(tmpdir(), 'gantry-safe-'));
    cluster = gantry.clusterId();
    const applied = await gantry.kubectl(['apply', '-f', '-'], JSON.stringify(TASK));
    expect(applied.code, applied.stderr).to.equal(0);
    const ready = await gantry.kubectl(['wait', 'task/staying', '--for=condition=Ready', '--timeout=60s']);
    expect(ready.code, ready.stderr).to.equal(0);
    const secret = await gantry.kubectl([
      'create',
      'secret',
      'generic',
      'login',
      '--from-literal=password=hush',
    ]);
    expect(secret.code, secret.stderr).to.equal(0);
    copyFileSync(gantry.kubeconfig, join(safe, 'kubeconfig'));
    seen = await look();
    expect(seen.containers).to.have.length(1);
  });
  after(async () => {
    const left = await containersOf();
    if (left.length > 0) await command('docker', ['rm', '-f', ...left]);
    await gantry.dispose();
    rmSync(safe, { recursive: true, force: true });
  });

  const containersOf = async (): Promise<string[]> => {
    const words = ['ps', '-aq', '--no-trunc', '--filter', `label=gantry.dev/cluster=${cluster}`];
    return (await command('docker', words)).stdout.split('\n').filter((line) => line !== '');
  };
  const kubectl = (...words: string[]): Promise<Output> =>
    gantry.kubectl(['--kubeconfig', join(safe, 'kubeconfig'), ...words]);
  const must = async (answer: Promise<Output>): Promise<string> => {
    const { code, stdout, stderr } = await answer;
    expect(code, stderr).to.equal(0);
    return stdout;
  };

  async function look(): Promise<Seen> {
    const task: unknown = JSON.parse(await must(kubectl('get', 'task', 'staying', '-o', 'json')));
    const { metadata } = task as { metadata: { uid: string; resourceVersion: string } };
    const ids = await containersOf();
    const started = await must(
      command('docker', ['inspect', '-f', '{{.Id}} {{.State.StartedAt}} {{.State.Running}}', ...ids]),
    );
    const { uid, resourceVersion } = metadata;
    return { uid, resourceVersion, containers: started.trim().split('\n').sort() };
  }

  /** What holds whenever the cluster came back: `before` is how it was seen last. */
  async function cameBack(before: Seen): Promise<Seen> {
    await must(kubectl('wait', 'task/staying', '--for=condition=Ready', '--timeout=60s'));
    const path = ['-o', 'jsonpath={.data.password}'];
    const password = await must(kubectl('get', 'secret', 'login', ...path));
    expect(Buffer.from(password, 'base64').toString()).to.equal('hush');
    // The agent has looked at its containers when it says how they are.
    await eventually('the worker is ready', async () => {
      const ready = 'jsonpath={.items[0].status.conditions[?(@.type=="Ready")].status}';
      return (await kubectl('get', 'workers', '-o', ready)).stdout === 'True' ? true : undefined;
    });
    const now = await look();
    expect(now.uid).to.equal(before.uid);
    expect(now.containers, 'neither restarted nor doubled').to.deep.equal(before.containers);
    expect(Number(now.resourceVersion)).to.be.greaterThan(Number(before.resourceVersion));
    for (const query of [
      `watch=true&resourceVersion=${before.resourceVersion}`,
      `resourceVersion=${before.resourceVersion}&resourceVersionMatch=Exact`,
    ]) {
      const { stdout, stderr } = await kubectl(
        'get',
        '--raw',
        `/apis/gantry.dev/v1/namespaces/default/tasks?${query}`,
      );
      expect(stdout + stderr, query).to.match(/Expired|too old resource version|410/);
    }
    await must(kubectl('annotate', 'task', 'staying', '--overwrite', `was=${before.resourceVersion}`));
    return now;
  }

  const backup = (name: string): Promise<string> => must(gantry.gantry(['backup', join(safe, name)]));
  const restore = (name: string, ...words: string[]): Promise<string> =>
    must(gantry.gantry(['restore', join(safe, name), ...words]));

  it('from a lost data directory', async () => {
    const said = await backup('one.backup');
    expect(said)
      .to.include(cluster)
      .and.to.match(
        /not in it, keep apart: the encryption key file that has key 0x[0-9a-f]{8}; the pki directory/,
      );
    expect(statSync(join(safe, 'one.backup')).mode & 0o777).to.equal(0o600);
    copyFileSync(join(gantry.home, 'encryption.key'), join(safe, 'encryption.key'));
    cpSync(join(gantry.home, 'pki'), join(safe, 'pki'), { recursive: true });
    const after = await must(
      kubectl(
        'create',
        'configmap',
        'lost',
        '--from-literal=a=b',
        '-o',
        'jsonpath={.metadata.resourceVersion}',
      ),
    );

    const later = { ...TASK, metadata: { name: 'later' } };
    await must(gantry.kubectl(['apply', '-f', '-'], JSON.stringify(later)));
    await must(kubectl('wait', 'task/later', '--for=condition=Ready', '--timeout=60s'));
    expect(await containersOf()).to.have.length(2);

    expect(await gantry.stop('SIGKILL')).to.equal('SIGKILL');
    for (const name of readdirSync(gantry.home)) rmSync(join(gantry.home, name), { recursive: true });

    const refused = await gantry.gantry(['restore', join(safe, 'one.backup')]);
    expect(refused.code).to.equal(1);
    expect(refused.stderr)
      .to.match(/encrypted with key 0x[0-9a-f]{8}/)
      .and.to.include('--encryption-key-file');
    expect(readdirSync(gantry.home)).to.deep.equal([]);

    copyFileSync(join(safe, 'encryption.key'), join(gantry.home, 'encryption.key'));
    cpSync(join(safe, 'pki'), join(gantry.home, 'pki'), { recursive: true });
    expect(await restore('one.backup', '--verify')).to.include('the backup is whole and readable');
    expect(await restore('one.backup')).to.include(`cluster ${cluster} goes on at revision`);
    await gantry.start();
    expect((await kubectl('get', 'configmap', 'lost')).stderr).to.include('not found');
    await eventually('the container of no Task is removed', async () =>
      (await containersOf()).length === 1 ? true : undefined,
    );
    // Also a number that the old cluster gave out after the backup.
    seen = await cameBack({ ...seen, resourceVersion: after });
  });

  it('by moving to etcd, and home again', async function () {
    needEtcd(this);
    const etcd = await EtcdCluster.start();
    try {
      await backup('two.backup');
      await gantry.stop();
      const url = `${etcd.url}/recovery`;
      await restore('two.backup', '--store', url);
      writeFileSync(join(gantry.home, 'config.yaml'), `store: ${url}\n`);
      rmSync(join(gantry.home, 'store'), { recursive: true });
      await gantry.start();
      seen = await cameBack(seen);

      // Beside the running server, from etcd itself.
      expect(
        await must(gantry.gantry(['backup', join(safe, 'three.backup'), '--store', url])),
      ).not.to.include('pki');
      await gantry.stop();
      rmSync(join(gantry.home, 'config.yaml'));
      // The keys come back with the backup.
      rmSync(join(gantry.home, 'pki'), { recursive: true, force: true });
      mkdirSync(join(gantry.home, 'pki'), { mode: 0o700 });
      await restore('three.backup');
      await gantry.start();
      seen = await cameBack(seen);
    } finally {
      await etcd.stop();
    }
  });
});
