/**
 * What a watch costs while nothing happens: memory of the server for each one, on shared HTTP/2 connections and on TLS
 * connections of their own. The server is a process of its own, so that only its memory is measured.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { type ClientHttp2Session, connect } from 'node:http2';
import { request } from 'node:https';
import type { Socket } from 'node:net';
import type { Row } from './main.ts';

const SHARED_CONNECTIONS = 8;
const WATCHES = 1_000;
const OWN_CONNECTIONS = 1_000;
const PATH = '/apis/gantry.dev/v1/tasks?watch=1';
/** Opened before the first reading: what grows once (heap, code, buffers) belongs to no watch. */
const WARMUP = 320;

interface Started {
  readonly port: number;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

class MeasuredServer {
  readonly started: Started;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, started: Started) {
    this.#child = child;
    this.started = started;
  }

  static async open(): Promise<MeasuredServer> {
    const child = fork(new URL('./watchserver.ts', import.meta.url), { execArgv: ['--expose-gc'] });
    const [started] = (await once(child, 'message')) as [Started];
    return new MeasuredServer(child, started);
  }

  /** Resident bytes after collecting what is not in use. */
  async usedBytes(): Promise<number> {
    this.#child.send('measure');
    const [bytes] = (await once(this.#child, 'message')) as [number];
    return bytes;
  }

  async close(): Promise<void> {
    this.#child.kill();
    await once(this.#child, 'exit');
  }
}

async function openSession(server: MeasuredServer): Promise<ClientHttp2Session> {
  const { port, ...credentials } = server.started;
  const session = connect(`https://127.0.0.1:${port}`, credentials);
  await once(session, 'remoteSettings');
  return session;
}

async function perWatchOnShared(): Promise<number> {
  const server = await MeasuredServer.open();
  const sessions: ClientHttp2Session[] = [];
  const watch = async (session: ClientHttp2Session): Promise<void> => {
    const stream = session.request({ ':path': PATH });
    await once(stream, 'response');
    stream.resume();
  };
  for (let at = 0; at < SHARED_CONNECTIONS; at++) sessions.push(await openSession(server));
  for (let at = 0; at < WARMUP; at++) await watch(sessions[at % sessions.length] as ClientHttp2Session);
  const before = await server.usedBytes();
  for (let at = 0; at < WATCHES; at++) await watch(sessions[at % sessions.length] as ClientHttp2Session);
  const after = await server.usedBytes();
  for (const session of sessions) session.destroy();
  await server.close();
  return (after - before) / WATCHES;
}

async function perWatchOnItsOwn(): Promise<number> {
  const server = await MeasuredServer.open();
  const { port, ...credentials } = server.started;
  const sockets: Socket[] = [];
  const watch = async (): Promise<void> => {
    const asked = request({ host: '127.0.0.1', port, path: PATH, agent: false, ...credentials });
    asked.end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    response.resume();
    sockets.push(response.socket);
  };
  for (let at = 0; at < WARMUP; at++) await watch();
  const before = await server.usedBytes();
  for (let at = 0; at < OWN_CONNECTIONS; at++) await watch();
  const after = await server.usedBytes();
  for (const socket of sockets) {
    socket.on('error', () => undefined);
    socket.destroy();
  }
  await server.close();
  return (after - before) / OWN_CONNECTIONS;
}

export async function benchWatches(): Promise<readonly Row[]> {
  return [
    {
      name: `memory of an idle watch, ${WATCHES} on ${SHARED_CONNECTIONS} HTTP/2 connections`,
      value: (await perWatchOnShared()) / 1024,
      unit: 'KB',
      wanted: 'under 30',
    },
    {
      name: `memory of an idle watch on a TLS connection of its own, ${OWN_CONNECTIONS}`,
      value: (await perWatchOnItsOwn()) / 1024,
      unit: 'KB',
      wanted: 'under 80',
    },
  ];
}
