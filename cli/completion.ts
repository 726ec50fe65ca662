/**
 * What may stand at the end of a command line: commands, flags, their values, kinds, names of objects. All that the
 * command line itself knows comes from the commands as they are; names are asked from the server, which is not waited for.
 */
import type { Command, Option } from 'commander';

/** `files`: the shell goes on with names of files; `joined`: what comes next belongs to the same word. */
export type Directive = 'none' | 'files' | 'joined';

export interface Candidate {
  readonly value: string;
  readonly description?: string;
}

export interface Completed {
  readonly candidates: readonly Candidate[];
  readonly directive: Directive;
}

/** Flags given so far that say where objects are looked for. */
export interface Place {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
}

/** Where names come from; each gives nothing rather than to fail, or to take long. */
export interface Names {
  kinds(place: Place): Promise<readonly Candidate[]>;
  /** Of the objects of a kind, called as people call it. */
  objects(kind: string, place: Place): Promise<readonly Candidate[]>;
  /** `name=` and, where there are few, `name=value`, of a TaskTemplate's or a Job's parameters. */
  parameters(owner: 'tasktemplates' | 'jobs', name: string, place: Place): Promise<readonly Candidate[]>;
  /** Values that a setting may have, by the flag's own name. */
  settingValues(flag: string): readonly string[];
}

type Source =
  /** KIND NAME…, or KIND/NAME… */
  | { readonly from: 'kinds' }
  /** NAME…; of several kinds, those after the first as KIND/NAME. */
  | { readonly from: 'objects'; readonly kinds: readonly string[] }
  /** NAME, then parameters. */
  | { readonly from: 'work'; readonly kind: 'tasktemplates' | 'jobs' }
  | { readonly from: 'commands' }
  | { readonly from: 'files' };

const WORKLOADS: Source = { from: 'objects', kinds: ['tasksets'] };
const JOBS: Source = { from: 'objects', kinds: ['jobs'] };

/** What the arguments of a command are, by its path. */
const ARGUMENTS: Readonly<Record<string, Source>> = {
  get: { from: 'kinds' },
  describe: { from: 'kinds' },
  why: { from: 'kinds' },
  history: { from: 'kinds' },
  diff: { from: 'kinds' },
  undo: { from: 'kinds' },
  delete: { from: 'kinds' },
  wait: { from: 'kinds' },
  scale: { from: 'kinds' },
  logs: { from: 'objects', kinds: ['tasks', 'runs', 'tasksets'] },
  stop: { from: 'objects', kinds: ['tasks', 'runs'] },
  cancel: { from: 'objects', kinds: ['runs'] },
  rerun: { from: 'objects', kinds: ['runs'] },
  trigger: { from: 'objects', kinds: ['jobs'] },
  dispatch: { from: 'work', kind: 'tasktemplates' },
  'cron next': JOBS,
  'cron suspend': JOBS,
  'cron resume': JOBS,
  'rollout status': WORKLOADS,
  'rollout history': WORKLOADS,
  'rollout undo': WORKLOADS,
  'rollout pause': WORKLOADS,
  'rollout resume': WORKLOADS,
  'rollout restart': WORKLOADS,
  'rollout promote': WORKLOADS,
  help: { from: 'commands' },
  backup: { from: 'files' },
  restore: { from: 'files' },
  run: { from: 'files' },
};

const OUTPUTS = ['wide', 'json', 'yaml', 'name', 'jsonpath='];
const PATHS = /<(?:file|directory|path)>/;

interface Line {
  readonly command: Command;
  readonly arguments: readonly string[];
  /** The flag whose value is at the end. */
  readonly awaited: Option | undefined;
  readonly used: ReadonlySet<string>;
  readonly place: Place;
  /** After `--` there are no flags. */
  readonly isPlain: boolean;
}

/** @param words after the program's name; the last is the one that is being written, perhaps empty */
export async function complete(program: Command, words: readonly string[], names: Names): Promise<Completed> {
  const current = words.at(-1) ?? '';
  const line = readLine(program, words.slice(0, -1));
  const { awaited } = line;
  if (awaited !== undefined) return valuesOf(awaited, '', current, line, names);
  const inFlag = line.isPlain ? null : /^(--[^=]+=)(.*)$/.exec(current);
  if (inFlag !== null) {
    const [, prefix = '', value = ''] = inFlag;
    const option = findOption(line.command, prefix.slice(0, -1));
    return option === undefined ? NOTHING : valuesOf(option, prefix, value, line, names);
  }
  if (current.startsWith('-') && !line.isPlain) return fitting(flagsOf(line), current);
  return argumentsOf(program, line, current, names);
}

const NOTHING: Completed = { candidates: [], directive: 'none' };

function readLine(program: Command, words: readonly string[]): Line {
  let command = program;
  let awaited: Option | undefined;
  let isPlain = false;
  const arguments_: string[] = [];
  const used = new Set<string>();
  const place: Record<string, string> = {};
  const take = (option: Option, value: string): void => {
    place[option.attributeName()] = value;
  };
  for (const word of words) {
    if (awaited !== undefined) {
      take(awaited, word);
      awaited = undefined;
    } else if (isPlain) arguments_.push(word);
    else if (word === '--') isPlain = true;
    else if (word.startsWith('-') && word.length > 1) {
      const [name = '', ...value] = word.split('=');
      const option = findOption(command, name);
      if (option === undefined) continue;
      used.add(option.long ?? option.flags);
      if (value.length > 0) take(option, value.join('='));
      else if (option.required) awaited = option;
    } else {
      const next = arguments_.length > 0 ? undefined : visible(command).find((sub) => sub.name() === word);
      if (next === undefined) arguments_.push(word);
      else command = next;
    }
  }
  return { command, arguments: arguments_, awaited, used, place: placeOf(place), isPlain };
}

function placeOf({ kubeconfig, context, namespace }: Readonly<Record<string, string>>): Place {
  return {
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(context === undefined ? {} : { context }),
    ...(namespace === undefined ? {} : { namespace }),
  };
}

function visible(command: Command): readonly Command[] {
  return command.createHelp().visibleCommands(command);
}

function findOption(command: Command, name: string): Option | undefined {
  return command.options.find(({ long, short }) => name === long || name === short);
}

/** Long forms; what is given already is not offered again, but for what may be given again. */
function flagsOf({ command, used }: Line): readonly Candidate[] {
  const help = command.createHelp();
  return help.visibleOptions(command).flatMap((option) => {
    const { long } = option;
    if (long === undefined || long === null) return [];
    if (used.has(long) && option.parseArg === undefined) return [];
    return [{ value: long, description: option.description }];
  });
}

async function valuesOf(
  option: Option,
  prefix: string,
  current: string,
  line: Line,
  names: Names,
): Promise<Completed> {
  const offer = (values: readonly string[]): Completed =>
    fitting(
      values.map((value) => ({ value: `${prefix}${value}` })),
      `${prefix}${current}`,
    );
  const name = option.attributeName();
  if (option.argChoices !== undefined) return offer(option.argChoices);
  if (name === 'namespace') {
    return offer((await names.objects('namespaces', line.place)).map(({ value }) => value));
  }
  if (name === 'parameter') {
    return parametersOf(line, prefix, current, names);
  }
  if (name === 'output' && option.description.includes('wide')) return offer(OUTPUTS);
  if (name === 'output') return offer(OUTPUTS.filter((form) => option.description.includes(form)));
  const settings = names.settingValues(name);
  if (settings.length > 0) return offer(settings);
  return PATHS.test(option.flags) ? { candidates: [], directive: 'files' } : NOTHING;
}

async function argumentsOf(program: Command, line: Line, current: string, names: Names): Promise<Completed> {
  const { command, arguments: given, place } = line;
  const subs = given.length === 0 ? visible(command) : [];
  if (subs.length > 0) return fitting(subs.map(candidateOf), current);
  const source = ARGUMENTS[pathBelow(program, command)];
  switch (source?.from) {
    case undefined:
      return NOTHING;
    case 'files':
      return { candidates: [], directive: 'files' };
    case 'commands': {
      let at = program;
      for (const name of given) at = visible(at).find((sub) => sub.name() === name) ?? at;
      return fitting(visible(at).map(candidateOf), current);
    }
    case 'kinds': {
      const [kind] = given;
      if (current.includes('/')) return withKind(current, place, names);
      if (kind === undefined) return fitting(await names.kinds(place), current);
      return kind.includes('/')
        ? NOTHING
        : fitting(await unnamed(kind, given.slice(1), place, names), current);
    }
    case 'work':
      if (given.length > 0) return parametersOf(line, '', current, names);
      return fitting(await names.objects(source.kind, place), current);
    case 'objects': {
      if (current.includes('/')) return withKind(current, place, names);
      const [first = '', ...others] = source.kinds;
      const found = await unnamed(first, given, place, names);
      const prefixes = others.map((kind) => ({ value: `${kind.replace(/s$/, '')}/` }));
      const completed = fitting([...found, ...prefixes], current);
      const isPrefix =
        completed.candidates.length === 1 && completed.candidates[0]?.value.endsWith('/') === true;
      return isPrefix ? { ...completed, directive: 'joined' } : completed;
    }
  }
}

/** Names that are not on the line yet. */
async function unnamed(
  kind: string,
  given: readonly string[],
  place: Place,
  names: Names,
): Promise<readonly Candidate[]> {
  const found = await names.objects(kind, place);
  return found.filter(({ value }) => !given.includes(value));
}

async function withKind(current: string, place: Place, names: Names): Promise<Completed> {
  const kind = current.slice(0, current.indexOf('/'));
  const found = await names.objects(kind, place);
  return fitting(
    found.map((one) => ({ ...one, value: `${kind}/${one.value}` })),
    current,
  );
}

async function parametersOf(line: Line, prefix: string, current: string, names: Names): Promise<Completed> {
  const [name] = line.arguments;
  const source = ARGUMENTS[line.command.name()];
  const kind = source?.from === 'work' ? source.kind : 'jobs';
  if (name === undefined || line.command.name() === 'rerun') return NOTHING;
  const found = await names.parameters(kind, name.replace(/^[^/]*\//, ''), line.place);
  const given = new Set(line.arguments.map((word) => word.split('=')[0]));
  const left = found.filter(({ value }) => !given.has(value.split('=')[0]));
  const completed = fitting(
    left.map((one) => ({ ...one, value: `${prefix}${one.value}` })),
    `${prefix}${current}`,
  );
  const isOpen = completed.candidates.some(({ value }) => value.endsWith('='));
  return isOpen ? { ...completed, directive: 'joined' } : completed;
}

function fitting(candidates: readonly Candidate[], current: string): Completed {
  return { candidates: candidates.filter(({ value }) => value.startsWith(current)), directive: 'none' };
}

function candidateOf(command: Command): Candidate {
  return { value: command.name(), description: command.summary() || command.description() };
}

/** `cron next`, of `gantry cron next`. */
function pathBelow(program: Command, command: Command): string {
  const { parent } = command;
  return parent === null || parent === program
    ? command.name()
    : `${pathBelow(program, parent)} ${command.name()}`;
}
