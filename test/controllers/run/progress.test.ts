/** How far a Run is: a table, and what telling of it costs, on the real registry. */
import { expect } from 'chai';
import { holdBack, progressOf } from '../../../controllers/run/planning/progress.ts';
import type { StepState, StepStatus } from '../../../controllers/run/types.ts';
import { runs } from '../../../schemas/kinds.ts';
import { openWorld, type World } from '../../world.ts';
import { type Process, Stage, startRuns } from './stage.ts';

describe('How far a Run is', () => {
  const rows: readonly [
    steps: string,
    state: 'running' | 'completed' | 'failed',
    percent: number | undefined,
  ][] = [
    ['pending, running', 'running', undefined],
    ['running 40', 'running', 40],
    ['completed 100, running 40', 'running', 70],
    ['completed 100, running, pending', 'running', 33],
    ['completed 100, skipped, running 0', 'running', 50],
    ['running 100', 'running', 99],
    ['completed 100, skipped', 'completed', 100],
    ['completed 100, failed 50', 'failed', 75],
    ['failed', 'failed', undefined],
    ['', 'completed', 100],
  ];
  for (const [steps, state, percent] of rows) {
    it(`${state} of ${steps || 'no steps'}: ${percent ?? 'nobody knows'}`, () => {
      const entries = steps.split(', ').flatMap((text, at): StepStatus[] => {
        const [step, said] = text.split(' ');
        if (step === undefined || step === '') return [];
        const entry = { name: `s${at}`, state: step as StepState };
        return [said === undefined ? entry : { ...entry, progress: Number(said) }];
      });
      expect(progressOf(entries, state)).to.equal(percent);
    });
  }

  it('waits for a quiet moment where there is nothing else to tell', () => {
    const old = {
      state: 'running' as const,
      progress: 1,
      tasks: [{ name: 'a', state: 'running' as const, progress: 1 }],
    };
    const next = { ...old, progress: 2, tasks: [{ name: 'a', state: 'running' as const, progress: 2 }] };
    expect(holdBack(old, next, 400)).to.deep.equal({ status: old, lookAgainMs: 600 });
    expect(holdBack(old, next, 1_000).status).to.equal(next);
    expect(holdBack(old, next, undefined).status).to.equal(next);
    const more = { ...next, reason: 'Why' };
    expect(holdBack(old, more, 400).status).to.equal(more);
  });
});

describe('The progress of a Run', () => {
  let world: World;
  let stage: Stage;
  let process: Process;
  beforeEach(async () => {
    world = await openWorld();
    stage = new Stage(world);
    process = startRuns(world);
  });
  afterEach(async () => {
    await process.kill();
    await world.close();
  });

  const say = async (name: string, progress: number): Promise<void> => {
    const task = await stage.task(name);
    if (task !== undefined) await stage.tell(task, { ...task.status, phase: 'Running', progress });
  };

  it('is the mean of its steps, each as it says itself, and 100 at the end', async () => {
    stage.plays = { a: [{ forever: true }], b: [{ forever: true }] };
    await stage.createJob('j', [{ name: 'a' }, { name: 'b' }]);
    await stage.createRun('r', { jobRef: { name: 'j' } });
    await stage.until('both run', async () => (await stage.task('r-b-1'))?.status?.phase === 'Running');
    expect((await stage.run('r')).status).to.not.have.property('progress');
    await say('r-a-1', 40);
    await world.advance(2_000);
    const { status } = await stage.run('r');
    expect(status).to.include({ state: 'running', progress: 20 });
    expect(status?.tasks?.map(({ progress }) => progress)).to.deep.equal([40, undefined]);
    for (const name of ['r-a-1', 'r-b-1']) {
      const task = await stage.task(name);
      if (task !== undefined) await stage.end(task, {});
    }
    expect((await stage.untilEnded('r')).status).to.include({ state: 'completed', progress: 100 });
  });

  it('is written once a second at most, however many steps report', async () => {
    const names = Array.from({ length: 8 }, (_, at) => `s${at}`);
    stage.plays = Object.fromEntries(names.map((name) => [name, [{ forever: true }]]));
    await stage.createJob(
      'j',
      names.map((name) => ({ name })),
    );
    await stage.createRun('r', { jobRef: { name: 'j' } });
    await stage.until('all run', async () => (await stage.task('r-s7-1'))?.status?.phase === 'Running');
    await world.advance(5_000);
    let writes = 0;
    let last = (await stage.run('r')).metadata.resourceVersion;
    for (let step = 1; step <= 50; step++) {
      for (const name of names) await say(`r-${name}-1`, step);
      await world.advance(100);
      const { resourceVersion } = (await world.admin.get(runs, { namespace: 'default', name: 'r' })).metadata;
      if (resourceVersion !== last) writes += 1;
      last = resourceVersion;
    }
    expect(writes).to.be.within(3, 6);
    await world.advance(2_000);
    expect((await stage.run('r')).status?.progress).to.equal(50);
  });
});
