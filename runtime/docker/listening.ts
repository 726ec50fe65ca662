/** What listens inside a network namespace of this machine, as the system's own tables say: no process is needed to look. */
import { readFile } from 'node:fs/promises';

/** A line of such a table: `0: 0100007F:1F90 00000000:0000 0A …`, where 0A is a listening socket. */
const LISTENING = /^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F:]+ 0A /;

/** Whether something in the process's network namespace listens on the port; true where that cannot be seen. */
export async function mayListen(pid: number, port: number): Promise<boolean> {
  try {
    const table = await readFile(`/proc/${pid}/net/tcp`, 'utf8');
    // There is none on a machine without IPv6.
    const table6 = await readFile(`/proc/${pid}/net/tcp6`, 'utf8').catch(() => '');
    return `${table}${table6}`
      .split('\n')
      .some((line) => Number.parseInt(LISTENING.exec(line)?.[1] ?? '', 16) === port);
  } catch {
    // Not this process's to read: who connects finds out.
    return true;
  }
}
