/** Finding Jobs by what clients call them, and Runs by their names. Everything is read as whoever asks. */
import type { Client } from '../../../machinery/client.ts';
import { ApiError, isApiError } from '../../../machinery/errors.ts';
import { ANNOTATION_JOB_ID } from '../../../machinery/labels.ts';
import { jobs, runs } from '../../../schemas/kinds.ts';
import type { Job, Run } from '../../../schemas/types.gen.ts';
import { jobIdOf } from './translate.ts';

/**
 * By its id; else by its name; else, of a Job that says no id of its own, by its name with underscores. Throws `NotFound`,
 * and `Conflict` when two Jobs have the id.
 */
export async function findJob(client: Client, namespace: string, id: string): Promise<Job> {
  const { items } = await client.list(jobs, { namespace });
  const called = items.filter((job) => jobIdOf(job) === id);
  const [found, other] = called;
  if (found !== undefined && other !== undefined) {
    const names = called.map(({ metadata }) => `"${metadata.name}"`).join(' and ');
    throw new ApiError(
      'Conflict',
      `jobs ${names} both have the id "${id}": give one of them another one (annotation ${ANNOTATION_JOB_ID})`,
    );
  }
  const job =
    found ??
    items.find(({ metadata }) => metadata.name === id) ??
    items.find((one) => underscored(one) === id);
  if (job === undefined) throw new ApiError('NotFound', `job not found: "${id}"`);
  return job;
}

/** `hello_world` of a Job `hello-world`; undefined of one that says what it is called. */
function underscored(job: Job): string | undefined {
  const { name } = job.metadata;
  return jobIdOf(job) === name ? name.replaceAll('-', '_') : undefined;
}

/** Throws `NotFound`. */
export async function findRun(client: Client, namespace: string, id: string): Promise<Run> {
  try {
    return await client.get(runs, { namespace, name: id });
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
    throw new ApiError('NotFound', `run not found: "${id}"`, undefined, { cause: error });
  }
}

/** Undefined of a Run that is of no Job, or of one that is gone. */
export async function jobOfRun(client: Client, run: Run): Promise<Job | undefined> {
  const { namespace = '' } = run.metadata;
  const name = run.spec.jobRef?.name;
  if (name === undefined) return undefined;
  try {
    return await client.get(jobs, { namespace, name });
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
    return undefined;
  }
}
