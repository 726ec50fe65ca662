/** Handing in work: D2.1, D2.5 and D2.6 of the checklist. */
import { expect } from 'chai';
import { pino } from 'pino';
import { DispatchError, describeError, inTrace } from '../../../api/doors/dispatch/errors.ts';
import { runNameOf } from '../../../api/doors/dispatch/translate.ts';
import type { AuditEvent } from '../../../api/registry/access/audit/event.ts';
import { openRegistry } from '../../../api/registry/open.ts';
import { DEV_IDENTITY } from '../../../api/server/listener.ts';
import { ApiError, STATUS_CODES, type StatusReason } from '../../../machinery/errors.ts';
import { silentLog } from '../../../machinery/log.ts';
import { newMetrics } from '../../../machinery/metrics.ts';
import { dnsLabelProblem } from '../../../machinery/names.ts';
import { seededRandom } from '../../../machinery/random.ts';
import { withTrace } from '../../../machinery/trace.ts';
import {
  clusterRoleBindings,
  clusterRoles,
  idempotencyKeys,
  runs,
  taskTemplates,
} from '../../../schemas/kinds.ts';
import { openWorld } from '../../world.ts';
import { type Answer, askPort } from '../server/harness.ts';
import { createTemplate, type DispatchRig, openDispatch, registryWith } from './dispatchrig.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const TRACEPARENT = { traceparent: `00-${TRACE}-00f067aa0ba902b7-01` };
const UUID = '6be4cb6b-61d1-47cb-bc7b-9f7cde6d9c4e';
const WORK = { task_id: 'order-4711', work_type: 'fib', parameters: { position: 10 } };

describe('the dispatch door: handing in work', () => {
  let rig: DispatchRig;
  beforeEach(async () => {
    rig = await openDispatch({ identity: DEV_IDENTITY });
    await createTemplate(rig.world);
  });
  afterEach(() => rig.close());

  const expectError = (answer: Answer, status: number, code: number, says: RegExp): void => {
    expect([answer.status, answer.json().error_code], answer.text).to.deep.equal([status, code]);
    expect(answer.headers['content-type']).to.equal('application/json');
    expect(answer.json().message).to.match(says);
    expect(answer.json().trace_id).to.equal(answer.headers['x-trace-id']);
  };

  describe('D2.1 dispatch', () => {
    it('D2.1 answers trace_id, request_id, task_id and pending, and makes a Run of the work type', async () => {
      const answer = await rig.dispatch({ ...WORK, priority: 5, request_id: UUID }, TRACEPARENT);
      expect([answer.status, answer.json()]).to.deep.equal([
        200,
        { trace_id: TRACE, request_id: UUID, task_id: 'order-4711', status: 'pending' },
      ]);
      const run = await rig.run('order-4711');
      expect(run.metadata.annotations).to.include({
        'gantry.dev/task-id': 'order-4711',
        'gantry.dev/request-id': UUID,
        'gantry.dev/trace-id': TRACE,
      });
      expect(run.spec).to.deep.equal({
        templateRef: { name: 'fib' },
        parameters: { position: 10, mode: 'fast' },
        priority: 200,
        trigger: 'Manual',
        idempotencyKey: UUID,
        ttlSecondsAfterFinished: 86_400,
      });
    });

    it('D2.1 gives a request a UUID as its id where the client gives none', async () => {
      const { request_id: id, trace_id: trace } = (await rig.dispatch(WORK)).json();
      expect(id).to.match(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
      expect(trace).to.match(/^[0-9a-f]{32}$/);
      expect((await rig.run('order-4711')).spec).not.to.have.property('idempotencyKey');
    });

    it('D2.2 tells of work that nothing has become of yet that it is pending', async () => {
      const { trace_id, request_id } = (await rig.dispatch(WORK)).json();
      expect(await rig.status('order-4711')).to.deep.equal({
        task_id: 'order-4711',
        status: 'pending',
        progress: 0,
        error_code: null,
        error_message: null,
        exit_code: null,
        duration_ms: null,
        trace_id,
        request_id,
        work_type: 'fib',
        attempts: 0,
        created_at: '2026-01-01T00:00:00Z',
        started_at: null,
        finished_at: null,
        updated_at: '2026-01-01T00:00:00Z',
        agent_id: null,
        output: '',
        output_unavailable: null,
      });
    });

    for (const [given, stored] of [
      [1, -200],
      [2, -100],
      [3, 0],
      [4, 100],
      [5, 200],
      [undefined, undefined],
      [null, undefined],
    ] as const) {
      it(`D2.1 makes of priority ${given} a Run of priority ${stored ?? "that is its work type's"}`, async () => {
        const answer = await rig.dispatch({ ...WORK, ...(given === undefined ? {} : { priority: given }) });
        expect(answer.status).to.equal(200);
        expect((await rig.run('order-4711')).spec.priority).to.equal(stored);
      });
    }

    const rows: readonly (readonly [string, unknown, number, RegExp])[] = [
      ['that is no JSON', '{"task_id":', 1000, /not JSON/],
      ['that is a list', '[]', 1000, /the body: found \[\], wanted an object with task_id and work_type/],
      [
        'that says a field twice',
        '{"task_id":"a","task_id":"b","work_type":"fib"}',
        1000,
        /task_id: found it twice/,
      ],
      ['without a task_id', { ...WORK, task_id: undefined }, 1002, /^task_id: found nothing, wanted a text/],
      ['without a work_type', { ...WORK, work_type: null }, 1002, /^work_type: found null, wanted a text/],
      ['without both', {}, 1002, /task_id: found nothing.*; work_type: found nothing/],
      [
        'with an unknown field',
        { ...WORK, colour: 1 },
        1002,
        /^colour: no such field, wanted one of task_id,/,
      ],
      [
        'with a work_type that is a number',
        { ...WORK, work_type: 7 },
        1002,
        /^work_type: found 7, wanted a text/,
      ],
      ['with a task_id that is a number', { ...WORK, task_id: 7 }, 1006, /^task_id: found 7/],
      ['with an empty task_id', { ...WORK, task_id: '' }, 1006, /^task_id: found ""/],
      ['with a task_id of two lines', { ...WORK, task_id: 'a\nb' }, 1006, /none of them a control character/],
      [
        'with a task_id that is too long',
        { ...WORK, task_id: 'a'.repeat(254) },
        1006,
        /found "a{199}…, wanted/,
      ],
      [
        'with a task_id that no path can hold',
        { ...WORK, task_id: '..' },
        1006,
        /another text than the dots/,
      ],
      [
        'with priority 0',
        { ...WORK, priority: 0 },
        1003,
        /^priority: found 0, wanted a whole number from 1 to 5/,
      ],
      ['with priority 6', { ...WORK, priority: 6 }, 1003, /^priority: found 6/],
      ['with priority 2.5', { ...WORK, priority: 2.5 }, 1003, /^priority: found 2.5/],
      ['with a priority in words', { ...WORK, priority: 'high' }, 1003, /^priority: found "high"/],
      [
        'with parameters that are a list',
        { ...WORK, parameters: [1] },
        1004,
        /^parameters: found \[1\], wanted an object/,
      ],
      ['with a request_id that is a number', { ...WORK, request_id: 1 }, 1006, /^request_id: found 1/],
      [
        'with depends_on that is no list',
        { ...WORK, depends_on: 'a' },
        1005,
        /^depends_on: found "a", wanted a list/,
      ],
      ['with depends_on of no id', { ...WORK, depends_on: [''] }, 1005, /^depends_on\[0\]: found ""/],
      [
        'that depends on itself',
        { ...WORK, depends_on: ['order-4711'] },
        1005,
        /wanted another task than this one/,
      ],
      [
        'that depends on a task twice',
        { ...WORK, depends_on: ['a', 'a'] },
        1005,
        /^depends_on\[1\]: found "a", wanted each task once/,
      ],
      [
        'that depends on what is not there',
        { ...WORK, depends_on: ['a'] },
        1005,
        /^depends_on\[0\]: no task "a"$/,
      ],
      ['of an unknown work_type', { ...WORK, work_type: 'nope' }, 1001, /^work_type: Not found: "nope"/],
      [
        'of a work_type that can be none',
        { ...WORK, work_type: 'Ansible Play' },
        1001,
        /^work_type: Not found: "Ansible Play"/,
      ],
      [
        'with everything wrong',
        { priority: 9, colour: 1 },
        1002,
        /colour.*task_id.*work_type.*priority: found 9/,
      ],
    ];
    for (const [what, body, code, says] of rows) {
      it(`D2.1 refuses a dispatch ${what} with ${code}, and makes nothing`, async () => {
        const headers = { 'Content-Type': 'application/json' };
        expectError(await rig.ask('POST', '/api/v1/dispatch', { body, headers }), 400, code, says);
        expect(await rig.runNames()).to.deep.equal([]);
      });
    }

    it('D2.1 names every parameter that does not fit the schema of the work type', async () => {
      const parameters = { mode: 'lazy', colour: 'red' };
      const answer = await rig.dispatch({ ...WORK, parameters });
      expectError(answer, 400, 1004, /parameters\.position: Required value: task template "fib" needs it/);
      expect(answer.json().message).to.match(/parameters\.mode: .*"fast", "slow"/);
      expect(answer.json().message).to.match(
        /parameters\.colour: Forbidden: .*no such parameter; it takes position, mode/,
      );
    });

    it('D2.1 answers the same for the same task_id and body, whatever becomes of the work type', async () => {
      const first = await rig.dispatch(WORK, TRACEPARENT);
      const { admin } = rig.world;
      await admin.patch(
        taskTemplates,
        { namespace: 'default', name: 'fib' },
        { type: 'merge', body: { spec: { parameters: { required: ['mode', 'other'] } } } },
      );
      const again = await rig.dispatch(WORK);
      expect(again.json()).to.deep.equal(first.json());
      expect(again.headers['x-trace-id']).to.equal(TRACE);
      expect(again.headers['x-request-id']).to.equal(first.json().request_id);
      expect(await rig.runNames()).to.have.length(1);
    });

    for (const [what, other] of [
      ['parameters', { parameters: { position: 11 } }],
      ['work type', { work_type: 'wait' }],
      ['priority', { priority: 4 }],
    ] as const) {
      it(`D2.1 refuses the same task_id with another ${what}: 409, in the trace of the task`, async () => {
        await rig.dispatch(WORK, TRACEPARENT);
        const answer = await rig.dispatch({ ...WORK, ...other });
        expect([answer.status, answer.json().error_code]).to.deep.equal([409, 2003]);
        expect(answer.json().message).to.match(
          /task "order-4711" is there already, and asked for something else/,
        );
        expect(answer.json().trace_id).to.equal(TRACE);
      });
    }

    for (const taskId of [
      '6be4cb6b-61d1-47cb-bc7b-9f7cde6d9c4e',
      'My Task/№ 7?',
      'UPPER',
      'x'.repeat(253),
      '☃',
    ]) {
      it(`D2.1 takes the task id ${taskId.slice(0, 40)}, and finds it again`, async () => {
        expect((await rig.dispatch({ ...WORK, task_id: taskId })).json().task_id).to.equal(taskId);
        expect(await rig.status(taskId)).to.include({ task_id: taskId, status: 'pending' });
        const [name = ''] = await rig.runNames();
        expect(name).to.equal(runNameOf(taskId));
      });
    }

    it('D2.1 makes of every task id a name of its own that a Run can have', () => {
      const ids = [
        'a',
        'A',
        'a ',
        'a-',
        '-a',
        'ä',
        '',
        '.',
        'a.b',
        'a/b',
        'a'.repeat(50),
        'a'.repeat(51),
        'a'.repeat(99),
      ];
      const names = ids.map(runNameOf);
      expect(new Set(names).size).to.equal(ids.length);
      for (const name of names) {
        expect(dnsLabelProblem(name)).to.equal(undefined);
        expect(name.length).to.be.lessThanOrEqual(50);
      }
      expect(names.slice(10, 12).map((name) => name.length)).to.deep.equal([50, 50]);
    });

    it('D2.1 takes no Run of somebody else for its own, be it called alike', async () => {
      const spec = { templateRef: { name: 'fib' }, parameters: { position: 10 } };
      const metadata = { name: 'order-4711', namespace: 'default' };
      await rig.world.admin.create(runs, { apiVersion: 'gantry.dev/v1', kind: 'Run', metadata, spec });
      expect((await rig.dispatch(WORK)).status).to.equal(409);
      const name = runNameOf('My Task');
      await rig.dispatch({ ...WORK, task_id: 'My Task' });
      const taken = await rig.dispatch({ ...WORK, task_id: name });
      expectError(
        taken,
        409,
        2003,
        /would be run "my-task-[0-9a-f]{16}", and that is there already, as another task/,
      );
      expect((await rig.ask('GET', `/api/v1/status/${name}`)).status).to.equal(404);
    });

    it('D2.1 lets work depend on other tasks, by their ids', async () => {
      await rig.dispatch({ ...WORK, task_id: 'First One' });
      await rig.dispatch({ ...WORK, task_id: 'second' });
      const answer = await rig.dispatch({ ...WORK, depends_on: ['First One', 'second'] });
      expect(answer.status, answer.text).to.equal(200);
      expect((await rig.run('order-4711')).spec.dependsOn).to.deep.equal([
        { name: runNameOf('First One') },
        { name: 'second' },
      ]);
    });

    it('D2.1 reads JSON and nothing else, of 3 MiB at most', async () => {
      const post = (body: string, type: string): Promise<Answer> =>
        rig.ask('POST', '/api/v1/dispatch', { body, headers: { 'Content-Type': type } });
      expectError(await post(JSON.stringify(WORK), 'text/plain'), 415, 1000, /application\/json/);
      expectError(await post('x'.repeat(3 * 1024 * 1024 + 1), 'application/json'), 413, 1000, /too large/);
    });
  });

  describe('D2.5 errors and traces', () => {
    it('D2.5 tells in every error its code, what is wrong and the trace, which the header has, too', async () => {
      expectError(await rig.ask('GET', '/api/v1/status/none'), 404, 2001, /^no task "none"$/);
      expectError(await rig.ask('POST', '/api/v1/cancel/none'), 404, 2001, /^no task "none"$/);
      expectError(await rig.ask('GET', '/api/v1/status/..%2f%0a'), 400, 1006, /^task_id: found /);
      expectError(
        await rig.ask('GET', '/api/v1/status/x?output=some'),
        400,
        1007,
        /wanted one of tail, none/,
      );
      const answer = await rig.ask('GET', '/api/v1/status/none', { headers: TRACEPARENT });
      expect(answer.json().trace_id).to.equal(TRACE);
    });

    for (const [method, path, allowed] of [
      ['GET', '/api/v1/dispatch', 'POST'],
      ['POST', '/api/v1/status/x', 'GET'],
      ['DELETE', '/api/v1/agents', 'GET'],
      ['GET', '/api/v1/cancel/x', 'POST'],
      ['POST', '/health', 'GET'],
    ] as const) {
      it(`D2.5 tells that ${path} has no ${method}, and what it has`, async () => {
        const answer = await rig.ask(method, path);
        expectError(answer, 405, 1008, /does not allow this method/);
        expect(answer.headers.allow).to.equal(allowed);
      });
    }

    it('D2.5 owns its paths and nothing else of /api/v1, which is Kubernetes', async () => {
      for (const path of ['/api/v1/dispatches', '/api/v1/statuses/a', '/healthy']) {
        expect((await rig.ask('GET', path)).json().kind, path).to.equal('Status');
      }
      expect((await rig.ask('GET', '/api/v1')).json().kind).to.equal('APIResourceList');
    });

    it('D2.5 tells in its own form of what is below its paths, such as a task_id whose slash nobody escaped', async () => {
      const below = [
        ['GET', '/api/v1/status/a/b'],
        ['GET', '/api/v1/status/'],
        ['POST', '/api/v1/cancel/a/b'],
        ['POST', '/api/v1/cancel'],
        ['POST', '/api/v1/dispatch/a'],
      ] as const;
      for (const [method, path] of below) {
        // Not through the rig: the document has no such paths.
        expectError(await askPort(rig.port, method, path), 404, 2001, /could not find/);
      }
    });

    const codes: Readonly<Record<StatusReason, number>> = {
      BadRequest: 1000,
      Unauthorized: 4001,
      Forbidden: 4003,
      NotFound: 2001,
      MethodNotAllowed: 1008,
      NotAcceptable: 1000,
      Conflict: 2003,
      AlreadyExists: 2003,
      Gone: 2003,
      Expired: 2003,
      RequestEntityTooLarge: 1000,
      UnsupportedMediaType: 1000,
      Invalid: 1002,
      TooManyRequests: 4029,
      InternalError: 5000,
      ServiceUnavailable: 5003,
      Timeout: 5004,
    };
    for (const [reason, code] of Object.entries(codes) as [StatusReason, number][]) {
      it(`D2.5 gives ${reason}, wherever it comes from, the code ${code}`, () => {
        const { code: status, body } = withTrace({ traceId: TRACE, requestId: 'r' }, () =>
          describeError(new ApiError(reason, 'of the inside')),
        );
        expect(status).to.equal(reason === 'Invalid' ? 400 : STATUS_CODES[reason]);
        expect(body).to.include({ error_code: code, trace_id: TRACE });
        expect(body.message.includes('of the inside')).to.equal(reason !== 'InternalError');
      });
    }

    it('D2.5 gives what is invalid the code of the first field, in the words of this API', () => {
      const cause = (field: string): { reason: string; message: string; field: string } => ({
        reason: 'FieldValueInvalid',
        message: 'odd',
        field,
      });
      const causes = [cause('spec.priority'), cause('spec.dependsOn[1].name'), { reason: 'x', message: 'y' }];
      const { body } = describeError(new ApiError('Invalid', 'whole', { causes }));
      expect(body).to.include({
        error_code: 1003,
        message: 'priority: odd; depends_on[1].name: odd; : y',
        trace_id: '',
      });
      const known = inTrace(new DispatchError('NotFound', 2001, 'gone'), TRACE);
      expect(describeError(known)).to.deep.equal({
        code: 404,
        body: { error_code: 2001, message: 'gone', trace_id: TRACE },
      });
    });

    it('D2.5 names the work in its log lines', async () => {
      const lines: string[] = [];
      const log = pino({ base: null }, { write: (line: string) => void lines.push(line) });
      const logging = await openDispatch({ world: rig.world, log });
      await logging.dispatch(WORK);
      await logging.ask('POST', '/api/v1/cancel/order-4711');
      await logging.ask('POST', '/api/v1/cancel/order-4711');
      await logging.close();
      expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).to.deep.equal([
        'work dispatched',
        'work is being cancelled',
      ]);
    });
  });

  describe('D2.6 idempotency', () => {
    const keyed = { ...WORK, request_id: UUID };

    it('D2.6 does one request once, and answers it the same, by request_id', async () => {
      const first = await rig.dispatch(keyed);
      for (let retry = 0; retry < 5; retry++) {
        expect((await rig.dispatch(keyed)).json()).to.deep.equal(first.json());
      }
      expect(await rig.runNames()).to.have.length(1);
      expect((await rig.world.admin.list(idempotencyKeys)).items).to.have.length(1);
    });

    for (const header of [UUID, `"${UUID}"`]) {
      it(`D2.6 takes Idempotency-Key: ${header} as a request_id`, async () => {
        const first = await rig.dispatch(WORK, { 'Idempotency-Key': header });
        expect(first.json().request_id).to.equal(UUID);
        expect((await rig.dispatch(keyed)).json()).to.deep.equal(first.json());
        expect((await rig.dispatch(keyed, { 'Idempotency-Key': header })).json()).to.deep.equal(first.json());
        expect(await rig.runNames()).to.have.length(1);
      });
    }

    it('D2.6 refuses a request_id and an Idempotency-Key that differ, and a key that can be none', async () => {
      expectError(
        await rig.dispatch(keyed, { 'Idempotency-Key': 'other' }),
        400,
        1006,
        /^request_id: found "6be.*", wanted what Idempotency-Key says, "other"$/,
      );
      expectError(
        await rig.dispatch(WORK, { 'Idempotency-Key': '""' }),
        400,
        1006,
        /^Idempotency-Key: found ""/,
      );
      expectError(
        await rig.dispatch(WORK, { 'Idempotency-Key': 'k'.repeat(256) }),
        400,
        1006,
        /^Idempotency-Key: .* 1 to 255 characters/,
      );
    });

    it('D2.6 refuses the same request_id for other work: 409', async () => {
      await rig.dispatch(keyed);
      expectError(
        await rig.dispatch({ ...keyed, task_id: 'other' }),
        409,
        2003,
        /idempotency key "6be.*" was used 0 s ago for run "order-4711", which asked for something else/,
      );
      expect((await rig.dispatch({ ...keyed, parameters: { position: 3 } })).json().error_code).to.equal(
        2003,
      );
      expect(await rig.runNames()).to.deep.equal(['order-4711']);
    });

    it('D2.6 answers who asks for the same work under another request_id as the first', async () => {
      const first = await rig.dispatch(keyed);
      expect((await rig.dispatch({ ...WORK, request_id: 'another' })).json()).to.deep.equal(first.json());
      expect(await rig.runNames()).to.have.length(1);
    });

    it('D2.6 goes on answering the same by the task_id when the request_id is forgotten, after five minutes', async () => {
      const first = await rig.dispatch(keyed);
      await rig.world.advance(5 * 60_000 + 1);
      expect((await rig.dispatch(keyed)).json()).to.deep.equal(first.json());
      expect((await rig.dispatch({ ...keyed, task_id: 'later' })).status).to.equal(200);
    });

    it('D2.6 makes one Run of fifty equal requests at once, with and without a request_id', async () => {
      for (const body of [keyed, { ...WORK, task_id: 'plain' }]) {
        const answers = await Promise.all(Array.from({ length: 50 }, () => rig.dispatch(body)));
        expect(answers.map(({ status }) => status)).to.deep.equal(Array.from({ length: 50 }, () => 200));
        expect(new Set(answers.map(({ text }) => text)).size).to.equal(1);
      }
      expect(await rig.runNames()).to.have.members(['order-4711', 'plain']);
    });

    it('D2.6 does it once through two servers on one store, which a restart is, too', async () => {
      const { world } = rig;
      const { store, clock } = world;
      const registry = await openRegistry({
        store,
        clock,
        random: seededRandom(2),
        log: silentLog,
        metrics: newMetrics(),
      });
      const other = await openDispatch({ world: { ...world, registry }, identity: DEV_IDENTITY });
      const bodies = [keyed, { ...WORK, task_id: 'plain' }];
      for (const body of bodies) {
        const answers = await Promise.all(
          Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? rig : other).dispatch(body)),
        );
        expect(new Set(answers.map(({ text }) => text)).size, answers[0]?.text).to.equal(1);
        expect(answers[0]?.status).to.equal(200);
      }
      expect(await rig.runNames()).to.have.length(2);
      await other.close();
      await registry.close();
    });

    it('D2.6 keeps no more request_ids, and none longer, than it is set to: 429 with Retry-After, but what was asked is answered', async () => {
      const world = await openWorld({ idempotency: { ttlMs: 60_000, maxKeys: 2 } });
      await createTemplate(world);
      const small = await openDispatch({ world, identity: DEV_IDENTITY });
      const body = (id: string): object => ({ ...WORK, task_id: id, request_id: `request of ${id}` });
      const first = await small.dispatch(body('a'));
      await small.dispatch(body('b'));
      const refused = await small.dispatch(body('c'));
      expectError(refused, 429, 4029, /idempotency keys/);
      expect(Number(refused.headers['retry-after'])).to.be.greaterThan(0);
      expect((await small.dispatch(body('a'))).json()).to.deep.equal(first.json());
      expect((await small.dispatch({ ...WORK, task_id: 'c' })).status).to.equal(200);
      await small.close();
      await world.close();
    });

    it('D2.6 finds what another server made while it looked', async () => {
      const { world } = rig;
      let isFirst = true;
      const { registry } = world;
      const slow = registryWith(registry, {
        get: async (...words) => {
          const found = registry.get(...words);
          if (!isFirst) return found;
          isFirst = false;
          const end = await found.catch((error: unknown) => error);
          await rig.dispatch(WORK);
          throw end;
        },
      });
      const racing = await openDispatch({ world: { ...world, registry: slow }, identity: DEV_IDENTITY });
      const answer = await racing.dispatch(WORK);
      expect(answer.json()).to.deep.equal((await rig.dispatch(WORK)).json());
      await racing.close();
    });
  });

  describe('who may', () => {
    const grant = async (name: string, rules: object[]): Promise<{ name: string; groups: string[] }> => {
      const group = 'rbac.authorization.k8s.io';
      const apiVersion = `${group}/v1`;
      await rig.world.admin.create(clusterRoles, {
        apiVersion,
        kind: 'ClusterRole',
        metadata: { name },
        rules: rules as never,
      });
      await rig.world.admin.create(clusterRoleBindings, {
        apiVersion,
        kind: 'ClusterRoleBinding',
        metadata: { name },
        roleRef: { apiGroup: group, kind: 'ClusterRole', name },
        subjects: [{ apiGroup: group, kind: 'User', name }],
      });
      return { name, groups: ['system:authenticated'] };
    };
    const runsOnly = (...verbs: string[]): object => ({
      apiGroups: ['gantry.dev'],
      resources: ['runs'],
      verbs,
    });

    it('D2.5 refuses those who may not, with 4003', async () => {
      const reader = await openDispatch({
        world: rig.world,
        identity: await grant('reader', [runsOnly('get')]),
      });
      await rig.dispatch(WORK);
      expectError(await reader.dispatch(WORK), 403, 4003, /User "reader" cannot create resource "runs"/);
      expectError(await reader.ask('POST', '/api/v1/cancel/order-4711'), 403, 4003, /cannot patch/);
      expectError(await reader.ask('GET', '/api/v1/agents'), 403, 4003, /cannot list resource "workers"/);
      await reader.close();
    });

    it('D2.6 answers the same also to one who may dispatch and not read, by request_id; and nothing without one', async () => {
      const writer = await openDispatch({
        world: rig.world,
        identity: await grant('writer', [runsOnly('create')]),
      });
      const keyed = { ...WORK, request_id: UUID };
      const first = await writer.dispatch(keyed);
      expect(first.status, first.text).to.equal(200);
      expect((await writer.dispatch(keyed)).json()).to.deep.equal(first.json());
      expectError(
        await writer.dispatch(WORK),
        409,
        2003,
        /is there already, as another task or as one that you may not read/,
      );
      expectError(
        await writer.dispatch({ ...WORK, task_id: 'b', depends_on: ['order-4711'] }),
        403,
        4003,
        /cannot get/,
      );
      expectError(await writer.ask('GET', '/api/v1/status/order-4711'), 403, 4003, /cannot get/);
      await writer.close();
    });

    it('D2.12 tells the audit who dispatched what, also to one who was answered as before', async () => {
      const { store, clock } = rig.world;
      const told: AuditEvent[] = [];
      const registry = await openRegistry({
        store,
        clock,
        random: seededRandom(2),
        log: silentLog,
        metrics: newMetrics(),
        auditSink: { write: (event) => void told.push(event), close: () => Promise.resolve() },
      });
      const audited = await openDispatch({ world: { ...rig.world, registry }, identity: DEV_IDENTITY });
      told.length = 0;
      const answers = [await audited.dispatch(WORK), await audited.dispatch(WORK)];
      const done = told.filter(
        ({ stage, verb, requestURI }) =>
          stage === 'ResponseComplete' && verb === 'create' && requestURI === '/api/v1/dispatch',
      );
      expect(done.map(({ auditID }) => auditID)).to.deep.equal(
        answers.map(({ headers }) => headers['audit-id']),
      );
      for (const { user, objectRef } of done) {
        expect(user.username).to.equal('dev');
        expect(objectRef).to.include({ resource: 'runs', namespace: 'default', name: 'order-4711' });
      }
      await audited.close();
      await registry.close();
    });
  });
});
