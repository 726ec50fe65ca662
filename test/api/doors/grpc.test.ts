/** The job runner: its four calls over Runs, as somebody with a client certificate meets them. */
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { expect } from 'chai';
import type { Call } from '../../../api/doors/grpc/calls.ts';
import { openJobs } from '../../../api/doors/grpc/jobs.ts';
import { newCallMetrics } from '../../../api/doors/grpc/metrics.ts';
import { type JobsClient, JobsError } from '../../../client/jobs.ts';
import { ApiError } from '../../../machinery/errors.ts';
import { doorIdentity } from '../../../machinery/identity.ts';
import { ANNOTATION_STARTED_BY } from '../../../machinery/labels.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import {
  type Job,
  JobStatus,
  JobType,
  StartRequestSchema,
  StatusRequestSchema,
  StopRequestSchema,
  TailRequestSchema,
} from '../../../schemas/grpc/jobs.gen.ts';
import { runs, tasks, taskTemplates } from '../../../schemas/kinds.ts';
import type { Run } from '../../../schemas/types.gen.ts';
import { eventually } from '../../walk/process.ts';
import { noWorkers } from '../server/harness.ts';
import { entry, type GrpcWorld, openGrpcWorld, openRaw } from './grpcworld.ts';

const SERVICE = '/gantry.jobs.v1.JobService';
const T1 = '2026-01-01T00:00:01Z';
const T2 = '2026-01-01T00:00:02Z';
const UNKNOWN = 'XE38YM';

describe('the job runner over gRPC: calls', () => {
  let grpc: GrpcWorld;
  let ann: JobsClient;
  beforeEach(async () => {
    grpc = await openGrpcWorld();
    await grpc.grant('ann', 'gantry:job-runner');
    ann = grpc.clientOf(await grpc.issue('ann'));
  });
  afterEach(() => grpc.close());

  const start = (init: MessageInitShape<typeof StartRequestSchema> = {}, client = ann): Promise<Job> =>
    client.start(create(StartRequestSchema, init));
  const fib = (client = ann): Promise<Job> =>
    start({ type: JobType.Fibonacci, arguments: { number: 3n } }, client);
  const status = (
    id: string,
    rest: MessageInitShape<typeof StatusRequestSchema> = {},
    client = ann,
  ): Promise<Job> => client.status(create(StatusRequestSchema, { id, ...rest }));
  const stop = (
    id: string,
    rest: MessageInitShape<typeof StopRequestSchema> = {},
    client = ann,
  ): Promise<Job> => client.stop(create(StopRequestSchema, { id, ...rest }));
  const refusal = async (call: Promise<unknown>): Promise<JobsError> => {
    const error = await call.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof JobsError)) throw new Error(`not refused: ${String(error)}`);
    return error;
  };
  const step = (rest: Partial<NonNullable<NonNullable<Run['status']>['tasks']>[number]> = {}) => [
    { name: 'fib', state: 'completed' as const, ...rest },
  ];

  describe('Start', () => {
    it('D4.3 an empty request starts a Noop', async () => {
      const raw = openRaw(grpc, await pair('ann'));
      expect((await raw.call(`${SERVICE}/Start`, [Buffer.alloc(0)])).code).to.equal(0);
      raw.close();
      const [run] = (await grpc.world.admin.list(runs)).items;
      expect(run?.spec.templateRef).to.deep.equal({ name: 'noop' });
      expect(JobType.Noop).to.equal(0);
      const job = await status(run?.metadata.name ?? '');
      expect([job.type, job.arguments?.number, job.output.length]).to.deep.equal([0, undefined, 0]);
    });

    for (const [type, given, template, parameters] of [
      [JobType.Fibonacci, { number: 3n }, 'fib', { position: 3 }],
      [JobType.ExpressionEvaluator, { expression: '1 + 1' }, 'eval', { expression: '1 + 1' }],
      [JobType.WaitThenSend, { seconds: 0n, url: 'http://x/' }, 'wait', { seconds: 0, url: 'http://x/' }],
    ] as const) {
      it(`D4.3 a job of type ${type} is a Run of the template ${template}, with the same arguments in request and Job`, async () => {
        const job = await start({ type, arguments: given });
        const run = await grpc.runOf(job.id);
        expect(run.spec).to.deep.include({
          templateRef: { name: template },
          parameters,
          ttlSecondsAfterFinished: 86_400,
        });
        expect(run.metadata.annotations).to.include({ [ANNOTATION_STARTED_BY]: 'ann' });
        expect(job.arguments).to.deep.include(given);
        expect(job).to.include({ type, status: JobStatus.Pending, startedBy: 'ann', message: '' });
        expect(job.traceId).to.match(/^[0-9a-f]{32}$/);
        expect(job.traceId).to.equal(run.metadata.annotations?.['gantry.dev/trace-id']);
        expect([job.startedAt, job.finishedAt, job.exitCode]).to.deep.equal([
          undefined,
          undefined,
          undefined,
        ]);
      });
    }

    for (const [what, init, problem] of [
      [
        'an argument that is missing',
        { type: JobType.Fibonacci },
        'arguments.number of a Fibonacci job: found nothing, wanted a value',
      ],
      [
        'an argument of another type',
        { type: JobType.Fibonacci, arguments: { number: 3n, url: 'http://x' } },
        'arguments.url of a Fibonacci job: found "http://x", wanted none; it takes arguments.number',
      ],
      [
        'any argument for a Noop',
        { arguments: { seconds: 3n } },
        'arguments.seconds of a Noop job: found 3, wanted none; it takes no arguments',
      ],
      [
        'a number that no double is',
        { type: JobType.Fibonacci, arguments: { number: 2n ** 60n } },
        'found 1152921504606846976, wanted a number of at most 15 digits',
      ],
      [
        'what its template refuses',
        { type: JobType.Fibonacci, arguments: { number: 0n } },
        'arguments.number',
      ],
      [
        'a type from the future',
        { type: 99 as JobType },
        'type: found 99, wanted one of 0 (Noop), 1 (Fibonacci), 2 (Expression Evaluator), 3 (Wait Then Send)',
      ],
      [
        'a key that is too long',
        { idempotencyKey: 'x'.repeat(256) },
        'idempotency_key: found 256 characters, wanted at most 255',
      ],
    ] as const) {
      it(`D4.3 ${what} is INVALID_ARGUMENT, and starts nothing`, async () => {
        const { problem: code, message } = await refusal(start(init));
        expect(code).to.equal('Invalid');
        expect(message).to.include(problem);
        expect((await grpc.world.admin.list(runs)).items).to.deep.equal([]);
      });
    }

    it('D4.3 without its template it is NOT_FOUND, and says how to get it', async () => {
      await grpc.world.admin.delete(taskTemplates, { namespace: 'default', name: 'fib' });
      const { problem, message } = await refusal(fib());
      expect([problem, message]).to.deep.equal([
        'NotFound',
        'type: found Fibonacci, but there is no TaskTemplate "fib" in namespace "default"; kubectl apply -f manifests/templates brings it',
      ]);
    });

    it('D4.7 ids are six letters and digits that nobody mistakes, found again in either case', async () => {
      const ids = (await Promise.all(Array.from({ length: 20 }, () => start()))).map(({ id }) => id);
      expect(new Set(ids).size).to.equal(20);
      for (const id of ids) expect(id).to.match(/^[2-9ACDEFGHJKMNPQRTVWXY]{6}$/);
      const [id = ''] = ids;
      expect((await status(id.toLowerCase())).id).to.equal(id);
      expect((await grpc.runOf(id)).metadata.name).to.equal(id.toLowerCase());
    });

    it('the same key starts once, also when both come at once; each caller has keys of their own', async () => {
      const again = { type: JobType.Fibonacci, arguments: { number: 3n }, idempotencyKey: 'order 7' };
      const [first, second] = await Promise.all([start(again), start(again)]);
      expect((await start(again)).id).to.equal(first.id);
      expect(second.id).to.equal(first.id);
      await grpc.grant('bob', 'gantry:job-runner');
      expect((await start(again, grpc.clientOf(await grpc.issue('bob')))).id).not.to.equal(first.id);
      const other = await refusal(start({ ...again, arguments: { number: 4n } }));
      expect(other.message).to.include('ALREADY_EXISTS: idempotency_key: found "order 7", which was used');
    });

    it('passes over ids that are taken, and says so when there are too many', async () => {
      const { random, registry } = grpc.world;
      const jobs = openJobs({
        registry,
        random: { ...random, next: () => 0 },
        workerLink: noWorkers,
        namespace: 'default',
        calls: newCallMetrics(newMetrics()),
      });
      await jobs.start(callOf(), create(StartRequestSchema));
      const refused = await jobs.start(callOf(), create(StartRequestSchema)).catch((error: unknown) => error);
      expect(refused).to.be.instanceOf(ApiError).with.property('reason', 'AlreadyExists');
    });
  });

  it('D4.1 the core is a library: jobs are started, asked about and stopped without gRPC', async () => {
    const { registry, random } = grpc.world;
    const calls = newCallMetrics(newMetrics());
    const jobs = openJobs({ registry, random, workerLink: noWorkers, namespace: 'default', calls });
    const { id } = await jobs.start(callOf(), create(StartRequestSchema));
    expect((await jobs.status(callOf(), create(StatusRequestSchema, { id }))).status).to.equal(
      JobStatus.Pending,
    );
    await grpc.tell(id, { state: 'completed', finishedAt: T2 });
    expect((await jobs.stop(callOf(), create(StopRequestSchema, { id }))).status).to.equal(
      JobStatus.Complete,
    );
  });

  /** Of a caller that may do everything, without a wire. */
  const callOf = (): Call => {
    const { registry } = grpc.world;
    const caller = { name: 'lib', groups: ['system:masters'] };
    return {
      caller,
      context: { identity: caller },
      client: registry.as(doorIdentity('grpc')),
      signal: new AbortController().signal,
      release: () => undefined,
    };
  };
  const pair = async (user: string): Promise<{ cert: string; key: string }> => {
    const { certificate, key } = await grpc.issue(user);
    return { cert: certificate, key };
  };

  describe('Status', () => {
    for (const [state, wanted] of [
      ['pending', JobStatus.Pending],
      ['running', JobStatus.Running],
      ['completed', JobStatus.Complete],
      ['failed', JobStatus.Failed],
      ['cancelled', JobStatus.Stopped],
      ['interrupted', JobStatus.Interrupted],
    ] as const) {
      it(`D4.2 a run that is ${state} is told as ${wanted}`, async () => {
        const { id } = await fib();
        await grpc.tell(id, { state });
        expect((await status(id)).status).to.equal(wanted);
      });
    }

    it('D4.2 tells times, exit code, results and why', async () => {
      const { id } = await fib();
      await grpc.tell(id, {
        state: 'failed',
        message: 'step "fib" failed',
        startedAt: T1,
        finishedAt: T2,
        tasks: step({ exitCode: 64, outputs: { value: '1' } }),
      });
      const job = await status(id);
      expect(job).to.include({ message: 'step "fib" failed', exitCode: 64 });
      expect(job.results).to.deep.equal({ value: '1' });
      expect([job.startedAt?.seconds, job.finishedAt?.seconds]).to.deep.equal([1767225601n, 1767225602n]);
    });

    it('a job that was stopped has no exit code of its own', async () => {
      const { id } = await fib();
      await grpc.tell(id, {
        state: 'cancelled',
        finishedAt: T2,
        tasks: step({ state: 'cancelled', exitCode: 143 }),
      });
      expect((await status(id)).exitCode).to.equal(undefined);
    });

    it('D4.2 include_output: everything of every try, up to the newest 1 MiB', async () => {
      const { id } = await fib();
      expect((await status(id, { includeOutput: true })).output).to.have.length(0);
      await grpc.addTry(id, 1, { workerName: 'w' });
      await grpc.addTry(id, 2, { workerName: 'w' });
      const piece = Buffer.alloc(400_000, 'b');
      grpc.script = async function (task) {
        return task.name.endsWith('-1')
          ? pieces(entry('old'), entry('x', { stream: 'gap' }), entry(piece))
          : pieces(entry(piece, { stream: 'stderr' }), entry(Buffer.concat([piece, Buffer.from('end')])));
      };
      const { output } = await status(id, { includeOutput: true });
      expect(output).to.have.length(1024 * 1024);
      expect(Buffer.from(output).toString().endsWith('bend')).to.equal(true);
    });

    it('include_output: a log that is not kept is no error, a worker that cannot be asked is', async () => {
      const { id } = await fib();
      await grpc.addTry(id);
      grpc.script = () => Promise.reject(new ApiError('BadRequest', 'is terminated'));
      expect((await status(id, { includeOutput: true })).output).to.have.length(0);
      grpc.script = () => Promise.reject(new ApiError('ServiceUnavailable', 'worker "w" is not connected'));
      expect((await refusal(status(id, { includeOutput: true }))).message).to.include('not connected');
    });
  });

  describe('ids', () => {
    for (const call of ['status', 'stop', 'tail'] as const) {
      const ask = (id: string): Promise<unknown> =>
        call === 'tail'
          ? all(ann.tail(create(TailRequestSchema, { id })))
          : call === 'stop'
            ? stop(id)
            : status(id);
      it(`D4.2 ${call}: what is no id is INVALID_ARGUMENT, one of no job NOT_FOUND`, async () => {
        for (const [id, found] of [
          ['', 'nothing'],
          ['../..', '"../.."'],
          ['TOOLONG', '"TOOLONG"'],
        ] as const) {
          const { problem, message } = await refusal(ask(id));
          expect([problem, message]).to.deep.equal([
            'Invalid',
            `id: found ${found}, wanted six letters and digits such as XE38YM, as Start answered`,
          ]);
        }
        const { problem, message } = await refusal(ask(UNKNOWN));
        expect(problem).to.equal('NotFound');
        expect(message).to.equal(
          `id: found ${UNKNOWN}, but there is no such job; ended jobs are kept for 24 hours`,
        );
      });
    }

    it('a Run of another template is no job', async () => {
      const { admin } = grpc.world;
      const { metadata: _old, ...template } = await admin.get(taskTemplates, {
        namespace: 'default',
        name: 'noop',
      });
      await admin.create(taskTemplates, { ...template, metadata: { name: 'other', namespace: 'default' } });
      await admin.create(runs, {
        apiVersion: 'gantry.dev/v1',
        kind: 'Run',
        metadata: { name: 'abcdef', namespace: 'default' },
        spec: { templateRef: { name: 'other' } },
      });
      expect((await refusal(status('ABCDEF'))).problem).to.equal('NotFound');
    });
  });

  describe('Stop', () => {
    it('D4.8 waits until everything is stopped, and answers how it is then', async () => {
      const { id } = await fib();
      await grpc.tell(id, { state: 'running', startedAt: T1 });
      let isAnswered = false;
      const stopping = stop(id).then((job) => {
        isAnswered = true;
        return job;
      });
      await eventually('cancelled', async () =>
        (await grpc.runOf(id)).spec.cancel === true ? true : undefined,
      );
      await status(id);
      expect(isAnswered).to.equal(false);
      await grpc.tell(id, { state: 'cancelled', startedAt: T1, finishedAt: T2 });
      expect((await stopping).status).to.equal(JobStatus.Stopped);
    });

    it('D4.8 is idempotent: twice at once, and of a job that has ended', async () => {
      const { id } = await fib();
      const both = [stop(id), stop(id)];
      await eventually('cancelled', async () =>
        (await grpc.runOf(id)).spec.cancel === true ? true : undefined,
      );
      await grpc.tell(id, { state: 'cancelled', finishedAt: T2 });
      expect((await Promise.all(both)).map((job) => job.status)).to.deep.equal([4, 4]);
      const before = await grpc.runOf(id);
      expect((await stop(id)).status).to.equal(JobStatus.Stopped);
      expect((await grpc.runOf(id)).metadata.resourceVersion).to.equal(before.metadata.resourceVersion);
    });

    it('D4.8 gives what runs the grace period that is asked for, rounded up, and leaves ended tries alone', async () => {
      const { id } = await fib();
      const ended = await grpc.addTry(id, 1, { workerName: 'w', phase: 'Failed', finishedAt: T1 });
      const running = await grpc.addTry(id, 2);
      const stopping = stop(id, { gracePeriod: durationFromMs(1_500) });
      await eventually('cancelled', async () =>
        (await grpc.runOf(id)).spec.cancel === true ? true : undefined,
      );
      await grpc.tell(id, { state: 'cancelled', finishedAt: T2 });
      await stopping;
      const graceOf = async (name: string): Promise<number | undefined> =>
        (await grpc.world.admin.get(tasks, { namespace: 'default', name })).spec
          .terminationGracePeriodSeconds;
      expect(await graceOf(running.metadata.name)).to.equal(2);
      expect(await graceOf(ended.metadata.name)).to.equal(7);
    });

    for (const [ms, found] of [
      [-1_000, '-1s'],
      [86_401_000, '86401s'],
    ] as const) {
      it(`D4.8 a grace period of ${ms} ms is INVALID_ARGUMENT`, async () => {
        const { message } = await refusal(stop(UNKNOWN, { gracePeriod: durationFromMs(ms) }));
        expect(message).to.equal(`grace_period: found ${found}, wanted 0s to 24h`);
      });
    }

    it('D4.8 a caller who waits no longer, or not at all, stops the job all the same', async () => {
      const { id } = await fib();
      const late = ann.stop(create(StopRequestSchema, { id }), { deadlineMs: Date.now() + 300 });
      expect((await refusal(late)).problem).to.equal('Late');
      expect((await grpc.runOf(id)).spec.cancel).to.equal(true);
      const { id: other } = await fib();
      const leaving = new AbortController();
      const left = refusal(ann.stop(create(StopRequestSchema, { id: other }), { signal: leaving.signal }));
      await eventually('cancelled', async () =>
        (await grpc.runOf(other)).spec.cancel === true ? true : undefined,
      );
      leaving.abort();
      await left;
      const ended = async (): Promise<string> => grpc.world.metrics.metrics();
      await eventually('it is over here, too', async () =>
        /calls_total\{method="Stop",code="CANCELLED"\} 2/.test(await ended()) ? true : undefined,
      );
    });

    it('a job that is removed meanwhile is NOT_FOUND', async () => {
      const { id } = await fib();
      const stopping = refusal(stop(id));
      await eventually('cancelled', async () =>
        (await grpc.runOf(id)).spec.cancel === true ? true : undefined,
      );
      await grpc.world.admin.delete(runs, { namespace: 'default', name: id.toLowerCase() });
      expect((await stopping).problem).to.equal('NotFound');
    });
  });

  it('a server that stops ends calls that wait, and says to call again', async () => {
    const { id } = await fib();
    const raw = openRaw(grpc, await pair('ann'));
    const request = toBinary(StopRequestSchema, create(StopRequestSchema, { id }));
    const stopping = raw.call(`${SERVICE}/Stop`, [request]);
    await eventually('cancelled', async () =>
      (await grpc.runOf(id)).spec.cancel === true ? true : undefined,
    );
    const stopped = grpc.listener.stop(5_000);
    expect(await stopping).to.include({ code: 14, message: 'the server is stopping; call again' });
    await stopped;
    raw.close();
  });
});

async function* pieces<T>(...items: readonly T[]): AsyncGenerator<T, void, undefined> {
  yield* items;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
