// Generated from schemas/doors/tasks.yaml by `npm run gen`. Do not edit.
export const document = {
 "openapi": "3.1.0",
 "info": {
  "title": "Gantry tasks",
  "version": "1",
  "summary": "Start a container, see what became of it, stop it.",
  "description": "The plain API of a task manager and its workers over Gantry's Task objects. Only desired state is recorded: every\nanswer comes before the work is done. On a worker's listener the same paths speak of that worker's tasks alone.\n\nEvery body is JSON. Errors are `{HTTPStatusCode, Message}`.\n",
  "license": {
   "name": "Apache-2.0",
   "identifier": "Apache-2.0"
  }
 },
 "servers": [
  {
   "url": "http://localhost:8000",
   "description": "The manager of `gantry up --dev`."
  },
  {
   "url": "http://localhost:8888",
   "description": "The worker of `gantry up --dev`."
  },
  {
   "url": "https://localhost:7443",
   "description": "Any server; with a client certificate or a token."
  }
 ],
 "security": [
  {},
  {
   "clientCertificate": []
  },
  {
   "token": []
  }
 ],
 "tags": [
  {
   "name": "tasks",
   "description": "Containers that shall run."
  },
  {
   "name": "machines",
   "description": "Where they run."
  }
 ],
 "paths": {
  "/tasks": {
   "get": {
    "operationId": "listTasks",
    "tags": [
     "tasks"
    ],
    "summary": "All tasks, or every change of them.",
    "description": "The tasks of all namespaces as one JSON array, from the control plane's own state.\n\nWith `watch=true`, or where `Accept` asks for `text/event-stream`, the answer goes on: one frame for each change.\nWithout a version it begins with a frame `ADDED` for each task there is. As `application/json` each frame is a\nline; empty lines mean nothing. As `text/event-stream` each frame is the data of an event whose id is the frame's\nversion.\n\nA stream that cannot go on ends with a frame `ERROR`, whose object is an error.\n",
    "parameters": [
     {
      "$ref": "#/components/parameters/Fields"
     },
     {
      "name": "watch",
      "in": "query",
      "description": "Whether the answer goes on with every change. Absent, `Accept` decides.",
      "schema": {
       "type": "boolean"
      },
      "example": true
     },
     {
      "name": "resourceVersion",
      "in": "query",
      "description": "For a watch: go on after this version, which `X-Resource-Version` of a list or a frame told. For a list with\n`resourceVersionMatch=Exact`: what there was at this version.\n",
      "schema": {
       "type": "string",
       "pattern": "^[0-9]+$"
      },
      "example": "42"
     },
     {
      "name": "Last-Event-ID",
      "in": "header",
      "description": "The same for a watch, as a browser's EventSource sends it when it connects again. Wins over `resourceVersion`.",
      "schema": {
       "type": "string",
       "pattern": "^[0-9]+$"
      },
      "example": "42"
     },
     {
      "$ref": "#/components/parameters/At"
     },
     {
      "$ref": "#/components/parameters/Match"
     }
    ],
    "responses": {
     "200": {
      "description": "The tasks; or their changes, for as long as the client wants.",
      "headers": {
       "X-Resource-Version": {
        "description": "Of a list. A watch with this version goes on from it.",
        "schema": {
         "type": "string",
         "pattern": "^[0-9]+$"
        }
       },
       "Gantry-Read-Revision": {
        "$ref": "#/components/headers/ReadRevision"
       },
       "Gantry-Read-Time": {
        "$ref": "#/components/headers/ReadTime"
       }
      },
      "content": {
       "application/json": {
        "schema": {
         "$ref": "#/components/schemas/Tasks"
        },
        "examples": {
         "list": {
          "$ref": "#/components/examples/List"
         }
        }
       },
       "text/event-stream": {
        "schema": {
         "type": "string",
         "description": "Events of the form `id`, `data`; `data` is a Frame."
        },
        "example": "retry: 1000\n\nid: 42\ndata: {\"type\":\"ADDED\",\"resourceVersion\":\"42\",\"object\":{\"ID\":\"266592cd-960d-4091-981c-8c25c44b1018\"}}\n\n: keep-alive\n"
       }
      }
     },
     "400": {
      "$ref": "#/components/responses/BadRequest"
     },
     "401": {
      "$ref": "#/components/responses/Unauthorized"
     },
     "403": {
      "$ref": "#/components/responses/Forbidden"
     },
     "410": {
      "$ref": "#/components/responses/Gone"
     },
     "429": {
      "$ref": "#/components/responses/TooManyRequests"
     },
     "500": {
      "$ref": "#/components/responses/InternalError"
     },
     "503": {
      "$ref": "#/components/responses/ServiceUnavailable"
     },
     "504": {
      "$ref": "#/components/responses/Timeout"
     }
    }
   },
   "post": {
    "operationId": "createTask",
    "tags": [
     "tasks"
    ],
    "summary": "Start a task, or stop one.",
    "description": "Records the task of the event; it is placed and started by itself. An event with State 3 stops the task whose ID\n`Task.ID` is. Any other event for an ID that is used is 409.\n\nWhatever a GET returned can be sent as `Task`: what only a worker can know is read and left alone. Sent to a\nworker, the task runs there or nowhere.\n",
    "parameters": [
     {
      "$ref": "#/components/parameters/Fields"
     },
     {
      "name": "Prefer",
      "in": "header",
      "description": "With `return=minimal` the answer has no body.",
      "schema": {
       "type": "string"
      },
      "example": "return=minimal"
     }
    ],
    "requestBody": {
     "required": true,
     "content": {
      "application/json": {
       "schema": {
        "$ref": "#/components/schemas/TaskEvent"
       },
       "examples": {
        "least": {
         "summary": "An image under an id of the client's choice.",
         "value": {
          "ID": "266592cd-960d-4091-981c-8c25c44b1018",
          "State": 2,
          "Task": {
           "State": 1,
           "ID": "266592cd-960d-4091-981c-8c25c44b1018",
           "Name": "test-from-api-777",
           "Image": "strm/helloworld-http"
          }
         }
        },
        "whole": {
         "summary": "With limits, a port on a free port of the worker, a health check, and started again when it fails.",
         "value": {
          "ID": "0d5a8e70-3c12-4f0e-9a44-52d7b7a0a001",
          "State": 2,
          "Timestamp": "2026-11-22T12:57:35.5391939+03:00",
          "Task": {
           "ID": "6be4cb6b-61d1-47cb-bc7b-9f7cde6d9c4e",
           "Name": "web",
           "Image": "gantry/hello:1",
           "CPU": 0.5,
           "Memory": 67108864,
           "Disk": 1073741824,
           "ExposedPorts": {
            "8080/tcp": {}
           },
           "PortBindings": {
            "8080/tcp": ""
           },
           "HealthCheck": "/index.html",
           "RestartPolicy": "on-failure"
          }
         }
        },
        "stop": {
         "summary": "Stop a task.",
         "value": {
          "ID": "a5c5b1a6-2a5a-4bd1-9d5c-0e6b5ed5c001",
          "State": 3,
          "Task": {
           "ID": "266592cd-960d-4091-981c-8c25c44b1018"
          }
         }
        }
       }
      }
     }
    },
    "responses": {
     "201": {
      "description": "Recorded. The task as it is by now; with `Prefer: return=minimal` nothing.",
      "headers": {
       "Location": {
        "description": "Where the task is read.",
        "schema": {
         "type": "string"
        }
       },
       "Preference-Applied": {
        "description": "What `Prefer` asked for and got.",
        "schema": {
         "type": "string",
         "const": "return=minimal"
        }
       }
      },
      "content": {
       "application/json": {
        "schema": {
         "$ref": "#/components/schemas/AnyTask"
        },
        "examples": {
         "created": {
          "$ref": "#/components/examples/Created"
         }
        }
       }
      }
     },
     "400": {
      "$ref": "#/components/responses/BadRequest"
     },
     "401": {
      "$ref": "#/components/responses/Unauthorized"
     },
     "403": {
      "$ref": "#/components/responses/Forbidden"
     },
     "404": {
      "$ref": "#/components/responses/NotFound"
     },
     "409": {
      "$ref": "#/components/responses/Conflict"
     },
     "413": {
      "$ref": "#/components/responses/TooLarge"
     },
     "415": {
      "$ref": "#/components/responses/UnsupportedMediaType"
     },
     "429": {
      "$ref": "#/components/responses/TooManyRequests"
     },
     "500": {
      "$ref": "#/components/responses/InternalError"
     },
     "503": {
      "$ref": "#/components/responses/ServiceUnavailable"
     },
     "504": {
      "$ref": "#/components/responses/Timeout"
     }
    }
   }
  },
  "/tasks/{taskID}": {
   "parameters": [
    {
     "name": "taskID",
     "in": "path",
     "required": true,
     "description": "The task's ID.",
     "schema": {
      "type": "string",
      "format": "uuid"
     },
     "example": "266592cd-960d-4091-981c-8c25c44b1018"
    }
   ],
   "get": {
    "operationId": "getTask",
    "tags": [
     "tasks"
    ],
    "summary": "One task.",
    "description": "The task as it is by now, or as it was at the time or version that is asked for.",
    "parameters": [
     {
      "$ref": "#/components/parameters/Fields"
     },
     {
      "$ref": "#/components/parameters/At"
     },
     {
      "$ref": "#/components/parameters/Match"
     },
     {
      "name": "resourceVersion",
      "in": "query",
      "description": "With `resourceVersionMatch=Exact`, the task as it was at this version.",
      "schema": {
       "type": "string",
       "pattern": "^[0-9]+$"
      },
      "example": "42"
     }
    ],
    "responses": {
     "200": {
      "description": "The task.",
      "headers": {
       "Gantry-Read-Revision": {
        "$ref": "#/components/headers/ReadRevision"
       },
       "Gantry-Read-Time": {
        "$ref": "#/components/headers/ReadTime"
       }
      },
      "content": {
       "application/json": {
        "schema": {
         "$ref": "#/components/schemas/AnyTask"
        },
        "examples": {
         "running": {
          "$ref": "#/components/examples/Running"
         },
         "whole": {
          "$ref": "#/components/examples/Whole"
         }
        }
       }
      }
     },
     "400": {
      "$ref": "#/components/responses/BadRequest"
     },
     "401": {
      "$ref": "#/components/responses/Unauthorized"
     },
     "403": {
      "$ref": "#/components/responses/Forbidden"
     },
     "404": {
      "$ref": "#/components/responses/NotFound"
     },
     "410": {
      "$ref": "#/components/responses/Gone"
     },
     "429": {
      "$ref": "#/components/responses/TooManyRequests"
     },
     "500": {
      "$ref": "#/components/responses/InternalError"
     },
     "503": {
      "$ref": "#/components/responses/ServiceUnavailable"
     },
     "504": {
      "$ref": "#/components/responses/Timeout"
     }
    }
   },
   "delete": {
    "operationId": "stopTask",
    "tags": [
     "tasks"
    ],
    "summary": "Stop a task.",
    "description": "Records that the task shall be stopped, before its container has stopped. The task stays listed with State 3 for a\nday (`--task-retention`). A body is not looked at. Once is enough: again is 204, too.\n",
    "responses": {
     "204": {
      "description": "Recorded."
     },
     "400": {
      "$ref": "#/components/responses/BadRequest"
     },
     "401": {
      "$ref": "#/components/responses/Unauthorized"
     },
     "403": {
      "$ref": "#/components/responses/Forbidden"
     },
     "404": {
      "$ref": "#/components/responses/NotFound"
     },
     "429": {
      "$ref": "#/components/responses/TooManyRequests"
     },
     "500": {
      "$ref": "#/components/responses/InternalError"
     },
     "503": {
      "$ref": "#/components/responses/ServiceUnavailable"
     },
     "504": {
      "$ref": "#/components/responses/Timeout"
     }
    }
   }
  },
  "/nodes": {
   "get": {
    "operationId": "listNodes",
    "tags": [
     "machines"
    ],
    "summary": "The workers that have joined.",
    "description": "Each worker with what it has, what the tasks bound to it ask for, and whether it is well, from the control plane's own\nstate: no worker is asked. On the manager's listener only. Whoever asks must be allowed to list Workers, Tasks and\nthe Leases in `gantry-system`.\n",
    "responses": {
     "200": {
      "description": "The workers, by name.",
      "headers": {
       "X-Resource-Version": {
        "description": "Which version of the Workers it is.",
        "schema": {
         "type": "string",
         "pattern": "^[0-9]+$"
        }
       }
      },
      "content": {
       "application/json": {
        "schema": {
         "type": "array",
         "items": {
          "$ref": "#/components/schemas/Node"
         }
        },
        "example": [
         {
          "Name": "alpha",
          "Ip": "127.0.0.1",
          "Api": "http://127.0.0.1:8888",
          "Cores": 4,
          "CoresAllocated": 0.5,
          "Memory": 8589934592,
          "MemoryAllocated": 268435456,
          "Disk": 107374182400,
          "DiskAllocated": 0,
          "Role": "worker",
          "TaskCount": 2,
          "Status": "Ready",
          "Reason": "AgentReady",
          "Cordoned": false,
          "LastHeartbeatAt": "2026-01-31T12:00:00.123000Z"
         }
        ]
       }
      }
     },
     "401": {
      "$ref": "#/components/responses/Unauthorized"
     },
     "403": {
      "$ref": "#/components/responses/Forbidden"
     },
     "429": {
      "$ref": "#/components/responses/TooManyRequests"
     },
     "500": {
      "$ref": "#/components/responses/InternalError"
     },
     "503": {
      "$ref": "#/components/responses/ServiceUnavailable"
     },
     "504": {
      "$ref": "#/components/responses/Timeout"
     }
    }
   }
  },
  "/stats": {
   "get": {
    "operationId": "getStats",
    "tags": [
     "machines"
    ],
    "summary": "What a worker's machine has and uses.",
    "description": "The kernel's own figures at this moment, each in the kernel's own unit; what the system does not tell is null. On a\nworker's listener only. Whoever asks must be allowed to get the Worker.\n",
    "responses": {
     "200": {
      "description": "The figures.",
      "content": {
       "application/json": {
        "schema": {
         "$ref": "#/components/schemas/Stats"
        },
        "example": {
         "MemStats": {
          "mem_total": 8152180,
          "mem_free": 1250044,
          "mem_available": 5310212,
          "buffers": 310112,
          "cached": 3720480,
          "swap_cached": 0,
          "active": 2810116,
          "inactive": 3110404,
          "swap_total": 0,
          "swap_free": 0
         },
         "DiskStats": {
          "all": 107374182400,
          "used": 42949672960,
          "free": 64424509440,
          "freeInodes": 6123456
         },
         "CpuStats": {
          "id": "cpu",
          "user": 128123,
          "nice": 12,
          "system": 40321,
          "idle": 9123456,
          "iowait": 2345,
          "irq": 0,
          "softirq": 812,
          "steal": 0,
          "guest": 0,
          "guest_nice": 0
         },
         "LoadStats": {
          "last1min": 0.42,
          "last5min": 0.31,
          "last15min": 0.25,
          "process_running": 2,
          "process_total": 311,
          "last_pid": 48213
         },
         "TaskCount": 2
        }
       }
      }
     },
     "401": {
      "$ref": "#/components/responses/Unauthorized"
     },
     "403": {
      "$ref": "#/components/responses/Forbidden"
     },
     "429": {
      "$ref": "#/components/responses/TooManyRequests"
     },
     "500": {
      "$ref": "#/components/responses/InternalError"
     },
     "503": {
      "$ref": "#/components/responses/ServiceUnavailable"
     },
     "504": {
      "$ref": "#/components/responses/Timeout"
     }
    }
   }
  }
 },
 "components": {
  "securitySchemes": {
   "clientCertificate": {
    "type": "mutualTLS",
    "description": "A client certificate of the cluster's authority."
   },
   "token": {
    "type": "http",
    "scheme": "bearer",
    "description": "A token of a ServiceAccount."
   }
  },
  "parameters": {
   "Fields": {
    "name": "fields",
    "in": "query",
    "description": "With `all`, tasks have four keys more.",
    "schema": {
     "type": "string",
     "enum": [
      "all"
     ]
    },
    "example": "all"
   },
   "At": {
    "name": "at",
    "in": "query",
    "description": "Of this time, RFC 3339 or a duration back from now. Only where tasks are read.",
    "schema": {
     "type": "string"
    },
    "example": "-10m"
   },
   "Match": {
    "name": "resourceVersionMatch",
    "in": "query",
    "description": "How `resourceVersion` is meant. Only where tasks are read.",
    "schema": {
     "type": "string",
     "enum": [
      "Exact",
      "NotOlderThan"
     ]
    },
    "example": "Exact"
   }
  },
  "headers": {
   "ReadRevision": {
    "description": "Of which version the answer is, where the past was asked for.",
    "schema": {
     "type": "string",
     "pattern": "^[0-9]+$"
    }
   },
   "ReadTime": {
    "description": "Of which time the answer is, where a time was asked for.",
    "schema": {
     "type": "string",
     "format": "date-time"
    }
   }
  },
  "schemas": {
   "State": {
    "type": "integer",
    "enum": [
     0,
     1,
     2,
     3,
     4
    ],
    "description": "0 Pending (no worker yet), 1 Scheduled, 2 Running, 3 Completed (ended by itself or stopped), 4 Failed."
   },
   "Time": {
    "type": "string",
    "pattern": "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d{1,9})?(Z|[+-]\\d\\d:\\d\\d)$",
    "description": "RFC 3339 with up to nine decimals. `0001-01-01T00:00:00Z` is never."
   },
   "Bytes": {
    "type": "integer",
    "minimum": 0,
    "description": "Bytes; 0 is no limit."
   },
   "PortSet": {
    "type": [
     "object",
     "null"
    ],
    "description": "Ports such as `80/tcp` or `53/udp`, each with an empty object.",
    "propertyNames": {
     "pattern": "^\\d{1,5}(/(tcp|udp|TCP|UDP))?$"
    },
    "additionalProperties": {
     "type": "object"
    }
   },
   "HostPorts": {
    "type": [
     "object",
     "null"
    ],
    "description": "The worker's ports behind which the container's are, as Docker lists them.",
    "additionalProperties": {
     "type": "array",
     "items": {
      "$ref": "#/components/schemas/HostPort"
     }
    }
   },
   "HostPort": {
    "type": "object",
    "additionalProperties": false,
    "properties": {
     "HostIp": {
      "type": "string",
      "description": "The worker's address; empty is its publish address."
     },
     "HostPort": {
      "type": "string",
      "description": "The port; empty is a free one."
     }
    }
   },
   "TaskKeys": {
    "type": "object",
    "description": "What every task shows.",
    "required": [
     "ID",
     "ContainerID",
     "Name",
     "State",
     "Image",
     "Memory",
     "Disk",
     "ExposedPorts",
     "PortBindings",
     "RestartPolicy",
     "StartsAt",
     "FinishedAt",
     "CreatedAt",
     "UpdatedAt"
    ],
    "properties": {
     "ID": {
      "type": "string",
      "description": "The client's UUID, else the Task object's own."
     },
     "ContainerID": {
      "type": "string",
      "pattern": "^([0-9a-f]{64})?$",
      "description": "The container's id on its engine; empty before there is one."
     },
     "Name": {
      "type": "string",
      "description": "Whatever the client called it; need not be unique."
     },
     "State": {
      "$ref": "#/components/schemas/State"
     },
     "Image": {
      "type": "string",
      "description": "The image reference."
     },
     "Memory": {
      "$ref": "#/components/schemas/Bytes"
     },
     "Disk": {
      "$ref": "#/components/schemas/Bytes"
     },
     "ExposedPorts": {
      "$ref": "#/components/schemas/PortSet"
     },
     "PortBindings": {
      "type": [
       "object",
       "null"
      ],
      "description": "For ports whose host port was chosen, `8080` or `127.0.0.1:8080`.",
      "additionalProperties": {
       "type": "string"
      }
     },
     "RestartPolicy": {
      "type": "string",
      "enum": [
       "",
       "always",
       "no"
      ],
      "description": "Empty is on failure."
     },
     "StartsAt": {
      "$ref": "#/components/schemas/Time"
     },
     "FinishedAt": {
      "$ref": "#/components/schemas/Time"
     },
     "CreatedAt": {
      "$ref": "#/components/schemas/Time"
     },
     "UpdatedAt": {
      "$ref": "#/components/schemas/Time"
     }
    }
   },
   "Task": {
    "description": "A task as it is listed.",
    "type": "object",
    "$ref": "#/components/schemas/TaskKeys",
    "unevaluatedProperties": false
   },
   "WholeTask": {
    "description": "A task with `fields=all`.",
    "type": "object",
    "$ref": "#/components/schemas/TaskKeys",
    "unevaluatedProperties": false,
    "required": [
     "CPU",
     "HealthCheck",
     "RestartCount",
     "HostPorts"
    ],
    "properties": {
     "CPU": {
      "type": "number",
      "minimum": 0,
      "description": "Cores; 0 is no limit."
     },
     "HealthCheck": {
      "type": "string",
      "description": "The path that is asked over HTTP on the first exposed port; empty where none is."
     },
     "RestartCount": {
      "type": "integer",
      "minimum": 0,
      "description": "How often the container was started again after it ended."
     },
     "HostPorts": {
      "$ref": "#/components/schemas/HostPorts"
     }
    }
   },
   "AnyTask": {
    "description": "Which of the two `fields` decides.",
    "anyOf": [
     {
      "$ref": "#/components/schemas/Task"
     },
     {
      "$ref": "#/components/schemas/WholeTask"
     }
    ]
   },
   "Tasks": {
    "type": "array",
    "items": {
     "$ref": "#/components/schemas/AnyTask"
    }
   },
   "Frame": {
    "description": "One change. `resourceVersion` is where to go on from; a frame ERROR has none and is the last.",
    "anyOf": [
     {
      "type": "object",
      "additionalProperties": false,
      "required": [
       "type",
       "resourceVersion",
       "object"
      ],
      "properties": {
       "type": {
        "type": "string",
        "enum": [
         "ADDED",
         "MODIFIED",
         "DELETED"
        ]
       },
       "resourceVersion": {
        "type": "string",
        "pattern": "^\\d+$"
       },
       "object": {
        "$ref": "#/components/schemas/AnyTask"
       }
      }
     },
     {
      "type": "object",
      "additionalProperties": false,
      "required": [
       "type",
       "resourceVersion",
       "object"
      ],
      "properties": {
       "type": {
        "type": "string",
        "const": "ERROR"
       },
       "resourceVersion": {
        "type": "string",
        "const": ""
       },
       "object": {
        "$ref": "#/components/schemas/Error"
       }
      }
     }
    ]
   },
   "TaskEvent": {
    "type": "object",
    "description": "What shall become of a task.",
    "additionalProperties": false,
    "required": [
     "Task"
    ],
    "properties": {
     "ID": {
      "type": [
       "string",
       "null"
      ],
      "format": "uuid",
      "description": "The event's own id. It may be the task's."
     },
     "State": {
      "anyOf": [
       {
        "$ref": "#/components/schemas/State"
       },
       {
        "type": "null"
       }
      ],
      "description": "3 stops the task, anything else starts it."
     },
     "Timestamp": {
      "anyOf": [
       {
        "$ref": "#/components/schemas/Time"
       },
       {
        "type": "null"
       }
      ],
      "description": "When the client sent it; not kept."
     },
     "Task": {
      "$ref": "#/components/schemas/TaskWish"
     }
    }
   },
   "TaskWish": {
    "type": "object",
    "description": "A task as it is wished for. Null is the same as absent. State, ContainerID, RestartCount, HostPorts and the times are\nread and left alone, so that what was listed can be sent.\n",
    "additionalProperties": false,
    "properties": {
     "ID": {
      "type": [
       "string",
       "null"
      ],
      "format": "uuid",
      "description": "Absent, one is made up. Needed to stop a task."
     },
     "Name": {
      "type": [
       "string",
       "null"
      ]
     },
     "Image": {
      "type": [
       "string",
       "null"
      ],
      "description": "Needed unless the event stops a task."
     },
     "State": {
      "anyOf": [
       {
        "$ref": "#/components/schemas/State"
       },
       {
        "type": "null"
       }
      ]
     },
     "ContainerID": {
      "type": [
       "string",
       "null"
      ]
     },
     "CPU": {
      "type": [
       "number",
       "null"
      ],
      "minimum": 0,
      "description": "Cores the container may use."
     },
     "Memory": {
      "type": [
       "integer",
       "null"
      ],
      "minimum": 0,
      "description": "Bytes the container may use."
     },
     "Disk": {
      "type": [
       "integer",
       "null"
      ],
      "minimum": 0,
      "description": "Bytes that the container's files and its log may take."
     },
     "ExposedPorts": {
      "$ref": "#/components/schemas/PortSet"
     },
     "PortBindings": {
      "type": [
       "object",
       "null"
      ],
      "description": "The worker's ports; empty, or a port that is only exposed, gets a free one.",
      "additionalProperties": {
       "anyOf": [
        {
         "type": "string"
        },
        {
         "type": "array",
         "maxItems": 1,
         "items": {
          "$ref": "#/components/schemas/HostPort"
         }
        }
       ]
      }
     },
     "HostPorts": {
      "type": [
       "object",
       "null"
      ]
     },
     "HealthCheck": {
      "type": [
       "string",
       "null"
      ],
      "pattern": "^(/.*)?$",
      "description": "A path that must answer 200 to 399 on the first exposed TCP port; else the container is started again."
     },
     "RestartPolicy": {
      "type": [
       "string",
       "null"
      ],
      "enum": [
       null,
       "",
       "on-failure",
       "OnFailure",
       "always",
       "unless-stopped",
       "Always",
       "no",
       "never",
       "Never"
      ],
      "description": "Empty is on failure."
     },
     "RestartCount": {
      "type": [
       "integer",
       "null"
      ],
      "minimum": 0
     },
     "StartsAt": {
      "anyOf": [
       {
        "$ref": "#/components/schemas/Time"
       },
       {
        "type": "null"
       }
      ]
     },
     "FinishedAt": {
      "anyOf": [
       {
        "$ref": "#/components/schemas/Time"
       },
       {
        "type": "null"
       }
      ]
     },
     "CreatedAt": {
      "anyOf": [
       {
        "$ref": "#/components/schemas/Time"
       },
       {
        "type": "null"
       }
      ]
     },
     "UpdatedAt": {
      "anyOf": [
       {
        "$ref": "#/components/schemas/Time"
       },
       {
        "type": "null"
       }
      ]
     }
    }
   },
   "Node": {
    "type": "object",
    "description": "A worker. Memory and Disk are bytes; what is allocated is what tasks that have not ended ask for.",
    "additionalProperties": false,
    "required": [
     "Name",
     "Ip",
     "Api",
     "Cores",
     "CoresAllocated",
     "Memory",
     "MemoryAllocated",
     "Disk",
     "DiskAllocated",
     "Role",
     "TaskCount",
     "Status",
     "Reason",
     "Cordoned",
     "LastHeartbeatAt"
    ],
    "properties": {
     "Name": {
      "type": "string",
      "description": "The worker's name."
     },
     "Ip": {
      "type": "string",
      "description": "Where its published ports are; empty before it has told."
     },
     "Api": {
      "type": "string",
      "description": "Of its own API; empty where it has none."
     },
     "Cores": {
      "type": "number",
      "minimum": 0,
      "description": "Cores of the machine."
     },
     "CoresAllocated": {
      "type": "number",
      "minimum": 0,
      "description": "Cores that are asked for."
     },
     "Memory": {
      "type": "integer",
      "minimum": 0,
      "description": "Bytes of the machine."
     },
     "MemoryAllocated": {
      "type": "integer",
      "minimum": 0,
      "description": "Bytes that are asked for."
     },
     "Disk": {
      "type": "integer",
      "minimum": 0,
      "description": "Bytes of the engine's disk; 0 where it does not tell."
     },
     "DiskAllocated": {
      "type": "integer",
      "minimum": 0,
      "description": "Bytes that are asked for."
     },
     "Role": {
      "type": "string",
      "const": "worker",
      "description": "What it does."
     },
     "TaskCount": {
      "type": "integer",
      "minimum": 0,
      "description": "Tasks bound to it that have not ended."
     },
     "Status": {
      "type": "string",
      "enum": [
       "Ready",
       "NotReady",
       "Unknown"
      ],
      "description": "Whether it takes and keeps tasks; Unknown: nobody has heard of it."
     },
     "Reason": {
      "type": "string",
      "description": "One word that says why."
     },
     "Cordoned": {
      "type": "boolean",
      "description": "No new tasks are placed there."
     },
     "LastHeartbeatAt": {
      "$ref": "#/components/schemas/Time"
     }
    }
   },
   "Stats": {
    "type": "object",
    "description": "What a worker's machine has and uses.",
    "additionalProperties": false,
    "required": [
     "MemStats",
     "DiskStats",
     "CpuStats",
     "LoadStats",
     "TaskCount"
    ],
    "properties": {
     "MemStats": {
      "$ref": "#/components/schemas/MemStats"
     },
     "DiskStats": {
      "$ref": "#/components/schemas/DiskStats"
     },
     "CpuStats": {
      "$ref": "#/components/schemas/CpuStats"
     },
     "LoadStats": {
      "$ref": "#/components/schemas/LoadStats"
     },
     "TaskCount": {
      "type": "integer",
      "minimum": 0,
      "description": "Tasks bound to the worker that have not ended."
     }
    }
   },
   "MemStats": {
    "type": [
     "object",
     "null"
    ],
    "description": "Memory, in KiB. As /proc/meminfo has it.",
    "additionalProperties": false,
    "required": [
     "mem_total",
     "mem_free",
     "mem_available",
     "buffers",
     "cached",
     "swap_cached",
     "active",
     "inactive",
     "swap_total",
     "swap_free"
    ],
    "properties": {
     "mem_total": {
      "type": "integer",
      "minimum": 0,
      "description": "What the machine has."
     },
     "mem_free": {
      "type": "integer",
      "minimum": 0,
      "description": "What nobody uses."
     },
     "mem_available": {
      "type": "integer",
      "minimum": 0,
      "description": "What could be had without swapping."
     },
     "buffers": {
      "type": "integer",
      "minimum": 0,
      "description": "Of files' blocks."
     },
     "cached": {
      "type": "integer",
      "minimum": 0,
      "description": "Of files' pages."
     },
     "swap_cached": {
      "type": "integer",
      "minimum": 0,
      "description": "In memory and in swap."
     },
     "active": {
      "type": "integer",
      "minimum": 0,
      "description": "Used a short while ago."
     },
     "inactive": {
      "type": "integer",
      "minimum": 0,
      "description": "Not used for a while."
     },
     "swap_total": {
      "type": "integer",
      "minimum": 0,
      "description": "What the machine has of swap."
     },
     "swap_free": {
      "type": "integer",
      "minimum": 0,
      "description": "What nobody uses of it."
     }
    }
   },
   "DiskStats": {
    "type": [
     "object",
     "null"
    ],
    "description": "The file system where the engine keeps images and containers; `/` where that is not known. In bytes.",
    "additionalProperties": false,
    "required": [
     "all",
     "used",
     "free",
     "freeInodes"
    ],
    "properties": {
     "all": {
      "type": "integer",
      "minimum": 0,
      "description": "What it has."
     },
     "used": {
      "type": "integer",
      "minimum": 0,
      "description": "What is not free."
     },
     "free": {
      "type": "integer",
      "minimum": 0,
      "description": "What whoever is not root may write."
     },
     "freeInodes": {
      "type": "integer",
      "minimum": 0,
      "description": "How many files more it can have."
     }
    }
   },
   "CpuStats": {
    "type": [
     "object",
     "null"
    ],
    "description": "Time of all cores together since the boot, in hundredths of a second. As /proc/stat has it.",
    "additionalProperties": false,
    "required": [
     "id",
     "user",
     "nice",
     "system",
     "idle",
     "iowait",
     "irq",
     "softirq",
     "steal",
     "guest",
     "guest_nice"
    ],
    "properties": {
     "id": {
      "type": "string",
      "const": "cpu",
      "description": "All cores."
     },
     "user": {
      "type": "integer",
      "minimum": 0,
      "description": "Of programs."
     },
     "nice": {
      "type": "integer",
      "minimum": 0,
      "description": "Of programs of low priority."
     },
     "system": {
      "type": "integer",
      "minimum": 0,
      "description": "Of the kernel."
     },
     "idle": {
      "type": "integer",
      "minimum": 0,
      "description": "Of nobody."
     },
     "iowait": {
      "type": "integer",
      "minimum": 0,
      "description": "Of nobody, while a disk was waited for."
     },
     "irq": {
      "type": "integer",
      "minimum": 0,
      "description": "Of interrupts."
     },
     "softirq": {
      "type": "integer",
      "minimum": 0,
      "description": "Of soft interrupts."
     },
     "steal": {
      "type": "integer",
      "minimum": 0,
      "description": "Of other guests of the host."
     },
     "guest": {
      "type": "integer",
      "minimum": 0,
      "description": "Of guests. In user as well."
     },
     "guest_nice": {
      "type": "integer",
      "minimum": 0,
      "description": "Of guests of low priority. In nice as well."
     }
    }
   },
   "LoadStats": {
    "type": [
     "object",
     "null"
    ],
    "description": "How busy the machine is. As /proc/loadavg has it.",
    "additionalProperties": false,
    "required": [
     "last1min",
     "last5min",
     "last15min",
     "process_running",
     "process_total",
     "last_pid"
    ],
    "properties": {
     "last1min": {
      "type": "number",
      "minimum": 0,
      "description": "Processes that ran or waited in the last 1 minute on average."
     },
     "last5min": {
      "type": "number",
      "minimum": 0,
      "description": "Processes that ran or waited in the last 5 minutes on average."
     },
     "last15min": {
      "type": "number",
      "minimum": 0,
      "description": "Processes that ran or waited in the last 15 minutes on average."
     },
     "process_running": {
      "type": "integer",
      "minimum": 0,
      "description": "Processes that run or wait for a core."
     },
     "process_total": {
      "type": "integer",
      "minimum": 0,
      "description": "Processes there are."
     },
     "last_pid": {
      "type": "integer",
      "minimum": 0,
      "description": "The id of the youngest process."
     }
    }
   },
   "Error": {
    "type": "object",
    "description": "The form of all errors.",
    "additionalProperties": false,
    "required": [
     "HTTPStatusCode",
     "Message"
    ],
    "properties": {
     "HTTPStatusCode": {
      "type": "integer",
      "minimum": 400,
      "maximum": 599,
      "description": "The status of the answer."
     },
     "Message": {
      "type": "string",
      "minLength": 1,
      "description": "What it is about, what was found, what was wanted."
     }
    }
   }
  },
  "responses": {
   "BadRequest": {
    "description": "A body that is no JSON, has a wrong type or an unknown field; an id that is no UUID; a parameter that makes no sense. Nothing is stored.",
    "content": {
     "application/json": {
      "schema": {
       "$ref": "#/components/schemas/Error"
      },
      "example": {
       "HTTPStatusCode": 400,
       "Message": "Task.Memory: found \"64Mi\", wanted an integer that is not negative"
      }
     }
    }
   },
   "Unauthorized": {
    "description": "Nobody proved to be anybody.",
    "content": {
     "application/json": {
      "schema": {
       "$ref": "#/components/schemas/Error"
      },
      "example": {
       "HTTPStatusCode": 401,
       "Message": "Unauthorized"
      }
     }
    }
   },
   "Forbidden": {
    "description": "Whoever asks may not.",
    "content": {
     "application/json": {
      "schema": {
       "$ref": "#/components/schemas/Error"
      },
      "example": {
       "HTTPStatusCode": 403,
       "Message": "tasks.gantry.dev is forbidden: User \"reader\" cannot create resource \"tasks\" in API group \"gantry.dev\" in the namespace \"default\""
      }
     }
    }
   },
   "NotFound": {
    "description": "No task has the ID.",
    "content": {
     "application/json": {
      "schema": {
       "$ref": "#/components/schemas/Error"
      },
      "example": {
       "HTTPStatusCode": 404,
       "Message": "no task with ID 266592cd-960d-4091-981c-8c25c44b1018"
      }
     }
    }
   },
   "Conflict": {
    "description": "A task has the ID already.",
    "content": {
     "application/json": {
      "schema": {
       "$ref": "#/components/schemas/Error"
      },
      "example": {
       "HTTPStatusCode": 409,
       "Message": "a task with ID 266592cd-960d-4091-981c-8c25c44b1018 already exists; send State 3 to stop it"
      }
     }
    }
   },
   "Gone": {
    "description": "The version or the time that was asked for is not kept any more. Begin without one.",
    "content": {
     "application/json": {
      "schema": {
       "$ref": "#/components/schemas/Error"
      },
      "example": {
       "HTTPStatusCode": 410,
       "Message": "too old resource version: 1 (42): watch without a version, or read GET /tasks and go on from its X-Resource-Version"
      }
     }
    }
   },
   "TooLarge": {
    "description": "The body is larger than 3 MiB.",
    "content": {
     "application/json": {
      "schema": {
       "$ref": "#/components/schemas/Error"
      },
      "example": {
       "HTTPStatusCode": 413,
       "Message": "Request entity too large: limit is 3145728"
      }
     }
    }
   },
   "UnsupportedMediaType": {
    "description": "The body is said not to be JSON.",
    "content": {
     "application/json": {
      "schema": {
       "$ref": "#/components/schemas/Error"
      },
      "example": {
       "HTTPStatusCode": 415,
       "Message": "the body of the request was in an unknown format - accepted media types include: application/json"
      }
     }
    }
   },
   "TooManyRequests": {
    "description": "Too many at once, or more than a namespace may hold. `Retry-After` says when to try again.",
    "headers": {
     "Retry-After": {
      "description": "Seconds.",
      "schema": {
       "type": "integer",
       "minimum": 1
      }
     }
    },
    "content": {
     "application/json": {
      "schema": {
       "$ref": "#/components/schemas/Error"
      },
      "example": {
       "HTTPStatusCode": 429,
       "Message": "Too many requests, please try again later: too many of yours are waiting already"
      }
     }
    }
   },
   "InternalError": {
    "description": "A fault of the server's.",
    "content": {
     "application/json": {
      "schema": {
       "$ref": "#/components/schemas/Error"
      },
      "example": {
       "HTTPStatusCode": 500,
       "Message": "Internal error occurred: …"
      }
     }
    }
   },
   "ServiceUnavailable": {
    "description": "The store, or for a worker the control plane, cannot be reached.",
    "content": {
     "application/json": {
      "schema": {
       "$ref": "#/components/schemas/Error"
      },
      "example": {
       "HTTPStatusCode": 503,
       "Message": "the store does not answer"
      }
     }
    }
   },
   "Timeout": {
    "description": "It took too long.",
    "content": {
     "application/json": {
      "schema": {
       "$ref": "#/components/schemas/Error"
      },
      "example": {
       "HTTPStatusCode": 504,
       "Message": "request did not complete within the allotted timeout"
      }
     }
    }
   }
  },
  "examples": {
   "List": {
    "summary": "A task that has ended.",
    "value": [
     {
      "ID": "266592cd-960d-4091-981c-8c25c44b1018",
      "ContainerID": "fd31597bc7eb16c92cc1b59fc2300d92d58c9795648a71e4d4ac9b5b0ff76b08",
      "Name": "test-from-api-777",
      "State": 3,
      "Image": "strm/helloworld-http",
      "Memory": 0,
      "Disk": 0,
      "ExposedPorts": null,
      "PortBindings": null,
      "RestartPolicy": "",
      "StartsAt": "2025-04-13T12:57:35.5391939+03:00",
      "FinishedAt": "2025-04-13T12:58:16.9053937+03:00",
      "CreatedAt": "2025-04-13T12:58:03.8839293+03:00",
      "UpdatedAt": "2025-04-13T12:58:16.9053937+03:00"
     }
    ]
   },
   "Created": {
    "summary": "A task that was just recorded.",
    "value": {
     "ID": "266592cd-960d-4091-981c-8c25c44b1018",
     "ContainerID": "",
     "Name": "test-from-api-777",
     "State": 0,
     "Image": "strm/helloworld-http",
     "Memory": 0,
     "Disk": 0,
     "ExposedPorts": null,
     "PortBindings": null,
     "RestartPolicy": "",
     "StartsAt": "0001-01-01T00:00:00Z",
     "FinishedAt": "0001-01-01T00:00:00Z",
     "CreatedAt": "2026-11-22T12:57:35Z",
     "UpdatedAt": "2026-11-22T12:57:36Z"
    }
   },
   "Running": {
    "summary": "A task that runs.",
    "value": {
     "ID": "266592cd-960d-4091-981c-8c25c44b1018",
     "ContainerID": "fd31597bc7eb16c92cc1b59fc2300d92d58c9795648a71e4d4ac9b5b0ff76b08",
     "Name": "test-from-api-777",
     "State": 2,
     "Image": "strm/helloworld-http",
     "Memory": 0,
     "Disk": 0,
     "ExposedPorts": null,
     "PortBindings": null,
     "RestartPolicy": "",
     "StartsAt": "2026-11-22T12:57:35.5391939Z",
     "FinishedAt": "0001-01-01T00:00:00Z",
     "CreatedAt": "2026-11-22T12:57:35Z",
     "UpdatedAt": "2026-11-22T12:57:36Z"
    }
   },
   "Whole": {
    "summary": "With `fields=all`.",
    "value": {
     "ID": "266592cd-960d-4091-981c-8c25c44b1018",
     "ContainerID": "fd31597bc7eb16c92cc1b59fc2300d92d58c9795648a71e4d4ac9b5b0ff76b08",
     "Name": "test-from-api-777",
     "State": 2,
     "Image": "strm/helloworld-http",
     "Memory": 0,
     "Disk": 0,
     "ExposedPorts": {
      "80/tcp": {}
     },
     "PortBindings": null,
     "RestartPolicy": "",
     "StartsAt": "2026-11-22T12:57:35.5391939Z",
     "FinishedAt": "0001-01-01T00:00:00Z",
     "CreatedAt": "2026-11-22T12:57:35Z",
     "UpdatedAt": "2026-11-22T12:57:36Z",
     "CPU": 0.5,
     "HealthCheck": "/health",
     "RestartCount": 2,
     "HostPorts": {
      "80/tcp": [
       {
        "HostIp": "127.0.0.1",
        "HostPort": "32768"
       }
      ]
     }
    }
   }
  }
 }
};
