/**
 * What revisions alone must satisfy, whatever the order of operations: cheap, over all keys at once, and said in one
 * sentence each when broken.
 *
 * - A revision is given to one write. A value is at one revision.
 * - Revisions follow real time: a write that began after another's answer has the greater one.
 * - A read does not go back behind what anybody was told before it began.
 * - A watch tells every acknowledged write exactly once, in order, and equal to what reads said; nothing else.
 */
import {
  describeOperation,
  describeSeen,
  type History,
  type Operation,
  type Seen,
  type WatchedEvent,
  type WatchLog,
} from './history.ts';

/** Each broken law as a sentence with the operations it is about. */
export function brokenLaws(history: History): string[] {
  const { operations, watches } = history;
  return [
    ...oneWriteARevision(operations),
    ...realTime(operations),
    ...neverBack(operations),
    ...watches.flatMap((watch) => watchLaws(operations, watch)),
  ];
}

interface Acknowledged {
  readonly operation: Operation;
  readonly value: string | undefined;
  readonly revision: number;
}

/** Writes whose answer told their revision. */
function acknowledged(operations: readonly Operation[]): Acknowledged[] {
  return operations.flatMap((operation) => {
    const { action } = operation;
    if (action.kind === 'read' || action.outcome.kind !== 'done') return [];
    const { revision } = action.outcome;
    return revision === undefined ? [] : [{ operation, value: action.intent.value, revision }];
  });
}

/** What an operation was told that the register held. */
function toldBy({ action }: Operation): Seen | undefined {
  if (action.kind === 'read') return action.seen;
  const { intent, outcome } = action;
  if (outcome.kind === 'conflict')
    return outcome.evidence.kind === 'seen' ? outcome.evidence.seen : undefined;
  if (outcome.kind === 'unknown' || outcome.revision === undefined || intent.value === undefined)
    return undefined;
  return { value: intent.value, revision: outcome.revision };
}

function oneWriteARevision(operations: readonly Operation[]): string[] {
  const broken: string[] = [];
  const writers = new Map<number, Acknowledged>();
  for (const write of acknowledged(operations)) {
    const other = writers.get(write.revision);
    if (other !== undefined) {
      broken.push(
        `two writes were given revision ${write.revision}:${shown(other.operation, write.operation)}`,
      );
    }
    writers.set(write.revision, write);
  }
  const places = new Map<string, { readonly revision: number; readonly operation: Operation }>();
  for (const operation of operations) {
    const seen = toldBy(operation);
    if (seen === undefined) continue;
    const other = places.get(seen.value);
    if (other === undefined) places.set(seen.value, { revision: seen.revision, operation });
    else if (other.revision !== seen.revision) {
      broken.push(
        `the value "${seen.value}" is at two revisions, ${other.revision} and ${seen.revision}:${shown(other.operation, operation)}`,
      );
    }
  }
  return broken;
}

function realTime(operations: readonly Operation[]): string[] {
  const writes = acknowledged(operations);
  return behind(
    writes.map(({ operation, revision }) => ({ at: operation.returned, operation, revision })),
    writes.map(({ operation, revision }) => ({ at: operation.called, operation, revision })),
    (before, after) =>
      `a write that began after another was acknowledged has not the greater revision:${shown(before, after)}`,
  );
}

function neverBack(operations: readonly Operation[]): string[] {
  return [...Map.groupBy(operations, ({ key }) => key).values()].flatMap((ofKey) => {
    const told = ofKey.flatMap((operation) => {
      const revision = toldBy(operation)?.revision;
      return revision === undefined ? [] : [{ operation, revision }];
    });
    return behind(
      told.map((one) => ({ ...one, at: one.operation.returned })),
      told.map((one) => ({ ...one, at: one.operation.called })),
      (before, after) => `a client was told of something older than was told before:${shown(before, after)}`,
      (before, after) => before.revision > after.revision,
    );
  });
}

interface Timed {
  readonly at: number;
  readonly operation: Operation;
  readonly revision: number;
}

/** Pairs of which the first ended before the second began and yet is ahead of it; one for each second. */
function behind(
  ends: readonly Timed[],
  begins: readonly Timed[],
  say: (before: Operation, after: Operation) => string,
  isAhead: (before: Timed, after: Timed) => boolean = (before, after) => before.revision >= after.revision,
): string[] {
  const ended = [...ends].sort((a, b) => a.at - b.at);
  const broken: string[] = [];
  let at = 0;
  let greatest: Timed | undefined;
  for (const after of [...begins].sort((a, b) => a.at - b.at)) {
    for (let end = ended[at]; end !== undefined && end.at < after.at; end = ended[++at]) {
      if (greatest === undefined || end.revision > greatest.revision) greatest = end;
    }
    if (greatest !== undefined && isAhead(greatest, after))
      broken.push(say(greatest.operation, after.operation));
  }
  return broken;
}

function watchLaws(operations: readonly Operation[], watch: WatchLog): string[] {
  const { name, afterRevision, isWhole, events } = watch;
  const say = (what: string): string => `watch ${name} ${what}`;
  const broken: string[] = [];
  const byRevision = new Map<number, WatchedEvent>();
  const byValue = new Map<string, WatchedEvent>();
  const present = new Map<string, Seen>();
  let last = afterRevision;
  for (const event of events) {
    if (event.revision <= last) {
      const kind = byRevision.has(event.revision) ? 'a second time' : `after ${last}`;
      broken.push(say(`told ${describeEvent(event)} ${kind}`));
    }
    last = Math.max(last, event.revision);
    byRevision.set(event.revision, event);
    const { value, key } = event;
    if (event.previous !== undefined) {
      const before = present.get(key);
      const told = event.previous ?? undefined;
      // The first event of a key may follow one that was before the watch's beginning.
      const isKnown = before !== undefined || isWhole;
      if (isKnown && (told?.value !== before?.value || told?.revision !== before?.revision)) {
        broken.push(
          say(
            `told ${describeEvent(event)} in place of ${describeSeen(told)}, but before it told ${describeSeen(before)}`,
          ),
        );
      }
    }
    if (value === undefined) {
      // The watch may have begun with the key there: only a deletion of what it has told as deleted is wrong.
      present.delete(key);
      continue;
    }
    present.set(key, { value, revision: event.revision });
    const twin = byValue.get(value);
    if (twin !== undefined)
      broken.push(say(`told the value "${value}" twice, at ${twin.revision} and ${event.revision}`));
    byValue.set(value, event);
  }
  const writes = new Map<string, Operation>();
  for (const operation of operations) {
    if (operation.action.kind === 'write' && operation.action.intent.value !== undefined)
      writes.set(operation.action.intent.value, operation);
  }
  for (const event of byValue.values()) {
    const write = event.value === undefined ? undefined : writes.get(event.value);
    if (write === undefined) broken.push(say(`told ${describeEvent(event)}, which nobody wrote`));
    else if (write.action.kind === 'write' && write.action.outcome.kind === 'conflict')
      broken.push(say(`told ${describeEvent(event)}, a write that was refused:${shown(write)}`));
  }
  for (const { operation, value, revision } of acknowledged(operations)) {
    if (revision <= afterRevision) continue;
    const event = byRevision.get(revision);
    if (event === undefined) broken.push(say(`never told an acknowledged write:${shown(operation)}`));
    else if (event.key !== operation.key || event.value !== value)
      broken.push(say(`told ${describeEvent(event)}, but acknowledged there is:${shown(operation)}`));
  }
  for (const operation of operations) {
    const seen = operation.action.kind === 'read' ? operation.action.seen : undefined;
    if (seen === undefined || seen.revision <= afterRevision) continue;
    const event = byRevision.get(seen.revision);
    if (event === undefined) broken.push(say(`never told what was read:${shown(operation)}`));
    else if (event.key !== operation.key || event.value !== seen.value)
      broken.push(say(`told ${describeEvent(event)}, but read was:${shown(operation)}`));
  }
  return [...broken, ...deletionLaws(operations, watch)];
}

/** Deletions whose answer tells no revision can only be counted. */
function deletionLaws(operations: readonly Operation[], { name, events, isWhole }: WatchLog): string[] {
  if (!isWhole) return [];
  const told = Map.groupBy(
    events.filter(({ value }) => value === undefined),
    ({ key }) => key,
  );
  return [...Map.groupBy(operations, ({ key }) => key)].flatMap(([key, ofKey]) => {
    const outcomes = ofKey.flatMap(({ action }) =>
      action.kind === 'write' && action.intent.value === undefined ? [action.outcome.kind] : [],
    );
    const done = outcomes.filter((kind) => kind === 'done').length;
    const most = done + outcomes.filter((kind) => kind === 'unknown').length;
    const found = told.get(key)?.length ?? 0;
    if (found >= done && found <= most) return [];
    return [`watch ${name} told ${found} deletions of ${key}, but ${done} to ${most} were made`];
  });
}

function describeEvent({ key, value, revision }: WatchedEvent): string {
  return value === undefined
    ? `the deletion of ${key} at ${revision}`
    : `"${value}" of ${key} at ${revision}`;
}

function shown(...operations: readonly Operation[]): string {
  return operations.map((operation) => `\n    ${operation.key} ${describeOperation(operation)}`).join('');
}
