/** A Task's log over its containers: followed, chosen by attempt, and presented from the archive. On a fake engine. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ApiError } from '../../machinery/errors.ts';
import type { TaskLogOptions, TaskRef } from '../../machinery/workerlink.ts';
import { tasks } from '../../schemas/kinds.ts';
import { openRig, type Rig, WORKER } from './rig.ts';

const whole: TaskLogOptions = { follow: false, previous: false, timestamps: false };
const following: TaskLogOptions = { ...whole, follow: true };
const { signal } = new AbortController();

describe('A Task’s log', () => {
  let rig: Rig;
  let directory: string;
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'gantry-logs-'));
    rig = await openRig(
      {
        images: {
          'app:1': { output: [{ atMs: 1, stream: 'stdout', data: 'up\n' }] },
          'app:2': { output: [{ atMs: 1, stream: 'stdout', data: 'up again\n' }] },
          'crash:1': {
            exitAfterMs: 10,
            exitCode: 3,
            output: [
              { atMs: 1, stream: 'stdout', data: 'begin\n' },
              { atMs: 2, stream: 'stderr', data: 'error\n' },
              { atMs: 3, stream: 'stdout', data: 'last words' },
            ],
          },
          'job:1': { exitAfterMs: 50, output: [{ atMs: 1, stream: 'stdout', data: 'done\n' }] },
        },
      },
      undefined,
      { logArchive: { directory, retentionMs: 3_600_000, retentionBytes: 1024 ** 2 } },
    );
  });
  afterEach(async () => {
    await rig.close();
    rmSync(directory, { recursive: true, force: true });
  });

  const ref = async (name: string): Promise<TaskRef> => ({
    namespace: 'default',
    name,
    uid: (await rig.read(name))?.metadata.uid ?? '',
  });
  const read = async (task: TaskRef, options: Partial<TaskLogOptions> = {}): Promise<string> => {
    const chunks = await rig.agent.link.logs(WORKER, task, { ...whole, ...options }, signal);
    return Buffer.concat(await Array.fromAsync(chunks)).toString();
  };
  /** Goes on until the log ends by itself. */
  const follow = async (task: TaskRef, options: Partial<TaskLogOptions> = {}) => {
    const chunks = await rig.agent.link.logs(WORKER, task, { ...following, ...options }, signal);
    let text = '';
    let isOver = false;
    const reading = (async () => {
      for await (const chunk of chunks) text += Buffer.from(chunk).toString();
      isOver = true;
    })();
    return { text: () => text, isOver: () => isOver, reading };
  };
  /** As `until`, while files are written in real time: so much of it passes that no limit of the fake clock's is met before. */
  const untilKept = async (what: string, isSo: () => Promise<boolean> | boolean): Promise<void> => {
    for (let step = 0; !(await isSo()); step++) {
      if (step > 4_000) throw new Error(`waited in vain for: ${what}`);
      await rig.world.advance(50);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  const refusal = async (work: Promise<unknown>): Promise<ApiError> => {
    const error = await work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (error instanceof ApiError) return error;
    throw new Error('it was not refused', { cause: error });
  };

  it('is followed into the next containers, each beginning on a line of its own, until the Task is deleted', async () => {
    await rig.apply('crash', { image: 'crash:1', terminationGracePeriodSeconds: 0 });
    await rig.world.until('it has run', async () => ((await rig.read('crash'))?.status?.attempts ?? 0) >= 1);
    const task = await ref('crash');
    const log = await follow(task);
    await rig.world.until(
      'three were followed',
      () => (log.text().match(/begin/g)?.length ?? 0) >= 3,
      200_000,
    );
    expect(log.text()).to.match(/^(begin\nerror\nlast words\n){2,}begin/);
    expect(log.isOver()).to.equal(false);
    await rig.world.admin.delete(tasks, {
      namespace: 'default',
      name: 'crash',
    });
    await untilKept('it has ended', () => log.isOver());
  });

  it('ends when the Task is over', async () => {
    await rig.apply('job', { image: 'job:1', restartPolicy: 'Never' });
    await rig.world.until('it has a container', () => rig.running('job').length === 1);
    const log = await follow(await ref('job'));
    await rig.world.until('it has ended', () => log.isOver());
    expect(log.text()).to.equal('done\n');
  });

  it('of one attempt ends with it', async () => {
    await rig.apply('crash', { image: 'crash:1' });
    await rig.world.until(
      'it ran twice',
      async () => ((await rig.read('crash'))?.status?.attempts ?? 0) >= 2,
    );
    const log = await follow(await ref('crash'), { attempt: 1 });
    await rig.world.until('it has ended', () => log.isOver());
    expect(log.text()).to.equal('begin\nerror\nlast words');
  });

  it('is followed by several hundred at once, whether they read or not', async () => {
    await rig.apply('web');
    await rig.untilPhase('web', 'Running');
    const task = await ref('web');
    const idle = await Promise.all(
      Array.from({ length: 300 }, () => rig.agent.link.logs(WORKER, task, following, signal)),
    );
    const log = await follow(task);
    rig.runtime.engine.write(rig.running('web')[0]?.id ?? '', 'stdout', 'news\n');
    await rig.world.until('who reads has it', () => log.text().endsWith('news\n'));
    rig.runtime.engine.exit(rig.running('web')[0]?.id ?? '', 1);
    await rig.world.until('and what comes after', () => log.text().endsWith('news\nup\n'), 60_000);
    expect(idle).to.have.length(300);
  });

  it('of a replaced container is kept, with how it ended', async () => {
    await rig.apply('web', { terminationGracePeriodSeconds: 0 });
    await rig.untilPhase('web', 'Running');
    const task = await ref('web');
    await rig.world.until('it has spoken', async () => (await read(task)) === 'up\n');
    await rig.edit('web', (spec) => ({ ...spec, image: 'app:2' }));
    await rig.world.until('the second speaks', async () => (await read(task)) === 'up again\n');
    // The engine keeps the container before the present one.
    await rig.edit('web', (spec) => ({ ...spec, image: 'app:2', args: ['again'] }));
    await untilKept('the first one is archived', async () =>
      (await rig.agent.link.attempts(WORKER, task, signal)).some(({ state }) => state === 'archived'),
    );
    await rig.world.until('the third speaks', async () => (await read(task)) === 'up again\n');
    const [newest, previous, oldest] = await rig.agent.link.attempts(WORKER, task, signal);
    expect(newest).to.include({ attempt: 3, state: 'running' });
    expect(previous).to.include({ attempt: 2, state: 'exited' });
    expect(oldest).to.include({ attempt: 1, state: 'archived', reason: 'Superseded' });
    expect(await read(task, { attempt: 1 })).to.equal('up\n');
    expect(await read(task, { previous: true })).to.equal('up again\n');
    expect((await refusal(read(task, { attempt: 7 }))).message).to.equal(
      'container "web" in pod "web": the log of attempt 7 is not kept; those of 3, 2, 1 are',
    );
  });

  it('of a deleted Task is presented from the archive as the engine would have', async () => {
    await rig.apply('crash', { image: 'crash:1', restartPolicy: 'Never' });
    await rig.untilPhase('crash', 'Failed');
    const task = await ref('crash');
    const from = [
      {},
      { tailLines: 2 },
      { tailLines: 0 },
      { stream: 'stderr' },
      { timestamps: true },
      { limitBytes: 8 },
    ] as const;
    const since = { sinceSeconds: rig.world.clock.now() / 1000 + 10 };
    const before: string[] = [];
    for (const options of [...from.filter((asked) => !('stream' in asked)), since])
      before.push(await read(task, options));
    await rig.world.admin.delete(tasks, {
      namespace: 'default',
      name: 'crash',
    });
    await untilKept('it is gone', async () => (await rig.read('crash')) === undefined);
    const after: string[] = [];
    for (const options of [...from.filter((asked) => !('stream' in asked)), since])
      after.push(await read(task, options));
    expect(after).to.deep.equal(before);
    expect(after[0]).to.equal('begin\nerror\nlast words');
    expect(await read(task, { stream: 'stderr' })).to.equal('error\n');
    expect(await read(task, { stream: 'stdout', tailLines: 1, timestamps: true })).to.match(
      /^\d{4}-[^ ]+Z last words$/,
    );
    // Also while the engine is away.
    rig.runtime.stopEngine({ containersDie: false });
    const log = await follow(task);
    await untilKept('it has ended', () => log.isOver());
    expect(log.text()).to.equal('begin\nerror\nlast words');
  });
});
