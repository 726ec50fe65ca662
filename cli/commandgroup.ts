/** Commands that have only commands of their own: alone they show them. */
import type { Command } from 'commander';
import { helpText, pathOf } from './helptext.ts';
import { CommandError, type Io } from './io.ts';

export function asGroup(group: Command, description: string, io: Io): Command {
  group.summary(description).description(description).allowExcessArguments();
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
