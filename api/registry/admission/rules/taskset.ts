/**
 * TaskSets: a selector that selects something, its own tasks among it, and the same for ever.
 * Source of the rules and the wording: Kubernetes' validation of Deployments.
 */
import { isRecord, isSameJson, readPath } from '../../../../machinery/json.ts';
import { LABEL_REVISION, LABEL_TASKSET } from '../../../../machinery/labels.ts';
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
  const problems = [
    ...templateProblems(template, readPath(before, ['spec', 'template']), 'spec.template'),
    ...deadlineProblems(object, before),
  ];
  if (before !== undefined && !isSameJson(selector, readPath(before, ['spec', 'selector'])))
    return [...problems, invalid('spec.selector', selector, 'field is immutable')];
  // Absent, or none at all, is the schema's to say.
  if (!isRecord(selector)) return problems;
  const wrong = isEmpty(selector)
    ? [invalid('spec.selector', selector, 'empty selector is invalid for a TaskSet')]
    : selectorProblems(selector, 'spec.selector');
  if (wrong.length > 0 || !isRecord(template)) return [...problems, ...wrong];
  const labels = textsIn(template['metadata'], 'labels');
  if (!isSelector(selector)) return problems;
  // Its tasks would be let go as soon as they are there, and others made in their places, without end.
  if (isOn(selector, LABEL_REVISION)) {
    const why = `must not be on ${LABEL_REVISION}, which is another one for each revision`;
    return [...problems, invalid('spec.selector', selector, why)];
  }
  const made = { ...labels, [LABEL_TASKSET]: object.metadata.name };
  if (parseLabelSelector(labelSelectorText(selector))(made)) return problems;
  return [
    ...problems,
    isOn(selector, LABEL_TASKSET)
      ? invalid('spec.selector', selector, `its tasks have ${LABEL_TASKSET}=${object.metadata.name}`)
      : invalid('spec.template.metadata.labels', labels, '`selector` does not match template `labels`'),
  ];
}

function isOn(
  { matchLabels = {}, matchExpressions = [] }: TaskSet['spec']['selector'],
  label: string,
): boolean {
  return Object.hasOwn(matchLabels, label) || matchExpressions.some(({ key }) => key === label);
}

/**
 * Else every Task would be late before it could be available, and a good revision be taken for a bad one. What was
 * stored before this was a rule may stay.
 */
function deadlineProblems(object: DynamicObject, before: DynamicObject | undefined): FieldProblem[] {
  const [deadlineSeconds, readySeconds] = secondsOf(object);
  if (typeof deadlineSeconds !== 'number' || typeof readySeconds !== 'number') return [];
  if (deadlineSeconds > readySeconds || isSameJson([deadlineSeconds, readySeconds], secondsOf(before)))
    return [];
  const detail = `must be greater than minReadySeconds, which is ${readySeconds}`;
  return [invalid('spec.progressDeadlineSeconds', deadlineSeconds, detail)];
}

function secondsOf(object: DynamicObject | undefined): [unknown, unknown] {
  return [
    readPath(object, ['spec', 'progressDeadlineSeconds']),
    readPath(object, ['spec', 'minReadySeconds']),
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
