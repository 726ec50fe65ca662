/** What an answer to why costs, whatever somebody has stored: it is made between two turns of the server's event loop. */
import { expect } from 'chai';
import { explainWhy } from '../../../controllers/explain/why/explain.ts';
import { verdictsInMessage } from '../../../controllers/explain/why/placement.ts';
import type { ObjectVersion } from '../../../machinery/history.ts';
import type { DynamicObject } from '../../../machinery/meta.ts';
import type { WhyFacts } from '../../../machinery/why.ts';
import { cpuMs } from '../../cputime.ts';

const NOW = Date.UTC(2026, 0, 1);

function thing(revision: number, fields: Readonly<Record<string, unknown>>): DynamicObject {
  const metadata = { name: 'x', namespace: 'default', uid: 'u', resourceVersion: String(revision) };
  return { apiVersion: 'example.com/v1', kind: 'Thing', metadata, ...fields };
}

/** Newest first. */
function versionsOf(objects: readonly DynamicObject[]): readonly ObjectVersion[] {
  return objects
    .map((object, at): ObjectVersion => {
      const previous = objects[at - 1];
      const version = { revision: at + 1, timeMs: NOW + at * 1000, author: undefined, object };
      return previous === undefined
        ? { ...version, operation: 'created' }
        : { ...version, operation: 'changed', previous };
    })
    .reverse();
}

function factsOf(objects: readonly DynamicObject[], events: readonly DynamicObject[] = []): WhyFacts {
  return {
    nowMs: NOW,
    subject: { apiVersion: 'example.com/v1', kind: 'Thing', namespace: 'default', name: 'x' },
    object: objects.at(-1),
    versions: versionsOf(objects),
    statusFromRevision: 0,
    hasOlderVersions: false,
    oldestRevision: 0,
    events,
    attempts: [],
    related: [],
    unknown: [],
  };
}

describe('bounds of why', () => {
  it('thousands of conditions that all change, among hundreds of Events, are told in part and in time', () => {
    const objects = Array.from({ length: 8 }, (_, at) =>
      thing(at + 1, {
        status: {
          conditions: Array.from({ length: 5_000 }, (_condition, number) => ({
            type: `C${number}`,
            status: at % 2 === 0 ? 'False' : 'Unknown',
            reason: `R${at}`,
            message: 'm',
          })),
        },
      }),
    );
    const events = Array.from(
      { length: 500 },
      (_, at): DynamicObject => ({
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: `e${at}`, resourceVersion: String(100 + at) },
        involvedObject: { uid: 'u' },
        reason: 'X',
        message: `m${at}`,
        lastTimestamp: '2026-01-01T00:00:03Z',
      }),
    );
    const startMs = cpuMs();
    const { timeline, causes, needs } = explainWhy(factsOf(objects, events));
    expect(cpuMs() - startMs).to.be.below(2_000);
    expect(timeline.length).to.be.at.most(500);
    expect(causes.at(-1)).to.equal('and 4980 more conditions are not as they should be');
    expect(needs.length).to.be.at.most(20);
    const told = explainWhy(factsOf(objects.slice(0, 1))).timeline.map(({ message }) => message);
    expect(told.at(-1)).to.equal('4950 more of its conditions changed');
  });

  it('a list of verdicts that never ends is read once', () => {
    const startMs = cpuMs();
    expect(verdictsInMessage(`0/1 workers fit: ${'; w Fails ('.repeat(50_000)}`)).to.deep.equal([]);
    expect(cpuMs() - startMs).to.be.below(500);
  });

  it('values are told short, and only where they are no more than values', () => {
    const { timeline } = explainWhy(
      factsOf([
        thing(1, { spec: { image: 'a', replicas: 1 } }),
        thing(2, { spec: { image: 'b'.repeat(100_000), replicas: { least: 1 } } }),
      ]),
    );
    const change = timeline.find(({ topic }) => topic === 'spec');
    expect(change?.message).to.match(/^changed spec\.image a -> b{200}…, spec\.replicas$/);
  });
});
