import { expect } from 'chai';
import fc from 'fast-check';
import { duplicateKeys } from '../../machinery/duplicatekeys.ts';

const keysOf = (text: string): readonly string[] => duplicateKeys(text, JSON.parse(text));

describe('keys given twice', () => {
  for (const [text, expected] of [
    ['{"a":1,"a":2}', ['a']],
    ['{"spec":{"image":"x","image" : "y","n":1},"spec2":{}}', ['spec.image']],
    ['{"l":[{"a":1},{"a":1,"a":2}]}', ['l[1].a']],
    ['{"a":{"b":1},"a":{"b":1}}', ['a']],
    ['{"a":"\\"a\\": {","b":"a\\":1,\\"b"}', []],
    ['{"a":1,"\\u0061":2}', ['a']],
    ['["a","a"]', []],
  ] as const) {
    it(`${text}: ${expected.join(', ') || 'none'}`, () => expect(keysOf(text)).to.deep.equal(expected));
  }

  it('are found in no text that JSON.stringify wrote', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(keysOf(text)).to.deep.equal([]);
      }),
    );
  });
});
