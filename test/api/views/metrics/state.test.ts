/** The objects as metrics: what each says, whatever its users wrote into it. */
import { expect } from 'chai';
import { containerFamilies } from '../../../../api/views/metrics/containers.ts';
import type { StateView } from '../../../../api/views/metrics/described.ts';
import { familyHead } from '../../../../api/views/metrics/family.ts';
import { shareOf, taskState } from '../../../../api/views/metrics/taskstate.ts';
import {
  addShare,
  type Held,
  sharesFamilies,
  shareTails,
  workerState,
} from '../../../../api/views/metrics/workerstate.ts';
import { jobState, runState, taskSetState } from '../../../../api/views/metrics/workloadstate.ts';
import type { DynamicObject } from '../../../../machinery/meta.ts';
import { seededRandom } from '../../../../machinery/random.ts';
import type { Task } from '../../../../schemas/types.gen.ts';
import { newTask, newWorker } from '../../../builders.ts';
import { knownMetrics } from '../../../monitoring/knownmetrics.ts';
import { type Exposition, parseExposition } from './exposition.ts';

function textOf(view: StateView, objects: readonly object[]): string {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- an object of the view's kind
  const described = objects.map((object) => view.describe(object as DynamicObject));
  return view.families
    .map((family, at) => {
      const lines = described.flatMap(({ head, tails }) =>
        (tails[at] ?? []).map((tail) => `${family.name}${head}${tail}\n`),
      );
      return familyHead(family) + lines.join('');
    })
    .join('');
}

const told = (view: StateView, ...objects: readonly object[]): Exposition =>
  parseExposition(textOf(view, objects));
const at = {
  namespace: 'default',
  name: 'x',
  uid: 'u',
  creationTimestamp: '2026-01-01T00:00:00Z',
  generation: 3,
};
const TRUE = { status: 'True', reason: 'R', message: '', lastTransitionTime: '' } as const;

describe('State metrics', () => {
  describe('of a Task', () => {
    it('say who it is, where it is and to whom it belongs', () => {
      const ownerReferences = [
        { apiVersion: 'v1', kind: 'Other', name: 'o', uid: 'o' },
        { apiVersion: 'gantry.dev/v1', kind: 'TaskSet', name: 'web', uid: 'w', controller: true },
      ];
      const task = newTask(
        't',
        { image: 'app:1', workerName: 'w1', priority: 5 },
        { metadata: { ownerReferences } },
      );
      expect(told(taskState, task).series.find(({ name }) => name === 'gantry_task_info')).to.deep.equal({
        name: 'gantry_task_info',
        labels: {
          namespace: 'default',
          task: 't',
          uid: 'uid-t',
          image: 'app:1',
          worker: 'w1',
          owner_kind: 'TaskSet',
          owner_name: 'web',
          priority: '5',
        },
        value: 1,
      });
    });

    it('have one series for each phase, 1 for the one it is in; a new Task is Pending', () => {
      for (const phase of ['Pending', 'Running', 'Succeeded', 'Failed', 'Stopped', 'Unknown'] as const) {
        const all = told(taskState, newTask('t', {}, { status: { phase } }));
        expect(all.count('gantry_task_status_phase')).to.equal(6);
        expect(all.value('gantry_task_status_phase', { phase })).to.equal(1);
        const ones = all.series.filter(
          ({ name, value }) => name === 'gantry_task_status_phase' && value === 1,
        );
        expect(ones.length).to.equal(1);
      }
      expect(told(taskState, newTask('t')).value('gantry_task_status_phase', { phase: 'Pending' })).to.equal(
        1,
      );
    });

    it('tell readiness, conditions, reason, restarts and the newest exit code that there was', () => {
      const all = told(
        taskState,
        newTask(
          't',
          {},
          {
            status: {
              phase: 'Running',
              reason: 'CrashLoopBackOff',
              restartCount: 7,
              conditions: [
                { type: 'Ready', ...TRUE },
                { type: 'Scheduled', ...TRUE, status: 'Unknown' },
              ],
              history: [
                { attempt: 8, reason: 'ContainerCannotRun' },
                { attempt: 7, reason: 'Error', exitCode: 3 },
                { attempt: 6, reason: 'Error', exitCode: 9 },
              ],
            },
          },
        ),
      );
      expect(all.value('gantry_task_status_ready')).to.equal(1);
      expect(all.value('gantry_task_status_condition', { condition: 'Ready', status: 'true' })).to.equal(1);
      expect(all.value('gantry_task_status_condition', { condition: 'Ready', status: 'false' })).to.equal(0);
      expect(
        all.value('gantry_task_status_condition', { condition: 'Scheduled', status: 'unknown' }),
      ).to.equal(1);
      expect(all.value('gantry_task_status_reason', { reason: 'CrashLoopBackOff' })).to.equal(1);
      expect(all.value('gantry_task_status_restarts_total')).to.equal(7);
      expect(all.types.get('gantry_task_status_restarts_total')).to.equal('counter');
      expect(all.value('gantry_task_status_last_exit_code')).to.equal(3);
      const fresh = told(taskState, newTask('t'));
      expect(fresh.count('gantry_task_status_reason')).to.equal(0);
      expect(fresh.count('gantry_task_status_last_exit_code')).to.equal(0);
      expect(fresh.value('gantry_task_status_ready')).to.equal(0);
    });

    it('tell resources in cores and bytes, and times in Unix seconds', () => {
      const resources = {
        requests: { cpu: '100m', memory: '32Mi', 'ephemeral-storage': '1Gi' },
        limits: { cpu: 2, memory: '1e9' },
      };
      const metadata = { deletionTimestamp: '2026-01-01T00:01:00Z' };
      const all = told(taskState, newTask('t', { resources }, { metadata }));
      const asked = (resource: string): number => all.value('gantry_task_resource_requests', { resource });
      expect([asked('cpu'), asked('memory'), asked('ephemeral_storage')]).to.deep.equal([
        0.1,
        2 ** 25,
        2 ** 30,
      ]);
      expect(all.value('gantry_task_resource_limits', { resource: 'cpu', unit: 'core' })).to.equal(2);
      expect(all.value('gantry_task_resource_limits', { resource: 'memory', unit: 'byte' })).to.equal(1e9);
      expect(all.value('gantry_task_created')).to.equal(Date.UTC(2026, 0, 1) / 1000);
      expect(all.value('gantry_task_deletion_timestamp')).to.equal(Date.UTC(2026, 0, 1, 0, 1) / 1000);
    });
  });

  it('of a TaskSet tell what is wanted and what there is', () => {
    const spec = { replicas: 5, paused: true, selector: {}, template: { spec: { image: 'a' } } };
    const status = {
      observedGeneration: 2,
      replicas: 6,
      readyReplicas: 4,
      availableReplicas: 3,
      unavailableReplicas: 2,
      updatedReplicas: 1,
      conditions: [{ type: 'Progressing', ...TRUE, status: 'False', reason: 'ProgressDeadlineExceeded' }],
    };
    const all = told(taskSetState, {
      apiVersion: 'gantry.dev/v1',
      kind: 'TaskSet',
      metadata: at,
      spec,
      status,
    });
    const figures = ['spec_replicas', 'spec_paused', 'status_replicas', 'status_replicas_ready'];
    const more = ['available', 'unavailable', 'updated'].map((word) => `status_replicas_${word}`);
    const generations = ['metadata_generation', 'status_observed_generation'];
    expect(
      [...figures, ...more, ...generations].map((name) =>
        all.value(`gantry_taskset_${name}`, { taskset: 'x' }),
      ),
    ).to.deep.equal([5, 1, 6, 4, 3, 2, 1, 3, 2]);
    const labels = { condition: 'Progressing', reason: 'ProgressDeadlineExceeded', status: 'false' };
    expect(all.value('gantry_taskset_status_condition', labels)).to.equal(1);
  });

  it('of a TaskSet in mode Global tell as many wanted as its controller counted', () => {
    const spec = { mode: 'Global', replicas: 1, selector: {}, template: { spec: { image: 'a' } } };
    const set = { apiVersion: 'gantry.dev/v1', kind: 'TaskSet', metadata: at, spec };
    expect(told(taskSetState, set).count('gantry_taskset_spec_replicas')).to.equal(0);
    const counted = told(taskSetState, { ...set, status: { desiredReplicas: 4 } });
    expect(counted.value('gantry_taskset_spec_replicas')).to.equal(4);
  });

  it('of a Job tell its schedule, and its times only where there are any', () => {
    const job = {
      apiVersion: 'gantry.dev/v1',
      kind: 'Job',
      metadata: at,
      spec: { tasks: [], schedule: '@daily' },
    };
    const bare = told(jobState, job);
    expect(bare.value('gantry_job_info', { schedule: '@daily', concurrency_policy: 'Allow' })).to.equal(1);
    expect(bare.value('gantry_job_spec_suspended')).to.equal(0);
    expect(bare.value('gantry_job_status_active')).to.equal(0);
    expect(bare.count('gantry_job_status_next_schedule_time')).to.equal(0);
    const status = {
      activeCount: 2,
      lastScheduleTime: '1970-01-01T00:00:10Z',
      nextScheduleTime: '1970-01-01T00:00:20Z',
      lastSuccessfulTime: '1970-01-01T00:00:15.5Z',
    };
    const all = told(jobState, { ...job, status });
    const names = ['active', 'last_schedule_time', 'next_schedule_time', 'last_successful_time'];
    expect(names.map((name) => all.value(`gantry_job_status_${name}`))).to.deep.equal([2, 10, 20, 15.5]);
  });

  it('of a Run tell its Job, its state and its times', () => {
    const spec = { jobRef: { name: 'nightly' }, trigger: 'CatchUp', priority: 3 };
    const status = {
      state: 'failed',
      reason: 'TaskFailed',
      startedAt: '1970-01-01T00:00:10Z',
      finishedAt: '1970-01-01T00:00:20Z',
    };
    const all = told(runState, { apiVersion: 'gantry.dev/v1', kind: 'Run', metadata: at, spec, status });
    expect(all.value('gantry_run_info', { job: 'nightly', trigger: 'CatchUp', priority: '3' })).to.equal(1);
    expect(all.value('gantry_run_status_state', { state: 'failed' })).to.equal(1);
    expect(all.value('gantry_run_status_state', { state: 'pending' })).to.equal(0);
    expect(all.value('gantry_run_status_reason', { reason: 'TaskFailed' })).to.equal(1);
    expect([all.value('gantry_run_start_time'), all.value('gantry_run_completion_time')]).to.deep.equal([
      10, 20,
    ]);
  });

  it('of a Worker tell what it has, its taints once each, and how it is', () => {
    const worker = newWorker('w1', { cpu: '4', memory: '8Gi', unschedulable: true, ready: 'Unknown' });
    const taint = { key: 'gpu', value: 'yes', effect: 'NoSchedule' } as const;
    const all = told(workerState, { ...worker, spec: { ...worker.spec, taints: [taint, taint] } });
    expect(all.value('gantry_worker_spec_unschedulable')).to.equal(1);
    expect(all.value('gantry_worker_spec_taint', { ...taint, worker: 'w1' })).to.equal(1);
    expect(all.value('gantry_worker_status_condition', { condition: 'Ready', status: 'unknown' })).to.equal(
      1,
    );
    expect(all.value('gantry_worker_status_capacity', { resource: 'cpu', unit: 'core' })).to.equal(4);
    expect(all.value('gantry_worker_status_allocatable', { resource: 'memory', unit: 'byte' })).to.equal(
      2 ** 33,
    );
    expect(told(workerState, { ...worker, status: undefined }).count('gantry_worker_info')).to.equal(1);
  });

  it('of what Tasks hold of a Worker count requests, else limits, of those that have not ended', () => {
    const held = new Map<string, Held>();
    const bound = (spec: Partial<Task['spec']>, status: Task['status'] = {}): void => {
      const share = shareOf(newTask('t', { workerName: 'w1', ...spec }, { status }));
      if (share !== undefined) addShare(held, share);
    };
    for (let count = 0; count < 3; count++)
      bound({ resources: { requests: { cpu: '100m', memory: '1Gi' } } });
    bound({ resources: { limits: { cpu: 1 } } }, { phase: 'Running' });
    bound({ resources: { requests: { cpu: 1 } } }, { phase: 'Failed', observedGeneration: 1 });
    // Ended, and changed since: it is to run anew, and keeps its place.
    bound({}, { phase: 'Failed', observedGeneration: 0 });
    expect(shareOf(newTask('t'))).to.equal(undefined);
    expect(shareTails(held.get('w1'))).to.deep.equal([
      [
        ',resource="cpu",unit="core"} 1.3',
        ',resource="memory",unit="byte"} 3221225472',
        ',resource="ephemeral_storage",unit="byte"} 0',
      ],
      ['} 5'],
    ]);
    expect(shareTails(undefined)[1]).to.deep.equal(['} 0']);
  });

  it('are well formed and told once each, whatever is written into the objects (law, 200 hostile Tasks)', () => {
    const random = seededRandom(4);
    const pieces = [
      '"',
      '\\',
      '\n',
      '{',
      '}',
      ',',
      '=',
      'a',
      '\u{1f600}',
      '\ud800',
      '\r',
      '\0',
      ' ',
      '#',
      'x'.repeat(600),
    ];
    const hostile = (): string =>
      Array.from(
        { length: Math.floor(random.next() * 6) },
        () => pieces[Math.floor(random.next() * pieces.length)],
      ).join('');
    const all = Array.from({ length: 200 }, (_, index) =>
      newTask(
        `t${index}`,
        { image: hostile(), workerName: hostile() },
        {
          metadata: {
            ownerReferences: [
              { apiVersion: 'v', kind: hostile(), name: hostile(), uid: '', controller: true },
            ],
          },
          status: {
            reason: hostile(),
            conditions: Array.from({ length: 4 }, () => ({ type: hostile(), ...TRUE })),
            ...(random.next() < 0.5 ? { startedAt: hostile() } : {}),
          },
        },
      ),
    );
    const text = textOf(taskState, all);
    const read = parseExposition(Buffer.from(text).toString());
    expect(read.count('gantry_task_info')).to.equal(200);
    const longest = Math.max(
      ...read.series.flatMap(({ labels }) => Object.values(labels).map(({ length }) => length)),
    );
    expect(longest).to.be.within(500, 512);
  });

  it('and of containers are told under the names, types and labels that the table says, all of them', () => {
    const known = knownMetrics();
    const views = [taskState, taskSetState, jobState, runState, workerState];
    const served = [...views.flatMap(({ families }) => families), ...sharesFamilies, ...containerFamilies];
    const names = served.map(({ name }) => name);
    expect(new Set(names).size).to.equal(names.length);
    for (const { name, type } of served) expect(known.get(name)?.type, name).to.equal(type);
    const documented = [...known.keys()].filter((name) =>
      /^(?:container|gantry_(?:task|taskset|job|run|worker)_(?:info|created|spec|status|metadata|resource|deletion|start_time|completion))_?/.test(
        name,
      ),
    );
    expect(documented.filter((name) => !names.includes(name))).to.deep.equal([]);
  });
});
