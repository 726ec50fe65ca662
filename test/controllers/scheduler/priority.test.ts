/** Who is placed first when room is short, and who has to leave for whom: on the real registry. */
import { expect } from 'chai';
import { ANNOTATION_DECISION } from '../../../machinery/labels.ts';
import { tasks } from '../../../schemas/kinds.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { SchedulerRig } from './rig.ts';

type Spec = Partial<Task['spec']>;

const cpu = (figure: string, rest: Spec = {}): Spec => ({
  resources: { requests: { cpu: figure } },
  ...rest,
});
const urgent = (figure: string, rest: Spec = {}): Spec =>
  cpu(figure, { priority: 100, preemptionPolicy: 'PreemptLowerPriority', ...rest });

describe('Scheduler, by priority', () => {
  let rig: SchedulerRig;

  beforeEach(async () => {
    rig = await SchedulerRig.open();
  });
  afterEach(() => rig.close());

  const isBound = async (name: string): Promise<boolean> => (await rig.workerOf(name)) !== undefined;
  const end = async (name: string): Promise<void> =>
    rig.say(name, { phase: 'Succeeded', observedGeneration: 1 });
  const touch = (name: string, label: string): Promise<Task> =>
    rig.world.admin.patch(
      tasks,
      { namespace: 'default', name },
      { type: 'merge', body: { metadata: { labels: { touched: label } } } },
    );

  it('gives freed room to the most urgent, then the oldest, whoever is looked at first', async () => {
    await rig.world.addWorker('w1', { cpu: '1' });
    await rig.run('first', cpu('1'));
    for (const [name, priority] of Object.entries({
      low: -5,
      older: 7,
      none: undefined,
      newer: 7,
      most: 9,
    })) {
      await rig.add(name, cpu('1', priority === undefined ? {} : { priority }));
      await rig.world.advance(1_000);
    }
    const order: string[] = [];
    let last = 'first';
    for (let turn = 0; turn < 5; turn++) {
      const ending = end(last);
      // The least urgent is looked at, at the moment the room comes free and once more before the next round.
      await touch('low', `a${turn}`);
      await ending;
      await touch('low', `b${turn}`);
      const waiting = ['low', 'older', 'none', 'newer', 'most'].filter((name) => !order.includes(name));
      let next: string | undefined;
      await rig.world.until(
        'the next one',
        async () => {
          for (const name of waiting) if (await isBound(name)) next = name;
          return next !== undefined;
        },
        1_000,
      );
      await rig.world.settle();
      last = next ?? '';
      order.push(last);
    }
    expect(order).to.deep.equal(['most', 'older', 'newer', 'none', 'low']);
  });

  it('does not let what is too big keep smaller ones from room that is of no use to it', async () => {
    await rig.world.addWorker('w1', { cpu: '1' });
    await rig.add('huge', cpu('2', { priority: 1000 }));
    await rig.add('small', cpu('500m'));
    await rig.world.until('small is bound', () => isBound('small'), 1_000);
    expect(await isBound('huge')).to.equal(false);
  });

  it('moves the least costly off a worker, waits until it has left, and says so on both sides', async () => {
    await rig.world.addWorker('w1', { cpu: '2' });
    await rig.run('low', cpu('1', { priority: 1 }));
    await rig.run('lower', cpu('1'));
    await rig.add('urgent', urgent('1'));
    await rig.world.advance(1_000);

    expect(await isBound('lower')).to.equal(false);
    expect(await isBound('low')).to.equal(true);
    const message = 'default/urgent of priority 100 takes its room on worker w1';
    expect(await rig.scheduled('lower')).to.include({ status: 'False', reason: 'Preempted', message });
    expect(await isBound('urgent'), 'its container still runs').to.equal(false);
    expect((await rig.scheduled('urgent'))?.message).to.equal(
      '0/1 workers fit: w1 InsufficientCPU (asks 1, 0 free); waits for room on w1, which default/lower (priority 0) leave',
    );
    const [told] = (await rig.eventsOf('lower')).filter(({ reason }) => reason === 'Preempted');
    expect(told).to.include({ type: 'Warning', message });
    const [asked] = (await rig.eventsOf('urgent')).filter(({ reason }) => reason === 'Preempting');
    expect(asked?.message).to.equal('takes room on worker w1 from default/lower (priority 0)');
    expect(JSON.parse(asked?.metadata.annotations?.[ANNOTATION_DECISION] ?? '')).to.deep.equal({
      inputs: { priority: 100, resources: { requests: { cpu: '1' } }, workers: 1 },
      verdict: ['w1: default/lower (priority 0) leave, the least costly'],
      action: 'move default/lower off w1',
    });

    // The room that is kept is nobody else's.
    await rig.add('other', cpu('1', { priority: 99 }));
    await rig.world.advance(5_000);
    expect(await isBound('other')).to.equal(false);
    expect(rig.calls.filter((call) => call.subresource === 'eviction')).to.have.length(1);

    await rig.say('lower', { phase: 'Pending' });
    await rig.world.until('urgent is bound', () => isBound('urgent'), 1_000);
    await rig.world.advance(1_000);
    expect(await rig.scheduled('lower')).to.include({ status: 'False', reason: 'Unschedulable' });
    expect(await rig.scheduled('urgent')).to.include({ status: 'True', reason: 'Bound' });
    expect(await rig.world.metrics.metrics()).to.contain('scheduler_preemption_victims_total 1');
  });

  it('moves nobody of the same priority, nobody for who may not, and nobody in vain', async () => {
    await rig.world.addWorker('w1', { cpu: '2' });
    await rig.run('peer', cpu('1', { priority: 100 }));
    await rig.run('low', cpu('1'));
    await rig.add('polite', cpu('1', { priority: 100 }));
    await rig.add('big', urgent('2'));
    await rig.world.advance(10 * 60_000);
    expect([await isBound('peer'), await isBound('low')]).to.deep.equal([true, true]);
    expect((await rig.scheduled('big'))?.message).to.equal(
      '0/1 workers fit: w1 InsufficientCPU (asks 2, 0 free); moving tasks of lower priority would not help: w1 InsufficientCPU (asks 2, 1 free) even without its 1 tasks of lower priority',
    );
    expect(rig.calls.filter((call) => call.subresource === 'eviction')).to.deep.equal([]);
  });

  it('waits for room that comes free by itself', async () => {
    await rig.world.addWorker('w1', { cpu: '2' });
    await rig.run('low', cpu('1'));
    await rig.run('ending', cpu('1', { priority: 500 }));
    await rig.world.admin.delete(tasks, { namespace: 'default', name: 'ending' });
    await rig.add('urgent', urgent('1'));
    await rig.world.advance(5_000);
    expect((await rig.scheduled('urgent'))?.message).to.contain(
      '; room comes free on w1 with default/ending',
    );
    expect(await isBound('low')).to.equal(true);
    // What hangs is not waited for longer than a deletion takes.
    await rig.world.until('low is moved', async () => !(await isBound('low')), 3 * 60_000);
  });

  it('lets one that is still more urgent have the room, and makes other room then', async () => {
    await rig.world.addWorker('w1', { cpu: '2' });
    await rig.run('a', cpu('1'));
    await rig.run('b', cpu('1', { priority: 1 }));
    await rig.add('urgent', urgent('1'));
    await rig.world.advance(1_000);
    await rig.add('first', cpu('1', { priority: 1000 }));
    await rig.world.until('the more urgent one is bound', () => isBound('first'), 1_000);
    await rig.world.until('the next victim', async () => !(await isBound('b')), 5_000);
    await rig.say('a', { phase: 'Pending' });
    await rig.say('b', { phase: 'Pending' });
    await rig.world.until('urgent is bound', () => isBound('urgent'), 5_000);
  });

  it('leaves a victim alone that changed meanwhile, and decides anew', async () => {
    await rig.world.addWorker('w1', { cpu: '1' });
    await rig.run('low', cpu('1'));
    let changes = 0;
    rig.hooks.before = async (call) => {
      if (call.subresource === 'eviction' && changes++ === 0) {
        const body = { spec: { priority: 200 } };
        await rig.world.admin.patch(tasks, { namespace: 'default', name: 'low' }, { type: 'merge', body });
      }
    };
    await rig.add('urgent', urgent('1'));
    await rig.world.advance(30_000);
    expect(changes).to.equal(1);
    expect([await isBound('low'), await isBound('urgent')]).to.deep.equal([true, false]);
  });

  it('also one that changed while another of them was being moved, and was seen to', async () => {
    await rig.world.addWorker('w1', { cpu: '2' });
    await rig.run('low-a', cpu('1'));
    await rig.run('low-b', cpu('1'));
    let other = '';
    rig.hooks.after = async (call) => {
      if (call.subresource !== 'eviction' || other !== '') return;
      other = call.key?.name === 'low-a' ? 'low-b' : 'low-a';
      const key = { namespace: 'default', name: other };
      await rig.world.admin.patch(tasks, key, { type: 'merge', body: { spec: { priority: 200 } } });
      await rig.untilSeen(other, ({ spec }) => spec.priority === 200);
    };
    await rig.add('urgent', urgent('2'));
    await rig.world.advance(30_000);
    expect([other === '', await isBound(other), await isBound('urgent')]).to.deep.equal([false, true, false]);
  });

  it('forgets with a restart whom it waits for, and takes the room that is free then', async () => {
    await rig.world.addWorker('w1', { cpu: '1' });
    await rig.run('low', cpu('1'));
    await rig.add('urgent', urgent('1'));
    await rig.world.until('low is moved', async () => !(await isBound('low')), 1_000);
    await rig.stop();
    rig.start();
    await rig.world.until('urgent is bound', () => isBound('urgent'), 5_000);
    expect(rig.calls.filter((call) => call.subresource === 'eviction')).to.have.length(1);
  });

  it('does not wait for ever for one that does not leave', async () => {
    await rig.world.addWorker('w1', { cpu: '1' });
    await rig.run('low', cpu('1', { terminationGracePeriodSeconds: 5 }));
    await rig.add('urgent', urgent('1'));
    await rig.world.advance(15_000);
    expect(await isBound('urgent')).to.equal(false);
    await rig.world.until('urgent is bound', () => isBound('urgent'), 10_000);
  });

  it('makes room for several at once, each for its own', async () => {
    await rig.world.addWorker('w1', { cpu: '3' });
    await rig.world.addWorker('w2', { cpu: '3' });
    for (let at = 0; at < 6; at++) await rig.run(`low${at}`, cpu('1'));
    for (let at = 0; at < 4; at++) await rig.add(`urgent${at}`, urgent('1'));
    await rig.world.advance(1_000);
    const low = await Promise.all(Array.from({ length: 6 }, (_, at) => rig.get(`low${at}`)));
    const moved = low.filter((task) => task.spec.workerName === undefined);
    expect(moved).to.have.length(4);
    for (const task of moved) await rig.say(task.metadata.name, { phase: 'Pending' });
    for (let at = 0; at < 4; at++) {
      await rig.world.until(`urgent${at} is bound`, () => isBound(`urgent${at}`), 1_000);
    }
    await rig.world.advance(60_000);
    expect(rig.calls.filter((call) => call.subresource === 'eviction')).to.have.length(4);
  });
});
