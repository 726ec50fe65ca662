/**
 * Under which name a write is remembered when its sender gives none: the program in front of the User-Agent, as in
 * Kubernetes; in process, which loop it was.
 */
import type { RequestContext } from '../types.ts';
import { MAX_MANAGER_LENGTH } from './entries.ts';

const CONTROLLER_PREFIX = /^system:(?:controller:)?/;

export function defaultManager({ userAgent, identity }: RequestContext): string {
  const program = userAgent?.split('/', 1)[0] ?? '';
  const name = program === '' ? identity.name.replace(CONTROLLER_PREFIX, '') : program;
  const printable = name.replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, '').slice(0, MAX_MANAGER_LENGTH);
  return printable === '' ? 'unknown' : printable;
}
