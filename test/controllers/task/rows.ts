/** The planner's table, made of rows: a world, what is done in it, and what is said of it. */
import { expect } from 'chai';
import { planTask } from '../../../controllers/task/plan.ts';
import type { TaskPlan, TaskWorld } from '../../../controllers/task/types.ts';
import { findCondition } from '../../../machinery/conditions.ts';
import { shortly } from './worlds.ts';

export interface Row {
  readonly name: string;
  readonly world: TaskWorld;
  readonly actions: readonly string[];
  readonly phase?: string;
  readonly reason?: string;
  /** A part of the status's message. */
  readonly message?: string;
  /** The reason of the condition Ready; `ContainerRunning` is the only one that goes with True. */
  readonly ready?: string;
  /** `status.container.started`. */
  readonly started?: boolean;
  /** The container to be probed, or `none`. */
  readonly probing?: string;
  /** Seconds. */
  readonly requeueAfter?: number;
  readonly drift?: string;
  /** What else must be so. */
  readonly also?: (plan: TaskPlan) => void;
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
  const plan = planTask(row.world);
  const { status } = plan;
  expect(plan.actions.map(shortly)).to.deep.equal(row.actions);
  if (row.phase !== undefined) expect(status?.phase).to.equal(row.phase);
  if (row.reason !== undefined) expect(status?.reason).to.equal(row.reason);
  if (row.message !== undefined) expect(status?.message).to.include(row.message);
  if (row.ready !== undefined) {
    const ready = findCondition(status?.conditions, 'Ready');
    expect(ready?.reason).to.equal(row.ready);
    expect(ready?.status).to.equal(row.ready === 'ContainerRunning' ? 'True' : 'False');
  }
  if (row.started !== undefined) expect(status?.container?.started).to.equal(row.started);
  if (row.probing !== undefined) expect(plan.probing?.containerId ?? 'none').to.equal(row.probing);
  if (row.requeueAfter !== undefined) expect(plan.requeueAfterMs).to.equal(row.requeueAfter * 1000);
  const drifted = plan.actions.map((action) => action.drift).find((kind) => kind !== undefined);
  expect(drifted).to.equal(row.drift);
  for (const action of plan.actions) expect(action.reason, 'every act has a reason').to.not.equal('');
  row.also?.(plan);
}
