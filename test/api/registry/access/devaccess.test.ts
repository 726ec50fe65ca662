/** What the doors on the plain development listeners may do with Runs and the scheduler's settings, and what not. */
import { expect } from 'chai';
import { DEV_IDENTITY } from '../../../../api/server/listener.ts';
import type { Client } from '../../../../machinery/client.ts';
import type { ObjectMeta } from '../../../../machinery/meta.ts';
import { jobs, runs, schedulerSettings, tasks, taskTemplates } from '../../../../schemas/kinds.ts';
import type { Run, SchedulerSettings, Task } from '../../../../schemas/types.gen.ts';
import { taskManifest } from '../../../builders.ts';
import { refusalOf } from '../../../client-conformance.ts';
import { openWorld, type World } from '../../../world.ts';

const KEY = { namespace: 'default', name: 'r' };
const SETTINGS = { name: 'default' };

function run(spec: Partial<Run['spec']> = {}, metadata: Partial<ObjectMeta> = {}): Run {
  const what = spec.jobRef === undefined ? { templateRef: { name: 'fib' } } : {};
  return {
    apiVersion: 'gantry.dev/v1',
    kind: 'Run',
    metadata: { ...KEY, ...metadata },
    spec: { ...what, ...spec },
  };
}

function settings(
  spec: NonNullable<SchedulerSettings['spec']>,
  metadata: Partial<ObjectMeta> = {},
): SchedulerSettings {
  return {
    apiVersion: 'gantry.dev/v1',
    kind: 'SchedulerSettings',
    metadata: { ...SETTINGS, ...metadata },
    spec,
  };
}

describe('The development user, at the doors', () => {
  let world: World;
  let client: Client;
  beforeEach(async () => {
    world = await openWorld();
    client = world.registry.as(DEV_IDENTITY);
    for (const namespace of ['default', 'gantry-system']) {
      await world.admin.create(taskTemplates, {
        apiVersion: 'gantry.dev/v1',
        kind: 'TaskTemplate',
        metadata: { name: 'fib', namespace },
        spec: { template: { spec: { image: 'gantry/hello:1' } } },
      });
    }
    await world.admin.create(jobs, {
      apiVersion: 'gantry.dev/v1',
      kind: 'Job',
      metadata: { name: 'nightly', namespace: 'default' },
      spec: { tasks: [{ name: 'a', template: { spec: { image: 'gantry/hello:1' } } }] },
    });
  });
  afterEach(() => world.close());
  const patch = (body: unknown): Promise<Run> => client.patch(runs, KEY, { type: 'merge', body });
  const suspend = (body: unknown): Promise<SchedulerSettings> =>
    client.patch(schedulerSettings, SETTINGS, { type: 'merge', body });

  it('makes runs of templates and of jobs, also again, and cancels them', async () => {
    await client.create(runs, run({ priority: 4, ttlSecondsAfterFinished: 60 }));
    const made = await client.create(runs, run({ jobRef: { name: 'nightly' } }, { name: 'of-job' }));
    expect(made.metadata.ownerReferences?.[0]).to.include({ kind: 'Job', name: 'nightly' });
    const again = run({ trigger: 'Rerun', rerunOf: { name: 'r' } }, { name: 'again' });
    expect((await client.create(runs, again)).spec.trigger).to.equal('Rerun');
    expect((await patch({ spec: { cancel: true } })).spec.cancel).to.equal(true);
    expect((await patch({ spec: { cancel: true } })).spec.cancel).to.equal(true);
  });

  const refused: readonly (readonly [string, Run, string])[] = [
    ['for a schedule', run({ trigger: 'Schedule' }), 'spec.trigger "Schedule"'],
    ['to make up for a missed one', run({ trigger: 'CatchUp' }), 'spec.trigger "CatchUp"'],
    ['with finalizers', run({}, { finalizers: ['example.com/x'] }), 'metadata.finalizers'],
    [
      'with owners',
      run({}, { ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: 'x', uid: 'u' }] }),
      'metadata.ownerReferences',
    ],
    ["in the system's namespace", run({}, { namespace: 'gantry-system' }), 'namespace gantry-system'],
    [
      "in another one's name",
      run({}, { annotations: { 'gantry.dev/started-by': 'ann' } }),
      'annotation gantry.dev/started-by',
    ],
    ['that goes before all others', run({ priority: 201 }), 'spec.priority 201'],
    [
      'that nobody may remove',
      run({}, { annotations: { 'gantry.dev/protect': 'true' } }),
      'annotation gantry.dev/protect',
    ],
  ];
  for (const [what, body, field] of refused) {
    it(`makes no run ${what}`, async () => {
      const { message } = await refusalOf(client.create(runs, body), 'Forbidden');
      expect(message).to.include(`${field} is not allowed for runs made through the development listener`);
    });
  }

  it('makes no task that a set or a service of others would take for its own', async () => {
    const labelled = taskManifest('web', {}, { labels: { app: 'web' } });
    const { message } = await refusalOf(client.create(tasks, labelled), 'Forbidden');
    expect(message).to.include(
      'metadata.labels is not allowed for tasks made through the development listener',
    );
    expect((await client.create(tasks, taskManifest('web'))).metadata.name).to.equal('web');
  });

  const reaching: readonly (readonly [string, Partial<Task['spec']>])[] = [
    ['spec.priority', { priority: 1 }],
    ['spec.preemptionPolicy', { preemptionPolicy: 'PreemptLowerPriority' }],
    ['spec.network.aliases', { network: { mode: 'bridge', aliases: ['db'] } }],
    ['spec.network.mode', { network: { mode: 'backend' } }],
    ['spec.envFrom[0].configMapRef', { envFrom: [{ configMapRef: { name: 'c' } }] }],
    [
      'spec.env[0].valueFrom.configMapKeyRef',
      { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'c', key: 'k' } } }] },
    ],
    ['spec.volumes[0].configMap', { volumes: [{ name: 'v', configMap: { name: 'c' } }] }],
    ['spec.volumes[0].volume', { volumes: [{ name: 'v', volume: { name: 'data' } }] }],
  ];
  for (const [field, spec] of reaching) {
    it(`makes no task with ${field}: it reaches what others have`, async () => {
      const { message } = await refusalOf(client.create(tasks, taskManifest('web', spec)), 'Forbidden');
      expect(message).to.include(`${field} is not allowed for tasks made through the development listener`);
    });
  }

  it('pins no run to a revision of its choice', async () => {
    const { message } = await refusalOf(client.create(runs, run({ revision: 'x' })), 'Forbidden');
    expect(message).to.include('spec.revision is for the run controller to say');
  });

  it('changes nothing else of a run, not even together with cancelling it', async () => {
    await client.create(runs, run());
    for (const body of [
      { spec: { ttlSecondsAfterFinished: 1 } },
      { spec: { cancel: true, ttlSecondsAfterFinished: 1 } },
      { spec: { cancel: true }, metadata: { labels: { a: 'b' } } },
      { spec: { cancel: true }, metadata: { annotations: { 'gantry.dev/ttl': '1s' } } },
      { spec: { cancel: true }, metadata: { finalizers: ['example.com/x'] } },
      { metadata: { annotations: { a: 'b' } } },
    ]) {
      const { message } = await refusalOf(patch(body), 'Forbidden');
      expect(message).to.include('may change a run only by cancelling it');
    }
    await refusalOf(client.delete(runs, KEY), 'Forbidden');
  });

  it("cancels none of the system's namespace", async () => {
    const key = { namespace: 'gantry-system', name: 'r' };
    await world.admin.create(runs, run({}, key));
    const body = { spec: { cancel: true } };
    const { message } = await refusalOf(client.patch(runs, key, { type: 'merge', body }), 'Forbidden');
    expect(message).to.include('namespace gantry-system is not allowed for runs cancelled');
  });

  it('lets all schedules rest, and go on', async () => {
    await client.create(schedulerSettings, settings({ suspended: true }));
    expect((await suspend({ spec: { suspended: false } })).spec?.suspended).to.equal(false);
    expect((await suspend({ spec: { suspended: true } })).spec?.suspended).to.equal(true);
  });

  it('changes nothing else of the scheduler', async () => {
    for (const metadata of [
      { labels: { a: 'b' } },
      { annotations: { a: 'b' } },
      { finalizers: ['example.com/x'] },
      { ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: 'x', uid: 'u' }] },
    ]) {
      const error = await refusalOf(
        client.create(schedulerSettings, settings({ suspended: true }, metadata)),
        'Forbidden',
      );
      expect(error.message).to.include('only spec.suspended');
    }
    await client.create(schedulerSettings, settings({}));
    for (const body of [
      { metadata: { labels: { a: 'b' } } },
      { spec: { suspended: true }, metadata: { annotations: { a: 'b' } } },
    ]) {
      expect((await refusalOf(suspend(body), 'Forbidden')).message).to.include('only spec.suspended');
    }
    await refusalOf(client.delete(schedulerSettings, SETTINGS), 'Forbidden');
  });
});
