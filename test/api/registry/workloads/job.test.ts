/** What a Job may be: a graph, a schedule that fires, parameters that can be given, references to what there is. */
import { expect } from 'chai';
import { openWorld, type World } from '../../../world.ts';
import { create, patch } from './saying.ts';

type Fields = Readonly<Record<string, unknown>>;

const step = (name: string, dependsOn: readonly string[] = [], task: Fields = {}): Fields => ({
  name,
  dependsOn,
  template: { spec: { image: 'x', ...task } },
});
const job = (...tasks: readonly Fields[]): Fields => ({ tasks });
const args = (...texts: readonly string[]): Fields => ({ args: texts });
const also = (more: Fields, ...tasks: readonly Fields[]): Fields => ({
  tasks: tasks.length === 0 ? [step('a')] : tasks,
  ...more,
});

describe('Jobs', () => {
  let world: World;
  before(async () => {
    world = await openWorld();
    await create(world, 'tasktemplates', 'fib', {
      parameters: {
        type: 'object',
        required: ['position'],
        additionalProperties: false,
        properties: { position: { type: 'integer', maximum: 90 }, mode: { enum: ['fast', 'slow'] } },
      },
      template: { spec: { image: 'x', args: ['$(parameters.position)'] } },
    });
  });
  after(() => world.close());

  for (const [what, spec, ...problems] of [
    ['a diamond', job(step('a'), step('b', ['a']), step('c', ['a']), step('d', ['b', 'c']))],
    [
      'a step after itself',
      job(step('a', ['a'])),
      'spec.tasks[0].dependsOn[0]: Invalid value: "a": step "a" cannot depend on itself',
    ],
    [
      'a step after none',
      job(step('a'), step('b', ['a', 'x'])),
      'spec.tasks[1].dependsOn[1]: Invalid value: "x": step "b" depends on "x", which is no step of the job; its other steps are a',
    ],
    [
      'a circle, with the path',
      job(step('a', ['c']), step('b', ['a']), step('c', ['b'])),
      'spec.tasks[0].dependsOn[0]: Invalid value: "c": steps depend on each other in a circle: a -> c -> b -> a; take one of these dependencies away',
    ],
    ['a schedule in a time zone', also({ schedule: '30 2 * * 1-5', timeZone: 'Europe/Berlin' })],
    ['no schedule', also({ schedule: '61 * * * *' }), /^spec\.schedule: Invalid value: "61 \* \* \* \*": /],
    ['a schedule that never fires', also({ schedule: '0 0 30 2 *' }), /^spec\.schedule: .*never fires/],
    [
      'no time zone',
      also({ schedule: '@daily', timeZone: 'Mars/Olympus' }),
      'spec.timeZone: Invalid value: "Mars/Olympus": time zone "Mars/Olympus" is not known, wanted a name of the IANA database such as Europe/Berlin or UTC',
    ],
    [
      'a time zone without a schedule',
      also({ timeZone: 'UTC' }),
      'spec.timeZone: Invalid value: "object": must be absent without a schedule',
    ],
    [
      'parameters of every type',
      also({
        parameters: [
          { name: 'a', default: 'x' },
          { name: 'b', type: 'integer', default: 3, enum: [3, 4] },
          { name: 'c', type: 'number', default: 0.5 },
          { name: 'd', type: 'boolean', default: false },
        ],
      }),
    ],
    [
      'a default of another type',
      also({ parameters: [{ name: 'n', type: 'integer', default: '3' }] }),
      'spec.parameters[0].default: Invalid value: "3": must be of type integer, found string',
    ],
    [
      'a default that may not be',
      also({ parameters: [{ name: 'n', enum: ['a', 'b'], default: 'c' }] }),
      'spec.parameters[0].default: Unsupported value: "c": supported values: "a", "b"',
    ],
    [
      'a choice of nothing',
      also({ parameters: [{ name: 'n', enum: [] }] }),
      'spec.parameters[0].enum: Invalid value: []: spec.parameters[0].enum in body should have at least 1 items',
    ],
    [
      'a choice of another type',
      also({ parameters: [{ name: 'n', type: 'boolean', enum: [true, 'no'] }] }),
      'spec.parameters[0].enum[1]: Invalid value: "no": must be of type boolean',
    ],
    [
      'two parameters that a step cannot tell apart',
      also({ parameters: [{ name: 'a-b' }, { name: 'A_B' }] }),
      'spec.parameters[1].name: Invalid value: "A_B": is the same as "a-b" in the environment of steps (GANTRY_PARAMETER_A_B); rename one of them',
    ],
    [
      'a key of config',
      also({ config: { 'a b': 'c' } }),
      "spec.config: Invalid value: \"a b\": a key must consist of alphanumeric characters, '-', '_' or '.'",
    ],
    [
      'references to what there is',
      also(
        {
          parameters: [{ name: 'day' }],
          config: { 'db.url': 'x' },
          env: [{ name: 'D', value: '$(parameters.day)' }],
        },
        step('a'),
        step('b', ['a']),
        step('c', ['b'], {
          image: 'x:$(parameters.day)',
          command: ['$(config.db.url)', '$(run.name)'],
          args: ['$(tasks.a.outputs.k)', '$(tasks.b.stdout)', '$(HOME)', '$$(parameters.x)'],
          env: [{ name: 'E', value: '$(tasks.a.exitCode)' }],
        }),
      ),
    ],
    [
      'a reference to no parameter',
      job(step('a', [], { image: 'x:$(parameters.tag)' })),
      'spec.tasks[0].template.spec.image: Invalid value: "x:$(parameters.tag)": there is no parameter "tag" in spec.parameters; there are none',
    ],
    [
      'a reference to no config',
      also({ config: { k: 'v' } }, step('a', [], { env: [{ name: 'E', value: '$(config.l)' }] })),
      'spec.tasks[0].template.spec.env[0].value: Invalid value: "$(config.l)": there is no key "l" in spec.config; there are k',
    ],
    [
      'a reference to a step beside it',
      job(step('a'), step('b', [], args('-x', '$(tasks.a.stdout)'))),
      'spec.tasks[1].template.spec.args[1]: Invalid value: "$(tasks.a.stdout)": step "a" need not have ended before step "b"; add it to dependsOn',
    ],
    [
      'a reference to no step',
      job(step('a'), step('b', ['a'], args('$(tasks.z.exitCode)'))),
      'spec.tasks[1].template.spec.args[0]: Invalid value: "$(tasks.z.exitCode)": there is no step "z"; there are a',
    ],
    [
      'a reference that is none',
      job(step('a', [], args('$(tasks.a)'))),
      /^spec\.tasks\[0\]\.template\.spec\.args\[0\]: Invalid value: "\$\(tasks\.a\)": "\$\(tasks\.a\)" is no reference: a step has/,
    ],
    [
      'a reference to a step in env of all',
      also({ env: [{ name: 'E', value: '$(tasks.a.stdout)' }] }),
      'spec.env[0].value: Invalid value: "$(tasks.a.stdout)": step "a" need not have ended before the first step; add it to dependsOn',
    ],
    [
      'two volumes at one path',
      job(
        step('a', [], {
          volumes: [{ name: 'v', emptyDir: {} }],
          volumeMounts: [
            { name: 'v', mountPath: '/a' },
            { name: 'v', mountPath: '/a/' },
          ],
        }),
      ),
      'spec.tasks[0].template.spec.volumeMounts[1].mountPath: Duplicate value: "/a/"',
    ],
    [
      'a template with no label',
      job({ name: 'a', template: { metadata: { labels: { a: '-' } }, spec: { image: 'x' } } }),
      /^spec\.tasks\[0\]\.template\.metadata\.labels: Invalid value: "-": a valid label must/,
    ],
    [
      'template and templateRef',
      job({ name: 'a', template: { spec: { image: 'x' } }, templateRef: { name: 'fib' } }),
      /Required value: task template "fib" needs it/,
      /^spec\.tasks\[0\]: .*exactly one of template and templateRef must be given/,
    ],
    [
      'arguments that fit',
      job({ name: 'a', templateRef: { name: 'fib' }, arguments: { position: 9, mode: 'slow' } }),
    ],
    [
      'arguments that are known later',
      also(
        { parameters: [{ name: 'n', type: 'integer' }] },
        {
          name: 'a',
          templateRef: { name: 'fib' },
          arguments: { position: '$(parameters.n)', mode: '$(parameters.n)' },
        },
      ),
    ],
    [
      'arguments that do not fit',
      job({ name: 'a', templateRef: { name: 'fib' }, arguments: { mode: 'odd', more: '$(run.name)' } }),
      'spec.tasks[0].arguments.position: Required value: task template "fib" needs it, as type integer',
      'spec.tasks[0].arguments.more: Forbidden: task template "fib" has no such parameter; it takes position, mode',
      'spec.tasks[0].arguments.mode: Unsupported value: "odd": supported values: "fast", "slow"',
    ],
    [
      'arguments that refer to nothing',
      job({ name: 'a', templateRef: { name: 'fib' }, arguments: { position: '$(parameters.n)' } }),
      'spec.tasks[0].arguments.position: Invalid value: "$(parameters.n)": there is no parameter "n" in spec.parameters; there are none',
    ],
    [
      'a job after itself',
      also({ dependsOn: [{ job: 'nightly' }] }),
      'spec.dependsOn[0].job: Invalid value: "nightly": a job cannot depend on itself',
    ],
  ] as const) {
    it(`${what} ${problems.length === 0 ? 'is taken' : 'is refused'}`, async () => {
      const found = (await create(world, 'jobs', 'nightly', spec)).problems;
      await world.registry.deleteCollection(
        { identity: { name: 'admin', groups: ['system:masters'] } },
        kindOfJobs(),
        { namespace: 'default' },
      );
      expect(found).to.have.length(problems.length, found.join('\n'));
      found.forEach((text, index) => {
        const wanted = problems[index];
        if (wanted instanceof RegExp) expect(text).to.match(wanted);
        else expect(text).to.equal(wanted);
      });
    });
  }
  const kindOfJobs = (): NonNullable<ReturnType<World['registry']['findKind']>> => {
    const kind = world.registry.findKind('gantry.dev', 'v1', 'jobs');
    if (kind === undefined) throw new Error('there are no Jobs');
    return kind;
  };

  it('warn of what makes every run fail, and is no mistake for ever', async () => {
    const late = await create(
      world,
      'jobs',
      'late',
      job({ name: 'a', templateRef: { name: 'later' }, arguments: { x: 1 } }),
    );
    expect([late.problems, late.warnings]).to.deep.equal([
      [],
      [
        'spec.tasks[0].templateRef.name: there is no task template "later" in namespace "default" yet; runs fail until there is',
      ],
    ]);
    const unmet = await create(
      world,
      'jobs',
      'unmet',
      also({ schedule: '@daily', parameters: [{ name: 'n', required: true }] }),
    );
    expect(unmet.warnings).to.deep.equal([
      'spec.parameters: "n" is required and has no default, so every run that the schedule makes is refused',
    ]);
    const privileged = await create(
      world,
      'jobs',
      'privileged',
      job(step('a'), step('b', [], { hostPID: true })),
    );
    expect(privileged.warnings).to.deep.equal([
      'would violate level "baseline" of namespace "default": spec.tasks[1].template.spec.hostPID must not be true',
    ]);
  });

  it('do not depend on each other in a circle, whichever comes last', async () => {
    const after = (name: string): Fields => also({ dependsOn: [{ job: name }] });
    expect((await create(world, 'jobs', 'x', after('y'))).problems).to.deep.equal([]);
    expect((await create(world, 'jobs', 'y', after('z'))).problems).to.deep.equal([]);
    expect((await create(world, 'jobs', 'z', after('x'))).problems).to.deep.equal([
      'spec.dependsOn[0].job: Invalid value: "x": jobs depend on each other in a circle: z -> x -> y -> z; take one of these dependencies away',
    ]);
    await create(world, 'jobs', 'z', job(step('a')));
    expect(
      (await patch(world, 'jobs', 'z', { spec: { dependsOn: [{ job: 'x' }] } })).problems,
    ).to.have.length(1);
  });

  it('of a hundred steps, each with a whole template, are taken', async () => {
    const large = (index: number): Fields => ({
      ...step(`s${index}`, index === 0 ? [] : [`s${index - 1}`], {
        command: ['sh', '-c', 'echo $(parameters.a)'],
        env: Array.from({ length: 10 }, (_, at) => ({ name: `E${at}`, value: '$(parameters.a)' })),
        volumes: [{ name: 'v', configMap: { name: 'm', items: [{ key: 'a', path: 'a/b' }] } }],
        volumeMounts: [{ name: 'v', mountPath: '/m' }],
        ports: [{ name: 'p', containerPort: 80 }],
        resources: { limits: { cpu: '100m', memory: '10Mi' } },
      }),
    });
    const spec = also(
      { parameters: [{ name: 'a' }] },
      ...Array.from({ length: 100 }, (_, index) => large(index)),
    );
    expect((await create(world, 'jobs', 'large', spec)).problems).to.deep.equal([]);
  });

  it('are judged anew only where they change', async () => {
    await create(world, 'jobs', 'kept', also({ schedule: '@daily' }));
    expect((await patch(world, 'jobs', 'kept', { spec: { suspend: true } })).problems).to.deep.equal([]);
    expect((await patch(world, 'jobs', 'kept', { spec: { schedule: 'never' } })).problems).to.have.length(1);
  });
});
