/** The four calls of the job runner, over Runs of TaskTemplates. Each throws `CallError` or `ApiError`. */
import { createHash } from 'node:crypto';
import { isApiError } from '../../../machinery/errors.ts';
import { ANNOTATION_LOG_TAG, ANNOTATION_STARTED_BY, ANNOTATION_TITLE } from '../../../machinery/labels.ts';
import { apiVersionOf } from '../../../machinery/meta.ts';
import type { Random } from '../../../machinery/random.ts';
import type { WorkerLink } from '../../../machinery/workerlink.ts';
import type {
  Job,
  StartRequest,
  StatusRequest,
  StopRequest,
  TailRequest,
  TailResponse,
} from '../../../schemas/grpc/jobs.gen.ts';
import { runs, tasks, taskTemplates } from '../../../schemas/kinds.ts';
import type { Run, TaskTemplate } from '../../../schemas/types.gen.ts';
import type { Registry } from '../../registry/types.ts';
import { type JobVerb, reachOf, refuseOthers } from './access.ts';
import type { Call } from './calls.ts';
import { CallError } from './errors.ts';
import { idOf, nameOfId, newId, parseId } from './ids.ts';
import { hasEnded, jobOf } from './job.ts';
import { inArguments, type JobKind, kindOfTemplate, kindOfType, parametersOf } from './jobtypes.ts';
import type { CallMetrics } from './metrics.ts';
import { Newest } from './newest.ts';
import { Places } from './places.ts';
import { keyOfRun, tailFrames, tasksOf } from './tail.ts';
import { untilObject } from './waiting.ts';

export interface JobsDeps {
  readonly registry: Registry;
  readonly workerLink: WorkerLink;
  readonly random: Random;
  readonly namespace: string;
  readonly calls: CallMetrics;
}

export interface Jobs {
  readonly start: (call: Call, request: StartRequest) => Promise<Job>;
  readonly stop: (call: Call, request: StopRequest) => Promise<Job>;
  readonly status: (call: Call, request: StatusRequest) => Promise<Job>;
  readonly tail: (call: Call, request: TailRequest) => AsyncIterable<TailResponse>;
}

/** An ended job can be asked about this long. */
const KEPT_SECONDS = 86_400;
/** Ids that are taken are passed over; so many in a row are no accident. */
const TRIES = 8;
const LONGEST_KEY = 255;
const LONGEST_GRACE_SECONDS = 86_400;
const MOST_OUTPUT_BYTES = 1024 * 1024;

export function openJobs({ registry, workerLink, random, namespace, calls }: JobsDeps): Jobs {
  const readers = new Places('readers', undefined, (taken) => calls.readers.set(taken));
  // A stop takes as long as the work's grace, and each that waits has a watch.
  const stops = new Places('callers who wait for its end');

  return {
    async start(call, request) {
      reachOf(registry, call.context, 'start', { namespace });
      const kind = kindOfType(request.type);
      const parameters = parametersOf(kind, request.arguments);
      const { idempotencyKey: key } = request;
      if (key.length > LONGEST_KEY) {
        throw new CallError(
          'INVALID_ARGUMENT',
          `idempotency_key: found ${key.length} characters, wanted at most ${LONGEST_KEY}`,
        );
      }
      await templateOf(call, kind);
      return jobOf(await createRun(call, kind, parameters, key), kind);
    },

    async stop(call, request) {
      const { client, signal } = call;
      const graceSeconds = readGrace(request);
      const { run, kind, id } = await find(call, 'stop', request.id);
      if (hasEnded(run)) return jobOf(run, kind);
      if (graceSeconds !== undefined) await giveGrace(call, run, graceSeconds);
      if (run.spec.cancel !== true) {
        await client.patch(runs, keyOfRun(run), { type: 'merge', body: { spec: { cancel: true } } });
        // One that was made in between.
        if (graceSeconds !== undefined) await giveGrace(call, run, graceSeconds);
      }
      // It is stopped in any case; what there are so many of and no more is those who wait for it.
      using _place = stops.take(run.metadata.uid ?? '', call.caller.name);
      call.release();
      const ended = await untilObject(client, runs, keyOfRun(run), hasEnded, signal);
      if (ended === undefined) throw unknownJob(id);
      return jobOf(ended, kind);
    },

    async status(call, request) {
      const { run, kind } = await find(call, 'status', request.id);
      const job = jobOf(run, kind);
      if (request.includeOutput) job.output = await outputOf(call, run);
      return job;
    },

    async *tail(call, request) {
      const { client, signal } = call;
      if (request.fromLatest && request.lines !== undefined) {
        throw new CallError(
          'INVALID_ARGUMENT',
          `lines: found ${request.lines} together with from_latest, wanted one of the two`,
        );
      }
      const { run, kind } = await find(call, 'tail', request.id);
      using _place = readers.take(run.metadata.uid ?? '', call.caller.name);
      call.release();
      const names = await namesOf(call, kind);
      const tailLines = request.fromLatest ? 0 : request.lines;
      yield* tailFrames({ client, workerLink, signal }, run, { ...names, tailLines });
    },
  };

  /** The job that is meant, of which the caller may do this. */
  async function find(
    call: Call,
    verb: JobVerb,
    given: string,
  ): Promise<{ readonly run: Run; readonly kind: JobKind; readonly id: string }> {
    const { client, context, caller } = call;
    const id = parseId(given);
    const name = nameOfId(id);
    const reach = reachOf(registry, context, verb, { namespace, name });
    let run: Run;
    try {
      run = await client.get(runs, { namespace, name });
    } catch (error) {
      throw isApiError(error, 'NotFound') ? unknownJob(id) : error;
    }
    const kind = kindOfTemplate(run.spec.templateRef?.name);
    if (kind === undefined) throw unknownJob(id);
    refuseOthers(reach, caller.name, verb, id, run);
    return { run, kind, id };
  }

  async function templateOf({ client }: Call, { template, title }: JobKind): Promise<TaskTemplate> {
    try {
      return await client.get(taskTemplates, { namespace, name: template });
    } catch (error) {
      if (!isApiError(error, 'NotFound')) throw error;
      throw new CallError(
        'NOT_FOUND',
        `type: found ${title}, but there is no TaskTemplate "${template}" in namespace "${namespace}"; kubectl apply -f manifests/templates brings it`,
      );
    }
  }

  /** What people call it, as its template says, if that is still there. */
  async function namesOf(
    call: Call,
    kind: JobKind,
  ): Promise<{ readonly title: string; readonly tag: string }> {
    const template = await templateOf(call, kind).catch((error: unknown) => {
      if (error instanceof CallError) return undefined;
      throw error;
    });
    const { [ANNOTATION_TITLE]: title = kind.title, [ANNOTATION_LOG_TAG]: tag = kind.tag } =
      template?.metadata.annotations ?? {};
    return { title, tag };
  }

  /**
   * Ids are random, unless a key is given: then they follow from it, so that the same request is the same Run to the
   * registry, which remembers keys. Where an id is taken, or the key was used under another, the next is asked about.
   */
  async function createRun(
    { client, caller }: Call,
    kind: JobKind,
    parameters: Readonly<Record<string, number | string>>,
    key: string,
  ): Promise<Run> {
    // Each caller has keys of their own.
    const scoped = createHash('sha256')
      .update(JSON.stringify([caller.name, key]))
      .digest('hex');
    let refusal: unknown;
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const id = key === '' ? newId(random) : idOf([scoped, String(attempt)]);
      const run: Run = {
        apiVersion: apiVersionOf(runs),
        kind: runs.kind,
        metadata: {
          name: nameOfId(id),
          namespace,
          annotations: { [ANNOTATION_STARTED_BY]: caller.name },
        },
        spec: {
          templateRef: { name: kind.template },
          parameters: { ...parameters },
          ttlSecondsAfterFinished: KEPT_SECONDS,
          ...(key === '' ? {} : { idempotencyKey: `grpc:${scoped}` }),
        },
      };
      try {
        return await client.create(runs, run);
      } catch (error) {
        if (isApiError(error, 'Invalid')) {
          throw new CallError('INVALID_ARGUMENT', inArguments(kind, error.message), { cause: error });
        }
        if (!isApiError(error, 'AlreadyExists', 'Conflict')) throw error;
        refusal = error;
      }
    }
    if (!isApiError(refusal, 'Conflict')) throw refusal;
    throw new CallError(
      'ALREADY_EXISTS',
      `idempotency_key: found ${JSON.stringify(key)}, which was used in the last minutes for another request, or for a job that is gone; send that request, or another key`,
      { cause: refusal },
    );
  }

  /** What of it runs gets this long to end by itself. */
  async function giveGrace({ client }: Call, run: Run, seconds: number): Promise<void> {
    for (const { metadata, spec, status } of await tasksOf(client, run)) {
      if (status?.finishedAt !== undefined || spec.terminationGracePeriodSeconds === seconds) continue;
      const body = { spec: { terminationGracePeriodSeconds: seconds } };
      try {
        await client.patch(tasks, { namespace, name: metadata.name }, { type: 'merge', body });
      } catch (error) {
        // It went meanwhile: nothing of it has to be waited for.
        if (!isApiError(error, 'NotFound')) throw error;
      }
    }
  }

  /** The newest of what it has put out so far. */
  async function outputOf({ client, signal }: Call, run: Run): Promise<Uint8Array> {
    const newest = new Newest(MOST_OUTPUT_BYTES);
    for (const { metadata, spec, status } of await tasksOf(client, run)) {
      const worker = spec.workerName ?? status?.workerName;
      if (worker === undefined) continue;
      const ref = { namespace, name: metadata.name, uid: metadata.uid ?? '' };
      try {
        const entries = await workerLink.logEntries(worker, ref, { follow: false }, signal);
        for await (const { stream, data } of entries) if (stream !== 'gap') newest.add(data);
      } catch (error) {
        // It has not written anything yet, or what it wrote is not kept any more.
        if (!isApiError(error, 'BadRequest', 'NotFound')) throw error;
      }
    }
    signal.throwIfAborted();
    return newest.bytes();
  }
}

function unknownJob(id: string): CallError {
  return new CallError(
    'NOT_FOUND',
    `id: found ${id}, but there is no such job; ended jobs are kept for 24 hours`,
  );
}

/** Whole seconds, rounded up; undefined: what the type says. */
function readGrace({ gracePeriod }: StopRequest): number | undefined {
  if (gracePeriod === undefined) return undefined;
  const seconds = Number(gracePeriod.seconds) + gracePeriod.nanos / 1e9;
  if (seconds >= 0 && seconds <= LONGEST_GRACE_SECONDS) return Math.ceil(seconds);
  throw new CallError('INVALID_ARGUMENT', `grace_period: found ${seconds}s, wanted 0s to 24h`);
}
