/**
 * The systemd unit that keeps Gantry running. Pure.
 *
 * It uses none of systemd's sandboxing: that would give Gantry a view of the file system of its own, and the volumes it
 * mounts would not be seen by the engine. Containers are not children of Gantry, so stopping the unit leaves them running.
 * Source of the syntax: systemd.service(5) and systemd.unit(5), "Command lines" and "Specifiers".
 */

export interface UnitOptions {
  /** `up` or `server`. */
  readonly role: 'up' | 'server';
  /** The program and all its words. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Units that are to be there first, as far as they are on the machine at all. */
  readonly after: readonly string[];
}

const MEANING = {
  up: 'Gantry: API server, controllers and the worker of this machine',
  server: 'Gantry: API server and controllers',
} as const;

export function unitText({ role, command, environment, after }: UnitOptions): string {
  const variables = Object.entries(environment).map(
    ([name, value]) => `Environment=${quoted(`${name}=${value}`)}`,
  );
  const others = ['network-online.target', ...after].join(' ');
  return `# Written by "gantry install"; run that again to change it. Removed by "gantry uninstall".
[Unit]
Description=${MEANING[role]}
After=${others}
Wants=${others}
# It is started again however often it ends: nothing else on the machine would do it.
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart=${command.map(word).join(' ')}
${variables.map((line) => `${line}\n`).join('')}Restart=always
RestartSec=1
TimeoutStopSec=30
# Containers are the engine's and stay; threads and open streams end with the process.
KillMode=mixed
UMask=0077
LimitNOFILE=1048576
TasksMax=infinity
# The machine that runs out of memory kills a task rather than what would start it again.
OOMScoreAdjust=-500

[Install]
WantedBy=multi-user.target
`;
}

/** One word of a command line: specifiers and variables are meant literally. */
function word(text: string): string {
  return quoted(text.replaceAll('$', '$$$$'));
}

function quoted(text: string): string {
  const literal = text.replaceAll('%', '%%');
  if (/^[\w@%+=:,./$-]+$/.test(literal)) return literal;
  return `"${literal.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`;
}
