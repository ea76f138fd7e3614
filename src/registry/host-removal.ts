// Taking a host out of the site: with its instances and invites, in steps that can be repeated.

import type { HostId } from '../addressing/ids.ts';
import { P6nError } from '../base/errors.ts';
import { encodeRecord } from './codec.ts';
import { type HostReference, requireHost } from './hosts.ts';
import { listInstances, removeInstance } from './instances.ts';
import { dropInvitesOf } from './invites.ts';
import {
  absenceKey,
  hostKey,
  hostLeaseKey,
  hostNameKey,
  hostSecretKey,
  instanceCountOfHost,
  inviteCount,
  peerCountOfHost,
  removalKey,
  SERVER_COUNT,
  sightingKey,
  wireguardKeyKey,
} from './keys.ts';
import type { Host, HostRemoval } from './model.ts';
import { nameSome } from './refusals.ts';
import { requireSigningSite } from './site.ts';
import { change, countDown, type RegistryContext, type Transaction } from './transaction.ts';
import { dropGateway } from './wireguard/gateways.ts';
import { dropPeersOf } from './wireguard/peers.ts';

export async function removeHost(
  context: RegistryContext,
  reference: HostReference,
  { force = false }: { readonly force?: boolean | undefined },
): Promise<Host> {
  const host = await change(context, `remove host "${reference}"`, async (transaction) => {
    const found = await requireHost(transaction, reference);
    await refuseLastServer(transaction, found);
    if (force) {
      await putRemoval(context, transaction, found.id);
      cutOff(transaction, found);
    }
    return found;
  });
  const { id, name } = host;
  const instances = await listInstances(context, { host: id });
  if (instances.length > 0 && !force) {
    const names = nameSome(instances.map((instance) => instance.machineId));
    throw new P6nError('HOST_IN_USE', `Cannot remove host "${name}": it has instances`, {
      hint: `Remove its instances first (${names}), or remove it by force if it is gone.`,
    });
  }
  await dropPeersOf(context, host, { force });
  for (const { machineId } of instances) await removeInstance(context, id, machineId);
  await dropInvitesOf(context, id);
  return await change(context, `remove host "${name}"`, async (transaction) => {
    const found = await requireHost(transaction, id);
    await refuseLastServer(transaction, found);
    await refuseBusy(transaction, found);
    await putRemoval(context, transaction, id);
    transaction.delete(hostKey(id));
    transaction.delete(hostNameKey(name));
    transaction.delete(wireguardKeyKey(found.publicKey));
    if (found.next !== undefined) transaction.delete(wireguardKeyKey(found.next.publicKey));
    transaction.delete(hostSecretKey(id));
    transaction.delete(hostLeaseKey(id));
    transaction.delete(sightingKey(id));
    transaction.delete(absenceKey(id));
    transaction.delete(instanceCountOfHost(id));
    transaction.delete(inviteCount(id));
    transaction.delete(peerCountOfHost(id));
    await dropGateway(transaction, id);
    if (found.role === 'server') await countDown(transaction, SERVER_COUNT);
    return found;
  });
}

/** What lets every other host drop this one: that its record is gone would not. */
async function putRemoval(
  context: RegistryContext,
  transaction: Transaction,
  host: HostId,
): Promise<void> {
  const { signer, clock } = context;
  const key = removalKey(host);
  if ((await transaction.get(key)) !== undefined) return;
  const site = await requireSigningSite(context, transaction);
  const signature = signer.signRemoval(site.id, { host });
  const removal: HostRemoval = {
    ...{ kind: 'host-removal', host, signature, removedAt: clock.wallNow() },
  };
  transaction.put(key, encodeRecord(removal));
}

/**
 * From here on the host can write nothing, so one that turned bad cannot keep itself on the site by
 * making instances faster than they are removed.
 */
function cutOff(transaction: Transaction, { id }: Host): void {
  transaction.delete(hostSecretKey(id));
  transaction.delete(instanceCountOfHost(id));
}

async function refuseLastServer(transaction: Transaction, { name, role }: Host): Promise<void> {
  if (role !== 'server' || ((await transaction.count(SERVER_COUNT)) ?? 0) > 1) return;
  throw new P6nError('HOST_IN_USE', `Cannot remove host "${name}": it is the last server`);
}

/** The host went on writing while it was being removed. */
async function refuseBusy(transaction: Transaction, { id, name }: Host): Promise<void> {
  const instances = (await transaction.count(instanceCountOfHost(id))) ?? 0;
  const invites = (await transaction.count(inviteCount(id))) ?? 0;
  const peers = (await transaction.count(peerCountOfHost(id))) ?? 0;
  if (instances + invites + peers === 0) return;
  throw new P6nError('HOST_IN_USE', `Cannot remove host "${name}": it is still at work`, {
    hint: 'Stop its p6nd, then remove it.',
  });
}
