/** `gantry why`; what controllers and agents would write is written by hand. */
import { expect } from 'chai';
import { events, tasks } from '../../schemas/kinds.ts';
import { Certificates } from '../client/secureserver.ts';
import { CommandWorld } from './commandworld.ts';

const certificates = new Certificates();
const UNFIT = '0/1 workers fit: w1 InsufficientMemory (asks 512Mi, 100Mi free)';

describe('gantry why', () => {
  let here: CommandWorld;

  beforeEach(async () => {
    here = await CommandWorld.open(certificates);
    await here.create(tasks, 'big', { spec: { image: 'i' } });
    await here.report(tasks, 'big', { phase: 'Pending', reason: 'Unschedulable', message: UNFIT });
    const { metadata } = await here.get(tasks, 'big');
    await here.create(events, 'unfit', {
      involvedObject: {
        apiVersion: 'gantry.dev/v1',
        kind: 'Task',
        namespace: 'default',
        name: 'big',
        uid: metadata.uid,
      },
      metadata: {
        annotations: {
          'gantry.dev/decision': JSON.stringify({
            inputs: { workers: 1 },
            verdict: ['w1 InsufficientMemory (asks 512Mi, 100Mi free)'],
            action: 'wait until a worker changes or room becomes free',
          }),
        },
      },
      reason: 'FailedScheduling',
      message: UNFIT,
      type: 'Warning',
      count: 2,
      firstTimestamp: '2026-01-01T00:00:01Z',
      lastTimestamp: '2026-01-01T00:00:05Z',
      reportingComponent: 'scheduler',
    });
  });
  afterEach(() => here.close());
  after(() => certificates.remove());

  it('tells what it is, why, what comes next, what would have to change, and the way there', async () => {
    const out = await here.ok('why task/big');
    expect(out).to.match(
      /^task\/big in namespace default: Pending, Unschedulable\n\nBecause: {3}it waits for a worker: 0\/1 workers fit/,
    );
    expect(out).to.match(/\nNext: {6}the scheduler looks again/);
    expect(out).to.match(/\nNeeds: {5}one of: more memory free on worker w1/);
    expect(out).to.match(/\n {2}w1 {3}InsufficientMemory {3}asks 512Mi, 100Mi free\n/);
    expect(out).to.match(
      /\n {2}2026-01-01T00:00:05Z {3}.*placement {3}.*scheduler {3}.*FailedScheduling: 0\/1 workers fit: .* \(2 times since 2026-01-01T00:00:01Z\)\n/,
    );
  });

  it('gives the same as JSON, with the decision it was made from', async () => {
    const answer = JSON.parse(await here.ok('why task big -o json')) as {
      kind: string;
      summary: string;
      timeline: { reason?: string; decision?: unknown }[];
    };
    expect(answer.kind).to.equal('Why');
    expect(answer.timeline.find(({ reason }) => reason === 'FailedScheduling')?.decision).to.deep.equal({
      inputs: { workers: 1 },
      verdict: ['w1 InsufficientMemory (asks 512Mi, 100Mi free)'],
      action: 'wait until a worker changes or room becomes free',
    });
  });

  it('answers of a deleted object from what is left of it', async () => {
    await here.world.admin.delete(tasks, { namespace: 'default', name: 'big' });
    const out = await here.ok('why task/big');
    expect(out).to.match(/^task\/big in namespace default: Deleted\n/);
    expect(out).to.match(/FailedScheduling/);
  });

  it('moves no cursor with what a container or a user wrote', async () => {
    await here.report(tasks, 'big', { phase: 'Pending', reason: 'X', message: 'red \u001b[31m\u202e' });
    const out = await here.ok('why task/big');
    for (const control of ['\u001b', '\u202e']) expect(out).to.not.include(control);
    expect(out).to.match(/red \uFFFD\[31m\uFFFD/);
  });

  it('nor with what stands in an Event that anybody may have written', async () => {
    const red = '\u001b[31m';
    await here.report(tasks, 'big', { phase: 'Pending', reason: `Re${red}d` });
    await here.create(events, 'forged', {
      involvedObject: { apiVersion: 'gantry.dev/v1', kind: 'Task', namespace: 'default', name: 'big' },
      metadata: {
        annotations: {
          'gantry.dev/decision': JSON.stringify({
            verdict: [`${red}w1 fits, x`, `w2${red} InsufficientCPU (${red})`],
          }),
        },
      },
      reason: `Forged${red}`,
      message: `words${red}`,
      type: 'Warning',
      firstTimestamp: '2026-01-01T00:00:01Z',
      lastTimestamp: '2026-01-01T00:00:05Z',
      reportingComponent: `comp${red}`,
      reportingInstance: `inst${red}`,
    });
    const out = await here.ok('why task/big');
    expect(out).to.match(/comp\uFFFD\[31m on inst\uFFFD\[31m/);
    expect(out).to.not.include('\u001b');
    expect(await here.ok('get events')).to.not.include('\u001b');
  });

  for (const [line, said] of [
    ['why task/none', 'tasks.gantry.dev "none" not found'],
    ['why tasks', 'name one object: found "tasks", wanted KIND/NAME'],
    ['why task/big task/other', 'one object at a time'],
    ['why task/big -o table', '--output: found "table", wanted json or yaml'],
    ['why task/big --limit all', '--limit: found "all"'],
    ['why pod/big', 'ask tasks.gantry.dev/big, of which it is a view'],
  ] as const) {
    it(`refuses "${line}" with what it found and wanted`, async () => {
      expect(await here.refused(line)).to.include(said);
    });
  }
});
