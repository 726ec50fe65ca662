/** The commands of the past, their arguments and their flags: what `program.ts` is for the others. */
import type { Command } from 'commander';
import type { DiffFlags } from './commands/diff.ts';
import type { HistoryFlags } from './commands/history.ts';
import type { UndoFlags } from './commands/undo.ts';
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

  add('history <kind> [name]', 'list the versions of an object: when, by whom and which fields, newest first')
    .option('-o, --output <form>', 'wide, or json or yaml with the objects as they were')
    .option('--status', 'also versions in which only the status changed')
    .option('--limit <number>', 'at most so many', '50')
    .option('--before <revision>', 'only versions older than this')
    .option('--no-headers', 'leave the line of column names out')
    .action(async (kind: string, name: string | undefined, flags: ConnectionFlags & HistoryFlags) => {
      const { runHistory } = await import('./commands/history.ts');
      const words = name === undefined ? [kind] : [kind, name];
      await inSession(flags, (session) => runHistory(words, flags, session, io));
    });

  add('undo <kind> [name]', 'have an object again as it was, with what it owned if it was deleted')
    .option('--to <revision>', 'as it was then, instead of before its last change')
    .option('-y, --yes', 'go on without asking')
    .option('--dry-run', 'only show what would be written, and whether the server would take it')
    .action(async (kind: string, name: string | undefined, flags: ConnectionFlags & UndoFlags) => {
      const { runUndo } = await import('./commands/undo.ts');
      const words = name === undefined ? [kind] : [kind, name];
      await inSession(flags, (session) => runUndo(words, flags, session, io));
    });
}
