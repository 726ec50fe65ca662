/** What is said of a rollout, judged from the TaskSet alone. */
import { expect } from 'chai';
import { rolloutState } from '../../cli/rolloutstate.ts';
import type { TaskSet } from '../../schemas/types.gen.ts';

type Status = NonNullable<TaskSet['status']>;

const set = (status: Status | undefined, spec: Partial<TaskSet['spec']> = {}, generation = 2): TaskSet => ({
  apiVersion: 'gantry.dev/v1',
  kind: 'TaskSet',
  metadata: { name: 'web', namespace: 'default', uid: 'u', generation },
  spec: { replicas: 3, selector: {}, template: { spec: { image: 'i' } }, ...spec },
  ...(status === undefined ? {} : { status }),
});
const progressing = (reason: string, message = '', status: 'True' | 'False' = 'True'): Status => ({
  conditions: [{ type: 'Progressing', status, reason, message, lastTransitionTime: '2026-01-01T00:00:00Z' }],
});
const seen: Status = { observedGeneration: 2, desiredReplicas: 3, updateRevision: 'web-b' };
const whole: Status = { ...seen, replicas: 3, updatedReplicas: 3, availableReplicas: 3 };
const waiting = 'Waiting for taskset "web" rollout to finish: ';

describe('rollout state', () => {
  const rows: [string, TaskSet, string, string][] = [
    ['nothing seen yet', set(undefined), 'moving', 'Waiting for taskset "web" spec update to be observed...'],
    [
      'complete, but of the generation before',
      set({ ...whole, observedGeneration: 1 }),
      'moving',
      'Waiting for taskset "web" spec update to be observed...',
    ],
    [
      'failed, but of the generation before',
      set({ ...whole, ...progressing('ProgressDeadlineExceeded', '', 'False'), observedGeneration: 1 }),
      'moving',
      'Waiting for taskset "web" spec update to be observed...',
    ],
    [
      'a revision that cannot be told',
      set({ observedGeneration: 2, ...progressing('ReplicasUpdating', 'secret "s" may not be read') }),
      'moving',
      `${waiting}its newest revision is not known yet: secret "s" may not be read...`,
    ],
    [
      'some new ones',
      set({ ...seen, replicas: 4, updatedReplicas: 1, availableReplicas: 3 }),
      'moving',
      `${waiting}1 out of 3 new replicas have been updated...`,
    ],
    [
      'old ones left',
      set({ ...seen, replicas: 4, updatedReplicas: 3, availableReplicas: 4 }),
      'moving',
      `${waiting}1 old replicas are pending termination...`,
    ],
    [
      'new ones that are not available yet',
      set({ ...seen, replicas: 3, updatedReplicas: 3, availableReplicas: 2 }),
      'moving',
      `${waiting}2 of 3 updated replicas are available...`,
    ],
    ['complete', set(whole), 'done', 'taskset "web" successfully rolled out'],
    [
      'complete with none wanted',
      set({ ...seen, desiredReplicas: 0 }, { replicas: 0 }),
      'done',
      'taskset "web" successfully rolled out',
    ],
    [
      'as many as there are workers',
      set({ ...whole, desiredReplicas: 4 }, { mode: 'Global' }),
      'moving',
      `${waiting}3 out of 4 new replicas have been updated...`,
    ],
    [
      'paused on its way',
      set({ ...seen, updatedReplicas: 1 }, { paused: true }),
      'moving',
      `${waiting}it is paused, 1 out of 3 new replicas have been updated; go on with: gantry rollout resume taskset/web...`,
    ],
    [
      'paused with nothing to do',
      set(whole, { paused: true }),
      'done',
      'taskset "web" successfully rolled out',
    ],
    [
      'canaries that wait',
      set({ ...seen, updatedReplicas: 1, ...progressing('CanaryWaiting') }),
      'moving',
      `${waiting}its canaries wait to be promoted, 1 out of 3 new replicas have been updated; go on with: gantry rollout promote taskset/web, or back with: gantry rollout undo taskset/web...`,
    ],
    [
      'as many canaries as replicas, which wait',
      set({ ...seen, replicas: 6, updatedReplicas: 3, ...progressing('CanaryWaiting') }),
      'moving',
      `${waiting}its canaries wait to be promoted, 3 old replicas are pending termination; go on with: gantry rollout promote taskset/web, or back with: gantry rollout undo taskset/web...`,
    ],
    [
      'paused with old ones left',
      set({ ...seen, replicas: 4, updatedReplicas: 3 }, { paused: true }),
      'moving',
      `${waiting}it is paused, 1 old replicas are pending termination; go on with: gantry rollout resume taskset/web...`,
    ],
    [
      'tasks that are refused',
      set({
        ...seen,
        updatedReplicas: 1,
        conditions: [
          {
            type: 'ReplicaFailure',
            status: 'True',
            reason: 'FailedCreate',
            message: 'exceeded quota',
            lastTransitionTime: '2026-01-01T00:00:00Z',
          },
        ],
      }),
      'moving',
      `${waiting}1 out of 3 new replicas have been updated: exceeded quota...`,
    ],
    [
      'no progress in time',
      set({ ...seen, ...progressing('ProgressDeadlineExceeded', 'web-b-1: ErrImagePull', 'False') }),
      'failed',
      'taskset "web" exceeded its progress deadline (ProgressDeadlineExceeded): web-b-1: ErrImagePull',
    ],
    [
      'given up, all old ones available',
      set({
        ...whole,
        updatedReplicas: 0,
        rejectedRevision: 'web-b',
        targetRevision: 'web-a',
        ...progressing('RolledBack', 'change the template', 'False'),
      }),
      'failed',
      'taskset "web" was rolled back to web-a (RolledBack): change the template',
    ],
    [
      'another revision than the one that was given up',
      set({ ...whole, rejectedRevision: 'web-x' }),
      'done',
      'taskset "web" successfully rolled out',
    ],
  ];
  for (const [name, world, kind, text] of rows) {
    it(`${name}: ${kind}`, () => expect(rolloutState(world)).to.deep.equal({ kind, text }));
  }
});
