/** `gantry trace`: its argument and its flags. */
import type { Command } from 'commander';
import type { TraceFlags } from './commands/trace.ts';
import type { ConnectionFlags } from './session.ts';
import type { CommandContext } from './workloads.ts';

export function addTraceCommand(
  program: Command,
  { io, inSession, withConnection }: Pick<CommandContext, 'io' | 'inSession' | 'withConnection'>,
): void {
  withConnection(
    program
      .command('trace <id>')
      .description(
        'tell everything that a request led to: a trace_id, a task_id, or the name of a Run, Job or Task',
      ),
  )
    .option('-o, --output <form>', 'json')
    .option('-f, --follow', 'go on until all Runs and Tasks of it have ended')
    .option('--logs', 'the last lines of each Task, too')
    .action(async (id: string, flags: ConnectionFlags & TraceFlags) => {
      const { runTrace } = await import('./commands/trace.ts');
      await inSession(flags, (session) => runTrace(id, flags, session, io));
    });
}
