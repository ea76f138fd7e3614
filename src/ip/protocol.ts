// The numbers of IPv6's Next Header field that p6n knows, and the names that people give them.
// Source: IANA, "Assigned Internet Protocol Numbers" and "IPv6 Extension Header Types".

export const IpProtocol = {
  HopByHop: 0,
  Tcp: 6,
  Udp: 17,
  Routing: 43,
  Fragment: 44,
  EncapsulatingSecurity: 50,
  Authentication: 51,
  Icmpv6: 58,
  NoNext: 59,
  DestinationOptions: 60,
  Mobility: 135,
  HostIdentity: 139,
  Shim6: 140,
} as const;

/** What p6nctl and the API take: a name or a number. */
const NUMBERS: ReadonlyMap<string, number> = new Map([
  ['tcp', IpProtocol.Tcp],
  ['udp', IpProtocol.Udp],
  ['icmpv6', IpProtocol.Icmpv6],
  ['icmp', IpProtocol.Icmpv6],
  ['ping', IpProtocol.Icmpv6],
]);

const NUMBER_PATTERN = /^\d{1,3}$/;
const PROTOCOL_MAX = 255;

/** The number for a name in any case or for a number in text, or undefined when it is neither. */
export function parseProtocol(text: string): number | undefined {
  const known = NUMBERS.get(text.toLowerCase());
  if (known !== undefined || !NUMBER_PATTERN.test(text)) return known;
  const number = Number(text);
  return number <= PROTOCOL_MAX ? number : undefined;
}

/** `tcp`, `udp`, `icmpv6`, or the number in text. */
export function formatProtocol(protocol: number): string {
  for (const [name, number] of NUMBERS) if (number === protocol) return name;
  return String(protocol);
}
