/** `gantry jobs` against a real gRPC server whose answers are written here: D4.7, and the RFD's own examples to the letter. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { expect } from 'chai';
import { writeKubeconfig } from '../../client/kubeconfig.ts';
import {
  type Job,
  JobSchema,
  JobStatus,
  JobType,
  type StartRequest,
  type StopRequest,
  type TailRequest,
  type TailResponse,
  TailResponse_Source,
  TailResponseSchema,
} from '../../schemas/grpc/jobs.gen.ts';
import { Certificates } from '../client/secureserver.ts';
import { freePort } from '../walk/process.ts';
import { type Answers, type JobServer, Refusal, serveJobs } from './jobserver.ts';
import { type Ran, run, type Surroundings } from './terminal.ts';

const certificates = new Certificates();
const ann = { name: 'ann', groups: [] };
const time = (text: string): ReturnType<typeof timestampFromDate> =>
  timestampFromDate(new Date(`2022-07-07T${text}Z`));
const { Job: FROM_JOB, Stdout, Stderr, Result } = TailResponse_Source;

const fib = (fields: Partial<Omit<Job, '$typeName'>> = {}): Job =>
  create(JobSchema, {
    id: 'XE38YM',
    type: JobType.Fibonacci,
    arguments: { number: 3n },
    status: JobStatus.Complete,
    startedAt: time('16:34:03.900'),
    finishedAt: time('16:34:04.100'),
    exitCode: 0,
    ...fields,
  });

const frame = (source: TailResponse_Source, tag: string, text: string, at: string): TailResponse =>
  create(TailResponseSchema, { source, tag, data: Buffer.from(text, 'latin1'), time: time(at) });

async function* framesOf(frames: readonly TailResponse[]): AsyncGenerator<TailResponse> {
  yield* frames;
}

describe('gantry jobs', () => {
  let directory: string;
  let server: JobServer;
  let answers: Answers;
  let asked: unknown[];

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), 'gantry-jobs-'));
    const passedOn: Answers = {
      start: (request) => answers.start(request),
      stop: (request) => answers.stop(request),
      status: (request) => answers.status(request),
      tail: (request, ended) => answers.tail(request, ended),
    };
    server = await serveJobs(certificates, passedOn);
    const [pki, credentials] = await Promise.all([certificates.pki(), certificates.of(ann)]);
    mkdirSync(join(directory, '.gantry'));
    await writeKubeconfig(join(directory, '.gantry/kubeconfig'), {
      server: 'https://127.0.0.1:1',
      authority: pki.authority,
      ...credentials,
    });
    writeFileSync(join(directory, 'ca.crt'), pki.authority);
    writeFileSync(join(directory, 'client.crt'), credentials.certificate);
    writeFileSync(join(directory, 'client.key'), credentials.key);
  });
  beforeEach(() => {
    asked = [];
    answers = {
      start: async (request: StartRequest) => {
        asked.push(request);
        return fib({ type: request.type });
      },
      stop: async (request: StopRequest) => {
        asked.push(request);
        return fib({ status: JobStatus.Stopped });
      },
      status: async () => fib(),
      tail: (request: TailRequest) => {
        asked.push(request);
        return framesOf([]);
      },
    };
  });
  after(() => {
    server.close();
    certificates.remove();
    rmSync(directory, { recursive: true, force: true });
  });

  const gantry = (line: string | readonly string[], more: Partial<Surroundings> = {}): Promise<Ran> => {
    const words = typeof line === 'string' ? line.split(' ').filter((word) => word !== '') : line;
    const env = { TZ: 'UTC', GANTRY_JOBS_HOST: server.host, ...more.env };
    return run(words, { directory, ...more, env });
  };
  const ok = async (line: string | readonly string[], more: Partial<Surroundings> = {}): Promise<string> => {
    const ran = await gantry(line, more);
    expect([ran.code, ran.err], String(line)).to.deep.equal([0, '']);
    return ran.out;
  };
  const refused = async (line: string, more: Partial<Surroundings> = {}): Promise<string> => {
    const ran = await gantry(line, more);
    expect(ran.code, ran.out).to.equal(1);
    return ran.err;
  };

  describe('help', () => {
    it('D4.7 without arguments prints help that lists completion, help and jobs, and succeeds', async () => {
      const out = await ok('');
      expect(out).to.match(
        /^Gantry is a [^]*start jobs, stop jobs, get the status of jobs, and\ntail the output/,
      );
      expect(out).to.include('\n\nUsage:\n  gantry [command]\n\nAvailable Commands:\n');
      expect(out).to.include('\n  completion  Generate the autocompletion script for the specified shell\n');
      expect(out).to.include('\n  help        Help about any command\n');
      expect(out).to.match(/\n {2}jobs {8}\S/);
      expect(out).to.match(
        /\n\nFlags:\n {2}-h, --help {3}help for gantry\n\nUse "gantry \[command\] --help" for more information about a command\.\n$/,
      );
      expect(await ok('-h'))
        .to.include('Available Commands:')
        .and.to.include('-n, --namespace <name>');
      expect(await ok('help')).to.equal(await ok('--help'));
      expect(await ok('help jobs start fib')).to.equal(await ok('jobs start fib --help'));
      expect(await refused('help frob')).to.equal('gantry: unknown command "frob" for "gantry"\n');
    });

    it('D4.7 jobs alone lists what can be done with them', async () => {
      expect(await ok('jobs')).to.equal(
        `This sub-command provides the ability to manage jobs, including
starting, stopping, getting the status, and viewing the output.

Usage:
  gantry jobs [command]

Available Commands:
  start       Start a job in the server
  status      Get the status of a job
  stop        Stop a running job
  tail        View the output of a command

Flags:
  -h, --help   help for jobs

Use "gantry jobs [command] --help" for more information about a command.
`,
      );
    });

    it('D4.7 jobs start alone lists what can be started', async () => {
      expect(await ok('jobs start')).to.include(
        `Available Commands:
  eval        Evaluate a mathmatical formula
  fib         Calculate the value of a position in the Fibonacci sequence
  noop        A job that does nothing
  wait        Wait for a set number of seconds before sending an empty HTTP POST request to a URL
`,
      );
      expect(await refused('jobs start frob')).to.match(
        /^gantry: unknown command "frob" for "gantry jobs start"/,
      );
    });

    it('D4.7 --help tells the arguments of each, and the flags of server and certificate everywhere', async () => {
      for (const [line, usage, argument] of [
        ['jobs start eval', 'expression [flags]', /\n {2}expression {3}\S/],
        ['jobs start fib', 'position [flags]', /\n {2}position {3}\S/],
        ['jobs start noop', '[flags]', /Usage/],
        ['jobs start wait', 'seconds url [flags]', /\n {2}seconds {3}\S.*\n {2}url {7}\S/],
        ['jobs status', 'id [flags]', /\n {2}id {3}\S/],
        ['jobs stop', 'id [flags]', /--grace-period/],
        ['jobs tail', 'id [flags]', /--from-latest/],
        ['jobs start', '[command]', /Available Commands/],
        ['jobs', '[command]', /Available Commands/],
      ] as const) {
        const out = await ok(`${line} --help`);
        expect(out, line).to.include(`Usage:\n  gantry ${line} ${usage}\n`).and.to.match(argument);
        expect(out, line).to.match(/Global Flags:\n {6}--host <address> [^]*--cert [^]*--key [^]*--ca /);
      }
    });

    it('D4.7 a wrong count of arguments is told, then the usage, then again', async () => {
      expect(await gantry('jobs start fib')).to.deep.equal({
        code: 1,
        out: '',
        err: `Error: accepts 1 arg(s), received 0
Usage:
  gantry jobs start fib position [flags]

Flags:
  -h, --help   help for fib

Error: accepts 1 arg(s), received 0
`,
      });
      expect(await refused('jobs start noop now')).to.match(/^Error: accepts 0 arg\(s\), received 1\n/);
      expect(await refused('jobs start wait 3')).to.match(/^Error: accepts 2 arg\(s\), received 1\n/);
      expect(await refused('jobs status')).to.match(/^Error: accepts 1 arg\(s\), received 0\n/);
      expect(await refused('jobs tail A B')).to.match(/^Error: accepts 1 arg\(s\), received 2\n/);
    });
  });

  describe('start', () => {
    it('D4.7 prints the type, the id and what can be done next', async () => {
      expect(await ok('jobs start fib 3')).to.equal(
        `Started 'Fibonacci' job, ID: XE38YM
Use 'gantry jobs tail XE38YM' to see the output of this job,
'gantry jobs stop XE38YM' to stop the job.
`,
      );
    });

    it('gives each type its own arguments', async () => {
      await ok('jobs start fib 3');
      await ok(['jobs', 'start', 'eval', '--', '-2 ^ 3']);
      await ok('jobs start wait 5 http://web/done');
      expect(await ok('jobs start noop')).to.match(/^Started 'Noop' job/);
      const sent = asked.map((request) => request as StartRequest);
      expect(sent.map(({ type }) => type)).to.deep.equal([1, 2, 3, 0]);
      expect(sent.map(({ arguments: given }) => ({ ...given, $typeName: '' }))).to.deep.equal([
        { $typeName: '', number: 3n },
        { $typeName: '', expression: '-2 ^ 3' },
        { $typeName: '', seconds: 5n, url: 'http://web/done' },
        { $typeName: '' },
      ]);
    });

    it('asks nobody for what is no number', async () => {
      expect(await refused('jobs start fib three')).to.equal(
        'gantry: position: found "three", wanted a whole number such as 3\n',
      );
      expect(await refused('jobs start fib 9223372036854775808')).to.match(/^gantry: position: found /);
      expect(await refused('jobs start wait soon http://web')).to.match(/^gantry: seconds: found "soon"/);
      expect(asked).to.deep.equal([]);
    });
  });

  describe('status', () => {
    it('D4.7 prints how a job is, aligned as in the document', async () => {
      expect(await ok('jobs status XE38YM')).to.equal(
        `Getting info for job XE38YM... DONE!

Job XE38YM: Fibonacci
Arguments:
  Number:   3
Status:     Complete
Started:    2022-07-07 16:34:03
Finished:   2022-07-07 16:34:04
Duration:   1 second
`,
      );
    });

    it('tells times where the user is', async () => {
      const out = await ok('jobs status XE38YM', { env: { TZ: 'Asia/Kolkata' } });
      expect(out).to.include('Started:    2022-07-07 22:04:03\n');
    });

    it('a job that runs has no end, one that waits no beginning, and a failure has its reason', async () => {
      answers.status = async () =>
        create(JobSchema, { id: 'B', status: JobStatus.Pending, message: 'Queued' });
      expect(await ok('jobs status B')).to.equal(
        'Getting info for job B... DONE!\n\nJob B: Noop\nArguments:  none\nStatus:     Pending\nReason:     Queued\n',
      );
      const { finishedAt: _end, exitCode: _code, ...begun } = fib({ status: JobStatus.Running });
      answers.status = async () => create(JobSchema, begun);
      const running = await ok('jobs status XE38YM');
      expect(running).to.match(/Started: .*\nDuration: {3}\d+ days(?: \d+ hours?)?\n$/);
      answers.status = async () =>
        fib({ type: JobType.ExpressionEvaluator, status: JobStatus.Failed, message: 'Error', exitCode: 65 });
      expect(await ok('jobs status XE38YM')).to.include(
        'Status:     Failed\nReason:     Error\nExit code:  65\n',
      );
    });
  });

  describe('stop', () => {
    it('waits, and says what happened', async () => {
      const out = await ok('jobs stop XE38YM --grace-period 2s');
      expect(out).to.match(
        /^Stopping job XE38YM\.\.\. DONE!\n\nJob XE38YM: Fibonacci\n[^]*\nStatus: {5}Stopped\n/,
      );
      expect((asked[0] as StopRequest).gracePeriod?.seconds).to.equal(2n);
      expect(await refused('jobs stop XE38YM --grace-period soon')).to.match(
        /^gantry: --grace-period: found "soon"/,
      );
    });
  });

  describe('tail', () => {
    it('D4.7 prints everything with time and tag, and ends by itself', async () => {
      answers.tail = () =>
        framesOf([
          frame(FROM_JOB, 'JOB', "Starting job 'Fibonacci'", '12:34:54'),
          frame(
            Stdout,
            'FIB',
            'Calculating the value of the 3rd value in the Fibonacci sequence\nUsing',
            '12:34:55',
          ),
          frame(Stdout, 'FIB', " lookup; value is '1'.\n", '12:34:58'),
          frame(Result, 'RESULT', '1', '12:34:55'),
          frame(FROM_JOB, 'JOB', 'Complete', '12:34:56'),
        ]);
      expect(await ok('jobs tail XE38YM')).to.equal(
        `2022-07-07 12:34:54 [JOB] Starting job 'Fibonacci'
2022-07-07 12:34:55 [FIB] Calculating the value of the 3rd value in the Fibonacci sequence
2022-07-07 12:34:55 [FIB] Using lookup; value is '1'.
2022-07-07 12:34:55 [RESULT] 1
2022-07-07 12:34:56 [JOB] Complete

Job finished, no more output, exiting tail!

`,
      );
      expect(await ok('jobs tail XE38YM -f')).to.include('exiting tail!');
    });

    it('keeps the lines of both streams whole, tells one that never ends, and breaks one that is too long', async () => {
      answers.tail = () =>
        framesOf([
          frame(Stdout, 'FIB', 'o1', '12:00:01'),
          frame(Stderr, 'FIB', 'e1\r\ne2', '12:00:02'),
          frame(Stdout, 'FIB', 'o1\n', '12:00:03'),
          frame(Stderr, 'FIB', 'x'.repeat(70_000), '12:00:04'),
        ]);
      const lines = (await ok('jobs tail XE38YM')).split('\n');
      expect(lines.slice(0, 2)).to.deep.equal([
        '2022-07-07 12:00:02 [FIB] e1',
        '2022-07-07 12:00:01 [FIB] o1o1',
      ]);
      expect(lines.slice(2, 4).map((line) => line.length)).to.deep.equal([26 + 65_536, 26 + 4466]);
    });

    it('--raw prints bytes as they are, and nothing else', async () => {
      const bytes = Buffer.from([0, 255, 254, 10, 128, 0]);
      answers.tail = () =>
        framesOf([
          frame(FROM_JOB, 'JOB', 'Starting', '12:00:00'),
          frame(Stdout, 'FIB', bytes.toString('latin1'), '12:00:01'),
          frame(Stderr, 'FIB', 'oh', '12:00:01'),
          frame(Result, 'RESULT', '1', '12:00:02'),
        ]);
      const ran = await gantry('jobs tail XE38YM --raw');
      expect(ran).to.deep.equal({ code: 0, out: bytes.toString('utf8'), err: 'oh' });
    });

    it('asks for the last lines, or only what comes, and not for both', async () => {
      await ok('jobs tail XE38YM --lines 2');
      await ok('jobs tail XE38YM --from-latest');
      const sent = asked.map((request) => request as TailRequest);
      expect(sent.map(({ lines, fromLatest }) => [lines, fromLatest])).to.deep.equal([
        [2, false],
        [undefined, true],
      ]);
      expect(await refused('jobs tail XE38YM --lines 2 --from-latest')).to.match(/wanted one of them/);
      expect(await refused('jobs tail XE38YM --lines few')).to.match(/^gantry: --lines: found "few"/);
    });

    it('lets go when it is interrupted', async () => {
      const stop = new AbortController();
      let isOver: () => void = () => undefined;
      const over = new Promise<void>((resolve) => (isOver = resolve));
      answers.tail = async function* (_request, ended) {
        ended.addEventListener('abort', isOver);
        yield frame(Stdout, 'FIB', 'one\n', '12:00:01');
        await over;
      };
      const ran = await gantry('jobs tail XE38YM', { signal: stop.signal, onOutput: () => stop.abort() });
      expect([ran.code, ran.out, ran.err]).to.deep.equal([130, '2022-07-07 12:00:01 [FIB] one\n', '']);
      await over;
    });
  });

  describe('server and certificate', () => {
    const none = { GANTRY_JOBS_HOST: '' };

    it('D4.7 flags are taken on jobs and on everything below it, and go over the environment', async () => {
      const env = { GANTRY_JOBS_HOST: '127.0.0.1:1' };
      for (const line of [
        `jobs --host ${server.host} start fib 3`,
        `jobs start --host ${server.host} fib 3`,
        `jobs start fib 3 --host ${server.host}`,
        `jobs --host 127.0.0.1:2 start fib 3 --host ${server.host}`,
      ]) {
        expect(await ok(line, { env }), line).to.match(/^Started /);
      }
    });

    it('three files are enough without a kubeconfig, by flag or by environment', async () => {
      const files = {
        GANTRY_JOBS_CERT: 'client.crt',
        GANTRY_JOBS_KEY: 'client.key',
        GANTRY_JOBS_CA: 'ca.crt',
      };
      const env = { ...files, KUBECONFIG: '/nowhere', GANTRY_HOME: '/nowhere' };
      expect(await ok('jobs start noop', { env })).to.match(/^Started /);
      const flags = '--cert client.crt --key client.key --ca ca.crt';
      const bare = { KUBECONFIG: '/nowhere' };
      expect(await ok(`jobs ${flags} start noop`, { env: bare })).to.match(/^Started /);
      expect(await refused('jobs start noop --cert client.crt', { env: bare })).to.match(
        /no kubeconfig found/,
      );
      expect(await refused('jobs start noop --cert nope.crt')).to.match(
        /^gantry: --cert: cannot read nope\.crt: /,
      );
      expect(await refused('jobs start noop --cert ca.crt')).to.match(
        /^gantry: the client certificate, its key or/,
      );
    });

    it("is where the kubeconfig's server is, on the job runner's port", async () => {
      const { jobsAccess } = await import('../../cli/jobsaccess.ts');
      const io = { env: none, directory, userHome: directory } as unknown as Parameters<typeof jobsAccess>[1];
      expect((await jobsAccess({}, io)).host).to.equal('127.0.0.1:7444');
      expect((await jobsAccess({ host: 'runner' }, io)).host).to.equal('runner:7444');
      expect((await jobsAccess({ host: '[::1]:9' }, io)).host).to.equal('[::1]:9');
      expect(await refused('jobs start noop --host a:b:c')).to.equal(
        'gantry: --host: found "a:b:c", wanted HOST:PORT, for example 127.0.0.1:7444\n',
      );
    });
  });

  describe('says in one sentence', () => {
    it('that no such machine is known', async () => {
      expect(await refused('jobs status A --host nobody.invalid:1')).to.match(
        /^gantry: nobody\.invalid:1 is not known: --host wants HOST:PORT /,
      );
    });

    it('that nobody listens', async () => {
      const port = await freePort();
      const ran = await gantry(`jobs status XE38YM --host 127.0.0.1:${port}`);
      expect(ran.out).to.equal('Getting info for job XE38YM... FAILED!\n');
      expect(ran.err).to.match(/^gantry: nobody listens at 127\.0\.0\.1:\d+: is Gantry up, [^\n]+\n$/);
    });

    it('that its certificate, or the one of the server, is refused', async () => {
      const other = new Certificates();
      try {
        const [pki, credentials] = await Promise.all([other.pki(), other.of(ann)]);
        writeFileSync(join(directory, 'other.crt'), credentials.certificate);
        writeFileSync(join(directory, 'other.key'), credentials.key);
        writeFileSync(join(directory, 'other-ca.crt'), pki.authority);
        expect(await refused('jobs status A --cert other.crt --key other.key')).to.match(
          /^gantry: the job runner at 127\.0\.0\.1:\d+ refused the connection: it takes TLS 1\.3 with a client certificate [^\n]+\n$/,
        );
        expect(await refused('jobs status A --ca other-ca.crt')).to.match(
          /^gantry: the certificate that 127\.0\.0\.1:\d+ shows is not one of this cluster's authority for that address: [^\n]+\n$/,
        );
      } finally {
        other.remove();
      }
    });

    for (const [what, refusal, said] of [
      [
        'that it is not permitted',
        new Refusal('PERMISSION_DENIED', "job A is bob's"),
        "permission denied: job A is bob's",
      ],
      ['that there is no such job', new Refusal('NOT_FOUND', 'no job ZZZZZZ'), 'no job ZZZZZZ'],
      ['what does not fit', new Refusal('INVALID_ARGUMENT', 'number: found 0'), 'number: found 0'],
      ['what else went wrong', new Refusal('RESOURCE_EXHAUSTED', 'too many'), 'RESOURCE_EXHAUSTED: too many'],
    ] as const) {
      it(what, async () => {
        answers.status = () => Promise.reject(refusal);
        expect(await refused('jobs status A')).to.equal(`gantry: ${said}\n`);
      });
    }

    it('that the time is up', async () => {
      answers.status = () => new Promise(() => undefined);
      expect(await refused('jobs status A --timeout 50ms')).to.match(
        /^gantry: the job runner at 127\.0\.0\.1:\d+ did not answer in time: --timeout says how long it may take\n$/,
      );
      expect(await refused('jobs status A --timeout soon')).to.match(/^gantry: --timeout: found "soon"/);
    });

    it('why a tail broke off', async () => {
      answers.tail = async function* () {
        yield frame(Stdout, 'FIB', 'one', '12:00:01');
        throw new Refusal('PERMISSION_DENIED', 'not yours');
      };
      expect(await refused('jobs tail A')).to.equal('gantry: permission denied: not yours\n');
    });
  });

  it('is not loaded by commands that do not need it', async () => {
    const { execFileSync } = await import('node:child_process');
    const program = join(import.meta.dirname, '../../cli/program.ts');
    const text = `import { registerHooks } from 'node:module';
registerHooks({ load(url, context, next) { if (url.includes('grpc-js')) throw new Error('loaded ' + url); return next(url, context); } });
const { runCli } = await import(${JSON.stringify(program)});
const out = { write: async (t) => void process.stdout.write(t) };
await runCli(['get', 'tasks', '--kubeconfig', '/nowhere'], { stdout: out, stderr: out, stdin: process.stdin, env: {}, directory: '/', userHome: '/', clock: { now: Date.now, after: () => ({ cancel() {} }), monotonicMs: () => 0 }, signal: new AbortController().signal });
process.exit(0);`;
    const said = execFileSync(process.execPath, ['--input-type=module', '-e', text], { encoding: 'utf8' });
    expect(said).to.match(/cannot read the kubeconfig \/nowhere/);
  });
});
