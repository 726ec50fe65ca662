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
  ObjectHistory: {
    type: 'object',
    description: 'ObjectHistory is what became of one object, newest first.',
    required: ['metadata', 'items'],
    properties: {
      metadata: {
        type: 'object',
        description: 'Of the answer.',
        properties: {
          resourceVersion: { type: 'string', description: 'The version it is true for.' },
          oldestRevision: { type: 'integer', format: 'int64', description: 'The past is kept from here on.' },
          continue: { type: 'string', description: 'What to give as before for the next page.' },
        },
      },
      items: {
        type: 'array',
        description: 'The versions.',
        'x-kubernetes-list-type': 'atomic',
        items: {
          type: 'object',
          required: ['revision', 'time', 'operation'],
          properties: {
            revision: { type: 'integer', format: 'int64', description: 'The resourceVersion it gave.' },
            time: { type: 'string', format: 'date-time', description: 'When it was written.' },
            operation: { type: 'string', description: 'created, changed or deleted.' },
            user: { type: 'string', description: 'Who wrote it.' },
            impersonator: { type: 'string', description: 'Who really asked.' },
            manager: { type: 'string', description: 'The field manager.' },
            verb: { type: 'string', description: 'What was asked for.' },
            subresource: { type: 'string', description: 'Of which subresource.' },
            requestID: { type: 'string', description: 'Of the request.' },
            traceID: { type: 'string', description: 'Of the trace, 32 hexadecimal digits.' },
            generation: { type: 'integer', format: 'int64', description: 'Of the object then.' },
            changeCause: { type: 'string', description: 'The annotation gantry.dev/change-cause then.' },
            changedFields: {
              type: 'array',
              description: 'Against the version before; absent where that is gone.',
              'x-kubernetes-list-type': 'atomic',
              items: {
                type: 'object',
                properties: {
                  path: { type: 'string', description: 'The field.' },
                  operation: { type: 'string', description: 'added, removed or changed.' },
                },
              },
            },
            moreChangedFields: { type: 'integer', description: 'Changed fields that are left out.' },
            object: {
              type: 'object',
              description: 'As it was written; of a deletion, as it was last.',
              'x-kubernetes-preserve-unknown-fields': true,
            },
          },
        },
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
