/** `kubectl get events`: the object of an event as `task/hello`. Source: kubectl's printer for events. */
import { isRecord, readPath } from '../../machinery/json.ts';
import type { DynamicObject } from '../../machinery/meta.ts';
import { age, NAME_COLUMN, type TablePrinter, textColumn } from './view.ts';

export const eventTable: TablePrinter = {
  columns: [
    textColumn('Last Seen', 'Time since it last happened.'),
    textColumn('Type', 'Normal or Warning.'),
    textColumn('Reason', 'One word that says what happened.'),
    textColumn('Object', 'The object it happened to.'),
    textColumn('Subobject', 'The part of the object it happened to.', 1),
    textColumn('Source', 'Who reports it.', 1),
    textColumn('Message', 'A sentence for people.'),
    textColumn('First Seen', 'Time since it first happened.', 1),
    textColumn('Count', 'How often it happened.', 1),
    { ...NAME_COLUMN, priority: 1 },
  ],
  cells(event, nowMs) {
    const firstSeen = event.firstTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp;
    return [
      age(event.lastTimestamp ?? firstSeen, nowMs),
      text(event.type),
      text(event.reason),
      objectCell(event),
      text(readPath(event, ['involvedObject', 'fieldPath'])),
      text(readPath(event, ['source', 'component'])) || text(event.reportingComponent),
      text(event.message).trim(),
      age(firstSeen, nowMs),
      typeof event.count === 'number' ? event.count : 1,
      event.metadata.name,
    ];
  },
};

function objectCell(event: DynamicObject): string {
  const about = isRecord(event.involvedObject) ? event.involvedObject : {};
  return `${text(about.kind).toLowerCase()}/${text(about.name)}`;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
