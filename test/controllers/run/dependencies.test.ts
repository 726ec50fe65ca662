/** Runs that wait for runs: a table for the plan, and what becomes of them on the real registry. */
import { expect } from 'chai';
import { planDependencies } from '../../../controllers/run/planning/dependencies.ts';
import { isApiError } from '../../../machinery/errors.ts';
import { events, runs } from '../../../schemas/kinds.ts';
import { awaitedRuns } from '../../../schemas/runlives.ts';
import type { Run } from '../../../schemas/types.gen.ts';
import { openWorld, type World } from '../../world.ts';
import { type Process, Stage, startRuns } from './stage.ts';

const API = 'gantry.dev/v1';
const AT = '2026-01-01T00:00:00.000Z';

const newRun = (name: string, status?: Run['status'], spec: Partial<Run['spec']> = {}): Run => ({
  apiVersion: API,
  kind: 'Run',
  metadata: { name, namespace: 'default', uid: `uid-${name}` },
  spec: { templateRef: { name: 't' }, ...spec },
  ...(status === undefined ? {} : { status }),
});
const ended = (name: string, state: 'completed' | 'failed' | 'cancelled' | 'interrupted'): Run =>
  newRun(name, { state, reason: 'Why', finishedAt: AT });
const waiter = (names: readonly string[], status?: Run['status']): Run =>
  newRun('r', status, { dependsOn: names.map((name) => ({ name })) });

describe('What a Run depends on', () => {
  const seen = { dependsOn: [{ name: 'a', uid: 'uid-a', completedAt: AT }] };
  const rows: readonly [
    what: string,
    run: Run,
    found: readonly Run[],
    absent: readonly string[],
    plan: string,
  ][] = [
    ['one goes on', waiter(['a']), [newRun('a')], [], 'waits: waits until "a" has completed'],
    [
      'two go on',
      waiter(['a', 'b']),
      [newRun('a'), newRun('b')],
      [],
      'waits: waits until "a", "b" have completed',
    ],
    [
      'one has completed',
      waiter(['a', 'b']),
      [ended('a', 'completed'), newRun('b')],
      [],
      'waits: waits until "b" has completed',
    ],
    [
      'all have completed',
      waiter(['a', 'b']),
      [ended('a', 'completed'), ended('b', 'completed')],
      [],
      'met: ',
    ],
    [
      'one failed',
      waiter(['a', 'b']),
      [ended('a', 'failed'), newRun('b')],
      [],
      'failed: run "a" is failed (Why), and must have completed',
    ],
    [
      'one was cancelled',
      waiter(['a']),
      [ended('a', 'cancelled')],
      [],
      'failed: run "a" is cancelled (Why), and must have completed',
    ],
    [
      'one was interrupted',
      waiter(['a']),
      [ended('a', 'interrupted')],
      [],
      'failed: run "a" is interrupted (Why), and must have completed',
    ],
    ['one is not in the copy', waiter(['a', 'b']), [newRun('b')], [], 'look: a'],
    [
      'one is gone',
      waiter(['a', 'b']),
      [newRun('b')],
      ['a'],
      'failed: run "a" is gone, and was not seen to complete',
    ],
    [
      'one is gone that was seen to complete',
      waiter(['a', 'b'], seen),
      [ended('b', 'completed')],
      ['a'],
      'met: ',
    ],
    [
      'another one has the name now',
      waiter(['a'], { dependsOn: [{ name: 'a', uid: 'uid-before' }] }),
      [ended('a', 'completed')],
      [],
      'failed: run "a" is gone, and was not seen to complete',
    ],
  ];
  for (const [what, run, found, absent, wanted] of rows) {
    it(`${what}: ${wanted}`, () => {
      const plan = planDependencies({
        run,
        found: new Map(found.map((other) => [other.metadata.name, other])),
        absent: new Set(absent),
      });
      const told = plan.kind === 'look' ? plan.names.join() : plan.message;
      expect(`${plan.kind}: ${told}`).to.equal(wanted);
    });
  }

  it('is named in part where there is much of it', () => {
    const names = Array.from({ length: 12 }, (_, at) => `n${at}`);
    const found = new Map(names.map((name) => [name, newRun(name)]));
    const plan = planDependencies({ run: waiter(names), found, absent: new Set() });
    expect(plan)
      .to.have.property('message')
      .that.matches(/"n9" and 2 more have completed$/);
  });

  it('is awaited until it was seen, and by nobody who has begun or ended', () => {
    expect(awaitedRuns(waiter(['a', 'b'], seen))).to.deep.equal(['b']);
    expect(awaitedRuns(waiter(['a'], { startedAt: AT }))).to.deep.equal([]);
    expect(awaitedRuns(waiter(['a'], { finishedAt: AT }))).to.deep.equal([]);
    expect(awaitedRuns(newRun('r'))).to.deep.equal([]);
  });
});

describe('A Run that depends on others', () => {
  let world: World;
  let stage: Stage;
  let processes: Process[];

  beforeEach(async () => {
    world = await openWorld();
    stage = new Stage(world);
    processes = [startRuns(world)];
    await stage.createTemplate('t', { template: { spec: { image: 'noop:1' } } });
  });
  afterEach(async () => {
    for (const process of processes) await process.kill();
    await world.close();
  });

  const dispatch = (
    name: string,
    dependsOn: readonly string[] = [],
    spec: Partial<Run['spec']> = {},
  ): Promise<Run> =>
    stage.createRun(name, {
      templateRef: { name: 't' },
      ...(dependsOn.length === 0 ? {} : { dependsOn: dependsOn.map((other) => ({ name: other })) }),
      ...spec,
    });
  const refusal = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'it was not refused',
      (error: unknown) => (isApiError(error) ? `${error.reason} ${error.message}` : String(error)),
    );
  const hold = (): void => {
    stage.plays = { t: [{ forever: true }] };
  };
  const endTask = async (name: string, exitCode = 0): Promise<void> => {
    const task = await stage.task(name);
    if (task === undefined) throw new Error(`task ${name} is not there`);
    await stage.end(task, { exitCode });
    await world.advance(1_000);
  };
  const began = (name: string): Promise<void> =>
    stage.until(`run ${name} runs`, async () => (await stage.run(name)).status?.state === 'running');

  it('stays pending and says for whom, then begins by itself', async () => {
    hold();
    await dispatch('a');
    await dispatch('b');
    await began('a');
    await began('b');
    await dispatch('c', ['a', 'b'], { priority: 5 });
    await world.advance(1_000);
    expect((await stage.run('c')).status).to.include({
      state: 'pending',
      reason: 'WaitingForRuns',
      message: 'waits until "a", "b" have completed',
    });
    await endTask('a-t-1');
    expect((await stage.run('c')).status?.message).to.equal('waits until "b" has completed');
    await endTask('b-t-1');
    await began('c');
    const { status } = await stage.run('c');
    expect(status).to.not.have.any.keys('reason', 'message');
    expect(status?.dependsOn?.map(({ name, completedAt }) => [name, typeof completedAt])).to.deep.equal([
      ['a', 'string'],
      ['b', 'string'],
    ]);
    expect((await stage.task('c-t-1'))?.spec.priority).to.equal(5);
    expect((await world.admin.list(events)).items.map(({ reason }) => reason)).to.include('WaitingForRuns');
  });

  it('begins at once where all have completed, also when they are gone since', async () => {
    hold();
    await dispatch('a');
    await dispatch('b');
    await began('b');
    await began('a');
    await dispatch('c', ['a', 'b']);
    await endTask('a-t-1');
    await world.admin.delete(runs, { namespace: 'default', name: 'a' });
    await world.advance(1_000);
    expect((await stage.run('c')).status).to.include({ message: 'waits until "b" has completed' });
    await endTask('b-t-1');
    await began('c');
    await dispatch('d', ['b']);
    await began('d');
  });

  it('fails with those that end otherwise, and so do all that wait for it', async () => {
    hold();
    await dispatch('a');
    await began('a');
    await dispatch('b', ['a']);
    await dispatch('c', ['b']);
    await dispatch('d', ['c']);
    await endTask('a-t-1', 3);
    for (const [name, upstream, why] of [
      ['b', 'a', 'TaskFailed'],
      ['c', 'b', 'DependencyNotSatisfied'],
      ['d', 'c', 'DependencyNotSatisfied'],
    ] as const) {
      const { status } = await stage.untilEnded(name);
      expect(status).to.include({ state: 'failed', reason: 'DependencyNotSatisfied' });
      expect(status?.message).to.equal(`run "${upstream}" is failed (${why}), and must have completed`);
    }
    expect(await stage.task('b-t-1')).to.equal(undefined);
  });

  it('fails when one is deleted before it completed', async () => {
    hold();
    await dispatch('a');
    await began('a');
    await dispatch('b', ['a']);
    await world.advance(1_000);
    await world.admin.delete(runs, { namespace: 'default', name: 'a' });
    const { status } = await stage.untilEnded('b');
    expect(status?.message).to.equal('run "a" is gone, and was not seen to complete');
  });

  it('can be cancelled while it waits, and nothing of it ever begins', async () => {
    hold();
    await dispatch('a');
    await dispatch('b', ['a']);
    await world.advance(1_000);
    await stage.patchRun('b', { cancel: true });
    expect((await stage.untilEnded('b')).status).to.include({ state: 'cancelled', reason: 'Cancelled' });
    await endTask('a-t-1');
    expect(await stage.task('b-t-1')).to.equal(undefined);
  });

  it('runs its template as it was when it was asked for', async () => {
    hold();
    await dispatch('a');
    await dispatch('b', ['a']);
    await world.advance(1_000);
    expect((await stage.run('b')).spec.revision).to.be.a('string');
  });

  it('may be run again, with or without others to wait for', async () => {
    await dispatch('a');
    await stage.untilEnded('a');
    hold();
    await dispatch('x');
    await began('x');
    await dispatch('again', ['x'], { rerunOf: { name: 'a' }, trigger: 'Rerun' });
    await world.advance(1_000);
    expect((await stage.run('again')).status?.reason).to.equal('WaitingForRuns');
    await endTask('x-t-1');
    await began('again');
    await endTask('again-t-1');
    await dispatch('more', [], { rerunOf: { name: 'again' }, trigger: 'Rerun' });
    await began('more');
  });

  it('of a Job asks for no place before they have completed', async () => {
    await stage.createJob('j', [{ name: 's' }]);
    hold();
    await dispatch('a');
    await began('a');
    const run = await world.admin.create(runs, {
      apiVersion: API,
      kind: 'Run',
      metadata: { name: 'r', namespace: 'default' },
      spec: { jobRef: { name: 'j' }, dependsOn: [{ name: 'a' }] },
    });
    await world.advance(1_000);
    expect((await stage.run('r')).status).to.include({ reason: 'WaitingForRuns' });
    expect((await stage.run('r')).spec.revision).to.equal(undefined);
    await endTask('a-t-1');
    expect(awaitedRuns(await stage.run('r'))).to.deep.equal([]);
    expect((await stage.run('r')).status).to.not.have.any.keys('reason', 'message');
    await stage.letBegin(run);
    expect((await stage.untilEnded('r')).status?.state).to.equal('completed');
  });

  it('goes on where another process left it', async () => {
    hold();
    await dispatch('a');
    await dispatch('b', ['a']);
    await began('a');
    for (const process of processes.splice(0)) await process.kill();
    await endTask('a-t-1');
    processes.push(startRuns(world), startRuns(world));
    await began('b');
    await endTask('b-t-1');
    expect((await stage.untilEnded('b')).status?.state).to.equal('completed');
  });

  it('names runs that are there, each once, and not itself; and stays as it was made', async () => {
    expect(await refusal(dispatch('r', ['none']))).to.match(
      /^Invalid .*spec\.dependsOn\[0\]\.name: Not found: "none"/,
    );
    expect(await refusal(dispatch('r', ['r']))).to.match(
      /^Invalid .*spec\.dependsOn\[0\]\.name: .*cannot wait for itself/,
    );
    await dispatch('a');
    expect(await refusal(dispatch('r', ['a', 'a']))).to.match(
      /^Invalid .*spec\.dependsOn\[1\]: Duplicate value/,
    );
    await dispatch('b', ['a']);
    expect(await refusal(stage.patchRun('b', { dependsOn: [] }))).to.match(
      /^Invalid .*spec\.dependsOn: .*field is immutable/,
    );
  });
});
