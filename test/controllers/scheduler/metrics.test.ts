/** What the scheduler tells of those that wait. */
import { expect } from 'chai';
import { ApiError } from '../../../machinery/errors.ts';
import { tasks, workers } from '../../../schemas/kinds.ts';
import { taskManifest } from '../../builders.ts';
import { seriesOf } from '../../series.ts';
import { SchedulerRig } from './rig.ts';

describe('Figures of the scheduler', () => {
  let rig: SchedulerRig;
  beforeEach(async () => {
    rig = await SchedulerRig.open();
  });
  afterEach(() => rig.close());

  const waiting = async (): Promise<Record<string, number>> =>
    Object.fromEntries(
      (await seriesOf(rig.world.metrics, 'gantry_scheduler_unschedulable_tasks'))
        .filter(({ value }) => value > 0)
        .map(({ labels, value }) => [labels['reason'] ?? '', value]),
    );
  const asking = (cpu: string) => ({ resources: { requests: { cpu } } });

  it('every reason is there from the beginning, at 0', async () => {
    const series = await seriesOf(rig.world.metrics, 'gantry_scheduler_unschedulable_tasks');
    expect(series.map(({ labels, value }) => [labels['reason'], value])).to.deep.equal([
      ['InsufficientCPU', 0],
      ['InsufficientMemory', 0],
      ['InsufficientDisk', 0],
      ['PortConflict', 0],
      ['SelectorMismatch', 0],
      ['TaintNotTolerated', 0],
      ['WorkerCordoned', 0],
      ['WorkerNotReady', 0],
      ['NoWorkers', 0],
    ]);
  });

  it('a task that waits counts once under each reason that some worker gives, and under none once it is bound', async () => {
    const { world } = rig;
    await world.admin.create(tasks, taskManifest('big', asking('64')));
    await world.advance(1_000);
    expect(await waiting()).to.deep.equal({ NoWorkers: 1 });
    await world.addWorker('w1');
    await world.addWorker('w2');
    const w3 = await world.addWorker('w3');
    await world.admin.update(workers, { ...w3, spec: { unschedulable: true } });
    await world.advance(15_000);
    expect(await waiting()).to.deep.equal({ InsufficientCPU: 1, WorkerCordoned: 1 });
    await world.admin.create(tasks, taskManifest('bigger', asking('65')));
    await world.advance(15_000);
    expect(await waiting()).to.deep.equal({ InsufficientCPU: 2, WorkerCordoned: 2 });
    await world.admin.delete(tasks, { namespace: 'default', name: 'bigger' });
    await world.addWorker('large', { cpu: '100' });
    await world.advance(15_000);
    expect(await waiting()).to.deep.equal({});
  });

  it('of a scheduler that has stopped nothing waits', async () => {
    const { world } = rig;
    await world.admin.create(tasks, taskManifest('a'));
    await world.advance(1_000);
    await rig.stop();
    expect(await waiting()).to.deep.equal({});
  });

  it('bindings that fail are counted by reason, and tried again', async () => {
    const { world } = rig;
    await world.addWorker('w1');
    let failures = 0;
    rig.hooks = {
      before: ({ operation }) => {
        if (operation !== 'post' || failures === 2) return;
        failures++;
        throw failures === 1 ? new ApiError('Conflict', 'somebody was faster') : new Error('the line broke');
      },
    };
    await world.admin.create(tasks, taskManifest('a'));
    await world.advance(5_000);
    const errors = await seriesOf(world.metrics, 'gantry_scheduler_bind_errors_total');
    expect(errors.map(({ labels, value }) => [labels['reason'], value])).to.deep.equal([
      ['Conflict', 1],
      ['Unknown', 1],
    ]);
    expect((await world.admin.get(tasks, { namespace: 'default', name: 'a' })).spec.workerName).to.equal(
      'w1',
    );
  });
});
