/** Puts together what the task controller has done for it on this worker (`controllers/task/services.ts`). */

import type { EventSink } from '../controllers/engine/event.ts';
import type { Allocatable } from '../controllers/task/inputs/environment.ts';
import { ObjectInputs } from '../controllers/task/inputs/source.ts';
import type { LogArchive, TaskServices } from '../controllers/task/services.ts';
import type { Client } from '../machinery/client.ts';
import type { Clock } from '../machinery/clock.ts';
import type { Log } from '../machinery/log.ts';
import type { Metrics } from '../machinery/metrics.ts';
import type { Random } from '../machinery/random.ts';
import type { Runtime } from '../machinery/runtime.ts';
import { DiskWatch } from './disk/diskwatch.ts';
import { machineTape } from './disk/usage.ts';
import { Hooks } from './hooks/hooks.ts';
import { interfaceAddresses } from './networks/interfaces.ts';
import { EngineNetworks } from './networks/networks.ts';
import { TaskProber } from './probes/prober.ts';
import { ProgressWatch } from './progress/progresswatch.ts';
import { openSeccompProfiles } from './seccomp.ts';
import { DiskVolumes, type VolumePlaces } from './volumes/diskvolumes.ts';

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
  /** What the worker has to give; undefined until it is known. */
  readonly allocatable: () => Allocatable | undefined;
  /** The folder of seccomp profiles that Tasks may name; absent: there are none. */
  readonly seccompProfiles?: string;
  /** Where the networks of Tasks get their addresses from. */
  readonly networks: { readonly range: string; readonly prefix: number };
  /** Where volumes are kept on this machine; absent: nowhere but in volumes of the engine. */
  readonly volumes?: VolumePlaces;
  /** Keeps the logs of containers before they are removed; absent: they are not kept. */
  readonly archive?: LogArchive;
  /** Ends everything that goes on in the background. */
  readonly signal: AbortSignal;
  /** Of Gantry: who probes says so in its User-Agent. */
  readonly version: string;
}

/** Only the engine's own volumes are to be had. */
const NO_PLACES: VolumePlaces = {
  runDirectory: '/run/gantry',
  memoryCandidates: [],
  userId: -1,
  hostPathAllowed: [],
};

export function openServices(deps: ServiceDeps): TaskServices {
  const volumes = new DiskVolumes({ ...deps, ...(deps.volumes ?? NO_PLACES) });
  return {
    inputs: new ObjectInputs(deps),
    volumes,
    outputs: volumes.outputs,
    networks: new EngineNetworks({ ...deps, ...deps.networks, interfaces: interfaceAddresses }),
    prober: new TaskProber(deps),
    hooks: new Hooks(deps),
    archive: deps.archive ?? { keep: () => Promise.resolve() },
    seccompProfiles: openSeccompProfiles(deps.seccompProfiles),
    disk: new DiskWatch({ ...deps, volumes, tape: machineTape }),
    progress: new ProgressWatch({ ...deps, outputs: volumes.outputs }),
  };
}
