/** What Tasks say as they end, on a real engine: from a shell in the container to kubectl. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { eventually, GantryProcess } from './process.ts';

interface SeenTask {
  readonly metadata: { readonly uid: string };
  readonly status?: {
    readonly phase?: string;
    readonly attempts?: number;
    readonly container?: { readonly state?: string };
    readonly result?: {
      readonly outputs?: Readonly<Record<string, string>>;
      readonly stdout?: string;
      readonly message?: string;
    };
  };
}

/** What the container of a row does, and what its Task says then. */
interface Row {
  readonly script: string;
  readonly spec?: Record<string, unknown>;
  readonly result: NonNullable<SeenTask['status']>['result'];
}

const FILE = '/run/gantry/output';
const ROWS: Readonly<Record<string, Row>> = {
  'lines of the file, and the end of standard output alone': {
    script:
      'echo rows=42 >> $GANTRY_OUTPUT; echo "name=Ada Lovelace" >> $GANTRY_OUTPUT; echo told; echo not >&2; printf end',
    result: { outputs: { rows: '42', name: 'Ada Lovelace' }, stdout: 'told\nend' },
  },
  'a user that is not root, on a root file system that is read only': {
    script:
      'id -u >> $GANTRY_OUTPUT; echo user=$(id -u) >> $GANTRY_OUTPUT; touch /no 2>/dev/null || echo refused',
    spec: { securityContext: { runAsUser: 1000, readOnlyRootFilesystem: true } },
    result: { outputs: { user: '1000' }, stdout: 'refused\n', message: `line 1 of ${FILE} is not KEY=VALUE` },
  },
  'two users of one container': {
    script: 'echo root=yes >> $GANTRY_OUTPUT; su nobody -s /bin/sh -c "echo nobody=yes >> $GANTRY_OUTPUT"',
    result: { outputs: { root: 'yes', nobody: 'yes' }, stdout: '' },
  },
  'a file of its own in place of the one that was there': {
    script: 'echo a=1 > /run/gantry/next; mv /run/gantry/next $GANTRY_OUTPUT',
    result: { outputs: { a: '1' }, stdout: '' },
  },
  'a link to a file of the worker is told, and not followed': {
    script: 'ln -sf /etc/shadow $GANTRY_OUTPUT',
    result: { stdout: '', message: `${FILE} is a symbolic link, wanted a file with lines KEY=VALUE` },
  },
  'a FIFO holds nothing up': {
    script: 'rm $GANTRY_OUTPUT; mkfifo $GANTRY_OUTPUT',
    result: { stdout: '', message: `${FILE} is a FIFO, wanted a file with lines KEY=VALUE` },
  },
  '10 GB that take no place': {
    script: 'echo a=1 >> $GANTRY_OUTPUT; truncate -s 10G $GANTRY_OUTPUT',
    result: {
      outputs: { a: '1' },
      stdout: '',
      message: `of ${FILE} only the first 1048576 bytes were looked at`,
    },
  },
  'each try begins with an empty file': {
    script:
      'n=$(cat /tries/n 2>/dev/null || echo 0); echo $((n + 1)) > /tries/n; wc -c < $GANTRY_OUTPUT; echo try$n=yes >> $GANTRY_OUTPUT; [ $n = 1 ]',
    spec: {
      restartPolicy: 'OnFailure',
      volumes: [{ name: 'tries', emptyDir: {} }],
      volumeMounts: [{ name: 'tries', mountPath: '/tries' }],
    },
    result: { outputs: { try1: 'yes' }, stdout: '0\n' },
  },
};

describe('What Tasks say as they end', function () {
  this.timeout(120_000);
  let gantry: GantryProcess;

  before(async () => {
    gantry = await GantryProcess.open();
  });
  after(async () => gantry?.dispose());

  const kubectl = async (words: string, input?: string): Promise<string> => {
    const { code, stdout, stderr } = await gantry.kubectl(words.split(' '), input);
    expect(code, `kubectl ${words}\n${stderr}`).to.equal(0);
    return stdout;
  };
  const get = async (name: string): Promise<SeenTask> =>
    JSON.parse(await kubectl(`get task ${name} -o json`)) as SeenTask;
  const manifest = (name: string, script: string, spec: Record<string, unknown> = {}): unknown => ({
    apiVersion: 'gantry.dev/v1',
    kind: 'Task',
    metadata: { name },
    spec: {
      image: 'gantry/hello:1',
      command: ['/bin/sh', '-c', script],
      restartPolicy: 'Never',
      outputs: { stdoutBytes: 65_536 },
      ...spec,
    },
  });
  const apply = (...items: readonly unknown[]): Promise<string> =>
    kubectl('apply -f -', JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  const over = (name: string): Promise<SeenTask> =>
    eventually(
      `${name} is over`,
      async () => {
        const task = await get(name);
        return ['Succeeded', 'Failed'].includes(task.status?.phase ?? '') ? task : undefined;
      },
      60_000,
    );

  it('is what they wrote, whatever they are', async () => {
    const rows = Object.entries(ROWS).map(([name, row], index) => ({ name, task: `row-${index}`, ...row }));
    await apply(...rows.map(({ task, script, spec }) => manifest(task, script, spec)));
    for (const { name, task, result } of rows) {
      const { status } = await over(task);
      expect(status?.phase, name).to.equal('Succeeded');
      expect(status?.result, name).to.deep.equal(result);
    }
  });

  it('is the very end of much, to the last byte', async () => {
    await apply(manifest('much', 'seq 1 300000; printf "the very end"'));
    const { status } = await over('much');
    const all = `${Array.from({ length: 300_000 }, (_, index) => `${index + 1}\n`).join('')}the very end`;
    const hash = (text = ''): string => createHash('sha256').update(text).digest('hex');
    expect(hash(status?.result?.stdout)).to.equal(hash(all.slice(-65_536)));
  });

  it('is not lost by a Gantry that is killed before it has seen the end', async () => {
    await apply(manifest('survivor', 'sleep 2; echo a=1 >> $GANTRY_OUTPUT; echo said'));
    await eventually('it runs', async () =>
      (await get('survivor')).status?.phase === 'Running' ? true : undefined,
    );
    await gantry.stop('SIGKILL');
    await eventually('its container has ended', async () => {
      const ended = await gantry.containers(['label=gantry.dev/task=default/survivor', 'status=exited']);
      return ended.length > 0 ? true : undefined;
    });
    await gantry.start();
    const { status } = await over('survivor');
    expect(status).to.include({ attempts: 1 });
    expect(status?.result).to.deep.equal({ outputs: { a: '1' }, stdout: 'said\n' });
  });

  it('lies on the worker only as long as the Task is there', async function () {
    // Elsewhere the engine keeps it.
    if (process.getuid?.() !== 0) this.skip();
    const { metadata } = await get('survivor');
    const found = readdirSync(gantry.home, { recursive: true, encoding: 'utf8' }).find((path) =>
      path.endsWith(join(metadata.uid, '.outputs.1', 'output')),
    );
    expect(readFileSync(join(gantry.home, found ?? 'nowhere'), 'utf8')).to.equal('a=1\n');
    await kubectl('delete task survivor');
    const left = readdirSync(gantry.home, { recursive: true, encoding: 'utf8' });
    expect(left.filter((path) => path.includes(metadata.uid) && path.includes('outputs'))).to.deep.equal([]);
  });
});
