/**
 * `GET …/<object>/why`: the causal chain of one object of any stored kind, also of one that is deleted. Needs the
 * permission to get the object; of Events, logs and other objects it shows only what the asker may read. What the answer
 * says is `explain`'s, which is put in from outside; here is only what it is made from.
 */
import type { Explain } from '../../../machinery/why.ts';
import type { Catalog } from '../../views/catalog.ts';
import { type AppMiddleware, requestContext } from '../context.ts';
import { servesQuestion } from '../objects/questions.ts';
import { collectFacts } from './facts.ts';
import type { FactDeps } from './reader.ts';

export interface WhyDeps extends FactDeps {
  readonly catalog: Catalog;
  readonly explain: Explain;
}

export function servesWhy(deps: WhyDeps): AppMiddleware {
  return servesQuestion('why', deps, async (ctx, kind, key, signal) => {
    ctx.body = deps.explain(await collectFacts(requestContext(ctx), kind, key, deps, signal));
  });
}
