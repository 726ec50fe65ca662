/**
 * The gRPC door: the job runner. It makes its own TLS and hands the connections that are good to gRPC, because gRPC's
 * own cannot be told to take TLS 1.3 alone nor what a certificate must be
 * ([0031](../../../docs/adr/0031-grpc-over-our-own-tls.md)).
 *
 * Promises: as every listener (`listener.ts`); gRPC is loaded with the first connection, so who has no use for it does not
 * pay for it; a connection whose certificate is not good is closed before any call is read from it.
 */
import type { AddressInfo, Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { messageOf } from '../../../machinery/errors.ts';
import type { Metrics } from '../../../machinery/metrics.ts';
import type { Random } from '../../../machinery/random.ts';
import type { WorkerLink } from '../../../machinery/workerlink.ts';
import type { Registry } from '../../registry/types.ts';
import { listenError, type TlsListener, type TlsOptions } from '../../server/listener.ts';
import { newCallMetrics } from './metrics.ts';
import type { JobService, openJobService } from './service.ts';
import { peerProblem, secureContext } from './tls.ts';

export interface GrpcDoorDeps extends TlsOptions {
  readonly registry: Registry;
  readonly workerLink: WorkerLink;
  readonly random: Random;
  readonly metrics: Metrics;
  /** Where Runs are made, and TaskTemplates looked for. */
  readonly namespace: string;
}

const HANDSHAKE_TIMEOUT_MS = 15_000;
/** More are refused at once. */
const MAX_CONNECTIONS = 1_000;

interface Services {
  readonly openJobService: typeof openJobService;
}

/**
 * Starts, stops and renews as the HTTPS listener does.
 * @param loadServices called again with the next connection where it rejects
 */
export function grpcDoor(
  deps: GrpcDoorDeps,
  loadServices: () => Promise<Services> = () => import('./service.ts'),
): TlsListener {
  const { host, port, clock, log } = deps;
  const stopping = new AbortController();
  const calls = newCallMetrics(deps.metrics);
  const connections = new Set<Socket>();
  /** Those whose certificate is good, handed to gRPC or about to be. */
  const taken = new Set<TLSSocket>();
  let loading: Promise<JobService> | undefined;
  const load = (): Promise<JobService> =>
    (loading ??= loadServices().then((services) =>
      services.openJobService({ ...deps, calls, stopping: stopping.signal }),
    ));

  const server: Server = createServer({
    ...secureContext(deps),
    requestCert: true,
    rejectUnauthorized: true,
    ALPNProtocols: ['h2'],
    handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.on('connection', (socket: Socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  server.on('tlsClientError', (error) => log.debug({ err: error }, 'TLS handshake failed'));
  server.on('secureConnection', (socket) => {
    socket.on('error', (error) => log.debug({ err: error }, 'a gRPC connection failed'));
    const problem = socket.alpnProtocol === 'h2' ? peerProblem(socket.getPeerX509Certificate()) : 'no HTTP/2';
    if (problem !== undefined || stopping.signal.aborted) {
      const why = problem ?? 'the server is stopping';
      log.info({ address: socket.remoteAddress, why }, 'refused a gRPC connection');
      socket.destroy();
      return;
    }
    taken.add(socket);
    socket.once('close', () => taken.delete(socket));
    load().then(
      (service) => {
        if (!socket.destroyed) service.take(socket);
      },
      (error: unknown) => {
        log.error({ err: error }, `gRPC cannot be loaded: ${messageOf(error)}`);
        loading = undefined;
        socket.destroy();
      },
    );
  });

  return {
    start: () =>
      new Promise((resolve, reject) => {
        server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, host, port)));
        server.listen({ host, port }, () => {
          server.on('error', (error) => log.error({ err: error }, 'listener failed'));
          // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on TCP, so this is what it has
          const { address, port: bound } = server.address() as AddressInfo;
          resolve({ address, port: bound });
        });
      }),
    async stop(graceMs) {
      stopping.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      const timer = clock.after(graceMs, () => {
        for (const socket of connections) socket.destroy();
      });
      // Nothing has been promised to those that have not proved who they are.
      if (taken.size === 0) for (const socket of connections) socket.destroy();
      const service = await loading?.catch(() => undefined);
      service?.drain(graceMs);
      await closed;
      timer.cancel();
      service?.close();
    },
    renew: (material) => server.setSecureContext(secureContext(material)),
  };
}
