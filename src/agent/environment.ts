// What a command in an instance finds: its environment, resolver and hosts file. The names of
// Fly.io's Machines stand beside ours, so that programs written for them find what they look for.

import { NAMESERVER_ADDRESS } from '../addressing/layout.ts';
import type { JournalRecord } from './journal-record.ts';
import { resolveUser } from './run-settings.ts';
import type { CommandSpec } from './supervisor/command.ts';

const SEARCH_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** The whole environment: nothing of p6nd's own reaches a command. */
export function commandEnvironment({
  instance,
  network,
}: Pick<JournalRecord, 'instance' | 'network'>): Readonly<Record<string, string>> {
  const { app, group, region, machineId, address } = instance;
  return {
    PATH: SEARCH_PATH,
    HOME: '/root',
    P6N_APP: app,
    P6N_NETWORK: network.name,
    P6N_REGION: region,
    P6N_MACHINE_ID: machineId,
    P6N_PRIVATE_IP: address,
    P6N_PROCESS_GROUP: group,
    FLY_APP_NAME: app,
    FLY_REGION: region,
    FLY_MACHINE_ID: machineId,
    FLY_ALLOC_ID: machineId,
    FLY_PRIVATE_IP: address,
    FLY_PROCESS_GROUP: group,
  };
}

/** All that a supervisor is told of a command. Throws NOT_FOUND when its user is gone. */
export function commandSpec(record: JournalRecord): CommandSpec {
  const { command, settings, workingDirectory } = record;
  const { cluster, restart, user } = settings ?? {};
  const runAs = user === undefined ? undefined : resolveUser(user);
  const own =
    runAs === undefined ? {} : { HOME: runAs.home, USER: runAs.name, LOGNAME: runAs.name };
  const ranked =
    cluster === undefined
      ? {}
      : {
          P6N_CLUSTER_ID: cluster.id,
          P6N_CLUSTER_RANK: String(cluster.rank),
          P6N_CLUSTER_SIZE: String(cluster.addresses.length),
          P6N_CLUSTER_IPS: cluster.addresses.join(','),
        };
  const p6n = { ...commandEnvironment(record), ...ranked };
  const environment = { ...p6n, ...own, ...settings?.environment };
  return { command, workingDirectory, environment, runAs, restart };
}

export const RESOLV_CONF: string = `nameserver ${NAMESERVER_ADDRESS}\n`;

/**
 * The loopback names, and the instance by its machine id and by the names that Fly.io and Modal
 * give it.
 */
export function hostsFile({ instance }: Pick<JournalRecord, 'instance'>): string {
  return [
    '127.0.0.1 localhost',
    '::1 localhost ip6-localhost ip6-loopback',
    `${instance.address} ${instance.machineId} fly-local-6pn i6pn.modal.local`,
    '',
  ].join('\n');
}
