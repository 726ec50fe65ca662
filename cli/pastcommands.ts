/** The commands of the past, their arguments and their flags: what `program.ts` is for the others. */
import type { Command } from 'commander';
import type { DiffFlags } from './commands/diff.ts';
import type { ConnectionFlags } from './session.ts';
import type { CommandContext } from './workloads.ts';

export interface PastCommandContext extends CommandContext {
  /** Adds the flags that say which moment. */
  readonly withMoment: (command: Command) => Command;
}

export function addPastCommands(program: Command, context: PastCommandContext): void {
  const { io, inSession, withConnection, withMoment, collect } = context;
  const add = (usage: string, description: string): Command =>
    withConnection(program.command(usage).description(description));

  withMoment(
    add('diff [kind] [names...]', 'compare an object with what it was, or manifests with what is (-f)'),
  )
    .option('--to <moment>', 'instead of with the present: a time, so long ago, or a revision')
    .option(
      '-f, --filename <file>',
      'what applying a file, a folder or - (standard input) would change; may be given again',
      collect,
    )
    .option('-R, --recursive', 'also folders within folders')
    .option('--status', 'also what was seen, not only what is declared')
    .action(async (kind: string | undefined, names: string[], flags: ConnectionFlags & DiffFlags) => {
      const { runDiff } = await import('./commands/diff.ts');
      const words = kind === undefined ? names : [kind, ...names];
      await inSession(flags, (session) => runDiff(words, flags, session, io));
    });
}
