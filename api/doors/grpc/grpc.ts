/** The gRPC door. */
import type { Metrics } from '../../../machinery/metrics.ts';
import type { Random } from '../../../machinery/random.ts';
import type { WorkerLink } from '../../../machinery/workerlink.ts';
import type { Registry } from '../../registry/types.ts';
import type { TlsListener, TlsOptions } from '../../server/listener.ts';

export interface GrpcDoorDeps extends TlsOptions {
  readonly registry: Registry;
  readonly workerLink: WorkerLink;
  readonly random: Random;
  readonly metrics: Metrics;
  /** Where Runs are made, and TaskTemplates looked for. */
  readonly namespace: string;
}

/** Starts, stops and renews as the HTTPS listener does. */
export function grpcDoor({ host, port }: GrpcDoorDeps): TlsListener {
  return {
    start: () => Promise.resolve({ address: host, port }),
    stop: () => Promise.resolve(),
    renew: () => undefined,
  };
}
