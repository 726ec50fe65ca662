/**
 * Events are recorded under the stored object; whoever knows only its face asks for them by the face's kind and uid
 * (`kubectl describe pod`). This turns such a field selector into the one that finds them.
 */
import { apiVersionOf } from '../../machinery/meta.ts';
import type { View } from './view.ts';

export interface FaceIdentity {
  readonly faceUid: string | undefined;
  readonly storedUid: string | undefined;
}

interface Term {
  readonly field: string;
  readonly operator: string;
  readonly value: string;
}

const ABOUT = 'involvedObject.';

/**
 * The selector to use; the very same text where it does not speak of a face.
 * @param find looks an object up by name, undefined when there is none or it may not be seen.
 */
export async function storedEventSelector(
  selector: string,
  namespace: string | undefined,
  views: readonly View[],
  find: (view: View, key: { namespace?: string; name: string }) => Promise<FaceIdentity | undefined>,
): Promise<string> {
  const terms = selector.split(',').map(parseTerm);
  const pinned = (field: string): string | undefined =>
    terms.find((term) => term.field === ABOUT + field && term.operator !== '!=')?.value;
  const kind = pinned('kind');
  const uid = pinned('uid');
  const name = pinned('name');
  if (kind === undefined && uid === undefined) return selector;

  for (const view of views) {
    if (kind !== undefined && kind !== view.kind.kind) continue;
    const replaced = new Map([
      [`${ABOUT}kind`, view.source.kind],
      [`${ABOUT}apiVersion`, apiVersionOf(view.source)],
    ]);
    if (uid !== undefined) {
      if (name === undefined) continue;
      const room = pinned('namespace') ?? namespace;
      const found = await find(view, { name, ...(room === undefined ? {} : { namespace: room }) });
      if (found?.faceUid !== uid || found.storedUid === undefined) continue;
      replaced.set(`${ABOUT}uid`, found.storedUid);
    }
    return terms
      .map(({ field, operator, value }) => `${field}${operator}${replaced.get(field) ?? value}`)
      .join(',');
  }
  return selector;
}

/** What cannot be read stays as it is, for the registry to refuse. */
function parseTerm(text: string): Term {
  const match = /^\s*([^=!\s]+)\s*(==?|!=)(.*)$/.exec(text);
  return match === null
    ? { field: text, operator: '', value: '' }
    : { field: match[1] ?? '', operator: match[2] ?? '', value: (match[3] ?? '').trim() };
}
