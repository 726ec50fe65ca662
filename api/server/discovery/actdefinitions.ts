/** What is sent to subresources that are acts, by kind. Source of the foreign ones: Kubernetes' API reference. */
import type { Schema } from '../../../schemas/crd.ts';

export const actDefinitions: Readonly<Record<string, Schema>> = {
  Binding: {
    type: 'object',
    description: 'Binding gives a task to a worker.',
    required: ['target', 'epoch'],
    properties: {
      target: {
        type: 'object',
        description: 'The worker.',
        required: ['name'],
        properties: { name: { type: 'string', description: "The worker's name." } },
      },
      epoch: { type: 'integer', format: 'int64', description: 'One more than the binding before this one.' },
    },
  },
  Eviction: {
    type: 'object',
    description: 'Eviction takes an object off the machine it is on.',
    properties: {
      deleteOptions: {
        type: 'object',
        description: 'How to delete: its grace period and preconditions.',
        'x-kubernetes-preserve-unknown-fields': true,
      },
    },
  },
  Scale: {
    type: 'object',
    description: 'Scale says how many there shall be, and how many there are.',
    properties: {
      spec: {
        type: 'object',
        description: 'What is wanted.',
        properties: {
          replicas: { type: 'integer', format: 'int32', description: 'How many there shall be.' },
        },
      },
      status: {
        type: 'object',
        description: 'What was seen.',
        required: ['replicas'],
        properties: {
          replicas: { type: 'integer', format: 'int32', description: 'How many there are.' },
          selector: { type: 'string', description: 'The labels that select them.' },
        },
      },
    },
  },
  TokenRequest: {
    type: 'object',
    description: 'TokenRequest asks for a token of a service account.',
    required: ['spec'],
    properties: {
      spec: {
        type: 'object',
        description: 'What the token shall be good for.',
        properties: {
          audiences: {
            type: 'array',
            items: { type: 'string' },
            description: 'Who shall accept the token; this server when empty.',
            'x-kubernetes-list-type': 'atomic',
          },
          expirationSeconds: { type: 'integer', format: 'int64', description: 'How long it shall be good.' },
          boundObjectRef: {
            type: 'object',
            description: 'The object with which the token ends.',
            'x-kubernetes-preserve-unknown-fields': true,
          },
        },
      },
      status: {
        type: 'object',
        description: 'The answer.',
        properties: {
          token: { type: 'string', description: 'The token.' },
          expirationTimestamp: { type: 'string', format: 'date-time', description: 'When it ends.' },
        },
      },
    },
  },
};
