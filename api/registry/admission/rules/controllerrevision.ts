/** ControllerRevisions: a revision is not below zero, and what it keeps can never change. */
import { isRecord, isSameJson } from '../../../../machinery/json.ts';
import type { DynamicObject } from '../../../../machinery/meta.ts';
import { type FieldProblem, invalid, required } from '../fielderrors.ts';
import type { KindRules } from './rules.ts';

function revisionProblems(object: DynamicObject): FieldProblem[] {
  const revision = object['revision'];
  return typeof revision === 'number' && revision < 0
    ? [invalid('revision', revision, 'must be greater than or equal to 0')]
    : [];
}

export const controllerRevisionRules: KindRules = {
  onCreate(object) {
    const problems = revisionProblems(object);
    return isRecord(object['data']) ? problems : [...problems, required('data', 'data is mandatory')];
  },
  onUpdate(object, before) {
    const problems = revisionProblems(object);
    if (!isSameJson(object['data'], before['data'])) {
      problems.push(invalid('data', object['data'], 'field is immutable'));
    }
    return problems;
  },
};
