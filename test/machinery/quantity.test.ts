import { expect } from 'chai';
import {
  formatBytes,
  formatMilli,
  isQuantity,
  milliUnits,
  parseQuantity,
  wholeUnits,
} from '../../machinery/quantity.ts';

describe('Quantities', () => {
  const NANO = 1_000_000_000n;
  for (const [text, nano] of [
    ['0', 0n],
    ['1', NANO],
    [1.5, (NANO * 3n) / 2n],
    ['500m', NANO / 2n],
    ['100u', 100_000n],
    ['3n', 3n],
    ['1.5Gi', (NANO * 3n * 2n ** 30n) / 2n],
    ['2k', 2000n * NANO],
    ['1e3', 1000n * NANO],
    ['1E-3', NANO / 1000n],
    ['2E', 2n * 10n ** 18n * NANO],
    ['+4', 4n * NANO],
    ['-1', -NANO],
    ['.5', NANO / 2n],
    ['5.', 5n * NANO],
  ] as const) {
    it(`reads ${JSON.stringify(text)}`, () => expect(parseQuantity(text)).to.equal(nano));
  }

  for (const text of [
    '',
    'abc',
    '1.2.3',
    '1 Gi',
    '1GiB',
    '1ki',
    'e3',
    '.',
    '-',
    'Mi',
    '0x10',
    '1e',
    'NaN',
    'Infinity',
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => expect(isQuantity(text)).to.equal(false));
  }

  it('rounds up what is finer than a nanounit, as Kubernetes does', () => {
    expect(parseQuantity('0.1n')).to.equal(1n);
    expect(parseQuantity('1.0000000001')).to.equal(NANO + 1n);
  });

  it('counts thousandths and whole units, rounded up', () => {
    expect(milliUnits('1')).to.equal(1000);
    expect(milliUnits('0.0001')).to.equal(1);
    expect(wholeUnits('64Mi')).to.equal(64 * 1024 * 1024);
    expect(wholeUnits('1500m')).to.equal(2);
  });

  it('prints as kubectl does', () => {
    expect([formatMilli(500), formatMilli(2000)]).to.deep.equal(['500m', '2']);
    expect([formatBytes(64 * 1024 * 1024), formatBytes(1536), formatBytes(1000)]).to.deep.equal([
      '64Mi',
      '1536',
      '1000',
    ]);
    expect(formatBytes(3 * 2 ** 40)).to.equal('3Ti');
  });
});
