/** The planner's tables, made of rows: a world, what is done in it, and what is said of it. */
import { expect } from 'chai';
import { planTaskSet } from '../../../controllers/taskset/plan.ts';
import type { Status, TaskSetPlan, TaskSetWorld } from '../../../controllers/taskset/types.ts';
import { findCondition } from '../../../machinery/conditions.ts';
import { chosenBy, shortly } from './worlds.ts';

export interface Row {
  readonly name: string;
  readonly world: TaskSetWorld;
  readonly actions?: readonly string[];
  /** Those that are chosen to go: `web-a-0 Superseded`. */
  readonly chosen?: readonly string[];
  /** A part of what is said of the first of them. */
  readonly why?: string;
  /** The reason of the condition Progressing, and a part of its message. */
  readonly progressing?: string;
  readonly message?: string;
  readonly available?: boolean;
  /** Fields of the status. */
  readonly status?: Readonly<Partial<Record<keyof Status, unknown>>>;
  readonly endpoints?: readonly string[];
  /** Reasons, in their order. */
  readonly notes?: readonly string[];
  readonly lookAgainMs?: number | undefined;
  readonly also?: (plan: TaskSetPlan, world: TaskSetWorld) => void;
}

export function describeRows(title: string, table: Readonly<Record<string, readonly Row[]>>): void {
  describe(title, () => {
    for (const [heading, rows] of Object.entries(table)) {
      describe(heading, () => {
        for (const row of rows) it(row.name, () => assertRow(row));
      });
    }
  });
}

function assertRow(row: Row): void {
  const plan = planTaskSet(row.world);
  const { status } = plan;
  if (row.actions !== undefined) expect(plan.actions.map(shortly)).to.deep.equal(row.actions);
  if (row.chosen !== undefined) expect(chosenBy(row.world, plan)).to.deep.equal(row.chosen);
  if (row.why !== undefined) {
    const before = row.world.set.status?.leaving?.length ?? 0;
    expect(status?.leaving?.[before]?.message).to.include(row.why);
  }
  const progressing = findCondition(status?.conditions, 'Progressing');
  if (row.progressing !== undefined) expect(progressing?.reason).to.equal(row.progressing);
  if (row.message !== undefined) expect(progressing?.message).to.include(row.message);
  if (row.available !== undefined) {
    const available = findCondition(status?.conditions, 'Available');
    expect(available?.status).to.equal(row.available ? 'True' : 'False');
  }
  if (row.status !== undefined) {
    for (const [field, value] of Object.entries(row.status)) {
      expect(status?.[field as keyof Status], field).to.deep.equal(value);
    }
  }
  if (row.endpoints !== undefined) {
    expect(status?.endpoints?.map(({ task }) => task)).to.deep.equal(row.endpoints);
  }
  if (row.notes !== undefined) expect(plan.notes.map(({ reason }) => reason)).to.deep.equal(row.notes);
  if ('lookAgainMs' in row) expect(plan.lookAgainMs).to.equal(row.lookAgainMs);
  for (const action of plan.actions) {
    if ('reason' in action) expect(action.reason, 'every act has a reason').to.not.equal('');
  }
  row.also?.(plan, row.world);
}

/** The status that a world settles in: what planning gives once nothing is left to do. */
export function settled(world: TaskSetWorld): TaskSetWorld {
  const { status } = planTaskSet(world);
  return { ...world, set: { ...world.set, ...(status === undefined ? {} : { status }) } };
}
