// The numbers of IPv6's Next Header field that p6n knows.
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
