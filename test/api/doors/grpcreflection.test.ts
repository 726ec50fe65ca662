/**
 * The job runner as a client meets it that has no generated code of it: asks by reflection what there is, makes its
 * messages from that, and calls. And health.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { create, createFileRegistry, fromBinary, fromJson, toBinary, toJson } from '@bufbuild/protobuf';
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import {
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import { expect } from 'chai';
import { type GrpcWorld, openGrpcWorld, openRaw, type RawSession } from './grpcworld.ts';

const root = join(import.meta.dirname, '..', '..', '..');
const SERVICE = 'gantry.jobs.v1.JobService';
const HEALTH = 'grpc.health.v1.Health';

describe('the job runner over gRPC: reflection and health', () => {
  let grpc: GrpcWorld;
  let raw: RawSession;
  before(async () => {
    grpc = await openGrpcWorld();
    await grpc.grant('ann', 'gantry:job-runner');
    const { certificate: cert, key } = await grpc.issue('ann');
    raw = openRaw(grpc, { cert, key });
  });
  after(async () => {
    raw.close();
    await grpc.close();
  });

  /** ServerReflectionRequest: 3 file_by_filename, 4 file_containing_symbol, 7 list_services. */
  const reflect = async (version: string, field: number, value: string): Promise<Buffer> => {
    const request = new BinaryWriter().tag(field, 2).string(value).finish();
    const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    const answer = await raw.call(path, [request]);
    expect(answer.code).to.equal(0);
    return answer.frames[0] ?? Buffer.alloc(0);
  };
  /** All fields of one number, which are bytes. */
  const fieldsOf = (message: Uint8Array, wanted: number): Uint8Array[] => {
    const found: Uint8Array[] = [];
    const reader = new BinaryReader(message);
    while (reader.pos < reader.len) {
      const [number, wire] = reader.tag();
      if (number === wanted && wire === 2) found.push(reader.bytes());
      else reader.skip(wire);
    }
    return found;
  };
  const servicesOf = async (version: string): Promise<string[]> => {
    const [list = new Uint8Array()] = fieldsOf(await reflect(version, 7, ''), 6);
    return fieldsOf(list, 1).map((service) => Buffer.from(fieldsOf(service, 1)[0] ?? []).toString());
  };
  const filesOf = async (version: string, symbol: string): Promise<FileDescriptorProto[]> => {
    const [files = new Uint8Array()] = fieldsOf(await reflect(version, 4, symbol), 4);
    return fieldsOf(files, 1).map((file) => fromBinary(FileDescriptorProtoSchema, file));
  };

  for (const version of ['v1', 'v1alpha']) {
    it(`D4.4 reflection ${version} lists the services`, async () => {
      expect(await servicesOf(version)).to.include.members([SERVICE, HEALTH]);
    });

    it(`D4.4 reflection ${version}: a client without generated code starts a job and reads it`, async () => {
      const found = await filesOf(version, SERVICE);
      // Those that are imported come first.
      const files = createFileRegistry(
        create(FileDescriptorSetSchema, {
          file: found.toSorted((a, b) => a.dependency.length - b.dependency.length),
        }),
      );
      const service = files.getService(SERVICE);
      const call = async (name: string, request: Record<string, string | object>): Promise<unknown[]> => {
        const method = service?.methods.find((candidate) => candidate.name === name);
        if (method === undefined) throw new Error(`no method ${name}`);
        const message = toBinary(method.input, fromJson(method.input, request as never));
        const answer = await raw.call(`/${SERVICE}/${name}`, [message]);
        expect([answer.code, answer.message]).to.deep.equal([0, 'OK']);
        return answer.frames.map((frame) => toJson(method.output, fromBinary(method.output, frame)));
      };
      const [job] = await call('Start', { type: 'Fibonacci', arguments: { number: '10' } });
      expect(job).to.deep.include({ type: 'Fibonacci', arguments: { number: '10' }, startedBy: 'ann' });
      const { id } = job as { readonly id: string };
      await grpc.tell(id, { state: 'completed', finishedAt: '2026-01-01T00:00:02Z' });
      expect((await call('Status', { id }))[0]).to.deep.include({ id, status: 'Complete' });
      expect(await call('Tail', { id })).to.have.length(1);
    });

    it(`D4.4 reflection ${version}: what there is not is said to be not found`, async () => {
      const [error = new Uint8Array()] = fieldsOf(await reflect(version, 4, 'no.such.Thing'), 7);
      expect(Buffer.from(fieldsOf(error, 2)[0] ?? []).toString()).to.match(/not found/i);
    });
  }

  for (const name of ['', SERVICE]) {
    it(`D4.4 health: ${JSON.stringify(name)} is serving`, async () => {
      const request = new BinaryWriter().tag(1, 2).string(name).finish();
      const answer = await raw.call(`/${HEALTH}/Check`, [request]);
      expect([answer.code, [...(answer.frames[0] ?? [])]]).to.deep.equal([0, [8, 1]]);
    });
  }

  it('D4.4 health: of a service that there is not it is NOT_FOUND', async () => {
    const request = new BinaryWriter().tag(1, 2).string('other').finish();
    expect((await raw.call(`/${HEALTH}/Check`, [request])).code).to.equal(5);
  });

  it('D4.4 the .proto is in a folder of its own, apart from what is generated from it', () => {
    expect(existsSync(join(root, 'schemas/proto/gantry/jobs/v1/jobs.proto'))).to.equal(true);
    expect(existsSync(join(root, 'schemas/grpc/jobs.gen.ts'))).to.equal(true);
  });

  it('a call that there is not is UNIMPLEMENTED; what is no message ends its call alone', async () => {
    expect((await raw.call(`/${SERVICE}/Nonsense`, [Buffer.alloc(0)])).code).to.equal(12);
    expect((await raw.call(`/${SERVICE}/Status`, [Buffer.from([0xff, 0xff])])).code).to.equal(13);
    expect((await raw.call(`/${SERVICE}/Status`, [Buffer.alloc(70_000)])).code).to.equal(8);
    expect((await raw.call(`/${HEALTH}/Check`, [Buffer.alloc(0)])).code).to.equal(0);
  });
});
