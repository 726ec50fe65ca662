/** `gantry completion`: what is offered where, and the scripts in the shells that are there. */
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { jobs, namespaces, runs, taskSets, tasks, taskTemplates } from '../../schemas/kinds.ts';
import { Certificates } from '../client/secureserver.ts';
import { CommandWorld } from './commandworld.ts';
import { run } from './terminal.ts';

const certificates = new Certificates();

describe('gantry completion', () => {
  let here: CommandWorld;
  before(async () => {
    here = await CommandWorld.open(certificates);
    for (const name of ['hello', 'help', 'web']) await here.create(tasks, name, { spec: { image: 'i' } });
    await here.create(namespaces, 'prod', {});
    await here.create(tasks, 'far', { metadata: { namespace: 'prod' }, spec: { image: 'i' } });
    await here.create(taskTemplates, 'fib', {
      spec: {
        parameters: {
          type: 'object',
          properties: {
            position: { type: 'integer', description: 'which one' },
            mode: { enum: ['fast', 'slow'] },
          },
        },
        template: { spec: { image: 'i', args: ['$(parameters.position)'] } },
      },
    });
    await here.create(jobs, 'etl', {
      spec: { parameters: [{ name: 'day' }], tasks: [{ name: 'a', template: { spec: { image: 'i' } } }] },
    });
    await here.create(runs, 'etl-1', { spec: { jobRef: { name: 'etl' } } });
    await here.create(taskSets, 'shop', {
      spec: {
        replicas: 0,
        selector: { matchLabels: { a: 'b' } },
        template: { metadata: { labels: { a: 'b' } }, spec: { image: 'i' } },
      },
    });
  });
  after(async () => {
    await here.close();
    certificates.remove();
  });

  /** What is offered for a line, the word being written after the last space; then what the shell is told. */
  const offered = async (line: string): Promise<string[]> => {
    const out = await here.ok(['__complete', '--', ...line.split(' ')]);
    return out
      .trimEnd()
      .split('\n')
      .map((text) => text.split('\t')[0] ?? '');
  };

  for (const [what, line, wanted] of [
    ['D4.7 commands', 'jo', ['jobs', ':none']],
    ['D4.7 commands of commands', 'jobs st', ['start', 'status', 'stop', ':none']],
    ['what can be started', 'jobs start ', ['eval', 'fib', 'noop', 'wait', ':none']],
    ['shells', 'completion ', ['bash', 'fish', 'zsh', ':none']],
    ['commands to be helped with', 'help jobs sta', ['start', 'status', ':none']],
    ['D4.7 flags', 'jobs start fib --c', ['--cert', '--ca', '--context', ':none']],
    ['flags before a command', '--name', ['--namespace', ':none']],
    ['no flag twice', 'get tasks --output json --out', [':none']],
    ['one that may be given twice', 'apply -f a --filen', ['--filename', ':none']],
    ['no flags after --', 'jobs start eval -- -', [':none']],
    ['D4.7 kinds', 'get tasks', ['tasks', 'tasksets', ':none']],
    ['D4.7 names', 'get task hel', ['hello', 'help', ':none']],
    ['names that are not there yet', 'delete task hello hel', ['help', ':none']],
    ['names after kinds', 'describe task/we', ['task/web', ':none']],
    ['names of another namespace', 'get tasks -n prod ', ['far', ':none']],
    ['names of another namespace, said first', '-n prod get tasks ', ['far', ':none']],
    ['namespaces', 'get tasks -n pr', ['prod', ':none']],
    ['namespaces in a word', 'get tasks --namespace=pr', ['--namespace=prod', ':none']],
    ['tasks to read the log of, and others', 'logs ', ['hello', 'help', 'web', 'run/', 'taskset/', ':none']],
    ['the one other', 'logs tas', ['taskset/', ':joined']],
    ['its names', 'logs taskset/', ['taskset/shop', ':none']],
    ['work types', 'dispatch f', ['fib', ':none']],
    ['their parameters', 'dispatch fib po', ['position=', ':joined']],
    ['parameters with few values', 'dispatch fib position=3 mode=', ['mode=fast', 'mode=slow', ':none']],
    ['parameters by flag', 'dispatch fib -p mo', ['mode=fast', 'mode=slow', ':none']],
    ['jobs', 'trigger e', ['etl', ':none']],
    ['their parameters', 'trigger etl -p ', ['day=', ':joined']],
    ['runs', 'cancel ', ['etl-1', ':none']],
    ['what is stopped', 'stop we', ['web', ':none']],
    ['rollouts', 'rollout status ', ['shop', ':none']],
    ['D4.7 values of settings', 'up --log-level wa', ['warn', ':none']],
    ['values of settings in a word', 'server --log-level=wa', ['--log-level=warn', ':none']],
    ['values of choices', 'apply --dry-run ', ['none', 'client', 'server', ':none']],
    ['forms of output', 'get tasks -o ', ['wide', 'json', 'yaml', 'name', 'jsonpath=', ':none']],
    ['files of flags', 'apply -f ', [':files']],
    ['files of arguments', 'restore b', [':files']],
    ['nothing for a kind that is none', 'get nonsense ', [':none']],
    ['nothing for a template that is none', 'dispatch nope x', [':none']],
    ['nothing where nothing is known', 'jobs status ', [':none']],
    ['nothing for values of other flags', 'jobs status --host ', [':none']],
    ['nothing for a flag that is none', 'get --nope=', [':none']],
  ] as const) {
    it(`offers ${what}: gantry ${line}`, async () => {
      expect(await offered(line)).to.deep.equal(wanted);
    });
  }

  it('offers nothing that a shell reads as more than a word, and no control characters', async () => {
    const odd = [
      '$(reboot)',
      'a;reboot',
      'two words',
      '`reboot`',
      'c\n:files',
      '~x',
      "it's",
      '>x',
      'a\u001b[2J',
    ];
    await here.create(taskTemplates, 'odd', {
      spec: {
        parameters: {
          type: 'object',
          properties: {
            how: { enum: [...odd, 'größe-1', 'a/b:c@d'] },
            told: { type: 'string', description: 'cleared\u001b[2J\u009b2J' },
          },
        },
        template: { spec: { image: 'i' } },
      },
    });
    expect(await offered('dispatch odd ho')).to.deep.equal(['how=größe-1', 'how=a/b:c@d', ':none']);
    expect(await here.ok('__complete -- dispatch odd to')).to.equal('told=\tcleared [2J 2J\n:joined\n');
  });

  it('tells what each is', async () => {
    expect(await here.ok('__complete -- jobs stat')).to.equal('status\tGet the status of a job\n:none\n');
    expect(await here.ok('__complete -- dispatch fib po')).to.equal('position=\twhich one\n:joined\n');
  });

  it('offers built-in kinds and no names, silently, where no server is', async () => {
    const bare = { env: { KUBECONFIG: '/nowhere' } };
    expect(await here.ok('__complete -- get tasksets', bare)).to.equal('tasksets\tTaskSet\n:none\n');
    expect(await here.ok('__complete -- get tasks x', bare)).to.equal(':none\n');
    expect(await here.ok('__complete -- trigger etl -p x', bare)).to.equal(':none\n');
  });

  it('waits a second at most for a server that says nothing', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const address = silent.address();
    const port = typeof address === 'object' ? address?.port : 0;
    const config = `{"apiVersion":"v1","kind":"Config","clusters":[{"name":"a","cluster":{"server":"http://127.0.0.1:${port}"}}],"users":[],"contexts":[{"name":"a","context":{"cluster":"a","user":""}}],"current-context":"a"}`;
    here.put('silent.yaml', config);
    const { systemClock } = await import('../../machinery/clock.ts');
    const beganMs = systemClock.monotonicMs();
    const ran = await run(['__complete', '--', 'get', 'task', '--kubeconfig', 'silent.yaml', 'h'], {
      directory: here.directory,
    });
    silent.close();
    expect(ran).to.deep.equal({ code: 0, out: ':none\n', err: '' });
    expect(systemClock.monotonicMs() - beganMs).to.be.within(900, 4_000);
  });

  describe('scripts', () => {
    let directory: string;
    before(() => {
      directory = mkdtempSync(join(tmpdir(), 'gantry-completion-'));
      symlinkSync(join(import.meta.dirname, '../../hack/gantry'), join(directory, 'gantry'));
    });
    after(() => rmSync(directory, { recursive: true, force: true }));

    it('D4.7 bash offers what the command does, whichever words bash makes of a line', async () => {
      writeFileSync(join(directory, 'gantry.bash'), (await run(['completion', 'bash'], { directory })).out);
      // As readline calls it: the line up to the cursor, and its words, = and : being words of their own.
      const cases: readonly (readonly string[])[] = [
        ['gantry', 'jobs', 'st'],
        ['gantry', 'up', '--log-level', 'wa'],
        ['gantry', 'up', '--log-level', '=', 'wa'],
        ['gantry', 'up', '--log-level', '='],
        ['gantry', 'get', 'tasks', ''],
        ['gantry', 'completion', ''],
      ];
      const lines = cases.map((words) => {
        const quoted = words.map((word) => `'${word}'`).join(' ');
        const line = words.join(' ').replace(/ = ?/, '=');
        return `COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; COMP_LINE='${line}'; COMP_POINT=\${#COMP_LINE}; _gantry 2>/dev/null; echo "\${COMPREPLY[*]}"`;
      });
      const text = `source "$1"; source "$1"; complete -p gantry; ${lines.join('; ')}`;
      const env = { PATH: `${directory}:${process.env.PATH ?? ''}`, HOME: directory };
      const { stdout, stderr } = await promisify(execFile)(
        'bash',
        ['--norc', '-c', text, 'bash', join(directory, 'gantry.bash')],
        { env, cwd: directory },
      );
      expect(stderr).to.equal('');
      expect(stdout.trimEnd().split('\n')).to.deep.equal([
        'complete -F _gantry gantry',
        'start status stop',
        'warn',
        'warn',
        'trace debug info warn error fatal silent',
        '',
        'bash fish zsh',
      ]);
    });

    for (const [shell, flag] of [
      ['bash', '-n'],
      ['zsh', '-n'],
      ['fish', '--no-execute'],
    ] as const) {
      it(`is one that ${shell} reads`, async function () {
        if (spawnSync(shell, ['-c', 'true']).error !== undefined) {
          // Not every machine has every shell.
          this.skip();
        }
        const file = join(directory, `check.${shell}`);
        writeFileSync(file, (await run(['completion', shell], { directory })).out);
        execFileSync(shell, [flag, file]);
      });
    }

    it('tells which shells there are', async () => {
      const { code, out } = await run(['completion'], { directory });
      expect([code, out]).to.deep.equal([0, out]);
      expect(out).to.include('  bash        Generate the autocompletion script for bash\n');
      expect((await run(['completion', 'tcsh'], { directory })).err).to.match(/unknown command "tcsh"/);
    });
  });
});
