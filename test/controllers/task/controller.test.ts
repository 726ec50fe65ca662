/** The task controller on the real registry and a fake engine: what is declared is what runs. */
import { expect } from 'chai';
import { sleep } from '../../../machinery/clock.ts';
import { isApiError, RuntimeError } from '../../../machinery/errors.ts';
import { tasks, workers } from '../../../schemas/kinds.ts';
import { openRig, type Rig } from '../../agent/rig.ts';

describe('task controller', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await openRig();
  });
  afterEach(() => rig.close());

  const key = (name: string) => ({ namespace: 'default', name });
  const actsOnContainers = (): readonly string[] =>
    rig.runtime.mutations.map(({ operation }) => operation).filter((act) => act !== 'createNetwork');

  it('runs a bound task and says what it sees', async () => {
    await rig.apply('web', { ports: [{ name: 'http', containerPort: 80 }] });
    const task = await rig.untilPhase('web', 'Running');
    expect(rig.running('web')).to.have.length(1);
    expect(task.status).to.include({ attempts: 1, restartCount: 0, workerName: 'w1', observedGeneration: 1 });
    expect(task.status?.ports).to.have.length(1);
    expect(task.status?.ports?.[0]).to.include({ name: 'http', containerPort: 80, hostIP: '127.0.0.1' });
    expect(task.status?.conditions?.find(({ type }) => type === 'Ready')).to.include({
      status: 'True',
      reason: 'ContainerRunning',
    });
    expect(await rig.eventReasons('web')).to.include.members(['Created', 'Started']);
  });

  it('writes nothing and does nothing once settled', async () => {
    await rig.apply('web');
    const { metadata } = await rig.untilPhase('web', 'Running');
    await rig.world.advance(15_000);
    rig.runtime.forgetMutations();
    const before = (await rig.read('web'))?.metadata.resourceVersion;
    await rig.world.advance(60_000);
    expect(rig.runtime.mutations).to.deep.equal([]);
    expect((await rig.read('web'))?.metadata.resourceVersion).to.equal(before);
    expect(before).to.not.equal(metadata.uid);
  });

  it('makes a fresh start in one create and one start', async () => {
    await rig.apply('web');
    await rig.untilPhase('web', 'Running');
    expect(actsOnContainers()).to.deep.equal(['create', 'start']);
  });

  it('starts a killed container again at once, on the same port', async () => {
    await rig.apply('web', { ports: [{ containerPort: 80 }] });
    const before = await rig.untilPhase('web', 'Running');
    rig.runtime.engine.kill(rig.running('web')[0]?.id ?? '');
    await rig.world.settle();
    await rig.world.settle();
    const after = await rig.untilPhase('web', 'Running');
    await rig.world.until(
      'the restart is counted',
      async () => (await rig.read('web'))?.status?.restartCount === 1,
    );
    const { status } = (await rig.read('web')) ?? after;
    expect(status?.ports?.[0]?.hostPort).to.equal(before.status?.ports?.[0]?.hostPort);
    expect(status?.history?.[0]).to.include({ attempt: 1, exitCode: 137, signal: 9, reason: 'Error' });
    expect(rig.running('web')).to.have.length(1);
  });

  it('backs off a crash loop, and a new agent goes on with the same wait', async () => {
    await rig.apply('crash', { image: 'crash:1', backoff: { initialSeconds: 10, maxSeconds: 60 } });
    await rig.world.until(
      'the crash loop waits',
      async () => (await rig.read('crash'))?.status?.reason === 'CrashLoopBackOff',
    );
    const { status } = (await rig.read('crash')) ?? {};
    expect(status?.history).to.have.length(2);
    const nextMs = Date.parse(status?.nextRestartAt ?? '');
    expect(nextMs - Date.parse(status?.history?.[0]?.finishedAt ?? '')).to.equal(10_000);
    await rig.restart();
    await rig.world.until('the third attempt', () =>
      rig.containers('crash').some(({ name }) => name.endsWith('.3')),
    );
    expect(rig.world.clock.now()).to.be.within(nextMs, nextMs + 1_000);
  });

  it('ends a task that has done its work, and keeps its container for the logs', async () => {
    await rig.apply('job', { image: 'job:1', restartPolicy: 'Never' });
    const task = await rig.untilPhase('job', 'Succeeded');
    expect(task.status).to.include({ reason: 'Completed', attempts: 1, restartCount: 0 });
    await rig.world.advance(30_000);
    expect(rig.containers('job').map(({ state }) => state)).to.deep.equal(['exited']);
  });

  it('replaces the container of a changed spec, the old one stopped first', async () => {
    await rig.apply('web');
    await rig.untilPhase('web', 'Running');
    await rig.edit('web', (spec) => ({ ...spec, image: 'app:2' }));
    await rig.world.until('app:2 runs', () => rig.running('web').some(({ image }) => image === 'app:2'));
    await rig.world.until(
      'it is told',
      async () => (await rig.read('web'))?.status?.observedGeneration === 2,
    );
    const acts = actsOnContainers();
    expect(acts.slice(0, 5)).to.deep.equal(['create', 'start', 'stop', 'create', 'start']);
    const task = await rig.untilPhase('web', 'Running');
    expect(task.status?.history?.[0]?.reason).to.equal('Superseded');
    expect(task.status?.restartCount).to.equal(0);
  });

  it('changes limits in place and puts back those edited by hand', async () => {
    await rig.apply('web', { resources: { limits: { memory: '64Mi' } } });
    await rig.untilPhase('web', 'Running');
    const [first] = rig.running('web');
    await rig.edit('web', (spec) => ({ ...spec, resources: { limits: { memory: '128Mi' } } }));
    await rig.world.until('128Mi', () => rig.running('web')[0]?.resources.memoryBytes === 2 ** 27);
    await rig.world.until(
      'it is told',
      async () => (await rig.read('web'))?.status?.observedGeneration === 2,
    );
    rig.runtime.engine.update(first?.id ?? '', { memoryBytes: 2 ** 30 });
    await rig.world.until('128Mi again', () => rig.running('web')[0]?.resources.memoryBytes === 2 ** 27);
    expect(rig.running('web')[0]?.id).to.equal(first?.id);
    await rig.world.advance(1000);
    expect(await rig.eventReasons('web')).to.include('Drifted');
  });

  it('sees what was done by hand though every event is lost', async () => {
    await rig.apply('web', { resources: { limits: { memory: '64Mi' } } });
    await rig.untilPhase('web', 'Running');
    rig.runtime.hooks = { deliverEvent: () => false };
    const id = (): string => rig.running('web')[0]?.id ?? '';
    const acts: readonly [string, () => void, () => boolean][] = [
      ['paused', () => rig.runtime.engine.pause(id()), () => rig.running('web').length === 1],
      [
        'renamed',
        () => rig.runtime.engine.rename(id(), 'mine'),
        () => rig.running('web')[0]?.name.startsWith('gantry.default.web.') === true,
      ],
      [
        'edited',
        () => rig.runtime.engine.update(id(), { memoryBytes: 2 ** 30 }),
        () => rig.running('web')[0]?.resources.memoryBytes === 2 ** 26,
      ],
      ['killed', () => rig.runtime.engine.kill(id()), () => rig.running('web').length === 1],
      ['removed', () => rig.runtime.engine.remove(id()), () => rig.running('web').length === 1],
    ];
    for (const [what, act, isRepaired] of acts) {
      act();
      expect(isRepaired(), `${what} is not right before`).to.equal(false);
      await rig.world.until(`${what} is put right`, isRepaired, 30_000);
    }
  });

  it('stops and keeps a Stopped task, and runs it again under a new binding', async () => {
    await rig.apply('web');
    await rig.untilPhase('web', 'Running');
    await rig.edit('web', (spec) => ({ ...spec, desiredState: 'Stopped' }));
    await rig.untilPhase('web', 'Stopped');
    expect(rig.running('web')).to.deep.equal([]);
    await rig.edit('web', (spec) => ({ ...spec, desiredState: 'Running' }));
    await rig.untilPhase('web', 'Pending');
    await rig.bind('web');
    await rig.untilPhase('web', 'Running');
    expect(rig.running('web')).to.have.length(1);
  });

  it('deletes: stop, remove, then the object goes', async () => {
    await rig.apply('web');
    await rig.untilPhase('web', 'Running');
    await rig.world.admin.delete(tasks, key('web'));
    await rig.world.until('it is gone', async () => (await rig.read('web')) === undefined);
    expect(rig.containers('web')).to.deep.equal([]);
  });

  it('waits for an image and says so', async () => {
    await rig.apply('late', { image: 'late:1' });
    await rig.world.until(
      'ErrImagePull',
      async () => (await rig.read('late'))?.status?.reason === 'ErrImagePull',
    );
    await rig.world.until(
      'ImagePullBackOff',
      async () => (await rig.read('late'))?.status?.reason === 'ImagePullBackOff',
    );
    rig.runtime.engine.publish('late:1');
    await rig.untilPhase('late', 'Running');
  });

  it('says in its status how far a pull is, and writes that no oftener than it moves', async () => {
    const MIB = 1024 * 1024;
    rig.runtime.engine.publish('big:1', {}, { layers: [10 * MIB, 70 * MIB], msPerPiece: 2_000 });
    const said = new Set<string>();
    let versions = 0;
    const stop = new AbortController();
    const watching = (async () => {
      for await (const event of rig.world.admin.watch(tasks, { namespace: 'default', signal: stop.signal })) {
        if (event.type === 'BOOKMARK' || event.object.metadata.name !== 'big') continue;
        const { message } = event.object.status ?? {};
        if (!/is being pulled/.test(message ?? '')) continue;
        versions++;
        said.add(message ?? '');
      }
    })();
    await rig.apply('big', { image: 'big:1' });
    await rig.untilPhase('big', 'Running');
    stop.abort();
    await watching;
    expect([...said].slice(0, 2)).to.deep.equal([
      'image "big:1" is being pulled',
      'image "big:1" is being pulled: 1 MiB of 80 MiB, 0 of 2 layers',
    ]);
    expect([...said].at(-1)).to.match(/7\d MiB of 80 MiB, 1 of 2 layers$/);
    expect(versions).to.equal(said.size);
  });

  it('finds another port when the known one was taken in between', async () => {
    await rig.apply('web', { ports: [{ containerPort: 80 }] });
    const before = await rig.untilPhase('web', 'Running');
    const port = before.status?.ports?.[0];
    const id = rig.running('web')[0]?.id ?? '';
    rig.runtime.engine.kill(id);
    rig.runtime.engine.occupyPort({ hostIP: '127.0.0.1', hostPort: port?.hostPort ?? 0, protocol: 'TCP' });
    await rig.world.until('another port', async () => {
      const now = (await rig.read('web'))?.status;
      return now?.phase === 'Running' && now.ports?.[0]?.hostPort !== port?.hostPort;
    });
  });

  it('comes through an engine that goes away and returns', async () => {
    await rig.apply('web');
    await rig.untilPhase('web', 'Running');
    rig.runtime.stopEngine({ containersDie: true });
    await rig.world.until('RuntimeDown', async () => {
      const worker = await rig.world.admin.get(workers, { name: 'w1' });
      return worker.status?.conditions?.some(({ reason }) => reason === 'RuntimeDown') === true;
    });
    rig.runtime.startEngine();
    await rig.world.until('it runs again', () => rig.running('web').length === 1);
    await rig.world.until('the worker is ready', async () => {
      const worker = await rig.world.admin.get(workers, { name: 'w1' });
      return worker.status?.conditions?.every(({ status }) => status === 'True') === true;
    });
  });

  it('adopts what runs when the agent is new', async () => {
    await rig.apply('web');
    await rig.untilPhase('web', 'Running');
    const [before] = rig.running('web');
    await rig.restart();
    await rig.world.advance(15_000);
    expect(rig.containers('web').map(({ id }) => id)).to.deep.equal([before?.id]);
    expect(await rig.eventReasons('web')).to.include('Adopted');
  });

  it('removes an orphan only after the API has said that its task is gone, and touches nothing foreign', async () => {
    await rig.apply('web');
    await rig.untilPhase('web', 'Running');
    const [model] = rig.runtime.engine.containers();
    const spec = model?.spec;
    if (spec === undefined) throw new Error('no container');
    const place = (name: string, labels: Record<string, string>): string => {
      const made = rig.runtime.engine.create({ ...spec, name, labels: { ...spec.labels, ...labels } });
      rig.runtime.engine.start(made.id);
      return made.id;
    };
    const orphan = place('orphan', { 'gantry.dev/task': 'default/gone', 'gantry.dev/uid': 'gone' });
    const foreign = place('foreign', { 'gantry.dev/cluster': 'another' });
    const elsewhere = place('elsewhere', { 'gantry.dev/worker': 'w2' });
    await rig.world.until('the orphan is gone', () => rig.runtime.engine.find(orphan) === undefined);
    await rig.world.advance(60_000);
    expect(rig.runtime.engine.find(foreign)?.state).to.equal('running');
    expect(rig.runtime.engine.find(elsewhere)?.state).to.equal('running');
    expect(
      rig.running('web').filter(({ labels }) => labels['gantry.dev/cluster'] !== 'another'),
    ).to.have.length(2);
  });

  it('goes on after a crash between any two steps, with never two running', async () => {
    for (let cut = 1; cut <= 12; cut++) {
      const name = `task-${cut}`;
      let calls = 0;
      let isCut = false;
      rig.runtime.hooks = {
        after: ({ operation }) => {
          if (operation === 'list' || operation === 'events' || operation === 'info') return;
          if (++calls === cut) isCut = true;
          // The process is dead: nothing it asks for any more is heard.
          if (isCut) throw new Error('killed');
        },
      };
      await rig.apply(name, { image: 'app:1' });
      await rig.world.settle();
      await rig.edit(name, (spec) => ({ ...spec, image: 'app:2' }));
      await rig.world.advance(1_000);
      rig.runtime.hooks = {};
      await rig.restart();
      await rig.world.until(`${name} runs app:2`, async () => {
        expect(rig.running(name).length, `cut ${cut}`).to.be.at.most(1);
        const task = await rig.read(name);
        return task?.status?.phase === 'Running' && rig.running(name)[0]?.image === 'app:2';
      });
    }
  });

  it('makes no second container while the inspection of the first is still under way', async () => {
    await rig.apply('web');
    await rig.untilPhase('web', 'Running');
    const first = rig.running('web')[0]?.id ?? '';
    rig.runtime.engine.kill(first);
    await rig.world.until('the second runs', () => rig.running('web').length === 1);
    const second = rig.running('web')[0]?.id ?? '';
    let refused = 0;
    rig.runtime.hooks = {
      before: async ({ operation, args }) => {
        if (operation !== 'inspect') return;
        if (args[0] === first && refused++ < 3) throw new RuntimeError('Failed', 'refused');
        if (args[0] === second) await sleep(rig.world.clock, 5_000);
      },
    };
    await rig.restart();
    await rig.world.advance(20_000);
    expect(refused).to.be.greaterThan(0);
    expect(rig.running('web').map(({ id }) => id)).to.deep.equal([second]);
  });

  it('refuses nothing silently: a task that was deleted meanwhile is no error', async () => {
    await rig.apply('web');
    await rig.world.admin.delete(tasks, key('web')).catch((error: unknown) => {
      if (!isApiError(error, 'NotFound')) throw error;
    });
    await rig.world.until('it is gone', async () => (await rig.read('web')) === undefined);
    await rig.world.advance(15_000);
    expect(rig.containers('web')).to.deep.equal([]);
  });
});
