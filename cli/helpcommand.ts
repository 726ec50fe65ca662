/** What Gantry's command is, in a paragraph, and `gantry help`. */
import type { Command } from 'commander';
import { helpText, pathOf } from './helptext.ts';
import { CommandError, type Io } from './io.ts';

export const PRESENTATION = `Gantry is a Kubernetes-style control plane for plain Docker machines: you declare
what is to run, and it keeps it so.

This is its command, which starts the server, applies manifests and tells how
things are, and allows you to start jobs, stop jobs, get the status of jobs, and
tail the output of any job.`;

/** `gantry help jobs start` is `gantry jobs start --help`. */
export function addHelp(program: Command, io: Io): void {
  program
    .command('help [commands...]')
    .description('Help about any command')
    .action(async (names: string[]) => {
      let command = program;
      for (const name of names) {
        const next = command.commands.find((one) => one.name() === name);
        if (next === undefined) throw new CommandError(`unknown command "${name}" for "${pathOf(command)}"`);
        command = next;
      }
      await io.stdout.write(helpText(command));
    });
}
