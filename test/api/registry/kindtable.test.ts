/** Every built-in kind is sound: it would be refused as a user's otherwise. */
import { expect } from 'chai';
import { schemaProblems } from '../../../api/registry/admission/rules/crdschema.ts';
import { compileValidator } from '../../../api/registry/admission/validation.ts';
import { buildKindTable } from '../../../api/registry/kindtable.ts';
import { builtinKinds } from '../../../schemas/kinds.ts';

describe('Built-in kinds', () => {
  for (const document of builtinKinds) {
    const { name } = document.metadata;
    it(`${name}: schema and rules compile`, () => {
      for (const version of document.spec.versions) compileValidator(version.schema.openAPIV3Schema, name);
    });
    // Kinds of Gantry's own are held to what is asked of users; Kubernetes' own shapes are as they are.
    if (!document.spec.group.endsWith('gantry.dev')) continue;
    it(`${name}: would be taken from a user`, () => {
      for (const version of document.spec.versions) {
        expect(
          schemaProblems(version, 'v').map(({ field, message }) => `${field}: ${message}`),
        ).to.deep.equal([]);
      }
    });
  }

  it('are refused when nothing, or more than one version, is stored', () => {
    const [first] = builtinKinds;
    if (first === undefined) return expect.fail('there are no kinds');
    const versions = first.spec.versions.map((version) => ({ ...version, storage: false }));
    expect(() => buildKindTable([{ ...first, spec: { ...first.spec, versions } }])).to.throw(
      `kind ${first.metadata.name}: exactly one version must be the stored one; found 0`,
    );
  });
});
