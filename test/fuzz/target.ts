/**
 * What is fuzzed: the whole control plane as one process has it (store, registry, controllers, application), on the
 * memory store and the real clock, behind real listeners. Everything it logs as an error is kept as a fault.
 */
import { PassThrough } from 'node:stream';
import { pino } from 'pino';
import { tasksDoor } from '../../api/doors/tasks/tasks.ts';
import { openRegistry } from '../../api/registry/open.ts';
import { identityOf } from '../../api/server/context.ts';
import { devListener, type Listener, tlsListener } from '../../api/server/listener.ts';
import { newApp } from '../../api/server/server.ts';
import { ControlPlane } from '../../controllers/list.ts';
import type { Client } from '../../machinery/client.ts';
import { systemClock } from '../../machinery/clock.ts';
import { ApiError, isApiError } from '../../machinery/errors.ts';
import { controllerIdentity } from '../../machinery/identity.ts';
import type { KubeObject, Resource } from '../../machinery/meta.ts';
import { newMetrics } from '../../machinery/metrics.ts';
import { systemRandom } from '../../machinery/random.ts';
import type { LogChunk, ProcessSession } from '../../machinery/runtime.ts';
import type { WorkerLink } from '../../machinery/workerlink.ts';
import { namespaces, tasks, workers } from '../../schemas/kinds.ts';
import { openStore } from '../../store/open.ts';
import type { Store } from '../../store/store.ts';
import { newWorker, taskManifest } from '../builders.ts';
import type { Certificates } from '../client/secureserver.ts';
import { adminIdentity } from '../world.ts';
import { NAMESPACES } from './manifests.ts';
import type { Address } from './rawhttp.ts';

export interface FuzzTarget {
  readonly plain: Address;
  /** Speaks HTTP/2 and HTTP/1.1. */
  readonly secure: Required<Address>;
  readonly admin: Client;
  readonly store: Store;
  /** What was logged as an error, oldest first; taken out by whoever looks. */
  takeFaults(): string[];
  /** What requests presume: namespaces, a worker, a Task that runs. */
  prepare(): Promise<void>;
  close(): Promise<void>;
}

const ERROR_LEVEL = 50;
/** A line of the log, as far as it is looked at. */
interface LogLine {
  readonly level: number;
}

export interface TargetOptions {
  /** Caches of the recent past that are full at once: what is held beyond them is a leak. */
  readonly hasSmallCaches?: boolean;
}

const SMALL_CACHES = { maxChanges: 32, maxChangeBytes: 64 * 1024 };

export async function openTarget(
  certificates: Certificates,
  { hasSmallCaches = false }: TargetOptions = {},
): Promise<FuzzTarget> {
  const faults: string[] = [];
  const log = pino(
    { level: 'info', base: null },
    {
      write(line: string) {
        if ((JSON.parse(line) as LogLine).level >= ERROR_LEVEL) faults.push(line);
      },
    },
  );
  const [clock, random, metrics] = [systemClock, systemRandom, newMetrics()];
  const store = await openStore('memory:', {
    clock,
    random,
    log,
    ...(hasSmallCaches ? { limits: { recentBytes: SMALL_CACHES.maxChangeBytes } } : {}),
  });
  const registry = await openRegistry({
    store,
    clock,
    random,
    log,
    metrics,
    ...(hasSmallCaches ? { cacheLimits: SMALL_CACHES } : {}),
    namespaceLimits: { maxObjects: 2_000, maxBytes: 50_000_000 },
    auditSink: { write: () => undefined, close: () => Promise.resolve() },
  });
  const controlPlane = new ControlPlane({
    clientOf: (controller) => registry.as(controllerIdentity(controller)),
    clock,
    random,
    log,
    metrics,
    lostAfterMs: 3_600_000,
  });
  const stop = new AbortController();
  const controlling = controlPlane.run(stop.signal);
  const app = newApp({
    registry,
    clock,
    random,
    metrics,
    log,
    workerLink: echoes,
    productVersion: '0.1.0',
    doors: [tasksDoor({ clientOf: (ctx) => registry.as(identityOf(ctx)), clock, random })],
  });
  const listen = { host: '127.0.0.1', port: 0, clock, log };
  const pki = await certificates.pki();
  const { certificate, key } = await certificates.of(adminIdentity);
  const listeners: readonly [Listener, Listener] = [
    devListener(app, { ...listen, identity: adminIdentity }),
    tlsListener(app, {
      ...listen,
      cert: pki.server.certificate,
      key: pki.server.key,
      ca: pki.authority,
    }),
  ];
  const { port } = await listeners[0].start();
  const { port: securePort } = await listeners[1].start();
  const admin = registry.as(adminIdentity);
  return {
    plain: { port },
    secure: { port: securePort, secure: { ca: pki.authority, cert: certificate, key } },
    admin,
    store,
    takeFaults: () => faults.splice(0),
    prepare: () => prepare(admin),
    async close() {
      await Promise.all(listeners.map((listener) => listener.stop(1_000)));
      stop.abort();
      await controlling;
      await registry.close();
      await store.close();
    },
  };
}

async function prepare(admin: Client): Promise<void> {
  for (const name of NAMESPACES) {
    await ensure(admin, namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }
  const {
    uid: _uid,
    resourceVersion: _version,
    generation: _generation,
    ...metadata
  } = newWorker('w1').metadata;
  await ensure(admin, workers, { ...newWorker('w1'), metadata });
  await ensure(admin, tasks, taskManifest('hello'));
  const key = { namespace: 'default', name: 'hello' };
  const binding = {
    apiVersion: 'gantry.dev/v1',
    kind: 'Binding',
    metadata: { ...key },
    target: { name: 'w1' },
    epoch: 1,
  };
  const task = await admin.get(tasks, key);
  if (task.spec.workerName === undefined) await admin.post(tasks, key, 'binding', binding);
  await admin.patch(
    tasks,
    key,
    { type: 'merge', body: { status: { phase: 'Running' } } },
    { subresource: 'status' },
  );
}

async function ensure<T extends KubeObject>(admin: Client, kind: Resource<T>, object: T): Promise<void> {
  try {
    await admin.create(kind, object);
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error;
  }
}

/** A worker whose every process and port says back what it is told. */
const echoes: WorkerLink = {
  logs: async () =>
    [Buffer.from('one\n'), Buffer.from('two\n')].values() as unknown as AsyncIterable<Uint8Array>,
  logEntries: () => Promise.reject(new ApiError('ServiceUnavailable', 'there are no entries here')),
  attempts: () => Promise.resolve([]),
  exec: async () => echo(),
  attach: async () => echo(),
  portForward: async () => new PassThrough(),
  usage: () => Promise.reject(new ApiError('ServiceUnavailable', 'there is no usage here')),
  reaches: () => true,
  containerMetrics: () => Promise.reject(new ApiError('ServiceUnavailable', 'there are no figures here')),
};

function echo(): ProcessSession {
  const pipe = new PassThrough();
  const ended = Promise.withResolvers<{ readonly exitCode: number | undefined }>();
  pipe.on('close', () => ended.resolve({ exitCode: 0 }));
  return {
    output: (async function* output(): AsyncGenerator<LogChunk> {
      for await (const data of pipe as AsyncIterable<Buffer>) yield { stream: 'stdout', data };
    })(),
    ended: ended.promise,
    write: (data) =>
      new Promise((resolve) => {
        if (pipe.writable) pipe.write(data, () => resolve());
        else resolve();
      }),
    endInput: () => void pipe.end(),
    resize: () => Promise.resolve(),
    kill: async () => void pipe.destroy(),
    close: () => void pipe.destroy(),
  };
}
