// Which instances a filter lets through, wherever the list comes from.

import { foldNetworkName } from '../addressing/names.ts';
import type { InstanceFilter, InstanceView } from './contract/instances.ts';

/** Whether `instance` is what is looked for; names of networks count without regard to case. */
export function fitsFilter(instance: InstanceView, filter: InstanceFilter): boolean {
  const { app, network, host } = filter;
  return (
    (app === undefined || app === instance.app) &&
    (network === undefined || foldNetworkName(network) === foldNetworkName(instance.network)) &&
    (host === undefined || host === instance.host)
  );
}
