/**
 * The definitions that every OpenAPI document has beside those of its kinds: metadata, errors, options.
 * Source of names and words: Kubernetes apimachinery meta/v1.
 */
import { type Definition, described, reference } from './definitions.ts';
import { META_PREFIX } from './names.ts';

const text = (description: string): Definition => ({ type: 'string', description });
const texts = (description: string): Definition => ({
  type: 'object',
  additionalProperties: { type: 'string' },
  description,
});
const list = (description: string, items: Definition): Definition => ({ type: 'array', description, items });
const integer = (description: string): Definition => ({ type: 'integer', format: 'int64', description });
const flag = (description: string): Definition => ({ type: 'boolean', description });

const typeMeta = {
  apiVersion: text('The group and version of this representation of the object.'),
  kind: text('The kind of the object, in CamelCase.'),
};

export const metaDefinitions: Readonly<Record<string, Definition>> = {
  [`${META_PREFIX}Time`]: { type: 'string', format: 'date-time', description: 'An RFC 3339 time.' },
  [`${META_PREFIX}OwnerReference`]: {
    type: 'object',
    description: 'The object that this one belongs to, in the same namespace or cluster-scoped.',
    required: ['apiVersion', 'kind', 'name', 'uid'],
    properties: {
      ...typeMeta,
      name: text("The owner's name."),
      uid: text("The owner's uid."),
      controller: flag('Whether the owner manages this object.'),
      blockOwnerDeletion: flag(
        'Whether the owner waits for this object when it is deleted in the foreground.',
      ),
    },
  },
  [`${META_PREFIX}FieldsV1`]: { type: 'object', description: 'A set of fields, as a tree.' },
  [`${META_PREFIX}ManagedFieldsEntry`]: {
    type: 'object',
    description: 'The fields that one manager set in one way.',
    properties: {
      manager: text('The name of the manager.'),
      operation: text('Apply or Update.'),
      apiVersion: text('The version of the object that the fields are of.'),
      time: described(`${META_PREFIX}Time`, 'When a field was added or changed last.'),
      fieldsType: text('FieldsV1.'),
      fieldsV1: described(`${META_PREFIX}FieldsV1`, 'The fields.'),
      subresource: text('The subresource they were set through; empty for the object itself.'),
    },
  },
  [`${META_PREFIX}ObjectMeta`]: {
    type: 'object',
    description: 'What every stored object carries.',
    properties: {
      name: text('Unique within the namespace; cannot be changed.'),
      generateName: text('A prefix from which the server makes a unique name, when name is absent.'),
      namespace: text('The room the name is unique in; cannot be changed.'),
      uid: text('Set by the server at creation, never used again.'),
      resourceVersion: text(
        'The version of the object; compare for equality only. Sent with an update, the update is refused if the object changed since.',
      ),
      generation: integer('Grows by one with every change of the desired state.'),
      creationTimestamp: described(`${META_PREFIX}Time`, 'When the object was created.'),
      deletionTimestamp: described(
        `${META_PREFIX}Time`,
        'When deletion was asked for; the object goes when its finalizers are gone.',
      ),
      deletionGracePeriodSeconds: integer('Seconds the object was given to end by itself.'),
      managedFields: list(
        'Which manager set which fields, for server-side apply.',
        reference(`${META_PREFIX}ManagedFieldsEntry`),
      ),
      labels: texts('Keys and values to select objects by.'),
      annotations: texts('Keys and values for tools; never selected by.'),
      finalizers: list('Who must finish before the object goes.', { type: 'string' }),
      ownerReferences: list('The objects this one belongs to.', reference(`${META_PREFIX}OwnerReference`)),
    },
  },
  [`${META_PREFIX}ListMeta`]: {
    type: 'object',
    description: 'What every list carries.',
    properties: {
      resourceVersion: text('The version the list is true for: watch from here.'),
      continue: text('Where the next page begins; absent on the last.'),
      remainingItemCount: integer('How many objects follow this page, where it is known.'),
    },
  },
  [`${META_PREFIX}Preconditions`]: {
    type: 'object',
    description: 'What must be true of the object, or it is not deleted.',
    properties: { uid: text("The object's uid."), resourceVersion: text("The object's version.") },
  },
  [`${META_PREFIX}DeleteOptions`]: {
    type: 'object',
    description: 'How to delete.',
    properties: {
      ...typeMeta,
      gracePeriodSeconds: integer('Seconds the object is given to end by itself; 0 is at once.'),
      propagationPolicy: text('Background, Foreground or Orphan.'),
      preconditions: described(`${META_PREFIX}Preconditions`, 'What must be true of the object.'),
      orphanDependents: flag('Deprecated: use propagationPolicy.'),
      dryRun: list('All: everything runs but the deletion.', { type: 'string' }),
    },
    'x-kubernetes-group-version-kind': [{ group: '', version: 'v1', kind: 'DeleteOptions' }],
  },
  [`${META_PREFIX}Patch`]: { type: 'object', description: 'A JSON merge patch or a JSON patch.' },
  [`${META_PREFIX}StatusCause`]: {
    type: 'object',
    description: 'One thing that was wrong.',
    properties: {
      reason: text('One word that says what was wrong.'),
      message: text('A sentence for people.'),
      field: text('The field it is about, such as spec.ports[0].containerPort.'),
    },
  },
  [`${META_PREFIX}StatusDetails`]: {
    type: 'object',
    description: 'What an answer without an object is about.',
    properties: {
      name: text('The name of the object.'),
      group: text('The group of the object.'),
      kind: text('The kind or the resource of the object.'),
      uid: text("The object's uid."),
      causes: list('Everything that was wrong.', reference(`${META_PREFIX}StatusCause`)),
      retryAfterSeconds: {
        type: 'integer',
        format: 'int32',
        description: 'When trying again may help, in seconds.',
      },
    },
  },
  [`${META_PREFIX}Status`]: {
    type: 'object',
    description: 'How an operation ended, where there is no object to answer with.',
    properties: {
      ...typeMeta,
      metadata: described(`${META_PREFIX}ListMeta`, 'Empty.'),
      status: text('Success or Failure.'),
      message: text('A sentence for people.'),
      reason: text('One word that says why it failed.'),
      details: described(`${META_PREFIX}StatusDetails`, 'The object and the fields it is about.'),
      code: { type: 'integer', format: 'int32', description: 'The HTTP status code.' },
    },
    'x-kubernetes-group-version-kind': [{ group: '', version: 'v1', kind: 'Status' }],
  },
};
