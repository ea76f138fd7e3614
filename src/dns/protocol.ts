// Numbers of the DNS protocol (RFC 1035 section 4.1, RFC 6891 section 6.1) and our own limits.
//
//   0   2  id                       4   2  questions (QDCOUNT)
//   2   1  QR OPCODE(4) AA TC RD    6   2  answers (ANCOUNT)
//   3   1  RA Z AD CD RCODE(4)      8   2  authority records (NSCOUNT)
//                                  10   2  additional records (ARCOUNT)

export const HEADER_BYTES = 12;
export const ID_OFFSET = 0;
export const FLAGS_HIGH_OFFSET = 2;
export const FLAGS_LOW_OFFSET = 3;
export const QUESTION_COUNT_OFFSET = 4;
export const ANSWER_COUNT_OFFSET = 6;
export const AUTHORITY_COUNT_OFFSET = 8;
export const ADDITIONAL_COUNT_OFFSET = 10;

/** Bits of the byte at FLAGS_HIGH_OFFSET. */
export const RESPONSE_FLAG = 0x80;
export const OPCODE_MASK = 0x78;
export const AUTHORITATIVE_FLAG = 0x04;
export const TRUNCATED_FLAG = 0x02;
export const RECURSION_DESIRED_FLAG = 0x01;
/** Bits of the byte at FLAGS_LOW_OFFSET. */
export const RECURSION_AVAILABLE_FLAG = 0x80;
export const CHECKING_DISABLED_FLAG = 0x10;
export const RCODE_MASK = 0x0f;

/** Type and class behind a question's name. */
export const QUESTION_TAIL_BYTES = 4;
/** Type, class, TTL and RDLENGTH behind a record's name. */
export const RECORD_TAIL_BYTES = 10;
export const NAME_BYTES_MAX = 255;
/** The two bits that make a length byte a compression pointer. */
export const POINTER_BITS = 0xc0;
export const POINTER_BYTES = 2;
/** A pointer has 14 bits for where it points to. */
export const POINTER_TARGET_MAX = 0x3fff;
/** The name of the question, which stands right behind the header. */
export const QUESTION_POINTER = 0xc00c;
export const CHARACTER_STRING_BYTES_MAX = 255;
/** Priority, weight and port before the target of an SRV record (RFC 2782). */
export const SERVICE_FIELDS_BYTES = 6;

export const RecordType = {
  A: 1,
  SOA: 6,
  PTR: 12,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  OPT: 41,
  TKEY: 249,
  TSIG: 250,
  IXFR: 251,
  AXFR: 252,
  MAILB: 253,
  MAILA: 254,
  ANY: 255,
} as const;

export const CLASS_INTERNET = 1;

export const Rcode = {
  NoError: 0,
  FormatError: 1,
  ServerFailure: 2,
  NameError: 3,
  NotImplemented: 4,
  Refused: 5,
  /** Above 15: the high bits stand in the OPT record. */
  BadVersion: 16,
} as const;
export type Rcode = (typeof Rcode)[keyof typeof Rcode];

/** An OPT record without options: root name, type, payload size, flags, RDLENGTH. */
export const OPT_BYTES = 11;
export const OPT_DNSSEC_OK_FLAG = 0x80;

// Our own limits.

/** Largest message over UDP, both ways: it fits the least MTU of IPv6 (1280) in one fragment. */
export const UDP_PAYLOAD_BYTES_MAX = 1232;
/** What a client without EDNS takes over UDP (RFC 1035 section 4.2.1). */
export const UDP_PAYLOAD_BYTES_DEFAULT = 512;
export const TCP_MESSAGE_BYTES_MAX = 0xffff;
export const UDP_QUESTION_BYTES_MAX = 512;
export const TCP_QUESTION_BYTES_MAX = 4096;
/** OPT, and a TSIG that is not looked at. */
export const QUESTION_ADDITIONALS_MAX = 2;
/** TTL of every record of our own and of negative answers: names follow instances within it. */
export const OWN_TTL_SECONDS = 5;
/** What stands round the record's data at most: header, question, the record's fields, OPT. */
const TEXT_FRAME_BYTES =
  HEADER_BYTES +
  NAME_BYTES_MAX +
  QUESTION_TAIL_BYTES +
  POINTER_BYTES +
  RECORD_TAIL_BYTES +
  OPT_BYTES;
/** Longest text of a TXT record: with a length byte a string, it fits a message over TCP. */
export const TEXT_BYTES_MAX: number = Math.floor(
  ((TCP_MESSAGE_BYTES_MAX - TEXT_FRAME_BYTES) * CHARACTER_STRING_BYTES_MAX) /
    (CHARACTER_STRING_BYTES_MAX + 1),
);
