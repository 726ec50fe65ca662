/** Being built. */
import type { ControllerContext } from '../engine/context.ts';
import { type Controller, ControllerLoop, done } from '../engine/controller.ts';
import type { Informers } from '../informers.ts';

export function openRuns(
  context: ControllerContext,
  _informers: Informers,
): { readonly loop: ControllerLoop; readonly close?: () => void } {
  const controller: Controller = { name: 'run', reconcile: () => Promise.resolve(done) };
  return { loop: new ControllerLoop(controller, context) };
}
