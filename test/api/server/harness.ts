/**
 * A server for tests: the real application over the real registry on the memory store, on a loopback port of its own,
 * and a small HTTP client that hides nothing.
 */
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { Door } from '../../../api/doors/door.ts';
import { tasksDoor } from '../../../api/doors/tasks/tasks.ts';
import type { BackupSource } from '../../../api/server/backups.ts';
import { identityOf } from '../../../api/server/context.ts';
import type { HealthCheck } from '../../../api/server/health.ts';
import { devListener, type Listener } from '../../../api/server/listener.ts';
import type { MonitoringSettings } from '../../../api/server/monitoring/monitoring.ts';
import { newApp } from '../../../api/server/server.ts';
import { explainWhy } from '../../../controllers/explain/why/explain.ts';
import { systemClock } from '../../../machinery/clock.ts';
import { ApiError } from '../../../machinery/errors.ts';
import type { Identity } from '../../../machinery/identity.ts';
import { isRecord } from '../../../machinery/json.ts';
import { silentLog } from '../../../machinery/log.ts';
import type { WorkerLink } from '../../../machinery/workerlink.ts';
import { writeBackup } from '../../../store/backup/writer.ts';
import { adminIdentity, openWorld, type World } from '../../world.ts';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body as JSON; throws when it is not. */
  json(): Record<string, unknown>;
}

export interface Ask {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** A streamed answer, read line by line. */
export interface Lines {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** The next line that is not empty, as JSON; undefined when the stream ended properly; throws when it was cut. */
  next(): Promise<Record<string, unknown> | undefined>;
  close(): void;
}

export interface TestServer {
  readonly world: World;
  readonly port: number;
  readonly listener: Listener;
  ask(method: string, path: string, ask?: Ask): Promise<Answer>;
  stream(path: string, headers?: Readonly<Record<string, string>>): Promise<Lines>;
  close(): Promise<void>;
}

export interface ServerOptions {
  readonly identity?: Identity;
  readonly workerLink?: WorkerLink;
  readonly readinessChecks?: readonly HealthCheck[];
  /** Default: everything. */
  readonly monitoring?: MonitoringSettings;
  /** Default: of the world's store. */
  readonly backup?: BackupSource;
  /** Default: the tasks door. */
  readonly doors?: readonly Door[];
}

/** A link without workers. */
export const noWorkers: WorkerLink = {
  logs: (worker) => notConnected(worker),
  logEntries: (worker) => notConnected(worker),
  attempts: (worker) => notConnected(worker),
  exec: (worker) => notConnected(worker),
  attach: (worker) => notConnected(worker),
  portForward: (worker) => notConnected(worker),
  usage: (worker) => notConnected(worker),
  reaches: () => false,
  containerMetrics: (worker) => notConnected(worker),
};

function notConnected(worker: string): Promise<never> {
  return Promise.reject(new ApiError('ServiceUnavailable', `worker "${worker}" is not connected`));
}

export function newTestApp(world: World, options: ServerOptions = {}): ReturnType<typeof newApp> {
  const { registry, store, clock, random, metrics } = world;
  return newApp({
    registry,
    clock,
    random,
    metrics,
    log: silentLog,
    workerLink: options.workerLink ?? noWorkers,
    productVersion: '0.1.0',
    readinessChecks: options.readinessChecks ?? [],
    ...(options.monitoring === undefined ? {} : { monitoring: options.monitoring }),
    doors: options.doors ?? [tasksDoor({ clientOf: (ctx) => registry.as(identityOf(ctx)), clock, random })],
    explain: explainWhy,
    backup:
      options.backup ??
      ((signal) => writeBackup({ store, clock, signal, engine: 'memory', gantryVersion: '0.1.0' })),
  });
}

export async function openServer(options: ServerOptions = {}): Promise<TestServer> {
  const world = await openWorld();
  const server = await serve(world, options);
  return {
    ...server,
    async close() {
      await server.close();
      await world.close();
    },
  };
}

/** A server on a world that stays the caller's. */
export async function serve(world: World, options: ServerOptions = {}): Promise<TestServer> {
  const listener = devListener(newTestApp(world, options), {
    host: '127.0.0.1',
    port: 0,
    // Connections are real: the grace period they get is too.
    clock: systemClock,
    log: silentLog,
    identity: options.identity ?? adminIdentity,
  });
  const { port } = await listener.start();
  return {
    world,
    port,
    listener,
    ask: (method, path, ask) => askPort(port, method, path, ask),
    stream: (path, headers) => streamPort(port, path, headers),
    close: () => listener.stop(1_000),
  };
}

export function askPort(port: number, method: string, path: string, ask: Ask = {}): Promise<Answer> {
  const { headers = {}, body } = ask;
  const isRaw = typeof body === 'string' || Buffer.isBuffer(body) || body === undefined;
  const bytes = isRaw ? body : JSON.stringify(body);
  const type = isRaw ? {} : { 'Content-Type': 'application/json' };
  const length = bytes === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(bytes)) };
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { host: '127.0.0.1', port, method, path, headers: { ...type, ...length, ...headers }, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          const json = (): Record<string, unknown> => asRecord(JSON.parse(text));
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, json });
        });
      },
    );
    request.on('error', reject);
    request.end(bytes);
  });
}

export function streamPort(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Lines> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
      const lines = readLines(response);
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        async next() {
          const { value, done } = await lines.next();
          return done === true ? undefined : asRecord(JSON.parse(value));
        },
        close: () => request.destroy(),
      });
    });
    request.on('error', reject);
    request.end();
  });
}

async function* readLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string, undefined> {
  let held = '';
  for await (const chunk of chunks) {
    const lines = (held + chunk.toString('utf8')).split('\n');
    held = lines.pop() ?? '';
    yield* lines.filter((line) => line !== '');
  }
  if (held !== '') throw new Error(`the stream ended within a line: ${held}`);
  return undefined;
}

export function asRecord(value: unknown): Record<string, unknown> {
  if (isRecord(value)) return value;
  if (Array.isArray(value)) return { items: value };
  throw new Error(`not an object: ${JSON.stringify(value)}`);
}

/** A value deep inside an answer, by dotted path; numbers index lists. */
export function at(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((found, part) => {
    if (Array.isArray(found)) return found[Number(part)];
    return isRecord(found) ? found[part] : undefined;
  }, value);
}
