// A real registry with two organizations behind the doors for tokens, and requests with tokens of
// its site. Web and db are of one network, shop of another, mail of another organization.

import type { InjectOptions } from 'fastify';
import type { HostId } from '../../src/addressing/ids.ts';
import { TokenCheck } from '../../src/api/access/token-check.ts';
import type { OperatorServices } from '../../src/api/api.ts';
import type { ErrorBody } from '../../src/api/contract/error.ts';
import type { InstanceView } from '../../src/api/contract/instances.ts';
import type { ApiServer } from '../../src/api/http-server.ts';
import { networkApi, tokenApi } from '../../src/api/token-api.ts';
import { SILENT_LOGGER } from '../../src/base/logger.ts';
import { InviteDesk } from '../../src/daemon/invite-desk.ts';
import { LocalRegistryService } from '../../src/daemon/registry-service.ts';
import type { App } from '../../src/registry/model.ts';
import type { NewToken } from '../../src/registry/tokens.ts';
import { NOBLE_CRYPTO } from '../../src/wireguard/crypto/noble.ts';
import { fakeServices, INSTANCE } from '../fakes/api-services.ts';
import { Site } from '../fakes/site.ts';

const ELSEWHERE = 0x1_ffff as HostId;

export interface TokenAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Readonly<Record<string, unknown>> & Partial<ErrorBody>;
}

export interface Asking {
  readonly token?: string;
  readonly authorization?: string;
  readonly payload?: object;
  /** Of whoever asks; 127.0.0.1 where absent. */
  readonly from?: string;
}

export class TokenScene {
  readonly site: Site = new Site();
  readonly services: OperatorServices;
  readonly check: TokenCheck;
  /** What this host has heard of; undefined while that is nothing. */
  revoked: ReadonlySet<string> | undefined = new Set<string>();
  /** What the host that answers has of its own. */
  own: InstanceView[] = [];
  siteKey: string;
  readonly door: ApiServer;
  readonly inside: ApiServer;

  private constructor(service: LocalRegistryService, site: Site) {
    this.site = site;
    // The host that answers is none of those that have them.
    const hostId = (): HostId => ELSEWHERE;
    const list = (): Promise<InstanceView[]> => Promise.resolve(this.own);
    const show = async (): Promise<InstanceView> => {
      const { network } = await this.app('web');
      return this.own[0] ?? { ...INSTANCE, network_id: network };
    };
    const instances = { list, show, hostId };
    this.services = { ...fakeServices({ instances }), registry: service };
    this.siteKey = site.signer.publicKey;
    this.check = new TokenCheck({
      siteKey: () => this.siteKey,
      revoked: () => this.revoked,
      wallNow: () => site.clock.wallNow(),
    });
    const plenty = { burst: 1e6, perSecond: 1e6 };
    const rates = { asker: plenty, all: plenty };
    const door = { check: this.check, logger: SILENT_LOGGER, rates };
    this.door = tokenApi(this.services, door);
    this.inside = networkApi(this.services, door);
  }

  static async start(): Promise<TokenScene> {
    const site = new Site();
    const { id: server, publicKey } = await site.start();
    const { clock, random, registry, signer } = site;
    const invites = new InviteDesk(
      { registry, signer, crypto: NOBLE_CRYPTO, random, logger: SILENT_LOGGER },
      { server, serverKey: () => publicKey, endpoints: [], isShared: false },
    );
    const audit = { last: () => Promise.resolve([]) };
    const siteKey = { rotate: () => Promise.resolve({ signed: 0, refused: [] }) };
    await registry.createOrganization('acme');
    for (const [name, network, organization] of [
      ['web', 'blue', 'default'],
      ['db', 'blue', 'default'],
      ['shop', 'green', 'default'],
      ['mail', 'blue', 'acme'],
    ] as const) {
      const { app } = await registry.createApp({ name, network, organization });
      await registry.putInstance(
        server,
        site.instance(app, server, name.length * 16 + (app.network % 7)),
      );
    }
    const service = new LocalRegistryService({
      ...{ registry, invites, siteKey, clock, audit, host: server },
    });
    return new TokenScene(service, site);
  }

  async token(request: NewToken = {}): Promise<string> {
    return (await this.site.registry.tokens.create(request)).token;
  }

  async app(name: string): Promise<App> {
    const found = await this.site.registry.lookupApp(name);
    if (found === undefined) throw new Error(`there is no app ${name}`);
    return found.app;
  }

  /** `GET /v1/apps` of a door. */
  async ask(line: string, asking: Asking = {}, door: ApiServer = this.door): Promise<TokenAnswer> {
    const [method, url = ''] = line.split(' ');
    const { authorization, from, payload, token } = asking;
    const header = authorization ?? (token === undefined ? undefined : `Bearer ${token}`);
    const { body, headers, statusCode } = await door.app.inject({
      method: method as NonNullable<InjectOptions['method']>,
      url,
      ...(from === undefined ? {} : { remoteAddress: from }),
      ...(payload === undefined ? {} : { payload }),
      headers: header === undefined ? {} : { authorization: header },
    });
    const type = String(headers['content-type'] ?? '');
    const isJson = body !== '' && type.startsWith('application/json');
    return {
      status: statusCode,
      headers,
      body: isJson ? (JSON.parse(body) as TokenAnswer['body']) : {},
    };
  }
}
