// Generated from schemas/doors/jobs.yaml by `npm run gen`. Do not edit.
export const document = {
 "openapi": "3.1.0",
 "info": {
  "title": "Gantry jobs",
  "version": "1",
  "summary": "See, trigger and steer jobs and their runs.",
  "description": "The API of a job scheduler over Gantry's Job and Run objects. A job is known by its id, which is the annotation\n`gantry.dev/job-id` of its object (`hello_world`) or the object's name, and is found by its name, too; a run is known by\nits name. Times are milliseconds since the epoch; what there is none of is null.\n\nErrors are `{error, code}`.\n",
  "license": {
   "name": "Apache-2.0",
   "identifier": "Apache-2.0"
  }
 },
 "servers": [
  {
   "url": "http://localhost:8565",
   "description": "The jobs listener of `gantry up --dev`."
  },
  {
   "url": "https://localhost:8565",
   "description": "The jobs listener; with a client certificate or a token."
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
   "name": "jobs",
   "description": "Work that can be run."
  },
  {
   "name": "runs",
   "description": "The times it was."
  },
  {
   "name": "scheduler",
   "description": "What runs jobs by themselves."
  }
 ],
 "paths": {
  "/api/jobs": {
   "get": {
    "operationId": "listJobs",
    "tags": [
     "jobs"
    ],
    "summary": "All jobs.",
    "description": "The jobs of the namespace that the server keeps them in.\n",
    "responses": {
     "200": {
      "description": "The jobs, by name.",
      "content": {
       "application/json": {
        "schema": {
         "$ref": "#/components/schemas/JobList"
        },
        "example": {
         "jobs": [
          {
           "id": "hello_world",
           "name": "hello-world",
           "enabled": true,
           "scheduled": true,
           "task_count": 2
          }
         ],
         "count": 1
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
     }
    }
   }
  },
  "/api/jobs/{job_id}": {
   "get": {
    "operationId": "getJob",
    "tags": [
     "jobs"
    ],
    "summary": "One job.",
    "description": "Its schedule, its steps, and when it runs next by itself.\n`next_run_at` is null where nothing is due: without a schedule, and while it rests.\n",
    "parameters": [
     {
      "$ref": "#/components/parameters/JobId"
     }
    ],
    "responses": {
     "200": {
      "description": "The job.",
      "content": {
       "application/json": {
        "schema": {
         "$ref": "#/components/schemas/Job"
        },
        "example": {
         "id": "hello_world",
         "name": "hello-world",
         "enabled": true,
         "schedule": "@hourly",
         "timezone": "UTC",
         "max_concurrency": 1,
         "tasks": [
          {
           "id": "greet",
           "name": "greet",
           "depends_on": [],
           "condition": "all_success"
          }
         ],
         "next_run_at": 1767225600000
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
     "409": {
      "$ref": "#/components/responses/Conflict"
     },
     "429": {
      "$ref": "#/components/responses/TooManyRequests"
     },
     "500": {
      "$ref": "#/components/responses/InternalError"
     }
    }
   }
  },
  "/api/jobs/{job_id}/runs": {
   "get": {
    "operationId": "listRuns",
    "tags": [
     "runs"
    ],
    "summary": "Runs of a job, the newest first.",
    "description": "Those that are kept: the history limits of the job say how many of those that have ended.\n",
    "parameters": [
     {
      "$ref": "#/components/parameters/JobId"
     },
     {
      "$ref": "#/components/parameters/Limit"
     }
    ],
    "responses": {
     "200": {
      "description": "The runs.",
      "content": {
       "application/json": {
        "schema": {
         "$ref": "#/components/schemas/RunList"
        },
        "example": {
         "runs": [
          {
           "id": "hello-world-x7k2p",
           "job_id": "hello_world",
           "status": "completed",
           "started_at": 1767225600000,
           "ended_at": 1767225602000,
           "duration_ms": 2000,
           "error": null
          }
         ],
         "count": 1
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
     "429": {
      "$ref": "#/components/responses/TooManyRequests"
     },
     "500": {
      "$ref": "#/components/responses/InternalError"
     }
    }
   }
  },
  "/api/jobs/{job_id}/trigger": {
   "post": {
    "operationId": "triggerJob",
    "tags": [
     "jobs"
    ],
    "summary": "Run a job now.",
    "description": "Makes a run, whether the scheduler is paused or not; the answer comes before it begins.\n\nWhat would not begin is refused: 409 with `DependencyNotSatisfied` in front of what was found, 429 with\n`MaxConcurrentRunsExceeded`, 503 where no scheduler runs. Of two requests that come at the same moment both may be\nlet pass; a run that finds no place then is `failed` with that reason.\n",
    "parameters": [
     {
      "$ref": "#/components/parameters/JobId"
     },
     {
      "$ref": "#/components/parameters/IdempotencyKey"
     }
    ],
    "requestBody": {
     "required": false,
     "description": "May be left out; its Content-Type does not matter.",
     "content": {
      "application/json": {
       "schema": {
        "$ref": "#/components/schemas/Trigger"
       },
       "example": {
        "parameters": {
         "name": "world"
        }
       }
      }
     }
    },
    "responses": {
     "200": {
      "description": "The run that was made; under the same `Idempotency-Key` the one that was made before.",
      "content": {
       "application/json": {
        "schema": {
         "$ref": "#/components/schemas/Told"
        },
        "example": {
         "run_id": "hello-world-x7k2p",
         "job_id": "hello_world",
         "message": "job \"hello_world\" was triggered"
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
      "$ref": "#/components/responses/Unavailable"
     }
    }
   }
  },
  "/api/runs/{run_id}": {
   "get": {
    "operationId": "getRun",
    "tags": [
     "runs"
    ],
    "summary": "One run.",
    "description": "`error` says why it ended otherwise than `completed`: a reason, and a sentence.\n",
    "parameters": [
     {
      "$ref": "#/components/parameters/RunId"
     }
    ],
    "responses": {
     "200": {
      "description": "The run.",
      "content": {
       "application/json": {
        "schema": {
         "$ref": "#/components/schemas/Run"
        },
        "example": {
         "id": "hello-world-x7k2p",
         "job_id": "hello_world",
         "status": "completed",
         "started_at": 1767225600000,
         "ended_at": 1767225602000,
         "duration_ms": 2000,
         "error": null
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
     "429": {
      "$ref": "#/components/responses/TooManyRequests"
     },
     "500": {
      "$ref": "#/components/responses/InternalError"
     }
    }
   }
  },
  "/api/runs/{run_id}/tasks": {
   "get": {
    "operationId": "listRunTasks",
    "tags": [
     "runs"
    ],
    "summary": "The tasks of a run.",
    "description": "The steps of its job in their order. `attempts` counts every try.\n",
    "parameters": [
     {
      "$ref": "#/components/parameters/RunId"
     }
    ],
    "responses": {
     "200": {
      "description": "The tasks.",
      "content": {
       "application/json": {
        "schema": {
         "$ref": "#/components/schemas/RunTaskList"
        },
        "example": {
         "tasks": [
          {
           "task_id": "greet",
           "run_id": "hello-world-x7k2p",
           "status": "completed",
           "attempts": 1,
           "started_at": 1767225600000,
           "ended_at": 1767225601000,
           "duration_ms": 1000,
           "error": null
          }
         ],
         "count": 1
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
     "429": {
      "$ref": "#/components/responses/TooManyRequests"
     },
     "500": {
      "$ref": "#/components/responses/InternalError"
     }
    }
   }
  },
  "/api/runs/{run_id}/logs": {
   "get": {
    "operationId": "getRunLogs",
    "tags": [
     "runs"
    ],
    "summary": "What the tasks of a run wrote.",
    "description": "Standard output and error. Of one task (`task`) the bytes as they are; of all of them one after the other, each\nline with its task in front (`[greet] `, from the second try on `[greet 2] `). With `follow` the answer goes on until the\nrun has ended.\n",
    "parameters": [
     {
      "$ref": "#/components/parameters/RunId"
     },
     {
      "$ref": "#/components/parameters/Task"
     },
     {
      "$ref": "#/components/parameters/Tail"
     },
     {
      "$ref": "#/components/parameters/Follow"
     }
    ],
    "responses": {
     "200": {
      "description": "What the tasks wrote.",
      "content": {
       "text/plain": {
        "schema": {
         "type": "string"
        },
        "example": "[greet] Hello, world\n"
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
     "429": {
      "$ref": "#/components/responses/TooManyRequests"
     },
     "500": {
      "$ref": "#/components/responses/InternalError"
     },
     "503": {
      "$ref": "#/components/responses/Unavailable"
     }
    }
   }
  },
  "/api/runs/{run_id}/cancel": {
   "post": {
    "operationId": "cancelRun",
    "tags": [
     "runs"
    ],
    "summary": "Stop a run.",
    "description": "What runs is stopped with its grace period, and nothing more begins. Once is enough: a second time answers the same. A run\nthat has ended otherwise is 409.\n",
    "parameters": [
     {
      "$ref": "#/components/parameters/RunId"
     }
    ],
    "requestBody": {
     "required": false,
     "description": "May be left out; its Content-Type does not matter.",
     "content": {
      "application/json": {
       "schema": {
        "$ref": "#/components/schemas/Nothing"
       },
       "example": {}
      }
     }
    },
    "responses": {
     "200": {
      "description": "It will be `cancelled` once what runs has ended.",
      "content": {
       "application/json": {
        "schema": {
         "$ref": "#/components/schemas/Told"
        },
        "example": {
         "run_id": "hello-world-x7k2p",
         "job_id": "hello_world",
         "message": "run \"hello-world-x7k2p\" is being cancelled"
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
     }
    }
   }
  },
  "/api/runs/{run_id}/rerun": {
   "post": {
    "operationId": "rerunRun",
    "tags": [
     "runs"
    ],
    "summary": "Run the same again.",
    "description": "What ran then runs again, also when the job has changed since, with its parameters but for those that are given. With\n`from_task`, tasks that had completed and come after nothing that runs anew are taken over. Refused as a trigger is,\nand with 409 while the run has not ended.\n",
    "parameters": [
     {
      "$ref": "#/components/parameters/RunId"
     },
     {
      "$ref": "#/components/parameters/IdempotencyKey"
     }
    ],
    "requestBody": {
     "required": false,
     "description": "May be left out; its Content-Type does not matter.",
     "content": {
      "application/json": {
       "schema": {
        "$ref": "#/components/schemas/Rerun"
       },
       "example": {
        "from_task": "greet"
       }
      }
     }
    },
    "responses": {
     "200": {
      "description": "The new run.",
      "content": {
       "application/json": {
        "schema": {
         "$ref": "#/components/schemas/Told"
        },
        "example": {
         "run_id": "hello-world-m2n4q",
         "job_id": "hello_world",
         "message": "run \"hello-world-x7k2p\" is run again"
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
      "$ref": "#/components/responses/Unavailable"
     }
    }
   }
  },
  "/api/scheduler/state": {
   "get": {
    "operationId": "getSchedulerState",
    "tags": [
     "scheduler"
    ],
    "summary": "Whether jobs run by themselves.",
    "description": "`stopped` while no server is known to run the controllers.\n",
    "responses": {
     "200": {
      "description": "How it is.",
      "content": {
       "application/json": {
        "schema": {
         "$ref": "#/components/schemas/SchedulerState"
        },
        "example": {
         "state": "running",
         "is_running": true,
         "is_paused": false
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
     }
    }
   }
  },
  "/api/scheduler/pause": {
   "post": {
    "operationId": "pauseScheduler",
    "tags": [
     "scheduler"
    ],
    "summary": "Let all schedules rest.",
    "description": "Jobs do not run by themselves any more, also after a restart; runs that somebody makes are run.\n",
    "requestBody": {
     "required": false,
     "description": "May be left out; its Content-Type does not matter.",
     "content": {
      "application/json": {
       "schema": {
        "$ref": "#/components/schemas/Nothing"
       },
       "example": {}
      }
     }
    },
    "responses": {
     "200": {
      "description": "How it is now.",
      "content": {
       "application/json": {
        "schema": {
         "$ref": "#/components/schemas/SchedulerState"
        },
        "example": {
         "state": "paused",
         "is_running": false,
         "is_paused": true
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
     }
    }
   }
  },
  "/api/scheduler/resume": {
   "post": {
    "operationId": "resumeScheduler",
    "tags": [
     "scheduler"
    ],
    "summary": "Let schedules go on.",
    "description": "What was missed meanwhile is not made up for.\n",
    "requestBody": {
     "required": false,
     "description": "May be left out; its Content-Type does not matter.",
     "content": {
      "application/json": {
       "schema": {
        "$ref": "#/components/schemas/Nothing"
       },
       "example": {}
      }
     }
    },
    "responses": {
     "200": {
      "description": "How it is now.",
      "content": {
       "application/json": {
        "schema": {
         "$ref": "#/components/schemas/SchedulerState"
        },
        "example": {
         "state": "running",
         "is_running": true,
         "is_paused": false
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
     }
    }
   }
  },
  "/api/health": {
   "get": {
    "operationId": "getHealth",
    "tags": [
     "scheduler"
    ],
    "summary": "Whether the API answers.",
    "description": "Nothing is asked of the store.\n",
    "responses": {
     "200": {
      "description": "It does.",
      "content": {
       "application/json": {
        "schema": {
         "$ref": "#/components/schemas/Health"
        },
        "example": {
         "status": "ok",
         "version": "0.1.0"
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
     }
    }
   }
  }
 },
 "components": {
  "securitySchemes": {
   "clientCertificate": {
    "type": "mutualTLS",
    "description": "A certificate of the cluster's own authority."
   },
   "token": {
    "type": "http",
    "scheme": "bearer",
    "description": "A token of `gantry token create`."
   }
  },
  "parameters": {
   "JobId": {
    "name": "job_id",
    "in": "path",
    "required": true,
    "description": "The job's id, or its name.",
    "schema": {
     "type": "string",
     "minLength": 1
    },
    "example": "hello_world"
   },
   "RunId": {
    "name": "run_id",
    "in": "path",
    "required": true,
    "description": "The run's name.",
    "schema": {
     "type": "string",
     "minLength": 1
    },
    "example": "hello-world-x7k2p"
   },
   "Limit": {
    "name": "limit",
    "in": "query",
    "description": "So many at most.",
    "schema": {
     "type": "integer",
     "minimum": 1,
     "maximum": 1000,
     "default": 20
    },
    "example": 5
   },
   "IdempotencyKey": {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same request under the same key makes one run, for five minutes unless the server is set otherwise.",
    "schema": {
     "type": "string",
     "minLength": 1,
     "maxLength": 255
    },
    "example": "order-4711"
   },
   "Task": {
    "name": "task",
    "in": "query",
    "description": "Of this task alone.",
    "schema": {
     "type": "string",
     "minLength": 1
    },
    "example": "greet"
   },
   "Tail": {
    "name": "tail",
    "in": "query",
    "description": "Of each try only so many of the last lines.",
    "schema": {
     "type": "integer",
     "minimum": 0,
     "maximum": 1000000
    },
    "example": 100
   },
   "Follow": {
    "name": "follow",
    "in": "query",
    "description": "Whether to go on until the run has ended.",
    "schema": {
     "type": "boolean",
     "default": false
    },
    "example": true
   }
  },
  "responses": {
   "BadRequest": {
    "description": "A parameter, a body or a query that cannot be used; nothing was changed.",
    "content": {
     "application/json": {
      "schema": {
       "$ref": "#/components/schemas/Error"
      },
      "example": {
       "error": "parameter \"name\": Required value: must be given",
       "code": "BAD_REQUEST"
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
       "error": "Unauthorized",
       "code": "UNAUTHORIZED"
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
       "error": "runs.gantry.dev is forbidden: user \"jane\" cannot create resource \"runs\" in API group \"gantry.dev\" in the namespace \"default\"",
       "code": "FORBIDDEN"
      }
     }
    }
   },
   "NotFound": {
    "description": "There is no such job, run or task.",
    "content": {
     "application/json": {
      "schema": {
       "$ref": "#/components/schemas/Error"
      },
      "example": {
       "error": "job not found: \"hello\"",
       "code": "NOT_FOUND"
      }
     }
    }
   },
   "Conflict": {
    "description": "It would not begin, or cannot be changed any more; or two jobs have the id.",
    "content": {
     "application/json": {
      "schema": {
       "$ref": "#/components/schemas/Error"
      },
      "example": {
       "error": "DependencyNotSatisfied: job \"build\" has no run that has ended",
       "code": "CONFLICT"
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
       "error": "Request entity too large: limit is 3145728",
       "code": "REQUEST_ENTITY_TOO_LARGE"
      }
     }
    }
   },
   "UnsupportedMediaType": {
    "description": "The body is compressed.",
    "content": {
     "application/json": {
      "schema": {
       "$ref": "#/components/schemas/Error"
      },
      "example": {
       "error": "the body of the request has Content-Encoding \"gzip\", which requests may not have here; send it as it is",
       "code": "UNSUPPORTED_MEDIA_TYPE"
      }
     }
    }
   },
   "TooManyRequests": {
    "description": "As many runs are under way as may be; or this client asks too much (then with `Retry-After`).",
    "content": {
     "application/json": {
      "schema": {
       "$ref": "#/components/schemas/Error"
      },
      "example": {
       "error": "MaxConcurrentRunsExceeded: a run of job \"hello-world\" is under way, and maxConcurrentRuns is 1 (concurrencyPolicy Forbid)",
       "code": "TOO_MANY_REQUESTS"
      }
     }
    }
   },
   "InternalError": {
    "description": "A fault of the server.",
    "content": {
     "application/json": {
      "schema": {
       "$ref": "#/components/schemas/Error"
      },
      "example": {
       "error": "Internal error occurred: the disk is full",
       "code": "INTERNAL_ERROR"
      }
     }
    }
   },
   "Unavailable": {
    "description": "No scheduler runs, or the worker that has a log is not connected.",
    "content": {
     "application/json": {
      "schema": {
       "$ref": "#/components/schemas/Error"
      },
      "example": {
       "error": "the scheduler is not running: nothing would begin; try again",
       "code": "SERVICE_UNAVAILABLE"
      }
     }
    }
   }
  },
  "schemas": {
   "Error": {
    "type": "object",
    "required": [
     "error",
     "code"
    ],
    "additionalProperties": false,
    "properties": {
     "error": {
      "type": "string",
      "description": "A sentence for people."
     },
     "code": {
      "type": "string",
      "pattern": "^[A-Z_]+$",
      "description": "One word for programs."
     }
    }
   },
   "JobItem": {
    "type": "object",
    "required": [
     "id",
     "name",
     "enabled",
     "scheduled",
     "task_count"
    ],
    "additionalProperties": false,
    "properties": {
     "id": {
      "type": "string"
     },
     "name": {
      "type": "string",
      "description": "The object's name."
     },
     "enabled": {
      "type": "boolean",
      "description": "Whether it runs by itself when its time comes."
     },
     "scheduled": {
      "type": "boolean",
      "description": "Whether it has a schedule."
     },
     "task_count": {
      "type": "integer",
      "minimum": 1
     }
    }
   },
   "JobList": {
    "type": "object",
    "required": [
     "jobs",
     "count"
    ],
    "additionalProperties": false,
    "properties": {
     "jobs": {
      "type": "array",
      "items": {
       "$ref": "#/components/schemas/JobItem"
      }
     },
     "count": {
      "type": "integer",
      "minimum": 0
     }
    }
   },
   "Job": {
    "type": "object",
    "required": [
     "id",
     "name",
     "enabled",
     "schedule",
     "timezone",
     "max_concurrency",
     "tasks",
     "next_run_at"
    ],
    "additionalProperties": false,
    "properties": {
     "id": {
      "type": "string"
     },
     "name": {
      "type": "string"
     },
     "enabled": {
      "type": "boolean"
     },
     "schedule": {
      "type": [
       "string",
       "null"
      ],
      "description": "Cron, a shortcut, or `@every`."
     },
     "timezone": {
      "type": [
       "string",
       "null"
      ],
      "description": "An IANA name; null without a schedule."
     },
     "max_concurrency": {
      "type": "integer",
      "minimum": 1,
      "description": "How many of its runs may be under way at once."
     },
     "tasks": {
      "type": "array",
      "items": {
       "type": "object",
       "required": [
        "id",
        "name",
        "depends_on",
        "condition"
       ],
       "additionalProperties": false,
       "properties": {
        "id": {
         "type": "string"
        },
        "name": {
         "type": "string"
        },
        "depends_on": {
         "type": "array",
         "items": {
          "type": "string"
         }
        },
        "condition": {
         "enum": [
          "all_success",
          "on_failure",
          "all_done",
          "always"
         ]
        }
       }
      }
     },
     "next_run_at": {
      "$ref": "#/components/schemas/Time"
     }
    }
   },
   "Time": {
    "type": [
     "integer",
     "null"
    ],
    "description": "Milliseconds since the epoch."
   },
   "Duration": {
    "type": [
     "integer",
     "null"
    ],
    "minimum": 0,
    "description": "Milliseconds, once it has ended."
   },
   "Run": {
    "type": "object",
    "required": [
     "id",
     "job_id",
     "status",
     "started_at",
     "ended_at",
     "duration_ms",
     "error"
    ],
    "additionalProperties": false,
    "properties": {
     "id": {
      "type": "string"
     },
     "job_id": {
      "type": [
       "string",
       "null"
      ],
      "description": "Null of a run that is of no job."
     },
     "status": {
      "enum": [
       "pending",
       "running",
       "completed",
       "failed",
       "interrupted",
       "cancelled"
      ]
     },
     "started_at": {
      "$ref": "#/components/schemas/Time"
     },
     "ended_at": {
      "$ref": "#/components/schemas/Time"
     },
     "duration_ms": {
      "$ref": "#/components/schemas/Duration"
     },
     "error": {
      "type": [
       "string",
       "null"
      ]
     }
    }
   },
   "RunList": {
    "type": "object",
    "required": [
     "runs",
     "count"
    ],
    "additionalProperties": false,
    "properties": {
     "runs": {
      "type": "array",
      "items": {
       "$ref": "#/components/schemas/Run"
      }
     },
     "count": {
      "type": "integer",
      "minimum": 0
     }
    }
   },
   "RunTask": {
    "type": "object",
    "required": [
     "task_id",
     "run_id",
     "status",
     "attempts",
     "started_at",
     "ended_at",
     "duration_ms",
     "error"
    ],
    "additionalProperties": false,
    "properties": {
     "task_id": {
      "type": "string"
     },
     "run_id": {
      "type": "string"
     },
     "status": {
      "enum": [
       "pending",
       "running",
       "completed",
       "failed",
       "interrupted",
       "cancelled",
       "skipped"
      ]
     },
     "attempts": {
      "type": "integer",
      "minimum": 0
     },
     "started_at": {
      "$ref": "#/components/schemas/Time"
     },
     "ended_at": {
      "$ref": "#/components/schemas/Time"
     },
     "duration_ms": {
      "$ref": "#/components/schemas/Duration"
     },
     "error": {
      "type": [
       "string",
       "null"
      ]
     }
    }
   },
   "RunTaskList": {
    "type": "object",
    "required": [
     "tasks",
     "count"
    ],
    "additionalProperties": false,
    "properties": {
     "tasks": {
      "type": "array",
      "items": {
       "$ref": "#/components/schemas/RunTask"
      }
     },
     "count": {
      "type": "integer",
      "minimum": 0
     }
    }
   },
   "Told": {
    "type": "object",
    "required": [
     "run_id",
     "job_id",
     "message"
    ],
    "additionalProperties": false,
    "properties": {
     "run_id": {
      "type": "string"
     },
     "job_id": {
      "type": [
       "string",
       "null"
      ]
     },
     "message": {
      "type": "string"
     }
    }
   },
   "Trigger": {
    "type": "object",
    "additionalProperties": false,
    "properties": {
     "parameters": {
      "type": [
       "object",
       "null"
      ],
      "description": "Values of the job's parameters."
     }
    }
   },
   "Rerun": {
    "type": "object",
    "additionalProperties": false,
    "properties": {
     "from_task": {
      "type": [
       "string",
       "null"
      ],
      "minLength": 1,
      "description": "The task from which on; absent: everything."
     },
     "parameters": {
      "type": [
       "object",
       "null"
      ],
      "description": "Those that are to be others."
     }
    }
   },
   "Nothing": {
    "type": "object",
    "additionalProperties": false
   },
   "SchedulerState": {
    "type": "object",
    "required": [
     "state",
     "is_running",
     "is_paused"
    ],
    "additionalProperties": false,
    "properties": {
     "state": {
      "enum": [
       "running",
       "paused",
       "stopped"
      ]
     },
     "is_running": {
      "type": "boolean"
     },
     "is_paused": {
      "type": "boolean"
     }
    }
   },
   "Health": {
    "type": "object",
    "required": [
     "status",
     "version"
    ],
    "additionalProperties": false,
    "properties": {
     "status": {
      "const": "ok"
     },
     "version": {
      "type": "string"
     }
    }
   }
  }
 }
};
