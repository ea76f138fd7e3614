// The doors of the API for programs with tokens, where the configuration wants them: on loopback,
// and on an address with TLS.

import { TokenCheck } from '../../api/access/token-check.ts';
import type { OperatorServices } from '../../api/api.ts';
import type { ApiServer } from '../../api/http-server.ts';
import { tokenApi } from '../../api/token-api.ts';
import type { Clock } from '../../base/clock.ts';
import type { Lifecycle } from '../../base/lifecycle.ts';
import type { Logger } from '../../base/logger.ts';
import type { DaemonConfig } from '../config.ts';
import type { MovingParts } from '../parts/moving-parts.ts';
import { followTlsFiles, readTlsFiles } from './tls-files.ts';

export interface TokenDoorsDependencies {
  readonly services: OperatorServices;
  readonly check: TokenCheck;
  readonly logger: Logger;
  readonly lifecycle: Lifecycle;
}

/** What this host believes of tokens: by the site's key and by what servers have revoked. */
export function tokenCheck(
  { follower, ledger }: Pick<MovingParts, 'follower' | 'ledger'>,
  clock: Clock,
): TokenCheck {
  let seen: readonly { readonly id: string }[] | undefined;
  let ids: ReadonlySet<string> = new Set();
  return new TokenCheck({
    siteKey: () => ledger.siteKey,
    revoked: () => {
      const { revision, revocations } = follower.current();
      if (revision === undefined) return undefined;
      if (revocations !== seen) ids = new Set(revocations.map(({ id }) => id));
      seen = revocations;
      return ids;
    },
    wallNow: () => clock.wallNow(),
  });
}

/** Resolves with the doors by their names. */
export async function serveTokens(
  { check, lifecycle, logger, services }: TokenDoorsDependencies,
  { api, apiTls }: Pick<DaemonConfig, 'api' | 'apiTls'>,
): Promise<ReadonlyMap<string, ApiServer>> {
  const doors = new Map<string, ApiServer>();
  if (api !== undefined) {
    const door = tokenApi(services, { check, logger });
    await door.listen(api);
    lifecycle.started('api', door);
    doors.set('api', door);
  }
  if (apiTls !== undefined) {
    const tls = await readTlsFiles(apiTls);
    const door = tokenApi(services, { check, logger, tls });
    await door.listen(apiTls.place);
    lifecycle.started('api with TLS', door);
    const onChange = (files: typeof tls): void => door.setTls(files);
    lifecycle.started('certificate', followTlsFiles(apiTls, tls, { logger, onChange }));
    doors.set('api-tls', door);
  }
  return doors;
}
