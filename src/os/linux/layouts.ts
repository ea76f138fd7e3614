// Structures of the Linux kernel as named offsets, for 64-bit little-endian machines (x86-64 and
// arm64 agree but for epoll_event), and the numbers that name options and flags. Values follow the
// kernel's UAPI headers; multi-byte fields are in native byte order unless they say otherwise.

// struct ifreq, <linux/if.h>: name, then a union.
export const IFREQ_BYTES = 40;
export const IFREQ_NAME_OFFSET = 0;
export const IFREQ_FLAGS_OFFSET = 16;
export const IFREQ_MTU_OFFSET = 16;
export const SIOCGIFFLAGS = 0x8913;
export const SIOCGIFMTU = 0x8921;
export const SIOCSIFMTU = 0x8922;
export const IFF_UP = 0x1;
/** Longest interface name without its terminating zero (IFNAMSIZ - 1). */
export const INTERFACE_NAME_BYTES_MAX = 15;

// struct sockaddr_in, <linux/in.h>
export const SOCKADDR_IN_BYTES = 16;
export const SOCKADDR_IN_ADDRESS_OFFSET = 4;
// struct sockaddr_in6, <linux/in6.h>; family and port as in sockaddr_in
export const SOCKADDR_IN6_BYTES = 28;
export const SOCKADDR_FAMILY_OFFSET = 0;
/** Big-endian. */
export const SOCKADDR_PORT_OFFSET = 2;
export const SOCKADDR_IN6_ADDRESS_OFFSET = 8;
export const SOCKADDR_IN6_SCOPE_OFFSET = 24;

// struct iovec, <linux/uio.h>
export const IOVEC_BYTES = 16;
export const IOVEC_BASE_OFFSET = 0;
export const IOVEC_LENGTH_OFFSET = 8;

// struct mmsghdr: a msghdr and the length of the message, <sys/socket.h>
//  0 name  8 namelen(u32)  16 iov  24 iovlen  32 control  40 controllen  48 flags(i32)  56 len(u32)
export const MMSGHDR_BYTES = 64;
export const MSGHDR_NAME_OFFSET = 0;
export const MSGHDR_NAME_LENGTH_OFFSET = 8;
export const MSGHDR_IOV_OFFSET = 16;
export const MSGHDR_IOV_LENGTH_OFFSET = 24;
export const MSGHDR_CONTROL_OFFSET = 32;
export const MSGHDR_CONTROL_LENGTH_OFFSET = 40;
export const MSGHDR_FLAGS_OFFSET = 48;
export const MMSGHDR_LENGTH_OFFSET = 56;

// struct cmsghdr, <linux/socket.h>: length of header and data, level, type; data padded to 8
export const CMSG_LENGTH_OFFSET = 0;
export const CMSG_LEVEL_OFFSET = 8;
export const CMSG_TYPE_OFFSET = 12;
export const CMSG_DATA_OFFSET = 16;
export const CMSG_ALIGNMENT = 8;

// struct in_pktinfo: ifindex, the local address to send from (spec_dst), the header's destination
export const IN_PKTINFO_BYTES = 12;
export const IN_PKTINFO_INTERFACE_OFFSET = 0;
export const IN_PKTINFO_LOCAL_OFFSET = 4;
// struct in6_pktinfo: address, ifindex
export const IN6_PKTINFO_BYTES = 20;
export const IN6_PKTINFO_ADDRESS_OFFSET = 0;
export const IN6_PKTINFO_INTERFACE_OFFSET = 16;

// struct pollfd, <poll.h>
export const POLLFD_BYTES = 8;
export const POLLFD_EVENTS_OFFSET = 4;
export const POLLIN = 0x1;
export const POLLOUT = 0x4;

// struct epoll_event is packed on x86-64 alone: events u32, then 64 bits of user data
export const EPOLL_EVENT_BYTES: number = process.arch === 'x64' ? 12 : 16;
export const EPOLL_EVENT_DATA_OFFSET: number = process.arch === 'x64' ? 4 : 8;
export const EPOLL_CLOEXEC = 0x80000;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLLIN = 0x1;

// struct timespec: seconds and nanoseconds, 64 bits each
export const TIMESPEC_BYTES = 16;
export const TIMESPEC_NANOSECONDS_OFFSET = 8;
export const CLOCK_THREAD_CPUTIME_ID = 3;
export const CLOCK_BOOTTIME = 7;

// sched(7): struct sched_param has a priority, which is 0 for the usual policies
export const SCHED_BATCH = 3;
export const SCHED_PARAM_BYTES = 4;

// open(2), fcntl(2)
export const O_RDONLY = 0x0;
export const O_RDWR = 0x2;
export const O_NOCTTY = 0x100;
export const O_NONBLOCK = 0x800;
export const O_CLOEXEC = 0x80000;
export const EFD_CLOEXEC = 0x80000;
export const EFD_NONBLOCK = 0x800;
export const CLONE_NEWNET = 0x4000_0000;

// <linux/if_tun.h>
export const TUNSETIFF = 0x4004_54ca;
/** Takes its argument by value. */
export const TUNSETPERSIST = 0x4004_54cb;
/** Takes its argument by value. */
export const TUNSETOFFLOAD = 0x4004_54d0;
export const TUN_F_CSUM = 0x1;
export const TUN_F_TSO4 = 0x2;
export const TUN_F_TSO6 = 0x4;
export const TUN_F_USO4 = 0x20;
export const TUN_F_USO6 = 0x40;
/** Gives the interface's name. */
export const TUNGETIFF = 0x8004_54d2;
/** Gives a descriptor of the network namespace that the interface is in. */
export const TUNGETDEVNETNS = 0x54e3;
export const IFF_TUN = 0x1;
export const IFF_NO_PI = 0x1000;
export const IFF_VNET_HDR = 0x4000;

// socket(2)
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_RAW = 3;
export const SOCK_NONBLOCK = 0x800;
export const SOCK_CLOEXEC = 0x80000;
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_SNDBUF = 7;
export const SO_RCVBUF = 8;
export const SO_BINDTODEVICE = 25;
export const SO_SNDBUFFORCE = 32;
export const SO_RCVBUFFORCE = 33;
export const SO_MARK = 36;
export const IPPROTO_IP = 0;
export const IP_TOS = 1;
export const IP_PKTINFO = 8;
export const IP_MTU_DISCOVER = 10;
export const IP_RECVTOS = 13;
export const IP_MTU = 14;
export const IP_PMTUDISC_DONT = 0;
/** Nothing is cut, here or by routers; what was heard of the path's MTU is left aside. */
export const IP_PMTUDISC_PROBE = 3;
export const IPPROTO_IPV6 = 41;
export const IPPROTO_ICMPV6 = 58;
/** struct icmp6_filter: a bit for each of 256 types. */
export const ICMPV6_FILTER = 1;
export const ICMPV6_FILTER_BYTES = 32;
export const IPV6_MTU_DISCOVER = 23;
export const IPV6_MTU = 24;
export const IPV6_V6ONLY = 26;
export const IPV6_RECVPKTINFO = 49;
export const IPV6_PKTINFO = 50;
export const IPV6_RECVTCLASS = 66;
export const IPV6_TCLASS = 67;
export const IPV6_FREEBIND = 78;
export const SOL_UDP = 17;
/** A control message of 16 bits: the length of each datagram of a run that is sent. */
export const UDP_SEGMENT = 103;
/** An option; and a control message, an int: the length of each datagram of a received run. */
export const UDP_GRO = 104;
export const MSG_TRUNC = 0x20;
export const MSG_DONTWAIT = 0x40;

// <asm-generic/fcntl.h>
export const LOCK_EX = 2;
export const LOCK_NB = 4;

// struct sockaddr_nl, <linux/netlink.h>: family, padding, port id, groups; <linux/rtnetlink.h>
export const SOCKADDR_NL_BYTES = 12;
export const SOCKADDR_NL_GROUPS_OFFSET = 8;
export const NETLINK_ROUTE = 0;
export const NETLINK_KOBJECT_UEVENT = 15;
/** The group of events that come from the kernel itself. */
export const UEVENT_GROUP_KERNEL = 1;
export const RTMGRP_LINK = 0x1;
export const RTMGRP_IPV4_IFADDR = 0x10;
export const RTMGRP_IPV4_ROUTE = 0x40;
export const RTMGRP_IPV6_IFADDR = 0x100;
export const RTMGRP_IPV6_ROUTE = 0x400;

// errno, <asm-generic/errno.h>
export const EPERM = 1;
export const ENOENT = 2;
export const EINTR = 4;
export const EIO = 5;
export const ENXIO = 6;
export const EAGAIN = 11;
export const EACCES = 13;
export const EBUSY = 16;
export const ENODEV = 19;
export const EINVAL = 22;
export const EBADMSG = 74;
export const EBADFD = 77;
export const EMSGSIZE = 90;
export const EAFNOSUPPORT = 97;
export const EADDRINUSE = 98;
export const EADDRNOTAVAIL = 99;
export const ENETUNREACH = 101;
export const ENOBUFS = 105;

// mmap(2), mremap(2)
export const PROT_READ = 0x1;
export const PROT_WRITE = 0x2;
export const MAP_SHARED = 0x1;
export const MAP_PRIVATE = 0x2;
export const MAP_ANONYMOUS = 0x20;
export const MREMAP_MAYMOVE = 0x1;
export const MREMAP_FIXED = 0x2;

// Terminals, <asm-generic/ioctls.h> and struct winsize of <asm-generic/termios.h>
export const TIOCSWINSZ = 0x5414;
export const TIOCSPTLCK = 0x40045431;
export const TIOCGPTPEER = 0x5441;
export const WINSIZE_BYTES = 8;
export const WINSIZE_ROWS_OFFSET = 0;
export const WINSIZE_COLUMNS_OFFSET = 2;
