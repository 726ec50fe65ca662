/** How an object stands, in one line, for whoever waits for it. Pure. */
import { type Condition, findCondition } from '../machinery/conditions.ts';
import { isRecord } from '../machinery/json.ts';
import type { KubeObject } from '../machinery/meta.ts';

/** `Pending (ContainerCreating): image "app:1" is being pulled: 12 MiB of 80 MiB, 2 of 5 layers` */
export function standingOf(object: KubeObject | undefined): string {
  if (object === undefined) return 'not there';
  const { deletionTimestamp, finalizers = [] } = object.metadata;
  if (deletionTimestamp !== undefined) {
    const held = finalizers.length === 0 ? '' : `, held by ${finalizers.join(', ')}`;
    return `being deleted${held}`;
  }
  const status: unknown = 'status' in object ? object.status : undefined;
  if (!isRecord(status)) return 'no status yet';
  const { phase, state, reason, message, updatedReplicas, readyReplicas, desiredReplicas } = status;
  if (typeof desiredReplicas === 'number') {
    return `${figure(updatedReplicas)} of ${desiredReplicas} updated, ${figure(readyReplicas)} ready`;
  }
  const what = textOf(phase) || textOf(state);
  if (what !== '') return explained(what, textOf(reason), textOf(message)) + stepsOf(status);
  const conditions = Array.isArray(status['conditions']) ? status['conditions'].filter(isCondition) : [];
  const ready = findCondition(conditions, 'Ready') ?? conditions[0];
  if (ready === undefined) return 'nothing is said of it yet';
  return explained(`${ready.type} is ${ready.status}`, ready.reason, ready.message);
}

function stepsOf({ tasks }: Record<string, unknown>): string {
  if (!Array.isArray(tasks) || tasks.length === 0) return '';
  const steps = tasks.filter(isRecord);
  const ended = steps.filter(({ state }) => !['pending', 'running'].includes(textOf(state))).length;
  const running = steps.filter(({ state }) => state === 'running').map(({ name }) => textOf(name));
  return `; ${ended} of ${steps.length} steps ended${running.length === 0 ? '' : `, ${running.join(', ')} running`}`;
}

function explained(what: string, reason: string, message: string): string {
  return `${what}${reason === '' ? '' : ` (${reason})`}${message === '' ? '' : `: ${message}`}`;
}

function isCondition(value: unknown): value is Condition {
  return (
    isRecord(value) &&
    ['type', 'status', 'reason', 'message'].every((field) => typeof value[field] === 'string')
  );
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function figure(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
