/** The tasks door for its tests: the real API on the memory store, and every answer held to the door's document. */
import { expect } from 'chai';
import { DEV_IDENTITY } from '../../../api/server/listener.ts';
import type { Identity } from '../../../machinery/identity.ts';
import { document } from '../../../schemas/doors/tasks.gen.ts';
import { tasks } from '../../../schemas/kinds.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { type Answer, type Ask, asRecord, openServer, type TestServer } from '../server/harness.ts';
import { conforms, conformsToSchema, operationsOf } from './openapi.ts';

export const ID = '266592cd-960d-4091-981c-8c25c44b1018';
export const OTHER = '6be4cb6b-61d1-47cb-bc7b-9f7cde6d9c4e';
/** The request of the document, verbatim. */
export const DOCUMENTED = `{
    "ID": "266592cd-960d-4091-981c-8c25c44b1018",
    "State": 2,
    "Task": {
        "State": 1,
        "ID": "266592cd-960d-4091-981c-8c25c44b1018",
        "Name": "test-from-api-777",
        "Image": "strm/helloworld-http"
    }
}`;
export const NEVER = '0001-01-01T00:00:00Z';
const JSON_TYPE = { 'Content-Type': 'application/json' };

type Fields = Record<string, unknown>;

/** A TaskEvent that starts a task. */
export function event(id: string, task: Fields = {}, more: Fields = {}): Fields {
  return { ID: id, State: 2, Task: { ID: id, Name: 'job', Image: 'busybox', ...task }, ...more };
}

export function expectError(answer: Answer, code: number, says: RegExp): void {
  expect(answer.status, answer.text).to.equal(code);
  expect(answer.headers['content-type']).to.equal('application/json');
  const body = answer.json();
  expect(body).to.have.all.keys('HTTPStatusCode', 'Message');
  expect(body.HTTPStatusCode).to.equal(code);
  expect(body.Message).to.match(says);
}

/** Throws unless the answer is as the door's document has it; a method that it does not have is 405 and says so. */
export function expectDocumented(method: string, path: string, answer: Answer): void {
  const [at = ''] = path.split('?');
  const template = at === '/tasks' ? '/tasks' : '/tasks/{taskID}';
  if (!operationsOf(document).has(`${method} ${template}`)) return;
  const isJson = answer.headers['content-type'] === 'application/json' && answer.text !== '';
  const body: unknown = isJson ? JSON.parse(answer.text) : answer.text;
  if (body === '' && answer.headers['preference-applied'] === 'return=minimal') return;
  conforms(document, method, template, answer.status, answer.headers['content-type'], body);
}

/** Of any server whose door this is. */
export function askTasks(server: TestServer): TestServer['ask'] {
  return async (method, path, ask?: Ask) => {
    const answer = await server.ask(method, path, ask);
    expectDocumented(method, path, answer);
    return answer;
  };
}

export interface TasksRig {
  readonly server: TestServer;
  readonly ask: TestServer['ask'];
  post(body: unknown, headers?: Record<string, string>): Promise<Answer>;
  list(query?: string): Promise<Fields[]>;
  /** As it is stored. */
  stored(name?: string): Promise<Task>;
  writeStatus(status: NonNullable<Task['status']>, name?: string): Promise<void>;
  bind(worker: string, name?: string): Promise<void>;
  close(): Promise<void>;
}

/** @param identity who asks; without one the development listener's user, who may do all that this door offers. */
export async function openTasksRig(identity: Identity = DEV_IDENTITY): Promise<TasksRig> {
  const server = await openServer({ identity });
  const ask = askTasks(server);
  const { admin } = server.world;
  const stored = (name = ID): Promise<Task> => admin.get(tasks, { namespace: 'default', name });
  return {
    server,
    ask,
    async post(body, headers = {}) {
      const answer = await ask('POST', '/tasks', { body, headers: { ...JSON_TYPE, ...headers } });
      if (answer.status === 201) {
        conformsToSchema(document, 'TaskEvent', typeof body === 'string' ? JSON.parse(body) : body);
      }
      return answer;
    },
    list: async (query = '') => {
      const items: unknown = JSON.parse((await ask('GET', `/tasks${query}`)).text);
      if (!Array.isArray(items)) throw new Error(`not a list: ${JSON.stringify(items)}`);
      return items.map(asRecord);
    },
    stored,
    async writeStatus(status, name) {
      await admin.update(tasks, { ...(await stored(name)), status }, { subresource: 'status' });
    },
    async bind(worker, name = ID) {
      const binding = {
        apiVersion: 'gantry.dev/v1',
        kind: 'Binding',
        metadata: { name, namespace: 'default' },
        target: { name: worker },
        epoch: 1,
      };
      await admin.post(tasks, { namespace: 'default', name }, 'binding', binding);
    },
    close: () => server.close(),
  };
}
