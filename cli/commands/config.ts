/** `gantry config`: every setting, its value and where it came from. */
import { resolveConfig } from '../config.ts';
import { CommandError, type Io } from '../io.ts';
import { documentPrinter } from '../printers.ts';
import { formatRows } from '../table.ts';

export interface ConfigFlags {
  readonly output?: string;
  /** By setting name. */
  readonly settings: Readonly<Record<string, string | boolean | undefined>>;
  readonly file?: string;
}

/** Rejects with `SettingsError` or `CommandError`. */
export async function runConfig(flags: ConfigFlags, io: Io): Promise<void> {
  const { env, directory } = io;
  const file = flags.file === undefined ? {} : { file: flags.file };
  const { shown } = await resolveConfig({ flags: flags.settings, env, directory, ...file });
  const { output } = flags;
  if (output === 'json' || output === 'yaml') {
    const print = await documentPrinter(output);
    return io.stdout.write(print(shown));
  }
  if (output !== undefined) throw new CommandError(`unknown output "${output}": wanted json or yaml`);
  const rows = shown.map(({ name, value, source, where }) => [
    name,
    value === '' ? '-' : value,
    where === '' || where === source ? source : `${source} (${where})`,
  ]);
  await io.stdout.write(formatRows([['SETTING', 'VALUE', 'FROM'], ...rows]));
}
