/** The query parameters of the API, described once for both OpenAPI versions. */
export interface Parameter {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean';
  readonly description: string;
  /** May be given several times. */
  readonly isList?: boolean;
}

const text = (name: string, description: string): Parameter => ({ name, type: 'string', description });
const integer = (name: string, description: string): Parameter => ({ name, type: 'integer', description });
const flag = (name: string, description: string): Parameter => ({ name, type: 'boolean', description });

/** kubectl leaves validation to a server that has `fieldValidation` here. */
export const WRITE_PARAMETERS: readonly Parameter[] = [
  text('dryRun', 'All: everything runs but the write.'),
  text('fieldManager', 'The name of the actor that makes the change.'),
  text(
    'fieldValidation',
    'What to do about unknown fields: Strict refuses, Warn (default) drops them with a warning, Ignore drops them.',
  ),
];
export const DELETE_PARAMETERS: readonly Parameter[] = [
  text('dryRun', 'All: everything runs but the deletion.'),
  integer('gracePeriodSeconds', 'Seconds the object is given to end by itself.'),
  text('propagationPolicy', 'Background, Foreground or Orphan.'),
];
/** Gantry's own. */
const AT = text(
  'at',
  'Of this time: RFC 3339 such as 2026-11-21T10:00:00Z, or a duration back from now such as -10m; also what is deleted since. Not together with resourceVersion or watch.',
);
/** Kubernetes' get has none that generators know. */
export const GET_PARAMETERS: readonly Parameter[] = [
  text(
    'resourceVersion',
    'The version to read: that or a newer one, with resourceVersionMatch=Exact just that.',
  ),
  text('resourceVersionMatch', 'Exact or NotOlderThan.'),
  AT,
];
export const LIST_PARAMETERS: readonly Parameter[] = [
  text('labelSelector', 'Only objects with these labels.'),
  text('fieldSelector', 'Only objects with these fields.'),
  integer('limit', 'At most this many objects; the answer says how to go on.'),
  text('continue', 'Where the page before this one ended.'),
  text('resourceVersion', 'The version to read or to watch from.'),
  text('resourceVersionMatch', 'Exact or NotOlderThan.'),
  AT,
  integer('timeoutSeconds', 'How long a watch lasts.'),
  flag('watch', 'Stream the changes instead of listing.'),
  flag('allowWatchBookmarks', 'Send marks of progress into a watch.'),
  flag('sendInitialEvents', 'Begin a watch with the objects there are.'),
];
const SESSION_PARAMETERS: readonly Parameter[] = [
  text('container', 'The container: the name of the task.'),
  flag('stdin', 'Pass what is typed to the process.'),
  flag('stdout', 'Pass on what the process writes to its standard output.'),
  flag('stderr', 'Pass on what the process writes to its standard error.'),
  flag('tty', 'Give the process a terminal.'),
];

const HISTORY_PARAMETERS: readonly Parameter[] = [
  integer('limit', 'Versions of a page, 1 to 500; 100 unless set.'),
  integer('before', 'Only versions before this revision: what continue of the page before says.'),
  flag('status', 'Also versions that changed status alone.'),
  flag('objects', 'With the object as each version was written.'),
];

/** By the questions that are asked of an object: Gantry's own. */
export const QUESTION_PARAMETERS: Readonly<Record<string, readonly Parameter[]>> = {
  history: HISTORY_PARAMETERS,
  why: [],
};

/** By the subresources that are streams. */
export const STREAM_PARAMETERS: Readonly<Record<string, readonly Parameter[]>> = {
  attach: SESSION_PARAMETERS,
  exec: [
    { ...text('command', 'The program and its arguments, one each; not run in a shell.'), isList: true },
    ...SESSION_PARAMETERS,
  ],
  portforward: [{ ...integer('ports', 'The ports to forward, for WebSocket clients.'), isList: true }],
  log: [
    text('container', 'The container: the name of the task.'),
    flag('follow', 'Go on as the container writes.'),
    flag('previous', 'The log of the container before this one.'),
    integer('tailLines', 'Only this many lines from the end.'),
    integer('sinceSeconds', 'Only what is younger than this.'),
    text('sinceTime', 'Only what was written after this time.'),
    flag('timestamps', 'Begin every line with its time.'),
    integer('limitBytes', 'At most this many bytes.'),
  ],
};
