/** Everything that happened, from three sources, in one order and told once. Pure. */
import type { WhyEntry, WhyFacts } from '../../../machinery/why.ts';
import { entriesOfEnds, isEndOf } from './ends.ts';
import { entriesOfEvents } from './happenings.ts';
import { entriesOfVersions } from './versions.ts';

/** Entries of one answer; of more the oldest are left out, except those that say what was asked for. */
export const MAX_ENTRIES = 500;
/** An Event is written a moment after what it tells. */
const SAME_MS = 10_000;

export interface Timeline {
  /** Oldest first. */
  readonly entries: readonly WhyEntry[];
  readonly leftOut: number;
}

export function timelineOf(facts: WhyFacts): Timeline {
  const events = entriesOfEvents(facts.events);
  const ends = facts.subject.kind === 'Task' ? entriesOfEnds(facts) : [];
  const told = ends.map((end) => {
    const event = events.find((candidate) => isEndOf(candidate, end));
    const { decision, by } = event ?? {};
    return {
      ...end,
      ...(decision === undefined ? {} : { decision }),
      ...(by === undefined || end.by !== undefined ? {} : { by }),
    };
  });
  const own = events.filter((event) => !ends.some((end) => isEndOf(event, end)));
  const tellings = Map.groupBy(own.map(tellingOf), ({ event }) => event.uid);
  const written = entriesOfVersions(facts).filter((entry) => {
    const atMs = Date.parse(entry.at);
    return tellings.get(entry.uid)?.some((telling) => isTold(entry, atMs, telling)) !== true;
  });
  const all = withEnds(inOrder([...written, ...own]), told);
  if (all.length <= MAX_ENTRIES) return { entries: all, leftOut: 0 };
  const leftOut = all.length - MAX_ENTRIES;
  const isKept = ({ topic }: WhyEntry): boolean => ['created', 'spec', 'deleted'].includes(topic);
  let skip = leftOut;
  const kept = all.filter((entry) => isKept(entry) || skip-- <= 0);
  return { entries: kept.slice(-MAX_ENTRIES), leftOut };
}

/** An Event, and the time in which what it tells was written. */
interface Telling {
  readonly event: WhyEntry;
  readonly fromMs: number;
  readonly toMs: number;
}

function tellingOf(event: WhyEntry): Telling {
  const fromMs = Date.parse(event.since ?? event.at) - SAME_MS;
  return { event, fromMs, toMs: Date.parse(event.at) + SAME_MS };
}

/** Whether the Event says what the status of the same object said with this version; it brings the decision as well. */
function isTold(entry: WhyEntry, atMs: number, { event, fromMs, toMs }: Telling): boolean {
  if (!(atMs >= fromMs && atMs <= toMs)) return false;
  if (entry.topic === 'placement')
    return event.reason === 'Scheduled' && event.message.startsWith(entry.message);
  if (entry.reason === 'Bound' && event.reason === 'Scheduled') return true;
  const [, step] = /^(step ".*") is (?:failed|interrupted|skipped|cancelled)\b/.exec(entry.message) ?? [];
  if (step !== undefined) return event.topic === 'run' && event.message.startsWith(`${step}:`);
  if (entry.topic !== 'status' && entry.topic !== 'condition') return false;
  // A Task that begins to wait: what it waits for is the Event's message.
  return event.message !== '' && entry.message.endsWith(event.message);
}

/**
 * An end is told by a status that may be written after what followed from it: it belongs behind what is told of its
 * container, and before what is told of the next one.
 */
function withEnds(entries: readonly WhyEntry[], ends: readonly WhyEntry[]): readonly WhyEntry[] {
  const all = [...entries];
  for (const end of ends) {
    const second = secondOf(end);
    const { attempt = Infinity } = end;
    const behind = all.findLastIndex(
      (entry) => secondOf(entry) < second || (secondOf(entry) === second && isUpTo(entry, attempt)),
    );
    let place = behind + 1;
    while (isBefore(all[place], end)) place++;
    all.splice(place, 0, end);
  }
  return all;
}

/** Of entries of the same second those of history know the millisecond as well. */
function isBefore(entry: WhyEntry | undefined, end: WhyEntry): boolean {
  if (entry === undefined || entry.source !== 'history' || secondOf(entry) !== secondOf(end)) return false;
  return Date.parse(entry.at) <= Date.parse(end.at);
}

function isUpTo(entry: WhyEntry, attempt: number): boolean {
  return entry.attempt !== undefined && entry.attempt <= attempt;
}

function secondOf({ at }: WhyEntry): number {
  return Math.floor(Date.parse(at) / 1000);
}

/** By second, since Events know no finer; within one the store's revisions say what followed what. */
function inOrder(entries: readonly WhyEntry[]): readonly WhyEntry[] {
  return entries
    .map((entry) => ({ entry, second: secondOf(entry), ms: Date.parse(entry.at) }))
    .toSorted((a, b) => {
      if (a.second !== b.second) return a.second - b.second;
      const [left, right] = [a.entry.revision, b.entry.revision];
      return left !== undefined && right !== undefined ? left - right : a.ms - b.ms;
    })
    .map(({ entry }) => entry);
}
