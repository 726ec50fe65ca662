/** `gantry plan` and `gantry apply --plan` against the real API. */
import { readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { basisOf } from '../../cli/planning.ts';
import {
  configMaps,
  jobs,
  resourceQuotas,
  roleBindings,
  secrets,
  taskSets,
  tasks,
  workers,
} from '../../schemas/kinds.ts';
import { Certificates } from '../client/secureserver.ts';
import { CommandWorld } from './commandworld.ts';

const task = (name: string, more = ''): string =>
  `apiVersion: gantry.dev/v1\nkind: Task\nmetadata:\n  name: ${name}\nspec:\n  image: gantry/hello:1\n${more}`;

describe('gantry plan', () => {
  const certificates = new Certificates();
  let world: CommandWorld;
  beforeEach(async () => {
    world = await CommandWorld.open(certificates);
    await world.world.addWorker('w1');
  });
  afterEach(() => world.close());
  after(() => certificates.remove());

  const documentOf = async (line: string): Promise<Record<string, never>> =>
    JSON.parse((await world.gantry(`${line} -o json`)).out);

  it('says what comes, where and why, writes nothing, and ends with 1', async () => {
    world.put('a.yaml', task('a'));
    const ran = await world.gantry('plan -f a.yaml');
    expect([ran.code, ran.err]).to.deep.equal([1, '']);
    expect(ran.out).to.equal(
      [
        'Objects:',
        '  + task.gantry.dev/a -n default (new)',
        '',
        'Containers, in this order:',
        'STEP   WHAT      TASK        WORKER   WHY',
        '1      created   default/a   w1       the Task is new (placed: the only worker)',
        '',
        '1 of 1 objects change; containers: 1 created. As it is now, if all that begins works.',
        '',
      ].join('\n'),
    );
    expect((await world.world.admin.list(tasks)).items).to.deep.equal([]);
  });

  it('is not kept in the place of what is no file', async () => {
    world.put('a.yaml', task('a'));
    // A link: were it replaced after all, the machine would still have its device.
    symlinkSync('/dev/null', join(world.directory, 'sink'));
    const ran = await world.gantry('plan -f a.yaml --out sink');
    expect(ran.code).to.equal(2);
    expect(ran.err).to.equal('gantry: cannot write sink: it is no regular file\n');
    expect(statSync(join(world.directory, 'sink')).isCharacterDevice()).to.equal(true);
  });

  it('takes a kind of another group for none of those that have containers, whatever it is called', async () => {
    world.put(
      'kind.yaml',
      [
        'apiVersion: apiextensions.k8s.io/v1',
        'kind: CustomResourceDefinition',
        'metadata: {name: tasks.example.org}',
        'spec:',
        '  group: example.org',
        '  scope: Namespaced',
        '  names: {plural: tasks, singular: task, kind: Task, listKind: TaskList}',
        '  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]',
      ].join('\n'),
    );
    await world.ok('apply -f kind.yaml');
    world.put('a.yaml', 'apiVersion: example.org/v1\nkind: Task\nmetadata: {name: a}\nsteps: [1]\n');
    const ran = await world.gantry('plan -f a.yaml');
    expect([ran.code, ran.err]).to.deep.equal([1, '']);
    expect(ran.out).to.include('  + task.example.org/a -n default (new)');
    expect(ran.out).to.include('1 of 1 objects change; no container is touched.');
  });

  it('ends with 0 where everything is as the manifests say', async () => {
    world.put('a.yaml', task('a'));
    await world.ok('apply -f a.yaml');
    const ran = await world.gantry('plan -f a.yaml');
    expect([ran.code, ran.err]).to.deep.equal([0, '']);
    expect(ran.out).to.include('Nothing to do');
  });

  it('ends with 2 where it cannot be told, and says where the mistake is', async () => {
    world.put('a.yaml', task('a', '  imaje: x\n'));
    const ran = await world.gantry('plan -f a.yaml');
    expect([ran.code, ran.out]).to.deep.equal([2, '']);
    expect(ran.err).to.match(/^gantry: a\.yaml:7:3: .*spec\.imaje/);
    expect((await world.gantry('plan')).code).to.equal(2);
    expect((await world.gantry('plan -f a.yaml -o toml')).code).to.equal(2);
  });

  it('names the fields that change', async () => {
    await world.ok(['apply', '-f', '-'], { stdin: task('a') });
    world.put('a.yaml', task('a', '  env: [{ name: A, value: b }]\n'));
    const { objects } = await documentOf('plan -f a.yaml');
    expect(objects).to.have.nested.property('[0].operation', 'change');
    expect(objects).to.have.nested.property('[0].fields[0].path', 'spec.env');
  });

  it('says of ConfigMaps which sets roll, and lists what has no containers', async () => {
    await world.create(configMaps, 'settings', { data: { a: '1' } });
    await world.create(taskSets, 'web', {
      spec: {
        replicas: 2,
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' } },
          spec: { image: 'gantry/hello:1', envFrom: [{ configMapRef: { name: 'settings' } }] },
        },
      },
    });
    world.put('c.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: settings }\ndata: { a: "2" }\n');
    const { effects, objects } = await documentOf('plan -f c.yaml');
    expect(objects).to.have.nested.property('[0].fields[0].path', 'data.a');
    expect(effects).to.have.length(2);
    expect(effects).to.have.nested.property('[0].taskSet', 'default/web');
    world.put('d.yaml', 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: other }\ndata: { a: "2" }\n');
    expect((await world.gantry('plan -f d.yaml')).out).to.include('no container is touched');
  });

  it('says of a Job what its runs will differ in and when the next one comes', async () => {
    const job = (image: string): string =>
      `apiVersion: gantry.dev/v1\nkind: Job\nmetadata:\n  name: nightly\nspec:\n  schedule: "0 3 * * *"\n  tasks:\n    - name: one\n      template: { spec: { image: "${image}" } }\n`;
    await world.ok(['apply', '-f', '-'], { stdin: job('gantry/hello:1') });
    expect((await world.get(jobs, 'nightly')).spec.schedule).to.equal('0 3 * * *');
    world.put('j.yaml', job('gantry/hello:2'));
    const ran = await world.gantry('plan -f j.yaml');
    expect(ran.code).to.equal(1);
    expect(ran.out).to.match(
      /default\/nightly: runs from then on differ in spec\.tasks\[one\]\.template\.spec\.image; next at \d{4}-\d\d-\d\dT03:00:00Z/,
    );
  });

  it('takes namespaces that come with the same manifests', async () => {
    world.put(
      'n.yaml',
      `apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n---\n${task('a').replace('name: a', 'name: a\n  namespace: shop')}`,
    );
    const { effects } = await documentOf('plan -f n.yaml');
    expect(effects).to.have.nested.property('[0].task', 'shop/a');
  });

  it('never shows what is in a Secret', async () => {
    world.put(
      's.yaml',
      'apiVersion: v1\nkind: Secret\nmetadata: { name: key }\nstringData: { a: hunter2 }\n',
    );
    const ran = await world.gantry('plan -f s.yaml -o json');
    expect(ran.code).to.equal(1);
    expect(ran.out).not.to.match(/hunter2|aHVudGVyMg/);
    const secret = await world.create(secrets, 'kept', { stringData: { a: 'hunter2' } });
    const guessed = { ...secret, data: { a: 'Z3Vlc3M=' } };
    expect(basisOf(guessed), 'no value can be tried against it').to.equal(basisOf({ ...secret }));
    const later = { ...secret, metadata: { ...secret.metadata, resourceVersion: '999' } };
    expect(basisOf(later)).not.to.equal(basisOf({ ...secret }));
  });

  it('is for those who may write, and says what they may not see', async () => {
    world.put('a.yaml', task('a'));
    await world.logIn(certificates, { name: 'eve', groups: [] });
    expect((await world.gantry('plan -f a.yaml')).code, 'who may not write may not plan').to.equal(2);
    await world.create(roleBindings, 'eve', {
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'eve' }],
    });
    const ran = await world.gantry('plan -f a.yaml');
    expect([ran.code, ran.err]).to.deep.equal([1, '']);
    expect(ran.out).to.match(/1 +created +default\/a +\? +the Task is new/);
    expect(ran.out).to.include('workers may not be listed: where new containers go cannot be told');
    expect(ran.out).to.include('tasks of all namespaces may not be listed');
  });

  describe('apply --plan', () => {
    beforeEach(async () => {
      world.put('a.yaml', task('a'));
      expect((await world.gantry('plan -f a.yaml --out p.json')).code).to.equal(1);
    });

    it('writes what was planned; the file is its owner’s alone', async () => {
      expect(statSync(join(world.directory, 'p.json')).mode & 0o777).to.equal(0o600);
      expect(await world.ok('apply --plan p.json')).to.equal('task.gantry.dev/a created\n');
      expect((await world.get(tasks, 'a')).spec.image).to.equal('gantry/hello:1');
      expect((await world.gantry('plan -f a.yaml')).code).to.equal(0);
    });

    it('writes nothing once an object is another, and says which', async () => {
      await world.create(tasks, 'a', { spec: { image: 'gantry/hello:1' } });
      world.put('b.yaml', `${task('b')}---\n${task('a', '  env: [{ name: A, value: b }]\n')}`);
      expect((await world.gantry('plan -f b.yaml --out q.json')).code).to.equal(1);
      await world.merge(tasks, 'a', { spec: { image: 'gantry/hello:2' } });
      const said = await world.refused('apply --plan q.json');
      expect(said).to.include('q.json is not true any more; nothing was written');
      expect(said).to.include('task.gantry.dev/a was changed since the plan was made');
      expect((await world.world.admin.list(tasks)).items.map(({ metadata }) => metadata.name)).to.deep.equal([
        'a',
      ]);
      expect(await world.refused('apply --plan p.json')).to.include(
        'was to be created, and is there already',
      );
    });

    it('writes nothing once containers would come elsewhere, and says where', async () => {
      await world.world.admin.patch(
        workers,
        { name: 'w1' },
        { type: 'merge', body: { spec: { unschedulable: true } } },
      );
      const said = await world.refused('apply --plan p.json');
      expect(said).to.match(/task default\/a: .*action was "created", is "waits"/);
      expect((await world.world.admin.list(tasks)).items).to.deep.equal([]);
    });

    it('is not kept from writing by a status that moved', async () => {
      await world.ok('apply -f a.yaml');
      world.put('a.yaml', task('a', '  terminationGracePeriodSeconds: 3\n'));
      expect((await world.gantry('plan -f a.yaml --out r.json')).code).to.equal(1);
      await world.report(tasks, 'a', { phase: 'Pending', message: 'waits' });
      expect(await world.ok('apply --plan r.json')).to.equal('task.gantry.dev/a configured\n');
    });

    it('says what was written and what was not where the server refuses in the middle', async () => {
      await world.create(resourceQuotas, 'one', { spec: { hard: { 'count/tasks.gantry.dev': '1' } } });
      world.put('two.yaml', `${task('one')}---\n${task('two')}`);
      expect((await world.gantry('plan -f two.yaml --out t.json')).code, 'each alone is allowed').to.equal(1);
      const said = await world.refused('apply --plan t.json');
      expect(said).to.match(/quota/);
      expect(said).to.include('written: task.gantry.dev/one; not written: task.gantry.dev/two');
    });

    it('takes no file that is no plan, and nothing beside it', async () => {
      expect(await world.refused('apply --plan p.json -f a.yaml')).to.include('no -f and no --dry-run');
      expect(await world.refused('apply --plan a.yaml')).to.include('a.yaml is no plan');
      expect(await world.refused('apply --plan nothing.json')).to.include('cannot read nothing.json');
      const kept: unknown = JSON.parse(readFileSync(join(world.directory, 'p.json'), 'utf8'));
      world.put('o.json', JSON.stringify({ ...(kept as object), kind: 'Other' }));
      expect(await world.refused('apply --plan o.json')).to.include(
        'wanted apiVersion gantry.dev/v1, kind ApplyPlan',
      );
    });
  });

  it('says how many contents it did not read', async () => {
    const manifests = Array.from({ length: 17 }, (_, at) => {
      const names = Array.from({ length: 30 }, (_name, number) => `c${at * 30 + number}`);
      return task(
        `a${at}`,
        `  envFrom: [${names.map((name) => `{ configMapRef: { name: ${name} } }`).join()}]\n`,
      );
    });
    world.put('a.yaml', manifests.join('---\n'));
    const { out, err } = await world.gantry('plan -f a.yaml');
    expect(out, err).to.include(
      '10 more ConfigMaps and Secrets are used than the 500 that were read: they are taken to be as they were',
    );
  });
});
