/**
 * A process of its own inside a container's network namespace: it connects to loopback ports there and hands the
 * connected sockets to the process that started it, over the channel between the two. A socket stays in the namespace it
 * was made in, so not one byte of the connection comes by here. Ends when its parent does, or lets go of it.
 */
import { readlinkSync } from 'node:fs';
import { Socket } from 'node:net';
import type { DialAnswer, DialerHello, DialRequest } from './namespaces.ts';

const LOOPBACK = ['127.0.0.1', '::1'];

function connectTo(host: string, port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = new Socket({ allowHalfOpen: true });
    // What is read here would be lost to the process that gets the socket.
    socket.pause();
    socket.once('error', reject);
    socket.once('connect', () => resolve(socket));
    socket.connect({ host, port });
  });
}

async function answer({ id, port }: DialRequest): Promise<void> {
  const failures: string[] = [];
  for (const host of LOOPBACK) {
    try {
      const socket = await connectTo(host, port);
      const found: DialAnswer = { id };
      process.send?.(found, socket);
      return;
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  const failed: DialAnswer = { id, error: failures.join(', ') };
  process.send?.(failed);
}

process.on('message', (request: DialRequest) => void answer(request));
process.on('disconnect', () => process.exit(0));
const hello: DialerHello = { namespace: readlinkSync('/proc/self/ns/net') };
process.send?.(hello);
