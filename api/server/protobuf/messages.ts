/**
 * Kubernetes' API types as its Go clients put them on the wire, one line each: `number name type` of every field.
 *
 * A type is a scalar, another message, or one of the wire's special values; `[]` before it means repeated, `{}` a map
 * by text. `?` after a scalar: absent and zero differ. `!`: told even when it is zero. Neither: zero means absent, as
 * in the JSON of the same clients. `...` instead of a name: the fields of that message belong to this one.
 * Source: `generated.proto` and `types.go` of k8s.io/api and k8s.io/apimachinery, 1.33.
 */
import { podMessages } from './podmessages.ts';

export const messages: Readonly<Record<string, string>> = {
  DeleteOptions: `
    1 gracePeriodSeconds int64?, 2 preconditions Preconditions, 3 orphanDependents bool?,
    4 propagationPolicy string?, 5 dryRun []string,
    6 ignoreStoreReadErrorWithClusterBreakingPotential bool?
  `,
  Preconditions: '1 uid string?, 2 resourceVersion string?',
  ConfigMap: '1 metadata ObjectMeta, 2 data {}string, 3 binaryData {}bytes, 4 immutable bool?',
  ObjectMeta: `
    1 name string, 2 generateName string, 3 namespace string, 4 selfLink string, 5 uid string,
    6 resourceVersion string, 7 generation int64, 8 creationTimestamp Time, 9 deletionTimestamp Time,
    10 deletionGracePeriodSeconds int64?, 11 labels {}string, 12 annotations {}string,
    13 ownerReferences []OwnerReference, 14 finalizers []string, 17 managedFields []ManagedFieldsEntry
  `,
  OwnerReference: `
    1 kind string!, 3 name string!, 4 uid string!, 5 apiVersion string!, 6 controller bool?,
    7 blockOwnerDeletion bool?
  `,
  ManagedFieldsEntry: `
    1 manager string, 2 operation string, 3 apiVersion string, 4 time Time, 6 fieldsType string,
    7 fieldsV1 Raw, 8 subresource string
  `,
  Secret: '1 metadata ObjectMeta, 2 data {}bytes, 3 type string, 4 stringData {}string, 5 immutable bool?',
  Namespace: '1 metadata ObjectMeta, 2 spec NamespaceSpec, 3 status NamespaceStatus',
  NamespaceSpec: '1 finalizers []string',
  NamespaceStatus: '1 phase string, 2 conditions []NamespaceCondition',
  NamespaceCondition: `
    1 type string!, 2 status string!, 4 lastTransitionTime Time, 5 reason string, 6 message string
  `,
  ServiceAccount: `
    1 metadata ObjectMeta, 2 secrets []ObjectReference, 3 imagePullSecrets []LocalObjectReference,
    4 automountServiceAccountToken bool?
  `,
  ObjectReference: `
    1 kind string, 2 namespace string, 3 name string, 4 uid string, 5 apiVersion string,
    6 resourceVersion string, 7 fieldPath string
  `,
  LocalObjectReference: '1 name string',
  ResourceQuota: '1 metadata ObjectMeta, 2 spec ResourceQuotaSpec, 3 status ResourceQuotaStatus',
  ResourceQuotaSpec: '1 hard {}Quantity, 2 scopes []string, 3 scopeSelector ScopeSelector',
  ScopeSelector: '1 matchExpressions []ScopedResourceSelectorRequirement',
  ScopedResourceSelectorRequirement: '1 scopeName string!, 2 operator string!, 3 values []string',
  ResourceQuotaStatus: '1 hard {}Quantity, 2 used {}Quantity',
  Event: `
    1 metadata ObjectMeta, 2 involvedObject ObjectReference, 3 reason string, 4 message string,
    5 source EventSource, 6 firstTimestamp Time, 7 lastTimestamp Time, 8 count int32, 9 type string,
    10 eventTime MicroTime, 11 series EventSeries, 12 action string, 13 related ObjectReference,
    14 reportingComponent string!, 15 reportingInstance string!
  `,
  EventSource: '1 component string, 2 host string',
  EventSeries: '1 count int32, 2 lastObservedTime MicroTime',
  EventsEvent: `
    1 metadata ObjectMeta, 2 eventTime MicroTime, 3 series EventsEventSeries,
    4 reportingController string, 5 reportingInstance string, 6 action string, 7 reason string,
    8 regarding ObjectReference, 9 related ObjectReference, 10 note string, 11 type string,
    12 deprecatedSource EventSource, 13 deprecatedFirstTimestamp Time, 14 deprecatedLastTimestamp Time,
    15 deprecatedCount int32
  `,
  EventsEventSeries: '1 count int32!, 2 lastObservedTime MicroTime',
  Lease: '1 metadata ObjectMeta, 2 spec LeaseSpec',
  LeaseSpec: `
    1 holderIdentity string?, 2 leaseDurationSeconds int32?, 3 acquireTime MicroTime,
    4 renewTime MicroTime, 5 leaseTransitions int32?, 6 strategy string?, 7 preferredHolder string?
  `,
  ControllerRevision: '1 metadata ObjectMeta, 2 data Raw, 3 revision int64!',
  Role: '1 metadata ObjectMeta, 2 rules []PolicyRule',
  PolicyRule: `
    1 verbs []string, 2 apiGroups []string, 3 resources []string, 4 resourceNames []string,
    5 nonResourceURLs []string
  `,
  ClusterRole: '1 metadata ObjectMeta, 2 rules []PolicyRule, 3 aggregationRule AggregationRule',
  AggregationRule: '1 clusterRoleSelectors []LabelSelector',
  LabelSelector: '1 matchLabels {}string, 2 matchExpressions []LabelSelectorRequirement',
  LabelSelectorRequirement: '1 key string!, 2 operator string!, 3 values []string',
  RoleBinding: '1 metadata ObjectMeta, 2 subjects []Subject, 3 roleRef RoleRef',
  Subject: '1 kind string!, 2 apiGroup string, 3 name string!, 4 namespace string',
  RoleRef: '1 apiGroup string!, 2 kind string!, 3 name string!',
  ClusterRoleBinding: '1 metadata ObjectMeta, 2 subjects []Subject, 3 roleRef RoleRef',
  TokenRequest: '1 metadata ObjectMeta, 2 spec TokenRequestSpec, 3 status TokenRequestStatus',
  TokenRequestSpec: '1 audiences []string, 3 boundObjectRef BoundObjectReference, 4 expirationSeconds int64?',
  BoundObjectReference: '1 kind string, 2 apiVersion string, 3 name string, 4 uid string',
  TokenRequestStatus: '1 token string!, 2 expirationTimestamp Time',
  TokenReview: '1 metadata ObjectMeta, 2 spec TokenReviewSpec, 3 status TokenReviewStatus',
  TokenReviewSpec: '1 token string, 2 audiences []string',
  TokenReviewStatus: '1 authenticated bool, 2 user UserInfo, 3 error string, 4 audiences []string',
  UserInfo: '1 username string, 2 uid string, 3 groups []string, 4 extra {}ExtraValue',
  ExtraValue: '1 items []string',
  SelfSubjectReview: '1 metadata ObjectMeta, 2 status SelfSubjectReviewStatus',
  SelfSubjectReviewStatus: '1 userInfo UserInfo',
  SelfSubjectAccessReview: `
    1 metadata ObjectMeta, 2 spec SelfSubjectAccessReviewSpec, 3 status SubjectAccessReviewStatus
  `,
  SelfSubjectAccessReviewSpec: `
    1 resourceAttributes ResourceAttributes, 2 nonResourceAttributes NonResourceAttributes
  `,
  ResourceAttributes: `
    1 namespace string, 2 verb string, 3 group string, 4 version string, 5 resource string,
    6 subresource string, 7 name string, 8 fieldSelector FieldSelectorAttributes,
    9 labelSelector LabelSelectorAttributes
  `,
  FieldSelectorAttributes: '1 rawSelector string, 2 requirements []FieldSelectorRequirement',
  FieldSelectorRequirement: '1 key string!, 2 operator string!, 3 values []string',
  LabelSelectorAttributes: '1 rawSelector string, 2 requirements []LabelSelectorRequirement',
  NonResourceAttributes: '1 path string, 2 verb string',
  SubjectAccessReviewStatus: '1 allowed bool!, 2 reason string, 3 evaluationError string, 4 denied bool',
  SelfSubjectRulesReview: `
    1 metadata ObjectMeta, 2 spec SelfSubjectRulesReviewSpec, 3 status SubjectRulesReviewStatus
  `,
  SelfSubjectRulesReviewSpec: '1 namespace string',
  SubjectRulesReviewStatus: `
    1 resourceRules []ResourceRule, 2 nonResourceRules []NonResourceRule, 3 incomplete bool!,
    4 evaluationError string
  `,
  ResourceRule: '1 verbs []string, 2 apiGroups []string, 3 resources []string, 4 resourceNames []string',
  NonResourceRule: '1 verbs []string, 2 nonResourceURLs []string',
  SubjectAccessReview: `
    1 metadata ObjectMeta, 2 spec SubjectAccessReviewSpec, 3 status SubjectAccessReviewStatus
  `,
  SubjectAccessReviewSpec: `
    1 resourceAttributes ResourceAttributes, 2 nonResourceAttributes NonResourceAttributes,
    3 user string, 4 groups []string, 5 extra {}ExtraValue, 6 uid string
  `,
  LocalSubjectAccessReview: `
    1 metadata ObjectMeta, 2 spec SubjectAccessReviewSpec, 3 status SubjectAccessReviewStatus
  `,
  Scale: '1 metadata ObjectMeta, 2 spec ScaleSpec, 3 status ScaleStatus',
  ScaleSpec: '1 replicas int32',
  ScaleStatus: '1 replicas int32!, 2 selector string',
  Eviction: '1 metadata ObjectMeta, 2 deleteOptions DeleteOptions',
  Binding: '1 metadata ObjectMeta, 2 target ObjectReference',
  ...podMessages,
};

/** The message of each kind that is understood, by apiVersion and kind. */
export const kindMessages: ReadonlyMap<string, string> = new Map(
  Object.entries({
    v1: ['Binding', 'ConfigMap', 'Event', 'Namespace', 'Pod', 'ResourceQuota', 'Secret', 'ServiceAccount'],
    'apps/v1': ['ControllerRevision'],
    'authentication.k8s.io/v1': ['SelfSubjectReview', 'TokenRequest', 'TokenReview'],
    'authorization.k8s.io/v1': [
      'LocalSubjectAccessReview',
      'SelfSubjectAccessReview',
      'SelfSubjectRulesReview',
      'SubjectAccessReview',
    ],
    'autoscaling/v1': ['Scale'],
    'coordination.k8s.io/v1': ['Lease'],
    'events.k8s.io/v1': ['Event'],
    'policy/v1': ['Eviction'],
    'rbac.authorization.k8s.io/v1': ['ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'],
  }).flatMap(([apiVersion, kinds]) =>
    kinds.map((kind): [string, string] => [
      `${apiVersion} ${kind}`,
      apiVersion === 'events.k8s.io/v1' ? `Events${kind}` : kind,
    ]),
  ),
);
