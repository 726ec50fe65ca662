/** The stop that the stored status tells of: begun, and not seen to its end by the process that began it. */
import type { ContainerDetail } from '../../../machinery/runtime.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import type { Stopping, StopReason } from '../types.ts';
import { engineTime } from './attempts.ts';

const FINAL: readonly StopReason[] = [
  'Evicted',
  'Preempted',
  'LivenessFailed',
  'StartupFailed',
  'DeadlineExceeded',
  'Error',
];
const STOP_REASONS: readonly StopReason[] = ['Stopped', 'Superseded', ...FINAL];

/**
 * Of this very run of the container: who was started again by hand since is not being stopped. With what led to it where
 * the cause may not be seen any more.
 */
export function toldStop(
  { status }: Task,
  { id, startedAt }: Pick<ContainerDetail, 'id' | 'startedAt'>,
): Pick<Stopping, 'reason' | 'detail'> | undefined {
  const { container, message } = status ?? {};
  const reason = STOP_REASONS.find((known) => known === container?.stopReason);
  if (reason === undefined || container?.id !== id || container.startedAt !== engineTime(startedAt)) {
    return undefined;
  }
  return isFinal(reason) && message !== undefined ? { reason, detail: message } : { reason };
}

/** True: it is not given up because its cause is not seen any more. */
export function isFinal(reason: StopReason): boolean {
  return FINAL.includes(reason);
}
