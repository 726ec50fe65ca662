/**
 * Where a process listens: the Kubernetes API with TLS, the jobs API and the job runner beside it, and for development
 * the manager's and the worker's plain listeners on this machine.
 *
 * Promises: what has been started is stopped when `opened` is disposed of; a listener that cannot start rejects with one
 * sentence that names its address and the setting that moves it; nothing is said to have started before all have.
 */
import { corsOf } from '../api/doors/jobs/cors.ts';
import { isLoopback } from '../api/server/foreign.ts';
import {
  devListener,
  type Listener,
  type TlsListener,
  type TlsMaterial,
  tlsListener,
} from '../api/server/listener.ts';
import type { Apps } from '../api/server/server.ts';
import { messageOf } from '../machinery/errors.ts';
import type { Doors, DoorsDeps } from './doors.ts';
import type { Output } from './io.ts';
import { PLACES, type Place } from './places.ts';
import { flagOf, SETTINGS, type Settings, variableOf } from './settings.ts';

/** Requests that run at a stop get this long, milliseconds. */
const STOP_GRACE_MS = 10_000;

export interface ListenersDeps extends DoorsDeps {
  readonly apps: Apps;
  readonly doors: Doors;
  readonly tls: TlsMaterial;
  readonly stdout: Output;
}

export interface Listeners {
  /** `host:port` of the Kubernetes API. */
  readonly server: string;
  /** New connections are made with these. */
  renew(material: TlsMaterial): void;
}

export async function startListeners(
  settings: Settings,
  deps: ListenersDeps,
  opened: AsyncDisposableStack,
): Promise<Listeners> {
  const { apps, doors, clock, log, tls, stdout } = deps;
  const listen = { clock, log };
  const secured: TlsListener[] = [];
  const startTls = async (listener: TlsListener, at: Place): Promise<string> => {
    secured.push(listener);
    return start(listener, at, opened);
  };
  const lines: string[] = [];
  const warnings: string[] = [];

  const server = await startTls(
    tlsListener(apps.whole, {
      ...listen,
      ...tls,
      host: settings.bindAddress,
      port: settings.securePort,
      isHttp1Only: settings.http1Only,
    }),
    PLACES.kubernetes,
  );
  if (settings.api) {
    const app = apps.doorsOnly(doors.jobs, [corsOf(settings.apiCorsOrigins)]);
    const place = { ...listen, host: settings.apiHost, port: settings.apiPort };
    const isPlain = settings.dev && isLoopback(settings.apiHost);
    const at = PLACES.jobs;
    const address = isPlain
      ? await start(devListener(app, { ...place, origins: settings.apiCorsOrigins }), at, opened)
      : await startTls(tlsListener(app, { ...place, ...tls }), at);
    log.info({ address: `${isPlain ? 'http' : 'https'}://${address}` }, 'serving the jobs API');
  }
  if (settings.grpc) {
    // Only here: who has no use for it does not pay for its library.
    const { grpcDoor } = await import('../api/doors/grpc/grpc.ts');
    const door = grpcDoor({
      ...deps,
      ...tls,
      host: settings.grpcHost,
      port: settings.grpcPort,
      namespace: settings.doorNamespace,
    });
    log.info({ address: await startTls(door, PLACES.grpc) }, 'serving the job runner over gRPC');
  }
  if (settings.dev) {
    if (doors.worker.length > 0) {
      const app = apps.doorsOnly(doors.worker);
      const worker = { ...listen, host: settings.workerHost, port: settings.workerPort };
      await startPlain('worker', devListener(app, worker), PLACES.worker);
    }
    const manager = { ...listen, host: settings.managerHost, port: settings.managerPort };
    await startPlain('manager', devListener(apps.whole, manager), PLACES.manager);
  }
  for (const line of [...lines, ...warnings]) await stdout.write(line);
  return {
    server,
    renew(material) {
      for (const listener of secured) listener.renew(material);
    },
  };

  async function startPlain(role: 'manager' | 'worker', listener: Listener, at: Place): Promise<void> {
    const address = await start(listener, at, opened);
    const port = address.slice(address.lastIndexOf(':') + 1);
    const isUsual = ['127.0.0.1', 'localhost'].includes(settings[at.host]);
    log.warn(
      { address, role },
      'plain HTTP without authentication: everybody on this machine acts as user dev',
    );
    lines.push(`Starting Gantry ${role} at ${isUsual ? `localhost:${port}` : address}\n`);
    warnings.push(
      `Warning: plain HTTP without authentication on http://${address} (user dev, this machine only)\n`,
    );
  }
}

async function start(listener: Listener, at: Place, opened: AsyncDisposableStack): Promise<string> {
  try {
    const { address, port } = await listener.start();
    opened.defer(() => listener.stop(STOP_GRACE_MS));
    return `${address.includes(':') ? `[${address}]` : address}:${port}`;
  } catch (error) {
    const { name } = SETTINGS[isOfAddress(error) ? at.host : at.port];
    throw new Error(`${messageOf(error)} (${flagOf(name)}, or ${variableOf(name)})`, { cause: error });
  }
}

/** The machine has no such address; otherwise it is the port that is not to be had. */
function isOfAddress(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ('code' in error && error.code === 'EADDRNOTAVAIL') || isOfAddress(error.cause);
}
