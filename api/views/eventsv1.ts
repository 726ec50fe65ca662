/**
 * Events under their second name: the Event of events.k8s.io/v1 is another face of the v1 Event, with other words for
 * the same fields (`regarding` for `involvedObject`, `note` for `message`), as in Kubernetes, where both are one
 * stored object. Everything that is written to one face is read from the other.
 * Source: Kubernetes' conversion of events.k8s.io/v1.
 */
import type { DynamicObject } from '../../machinery/meta.ts';
import { events } from '../../schemas/kinds.ts';
import { eventTable } from './event.ts';
import { eventsV1Kind } from './eventsv1kind.ts';
import type { TablePrinter, View } from './view.ts';

/** Each field of the face and the one of the stored object that it shows. */
const FIELDS: readonly (readonly [face: string, stored: string])[] = [
  ['eventTime', 'eventTime'],
  ['series', 'series'],
  ['reportingController', 'reportingComponent'],
  ['reportingInstance', 'reportingInstance'],
  ['action', 'action'],
  ['reason', 'reason'],
  ['regarding', 'involvedObject'],
  ['related', 'related'],
  ['note', 'message'],
  ['type', 'type'],
  ['deprecatedSource', 'source'],
  ['deprecatedFirstTimestamp', 'firstTimestamp'],
  ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'],
];

function faceOfEvent({ metadata, ...stored }: DynamicObject): DynamicObject {
  const face: DynamicObject = { apiVersion: 'events.k8s.io/v1', kind: events.kind, metadata };
  for (const [shown, kept] of FIELDS) {
    if (stored[kept] !== undefined) face[shown] = stored[kept];
  }
  return face;
}

function eventOfFace({ metadata, ...face }: DynamicObject): DynamicObject {
  const event: DynamicObject = { apiVersion: 'v1', kind: events.kind, metadata, involvedObject: {} };
  for (const [shown, kept] of FIELDS) {
    if (face[shown] !== undefined) event[kept] = face[shown];
  }
  return event;
}

export const eventsV1View: View = {
  kind: eventsV1Kind,
  source: events,
  project: faceOfEvent,
  make: eventOfFace,
  fold: eventOfFace,
  removal: 'delete',
};

/** The same rows as under the other name. */
export const eventsV1Table: TablePrinter = {
  columns: eventTable.columns,
  cells: (face, nowMs) => eventTable.cells(eventOfFace(face), nowMs),
};
