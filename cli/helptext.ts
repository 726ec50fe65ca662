/**
 * What `--help` prints, for every command in one layout: that of Cobra, which users of kubectl, docker and the job runner
 * know. Lines are as long as they are; a terminal breaks them.
 */
import type { Command, Option } from 'commander';

/** Names are padded to at least this, so that short lists stand as long ones do. */
const NAME_WIDTH = 11;
const NO_SHORT_FLAG = '    ';

/** @param isBrief without the flags that commands around it take, too: how a command that is called with nothing shows itself */
export function helpText(command: Command, isBrief = false): string {
  const help = command.createHelp();
  const description = help.commandDescription(command);
  return [
    ...(description === '' ? [] : [`${description}\n`]),
    usageText(command, isBrief),
    ...(help.visibleCommands(command).length === 0
      ? []
      : [`Use "${pathOf(command)} [command] --help" for more information about a command.\n`]),
  ].join('\n');
}

/** From `Usage:` on, without the closing line. */
export function usageText(command: Command, isBrief = false): string {
  const help = command.createHelp();
  const commands = help.visibleCommands(command);
  const options = help.visibleOptions(command);
  const own = options.filter((option) => !isPassedOn(option, command));
  const passedOn = isBrief ? [] : options.filter((option) => isPassedOn(option, command));
  const flagRows = (list: readonly Option[]): [string, string][] =>
    list.map((option) => [
      `${option.short === undefined ? NO_SHORT_FLAG : ''}${option.flags}`,
      isHelp(option) ? `help for ${command.name()}` : help.optionDescription(option),
    ]);
  return [
    `Usage:\n  ${usageLine(command)}\n`,
    section(
      'Available Commands',
      commands.map((sub) => [sub.name(), help.subcommandDescription(sub)]),
      { gap: 1, least: NAME_WIDTH },
    ),
    section(
      'Arguments',
      isBrief
        ? []
        : help
            .visibleArguments(command)
            .map((argument) => [argument.name(), help.argumentDescription(argument)]),
    ),
    section('Flags', flagRows(own)),
    section('Global Flags', flagRows(passedOn)),
  ]
    .filter((part) => part !== '')
    .join('\n');
}

/** `gantry jobs start` */
export function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

function usageLine(command: Command): string {
  const said = command.usage();
  // What Commander makes up begins so; else it is the command's own.
  if (!said.startsWith('[options]')) return `${pathOf(command)} ${said}`;
  if (command.commands.length > 0) return `${pathOf(command)} [command]`;
  const words = command.registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  return [pathOf(command), ...words, '[flags]'].join(' ');
}

/** Whether it may be written after this command as well as after one above or below it. */
function isPassedOn(option: Option, command: Command): boolean {
  if (isHelp(option)) return false;
  if (command.commands.length > 0) return true;
  for (let above = command.parent; above !== null; above = above.parent) {
    if (above.options.some(({ long }) => long === option.long)) return true;
  }
  return false;
}

function isHelp(option: Option): boolean {
  return option.long === '--help';
}

function section(
  title: string,
  rows: readonly (readonly [string, string])[],
  { gap, least }: { readonly gap: number; readonly least: number } = { gap: 3, least: 0 },
): string {
  if (rows.length === 0) return '';
  const width = Math.max(least, ...rows.map(([name]) => name.length)) + gap;
  return `${title}:\n${rows.map(([name, text]) => `  ${name.padEnd(width)}${text}`.trimEnd()).join('\n')}\n`;
}
