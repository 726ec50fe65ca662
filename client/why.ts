/** Asks a server why an object is as it is. */
import { ApiError } from '../machinery/errors.ts';
import { isRecord } from '../machinery/json.ts';
import type { KubeObject, ObjectKey, Resource } from '../machinery/meta.ts';
import type { WhyAnswer } from '../machinery/why.ts';
import type { HttpClient } from './http.ts';
import { resourcePath } from './paths.ts';

/** Also of an object that is gone. Rejects with `ApiError`. */
export async function readWhy(
  client: HttpClient,
  resource: Resource<KubeObject>,
  key: ObjectKey,
  signal: AbortSignal,
): Promise<WhyAnswer> {
  const path = resourcePath(resource, { ...key, subresource: 'why' });
  const answer = await client.json('GET', path, { signal });
  if (isWhyAnswer(answer)) return answer;
  throw new ApiError(
    'InternalError',
    `GET ${path}: found something else, wanted kind Why: is it this release of Gantry?`,
  );
}

/** Its kind says what it is; what is in it then is the server's word. */
function isWhyAnswer(value: unknown): value is WhyAnswer {
  return (
    isRecord(value) &&
    value['kind'] === 'Why' &&
    typeof value['summary'] === 'string' &&
    ['causes', 'next', 'needs', 'placement', 'timeline', 'unknown'].every((field) =>
      Array.isArray(value[field]),
    )
  );
}
