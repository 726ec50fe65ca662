/** D4.7: the session of RFD 78, typed again at a real Gantry, and compared line by line but for ids and times. */
import { join } from 'node:path';
import { expect } from 'chai';
import { command, eventually, GantryProcess, type Output } from './process.ts';

const root = join(import.meta.dirname, '..', '..');

describe('gantry jobs, for real', function () {
  this.timeout(120_000);
  let gantry: GantryProcess;

  before(async () => {
    gantry = await GantryProcess.open();
    const files = ['noop', 'fib', 'eval', 'wait'].map((name) =>
      join(root, `manifests/templates/${name}.yaml`),
    );
    const applied = await gantry.gantry(['apply', ...files.flatMap((file) => ['-f', file])]);
    expect(applied.code, applied.stderr).to.equal(0);
  });
  after(() => gantry.dispose());

  const type = (line: string, env: NodeJS.ProcessEnv = {}): Promise<Output> =>
    command(join(root, 'hack/gantry'), line.split(' ').slice(1), {
      env: {
        KUBECONFIG: gantry.kubeconfig,
        GANTRY_HOME: gantry.home,
        GANTRY_JOBS_HOST: `127.0.0.1:${gantry.grpcPort}`,
        TZ: 'Europe/Berlin',
        ...env,
      },
    });
  /** Runs a line that succeeds; ids and times as in the document. */
  const session = async (line: string, id?: string): Promise<string> => {
    const { code, stdout, stderr } = await type(line);
    expect([code, stderr], line).to.deep.equal([0, '']);
    const known = id === undefined ? stdout : stdout.replaceAll(id, 'XE38YM');
    return known
      .replaceAll(/ID: [0-9A-Z]{6}\b/g, 'ID: XE38YM')
      .replaceAll(/(tail|stop) [0-9A-Z]{6}\b/g, '$1 XE38YM')
      .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, 'TIME')
      .replace(/^Duration: {3}\d+ seconds?$/m, 'Duration:   1 second');
  };
  const start = async (line: string): Promise<string> => {
    const { stdout, stderr } = await type(line);
    const id = /, ID: ([0-9A-Z]{6})\n/.exec(stdout)?.[1];
    if (id === undefined) throw new Error(`${line}: ${stdout}${stderr}`);
    return id;
  };

  it("D4.7 the document's session: start, tail to its end, status", async () => {
    expect(await session('gantry jobs start fib 3')).to.equal(
      `Started 'Fibonacci' job, ID: XE38YM
Use 'gantry jobs tail XE38YM' to see the output of this job,
'gantry jobs stop XE38YM' to stop the job.
`,
    );
    const id = await start('gantry jobs start fib 3');
    expect(await session(`gantry jobs tail ${id}`, id)).to.equal(
      `TIME [JOB] Starting job 'Fibonacci'
TIME [FIB] Calculating the value of the 3rd value in the Fibonacci sequence
TIME [FIB] Using lookup; value is '1'.
TIME [RESULT] 1
TIME [JOB] Complete

Job finished, no more output, exiting tail!

`,
    );
    expect(await session(`gantry jobs status ${id}`, id)).to.equal(
      `Getting info for job XE38YM... DONE!

Job XE38YM: Fibonacci
Arguments:
  Number:   3
Status:     Complete
Started:    TIME
Finished:   TIME
Duration:   1 second
`,
    );
    // An id is as good in small letters.
    expect((await type(`gantry jobs status ${id.toLowerCase()}`)).stdout).to.include(
      `\nJob ${id}: Fibonacci\n`,
    );
  });

  it('D4.7 tells times in the zone that TZ names', async () => {
    const id = await start('gantry jobs start noop');
    await type(`gantry jobs tail ${id}`);
    const timeIn = async (zone: string): Promise<number> => {
      const { stdout } = await type(`gantry jobs status ${id}`, { TZ: zone });
      return Date.parse(`${/Finished: +(.*)/.exec(stdout)?.[1]?.replace(' ', 'T') ?? ''}Z`);
    };
    expect((await timeIn('Asia/Kolkata')) - (await timeIn('UTC'))).to.equal(5.5 * 3_600_000);
  });

  it('D4.7 an expression is evaluated, and a wrong one fails with its reason', async () => {
    const id = await start('gantry jobs start eval 2*(3+4)^2');
    expect(await session(`gantry jobs tail ${id}`, id)).to.match(
      /\nTIME \[RESULT\] 98\nTIME \[JOB\] Complete\n\nJob fin/,
    );
    const wrong = await start('gantry jobs start eval 2*');
    expect((await type(`gantry jobs tail ${wrong}`)).stdout).to.match(/\[JOB\] Failed/);
    expect((await type(`gantry jobs status ${wrong}`)).stdout).to.match(
      /\nStatus: +Failed\n[^]*\nExit code: +65\n/,
    );
  });

  it('D4.7 a job that waits has no end until it is stopped, which takes until it is', async () => {
    const id = await start('gantry jobs start wait 600 http://127.0.0.1:1/');
    await eventually('the job runs', async () => {
      const { stdout } = await type(`gantry jobs status ${id}`);
      return /\nStatus: +Running\n/.test(stdout) && !stdout.includes('Finished:') ? true : undefined;
    });
    const stopped = await session(`gantry jobs stop ${id}`, id);
    expect(stopped).to.match(
      /^Stopping job XE38YM\.\.\. DONE!\n\nJob XE38YM: Wait Then Send\n[^]*\nStatus: +Stopped\n/,
    );
    expect(await gantry.containers(['--filter', 'status=running'])).to.deep.equal([]);
    expect(await session(`gantry jobs stop ${id}`, id)).to.match(/\nStatus: +Stopped\n/);
    const other = await start('gantry jobs start wait 600 http://127.0.0.1:1/');
    expect((await type(`gantry stop ${other}`)).stdout).to.equal(
      `run.gantry.dev/${other.toLowerCase()} is being cancelled\n`,
    );
  });

  it('--raw is what the work wrote, byte for byte, and --lines the last of it', async () => {
    const id = await start('gantry jobs start fib 3');
    const whole =
      "Calculating the value of the 3rd value in the Fibonacci sequence\nUsing lookup; value is '1'.\n";
    expect((await type(`gantry jobs tail ${id} --raw`)).stdout).to.equal(whole);
    expect((await type(`gantry jobs tail ${id} --raw --lines 1`)).stdout).to.equal(
      "Using lookup; value is '1'.\n",
    );
  });

  it('D4.7 who has another certificate is told what it is not good for', async () => {
    const id = await start('gantry jobs start noop');
    const made = join(gantry.home, 'bob');
    const { code, stderr } = await type(`gantry certificate create --user bob --out ${made}`);
    expect(code, stderr).to.equal(0);
    const files = (from: string): string =>
      `--cert ${join(from, 'client.crt')} --key ${join(from, 'client.key')} --ca ${join(made, 'ca.crt')}`;
    const refused = await type(`gantry jobs status ${id} ${files(made)}`);
    expect([refused.code, refused.stderr]).to.deep.equal([1, refused.stderr]);
    expect(refused.stderr).to.match(/^gantry: permission denied: [^\n]*bob[^\n]*\n$/);
    const foreign = join(gantry.home, 'foreign');
    await type(`gantry certificate create --user bob --out ${foreign} --home ${join(gantry.home, 'other')}`);
    expect((await type(`gantry jobs status ${id} ${files(foreign)}`)).stderr).to.match(
      /^gantry: the job runner at [^\n]* refused the connection: [^\n]*\n$/,
    );
  });

  it('says what is wrong in a sentence', async () => {
    expect((await type('gantry jobs status ZZZZZZ')).stderr).to.match(/^gantry: .*ZZZZZZ[^\n]*\n$/);
    expect((await type('gantry jobs start fib 0')).stderr).to.match(/^gantry: [^\n]*number[^\n]*\n$/);
    expect((await type('gantry jobs status A --host 127.0.0.1:1')).stderr).to.match(
      /^gantry: nobody listens at /,
    );
  });

  it('gantry status and gantry node are tables of the real thing', async () => {
    const id = await start('gantry jobs start wait 600 http://127.0.0.1:1/');
    const row = await eventually('it runs', async () => {
      const { stdout } = await type('gantry status');
      return stdout.split('\n').find((line) => line.includes(id.toLowerCase()) && line.includes('Running'));
    });
    expect(row).to.match(/^[0-9a-f-]{36} {3}\S+ +\d+s ago +Running +[0-9a-f]{12} +gantry\/worktypes:1$/);
    const node = (await type('gantry node')).stdout;
    expect(node).to.match(/^NAME +MEMORY +DISK +ROLE +TASKS\n\S+ +\S+iB\/\S+iB +\S+\/\S+ +worker +\d+\n$/);
    await type(`gantry jobs stop ${id} --grace-period 1s`);
  });

  it('D4.7 completion asks the real server for names', async () => {
    // Within a second or not at all: on a machine that has more to do it may take another press of the key.
    await eventually('fib is offered', async () => {
      const { stdout } = await type('gantry __complete -- dispatch f');
      return stdout === 'fib\n:none\n' ? true : undefined;
    });
  });
});
