// Tells the log which crypto a data plane uses: once, and as a warning where it is the slow one,
// for nothing else shows that a host has a tenth of its speed.

import type { Logger } from '../../base/logger.ts';

/** What every Node.js has whose OpenSSL agrees with the reference. */
const FAST_CRYPTO = 'openssl';

export function reportCrypto(logger: Logger, crypto: string): void {
  if (crypto === FAST_CRYPTO) logger.debug('packets are sealed by the fast crypto', { crypto });
  else logger.warn('packets are sealed by the slow crypto', { crypto });
}
