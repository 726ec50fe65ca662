/** What is old enough to go. Pure. */
import { parseDurationMs } from '../../machinery/duration.ts';
import { ANNOTATION_PROTECT, ANNOTATION_TTL } from '../../machinery/labels.ts';
import type { KubeObject } from '../../machinery/meta.ts';
import type { Event, Task } from '../../schemas/types.gen.ts';
import { hasEnded } from '../scheduler/demand.ts';

export type TtlPlan =
  | { readonly kind: 'keep' }
  | { readonly kind: 'delete'; readonly sinceMs: number; readonly ttlMs: number }
  /** It would have to go; what protects it is stronger. */
  | { readonly kind: 'protected'; readonly message: string }
  | { readonly kind: 'later'; readonly inMs: number }
  | { readonly kind: 'bad'; readonly value: string; readonly message: string };

/** A task goes once it has ended for as long as its `gantry.dev/ttl` says. */
export function planTaskTtl(task: Task, nowMs: number): TtlPlan {
  if (!hasEnded(task)) return planTtl(task, 'not begun', nowMs);
  const { finishedAt, observedAt } = task.status ?? {};
  return planTtl(task, firstTime(finishedAt, observedAt, task.metadata.creationTimestamp), nowMs);
}

/** Anything else goes once it has been there for as long as its `gantry.dev/ttl` says. */
export function planObjectTtl(object: KubeObject, nowMs: number): TtlPlan {
  return planTtl(object, firstTime(object.metadata.creationTimestamp), nowMs);
}

/** @param since when its time began, milliseconds since the epoch; undefined when nobody wrote it down. */
function planTtl(
  { kind, metadata }: KubeObject,
  since: number | undefined | 'not begun',
  nowMs: number,
): TtlPlan {
  const value = metadata.annotations?.[ANNOTATION_TTL];
  if (value === undefined || metadata.deletionTimestamp !== undefined) return { kind: 'keep' };
  const ttlMs = parseDurationMs(value);
  if (ttlMs === undefined) {
    const message = `annotation ${ANNOTATION_TTL} is "${value.slice(0, 64)}", wanted a duration such as 30m, 24h or 7d; the ${kind.toLowerCase()} is kept until it is put right`;
    return { kind: 'bad', value, message };
  }
  if (since === 'not begun') return { kind: 'keep' };
  // No time at all: count from now, and keep counting from the next look. A time ahead of us waits for its ttl too.
  const ageMs = since === undefined ? 0 : nowMs - since;
  if (since === undefined || ageMs < ttlMs)
    return { kind: 'later', inMs: Math.max(MIN_WAIT_MS, ttlMs - ageMs) };
  if (metadata.annotations?.[ANNOTATION_PROTECT] === 'true') {
    const message = `its ${ANNOTATION_TTL} of ${value.slice(0, 64)} has passed, but the annotation ${ANNOTATION_PROTECT} is "true": it stays until that is removed`;
    return { kind: 'protected', message };
  }
  return { kind: 'delete', sinceMs: since, ttlMs };
}

/** Timestamps have whole seconds: looking again sooner is of no use. */
const MIN_WAIT_MS = 1_000;

export const EVENT_KEPT_MS = 24 * 3_600_000;
export const EVENTS_PER_OBJECT = 100;

export interface EventPlan {
  readonly remove: readonly { readonly event: Event; readonly why: 'old' | 'crowded' }[];
  /** When the oldest that stays will be too old; undefined when none stays. */
  readonly lookAgainMs: number | undefined;
}

/** Of one object's Events: those not seen for 24 h go, and of the rest all but the newest 100. */
export function planEventRemoval(events: readonly Event[], nowMs: number): EventPlan {
  const byAge = events
    .map((event) => ({ event, atMs: eventTimeMs(event) ?? nowMs }))
    .sort((a, b) => b.atMs - a.atMs || (a.event.metadata.name < b.event.metadata.name ? -1 : 1));
  const isOld = ({ atMs }: { atMs: number }): boolean => nowMs - atMs >= EVENT_KEPT_MS;
  const young = byAge.filter((entry) => !isOld(entry));
  const kept = young.slice(0, EVENTS_PER_OBJECT);
  const oldest = kept.at(-1);
  return {
    remove: [
      ...byAge.filter(isOld).map(({ event }) => ({ event, why: 'old' as const })),
      ...young.slice(EVENTS_PER_OBJECT).map(({ event }) => ({ event, why: 'crowded' as const })),
    ],
    lookAgainMs:
      oldest === undefined ? undefined : Math.max(MIN_WAIT_MS, oldest.atMs + EVENT_KEPT_MS - nowMs),
  };
}

/** When it last happened. */
function eventTimeMs(event: Event): number | undefined {
  return firstTime(event.lastTimestamp, event.eventTime, event.metadata.creationTimestamp);
}

function firstTime(...texts: readonly (string | null | undefined)[]): number | undefined {
  for (const text of texts) {
    const ms = Date.parse(text ?? '');
    if (!Number.isNaN(ms)) return ms;
  }
  return undefined;
}
