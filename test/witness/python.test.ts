/** The Python client (Debian's python3-kubernetes) as a foreign witness. */
import { join } from 'node:path';
import { expect } from 'chai';
import { command, eventually, GantryProcess } from '../walk/process.ts';

/** Debian's own interpreter: it is the one that has Debian's packages. */
const PYTHON = '/usr/bin/python3';

describe('the Python client', function () {
  this.timeout(120_000);
  let gantry: GantryProcess;

  before(async function () {
    const found = await command(PYTHON, ['-c', 'import kubernetes']).catch(() => undefined);
    if (found?.code !== 0) {
      console.error('      SKIPPED: no python3-kubernetes on this machine; hack/test.sh installs it');
      this.skip();
    }
    gantry = await GantryProcess.open();
  });
  after(() => gantry?.dispose());

  it('creates, lists, patches, watches, execs and deletes by its dynamic and typed clients', async () => {
    const manifest = {
      apiVersion: 'gantry.dev/v1',
      kind: 'Task',
      metadata: { name: 'runs', namespace: 'default' },
      spec: { image: 'gantry/hello:1', terminationGracePeriodSeconds: 1 },
    };
    expect((await gantry.kubectl(['create', '-f', '-'], JSON.stringify(manifest))).code).to.equal(0);
    await eventually('the task runs', async () => {
      const words = ['get', 'task', 'runs', '-o', 'jsonpath={.status.phase}'];
      return (await gantry.kubectl(words)).stdout === 'Running' ? true : undefined;
    });
    const script = join(import.meta.dirname, 'witness.py');
    const answer = await command(PYTHON, [script, gantry.kubeconfig, 'runs']);
    expect(answer.code, answer.stderr).to.equal(0);
    const steps = new Map(
      answer.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { step: string; value: unknown })
        .map(({ step, value }) => [step, value]),
    );
    expect(Object.fromEntries(steps)).to.deep.include({
      create: 'py',
      list: ['py'],
      patch: 'SIGINT',
      absent: 404,
      'typed watch': ['ADDED'],
      exec: 'from python\n',
      delete: 'py',
    });
    // The first Task may still be on its way to Ready, and the scheduler may say Stopped of the new one before it goes.
    expect(JSON.stringify(steps.get('watch'))).to.match(
      /^\["ADDED",("MODIFIED",)*"ADDED",("MODIFIED",)*"DELETED"\]$/,
    );
    expect(JSON.stringify(steps.get('nodes'))).to.match(/docker:\/\//);
  });
});
