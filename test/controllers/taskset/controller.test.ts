/** TaskSets on a whole small cluster: created, scaled, updated, adopted, deleted; whatever dies or comes twice. */
import { expect } from 'chai';
import { LABEL_REVISION, LABEL_TASKSET } from '../../../machinery/labels.ts';
import { resourceQuotas, taskSets, tasks } from '../../../schemas/kinds.ts';
import { taskManifest } from '../../builders.ts';
import { key, TaskSetRig, template } from './rig.ts';

describe('TaskSet controller', function () {
  this.timeout(60_000);
  let rig: TaskSetRig;
  afterEach(() => rig.close());

  it('makes as many tasks as are wanted, and says so', async () => {
    rig = await TaskSetRig.open();
    const set = await rig.create('web', {
      replicas: 3,
      template: template('web', { env: [{ name: 'A', value: '1' }] }),
    });
    const status = await rig.untilSettled('web');
    const [revision] = await rig.revisions();
    const hash = revision?.metadata.labels?.[LABEL_REVISION] ?? '';
    const made = await rig.tasksOf('web');
    expect(made.map(({ metadata }) => metadata.name)).to.have.members(
      [0, 1, 2].map((ordinal) => `web-${hash.slice(0, 5)}-${ordinal}`),
    );
    for (const { metadata, spec } of made) {
      expect(metadata.labels).to.deep.equal({ app: 'web', [LABEL_TASKSET]: 'web', [LABEL_REVISION]: hash });
      expect(metadata.ownerReferences).to.deep.equal([
        {
          apiVersion: 'gantry.dev/v1',
          kind: 'TaskSet',
          name: 'web',
          uid: set.metadata.uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ]);
      expect(spec.env).to.deep.equal([{ name: 'A', value: '1' }]);
    }
    expect(status).to.include({
      readyReplicas: 3,
      availableReplicas: 3,
      unavailableReplicas: 0,
      updateRevision: revision?.metadata.name,
      lastStableRevision: revision?.metadata.name,
      selector: 'app=web',
    });
    expect(status.endpoints?.map(({ task }) => task)).to.have.members(
      made.map(({ metadata }) => metadata.name),
    );
    expect(await rig.reason('web', 'Progressing')).to.equal('NewRevisionAvailable');
    expect((await rig.events('web')).map(({ reason }) => reason)).to.include('SuccessfulCreate');
  });

  it('does nothing once all is as it should be', async () => {
    rig = await TaskSetRig.open();
    await rig.create('web', { replicas: 2 });
    await rig.untilSettled('web');
    await rig.world.advance(10_000);
    const before = await rig.read('web');
    await rig.world.advance(300_000);
    expect((await rig.read('web')).metadata.resourceVersion).to.equal(before.metadata.resourceVersion);
  });

  it('is scaled through /scale, up and down', async () => {
    rig = await TaskSetRig.open();
    await rig.create('web', { replicas: 1 });
    await rig.untilSettled('web');
    const scale = (replicas: number): Promise<unknown> =>
      rig.world.admin.patch(
        { ...taskSets, kind: 'Scale' },
        key('web'),
        { type: 'merge', body: { spec: { replicas } } },
        { subresource: 'scale' },
      );
    await scale(5);
    expect((await rig.untilSettled('web')).availableReplicas).to.equal(5);
    await scale(2);
    const status = await rig.untilSettled('web');
    expect(status.endpoints).to.have.length(2);
    expect(await rig.revisions()).to.have.length(1);
  });

  it('brings a new template to its tasks, always with enough of them available', async () => {
    rig = await TaskSetRig.open();
    await rig.create('web', { replicas: 4, strategy: { maxSurge: 1, maxUnavailable: 0 } });
    await rig.untilSettled('web');
    let fewest = 99;
    let most = 0;
    const watching = new AbortController();
    const watched = (async () => {
      for await (const event of rig.world.admin.watch(taskSets, { signal: watching.signal })) {
        if (event.type === 'BOOKMARK') continue;
        const { endpoints, replicas = 0 } = event.object.status ?? {};
        fewest = Math.min(fewest, endpoints?.length ?? 0);
        most = Math.max(most, replicas);
      }
    })();
    await rig.patch('web', { spec: { template: { spec: { image: 'web:2' } } } });
    const status = await rig.untilSettled('web');
    watching.abort();
    await watched;
    expect({ fewest, most }).to.deep.equal({ fewest: 4, most: 5 });
    const made = await rig.tasksOf('web');
    expect(made.map(({ spec }) => spec.image)).to.deep.equal(Array(4).fill('web:2'));
    const revisions = await rig.revisions();
    expect(revisions.map(({ revision }) => revision)).to.deep.equal([1, 2]);
    expect(status.lastStableRevision).to.equal(revisions[1]?.metadata.name);
  });

  it('tells a second before it deletes a task that it takes no more work', async () => {
    rig = await TaskSetRig.open();
    await rig.create('web', { replicas: 1 });
    await rig.untilSettled('web');
    const [old] = await rig.tasksOf('web');
    const name = old?.metadata.name ?? '';
    await rig.patch('web', { spec: { template: { spec: { image: 'web:2' } } } });
    await rig.world.until('the old one has left', async () => {
      const { endpoints = [], leaving = [] } = await rig.status('web');
      const isLeft = !endpoints.some(({ task }) => task === name);
      if (isLeft) expect(leaving.map(({ task }) => task)).to.deep.equal([name]);
      return isLeft;
    });
    expect((await rig.status('web')).endpoints).to.have.length(1);
    const leftAtMs = rig.world.clock.monotonicMs();
    await rig.world.until('it is deleted', async () => {
      const found = (await rig.tasksOf('web')).find(({ metadata }) => metadata.name === name);
      return found === undefined || found.metadata.deletionTimestamp !== undefined;
    });
    expect(rig.world.clock.monotonicMs() - leftAtMs).to.be.within(900, 3_000);
  });

  it('adopts tasks of nobody that match, and lets go of those that match no more', async () => {
    rig = await TaskSetRig.open();
    await rig.world.admin.create(
      tasks,
      taskManifest('stray', { image: 'web:1' }, { labels: { app: 'web' } }),
    );
    const other = taskManifest('other', { image: 'web:1' }, { labels: { app: 'else' } });
    await rig.world.admin.create(tasks, other);
    const set = await rig.create('web', { replicas: 2 });
    const ownerOf = async (name: string): Promise<string | undefined> =>
      (await rig.world.admin.get(tasks, key(name))).metadata.ownerReferences?.[0]?.uid;
    await rig.world.until('it is adopted', async () => (await ownerOf('stray')) === set.metadata.uid);
    expect(await ownerOf('other')).to.equal(undefined);
    await rig.untilSettled('web');
    const [kept] = await rig.tasksOf('web');
    const name = kept?.metadata.name ?? '';
    const body = { metadata: { labels: { app: 'debug' } } };
    await rig.world.admin.patch(tasks, key(name), { type: 'merge', body });
    await rig.world.until('it is let go', async () => (await ownerOf(name)) === undefined);
    await rig.untilSettled('web');
    expect((await rig.tasksOf('web')).map(({ metadata }) => metadata.name)).not.to.include(name);
    expect(await rig.exists(tasks, name)).to.equal(true);
  });

  it('takes its tasks, revisions and copies with it when it goes, or leaves them to the next of its name', async () => {
    rig = await TaskSetRig.open();
    await rig.config('settings', { a: '1' });
    const envFrom = [{ configMapRef: { name: 'settings' } }];
    const spec = { replicas: 2, template: template('web', { envFrom }) };
    await rig.create('web', spec);
    await rig.untilSettled('web');
    const uids = (await rig.tasksOf('web')).map(({ metadata }) => metadata.uid);
    await rig.world.admin.delete(taskSets, key('web'), { propagationPolicy: 'Orphan' });
    await rig.world.until('the set is gone', async () => !(await rig.exists(taskSets, 'web')));
    expect(await rig.revisions()).to.have.length(1);
    await rig.create('web', spec);
    await rig.untilSettled('web');
    expect((await rig.tasksOf('web')).map(({ metadata }) => metadata.uid)).to.have.members(uids);
    expect(await rig.revisions()).to.have.length(1);
    await rig.world.admin.delete(taskSets, key('web'), { propagationPolicy: 'Background' });
    await rig.world.until('all of it is gone', async () => {
      const left = [...(await rig.revisions()), ...(await rig.copies()), ...(await rig.tasksOf('web'))];
      return left.length === 0;
    });
  });

  it('leaves earlier revisions and their copies to the next of its name, too, with their numbers', async () => {
    rig = await TaskSetRig.open();
    await rig.config('settings', { a: '1' });
    const envFrom = [{ configMapRef: { name: 'settings' } }];
    await rig.create('web', { replicas: 1, template: template('web', { envFrom }) });
    await rig.untilSettled('web');
    await rig.patch('web', { spec: { template: { spec: { image: 'web:2', envFrom: null } } } });
    await rig.untilSettled('web');
    await rig.world.admin.delete(taskSets, key('web'), { propagationPolicy: 'Orphan' });
    await rig.world.until('the set is gone', async () => !(await rig.exists(taskSets, 'web')));
    const { metadata } = await rig.create('web', {
      replicas: 1,
      template: template('web', { image: 'web:3' }),
    });
    await rig.untilSettled('web');
    const kept = await rig.revisions();
    expect(kept.map(({ revision }) => revision)).to.deep.equal([1, 2, 3]);
    expect(kept.map((one) => one.metadata.ownerReferences?.map(({ uid }) => uid))).to.deep.equal(
      Array(3).fill([metadata.uid]),
    );
    await rig.world.admin.delete(taskSets, key('web'), { propagationPolicy: 'Background' });
    await rig.world.until('all of it is gone', async () => {
      const left = [...(await rig.revisions()), ...(await rig.copies()), ...(await rig.tasksOf('web'))];
      return left.length === 0;
    });
  });

  it('says what creating was refused with, tries again ever less often, and goes on once it may', async () => {
    let attempts = 0;
    rig = await TaskSetRig.open({
      hooks: (controller) => ({
        before: ({ operation, resource }) => {
          if (controller === 'taskset' && operation === 'create' && resource === 'tasks') attempts++;
        },
      }),
    });
    await rig.world.admin.create(resourceQuotas, {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'few', namespace: 'default' },
      spec: { hard: { 'count/tasks.gantry.dev': '2' } },
    });
    await rig.create('web', { replicas: 5 });
    await rig.world.until(
      'it is told',
      async () => (await rig.reason('web', 'ReplicaFailure')) === 'FailedCreate',
    );
    await rig.world.until('two are there', async () => (await rig.status('web')).availableReplicas === 2);
    const { conditions } = await rig.status('web');
    expect(conditions?.find(({ type }) => type === 'ReplicaFailure')?.message).to.contain('exceeded quota');
    await rig.world.advance(60_000);
    expect(attempts).to.be.within(5, 20);
    const told = (await rig.events('web')).filter(({ reason }) => reason === 'FailedCreate');
    expect(told.length).to.be.within(1, 5);
    await rig.world.admin.delete(resourceQuotas, key('few'));
    await rig.untilSettled('web');
    expect(await rig.reason('web', 'ReplicaFailure')).to.equal(undefined);
  });

  it('leaves alone what has the name of one of its tasks, says so, and takes another name', async () => {
    rig = await TaskSetRig.open();
    await rig.create('web', { replicas: 1 });
    await rig.untilSettled('web');
    const [first] = await rig.tasksOf('web');
    const next = (first?.metadata.name ?? '').replace(/0$/, '1');
    await rig.world.admin.create(tasks, taskManifest(next, { image: 'web:1' }));
    await rig.patch('web', { spec: { replicas: 2 } });
    await rig.untilSettled('web');
    const stranger = await rig.world.admin.get(tasks, key(next));
    expect(stranger.metadata.ownerReferences).to.equal(undefined);
    const told = (await rig.events('web')).find(({ reason }) => reason === 'FailedCreate');
    expect(told?.message).to.contain(`task "${next}" is in the way`);
  });

  it('has one task on every worker with mode Global, also on those that come', async () => {
    rig = await TaskSetRig.open({ workers: ['w1', 'w2'] });
    await rig.create('agent', { mode: 'Global' });
    await rig.world.until('both have one', async () => (await rig.status('agent')).availableReplicas === 2);
    await rig.addWorker('w3');
    await rig.world.until('all have one', async () => (await rig.status('agent')).availableReplicas === 3);
    const made = await rig.tasksOf('agent');
    expect(made.map(({ spec }) => spec.workerName)).to.have.members(['w1', 'w2', 'w3']);
    await rig.patch('agent', { spec: { template: { spec: { image: 'web:2' } } } });
    await rig.untilSettled('agent');
    expect((await rig.tasksOf('agent')).map(({ spec }) => spec.image)).to.deep.equal(Array(3).fill('web:2'));
  });

  it('comes back by itself from a revision that does not start, and leaves the spec as it is', async () => {
    rig = await TaskSetRig.open();
    await rig.create('web', { replicas: 3, progressDeadlineSeconds: 20, strategy: { autoRevert: true } });
    const stable = (await rig.untilSettled('web')).lastStableRevision;
    await rig.patch('web', { spec: { template: { spec: { image: 'nowhere:1' } } } });
    await rig.world.until(
      'it is given up',
      async () => (await rig.reason('web', 'Progressing')) === 'RolledBack',
    );
    await rig.world.until('all are of the last stable one', async () => {
      const images = (await rig.tasksOf('web')).map(({ spec }) => spec.image);
      return images.length === 3 && images.every((image) => image === 'web:1');
    });
    const { spec, status } = await rig.read('web');
    expect(spec.template.spec.image).to.equal('nowhere:1');
    expect(status).to.include({ targetRevision: stable, rejectedRevision: status?.updateRevision });
    await rig.patch('web', { spec: { template: { spec: { image: 'web:2' } } } });
    await rig.untilSettled('web');
  });

  it('gives up nothing because the wall clock was set ahead, nor waits because it was set back', async () => {
    rig = await TaskSetRig.open();
    await rig.create('web', { replicas: 2, progressDeadlineSeconds: 300, strategy: { autoRevert: true } });
    await rig.untilSettled('web');
    await rig.patch('web', { spec: { template: { spec: { image: 'nowhere:1' } } } });
    await rig.world.advance(30_000);
    rig.world.clock.jumpWall(3_600_000);
    await rig.world.advance(60_000);
    expect(await rig.reason('web', 'Progressing')).to.equal('ReplicasUpdating');
    rig.world.clock.jumpWall(-7_200_000);
    await rig.patch('web', { spec: { template: { spec: { image: 'web:2' } } } });
    await rig.untilSettled('web');
  });
});
