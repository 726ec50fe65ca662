/** `gantry cron`: when schedules fire next, whether a text is one, and letting schedules rest. */
import { isApiError } from '../../machinery/errors.ts';
import { apiVersionOf } from '../../machinery/meta.ts';
import { jobs, schedulerSettings } from '../../schemas/kinds.ts';
import { scheduleProblem } from '../../schemas/schedule.ts';
import type { Job, SchedulerSettings } from '../../schemas/types.gen.ts';
import { changeObject, FIELD_MANAGER } from '../changing.ts';
import { fireRows } from '../fires.ts';
import { CommandError, type Io } from '../io.ts';
import { nameOfKind, severalOfKind } from '../naming.ts';
import type { Session } from '../session.ts';
import { formatRows } from '../table.ts';

export interface CronNextFlags {
  readonly count?: string;
}

export interface CronCheckFlags extends CronNextFlags {
  readonly timeZone?: string;
}

/** The one object of its kind. */
const SETTINGS_KEY = { name: 'default' };
const SETTINGS_NAME = 'schedulersettings.gantry.dev/default';
const MOST_FIRES = 1000;

/** Rejects with `ApiError` or `CommandError`. */
export async function runCronNext(
  words: readonly string[],
  flags: CronNextFlags,
  session: Session,
  io: Io,
): Promise<void> {
  const count = countFrom(flags.count);
  const name = await nameOfKind(words, jobs, 'nightly', session);
  const job = await session.client.get(jobs, { namespace: session.namespace, name }, { signal: io.signal });
  const { schedule, timeZone, dependsOn = [] } = job.spec;
  if (schedule === undefined) {
    const others =
      dependsOn.length === 0
        ? ''
        : `, and after ${dependsOn.map(({ job: upstream }) => upstream).join(', ')}`;
    throw new CommandError(
      `job "${name}" has no schedule: it runs when somebody makes it run (gantry trigger ${name})${others}`,
    );
  }
  const rests = await restsOf(job, session, io);
  const anchorMs = Date.parse(job.metadata.creationTimestamp ?? '1970-01-01T00:00:00Z');
  const lines = [
    `job.gantry.dev/${name} fires at ${schedule}${timeZone === undefined ? '' : ` in ${timeZone}`}`,
  ];
  lines.push(...rests.map((why) => `It rests, so none of these will run: ${why}`));
  await io.stdout.write(`${lines.join('\n')}\n${firesText(schedule, timeZone, anchorMs, count, io)}`);
}

/** Needs no server. Rejects with `CommandError` that says what is wrong with the text. */
export async function runCronCheck(words: readonly string[], flags: CronCheckFlags, io: Io): Promise<void> {
  const count = countFrom(flags.count);
  // Five words without quotes are meant as well as one.
  const text = words.join(' ');
  const problem = scheduleProblem(text, flags.timeZone);
  if (problem !== undefined) throw new CommandError(problem);
  // Of @every, only how far apart its fires are can be told without a job.
  const nowMs = Math.floor(io.clock.now() / 1000) * 1000;
  await io.stdout.write(firesText(text, flags.timeZone, nowMs, count, io));
}

/** One or more Jobs, or without any the schedules of the whole cluster. Rejects with `ApiError` or `CommandError`. */
export async function runCronRest(
  words: readonly string[],
  isResting: boolean,
  session: Session,
  io: Io,
): Promise<void> {
  if (words.length === 0) return restAll(isResting, session, io);
  for (const name of await severalOfKind(words, jobs, 'nightly', session)) {
    let isChanged = false;
    const decide = (job: Job): Record<string, unknown> | undefined => {
      isChanged = (job.spec.suspend === true) !== isResting;
      return isChanged ? { spec: { suspend: isResting ? true : null } } : undefined;
    };
    const job = await changeObject(
      { kind: jobs, key: { namespace: session.namespace, name } },
      decide,
      session,
      io,
    );
    await io.stdout.write(`job.gantry.dev/${name} ${verdict(isResting, isChanged)}\n`);
    if (isResting) continue;
    for (const why of await restsOf(job, session, io))
      await io.stderr.write(`Warning: it rests all the same: ${why}\n`);
  }
}

async function restAll(isResting: boolean, session: Session, io: Io): Promise<void> {
  let isChanged = false;
  const decide = (settings: SchedulerSettings): Record<string, unknown> | undefined => {
    isChanged = (settings.spec?.suspended === true) !== isResting;
    return isChanged ? { spec: { suspended: isResting ? true : null } } : undefined;
  };
  try {
    await changeObject({ kind: schedulerSettings, key: SETTINGS_KEY }, decide, session, io);
  } catch (error) {
    if (!isApiError(error, 'NotFound')) throw error;
    isChanged = isResting;
    // Without the object nothing rests.
    if (isResting) await createSettings(session, io);
  }
  await io.stdout.write(
    `${SETTINGS_NAME} ${verdict(isResting, isChanged)} (the schedules of the whole cluster)\n`,
  );
}

async function createSettings(session: Session, io: Io): Promise<void> {
  await session.client.create(
    schedulerSettings,
    {
      apiVersion: apiVersionOf(schedulerSettings),
      kind: schedulerSettings.kind,
      metadata: SETTINGS_KEY,
      spec: { suspended: true },
    },
    { signal: io.signal, fieldManager: FIELD_MANAGER },
  );
}

function verdict(isResting: boolean, isChanged: boolean): string {
  if (isResting) return isChanged ? 'suspended' : 'is suspended already';
  return isChanged ? 'resumed' : 'is not suspended';
}

/** Why the schedule of a Job does not fire just now. */
async function restsOf(job: Job, session: Session, io: Io): Promise<string[]> {
  const { name } = job.metadata;
  const rests =
    job.spec.suspend === true ? [`spec.suspend is true; go on with: gantry cron resume ${name}`] : [];
  try {
    const { spec } = await session.client.get(schedulerSettings, SETTINGS_KEY, { signal: io.signal });
    if (spec?.suspended === true) {
      rests.push(
        `all schedules of the cluster are suspended (${SETTINGS_NAME}); go on with: gantry cron resume`,
      );
    }
  } catch (error) {
    // Not there: the defaults hold. Not everybody who may read a Job may read what holds for all.
    if (!isApiError(error, 'NotFound', 'Forbidden')) throw error;
  }
  return rests;
}

function firesText(
  text: string,
  timeZone: string | undefined,
  anchorMs: number,
  count: number,
  io: Pick<Io, 'clock'>,
): string {
  const rows = fireRows({ text, timeZone: timeZone ?? 'UTC', anchorMs, nowMs: io.clock.now(), count });
  return rows.length === 1 ? 'It never fires again.\n' : formatRows(rows);
}

function countFrom(text = '5'): number {
  const count = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= MOST_FIRES) return count;
  throw new CommandError(`--count: found "${text}", wanted a whole number from 1 to ${MOST_FIRES}`);
}
