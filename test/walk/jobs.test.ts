/**
 * Jobs, Runs and TaskTemplates on a real engine, through the real kubectl: graphs with a branch that fails, a schedule of
 * every second, work by the hundred, cancelling, and a Gantry that is killed in the middle.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { sleep, systemClock } from '../../machinery/clock.ts';
import { command, eventually, GantryProcess } from './process.ts';

interface Step {
  readonly name: string;
  readonly state: string;
  readonly attempts?: number;
  readonly exitCode?: number;
  readonly outputs?: Readonly<Record<string, string>>;
  readonly taskName?: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
}

interface SeenRun {
  readonly metadata: { readonly name: string; readonly uid: string };
  readonly spec: {
    readonly scheduledTime?: string;
    readonly trigger?: string;
    readonly parameters?: { position?: number };
  };
  readonly status?: {
    readonly state?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly startedAt?: string;
    readonly finishedAt?: string;
    readonly tasks?: readonly Step[];
  };
}

const templates = join(import.meta.dirname, '../../manifests/templates');
const ENDED = ['completed', 'failed', 'interrupted', 'cancelled'];
const TICKS = 120;
const FIBS = 200;
const STANDSTILL_MS = 120_000;

/** A step that runs a script of busybox. */
const step = (name: string, script: string, rest: Record<string, unknown> = {}): unknown => ({
  name,
  template: {
    spec: { image: 'gantry/hello:1', command: ['/bin/sh', '-c', script], terminationGracePeriodSeconds: 1 },
  },
  ...rest,
});
const following = (...dependsOn: string[]) => ({ dependsOn });
const job = (name: string, tasks: readonly unknown[], rest: Record<string, unknown> = {}): unknown => ({
  apiVersion: 'gantry.dev/v1',
  kind: 'Job',
  metadata: { name },
  spec: { tasks, ...rest },
});
const runOf = (name: string, spec: Record<string, unknown>): unknown => ({
  apiVersion: 'gantry.dev/v1',
  kind: 'Run',
  metadata: { name },
  spec,
});

/** Counted from 1, as the work type does. */
function fibonacci(position: number): string {
  let [here, next] = [0n, 1n];
  for (let at = 1; at < position; at++) [here, next] = [next, here + next];
  return String(here);
}

class Cluster {
  readonly gantry: GantryProcess;

  constructor(gantry: GantryProcess) {
    this.gantry = gantry;
  }

  async kubectl(words: string, input?: string): Promise<string> {
    const { code, stdout, stderr } = await this.gantry.kubectl(words.split(' '), input);
    expect(code, `kubectl ${words}\n${stderr}`).to.equal(0);
    return stdout;
  }

  create(...items: readonly unknown[]): Promise<string> {
    return this.kubectl('create -f -', JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  }

  async run(name: string): Promise<SeenRun> {
    return JSON.parse(await this.kubectl(`get run ${name} -o json`)) as SeenRun;
  }

  async runs(): Promise<readonly SeenRun[]> {
    const { items } = JSON.parse(await this.kubectl('get runs -o json')) as { items: SeenRun[] };
    return items;
  }

  ended(name: string): Promise<SeenRun> {
    const look = async (): Promise<SeenRun | undefined> => {
      const run = await this.run(name);
      if (ENDED.includes(run.status?.state ?? '')) return run;
      await this.#rest();
      return undefined;
    };
    return eventually(`run ${name} has ended`, look, 300_000);
  }

  /** However slow the engine is beside the rest: fails when for a while none has ended. */
  async allEnded(count: number, isMeant: (run: SeenRun) => boolean): Promise<readonly SeenRun[]> {
    let sinceMs = Date.now();
    for (let before = 0; ; ) {
      const ended = (await this.runs()).filter(
        (run) => isMeant(run) && ENDED.includes(run.status?.state ?? ''),
      );
      if (ended.length >= count) return ended;
      if (ended.length > before) sinceMs = Date.now();
      before = ended.length;
      if (Date.now() - sinceMs > STANDSTILL_MS) {
        throw new Error(`${before} of ${count} have ended, and none in ${STANDSTILL_MS / 1_000} s`);
      }
      await this.#rest();
      await this.#rest();
    }
  }

  /** To ask costs a process: it takes away from what is waited for. */
  #rest(): Promise<void> {
    return sleep(systemClock, 500);
  }

  stepRuns(run: string, name: string): Promise<true> {
    const tasks = `get tasks -l gantry.dev/run=${run},gantry.dev/step=${name}`;
    const look = async (): Promise<true | undefined> => {
      if ((await this.kubectl(tasks)).includes('Running')) return true;
      await this.#rest();
      return undefined;
    };
    return eventually(`step ${name} of ${run} runs`, look, 300_000);
  }

  logs(task: string | undefined): Promise<string> {
    return this.kubectl(`logs ${task ?? ''}`);
  }
}

const stepsOf = ({ status }: SeenRun): ReadonlyMap<string, Step> =>
  new Map((status?.tasks ?? []).map((entry) => [entry.name, entry]));
const statesOf = (run: SeenRun): Record<string, string> =>
  Object.fromEntries([...stepsOf(run).values()].map(({ name, state }) => [name, state]));

describe('Jobs', function () {
  this.timeout(1_800_000);
  let cluster: Cluster;
  let tickingSinceMs: number;
  let ticked: Promise<unknown>;

  before(async () => {
    cluster = new Cluster(await GantryProcess.open());
    for (const name of ['noop', 'fib', 'eval', 'wait']) {
      await cluster.kubectl('apply -f -', readFileSync(join(templates, `${name}.yaml`), 'utf8'));
    }
    // Ticks beside everything else, and is looked at in the end.
    const every = {
      schedule: '* * * * * *',
      successfulRunsHistoryLimit: 1_000,
      failedRunsHistoryLimit: 1_000,
    };
    await cluster.create(job('ticker', [{ name: 'tick', templateRef: { name: 'noop' } }], every));
    tickingSinceMs = Date.now();
    // However long the others take: as many as are looked at, and no more.
    ticked = sleep(systemClock, (TICKS + 2) * 1_000).then(() =>
      cluster.kubectl(`patch job ticker --type=merge -p {"spec":{"suspend":true}}`),
    );
  });
  after(async () => cluster?.gantry.dispose());

  it('run as a graph: one branch fails, what follows it is skipped, its cleanup runs, and words reach those below', async () => {
    const diamond = [
      step('extract', 'echo rows=42 >> $GANTRY_OUTPUT; echo "extracted for $GANTRY_PARAMETER_DAY"'),
      step('left', 'echo doubled=$(($1 * 2)) >> $GANTRY_OUTPUT; sleep 1', following('extract')),
      step(
        'right',
        `printf 'cannot load %s rows $$(GANTRY_RUN) $$(id)\\n' $GANTRY_TASKS_EXTRACT_OUTPUTS_ROWS; exit 3`,
        following('extract'),
      ),
      step('left-more', 'echo "left-more $GANTRY_TASKS_LEFT_OUTPUTS_DOUBLED"', following('left')),
      step('right-more', 'exit 0', following('right')),
      step('join', 'exit 0', following('left-more', 'right-more')),
      step('cleanup', 'printf "%s|%s|%s" "$1" "$2" "$GANTRY_TASKS_EXTRACT_STDOUT"', {
        ...following('right'),
        condition: 'OnFailure',
      }),
      step('report', 'echo "$GANTRY_TASKS_LEFT_EXIT_CODE $GANTRY_TASKS_RIGHT_EXIT_CODE"', {
        ...following('left-more', 'right'),
        condition: 'AllDone',
      }),
      step('after-join', 'exit 0', { ...following('join'), condition: 'AllDone' }),
      step('always', 'echo "$GANTRY_RUN of $GANTRY_JOB at $GANTRY_STEP, try $GANTRY_ATTEMPT"', {
        ...following('join', 'cleanup'),
        condition: 'Always',
      }),
    ] as { name: string; template: { spec: { args?: string[] } } }[];
    const give = (name: string, ...args: string[]): void => {
      const found = diamond.find((entry) => entry.name === name);
      if (found !== undefined) found.template.spec.args = ['sh', ...args];
    };
    give('left', '$(tasks.extract.outputs.rows)');
    give('cleanup', '$(tasks.right.exitCode)', '$(tasks.right.stdout)');
    const parameters = [{ name: 'day', required: true, enum: ['monday', 'tuesday'] }];
    await cluster.create(job('diamond', diamond, { parameters }));
    await cluster.create(runOf('diamond-1', { jobRef: { name: 'diamond' }, parameters: { day: 'monday' } }));
    const run = await cluster.ended('diamond-1');
    expect(statesOf(run)).to.deep.equal({
      extract: 'completed',
      left: 'completed',
      right: 'failed',
      'left-more': 'completed',
      'right-more': 'skipped',
      join: 'skipped',
      cleanup: 'completed',
      report: 'completed',
      'after-join': 'skipped',
      always: 'completed',
    });
    expect(run.status).to.include({ state: 'failed', reason: 'TaskFailed' });
    expect(run.status?.message).to.include('right');
    const steps = stepsOf(run);
    expect(steps.get('right')).to.include({ exitCode: 3, attempts: 1 });
    expect(steps.get('extract')?.outputs).to.deep.equal({ rows: '42' });
    expect(steps.get('left')?.outputs).to.deep.equal({ doubled: '84' });
    const said = (name: string): Promise<string> => cluster.logs(steps.get(name)?.taskName);
    expect(await said('extract')).to.equal('extracted for monday\n');
    expect(await said('left-more')).to.equal('left-more 84\n');
    // What looks like a reference in what somebody said stays what it is.
    expect(await said('cleanup')).to.equal(
      '3|cannot load 42 rows $(GANTRY_RUN) $(id)\n|extracted for monday\n',
    );
    expect(await said('report')).to.equal('0 3\n');
    expect(await said('always')).to.equal('diamond-1 of diamond at always, try 1\n');
    const time = (name: string, field: 'startedAt' | 'finishedAt'): number =>
      Date.parse(steps.get(name)?.[field] ?? '');
    for (const [name, ...upstream] of [
      ['left', 'extract'],
      ['right', 'extract'],
      ['left-more', 'left'],
      ['cleanup', 'right'],
      ['report', 'left-more', 'right'],
      ['always', 'cleanup'],
    ]) {
      for (const before of upstream) {
        expect(time(name ?? '', 'startedAt'), `${name} after ${before}`).to.be.at.least(
          time(before, 'finishedAt'),
        );
      }
    }
  });

  it('refuse parameters of the wrong type with a clear message for each, and work that is told nonsense fails as its own', async () => {
    const refusal = async (spec: Record<string, unknown>): Promise<string> => {
      const { code, stderr } = await cluster.gantry.kubectl(
        ['create', '-f', '-'],
        JSON.stringify(runOf('wrong', spec)),
      );
      expect(code).to.not.equal(0);
      return stderr;
    };
    const templateRef = { name: 'fib' };
    expect(await refusal({ templateRef, parameters: { position: 'ten' } })).to.include(
      'spec.parameters.position: Invalid value: "ten": must be of type integer, found string',
    );
    expect(await refusal({ templateRef, parameters: { position: 10_001 } }))
      .to.include('spec.parameters.position')
      .and.to.include('10000');
    expect(await refusal({ templateRef })).to.include('spec.parameters.position: Required value');
    expect(await refusal({ templateRef, parameters: { position: 1, colour: 'red' } })).to.include('colour');
    expect(await refusal({ jobRef: { name: 'diamond' }, parameters: { day: 'friday' } }))
      .to.include('spec.parameters.day')
      .and.to.include('friday');
    const dispatched = await cluster.gantry.gantry(['dispatch', 'fib', '-p', 'position=ten']);
    expect(dispatched.code).to.not.equal(0);
    expect(dispatched.stderr).to.include('position').and.to.include('ten');

    const expression = '; rm -rf / $(GANTRY_RUN) $$(id) `id`\n-x';
    await cluster.create(runOf('hostile', { templateRef: { name: 'eval' }, parameters: { expression } }));
    const run = await cluster.ended('hostile');
    expect(run.status?.tasks?.[0]).to.include({ state: 'failed', exitCode: 65 });
    // Its two streams come in any order.
    const said = (await cluster.logs(run.status?.tasks?.[0]?.taskName)).split('\n').toSorted();
    expect(said).to.deep.equal([
      '',
      "Evaluating '; rm -rf / $(GANTRY_RUN) $$(id) `id`?-x'",
      "found ';' at place 1, wanted a number or '('",
    ]);
  });

  it('that are cancelled stop what runs, with its grace, and begin nothing more', async () => {
    const patient = {
      name: 'patient',
      template: {
        spec: {
          image: 'gantry/hello:1',
          command: [
            '/bin/sh',
            '-c',
            'trap "echo asked; sleep 1; echo tidied; exit 0" TERM; echo ready; while :; do sleep 1 & wait $!; done',
          ],
          terminationGracePeriodSeconds: 20,
        },
      },
    };
    await cluster.create(job('long', [patient, step('never', 'exit 0', following('patient'))]));
    await cluster.create(runOf('long-1', { jobRef: { name: 'long' } }));
    await cluster.stepRuns('long-1', 'patient');
    const task = stepsOf(await cluster.run('long-1')).get('patient')?.taskName;
    await eventually('it traps', async () =>
      (await cluster.logs(task)).includes('ready') ? true : undefined,
    );
    const { code, stderr } = await cluster.gantry.gantry(['cancel', 'long-1']);
    expect(code, stderr).to.equal(0);
    const run = await cluster.ended('long-1');
    expect(run.status).to.include({ state: 'cancelled', reason: 'Cancelled' });
    expect(statesOf(run)).to.deep.equal({ patient: 'cancelled', never: 'cancelled' });
    expect(stepsOf(run).get('never')).to.not.have.property('taskName');
    expect(await cluster.logs(task)).to.equal('ready\nasked\ntidied\n');
    const alive = await cluster.gantry.containers([
      `label=gantry.dev/task=default/${task}`,
      'status=running',
    ]);
    expect(alive).to.deep.equal([]);
  });

  it('dispatched by the hundred: each is done once, with the right value', async () => {
    const beganMs = Date.now();
    const runs = Array.from({ length: FIBS }, (_, index) =>
      runOf(`fib-${index + 1}`, { templateRef: { name: 'fib' }, parameters: { position: index + 1 } }),
    );
    await cluster.create(...runs);
    const all = await cluster.allEnded(FIBS, ({ metadata }) => metadata.name.startsWith('fib-'));
    for (const { spec, status, metadata } of all) {
      const [only, ...more] = status?.tasks ?? [];
      expect(more).to.deep.equal([]);
      expect(status?.state, metadata.name).to.equal('completed');
      expect(only, metadata.name).to.deep.include({
        attempts: 1,
        outputs: { value: fibonacci(spec.parameters?.position ?? 0) },
      });
    }
    console.info(`        ${FIBS} in ${((Date.now() - beganMs) / 1_000).toFixed(1)} s`);
  });

  it('of every second make a run for every second, each once, for two minutes', async () => {
    await ticked;
    const isTick = ({ spec }: SeenRun): boolean => spec.trigger === 'Schedule';
    const made = (await cluster.runs()).filter(isTick);
    const ticks = await cluster.allEnded(made.length, isTick);
    const seconds = ticks
      .map(({ spec }) => Date.parse(spec.scheduledTime ?? '') / 1_000)
      .toSorted((a, b) => a - b);
    const [first = 0] = seconds;
    expect(seconds.length).to.be.at.least(TICKS);
    expect(seconds, 'every second, and none twice').to.deep.equal(seconds.map((_, index) => first + index));
    expect(first * 1_000).to.be.within(tickingSinceMs - 3_000, tickingSinceMs + 3_000);
    for (const { metadata, spec, status } of ticks) {
      expect(metadata.name).to.equal(`ticker-${Date.parse(spec.scheduledTime ?? '') / 1_000}`);
      expect(status?.state, `${metadata.name}: ${status?.message}`).to.equal('completed');
      expect(status?.tasks?.[0]?.attempts, metadata.name).to.equal(1);
    }
    const late = ticks.map(
      ({ spec, status }) => Date.parse(status?.startedAt ?? '') - Date.parse(spec.scheduledTime ?? ''),
    );
    late.sort((a, b) => a - b);
    console.info(
      `        ${ticks.length} runs; begun ${late[late.length >> 1]} ms after their time at the median, ${late.at(-1)} ms at most`,
    );
  });
});

describe('Jobs of a Gantry that is killed', function () {
  this.timeout(600_000);
  let cluster: Cluster;

  before(async () => {
    cluster = new Cluster(await GantryProcess.open());
  });
  after(async () => cluster?.gantry.dispose());

  it('go on where they were: nothing is done twice, nothing is lost, and what was taken away is not said to run', async () => {
    const chain = [
      step('first', 'sleep 3; echo said=$GANTRY_ATTEMPT >> $GANTRY_OUTPUT; echo done'),
      step(
        'second',
        'echo "heard $GANTRY_TASKS_FIRST_OUTPUTS_SAID $GANTRY_TASKS_FIRST_STDOUT"; sleep 1',
        following('first'),
      ),
      step('third', 'exit 0', following('second')),
    ];
    const endless = [
      step('endless', 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done'),
      step('below', 'exit 0', following('endless')),
    ];
    await cluster.create(job('chain', chain), job('endless', endless));
    await cluster.create(
      runOf('chain-1', { jobRef: { name: 'chain' } }),
      runOf('endless-1', { jobRef: { name: 'endless' } }),
    );
    await cluster.stepRuns('endless-1', 'endless');
    await cluster.stepRuns('chain-1', 'first');
    const { gantry } = cluster;
    const taskOf = async (run: string, name: string): Promise<string> =>
      stepsOf(await cluster.run(run)).get(name)?.taskName ?? '';
    const first = await taskOf('chain-1', 'first');
    const lost = await taskOf('endless-1', 'endless');
    await gantry.stop('SIGKILL');
    await eventually('the first step has ended', async () => {
      const ended = await gantry.containers([`label=gantry.dev/task=default/${first}`, 'status=exited']);
      return ended.length > 0 ? true : undefined;
    });
    await command('docker', [
      'rm',
      '-f',
      ...(await gantry.containers([`label=gantry.dev/task=default/${lost}`])),
    ]);
    await gantry.start();

    const run = await cluster.ended('chain-1');
    expect(run.status?.state, run.status?.message).to.equal('completed');
    expect([...stepsOf(run).values()].map(({ attempts }) => attempts)).to.deep.equal([1, 1, 1]);
    expect(stepsOf(run).get('first')?.outputs).to.deep.equal({ said: '1' });
    expect(await cluster.logs(stepsOf(run).get('second')?.taskName)).to.equal('heard 1 done\n\n');
    expect(await gantry.containers([`label=gantry.dev/task=default/${first}`]), 'run once').to.have.length(1);

    const other = await cluster.ended('endless-1');
    expect(other.status?.state).to.be.oneOf(['failed', 'interrupted']);
    expect(statesOf(other)).to.deep.equal({ endless: other.status?.state, below: 'skipped' });
  });
});
