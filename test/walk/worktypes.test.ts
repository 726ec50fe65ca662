/**
 * The work types that ship, in their image: what they calculate, and that what they are given is data to them, whatever it
 * looks like. The name is the specification, the row is the call.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { loadAll } from 'js-yaml';
import { messageOf } from '../../machinery/errors.ts';
import { isRecord, readPath } from '../../machinery/json.ts';
import { ANNOTATION_LOG_TAG, ANNOTATION_TITLE } from '../../machinery/labels.ts';
import { Limiter } from '../../machinery/limiter.ts';
import { runs, taskTemplates } from '../../schemas/kinds.ts';
import type { Run, TaskTemplate } from '../../schemas/types.gen.ts';
import { openWorld } from '../world.ts';
import { command, eventually, type Output } from './process.ts';

const IMAGE = 'gantry/worktypes:1';
const CALLS_AT_ONCE = 6;
const templates = join(import.meta.dirname, '../../manifests/templates');

/** What people call each, and the tag in front of its output. */
const TITLES: Readonly<Record<string, readonly [string, string]>> = {
  ansible: ['Ansible', 'ANSIBLE'],
  docker: ['Docker', 'DOCKER'],
  eval: ['Expression Evaluator', 'EVAL'],
  fib: ['Fibonacci', 'FIB'],
  metrics: ['Metrics', 'METRICS'],
  noop: ['Noop', 'NOOP'],
  wait: ['Wait Then Send', 'WAIT'],
};

interface Row {
  readonly words: readonly string[];
  /** On standard output; a text is the last line. */
  readonly says?: string | RegExp;
  /** On standard error. */
  readonly complains?: RegExp;
  readonly code?: number;
  readonly outputs?: string | RegExp;
}

const value = (says: string, result: string, ...words: string[]): Row => ({
  words,
  says: `${says}; value is '${result}'.`,
  outputs: `value=${result}\n`,
});
const refused = (code: number, complains: RegExp, ...words: string[]): Row => ({ words, complains, code });

/** Counted from 1, as the work type does. */
function fibonacci(position: number): string {
  let [here, next] = [0n, 1n];
  for (let at = 1; at < position; at++) [here, next] = [next, here + next];
  return String(here);
}

const FIB: Readonly<Record<string, Row>> = {
  'in the words of the original': {
    words: ['fib', '3'],
    says: /^Calculating the value of the 3rd value in the Fibonacci sequence\nUsing lookup; value is '1'\.\n$/,
    outputs: 'value=1\n',
  },
  ...Object.fromEntries(
    Object.entries({
      1: '1st',
      2: '2nd',
      4: '4th',
      11: '11th',
      12: '12th',
      13: '13th',
      21: '21st',
      111: '111th',
      1_002: '1002nd',
    }).map(([at, ordinal]) => [
      `the ordinal ${ordinal}`,
      {
        words: ['fib', at],
        says: new RegExp(`^Calculating the value of the ${ordinal} value `),
        outputs: `value=${fibonacci(Number(at))}\n`,
      },
    ]),
  ),
  ...Object.fromEntries(
    [1, 2, 4, 10, 11, 12, 94, 1_000, 10_000].map((at) => [
      `the value at ${at}`,
      value(at <= 10 ? 'Using lookup' : 'Added up', fibonacci(at), 'fib', String(at)),
    ]),
  ),
  'zeros in front are nothing': value('Using lookup', '34', 'fib', '0010'),
  'there is no position 0': refused(64, /must be a number from 1 to 10000/, 'fib', '0'),
  'nor 10001': refused(64, /must be a number from 1 to 10000/, 'fib', '10001'),
  'nor -1': refused(64, /must be a number from 1 to 10000/, 'fib', '-1'),
  'nor none': refused(64, /found 0 arguments/, 'fib'),
  'nor two': refused(64, /found 2 arguments/, 'fib', '1', '2'),
};

const EVAL: Readonly<Record<string, Row>> = {
  'products before sums': value('Evaluated', '14', 'eval', '2 + 3 * 4'),
  'parentheses first': value('Evaluated', '20', 'eval', '(2 + 3) * 4'),
  'powers before signs, and from the right': value('Evaluated', '-512', 'eval', '-2^3^2'),
  'negative powers': value('Evaluated', '0.25', 'eval', '2^-2'),
  'decimals as people count them': value('Evaluated', '0.3', 'eval', '0.1 + 0.2'),
  'quotients to 20 places': value('Evaluated', '-0.66666666666666666666', 'eval', '-2/3'),
  'a whole remainder': value('Evaluated', '1.5', 'eval', '7.5 % 2'),
  'numbers of any length': value('Evaluated', String(2n ** 4_096n), 'eval', '2^4096'),
  'division by zero': refused(65, /division by zero/, 'eval', '1 / (2 - 2)'),
  'zero to a negative power': refused(65, /division by zero/, 'eval', '0^-1'),
  'a power that is not whole': refused(65, /an exponent must be a whole number/, 'eval', '2^0.5'),
  'a power that is too large': refused(65, /an exponent can be 10000 at most/, 'eval', '9^99999'),
  'what would never end': refused(65, /cannot be calculated within 10 seconds/, 'eval', '(9^9999)^9999'),
  'a value that is too long': refused(
    65,
    /has \d+ digits, and can have 10000 at most/,
    'eval',
    '9^9999 * 9^9999',
  ),
  'an end too soon': refused(65, /found the end of the expression, wanted a number/, 'eval', '2 *'),
  'a parenthesis too few': refused(65, /wanted '\)'/, 'eval', '(1 + 2'),
  'a parenthesis too many': refused(65, /found '\)' at place 2, wanted an operator/, 'eval', '1)'),
  words: refused(65, /found 's' at place 1/, 'eval', 'scale'),
  'too deep': refused(65, /nested more than 100 deep/, 'eval', `${'('.repeat(400)}1`),
  'too long': refused(65, /has 1001 characters/, 'eval', '1'.repeat(1_001)),
  nothing: refused(65, /found the end/, 'eval', ''),
};

const SECRET = '/worktypes/made-by-an-attack';
const HOSTILE: readonly string[] = [
  '; rm -rf / #',
  `$(touch ${SECRET})`,
  `\`touch ${SECRET}\``,
  `1; touch ${SECRET}`,
  `1\ntouch ${SECRET}`,
  "1\nEvaluated; value is '666'.",
  "1\rEvaluated; value is '666'.",
  '-f /etc/passwd',
  '--help',
  '-e BEGIN{system("id")}',
  'system("id")',
  `1") ; system("touch ${SECRET}") #`,
  'read()',
  't[1]',
  'halt',
  '1\\\n2',
  "'; id; '",
  '${PATH}',
  '*',
  '/dev/stdin',
  '\u202e1+1',
  '%s%s%s%n',
];

const WAIT: Readonly<Record<string, Row>> = {
  'seconds that are none': refused(64, /seconds must be a number from 0 to 86400/, 'wait', '-1', 'http://a/'),
  'too many seconds': refused(64, /seconds must be/, 'wait', '86401', 'http://a/'),
  'no URL': refused(64, /found 1 arguments/, 'wait', '1'),
  'an option in place of a URL': refused(64, /must begin with http/, 'wait', '0', '--post-file=/etc/passwd'),
  'a header in a URL': refused(64, /visible ASCII/, 'wait', '0', 'http://a/ HTTP/1.1\r\nX: y'),
  'a file': refused(64, /must begin with http/, 'wait', '0', 'file:///etc/passwd'),
  'certificates nobody checks': refused(64, /can check no certificates/, 'wait', '0', 'https://a/'),
  'another method': refused(64, /method must be POST or GET/, 'wait', '0', 'http://a/', 'DELETE'),
  'nobody there: worth another try': refused(75, /No answer: .*refused/, 'wait', '0', 'http://127.0.0.1:9/'),
  'a POST by default': {
    words: ['wait', '0', 'http://127.0.0.1:8080/done'],
    says: /Sending an empty POST request to http:\/\/127\.0\.0\.1:8080\/done\nthanks\nAnswered; status is '200'\.\n$/,
    outputs: 'status=200\n',
  },
  'or a GET': {
    words: ['wait', '1', 'http://127.0.0.1:8082/?a=$(id)&b=1', 'GET'],
    says: /^Waiting 1 second before sending a request\nSending an empty GET request .*\nthanks\nAnswered; status is '200'\.\n$/,
    outputs: 'status=200\n',
  },
  'an answer that is no success': {
    words: ['wait', '0', 'http://127.0.0.1:8081/none', 'GET'],
    says: "Answered; status is '404'.",
    outputs: 'status=404\n',
    code: 69,
  },
};

const METRICS: Readonly<Record<string, Row>> = {
  'what the kernel tells of the machine': {
    words: ['metrics'],
    says: /^Load [\d. ]+ on \d+ processors\nMemory: \d+ of \d+ bytes are available\nDisk: \d+ of \d+ bytes are available\nUp for \d+ seconds\n$/,
    outputs:
      /^load1=[\d.]+\nload5=[\d.]+\nload15=[\d.]+\ncpus=[1-9]\d*\nmemory_total_bytes=[1-9]\d*\nmemory_available_bytes=\d+\ndisk_total_bytes=[1-9]\d*\ndisk_available_bytes=\d+\nuptime_seconds=\d+\n$/,
  },
  'takes no arguments': refused(64, /found 1 arguments, wanted none/, 'metrics', 'x'),
};

const DOCKER: Readonly<Record<string, Row>> = {
  'no action': refused(64, /found 0 arguments/, 'docker'),
  'another action': refused(64, /must be one of ps, images/, 'docker', 'rm', 'web'),
  'a target too many': refused(64, /ps takes no target/, 'docker', 'ps', 'web'),
  'a target too few': refused(64, /restart needs a target/, 'docker', 'restart', ''),
  'an option for a target': refused(64, /must be the name of a container/, 'docker', 'logs', '--follow'),
  'a shell’s words for a target': refused(64, /must be the name of a container/, 'docker', 'pull', 'a;id'),
  'an image without the command': refused(69, /no docker command/, 'docker', 'ps'),
};

describe('The work types that ship', function () {
  this.timeout(60_000);
  let container: string;

  const docker = async (...words: string[]): Promise<string> => {
    const { code, stdout, stderr } = await command('docker', words);
    expect(code, `docker ${words.join(' ')}\n${stderr}`).to.equal(0);
    return stdout.trim();
  };
  /** Answer thanks, each to one at a time; and one that has no file of the name. */
  const SERVERS =
    'httpd -p 8081 -h /; thank() { while :; do printf "HTTP/1.1 200 OK\\r\\nConnection: close\\r\\n\\r\\nthanks" | nc -l -p $1; done; }; thank 8080 & thank 8082';
  before(async () => {
    const names = ['run', '-d', '--network', 'none', '--read-only', '--tmpfs', '/run/gantry:mode=1777'];
    const out = ['--env', 'GANTRY_OUTPUT=/run/gantry/output', '--cap-drop', 'ALL', '--memory', '64m'];
    container = await docker(...names, ...out, IMAGE, 'sh', '-c', SERVERS);
    await eventually('they listen', async () => {
      const listening = await sh('netstat -ltn');
      return [8080, 8081, 8082].every((port) => listening.includes(`:${port} `)) || undefined;
    });
  });
  after(async () => {
    if (container !== undefined) await docker('rm', '-f', container);
  });

  const sh = (script: string): Promise<string> => docker('exec', container, 'sh', '-c', script);
  /** Each call with a file for outputs of its own, which is told after what the work says. */
  const SCRIPT =
    '"$@"; code=$?; [ ! -e "$GANTRY_OUTPUT" ] || sed "s/^/OUTPUT /" "$GANTRY_OUTPUT"; exit $code';
  const limiter = new Limiter(CALLS_AT_ONCE);
  let calls = 0;
  const call = ([name = '', ...words]: readonly string[]): Promise<Output & { readonly outputs: string }> =>
    limiter.run(new AbortController().signal, async () => {
      const file = `GANTRY_OUTPUT=/run/gantry/output${++calls}`;
      const shell = ['exec', '--env', file, container, 'sh', '-c', SCRIPT, 'sh'];
      const { code, stdout, stderr } = await command('docker', [...shell, `/worktypes/${name}`, ...words]);
      const lines = stdout.split(/(?<=\n)/);
      const told = lines.filter((line) => line.startsWith('OUTPUT '));
      const said = lines.filter((line) => !told.includes(line)).join('');
      return {
        code,
        stdout: said,
        stderr,
        outputs: told.map((line) => line.slice('OUTPUT '.length)).join(''),
      };
    });

  for (const [type, rows] of Object.entries({
    fib: FIB,
    eval: EVAL,
    wait: WAIT,
    metrics: METRICS,
    docker: DOCKER,
  })) {
    describe(type, () => {
      const answers = new Map<string, ReturnType<typeof call>>();
      before(() => {
        for (const [name, { words }] of Object.entries(rows)) answers.set(name, call(words));
      });
      for (const [name, { says, complains, code = 0, outputs = '' }] of Object.entries(rows)) {
        it(name, async () => {
          const answer = await answers.get(name);
          expect(answer?.code, answer?.stderr).to.equal(code);
          if (typeof says === 'string') expect(answer?.stdout.trimEnd().split('\n').at(-1)).to.equal(says);
          else if (says !== undefined) expect(answer?.stdout).to.match(says);
          if (complains === undefined) expect(answer?.stderr).to.equal('');
          else
            expect(answer?.stderr)
              .to.match(complains)
              .and.to.match(/^(?:Killed\n)?[ -~]+\n$/);
          if (typeof outputs === 'string') expect(answer?.outputs).to.equal(outputs);
          else expect(answer?.outputs).to.match(outputs);
        });
      }
    });
  }

  it('noop does nothing and says nothing', async () => {
    expect(await call(['noop'])).to.deep.equal({ code: 0, stdout: '', stderr: '', outputs: '' });
  });

  it('take what is hostile as data: told, and nothing done', async () => {
    const attacks = HOSTILE.flatMap((text) => [
      ['eval', text],
      ['fib', text],
      ['wait', text, 'http://127.0.0.1:9/'],
      ['wait', '0', text],
      ['wait', '0', 'http://127.0.0.1:9/', text],
    ]);
    await Promise.all(
      attacks.map(async (words) => {
        const { code, stdout, stderr, outputs } = await call(words);
        expect(code, `${JSON.stringify(words)} ${stderr}`).to.be.oneOf([64, 65]);
        expect(stdout, JSON.stringify(words)).to.not.match(
          /uid=|root:|^(?:Evaluated|Added up|Using|Answered)/m,
        );
        expect(stderr, JSON.stringify(words)).to.match(/^[ -~]+\n$/);
        expect(outputs).to.equal('');
      }),
    );
    expect(await sh(`ls ${SECRET} 2>&1 || ls /worktypes`)).to.equal(
      `ls: ${SECRET}: No such file or directory\ndocker\neval\neval.awk\nfib\nmetrics\nnoop\nwait`,
    );
  });

  it('a wait that is cancelled ends at once', async () => {
    const waiting = await docker('run', '-d', IMAGE, '/worktypes/wait', '3600', 'http://127.0.0.1/');
    try {
      await eventually(
        'it waits',
        async () => (await docker('logs', waiting)).includes('Waiting') || undefined,
      );
      const beganMs = Date.now();
      await docker('stop', '-t', '30', waiting);
      expect(Date.now() - beganMs).to.be.lessThan(15_000);
      expect(await docker('inspect', '--format', '{{.State.ExitCode}}', waiting)).to.equal('143');
    } finally {
      await docker('rm', '-f', waiting);
    }
  });

  /** Stands in for a program that is not in the image: prints its words, each in brackets. */
  const STAND_IN = '#!/bin/sh\nfor word; do printf "[%s]" "$word"; done\n';
  const withStandIn = (program: string, ...words: string[]): Promise<string> =>
    docker(
      'run',
      '--rm',
      '--network',
      'none',
      '--user',
      '0',
      '--env',
      'PATH=/stand-in:/bin',
      '--env',
      `STAND_IN=${STAND_IN}`,
      '--tmpfs',
      '/stand-in:exec',
      IMAGE,
      'sh',
      '-c',
      `printf %s "$STAND_IN" >/stand-in/${program}; chmod 755 /stand-in/${program}; exec "$@"`,
      'sh',
      ...words,
    );

  for (const [action, target, wanted] of [
    ['ps', '', '[ps][--all][--no-trunc]'],
    ['images', '', '[images]'],
    ['info', '', '[info]'],
    ['inspect', 'web', '[inspect][--type][container][--][web]'],
    ['logs', 'web', '[logs][--tail][100][--][web]'],
    ['restart', 'web', '[restart][--][web]'],
    ['pull', 'registry:5000/a/b:1@sha256:ab', '[pull][--quiet][--][registry:5000/a/b:1@sha256:ab]'],
  ] as const) {
    it(`docker ${action} ${target}: the command is given just ${wanted}`, async () => {
      expect(await withStandIn('docker', '/worktypes/docker', action, target)).to.equal(wanted);
    });
  }

  it('D2.12 ansible hands its parameters on as they are, each as one word, and none as an option', async () => {
    const [manifest] = loadAll(readFileSync(join(templates, 'ansible.yaml'), 'utf8'));
    const command = readPath(manifest, ['spec', 'template', 'spec', 'command']);
    const words = Array.isArray(command) ? command.map(String) : [];
    const hostile = `{"a":"$(touch ${SECRET}); \`id\` -x \\"'"}`;
    expect(
      await withStandIn('ansible-playbook', ...words, 'site.yml', 'a,b,', 'all', hostile, 'false'),
    ).to.equal(`[--inventory=a,b,][--limit=all][--extra-vars=${hostile}][--][/playbooks/site.yml]`);
    expect(
      await withStandIn('ansible-playbook', ...words, 'x/y.yaml', 'localhost,', 'web*', '{}', 'true'),
    ).to.equal(
      '[--check][--diff][--inventory=localhost,][--limit=web*][--extra-vars={}][--][/playbooks/x/y.yaml]',
    );
  });

  it('have templates that a server takes, and whose parameters it judges', async () => {
    const world = await openWorld();
    try {
      for (const file of readdirSync(templates)) {
        const [template] = loadAll(readFileSync(join(templates, file), 'utf8')) as [TaskTemplate];
        // As kubectl asks for it: a field that is none, or in a wrong place, is an error and not dropped.
        await world.admin.create(
          taskTemplates,
          { ...template, metadata: { ...template.metadata, namespace: 'default' } },
          { fieldValidation: 'Strict' },
        );
      }
      const dispatch = (name: string, parameters: Record<string, unknown>): Promise<string> =>
        world.admin
          .create(runs, {
            apiVersion: 'gantry.dev/v1',
            kind: 'Run',
            metadata: { generateName: 'r-', namespace: 'default' },
            spec: { templateRef: { name }, parameters },
          } as unknown as Run)
          .then(
            () => 'taken',
            (error: unknown) => messageOf(error),
          );
      for (const [name, agentType] of [
        ['ansible', 'infra'],
        ['docker', 'infra'],
        ['metrics', 'desktop'],
      ] as const) {
        const { spec } = await world.admin.get(taskTemplates, { namespace: 'default', name });
        expect(spec.workerSelector, name).to.deep.equal({ 'gantry.dev/agent-type': agentType });
      }
      expect(await dispatch('metrics', {})).to.equal('taken');
      expect(await dispatch('docker', { action: 'ps' })).to.equal('taken');
      expect(await dispatch('docker', { action: 'rm' })).to.include('spec.parameters.action');
      expect(await dispatch('docker', { action: 'logs', target: '--follow' })).to.include(
        'spec.parameters.target',
      );
      expect(
        await dispatch('ansible', { playbook: 'site.yml', variables: { a: [1] }, check: true }),
      ).to.equal('taken');
      for (const playbook of ['../../etc/passwd', '--version', '/site.yml', 'a/../b.yml', 'site.txt'])
        expect(await dispatch('ansible', { playbook }), playbook).to.include('spec.parameters.playbook');
      expect(await dispatch('ansible', { playbook: 'a.yml', inventory: '--list' })).to.include(
        'spec.parameters.inventory',
      );
    } finally {
      await world.close();
    }
  });

  it('D2.7 D2.12 have a template each, that names all its parameters and what people call it', () => {
    const found = readdirSync(templates).toSorted();
    expect(found.join()).to.equal(
      'ansible.yaml,docker.yaml,eval.yaml,fib.yaml,metrics.yaml,noop.yaml,wait.yaml',
    );
    for (const file of found) {
      const [template, ...more] = loadAll(readFileSync(join(templates, file), 'utf8'));
      expect(more).to.deep.equal([]);
      const spec = isRecord(template) && isRecord(template['spec']) ? template['spec'] : {};
      const name = file.replace('.yaml', '');
      expect(template).to.include({ kind: 'TaskTemplate' });
      expect(template).to.have.nested.property('metadata.name', name);
      expect(readPath(template, ['metadata', 'annotations', ANNOTATION_TITLE])).to.equal(TITLES[name]?.[0]);
      expect(readPath(template, ['metadata', 'annotations', ANNOTATION_LOG_TAG])).to.equal(TITLES[name]?.[1]);
      expect(spec['description']).to.be.a('string');
      expect(spec['parameters']).to.include({ type: 'object', additionalProperties: false });
      const image = name === 'ansible' || name === 'docker' ? `gantry/${name}:1` : IMAGE;
      expect(spec).to.have.nested.property('template.spec.image', image);
      if (name === 'ansible') continue;
      expect(spec).to.have.nested.property('template.spec.command[0]', `/worktypes/${name}`);
    }
  });
});
