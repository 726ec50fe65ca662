/** What happens at the job runner's edges: a past that is not kept, a server that goes, too many calls at once. */
import { execFile } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { create, toBinary } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { Metadata } from '@grpc/grpc-js';
import { expect } from 'chai';
import { answerUnary, type Call, type CallDeps } from '../../../api/doors/grpc/calls.ts';
import { CallError, toCallError } from '../../../api/doors/grpc/errors.ts';
import { grpcDoor } from '../../../api/doors/grpc/grpc.ts';
import { openJobs } from '../../../api/doors/grpc/jobs.ts';
import { newCallMetrics } from '../../../api/doors/grpc/metrics.ts';
import { Newest } from '../../../api/doors/grpc/newest.ts';
import { Places } from '../../../api/doors/grpc/places.ts';
import { untilObject } from '../../../api/doors/grpc/waiting.ts';
import type { Client } from '../../../machinery/client.ts';
import { systemClock } from '../../../machinery/clock.ts';
import { ApiError } from '../../../machinery/errors.ts';
import { FairQueue } from '../../../machinery/fairqueue.ts';
import { doorIdentity } from '../../../machinery/identity.ts';
import { silentLog } from '../../../machinery/log.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import {
  JobStatus,
  StartRequestSchema,
  StopRequestSchema,
  TailRequestSchema,
} from '../../../schemas/grpc/jobs.gen.ts';
import { tasks } from '../../../schemas/kinds.ts';
import { taskManifest } from '../../builders.ts';
import { eventually } from '../../walk/process.ts';
import { openWorld, type World } from '../../world.ts';
import { noWorkers } from '../server/harness.ts';
import { type GrpcWorld, openGrpcWorld, openRaw } from './grpcworld.ts';

describe('the job runner over gRPC: bounds', () => {
  let world: World;
  beforeEach(async () => {
    world = await openWorld();
  });
  afterEach(() => world.close());

  it('a past that is not kept is read anew; a server that closes says to call again', async () => {
    const { metadata } = await world.admin.create(tasks, taskManifest('a'));
    const key = { namespace: 'default', name: 'a', uid: metadata.uid };
    let asked = 0;
    const client = {
      ...world.admin,
      list: world.admin.list.bind(world.admin),
      watch: () => (++asked === 1 ? failing(new ApiError('Expired', 'too old')) : ofNothing()),
    };
    const waiting = untilObject(client as never, tasks, key, () => false, new AbortController().signal);
    const error = await waiting.catch((thrown: unknown) => thrown);
    expect(asked).to.equal(2);
    expect(error).to.be.instanceOf(CallError).with.property('codeName', 'UNAVAILABLE');
    client.watch = () => failing(new ApiError('Forbidden', 'no'));
    const other = untilObject(client as never, tasks, key, () => false, new AbortController().signal);
    expect(await other.catch((thrown: unknown) => thrown)).to.have.property('reason', 'Forbidden');
  });

  it('D4.2 of all it has put out the newest is kept, in whatever pieces it comes, at the cost of its bytes', () => {
    const newest = new Newest(10);
    expect(newest.bytes()).to.have.length(0);
    for (const piece of ['abc', '', 'defgh', 'ijklmnopqrstuvwxyz', '0', '12']) newest.add(Buffer.from(piece));
    expect(Buffer.from(newest.bytes()).toString()).to.equal('tuvwxyz012');
    const lines = new Newest(1024 * 1024);
    const line = Buffer.from('\n');
    const startMs = performance.now();
    for (let at = 0; at < 2_000_000; at++) lines.add(line);
    expect(lines.bytes()).to.have.length(1024 * 1024);
    // It took minutes when the oldest went one by one.
    expect(performance.now() - startMs).to.be.below(10_000);
  });

  it('a namespace that is full is RESOURCE_EXHAUSTED, other refusals PERMISSION_DENIED', () => {
    expect(toCallError(new ApiError('Forbidden', 'exceeded quota: x')).codeName).to.equal(
      'RESOURCE_EXHAUSTED',
    );
    expect(toCallError(new ApiError('Forbidden', 'no')).codeName).to.equal('PERMISSION_DENIED');
  });

  const surface = (): EventEmitter =>
    Object.assign(new EventEmitter(), {
      request: {},
      metadata: new Metadata(),
      cancelled: false,
      getPath: () => '/gantry.jobs.v1.JobService/Status',
      getPeer: () => '127.0.0.1:1',
      getAuthContext: () => ({ sslPeerCertificate: { subject: { CN: 'ann' } } }),
      sendMetadata: () => undefined,
    });
  const depsWith = (queueLength: number): CallDeps => ({
    ...world,
    clock: systemClock,
    log: silentLog,
    calls: newCallMetrics(newMetrics()),
    seats: new FairQueue(
      { name: 'grpc', seats: 1, seatsPerUser: 1, queueLength, waiting: 1, waitMs: 60_000 },
      systemClock,
    ),
    stopping: new AbortController().signal,
  });

  it('too many calls of one user are RESOURCE_EXHAUSTED; who waits for a seat and goes leaves it', async () => {
    const deps = depsWith(1);
    const first = Promise.withResolvers<object>();
    const handle = answerUnary(deps, () => first.promise);
    const answerOf = (
      from: EventEmitter,
    ): Promise<{ readonly code: number; readonly details: string } | null> =>
      new Promise((resolve) => handle(from as never, (error) => resolve(error as never)));
    const running = answerOf(surface());
    const waiter = surface();
    const waiting = answerOf(waiter);
    await world.settle();
    expect(await answerOf(surface())).to.deep.include({
      code: 8,
      details: 'too many calls of user "ann" at once: queue-full; call again later',
    });
    waiter.emit('cancelled');
    expect(await waiting).to.include({ code: 1 });
    first.resolve({});
    expect(await running).to.equal(null);
  });

  it('a call that was cancelled before it began, or comes as the server stops, does nothing', async () => {
    let calls = 0;
    const stopping = new AbortController();
    const handle = answerUnary({ ...depsWith(1), stopping: stopping.signal }, async () => {
      calls++;
      return {};
    });
    const answerOf = (from: EventEmitter): Promise<{ readonly code: number } | null> =>
      new Promise((resolve) => handle(from as never, (error) => resolve(error as never)));
    expect(await answerOf(Object.assign(surface(), { cancelled: true }))).to.include({ code: 1 });
    expect(calls).to.equal(0);
  });
});

async function* ofNothing(): AsyncGenerator<never, void, undefined> {
  yield* [];
}

async function* failing(error: ApiError): AsyncGenerator<never, void, undefined> {
  yield* ofNothing();
  throw error;
}

describe('the job runner over gRPC: what it costs who does not use it', () => {
  it('a door that nobody connects to has not loaded gRPC', async () => {
    const root = join(import.meta.dirname, '../../..');
    const program = `
      import { createRequire } from 'node:module';
      const { cache } = createRequire(${JSON.stringify(`${root}/package.json`)});
      const loaded = () => Object.keys(cache).some((path) => /@grpc|grpc-health/.test(path));
      await import(${JSON.stringify(`${root}/cli/listeners.ts`)});
      await import(${JSON.stringify(`${root}/api/doors/grpc/grpc.ts`)});
      const before = loaded();
      await import(${JSON.stringify(`${root}/api/doors/grpc/service.ts`)});
      console.log(before, loaded());`;
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--input-type=module',
      '--eval',
      program,
    ]);
    expect(stdout).to.equal('false true\n');
  }).timeout(30_000);
});

describe('the job runner over gRPC: faults', () => {
  let grpc: GrpcWorld;
  const call = (client: Client): Call => {
    const caller = { name: 'lib', groups: ['system:masters'] };
    const context = { identity: caller };
    return { caller, context, client, signal: new AbortController().signal, release: () => undefined };
  };
  /** The client, but for some of its calls. */
  const instead = (client: Client, calls: Readonly<Record<string, unknown>>): Client =>
    new Proxy(client, {
      get(target, name) {
        const found: unknown =
          (typeof name === 'string' ? calls[name] : undefined) ?? Reflect.get(target, name);
        return typeof found === 'function' ? (found.bind(target) as unknown) : found;
      },
    });
  const jobsOf = ({ registry, random }: World) =>
    openJobs({
      registry,
      random,
      workerLink: noWorkers,
      namespace: 'default',
      calls: newCallMetrics(newMetrics()),
    });
  beforeEach(async () => {
    grpc = await openGrpcWorld();
  });
  afterEach(() => grpc.close());

  it('gRPC that cannot be loaded closes the connection, and is tried again with the next', async () => {
    const { world, authority, server } = grpc;
    let loads = 0;
    const door = grpcDoor(
      {
        ...world,
        clock: systemClock,
        log: silentLog,
        workerLink: noWorkers,
        namespace: 'default',
        host: '127.0.0.1',
        port: 0,
        cert: server.certificate,
        key: server.key,
        ca: authority.certificate,
        metrics: newMetrics(),
      },
      () =>
        ++loads === 1 ? Promise.reject(new Error('no memory')) : import('../../../api/doors/grpc/service.ts'),
    );
    const { port } = await door.start();
    const { certificate: cert, key } = await grpc.issue('ann');
    const ask = async (): Promise<unknown> => {
      const raw = openRaw({ port, authority }, { cert, key });
      const answer = raw.call('/grpc.health.v1.Health/Check', [Buffer.alloc(0)]);
      return answer.catch((error: unknown) => error).finally(() => raw.close());
    };
    expect(await ask()).to.be.instanceOf(Error);
    expect(await ask()).to.include({ code: 0 });
    expect(loads).to.equal(2);
    await door.stop(100);
  });

  it('a stop goes on where a try went meanwhile, and says what else is wrong with giving it its grace', async () => {
    const { world } = grpc;
    const jobs = jobsOf(world);
    const door = world.registry.as(doorIdentity('grpc'));
    const { id } = await jobs.start(call(door), create(StartRequestSchema));
    await grpc.addTry(id);
    let problem = new ApiError('ServiceUnavailable', 'the store is away');
    const client: Client = instead(door, {
      patch: (resource: { readonly plural: string }, ...rest: [never, never]) =>
        resource.plural === 'tasks' ? Promise.reject(problem) : door.patch(resource as never, ...rest),
    });
    const stop = () =>
      jobs.stop(call(client), create(StopRequestSchema, { id, gracePeriod: durationFromMs(0) }));
    expect(await stop().catch((error: unknown) => error)).to.equal(problem);
    problem = new ApiError('NotFound', 'gone');
    const stopping = stop();
    await eventually('cancelled', async () =>
      (await grpc.runOf(id)).spec.cancel === true ? true : undefined,
    );
    await grpc.tell(id, { state: 'cancelled', finishedAt: '2026-01-01T00:00:02Z' });
    expect((await stopping).status).to.equal(JobStatus.Stopped);
  });

  it('a tail says what is wrong, unless it is that the template went', async () => {
    const jobs = jobsOf(grpc.world);
    const door = grpc.world.registry.as(doorIdentity('grpc'));
    const { id } = await jobs.start(call(door), create(StartRequestSchema));
    const problem = new ApiError('ServiceUnavailable', 'the store is away');
    const client: Client = instead(door, {
      get: (resource: { readonly plural: string }, ...rest: [never]) =>
        resource.plural === 'tasktemplates' ? Promise.reject(problem) : door.get(resource as never, ...rest),
    });
    const read = jobs.tail(call(client), create(TailRequestSchema, { id }))[Symbol.asyncIterator]();
    expect(await read.next().catch((error: unknown) => error)).to.equal(problem);
  });
});

describe('the job runner over gRPC: places', () => {
  it('D4.8 readers are bounded, of one job, of one user and of all, and leave their places', () => {
    const counts: number[] = [];
    const limits = { ofOneJob: 2, ofOneUser: 3, ofAll: 4 };
    const readers = new Places('readers', limits, (taken) => counts.push(taken));
    const first = readers.take('a', 'ann');
    readers.take('a', 'ann');
    expect(() => readers.take('a', 'bob')).to.throw(
      'found of this job 2 readers, wanted at most 2; call again later',
    );
    readers.take('b', 'ann');
    expect(() => readers.take('c', 'ann')).to.throw(
      'found of user "ann" 3 readers, wanted at most 3; call again later',
    );
    readers.take('c', 'bob');
    expect(() => readers.take('d', 'bob')).to.throw('found 4 readers, wanted at most 4; call again later');
    first[Symbol.dispose]();
    readers.take('a', 'bob');
    expect(counts).to.deep.equal([1, 2, 3, 4, 3, 4]);
  });

  it('D4.8 a stop beyond 256 that wait for a job is told so, and the job is stopped all the same', async () => {
    const grpc: GrpcWorld = await openGrpcWorld();
    try {
      const credentials = await grpc.issue('ann');
      await grpc.grant('ann', 'gantry:job-runner');
      const { id } = await grpc.clientOf(credentials).start(create(StartRequestSchema));
      const raw = openRaw(grpc, { cert: credentials.certificate, key: credentials.key });
      const request = toBinary(StopRequestSchema, create(StopRequestSchema, { id }));
      const path = '/gantry.jobs.v1.JobService/';
      const refused = Promise.withResolvers<{ readonly code: number; readonly message: string }>();
      for (let at = 0; at < 257; at++) {
        raw.call(`${path}Stop`, [request]).then(refused.resolve, refused.reject);
        // More at once would wait for a seat, and not for the end.
        if (at % 32 === 31) await raw.call(`${path}Status`, [request]);
      }
      const all = await refused.promise;
      expect([all.code, all.message]).to.deep.equal([
        8,
        'found of this job 256 callers who wait for its end, wanted at most 256; call again later',
      ]);
      expect((await grpc.runOf(id)).spec.cancel).to.equal(true);
      raw.close();
    } finally {
      await grpc.close();
    }
  });
});
