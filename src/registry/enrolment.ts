// Enrolment: one transaction that turns an open invite and a fresh host key into a host.

import { createHmac } from 'node:crypto';
import { DEFAULT_REGION } from '../addressing/names.ts';
import { P6nError } from '../base/errors.ts';
import { decodeHost, encodeRecord } from './codec.ts';
import { addHost, listHosts, putSecret } from './hosts.ts';
import { type InviteReference, isExpired, lookupInvite } from './invites.ts';
import { hostKey, inviteKey } from './keys.ts';
import type { Host, Invite, Site } from './model.ts';
import { requireSite } from './site.ts';
import { isGenuineHost, isGenuineInvite } from './site-signature.ts';
import { change, type RegistryContext, type Transaction } from './transaction.ts';

const ENROLMENT_KEY_LABEL = 'p6n enrolment key 1';
const HOST_SECRET_LABEL = 'p6n host secret 1';

export interface EnrolmentRequest {
  /** By the source address of the request, which proves it. */
  readonly invite: InviteReference;
  /** WireGuard public key of the host, base64. */
  readonly publicKey: string;
  readonly name: string;
  /** The invite's where absent, else `local`. */
  readonly region?: string | undefined;
  readonly endpoints: readonly string[];
}

export interface Enrolment {
  readonly host: Host;
  /** What proves the host's p6nd from now on, hexadecimal. A secret: never logged. */
  readonly secret: string;
  readonly site: Site;
  readonly servers: readonly Host[];
}

/**
 * The key that this server derives the secrets of hosts with: of its WireGuard private key, which
 * it keeps anyway. So a host that asks again gets the same secret, also from a restarted server,
 * and no secret has to stand in the registry.
 */
export function deriveEnrolmentKey(serverPrivateKey: Uint8Array): Uint8Array {
  return createHmac('sha256', serverPrivateKey).update(ENROLMENT_KEY_LABEL).digest();
}

export async function enrol(
  context: RegistryContext,
  request: EnrolmentRequest,
  enrolmentKey: Uint8Array,
): Promise<Enrolment> {
  const action = `enrol host "${request.name}"`;
  const { host, secret, site } = await change(context, action, async (transaction) => {
    const site = await requireSite(transaction);
    const invite = await requireInvite(context, transaction, site, request);
    const host = await hostOf(context, transaction, { site, invite }, request);
    const secret = secretOf(enrolmentKey, site, host);
    await putSecret(transaction, host.id, secret);
    return { host, secret, site };
  });
  const servers = (await listHosts(context)).filter(
    (one) => one.role === 'server' && isGenuineHost(site.id, context.signer.publicKey, one),
  );
  return { host, secret, site, servers };
}

/** The invite, if it is this host's to use. */
async function requireInvite(
  context: RegistryContext,
  transaction: Transaction,
  site: Site,
  { invite: reference, name, publicKey }: EnrolmentRequest,
): Promise<Invite> {
  const invite = await lookupInvite(transaction, reference);
  const isGenuine =
    invite !== undefined && isGenuineInvite(site.id, context.signer.publicKey, invite);
  if (!isGenuine || isExpired(context, invite)) {
    throw new P6nError('INVITE_EXPIRED', `Cannot enrol host "${name}": the invite is not valid`, {
      hint: 'It has expired or was revoked: make a new one with `p6nctl hosts invite`.',
    });
  }
  if (invite.use !== undefined && invite.use.publicKey !== publicKey) {
    throw new P6nError('INVITE_USED', `Cannot enrol host "${name}": another host used the invite`, {
      hint: 'Every host needs an invite of its own: make one with `p6nctl hosts invite`.',
    });
  }
  return invite;
}

/** The host that the invite made, or makes in this attempt. */
async function hostOf(
  context: RegistryContext,
  transaction: Transaction,
  { site, invite }: { readonly site: Site; readonly invite: Invite },
  request: EnrolmentRequest,
): Promise<Host> {
  if (invite.use !== undefined) {
    const host = await hostOfUsed(transaction, invite.use.host);
    // An invite's signature does not cover its use: whoever writes to the store could name a host
    // of another key or role there, and would be given its secret.
    const isOfInvite = host.publicKey === request.publicKey && host.role === invite.role;
    if (isOfInvite && isGenuineHost(site.id, context.signer.publicKey, host)) return host;
    throw new P6nError(
      'INVITE_USED',
      'Cannot enrol: the invite was used by a host of another key',
      {
        hint: 'Make a new invite with `p6nctl hosts invite`, and join with an empty state folder.',
      },
    );
  }
  const { name, publicKey, endpoints } = request;
  const region = request.region ?? invite.region ?? DEFAULT_REGION;
  const { role } = invite;
  const host = await addHost(context, transaction, { name, region, publicKey, endpoints, role });
  const used: Invite = { ...invite, use: { publicKey, host: host.id } };
  transaction.put(inviteKey(invite.server, invite.number), encodeRecord(used));
  return host;
}

async function hostOfUsed(transaction: Transaction, id: Host['id']): Promise<Host> {
  const stored = await transaction.get(hostKey(id));
  if (stored !== undefined) return decodeHost(stored);
  throw new P6nError('INVITE_USED', 'Cannot enrol: the invite was used, and its host was removed', {
    hint: 'Make a new invite with `p6nctl hosts invite`, and join with an empty state folder.',
  });
}

/** Bound to the host's id and key, neither of which another host ever has. */
function secretOf(enrolmentKey: Uint8Array, site: Site, host: Host): string {
  return createHmac('sha256', enrolmentKey)
    .update(`${HOST_SECRET_LABEL} ${site.id} ${host.id} ${host.publicKey}`)
    .digest('hex');
}
