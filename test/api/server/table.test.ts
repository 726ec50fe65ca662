import { expect } from 'chai';
import type { ServedKind } from '../../../api/registry/types.ts';
import { columnPrinter, includeObject, tableOf } from '../../../api/server/objects/table.ts';
import { eventTable } from '../../../api/views/event.ts';
import { podKind } from '../../../api/views/podkind.ts';
import type { PrinterColumn } from '../../../schemas/crd.ts';

const NOW = Date.parse('2026-01-02T00:00:00Z');
const object = {
  apiVersion: 'gantry.dev/v1',
  kind: 'Task',
  metadata: {
    name: 'hello',
    namespace: 'default',
    creationTimestamp: '2026-01-01T00:00:00Z',
    resourceVersion: '7',
  },
  spec: { workerName: 'w1', big: true },
  status: { restartCount: 3, ports: [{ hostPort: 80 }, { hostPort: 81 }], labels: { a: 'b' } },
};

const kind = (...columns: PrinterColumn[]): ServedKind => ({ ...podKind, plural: 'tasks', columns });
const cellsOf = (column: PrinterColumn): unknown => columnPrinter(kind(column)).cells(object, NOW)[1];

describe('tables', () => {
  const rows: readonly (readonly [column: PrinterColumn, cell: unknown])[] = [
    [{ name: 'Worker', type: 'string', jsonPath: '.spec.workerName' }, 'w1'],
    [{ name: 'Absent', type: 'string', jsonPath: '.spec.absent' }, null],
    [{ name: 'Ports', type: 'string', jsonPath: '.status.ports[*].hostPort' }, '80,81'],
    [{ name: 'Map', type: 'string', jsonPath: '.status.labels' }, '{"a":"b"}'],
    [{ name: 'Restarts', type: 'integer', jsonPath: '.status.restartCount' }, 3],
    [{ name: 'NotANumber', type: 'integer', jsonPath: '.spec.workerName' }, null],
    [{ name: 'Big', type: 'boolean', jsonPath: '.spec.big' }, true],
    [{ name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' }, '24h'],
    [{ name: 'Never', type: 'date', jsonPath: '.metadata.deletionTimestamp' }, null],
  ];
  for (const [column, cell] of rows) {
    it(`shows ${column.jsonPath} as ${column.type}`, () => expect(cellsOf(column)).to.equal(cell));
  }

  it('puts the name first, and the age of kinds that say nothing', () => {
    const printer = columnPrinter(kind());
    expect(printer.columns.map((column) => column.name)).to.deep.equal(['Name', 'Age']);
    expect(printer.columns[0]).to.include({ type: 'string', format: 'name', priority: 0 });
    expect(printer.cells(object, NOW)).to.deep.equal(['hello', '24h']);
  });

  it('shows the age alone where a column is no path: admission cannot tell, and nobody should get an error for it', () => {
    for (const jsonPath of ['.spec[', '.spec..x', '.a[0:2]']) {
      const printer = columnPrinter(kind({ name: 'Odd', type: 'string', jsonPath }));
      expect(printer.columns.map((column) => column.name)).to.deep.equal(['Name', 'Age']);
      expect(printer.cells(object, NOW)).to.deep.equal(['hello', '24h']);
    }
  });

  const options = {
    printer: columnPrinter(kind()),
    apiVersion: 'meta.k8s.io/v1',
    nowMs: NOW,
    withColumns: true,
  } as const;

  it('carries of each object what was asked for', () => {
    const row = (include: 'None' | 'Metadata' | 'Object'): unknown =>
      (tableOf([object], {}, { ...options, include }) as { rows: { object: unknown }[] }).rows[0]?.object;
    expect(row('None')).to.equal(null);
    expect(row('Metadata')).to.deep.equal({
      kind: 'PartialObjectMetadata',
      apiVersion: 'meta.k8s.io/v1',
      metadata: object.metadata,
    });
    expect(row('Object')).to.equal(object);
  });

  it('leaves the columns out when told so', () => {
    const table = tableOf(
      [object],
      { resourceVersion: '9' },
      { ...options, include: 'None', withColumns: false },
    );
    expect(table).to.deep.include({
      kind: 'Table',
      metadata: { resourceVersion: '9' },
      columnDefinitions: null,
    });
  });

  it('refuses an includeObject it does not know', () => {
    expect(includeObject(undefined)).to.equal('Metadata');
    expect(() => includeObject('Everything')).to.throw('found "Everything", wanted None, Metadata or Object');
  });

  it('names the object of an event by kind and name', () => {
    const event = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'hello.1', creationTimestamp: '2026-01-01T00:00:00Z' },
      involvedObject: { kind: 'Task', name: 'hello' },
      type: 'Normal',
      reason: 'Started',
      message: 'container started\n',
      lastTimestamp: '2026-01-01T23:59:00Z',
      count: 4,
      source: { component: 'agent' },
    };
    expect(eventTable.cells(event, NOW)).to.deep.equal([
      '60s',
      'Normal',
      'Started',
      'task/hello',
      '',
      'agent',
      'container started',
      '24h',
      4,
      'hello.1',
    ]);
    expect(eventTable.columns).to.have.length(10);
  });
});
