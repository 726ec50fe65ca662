/** What reaches into containers. */
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { eventually } from '../../walk/process.ts';
import { task } from '../manifests.ts';
import type { Group } from '../table.ts';

export const containers: Group = {
  name: 'logs, exec, attach, cp, port-forward, top',
  rows: [
    {
      name: 'a task to work with',
      async run(kubectl) {
        const script = 'echo first; echo second; echo third; trap "exit 0" TERM; while :; do sleep 1; done';
        await kubectl.ok(['apply', '-f', '-'], task('talks', { command: ['sh', '-c', script] }));
        await kubectl.ok(['wait', 'task/talks', '--for=condition=Ready', '--timeout=60s']);
        await eventually('it has spoken', async () =>
          /third/.test(await kubectl.ok(['logs', 'talks'])) ? true : undefined,
        );
      },
    },
    {
      name: 'logs with every option',
      async run(kubectl) {
        expect(await kubectl.ok(['logs', 'talks'])).to.equal('first\nsecond\nthird\n');
        expect(await kubectl.ok(['logs', 'pod/talks', '-c', 'talks', '--tail=1'])).to.equal('third\n');
        expect(await kubectl.ok(['logs', 'talks', '--limit-bytes=5'])).to.equal('first');
        expect(await kubectl.ok(['logs', 'talks', '--timestamps', '--tail=1'])).to.match(
          /^\d{4}-.*Z third\n$/,
        );
        expect(await kubectl.ok(['logs', 'talks', '--since=1h'])).to.match(/first/);
        expect(await kubectl.ok(['logs', 'talks', '--since-time=2100-01-01T00:00:00Z'])).to.equal('');
        expect(await kubectl.ok(['logs', '-l', 'app=talks'])).to.match(/third/);
        expect(await kubectl.fails(['logs', 'talks', '--previous'])).to.match(
          /previous terminated container/,
        );
        expect(await kubectl.fails(['logs', 'talks', '-c', 'other'])).to.match(
          /container other is not valid/,
        );
        const following = kubectl.start(['logs', '-f', 'talks']);
        await following.says(/third/);
        following.stop();
        expect(await kubectl.fails(['logs', 'task/talks'])).to.match(
          /no kind "Task" is registered|cannot get the logs/,
        );
      },
    },
    {
      name: 'exec: output, input, exit codes, what cannot be run',
      async run(kubectl) {
        expect(await kubectl.ok(['exec', 'talks', '--', 'echo', 'hello'])).to.equal('hello\n');
        expect(await kubectl.ok(['exec', '-i', 'talks', '--', 'cat'], 'through\n')).to.equal('through\n');
        const answer = await kubectl.run(['exec', 'talks', '--', 'sh', '-c', 'echo bad >&2; exit 3']);
        expect([answer.code, answer.stdout]).to.deep.equal([3, '']);
        expect(answer.stderr).to.match(/bad[\s\S]*exit code 3/);
        const unknown = await kubectl.run(['exec', 'talks', '--', 'no-such-program']);
        expect(unknown.code).to.be.oneOf([126, 127]);
        expect(unknown.stdout + unknown.stderr).to.match(/no-such-program.*executable file not found/);
        expect(await kubectl.fails(['exec', 'absent', '--', 'true'])).to.match(/pods "absent" not found/);
      },
    },
    {
      name: 'attach',
      async run(kubectl) {
        const script = 'trap "exit 0" TERM; while :; do echo tick; sleep 0.2; done';
        await kubectl.ok(['apply', '-f', '-'], task('ticks', { command: ['sh', '-c', script] }));
        await kubectl.ok(['wait', 'pod/ticks', '--for=condition=Ready', '--timeout=60s']);
        const attached = kubectl.start(['attach', 'ticks']);
        await attached.says(/tick/);
        attached.stop();
      },
    },
    {
      name: 'cp both ways',
      async run(kubectl) {
        const data = Array.from({ length: 5_000 }, (_, line) => `line ${line}`).join('\n');
        const from = kubectl.file('sent.txt', data);
        await kubectl.ok(['cp', from, 'talks:/tmp/sent.txt']);
        const back = kubectl.file('back.txt', '');
        await kubectl.ok(['cp', 'talks:/tmp/sent.txt', back]);
        expect(readFileSync(back, 'utf8')).to.equal(data);
      },
    },
    {
      name: 'port-forward',
      async run(kubectl) {
        const forwarding = kubectl.start(['port-forward', 'pod/runs', ':8080']);
        try {
          await forwarding.says(/Forwarding from 127\.0\.0\.1:\d+/);
          const port = /Forwarding from 127\.0\.0\.1:(\d+)/.exec(forwarding.text())?.[1];
          const pages = await Promise.all(
            Array.from({ length: 5 }, async () => (await fetch(`http://127.0.0.1:${port}/`)).text()),
          );
          for (const page of pages) expect(page).to.match(/Hello from Gantry/);
        } finally {
          forwarding.stop();
        }
      },
    },
    {
      name: 'top pod and node',
      async run(kubectl) {
        expect(await kubectl.ok(['top', 'pod'])).to.match(
          /NAME\s+CPU\(cores\)\s+MEMORY\(bytes\)[\s\S]*talks\s+\d+m\s+\d+Mi/,
        );
        expect(await kubectl.ok(['top', 'pod', '-l', 'app=talks', '--containers'])).to.match(/talks\s+talks/);
        expect(await kubectl.ok(['top', 'node'])).to.match(/\d+m\s+\d+%\s+\d+Mi\s+\d+%/);
      },
    },
  ],
};
