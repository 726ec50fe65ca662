/** How answers of the API are taken: what was refused, what was there already, several requests at once. */
import { type ApiError, isApiError } from '../../../machinery/errors.ts';
import type { KubeObject, OwnerReference } from '../../../machinery/meta.ts';

/** Why nothing more was created. */
export interface Refusal {
  readonly message: string;
  /** One name alone is somebody else's: with others it is not so. */
  readonly isOfName: boolean;
}

/** Records an Event about the set; a warning that goes on is told once. */
export type Tell = (type: 'Normal' | 'Warning', reason: string, message: string) => void;

/** Writes under way at once: they wait for the store together. */
const AT_ONCE = 8;
const TOLD_NAMES = 10;

/** Something is in the way that no trying again at once will change. */
export class Refused extends Error {}

/** Something has a name that ours would have. */
export class NameTaken extends Refused {}

/** The API has said no, and would say it again: quota, security level, admission. */
export function isRefusal(error: unknown): error is ApiError {
  return isApiError(error, 'Forbidden', 'Invalid', 'BadRequest', 'RequestEntityTooLarge', 'MethodNotAllowed');
}

/** What was refused; every other error is thrown. */
export async function refusalOf(act: () => Promise<void>): Promise<Refusal | undefined> {
  try {
    await act();
    return undefined;
  } catch (error) {
    if (error instanceof Refused || isRefusal(error))
      return { message: error.message, isOfName: error instanceof NameTaken };
    throw error;
  }
}

export function controllerOf({ metadata }: KubeObject): OwnerReference | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller === true);
}

export async function orUndefined<T>(
  answer: Promise<T>,
  ...reasons: readonly ('NotFound' | 'Conflict' | 'AlreadyExists')[]
): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isApiError(error, ...reasons)) return undefined;
    throw error;
  }
}

/** All of them, a few at a time; the first error is thrown once none is under way any more. */
export async function eachAtOnce<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const waiting = [...items];
  const errors: unknown[] = [];
  const work = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined && errors.length === 0; item = waiting.shift()) {
      try {
        await act(item);
      } catch (error) {
        errors.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, work));
  if (errors.length > 0) throw errors[0];
}

export function namesOf(names: readonly string[]): string {
  const told = names.slice(0, TOLD_NAMES).join(', ');
  return names.length > TOLD_NAMES ? `${told} and ${names.length - TOLD_NAMES} more` : told;
}
