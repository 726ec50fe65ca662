/**
 * The laws of Runs, on the real registry: graphs and outcomes drawn at random, two processes that know nothing of each
 * other, calls that fail before or after they happened, copies that lag, processes that die between any two acts, and a
 * hand that deletes Tasks.
 * - safety, after every step: no step begins before what it depends on has ended, and none of a Run that waits for another
 *   one before that has completed; no two Tasks of one step at once; no
 *   more tries than its retries allow; what has ended stays as it is, and an ended Run makes nothing;
 * - liveness, once nothing goes wrong any more: every Run ends, and each step as a small evaluator says that it must;
 * - rest: then nothing is written.
 */
import { expect } from 'chai';
import { isApiError } from '../../../machinery/errors.ts';
import { LABEL_STEP } from '../../../machinery/labels.ts';
import { childName } from '../../../machinery/names.ts';
import { pick, type Random, seededRandom } from '../../../machinery/random.ts';
import { runs } from '../../../schemas/kinds.ts';
import type { Run, Task } from '../../../schemas/types.gen.ts';
import { CALM, Chaos, STORMY } from '../../sim/chaos.ts';
import { Life, mortalClient } from '../../sim/mortal.ts';
import { openWorld, type World } from '../../world.ts';
import { isOver, type JobStep, type Process, Stage, startRuns } from './stage.ts';

const SEEDS = process.env['GANTRY_TEST_LONG'] === '1' ? 400 : 25;
const FILE = 'test/controllers/run/law.test.ts';
const ENDED = ['completed', 'failed', 'interrupted', 'cancelled', 'skipped'];
const CONDITIONS = ['AllSuccess', 'AllSuccess', 'OnFailure', 'AllDone', 'Always'] as const;
/** The one waits for the other to complete. */
const [WAITER, AWAITED] = ['r2', 'r0'];
const STEPS = ['a', 'b', 'c', 'd', 'e', 'f'];

type Step = JobStep & { readonly dependsOn: string[]; readonly condition: (typeof CONDITIONS)[number] };

class Scene {
  readonly world: World;
  readonly stage: Stage;
  readonly #random: Random;
  readonly #chaos: Chaos;
  readonly #lives = new Map<string, { readonly life: Life; readonly process: Process }>();
  readonly steps: readonly Step[];
  /** Whether each try fails, by step and attempt. */
  readonly #fates = new Map<string, boolean>();
  readonly trace: string[] = [];
  isDeleting = false;
  isCancelled = false;
  #runs: readonly Run[] = [];
  readonly #seen = new Set<string>();

  constructor(world: World, seed: number) {
    this.world = world;
    this.stage = new Stage(world);
    this.#random = seededRandom(seed);
    this.#chaos = new Chaos({
      random: this.#random,
      clock: world.clock,
      trace: (line) => this.trace.push(`${world.clock.monotonicMs()} ${line}`),
    });
    this.#chaos.odds = { ...STORMY, crash: 0.03, slowMs: 1_500 };
    const count = 1 + Math.floor(this.#random.next() * STEPS.length);
    this.steps = STEPS.slice(0, count).map((name, at) => ({
      name,
      dependsOn: STEPS.slice(0, at).filter(() => this.#random.next() < 0.4),
      condition: pick(this.#random, CONDITIONS) ?? 'Always',
      retries: {
        limit: Math.floor(this.#random.next() * 3),
        backoffSeconds: Math.floor(this.#random.next() * 3),
      },
    }));
  }

  async begin(): Promise<void> {
    // Written in any order, they are the same graph.
    const shuffled = this.steps.toSorted(() => this.#random.next() - 0.5);
    await this.stage.createJob('j', shuffled);
    for (const name of ['r0', 'r1']) await this.stage.createRun(name, { jobRef: { name: 'j' } });
    await this.stage.createRun(WAITER, { jobRef: { name: 'j' }, dependsOn: [{ name: AWAITED }] });
    for (const name of ['one', 'two']) this.#start(name);
  }

  async storm(): Promise<void> {
    for (let step = 0; step < 60; step++) {
      const dice = this.#random.next();
      if (dice < 0.08) await this.#deleteOne();
      else if (dice < 0.1) await this.#cancel();
      else if (dice < 0.75) await this.work();
      await this.world.advance(Math.floor(this.#random.next() * 900));
      await this.check();
    }
  }

  /** Nothing goes wrong any more. */
  async calm(): Promise<void> {
    this.#chaos.odds = CALM;
    for (const name of ['one', 'two']) this.#start(name);
    for (let waited = 0; waited < 400; waited++) {
      await this.world.advance(500);
      await this.work();
      await this.check();
      if (this.#runs.every(({ status }) => status?.finishedAt !== undefined)) return;
    }
    const left = this.#runs.map(({ metadata, status }) => `${metadata.name} ${JSON.stringify(status)}`);
    throw new Error(`runs that never end: ${left.join('\n')}`);
  }

  async rest(): Promise<void> {
    await this.world.advance(10_000);
    const before = this.world.store.revision();
    await this.world.advance(120_000);
    expect(this.world.store.revision(), 'somebody writes although all has ended').to.equal(before);
  }

  end(): void {
    for (const { life, process } of this.#lives.values()) {
      life.end();
      process.abandon();
    }
  }

  /** Ends, or goes on with, each Task that runs: one in three at a time. */
  async work(): Promise<void> {
    for (const task of await this.stage.tasks()) {
      if (isOver(task) || this.#random.next() > 0.35) continue;
      if (task.spec.desiredState === 'Stopped') await this.stage.tell(task, { phase: 'Stopped' });
      else await this.stage.end(task, { exitCode: this.isFailing(task.metadata.name) ? 1 : 0 });
    }
  }

  isFailing(task: string): boolean {
    const fate = this.#fates.get(task) ?? this.#random.next() < 0.4;
    this.#fates.set(task, fate);
    return fate;
  }

  async check(): Promise<void> {
    const before = new Map(this.#runs.map((run) => [run.metadata.uid, run]));
    this.#runs = (await this.world.admin.list(runs)).items;
    const tasks = await this.stage.tasks();
    for (const run of this.#runs) {
      const own = tasks.filter(({ metadata }) => metadata.ownerReferences?.[0]?.uid === run.metadata.uid);
      this.#checkEnds(run, before.get(run.metadata.uid));
      for (const step of this.steps) this.#checkStep(run, step, own);
    }
    for (const task of tasks) this.#seen.add(task.metadata.uid ?? '');
  }

  /** What the evaluator says of each step, from how often its tries failed and what became of the steps before. */
  checkOutcome(): void {
    for (const { metadata, status } of this.#runs) {
      if (metadata.name === WAITER && this.#stateOf(AWAITED) !== 'completed') {
        expect(status).to.include({ state: 'failed', reason: 'DependencyNotSatisfied' });
        continue;
      }
      const states = new Map((status?.tasks ?? []).map((entry) => [entry.name, entry.state]));
      const wanted = new Map<string, string>();
      for (const step of this.steps) {
        const of = (name: string): string => wanted.get(name) ?? '';
        wanted.set(step.name, this.#evaluate(metadata.name, step, of));
      }
      expect(Object.fromEntries(states), metadata.name).to.deep.equal(Object.fromEntries(wanted));
      const ends = [...wanted.values()];
      expect(status?.state).to.equal(ends.includes('failed') ? 'failed' : 'completed');
    }
  }

  #evaluate(run: string, step: Step, stateOf: (name: string) => string): string {
    const before = step.dependsOn.map(stateOf);
    const runsAtAll = {
      AllSuccess: before.every((state) => state === 'completed'),
      OnFailure: before.includes('failed'),
      AllDone: !before.includes('skipped'),
      Always: true,
    }[step.condition];
    if (!runsAtAll) return 'skipped';
    const tries = Array.from({ length: 1 + (step.retries?.limit ?? 0) }, (_, at) =>
      childName([run, step.name, at + 1]),
    );
    return tries.every((name) => this.isFailing(name)) ? 'failed' : 'completed';
  }

  #checkEnds(run: Run, before: Run | undefined): void {
    for (const old of before?.status?.tasks ?? []) {
      const now = run.status?.tasks?.find(({ name }) => name === old.name);
      if (ENDED.includes(old.state)) expect(now, `${run.metadata.name} ${old.name}`).to.deep.equal(old);
      expect(now?.attempts ?? 0).to.be.at.least(old.attempts ?? 0);
    }
    if (before?.status?.finishedAt !== undefined) expect(run.status).to.deep.equal(before.status);
    if (run.status?.finishedAt === undefined) return;
    for (const { state } of run.status.tasks ?? []) expect(ENDED).to.include(state);
  }

  #checkStep(run: Run, step: Step, own: readonly Task[]): void {
    const of = (name: string): readonly Task[] =>
      own.filter(({ metadata }) => metadata.labels?.[LABEL_STEP] === name);
    const mine = of(step.name);
    const told = `${run.metadata.name} ${step.name}`;
    expect(mine.length, `${told}: tries`).to.be.at.most(1 + (step.retries?.limit ?? 0));
    expect(mine.filter((task) => !isOver(task)).length, `${told}: tasks at once`).to.be.at.most(1);
    const fresh = mine.filter(({ metadata }) => !this.#seen.has(metadata.uid ?? ''));
    if (fresh.length === 0) return;
    if (run.metadata.name === WAITER)
      expect(this.#stateOf(AWAITED), `${told} began and ${AWAITED} had not completed`).to.equal('completed');
    // A request of a process that was overtaken may arrive late; its Task is stopped. Else an ended Run makes nothing.
    for (const upstream of step.dependsOn) {
      const entry = run.status?.tasks?.find(({ name }) => name === upstream);
      const tries = of(upstream);
      const hasEnded = ENDED.includes(entry?.state ?? '') || (tries.length > 0 && tries.every(isOver));
      expect(hasEnded, `${told} began before ${upstream} had ended`).to.equal(true);
    }
  }

  #stateOf(run: string): string | undefined {
    return this.#runs.find(({ metadata }) => metadata.name === run)?.status?.state;
  }

  #start(name: string): void {
    if (this.#lives.has(name)) return;
    this.trace.push(`${this.world.clock.monotonicMs()} start ${name}`);
    const life = new Life();
    const die = (): void => {
      const found = this.#lives.get(name);
      if (found?.life !== life) return;
      this.#lives.delete(name);
      this.trace.push(`${this.world.clock.monotonicMs()} ${name} is dead`);
      life.end();
      found.process.abandon();
      this.world.clock.after(Math.floor(this.#random.next() * 3_000), () => this.#start(name));
    };
    const hooks = this.#chaos.hooksOf(name, life, die);
    const process = startRuns(
      this.world,
      (controller) => mortalClient(this.world.controllerClient(controller), life, hooks),
      life.clock(this.world.clock),
    );
    this.#lives.set(name, { life, process });
  }

  async #deleteOne(): Promise<void> {
    if (!this.isDeleting) return;
    const task = pick(this.#random, await this.stage.tasks());
    if (task === undefined) return;
    this.trace.push(`${this.world.clock.monotonicMs()} a hand deletes ${task.metadata.name}`);
    await this.stage.deleteTask(task.metadata.name);
  }

  async #cancel(): Promise<void> {
    if (!this.isCancelled) return;
    this.trace.push(`${this.world.clock.monotonicMs()} a hand cancels`);
    try {
      await this.stage.patchRun('r0', { cancel: true });
    } catch (error) {
      if (!isApiError(error)) throw error;
    }
  }
}

async function play(
  seed: number,
  prepare: (scene: Scene) => void,
  judge: (scene: Scene) => void,
): Promise<void> {
  const world = await openWorld({ seed });
  const scene = new Scene(world, seed);
  prepare(scene);
  try {
    await scene.begin();
    await scene.storm();
    await scene.calm();
    judge(scene);
    await scene.rest();
  } catch (error) {
    const replay = `GANTRY_RUN_SEED=${seed} npx mocha --exit ${FILE}`;
    const steps = scene.steps.map((step) => JSON.stringify(step)).join('\n');
    throw new Error(
      `seed ${seed}: ${String(error)}\n${steps}\n${scene.trace.slice(-60).join('\n')}\nreplay: ${replay}`,
      {
        cause: error,
      },
    );
  } finally {
    scene.end();
    await world.close();
  }
}

describe('The laws of runs', function () {
  this.timeout(600_000);
  const given = process.env['GANTRY_RUN_SEED'];
  const seedsFrom = (first: number): readonly number[] =>
    given === undefined ? Array.from({ length: SEEDS }, (_, at) => first + at) : [Number(given)];

  it('hold when processes die, copies lag and two plan at once: each step ends as it must', async () => {
    for (const seed of seedsFrom(1)) {
      await play(
        seed,
        () => undefined,
        (scene) => scene.checkOutcome(),
      );
    }
  });

  it('hold when tasks are deleted by hand and runs are cancelled, too', async () => {
    for (const seed of seedsFrom(10_001)) {
      await play(
        seed,
        (scene) => {
          scene.isDeleting = true;
          scene.isCancelled = true;
        },
        () => undefined,
      );
    }
  });
});
