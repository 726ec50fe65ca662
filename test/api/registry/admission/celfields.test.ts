/** Which fields of `self` a rule looks at: what it does not look at need not be made into CEL's values. */
import { expect } from 'chai';
import { baseEnvironment, fieldsOfSelf } from '../../../../api/registry/admission/cel/environment.ts';
import { compileRules } from '../../../../api/registry/admission/cel.ts';
import type { Schema } from '../../../../schemas/crd.ts';

const environment = baseEnvironment
  .clone()
  .registerVariable('self', 'dyn')
  .registerVariable('oldSelf', 'dyn');

describe('Fields that a CEL rule looks at', () => {
  const rows: readonly [rule: string, fields: readonly string[] | 'all'][] = [
    ['self.metadata.name.size() <= 63', ['metadata']],
    ['has(self.jobRef) != has(self.templateRef)', ['jobRef', 'templateRef']],
    ['self.items.all(x, x.self > self.b)', ['b', 'items']],
    ['self.spec.x == 1 ? self.status.y > 2 : true', ['spec', 'status']],
    ['oldSelf == self.x', ['x']],
    ['self.a == self', 'all'],
    ['size(self) > 1', 'all'],
    ['self["a"] == 1', 'all'],
    ['"a" in self', 'all'],
    ['self.all(x, x > 1)', 'all'],
    ['[self].exists(x, x.a == 1)', 'all'],
    ['self.a.all(self, self > 1)', 'all'],
    ['dyn(self).z == 1', 'all'],
    ['self.?a.orValue(1) == 1', 'all'],
  ];
  for (const [rule, fields] of rows) {
    it(`${rule}: ${String(fields)}`, () => {
      const parsed = environment.parse(rule);
      parsed.check();
      const found = fieldsOfSelf(parsed.ast);
      expect(found === undefined ? 'all' : [...found].sort()).to.deep.equal(fields);
    });
  }

  it('each rule of one place finds what it looks at, also beside rules that look elsewhere, and in its message', () => {
    const number: Schema = { type: 'integer' };
    const schema: Schema = {
      type: 'object',
      properties: { a: number, b: number, 'x-c': number },
      'x-kubernetes-validations': [
        { rule: 'self.a < 10', messageExpression: '"b is " + string(self.b)' },
        { rule: '!has(self.b) || self.b < 10' },
        { rule: 'self.x__dash__c < 10' },
      ],
    };
    const check = compileRules(schema, 'Test');
    const told = (object: object): string[] => check(object, undefined).map(({ message }) => message);
    expect(told({ a: 1, b: 1, 'x-c': 1 })).to.deep.equal([]);
    expect(told({ a: 10, b: 7, 'x-c': 1 })[0]).to.include('b is 7');
    expect(told({ a: 1, b: 10, 'x-c': 10 })).to.have.length(2);
  });
});
