/** `gantry version`: of this command, and of the server it would talk to. */
import { readFile } from 'node:fs/promises';
import { isRecord } from '../../machinery/json.ts';
import { CommandError, type Io } from '../io.ts';
import { documentPrinter } from '../printers.ts';
import { type ConnectionFlags, withSession } from '../session.ts';

export interface VersionFlags extends ConnectionFlags {
  readonly client?: boolean;
  readonly output?: string;
}

/** Prints the client's version also when the server cannot be asked, and rejects then. */
export async function runVersion(flags: VersionFlags, io: Io): Promise<void> {
  const { output } = flags;
  if (output !== undefined && output !== 'json' && output !== 'yaml') {
    throw new CommandError(`unknown output "${output}": wanted json or yaml`);
  }
  const client = {
    version: await productVersion(),
    node: process.version,
    platform: `${process.platform}/${process.arch}`,
  };
  const asked =
    flags.client === true ? undefined : await serverVersion(flags, io).catch((error: unknown) => ({ error }));
  const server = asked !== undefined && 'error' in asked ? undefined : asked;
  if (output === undefined) {
    await io.stdout.write(`Client Version: ${client.version} (Node ${client.node}, ${client.platform})\n`);
    if (server !== undefined)
      await io.stdout.write(`Server Version: ${String(server.gitVersion)} (${String(server.platform)})\n`);
  } else {
    const print = await documentPrinter(output);
    await io.stdout.write(
      print({ clientVersion: client, ...(server === undefined ? {} : { serverVersion: server }) }),
    );
  }
  if (asked !== undefined && 'error' in asked) throw asked.error;
}

/** package.json's, beside the sources or above the compiled files. */
export async function productVersion(): Promise<string> {
  for (const up of ['../..', '../../..']) {
    const path = new URL(`${up}/package.json`, import.meta.url);
    const found = await readFile(path, 'utf8').catch(() => undefined);
    const manifest: unknown = found === undefined ? undefined : JSON.parse(found);
    if (isRecord(manifest) && manifest.name === 'gantry' && typeof manifest.version === 'string')
      return manifest.version;
  }
  throw new CommandError('package.json is missing beside the program: install Gantry again');
}

async function serverVersion(flags: ConnectionFlags, io: Io): Promise<Record<string, unknown>> {
  return withSession(flags, io, async ({ client }) => {
    const answer = await client.json('GET', '/version', { signal: io.signal });
    if (isRecord(answer)) return answer;
    throw new CommandError('the server did not tell its version');
  });
}
