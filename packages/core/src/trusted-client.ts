import { entryAddress, isHost, listMembers, parseForwarded } from './forwarded-fields.ts'
import type { ProxyPolicy } from './proxy-trust.ts'

/** Lines of a request field by lower-case name, in order. */
export type FieldLines = (name: string) => readonly string[]

/** What trusted proxies say of a request; `peer` is the address of the connection, `''` for unix. */
export interface ClientAddress {
  /** Address of the client. */
  address(peer: string, lines: FieldLines): string
  /** Scheme the client used; undefined if the peer is not trusted or does not say. */
  scheme(peer: string, lines: FieldLines): 'http' | 'https' | undefined
  /** Authority the client used; undefined if the peer is not trusted or does not say. */
  host(peer: string, lines: FieldLines): string | undefined
  /** Id the peer gave the request; undefined unless trusted and well formed. */
  requestId(peer: string, lines: FieldLines): string | undefined
}

/** Reads forwarded fields under a policy. Without one, nothing forwarded is looked at. */
export function createClientAddress(policy: ProxyPolicy): ClientAddress {
  const { trusts } = policy
  const family = policy.family === 'forwarded' ? FORWARDED : X_FORWARDED
  return {
    address: (peer, lines) => (trusts(peer, 0) ? walk(peer, family.chain(lines), trusts) : peer),
    scheme(peer, lines) {
      const value = trusts(peer, 0) ? family.last(lines, 'proto')?.toLowerCase() : undefined
      return value === 'http' || value === 'https' ? value : undefined
    },
    host(peer, lines) {
      const value = trusts(peer, 0) ? family.last(lines, 'host') : undefined
      return value !== undefined && isHost(value) ? value : undefined
    },
    requestId(peer, lines) {
      if (!trusts(peer, 0)) return undefined
      const ids = lines('x-request-id')
      const [id] = ids
      return ids.length === 1 && id !== undefined && REQUEST_ID.test(id) ? id : undefined
    },
  }
}

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/

interface Family {
  /** Addresses from left to right; null for an entry that is none. */
  chain(lines: FieldLines): (string | null)[]
  /** The rightmost value, which the peer itself wrote. */
  last(lines: FieldLines, name: 'proto' | 'host'): string | undefined
}

const X_FORWARDED: Family = {
  chain(lines) {
    const values = lines('x-forwarded-for')
    return values.length === 0 ? [] : listMembers(values).map(entryAddress)
  },
  last(lines, name) {
    const values = lines(`x-forwarded-${name}`)
    return values.length === 0 ? undefined : listMembers(values).at(-1)
  },
}

const FORWARDED: Family = {
  chain(lines) {
    const values = lines('forwarded')
    if (values.length === 0) return []
    return parseForwarded(values).map((element) => entryAddress(element?.get('for') ?? ''))
  },
  last(lines, name) {
    const values = lines('forwarded')
    return values.length === 0 ? undefined : parseForwarded(values).at(-1)?.get(name)
  },
}

/**
 * Steps from the peer leftwards while the current address is trusted. An entry that is no address
 * ends the walk at the last good one; nothing jumps past it.
 */
function walk(
  peer: string,
  chain: readonly (string | null)[],
  trusts: ProxyPolicy['trusts'],
): string {
  let current = peer
  for (let hop = 0; trusts(current, hop); hop++) {
    const next = chain[chain.length - 1 - hop]
    if (next === undefined || next === null) return current
    current = next
  }
  return current
}
