/**
 * The texts of a template that may hold references (`$(parameters.x)`), and what is wrong with these. Pure. Which texts:
 * image, command, args and the values of env.
 */
import { isRecord, readPath } from '../../../../machinery/json.ts';
import { type Reference, references } from '../../../../schemas/substitution.ts';
import { type FieldProblem, invalid } from '../fielderrors.ts';

export interface Text {
  readonly field: string;
  readonly text: string;
}

/** Says what is wrong with a reference where it stands; undefined: nothing. */
export type JudgeReference = (reference: Reference) => string | undefined;

const MAX_NAMES = 20;

/** @param at where the spec of the task stands, such as `spec.template.spec`. */
export function templateTexts(spec: unknown, at: string): readonly Text[] {
  return [
    ...textsWithin(readPath(spec, ['image']), `${at}.image`),
    ...textsWithin(readPath(spec, ['command']), `${at}.command`),
    ...textsWithin(readPath(spec, ['args']), `${at}.args`),
    ...envTexts(readPath(spec, ['env']), `${at}.env`),
  ];
}

export function envTexts(env: unknown, at: string): readonly Text[] {
  const list: readonly unknown[] = Array.isArray(env) ? env : [];
  return list.flatMap((item, index) => textsWithin(readPath(item, ['value']), `${at}[${index}].value`));
}

/** Every text of a value of any form. */
export function textsWithin(value: unknown, at: string): readonly Text[] {
  if (typeof value === 'string') return value.includes('$(') ? [{ field: at, text: value }] : [];
  if (Array.isArray(value))
    return value.flatMap((item: unknown, index) => textsWithin(item, `${at}[${index}]`));
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([key, item]) => textsWithin(item, `${at}.${key}`));
}

export function referenceProblems(texts: readonly Text[], judge: JudgeReference): FieldProblem[] {
  return texts.flatMap(({ field, text }) => {
    const told = new Set(
      references(text).flatMap((found) =>
        found.kind === 'malformed' ? [found.problem] : (judge(found) ?? []),
      ),
    );
    return [...told].map((problem) => invalid(field, text, problem));
  });
}

/** What there is instead of something that there is not. */
export function named(names: Iterable<string>, none: string): string {
  const all = [...names];
  if (all.length === 0) return none;
  const more = all.length > MAX_NAMES ? ` and ${all.length - MAX_NAMES} more` : '';
  return `there are ${all.slice(0, MAX_NAMES).join(', ')}${more}`;
}
