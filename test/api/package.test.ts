// The client as other programs get it: from the package, by its name.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiClient } from 'p6n/client';
import type { AppView } from 'p6n/contract/apps';
import { operatorApi } from '../../src/api/api.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { APP, fakeServices } from '../fakes/api-services.ts';
import { serve } from './sockets.ts';

test('p6n/client asks p6nd, in the types of p6n/contract', async () => {
  const path = await serve(operatorApi(fakeServices(), SILENT_LOGGER));
  const app: AppView = await new ApiClient({ target: { kind: 'socket', path } }).apps.get('web');
  assert.deepEqual(app, APP);
});

test('the package gives nothing else away', async () => {
  const inner = 'p6n/dist/src/api/api.js';
  await assert.rejects(import(inner), { code: 'ERR_PACKAGE_PATH_NOT_EXPORTED' });
});
