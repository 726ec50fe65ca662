/** `gantry undo`: an object as it was, one that was deleted with what it owned, and what is told beforehand. */
import { expect } from 'chai';
import { withWhatWas } from '../../cli/comeback.ts';
import type { DynamicObject, KubeObject, OwnerReference } from '../../machinery/meta.ts';
import { configMaps, jobs, runs, secrets, taskSets, tasks } from '../../schemas/kinds.ts';
import { Certificates } from '../client/secureserver.ts';
import { CommandWorld } from './commandworld.ts';

const certificates = new Certificates();
const manifest = (image: string, more = ''): string =>
  `apiVersion: gantry.dev/v1\nkind: Task\nmetadata:\n  name: hello\nspec:\n  image: ${image}\n${more}`;

function ownedBy({ apiVersion, kind, metadata }: KubeObject): { ownerReferences: OwnerReference[] } {
  const { name, uid = '' } = metadata;
  return { ownerReferences: [{ apiVersion, kind, name, uid, controller: true }] };
}

describe('gantry undo', () => {
  let world: CommandWorld;
  beforeEach(async () => {
    world = await CommandWorld.open(certificates);
  });
  afterEach(() => world.close());
  after(() => certificates.remove());

  const revisionOf = ({ metadata }: KubeObject): string => metadata.resourceVersion ?? '';

  describe('of an object that was changed', () => {
    let first: string;
    beforeEach(async () => {
      await world.ok('apply -f -', { stdin: manifest('gantry/hello:1', '  env: [{name: A, value: a}]\n') });
      first = revisionOf(await world.get(tasks, 'hello'));
      await world.ok('apply -f -', { stdin: manifest('gantry/hello:2', '  args: [--fast]\n') });
    });

    it('shows what goes back, writes it anew, and has the next apply compare with what was applied then', async () => {
      const { uid } = (await world.get(tasks, 'hello')).metadata;
      expect(await world.ok(`undo task/hello --to ${first} --yes`)).to.equal(
        [
          `task/hello goes back to what it was at revision ${first}:`,
          '  spec.image: "gantry/hello:2" -> "gantry/hello:1"',
          '  spec.env: (absent) -> [{"name":"A","value":"a"}]',
          '  spec.args: ["--fast"] -> (absent)',
          `task.gantry.dev/hello undone (as it was at revision ${first})`,
          '',
        ].join('\n'),
      );
      const { metadata, spec } = await world.get(tasks, 'hello');
      expect([metadata.uid, metadata.generation, spec.image, spec.args]).to.deep.equal([
        uid,
        3,
        'gantry/hello:1',
        undefined,
      ]);
      await world.ok('apply -f -', { stdin: manifest('gantry/hello:2', '  args: [--fast]\n') });
      expect((await world.get(tasks, 'hello')).spec.env, 'what was taken out is out again').to.equal(
        undefined,
      );
    });

    it('without --to goes back before the last change that says something, and once more is back again', async () => {
      await world.report(tasks, 'hello', { phase: 'Pending' });
      await world.ok('undo task/hello -y');
      expect((await world.get(tasks, 'hello')).spec.image).to.equal('gantry/hello:1');
      await world.ok('undo task hello -y');
      expect((await world.get(tasks, 'hello')).spec.image).to.equal('gantry/hello:2');
    });

    it('keeps what was seen, who is bound and who owns it: that is others to write', async () => {
      await world.report(tasks, 'hello', { phase: 'Running' });
      await world.ok(`undo task/hello --to ${first} --yes`);
      expect((await world.get(tasks, 'hello')).status?.phase).to.equal('Running');
      const was = { ...(await world.get(tasks, 'hello')) };
      const live: DynamicObject = {
        ...was,
        metadata: { ...was.metadata, ...ownedBy(was), resourceVersion: '7', labels: { late: 'yes' } },
        spec: { ...was.spec, image: 'gantry/hello:2', workerName: 'w1', bindingEpoch: 3 },
      };
      const written = withWhatWas(live, was);
      expect(written['spec']).to.deep.equal({ ...was.spec, workerName: 'w1', bindingEpoch: 3 });
      const { ownerReferences, resourceVersion, labels } = written.metadata;
      expect([ownerReferences, resourceVersion, labels]).to.deep.equal([
        live.metadata.ownerReferences,
        '7',
        undefined,
      ]);
    });

    it('with --dry-run only shows; says so when there is nothing to do', async () => {
      const before = await world.get(tasks, 'hello');
      expect(await world.ok(`undo task/hello --to ${first} --dry-run`)).to.match(
        /goes back to[^]*task\/hello would be undone \(server dry run\)\n$/,
      );
      expect(await world.get(tasks, 'hello')).to.deep.equal(before);
      expect(await world.ok(`undo task/hello --to ${revisionOf(before)} --yes`)).to.equal(
        `task/hello is as it was at revision ${revisionOf(before)}: nothing to undo\n`,
      );
    });

    it('asks on a terminal, and without one wants --yes', async () => {
      expect(await world.refused(`undo task/hello --to ${first}`)).to.match(
        /nothing was changed: standard input is no terminal.*--yes goes on without asking/,
      );
      const asked = { isInteractive: true };
      const no = await world.gantry(`undo task/hello --to ${first}`, { ...asked, stdin: '\n' });
      expect([no.code, no.err]).to.deep.equal([1, 'Go on? [y/N] gantry: nothing was changed\n']);
      expect((await world.get(tasks, 'hello')).spec.image).to.equal('gantry/hello:2');
      const yes = await world.gantry(`undo task/hello --to ${first}`, { ...asked, stdin: 'y\n' });
      expect([yes.code, yes.err]).to.deep.equal([0, 'Go on? [y/N] ']);
      expect((await world.get(tasks, 'hello')).spec.image).to.equal('gantry/hello:1');
    });

    /** Asks, and while the answer is awaited something happens. */
    const meanwhile = async (act: () => Promise<unknown>) =>
      world.gantry(`undo task/hello --to ${first}`, {
        isInteractive: true,
        answer: async () => {
          await act();
          return 'y\n';
        },
      });

    it('is not held up by a status that moved since it was shown, but by a change of what is declared', async () => {
      const moved = await meanwhile(() => world.report(tasks, 'hello', { phase: 'Pending' }));
      expect([moved.code, moved.err]).to.deep.equal([0, 'Go on? [y/N] ']);
      const { spec, status } = await world.get(tasks, 'hello');
      expect([spec.image, status?.phase]).to.deep.equal(['gantry/hello:1', 'Pending']);
      await world.ok('apply -f -', { stdin: manifest('gantry/hello:3') });
      const changed = await meanwhile(() =>
        world.merge(tasks, 'hello', { spec: { image: 'gantry/hello:4' } }),
      );
      expect([changed.code, changed.err]).to.deep.equal([
        1,
        'Go on? [y/N] gantry: task/hello was changed since it was looked at: nothing was changed, run it again\n',
      ]);
      expect((await world.get(tasks, 'hello')).spec.image).to.equal('gantry/hello:4');
    });

    it('shows fields that every object inherits as what they are, and moves no cursor', async () => {
      const odd = { constructor: 'a', toString: 'b\u009b2J' };
      const before = await world.create(configMaps, 'odd', { data: odd });
      await world.world.admin.update(configMaps, { ...before, data: { other: 'c' } });
      const told = await world.ok(`undo configmap/odd --to ${revisionOf(before)} --yes`);
      expect(told).to.include('  data.constructor: (absent) -> "a"\n');
      expect(told).to.include('  data.toString: (absent) -> "b\uFFFD2J"\n');
      expect((await world.get(configMaps, 'odd')).data).to.deep.equal(odd);
    });

    it('never shows what a Secret holds', async () => {
      const secret = await world.create(secrets, 'key', { stringData: { password: 'hunter2' } });
      await world.merge(secrets, 'key', { stringData: { password: 'hunter3' } });
      const told = await world.ok(`undo secret/key --to ${revisionOf(secret)} --yes`);
      expect(told).to.match(/data.password: "\*\*\* \(before\)" -> "\*\*\* \(after\)"/);
      expect(told).not.to.match(/aHVudGVy/);
      expect((await world.get(secrets, 'key')).data).to.deep.equal(secret.data);
    });
  });

  describe('of an object that was deleted', () => {
    let moment: string;
    beforeEach(async () => {
      const config = await world.create(configMaps, 'shared', { data: { a: '1' } });
      const job = await world.create(jobs, 'etl', {
        metadata: { ownerReferences: [{ ...ownedBy(config).ownerReferences[0], controller: false }] },
        spec: { tasks: [{ name: 'one', template: { spec: { image: 'gantry/hello:1' } } }] },
      });
      const spec = { jobRef: { name: 'etl' }, trigger: 'Manual' };
      await world.create(runs, 'etl-1', { metadata: ownedBy(job), spec });
      await world.report(runs, 'etl-1', {
        state: 'completed',
        startedAt: '2026-01-01T00:00:00Z',
        finishedAt: '2026-01-01T00:00:01Z',
      });
      const second = await world.create(runs, 'etl-2', { metadata: ownedBy(job), spec });
      await world.report(runs, 'etl-2', { state: 'running', startedAt: '2026-01-01T00:00:00Z' });
      await world.create(tasks, 'etl-2-one', {
        metadata: ownedBy(second),
        spec: { image: 'gantry/hello:1' },
      });
      const note = await world.create(configMaps, 'etl-note', { metadata: ownedBy(job), data: { b: '2' } });
      await world.create(configMaps, 'etl-note-of-note', { metadata: ownedBy(note), data: { c: '3' } });
      moment = revisionOf(await world.get(configMaps, 'etl-note-of-note'));
      // As the garbage collector does: the owner first, in the background what it owned.
      const { admin } = world.world;
      const at = (name: string) => ({ namespace: 'default', name });
      await admin.delete(jobs, at('etl'));
      for (const name of ['etl-note', 'etl-note-of-note']) await admin.delete(configMaps, at(name));
      for (const name of ['etl-1', 'etl-2']) await admin.delete(runs, at(name));
      await admin.delete(tasks, at('etl-2-one'));
    });

    const preview = (): readonly string[] => [
      `job/etl comes back as it was at revision ${moment}`,
      'with what it owned:',
      '  configmap/etl-note',
      '  run/etl-2 (it was running, and begins again from its first step)',
      '  configmap/etl-note-of-note',
      'without:',
      '  run/etl-1: it has ended (completed), and would be run again',
      '  task/etl-2-one: run/etl-2 makes it anew',
    ];

    it('brings it back with what it owned, owners first and under their new uids', async () => {
      const told = await world.ok(`undo job/etl --yes`);
      expect(told.split('\n')).to.deep.equal([
        ...preview(),
        `job.gantry.dev/etl created (as it was at revision ${moment})`,
        'configmap/etl-note created',
        'run.gantry.dev/etl-2 created',
        'configmap/etl-note-of-note created',
        '',
      ]);
      const [job, note, inner, shared] = [
        await world.get(jobs, 'etl'),
        await world.get(configMaps, 'etl-note'),
        await world.get(configMaps, 'etl-note-of-note'),
        await world.get(configMaps, 'shared'),
      ];
      expect(job.metadata.ownerReferences?.map(({ uid }) => uid)).to.deep.equal([shared.metadata.uid]);
      expect(note.metadata.ownerReferences).to.deep.equal(ownedBy(job).ownerReferences);
      expect(inner.metadata.ownerReferences).to.deep.equal(ownedBy(note).ownerReferences);
      expect([note.data, inner.data]).to.deep.equal([{ b: '2' }, { c: '3' }]);
    });

    it('writes nothing when the server would refuse any of it', async () => {
      const quota = { spec: { hard: { 'count/configmaps': '1' } } };
      await world.create(
        { group: '', version: 'v1', plural: 'resourcequotas', kind: 'ResourceQuota', namespaced: true },
        'none',
        quota,
      );
      const said = await world.refused(`undo job/etl --to ${moment} --yes`);
      expect(said).to.match(
        /^gantry: nothing was changed:\ngantry: configmap\/etl-note: Error from server \(Forbidden\)/,
      );
      expect((await world.gantry('get job etl')).err).to.match(/NotFound/);
    });

    it('goes on where it stopped: what is there stays, and owns what comes', async () => {
      await world.ok(`undo job/etl --to ${moment} --yes`);
      const job = await world.get(jobs, 'etl');
      for (const name of ['etl-note', 'etl-note-of-note']) {
        await world.world.admin.delete(configMaps, { namespace: 'default', name });
      }
      const told = await world.ok(`undo job/etl --to ${moment} --yes`);
      expect(told).to.match(
        /^job\/etl is as it was at revision \d+, what it owned is not there\nwith what it owned:\n {2}configmap\/etl-note\n/,
      );
      const note: DynamicObject = { ...(await world.get(configMaps, 'etl-note')) };
      expect(note.metadata.ownerReferences).to.deep.equal(ownedBy(job).ownerReferences);
      expect(await world.ok(`undo job/etl --to ${moment} --yes`)).to.equal(
        `job/etl is as it was at revision ${moment}: nothing to undo\n`,
      );
    });

    it('tells what was done and how to go on when a write fails after the first', async () => {
      const quota = { spec: { hard: { 'count/configmaps': '1' } } };
      const quotas = {
        group: '',
        version: 'v1',
        plural: 'resourcequotas',
        kind: 'ResourceQuota',
        namespaced: true,
      };
      const ran = await world.gantry(`undo job/etl --to ${moment}`, {
        isInteractive: true,
        answer: async () => {
          await world.create(quotas, 'none', quota);
          return 'yes\n';
        },
      });
      expect(ran.code).to.equal(1);
      expect(ran.out).to.match(/\njob\.gantry\.dev\/etl created \(as it was at revision \d+\)\n$/);
      const [, problem, rest] = ran.err.split('gantry: ');
      expect(problem).to.match(/^configmap\/etl-note: Error from server \(Forbidden\): .*quota/);
      expect(rest).to.equal(
        `1 done, 3 left: gantry undo job/etl -n default --to ${moment} goes on from here\n`,
      );
      await world.world.admin.delete(quotas, { namespace: 'default', name: 'none' });
      expect(await world.ok(`undo job/etl --to ${moment} --yes`)).to.match(/etl-note-of-note created\n$/);
    });

    it('brings back what may be seen, and tells of what may not', async () => {
      const role = {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'Role',
        metadata: { name: 'all-but-configmaps', namespace: 'default' },
        rules: [{ apiGroups: ['gantry.dev'], resources: ['*'], verbs: ['*'] }],
      };
      const binding = {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata: { name: 'ann', namespace: 'default' },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'all-but-configmaps' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'ann' }],
      };
      await world.ok('apply -f -', { stdin: `${JSON.stringify(role)}\n---\n${JSON.stringify(binding)}` });
      await world.logIn(certificates, { name: 'ann', groups: [] });
      const told = await world.ok(`undo job/etl --to ${moment} --yes`);
      expect(told).to.match(/with what it owned:\n {2}run\/etl-2 /);
      expect(told).to.match(/\nnot looked at:\n[^]*configmaps: .*ann.*cannot list/);
      expect(told).to.match(/run\.gantry\.dev\/etl-2 created\n$/);
    });

    it('brings back a Task that was taken away at once, though the room it held went with it in one commit', async () => {
      await world.world.addWorker('w1');
      await world.create(tasks, 'bound', { spec: { image: 'gantry/hello:1' } });
      const key = { namespace: 'default', name: 'bound' };
      await world.world.admin.post(tasks, key, 'binding', {
        apiVersion: 'gantry.dev/v1',
        kind: 'Binding',
        metadata: key,
        target: { name: 'w1' },
        epoch: 1,
      });
      await world.merge(tasks, 'bound', { metadata: { finalizers: [] } });
      await world.world.admin.delete(tasks, key, { gracePeriodSeconds: 0 });
      await world.ok('undo task/bound --yes');
      const { spec } = await world.get(tasks, 'bound');
      expect([spec.image, spec.workerName]).to.deep.equal(['gantry/hello:1', undefined]);
    });

    it('of a Task that something makes says what to undo instead', async () => {
      const set = await world.create(taskSets, 'web', {
        spec: {
          selector: { matchLabels: { app: 'web' } },
          template: { metadata: { labels: { app: 'web' } }, spec: { image: 'gantry/hello:1' } },
        },
      });
      const task = await world.create(tasks, 'web-x', {
        metadata: ownedBy(set),
        spec: { image: 'gantry/hello:1' },
      });
      await world.world.admin.delete(tasks, { namespace: 'default', name: 'web-x' });
      expect(await world.refused(`undo task/web-x --to ${revisionOf(task)} --yes`)).to.equal(
        'gantry: task/web-x was made by taskset/web, which makes its tasks itself: undo that\n',
      );
    });
  });

  it('says what is wrong with what is asked', async () => {
    const rows: readonly (readonly [line: string, said: RegExp])[] = [
      ['undo task', /^gantry: found "task", wanted one object: KIND\/NAME/],
      [
        'undo task/hello --to soon',
        /^gantry: --to: found "soon", wanted a revision, such as gantry history shows/,
      ],
      ['undo task/none --to 3', /\(NotFound\): tasks\.gantry\.dev "none" not found/],
    ];
    for (const [line, said] of rows) expect(await world.refused(line), line).to.match(said);
  });
});
