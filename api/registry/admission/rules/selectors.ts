/**
 * Label selectors inside objects (metav1.LabelSelector).
 * Source of the rules and the wording: apimachinery `ValidateLabelSelector`.
 */
import { isRecord } from '../../../../machinery/json.ts';
import { labelKeyProblem, labelValueProblem } from '../../../../machinery/names.ts';
import { type FieldProblem, forbidden, invalid, required } from '../fielderrors.ts';

/** @param at where it stands, such as `spec.selector`. */
export function selectorProblems(selector: Readonly<Record<string, unknown>>, at: string): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const labels = isRecord(selector['matchLabels']) ? selector['matchLabels'] : {};
  for (const [key, value] of Object.entries(labels)) {
    const problem = labelKeyProblem(key) ?? labelValueProblem(String(value));
    if (problem !== undefined) problems.push(invalid(`${at}.matchLabels`, key, problem));
  }
  recordsOf(selector['matchExpressions']).forEach((requirement, index) => {
    problems.push(...requirementProblems(requirement, `${at}.matchExpressions[${index}]`));
  });
  return problems;
}

function requirementProblems(requirement: Readonly<Record<string, unknown>>, at: string): FieldProblem[] {
  const problems: FieldProblem[] = [];
  const { key, operator } = requirement;
  const values: readonly unknown[] = Array.isArray(requirement['values']) ? requirement['values'] : [];
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length === 0)
      problems.push(required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length > 0) {
      problems.push(
        forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
      );
    }
  } else {
    problems.push(invalid(`${at}.operator`, operator, 'not a valid selector operator'));
  }
  const problem = labelKeyProblem(String(key));
  if (problem !== undefined) problems.push(invalid(`${at}.key`, key, problem));
  values.forEach((value, index) => {
    const wrong = labelValueProblem(String(value));
    if (wrong !== undefined) problems.push(invalid(`${at}.values[${index}]`, value, wrong));
  });
  return problems;
}

function recordsOf(list: unknown): readonly Record<string, unknown>[] {
  return Array.isArray(list) ? list.filter(isRecord) : [];
}
