/**
 * Processes of this machine that belong to a container: ended by KILL, together with what they started.
 *
 * Promises to signal nothing that is not in the container's control groups. An engine may be in a virtual machine or this
 * program in a container: the same number is then another process here, and that is left alone.
 */
import { readdir, readFile } from 'node:fs/promises';

/** A process that starts others as fast as they are found is not chased for ever. */
const MAX_PROCESSES = 4_096;

export interface ContainerProcess {
  /** The whole id of its container. */
  readonly containerId: string;
  readonly pid: number;
}

/** Whether the process is here and the container's; false too when it has ended. */
export async function isOfContainer({ containerId, pid }: ContainerProcess): Promise<boolean> {
  if (!Number.isInteger(pid) || pid <= 1 || containerId.length < 64) return false;
  const groups = await readOrGone(() => readFile(`/proc/${pid}/cgroup`, 'utf8'));
  return groups?.includes(containerId) === true;
}

/** False when it is not a process of the container here, or this user may not end it. */
export async function killTree(root: ContainerProcess): Promise<boolean> {
  if (!(await isOfContainer(root))) return false;
  // Found before their parents end: afterwards they would be somebody else's children.
  const pids = [root.pid, ...(await descendantsOf(root.pid))];
  let isDone = false;
  for (const pid of pids) {
    if (!(await isOfContainer({ ...root, pid }))) continue;
    const isKilled = kill(pid);
    if (pid === root.pid) isDone = isKilled;
  }
  return isDone;
}

async function descendantsOf(root: number): Promise<number[]> {
  const found: number[] = [];
  for (let next: number | undefined = root, at = 0; next !== undefined; next = found[at++]) {
    found.push(...(await childrenOf(next)));
    if (found.length > MAX_PROCESSES) break;
  }
  return found;
}

/** Of every thread of it: proc(5), "/proc/[pid]/task/[tid]/children". */
async function childrenOf(pid: number): Promise<number[]> {
  const threads = (await readOrGone(() => readdir(`/proc/${pid}/task`))) ?? [];
  const lists = await Promise.all(
    threads.map((thread) => readOrGone(() => readFile(`/proc/${pid}/task/${thread}/children`, 'utf8'))),
  );
  return lists.flatMap((list) => (list ?? '').split(' ').filter((text) => text.trim() !== '')).map(Number);
}

function kill(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL');
    return true;
  } catch (error) {
    const code = codeOf(error);
    // It ended by itself meanwhile; or its user is not ours to judge, which the caller hears.
    if (code === 'ESRCH') return true;
    if (code === 'EPERM') return false;
    throw error;
  }
}

async function readOrGone<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES') return undefined;
    throw error;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error ? Reflect.get(error, 'code') : undefined;
}
