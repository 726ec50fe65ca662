/** Runs: made of what there is, with parameters that fit and are complete, and then let be. */
import { expect } from 'chai';
import { keyOf } from '../../../../machinery/meta.ts';
import { newTrace, withTrace } from '../../../../machinery/trace.ts';
import { jobs, runs, tasks } from '../../../../schemas/kinds.ts';
import { taskManifest } from '../../../builders.ts';
import { openWorld, type World } from '../../../world.ts';
import { create, patch, type Said } from './saying.ts';

type Fields = Readonly<Record<string, unknown>>;

const ofJob = (parameters?: Fields, more: Fields = {}): Fields => ({
  jobRef: { name: 'nightly' },
  ...(parameters === undefined ? {} : { parameters }),
  ...more,
});
const ofTemplate = (parameters?: Fields, more: Fields = {}): Fields => ({
  templateRef: { name: 'fib' },
  ...(parameters === undefined ? {} : { parameters }),
  ...more,
});
const step = { name: 'a', template: { spec: { image: 'x' } } };

describe('Runs', () => {
  let world: World;
  let made = 0;
  const run = (spec: Fields, name = `r${made++}`): Promise<Said> => create(world, 'runs', name, spec);
  before(async () => {
    world = await openWorld();
    await create(world, 'jobs', 'nightly', {
      tasks: [step],
      parameters: [
        { name: 'day', required: true, enum: ['mon', 'tue'] },
        { name: 'n', type: 'integer', default: 3 },
        { name: 'ratio', type: 'number' },
        { name: 'dry', type: 'boolean' },
      ],
    });
    await create(world, 'jobs', 'other', { tasks: [step] });
    await create(world, 'tasktemplates', 'fib', {
      parameters: {
        type: 'object',
        required: ['position'],
        properties: {
          position: { type: 'integer', minimum: 0 },
          mode: { enum: ['fast', 'slow'], default: 'fast' },
          hosts: {
            type: 'array',
            items: {
              type: 'object',
              required: ['name'],
              properties: { name: { type: 'string' }, port: { type: 'integer' } },
            },
          },
          either: {
            anyOf: [
              { type: 'string', minLength: 3 },
              { type: 'integer', minimum: 10 },
            ],
          },
          at: { type: 'string', format: 'date-time' },
        },
      },
      template: { spec: { image: 'x', args: ['$(parameters.position)'] } },
    });
  });
  after(() => world.close());

  for (const [what, spec, ...problems] of [
    ['of no job', { jobRef: { name: 'none' } }, 'spec.jobRef.name: Not found: "none"'],
    ['of no template', { templateRef: { name: 'none' } }, 'spec.templateRef.name: Not found: "none"'],
    [
      'of both',
      { ...ofJob(), ...ofTemplate() },
      'spec: Invalid value: {"jobRef":{"name":"nightly"},"templateRef":{"name":"fib"},"trigger":"Manual"}: exactly one of jobRef and templateRef must be given',
    ],
    [
      'of neither',
      {},
      'spec: Invalid value: {"trigger":"Manual"}: exactly one of jobRef and templateRef must be given',
    ],
    ['with values of every type', ofJob({ day: 'mon', n: 4, ratio: 0.5, dry: true })],
    [
      'without what is needed',
      ofJob(),
      'spec.parameters.day: Required value: job "nightly" needs it, as type string',
    ],
    [
      'with one wrong in each way',
      ofJob({ day: 'wed', n: '3', ratio: 'x', dry: 1, more: 2 }),
      'spec.parameters.more: Forbidden: job "nightly" has no such parameter; it takes day, n, ratio, dry',
      'spec.parameters.day: Unsupported value: "wed": supported values: "mon", "tue"',
      'spec.parameters.n: Invalid value: "3": must be of type integer, found string',
      'spec.parameters.ratio: Invalid value: "x": must be of type number, found string',
      'spec.parameters.dry: Invalid value: 1: must be of type boolean, found integer',
    ],
    [
      'with half a number',
      ofJob({ day: 'mon', n: 1.5 }),
      'spec.parameters.n: Invalid value: 1.5: must be of type integer, found number',
    ],
    [
      'of a job that takes none',
      { jobRef: { name: 'other' }, parameters: { x: 1 } },
      'spec.parameters.x: Forbidden: job "other" has no such parameter; it takes none',
    ],
    [
      'with values that a schema lets pass',
      ofTemplate({ position: 9, hosts: [{ name: 'a', port: 1 }], either: 12, at: '2026-11-22T10:00:00Z' }),
    ],
    [
      'without what a schema needs',
      ofTemplate({}),
      'spec.parameters.position: Required value: task template "fib" needs it, as type integer',
    ],
    [
      'with one problem for each that a schema refuses',
      ofTemplate({
        position: -1.5,
        mode: 'odd',
        hosts: [{ name: 'a' }, { port: 'x' }],
        either: 'ab',
        at: 'noon',
      }),
      'spec.parameters.position: Invalid value: -1.5: must be of type integer, found number',
      'spec.parameters.mode: Unsupported value: "odd": supported values: "fast", "slow"',
      'spec.parameters.hosts: Invalid value: {"port":"x"}: [1] must have the property name',
      'spec.parameters.either: Invalid value: "ab": must be of at least one of the forms that its schema allows (anyOf)',
      'spec.parameters.at: Invalid value: "noon": must be a valid date-time',
    ],
    [
      'with too much',
      ofTemplate({ position: 1, hosts: [{ name: 'x'.repeat(300_000) }] }),
      'spec.parameters: Too long: may not be more than 262144 bytes',
    ],
    [
      'again of none',
      ofJob({ day: 'mon' }, { trigger: 'Rerun', rerunOf: { name: 'none' } }),
      'spec.rerunOf.name: Not found: "none"',
    ],
  ] as const) {
    it(`${what} ${problems.length === 0 ? 'are taken' : 'are refused'}`, async () => {
      expect((await run(spec)).problems).to.deep.equal(problems);
    });
  }

  it('are stored with the defaults of what was not given', async () => {
    expect((await run(ofJob({ day: 'tue' }))).object?.['spec']).to.deep.include({
      parameters: { day: 'tue', n: 3 },
    });
    expect((await run(ofTemplate({ position: 1 }))).object?.['spec']).to.deep.include({
      parameters: { position: 1, mode: 'fast' },
    });
    expect((await run({ jobRef: { name: 'other' } })).object?.['spec']).not.to.have.property('parameters');
  });

  it('that name a parameter which a loose schema does not are let pass with a warning', async () => {
    expect((await run(ofTemplate({ position: 1, positoin: 2 }))).warnings).to.deep.equal([
      'spec.parameters.positoin: task template "fib" names no such parameter; it takes position, mode, hosts, either, at',
    ]);
  });

  it('of a job belong to it; those of a template to nobody', async () => {
    const { metadata } = await world.admin.get(jobs, { name: 'nightly', namespace: 'default' });
    const belonging = (await run(ofJob({ day: 'mon' }))).object?.metadata;
    expect([belonging?.labels, belonging?.ownerReferences]).to.deep.equal([
      { 'gantry.dev/job': 'nightly' },
      [
        {
          apiVersion: 'gantry.dev/v1',
          kind: 'Job',
          name: 'nightly',
          uid: metadata.uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    ]);
    expect((await run(ofTemplate({ position: 1 }))).object?.metadata.ownerReferences).to.equal(undefined);
  });

  it('carry the trace of the request that made them', async () => {
    const trace = newTrace(world.random);
    const { object } = await withTrace(trace, () => run(ofJob({ day: 'mon' })));
    expect(object?.metadata.annotations).to.include({ 'gantry.dev/trace-id': trace.traceId });
  });

  it('D2.5 stay in that trace, whoever cancels or deletes them, and so do their tasks', async () => {
    const trace = newTrace(world.random);
    const { object } = await withTrace(trace, () => run(ofJob({ day: 'mon' }), 'traced'));
    const task = await withTrace(trace, () =>
      world.admin.create(tasks, {
        ...taskManifest('traced-step-1'),
        metadata: {
          name: 'traced-step-1',
          namespace: 'default',
          finalizers: ['gantry.dev/test'],
          ownerReferences: [
            { apiVersion: 'gantry.dev/v1', kind: 'Run', name: 'traced', uid: object?.metadata.uid ?? '' },
          ],
        },
      }),
    );
    const other = newTrace(world.random);
    const cancelled = await withTrace(other, () =>
      world.admin.patch(
        runs,
        { name: 'traced', namespace: 'default' },
        { type: 'merge', body: { spec: { cancel: true } } },
      ),
    );
    const deleted = await withTrace(other, () => world.admin.delete(tasks, keyOf(task)));
    for (const { metadata } of [cancelled, deleted]) {
      expect(metadata.annotations).to.include({ 'gantry.dev/trace-id': trace.traceId });
    }
  });

  it('are of the same job as the run that they repeat, and take over what it was given', async () => {
    await run(ofJob({ day: 'tue', n: 7, dry: true }), 'first');
    const again = await run(ofJob({ n: 8 }, { trigger: 'Rerun', rerunOf: { name: 'first' } }));
    expect(again.object?.['spec']).to.deep.include({ parameters: { day: 'tue', n: 8, dry: true } });
    const strange = await run({ jobRef: { name: 'other' }, trigger: 'Rerun', rerunOf: { name: 'first' } });
    expect(strange.problems).to.deep.equal([
      'spec.rerunOf.name: Invalid value: "first": it is a run of job "nightly"',
    ]);
    const first = await world.admin.get(runs, { name: 'first', namespace: 'default' });
    await world.admin.update(
      runs,
      { ...first, status: { state: 'failed', tasks: [{ name: 'a', state: 'failed' }] } },
      { subresource: 'status' },
    );
    const from = (fromTask: string): Promise<Said> =>
      run(ofJob(undefined, { trigger: 'Rerun', rerunOf: { name: 'first', fromTask } }));
    expect((await from('a')).problems).to.deep.equal([]);
    expect((await from('b')).problems).to.deep.equal([
      'spec.rerunOf.fromTask: Invalid value: "b": run "first" has no such step; it has a',
    ]);
  });

  it('that repeat another one are judged by what they give alone, whatever the job has become', async () => {
    const job = (...parameters: readonly Fields[]): Fields => ({ tasks: [step], parameters });
    await create(world, 'jobs', 'moving', job({ name: 'old' }, { name: 'n', type: 'integer' }));
    await run({ jobRef: { name: 'moving' }, parameters: { old: 'x', n: 1 } }, 'before');
    const spec = job(
      { name: 'n', type: 'integer' },
      { name: 'new', required: true },
      { name: 'm', default: 'd' },
    );
    await patch(world, 'jobs', 'moving', { spec });
    const again = (parameters?: Fields): Promise<Said> =>
      run({
        jobRef: { name: 'moving' },
        trigger: 'Rerun',
        rerunOf: { name: 'before' },
        ...(parameters && { parameters }),
      });
    expect((await again()).object?.['spec']).to.deep.include({ parameters: { old: 'x', n: 1 } });
    expect((await again({ old: 'y' })).object?.['spec']).to.deep.include({ parameters: { old: 'y', n: 1 } });
    expect((await again({ n: 'two', none: 1 })).problems).to.deep.equal([
      'spec.parameters.none: Forbidden: job "moving" has no such parameter; it takes n, new, m',
      'spec.parameters.n: Invalid value: "two": must be of type integer, found string',
    ]);
  });

  it('that give what the other one had are not judged for it, nor is what stands inside another parameter', async () => {
    const nested = (level: Fields): Fields => ({
      type: 'object',
      properties: { n: { type: 'integer' }, o: { type: 'object', properties: { level } } },
    });
    const spec = (parameters: Fields): Fields => ({ template: { spec: { image: 'x' } }, parameters });
    await create(world, 'tasktemplates', 'deep', spec(nested({ type: 'string' })));
    await run({ templateRef: { name: 'deep' }, parameters: { n: 1, o: { level: 'x' } } }, 'deep-1');
    await patch(world, 'tasktemplates', 'deep', { spec: spec(nested({ type: 'integer' })) });
    const again = async (parameters: Fields): Promise<readonly string[]> => {
      const rerunOf = { name: 'deep-1' };
      return (await run({ templateRef: { name: 'deep' }, trigger: 'Rerun', rerunOf, parameters })).problems;
    };
    expect(await again({ n: 2, o: { level: 'x' } })).to.deep.equal([]);
    const [problem, ...more] = await again({ o: { level: 'y' } });
    expect(more).to.deep.equal([]);
    expect(problem).to.match(/^spec\.parameters\.o.*must be of type integer/);
  });

  it('that repeat another one are for the time that it was for', async () => {
    await run(ofJob({ day: 'mon' }, { scheduledTime: '2026-01-02T03:04:05Z' }), 'timed');
    const rerunOf = { name: 'timed' };
    const again = await run(ofJob(undefined, { trigger: 'Rerun', rerunOf }));
    expect(again.object?.['spec']).to.have.property('scheduledTime', '2026-01-02T03:04:05Z');
    const other = ofJob(undefined, { trigger: 'Rerun', rerunOf, scheduledTime: '2027-01-01T00:00:00Z' });
    expect((await run(other)).object?.['spec']).to.have.property('scheduledTime', '2027-01-01T00:00:00Z');
  });

  it('are not changed but to be cancelled, kept for another time, or pinned once', async () => {
    await run(ofJob({ day: 'mon' }), 'fixed');
    const change = async (spec: Fields): Promise<readonly string[]> =>
      (await patch(world, 'runs', 'fixed', { spec })).problems;
    expect(await change({ parameters: { day: 'tue' } })).to.deep.equal([
      'spec.parameters: Invalid value: {"n":3,"day":"tue"}: field is immutable',
    ]);
    expect(await change({ priority: 3 })).to.deep.equal([
      'spec.priority: Invalid value: 3: field is immutable',
    ]);
    expect(await change({ idempotencyKey: 'k' })).to.deep.equal([
      'spec.idempotencyKey: Invalid value: "k": field is immutable',
    ]);
    expect(await change({ cancel: false, ttlSecondsAfterFinished: 60, revision: 'nightly-1' })).to.deep.equal(
      [],
    );
    expect(await change({ cancel: true, ttlSecondsAfterFinished: 90, revision: null })).to.deep.equal([]);
    expect(await change({ revision: 'nightly-2' })).to.deep.equal([
      'spec.revision: Invalid value: "nightly-2": field is immutable once it is set',
    ]);
    expect(await change({ cancel: null })).to.deep.equal([
      'spec.cancel: Invalid value: null: a run that was cancelled stays so',
    ]);
    const { spec } = await world.admin.get(runs, { name: 'fixed', namespace: 'default' });
    expect([spec.cancel, spec.revision]).to.deep.equal([true, 'nightly-1']);
  });

  it('applied again, by the server or by a client, change nothing', async () => {
    const key = { name: 'applied', namespace: 'default' };
    const body = { apiVersion: 'gantry.dev/v1', kind: 'Run', metadata: key, spec: ofJob({ day: 'mon' }) };
    const apply = async (): Promise<string | undefined> =>
      (await world.admin.patch(runs, key, { type: 'apply', body }, { fieldManager: 'me' })).metadata
        .resourceVersion;
    expect(await apply()).to.equal(await apply());
  });

  it('are not made of a job that is being deleted', async () => {
    await create(world, 'jobs', 'leaving', { tasks: [step] });
    const key = { name: 'leaving', namespace: 'default' };
    await world.admin.patch(jobs, key, {
      type: 'merge',
      body: { metadata: { finalizers: ['example.com/x'] } },
    });
    await world.admin.delete(jobs, key);
    expect((await run({ jobRef: { name: 'leaving' } })).problems).to.deep.equal([
      'spec.jobRef.name: Invalid value: "leaving": is being deleted',
    ]);
  });
});
