/** Foreign witnesses on the streams: @kubernetes/client-node, and Python's client where it is installed. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { PassThrough } from 'node:stream';
import { Attach, Exec, KubeConfig, PortForward, type V1Status } from '@kubernetes/client-node';
import { expect } from 'chai';
import { command } from '../../../walk/process.ts';
import { openRig, type Rig } from './rig.ts';

/** Debian's package is for Debian's interpreter, which need not be the first on PATH. */
const PYTHON = '/usr/bin/python3';
const hasPython = spawnSync(PYTHON, ['-c', 'import kubernetes.stream']).status === 0;

function collected(): { readonly stream: PassThrough; readonly text: () => string } {
  const stream = new PassThrough();
  const pieces: Buffer[] = [];
  stream.on('data', (piece: Buffer) => pieces.push(piece));
  return { stream, text: () => Buffer.concat(pieces).toString() };
}

describe('client libraries on streams', function () {
  this.timeout(30_000);
  let rig: Rig;
  let config: KubeConfig;
  before(async () => {
    rig = await openRig();
    config = new KubeConfig();
    config.loadFromFile(rig.kubeconfig);
  });
  after(() => rig.close());

  describe('@kubernetes/client-node', () => {
    const run = (words: string[], out: PassThrough, err: PassThrough | null, input: PassThrough | null) =>
      new Promise<V1Status>((resolve, reject) => {
        const exec = new Exec(config);
        exec.exec('default', 'hello', 'hello', words, out, err, input, false, resolve).catch(reject);
      });

    it('Exec: output, error output, exit code', async () => {
      const [out, err] = [collected(), collected()];
      const status = await run(['sh', '-c', 'echo out; echo err >&2; exit 7'], out.stream, err.stream, null);
      expect([out.text(), err.text()]).to.deep.equal(['out\n', 'err\n']);
      expect(status.details?.causes).to.deep.equal([{ reason: 'ExitCode', message: '7' }]);
    });

    it('Exec: megabytes of input, and its end', async () => {
      const out = collected();
      const input = new PassThrough();
      const status = run(['wc', '-c'], out.stream, null, input);
      input.end(Buffer.alloc(3_000_000));
      expect((await status).status).to.equal('Success');
      expect(out.text().trim()).to.equal('3000000');
    });

    it('Attach', async () => {
      rig.container.main = 'cat';
      const out = collected();
      const input = new PassThrough();
      const webSocket = await new Attach(config).attach(
        'default',
        'hello',
        'hello',
        out.stream,
        null,
        input,
        false,
      );
      const closed = new Promise((resolve) => webSocket.on('close', resolve));
      input.end('attached');
      await closed;
      expect(out.text()).to.equal('attached');
    });

    it('PortForward: there, back, and an error', async () => {
      const echo = createServer({ allowHalfOpen: true }, (socket) => void socket.pipe(socket));
      echo.listen(0, '127.0.0.1');
      await once(echo, 'listening');
      const { port } = echo.address() as AddressInfo;
      const forward = async (to: number, data: Buffer): Promise<readonly [number, string]> => {
        const [out, err] = [collected(), collected()];
        const input = new PassThrough();
        const webSocket = await new PortForward(config).portForward(
          'default',
          'hello',
          [to],
          out.stream,
          err.stream,
          input,
        );
        if (typeof webSocket === 'function') throw new Error('it was to be connected once');
        const closed = new Promise((resolve) => webSocket.on('close', resolve));
        input.end(data);
        await closed;
        return [out.text().length, err.text()];
      };
      expect(await forward(port, Buffer.alloc(500_000, 'x'))).to.deep.equal([500_000, '']);
      const [, error] = await forward(1, Buffer.from('x'));
      expect(error).to.match(/^error forwarding port 1 to pod "hello"/);
      echo.close();
    });
  });

  describe('Python', () => {
    before(function () {
      if (hasPython) return;
      console.warn('      no python3-kubernetes: its streams are not tested');
      this.skip();
    });

    it('stream: output, input as text, exit code; portforward', async () => {
      const echo = createServer({ allowHalfOpen: true }, (socket) => void socket.pipe(socket));
      echo.listen(0, '127.0.0.1');
      await once(echo, 'listening');
      const { port } = echo.address() as AddressInfo;
      const { code, stdout, stderr } = await command(PYTHON, ['-c', PYTHON_SCRIPT, String(port)], {
        env: { KUBECONFIG: rig.kubeconfig },
      });
      echo.close();
      expect(stderr).to.equal('');
      expect(stdout.trim().split('\n')).to.deep.equal(['out err', 'hello 2', '9', 'b echo', 'None']);
      expect(code).to.equal(0);
    });
  });
});

const PYTHON_SCRIPT = `
import os, sys
from kubernetes import client, config
from kubernetes.stream import portforward, stream
config.load_kube_config(os.environ['KUBECONFIG'])
core = client.CoreV1Api()
target = ('hello', 'default')
text = stream(core.connect_get_namespaced_pod_exec, *target, command=['sh', '-c', 'echo out; sleep 0.2; echo err >&2'],
              stderr=True, stdin=False, stdout=True, tty=False)
print(' '.join(text.split()))
shell = stream(core.connect_get_namespaced_pod_exec, *target, command=['sh'],
               stderr=True, stdin=True, stdout=True, tty=False, _preload_content=False)
shell.write_stdin('echo hello $((1+1)); exit 9\\n')
shell.run_forever(timeout=10)
print(shell.read_stdout().strip())
print(shell.returncode)
shell.close()
port = int(sys.argv[1])
forward = portforward(core.connect_get_namespaced_pod_portforward, *target, ports=str(port))
socket = forward.socket(port)
socket.settimeout(10)
socket.sendall(b'echo')
print('b ' + socket.recv(100).decode())
socket.close()
print(forward.error(port))
`;
