/** The short commands of the /tasks API's users: what runs, where, and an end to it. */
import type { Command } from 'commander';
import type { NodeFlags } from './commands/node.ts';
import type { StatusFlags } from './commands/status.ts';
import type { ConnectionFlags } from './session.ts';
import type { CommandContext } from './workloads.ts';

export function addWorkCommands(program: Command, { io, inSession, withConnection }: CommandContext): void {
  const add = (usage: string, description: string): Command =>
    withConnection(program.command(usage).description(description));

  add('stop <ids...>', 'end a Task or a Run, by its name or by any id it is known by').action(
    async (ids: string[], flags: ConnectionFlags) => {
      const { runStop } = await import('./commands/stop.ts');
      await inSession(flags, (session) => runStop(ids, session, io));
    },
  );
  add('status', 'list tasks, the newest first')
    .option('-A, --all-namespaces', 'in every namespace')
    .option('-l, --selector <selector>', 'only those whose labels are so')
    .option('-o, --output <form>', 'json')
    .action(async (flags: ConnectionFlags & StatusFlags) => {
      const { runStatus } = await import('./commands/status.ts');
      await inSession(flags, (session) => runStatus(flags, session, io));
    });
  add('node', 'list workers: what tasks ask for of their memory and disk, and how many tasks they have')
    .option('-o, --output <form>', 'json or yaml')
    .action(async (flags: ConnectionFlags & NodeFlags) => {
      const { runNode } = await import('./commands/node.ts');
      await inSession(flags, (session) => runNode(flags, session, io));
    });
}
