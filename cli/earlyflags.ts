/** Flags that are written before the command, or between a command and one of its own: they count as if they came last. */
import type { Command } from 'commander';

/** Of one flag given more than once, the one nearest to the command's end counts. A command that has no such flag says so. */
export function handDownFlags(program: Command): void {
  program.hook('preAction', (_program, command) => {
    for (let above = command.parent; above !== null; above = above.parent) {
      for (const option of above.options) {
        const name = option.attributeName();
        if (above.getOptionValueSource(name) !== 'cli') continue;
        if (!command.options.some((own) => own.attributeName() === name)) {
          command.error(`error: ${command.name()} takes no ${option.long ?? option.flags}`);
        }
        if (command.getOptionValueSource(name) === 'cli') continue;
        command.setOptionValueWithSource(name, above.getOptionValue(name), 'cli');
      }
    }
  });
}
