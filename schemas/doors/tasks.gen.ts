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
