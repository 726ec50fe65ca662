/** How events.k8s.io/v1 Events are served: their names, verbs, fields and schema. */
import type { Schema } from '../../schemas/crd.ts';
import type { ServedKind } from '../registry/types.ts';

const text = (description: string): Schema => ({ type: 'string', description });
const time = (description: string): Schema => ({ ...text(description), format: 'date-time', nullable: true });
const count = (description: string): Schema => ({ type: 'integer', description });
const part = (description: string, properties: Readonly<Record<string, Schema>>): Schema => ({
  type: 'object',
  description,
  properties,
});
const reference = (description: string): Schema =>
  part(description, {
    apiVersion: text("The object's group and version."),
    kind: text("The object's kind."),
    namespace: text("The object's namespace."),
    name: text("The object's name."),
    uid: text("The object's uid."),
    resourceVersion: text("The object's version when it happened."),
    fieldPath: text('The part of the object it happened to.'),
  });

const schema: Schema = {
  type: 'object',
  description: 'Event is a report of something that happened to an object; the same Events as in v1.',
  properties: {
    apiVersion: text('The version of this representation: events.k8s.io/v1.'),
    kind: text('The kind of this object: Event.'),
    metadata: { type: 'object', description: 'Standard object metadata.' },
    eventTime: time('When it happened.'),
    series: part('For something that goes on: how often, and when last.', {
      count: count('How often it happened.'),
      lastObservedTime: time('When it last happened.'),
    }),
    reportingController: text('The controller that reports it.'),
    reportingInstance: text('The instance of the controller.'),
    action: text('What was done.'),
    reason: text('One word that says what happened.'),
    regarding: reference('The object this event is about.'),
    related: reference('A second object that has to do with it.'),
    note: text('A sentence for people.'),
    type: { ...text('Normal or Warning.'), enum: ['Normal', 'Warning'] },
    deprecatedSource: part('The source of the v1 Event.', {
      component: text('The controller.'),
      host: text('The worker.'),
    }),
    deprecatedFirstTimestamp: time('The firstTimestamp of the v1 Event.'),
    deprecatedLastTimestamp: time('The lastTimestamp of the v1 Event.'),
    deprecatedCount: count('The count of the v1 Event.'),
  },
};

const FIELDS = [
  'reason',
  'reportingController',
  'type',
  ...['kind', 'namespace', 'name', 'uid', 'apiVersion', 'resourceVersion', 'fieldPath'].map(
    (field) => `regarding.${field}`,
  ),
];

export const eventsV1Kind: ServedKind = {
  group: 'events.k8s.io',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
  singular: 'event',
  listKind: 'EventList',
  shortNames: ['ev'],
  categories: [],
  verbs: ['create', 'delete', 'get', 'list', 'patch', 'update', 'watch'],
  columns: [],
  definition: {
    name: 'v1',
    served: true,
    storage: true,
    selectableFields: FIELDS.map((field) => ({ jsonPath: `.${field}` })),
    schema: { openAPIV3Schema: schema },
  },
  subresources: [],
};
