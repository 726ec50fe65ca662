/** The HTTP client against a server that answers as scripted: what the real one rarely does must be handled too. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { expect } from 'chai';
import { ConnectionError } from '../../client/failures.ts';
import { type HttpClient, type HttpClientOptions, newHttpClient } from '../../client/http.ts';
import { ApiError } from '../../machinery/errors.ts';
import { FakeClock } from '../../machinery/fakeclock.ts';
import { withTrace } from '../../machinery/trace.ts';
import { namespaces, tasks } from '../../schemas/kinds.ts';
import type { Task } from '../../schemas/types.gen.ts';

type Script = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

const task = (name: string): Task => ({
  apiVersion: 'gantry.dev/v1',
  kind: 'Task',
  metadata: { name, namespace: 'default', resourceVersion: '7' },
  spec: { image: 'x:1' },
});

describe('client/http on a scripted server', () => {
  let server: Server;
  let client: HttpClient;
  let script: Script;
  const requests: { method: string; url: string; headers: IncomingMessage['headers']; body: string }[] = [];

  const open = (options: Partial<HttpClientOptions> = {}): HttpClient => {
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    return newHttpClient({ server: `http://127.0.0.1:${port}`, ...options });
  };

  beforeEach(async () => {
    requests.length = 0;
    server = createServer((request, response) => {
      void (async () => {
        let body = '';
        for await (const chunk of request) body += String(chunk);
        requests.push({
          method: request.method ?? '',
          url: request.url ?? '',
          headers: request.headers,
          body,
        });
        await script(request, response);
      })();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    client = open();
  });
  afterEach(() => {
    client.close();
    server.closeAllConnections();
    server.close();
  });

  const answer =
    (status: number, body: unknown, headers: Record<string, string> = {}): Script =>
    (_request, response) => {
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    };
  const refusalOf = async (work: Promise<unknown>): Promise<ApiError> => {
    const error = await work.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (error instanceof ApiError) return error;
    throw new Error(`wanted an ApiError, got ${String(error)}`);
  };
  const collect = async <T>(events: AsyncIterable<T>): Promise<T[]> => {
    const seen: T[] = [];
    for await (const event of events) seen.push(event);
    return seen;
  };

  describe('requests', () => {
    it('puts every verb where Kubernetes has it', async () => {
      script = answer(200, task('a'));
      const key = { namespace: 'default', name: 'a' };
      await client.get(tasks, key);
      await client.create(tasks, task('a'), { dryRun: true, fieldManager: 'm', fieldValidation: 'Strict' });
      await client.update(tasks, task('a'), { subresource: 'status' });
      await client.patch(tasks, key, { type: 'merge', body: { x: null } });
      await client.patch(tasks, key, { type: 'json', body: [] });
      await client.delete(tasks, key, { gracePeriodSeconds: 3, preconditions: { uid: 'u' }, dryRun: true });
      await client.post(tasks, key, 'binding', { ...task('a') });
      await client.get(namespaces, { name: 'default' });
      const path = '/apis/gantry.dev/v1/namespaces/default/tasks';
      expect(requests.map(({ method, url }) => `${method} ${url}`)).to.deep.equal([
        `GET ${path}/a`,
        `POST ${path}?dryRun=All&fieldManager=m&fieldValidation=Strict`,
        `PUT ${path}/a/status`,
        `PATCH ${path}/a`,
        `PATCH ${path}/a`,
        `DELETE ${path}/a`,
        `POST ${path}/a/binding`,
        'GET /api/v1/namespaces/default',
      ]);
      expect(requests[3]?.headers['content-type']).to.equal('application/merge-patch+json');
      expect(requests[4]?.headers['content-type']).to.equal('application/json-patch+json');
      expect(JSON.parse(requests[5]?.body ?? '')).to.deep.equal({
        kind: 'DeleteOptions',
        apiVersion: 'v1',
        gracePeriodSeconds: 3,
        preconditions: { uid: 'u' },
        dryRun: ['All'],
      });
    });

    it('escapes names, and refuses what would reach another object', async () => {
      script = answer(200, task('a'));
      await client.get(tasks, { namespace: 'default', name: '../../x?y' });
      expect(requests[0]?.url).to.equal('/apis/gantry.dev/v1/namespaces/default/tasks/..%2F..%2Fx%3Fy');
      expect((await refusalOf(client.get(tasks, { name: 'a' }))).message).to.match(/"a" needs a namespace/);
      expect((await refusalOf(client.get(tasks, { namespace: 'default', name: '' }))).reason).to.equal(
        'BadRequest',
      );
      expect(requests).to.have.length(1);
    });

    it('carries credentials and the current trace', async () => {
      script = answer(200, task('a'));
      let turn = 0;
      client = open({ headers: async () => ({ authorization: `Bearer t${++turn}` }) });
      const trace = { requestId: 'r', traceId: '0123456789abcdef0123456789abcdef' };
      await withTrace(trace, () => client.get(tasks, { namespace: 'default', name: 'a' }));
      await client.get(tasks, { namespace: 'default', name: 'a' });
      expect(requests.map(({ headers }) => headers.authorization)).to.deep.equal(['Bearer t1', 'Bearer t2']);
      expect(requests[0]?.headers.traceparent).to.match(
        /^00-0123456789abcdef0123456789abcdef-[0-9a-f]{16}-01$/,
      );
      expect(requests[1]?.headers).to.not.have.property('traceparent');
    });

    it('hands warnings on', async () => {
      script = answer(200, task('a'), { warning: '299 - "unknown field \\"spec.x\\"", 299 - "second"' });
      const warnings: string[] = [];
      client = open({ onWarning: (text) => warnings.push(text) });
      await client.get(tasks, { namespace: 'default', name: 'a' });
      expect(warnings).to.deep.equal(['unknown field "spec.x"', 'second']);
    });
  });

  describe('answers', () => {
    it("become the server's own error", async () => {
      const status = new ApiError('Invalid', 'it is wrong', {
        causes: [{ reason: 'FieldValueRequired', message: 'm', field: 'spec.image' }],
      });
      script = answer(422, status.toStatus());
      const error = await refusalOf(client.create(tasks, task('a')));
      expect(error).to.include({ reason: 'Invalid', code: 422, message: 'it is wrong' });
      expect(error.details?.causes?.[0]?.field).to.equal('spec.image');
    });

    const strange: [string, Script, Partial<ApiError>, RegExp][] = [
      [
        'a proxy page',
        answer(502, '<html>Bad Gateway</html>'),
        { reason: 'InternalError' },
        /answered 502 to GET .*: <html>/,
      ],
      [
        'an empty 429',
        answer(429, '', { 'retry-after': '7' }),
        { reason: 'TooManyRequests' },
        /answered 429/,
      ],
      ['JSON that is no Status', answer(404, { oops: 1 }), { reason: 'NotFound' }, /answered 404/],
      ['no JSON at all', answer(200, 'hello'), { reason: 'InternalError' }, /is not JSON: hello/],
      ['no object', answer(200, [1]), { reason: 'InternalError' }, /is not an object with kind/],
    ];
    for (const [name, scripted, wanted, message] of strange) {
      it(`understands ${name}`, async () => {
        script = scripted;
        const error = await refusalOf(client.get(tasks, { namespace: 'default', name: 'a' }));
        expect(error).to.include(wanted);
        expect(error.message).to.match(message);
        if (name.includes('429')) expect(error.details?.retryAfterSeconds).to.equal(7);
      });
    }

    it('are bounded', async () => {
      script = answer(200, { ...task('a'), more: 'x'.repeat(5000) });
      client = open({ maxBodyBytes: 1000 });
      const error = await refusalOf(client.get(tasks, { namespace: 'default', name: 'a' }));
      expect(error.reason).to.equal('RequestEntityTooLarge');
    });

    it('fill in what Kubernetes leaves out of lists, and refuse what is no list', async () => {
      script = answer(200, {
        kind: 'TaskList',
        apiVersion: 'gantry.dev/v1',
        metadata: { resourceVersion: '9' },
        items: [{ metadata: { name: 'a' } }],
      });
      const list = await client.list(tasks, { namespace: 'default', labelSelector: 'a in (b,c)', limit: 5 });
      expect(list.items[0]).to.include({ apiVersion: 'gantry.dev/v1', kind: 'Task' });
      expect(list.metadata.resourceVersion).to.equal('9');
      expect(requests[0]?.url).to.equal(
        '/apis/gantry.dev/v1/namespaces/default/tasks?labelSelector=a+in+%28b%2Cc%29&limit=5',
      );
      script = answer(200, { kind: 'TaskList' });
      expect((await refusalOf(client.list(tasks))).message).to.match(/is not a list of tasks/);
    });

    it('to a delete may be a bare Status', async () => {
      script = answer(200, {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Success',
        details: { uid: 'u1' },
        code: 200,
      });
      const gone = await client.delete(tasks, { namespace: 'default', name: 'a' });
      expect(gone).to.deep.equal({
        apiVersion: 'gantry.dev/v1',
        kind: 'Task',
        metadata: { namespace: 'default', name: 'a', uid: 'u1' },
      });
    });
  });

  describe('connections', () => {
    it('say how to start a server that is not there', async () => {
      client = newHttpClient({ server: 'http://127.0.0.1:9' });
      const error = await refusalOf(client.get(namespaces, { name: 'x' }));
      expect(error).to.be.instanceOf(ConnectionError);
      expect(error.reason).to.equal('ServiceUnavailable');
      expect(error.message).to.equal(
        'the connection to the server 127.0.0.1:9 was refused - did you start it with "gantry up"?',
      );
    });

    it('that break say so', async () => {
      script = (request) => void request.socket.destroy();
      const error = await refusalOf(client.get(namespaces, { name: 'x' }));
      expect(error.message).to.match(/the connection to the server 127\.0\.0\.1:\d+ was lost/);
    });

    it('that were closed while idle are opened again for a read', async () => {
      script = answer(200, task('a'));
      await client.get(tasks, { namespace: 'default', name: 'a' });
      let isFirst = true;
      script = (request, response) => {
        if (isFirst) request.socket.resetAndDestroy();
        else void answer(200, task('b'))(request, response);
        isFirst = false;
      };
      expect((await client.get(tasks, { namespace: 'default', name: 'b' })).metadata.name).to.equal('b');
    });

    it('give up when the caller does', async () => {
      const abort = new AbortController();
      script = () => abort.abort();
      const error = await refusalOf(client.get(namespaces, { name: 'x' }, { signal: abort.signal }));
      expect(error).to.include({ reason: 'Timeout' });
      expect(error.message).to.match(/was given up/);
    });

    it('give up on a server that does not answer', async () => {
      const clock = new FakeClock();
      client = open({ clock, timeoutMs: 5000 });
      script = () => clock.advance(5000);
      const error = await refusalOf(client.get(namespaces, { name: 'x' }));
      expect(error.reason).to.equal('Timeout');
      expect(error.message).to.match(/did not answer GET .* within 5 s/);
    });
  });

  describe('watches', () => {
    const frame = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`;
    /** Sends the text cut into pieces, then ends (or does not). */
    const stream =
      (text: string, pieceBytes: number, end: 'end' | 'destroy' | 'open' = 'end'): Script =>
      async (_request, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        const bytes = Buffer.from(text);
        for (let at = 0; at < bytes.length; at += pieceBytes) {
          response.write(bytes.subarray(at, at + pieceBytes));
          await new Promise(setImmediate);
        }
        if (end === 'end') response.end();
        if (end === 'destroy') response.destroy();
      };
    const text =
      frame('ADDED', task('ä')) +
      '\n\r\n' +
      frame('BOOKMARK', { kind: 'Task', apiVersion: 'gantry.dev/v1', metadata: { resourceVersion: '12' } }) +
      frame('DELETED', task('c'));

    for (const pieceBytes of [1, 7, 100_000]) {
      it(`are put together from pieces of ${pieceBytes} bytes, heartbeats passed over`, async () => {
        script = stream(text, pieceBytes);
        const events = await collect(
          client.watch(tasks, { namespace: 'default', resourceVersion: '5', allowWatchBookmarks: true }),
        );
        expect(
          events.map((event) =>
            event.type === 'BOOKMARK' ? event : `${event.type} ${event.object.metadata.name}`,
          ),
        ).to.deep.equal(['ADDED ä', { type: 'BOOKMARK', resourceVersion: '12' }, 'DELETED c']);
        expect(requests[0]?.url).to.equal(
          '/apis/gantry.dev/v1/namespaces/default/tasks?resourceVersion=5&allowWatchBookmarks=true&watch=true',
        );
      });
    }

    it('throw what an ERROR frame says', async () => {
      script = stream(frame('ERROR', new ApiError('Expired', 'too old').toStatus()), 1000, 'open');
      expect(await refusalOf(collect(client.watch(tasks)))).to.include({
        reason: 'Expired',
        message: 'too old',
      });
    });

    it('throw what the server answers instead of a stream', async () => {
      script = answer(410, new ApiError('Expired', 'gone').toStatus());
      expect(await refusalOf(collect(client.watch(tasks)))).to.include({ reason: 'Expired' });
    });

    it('throw when the connection is lost, also in the middle of a frame', async () => {
      script = stream(`${frame('ADDED', task('a'))}{"type":"ADD`, 1000, 'destroy');
      const seen: string[] = [];
      const error = await refusalOf(
        (async () => {
          for await (const event of client.watch(tasks)) seen.push(event.type);
        })(),
      );
      expect(error).to.be.instanceOf(ConnectionError);
      expect(seen).to.deep.equal(['ADDED']);
    });

    it('end quietly on abort, and let go of the connection', async () => {
      script = stream(text, 1000, 'open');
      const abort = new AbortController();
      const seen: string[] = [];
      for await (const event of client.watch(tasks, { signal: abort.signal })) {
        seen.push(event.type);
        if (event.type === 'DELETED') abort.abort();
      }
      expect(seen).to.deep.equal(['ADDED', 'BOOKMARK', 'DELETED']);
      expect(await collect(client.watch(tasks, { signal: abort.signal }))).to.deep.equal([]);
      expect(requests).to.have.length(1);
    });

    it('let go of the connection when the caller stops reading', async () => {
      const closed = new Promise<void>((resolve) => {
        script = (request, response) => {
          request.socket.once('close', () => resolve());
          return stream(text, 1000, 'open')(request, response);
        };
      });
      for await (const event of client.watch(tasks)) {
        expect(event.type).to.equal('ADDED');
        break;
      }
      await closed;
    });

    it('refuse frames past the bound, and frames that are none', async () => {
      client = open({ maxFrameBytes: 2000 });
      script = stream(frame('ADDED', { ...task('a'), more: 'x'.repeat(3000) }), 100);
      expect((await refusalOf(collect(client.watch(tasks)))).reason).to.equal('RequestEntityTooLarge');
      for (const bad of ['nonsense\n', '{"type":"ADDED"}\n', frame('ODD', task('a'))]) {
        script = stream(bad, 1000);
        expect((await refusalOf(collect(client.watch(tasks)))).reason, bad).to.equal('InternalError');
      }
    });

    it('that stay silent too long are taken for dead', async () => {
      const clock = new FakeClock();
      client = open({ clock, watchIdleMs: 60_000 });
      script = stream(frame('ADDED', task('a')), 1000, 'open');
      const watching = (async () => {
        for await (const event of client.watch(tasks)) {
          expect(event.type).to.equal('ADDED');
          // Once the loop below waits for the next frame, the silence is measured.
          setImmediate(() => clock.advance(60_000));
        }
      })();
      expect((await refusalOf(watching)).message).to.match(/was silent for 60 s/);
    });
  });
});
