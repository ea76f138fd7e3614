// The machine's source of randomness.

import { randomFillSync } from 'node:crypto';
import type { Random } from '../base/random.ts';

/** Cryptographically secure, from the kernel by way of OpenSSL. */
export const SYSTEM_RANDOM: Random = {
  fill(bytes: Uint8Array): void {
    randomFillSync(bytes);
  },
};
