/** The bodies of the jobs API: JSON whatever their Content-Type says, or nothing at all. */
import { ApiError } from '../../../machinery/errors.ts';
import { isRecord } from '../../../machinery/json.ts';
import type { AppContext } from '../../server/context.ts';
import { duplicatesIn, parseJson, readBody } from '../../server/middleware/body.ts';

/** No body is an empty object. Throws `BadRequest` for what is none, and for fields that are not known. */
export async function readFields(
  ctx: AppContext,
  known: readonly string[],
): Promise<Readonly<Record<string, unknown>>> {
  const bytes = await readBody(ctx.req);
  if (bytes.length === 0) return {};
  const body = parseJson(bytes);
  if (!isRecord(body)) throw wrong('the body', body, 'an object');
  const [twice] = duplicatesIn(body);
  if (twice !== undefined) throw new ApiError('BadRequest', `field "${twice}" is given twice`);
  const unknown = Object.keys(body).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const wanted = known.length === 0 ? 'no fields' : `only ${known.join(' and ')}`;
    throw new ApiError('BadRequest', `unknown field "${unknown}" in the body, wanted ${wanted}`);
  }
  return body;
}

/** Null means absent. Throws `BadRequest`. */
export function parametersIn(value: unknown): Record<string, unknown> | undefined {
  if (value === undefined || value === null) return undefined;
  if (isRecord(value)) return value;
  throw wrong('parameters', value, 'an object of names and values');
}

/** Null means absent. Throws `BadRequest`. */
export function textIn(field: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && value !== '') return value;
  throw wrong(field, value, 'a text that is not empty');
}

/** A whole number in the query. Throws `BadRequest`. */
export function wholeIn(
  ctx: AppContext,
  name: string,
  { least, most }: { readonly least: number; readonly most: number },
): number | undefined {
  const [text = ''] = [ctx.query[name] ?? ''].flat();
  if (text === '') return undefined;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new ApiError(
    'BadRequest',
    `query parameter ${name}: found "${text}", wanted a whole number from ${least} to ${most}`,
  );
}

function wrong(field: string, found: unknown, wanted: string): ApiError {
  return new ApiError('BadRequest', `${field}: found ${JSON.stringify(found)}, wanted ${wanted}`);
}
