// Generated from schemas/doors/dispatch.yaml by `npm run gen`. Do not edit.
export const document = {
 "openapi": "3.1.0",
 "info": {
  "title": "Gantry dispatch",
  "version": "1",
  "summary": "Hand in work, ask how it is, cancel it, and see who does it.",
  "description": "Work is handed in under a task id of the client's own, as one of the work types that TaskTemplates describe. It is\nrecorded before the answer comes; workers do it afterwards. What is asked twice is done once.\n\nEvery error is `{error_code, message, trace_id}`.\n\n| error_code | is |\n|---|---|\n| 1000 | a body that cannot be read: no JSON, too large, another media type |\n| 1001 | an unknown work_type |\n| 1002 | a field that is missing, unknown or of another type |\n| 1003 | a priority that is no whole number from 1 to 5 |\n| 1004 | parameters that do not fit the schema of the work type |\n| 1005 | depends_on: no such task, itself, or twice the same |\n| 1006 | a task_id or request_id that can be none, or a request_id that is not what Idempotency-Key says |\n| 1007 | a query parameter |\n| 1008 | a method that the path does not have |\n| 2001 | no such task |\n| 2002 | a task that has ended and shall be cancelled |\n| 2003 | a task_id or request_id that was used for something else |\n| 4001 | nobody proved to be anybody |\n| 4003 | who asks may not |\n| 4029 | too many at once |\n| 5000 | a fault of the server's |\n| 5003, 5004 | the store cannot be reached, or took too long |\n\nThe `error_code` in the status of a task that failed is 3001 (the work failed), 3002 (it was interrupted) or 3003 (a task\nthat it depends on did not complete).\n",
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
   "name": "work",
   "description": "What is handed in."
  },
  {
   "name": "agents",
   "description": "Those who do it."
  }
 ],
 "paths": {
  "/api/v1/dispatch": {
   "post": {
    "operationId": "dispatchWork",
    "tags": [
     "work"
    ],
    "summary": "Hand in work.",
    "description": "Records the work under its task_id. The same request again, also after a restart and through another server, gets the\nsame answer and is done once; another one under the same task_id is refused with 409. With `request_id`, or the\nheader `Idempotency-Key`, the same holds for that id, for five minutes.\n",
    "parameters": [
     {
      "name": "Idempotency-Key",
      "in": "header",
      "description": "The same as `request_id`; where both are given they must be equal.",
      "schema": {
       "type": "string",
       "minLength": 1,
       "maxLength": 257
      },
      "example": "7b0d4bd2-4a1e-4f6e-9a53-1d8a3f8f5a0e"
     },
     {
      "$ref": "#/components/parameters/Traceparent"
     }
    ],
    "requestBody": {
     "required": true,
     "content": {
      "application/json": {
       "schema": {
        "$ref": "#/components/schemas/DispatchRequest"
       },
       "example": {
        "task_id": "order-4711",
        "work_type": "fib",
        "parameters": {
         "position": 10
        },
        "priority": 4,
        "request_id": "7b0d4bd2-4a1e-4f6e-9a53-1d8a3f8f5a0e"
       }
      }
     }
    },
    "responses": {
     "200": {
      "description": "It is recorded.",
      "headers": {
       "X-Trace-Id": {
        "$ref": "#/components/headers/TraceId"
       },
       "X-Request-Id": {
        "$ref": "#/components/headers/RequestId"
       }
      },
      "content": {
       "application/json": {
        "schema": {
         "$ref": "#/components/schemas/DispatchResponse"
        },
        "example": {
         "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
         "request_id": "7b0d4bd2-4a1e-4f6e-9a53-1d8a3f8f5a0e",
         "task_id": "order-4711",
         "status": "pending"
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
     "405": {
      "$ref": "#/components/responses/MethodNotAllowed"
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
  "/api/v1/status/{task_id}": {
   "get": {
    "operationId": "getTaskStatus",
    "tags": [
     "work"
    ],
    "summary": "How a task is.",
    "description": "What became of a task so far, with the end of what it wrote. It can be asked about until 24 hours after its end.\n",
    "parameters": [
     {
      "$ref": "#/components/parameters/TaskId"
     },
     {
      "name": "output",
      "in": "query",
      "description": "With `none` the log is left unread, and `output` is null.",
      "schema": {
       "type": "string",
       "enum": [
        "tail",
        "none"
       ],
       "default": "tail"
      },
      "example": "none"
     }
    ],
    "responses": {
     "200": {
      "description": "The task.",
      "headers": {
       "X-Trace-Id": {
        "$ref": "#/components/headers/TraceId"
       },
       "X-Request-Id": {
        "$ref": "#/components/headers/RequestId"
       }
      },
      "content": {
       "application/json": {
        "schema": {
         "$ref": "#/components/schemas/TaskStatus"
        },
        "example": {
         "task_id": "order-4711",
         "status": "completed",
         "progress": 100,
         "output": "Calculating the value of the 10th value in the Fibonacci sequence\nUsing lookup; value is '34'.\n",
         "output_unavailable": null,
         "error_code": null,
         "error_message": null,
         "exit_code": 0,
         "duration_ms": 412,
         "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
         "request_id": "7b0d4bd2-4a1e-4f6e-9a53-1d8a3f8f5a0e",
         "work_type": "fib",
         "agent_id": "w1",
         "attempts": 1,
         "created_at": "2026-01-19T10:00:00Z",
         "started_at": "2026-01-19T10:00:00Z",
         "finished_at": "2026-01-19T10:00:01Z",
         "updated_at": "2026-01-19T10:00:01Z"
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
     "405": {
      "$ref": "#/components/responses/MethodNotAllowed"
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
  "/api/v1/cancel/{task_id}": {
   "post": {
    "operationId": "cancelTask",
    "tags": [
     "work"
    ],
    "summary": "Cancel a task.",
    "description": "Records that a pending or running task shall end: what runs is stopped, with its grace period, and nothing more begins.\nOf one that is being cancelled already the answer is the same.\n",
    "parameters": [
     {
      "$ref": "#/components/parameters/TaskId"
     }
    ],
    "responses": {
     "200": {
      "description": "It is recorded.",
      "headers": {
       "X-Trace-Id": {
        "$ref": "#/components/headers/TraceId"
       },
       "X-Request-Id": {
        "$ref": "#/components/headers/RequestId"
       }
      },
      "content": {
       "application/json": {
        "schema": {
         "$ref": "#/components/schemas/CancelResponse"
        },
        "example": {
         "task_id": "order-4711",
         "status": "cancelled",
         "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"
        }
       }
      }
     },
     "400": {
      "description": "The task has ended, or nothing can have this id.",
      "content": {
       "application/json": {
        "schema": {
         "$ref": "#/components/schemas/Error"
        },
        "example": {
         "error_code": 2002,
         "message": "task \"order-4711\" is completed, wanted it pending or running: there is nothing to cancel",
         "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"
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
     "404": {
      "$ref": "#/components/responses/NotFound"
     },
     "405": {
      "$ref": "#/components/responses/MethodNotAllowed"
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
  "/api/v1/agents": {
   "get": {
    "operationId": "listAgents",
    "tags": [
     "agents"
    ],
    "summary": "Those who do the work.",
    "description": "The workers of the cluster. Both filters together give those that fit both.\n",
    "parameters": [
     {
      "name": "agent_type",
      "in": "query",
      "description": "Only agents of this type.",
      "schema": {
       "type": "string"
      },
      "example": "infra"
     },
     {
      "name": "status",
      "in": "query",
      "description": "Only agents that are so.",
      "schema": {
       "$ref": "#/components/schemas/AgentState"
      },
      "example": "online"
     }
    ],
    "responses": {
     "200": {
      "description": "The agents.",
      "content": {
       "application/json": {
        "schema": {
         "type": "array",
         "items": {
          "$ref": "#/components/schemas/Agent"
         }
        },
        "example": [
         {
          "agent_id": "w1",
          "agent_type": "infra",
          "status": "busy",
          "resources": {
           "capacity": {
            "cpu": "4",
            "memory": "8Gi",
            "ephemeral-storage": "100Gi"
           },
           "allocatable": {
            "cpu": "4",
            "memory": "7680Mi",
            "ephemeral-storage": "90Gi"
           },
           "used": {
            "cpu": "500m",
            "memory": "64Mi",
            "tasks": 2
           }
          },
          "last_heartbeat_at": "2026-01-19T10:00:00.000000Z"
         }
        ]
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
     "405": {
      "$ref": "#/components/responses/MethodNotAllowed"
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
  "/health": {
   "get": {
    "operationId": "getHealth",
    "tags": [
     "agents"
    ],
    "summary": "Whether the store and the workers answer.",
    "description": "For whoever is known. The store is read; workers are counted as `GET /api/v1/agents` shows them.\n",
    "responses": {
     "200": {
      "description": "Work is taken.",
      "content": {
       "application/json": {
        "schema": {
         "$ref": "#/components/schemas/Health"
        },
        "example": {
         "status": "ok",
         "store": "ok",
         "workers": {
          "online": 2,
          "busy": 1,
          "offline": 0
         },
         "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"
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
     "405": {
      "$ref": "#/components/responses/MethodNotAllowed"
     },
     "429": {
      "$ref": "#/components/responses/TooManyRequests"
     },
     "500": {
      "$ref": "#/components/responses/InternalError"
     },
     "503": {
      "description": "The store does not answer.",
      "content": {
       "application/json": {
        "schema": {
         "$ref": "#/components/schemas/Health"
        },
        "example": {
         "status": "unavailable",
         "store": "unavailable",
         "workers": null,
         "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"
        }
       }
      }
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
   "TaskId": {
    "name": "task_id",
    "in": "path",
    "required": true,
    "description": "What the client called it when it was dispatched.",
    "schema": {
     "$ref": "#/components/schemas/TaskId"
    },
    "example": "order-4711"
   },
   "Traceparent": {
    "name": "traceparent",
    "in": "header",
    "description": "W3C Trace Context. The work stays in this trace.",
    "schema": {
     "type": "string"
    },
    "example": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
   }
  },
  "headers": {
   "TraceId": {
    "description": "The trace of the task.",
    "schema": {
     "$ref": "#/components/schemas/TraceId"
    }
   },
   "RequestId": {
    "description": "The request id under which the task was dispatched, where it is printable.",
    "schema": {
     "type": "string"
    }
   }
  },
  "schemas": {
   "TaskId": {
    "type": "string",
    "minLength": 1,
    "maxLength": 253,
    "pattern": "^[^\\p{Cc}]*$",
    "description": "Any text without control characters, but `.` and `..`."
   },
   "TraceId": {
    "type": "string",
    "pattern": "^[0-9a-f]{32}$",
    "description": "W3C trace id, which is a UUID without hyphens."
   },
   "TaskTraceId": {
    "type": [
     "string",
     "null"
    ],
    "pattern": "^[0-9a-f]{32}$",
    "description": "The trace of the task. Null for one that was made inside the server, in no trace."
   },
   "TaskState": {
    "type": "string",
    "enum": [
     "pending",
     "running",
     "completed",
     "failed",
     "cancelled"
    ]
   },
   "Time": {
    "type": "string",
    "format": "date-time",
    "description": "ISO 8601."
   },
   "DispatchRequest": {
    "type": "object",
    "required": [
     "task_id",
     "work_type"
    ],
    "additionalProperties": false,
    "properties": {
     "task_id": {
      "$ref": "#/components/schemas/TaskId"
     },
     "work_type": {
      "type": "string",
      "minLength": 1,
      "maxLength": 253,
      "description": "The name of a TaskTemplate."
     },
     "parameters": {
      "type": [
       "object",
       "null"
      ],
      "description": "What the work is given. The schema of the work type says what it may be."
     },
     "priority": {
      "type": [
       "integer",
       "null"
      ],
      "minimum": 1,
      "maximum": 5,
      "description": "5 is the most urgent. Absent, that of the work type counts, and 3 where it says none."
     },
     "request_id": {
      "type": [
       "string",
       "null"
      ],
      "minLength": 1,
      "maxLength": 255,
      "description": "The same request under the same id is done once."
     },
     "depends_on": {
      "type": [
       "array",
       "null"
      ],
      "maxItems": 100,
      "uniqueItems": true,
      "items": {
       "$ref": "#/components/schemas/TaskId"
      },
      "description": "Tasks that must have completed before this one begins."
     }
    }
   },
   "DispatchResponse": {
    "type": "object",
    "required": [
     "trace_id",
     "request_id",
     "task_id",
     "status"
    ],
    "additionalProperties": false,
    "properties": {
     "trace_id": {
      "$ref": "#/components/schemas/TraceId"
     },
     "request_id": {
      "type": "string",
      "minLength": 1,
      "description": "The client's own, or one that it was given."
     },
     "task_id": {
      "$ref": "#/components/schemas/TaskId"
     },
     "status": {
      "type": "string",
      "const": "pending"
     }
    }
   },
   "TaskStatus": {
    "type": "object",
    "required": [
     "task_id",
     "status",
     "progress",
     "output",
     "output_unavailable",
     "error_code",
     "error_message",
     "exit_code",
     "duration_ms",
     "trace_id",
     "request_id",
     "work_type",
     "agent_id",
     "attempts",
     "created_at",
     "started_at",
     "finished_at",
     "updated_at"
    ],
    "additionalProperties": false,
    "properties": {
     "task_id": {
      "$ref": "#/components/schemas/TaskId"
     },
     "status": {
      "$ref": "#/components/schemas/TaskState"
     },
     "progress": {
      "type": "integer",
      "minimum": 0,
      "maximum": 100,
      "description": "Percent, as the work says itself; 100 once it has completed."
     },
     "output": {
      "type": [
       "string",
       "null"
      ],
      "description": "The last 64 KiB of standard output and error. Null where they cannot be had."
     },
     "output_unavailable": {
      "type": [
       "string",
       "null"
      ],
      "description": "Why there is no output."
     },
     "error_code": {
      "type": [
       "integer",
       "null"
      ],
      "minimum": 3000,
      "maximum": 3999,
      "description": "Of a task that failed."
     },
     "error_message": {
      "type": [
       "string",
       "null"
      ],
      "description": "Why it failed or was cancelled."
     },
     "exit_code": {
      "type": [
       "integer",
       "null"
      ],
      "description": "Of its newest try."
     },
     "duration_ms": {
      "type": [
       "integer",
       "null"
      ],
      "minimum": 0,
      "description": "From its beginning to its end; until now while it runs."
     },
     "trace_id": {
      "$ref": "#/components/schemas/TaskTraceId"
     },
     "request_id": {
      "type": "string"
     },
     "work_type": {
      "type": "string"
     },
     "agent_id": {
      "type": [
       "string",
       "null"
      ],
      "description": "The agent that has, or had, its newest try."
     },
     "attempts": {
      "type": "integer",
      "minimum": 0,
      "description": "How often it was tried."
     },
     "created_at": {
      "$ref": "#/components/schemas/Time"
     },
     "started_at": {
      "type": [
       "string",
       "null"
      ],
      "format": "date-time"
     },
     "finished_at": {
      "type": [
       "string",
       "null"
      ],
      "format": "date-time"
     },
     "updated_at": {
      "$ref": "#/components/schemas/Time"
     }
    }
   },
   "CancelResponse": {
    "type": "object",
    "required": [
     "task_id",
     "status",
     "trace_id"
    ],
    "additionalProperties": false,
    "properties": {
     "task_id": {
      "$ref": "#/components/schemas/TaskId"
     },
     "status": {
      "type": "string",
      "const": "cancelled"
     },
     "trace_id": {
      "$ref": "#/components/schemas/TaskTraceId"
     }
    }
   },
   "AgentState": {
    "type": "string",
    "enum": [
     "online",
     "offline",
     "busy"
    ],
    "description": "`busy`: a dispatched task runs there."
   },
   "Amounts": {
    "type": "object",
    "description": "Kubernetes quantities.",
    "additionalProperties": {
     "type": "string"
    }
   },
   "Agent": {
    "type": "object",
    "required": [
     "agent_id",
     "agent_type",
     "status",
     "resources",
     "last_heartbeat_at"
    ],
    "additionalProperties": false,
    "properties": {
     "agent_id": {
      "type": "string",
      "description": "The worker's name."
     },
     "agent_type": {
      "type": "string",
      "description": "The worker's label gantry.dev/agent-type, else `worker`."
     },
     "status": {
      "$ref": "#/components/schemas/AgentState"
     },
     "resources": {
      "type": "object",
      "required": [
       "capacity",
       "allocatable",
       "used"
      ],
      "additionalProperties": false,
      "properties": {
       "capacity": {
        "$ref": "#/components/schemas/Amounts"
       },
       "allocatable": {
        "$ref": "#/components/schemas/Amounts"
       },
       "used": {
        "type": [
         "object",
         "null"
        ],
        "description": "What its tasks have asked for. Null where who asks may not see them.",
        "required": [
         "cpu",
         "memory",
         "tasks"
        ],
        "additionalProperties": false,
        "properties": {
         "cpu": {
          "type": "string"
         },
         "memory": {
          "type": "string"
         },
         "tasks": {
          "type": "integer",
          "minimum": 0
         }
        }
       }
      }
     },
     "last_heartbeat_at": {
      "type": [
       "string",
       "null"
      ],
      "format": "date-time",
      "description": "When its lease was renewed last. Null where there is none, or who asks may not see it."
     }
    }
   },
   "Health": {
    "type": "object",
    "required": [
     "status",
     "store",
     "workers",
     "trace_id"
    ],
    "additionalProperties": false,
    "properties": {
     "status": {
      "type": "string",
      "enum": [
       "ok",
       "degraded",
       "unavailable"
      ],
      "description": "`degraded`: work is taken, but some worker is offline, or there is none."
     },
     "store": {
      "type": "string",
      "enum": [
       "ok",
       "unavailable"
      ]
     },
     "workers": {
      "type": [
       "object",
       "null"
      ],
      "description": "How many are so. Null where they are not known.",
      "required": [
       "online",
       "busy",
       "offline"
      ],
      "additionalProperties": false,
      "properties": {
       "online": {
        "type": "integer",
        "minimum": 0
       },
       "busy": {
        "type": "integer",
        "minimum": 0
       },
       "offline": {
        "type": "integer",
        "minimum": 0
       }
      }
     },
     "trace_id": {
      "$ref": "#/components/schemas/TraceId"
     }
    }
   },
   "Error": {
    "type": "object",
    "required": [
     "error_code",
     "message",
     "trace_id"
    ],
    "additionalProperties": false,
    "properties": {
     "error_code": {
      "type": "integer",
      "minimum": 1000,
      "maximum": 9999
     },
     "message": {
      "type": "string",
      "minLength": 1
     },
     "trace_id": {
      "$ref": "#/components/schemas/TraceId"
     }
    }
   }
  },
  "responses": {
   "BadRequest": {
    "description": "Something about the request is wrong; nothing is recorded.",
    "content": {
     "application/json": {
      "schema": {
       "$ref": "#/components/schemas/Error"
      },
      "example": {
       "error_code": 1004,
       "message": "parameters.position: Required value: task template \"fib\" needs it, as type integer",
       "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"
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
       "error_code": 4001,
       "message": "Unauthorized",
       "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"
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
       "error_code": 4003,
       "message": "runs.gantry.dev is forbidden: User \"reader\" cannot create resource \"runs\" in API group \"gantry.dev\" in the namespace \"default\"",
       "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"
      }
     }
    }
   },
   "NotFound": {
    "description": "No task has the id.",
    "content": {
     "application/json": {
      "schema": {
       "$ref": "#/components/schemas/Error"
      },
      "example": {
       "error_code": 2001,
       "message": "no task \"order-4711\"",
       "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"
      }
     }
    }
   },
   "MethodNotAllowed": {
    "description": "The path does not have the method. `Allow` says which it has.",
    "headers": {
     "Allow": {
      "description": "The methods it has.",
      "schema": {
       "type": "string"
      }
     }
    },
    "content": {
     "application/json": {
      "schema": {
       "$ref": "#/components/schemas/Error"
      },
      "example": {
       "error_code": 1008,
       "message": "the server does not allow this method on the requested resource",
       "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"
      }
     }
    }
   },
   "Conflict": {
    "description": "The task_id or request_id was used for something else.",
    "content": {
     "application/json": {
      "schema": {
       "$ref": "#/components/schemas/Error"
      },
      "example": {
       "error_code": 2003,
       "message": "task \"order-4711\" is there already, and asked for something else: send that request, or another task_id",
       "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"
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
       "error_code": 1000,
       "message": "Request entity too large: limit is 3145728",
       "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"
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
       "error_code": 1000,
       "message": "the body of the request was in an unknown format - accepted media types include: application/json",
       "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"
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
       "error_code": 4029,
       "message": "Too many requests, please try again later: too many of yours are waiting already",
       "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"
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
       "error_code": 5000,
       "message": "internal error: the server log tells more under this trace_id",
       "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"
      }
     }
    }
   },
   "ServiceUnavailable": {
    "description": "The store cannot be reached.",
    "content": {
     "application/json": {
      "schema": {
       "$ref": "#/components/schemas/Error"
      },
      "example": {
       "error_code": 5003,
       "message": "the store does not answer",
       "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"
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
       "error_code": 5004,
       "message": "request did not complete within the allotted timeout",
       "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"
      }
     }
    }
   }
  }
 }
};
