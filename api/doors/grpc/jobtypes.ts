/** What kinds of jobs there are: each is a TaskTemplate, and its arguments are that template's parameters. Pure. */
import { create } from '@bufbuild/protobuf';
import { type Arguments, ArgumentsSchema, JobType } from '../../../schemas/grpc/jobs.gen.ts';
import { CallError } from './errors.ts';

type ArgumentName = 'number' | 'expression' | 'seconds' | 'url';

export interface JobKind {
  readonly type: JobType;
  /** The TaskTemplate's name. */
  readonly template: string;
  /** What people call it, where its template does not say. */
  readonly title: string;
  readonly tag: string;
  /** What it takes, and what its template calls that. */
  readonly arguments: Readonly<Partial<Record<ArgumentName, string>>>;
}

const ARGUMENTS: readonly ArgumentName[] = ['number', 'expression', 'seconds', 'url'];

const KINDS: readonly JobKind[] = [
  { type: JobType.Noop, template: 'noop', title: 'Noop', tag: 'NOOP', arguments: {} },
  {
    type: JobType.Fibonacci,
    template: 'fib',
    title: 'Fibonacci',
    tag: 'FIB',
    arguments: { number: 'position' },
  },
  {
    type: JobType.ExpressionEvaluator,
    template: 'eval',
    title: 'Expression Evaluator',
    tag: 'EVAL',
    arguments: { expression: 'expression' },
  },
  {
    type: JobType.WaitThenSend,
    template: 'wait',
    title: 'Wait Then Send',
    tag: 'WAIT',
    arguments: { seconds: 'seconds', url: 'url' },
  },
];

/** Throws `INVALID_ARGUMENT`: a type that a newer client knows. */
export function kindOfType(type: number): JobKind {
  const kind = KINDS.find((candidate) => candidate.type === type);
  if (kind !== undefined) return kind;
  const known = KINDS.map((candidate) => `${candidate.type} (${candidate.title})`).join(', ');
  throw new CallError('INVALID_ARGUMENT', `type: found ${type}, wanted one of ${known}`);
}

/** Undefined for the Runs of other templates, which are no jobs. */
export function kindOfTemplate(template: string | undefined): JobKind | undefined {
  return KINDS.find((candidate) => candidate.template === template);
}

/** A template's parameters. Throws `INVALID_ARGUMENT` unless these are just the arguments of the type. */
export function parametersOf(kind: JobKind, given: Arguments | undefined): Record<string, number | string> {
  const parameters: Record<string, number | string> = {};
  for (const name of ARGUMENTS) {
    const value = given?.[name];
    const parameter = kind.arguments[name];
    if (parameter === undefined) {
      if (value === undefined) continue;
      const taken = Object.keys(kind.arguments).map((other) => `arguments.${other}`);
      throw wrongArgument(
        kind,
        name,
        `found ${shown(value)}, wanted none; it takes ${taken.join(' and ') || 'no arguments'}`,
      );
    }
    if (value === undefined) throw wrongArgument(kind, name, 'found nothing, wanted a value');
    if (typeof value === 'bigint' && !Number.isSafeInteger(Number(value))) {
      throw wrongArgument(kind, name, `found ${value}, wanted a number of at most 15 digits`);
    }
    parameters[parameter] = typeof value === 'bigint' ? Number(value) : value;
  }
  return parameters;
}

/** The arguments that these parameters were. */
export function argumentsOf(kind: JobKind, parameters: Readonly<Record<string, unknown>>): Arguments {
  const message = create(ArgumentsSchema);
  for (const [name, parameter] of Object.entries(kind.arguments)) {
    const value = parameters[parameter];
    if ((name === 'number' || name === 'seconds') && typeof value === 'number') message[name] = BigInt(value);
    if ((name === 'expression' || name === 'url') && typeof value === 'string') message[name] = value;
  }
  return message;
}

/** What a template says of its parameters, in the words of the arguments. */
export function inArguments(kind: JobKind, message: string): string {
  return Object.entries(kind.arguments).reduce(
    (text, [name, parameter]) => text.replaceAll(`spec.parameters.${parameter}`, `arguments.${name}`),
    message,
  );
}

function wrongArgument({ title }: JobKind, name: ArgumentName, problem: string): CallError {
  return new CallError('INVALID_ARGUMENT', `arguments.${name} of a ${title} job: ${problem}`);
}

function shown(value: bigint | string): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
