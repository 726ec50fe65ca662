/** What an eviction says of itself when it is for something else. */
import { expect } from 'chai';
import { readEviction } from '../../../api/registry/binding/eviction.ts';

describe('An eviction', () => {
  it('for another name is refused, and what it leaves out is taken from the path', () => {
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'b' } };
    expect(() => readEviction(body, { namespace: 'n', name: 'a' })).to.throw(
      'the eviction is for "n"/"b", the path is for n/a',
    );
  });
});
