// Which of the networks of this host somebody means: names are alike where organizations differ.

import { isNetworkId, type NetworkId } from '../addressing/ids.ts';
import { foldNetworkName } from '../addressing/names.ts';

/** By name, without regard to case, or by id. */
export function fittingNetworks(
  networks: ReadonlyMap<NetworkId, string>,
  wanted: string,
): readonly { readonly id: NetworkId; readonly name: string }[] {
  const folded = foldNetworkName(wanted);
  return [...networks]
    .filter(
      ([id, name]) =>
        foldNetworkName(name) === folded || (isNetworkId(id) && String(id) === wanted),
    )
    .map(([id, name]) => ({ id, name }));
}
