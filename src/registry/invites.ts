// Invites: WireGuard peers of network 0 behind the server that made them, each good for one host.

import type { HostId } from '../addressing/ids.ts';
import { requireName } from '../addressing/names.ts';
import type { WallMillis } from '../base/clock.ts';
import { P6nError } from '../base/errors.ts';
import { randomInteger } from '../base/random.ts';
import { decodeInvite, encodeRecord } from './codec.ts';
import { requireHost } from './hosts.ts';
import { INVITES, inviteCount, inviteKey, invitesOf, wireguardKeyKey } from './keys.ts';
import {
  type HostRole,
  INVITE_TTL_DEFAULT_MS,
  INVITE_TTL_MAX_MS,
  INVITE_TTL_MIN_MS,
  type Invite,
} from './model.ts';
import { requirePublicKey } from './refusals.ts';
import { requireSigningSite } from './site.ts';
import {
  change,
  countDown,
  countUp,
  type RegistryContext,
  type Transaction,
} from './transaction.ts';

/** How many a server serves at a time, also used ones until they are finished. */
export const INVITES_PER_SERVER_MAX = 256;
const NUMBER_MAX = 0xffff;

export interface InviteReference {
  readonly server: HostId;
  readonly number: number;
}

export interface NewInvite {
  /** The server that makes and serves it. */
  readonly server: HostId;
  /** WireGuard public key, base64; its private half is in the token alone. */
  readonly publicKey: string;
  readonly region?: string | undefined;
  /** What the host becomes; `agent` where absent. */
  readonly role?: HostRole | undefined;
  /** INVITE_TTL_DEFAULT_MS where absent. */
  readonly ttlMs?: number | undefined;
}

export interface InviteFilter {
  readonly server?: HostId | undefined;
}

export async function createInvite(context: RegistryContext, invite: NewInvite): Promise<Invite> {
  const { server, publicKey, region, role = 'agent', ttlMs = INVITE_TTL_DEFAULT_MS } = invite;
  requirePublicKey(publicKey);
  requireTtl(ttlMs);
  if (region !== undefined) requireName('region', region);
  await removeExpiredInvites(context, server);
  return await change(context, 'create an invite', async (transaction) => {
    await requireServer(transaction, server);
    if ((await transaction.get(wireguardKeyKey(publicKey))) !== undefined) {
      throw new P6nError('VALUE_INVALID', 'Cannot create an invite: its key belongs to the site', {
        hint: 'Every invite has a fresh key.',
      });
    }
    const what = `the invites of host ${server.toString(16)}`;
    await countUp(transaction, inviteCount(server), INVITES_PER_SERVER_MAX, what);
    const number = await drawNumber(context, transaction, server);
    const createdAt = context.clock.wallNow();
    const expiresAt = (createdAt + ttlMs) as WallMillis;
    const facts = {
      ...({ kind: 'invite', server, number, publicKey, region, role, createdAt } as const),
      expiresAt,
    };
    const { id: site } = await requireSigningSite(context, transaction);
    const signature = context.signer.signInvite(site, facts);
    const created: Invite = { ...facts, signature, use: undefined };
    transaction.put(inviteKey(server, number), encodeRecord(created));
    transaction.put(wireguardKeyKey(publicKey), 'invite');
    return created;
  });
}

export async function listInvites(
  { store }: RegistryContext,
  { server }: InviteFilter,
): Promise<readonly Invite[]> {
  const prefix = server === undefined ? INVITES : invitesOf(server);
  return (await store.list([prefix])).entries.map(decodeInvite);
}

export function revokeInvite(
  context: RegistryContext,
  { server, number }: InviteReference,
): Promise<Invite> {
  return change(context, 'revoke the invite', async (transaction) => {
    const invite = await lookupInvite(transaction, { server, number });
    if (invite === undefined) {
      throw new P6nError('NOT_FOUND', `Cannot revoke invite ${number}: there is none`, {
        hint: '`p6nctl hosts invites list` shows those that exist.',
      });
    }
    await dropInvite(transaction, invite);
    return invite;
  });
}

export async function removeExpiredInvites(
  context: RegistryContext,
  server: HostId,
): Promise<readonly Invite[]> {
  const removed: Invite[] = [];
  for (const { number } of await listInvites(context, { server })) {
    const invite = await change(context, 'remove an expired invite', async (transaction) => {
      const found = await lookupInvite(transaction, { server, number });
      if (found === undefined || !isExpired(context, found)) return undefined;
      await dropInvite(transaction, found);
      return found;
    });
    if (invite !== undefined) removed.push(invite);
  }
  return removed;
}

export async function finishInvite(
  context: RegistryContext,
  reference: InviteReference,
): Promise<void> {
  await change(context, 'finish an invite', async (transaction) => {
    const invite = await lookupInvite(transaction, reference);
    if (invite?.use !== undefined) await dropInvite(transaction, invite);
  });
}

/** Withdraws all invites of the site, whose tokens name a key that is not the site's any more. */
export async function dropInvites(context: RegistryContext): Promise<void> {
  for (const { key } of (await context.store.list([INVITES])).entries) {
    await change(context, 'withdraw an invite', async (transaction) => {
      const found = await transaction.get(key);
      if (found !== undefined) await dropInvite(transaction, decodeInvite(found));
    });
  }
}

/** Takes all invites of a server away; those that are made meanwhile stay. */
export async function dropInvitesOf(context: RegistryContext, server: HostId): Promise<void> {
  for (const { number } of await listInvites(context, { server })) {
    await change(context, 'remove an invite', async (transaction) => {
      const invite = await lookupInvite(transaction, { server, number });
      if (invite !== undefined) await dropInvite(transaction, invite);
    });
  }
}

export async function lookupInvite(
  transaction: Transaction,
  { server, number }: InviteReference,
): Promise<Invite | undefined> {
  const stored = await transaction.get(inviteKey(server, number));
  return stored === undefined ? undefined : decodeInvite(stored);
}

export function isExpired({ clock }: RegistryContext, invite: Invite): boolean {
  return clock.wallNow() >= invite.expiresAt;
}

/** Takes an invite away, as a part of a change. */
export async function dropInvite(transaction: Transaction, invite: Invite): Promise<void> {
  const { server, number, publicKey } = invite;
  transaction.delete(inviteKey(server, number));
  transaction.delete(wireguardKeyKey(publicKey));
  await countDown(transaction, inviteCount(server));
}

async function requireServer(transaction: Transaction, server: HostId): Promise<void> {
  const host = await requireHost(transaction, server);
  if (host.role === 'server') return;
  throw new P6nError('NOT_A_SERVER', `Cannot create an invite: host "${host.name}" is no server`, {
    hint: 'Run the command on a server.',
  });
}

/** At random, so that the number of a withdrawn invite does not come again at once. */
async function drawNumber(
  { random }: RegistryContext,
  transaction: Transaction,
  server: HostId,
): Promise<number> {
  const first = randomInteger(random, 1, NUMBER_MAX);
  for (let step = 0; step <= INVITES_PER_SERVER_MAX; step++) {
    const number = ((first - 1 + step) % NUMBER_MAX) + 1;
    if (await transaction.isUnused(inviteKey(server, number))) return number;
  }
  throw new P6nError('CHANGED_MEANWHILE', 'Cannot create an invite: others were faster', {
    hint: 'Try again.',
  });
}

function requireTtl(ttlMs: number): void {
  const valid = Number.isInteger(ttlMs) && ttlMs >= INVITE_TTL_MIN_MS && ttlMs <= INVITE_TTL_MAX_MS;
  if (valid) return;
  throw new P6nError('VALUE_INVALID', 'Cannot create an invite: it cannot last that long', {
    hint: 'An invite lasts a second to seven days.',
  });
}
