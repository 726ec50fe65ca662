/**
 * The process's metrics. Names are Kubernetes' own where one exists; labels never carry object names.
 * A room makes its own metrics on the registry it is given, so that tests and several processes in one stay apart.
 */
import { Registry } from 'prom-client';

export type Metrics = Registry;

export function newMetrics(): Metrics {
  return new Registry();
}
