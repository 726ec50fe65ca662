/** The dispatch door. */
import type { Clock } from '../../../machinery/clock.ts';
import type { Random } from '../../../machinery/random.ts';
import type { WorkerLink } from '../../../machinery/workerlink.ts';
import type { Registry } from '../../registry/types.ts';
import type { Door } from '../door.ts';

export interface DispatchDoorDeps {
  readonly registry: Registry;
  readonly workerLink: WorkerLink;
  readonly clock: Clock;
  readonly random: Random;
  /** Where Runs are made, and TaskTemplates looked for. */
  readonly namespace: string;
}

export function dispatchDoor(_deps: DispatchDoorDeps): Door {
  return {
    name: 'dispatch',
    owns: () => false,
    describeError: (error) => ({ code: error.code, body: error.toStatus() }),
    middleware: (_ctx, next) => next(),
  };
}
