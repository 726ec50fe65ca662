/** The commands of workloads, their arguments and their flags: what `program.ts` is for the others. */
import { type Command, Option } from 'commander';
import type { CronCheckFlags, CronNextFlags } from './commands/cron.ts';
import type { DispatchFlags } from './commands/dispatch.ts';
import type { RolloutHistoryFlags } from './commands/rollouthistory.ts';
import type { RolloutStatusFlags } from './commands/rolloutstatus.ts';
import type { RolloutUndoFlags } from './commands/rolloutundo.ts';
import type { ScaleFlags } from './commands/scale.ts';
import type { RerunFlags, TriggerFlags } from './commands/trigger.ts';
import type { Io } from './io.ts';
import type { ConnectionFlags, Session } from './session.ts';

export interface CommandContext {
  readonly io: Io;
  readonly inSession: (flags: ConnectionFlags, work: (session: Session) => Promise<void>) => Promise<void>;
  /** Adds the flags that say which server. */
  readonly withConnection: (command: Command) => Command;
  /** Of an option that may be given again: all its values. */
  readonly collect: (value: string, earlier?: readonly string[]) => readonly string[];
}

export function addWorkloadCommands(program: Command, context: CommandContext): void {
  addRollout(program, context);
  addRuns(program, context);
  addCron(program, context);
}

function addRollout(program: Command, { io, inSession, withConnection }: CommandContext): void {
  const rollout = program
    .command('rollout')
    .description(
      'follow and steer how the tasks of a TaskSet are replaced: "taskset/web", "gts/web" or "web"',
    );
  const add = (usage: string, description: string): Command =>
    withConnection(rollout.command(`${usage} [names...]`).description(description));

  add('status', 'tell how a rollout goes, and wait until it is through')
    .option('-w, --watch [wanted]', 'wait; --watch=false looks once')
    .option('--no-watch', 'look once')
    .option('--timeout <duration>', 'how long to wait, such as 5m; 0 is for as long as it takes')
    .option('--revision <number>', 'of that revision; fail when another takes its place')
    .action(async (names: string[], flags: ConnectionFlags & RolloutStatusFlags) => {
      const { runRolloutStatus } = await import('./commands/rolloutstatus.ts');
      await inSession(flags, (session) => runRolloutStatus(names, flags, session, io));
    });
  add('history', 'list the revisions that are kept')
    .option('--revision <number>', 'all about one of them: its template and its configuration')
    .option('-o, --output <form>', 'json, yaml, name or jsonpath=TEMPLATE')
    .action(async (names: string[], flags: ConnectionFlags & RolloutHistoryFlags) => {
      const { runRolloutHistory } = await import('./commands/rollouthistory.ts');
      await inSession(flags, (session) => runRolloutHistory(names, flags, session, io));
    });
  add('undo', 'go back to an earlier revision, with the configuration it had')
    .option('--to-revision <number>', 'to that one, instead of the one before')
    .addOption(
      new Option('--dry-run <how>', 'check only').choices(['none', 'client', 'server']).default('none'),
    )
    .action(async (names: string[], flags: ConnectionFlags & RolloutUndoFlags) => {
      const { runRolloutUndo } = await import('./commands/rolloutundo.ts');
      await inSession(flags, (session) => runRolloutUndo(names, flags, session, io));
    });
  const steer = [
    ['pause', 'runRolloutPause', 'let changes of the template wait'],
    ['resume', 'runRolloutResume', 'end a pause'],
    ['restart', 'runRolloutRestart', 'replace all tasks by new ones of the same template'],
    ['promote', 'runRolloutPromote', 'canaries have shown that a revision is good: let the rest follow'],
  ] as const;
  for (const [verb, run, description] of steer) {
    add(verb, description).action(async (names: string[], flags: ConnectionFlags) => {
      const commands = await import('./commands/rollout.ts');
      await inSession(flags, (session) => commands[run](names, session, io));
    });
  }

  withConnection(
    program
      .command('scale <kind> [names...]')
      .description('set how many are wanted: "taskset/web --replicas=3"'),
  )
    .requiredOption('--replicas <number>', 'how many')
    .option('--current-replicas <number>', 'only if there are so many now')
    .action(async (kind: string, names: string[], flags: ConnectionFlags & ScaleFlags) => {
      const { runScale } = await import('./commands/scale.ts');
      await inSession(flags, (session) => runScale([kind, ...names], flags, session, io));
    });
}

function addRuns(program: Command, context: CommandContext): void {
  const { io, inSession, withConnection } = context;
  const add = (usage: string, description: string): Command =>
    withConnection(program.command(usage).description(description));

  withWaiting(
    withParameters(
      add('dispatch <template> [values...]', "have a TaskTemplate's work done once: fib position=30"),
      context,
    ),
  )
    .option('--priority <number>', 'of its task, where room is short: from -1000000 to 1000000, 0 without')
    .option('--idempotency-key <key>', 'asked again with the same key, it is done once only')
    .action(async (template: string, values: string[], flags: ConnectionFlags & DispatchFlags) => {
      const { runDispatch } = await import('./commands/dispatch.ts');
      await inSession(flags, (session) => runDispatch([template, ...values], flags, session, io));
    });
  withWaiting(
    withParameters(add('trigger <job> [name]', 'run a Job now, whatever its schedule says'), context),
  )
    .option('--priority <number>', 'of its tasks, and of the run where it waits for others')
    .option('--idempotency-key <key>', 'asked again with the same key, it is run once only')
    .action(async (job: string, name: string | undefined, flags: ConnectionFlags & TriggerFlags) => {
      const { runTrigger } = await import('./commands/trigger.ts');
      await inSession(flags, (session) => runTrigger(wordsOf(job, name), flags, session, io));
    });
  withWaiting(
    withParameters(add('rerun <run> [name]', 'run again what a Run ran, with its parameters'), context),
  )
    .option('--from <step>', 'from this step on: what it does not depend on and had completed is taken over')
    .action(async (run: string, name: string | undefined, flags: ConnectionFlags & RerunFlags) => {
      const { runRerun } = await import('./commands/trigger.ts');
      await inSession(flags, (session) => runRerun(wordsOf(run, name), flags, session, io));
    });
  add('cancel <runs...>', 'stop Runs, with the grace periods of their tasks').action(
    async (names: string[], flags: ConnectionFlags) => {
      const { runCancel } = await import('./commands/cancel.ts');
      await inSession(flags, (session) => runCancel(names, session, io));
    },
  );
}

function addCron(program: Command, { io, inSession, withConnection }: CommandContext): void {
  const cron = program.command('cron').description('look after the schedules of Jobs');
  const count = ['-c, --count <number>', 'how many', '5'] as const;
  withConnection(cron.command('next <job> [name]').description('when a Job runs next'))
    .option(...count)
    .action(async (job: string, name: string | undefined, flags: ConnectionFlags & CronNextFlags) => {
      const { runCronNext } = await import('./commands/cron.ts');
      await inSession(flags, (session) => runCronNext(wordsOf(job, name), flags, session, io));
    });
  cron
    .command('check <schedule...>')
    .description('check a schedule and tell when it would fire, for example "*/5 * * * *"')
    .option('--time-zone <name>', 'by its IANA name; absent: UTC')
    .option(...count)
    .action(async (words: string[], flags: CronCheckFlags) => {
      const { runCronCheck } = await import('./commands/cron.ts');
      await runCronCheck(words, flags, io);
    });
  const rest = [
    ['suspend', true, "let a Job's schedule rest, or without a name every schedule of the cluster"],
    ['resume', false, 'end that'],
  ] as const;
  for (const [verb, isResting, description] of rest) {
    withConnection(cron.command(`${verb} [jobs...]`).description(description)).action(
      async (words: string[], flags: ConnectionFlags) => {
        const { runCronRest } = await import('./commands/cron.ts');
        await inSession(flags, (session) => runCronRest(words, isResting, session, io));
      },
    );
  }
}

function withParameters(command: Command, { collect }: CommandContext): Command {
  return command
    .option(
      '-p, --parameter <name=value>',
      'a parameter, typed by its description; may be given again',
      collect,
    )
    .option('--parameters <json>', 'parameters as a JSON object, @FILE or @- with one; -p goes over them');
}

function withWaiting(command: Command): Command {
  return command
    .option('--wait', 'until it has ended; fails if it did not complete')
    .option('--tail', 'wait, and print what it writes; what is told of it goes to standard error')
    .option('--timeout <duration>', 'how long to wait, such as 5m; 0 is for as long as it takes');
}

function wordsOf(first: string, second: string | undefined): readonly string[] {
  return second === undefined ? [first] : [first, second];
}
