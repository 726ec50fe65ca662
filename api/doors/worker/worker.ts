/** The worker's side of the /tasks API. */

import type { Client } from '../../../machinery/client.ts';
import type { Clock } from '../../../machinery/clock.ts';
import type { Random } from '../../../machinery/random.ts';
import type { WorkerLink } from '../../../machinery/workerlink.ts';
import type { AppContext } from '../../server/context.ts';
import type { Door } from '../door.ts';

export interface WorkerDoorDeps {
  /** Acts as whoever asks. */
  readonly clientOf: (ctx: AppContext) => Client;
  readonly workerLink: WorkerLink;
  readonly workerName: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly retention: string;
}

export function workerDoor(_deps: WorkerDoorDeps): Door {
  return {
    name: 'worker',
    owns: () => false,
    describeError: (error) => ({ code: error.code, body: error.toStatus() }),
    middleware: (_ctx, next) => next(),
  };
}
