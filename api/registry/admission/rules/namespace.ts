/** Namespaces: their names end up in container and host names. */
import { dnsLabelProblem } from '../../../../machinery/names.ts';
import type { KindRules } from './rules.ts';

export const namespaceRules: KindRules = { nameProblem: dnsLabelProblem };
