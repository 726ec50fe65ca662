/** The scheduler's profiles on two real workers: two processes that share an etcd, and this machine's engine. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { ProfileName } from '../../controllers/scheduler/profiles.ts';
import { isRecord } from '../../machinery/json.ts';
import { KeyRing } from '../../store/encryption.ts';
import { newDirectory, removeDirectories } from '../store/builders.ts';
import { EtcdCluster, needEtcd } from '../store/etcd/cluster.ts';
import { command, eventually, GantryProcess } from './process.ts';

describe('Walk: scheduler profiles on two workers', function () {
  this.timeout(90_000);
  const names = ['alpha', 'beta'].map((name) => `${name}-${process.pid}`);
  const [alpha = '', beta = ''] = names;
  const opened: GantryProcess[] = [];
  let etcd: EtcdCluster | undefined;
  let made = 0;

  before(async function () {
    needEtcd(this);
    etcd = await EtcdCluster.start({ members: 1 });
    const keyFile = join(newDirectory(), 'encryption.key');
    writeFileSync(keyFile, KeyRing.newFile(), { mode: 0o600 });
    for (const name of names) {
      const flags = ['--store', etcd.url, '--encryption-key-file', keyFile, '--worker-name', name];
      opened.push(await GantryProcess.open({ flags }));
    }
  });
  after(async () => {
    const [first] = opened;
    await first?.kubectl(['delete', 'tasks', '--all', '--timeout=40s']);
    for (const gantry of opened) await gantry.dispose();
    await etcd?.stop();
    removeDirectories();
    for (const name of names) {
      const { stdout } = await command('docker', [
        'ps',
        '-aq',
        '--filter',
        `label=gantry.dev/worker=${name}`,
      ]);
      const left = stdout.split('\n').filter((id) => id !== '');
      if (left.length > 0) await command('docker', ['rm', '-f', ...left]);
    }
  });

  /** Through one process and then the other: both serve the same cluster. */
  const kubectl = async (words: readonly string[], manifest?: object): Promise<string> => {
    const gantry = opened[made % opened.length];
    if (gantry === undefined) throw new Error('no process runs');
    const input = manifest === undefined ? undefined : JSON.stringify(manifest);
    const { code, stdout, stderr } = await gantry.kubectl(words, input);
    expect(code, stderr).to.equal(0);
    return stdout;
  };
  const choose = (profile: ProfileName): Promise<string> =>
    kubectl(['apply', '-f', '-'], {
      apiVersion: 'gantry.dev/v1',
      kind: 'SchedulerSettings',
      metadata: { name: 'default' },
      spec: { profile },
    });
  /** Where it runs. */
  const run = async (): Promise<string> => {
    made += 1;
    const name = `t${made}`;
    await kubectl(['apply', '-f', '-'], {
      apiVersion: 'gantry.dev/v1',
      kind: 'Task',
      metadata: { name },
      spec: {
        image: 'gantry/hello:1',
        network: { mode: 'none' },
        terminationGracePeriodSeconds: 0,
        resources: { requests: { cpu: '100m', memory: '64Mi' } },
      },
    });
    await kubectl(['wait', `task/${name}`, '--for=condition=Ready', '--timeout=30s']);
    return kubectl(['get', 'task', name, '-o', 'jsonpath={.spec.workerName}']);
  };

  it('D0.12 D0.8 both have joined, and GET /nodes of either shows them', async () => {
    for (const { managerPort } of opened) {
      await eventually('both are ready', async () => {
        const items: unknown = await (await fetch(`http://localhost:${managerPort}/nodes`)).json();
        const nodes = Array.isArray(items) ? items.filter(isRecord) : [];
        const ready = nodes.filter(({ Status }) => Status === 'Ready').map(({ Name }) => Name);
        return ready.join() === names.join() ? true : undefined;
      });
    }
  });

  it('D0.12 RoundRobin takes turns', async () => {
    await choose('RoundRobin');
    expect([await run(), await run(), await run()]).to.deep.equal([alpha, beta, alpha]);
  });

  it('D0.12 BinPack goes on with the fuller one, Spread and EPVM with the emptier', async () => {
    await choose('BinPack');
    expect([await run(), await run()]).to.deep.equal([alpha, alpha]);
    await choose('EPVM');
    expect([await run(), await run()]).to.deep.equal([beta, beta]);
    await choose('Spread');
    expect(await run()).to.equal(beta);
  });

  it('D0.7 each worker speaks of its own tasks', async () => {
    const listed = await Promise.all(
      opened.map(async ({ workerPort }) => {
        const items: unknown = await (await fetch(`http://localhost:${workerPort}/tasks`)).json();
        return (Array.isArray(items) ? items.filter(isRecord) : []).map(({ Name }) => String(Name)).sort();
      }),
    );
    expect(listed).to.deep.equal([
      ['t1', 't3', 't4', 't5'],
      ['t2', 't6', 't7', 't8'],
    ]);
  });
});
