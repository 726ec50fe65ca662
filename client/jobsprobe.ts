/**
 * Why no connection to a job runner comes about. gRPC says only that it could not connect; in TLS 1.3 a server refuses a
 * client's certificate after the client holds the handshake for done, so that the reason is the first thing it says.
 */
import { type ConnectionOptions, connect, type SecureContext } from 'node:tls';
import type { Clock } from '../machinery/clock.ts';

const PROBE_MS = 3_000;

export interface Probed {
  readonly address: string;
  readonly port: number;
  readonly context: SecureContext;
  readonly serverName: string;
  readonly checkServerIdentity: NonNullable<ConnectionOptions['checkServerIdentity']>;
  readonly clock: Clock;
}

/** What went wrong this time; undefined when it went well, or said nothing. */
export function probe({
  address,
  port,
  context,
  serverName,
  clock,
  ...options
}: Probed): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({
      host: address,
      port,
      secureContext: context,
      servername: serverName,
      ALPNProtocols: ['h2'],
      ...options,
    });
    const timer = clock.after(PROBE_MS, () => end(undefined));
    const end = (found: string | undefined): void => {
      timer.cancel();
      socket.destroy();
      resolve(found);
    };
    socket.once('error', (error) => end(error.message));
    socket.once('close', () => end('it closed the connection without a word'));
    // Its settings: a server that says so much has taken the certificate.
    socket.once('data', () => end(undefined));
  });
}
