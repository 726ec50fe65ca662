/**
 * Probes the containers of this worker (`Prober`): every one that the controller keeps, by the probes of its Task's spec.
 *
 * Containers are reached over their own address where the engine is on this machine. The engine's place is asked for
 * once, at the first question; until it has said, and where it is elsewhere, the runtime dials.
 */
import type { EventSink } from '../../controllers/engine/event.ts';
import type { Prober, ProbeState, ProbeTarget } from '../../controllers/task/services.ts';
import type { Clock } from '../../machinery/clock.ts';
import { messageOf } from '../../machinery/errors.ts';
import type { Log } from '../../machinery/log.ts';
import type { Metrics } from '../../machinery/metrics.ts';
import type { Random } from '../../machinery/random.ts';
import type { Runtime } from '../../machinery/runtime.ts';
import { Agenda } from './agenda.ts';
import { type ContainerDeps, ContainerProbes } from './container.ts';
import { probeCounter } from './metrics.ts';
import { Questions } from './questions.ts';
import { type Connect, connectDirectly, Road } from './road.ts';

export interface ProberOptions {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly events: EventSink;
  readonly metrics: Metrics;
  /** Of Gantry, for the User-Agent. */
  readonly version: string;
  /** Ends all probing. */
  readonly signal: AbortSignal;
  /** Opens connections; default: the system's. */
  readonly connect?: Connect;
}

export class TaskProber implements Prober {
  readonly #options: ProberOptions;
  readonly #deps: ContainerDeps;
  /** By container id. */
  readonly #containers = new Map<string, ContainerProbes>();
  #listener: (taskKey: string) => void = () => undefined;
  #isNear: boolean | undefined;
  #isLooking = false;

  constructor(options: ProberOptions) {
    this.#options = options;
    const { runtime, clock, random, events, metrics, version, signal } = options;
    this.#deps = {
      clock,
      agenda: new Agenda(clock),
      random,
      events,
      questions: new Questions({ runtime, clock, userAgent: `gantry-probe/${version}` }),
      count: probeCounter(metrics),
      roadTo: (target) => this.#roadTo(target),
      sinceMs: clock.now(),
      onChange: (taskKey) => this.#listener(taskKey),
    };
    signal.addEventListener('abort', () => this.#end(), { once: true });
  }

  keep(target: ProbeTarget): void {
    if (this.#options.signal.aborted) return;
    const { containerId, taskKey } = target;
    const known = this.#containers.get(containerId);
    if (known?.startedAtMs === target.startedAtMs) return known.update(target);
    // Another run of the same container begins anew.
    known?.end();
    if (this.#isNear === undefined) void this.#look();
    const probes = new ContainerProbes(this.#deps, target);
    this.#containers.set(containerId, probes);
    if (probes.hasProbes) this.#listener(taskKey);
  }

  drop(containerId: string): void {
    this.#containers.get(containerId)?.end();
    this.#containers.delete(containerId);
  }

  stateOf(containerId: string): ProbeState | undefined {
    return this.#containers.get(containerId)?.state;
  }

  onChange(listener: (taskKey: string) => void): void {
    this.#listener = listener;
  }

  #end(): void {
    for (const probes of this.#containers.values()) probes.end();
    this.#containers.clear();
  }

  #roadTo({ task, containerId, ip }: ProbeTarget): Road {
    const { runtime, connect = connectDirectly } = this.#options;
    const isOnHost = task.spec.network?.mode === 'host';
    return new Road({
      runtime,
      connect,
      containerId,
      address: () => (this.#isNear === true ? (isOnHost ? '127.0.0.1' : ip) : undefined),
    });
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    try {
      const { isLocal, isDialOnly = false } = await this.#options.runtime.info(this.#options.signal);
      this.#isNear = isLocal && !isDialOnly;
    } catch (error) {
      // Every way leads there through the runtime; the next container asks again.
      this.#options.log.warn({ err: error }, `cannot tell where the engine is: ${messageOf(error)}`);
    } finally {
      this.#isLooking = false;
    }
  }
}
