/** What the registry counts, and that nobody can make more series of it than there are words. */
import { expect } from 'chai';
import { isApiError } from '../../../machinery/errors.ts';
import { resourceQuotas, runs, tasks, taskTemplates } from '../../../schemas/kinds.ts';
import type { Run, Task, TaskTemplate } from '../../../schemas/types.gen.ts';
import { newTask } from '../../builders.ts';
import { seriesOf } from '../../series.ts';
import { openWorld, type World } from '../../world.ts';

const REFUSALS = 'gantry_admission_refusals_total';
const KEYED = 'gantry_idempotency_requests_total';
const DELIVERIES = 'gantry_watch_delivery_duration_seconds';

describe('The registry’s figures', () => {
  let world: World;
  beforeEach(async () => {
    world = await openWorld();
  });
  afterEach(() => world.close());

  const refused = async (work: Promise<unknown>): Promise<void> => {
    const error = await work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (!isApiError(error)) throw new Error(`wanted a refusal, found ${String(error)}`);
  };
  const task = (name: string, more: Record<string, unknown> = {}): Task => {
    const {
      uid: _uid,
      resourceVersion: _version,
      generation: _generation,
      ...metadata
    } = newTask(name).metadata;
    return { ...newTask(name), metadata, ...more } as Task;
  };

  it('refusals are counted by operation, reason and resource, through whatever door they come', async () => {
    const { admin } = world;
    await refused(admin.create(tasks, task('no image', { spec: {} })));
    await refused(admin.create(tasks, task('x', { spec: { image: 'a', restartPolicy: 'Sometimes' } })));
    const made = await admin.create(tasks, task('hello'));
    await refused(admin.update(tasks, { ...made, spec: { ...made.spec, activeDeadlineSeconds: -1 } }));
    await refused(
      admin.patch(
        tasks,
        { namespace: 'default', name: 'hello' },
        { type: 'merge', body: { spec: { image: 7 } } },
      ),
    );
    const series = await seriesOf(world.metrics, REFUSALS);
    const sum = (operation: string): number =>
      series
        .filter(({ labels }) => labels['operation'] === operation && labels['resource'] === 'tasks')
        .reduce((total, { value }) => total + value, 0);
    expect([sum('create'), sum('update'), sum('patch')]).to.deep.equal([2, 1, 1]);
    for (const { labels } of series) {
      expect(labels['reason']).to.be.oneOf(['Invalid', 'BadRequest']);
      expect(labels['group']).to.equal('gantry.dev');
    }
  });

  it('what merely did not fit the moment is no refusal: conflicts, what is not found or there already', async () => {
    const { admin } = world;
    const made = await admin.create(tasks, task('hello'));
    await refused(admin.create(tasks, task('hello')));
    await refused(admin.update(tasks, { ...made, metadata: { ...made.metadata, resourceVersion: '1' } }));
    await refused(admin.delete(tasks, { namespace: 'default', name: 'absent' }));
    expect(await seriesOf(world.metrics, REFUSALS)).to.deep.equal([]);
  });

  it('who may not write is refused by their rights, which admission is not asked about', async () => {
    await refused(world.registry.as({ name: 'nobody', groups: [] }).create(tasks, task('hello')));
    expect(await seriesOf(world.metrics, REFUSALS)).to.deep.equal([]);
  });

  it('law: whatever a client calls its objects and fields, there are as many series as reasons', async () => {
    const { admin } = world;
    for (let at = 0; at < 50; at++) {
      await refused(admin.create(tasks, task(`Bad Name ${at}"}\n`)));
      await refused(admin.create(tasks, task(`n${at}`, { spec: { image: '', [`made-up-${at}`]: at } })));
      await refused(admin.create({ ...tasks, plural: `made-up-${at}` }, task(`n${at}`)));
    }
    expect((await seriesOf(world.metrics, REFUSALS)).length).to.be.at.most(3);
  });

  const run = (name: string, key: string, text: string): Run => ({
    apiVersion: 'gantry.dev/v1',
    kind: 'Run',
    metadata: { name, namespace: 'default' },
    spec: { templateRef: { name: 'echo' }, parameters: { text }, idempotencyKey: key },
  });
  const template: TaskTemplate = {
    apiVersion: 'gantry.dev/v1',
    kind: 'TaskTemplate',
    metadata: { name: 'echo', namespace: 'default' },
    spec: {
      parameters: { type: 'object', properties: { text: { type: 'string' } } },
      template: { spec: { image: 'gantry/work:1', args: ['$(parameters.text)'] } },
    },
  };
  const keyed = async (): Promise<Record<string, number>> =>
    Object.fromEntries(
      (await seriesOf(world.metrics, KEYED)).map(({ labels, value }) => [labels['result'] ?? '', value]),
    );
  const NONE = { miss: 0, hit: 0, conflict: 0, refused: 0 };

  it('requests under an idempotency key are counted by what became of them, from 0 on', async () => {
    const { admin } = world;
    await admin.create(taskTemplates, template);
    expect(await keyed()).to.deep.equal(NONE);
    await admin.create(runs, run('one', 'k', 'x'));
    expect(await keyed()).to.deep.equal({ ...NONE, miss: 1 });
    await admin.create(runs, run('one', 'k', 'x'));
    await refused(admin.create(runs, run('one', 'k', 'other')));
    await refused(admin.create(runs, run('one', 'another key', 'x')));
    await admin.create(runs, run('two', 'dry', 'x'), { dryRun: true });
    const body = run('three', 'l', 'x');
    const applied = { type: 'apply', body } as const;
    await admin.patch(runs, { namespace: 'default', name: 'three' }, applied, { fieldManager: 'me' });
    expect(await keyed()).to.deep.equal({ miss: 2, hit: 1, conflict: 1, refused: 1 });
  });

  it('a Run that a quota has no room for is refused under its key', async () => {
    await world.admin.create(taskTemplates, template);
    await world.admin.create(resourceQuotas, {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'q', namespace: 'default' },
      spec: { hard: { 'count/runs.gantry.dev': '0' } },
    });
    await refused(world.admin.create(runs, run('one', 'k', 'x')));
    expect(await keyed()).to.deep.equal({ ...NONE, refused: 1 });
  });

  it('deliveries are timed from the commit to the watcher, and only of what happens while it watches', async () => {
    const { admin } = world;
    await admin.create(tasks, task('before'));
    const before = await seriesOf(world.metrics, `${DELIVERIES}_count`);
    const controller = new AbortController();
    const events = admin.watch(tasks, { signal: controller.signal, resourceVersion: '0' });
    const reader = events[Symbol.asyncIterator]();
    await reader.next();
    expect(await seriesOf(world.metrics, `${DELIVERIES}_count`)).to.deep.equal(before);
    const next = reader.next();
    await world.settle();
    await admin.create(tasks, task('after'));
    await next;
    const [count] = await seriesOf(world.metrics, `${DELIVERIES}_count`);
    expect((count?.value ?? 0) - (before[0]?.value ?? 0)).to.equal(1);
    // A reader that takes it later got it later.
    await admin.create(tasks, task('late'));
    await world.advance(2_000);
    await reader.next();
    const [sum] = await seriesOf(world.metrics, `${DELIVERIES}_sum`);
    expect(sum?.value).to.be.within(2, 2.1);
    controller.abort();
  });
});
