/** Who reads the facts, and with what: shared by the files that read them. */
import type { Client } from '../../../machinery/client.ts';
import type { Clock } from '../../../machinery/clock.ts';
import type { WorkerLink } from '../../../machinery/workerlink.ts';
import type { Registry, RequestContext } from '../../registry/types.ts';

export interface FactDeps {
  readonly registry: Registry;
  readonly workerLink: WorkerLink;
  readonly clock: Clock;
}

export interface Reader {
  readonly context: RequestContext;
  readonly client: Client;
  readonly signal: AbortSignal;
  /** Collects what could not be read. */
  readonly unknown: string[];
}
