/**
 * `gantry plan`: what applying manifests will do, before it is done: which objects change, and what becomes of containers,
 * why each, in what order, and where. Writes nothing. Ends with 0 when there is nothing to do, 1 when there is, 2 when it
 * cannot be told.
 */
import { resolve } from 'node:path';
import type { Effect } from '../../controllers/explain/plan/types.ts';
import { fileProblem, writeDurably } from '../../machinery/durablefile.ts';
import type { DynamicObject } from '../../machinery/meta.ts';
import { resolveTargets, type Target } from '../applying.ts';
import { CommandError, Ending, type Io } from '../io.ts';
import { readManifests } from '../manifests.ts';
import { type PlanDocument, planTargets } from '../planning.ts';
import { printable } from '../printable.ts';
import type { Session } from '../session.ts';
import { formatRows } from '../table.ts';

export interface PlanFlags {
  readonly filename?: readonly string[];
  readonly recursive?: boolean;
  readonly output?: string;
  /** Where to keep it, for `gantry apply --plan`. */
  readonly out?: string;
}

/** Secrets may be in it. */
const FILE_MODE = 0o600;
const FIELDS_TOLD = 8;

/** Rejects with `Ending` unless there is nothing to do. */
export async function runPlan(flags: PlanFlags, session: Session, io: Io): Promise<void> {
  let document: PlanDocument;
  try {
    document = await planned(flags, session, io);
  } catch (error) {
    if (io.signal.aborted) throw error;
    throw new Ending(2, error);
  }
  if (document.objects.some(({ operation }) => operation !== 'none')) throw new Ending(1);
}

async function planned(flags: PlanFlags, session: Session, io: Io): Promise<PlanDocument> {
  const { output, out, filename = [], recursive = false } = flags;
  if (output !== undefined && output !== 'json') {
    throw new CommandError(`unknown output "${output}": wanted json`);
  }
  const manifests = await readManifests({ files: filename, recursive }, io);
  const targets = resolveTargets(manifests, await session.kinds(), session);
  const { document } = await planTargets(targets, session, io);
  await io.stdout.write(output === 'json' ? `${JSON.stringify(document, null, 2)}\n` : planText(document));
  if (out === undefined) return document;
  const kept = { ...document, manifests: targets.map(manifestOf) };
  try {
    await writeDurably(resolve(io.directory, out), `${JSON.stringify(kept, null, 2)}\n`, { mode: FILE_MODE });
  } catch (error) {
    throw new CommandError(`cannot write ${out}: ${fileProblem(error)}`, { cause: error });
  }
  if (output !== 'json') await io.stdout.write(`\nKept in ${out}: gantry apply --plan ${out}\n`);
  return document;
}

/** In the namespace it was planned for, wherever it is applied. */
function manifestOf({ manifest: { object }, key: { namespace } }: Target): DynamicObject {
  return {
    ...object,
    metadata: { ...object.metadata, ...(namespace === undefined ? {} : { namespace }) },
  };
}

const SIGNS = { create: '+', change: '~', none: ' ' } as const;
const WORDS = {
  created: 'created',
  changedInPlace: 'changed in place',
  restarted: 'restarted',
  moved: 'moved',
  removed: 'removed',
  waits: 'waits',
} as const;

function planText({ objects, effects, jobs, notes, summary }: PlanDocument): string {
  const lines = ['Objects:'];
  for (const { object, namespace, operation, fields } of objects) {
    const where = namespace === undefined ? '' : ` -n ${namespace}`;
    lines.push(`  ${SIGNS[operation]} ${object}${where}${fieldsText(operation, fields)}`);
  }
  if (effects.length > 0) {
    lines.push('', 'Containers, in this order:');
    const rows = effects.map((effect) => [
      String(effect.step),
      WORDS[effect.action],
      effect.task,
      placeText(effect),
      `${effect.message}${effect.placement === undefined ? '' : ` (placed: ${effect.placement})`}`,
    ]);
    lines.push(formatRows([['STEP', 'WHAT', 'TASK', 'WORKER', 'WHY'], ...rows]).trimEnd());
  }
  if (jobs.length > 0) {
    lines.push('', 'Jobs and runs:');
    for (const { job, message, active, nextFire } of jobs) {
      const going = active.length === 0 ? '' : `; ${active.join(', ')} go on as they began`;
      lines.push(`  ${job}: ${message}${going}${nextFire === undefined ? '' : `; next at ${nextFire}`}`);
    }
  }
  if (notes.length > 0) lines.push('', 'To know:', ...notes.map((note) => `  ${note}`));
  const changed = objects.filter(({ operation }) => operation !== 'none').length;
  const counts = Object.entries(WORDS).flatMap(([action, word]) => {
    const count = summary[action as keyof typeof WORDS];
    return count === 0 ? [] : [`${count} ${word}`];
  });
  const containers = counts.length === 0 ? 'no container is touched' : `containers: ${counts.join(', ')}`;
  lines.push(
    '',
    changed === 0
      ? 'Nothing to do: everything is as the manifests say.'
      : `${changed} of ${objects.length} objects change; ${containers}. As it is now, if all that begins works.`,
  );
  return printable(`${lines.join('\n')}\n`);
}

function fieldsText(
  operation: keyof typeof SIGNS,
  fields: PlanDocument['objects'][number]['fields'],
): string {
  if (operation === 'create') return ' (new)';
  if (operation === 'none') return ' (as it is)';
  const told = fields.slice(0, FIELDS_TOLD).map((field) => `${field.path} ${field.operation}`);
  const more = fields.length > FIELDS_TOLD ? ` and ${fields.length - FIELDS_TOLD} more` : '';
  return `: ${told.join(', ')}${more}`;
}

function placeText({ worker, from, action }: Effect): string {
  if (action === 'moved') return `${from ?? '?'} -> ${worker ?? '?'}`;
  return worker ?? (action === 'removed' ? (from ?? '') : '?');
}
