/**
 * Processes of this machine that belong to a container: ended by KILL, together with what they started.
 *
 * Promises to signal nothing that is not in the container's control groups. An engine may be in a virtual machine or this
 * program in a container: the same number is then another process here, and that is left alone.
 */
import { readdir, readFile } from 'node:fs/promises';

/** A process that starts others as fast as they are found is not chased for ever. */
const MAX_PROCESSES = 4_096;
/** One that hangs in the kernel is not waited for: it starts no others meanwhile. */
const STOP_LOOKS = 50;

export interface ContainerProcess {
  /** The whole id of its container. */
  readonly containerId: string;
  readonly pid: number;
}

type Place = 'in the container' | 'elsewhere' | 'gone';

/** Whether a process is here and the container's. */
export async function isOfContainer(process: ContainerProcess): Promise<boolean> {
  return (await placeOf(process)) === 'in the container';
}

/** `gone`: there is no such process here. `refused`: it is not the container's, or this user may not end it. */
export async function killTree({
  containerId,
  pid: root,
}: ContainerProcess): Promise<'killed' | 'gone' | 'refused'> {
  const place = await placeOf({ containerId, pid: root });
  if (place !== 'in the container') return place === 'gone' ? 'gone' : 'refused';
  const pids = [root];
  // Each is stopped before its children are looked for: it could start one more in between, which would be nobody's child
  // once it has ended.
  for (let at = 0; at < pids.length && pids.length < MAX_PROCESSES; at++) {
    const pid = pids[at] ?? 0;
    if ((await placeOf({ containerId, pid })) !== 'in the container') continue;
    if (!send(pid, 'SIGSTOP')) return 'refused';
    await untilStopped(pid);
    pids.push(...(await childrenOf(pid)));
  }
  let isDone = true;
  for (const pid of pids) {
    if (await isOfContainer({ containerId, pid })) isDone = send(pid, 'SIGKILL') && isDone;
  }
  return isDone ? 'killed' : 'refused';
}

async function placeOf({ containerId, pid }: ContainerProcess): Promise<Place> {
  if (!Number.isInteger(pid) || pid <= 1 || containerId.length < 64) return 'elsewhere';
  const groups = await readOrGone(() => readFile(`/proc/${pid}/cgroup`, 'utf8'));
  if (groups === undefined) return 'gone';
  return groups.includes(containerId) ? 'in the container' : 'elsewhere';
}

/** Of every thread of it: proc(5), "/proc/[pid]/task/[tid]/children". */
async function childrenOf(pid: number): Promise<number[]> {
  const threads = (await readOrGone(() => readdir(`/proc/${pid}/task`))) ?? [];
  const lists = await Promise.all(
    threads.map((thread) => readOrGone(() => readFile(`/proc/${pid}/task/${thread}/children`, 'utf8'))),
  );
  return lists.flatMap((list) => (list ?? '').split(' ').filter((text) => text.trim() !== '')).map(Number);
}

async function untilStopped(pid: number): Promise<void> {
  for (let looks = 0; looks < STOP_LOOKS; looks++) {
    const stat = await readOrGone(() => readFile(`/proc/${pid}/stat`, 'utf8'));
    // The state comes after the name, which may have brackets and spaces of its own: proc(5).
    const state = stat?.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) ?? 'X';
    if ('tTZX'.includes(state)) return;
  }
}

/** False where this user may not. */
function send(pid: number, signal: 'SIGSTOP' | 'SIGKILL'): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    const code = codeOf(error);
    // It ended by itself meanwhile.
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
