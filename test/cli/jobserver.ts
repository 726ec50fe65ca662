/** A real gRPC server that speaks the job runner's protocol, whose answers a test writes: what `gantry jobs` is tested on. */
import { type DescMessage, fromBinary, type MessageShape, toBinary } from '@bufbuild/protobuf';
import {
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';
import {
  type Job,
  JobService,
  type StartRequest,
  type StatusRequest,
  type StopRequest,
  type TailRequest,
  type TailResponse,
} from '../../schemas/grpc/jobs.gen.ts';
import type { Certificates } from '../client/secureserver.ts';

/** What a call is refused with. */
export class Refusal extends Error {
  readonly code: status;

  constructor(code: keyof typeof status, message: string) {
    super(message);
    this.code = status[code];
  }
}

export interface Answers {
  start(request: StartRequest): Promise<Job>;
  stop(request: StopRequest): Promise<Job>;
  status(request: StatusRequest): Promise<Job>;
  tail(request: TailRequest, ended: AbortSignal): AsyncIterable<TailResponse>;
}

export interface JobServer {
  readonly host: string;
  close(): void;
}

interface Method {
  readonly name: string;
  readonly input: DescMessage;
  readonly output: DescMessage;
}

export async function serveJobs(certificates: Certificates, answers: Answers): Promise<JobServer> {
  const pki = await certificates.pki();
  const server = new Server();
  const wire = ({ name, input, output }: Method, responseStream: boolean): ServiceDefinition[string] => ({
    path: `/${JobService.typeName}/${name}`,
    requestStream: false,
    responseStream,
    requestSerialize: (message: MessageShape<DescMessage>) => Buffer.from(toBinary(input, message)),
    requestDeserialize: (bytes) => fromBinary(input, bytes),
    responseSerialize: (message: MessageShape<DescMessage>) => Buffer.from(toBinary(output, message)),
    responseDeserialize: (bytes) => fromBinary(output, bytes),
  });
  const unary =
    <Request>(answer: (request: Request) => Promise<Job>) =>
    (call: ServerUnaryCall<Request, Job>, done: sendUnaryData<Job>): void => {
      const reply = async (): Promise<void> => {
        try {
          done(null, await answer(call.request));
        } catch (error) {
          done(refusalOf(error));
        }
      };
      void reply();
    };
  const { start, stop, status: ask, tail } = JobService.method;
  server.addService(
    { start: wire(start, false), stop: wire(stop, false), status: wire(ask, false), tail: wire(tail, true) },
    {
      start: unary((request: StartRequest) => answers.start(request)),
      stop: unary((request: StopRequest) => answers.stop(request)),
      status: unary((request: StatusRequest) => answers.status(request)),
      tail: (call: ServerWritableStream<TailRequest, TailResponse>) => {
        const ended = new AbortController();
        call.on('cancelled', () => ended.abort());
        const write = async (): Promise<void> => {
          for await (const frame of answers.tail(call.request, ended.signal)) call.write(frame);
          call.end();
        };
        write().catch((error: unknown) => void call.emit('error', refusalOf(error)));
      },
    },
  );
  const identity = {
    private_key: Buffer.from(pki.server.key),
    cert_chain: Buffer.from(pki.server.certificate),
  };
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(
      '127.0.0.1:0',
      ServerCredentials.createSsl(Buffer.from(pki.authority), [identity], true),
      (error, found) => (error === null ? resolve(found) : reject(error)),
    );
  });
  return { host: `127.0.0.1:${port}`, close: () => server.forceShutdown() };
}

function refusalOf(error: unknown): Refusal {
  return error instanceof Refusal ? error : new Refusal('INTERNAL', String(error));
}
