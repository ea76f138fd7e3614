// Where the API listens: unix sockets with their modes and leftovers, ports, sockets that others
// have opened.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { operatorApi } from '../../src/api/api.ts';
import { ApiClient } from '../../src/api/client.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { fakeServices, STATUS } from '../fakes/api-services.ts';
import { cleanUps, client, failure, leaveSocket, serve, socketPath } from './sockets.ts';

test('ApiServer.listen() makes the socket for its owner alone', async () => {
  const path = await serve(operatorApi(fakeServices(), SILENT_LOGGER));
  assert.equal(statSync(path).mode & 0o777, 0o600);
});

test('ApiServer.listen() gives the socket the mode that it is told', async () => {
  const server = operatorApi(fakeServices(), SILENT_LOGGER);
  const path = socketPath();
  await server.listen({ path, mode: 0o660 });
  assert.equal(statSync(path).mode & 0o777, 0o660);
  await server.stop();
  assert.ok(!existsSync(path));
});

test('ApiServer.listen() replaces a socket that nobody serves', async () => {
  const path = socketPath();
  leaveSocket(path);
  const server = operatorApi(fakeServices(), SILENT_LOGGER);
  await server.listen({ path, mode: 0o600 });
  assert.deepEqual(await client(path).host.status(), STATUS);
  await server.stop();
});

test('ApiServer.listen() leaves a socket that is served alone', async () => {
  const path = await serve(operatorApi(fakeServices(), SILENT_LOGGER));
  const second = operatorApi(fakeServices(), SILENT_LOGGER);
  const error = await failure(second.listen({ path, mode: 0o600 }));
  assert.equal(error.code, 'ALREADY_RUNNING');
  assert.deepEqual(await client(path).host.status(), STATUS);
});

test('ApiServer.listen() leaves a file that is no socket alone', async () => {
  const path = socketPath();
  writeFileSync(path, 'precious');
  chmodSync(path, 0o644);
  const server = operatorApi(fakeServices(), SILENT_LOGGER);
  const error = await failure(server.listen({ path, mode: 0o600 }));
  assert.equal(error.fault, 'environment');
  assert.ok(existsSync(path));
});

test('ApiServer.listen() says that a port is taken', async () => {
  const probe = createServer().listen(0, '::1');
  await new Promise((resolve) => probe.once('listening', resolve));
  cleanUps.push(() => {
    probe.close();
  });
  const { port } = probe.address() as { port: number };
  const server = operatorApi(fakeServices(), SILENT_LOGGER);
  const error = await failure(server.listen({ host: '::1', port }));
  assert.equal(error.code, 'PORT_TAKEN');
});

test('ApiServer.listen() serves a socket that the caller has opened', async () => {
  const opened = createServer();
  await new Promise<void>((resolve) => opened.listen(0, '::1', resolve));
  const { port } = opened.address() as { port: number };
  const { fd } = (opened as unknown as { _handle: { fd: number } })._handle;
  const script = `
    const { operatorApi } = await import(process.argv[1]);
    const { fakeServices } = await import(process.argv[2]);
    await operatorApi(fakeServices(), console).listen({ fd: 3 });
    process.stdout.write('listening');`;
  const modules = ['../../src/api/api.js', '../fakes/api-services.js'].map(
    (path) => new URL(path, import.meta.url).href,
  );
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, '--', ...modules], {
    stdio: ['ignore', 'pipe', 'inherit', fd],
  });
  cleanUps.push(() => {
    child.kill();
  });
  opened.close();
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  const api = new ApiClient({ target: { kind: 'tcp', host: '::1', port } });
  assert.deepEqual(await api.host.status(), STATUS);
});

test('ApiServer.stop() ends streams', async () => {
  const services = fakeServices({
    instances: {
      output: async function* (_principal, _reference, _request, signal) {
        yield { type: 'skipped', bytes: 1 };
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    },
  });
  const server = operatorApi(services, SILENT_LOGGER);
  const api = client(await serve(server));
  const lines = api.instances.output('web-1', { follow: true }, new AbortController().signal);
  const error = failure(
    (async () => {
      for await (const _line of lines) await server.stop();
    })(),
  );
  assert.equal((await error).code, 'DAEMON_UNREACHABLE');
});
