/** `gantry jobs`: the job runner's calls, and what people read of them. */
import { create } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import { parseDurationMs } from '../../machinery/duration.ts';
import {
  type Arguments,
  ArgumentsSchema,
  JobType,
  StartRequestSchema,
  StatusRequestSchema,
  StopRequestSchema,
  TailRequestSchema,
  TailResponse_Source,
} from '../../schemas/grpc/jobs.gen.ts';
import { CommandError, type Io } from '../io.ts';
import { JobLines } from '../joblines.ts';
import { type JobsFlags, withJobs } from '../jobsaccess.ts';
import { jobText, timeZoneFrom, typeName } from '../jobtext.ts';

export type JobWord = 'eval' | 'fib' | 'noop' | 'wait';

export interface StopFlags extends JobsFlags {
  readonly gracePeriod?: string;
}

export interface TailFlags extends JobsFlags {
  readonly lines?: string;
  readonly fromLatest?: boolean;
  /** The bytes of the work's output, and nothing else. */
  readonly raw?: boolean;
}

const MOST_INT64 = 2n ** 63n - 1n;
const MOST_UINT32 = 2 ** 32 - 1;

type Given = Partial<Pick<Arguments, 'number' | 'expression' | 'seconds' | 'url'>>;

const READERS: Readonly<Record<JobWord, readonly [JobType, (words: readonly string[]) => Given]>> = {
  eval: [JobType.ExpressionEvaluator, ([expression = '']) => ({ expression })],
  fib: [JobType.Fibonacci, ([position = '']) => ({ number: wholeNumber('position', position) })],
  noop: [JobType.Noop, () => ({})],
  wait: [
    JobType.WaitThenSend,
    ([seconds = '', url = '']) => ({ seconds: wholeNumber('seconds', seconds), url }),
  ],
};

/** Rejects, as all of these, with `CommandError`, `KubeconfigError` and `JobsError`. */
export async function runJobsStart(
  word: JobWord,
  words: readonly string[],
  flags: JobsFlags,
  io: Io,
): Promise<void> {
  const [type, read] = READERS[word];
  const request = create(StartRequestSchema, { type, arguments: create(ArgumentsSchema, read(words)) });
  const job = await withJobs(flags, io, false, (client, call) => client.start(request, call));
  await io.stdout.write(
    `Started '${typeName(job.type)}' job, ID: ${job.id}\n` +
      `Use 'gantry jobs tail ${job.id}' to see the output of this job,\n` +
      `'gantry jobs stop ${job.id}' to stop the job.\n`,
  );
}

export async function runJobsStatus(id: string, flags: JobsFlags, io: Io): Promise<void> {
  const request = create(StatusRequestSchema, { id });
  const job = await saying(`Getting info for job ${id}...`, io, () =>
    withJobs(flags, io, false, (client, call) => client.status(request, call)),
  );
  await io.stdout.write(`\n${jobText(job, io.clock.now(), timeZoneFrom(io.env.TZ))}`);
}

/** Waits until nothing of the job runs any more. */
export async function runJobsStop(id: string, flags: StopFlags, io: Io): Promise<void> {
  const { gracePeriod } = flags;
  const graceMs = gracePeriod === undefined ? undefined : parseDurationMs(gracePeriod);
  if (gracePeriod !== undefined && graceMs === undefined) {
    throw new CommandError(`--grace-period: found "${gracePeriod}", wanted a duration such as 10s`);
  }
  const request = create(StopRequestSchema, {
    id,
    ...(graceMs === undefined ? {} : { gracePeriod: durationFromMs(graceMs) }),
  });
  const job = await saying(`Stopping job ${id}...`, io, () =>
    withJobs(flags, io, true, (client, call) => client.stop(request, call)),
  );
  await io.stdout.write(`\n${jobText(job, io.clock.now(), timeZoneFrom(io.env.TZ))}`);
}

/** Follows the job to its end. */
export async function runJobsTail(id: string, flags: TailFlags, io: Io): Promise<void> {
  if (flags.lines !== undefined && flags.fromLatest === true) {
    throw new CommandError('--lines and --from-latest: wanted one of them, since each says where to begin');
  }
  const request = create(TailRequestSchema, {
    id,
    fromLatest: flags.fromLatest === true,
    ...(flags.lines === undefined ? {} : { lines: lineCount(flags.lines) }),
  });
  const lines = new JobLines(timeZoneFrom(io.env.TZ));
  await withJobs(flags, io, true, async (client, call) => {
    for await (const frame of client.tail(request, call)) {
      if (flags.raw !== true) await io.stdout.write(lines.take(frame));
      else if (frame.source === TailResponse_Source.Stdout) await io.stdout.write(frame.data);
      else if (frame.source === TailResponse_Source.Stderr) await io.stderr.write(frame.data);
    }
  });
  if (flags.raw === true) return;
  await io.stdout.write(lines.end());
  if (io.signal.aborted) throw new CommandError('interrupted');
  await io.stdout.write('\nJob finished, no more output, exiting tail!\n\n');
}

/** Says what is done while it is, and how that went. */
async function saying<T>(text: string, io: Io, work: () => Promise<T>): Promise<T> {
  await io.stdout.write(`${text} `);
  try {
    const found = await work();
    await io.stdout.write('DONE!\n');
    return found;
  } catch (error) {
    await io.stdout.write('FAILED!\n');
    throw error;
  }
}

function wholeNumber(name: string, text: string): bigint {
  const value = /^\d{1,19}$/.test(text) ? BigInt(text) : MOST_INT64 + 1n;
  if (value <= MOST_INT64) return value;
  throw new CommandError(`${name}: found "${text}", wanted a whole number such as 3`);
}

function lineCount(text: string): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value <= MOST_UINT32) return value;
  throw new CommandError(`--lines: found "${text}", wanted how many lines, such as 20`);
}
