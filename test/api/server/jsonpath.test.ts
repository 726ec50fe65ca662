import { expect } from 'chai';
import { compileJsonPath } from '../../../api/server/jsonpath.ts';

const object = {
  metadata: {
    name: 'hello',
    labels: { 'app.kubernetes.io/name': 'web' },
    creationTimestamp: '2026-01-01T00:00:00Z',
  },
  status: {
    phase: 'Running',
    conditions: [
      { type: 'Scheduled', status: 'True', age: 3 },
      { type: 'Ready', status: 'False', age: 7 },
    ],
    ports: [{ hostPort: 8080 }, { hostPort: 8081, name: 'web' }],
  },
};

describe('JSONPath of printer columns', () => {
  const rows: readonly (readonly [path: string, expected: readonly unknown[]])[] = [
    ['.status.phase', ['Running']],
    ['$.status.phase', ['Running']],
    ['.status.absent.deeper', []],
    [".metadata.labels['app.kubernetes.io/name']", ['web']],
    ['.metadata.labels["app.kubernetes.io/name"]', ['web']],
    ['.metadata.labels.app\\.kubernetes\\.io/name', ['web']],
    ['.status.ports[0].hostPort', [8080]],
    ['.status.ports[-1].hostPort', [8081]],
    ['.status.ports[2].hostPort', []],
    ['.status.ports[*].hostPort', [8080, 8081]],
    ['.status.ports.*.hostPort', [8080, 8081]],
    ['.status.conditions[?(@.type=="Ready")].status', ['False']],
    [".status.conditions[?(@.type == 'Ready')].status", ['False']],
    ['.status.conditions[?(@.type!="Ready")].status', ['True']],
    ['.status.conditions[?(@.age>3)].type', ['Ready']],
    ['.status.conditions[?(@.age<=3)].type', ['Scheduled']],
    ['.status.conditions[?(@.type=="Gone")].status', []],
    ['.status.ports[?(@.name)].hostPort', [8081]],
    ['.status.phase[0]', []],
    ['.', [object]],
  ];
  for (const [path, expected] of rows) {
    it(`reads ${path}`, () => expect(compileJsonPath(path)(object)).to.deep.equal(expected));
  }

  for (const path of ['status', '.a[', '.a[x]', '.a[?(@.b==c)]', '.a..b', '.a[?(b=="c")]']) {
    it(`refuses ${path} when it is compiled`, () => {
      expect(() => compileJsonPath(path)).to.throw(`JSONPath "${path}": cannot read`);
    });
  }
});
