/**
 * TaskSets while control planes die between any two calls, or two work at once: what is promised holds at every moment
 * that a watcher sees, and in the end all is as it should be.
 */
import { expect } from 'chai';
import { seededRandom } from '../../../machinery/random.ts';
import { taskSets, tasks } from '../../../schemas/kinds.ts';
import { TaskSetRig } from './rig.ts';

const SEEDS = (process.env.GANTRY_TASKSET_SEED ?? '1,2,3,4,5,6').split(',').map(Number);
const REPLICAS = 5;

describe('TaskSet controller, crashes', function () {
  this.timeout(60_000);
  let rig: TaskSetRig;
  afterEach(() => rig.close());

  /** Notes the fewest endpoints and the most tasks that any moment had, until the signal aborts. */
  async function watch(signal: AbortSignal, seen: { fewest: number; most: number }): Promise<void> {
    const alive = new Set<string>();
    const leaving = new Set<string>();
    const note = (): void => {
      const staying = [...alive].filter((uid) => !leaving.has(uid));
      seen.most = Math.max(seen.most, staying.length);
    };
    const sets = (async () => {
      for await (const event of rig.world.admin.watch(taskSets, { signal })) {
        if (event.type === 'BOOKMARK') continue;
        for (const { uid } of event.object.status?.leaving ?? []) leaving.add(uid);
        seen.fewest = Math.min(seen.fewest, event.object.status?.endpoints?.length ?? 0);
      }
    })();
    const made = (async () => {
      for await (const event of rig.world.admin.watch(tasks, { signal })) {
        if (event.type === 'BOOKMARK') continue;
        const { uid = '', deletionTimestamp } = event.object.metadata;
        // Deleted without having been told of.
        if (deletionTimestamp !== undefined && !leaving.has(uid))
          throw new Error(`${event.object.metadata.name} was not leaving`);
        if (event.type === 'DELETED') alive.delete(uid);
        else alive.add(uid);
        note();
      }
    })();
    await Promise.all([sets, made]);
  }

  for (const seed of SEEDS) {
    const replay = `GANTRY_TASKSET_SEED=${seed} npx mocha --exit test/controllers/taskset/controller-crashes.test.ts`;
    it(`a control plane that dies at any call is followed by one that goes on: ${replay}`, async () => {
      const random = seededRandom(seed);
      let isDeadly = false;
      let deaths = 0;
      const dead = new Set<number>();
      let life = 0;
      rig = await TaskSetRig.open({
        seed,
        hooks: (controller) => {
          if (controller !== 'taskset') return {};
          const own = life;
          const dies = (): void => {
            if (dead.has(own)) throw new Error('the process is dead');
            if (!isDeadly || random.next() > 0.1) return;
            dead.add(own);
            deaths++;
            throw new Error('the process dies');
          };
          return { before: dies, after: dies };
        },
      });
      await rig.create('web', { replicas: REPLICAS, strategy: { maxSurge: 2, maxUnavailable: 0 } });
      await rig.untilSettled('web');
      const stop = new AbortController();
      const seen = { fewest: 99, most: 0 };
      const watched = watch(stop.signal, seen);
      isDeadly = true;
      await rig.patch('web', { spec: { template: { spec: { image: 'web:2' } } } });
      for (let round = 0; round < 40 && deaths < 12; round++) {
        await rig.world.advance(Math.round(random.next() * 500));
        if (!dead.has(life)) continue;
        await rig.stopControlPlane();
        life++;
        rig.startControlPlane();
      }
      isDeadly = false;
      await rig.stopControlPlane();
      life++;
      rig.startControlPlane();
      await rig.untilSettled('web');
      stop.abort();
      await watched;
      expect(deaths).to.be.greaterThan(0);
      expect(seen.fewest, 'fewest endpoints').to.be.at.least(REPLICAS);
      expect(seen.most, 'most tasks').to.be.at.most(REPLICAS + 2);
      expect((await rig.tasksOf('web')).map(({ spec }) => spec.image)).to.deep.equal(
        Array(REPLICAS).fill('web:2'),
      );
    });
  }

  it('two at once make what one makes', async () => {
    rig = await TaskSetRig.open();
    rig.startControlPlane();
    const stop = new AbortController();
    const seen = { fewest: 99, most: 0 };
    const strategy = { maxSurge: 2, maxUnavailable: 0 };
    await rig.config('settings', { mode: 'one' });
    const spec = { image: 'web:1', envFrom: [{ configMapRef: { name: 'settings' } }] };
    const template = { metadata: { labels: { app: 'web' } }, spec };
    await rig.create('web', { replicas: REPLICAS, strategy, template });
    await rig.untilSettled('web');
    const watched = watch(stop.signal, seen);
    await rig.world.settle();
    await rig.patch('web', { spec: { template: { spec: { image: 'web:2' } } } });
    await rig.untilSettled('web');
    await rig.patch('web', { spec: { replicas: 3 } });
    await rig.untilSettled('web');
    stop.abort();
    await watched;
    expect(seen.most).to.be.at.most(REPLICAS + 2);
    expect(seen.fewest).to.be.at.least(3);
    expect(await rig.revisions()).to.have.length(2);
    expect(await rig.copies()).to.have.length(1);
  });
});
