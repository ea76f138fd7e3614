// Request schemas are compiled when they are needed, and hold from the first request on.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ApiServer } from '../../src/api/http-server.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';

test('ApiServer compiles the schema of a route with its first request, once', async () => {
  const server = new ApiServer({ logger: SILENT_LOGGER, connectionsMax: 1, idleTimeoutMs: 0 });
  let compilations = 0;
  const body = {
    get type() {
      compilations += 1;
      return 'object';
    },
    required: ['name'],
  };
  server.app.post('/things', { schema: { body } }, () => 'made');
  await server.app.ready();
  const beforehand = compilations;
  const ask = async (payload: object): Promise<number> =>
    (await server.app.inject({ method: 'POST', url: '/things', payload })).statusCode;
  assert.equal(await ask({}), 400);
  const once = compilations;
  assert.ok(once > beforehand);
  assert.equal(await ask({ name: 'a' }), 200);
  assert.equal(await ask({}), 400);
  assert.equal(compilations, once);
  await server.stop();
});
