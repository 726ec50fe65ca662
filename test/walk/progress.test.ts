/** How far Tasks and Runs are, and Runs that wait for Runs, on the real engine: from a shell in the container to kubectl. */
import { expect } from 'chai';
import type { Run } from '../../schemas/types.gen.ts';
import { eventually, GantryProcess } from './process.ts';

/** Each step waits for the test, which puts a file of its number beside the outputs. */
const SCRIPT = [
  'until [ -e /run/gantry/1 ]; do usleep 50000; done',
  'echo "::progress 40"',
  'until [ -e /run/gantry/2 ]; do usleep 50000; done',
  'yes "::progress 55" | head -n 200000',
  'until [ -e /run/gantry/3 ]; do usleep 50000; done',
  'echo progress=90 >> $GANTRY_OUTPUT',
  'until [ -e /run/gantry/4 ]; do usleep 50000; done',
].join('; ');

const template = (name: string, script: string): string =>
  JSON.stringify({
    apiVersion: 'gantry.dev/v1',
    kind: 'TaskTemplate',
    metadata: { name },
    spec: {
      template: {
        spec: { image: 'gantry/hello:1', command: ['sh', '-c', script], terminationGracePeriodSeconds: 0 },
      },
    },
  });
const run = (name: string, templateRef: string, dependsOn: readonly string[] = []): string =>
  JSON.stringify({
    apiVersion: 'gantry.dev/v1',
    kind: 'Run',
    metadata: { name },
    spec: { templateRef: { name: templateRef }, dependsOn: dependsOn.map((other) => ({ name: other })) },
  });

describe('Progress, and Runs that wait for Runs', function () {
  this.timeout(120_000);
  let gantry: GantryProcess;
  before(async () => {
    gantry = await GantryProcess.open();
  });
  after(async () => gantry?.dispose());

  const ok = async (words: readonly string[], input?: string): Promise<string> => {
    const { code, stdout, stderr } = await gantry.kubectl(words, input);
    expect(code, `kubectl ${words.join(' ')}\n${stderr}`).to.equal(0);
    return stdout;
  };
  const status = async (name: string): Promise<NonNullable<Run['status']>> =>
    (JSON.parse(await ok(['get', 'run', name, '-o', 'json'])) as Run).status ?? {};
  const progress = (name: string, percent: number): Promise<true> =>
    eventually(
      `run ${name} is at ${percent}`,
      async () => (await status(name)).progress === percent || undefined,
      30_000,
    );
  const allow = (step: number): Promise<string> =>
    ok(['exec', 'work-work-1', '--', 'touch', `/run/gantry/${step}`]);

  it('D2.2 D2.12 progress is told while the work goes on, also after kill -9; who waits begins when it has completed', async () => {
    await ok(['create', '-f', '-'], template('work', SCRIPT));
    await ok(['create', '-f', '-'], template('next', 'echo done'));
    await ok(['create', '-f', '-'], run('work', 'work'));
    await ok(['create', '-f', '-'], run('next', 'next', ['work']));
    await eventually('it waits', async () => (await status('next')).reason === 'WaitingForRuns' || undefined);
    expect((await status('next')).message).to.equal('waits until "work" has completed');
    await eventually(
      'the work runs',
      async () => (await ok(['get', 'task', '-o', 'name'])).includes('work-work-1') || undefined,
    );
    await eventually(
      'a step of it is let go',
      async () =>
        (await gantry.kubectl(['exec', 'work-work-1', '--', 'touch', '/run/gantry/1'])).code === 0 ||
        undefined,
    );
    await progress('work', 40);
    expect((await status('work')).tasks?.[0]).to.include({ state: 'running', progress: 40 });
    await gantry.stop('SIGKILL');
    await gantry.start();
    expect((await status('work')).progress).to.equal(40);
    await allow(2);
    await progress('work', 55);
    await allow(3);
    await progress('work', 90);
    await allow(4);
    await eventually(
      'all has completed',
      async () => (await status('next')).state === 'completed' || undefined,
      30_000,
    );
    expect(await status('work')).to.include({ state: 'completed', progress: 100 });
    const { dependsOn, startedAt } = await status('next');
    expect(dependsOn?.[0]).to.include({ name: 'work' }).and.to.have.property('completedAt');
    expect(Date.parse(startedAt ?? '')).to.be.at.least(
      Math.floor(Date.parse((await status('work')).finishedAt ?? '') / 1000) * 1000,
    );
  });

  it('D2.12 a Run fails with the one that it waits for', async () => {
    await ok(['create', '-f', '-'], template('bad', 'sleep 1; exit 3'));
    await ok(['create', '-f', '-'], run('bad', 'bad'));
    await ok(['create', '-f', '-'], run('after', 'next', ['bad']));
    await eventually(
      'it has ended',
      async () => (await status('after')).state === 'failed' || undefined,
      30_000,
    );
    expect(await status('after')).to.include({
      reason: 'DependencyNotSatisfied',
      message: 'run "bad" is failed (TaskFailed), and must have completed',
    });
  });
});
