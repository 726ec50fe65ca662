/** Who may say what made a Run, and what it is pinned to: the controllers, and nobody who merely creates Runs. */
import { expect } from 'chai';
import type { Client } from '../../../../machinery/client.ts';
import { clusterRoleBindings, jobs, roleBindings, roles, runs } from '../../../../schemas/kinds.ts';
import type { Run } from '../../../../schemas/types.gen.ts';
import { refusalOf } from '../../../client-conformance.ts';
import { openWorld, type World } from '../../../world.ts';

const RBAC = 'rbac.authorization.k8s.io';

describe('The origin of a Run', () => {
  let world: World;
  let editor: Client;
  beforeEach(async () => {
    world = await openWorld();
    editor = world.registry.as({ name: 'jane', groups: ['system:authenticated'] });
    await world.admin.create(clusterRoleBindings, {
      apiVersion: `${RBAC}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'jane' },
      roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'edit' },
      subjects: [{ kind: 'User', name: 'jane' }],
    });
    await editor.create(jobs, {
      apiVersion: 'gantry.dev/v1',
      kind: 'Job',
      metadata: { name: 'j', namespace: 'default' },
      spec: {
        schedule: '0 12 * * *',
        parameters: [{ name: 'token' }],
        tasks: [{ name: 'a', template: { spec: { image: 'x' } } }],
      },
    });
  });
  afterEach(() => world.close());

  const run = (name: string, spec: Partial<Run['spec']>): Run => ({
    apiVersion: 'gantry.dev/v1',
    kind: 'Run',
    metadata: { name, namespace: 'default' },
    spec: { jobRef: { name: 'j' }, ...spec },
  });

  for (const trigger of ['Schedule', 'CatchUp', 'Dependency'] as const) {
    it(`${trigger} is not for whoever may create Runs: it would stand for a time, or runs, to come`, async () => {
      const scheduledTime = '2030-01-01T12:00:00Z';
      const fire = run('j-1893499200', { trigger, scheduledTime });
      const { message } = await refusalOf(editor.create(runs, fire), 'Forbidden');
      expect(message).to.include(`spec.trigger "${trigger}" is for the job controller to say`);
      const made = await world.controllerClient('job').create(runs, fire);
      expect(made.spec.trigger).to.equal(trigger);
    });
  }

  it('a rerun, or to wait for a run, is for who may read that one: the answer has its parameters, the end tells of its end', async () => {
    await world.admin.create(roles, {
      apiVersion: `${RBAC}/v1`,
      kind: 'Role',
      metadata: { name: 'dispatcher', namespace: 'default' },
      rules: [{ verbs: ['create'], apiGroups: ['gantry.dev'], resources: ['runs'] }],
    });
    await world.admin.create(roleBindings, {
      apiVersion: `${RBAC}/v1`,
      kind: 'RoleBinding',
      metadata: { name: 'dispatcher', namespace: 'default' },
      roleRef: { apiGroup: RBAC, kind: 'Role', name: 'dispatcher' },
      subjects: [{ kind: 'User', name: 'bob' }],
    });
    const dispatcher = world.registry.as({ name: 'bob', groups: ['system:authenticated'] });
    await editor.create(runs, run('first', { parameters: { token: 'swordfish' } }));
    const again = (name: string): Run => run(name, { rerunOf: { name: 'first' }, trigger: 'Rerun' });
    const refusal = await refusalOf(dispatcher.create(runs, again('second')), 'Forbidden');
    expect(refusal.message).to.include('needs the right to get run "first"');
    expect((await editor.create(runs, again('third'))).spec.parameters).to.deep.equal({ token: 'swordfish' });
    const waits = await refusalOf(
      dispatcher.create(runs, run('waits', { dependsOn: [{ name: 'first' }] })),
      'Forbidden',
    );
    expect(waits.message).to.include('spec.dependsOn needs the right to get run "first"');
    await editor.create(runs, run('waits', { dependsOn: [{ name: 'first' }] }));
    await dispatcher.create(runs, run('fourth', { parameters: { token: 'x' } }));
  });

  it('a revision is not: the run would begin beside all that its Job lets begin', async () => {
    const pinned = await refusalOf(editor.create(runs, run('r', { revision: 'j-1' })), 'Forbidden');
    expect(pinned.message).to.include('spec.revision is for the run controller to say');
    await editor.create(runs, run('r', {}));
    const key = { namespace: 'default', name: 'r' };
    const body = { spec: { revision: 'j-1' } };
    await refusalOf(editor.patch(runs, key, { type: 'merge', body }), 'Forbidden');
    await world.controllerClient('run').patch(runs, key, { type: 'merge', body });
    const cancelled = await editor.patch(runs, key, { type: 'merge', body: { spec: { cancel: true } } });
    expect(cancelled.spec).to.include({ cancel: true, revision: 'j-1' });
  });
});
