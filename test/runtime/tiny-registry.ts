/** As much of an image registry (Distribution API v2, read only) as a pull needs, on a free port of the loopback. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { gzipSync } from 'node:zlib';

export interface TinyRegistry {
  /** An image that is complete. */
  readonly complete: string;
  /** One whose layer is lost: the pull fails after it began. */
  readonly broken: string;
  readonly absent: string;
  close(): Promise<void>;
}

const MANIFEST_TYPE = 'application/vnd.docker.distribution.manifest.v2+json';

export async function openRegistry(architecture: string): Promise<TinyRegistry> {
  const blobs = new Map<string, Buffer>();
  const keep = (data: Buffer): { digest: string; size: number } => {
    const digest = digestOf(data);
    blobs.set(digest, data);
    return { digest, size: data.length };
  };
  const complete = manifest(architecture, 'complete', keep);
  const broken = manifest(architecture, 'broken', (data) =>
    data.subarray(0, 2).toString('hex') === '1f8b'
      ? { digest: digestOf(data), size: data.length }
      : keep(data),
  );
  const manifests = new Map([
    ['complete', complete],
    ['broken', broken],
  ]);

  const server = createServer((request, response) => {
    const [, version, image = '', kind, reference = ''] = (request.url ?? '').split('/');
    const stored = kind === 'manifests' ? manifests.get(image) : blobs.get(reference);
    if (version === 'v2' && image === '') return void response.end('{}');
    if (stored === undefined) {
      response.writeHead(404, { 'content-type': 'application/json' });
      const code = kind === 'manifests' ? 'MANIFEST_UNKNOWN' : 'BLOB_UNKNOWN';
      return void response.end(
        JSON.stringify({ errors: [{ code, message: code.toLowerCase().replace('_', ' ') }] }),
      );
    }
    response.writeHead(200, {
      'content-type': kind === 'manifests' ? MANIFEST_TYPE : 'application/octet-stream',
      'content-length': stored.length,
      'docker-content-digest': digestOf(stored),
    });
    response.end(request.method === 'HEAD' ? undefined : stored);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the registry has no port');
  const { port } = address;
  return {
    complete: `127.0.0.1:${port}/complete:1`,
    broken: `127.0.0.1:${port}/broken:1`,
    absent: `127.0.0.1:${port}/absent:1`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function manifest(
  architecture: string,
  name: string,
  keep: (data: Buffer) => { digest: string; size: number },
): Buffer {
  // A tar file of one empty file of that name, so that no two images share a layer.
  const tar = Buffer.alloc(512 + 1024);
  tar.write(name, 0);
  tar.write(['0000644', '0000000', '0000000', '00000000000', '00000000000', ''].join('\0'), 100);
  tar.write('        0', 148);
  tar.write('ustar\x0000', 257);
  tar.write(
    `${tar
      .subarray(0, 512)
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
  );
  const config = {
    architecture,
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
    history: [{ created_by: name }],
  };
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST_TYPE,
      config: {
        mediaType: 'application/vnd.docker.container.image.v1+json',
        ...keep(Buffer.from(JSON.stringify(config))),
      },
      layers: [{ mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip', ...keep(gzipSync(tar)) }],
    }),
  );
}

function digestOf(data: Buffer): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}
