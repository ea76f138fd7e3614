// Organizations: who owns networks and apps. `default` is there from the start.

import { requireName } from '../addressing/names.ts';
import { P6nError } from '../base/errors.ts';
import { decodeOrganization, encodeRecord } from './codec.ts';
import { networkCount, ORGANIZATION_COUNT, ORGANIZATIONS, organizationKey } from './keys.ts';
import type { Organization } from './model.ts';
import { change, countUp, type RegistryContext, type Transaction } from './transaction.ts';

export const ORGANIZATIONS_MAX = 1_024;

export function createOrganization(context: RegistryContext, name: string): Promise<Organization> {
  return change(context, `create organization "${name}"`, (transaction) =>
    addOrganization(context, transaction, name),
  );
}

export async function listOrganizations({
  store,
}: RegistryContext): Promise<readonly Organization[]> {
  return (await store.list([ORGANIZATIONS])).entries.map(decodeOrganization);
}

export async function addOrganization(
  context: RegistryContext,
  transaction: Transaction,
  name: string,
): Promise<Organization> {
  requireName('organization', name);
  const key = organizationKey(name);
  if ((await transaction.get(key)) !== undefined) {
    throw new P6nError('NAME_TAKEN', `Cannot create organization "${name}": it exists`);
  }
  await countUp(transaction, ORGANIZATION_COUNT, ORGANIZATIONS_MAX, 'the organizations');
  const organization: Organization = {
    kind: 'organization',
    name,
    createdAt: context.clock.wallNow(),
  };
  transaction.put(key, encodeRecord(organization));
  transaction.put(networkCount(name), '0');
  return organization;
}

/** Throws NOT_FOUND unless there is an organization of that name. */
export async function requireOrganization(transaction: Transaction, name: string): Promise<void> {
  requireName('organization', name);
  if ((await transaction.get(organizationKey(name))) !== undefined) return;
  throw new P6nError('NOT_FOUND', `Cannot find organization "${name}": there is none`, {
    hint: '`p6nctl organizations list` shows those that exist.',
  });
}
