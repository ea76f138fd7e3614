// A real registry behind the operator's API on a unix socket, and requests as a client of the
// Machines API sends them: its headers, its bodies, nothing of our own client.

import { request } from 'node:http';
import { operatorApi } from '../../src/api/api.ts';
import type { InstanceService } from '../../src/api/services.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { InviteDesk } from '../../src/daemon/invite-desk.ts';
import { LocalRegistryService } from '../../src/daemon/registry-service.ts';
import type { Host } from '../../src/registry/model.ts';
import { NOBLE_CRYPTO } from '../../src/wireguard/crypto/noble.ts';
import { fakeServices } from '../fakes/api-services.ts';
import { Site } from '../fakes/site.ts';
import { serve } from './sockets.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** What the text says as JSON; undefined without a body. */
  readonly body: unknown;
}

export interface MachinesScene {
  readonly site: Site;
  /** The one that answers. It has no instances of its own. */
  readonly server: Host;
  /** `GET /v1/apps`, and a body if there is one, as JSON unless it is a text. */
  readonly ask: (
    line: string,
    body?: unknown,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Answer>;
}

/** `own` changes what the host that answers tells of its own instances. */
export async function machinesScene(own: Partial<InstanceService> = {}): Promise<MachinesScene> {
  const site = new Site();
  const server = await site.start();
  const { clock, random, registry, signer } = site;
  const invites = new InviteDesk(
    { registry, signer, crypto: NOBLE_CRYPTO, random, logger: SILENT_LOGGER },
    { server: server.id, serverKey: () => server.publicKey, endpoints: [], isShared: false },
  );
  const audit = { last: () => Promise.resolve([]) };
  const siteKey = { rotate: () => Promise.resolve({ signed: 0, refused: [] }) };
  const { id: host } = server;
  const service = new LocalRegistryService({ registry, host, invites, siteKey, clock, audit });
  const services = {
    ...fakeServices({ instances: { list: () => Promise.resolve([]), ...own } }),
    registry: service,
  };
  const path = await serve(operatorApi(services, SILENT_LOGGER));
  return { site, server, ask: (line, body, headers) => send(path, line, body, headers ?? {}) };
}

function send(
  socketPath: string,
  line: string,
  body: unknown,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  const [method = '', path = ''] = line.split(' ');
  const payload = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
  const type = payload === undefined ? {} : { 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const asked = request(
      { socketPath, method, path, agent: false, headers: { ...type, ...headers } },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.once('end', () => {
          const { headers: told, statusCode: status = 0 } = response;
          resolve({ status, headers: told, text, body: text === '' ? undefined : parse(text) });
        });
      },
    );
    asked.once('error', reject);
    asked.end(payload);
  });
}

function parse(text: string): unknown {
  return JSON.parse(text) as unknown;
}
