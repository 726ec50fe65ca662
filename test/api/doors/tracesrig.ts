/** The traces door on a port of its own over a world, and a client that keeps all it was told. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';
import { type TracesDoor, tracesDoor } from '../../../api/doors/traces/traces.ts';
import type { Registry } from '../../../api/registry/types.ts';
import { devListener, type Listener } from '../../../api/server/listener.ts';
import { newApps } from '../../../api/server/server.ts';
import { systemClock } from '../../../machinery/clock.ts';
import type { Identity } from '../../../machinery/identity.ts';
import { silentLog } from '../../../machinery/log.ts';
import { withTrace } from '../../../machinery/trace.ts';
import { events, runs, tasks, taskTemplates } from '../../../schemas/kinds.ts';
import type { Event, Run, Task } from '../../../schemas/types.gen.ts';
import { taskManifest } from '../../builders.ts';
import { adminIdentity, openWorld, type World, type WorldOptions } from '../../world.ts';
import { type Ask, askPort, noWorkers } from '../server/harness.ts';

export const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
export const OTHER = 'a3ce929d0e0e47364bf92f3577b34da6';

export type Frame = Readonly<Record<string, unknown>>;

export class TraceClient {
  readonly webSocket: WebSocket;
  readonly frames: Frame[] = [];
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  #isClosed = false;

  private constructor(webSocket: WebSocket) {
    this.webSocket = webSocket;
    webSocket.on('message', (data: Buffer) => this.frames.push(JSON.parse(data.toString()) as Frame));
    webSocket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      webSocket.on('close', (code, reason) => {
        this.#isClosed = true;
        resolve({ code, reason: reason.toString() });
      });
    });
  }

  static async open(url: string, protocols: readonly string[] = []): Promise<TraceClient> {
    const webSocket = new WebSocket(url, [...protocols]);
    const client = new TraceClient(webSocket);
    await once(webSocket, 'open');
    return client;
  }

  /** What the server answers instead of changing protocols. */
  static async refused(
    url: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<{ readonly status: number; readonly body: Frame }> {
    const webSocket = new WebSocket(url, { headers });
    webSocket.on('error', () => undefined);
    const [, response] = (await once(webSocket, 'unexpected-response')) as [unknown, IncomingMessage];
    const text = Buffer.concat(await response.toArray()).toString();
    return { status: response.statusCode ?? 0, body: JSON.parse(text) as Frame };
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  say(message: unknown): void {
    this.webSocket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  ofType(type: string): readonly Frame[] {
    return this.frames.filter((frame) => frame['type'] === type);
  }

  /** Waits for so many frames of a type. */
  async has(type: string, count = 1): Promise<Frame> {
    await until(
      `${count} frames of type ${type}, got ${JSON.stringify(this.frames)}`,
      () => this.ofType(type).length >= count,
    );
    return this.ofType(type)[count - 1] ?? {};
  }

  /** `kind change name` of every event. */
  get told(): readonly string[] {
    return this.ofType('event').map(({ kind, event }) => {
      const { change, name } = event as Record<string, unknown>;
      return `${String(kind)} ${String(change)} ${String(name)}`;
    });
  }

  async end(): Promise<void> {
    this.webSocket.terminate();
    await this.closed;
  }
}

/** Waits for what other tasks of the event loop do, bounded; connections are real, so their time is. */
export async function until(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  withinMs = 10_000,
): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

export interface TracesRig {
  readonly world: World;
  readonly door: TracesDoor;
  readonly listener: Listener;
  readonly port: number;
  readonly url: string;
  open(path?: string): Promise<TraceClient>;
  refused(path: string): ReturnType<typeof TraceClient.refused>;
  ask(method: string, path: string, ask?: Ask): ReturnType<typeof askPort>;
  task(name: string, traceId?: string): Promise<Task>;
  touch(name: string, status?: NonNullable<Task['status']>): Promise<Task>;
  run(name: string, traceId?: string, annotations?: Readonly<Record<string, string>>): Promise<Run>;
  event(name: string, traceId?: string): Promise<Event>;
  metric(name: string): Promise<number>;
  close(): Promise<void>;
}

export interface RigOptions extends WorldOptions {
  readonly identity?: Identity;
  /** Instead of the world's: to break it. */
  readonly registryFor?: (registry: Registry) => Registry;
}

export async function openTracesRig(options: RigOptions = {}): Promise<TracesRig> {
  const world = await openWorld(options);
  const { clock, random, metrics, admin } = world;
  const registry = options.registryFor?.(world.registry) ?? world.registry;
  const door = tracesDoor({ registry, clock, log: silentLog, metrics });
  const apps = newApps({
    registry: world.registry,
    clock,
    random,
    metrics,
    log: silentLog,
    workerLink: noWorkers,
    productVersion: '0.1.0',
    doors: [door],
  });
  const listener = devListener(apps.doorsOnly([door]), {
    host: '127.0.0.1',
    port: 0,
    clock: systemClock,
    log: silentLog,
    identity: options.identity ?? adminIdentity,
  });
  const { port } = await listener.start();
  await admin.create(taskTemplates, {
    apiVersion: 'gantry.dev/v1',
    kind: 'TaskTemplate',
    metadata: { name: 'fib', namespace: 'default' },
    spec: { template: { spec: { image: 'x' } } },
  });
  const clients = new Set<TraceClient>();
  const url = `ws://127.0.0.1:${port}/ws`;
  const as = <T>(traceId: string, work: () => T): T => withTrace({ requestId: 'r', traceId }, work);
  return {
    world,
    door,
    listener,
    port,
    url,
    async open(path = '') {
      const client = await TraceClient.open(`${url}${path}`);
      clients.add(client);
      return client;
    },
    refused: (path) => TraceClient.refused(`${url}${path}`),
    ask: (method, path, ask) => askPort(port, method, path, ask),
    task: (name, traceId = TRACE) => as(traceId, () => admin.create(tasks, taskManifest(name))),
    async touch(name, status = { phase: 'Running' }) {
      const task = await admin.get(tasks, { namespace: 'default', name });
      return admin.update(tasks, { ...task, status }, { subresource: 'status' });
    },
    run: (name, traceId = TRACE, annotations = {}) =>
      as(traceId, () =>
        admin.create(runs, {
          apiVersion: 'gantry.dev/v1',
          kind: 'Run',
          metadata: { name, namespace: 'default', annotations },
          spec: { templateRef: { name: 'fib' } },
        }),
      ),
    event: (name, traceId = TRACE) =>
      admin.create(events, {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name, namespace: 'default', annotations: { 'gantry.dev/trace-id': traceId } },
        involvedObject: { kind: 'Task', namespace: 'default', name: 'hello' },
        reason: 'Pulled',
        message: 'pulled it',
        type: 'Normal',
        count: 1,
        lastTimestamp: '2026-01-01T00:00:05Z',
        source: { component: 'agent' },
      }),
    async metric(name) {
      const found = (await metrics.getMetricsAsJSON()).find((metric) => metric.name === name);
      return found?.values.reduce((sum, { value }) => sum + value, 0) ?? 0;
    },
    async close() {
      await Promise.all([...clients].map((client) => client.end()));
      await door.close();
      await listener.stop(1_000);
      await world.close();
    },
  };
}
