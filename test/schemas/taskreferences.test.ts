/** What a Task refers to: a table, and the law that no field of the schema that names a ConfigMap or Secret is left out. */
import { expect } from 'chai';
import { isRecord } from '../../machinery/json.ts';
import { builtinKinds } from '../../schemas/kinds.ts';
import { taskReferences } from '../../schemas/taskreferences.ts';

const referencesIn = (spec: unknown): readonly string[] =>
  taskReferences(spec).map(({ kind, name }) => `${kind}/${name}`);

/** For every field below the schema that is called after a ConfigMap or a Secret: a value that has just that, named. */
function* namings(schema: unknown, build: (value: unknown) => unknown): Generator<[string, unknown]> {
  if (!isRecord(schema)) return;
  for (const [name, property] of Object.entries(isRecord(schema['properties']) ? schema['properties'] : {})) {
    const withField = (value: unknown): unknown => build({ [name]: value });
    if (/^(configMap|secret)/i.test(name) && isRecord(property) && property['type'] === 'object') {
      yield [name, withField({ name: 'x', secretName: 'x' })];
    } else if (/secret|configMap/i.test(name) && isRecord(property) && property['type'] === 'array') {
      yield [name, withField([{ name: 'x' }])];
    } else yield* namings(property, withField);
  }
  yield* namings(schema['items'], (value) => build([value]));
}

describe('What a Task refers to', () => {
  it('is each object once, in the order of the spec', () => {
    const spec = {
      env: [
        { name: 'A', value: 'secret' },
        { name: 'B', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
        { name: 'C', valueFrom: { secretKeyRef: { name: 's', key: 'l' } } },
        { name: 'D', valueFrom: { configMapKeyRef: { name: 's', key: 'l', optional: true } } },
        { name: 'E', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      ],
      envFrom: [{ configMapRef: { name: 'e' } }, { secretRef: { name: 'f' } }],
      volumes: [
        { name: 'v', emptyDir: {} },
        { name: 'w', secret: { secretName: 't', name: 'not this' } },
        { name: 'x', configMap: { name: 'm' } },
      ],
      imagePullSecrets: [{ name: 'p' }, { name: 's' }],
    };
    expect(referencesIn(spec)).to.deep.equal([
      'configmaps/e',
      'secrets/f',
      'secrets/s',
      'configmaps/s',
      'secrets/t',
      'configmaps/m',
      'secrets/p',
    ]);
  });

  for (const nonsense of [
    undefined,
    null,
    'x',
    { env: 'x' },
    { env: [null, { valueFrom: 'x' }] },
    { volumes: [{ secret: null }] },
    { imagePullSecrets: [{ name: 7 }, {}] },
  ]) {
    it(`is nothing in ${JSON.stringify(nonsense)}`, () => expect(referencesIn(nonsense)).to.deep.equal([]));
  }

  const schema = builtinKinds.find(({ spec }) => spec.names.kind === 'Task')?.spec.versions[0]?.schema
    .openAPIV3Schema;
  const spec = isRecord(schema?.['properties']) ? schema['properties']['spec'] : undefined;
  const all = [...namings(spec, (value) => value)];

  it('is looked for in all fields that there are', () => {
    expect(all.map(([name]) => name).toSorted()).to.deep.equal([
      'configMap',
      'configMapKeyRef',
      'configMapRef',
      'imagePullSecrets',
      'secret',
      'secretKeyRef',
      'secretRef',
    ]);
  });

  for (const [name, value] of all) {
    it(`is what ${name} names`, () => expect(referencesIn(value)).to.have.length(1));
  }
});
