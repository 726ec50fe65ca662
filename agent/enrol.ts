/**
 * The worker's own object: made when it is missing, and kept true to what the engine says.
 *
 * Asks the engine now and then, and sooner while it is down, so that RuntimeDown is seen within seconds and goes by
 * itself; looks again at once when somebody else has changed the object (the lifecycle controller after a silence).
 * Nothing that fails here stops it.
 */
import { Informer } from '../client/informer.ts';
import type { Client } from '../machinery/client.ts';
import { type Clock, sleep } from '../machinery/clock.ts';
import { isApiError, messageOf } from '../machinery/errors.ts';
import { isSameJson } from '../machinery/json.ts';
import type { Log } from '../machinery/log.ts';
import { parseQuantity } from '../machinery/quantity.ts';
import type { Random } from '../machinery/random.ts';
import type { Runtime, RuntimeInfo } from '../machinery/runtime.ts';
import { withinBounds } from '../runtime/bounded.ts';
import { workers } from '../schemas/kinds.ts';
import type { Worker } from '../schemas/types.gen.ts';
import type { Pressure, PressureGauge } from './disk/pressure.ts';
import { type EngineReport, type Reserve, workerStatus } from './workerstatus.ts';

export interface EnrolmentOptions {
  readonly client: Client;
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly worker: string;
  readonly publishAddress: string;
  readonly reserve: Reserve;
  readonly agentVersion: string;
  readonly pressure: Pick<PressureGauge, 'look'>;
  /** The engine answers again after it did not, or for the first time. */
  readonly onEngineUp: () => void;
}

/** While the engine answers: how often it is asked. */
const ASK_MS = 5_000;
const ASK_LIMIT_MS = 5_000;
/** While it does not: from this, doubling, up to `RETRY_MAX_MS`. */
const RETRY_MS = 125;
const RETRY_MAX_MS = 1_000;
const WRITE_LIMIT_MS = 10_000;
/**
 * At least so long between two writes that change something. Whoever takes this worker for lost writes against it until
 * it sees the lease renewed; answered at once, the two would write without a pause.
 */
const WRITE_PAUSE_MS = 1_000;

export class Enrolment {
  readonly #options: EnrolmentOptions;
  readonly #informer: Informer<Worker>;
  #wasUp = false;
  #dataRoot: string | undefined;
  #failures = 0;
  #wake: () => void = () => {};

  constructor(options: EnrolmentOptions) {
    this.#options = options;
    const { client, clock, random, log, worker } = options;
    this.#informer = new Informer({
      client,
      resource: workers,
      clock,
      random,
      log,
      fieldSelector: `metadata.name=${worker}`,
    });
  }

  /** What the worker has to give, as it was told last; undefined before the first time. */
  get allocatable(): NonNullable<Worker['status']>['allocatable'] {
    return this.#informer.get(this.#options.worker)?.status?.allocatable;
  }

  /** Where the engine keeps its data; undefined where that is on another machine, or not known yet. */
  get dataRoot(): string | undefined {
    return this.#dataRoot;
  }

  /** Of the engine's machine, as it was told last; undefined before the first time. */
  get cores(): number | undefined {
    const capacity = this.#informer.get(this.#options.worker)?.status?.capacity?.cpu;
    return capacity === undefined ? undefined : Number(parseQuantity(capacity) ?? 0n) / 1e9 || undefined;
  }

  /** As it was last seen; undefined before it was. */
  get object(): Worker | undefined {
    return this.#informer.get(this.#options.worker);
  }

  /** Keeps the Worker true until the signal aborts. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const stopListening = this.#informer.onChange(() => this.#wake());
    try {
      await Promise.all([this.#informer.start(signal), this.#keepTrue(signal)]);
    } finally {
      stopListening();
    }
  }

  async #keepTrue(signal: AbortSignal): Promise<void> {
    const { clock, log, onEngineUp } = this.#options;
    while (!signal.aborted) {
      // Taken before looking: what changes during the look is not slept over.
      const early = new AbortController();
      this.#wake = () => early.abort();
      const report = await this.#ask(signal);
      if (signal.aborted) return;
      if (report.isUp && !this.#wasUp) onEngineUp();
      if (report.isUp) this.#dataRoot = report.info.isLocal ? report.info.dataRoot : undefined;
      if (report.isUp !== this.#wasUp) {
        if (report.isUp) log.info('the container engine answers');
        else log.warn(`the container engine does not answer: ${report.message}`);
      }
      this.#wasUp = report.isUp;
      const pressure = report.isUp ? await this.#lookAround(report.info) : {};
      const outcome = await this.#write(report, pressure, signal);
      this.#failures = report.isUp && outcome !== 'failed' ? 0 : this.#failures + 1;
      if (outcome === 'written') await sleep(clock, WRITE_PAUSE_MS, signal);
      const delayMs =
        this.#failures === 0
          ? ASK_MS
          : Math.min(RETRY_MAX_MS, RETRY_MS * 2 ** Math.min(this.#failures - 1, 10));
      // After a failure the pause is kept whatever happens: our own failed writes must not wake us in a spin.
      await sleep(clock, delayMs, this.#failures === 0 ? AbortSignal.any([signal, early.signal]) : signal);
    }
  }

  async #ask(signal: AbortSignal): Promise<EngineReport> {
    const { runtime, clock } = this.#options;
    try {
      const bounds = { what: 'info of the container engine', signal, limitMs: ASK_LIMIT_MS };
      return { isUp: true, info: await withinBounds(clock, bounds, (inner) => runtime.info(inner)) };
    } catch (error) {
      return { isUp: false, message: messageOf(error) };
    }
  }

  /** What cannot be read is left out, and said. */
  async #lookAround(info: RuntimeInfo): Promise<Pressure> {
    const { pressure, log } = this.#options;
    try {
      return await pressure.look(info);
    } catch (error) {
      log.warn({ err: error }, `cannot tell what the machine is short of: ${messageOf(error)}`);
      return {};
    }
  }

  async #write(
    report: EngineReport,
    pressure: Pressure,
    signal: AbortSignal,
  ): Promise<'same' | 'written' | 'failed'> {
    const { client, clock, log, worker, publishAddress, reserve, agentVersion } = this.#options;
    try {
      const bounds = { what: `write of worker ${worker}`, signal, limitMs: WRITE_LIMIT_MS };
      return await withinBounds(clock, bounds, async (inner) => {
        const current = this.#informer.get(worker) ?? (await this.#ensure(inner));
        const nowMs = clock.now();
        const status = workerStatus(current, {
          report,
          pressure,
          reserve,
          publishAddress,
          agentVersion,
          nowMs,
        });
        if (isSameJson(status, current.status)) return 'same';
        await client.update(workers, { ...current, status }, { subresource: 'status', signal: inner });
        return 'written';
      });
    } catch (error) {
      // Somebody else wrote in between: the copy catches up, and the next turn sees what is left to say.
      const level = isApiError(error, 'Conflict') || this.#failures > 0 ? 'debug' : 'warn';
      if (!signal.aborted) log[level]({ err: error }, `cannot write the worker: ${messageOf(error)}`);
      return 'failed';
    }
  }

  async #ensure(signal: AbortSignal): Promise<Worker> {
    const { client, worker } = this.#options;
    try {
      return await client.get(workers, { name: worker }, { signal });
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
    }
    const object: Worker = {
      apiVersion: 'gantry.dev/v1',
      kind: 'Worker',
      metadata: { name: worker, labels: { 'kubernetes.io/hostname': worker } },
      spec: {},
    };
    return client.create(workers, object, { signal });
  }
}
