/** `kubectl get pods`: the same columns and words as on Kubernetes. Source: kubectl's printer for pods. */
import { isRecord, readPath } from '../../machinery/json.ts';
import type { DynamicObject } from '../../machinery/meta.ts';
import { age, NAME_COLUMN, type TablePrinter, textColumn } from './view.ts';

export const podTable: TablePrinter = {
  columns: [
    NAME_COLUMN,
    textColumn('Ready', 'Containers that do their work, of those there are.'),
    textColumn('Status', 'The phase, or the reason the container is waiting or ended.'),
    textColumn('Restarts', 'How often the container was started again, and when it last ended.'),
    textColumn('Age', 'Time since the task was created.'),
    textColumn('IP', "The container's address.", 1),
    textColumn('Node', 'The worker.', 1),
  ],
  cells(pod, nowMs) {
    const status = firstStatus(pod);
    return [
      pod.metadata.name,
      `${status?.ready === true ? 1 : 0}/1`,
      statusOf(pod, status),
      restarts(status, nowMs),
      age(pod.metadata.creationTimestamp, nowMs),
      textAt(pod, ['status', 'podIP']) ?? '<none>',
      textAt(pod, ['spec', 'nodeName']) ?? '<none>',
    ];
  },
};

function firstStatus(pod: DynamicObject): Record<string, unknown> | undefined {
  const statuses = readPath(pod, ['status', 'containerStatuses']);
  const first: unknown = Array.isArray(statuses) ? statuses[0] : undefined;
  return isRecord(first) ? first : undefined;
}

function statusOf(pod: DynamicObject, status: Record<string, unknown> | undefined): string {
  const phase = textAt(pod, ['status', 'phase']) ?? 'Unknown';
  if (pod.metadata.deletionTimestamp !== undefined) return phase === 'Unknown' ? 'Unknown' : 'Terminating';
  if (phase === 'Unknown') return phase;
  const waiting = textAt(status, ['state', 'waiting', 'reason']);
  if (waiting !== undefined) return waiting;
  const terminated = readPath(status, ['state', 'terminated']);
  if (!isRecord(terminated)) return phase;
  if (typeof terminated.reason === 'string') return terminated.reason;
  return typeof terminated.signal === 'number'
    ? `Signal:${terminated.signal}`
    : `ExitCode:${typeof terminated.exitCode === 'number' ? terminated.exitCode : '?'}`;
}

function restarts(status: Record<string, unknown> | undefined, nowMs: number): string {
  const count = typeof status?.restartCount === 'number' ? status.restartCount : 0;
  const endedAt = textAt(status, ['lastState', 'terminated', 'finishedAt']);
  return count === 0 || endedAt === undefined ? String(count) : `${count} (${age(endedAt, nowMs)} ago)`;
}

function textAt(value: unknown, path: readonly string[]): string | undefined {
  const found = readPath(value, path);
  return typeof found === 'string' && found !== '' ? found : undefined;
}
