/** What is old enough to go. Pure. */
import { parseDurationMs } from '../../machinery/duration.ts';
import { ANNOTATION_PROTECT, ANNOTATION_TTL } from '../../machinery/labels.ts';
import type { KubeObject } from '../../machinery/meta.ts';
import type { Event, Run, Task } from '../../schemas/types.gen.ts';
import { hasEnded } from '../scheduler/demand.ts';

/** Who said how long: told in Events. */
type TtlName = typeof ANNOTATION_TTL | typeof FIELD_TTL;

const FIELD_TTL = 'ttlSecondsAfterFinished';

export type TtlPlan =
  | { readonly kind: 'keep' }
  | { readonly kind: 'delete'; readonly sinceMs: number; readonly ttlMs: number; readonly by: TtlName }
  /** It would have to go; what protects it is stronger. */
  | { readonly kind: 'protected'; readonly message: string }
  /** It would have to go, and other Tasks cannot begin without it. */
  | { readonly kind: 'awaited'; readonly message: string }
  | { readonly kind: 'later'; readonly inMs: number }
  | { readonly kind: 'bad'; readonly value: string; readonly message: string };

/**
 * A task goes once it has ended for as long as its `gantry.dev/ttl` says, or its `ttlSecondsAfterFinished`, which counts
 * for Succeeded and Failed alone: whichever comes first. A mistake in the one does not keep the other from counting. It
 * stays for Tasks that have yet to see that it has ended: they would wait for it for ever.
 * Source of the field: Kubernetes documentation, "Automatic Cleanup for Finished Jobs".
 * @param waitingFor names of the Tasks that cannot begin without it.
 */
export function planTaskTtl(task: Task, nowMs: number, waitingFor: readonly string[] = []): TtlPlan {
  const plan = planEndedTtl(task, nowMs);
  return plan.kind === 'delete' ? (awaitedPlan(plan.by, 'tasks', waitingFor) ?? plan) : plan;
}

function awaitedPlan(by: TtlName, who: 'tasks' | 'runs', waitingFor: readonly string[]): TtlPlan | undefined {
  if (waitingFor.length === 0) return undefined;
  const names = waitingFor.slice(0, MAX_NAMES).join(', ');
  const more = waitingFor.length > MAX_NAMES ? ` and ${waitingFor.length - MAX_NAMES} more` : '';
  const [yet, until] =
    who === 'tasks'
      ? ['have not been started yet', 'they have been']
      : ['have not seen its end yet', 'they have'];
  const message = `its ${by} has passed, but ${who} that depend on it ${yet}: ${names}${more}; it stays until ${until}`;
  return { kind: 'awaited', message };
}

/** An Event that names more Tasks than this helps nobody. */
const MAX_NAMES = 10;

function planEndedTtl(task: Task, nowMs: number): TtlPlan {
  const marked = readAnnotation(task);
  if (!hasEnded(task)) return planTtl(task, marked, 'not begun', nowMs);
  const { phase, finishedAt, observedAt } = task.status ?? {};
  const since = firstTime(finishedAt, observedAt, task.metadata.creationTimestamp);
  const seconds = phase === 'Stopped' ? undefined : task.spec.ttlSecondsAfterFinished;
  if (seconds === undefined) return planTtl(task, marked, since, nowMs);
  const field: Ttl = { kind: 'ttl', by: FIELD_TTL, value: `${seconds} s`, ttlMs: seconds * 1000 };
  const isSooner = marked.kind === 'ttl' && marked.ttlMs < field.ttlMs;
  return planTtl(task, isSooner ? marked : field, since, nowMs);
}

/** A dispatched Run that says nothing of its own goes this long after its end: no Job limits their number. */
const DISPATCHED_RUN_SECONDS = 3_600;

/**
 * A Run goes once it has ended for as long as its `gantry.dev/ttl` or its `ttlSecondsAfterFinished` says, whichever comes
 * first. One that has not ended stays, whatever they say; and so does one for whose end others wait that have not seen it.
 * @param waitingFor names of the Runs that wait for its end.
 */
export function planRunTtl(run: Run, nowMs: number, waitingFor: readonly string[] = []): TtlPlan {
  const plan = planEndedRunTtl(run, nowMs);
  return plan.kind === 'delete' ? (awaitedPlan(plan.by, 'runs', waitingFor) ?? plan) : plan;
}

function planEndedRunTtl(run: Run, nowMs: number): TtlPlan {
  const marked = readAnnotation(run);
  const { finishedAt } = run.status ?? {};
  if (finishedAt === undefined) return planTtl(run, marked, 'not begun', nowMs);
  const since = firstTime(finishedAt, run.metadata.creationTimestamp);
  const isDispatched = run.spec.jobRef === undefined;
  const seconds = run.spec.ttlSecondsAfterFinished ?? (isDispatched ? DISPATCHED_RUN_SECONDS : undefined);
  if (seconds === undefined) return planTtl(run, marked, since, nowMs);
  const field: Ttl = { kind: 'ttl', by: FIELD_TTL, value: `${seconds} s`, ttlMs: seconds * 1000 };
  const isSaid = run.spec.ttlSecondsAfterFinished !== undefined;
  // What is merely usual gives way to what is said, be it longer.
  const isMarked = marked.kind === 'ttl' && (!isSaid || marked.ttlMs < field.ttlMs);
  return planTtl(run, isMarked ? marked : field, since, nowMs);
}

/** Anything else goes once it has been there for as long as its `gantry.dev/ttl` says. */
export function planObjectTtl(object: KubeObject, nowMs: number): TtlPlan {
  return planTtl(object, readAnnotation(object), firstTime(object.metadata.creationTimestamp), nowMs);
}

interface Ttl {
  readonly kind: 'ttl';
  readonly by: TtlName;
  readonly value: string;
  readonly ttlMs: number;
}

function readAnnotation({
  kind,
  metadata,
}: KubeObject): Ttl | { readonly kind: 'none' } | Extract<TtlPlan, { kind: 'bad' }> {
  const value = metadata.annotations?.[ANNOTATION_TTL];
  if (value === undefined) return { kind: 'none' };
  const ttlMs = parseDurationMs(value);
  if (ttlMs !== undefined) return { kind: 'ttl', by: ANNOTATION_TTL, value: value.slice(0, 64), ttlMs };
  const message = `annotation ${ANNOTATION_TTL} is "${value.slice(0, 64)}", wanted a duration such as 30m, 24h or 7d; the ${kind.toLowerCase()} is kept until it is put right`;
  return { kind: 'bad', value, message };
}

/** @param since when its time began, milliseconds since the epoch; undefined when nobody wrote it down. */
function planTtl(
  { metadata }: KubeObject,
  ttl: ReturnType<typeof readAnnotation>,
  since: number | undefined | 'not begun',
  nowMs: number,
): TtlPlan {
  if (ttl.kind === 'none' || metadata.deletionTimestamp !== undefined) return { kind: 'keep' };
  if (ttl.kind === 'bad') return ttl;
  if (since === 'not begun') return { kind: 'keep' };
  const { by, value, ttlMs } = ttl;
  // No time at all: count from now, and keep counting from the next look. A time ahead of us waits for its ttl too.
  if (since === undefined) return { kind: 'later', inMs: Math.max(MIN_WAIT_MS, ttlMs) };
  const leftMs = ttlMs - (nowMs - since);
  // Rounded up, so that the next look is not a moment too early.
  if (leftMs > 0) return { kind: 'later', inMs: Math.ceil(leftMs) };
  if (metadata.annotations?.[ANNOTATION_PROTECT] === 'true') {
    const message = `its ${by} of ${value} has passed, but the annotation ${ANNOTATION_PROTECT} is "true": it stays until that is removed`;
    return { kind: 'protected', message };
  }
  return { kind: 'delete', sinceMs: since, ttlMs, by };
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
