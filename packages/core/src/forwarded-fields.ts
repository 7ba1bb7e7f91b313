import type { IPv6 } from 'ipaddr.js'
import { lazily } from './lazily.ts'

const net = lazily<typeof import('node:net')>('node:net')
const ipaddr = lazily<typeof import('ipaddr.js')>('ipaddr.js')

/** A port behind an address, or none; it may be obfuscated (RFC 7239 §6). */
const PORT = /^(?::(?:[0-9]{1,5}|_[A-Za-z0-9._-]+))?$/

/**
 * The address in an entry of a forwarded chain: port and brackets stripped, v4-mapped folded, IPv6
 * as RFC 5952 writes it. Null if it is none (`unknown`, `_hidden`, garbage).
 */
export function entryAddress(entry: string): string | null {
  let text = entry
  if (text.startsWith('[')) {
    const end = text.indexOf(']')
    if (!PORT.test(text.slice(end + 1)) || !net().isIPv6(text.slice(1, end))) return null
    text = text.slice(1, end)
  } else if (text.indexOf(':') === text.lastIndexOf(':') && text.includes(':')) {
    const at = text.indexOf(':')
    if (!PORT.test(text.slice(at))) return null
    text = text.slice(0, at)
  }
  if (net().isIPv4(text)) return text
  if (!net().isIPv6(text) || text.includes('%')) return null
  const address = ipaddr().parse(text) as IPv6
  return address.isIPv4MappedAddress()
    ? address.toIPv4Address().toString()
    : address.toRFC5952String()
}

/** Members of a comma-separated list, all lines joined, trimmed. */
export function listMembers(lines: readonly string[]): string[] {
  return lines
    .join(',')
    .split(',')
    .map((member) => member.trim())
}

/** One element of `Forwarded` (RFC 7239 §4), names in lower case. */
export type ForwardedElement = ReadonlyMap<string, string>

/**
 * Elements of `Forwarded`, all lines joined, from left to right. An element that is malformed or
 * has a parameter twice is null: the walk ends there.
 */
export function parseForwarded(lines: readonly string[]): (ForwardedElement | null)[] {
  return elementTexts(lines.join(',')).map(parseElement)
}

/**
 * Split at commas outside quotes, seen from the right: each proxy writes behind what it was sent, so
 * a quote that a client leaves open cannot swallow what a proxy wrote.
 */
function elementTexts(text: string): string[] {
  const elements: string[] = []
  let end = text.length
  let quoted = false
  for (let i = text.length - 1; i >= 0; i--) {
    if (text[i] === '"') {
      let before = i
      while (text[before - 1] === '\\') before--
      if ((i - before) % 2 === 0) quoted = !quoted
    } else if (text[i] === ',' && !quoted) {
      elements.push(text.slice(i + 1, end).trim())
      end = i
    }
  }
  elements.push(text.slice(0, end).trim())
  return elements.reverse()
}

function parseElement(text: string): ForwardedElement | null {
  const pairs = new Map<string, string>()
  for (const pair of pairTexts(text)) {
    const match = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^"\s]+))$/.exec(pair)
    if (match === null) return null
    const name = (match[1] as string).toLowerCase()
    if (pairs.has(name)) return null
    pairs.set(
      name,
      match[2] === undefined ? (match[3] as string) : match[2].replace(/\\(.)/g, '$1'),
    )
  }
  return pairs
}

function pairTexts(element: string): string[] {
  const parts: string[] = []
  let start = 0
  let quoted = false
  for (let i = 0; i < element.length; i++) {
    const c = element[i]
    if (quoted && c === '\\') i++
    else if (c === '"') quoted = !quoted
    else if (!quoted && c === ';') {
      parts.push(element.slice(start, i).trim())
      start = i + 1
    }
  }
  parts.push(element.slice(start).trim())
  return parts
}

/**
 * Whether a text is a valid Host value (HOST-2, RFC 9110 §7.2): a name of unreserved characters,
 * sub-delims and well-formed escapes, IPv4 or bracketed IPv6, then optionally a port up to 65 535.
 */
export function isHost(text: string): boolean {
  const match =
    /^(\[[^\]]*\]|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})+)(?::([0-9]{0,5}))?$/.exec(text)
  if (match === null || Number(match[2] ?? 0) > 65_535) return false
  const name = match[1] as string
  return !name.startsWith('[') || (net().isIPv6(name.slice(1, -1)) && !name.includes('%'))
}
