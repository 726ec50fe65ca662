/**
 * TaskSets: a selector that selects something, its own tasks among it, and the same for ever.
 * Source of the rules and the wording: Kubernetes' validation of Deployments.
 */
import { isRecord, isSameJson, readPath } from '../../../../machinery/json.ts';
import type { DynamicObject } from '../../../../machinery/meta.ts';
import { dnsLabelProblem } from '../../../../machinery/names.ts';
import { labelSelectorText, parseLabelSelector } from '../../../../machinery/selectors.ts';
import type { TaskSet } from '../../../../schemas/types.gen.ts';
import { type FieldProblem, invalid } from '../fielderrors.ts';
import type { KindRules } from './rules.ts';
import { selectorProblems } from './selectors.ts';
import { templateProblems, textsIn } from './taskspec.ts';

function specProblems(object: DynamicObject, before: DynamicObject | undefined): FieldProblem[] {
  const selector = readPath(object, ['spec', 'selector']);
  const template = readPath(object, ['spec', 'template']);
  const problems = templateProblems(template, readPath(before, ['spec', 'template']), 'spec.template');
  if (before !== undefined && !isSameJson(selector, readPath(before, ['spec', 'selector'])))
    return [...problems, invalid('spec.selector', selector, 'field is immutable')];
  // Absent, or none at all, is the schema's to say.
  if (!isRecord(selector)) return problems;
  const wrong = isEmpty(selector)
    ? [invalid('spec.selector', selector, 'empty selector is invalid for a TaskSet')]
    : selectorProblems(selector, 'spec.selector');
  if (wrong.length > 0 || !isRecord(template)) return [...problems, ...wrong];
  const labels = textsIn(template['metadata'], 'labels');
  if (!isSelector(selector) || parseLabelSelector(labelSelectorText(selector))(labels)) return problems;
  return [
    ...problems,
    invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'),
  ];
}

function isEmpty({ matchLabels, matchExpressions }: Readonly<Record<string, unknown>>): boolean {
  const hasLabels = isRecord(matchLabels) && Object.keys(matchLabels).length > 0;
  return !hasLabels && !(Array.isArray(matchExpressions) && matchExpressions.length > 0);
}

/** What the schema lets pass; anything else is its to refuse. */
function isSelector(
  selector: Readonly<Record<string, unknown>>,
): selector is TaskSet['spec']['selector'] & Record<string, unknown> {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  return (
    isRecord(matchLabels) &&
    Object.values(matchLabels).every((value) => typeof value === 'string') &&
    Array.isArray(matchExpressions) &&
    matchExpressions.every(
      (item: unknown) => isRecord(item) && (item['values'] === undefined || Array.isArray(item['values'])),
    )
  );
}

export const taskSetRules: KindRules = {
  // The names of its Tasks begin with it, and Tasks' names are labels.
  nameProblem: dnsLabelProblem,
  onCreate: (object) => specProblems(object, undefined),
  onUpdate: (object, before, subresource) => (subresource === undefined ? specProblems(object, before) : []),
};
