/** What the code calls its metrics is in the table, also what only some processes have. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { containerRows, processRows, stateRows } from './metricsdoc.ts';

const root = join(import.meta.dirname, '..', '..');
const ROOMS = 'machinery,store,net,client,runtime,api,controllers,agent,cli';
/** A metric's whole name as code writes it. */
const NAME =
  /'((?:apiserver|workqueue|controller_runtime|leader_election|scheduler|prober|gantry)_[a-z_]+)'/g;

describe('The table of metrics', () => {
  const written = new Set(
    globSync(`{${ROOMS}}/**/*.ts`, { cwd: root })
      .map((file) => readFileSync(join(root, file), 'utf8'))
      .filter((text) => text.includes("from 'prom-client'"))
      .flatMap((text) => [...text.matchAll(NAME)].map(([, name = '']) => name)),
  );

  it('has every metric that the code names', () => {
    const known = new Set(processRows().map(({ name }) => name));
    expect(written.size).to.be.greaterThan(60);
    expect([...written].filter((name) => !known.has(name))).to.deep.equal([]);
  });

  it('has no gantry metric that no code names', () => {
    const absent = processRows().filter(({ name }) => name.startsWith('gantry_') && !written.has(name));
    expect(absent.map(({ name }) => name)).to.deep.equal([]);
  });

  it('names nothing twice, and ends the names of counters, and of counters alone, with _total', () => {
    const rows = [...processRows(), ...stateRows(), ...containerRows()];
    const names = rows.map(({ name }) => name);
    expect(names.filter((name, at) => names.indexOf(name) !== at)).to.deep.equal([]);
    for (const { name, type } of rows) {
      expect(type, name).to.be.oneOf(['counter', 'gauge', 'histogram']);
      expect(name.endsWith('_total'), name).to.equal(type === 'counter');
    }
  });
});
