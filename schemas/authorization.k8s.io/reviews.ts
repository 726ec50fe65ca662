/** The schemas of authorization.k8s.io's reviews: questions about what somebody may do. Kubernetes' own shapes. */

import type { Schema } from '../crd.ts';
import type { ReviewDocument } from '../reviews.ts';

const text = (description: string): Schema => ({ type: 'string', description });
const texts = (description: string): Schema => ({
  type: 'array',
  'x-kubernetes-list-type': 'atomic',
  items: { type: 'string' },
  description,
});

const selector = (description: string): Schema => ({
  type: 'object',
  description,
  properties: {
    rawSelector: text('The selector as in a query.'),
    requirements: {
      type: 'array',
      'x-kubernetes-list-type': 'atomic',
      description: 'The selector in parts.',
      items: {
        type: 'object',
        required: ['key', 'operator'],
        description: 'One requirement.',
        properties: {
          key: text('What is looked at.'),
          operator: text('In, NotIn, Exists or DoesNotExist.'),
          values: texts('The values of In and NotIn.'),
        },
      },
    },
  },
});

const resourceAttributes: Schema = {
  type: 'object',
  description: 'A request for a resource.',
  properties: {
    namespace: text('The namespace; empty is all of them, or a resource without one.'),
    verb: text('A verb such as get; * is all of them.'),
    group: text('The group of the resource; empty is core, * is all of them.'),
    version: text('The version of the resource.'),
    resource: text('The resource, in the plural; * is all of them.'),
    subresource: text('The subresource, if any.'),
    name: text('The name of the object; empty is all of them.'),
    fieldSelector: selector('The field selector of a list, a watch or a deletecollection.'),
    labelSelector: selector('The label selector of a list, a watch or a deletecollection.'),
  },
};

const nonResourceAttributes: Schema = {
  type: 'object',
  description: 'A request for a path that is no resource.',
  properties: { path: text('The path.'), verb: text('The method, in lower case.') },
};

const accessStatus: Schema = {
  type: 'object',
  description: 'The answer.',
  required: ['allowed'],
  properties: {
    allowed: { type: 'boolean', description: 'Whether it is allowed.' },
    denied: { type: 'boolean', description: 'Whether it is forbidden rather than not allowed by anybody.' },
    reason: text('Why.'),
    evaluationError: text('What could not be found out.'),
  },
};

const subjectSpec: Schema = {
  type: 'object',
  description: 'Who wants to do what.',
  properties: {
    resourceAttributes,
    nonResourceAttributes,
    user: text('The user.'),
    groups: texts('The groups of the user.'),
    uid: text('What tells two users of one name apart.'),
    extra: {
      type: 'object',
      additionalProperties: { type: 'array', items: { type: 'string' } },
      description: 'What else is known of the user.',
    },
  },
};

const rulesStatus: Schema = {
  type: 'object',
  description: 'The answer.',
  required: ['resourceRules', 'nonResourceRules', 'incomplete'],
  properties: {
    resourceRules: {
      type: 'array',
      'x-kubernetes-list-type': 'atomic',
      description: 'What may be done to resources.',
      items: {
        type: 'object',
        required: ['verbs'],
        description: 'A rule.',
        properties: {
          verbs: texts('The verbs.'),
          apiGroups: texts('The groups.'),
          resources: texts('The resources.'),
          resourceNames: texts('The names; empty is all of them.'),
        },
      },
    },
    nonResourceRules: {
      type: 'array',
      'x-kubernetes-list-type': 'atomic',
      description: 'What may be done to paths.',
      items: {
        type: 'object',
        required: ['verbs'],
        description: 'A rule.',
        properties: { verbs: texts('The verbs.'), nonResourceURLs: texts('The paths.') },
      },
    },
    incomplete: { type: 'boolean', description: 'Whether there is more that rules cannot say.' },
    evaluationError: text('What could not be found out.'),
  },
};

const GROUP = 'authorization.k8s.io';

export const accessReviewDocuments: readonly ReviewDocument[] = [
  {
    group: GROUP,
    version: 'v1',
    kind: 'SelfSubjectAccessReview',
    namespaced: false,
    description: 'SelfSubjectAccessReview asks whether whoever asks may do something.',
    spec: {
      type: 'object',
      description: 'What is wanted.',
      properties: { resourceAttributes, nonResourceAttributes },
    },
    status: accessStatus,
  },
  {
    group: GROUP,
    version: 'v1',
    kind: 'SelfSubjectRulesReview',
    namespaced: false,
    description: 'SelfSubjectRulesReview asks for all that whoever asks may do in a namespace.',
    spec: {
      type: 'object',
      description: 'Where.',
      properties: { namespace: text('The namespace.') },
    },
    status: rulesStatus,
  },
  {
    group: GROUP,
    version: 'v1',
    kind: 'SubjectAccessReview',
    namespaced: false,
    description: 'SubjectAccessReview asks whether somebody may do something.',
    spec: subjectSpec,
    status: accessStatus,
  },
  {
    group: GROUP,
    version: 'v1',
    kind: 'LocalSubjectAccessReview',
    namespaced: true,
    description: 'LocalSubjectAccessReview asks whether somebody may do something in a namespace.',
    spec: subjectSpec,
    status: accessStatus,
  },
];
