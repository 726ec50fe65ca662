/** What is said of a pull: how far it has come, and what it brought. Pure. */
import type { PullProgress } from '../../../machinery/runtime.ts';

const KIB = 1024;
const MIB = KIB * KIB;
const GIB = MIB * KIB;

/** `12 MiB of 80 MiB, 2 of 5 layers`; undefined while nothing is known. */
export function progressWords({
  doneBytes,
  totalBytes,
  doneLayers,
  layers,
}: PullProgress): string | undefined {
  if (layers === 0) return undefined;
  const ofLayers = `${doneLayers} of ${layers} ${layers === 1 ? 'layer' : 'layers'}`;
  return totalBytes === 0 ? ofLayers : `${sizeWords(doneBytes)} of ${sizeWords(totalBytes)}, ${ofLayers}`;
}

/** Quick pulls are said alike, so that their Events fold into one. */
export function pulledWords(image: string, bytes: number, tookMs: number): string {
  const took = tookMs < 1000 ? 'less than a second' : `${(tookMs / 1000).toFixed(tookMs < 10_000 ? 1 : 0)} s`;
  return `Pulled image "${image}" in ${took}: ${sizeWords(bytes)}`;
}

export function sizeWords(bytes: number): string {
  if (bytes < MIB) return `${Math.ceil(bytes / KIB)} KiB`;
  if (bytes < GIB) return `${Math.round(bytes / MIB)} MiB`;
  return `${(bytes / GIB).toFixed(1)} GiB`;
}
