// What the log says of the crypto in use.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SILENT_LOGGER } from '../../../src/base/logger.ts';
import { reportCrypto } from '../../../src/dataplane/worker/crypto-report.ts';
import { opensslCrypto } from '../../../src/os/linux/crypto/openssl.ts';
import { NOBLE_CRYPTO } from '../../../src/wireguard/crypto/noble.ts';

test('the log warns once of the slow crypto, and not of the fast one', () => {
  const warnings: string[] = [];
  const logger = { ...SILENT_LOGGER, warn: (message: string) => warnings.push(message) };
  reportCrypto(logger, opensslCrypto(NOBLE_CRYPTO)?.name ?? 'none');
  assert.deepEqual(warnings, []);
  reportCrypto(logger, NOBLE_CRYPTO.name);
  assert.deepEqual(warnings, ['packets are sealed by the slow crypto']);
});
