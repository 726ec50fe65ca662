/**
 * What can be done to each kind over HTTP, as data: the one description from which both OpenAPI versions are written.
 * Source of paths, actions, operation ids and parameters: the Kubernetes API's own OpenAPI documents.
 */
import { isKubernetesGroup } from '../../../machinery/meta.ts';
import type { ServedKind } from '../../registry/types.ts';
import { definitionName, META_PREFIX } from './names.ts';
import {
  DELETE_PARAMETERS,
  GET_PARAMETERS,
  LIST_PARAMETERS,
  type Parameter,
  QUESTION_PARAMETERS,
  STREAM_PARAMETERS,
  WRITE_PARAMETERS,
} from './parameters.ts';
import { type GroupVersionKind, gvkOf, subresourceGvk } from './subresources.ts';

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

export interface Operation {
  readonly method: Method;
  /** Unique among all operations, for generators: `replaceGantryDevV1NamespacedTask`. */
  readonly id: string;
  readonly description: string;
  /** Kubernetes' word for what it does. */
  readonly action: string;
  readonly tag: string;
  readonly gvk: GroupVersionKind;
  readonly parameters: readonly Parameter[];
  readonly takes?: {
    readonly definition: string;
    readonly types: readonly string[];
    readonly isOptional: boolean;
  };
  /** HTTP statuses of success and what comes with them; without a definition it is a stream of text. */
  readonly answers: { readonly statuses: readonly number[]; readonly definition: string | undefined };
}

export interface PathOperations {
  readonly path: string;
  /** In the order of the path. */
  readonly pathParameters: readonly Parameter[];
  readonly operations: readonly Operation[];
}

const OBJECT_TYPES = ['application/json', 'application/yaml'];
const STRATEGIC_TYPE = 'application/strategic-merge-patch+json';
const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  STRATEGIC_TYPE,
  'application/apply-patch+yaml',
];

interface Act {
  readonly method: Method;
  readonly action: string;
  /** The verb that the kind must have for it. */
  readonly verb: string;
  /** Generators' word: `read`, `replace`. */
  readonly word: string;
  readonly description: string;
  readonly parameters: readonly Parameter[];
  readonly statuses: readonly number[];
  readonly takes?: 'object' | 'patch' | 'deleteOptions';
  readonly answers: 'object' | 'list' | 'status' | 'text';
}

const LIST: Act = {
  method: 'get',
  action: 'list',
  verb: 'list',
  word: 'list',
  description: 'list or watch objects of kind',
  parameters: LIST_PARAMETERS,
  statuses: [200],
  answers: 'list',
};
const CREATE: Act = {
  method: 'post',
  action: 'post',
  verb: 'create',
  word: 'create',
  description: 'create',
  parameters: WRITE_PARAMETERS,
  statuses: [200, 201, 202],
  takes: 'object',
  answers: 'object',
};
const COLLECTION: readonly Act[] = [
  LIST,
  CREATE,
  {
    method: 'delete',
    action: 'deletecollection',
    verb: 'deletecollection',
    word: 'deleteCollection',
    description: 'delete collection of',
    parameters: [
      ...DELETE_PARAMETERS,
      ...LIST_PARAMETERS.filter(({ name }) => /Selector$|^limit$|^continue$/.test(name)),
    ],
    statuses: [200],
    takes: 'deleteOptions',
    answers: 'status',
  },
];
const ITEM: readonly Act[] = [
  {
    method: 'get',
    action: 'get',
    verb: 'get',
    word: 'read',
    description: 'read the specified',
    parameters: GET_PARAMETERS,
    statuses: [200],
    answers: 'object',
  },
  {
    method: 'put',
    action: 'put',
    verb: 'update',
    word: 'replace',
    description: 'replace the specified',
    parameters: WRITE_PARAMETERS,
    statuses: [200, 201],
    takes: 'object',
    answers: 'object',
  },
  {
    method: 'patch',
    action: 'patch',
    verb: 'patch',
    word: 'patch',
    description: 'partially update the specified',
    parameters: [
      ...WRITE_PARAMETERS,
      {
        name: 'force',
        type: 'boolean',
        description: 'Take over what other managers own; for apply patches only.',
      },
    ],
    statuses: [200, 201],
    takes: 'patch',
    answers: 'object',
  },
  {
    method: 'delete',
    action: 'delete',
    verb: 'delete',
    word: 'delete',
    description: 'delete',
    parameters: DELETE_PARAMETERS,
    statuses: [200, 202],
    takes: 'deleteOptions',
    answers: 'status',
  },
];
const SUBRESOURCE: readonly Act[] = [...ITEM.filter((act) => act.method !== 'delete'), CREATE];

/** `apis/gantry.dev/v1`, or `api/v1` for the core group. */
export function groupVersionPath({ group, version }: Pick<ServedKind, 'group' | 'version'>): string {
  return group === '' ? `api/${version}` : `apis/${group}/${version}`;
}

export function pathsOf(kind: ServedKind): readonly PathOperations[] {
  const base = `/${groupVersionPath(kind)}`;
  const collection = kind.namespaced
    ? `${base}/namespaces/{namespace}/${kind.plural}`
    : `${base}/${kind.plural}`;
  const item = `${collection}/{name}`;
  const isReview = !kind.verbs.includes('get') && kind.verbs.includes('create');
  const paths = [
    ...(kind.namespaced ? [describePath(kind, `${base}/${kind.plural}`, [LIST], 'ForAllNamespaces')] : []),
    describePath(kind, collection, isReview ? [CREATE] : COLLECTION, ''),
    describePath(kind, item, ITEM, ''),
    ...kind.subresources.map((subresource) => describeSubresource(kind, item, subresource)),
  ];
  return paths.filter(({ operations }) => operations.length > 0);
}

function describePath(
  kind: ServedKind,
  path: string,
  acts: readonly Act[],
  scope: '' | 'ForAllNamespaces',
): PathOperations {
  const noun = scope === '' && kind.namespaced ? `Namespaced${kind.kind}` : kind.kind;
  const offered = acts.filter((act) => kind.verbs.includes(act.verb));
  return {
    path,
    pathParameters: parametersOf(path),
    operations: offered.map((act) => {
      const isCollection = act.action === 'deletecollection';
      const word = isCollection ? 'delete' : act.word;
      const id = `${word}${groupVersionWord(kind)}${isCollection ? 'Collection' : ''}${noun}${scope}`;
      return describe(act, kind, gvkOf(kind), id);
    }),
  };
}

function describeSubresource(
  kind: ServedKind,
  item: string,
  subresource: ServedKind['subresources'][number],
): PathOperations {
  const { name, verbs } = subresource;
  const path = `${item}/${name}`;
  const noun = `${kind.namespaced ? 'Namespaced' : ''}${kind.kind}${capitalized(name)}`;
  const gvk = subresourceGvk(kind, subresource);
  const stream = STREAM_PARAMETERS[name];
  const operations =
    stream === undefined
      ? SUBRESOURCE.filter((act) => verbs.includes(act.verb)).map((act) =>
          describe(
            { ...act, parameters: QUESTION_PARAMETERS[name] ?? act.parameters },
            kind,
            gvk,
            `${act.word}${groupVersionWord(kind)}${noun}`,
          ),
        )
      : streamActs(name, stream, verbs).map((act) => {
          const id = `${act.word}${groupVersionWord(kind)}${name === 'log' ? '' : capitalized(act.method)}${noun}`;
          return describe(act, kind, gvk, id);
        });
  return { path, pathParameters: parametersOf(path), operations };
}

function streamActs(
  name: string,
  parameters: readonly Parameter[],
  verbs: readonly string[],
): readonly Act[] {
  const stream = {
    parameters,
    statuses: [200],
    answers: 'text',
    description: `connect to ${name} of`,
  } as const;
  if (name === 'log') return [{ ...stream, method: 'get', action: 'get', verb: 'get', word: 'read' }];
  const acts: readonly Act[] = [
    { ...stream, method: 'get', action: 'connect', verb: 'get', word: 'connect' },
    { ...stream, method: 'post', action: 'connect', verb: 'create', word: 'connect' },
  ];
  return acts.filter((act) => verbs.includes(act.verb));
}

function describe(act: Act, owner: ServedKind, gvk: GroupVersionKind, id: string): Operation {
  const definition = definitionName(gvk);
  const { method, action, parameters, takes, statuses } = act;
  return {
    method,
    id,
    description: `${act.description} ${gvk.kind}`,
    action,
    tag: `${lowered(groupWord(owner))}_${owner.version}`,
    gvk,
    parameters,
    ...(takes === undefined
      ? {}
      : {
          takes: {
            definition:
              takes === 'object'
                ? definition
                : `${META_PREFIX}${takes === 'patch' ? 'Patch' : 'DeleteOptions'}`,
            types: takes === 'patch' ? patchTypes(owner) : OBJECT_TYPES,
            isOptional: takes === 'deleteOptions',
          },
        }),
    answers: { statuses, definition: answerDefinition(act, owner, definition) },
  };
}

/** kubectl before 1.29 sends whatever it finds here, and strategic merge is only for kinds that clients have compiled in. */
function patchTypes({ group }: ServedKind): readonly string[] {
  return isKubernetesGroup(group) ? PATCH_TYPES : PATCH_TYPES.filter((type) => type !== STRATEGIC_TYPE);
}

function answerDefinition({ answers }: Act, owner: ServedKind, definition: string): string | undefined {
  switch (answers) {
    case 'object':
      return definition;
    case 'list':
      return definitionName({ ...gvkOf(owner), kind: owner.listKind });
    case 'status':
      return `${META_PREFIX}Status`;
    case 'text':
      return undefined;
  }
}

function parametersOf(path: string): readonly Parameter[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => ({
    name,
    type: 'string',
    description:
      name === 'namespace'
        ? 'object name and auth scope, such as for teams and projects'
        : 'name of the object',
  }));
}

const capitalized = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const lowered = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

/** `Core`, `Apps`, `RbacAuthorization`, `GantryDev`. */
function groupWord({ group }: Pick<ServedKind, 'group'>): string {
  if (group === '') return 'Core';
  return group
    .replace(/\.k8s\.io$/, '')
    .split(/[.-]/)
    .map(capitalized)
    .join('');
}

function groupVersionWord(kind: ServedKind): string {
  return groupWord(kind) + capitalized(kind.version);
}
