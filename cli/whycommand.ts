/** `gantry why`: its arguments and its flags. */
import type { Command } from 'commander';
import type { WhyFlags } from './commands/why.ts';
import type { ConnectionFlags } from './session.ts';
import type { CommandContext } from './workloads.ts';

export function addWhyCommand(
  program: Command,
  { io, inSession, withConnection }: Pick<CommandContext, 'io' | 'inSession' | 'withConnection'>,
): void {
  withConnection(
    program
      .command('why <kind> [names...]')
      .description('tell why an object is as it is, or is gone: KIND/NAME, for example task/hello'),
  )
    .option('-o, --output <form>', 'json or yaml')
    .option('--limit <number>', 'of the timeline only so many of the newest entries; 0 is all', '40')
    .action(async (kind: string, names: string[], flags: ConnectionFlags & WhyFlags) => {
      const { runWhy } = await import('./commands/why.ts');
      await inSession(flags, (session) => runWhy([kind, ...names], flags, session, io));
    });
}
