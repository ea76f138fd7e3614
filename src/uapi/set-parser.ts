// The text of a `set` of the WireGuard cross-platform protocol (wireguard.com/xplatform), line by
// line: `key=value`, a peer's lines behind its public_key. Pure; nothing in it throws.

import { fromHexDigits, wipe } from '../base/bytes.ts';
import type {
  AllowedIpChange,
  InterfaceChange,
  PeerChange,
} from '../dataplane/standalone/config.ts';
import type { EndpointAddress } from '../device/config.ts';
import { parseHostPort } from '../ip/host-port.ts';
import { parsePrefix } from '../ip/prefix.ts';

const EQUALS = 0x3d;
const KEY_DIGITS = 64;
const PORT_MAX = 0xffff;
const KEEPALIVE_MAX = 0xffff;
const MARK_MAX = 0xffff_ffff;
const NUMBER_PATTERN = /^(?:0|[1-9][0-9]{0,9})$/;
const PROTOCOL_VERSION = '1';
/** Peers and prefixes of one change. */
export const CHANGE_ENTRIES_MAX = 4_194_304;

/** Keys are branded by whoever takes the change: here they are 32 bytes. */
type Key = InterfaceChange['privateKey'] & PeerChange['publicKey'] & PeerChange['presharedKey'];

/** The index of an interface of this machine by its name, or undefined. */
export type ResolveZone = (name: string) => number | undefined;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
interface PeerDraft extends Mutable<PeerChange> {
  allowedIps: AllowedIpChange[];
}
interface InterfaceDraft extends Mutable<InterfaceChange> {
  peers: PeerDraft[];
}

export class SetParser {
  readonly #resolveZone: ResolveZone;
  readonly #change: InterfaceDraft = { replacePeers: false, peers: [] };
  #peer: PeerDraft | undefined;
  #entries = 0;
  #isValid = true;

  constructor(resolveZone: ResolveZone) {
    this.#resolveZone = resolveZone;
  }

  /** Takes a line without its end; false once any line was wrong. */
  takeLine(line: Uint8Array): boolean {
    if (!this.#isValid) return false;
    const equals = line.indexOf(EQUALS);
    const key = asciiText(line.subarray(0, Math.max(0, equals)));
    this.#isValid = equals > 0 && this.#take(key, line.subarray(equals + 1));
    return this.#isValid;
  }

  /** The whole change, whose keys are the caller's to zero; undefined when a line was wrong. */
  finish(): InterfaceChange | undefined {
    if (this.#isValid) return this.#change;
    this.wipe();
    return undefined;
  }

  /** Zeroes the keys of what will not be finished. */
  wipe(): void {
    wipeKeys([this.#change]);
    wipeKeys(this.#change.peers);
  }

  #take(key: string, value: Uint8Array): boolean {
    const peer = this.#peer;
    switch (key) {
      case 'public_key':
        return this.#beginPeer(parseKey(value));
      case 'private_key':
        return (
          peer === undefined &&
          define(parseKey(value), (privateKey) => {
            wipeKeys([this.#change]);
            this.#change.privateKey = privateKey;
          })
        );
      case 'preshared_key':
        return (
          peer !== undefined &&
          define(parseKey(value), (presharedKey) => {
            wipeKeys([peer]);
            peer.presharedKey = presharedKey;
          })
        );
    }
    const text = asciiText(value);
    return peer === undefined
      ? this.#takeOfInterface(this.#change, key, text)
      : this.#takeOfPeer(peer, key, text);
  }

  #beginPeer(publicKey: Key | undefined): boolean {
    if (publicKey === undefined || !this.#count()) return false;
    this.#peer = {
      publicKey,
      remove: false,
      updateOnly: false,
      replaceAllowedIps: false,
      allowedIps: [],
    };
    this.#change.peers.push(this.#peer);
    return true;
  }

  #takeOfInterface(change: InterfaceDraft, key: string, value: string): boolean {
    switch (key) {
      case 'listen_port':
        return define(parseNumber(value, PORT_MAX), (port) => {
          change.listenPort = port;
        });
      case 'fwmark':
        return define(parseNumber(value, MARK_MAX), (mark) => {
          change.mark = mark;
        });
      case 'replace_peers':
        change.replacePeers = true;
        return value === 'true';
      default:
        return false;
    }
  }

  #takeOfPeer(peer: PeerDraft, key: string, value: string): boolean {
    switch (key) {
      case 'remove':
        peer.remove = true;
        return value === 'true';
      case 'update_only':
        peer.updateOnly = true;
        return value === 'true';
      case 'endpoint':
        return define(this.#parseEndpoint(value), (endpoint) => {
          peer.endpoint = endpoint;
        });
      case 'persistent_keepalive_interval':
        return define(parseNumber(value, KEEPALIVE_MAX), (seconds) => {
          peer.persistentKeepalive = seconds;
        });
      case 'replace_allowed_ips':
        // What stood before it in the same text goes too.
        peer.replaceAllowedIps = true;
        peer.allowedIps = [];
        return value === 'true';
      case 'allowed_ip':
        return this.#takeAllowedIp(peer, value);
      case 'protocol_version':
        return value === PROTOCOL_VERSION;
      default:
        return false;
    }
  }

  #takeAllowedIp(peer: PeerDraft, value: string): boolean {
    const remove = value.startsWith('-');
    const prefix = value.includes('/') ? parsePrefix(remove ? value.slice(1) : value) : undefined;
    if (prefix === undefined || !this.#count()) return false;
    peer.allowedIps.push({ prefix, remove });
    return true;
  }

  /** A zone may be an interface's name; the device takes numbers. */
  #parseEndpoint(value: string): EndpointAddress | undefined {
    const parsed = parseHostPort(value);
    if (parsed === undefined) return undefined;
    const { host, port } = parsed;
    const [address = '', zone] = host.split('%');
    if (zone === undefined || /^[0-9]+$/.test(zone)) return { address: host, port };
    const index = this.#resolveZone(zone);
    return index === undefined ? undefined : { address: `${address}%${index}`, port };
  }

  #count(): boolean {
    this.#entries += 1;
    return this.#entries <= CHANGE_ENTRIES_MAX;
  }
}

export interface KeyHolder {
  readonly privateKey?: Uint8Array | undefined;
  readonly presharedKey?: Uint8Array | undefined;
}

/** Zeroes the secret keys that the holders have. */
export function wipeKeys(holders: Iterable<KeyHolder>): void {
  for (const { privateKey, presharedKey } of holders) {
    if (privateKey !== undefined) wipe(privateKey);
    if (presharedKey !== undefined) wipe(presharedKey);
  }
}

function define<T>(value: T | undefined, assign: (value: T) => void): boolean {
  if (value === undefined) return false;
  assign(value);
  return true;
}

function parseKey(digits: Uint8Array): Key | undefined {
  return digits.length === KEY_DIGITS ? (fromHexDigits(digits) as Key | undefined) : undefined;
}

/** A text of one byte a character; what is not ASCII fits nothing here. */
export function asciiText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

function parseNumber(value: string, max: number): number | undefined {
  const number = NUMBER_PATTERN.test(value) ? Number(value) : undefined;
  return number !== undefined && number <= max ? number : undefined;
}
