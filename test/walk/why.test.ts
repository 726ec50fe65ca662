/** Why, on the real engine: containers that end, an image that is nowhere, an edit, a deletion; across a restart of Gantry. */
import { expect } from 'chai';
import { eventually, GantryProcess } from './process.ts';

const manifest = (name: string, spec: Record<string, unknown>): string =>
  JSON.stringify({
    apiVersion: 'gantry.dev/v1',
    kind: 'Task',
    metadata: { name },
    spec: { image: 'gantry/hello:1', terminationGracePeriodSeconds: 0, ...spec },
  });
const CRASH = { command: ['sh', '-c', 'echo no database >&2; exit 7'] };

describe('Why', function () {
  this.timeout(120_000);
  let gantry: GantryProcess;
  before(async () => {
    gantry = await GantryProcess.open();
  });
  after(async () => gantry?.dispose());

  const ok = async (line: string, input?: string): Promise<string> => {
    const { code, stdout, stderr } = await gantry.gantry(line.split(' '), input);
    expect(code, `gantry ${line}\n${stderr}`).to.equal(0);
    return stdout;
  };
  const whyUntil = (line: string, pattern: RegExp): Promise<string> =>
    eventually(
      `gantry ${line} says ${pattern.source}`,
      async () => {
        const text = await ok(line);
        return pattern.test(text) ? text : undefined;
      },
      30_000,
    );

  it('is told of a crash, its cause, the edit that put it right and the deletion, also after a restart', async () => {
    await ok('apply -f -', manifest('web', CRASH));
    await ok('apply -f -', manifest('lost', { image: 'gantry/nowhere:9', imagePullPolicy: 'Never' }));
    const crashed = await whyUntil('why task/web', /CrashLoopBackOff\n/);
    expect(crashed).to.match(/Because: .*the last container ended with exit code 7 \(Error\)/);
    expect(crashed).to.match(/Next: .*Z \((?:in \d+s|\d+s ago)\): the next container is started/);
    expect(crashed).to.match(/created {2,}admin.*created: image gantry\/hello:1/);
    expect(crashed).to.match(/placement {2,}.*Scheduled: bound to worker .*: the only worker/);
    expect(crashed).to.match(/container 1 ended by itself with exit code 7\n {6}\| no database\n/);
    expect(crashed).to.not.match(/Not known/);

    const missing = await whyUntil('why task/lost', /ErrImagePull\n/);
    expect(missing).to.match(/Next: .*Z \((?:in \d+s|\d+s ago)\): the image is pulled again/);

    await gantry.stop('SIGKILL');
    await gantry.start();
    await ok('apply -f -', manifest('web', { command: ['sleep', '1000'] }));
    const mended = await whyUntil('why task/web', /task\/web in namespace default: Running\n/);
    expect(mended).to.match(/spec {2,}admin.*changed spec\.command/);
    expect(mended).to.match(/container 1 ended by itself with exit code 7/);

    await ok('delete task/web');
    const gone = await ok('why task/web');
    expect(gone).to.match(/^task\/web in namespace default: Deleted\n/);
    expect(gone).to.match(/Because: .*task\/web was deleted at .* by admin/);
    const { stdout } = await gantry.kubectl([
      'get',
      '--raw',
      '/apis/gantry.dev/v1/namespaces/default/tasks/web/why',
    ]);
    expect(JSON.parse(stdout)).to.include({ kind: 'Why', isGone: true, state: 'Deleted' });
  });
});
