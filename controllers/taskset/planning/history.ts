/** The ControllerRevisions of a set: which is made, which gets a new number, which are kept no more. Pure. */
import type { ControllerRevision } from '../../../schemas/types.gen.ts';
import type { Status, TaskSetAction } from '../types.ts';
import { revisionOf, type SetView } from './view.ts';

/** A pass stays short; the next one goes on. */
const MAX_DELETES = 20;

/** Before tasks are made: what they are made from. */
export function planRevisions({ world, set }: SetView, target: string | undefined): readonly TaskSetAction[] {
  const { update, revisions } = world;
  // While paused the template is not looked at, unless there is nothing else to keep the number with.
  if (update === undefined || (set.spec.paused === true && target !== update.name)) return [];
  const own = revisions.find(({ metadata }) => metadata.name === update.name);
  const highest = Math.max(0, ...revisions.filter((one) => one !== own).map(({ revision }) => revision));
  if (own === undefined) return [{ kind: 'createRevision', revision: highest + 1 }];
  if (own.revision > highest) return [];
  return [{ kind: 'renumberRevision', name: update.name, revision: highest + 1 }];
}

/** The oldest first, and none that is in use: by the status as it was or will be, or by a task. */
export function planForgetting(view: SetView, next: Status): readonly TaskSetAction[] {
  const { world, set, status, all } = view;
  if (world.update === undefined) return [];
  const used = new Set([world.update.name, ...namesIn(status), ...namesIn(next)]);
  for (const task of all) used.add(revisionOf(task, set) ?? '');
  const limit = set.spec.revisionHistoryLimit ?? 10;
  const unused = world.revisions.filter(({ metadata }) => !used.has(metadata.name)).sort(byAge);
  return unused
    .slice(0, Math.max(0, unused.length - limit))
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .slice(0, MAX_DELETES)
    .map(({ metadata: { name }, revision }) => ({
      kind: 'deleteRevision',
      name,
      reason: `revision ${revision} is older than the ${limit} that revisionHistoryLimit keeps`,
    }));
}

function namesIn({
  currentRevision,
  updateRevision,
  targetRevision,
  lastStableRevision,
  rejectedRevision,
}: Status): readonly string[] {
  const names = [currentRevision, updateRevision, targetRevision, lastStableRevision, rejectedRevision];
  return names.filter((name) => name !== undefined);
}

function byAge(a: ControllerRevision, b: ControllerRevision): number {
  return a.revision - b.revision || (a.metadata.name < b.metadata.name ? -1 : 1);
}
