/** Every built-in kind is sound: it would be refused as a user's otherwise. */
import { expect } from 'chai';
import { schemaProblems } from '../../../api/registry/admission/rules/crdschema.ts';
import { compileValidator } from '../../../api/registry/admission/validation.ts';
import { buildKindTable } from '../../../api/registry/kindtable.ts';
import { builtinKinds } from '../../../schemas/kinds.ts';

/**
 * A Job holds up to 200 templates of Tasks, each with a Task's rules: by the estimate for the worst there may be that is
 * too dear for a user's document. What it really costs is bounded when it is written, as for any.
 */
const isDear = (name: string, problem: string): boolean =>
  name === 'jobs.gantry.dev' && /estimated rule cost/.test(problem);

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
          schemaProblems(version, 'v')
            .map(({ field, message }) => `${field}: ${message}`)
            .filter((problem) => !isDear(name, problem)),
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
