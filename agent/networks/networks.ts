/**
 * Networks that the Tasks of one namespace share on this worker, and on which they find each other by name.
 *
 * One for each namespace (`bridge`), and one for each further name that a Task asks for; none reaches into another
 * namespace. They are looked up on the engine each time, since anybody may prune one that has no running container:
 * a list costs about a millisecond, the start that follows two hundred. Made and removed one at a time.
 */
import type { TaskNetworks } from '../../controllers/task/services.ts';
import type { Clock } from '../../machinery/clock.ts';
import { messageOf, RuntimeError } from '../../machinery/errors.ts';
import { jsonHash } from '../../machinery/json.ts';
import { LABEL_CLUSTER, LABEL_NAMESPACE, LABEL_NETWORK, LABEL_WORKER } from '../../machinery/labels.ts';
import type { Log } from '../../machinery/log.ts';
import type { NetworkInfo, Runtime } from '../../machinery/runtime.ts';
import { withinBounds } from '../../runtime/bounded.ts';
import { type Block, blockAround, formatBlock, freeBlocks, parseBlock } from './subnets.ts';

export interface NetworkOptions {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly log: Log;
  readonly clusterId: string;
  readonly worker: string;
  /** Where subnets are cut from: `10.200.0.0/14`. */
  readonly range: string;
  /** How long the prefix of each is: 22 leaves room for 1,021 containers. */
  readonly prefix: number;
  /** Addresses of this machine's interfaces as `192.168.3.7/24`: their networks are left alone. */
  readonly interfaces: () => readonly string[];
}

const CALL_LIMIT_MS = 30_000;
/** Each refusal costs a call: a range that is taken nearly whole must not hold a start for long. */
const MAX_TRIES = 64;
/** A network is not taken away before it was without a Task at two looks this far apart. */
const IDLE_MS = 30_000;

export class EngineNetworks implements TaskNetworks {
  readonly #options: NetworkOptions;
  readonly #range: Block;
  /** Calls wait for the one before: two that make a network at once would make it twice. */
  #last: Promise<unknown> = Promise.resolve();
  /** By id: since when (monotonic) no Task has asked for a network. */
  readonly #idleSinceMs = new Map<string, number>();

  /** Throws for a range that is none: `rangeProblem` says so beforehand. */
  constructor(options: NetworkOptions) {
    this.#options = options;
    const range = parseBlock(options.range);
    if (range === undefined)
      throw new Error(`found "${options.range}", wanted a range such as 10.200.0.0/14`);
    this.#range = range;
  }

  async ensure(namespace: string, mode: string, signal: AbortSignal): Promise<string> {
    return this.#alone(async () => {
      const name = this.#nameOf(namespace, mode);
      const known = await this.known(signal);
      const found = known.find(
        ({ labels }) => labels[LABEL_NAMESPACE] === namespace && labels[LABEL_NETWORK] === mode,
      );
      if (found !== undefined) {
        this.#idleSinceMs.delete(found.id);
        return found.name;
      }
      await this.#create(name, namespace, mode, known, signal);
      return name;
    });
  }

  async sweep(keep: ReadonlyMap<string, ReadonlySet<string>>, signal: AbortSignal): Promise<void> {
    await this.#alone(async () => {
      const { clock, log, runtime } = this.#options;
      const known = await this.known(signal);
      for (const id of this.#idleSinceMs.keys()) {
        if (!known.some((network) => network.id === id)) this.#idleSinceMs.delete(id);
      }
      for (const { id, name, labels } of known) {
        if (keep.get(labels[LABEL_NAMESPACE] ?? '')?.has(labels[LABEL_NETWORK] ?? '') === true) {
          this.#idleSinceMs.delete(id);
          continue;
        }
        const sinceMs = this.#idleSinceMs.get(id);
        if (sinceMs === undefined) this.#idleSinceMs.set(id, clock.monotonicMs());
        if (sinceMs === undefined || clock.monotonicMs() - sinceMs < IDLE_MS) continue;
        try {
          await this.#bounded(`removal of network "${name}"`, signal, (inner) =>
            runtime.removeNetwork(id, inner),
          );
          this.#idleSinceMs.delete(id);
          log.info({ network: name }, 'removed a network that no Task on this worker asks for');
        } catch (error) {
          // Somebody else's container is on it, or the engine is busy: the next look tries again.
          if (!(error instanceof RuntimeError) || error.reason !== 'Conflict') throw error;
          log.debug({ network: name }, `kept a network: ${messageOf(error)}`);
        }
      }
    });
  }

  known(signal: AbortSignal): Promise<readonly NetworkInfo[]> {
    const { runtime, clusterId, worker } = this.#options;
    const labels = { [LABEL_CLUSTER]: clusterId, [LABEL_WORKER]: worker };
    return this.#bounded('list of networks', signal, (inner) => runtime.networks(labels, inner));
  }

  async #create(
    name: string,
    namespace: string,
    mode: string,
    known: readonly NetworkInfo[],
    signal: AbortSignal,
  ): Promise<void> {
    const { runtime, clusterId, worker, interfaces, prefix, range, log } = this.#options;
    const labels = {
      [LABEL_CLUSTER]: clusterId,
      [LABEL_WORKER]: worker,
      [LABEL_NAMESPACE]: namespace,
      [LABEL_NETWORK]: mode,
    };
    const taken = [
      ...known.map(({ subnet }) => (subnet === undefined ? undefined : parseBlock(subnet))),
      ...interfaces().map(blockAround),
    ].filter((block) => block !== undefined);
    let tries = 0;
    for (const block of freeBlocks(this.#range, prefix, taken, name)) {
      if (tries++ >= MAX_TRIES) break;
      const subnet = formatBlock(block);
      try {
        await this.#bounded(`creation of network "${name}"`, signal, (inner) =>
          runtime.createNetwork({ name, labels, subnet }, inner),
        );
        log.info({ network: name, subnet }, 'made a network');
        return;
      } catch (error) {
        if (!(error instanceof RuntimeError) || error.reason !== 'AddressConflict') throw error;
        log.debug({ network: name, subnet }, `the engine has this subnet already: ${messageOf(error)}`);
      }
    }
    throw new RuntimeError(
      'Failed',
      `no free subnet of /${prefix} for network "${mode}" of namespace "${namespace}" in ${range} (--task-cidr): ${known.length} are Gantry's own; give the worker a wider range, or remove networks that nobody needs`,
    );
  }

  /** Names on an engine are shared by all who use it, so cluster and worker are part of it. */
  #nameOf(namespace: string, mode: string): string {
    const { clusterId, worker } = this.#options;
    return `gantry.${namespace}.${mode}.${jsonHash([clusterId, worker]).slice(0, 8)}`;
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  #bounded<T>(what: string, signal: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return withinBounds(this.#options.clock, { what, signal, limitMs: CALL_LIMIT_MS }, work);
  }
}
