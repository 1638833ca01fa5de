// Network addresses of callers, as proxies and sockets write them.

import { isIP, isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** A network gives each customer at least so many bits of IPv6 to choose addresses from. */
const IPV6_PREFIX_HEX_LENGTH = 16;

/**
 * An address alone, in one spelling, of up to 39 characters: some proxies write ports, and dual-stack sockets IPv4 in IPv6.
 * @returns null for what is no address: whoever may write X-Forwarded-For can write anything
 */
export function plainAddress(written: string): string | null {
  // It has one spelling, and is what most are.
  if (isIPv4(written)) return written;
  const [, bracketed, beforePort] = /^\[([^\]]*)\](?::\d+)?$|^([\d.]+):\d+$/.exec(written) ?? [];
  const [address = ''] = (bracketed ?? beforePort ?? written).split('%', 1);
  return isIP(address) === 0 ? null : ipaddr.process(address).toString();
}

/** What counts as one caller: an IPv4 address, or the 64 bits of an IPv6 network. @param address a plain one */
export function networkOf(address: string): string {
  const parsed = ipaddr.parse(address);
  if (parsed.kind() === 'ipv4') return address;
  return Buffer.from(parsed.toByteArray()).toString('hex').slice(0, IPV6_PREFIX_HEX_LENGTH);
}
