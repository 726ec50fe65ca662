/** Field ownership as the real kubectl, oldest and newest, lives with it. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { kubectls } from '../../../kubectl/versions.ts';
import { command, type Output } from '../../../walk/process.ts';
import { openServer, type TestServer } from '../harness.ts';

const CRD = JSON.stringify({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'flocks.example.dev' },
  spec: {
    group: 'example.dev',
    scope: 'Namespaced',
    names: { plural: 'flocks', singular: 'flock', kind: 'Flock', listKind: 'FlockList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: {
          status: {},
          scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' },
        },
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: { type: 'object', properties: { replicas: { type: 'integer' } } },
              status: { type: 'object', properties: { replicas: { type: 'integer' } } },
            },
          },
        },
      },
    ],
  },
});

for (const { path, minor } of kubectls()) {
  describe(`kubectl 1.${minor} and who owns what`, function () {
    this.timeout(60_000);
    let server: TestServer;
    let cache: string;
    before(async () => {
      server = await openServer();
      cache = await mkdtemp(join(tmpdir(), 'gantry-kubectl-'));
    });
    after(async () => {
      await server.close();
      await rm(cache, { recursive: true });
    });

    const run = (words: readonly string[], input = ''): Promise<Output> =>
      command(path, ['-s', `http://127.0.0.1:${server.port}`, '--cache-dir', cache, ...words], { input });
    const ok = async (words: readonly string[], input?: string): Promise<string> => {
      const { code, stdout, stderr } = await run(words, input);
      expect(code, `${words.join(' ')}: ${stderr}`).to.equal(0);
      return stdout;
    };
    const task = (name: string, spec: object): string =>
      JSON.stringify({ apiVersion: 'gantry.dev/v1', kind: 'Task', metadata: { name }, spec });
    const apply = (input: string, ...flags: readonly string[]): Promise<Output> =>
      run(['apply', '-f', '-', ...flags], input);
    const managers = (kind: string, name: string): Promise<string> =>
      ok([
        'get',
        kind,
        name,
        '-o',
        'jsonpath={range .metadata.managedFields[*]}{.operation} {.manager} {.subresource};{end}',
      ]);

    it('apply --server-side: conflicts, force, fields that are no longer applied', async () => {
      const wish = task('a', { image: 'one', args: ['x'] });
      expect((await apply(wish, '--server-side')).stdout).to.equal('task.gantry.dev/a serverside-applied\n');
      const other = task('a', { image: 'two' });
      const refused = await apply(other, '--server-side', '--field-manager=two');
      expect(refused.code).to.equal(1);
      expect(refused.stderr).to.include('Apply failed with 1 conflict: conflict with "kubectl": .spec.image');
      expect(refused.stderr).to.include('--force-conflicts');
      expect((await apply(other, '--server-side', '--field-manager=two', '--force-conflicts')).code).to.equal(
        0,
      );
      expect((await apply(task('a', {}), '--server-side')).code).to.equal(0);
      const shown = await ok(['get', 'task', 'a', '-o', 'yaml', '--show-managed-fields']);
      expect(shown).to.include('image: two').and.not.to.include('args:');
      expect(shown).to.match(/f:spec:\n\s+f:image: \{\}\n\s+manager: two\n\s+operation: Apply\n/);
      // Of spec nothing is left to kubectl but that there is one.
      expect(await managers('task', 'a')).to.equal('Apply kubectl ;Apply two ;');
    });

    it('apply, then apply --server-side: the fields move over, and going back works', async () => {
      await apply(task('b', { image: 'one', args: ['x'] }));
      expect(await managers('task', 'b')).to.equal('Update kubectl-client-side-apply ;');
      const moved = await apply(task('b', { image: 'two', args: ['x'] }), '--server-side');
      expect([moved.code, moved.stderr]).to.deep.equal([0, '']);
      expect(await managers('task', 'b')).to.equal('Apply kubectl ;Apply kubectl-last-applied ;');
      const back = await apply(task('b', { image: 'three', args: ['x'] }));
      expect([back.code, back.stdout]).to.deep.equal([0, 'task.gantry.dev/b configured\n']);
    });

    it('label, annotate, patch: each under its own name', async () => {
      await apply(task('c', { image: 'one' }), '--server-side');
      await ok(['label', 'task', 'c', 'x=y']);
      await ok(['annotate', 'task', 'c', 'note=hi']);
      await ok(['patch', 'task', 'c', '--type=merge', '-p', '{"spec":{"args":["x"]}}']);
      expect((await managers('task', 'c')).split(';').filter(Boolean)).to.have.members([
        'Apply kubectl ',
        'Update kubectl-annotate ',
        'Update kubectl-label ',
        'Update kubectl-patch ',
      ]);
      const strategic = await run(['patch', 'task', 'c', '-p', '{"spec":{"image":"two"}}']);
      expect(strategic.code).to.equal(1);
      expect(strategic.stderr).to.include('application/strategic-merge-patch+json is not supported');
    });

    it('apply and patch of a core kind merge strategically', async () => {
      const config = (data: object): string =>
        JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'd' }, data });
      await apply(config({ a: '1', b: '2' }));
      await ok(['patch', 'configmap', 'd', '-p', '{"data":{"c":"3"}}']);
      expect((await apply(config({ a: '1' }))).stdout).to.equal('configmap/d configured\n');
      expect(await ok(['get', 'configmap', 'd', '-o', 'jsonpath={.data}'])).to.equal('{"a":"1","c":"3"}');
    });

    it('scale', async () => {
      await ok(['apply', '-f', '-'], CRD);
      await ok(['wait', '--for=condition=Established', 'crd/flocks.example.dev', '--timeout=10s']);
      const flock = JSON.stringify({
        apiVersion: 'example.dev/v1',
        kind: 'Flock',
        metadata: { name: 'f' },
        spec: { replicas: 2 },
      });
      await ok(['apply', '--server-side', '-f', '-'], flock);
      await ok(['scale', 'flock', 'f', '--replicas=5']);
      await ok(['scale', 'flock', 'f', '--current-replicas=5', '--replicas=6']);
      expect(await ok(['get', 'flock', 'f', '-o', 'jsonpath={.spec.replicas}'])).to.equal('6');
      expect(await managers('flock', 'f')).to.match(/^Update kubectl\S* scale;$/);
      const refused = await run(['apply', '--server-side', '-f', '-'], flock);
      expect(refused.stderr).to.match(
        /conflict with "kubectl\S*" with subresource "scale" using example.dev\/v1/,
      );
    });
  });
}
