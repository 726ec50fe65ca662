// Generated from schemas/**/*.yaml by `npm run gen`. Do not edit.
import type { KindDocument } from './crd.ts';

export const documents: readonly KindDocument[] = [
 {
  "apiVersion": "apiextensions.k8s.io/v1",
  "kind": "CustomResourceDefinition",
  "metadata": {
   "name": "customresourcedefinitions.apiextensions.k8s.io"
  },
  "spec": {
   "group": "apiextensions.k8s.io",
   "scope": "Cluster",
   "names": {
    "plural": "customresourcedefinitions",
    "singular": "customresourcedefinition",
    "kind": "CustomResourceDefinition",
    "listKind": "CustomResourceDefinitionList",
    "shortNames": [
     "crd",
     "crds"
    ],
    "categories": [
     "api-extensions"
    ]
   },
   "versions": [
    {
     "name": "v1",
     "served": true,
     "storage": true,
     "subresources": {
      "status": {}
     },
     "additionalPrinterColumns": [
      {
       "name": "Created At",
       "type": "string",
       "description": "When the definition was made.",
       "jsonPath": ".metadata.creationTimestamp"
      }
     ],
     "schema": {
      "openAPIV3Schema": {
       "type": "object",
       "description": "CustomResourceDefinition adds a kind of your own to the API: as soon as its names are accepted, objects of it can be created, validated, listed and watched like those of any built-in kind. Its name must be \"<spec.names.plural>.<spec.group>\".",
       "required": [
        "spec"
       ],
       "properties": {
        "spec": {
         "type": "object",
         "description": "What the kind is called, and how its objects look.",
         "required": [
          "group",
          "names",
          "scope",
          "versions"
         ],
         "properties": {
          "group": {
           "type": "string",
           "description": "The API group of the kind; its objects are served under /apis/<group>/. A DNS name with at least one dot, such as example.com. Cannot be changed."
          },
          "scope": {
           "type": "string",
           "description": "Whether objects live in namespaces (Namespaced) or beside them (Cluster). Cannot be changed once the kind is established.",
           "enum": [
            "Cluster",
            "Namespaced"
           ]
          },
          "names": {
           "type": "object",
           "description": "The names of the resource and of the kind.",
           "required": [
            "plural",
            "kind"
           ],
           "properties": {
            "plural": {
             "type": "string",
             "description": "The resource's name in paths, /apis/<group>/<version>/.../<plural>; lower case. Cannot be changed."
            },
            "singular": {
             "type": "string",
             "description": "The resource's name for one object; lower case. Default is the kind in lower case."
            },
            "kind": {
             "type": "string",
             "description": "The kind's name as objects carry it; CamelCase and singular."
            },
            "listKind": {
             "type": "string",
             "description": "The name of a list of the kind. Default is \"<kind>List\"."
            },
            "shortNames": {
             "type": "array",
             "description": "Short forms of the resource's name for the command line; lower case.",
             "x-kubernetes-list-type": "atomic",
             "items": {
              "type": "string"
             }
            },
            "categories": {
             "type": "array",
             "description": "Groups of resources the kind belongs to, such as \"all\", so that `kubectl get all` shows it too.",
             "x-kubernetes-list-type": "atomic",
             "items": {
              "type": "string"
             }
            }
           }
          },
          "versions": {
           "type": "array",
           "description": "All versions of the kind. Objects are kept in one of them and served in each; between versions only apiVersion changes.",
           "minItems": 1,
           "x-kubernetes-list-type": "atomic",
           "items": {
            "type": "object",
            "required": [
             "name",
             "served",
             "storage"
            ],
            "properties": {
             "name": {
              "type": "string",
              "description": "The version's name in paths and in apiVersion, such as v1 or v2beta1."
             },
             "served": {
              "type": "boolean",
              "description": "Whether the version can be used through the API."
             },
             "storage": {
              "type": "boolean",
              "description": "Whether objects are kept in this version. Exactly one version has it."
             },
             "deprecated": {
              "type": "boolean",
              "description": "Whether whoever uses the version is warned."
             },
             "deprecationWarning": {
              "type": "string",
              "description": "The warning of a deprecated version, instead of the usual one."
             },
             "schema": {
              "type": "object",
              "description": "How objects of this version look.",
              "properties": {
               "openAPIV3Schema": {
                "type": "object",
                "description": "The structural OpenAPI v3 schema that objects are pruned, defaulted and validated by.",
                "x-gantry-schema": true,
                "x-kubernetes-preserve-unknown-fields": true
               }
              }
             },
             "subresources": {
              "type": "object",
              "description": "The parts of an object that are changed by themselves.",
              "properties": {
               "status": {
                "type": "object",
                "description": "Serves /status: status is then changed there alone, and metadata.generation counts what is changed elsewhere."
               },
               "scale": {
                "type": "object",
                "description": "Serves /scale, which `kubectl scale` and autoscalers use.",
                "required": [
                 "specReplicasPath",
                 "statusReplicasPath"
                ],
                "properties": {
                 "specReplicasPath": {
                  "type": "string",
                  "description": "Where the wanted number is, as a path under .spec without lists."
                 },
                 "statusReplicasPath": {
                  "type": "string",
                  "description": "Where the present number is, as a path under .status without lists."
                 },
                 "labelSelectorPath": {
                  "type": "string",
                  "description": "Where the label selector of what is counted is kept in text form, as a path under .status or .spec without lists."
                 }
                }
               }
              }
             },
             "additionalPrinterColumns": {
              "type": "array",
              "description": "What `kubectl get` shows beside the name. Default is the age alone.",
              "x-kubernetes-list-type": "atomic",
              "items": {
               "type": "object",
               "required": [
                "name",
                "type",
                "jsonPath"
               ],
               "properties": {
                "name": {
                 "type": "string",
                 "description": "What the column is headed with."
                },
                "type": {
                 "type": "string",
                 "description": "The OpenAPI type of the column, one of boolean, date, integer, number, string."
                },
                "format": {
                 "type": "string",
                 "description": "The OpenAPI format of the column; only tells how to show it."
                },
                "description": {
                 "type": "string",
                 "description": "What the column says, for people."
                },
                "priority": {
                 "type": "integer",
                 "format": "int32",
                 "description": "0 is always shown; above, only with `-o wide`."
                },
                "jsonPath": {
                 "type": "string",
                 "description": "A simple JSON path into the object, such as .spec.replicas."
                }
               }
              }
             },
             "selectableFields": {
              "type": "array",
              "description": "Fields that a field selector may name besides metadata.name and metadata.namespace.",
              "maxItems": 8,
              "x-kubernetes-list-type": "atomic",
              "items": {
               "type": "object",
               "required": [
                "jsonPath"
               ],
               "properties": {
                "jsonPath": {
                 "type": "string",
                 "description": "A simple JSON path to a field of type string, boolean or integer, such as .spec.color."
                }
               }
              }
             }
            }
           }
          },
          "conversion": {
           "type": "object",
           "description": "How objects are converted between versions.",
           "required": [
            "strategy"
           ],
           "properties": {
            "strategy": {
             "type": "string",
             "description": "None changes apiVersion and nothing else. Webhook, which asks a service, is not served here."
            },
            "webhook": {
             "type": "object",
             "description": "The service that converts; not served here.",
             "x-kubernetes-preserve-unknown-fields": true
            }
           }
          },
          "preserveUnknownFields": {
           "type": "boolean",
           "description": "Must be false: what a schema does not know is dropped, except where it says x-kubernetes-preserve-unknown-fields."
          }
         }
        },
        "status": {
         "type": "object",
         "description": "How far the definition has come; written by the server.",
         "properties": {
          "conditions": {
           "type": "array",
           "description": "NamesAccepted, Established and Terminating.",
           "x-kubernetes-list-type": "map",
           "x-kubernetes-list-map-keys": [
            "type"
           ],
           "items": {
            "type": "object",
            "required": [
             "type",
             "status"
            ],
            "properties": {
             "type": {
              "type": "string",
              "description": "NamesAccepted, Established or Terminating."
             },
             "status": {
              "type": "string",
              "description": "True, False or Unknown."
             },
             "reason": {
              "type": "string",
              "description": "One word for why it is so."
             },
             "message": {
              "type": "string",
              "description": "A sentence for people."
             },
             "lastTransitionTime": {
              "type": "string",
              "format": "date-time",
              "description": "When the status last changed."
             },
             "observedGeneration": {
              "type": "integer",
              "format": "int64",
              "description": "The generation of the definition that this was said of."
             }
            }
           }
          },
          "acceptedNames": {
           "type": "object",
           "description": "The names the kind is served under; fewer than asked for when some are taken.",
           "properties": {
            "plural": {
             "type": "string",
             "description": "The resource's name in paths."
            },
            "singular": {
             "type": "string",
             "description": "The resource's name for one object."
            },
            "kind": {
             "type": "string",
             "description": "The kind's name."
            },
            "listKind": {
             "type": "string",
             "description": "The name of a list of the kind."
            },
            "shortNames": {
             "type": "array",
             "description": "Short forms of the resource's name.",
             "x-kubernetes-list-type": "atomic",
             "items": {
              "type": "string"
             }
            },
            "categories": {
             "type": "array",
             "description": "Groups of resources the kind belongs to.",
             "x-kubernetes-list-type": "atomic",
             "items": {
              "type": "string"
             }
            }
           }
          },
          "storedVersions": {
           "type": "array",
           "description": "Every version in which objects may be kept. One that is named here cannot be taken out of spec.versions; take it out here once all objects were written anew.",
           "x-kubernetes-list-type": "atomic",
           "items": {
            "type": "string"
           }
          }
         }
        }
       }
      }
     }
    }
   ]
  }
 },
 {
  "apiVersion": "apiextensions.k8s.io/v1",
  "kind": "CustomResourceDefinition",
  "metadata": {
   "name": "controllerrevisions.apps"
  },
  "spec": {
   "group": "apps",
   "scope": "Namespaced",
   "names": {
    "plural": "controllerrevisions",
    "singular": "controllerrevision",
    "kind": "ControllerRevision",
    "listKind": "ControllerRevisionList"
   },
   "versions": [
    {
     "name": "v1",
     "served": true,
     "storage": true,
     "additionalPrinterColumns": [
      {
       "name": "Revision",
       "type": "integer",
       "jsonPath": ".revision",
       "description": "Its place in the history."
      },
      {
       "name": "Age",
       "type": "date",
       "jsonPath": ".metadata.creationTimestamp",
       "description": "Time since it was created."
      }
     ],
     "schema": {
      "openAPIV3Schema": {
       "type": "object",
       "description": "ControllerRevision keeps the state of an object's template as it was at one revision.",
       "required": [
        "revision"
       ],
       "properties": {
        "apiVersion": {
         "type": "string",
         "description": "The version of this representation: apps/v1."
        },
        "kind": {
         "type": "string",
         "description": "The kind of this object: ControllerRevision."
        },
        "metadata": {
         "type": "object",
         "description": "Standard object metadata."
        },
        "data": {
         "type": "object",
         "x-kubernetes-preserve-unknown-fields": true,
         "description": "The state itself; it can never be changed."
        },
        "revision": {
         "type": "integer",
         "format": "int64",
         "description": "Its place in the history: larger is newer."
        }
       }
      }
     }
    }
   ]
  }
 },
 {
  "apiVersion": "apiextensions.k8s.io/v1",
  "kind": "CustomResourceDefinition",
  "metadata": {
   "name": "leases.coordination.k8s.io"
  },
  "spec": {
   "group": "coordination.k8s.io",
   "scope": "Namespaced",
   "names": {
    "plural": "leases",
    "singular": "lease",
    "kind": "Lease",
    "listKind": "LeaseList"
   },
   "versions": [
    {
     "name": "v1",
     "served": true,
     "storage": true,
     "additionalPrinterColumns": [
      {
       "name": "Holder",
       "type": "string",
       "jsonPath": ".spec.holderIdentity",
       "description": "Who holds the lease."
      },
      {
       "name": "Age",
       "type": "date",
       "jsonPath": ".metadata.creationTimestamp",
       "description": "Time since it was created."
      }
     ],
     "schema": {
      "openAPIV3Schema": {
       "type": "object",
       "description": "Lease is somebody's sign of life.",
       "properties": {
        "apiVersion": {
         "type": "string",
         "description": "The group and version of this representation: coordination.k8s.io/v1."
        },
        "kind": {
         "type": "string",
         "description": "The kind of this object: Lease."
        },
        "metadata": {
         "type": "object",
         "description": "Standard object metadata."
        },
        "spec": {
         "type": "object",
         "description": "The lease itself.",
         "properties": {
          "holderIdentity": {
           "type": "string",
           "description": "Who holds the lease."
          },
          "leaseDurationSeconds": {
           "type": "integer",
           "minimum": 1,
           "description": "How long the lease is good after the last renewal."
          },
          "acquireTime": {
           "type": "string",
           "format": "date-time",
           "description": "When the holder got it."
          },
          "renewTime": {
           "type": "string",
           "format": "date-time",
           "description": "When the holder last renewed it."
          },
          "leaseTransitions": {
           "type": "integer",
           "description": "How often the holder changed."
          }
         }
        }
       }
      }
     }
    }
   ]
  }
 },
 {
  "apiVersion": "apiextensions.k8s.io/v1",
  "kind": "CustomResourceDefinition",
  "metadata": {
   "name": "configmaps"
  },
  "spec": {
   "group": "",
   "scope": "Namespaced",
   "names": {
    "plural": "configmaps",
    "singular": "configmap",
    "kind": "ConfigMap",
    "listKind": "ConfigMapList",
    "shortNames": [
     "cm"
    ]
   },
   "versions": [
    {
     "name": "v1",
     "served": true,
     "storage": true,
     "additionalPrinterColumns": [
      {
       "name": "Age",
       "type": "date",
       "jsonPath": ".metadata.creationTimestamp",
       "description": "Time since it was created."
      }
     ],
     "schema": {
      "openAPIV3Schema": {
       "type": "object",
       "description": "ConfigMap holds configuration that Tasks read as environment variables or files.",
       "properties": {
        "apiVersion": {
         "type": "string",
         "description": "The version of this representation: v1."
        },
        "kind": {
         "type": "string",
         "description": "The kind of this object: ConfigMap."
        },
        "metadata": {
         "type": "object",
         "description": "Standard object metadata."
        },
        "immutable": {
         "type": "boolean",
         "description": "True: the data can never change again; only the metadata can. It cannot be set back to false."
        },
        "data": {
         "type": "object",
         "additionalProperties": {
          "type": "string"
         },
         "description": "Text by key. A key consists of letters, digits, '-', '_' and '.'. All data together is at most 1 MiB."
        },
        "binaryData": {
         "type": "object",
         "additionalProperties": {
          "type": "string",
          "format": "byte"
         },
         "description": "Bytes by key, in base64. No key may be in data too."
        }
       }
      }
     }
    }
   ]
  }
 },
 {
  "apiVersion": "apiextensions.k8s.io/v1",
  "kind": "CustomResourceDefinition",
  "metadata": {
   "name": "events"
  },
  "spec": {
   "group": "",
   "scope": "Namespaced",
   "names": {
    "plural": "events",
    "singular": "event",
    "kind": "Event",
    "listKind": "EventList",
    "shortNames": [
     "ev"
    ]
   },
   "versions": [
    {
     "name": "v1",
     "served": true,
     "storage": true,
     "selectableFields": [
      {
       "jsonPath": ".involvedObject.kind"
      },
      {
       "jsonPath": ".involvedObject.namespace"
      },
      {
       "jsonPath": ".involvedObject.name"
      },
      {
       "jsonPath": ".involvedObject.uid"
      },
      {
       "jsonPath": ".involvedObject.apiVersion"
      },
      {
       "jsonPath": ".involvedObject.resourceVersion"
      },
      {
       "jsonPath": ".involvedObject.fieldPath"
      },
      {
       "jsonPath": ".reason"
      },
      {
       "jsonPath": ".reportingComponent"
      },
      {
       "jsonPath": ".source"
      },
      {
       "jsonPath": ".type"
      }
     ],
     "additionalPrinterColumns": [
      {
       "name": "Last Seen",
       "type": "date",
       "jsonPath": ".lastTimestamp",
       "description": "Time since it last happened."
      },
      {
       "name": "Type",
       "type": "string",
       "jsonPath": ".type",
       "description": "Normal or Warning."
      },
      {
       "name": "Reason",
       "type": "string",
       "jsonPath": ".reason",
       "description": "One word that says what happened."
      },
      {
       "name": "Object",
       "type": "string",
       "jsonPath": ".involvedObject.name",
       "description": "The object it happened to."
      },
      {
       "name": "Message",
       "type": "string",
       "jsonPath": ".message",
       "description": "A sentence for people."
      },
      {
       "name": "Count",
       "type": "integer",
       "jsonPath": ".count",
       "priority": 1,
       "description": "How often it happened."
      },
      {
       "name": "Source",
       "type": "string",
       "jsonPath": ".source.component",
       "priority": 1,
       "description": "Who reports it."
      }
     ],
     "schema": {
      "openAPIV3Schema": {
       "type": "object",
       "description": "Event is a report of something that happened to an object.",
       "required": [
        "involvedObject"
       ],
       "properties": {
        "apiVersion": {
         "type": "string",
         "description": "The version of this representation: v1."
        },
        "kind": {
         "type": "string",
         "description": "The kind of this object: Event."
        },
        "metadata": {
         "type": "object",
         "description": "Standard object metadata."
        },
        "involvedObject": {
         "type": "object",
         "description": "The object this event is about.",
         "properties": {
          "apiVersion": {
           "type": "string",
           "description": "The object's group and version."
          },
          "kind": {
           "type": "string",
           "description": "The object's kind."
          },
          "namespace": {
           "type": "string",
           "description": "The object's namespace."
          },
          "name": {
           "type": "string",
           "description": "The object's name."
          },
          "uid": {
           "type": "string",
           "description": "The object's uid."
          },
          "resourceVersion": {
           "type": "string",
           "description": "The object's version when it happened."
          },
          "fieldPath": {
           "type": "string",
           "description": "The part of the object it happened to."
          }
         }
        },
        "reason": {
         "type": "string",
         "maxLength": 128,
         "description": "One word that says what happened."
        },
        "message": {
         "type": "string",
         "maxLength": 4096,
         "description": "A sentence for people."
        },
        "type": {
         "type": "string",
         "enum": [
          "Normal",
          "Warning"
         ],
         "default": "Normal",
         "description": "Normal or Warning."
        },
        "count": {
         "type": "integer",
         "default": 1,
         "description": "How often it happened."
        },
        "firstTimestamp": {
         "type": "string",
         "format": "date-time",
         "nullable": true,
         "description": "When it first happened."
        },
        "lastTimestamp": {
         "type": "string",
         "format": "date-time",
         "nullable": true,
         "description": "When it last happened."
        },
        "eventTime": {
         "type": "string",
         "format": "date-time",
         "nullable": true,
         "description": "When it happened."
        },
        "action": {
         "type": "string",
         "description": "What was done."
        },
        "series": {
         "type": "object",
         "description": "For something that goes on: how often, and when last.",
         "properties": {
          "count": {
           "type": "integer",
           "description": "How often it happened."
          },
          "lastObservedTime": {
           "type": "string",
           "format": "date-time",
           "nullable": true,
           "description": "When it last happened."
          }
         }
        },
        "related": {
         "type": "object",
         "description": "A second object that has to do with it.",
         "properties": {
          "apiVersion": {
           "type": "string",
           "description": "The object's group and version."
          },
          "kind": {
           "type": "string",
           "description": "The object's kind."
          },
          "namespace": {
           "type": "string",
           "description": "The object's namespace."
          },
          "name": {
           "type": "string",
           "description": "The object's name."
          },
          "uid": {
           "type": "string",
           "description": "The object's uid."
          },
          "resourceVersion": {
           "type": "string",
           "description": "The object's version when it happened."
          },
          "fieldPath": {
           "type": "string",
           "description": "The part of the object it has to do with."
          }
         }
        },
        "source": {
         "type": "object",
         "description": "Who reports it.",
         "properties": {
          "component": {
           "type": "string",
           "description": "The controller."
          },
          "host": {
           "type": "string",
           "description": "The worker."
          }
         }
        },
        "reportingComponent": {
         "type": "string",
         "default": "",
         "description": "The controller that reports it."
        },
        "reportingInstance": {
         "type": "string",
         "default": "",
         "description": "The instance of the controller."
        }
       }
      }
     }
    }
   ]
  }
 },
 {
  "apiVersion": "apiextensions.k8s.io/v1",
  "kind": "CustomResourceDefinition",
  "metadata": {
   "name": "namespaces"
  },
  "spec": {
   "group": "",
   "scope": "Cluster",
   "names": {
    "plural": "namespaces",
    "singular": "namespace",
    "kind": "Namespace",
    "listKind": "NamespaceList",
    "shortNames": [
     "ns"
    ]
   },
   "versions": [
    {
     "name": "v1",
     "served": true,
     "storage": true,
     "subresources": {
      "status": {}
     },
     "selectableFields": [
      {
       "jsonPath": ".status.phase"
      }
     ],
     "additionalPrinterColumns": [
      {
       "name": "Status",
       "type": "string",
       "jsonPath": ".status.phase",
       "description": "The namespace's phase."
      },
      {
       "name": "Age",
       "type": "date",
       "jsonPath": ".metadata.creationTimestamp",
       "description": "Time since it was created."
      }
     ],
     "schema": {
      "openAPIV3Schema": {
       "type": "object",
       "description": "Namespace is a room for names.",
       "properties": {
        "apiVersion": {
         "type": "string",
         "description": "The version of this representation: v1."
        },
        "kind": {
         "type": "string",
         "description": "The kind of this object: Namespace."
        },
        "metadata": {
         "type": "object",
         "description": "Standard object metadata."
        },
        "spec": {
         "type": "object",
         "default": {},
         "description": "What is asked for.",
         "properties": {
          "finalizers": {
           "type": "array",
           "maxItems": 16,
           "x-kubernetes-list-type": "atomic",
           "items": {
            "type": "string"
           },
           "description": "Who must finish before a deleted namespace goes; changed through the finalize subresource only."
          }
         }
        },
        "status": {
         "type": "object",
         "default": {},
         "description": "What was seen.",
         "properties": {
          "phase": {
           "type": "string",
           "enum": [
            "Active",
            "Terminating"
           ],
           "default": "Active",
           "description": "Active; Terminating once it was deleted, while what is in it goes."
          },
          "conditions": {
           "type": "array",
           "x-kubernetes-list-type": "map",
           "x-kubernetes-list-map-keys": [
            "type"
           ],
           "description": "Why a deleted namespace is not gone yet.",
           "items": {
            "type": "object",
            "description": "One finding.",
            "required": [
             "type",
             "status"
            ],
            "properties": {
             "type": {
              "type": "string",
              "description": "What it is about, such as NamespaceContentRemaining."
             },
             "status": {
              "type": "string",
              "enum": [
               "True",
               "False",
               "Unknown"
              ],
              "description": "Whether it is so."
             },
             "lastTransitionTime": {
              "type": "string",
              "format": "date-time",
              "nullable": true,
              "description": "When the status last changed."
             },
             "reason": {
              "type": "string",
              "description": "One word that says why."
             },
             "message": {
              "type": "string",
              "description": "A sentence for people."
             }
            }
           }
          }
         }
        }
       }
      }
     }
    }
   ]
  }
 },
 {
  "apiVersion": "apiextensions.k8s.io/v1",
  "kind": "CustomResourceDefinition",
  "metadata": {
   "name": "resourcequotas"
  },
  "spec": {
   "group": "",
   "scope": "Namespaced",
   "names": {
    "plural": "resourcequotas",
    "singular": "resourcequota",
    "kind": "ResourceQuota",
    "listKind": "ResourceQuotaList",
    "shortNames": [
     "quota"
    ]
   },
   "versions": [
    {
     "name": "v1",
     "served": true,
     "storage": true,
     "subresources": {
      "status": {}
     },
     "additionalPrinterColumns": [
      {
       "name": "Age",
       "type": "date",
       "jsonPath": ".metadata.creationTimestamp",
       "description": "Time since it was created."
      }
     ],
     "schema": {
      "openAPIV3Schema": {
       "type": "object",
       "description": "ResourceQuota says how much one namespace may hold. A write that would exceed it is refused.",
       "properties": {
        "apiVersion": {
         "type": "string",
         "description": "The version of this representation: v1."
        },
        "kind": {
         "type": "string",
         "description": "The kind of this object: ResourceQuota."
        },
        "metadata": {
         "type": "object",
         "description": "Standard object metadata."
        },
        "spec": {
         "type": "object",
         "description": "The limits.",
         "properties": {
          "hard": {
           "type": "object",
           "description": "Limits by name: count/<plural>.<group> (count/<plural> for the core group) for how many objects of a kind; configmaps, secrets and resourcequotas for the same in short; pods, requests.cpu (or cpu), requests.memory (or memory), limits.cpu and limits.memory for the sums over all Tasks that have not ended.",
           "additionalProperties": {
            "x-kubernetes-int-or-string": true,
            "x-gantry-quantity": true
           }
          }
         }
        },
        "status": {
         "type": "object",
         "description": "What was counted.",
         "properties": {
          "hard": {
           "type": "object",
           "description": "The limits that used was counted for.",
           "additionalProperties": {
            "x-kubernetes-int-or-string": true,
            "x-gantry-quantity": true
           }
          },
          "used": {
           "type": "object",
           "description": "How much there is.",
           "additionalProperties": {
            "x-kubernetes-int-or-string": true,
            "x-gantry-quantity": true
           }
          }
         }
        }
       }
      }
     }
    }
   ]
  }
 },
 {
  "apiVersion": "apiextensions.k8s.io/v1",
  "kind": "CustomResourceDefinition",
  "metadata": {
   "name": "secrets"
  },
  "spec": {
   "group": "",
   "scope": "Namespaced",
   "names": {
    "plural": "secrets",
    "singular": "secret",
    "kind": "Secret",
    "listKind": "SecretList"
   },
   "versions": [
    {
     "name": "v1",
     "served": true,
     "storage": true,
     "selectableFields": [
      {
       "jsonPath": ".type"
      }
     ],
     "additionalPrinterColumns": [
      {
       "name": "Type",
       "type": "string",
       "jsonPath": ".type",
       "description": "What the data is for."
      },
      {
       "name": "Age",
       "type": "date",
       "jsonPath": ".metadata.creationTimestamp",
       "description": "Time since it was created."
      }
     ],
     "schema": {
      "openAPIV3Schema": {
       "type": "object",
       "description": "Secret holds passwords, keys and tokens that Tasks read as environment variables or files.",
       "properties": {
        "apiVersion": {
         "type": "string",
         "description": "The version of this representation: v1."
        },
        "kind": {
         "type": "string",
         "description": "The kind of this object: Secret."
        },
        "metadata": {
         "type": "object",
         "description": "Standard object metadata."
        },
        "immutable": {
         "type": "boolean",
         "description": "True: the data can never change again; only the metadata can. It cannot be set back to false."
        },
        "data": {
         "type": "object",
         "additionalProperties": {
          "type": "string",
          "format": "byte"
         },
         "description": "Bytes by key, in base64. A key consists of letters, digits, '-', '_' and '.'. All data together is at most 1 MiB."
        },
        "stringData": {
         "type": "object",
         "additionalProperties": {
          "type": "string"
         },
         "description": "Text by key, for writing only: it goes into data, over what is there, and is never read back."
        },
        "type": {
         "type": "string",
         "default": "Opaque",
         "description": "What the data is for: Opaque, or a type such as kubernetes.io/tls that says which keys must be there. It cannot be changed."
        }
       }
      }
     }
    }
   ]
  }
 },
 {
  "apiVersion": "apiextensions.k8s.io/v1",
  "kind": "CustomResourceDefinition",
  "metadata": {
   "name": "serviceaccounts"
  },
  "spec": {
   "group": "",
   "scope": "Namespaced",
   "names": {
    "plural": "serviceaccounts",
    "singular": "serviceaccount",
    "kind": "ServiceAccount",
    "listKind": "ServiceAccountList",
    "shortNames": [
     "sa"
    ]
   },
   "versions": [
    {
     "name": "v1",
     "served": true,
     "storage": true,
     "additionalPrinterColumns": [
      {
       "name": "Age",
       "type": "date",
       "jsonPath": ".metadata.creationTimestamp",
       "description": "Time since it was created."
      }
     ],
     "schema": {
      "openAPIV3Schema": {
       "type": "object",
       "description": "ServiceAccount is a name that programs act under; roles are bound to it as to a user.",
       "properties": {
        "apiVersion": {
         "type": "string",
         "description": "The version of this representation: v1."
        },
        "kind": {
         "type": "string",
         "description": "The kind of this object: ServiceAccount."
        },
        "metadata": {
         "type": "object",
         "description": "Standard object metadata."
        },
        "automountServiceAccountToken": {
         "type": "boolean",
         "description": "Whether Tasks under this name are given a token."
        },
        "secrets": {
         "type": "array",
         "x-kubernetes-list-type": "map",
         "x-kubernetes-list-map-keys": [
          "name"
         ],
         "description": "Secrets that programs under this name may use.",
         "items": {
          "type": "object",
          "description": "One Secret in the same namespace.",
          "properties": {
           "apiVersion": {
            "type": "string",
            "description": "The object's group and version."
           },
           "kind": {
            "type": "string",
            "description": "The object's kind."
           },
           "namespace": {
            "type": "string",
            "description": "The object's namespace."
           },
           "name": {
            "type": "string",
            "description": "The object's name."
           },
           "uid": {
            "type": "string",
            "description": "The object's uid."
           },
           "resourceVersion": {
            "type": "string",
            "description": "The version of the object that is meant."
           },
           "fieldPath": {
            "type": "string",
            "description": "The part of the object that is meant."
           }
          },
          "required": [
           "name"
          ]
         }
        },
        "imagePullSecrets": {
         "type": "array",
         "x-kubernetes-list-type": "atomic",
         "description": "Secrets in the same namespace with which images are pulled.",
         "items": {
          "type": "object",
          "x-kubernetes-map-type": "atomic",
          "description": "One Secret.",
          "properties": {
           "name": {
            "type": "string",
            "default": "",
            "description": "The Secret's name."
           }
          }
         }
        }
       }
      }
     }
    }
   ]
  }
 },
 {
  "apiVersion": "apiextensions.k8s.io/v1",
  "kind": "CustomResourceDefinition",
  "metadata": {
   "name": "idempotencykeys.gantry.dev"
  },
  "spec": {
   "group": "gantry.dev",
   "scope": "Namespaced",
   "names": {
    "plural": "idempotencykeys",
    "singular": "idempotencykey",
    "kind": "IdempotencyKey",
    "listKind": "IdempotencyKeyList"
   },
   "versions": [
    {
     "name": "v1",
     "served": true,
     "storage": true,
     "additionalPrinterColumns": [
      {
       "name": "Run",
       "type": "string",
       "jsonPath": ".spec.run.name",
       "description": "What the request made."
      },
      {
       "name": "Age",
       "type": "date",
       "jsonPath": ".metadata.creationTimestamp",
       "description": "Time since it was created."
      }
     ],
     "schema": {
      "openAPIV3Schema": {
       "type": "object",
       "description": "IdempotencyKey remembers which Run a request with this key made. The API server writes it together with the Run; it is removed after its annotation gantry.dev/ttl.",
       "required": [
        "spec"
       ],
       "x-kubernetes-validations": [
        {
         "rule": "self.spec.key == oldSelf.spec.key && self.spec.requestHash == oldSelf.spec.requestHash && self.spec.run.name == oldSelf.spec.run.name && self.spec.run.uid == oldSelf.spec.run.uid",
         "message": "field is immutable",
         "fieldPath": ".spec"
        }
       ],
       "properties": {
        "apiVersion": {
         "type": "string",
         "description": "The group and version of this representation: gantry.dev/v1."
        },
        "kind": {
         "type": "string",
         "description": "The kind of this object: IdempotencyKey."
        },
        "metadata": {
         "type": "object",
         "description": "Standard object metadata."
        },
        "spec": {
         "type": "object",
         "description": "What is remembered.",
         "required": [
          "key",
          "requestHash",
          "run"
         ],
         "properties": {
          "key": {
           "type": "string",
           "minLength": 1,
           "maxLength": 255,
           "description": "The key as it was sent. The object's name is made from it."
          },
          "requestHash": {
           "type": "string",
           "minLength": 1,
           "maxLength": 128,
           "description": "Of what was asked for; something else under the same key is refused."
          },
          "run": {
           "type": "object",
           "required": [
            "name",
            "uid"
           ],
           "description": "The Run that was made.",
           "properties": {
            "name": {
             "type": "string",
             "minLength": 1,
             "maxLength": 253,
             "description": "Its name."
            },
            "uid": {
             "type": "string",
             "minLength": 1,
             "maxLength": 64,
             "description": "Its uid."
            }
           }
          }
         }
        }
       }
      }
     }
    }
   ]
  }
 },
 {
  "apiVersion": "apiextensions.k8s.io/v1",
  "kind": "CustomResourceDefinition",
  "metadata": {
   "name": "jobs.gantry.dev"
  },
  "spec": {
   "group": "gantry.dev",
   "scope": "Namespaced",
   "names": {
    "plural": "jobs",
    "singular": "job",
    "kind": "Job",
    "listKind": "JobList",
    "shortNames": [
     "gj"
    ],
    "categories": [
     "all"
    ]
   },
   "versions": [
    {
     "name": "v1",
     "served": true,
     "storage": true,
     "subresources": {
      "status": {}
     },
     "additionalPrinterColumns": [
      {
       "name": "Schedule",
       "type": "string",
       "jsonPath": ".spec.schedule",
       "description": "When it runs by itself."
      },
      {
       "name": "Suspend",
       "type": "boolean",
       "jsonPath": ".spec.suspend",
       "description": "Whether its schedule rests."
      },
      {
       "name": "Active",
       "type": "integer",
       "jsonPath": ".status.activeCount",
       "description": "Runs under way."
      },
      {
       "name": "Last Schedule",
       "type": "date",
       "jsonPath": ".status.lastScheduleTime",
       "description": "Time since it last ran by its schedule."
      },
      {
       "name": "Next",
       "type": "string",
       "jsonPath": ".status.nextScheduleTime",
       "priority": 1,
       "description": "When it runs next."
      },
      {
       "name": "Last Success",
       "type": "date",
       "jsonPath": ".status.lastSuccessfulTime",
       "priority": 1,
       "description": "Time since a run of it last completed."
      },
      {
       "name": "Age",
       "type": "date",
       "jsonPath": ".metadata.creationTimestamp",
       "description": "Time since it was created."
      }
     ],
     "schema": {
      "openAPIV3Schema": {
       "type": "object",
       "description": "Job is work that runs to an end. Each time it runs is a Run.",
       "required": [
        "spec"
       ],
       "x-kubernetes-validations": [
        {
         "rule": "self.metadata.name.size() <= 52",
         "message": "must be no more than 52 characters, since the names of its runs begin with it",
         "fieldPath": ".metadata.name"
        }
       ],
       "properties": {
        "apiVersion": {
         "type": "string",
         "description": "The group and version of this representation: gantry.dev/v1."
        },
        "kind": {
         "type": "string",
         "description": "The kind of this object: Job."
        },
        "metadata": {
         "type": "object",
         "description": "Standard object metadata.",
         "properties": {
          "name": {
           "type": "string",
           "description": "The name, unique among the objects of its kind."
          }
         }
        },
        "spec": {
         "type": "object",
         "description": "What is asked for.",
         "required": [
          "tasks"
         ],
         "x-kubernetes-validations": [
          {
           "rule": "has(self.schedule) || !has(self.timeZone)",
           "message": "must be absent without a schedule",
           "fieldPath": ".timeZone"
          }
         ],
         "properties": {
          "tasks": {
           "type": "array",
           "minItems": 1,
           "maxItems": 200,
           "x-kubernetes-list-type": "map",
           "x-kubernetes-list-map-keys": [
            "name"
           ],
           "description": "The steps. Those that depend on nothing begin at once, side by side.",
           "items": {
            "type": "object",
            "required": [
             "name"
            ],
            "x-kubernetes-validations": [
             {
              "rule": "has(self.template) != has(self.templateRef)",
              "message": "exactly one of template and templateRef must be given"
             },
             {
              "rule": "has(self.templateRef) || !has(self.arguments)",
              "message": "must be absent without templateRef",
              "fieldPath": ".arguments"
             }
            ],
            "properties": {
             "name": {
              "type": "string",
              "minLength": 1,
              "maxLength": 40,
              "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
              "description": "The step's name, unique in the job."
             },
             "template": {
              "type": "object",
              "required": [
               "spec"
              ],
              "description": "What the step's task is made from. $(parameters.NAME), $(config.KEY), $(run.name), $(run.scheduledTime) and $(tasks.STEP.outputs.KEY), $(tasks.STEP.stdout), $(tasks.STEP.exitCode) are put into its image, command, args and the values of env.",
              "properties": {
               "metadata": {
                "type": "object",
                "description": "Labels and annotations of the task.",
                "properties": {
                 "labels": {
                  "type": "object",
                  "maxProperties": 64,
                  "additionalProperties": {
                   "type": "string",
                   "maxLength": 63
                  },
                  "description": "Labels of the task."
                 },
                 "annotations": {
                  "type": "object",
                  "maxProperties": 64,
                  "additionalProperties": {
                   "type": "string"
                  },
                  "description": "Annotations of the task."
                 }
                }
               },
               "spec": {
                "description": "What a Task's spec says, without what a Run itself decides.",
                "type": "object",
                "required": [
                 "image"
                ],
                "x-kubernetes-validations": [
                 {
                  "rule": "!has(self.network) || self.network.mode != 'host' || !has(self.ports) || self.ports.all(p, !has(p.hostPort) || p.hostPort == p.containerPort)",
                  "message": "with network.mode host a port's hostPort must be its containerPort",
                  "fieldPath": ".ports"
                 },
                 {
                  "rule": "!has(self.resources) || !has(self.resources.requests) || !has(self.resources.limits) || !has(self.resources.requests.cpu) || !has(self.resources.limits.cpu) || quantity(string(self.resources.requests.cpu)).compareTo(quantity(string(self.resources.limits.cpu))) <= 0",
                  "message": "requests.cpu must be at most limits.cpu",
                  "fieldPath": ".resources"
                 },
                 {
                  "rule": "!has(self.resources) || !has(self.resources.requests) || !has(self.resources.limits) || !has(self.resources.requests.memory) || !has(self.resources.limits.memory) || quantity(string(self.resources.requests.memory)).compareTo(quantity(string(self.resources.limits.memory))) <= 0",
                  "message": "requests.memory must be at most limits.memory",
                  "fieldPath": ".resources"
                 },
                 {
                  "rule": "!has(self.resources) || !has(self.resources.limits) || !has(self.resources.limits.memory) || quantity(string(self.resources.limits.memory)).compareTo(quantity('6Mi')) >= 0",
                  "message": "limits.memory must be at least 6Mi, the least an engine accepts",
                  "fieldPath": ".resources"
                 },
                 {
                  "rule": "!has(self.ports) || self.ports.all(p, !has(p.hostPort) || self.ports.exists_one(q, has(q.hostPort) && q.hostPort == p.hostPort && q.protocol == p.protocol && (has(q.hostIP) ? q.hostIP : '') == (has(p.hostIP) ? p.hostIP : '')))",
                  "message": "a hostPort may be asked for once only",
                  "fieldPath": ".ports"
                 },
                 {
                  "rule": "!has(self.volumeMounts) || self.volumeMounts.all(m, has(self.volumes) && self.volumes.exists(v, v.name == m.name))",
                  "message": "every volumeMount must name one of volumes",
                  "fieldPath": ".volumeMounts"
                 },
                 {
                  "rule": "!has(self.volumeMounts) || self.volumeMounts.all(m, !has(m.subPath) || !m.subPath.split('/').exists(part, part == '..'))",
                  "message": "subPath must not contain '..'",
                  "fieldPath": ".volumeMounts"
                 },
                 {
                  "rule": "!has(self.livenessProbe) || !has(self.livenessProbe.successThreshold) || self.livenessProbe.successThreshold == 1",
                  "message": "livenessProbe.successThreshold must be 1",
                  "fieldPath": ".livenessProbe"
                 },
                 {
                  "rule": "!has(self.startupProbe) || !has(self.startupProbe.successThreshold) || self.startupProbe.successThreshold == 1",
                  "message": "startupProbe.successThreshold must be 1",
                  "fieldPath": ".startupProbe"
                 },
                 {
                  "rule": "!has(self.readinessProbe) || !has(self.readinessProbe.terminationGracePeriodSeconds)",
                  "message": "terminationGracePeriodSeconds must be absent from a readinessProbe, which never ends the container",
                  "fieldPath": ".readinessProbe"
                 },
                 {
                  "rule": "!has(self.ports) || [self.ports.filter(p, has(p.name)).map(p, p.name)].all(names, names.all(n, names.exists_one(m, m == n)))",
                  "message": "the names of ports must differ",
                  "fieldPath": ".ports"
                 },
                 {
                  "rule": "!has(self.resources) || !has(self.resources.requests) || !has(self.resources.limits) || !has(self.resources.requests.ephemeral__dash__storage) || !has(self.resources.limits.ephemeral__dash__storage) || quantity(string(self.resources.requests.ephemeral__dash__storage)).compareTo(quantity(string(self.resources.limits.ephemeral__dash__storage))) <= 0",
                  "message": "requests.ephemeral-storage must be at most limits.ephemeral-storage",
                  "fieldPath": ".resources"
                 },
                 {
                  "rule": "!has(self.livenessProbe) || [self.?livenessProbe.?httpGet.?port, self.?livenessProbe.?tcpSocket.?port].all(p, !p.hasValue() || (type(p.value()) == int ? p.value() >= 1 && p.value() <= 65535 : has(self.ports) && self.ports.exists(q, has(q.name) && q.name == p.value())))",
                  "messageExpression": "'port must be a number from 1 to 65535 or the name of one of ports, found ' + [self.?livenessProbe.?httpGet.?port, self.?livenessProbe.?tcpSocket.?port].filter(p, p.hasValue()).map(p, string(p.value())).join()",
                  "fieldPath": ".livenessProbe"
                 },
                 {
                  "rule": "!has(self.readinessProbe) || [self.?readinessProbe.?httpGet.?port, self.?readinessProbe.?tcpSocket.?port].all(p, !p.hasValue() || (type(p.value()) == int ? p.value() >= 1 && p.value() <= 65535 : has(self.ports) && self.ports.exists(q, has(q.name) && q.name == p.value())))",
                  "messageExpression": "'port must be a number from 1 to 65535 or the name of one of ports, found ' + [self.?readinessProbe.?httpGet.?port, self.?readinessProbe.?tcpSocket.?port].filter(p, p.hasValue()).map(p, string(p.value())).join()",
                  "fieldPath": ".readinessProbe"
                 },
                 {
                  "rule": "!has(self.startupProbe) || [self.?startupProbe.?httpGet.?port, self.?startupProbe.?tcpSocket.?port].all(p, !p.hasValue() || (type(p.value()) == int ? p.value() >= 1 && p.value() <= 65535 : has(self.ports) && self.ports.exists(q, has(q.name) && q.name == p.value())))",
                  "messageExpression": "'port must be a number from 1 to 65535 or the name of one of ports, found ' + [self.?startupProbe.?httpGet.?port, self.?startupProbe.?tcpSocket.?port].filter(p, p.hasValue()).map(p, string(p.value())).join()",
                  "fieldPath": ".startupProbe"
                 },
                 {
                  "rule": "!has(self.lifecycle) || [self.?lifecycle.?postStart.?httpGet.?port, self.?lifecycle.?postStart.?tcpSocket.?port].all(p, !p.hasValue() || (type(p.value()) == int ? p.value() >= 1 && p.value() <= 65535 : has(self.ports) && self.ports.exists(q, has(q.name) && q.name == p.value())))",
                  "messageExpression": "'port must be a number from 1 to 65535 or the name of one of ports, found ' + [self.?lifecycle.?postStart.?httpGet.?port, self.?lifecycle.?postStart.?tcpSocket.?port].filter(p, p.hasValue()).map(p, string(p.value())).join()",
                  "fieldPath": ".lifecycle.postStart"
                 },
                 {
                  "rule": "!has(self.lifecycle) || [self.?lifecycle.?preStop.?httpGet.?port, self.?lifecycle.?preStop.?tcpSocket.?port].all(p, !p.hasValue() || (type(p.value()) == int ? p.value() >= 1 && p.value() <= 65535 : has(self.ports) && self.ports.exists(q, has(q.name) && q.name == p.value())))",
                  "messageExpression": "'port must be a number from 1 to 65535 or the name of one of ports, found ' + [self.?lifecycle.?preStop.?httpGet.?port, self.?lifecycle.?preStop.?tcpSocket.?port].filter(p, p.hasValue()).map(p, string(p.value())).join()",
                  "fieldPath": ".lifecycle.preStop"
                 },
                 {
                  "rule": "!has(self.lifecycle) || !has(self.lifecycle.preStop) || !has(self.lifecycle.preStop.sleep) || self.lifecycle.preStop.sleep.seconds <= self.terminationGracePeriodSeconds",
                  "message": "preStop.sleep.seconds must be at most terminationGracePeriodSeconds",
                  "fieldPath": ".lifecycle"
                 }
                ],
                "properties": {
                 "image": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 512,
                  "pattern": "^\\S+$",
                  "description": "The image reference, for example registry.example:5000/team/web:1.4."
                 },
                 "imagePullPolicy": {
                  "type": "string",
                  "enum": [
                   "Always",
                   "IfNotPresent",
                   "Never"
                  ],
                  "description": "When to pull the image. Without it: Always if the tag is latest or missing, else IfNotPresent."
                 },
                 "imagePullSecrets": {
                  "type": "array",
                  "maxItems": 16,
                  "description": "Secrets of type kubernetes.io/dockerconfigjson in the same namespace, with credentials for the image's registry.",
                  "x-kubernetes-list-type": "map",
                  "x-kubernetes-list-map-keys": [
                   "name"
                  ],
                  "items": {
                   "type": "object",
                   "required": [
                    "name"
                   ],
                   "properties": {
                    "name": {
                     "type": "string",
                     "minLength": 1,
                     "maxLength": 253,
                     "description": "The Secret's name."
                    }
                   }
                  }
                 },
                 "command": {
                  "type": "array",
                  "maxItems": 1024,
                  "items": {
                   "type": "string",
                   "pattern": "^[^\\x00]*$"
                  },
                  "description": "Replaces the image's entry point."
                 },
                 "args": {
                  "type": "array",
                  "maxItems": 1024,
                  "items": {
                   "type": "string",
                   "pattern": "^[^\\x00]*$"
                  },
                  "description": "Replaces the image's command (the arguments of the entry point)."
                 },
                 "workingDir": {
                  "type": "string",
                  "maxLength": 4096,
                  "pattern": "^/[^\\x00]*$",
                  "description": "The working directory inside the container; absent: the image's."
                 },
                 "env": {
                  "type": "array",
                  "maxItems": 1024,
                  "description": "Environment variables.",
                  "x-kubernetes-list-type": "map",
                  "x-kubernetes-list-map-keys": [
                   "name"
                  ],
                  "items": {
                   "type": "object",
                   "required": [
                    "name"
                   ],
                   "x-kubernetes-validations": [
                    {
                     "rule": "!has(self.valueFrom) || !has(self.value) || self.value == ''",
                     "message": "value must be absent where valueFrom is given"
                    }
                   ],
                   "properties": {
                    "name": {
                     "type": "string",
                     "minLength": 1,
                     "maxLength": 1024,
                     "pattern": "^[-._a-zA-Z][-._a-zA-Z0-9]*$",
                     "description": "The variable's name."
                    },
                    "value": {
                     "type": "string",
                     "maxLength": 131072,
                     "pattern": "^[^\\x00]*$",
                     "description": "The variable's value; absent: empty. $(NAME) stands for a variable defined before, $$ for a dollar sign."
                    },
                    "valueFrom": {
                     "type": "object",
                     "description": "Where the value comes from: exactly one source.",
                     "x-kubernetes-validations": [
                      {
                       "rule": "[has(self.configMapKeyRef), has(self.secretKeyRef), has(self.fieldRef), has(self.resourceFieldRef)].filter(x, x).size() == 1",
                       "message": "exactly one of configMapKeyRef, secretKeyRef, fieldRef and resourceFieldRef must be given"
                      }
                     ],
                     "properties": {
                      "configMapKeyRef": {
                       "type": "object",
                       "required": [
                        "name",
                        "key"
                       ],
                       "description": "A key of a ConfigMap or Secret in the same namespace.",
                       "properties": {
                        "name": {
                         "type": "string",
                         "minLength": 1,
                         "maxLength": 253,
                         "description": "The object's name."
                        },
                        "key": {
                         "type": "string",
                         "minLength": 1,
                         "maxLength": 253,
                         "description": "The key in its data."
                        },
                        "optional": {
                         "type": "boolean",
                         "description": "True: the variable is left out where the object or the key is missing. Else the task waits for it."
                        }
                       }
                      },
                      "secretKeyRef": {
                       "type": "object",
                       "required": [
                        "name",
                        "key"
                       ],
                       "description": "A key of a ConfigMap or Secret in the same namespace.",
                       "properties": {
                        "name": {
                         "type": "string",
                         "minLength": 1,
                         "maxLength": 253,
                         "description": "The object's name."
                        },
                        "key": {
                         "type": "string",
                         "minLength": 1,
                         "maxLength": 253,
                         "description": "The key in its data."
                        },
                        "optional": {
                         "type": "boolean",
                         "description": "True: the variable is left out where the object or the key is missing. Else the task waits for it."
                        }
                       }
                      },
                      "fieldRef": {
                       "type": "object",
                       "required": [
                        "fieldPath"
                       ],
                       "description": "A field of the task itself.",
                       "properties": {
                        "fieldPath": {
                         "type": "string",
                         "maxLength": 384,
                         "pattern": "^(metadata\\.(name|namespace|uid)|metadata\\.(labels|annotations)\\['[^']+'\\]|spec\\.(workerName|nodeName)|status\\.hostIP)$",
                         "description": "metadata.name, metadata.namespace, metadata.uid, metadata.labels['KEY'], metadata.annotations['KEY'], spec.workerName (spec.nodeName is the same) or status.hostIP."
                        }
                       }
                      },
                      "resourceFieldRef": {
                       "type": "object",
                       "required": [
                        "resource"
                       ],
                       "description": "A request or limit of the task. A limit that is not given is what the worker has to give; a request that is not given is the limit, and 0 without one.",
                       "properties": {
                        "resource": {
                         "type": "string",
                         "enum": [
                          "limits.cpu",
                          "limits.memory",
                          "limits.ephemeral-storage",
                          "requests.cpu",
                          "requests.memory",
                          "requests.ephemeral-storage"
                         ],
                         "description": "Which of them."
                        },
                        "divisor": {
                         "x-kubernetes-int-or-string": true,
                         "x-gantry-quantity": "positive",
                         "description": "The unit, for example 1m or 1Mi; absent: 1. The result is rounded up."
                        }
                       }
                      }
                     }
                    }
                   }
                  }
                 },
                 "envFrom": {
                  "type": "array",
                  "maxItems": 64,
                  "description": "ConfigMaps and Secrets all of whose keys become variables; later ones win, env wins over all.",
                  "x-kubernetes-list-type": "atomic",
                  "items": {
                   "type": "object",
                   "x-kubernetes-validations": [
                    {
                     "rule": "has(self.configMapRef) != has(self.secretRef)",
                     "message": "exactly one of configMapRef and secretRef must be given"
                    }
                   ],
                   "properties": {
                    "prefix": {
                     "type": "string",
                     "maxLength": 253,
                     "pattern": "^[-._a-zA-Z0-9]*$",
                     "description": "Put before every key."
                    },
                    "configMapRef": {
                     "type": "object",
                     "required": [
                      "name"
                     ],
                     "description": "An object in the same namespace.",
                     "properties": {
                      "name": {
                       "type": "string",
                       "minLength": 1,
                       "maxLength": 253,
                       "description": "The object's name."
                      },
                      "optional": {
                       "type": "boolean",
                       "description": "True: nothing is taken from it while it is missing. Else the task waits for it."
                      }
                     }
                    },
                    "secretRef": {
                     "type": "object",
                     "required": [
                      "name"
                     ],
                     "description": "An object in the same namespace.",
                     "properties": {
                      "name": {
                       "type": "string",
                       "minLength": 1,
                       "maxLength": 253,
                       "description": "The object's name."
                      },
                      "optional": {
                       "type": "boolean",
                       "description": "True: nothing is taken from it while it is missing. Else the task waits for it."
                      }
                     }
                    }
                   }
                  }
                 },
                 "ports": {
                  "type": "array",
                  "maxItems": 128,
                  "description": "Ports the container listens on.",
                  "x-kubernetes-list-type": "map",
                  "x-kubernetes-list-map-keys": [
                   "containerPort",
                   "protocol"
                  ],
                  "items": {
                   "type": "object",
                   "required": [
                    "containerPort"
                   ],
                   "x-kubernetes-validations": [
                    {
                     "rule": "!has(self.hostPort) || !has(self.publish) || self.publish",
                     "message": "hostPort must be absent when publish is false"
                    }
                   ],
                   "properties": {
                    "name": {
                     "type": "string",
                     "maxLength": 15,
                     "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
                     "description": "A name for the port, unique in the task."
                    },
                    "containerPort": {
                     "type": "integer",
                     "minimum": 1,
                     "maximum": 65535,
                     "description": "The port inside the container."
                    },
                    "protocol": {
                     "type": "string",
                     "enum": [
                      "TCP",
                      "UDP"
                     ],
                     "default": "TCP",
                     "description": "The transport protocol."
                    },
                    "hostPort": {
                     "type": "integer",
                     "minimum": 1,
                     "maximum": 65535,
                     "description": "The port on the worker. Absent: a free one, chosen once per binding and kept in status.ports."
                    },
                    "hostIP": {
                     "type": "string",
                     "maxLength": 45,
                     "pattern": "^[0-9a-fA-F.:]+$",
                     "description": "The worker's address to publish on. Absent: the worker's publish address."
                    },
                    "publish": {
                     "type": "boolean",
                     "description": "Whether the port is published on the worker at all; absent: it is."
                    }
                   }
                  }
                 },
                 "resources": {
                  "type": "object",
                  "description": "What the task needs and may use.",
                  "properties": {
                   "requests": {
                    "type": "object",
                    "description": "What the scheduler sets aside. Where only a limit is given, the request is the limit.",
                    "properties": {
                     "cpu": {
                      "x-kubernetes-int-or-string": true,
                      "description": "Cores, for example 500m.",
                      "x-gantry-quantity": true
                     },
                     "memory": {
                      "x-kubernetes-int-or-string": true,
                      "description": "Bytes, for example 64Mi.",
                      "x-gantry-quantity": true
                     },
                     "ephemeral-storage": {
                      "x-kubernetes-int-or-string": true,
                      "description": "Bytes on the worker's disk, for example 1Gi.",
                      "x-gantry-quantity": true
                     }
                    }
                   },
                   "limits": {
                    "type": "object",
                    "description": "What the container may use at most.",
                    "properties": {
                     "cpu": {
                      "x-kubernetes-int-or-string": true,
                      "x-kubernetes-validations": [
                       {
                        "rule": "quantity(string(self)).compareTo(quantity('10m')) >= 0",
                        "message": "must be at least 10m, the least an engine accepts"
                       }
                      ],
                      "description": "Cores, for example 500m; at least 10m.",
                      "x-gantry-quantity": true
                     },
                     "memory": {
                      "x-kubernetes-int-or-string": true,
                      "description": "Bytes, for example 64Mi; at least 6Mi.",
                      "x-gantry-quantity": true
                     },
                     "ephemeral-storage": {
                      "x-kubernetes-int-or-string": true,
                      "description": "Bytes that the container's own files, its emptyDir volumes on disk and its log may take, for example 1Gi. A container above it is stopped with the reason Evicted.",
                      "x-gantry-quantity": "positive"
                     }
                    }
                   }
                  }
                 },
                 "pidsLimit": {
                  "type": "integer",
                  "minimum": 1,
                  "maximum": 4194304,
                  "description": "Processes and threads at once; absent: 4096."
                 },
                 "shmSize": {
                  "x-kubernetes-int-or-string": true,
                  "x-gantry-quantity": "positive",
                  "description": "Bytes of /dev/shm, for example 256Mi; absent: 64Mi."
                 },
                 "ulimits": {
                  "type": "array",
                  "maxItems": 16,
                  "description": "Limits of each process, as setrlimit(2) has them; absent ones are the engine's.",
                  "x-kubernetes-list-type": "map",
                  "x-kubernetes-list-map-keys": [
                   "name"
                  ],
                  "items": {
                   "type": "object",
                   "required": [
                    "name",
                    "soft",
                    "hard"
                   ],
                   "x-kubernetes-validations": [
                    {
                     "rule": "self.hard == -1 || (self.soft != -1 && self.soft <= self.hard)",
                     "message": "soft must be at most hard"
                    }
                   ],
                   "properties": {
                    "name": {
                     "type": "string",
                     "enum": [
                      "as",
                      "core",
                      "cpu",
                      "data",
                      "fsize",
                      "locks",
                      "memlock",
                      "msgqueue",
                      "nice",
                      "nofile",
                      "nproc",
                      "rss",
                      "rtprio",
                      "rttime",
                      "sigpending",
                      "stack"
                     ],
                     "description": "The limit's name without RLIMIT_."
                    },
                    "soft": {
                     "type": "integer",
                     "format": "int64",
                     "minimum": -1,
                     "description": "What applies; -1: no limit."
                    },
                    "hard": {
                     "type": "integer",
                     "format": "int64",
                     "minimum": -1,
                     "description": "Up to where a process may raise it; -1: no limit."
                    }
                   }
                  }
                 },
                 "volumes": {
                  "type": "array",
                  "maxItems": 64,
                  "description": "Directories and files that the container is given.",
                  "x-kubernetes-list-type": "map",
                  "x-kubernetes-list-map-keys": [
                   "name"
                  ],
                  "items": {
                   "type": "object",
                   "required": [
                    "name"
                   ],
                   "x-kubernetes-validations": [
                    {
                     "rule": "[has(self.emptyDir), has(self.hostPath), has(self.volume), has(self.configMap), has(self.secret)].filter(x, x).size() == 1",
                     "message": "exactly one of emptyDir, hostPath, volume, configMap and secret must be given"
                    }
                   ],
                   "properties": {
                    "name": {
                     "type": "string",
                     "minLength": 1,
                     "maxLength": 63,
                     "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
                     "description": "What volumeMounts call it."
                    },
                    "emptyDir": {
                     "type": "object",
                     "description": "A directory that is empty at first and lives as long as the task stays on its worker.",
                     "properties": {
                      "medium": {
                       "type": "string",
                       "enum": [
                        "",
                        "Memory"
                       ],
                       "description": "Memory: kept in memory, counted against the memory limit. Absent: on the worker's disk."
                      },
                      "sizeLimit": {
                       "x-kubernetes-int-or-string": true,
                       "x-gantry-quantity": "positive",
                       "description": "Bytes; in memory a write beyond it fails, on disk the container is stopped with the reason Evicted."
                      }
                     }
                    },
                    "hostPath": {
                     "type": "object",
                     "required": [
                      "path"
                     ],
                     "description": "A path of the worker itself. Allowed only where the namespace's security level or the operator's list allows it.",
                     "properties": {
                      "path": {
                       "type": "string",
                       "minLength": 1,
                       "maxLength": 4096,
                       "pattern": "^/[^\\x00]*$",
                       "x-kubernetes-validations": [
                        {
                         "rule": "!('/' + self).contains('/..')",
                         "message": "no part of it may begin with '..'"
                        }
                       ],
                       "description": "The absolute path, without '..'."
                      },
                      "type": {
                       "type": "string",
                       "enum": [
                        "",
                        "DirectoryOrCreate",
                        "Directory",
                        "FileOrCreate",
                        "File",
                        "Socket",
                        "CharDevice",
                        "BlockDevice"
                       ],
                       "description": "What must be there before the container starts; absent: anything."
                      }
                     }
                    },
                    "volume": {
                     "type": "object",
                     "required": [
                      "name"
                     ],
                     "description": "A named volume of the worker's engine, made when it is missing, kept when the task goes, shared by the tasks of the namespace that name it.",
                     "properties": {
                      "name": {
                       "type": "string",
                       "minLength": 1,
                       "maxLength": 63,
                       "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
                       "description": "The volume's name in the namespace."
                      }
                     }
                    },
                    "configMap": {
                     "type": "object",
                     "required": [
                      "name"
                     ],
                     "description": "The keys of a ConfigMap as files, kept up to date while the container runs.",
                     "properties": {
                      "name": {
                       "type": "string",
                       "minLength": 1,
                       "maxLength": 253,
                       "description": "The ConfigMap's name."
                      },
                      "defaultMode": {
                       "type": "integer",
                       "minimum": 0,
                       "maximum": 511,
                       "description": "Permission bits; absent: 0644 (decimal 420)."
                      },
                      "items": {
                       "type": "array",
                       "maxItems": 512,
                       "description": "Which keys, and where; absent: all, each as a file of its name.",
                       "x-kubernetes-list-type": "atomic",
                       "items": {
                        "type": "object",
                        "required": [
                         "key",
                         "path"
                        ],
                        "properties": {
                         "key": {
                          "type": "string",
                          "minLength": 1,
                          "maxLength": 253,
                          "description": "The key in the data."
                         },
                         "path": {
                          "type": "string",
                          "minLength": 1,
                          "maxLength": 1024,
                          "pattern": "^[^/\\x00][^\\x00]*$",
                          "x-kubernetes-validations": [
                           {
                            "rule": "!('/' + self).contains('/..')",
                            "message": "no part of it may begin with '..'"
                           }
                          ],
                          "description": "The file's path inside the volume, without '..'."
                         },
                         "mode": {
                          "type": "integer",
                          "minimum": 0,
                          "maximum": 511,
                          "description": "Permission bits; absent: 0644 (decimal 420)."
                         }
                        }
                       }
                      },
                      "optional": {
                       "type": "boolean",
                       "description": "True: missing ones are left out. Else the task waits for them."
                      }
                     }
                    },
                    "secret": {
                     "type": "object",
                     "required": [
                      "secretName"
                     ],
                     "description": "The keys of a Secret as files in memory, kept up to date while the container runs.",
                     "properties": {
                      "secretName": {
                       "type": "string",
                       "minLength": 1,
                       "maxLength": 253,
                       "description": "The Secret's name."
                      },
                      "defaultMode": {
                       "type": "integer",
                       "minimum": 0,
                       "maximum": 511,
                       "description": "Permission bits; absent: 0644 (decimal 420)."
                      },
                      "items": {
                       "type": "array",
                       "maxItems": 512,
                       "description": "Which keys, and where; absent: all, each as a file of its name.",
                       "x-kubernetes-list-type": "atomic",
                       "items": {
                        "type": "object",
                        "required": [
                         "key",
                         "path"
                        ],
                        "properties": {
                         "key": {
                          "type": "string",
                          "minLength": 1,
                          "maxLength": 253,
                          "description": "The key in the data."
                         },
                         "path": {
                          "type": "string",
                          "minLength": 1,
                          "maxLength": 1024,
                          "pattern": "^[^/\\x00][^\\x00]*$",
                          "x-kubernetes-validations": [
                           {
                            "rule": "!('/' + self).contains('/..')",
                            "message": "no part of it may begin with '..'"
                           }
                          ],
                          "description": "The file's path inside the volume, without '..'."
                         },
                         "mode": {
                          "type": "integer",
                          "minimum": 0,
                          "maximum": 511,
                          "description": "Permission bits; absent: 0644 (decimal 420)."
                         }
                        }
                       }
                      },
                      "optional": {
                       "type": "boolean",
                       "description": "True: missing ones are left out. Else the task waits for them."
                      }
                     }
                    }
                   }
                  }
                 },
                 "volumeMounts": {
                  "type": "array",
                  "maxItems": 64,
                  "description": "Where the volumes appear inside the container.",
                  "x-kubernetes-list-type": "map",
                  "x-kubernetes-list-map-keys": [
                   "mountPath"
                  ],
                  "items": {
                   "type": "object",
                   "required": [
                    "name",
                    "mountPath"
                   ],
                   "properties": {
                    "name": {
                     "type": "string",
                     "minLength": 1,
                     "maxLength": 63,
                     "description": "The volume's name."
                    },
                    "mountPath": {
                     "type": "string",
                     "minLength": 1,
                     "maxLength": 4096,
                     "pattern": "^/[^\\x00:]*$",
                     "description": "The absolute path inside the container."
                    },
                    "subPath": {
                     "type": "string",
                     "maxLength": 4096,
                     "pattern": "^[^/\\x00][^\\x00]*$",
                     "description": "A path inside the volume that is mounted instead of all of it, without '..'. Such a mount of a ConfigMap or Secret is not kept up to date."
                    },
                    "readOnly": {
                     "type": "boolean",
                     "description": "True: the container cannot write to it. ConfigMaps and Secrets never can be written to."
                    }
                   }
                  }
                 },
                 "livenessProbe": {
                  "type": "object",
                  "description": "Asked again and again while the container runs.",
                  "x-kubernetes-validations": [
                   {
                    "rule": "[has(self.exec), has(self.httpGet), has(self.tcpSocket), has(self.grpc)].filter(x, x).size() == 1",
                    "message": "exactly one of exec, httpGet, tcpSocket and grpc must be given"
                   }
                  ],
                  "properties": {
                   "exec": {
                    "type": "object",
                    "required": [
                     "command"
                    ],
                    "description": "Succeeds when the command ends with 0 inside the container. It runs without a shell.",
                    "properties": {
                     "command": {
                      "type": "array",
                      "minItems": 1,
                      "maxItems": 1024,
                      "items": {
                       "type": "string",
                       "pattern": "^[^\\x00]*$"
                      },
                      "description": "The program and its arguments."
                     }
                    }
                   },
                   "httpGet": {
                    "type": "object",
                    "required": [
                     "port"
                    ],
                    "description": "Succeeds when the answer's status is from 200 to 399.",
                    "properties": {
                     "path": {
                      "type": "string",
                      "maxLength": 4096,
                      "description": "The path and query; absent: /."
                     },
                     "port": {
                      "x-kubernetes-int-or-string": true,
                      "description": "The container's port: its number, or its name in ports."
                     },
                     "host": {
                      "type": "string",
                      "maxLength": 253,
                      "description": "Who is asked; absent: the container."
                     },
                     "scheme": {
                      "type": "string",
                      "enum": [
                       "HTTP",
                       "HTTPS"
                      ],
                      "description": "Absent: HTTP. With HTTPS the certificate is not checked."
                     },
                     "httpHeaders": {
                      "type": "array",
                      "maxItems": 64,
                      "description": "Headers of the request.",
                      "x-kubernetes-list-type": "atomic",
                      "items": {
                       "type": "object",
                       "required": [
                        "name",
                        "value"
                       ],
                       "properties": {
                        "name": {
                         "type": "string",
                         "minLength": 1,
                         "maxLength": 253,
                         "pattern": "^[-A-Za-z0-9]+$",
                         "description": "The header's name."
                        },
                        "value": {
                         "type": "string",
                         "maxLength": 8192,
                         "pattern": "^[^\\x00\\r\\n]*$",
                         "description": "The header's value."
                        }
                       }
                      }
                     }
                    }
                   },
                   "tcpSocket": {
                    "type": "object",
                    "required": [
                     "port"
                    ],
                    "description": "Succeeds when the port takes a connection.",
                    "properties": {
                     "port": {
                      "x-kubernetes-int-or-string": true,
                      "description": "The container's port: its number, or its name in ports."
                     },
                     "host": {
                      "type": "string",
                      "maxLength": 253,
                      "description": "Who is asked; absent: the container."
                     }
                    }
                   },
                   "grpc": {
                    "type": "object",
                    "required": [
                     "port"
                    ],
                    "description": "Succeeds when grpc.health.v1.Health/Check answers SERVING.",
                    "properties": {
                     "port": {
                      "type": "integer",
                      "minimum": 1,
                      "maximum": 65535,
                      "description": "The container's port."
                     },
                     "service": {
                      "type": "string",
                      "maxLength": 253,
                      "description": "The service that is asked about; absent: the whole server."
                     }
                    }
                   },
                   "initialDelaySeconds": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": 86400,
                    "description": "Seconds between the container's start and the first question; absent: 0."
                   },
                   "periodSeconds": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 86400,
                    "description": "Seconds between two questions; absent: 10."
                   },
                   "timeoutSeconds": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 3600,
                    "description": "Seconds to wait for an answer; absent: 1."
                   },
                   "successThreshold": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 1000,
                    "description": "Successes in a row after a failure that count as success; absent: 1."
                   },
                   "failureThreshold": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 1000,
                    "description": "Failures in a row that count as failure; absent: 3."
                   },
                   "terminationGracePeriodSeconds": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 86400,
                    "description": "Seconds between the stop signal and the kill where this probe failed; absent: the task's. Not for readiness."
                   }
                  }
                 },
                 "readinessProbe": {
                  "type": "object",
                  "description": "Asked again and again while the container runs.",
                  "x-kubernetes-validations": [
                   {
                    "rule": "[has(self.exec), has(self.httpGet), has(self.tcpSocket), has(self.grpc)].filter(x, x).size() == 1",
                    "message": "exactly one of exec, httpGet, tcpSocket and grpc must be given"
                   }
                  ],
                  "properties": {
                   "exec": {
                    "type": "object",
                    "required": [
                     "command"
                    ],
                    "description": "Succeeds when the command ends with 0 inside the container. It runs without a shell.",
                    "properties": {
                     "command": {
                      "type": "array",
                      "minItems": 1,
                      "maxItems": 1024,
                      "items": {
                       "type": "string",
                       "pattern": "^[^\\x00]*$"
                      },
                      "description": "The program and its arguments."
                     }
                    }
                   },
                   "httpGet": {
                    "type": "object",
                    "required": [
                     "port"
                    ],
                    "description": "Succeeds when the answer's status is from 200 to 399.",
                    "properties": {
                     "path": {
                      "type": "string",
                      "maxLength": 4096,
                      "description": "The path and query; absent: /."
                     },
                     "port": {
                      "x-kubernetes-int-or-string": true,
                      "description": "The container's port: its number, or its name in ports."
                     },
                     "host": {
                      "type": "string",
                      "maxLength": 253,
                      "description": "Who is asked; absent: the container."
                     },
                     "scheme": {
                      "type": "string",
                      "enum": [
                       "HTTP",
                       "HTTPS"
                      ],
                      "description": "Absent: HTTP. With HTTPS the certificate is not checked."
                     },
                     "httpHeaders": {
                      "type": "array",
                      "maxItems": 64,
                      "description": "Headers of the request.",
                      "x-kubernetes-list-type": "atomic",
                      "items": {
                       "type": "object",
                       "required": [
                        "name",
                        "value"
                       ],
                       "properties": {
                        "name": {
                         "type": "string",
                         "minLength": 1,
                         "maxLength": 253,
                         "pattern": "^[-A-Za-z0-9]+$",
                         "description": "The header's name."
                        },
                        "value": {
                         "type": "string",
                         "maxLength": 8192,
                         "pattern": "^[^\\x00\\r\\n]*$",
                         "description": "The header's value."
                        }
                       }
                      }
                     }
                    }
                   },
                   "tcpSocket": {
                    "type": "object",
                    "required": [
                     "port"
                    ],
                    "description": "Succeeds when the port takes a connection.",
                    "properties": {
                     "port": {
                      "x-kubernetes-int-or-string": true,
                      "description": "The container's port: its number, or its name in ports."
                     },
                     "host": {
                      "type": "string",
                      "maxLength": 253,
                      "description": "Who is asked; absent: the container."
                     }
                    }
                   },
                   "grpc": {
                    "type": "object",
                    "required": [
                     "port"
                    ],
                    "description": "Succeeds when grpc.health.v1.Health/Check answers SERVING.",
                    "properties": {
                     "port": {
                      "type": "integer",
                      "minimum": 1,
                      "maximum": 65535,
                      "description": "The container's port."
                     },
                     "service": {
                      "type": "string",
                      "maxLength": 253,
                      "description": "The service that is asked about; absent: the whole server."
                     }
                    }
                   },
                   "initialDelaySeconds": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": 86400,
                    "description": "Seconds between the container's start and the first question; absent: 0."
                   },
                   "periodSeconds": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 86400,
                    "description": "Seconds between two questions; absent: 10."
                   },
                   "timeoutSeconds": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 3600,
                    "description": "Seconds to wait for an answer; absent: 1."
                   },
                   "successThreshold": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 1000,
                    "description": "Successes in a row after a failure that count as success; absent: 1."
                   },
                   "failureThreshold": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 1000,
                    "description": "Failures in a row that count as failure; absent: 3."
                   },
                   "terminationGracePeriodSeconds": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 86400,
                    "description": "Seconds between the stop signal and the kill where this probe failed; absent: the task's. Not for readiness."
                   }
                  }
                 },
                 "startupProbe": {
                  "type": "object",
                  "description": "Asked again and again while the container runs.",
                  "x-kubernetes-validations": [
                   {
                    "rule": "[has(self.exec), has(self.httpGet), has(self.tcpSocket), has(self.grpc)].filter(x, x).size() == 1",
                    "message": "exactly one of exec, httpGet, tcpSocket and grpc must be given"
                   }
                  ],
                  "properties": {
                   "exec": {
                    "type": "object",
                    "required": [
                     "command"
                    ],
                    "description": "Succeeds when the command ends with 0 inside the container. It runs without a shell.",
                    "properties": {
                     "command": {
                      "type": "array",
                      "minItems": 1,
                      "maxItems": 1024,
                      "items": {
                       "type": "string",
                       "pattern": "^[^\\x00]*$"
                      },
                      "description": "The program and its arguments."
                     }
                    }
                   },
                   "httpGet": {
                    "type": "object",
                    "required": [
                     "port"
                    ],
                    "description": "Succeeds when the answer's status is from 200 to 399.",
                    "properties": {
                     "path": {
                      "type": "string",
                      "maxLength": 4096,
                      "description": "The path and query; absent: /."
                     },
                     "port": {
                      "x-kubernetes-int-or-string": true,
                      "description": "The container's port: its number, or its name in ports."
                     },
                     "host": {
                      "type": "string",
                      "maxLength": 253,
                      "description": "Who is asked; absent: the container."
                     },
                     "scheme": {
                      "type": "string",
                      "enum": [
                       "HTTP",
                       "HTTPS"
                      ],
                      "description": "Absent: HTTP. With HTTPS the certificate is not checked."
                     },
                     "httpHeaders": {
                      "type": "array",
                      "maxItems": 64,
                      "description": "Headers of the request.",
                      "x-kubernetes-list-type": "atomic",
                      "items": {
                       "type": "object",
                       "required": [
                        "name",
                        "value"
                       ],
                       "properties": {
                        "name": {
                         "type": "string",
                         "minLength": 1,
                         "maxLength": 253,
                         "pattern": "^[-A-Za-z0-9]+$",
                         "description": "The header's name."
                        },
                        "value": {
                         "type": "string",
                         "maxLength": 8192,
                         "pattern": "^[^\\x00\\r\\n]*$",
                         "description": "The header's value."
                        }
                       }
                      }
                     }
                    }
                   },
                   "tcpSocket": {
                    "type": "object",
                    "required": [
                     "port"
                    ],
                    "description": "Succeeds when the port takes a connection.",
                    "properties": {
                     "port": {
                      "x-kubernetes-int-or-string": true,
                      "description": "The container's port: its number, or its name in ports."
                     },
                     "host": {
                      "type": "string",
                      "maxLength": 253,
                      "description": "Who is asked; absent: the container."
                     }
                    }
                   },
                   "grpc": {
                    "type": "object",
                    "required": [
                     "port"
                    ],
                    "description": "Succeeds when grpc.health.v1.Health/Check answers SERVING.",
                    "properties": {
                     "port": {
                      "type": "integer",
                      "minimum": 1,
                      "maximum": 65535,
                      "description": "The container's port."
                     },
                     "service": {
                      "type": "string",
                      "maxLength": 253,
                      "description": "The service that is asked about; absent: the whole server."
                     }
                    }
                   },
                   "initialDelaySeconds": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": 86400,
                    "description": "Seconds between the container's start and the first question; absent: 0."
                   },
                   "periodSeconds": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 86400,
                    "description": "Seconds between two questions; absent: 10."
                   },
                   "timeoutSeconds": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 3600,
                    "description": "Seconds to wait for an answer; absent: 1."
                   },
                   "successThreshold": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 1000,
                    "description": "Successes in a row after a failure that count as success; absent: 1."
                   },
                   "failureThreshold": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 1000,
                    "description": "Failures in a row that count as failure; absent: 3."
                   },
                   "terminationGracePeriodSeconds": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 86400,
                    "description": "Seconds between the stop signal and the kill where this probe failed; absent: the task's. Not for readiness."
                   }
                  }
                 },
                 "lifecycle": {
                  "type": "object",
                  "description": "What is done after the container's start and before its end.",
                  "properties": {
                   "postStart": {
                    "type": "object",
                    "description": "One act. A container whose postStart fails is stopped; preStop counts against the grace period.",
                    "x-kubernetes-validations": [
                     {
                      "rule": "[has(self.exec), has(self.httpGet), has(self.tcpSocket), has(self.sleep)].filter(x, x).size() == 1",
                      "message": "exactly one of exec, httpGet, tcpSocket and sleep must be given"
                     }
                    ],
                    "properties": {
                     "exec": {
                      "type": "object",
                      "required": [
                       "command"
                      ],
                      "description": "Succeeds when the command ends with 0 inside the container. It runs without a shell.",
                      "properties": {
                       "command": {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": 1024,
                        "items": {
                         "type": "string",
                         "pattern": "^[^\\x00]*$"
                        },
                        "description": "The program and its arguments."
                       }
                      }
                     },
                     "httpGet": {
                      "type": "object",
                      "required": [
                       "port"
                      ],
                      "description": "Succeeds when the answer's status is from 200 to 399.",
                      "properties": {
                       "path": {
                        "type": "string",
                        "maxLength": 4096,
                        "description": "The path and query; absent: /."
                       },
                       "port": {
                        "x-kubernetes-int-or-string": true,
                        "description": "The container's port: its number, or its name in ports."
                       },
                       "host": {
                        "type": "string",
                        "maxLength": 253,
                        "description": "Who is asked; absent: the container."
                       },
                       "scheme": {
                        "type": "string",
                        "enum": [
                         "HTTP",
                         "HTTPS"
                        ],
                        "description": "Absent: HTTP. With HTTPS the certificate is not checked."
                       },
                       "httpHeaders": {
                        "type": "array",
                        "maxItems": 64,
                        "description": "Headers of the request.",
                        "x-kubernetes-list-type": "atomic",
                        "items": {
                         "type": "object",
                         "required": [
                          "name",
                          "value"
                         ],
                         "properties": {
                          "name": {
                           "type": "string",
                           "minLength": 1,
                           "maxLength": 253,
                           "pattern": "^[-A-Za-z0-9]+$",
                           "description": "The header's name."
                          },
                          "value": {
                           "type": "string",
                           "maxLength": 8192,
                           "pattern": "^[^\\x00\\r\\n]*$",
                           "description": "The header's value."
                          }
                         }
                        }
                       }
                      }
                     },
                     "tcpSocket": {
                      "type": "object",
                      "required": [
                       "port"
                      ],
                      "description": "Succeeds when the port takes a connection.",
                      "properties": {
                       "port": {
                        "x-kubernetes-int-or-string": true,
                        "description": "The container's port: its number, or its name in ports."
                       },
                       "host": {
                        "type": "string",
                        "maxLength": 253,
                        "description": "Who is asked; absent: the container."
                       }
                      }
                     },
                     "sleep": {
                      "type": "object",
                      "required": [
                       "seconds"
                      ],
                      "description": "Waits.",
                      "properties": {
                       "seconds": {
                        "type": "integer",
                        "format": "int64",
                        "minimum": 0,
                        "maximum": 86400,
                        "description": "How long."
                       }
                      }
                     }
                    }
                   },
                   "preStop": {
                    "type": "object",
                    "description": "One act. A container whose postStart fails is stopped; preStop counts against the grace period.",
                    "x-kubernetes-validations": [
                     {
                      "rule": "[has(self.exec), has(self.httpGet), has(self.tcpSocket), has(self.sleep)].filter(x, x).size() == 1",
                      "message": "exactly one of exec, httpGet, tcpSocket and sleep must be given"
                     }
                    ],
                    "properties": {
                     "exec": {
                      "type": "object",
                      "required": [
                       "command"
                      ],
                      "description": "Succeeds when the command ends with 0 inside the container. It runs without a shell.",
                      "properties": {
                       "command": {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": 1024,
                        "items": {
                         "type": "string",
                         "pattern": "^[^\\x00]*$"
                        },
                        "description": "The program and its arguments."
                       }
                      }
                     },
                     "httpGet": {
                      "type": "object",
                      "required": [
                       "port"
                      ],
                      "description": "Succeeds when the answer's status is from 200 to 399.",
                      "properties": {
                       "path": {
                        "type": "string",
                        "maxLength": 4096,
                        "description": "The path and query; absent: /."
                       },
                       "port": {
                        "x-kubernetes-int-or-string": true,
                        "description": "The container's port: its number, or its name in ports."
                       },
                       "host": {
                        "type": "string",
                        "maxLength": 253,
                        "description": "Who is asked; absent: the container."
                       },
                       "scheme": {
                        "type": "string",
                        "enum": [
                         "HTTP",
                         "HTTPS"
                        ],
                        "description": "Absent: HTTP. With HTTPS the certificate is not checked."
                       },
                       "httpHeaders": {
                        "type": "array",
                        "maxItems": 64,
                        "description": "Headers of the request.",
                        "x-kubernetes-list-type": "atomic",
                        "items": {
                         "type": "object",
                         "required": [
                          "name",
                          "value"
                         ],
                         "properties": {
                          "name": {
                           "type": "string",
                           "minLength": 1,
                           "maxLength": 253,
                           "pattern": "^[-A-Za-z0-9]+$",
                           "description": "The header's name."
                          },
                          "value": {
                           "type": "string",
                           "maxLength": 8192,
                           "pattern": "^[^\\x00\\r\\n]*$",
                           "description": "The header's value."
                          }
                         }
                        }
                       }
                      }
                     },
                     "tcpSocket": {
                      "type": "object",
                      "required": [
                       "port"
                      ],
                      "description": "Succeeds when the port takes a connection.",
                      "properties": {
                       "port": {
                        "x-kubernetes-int-or-string": true,
                        "description": "The container's port: its number, or its name in ports."
                       },
                       "host": {
                        "type": "string",
                        "maxLength": 253,
                        "description": "Who is asked; absent: the container."
                       }
                      }
                     },
                     "sleep": {
                      "type": "object",
                      "required": [
                       "seconds"
                      ],
                      "description": "Waits.",
                      "properties": {
                       "seconds": {
                        "type": "integer",
                        "format": "int64",
                        "minimum": 0,
                        "maximum": 86400,
                        "description": "How long."
                       }
                      }
                     }
                    }
                   }
                  }
                 },
                 "terminationGracePeriodSeconds": {
                  "type": "integer",
                  "minimum": 0,
                  "maximum": 86400,
                  "default": 30,
                  "description": "Seconds between the stop signal and the kill."
                 },
                 "stopSignal": {
                  "type": "string",
                  "pattern": "^SIG(TERM|INT|QUIT|HUP|USR1|USR2|KILL|WINCH)$",
                  "description": "The signal that asks the container to stop; absent: the image's, or SIGTERM."
                 },
                 "restartPolicy": {
                  "type": "string",
                  "enum": [
                   "Never"
                  ],
                  "default": "Never",
                  "description": "Never: a step that failed is tried again by its retries."
                 },
                 "securityContext": {
                  "type": "object",
                  "description": "Privileges of the container.",
                  "x-kubernetes-validations": [
                   {
                    "rule": "!has(self.privileged) || !self.privileged || !has(self.allowPrivilegeEscalation) || self.allowPrivilegeEscalation",
                    "message": "must not be false with privileged: true, which gives every right at once",
                    "fieldPath": ".allowPrivilegeEscalation"
                   },
                   {
                    "rule": "!has(self.runAsNonRoot) || !self.runAsNonRoot || !has(self.runAsUser) || self.runAsUser != 0",
                    "message": "must not be 0 with runAsNonRoot: true",
                    "fieldPath": ".runAsUser"
                   },
                   {
                    "rule": "!has(self.runAsGroup) || has(self.runAsUser)",
                    "message": "must come with runAsUser, without which the container would be root in that group",
                    "fieldPath": ".runAsGroup"
                   }
                  ],
                  "properties": {
                   "runAsUser": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": 2147483647,
                    "description": "The user id of the container's process."
                   },
                   "runAsGroup": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": 2147483647,
                    "description": "The group id of the container's process; only with runAsUser."
                   },
                   "readOnlyRootFilesystem": {
                    "type": "boolean",
                    "description": "Mounts the container's root file system read-only."
                   },
                   "runAsNonRoot": {
                    "type": "boolean",
                    "description": "True: a container whose user is root is not started."
                   },
                   "privileged": {
                    "type": "boolean",
                    "description": "Gives the container nearly all of the worker's own rights."
                   },
                   "allowPrivilegeEscalation": {
                    "type": "boolean",
                    "description": "Whether a process may gain more rights than its parent, for example by a set-user-id file; absent: no, unless privileged."
                   },
                   "seccompProfile": {
                    "type": "object",
                    "required": [
                     "type"
                    ],
                    "description": "Which system calls are filtered; absent: RuntimeDefault.",
                    "x-kubernetes-validations": [
                     {
                      "rule": "(self.type == 'Localhost') == has(self.localhostProfile)",
                      "message": "localhostProfile must be given with type Localhost, and with no other"
                     }
                    ],
                    "properties": {
                     "type": {
                      "type": "string",
                      "enum": [
                       "RuntimeDefault",
                       "Unconfined",
                       "Localhost"
                      ],
                      "description": "RuntimeDefault: the engine's own list."
                     },
                     "localhostProfile": {
                      "type": "string",
                      "minLength": 1,
                      "maxLength": 1024,
                      "pattern": "^[^/\\x00][^\\x00]*$",
                      "x-kubernetes-validations": [
                       {
                        "rule": "!('/' + self).contains('/..')",
                        "message": "no part of it may begin with '..'"
                       }
                      ],
                      "description": "A file below the worker's folder of seccomp profiles, without '..'."
                     }
                    }
                   },
                   "capabilities": {
                    "type": "object",
                    "description": "Linux capabilities on top of, or missing from, the engine's default set.",
                    "properties": {
                     "add": {
                      "type": "array",
                      "maxItems": 64,
                      "items": {
                       "type": "string",
                       "pattern": "^[A-Z_]+$"
                      },
                      "x-kubernetes-validations": [
                       {
                        "rule": "!self.exists(c, c.startsWith('CAP_'))",
                        "message": "must be written without the CAP_ prefix"
                       }
                      ],
                      "description": "Capabilities to add, without the CAP_ prefix."
                     },
                     "drop": {
                      "type": "array",
                      "maxItems": 64,
                      "items": {
                       "type": "string",
                       "pattern": "^[A-Z_]+$"
                      },
                      "x-kubernetes-validations": [
                       {
                        "rule": "!self.exists(c, c.startsWith('CAP_'))",
                        "message": "must be written without the CAP_ prefix"
                       }
                      ],
                      "description": "Capabilities to drop, without the CAP_ prefix."
                     }
                    }
                   }
                  }
                 },
                 "network": {
                  "type": "object",
                  "description": "How the container is connected.",
                  "properties": {
                   "mode": {
                    "type": "string",
                    "maxLength": 63,
                    "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
                    "default": "bridge",
                    "description": "bridge: the network that all tasks of the namespace on this worker share, on which they find each other by name; host: the worker's own; none; any other name: a network of that name in the namespace."
                   },
                   "hostname": {
                    "type": "string",
                    "maxLength": 63,
                    "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
                    "description": "The container's host name; absent: the task's name."
                   },
                   "aliases": {
                    "type": "array",
                    "maxItems": 16,
                    "x-kubernetes-list-type": "set",
                    "items": {
                     "type": "string",
                     "minLength": 1,
                     "maxLength": 63,
                     "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
                    },
                    "description": "Further names under which others on the network find it."
                   },
                   "dns": {
                    "type": "array",
                    "maxItems": 3,
                    "x-kubernetes-list-type": "atomic",
                    "items": {
                     "type": "string",
                     "maxLength": 45,
                     "pattern": "^[0-9a-fA-F.:]+$"
                    },
                    "description": "Addresses of name servers; absent: the worker's."
                   }
                  }
                 },
                 "hostPID": {
                  "type": "boolean",
                  "description": "True: the container sees and signals every process of the worker."
                 },
                 "logs": {
                  "type": "object",
                  "description": "How much output is kept on the worker for each container.",
                  "properties": {
                   "maxSize": {
                    "x-kubernetes-int-or-string": true,
                    "x-gantry-quantity": "positive",
                    "description": "Bytes of one file, for example 10Mi, which is the default."
                   },
                   "maxFiles": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 100,
                    "description": "How many files; absent: 5."
                   }
                  }
                 },
                 "tolerations": {
                  "type": "array",
                  "maxItems": 64,
                  "description": "Taints of workers that do not keep the task away.",
                  "x-kubernetes-list-type": "atomic",
                  "items": {
                   "type": "object",
                   "x-kubernetes-validations": [
                    {
                     "rule": "!has(self.operator) || self.operator != 'Exists' || !has(self.value)",
                     "message": "value must be absent when operator is Exists"
                    },
                    {
                     "rule": "has(self.key) || (has(self.operator) && self.operator == 'Exists')",
                     "message": "without a key operator must be Exists, which tolerates every taint"
                    }
                   ],
                   "properties": {
                    "key": {
                     "type": "string",
                     "maxLength": 317,
                     "description": "The taint's name; absent: every taint."
                    },
                    "operator": {
                     "type": "string",
                     "enum": [
                      "Exists",
                      "Equal"
                     ],
                     "description": "How the value compares; absent: Equal."
                    },
                    "value": {
                     "type": "string",
                     "maxLength": 63,
                     "description": "The taint's value; absent: empty."
                    },
                    "effect": {
                     "type": "string",
                     "enum": [
                      "NoSchedule",
                      "PreferNoSchedule"
                     ],
                     "description": "The taint's effect; absent: every effect."
                    }
                   }
                  }
                 },
                 "workerSelector": {
                  "type": "object",
                  "maxProperties": 64,
                  "additionalProperties": {
                   "type": "string",
                   "maxLength": 253
                  },
                  "description": "Labels that a worker must carry. gantry.dev/worker stands for the worker's own name."
                 },
                 "preemptionPolicy": {
                  "type": "string",
                  "enum": [
                   "Never",
                   "PreemptLowerPriority"
                  ],
                  "description": "PreemptLowerPriority: while there is no room for it, tasks of lower priority may be moved off a worker to make some; absent: Never."
                 }
                }
               }
              }
             },
             "templateRef": {
              "type": "object",
              "required": [
               "name"
              ],
              "description": "A TaskTemplate in the same namespace, from which the step's task is made.",
              "properties": {
               "name": {
                "type": "string",
                "minLength": 1,
                "maxLength": 253,
                "description": "Its name."
               }
              }
             },
             "arguments": {
              "type": "object",
              "x-kubernetes-preserve-unknown-fields": true,
              "description": "The template's parameters. Texts may hold $(parameters.NAME) and the others that a template may."
             },
             "dependsOn": {
              "type": "array",
              "maxItems": 200,
              "x-kubernetes-list-type": "set",
              "items": {
               "type": "string",
               "minLength": 1,
               "maxLength": 40
              },
              "description": "Steps that must have ended before this one begins."
             },
             "condition": {
              "type": "string",
              "enum": [
               "AllSuccess",
               "OnFailure",
               "AllDone",
               "Always"
              ],
              "default": "AllSuccess",
              "description": "How they must have ended: AllSuccess, all completed; OnFailure, at least one failed; AllDone, all completed or failed, none skipped; Always, however they ended. Else the step is skipped."
             },
             "retries": {
              "type": "object",
              "description": "Whether it is tried again when it failed; absent: as its TaskTemplate says, else not.",
              "properties": {
               "limit": {
                "type": "integer",
                "format": "int32",
                "minimum": 0,
                "maximum": 100,
                "default": 0,
                "description": "How often at most, beside the first time."
               },
               "backoffSeconds": {
                "type": "integer",
                "format": "int32",
                "minimum": 0,
                "maximum": 86400,
                "default": 10,
                "description": "The wait before the first retry; it doubles each time, up to an hour."
               },
               "on": {
                "type": "string",
                "enum": [
                 "Always",
                 "Transient",
                 "Never"
                ],
                "default": "Always",
                "description": "After which failures: Transient, those that are not the program's own doing (its worker was lost, it was preempted, evicted or stopped by a hand, its image could not be had), and exit code 75."
               }
              }
             },
             "timeoutSeconds": {
              "type": "integer",
              "format": "int64",
              "minimum": 1,
              "maximum": 31536000,
              "description": "Each try is killed after this long."
             }
            }
           }
          },
          "schedule": {
           "type": "string",
           "minLength": 1,
           "maxLength": 256,
           "description": "When it runs by itself: five or six fields of cron (seconds first), @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually, or @every DURATION (for example @every 1h30m, counted from the job's creation)."
          },
          "timeZone": {
           "type": "string",
           "minLength": 1,
           "maxLength": 64,
           "description": "The time zone of the schedule, by its IANA name; absent: UTC."
          },
          "suspend": {
           "type": "boolean",
           "description": "True: the schedule rests. What was missed meanwhile is not made up for."
          },
          "concurrencyPolicy": {
           "type": "string",
           "enum": [
            "Allow",
            "Forbid",
            "Replace",
            "Queue"
           ],
           "default": "Allow",
           "description": "What happens when maxConcurrentRuns are under way: Allow and Forbid, the new run is refused; Replace, the oldest is cancelled for it; Queue, it waits, the highest priority first, then the oldest."
          },
          "maxConcurrentRuns": {
           "type": "integer",
           "format": "int32",
           "minimum": 1,
           "maximum": 1000,
           "description": "How many runs may be under way at once; absent: 1 with Forbid, Replace and Queue, 1000 with Allow."
          },
          "startingDeadlineSeconds": {
           "type": "integer",
           "format": "int64",
           "minimum": 1,
           "maximum": 31536000,
           "default": 60,
           "description": "A time of the schedule that was missed by more than this is not made up for."
          },
          "catchUp": {
           "type": "string",
           "enum": [
            "Skip",
            "Latest",
            "All"
           ],
           "default": "Skip",
           "description": "What happens with times of the schedule that were missed, within startingDeadlineSeconds: Skip, nothing, but for the time it takes to start anew; Latest, the last of them runs; All, each of them runs, at most 100."
          },
          "successfulRunsHistoryLimit": {
           "type": "integer",
           "format": "int32",
           "minimum": 0,
           "maximum": 1000,
           "default": 10,
           "description": "How many completed runs are kept."
          },
          "failedRunsHistoryLimit": {
           "type": "integer",
           "format": "int32",
           "minimum": 0,
           "maximum": 1000,
           "default": 10,
           "description": "How many runs are kept that ended in another way."
          },
          "parameters": {
           "type": "array",
           "maxItems": 64,
           "x-kubernetes-list-type": "map",
           "x-kubernetes-list-map-keys": [
            "name"
           ],
           "description": "What a run may be given.",
           "items": {
            "type": "object",
            "required": [
             "name"
            ],
            "properties": {
             "name": {
              "type": "string",
              "minLength": 1,
              "maxLength": 63,
              "pattern": "^[A-Za-z_][A-Za-z0-9_-]*$",
              "description": "The parameter's name."
             },
             "type": {
              "type": "string",
              "enum": [
               "string",
               "integer",
               "number",
               "boolean"
              ],
              "default": "string",
              "description": "The type of its value."
             },
             "default": {
              "x-kubernetes-preserve-unknown-fields": true,
              "description": "The value where a run gives none."
             },
             "required": {
              "type": "boolean",
              "description": "True: a run must give it, unless it has a default."
             },
             "enum": {
              "type": "array",
              "minItems": 1,
              "maxItems": 64,
              "x-kubernetes-list-type": "atomic",
              "items": {
               "x-kubernetes-preserve-unknown-fields": true
              },
              "description": "The values it may have."
             },
             "description": {
              "type": "string",
              "maxLength": 1024,
              "description": "What it is for."
             }
            }
           }
          },
          "dependsOn": {
           "type": "array",
           "maxItems": 16,
           "x-kubernetes-list-type": "map",
           "x-kubernetes-list-map-keys": [
            "job"
           ],
           "description": "Other jobs of the namespace that must have run. Without a schedule the job runs whenever a run of one of them makes all of this true.",
           "items": {
            "type": "object",
            "required": [
             "job"
            ],
            "x-kubernetes-validations": [
             {
              "rule": "(self.condition == 'WithinWindow') == has(self.windowSeconds)",
              "message": "must be given with condition WithinWindow, and with no other",
              "fieldPath": ".windowSeconds"
             }
            ],
            "properties": {
             "job": {
              "type": "string",
              "minLength": 1,
              "maxLength": 253,
              "description": "Its name."
             },
             "condition": {
              "type": "string",
              "enum": [
               "LastSuccess",
               "LastComplete",
               "WithinWindow"
              ],
              "default": "LastSuccess",
              "description": "LastSuccess: its last ended run completed; LastComplete: it has an ended run, however it ended; WithinWindow: a run completed within windowSeconds."
             },
             "windowSeconds": {
              "type": "integer",
              "format": "int64",
              "minimum": 1,
              "maximum": 31536000,
              "description": "How long ago at most."
             }
            }
           }
          },
          "env": {
           "type": "array",
           "maxItems": 256,
           "x-kubernetes-list-type": "map",
           "x-kubernetes-list-map-keys": [
            "name"
           ],
           "description": "Variables of every step that does not define them itself.",
           "items": {
            "type": "object",
            "required": [
             "name"
            ],
            "properties": {
             "name": {
              "type": "string",
              "minLength": 1,
              "maxLength": 1024,
              "pattern": "^[-._a-zA-Z][-._a-zA-Z0-9]*$",
              "description": "The variable's name."
             },
             "value": {
              "type": "string",
              "maxLength": 131072,
              "pattern": "^[^\\x00]*$",
              "description": "Its value; absent: empty."
             }
            }
           }
          },
          "config": {
           "type": "object",
           "maxProperties": 256,
           "additionalProperties": {
            "type": "string",
            "maxLength": 131072
           },
           "description": "Values for $(config.KEY) in templates."
          }
         }
        },
        "status": {
         "type": "object",
         "description": "What was seen, never what is hoped.",
         "properties": {
          "observedGeneration": {
           "type": "integer",
           "format": "int64",
           "description": "The generation this status was made from."
          },
          "active": {
           "type": "array",
           "x-kubernetes-list-type": "atomic",
           "description": "Runs that were let begin and whose end has not been seen. A run begins only once it is in this list, so it never holds more than maxConcurrentRuns.",
           "items": {
            "type": "object",
            "required": [
             "name",
             "uid"
            ],
            "properties": {
             "name": {
              "type": "string",
              "description": "The run's name."
             },
             "uid": {
              "type": "string",
              "description": "Its uid."
             }
            }
           }
          },
          "waiting": {
           "type": "array",
           "x-kubernetes-list-type": "atomic",
           "description": "Runs that the schedule, or a job it depends on, made and that wait to begin. One of theirs that is in neither list and has not ended was made twice, and is removed.",
           "items": {
            "type": "object",
            "required": [
             "name",
             "uid"
            ],
            "properties": {
             "name": {
              "type": "string",
              "description": "The run's name."
             },
             "uid": {
              "type": "string",
              "description": "Its uid."
             }
            }
           }
          },
          "activeCount": {
           "type": "integer",
           "format": "int32",
           "description": "How many that are."
          },
          "queued": {
           "type": "integer",
           "format": "int32",
           "description": "Runs that wait to begin."
          },
          "lastScheduleTime": {
           "type": "string",
           "format": "date-time",
           "description": "The last time of the schedule that was dealt with: run, or skipped for a reason that an Event tells."
          },
          "nextScheduleTime": {
           "type": "string",
           "format": "date-time",
           "description": "The next time of the schedule; absent while it rests."
          },
          "lastSuccessfulTime": {
           "type": "string",
           "format": "date-time",
           "description": "When a run of it last completed."
          },
          "lastRunTime": {
           "type": "string",
           "format": "date-time",
           "description": "When a run of it last ended, however it did."
          },
          "lastRunState": {
           "type": "string",
           "description": "How that run ended."
          },
          "lastDependencyKey": {
           "type": "string",
           "description": "Which runs of the jobs it depends on last made it run."
          },
          "schedule": {
           "type": "string",
           "description": "The schedule and time zone this status was made from."
          },
          "scheduleSince": {
           "type": "string",
           "format": "date-time",
           "description": "Since when it has been that; earlier times of it are nobody's."
          },
          "conditions": {
           "type": "array",
           "x-kubernetes-list-type": "map",
           "x-kubernetes-list-map-keys": [
            "type"
           ],
           "description": "Suspended, once it has been, and Valid: whether it can run as it is written.",
           "items": {
            "type": "object",
            "required": [
             "type",
             "status",
             "reason",
             "message",
             "lastTransitionTime"
            ],
            "properties": {
             "type": {
              "type": "string",
              "description": "The condition's name."
             },
             "status": {
              "type": "string",
              "enum": [
               "True",
               "False",
               "Unknown"
              ],
              "description": "Whether it holds."
             },
             "reason": {
              "type": "string",
              "description": "One word that says why."
             },
             "message": {
              "type": "string",
              "description": "A sentence for people."
             },
             "lastTransitionTime": {
              "type": "string",
              "format": "date-time",
              "description": "When status last changed."
             },
             "observedGeneration": {
              "type": "integer",
              "format": "int64",
              "description": "The generation this was judged from."
             }
            }
           }
          }
         }
        }
       }
      }
     }
    }
   ]
  }
 },
 {
  "apiVersion": "apiextensions.k8s.io/v1",
  "kind": "CustomResourceDefinition",
  "metadata": {
   "name": "runs.gantry.dev"
  },
  "spec": {
   "group": "gantry.dev",
   "scope": "Namespaced",
   "names": {
    "plural": "runs",
    "singular": "run",
    "kind": "Run",
    "listKind": "RunList",
    "categories": [
     "all"
    ]
   },
   "versions": [
    {
     "name": "v1",
     "served": true,
     "storage": true,
     "subresources": {
      "status": {}
     },
     "selectableFields": [
      {
       "jsonPath": ".status.state"
      },
      {
       "jsonPath": ".spec.jobRef.name"
      }
     ],
     "additionalPrinterColumns": [
      {
       "name": "Job",
       "type": "string",
       "jsonPath": ".spec.jobRef.name",
       "description": "The job it is a run of."
      },
      {
       "name": "State",
       "type": "string",
       "jsonPath": ".status.state",
       "description": "Where it is in its life."
      },
      {
       "name": "Trigger",
       "type": "string",
       "jsonPath": ".spec.trigger",
       "description": "What made it run."
      },
      {
       "name": "Scheduled",
       "type": "date",
       "jsonPath": ".spec.scheduledTime",
       "priority": 1,
       "description": "The time of the schedule it is for."
      },
      {
       "name": "Started",
       "type": "date",
       "jsonPath": ".status.startedAt",
       "description": "Time since it began."
      },
      {
       "name": "Age",
       "type": "date",
       "jsonPath": ".metadata.creationTimestamp",
       "description": "Time since it was created."
      },
      {
       "name": "Template",
       "type": "string",
       "jsonPath": ".spec.templateRef.name",
       "priority": 1,
       "description": "The template that was dispatched."
      },
      {
       "name": "Reason",
       "type": "string",
       "jsonPath": ".status.reason",
       "priority": 1,
       "description": "Why it is in its state."
      }
     ],
     "schema": {
      "openAPIV3Schema": {
       "type": "object",
       "description": "Run is one time that a Job runs, or a TaskTemplate is dispatched. Its steps are Tasks that it owns.",
       "required": [
        "spec"
       ],
       "x-kubernetes-validations": [
        {
         "rule": "self.metadata.name.size() <= 63",
         "message": "must be no more than 63 characters",
         "fieldPath": ".metadata.name"
        }
       ],
       "properties": {
        "apiVersion": {
         "type": "string",
         "description": "The group and version of this representation: gantry.dev/v1."
        },
        "kind": {
         "type": "string",
         "description": "The kind of this object: Run."
        },
        "metadata": {
         "type": "object",
         "description": "Standard object metadata.",
         "properties": {
          "name": {
           "type": "string",
           "description": "The name, unique among the objects of its kind."
          }
         }
        },
        "spec": {
         "type": "object",
         "description": "What is asked for. Nothing of it can be changed but cancel and ttlSecondsAfterFinished.",
         "x-kubernetes-validations": [
          {
           "rule": "has(self.jobRef) != has(self.templateRef)",
           "message": "exactly one of jobRef and templateRef must be given"
          },
          {
           "rule": "has(self.rerunOf) == (self.trigger == 'Rerun')",
           "message": "must be given with trigger Rerun, and with no other",
           "fieldPath": ".rerunOf"
          },
          {
           "rule": "!has(self.rerunOf) || !has(self.rerunOf.fromTask) || has(self.jobRef)",
           "message": "must be absent without jobRef, since there is one step only",
           "fieldPath": ".rerunOf.fromTask"
          }
         ],
         "properties": {
          "jobRef": {
           "type": "object",
           "required": [
            "name"
           ],
           "description": "The Job in the same namespace of which this is a run.",
           "properties": {
            "name": {
             "type": "string",
             "minLength": 1,
             "maxLength": 253,
             "description": "Its name."
            }
           }
          },
          "templateRef": {
           "type": "object",
           "required": [
            "name"
           ],
           "description": "The TaskTemplate in the same namespace that is run, as one step of the same name.",
           "properties": {
            "name": {
             "type": "string",
             "minLength": 1,
             "maxLength": 253,
             "description": "Its name."
            }
           }
          },
          "parameters": {
           "type": "object",
           "x-kubernetes-preserve-unknown-fields": true,
           "description": "Values of the job's or template's parameters. Checked, and completed by their defaults, when the run is created; with rerunOf, what is not given is what that run had, and nothing is added."
          },
          "trigger": {
           "type": "string",
           "enum": [
            "Schedule",
            "Manual",
            "Dependency",
            "CatchUp",
            "Rerun"
           ],
           "default": "Manual",
           "description": "What made it run. Schedule, CatchUp and Dependency are for the job controller to say."
          },
          "scheduledTime": {
           "type": "string",
           "format": "date-time",
           "description": "The time of the schedule it is for; with rerunOf, absent: that which that run was for."
          },
          "rerunOf": {
           "type": "object",
           "required": [
            "name"
           ],
           "description": "The Run that is run again.",
           "properties": {
            "name": {
             "type": "string",
             "minLength": 1,
             "maxLength": 253,
             "description": "Its name."
            },
            "fromTask": {
             "type": "string",
             "minLength": 1,
             "maxLength": 40,
             "description": "The step from which on. What had completed, and comes neither after it nor after another step that had not, is taken over. Absent: everything."
            }
           }
          },
          "dependsOn": {
           "type": "array",
           "maxItems": 100,
           "x-kubernetes-list-type": "map",
           "x-kubernetes-list-map-keys": [
            "name"
           ],
           "description": "Runs in the same namespace that must have completed before this one begins. If one ends otherwise, or is gone before it was seen to complete, this one fails with DependencyNotSatisfied.",
           "items": {
            "type": "object",
            "required": [
             "name"
            ],
            "properties": {
             "name": {
              "type": "string",
              "minLength": 1,
              "maxLength": 253,
              "description": "Its name."
             }
            }
           }
          },
          "priority": {
           "type": "integer",
           "format": "int32",
           "minimum": -1000000,
           "maximum": 1000000,
           "description": "The priority of its tasks, and of the run where it waits for others; absent: the template's, else 0."
          },
          "idempotencyKey": {
           "type": "string",
           "minLength": 1,
           "maxLength": 255,
           "description": "Creating a run with a key that was used in the last five minutes gives the run that was created then, or a Conflict if it asked for something else, or if that run is gone."
          },
          "ttlSecondsAfterFinished": {
           "type": "integer",
           "format": "int64",
           "minimum": 0,
           "maximum": 315360000,
           "description": "The run is removed this long after it ended; absent: by its job's history limits, and after an hour where there is no job."
          },
          "cancel": {
           "type": "boolean",
           "description": "True: what runs is stopped, with its grace period, and nothing more begins. It cannot be set back."
          },
          "revision": {
           "type": "string",
           "maxLength": 253,
           "description": "The ControllerRevision that holds what is run. Written once, by the run controller."
          }
         }
        },
        "status": {
         "type": "object",
         "description": "What was seen, never what is hoped.",
         "properties": {
          "state": {
           "type": "string",
           "enum": [
            "pending",
            "running",
            "completed",
            "failed",
            "interrupted",
            "cancelled"
           ],
           "description": "Where it is in its life."
          },
          "reason": {
           "type": "string",
           "description": "One word that says why: BackoffLimitExceeded, TaskFailed, DependencyNotSatisfied, MaxConcurrentRunsExceeded, Interrupted, Cancelled…"
          },
          "message": {
           "type": "string",
           "description": "A sentence for people."
          },
          "tasks": {
           "type": "array",
           "x-kubernetes-list-type": "map",
           "x-kubernetes-list-map-keys": [
            "name"
           ],
           "description": "Its steps, in the order of the job.",
           "items": {
            "type": "object",
            "required": [
             "name",
             "state"
            ],
            "properties": {
             "name": {
              "type": "string",
              "description": "The step's name."
             },
             "state": {
              "type": "string",
              "enum": [
               "pending",
               "running",
               "completed",
               "failed",
               "interrupted",
               "cancelled",
               "skipped"
              ],
              "description": "Where it is in its life."
             },
             "reason": {
              "type": "string",
              "description": "One word that says why."
             },
             "message": {
              "type": "string",
              "description": "A sentence for people."
             },
             "attempts": {
              "type": "integer",
              "format": "int32",
              "description": "How often it was tried."
             },
             "taskName": {
              "type": "string",
              "description": "The Task of the newest try."
             },
             "taskUID": {
              "type": "string",
              "description": "That Task's uid."
             },
             "startedAt": {
              "type": "string",
              "format": "date-time",
              "description": "When its first try was made."
             },
             "finishedAt": {
              "type": "string",
              "format": "date-time",
              "description": "When it ended."
             },
             "retryAt": {
              "type": "string",
              "format": "date-time",
              "description": "While a retry waits: when it begins."
             },
             "progress": {
              "type": "integer",
              "format": "int32",
              "description": "How far it is, percent, as its task says itself; 100 once it has completed."
             },
             "exitCode": {
              "type": "integer",
              "description": "How the newest try ended."
             },
             "outputs": {
              "type": "object",
              "additionalProperties": {
               "type": "string"
              },
              "description": "What it wrote to $GANTRY_OUTPUT."
             },
             "rerunOf": {
              "type": "string",
              "description": "The Run from which this was taken over."
             }
            }
           }
          },
          "scheduledTime": {
           "type": "string",
           "format": "date-time",
           "description": "The time of the schedule it is for."
          },
          "startedAt": {
           "type": "string",
           "format": "date-time",
           "description": "When its first step began."
          },
          "finishedAt": {
           "type": "string",
           "format": "date-time",
           "description": "When it ended."
          },
          "progress": {
           "type": "integer",
           "format": "int32",
           "description": "How far it is, percent: the mean of its steps. Absent where none of them has said anything yet."
          },
          "traceID": {
           "type": "string",
           "description": "The W3C trace id of the request that made it."
          },
          "observedGeneration": {
           "type": "integer",
           "format": "int64",
           "description": "The generation this status was made from."
          }
         }
        }
       }
      }
     }
    }
   ]
  }
 },
 {
  "apiVersion": "apiextensions.k8s.io/v1",
  "kind": "CustomResourceDefinition",
  "metadata": {
   "name": "schedulersettings.gantry.dev"
  },
  "spec": {
   "group": "gantry.dev",
   "scope": "Cluster",
   "names": {
    "plural": "schedulersettings",
    "singular": "schedulersetting",
    "kind": "SchedulerSettings",
    "listKind": "SchedulerSettingsList"
   },
   "versions": [
    {
     "name": "v1",
     "served": true,
     "storage": true,
     "additionalPrinterColumns": [
      {
       "name": "Suspended",
       "type": "boolean",
       "jsonPath": ".spec.suspended",
       "description": "Whether every schedule rests."
      },
      {
       "name": "Profile",
       "type": "string",
       "jsonPath": ".spec.profile",
       "description": "How workers are chosen."
      },
      {
       "name": "Age",
       "type": "date",
       "jsonPath": ".metadata.creationTimestamp",
       "description": "Time since it was created."
      }
     ],
     "schema": {
      "openAPIV3Schema": {
       "type": "object",
       "description": "SchedulerSettings says what holds for every schedule of the cluster, and how its Tasks are placed. There is one object, named default; without it the defaults hold.",
       "x-kubernetes-validations": [
        {
         "rule": "self.metadata.name == 'default'",
         "message": "must be default: there is one object of this kind",
         "fieldPath": ".metadata.name"
        }
       ],
       "properties": {
        "apiVersion": {
         "type": "string",
         "description": "The group and version of this representation: gantry.dev/v1."
        },
        "kind": {
         "type": "string",
         "description": "The kind of this object: SchedulerSettings."
        },
        "metadata": {
         "type": "object",
         "description": "Standard object metadata.",
         "properties": {
          "name": {
           "type": "string",
           "description": "The name, unique among the objects of its kind."
          }
         }
        },
        "spec": {
         "type": "object",
         "default": {},
         "description": "What is asked for.",
         "properties": {
          "suspended": {
           "type": "boolean",
           "description": "True: no Job runs by its schedule or by what it depends on; runs that somebody makes are run. What was missed meanwhile is not made up for."
          },
          "profile": {
           "type": "string",
           "enum": [
            "Spread",
            "BinPack",
            "RoundRobin",
            "EPVM"
           ],
           "description": "How a worker is chosen among those a Task fits on. Spread (where nothing is said): the least allocated; BinPack: the most allocated; RoundRobin: one after the other; EPVM: where it adds least to the cost of the cluster. It holds for bindings from now on; nothing moves for it."
          }
         }
        }
       }
      }
     }
    }
   ]
  }
 },
 {
  "apiVersion": "apiextensions.k8s.io/v1",
  "kind": "CustomResourceDefinition",
  "metadata": {
   "name": "tasks.gantry.dev"
  },
  "spec": {
   "group": "gantry.dev",
   "scope": "Namespaced",
   "names": {
    "plural": "tasks",
    "singular": "task",
    "kind": "Task",
    "listKind": "TaskList",
    "shortNames": [
     "gt"
    ],
    "categories": [
     "all"
    ]
   },
   "versions": [
    {
     "name": "v1",
     "served": true,
     "storage": true,
     "subresources": {
      "status": {}
     },
     "selectableFields": [
      {
       "jsonPath": ".spec.workerName"
      },
      {
       "jsonPath": ".status.phase"
      }
     ],
     "additionalPrinterColumns": [
      {
       "name": "Phase",
       "type": "string",
       "jsonPath": ".status.phase",
       "description": "Where the task is in its life."
      },
      {
       "name": "Ready",
       "type": "string",
       "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status",
       "description": "Whether the container does its work."
      },
      {
       "name": "Restarts",
       "type": "integer",
       "jsonPath": ".status.restartCount",
       "description": "How often the container was started again after it ended."
      },
      {
       "name": "Worker",
       "type": "string",
       "jsonPath": ".spec.workerName",
       "description": "The worker the task is bound to."
      },
      {
       "name": "Age",
       "type": "date",
       "jsonPath": ".metadata.creationTimestamp",
       "description": "Time since the task was created."
      },
      {
       "name": "Reason",
       "type": "string",
       "jsonPath": ".status.reason",
       "priority": 1,
       "description": "Why the task is in its phase."
      },
      {
       "name": "Image",
       "type": "string",
       "jsonPath": ".spec.image",
       "priority": 1,
       "description": "The image the container is made from."
      },
      {
       "name": "Ports",
       "type": "string",
       "jsonPath": ".status.ports[*].hostPort",
       "priority": 1,
       "description": "The published ports on the worker."
      },
      {
       "name": "Container",
       "type": "string",
       "jsonPath": ".status.container.name",
       "priority": 1,
       "description": "The container's name on the worker's engine."
      }
     ],
     "schema": {
      "openAPIV3Schema": {
       "type": "object",
       "description": "Task is the desired state of one container, kept by the worker it is bound to, and what was last seen of it.",
       "required": [
        "spec"
       ],
       "x-kubernetes-validations": [
        {
         "rule": "!has(self.spec.dependsOn) || self.spec.dependsOn.all(d, d.name != self.metadata.name)",
         "message": "a task cannot depend on itself",
         "fieldPath": ".spec.dependsOn"
        }
       ],
       "properties": {
        "apiVersion": {
         "type": "string",
         "description": "The group and version of this representation: gantry.dev/v1."
        },
        "kind": {
         "type": "string",
         "description": "The kind of this object: Task."
        },
        "metadata": {
         "type": "object",
         "description": "Standard object metadata."
        },
        "spec": {
         "type": "object",
         "description": "What is asked for.",
         "required": [
          "image"
         ],
         "x-kubernetes-validations": [
          {
           "rule": "!has(self.network) || self.network.mode != 'host' || !has(self.ports) || self.ports.all(p, !has(p.hostPort) || p.hostPort == p.containerPort)",
           "message": "with network.mode host a port's hostPort must be its containerPort",
           "fieldPath": ".ports"
          },
          {
           "rule": "!has(self.resources) || !has(self.resources.requests) || !has(self.resources.limits) || !has(self.resources.requests.cpu) || !has(self.resources.limits.cpu) || quantity(string(self.resources.requests.cpu)).compareTo(quantity(string(self.resources.limits.cpu))) <= 0",
           "message": "requests.cpu must be at most limits.cpu",
           "fieldPath": ".resources"
          },
          {
           "rule": "!has(self.resources) || !has(self.resources.requests) || !has(self.resources.limits) || !has(self.resources.requests.memory) || !has(self.resources.limits.memory) || quantity(string(self.resources.requests.memory)).compareTo(quantity(string(self.resources.limits.memory))) <= 0",
           "message": "requests.memory must be at most limits.memory",
           "fieldPath": ".resources"
          },
          {
           "rule": "!has(self.resources) || !has(self.resources.limits) || !has(self.resources.limits.memory) || quantity(string(self.resources.limits.memory)).compareTo(quantity('6Mi')) >= 0",
           "message": "limits.memory must be at least 6Mi, the least an engine accepts",
           "fieldPath": ".resources"
          },
          {
           "rule": "!has(self.ports) || self.ports.all(p, !has(p.hostPort) || self.ports.exists_one(q, has(q.hostPort) && q.hostPort == p.hostPort && q.protocol == p.protocol && (has(q.hostIP) ? q.hostIP : '') == (has(p.hostIP) ? p.hostIP : '')))",
           "message": "a hostPort may be asked for once only",
           "fieldPath": ".ports"
          },
          {
           "rule": "!has(self.volumeMounts) || self.volumeMounts.all(m, has(self.volumes) && self.volumes.exists(v, v.name == m.name))",
           "message": "every volumeMount must name one of volumes",
           "fieldPath": ".volumeMounts"
          },
          {
           "rule": "!has(self.volumeMounts) || self.volumeMounts.all(m, !has(m.subPath) || !m.subPath.split('/').exists(part, part == '..'))",
           "message": "subPath must not contain '..'",
           "fieldPath": ".volumeMounts"
          },
          {
           "rule": "!has(self.livenessProbe) || !has(self.livenessProbe.successThreshold) || self.livenessProbe.successThreshold == 1",
           "message": "livenessProbe.successThreshold must be 1",
           "fieldPath": ".livenessProbe"
          },
          {
           "rule": "!has(self.startupProbe) || !has(self.startupProbe.successThreshold) || self.startupProbe.successThreshold == 1",
           "message": "startupProbe.successThreshold must be 1",
           "fieldPath": ".startupProbe"
          },
          {
           "rule": "!has(self.readinessProbe) || !has(self.readinessProbe.terminationGracePeriodSeconds)",
           "message": "terminationGracePeriodSeconds must be absent from a readinessProbe, which never ends the container",
           "fieldPath": ".readinessProbe"
          },
          {
           "rule": "!has(self.ports) || [self.ports.filter(p, has(p.name)).map(p, p.name)].all(names, names.all(n, names.exists_one(m, m == n)))",
           "message": "the names of ports must differ",
           "fieldPath": ".ports"
          },
          {
           "rule": "!has(self.resources) || !has(self.resources.requests) || !has(self.resources.limits) || !has(self.resources.requests.ephemeral__dash__storage) || !has(self.resources.limits.ephemeral__dash__storage) || quantity(string(self.resources.requests.ephemeral__dash__storage)).compareTo(quantity(string(self.resources.limits.ephemeral__dash__storage))) <= 0",
           "message": "requests.ephemeral-storage must be at most limits.ephemeral-storage",
           "fieldPath": ".resources"
          },
          {
           "rule": "!has(self.livenessProbe) || [self.?livenessProbe.?httpGet.?port, self.?livenessProbe.?tcpSocket.?port].all(p, !p.hasValue() || (type(p.value()) == int ? p.value() >= 1 && p.value() <= 65535 : has(self.ports) && self.ports.exists(q, has(q.name) && q.name == p.value())))",
           "messageExpression": "'port must be a number from 1 to 65535 or the name of one of ports, found ' + [self.?livenessProbe.?httpGet.?port, self.?livenessProbe.?tcpSocket.?port].filter(p, p.hasValue()).map(p, string(p.value())).join()",
           "fieldPath": ".livenessProbe"
          },
          {
           "rule": "!has(self.readinessProbe) || [self.?readinessProbe.?httpGet.?port, self.?readinessProbe.?tcpSocket.?port].all(p, !p.hasValue() || (type(p.value()) == int ? p.value() >= 1 && p.value() <= 65535 : has(self.ports) && self.ports.exists(q, has(q.name) && q.name == p.value())))",
           "messageExpression": "'port must be a number from 1 to 65535 or the name of one of ports, found ' + [self.?readinessProbe.?httpGet.?port, self.?readinessProbe.?tcpSocket.?port].filter(p, p.hasValue()).map(p, string(p.value())).join()",
           "fieldPath": ".readinessProbe"
          },
          {
           "rule": "!has(self.startupProbe) || [self.?startupProbe.?httpGet.?port, self.?startupProbe.?tcpSocket.?port].all(p, !p.hasValue() || (type(p.value()) == int ? p.value() >= 1 && p.value() <= 65535 : has(self.ports) && self.ports.exists(q, has(q.name) && q.name == p.value())))",
           "messageExpression": "'port must be a number from 1 to 65535 or the name of one of ports, found ' + [self.?startupProbe.?httpGet.?port, self.?startupProbe.?tcpSocket.?port].filter(p, p.hasValue()).map(p, string(p.value())).join()",
           "fieldPath": ".startupProbe"
          },
          {
           "rule": "!has(self.lifecycle) || [self.?lifecycle.?postStart.?httpGet.?port, self.?lifecycle.?postStart.?tcpSocket.?port].all(p, !p.hasValue() || (type(p.value()) == int ? p.value() >= 1 && p.value() <= 65535 : has(self.ports) && self.ports.exists(q, has(q.name) && q.name == p.value())))",
           "messageExpression": "'port must be a number from 1 to 65535 or the name of one of ports, found ' + [self.?lifecycle.?postStart.?httpGet.?port, self.?lifecycle.?postStart.?tcpSocket.?port].filter(p, p.hasValue()).map(p, string(p.value())).join()",
           "fieldPath": ".lifecycle.postStart"
          },
          {
           "rule": "!has(self.lifecycle) || [self.?lifecycle.?preStop.?httpGet.?port, self.?lifecycle.?preStop.?tcpSocket.?port].all(p, !p.hasValue() || (type(p.value()) == int ? p.value() >= 1 && p.value() <= 65535 : has(self.ports) && self.ports.exists(q, has(q.name) && q.name == p.value())))",
           "messageExpression": "'port must be a number from 1 to 65535 or the name of one of ports, found ' + [self.?lifecycle.?preStop.?httpGet.?port, self.?lifecycle.?preStop.?tcpSocket.?port].filter(p, p.hasValue()).map(p, string(p.value())).join()",
           "fieldPath": ".lifecycle.preStop"
          },
          {
           "rule": "!has(self.lifecycle) || !has(self.lifecycle.preStop) || !has(self.lifecycle.preStop.sleep) || self.lifecycle.preStop.sleep.seconds <= self.terminationGracePeriodSeconds",
           "message": "preStop.sleep.seconds must be at most terminationGracePeriodSeconds",
           "fieldPath": ".lifecycle"
          },
          {
           "rule": "!has(self.backoff) || self.backoff.initialSeconds <= self.backoff.maxSeconds",
           "message": "backoff.initialSeconds must be at most backoff.maxSeconds",
           "fieldPath": ".backoff"
          }
         ],
         "properties": {
          "image": {
           "type": "string",
           "minLength": 1,
           "maxLength": 512,
           "pattern": "^\\S+$",
           "description": "The image reference, for example registry.example:5000/team/web:1.4."
          },
          "imagePullPolicy": {
           "type": "string",
           "enum": [
            "Always",
            "IfNotPresent",
            "Never"
           ],
           "description": "When to pull the image. Without it: Always if the tag is latest or missing, else IfNotPresent."
          },
          "imagePullSecrets": {
           "type": "array",
           "maxItems": 16,
           "description": "Secrets of type kubernetes.io/dockerconfigjson in the same namespace, with credentials for the image's registry.",
           "x-kubernetes-list-type": "map",
           "x-kubernetes-list-map-keys": [
            "name"
           ],
           "items": {
            "type": "object",
            "required": [
             "name"
            ],
            "properties": {
             "name": {
              "type": "string",
              "minLength": 1,
              "maxLength": 253,
              "description": "The Secret's name."
             }
            }
           }
          },
          "command": {
           "type": "array",
           "maxItems": 1024,
           "items": {
            "type": "string",
            "pattern": "^[^\\x00]*$"
           },
           "description": "Replaces the image's entry point."
          },
          "args": {
           "type": "array",
           "maxItems": 1024,
           "items": {
            "type": "string",
            "pattern": "^[^\\x00]*$"
           },
           "description": "Replaces the image's command (the arguments of the entry point)."
          },
          "workingDir": {
           "type": "string",
           "maxLength": 4096,
           "pattern": "^/[^\\x00]*$",
           "description": "The working directory inside the container; absent: the image's."
          },
          "env": {
           "type": "array",
           "maxItems": 1024,
           "description": "Environment variables.",
           "x-kubernetes-list-type": "map",
           "x-kubernetes-list-map-keys": [
            "name"
           ],
           "items": {
            "type": "object",
            "required": [
             "name"
            ],
            "x-kubernetes-validations": [
             {
              "rule": "!has(self.valueFrom) || !has(self.value) || self.value == ''",
              "message": "value must be absent where valueFrom is given"
             }
            ],
            "properties": {
             "name": {
              "type": "string",
              "minLength": 1,
              "maxLength": 1024,
              "pattern": "^[-._a-zA-Z][-._a-zA-Z0-9]*$",
              "description": "The variable's name."
             },
             "value": {
              "type": "string",
              "maxLength": 131072,
              "pattern": "^[^\\x00]*$",
              "description": "The variable's value; absent: empty. $(NAME) stands for a variable defined before, $$ for a dollar sign."
             },
             "valueFrom": {
              "type": "object",
              "description": "Where the value comes from: exactly one source.",
              "x-kubernetes-validations": [
               {
                "rule": "[has(self.configMapKeyRef), has(self.secretKeyRef), has(self.fieldRef), has(self.resourceFieldRef)].filter(x, x).size() == 1",
                "message": "exactly one of configMapKeyRef, secretKeyRef, fieldRef and resourceFieldRef must be given"
               }
              ],
              "properties": {
               "configMapKeyRef": {
                "type": "object",
                "required": [
                 "name",
                 "key"
                ],
                "description": "A key of a ConfigMap or Secret in the same namespace.",
                "properties": {
                 "name": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 253,
                  "description": "The object's name."
                 },
                 "key": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 253,
                  "description": "The key in its data."
                 },
                 "optional": {
                  "type": "boolean",
                  "description": "True: the variable is left out where the object or the key is missing. Else the task waits for it."
                 }
                }
               },
               "secretKeyRef": {
                "type": "object",
                "required": [
                 "name",
                 "key"
                ],
                "description": "A key of a ConfigMap or Secret in the same namespace.",
                "properties": {
                 "name": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 253,
                  "description": "The object's name."
                 },
                 "key": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 253,
                  "description": "The key in its data."
                 },
                 "optional": {
                  "type": "boolean",
                  "description": "True: the variable is left out where the object or the key is missing. Else the task waits for it."
                 }
                }
               },
               "fieldRef": {
                "type": "object",
                "required": [
                 "fieldPath"
                ],
                "description": "A field of the task itself.",
                "properties": {
                 "fieldPath": {
                  "type": "string",
                  "maxLength": 384,
                  "pattern": "^(metadata\\.(name|namespace|uid)|metadata\\.(labels|annotations)\\['[^']+'\\]|spec\\.(workerName|nodeName)|status\\.hostIP)$",
                  "description": "metadata.name, metadata.namespace, metadata.uid, metadata.labels['KEY'], metadata.annotations['KEY'], spec.workerName (spec.nodeName is the same) or status.hostIP."
                 }
                }
               },
               "resourceFieldRef": {
                "type": "object",
                "required": [
                 "resource"
                ],
                "description": "A request or limit of the task. A limit that is not given is what the worker has to give; a request that is not given is the limit, and 0 without one.",
                "properties": {
                 "resource": {
                  "type": "string",
                  "enum": [
                   "limits.cpu",
                   "limits.memory",
                   "limits.ephemeral-storage",
                   "requests.cpu",
                   "requests.memory",
                   "requests.ephemeral-storage"
                  ],
                  "description": "Which of them."
                 },
                 "divisor": {
                  "x-kubernetes-int-or-string": true,
                  "x-gantry-quantity": "positive",
                  "description": "The unit, for example 1m or 1Mi; absent: 1. The result is rounded up."
                 }
                }
               }
              }
             }
            }
           }
          },
          "envFrom": {
           "type": "array",
           "maxItems": 64,
           "description": "ConfigMaps and Secrets all of whose keys become variables; later ones win, env wins over all.",
           "x-kubernetes-list-type": "atomic",
           "items": {
            "type": "object",
            "x-kubernetes-validations": [
             {
              "rule": "has(self.configMapRef) != has(self.secretRef)",
              "message": "exactly one of configMapRef and secretRef must be given"
             }
            ],
            "properties": {
             "prefix": {
              "type": "string",
              "maxLength": 253,
              "pattern": "^[-._a-zA-Z0-9]*$",
              "description": "Put before every key."
             },
             "configMapRef": {
              "type": "object",
              "required": [
               "name"
              ],
              "description": "An object in the same namespace.",
              "properties": {
               "name": {
                "type": "string",
                "minLength": 1,
                "maxLength": 253,
                "description": "The object's name."
               },
               "optional": {
                "type": "boolean",
                "description": "True: nothing is taken from it while it is missing. Else the task waits for it."
               }
              }
             },
             "secretRef": {
              "type": "object",
              "required": [
               "name"
              ],
              "description": "An object in the same namespace.",
              "properties": {
               "name": {
                "type": "string",
                "minLength": 1,
                "maxLength": 253,
                "description": "The object's name."
               },
               "optional": {
                "type": "boolean",
                "description": "True: nothing is taken from it while it is missing. Else the task waits for it."
               }
              }
             }
            }
           }
          },
          "ports": {
           "type": "array",
           "maxItems": 128,
           "description": "Ports the container listens on.",
           "x-kubernetes-list-type": "map",
           "x-kubernetes-list-map-keys": [
            "containerPort",
            "protocol"
           ],
           "items": {
            "type": "object",
            "required": [
             "containerPort"
            ],
            "x-kubernetes-validations": [
             {
              "rule": "!has(self.hostPort) || !has(self.publish) || self.publish",
              "message": "hostPort must be absent when publish is false"
             }
            ],
            "properties": {
             "name": {
              "type": "string",
              "maxLength": 15,
              "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
              "description": "A name for the port, unique in the task."
             },
             "containerPort": {
              "type": "integer",
              "minimum": 1,
              "maximum": 65535,
              "description": "The port inside the container."
             },
             "protocol": {
              "type": "string",
              "enum": [
               "TCP",
               "UDP"
              ],
              "default": "TCP",
              "description": "The transport protocol."
             },
             "hostPort": {
              "type": "integer",
              "minimum": 1,
              "maximum": 65535,
              "description": "The port on the worker. Absent: a free one, chosen once per binding and kept in status.ports."
             },
             "hostIP": {
              "type": "string",
              "maxLength": 45,
              "pattern": "^[0-9a-fA-F.:]+$",
              "description": "The worker's address to publish on. Absent: the worker's publish address."
             },
             "publish": {
              "type": "boolean",
              "description": "Whether the port is published on the worker at all; absent: it is."
             }
            }
           }
          },
          "resources": {
           "type": "object",
           "description": "What the task needs and may use.",
           "properties": {
            "requests": {
             "type": "object",
             "description": "What the scheduler sets aside. Where only a limit is given, the request is the limit.",
             "properties": {
              "cpu": {
               "x-kubernetes-int-or-string": true,
               "description": "Cores, for example 500m.",
               "x-gantry-quantity": true
              },
              "memory": {
               "x-kubernetes-int-or-string": true,
               "description": "Bytes, for example 64Mi.",
               "x-gantry-quantity": true
              },
              "ephemeral-storage": {
               "x-kubernetes-int-or-string": true,
               "description": "Bytes on the worker's disk, for example 1Gi.",
               "x-gantry-quantity": true
              }
             }
            },
            "limits": {
             "type": "object",
             "description": "What the container may use at most.",
             "properties": {
              "cpu": {
               "x-kubernetes-int-or-string": true,
               "x-kubernetes-validations": [
                {
                 "rule": "quantity(string(self)).compareTo(quantity('10m')) >= 0",
                 "message": "must be at least 10m, the least an engine accepts"
                }
               ],
               "description": "Cores, for example 500m; at least 10m.",
               "x-gantry-quantity": true
              },
              "memory": {
               "x-kubernetes-int-or-string": true,
               "description": "Bytes, for example 64Mi; at least 6Mi.",
               "x-gantry-quantity": true
              },
              "ephemeral-storage": {
               "x-kubernetes-int-or-string": true,
               "description": "Bytes that the container's own files, its emptyDir volumes on disk and its log may take, for example 1Gi. A container above it is stopped with the reason Evicted.",
               "x-gantry-quantity": "positive"
              }
             }
            }
           }
          },
          "pidsLimit": {
           "type": "integer",
           "minimum": 1,
           "maximum": 4194304,
           "description": "Processes and threads at once; absent: 4096."
          },
          "shmSize": {
           "x-kubernetes-int-or-string": true,
           "x-gantry-quantity": "positive",
           "description": "Bytes of /dev/shm, for example 256Mi; absent: 64Mi."
          },
          "ulimits": {
           "type": "array",
           "maxItems": 16,
           "description": "Limits of each process, as setrlimit(2) has them; absent ones are the engine's.",
           "x-kubernetes-list-type": "map",
           "x-kubernetes-list-map-keys": [
            "name"
           ],
           "items": {
            "type": "object",
            "required": [
             "name",
             "soft",
             "hard"
            ],
            "x-kubernetes-validations": [
             {
              "rule": "self.hard == -1 || (self.soft != -1 && self.soft <= self.hard)",
              "message": "soft must be at most hard"
             }
            ],
            "properties": {
             "name": {
              "type": "string",
              "enum": [
               "as",
               "core",
               "cpu",
               "data",
               "fsize",
               "locks",
               "memlock",
               "msgqueue",
               "nice",
               "nofile",
               "nproc",
               "rss",
               "rtprio",
               "rttime",
               "sigpending",
               "stack"
              ],
              "description": "The limit's name without RLIMIT_."
             },
             "soft": {
              "type": "integer",
              "format": "int64",
              "minimum": -1,
              "description": "What applies; -1: no limit."
             },
             "hard": {
              "type": "integer",
              "format": "int64",
              "minimum": -1,
              "description": "Up to where a process may raise it; -1: no limit."
             }
            }
           }
          },
          "volumes": {
           "type": "array",
           "maxItems": 64,
           "description": "Directories and files that the container is given.",
           "x-kubernetes-list-type": "map",
           "x-kubernetes-list-map-keys": [
            "name"
           ],
           "items": {
            "type": "object",
            "required": [
             "name"
            ],
            "x-kubernetes-validations": [
             {
              "rule": "[has(self.emptyDir), has(self.hostPath), has(self.volume), has(self.configMap), has(self.secret)].filter(x, x).size() == 1",
              "message": "exactly one of emptyDir, hostPath, volume, configMap and secret must be given"
             }
            ],
            "properties": {
             "name": {
              "type": "string",
              "minLength": 1,
              "maxLength": 63,
              "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
              "description": "What volumeMounts call it."
             },
             "emptyDir": {
              "type": "object",
              "description": "A directory that is empty at first and lives as long as the task stays on its worker.",
              "properties": {
               "medium": {
                "type": "string",
                "enum": [
                 "",
                 "Memory"
                ],
                "description": "Memory: kept in memory, counted against the memory limit. Absent: on the worker's disk."
               },
               "sizeLimit": {
                "x-kubernetes-int-or-string": true,
                "x-gantry-quantity": "positive",
                "description": "Bytes; in memory a write beyond it fails, on disk the container is stopped with the reason Evicted."
               }
              }
             },
             "hostPath": {
              "type": "object",
              "required": [
               "path"
              ],
              "description": "A path of the worker itself. Allowed only where the namespace's security level or the operator's list allows it.",
              "properties": {
               "path": {
                "type": "string",
                "minLength": 1,
                "maxLength": 4096,
                "pattern": "^/[^\\x00]*$",
                "x-kubernetes-validations": [
                 {
                  "rule": "!('/' + self).contains('/..')",
                  "message": "no part of it may begin with '..'"
                 }
                ],
                "description": "The absolute path, without '..'."
               },
               "type": {
                "type": "string",
                "enum": [
                 "",
                 "DirectoryOrCreate",
                 "Directory",
                 "FileOrCreate",
                 "File",
                 "Socket",
                 "CharDevice",
                 "BlockDevice"
                ],
                "description": "What must be there before the container starts; absent: anything."
               }
              }
             },
             "volume": {
              "type": "object",
              "required": [
               "name"
              ],
              "description": "A named volume of the worker's engine, made when it is missing, kept when the task goes, shared by the tasks of the namespace that name it.",
              "properties": {
               "name": {
                "type": "string",
                "minLength": 1,
                "maxLength": 63,
                "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
                "description": "The volume's name in the namespace."
               }
              }
             },
             "configMap": {
              "type": "object",
              "required": [
               "name"
              ],
              "description": "The keys of a ConfigMap as files, kept up to date while the container runs.",
              "properties": {
               "name": {
                "type": "string",
                "minLength": 1,
                "maxLength": 253,
                "description": "The ConfigMap's name."
               },
               "defaultMode": {
                "type": "integer",
                "minimum": 0,
                "maximum": 511,
                "description": "Permission bits; absent: 0644 (decimal 420)."
               },
               "items": {
                "type": "array",
                "maxItems": 512,
                "description": "Which keys, and where; absent: all, each as a file of its name.",
                "x-kubernetes-list-type": "atomic",
                "items": {
                 "type": "object",
                 "required": [
                  "key",
                  "path"
                 ],
                 "properties": {
                  "key": {
                   "type": "string",
                   "minLength": 1,
                   "maxLength": 253,
                   "description": "The key in the data."
                  },
                  "path": {
                   "type": "string",
                   "minLength": 1,
                   "maxLength": 1024,
                   "pattern": "^[^/\\x00][^\\x00]*$",
                   "x-kubernetes-validations": [
                    {
                     "rule": "!('/' + self).contains('/..')",
                     "message": "no part of it may begin with '..'"
                    }
                   ],
                   "description": "The file's path inside the volume, without '..'."
                  },
                  "mode": {
                   "type": "integer",
                   "minimum": 0,
                   "maximum": 511,
                   "description": "Permission bits; absent: 0644 (decimal 420)."
                  }
                 }
                }
               },
               "optional": {
                "type": "boolean",
                "description": "True: missing ones are left out. Else the task waits for them."
               }
              }
             },
             "secret": {
              "type": "object",
              "required": [
               "secretName"
              ],
              "description": "The keys of a Secret as files in memory, kept up to date while the container runs.",
              "properties": {
               "secretName": {
                "type": "string",
                "minLength": 1,
                "maxLength": 253,
                "description": "The Secret's name."
               },
               "defaultMode": {
                "type": "integer",
                "minimum": 0,
                "maximum": 511,
                "description": "Permission bits; absent: 0644 (decimal 420)."
               },
               "items": {
                "type": "array",
                "maxItems": 512,
                "description": "Which keys, and where; absent: all, each as a file of its name.",
                "x-kubernetes-list-type": "atomic",
                "items": {
                 "type": "object",
                 "required": [
                  "key",
                  "path"
                 ],
                 "properties": {
                  "key": {
                   "type": "string",
                   "minLength": 1,
                   "maxLength": 253,
                   "description": "The key in the data."
                  },
                  "path": {
                   "type": "string",
                   "minLength": 1,
                   "maxLength": 1024,
                   "pattern": "^[^/\\x00][^\\x00]*$",
                   "x-kubernetes-validations": [
                    {
                     "rule": "!('/' + self).contains('/..')",
                     "message": "no part of it may begin with '..'"
                    }
                   ],
                   "description": "The file's path inside the volume, without '..'."
                  },
                  "mode": {
                   "type": "integer",
                   "minimum": 0,
                   "maximum": 511,
                   "description": "Permission bits; absent: 0644 (decimal 420)."
                  }
                 }
                }
               },
               "optional": {
                "type": "boolean",
                "description": "True: missing ones are left out. Else the task waits for them."
               }
              }
             }
            }
           }
          },
          "volumeMounts": {
           "type": "array",
           "maxItems": 64,
           "description": "Where the volumes appear inside the container.",
           "x-kubernetes-list-type": "map",
           "x-kubernetes-list-map-keys": [
            "mountPath"
           ],
           "items": {
            "type": "object",
            "required": [
             "name",
             "mountPath"
            ],
            "properties": {
             "name": {
              "type": "string",
              "minLength": 1,
              "maxLength": 63,
              "description": "The volume's name."
             },
             "mountPath": {
              "type": "string",
              "minLength": 1,
              "maxLength": 4096,
              "pattern": "^/[^\\x00:]*$",
              "description": "The absolute path inside the container."
             },
             "subPath": {
              "type": "string",
              "maxLength": 4096,
              "pattern": "^[^/\\x00][^\\x00]*$",
              "description": "A path inside the volume that is mounted instead of all of it, without '..'. Such a mount of a ConfigMap or Secret is not kept up to date."
             },
             "readOnly": {
              "type": "boolean",
              "description": "True: the container cannot write to it. ConfigMaps and Secrets never can be written to."
             }
            }
           }
          },
          "livenessProbe": {
           "type": "object",
           "description": "Asked again and again while the container runs.",
           "x-kubernetes-validations": [
            {
             "rule": "[has(self.exec), has(self.httpGet), has(self.tcpSocket), has(self.grpc)].filter(x, x).size() == 1",
             "message": "exactly one of exec, httpGet, tcpSocket and grpc must be given"
            }
           ],
           "properties": {
            "exec": {
             "type": "object",
             "required": [
              "command"
             ],
             "description": "Succeeds when the command ends with 0 inside the container. It runs without a shell.",
             "properties": {
              "command": {
               "type": "array",
               "minItems": 1,
               "maxItems": 1024,
               "items": {
                "type": "string",
                "pattern": "^[^\\x00]*$"
               },
               "description": "The program and its arguments."
              }
             }
            },
            "httpGet": {
             "type": "object",
             "required": [
              "port"
             ],
             "description": "Succeeds when the answer's status is from 200 to 399.",
             "properties": {
              "path": {
               "type": "string",
               "maxLength": 4096,
               "description": "The path and query; absent: /."
              },
              "port": {
               "x-kubernetes-int-or-string": true,
               "description": "The container's port: its number, or its name in ports."
              },
              "host": {
               "type": "string",
               "maxLength": 253,
               "description": "Who is asked; absent: the container."
              },
              "scheme": {
               "type": "string",
               "enum": [
                "HTTP",
                "HTTPS"
               ],
               "description": "Absent: HTTP. With HTTPS the certificate is not checked."
              },
              "httpHeaders": {
               "type": "array",
               "maxItems": 64,
               "description": "Headers of the request.",
               "x-kubernetes-list-type": "atomic",
               "items": {
                "type": "object",
                "required": [
                 "name",
                 "value"
                ],
                "properties": {
                 "name": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 253,
                  "pattern": "^[-A-Za-z0-9]+$",
                  "description": "The header's name."
                 },
                 "value": {
                  "type": "string",
                  "maxLength": 8192,
                  "pattern": "^[^\\x00\\r\\n]*$",
                  "description": "The header's value."
                 }
                }
               }
              }
             }
            },
            "tcpSocket": {
             "type": "object",
             "required": [
              "port"
             ],
             "description": "Succeeds when the port takes a connection.",
             "properties": {
              "port": {
               "x-kubernetes-int-or-string": true,
               "description": "The container's port: its number, or its name in ports."
              },
              "host": {
               "type": "string",
               "maxLength": 253,
               "description": "Who is asked; absent: the container."
              }
             }
            },
            "grpc": {
             "type": "object",
             "required": [
              "port"
             ],
             "description": "Succeeds when grpc.health.v1.Health/Check answers SERVING.",
             "properties": {
              "port": {
               "type": "integer",
               "minimum": 1,
               "maximum": 65535,
               "description": "The container's port."
              },
              "service": {
               "type": "string",
               "maxLength": 253,
               "description": "The service that is asked about; absent: the whole server."
              }
             }
            },
            "initialDelaySeconds": {
             "type": "integer",
             "minimum": 0,
             "maximum": 86400,
             "description": "Seconds between the container's start and the first question; absent: 0."
            },
            "periodSeconds": {
             "type": "integer",
             "minimum": 1,
             "maximum": 86400,
             "description": "Seconds between two questions; absent: 10."
            },
            "timeoutSeconds": {
             "type": "integer",
             "minimum": 1,
             "maximum": 3600,
             "description": "Seconds to wait for an answer; absent: 1."
            },
            "successThreshold": {
             "type": "integer",
             "minimum": 1,
             "maximum": 1000,
             "description": "Successes in a row after a failure that count as success; absent: 1."
            },
            "failureThreshold": {
             "type": "integer",
             "minimum": 1,
             "maximum": 1000,
             "description": "Failures in a row that count as failure; absent: 3."
            },
            "terminationGracePeriodSeconds": {
             "type": "integer",
             "minimum": 1,
             "maximum": 86400,
             "description": "Seconds between the stop signal and the kill where this probe failed; absent: the task's. Not for readiness."
            }
           }
          },
          "readinessProbe": {
           "type": "object",
           "description": "Asked again and again while the container runs.",
           "x-kubernetes-validations": [
            {
             "rule": "[has(self.exec), has(self.httpGet), has(self.tcpSocket), has(self.grpc)].filter(x, x).size() == 1",
             "message": "exactly one of exec, httpGet, tcpSocket and grpc must be given"
            }
           ],
           "properties": {
            "exec": {
             "type": "object",
             "required": [
              "command"
             ],
             "description": "Succeeds when the command ends with 0 inside the container. It runs without a shell.",
             "properties": {
              "command": {
               "type": "array",
               "minItems": 1,
               "maxItems": 1024,
               "items": {
                "type": "string",
                "pattern": "^[^\\x00]*$"
               },
               "description": "The program and its arguments."
              }
             }
            },
            "httpGet": {
             "type": "object",
             "required": [
              "port"
             ],
             "description": "Succeeds when the answer's status is from 200 to 399.",
             "properties": {
              "path": {
               "type": "string",
               "maxLength": 4096,
               "description": "The path and query; absent: /."
              },
              "port": {
               "x-kubernetes-int-or-string": true,
               "description": "The container's port: its number, or its name in ports."
              },
              "host": {
               "type": "string",
               "maxLength": 253,
               "description": "Who is asked; absent: the container."
              },
              "scheme": {
               "type": "string",
               "enum": [
                "HTTP",
                "HTTPS"
               ],
               "description": "Absent: HTTP. With HTTPS the certificate is not checked."
              },
              "httpHeaders": {
               "type": "array",
               "maxItems": 64,
               "description": "Headers of the request.",
               "x-kubernetes-list-type": "atomic",
               "items": {
                "type": "object",
                "required": [
                 "name",
                 "value"
                ],
                "properties": {
                 "name": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 253,
                  "pattern": "^[-A-Za-z0-9]+$",
                  "description": "The header's name."
                 },
                 "value": {
                  "type": "string",
                  "maxLength": 8192,
                  "pattern": "^[^\\x00\\r\\n]*$",
                  "description": "The header's value."
                 }
                }
               }
              }
             }
            },
            "tcpSocket": {
             "type": "object",
             "required": [
              "port"
             ],
             "description": "Succeeds when the port takes a connection.",
             "properties": {
              "port": {
               "x-kubernetes-int-or-string": true,
               "description": "The container's port: its number, or its name in ports."
              },
              "host": {
               "type": "string",
               "maxLength": 253,
               "description": "Who is asked; absent: the container."
              }
             }
            },
            "grpc": {
             "type": "object",
             "required": [
              "port"
             ],
             "description": "Succeeds when grpc.health.v1.Health/Check answers SERVING.",
             "properties": {
              "port": {
               "type": "integer",
               "minimum": 1,
               "maximum": 65535,
               "description": "The container's port."
              },
              "service": {
               "type": "string",
               "maxLength": 253,
               "description": "The service that is asked about; absent: the whole server."
              }
             }
            },
            "initialDelaySeconds": {
             "type": "integer",
             "minimum": 0,
             "maximum": 86400,
             "description": "Seconds between the container's start and the first question; absent: 0."
            },
            "periodSeconds": {
             "type": "integer",
             "minimum": 1,
             "maximum": 86400,
             "description": "Seconds between two questions; absent: 10."
            },
            "timeoutSeconds": {
             "type": "integer",
             "minimum": 1,
             "maximum": 3600,
             "description": "Seconds to wait for an answer; absent: 1."
            },
            "successThreshold": {
             "type": "integer",
             "minimum": 1,
             "maximum": 1000,
             "description": "Successes in a row after a failure that count as success; absent: 1."
            },
            "failureThreshold": {
             "type": "integer",
             "minimum": 1,
             "maximum": 1000,
             "description": "Failures in a row that count as failure; absent: 3."
            },
            "terminationGracePeriodSeconds": {
             "type": "integer",
             "minimum": 1,
             "maximum": 86400,
             "description": "Seconds between the stop signal and the kill where this probe failed; absent: the task's. Not for readiness."
            }
           }
          },
          "startupProbe": {
           "type": "object",
           "description": "Asked again and again while the container runs.",
           "x-kubernetes-validations": [
            {
             "rule": "[has(self.exec), has(self.httpGet), has(self.tcpSocket), has(self.grpc)].filter(x, x).size() == 1",
             "message": "exactly one of exec, httpGet, tcpSocket and grpc must be given"
            }
           ],
           "properties": {
            "exec": {
             "type": "object",
             "required": [
              "command"
             ],
             "description": "Succeeds when the command ends with 0 inside the container. It runs without a shell.",
             "properties": {
              "command": {
               "type": "array",
               "minItems": 1,
               "maxItems": 1024,
               "items": {
                "type": "string",
                "pattern": "^[^\\x00]*$"
               },
               "description": "The program and its arguments."
              }
             }
            },
            "httpGet": {
             "type": "object",
             "required": [
              "port"
             ],
             "description": "Succeeds when the answer's status is from 200 to 399.",
             "properties": {
              "path": {
               "type": "string",
               "maxLength": 4096,
               "description": "The path and query; absent: /."
              },
              "port": {
               "x-kubernetes-int-or-string": true,
               "description": "The container's port: its number, or its name in ports."
              },
              "host": {
               "type": "string",
               "maxLength": 253,
               "description": "Who is asked; absent: the container."
              },
              "scheme": {
               "type": "string",
               "enum": [
                "HTTP",
                "HTTPS"
               ],
               "description": "Absent: HTTP. With HTTPS the certificate is not checked."
              },
              "httpHeaders": {
               "type": "array",
               "maxItems": 64,
               "description": "Headers of the request.",
               "x-kubernetes-list-type": "atomic",
               "items": {
                "type": "object",
                "required": [
                 "name",
                 "value"
                ],
                "properties": {
                 "name": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 253,
                  "pattern": "^[-A-Za-z0-9]+$",
                  "description": "The header's name."
                 },
                 "value": {
                  "type": "string",
                  "maxLength": 8192,
                  "pattern": "^[^\\x00\\r\\n]*$",
                  "description": "The header's value."
                 }
                }
               }
              }
             }
            },
            "tcpSocket": {
             "type": "object",
             "required": [
              "port"
             ],
             "description": "Succeeds when the port takes a connection.",
             "properties": {
              "port": {
               "x-kubernetes-int-or-string": true,
               "description": "The container's port: its number, or its name in ports."
              },
              "host": {
               "type": "string",
               "maxLength": 253,
               "description": "Who is asked; absent: the container."
              }
             }
            },
            "grpc": {
             "type": "object",
             "required": [
              "port"
             ],
             "description": "Succeeds when grpc.health.v1.Health/Check answers SERVING.",
             "properties": {
              "port": {
               "type": "integer",
               "minimum": 1,
               "maximum": 65535,
               "description": "The container's port."
              },
              "service": {
               "type": "string",
               "maxLength": 253,
               "description": "The service that is asked about; absent: the whole server."
              }
             }
            },
            "initialDelaySeconds": {
             "type": "integer",
             "minimum": 0,
             "maximum": 86400,
             "description": "Seconds between the container's start and the first question; absent: 0."
            },
            "periodSeconds": {
             "type": "integer",
             "minimum": 1,
             "maximum": 86400,
             "description": "Seconds between two questions; absent: 10."
            },
            "timeoutSeconds": {
             "type": "integer",
             "minimum": 1,
             "maximum": 3600,
             "description": "Seconds to wait for an answer; absent: 1."
            },
            "successThreshold": {
             "type": "integer",
             "minimum": 1,
             "maximum": 1000,
             "description": "Successes in a row after a failure that count as success; absent: 1."
            },
            "failureThreshold": {
             "type": "integer",
             "minimum": 1,
             "maximum": 1000,
             "description": "Failures in a row that count as failure; absent: 3."
            },
            "terminationGracePeriodSeconds": {
             "type": "integer",
             "minimum": 1,
             "maximum": 86400,
             "description": "Seconds between the stop signal and the kill where this probe failed; absent: the task's. Not for readiness."
            }
           }
          },
          "lifecycle": {
           "type": "object",
           "description": "What is done after the container's start and before its end.",
           "properties": {
            "postStart": {
             "type": "object",
             "description": "One act. A container whose postStart fails is stopped; preStop counts against the grace period.",
             "x-kubernetes-validations": [
              {
               "rule": "[has(self.exec), has(self.httpGet), has(self.tcpSocket), has(self.sleep)].filter(x, x).size() == 1",
               "message": "exactly one of exec, httpGet, tcpSocket and sleep must be given"
              }
             ],
             "properties": {
              "exec": {
               "type": "object",
               "required": [
                "command"
               ],
               "description": "Succeeds when the command ends with 0 inside the container. It runs without a shell.",
               "properties": {
                "command": {
                 "type": "array",
                 "minItems": 1,
                 "maxItems": 1024,
                 "items": {
                  "type": "string",
                  "pattern": "^[^\\x00]*$"
                 },
                 "description": "The program and its arguments."
                }
               }
              },
              "httpGet": {
               "type": "object",
               "required": [
                "port"
               ],
               "description": "Succeeds when the answer's status is from 200 to 399.",
               "properties": {
                "path": {
                 "type": "string",
                 "maxLength": 4096,
                 "description": "The path and query; absent: /."
                },
                "port": {
                 "x-kubernetes-int-or-string": true,
                 "description": "The container's port: its number, or its name in ports."
                },
                "host": {
                 "type": "string",
                 "maxLength": 253,
                 "description": "Who is asked; absent: the container."
                },
                "scheme": {
                 "type": "string",
                 "enum": [
                  "HTTP",
                  "HTTPS"
                 ],
                 "description": "Absent: HTTP. With HTTPS the certificate is not checked."
                },
                "httpHeaders": {
                 "type": "array",
                 "maxItems": 64,
                 "description": "Headers of the request.",
                 "x-kubernetes-list-type": "atomic",
                 "items": {
                  "type": "object",
                  "required": [
                   "name",
                   "value"
                  ],
                  "properties": {
                   "name": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 253,
                    "pattern": "^[-A-Za-z0-9]+$",
                    "description": "The header's name."
                   },
                   "value": {
                    "type": "string",
                    "maxLength": 8192,
                    "pattern": "^[^\\x00\\r\\n]*$",
                    "description": "The header's value."
                   }
                  }
                 }
                }
               }
              },
              "tcpSocket": {
               "type": "object",
               "required": [
                "port"
               ],
               "description": "Succeeds when the port takes a connection.",
               "properties": {
                "port": {
                 "x-kubernetes-int-or-string": true,
                 "description": "The container's port: its number, or its name in ports."
                },
                "host": {
                 "type": "string",
                 "maxLength": 253,
                 "description": "Who is asked; absent: the container."
                }
               }
              },
              "sleep": {
               "type": "object",
               "required": [
                "seconds"
               ],
               "description": "Waits.",
               "properties": {
                "seconds": {
                 "type": "integer",
                 "format": "int64",
                 "minimum": 0,
                 "maximum": 86400,
                 "description": "How long."
                }
               }
              }
             }
            },
            "preStop": {
             "type": "object",
             "description": "One act. A container whose postStart fails is stopped; preStop counts against the grace period.",
             "x-kubernetes-validations": [
              {
               "rule": "[has(self.exec), has(self.httpGet), has(self.tcpSocket), has(self.sleep)].filter(x, x).size() == 1",
               "message": "exactly one of exec, httpGet, tcpSocket and sleep must be given"
              }
             ],
             "properties": {
              "exec": {
               "type": "object",
               "required": [
                "command"
               ],
               "description": "Succeeds when the command ends with 0 inside the container. It runs without a shell.",
               "properties": {
                "command": {
                 "type": "array",
                 "minItems": 1,
                 "maxItems": 1024,
                 "items": {
                  "type": "string",
                  "pattern": "^[^\\x00]*$"
                 },
                 "description": "The program and its arguments."
                }
               }
              },
              "httpGet": {
               "type": "object",
               "required": [
                "port"
               ],
               "description": "Succeeds when the answer's status is from 200 to 399.",
               "properties": {
                "path": {
                 "type": "string",
                 "maxLength": 4096,
                 "description": "The path and query; absent: /."
                },
                "port": {
                 "x-kubernetes-int-or-string": true,
                 "description": "The container's port: its number, or its name in ports."
                },
                "host": {
                 "type": "string",
                 "maxLength": 253,
                 "description": "Who is asked; absent: the container."
                },
                "scheme": {
                 "type": "string",
                 "enum": [
                  "HTTP",
                  "HTTPS"
                 ],
                 "description": "Absent: HTTP. With HTTPS the certificate is not checked."
                },
                "httpHeaders": {
                 "type": "array",
                 "maxItems": 64,
                 "description": "Headers of the request.",
                 "x-kubernetes-list-type": "atomic",
                 "items": {
                  "type": "object",
                  "required": [
                   "name",
                   "value"
                  ],
                  "properties": {
                   "name": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 253,
                    "pattern": "^[-A-Za-z0-9]+$",
                    "description": "The header's name."
                   },
                   "value": {
                    "type": "string",
                    "maxLength": 8192,
                    "pattern": "^[^\\x00\\r\\n]*$",
                    "description": "The header's value."
                   }
                  }
                 }
                }
               }
              },
              "tcpSocket": {
               "type": "object",
               "required": [
                "port"
               ],
               "description": "Succeeds when the port takes a connection.",
               "properties": {
                "port": {
                 "x-kubernetes-int-or-string": true,
                 "description": "The container's port: its number, or its name in ports."
                },
                "host": {
                 "type": "string",
                 "maxLength": 253,
                 "description": "Who is asked; absent: the container."
                }
               }
              },
              "sleep": {
               "type": "object",
               "required": [
                "seconds"
               ],
               "description": "Waits.",
               "properties": {
                "seconds": {
                 "type": "integer",
                 "format": "int64",
                 "minimum": 0,
                 "maximum": 86400,
                 "description": "How long."
                }
               }
              }
             }
            }
           }
          },
          "activeDeadlineSeconds": {
           "type": "integer",
           "format": "int64",
           "minimum": 1,
           "maximum": 2147483647,
           "description": "Seconds after the task's first start when it is stopped for good, with the reason DeadlineExceeded."
          },
          "ttlSecondsAfterFinished": {
           "type": "integer",
           "minimum": 0,
           "maximum": 2147483647,
           "description": "Seconds after the task's end (Succeeded or Failed) when the object is deleted; absent: it is kept."
          },
          "terminationGracePeriodSeconds": {
           "type": "integer",
           "minimum": 0,
           "maximum": 86400,
           "default": 30,
           "description": "Seconds between the stop signal and the kill."
          },
          "stopSignal": {
           "type": "string",
           "pattern": "^SIG(TERM|INT|QUIT|HUP|USR1|USR2|KILL|WINCH)$",
           "description": "The signal that asks the container to stop; absent: the image's, or SIGTERM."
          },
          "restartPolicy": {
           "type": "string",
           "enum": [
            "Always",
            "OnFailure",
            "Never"
           ],
           "default": "Always",
           "description": "Whether an ended container is started again."
          },
          "backoff": {
           "type": "object",
           "default": {},
           "description": "How long to wait between restarts: the first restart is at once, then the wait doubles.",
           "properties": {
            "initialSeconds": {
             "type": "integer",
             "minimum": 1,
             "maximum": 3600,
             "default": 1,
             "description": "The wait before the second restart."
            },
            "maxSeconds": {
             "type": "integer",
             "minimum": 1,
             "maximum": 86400,
             "default": 60,
             "description": "The longest wait."
            },
            "resetSeconds": {
             "type": "integer",
             "minimum": 1,
             "maximum": 86400,
             "default": 600,
             "description": "A container that ran this long starts the count anew."
            }
           }
          },
          "dependsOn": {
           "type": "array",
           "maxItems": 32,
           "description": "What must be so before the first container is started. Once it was, it is not asked again.",
           "x-kubernetes-list-type": "map",
           "x-kubernetes-list-map-keys": [
            "kind",
            "name"
           ],
           "items": {
            "type": "object",
            "required": [
             "name"
            ],
            "properties": {
             "kind": {
              "type": "string",
              "enum": [
               "Task"
              ],
              "default": "Task",
              "description": "The kind of the object in the same namespace."
             },
             "name": {
              "type": "string",
              "minLength": 1,
              "maxLength": 253,
              "description": "Its name."
             },
             "condition": {
              "type": "string",
              "enum": [
               "Started",
               "Ready",
               "Completed"
              ],
              "default": "Ready",
              "description": "Started: a container of it has been started. Ready: its condition Ready is True. Completed: its phase is Succeeded."
             }
            }
           }
          },
          "desiredState": {
           "type": "string",
           "enum": [
            "Running",
            "Stopped"
           ],
           "default": "Running",
           "description": "Stopped keeps the object and its history, without a container running."
          },
          "securityContext": {
           "type": "object",
           "description": "Privileges of the container.",
           "x-kubernetes-validations": [
            {
             "rule": "!has(self.privileged) || !self.privileged || !has(self.allowPrivilegeEscalation) || self.allowPrivilegeEscalation",
             "message": "must not be false with privileged: true, which gives every right at once",
             "fieldPath": ".allowPrivilegeEscalation"
            },
            {
             "rule": "!has(self.runAsNonRoot) || !self.runAsNonRoot || !has(self.runAsUser) || self.runAsUser != 0",
             "message": "must not be 0 with runAsNonRoot: true",
             "fieldPath": ".runAsUser"
            },
            {
             "rule": "!has(self.runAsGroup) || has(self.runAsUser)",
             "message": "must come with runAsUser, without which the container would be root in that group",
             "fieldPath": ".runAsGroup"
            }
           ],
           "properties": {
            "runAsUser": {
             "type": "integer",
             "minimum": 0,
             "maximum": 2147483647,
             "description": "The user id of the container's process."
            },
            "runAsGroup": {
             "type": "integer",
             "minimum": 0,
             "maximum": 2147483647,
             "description": "The group id of the container's process; only with runAsUser."
            },
            "readOnlyRootFilesystem": {
             "type": "boolean",
             "description": "Mounts the container's root file system read-only."
            },
            "runAsNonRoot": {
             "type": "boolean",
             "description": "True: a container whose user is root is not started."
            },
            "privileged": {
             "type": "boolean",
             "description": "Gives the container nearly all of the worker's own rights."
            },
            "allowPrivilegeEscalation": {
             "type": "boolean",
             "description": "Whether a process may gain more rights than its parent, for example by a set-user-id file; absent: no, unless privileged."
            },
            "seccompProfile": {
             "type": "object",
             "required": [
              "type"
             ],
             "description": "Which system calls are filtered; absent: RuntimeDefault.",
             "x-kubernetes-validations": [
              {
               "rule": "(self.type == 'Localhost') == has(self.localhostProfile)",
               "message": "localhostProfile must be given with type Localhost, and with no other"
              }
             ],
             "properties": {
              "type": {
               "type": "string",
               "enum": [
                "RuntimeDefault",
                "Unconfined",
                "Localhost"
               ],
               "description": "RuntimeDefault: the engine's own list."
              },
              "localhostProfile": {
               "type": "string",
               "minLength": 1,
               "maxLength": 1024,
               "pattern": "^[^/\\x00][^\\x00]*$",
               "x-kubernetes-validations": [
                {
                 "rule": "!('/' + self).contains('/..')",
                 "message": "no part of it may begin with '..'"
                }
               ],
               "description": "A file below the worker's folder of seccomp profiles, without '..'."
              }
             }
            },
            "capabilities": {
             "type": "object",
             "description": "Linux capabilities on top of, or missing from, the engine's default set.",
             "properties": {
              "add": {
               "type": "array",
               "maxItems": 64,
               "items": {
                "type": "string",
                "pattern": "^[A-Z_]+$"
               },
               "x-kubernetes-validations": [
                {
                 "rule": "!self.exists(c, c.startsWith('CAP_'))",
                 "message": "must be written without the CAP_ prefix"
                }
               ],
               "description": "Capabilities to add, without the CAP_ prefix."
              },
              "drop": {
               "type": "array",
               "maxItems": 64,
               "items": {
                "type": "string",
                "pattern": "^[A-Z_]+$"
               },
               "x-kubernetes-validations": [
                {
                 "rule": "!self.exists(c, c.startsWith('CAP_'))",
                 "message": "must be written without the CAP_ prefix"
                }
               ],
               "description": "Capabilities to drop, without the CAP_ prefix."
              }
             }
            }
           }
          },
          "network": {
           "type": "object",
           "description": "How the container is connected.",
           "properties": {
            "mode": {
             "type": "string",
             "maxLength": 63,
             "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
             "default": "bridge",
             "description": "bridge: the network that all tasks of the namespace on this worker share, on which they find each other by name; host: the worker's own; none; any other name: a network of that name in the namespace."
            },
            "hostname": {
             "type": "string",
             "maxLength": 63,
             "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
             "description": "The container's host name; absent: the task's name."
            },
            "aliases": {
             "type": "array",
             "maxItems": 16,
             "x-kubernetes-list-type": "set",
             "items": {
              "type": "string",
              "minLength": 1,
              "maxLength": 63,
              "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
             },
             "description": "Further names under which others on the network find it."
            },
            "dns": {
             "type": "array",
             "maxItems": 3,
             "x-kubernetes-list-type": "atomic",
             "items": {
              "type": "string",
              "maxLength": 45,
              "pattern": "^[0-9a-fA-F.:]+$"
             },
             "description": "Addresses of name servers; absent: the worker's."
            }
           }
          },
          "hostPID": {
           "type": "boolean",
           "description": "True: the container sees and signals every process of the worker."
          },
          "logs": {
           "type": "object",
           "description": "How much output is kept on the worker for each container.",
           "properties": {
            "maxSize": {
             "x-kubernetes-int-or-string": true,
             "x-gantry-quantity": "positive",
             "description": "Bytes of one file, for example 10Mi, which is the default."
            },
            "maxFiles": {
             "type": "integer",
             "minimum": 1,
             "maximum": 100,
             "description": "How many files; absent: 5."
            }
           }
          },
          "tolerations": {
           "type": "array",
           "maxItems": 64,
           "description": "Taints of workers that do not keep the task away.",
           "x-kubernetes-list-type": "atomic",
           "items": {
            "type": "object",
            "x-kubernetes-validations": [
             {
              "rule": "!has(self.operator) || self.operator != 'Exists' || !has(self.value)",
              "message": "value must be absent when operator is Exists"
             },
             {
              "rule": "has(self.key) || (has(self.operator) && self.operator == 'Exists')",
              "message": "without a key operator must be Exists, which tolerates every taint"
             }
            ],
            "properties": {
             "key": {
              "type": "string",
              "maxLength": 317,
              "description": "The taint's name; absent: every taint."
             },
             "operator": {
              "type": "string",
              "enum": [
               "Exists",
               "Equal"
              ],
              "description": "How the value compares; absent: Equal."
             },
             "value": {
              "type": "string",
              "maxLength": 63,
              "description": "The taint's value; absent: empty."
             },
             "effect": {
              "type": "string",
              "enum": [
               "NoSchedule",
               "PreferNoSchedule"
              ],
              "description": "The taint's effect; absent: every effect."
             }
            }
           }
          },
          "workerSelector": {
           "type": "object",
           "maxProperties": 64,
           "additionalProperties": {
            "type": "string",
            "maxLength": 253
           },
           "description": "Labels that a worker must carry. gantry.dev/worker stands for the worker's own name."
          },
          "priority": {
           "type": "integer",
           "format": "int32",
           "minimum": -1000000,
           "maximum": 1000000,
           "description": "Who is placed first when several tasks wait for room: the highest; absent: 0."
          },
          "preemptionPolicy": {
           "type": "string",
           "enum": [
            "Never",
            "PreemptLowerPriority"
           ],
           "description": "PreemptLowerPriority: while there is no room for it, tasks of lower priority may be moved off a worker to make some; absent: Never."
          },
          "outputs": {
           "type": "object",
           "description": "What is kept in status.result of what the container says as it ends. Asks for a file: $GANTRY_OUTPUT names one, in which each line KEY=VALUE is an output.",
           "properties": {
            "stdoutBytes": {
             "type": "integer",
             "minimum": 0,
             "maximum": 65536,
             "description": "How much of the end of standard output is kept, in bytes; absent: none."
            }
           }
          },
          "workerName": {
           "type": "string",
           "maxLength": 253,
           "description": "The worker the task is bound to. Written only by the tasks/binding subresource."
          },
          "bindingEpoch": {
           "type": "integer",
           "format": "int64",
           "minimum": 1,
           "description": "Counts the bindings of this task. Written only by the tasks/binding subresource."
          }
         }
        },
        "status": {
         "type": "object",
         "description": "What was seen, never what is hoped.",
         "properties": {
          "phase": {
           "type": "string",
           "enum": [
            "Pending",
            "Running",
            "Succeeded",
            "Failed",
            "Stopped",
            "Unknown"
           ],
           "description": "Where the task is in its life."
          },
          "reason": {
           "type": "string",
           "description": "One word that says why the task is in its phase."
          },
          "message": {
           "type": "string",
           "description": "A sentence for people."
          },
          "conditions": {
           "type": "array",
           "description": "Scheduled (written by the scheduler), DependenciesMet (written by the dependency controller) and Ready (written by the worker).",
           "x-kubernetes-list-type": "map",
           "x-kubernetes-list-map-keys": [
            "type"
           ],
           "items": {
            "type": "object",
            "required": [
             "type",
             "status",
             "reason",
             "message",
             "lastTransitionTime"
            ],
            "properties": {
             "type": {
              "type": "string",
              "description": "The condition's name."
             },
             "status": {
              "type": "string",
              "enum": [
               "True",
               "False",
               "Unknown"
              ],
              "description": "Whether it holds."
             },
             "reason": {
              "type": "string",
              "description": "One word that says why."
             },
             "message": {
              "type": "string",
              "description": "A sentence for people."
             },
             "lastTransitionTime": {
              "type": "string",
              "format": "date-time",
              "description": "When status last changed."
             },
             "observedGeneration": {
              "type": "integer",
              "format": "int64",
              "description": "The generation this was judged from."
             }
            }
           }
          },
          "workerName": {
           "type": "string",
           "description": "The worker that wrote this status."
          },
          "container": {
           "type": "object",
           "description": "The newest container.",
           "properties": {
            "id": {
             "type": "string",
             "description": "The engine's id."
            },
            "name": {
             "type": "string",
             "description": "The container's name on the engine."
            },
            "image": {
             "type": "string",
             "description": "The image it was made from."
            },
            "imageID": {
             "type": "string",
             "description": "The image's id."
            },
            "state": {
             "type": "string",
             "description": "The engine's word for its state."
            },
            "startedAt": {
             "type": "string",
             "format": "date-time",
             "description": "When it was started."
            },
            "finishedAt": {
             "type": "string",
             "format": "date-time",
             "description": "When it ended."
            },
            "exitCode": {
             "type": "integer",
             "description": "How it ended."
            },
            "signal": {
             "type": "integer",
             "description": "The signal that ended it, where the exit code tells."
            },
            "oomKilled": {
             "type": "boolean",
             "description": "Whether it ran out of memory."
            },
            "started": {
             "type": "boolean",
             "description": "Whether it got through postStart and its startup probe."
            },
            "stopReason": {
             "type": "string",
             "description": "While it is being stopped: why, in the word its end gets in the history."
            }
           }
          },
          "attempts": {
           "type": "integer",
           "description": "Containers made for this task so far."
          },
          "restartCount": {
           "type": "integer",
           "default": 0,
           "description": "Containers started again after one ended."
          },
          "history": {
           "type": "array",
           "maxItems": 10,
           "description": "The last ended containers, newest first.",
           "items": {
            "type": "object",
            "required": [
             "attempt",
             "reason"
            ],
            "properties": {
             "attempt": {
              "type": "integer",
              "description": "Which container of the task it was."
             },
             "id": {
              "type": "string",
              "description": "The engine's id."
             },
             "epoch": {
              "type": "integer",
              "format": "int64",
              "description": "The binding it was made under."
             },
             "specHash": {
              "type": "string",
              "description": "The hash of the spec it was made from."
             },
             "exitCode": {
              "type": "integer",
              "description": "How it ended."
             },
             "signal": {
              "type": "integer",
              "description": "The signal that ended it."
             },
             "reason": {
              "type": "string",
              "description": "Completed, Error, OOMKilled, ContainerCannotRun, DeadlineExceeded, Evicted, LivenessFailed, Preempted, StartupFailed, Stopped or Superseded."
             },
             "output": {
              "type": "string",
              "description": "The last lines it wrote, at most 2 KiB."
             },
             "message": {
              "type": "string",
              "description": "The engine's own words, where it said any."
             },
             "startedAt": {
              "type": "string",
              "format": "date-time",
              "description": "When it was started."
             },
             "finishedAt": {
              "type": "string",
              "format": "date-time",
              "description": "When it ended."
             }
            }
           }
          },
          "progress": {
           "type": "integer",
           "format": "int32",
           "minimum": 0,
           "maximum": 100,
           "description": "How far it is, percent, as it says itself: the last line ::progress N on its standard output, or progress=N in $GANTRY_OUTPUT."
          },
          "result": {
           "type": "object",
           "description": "With spec.outputs: what the last container said, once the task has Succeeded or Failed.",
           "properties": {
            "outputs": {
             "type": "object",
             "additionalProperties": {
              "type": "string"
             },
             "description": "The lines KEY=VALUE of the file $GANTRY_OUTPUT, of two with the same key the later; at most 64 of them and 64 KiB together."
            },
            "stdout": {
             "type": "string",
             "description": "The end of standard output, at most spec.outputs.stdoutBytes; a byte that is no UTF-8 is shown as U+FFFD."
            },
            "message": {
             "type": "string",
             "description": "What was wrong with the file, or left out of it."
            }
           }
          },
          "nextRestartAt": {
           "type": "string",
           "format": "date-time",
           "description": "While the restart waits: when the next attempt begins."
          },
          "ports": {
           "type": "array",
           "description": "The published ports as the engine has them.",
           "items": {
            "type": "object",
            "required": [
             "containerPort",
             "protocol",
             "hostIP",
             "hostPort"
            ],
            "properties": {
             "name": {
              "type": "string",
              "description": "The port's name in the spec."
             },
             "containerPort": {
              "type": "integer",
              "description": "The port inside the container."
             },
             "protocol": {
              "type": "string",
              "description": "The transport protocol."
             },
             "hostIP": {
              "type": "string",
              "description": "The worker's address."
             },
             "hostPort": {
              "type": "integer",
              "description": "The port on the worker."
             }
            }
           }
          },
          "ip": {
           "type": "string",
           "description": "The container's address on its network."
          },
          "startedAt": {
           "type": "string",
           "format": "date-time",
           "description": "When the first container was started."
          },
          "finishedAt": {
           "type": "string",
           "format": "date-time",
           "description": "When the task reached Succeeded, Failed or Stopped."
          },
          "observedGeneration": {
           "type": "integer",
           "format": "int64",
           "description": "The generation this status was made from."
          },
          "observedAt": {
           "type": "string",
           "format": "date-time",
           "description": "When this status last changed."
          }
         }
        }
       }
      }
     }
    }
   ]
  }
 },
 {
  "apiVersion": "apiextensions.k8s.io/v1",
  "kind": "CustomResourceDefinition",
  "metadata": {
   "name": "tasksets.gantry.dev"
  },
  "spec": {
   "group": "gantry.dev",
   "scope": "Namespaced",
   "names": {
    "plural": "tasksets",
    "singular": "taskset",
    "kind": "TaskSet",
    "listKind": "TaskSetList",
    "shortNames": [
     "gts"
    ],
    "categories": [
     "all"
    ]
   },
   "versions": [
    {
     "name": "v1",
     "served": true,
     "storage": true,
     "subresources": {
      "status": {},
      "scale": {
       "specReplicasPath": ".spec.replicas",
       "statusReplicasPath": ".status.replicas",
       "labelSelectorPath": ".status.selector"
      }
     },
     "additionalPrinterColumns": [
      {
       "name": "Desired",
       "type": "integer",
       "jsonPath": ".status.desiredReplicas",
       "description": "How many are wanted."
      },
      {
       "name": "Ready",
       "type": "integer",
       "jsonPath": ".status.readyReplicas",
       "description": "How many do their work."
      },
      {
       "name": "Up-To-Date",
       "type": "integer",
       "jsonPath": ".status.updatedReplicas",
       "description": "How many are of the newest revision."
      },
      {
       "name": "Available",
       "type": "integer",
       "jsonPath": ".status.availableReplicas",
       "description": "How many have been ready for minReadySeconds."
      },
      {
       "name": "Age",
       "type": "date",
       "jsonPath": ".metadata.creationTimestamp",
       "description": "Time since it was created."
      },
      {
       "name": "Rollout",
       "type": "string",
       "jsonPath": ".status.conditions[?(@.type==\"Progressing\")].reason",
       "priority": 1,
       "description": "How the change to the newest revision stands."
      },
      {
       "name": "Image",
       "type": "string",
       "jsonPath": ".spec.template.spec.image",
       "priority": 1,
       "description": "The image of the template."
      },
      {
       "name": "Selector",
       "type": "string",
       "jsonPath": ".status.selector",
       "priority": 1,
       "description": "Which tasks are its."
      }
     ],
     "schema": {
      "openAPIV3Schema": {
       "type": "object",
       "description": "TaskSet keeps a number of equal Tasks, and replaces them step by step when their template changes.",
       "required": [
        "spec"
       ],
       "x-kubernetes-validations": [
        {
         "rule": "self.metadata.name.size() <= 52",
         "message": "must be no more than 52 characters, since the names of its tasks begin with it",
         "fieldPath": ".metadata.name"
        }
       ],
       "properties": {
        "apiVersion": {
         "type": "string",
         "description": "The group and version of this representation: gantry.dev/v1."
        },
        "kind": {
         "type": "string",
         "description": "The kind of this object: TaskSet."
        },
        "metadata": {
         "type": "object",
         "description": "Standard object metadata.",
         "properties": {
          "name": {
           "type": "string",
           "description": "The name, unique among the objects of its kind."
          }
         }
        },
        "spec": {
         "type": "object",
         "description": "What is asked for.",
         "required": [
          "selector",
          "template"
         ],
         "x-kubernetes-validations": [
          {
           "rule": "self.mode != 'Global' || !has(self.replicas)",
           "message": "must be absent with mode Global, which has one task on every matching worker",
           "fieldPath": ".replicas"
          },
          {
           "rule": "self.mode == oldSelf.mode",
           "message": "field is immutable",
           "fieldPath": ".mode"
          },
          {
           "rule": "self.mode != 'Global' || !has(self.strategy.canary)",
           "message": "must be absent with mode Global",
           "fieldPath": ".strategy.canary"
          }
         ],
         "properties": {
          "mode": {
           "type": "string",
           "enum": [
            "Replicated",
            "Global"
           ],
           "default": "Replicated",
           "description": "Replicated: spec.replicas tasks, wherever they fit; Global: one on every worker that the template's workerSelector and tolerations admit. A taint that comes later drives none away."
          },
          "replicas": {
           "type": "integer",
           "format": "int32",
           "minimum": 0,
           "maximum": 1000,
           "description": "How many tasks; absent: 1."
          },
          "selector": {
           "type": "object",
           "x-kubernetes-map-type": "atomic",
           "description": "Which tasks of the namespace are its: those that are nobody else's are adopted, those that do not match any more are let go. Must match the template's labels and gantry.dev/taskset, which its tasks get, and not be on controller-revision-hash.",
           "properties": {
            "matchLabels": {
             "type": "object",
             "maxProperties": 32,
             "additionalProperties": {
              "type": "string",
              "maxLength": 63
             },
             "description": "Labels a task must have."
            },
            "matchExpressions": {
             "type": "array",
             "maxItems": 32,
             "x-kubernetes-list-type": "atomic",
             "description": "What must hold of its labels beside that.",
             "items": {
              "type": "object",
              "required": [
               "key",
               "operator"
              ],
              "properties": {
               "key": {
                "type": "string",
                "minLength": 1,
                "maxLength": 317,
                "description": "The label."
               },
               "operator": {
                "type": "string",
                "enum": [
                 "In",
                 "NotIn",
                 "Exists",
                 "DoesNotExist"
                ],
                "description": "How it is compared."
               },
               "values": {
                "type": "array",
                "maxItems": 64,
                "x-kubernetes-list-type": "atomic",
                "items": {
                 "type": "string",
                 "maxLength": 63
                },
                "description": "With In and NotIn: the values."
               }
              }
             }
            }
           }
          },
          "template": {
           "type": "object",
           "required": [
            "spec"
           ],
           "description": "What each of its tasks is made from.",
           "properties": {
            "metadata": {
             "type": "object",
             "description": "Labels and annotations of the tasks.",
             "properties": {
              "labels": {
               "type": "object",
               "maxProperties": 64,
               "additionalProperties": {
                "type": "string",
                "maxLength": 63
               },
               "description": "Labels of the tasks."
              },
              "annotations": {
               "type": "object",
               "maxProperties": 64,
               "additionalProperties": {
                "type": "string"
               },
               "description": "Annotations of the tasks."
              }
             }
            },
            "spec": {
             "description": "What a Task's spec says, without what a TaskSet itself decides.",
             "type": "object",
             "required": [
              "image"
             ],
             "x-kubernetes-validations": [
              {
               "rule": "!has(self.network) || self.network.mode != 'host' || !has(self.ports) || self.ports.all(p, !has(p.hostPort) || p.hostPort == p.containerPort)",
               "message": "with network.mode host a port's hostPort must be its containerPort",
               "fieldPath": ".ports"
              },
              {
               "rule": "!has(self.resources) || !has(self.resources.requests) || !has(self.resources.limits) || !has(self.resources.requests.cpu) || !has(self.resources.limits.cpu) || quantity(string(self.resources.requests.cpu)).compareTo(quantity(string(self.resources.limits.cpu))) <= 0",
               "message": "requests.cpu must be at most limits.cpu",
               "fieldPath": ".resources"
              },
              {
               "rule": "!has(self.resources) || !has(self.resources.requests) || !has(self.resources.limits) || !has(self.resources.requests.memory) || !has(self.resources.limits.memory) || quantity(string(self.resources.requests.memory)).compareTo(quantity(string(self.resources.limits.memory))) <= 0",
               "message": "requests.memory must be at most limits.memory",
               "fieldPath": ".resources"
              },
              {
               "rule": "!has(self.resources) || !has(self.resources.limits) || !has(self.resources.limits.memory) || quantity(string(self.resources.limits.memory)).compareTo(quantity('6Mi')) >= 0",
               "message": "limits.memory must be at least 6Mi, the least an engine accepts",
               "fieldPath": ".resources"
              },
              {
               "rule": "!has(self.ports) || self.ports.all(p, !has(p.hostPort) || self.ports.exists_one(q, has(q.hostPort) && q.hostPort == p.hostPort && q.protocol == p.protocol && (has(q.hostIP) ? q.hostIP : '') == (has(p.hostIP) ? p.hostIP : '')))",
               "message": "a hostPort may be asked for once only",
               "fieldPath": ".ports"
              },
              {
               "rule": "!has(self.volumeMounts) || self.volumeMounts.all(m, has(self.volumes) && self.volumes.exists(v, v.name == m.name))",
               "message": "every volumeMount must name one of volumes",
               "fieldPath": ".volumeMounts"
              },
              {
               "rule": "!has(self.volumeMounts) || self.volumeMounts.all(m, !has(m.subPath) || !m.subPath.split('/').exists(part, part == '..'))",
               "message": "subPath must not contain '..'",
               "fieldPath": ".volumeMounts"
              },
              {
               "rule": "!has(self.livenessProbe) || !has(self.livenessProbe.successThreshold) || self.livenessProbe.successThreshold == 1",
               "message": "livenessProbe.successThreshold must be 1",
               "fieldPath": ".livenessProbe"
              },
              {
               "rule": "!has(self.startupProbe) || !has(self.startupProbe.successThreshold) || self.startupProbe.successThreshold == 1",
               "message": "startupProbe.successThreshold must be 1",
               "fieldPath": ".startupProbe"
              },
              {
               "rule": "!has(self.readinessProbe) || !has(self.readinessProbe.terminationGracePeriodSeconds)",
               "message": "terminationGracePeriodSeconds must be absent from a readinessProbe, which never ends the container",
               "fieldPath": ".readinessProbe"
              },
              {
               "rule": "!has(self.ports) || [self.ports.filter(p, has(p.name)).map(p, p.name)].all(names, names.all(n, names.exists_one(m, m == n)))",
               "message": "the names of ports must differ",
               "fieldPath": ".ports"
              },
              {
               "rule": "!has(self.resources) || !has(self.resources.requests) || !has(self.resources.limits) || !has(self.resources.requests.ephemeral__dash__storage) || !has(self.resources.limits.ephemeral__dash__storage) || quantity(string(self.resources.requests.ephemeral__dash__storage)).compareTo(quantity(string(self.resources.limits.ephemeral__dash__storage))) <= 0",
               "message": "requests.ephemeral-storage must be at most limits.ephemeral-storage",
               "fieldPath": ".resources"
              },
              {
               "rule": "!has(self.livenessProbe) || [self.?livenessProbe.?httpGet.?port, self.?livenessProbe.?tcpSocket.?port].all(p, !p.hasValue() || (type(p.value()) == int ? p.value() >= 1 && p.value() <= 65535 : has(self.ports) && self.ports.exists(q, has(q.name) && q.name == p.value())))",
               "messageExpression": "'port must be a number from 1 to 65535 or the name of one of ports, found ' + [self.?livenessProbe.?httpGet.?port, self.?livenessProbe.?tcpSocket.?port].filter(p, p.hasValue()).map(p, string(p.value())).join()",
               "fieldPath": ".livenessProbe"
              },
              {
               "rule": "!has(self.readinessProbe) || [self.?readinessProbe.?httpGet.?port, self.?readinessProbe.?tcpSocket.?port].all(p, !p.hasValue() || (type(p.value()) == int ? p.value() >= 1 && p.value() <= 65535 : has(self.ports) && self.ports.exists(q, has(q.name) && q.name == p.value())))",
               "messageExpression": "'port must be a number from 1 to 65535 or the name of one of ports, found ' + [self.?readinessProbe.?httpGet.?port, self.?readinessProbe.?tcpSocket.?port].filter(p, p.hasValue()).map(p, string(p.value())).join()",
               "fieldPath": ".readinessProbe"
              },
              {
               "rule": "!has(self.startupProbe) || [self.?startupProbe.?httpGet.?port, self.?startupProbe.?tcpSocket.?port].all(p, !p.hasValue() || (type(p.value()) == int ? p.value() >= 1 && p.value() <= 65535 : has(self.ports) && self.ports.exists(q, has(q.name) && q.name == p.value())))",
               "messageExpression": "'port must be a number from 1 to 65535 or the name of one of ports, found ' + [self.?startupProbe.?httpGet.?port, self.?startupProbe.?tcpSocket.?port].filter(p, p.hasValue()).map(p, string(p.value())).join()",
               "fieldPath": ".startupProbe"
              },
              {
               "rule": "!has(self.lifecycle) || [self.?lifecycle.?postStart.?httpGet.?port, self.?lifecycle.?postStart.?tcpSocket.?port].all(p, !p.hasValue() || (type(p.value()) == int ? p.value() >= 1 && p.value() <= 65535 : has(self.ports) && self.ports.exists(q, has(q.name) && q.name == p.value())))",
               "messageExpression": "'port must be a number from 1 to 65535 or the name of one of ports, found ' + [self.?lifecycle.?postStart.?httpGet.?port, self.?lifecycle.?postStart.?tcpSocket.?port].filter(p, p.hasValue()).map(p, string(p.value())).join()",
               "fieldPath": ".lifecycle.postStart"
              },
              {
               "rule": "!has(self.lifecycle) || [self.?lifecycle.?preStop.?httpGet.?port, self.?lifecycle.?preStop.?tcpSocket.?port].all(p, !p.hasValue() || (type(p.value()) == int ? p.value() >= 1 && p.value() <= 65535 : has(self.ports) && self.ports.exists(q, has(q.name) && q.name == p.value())))",
               "messageExpression": "'port must be a number from 1 to 65535 or the name of one of ports, found ' + [self.?lifecycle.?preStop.?httpGet.?port, self.?lifecycle.?preStop.?tcpSocket.?port].filter(p, p.hasValue()).map(p, string(p.value())).join()",
               "fieldPath": ".lifecycle.preStop"
              },
              {
               "rule": "!has(self.lifecycle) || !has(self.lifecycle.preStop) || !has(self.lifecycle.preStop.sleep) || self.lifecycle.preStop.sleep.seconds <= self.terminationGracePeriodSeconds",
               "message": "preStop.sleep.seconds must be at most terminationGracePeriodSeconds",
               "fieldPath": ".lifecycle"
              },
              {
               "rule": "!has(self.backoff) || self.backoff.initialSeconds <= self.backoff.maxSeconds",
               "message": "backoff.initialSeconds must be at most backoff.maxSeconds",
               "fieldPath": ".backoff"
              }
             ],
             "properties": {
              "image": {
               "type": "string",
               "minLength": 1,
               "maxLength": 512,
               "pattern": "^\\S+$",
               "description": "The image reference, for example registry.example:5000/team/web:1.4."
              },
              "imagePullPolicy": {
               "type": "string",
               "enum": [
                "Always",
                "IfNotPresent",
                "Never"
               ],
               "description": "When to pull the image. Without it: Always if the tag is latest or missing, else IfNotPresent."
              },
              "imagePullSecrets": {
               "type": "array",
               "maxItems": 16,
               "description": "Secrets of type kubernetes.io/dockerconfigjson in the same namespace, with credentials for the image's registry.",
               "x-kubernetes-list-type": "map",
               "x-kubernetes-list-map-keys": [
                "name"
               ],
               "items": {
                "type": "object",
                "required": [
                 "name"
                ],
                "properties": {
                 "name": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 253,
                  "description": "The Secret's name."
                 }
                }
               }
              },
              "command": {
               "type": "array",
               "maxItems": 1024,
               "items": {
                "type": "string",
                "pattern": "^[^\\x00]*$"
               },
               "description": "Replaces the image's entry point."
              },
              "args": {
               "type": "array",
               "maxItems": 1024,
               "items": {
                "type": "string",
                "pattern": "^[^\\x00]*$"
               },
               "description": "Replaces the image's command (the arguments of the entry point)."
              },
              "workingDir": {
               "type": "string",
               "maxLength": 4096,
               "pattern": "^/[^\\x00]*$",
               "description": "The working directory inside the container; absent: the image's."
              },
              "env": {
               "type": "array",
               "maxItems": 1024,
               "description": "Environment variables.",
               "x-kubernetes-list-type": "map",
               "x-kubernetes-list-map-keys": [
                "name"
               ],
               "items": {
                "type": "object",
                "required": [
                 "name"
                ],
                "x-kubernetes-validations": [
                 {
                  "rule": "!has(self.valueFrom) || !has(self.value) || self.value == ''",
                  "message": "value must be absent where valueFrom is given"
                 }
                ],
                "properties": {
                 "name": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 1024,
                  "pattern": "^[-._a-zA-Z][-._a-zA-Z0-9]*$",
                  "description": "The variable's name."
                 },
                 "value": {
                  "type": "string",
                  "maxLength": 131072,
                  "pattern": "^[^\\x00]*$",
                  "description": "The variable's value; absent: empty. $(NAME) stands for a variable defined before, $$ for a dollar sign."
                 },
                 "valueFrom": {
                  "type": "object",
                  "description": "Where the value comes from: exactly one source.",
                  "x-kubernetes-validations": [
                   {
                    "rule": "[has(self.configMapKeyRef), has(self.secretKeyRef), has(self.fieldRef), has(self.resourceFieldRef)].filter(x, x).size() == 1",
                    "message": "exactly one of configMapKeyRef, secretKeyRef, fieldRef and resourceFieldRef must be given"
                   }
                  ],
                  "properties": {
                   "configMapKeyRef": {
                    "type": "object",
                    "required": [
                     "name",
                     "key"
                    ],
                    "description": "A key of a ConfigMap or Secret in the same namespace.",
                    "properties": {
                     "name": {
                      "type": "string",
                      "minLength": 1,
                      "maxLength": 253,
                      "description": "The object's name."
                     },
                     "key": {
                      "type": "string",
                      "minLength": 1,
                      "maxLength": 253,
                      "description": "The key in its data."
                     },
                     "optional": {
                      "type": "boolean",
                      "description": "True: the variable is left out where the object or the key is missing. Else the task waits for it."
                     }
                    }
                   },
                   "secretKeyRef": {
                    "type": "object",
                    "required": [
                     "name",
                     "key"
                    ],
                    "description": "A key of a ConfigMap or Secret in the same namespace.",
                    "properties": {
                     "name": {
                      "type": "string",
                      "minLength": 1,
                      "maxLength": 253,
                      "description": "The object's name."
                     },
                     "key": {
                      "type": "string",
                      "minLength": 1,
                      "maxLength": 253,
                      "description": "The key in its data."
                     },
                     "optional": {
                      "type": "boolean",
                      "description": "True: the variable is left out where the object or the key is missing. Else the task waits for it."
                     }
                    }
                   },
                   "fieldRef": {
                    "type": "object",
                    "required": [
                     "fieldPath"
                    ],
                    "description": "A field of the task itself.",
                    "properties": {
                     "fieldPath": {
                      "type": "string",
                      "maxLength": 384,
                      "pattern": "^(metadata\\.(name|namespace|uid)|metadata\\.(labels|annotations)\\['[^']+'\\]|spec\\.(workerName|nodeName)|status\\.hostIP)$",
                      "description": "metadata.name, metadata.namespace, metadata.uid, metadata.labels['KEY'], metadata.annotations['KEY'], spec.workerName (spec.nodeName is the same) or status.hostIP."
                     }
                    }
                   },
                   "resourceFieldRef": {
                    "type": "object",
                    "required": [
                     "resource"
                    ],
                    "description": "A request or limit of the task. A limit that is not given is what the worker has to give; a request that is not given is the limit, and 0 without one.",
                    "properties": {
                     "resource": {
                      "type": "string",
                      "enum": [
                       "limits.cpu",
                       "limits.memory",
                       "limits.ephemeral-storage",
                       "requests.cpu",
                       "requests.memory",
                       "requests.ephemeral-storage"
                      ],
                      "description": "Which of them."
                     },
                     "divisor": {
                      "x-kubernetes-int-or-string": true,
                      "x-gantry-quantity": "positive",
                      "description": "The unit, for example 1m or 1Mi; absent: 1. The result is rounded up."
                     }
                    }
                   }
                  }
                 }
                }
               }
              },
              "envFrom": {
               "type": "array",
               "maxItems": 64,
               "description": "ConfigMaps and Secrets all of whose keys become variables; later ones win, env wins over all.",
               "x-kubernetes-list-type": "atomic",
               "items": {
                "type": "object",
                "x-kubernetes-validations": [
                 {
                  "rule": "has(self.configMapRef) != has(self.secretRef)",
                  "message": "exactly one of configMapRef and secretRef must be given"
                 }
                ],
                "properties": {
                 "prefix": {
                  "type": "string",
                  "maxLength": 253,
                  "pattern": "^[-._a-zA-Z0-9]*$",
                  "description": "Put before every key."
                 },
                 "configMapRef": {
                  "type": "object",
                  "required": [
                   "name"
                  ],
                  "description": "An object in the same namespace.",
                  "properties": {
                   "name": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 253,
                    "description": "The object's name."
                   },
                   "optional": {
                    "type": "boolean",
                    "description": "True: nothing is taken from it while it is missing. Else the task waits for it."
                   }
                  }
                 },
                 "secretRef": {
                  "type": "object",
                  "required": [
                   "name"
                  ],
                  "description": "An object in the same namespace.",
                  "properties": {
                   "name": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 253,
                    "description": "The object's name."
                   },
                   "optional": {
                    "type": "boolean",
                    "description": "True: nothing is taken from it while it is missing. Else the task waits for it."
                   }
                  }
                 }
                }
               }
              },
              "ports": {
               "type": "array",
               "maxItems": 128,
               "description": "Ports the container listens on.",
               "x-kubernetes-list-type": "map",
               "x-kubernetes-list-map-keys": [
                "containerPort",
                "protocol"
               ],
               "items": {
                "type": "object",
                "required": [
                 "containerPort"
                ],
                "x-kubernetes-validations": [
                 {
                  "rule": "!has(self.hostPort) || !has(self.publish) || self.publish",
                  "message": "hostPort must be absent when publish is false"
                 }
                ],
                "properties": {
                 "name": {
                  "type": "string",
                  "maxLength": 15,
                  "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
                  "description": "A name for the port, unique in the task."
                 },
                 "containerPort": {
                  "type": "integer",
                  "minimum": 1,
                  "maximum": 65535,
                  "description": "The port inside the container."
                 },
                 "protocol": {
                  "type": "string",
                  "enum": [
                   "TCP",
                   "UDP"
                  ],
                  "default": "TCP",
                  "description": "The transport protocol."
                 },
                 "hostPort": {
                  "type": "integer",
                  "minimum": 1,
                  "maximum": 65535,
                  "description": "The port on the worker. Absent: a free one, chosen once per binding and kept in status.ports."
                 },
                 "hostIP": {
                  "type": "string",
                  "maxLength": 45,
                  "pattern": "^[0-9a-fA-F.:]+$",
                  "description": "The worker's address to publish on. Absent: the worker's publish address."
                 },
                 "publish": {
                  "type": "boolean",
                  "description": "Whether the port is published on the worker at all; absent: it is."
                 }
                }
               }
              },
              "resources": {
               "type": "object",
               "description": "What the task needs and may use.",
               "properties": {
                "requests": {
                 "type": "object",
                 "description": "What the scheduler sets aside. Where only a limit is given, the request is the limit.",
                 "properties": {
                  "cpu": {
                   "x-kubernetes-int-or-string": true,
                   "description": "Cores, for example 500m.",
                   "x-gantry-quantity": true
                  },
                  "memory": {
                   "x-kubernetes-int-or-string": true,
                   "description": "Bytes, for example 64Mi.",
                   "x-gantry-quantity": true
                  },
                  "ephemeral-storage": {
                   "x-kubernetes-int-or-string": true,
                   "description": "Bytes on the worker's disk, for example 1Gi.",
                   "x-gantry-quantity": true
                  }
                 }
                },
                "limits": {
                 "type": "object",
                 "description": "What the container may use at most.",
                 "properties": {
                  "cpu": {
                   "x-kubernetes-int-or-string": true,
                   "x-kubernetes-validations": [
                    {
                     "rule": "quantity(string(self)).compareTo(quantity('10m')) >= 0",
                     "message": "must be at least 10m, the least an engine accepts"
                    }
                   ],
                   "description": "Cores, for example 500m; at least 10m.",
                   "x-gantry-quantity": true
                  },
                  "memory": {
                   "x-kubernetes-int-or-string": true,
                   "description": "Bytes, for example 64Mi; at least 6Mi.",
                   "x-gantry-quantity": true
                  },
                  "ephemeral-storage": {
                   "x-kubernetes-int-or-string": true,
                   "description": "Bytes that the container's own files, its emptyDir volumes on disk and its log may take, for example 1Gi. A container above it is stopped with the reason Evicted.",
                   "x-gantry-quantity": "positive"
                  }
                 }
                }
               }
              },
              "pidsLimit": {
               "type": "integer",
               "minimum": 1,
               "maximum": 4194304,
               "description": "Processes and threads at once; absent: 4096."
              },
              "shmSize": {
               "x-kubernetes-int-or-string": true,
               "x-gantry-quantity": "positive",
               "description": "Bytes of /dev/shm, for example 256Mi; absent: 64Mi."
              },
              "ulimits": {
               "type": "array",
               "maxItems": 16,
               "description": "Limits of each process, as setrlimit(2) has them; absent ones are the engine's.",
               "x-kubernetes-list-type": "map",
               "x-kubernetes-list-map-keys": [
                "name"
               ],
               "items": {
                "type": "object",
                "required": [
                 "name",
                 "soft",
                 "hard"
                ],
                "x-kubernetes-validations": [
                 {
                  "rule": "self.hard == -1 || (self.soft != -1 && self.soft <= self.hard)",
                  "message": "soft must be at most hard"
                 }
                ],
                "properties": {
                 "name": {
                  "type": "string",
                  "enum": [
                   "as",
                   "core",
                   "cpu",
                   "data",
                   "fsize",
                   "locks",
                   "memlock",
                   "msgqueue",
                   "nice",
                   "nofile",
                   "nproc",
                   "rss",
                   "rtprio",
                   "rttime",
                   "sigpending",
                   "stack"
                  ],
                  "description": "The limit's name without RLIMIT_."
                 },
                 "soft": {
                  "type": "integer",
                  "format": "int64",
                  "minimum": -1,
                  "description": "What applies; -1: no limit."
                 },
                 "hard": {
                  "type": "integer",
                  "format": "int64",
                  "minimum": -1,
                  "description": "Up to where a process may raise it; -1: no limit."
                 }
                }
               }
              },
              "volumes": {
               "type": "array",
               "maxItems": 64,
               "description": "Directories and files that the container is given.",
               "x-kubernetes-list-type": "map",
               "x-kubernetes-list-map-keys": [
                "name"
               ],
               "items": {
                "type": "object",
                "required": [
                 "name"
                ],
                "x-kubernetes-validations": [
                 {
                  "rule": "[has(self.emptyDir), has(self.hostPath), has(self.volume), has(self.configMap), has(self.secret)].filter(x, x).size() == 1",
                  "message": "exactly one of emptyDir, hostPath, volume, configMap and secret must be given"
                 }
                ],
                "properties": {
                 "name": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 63,
                  "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
                  "description": "What volumeMounts call it."
                 },
                 "emptyDir": {
                  "type": "object",
                  "description": "A directory that is empty at first and lives as long as the task stays on its worker.",
                  "properties": {
                   "medium": {
                    "type": "string",
                    "enum": [
                     "",
                     "Memory"
                    ],
                    "description": "Memory: kept in memory, counted against the memory limit. Absent: on the worker's disk."
                   },
                   "sizeLimit": {
                    "x-kubernetes-int-or-string": true,
                    "x-gantry-quantity": "positive",
                    "description": "Bytes; in memory a write beyond it fails, on disk the container is stopped with the reason Evicted."
                   }
                  }
                 },
                 "hostPath": {
                  "type": "object",
                  "required": [
                   "path"
                  ],
                  "description": "A path of the worker itself. Allowed only where the namespace's security level or the operator's list allows it.",
                  "properties": {
                   "path": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 4096,
                    "pattern": "^/[^\\x00]*$",
                    "x-kubernetes-validations": [
                     {
                      "rule": "!('/' + self).contains('/..')",
                      "message": "no part of it may begin with '..'"
                     }
                    ],
                    "description": "The absolute path, without '..'."
                   },
                   "type": {
                    "type": "string",
                    "enum": [
                     "",
                     "DirectoryOrCreate",
                     "Directory",
                     "FileOrCreate",
                     "File",
                     "Socket",
                     "CharDevice",
                     "BlockDevice"
                    ],
                    "description": "What must be there before the container starts; absent: anything."
                   }
                  }
                 },
                 "volume": {
                  "type": "object",
                  "required": [
                   "name"
                  ],
                  "description": "A named volume of the worker's engine, made when it is missing, kept when the task goes, shared by the tasks of the namespace that name it.",
                  "properties": {
                   "name": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 63,
                    "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
                    "description": "The volume's name in the namespace."
                   }
                  }
                 },
                 "configMap": {
                  "type": "object",
                  "required": [
                   "name"
                  ],
                  "description": "The keys of a ConfigMap as files, kept up to date while the container runs.",
                  "properties": {
                   "name": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 253,
                    "description": "The ConfigMap's name."
                   },
                   "defaultMode": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": 511,
                    "description": "Permission bits; absent: 0644 (decimal 420)."
                   },
                   "items": {
                    "type": "array",
                    "maxItems": 512,
                    "description": "Which keys, and where; absent: all, each as a file of its name.",
                    "x-kubernetes-list-type": "atomic",
                    "items": {
                     "type": "object",
                     "required": [
                      "key",
                      "path"
                     ],
                     "properties": {
                      "key": {
                       "type": "string",
                       "minLength": 1,
                       "maxLength": 253,
                       "description": "The key in the data."
                      },
                      "path": {
                       "type": "string",
                       "minLength": 1,
                       "maxLength": 1024,
                       "pattern": "^[^/\\x00][^\\x00]*$",
                       "x-kubernetes-validations": [
                        {
                         "rule": "!('/' + self).contains('/..')",
                         "message": "no part of it may begin with '..'"
                        }
                       ],
                       "description": "The file's path inside the volume, without '..'."
                      },
                      "mode": {
                       "type": "integer",
                       "minimum": 0,
                       "maximum": 511,
                       "description": "Permission bits; absent: 0644 (decimal 420)."
                      }
                     }
                    }
                   },
                   "optional": {
                    "type": "boolean",
                    "description": "True: missing ones are left out. Else the task waits for them."
                   }
                  }
                 },
                 "secret": {
                  "type": "object",
                  "required": [
                   "secretName"
                  ],
                  "description": "The keys of a Secret as files in memory, kept up to date while the container runs.",
                  "properties": {
                   "secretName": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 253,
                    "description": "The Secret's name."
                   },
                   "defaultMode": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": 511,
                    "description": "Permission bits; absent: 0644 (decimal 420)."
                   },
                   "items": {
                    "type": "array",
                    "maxItems": 512,
                    "description": "Which keys, and where; absent: all, each as a file of its name.",
                    "x-kubernetes-list-type": "atomic",
                    "items": {
                     "type": "object",
                     "required": [
                      "key",
                      "path"
                     ],
                     "properties": {
                      "key": {
                       "type": "string",
                       "minLength": 1,
                       "maxLength": 253,
                       "description": "The key in the data."
                      },
                      "path": {
                       "type": "string",
                       "minLength": 1,
                       "maxLength": 1024,
                       "pattern": "^[^/\\x00][^\\x00]*$",
                       "x-kubernetes-validations": [
                        {
                         "rule": "!('/' + self).contains('/..')",
                         "message": "no part of it may begin with '..'"
                        }
                       ],
                       "description": "The file's path inside the volume, without '..'."
                      },
                      "mode": {
                       "type": "integer",
                       "minimum": 0,
                       "maximum": 511,
                       "description": "Permission bits; absent: 0644 (decimal 420)."
                      }
                     }
                    }
                   },
                   "optional": {
                    "type": "boolean",
                    "description": "True: missing ones are left out. Else the task waits for them."
                   }
                  }
                 }
                }
               }
              },
              "volumeMounts": {
               "type": "array",
               "maxItems": 64,
               "description": "Where the volumes appear inside the container.",
               "x-kubernetes-list-type": "map",
               "x-kubernetes-list-map-keys": [
                "mountPath"
               ],
               "items": {
                "type": "object",
                "required": [
                 "name",
                 "mountPath"
                ],
                "properties": {
                 "name": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 63,
                  "description": "The volume's name."
                 },
                 "mountPath": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 4096,
                  "pattern": "^/[^\\x00:]*$",
                  "description": "The absolute path inside the container."
                 },
                 "subPath": {
                  "type": "string",
                  "maxLength": 4096,
                  "pattern": "^[^/\\x00][^\\x00]*$",
                  "description": "A path inside the volume that is mounted instead of all of it, without '..'. Such a mount of a ConfigMap or Secret is not kept up to date."
                 },
                 "readOnly": {
                  "type": "boolean",
                  "description": "True: the container cannot write to it. ConfigMaps and Secrets never can be written to."
                 }
                }
               }
              },
              "livenessProbe": {
               "type": "object",
               "description": "Asked again and again while the container runs.",
               "x-kubernetes-validations": [
                {
                 "rule": "[has(self.exec), has(self.httpGet), has(self.tcpSocket), has(self.grpc)].filter(x, x).size() == 1",
                 "message": "exactly one of exec, httpGet, tcpSocket and grpc must be given"
                }
               ],
               "properties": {
                "exec": {
                 "type": "object",
                 "required": [
                  "command"
                 ],
                 "description": "Succeeds when the command ends with 0 inside the container. It runs without a shell.",
                 "properties": {
                  "command": {
                   "type": "array",
                   "minItems": 1,
                   "maxItems": 1024,
                   "items": {
                    "type": "string",
                    "pattern": "^[^\\x00]*$"
                   },
                   "description": "The program and its arguments."
                  }
                 }
                },
                "httpGet": {
                 "type": "object",
                 "required": [
                  "port"
                 ],
                 "description": "Succeeds when the answer's status is from 200 to 399.",
                 "properties": {
                  "path": {
                   "type": "string",
                   "maxLength": 4096,
                   "description": "The path and query; absent: /."
                  },
                  "port": {
                   "x-kubernetes-int-or-string": true,
                   "description": "The container's port: its number, or its name in ports."
                  },
                  "host": {
                   "type": "string",
                   "maxLength": 253,
                   "description": "Who is asked; absent: the container."
                  },
                  "scheme": {
                   "type": "string",
                   "enum": [
                    "HTTP",
                    "HTTPS"
                   ],
                   "description": "Absent: HTTP. With HTTPS the certificate is not checked."
                  },
                  "httpHeaders": {
                   "type": "array",
                   "maxItems": 64,
                   "description": "Headers of the request.",
                   "x-kubernetes-list-type": "atomic",
                   "items": {
                    "type": "object",
                    "required": [
                     "name",
                     "value"
                    ],
                    "properties": {
                     "name": {
                      "type": "string",
                      "minLength": 1,
                      "maxLength": 253,
                      "pattern": "^[-A-Za-z0-9]+$",
                      "description": "The header's name."
                     },
                     "value": {
                      "type": "string",
                      "maxLength": 8192,
                      "pattern": "^[^\\x00\\r\\n]*$",
                      "description": "The header's value."
                     }
                    }
                   }
                  }
                 }
                },
                "tcpSocket": {
                 "type": "object",
                 "required": [
                  "port"
                 ],
                 "description": "Succeeds when the port takes a connection.",
                 "properties": {
                  "port": {
                   "x-kubernetes-int-or-string": true,
                   "description": "The container's port: its number, or its name in ports."
                  },
                  "host": {
                   "type": "string",
                   "maxLength": 253,
                   "description": "Who is asked; absent: the container."
                  }
                 }
                },
                "grpc": {
                 "type": "object",
                 "required": [
                  "port"
                 ],
                 "description": "Succeeds when grpc.health.v1.Health/Check answers SERVING.",
                 "properties": {
                  "port": {
                   "type": "integer",
                   "minimum": 1,
                   "maximum": 65535,
                   "description": "The container's port."
                  },
                  "service": {
                   "type": "string",
                   "maxLength": 253,
                   "description": "The service that is asked about; absent: the whole server."
                  }
                 }
                },
                "initialDelaySeconds": {
                 "type": "integer",
                 "minimum": 0,
                 "maximum": 86400,
                 "description": "Seconds between the container's start and the first question; absent: 0."
                },
                "periodSeconds": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 86400,
                 "description": "Seconds between two questions; absent: 10."
                },
                "timeoutSeconds": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 3600,
                 "description": "Seconds to wait for an answer; absent: 1."
                },
                "successThreshold": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 1000,
                 "description": "Successes in a row after a failure that count as success; absent: 1."
                },
                "failureThreshold": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 1000,
                 "description": "Failures in a row that count as failure; absent: 3."
                },
                "terminationGracePeriodSeconds": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 86400,
                 "description": "Seconds between the stop signal and the kill where this probe failed; absent: the task's. Not for readiness."
                }
               }
              },
              "readinessProbe": {
               "type": "object",
               "description": "Asked again and again while the container runs.",
               "x-kubernetes-validations": [
                {
                 "rule": "[has(self.exec), has(self.httpGet), has(self.tcpSocket), has(self.grpc)].filter(x, x).size() == 1",
                 "message": "exactly one of exec, httpGet, tcpSocket and grpc must be given"
                }
               ],
               "properties": {
                "exec": {
                 "type": "object",
                 "required": [
                  "command"
                 ],
                 "description": "Succeeds when the command ends with 0 inside the container. It runs without a shell.",
                 "properties": {
                  "command": {
                   "type": "array",
                   "minItems": 1,
                   "maxItems": 1024,
                   "items": {
                    "type": "string",
                    "pattern": "^[^\\x00]*$"
                   },
                   "description": "The program and its arguments."
                  }
                 }
                },
                "httpGet": {
                 "type": "object",
                 "required": [
                  "port"
                 ],
                 "description": "Succeeds when the answer's status is from 200 to 399.",
                 "properties": {
                  "path": {
                   "type": "string",
                   "maxLength": 4096,
                   "description": "The path and query; absent: /."
                  },
                  "port": {
                   "x-kubernetes-int-or-string": true,
                   "description": "The container's port: its number, or its name in ports."
                  },
                  "host": {
                   "type": "string",
                   "maxLength": 253,
                   "description": "Who is asked; absent: the container."
                  },
                  "scheme": {
                   "type": "string",
                   "enum": [
                    "HTTP",
                    "HTTPS"
                   ],
                   "description": "Absent: HTTP. With HTTPS the certificate is not checked."
                  },
                  "httpHeaders": {
                   "type": "array",
                   "maxItems": 64,
                   "description": "Headers of the request.",
                   "x-kubernetes-list-type": "atomic",
                   "items": {
                    "type": "object",
                    "required": [
                     "name",
                     "value"
                    ],
                    "properties": {
                     "name": {
                      "type": "string",
                      "minLength": 1,
                      "maxLength": 253,
                      "pattern": "^[-A-Za-z0-9]+$",
                      "description": "The header's name."
                     },
                     "value": {
                      "type": "string",
                      "maxLength": 8192,
                      "pattern": "^[^\\x00\\r\\n]*$",
                      "description": "The header's value."
                     }
                    }
                   }
                  }
                 }
                },
                "tcpSocket": {
                 "type": "object",
                 "required": [
                  "port"
                 ],
                 "description": "Succeeds when the port takes a connection.",
                 "properties": {
                  "port": {
                   "x-kubernetes-int-or-string": true,
                   "description": "The container's port: its number, or its name in ports."
                  },
                  "host": {
                   "type": "string",
                   "maxLength": 253,
                   "description": "Who is asked; absent: the container."
                  }
                 }
                },
                "grpc": {
                 "type": "object",
                 "required": [
                  "port"
                 ],
                 "description": "Succeeds when grpc.health.v1.Health/Check answers SERVING.",
                 "properties": {
                  "port": {
                   "type": "integer",
                   "minimum": 1,
                   "maximum": 65535,
                   "description": "The container's port."
                  },
                  "service": {
                   "type": "string",
                   "maxLength": 253,
                   "description": "The service that is asked about; absent: the whole server."
                  }
                 }
                },
                "initialDelaySeconds": {
                 "type": "integer",
                 "minimum": 0,
                 "maximum": 86400,
                 "description": "Seconds between the container's start and the first question; absent: 0."
                },
                "periodSeconds": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 86400,
                 "description": "Seconds between two questions; absent: 10."
                },
                "timeoutSeconds": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 3600,
                 "description": "Seconds to wait for an answer; absent: 1."
                },
                "successThreshold": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 1000,
                 "description": "Successes in a row after a failure that count as success; absent: 1."
                },
                "failureThreshold": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 1000,
                 "description": "Failures in a row that count as failure; absent: 3."
                },
                "terminationGracePeriodSeconds": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 86400,
                 "description": "Seconds between the stop signal and the kill where this probe failed; absent: the task's. Not for readiness."
                }
               }
              },
              "startupProbe": {
               "type": "object",
               "description": "Asked again and again while the container runs.",
               "x-kubernetes-validations": [
                {
                 "rule": "[has(self.exec), has(self.httpGet), has(self.tcpSocket), has(self.grpc)].filter(x, x).size() == 1",
                 "message": "exactly one of exec, httpGet, tcpSocket and grpc must be given"
                }
               ],
               "properties": {
                "exec": {
                 "type": "object",
                 "required": [
                  "command"
                 ],
                 "description": "Succeeds when the command ends with 0 inside the container. It runs without a shell.",
                 "properties": {
                  "command": {
                   "type": "array",
                   "minItems": 1,
                   "maxItems": 1024,
                   "items": {
                    "type": "string",
                    "pattern": "^[^\\x00]*$"
                   },
                   "description": "The program and its arguments."
                  }
                 }
                },
                "httpGet": {
                 "type": "object",
                 "required": [
                  "port"
                 ],
                 "description": "Succeeds when the answer's status is from 200 to 399.",
                 "properties": {
                  "path": {
                   "type": "string",
                   "maxLength": 4096,
                   "description": "The path and query; absent: /."
                  },
                  "port": {
                   "x-kubernetes-int-or-string": true,
                   "description": "The container's port: its number, or its name in ports."
                  },
                  "host": {
                   "type": "string",
                   "maxLength": 253,
                   "description": "Who is asked; absent: the container."
                  },
                  "scheme": {
                   "type": "string",
                   "enum": [
                    "HTTP",
                    "HTTPS"
                   ],
                   "description": "Absent: HTTP. With HTTPS the certificate is not checked."
                  },
                  "httpHeaders": {
                   "type": "array",
                   "maxItems": 64,
                   "description": "Headers of the request.",
                   "x-kubernetes-list-type": "atomic",
                   "items": {
                    "type": "object",
                    "required": [
                     "name",
                     "value"
                    ],
                    "properties": {
                     "name": {
                      "type": "string",
                      "minLength": 1,
                      "maxLength": 253,
                      "pattern": "^[-A-Za-z0-9]+$",
                      "description": "The header's name."
                     },
                     "value": {
                      "type": "string",
                      "maxLength": 8192,
                      "pattern": "^[^\\x00\\r\\n]*$",
                      "description": "The header's value."
                     }
                    }
                   }
                  }
                 }
                },
                "tcpSocket": {
                 "type": "object",
                 "required": [
                  "port"
                 ],
                 "description": "Succeeds when the port takes a connection.",
                 "properties": {
                  "port": {
                   "x-kubernetes-int-or-string": true,
                   "description": "The container's port: its number, or its name in ports."
                  },
                  "host": {
                   "type": "string",
                   "maxLength": 253,
                   "description": "Who is asked; absent: the container."
                  }
                 }
                },
                "grpc": {
                 "type": "object",
                 "required": [
                  "port"
                 ],
                 "description": "Succeeds when grpc.health.v1.Health/Check answers SERVING.",
                 "properties": {
                  "port": {
                   "type": "integer",
                   "minimum": 1,
                   "maximum": 65535,
                   "description": "The container's port."
                  },
                  "service": {
                   "type": "string",
                   "maxLength": 253,
                   "description": "The service that is asked about; absent: the whole server."
                  }
                 }
                },
                "initialDelaySeconds": {
                 "type": "integer",
                 "minimum": 0,
                 "maximum": 86400,
                 "description": "Seconds between the container's start and the first question; absent: 0."
                },
                "periodSeconds": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 86400,
                 "description": "Seconds between two questions; absent: 10."
                },
                "timeoutSeconds": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 3600,
                 "description": "Seconds to wait for an answer; absent: 1."
                },
                "successThreshold": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 1000,
                 "description": "Successes in a row after a failure that count as success; absent: 1."
                },
                "failureThreshold": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 1000,
                 "description": "Failures in a row that count as failure; absent: 3."
                },
                "terminationGracePeriodSeconds": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 86400,
                 "description": "Seconds between the stop signal and the kill where this probe failed; absent: the task's. Not for readiness."
                }
               }
              },
              "lifecycle": {
               "type": "object",
               "description": "What is done after the container's start and before its end.",
               "properties": {
                "postStart": {
                 "type": "object",
                 "description": "One act. A container whose postStart fails is stopped; preStop counts against the grace period.",
                 "x-kubernetes-validations": [
                  {
                   "rule": "[has(self.exec), has(self.httpGet), has(self.tcpSocket), has(self.sleep)].filter(x, x).size() == 1",
                   "message": "exactly one of exec, httpGet, tcpSocket and sleep must be given"
                  }
                 ],
                 "properties": {
                  "exec": {
                   "type": "object",
                   "required": [
                    "command"
                   ],
                   "description": "Succeeds when the command ends with 0 inside the container. It runs without a shell.",
                   "properties": {
                    "command": {
                     "type": "array",
                     "minItems": 1,
                     "maxItems": 1024,
                     "items": {
                      "type": "string",
                      "pattern": "^[^\\x00]*$"
                     },
                     "description": "The program and its arguments."
                    }
                   }
                  },
                  "httpGet": {
                   "type": "object",
                   "required": [
                    "port"
                   ],
                   "description": "Succeeds when the answer's status is from 200 to 399.",
                   "properties": {
                    "path": {
                     "type": "string",
                     "maxLength": 4096,
                     "description": "The path and query; absent: /."
                    },
                    "port": {
                     "x-kubernetes-int-or-string": true,
                     "description": "The container's port: its number, or its name in ports."
                    },
                    "host": {
                     "type": "string",
                     "maxLength": 253,
                     "description": "Who is asked; absent: the container."
                    },
                    "scheme": {
                     "type": "string",
                     "enum": [
                      "HTTP",
                      "HTTPS"
                     ],
                     "description": "Absent: HTTP. With HTTPS the certificate is not checked."
                    },
                    "httpHeaders": {
                     "type": "array",
                     "maxItems": 64,
                     "description": "Headers of the request.",
                     "x-kubernetes-list-type": "atomic",
                     "items": {
                      "type": "object",
                      "required": [
                       "name",
                       "value"
                      ],
                      "properties": {
                       "name": {
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 253,
                        "pattern": "^[-A-Za-z0-9]+$",
                        "description": "The header's name."
                       },
                       "value": {
                        "type": "string",
                        "maxLength": 8192,
                        "pattern": "^[^\\x00\\r\\n]*$",
                        "description": "The header's value."
                       }
                      }
                     }
                    }
                   }
                  },
                  "tcpSocket": {
                   "type": "object",
                   "required": [
                    "port"
                   ],
                   "description": "Succeeds when the port takes a connection.",
                   "properties": {
                    "port": {
                     "x-kubernetes-int-or-string": true,
                     "description": "The container's port: its number, or its name in ports."
                    },
                    "host": {
                     "type": "string",
                     "maxLength": 253,
                     "description": "Who is asked; absent: the container."
                    }
                   }
                  },
                  "sleep": {
                   "type": "object",
                   "required": [
                    "seconds"
                   ],
                   "description": "Waits.",
                   "properties": {
                    "seconds": {
                     "type": "integer",
                     "format": "int64",
                     "minimum": 0,
                     "maximum": 86400,
                     "description": "How long."
                    }
                   }
                  }
                 }
                },
                "preStop": {
                 "type": "object",
                 "description": "One act. A container whose postStart fails is stopped; preStop counts against the grace period.",
                 "x-kubernetes-validations": [
                  {
                   "rule": "[has(self.exec), has(self.httpGet), has(self.tcpSocket), has(self.sleep)].filter(x, x).size() == 1",
                   "message": "exactly one of exec, httpGet, tcpSocket and sleep must be given"
                  }
                 ],
                 "properties": {
                  "exec": {
                   "type": "object",
                   "required": [
                    "command"
                   ],
                   "description": "Succeeds when the command ends with 0 inside the container. It runs without a shell.",
                   "properties": {
                    "command": {
                     "type": "array",
                     "minItems": 1,
                     "maxItems": 1024,
                     "items": {
                      "type": "string",
                      "pattern": "^[^\\x00]*$"
                     },
                     "description": "The program and its arguments."
                    }
                   }
                  },
                  "httpGet": {
                   "type": "object",
                   "required": [
                    "port"
                   ],
                   "description": "Succeeds when the answer's status is from 200 to 399.",
                   "properties": {
                    "path": {
                     "type": "string",
                     "maxLength": 4096,
                     "description": "The path and query; absent: /."
                    },
                    "port": {
                     "x-kubernetes-int-or-string": true,
                     "description": "The container's port: its number, or its name in ports."
                    },
                    "host": {
                     "type": "string",
                     "maxLength": 253,
                     "description": "Who is asked; absent: the container."
                    },
                    "scheme": {
                     "type": "string",
                     "enum": [
                      "HTTP",
                      "HTTPS"
                     ],
                     "description": "Absent: HTTP. With HTTPS the certificate is not checked."
                    },
                    "httpHeaders": {
                     "type": "array",
                     "maxItems": 64,
                     "description": "Headers of the request.",
                     "x-kubernetes-list-type": "atomic",
                     "items": {
                      "type": "object",
                      "required": [
                       "name",
                       "value"
                      ],
                      "properties": {
                       "name": {
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 253,
                        "pattern": "^[-A-Za-z0-9]+$",
                        "description": "The header's name."
                       },
                       "value": {
                        "type": "string",
                        "maxLength": 8192,
                        "pattern": "^[^\\x00\\r\\n]*$",
                        "description": "The header's value."
                       }
                      }
                     }
                    }
                   }
                  },
                  "tcpSocket": {
                   "type": "object",
                   "required": [
                    "port"
                   ],
                   "description": "Succeeds when the port takes a connection.",
                   "properties": {
                    "port": {
                     "x-kubernetes-int-or-string": true,
                     "description": "The container's port: its number, or its name in ports."
                    },
                    "host": {
                     "type": "string",
                     "maxLength": 253,
                     "description": "Who is asked; absent: the container."
                    }
                   }
                  },
                  "sleep": {
                   "type": "object",
                   "required": [
                    "seconds"
                   ],
                   "description": "Waits.",
                   "properties": {
                    "seconds": {
                     "type": "integer",
                     "format": "int64",
                     "minimum": 0,
                     "maximum": 86400,
                     "description": "How long."
                    }
                   }
                  }
                 }
                }
               }
              },
              "terminationGracePeriodSeconds": {
               "type": "integer",
               "minimum": 0,
               "maximum": 86400,
               "default": 30,
               "description": "Seconds between the stop signal and the kill."
              },
              "stopSignal": {
               "type": "string",
               "pattern": "^SIG(TERM|INT|QUIT|HUP|USR1|USR2|KILL|WINCH)$",
               "description": "The signal that asks the container to stop; absent: the image's, or SIGTERM."
              },
              "restartPolicy": {
               "type": "string",
               "enum": [
                "Always"
               ],
               "default": "Always",
               "description": "Always: a container of a TaskSet that ended is started again."
              },
              "backoff": {
               "type": "object",
               "default": {},
               "description": "How long to wait between restarts: the first restart is at once, then the wait doubles.",
               "properties": {
                "initialSeconds": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 3600,
                 "default": 1,
                 "description": "The wait before the second restart."
                },
                "maxSeconds": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 86400,
                 "default": 60,
                 "description": "The longest wait."
                },
                "resetSeconds": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 86400,
                 "default": 600,
                 "description": "A container that ran this long starts the count anew."
                }
               }
              },
              "dependsOn": {
               "type": "array",
               "maxItems": 32,
               "description": "What must be so before the first container is started. Once it was, it is not asked again.",
               "x-kubernetes-list-type": "map",
               "x-kubernetes-list-map-keys": [
                "kind",
                "name"
               ],
               "items": {
                "type": "object",
                "required": [
                 "name"
                ],
                "properties": {
                 "kind": {
                  "type": "string",
                  "enum": [
                   "Task"
                  ],
                  "default": "Task",
                  "description": "The kind of the object in the same namespace."
                 },
                 "name": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 253,
                  "description": "Its name."
                 },
                 "condition": {
                  "type": "string",
                  "enum": [
                   "Started",
                   "Ready",
                   "Completed"
                  ],
                  "default": "Ready",
                  "description": "Started: a container of it has been started. Ready: its condition Ready is True. Completed: its phase is Succeeded."
                 }
                }
               }
              },
              "securityContext": {
               "type": "object",
               "description": "Privileges of the container.",
               "x-kubernetes-validations": [
                {
                 "rule": "!has(self.privileged) || !self.privileged || !has(self.allowPrivilegeEscalation) || self.allowPrivilegeEscalation",
                 "message": "must not be false with privileged: true, which gives every right at once",
                 "fieldPath": ".allowPrivilegeEscalation"
                },
                {
                 "rule": "!has(self.runAsNonRoot) || !self.runAsNonRoot || !has(self.runAsUser) || self.runAsUser != 0",
                 "message": "must not be 0 with runAsNonRoot: true",
                 "fieldPath": ".runAsUser"
                },
                {
                 "rule": "!has(self.runAsGroup) || has(self.runAsUser)",
                 "message": "must come with runAsUser, without which the container would be root in that group",
                 "fieldPath": ".runAsGroup"
                }
               ],
               "properties": {
                "runAsUser": {
                 "type": "integer",
                 "minimum": 0,
                 "maximum": 2147483647,
                 "description": "The user id of the container's process."
                },
                "runAsGroup": {
                 "type": "integer",
                 "minimum": 0,
                 "maximum": 2147483647,
                 "description": "The group id of the container's process; only with runAsUser."
                },
                "readOnlyRootFilesystem": {
                 "type": "boolean",
                 "description": "Mounts the container's root file system read-only."
                },
                "runAsNonRoot": {
                 "type": "boolean",
                 "description": "True: a container whose user is root is not started."
                },
                "privileged": {
                 "type": "boolean",
                 "description": "Gives the container nearly all of the worker's own rights."
                },
                "allowPrivilegeEscalation": {
                 "type": "boolean",
                 "description": "Whether a process may gain more rights than its parent, for example by a set-user-id file; absent: no, unless privileged."
                },
                "seccompProfile": {
                 "type": "object",
                 "required": [
                  "type"
                 ],
                 "description": "Which system calls are filtered; absent: RuntimeDefault.",
                 "x-kubernetes-validations": [
                  {
                   "rule": "(self.type == 'Localhost') == has(self.localhostProfile)",
                   "message": "localhostProfile must be given with type Localhost, and with no other"
                  }
                 ],
                 "properties": {
                  "type": {
                   "type": "string",
                   "enum": [
                    "RuntimeDefault",
                    "Unconfined",
                    "Localhost"
                   ],
                   "description": "RuntimeDefault: the engine's own list."
                  },
                  "localhostProfile": {
                   "type": "string",
                   "minLength": 1,
                   "maxLength": 1024,
                   "pattern": "^[^/\\x00][^\\x00]*$",
                   "x-kubernetes-validations": [
                    {
                     "rule": "!('/' + self).contains('/..')",
                     "message": "no part of it may begin with '..'"
                    }
                   ],
                   "description": "A file below the worker's folder of seccomp profiles, without '..'."
                  }
                 }
                },
                "capabilities": {
                 "type": "object",
                 "description": "Linux capabilities on top of, or missing from, the engine's default set.",
                 "properties": {
                  "add": {
                   "type": "array",
                   "maxItems": 64,
                   "items": {
                    "type": "string",
                    "pattern": "^[A-Z_]+$"
                   },
                   "x-kubernetes-validations": [
                    {
                     "rule": "!self.exists(c, c.startsWith('CAP_'))",
                     "message": "must be written without the CAP_ prefix"
                    }
                   ],
                   "description": "Capabilities to add, without the CAP_ prefix."
                  },
                  "drop": {
                   "type": "array",
                   "maxItems": 64,
                   "items": {
                    "type": "string",
                    "pattern": "^[A-Z_]+$"
                   },
                   "x-kubernetes-validations": [
                    {
                     "rule": "!self.exists(c, c.startsWith('CAP_'))",
                     "message": "must be written without the CAP_ prefix"
                    }
                   ],
                   "description": "Capabilities to drop, without the CAP_ prefix."
                  }
                 }
                }
               }
              },
              "network": {
               "type": "object",
               "description": "How the container is connected.",
               "properties": {
                "mode": {
                 "type": "string",
                 "maxLength": 63,
                 "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
                 "default": "bridge",
                 "description": "bridge: the network that all tasks of the namespace on this worker share, on which they find each other by name; host: the worker's own; none; any other name: a network of that name in the namespace."
                },
                "hostname": {
                 "type": "string",
                 "maxLength": 63,
                 "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
                 "description": "The container's host name; absent: the task's name."
                },
                "aliases": {
                 "type": "array",
                 "maxItems": 16,
                 "x-kubernetes-list-type": "set",
                 "items": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 63,
                  "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
                 },
                 "description": "Further names under which others on the network find it."
                },
                "dns": {
                 "type": "array",
                 "maxItems": 3,
                 "x-kubernetes-list-type": "atomic",
                 "items": {
                  "type": "string",
                  "maxLength": 45,
                  "pattern": "^[0-9a-fA-F.:]+$"
                 },
                 "description": "Addresses of name servers; absent: the worker's."
                }
               }
              },
              "hostPID": {
               "type": "boolean",
               "description": "True: the container sees and signals every process of the worker."
              },
              "logs": {
               "type": "object",
               "description": "How much output is kept on the worker for each container.",
               "properties": {
                "maxSize": {
                 "x-kubernetes-int-or-string": true,
                 "x-gantry-quantity": "positive",
                 "description": "Bytes of one file, for example 10Mi, which is the default."
                },
                "maxFiles": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 100,
                 "description": "How many files; absent: 5."
                }
               }
              },
              "tolerations": {
               "type": "array",
               "maxItems": 64,
               "description": "Taints of workers that do not keep the task away.",
               "x-kubernetes-list-type": "atomic",
               "items": {
                "type": "object",
                "x-kubernetes-validations": [
                 {
                  "rule": "!has(self.operator) || self.operator != 'Exists' || !has(self.value)",
                  "message": "value must be absent when operator is Exists"
                 },
                 {
                  "rule": "has(self.key) || (has(self.operator) && self.operator == 'Exists')",
                  "message": "without a key operator must be Exists, which tolerates every taint"
                 }
                ],
                "properties": {
                 "key": {
                  "type": "string",
                  "maxLength": 317,
                  "description": "The taint's name; absent: every taint."
                 },
                 "operator": {
                  "type": "string",
                  "enum": [
                   "Exists",
                   "Equal"
                  ],
                  "description": "How the value compares; absent: Equal."
                 },
                 "value": {
                  "type": "string",
                  "maxLength": 63,
                  "description": "The taint's value; absent: empty."
                 },
                 "effect": {
                  "type": "string",
                  "enum": [
                   "NoSchedule",
                   "PreferNoSchedule"
                  ],
                  "description": "The taint's effect; absent: every effect."
                 }
                }
               }
              },
              "workerSelector": {
               "type": "object",
               "maxProperties": 64,
               "additionalProperties": {
                "type": "string",
                "maxLength": 253
               },
               "description": "Labels that a worker must carry. gantry.dev/worker stands for the worker's own name."
              },
              "priority": {
               "type": "integer",
               "format": "int32",
               "minimum": -1000000,
               "maximum": 1000000,
               "description": "Who is placed first when several tasks wait for room: the highest; absent: 0."
              },
              "preemptionPolicy": {
               "type": "string",
               "enum": [
                "Never",
                "PreemptLowerPriority"
               ],
               "description": "PreemptLowerPriority: while there is no room for it, tasks of lower priority may be moved off a worker to make some; absent: Never."
              }
             }
            }
           }
          },
          "strategy": {
           "type": "object",
           "default": {},
           "description": "How tasks of a new revision take the places of those of the old.",
           "x-kubernetes-validations": [
            {
             "rule": "self.type == 'RollingUpdate' || !has(self.canary)",
             "message": "must be absent with type Recreate",
             "fieldPath": ".canary"
            },
            {
             "rule": "self.type != 'RollingUpdate' || !((type(self.maxSurge) == int ? self.maxSurge == 0 : self.maxSurge == '0%') && (type(self.maxUnavailable) == int ? self.maxUnavailable == 0 : self.maxUnavailable == '0%'))",
             "message": "must not be 0 when maxSurge is 0: nothing could ever be replaced",
             "fieldPath": ".maxUnavailable"
            }
           ],
           "properties": {
            "type": {
             "type": "string",
             "enum": [
              "RollingUpdate",
              "Recreate"
             ],
             "default": "RollingUpdate",
             "description": "RollingUpdate: some at a time; Recreate: all old ones end before the first new one begins."
            },
            "maxSurge": {
             "x-kubernetes-int-or-string": true,
             "default": "25%",
             "x-kubernetes-validations": [
              {
               "rule": "type(self) == int ? self >= 0 && self <= 1000 : self.matches('^([0-9]|[1-9][0-9]|100)%$')",
               "message": "must be a whole number from 0 to 1000 or a percentage from 0% to 100%"
              }
             ],
             "description": "How many more than spec.replicas there may be meanwhile: a number, or a percentage, rounded up. Canaries may be more."
            },
            "maxUnavailable": {
             "x-kubernetes-int-or-string": true,
             "default": "25%",
             "x-kubernetes-validations": [
              {
               "rule": "type(self) == int ? self >= 0 && self <= 1000 : self.matches('^([0-9]|[1-9][0-9]|100)%$')",
               "message": "must be a whole number from 0 to 1000 or a percentage from 0% to 100%"
              }
             ],
             "description": "How many of spec.replicas may be unavailable meanwhile: a number, or a percentage, rounded down. Where both come to 0, this is 1."
            },
            "canary": {
             "type": "object",
             "description": "First only some of the new revision, beside all of the old one.",
             "properties": {
              "replicas": {
               "type": "integer",
               "format": "int32",
               "minimum": 1,
               "maximum": 1000,
               "default": 1,
               "description": "How many."
              },
              "autoPromote": {
               "type": "boolean",
               "default": false,
               "description": "True: the rest follows once these are available. False: once somebody promotes the revision."
              }
             }
            },
            "autoRevert": {
             "type": "boolean",
             "default": false,
             "description": "True: a revision that does not progress within progressDeadlineSeconds is given up, and the last stable one comes back. spec.template stays as it is; status.rejectedRevision says so."
            }
           }
          },
          "minReadySeconds": {
           "type": "integer",
           "format": "int32",
           "minimum": 0,
           "maximum": 86400,
           "default": 0,
           "description": "How long a task must have been ready to count as available."
          },
          "progressDeadlineSeconds": {
           "type": "integer",
           "format": "int32",
           "minimum": 1,
           "maximum": 86400,
           "default": 600,
           "description": "A rollout in which nothing has moved for this long has failed. More than minReadySeconds. Time in which it is paused or waits for promotion does not count."
          },
          "revisionHistoryLimit": {
           "type": "integer",
           "format": "int32",
           "minimum": 0,
           "maximum": 100,
           "default": 10,
           "description": "How many old revisions are kept, beside those in use, to go back to."
          },
          "paused": {
           "type": "boolean",
           "description": "True: changes of the template wait; the number of replicas is still kept."
          }
         }
        },
        "status": {
         "type": "object",
         "description": "What was seen, never what is hoped.",
         "properties": {
          "observedGeneration": {
           "type": "integer",
           "format": "int64",
           "description": "The generation this status was made from."
          },
          "desiredReplicas": {
           "type": "integer",
           "format": "int32",
           "description": "How many tasks are wanted: spec.replicas, or the number of matching workers."
          },
          "replicas": {
           "type": "integer",
           "format": "int32",
           "description": "How many tasks there are that are not on their way out."
          },
          "updatedReplicas": {
           "type": "integer",
           "format": "int32",
           "description": "How many of them are of the update revision."
          },
          "readyReplicas": {
           "type": "integer",
           "format": "int32",
           "description": "How many of them are Ready."
          },
          "availableReplicas": {
           "type": "integer",
           "format": "int32",
           "description": "How many of them have been Ready for minReadySeconds."
          },
          "unavailableReplicas": {
           "type": "integer",
           "format": "int32",
           "description": "How many of those wanted are not available."
          },
          "endpoints": {
           "type": "array",
           "x-kubernetes-list-type": "atomic",
           "description": "Those to send work to: Ready, and not on their way out. A task leaves this list a second before its container is told to stop.",
           "items": {
            "type": "object",
            "required": [
             "task"
            ],
            "properties": {
             "task": {
              "type": "string",
              "description": "The task's name."
             },
             "workerName": {
              "type": "string",
              "description": "Its worker."
             },
             "ip": {
              "type": "string",
              "description": "The container's address on its network."
             },
             "ports": {
              "type": "array",
              "x-kubernetes-list-type": "atomic",
              "description": "Where its ports are published.",
              "items": {
               "type": "object",
               "required": [
                "containerPort",
                "protocol",
                "hostIP",
                "hostPort"
               ],
               "properties": {
                "name": {
                 "type": "string",
                 "description": "The port's name in the spec."
                },
                "containerPort": {
                 "type": "integer",
                 "description": "The port inside the container."
                },
                "protocol": {
                 "type": "string",
                 "description": "The transport protocol."
                },
                "hostIP": {
                 "type": "string",
                 "description": "The worker's address."
                },
                "hostPort": {
                 "type": "integer",
                 "description": "The port on the worker."
                }
               }
              }
             }
            }
           }
          },
          "leaving": {
           "type": "array",
           "x-kubernetes-list-type": "atomic",
           "description": "Tasks that were chosen to go: they take no new work, and are deleted a second after they left endpoints.",
           "items": {
            "type": "object",
            "required": [
             "task",
             "uid",
             "since",
             "reason"
            ],
            "properties": {
             "task": {
              "type": "string",
              "description": "The task's name."
             },
             "uid": {
              "type": "string",
              "description": "Its uid."
             },
             "since": {
              "type": "string",
              "format": "date-time",
              "description": "When it was chosen; RFC 3339 with milliseconds."
             },
             "reason": {
              "type": "string",
              "description": "Superseded (another revision takes its place), ScaledDown, Failed, WorkerNotMatching or Recreate."
             },
             "message": {
              "type": "string",
              "description": "Why this one."
             }
            }
           }
          },
          "currentRevision": {
           "type": "string",
           "description": "The ControllerRevision that most tasks were of before the update, until it is complete."
          },
          "updateRevision": {
           "type": "string",
           "description": "The ControllerRevision of spec.template."
          },
          "targetRevision": {
           "type": "string",
           "description": "The one new tasks are made from: the update revision, unless it was rejected."
          },
          "lastStableRevision": {
           "type": "string",
           "description": "The last one that all tasks were of and available."
          },
          "rejectedRevision": {
           "type": "string",
           "description": "An update revision that was given up (autoRevert). Another template, or a restart, begins anew."
          },
          "promotedRevision": {
           "type": "string",
           "description": "The revision whose canaries were promoted."
          },
          "lastProgressTime": {
           "type": "string",
           "format": "date-time",
           "description": "When the rollout last moved."
          },
          "furthest": {
           "type": "object",
           "description": "While a rollout is under way: the furthest it has been. What only comes and goes, as a crash loop does, is no progress.",
           "properties": {
            "updated": {
             "type": "integer",
             "format": "int32",
             "description": "The most there were of the target revision."
            },
            "available": {
             "type": "integer",
             "format": "int32",
             "description": "The most of them that were available."
            },
            "outdated": {
             "type": "integer",
             "format": "int32",
             "description": "The fewest there were of other revisions, those on their way out included."
            }
           }
          },
          "lastGap": {
           "type": "object",
           "description": "With a fixed hostPort the old task stops before the new one starts: how long nobody answered there the last time.",
           "properties": {
            "task": {
             "type": "string",
             "description": "The task that came."
            },
            "seconds": {
             "type": "number",
             "description": "From the moment the old one left endpoints until the new one was Ready."
            },
            "finishedAt": {
             "type": "string",
             "format": "date-time",
             "description": "When it was Ready."
            }
           }
          },
          "selector": {
           "type": "string",
           "description": "spec.selector as text, for /scale."
          },
          "conditions": {
           "type": "array",
           "x-kubernetes-list-type": "map",
           "x-kubernetes-list-map-keys": [
            "type"
           ],
           "description": "Available, Progressing and ReplicaFailure.",
           "items": {
            "type": "object",
            "required": [
             "type",
             "status",
             "reason",
             "message",
             "lastTransitionTime"
            ],
            "properties": {
             "type": {
              "type": "string",
              "description": "The condition's name."
             },
             "status": {
              "type": "string",
              "enum": [
               "True",
               "False",
               "Unknown"
              ],
              "description": "Whether it holds."
             },
             "reason": {
              "type": "string",
              "description": "One word that says why."
             },
             "message": {
              "type": "string",
              "description": "A sentence for people."
             },
             "lastTransitionTime": {
              "type": "string",
              "format": "date-time",
              "description": "When status last changed."
             },
             "observedGeneration": {
              "type": "integer",
              "format": "int64",
              "description": "The generation this was judged from."
             }
            }
           }
          }
         }
        }
       }
      }
     }
    }
   ]
  }
 },
 {
  "apiVersion": "apiextensions.k8s.io/v1",
  "kind": "CustomResourceDefinition",
  "metadata": {
   "name": "tasktemplates.gantry.dev"
  },
  "spec": {
   "group": "gantry.dev",
   "scope": "Namespaced",
   "names": {
    "plural": "tasktemplates",
    "singular": "tasktemplate",
    "kind": "TaskTemplate",
    "listKind": "TaskTemplateList",
    "shortNames": [
     "gtt"
    ]
   },
   "versions": [
    {
     "name": "v1",
     "served": true,
     "storage": true,
     "additionalPrinterColumns": [
      {
       "name": "Image",
       "type": "string",
       "jsonPath": ".spec.template.spec.image",
       "description": "The image it runs."
      },
      {
       "name": "Priority",
       "type": "integer",
       "jsonPath": ".spec.priority",
       "description": "The priority of its runs."
      },
      {
       "name": "Age",
       "type": "date",
       "jsonPath": ".metadata.creationTimestamp",
       "description": "Time since it was created."
      },
      {
       "name": "Description",
       "type": "string",
       "jsonPath": ".spec.description",
       "priority": 1,
       "description": "What it does."
      }
     ],
     "schema": {
      "openAPIV3Schema": {
       "type": "object",
       "description": "TaskTemplate is a kind of work that can be dispatched. A Run with a templateRef, or a step of a Job, is one time it is done.",
       "required": [
        "spec"
       ],
       "x-kubernetes-validations": [
        {
         "rule": "self.metadata.name.size() <= 40",
         "message": "must be no more than 40 characters",
         "fieldPath": ".metadata.name"
        }
       ],
       "properties": {
        "apiVersion": {
         "type": "string",
         "description": "The group and version of this representation: gantry.dev/v1."
        },
        "kind": {
         "type": "string",
         "description": "The kind of this object: TaskTemplate."
        },
        "metadata": {
         "type": "object",
         "description": "Standard object metadata.",
         "properties": {
          "name": {
           "type": "string",
           "description": "The name, unique among the objects of its kind."
          }
         }
        },
        "spec": {
         "type": "object",
         "description": "What is asked for.",
         "required": [
          "template"
         ],
         "properties": {
          "description": {
           "type": "string",
           "maxLength": 4096,
           "description": "What it does, for people."
          },
          "parameters": {
           "type": "object",
           "x-kubernetes-preserve-unknown-fields": true,
           "description": "A JSON Schema (draft 2020-12) of an object: what a run may be given. Absent: nothing."
          },
          "template": {
           "type": "object",
           "required": [
            "spec"
           ],
           "description": "What the task is made from. $(parameters.NAME) in its image, command, args and the values of env is the value of a parameter.",
           "properties": {
            "metadata": {
             "type": "object",
             "description": "Labels and annotations of the task.",
             "properties": {
              "labels": {
               "type": "object",
               "maxProperties": 64,
               "additionalProperties": {
                "type": "string",
                "maxLength": 63
               },
               "description": "Labels of the task."
              },
              "annotations": {
               "type": "object",
               "maxProperties": 64,
               "additionalProperties": {
                "type": "string"
               },
               "description": "Annotations of the task."
              }
             }
            },
            "spec": {
             "description": "What a Task's spec says, without what a Run itself decides.",
             "type": "object",
             "required": [
              "image"
             ],
             "x-kubernetes-validations": [
              {
               "rule": "!has(self.network) || self.network.mode != 'host' || !has(self.ports) || self.ports.all(p, !has(p.hostPort) || p.hostPort == p.containerPort)",
               "message": "with network.mode host a port's hostPort must be its containerPort",
               "fieldPath": ".ports"
              },
              {
               "rule": "!has(self.resources) || !has(self.resources.requests) || !has(self.resources.limits) || !has(self.resources.requests.cpu) || !has(self.resources.limits.cpu) || quantity(string(self.resources.requests.cpu)).compareTo(quantity(string(self.resources.limits.cpu))) <= 0",
               "message": "requests.cpu must be at most limits.cpu",
               "fieldPath": ".resources"
              },
              {
               "rule": "!has(self.resources) || !has(self.resources.requests) || !has(self.resources.limits) || !has(self.resources.requests.memory) || !has(self.resources.limits.memory) || quantity(string(self.resources.requests.memory)).compareTo(quantity(string(self.resources.limits.memory))) <= 0",
               "message": "requests.memory must be at most limits.memory",
               "fieldPath": ".resources"
              },
              {
               "rule": "!has(self.resources) || !has(self.resources.limits) || !has(self.resources.limits.memory) || quantity(string(self.resources.limits.memory)).compareTo(quantity('6Mi')) >= 0",
               "message": "limits.memory must be at least 6Mi, the least an engine accepts",
               "fieldPath": ".resources"
              },
              {
               "rule": "!has(self.ports) || self.ports.all(p, !has(p.hostPort) || self.ports.exists_one(q, has(q.hostPort) && q.hostPort == p.hostPort && q.protocol == p.protocol && (has(q.hostIP) ? q.hostIP : '') == (has(p.hostIP) ? p.hostIP : '')))",
               "message": "a hostPort may be asked for once only",
               "fieldPath": ".ports"
              },
              {
               "rule": "!has(self.volumeMounts) || self.volumeMounts.all(m, has(self.volumes) && self.volumes.exists(v, v.name == m.name))",
               "message": "every volumeMount must name one of volumes",
               "fieldPath": ".volumeMounts"
              },
              {
               "rule": "!has(self.volumeMounts) || self.volumeMounts.all(m, !has(m.subPath) || !m.subPath.split('/').exists(part, part == '..'))",
               "message": "subPath must not contain '..'",
               "fieldPath": ".volumeMounts"
              },
              {
               "rule": "!has(self.livenessProbe) || !has(self.livenessProbe.successThreshold) || self.livenessProbe.successThreshold == 1",
               "message": "livenessProbe.successThreshold must be 1",
               "fieldPath": ".livenessProbe"
              },
              {
               "rule": "!has(self.startupProbe) || !has(self.startupProbe.successThreshold) || self.startupProbe.successThreshold == 1",
               "message": "startupProbe.successThreshold must be 1",
               "fieldPath": ".startupProbe"
              },
              {
               "rule": "!has(self.readinessProbe) || !has(self.readinessProbe.terminationGracePeriodSeconds)",
               "message": "terminationGracePeriodSeconds must be absent from a readinessProbe, which never ends the container",
               "fieldPath": ".readinessProbe"
              },
              {
               "rule": "!has(self.ports) || [self.ports.filter(p, has(p.name)).map(p, p.name)].all(names, names.all(n, names.exists_one(m, m == n)))",
               "message": "the names of ports must differ",
               "fieldPath": ".ports"
              },
              {
               "rule": "!has(self.resources) || !has(self.resources.requests) || !has(self.resources.limits) || !has(self.resources.requests.ephemeral__dash__storage) || !has(self.resources.limits.ephemeral__dash__storage) || quantity(string(self.resources.requests.ephemeral__dash__storage)).compareTo(quantity(string(self.resources.limits.ephemeral__dash__storage))) <= 0",
               "message": "requests.ephemeral-storage must be at most limits.ephemeral-storage",
               "fieldPath": ".resources"
              },
              {
               "rule": "!has(self.livenessProbe) || [self.?livenessProbe.?httpGet.?port, self.?livenessProbe.?tcpSocket.?port].all(p, !p.hasValue() || (type(p.value()) == int ? p.value() >= 1 && p.value() <= 65535 : has(self.ports) && self.ports.exists(q, has(q.name) && q.name == p.value())))",
               "messageExpression": "'port must be a number from 1 to 65535 or the name of one of ports, found ' + [self.?livenessProbe.?httpGet.?port, self.?livenessProbe.?tcpSocket.?port].filter(p, p.hasValue()).map(p, string(p.value())).join()",
               "fieldPath": ".livenessProbe"
              },
              {
               "rule": "!has(self.readinessProbe) || [self.?readinessProbe.?httpGet.?port, self.?readinessProbe.?tcpSocket.?port].all(p, !p.hasValue() || (type(p.value()) == int ? p.value() >= 1 && p.value() <= 65535 : has(self.ports) && self.ports.exists(q, has(q.name) && q.name == p.value())))",
               "messageExpression": "'port must be a number from 1 to 65535 or the name of one of ports, found ' + [self.?readinessProbe.?httpGet.?port, self.?readinessProbe.?tcpSocket.?port].filter(p, p.hasValue()).map(p, string(p.value())).join()",
               "fieldPath": ".readinessProbe"
              },
              {
               "rule": "!has(self.startupProbe) || [self.?startupProbe.?httpGet.?port, self.?startupProbe.?tcpSocket.?port].all(p, !p.hasValue() || (type(p.value()) == int ? p.value() >= 1 && p.value() <= 65535 : has(self.ports) && self.ports.exists(q, has(q.name) && q.name == p.value())))",
               "messageExpression": "'port must be a number from 1 to 65535 or the name of one of ports, found ' + [self.?startupProbe.?httpGet.?port, self.?startupProbe.?tcpSocket.?port].filter(p, p.hasValue()).map(p, string(p.value())).join()",
               "fieldPath": ".startupProbe"
              },
              {
               "rule": "!has(self.lifecycle) || [self.?lifecycle.?postStart.?httpGet.?port, self.?lifecycle.?postStart.?tcpSocket.?port].all(p, !p.hasValue() || (type(p.value()) == int ? p.value() >= 1 && p.value() <= 65535 : has(self.ports) && self.ports.exists(q, has(q.name) && q.name == p.value())))",
               "messageExpression": "'port must be a number from 1 to 65535 or the name of one of ports, found ' + [self.?lifecycle.?postStart.?httpGet.?port, self.?lifecycle.?postStart.?tcpSocket.?port].filter(p, p.hasValue()).map(p, string(p.value())).join()",
               "fieldPath": ".lifecycle.postStart"
              },
              {
               "rule": "!has(self.lifecycle) || [self.?lifecycle.?preStop.?httpGet.?port, self.?lifecycle.?preStop.?tcpSocket.?port].all(p, !p.hasValue() || (type(p.value()) == int ? p.value() >= 1 && p.value() <= 65535 : has(self.ports) && self.ports.exists(q, has(q.name) && q.name == p.value())))",
               "messageExpression": "'port must be a number from 1 to 65535 or the name of one of ports, found ' + [self.?lifecycle.?preStop.?httpGet.?port, self.?lifecycle.?preStop.?tcpSocket.?port].filter(p, p.hasValue()).map(p, string(p.value())).join()",
               "fieldPath": ".lifecycle.preStop"
              },
              {
               "rule": "!has(self.lifecycle) || !has(self.lifecycle.preStop) || !has(self.lifecycle.preStop.sleep) || self.lifecycle.preStop.sleep.seconds <= self.terminationGracePeriodSeconds",
               "message": "preStop.sleep.seconds must be at most terminationGracePeriodSeconds",
               "fieldPath": ".lifecycle"
              }
             ],
             "properties": {
              "image": {
               "type": "string",
               "minLength": 1,
               "maxLength": 512,
               "pattern": "^\\S+$",
               "description": "The image reference, for example registry.example:5000/team/web:1.4."
              },
              "imagePullPolicy": {
               "type": "string",
               "enum": [
                "Always",
                "IfNotPresent",
                "Never"
               ],
               "description": "When to pull the image. Without it: Always if the tag is latest or missing, else IfNotPresent."
              },
              "imagePullSecrets": {
               "type": "array",
               "maxItems": 16,
               "description": "Secrets of type kubernetes.io/dockerconfigjson in the same namespace, with credentials for the image's registry.",
               "x-kubernetes-list-type": "map",
               "x-kubernetes-list-map-keys": [
                "name"
               ],
               "items": {
                "type": "object",
                "required": [
                 "name"
                ],
                "properties": {
                 "name": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 253,
                  "description": "The Secret's name."
                 }
                }
               }
              },
              "command": {
               "type": "array",
               "maxItems": 1024,
               "items": {
                "type": "string",
                "pattern": "^[^\\x00]*$"
               },
               "description": "Replaces the image's entry point."
              },
              "args": {
               "type": "array",
               "maxItems": 1024,
               "items": {
                "type": "string",
                "pattern": "^[^\\x00]*$"
               },
               "description": "Replaces the image's command (the arguments of the entry point)."
              },
              "workingDir": {
               "type": "string",
               "maxLength": 4096,
               "pattern": "^/[^\\x00]*$",
               "description": "The working directory inside the container; absent: the image's."
              },
              "env": {
               "type": "array",
               "maxItems": 1024,
               "description": "Environment variables.",
               "x-kubernetes-list-type": "map",
               "x-kubernetes-list-map-keys": [
                "name"
               ],
               "items": {
                "type": "object",
                "required": [
                 "name"
                ],
                "x-kubernetes-validations": [
                 {
                  "rule": "!has(self.valueFrom) || !has(self.value) || self.value == ''",
                  "message": "value must be absent where valueFrom is given"
                 }
                ],
                "properties": {
                 "name": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 1024,
                  "pattern": "^[-._a-zA-Z][-._a-zA-Z0-9]*$",
                  "description": "The variable's name."
                 },
                 "value": {
                  "type": "string",
                  "maxLength": 131072,
                  "pattern": "^[^\\x00]*$",
                  "description": "The variable's value; absent: empty. $(NAME) stands for a variable defined before, $$ for a dollar sign."
                 },
                 "valueFrom": {
                  "type": "object",
                  "description": "Where the value comes from: exactly one source.",
                  "x-kubernetes-validations": [
                   {
                    "rule": "[has(self.configMapKeyRef), has(self.secretKeyRef), has(self.fieldRef), has(self.resourceFieldRef)].filter(x, x).size() == 1",
                    "message": "exactly one of configMapKeyRef, secretKeyRef, fieldRef and resourceFieldRef must be given"
                   }
                  ],
                  "properties": {
                   "configMapKeyRef": {
                    "type": "object",
                    "required": [
                     "name",
                     "key"
                    ],
                    "description": "A key of a ConfigMap or Secret in the same namespace.",
                    "properties": {
                     "name": {
                      "type": "string",
                      "minLength": 1,
                      "maxLength": 253,
                      "description": "The object's name."
                     },
                     "key": {
                      "type": "string",
                      "minLength": 1,
                      "maxLength": 253,
                      "description": "The key in its data."
                     },
                     "optional": {
                      "type": "boolean",
                      "description": "True: the variable is left out where the object or the key is missing. Else the task waits for it."
                     }
                    }
                   },
                   "secretKeyRef": {
                    "type": "object",
                    "required": [
                     "name",
                     "key"
                    ],
                    "description": "A key of a ConfigMap or Secret in the same namespace.",
                    "properties": {
                     "name": {
                      "type": "string",
                      "minLength": 1,
                      "maxLength": 253,
                      "description": "The object's name."
                     },
                     "key": {
                      "type": "string",
                      "minLength": 1,
                      "maxLength": 253,
                      "description": "The key in its data."
                     },
                     "optional": {
                      "type": "boolean",
                      "description": "True: the variable is left out where the object or the key is missing. Else the task waits for it."
                     }
                    }
                   },
                   "fieldRef": {
                    "type": "object",
                    "required": [
                     "fieldPath"
                    ],
                    "description": "A field of the task itself.",
                    "properties": {
                     "fieldPath": {
                      "type": "string",
                      "maxLength": 384,
                      "pattern": "^(metadata\\.(name|namespace|uid)|metadata\\.(labels|annotations)\\['[^']+'\\]|spec\\.(workerName|nodeName)|status\\.hostIP)$",
                      "description": "metadata.name, metadata.namespace, metadata.uid, metadata.labels['KEY'], metadata.annotations['KEY'], spec.workerName (spec.nodeName is the same) or status.hostIP."
                     }
                    }
                   },
                   "resourceFieldRef": {
                    "type": "object",
                    "required": [
                     "resource"
                    ],
                    "description": "A request or limit of the task. A limit that is not given is what the worker has to give; a request that is not given is the limit, and 0 without one.",
                    "properties": {
                     "resource": {
                      "type": "string",
                      "enum": [
                       "limits.cpu",
                       "limits.memory",
                       "limits.ephemeral-storage",
                       "requests.cpu",
                       "requests.memory",
                       "requests.ephemeral-storage"
                      ],
                      "description": "Which of them."
                     },
                     "divisor": {
                      "x-kubernetes-int-or-string": true,
                      "x-gantry-quantity": "positive",
                      "description": "The unit, for example 1m or 1Mi; absent: 1. The result is rounded up."
                     }
                    }
                   }
                  }
                 }
                }
               }
              },
              "envFrom": {
               "type": "array",
               "maxItems": 64,
               "description": "ConfigMaps and Secrets all of whose keys become variables; later ones win, env wins over all.",
               "x-kubernetes-list-type": "atomic",
               "items": {
                "type": "object",
                "x-kubernetes-validations": [
                 {
                  "rule": "has(self.configMapRef) != has(self.secretRef)",
                  "message": "exactly one of configMapRef and secretRef must be given"
                 }
                ],
                "properties": {
                 "prefix": {
                  "type": "string",
                  "maxLength": 253,
                  "pattern": "^[-._a-zA-Z0-9]*$",
                  "description": "Put before every key."
                 },
                 "configMapRef": {
                  "type": "object",
                  "required": [
                   "name"
                  ],
                  "description": "An object in the same namespace.",
                  "properties": {
                   "name": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 253,
                    "description": "The object's name."
                   },
                   "optional": {
                    "type": "boolean",
                    "description": "True: nothing is taken from it while it is missing. Else the task waits for it."
                   }
                  }
                 },
                 "secretRef": {
                  "type": "object",
                  "required": [
                   "name"
                  ],
                  "description": "An object in the same namespace.",
                  "properties": {
                   "name": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 253,
                    "description": "The object's name."
                   },
                   "optional": {
                    "type": "boolean",
                    "description": "True: nothing is taken from it while it is missing. Else the task waits for it."
                   }
                  }
                 }
                }
               }
              },
              "ports": {
               "type": "array",
               "maxItems": 128,
               "description": "Ports the container listens on.",
               "x-kubernetes-list-type": "map",
               "x-kubernetes-list-map-keys": [
                "containerPort",
                "protocol"
               ],
               "items": {
                "type": "object",
                "required": [
                 "containerPort"
                ],
                "x-kubernetes-validations": [
                 {
                  "rule": "!has(self.hostPort) || !has(self.publish) || self.publish",
                  "message": "hostPort must be absent when publish is false"
                 }
                ],
                "properties": {
                 "name": {
                  "type": "string",
                  "maxLength": 15,
                  "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
                  "description": "A name for the port, unique in the task."
                 },
                 "containerPort": {
                  "type": "integer",
                  "minimum": 1,
                  "maximum": 65535,
                  "description": "The port inside the container."
                 },
                 "protocol": {
                  "type": "string",
                  "enum": [
                   "TCP",
                   "UDP"
                  ],
                  "default": "TCP",
                  "description": "The transport protocol."
                 },
                 "hostPort": {
                  "type": "integer",
                  "minimum": 1,
                  "maximum": 65535,
                  "description": "The port on the worker. Absent: a free one, chosen once per binding and kept in status.ports."
                 },
                 "hostIP": {
                  "type": "string",
                  "maxLength": 45,
                  "pattern": "^[0-9a-fA-F.:]+$",
                  "description": "The worker's address to publish on. Absent: the worker's publish address."
                 },
                 "publish": {
                  "type": "boolean",
                  "description": "Whether the port is published on the worker at all; absent: it is."
                 }
                }
               }
              },
              "resources": {
               "type": "object",
               "description": "What the task needs and may use.",
               "properties": {
                "requests": {
                 "type": "object",
                 "description": "What the scheduler sets aside. Where only a limit is given, the request is the limit.",
                 "properties": {
                  "cpu": {
                   "x-kubernetes-int-or-string": true,
                   "description": "Cores, for example 500m.",
                   "x-gantry-quantity": true
                  },
                  "memory": {
                   "x-kubernetes-int-or-string": true,
                   "description": "Bytes, for example 64Mi.",
                   "x-gantry-quantity": true
                  },
                  "ephemeral-storage": {
                   "x-kubernetes-int-or-string": true,
                   "description": "Bytes on the worker's disk, for example 1Gi.",
                   "x-gantry-quantity": true
                  }
                 }
                },
                "limits": {
                 "type": "object",
                 "description": "What the container may use at most.",
                 "properties": {
                  "cpu": {
                   "x-kubernetes-int-or-string": true,
                   "x-kubernetes-validations": [
                    {
                     "rule": "quantity(string(self)).compareTo(quantity('10m')) >= 0",
                     "message": "must be at least 10m, the least an engine accepts"
                    }
                   ],
                   "description": "Cores, for example 500m; at least 10m.",
                   "x-gantry-quantity": true
                  },
                  "memory": {
                   "x-kubernetes-int-or-string": true,
                   "description": "Bytes, for example 64Mi; at least 6Mi.",
                   "x-gantry-quantity": true
                  },
                  "ephemeral-storage": {
                   "x-kubernetes-int-or-string": true,
                   "description": "Bytes that the container's own files, its emptyDir volumes on disk and its log may take, for example 1Gi. A container above it is stopped with the reason Evicted.",
                   "x-gantry-quantity": "positive"
                  }
                 }
                }
               }
              },
              "pidsLimit": {
               "type": "integer",
               "minimum": 1,
               "maximum": 4194304,
               "description": "Processes and threads at once; absent: 4096."
              },
              "shmSize": {
               "x-kubernetes-int-or-string": true,
               "x-gantry-quantity": "positive",
               "description": "Bytes of /dev/shm, for example 256Mi; absent: 64Mi."
              },
              "ulimits": {
               "type": "array",
               "maxItems": 16,
               "description": "Limits of each process, as setrlimit(2) has them; absent ones are the engine's.",
               "x-kubernetes-list-type": "map",
               "x-kubernetes-list-map-keys": [
                "name"
               ],
               "items": {
                "type": "object",
                "required": [
                 "name",
                 "soft",
                 "hard"
                ],
                "x-kubernetes-validations": [
                 {
                  "rule": "self.hard == -1 || (self.soft != -1 && self.soft <= self.hard)",
                  "message": "soft must be at most hard"
                 }
                ],
                "properties": {
                 "name": {
                  "type": "string",
                  "enum": [
                   "as",
                   "core",
                   "cpu",
                   "data",
                   "fsize",
                   "locks",
                   "memlock",
                   "msgqueue",
                   "nice",
                   "nofile",
                   "nproc",
                   "rss",
                   "rtprio",
                   "rttime",
                   "sigpending",
                   "stack"
                  ],
                  "description": "The limit's name without RLIMIT_."
                 },
                 "soft": {
                  "type": "integer",
                  "format": "int64",
                  "minimum": -1,
                  "description": "What applies; -1: no limit."
                 },
                 "hard": {
                  "type": "integer",
                  "format": "int64",
                  "minimum": -1,
                  "description": "Up to where a process may raise it; -1: no limit."
                 }
                }
               }
              },
              "volumes": {
               "type": "array",
               "maxItems": 64,
               "description": "Directories and files that the container is given.",
               "x-kubernetes-list-type": "map",
               "x-kubernetes-list-map-keys": [
                "name"
               ],
               "items": {
                "type": "object",
                "required": [
                 "name"
                ],
                "x-kubernetes-validations": [
                 {
                  "rule": "[has(self.emptyDir), has(self.hostPath), has(self.volume), has(self.configMap), has(self.secret)].filter(x, x).size() == 1",
                  "message": "exactly one of emptyDir, hostPath, volume, configMap and secret must be given"
                 }
                ],
                "properties": {
                 "name": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 63,
                  "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
                  "description": "What volumeMounts call it."
                 },
                 "emptyDir": {
                  "type": "object",
                  "description": "A directory that is empty at first and lives as long as the task stays on its worker.",
                  "properties": {
                   "medium": {
                    "type": "string",
                    "enum": [
                     "",
                     "Memory"
                    ],
                    "description": "Memory: kept in memory, counted against the memory limit. Absent: on the worker's disk."
                   },
                   "sizeLimit": {
                    "x-kubernetes-int-or-string": true,
                    "x-gantry-quantity": "positive",
                    "description": "Bytes; in memory a write beyond it fails, on disk the container is stopped with the reason Evicted."
                   }
                  }
                 },
                 "hostPath": {
                  "type": "object",
                  "required": [
                   "path"
                  ],
                  "description": "A path of the worker itself. Allowed only where the namespace's security level or the operator's list allows it.",
                  "properties": {
                   "path": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 4096,
                    "pattern": "^/[^\\x00]*$",
                    "x-kubernetes-validations": [
                     {
                      "rule": "!('/' + self).contains('/..')",
                      "message": "no part of it may begin with '..'"
                     }
                    ],
                    "description": "The absolute path, without '..'."
                   },
                   "type": {
                    "type": "string",
                    "enum": [
                     "",
                     "DirectoryOrCreate",
                     "Directory",
                     "FileOrCreate",
                     "File",
                     "Socket",
                     "CharDevice",
                     "BlockDevice"
                    ],
                    "description": "What must be there before the container starts; absent: anything."
                   }
                  }
                 },
                 "volume": {
                  "type": "object",
                  "required": [
                   "name"
                  ],
                  "description": "A named volume of the worker's engine, made when it is missing, kept when the task goes, shared by the tasks of the namespace that name it.",
                  "properties": {
                   "name": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 63,
                    "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
                    "description": "The volume's name in the namespace."
                   }
                  }
                 },
                 "configMap": {
                  "type": "object",
                  "required": [
                   "name"
                  ],
                  "description": "The keys of a ConfigMap as files, kept up to date while the container runs.",
                  "properties": {
                   "name": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 253,
                    "description": "The ConfigMap's name."
                   },
                   "defaultMode": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": 511,
                    "description": "Permission bits; absent: 0644 (decimal 420)."
                   },
                   "items": {
                    "type": "array",
                    "maxItems": 512,
                    "description": "Which keys, and where; absent: all, each as a file of its name.",
                    "x-kubernetes-list-type": "atomic",
                    "items": {
                     "type": "object",
                     "required": [
                      "key",
                      "path"
                     ],
                     "properties": {
                      "key": {
                       "type": "string",
                       "minLength": 1,
                       "maxLength": 253,
                       "description": "The key in the data."
                      },
                      "path": {
                       "type": "string",
                       "minLength": 1,
                       "maxLength": 1024,
                       "pattern": "^[^/\\x00][^\\x00]*$",
                       "x-kubernetes-validations": [
                        {
                         "rule": "!('/' + self).contains('/..')",
                         "message": "no part of it may begin with '..'"
                        }
                       ],
                       "description": "The file's path inside the volume, without '..'."
                      },
                      "mode": {
                       "type": "integer",
                       "minimum": 0,
                       "maximum": 511,
                       "description": "Permission bits; absent: 0644 (decimal 420)."
                      }
                     }
                    }
                   },
                   "optional": {
                    "type": "boolean",
                    "description": "True: missing ones are left out. Else the task waits for them."
                   }
                  }
                 },
                 "secret": {
                  "type": "object",
                  "required": [
                   "secretName"
                  ],
                  "description": "The keys of a Secret as files in memory, kept up to date while the container runs.",
                  "properties": {
                   "secretName": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 253,
                    "description": "The Secret's name."
                   },
                   "defaultMode": {
                    "type": "integer",
                    "minimum": 0,
                    "maximum": 511,
                    "description": "Permission bits; absent: 0644 (decimal 420)."
                   },
                   "items": {
                    "type": "array",
                    "maxItems": 512,
                    "description": "Which keys, and where; absent: all, each as a file of its name.",
                    "x-kubernetes-list-type": "atomic",
                    "items": {
                     "type": "object",
                     "required": [
                      "key",
                      "path"
                     ],
                     "properties": {
                      "key": {
                       "type": "string",
                       "minLength": 1,
                       "maxLength": 253,
                       "description": "The key in the data."
                      },
                      "path": {
                       "type": "string",
                       "minLength": 1,
                       "maxLength": 1024,
                       "pattern": "^[^/\\x00][^\\x00]*$",
                       "x-kubernetes-validations": [
                        {
                         "rule": "!('/' + self).contains('/..')",
                         "message": "no part of it may begin with '..'"
                        }
                       ],
                       "description": "The file's path inside the volume, without '..'."
                      },
                      "mode": {
                       "type": "integer",
                       "minimum": 0,
                       "maximum": 511,
                       "description": "Permission bits; absent: 0644 (decimal 420)."
                      }
                     }
                    }
                   },
                   "optional": {
                    "type": "boolean",
                    "description": "True: missing ones are left out. Else the task waits for them."
                   }
                  }
                 }
                }
               }
              },
              "volumeMounts": {
               "type": "array",
               "maxItems": 64,
               "description": "Where the volumes appear inside the container.",
               "x-kubernetes-list-type": "map",
               "x-kubernetes-list-map-keys": [
                "mountPath"
               ],
               "items": {
                "type": "object",
                "required": [
                 "name",
                 "mountPath"
                ],
                "properties": {
                 "name": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 63,
                  "description": "The volume's name."
                 },
                 "mountPath": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 4096,
                  "pattern": "^/[^\\x00:]*$",
                  "description": "The absolute path inside the container."
                 },
                 "subPath": {
                  "type": "string",
                  "maxLength": 4096,
                  "pattern": "^[^/\\x00][^\\x00]*$",
                  "description": "A path inside the volume that is mounted instead of all of it, without '..'. Such a mount of a ConfigMap or Secret is not kept up to date."
                 },
                 "readOnly": {
                  "type": "boolean",
                  "description": "True: the container cannot write to it. ConfigMaps and Secrets never can be written to."
                 }
                }
               }
              },
              "livenessProbe": {
               "type": "object",
               "description": "Asked again and again while the container runs.",
               "x-kubernetes-validations": [
                {
                 "rule": "[has(self.exec), has(self.httpGet), has(self.tcpSocket), has(self.grpc)].filter(x, x).size() == 1",
                 "message": "exactly one of exec, httpGet, tcpSocket and grpc must be given"
                }
               ],
               "properties": {
                "exec": {
                 "type": "object",
                 "required": [
                  "command"
                 ],
                 "description": "Succeeds when the command ends with 0 inside the container. It runs without a shell.",
                 "properties": {
                  "command": {
                   "type": "array",
                   "minItems": 1,
                   "maxItems": 1024,
                   "items": {
                    "type": "string",
                    "pattern": "^[^\\x00]*$"
                   },
                   "description": "The program and its arguments."
                  }
                 }
                },
                "httpGet": {
                 "type": "object",
                 "required": [
                  "port"
                 ],
                 "description": "Succeeds when the answer's status is from 200 to 399.",
                 "properties": {
                  "path": {
                   "type": "string",
                   "maxLength": 4096,
                   "description": "The path and query; absent: /."
                  },
                  "port": {
                   "x-kubernetes-int-or-string": true,
                   "description": "The container's port: its number, or its name in ports."
                  },
                  "host": {
                   "type": "string",
                   "maxLength": 253,
                   "description": "Who is asked; absent: the container."
                  },
                  "scheme": {
                   "type": "string",
                   "enum": [
                    "HTTP",
                    "HTTPS"
                   ],
                   "description": "Absent: HTTP. With HTTPS the certificate is not checked."
                  },
                  "httpHeaders": {
                   "type": "array",
                   "maxItems": 64,
                   "description": "Headers of the request.",
                   "x-kubernetes-list-type": "atomic",
                   "items": {
                    "type": "object",
                    "required": [
                     "name",
                     "value"
                    ],
                    "properties": {
                     "name": {
                      "type": "string",
                      "minLength": 1,
                      "maxLength": 253,
                      "pattern": "^[-A-Za-z0-9]+$",
                      "description": "The header's name."
                     },
                     "value": {
                      "type": "string",
                      "maxLength": 8192,
                      "pattern": "^[^\\x00\\r\\n]*$",
                      "description": "The header's value."
                     }
                    }
                   }
                  }
                 }
                },
                "tcpSocket": {
                 "type": "object",
                 "required": [
                  "port"
                 ],
                 "description": "Succeeds when the port takes a connection.",
                 "properties": {
                  "port": {
                   "x-kubernetes-int-or-string": true,
                   "description": "The container's port: its number, or its name in ports."
                  },
                  "host": {
                   "type": "string",
                   "maxLength": 253,
                   "description": "Who is asked; absent: the container."
                  }
                 }
                },
                "grpc": {
                 "type": "object",
                 "required": [
                  "port"
                 ],
                 "description": "Succeeds when grpc.health.v1.Health/Check answers SERVING.",
                 "properties": {
                  "port": {
                   "type": "integer",
                   "minimum": 1,
                   "maximum": 65535,
                   "description": "The container's port."
                  },
                  "service": {
                   "type": "string",
                   "maxLength": 253,
                   "description": "The service that is asked about; absent: the whole server."
                  }
                 }
                },
                "initialDelaySeconds": {
                 "type": "integer",
                 "minimum": 0,
                 "maximum": 86400,
                 "description": "Seconds between the container's start and the first question; absent: 0."
                },
                "periodSeconds": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 86400,
                 "description": "Seconds between two questions; absent: 10."
                },
                "timeoutSeconds": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 3600,
                 "description": "Seconds to wait for an answer; absent: 1."
                },
                "successThreshold": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 1000,
                 "description": "Successes in a row after a failure that count as success; absent: 1."
                },
                "failureThreshold": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 1000,
                 "description": "Failures in a row that count as failure; absent: 3."
                },
                "terminationGracePeriodSeconds": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 86400,
                 "description": "Seconds between the stop signal and the kill where this probe failed; absent: the task's. Not for readiness."
                }
               }
              },
              "readinessProbe": {
               "type": "object",
               "description": "Asked again and again while the container runs.",
               "x-kubernetes-validations": [
                {
                 "rule": "[has(self.exec), has(self.httpGet), has(self.tcpSocket), has(self.grpc)].filter(x, x).size() == 1",
                 "message": "exactly one of exec, httpGet, tcpSocket and grpc must be given"
                }
               ],
               "properties": {
                "exec": {
                 "type": "object",
                 "required": [
                  "command"
                 ],
                 "description": "Succeeds when the command ends with 0 inside the container. It runs without a shell.",
                 "properties": {
                  "command": {
                   "type": "array",
                   "minItems": 1,
                   "maxItems": 1024,
                   "items": {
                    "type": "string",
                    "pattern": "^[^\\x00]*$"
                   },
                   "description": "The program and its arguments."
                  }
                 }
                },
                "httpGet": {
                 "type": "object",
                 "required": [
                  "port"
                 ],
                 "description": "Succeeds when the answer's status is from 200 to 399.",
                 "properties": {
                  "path": {
                   "type": "string",
                   "maxLength": 4096,
                   "description": "The path and query; absent: /."
                  },
                  "port": {
                   "x-kubernetes-int-or-string": true,
                   "description": "The container's port: its number, or its name in ports."
                  },
                  "host": {
                   "type": "string",
                   "maxLength": 253,
                   "description": "Who is asked; absent: the container."
                  },
                  "scheme": {
                   "type": "string",
                   "enum": [
                    "HTTP",
                    "HTTPS"
                   ],
                   "description": "Absent: HTTP. With HTTPS the certificate is not checked."
                  },
                  "httpHeaders": {
                   "type": "array",
                   "maxItems": 64,
                   "description": "Headers of the request.",
                   "x-kubernetes-list-type": "atomic",
                   "items": {
                    "type": "object",
                    "required": [
                     "name",
                     "value"
                    ],
                    "properties": {
                     "name": {
                      "type": "string",
                      "minLength": 1,
                      "maxLength": 253,
                      "pattern": "^[-A-Za-z0-9]+$",
                      "description": "The header's name."
                     },
                     "value": {
                      "type": "string",
                      "maxLength": 8192,
                      "pattern": "^[^\\x00\\r\\n]*$",
                      "description": "The header's value."
                     }
                    }
                   }
                  }
                 }
                },
                "tcpSocket": {
                 "type": "object",
                 "required": [
                  "port"
                 ],
                 "description": "Succeeds when the port takes a connection.",
                 "properties": {
                  "port": {
                   "x-kubernetes-int-or-string": true,
                   "description": "The container's port: its number, or its name in ports."
                  },
                  "host": {
                   "type": "string",
                   "maxLength": 253,
                   "description": "Who is asked; absent: the container."
                  }
                 }
                },
                "grpc": {
                 "type": "object",
                 "required": [
                  "port"
                 ],
                 "description": "Succeeds when grpc.health.v1.Health/Check answers SERVING.",
                 "properties": {
                  "port": {
                   "type": "integer",
                   "minimum": 1,
                   "maximum": 65535,
                   "description": "The container's port."
                  },
                  "service": {
                   "type": "string",
                   "maxLength": 253,
                   "description": "The service that is asked about; absent: the whole server."
                  }
                 }
                },
                "initialDelaySeconds": {
                 "type": "integer",
                 "minimum": 0,
                 "maximum": 86400,
                 "description": "Seconds between the container's start and the first question; absent: 0."
                },
                "periodSeconds": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 86400,
                 "description": "Seconds between two questions; absent: 10."
                },
                "timeoutSeconds": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 3600,
                 "description": "Seconds to wait for an answer; absent: 1."
                },
                "successThreshold": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 1000,
                 "description": "Successes in a row after a failure that count as success; absent: 1."
                },
                "failureThreshold": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 1000,
                 "description": "Failures in a row that count as failure; absent: 3."
                },
                "terminationGracePeriodSeconds": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 86400,
                 "description": "Seconds between the stop signal and the kill where this probe failed; absent: the task's. Not for readiness."
                }
               }
              },
              "startupProbe": {
               "type": "object",
               "description": "Asked again and again while the container runs.",
               "x-kubernetes-validations": [
                {
                 "rule": "[has(self.exec), has(self.httpGet), has(self.tcpSocket), has(self.grpc)].filter(x, x).size() == 1",
                 "message": "exactly one of exec, httpGet, tcpSocket and grpc must be given"
                }
               ],
               "properties": {
                "exec": {
                 "type": "object",
                 "required": [
                  "command"
                 ],
                 "description": "Succeeds when the command ends with 0 inside the container. It runs without a shell.",
                 "properties": {
                  "command": {
                   "type": "array",
                   "minItems": 1,
                   "maxItems": 1024,
                   "items": {
                    "type": "string",
                    "pattern": "^[^\\x00]*$"
                   },
                   "description": "The program and its arguments."
                  }
                 }
                },
                "httpGet": {
                 "type": "object",
                 "required": [
                  "port"
                 ],
                 "description": "Succeeds when the answer's status is from 200 to 399.",
                 "properties": {
                  "path": {
                   "type": "string",
                   "maxLength": 4096,
                   "description": "The path and query; absent: /."
                  },
                  "port": {
                   "x-kubernetes-int-or-string": true,
                   "description": "The container's port: its number, or its name in ports."
                  },
                  "host": {
                   "type": "string",
                   "maxLength": 253,
                   "description": "Who is asked; absent: the container."
                  },
                  "scheme": {
                   "type": "string",
                   "enum": [
                    "HTTP",
                    "HTTPS"
                   ],
                   "description": "Absent: HTTP. With HTTPS the certificate is not checked."
                  },
                  "httpHeaders": {
                   "type": "array",
                   "maxItems": 64,
                   "description": "Headers of the request.",
                   "x-kubernetes-list-type": "atomic",
                   "items": {
                    "type": "object",
                    "required": [
                     "name",
                     "value"
                    ],
                    "properties": {
                     "name": {
                      "type": "string",
                      "minLength": 1,
                      "maxLength": 253,
                      "pattern": "^[-A-Za-z0-9]+$",
                      "description": "The header's name."
                     },
                     "value": {
                      "type": "string",
                      "maxLength": 8192,
                      "pattern": "^[^\\x00\\r\\n]*$",
                      "description": "The header's value."
                     }
                    }
                   }
                  }
                 }
                },
                "tcpSocket": {
                 "type": "object",
                 "required": [
                  "port"
                 ],
                 "description": "Succeeds when the port takes a connection.",
                 "properties": {
                  "port": {
                   "x-kubernetes-int-or-string": true,
                   "description": "The container's port: its number, or its name in ports."
                  },
                  "host": {
                   "type": "string",
                   "maxLength": 253,
                   "description": "Who is asked; absent: the container."
                  }
                 }
                },
                "grpc": {
                 "type": "object",
                 "required": [
                  "port"
                 ],
                 "description": "Succeeds when grpc.health.v1.Health/Check answers SERVING.",
                 "properties": {
                  "port": {
                   "type": "integer",
                   "minimum": 1,
                   "maximum": 65535,
                   "description": "The container's port."
                  },
                  "service": {
                   "type": "string",
                   "maxLength": 253,
                   "description": "The service that is asked about; absent: the whole server."
                  }
                 }
                },
                "initialDelaySeconds": {
                 "type": "integer",
                 "minimum": 0,
                 "maximum": 86400,
                 "description": "Seconds between the container's start and the first question; absent: 0."
                },
                "periodSeconds": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 86400,
                 "description": "Seconds between two questions; absent: 10."
                },
                "timeoutSeconds": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 3600,
                 "description": "Seconds to wait for an answer; absent: 1."
                },
                "successThreshold": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 1000,
                 "description": "Successes in a row after a failure that count as success; absent: 1."
                },
                "failureThreshold": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 1000,
                 "description": "Failures in a row that count as failure; absent: 3."
                },
                "terminationGracePeriodSeconds": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 86400,
                 "description": "Seconds between the stop signal and the kill where this probe failed; absent: the task's. Not for readiness."
                }
               }
              },
              "lifecycle": {
               "type": "object",
               "description": "What is done after the container's start and before its end.",
               "properties": {
                "postStart": {
                 "type": "object",
                 "description": "One act. A container whose postStart fails is stopped; preStop counts against the grace period.",
                 "x-kubernetes-validations": [
                  {
                   "rule": "[has(self.exec), has(self.httpGet), has(self.tcpSocket), has(self.sleep)].filter(x, x).size() == 1",
                   "message": "exactly one of exec, httpGet, tcpSocket and sleep must be given"
                  }
                 ],
                 "properties": {
                  "exec": {
                   "type": "object",
                   "required": [
                    "command"
                   ],
                   "description": "Succeeds when the command ends with 0 inside the container. It runs without a shell.",
                   "properties": {
                    "command": {
                     "type": "array",
                     "minItems": 1,
                     "maxItems": 1024,
                     "items": {
                      "type": "string",
                      "pattern": "^[^\\x00]*$"
                     },
                     "description": "The program and its arguments."
                    }
                   }
                  },
                  "httpGet": {
                   "type": "object",
                   "required": [
                    "port"
                   ],
                   "description": "Succeeds when the answer's status is from 200 to 399.",
                   "properties": {
                    "path": {
                     "type": "string",
                     "maxLength": 4096,
                     "description": "The path and query; absent: /."
                    },
                    "port": {
                     "x-kubernetes-int-or-string": true,
                     "description": "The container's port: its number, or its name in ports."
                    },
                    "host": {
                     "type": "string",
                     "maxLength": 253,
                     "description": "Who is asked; absent: the container."
                    },
                    "scheme": {
                     "type": "string",
                     "enum": [
                      "HTTP",
                      "HTTPS"
                     ],
                     "description": "Absent: HTTP. With HTTPS the certificate is not checked."
                    },
                    "httpHeaders": {
                     "type": "array",
                     "maxItems": 64,
                     "description": "Headers of the request.",
                     "x-kubernetes-list-type": "atomic",
                     "items": {
                      "type": "object",
                      "required": [
                       "name",
                       "value"
                      ],
                      "properties": {
                       "name": {
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 253,
                        "pattern": "^[-A-Za-z0-9]+$",
                        "description": "The header's name."
                       },
                       "value": {
                        "type": "string",
                        "maxLength": 8192,
                        "pattern": "^[^\\x00\\r\\n]*$",
                        "description": "The header's value."
                       }
                      }
                     }
                    }
                   }
                  },
                  "tcpSocket": {
                   "type": "object",
                   "required": [
                    "port"
                   ],
                   "description": "Succeeds when the port takes a connection.",
                   "properties": {
                    "port": {
                     "x-kubernetes-int-or-string": true,
                     "description": "The container's port: its number, or its name in ports."
                    },
                    "host": {
                     "type": "string",
                     "maxLength": 253,
                     "description": "Who is asked; absent: the container."
                    }
                   }
                  },
                  "sleep": {
                   "type": "object",
                   "required": [
                    "seconds"
                   ],
                   "description": "Waits.",
                   "properties": {
                    "seconds": {
                     "type": "integer",
                     "format": "int64",
                     "minimum": 0,
                     "maximum": 86400,
                     "description": "How long."
                    }
                   }
                  }
                 }
                },
                "preStop": {
                 "type": "object",
                 "description": "One act. A container whose postStart fails is stopped; preStop counts against the grace period.",
                 "x-kubernetes-validations": [
                  {
                   "rule": "[has(self.exec), has(self.httpGet), has(self.tcpSocket), has(self.sleep)].filter(x, x).size() == 1",
                   "message": "exactly one of exec, httpGet, tcpSocket and sleep must be given"
                  }
                 ],
                 "properties": {
                  "exec": {
                   "type": "object",
                   "required": [
                    "command"
                   ],
                   "description": "Succeeds when the command ends with 0 inside the container. It runs without a shell.",
                   "properties": {
                    "command": {
                     "type": "array",
                     "minItems": 1,
                     "maxItems": 1024,
                     "items": {
                      "type": "string",
                      "pattern": "^[^\\x00]*$"
                     },
                     "description": "The program and its arguments."
                    }
                   }
                  },
                  "httpGet": {
                   "type": "object",
                   "required": [
                    "port"
                   ],
                   "description": "Succeeds when the answer's status is from 200 to 399.",
                   "properties": {
                    "path": {
                     "type": "string",
                     "maxLength": 4096,
                     "description": "The path and query; absent: /."
                    },
                    "port": {
                     "x-kubernetes-int-or-string": true,
                     "description": "The container's port: its number, or its name in ports."
                    },
                    "host": {
                     "type": "string",
                     "maxLength": 253,
                     "description": "Who is asked; absent: the container."
                    },
                    "scheme": {
                     "type": "string",
                     "enum": [
                      "HTTP",
                      "HTTPS"
                     ],
                     "description": "Absent: HTTP. With HTTPS the certificate is not checked."
                    },
                    "httpHeaders": {
                     "type": "array",
                     "maxItems": 64,
                     "description": "Headers of the request.",
                     "x-kubernetes-list-type": "atomic",
                     "items": {
                      "type": "object",
                      "required": [
                       "name",
                       "value"
                      ],
                      "properties": {
                       "name": {
                        "type": "string",
                        "minLength": 1,
                        "maxLength": 253,
                        "pattern": "^[-A-Za-z0-9]+$",
                        "description": "The header's name."
                       },
                       "value": {
                        "type": "string",
                        "maxLength": 8192,
                        "pattern": "^[^\\x00\\r\\n]*$",
                        "description": "The header's value."
                       }
                      }
                     }
                    }
                   }
                  },
                  "tcpSocket": {
                   "type": "object",
                   "required": [
                    "port"
                   ],
                   "description": "Succeeds when the port takes a connection.",
                   "properties": {
                    "port": {
                     "x-kubernetes-int-or-string": true,
                     "description": "The container's port: its number, or its name in ports."
                    },
                    "host": {
                     "type": "string",
                     "maxLength": 253,
                     "description": "Who is asked; absent: the container."
                    }
                   }
                  },
                  "sleep": {
                   "type": "object",
                   "required": [
                    "seconds"
                   ],
                   "description": "Waits.",
                   "properties": {
                    "seconds": {
                     "type": "integer",
                     "format": "int64",
                     "minimum": 0,
                     "maximum": 86400,
                     "description": "How long."
                    }
                   }
                  }
                 }
                }
               }
              },
              "terminationGracePeriodSeconds": {
               "type": "integer",
               "minimum": 0,
               "maximum": 86400,
               "default": 30,
               "description": "Seconds between the stop signal and the kill."
              },
              "stopSignal": {
               "type": "string",
               "pattern": "^SIG(TERM|INT|QUIT|HUP|USR1|USR2|KILL|WINCH)$",
               "description": "The signal that asks the container to stop; absent: the image's, or SIGTERM."
              },
              "restartPolicy": {
               "type": "string",
               "enum": [
                "Never"
               ],
               "default": "Never",
               "description": "Never: work that failed is tried again by its retries."
              },
              "securityContext": {
               "type": "object",
               "description": "Privileges of the container.",
               "x-kubernetes-validations": [
                {
                 "rule": "!has(self.privileged) || !self.privileged || !has(self.allowPrivilegeEscalation) || self.allowPrivilegeEscalation",
                 "message": "must not be false with privileged: true, which gives every right at once",
                 "fieldPath": ".allowPrivilegeEscalation"
                },
                {
                 "rule": "!has(self.runAsNonRoot) || !self.runAsNonRoot || !has(self.runAsUser) || self.runAsUser != 0",
                 "message": "must not be 0 with runAsNonRoot: true",
                 "fieldPath": ".runAsUser"
                },
                {
                 "rule": "!has(self.runAsGroup) || has(self.runAsUser)",
                 "message": "must come with runAsUser, without which the container would be root in that group",
                 "fieldPath": ".runAsGroup"
                }
               ],
               "properties": {
                "runAsUser": {
                 "type": "integer",
                 "minimum": 0,
                 "maximum": 2147483647,
                 "description": "The user id of the container's process."
                },
                "runAsGroup": {
                 "type": "integer",
                 "minimum": 0,
                 "maximum": 2147483647,
                 "description": "The group id of the container's process; only with runAsUser."
                },
                "readOnlyRootFilesystem": {
                 "type": "boolean",
                 "description": "Mounts the container's root file system read-only."
                },
                "runAsNonRoot": {
                 "type": "boolean",
                 "description": "True: a container whose user is root is not started."
                },
                "privileged": {
                 "type": "boolean",
                 "description": "Gives the container nearly all of the worker's own rights."
                },
                "allowPrivilegeEscalation": {
                 "type": "boolean",
                 "description": "Whether a process may gain more rights than its parent, for example by a set-user-id file; absent: no, unless privileged."
                },
                "seccompProfile": {
                 "type": "object",
                 "required": [
                  "type"
                 ],
                 "description": "Which system calls are filtered; absent: RuntimeDefault.",
                 "x-kubernetes-validations": [
                  {
                   "rule": "(self.type == 'Localhost') == has(self.localhostProfile)",
                   "message": "localhostProfile must be given with type Localhost, and with no other"
                  }
                 ],
                 "properties": {
                  "type": {
                   "type": "string",
                   "enum": [
                    "RuntimeDefault",
                    "Unconfined",
                    "Localhost"
                   ],
                   "description": "RuntimeDefault: the engine's own list."
                  },
                  "localhostProfile": {
                   "type": "string",
                   "minLength": 1,
                   "maxLength": 1024,
                   "pattern": "^[^/\\x00][^\\x00]*$",
                   "x-kubernetes-validations": [
                    {
                     "rule": "!('/' + self).contains('/..')",
                     "message": "no part of it may begin with '..'"
                    }
                   ],
                   "description": "A file below the worker's folder of seccomp profiles, without '..'."
                  }
                 }
                },
                "capabilities": {
                 "type": "object",
                 "description": "Linux capabilities on top of, or missing from, the engine's default set.",
                 "properties": {
                  "add": {
                   "type": "array",
                   "maxItems": 64,
                   "items": {
                    "type": "string",
                    "pattern": "^[A-Z_]+$"
                   },
                   "x-kubernetes-validations": [
                    {
                     "rule": "!self.exists(c, c.startsWith('CAP_'))",
                     "message": "must be written without the CAP_ prefix"
                    }
                   ],
                   "description": "Capabilities to add, without the CAP_ prefix."
                  },
                  "drop": {
                   "type": "array",
                   "maxItems": 64,
                   "items": {
                    "type": "string",
                    "pattern": "^[A-Z_]+$"
                   },
                   "x-kubernetes-validations": [
                    {
                     "rule": "!self.exists(c, c.startsWith('CAP_'))",
                     "message": "must be written without the CAP_ prefix"
                    }
                   ],
                   "description": "Capabilities to drop, without the CAP_ prefix."
                  }
                 }
                }
               }
              },
              "network": {
               "type": "object",
               "description": "How the container is connected.",
               "properties": {
                "mode": {
                 "type": "string",
                 "maxLength": 63,
                 "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
                 "default": "bridge",
                 "description": "bridge: the network that all tasks of the namespace on this worker share, on which they find each other by name; host: the worker's own; none; any other name: a network of that name in the namespace."
                },
                "hostname": {
                 "type": "string",
                 "maxLength": 63,
                 "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
                 "description": "The container's host name; absent: the task's name."
                },
                "aliases": {
                 "type": "array",
                 "maxItems": 16,
                 "x-kubernetes-list-type": "set",
                 "items": {
                  "type": "string",
                  "minLength": 1,
                  "maxLength": 63,
                  "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
                 },
                 "description": "Further names under which others on the network find it."
                },
                "dns": {
                 "type": "array",
                 "maxItems": 3,
                 "x-kubernetes-list-type": "atomic",
                 "items": {
                  "type": "string",
                  "maxLength": 45,
                  "pattern": "^[0-9a-fA-F.:]+$"
                 },
                 "description": "Addresses of name servers; absent: the worker's."
                }
               }
              },
              "hostPID": {
               "type": "boolean",
               "description": "True: the container sees and signals every process of the worker."
              },
              "logs": {
               "type": "object",
               "description": "How much output is kept on the worker for each container.",
               "properties": {
                "maxSize": {
                 "x-kubernetes-int-or-string": true,
                 "x-gantry-quantity": "positive",
                 "description": "Bytes of one file, for example 10Mi, which is the default."
                },
                "maxFiles": {
                 "type": "integer",
                 "minimum": 1,
                 "maximum": 100,
                 "description": "How many files; absent: 5."
                }
               }
              },
              "tolerations": {
               "type": "array",
               "maxItems": 64,
               "description": "Taints of workers that do not keep the task away.",
               "x-kubernetes-list-type": "atomic",
               "items": {
                "type": "object",
                "x-kubernetes-validations": [
                 {
                  "rule": "!has(self.operator) || self.operator != 'Exists' || !has(self.value)",
                  "message": "value must be absent when operator is Exists"
                 },
                 {
                  "rule": "has(self.key) || (has(self.operator) && self.operator == 'Exists')",
                  "message": "without a key operator must be Exists, which tolerates every taint"
                 }
                ],
                "properties": {
                 "key": {
                  "type": "string",
                  "maxLength": 317,
                  "description": "The taint's name; absent: every taint."
                 },
                 "operator": {
                  "type": "string",
                  "enum": [
                   "Exists",
                   "Equal"
                  ],
                  "description": "How the value compares; absent: Equal."
                 },
                 "value": {
                  "type": "string",
                  "maxLength": 63,
                  "description": "The taint's value; absent: empty."
                 },
                 "effect": {
                  "type": "string",
                  "enum": [
                   "NoSchedule",
                   "PreferNoSchedule"
                  ],
                  "description": "The taint's effect; absent: every effect."
                 }
                }
               }
              },
              "preemptionPolicy": {
               "type": "string",
               "enum": [
                "Never",
                "PreemptLowerPriority"
               ],
               "description": "PreemptLowerPriority: while there is no room for it, tasks of lower priority may be moved off a worker to make some; absent: Never."
              }
             }
            }
           }
          },
          "workerSelector": {
           "type": "object",
           "maxProperties": 64,
           "additionalProperties": {
            "type": "string",
            "maxLength": 253
           },
           "description": "Labels that a worker must carry to be given this work."
          },
          "priority": {
           "type": "integer",
           "format": "int32",
           "minimum": -1000000,
           "maximum": 1000000,
           "description": "The priority of runs that say nothing; absent: 0."
          },
          "timeoutSeconds": {
           "type": "integer",
           "format": "int64",
           "minimum": 1,
           "maximum": 31536000,
           "description": "Each try is killed after this long."
          },
          "retries": {
           "type": "object",
           "default": {},
           "description": "Whether work that failed is tried again, where a Job does not say.",
           "properties": {
            "limit": {
             "type": "integer",
             "format": "int32",
             "minimum": 0,
             "maximum": 100,
             "default": 0,
             "description": "How often at most, beside the first time."
            },
            "backoffSeconds": {
             "type": "integer",
             "format": "int32",
             "minimum": 0,
             "maximum": 86400,
             "default": 10,
             "description": "The wait before the first retry; it doubles each time, up to an hour."
            },
            "on": {
             "type": "string",
             "enum": [
              "Always",
              "Transient",
              "Never"
             ],
             "default": "Always",
             "description": "After which failures; see a Job's retries."
            }
           }
          }
         }
        }
       }
      }
     }
    }
   ]
  }
 },
 {
  "apiVersion": "apiextensions.k8s.io/v1",
  "kind": "CustomResourceDefinition",
  "metadata": {
   "name": "workers.gantry.dev"
  },
  "spec": {
   "group": "gantry.dev",
   "scope": "Cluster",
   "names": {
    "plural": "workers",
    "singular": "worker",
    "kind": "Worker",
    "listKind": "WorkerList",
    "shortNames": [
     "wk"
    ]
   },
   "versions": [
    {
     "name": "v1",
     "served": true,
     "storage": true,
     "subresources": {
      "status": {}
     },
     "selectableFields": [
      {
       "jsonPath": ".spec.unschedulable"
      }
     ],
     "additionalPrinterColumns": [
      {
       "name": "Ready",
       "type": "string",
       "jsonPath": ".status.conditions[?(@.type==\"Ready\")].status",
       "description": "Whether the worker takes and keeps tasks."
      },
      {
       "name": "Reason",
       "type": "string",
       "jsonPath": ".status.conditions[?(@.type==\"Ready\")].reason",
       "description": "Why."
      },
      {
       "name": "CPU",
       "type": "string",
       "jsonPath": ".status.allocatable.cpu",
       "description": "Cores that tasks may ask for."
      },
      {
       "name": "Memory",
       "type": "string",
       "jsonPath": ".status.allocatable.memory",
       "description": "Memory that tasks may ask for."
      },
      {
       "name": "Docker",
       "type": "string",
       "jsonPath": ".status.info.dockerVersion",
       "description": "The engine's version."
      },
      {
       "name": "Age",
       "type": "date",
       "jsonPath": ".metadata.creationTimestamp",
       "description": "Time since the worker joined."
      },
      {
       "name": "Address",
       "type": "string",
       "jsonPath": ".status.addresses[0].address",
       "priority": 1,
       "description": "Where its published ports are."
      },
      {
       "name": "Kernel",
       "type": "string",
       "jsonPath": ".status.info.kernel",
       "priority": 1,
       "description": "The kernel's version."
      }
     ],
     "schema": {
      "openAPIV3Schema": {
       "type": "object",
       "description": "Worker is one Docker engine and the agent beside it.",
       "properties": {
        "apiVersion": {
         "type": "string",
         "description": "The group and version of this representation: gantry.dev/v1."
        },
        "kind": {
         "type": "string",
         "description": "The kind of this object: Worker."
        },
        "metadata": {
         "type": "object",
         "description": "Standard object metadata."
        },
        "spec": {
         "type": "object",
         "default": {},
         "description": "What is asked for.",
         "properties": {
          "unschedulable": {
           "type": "boolean",
           "description": "No new tasks are placed here."
          },
          "taints": {
           "type": "array",
           "maxItems": 64,
           "description": "What keeps tasks away that do not tolerate it.",
           "x-kubernetes-list-type": "map",
           "x-kubernetes-list-map-keys": [
            "key",
            "effect"
           ],
           "items": {
            "type": "object",
            "required": [
             "key",
             "effect"
            ],
            "properties": {
             "key": {
              "type": "string",
              "minLength": 1,
              "maxLength": 317,
              "description": "The taint's name."
             },
             "value": {
              "type": "string",
              "maxLength": 63,
              "description": "Its value."
             },
             "effect": {
              "type": "string",
              "enum": [
               "NoSchedule",
               "PreferNoSchedule"
              ],
              "description": "NoSchedule: no new task without a toleration is placed here; PreferNoSchedule: only where no other worker fits."
             }
            }
           }
          }
         }
        },
        "status": {
         "type": "object",
         "description": "What was seen.",
         "properties": {
          "capacity": {
           "type": "object",
           "description": "What the machine has.",
           "properties": {
            "cpu": {
             "type": "string",
             "description": "Cores."
            },
            "memory": {
             "type": "string",
             "description": "Bytes."
            },
            "ephemeral-storage": {
             "type": "string",
             "description": "Bytes of the engine's disk."
            }
           }
          },
          "allocatable": {
           "type": "object",
           "description": "What tasks may ask for together.",
           "properties": {
            "cpu": {
             "type": "string",
             "description": "Cores."
            },
            "memory": {
             "type": "string",
             "description": "Bytes."
            },
            "ephemeral-storage": {
             "type": "string",
             "description": "Bytes of the engine's disk."
            }
           }
          },
          "conditions": {
           "type": "array",
           "description": "Ready (written by the lifecycle controller once the lease is lost, by the agent otherwise), RuntimeReady, MemoryPressure and DiskPressure.",
           "x-kubernetes-list-type": "map",
           "x-kubernetes-list-map-keys": [
            "type"
           ],
           "items": {
            "type": "object",
            "required": [
             "type",
             "status",
             "reason",
             "message",
             "lastTransitionTime"
            ],
            "properties": {
             "type": {
              "type": "string",
              "description": "The condition's name."
             },
             "status": {
              "type": "string",
              "enum": [
               "True",
               "False",
               "Unknown"
              ],
              "description": "Whether it holds."
             },
             "reason": {
              "type": "string",
              "description": "One word that says why."
             },
             "message": {
              "type": "string",
              "description": "A sentence for people."
             },
             "lastTransitionTime": {
              "type": "string",
              "format": "date-time",
              "description": "When status last changed."
             },
             "observedGeneration": {
              "type": "integer",
              "format": "int64",
              "description": "The generation this was judged from."
             }
            }
           }
          },
          "addresses": {
           "type": "array",
           "maxItems": 16,
           "description": "Where the worker is reached; the first is where its ports are published.",
           "items": {
            "type": "object",
            "required": [
             "type",
             "address"
            ],
            "properties": {
             "type": {
              "type": "string",
              "enum": [
               "InternalIP",
               "Hostname"
              ],
              "description": "What kind of address."
             },
             "address": {
              "type": "string",
              "description": "The address."
             }
            }
           }
          },
          "info": {
           "type": "object",
           "description": "What the machine and the engine say of themselves.",
           "properties": {
            "os": {
             "type": "string",
             "description": "The operating system."
            },
            "arch": {
             "type": "string",
             "description": "The processor architecture."
            },
            "kernel": {
             "type": "string",
             "description": "The kernel's version."
            },
            "dockerVersion": {
             "type": "string",
             "description": "The engine's version."
            },
            "agentVersion": {
             "type": "string",
             "description": "Gantry's version."
            }
           }
          },
          "observedGeneration": {
           "type": "integer",
           "format": "int64",
           "description": "The generation this status was made from."
          }
         }
        }
       }
      }
     }
    }
   ]
  }
 },
 {
  "apiVersion": "apiextensions.k8s.io/v1",
  "kind": "CustomResourceDefinition",
  "metadata": {
   "name": "clusterroles.rbac.authorization.k8s.io"
  },
  "spec": {
   "group": "rbac.authorization.k8s.io",
   "scope": "Cluster",
   "names": {
    "plural": "clusterroles",
    "singular": "clusterrole",
    "kind": "ClusterRole",
    "listKind": "ClusterRoleList"
   },
   "versions": [
    {
     "name": "v1",
     "served": true,
     "storage": true,
     "additionalPrinterColumns": [
      {
       "name": "Created At",
       "type": "string",
       "jsonPath": ".metadata.creationTimestamp",
       "description": "When it was created."
      }
     ],
     "schema": {
      "openAPIV3Schema": {
       "type": "object",
       "description": "ClusterRole is a set of rules that a ClusterRoleBinding or a RoleBinding grants.",
       "properties": {
        "apiVersion": {
         "type": "string",
         "description": "The group and version of this representation: rbac.authorization.k8s.io/v1."
        },
        "kind": {
         "type": "string",
         "description": "The kind of this object: ClusterRole."
        },
        "metadata": {
         "type": "object",
         "description": "Standard object metadata."
        },
        "rules": {
         "type": "array",
         "nullable": true,
         "x-kubernetes-list-type": "atomic",
         "description": "What the role allows. Rules only add; nothing can be denied.",
         "items": {
          "type": "object",
          "required": [
           "verbs"
          ],
          "description": "PolicyRule allows verbs on resources, or on paths that are not resources.",
          "properties": {
           "verbs": {
            "type": "array",
            "nullable": true,
            "x-kubernetes-list-type": "atomic",
            "items": {
             "type": "string"
            },
            "description": "The verbs allowed; * is all of them."
           },
           "apiGroups": {
            "type": "array",
            "x-kubernetes-list-type": "atomic",
            "items": {
             "type": "string"
            },
            "description": "The groups of the resources; the empty one is core, * is all of them."
           },
           "resources": {
            "type": "array",
            "x-kubernetes-list-type": "atomic",
            "items": {
             "type": "string"
            },
            "description": "Resources such as tasks, subresources such as tasks/status, */status; * is all of them."
           },
           "resourceNames": {
            "type": "array",
            "x-kubernetes-list-type": "atomic",
            "items": {
             "type": "string"
            },
            "description": "Only objects with these names; empty is all of them."
           },
           "nonResourceURLs": {
            "type": "array",
            "x-kubernetes-list-type": "atomic",
            "items": {
             "type": "string"
            },
            "description": "Paths such as /metrics; a star is allowed only as the last part."
           }
          }
         }
        },
        "aggregationRule": {
         "type": "object",
         "description": "When given, a controller fills rules with those of all cluster roles that a selector selects.",
         "properties": {
          "clusterRoleSelectors": {
           "type": "array",
           "x-kubernetes-list-type": "atomic",
           "description": "Which cluster roles are gathered.",
           "items": {
            "type": "object",
            "x-kubernetes-map-type": "atomic",
            "description": "A label selector.",
            "properties": {
             "matchLabels": {
              "type": "object",
              "additionalProperties": {
               "type": "string"
              },
              "description": "Labels that must have these values."
             },
             "matchExpressions": {
              "type": "array",
              "x-kubernetes-list-type": "atomic",
              "description": "Requirements that must all hold.",
              "items": {
               "type": "object",
               "required": [
                "key",
                "operator"
               ],
               "description": "A requirement on one label.",
               "properties": {
                "key": {
                 "type": "string",
                 "description": "The label."
                },
                "operator": {
                 "type": "string",
                 "description": "In, NotIn, Exists or DoesNotExist."
                },
                "values": {
                 "type": "array",
                 "x-kubernetes-list-type": "atomic",
                 "items": {
                  "type": "string"
                 },
                 "description": "The values of In and NotIn."
                }
               }
              }
             }
            }
           }
          }
         }
        }
       }
      }
     }
    }
   ]
  }
 },
 {
  "apiVersion": "apiextensions.k8s.io/v1",
  "kind": "CustomResourceDefinition",
  "metadata": {
   "name": "clusterrolebindings.rbac.authorization.k8s.io"
  },
  "spec": {
   "group": "rbac.authorization.k8s.io",
   "scope": "Cluster",
   "names": {
    "plural": "clusterrolebindings",
    "singular": "clusterrolebinding",
    "kind": "ClusterRoleBinding",
    "listKind": "ClusterRoleBindingList"
   },
   "versions": [
    {
     "name": "v1",
     "served": true,
     "storage": true,
     "additionalPrinterColumns": [
      {
       "name": "Role",
       "type": "string",
       "jsonPath": ".roleRef.name",
       "description": "The role that is granted."
      },
      {
       "name": "Age",
       "type": "date",
       "jsonPath": ".metadata.creationTimestamp",
       "description": "Time since it was created."
      }
     ],
     "schema": {
      "openAPIV3Schema": {
       "type": "object",
       "description": "ClusterRoleBinding grants a ClusterRole in the whole cluster.",
       "required": [
        "roleRef"
       ],
       "properties": {
        "apiVersion": {
         "type": "string",
         "description": "The group and version of this representation: rbac.authorization.k8s.io/v1."
        },
        "kind": {
         "type": "string",
         "description": "The kind of this object: ClusterRoleBinding."
        },
        "metadata": {
         "type": "object",
         "description": "Standard object metadata."
        },
        "roleRef": {
         "type": "object",
         "x-kubernetes-map-type": "atomic",
         "required": [
          "kind",
          "name"
         ],
         "description": "The role that is granted. It never changes; to grant another one, delete the binding and make a new one.",
         "properties": {
          "apiGroup": {
           "type": "string",
           "default": "rbac.authorization.k8s.io",
           "description": "The role's group: rbac.authorization.k8s.io."
          },
          "kind": {
           "type": "string",
           "description": "ClusterRole."
          },
          "name": {
           "type": "string",
           "description": "The role's name."
          }
         }
        },
        "subjects": {
         "type": "array",
         "nullable": true,
         "x-kubernetes-list-type": "atomic",
         "description": "Who is granted the role.",
         "items": {
          "type": "object",
          "x-kubernetes-map-type": "atomic",
          "required": [
           "kind",
           "name"
          ],
          "description": "Subject is a user, a group or a service account.",
          "properties": {
           "kind": {
            "type": "string",
            "description": "User, Group or ServiceAccount."
           },
           "apiGroup": {
            "type": "string",
            "description": "rbac.authorization.k8s.io for User and Group, empty for ServiceAccount."
           },
           "name": {
            "type": "string",
            "description": "The subject's name."
           },
           "namespace": {
            "type": "string",
            "description": "The service account's namespace; users and groups have none."
           }
          }
         }
        }
       }
      }
     }
    }
   ]
  }
 },
 {
  "apiVersion": "apiextensions.k8s.io/v1",
  "kind": "CustomResourceDefinition",
  "metadata": {
   "name": "roles.rbac.authorization.k8s.io"
  },
  "spec": {
   "group": "rbac.authorization.k8s.io",
   "scope": "Namespaced",
   "names": {
    "plural": "roles",
    "singular": "role",
    "kind": "Role",
    "listKind": "RoleList"
   },
   "versions": [
    {
     "name": "v1",
     "served": true,
     "storage": true,
     "additionalPrinterColumns": [
      {
       "name": "Created At",
       "type": "string",
       "jsonPath": ".metadata.creationTimestamp",
       "description": "When it was created."
      }
     ],
     "schema": {
      "openAPIV3Schema": {
       "type": "object",
       "description": "Role is a set of rules that hold in one namespace.",
       "properties": {
        "apiVersion": {
         "type": "string",
         "description": "The group and version of this representation: rbac.authorization.k8s.io/v1."
        },
        "kind": {
         "type": "string",
         "description": "The kind of this object: Role."
        },
        "metadata": {
         "type": "object",
         "description": "Standard object metadata."
        },
        "rules": {
         "type": "array",
         "nullable": true,
         "x-kubernetes-list-type": "atomic",
         "description": "What the role allows. Rules only add; nothing can be denied.",
         "items": {
          "type": "object",
          "required": [
           "verbs"
          ],
          "description": "PolicyRule allows verbs on resources, or on paths that are not resources.",
          "properties": {
           "verbs": {
            "type": "array",
            "nullable": true,
            "x-kubernetes-list-type": "atomic",
            "items": {
             "type": "string"
            },
            "description": "The verbs allowed; * is all of them."
           },
           "apiGroups": {
            "type": "array",
            "x-kubernetes-list-type": "atomic",
            "items": {
             "type": "string"
            },
            "description": "The groups of the resources; the empty one is core, * is all of them."
           },
           "resources": {
            "type": "array",
            "x-kubernetes-list-type": "atomic",
            "items": {
             "type": "string"
            },
            "description": "Resources such as tasks, subresources such as tasks/status, */status; * is all of them."
           },
           "resourceNames": {
            "type": "array",
            "x-kubernetes-list-type": "atomic",
            "items": {
             "type": "string"
            },
            "description": "Only objects with these names; empty is all of them."
           },
           "nonResourceURLs": {
            "type": "array",
            "x-kubernetes-list-type": "atomic",
            "items": {
             "type": "string"
            },
            "description": "Paths such as /metrics; a star is allowed only as the last part."
           }
          }
         }
        }
       }
      }
     }
    }
   ]
  }
 },
 {
  "apiVersion": "apiextensions.k8s.io/v1",
  "kind": "CustomResourceDefinition",
  "metadata": {
   "name": "rolebindings.rbac.authorization.k8s.io"
  },
  "spec": {
   "group": "rbac.authorization.k8s.io",
   "scope": "Namespaced",
   "names": {
    "plural": "rolebindings",
    "singular": "rolebinding",
    "kind": "RoleBinding",
    "listKind": "RoleBindingList"
   },
   "versions": [
    {
     "name": "v1",
     "served": true,
     "storage": true,
     "additionalPrinterColumns": [
      {
       "name": "Role",
       "type": "string",
       "jsonPath": ".roleRef.name",
       "description": "The role that is granted."
      },
      {
       "name": "Age",
       "type": "date",
       "jsonPath": ".metadata.creationTimestamp",
       "description": "Time since it was created."
      }
     ],
     "schema": {
      "openAPIV3Schema": {
       "type": "object",
       "description": "RoleBinding grants a Role, or a ClusterRole within its namespace.",
       "required": [
        "roleRef"
       ],
       "properties": {
        "apiVersion": {
         "type": "string",
         "description": "The group and version of this representation: rbac.authorization.k8s.io/v1."
        },
        "kind": {
         "type": "string",
         "description": "The kind of this object: RoleBinding."
        },
        "metadata": {
         "type": "object",
         "description": "Standard object metadata."
        },
        "roleRef": {
         "type": "object",
         "x-kubernetes-map-type": "atomic",
         "required": [
          "kind",
          "name"
         ],
         "description": "The role that is granted. It never changes; to grant another one, delete the binding and make a new one.",
         "properties": {
          "apiGroup": {
           "type": "string",
           "default": "rbac.authorization.k8s.io",
           "description": "The role's group: rbac.authorization.k8s.io."
          },
          "kind": {
           "type": "string",
           "description": "Role or ClusterRole."
          },
          "name": {
           "type": "string",
           "description": "The role's name."
          }
         }
        },
        "subjects": {
         "type": "array",
         "nullable": true,
         "x-kubernetes-list-type": "atomic",
         "description": "Who is granted the role.",
         "items": {
          "type": "object",
          "x-kubernetes-map-type": "atomic",
          "required": [
           "kind",
           "name"
          ],
          "description": "Subject is a user, a group or a service account.",
          "properties": {
           "kind": {
            "type": "string",
            "description": "User, Group or ServiceAccount."
           },
           "apiGroup": {
            "type": "string",
            "description": "rbac.authorization.k8s.io for User and Group, empty for ServiceAccount."
           },
           "name": {
            "type": "string",
            "description": "The subject's name."
           },
           "namespace": {
            "type": "string",
            "description": "The service account's namespace; users and groups have none."
           }
          }
         }
        }
       }
      }
     }
    }
   ]
  }
 }
];
