/** `gantry node`: the workers, and how much of each is asked for, as the manager's `GET /nodes` has it. */
import { isRecord } from '../../machinery/json.ts';
import { CommandError, type Io } from '../io.ts';
import { documentPrinter } from '../printers.ts';
import type { Session } from '../session.ts';
import { formatRows } from '../table.ts';

export interface NodeFlags {
  readonly output?: string;
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
const HEADER = ['NAME', 'MEMORY', 'DISK', 'ROLE', 'TASKS'];

/** Rejects with `ApiError` or `CommandError`. */
export async function runNode(flags: NodeFlags, session: Session, io: Io): Promise<void> {
  const { output } = flags;
  if (output !== undefined && output !== 'json' && output !== 'yaml') {
    throw new CommandError(`--output: found "${output}", wanted json or yaml`);
  }
  const answer = await session.client.json('GET', '/nodes', { signal: io.signal });
  if (!Array.isArray(answer) || !answer.every(isRecord)) {
    throw new CommandError('the server does not answer GET /nodes with a list: is it Gantry?');
  }
  if (output !== undefined) return io.stdout.write((await documentPrinter(output))(answer));
  if (answer.length === 0) return io.stderr.write('No workers found: start one with "gantry up".\n');
  const rows = answer.map((node) => [
    textOf(node['Name']),
    share(node['MemoryAllocated'], node['Memory']),
    share(node['DiskAllocated'], node['Disk']),
    textOf(node['Role']),
    textOf(node['TaskCount']),
  ]);
  await io.stdout.write(formatRows([HEADER, ...rows]));
}

function textOf(value: unknown): string {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '-';
}

/** `512 MiB/8 GiB` without the spaces: a cell is one word. Of what nobody told, `-`. */
function share(used: unknown, total: unknown): string {
  return `${readable(used)}/${total === 0 ? '-' : readable(total)}`;
}

function readable(bytes: unknown): string {
  if (typeof bytes !== 'number') return '-';
  let figure = bytes;
  let unit = 0;
  while (figure >= 1024 && unit < UNITS.length - 1) {
    figure /= 1024;
    unit++;
  }
  return `${figure >= 10 || Number.isInteger(figure) ? Math.round(figure) : figure.toFixed(1)}${UNITS[unit]}`;
}
