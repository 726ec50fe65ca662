/** A TCP probe: success when the port takes a connection, which is let go of at once. */
import type { Answer } from './answer.ts';
import { success } from './answer.ts';
import type { Road } from './road.ts';

export interface TcpQuestion {
  readonly port: number;
  /** Absent: the container. */
  readonly host?: string;
}

/** @param signal ends the question; with `Overdue` as its reason the answer is a failure. */
export async function askTcp(road: Road, { host, port }: TcpQuestion, signal: AbortSignal): Promise<Answer> {
  const connection =
    host === undefined ? await road.connect(port, signal) : await road.elsewhere(host, port, signal);
  if (connection.kind === 'open') {
    connection.socket.destroy();
    return success;
  }
  return { kind: connection.kind === 'refused' ? 'failure' : 'unknown', message: connection.message };
}
