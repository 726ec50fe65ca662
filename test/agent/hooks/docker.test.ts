/** Lifecycle acts in real containers. */
import { expect } from 'chai';
import { Hooks } from '../../../agent/hooks/hooks.ts';
import type { Hook, ProbeTarget } from '../../../controllers/task/services.ts';
import { systemClock } from '../../../machinery/clock.ts';
import { messageOf } from '../../../machinery/errors.ts';
import { eventually } from '../../runtime/expectations.ts';
import { isLeftOut, prepareEngine } from '../../runtime/sample-engine.ts';
import { Containers } from '../probes/containers.ts';

(isLeftOut ? describe.skip : describe)('lifecycle hooks in real containers', function () {
  this.timeout(60_000);
  const containers = new Containers();
  const hooks = new Hooks({ runtime: containers.runtime, clock: systemClock, version: 'test' });
  let target: ProbeTarget;

  before(async () => {
    await prepareEngine();
    target = await containers.run('trap "exit 0" TERM; httpd -f -p 8080 -h /www & wait', {
      ports: [{ name: 'web', containerPort: 8080 }],
    });
  });
  after(() => containers.remove());

  const run = (hook: Hook, signal = new AbortController().signal): Promise<string> =>
    hooks.run(target.task, target.containerId, hook, signal).then(
      () => 'done',
      (error: unknown) => messageOf(error),
    );

  it('exec, with the code and the last words of what failed', async () => {
    expect(await run({ exec: { command: ['sh', '-c', 'echo was > /tmp/here'] } })).to.equal('done');
    expect(await containers.look(target.containerId, 'cat /tmp/here')).to.equal('was\n');
    expect(await run({ exec: { command: ['sh', '-c', 'echo bad >&2; exit 4'] } })).to.equal(
      'command "sh -c echo bad >&2; exit 4" ended with 4: bad',
    );
    expect(await run({ exec: { command: ['no-such'] } })).to.match(/executable file not found/);
  });

  it('httpGet and tcpSocket', async () => {
    expect(await run({ httpGet: { port: 'web', path: '/index.html' } })).to.equal('done');
    expect(await run({ httpGet: { port: 'web', path: '/none' } })).to.match(/statuscode: 404/);
    expect(await run({ tcpSocket: { port: 8080 } })).to.equal('done');
    expect(await run({ tcpSocket: { port: 8081 } })).to.match(/connection refused/);
  });

  it('a command that has no more time is killed', async () => {
    const abort = new AbortController();
    const outcome = run({ exec: { command: ['sleep', '888'] } }, abort.signal);
    const isThere = async (): Promise<boolean> =>
      (await containers.look(target.containerId, 'ps -o args')).includes('sleep 888');
    await eventually(async () => (await isThere()) || undefined, 'the command');
    abort.abort(new Error('the grace period is over'));
    expect(await outcome).to.equal('the grace period is over');
    await eventually(async () => !(await isThere()) || undefined, 'its end');
  });
});
