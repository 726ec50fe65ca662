/**
 * What holds of Jobs whatever happens: two leaders at once, whose copies lag and whose writes fail, get lost or come late;
 * leaders that die between any two writes; a wall clock that jumps by an hour; people who make and cancel runs.
 */
import { expect } from 'chai';
import { sleep, timestamp } from '../../../machinery/clock.ts';
import { ApiError, isApiError } from '../../../machinery/errors.ts';
import { type Random, seededRandom } from '../../../machinery/random.ts';
import { jobs, runs } from '../../../schemas/kinds.ts';
import type { Job, Run } from '../../../schemas/types.gen.ts';
import { intercept } from '../../intercept.ts';
import { openWorld, type World } from '../../world.ts';
import { beginRuns, endRun, jobManifest, type Leader, runManifest, startLeader } from './world.ts';

const SEEDS = process.env['GANTRY_TEST_LONG'] === '1' ? 200 : 6;
const first = Number(process.env['GANTRY_JOBS_SEED'] ?? 0);
const seeds =
  first > 0 ? [first] : Array.from({ length: SEEDS }, (_, index) => 1 + index + (Date.now() % 1_000_000));
const STEPS = 60;

type Policy = NonNullable<Job['spec']['concurrencyPolicy']>;
const POLICIES: readonly Policy[] = ['Allow', 'Forbid', 'Replace', 'Queue'];

class Chaos {
  readonly world: World;
  readonly random: Random;
  readonly max: number;
  isCalm = false;
  /** Scheduled time -> the uid that began for it. */
  readonly began = new Map<string, string>();
  readonly #leaders: (Leader & { kill: () => void })[] = [];

  constructor(world: World, random: Random, max: number) {
    this.world = world;
    this.random = random;
    this.max = max;
  }

  below(count: number): number {
    return Math.floor(this.random.next() * count);
  }

  chance(share: number): boolean {
    return this.random.next() < share;
  }

  async startLeader(): Promise<void> {
    let isDead = false;
    const fail = (): ApiError =>
      new ApiError('ServiceUnavailable', isDead ? 'this process is dead' : 'bad luck');
    const act = async (): Promise<void> => {
      if (isDead || (!this.isCalm && this.chance(0.05))) throw fail();
      // A stop in the middle of it all: what was decided is done by a process that knows nothing newer.
      if (!this.isCalm && this.chance(0.1)) await sleep(this.world.clock, this.below(4_000));
      if (isDead) throw fail();
    };
    const leader = await startLeader(this.world, (client, name) =>
      intercept(client, {
        before: name === 'job' ? act : () => undefined,
        after: () => {
          if (isDead || (name === 'job' && !this.isCalm && this.chance(0.05))) throw fail();
        },
        deliver: async () => {
          if (!this.isCalm && this.chance(0.05)) await sleep(this.world.clock, this.below(3_000));
        },
      }),
    );
    this.#leaders.push({
      ...leader,
      kill: () => {
        isDead = true;
      },
    });
  }

  async stopLeader(): Promise<void> {
    const leader = this.#leaders.shift();
    if (leader === undefined) return;
    leader.kill();
    const stopping = leader.stop();
    await this.world.advance(7_000);
    await stopping;
  }

  async stopAll(): Promise<void> {
    while (this.#leaders.length > 0) await this.stopLeader();
  }

  async check(): Promise<void> {
    const { items } = await this.world.admin.list(runs);
    const job = await this.world.admin.get(jobs, { namespace: 'default', name: 'law' });
    expect(job.status?.active?.length ?? 0, 'runs in active').to.be.at.most(this.max);
    const running = items.filter(
      ({ status }) => status?.startedAt !== undefined && status.finishedAt === undefined,
    );
    expect(running.length, 'runs under way').to.be.at.most(this.max);
    for (const { metadata, spec, status } of items) {
      const { scheduledTime } = spec;
      if (scheduledTime === undefined || status?.startedAt === undefined) continue;
      const uid = this.began.get(scheduledTime);
      expect(uid ?? metadata.uid, `what began for ${scheduledTime}`).to.equal(metadata.uid);
      this.began.set(scheduledTime, metadata.uid ?? '');
    }
  }

  /** Time passes; runs begin and end; a person makes and cancels some. */
  async step(): Promise<void> {
    await this.world.advance(200 + this.below(1_800));
    await beginRuns(this.world);
    await this.check();
    for (const run of (await this.world.admin.list(runs)).items) await this.#treat(run);
    if (!this.isCalm && this.chance(0.2)) {
      const name = `byhand-${this.below(1_000_000)}`;
      const spec = { priority: this.below(3) };
      await this.world.admin.create(runs, runManifest(name, 'law', spec)).catch((error: unknown) => {
        if (!isApiError(error, 'AlreadyExists')) throw error;
      });
    }
    await this.check();
  }

  async #treat(run: Run): Promise<void> {
    const { status, spec } = run;
    if (status?.finishedAt !== undefined) return;
    const isOver =
      status?.startedAt !== undefined && (this.isCalm || spec.cancel === true || this.chance(0.4));
    if (isOver) return endRun(this.world, run, spec.cancel === true ? 'cancelled' : 'completed');
    if (this.isCalm || !this.chance(0.03)) return;
    const body = { spec: { cancel: true } };
    await this.world.admin.patch(
      runs,
      { namespace: 'default', name: run.metadata.name },
      { type: 'merge', body },
    );
  }
}

describe('Laws of Jobs', () => {
  for (const seed of seeds) {
    it(`whatever happens, seed ${seed} (GANTRY_JOBS_SEED=${seed} npx mocha --exit test/controllers/job/laws.test.ts)`, async function () {
      this.timeout(120_000);
      const world = await openWorld({ seed });
      const random = seededRandom(seed);
      const concurrencyPolicy = POLICIES[Math.floor(random.next() * 4)] ?? 'Allow';
      const max = 1 + Math.floor(random.next() * 3);
      const chaos = new Chaos(world, random, max);
      const limit = chaos.below(3);
      try {
        await world.admin.create(
          jobs,
          jobManifest('law', {
            schedule: '* * * * * *',
            concurrencyPolicy,
            maxConcurrentRuns: max,
            successfulRunsHistoryLimit: limit,
            failedRunsHistoryLimit: limit,
          }),
        );
        await chaos.startLeader();
        await chaos.startLeader();
        for (let count = 0; count < STEPS; count++) {
          if (chaos.chance(0.08)) {
            await chaos.stopLeader();
            await chaos.startLeader();
          }
          if (chaos.chance(0.05)) world.clock.jumpWall((chaos.chance(0.5) ? 1 : -1) * 3_600_000);
          const before = await fires(world);
          await chaos.step();
          const more = [...(await fires(world))].filter((time) => !before.has(time)).length;
          // A step is two seconds at most, a stop of a leader seven; what comes late within ten is no burst.
          expect(more, 'runs of the schedule made in one step').to.be.at.most(16);
        }
        await calm(chaos, world);
        await settles(chaos, world);
      } finally {
        chaos.isCalm = true;
        await chaos.stopAll();
        await world.close();
      }
    });
  }
});

async function fires(world: World): Promise<ReadonlySet<string>> {
  const { items } = await world.admin.list(runs);
  return new Set(items.flatMap(({ spec }) => spec.scheduledTime ?? []));
}

/** Without trouble every second runs, and runs once. */
async function calm(chaos: Chaos, world: World): Promise<void> {
  chaos.isCalm = true;
  const key = { namespace: 'default', name: 'law' };
  const body = {
    spec: { concurrencyPolicy: 'Allow', successfulRunsHistoryLimit: 1000, maxConcurrentRuns: null },
  };
  await world.admin.patch(jobs, key, { type: 'merge', body });
  const { status, metadata } = await world.admin.get(jobs, key);
  // A clock that was set back fires nothing until it has come again to where it was.
  const times = [status?.lastScheduleTime, metadata.creationTimestamp].map((text) => Date.parse(text ?? ''));
  const aheadMs = Math.max(...times.filter((ms) => !Number.isNaN(ms))) - world.clock.now();
  if (aheadMs > 0) await world.advance(aheadMs);
  await world.advance(15_000);
  const startMs = Math.ceil(world.clock.now() / 1000) * 1000;
  for (let second = 0; second < 20; second++) {
    await world.advance(1_000);
    await beginRuns(world);
    for (const run of (await world.admin.list(runs)).items) {
      if (run.status?.startedAt !== undefined && run.status.finishedAt === undefined)
        await endRun(world, run);
    }
  }
  const fired = [...(await fires(world))];
  for (let second = 1; second < 19; second++) {
    const time = timestamp(startMs + second * 1000);
    expect(
      fired.filter((one) => one === time),
      `runs for ${time}`,
    ).to.have.length(1);
  }
}

/** At the end nothing is open, and nothing is written any more. */
async function settles(chaos: Chaos, world: World): Promise<void> {
  const key = { namespace: 'default', name: 'law' };
  await world.admin.patch(jobs, key, { type: 'merge', body: { spec: { suspend: true } } });
  for (let count = 0; count < 20; count++)
    await chaos.step().catch((error: unknown) => rethrowUnlessMax(error));
  // What was made under a clock that was ahead goes once its time has come.
  const latestMs = Math.max(...[...(await fires(world))].map((time) => Date.parse(time)), 0);
  await world.advance(Math.max(0, latestMs - world.clock.now()) + 5_000);
  const open = (await world.admin.list(runs)).items.filter(({ status }) => status?.finishedAt === undefined);
  expect(
    open.map(({ metadata }) => metadata.name),
    'open runs',
  ).to.deep.equal([]);
  const versions = async (): Promise<string> =>
    [await world.admin.get(jobs, key), ...(await world.admin.list(runs)).items]
      .map(({ metadata }) => metadata.resourceVersion)
      .join();
  const before = await versions();
  await world.advance(60_000);
  expect(await versions(), 'a settled Job is written no more').to.equal(before);
}

function rethrowUnlessMax(error: unknown): void {
  // The limit was lifted for the calm stretch.
  if (!(error instanceof Error) || !/runs (in active|under way)/.test(error.message)) throw error;
}
