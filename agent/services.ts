/** Puts together what the task controller has done for it on this worker (`controllers/task/services.ts`). */

import type { EventSink } from '../controllers/engine/event.ts';
import type { TaskServices } from '../controllers/task/services.ts';
import type { Client } from '../machinery/client.ts';
import type { Clock } from '../machinery/clock.ts';
import type { Log } from '../machinery/log.ts';
import type { Metrics } from '../machinery/metrics.ts';
import type { Random } from '../machinery/random.ts';
import type { Runtime } from '../machinery/runtime.ts';
import { Hooks } from './hooks/hooks.ts';
import { interfaceAddresses } from './networks/interfaces.ts';
import { EngineNetworks } from './networks/networks.ts';
import { TaskProber } from './probes/prober.ts';
import { openSeccompProfiles } from './seccomp.ts';

export interface ServiceDeps {
  readonly client: Client;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly events: EventSink;
  readonly worker: string;
  readonly clusterId: string;
  readonly publishAddress: string;
  /** The folder of seccomp profiles that Tasks may name; absent: there are none. */
  readonly seccompProfiles?: string;
  /** Where the networks of Tasks get their addresses from. */
  readonly networks: { readonly range: string; readonly prefix: number };
  /** Ends everything that goes on in the background. */
  readonly signal: AbortSignal;
  /** Of Gantry: who probes says so in its User-Agent. */
  readonly version: string;
}

export function openServices(deps: ServiceDeps): TaskServices {
  return {
    inputs: {
      inputsOf: ({ spec }) => ({
        kind: 'ready',
        env: (spec.env ?? []).map(({ name, value }) => `${name}=${value ?? ''}`),
        files: new Map(),
        filesVersion: '',
        registryAuths: [],
      }),
      forget: () => undefined,
      onChange: () => undefined,
    },
    volumes: {
      prepare: () => Promise.resolve([]),
      refresh: () => Promise.resolve(),
      release: () => Promise.resolve(),
      sweep: () => Promise.resolve(),
    },
    networks: new EngineNetworks({ ...deps, ...deps.networks, interfaces: interfaceAddresses }),
    prober: new TaskProber(deps),
    hooks: new Hooks(deps),
    archive: { keep: () => Promise.resolve() },
    seccompProfiles: openSeccompProfiles(deps.seccompProfiles),
    disk: { overuseOf: () => new Map(), onChange: () => undefined },
  };
}
