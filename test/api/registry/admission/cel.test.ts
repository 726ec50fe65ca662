/** CEL rules beyond the plain ones: old values, messages, names, functions, and what they may cost. */
import { expect } from 'chai';
import { compileRule } from '../../../../api/registry/admission/cel.ts';
import { compileValidator } from '../../../../api/registry/admission/validation.ts';
import type { Schema, ValidationRule } from '../../../../schemas/crd.ts';
import { cpuMs } from '../../../cputime.ts';

const text: Schema = { type: 'string' };
const integer: Schema = { type: 'integer' };

function problems(schema: Schema, rules: readonly ValidationRule[], value: unknown, old?: unknown): string[] {
  const v: Schema = { ...schema, 'x-kubernetes-validations': rules };
  return compileValidator({ type: 'object', properties: { v } }, 'tests')
    .problems({ v: value }, old === undefined ? undefined : { v: old })
    .map(({ reason, field, message }) => `${reason} ${field}: ${message}`);
}

const holds = (schema: Schema, rule: string, value: unknown): boolean =>
  problems(schema, [{ rule }], value).length === 0;

describe('A rule', () => {
  it('with an optional oldSelf runs on creation too', () => {
    const rule = {
      rule: 'oldSelf.hasValue() || self == "first"',
      optionalOldSelf: true,
      message: 'begin with first',
    };
    expect(problems(text, [rule], 'x')).to.deep.equal([
      'FieldValueInvalid v: Invalid value: "x": begin with first',
    ]);
    expect(problems(text, [rule], 'first')).to.deep.equal([]);
    expect(problems(text, [rule], 'x', 'first')).to.deep.equal([]);
    const grows = { rule: 'self >= oldSelf.orValue(0)', optionalOldSelf: true, message: 'must grow' };
    expect(problems(integer, [grows], 1, 2)).to.deep.equal([
      'FieldValueInvalid v: Invalid value: 1: must grow',
    ]);
  });

  it('says what its message expression makes, or its message where that fails', () => {
    const schema: Schema = { type: 'object', properties: { n: integer, m: integer } };
    const rule = {
      rule: 'self.n < 5',
      message: 'plain',
      messageExpression: '"n is " + string(self.n) + ", m " + string(self.m)',
    };
    expect(problems(schema, [rule], { n: 7, m: 1 })).to.deep.equal([
      'FieldValueInvalid v: Invalid value: {"n":7,"m":1}: n is 7, m 1',
    ]);
    expect(problems(schema, [rule], { n: 7 })).to.deep.equal([
      'FieldValueInvalid v: Invalid value: {"n":7}: plain',
    ]);
  });

  it('points at a field, with a reason', () => {
    const schema: Schema = { type: 'object', properties: { a: text } };
    const told = problems(
      schema,
      [{ rule: 'has(self.a)', message: 'a is needed', fieldPath: '.a', reason: 'FieldValueRequired' }],
      {},
    );
    expect(told).to.deep.equal(['FieldValueRequired v.a: Required value: a is needed']);
  });

  it('names fields whose names are no words, as Kubernetes escapes them', () => {
    const schema: Schema = {
      type: 'object',
      properties: { 'a-b': integer, 'c.d/e': integer, for: integer, x__y: integer },
    };
    expect(
      holds(
        schema,
        'self.a__dash__b + self.c__dot__d__slash__e + self.__for__ + self.x__underscores__y == 10',
        { 'a-b': 1, 'c.d/e': 2, for: 3, x__y: 4 },
      ),
    ).to.equal(true);
  });

  const functions: readonly (readonly [schema: Schema, rule: string, value: unknown])[] = [
    [text, 'self.find("[0-9]+") == "12"', 'a12b3'],
    [text, 'self.findAll("[0-9]+") == ["12", "3"]', 'a12b3'],
    [text, 'self.findAll("[0-9]+", 1) == ["12"]', 'a12b3'],
    [text, 'self.replace("a", "b") == "bb"', 'ab'],
    [text, 'isURL(self) && url(self).getHost() == "x.dev:8080"', 'http://x.dev:8080/p?q=1'],
    [text, 'self.split(",").size() == 2 && self.lowerAscii() == "a,b"', 'A,B'],
    [{ ...text, format: 'date-time' }, 'self > timestamp("2020-01-01T00:00:00Z")', '2026-01-01T00:00:00Z'],
    [{ ...text, format: 'duration' }, 'self < duration("2h")', '1h30m'],
    [
      { type: 'array', items: integer },
      'self.isSorted() && self.sum() == 6 && self.min() == 1 && self.max() == 3 && self.indexOf(2) == 1',
      [1, 2, 3],
    ],
    [
      { type: 'object', additionalProperties: integer },
      'self.all(k, self[k] > 0) && "a-b" in self',
      { 'a-b': 1 },
    ],
    [{ 'x-kubernetes-int-or-string': true }, 'type(self) == int ? self > 5 : self == "5%"', 7],
    [
      text,
      'quantity(self).asInteger() == 2000 && quantity("1").add(quantity("1")).isGreaterThan(quantity("1"))',
      '2k',
    ],
    [text, 'self.split(",").map(x, x + x).join("") == "aabb"', 'a,b'],
    [text, 'self.split(",").map(x, x != "a", x + "!") == ["b!"]', 'a,b'],
    [{ type: 'array', items: integer }, 'self.map(x, self.map(y, x * y)) == [[1, 2], [2, 4]]', [1, 2]],
  ];
  for (const [schema, rule, value] of functions) {
    it(`${rule} of ${JSON.stringify(value)}`, () =>
      expect(problems(schema, [{ rule }], value)).to.deep.equal([]));
  }
});

describe('What a rule costs', () => {
  const list = (items: Schema, maxItems?: number): Schema => ({
    type: 'array',
    items,
    ...(maxItems === undefined ? {} : { maxItems }),
  });

  it('is bounded while it runs: the request is answered, and says why', () => {
    const value = Array.from({ length: 3_000 }, (_, at) => at);
    const startedMs = cpuMs();
    const told = problems(
      list(integer),
      [{ rule: 'self.all(a, self.all(b, self.all(c, a + b + c >= 0)))' }],
      value,
    );
    expect(told).to.have.length(1);
    expect(told[0]).to.include(
      'no further validation rules will be run due to call cost exceeds limit for rule',
    );
    expect(cpuMs() - startedMs).to.be.lessThan(5_000);
  });

  it('counts what is compared and searched by its size', () => {
    const value = Array.from({ length: 200 }, () => 'x'.repeat(5_000));
    const told = problems(list(text), [{ rule: 'self.all(a, self.all(b, a == b))' }], value);
    expect(told[0]).to.include('call cost exceeds limit');
  });

  it('ends all further rules once the budget of the write is spent', () => {
    const item: Schema = {
      ...list(integer),
      'x-kubernetes-validations': [{ rule: 'self.all(a, self.all(b, a + b >= 0))' }],
    };
    const value = Array.from({ length: 60 }, () => Array.from({ length: 250 }, (_, at) => at));
    const schema: Schema = { type: 'object', properties: { v: { type: 'array', items: item } } };
    const told = compileValidator(schema, 'tests').problems({ v: value }, undefined);
    expect(told.map(({ message }) => message)).to.deep.equal([
      'Invalid value: "object": validation failed due to running out of cost budget, no further validation rules will be run',
    ]);
  });

  it('is estimated from the sizes a schema allows', () => {
    const cost = (schema: Schema, rule: string): number => compileRule({ rule }, schema, false).cost;
    const short = { ...text, maxLength: 10 };
    expect(cost(list(short, 10), 'self.all(x, x == "a")')).to.be.lessThan(
      cost(list(short, 100), 'self.all(x, x == "a")'),
    );
    expect(cost(list(short, 10), 'self.all(x, x.matches("a+"))')).to.be.lessThan(
      cost(list(text, 10), 'self.all(x, x.matches("a+"))'),
    );
    expect(cost(list(short, 10), 'self.all(x, self.all(y, x == y))')).to.be.greaterThan(
      cost(list(short, 10), 'self.all(x, x == "a")') * 5,
    );
    expect(cost(integer, 'self > 5')).to.be.lessThan(10);
    expect(cost(list(text), 'self.all(x, x.contains("a"))')).to.be.greaterThan(10_000_000);
  });
});
