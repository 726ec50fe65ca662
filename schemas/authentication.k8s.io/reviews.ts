/** The schemas of authentication.k8s.io's kinds: who somebody is, what a token proves, and a new token. */
import type { Schema } from '../crd.ts';
import type { ReviewDocument } from '../reviews.ts';

const text = (description: string): Schema => ({ type: 'string', description });
const texts = (description: string): Schema => ({
  type: 'array',
  'x-kubernetes-list-type': 'atomic',
  items: { type: 'string' },
  description,
});

const userInfo = (description: string): Schema => ({
  type: 'object',
  description,
  properties: {
    username: text('The name.'),
    uid: text('What tells two users of one name apart.'),
    groups: texts('The groups.'),
    extra: {
      type: 'object',
      additionalProperties: { type: 'array', items: { type: 'string' } },
      description: 'What else is known of the user.',
    },
  },
});

const GROUP = 'authentication.k8s.io';

/** kubectl up to 1.27 asks under the older versions. */
const selfReviews: readonly ReviewDocument[] = ['v1', 'v1beta1', 'v1alpha1'].map((version) => ({
  group: GROUP,
  version,
  kind: 'SelfSubjectReview',
  namespaced: false,
  description: 'SelfSubjectReview asks who whoever asks is.',
  status: {
    type: 'object',
    description: 'The answer.',
    properties: { userInfo: userInfo('Who asks.') },
  },
}));

export const authenticationReviewDocuments: readonly ReviewDocument[] = [
  ...selfReviews,
  {
    group: GROUP,
    version: 'v1',
    kind: 'TokenReview',
    namespaced: false,
    description: 'TokenReview asks what a token proves.',
    spec: {
      type: 'object',
      description: 'The question.',
      properties: {
        token: text('The token.'),
        audiences: texts('For whom the token must be made; empty is this API.'),
      },
    },
    status: {
      type: 'object',
      description: 'The answer.',
      properties: {
        authenticated: { type: 'boolean', description: 'Whether it proves anything.' },
        user: userInfo('Whom it proves.'),
        audiences: texts('For whom of those asked for it is made.'),
        error: text('Why it proves nothing.'),
      },
    },
  },
];

/** What `serviceaccounts/token` takes and answers. */
export const tokenRequestSpec: Schema = {
  type: 'object',
  description: 'The wish.',
  properties: {
    audiences: { ...texts('For whom the token is; empty is this API.'), nullable: true },
    expirationSeconds: {
      type: 'integer',
      format: 'int64',
      nullable: true,
      description: 'How long it is good, in seconds; an hour unless asked otherwise.',
    },
    boundObjectRef: {
      type: 'object',
      nullable: true,
      description: 'An object the token ends with.',
      properties: {
        apiVersion: text("The object's group and version."),
        kind: text("The object's kind."),
        name: text("The object's name."),
        uid: text("The object's uid."),
      },
    },
  },
};
