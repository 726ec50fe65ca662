/**
 * The jobs API of a real Gantry on a real engine, as the document of the jobs API uses it: `gantry --db … run DIR`, curl in
 * a shell, HTTPS with certificates and tokens, a kill in the middle of a run.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { load } from 'js-yaml';
import { isRecord } from '../../machinery/json.ts';
import { at } from '../api/server/harness.ts';
import { command, eventually, GantryProcess } from './process.ts';

const EXAMPLES = 'manifests/examples/jobs';
const IMAGE = 'gantry/hello:1';
const ENDED = ['completed', 'failed', 'interrupted', 'cancelled'];
/** On a machine that has much else to do. */
const ENDED_WITHIN_MS = 120_000;
const root = join(import.meta.dirname, '..', '..');

/** Runs a line in bash, in which port 8565 of this machine is that of the process. */
async function shell(gantry: GantryProcess, line: string): Promise<string> {
  const curlHome = join(gantry.home, 'curl');
  await command('mkdir', ['-p', curlHome]);
  writeFileSync(
    join(curlHome, '.curlrc'),
    `connect-to = "localhost:8565:127.0.0.1:${gantry.apiPort}"\nsilent\n`,
  );
  const { code, stdout, stderr } = await command('bash', ['-c', line], { env: { CURL_HOME: curlHome } });
  expect(code, `${line}\n${stderr}`).to.equal(0);
  return stdout;
}

async function json(gantry: GantryProcess, line: string): Promise<Record<string, unknown>> {
  const value: unknown = JSON.parse(await shell(gantry, line));
  if (isRecord(value)) return value;
  throw new Error(`${line}: found ${JSON.stringify(value)}`);
}

async function ended(gantry: GantryProcess, run: unknown): Promise<Record<string, unknown>> {
  return eventually(
    `run ${String(run)} has ended`,
    async () => {
      const found = await json(gantry, `curl http://localhost:8565/api/runs/${String(run)}`);
      return ENDED.includes(String(found.status)) ? found : undefined;
    },
    ENDED_WITHIN_MS,
  );
}

const step = (name: string, script: string, rest: object = {}): object => ({
  name,
  template: { spec: { image: IMAGE, command: ['/bin/sh', '-c', script], terminationGracePeriodSeconds: 1 } },
  ...rest,
});
const job = (name: string, tasks: readonly object[], spec: object = {}): object => ({
  apiVersion: 'gantry.dev/v1',
  kind: 'Job',
  metadata: { name },
  spec: { tasks, ...spec },
});

describe('gantry run, and the jobs API on a real engine', function () {
  this.timeout(300_000);
  let gantry: GantryProcess;
  before(async () => {
    gantry = await GantryProcess.open({ begin: (home) => ['--db', home, 'run', EXAMPLES] });
    await eventually('the examples are applied', () =>
      gantry.log.includes('job.gantry.dev/announce') ? true : undefined,
    );
  });
  after(() => gantry.dispose());

  const apply = async (...items: readonly object[]): Promise<void> => {
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
    const { code, stderr } = await gantry.gantry(['apply', '-f', '-'], list);
    expect(code, stderr).to.equal(0);
  };

  it('D3.11 gantry --db DIR run DIR starts on that store and tells each object it applied', () => {
    expect(gantry.log).to.match(/Gantry serves https:\/\/127\.0\.0\.1:\d+/);
    for (const name of ['hello-world', 'pipeline', 'nightly-backup', 'release', 'announce']) {
      expect(gantry.log).to.contain(`job.gantry.dev/${name} created\n`);
    }
  });

  it('D3.1 the requests of the document, verbatim: trigger, then ask for the run and the jobs', async () => {
    const triggered = await json(gantry, 'curl -X POST http://localhost:8565/api/jobs/hello_world/trigger');
    expect(triggered).to.include({ job_id: 'hello_world', message: 'job "hello_world" was triggered' });
    const run = await ended(gantry, triggered.run_id);
    expect(run).to.include({ id: triggered.run_id, job_id: 'hello_world', status: 'completed', error: null });
    expect(Number(run.duration_ms)).to.equal(Number(run.ended_at) - Number(run.started_at));
    const { jobs, count } = await json(gantry, 'curl http://localhost:8565/api/jobs');
    expect(count).to.equal(5);
    expect(jobs).to.deep.include({
      id: 'hello_world',
      name: 'hello-world',
      enabled: true,
      scheduled: false,
      task_count: 1,
    });
    expect(await shell(gantry, `curl http://localhost:8565/api/runs/${String(run.id)}/logs`)).to.equal(
      '[greet] Hello, world!\n',
    );
  });

  it('D3.11 every request that docs/doors/jobs.md shows is answered', async () => {
    const page = readFileSync(join(root, 'docs', 'doors', 'jobs.md'), 'utf8');
    const lines = page
      .split('\n')
      .filter((line) => line.startsWith('curl ') && line.includes('localhost:8565'));
    expect(lines.length).to.be.at.least(15);
    let run = '';
    for (const line of lines) {
      // What is rerun has ended; what is cancelled has not.
      if (run !== '' && !line.includes('/cancel')) await ended(gantry, run);
      const answer = await shell(gantry, line.replaceAll('$RUN', run));
      if (line.includes('/logs')) {
        expect(answer, line).to.contain('Hello, world!\n');
        continue;
      }
      const found: unknown = JSON.parse(answer);
      expect(found, line).not.to.have.property('code');
      if (/\/trigger|\/rerun/.test(line)) run = String(at(found, 'run_id'));
    }
    await ended(gantry, run);
  });

  it('D3.12 retries, outputs and conditions of the pipeline, as the API tells them', async () => {
    const { run_id: good } = await json(
      gantry,
      `curl -X POST http://localhost:8565/api/jobs/pipeline/trigger -d '{"parameters":{"rows":3}}'`,
    );
    expect(await ended(gantry, good)).to.include({ status: 'completed' });
    const { tasks } = await json(gantry, `curl http://localhost:8565/api/runs/${String(good)}/tasks`);
    const states = (tasks as { task_id: string; status: string; attempts: number }[]).map(
      ({ task_id, status, attempts }) => `${task_id} ${status} ${attempts}`,
    );
    expect(states).to.deep.equal([
      'extract completed 2',
      'load completed 1',
      'report completed 1',
      'alarm skipped 0',
      'tidy completed 1',
    ]);
    const text = await shell(gantry, `curl http://localhost:8565/api/runs/${String(good)}/logs`);
    expect(text).to.equal(
      '[extract] try 1\n[extract 2] try 2\n[load] loading 3 rows\n[report] all is well\n[tidy] tidy again\n',
    );
    const { run_id: bad } = await json(
      gantry,
      `curl -X POST http://localhost:8565/api/jobs/pipeline/trigger -d '{"parameters":{"rows":0}}'`,
    );
    const failed = await ended(gantry, bad);
    expect(failed.status).to.equal('failed');
    expect(failed.error).to.match(/load/);
    const followed = await shell(
      gantry,
      `curl 'http://localhost:8565/api/runs/${String(bad)}/logs?follow=true&task=alarm'`,
    );
    expect(followed).to.equal('nothing was loaded\n');
    const { run_id: again } = await json(
      gantry,
      `curl -X POST http://localhost:8565/api/runs/${String(good)}/rerun -d '{"from_task":"report"}'`,
    );
    expect(await ended(gantry, again)).to.include({ status: 'completed' });
  });

  it('D3.12 a step is killed with its timeout', async () => {
    await apply(job('late', [step('sleep', 'trap "" TERM; sleep 60', { timeoutSeconds: 1 })]));
    const { run_id: run } = await json(gantry, 'curl -X POST http://localhost:8565/api/jobs/late/trigger');
    expect(await ended(gantry, run)).to.include({ status: 'failed' });
    const { tasks } = await json(gantry, `curl http://localhost:8565/api/runs/${String(run)}/tasks`);
    expect(at(tasks, '0.error')).to.match(/DeadlineExceeded/);
  });

  it('D3.13 follows a log while it grows, and cancels a run', async () => {
    await apply(
      job('endless', [step('count', 'n=0; while :; do n=$((n+1)); echo line $n; sleep 0.2; done')]),
    );
    const { run_id: run } = await json(gantry, 'curl -X POST http://localhost:8565/api/jobs/endless/trigger');
    const following = shell(
      gantry,
      `curl --no-buffer 'http://localhost:8565/api/runs/${String(run)}/logs?follow=true'`,
    );
    await eventually('it writes', async () =>
      (await shell(gantry, `curl http://localhost:8565/api/runs/${String(run)}/logs`)).includes('line 3')
        ? true
        : undefined,
    );
    const cancelled = await json(gantry, `curl -X POST http://localhost:8565/api/runs/${String(run)}/cancel`);
    expect(cancelled).to.include({ run_id: run, job_id: 'endless' });
    expect(await ended(gantry, run)).to.include({ status: 'cancelled' });
    expect(await following).to.match(/^\[count\] line 1\n\[count\] line 2\n\[count\] line 3\n/);
  });

  it('D3.11 one line is logged for each request', async () => {
    const before = gantry.log.length;
    await shell(gantry, 'curl http://localhost:8565/api/jobs/hello_world?seen=once');
    const lines = (): string[] =>
      gantry.log
        .slice(before)
        .split('\n')
        .filter((line) => line.includes('/api/jobs/hello_world'));
    await eventually('a line', () => (lines().length > 0 ? true : undefined));
    expect(lines()).to.have.length(1);
    expect(lines()[0]).to.contain('"status":200');
  });

  it('D3.9 pausing outlives kill -9, stops the schedule alone, and what was missed stays missed', async () => {
    await apply(
      job('tick', [step('noop', 'true')], { schedule: '@every 1s', successfulRunsHistoryLimit: 100 }),
    );
    const ticks = async (): Promise<number> =>
      Number((await json(gantry, 'curl "http://localhost:8565/api/jobs/tick/runs?limit=1000"')).count);
    await eventually('it ticks', async () => ((await ticks()) >= 2 ? true : undefined));
    expect(await json(gantry, 'curl -X POST http://localhost:8565/api/scheduler/pause')).to.include({
      is_paused: true,
    });
    await gantry.stop('SIGKILL');
    await gantry.start();
    expect(await json(gantry, 'curl http://localhost:8565/api/scheduler/state')).to.deep.equal({
      state: 'paused',
      is_running: false,
      is_paused: true,
    });
    const { run_id: manual } = await eventually('it takes runs', async () => {
      const answer = await json(gantry, 'curl -X POST http://localhost:8565/api/jobs/hello_world/trigger');
      return answer.run_id === undefined ? undefined : answer;
    });
    await ended(gantry, manual);
    const paused = await ticks();
    await ended(
      gantry,
      (await json(gantry, 'curl -X POST http://localhost:8565/api/jobs/hello_world/trigger')).run_id,
    );
    expect(await ticks(), 'no more while it rests').to.equal(paused);
    await json(gantry, 'curl -X POST http://localhost:8565/api/scheduler/resume');
    const resumedMs = Date.now();
    await eventually('it ticks again', async () => ((await ticks()) >= paused + 2 ? true : undefined));
    const most = Math.ceil((Date.now() - resumedMs) / 1000) + 1;
    expect((await ticks()) - paused, 'no burst').to.be.at.most(most + 1);
    await gantry.gantry(['delete', 'job', 'tick']);
  });

  it('D3.12 after kill -9 in the middle of a run it goes on to its end, or is interrupted', async () => {
    await apply(
      job('long', [
        step('first', 'sleep 3; echo done'),
        step('second', 'echo after', { dependsOn: ['first'] }),
      ]),
    );
    const { run_id: run } = await json(gantry, 'curl -X POST http://localhost:8565/api/jobs/long/trigger');
    await eventually('it runs', async () =>
      (await json(gantry, `curl http://localhost:8565/api/runs/${String(run)}`)).status === 'running'
        ? true
        : undefined,
    );
    await gantry.stop('SIGKILL');
    await gantry.start();
    const { status } = await ended(gantry, run);
    expect(['completed', 'interrupted']).to.include(status);
  });
});

describe('gantry run, refused', function () {
  this.timeout(120_000);
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'gantry-run-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  const run = (...words: readonly string[]): ReturnType<typeof command> =>
    command(join(root, 'hack', 'gantry'), words, { env: { GANTRY_HOME: join(directory, 'home') } });

  it('D3.11 one file with a mistake stops the start, by file and line, and nothing is opened', async () => {
    await command('mkdir', ['-p', join(directory, 'jobs', 'deep')]);
    writeFileSync(join(directory, 'jobs', 'good.yaml'), JSON.stringify(job('good', [step('a', 'true')])));
    writeFileSync(
      join(directory, 'jobs', 'deep', 'bad.yml'),
      'apiVersion: gantry.dev/v1\nkind: Job\nmetadata: {}\n',
    );
    const { code, stderr, stdout } = await run('run', join(directory, 'jobs'));
    expect(code).to.equal(1);
    expect(stderr).to.match(/deep\/bad\.yml:3:\d+: metadata\.name is missing/);
    expect(stdout).to.equal('');
    expect((await command('ls', ['-A', directory])).stdout).to.equal('jobs\n');
  });

  it('D3.11 a file instead of a directory is told, before or after the command', async () => {
    const file = join(directory, 'petit.db');
    writeFileSync(file, 'SQLite format 3');
    for (const words of [
      ['--db', file, 'run', EXAMPLES],
      ['run', EXAMPLES, '--db', file],
    ]) {
      const { code, stderr } = await run(...words);
      expect([code, stderr]).to.deep.equal([
        1,
        `gantry: --db ${file}: found a file, wanted a directory, in which Gantry keeps its store; it is made where there is none\n`,
      ]);
    }
    expect((await run('run', EXAMPLES, '--db', directory, '--store', 'memory:')).stderr).to.contain(
      '--db and --store both',
    );
    expect((await run('run', '-')).stderr).to.contain('found "-", wanted a folder');
    expect((await run('--db', directory, 'get', 'tasks')).stderr).to.contain('get takes no --db');
    expect((await run('run', EXAMPLES, '--db', join(file, 'beneath'))).stderr).to.match(/--db .*beneath: /);
  });
});

describe('the jobs listener', function () {
  this.timeout(120_000);

  it('D3.11 what the server refuses of a manifest ends it; --no-api has no jobs listener', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'gantry-run-'));
    const circle = job('circle', [
      step('a', 'true', { dependsOn: ['b'] }),
      step('b', 'true', { dependsOn: ['a'] }),
    ]);
    writeFileSync(join(directory, 'circle.json'), JSON.stringify(circle, null, 2));
    const begin = (home: string): readonly string[] => ['run', directory, '--db', home, '--no-api'];
    const refused = await GantryProcess.open({ begin }).then(
      async (gantry) => {
        await eventually('it ends', () => (gantry.log.includes('circle.json') ? true : undefined));
        await gantry.dispose();
        return gantry.log;
      },
      (error: unknown) => String(error),
    );
    expect(refused).to.match(/circle\.json:\d+:\d+: .*a -> b -> a/);
    writeFileSync(join(directory, 'circle.json'), JSON.stringify(job('good', [step('a', 'true')])));
    const gantry = await GantryProcess.open({ begin });
    try {
      await eventually('it is applied', () =>
        gantry.log.includes('job.gantry.dev/good created') ? true : undefined,
      );
      const { code } = await command('curl', ['-s', `http://127.0.0.1:${gantry.apiPort}/api/health`]);
      expect(code, 'connection refused').to.equal(7);
      const onMain = await fetch(`http://127.0.0.1:${gantry.managerPort}/api/health`);
      expect(await onMain.json()).to.include({ status: 'ok' });
    } finally {
      await gantry.dispose();
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('D3.11 and D3.13 elsewhere than on loopback it is HTTPS, with certificates or tokens', async () => {
    const gantry = await GantryProcess.open({
      flags: ['--api-host', '0.0.0.0', '--api-cors-origins', 'https://jobs.example'],
    });
    try {
      const config: unknown = load(readFileSync(gantry.kubeconfig, 'utf8'));
      const pem = (path: string): Buffer => Buffer.from(String(at(config, path)), 'base64');
      const ca = pem('clusters.0.cluster.certificate-authority-data');
      const admin = {
        cert: pem('users.0.user.client-certificate-data'),
        key: pem('users.0.user.client-key-data'),
      };
      const ask = (options: object, method = 'GET', path = '/api/health') =>
        new Promise<readonly [number | undefined, unknown, unknown]>((resolve, reject) => {
          const asking = request(
            { host: '127.0.0.1', port: gantry.apiPort, path, method, ca, ...options, agent: false },
            (response) => {
              let text = '';
              response.on('data', (chunk: Buffer) => (text += chunk.toString()));
              response.on('end', () =>
                resolve([
                  response.statusCode,
                  text === '' ? '' : JSON.parse(text),
                  response.headers['access-control-allow-origin'],
                ]),
              );
            },
          );
          asking.on('error', reject);
          asking.end();
        });
      expect(at(await ask(admin), '1.status')).to.equal('ok');
      expect((await ask({})).slice(0, 2)).to.deep.equal([
        401,
        { error: 'Unauthorized', code: 'UNAUTHORIZED' },
      ]);
      const { stdout: token } = await gantry.gantry(['token', 'create', '--user', 'jane']);
      const jane = { headers: { Authorization: `Bearer ${token.trim()}` } };
      expect(at(await ask(jane), '1.status')).to.equal('ok');
      const forbidden = await ask(jane, 'GET', '/api/jobs');
      expect([forbidden[0], at(forbidden, '1.code')]).to.deep.equal([403, 'FORBIDDEN']);
      const origin = { Origin: 'https://jobs.example', 'Access-Control-Request-Method': 'POST' };
      expect(await ask({ headers: origin }, 'OPTIONS')).to.deep.equal([204, '', 'https://jobs.example']);
      const { code } = await command('curl', ['-s', '-f', `http://127.0.0.1:${gantry.apiPort}/api/health`]);
      expect(code, 'no plain HTTP').to.not.equal(0);
    } finally {
      await gantry.dispose();
    }
  });
});
