/** What a TaskSet's tasks read from ConfigMaps and Secrets: rolled out like the template, and brought back with it. */
import { expect } from 'chai';
import { revisionData, snapshotTemplate } from '../../../controllers/revisions/snapshots.ts';
import { configMaps, controllerRevisions, secrets } from '../../../schemas/kinds.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { key, TaskSetRig, template } from './rig.ts';

describe('TaskSet controller, configuration', function () {
  this.timeout(60_000);
  let rig: TaskSetRig;
  beforeEach(async () => {
    rig = await TaskSetRig.open();
  });
  afterEach(() => rig.close());

  const env = [{ name: 'MODE', valueFrom: { configMapKeyRef: { name: 'settings', key: 'mode' } } }];
  const spec = { replicas: 2, template: template('web', { env }) };
  const sourceOf = ({ spec: { env: variables } }: Task): string | undefined =>
    variables?.[0]?.valueFrom?.configMapKeyRef?.name;

  /** What MODE is for each task, whatever object it comes from. */
  async function modes(): Promise<readonly (string | undefined)[]> {
    const made = await rig.tasksOf('web');
    return Promise.all(
      made.map(
        async (task) => (await rig.world.admin.get(configMaps, key(sourceOf(task) ?? ''))).data?.['mode'],
      ),
    );
  }
  const setMode = (mode: string): Promise<unknown> =>
    rig.world.admin.patch(configMaps, key('settings'), { type: 'merge', body: { data: { mode } } });
  const untilModes = (mode: string): Promise<void> =>
    rig.world.until(`every task is ${mode}`, async () => {
      const found = await modes();
      return found.length === 2 && found.every((one) => one === mode);
    });

  it('gives tasks an immutable copy that belongs to the revision', async () => {
    await rig.config('settings', { mode: 'one' });
    await rig.create('web', spec);
    await rig.untilSettled('web');
    const [copy, ...others] = await rig.copies();
    const [revision] = await rig.revisions();
    expect(others).to.deep.equal([]);
    expect(copy?.data).to.deep.equal({ mode: 'one' });
    expect(copy?.metadata.annotations).to.deep.equal({ 'gantry.dev/snapshot-of': 'settings' });
    expect(copy?.metadata.ownerReferences?.map(({ uid }) => uid)).to.deep.equal([revision?.metadata.uid]);
    expect((await rig.tasksOf('web')).map(sourceOf)).to.deep.equal(Array(2).fill(copy?.metadata.name));
  });

  it('rolls out a change of it, shares a copy between revisions, and undo brings the old content back', async () => {
    await rig.config('settings', { mode: 'one' });
    await rig.create('web', spec);
    await rig.untilSettled('web');
    await setMode('two');
    await untilModes('two');
    await rig.untilSettled('web');
    await rig.patch('web', { spec: { template: { spec: { image: 'web:2' } } } });
    await rig.untilSettled('web');
    const [first, second, third] = await rig.revisions();
    expect(await rig.revisions()).to.have.length(3);
    const shared = (await rig.copies()).find(({ data }) => data?.['mode'] === 'two');
    expect(shared?.metadata.ownerReferences?.map(({ uid }) => uid)).to.have.members([
      second?.metadata.uid,
      third?.metadata.uid,
    ]);
    const held = first === undefined ? undefined : revisionData(first);
    if (first === undefined || held === undefined) throw new Error('no first revision');
    await rig.patch('web', { spec: { template: snapshotTemplate(held) } });
    await untilModes('one');
    await rig.untilSettled('web');
    const after = await rig.revisions();
    expect(after.map(({ metadata, revision }) => [metadata.uid, revision])).to.deep.equal([
      [second?.metadata.uid, 2],
      [third?.metadata.uid, 3],
      [first.metadata.uid, 4],
    ]);
    expect((await rig.tasksOf('web')).map((task) => task.spec.image)).to.deep.equal(['web:1', 'web:1']);
    expect((await rig.status('web')).updateRevision).to.equal(first.metadata.name);
    await setMode('three');
    await rig.world.advance(10_000);
    expect(await modes()).to.deep.equal(['one', 'one']);
  });

  it('does not roll when something else of the object is changed, nor when it is written as it was', async () => {
    await rig.config('settings', { mode: 'one' });
    await rig.create('web', spec);
    await rig.untilSettled('web');
    const body = { metadata: { labels: { seen: 'yes' } } };
    await rig.world.admin.patch(configMaps, key('settings'), { type: 'merge', body });
    await rig.world.advance(10_000);
    expect(await rig.revisions()).to.have.length(1);
  });

  it('leaves a missing source as it is, and its coming is a new revision', async () => {
    const optional = [{ configMapRef: { name: 'settings', optional: true } }];
    await rig.create('web', { replicas: 1, template: template('web', { envFrom: optional }) });
    await rig.untilSettled('web');
    const nameOf = async (): Promise<string | undefined> =>
      (await rig.tasksOf('web'))[0]?.spec.envFrom?.[0]?.configMapRef?.name;
    expect(await nameOf()).to.equal('settings');
    await rig.config('settings', { mode: 'one' });
    await rig.world.until('a new one reads the copy', async () => (await nameOf()) !== 'settings');
    await rig.untilSettled('web');
    expect(await rig.revisions()).to.have.length(2);
  });

  it('does not roll because the source goes: its copy is there', async () => {
    await rig.config('settings', { mode: 'one' });
    await rig.create('web', spec);
    await rig.untilSettled('web');
    await rig.world.admin.delete(configMaps, key('settings'));
    await rig.patch('web', { spec: { replicas: 3 } });
    await rig.untilSettled('web');
    expect(await rig.revisions()).to.have.length(1);
    expect(await modes()).to.deep.equal(['one', 'one', 'one']);
  });

  it('makes a copy that somebody deleted again while the source has that content, and else says so', async () => {
    await rig.config('settings', { mode: 'one' });
    await rig.create('web', spec);
    await rig.untilSettled('web');
    const [copy] = await rig.copies();
    const name = copy?.metadata.name ?? '';
    await rig.world.admin.delete(configMaps, key(name));
    await rig.world.until('it is there again', () => rig.exists(configMaps, name));
    await setMode('two');
    await untilModes('two');
    await rig.untilSettled('web');
    await rig.world.admin.delete(configMaps, key(name));
    await rig.world.advance(5_000);
    expect(await rig.exists(configMaps, name)).to.equal(false);
    const told = (await rig.events('web')).filter(({ reason }) => reason === 'SnapshotMissing');
    expect(told.map(({ message }) => message)).to.have.length(1);
    expect(told[0]?.message).to.contain('"settings" has other content now');
  });

  it('copies Secrets, names them so that nobody can try out passwords, and remembers none', async () => {
    const secretEnv = [{ name: 'P', valueFrom: { secretKeyRef: { name: 'login', key: 'password' } } }];
    const make = (name: string) =>
      rig.world.admin.create(secrets, {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name, namespace: 'default' },
        stringData: { password: 'hunter2' },
      });
    await make('login');
    await rig.create('web', { replicas: 1, template: template('web', { env: secretEnv }) });
    await rig.untilSettled('web');
    const copies = async (): Promise<readonly string[]> => {
      const { items } = await rig.world.admin.list(secrets, { namespace: 'default' });
      return items.filter(({ immutable }) => immutable === true).map(({ metadata }) => metadata.name);
    };
    const [name] = await copies();
    const copy = await rig.world.admin.get(secrets, key(name ?? ''));
    expect(Buffer.from(copy.data?.['password'] ?? '', 'base64').toString()).to.equal('hunter2');
    // Another Secret with the same content has another hash.
    await rig.world.admin.delete(secrets, key('login'));
    await make('login');
    await rig.world.until('another copy', async () => (await copies()).length === 2);
    const { items } = await rig.world.admin.list(controllerRevisions);
    expect(JSON.stringify(items)).not.to.contain('hunter2');
  });

  it('says what is in the way of a copy', async () => {
    await rig.config('settings', { mode: 'one' });
    await rig.create('web', spec);
    await rig.untilSettled('web');
    const [copy] = await rig.copies();
    const name = copy?.metadata.name ?? '';
    await rig.patch('web', { spec: { replicas: 0 } });
    await rig.untilSettled('web');
    await rig.world.admin.delete(configMaps, key('settings'));
    await rig.world.admin.delete(configMaps, key(name));
    await rig.config(name, { mode: 'mine' });
    await rig.patch('web', { spec: { replicas: 1 } });
    await rig.world.until(
      'it is told',
      async () => (await rig.reason('web', 'ReplicaFailure')) === 'FailedCreate',
    );
    const { conditions } = await rig.status('web');
    expect(conditions?.find(({ type }) => type === 'ReplicaFailure')?.message).to.contain(
      `"${name}" is in the way`,
    );
  });
});
