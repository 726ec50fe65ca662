/** What is sent to subresources that are acts, by kind. Source of the foreign ones: Kubernetes' API reference. */
import type { Schema } from '../../../schemas/crd.ts';

const CHANGED_FIELD: Schema = {
  type: 'object',
  properties: {
    path: { type: 'string', description: 'The field.' },
    operation: { type: 'string', description: 'added, removed or changed.' },
  },
};

const WORKER_VERDICT: Schema = {
  type: 'object',
  required: ['worker', 'verdict'],
  properties: {
    worker: { type: 'string', description: 'Its name.' },
    verdict: { type: 'string', description: 'Fits, or the word for what spoke against it.' },
    detail: { type: 'string', description: 'The figures.' },
  },
};

function texts(description: string): Schema {
  return { type: 'array', description, items: { type: 'string' }, 'x-kubernetes-list-type': 'atomic' };
}

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
              items: CHANGED_FIELD,
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
  Why: {
    type: 'object',
    description: 'Why is the answer to why one object is as it is, or is gone.',
    required: [
      'subject',
      'at',
      'isGone',
      'state',
      'summary',
      'causes',
      'next',
      'needs',
      'timeline',
      'unknown',
    ],
    properties: {
      subject: {
        type: 'object',
        description: 'What was asked about.',
        properties: {
          apiVersion: { type: 'string', description: 'Of its kind.' },
          kind: { type: 'string', description: 'Its kind.' },
          namespace: { type: 'string', description: 'Where it is.' },
          name: { type: 'string', description: 'Its name.' },
          uid: { type: 'string', description: 'Of the newest object of the name.' },
        },
      },
      at: { type: 'string', format: 'date-time', description: 'When it was asked.' },
      isGone: { type: 'boolean', description: 'There is none of the name now.' },
      state: {
        type: 'string',
        description: "The word for where it is: a task's phase, a run's state, Deleted.",
      },
      reason: { type: 'string', description: 'The word for why.' },
      summary: { type: 'string', description: 'The answer in one sentence.' },
      causes: texts('What that comes from, the nearest first.'),
      next: {
        type: 'array',
        description: 'What comes next.',
        'x-kubernetes-list-type': 'atomic',
        items: {
          type: 'object',
          required: ['message'],
          properties: {
            message: { type: 'string', description: 'What it is.' },
            at: { type: 'string', format: 'date-time', description: 'When; absent where nobody knows.' },
          },
        },
      },
      needs: texts('What would have to change for it to be as it was asked for.'),
      placement: {
        type: 'array',
        description: 'The last word on each worker.',
        'x-kubernetes-list-type': 'atomic',
        items: WORKER_VERDICT,
      },
      timeline: {
        type: 'array',
        description: 'What happened, oldest first.',
        'x-kubernetes-list-type': 'atomic',
        items: {
          type: 'object',
          required: ['at', 'topic', 'isWarning', 'message', 'source'],
          properties: {
            at: {
              type: 'string',
              format: 'date-time',
              description: 'When; of what was told often, the last time.',
            },
            since: { type: 'string', format: 'date-time', description: 'When it was told first.' },
            topic: { type: 'string', description: 'What it is about: spec, placement, image, ended, …' },
            uid: { type: 'string', description: 'Which of several objects of one name.' },
            isWarning: { type: 'boolean', description: 'It is not as it should be.' },
            by: { type: 'string', description: 'The user or the component.' },
            manager: { type: 'string', description: 'The field manager.' },
            reason: { type: 'string', description: 'The word for it.' },
            message: { type: 'string', description: 'The sentence.' },
            changedFields: {
              type: 'array',
              description: 'Against the version before.',
              'x-kubernetes-list-type': 'atomic',
              items: CHANGED_FIELD,
            },
            attempt: { type: 'integer', description: 'Of the container.' },
            exitCode: { type: 'integer', description: 'Of the container.' },
            signal: { type: 'integer', description: 'That ended the container.' },
            lastLines: texts('What the container wrote last.'),
            verdicts: {
              type: 'array',
              description: 'On each worker.',
              'x-kubernetes-list-type': 'atomic',
              items: WORKER_VERDICT,
            },
            decision: {
              type: 'object',
              description: 'Inputs, verdict and action, as they were recorded.',
              'x-kubernetes-preserve-unknown-fields': true,
            },
            count: { type: 'integer', description: 'How often it was told.' },
            revision: { type: 'integer', format: 'int64', description: 'Of the store.' },
            source: { type: 'string', description: 'history, event, status or log.' },
          },
        },
      },
      unknown: texts('What is not known, and why.'),
    },
  },
};
