/** `gantry stop`, `status` and `node`. */
import { expect } from 'chai';
import { nodesDoor } from '../../api/doors/worker/nodes.ts';
import { identityOf } from '../../api/server/context.ts';
import { ANNOTATION_TASK_ID, ANNOTATION_TASK_NAME } from '../../machinery/labels.ts';
import {
  clusterRoles,
  jobs,
  namespaces,
  roleBindings,
  runs,
  tasks,
  taskTemplates,
} from '../../schemas/kinds.ts';
import { Certificates } from '../client/secureserver.ts';
import { CommandWorld } from './commandworld.ts';

const certificates = new Certificates();
const ID = '266592cd-960d-4091-981c-8c25c44b1018';

describe('gantry stop, status and node', () => {
  let here: CommandWorld;
  beforeEach(async () => {
    here = await CommandWorld.open(certificates, undefined, (world) => [
      nodesDoor({ clientOf: (ctx) => world.registry.as(identityOf(ctx)), apiOf: () => undefined }),
    ]);
    await here.create(tasks, 'web', { spec: { image: 'nginx:1' } });
    await here.create(taskTemplates, 'fib', { spec: { template: { spec: { image: 'i' } } } });
  });
  afterEach(() => here.close());
  after(() => certificates.remove());

  const run = (name: string, metadata: Record<string, unknown> = {}): Promise<unknown> =>
    here.create(runs, name, { metadata, spec: { templateRef: { name: 'fib' } } });

  describe('stop', () => {
    it('stops a Task by its name or its uid, once', async () => {
      expect(await here.ok('stop web')).to.equal('task.gantry.dev/web is being stopped\n');
      const { spec, metadata } = await here.get(tasks, 'web');
      expect(spec.desiredState).to.equal('Stopped');
      expect(await here.ok(`stop ${metadata.uid ?? ''}`)).to.equal(
        'task.gantry.dev/web is stopped already\n',
      );
    });

    it('stops a Task by its id in /tasks, with and without hyphens, wherever it is', async () => {
      await here.create(namespaces, 'prod', {});
      await here.create(tasks, ID, { metadata: { namespace: 'prod' }, spec: { image: 'i' } });
      expect(await here.ok(`stop ${ID.toUpperCase()}`)).to.equal(`task.gantry.dev/${ID} is being stopped\n`);
      expect(await here.ok(`stop ${ID.replaceAll('-', '')}`)).to.match(/is stopped already/);
    });

    it('cancels a Run by its name, by the task_id of its dispatch, and by the id of the job runner', async () => {
      await run('xe38ym');
      expect(await here.ok('stop XE38YM')).to.equal('run.gantry.dev/xe38ym is being cancelled\n');
      expect((await here.get(runs, 'xe38ym')).spec.cancel).to.equal(true);
      expect(await here.ok('stop run/xe38ym')).to.equal('run.gantry.dev/xe38ym is being cancelled already\n');
      await run(ID, { annotations: { [ANNOTATION_TASK_ID]: ID } });
      expect(await here.ok(`stop ${ID}`)).to.equal(`run.gantry.dev/${ID} is being cancelled\n`);
    });

    it('leaves what has ended', async () => {
      await run('done');
      await here.report(runs, 'done', { state: 'completed', finishedAt: '2026-01-01T00:00:09Z' });
      expect(await here.ok('stop done')).to.equal('run.gantry.dev/done has ended already (completed)\n');
    });

    it('asks which, where it could be two, and says what is not there', async () => {
      await run('web');
      expect(await here.refused('stop web')).to.equal(
        'gantry: "web" could be task/web or run/web: say which, for example gantry stop task/web\n',
      );
      expect(await here.ok('stop run/web task/web')).to.equal(
        'run.gantry.dev/web is being cancelled\ntask.gantry.dev/web is being stopped\n',
      );
      await here.create(jobs, 'etl', {
        spec: { tasks: [{ name: 'a', template: { spec: { image: 'i' } } }] },
      });
      expect(await here.refused('stop job/etl')).to.match(/names a Job: wanted task\/NAME or run\/NAME/);
      expect(await here.refused('stop nope "')).to.match(
        /^gantry: found no task and no run "nope" in namespace default: .*\ngantry: found no task and no run """/,
      );
    });

    it('looks in its own namespace only for who may not look elsewhere', async () => {
      await here.create(tasks, ID, { spec: { image: 'i' } });
      await here.create(clusterRoles, 'stopper', {
        rules: [{ apiGroups: ['gantry.dev'], resources: ['tasks', 'runs'], verbs: ['get', 'list', 'patch'] }],
      });
      await here.create(roleBindings, 'stopper', {
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'stopper' },
        subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: 'ann' }],
      });
      await here.logIn(certificates, { name: 'ann', groups: [] });
      const { uid = '' } = (await here.get(tasks, ID)).metadata;
      expect(await here.ok(`stop ${uid}`)).to.equal(`task.gantry.dev/${ID} is being stopped\n`);
    });
  });

  describe('status', () => {
    it('is one table of tasks, newest first', async () => {
      const { uid = '' } = (await here.get(tasks, 'web')).metadata;
      await here.world.advance(61_000);
      await here.create(tasks, ID, {
        metadata: { annotations: { [ANNOTATION_TASK_NAME]: 'test-from-api-777' } },
        spec: { image: 'strm/helloworld-http' },
      });
      await here.report(tasks, ID, {
        phase: 'Running',
        container: { id: '0123456789abcdef'.repeat(4), attempt: 1 },
      });
      await here.world.advance(4_000);
      const rows = (await here.ok('status')).split('\n').map((line) => line.split(/ {3,}/));
      expect(rows).to.deep.equal([
        ['ID', 'NAME', 'CREATED', 'STATE', 'CONTAINER', 'IMAGE'],
        [ID, 'test-from-api-777', '4s ago', 'Running', '0123456789ab', 'strm/helloworld-http'],
        [uid, 'web', '65s ago', 'Pending', '-', 'nginx:1'],
        [''],
      ]);
    });

    it('tells all namespaces, and JSON', async () => {
      await here.create(namespaces, 'prod', {});
      await here.create(tasks, 'far', {
        metadata: { namespace: 'prod', labels: { a: 'b' } },
        spec: { image: 'i' },
      });
      expect(await here.ok('status -A')).to.match(/^ID +NAMESPACE +NAME [^]*prod +far /);
      const json: unknown = JSON.parse(await here.ok('status -A -l a=b -o json'));
      expect(json).to.be.an('array').with.length(1);
      expect(json).to.have.nested.property('[0].name', 'far');
      expect(json).to.have.nested.property('[0].namespace', 'prod');
      expect(json).to.have.nested.property('[0].state', 'Pending');
      expect(await here.refused('status -o yaml')).to.equal('gantry: --output: found "yaml", wanted json\n');
      const none = await here.gantry('status -n kube-system');
      expect(none).to.deep.equal({ code: 0, out: '', err: 'No tasks found in kube-system namespace.\n' });
    });
  });

  describe('flags before the command', () => {
    it('count as if they came last, and the one nearest to the end counts', async () => {
      await here.create(namespaces, 'prod', {});
      await here.create(tasks, 'far', { metadata: { namespace: 'prod' }, spec: { image: 'i' } });
      expect(await here.ok('-n prod get tasks -o name')).to.equal('task.gantry.dev/far\n');
      expect(await here.ok('--namespace=prod get tasks -n default -o name')).to.equal(
        'task.gantry.dev/web\n',
      );
      expect((await here.gantry('--context nope status')).err).to.match(/no context "nope"/);
    });

    it('are refused by a command that takes none', async () => {
      expect(await here.refused('-n prod completion bash')).to.match(/^error: bash takes no --namespace\n/);
    });
  });

  describe('node', () => {
    it('is one table of workers, with what is asked of them', async () => {
      expect((await here.gantry('node')).err).to.match(/^No workers found/);
      await here.world.addWorker('a', { cpu: '4', memory: '8Gi', disk: '100Gi' });
      await here.world.addWorker('b', { memory: '1536Mi' });
      await here.create(tasks, 'big', {
        spec: { image: 'i', resources: { requests: { memory: '512Mi' } } },
      });
      await here.world.admin.post(tasks, { namespace: 'default', name: 'big' }, 'binding', {
        apiVersion: 'gantry.dev/v1',
        kind: 'Binding',
        metadata: { namespace: 'default', name: 'big' },
        target: { name: 'a' },
        epoch: 1,
      });
      const rows = (await here.ok('node')).split('\n').map((line) => line.split(/ {3,}/));
      expect(rows).to.deep.equal([
        ['NAME', 'MEMORY', 'DISK', 'ROLE', 'TASKS'],
        ['a', '512MiB/8GiB', '0B/100GiB', 'worker', '1'],
        ['b', '0B/1.5GiB', '0B/-', 'worker', '0'],
        [''],
      ]);
      expect(JSON.parse(await here.ok('node -o json'))).to.have.nested.property('[0].Name', 'a');
      expect(await here.refused('node -o wide')).to.match(/wanted json or yaml/);
    });
  });
});
