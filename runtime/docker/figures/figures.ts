/**
 * All that is counted of many containers: from the kernel's files where their processes are on this machine (about a tenth of
 * a millisecond each), from the engine otherwise (10 ms and more each).
 *
 * Which process is a container's is asked of the engine once, and remembered for as long as that process's control groups
 * say that it is the container's: a process id that is somebody else's by now tells nothing of the container.
 */
import { setImmediate as turnOfTheLoop } from 'node:timers/promises';
import type Docker from 'dockerode';
import type { Clock } from '../../../machinery/clock.ts';
import type { ContainerFigures } from '../../../machinery/containerfigures.ts';
import { RuntimeError } from '../../../machinery/errors.ts';
import { type DockerCalls, orAbsent } from '../calls.ts';
import { parseGroups } from '../stats.ts';
import { figuresOfAnswer, type Inspected } from './answer.ts';
import { type NameDevice, readGroups } from './groups.ts';
import { openKernelFiles, type ReadNow } from './kernelfiles.ts';
import { interfacesOf, newDeviceNames } from './machinefiles.ts';

/** A millisecond or so in one go. */
const FROM_FILES_AT_ONCE = 8;
const ASKED_AT_ONCE = 8;
/** Process ids remembered; with more containers than that some are asked for each time. */
const MAX_PROCESSES = 4_096;

export interface FiguresDeps {
  readonly container: (id: string) => Docker.Container;
  readonly calls: DockerCalls;
  readonly clock: Clock;
  readonly isSameMachine: boolean;
  /** How files are read, for tests. */
  readonly read?: ReadNow;
}

interface Process {
  readonly pid: number;
  readonly startedAt: string;
  /** False on the machine's own network: its interfaces are not the container's. */
  readonly hasOwnNetwork: boolean;
  /** The text that says which groups it is in, and these. */
  groups: { readonly text: string; readonly paths: ReadonlyMap<string, string> } | undefined;
}

export class DockerFigures {
  readonly #deps: FiguresDeps;
  readonly #read: ReadNow;
  readonly #devices: { readonly forOneReading: () => NameDevice };
  /** By container id, in the order they were first seen. */
  readonly #processes = new Map<string, Process>();

  constructor(deps: FiguresDeps) {
    this.#deps = deps;
    this.#read = deps.read ?? openKernelFiles();
    this.#devices = newDeviceNames(this.#read);
  }

  /** Rejects with `RuntimeError` when the engine does not answer, or when the signal aborts. */
  async read(ids: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, ContainerFigures>> {
    const found = new Map<string, ContainerFigures>();
    const nameDevice = this.#devices.forOneReading();
    const unknown: string[] = [];
    for (const [at, id] of ids.entries()) {
      if (at % FROM_FILES_AT_ONCE === FROM_FILES_AT_ONCE - 1) await turnOfTheLoop();
      if (signal.aborted)
        throw new RuntimeError('Unavailable', 'figures of containers: the call was given up');
      const process = this.#processes.get(id);
      const figures = process === undefined ? undefined : this.#fromFiles(id, process, nameDevice);
      if (figures === undefined) unknown.push(id);
      else found.set(id, figures);
    }
    for (const id of unknown) this.#processes.delete(id);
    const waiting = unknown.values();
    const askInTurn = async (): Promise<void> => {
      for (const id of waiting) {
        const figures = await this.#ask(id, nameDevice, signal);
        if (figures !== undefined) found.set(id, figures);
      }
    };
    await Promise.all(Array.from({ length: Math.min(ASKED_AT_ONCE, unknown.length) }, askInTurn));
    return found;
  }

  /** One container's trouble is not all the others'; an engine that is away is. */
  async #ask(id: string, nameDevice: NameDevice, signal: AbortSignal): Promise<ContainerFigures | undefined> {
    try {
      return await this.#deps.calls.call(`figures of container "${id}"`, signal, (abortSignal) =>
        orAbsent(() => this.#fromEngine(id, nameDevice, abortSignal)),
      );
    } catch (error) {
      if (error instanceof RuntimeError && error.reason !== 'Unavailable') return undefined;
      throw error;
    }
  }

  async #fromEngine(
    id: string,
    nameDevice: NameDevice,
    abortSignal: AbortSignal,
  ): Promise<ContainerFigures | undefined> {
    const container = this.#deps.container(id);
    const { Id: wholeId, State: state, HostConfig: config } = await container.inspect({ abortSignal });
    if (!state.Running || wholeId !== id) return undefined;
    const startedAt = state.StartedAt;
    if (this.#deps.isSameMachine) {
      const hasOwnNetwork = config.NetworkMode !== 'host';
      const process: Process = { pid: state.Pid, startedAt, hasOwnNetwork, groups: undefined };
      const figures = this.#fromFiles(id, process, nameDevice);
      if (figures !== undefined) {
        this.#remember(id, process);
        return figures;
      }
    }
    const inspected: Inspected = { id, startedAt, memoryLimitBytes: config.Memory ?? 0 };
    // `stream` twice: dockerode reads the one, the engine the other.
    const options: object = { stream: false, _query: { stream: false, 'one-shot': true }, abortSignal };
    const oneShot: (options: object) => Promise<unknown> = container.stats.bind(container);
    return figuresOfAnswer(await oneShot(options), inspected);
  }

  /** Undefined when the process is not this container's, not on this machine, or its groups are not where they usually are. */
  #fromFiles(id: string, process: Process, nameDevice: NameDevice): ContainerFigures | undefined {
    const text = this.#read(`/proc/${process.pid}/cgroup`);
    if (text === undefined || !text.includes(id)) return undefined;
    if (process.groups?.text !== text) process.groups = { text, paths: parseGroups(text) };
    const figures = readGroups(process.groups.paths, this.#read, nameDevice);
    if (figures === undefined) return undefined;
    return {
      atMs: this.#deps.clock.now(),
      startedAt: process.startedAt,
      ...figures,
      interfaces: process.hasOwnNetwork ? interfacesOf(this.#read(`/proc/${process.pid}/net/dev`)) : [],
    };
  }

  #remember(id: string, process: Process): void {
    const [oldest] = this.#processes.keys();
    if (this.#processes.size >= MAX_PROCESSES && oldest !== undefined) this.#processes.delete(oldest);
    this.#processes.set(id, process);
  }
}
