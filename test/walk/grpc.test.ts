/** The job runner on a real process and a real engine, with this project's client and with a foreign one. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { expect } from 'chai';
import { type JobsClient, openJobsClient } from '../../client/jobs.ts';
import { systemClock } from '../../machinery/clock.ts';
import {
  JobStatus,
  JobType,
  StartRequestSchema,
  StatusRequestSchema,
  StopRequestSchema,
  TailRequestSchema,
} from '../../schemas/grpc/jobs.gen.ts';
import { command, eventually, GantryProcess } from './process.ts';

const PYTHON = '/usr/bin/python3';
const LINES = 4_000;
const READERS = 100;

describe('the job runner on a real engine', function () {
  this.timeout(90_000);
  let gantry: GantryProcess;
  let ann: JobsClient;
  const clients: JobsClient[] = [];
  before(async () => {
    gantry = await GantryProcess.open();
    const applied = await gantry.kubectl([
      'apply',
      ...['noop', 'fib', 'eval', 'wait'].flatMap((name) => ['-f', `manifests/templates/${name}.yaml`]),
    ]);
    expect(applied.code, applied.stderr).to.equal(0);
    const words = [
      'certificate',
      'create',
      '--home',
      gantry.home,
      '--user',
      'ann',
      '--out',
      join(gantry.home, 'ann'),
    ];
    const made = await gantry.gantry(words);
    expect(made.code, made.stderr).to.equal(0);
    const bound = await gantry.kubectl([
      'create',
      'clusterrolebinding',
      'ann',
      '--clusterrole=gantry:job-runner',
      '--user=ann',
    ]);
    expect(bound.code, bound.stderr).to.equal(0);
    ann = client();
  });
  after(async () => {
    for (const one of clients) one.close();
    await gantry.dispose();
  });

  const client = (): JobsClient => {
    const read = (name: string): Buffer => readFileSync(join(gantry.home, 'ann', name));
    const opened = openJobsClient(
      {
        host: `127.0.0.1:${gantry.grpcPort}`,
        certificate: read('client.crt'),
        key: read('client.key'),
        authority: read('ca.crt'),
      },
      systemClock,
    );
    clients.push(opened);
    return opened;
  };
  /** The shipped template with another program in it: what holds of it holds of what ships. */
  const withProgram = async (template: string, script: string): Promise<void> => {
    const spec = { template: { spec: { command: ['/bin/sh', '-c', script], args: null } } };
    const patch = ['patch', 'tasktemplate', template, '--type=merge', '-p', JSON.stringify({ spec })];
    const patched = await gantry.kubectl(patch);
    expect(patched.code, patched.stderr).to.equal(0);
  };
  const start = async (type: JobType = JobType.Noop): Promise<string> =>
    (await ann.start(create(StartRequestSchema, { type }))).id;
  const outputOf = async (reader: JobsClient, id: string): Promise<{ stdout: Buffer; last: string }> => {
    const chunks: Uint8Array[] = [];
    let last = '';
    for await (const { source, data } of reader.tail(create(TailRequestSchema, { id }))) {
      if (source === 1) chunks.push(data);
      last = Buffer.from(data).toString();
    }
    return { stdout: Buffer.concat(chunks), last };
  };

  it('D4.2 Start, Tail and Status of a Fibonacci job', async () => {
    const { id } = await ann.start(
      create(StartRequestSchema, { type: JobType.Fibonacci, arguments: { number: 10n } }),
    );
    const words: string[] = [];
    for await (const { tag, data } of ann.tail(create(TailRequestSchema, { id }))) {
      words.push(`${tag} ${Buffer.from(data).toString().trimEnd()}`);
    }
    expect(words[0]).to.equal("JOB Starting job 'Fibonacci'");
    expect(words.slice(-2)).to.deep.equal(['RESULT 34', 'JOB Complete']);
    const job = await ann.status(create(StatusRequestSchema, { id, includeOutput: true }));
    expect(job).to.deep.include({
      status: JobStatus.Complete,
      exitCode: 0,
      results: { value: '34' },
      startedBy: 'ann',
    });
    expect(Buffer.from(job.output).toString()).to.include('Fibonacci sequence');
  });

  it('D4.4 a foreign client, by reflection alone', async function () {
    if ((await command(PYTHON, ['-c', 'import grpc, google.protobuf'])).code !== 0) {
      console.error(
        '      SKIPPED: no python3-grpcio and python3-protobuf on this machine; hack/test.sh installs them',
      );
      this.skip();
    }
    const script = join(import.meta.dirname, '../witness/jobrunner.py');
    const ran = await command(PYTHON, [script, `127.0.0.1:${gantry.grpcPort}`, join(gantry.home, 'ann')]);
    expect(ran.code, ran.stderr).to.equal(0);
    const heard = JSON.parse(ran.stdout) as { readonly frames: [string, string][] };
    expect(heard).to.include({ status: 'Complete', refusal: 'INVALID_ARGUMENT' });
    expect(heard).to.deep.include({ results: { value: '1' } });
    expect(heard.frames.at(-1)).to.deep.equal(['JOB', 'Complete']);
  });

  it('D4.6 work sees its own processes, network and files, and is held to limits', async () => {
    await withProgram(
      'noop',
      `cat <<END
pid=$$$$
processes=$(ls /proc | grep -c '^[0-9]')
interfaces=$(ls /sys/class/net | grep -vc '^lo$')
hostname=$(cat /proc/sys/kernel/hostname)
home=$(ls -d ${gantry.home} 2>/dev/null)
pids=$(cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null)
memory=$(cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null)
END
touch /etc/x 2>/dev/null && echo writable`,
    );
    const id = await start();
    const { stdout } = await outputOf(ann, id);
    const seen = Object.fromEntries(
      stdout
        .toString()
        .trim()
        .split('\n')
        .map((line) => line.split('=')),
    ) as Record<string, string>;
    expect(seen['pid']).to.equal('1');
    expect(Number(seen['processes'])).to.be.lessThan(5);
    expect(Number(seen['interfaces'])).to.be.within(0, 1);
    expect(seen['home']).to.equal('');
    expect(seen['pids']).to.equal('16');
    expect(Number(seen['memory'])).to.equal(16 * 1024 * 1024);
    expect(seen).not.to.have.property('writable');
  });

  it('D4.8 Stop kills children, also those that ignore signals, and answers once they are gone', async () => {
    const mark = `3${String(gantry.pid).padStart(7, '0')}`;
    await withProgram(
      'noop',
      `trap '' TERM; (trap '' TERM; sleep ${mark}) & echo ready; sleep ${mark}; wait`,
    );
    const id = await start();
    const sleeping = async (): Promise<number> =>
      (await command('pgrep', ['-fc', `^sleep ${mark}$`])).stdout.trim() === '0'
        ? 0
        : Number((await command('pgrep', ['-fc', `^sleep ${mark}$`])).stdout);
    await eventually('both sleep', async () => ((await sleeping()) === 2 ? true : undefined));
    const startMs = Date.now();
    const [first, second] = await Promise.all(
      [1n, 1n].map((seconds) => ann.stop(create(StopRequestSchema, { id, gracePeriod: { seconds } }))),
    );
    expect(Date.now() - startMs).to.be.within(900, 10_000);
    expect([first?.status, second?.status]).to.deep.equal([JobStatus.Stopped, JobStatus.Stopped]);
    expect(await sleeping()).to.equal(0);
    expect((await outputOf(ann, id)).last).to.equal('Stopped');
    expect((await ann.stop(create(StopRequestSchema, { id }))).status).to.equal(JobStatus.Stopped);
  });

  it(`D4.8 ${READERS} readers of one busy task each get every byte, beside one that reads nothing`, async () => {
    const script = `i=0; while [ $i -lt ${LINES} ]; do printf 'line %05d \\377\\000 of a busy task that writes\\n' $i; i=$((i+1)); done`;
    await withProgram('noop', `sleep 1; ${script}`);
    const id = await start();
    const slow = client().tail(create(TailRequestSchema, { id }));
    await slow.next();
    const connections = Array.from({ length: 5 }, client);
    const reading = Array.from({ length: READERS }, (_, index) => {
      const connection = connections[index % connections.length];
      if (connection === undefined) throw new Error('no connection');
      return outputOf(connection, id);
    });
    const wanted = Buffer.concat(
      Array.from({ length: LINES }, (_, line) =>
        Buffer.concat([
          Buffer.from(`line ${String(line).padStart(5, '0')} `),
          Buffer.from([0xff, 0]),
          Buffer.from(' of a busy task that writes\n'),
        ]),
      ),
    );
    for (const { stdout, last } of await Promise.all(reading)) {
      expect(last).to.equal('Complete');
      expect(stdout.equals(wanted)).to.equal(true);
    }
    // Late, but whole.
    let isWhole = 0;
    for await (const { source, data } of slow) if (source === 1) isWhole += data.length;
    expect(isWhole).to.equal(wanted.length);
  });

  it('what callers did is told of them in the audit', async () => {
    const { stdout } = await command('grep', [
      '-h',
      '"impersonatedUser"',
      join(gantry.home, 'audit', 'audit.log'),
    ]);
    const events = stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    const made = events.find(({ verb }) => verb === 'create');
    expect(made).to.deep.include({ requestURI: '/gantry.jobs.v1.JobService/Start' });
    expect(made?.['user']).to.include({ username: 'ann' });
    expect(made?.['impersonatedUser']).to.include({ username: 'system:door:grpc' });
  });

  it('a job outlives the server: what it put out is there for who asks after a restart', async () => {
    await withProgram('noop', 'echo before; sleep 2; echo after');
    const id = await start();
    await eventually('it runs', async () =>
      (await ann.status(create(StatusRequestSchema, { id }))).status === JobStatus.Running ? true : undefined,
    );
    await gantry.stop('SIGKILL');
    await gantry.start();
    const { stdout, last } = await outputOf(client(), id);
    expect([stdout.toString(), last]).to.deep.equal(['before\nafter\n', 'Complete']);
  });
});
