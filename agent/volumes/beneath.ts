/**
 * Finds a path inside a directory that containers may write to, and never anything outside of it.
 *
 * Each part is opened from the directory before it without following links, so that nothing a container changes in the
 * meantime leads elsewhere; links are followed by hand, and only as long as they stay inside. What is found is held open:
 * whoever uses it by its handle uses what was checked. This is what openat2(2) calls RESOLVE_BENEATH, done with
 * /proc/self/fd because Node has no openat. Linux only.
 */
import { chmod, chown, type FileHandle, mkdir, open, readlink } from 'node:fs/promises';

/** Of open(2), the same figures on every architecture Node has: neither is in `fs.constants` everywhere. */
const O_PATH = 0o10000000;
const O_NOFOLLOW = 0o400000;
const O_DIRECTORY = 0o200000;
const O_CREAT_EXCL = 0o300;

/** As many as the kernel follows. */
const MAX_LINKS = 40;

/** The path leads out of its directory, or through what is not a directory. The message ends a sentence: `it leads …`. */
export class OutsideError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'OutsideError';
  }
}

export interface BeneathOptions {
  /** What is made where nothing is: nothing (ENOENT), directories all the way, or a file as the last part. */
  readonly make: 'nothing' | 'directory' | 'file';
  /** Who owns what is made; its permissions are those of the directory it is made in. */
  readonly owner: number;
  /** The path of `root`, where absolute links mean paths of this machine: such as begin with it are followed from `root`. */
  readonly absolute?: string;
}

/** The name by which the kernel knows an open file, whatever has become of its path. */
export function pathOfHandle(handle: FileHandle): string {
  return `/proc/self/fd/${handle.fd}`;
}

/**
 * A handle of what is at `path` inside `root`; good for its kind (`stat`), for a bind mount and as a directory to start from.
 * The caller closes it. Rejects with `OutsideError`, or with Node's file errors.
 */
export async function openBeneath(root: string, path: string, options: BeneathOptions): Promise<FileHandle> {
  const held: FileHandle[] = [await open(root, O_PATH)];
  try {
    const parts = path.split('/');
    let links = 0;
    for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
      if (part === '' || part === '.') continue;
      const here = held.at(-1);
      if (here === undefined) break;
      if (part === '..') {
        if (held.length === 1) throw new OutsideError('it leads out of the volume');
        await held.pop()?.close();
        continue;
      }
      const step = `${pathOfHandle(here)}/${part}`;
      const isLast = parts.every((later) => later === '' || later === '.');
      const next = await openStep(step, here, isLast, options);
      held.push(next);
      if (!(await next.stat()).isSymbolicLink()) continue;
      await held.pop()?.close();
      if (++links > MAX_LINKS) throw new OutsideError('it leads through too many links');
      const target = await readlink(step);
      if (target.startsWith('/')) {
        parts.unshift(...insideOf(options.absolute, target).split('/'));
        for (const left of held.splice(1)) await left.close();
      } else parts.unshift(...target.split('/'));
    }
    const found = held.pop();
    if (found === undefined) throw new OutsideError('it leads nowhere');
    return found;
  } finally {
    await Promise.all(held.map((handle) => handle.close()));
  }
}

function insideOf(root: string | undefined, target: string): string {
  if (root !== undefined && (target === root || target.startsWith(root.endsWith('/') ? root : `${root}/`))) {
    return target.slice(root.length);
  }
  throw new OutsideError(`it leads through a link to ${target}, which is outside of the volume`);
}

async function openStep(
  step: string,
  parent: FileHandle,
  isLast: boolean,
  { make, owner }: BeneathOptions,
): Promise<FileHandle> {
  try {
    return await open(step, O_PATH | O_NOFOLLOW);
  } catch (error) {
    if (!hasCode(error, 'ENOENT') || make === 'nothing' || (make === 'file' && !isLast)) throw error;
  }
  const { mode } = await parent.stat();
  const permissions = make === 'file' ? mode & 0o666 : mode & 0o7777;
  const opened = await makeStep(step, make);
  // By the handle: what lies at the path may be something else by now.
  await chmod(pathOfHandle(opened), permissions);
  if (owner !== 0) await chown(pathOfHandle(opened), owner, owner);
  return opened;
}

async function makeStep(step: string, make: 'directory' | 'file'): Promise<FileHandle> {
  try {
    if (make === 'directory') await mkdir(step, 0o700);
    else await (await open(step, O_CREAT_EXCL | O_NOFOLLOW, 0o600)).close();
  } catch (error) {
    // Somebody was faster: what is there now is looked at like anything else.
    if (!hasCode(error, 'EEXIST')) throw error;
  }
  return open(step, O_PATH | O_NOFOLLOW | (make === 'directory' ? O_DIRECTORY : 0));
}

export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
