/**
 * Documents about the server (discovery, OpenAPI): bytes with an ETag, made once for each list of served kinds, so that
 * answering is comparing and sending. The list's identity changes whenever a kind comes, changes or goes.
 */
import { createHash } from 'node:crypto';
import type { ServedKind } from '../../registry/types.ts';
import type { AppContext } from '../context.ts';

export interface DocumentBytes {
  readonly contentType: string;
  readonly bytes: Buffer;
  /** Of the bytes: upper-case hexadecimal SHA-256. */
  readonly hash: string;
}

export function newDocument(contentType: string, content: unknown): DocumentBytes {
  const bytes = Buffer.isBuffer(content) ? content : Buffer.from(JSON.stringify(content));
  return { contentType, bytes, hash: createHash('sha256').update(bytes).digest('hex').toUpperCase() };
}

const kept = new WeakMap<readonly ServedKind[], Map<string, unknown>>();

/** What was made under that name for this list of kinds, or what `make` gives. */
export function keptWith<T>(kinds: readonly ServedKind[], name: string, make: () => T): T {
  let made = kept.get(kinds);
  if (made === undefined) kept.set(kinds, (made = new Map()));
  if (!made.has(name)) made.set(name, make());
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- one name, one maker
  return made.get(name) as T;
}

/** Answers 304 to a client that has it already. Other headers than these are the caller's. */
export function answerDocument(ctx: AppContext, { contentType, bytes, hash }: DocumentBytes): void {
  const tag = `"${hash}"`;
  ctx.set('ETag', tag);
  const known = ctx.get('If-None-Match');
  if (known !== '' && known.split(',').some((one) => one.trim().replace(/^W\//, '') === tag)) {
    ctx.status = 304;
    return;
  }
  ctx.set('Content-Type', contentType);
  ctx.body = bytes;
}
