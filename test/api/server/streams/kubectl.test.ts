/**
 * Real kubectls on the streams: every version that is installed beside the one on PATH (`kubectl.1.27`, …), for they
 * speak three different protocols. The container is this machine; a real one is in test/walk.
 */
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { allKubectls } from '../../../kubectl/versions.ts';
import { openRig, type Rig } from './rig.ts';

/** SPDY only; SPDY with WebSocket on request; WebSocket for exec; WebSocket for both; the newest. */
const MINORS = [27, 29, 30, 31, 33];

interface Ended {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

const all = allKubectls();
const telling = all.filter(({ minor }) => MINORS.includes(minor));
const kubectls = telling.length > 0 ? telling : all;
const big = randomBytes(4_000_000);
const digest = createHash('sha256').update(big).digest('hex');

describe('kubectl on streams', function () {
  this.timeout(60_000);
  let rig: Rig;
  before(async function () {
    if (kubectls.length === 0) {
      console.warn('      no kubectl on PATH or in KUBECTL: its streams are not tested');
      this.skip();
    }
    rig = await openRig();
  });
  after(() => rig?.close());

  for (const { minor, path } of kubectls) {
    const version = `1.${minor}`;
    describe(version, () => {
      const start = (words: readonly string[], env: NodeJS.ProcessEnv = {}) =>
        spawn(path, [`--cache-dir=${join(rig.directory, version)}`, ...words], {
          env: { ...process.env, ...env, KUBECONFIG: rig.kubeconfig, HOME: rig.directory },
        });
      const run = async (
        words: readonly string[],
        input?: Buffer,
        env?: NodeJS.ProcessEnv,
      ): Promise<Ended> => {
        const child = start(words, env);
        child.stdin.on('error', () => undefined);
        child.stdin.end(input);
        const [stdout, stderr, [code]] = await Promise.all([
          child.stdout.toArray(),
          child.stderr.toArray(),
          once(child, 'close') as Promise<[number | null]>,
        ]);
        return {
          code,
          stdout: Buffer.concat(stdout as Buffer[]),
          stderr: Buffer.concat(stderr as Buffer[]).toString(),
        };
      };

      it('exec: output, error output, exit code', async () => {
        const { code, stdout, stderr } = await run([
          'exec',
          'hello',
          '--',
          'sh',
          '-c',
          'echo out; echo err >&2; exit 3',
        ]);
        expect([code, stdout.toString()]).to.deep.equal([3, 'out\n']);
        expect(stderr).to.equal('err\ncommand terminated with exit code 3\n');
      });

      if (minor === 29) {
        it('exec over WebSocket, asked for', async () => {
          const env = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'true' };
          const { code } = await run(['exec', 'hello', '--', 'sh', '-c', 'exit 4'], undefined, env);
          expect(code).to.equal(4);
        });
      }

      it('exec -i: megabytes in, and megabytes out', async () => {
        const summed = await run(['exec', '-i', 'hello', '--', 'sha256sum'], big);
        expect(summed.stdout.toString()).to.contain(digest);
        writeFileSync(join(rig.directory, 'big'), big);
        const { stdout } = await run(['exec', 'hello', '--', 'cat', join(rig.directory, 'big')]);
        expect(createHash('sha256').update(stdout).digest('hex')).to.equal(digest);
      });

      it('exec -it: a terminal, its size, and the exit code', async () => {
        rig.container.sizes.length = 0;
        const words = [path, 'exec', '-it', 'hello', '--', 'sh', '-c', 'read line; echo "<$line>"; exit 5'];
        const child = spawn('python3', ['-c', PTY, ...words], {
          env: { ...process.env, KUBECONFIG: rig.kubeconfig, HOME: rig.directory },
        });
        child.stdin.end('typed\n');
        const [stdout, [code]] = await Promise.all([
          child.stdout.toArray(),
          once(child, 'close') as Promise<[number]>,
        ]);
        expect(Buffer.concat(stdout as Buffer[]).toString()).to.contain('<typed>');
        expect(code).to.equal(5);
        expect(rig.container.sizes).to.deep.include({ columns: 91, rows: 33 });
      });

      it('exec of what is not there', async () => {
        const { code, stderr } = await run(['exec', 'hello', '--', 'no-such-command']);
        expect(code).to.equal(1);
        expect(stderr).to.match(/executable file not found in \$PATH/);
      });

      it('exec in a container that is not there says so, whatever was tried', async () => {
        const { code, stderr } = await run(['exec', 'hello', '-c', 'other', '--', 'true']);
        expect(code).to.equal(1);
        expect(stderr).to.match(/container other is not valid for pod hello|container not found/);
      });

      it('attach: what is typed goes in, what comes is shown', async () => {
        rig.container.main = 'read line; echo "main got $line"';
        const { code, stdout } = await run(['attach', '-i', 'hello'], Buffer.from('hi\n'));
        expect([code, stdout.toString()]).to.deep.equal([0, 'main got hi\n']);
      });

      it('cp: there and back', async () => {
        const [from, there, back] = ['from', 'there', 'back'].map((name) =>
          join(rig.directory, `${name}-${version}`),
        );
        if (from === undefined || there === undefined || back === undefined) throw new Error('three names');
        writeFileSync(from, big);
        expect((await run(['cp', from, `hello:${there}`])).stderr).to.equal('');
        expect(readFileSync(there).equals(big)).to.equal(true);
        expect((await run(['cp', `hello:${there}`, back])).code).to.equal(0);
        expect(readFileSync(back).equals(big)).to.equal(true);
      });

      it('port-forward: many connections at once, and an end of the session that is told', async () => {
        const echo = createServer({ allowHalfOpen: true }, (socket) => {
          socket.on('error', () => undefined);
          socket.pipe(socket);
        });
        echo.listen(0, '127.0.0.1');
        await once(echo, 'listening');
        const child = start(['port-forward', 'pod/hello', `:${(echo.address() as AddressInfo).port}`, ':1']);
        let said = '';
        const keep = (chunk: Buffer): void => void (said += chunk.toString());
        child.stdout.on('data', keep);
        child.stderr.on('data', keep);
        const exited = once(child, 'exit');
        try {
          const ports = await forwardedPorts(child.stdout, 2, () => said);
          const [open = 0, shut = 0] = ports;
          const echoes = await Promise.all(
            Array.from({ length: 40 }, (_, index) => echoed(open, 100_000 + index)),
          );
          expect(echoes.every((isSame) => isSame)).to.equal(true);
          connect(shut, '127.0.0.1').on('error', () => undefined);
          await exited;
          expect(said).to.match(/error forwarding port 1 to pod \\?"hello\\?"/);
          expect(said).to.match(/lost connection to pod/);
        } finally {
          child.kill();
          echo.close();
        }
      });
    });
  }
});

/** A terminal of 33 by 91 around a command: what comes in is typed once it runs; its exit code is the command's. */
const PTY = `
import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 33, 91, 0, 0))
    os.execvp(sys.argv[1], sys.argv[1:])
os.write(fd, sys.stdin.buffer.read())
while True:
    try:
        data = os.read(fd, 4096)
    except OSError:
        break
    if not data:
        break
    os.write(1, data)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

/** The local ports kubectl listens on, in the order they were asked for. */
async function forwardedPorts(
  stdout: NodeJS.ReadableStream,
  count: number,
  said: () => string,
): Promise<readonly number[]> {
  const found = (): number[] =>
    [...said().matchAll(/Forwarding from 127\.0\.0\.1:(\d+)/g)].map(([, port]) => Number(port));
  const timeout = AbortSignal.timeout(20_000);
  while (found().length < count) await once(stdout, 'data', { signal: timeout });
  return found();
}

function echoed(port: number, bytes: number): Promise<boolean> {
  const data = randomBytes(bytes);
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }, () => socket.end(data));
    socket.on('data', (piece: Buffer) => pieces.push(piece));
    socket.on('error', () => resolve(false));
    socket.on('close', () => resolve(Buffer.concat(pieces).equals(data)));
  });
}
