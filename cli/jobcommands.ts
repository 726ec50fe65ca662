/** The commands of the job runner, their arguments and their flags: what `program.ts` is for the others. */
import { type Command, CommanderError } from 'commander';
import { asGroup } from './commandgroup.ts';
import type { JobWord, StopFlags, TailFlags } from './commands/jobs.ts';
import { usageText } from './helptext.ts';
import type { Io } from './io.ts';
import type { JobsFlags } from './jobsaccess.ts';

export interface JobCommandContext {
  readonly io: Io;
}

const PRESENTATION = `This sub-command provides the ability to manage jobs, including
starting, stopping, getting the status, and viewing the output.`;

type Arguments = readonly (readonly [name: string, description: string])[];

const STARTABLE: readonly (readonly [JobWord, string, Arguments])[] = [
  [
    'eval',
    'Evaluate a mathmatical formula',
    [
      [
        'expression',
        'what is calculated, for example "2 * (3 + 4) ^ 2"; after -- where it begins with a minus',
      ],
    ],
  ],
  [
    'fib',
    'Calculate the value of a position in the Fibonacci sequence',
    [['position', 'which value, counted from 1: the first is 0, the third 1']],
  ],
  ['noop', 'A job that does nothing', []],
  [
    'wait',
    'Wait for a set number of seconds before sending an empty HTTP POST request to a URL',
    [
      ['seconds', 'how long it waits'],
      ['url', 'where the request goes, as the container reaches it, for example http://web:8080/done'],
    ],
  ],
];

const ID: Arguments = [['id', 'of the job, as start printed it, for example XE38YM']];

export function addJobCommands(program: Command, { io }: JobCommandContext): void {
  const jobs = asGroup(
    withJobsFlags(program.command('jobs')),
    'Start and stop jobs, get their status and view their output',
    io,
  );
  jobs.description(PRESENTATION);
  const start = asGroup(withJobsFlags(jobs.command('start')), 'Start a job in the server', io);
  for (const [word, description, arguments_] of STARTABLE) {
    addLeaf(start, word, description, arguments_, io, async (words, flags) => {
      const { runJobsStart } = await import('./commands/jobs.ts');
      await runJobsStart(word, words, flags, io);
    });
  }
  addLeaf(jobs, 'status', 'Get the status of a job', ID, io, async ([id = ''], flags) => {
    const { runJobsStatus } = await import('./commands/jobs.ts');
    await runJobsStatus(id, flags, io);
  });
  addLeaf<StopFlags>(jobs, 'stop', 'Stop a running job', ID, io, async ([id = ''], flags) => {
    const { runJobsStop } = await import('./commands/jobs.ts');
    await runJobsStop(id, flags, io);
  }).option(
    '--grace-period <duration>',
    'how long it may take to end by itself before it is killed, such as 10s',
  );
  addLeaf<TailFlags>(jobs, 'tail', 'View the output of a command', ID, io, async ([id = ''], flags) => {
    const { runJobsTail } = await import('./commands/jobs.ts');
    await runJobsTail(id, flags, io);
  })
    .option('-f, --follow', 'until the job has ended (this is the default)')
    .option('--from-latest', 'only what comes from now on')
    .option('--lines <number>', 'only the last so many lines of what there is, and what comes')
    .option('--raw', "the bytes of the job's output as they are, and nothing else");
}

function addLeaf<Flags extends JobsFlags>(
  above: Command,
  name: string,
  description: string,
  arguments_: Arguments,
  io: Io,
  work: (words: readonly string[], flags: Flags) => Promise<void>,
): Command {
  const leaf = withJobsFlags(above.command(name))
    .description(description)
    .usage([...arguments_.map(([argument]) => argument), '[flags]'].join(' '))
    // How many there are to be is said below, in this door's own words.
    .allowExcessArguments();
  for (const [argument, meaning] of arguments_) leaf.argument(`[${argument}]`, meaning);
  return leaf.action(async () => {
    if (leaf.args.length !== arguments_.length) {
      const problem = `Error: accepts ${arguments_.length} arg(s), received ${leaf.args.length}\n`;
      await io.stderr.write(`${problem}${usageText(leaf, true)}\n${problem}`);
      throw new CommanderError(1, 'gantry.argumentCount', problem);
    }
    await work(leaf.args, leaf.opts<Flags>());
  });
}

/** On `jobs` and on everything below it. */
function withJobsFlags(command: Command): Command {
  return command
    .option(
      '--host <address>',
      "HOST:PORT of the job runner (GANTRY_JOBS_HOST); default: the kubeconfig's machine, port 7444",
    )
    .option('--cert <file>', "client certificate, PEM (GANTRY_JOBS_CERT); default: the kubeconfig's")
    .option('--key <file>', "the certificate's key, PEM (GANTRY_JOBS_KEY); default: the kubeconfig's")
    .option('--ca <file>', "the cluster's authority, PEM (GANTRY_JOBS_CA); default: the kubeconfig's")
    .option(
      '--timeout <duration>',
      'how long an answer may take (GANTRY_JOBS_TIMEOUT); default: 30s, but no end for stop and tail',
    )
    .option('--kubeconfig <file>', 'instead of KUBECONFIG, the one in the data directory, or ~/.kube/config')
    .option('--context <name>', "instead of the kubeconfig's current context");
}
