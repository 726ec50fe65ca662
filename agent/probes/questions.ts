/** From a probe of a Task to one question to its container, within the time the probe gives. */

import type { Probe } from '../../controllers/task/services.ts';
import type { Clock } from '../../machinery/clock.ts';
import { messageOf } from '../../machinery/errors.ts';
import { Limiter } from '../../machinery/limiter.ts';
import type { Runtime } from '../../machinery/runtime.ts';
import type { Task } from '../../schemas/types.gen.ts';
import type { Answer } from './answer.ts';
import { Deadline } from './deadline.ts';
import { askExec } from './exec.ts';
import { askGrpc } from './grpc.ts';
import { askHttp, type HttpQuestion } from './http.ts';
import { portOf } from './ports.ts';
import type { Road } from './road.ts';
import { askTcp } from './tcp.ts';

export type HttpGet = NonNullable<Probe['httpGet']>;

const TIMEOUT_MS = 1_000;
/** Commands at once: each costs the engine a process. */
const EXECS_AT_ONCE = 32;
const CONNECTIONS_AT_ONCE = 64;

export interface Subject {
  readonly task: Task;
  readonly containerId: string;
  readonly road: Road;
}

export interface QuestionDeps {
  readonly runtime: Runtime;
  readonly clock: Clock;
  /** `gantry-probe/1.2.3`. */
  readonly userAgent: string;
}

/** Asks so many at once; who waits for a place loses no time of its own. */
export class Questions {
  readonly #deps: QuestionDeps;
  readonly #execs = new Limiter(EXECS_AT_ONCE);
  readonly #connections = new Limiter(CONNECTIONS_AT_ONCE);

  constructor(deps: QuestionDeps) {
    this.#deps = deps;
  }

  /**
   * Never rejects but when the signal aborts.
   * @param onBegin called when the question has its place.
   */
  ask(subject: Subject, probe: Probe, signal: AbortSignal, onBegin: () => void): Promise<Answer> {
    const timeoutMs = (probe.timeoutSeconds ?? TIMEOUT_MS / 1000) * 1000;
    if (probe.exec !== undefined) {
      const { command } = probe.exec;
      return this.#execs.run(signal, () => {
        onBegin();
        return askExec(this.#deps, { containerId: subject.containerId, command, timeoutMs }, signal);
      });
    }
    return this.#connections.run(signal, async () => {
      onBegin();
      const deadline = new Deadline(this.#deps.clock, timeoutMs, signal);
      try {
        return await this.#askPort(subject, probe, timeoutMs, deadline.signal);
      } catch (error) {
        return { kind: 'unknown', message: messageOf(error) };
      } finally {
        deadline.done();
      }
    });
  }

  async #askPort(
    { task, road }: Subject,
    { httpGet, tcpSocket, grpc }: Probe,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<Answer> {
    const { userAgent } = this.#deps;
    const wanted = httpGet?.port ?? tcpSocket?.port ?? grpc?.port;
    if (wanted === undefined) return { kind: 'unknown', message: 'the probe says not what to ask' };
    const found = portOf(task, wanted);
    if ('message' in found) return { kind: 'unknown', message: found.message };
    const { port } = found;
    if (httpGet !== undefined)
      return askHttp(road, { ...httpAction(httpGet), what: 'HTTP probe', port, userAgent }, signal);
    if (grpc !== undefined) {
      return askGrpc(road, { port, service: grpc.service ?? '', userAgent, timeoutMs }, signal);
    }
    const host = tcpSocket?.host;
    return askTcp(road, { port, ...(isGiven(host) ? { host } : {}) }, signal);
  }
}

/** What an action says of the request. */
export function httpAction(action: HttpGet): Pick<HttpQuestion, 'scheme' | 'host' | 'path' | 'headers'> {
  const { scheme = 'HTTP', host, path = '/', httpHeaders = [] } = action;
  return { scheme, ...(isGiven(host) ? { host } : {}), path, headers: httpHeaders };
}

/** An empty host is none, as in Kubernetes. */
function isGiven(host: string | undefined): host is string {
  return host !== undefined && host !== '';
}
