/** Why, from history: who changed what, who deleted it, how it was with the name before; and where history ends. */
import { expect } from 'chai';
import { explainWhy } from '../../../controllers/explain/why/explain.ts';
import type { ObjectVersion } from '../../../machinery/history.ts';
import type { DynamicObject } from '../../../machinery/meta.ts';
import type { WhyFacts } from '../../../machinery/why.ts';
import { secrets, tasks } from '../../../schemas/kinds.ts';
import { linesOf, WhyWorld } from './whyworld.ts';

describe('why, from history', () => {
  let here: WhyWorld;
  const key = { namespace: 'default', name: 't' };
  beforeEach(async () => {
    here = await WhyWorld.open();
  });
  afterEach(() => here.close());

  it('each change of the spec: who, with which manager, which fields, and of what is no secret from what to what', async () => {
    await here.task('t');
    await here.untilPhase('t', 'Running');
    await here.world.admin.patch(
      tasks,
      key,
      { type: 'merge', body: { spec: { image: 'app:2', env: [{ name: 'TOKEN', value: 'hunter2' }] } } },
      { fieldManager: 'deploy-script' },
    );
    await here.untilPhase('t', 'Running');
    const answer = await here.why(tasks, 't');
    const change = answer.timeline.find(({ topic }) => topic === 'spec');
    expect(change).to.include({
      by: 'admin',
      manager: 'deploy-script',
      message: 'changed spec.image app:1 -> app:2, spec.env (added)',
      source: 'history',
    });
    expect(change?.changedFields).to.deep.equal([
      { path: 'spec.image', operation: 'changed' },
      { path: 'spec.env', operation: 'added' },
    ]);
    expect(JSON.stringify(answer.timeline)).to.not.include('hunter2');
    expect(answer.unknown).to.deep.equal([]);
  });

  it('a crash loop reads from its creation on as what followed from what', async () => {
    await here.task('t', { image: 'crash:1' });
    await here.untilReason('t', 'CrashLoopBackOff');
    const { timeline } = await here.why(tasks, 't');
    const topics = timeline.map(({ topic, attempt }) =>
      attempt === undefined ? topic : `${topic} ${attempt}`,
    );
    expect(topics.join(', ')).to.equal(
      'created, status, placement, container 1, container 1, status, condition, ended 1, container 2, container 2, ended 2, backoff',
    );
  });

  it('a Task that somebody deleted: who asked, when, what it was; and that it can be brought back', async () => {
    await here.task('t');
    await here.untilPhase('t', 'Running');
    await here.world.admin.delete(tasks, key);
    await here.world.advance(5_000);
    const { state, summary, causes, needs, timeline } = await here.why(tasks, 't');
    expect(state).to.equal('Deleted');
    expect(summary).to.match(/^task\/t was deleted at 2026-01-01T00:00:01\.000Z by admin$/);
    expect(causes).to.deep.equal(['as it was last seen: task/t is Running']);
    expect(needs.join()).to.include('gantry undo task/t');
    const deletions = timeline
      .filter(({ topic }) => topic === 'deleted')
      .map(({ by, message }) => `${by}: ${message}`);
    expect(deletions).to.deep.equal([
      'admin: its deletion was asked for; it goes once nothing holds it: gantry.dev/container',
      'system:worker:w1: deleted: it is gone',
    ]);
  });

  it('a Task whose time was over: what took it away, and why', async () => {
    await here.task('t', { image: 'job:1', restartPolicy: 'Never', ttlSecondsAfterFinished: 5 });
    await here.untilPhase('t', 'Succeeded');
    const before = await here.why(tasks, 't');
    expect(before.next[0]?.message).to.match(/it is removed$/);
    await here.world.advance(30_000);
    const { reason, summary } = await here.why(tasks, 't');
    expect(reason).to.equal('TTLExpired');
    expect(summary).to.match(
      /by system:controller:ttl \(TTLExpired: removed: its ttlSecondsAfterFinished has passed\)$/,
    );
  });

  it('two objects of one name are two: the answer is of the newer, and each entry says whose it is', async () => {
    await here.task('t', { image: 'crash:1' });
    await here.untilReason('t', 'CrashLoopBackOff');
    await here.world.admin.delete(tasks, key);
    await here.world.advance(5_000);
    await here.task('t');
    await here.untilPhase('t', 'Running');
    const { summary, subject, timeline } = await here.why(tasks, 't');
    expect(summary).to.equal('it runs on worker w1 and is Ready');
    const ends = timeline.filter(({ topic }) => topic === 'ended');
    expect(ends.length).to.be.greaterThan(0);
    expect(ends.every(({ uid }) => uid !== subject.uid)).to.equal(true);
    expect(linesOf(timeline).filter((line) => line.startsWith('created:'))).to.have.length(2);
  });

  it('values of a Secret are in no answer', async () => {
    await here.create(secrets, 'key', { stringData: { password: 'hunter2' } });
    await here.world.admin.patch(
      secrets,
      { namespace: 'default', name: 'key' },
      { type: 'merge', body: { stringData: { password: 'hunter3' } } },
    );
    const answer = await here.why(secrets, 'key');
    expect(linesOf(answer.timeline).join()).to.match(/spec: changed data\.password/);
    const text = JSON.stringify(answer);
    for (const secret of [
      'hunter',
      Buffer.from('hunter2').toString('base64'),
      Buffer.from('hunter3').toString('base64'),
    ]) {
      expect(text).to.not.include(secret);
    }
  });
});

describe('where history ends', () => {
  const object: DynamicObject = {
    apiVersion: 'gantry.dev/v1',
    kind: 'Task',
    metadata: { name: 't', uid: 'u', resourceVersion: '9', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { image: 'b' },
    status: { phase: 'Running' },
  };
  const version = (revision: number, fields: object): ObjectVersion => ({
    revision,
    timeMs: revision * 1000,
    operation: 'changed',
    author: undefined,
    object: { ...object, ...fields },
  });
  const facts: WhyFacts = {
    nowMs: 0,
    subject: { apiVersion: 'gantry.dev/v1', kind: 'Task', name: 't' },
    object,
    versions: [version(9, {}), version(7, { spec: { image: 'a' } })],
    statusFromRevision: 8,
    hasOlderVersions: false,
    oldestRevision: 5,
    events: [],
    attempts: [],
    related: [],
    unknown: [],
  };

  it('what was before is said not to be known, and so is who wrote what nobody recorded', () => {
    const { unknown, timeline } = explainWhy(facts);
    expect(unknown).to.deep.equal([
      'how it was created (at 2026-01-01T00:00:00Z) and what became of it before the first entry: the past is kept from revision 5',
      'who wrote 2 of its versions: nobody was recorded with them',
    ]);
    expect(linesOf(timeline)).to.deep.equal(['spec: changed spec.image a -> b']);
  });

  it('a status between two versions that were not read one after the other is not told as news of the later one', () => {
    const gap = {
      ...facts,
      versions: [version(9, {}), version(7, { status: { phase: 'Pending' } })],
      statusFromRevision: 10,
    };
    expect(linesOf(explainWhy(gap).timeline)).to.deep.equal([]);
  });
});
