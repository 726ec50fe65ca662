/** What defaults may cost, and names of fields that every object of the language inherits. */
import { expect } from 'chai';
import { schemaProblems } from '../../../../api/registry/admission/rules/crdschema.ts';
import { conformObject } from '../../../../api/registry/admission/structural.ts';
import { compileValidator } from '../../../../api/registry/admission/validation.ts';
import type { Schema } from '../../../../schemas/crd.ts';
import { cpuMs } from '../../../cputime.ts';

const text: Schema = { type: 'string' };

function toldOf(spec: Schema): string[] {
  const openAPIV3Schema: Schema = { type: 'object', properties: { spec } };
  const version = { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema } };
  return schemaProblems(version, 'spec.versions[0]').map(({ field, message }) => `${field}: ${message}`);
}

/** A list of ten whose items have a list of ten by default, and so on. */
function multiplied(levels: number): Schema {
  if (levels === 0) return { ...text, default: 'x' };
  const items: Schema = { type: 'object', properties: { a: multiplied(levels - 1) } };
  return { type: 'array', items, default: Array.from({ length: 10 }, () => ({})) };
}

describe('Defaults', () => {
  it('are validated together, however many there are', () => {
    const fields = Array.from({ length: 1_000 }, (_, index): [string, Schema] => [
      `p${index}`,
      { ...text, default: 'x' },
    ]);
    const startMs = cpuMs();
    expect(toldOf({ type: 'object', properties: Object.fromEntries(fields) })).to.deep.equal([]);
    // A validator for each of them takes most of ten seconds.
    expect(cpuMs() - startMs).to.be.lessThan(2_000);
  });

  it('are told of by their own places', () => {
    const place = 'spec.versions[0].schema.openAPIV3Schema.properties[spec].properties';
    const b: Schema = { type: 'object', properties: { d: text }, default: { d: 5 } };
    expect(
      toldOf({ type: 'object', properties: { a: { ...text, default: 'x' }, b, c: { ...text, default: 1 } } }),
    ).to.deep.equal([
      `${place}[b].default.d: Invalid value: "integer": value.d in body must be of type string: "integer"`,
      `${place}[c].default: Invalid value: "integer": value in body must be of type string: "integer"`,
    ]);
  });

  it('that multiply are refused in the definition', () => {
    const startMs = cpuMs();
    expect(toldOf({ type: 'object', properties: { a: multiplied(9) } }).join()).to.match(
      /\[a\]\.default: .*defaults of the schema add more than 1048576 bytes/,
    );
    expect(cpuMs() - startMs).to.be.lessThan(5_000);
  });

  it('that an object multiplies are refused with it', () => {
    const items: Schema = { type: 'object', properties: { a: { ...text, default: 'x'.repeat(10_000) } } };
    const schema: Schema = { type: 'object', properties: { l: { type: 'array', items } } };
    const list = (length: number) => ({ l: Array.from({ length }, () => ({})) });
    expect(() => conformObject(schema, list(100))).not.to.throw();
    expect(() => conformObject(schema, list(1_000)))
      .to.throw(/defaults of the schema add more than 1048576 bytes/)
      .with.property('reason', 'RequestEntityTooLarge');
  });

  it('and types do not see what an object inherits', () => {
    const schema: Schema = { type: 'object', properties: { constructor: text, toString: text } };
    expect(compileValidator(schema, 'tests').problems({}, undefined)).to.deep.equal([]);
    const strict: Schema = { ...schema, required: ['constructor'] };
    expect(compileValidator(strict, 'tests').problems({}, undefined)).to.have.length(1);
  });
});
