import { expect } from 'chai';
import { CommandError } from '../../cli/io.ts';
import { compilePath, compileTemplate } from '../../cli/jsonpath.ts';

const value = {
  kind: 'List',
  items: [
    { metadata: { name: 'a', annotations: { 'x.y/z': 'dotted' } }, n: 1, list: [1, 2], ok: true },
    { metadata: { name: 'b' }, n: 2, list: [3] },
  ],
};

describe('cli/jsonpath', () => {
  // Answers of `kubectl get -o jsonpath`.
  const rows: [string, string][] = [
    ['{.kind}', 'List'],
    ['.kind', 'List'],
    ['{$.kind}', 'List'],
    ['{.items[*].metadata.name}', 'a b'],
    ['{.items[0].metadata.annotations.x\\.y/z}', 'dotted'],
    ["{.items[0].metadata.annotations['x.y/z']}", 'dotted'],
    ['{.items[-1].n}', '2'],
    ['{.items[0].list}', '[1,2]'],
    ['{.items[0].metadata.annotations}', '{"x.y/z":"dotted"}'],
    ['{.items[?(@.n>1)].metadata.name}', 'b'],
    ['{.items[?(@.metadata.name=="a")].ok}', 'true'],
    ['{.nope}', ''],
    ['name: {.items[0].metadata.name}, n: {.items[0].n}', 'name: a, n: 1'],
    ['{range .items[*]}{.metadata.name}{"\\t"}{.n}{"\\n"}{end}', 'a\t1\nb\t2\n'],
    ['{range .items[*]}[{range .list[*]}<{@}>{end}]{end}', '[<1><2>][<3>]'],
    ["{'it''s'}".replace("''", '"'), 'it"s'],
  ];
  for (const [template, wanted] of rows) {
    it(`${template} prints ${JSON.stringify(wanted)}`, () => {
      expect(compileTemplate(template)(value)).to.equal(wanted);
    });
  }

  for (const bad of ['{.a', '{range .items[*]}{.n}', '{end}', '{.a[}', '{.a[?(x']) {
    it(`refuses ${bad}`, () => {
      expect(() => compileTemplate(bad)).to.throw(CommandError);
    });
  }

  it('takes single paths with and without braces and dot', () => {
    for (const path of ['{.kind}', '.kind', 'kind', '{kind}'])
      expect(compilePath(path)(value), path).to.deep.equal(['List']);
  });
});
