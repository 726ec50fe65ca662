/**
 * `gantry apply --plan FILE`: writes what was planned, and only if what was planned is still what would happen.
 *
 * The plan is made anew and compared; all is checked by a dry run before the first write; every write is over the very
 * object that was looked at.
 */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileProblem } from '../machinery/durablefile.ts';
import { ApiError, isApiError } from '../machinery/errors.ts';
import type { DynamicObject } from '../machinery/meta.ts';
import { applyOver, located, readTarget, resolveTargets, type Target } from './applying.ts';
import { CommandError, type Io } from './io.ts';
import { basisOf, parsePlan, planDifferences, planTargets } from './planning.ts';
import { objectName } from './printers.ts';
import type { Session } from './session.ts';

/** A status was written in between, which is no change of what is declared. */
const STATUS_TRIES = 10;

/** Rejects with `CommandError`: nothing was written, or what was is named. */
export async function applyPlan(file: string, session: Session, io: Io): Promise<void> {
  const { document, manifests } = parsePlan(await read(file, io), file);
  const targets = resolveTargets(manifests, await session.kinds(), session);
  const { document: now, applied } = await planTargets(targets, session, io);
  const differences = planDifferences(document, now);
  if (differences.length > 0) {
    throw new CommandError([
      `${file} is not true any more; nothing was written:`,
      ...differences.map((difference) => `  ${difference}`),
      'make a new plan: gantry plan -f …',
    ]);
  }
  const written: string[] = [];
  for (const target of targets) {
    const name = objectName(target.kind, target.key.name);
    try {
      const outcome = await writePinned(target, applied.get(target)?.before, session, io);
      await io.stdout.write(`${name} ${outcome}\n`);
    } catch (error) {
      if (!(error instanceof ApiError || error instanceof CommandError)) throw error;
      const lines = error instanceof CommandError ? error.lines : located(target, error);
      const rest = targets.slice(written.length).map(({ kind, key }) => objectName(kind, key.name));
      const done = written.length === 0 ? 'nothing was written' : `written: ${written.join(', ')}`;
      throw new CommandError([...lines, `${done}; not written: ${rest.join(', ')}`], { cause: error });
    }
    written.push(name);
  }
}

async function read(file: string, io: Io): Promise<string> {
  try {
    return await readFile(resolve(io.directory, file), 'utf8');
  } catch (error) {
    throw new CommandError(`cannot read ${file}: ${fileProblem(error)}`, { cause: error });
  }
}

async function writePinned(
  target: Target,
  looked: DynamicObject | undefined,
  session: Session,
  io: Io,
): Promise<string> {
  let live = looked;
  for (let attempt = 1; ; attempt++) {
    try {
      return (await applyOver(live, target, 'none', session, io, true)).outcome;
    } catch (error) {
      if (!isApiError(error, 'Conflict', 'AlreadyExists', 'NotFound')) throw error;
      live = await readTarget(target, session, io);
      const isSame = live !== undefined && looked !== undefined && basisOf(live) === basisOf(looked);
      if (isSame && attempt < STATUS_TRIES) continue;
      const name = objectName(target.kind, target.key.name);
      throw new CommandError(`${name} was changed while the plan was applied; make a new plan`, {
        cause: error,
      });
    }
  }
}
