/**
 * Running a Run again. It runs what ran then: the old Run's revision, however its Job was changed since (ADR 0028). The
 * old parameters, but for those that it gives itself, were put into it when it was created.
 */
import { fromStep } from '../../../schemas/jobgraph.ts';
import type { Run } from '../../../schemas/types.gen.ts';
import type { Pinned, StepStatus } from '../types.ts';

export type Rerun =
  | {
      readonly kind: 'again';
      /** Undefined: the old Run never had one, since it never began. */
      readonly revision: string | undefined;
    }
  | { readonly kind: 'refused'; readonly message: string };

/** @param old undefined: there is none of that name. */
export function planRerun(run: Run, old: Run | undefined): Rerun {
  const name = run.spec.rerunOf?.name ?? '';
  const refused = (message: string): Rerun => ({ kind: 'refused', message });
  if (old === undefined) return refused(`run "${name}" is gone, so it cannot be run again; create a new run`);
  const wanted = ownerWords(run);
  const found = ownerWords(old);
  if (wanted !== found) return refused(`run "${name}" is of ${found}, and this one is of ${wanted}`);
  if (old.status?.finishedAt === undefined) {
    const state = old.status?.state ?? 'pending';
    return refused(`run "${name}" is ${state}; cancel it or wait until it has ended, then run it again`);
  }
  return { kind: 'again', revision: old.spec.revision };
}

/** Why a rerun cannot begin where it is to. */
export function fromTaskProblem(run: Run, { tasks }: Pinned): string | undefined {
  const { fromTask } = run.spec.rerunOf ?? {};
  if (fromTask === undefined || tasks.some(({ name }) => name === fromTask)) return undefined;
  const names = tasks.map(({ name }) => name).join(', ');
  return `rerunOf.fromTask "${fromTask}" is no step of what is run again; its steps are ${names}`;
}

/**
 * Steps that had completed and do not come after one that runs anew: the one that the rerun begins with, and any other
 * that had not completed. What was skipped runs nothing anew: it is skipped again where all before it is as it was.
 */
export function takenOver(run: Run, old: Run, { tasks }: Pinned): readonly StepStatus[] {
  const { fromTask } = run.spec.rerunOf ?? {};
  if (fromTask === undefined) return [];
  const states = new Map((old.status?.tasks ?? []).map(({ name, state }) => [name, state]));
  const isAsItWas = ({ name }: { readonly name: string }): boolean =>
    states.get(name) === 'completed' || states.get(name) === 'skipped';
  const begins = [fromTask, ...tasks.filter((step) => !isAsItWas(step)).map(({ name }) => name)];
  const anew = new Set(begins.flatMap((name) => [...fromStep(tasks, name)]));
  return (old.status?.tasks ?? []).flatMap((entry) => {
    if (entry.state !== 'completed' || anew.has(entry.name)) return [];
    if (!tasks.some(({ name }) => name === entry.name)) return [];
    return [{ ...entry, rerunOf: old.metadata.name }];
  });
}

function ownerWords({ spec: { jobRef, templateRef } }: Run): string {
  return jobRef === undefined ? `TaskTemplate "${templateRef?.name ?? ''}"` : `job "${jobRef.name}"`;
}
