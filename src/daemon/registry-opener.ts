// Opening the registry of a server, wherever it is kept, with the mark that tells a restored one.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { P6nError } from '../base/errors.ts';
import type { Lifecycle } from '../base/lifecycle.ts';
import type { Logger } from '../base/logger.ts';
import type { EtcdOptions } from '../registry/etcd/etcd-client.ts';
import { Registry } from '../registry/registry.ts';
import { RevisionMark } from '../registry/revision-mark.ts';
import type { SiteSigner } from '../registry/site-signer.ts';
import type { Store } from '../registry/store.ts';
import type { Machine } from './machine.ts';
import type { EtcdPlace, RegistryPlace } from './registry-place.ts';

const REGISTRY_FILE = 'registry.db';
const MARK_FILE = 'registry.mark';

export interface RegistryDependencies {
  readonly machine: Pick<Machine, 'clock' | 'random'>;
  readonly logger: Logger;
  readonly lifecycle: Lifecycle;
  readonly signer: SiteSigner;
}

export interface OpenRegistryOptions {
  readonly place: RegistryPlace;
  readonly stateDir: string;
  /** Who writes to etcd, the same over restarts; undefined for a host without an identity. */
  readonly writer: string | undefined;
}

/**
 * Opens the registry: a file is made where there is none; an etcd is connected to in the
 * background. Throws REGISTRY_CORRUPT, ALREADY_RUNNING and CONFIG_INVALID.
 */
export async function openRegistry(
  { machine, logger, lifecycle, signer }: RegistryDependencies,
  { place, stateDir, writer }: OpenRegistryOptions,
): Promise<Registry> {
  const { clock, random } = machine;
  const mark = await RevisionMark.open(join(stateDir, MARK_FILE), logger);
  const dependencies = { clock, random, logger, mark };
  let store: Store;
  // Only one of them is needed, and each takes a while to load.
  if (place.kind === 'sqlite') {
    const { SqliteStore } = await import('../registry/sqlite/sqlite-store.ts');
    store = await SqliteStore.open(dependencies, { path: join(stateDir, REGISTRY_FILE) });
  } else {
    const { EtcdStore } = await import('../registry/etcd/etcd-store.ts');
    store = new EtcdStore(dependencies, { ...etcdOptions(place), writer });
  }
  lifecycle.started('registry', { stop: () => store.close() });
  return new Registry({ store, clock, random, logger, signer });
}

function etcdOptions({ endpoints, user, passwordFile, ...files }: EtcdPlace): EtcdOptions {
  const read = (path: string | undefined): Buffer | undefined =>
    path === undefined ? undefined : readConfigured(path);
  // Read once here, so that a file that is missing is said at the start.
  read(passwordFile);
  return {
    endpoints,
    ca: read(files.ca),
    certificate: read(files.certificate),
    key: read(files.key),
    user,
    password:
      passwordFile === undefined
        ? undefined
        : () => readConfigured(passwordFile).toString().replace(/\n$/, ''),
  };
}

function readConfigured(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const facts = cause instanceof Error ? cause.message : String(cause);
    throw new P6nError('CONFIG_INVALID', `Cannot use the registry: ${facts}`, { cause });
  }
}
