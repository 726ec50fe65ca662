/** What kubectl reads about the server before it does anything, in the forms its versions insist on. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { kubectls } from '../../../kubectl/versions.ts';
import { command, type Output } from '../../../walk/process.ts';
import { openServer, type TestServer } from '../harness.ts';

for (const { path, minor } of kubectls()) {
  describe(`kubectl 1.${minor} reads`, function () {
    this.timeout(60_000);
    let server: TestServer;
    let cache: string;
    before(async () => {
      server = await openServer();
      cache = await mkdtemp(join(tmpdir(), 'gantry-kubectl-'));
    });
    after(async () => {
      await server.close();
      await rm(cache, { recursive: true });
    });
    const run = (words: readonly string[], input?: string): Promise<Output> =>
      command(
        path,
        ['-s', `http://127.0.0.1:${server.port}`, '--cache-dir', cache, ...words],
        input === undefined ? {} : { input },
      );
    const ok = async (words: readonly string[], input?: string): Promise<string> => {
      const { code, stdout, stderr } = await run(words, input);
      expect(code, `${words.join(' ')}: ${stderr}`).to.equal(0);
      return stdout;
    };

    it('discovery', async () => {
      const resources = await ok(['api-resources', '--no-headers', '-o', 'wide']);
      expect(resources).to.match(/^tasks +gt +gantry\.dev\/v1 +true +Task .* all$/m);
      expect(await ok(['api-versions'])).to.include('metrics.k8s.io/v1beta1');
    });

    for (const output of ['plaintext', 'plaintext-openapiv2']) {
      it(`explain, ${output}`, async () => {
        const words = ['explain', 'task', '--recursive', `--output=${output}`];
        const recursive = await ok(words);
        expect(recursive).to.match(/hostPort\s+<integer>/);
        expect(recursive).to.match(/deletionGracePeriodSeconds\s+<integer>/);
        const field = await ok(['explain', 'task.spec.ports', `--output=${output}`]);
        expect(field).to.match(/containerPort\s+<integer> -required-/);
        for (const kind of ['pod', 'configmap', 'customresourcedefinition', 'clusterrole', 'lease'])
          expect(await ok(['explain', kind, `--output=${output}`]), kind).to.match(/metadata\s+<Object/);
      });
    }

    it('what it validates by', async () => {
      const manifest = (field: string): string =>
        `{"apiVersion":"gantry.dev/v1","kind":"Task","metadata":{"name":"t"},"spec":{"image":"x","${field}":5}}`;
      const words = ['create', '--dry-run=client', '--validate=true', '-f', '-'];
      expect(await ok(words, manifest('activeDeadlineSeconds'))).to.include('created (dry run)');
      const refused = await run(['create', '-f', '-'], manifest('imaeg'));
      expect(refused.stderr).to.match(/unknown field "spec\.imaeg"/);
    });
  });
}
