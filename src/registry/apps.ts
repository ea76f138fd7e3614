// Apps: each has one network for life and a name that is unique on the site.

import type { NetworkId } from '../addressing/ids.ts';
import { DEFAULT_NETWORK, requireName } from '../addressing/names.ts';
import { P6nError } from '../base/errors.ts';
import { decodeApp, decodeInstance, encodeRecord } from './codec.ts';
import {
  APPS,
  appCount,
  appKey,
  appNameKey,
  formatId,
  instanceCountOfApp,
  instancesOf,
  parseNetworkId,
} from './keys.ts';
import type { App, AppOnNetwork, Network } from './model.ts';
import { addNetwork, fullName, lookupNetwork, networkById } from './networks.ts';
import { requireOrganization } from './organizations.ts';
import { damaged } from './record-fields.ts';
import { nameSome } from './refusals.ts';
import {
  change,
  countDown,
  countUp,
  type RegistryContext,
  type Transaction,
} from './transaction.ts';

export const APPS_PER_NETWORK_MAX = 16_384;

export interface NewApp {
  readonly name: string;
  /** Made when it does not exist; `default` where none is named. */
  readonly network?: string | undefined;
  readonly organization?: string | undefined;
}

export interface CreatedApp extends AppOnNetwork {
  readonly networkCreated: boolean;
}

export interface AppFilter {
  readonly organization?: string | undefined;
}

export function createApp(context: RegistryContext, app: NewApp): Promise<CreatedApp> {
  const { name } = app;
  return change(context, `create app "${name}"`, async (transaction) => {
    requireName('app', name);
    const place = fullName({
      name: app.network ?? DEFAULT_NETWORK,
      organization: app.organization,
    });
    requireName('network', place.name);
    await requireOrganization(transaction, place.organization);
    await refuseTaken(transaction, name);
    const found = await lookupNetwork(transaction, place);
    const network = found ?? (await addNetwork(context, transaction, place, false));
    const added = await addApp(context, transaction, name, network);
    return { app: added, network, networkCreated: found === undefined };
  });
}

export async function listApps(
  { store }: RegistryContext,
  { organization }: AppFilter,
): Promise<readonly App[]> {
  const apps = (await store.list([APPS])).entries.map(decodeApp);
  return apps
    .filter((app) => organization === undefined || app.organization === organization)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

export function lookupApp(
  context: RegistryContext,
  name: string,
): Promise<AppOnNetwork | undefined> {
  requireName('app', name);
  return change(context, `find app "${name}"`, async (transaction) => {
    const app = await appByName(transaction, name);
    return app && { app, network: await networkById(transaction, app.network) };
  });
}

export function removeApp(context: RegistryContext, name: string): Promise<App> {
  return change(context, `remove app "${name}"`, async (transaction) => {
    const app = await requireApp(transaction, name);
    if ((await transaction.count(instanceCountOfApp(name))) !== 0) throw await inUse(context, app);
    transaction.delete(appKey(app.network, name));
    transaction.delete(appNameKey(name));
    transaction.delete(instanceCountOfApp(name));
    await countDown(transaction, appCount(app.network));
    return app;
  });
}

/** The app of that name; throws NOT_FOUND. */
export async function requireApp(transaction: Transaction, name: string): Promise<App> {
  requireName('app', name);
  const app = await appByName(transaction, name);
  if (app !== undefined) return app;
  throw new P6nError('NOT_FOUND', `Cannot find app "${name}": there is none`, {
    hint: '`p6nctl apps list` shows those that exist; `p6nctl apps create` makes one.',
  });
}

async function appByName(transaction: Transaction, name: string): Promise<App | undefined> {
  const index = await transaction.get(appNameKey(name));
  if (index === undefined) return undefined;
  const stored = await transaction.get(appKey(networkOf(index), name));
  if (stored === undefined) throw damaged(index.key, 'its app is missing');
  return decodeApp(stored);
}

async function addApp(
  context: RegistryContext,
  transaction: Transaction,
  name: string,
  { id, name: networkName, organization }: Network,
): Promise<App> {
  const what = `the apps of network "${networkName}"`;
  await countUp(transaction, appCount(id), APPS_PER_NETWORK_MAX, what);
  const createdAt = context.clock.wallNow();
  const app: App = { kind: 'app', name, organization, network: id, createdAt };
  transaction.put(appKey(id, name), encodeRecord(app));
  transaction.put(appNameKey(name), formatId(id));
  transaction.put(instanceCountOfApp(name), '0');
  return app;
}

async function refuseTaken(transaction: Transaction, name: string): Promise<void> {
  const app = await appByName(transaction, name);
  if (app === undefined) return;
  const network = await networkById(transaction, app.network);
  throw new P6nError(
    'NAME_TAKEN',
    `Cannot create app "${name}": it exists, on network "${network.name}" of "${app.organization}"`,
    { hint: 'Names of apps are unique on the site, and an app keeps its network for life.' },
  );
}

function networkOf(index: { readonly key: string; readonly value: string }): NetworkId {
  const id = parseNetworkId(index.value);
  if (id === undefined) throw damaged(index.key, 'it is no id of a network');
  return id;
}

async function inUse({ store }: RegistryContext, { name, network }: App): Promise<P6nError> {
  const { entries } = await store.list([instancesOf(network)]);
  const instances = entries.map(decodeInstance).filter((instance) => instance.app === name);
  return new P6nError('APP_IN_USE', `Cannot remove app "${name}": it has instances`, {
    hint: `Remove its instances first: ${nameSome(instances.map((one) => one.machineId))}.`,
  });
}
