/**
 * Mounts of this machine: file systems in memory, and bind mounts of what was found and checked. By mount(8) and
 * umount(8) of util-linux, since Node has no mount(2); each is bounded in time. Needs root.
 *
 * A mount made here is seen by the engine as long as both live in one mount namespace, or the engine's is a peer or a slave
 * of this one (mount_namespaces(7)): a service manager that gives Gantry a namespace of its own (PrivateMounts,
 * ProtectSystem, PrivateTmp) breaks that.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type FileHandle, readFile } from 'node:fs/promises';

export interface MountPoint {
  readonly path: string;
  /** Of the file system: `tmpfs`. */
  readonly type: string;
  /** Of the file system, such as `rw,size=1024k`. */
  readonly options: string;
}

export interface TmpfsOptions {
  /** Absent: half of the machine's memory, the kernel's default. */
  readonly sizeBytes?: number;
  readonly mode: number;
  readonly owner: number;
}

const LIMIT_MS = 10_000;
/** Of what a command complains. */
const COMPLAINT_CHARACTERS = 500;

/** The mounts at and below a directory, whose path must be canonical; in the order in which they were made. */
export async function mountsAt(directory: string): Promise<readonly MountPoint[]> {
  return mountPoints(await readFile('/proc/self/mountinfo', 'utf8')).filter(
    ({ path }) => path === directory || path.startsWith(`${directory}/`),
  );
}

/** Pure. Source of the format: proc(5), "/proc/pid/mountinfo". */
export function mountPoints(mountinfo: string): readonly MountPoint[] {
  const found: MountPoint[] = [];
  for (const line of mountinfo.split('\n')) {
    const [mount = '', fileSystem = ''] = line.split(' - ');
    const path = mount.split(' ')[4];
    const [type, , options] = fileSystem.split(' ');
    if (path === undefined || type === undefined || options === undefined) continue;
    found.push({ path: unescaped(path), type, options });
  }
  return found;
}

/** Blanks, tabs, newlines and backslashes stand there as `\040` and so on. */
function unescaped(path: string): string {
  return path.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

/** Of a file system in memory: its size in bytes where it was given one. */
export function tmpfsSize({ options }: MountPoint): number | undefined {
  const [, figure, unit] = /(?:^|,)size=(\d+)([kmg]?)(?:,|$)/.exec(options) ?? [];
  if (figure === undefined) return undefined;
  const scale = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }[unit ?? ''] ?? 1;
  return Number(figure) * scale;
}

/** Linux before 6.4 cannot keep a file system in memory from the swap; asked once. */
let canForbidSwap = true;

/** Its pages never reach a swap device, where the kernel can promise that. */
export async function mountTmpfs(
  path: string,
  { sizeBytes, mode, owner }: TmpfsOptions,
  signal: AbortSignal,
): Promise<void> {
  const options = [
    'nosuid,nodev',
    `mode=${mode.toString(8)},uid=${owner},gid=${owner}`,
    ...(sizeBytes === undefined ? [] : [`size=${sizeBytes}`]),
  ].join(',');
  const mount = (all: string): Promise<void> =>
    run('mount', ['-t', 'tmpfs', '-o', all, 'gantry', path], signal);
  if (!canForbidSwap) return mount(options);
  try {
    await mount(`${options},noswap`);
  } catch {
    // Whatever was wrong, if it was not that option it is wrong again, and said.
    await mount(options);
    canForbidSwap = false;
  }
}

export function resizeTmpfs(path: string, sizeBytes: number, signal: AbortSignal): Promise<void> {
  return run('mount', ['-o', `remount,size=${sizeBytes}`, path], signal);
}

/**
 * Shows what the handle holds at `target` too. With `recursive` also what is mounted inside. Nothing that is mounted or
 * unmounted at one of the two afterwards is told to the other.
 */
export function bindMount(
  handle: FileHandle,
  target: string,
  recursive: boolean,
  signal: AbortSignal,
): Promise<void> {
  // Without --no-canonicalize the handle's path would be read, and followed once more.
  const args = recursive ? ['--rbind', '--make-rprivate'] : ['--bind', '--make-private'];
  return run('mount', ['--no-canonicalize', ...args, '/proc/self/fd/3', target], signal, handle.fd);
}

/** At once, whoever still uses them: containers have mounts of their own. */
export async function unmount(paths: readonly string[], signal: AbortSignal): Promise<void> {
  if (paths.length > 0) await run('umount', ['--no-canonicalize', '--lazy', ...paths], signal);
}

/** Refused while anything is open in it. */
export function unmountIdle(path: string, signal: AbortSignal): Promise<void> {
  return run('umount', ['--no-canonicalize', path], signal);
}

async function run(
  command: string,
  args: readonly string[],
  signal: AbortSignal,
  descriptor?: number,
): Promise<void> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'ignore', 'pipe', ...(descriptor === undefined ? [] : [descriptor])],
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
    signal,
    timeout: LIMIT_MS,
    killSignal: 'SIGKILL',
  });
  let complaint = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    if (complaint.length < COMPLAINT_CHARACTERS) complaint += text;
  });
  const [code]: readonly unknown[] = await once(child, 'close');
  if (code === 0) return;
  const said = complaint.trim().split('\n')[0]?.slice(0, COMPLAINT_CHARACTERS) ?? '';
  throw new Error(
    said === '' ? `${command} ended with ${typeof code === 'number' ? code : 'a signal'}` : said,
  );
}
