// A program that resolves a name as programs do, built with glibc and with musl.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must } from './site.ts';

/**
 * Prints the IPv6 addresses of a name, sorted by the resolver, or the error of getaddrinfo(3); with
 * the word `name`, the name of an address.
 */
const GETADDRINFO_C = `#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
int main(int count, char **words) {
  struct addrinfo hints, *found, *one;
  if (count > 2 && strcmp(words[2], "name") == 0) {
    char name[NI_MAXHOST];
    struct sockaddr_in6 from;
    memset(&from, 0, sizeof from);
    from.sin6_family = AF_INET6;
    inet_pton(AF_INET6, words[1], &from.sin6_addr);
    int failure = getnameinfo((struct sockaddr *)&from, sizeof from, name, sizeof name, NULL, 0,
      NI_NAMEREQD);
    puts(failure == 0 ? name : "none");
    return 0;
  }
  memset(&hints, 0, sizeof hints);
  hints.ai_family = count > 2 ? AF_UNSPEC : AF_INET6;
  hints.ai_socktype = SOCK_STREAM;
  int error = getaddrinfo(words[1], "80", &hints, &found);
  if (error != 0) { printf("%s\\n", error == EAI_NONAME ? "none" : gai_strerror(error)); return 0; }
  for (one = found; one != NULL; one = one->ai_next) {
    char text[INET6_ADDRSTRLEN];
    struct sockaddr_in6 *address = (struct sockaddr_in6 *)one->ai_addr;
    puts(inet_ntop(AF_INET6, &address->sin6_addr, text, sizeof text));
  }
  return 0;
}
`;

/**
 * Makes `glibc-lookup` and `musl-lookup` in `folder`: `NAME` for IPv6, `NAME any` for both,
 * `ADDRESS name` the other way round.
 */
export async function buildLookups(folder: string, ...options: string[]): Promise<void> {
  const source = join(folder, 'lookup.c');
  writeFileSync(source, GETADDRINFO_C);
  for (const [compiler, program] of [
    ['gcc', 'glibc-lookup'],
    ['musl-gcc', 'musl-lookup'],
  ] as const) {
    await must(compiler, ...options, '-w', '-o', join(folder, program), source);
  }
}
