/** Whatever happened to a backup's bytes is told in one sentence that names the file; it is never taken for whole. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { expect } from 'chai';
import { seededRandom } from '../../../machinery/random.ts';
import { writeBackupFile } from '../../../store/backup/file.ts';
import { encodeBlock, FORMAT, MAGIC } from '../../../store/backup/format.ts';
import { BackupFile } from '../../../store/backup/reader.ts';
import { mustCommit, newDirectory, put, rejection, removeDirectories } from '../builders.ts';
import { backupBytes, fileOf, openEngine, verify } from './rig.ts';

const SEED = Number(process.env.GANTRY_DAMAGE_SEED ?? '1');

async function* of(...chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

describe('a damaged backup', function () {
  this.timeout(60_000);
  let whole: Buffer;

  before(async () => {
    const store = await openEngine('memory');
    const random = seededRandom(SEED);
    for (let at = 0; at < 40; at++) {
      const noise = Buffer.from(Array.from({ length: 100 }, () => Math.floor(random.next() * 256)));
      await mustCommit(store, put(`/registry/test/things/${at}`, noise.toString('base64')));
    }
    whole = await backupBytes(store);
    await store.close();
  });
  after(removeDirectories);

  async function told(bytes: Uint8Array): Promise<string> {
    const path = fileOf(bytes);
    const { message } = await rejection(verify(path));
    expect(message, 'names the file').to.include(path);
    expect(message, 'one sentence').not.to.match(/\n|\. /);
    return message;
  }

  it('is whole when nothing happened to it', async () => {
    const { trailer, kinds } = await verify(fileOf(whole));
    expect(trailer.keys).to.equal(40);
    expect(kinds.get('/registry/test/things')).to.equal(40);
  });

  it('is found out wherever it is cut', async () => {
    for (let length = 0; length < whole.length; length += length < 400 ? 1 : 37) {
      const message = await told(whole.subarray(0, length));
      if (length >= 16)
        expect(message, `cut at ${length}`).to.match(/is cut off after \d+ bytes: its trailer is missing/);
      removeDirectories();
    }
  });

  it(`is found out wherever a bit is flipped (GANTRY_DAMAGE_SEED=${SEED})`, async () => {
    const random = seededRandom(SEED);
    for (let at = 0; at < whole.length; at += at < 400 ? 1 : 1 + Math.floor(random.next() * 40)) {
      const flipped = Buffer.from(whole);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << Math.floor(random.next() * 8));
      await told(flipped);
      removeDirectories();
    }
  });

  it('is found out when something follows its end', async () => {
    expect(await told(Buffer.concat([whole, Buffer.from('x')]))).to.include('goes on after its end');
    expect(await told(Buffer.concat([whole, whole]))).to.include('goes on after its end');
  });

  it('is found out when it lacks a block', async () => {
    const store = await openEngine('memory');
    for (let at = 0; at < 4; at++) {
      const noise = Buffer.from(
        Array.from({ length: 700_000 }, (_, n) => (n * (at + 7) * 2654435761) >>> 24),
      );
      await store.commit([{ kind: 'put', key: `/${at}`, value: noise, precondition: { kind: 'none' } }]);
    }
    const backup = await backupBytes(store);
    await store.close();
    const blocks: [start: number, end: number][] = [];
    for (let at = 16; at < backup.length; ) {
      const end = at + 9 + backup.readUInt32BE(at + 1);
      blocks.push([at, end]);
      at = end;
    }
    expect(blocks.length, 'header, two data blocks, trailer').to.be.at.least(4);
    const [start = 0, end = 0] = blocks[1] ?? [];
    expect(await told(Buffer.concat([backup.subarray(0, start), backup.subarray(end)]))).to.include(
      'SHA-256',
    );
  });

  it('of a newer format is left to a newer release', async () => {
    const start = Buffer.alloc(16);
    MAGIC.copy(start);
    start.writeUInt32BE(FORMAT + 1, 8);
    start.writeUInt32BE(crc32(start.subarray(0, 12)), 12);
    const message = await told(Buffer.concat([start, whole.subarray(16)]));
    expect(message)
      .to.include(`format ${FORMAT + 1}`)
      .and.to.include('release that wrote it');
  });

  it('may be no backup at all', async () => {
    expect(await told(Buffer.alloc(0))).to.include('it is empty');
    expect(await told(Buffer.from('apiVersion: v1\nkind: Secret\n'))).to.include('not a Gantry backup');
    expect(
      await told(Buffer.concat([whole.subarray(0, 16), encodeBlock('H', Buffer.from('{"a":1}'))])),
    ).to.include('header');
    const missing = join(newDirectory(), 'none.backup');
    expect((await rejection(verify(missing))).message)
      .to.include(missing)
      .and.to.include('no such file');
  });

  it('is refused at once where it could only be read once', async () => {
    const pipe = join(newDirectory(), 'pipe');
    execFileSync('mkfifo', [pipe]);
    for (const name of [pipe, '/dev/zero']) {
      expect((await rejection(BackupFile.open(name))).message)
        .to.include(name)
        .and.to.include('not an ordinary file');
    }
    expect((await rejection(BackupFile.open(newDirectory()))).message).to.include('it is a directory');
  });

  describe('is never given its name', () => {
    it('when the stream is cut: an older backup stays', async () => {
      const path = fileOf(whole);
      for (const source of [of(whole.subarray(0, 500)), of(), of(whole, Buffer.from('x'))]) {
        expect((await rejection(writeBackupFile(source, path))).message).to.include(path);
        expect(readFileSync(path).equals(whole)).to.equal(true);
        expect(() => readFileSync(`${path}.partial`)).to.throw('ENOENT');
      }
    });

    it('in place of a file that is no backup', async () => {
      const path = join(newDirectory(), 'encryption.key');
      writeFileSync(path, 'precious');
      expect((await rejection(writeBackupFile(of(whole), path))).message).to.include('choose another name');
      expect(readFileSync(path, 'utf8')).to.equal('precious');
      const directory = newDirectory();
      expect((await rejection(writeBackupFile(of(whole), directory))).message).to.include(
        'not an ordinary file',
      );
    });

    it('when two write to it at the same time', async () => {
      const path = join(newDirectory(), 'cluster.backup');
      const [begun, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      async function* slow(): AsyncGenerator<Uint8Array> {
        begun.resolve();
        yield whole.subarray(0, 100);
        await gate.promise;
        yield whole.subarray(100);
      }
      const first = rejection(writeBackupFile(slow(), path));
      await begun.promise;
      await writeBackupFile(of(whole), path);
      gate.resolve();
      expect((await first).message).to.include('at the same time');
      expect(readFileSync(path).equals(whole)).to.equal(true);
    });
  });
});
