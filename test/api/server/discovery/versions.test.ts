import { expect } from 'chai';
import { byVersionPriority } from '../../../../api/server/discovery/versions.ts';

describe('Versions by priority', () => {
  it('are in the order of Kubernetes’ documentation', () => {
    const sorted = [
      'v10',
      'v2',
      'v1',
      'v11beta2',
      'v10beta3',
      'v3beta1',
      'v12alpha1',
      'v11alpha2',
      'foo1',
      'foo10',
    ];
    expect(sorted.toReversed().sort(byVersionPriority)).to.deep.equal(sorted);
  });
});
