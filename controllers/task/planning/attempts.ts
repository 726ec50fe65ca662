/** Containers as attempts of a Task: their labels read, their engine's state reduced to the few that matter. */
import { LABEL_ATTEMPT, LABEL_EPOCH, LABEL_SPEC_HASH } from '../../../machinery/labels.ts';
import type { ContainerDetail } from '../../../machinery/runtime.ts';
import type { TaskMemory } from '../types.ts';

/**
 * - `created`: never started, and starting it was not seen to fail.
 * - `alive`: has a process (running, paused, being restarted by the engine).
 * - `leaving`: is being removed and may still have a process.
 * - `ended`: has no process and will have none again by itself; a container that could not be started is one of these.
 */
type Life = 'created' | 'alive' | 'leaving' | 'ended';

export interface Attempt {
  readonly container: ContainerDetail;
  /** From 1; 0 when the label is unreadable. */
  readonly attempt: number;
  /** The binding it was made under; 0 when the label is unreadable. */
  readonly epoch: number;
  readonly specHash: string | undefined;
  readonly life: Life;
}

/** Oldest attempt first. */
export function attemptsOf(containers: readonly ContainerDetail[], memory: TaskMemory): readonly Attempt[] {
  return containers
    .map((container) => ({
      container,
      attempt: count(container.labels[LABEL_ATTEMPT]),
      epoch: count(container.labels[LABEL_EPOCH]),
      specHash: container.labels[LABEL_SPEC_HASH],
      life: lifeOf(container, memory),
    }))
    .sort((a, b) => a.attempt - b.attempt || (a.container.id < b.container.id ? -1 : 1));
}

/** `gantry.<namespace>.<task>.<first 8 of the uid>.<attempt>`: one name for one attempt, so creating twice is creating once. */
export function containerName(
  task: { readonly namespace: string; readonly name: string; readonly uid: string },
  attempt: number,
): string {
  return `gantry.${task.namespace}.${task.name}.${task.uid.slice(0, 8)}.${attempt}`;
}

/** The engine's time in milliseconds and UTC; undefined where it never happened. */
export function engineTime(text: string | undefined): string | undefined {
  const epochMs = Date.parse(text ?? '');
  return Number.isNaN(epochMs) ? undefined : new Date(epochMs).toISOString();
}

function lifeOf(container: ContainerDetail, memory: TaskMemory): Life {
  switch (container.state) {
    case 'created': {
      const { failure } = memory;
      const isFailed = failure?.step === 'start' && failure.containerId === container.id;
      return isFailed || (container.error ?? '') !== '' ? 'ended' : 'created';
    }
    case 'running':
    case 'paused':
    case 'restarting':
      return 'alive';
    case 'removing':
      return container.finishedAt === undefined ? 'leaving' : 'ended';
    case 'exited':
    case 'dead':
      return 'ended';
  }
}

function count(label: string | undefined): number {
  return /^\d{1,15}$/.test(label ?? '') ? Number(label) : 0;
}
