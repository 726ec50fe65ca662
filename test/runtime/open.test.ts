import { expect } from 'chai';
import { systemClock } from '../../machinery/clock.ts';
import { newMetrics } from '../../machinery/metrics.ts';
import { dockerEndpoint, openRuntime } from '../../runtime/open.ts';
import { rejection } from './expectations.ts';

describe('openRuntime', () => {
  const SOCKET = { kind: 'unix', path: '/var/run/docker.sock' };
  const rows: readonly (readonly [string, Record<string, string>, object])[] = [
    ['docker:', {}, SOCKET],
    ['docker:', { DOCKER_HOST: '' }, SOCKET],
    ['docker:', { DOCKER_HOST: 'unix://' }, SOCKET],
    [
      'docker:',
      { DOCKER_HOST: 'unix:///run/user/1000/docker.sock' },
      { kind: 'unix', path: '/run/user/1000/docker.sock' },
    ],
    ['docker:unix:///tmp/d.sock', { DOCKER_HOST: 'tcp://elsewhere' }, { kind: 'unix', path: '/tmp/d.sock' }],
    ['docker:tcp://10.0.0.7', {}, { kind: 'tcp', host: '10.0.0.7', port: 2375 }],
    ['docker:tcp://[::1]:99', {}, { kind: 'tcp', host: '::1', port: 99 }],
    [
      'docker:tcp://engine:2376',
      { DOCKER_CERT_PATH: '/certs' },
      { kind: 'tcp', host: 'engine', port: 2376, certificatePath: '/certs' },
    ],
    [
      'docker:',
      { DOCKER_HOST: 'tcp://engine', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: '/certs' },
      { kind: 'tcp', host: 'engine', port: 2376, certificatePath: '/certs' },
    ],
  ];
  for (const [url, env, endpoint] of rows) {
    it(`reads ${url} with ${JSON.stringify(env)}`, () => {
      expect(dockerEndpoint(url, env)).to.deep.equal(endpoint);
    });
  }

  const refused: readonly (readonly [string, Record<string, string>, string])[] = [
    ['podman:', {}, 'found runtime "podman:", wanted docker:'],
    ['', {}, 'found runtime "", wanted docker:'],
    ['docker:ssh://host', {}, 'found runtime "ssh://host", wanted unix:///path or tcp://host:port'],
    ['docker:tcp://', {}, 'wanted unix:///path or tcp://host:port'],
    ['docker:tcp://host:2375/path', {}, 'wanted unix:///path or tcp://host:port'],
    ['docker:unix://relative.sock', {}, 'wanted an absolute path'],
    ['docker:', { DOCKER_HOST: 'http://x' }, 'found DOCKER_HOST "http://x"'],
    ['docker:tcp://engine:2376', {}, 'set DOCKER_CERT_PATH'],
  ];
  for (const [url, env, message] of refused) {
    it(`refuses ${url || 'nothing'} with ${JSON.stringify(env)}`, () => {
      expect(() => dockerEndpoint(url, env)).to.throw(message);
    });
  }

  it('opens without an engine, says so at the first call, and counts it', async () => {
    const metrics = newMetrics();
    const runtime = openRuntime('docker:unix:///nowhere/docker.sock', {
      clock: systemClock,
      metrics,
      env: {},
    });
    const error = await rejection(runtime.info(new AbortController().signal), 'Unavailable');
    expect(error.message).to.include('/nowhere/docker.sock');
    expect(await metrics.metrics()).to.include(
      'gantry_runtime_operation_errors_total{operation="info",reason="Unavailable"} 1',
    );
  });

  it('says which certificate file is missing', () => {
    const env = { DOCKER_CERT_PATH: '/nowhere' };
    expect(() =>
      openRuntime('docker:tcp://engine:2376', { clock: systemClock, metrics: newMetrics(), env }),
    ).to.throw('cannot read /nowhere/ca.pem');
  });
});
