/**
 * Which paths of a worker an operator's list allows: each entry the path itself and what lies below it. Pure.
 * Compared part by part, as written: what a symbolic link on the worker leads to is not known here.
 */
import { posix } from 'node:path';

export function isAllowedHostPath(path: string, allowed: readonly string[]): boolean {
  // Whoever climbs has no business here, wherever it would lead.
  if (!path.startsWith('/') || path.split('/').includes('..')) return false;
  const parts = partsOf(path);
  return allowed.some((prefix) => partsOf(prefix).every((part, index) => parts[index] === part));
}

function partsOf(path: string): readonly string[] {
  return posix
    .normalize(path)
    .split('/')
    .filter((part) => part !== '');
}
