/** Queries: what they hold, and what reading them costs. */
import { expect } from 'chai';
import { parseParameters } from '../../../api/server/searchparams.ts';
import { openServer } from './harness.ts';

describe('the query of a request', () => {
  for (const [querystring, parameters] of [
    ['', {}],
    ['a=1', { a: '1' }],
    ['a=1&b=2&a=3', { a: ['1', '3'], b: '2' }],
    ['a&b=&=c', { a: '', b: '', '': 'c' }],
    ['a=%20%2B+x', { a: ' + x' }],
    ['a=%ff', { a: '\ufffd' }],
    ['a=1&&b==2', { a: '1', b: '=2' }],
  ] as const) {
    it(`"${querystring}"`, () => {
      expect({ ...parseParameters(querystring) }).to.deep.equal(parameters);
    });
  }

  it('has nothing that was not sent', () => {
    const parameters = parseParameters('__proto__=x&toString=y');
    expect(Object.keys(parameters)).to.deep.equal(['__proto__', 'toString']);
    expect(parameters['constructor']).to.equal(undefined);
  });

  it('holds nobody up, however many parameters it has', async () => {
    const server = await openServer();
    try {
      const startMs = performance.now();
      const answer = await server.ask('GET', `/readyz?${'a=1&'.repeat(15_000)}`);
      expect(answer.status).to.equal(200);
      // One look at the whole query for each of them takes several seconds.
      expect(performance.now() - startMs).to.be.lessThan(1_000);
    } finally {
      await server.close();
    }
  });
});
