/**
 * `gantry apply`: makes the server's objects what the manifests say.
 *
 * All or nothing as far as checking goes: every file is parsed, then the server checks every object in a dry run, and
 * only when nothing is wrong is the first one written.
 */
import { checkTargets, type DryRun, resolveTargets, writeTarget } from '../applying.ts';
import { CommandError, type Io } from '../io.ts';
import { readManifests } from '../manifests.ts';
import { objectName } from '../printers.ts';
import type { Session } from '../session.ts';

export interface ApplyFlags {
  readonly filename?: readonly string[];
  readonly recursive?: boolean;
  readonly dryRun?: DryRun;
  /** A file that `gantry plan --out` wrote: applied only while it is still true. */
  readonly plan?: string;
}

/** Rejects with `CommandError` that has a line for each mistake. */
export async function runApply(flags: ApplyFlags, session: Session, io: Io): Promise<void> {
  if (flags.plan !== undefined) {
    if ((flags.filename ?? []).length > 0 || (flags.dryRun ?? 'none') !== 'none') {
      throw new CommandError(
        '--plan holds what is applied and is checked first: no -f and no --dry-run beside it',
      );
    }
    const { applyPlan } = await import('../planapply.ts');
    return applyPlan(flags.plan, session, io);
  }
  const manifests = await readManifests(
    { files: flags.filename ?? [], recursive: flags.recursive === true },
    io,
  );
  const targets = resolveTargets(manifests, await session.kinds(), session);
  const dryRun = flags.dryRun ?? 'none';
  const verdicts = await checkTargets(targets, dryRun === 'client' ? 'client' : 'server', session, io);
  for (const target of targets) {
    const name = objectName(target.kind, target.key.name);
    if (dryRun === 'none') {
      await io.stdout.write(`${name} ${await writeTarget(target, session, io)}\n`);
    } else {
      await io.stdout.write(
        `${name} ${verdicts.get(target)?.outcome ?? ''} (${dryRun === 'server' ? 'server dry run' : 'dry run'})\n`,
      );
    }
  }
}
