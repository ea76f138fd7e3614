// `p6nctl wireguard create`: lets a laptop into a network and prints its configuration.

import { setTimeout } from 'node:timers/promises';
import type { ClientPart } from '../../../api/client.ts';
import type { CreateWireguardPeer, WireguardPeerView } from '../../../api/contract/wireguard.ts';
import { P6nError } from '../../../base/errors.ts';
import { type Command, type CommandContext, optional } from '../../command.ts';
import { printJson } from '../../print.ts';
import { talk } from '../../terminal.ts';
import { formatConfiguration, makeClientKeys } from './configuration.ts';
import { referenceOf } from './fields.ts';

/** How long a gateway takes that makes its key at the first peer, milliseconds. */
const GATEWAY_TIMEOUT_MS = 15_000;
const GATEWAY_LOOK_MS = 100;

type Client = ClientPart<'wireguard', 'create' | 'get' | 'remove'>;

export interface CreatePeerOptions extends Pick<CommandContext, 'json' | 'now' | 'terminal'> {
  readonly client: Client;
  readonly request: Omit<CreateWireguardPeer, 'public_key'>;
  /** Base64; a key pair is made where absent. */
  readonly publicKey: string | undefined;
  /** In place of what the gateway says of itself. */
  readonly endpoint: string | undefined;
  readonly qr: boolean;
}

/** The configuration alone goes to standard output, so that it can be kept in a file. */
export async function createPeer(options: CreatePeerOptions): Promise<void> {
  const { client, request, terminal, qr } = options;
  const keys =
    options.publicKey === undefined
      ? makeClientKeys()
      : { publicKey: options.publicKey, privateKey: undefined };
  const { privateKey } = keys;
  const created = await client.wireguard.create({ ...request, public_key: keys.publicKey });
  const configuration = await orRemove(client, created, async () => {
    const peer = await withGateway(options, created);
    return formatConfiguration({ peer, privateKey, endpoint: endpointOf(options, peer) });
  });
  const { name, network, host } = created;
  if (options.json) {
    const secret = optional('private_key', privateKey);
    return await printJson(options, { peer: created, ...secret, configuration });
  }
  await terminal.out(qr ? await drawQr(configuration) : configuration);
  await talk(options, `Peer ${name} of network ${network} has host ${host} as its gateway.`);
  if (privateKey !== undefined) {
    await talk(options, 'The private key stands above and nowhere else: keep it to yourself.');
  }
}

/** Of a peer whose configuration cannot be printed, nothing stays. */
async function orRemove<T>(
  client: Client,
  peer: WireguardPeerView,
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await run();
  } catch (error) {
    await client.wireguard.remove(referenceOf(peer));
    throw error;
  }
}

async function withGateway(
  { client, now }: CreatePeerOptions,
  created: WireguardPeerView,
): Promise<WireguardPeerView> {
  let peer = created;
  for (const end = now() + GATEWAY_TIMEOUT_MS; peer.gateway === undefined; ) {
    if (now() > end) {
      throw new P6nError('TIMED_OUT', `Cannot create peer "${peer.name}": its gateway is silent`, {
        hint: `See with \`p6nctl hosts show ${peer.host}\` whether that host is there.`,
      });
    }
    await setTimeout(GATEWAY_LOOK_MS);
    peer = await client.wireguard.get(referenceOf(created));
  }
  return peer;
}

function endpointOf({ endpoint }: CreatePeerOptions, peer: WireguardPeerView): string {
  const known = endpoint ?? peer.gateway?.endpoints[0];
  if (known !== undefined) return known;
  throw new P6nError('VALUE_INVALID', `Cannot create peer "${peer.name}": no endpoint is known`, {
    hint: `Say with --endpoint HOST:PORT where host "${peer.host}" is reached.`,
  });
}

/** Loaded for whoever wants it. */
async function drawQr(text: string): Promise<string> {
  const { encodeQR } = await import('qr');
  return `${encodeQR(text, 'ascii', { ecc: 'low' })}\n`;
}

export const CREATE_PEER: Command = {
  usage: 'create <name>',
  summary: 'Let a laptop into a network, and print its WireGuard configuration',
  options: {
    network: { summary: 'The network that it is a member of', value: 'NAME', required: true },
    organization: { summary: 'The organization of the network', value: 'NAME' },
    host: { summary: 'Its gateway; this host unless it says otherwise', value: 'NAME' },
    endpoint: { summary: 'Where the laptop reaches the gateway', value: 'HOST:PORT' },
    'public-key': { summary: "The laptop's key, whose private half stays there", value: 'KEY' },
    qr: { summary: 'Draw the configuration as a QR code, for telephones' },
  },
  run: (context, words) =>
    createPeer({
      ...context,
      request: {
        name: words.text('name'),
        network: words.text('network'),
        ...optional('organization', words.optionalText('organization')),
        ...optional('host', words.optionalText('host')),
      },
      publicKey: words.optionalText('public-key'),
      endpoint: words.optionalText('endpoint'),
      qr: words.flag('qr'),
    }),
};
