/** `gantry status`: one table of tasks, newest first, in the words of the /tasks API. */
import { STATE } from '../../api/doors/tasks/json.ts';
import { itemOf } from '../../api/doors/tasks/translate.ts';
import { humanDuration } from '../../machinery/duration.ts';
import { tasks } from '../../schemas/kinds.ts';
import type { Task } from '../../schemas/types.gen.ts';
import { CommandError, type Io } from '../io.ts';
import { listAll } from '../listing.ts';
import type { Session } from '../session.ts';
import { formatRows } from '../table.ts';

export interface StatusFlags {
  readonly allNamespaces?: boolean;
  readonly selector?: string;
  readonly output?: string;
}

interface Line {
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly created: string;
  readonly state: string;
  readonly container: string;
  readonly image: string;
}

/** What the engine shows of an id. */
const SHORT_ID = 12;

const STATE_NAMES = new Map(Object.entries(STATE).map(([name, value]) => [value, name]));

/** Rejects with `ApiError` or `CommandError`. */
export async function runStatus(flags: StatusFlags, session: Session, io: Io): Promise<void> {
  if (flags.output !== undefined && flags.output !== 'json') {
    throw new CommandError(`--output: found "${flags.output}", wanted json`);
  }
  const { allNamespaces, selector } = flags;
  const found = await listAll(
    tasks,
    {
      ...(allNamespaces === true ? {} : { namespace: session.namespace }),
      ...(selector === undefined ? {} : { labelSelector: selector }),
    },
    session,
    io,
  );
  const lines = found.map(lineOf);
  lines.sort((a, b) => Date.parse(b.created) - Date.parse(a.created) || compare(a.name, b.name));
  if (flags.output === 'json') return io.stdout.write(`${JSON.stringify(lines, null, 2)}\n`);
  if (lines.length === 0) {
    const place = allNamespaces === true ? '' : ` in ${session.namespace} namespace`;
    return io.stderr.write(`No tasks found${place}.\n`);
  }
  const nowMs = io.clock.now();
  const isWide = allNamespaces === true;
  const rows = lines.map(({ id, name, namespace, created, state, container, image }) => [
    id,
    ...(isWide ? [namespace] : []),
    name,
    `${humanDuration(nowMs - Date.parse(created))} ago`,
    state,
    container === '' ? '-' : container.slice(0, SHORT_ID),
    image,
  ]);
  const header = ['ID', ...(isWide ? ['NAMESPACE'] : []), 'NAME', 'CREATED', 'STATE', 'CONTAINER', 'IMAGE'];
  await io.stdout.write(formatRows([header, ...rows]));
}

function lineOf(task: Task): Line {
  const { ID, Name, State, ContainerID, Image, CreatedAt } = itemOf(task);
  return {
    id: ID,
    name: Name === '' ? task.metadata.name : Name,
    namespace: task.metadata.namespace ?? '',
    created: CreatedAt,
    state: STATE_NAMES.get(State) ?? String(State),
    container: ContainerID,
    image: Image,
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
