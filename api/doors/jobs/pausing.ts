/** Whether the scheduler runs, and letting all schedules rest: the SchedulerSettings `default`, and nothing else. */
import type { Client } from '../../../machinery/client.ts';
import { isApiError } from '../../../machinery/errors.ts';
import { apiVersionOf } from '../../../machinery/meta.ts';
import { schedulerSettings } from '../../../schemas/kinds.ts';

/** The one object of its kind. */
const KEY = { name: 'default' };

export interface SchedulerState {
  /** `stopped`: no control plane works just now. */
  readonly state: 'running' | 'paused' | 'stopped';
  readonly is_running: boolean;
  readonly is_paused: boolean;
}

export async function readState(client: Client, isScheduling: boolean): Promise<SchedulerState> {
  return stateOf(isScheduling, await isSuspended(client));
}

/** Once it is so, saying it again changes nothing. */
export async function setPaused(
  client: Client,
  isPaused: boolean,
  isScheduling: boolean,
): Promise<SchedulerState> {
  if ((await isSuspended(client)) !== isPaused) await write(client, isPaused);
  return stateOf(isScheduling, isPaused);
}

async function isSuspended(client: Client): Promise<boolean> {
  try {
    return (await client.get(schedulerSettings, KEY)).spec?.suspended === true;
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
    // Without the object nothing rests.
    return false;
  }
}

/** One field, whatever the others are: it needs no version to be written right. */
async function write(client: Client, suspended: boolean): Promise<void> {
  const change = (): Promise<unknown> =>
    client.patch(schedulerSettings, KEY, { type: 'merge', body: { spec: { suspended } } });
  try {
    await change();
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
    try {
      await client.create(schedulerSettings, {
        apiVersion: apiVersionOf(schedulerSettings),
        kind: schedulerSettings.kind,
        metadata: KEY,
        spec: { suspended },
      });
    } catch (failed) {
      // Somebody else has just made it.
      if (!isApiError(failed, 'AlreadyExists')) throw failed;
      await change();
    }
  }
}

function stateOf(isScheduling: boolean, isPaused: boolean): SchedulerState {
  const state = !isScheduling ? 'stopped' : isPaused ? 'paused' : 'running';
  return { state, is_running: state === 'running', is_paused: isPaused };
}
