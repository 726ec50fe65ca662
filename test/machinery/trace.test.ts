import { expect } from 'chai';
import { seededRandom } from '../../machinery/random.ts';
import {
  currentTrace,
  nameWork,
  newTrace,
  parseTraceId,
  traceFields,
  traceOfObject,
  withTrace,
} from '../../machinery/trace.ts';

const ID = '4bf92f3577b34da6a3ce929d0e0e4736';

describe('Traces', () => {
  it('D2.5 are taken from traceparent where it is usable, and made up otherwise', () => {
    const random = seededRandom(1);
    expect(newTrace(random, `00-${ID}-00f067aa0ba902b7-01`).traceId).to.equal(ID);
    for (const bad of [
      undefined,
      '',
      `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
      `ff-${ID}-00f067aa0ba902b7-01`,
    ]) {
      const { traceId } = newTrace(random, bad);
      expect(traceId)
        .to.match(/^[0-9a-f]{32}$/)
        .and.not.equal(ID);
    }
  });

  it('D2.5 log lines say trace_id and request_id, and the ids of the work once those are known', () => {
    const trace = { traceId: ID, requestId: 'r' };
    expect(traceFields(undefined)).to.deep.equal({});
    expect(traceFields(trace)).to.deep.equal({ trace_id: ID, request_id: 'r' });
    withTrace(trace, () => nameWork({ requestId: 'theirs', taskId: 'order-1' }));
    expect(traceFields(trace)).to.deep.equal({ trace_id: ID, request_id: 'theirs', task_id: 'order-1' });
  });

  it('without a current one, there is nobody to tell of the work', () => {
    nameWork({ taskId: 'x' });
    expect(currentTrace()).to.equal(undefined);
  });

  it('are read off an object, as far as it says', () => {
    expect(traceOfObject(undefined)).to.equal(undefined);
    expect(traceOfObject({ name: 'x' })).to.equal(undefined);
    expect(traceOfObject({ name: 'x', annotations: {} })).to.deep.equal({});
    const annotations = {
      'gantry.dev/trace-id': ID,
      'gantry.dev/request-id': 'r',
      'gantry.dev/task-id': 't',
    };
    expect(traceOfObject({ name: 'x', annotations })).to.deep.equal({
      traceId: ID,
      requestId: 'r',
      taskId: 't',
    });
  });

  for (const [text, id] of [
    [ID, ID],
    [ID.toUpperCase(), ID],
    ['4bf92f35-77b3-4da6-a3ce-929d0e0e4736', ID],
    ['4bf92f357-7b3-4da6-a3ce-929d0e0e4736', undefined],
    ['0'.repeat(32), undefined],
    [ID.slice(1), undefined],
    [`${ID.slice(1)}g`, undefined],
    ['', undefined],
  ] as const) {
    it(`"${text}" is ${id === undefined ? 'none' : 'one'}`, () => expect(parseTraceId(text)).to.equal(id));
  }
});
