import { expect } from 'chai';
import { exemplarsFor, findExemplars } from '../../machinery/exemplars.ts';
import { newMetrics } from '../../machinery/metrics.ts';

describe('Exemplars', () => {
  it('keep the last trace of each bucket, by labels in whatever order', () => {
    const metrics = newMetrics();
    const of = exemplarsFor(metrics, 'h', [0.1, 1]);
    const series = of.series({ a: '1', b: '2' });
    series.observe(0.1, 'first', 1);
    series.observe(0.05, 'second', 2);
    series.observe(0.5, 'middle', 3);
    series.observe(7, 'slow', 4);
    expect(exemplarsFor(metrics, 'h', [])).to.equal(of);
    const found = findExemplars(metrics, 'h')?.find({ b: '2', a: '1' });
    expect(found).to.equal(series);
    expect(['0.1', '1', '+Inf'].map((bound) => found?.at(bound))).to.deep.equal([
      { value: 0.05, traceId: 'second', atMs: 2 },
      { value: 0.5, traceId: 'middle', atMs: 3 },
      { value: 7, traceId: 'slow', atMs: 4 },
    ]);
  });

  it('of nothing are none', () => {
    const metrics = newMetrics();
    expect(findExemplars(metrics, 'h')).to.equal(undefined);
    const of = exemplarsFor(metrics, 'h', [1]);
    expect(of.find({})).to.equal(undefined);
    expect(of.series({}).at('1')).to.equal(undefined);
  });
});
