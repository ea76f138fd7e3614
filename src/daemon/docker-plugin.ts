// The socket on which Docker finds its network driver, and the driver behind it, which asks p6nd as
// p6nctl does.

import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ApiClient } from '../api/client.ts';
import { ApiServer } from '../api/http-server.ts';
import { DockerDriver } from '../attach/docker/driver.ts';
import { NetworkBook } from '../attach/docker/network-book.ts';
import { ResolverFiles } from '../attach/docker/resolver-files.ts';
import { asP6nError, type P6nError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { readFileIfExists, writeFileAtomic } from '../os/atomic-file.ts';
import type { DaemonConfig } from './config.ts';

const NETWORKS_FILE = 'docker-networks.json';
/** Docker is root, and whoever opens the socket may make instances. */
const SOCKET_MODE = 0o600;
const CONNECTIONS_MAX = 256;
const CONTENT_TYPE = 'application/vnd.docker.plugins.v1.1+json';

export interface DockerPlugin {
  stop(): Promise<void>;
}

/**
 * Serves Docker at `path`, once the socket of p6nd is served. Throws as ApiServer.listen() does.
 */
export async function serveDocker(
  path: string,
  { socket, stateDir }: Pick<DaemonConfig, 'socket' | 'stateDir'>,
  logger: Logger,
): Promise<DockerPlugin> {
  const file = join(stateDir, NETWORKS_FILE);
  const networks = await NetworkBook.open({
    read: () => readFileIfExists(file),
    write: (text) => writeFileAtomic(file, text),
  });
  const resolvers = new ResolverFiles(logger);
  const client = new ApiClient({ target: { kind: 'socket', path: socket } });
  const driver = new DockerDriver({ client, networks, resolvers, logger });
  const server = makeServer(driver, logger);
  await mkdir(dirname(path), { recursive: true });
  await server.listen({ path, mode: SOCKET_MODE });
  const stop = async (): Promise<void> => {
    resolvers.stop();
    await server.stop();
  };
  try {
    await driver.resume();
  } catch (error) {
    // Whoever asked for it has nothing to stop.
    await stop();
    throw error;
  }
  return { stop };
}

function makeServer(driver: DockerDriver, logger: Logger): ApiServer {
  const server = new ApiServer({ logger, connectionsMax: CONNECTIONS_MAX, idleTimeoutMs: 0 });
  // Docker's content types are its own, and some of its calls have no body.
  server.app.removeAllContentTypeParsers();
  server.app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) =>
    done(null, body),
  );
  server.app.post<{ Params: { readonly method: string }; Body: string | undefined }>(
    '/:method',
    async (request, reply) => {
      const { method } = request.params;
      reply.type(CONTENT_TYPE);
      try {
        const text = request.body ?? '';
        const answer = await driver.answer(method, text === '' ? {} : JSON.parse(text));
        return await reply.send(JSON.stringify(answer));
      } catch (error) {
        const known = asP6nError(error, `Cannot serve ${method}`);
        logger.warn('call of Docker failed', { method, error: known.message });
        return await reply.code(500).send(JSON.stringify({ Err: sentence(known) }));
      }
    },
  );
  return server;
}

/** Docker shows one text. */
function sentence({ hint, message }: P6nError): string {
  return hint === undefined ? message : `${message}. ${hint}`;
}
