/** The dispatch door over the real registry, on a loopback port; every answer of it is held to its OpenAPI document. */
import { dispatchDoor } from '../../../api/doors/dispatch/dispatch.ts';
import type { Registry } from '../../../api/registry/types.ts';
import { devListener } from '../../../api/server/listener.ts';
import { newApp } from '../../../api/server/server.ts';
import { systemClock } from '../../../machinery/clock.ts';
import { ApiError } from '../../../machinery/errors.ts';
import type { Identity } from '../../../machinery/identity.ts';
import { type Log, silentLog } from '../../../machinery/log.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import type { WorkerLink } from '../../../machinery/workerlink.ts';
import { document } from '../../../schemas/doors/dispatch.gen.ts';
import { runs, taskTemplates } from '../../../schemas/kinds.ts';
import type { Run, TaskTemplate } from '../../../schemas/types.gen.ts';
import { adminIdentity, openWorld, type World } from '../../world.ts';
import { type Answer, type Ask, askPort, noWorkers } from '../server/harness.ts';
import { conforms } from './openapi.ts';

export interface DispatchOptions {
  readonly world?: World;
  readonly identity?: Identity;
  readonly workerLink?: WorkerLink;
  readonly log?: Log;
  readonly checkStore?: () => Promise<void>;
}

export interface DispatchRig {
  readonly world: World;
  readonly port: number;
  ask(method: string, path: string, ask?: Ask): Promise<Answer>;
  dispatch(body: object, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  status(taskId: string): Promise<Record<string, unknown>>;
  run(name: string): Promise<Run>;
  runNames(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** The path as the document writes it. */
function templateOf(path: string): string {
  const [plain = ''] = path.split('?');
  return plain.replace(/^(\/api\/v1\/(?:status|cancel))\/.*$/, '$1/{task_id}');
}

export async function openDispatch(options: DispatchOptions = {}): Promise<DispatchRig> {
  const world = options.world ?? (await openWorld());
  const { registry, clock, random, store } = world;
  const log = options.log ?? silentLog;
  const workerLink = options.workerLink ?? noWorkers;
  const checkStore = options.checkStore ?? (async () => void (await store.get('/liveness')));
  const door = dispatchDoor({ registry, workerLink, clock, log, namespace: 'default', checkStore });
  const app = newApp({
    registry,
    clock,
    random,
    // Several may be open on one world.
    metrics: newMetrics(),
    log: silentLog,
    workerLink,
    productVersion: '0.1.0',
    doors: [door],
  });
  const listener = devListener(app, {
    host: '127.0.0.1',
    port: 0,
    // Connections are real: the grace period they get is too.
    clock: systemClock,
    log: silentLog,
    identity: options.identity ?? adminIdentity,
  });
  const { port } = await listener.start();
  const ask = async (method: string, path: string, asked?: Ask): Promise<Answer> => {
    const answer = await askPort(port, method, path, asked);
    // What a method that is none is answered with is the document's for the one there is.
    const isDocumented = door.owns(path.split('?')[0] ?? '') && answer.status !== 405 && method !== 'HEAD';
    if (isDocumented) {
      const type = answer.headers['content-type'];
      conforms(document, method, templateOf(path), answer.status, type, JSON.parse(answer.text));
    }
    return answer;
  };
  return {
    world,
    port,
    ask,
    dispatch: (body, headers = {}) => ask('POST', '/api/v1/dispatch', { body, headers }),
    async status(taskId) {
      const answer = await ask('GET', `/api/v1/status/${encodeURIComponent(taskId)}`);
      if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`);
      return answer.json();
    },
    run: (name) => world.admin.get(runs, { namespace: 'default', name }),
    runNames: async () => (await world.admin.list(runs)).items.map(({ metadata }) => metadata.name),
    async close() {
      await listener.stop(1_000);
      if (options.world === undefined) await world.close();
    },
  };
}

/** As the example that ships, in small. */
export function createTemplate(
  world: World,
  name = 'fib',
  spec: Partial<TaskTemplate['spec']> = {},
): Promise<TaskTemplate> {
  return world.admin.create(taskTemplates, {
    apiVersion: 'gantry.dev/v1',
    kind: 'TaskTemplate',
    metadata: { name, namespace: 'default' },
    spec: {
      parameters: {
        type: 'object',
        required: ['position'],
        additionalProperties: false,
        properties: {
          position: { type: 'integer', minimum: 1 },
          mode: { enum: ['fast', 'slow'], default: 'fast' },
        },
      },
      template: { spec: { image: 'gantry/worktypes:1', args: ['$(parameters.position)'] } },
      ...spec,
    },
  });
}

/** A link to workers that have these logs, by the Task's name. */
export function linkWith(
  logs: Readonly<Record<string, string | Uint8Array | readonly Uint8Array[] | Error>>,
): WorkerLink {
  return {
    ...noWorkers,
    logs: (_worker, { name }, { tailLines = Infinity }) => {
      const found = logs[name];
      if (found instanceof Error) return Promise.reject(found);
      if (found === undefined)
        return Promise.reject(new ApiError('BadRequest', `task "${name}" has no log yet`));
      const chunks =
        typeof found === 'string'
          ? [
              Buffer.from(
                found
                  .split(/(?<=\n)/)
                  .slice(-tailLines)
                  .join(''),
              ),
            ]
          : found instanceof Uint8Array
            ? [found]
            : found;
      return Promise.resolve(
        (async function* () {
          yield* chunks;
        })(),
      );
    },
  };
}

/** The registry with some of it done otherwise. */
export function registryWith(registry: Registry, other: Partial<Registry>): Registry {
  return new Proxy(registry, {
    get(target, name) {
      const own: unknown = Reflect.get(other, name);
      if (own !== undefined) return own;
      const real: unknown = Reflect.get(target, name);
      return typeof real === 'function' ? (real.bind(target) as unknown) : real;
    },
  });
}
