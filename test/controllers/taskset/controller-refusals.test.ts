/** What is refused to a TaskSet, of more than one pass does: neither asked for again at once, nor in the way of the rest. */
import { expect } from 'chai';
import { ANNOTATION_PROTECT } from '../../../machinery/labels.ts';
import { resourceQuotas, tasks } from '../../../schemas/kinds.ts';
import { key, TaskSetRig, template } from './rig.ts';

/** One pass makes and deletes fifty. */
const MANY = 60;

describe('TaskSet controller, refusals', function () {
  this.timeout(90_000);
  let rig: TaskSetRig;
  afterEach(() => rig.close());

  it('does not go round while a quota refuses what it would go on to make', async () => {
    rig = await TaskSetRig.open();
    await rig.world.admin.create(resourceQuotas, {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'few', namespace: 'default' },
      spec: { hard: { 'count/tasks.gantry.dev': '2' } },
    });
    await rig.create('web', { replicas: MANY });
    await rig.world.until('two are there', async () => (await rig.status('web')).availableReplicas === 2);
    await rig.world.advance(10_000);
    const before = await rig.looks();
    await rig.world.advance(60_000);
    expect((await rig.looks()) - before).to.be.within(1, 40);
  });

  it('asks for refused deletions now and then, and deletes the others meanwhile', async () => {
    let deletes = 0;
    rig = await TaskSetRig.open({
      hooks: (controller) => ({
        before: ({ operation, resource }) => {
          if (controller === 'taskset' && operation === 'delete' && resource === 'tasks') deletes++;
        },
      }),
    });
    const { metadata, spec } = template('web');
    await rig.create('web', {
      replicas: MANY,
      template: { metadata: { ...metadata, annotations: { [ANNOTATION_PROTECT]: 'true' } }, spec },
    });
    await rig.untilSettled('web');
    // Of equals the last by name goes first.
    const free = (await rig.tasksOf('web')).find(({ metadata: { name } }) => name.endsWith('-0'))?.metadata
      .name;
    if (free === undefined) return expect.fail('there is none');
    await rig.world.admin.patch(tasks, key(free), {
      type: 'merge',
      body: { metadata: { annotations: { [ANNOTATION_PROTECT]: null } } },
    });
    await rig.patch('web', { spec: { replicas: 0 } });
    await rig.world.until('the free one is gone', async () => !(await rig.exists(tasks, free)));
    await rig.world.advance(5_000);
    const before = deletes;
    await rig.world.advance(60_000);
    expect(deletes - before).to.be.within(1, 3 * 50);
    expect(await rig.tasksOf('web')).to.have.length(MANY - 1);
  });
});
