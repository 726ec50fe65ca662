/** ConfigMaps: valid keys, no key twice, a bound on their data, and what `immutable` promises. */
import type { DynamicObject } from '../../../../machinery/meta.ts';
import { type FieldProblem, invalid, tooLong } from '../fielderrors.ts';
import { decodedBytes, immutableProblems, keyProblems, MAX_DATA_BYTES, textEntries } from './datakeys.ts';
import type { KindRules } from './rules.ts';

function dataProblems(object: DynamicObject): FieldProblem[] {
  const problems = [...keyProblems(object, 'data'), ...keyProblems(object, 'binaryData')];
  const binaryKeys = new Set(textEntries(object, 'binaryData').map(([key]) => key));
  let bytes = decodedBytes(object, 'binaryData');
  for (const [key, text] of textEntries(object, 'data')) {
    bytes += Buffer.byteLength(text);
    if (binaryKeys.has(key))
      problems.push(invalid(`data[${key}]`, key, 'duplicate of key present in binaryData'));
  }
  // An empty field: the whole object is meant.
  if (bytes > MAX_DATA_BYTES) problems.push(tooLong('', MAX_DATA_BYTES));
  return problems;
}

export const configMapRules: KindRules = {
  onCreate: dataProblems,
  onUpdate: (object, before) => [...immutableProblems(object, before), ...dataProblems(object)],
};
