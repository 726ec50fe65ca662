/**
 * Those on their way out: chosen, written down and taken out of endpoints first, deleted a second later. Pure.
 *
 * An entry is never taken back, so that one who reads an old status deletes nothing that stays; it goes once its task
 * is gone.
 */
import type { Leaving, TaskSetAction } from '../types.ts';
import type { Gap } from './gap.ts';
import { isControlled, isDeleting, type SetView, uidOf } from './view.ts';

/** Between leaving endpoints and the deletion: who reads them has stopped sending work by then. */
export const NOTICE_MS = 1_000;
/** An entry is kept for this long at least: a copy of the tasks may lag, and not have its task yet. */
export const FORGET_MS = 5_000;
/** A pass stays short; the next one goes on. */
export const MAX_DELETES = 50;

export interface Leave {
  readonly kept: readonly Leaving[];
  readonly deletes: readonly Extract<TaskSetAction, { kind: 'delete' }>[];
  /** More are due than one pass deletes, and nobody has refused them. */
  readonly hasMore: boolean;
  /** Until the next one is due, or may be forgotten. */
  readonly lookAgainMs: number | undefined;
}

export function leaveOf(view: SetView, measureOf: Gap['measureOf']): Leave {
  const { set, leaving, nowMs, status, world } = view;
  const tasks = new Map(view.all.map((task) => [uidOf(task), task]));
  const endpoints = new Set((status.endpoints ?? []).map(({ task }) => task));
  const kept: Leaving[] = [];
  const due: Extract<TaskSetAction, { kind: 'delete' }>[] = [];
  const refused: typeof due = [];
  const looks: number[] = [];
  for (const entry of leaving) {
    const task = tasks.get(entry.uid);
    const sinceMs = Date.parse(entry.since);
    // The clock was set back, or somebody wrote there: its second begins now.
    const isOdd = !(sinceMs <= nowMs);
    const ageMs = isOdd ? 0 : nowMs - sinceMs;
    const current = isOdd ? { ...entry, since: new Date(nowMs).toISOString() } : entry;
    if (task === undefined) {
      const measure = measureOf(entry);
      if (measure === 'measured' || (ageMs >= FORGET_MS && measure === undefined)) continue;
      if (ageMs < FORGET_MS) looks.push(FORGET_MS - ageMs);
      kept.push(current);
      continue;
    }
    kept.push(current);
    if (isDeleting(task) || !isControlled(task, set)) continue;
    const noticeMs = world.noticedMs === undefined ? ageMs : (world.noticedMs.get(entry.uid) ?? 0);
    const leftMs = NOTICE_MS - Math.min(ageMs, noticeMs);
    if (isOdd || leftMs > 0 || endpoints.has(entry.task)) looks.push(Math.max(1, leftMs));
    else {
      const reason = `${entry.reason}: ${entry.message ?? ''}`;
      const isRefused =
        world.undeletable?.has(entry.uid) === true &&
        world.undeletable.get(entry.uid) === task.metadata.resourceVersion;
      (isRefused ? refused : due).push({ kind: 'delete', task: entry.task, uid: entry.uid, reason });
    }
  }
  return {
    kept,
    deletes: [...due, ...refused].slice(0, MAX_DELETES),
    hasMore: due.length > MAX_DELETES,
    lookAgainMs: looks.length === 0 ? undefined : Math.min(...looks),
  };
}
