/**
 * What holds for a Task's spec and for the templates that Tasks are made from, and no schema can say: that no two volumes
 * are mounted at one path, however it is written (a CEL rule would have to compare more than rules may cost), and that
 * the labels and annotations of a template are ones. Whatever was there before need not be put right by who changes
 * something else.
 */
import { posix } from 'node:path';
import { isRecord, isSameJson, readPath } from '../../../../machinery/json.ts';
import { duplicate, type FieldProblem, invalid } from '../fielderrors.ts';
import { labelsAndAnnotationsProblems } from '../metadata.ts';

/** @param at where the spec stands, such as `spec` or `spec.template.spec`. */
export function taskSpecProblems(spec: unknown, before: unknown, at: string): FieldProblem[] {
  const mounts = readPath(spec, ['volumeMounts']);
  if (!Array.isArray(mounts) || isSameJson(mounts, readPath(before, ['volumeMounts']))) return [];
  const seen = new Set<string>();
  return mounts.flatMap((mount: unknown, index) => {
    const path = isRecord(mount) ? mount['mountPath'] : undefined;
    // What is no path at all, or the very same text again, is the schema's to say.
    if (typeof path !== 'string' || !path.startsWith('/')) return [];
    const field = `${at}.volumeMounts[${index}].mountPath`;
    if (path.split('/').includes('..')) return [invalid(field, path, "must not contain '..'")];
    const plain = posix.normalize(`${path}/`);
    if (plain === '/') return [invalid(field, path, 'must be a path below /')];
    const isRepeated = seen.has(plain) && !mounts.some((other, place) => place < index && isAt(other, path));
    seen.add(plain);
    return isRepeated ? [duplicate(field, path)] : [];
  });
}

function isAt(mount: unknown, path: string): boolean {
  return isRecord(mount) && mount['mountPath'] === path;
}

/** @param at where the template stands, such as `spec.template`. */
export function templateProblems(template: unknown, before: unknown, at: string): FieldProblem[] {
  if (!isRecord(template)) return [];
  const problems: FieldProblem[] = [];
  const metadata = template['metadata'];
  if (!isSameJson(metadata, readPath(before, ['metadata']))) {
    const texts = { labels: textsIn(metadata, 'labels'), annotations: textsIn(metadata, 'annotations') };
    problems.push(...labelsAndAnnotationsProblems(texts, `${at}.metadata`));
  }
  return [...problems, ...taskSpecProblems(template['spec'], readPath(before, ['spec']), `${at}.spec`)];
}

/** A map of texts; what is none is the schema's to say. */
export function textsIn(holder: unknown, field: string): Record<string, string> {
  const map = readPath(holder, [field]);
  return Object.fromEntries(
    Object.entries(isRecord(map) ? map : {}).filter(
      (item): item is [string, string] => typeof item[1] === 'string',
    ),
  );
}
