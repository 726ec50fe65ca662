/** Being built. */
import type { ControllerContext } from '../engine/context.ts';
import { type Controller, ControllerLoop, done } from '../engine/controller.ts';
import type { Informers } from '../informers.ts';
import type { Kinds } from '../kinds/kinds.ts';

export function openTaskSets(
  context: ControllerContext,
  _informers: Informers,
  _kinds: Kinds,
): { readonly loop: ControllerLoop; readonly close?: () => void } {
  const controller: Controller = { name: 'taskset', reconcile: () => Promise.resolve(done) };
  return { loop: new ControllerLoop(controller, context) };
}
