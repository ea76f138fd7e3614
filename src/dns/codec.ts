// Records to bytes, by dns2. A record is encoded once and remembered for as long as what it says
// is: answers only copy it behind a pointer to its owner's name. Questions are not read by dns2 but
// by guard.ts, and nothing that came from outside reaches this file.

import { Packet, type Resource } from 'dns2';
import type { AddressTarget, PointerTarget, ServiceTarget, TextList } from './content.ts';
import {
  CHARACTER_STRING_BYTES_MAX,
  CLASS_INTERNET,
  OWN_TTL_SECONDS,
  RecordType,
  TEXT_BYTES_MAX,
} from './protocol.ts';
import type { Apex } from './query.ts';

/** Type, class, TTL, RDLENGTH and RDATA: a record without the name of its owner. */
export type RecordTail = Uint8Array;

export interface TextTail {
  readonly tail: RecordTail;
  /** Whether all entries are in it. */
  readonly complete: boolean;
}

/** All targets are equally good; one without a weight would mostly be passed over (RFC 2782). */
const SERVICE_PRIORITY = 0;
const SERVICE_WEIGHT = 1;

export class RecordEncoder {
  readonly #tails = new WeakMap<object, RecordTail>();
  readonly #texts = new WeakMap<TextList, TextTail>();
  readonly #onTextCut: (bytes: number) => void;

  /** `onTextCut` hears of each text that is too long for a record, once while it stands. */
  constructor(onTextCut: (bytes: number) => void = () => undefined) {
    this.#onTextCut = onTextCut;
  }

  /** The AAAA record of an address. */
  address(target: AddressTarget): RecordTail {
    const known = this.#tails.get(target);
    if (known !== undefined) return known;
    return this.#remember(target, { type: RecordType.AAAA, address: target.address });
  }

  pointer(target: PointerTarget): RecordTail {
    const known = this.#tails.get(target);
    return known ?? this.#remember(target, { type: RecordType.PTR, domain: target.name });
  }

  service(service: ServiceTarget): RecordTail {
    const known = this.#tails.get(service);
    if (known !== undefined) return known;
    return this.#remember(service, {
      type: RecordType.SRV,
      priority: SERVICE_PRIORITY,
      weight: SERVICE_WEIGHT,
      port: service.port,
      target: service.target,
    });
  }

  /** The TXT record of a list, cut behind an entry if too long. */
  text(list: TextList): TextTail {
    const known = this.#texts.get(list);
    if (known !== undefined) return known;
    const { text, complete } = joinEntries(list);
    const tail = encode({ type: RecordType.TXT, data: splitText(text) });
    const encoded = { tail, complete };
    this.#texts.set(list, encoded);
    if (!complete) this.#onTextCut(text.length);
    return encoded;
  }

  /**
   * The SOA record of one of our own zones. There are no transfers and no other servers, so its one
   * number with a meaning is the last: how long an answer without records may be remembered.
   */
  authority(apex: Apex): RecordTail {
    const known = this.#tails.get(apex);
    if (known !== undefined) return known;
    return this.#remember(apex, {
      type: RecordType.SOA,
      primary: apex.name,
      admin: 'nobody.invalid',
      serial: 1,
      refresh: 3600,
      retry: 1200,
      expiration: 604_800,
      minimum: OWN_TTL_SECONDS,
    });
  }

  #remember(key: object, data: Partial<Resource>): RecordTail {
    const tail = encode(data);
    this.#tails.set(key, tail);
    return tail;
  }
}

function encode(data: Partial<Resource>): RecordTail {
  const record = new Packet.Resource({
    name: '',
    class: CLASS_INTERNET,
    ttl: OWN_TTL_SECONDS,
    ...data,
  });
  // Without its first byte, the root label of the empty owner.
  return new Uint8Array(Packet.Resource.encode(record, new Packet.Writer())).subarray(1);
}

function joinEntries({ entries, separator }: TextList): { text: string; complete: boolean } {
  let text = '';
  for (const entry of entries) {
    const before = text === '' ? '' : separator;
    if (text.length + before.length + entry.length > TEXT_BYTES_MAX) {
      return { text, complete: false };
    }
    text += before + entry;
  }
  return { text, complete: true };
}

/**
 * The character-strings of a TXT record (RFC 1035 section 3.3.14), to be read without separator.
 */
function splitText(text: string): string[] {
  const strings: string[] = [];
  for (let start = 0; start < text.length; start += CHARACTER_STRING_BYTES_MAX) {
    strings.push(text.slice(start, start + CHARACTER_STRING_BYTES_MAX));
  }
  return strings;
}
