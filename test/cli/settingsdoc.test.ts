/** docs/settings.md lists every setting as the program has it: nothing is missing, and nothing is told that is not so. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { SettingRow } from '../../cli/settingrow.ts';
import { denialOf, flagOf, SETTINGS, variableOf } from '../../cli/settings.ts';

/** Stands for the data directory. */
const HOME = '/DIR';
/** Defaults that depend on the machine, in words. */
const OF_THE_MACHINE: Readonly<Record<string, string>> = {
  home: '`./.gantry`',
  workerName: 'the one kept there, else from the host name',
};

function lineOf<T>(row: SettingRow<T>): string {
  const flag =
    row.placeholder === undefined
      ? `\`${flagOf(row.name)}\`, \`${denialOf(row.name)}\``
      : `\`${flagOf(row.name)} ${row.placeholder}\``;
  return `| ${flag} | \`${variableOf(row.name)}\` | ${defaultOf(row)} | ${row.description.replaceAll(/[|<]/g, '\\$&')} |`;
}

function defaultOf<T>(row: SettingRow<T>): string {
  const told = OF_THE_MACHINE[row.name];
  if (told !== undefined) return told;
  const value = row.fallback({ home: HOME, keptWorkerName: undefined, leasePreset: 'default' });
  const text = value === undefined ? '' : (row.show?.(value) ?? String(value));
  return text === '' ? '' : `\`${text.replaceAll(HOME, 'DIR')}\``;
}

describe('docs/settings.md', () => {
  const text = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'settings.md'), 'utf8');
  const [settings = ''] = text.split('\n## ');
  const told = settings.split('\n').filter((line) => line.startsWith('| `--'));

  it('D0.8 lists every setting with its flag, variable, default and meaning, in the order of gantry config', () => {
    // SETTINGS is a table of rows of different types: what is shown of each is text.
    const wanted = Object.keys(SETTINGS).map((name) =>
      lineOf(SETTINGS[name as keyof typeof SETTINGS] as never),
    );
    expect(told).to.deep.equal(wanted);
  });

  it('D0.8 says what became of the names that were given to something else', () => {
    for (const name of ['--api-port', '--secure-port', '--bind-address', '--tls-san', '--manager-port']) {
      expect(text.slice(text.indexOf('## Renamed'))).to.contain(name);
    }
  });
});
