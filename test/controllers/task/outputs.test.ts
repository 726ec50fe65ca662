/** What a Task says as it ends (`spec.outputs`, `status.result`): when it is told, whose words it is, and what it survives. */
import { expect } from 'chai';
import { planTask } from '../../../controllers/task/plan.ts';
import { specHash } from '../../../controllers/task/planning/spechash.ts';
import type { TaskServices } from '../../../controllers/task/services.ts';
import type { TaskStatus } from '../../../controllers/task/types.ts';
import { RuntimeError } from '../../../machinery/errors.ts';
import type { FoundFile } from '../../../machinery/runtime.ts';
import type { FakeProgram } from '../../../runtime/fake/program.ts';
import { events, tasks } from '../../../schemas/kinds.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { openRig, type Rig } from '../../agent/rig.ts';
import { boundTask, container, ended, world } from './worlds.ts';

const NEVER: Partial<Task['spec']> = { restartPolicy: 'Never', outputs: {} };
const said = { outputs: { a: '1' }, stdout: 'bye\n' };
const results = new Map([['c1', said]]);

describe('the planner and the result', () => {
  const statusOf = (
    task: Task,
    ...rest: Parameters<typeof world> extends [unknown, ...infer R] ? R : never
  ) => planTask(world(task, ...rest)).status;

  it('tells it with the end, in one status', () => {
    const task = boundTask(NEVER);
    const status = statusOf(task, [ended(1, task, 0)], { results });
    expect(status).to.include({ phase: 'Succeeded' });
    expect(status?.result).to.deep.equal(said);
  });

  it('tells it of a failure too', () => {
    const task = boundTask(NEVER);
    expect(statusOf(task, [ended(1, task, 3)], { results })).to.deep.include({
      phase: 'Failed',
      result: said,
    });
  });

  it('keeps it, and writes nothing, once it is told', () => {
    const task = boundTask(NEVER);
    const before = statusOf(task, [ended(1, task, 0)], { results });
    const told = boundTask(NEVER, before);
    expect(statusOf(told, [ended(1, told, 0)])).to.equal(told.status);
  });

  it('tells nothing of one that is to run again', () => {
    const task = boundTask({ ...NEVER, restartPolicy: 'OnFailure' });
    const status = statusOf(task, [ended(1, task, 3)], { results });
    expect(status).to.include({ phase: 'Pending' });
    expect(status).to.not.have.property('result');
  });

  it('tells nothing of one that was stopped', () => {
    const task = boundTask({ ...NEVER, desiredState: 'Stopped' });
    const status = statusOf(task, [ended(1, task, 0)], { results });
    expect(status).to.include({ phase: 'Stopped' });
    expect(status).to.not.have.property('result');
  });

  it('forgets it with the spec that it came of', () => {
    const task = boundTask(NEVER);
    const before = statusOf(task, [ended(1, task, 0)], { results });
    const edited = boundTask({ ...NEVER, image: 'app:2' }, before);
    const status = statusOf(edited, [ended(1, task, 0), container(2, edited)]);
    expect(status).to.include({ phase: 'Running' });
    expect(status).to.not.have.property('result');
  });

  it('leaves out what an object has no room for', () => {
    const task = boundTask({ ...NEVER, env: [{ name: 'BIG', value: 'x'.repeat(870_000) }] });
    const large = { outputs: { a: '1' }, stdout: 'y'.repeat(65_536) };
    const status = statusOf(task, [ended(1, task, 0)], { results: new Map([['c1', large]]) });
    expect(status?.phase).to.equal('Succeeded');
    expect(status?.result?.outputs).to.deep.equal({ a: '1' });
    expect(status?.result?.message).to.match(/^standard output is left out/);
  });

  it('a change of what is kept of standard output needs no new container, the file itself does', () => {
    const hash = (outputs: Task['spec']['outputs']): string =>
      specHash({ image: 'app:1', ...(outputs === undefined ? {} : { outputs }) });
    expect(hash({ stdoutBytes: 100 })).to.equal(hash({}));
    expect(hash({})).to.not.equal(hash(undefined));
  });
});

/** `count` lines, `width` characters each without the newline. */
const lines = (count: number, width: number): string =>
  Array.from({ length: count }, (_, index) => `${String(index).padStart(width, '.')}\n`).join('');

const PATH = '/run/gantry/output';
const IMAGES: Readonly<Record<string, FakeProgram>> = {
  'app:1': {},
  'job:1': {
    exitAfterMs: 50,
    files: { [PATH]: 'rows=42\nnonsense\n' },
    output: [
      { atMs: 10, stream: 'stdout', data: 'counted\n' },
      { atMs: 20, stream: 'stderr', data: 'a warning\n' },
      { atMs: 30, stream: 'stdout', data: 'done' },
    ],
  },
  'silent:1': { exitAfterMs: 50 },
  'short:1': { exitAfterMs: 50, output: [{ atMs: 10, stream: 'stdout', data: lines(9_500, 9) }] },
  'unended:1': {
    exitAfterMs: 50,
    output: [{ atMs: 10, stream: 'stdout', data: `${lines(9_500, 9)}the very end` }],
  },
  'long:1': { exitAfterMs: 50, output: [{ atMs: 10, stream: 'stdout', data: lines(40, 5_000) }] },
  'crash:1': { exitAfterMs: 50, exitCode: 3, files: { [PATH]: 'rows=0\n' } },
};

describe('a Task with outputs, through the controller', () => {
  let rig: Rig;
  /** What stands in the way of reading the file. */
  let trouble: RuntimeError | undefined;
  let looks: number;
  beforeEach(async () => {
    trouble = undefined;
    looks = 0;
    const adapt = (services: TaskServices): TaskServices => ({
      ...services,
      outputs: {
        prepare: (...words) => services.outputs.prepare(...words),
        read: (...words): Promise<FoundFile> => {
          looks += 1;
          return trouble === undefined ? services.outputs.read(...words) : Promise.reject(trouble);
        },
      },
    });
    rig = await openRig({ images: IMAGES }, adapt);
  });
  afterEach(() => rig.close());

  const run = async (image: string, spec: Partial<Task['spec']> = {}): Promise<TaskStatus | undefined> => {
    await rig.apply('job', { image, restartPolicy: 'Never', outputs: { stdoutBytes: 1_000 }, ...spec });
    const isOver = (phase = ''): boolean => phase === 'Succeeded' || phase === 'Failed';
    await rig.world.until('it is over', async () => isOver((await rig.read('job'))?.status?.phase));
    return (await rig.read('job'))?.status;
  };

  it('is given the file by name, and says what it wrote there and to standard output', async () => {
    const status = await run('job:1');
    expect(status?.result).to.deep.equal({
      outputs: { rows: '42' },
      stdout: 'counted\ndone',
      message: `line 2 of ${PATH} is not KEY=VALUE`,
    });
    const [made] = rig.runtime.engine.containers();
    expect(made?.spec.env).to.include(`GANTRY_OUTPUT=${PATH}`);
    expect(made?.spec.mounts?.map(({ target }) => target)).to.deep.equal(['/run/gantry']);
  });

  it('is told by no status before the one that ends it', async () => {
    const seen: TaskStatus[] = [];
    const stop = new AbortController();
    const watching = (async (): Promise<void> => {
      for await (const event of rig.world.admin.watch(tasks, { signal: stop.signal })) {
        if (event.type !== 'BOOKMARK' && event.object.status !== undefined) seen.push(event.object.status);
      }
    })();
    await run('job:1');
    stop.abort();
    await watching.catch(() => undefined);
    expect(seen.length).to.be.greaterThan(1);
    for (const { phase, result } of seen) {
      expect(result !== undefined, `${phase}`).to.equal(phase === 'Succeeded');
    }
  });

  it('has a variable of its own choice in place of ours, and can use ours', async () => {
    await run('silent:1', {
      env: [
        { name: 'WHERE', value: '$(GANTRY_OUTPUT)' },
        { name: 'GANTRY_OUTPUT', value: '/elsewhere' },
      ],
    });
    const [made] = rig.runtime.engine.containers();
    expect(made?.spec.env).to.have.members([`WHERE=${PATH}`, 'GANTRY_OUTPUT=/elsewhere']);
  });

  it('without outputs nothing is mounted, named or read', async () => {
    await rig.apply('job', { image: 'job:1', restartPolicy: 'Never' });
    const task = await rig.untilPhase('job', 'Succeeded');
    expect(task.status).to.not.have.property('result');
    const [made] = rig.runtime.engine.containers();
    expect(made?.spec.mounts ?? []).to.deep.equal([]);
    expect(JSON.stringify(made?.spec.env)).to.not.include('GANTRY_OUTPUT');
    expect(looks).to.equal(0);
  });

  it('that says nothing has said nothing', async () => {
    expect((await run('silent:1'))?.result).to.deep.equal({ stdout: '' });
    expect((await rig.read('job'))?.status?.phase).to.equal('Succeeded');
  });

  it('without stdoutBytes keeps nothing of standard output', async () => {
    expect((await run('job:1', { outputs: {} }))?.result).to.not.have.property('stdout');
  });

  for (const [image, bytes] of [
    ['short:1', 1_000],
    ['short:1', 65_536],
    ['unended:1', 65_536],
    ['long:1', 1_000],
    ['long:1', 65_536],
  ] as const) {
    it(`keeps exactly the last ${bytes} bytes of ${image}`, async () => {
      const all = String(IMAGES[image]?.output?.[0]?.data);
      const status = await run(image, { outputs: { stdoutBytes: bytes } });
      expect(status?.result?.stdout === all.slice(-bytes), `${status?.result?.stdout?.length}`).to.equal(
        true,
      );
    });
  }

  it('says what the last of its containers said, after those before it', async () => {
    const status = await run('crash:1', { restartPolicy: 'OnFailure', activeDeadlineSeconds: 4 });
    expect(status).to.include({ phase: 'Failed', reason: 'DeadlineExceeded' });
    expect(status?.attempts).to.be.greaterThan(1);
    expect(status?.result?.outputs).to.deep.equal({ rows: '0' });
    const mounts = rig.runtime.engine.containers().map(({ spec }) => spec.mounts?.[0]);
    expect(new Set(mounts.map((mount) => JSON.stringify(mount))).size, 'a file for each').to.equal(
      mounts.length,
    );
  });

  it('waits for an engine that does not answer, and writes nothing meanwhile', async () => {
    trouble = new RuntimeError('Unavailable', 'the engine does not answer');
    await rig.apply('job', { image: 'job:1', restartPolicy: 'Never', outputs: {} });
    await rig.world.until('it was asked', () => looks > 2);
    expect((await rig.read('job'))?.status?.phase).to.not.equal('Succeeded');
    trouble = undefined;
    expect((await rig.untilPhase('job', 'Succeeded')).status?.result?.outputs).to.deep.equal({ rows: '42' });
  });

  it('ends all the same when the engine stays away', async () => {
    trouble = new RuntimeError('Unavailable', 'the engine does not answer');
    await rig.apply('job', { image: 'job:1', restartPolicy: 'Never', outputs: {} });
    await rig.world.until('it was asked', () => looks > 0);
    await rig.world.advance(120_000);
    const { status } = await rig.untilPhase('job', 'Succeeded');
    expect(status?.result).to.deep.equal({
      message: `${PATH} could not be read: the engine does not answer`,
    });
  });

  it('ends at once when what is there cannot be read', async () => {
    trouble = new RuntimeError('Failed', 'the disk is broken');
    const status = await run('job:1', { outputs: {} });
    expect(status?.phase).to.equal('Succeeded');
    expect(status?.result?.message).to.equal(`${PATH} could not be read: the disk is broken`);
    expect(looks).to.equal(1);
  });

  it('a Gantry that is killed between the end and the write leaves it to the next', async () => {
    trouble = new RuntimeError('Unavailable', 'the engine does not answer');
    await rig.apply('job', { image: 'job:1', restartPolicy: 'Never', outputs: { stdoutBytes: 1_000 } });
    await rig.world.until('it was asked', () => looks > 0);
    await rig.restart();
    trouble = undefined;
    expect((await rig.untilPhase('job', 'Succeeded')).status?.result).to.deep.include({
      outputs: { rows: '42' },
      stdout: 'counted\ndone',
    });
    expect(rig.runtime.engine.containers(), 'run once').to.have.length(1);
    await rig.restart();
    const { resourceVersion } = (await rig.read('job'))?.metadata ?? {};
    await rig.world.advance(60_000);
    expect((await rig.read('job'))?.metadata.resourceVersion, 'and written once').to.equal(resourceVersion);
  });

  it('that cannot be given its file does not start, and says why', async () => {
    await rig.apply('job', {
      image: 'job:1',
      outputs: {},
      volumes: [{ name: 'v', emptyDir: {} }],
      volumeMounts: [{ name: 'v', mountPath: '/run/gantry' }],
    });
    await rig.world.until(
      'it says so',
      async () => (await rig.read('job'))?.status?.reason === 'CreateContainerConfigError',
    );
    expect((await rig.read('job'))?.status?.message).to.include('volumeMount /run/gantry');
    expect((await rig.world.admin.list(events)).items.length).to.be.greaterThan(0);
  });
});
