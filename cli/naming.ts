/** What a command that works on one kind takes for names: `taskset/web`, `gts/web`, `taskset web api`, `web`. */
import type { KubeObject, ObjectKey, Resource } from '../machinery/meta.ts';
import { findKind } from './discovery.ts';
import { CommandError } from './io.ts';
import type { Session } from './session.ts';

/** What a command that is to be typed again needs, so that it means the same object wherever the reader's default is. */
export function namespaceWords({ namespace }: ObjectKey): string {
  return namespace === undefined ? '' : ` -n ${namespace}`;
}

/** The same, and names alone, `web api`, where the first is no kind: for what is done to several as often as to one. */
export async function severalOfKind(
  words: readonly string[],
  resource: Resource<KubeObject>,
  example: string,
  session: Session,
): Promise<readonly string[]> {
  const isNames = !words.some((word) => word.includes('/')) && !(await isAnyKind(words[0] ?? '', session));
  if (words.length > 1 && isNames) return words;
  return namesOfKind(words, resource, example, session);
}

/** Of several words without a slash the first is a kind. Rejects with `CommandError`. @param example of a name, for messages */
export async function namesOfKind(
  words: readonly string[],
  resource: Resource<KubeObject>,
  example: string,
  session: Session,
): Promise<readonly string[]> {
  const form = `${resource.kind.toLowerCase()}/NAME`;
  const wanted = `wanted ${form}, for example ${resource.kind.toLowerCase()}/${example}`;
  const requireKind = async (word: string, whole: string): Promise<void> => {
    if (await isKind(word, resource, session)) return;
    // A word that is no kind at all is told as such, with what was probably meant.
    const { kind } = findKind(await session.kinds(), word);
    throw new CommandError(
      `this is for a ${resource.kind}: found "${whole}", which names a ${kind}; ${wanted}`,
    );
  };
  const [first, ...rest] = words;
  if (first === undefined || first === '') throw new CommandError(`name a ${resource.kind}: ${wanted}`);
  if (words.some((word) => word.includes('/'))) {
    const names: string[] = [];
    for (const word of words) {
      const match = /^([^/]+)\/([^/]+)$/.exec(word);
      if (match === null) throw new CommandError(`found "${word}", ${wanted}`);
      await requireKind(match[1] ?? '', word);
      names.push(match[2] ?? '');
    }
    return names;
  }
  if (rest.length > 0) {
    await requireKind(first, words.join(' '));
    return rest;
  }
  if (await isKind(first, resource, session)) {
    throw new CommandError(`name a ${resource.kind}: found "${first}", ${wanted}`);
  }
  return [first];
}

/** The same where there is to be just one. */
export async function nameOfKind(
  words: readonly string[],
  resource: Resource<KubeObject>,
  example: string,
  session: Session,
): Promise<string> {
  const [name = '', second] = await namesOfKind(words, resource, example, session);
  if (second === undefined) return name;
  throw new CommandError(`one ${resource.kind} at a time: found "${name}" and "${second}"`);
}

async function isKind(word: string, resource: Resource<KubeObject>, session: Session): Promise<boolean> {
  return isAnyKind(word, session, resource);
}

/** @param resource only this one */
async function isAnyKind(word: string, session: Session, resource?: Resource<KubeObject>): Promise<boolean> {
  const kinds = await session.kinds();
  try {
    const { group, plural } = findKind(kinds, word);
    return resource === undefined || (group === resource.group && plural === resource.plural);
  } catch (error) {
    if (error instanceof CommandError) return false;
    throw error;
  }
}
