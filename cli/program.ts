/**
 * The commands, their arguments and their flags, on one page. Each command's code is loaded only when it is the one
 * asked for, so that quick commands start fast.
 */
import { Command, CommanderError, Option } from 'commander';
import type { ApplyFlags } from './commands/apply.ts';
import type { CertificateCreateFlags } from './commands/certificate.ts';
import type { DeleteFlags } from './commands/delete.ts';
import type { DescribeFlags } from './commands/describe.ts';
import type { GetFlags } from './commands/get.ts';
import type { LogsFlags } from './commands/logs.ts';
import type { PlanFlags } from './commands/plan.ts';
import type { TokenCreateFlags } from './commands/token.ts';
import type { VersionFlags } from './commands/version.ts';
import type { WaitFlags } from './commands/wait.ts';
import { addCompletion } from './completioncommands.ts';
import { handDownFlags } from './earlyflags.ts';
import { addHelp, PRESENTATION } from './helpcommand.ts';
import { helpText } from './helptext.ts';
import { CommandError, Ending, type Io } from './io.ts';
import { addJobCommands } from './jobcommands.ts';
import type { KeyFlags } from './keyplace.ts';
import { addPastCommands } from './pastcommands.ts';
import { describeFailure } from './report.ts';
import type { ConnectionFlags, Session } from './session.ts';
import { denialOf, flagOf, SETTINGS, type Settings } from './settings.ts';
import { addTraceCommand } from './tracecommands.ts';
import { addWhyCommand } from './whycommand.ts';
import { addWorkCommands } from './workcommands.ts';
import { addWorkloadCommands } from './workloads.ts';

/** Runs one command line; resolves to the exit code and rejects with nothing. */
export async function runCli(words: readonly string[], io: Io): Promise<number> {
  const texts: Promise<void>[] = [];
  const program = newProgram(io, {
    writeOut: (text) => void texts.push(io.stdout.write(text)),
    writeErr: (text) => void texts.push(io.stderr.write(text)),
  });
  try {
    if (words.length === 0) await io.stdout.write(helpText(program, true));
    else await program.parseAsync([...words], { from: 'user' });
    await Promise.all(texts);
    return 0;
  } catch (error) {
    await Promise.all(texts);
    if (error instanceof CommanderError) return error.exitCode;
    // Interrupted: what was cut off is not worth a word.
    if (io.signal.aborted) return 130;
    const failure = error instanceof Ending ? error.cause : error;
    if (failure !== undefined) await io.stderr.write(`${describeFailure(failure, io.env).join('\n')}\n`);
    return error instanceof Ending ? error.code : 1;
  }
}

interface Texts {
  readonly writeOut: (text: string) => void;
  readonly writeErr: (text: string) => void;
}

function newProgram(io: Io, texts: Texts): Command {
  const program = withConnection(new Command('gantry'))
    .description(PRESENTATION)
    .configureOutput(texts)
    .configureHelp({ sortSubcommands: true, formatHelp: (command) => helpText(command) })
    .exitOverride()
    .enablePositionalOptions()
    .showHelpAfterError('(gantry --help tells more)')
    .helpCommand(false);
  handDownFlags(program);
  addHelp(program, io);
  const inSession = async (
    flags: ConnectionFlags,
    work: (session: Session) => Promise<void>,
  ): Promise<void> => {
    const { withSession } = await import('./session.ts');
    await withSession(flags, io, work);
  };
  const add = (usage: string, description: string): Command =>
    program.command(usage).description(description);

  const resolved = async (flags: Record<string, unknown>): Promise<Settings> => {
    const { resolveConfig } = await import('./config.ts');
    const { settings, file } = settingsOf(flags);
    const { env, directory } = io;
    const given = file === undefined ? {} : { file };
    return (await resolveConfig({ flags: settings, env, directory, ...given })).settings;
  };
  const serve =
    (hasWorker: boolean) =>
    async (flags: Record<string, unknown>): Promise<void> => {
      const { runUp } = await import('./up.ts');
      await runUp(await resolved(flags), { ...io, hasWorker });
    };
  withSettings(add('up', 'start the API server, the controllers and a worker on this machine')).action(
    serve(true),
  );
  withSettings(add('server', 'start the API server and the controllers, without a worker')).action(
    serve(false),
  );

  // As the document of the jobs API has it: before the command, too.
  program.addOption(new Option('--db <directory>').hideHelp());
  withSettings(
    add('run <manifests>', 'start as "up" does, and apply the manifests of a folder and those within'),
  )
    .option(
      '--db <directory>',
      'keep everything in this directory: the store, and the data directory unless --home is given',
    )
    .action(async (manifests: string, flags: Record<string, unknown>) => {
      const { runRun } = await import('./commands/run.ts');
      const { settings, file } = settingsOf(flags);
      const db = typeof flags['db'] === 'string' ? { db: flags['db'] } : {};
      await runRun(manifests, { settings, ...db, ...(file === undefined ? {} : { file }) }, io);
    });

  withConnection(add('apply', 'make the objects of manifests what they say'))
    .option('-f, --filename <file>', 'a file, a folder or - (standard input); may be given again', collect)
    .option('-R, --recursive', 'also folders within folders')
    .addOption(
      new Option('--dry-run <how>', 'check only').choices(['none', 'client', 'server']).default('none'),
    )
    .option('--plan <file>', 'what "plan --out" kept in a file, if it is still true')
    .action(async (flags: ConnectionFlags & ApplyFlags) => {
      const { runApply } = await import('./commands/apply.ts');
      await inSession(flags, (session) => runApply(flags, session, io));
    });

  withConnection(add('plan', 'tell what applying manifests will do to objects and containers'))
    .option('-f, --filename <file>', 'a file, a folder or - (standard input); may be given again', collect)
    .option('-R, --recursive', 'also folders within folders')
    .option('-o, --output <form>', 'json')
    .option('--out <file>', 'keep it, for "apply --plan"')
    .action(async (flags: ConnectionFlags & PlanFlags) => {
      const { runPlan } = await import('./commands/plan.ts');
      await inSession(flags, (session) => runPlan(flags, session, io));
    });

  withMoment(
    withSelection(
      withConnection(add('get <kind> [names...]', 'show objects: "tasks", "task hello", "task/hello"')),
    ),
  )
    .option('-o, --output <form>', 'wide, json, yaml, name or jsonpath=TEMPLATE')
    .option(
      '--field-selector <selector>',
      'only objects whose fields are so, for example status.phase=Running',
    )
    .option('-w, --watch', 'go on and show every change')
    .option('--no-headers', 'leave the line of column names out')
    .option('--show-labels', 'add a column of labels')
    .option('--export', 'with -o yaml or json: without what the server owns, to be applied again')
    .action(async (kind: string, names: string[], flags: ConnectionFlags & GetFlags) => {
      const { runGet } = await import('./commands/get.ts');
      await inSession(flags, (session) => runGet([kind, ...names], flags, session, io));
    });

  withMoment(
    withSelection(
      withConnection(add('describe <kind> [names...]', 'tell all about objects, with their events')),
    ),
  ).action(async (kind: string, names: string[], flags: ConnectionFlags & DescribeFlags) => {
    const { runDescribe } = await import('./commands/describe.ts');
    await inSession(flags, (session) => runDescribe([kind, ...names], flags, session, io));
  });

  withSelection(
    withConnection(add('delete [kind] [names...]', 'delete objects and wait until they are gone')),
  )
    .option(
      '-f, --filename <file>',
      'those of a file, a folder or - (standard input); may be given again',
      collect,
    )
    .option('-R, --recursive', 'also folders within folders')
    .option('--all', 'all of the kind')
    .option('--field-selector <selector>', 'only objects whose fields are so')
    .option('--grace-period <seconds>', 'how long a Task may take to stop, instead of its own grace period')
    .option('--ignore-not-found', 'what is not there counts as deleted')
    .option('--no-wait', 'do not wait until they are gone')
    .option('--wait', 'wait until they are gone (this is the default)')
    .option('--timeout <duration>', 'how long to wait, such as 30s; 0 is for as long as it takes')
    .action(async (kind: string | undefined, names: string[], flags: ConnectionFlags & DeleteFlags) => {
      const { runDelete } = await import('./commands/delete.ts');
      const words = kind === undefined ? names : [kind, ...names];
      await inSession(flags, (session) => runDelete(words, flags, session, io));
    });

  withConnection(add('logs <task>', 'print what a Task wrote, or those of run/NAME or taskset/NAME'))
    .option('--step <name>', 'of a Run: only of that step')
    .option('--all', 'of a TaskSet: of all its Tasks, instead of one')
    .option('-f, --follow', 'go on until it ends')
    .option('--tail <lines>', 'only the last lines')
    .option('--since <duration>', 'only what is not older, such as 5m')
    .option('--since-time <time>', 'only what was written after, such as 2026-01-31T12:00:00Z')
    .option('-p, --previous', 'of the container before the newest')
    .option('--attempt <number>', 'of that container, replaced or not')
    .option('--attempts', 'list the logs that are kept instead')
    .option('--stream <name>', 'only stdout, or only stderr')
    .option(
      '--at <time>',
      'of the Task that had the name then, also when it is deleted: a time, or a duration back such as 10m',
    )
    .option('--at-revision <number>', 'the same, by resourceVersion')
    .option('--revision <number>', 'the same')
    .option('--timestamps', 'the time in front of every line')
    .option('--limit-bytes <bytes>', 'at most so much')
    .action(async (task: string, flags: ConnectionFlags & LogsFlags) => {
      const { runLogs } = await import('./commands/logs.ts');
      await inSession(flags, (session) => runLogs(task, flags, session, io));
    });

  withSelection(withConnection(add('wait <kind> [names...]', 'wait until something is so')))
    .requiredOption('--for <what>', 'condition=NAME[=STATUS], jsonpath={PATH}[=VALUE], create or delete')
    .option('--timeout <duration>', 'how long; 0 looks once', '30s')
    .option('--all', 'for all of the kind')
    .action(async (kind: string, names: string[], flags: ConnectionFlags & WaitFlags) => {
      const { runWait } = await import('./commands/wait.ts');
      await inSession(flags, (session) => runWait([kind, ...names], flags, session, io));
    });

  addWorkloadCommands(program, { io, inSession, withConnection, collect });
  addWorkCommands(program, { io, inSession, withConnection, collect });
  addPastCommands(program, { io, inSession, withConnection, withMoment, collect });
  addTraceCommand(program, { io, inSession, withConnection });
  addWhyCommand(program, { io, inSession, withConnection });
  addJobCommands(program, { io });
  addCompletion(program, io);

  withStore(
    withConnection(add('backup <file>', 'write everything that is stored to a file (- is standard output)')),
    'open this store itself instead of asking the server: sqlite:<directory> while Gantry is stopped, or etcd://…',
  ).action(async (name: string, flags: ConnectionFlags & Record<string, unknown>) => {
    const { runBackup } = await import('./commands/backup.ts');
    const settings = flags['store'] === undefined ? undefined : await resolved(flags);
    await runBackup(name, { connection: flags, settings }, io);
  });
  withStore(add('restore <file>', 'write a backup into an empty store'), SETTINGS.store.description)
    .option('--verify', 'only check the file and tell what is in it')
    .action(async (name: string, flags: Record<string, unknown>) => {
      const { runRestore } = await import('./commands/restore.ts');
      const isCheckOnly = flags['verify'] === true;
      await runRestore(name, { settings: await resolved(flags), isCheckOnly }, io);
    });

  withConnection(add('version', 'tell the versions of this command and of the server'))
    .option('--client', 'of this command only')
    .option('-o, --output <form>', 'json or yaml')
    .action(async (flags: VersionFlags) => {
      const { runVersion } = await import('./commands/version.ts');
      await runVersion(flags, io);
    });

  const token = program.command('token').description("make and end bearer tokens with the cluster's keys");
  withStore(token.command('create').description('print a new token'), KEYS_MEANING)
    .requiredOption('--user <name>', 'whom it proves')
    .option('--group <name>', 'a group of the user; may be given again', collect)
    .option('--ttl <duration>', 'how long it is good, such as 12h or 720h; at most a year', '24h')
    .option('--audience <name>', 'whom it is for, instead of this API; may be given again', collect)
    .action(async (flags: TokenCreateFlags & Record<string, unknown>) => {
      const { runTokenCreate } = await import('./commands/token.ts');
      await runTokenCreate(flags, settingFlagsOf(flags), io);
    });
  withStore(token.command('revoke <token>').description('end a token before its time'), KEYS_MEANING).action(
    async (text: string, flags: Record<string, unknown>) => {
      const { runTokenRevoke } = await import('./commands/token.ts');
      await runTokenRevoke(text, settingFlagsOf(flags), io);
    },
  );
  withStore(
    token.command('rotate').description('sign with a new key from now on; tokens made before stay good'),
    KEYS_MEANING,
  ).action(async (flags: Record<string, unknown>) => {
    const { runTokenRotate } = await import('./commands/token.ts');
    await runTokenRotate(settingFlagsOf(flags), io);
  });

  const certificate = program
    .command('certificate')
    .description("make client certificates with the cluster's keys");
  withStore(
    certificate.command('create').description('write a new client certificate, its key and the authority'),
    KEYS_MEANING,
  )
    .requiredOption('--user <name>', 'whom it proves')
    .requiredOption('--out <directory>', 'where ca.crt, client.crt and client.key are written')
    .option('--group <name>', 'a group of the user; may be given again', collect)
    .option('--ttl <duration>', 'how long it is good, such as 12h or 90d; at most a year', '30d')
    .action(async (flags: CertificateCreateFlags & Record<string, unknown>) => {
      const { runCertificateCreate } = await import('./commands/certificate.ts');
      await runCertificateCreate(flags, settingFlagsOf(flags), io);
    });

  const store = program.command('store').description('look after the store');
  withSettings(
    store
      .command('check')
      .description('look at everything in the store while Gantry is stopped, and tell what is damaged'),
  ).action(async (flags: Record<string, unknown>) => {
    const { runStoreCheck } = await import('./commands/store.ts');
    const { settings, file } = settingsOf(flags);
    await runStoreCheck({ settings, ...(file === undefined ? {} : { file }) }, io);
  });

  withService(withSettings(add('install', 'make Gantry a service of systemd that starts with the machine')))
    .addOption(
      new Option('--role <role>', 'up: with a worker; server: without')
        .choices(['up', 'server'])
        .default('up'),
    )
    .option('--now', 'start it as well, or start it again')
    .option('--dry-run', 'print the unit and change nothing')
    .action(async (flags: Record<string, unknown>) => {
      const { runInstall } = await import('./commands/install.ts');
      const { settings, file } = settingsOf(flags);
      await runInstall(
        {
          settings,
          ...(file === undefined ? {} : { file }),
          role: flags['role'] === 'server' ? 'server' : 'up',
          ...serviceOf(flags),
          now: flags['now'] === true,
          dryRun: flags['dryRun'] === true,
        },
        io,
      );
    });
  withService(add('uninstall', 'stop the service and remove its unit; data and containers stay')).action(
    async (flags: Record<string, unknown>) => {
      const { runUninstall } = await import('./commands/install.ts');
      await runUninstall(serviceOf(flags), io);
    },
  );

  withSettings(add('config', 'show every setting, its value and where it came from'))
    .option('-o, --output <form>', 'json or yaml')
    .action(async (flags: Record<string, unknown>) => {
      const { runConfig } = await import('./commands/config.ts');
      const { settings, file } = settingsOf(flags);
      const output = typeof flags.output === 'string' ? { output: flags.output } : {};
      await runConfig({ settings, ...(file === undefined ? {} : { file }), ...output }, io);
    });

  // One help command is enough for all.
  for (const group of program.commands) group.helpCommand(false);
  return program;
}

function withConnection(command: Command): Command {
  return command
    .option('--kubeconfig <file>', 'instead of KUBECONFIG, the one in the data directory, or ~/.kube/config')
    .option('--context <name>', "instead of the kubeconfig's current context")
    .option('-n, --namespace <name>', "instead of the context's namespace");
}

function withSelection(command: Command): Command {
  return command
    .option('-l, --selector <selector>', 'only objects whose labels are so, for example app=web,tier!=test')
    .option('-A, --all-namespaces', 'in every namespace');
}

function withMoment(command: Command): Command {
  return command
    .option(
      '--at <time>',
      'as it was at a time (2026-01-31T12:00:00Z) or so long ago (10m), also if deleted since',
    )
    .option('--at-revision <number>', 'as it was at a revision of the store (any resourceVersion)')
    .option('--revision <number>', 'the same');
}

/** Of the settings, those that say where the store is and how it is opened. */
const STORE_SETTINGS = [
  SETTINGS.home,
  SETTINGS.encryptionKeyFile,
  SETTINGS.etcdCaFile,
  SETTINGS.etcdCertFile,
  SETTINGS.etcdKeyFile,
  SETTINGS.etcdUser,
  SETTINGS.etcdPasswordFile,
];

function withStore(command: Command, meaning: string): Command {
  command.option('--store <engine>', meaning);
  for (const row of STORE_SETTINGS) command.option(`${flagOf(row.name)} ${row.placeholder}`, row.description);
  return command.option('--config <file>', CONFIG_MEANING);
}

function withService(command: Command): Command {
  return command
    .option('--name <name>', "the unit's name", 'gantry')
    .option('--unit-directory <directory>', 'where units are', '/etc/systemd/system');
}

function serviceOf(flags: Record<string, unknown>): {
  readonly name: string;
  readonly unitDirectory: string;
} {
  return { name: String(flags['name']), unitDirectory: String(flags['unitDirectory']) };
}

const KEYS_MEANING =
  "the cluster's store: keys are in it if it is shared, and in the data directory otherwise";
const CONFIG_MEANING = 'a configuration file (default: config.yaml in the data directory)';

/** One flag for each setting; the values stay text, since their meaning is the table's. */
function withSettings(command: Command): Command {
  for (const row of Object.values(SETTINGS)) {
    const flag = row.placeholder === undefined ? flagOf(row.name) : `${flagOf(row.name)} ${row.placeholder}`;
    command.option(flag, row.description);
    if (row.placeholder === undefined) command.option(denialOf(row.name), `not: ${row.description}`);
  }
  return command.option(
    '--config <file>',
    'a configuration file (default: config.yaml in the data directory)',
  );
}

function settingFlagsOf(flags: Record<string, unknown>): KeyFlags {
  const { settings, file } = settingsOf(flags);
  return { settings, ...(file === undefined ? {} : { file }) };
}

function settingsOf(flags: Record<string, unknown>): {
  readonly settings: Record<string, string | boolean>;
  readonly file: string | undefined;
} {
  const settings: Record<string, string | boolean> = {};
  for (const { name } of Object.values(SETTINGS)) {
    const value = flags[name];
    if (typeof value === 'string' || typeof value === 'boolean') settings[name] = value;
  }
  if (flags.config !== undefined && typeof flags.config !== 'string')
    throw new CommandError('--config wants a file');
  return { settings, file: flags.config };
}

function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value];
}
