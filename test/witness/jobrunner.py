"""A client of the job runner that knows nothing of it beforehand: Debian's python3-grpcio, and what reflection says.

    jobrunner.py HOST:PORT DIRECTORY     with ca.crt, client.crt and client.key
Starts a Fibonacci job, tails it, asks how it is, and prints what it heard as JSON.
"""
import json
import sys

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

SERVICE = "gantry.jobs.v1.JobService"
target, directory = sys.argv[1:3]


def read(name):
    with open(f"{directory}/{name}", "rb") as file:
        return file.read()


credentials = grpc.ssl_channel_credentials(read("ca.crt"), read("client.key"), read("client.crt"))
channel = grpc.secure_channel(target, credentials, [("grpc.ssl_target_name_override", "localhost")])


def fields(data, wanted):
    """The length-delimited fields of one number in a message without a schema."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        tag = varint()
        if tag & 7 == 2:
            length = varint()
            at += length
            if tag >> 3 == wanted:
                yield data[at - length : at]
        else:
            varint()


reflect = channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo")
request = bytes([4 << 3 | 2, len(SERVICE)]) + SERVICE.encode()
answer = next(iter(reflect(iter([request]), timeout=10)))
protos = [descriptor_pb2.FileDescriptorProto.FromString(proto) for proto in fields(next(fields(answer, 4)), 1)]
pool = descriptor_pool.DescriptorPool()
for proto in sorted(protos, key=lambda proto: len(proto.dependency)):
    pool.Add(proto)
factory = message_factory.MessageFactory(pool)


def call(name, request):
    method = pool.FindServiceByName(SERVICE).methods_by_name[name]
    ask, hear = factory.GetPrototype(method.input_type), factory.GetPrototype(method.output_type)
    make = channel.unary_stream if name == "Tail" else channel.unary_unary
    stub = make(f"/{SERVICE}/{name}", ask.SerializeToString, hear.FromString)
    return stub(json_format.ParseDict(request, ask()), timeout=30)


job = call("Start", {"type": "Fibonacci", "arguments": {"number": 3}})
frames = [[frame.tag, frame.data.decode()] for frame in call("Tail", {"id": job.id})]
ended = json_format.MessageToDict(call("Status", {"id": job.id}))
try:
    call("Status", {"id": "nonsense"})
    refusal = None
except grpc.RpcError as error:
    refusal = error.code().name
print(json.dumps({"id": job.id, "frames": frames, "status": ended["status"], "results": ended["results"], "refusal": refusal}))
