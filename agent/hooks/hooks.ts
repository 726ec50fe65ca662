/**
 * Does lifecycle acts (`HookRunner`): a command in the container, a request or a connection to it, a wait. What counts as
 * success is what counts for a probe of the same form (the kubelet takes any HTTP answer; an answer that says it failed is
 * a failure here). How long it may take is the caller's signal: on abort a command is killed.
 */
import type { Hook, HookRunner } from '../../controllers/task/services.ts';
import { type Clock, sleep } from '../../machinery/clock.ts';
import type { Runtime } from '../../machinery/runtime.ts';
import type { Task } from '../../schemas/types.gen.ts';
import type { Answer } from '../probes/answer.ts';
import { runCommand } from '../probes/command.ts';
import { askHttp } from '../probes/http.ts';
import { portOf } from '../probes/ports.ts';
import { httpAction } from '../probes/questions.ts';
import { type Connect, connectDirectly, Road } from '../probes/road.ts';
import { askTcp } from '../probes/tcp.ts';

export interface HooksOptions {
  readonly runtime: Runtime;
  readonly clock: Clock;
  /** Of Gantry, for the User-Agent. */
  readonly version: string;
  /** Opens connections to others than the container; default: the system's. */
  readonly connect?: Connect;
}

export class Hooks implements HookRunner {
  readonly #options: HooksOptions;

  constructor(options: HooksOptions) {
    this.#options = options;
  }

  async run(task: Task, containerId: string, hook: Hook, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (hook.sleep !== undefined) await sleep(this.#options.clock, hook.sleep.seconds * 1000, signal);
    else if (hook.exec !== undefined) await this.#command(containerId, hook.exec.command, signal);
    else await this.#ask(task, containerId, hook, signal);
    signal.throwIfAborted();
  }

  async #command(containerId: string, command: readonly string[], signal: AbortSignal): Promise<void> {
    const end = await runCommand(this.#options, { containerId, command }, signal);
    signal.throwIfAborted();
    const what = `command "${command.join(' ')}"`;
    if (end.kind === 'unknown') throw new Error(`${what}: ${end.message}`);
    if (end.kind === 'ended' && end.exitCode !== 0) {
      throw new Error(`${what} ended with ${end.exitCode}${end.tail === '' ? '' : `: ${end.tail}`}`);
    }
  }

  async #ask(task: Task, containerId: string, hook: Hook, signal: AbortSignal): Promise<void> {
    const action = hook.httpGet ?? hook.tcpSocket;
    if (action === undefined) throw new Error('the hook says not what to do');
    const found = portOf(task, action.port);
    if ('message' in found) throw new Error(found.message);
    const { runtime, version, connect = connectDirectly } = this.#options;
    const road = new Road({ runtime, connect, containerId, address: () => undefined });
    const { port } = found;
    const { host } = action;
    let answer: Answer;
    if (hook.httpGet !== undefined) {
      const userAgent = `gantry-hook/${version}`;
      const question = { ...httpAction(hook.httpGet), what: 'HTTP hook', port, userAgent } as const;
      answer = await askHttp(road, question, signal);
    } else {
      answer = await askTcp(road, { port, ...(host === undefined || host === '' ? {} : { host }) }, signal);
    }
    signal.throwIfAborted();
    if (answer.kind === 'failure' || answer.kind === 'unknown') throw new Error(answer.message);
  }
}
