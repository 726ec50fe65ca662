/**
 * The work types that ship, in their image: what they calculate, and that what they are given is data to them, whatever it
 * looks like. The name is the specification, the row is the call.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { loadAll } from 'js-yaml';
import { isRecord } from '../../machinery/json.ts';
import { Limiter } from '../../machinery/limiter.ts';
import { command, eventually, type Output } from './process.ts';

const IMAGE = 'gantry/worktypes:1';
const CALLS_AT_ONCE = 6;
const templates = join(import.meta.dirname, '../../manifests/templates');

interface Row {
  readonly words: readonly string[];
  /** On standard output; a text is the last line. */
  readonly says?: string | RegExp;
  /** On standard error. */
  readonly complains?: RegExp;
  readonly code?: number;
  readonly outputs?: string;
}

const value = (result: string, ...words: string[]): Row => ({
  words,
  says: `[RESULT] ${result}`,
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
    says: /^\[FIB\] Calculating the value of the 3rd value in the Fibonacci sequence\n\[FIB\] Using lookup; value is '1'\.\n\[RESULT\] 1\n$/,
    outputs: 'value=1\n',
  },
  ...Object.fromEntries(
    [1, 2, 4, 10, 11, 12, 94, 1_000, 10_000].map((at) => [
      `the value at ${at}`,
      value(fibonacci(at), 'fib', String(at)),
    ]),
  ),
  'zeros in front are nothing': value('34', 'fib', '0010'),
  'there is no position 0': refused(64, /must be a number from 1 to 10000/, 'fib', '0'),
  'nor 10001': refused(64, /must be a number from 1 to 10000/, 'fib', '10001'),
  'nor -1': refused(64, /must be a number from 1 to 10000/, 'fib', '-1'),
  'nor none': refused(64, /found 0 arguments/, 'fib'),
  'nor two': refused(64, /found 2 arguments/, 'fib', '1', '2'),
};

const EVAL: Readonly<Record<string, Row>> = {
  'products before sums': value('14', 'eval', '2 + 3 * 4'),
  'parentheses first': value('20', 'eval', '(2 + 3) * 4'),
  'powers before signs, and from the right': value('-512', 'eval', '-2^3^2'),
  'negative powers': value('0.25', 'eval', '2^-2'),
  'decimals as people count them': value('0.3', 'eval', '0.1 + 0.2'),
  'quotients to 20 places': value('-0.66666666666666666666', 'eval', '-2/3'),
  'a whole remainder': value('1.5', 'eval', '7.5 % 2'),
  'numbers of any length': value(String(2n ** 4_096n), 'eval', '2^4096'),
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
  '1\n[RESULT] 666',
  '1\r[RESULT] 666',
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
    says: /Sending an empty POST request to http:\/\/127\.0\.0\.1:8080\/done\nthanks\n\[RESULT\] 200\n$/,
    outputs: 'status=200\n',
  },
  'or a GET': {
    words: ['wait', '1', 'http://127.0.0.1:8082/?a=$(id)&b=1', 'GET'],
    says: /Waiting 1 seconds\n\[WAIT\] Sending an empty GET request .*\nthanks\n\[RESULT\] 200\n$/,
    outputs: 'status=200\n',
  },
  'an answer that is no success': {
    words: ['wait', '0', 'http://127.0.0.1:8081/none', 'GET'],
    says: '[RESULT] 404',
    outputs: 'status=404\n',
    code: 69,
  },
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

  for (const [type, rows] of Object.entries({ fib: FIB, eval: EVAL, wait: WAIT })) {
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
              .and.to.match(/^(?:Killed\n)?\[[A-Z]+\] [ -~]+\n$/);
          expect(answer?.outputs).to.equal(outputs);
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
        expect(stdout, JSON.stringify(words)).to.not.match(/uid=|root:|^\[RESULT\]/m);
        expect(stderr, JSON.stringify(words)).to.match(/^\[[A-Z]+\] [ -~]+\n$/);
        expect(outputs).to.equal('');
      }),
    );
    expect(await sh(`ls ${SECRET} 2>&1 || ls /worktypes`)).to.equal(
      `ls: ${SECRET}: No such file or directory\neval\neval.awk\nfib\nnoop\nwait`,
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

  it('have a template each, of this image, that names all its parameters', () => {
    const found = readdirSync(templates).toSorted();
    expect(found).to.deep.equal(['eval.yaml', 'fib.yaml', 'noop.yaml', 'wait.yaml']);
    for (const file of found) {
      const [template, ...more] = loadAll(readFileSync(join(templates, file), 'utf8'));
      expect(more).to.deep.equal([]);
      const spec = isRecord(template) && isRecord(template['spec']) ? template['spec'] : {};
      const name = file.replace('.yaml', '');
      expect(template).to.deep.include({ kind: 'TaskTemplate', metadata: { name } });
      expect(spec['description']).to.be.a('string');
      expect(spec['parameters']).to.include({ type: 'object', additionalProperties: false });
      expect(spec).to.have.nested.property('template.spec.image', IMAGE);
      expect(spec).to.have.nested.property('template.spec.command[0]', `/worktypes/${name}`);
    }
  });
});
