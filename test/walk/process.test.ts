/** `gantry up` as a process: how it starts, how it ends, and the one clear sentence for each way it cannot start. */

import { once } from 'node:events';
import { chmodSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { command, eventually, freePort, GantryProcess } from './process.ts';

const hack = join(import.meta.dirname, '..', '..', 'hack', 'gantry');

/** Lines for people: what is not a structured log line. */
const sentences = (text: string): string[] =>
  text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('{'));

describe('gantry up', function () {
  this.timeout(90_000);
  let gantry: GantryProcess;

  before(async () => {
    gantry = await GantryProcess.open();
  });
  after(async () => gantry.dispose());

  it('keeps its keys to itself', () => {
    expect(statSync(gantry.kubeconfig).mode & 0o777).to.equal(0o600);
    expect(statSync(join(gantry.home, 'pki', 'ca.key')).mode & 0o777).to.equal(0o600);
  });

  it('refuses a second start on the same data directory with one sentence', async () => {
    const words = ['up', '--home', gantry.home, '--secure-port', String(await freePort())];
    const answer = await command(hack, words, { timeoutMs: 15_000 });
    expect(answer.code).to.equal(1);
    expect(sentences(answer.stderr)).to.have.length(1);
    expect(answer.stderr).to.include(String(gantry.pid));
  });

  it('refuses a busy port with one sentence that names it', async () => {
    const busy = createServer();
    busy.listen(0, '127.0.0.1');
    await once(busy, 'listening');
    const address = busy.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const home = join(gantry.home, 'second');
    const answer = await command(hack, ['up', '--home', home, '--secure-port', String(port)], {
      timeoutMs: 15_000,
    });
    busy.close();
    expect(answer.code).to.equal(1);
    expect(sentences(answer.stderr)).to.have.length(1);
    expect(answer.stderr).to.include(`127.0.0.1:${port}`);
  });

  it('refuses a data directory it cannot use with one sentence that names it', async () => {
    // Root may read anything, so the unusable directory is a file here.
    const answer = await command(hack, ['up', '--home', gantry.kubeconfig], { timeoutMs: 15_000 });
    expect(answer.code).to.equal(1);
    expect(sentences(answer.stderr)).to.have.length(1);
    expect(answer.stderr).to.include(gantry.kubeconfig);
  });

  it('shows every setting and where it came from', async () => {
    const answer = await command(hack, ['config', '--secure-port', '7555'], {
      env: { GANTRY_LOG_LEVEL: 'warn' },
    });
    expect(answer.code).to.equal(0);
    expect(answer.stdout).to.match(/securePort\s+7555\s+flag/);
    expect(answer.stdout).to.match(/logLevel\s+warn\s+environment/);
    expect(answer.stdout).to.match(/managerPort\s+8000\s+default/);
  });

  it('SIGTERM ends watches properly and exits 0; containers stay; the next start is ready within 2 s', async () => {
    const manifest = JSON.stringify({
      apiVersion: 'gantry.dev/v1',
      kind: 'Task',
      metadata: { name: 'staying' },
      spec: { image: 'gantry/hello:1', terminationGracePeriodSeconds: 1 },
    });
    expect((await gantry.kubectl(['apply', '-f', '-'], manifest)).code).to.equal(0);
    expect(
      (await gantry.kubectl(['wait', 'task/staying', '--for=condition=Ready', '--timeout=60s'])).code,
    ).to.equal(0);
    const running = await gantry.containers(['status=running']);
    const watch = await fetch(`http://127.0.0.1:${gantry.managerPort}/tasks?watch=true`);
    const body = watch.text();
    expect(await gantry.stop('SIGTERM')).to.equal(0);
    // A stream that was cut rather than ended rejects here.
    await body;
    expect(await gantry.containers(['status=running'])).to.deep.equal(running);
    const begin = performance.now();
    await gantry.start();
    expect(performance.now() - begin).to.be.lessThan(
      4_000,
      'twice the promised 2 s: the bench measures the figure itself',
    );
    expect(await gantry.containers(['status=running'])).to.deep.equal(running);
  });

  it('serves with Docker unreachable, says RuntimeDown, and accepts work', async () => {
    const socket = join(gantry.home, 'nothing.sock');
    const lonely = await GantryProcess.open({ flags: ['--docker-host', `unix://${socket}`] });
    try {
      const reason = await eventually('the worker says RuntimeDown', async () => {
        const path = 'jsonpath={.items[0].status.conditions[?(@.type=="Ready")].reason}';
        const answer = await lonely.kubectl(['get', 'workers', '-o', path]);
        return answer.stdout === 'RuntimeDown' ? answer.stdout : undefined;
      });
      expect(reason).to.equal('RuntimeDown');
      const event = {
        ID: 'f2a4b1f0-8a52-4d7d-9c0a-0d6f3f1b2c3d',
        State: 2,
        Task: { State: 1, ID: 'f2a4b1f0-8a52-4d7d-9c0a-0d6f3f1b2c3d', Name: 'x', Image: 'gantry/hello:1' },
      };
      const answer = await fetch(`http://127.0.0.1:${lonely.managerPort}/tasks`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(event),
      });
      expect(answer.status).to.equal(201);
      await answer.body?.cancel();
    } finally {
      chmodSync(lonely.home, 0o700);
      await lonely.dispose();
    }
  });
});
