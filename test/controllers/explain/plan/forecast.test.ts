/** The forecast, row by row: the name is the specification. That it comes true is what the agreement test holds. */
import { expect } from 'chai';
import { forecast } from '../../../../controllers/explain/plan/forecast.ts';
import type { PlanFacts, PlannedChange } from '../../../../controllers/explain/plan/types.ts';
import type { ConfigMap, Task } from '../../../../schemas/types.gen.ts';
import { newTask, newWorker } from '../../../builders.ts';
import { cpuMs } from '../../../cputime.ts';

const NOW = Date.UTC(2026, 0, 1, 12);

/** One that runs on w1. */
function running(name: string, spec: Partial<Task['spec']> = {}): Task {
  return newTask(
    name,
    { workerName: 'w1', bindingEpoch: 1, ...spec },
    {
      metadata: { finalizers: ['gantry.dev/container'] },
      status: {
        phase: 'Running',
        workerName: 'w1',
        observedGeneration: 1,
        attempts: 2,
        container: {
          id: `id-${name}`,
          name: `gantry.default.${name}.uid-${name}.2`,
          state: 'running',
          startedAt: '2026-01-01T00:00:00Z',
          started: true,
        },
      },
    },
  );
}

function edited(task: Task, spec: Partial<Task['spec']>): PlannedChange {
  const metadata = { ...task.metadata, generation: 2 };
  const after: Task = { ...task, metadata, spec: { ...task.spec, ...spec } };
  return { before: task, after };
}

function facts(changes: readonly PlannedChange[], rest: Partial<PlanFacts> = {}): PlanFacts {
  return {
    changes,
    tasks: [],
    taskSets: [],
    revisions: [],
    jobs: [],
    workers: [newWorker('w1')],
    settings: undefined,
    contents: new Map(),
    unread: [],
    nowMs: NOW,
    ...rest,
  };
}

describe('forecast', () => {
  it('says of a Task that is to run again that this was asked for', () => {
    const stopped: Task = {
      ...running('a', { desiredState: 'Stopped' }),
      status: { phase: 'Stopped', workerName: 'w1', attempts: 1, observedGeneration: 1 },
    };
    const change = edited(stopped, { desiredState: 'Running' });
    const { effects } = forecast(facts([change], { tasks: [stopped] }));
    expect(effects.map(({ action, reason, message }) => [action, reason, message])).to.deep.equal([
      ['created', 'Started', 'desiredState is Running again'],
    ]);
  });

  it('tells of a Task that waits for a ConfigMap only where that comes', () => {
    const held: Task = {
      ...running('held', {
        env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'missing', key: 'a' } } }],
      }),
      status: { phase: 'Pending', reason: 'CreateContainerConfigError', workerName: 'w1' },
    };
    const named = (name: string): PlannedChange => {
      const after: ConfigMap = {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, namespace: 'default', uid: name },
        data: { a: '1' },
      };
      return { before: undefined, after };
    };
    const told = (change: PlannedChange): readonly string[] =>
      forecast(facts([change], { tasks: [held] })).effects.map(({ task, action }) => `${task} ${action}`);
    expect(told(named('other'))).to.deep.equal([]);
    expect(told(named('missing'))).to.deep.equal(['default/held created']);
  });

  it('names the fields that only a new container has, and none that it has anyway', () => {
    const task = running('a', { image: 'app:1' });
    const change = edited(task, { image: 'app:2', terminationGracePeriodSeconds: 5, args: ['x'] });
    const [effect, ...others] = forecast(facts([change], { tasks: [task] })).effects;
    expect(others).to.deep.equal([]);
    expect(effect).to.deep.equal({
      step: 1,
      task: 'default/a',
      action: 'restarted',
      worker: 'w1',
      from: 'w1',
      reason: 'SpecChanged',
      message:
        'spec.image, spec.args change, which only a new container has; the old one ends first, with 5 s of grace',
    });
  });

  it('names no container, for it may be another one by then', () => {
    const task = running('a', { resources: { limits: { memory: '64Mi' } } });
    const change = edited(task, { resources: { limits: { memory: '128Mi' } } });
    const [effect] = forecast(facts([change], { tasks: [task] })).effects;
    expect(effect?.action).to.equal('changedInPlace');
    expect(effect?.message).to.equal('Set memoryBytes 134217728');
  });

  it('says of a limit that goes why the container cannot go on', () => {
    const task = running('a', { resources: { limits: { memory: '64Mi' } } });
    const change = edited(task, { resources: { limits: { cpu: '1' } } });
    const [effect] = forecast(facts([change], { tasks: [task] })).effects;
    expect(effect).to.include({ action: 'restarted', reason: 'Superseded' });
    expect(effect?.message).to.equal(
      'it has a limit on memory that the Task has not, and an engine cannot lift a limit; the old one ends first, with 30 s of grace',
    );
  });

  it('leaves a Task where it is bound, also where its selector would choose another worker now', () => {
    const task = running('a');
    const change = edited(task, { workerSelector: { disk: 'ssd' } });
    expect(forecast(facts([change], { tasks: [task] })).effects).to.deep.equal([]);
  });

  it('does nothing on a worker that is away, and says so', () => {
    const task = running('a');
    const away = [newWorker('w1', { ready: 'Unknown' })];
    const changes = [edited(task, { image: 'app:2' })];
    const [effect] = forecast(facts(changes, { tasks: [task], workers: away })).effects;
    expect(effect?.action).to.equal('waits');
    expect(effect?.message).to.equal('worker w1 is not Ready: nothing happens there until it is back');
  });

  it('says of a running Task that its files change under it, and its variables only with its next container', () => {
    const config: ConfigMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'c', namespace: 'default' },
    };
    const after: ConfigMap = { ...config, data: { a: '2' } };
    const files = running('files', { volumes: [{ name: 'v', configMap: { name: 'c' } }] });
    const variables = running('variables', { envFrom: [{ configMapRef: { name: 'c' } }] });
    const { effects, notes } = forecast(facts([{ before: config, after }], { tasks: [files, variables] }));
    expect(effects.map(({ task, action, reason }) => `${task} ${action} ${reason}`)).to.deep.equal([
      'default/files changedInPlace InputsChanged',
    ]);
    expect(notes).to.deep.equal([
      'task default/variables has its new variables only with its next container: nothing restarts it',
    ]);
  });

  it('tells that an image is pulled where its policy says so', () => {
    const task = newTask('a', { imagePullPolicy: 'Always' });
    const { notes } = forecast(facts([{ before: undefined, after: task }]));
    expect(notes).to.deep.equal(['imagePullPolicy is Always, so the image is pulled first: default/a']);
  });

  it('gives room that becomes free to those who waited for it', () => {
    const big = running('big', { resources: { requests: { cpu: '3' } } });
    const waiting = newTask(
      'late',
      { resources: { requests: { cpu: '3' } } },
      {
        status: {
          phase: 'Pending',
          reason: 'Unschedulable',
          conditions: [
            {
              type: 'Scheduled',
              status: 'False',
              reason: 'Unschedulable',
              message: '0/1 workers fit',
              lastTransitionTime: '2026-01-01T00:00:00Z',
            },
          ],
        },
      },
    );
    const changes = [edited(big, { desiredState: 'Stopped' })];
    const { effects } = forecast(facts(changes, { tasks: [big, waiting] }));
    expect(effects.map(({ step, task, action, reason }) => [step, task, action, reason])).to.deep.equal([
      [1, 'default/big', 'removed', 'Stopped'],
      [2, 'default/late', 'created', 'Unschedulable'],
    ]);
  });

  it('leaves what it was given as it was, and says the same of the same', () => {
    const task = running('a');
    const world = facts([edited(task, { image: 'app:2' })], { tasks: [task] });
    const text = JSON.stringify(world);
    expect(forecast(world)).to.deep.equal(forecast(world));
    expect(JSON.stringify(world)).to.equal(text);
  });

  it('says nothing where nothing changes', () => {
    expect(forecast(facts([]))).to.deep.equal({ effects: [], jobs: [], notes: [] });
  });

  it('is made in time among a thousand that wait for a worker, and says how many more there are', () => {
    const held = Array.from({ length: 1_000 }, (_, at) => running(`r${at}`));
    const said = { type: 'Scheduled', status: 'False', reason: 'Unschedulable', message: 'x' } as const;
    const waiting = Array.from({ length: 1_010 }, (_, at) =>
      newTask(
        `q${at}`,
        { resources: { requests: { cpu: '1000' } } },
        {
          status: { phase: 'Pending', conditions: [{ ...said, lastTransitionTime: '2026-01-01T00:00:00Z' }] },
        },
      ),
    );
    const made = Array.from({ length: 10 }, (_, at): PlannedChange => {
      const dependsOn = at === 0 ? {} : { dependsOn: [{ name: `n${at - 1}` }] };
      return { before: undefined, after: newTask(`n${at}`, dependsOn) };
    });
    const startMs = cpuMs();
    const { effects, notes } = forecast(facts(made, { tasks: [...held, ...waiting] }));
    expect(cpuMs() - startMs).to.be.below(6_000);
    expect(effects.map(({ task, action }) => `${action} ${task}`)).to.deep.equal(
      made.map(({ after }) => `created default/${after.metadata.name}`),
    );
    expect(notes).to.include(
      '10 more tasks wait for a worker than the 1000 that were looked at: what becomes of them is not told',
    );
  });
});
