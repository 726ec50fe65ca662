/** The jobs door. */
import type { Clock } from '../../../machinery/clock.ts';
import type { Random } from '../../../machinery/random.ts';
import type { WorkerLink } from '../../../machinery/workerlink.ts';
import type { Registry } from '../../registry/types.ts';
import type { Door } from '../door.ts';

export interface JobsDoorDeps {
  readonly registry: Registry;
  readonly workerLink: WorkerLink;
  readonly clock: Clock;
  readonly random: Random;
  readonly productVersion: string;
  /** Where Jobs and Runs are. */
  readonly namespace: string;
  /** Whether controllers run that begin what is due: here, or on the server that leads. */
  readonly isScheduling: () => Promise<boolean>;
}

export function jobsDoor(_deps: JobsDoorDeps): Door {
  return {
    name: 'jobs',
    owns: () => false,
    describeError: (error) => ({ code: error.code, body: error.toStatus() }),
    middleware: (_ctx, next) => next(),
  };
}
