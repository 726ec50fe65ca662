/** Keeps the rules of aggregated ClusterRoles what their selectors select. */
import type { ObjectStore } from '../../client/informer.ts';
import { isApiError, TerminalError } from '../../machinery/errors.ts';
import { clusterRoles } from '../../schemas/kinds.ts';
import type { ClusterRole } from '../../schemas/types.gen.ts';
import type { ControllerContext } from '../engine/context.ts';
import { type Controller, ControllerLoop, done, type Result } from '../engine/controller.ts';
import { AGGREGATED } from '../informers.ts';
import { type AggregationPlan, planAggregation } from './plan.ts';

export function openClusterRoleAggregation(
  context: ControllerContext,
  roles: ObjectStore<ClusterRole>,
): ControllerLoop {
  const controller: Controller = {
    name: 'clusterrole-aggregation',
    resource: clusterRoles,
    async reconcile(key, signal): Promise<Result> {
      const role = roles.get(key);
      if (role === undefined) return done;
      const plan = planned(role, roles.list());
      if (plan.kind === 'keep') return done;
      const { uid, resourceVersion } = role.metadata;
      const body = { metadata: { uid, resourceVersion }, rules: plan.rules };
      try {
        await context.client.patch(clusterRoles, { name: key }, { type: 'merge', body }, { signal });
      } catch (error) {
        if (isApiError(error, 'NotFound')) return done;
        throw error;
      }
      const inputs = { from: plan.from, rules: plan.rules.length };
      context.log.info({ clusterRole: key, ...inputs }, 'rules put together from the roles it selects');
      context.recorder.record({
        object: role,
        type: 'Normal',
        reason: 'RulesAggregated',
        message: `rules put together from ${plan.from.length === 0 ? 'no role' : plan.from.slice(0, 20).join(', ')}`,
        decision: { inputs, verdict: 'the selected rules changed', action: 'rules are written' },
      });
      return done;
    },
  };
  const loop = new ControllerLoop(controller, context);
  // Any role may be, or may have been, part of any aggregate.
  roles.onChange((key, role) => {
    if (role?.aggregationRule !== undefined) loop.enqueue(key);
    for (const { metadata } of roles.byIndex(AGGREGATED, 'true')) loop.enqueue(metadata.name);
  });
  return loop;
}

function planned(role: ClusterRole, all: readonly ClusterRole[]): AggregationPlan {
  try {
    return planAggregation(role, all);
  } catch (error) {
    if (!isApiError(error)) throw error;
    throw new TerminalError(
      `clusterrole "${role.metadata.name}" cannot be put together: ${error.message}; put its selector right`,
      { cause: error },
    );
  }
}
