/** `gantry rollout undo` against the real API; what the controller would write is written by hand. */
import { expect } from 'chai';
import { newRevision } from '../../controllers/revisions/revision.ts';
import { dataHash, type SnapshotInput } from '../../controllers/revisions/snapshots.ts';
import { normalizedTemplate } from '../../controllers/revisions/template.ts';
import { ANNOTATION_CHANGE_CAUSE } from '../../machinery/labels.ts';
import {
  clusterRoleBindings,
  clusterRoles,
  configMaps,
  controllerRevisions,
  secrets,
  taskSets,
} from '../../schemas/kinds.ts';
import type { TaskSet } from '../../schemas/types.gen.ts';
import { Certificates } from '../client/secureserver.ts';
import { CommandWorld } from './commandworld.ts';

const certificates = new Certificates();
const labels = { app: 'web' };
const whole = { replicas: 3, updatedReplicas: 3, availableReplicas: 3, readyReplicas: 3, desiredReplicas: 3 };

describe('gantry rollout undo', () => {
  let here: CommandWorld;

  beforeEach(async () => {
    here = await CommandWorld.open(certificates);
  });
  afterEach(() => here.close());
  after(() => certificates.remove());

  const template = (image: string, spec: Record<string, unknown> = {}): TaskSet['spec']['template'] => ({
    metadata: { labels },
    spec: { image, ...spec },
  });
  const makeSet = (spec: Partial<TaskSet['spec']> = {}, name = 'web'): Promise<TaskSet> =>
    here.create(taskSets, name, {
      spec: { replicas: 3, selector: { matchLabels: labels }, template: template('gantry/hello:1'), ...spec },
    });
  /** Keeps a revision of the set as its controller would; gives its name. */
  const keep = async (
    revision: number,
    of: TaskSet['spec']['template'],
    options: { readonly inputs?: readonly SnapshotInput[]; readonly cause?: string } = {},
  ): Promise<string> => {
    const data = { template: normalizedTemplate(of), inputs: options.inputs ?? [] };
    const made = newRevision({
      resource: taskSets,
      owner: await here.get(taskSets, 'web'),
      hash: dataHash(data),
      data: { ...data },
      revision,
      ...(options.cause === undefined ? {} : { annotations: { [ANNOTATION_CHANGE_CAUSE]: options.cause } }),
    });
    return (await here.world.admin.create(controllerRevisions, made)).metadata.name;
  };

  describe('undo', () => {
    it('goes back to the one before, or to a number, with its reason', async () => {
      await makeSet({ template: template('gantry/hello:3', { env: [{ name: 'A', value: '1' }] }) });
      expect(await here.refused('rollout undo web')).to.equal(
        'gantry: no rollout history found for taskset "web"\n',
      );
      await keep(1, template('gantry/hello:1'), { cause: 'the first one' });
      await keep(2, template('gantry/hello:2', { workingDir: '/tmp' }));
      const updateRevision = await keep(3, template('gantry/hello:3', { env: [{ name: 'A', value: '1' }] }));
      await here.report(taskSets, 'web', { ...whole, updateRevision });
      for (const how of ['client', 'server']) {
        const suffix = how === 'server' ? ' (server dry run)' : ' (dry run)';
        expect(await here.ok(`rollout undo web --dry-run=${how}`)).to.equal(
          `taskset.gantry.dev/web rolled back to revision 2${suffix}\n`,
        );
      }
      expect((await here.get(taskSets, 'web')).spec.template.spec.image).to.equal('gantry/hello:3');
      expect(await here.ok('rollout undo taskset/web')).to.equal(
        'taskset.gantry.dev/web rolled back to revision 2\n',
      );
      const back = (await here.get(taskSets, 'web')).spec.template.spec;
      expect([back.image, back.workingDir, back.env]).to.deep.equal(['gantry/hello:2', '/tmp', undefined]);
      expect(await here.ok('rollout undo web --to-revision 2')).to.equal(
        'taskset.gantry.dev/web skipped rollback (current template already matches revision 2)\n',
      );
      expect(await here.ok('rollout undo web --to-revision=1')).to.match(/rolled back to revision 1/);
      const set = await here.get(taskSets, 'web');
      expect(set.metadata.annotations?.[ANNOTATION_CHANGE_CAUSE]).to.equal('the first one');
      expect(await here.refused('rollout undo web --to-revision=9')).to.equal(
        'gantry: unable to find revision 9 of taskset "web": there are 1, 2, 3\n',
      );
    });

    it('goes to the newest where the controller has not seen the template yet', async () => {
      await makeSet();
      const updateRevision = await keep(1, template('gantry/hello:1'));
      await here.report(taskSets, 'web', { ...whole, updateRevision });
      expect(await here.refused('rollout undo web')).to.match(/has no earlier revision than 1/);
      await here.merge(taskSets, 'web', { spec: { template: { spec: { image: 'gantry/hello:2' } } } });
      expect(await here.ok('rollout undo web')).to.match(/rolled back to revision 1/);
    });

    it('takes canaries back to what they are beside, whatever canaries there were before', async () => {
      await makeSet({ template: template('gantry/hello:3'), strategy: { canary: { replicas: 1 } } });
      const lastStableRevision = await keep(1, template('gantry/hello:1'));
      await keep(2, template('gantry/hello:2'));
      const updateRevision = await keep(3, template('gantry/hello:3'));
      await here.report(taskSets, 'web', { updateRevision, lastStableRevision });
      expect(await here.ok('rollout undo web --dry-run=server')).to.match(/rolled back to revision 1/);
      await here.report(taskSets, 'web', { lastStableRevision: updateRevision });
      expect(await here.ok('rollout undo web')).to.match(/rolled back to revision 2/);
    });

    it('goes to what took its place where the newest was given up', async () => {
      await makeSet({ template: template('gantry/hello:3') });
      const stable = await keep(1, template('gantry/hello:1'));
      await keep(2, template('gantry/hello:2'));
      const updateRevision = await keep(3, template('gantry/hello:3'));
      await here.report(taskSets, 'web', {
        updateRevision,
        rejectedRevision: updateRevision,
        targetRevision: stable,
        lastStableRevision: stable,
      });
      expect(await here.ok('rollout undo web')).to.match(/rolled back to revision 1/);
    });

    it('refuses a paused one', async () => {
      await makeSet({ paused: true });
      await keep(1, template('gantry/hello:0'));
      expect(await here.refused('rollout undo web')).to.match(
        /you cannot roll back the paused taskset "web": run gantry rollout resume taskset\/web first/,
      );
    });
  });

  describe('undo of configuration', () => {
    const using = template('gantry/hello:1', {
      envFrom: [{ configMapRef: { name: 'settings' } }, { secretRef: { name: 'key' } }],
    });
    const inputs: readonly SnapshotInput[] = [
      { kind: 'configmaps', name: 'settings', hash: 'h1', snapshot: 'settings-1' },
      { kind: 'secrets', name: 'key', hash: 'h1', snapshot: 'key-1' },
    ];

    beforeEach(async () => {
      await here.create(configMaps, 'settings', { data: { level: 'debug', extra: 'x' } });
      await here.create(configMaps, 'settings-1', { data: { level: 'info', mode: 'a' }, immutable: true });
      await here.create(secrets, 'key', { data: { token: 'bmV3' } });
      await here.create(secrets, 'key-1', { data: { token: 'b2xk' }, immutable: true });
      await makeSet({ template: using });
      await keep(1, using, { inputs });
      const newer = inputs.map((input) => ({
        ...input,
        hash: 'h2',
        snapshot: input.snapshot.replace('1', '2'),
      }));
      const updateRevision = await keep(2, using, { inputs: newer });
      await here.report(taskSets, 'web', { ...whole, updateRevision });
    });

    /** Sees every generation at once, as a controller at work does. */
    const withController = async <T>(work: () => Promise<T>): Promise<{ result: T; seen: unknown[] }> => {
      const stop = new AbortController();
      const seen: unknown[] = [];
      const watching = (async () => {
        const changes = here.world.admin.watch(taskSets, { namespace: 'default', signal: stop.signal });
        for await (const change of changes) {
          if (change.type === 'BOOKMARK') continue;
          const { metadata, spec, status } = change.object;
          if (status?.observedGeneration === metadata.generation) continue;
          seen.push(spec.template.spec.envFrom);
          await here.report(taskSets, 'web', {});
        }
      })();
      const result = await work();
      stop.abort();
      await watching;
      return { result, seen };
    };
    it('names the copies first, writes the sources back, then names these: never a mixture', async () => {
      const { result: out, seen } = await withController(() => here.ok('rollout undo web'));
      expect(out).to.equal(
        'configmap/settings written back as it was in revision 1 (changes level; adds mode; removes extra), for everything that uses it\n' +
          'secret/key written back as it was in revision 1 (changes token), for everything that uses it\n' +
          'taskset.gantry.dev/web rolled back to revision 1\n',
      );
      expect((await here.get(configMaps, 'settings')).data).to.deep.equal({ level: 'info', mode: 'a' });
      expect((await here.get(secrets, 'key')).data).to.deep.equal({ token: 'b2xk' });
      const set = await here.get(taskSets, 'web');
      expect(JSON.stringify(set.spec.template.spec.envFrom)).to.equal(JSON.stringify(using.spec.envFrom));
      expect(JSON.stringify(seen[0])).to.include('settings-1').and.to.include('key-1');
      expect(await here.ok('rollout undo web --to-revision 1')).to.match(/skipped rollback/);
    });

    it('makes a source anew that is gone', async () => {
      await here.world.admin.delete(secrets, { namespace: 'default', name: 'key' });
      const { result: out } = await withController(() => here.ok('rollout undo web'));
      expect(out).to.match(/secret\/key created anew as it was in revision 1 \(adds token\)/);
      expect((await here.get(secrets, 'key')).data).to.deep.equal({ token: 'b2xk' });
    });

    it('says what it would write, and writes nothing', async () => {
      expect(await here.ok('rollout undo web --dry-run=server')).to.match(
        /configmap\/settings written back .*\(server dry run\)\nsecret\/key .*\(server dry run\)\ntaskset/,
      );
      expect((await here.get(configMaps, 'settings')).data).to.deep.equal({ level: 'debug', extra: 'x' });
      expect((await here.get(taskSets, 'web')).metadata.generation).to.equal(1);
    });

    it('keeps the copy named where a source cannot be written, and says so', async () => {
      await here.merge(configMaps, 'settings', { immutable: true });
      const { result } = await withController(() => here.gantry('rollout undo web'));
      expect([result.code, result.out]).to.deep.equal([
        0,
        'secret/key written back as it was in revision 1 (changes token), for everything that uses it\n' +
          'taskset.gantry.dev/web rolled back to revision 1\n',
      ]);
      expect(result.err).to.match(
        /^Warning: configmap\/settings is not written back: Error from server \(Invalid\): .*; taskset\.gantry\.dev\/web uses its copy "settings-1" instead, until its template names "settings" again\n$/,
      );
      const text = JSON.stringify((await here.get(taskSets, 'web')).spec.template.spec.envFrom);
      expect(text).to.include('"settings-1"').and.to.include('"key"');
    });

    it('needs no right to read Secrets', async () => {
      await here.create(clusterRoles, 'sets', {
        rules: [
          { apiGroups: ['gantry.dev'], resources: ['tasksets'], verbs: ['get', 'list', 'watch', 'patch'] },
          { apiGroups: ['apps'], resources: ['controllerrevisions'], verbs: ['get', 'list'] },
          { apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'patch'] },
        ],
      });
      await here.create(clusterRoleBindings, 'sets', {
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'sets' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'ann' }],
      });
      await here.logIn(certificates, { name: 'ann', groups: [] });
      const { result } = await withController(() => here.gantry('rollout undo web'));
      expect([result.code, result.out.split('\n').length], result.err).to.deep.equal([0, 3]);
      expect(result.err).to.match(
        /^Warning: secret\/key is not written back: Error from server \(Forbidden\)/,
      );
      const text = JSON.stringify((await here.get(taskSets, 'web')).spec.template.spec.envFrom);
      expect(text).to.include('"settings"').and.to.include('"key-1"');
    });

    it('refuses a revision whose copy is gone', async () => {
      await here.merge(configMaps, 'settings-1', { metadata: { annotations: { a: 'b' } } });
      await here.world.admin.delete(configMaps, { namespace: 'default', name: 'settings-1' });
      expect(await here.refused('rollout undo web')).to.equal(
        'gantry: revision 1 cannot be brought back whole: its copy "settings-1" of configmap/settings is gone\n',
      );
    });
  });
});
