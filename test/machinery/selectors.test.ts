import { expect } from 'chai';
import { ApiError } from '../../machinery/errors.ts';
import { parseFieldSelector, parseLabelSelector, pinnedName } from '../../machinery/selectors.ts';

describe('Label selectors', () => {
  const labels = { app: 'web', tier: 'front', weight: '10', 'example.com/x': 'y', empty: '' };
  for (const [selector, isMatch] of [
    [undefined, true],
    [' ', true],
    ['app=web', true],
    ['app==web', true],
    ['app = web , tier=front', true],
    ['app=db', false],
    ['app!=db', true],
    ['missing!=x', true],
    ['missing=', false],
    ['empty=', true],
    ['app in (db, web)', true],
    ['app in (db)', false],
    ['app notin (db)', true],
    ['missing notin (x)', true],
    ['app', true],
    ['missing', false],
    ['!missing', true],
    ['!app', false],
    ['weight>9', true],
    ['weight>10', false],
    ['weight<11', true],
    ['app>1', false],
    ['example.com/x=y,app in (a,web),!gone', true],
  ] as const) {
    it(`${JSON.stringify(selector)} ${isMatch ? 'selects' : 'does not select'}`, () => {
      expect(parseLabelSelector(selector)(labels)).to.equal(isMatch);
    });
  }

  it('selects objects without labels by what they lack', () => {
    expect(parseLabelSelector('!app')(undefined)).to.equal(true);
    expect(parseLabelSelector('app')(undefined)).to.equal(false);
    expect(parseLabelSelector('toString')({})).to.equal(false);
  });

  for (const wrong of ['a b', 'a in b', 'a in (b', '=x', 'a=b c', 'a>x', '-a=b', 'a=b!', 'a,,b', 'in (a)']) {
    it(`refuses ${JSON.stringify(wrong)}, naming it`, () => {
      expect(() => parseLabelSelector(wrong))
        .to.throw(ApiError)
        .with.property('reason', 'BadRequest');
    });
  }
});

describe('Field selectors', () => {
  const fields: Readonly<Record<string, string>> = { 'metadata.name': 'hello', 'status.phase': 'Running' };
  const matches = (selector: string | undefined): boolean =>
    parseFieldSelector(selector, [...Object.keys(fields), 'spec.workerName'])((field) => fields[field]);

  for (const [selector, isMatch] of [
    [undefined, true],
    ['metadata.name=hello', true],
    ['metadata.name==hello,status.phase!=Failed', true],
    ['metadata.name!=hello', false],
    ['spec.workerName=', true],
    ['spec.workerName!=', false],
  ] as const) {
    it(`${JSON.stringify(selector)} ${isMatch ? 'selects' : 'does not select'}`, () => {
      expect(matches(selector)).to.equal(isMatch);
    });
  }

  it('refuses fields that were not declared, naming those that were', () => {
    expect(() => matches('spec.image=x')).to.throw(ApiError, /"spec\.image".*metadata\.name/);
    expect(() => matches('metadata.name')).to.throw(ApiError, 'metadata.name');
  });

  it('knows when one name is asked for', () => {
    expect(pinnedName('metadata.name=a')).to.equal('a');
    expect(pinnedName('status.phase=x, metadata.name==a ,b=c')).to.equal('a');
    expect(pinnedName('metadata.name!=a')).to.equal(undefined);
    expect(pinnedName('x.metadata.name=a')).to.equal(undefined);
    expect(pinnedName(undefined)).to.equal(undefined);
  });
});
