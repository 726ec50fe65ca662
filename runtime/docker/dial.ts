/**
 * A TCP connection to a port inside a container, by the first way that leads there:
 *
 * 1. on the engine's own machine, the container's addresses (or the machine's, for a container on its network);
 * 2. on the engine's own machine as root, 127.0.0.1 and ::1 inside the container's network namespace: what a program
 *    that listens on loopback alone needs, and a container without any network;
 * 3. on another machine, the port the engine publishes it at, then the container's addresses, should they be routed.
 *
 * When none does, the error says what was tried and what came of each.
 */
import { connect, isIP, type Socket } from 'node:net';
import type { ContainerInspectInfo } from 'dockerode';
import type { Clock } from '../../machinery/clock.ts';
import { messageOf, RuntimeError } from '../../machinery/errors.ts';
import { withinBounds } from '../bounded.ts';
import type { DockerEndpoint } from './connection.ts';
import type { NetworkNamespaces } from './namespaces.ts';

/** Far more than a connection on the same machine or in the same data centre takes. */
const ATTEMPT_LIMIT_MS = 3_000;

interface Way {
  /** For messages: `172.17.0.2:80`. */
  readonly name: string;
  readonly open: (signal: AbortSignal) => Promise<Socket>;
}

export interface DialDeps {
  readonly clock: Clock;
  readonly endpoint: DockerEndpoint;
  readonly namespaces: NetworkNamespaces;
}

/** @param signal ends the attempts; the connection is the caller's from then on. */
export async function dialContainer(
  deps: DialDeps,
  container: ContainerInspectInfo,
  port: number,
  signal: AbortSignal,
): Promise<Socket> {
  const what = `connection to port ${port} of container "${container.Id}"`;
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new RuntimeError('InvalidSpec', `${what}: wanted a port from 1 to 65535`);
  }
  if (!container.State.Running) {
    throw new RuntimeError('Conflict', `${what}: it is ${container.State.Status}, wanted running`);
  }
  const failures: string[] = [];
  for (const { name, open } of waysTo(deps, container, port)) {
    if (signal.aborted) break;
    try {
      const socket = await withinBounds(deps.clock, { what: name, signal, limitMs: ATTEMPT_LIMIT_MS }, open);
      socket.setNoDelay(true);
      // Until its owner listens: a reset in between closes the socket, and must not end a whole process of ours.
      socket.on('error', () => undefined);
      return socket;
    } catch (error) {
      failures.push(`${name} (${reasonOf(error)})`);
    }
  }
  const tried =
    failures.length === 0
      ? 'it has no address that can be reached from here'
      : `tried ${failures.join(', ')}`;
  throw new RuntimeError('Failed', `${what}: nothing takes it: ${tried}`);
}

function waysTo({ endpoint, namespaces }: DialDeps, container: ContainerInspectInfo, port: number): Way[] {
  const isOnHostNetwork = container.HostConfig.NetworkMode === 'host';
  const own = addressesOf(container).map((host) => directly(host, port));
  if (isSameMachine(endpoint)) {
    if (isOnHostNetwork) return [directly('127.0.0.1', port), directly('::1', port)];
    const inside: Way = {
      name: `loopback port ${port} inside its network namespace`,
      open: (signal) =>
        namespaces.dial({ containerId: container.Id, pid: container.State.Pid }, port, signal),
    };
    return [...own, inside];
  }
  const { host } = endpoint;
  if (isOnHostNetwork) return [directly(host, port)];
  const bindings = container.NetworkSettings.Ports?.[`${port}/tcp`] ?? [];
  const published = bindings.map(({ HostIp, HostPort }) =>
    directly(isAny(HostIp) ? host : HostIp, Number(HostPort)),
  );
  return [...published, ...own];
}

function isSameMachine(endpoint: DockerEndpoint): endpoint is Extract<DockerEndpoint, { kind: 'unix' }> {
  return endpoint.kind === 'unix';
}

function isAny(address: string): boolean {
  return address === '' || address === '0.0.0.0' || address === '::';
}

function addressesOf(container: ContainerInspectInfo): string[] {
  const networks = Object.values(container.NetworkSettings.Networks ?? {});
  return networks
    .flatMap(({ IPAddress, GlobalIPv6Address }) => [IPAddress, GlobalIPv6Address])
    .filter((address) => isIP(address) !== 0);
}

function directly(host: string, port: number): Way {
  return {
    name: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
    open: (signal) =>
      new Promise((resolve, reject) => {
        // Each side ends when it wants to: a request whose end is its last word still gets its answer.
        const socket = connect({ host, port, allowHalfOpen: true });
        const giveUp = (): void => void socket.destroy(new Error('given up'));
        signal.addEventListener('abort', giveUp, { once: true });
        socket.once('error', reject);
        socket.once('connect', () => {
          signal.removeEventListener('abort', giveUp);
          socket.off('error', reject);
          resolve(socket);
        });
      }),
  };
}

function reasonOf(error: unknown): string {
  if (error instanceof RuntimeError && error.reason === 'Unavailable') return 'no answer';
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined;
  return code === 'ECONNREFUSED' ? 'connection refused' : messageOf(error);
}
