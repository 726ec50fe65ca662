/** `gantry completion bash|zsh|fish`, and the hidden command that their scripts ask at every press of the key. */
import type { Command } from 'commander';
import { asGroup } from './commandgroup.ts';
import type { Io } from './io.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;

/** What the scripts call; Cobra's name for it. */
const ASK = '__complete';

/**
 * Names and values of parameters are other people's words, and what is offered ends up on a command line as it is: what a
 * shell reads as more than a word is not offered.
 */
const PLAIN = /^[\p{L}\p{N}@%+=:,./_^-]+$/u;

export function addCompletion(program: Command, io: Io): void {
  const completion = asGroup(
    program.command('completion'),
    'Generate the autocompletion script for the specified shell',
    io,
  );
  for (const shell of SHELLS) {
    completion
      .command(shell)
      .description(`Generate the autocompletion script for ${shell}`)
      .action(async () => {
        const { completionScript } = await import('./completionscripts.ts');
        await io.stdout.write(completionScript(shell));
      });
  }
  program
    .command(`${ASK} [words...]`, { hidden: true })
    .passThroughOptions()
    .allowUnknownOption()
    .helpOption(false)
    .action(async (words: string[]) => {
      const [{ complete }, { askedNames }] = await Promise.all([
        import('./completion.ts'),
        import('./completionnames.ts'),
      ]);
      const { candidates, directive } = await complete(program, words, askedNames(io));
      const lines = candidates
        .filter(({ value }) => PLAIN.test(value))
        .map(({ value, description }) =>
          description === undefined || description === '' ? value : `${value}\t${firstLine(description)}`,
        );
      await io.stdout.write(`${[...lines, `:${directive}`].join('\n')}\n`);
    });
}

/** Also what somebody else has written: a terminal would obey its control characters. */
function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').replaceAll(/\p{Cc}/gu, ' ');
}
