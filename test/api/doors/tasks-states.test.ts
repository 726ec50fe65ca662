import { expect } from 'chai';
import { fullItemOf, itemOf } from '../../../api/doors/tasks/translate.ts';
import { document } from '../../../schemas/doors/tasks.gen.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { newTask } from '../../builders.ts';
import { conformsToSchema } from './openapi.ts';

type Spec = Partial<Task['spec']>;
type Status = NonNullable<Task['status']>;

const CONTAINER = 'fd31597bc7eb16c92cc1b59fc2300d92d58c9795648a71e4d4ac9b5b0ff76b08';
const bound: Spec = { workerName: 'w1', bindingEpoch: 1 };
const stopped: Spec = { ...bound, desiredState: 'Stopped' };
const exited = (exitCode: number): Status => ({
  container: { id: CONTAINER, state: 'exited', exitCode },
  history: [{ attempt: 1, epoch: 1, id: CONTAINER, reason: 'Error', exitCode }],
});
const runs: Status = { container: { id: CONTAINER, state: 'running' } };

describe('the State that the /tasks door shows', () => {
  const rows: readonly (readonly [what: string, spec: Spec, status: Status | undefined, state: number])[] = [
    ['new', {}, undefined, 0],
    ['that waits for room', {}, { phase: 'Pending', reason: 'Unschedulable' }, 0],
    ['that was stopped before it had a worker', { desiredState: 'Stopped' }, { phase: 'Pending' }, 3],
    ['bound', bound, { phase: 'Pending' }, 1],
    ['taken off its worker', { bindingEpoch: 1 }, { phase: 'Pending' }, 1],
    ['that waits to be started again', bound, { phase: 'Pending', ...exited(3) }, 1],
    ['that runs', bound, { phase: 'Running', ...runs }, 2],
    ['that shall stop and still runs', stopped, { phase: 'Running', ...runs, observedGeneration: 1 }, 2],
    ['that succeeded', bound, { phase: 'Succeeded', ...exited(0) }, 3],
    ['that was stopped', stopped, { phase: 'Stopped' }, 3],
    ['that failed', bound, { phase: 'Failed', ...exited(3) }, 4],
    [
      'that failed and shall be stopped',
      stopped,
      { phase: 'Failed', ...exited(3), observedGeneration: 1 },
      3,
    ],
    [
      'that was stopped, its container started by hand',
      stopped,
      { phase: 'Running', ...exited(0), ...runs, observedGeneration: 1 },
      3,
    ],
    [
      'whose stop its worker does not know yet, while it is started again',
      stopped,
      { phase: 'Pending', ...exited(3), observedGeneration: 0 },
      1,
    ],
    ['of a lost worker that had run', bound, { phase: 'Unknown', ...runs }, 2],
    ['of a lost worker, not started', bound, { phase: 'Unknown' }, 1],
    ['of a lost worker, being made', bound, { phase: 'Unknown', container: { state: 'created' } }, 1],
    [
      'of a lost worker that had succeeded',
      { ...bound, restartPolicy: 'OnFailure' },
      { phase: 'Unknown', ...exited(0) },
      3,
    ],
    [
      'of a lost worker that waited',
      { ...bound, restartPolicy: 'OnFailure' },
      { phase: 'Unknown', ...exited(3) },
      1,
    ],
    [
      'of a lost worker, always started',
      { ...bound, restartPolicy: 'Always' },
      { phase: 'Unknown', ...exited(0) },
      1,
    ],
    [
      'of a lost worker that had failed',
      { ...bound, restartPolicy: 'Never' },
      { phase: 'Unknown', ...exited(3) },
      4,
    ],
    [
      'of a lost worker that was stopped, its container removed',
      stopped,
      { phase: 'Unknown', finishedAt: '2026-01-01T00:00:00Z', observedGeneration: 1 },
      3,
    ],
    [
      'of a lost worker that was stopped before anything began',
      stopped,
      { phase: 'Unknown', observedGeneration: 1 },
      1,
    ],
  ];
  for (const [what, spec, status, state] of rows) {
    it(`D0.5 of a task ${what} is ${state}`, () => {
      const task = newTask('web', spec, status === undefined ? {} : { status });
      expect(itemOf(task).State).to.equal(state);
      conformsToSchema(document, 'Task', itemOf(task));
      conformsToSchema(document, 'WholeTask', fullItemOf(task));
    });
  }

  it('D0.5 ContainerID stays that of the last container when it has been removed', () => {
    const status: Status = { phase: 'Stopped', history: exited(0).history ?? [] };
    expect(itemOf(newTask('web', stopped, { status })).ContainerID).to.equal(CONTAINER);
  });
});
