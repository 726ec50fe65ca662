/** `$(NAME)`: the table of Kubernetes' rule, and its bound. */
import { expect } from 'chai';
import { expand, MAX_STRING_BYTES, valuesOf } from '../../../../controllers/task/inputs/expansion.ts';

describe('Expansion of $(NAME)', () => {
  const valueOf = valuesOf(['A=a', 'B=b=b', 'EMPTY=', 'REF=$(A)', 'with space=s']);
  const rows: readonly (readonly [string, string])[] = [
    ['plain', 'plain'],
    ['$(A)', 'a'],
    ['-$(A)-$(B)-', '-a-b=b-'],
    ['$(EMPTY)', ''],
    ['$(REF)', '$(A)'],
    ['$(with space)', 's'],
    ['$(NOPE)', '$(NOPE)'],
    ['$()', '$()'],
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$a'],
    ['$$$$(A)', '$$(A)'],
    ['$$', '$'],
    ['$', '$'],
    ['a$', 'a$'],
    ['$A', '$A'],
    ['$(A', '$(A'],
    ['$(A$(B)', '$(A$(B)'],
    ['$($(A))', '$($(A))'],
    ['$(A))', 'a)'],
    ['A)$(', 'A)$('],
    ['$(A)$', 'a$'],
    ['$-$(A)', '$-a'],
    ['ä$(A)ä', 'äaä'],
  ];
  for (const [text, expanded] of rows) {
    it(`makes ${text} ${expanded === '' ? 'nothing' : expanded}`, () => {
      expect(expand(text, valueOf)).to.equal(expanded);
    });
  }

  it('stops growing past what a process can be given', () => {
    const value = 'x'.repeat(MAX_STRING_BYTES);
    const expanded = expand('$(BIG)'.repeat(20_000), () => value);
    expect(expanded.length).to.be.lessThan(4 * MAX_STRING_BYTES + 6 * 20_000);
    expect(expanded.length).to.be.greaterThan(MAX_STRING_BYTES);
  });
});
