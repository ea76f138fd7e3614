// Servers of the API on real sockets for tests, in a folder that goes with the test file.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { meshApi } from '../../src/api/api.ts';
import { ApiClient } from '../../src/api/client.ts';
import type { ApiTarget } from '../../src/api/exchange.ts';
import type { ApiServer } from '../../src/api/http-server.ts';
import { P6nError } from '../../src/base/errors.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { type FakeServices, HOST } from '../fakes/api-services.ts';

export const folder: string = mkdtempSync(join(tmpdir(), 'p6n-client-'));
export const cleanUps: (() => Promise<void> | void)[] = [];
let sockets = 0;

after(async () => {
  for (const cleanUp of cleanUps) await cleanUp();
  rmSync(folder, { recursive: true });
});

export function socketPath(): string {
  sockets += 1;
  return join(folder, `${sockets}.sock`);
}

export async function serve(server: ApiServer): Promise<string> {
  const path = socketPath();
  await server.listen({ path, mode: 0o600 });
  cleanUps.push(() => server.stop());
  return path;
}

export function client(path: string): ApiClient {
  return new ApiClient({ target: { kind: 'socket', path } });
}

export async function failure(promise: Promise<unknown>): Promise<P6nError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof P6nError, String(error));
    return error;
  }
  return assert.fail('it did not fail');
}

export async function all<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of iterable) items.push(item);
  return items;
}

export async function raw(listener: RequestListener): Promise<ApiTarget> {
  const server = createServer(listener).listen(0, '::1');
  await new Promise((resolve) => server.once('listening', resolve));
  cleanUps.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { kind: 'tcp', host: '::1', port: (server.address() as { port: number }).port };
}

/** A mesh server that takes every connection for one from host HERE. */
export async function mesh(services: FakeServices): Promise<string> {
  const server = meshApi(services, SILENT_LOGGER);
  server.app.server.prependListener('connection', (socket) => {
    Object.defineProperty(socket, 'remoteAddress', { value: HOST.address });
  });
  return await serve(server);
}

/** What a killed daemon leaves: a socket in the folder that nobody listens on. */
export function leaveSocket(path: string): void {
  const script = `require('node:net').createServer().listen(${JSON.stringify(path)}, () =>
    process.kill(process.pid, 'SIGKILL'))`;
  spawnSync(process.execPath, ['-e', script]);
  assert.ok(existsSync(path));
}

/** Waits for a condition, a turn of the event loop at a time. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}
