/** From the setting `--runtime` to a `Runtime`. One line for each runtime that a worker can be told to use. */
import type { Clock } from '../machinery/clock.ts';
import type { Metrics } from '../machinery/metrics.ts';
import type { Runtime } from '../machinery/runtime.ts';
import type { DockerEndpoint } from './docker/connection.ts';
import { DockerRuntime } from './docker/docker.ts';
import { measuredRuntime } from './measured.ts';

const DEFAULT_SOCKET = '/var/run/docker.sock';
/** Docker's own, registered with IANA: without and with TLS. */
const PLAIN_PORT = 2375;
const TLS_PORT = 2376;

export interface RuntimeDeps {
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** `DOCKER_HOST`, `DOCKER_TLS_VERIFY` and `DOCKER_CERT_PATH` are read as the docker command does. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * - `docker:` is the engine that `DOCKER_HOST` names, or the one at `unix:///var/run/docker.sock`;
 * - `docker:unix:///path`, `docker:tcp://host[:port]` name one.
 *
 * Nothing is contacted yet. Throws an `Error` with one clear sentence for anything else.
 */
export function openRuntime(url: string, deps: RuntimeDeps): Runtime {
  return measuredRuntime(
    new DockerRuntime(dockerEndpoint(url, deps.env), deps.clock),
    deps.metrics,
    deps.clock,
  );
}

/** Where the engine of a runtime setting is. Throws as `openRuntime` does. */
export function dockerEndpoint(url: string, env: RuntimeDeps['env']): DockerEndpoint {
  if (!url.startsWith('docker:')) {
    throw new Error(`found runtime "${url}", wanted docker:, docker:unix:///path or docker:tcp://host:port`);
  }
  const given = url.slice('docker:'.length);
  const source = given === '' ? `DOCKER_HOST` : 'runtime';
  const address = given === '' ? (env['DOCKER_HOST'] ?? '') : given;
  if (address === '') return { kind: 'unix', path: DEFAULT_SOCKET };
  if (address.startsWith('unix://')) {
    const path = address.slice('unix://'.length);
    if (path === '') return { kind: 'unix', path: DEFAULT_SOCKET };
    if (path.startsWith('/')) return { kind: 'unix', path };
    throw new Error(`found ${source} "${address}", wanted an absolute path such as unix://${DEFAULT_SOCKET}`);
  }
  return tcpEndpoint(address, source, env);
}

function tcpEndpoint(address: string, source: string, env: RuntimeDeps['env']): DockerEndpoint {
  const parsed = address.startsWith('tcp://') ? URL.parse(address.replace('tcp:', 'http:')) : null;
  if (parsed === null || parsed.hostname === '' || parsed.pathname !== '/') {
    throw new Error(`found ${source} "${address}", wanted unix:///path or tcp://host:port`);
  }
  const isTls = (env['DOCKER_TLS_VERIFY'] ?? '') !== '' || parsed.port === String(TLS_PORT);
  const port = Number(parsed.port) || (isTls ? TLS_PORT : PLAIN_PORT);
  // URL keeps the brackets of an IPv6 address; a connection wants it without.
  const host = parsed.hostname.replace(/^\[|\]$/g, '');
  if (!isTls) return { kind: 'tcp', host, port };
  const certificatePath = env['DOCKER_CERT_PATH'] ?? '';
  if (certificatePath === '') {
    throw new Error(
      `the Docker Engine at ${address} wants TLS: set DOCKER_CERT_PATH to the folder of ca.pem, cert.pem and key.pem`,
    );
  }
  return { kind: 'tcp', host, port, certificatePath };
}
