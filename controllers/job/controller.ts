/** Being built. */
import type { ControllerContext } from '../engine/context.ts';
import { type Controller, ControllerLoop, done } from '../engine/controller.ts';
import type { Informers } from '../informers.ts';

export function openJobs(
  context: ControllerContext,
  _informers: Informers,
): { readonly loop: ControllerLoop; readonly close?: () => void } {
  const controller: Controller = { name: 'job', reconcile: () => Promise.resolve(done) };
  return { loop: new ControllerLoop(controller, context) };
}
