// A server's registry without the rest of p6nd, as a process of its own: the operator's API on a
// unix socket, and network ids drawn of 8,192 alone, so that they are drawn again and again.
//
//   node registry-server.js SOCKET FOLDER sqlite|etcd://...

import { operatorApi } from '../../src/api/api.ts';
import { toBase64 } from '../../src/base/bytes.ts';
import { Lifecycle } from '../../src/base/lifecycle.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import type { Random } from '../../src/base/random.ts';
import { RegistryDesk } from '../../src/daemon/registry-desk.ts';
import { openRegistry } from '../../src/daemon/registry-opener.ts';
import { parseRegistryPlace } from '../../src/daemon/registry-place.ts';
import { LocalRegistryService } from '../../src/daemon/registry-service.ts';
import { LinuxClock } from '../../src/os/linux/clock.ts';
import { SYSTEM_RANDOM } from '../../src/os/random.ts';
import { makeSigner } from './site.ts';

/** What is drawn by four bytes has 8,192 values. */
const FEW: Random = {
  fill(bytes: Uint8Array): void {
    SYSTEM_RANDOM.fill(bytes);
    if (bytes.length === 4) bytes.set([0, 0, (bytes[2] ?? 0) & 31]);
  },
};
const NAMES = {
  registry: undefined,
  ca: undefined,
  certificate: undefined,
  key: undefined,
  user: undefined,
  passwordFile: undefined,
};

const [path = '', stateDir = '', place = 'sqlite', mode = ''] = process.argv.slice(2);
const clock = new LinuxClock();
const signer = makeSigner(3);
const registry = await openRegistry(
  {
    machine: { clock, random: FEW },
    logger: SILENT_LOGGER,
    lifecycle: new Lifecycle(SILENT_LOGGER),
    signer,
  },
  {
    place: parseRegistryPlace({ ...NAMES, registry: place }),
    stateDir,
    writer: path.replaceAll(/[^a-z0-9]/g, ''),
  },
);
if (mode === 'found') {
  const publicKey = toBase64(new Uint8Array(32).fill(7));
  const host = { name: 'one', region: 'local', publicKey, endpoints: [] };
  await registry.bootstrap({ host });
}
// Nobody asks for what a server is besides.
const [host, invites, audit, siteKey] = [] as never[] as [never, never, never, never];
const api = operatorApi(
  {
    registry: new LocalRegistryService({ registry, host, invites, audit, siteKey, clock }),
    registryKeeper: new RegistryDesk(registry),
  } as unknown as Parameters<typeof operatorApi>[0],
  SILENT_LOGGER,
);
await api.listen({ path, mode: 0o600 });
