/** How far Tasks say that they are: what says it, that it is heard, and what hearing it costs. On a fake engine. */
import { expect } from 'chai';
import { ProgressWatch } from '../../agent/progress/progresswatch.ts';
import { progressInFile, progressInOutput } from '../../controllers/task/planning/progress.ts';
import { LABEL_RUN } from '../../machinery/labels.ts';
import { silentLog } from '../../machinery/log.ts';
import { tasks } from '../../schemas/kinds.ts';
import { openRig, type Rig } from './rig.ts';

describe('What tells how far a Task is', () => {
  const rows: readonly [what: string, output: string, percent: number | undefined][] = [
    ['nothing', '', undefined],
    ['a line', '::progress 40\n', 40],
    ['the last of several', '::progress 40\nmore\n::progress 60\nand more\n', 60],
    ['one that goes back', '::progress 90\n::progress 10\n', 10],
    ['a line without its end', 'x\n::progress 7', 7],
    ['with percent, fraction, blanks and a carriage return', '::progress \t12.75 % \r\n', 12],
    ['the bounds', '::progress 0\n::progress 100\n', 100],
    ['more than all', '::progress 30\n::progress 101\n', 30],
    ['less than nothing', '::progress -1\n', undefined],
    ['words', '::progress soon\n', undefined],
    ['another word', '::progressive 40\n', undefined],
    ['in the middle of a line', 'see ::progress 40\n', undefined],
    ['in front of more', '::progress 40 of 100\n', undefined],
    ['among bytes that are no text', '\xff\0\n::progress 5\n\xfe', 5],
    ['after very many that say nothing', '::progress x\n'.repeat(2_000), undefined],
    ['a very long line', `::progress ${' '.repeat(100_000)}4\n`, undefined],
  ];
  for (const [what, output, percent] of rows) {
    it(`${what}: ${percent ?? 'says nothing'}`, () =>
      expect(progressInOutput(Buffer.from(output, 'latin1'))).to.equal(percent));
  }

  it('in the output file it is a line of its own', () => {
    expect(progressInFile(Buffer.from('a=1\nprogress=30\nb=2\nprogress= 45.5 %\n'))).to.equal(45);
    expect(progressInFile(Buffer.from('myprogress=30\nprogress=all\n'))).to.equal(undefined);
  });
});

describe('The progress of a Task', () => {
  let rig: Rig;
  /** What lies at the output file. */
  let file: string;
  let logReads: number;
  beforeEach(async () => {
    file = '';
    logReads = 0;
    rig = await openRig();
    rig.runtime.hooks = {
      before: async (call) => {
        if (call.operation === 'logs') logReads += 1;
      },
    };
  });
  afterEach(() => rig.close());

  /** A Task as a Run makes it. */
  const apply = async (
    name: string,
    labels: Record<string, string> = { [LABEL_RUN]: 'r' },
  ): Promise<string> => {
    const manifest = {
      apiVersion: 'gantry.dev/v1',
      kind: 'Task',
      metadata: { name, namespace: 'default', labels },
      spec: { image: 'app:1', restartPolicy: 'Never' as const, outputs: {} },
    };
    await rig.world.admin.create(tasks, manifest);
    await rig.bind(name);
    await rig.untilPhase(name, 'Running');
    return rig.running(name)[0]?.id ?? '';
  };
  const progress = async (name: string): Promise<number | undefined> =>
    (await rig.read(name))?.status?.progress;
  const until = (name: string, percent: number): Promise<void> =>
    rig.world.until(`progress ${percent}`, async () => (await progress(name)) === percent, 20_000);
  const write = (id: string, text: string): void => rig.runtime.engine.write(id, 'stdout', text);

  it('is what it said last, and its last word counts', async () => {
    const id = await apply('work');
    expect(await progress('work')).to.equal(undefined);
    write(id, 'hello\n::progress 40\n');
    await until('work', 40);
    write(id, '::progress 55\nnext\n');
    await until('work', 55);
    write(id, '::progress 80\n');
    rig.runtime.engine.exit(id, 3);
    await rig.untilPhase('work', 'Failed');
    await until('work', 80);
    const { resourceVersion } = (await rig.read('work'))?.metadata ?? {};
    await rig.world.advance(60_000);
    expect((await rig.read('work'))?.metadata.resourceVersion).to.equal(resourceVersion);
  });

  it('is in the output file, too; where both say it, the larger counts', async () => {
    const id = await apply('work');
    const task = await rig.world.admin.get(tasks, { namespace: 'default', name: 'work' });
    const stopped = new AbortController();
    const heard: string[] = [];
    const watch = new ProgressWatch({
      runtime: rig.runtime,
      outputs: { read: () => Promise.resolve({ kind: 'file', bytes: Buffer.from(file), isCut: false }) },
      clock: rig.world.clock,
      log: silentLog,
      signal: stopped.signal,
    });
    watch.onChange((key) => heard.push(key));
    const said = async (): Promise<number | undefined> => {
      await rig.world.advance(10_000);
      return watch.progressOf(task, [{ id, attempt: 1, isRunning: true }]).get(id);
    };
    expect(await said()).to.equal(undefined);
    file = 'value=3\nprogress=25\n';
    expect(await said()).to.equal(25);
    write(id, '::progress 20\n');
    file = 'progress=30\n';
    expect(await said()).to.equal(30);
    write(id, '::progress 90\n');
    expect(await said()).to.equal(90);
    expect(heard).to.deep.equal(Array.from({ length: 3 }, () => 'default/work'));
    watch.forget('default/work');
    stopped.abort();
  });

  it('is written once a second at most, however often it is said', async () => {
    const id = await apply('loud');
    const from = rig.world.store.revision();
    for (let step = 0; step < 50; step++) {
      for (let line = 0; line < 400; line++) write(id, `::progress ${(step * 400 + line) % 101}\n`);
      await rig.world.advance(100);
    }
    const list = await rig.world.admin.list(tasks);
    expect(list.items).to.have.length(1);
    const writes = rig.world.store.revision() - from;
    // Beside its lease and its status, the worker writes about the Task alone.
    expect(writes).to.be.at.most(5 + 5 + 2);
    write(id, '::progress 99\n');
    await until('loud', 99);
  });

  it('is heard after a restart of Gantry, also of a Task that says nothing new', async () => {
    const id = await apply('work');
    write(id, '::progress 40\n');
    await until('work', 40);
    await rig.restart();
    await rig.world.advance(5_000);
    expect(await progress('work')).to.equal(40);
    write(id, '::progress 60\n');
    await until('work', 60);
  });

  it('costs a Task that never says any a look now and then, and others nothing', async () => {
    await apply('silent');
    await apply('plain', {});
    logReads = 0;
    await rig.world.advance(120_000);
    expect(logReads).to.be.within(10, 20);
    write(rig.running('plain')[0]?.id ?? '', '::progress 40\n');
    await rig.world.advance(20_000);
    expect(await progress('plain')).to.equal(undefined);
  });

  it('is asked for again when the engine is back, and not of what is gone', async () => {
    const id = await apply('work');
    rig.runtime.stopEngine({ containersDie: false });
    await rig.world.advance(10_000);
    rig.runtime.startEngine();
    write(id, '::progress 30\n');
    await until('work', 30);
    await rig.world.admin.delete(tasks, { namespace: 'default', name: 'work' });
    await rig.world.until('it is gone', async () => (await rig.read('work')) === undefined, 60_000);
    logReads = 0;
    await rig.world.advance(60_000);
    expect(logReads).to.equal(0);
  });

  it('begins anew with the next container', async () => {
    await rig.world.admin.create(tasks, {
      apiVersion: 'gantry.dev/v1',
      kind: 'Task',
      metadata: { name: 'again', namespace: 'default', labels: { [LABEL_RUN]: 'r' } },
      spec: { image: 'app:1' },
    });
    await rig.bind('again');
    await rig.untilPhase('again', 'Running');
    const id = rig.running('again')[0]?.id ?? '';
    write(id, '::progress 70\n');
    await until('again', 70);
    rig.runtime.engine.exit(id, 1);
    await rig.world.until('the next runs', () => {
      const now = rig.running('again')[0]?.id;
      return now !== undefined && now !== id;
    });
    await rig.world.until('nothing is said of it yet', async () => (await progress('again')) === undefined);
  });
});
