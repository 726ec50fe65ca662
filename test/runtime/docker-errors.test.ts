import { expect } from 'chai';
import { RuntimeError } from '../../machinery/errors.ts';
import { pullError, statusOf, textOf, translateDockerError } from '../../runtime/docker/errors.ts';

const HOLDER = 'b5c5831b85c90abcbec270640082b8fd7f62c454538dc7fbb9081d545a710215';

/** As dockerode makes it. */
function answer(statusCode: number, text: string, said = 'server error'): Error {
  return Object.assign(new Error(`(HTTP code ${statusCode}) ${said} - ${text} `), { statusCode });
}

function failure(code: string): Error {
  return Object.assign(new Error(`connect ${code} /var/run/docker.sock`), { code });
}

describe('Docker errors', () => {
  // The engine's words as 20.10 and 28 say them.
  const rows: readonly (readonly [string, Error, string])[] = [
    ['a missing container', answer(404, 'No such container: x', 'no such container'), 'NotFound'],
    ['a missing image', answer(404, 'No such image: nope/nope:1', 'no such container'), 'ImageNotFound'],
    [
      'an image no registry has',
      answer(404, 'manifest for a:1 not found: manifest unknown: x'),
      'ImageNotFound',
    ],
    ['the same, as 20.10 says it', answer(500, 'manifest unknown'), 'ImageNotFound'],
    [
      'an image of a repository no registry has',
      answer(404, "pull access denied for nope, repository does not exist or may require 'docker login'"),
      'ImageNotFound',
    ],
    ['a missing network', answer(404, 'network gantry not found'), 'Failed'],
    [
      'a port taken by another container',
      answer(
        500,
        'driver failed programming external connectivity on endpoint x: Bind for 127.0.0.1:80 failed: port is already allocated',
      ),
      'PortConflict',
    ],
    [
      'a subnet of another network',
      answer(403, 'Pool overlaps with other one on this address space'),
      'AddressConflict',
    ],
    [
      'a subnet that a bridge has',
      answer(
        500,
        'cannot create network a (br-a): conflicts with network b (br-b): networks have overlapping IPv4',
      ),
      'AddressConflict',
    ],
    ['a taken name of a network', answer(409, 'network with name x already exists'), 'Conflict'],
    [
      'a memory limit below what is in use',
      answer(
        500,
        'Cannot update container x: runc did not terminate successfully: exit status 1: unable to set memory limit to 16777216 (current usage: 42364928, peak usage: 43864064)',
      ),
      'Conflict',
    ],
    [
      'a subnet that is none',
      answer(400, 'Invalid subnet garbage : invalid CIDR address: garbage'),
      'InvalidSpec',
    ],
    [
      'a port taken by a process',
      answer(500, 'Error starting userland proxy: listen tcp4 127.0.0.1:80: bind: address already in use'),
      'PortConflict',
    ],
    [
      'an address of another machine',
      answer(
        500,
        'Error starting userland proxy: listen tcp4 10.9.9.9:80: bind: cannot assign requested address',
      ),
      'Failed',
    ],
    [
      'settings it refuses',
      answer(400, 'Minimum memory limit allowed is 6MB', 'bad parameter'),
      'InvalidSpec',
    ],
    [
      'a command that is not there',
      answer(
        400,
        'OCI runtime create failed: exec: "/nope": stat /nope: no such file or directory: unknown',
        'unexpected',
      ),
      'InvalidSpec',
    ],
    [
      'a user that is not there',
      answer(500, 'unable to find user nope: no matching entries in passwd file'),
      'InvalidSpec',
    ],
    [
      'a removal under way',
      answer(409, 'removal of container x is already in progress', 'unexpected'),
      'Failed',
    ],
    [
      'a registry that is down',
      answer(500, 'Get "http://r/v2/": dial tcp: connect: connection refused'),
      'Failed',
    ],
    ['an engine that is shutting down', answer(503, 'shutting down'), 'Unavailable'],
    ['no socket', failure('ENOENT'), 'Unavailable'],
    ['nobody listening', failure('ECONNREFUSED'), 'Unavailable'],
    ['a socket not for us', failure('EACCES'), 'Unavailable'],
    ['a connection reset', failure('ECONNRESET'), 'Unavailable'],
    ['an answer that is not HTTP', failure('HPE_INVALID_CONSTANT'), 'Unavailable'],
    ['anything else', new TypeError('oops'), 'Failed'],
  ];
  for (const [what, error, reason] of rows) {
    it(`tells ${what} as ${reason}`, () => {
      const translated = translateDockerError(error, 'start of container "x"');
      expect(translated.reason).to.equal(reason);
      expect(translated.message).to.match(/^start of container "x": ./);
      expect(translated.message).to.not.include('HTTP code');
      expect(translated.cause).to.equal(error);
    });
  }

  it('names the holder of a name', () => {
    const text = `Conflict. The container name "/x" is already in use by container "${HOLDER}". You have to remove (or rename) that container to be able to reuse that name.`;
    const translated = translateDockerError(answer(409, text, 'unexpected'), 'creation');
    expect(translated).to.include({ reason: 'Conflict', holderId: HOLDER });
  });

  it('leaves what is a RuntimeError already as it is', () => {
    const error = new RuntimeError('InvalidSpec', 'as it is');
    expect(translateDockerError(error, 'creation')).to.equal(error);
  });

  it('takes the engine’s words and code out of dockerode’s', () => {
    const error = answer(400, 'invalid reference format - really');
    expect(textOf(error)).to.equal('invalid reference format - really');
    expect(statusOf(error)).to.equal(400);
    expect(statusOf('thrown text')).to.equal(undefined);
  });

  // Read off 20.10 in front of Debian's registry; those of registries on the Internet as they are documented.
  const pulls: readonly (readonly [string, string])[] = [
    ['manifest for r/a:1 not found: manifest unknown: manifest unknown', 'ImageNotFound'],
    ['no matching manifest for linux/amd64 in the manifest list entries', 'ImageNotFound'],
    [
      "pull access denied for nope, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
      'ImageNotFound',
    ],
    ['Head "http://r/v2/b/manifests/1": no basic auth credentials', 'Unauthorized'],
    ['unauthorized: authentication required', 'Unauthorized'],
    ['unauthorized: incorrect username or password', 'Unauthorized'],
    ['Head "https://r/v2/b/manifests/1": denied: requested access to the resource is denied', 'Unauthorized'],
    ['error parsing HTTP 403 response body: unexpected status code 403: forbidden', 'Unauthorized'],
    ['Get "http://r/v2/": dial tcp 127.0.0.1:1: connect: connection refused', 'RegistryUnavailable'],
    ['Get "https://r/v2/": dial tcp: lookup r on 10.0.0.1:53: no such host', 'RegistryUnavailable'],
    ['Get "https://r/v2/": net/http: TLS handshake timeout', 'RegistryUnavailable'],
    ['Get "https://r/v2/": x509: certificate signed by unknown authority', 'RegistryUnavailable'],
    ['http: server gave HTTP response to HTTPS client', 'RegistryUnavailable'],
    ['unexpected EOF', 'RegistryUnavailable'],
    ['received unexpected HTTP status: 503 Service Unavailable', 'RegistryUnavailable'],
    ['toomanyrequests: You have reached your pull rate limit', 'RegistryUnavailable'],
    ['invalid reference format: repository name must be lowercase', 'InvalidSpec'],
    ['failed to register layer: write /x: no space left on device', 'Failed'],
    ['something nobody has seen yet', 'Failed'],
  ];
  for (const [text, reason] of pulls) {
    it(`tells a pull that failed with "${text}" as ${reason}`, () => {
      const error = pullError(text, 'pull of image "x"');
      expect(error.reason).to.equal(reason);
      expect(error.message).to.equal(`pull of image "x": ${text}`);
    });
  }
});
