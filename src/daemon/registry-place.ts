// Where a server keeps its registry: in its state folder, or in an etcd that it shares with the
// other servers of the site.

import { P6nError } from '../base/errors.ts';
import { parseHostPort } from '../ip/host-port.ts';

const ETCD_PREFIX = 'etcd://';
const MEMBERS_MAX = 16;

export interface EtcdPlace {
  readonly kind: 'etcd';
  /** `HOST:PORT` of the members. */
  readonly endpoints: readonly string[];
  /** Files. */
  readonly ca: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  readonly user: string | undefined;
  readonly passwordFile: string | undefined;
}

export type RegistryPlace = { readonly kind: 'sqlite' } | EtcdPlace;

/** What stands in the configuration, word by word. */
export interface RegistryWords {
  readonly registry: string | undefined;
  readonly ca: string | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  readonly user: string | undefined;
  readonly passwordFile: string | undefined;
}

/** Throws VALUE_INVALID or CONFIG_INVALID. */
export function parseRegistryPlace({
  registry = 'sqlite',
  ...words
}: RegistryWords): RegistryPlace {
  const more = Object.values(words).some((word) => word !== undefined);
  if (registry === 'sqlite') {
    if (more) throw invalid('--registry-ca, -cert, -key, -user and -password-file are for etcd');
    return { kind: 'sqlite' };
  }
  if (!registry.startsWith(ETCD_PREFIX)) throw invalid('it is sqlite or etcd://HOST:PORT,...');
  const endpoints = registry.slice(ETCD_PREFIX.length).split(',');
  if (endpoints.length > MEMBERS_MAX) throw invalid(`${MEMBERS_MAX} members at most`);
  for (const endpoint of endpoints) {
    if (parseHostPort(endpoint) === undefined) throw invalid(`"${endpoint}" is not HOST:PORT`);
  }
  if ((words.certificate === undefined) !== (words.key === undefined)) {
    throw invalid('--registry-cert and --registry-key go together');
  }
  if ((words.user === undefined) !== (words.passwordFile === undefined)) {
    throw invalid('--registry-user and --registry-password-file go together');
  }
  return { kind: 'etcd', endpoints, ...words };

  function invalid(rule: string): P6nError {
    return new P6nError('VALUE_INVALID', `Cannot use "${registry}" as --registry: ${rule}`);
  }
}
