/** All objects of a kind, page by page. */
import type { ListOptions } from '../machinery/client.ts';
import type { KubeObject, Resource } from '../machinery/meta.ts';
import type { Io } from './io.ts';
import type { Session } from './session.ts';

const PAGE = 500;

/** @param namespace absent: everywhere. Rejects with `ApiError`. */
export async function listAll<T extends KubeObject>(
  resource: Resource<T>,
  options: Pick<ListOptions, 'namespace' | 'labelSelector'>,
  session: Session,
  io: Pick<Io, 'signal'>,
): Promise<T[]> {
  const found: T[] = [];
  let next: string | undefined;
  do {
    const page = await session.client.list(resource, {
      ...options,
      limit: PAGE,
      signal: io.signal,
      ...(next === undefined ? {} : { continue: next }),
    });
    found.push(...page.items);
    next = page.metadata.continue === '' ? undefined : page.metadata.continue;
  } while (next !== undefined);
  return found;
}
