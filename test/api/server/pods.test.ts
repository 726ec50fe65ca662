/** The Pod view and logs through the generic routes. */
import { once } from 'node:events';
import { expect } from 'chai';
import { ApiError } from '../../../machinery/errors.ts';
import type { TaskLogOptions, WorkerLink } from '../../../machinery/workerlink.ts';
import { events, tasks } from '../../../schemas/kinds.ts';
import type { Task } from '../../../schemas/types.gen.ts';
import { taskManifest } from '../../builders.ts';
import { at, noWorkers, openServer, type TestServer } from './harness.ts';

const PODS = '/api/v1/namespaces/default/pods';
const TASKS = '/apis/gantry.dev/v1/namespaces/default/tasks';
const LINES = ['one\n', 'two\n', 'three\n'];

describe('pods over HTTP', () => {
  let server: TestServer;
  const asked: { worker: string; name: string; options: TaskLogOptions }[] = [];
  let answer: (signal: AbortSignal) => Promise<AsyncIterable<Uint8Array>>;
  const workerLink: WorkerLink = {
    ...noWorkers,
    logs(worker, task, options, signal) {
      asked.push({ worker, name: task.name, options });
      return answer(signal);
    },
  };

  beforeEach(async () => {
    asked.length = 0;
    answer = () => Promise.resolve(chunks());
    server = await openServer({ workerLink });
    await server.world.addWorker('w1');
    await server.world.admin.create(tasks, taskManifest('hello', {}, { labels: { app: 'web' } }));
  });
  afterEach(() => server.close());

  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (const line of LINES) yield Buffer.from(line);
  }
  const bind = (epoch: number): Promise<unknown> =>
    server.world.admin.post(tasks, { namespace: 'default', name: 'hello' }, 'binding', {
      apiVersion: 'gantry.dev/v1',
      kind: 'Binding',
      metadata: { name: 'hello', namespace: 'default' },
      target: { name: 'w1' },
      epoch,
    });
  const writeStatus = async (status: NonNullable<Task['status']>): Promise<void> => {
    const task = await server.world.admin.get(tasks, { namespace: 'default', name: 'hello' });
    await server.world.admin.update(tasks, { ...task, status }, { subresource: 'status' });
  };

  it('are got and listed like any other kind, with the version of their Task', async () => {
    const pod = (await server.ask('GET', `${PODS}/hello`)).json();
    const task = (await server.ask('GET', `${TASKS}/hello`)).json();
    expect(pod).to.include({ kind: 'Pod', apiVersion: 'v1' });
    expect(at(pod, 'metadata.resourceVersion')).to.equal(at(task, 'metadata.resourceVersion'));
    const list = (await server.ask('GET', '/api/v1/pods?labelSelector=app%3Dweb')).json();
    expect(list).to.include({ kind: 'PodList', apiVersion: 'v1' });
    expect(list.items).to.deep.equal([pod]);
    const missing = await server.ask('GET', `${PODS}/absent`);
    expect([missing.status, missing.json().message]).to.deep.equal([404, 'pods "absent" not found']);
  });

  it('are selected by what is theirs', async () => {
    const count = async (selector: string): Promise<unknown> =>
      (
        (await server.ask('GET', `${PODS}?fieldSelector=${encodeURIComponent(selector)}`)).json()
          .items as unknown[]
      ).length;
    expect(await count('status.phase=Pending')).to.equal(1);
    expect(await count('spec.nodeName=w1')).to.equal(0);
    await bind(1);
    await writeStatus({ phase: 'Stopped' });
    expect(await count('spec.nodeName=w1,status.phase!=Failed')).to.equal(1);
    expect(await count('status.phase=Succeeded')).to.equal(1);
    expect(await count('metadata.name=other')).to.equal(0);
  });

  it('print as on Kubernetes', async () => {
    const headers = { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };
    const table = (await server.ask('GET', PODS, { headers })).json();
    const names = (table.columnDefinitions as { name: string }[]).map((column) => column.name);
    expect(names).to.deep.equal(['Name', 'Ready', 'Status', 'Restarts', 'Age', 'IP', 'Node']);
    expect(at(table, 'rows.0.cells')).to.deep.equal([
      'hello',
      '0/1',
      'Pending',
      '0',
      '0s',
      '<none>',
      '<none>',
    ]);
  });

  it('are watched: bound for the first time they change, taken off their worker they are replaced', async () => {
    const lines = await server.stream(`${PODS}?watch=1`);
    const told = async (): Promise<readonly unknown[]> => {
      const frame = await lines.next();
      return [frame?.type, at(frame, 'object.kind'), at(frame, 'object.metadata.uid')];
    };
    const [, , first] = await told();
    await bind(1);
    expect(await told()).to.deep.equal(['MODIFIED', 'Pod', first]);
    await writeStatus({ phase: 'Failed' });
    expect(await told()).to.deep.equal(['MODIFIED', 'Pod', first]);
    await server.ask('PATCH', `${TASKS}/hello`, {
      headers: { 'Content-Type': 'application/merge-patch+json' },
      body: '{"spec":{"image":"web:2"}}',
    });
    // Ended and wished anew, it is off its worker: the next Pod is there already, and is bound like the first one.
    expect(await told()).to.deep.equal(['DELETED', 'Pod', first]);
    const [type, , second] = await told();
    expect(type).to.equal('ADDED');
    expect(second).not.to.equal(first);
    await bind(2);
    expect(await told()).to.deep.equal(['MODIFIED', 'Pod', second]);
    lines.close();
  });

  it('enter and leave a watch by their own fields', async () => {
    const lines = await server.stream(
      `${PODS}?watch=1&fieldSelector=spec.nodeName%3Dw1,status.phase!%3DSucceeded`,
    );
    await bind(1);
    expect((await lines.next())?.type).to.equal('ADDED');
    await writeStatus({ phase: 'Succeeded' });
    expect((await lines.next())?.type).to.equal('DELETED');
    lines.close();
  });

  it('have the events of their Task, asked for by kind or by uid', async () => {
    const task = await server.world.admin.get(tasks, { namespace: 'default', name: 'hello' });
    await server.world.admin.create(events, {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'hello.1', namespace: 'default' },
      involvedObject: {
        apiVersion: 'gantry.dev/v1',
        kind: 'Task',
        namespace: 'default',
        name: 'hello',
        uid: task.metadata.uid ?? '',
      },
      reason: 'Scheduled',
    });
    const pod = (await server.ask('GET', `${PODS}/hello`)).json();
    const about = (terms: Record<string, unknown>): string =>
      Object.entries({ name: 'hello', namespace: 'default', ...terms })
        .map(([field, value]) => `involvedObject.${field}=${String(value)}`)
        .join(',');
    const names = async (selector: string): Promise<unknown[]> => {
      const path = `/api/v1/namespaces/default/events?fieldSelector=${encodeURIComponent(selector)}`;
      return ((await server.ask('GET', path)).json().items as unknown[]).map((item) =>
        at(item, 'metadata.name'),
      );
    };
    const uid = at(pod, 'metadata.uid');
    expect(await names(about({ uid }))).to.deep.equal(['hello.1']);
    expect(await names(about({ kind: 'Pod', apiVersion: 'v1' }))).to.deep.equal(['hello.1']);
    expect(await names(about({ kind: 'Task', uid: task.metadata.uid }))).to.deep.equal(['hello.1']);
    expect(await names(about({ kind: 'Pod', uid: 'another' }))).to.deep.equal([]);
    expect(await names(about({ kind: 'Worker' }))).to.deep.equal([]);
  });

  describe('their log', () => {
    for (const path of [`${PODS}/hello/log`, `${TASKS}/hello/log`]) {
      it(`comes through the worker at ${path}`, async () => {
        await bind(1);
        const { status, text, headers } = await server.ask(
          'GET',
          `${path}?tailLines=5&timestamps=true&previous=1`,
        );
        expect([status, text]).to.deep.equal([200, 'one\ntwo\nthree\n']);
        expect(headers['content-type']).to.match(/^text\/plain/);
        expect(asked).to.deep.equal([
          {
            worker: 'w1',
            name: 'hello',
            options: { follow: false, previous: true, timestamps: true, tailLines: 5 },
          },
        ]);
      });
    }

    it('turns ages and times into seconds since the epoch', async () => {
      await bind(1);
      const now = server.world.clock.now() / 1000;
      await server.ask('GET', `${PODS}/hello/log?sinceSeconds=60`);
      await server.ask('GET', `${PODS}/hello/log?sinceTime=2026-01-01T00%3A00%3A00Z`);
      expect(asked.map(({ options }) => options.sinceSeconds)).to.deep.equal([
        now - 60,
        Date.UTC(2026, 0, 1) / 1000,
      ]);
    });

    it('is that of one stream or one attempt, when asked in Kubernetes’ words or Gantry’s', async () => {
      await bind(1);
      for (const query of ['stream=Stderr', 'stream=All', 'stream=stdout&attempt=4&tailLines=2']) {
        await server.ask('GET', `${PODS}/hello/log?${query}`);
      }
      const picked = asked.map(({ options: { stream, attempt, tailLines } }) => [stream, attempt, tailLines]);
      expect(picked).to.deep.equal([
        ['stderr', undefined, undefined],
        [undefined, undefined, undefined],
        ['stdout', 4, 2],
      ]);
    });

    it('is cut at limitBytes, whoever sends more', async () => {
      await bind(1);
      expect((await server.ask('GET', `${PODS}/hello/log?limitBytes=6`)).text).to.equal('one\ntw');
    });

    it('is cut off, not ended, when the worker fails half-way', async () => {
      await bind(1);
      answer = () =>
        Promise.resolve(
          (async function* () {
            yield Buffer.from('one\n');
            throw new ApiError('ServiceUnavailable', 'the worker went away');
          })(),
        );
      const failure = await server.ask('GET', `${PODS}/hello/log`).then(
        () => 'it ended properly',
        (error: NodeJS.ErrnoException) => error.code,
      );
      expect(failure).to.equal('ECONNRESET');
    });

    it('ends when the server stops, although it is followed', async () => {
      await bind(1);
      // As a worker does: silent until told to stop.
      answer = (signal) =>
        Promise.resolve(
          (async function* () {
            yield Buffer.from('{"line":1}\n');
            if (!signal.aborted) await once(signal, 'abort');
          })(),
        );
      const lines = await server.stream(`${PODS}/hello/log?follow=true`);
      expect(await lines.next()).to.deep.equal({ line: 1 });
      const stopped = server.listener.stop(10_000);
      expect(await lines.next()).to.equal(undefined);
      await stopped;
    });

    const refusals: readonly (readonly [name: string, path: string, code: number, says: RegExp])[] = [
      [
        'the Task is not placed',
        `${PODS}/hello/log`,
        400,
        /^container "hello" in pod "hello" is waiting to start: Pending$/,
      ],
      [
        'the Task is not placed, by its own name',
        `${TASKS}/hello/log`,
        400,
        /^container "hello" in task "hello" is waiting/,
      ],
      [
        'there is no such container',
        `${PODS}/hello/log?container=other`,
        400,
        /^container other is not valid for pod hello$/,
      ],
      ['there is no such pod', `${PODS}/absent/log`, 404, /^pods "absent" not found$/],
      ['tailLines is no number', `${PODS}/hello/log?tailLines=x`, 400, /tailLines: found "x"/],
      [
        'tailLines is negative',
        `${PODS}/hello/log?tailLines=-1`,
        422,
        /^PodLogOptions "hello" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0$/,
      ],
      [
        'no byte is wanted, of an age of none',
        `${TASKS}/hello/log?limitBytes=0&sinceSeconds=0`,
        422,
        /^PodLogOptions "hello" is invalid: \[limitBytes: Invalid value: 0: must be greater than 0, sinceSeconds: /,
      ],
      [
        'the time has no zone',
        `${PODS}/hello/log?sinceTime=2026-01-01`,
        400,
        /sinceTime: found "2026-01-01"/,
      ],
      [
        'two beginnings are given',
        `${PODS}/hello/log?sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z`,
        422,
        /at most one/,
      ],
      [
        'the stream is none',
        `${PODS}/hello/log?stream=Stdin`,
        422,
        /stream: Unsupported value: "Stdin": supported values: "All", "Stderr", "Stdout"/,
      ],
      [
        'two containers are named',
        `${PODS}/hello/log?attempt=1&previous=true`,
        422,
        /at most one of `attempt` or/,
      ],
      ['the time is none', `${PODS}/hello/log?sinceTime=yesterday`, 400, /sinceTime: found "yesterday"/],
    ];
    for (const [name, path, code, says] of refusals) {
      it(`is refused when ${name}`, async () => {
        const answered = await server.ask('GET', path);
        expect(answered.status).to.equal(code);
        expect(answered.json().message).to.match(says);
        expect(asked).to.deep.equal([]);
      });
    }

    it('passes on what the worker says against it', async () => {
      await bind(1);
      answer = () =>
        Promise.reject(new ApiError('BadRequest', 'previous terminated container "hello" not found'));
      const refused = await server.ask('GET', `${PODS}/hello/log?previous=true`);
      expect([refused.status, refused.json().message]).to.deep.equal([
        400,
        'previous terminated container "hello" not found',
      ]);
    });
  });
});
