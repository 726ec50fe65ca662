/**
 * The job runner's gRPC services on connections that are handed to it: the jobs, health, and reflection, so that clients
 * without any generated code can call it. All that loads gRPC is behind this file.
 */
import type { TLSSocket } from 'node:tls';
import {
  type DescMessage,
  type DescMethod,
  fromBinary,
  type MessageShape,
  toBinary,
} from '@bufbuild/protobuf';
import {
  FileDescriptorProtoSchema,
  file_google_protobuf_duration,
  file_google_protobuf_timestamp,
} from '@bufbuild/protobuf/wkt';
import { type MethodDefinition, Server, ServerCredentials } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation, service as healthService } from 'grpc-health-check';
import { FairQueue } from '../../../machinery/fairqueue.ts';
import { JobService as Definition, file_gantry_jobs_v1_jobs } from '../../../schemas/grpc/jobs.gen.ts';
import { answerStream, answerUnary, type CallDeps } from './calls.ts';
import { type JobsDeps, openJobs } from './jobs.ts';

export interface JobService {
  /** A connection whose certificate is good. */
  take(socket: TLSSocket): void;
  /** Tells clients to go elsewhere; what is left after the grace is cut. */
  drain(graceMs: number): void;
  close(): void;
}

/** As the level of everybody on the HTTP doors, in the small. */
const SEATS = { name: 'grpc', seats: 100, queueLength: 50, waiting: 500, waitMs: 15_000 } as const;

const OPTIONS = {
  // Arguments are short; idle connections are let go, dead ones found.
  'grpc.max_receive_message_length': 64 * 1024,
  'grpc.max_concurrent_streams': 512,
  'grpc.keepalive_time_ms': 60_000,
  'grpc.keepalive_timeout_ms': 20_000,
  'grpc.max_connection_idle_ms': 600_000,
  // Then clients connect again, and show a certificate that is good then; calls that run go on to their end.
  'grpc.max_connection_age_ms': 3_600_000,
  'grpc-node.max_session_memory': 64,
  'grpc.enable_channelz': 0,
} as const;

export function openJobService(deps: Omit<CallDeps, 'seats'> & JobsDeps): JobService {
  const calls = { ...deps, seats: new FairQueue(SEATS, deps.clock) };
  const jobs = openJobs(deps);
  const server = new Server(OPTIONS);
  const { start, stop, status, tail } = Definition.method;
  server.addService(
    {
      Start: definitionOf(start),
      Stop: definitionOf(stop),
      Status: definitionOf(status),
      Tail: definitionOf(tail),
    },
    {
      Start: answerUnary(calls, jobs.start),
      Stop: answerUnary(calls, jobs.stop),
      Status: answerUnary(calls, jobs.status),
      Tail: answerStream(calls, jobs.tail),
    },
  );
  const health = new HealthImplementation({ '': 'SERVING', [Definition.typeName]: 'SERVING' });
  health.addToServer(server);
  new ReflectionService(described()).addToServer(server);
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  return {
    take: (socket) => injector.injectConnection(socket),
    drain(graceMs) {
      for (const service of ['', Definition.typeName]) health.setStatus(service, 'NOT_SERVING');
      injector.drain(graceMs);
    },
    close() {
      injector.destroy();
      server.forceShutdown();
    },
  };
}

function definitionOf<Input extends DescMessage, Output extends DescMessage>(
  method: DescMethod & { readonly input: Input; readonly output: Output },
): MethodDefinition<MessageShape<Input>, MessageShape<Output>> {
  const { input, output } = method;
  return {
    path: `/${method.parent.typeName}/${method.name}`,
    requestStream: false,
    responseStream: method.methodKind === 'server_streaming',
    requestSerialize: (message) => Buffer.from(toBinary(input, message)),
    requestDeserialize: (bytes) => fromBinary(input, bytes),
    responseSerialize: (message) => Buffer.from(toBinary(output, message)),
    responseDeserialize: (bytes) => fromBinary(output, bytes),
  };
}

/** What reflection tells of: our file with those that it imports, and health's. */
function described(): ConstructorParameters<typeof ReflectionService>[0] {
  const files = [file_google_protobuf_duration, file_google_protobuf_timestamp, file_gantry_jobs_v1_jobs];
  const { requestType } = healthService['Check'] ?? {};
  return {
    [Definition.typeName]: {
      format: 'Protocol Buffer 3 DescriptorProto',
      type: {},
      fileDescriptorProtos: files.map(({ proto }) => Buffer.from(toBinary(FileDescriptorProtoSchema, proto))),
    },
    ...(requestType === undefined ? {} : { [HEALTH]: requestType }),
  };
}

const HEALTH = 'grpc.health.v1.Health';
