/** What is said of an object besides its timeline, and what is said of any that waits to be gone. Pure. */
import { FINALIZER_CONTAINER, FINALIZER_FOREGROUND, FINALIZER_ORPHAN } from '../../../machinery/labels.ts';
import type { DynamicObject } from '../../../machinery/meta.ts';
import type { WhyAnswer } from '../../../machinery/why.ts';

export type Findings = Pick<
  WhyAnswer,
  'state' | 'reason' | 'summary' | 'causes' | 'next' | 'needs' | 'placement'
>;

/** The findings of one that is being deleted: what it waits for, before everything else. */
export function withDeletion(object: DynamicObject, findings: Findings): Findings {
  const { deletionTimestamp, finalizers = [] } = object.metadata;
  if (deletionTimestamp === undefined) return findings;
  const holders = finalizers.map((finalizer) => `${finalizer}: ${holderWords(finalizer)}`);
  const waits =
    finalizers.length === 0 ? 'nothing holds it any more' : `it waits for ${finalizers.join(', ')}`;
  return {
    ...findings,
    state: object.kind === 'Namespace' ? 'Terminating' : 'Deleting',
    summary: `its deletion was asked for at ${deletionTimestamp}; ${waits}`,
    causes: [...holders, ...(findings.summary === '' ? [] : [findings.summary]), ...findings.causes],
    next: [{ message: 'it goes once nothing holds it any more' }],
    needs: [
      ...finalizers.map((finalizer) => `the finalizer ${finalizer} lifted: ${holderWords(finalizer)}`),
      ...findings.needs,
    ],
  };
}

function holderWords(finalizer: string): string {
  switch (finalizer) {
    case FINALIZER_CONTAINER:
      return 'its worker lifts it when no container of the task is left there; while that is not Ready, it stays';
    case FINALIZER_FOREGROUND:
      return 'the garbage collector lifts it when what the object owns is gone';
    case FINALIZER_ORPHAN:
      return 'the garbage collector lifts it when what the object owned no longer refers to it';
    default:
      return 'whoever put it there has to lift it; Gantry does not';
  }
}

export function unique(words: readonly string[]): readonly string[] {
  return [...new Set(words)].filter((word) => word !== '');
}
