/**
 * What the `/tasks` door shows of whole lives: real registry, scheduler, controllers and agents on fake engines, under a
 * storm of failures, from a seed. One of the two laws is the state machine of the original, the other that dead workers
 * and stopped tasks are told as what they are.
 */
import { expect } from 'chai';
import { parseTaskEvent, STATE } from '../../api/doors/tasks/json.ts';
import { itemOf, taskOfEvent } from '../../api/doors/tasks/translate.ts';
import { ANNOTATION_TTL } from '../../machinery/labels.ts';
import { pick, type Random, seededRandom } from '../../machinery/random.ts';
import { tasks, workers } from '../../schemas/kinds.ts';
import { openWorld, type World } from '../world.ts';
import { Hand } from './actors.ts';
import { CALM, Chaos, STORMY } from './chaos.ts';
import { Cluster } from './cluster.ts';

const SEEDS = 12;
const STORM_STEPS = 40;
const NAMES = ['Pending', 'Scheduled', 'Running', 'Completed', 'Failed'] as const;

const IMAGES = ['forever:1', 'forever:1', 'leisurely:1', 'stubborn:1', 'once:1', 'fails:1'] as const;
const POLICIES = ['', 'always', 'no'] as const;

/** Source: the checklist of this door, line 10. */
const STEPS: Readonly<Record<number, readonly number[]>> = {
  [STATE.Pending]: [STATE.Scheduled],
  [STATE.Scheduled]: [STATE.Scheduled, STATE.Running, STATE.Failed],
  [STATE.Running]: [STATE.Running, STATE.Completed, STATE.Failed, STATE.Scheduled],
  [STATE.Failed]: [STATE.Scheduled],
  [STATE.Completed]: [],
};

/** Whether one comes from one state to the other by allowed steps: who looks now and then does not see each of them. */
function isWay(from: number, to: number): boolean {
  const reached = new Set([from]);
  for (const state of reached) for (const next of STEPS[state] ?? []) reached.add(next);
  return reached.has(to);
}

interface Stage {
  readonly world: World;
  readonly cluster: Cluster;
  readonly chaos: Chaos;
  readonly hand: Hand;
  readonly random: Random;
  /** What the door shows, change by change, by ID. */
  readonly seen: Map<string, number[]>;
  start(image: string, more?: Readonly<Record<string, unknown>>): Promise<string>;
  stop(id: string): Promise<void>;
  show(id: string): Promise<number>;
  close(): Promise<void>;
}

async function openStage(seed: number): Promise<Stage> {
  const world = await openWorld({ seed });
  const random = seededRandom(seed);
  const trace = (): void => undefined;
  const chaos = new Chaos({ random: seededRandom(seed + 1), clock: world.clock, trace });
  chaos.odds = CALM;
  const cluster = new Cluster({ world, chaos, random, trace, workers: ['w1', 'w2'], controlPlanes: 1 });
  for (const name of cluster.processes) cluster.start(name);
  await world.until('all workers', async () => {
    const all = (await world.admin.list(workers)).items;
    return all.length === 2 && all.every((worker) => worker.status !== undefined);
  });
  const seen = new Map<string, number[]>();
  const stopping = new AbortController();
  const watching = (async () => {
    for await (const event of world.admin.watch(tasks, { signal: stopping.signal })) {
      if (event.type === 'BOOKMARK' || event.type === 'DELETED') continue;
      const { ID, State } = itemOf(event.object);
      seen.set(ID, [...(seen.get(ID) ?? []), State]);
    }
  })();
  const key = (name: string) => ({ namespace: 'default', name });
  return {
    world,
    cluster,
    chaos,
    hand: new Hand(cluster.engines, random, trace),
    random,
    seen,
    async start(image, more = {}) {
      const id = random.uuid();
      const event = parseTaskEvent({ State: 2, Task: { ID: id, Image: image, ...more } });
      await world.admin.create(tasks, taskOfEvent(event, id));
      return id;
    },
    async stop(id) {
      const body = {
        metadata: { annotations: { [ANNOTATION_TTL]: '24h' } },
        spec: { desiredState: 'Stopped' },
      };
      await world.admin.patch(tasks, key(id), { type: 'merge', body });
    },
    show: async (id) => itemOf(await world.admin.get(tasks, key(id))).State,
    async close() {
      for (const name of cluster.processes) cluster.stop(name);
      stopping.abort();
      await watching;
      await world.close();
    },
  };
}

function expectAllowed(seen: Stage['seen'], seed: number): void {
  for (const [id, states] of seen) {
    states.forEach((state, place) => {
      const before = states[place - 1];
      if (before === undefined || before === state) return;
      const step = `${NAMES[before]} -> ${NAMES[state]}`;
      expect(isWay(before, state), `seed ${seed}, task ${id}: ${step} in ${states.join(' ')}`).to.equal(true);
    });
  }
}

describe('what the /tasks door shows of Task lives', function () {
  this.timeout(120_000);

  it('D0.10 never makes a step that the state machine does not allow, whatever happens', async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const stage = await openStage(seed);
      const { world, chaos, cluster, hand, random } = stage;
      const started: string[] = [];
      const stopped = new Set<string>();
      chaos.odds = STORMY;
      for (let step = 0; step < STORM_STEPS; step++) {
        const dice = random.next();
        if (dice < 0.35) {
          const image = pick(random, IMAGES) ?? 'forever:1';
          const policy = pick(random, POLICIES) ?? '';
          started.push(await stage.start(image, { RestartPolicy: policy, CPU: 0.1 + random.next() }));
        } else if (dice < 0.55 && started.length > 0) {
          const id = started[Math.floor(random.next() * started.length)] ?? '';
          await stage.stop(id);
          stopped.add(id);
        } else if (dice < 0.8) hand.act();
        else if (dice < 0.9) cluster.kill(cluster.processes[Math.floor(random.next() * 3)] ?? 'w1');
        await world.advance(Math.round(random.next() ** 2 * 5_000));
        expectAllowed(stage.seen, seed);
      }
      chaos.odds = CALM;
      for (const engine of cluster.engines.values()) engine.startEngine();
      await world.until(
        'what was stopped is shown as completed',
        async () => {
          const states = await Promise.all([...stopped].map((id) => stage.show(id)));
          return states.every((state) => state === STATE.Completed);
        },
        10 * 60_000,
      );
      expectAllowed(stage.seen, seed);
      await stage.close();
    }
  });

  it('D0.11 a dead worker holds up nobody: what comes next runs on another one, and its own task when it is back', async () => {
    const stage = await openStage(1);
    const { world, cluster } = stage;
    const workerOf = async (id: string): Promise<string | undefined> =>
      (await world.admin.get(tasks, { namespace: 'default', name: id })).spec.workerName;
    const runs = (id: string) => async (): Promise<boolean> => (await stage.show(id)) === STATE.Running;
    const first = await stage.start('forever:1');
    await world.until('it runs', runs(first));
    const dead = (await workerOf(first)) ?? '';
    cluster.stop(dead);
    cluster.engines.get(dead)?.stopEngine({ containersDie: true });
    await world.advance(60_000);
    // Nobody knows better: what was seen last is shown, whatever became of it.
    expect(await stage.show(first)).to.equal(STATE.Running);
    const others = await Promise.all([stage.start('forever:1'), stage.start('forever:1')]);
    for (const id of others) {
      await world.until('the next one runs', runs(id));
      expect(await workerOf(id)).not.to.equal(dead);
    }
    cluster.engines.get(dead)?.startEngine();
    cluster.start(dead);
    await world.advance(60_000);
    expect(await stage.show(first)).to.equal(STATE.Running);
    expectAllowed(stage.seen, 1);
    await stage.close();
  });

  it('D0.11 a stopped task is not shown as running again, whatever somebody does to its container', async () => {
    const stage = await openStage(2);
    const { world, cluster } = stage;
    const id = await stage.start('forever:1');
    await world.until('it runs', async () => (await stage.show(id)) === STATE.Running);
    await stage.stop(id);
    await world.until('it is completed', async () => (await stage.show(id)) === STATE.Completed);
    for (const engine of cluster.engines.values()) {
      for (const { id: container, name } of engine.engine.containers()) {
        if (name.includes(id)) engine.engine.start(container);
      }
    }
    await world.advance(60_000);
    expect(await stage.show(id)).to.equal(STATE.Completed);
    expectAllowed(stage.seen, 2);
    await stage.close();
  });
});
