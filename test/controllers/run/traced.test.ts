/** D2.5: the ids of a dispatched Run are those of its Tasks and Events, also once somebody else has cancelled it. */
import { expect } from 'chai';
import { ANNOTATION_REQUEST_ID, ANNOTATION_TASK_ID, ANNOTATION_TRACE } from '../../../machinery/labels.ts';
import type { KubeObject } from '../../../machinery/meta.ts';
import { withTrace } from '../../../machinery/trace.ts';
import { events, runs, tasks } from '../../../schemas/kinds.ts';
import { openWorld, type World } from '../../world.ts';
import { type Process, Stage, startRuns } from './stage.ts';

const TRACE = 'e'.repeat(32);
const key = { namespace: 'default', name: 'order' };

describe('A dispatched Run', () => {
  let world: World;
  let stage: Stage;
  let running: Process;
  beforeEach(async () => {
    world = await openWorld();
    stage = new Stage(world);
    running = startRuns(world);
    await stage.createTemplate('fib', {
      template: { metadata: { annotations: { own: 'kept' } }, spec: { image: 'fib:1' } },
    });
    await withTrace({ requestId: 'r', traceId: TRACE }, () =>
      world.admin.create(runs, {
        apiVersion: 'gantry.dev/v1',
        kind: 'Run',
        metadata: {
          ...key,
          annotations: { [ANNOTATION_TASK_ID]: 'Order 1', [ANNOTATION_REQUEST_ID]: 'theirs' },
        },
        spec: { templateRef: { name: 'fib' } },
      }),
    );
    await world.until('its task', async () => (await world.admin.list(tasks)).items.length === 1);
  });
  afterEach(async () => {
    await running.kill();
    await world.close();
  });

  it('D2.5 hands its trace, task_id and request_id on to its Tasks', async () => {
    const [task] = (await world.admin.list(tasks)).items;
    expect(task?.metadata.annotations).to.deep.equal({
      own: 'kept',
      [ANNOTATION_TASK_ID]: 'Order 1',
      [ANNOTATION_REQUEST_ID]: 'theirs',
      [ANNOTATION_TRACE]: TRACE,
    });
    expect((await world.admin.get(runs, key)).status?.traceID).to.equal(TRACE);
  });

  it('D2.5 stays in it when another request cancels it, and so do its Tasks and what is told of them', async () => {
    await withTrace({ requestId: 'other', traceId: 'f'.repeat(32) }, () =>
      world.admin.patch(runs, key, { type: 'merge', body: { spec: { cancel: true } } }),
    );
    await world.until('its task to be stopped', async () => {
      const [task] = (await world.admin.list(tasks)).items;
      return task?.spec.desiredState === 'Stopped';
    });
    const [task] = (await world.admin.list(tasks)).items;
    const told = (await world.admin.list(events)).items;
    expect(told).to.not.deep.equal([]);
    const all: readonly (KubeObject | undefined)[] = [task, ...told, await world.admin.get(runs, key)];
    for (const object of all) {
      expect(object?.metadata.annotations?.[ANNOTATION_TRACE], object?.metadata.name).to.equal(TRACE);
    }
  });
});
