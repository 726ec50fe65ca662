/**
 * A whole cluster lived through from a seed: everything it does and everything that happens to it follows from that
 * number, so that a failure is replayed with `node hack/sim.ts --seed N`.
 *
 * Real: registry on the memory store, scheduler, worker lifecycle, task controllers with their agents. Not real: time
 * (a fake clock), engines (the fake runtime), and luck. Three acts: a storm, in which safety is checked after every
 * step; a calm, in which the cluster must come to what was asked for; and a silence, in which it must not do anything.
 */

import { PROFILE_NAMES } from '../../controllers/scheduler/profiles.ts';
import { seededRandom } from '../../machinery/random.ts';
import { schedulerSettings, tasks, workers } from '../../schemas/kinds.ts';
import type { Task } from '../../schemas/types.gen.ts';
import { openWorld, type World } from '../world.ts';
import { Hand, User } from './actors.ts';
import { CALM, Chaos, STORMY } from './chaos.ts';
import { Cluster, CONTROL_PLANE, type Plant } from './cluster.ts';
import { Leadership } from './leadership.ts';
import { ENDING_IMAGES, findUnconverged, snapshotOfWork } from './liveness.ts';
import { Safety, Violation } from './safety.ts';
import { Workloads } from './workloads.ts';

export interface SimulationOptions {
  readonly seed: number;
  readonly plant?: Plant;
  /** Several stand for election; default 1, which needs none. */
  readonly controlPlanes?: number;
  /** What users work with: single Tasks (the default), or TaskSets, Jobs and Runs. */
  readonly work?: 'tasks' | 'workloads';
  /** Hears every line as it happens. */
  readonly onTrace?: (line: string) => void;
}

export interface SimulationResult {
  readonly seed: number;
  /** What was broken; undefined when all held. */
  readonly violation: string | undefined;
  /** The last lines of what happened. */
  readonly trace: readonly string[];
  readonly virtualMs: number;
}

const TRACE_LINES = 400;
const STORM_STEPS = 60;
const STEP_MS = 2_500;
/** Longer than any backoff, lease and recheck together. */
const CALM_MS = 5 * 60_000;
const SILENCE_MS = 60_000;

export async function simulate({
  seed,
  plant,
  controlPlanes = 1,
  work = 'tasks',
  onTrace,
}: SimulationOptions): Promise<SimulationResult> {
  const world = await openWorld({ seed });
  const lines: string[] = [];
  const trace = (line: string): void => {
    const text = `${(world.clock.monotonicMs() / 1000).toFixed(3).padStart(9)} s  ${line}`;
    lines.push(text);
    if (lines.length > TRACE_LINES) lines.shift();
    onTrace?.(text);
  };
  const random = seededRandom(seed);
  const chaos = new Chaos({ random: seededRandom(seed + 1), clock: world.clock, trace });
  const names = random.next() < 0.5 ? ['w1'] : ['w1', 'w2'];
  const cluster = new Cluster({
    world,
    chaos,
    random,
    trace,
    workers: names,
    controlPlanes,
    ...(plant === undefined ? {} : { plant }),
  });
  let violation: string | undefined;
  try {
    const workloads = work === 'tasks' ? undefined : new Workloads({ world, random, trace });
    if (workloads === undefined) await chooseProfile(world, seed);
    await live(world, chaos, cluster, {
      user: new User(world.admin, random, trace),
      workloads,
      random,
      trace,
    });
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    violation = error.message;
    trace(`VIOLATION: ${violation}`);
  }
  chaos.odds = CALM;
  for (const name of cluster.processes) cluster.stop(name);
  const virtualMs = world.clock.monotonicMs();
  await world.close();
  return { seed, violation, trace: lines, virtualMs };
}

/** What is promised is promised in every profile of the scheduler. */
async function chooseProfile(world: World, seed: number): Promise<void> {
  const profile = PROFILE_NAMES[seed % PROFILE_NAMES.length] ?? 'Spread';
  await world.admin.create(schedulerSettings, {
    apiVersion: 'gantry.dev/v1',
    kind: 'SchedulerSettings',
    metadata: { name: 'default' },
    spec: { profile },
  });
}

interface Cast {
  readonly user: User;
  readonly workloads: Workloads | undefined;
  readonly random: ReturnType<typeof seededRandom>;
  readonly trace: (line: string) => void;
}

async function live(
  world: World,
  chaos: Chaos,
  cluster: Cluster,
  { user, workloads, random, trace }: Cast,
): Promise<void> {
  const hand = new Hand(cluster.engines, random, trace);
  traceActs(cluster, trace);
  chaos.odds = CALM;
  for (const name of cluster.processes) cluster.start(name);
  await world.until('all workers', async () => {
    const all = (await world.admin.list(workers)).items;
    return all.length === cluster.engines.size && all.every((worker) => worker.status !== undefined);
  });
  const safety = new Safety({ world, cluster, user, hand }, (await world.admin.list(workers)).items);
  const leadership = new Leadership(cluster);
  const pass = async (ms: number): Promise<void> => {
    const endMs = world.clock.monotonicMs() + ms;
    // What follows from the last act without any time passing has timers of its own.
    await world.settle();
    await workloads?.check();
    while (world.clock.monotonicMs() < endMs) {
      await world.advance(Math.min(world.clock.nextDueMs() ?? Infinity, endMs - world.clock.monotonicMs()));
      await safety.check();
      await workloads?.check();
      leadership.check(world.clock.monotonicMs(), chaos.odds === CALM);
    }
  };

  await user.touchConfigMap();
  trace('--- storm');
  chaos.odds = STORMY;
  for (let step = 0; step < STORM_STEPS; step++) {
    const dice = random.next();
    if (dice < 0.5) await (workloads ?? user).act();
    else if (dice < 0.85) hand.act();
    else if (dice < 0.9) jumpClock(world, random, trace);
    else if (dice < 0.95) cutEngine(world, cluster, random, trace);
    else if (cluster.candidates.length > 0 && random.next() < 0.5) cluster.pause();
    else
      cluster.kill(cluster.processes[Math.floor(random.next() * cluster.processes.length)] ?? CONTROL_PLANE);
    await safety.check();
    await workloads?.check();
    await pass(Math.round(random.next() ** 2 * STEP_MS));
  }

  trace('--- calm');
  chaos.odds = CALM;
  for (const engine of cluster.engines.values()) engine.startEngine();
  // What ends by itself and is always started again never comes to rest: it is asked to run on.
  for (const { metadata, spec } of (await world.admin.list(tasks)).items) {
    if (
      metadata.deletionTimestamp === undefined &&
      metadata.ownerReferences === undefined &&
      isRestless(spec)
    ) {
      await user.patch(metadata.name, { spec: { image: 'forever:1' } });
    }
  }
  await workloads?.calm();
  const converge = async (): Promise<void> => {
    const calmUntilMs = world.clock.monotonicMs() + CALM_MS;
    let missing: string | undefined = 'nothing was looked at';
    while (missing !== undefined && world.clock.monotonicMs() < calmUntilMs) {
      await pass(2_000);
      missing = (await workloads?.findUnconverged()) ?? (await findUnconverged(world, cluster));
    }
    if (missing !== undefined)
      throw new Violation(`not converged after ${CALM_MS / 1000} s of calm: ${missing}`);
  };
  await converge();
  // What runs takes part in what changes.
  for (let change = 0; change < 3; change++) await user.touchConfigMap();
  await converge();
  // For what is tidied up late: networks without Tasks, deadlines.
  await pass(60_000);

  trace('--- silence');
  const before = { ...(await snapshotOfWork(world, cluster)), ...(await workloads?.snapshot()) };
  await pass(SILENCE_MS);
  const after = { ...(await snapshotOfWork(world, cluster)), ...(await workloads?.snapshot()) };
  for (const [what, value] of Object.entries(after)) {
    if (JSON.stringify(value) === JSON.stringify(before[what])) continue;
    throw new Violation(
      `a settled cluster is still at work: ${what} was ${JSON.stringify(before[what])}, is ${JSON.stringify(value)}`,
    );
  }
  const late = await findUnconverged(world, cluster);
  if (late !== undefined) throw new Violation(`no longer converged after a silence: ${late}`);
}

function isRestless({ image, restartPolicy }: Task['spec']): boolean {
  if (image === 'fails:1') return restartPolicy !== 'Never';
  return ENDING_IMAGES.includes(image) && (restartPolicy ?? 'Always') === 'Always';
}

function jumpClock(world: World, random: Cast['random'], trace: Cast['trace']): void {
  // Back by seconds, as when NTP sets it right; ahead by anything, as after a suspension.
  const byMs = Math.round(random.next() < 0.5 ? -random.next() * 10_000 : random.next() * 3_600_000);
  trace(`clock: the wall clock jumps by ${byMs} ms`);
  world.clock.jumpWall(byMs);
}

/** The engine goes away and comes back, with or without its containers; or only its event streams break. */
function cutEngine(world: World, cluster: Cluster, random: Cast['random'], trace: Cast['trace']): void {
  for (const [worker, engine] of cluster.engines) {
    if (random.next() < 0.5) continue;
    if (random.next() < 0.5) {
      trace(`engine: ${worker}: event streams break`);
      engine.cutEventStreams();
      continue;
    }
    const containersDie = random.next() < 0.5;
    const downMs = Math.round(random.next() * 8_000);
    trace(`engine: ${worker}: down for ${downMs} ms${containersDie ? ', its containers die' : ''}`);
    // Foreign containers die with their engine too: that is the engine's doing, so only ours are taken along here.
    engine.stopEngine({ containersDie: false });
    if (containersDie) killOurs(worker, cluster);
    world.clock.after(downMs, () => engine.startEngine());
  }
}

function killOurs(worker: string, cluster: Cluster): void {
  for (const container of cluster.engines.get(worker)?.engine.containers() ?? []) {
    if (container.name.startsWith('gantry.')) container.kill();
  }
}

function traceActs(cluster: Cluster, trace: Cast['trace']): void {
  for (const [worker, { engine }] of cluster.engines) {
    engine.onEvent(({ containerId, action }) => {
      trace(`engine: ${worker}: ${action} ${engine.find(containerId)?.name ?? containerId.slice(0, 8)}`);
    });
  }
}
