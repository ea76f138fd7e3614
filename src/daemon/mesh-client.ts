// The API of a server, asked through the mesh from this host's own address.

import type { HostId } from '../addressing/ids.ts';
import { hostAddress } from '../addressing/layout.ts';
import { SERVER_PORT } from '../addressing/ports.ts';
import { ApiClient } from '../api/client.ts';
import type { Connections } from '../api/connections.ts';

/** As whom a server is asked. */
export interface MeshCaller {
  /** This host. */
  readonly host: HostId;
  /** What proves that the caller is its p6nd. */
  readonly secret: string | undefined;
  /** Whether it asks for the p6nctl of this host. */
  readonly operator?: boolean;
  /** A connection for each call where absent. */
  readonly connections?: Connections;
}

export function meshClient(server: HostId, caller: MeshCaller): ApiClient {
  const { host, secret, operator, connections } = caller;
  return new ApiClient({
    target: {
      kind: 'tcp',
      host: hostAddress(server),
      port: SERVER_PORT,
      localAddress: hostAddress(host),
      connections,
    },
    secret,
    operator,
  });
}
