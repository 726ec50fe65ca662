/** The commands of the job runner, their arguments and their flags: what `program.ts` is for the others. */
import type { Command } from 'commander';
import { helpText, pathOf } from './helptext.ts';
import { CommandError, type Io } from './io.ts';

export interface JobCommandContext {
  readonly io: Io;
  /** Adds the flags that say which server. */
  readonly withConnection: (command: Command) => Command;
}

const PRESENTATION = `This sub-command provides the ability to manage jobs, including
starting, stopping, getting the status, and viewing the output.`;

export function addJobCommands(program: Command, { io }: JobCommandContext): void {
  const jobs = addGroup(program, 'jobs', 'Start, stop, and follow jobs', io).description(PRESENTATION);
  addGroup(jobs, 'start', 'Start a job in the server', io);
}

/** A command that has only commands of its own: alone it shows them. */
function addGroup(above: Command, name: string, summary: string, io: Io): Command {
  const group = above.command(name).summary(summary).description(summary).allowExcessArguments();
  return group.action(async () => {
    const [unknown] = group.args;
    if (unknown !== undefined) {
      throw new CommandError(
        `unknown command "${unknown}" for "${pathOf(group)}": "${pathOf(group)} --help" lists those there are`,
      );
    }
    await io.stdout.write(helpText(group, true));
  });
}
