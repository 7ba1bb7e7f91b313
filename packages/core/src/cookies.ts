import type { SetCookie } from 'cookie'
import { InvalidCookieError } from './errors.ts'
import { isToken } from './header-check.ts'
import { lazily } from './lazily.ts'

const library = lazily<typeof import('cookie')>('cookie')

/** Attributes of a cookie (RFC 6265 §4.1.2 and its revision). */
export interface CookieOptions {
  /**
   * Paths the cookie is sent for.
   * @defaultValue '/'
   */
  readonly path?: string | undefined
  /** Domain and its subdomains the cookie is sent to; left out, only the host itself. */
  readonly domain?: string | undefined
  /** Lifetime in whole seconds; left out with `expires`, the cookie ends with the browser. */
  readonly maxAge?: number | undefined
  /** End of the lifetime, for clients without Max-Age. */
  readonly expires?: Date | undefined
  /** Hidden from scripts. @defaultValue false */
  readonly httpOnly?: boolean | undefined
  /** Sent over https only. @defaultValue false */
  readonly secure?: boolean | undefined
  /** `'none'` needs `secure`. Left out, browsers take `'lax'`. */
  readonly sameSite?: 'strict' | 'lax' | 'none' | undefined
  /** Kept apart per top-level site; needs `secure`. @defaultValue false */
  readonly partitioned?: boolean | undefined
  /** Which cookies a browser drops first. */
  readonly priority?: 'low' | 'medium' | 'high' | undefined
  /** `false` sends the value as it is; it must consist of cookie octets. @defaultValue true */
  readonly encode?: boolean | undefined
}

/** Browsers drop a cookie whose name and value are longer together. */
const COOKIE_BYTES_MAX = 4_096

/** RFC 6265 §4.1.1 `cookie-octet`. */
const COOKIE_OCTETS = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/

/**
 * Cookies of a `cookie` field: the first of a name wins, a pair whose name is no token is
 * skipped, one pair of quotes is removed, escapes are decoded where they can be.
 */
export function parseCookies(field: string): Record<string, string | undefined> {
  const cookies = Object.create(null) as Record<string, string | undefined>
  for (const [name, value] of Object.entries(
    library().parseCookie(field, { decode: decodeValue }),
  )) {
    if (isToken(name)) cookies[name] = value
  }
  return cookies
}

function decodeValue(raw: string): string {
  const quoted = raw.length > 1 && raw.startsWith('"') && raw.endsWith('"')
  const value = quoted ? raw.slice(1, -1) : raw
  if (!value.includes('%')) return value
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}

/**
 * One `set-cookie` line. Nothing is repaired.
 * @throws InvalidCookieError `CELERIS_INVALID_COOKIE` for what is malformed, or what browsers
 * would drop in silence.
 */
export function serializeCookie(name: string, value: string, options: CookieOptions = {}): string {
  const path = options.path ?? '/'
  if (!isToken(name)) {
    throw new InvalidCookieError(name, 'a name is a token (RFC 9110 §5.6.2); rename it')
  }
  const coded = encodeCookieValue(name, String(value), options.encode !== false)
  if (Buffer.byteLength(name) + Buffer.byteLength(coded) > COOKIE_BYTES_MAX) {
    const length = name.length + coded.length
    throw new InvalidCookieError(
      name,
      `name and value have ${length} bytes and browsers drop more than ${COOKIE_BYTES_MAX}; keep the data on the server`,
    )
  }
  checkAttributes(name, path, options)
  const { encode: _, ...attributes } = options
  try {
    const cookie = { ...attributes, name, value: coded, path } as SetCookie
    return library().stringifySetCookie(cookie, { encode: asIs })
  } catch (cause) {
    throw new InvalidCookieError(name, `${(cause as Error).message}; correct the option`, { cause })
  }
}

const asIs = (value: string): string => value

function encodeCookieValue(name: string, value: string, encode: boolean): string {
  if (!encode) {
    if (COOKIE_OCTETS.test(value)) return value
    throw new InvalidCookieError(
      name,
      'with encode: false the value consists of cookie octets (RFC 6265 §4.1.1); leave encode out',
    )
  }
  try {
    return encodeURIComponent(value)
  } catch (cause) {
    throw new InvalidCookieError(name, 'the value has a lone surrogate; it has no UTF-8', { cause })
  }
}

function checkAttributes(name: string, path: string, options: CookieOptions): void {
  const fail = (message: string): never => {
    throw new InvalidCookieError(name, message)
  }
  for (const [attribute, text] of [
    ['path', path],
    ['domain', options.domain],
  ] as const) {
    if (text !== undefined && !/^[\x20-\x3a\x3c-\x7e]+$/.test(text)) {
      fail(
        `${attribute} ${JSON.stringify(text)} is empty or has a semicolon, a control or a non-ASCII character; encode it`,
      )
    }
  }
  if (!path.startsWith('/')) fail(`path '${path}' is ignored by browsers; start it with a slash`)
  if (options.maxAge !== undefined && !Number.isSafeInteger(options.maxAge)) {
    fail(`maxAge is whole seconds, not ${options.maxAge}`)
  }
  if (options.expires !== undefined && Number.isNaN(Number(options.expires))) {
    fail('expires is no valid Date')
  }
  if (options.secure !== true) {
    if (options.sameSite === 'none') fail("sameSite 'none' is dropped without secure: true")
    if (options.partitioned === true) fail('partitioned is dropped without secure: true')
    if (/^__(?:secure|host)-/i.test(name)) fail('its prefix is dropped without secure: true')
  }
  if (/^__host-/i.test(name) && (path !== '/' || options.domain !== undefined)) {
    fail("a __Host- cookie has path '/' and no domain")
  }
}

/**
 * A `set-cookie` line that makes the client forget a cookie; path and domain must be those it was
 * set with.
 * @throws InvalidCookieError `CELERIS_INVALID_COOKIE`.
 */
export function serializeDeletion(name: string, options: CookieOptions = {}): string {
  return serializeCookie(name, '', { ...options, maxAge: 0, expires: new Date(0) })
}
