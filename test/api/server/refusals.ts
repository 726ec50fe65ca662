/** What every refusal is held to: its code, its Status, what the message names, and that nothing was stored. */
import { expect } from 'chai';
import { isRecord } from '../../../machinery/json.ts';
import { taskManifest } from '../../builders.ts';
import { type Ask, openServer, type TestServer } from './harness.ts';

export const TASKS = '/apis/gantry.dev/v1/namespaces/default/tasks';
/** A task that exists, at a later version than its first. */
export const HELLO = `${TASKS}/hello`;

export interface Refusal {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly ask?: Ask;
  readonly code: number;
  readonly reason: string;
  /** What the message must name. */
  readonly says: RegExp;
  /** The field of the first cause. */
  readonly field?: string;
}

export function itRefuses(rows: readonly Refusal[]): void {
  let server: TestServer;
  before(async () => {
    server = await openServer();
    await server.ask('POST', TASKS, { body: taskManifest('hello') });
    await server.ask('PATCH', HELLO, {
      headers: { 'Content-Type': 'application/merge-patch+json' },
      body: `{"metadata":{"labels":{"a":"b"}}}`,
    });
  });
  after(() => server.close());

  for (const row of rows) {
    it(`${row.name}: ${row.code} ${row.reason}`, async () => {
      const before = server.world.registry.revision();
      const answer = await server.ask(row.method, row.path, row.ask);
      expect(answer.status).to.equal(row.code);
      expect(answer.headers['content-type']).to.equal('application/json');
      const status = answer.json();
      expect(status).to.deep.include({
        kind: 'Status',
        apiVersion: 'v1',
        status: 'Failure',
        code: row.code,
        reason: row.reason,
      });
      expect(status.message).to.match(row.says);
      if (row.field !== undefined) {
        const causes = isRecord(status.details) ? status.details.causes : undefined;
        expect(causes).to.be.an('array');
        expect((causes as { field?: string }[])[0]?.field).to.equal(row.field);
      }
      expect(server.world.registry.revision(), 'something was stored').to.equal(before);
    });
  }
}
