"""Uses Gantry through the Python client's dynamic client, as its documentation says. Prints one line per step."""
import json
import sys

from kubernetes import client, config, dynamic, watch
from kubernetes.client.rest import ApiException
from kubernetes.stream import stream

config.load_kube_config(sys.argv[1])
api = client.ApiClient()
tasks = dynamic.DynamicClient(api).resources.get(api_version="gantry.dev/v1", kind="Task")


def task(name, **spec):
    return {
        "apiVersion": "gantry.dev/v1",
        "kind": "Task",
        "metadata": {"name": name, "namespace": "default", "labels": {"by": "python"}},
        "spec": {"image": "gantry/hello:1", "desiredState": "Stopped", **spec},
    }


def said(step, value):
    print(json.dumps({"step": step, "value": value}), flush=True)


made = tasks.create(body=task("py"), namespace="default")
said("create", made.metadata.name)
said("list", [item.metadata.name for item in tasks.get(namespace="default", label_selector="by=python").items])
patched = tasks.patch(
    body={"spec": {"stopSignal": "SIGINT"}},
    name="py",
    namespace="default",
    content_type="application/merge-patch+json",
)
said("patch", patched.spec.stopSignal)
seen = []
for event in tasks.watch(namespace="default", label_selector="by=python", timeout=20):
    seen.append(event["type"])
    if len(seen) == 1:
        tasks.create(body=task("py2"), namespace="default")
        tasks.delete(name="py2", namespace="default")
    if event["type"] == "DELETED":
        break
said("watch", seen)
try:
    tasks.get(name="absent", namespace="default")
except ApiException as error:
    said("absent", error.status)
core = client.CoreV1Api(api)
core.create_namespaced_config_map("default", {"metadata": {"name": "py"}, "data": {"a": "b"}})
told = []
for event in watch.Watch().stream(core.list_namespaced_config_map, "default", field_selector="metadata.name=py", timeout_seconds=10):
    told.append(event["type"])
    break
said("typed watch", told)
said("nodes", [node.status.node_info.container_runtime_version for node in core.list_node().items])
output = stream(
    core.connect_get_namespaced_pod_exec,
    sys.argv[2],
    "default",
    command=["sh", "-c", "echo from python; exit 0"],
    stderr=True,
    stdin=False,
    stdout=True,
    tty=False,
)
said("exec", output)
tasks.delete(name="py", namespace="default")
said("delete", "py")
