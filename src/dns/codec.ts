// Records to bytes, by dns2. A record is encoded once and remembered for as long as what it says
// is: answers only copy it behind a pointer to its owner's name. Questions are not read by dns2 but
// by guard.ts, and nothing that came from outside reaches this file.

import { Packet, type Resource } from 'dns2';
import {
  CHARACTER_STRING_BYTES_MAX,
  CLASS_INTERNET,
  OWN_TTL_SECONDS,
  RecordType,
  TEXT_BYTES_MAX,
} from './protocol.ts';
import type { Apex } from './query.ts';
import type { InstanceName } from './zone.ts';

/** Type, class, TTL, RDLENGTH and RDATA: a record without the name of its owner. */
export type RecordTail = Uint8Array;

export interface TextTail {
  readonly tail: RecordTail;
  /** Whether all entries are in it. */
  readonly complete: boolean;
}

export class RecordEncoder {
  readonly #addresses = new WeakMap<InstanceName, RecordTail>();
  readonly #texts = new WeakMap<readonly string[], TextTail>();
  readonly #authorities = new WeakMap<Apex, RecordTail>();

  /** The AAAA record of an instance. */
  address(instance: InstanceName): RecordTail {
    const known = this.#addresses.get(instance);
    if (known !== undefined) return known;
    const tail = encode({ type: RecordType.AAAA, address: instance.address });
    this.#addresses.set(instance, tail);
    return tail;
  }

  /** The TXT record of `entries` (ASCII), joined by `,` and cut behind an entry if too long. */
  text(entries: readonly string[]): TextTail {
    const known = this.#texts.get(entries);
    if (known !== undefined) return known;
    const { text, complete } = joinEntries(entries);
    const encoded = {
      tail: encode({ type: RecordType.TXT, data: splitText(text) }),
      complete,
    };
    this.#texts.set(entries, encoded);
    return encoded;
  }

  /**
   * The SOA record of one of our own zones. There are no transfers and no other servers, so its one
   * number with a meaning is the last: how long an answer without records may be remembered.
   */
  authority(apex: Apex): RecordTail {
    const known = this.#authorities.get(apex);
    if (known !== undefined) return known;
    const tail = encode({
      type: RecordType.SOA,
      primary: apex.name,
      admin: 'nobody.invalid',
      serial: 1,
      refresh: 3600,
      retry: 1200,
      expiration: 604_800,
      minimum: OWN_TTL_SECONDS,
    });
    this.#authorities.set(apex, tail);
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

function joinEntries(entries: readonly string[]): { text: string; complete: boolean } {
  let text = '';
  for (const entry of entries) {
    const separator = text === '' ? '' : ',';
    if (text.length + separator.length + entry.length > TEXT_BYTES_MAX) {
      return { text, complete: false };
    }
    text += separator + entry;
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
