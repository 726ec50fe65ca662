/** The jobs door on the real registry, on a listener of its own; every answer is held to the door's document. */
import { expect } from 'chai';
import { corsOf } from '../../../api/doors/jobs/cors.ts';
import { jobsDoor } from '../../../api/doors/jobs/jobs.ts';
import { DEV_IDENTITY, devListener } from '../../../api/server/listener.ts';
import { WatchLimit } from '../../../api/server/middleware/watchlimit.ts';
import { newApps } from '../../../api/server/server.ts';
import { systemClock, timestamp } from '../../../machinery/clock.ts';
import type { Identity } from '../../../machinery/identity.ts';
import { type Log, silentLog } from '../../../machinery/log.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import type { WorkerLink } from '../../../machinery/workerlink.ts';
import { document } from '../../../schemas/doors/jobs.gen.ts';
import { jobs, runs } from '../../../schemas/kinds.ts';
import type { Job, Run } from '../../../schemas/types.gen.ts';
import { openWorld, type World } from '../../world.ts';
import { type Answer, type Ask, askPort, noWorkers } from '../server/harness.ts';
import { conforms, operationsOf } from './openapi.ts';

export interface JobsRig {
  readonly world: World;
  readonly port: number;
  /** What `isScheduling` says. */
  scheduling: boolean | Error;
  /** What `isScheduling` waits for. */
  gate: Promise<void>;
  /** Checks the answer against the document. */
  ask(method: string, path: string, ask?: Ask): Promise<Answer>;
  /** Also for what the document does not have. */
  raw(method: string, path: string, ask?: Ask): Promise<Answer>;
  close(): Promise<void>;
}

export interface JobsRigOptions {
  readonly world?: World;
  readonly identity?: Identity;
  readonly workerLink?: WorkerLink;
  readonly origins?: readonly string[];
  readonly logLimit?: WatchLimit;
  readonly log?: Log;
}

const TEMPLATES = [...operationsOf(document).keys()].map((operation) => {
  const path = operation.slice(operation.indexOf(' ') + 1);
  return { path, pattern: new RegExp(`^${path.replace(/\{\w+\}/g, '[^/]+')}$`) };
});

export async function openJobsRig(options: JobsRigOptions = {}): Promise<JobsRig> {
  const { origins = [], log = silentLog, workerLink = noWorkers, identity = DEV_IDENTITY } = options;
  const world = options.world ?? (await openWorld());
  const { registry, clock, random } = world;
  const isScheduling = async (): Promise<boolean> => {
    await rig.gate;
    if (rig.scheduling instanceof Error) throw rig.scheduling;
    return rig.scheduling;
  };
  const deps = { registry, workerLink, clock, random, productVersion: '0.1.0' };
  const { logLimit = new WatchLimit() } = options;
  const door = jobsDoor({ ...deps, namespace: 'default', isScheduling, logLimit });
  const apps = newApps({ ...deps, metrics: newMetrics(), log, doors: [] });
  const listener = devListener(apps.doorsOnly([door], [corsOf(origins)]), {
    host: '127.0.0.1',
    port: 0,
    clock: systemClock,
    log,
    identity,
    origins,
  });
  const { port } = await listener.start();
  const rig: JobsRig = {
    world,
    port,
    scheduling: true,
    gate: Promise.resolve(),
    raw: (method, path, ask) => askPort(port, method, path, ask),
    async ask(method, path, ask) {
      const answer = await askPort(port, method, path, ask);
      const bare = path.split('?')[0] ?? '';
      const template = TEMPLATES.find(({ pattern }) => pattern.test(bare))?.path ?? bare;
      const type = answer.headers['content-type'];
      const body = type === 'application/json' ? (JSON.parse(answer.text) as unknown) : answer.text;
      conforms(document, method, template, answer.status, type, body);
      return answer;
    },
    async close() {
      await listener.stop(1_000);
      if (options.world === undefined) await world.close();
    },
  };
  return rig;
}

export const NAMESPACE = 'default';
export const STEP = { template: { spec: { image: 'gantry/hello:1' } } };
const ID = 'gantry.dev/job-id';

/** What tests do with a rig, whichever it is by then. */
export function actsOn(rigOf: () => JobsRig) {
  const addJob = (name: string, spec: Partial<Job['spec']> = {}, id?: string): Promise<Job> =>
    rigOf().world.admin.create(jobs, {
      apiVersion: 'gantry.dev/v1',
      kind: 'Job',
      metadata: { name, namespace: NAMESPACE, ...(id === undefined ? {} : { annotations: { [ID]: id } }) },
      spec: { tasks: [{ name: 'only', ...STEP }], ...spec },
    });
  const addRun = (name: string, spec: Run['spec']): Promise<Run> =>
    rigOf().world.admin.create(runs, {
      apiVersion: 'gantry.dev/v1',
      kind: 'Run',
      metadata: { name, namespace: NAMESPACE },
      spec,
    });
  const ofJob = (name: string, job: string): Promise<Run> => addRun(name, { jobRef: { name: job } });
  const setStatus = async (name: string, status: NonNullable<Run['status']>): Promise<void> => {
    const run = await rigOf().world.admin.get(runs, { namespace: NAMESPACE, name });
    await rigOf().world.admin.update(runs, { ...run, status }, { subresource: 'status' });
  };
  const end = (name: string, state: 'completed' | 'failed' | 'cancelled' = 'completed'): Promise<void> => {
    const now = timestamp(rigOf().world.clock.now());
    return setStatus(name, { state, startedAt: now, finishedAt: now });
  };
  const storedRuns = async (): Promise<readonly Run[]> => (await rigOf().world.admin.list(runs)).items;
  const get = async (path: string): Promise<Record<string, unknown>> => {
    const answer = await rigOf().ask('GET', path);
    expect(answer.status, answer.text).to.equal(200);
    return answer.json();
  };
  const post = (path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
    rigOf().ask('POST', path, { headers, ...(body === undefined ? {} : { body }) });
  const expectError = (answer: Answer, status: number, code: string, says: RegExp): void => {
    expect(answer.status, answer.text).to.equal(status);
    expect(answer.json()).to.have.all.keys('error', 'code');
    expect(answer.json().code).to.equal(code);
    expect(answer.json().error).to.match(says);
  };
  return { addJob, addRun, ofJob, setStatus, end, storedRuns, get, post, expectError };
}
