/** With a fixed hostPort: for how long nobody answered there, from the old one's leaving until a new one was Ready. Pure. */
import type { Leaving, Status } from '../types.ts';
import type { Limits } from './limits.ts';
import type { SetView } from './view.ts';

export interface Gap {
  readonly lastGap: Status['lastGap'];
  /** Whether the moment it left is still needed: `open`; `measured` only now, and never again; else undefined. */
  readonly measureOf: (entry: Leaving) => 'open' | 'measured' | undefined;
}

/** The first that left is measured by the first that came after it. */
export function gapOf(view: SetView, { isStopFirst, desired }: Limits): Gap {
  const { leaving, members, status } = view;
  if (!isStopFirst) return { lastGap: status.lastGap, measureOf: () => undefined };
  const endpoints = new Set((status.endpoints ?? []).map(({ task }) => task));
  const ready = members.filter(({ isReady }) => isReady);
  const open = leaving
    .filter(({ reason }) => reason === 'Superseded' || reason === 'Recreate')
    .sort((a, b) => Date.parse(a.since) - Date.parse(b.since));
  const came = ready
    .filter(({ name }) => !endpoints.has(name))
    .sort((a, b) => a.readySinceMs - b.readySinceMs);
  const measured = new Set<Leaving>();
  let { lastGap } = status;
  for (const member of came) {
    // Ready is told in whole seconds.
    const left = open.find(
      (entry) => !measured.has(entry) && Date.parse(entry.since) < member.readySinceMs + 1_000,
    );
    if (left === undefined) continue;
    measured.add(left);
    const sinceMs = Date.parse(left.since);
    const readyMs = Math.max(sinceMs, Math.min(view.nowMs, member.readySinceMs));
    lastGap = {
      task: member.name,
      seconds: Math.round((readyMs - sinceMs) / 100) / 10,
      finishedAt: new Date(readyMs).toISOString(),
    };
  }
  // Once as many are Ready as are wanted, nothing is left to be measured.
  const isOver = ready.length >= desired;
  return {
    lastGap,
    measureOf: (entry) =>
      measured.has(entry) ? 'measured' : !isOver && open.includes(entry) ? 'open' : undefined,
  };
}
