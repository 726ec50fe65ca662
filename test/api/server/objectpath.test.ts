/** Resource paths: one row each. */
import { expect } from 'chai';
import { type ObjectPath, parseObjectPath } from '../../../api/server/objectpath.ts';

const rows: readonly (readonly [path: string, found: ObjectPath | undefined])[] = [
  ['/api/v1/pods', { group: '', version: 'v1', plural: 'pods' }],
  ['/api/v1/pods/', { group: '', version: 'v1', plural: 'pods' }],
  ['/api/v1/nodes/w1', { group: '', version: 'v1', plural: 'nodes', name: 'w1' }],
  [
    '/api/v1/nodes/w1/status',
    { group: '', version: 'v1', plural: 'nodes', name: 'w1', subresource: 'status' },
  ],
  ['/api/v1/namespaces', { group: '', version: 'v1', plural: 'namespaces' }],
  ['/api/v1/namespaces/a', { group: '', version: 'v1', plural: 'namespaces', name: 'a' }],
  ['/api/v1/namespaces/a/pods', { group: '', version: 'v1', namespace: 'a', plural: 'pods' }],
  ['/api/v1/namespaces/a/pods/b', { group: '', version: 'v1', namespace: 'a', plural: 'pods', name: 'b' }],
  [
    '/apis/gantry.dev/v1/namespaces/a/tasks/b/log',
    { group: 'gantry.dev', version: 'v1', namespace: 'a', plural: 'tasks', name: 'b', subresource: 'log' },
  ],
  ['/apis/gantry.dev/v1/workers', { group: 'gantry.dev', version: 'v1', plural: 'workers' }],
  ['/api/v1/nodes/a%20b', { group: '', version: 'v1', plural: 'nodes', name: 'a b' }],
  ['/api/v1/nodes/a%zz', { group: '', version: 'v1', plural: 'nodes', name: 'a%zz' }],
  ['/api/v1', undefined],
  ['/apis/gantry.dev/v1', undefined],
  ['/api', undefined],
  ['/apis', undefined],
  ['/apisx/gantry.dev/v1/tasks', undefined],
  ['/api/v1//pods', undefined],
  ['/api/v1/namespaces//pods', undefined],
  ['/api/v1/nodes/a/b/c', undefined],
  ['/api/v1/namespaces/a/pods/b/log/c', undefined],
  ['/openapi/v3', undefined],
];

describe('resource paths', () => {
  for (const [path, found] of rows) {
    it(`${path} is ${found === undefined ? 'none' : JSON.stringify(found)}`, () => {
      expect(parseObjectPath(path)).to.deep.equal(found);
    });
  }
});
