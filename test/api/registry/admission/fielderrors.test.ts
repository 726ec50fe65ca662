/** What a refused value looks like in the message that refuses it. */
import { expect } from 'chai';
import {
  duplicate,
  type FieldProblem,
  invalid,
  missing,
  unsupported,
} from '../../../../api/registry/admission/fielderrors.ts';

const long = '1'.repeat(200_000);
const cut = `"${'1'.repeat(500)}"… (200000 characters)`;

describe('A refused value', () => {
  const rows: [string, FieldProblem, string][] = [
    ['a text, whole', invalid('spec.a', 'x'.repeat(500), 'why'), `Invalid value: "${'x'.repeat(500)}": why`],
    ['a long text, by its beginning', invalid('spec.a', long, 'why'), `Invalid value: ${cut}: why`],
    [
      'a long text among few',
      unsupported('spec.a', long, ['b']),
      `Unsupported value: ${cut}: supported values: "b"`,
    ],
    ['a long text twice', duplicate('spec.a', long), `Duplicate value: ${cut}`],
    ['a long name of nothing', missing('spec.a', long), `Not found: ${cut}`],
    [
      'a character that would be cut in two',
      missing('spec.a', `${'x'.repeat(499)}\u{1F600}y`),
      `Not found: "${'x'.repeat(499)}\uFFFD"… (502 characters)`,
    ],
    ['a large object, by its type', invalid('spec.a', { long }, 'why'), 'Invalid value: "object": why'],
  ];
  for (const [what, { message }, told] of rows) it(`is told: ${what}`, () => expect(message).to.equal(told));
});
