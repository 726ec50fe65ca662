/**
 * The answer to "why": the causal chain of one object, from stored facts alone. Pure.
 *
 * It never guesses: what no version, Event, status or kept log says is named among what is not known.
 */
import type { Explain, WhyAnswer, WhyEntry, WhyFacts } from '../../../machinery/why.ts';
import type { Findings } from './findings.ts';
import { goneFindings } from './gone.ts';
import { jobFindings, runFindings } from './job.ts';
import { anyFindings, namespaceFindings, workerFindings } from './others.ts';
import { taskFindings } from './task.ts';
import { taskSetFindings } from './taskset.ts';
import { timelineOf } from './timeline.ts';

export const explainWhy: Explain = (facts) => {
  const { subject, object, nowMs } = facts;
  const { entries, leftOut } = timelineOf(facts);
  const uid = object?.metadata.uid ?? facts.versions[0]?.object.metadata.uid;
  return {
    apiVersion: 'gantry.dev/v1',
    kind: 'Why',
    subject: { ...subject, ...(uid === undefined ? {} : { uid }) },
    at: new Date(nowMs).toISOString(),
    isGone: object === undefined,
    ...findingsOf(facts, entries),
    timeline: entries,
    unknown: unknownOf(facts, entries, leftOut),
  } satisfies WhyAnswer;
};

function findingsOf(facts: WhyFacts, timeline: readonly WhyEntry[]): Findings {
  const { object } = facts;
  if (object === undefined) return goneFindings(facts, timeline);
  switch (`${object.apiVersion.split('/')[0] ?? ''}/${object.kind}`) {
    case 'gantry.dev/Task':
      return taskFindings(object, facts, timeline);
    case 'gantry.dev/TaskSet':
      return taskSetFindings(object, facts);
    case 'gantry.dev/Job':
      return jobFindings(object, facts);
    case 'gantry.dev/Run':
      return runFindings(object, facts);
    case 'gantry.dev/Worker':
      return workerFindings(object, facts);
    case 'v1/Namespace':
      return namespaceFindings(object, facts);
    default:
      return anyFindings(object, facts);
  }
}

function unknownOf(facts: WhyFacts, timeline: readonly WhyEntry[], leftOut: number): readonly string[] {
  const { versions, oldestRevision, object, hasOlderVersions } = facts;
  const unknown = [...facts.unknown];
  const uid = object?.metadata.uid ?? versions[0]?.object.metadata.uid;
  const hasCreation = timeline.some((entry) => entry.topic === 'created' && entry.uid === uid);
  const created = object?.metadata.creationTimestamp;
  if (!hasCreation && oldestRevision !== undefined) {
    const since = hasOlderVersions
      ? 'more versions are kept than were read'
      : `the past is kept from revision ${oldestRevision}`;
    unknown.push(
      `how it was created${created === undefined ? '' : ` (at ${created})`} and what became of it before the first entry: ${since}`,
    );
  }
  const nameless = versions.filter(({ author }) => author === undefined).length;
  if (nameless > 0) unknown.push(`who wrote ${nameless} of its versions: nobody was recorded with them`);
  if (leftOut > 0) unknown.push(`${leftOut} older entries: left out, the newest are told`);
  return unknown;
}
