/**
 * Regular expressions of users' documents, matched in time linear in the text (RE2), and bounded in sum: what Ajv is
 * given in place of JavaScript's own.
 */
import { RE2JS } from 're2js';
import { ApiError } from '../../../machinery/errors.ts';

/**
 * What matching the texts of one object may take: about a second. Linear in the text is not cheap when the pattern is
 * long too. Everything here is synchronous, so there is one count.
 */
const MAX_PATTERN_STEPS = 250_000_000;
let stepsLeft = 0;

/** What Ajv asks of a regular expression: it keeps one for each `toString`. */
function linearRegExp(pattern: string): { test(text: string): boolean; toString(): string } {
  const compiled = RE2JS.compile(pattern);
  const size = compiled.programSize();
  return {
    test(text) {
      stepsLeft -= size * (text.length + 1);
      if (stepsLeft < 0) {
        throw new ApiError(
          'Invalid',
          `the texts of the object are too long to be matched against /${pattern.slice(0, 100)}/`,
        );
      }
      return compiled.matcher(text).find();
    },
    toString: () => pattern,
  };
}

/** Ajv's option `code.regExp`. */
export const linearPatterns = Object.assign(linearRegExp, { code: 'linearRegExp' });

/** Does the work that matches the patterns of one object. Throws `Invalid` when that would take too long. */
export function matchingWithinBounds<T>(work: () => T): T {
  stepsLeft = MAX_PATTERN_STEPS;
  return work();
}
