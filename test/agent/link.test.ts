/** The worker's end of exec, attach, port-forward and usage. On the real registry and a fake engine. */
import { expect } from 'chai';
import { ApiError } from '../../machinery/errors.ts';
import type { ProcessOptions, ProcessSession } from '../../machinery/runtime.ts';
import type { TaskLogOptions, TaskRef } from '../../machinery/workerlink.ts';
import { openRig, type Rig, WORKER } from './rig.ts';

const plain: ProcessOptions = { stdin: true, stdout: true, stderr: true, tty: false };
const whole: TaskLogOptions = { follow: false, previous: false, timestamps: false };
const { signal } = new AbortController();

describe('WorkerLink of an agent', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await openRig({
      images: {
        'app:1': { cpuCores: 0.25, memoryBytes: 5_000_000, echoPorts: [80] },
        'job:1': { exitAfterMs: 50, output: [{ atMs: 1, stream: 'stdout', data: 'done\n' }] },
        'crash:1': { exitAfterMs: 10, exitCode: 3, output: [{ atMs: 1, stream: 'stdout', data: 'once\n' }] },
      },
    });
    await rig.apply('web');
    await rig.untilPhase('web', 'Running');
  });
  afterEach(() => rig.close());

  async function ref(name: string): Promise<TaskRef> {
    return { namespace: 'default', name, uid: (await rig.read(name))?.metadata.uid ?? '' };
  }

  async function refusal(work: Promise<unknown>): Promise<ApiError> {
    const error = await work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (error instanceof ApiError) return error;
    throw new Error('it was not refused', { cause: error });
  }

  async function textOf(session: ProcessSession): Promise<string> {
    const chunks = await Array.fromAsync(session.output);
    return Buffer.concat(chunks.map(({ data }) => data)).toString();
  }

  it('runs a process in the container of its Task', async () => {
    const session = await rig.agent.link.exec(WORKER, await ref('web'), ['cat'], plain, signal);
    await session.write(Buffer.from('hello'));
    session.endInput();
    expect(await textOf(session)).to.equal('hello');
    expect(await session.ended).to.deep.equal({ exitCode: 0 });
  });

  it('joins the first process of its Task', async () => {
    const session = await rig.agent.link.attach(WORKER, await ref('web'), plain, signal);
    const [container] = rig.running('web');
    rig.runtime.engine.write(container?.id ?? '', 'stdout', 'news\n');
    rig.runtime.engine.exit(container?.id ?? '', 4);
    expect(await textOf(session)).to.equal('news\n');
    expect(await session.ended).to.deep.equal({ exitCode: 4 });
  });

  it('forwards a port, until the signal aborts', async () => {
    const forwarding = new AbortController();
    const connection = await rig.agent.link.portForward(WORKER, await ref('web'), 80, forwarding.signal);
    connection.write('ping');
    const answer = await new Promise<Buffer>((resolve) => connection.once('data', resolve));
    expect(answer.toString()).to.equal('ping');
    const closed = new Promise<void>((resolve) => connection.once('close', () => resolve()));
    forwarding.abort();
    await closed;
    const nobody = await refusal(rig.agent.link.portForward(WORKER, await ref('web'), 81, signal));
    expect(nobody.reason).to.equal('InternalError');
    expect(nobody.message).to.include('81').and.include('connection refused');
  });

  it('refuses another Task of the same name, in the kubelet’s words', async () => {
    const { link } = rig.agent;
    const other = { namespace: 'default', name: 'web', uid: 'another' };
    for (const work of [
      link.exec(WORKER, other, ['cat'], plain, signal),
      link.attach(WORKER, other, plain, signal),
      link.portForward(WORKER, other, 80, signal),
    ]) {
      expect(await refusal(work)).to.include({
        reason: 'NotFound',
        message: 'container not found ("web")',
      });
    }
  });

  it('refuses a container that does not run, and a worker that is not this one', async () => {
    const { link } = rig.agent;
    await rig.apply('job', { image: 'job:1', restartPolicy: 'Never' });
    await rig.untilPhase('job', 'Succeeded');
    const ended = await refusal(link.exec(WORKER, await ref('job'), ['cat'], plain, signal));
    expect(ended.reason).to.equal('Conflict');
    expect(ended.message).to.equal(
      'container "job" in pod "job" is not running: it is exited, try again when it runs',
    );
    const elsewhere = await refusal(link.exec('w2', await ref('web'), ['cat'], plain, signal));
    expect(elsewhere).to.include({
      reason: 'ServiceUnavailable',
      message: `worker "w2" is not connected to this server, whose own worker is "${WORKER}": ask the server that runs beside "w2"`,
    });
    expect((await refusal(link.exec(WORKER, await ref('web'), [], plain, signal))).reason).to.equal(
      'BadRequest',
    );
  });

  it('refuses a container that ends while it is asked', async () => {
    const [container] = rig.running('web');
    const id = container?.id ?? '';
    const task = await ref('web');
    rig.runtime.hooks = {
      before: ({ operation }) => {
        if (operation === 'exec') rig.runtime.engine.exit(id, 1);
        if (operation === 'attach') rig.runtime.engine.remove(id);
      },
    };
    const ended = await refusal(rig.agent.link.exec(WORKER, task, ['cat'], plain, signal));
    expect(ended.reason).to.equal('Conflict');
    rig.runtime.hooks = {};
    await rig.world.until('it runs again', () => rig.running('web').length === 1);
    const [next] = rig.running('web');
    rig.runtime.hooks = {
      before: ({ operation }) => {
        if (operation === 'attach') rig.runtime.engine.remove(next?.id ?? '');
      },
    };
    expect(await refusal(rig.agent.link.attach(WORKER, task, plain, signal))).to.include({
      reason: 'NotFound',
      message: 'container not found ("web")',
    });
  });

  it('says 503 while the engine is away, and ends sessions that lose it', async () => {
    const task = await ref('web');
    const session = await rig.agent.link.exec(WORKER, task, ['cat'], plain, signal);
    rig.runtime.stopEngine({ containersDie: false });
    expect(await textOf(session)).to.equal('');
    const lost = await session.ended.catch((error: unknown) => error);
    expect(lost).to.be.instanceOf(Error).and.include({ reason: 'Unavailable' });
    for (const work of [
      rig.agent.link.exec(WORKER, task, ['cat'], plain, signal),
      rig.agent.link.portForward(WORKER, task, 80, signal),
      rig.agent.link.usage(WORKER, signal),
    ]) {
      const away = await refusal(work);
      expect(away.code).to.equal(503);
      expect(away.message).to.contain('worker "w1"');
    }
  });

  it('ends sessions and connections when the agent stops, and leaves the container running', async () => {
    const task = await ref('web');
    const { link } = rig.agent;
    const session = await link.exec(WORKER, task, ['cat'], plain, signal);
    const connection = await link.portForward(WORKER, task, 80, signal);
    const closed = new Promise<void>((resolve) => connection.once('close', () => resolve()));
    await rig.restart();
    expect(await textOf(session)).to.equal('');
    expect(await session.ended).to.deep.equal({ exitCode: undefined });
    await closed;
    expect(rig.running('web')).to.have.length(1);
    expect((await refusal(link.exec(WORKER, task, ['cat'], plain, signal))).code).to.equal(503);
    expect((await refusal(link.usage(WORKER, signal))).code).to.equal(503);
  });

  it('tells what its Tasks use', async () => {
    let isOver = false;
    const asking = rig.agent.link.usage(WORKER, signal).finally(() => {
      isOver = true;
    });
    await rig.world.until('there is an answer', () => isOver, 2_000);
    const usage = await asking;
    expect(usage.worker).to.equal(WORKER);
    expect(usage.windowMs).to.be.within(1_000, 1_100);
    expect(usage.tasks).to.have.length(1);
    expect(usage.tasks[0]).to.deep.include({
      ...(await ref('web')),
      cpuNanocores: 250_000_000,
      memoryBytes: 5_000_000,
    });
  });

  it('reads the log before: of the last end while another try is to come, and none of a Task that is over', async () => {
    const previous = async (name: string): Promise<string> => {
      const chunks = await rig.agent.link.logs(WORKER, await ref(name), { ...whole, previous: true }, signal);
      return Buffer.concat(await Array.fromAsync(chunks)).toString();
    };
    await rig.apply('crash', { image: 'crash:1' });
    await rig.world.until('it has ended', async () => (await rig.read('crash'))?.status?.attempts === 2);
    expect(await previous('crash')).to.equal('once\n');
    await rig.apply('job', { image: 'job:1', restartPolicy: 'Never' });
    await rig.untilPhase('job', 'Succeeded');
    expect(await refusal(previous('job'))).to.include({
      reason: 'BadRequest',
      message: 'previous terminated container "job" in pod "job" not found',
    });
    const chunks = await rig.agent.link.logs(WORKER, await ref('job'), whole, signal);
    expect(Buffer.concat(await Array.fromAsync(chunks)).toString()).to.equal('done\n');
  });
});
