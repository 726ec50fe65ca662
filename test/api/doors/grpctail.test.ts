/** Tail: everything a job puts out, to every reader, as it was written. */
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { expect } from 'chai';
import { type JobsClient, JobsError } from '../../../client/jobs.ts';
import { ApiError } from '../../../machinery/errors.ts';
import type { LogEntry, LogEntryOptions } from '../../../machinery/workerlink.ts';
import {
  type Job,
  JobType,
  StartRequestSchema,
  StatusRequestSchema,
  TailRequestSchema,
  type TailResponse,
} from '../../../schemas/grpc/jobs.gen.ts';
import { runs, tasks, taskTemplates } from '../../../schemas/kinds.ts';
import { eventually } from '../../walk/process.ts';
import { entry, type GrpcWorld, openGrpcWorld, openRaw } from './grpcworld.ts';

const T1 = '2026-01-01T00:00:01Z';
const T2 = '2026-01-01T00:00:02Z';
const TAIL = '/gantry.jobs.v1.JobService/Tail';

describe('the job runner over gRPC: Tail', () => {
  let grpc: GrpcWorld;
  let ann: JobsClient;
  beforeEach(async () => {
    grpc = await openGrpcWorld();
    await grpc.grant('ann', 'gantry:job-runner');
    ann = grpc.clientOf(await grpc.issue('ann'));
  });
  afterEach(() => grpc.close());

  const fib = (): Promise<Job> =>
    ann.start(create(StartRequestSchema, { type: JobType.Fibonacci, arguments: { number: 3n } }));
  const tail = (id: string, rest: MessageInitShape<typeof TailRequestSchema> = {}): Promise<TailResponse[]> =>
    all(ann.tail(create(TailRequestSchema, { id, ...rest })));
  const words = (frames: readonly TailResponse[]): string[] =>
    frames.map(({ tag, data }) => `${tag} ${Buffer.from(data).toString()}`);
  /** As the run controller tells: the newest try, and how it goes. */
  const tell = async (
    id: string,
    uid: string | undefined,
    state: 'running' | 'completed' | 'failed' | 'cancelled' | 'interrupted',
    rest: { readonly outputs?: Record<string, string>; readonly message?: string } = {},
  ): Promise<void> => {
    const { outputs, message } = rest;
    await grpc.tell(id, {
      state,
      startedAt: T1,
      ...(message === undefined ? {} : { message }),
      ...(state === 'running' ? {} : { finishedAt: T2 }),
      tasks: [
        {
          name: 'fib',
          state,
          ...(uid === undefined ? {} : { taskUID: uid }),
          ...(outputs === undefined ? {} : { outputs }),
        },
      ],
    });
  };
  /** A job whose one try runs on worker `w`. */
  const running = async (): Promise<{ readonly id: string; readonly uid: string }> => {
    const { id } = await fib();
    const { metadata } = await grpc.addTry(id);
    await bind(metadata.name);
    await tell(id, metadata.uid, 'running');
    return { id, uid: metadata.uid ?? '' };
  };
  const bind = async (name: string): Promise<void> => {
    await grpc.world.addWorker('w').catch((error: unknown) => {
      if (!(error instanceof ApiError) || error.reason !== 'AlreadyExists') throw error;
    });
    const body = {
      apiVersion: 'gantry.dev/v1',
      kind: 'Binding',
      metadata: { name },
      target: { name: 'w' },
      epoch: 1,
    };
    await grpc.world.admin.post(tasks, { namespace: 'default', name }, 'binding', body);
  };

  it('D4.8 tells of the job’s life, its output with sources and times, its results and its end, and ends by itself', async () => {
    const { id, uid } = await running();
    grpc.script = async () => pieces(entry('a line\n'), entry('oh\n', { stream: 'stderr' }), entry('no end'));
    await tell(id, uid, 'completed', { outputs: { value: '1', digits: '9' } });
    const frames = await tail(id);
    expect(words(frames)).to.deep.equal([
      "JOB Starting job 'Fibonacci'",
      'FIB a line\n',
      'FIB oh\n',
      'FIB no end',
      'RESULT digits=9',
      'RESULT 1',
      'JOB Complete',
    ]);
    expect(frames.map(({ source }) => source)).to.deep.equal([0, 1, 2, 1, 3, 3, 0]);
    expect(frames[1]?.time).to.deep.include({ seconds: 1767225601n, nanos: 123456789 });
    expect(frames.at(-1)?.time?.seconds).to.equal(1767225602n);
  });

  it('D4.8 is called what its template calls it', async () => {
    const { admin } = grpc.world;
    const annotations = { 'gantry.dev/title': 'Golden Rabbits', 'gantry.dev/log-tag': 'RABBIT' };
    const key = { namespace: 'default', name: 'fib' };
    await admin.patch(taskTemplates, key, { type: 'merge', body: { metadata: { annotations } } });
    const { id, uid } = await running();
    grpc.script = async () => pieces(entry('x'));
    await tell(id, uid, 'completed');
    expect(words(await tail(id)).slice(0, 2)).to.deep.equal([
      "JOB Starting job 'Golden Rabbits'",
      'RABBIT x',
    ]);
    await admin.delete(taskTemplates, key);
    expect(words(await tail(id)).slice(0, 2)).to.deep.equal(["JOB Starting job 'Fibonacci'", 'FIB x']);
  });

  it('D4.8 is binary-safe: every byte, also those that are no text', async () => {
    const { id, uid } = await running();
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, index) => index));
    grpc.script = async () => pieces(entry(bytes), entry(bytes.toReversed()));
    await tell(id, uid, 'completed');
    const output = (await tail(id)).filter(({ source }) => source === 1).map(({ data }) => Buffer.from(data));
    expect(Buffer.concat(output)).to.deep.equal(Buffer.concat([bytes, bytes.toReversed()]));
  });

  for (const [state, last] of [
    ['failed', 'JOB Failed: step "fib" failed'],
    ['cancelled', 'JOB Stopped'],
    ['interrupted', 'JOB Interrupted: step "fib" failed'],
  ] as const) {
    it(`D4.8 a job that is ${state} says so last`, async () => {
      const { id, uid } = await running();
      grpc.script = async () => pieces<LogEntry>();
      await tell(id, uid, state, { message: 'step "fib" failed' });
      expect(words(await tail(id)).at(-1)).to.equal(last);
    });
  }

  it('a failure without a reason is told without one', async () => {
    const { id } = await fib();
    await grpc.tell(id, { state: 'failed', finishedAt: T2 });
    expect(words(await tail(id))).to.deep.equal(['JOB Failed']);
  });

  it('D4.8 one that has not begun is waited for; then what comes is told as it comes', async () => {
    const { id } = await fib();
    const frames: string[] = [];
    const reading = (async () => {
      for await (const frame of ann.tail(create(TailRequestSchema, { id }))) frames.push(...words([frame]));
    })();
    await eventually('it is followed', async () =>
      /tail_readers 1/.test(await grpc.world.metrics.metrics()) ? true : undefined,
    );
    const { metadata } = await grpc.addTry(id, 1, {});
    const goOn = Promise.withResolvers<void>();
    grpc.script = async () =>
      (async function* () {
        yield entry('first');
        await goOn.promise;
        yield entry('second');
      })();
    await tell(id, metadata.uid, 'running');
    await eventually('it has begun', () => (frames.length === 1 ? true : undefined));
    await bind(metadata.name);
    await eventually('it speaks', () => (frames.length === 2 ? true : undefined));
    goOn.resolve();
    await eventually('it goes on', () => (frames.length === 3 ? true : undefined));
    await tell(id, metadata.uid, 'completed');
    await reading;
    expect(frames).to.deep.equal(["JOB Starting job 'Fibonacci'", 'FIB first', 'FIB second', 'JOB Complete']);
    expect(await grpc.world.metrics.metrics()).to.include('gantry_grpc_tail_readers 0');
  });

  it('D4.8 shows every try, and containers that are started again', async () => {
    const { id, uid } = await running();
    grpc.script = async ({ name }) =>
      name.endsWith('-1')
        ? pieces(entry('one'), entry('left out', { stream: 'gap' }), entry('two', { attempt: 2 }))
        : pieces(entry('three'));
    const reading = tail(id);
    const second = await grpc.addTry(id, 2);
    await bind(second.metadata.name);
    await tell(id, second.metadata.uid, 'running');
    await tell(id, second.metadata.uid, 'completed');
    expect(uid).not.to.equal(second.metadata.uid);
    expect(words(await reading)).to.deep.equal([
      "JOB Starting job 'Fibonacci'",
      'FIB one',
      'JOB left out',
      'JOB Its container was started again',
      'FIB two',
      "JOB Trying job 'Fibonacci' again",
      'FIB three',
      'JOB Complete',
    ]);
  });

  it('a job that was stopped before it ran anywhere just ends', async () => {
    const { id } = await fib();
    const { metadata } = await grpc.addTry(id, 1, {});
    await tell(id, metadata.uid, 'running');
    const reading = tail(id);
    await tell(id, metadata.uid, 'cancelled');
    expect(words(await reading)).to.deep.equal(["JOB Starting job 'Fibonacci'", 'JOB Stopped']);
  });

  it('output that is not kept any more is told to be so', async () => {
    const { id, uid } = await running();
    grpc.script = () => Promise.reject(new ApiError('BadRequest', 'is terminated'));
    await tell(id, uid, 'completed');
    expect(words(await tail(id))).to.deep.equal(["JOB Starting job 'Fibonacci'", 'JOB Complete']);
    const name = `${id.toLowerCase()}-work-1`;
    const task = await grpc.world.admin.get(tasks, { namespace: 'default', name });
    const status = { ...task.status, container: { id: 'x' } };
    await grpc.world.admin.update(tasks, { ...task, status }, { subresource: 'status' });
    expect(words(await tail(id))[1]).to.equal('JOB What it put out is not kept any more');
  });

  it('a worker that cannot be asked, or that breaks off, ends it with an error', async () => {
    const { id } = await running();
    grpc.script = () => Promise.reject(new ApiError('ServiceUnavailable', 'worker "w" is not connected'));
    const raw = openRaw(grpc, await pair());
    const request = toBinary(TailRequestSchema, create(TailRequestSchema, { id }));
    expect(await raw.call(TAIL, [request])).to.include({ code: 14, message: 'worker "w" is not connected' });
    grpc.script = () => Promise.reject(new Error('a secret'));
    expect(await raw.call(TAIL, [request])).to.include({ code: 13, message: 'internal error' });
    raw.close();
  });

  it('a job that is removed while it is followed is NOT_FOUND', async () => {
    const { id } = await fib();
    const reading = tail(id).catch((error: unknown) => error);
    await eventually('it is followed', async () =>
      /tail_readers 1/.test(await grpc.world.metrics.metrics()) ? true : undefined,
    );
    await grpc.world.admin.delete(runs, { namespace: 'default', name: id.toLowerCase() });
    expect(await reading)
      .to.be.instanceOf(JobsError)
      .with.property('problem', 'NotFound');
  });

  it('a try whose Task is gone is not looked for without end', async () => {
    const { id } = await fib();
    await tell(id, 'gone', 'running');
    const reading = tail(id);
    await eventually('it is followed', async () =>
      /tail_readers 1/.test(await grpc.world.metrics.metrics()) ? true : undefined,
    );
    for (let at = 0; at < 5; at++) await ann.status(create(StatusRequestSchema, { id }));
    await tell(id, 'gone', 'failed');
    expect(words(await reading)).to.deep.equal(["JOB Starting job 'Fibonacci'", 'JOB Failed']);
  });

  describe('not all of it', () => {
    const asked: LogEntryOptions[] = [];
    const ended = async (): Promise<string> => {
      const { id, uid } = await running();
      asked.splice(0);
      grpc.script = async (_task, options) => {
        asked.push(options);
        return pieces(entry('last'));
      };
      await grpc.addTry(id, 0);
      await tell(id, uid, 'completed', { outputs: { value: '1' } });
      return id;
    };

    it('D4.2 lines: so many of the newest try’s, then what comes', async () => {
      expect(words(await tail(await ended(), { lines: 3 }))).to.deep.equal([
        'FIB last',
        'RESULT 1',
        'JOB Complete',
      ]);
      expect(asked).to.deep.equal([{ follow: true, tailLines: 3 }]);
    });

    it('D4.2 from_latest: of a job that has ended, nothing; of one that runs, what comes', async () => {
      expect(await tail(await ended(), { fromLatest: true })).to.deep.equal([]);
      const { id, uid } = await running();
      const reading = tail(id, { fromLatest: true });
      await eventually('it is followed', () => (asked.length === 1 ? true : undefined));
      await tell(id, uid, 'completed');
      expect(words(await reading)).to.deep.equal(['FIB last', 'JOB Complete']);
      expect(asked).to.deep.equal([{ follow: true, tailLines: 0 }]);
    });

    it('D4.2 both together are INVALID_ARGUMENT', async () => {
      const error = await tail(await ended(), { fromLatest: true, lines: 3 }).catch(
        (thrown: unknown) => thrown,
      );
      expect(String(error)).to.include('lines: found 3 together with from_latest, wanted one of the two');
    });
  });

  describe('readers', () => {
    const LINES = 3_000;
    /** Endless patience: what is read is read from this, by each reader for itself. */
    const busy = (read: number[]): void => {
      let readers = 0;
      grpc.script = async () => {
        const mine = readers++;
        return (async function* () {
          for (let line = 0; line < LINES; line++) {
            read[mine] = line;
            yield entry(`${line} ${'x'.repeat(1000)}\n`);
          }
        })();
      };
    };

    it('D4.8 a slow reader waits alone: others get everything, and what it does not take is not read for it', async () => {
      const { id, uid } = await running();
      const read: number[] = [];
      busy(read);
      const slow = ann.tail(create(TailRequestSchema, { id }));
      await slow.next();
      await slow.next();
      await tell(id, uid, 'completed');
      const quick = grpc.clientOf(await grpc.issue('ann'));
      const others = await all(quick.tail(create(TailRequestSchema, { id })));
      expect(others.filter(({ source }) => source === 1)).to.have.length(LINES);
      // Windows of HTTP/2 and buffers of sockets are bounded: far less than 3 MB.
      expect(read[0]).to.be.lessThan(LINES / 2);
      await slow.return();
      await eventually('its place is free', async () =>
        /tail_readers 0/.test(await grpc.world.metrics.metrics()) ? true : undefined,
      );
    });

    it('D4.8 a reader whose time is over, or who goes, lets go of the log', async () => {
      const { id } = await running();
      let isOpen = 0;
      grpc.script = async (_task, _options, signal) =>
        (async function* () {
          isOpen++;
          yield entry('x');
          await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
          isOpen--;
        })();
      const late = all(ann.tail(create(TailRequestSchema, { id }), { deadlineMs: Date.now() + 500 }));
      expect(await late.catch((error: unknown) => error))
        .to.be.instanceOf(JobsError)
        .with.property('problem', 'Late');
      await eventually('it lets go', () => (isOpen === 0 ? true : undefined));
      const going = ann.tail(create(TailRequestSchema, { id }));
      await going.next();
      await going.next();
      expect(isOpen).to.equal(1);
      await going.return();
      await eventually('it lets go', () => (isOpen === 0 ? true : undefined));
    });

    it('D4.8 more than 256 of one job are RESOURCE_EXHAUSTED', async () => {
      const { id } = await fib();
      const raw = openRaw(grpc, await pair());
      const request = toBinary(TailRequestSchema, create(TailRequestSchema, { id }));
      const reading = Array.from({ length: 256 }, () =>
        raw.call(TAIL, [request]).catch((error: unknown) => error),
      );
      await eventually('they are followed', async () =>
        /tail_readers 256/.test(await grpc.world.metrics.metrics()) ? true : undefined,
      );
      const answer = await raw.call(TAIL, [request]);
      expect(answer).to.include({
        code: 8,
        message: 'found of this job 256 readers, wanted at most 256; call again later',
      });
      raw.close();
      await Promise.all(reading);
    });
  });

  const pair = async (): Promise<{ cert: string; key: string }> => {
    const { certificate, key } = await grpc.issue('ann');
    return { cert: certificate, key };
  };
});

async function* pieces<T>(...items: readonly T[]): AsyncGenerator<T, void, undefined> {
  yield* items;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
