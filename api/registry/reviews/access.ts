/**
 * What somebody may do: SelfSubjectAccessReview, SelfSubjectRulesReview, SubjectAccessReview and
 * LocalSubjectAccessReview, answered by the very authorizer that judges requests.
 * Source: Kubernetes documentation, "Authorization", "Checking API access"; wording as the apiserver's.
 */
import { ApiError } from '../../../machinery/errors.ts';
import type { Identity } from '../../../machinery/identity.ts';
import { isRecord } from '../../../machinery/json.ts';
import { accessReviewDocuments } from '../../../schemas/authorization.k8s.io/reviews.ts';
import { type Authorizer, isMaster, isRestricted, type Verdict } from '../access/authorize.ts';
import { FULL_AUTHORITY } from '../access/escalation.ts';
import type { PolicyRule } from '../access/policy.ts';
import { type FieldProblem, invalid, invalidObject } from '../admission/fielderrors.ts';
import type { AccessRequest, Review } from '../types.ts';
import { type Answer, newReview, type Question, type ReviewParts, textIn, textsIn } from './review.ts';

export function accessReviews(parts: ReviewParts): readonly Review[] {
  const { authorizer } = parts;
  const answers: Readonly<Record<string, Answer>> = {
    SelfSubjectAccessReview(question) {
      refuse(question, attributeProblems(question.spec));
      return accessStatus(authorizer, question.identity, question.spec);
    },
    SelfSubjectRulesReview: ({ identity, spec }) => rulesStatus(authorizer, identity, spec),
    SubjectAccessReview(question) {
      refuse(question, [...attributeProblems(question.spec), ...subjectProblems(question.spec)]);
      return accessStatus(authorizer, subjectOf(question.spec), question.spec);
    },
    LocalSubjectAccessReview(question) {
      const { spec } = question;
      refuse(question, [
        ...attributeProblems(spec),
        ...subjectProblems(spec),
        ...localProblems(spec, question.namespace),
      ]);
      return accessStatus(authorizer, subjectOf(spec), spec);
    },
  };
  return accessReviewDocuments.map((document) => {
    const answer = answers[document.kind];
    if (answer === undefined) throw new Error(`nobody answers a ${document.kind}`);
    return newReview(document, parts, answer);
  });
}

function refuse({ kind }: Question, problems: readonly FieldProblem[]): void {
  if (problems.length > 0) throw invalidObject(kind, '', problems);
}

function attributeProblems(spec: Question['spec']): FieldProblem[] {
  const { resourceAttributes, nonResourceAttributes } = spec;
  if (resourceAttributes !== undefined && nonResourceAttributes !== undefined) {
    const problem = 'cannot be specified in combination with resourceAttributes';
    return [invalid('spec.nonResourceAttributes', nonResourceAttributes, problem)];
  }
  if (resourceAttributes !== undefined || nonResourceAttributes !== undefined) return [];
  const problem = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
  return [invalid('spec.resourceAttributes', null, problem)];
}

function subjectProblems(spec: Question['spec']): FieldProblem[] {
  if (textIn(spec, 'user') !== undefined || textsIn(spec, 'groups').length > 0) return [];
  return [invalid('spec.user', '', 'at least one of user or group must be specified')];
}

function localProblems(spec: Question['spec'], namespace: string | undefined): FieldProblem[] {
  const { resourceAttributes, nonResourceAttributes } = spec;
  const asked = textIn(resourceAttributes, 'namespace') ?? '';
  if (nonResourceAttributes !== undefined) {
    return [
      invalid('spec.nonResourceAttributes', nonResourceAttributes, 'disallowed on this kind of request'),
    ];
  }
  return asked === namespace
    ? []
    : [invalid('spec.resourceAttributes.namespace', asked, 'must match metadata.namespace')];
}

function subjectOf(spec: Question['spec']): Identity {
  return { name: textIn(spec, 'user') ?? '', groups: textsIn(spec, 'groups') };
}

function accessStatus(
  authorizer: Authorizer,
  identity: Identity,
  spec: Question['spec'],
): Readonly<Record<string, unknown>> {
  const verdict = evaluate(authorizer, identity, spec);
  const reason = verdict.reason();
  return { allowed: verdict.isAllowed, ...(reason === '' ? {} : { reason }) };
}

function evaluate(authorizer: Authorizer, identity: Identity, spec: Question['spec']): Verdict {
  const { resourceAttributes, nonResourceAttributes } = spec;
  const verb = textIn(resourceAttributes ?? nonResourceAttributes, 'verb') ?? '';
  if (!isRecord(resourceAttributes)) {
    return authorizer.evaluatePath(identity, verb, textIn(nonResourceAttributes, 'path') ?? '');
  }
  const optional = (field: 'subresource' | 'namespace' | 'name'): Partial<AccessRequest> => {
    const value = textIn(resourceAttributes, field);
    return value === undefined ? {} : { [field]: value };
  };
  return authorizer.evaluate(identity, {
    verb,
    group: textIn(resourceAttributes, 'group') ?? '',
    resource: textIn(resourceAttributes, 'resource') ?? '',
    ...optional('subresource'),
    ...optional('namespace'),
    ...optional('name'),
  });
}

function rulesStatus(
  authorizer: Authorizer,
  identity: Identity,
  spec: Question['spec'],
): Readonly<Record<string, unknown>> {
  const namespace = textIn(spec, 'namespace');
  if (namespace === undefined) throw new ApiError('BadRequest', 'no namespace on request');
  const held = authorizer.rulesOf(identity, namespace);
  const rules: readonly PolicyRule[] = isMaster(identity) ? [...FULL_AUTHORITY, ...held.rules] : held.rules;
  return {
    resourceRules: rules
      .filter(({ resources }) => (resources ?? []).length > 0)
      .map(({ verbs, apiGroups, resources, resourceNames }) => ({
        verbs,
        apiGroups,
        resources,
        ...(resourceNames === undefined || resourceNames.length === 0 ? {} : { resourceNames }),
      })),
    nonResourceRules: rules
      .filter(({ nonResourceURLs }) => (nonResourceURLs ?? []).length > 0)
      .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs })),
    incomplete: isRestricted(identity),
    ...(held.errors.length === 0 ? {} : { evaluationError: held.errors.join(', ') }),
  };
}
