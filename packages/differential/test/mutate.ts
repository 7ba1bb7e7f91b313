// Seeded inputs: seeds put together and spoilt in the ways that have split parsers before.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Integers from 0 to `limit - 1`; the same seed gives the same row (mulberry32). */
export function numbers(seed: number): (limit: number) => number {
  let state = seed >>> 0
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit
  }
}

/** What one connection sends. */
export interface Input {
  readonly text: string
  /** FIN right behind the bytes, which may end anywhere. Else a request that closes stands behind. */
  readonly fin: boolean
  /** Sizes of the pieces to send it in, the last one repeated; undefined: whole. */
  readonly pieces: readonly number[]
}

/** Stands behind every input that does not end in FIN. */
export const PROBE = 'GET /probe HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n'

const INPUT_BYTES_MAX = 3_000
const corpus = fileURLToPath(new URL('../../engine/native/fuzz/corpus/head/', import.meta.url))

/** The cases of the conformance table that are short, as the fuzzers have them. */
const cases: readonly string[] = readdirSync(corpus)
  .sort()
  .map((file) => readFileSync(`${corpus}${file}`, 'latin1'))
  .filter((text) => text.length <= 600)

const GOOD: readonly string[] = [
  'GET /a?b=c HTTP/1.1\r\nHost: a\r\nX-One: 1\r\n\r\n',
  'HEAD / HTTP/1.1\r\nHost: a\r\n\r\n',
  'POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello',
  'PUT /put HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n',
  'POST /t HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n1\r\nz\r\n0\r\nX: 1\r\n\r\n',
  'GET http://b.example:81/abs HTTP/1.1\r\nHost: a\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc',
  'DELETE /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n',
]

const LINES: readonly string[] = [
  'Content-Length: 5',
  'Content-Length: 0',
  'Content-Length : 5',
  'Content-Length: 5, 5',
  'Content-Length: +5',
  'Content-Length: 0x5',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding:\x0bchunked',
  'Transfer-Encoding: chunked, chunked',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding: CHUNKED',
  ' folded: line',
  'Host: b',
  'Host:',
  'Connection: close',
  'Connection: keep-alive',
  'Connection: content-length',
  'Connection: upgrade\r\nUpgrade: h2c',
  'Expect: 100-continue',
  'Expect: something',
  'X:',
  'X: \xe9\x80',
  'X\x00: 1',
  'X: \x7f',
]
const TARGETS: readonly string[] = [
  '/',
  '//b/c',
  '/a?b#c',
  '*',
  'a:80',
  'http://b',
  'http://u@b/',
  'https://b/',
  'HTTP://b?x',
  '/%zz',
  '/..;/a',
  '/\\a|b',
  '/\xc3\xa9',
  '',
]
const VERSIONS: readonly string[] = ['1.0', '1.1', '1.2', '2.0', '0.9', '1.10', '1.', '1,1']
const SIZES: readonly string[] = ['0', '1', '5', '05', '5 ', ' 5', '-1', '0x5', 'ffffffff', 'g', '']
const ENDS: readonly string[] = ['\n', '\r', '\r\r\n', '\r\n\r\n', '\r\n ', '\n\r', '\x00\r\n', '']
const BYTES: readonly string[] = [...' \t\r\n:;,/\\"\x00\x0b\x7f\x80\xffAa0', '\r\n']

type Mutator = (text: string, next: (limit: number) => number) => string

const pick = <T>(list: readonly T[], next: (limit: number) => number): T =>
  list[next(list.length)] as T

/** Replaces the n-th place where `expression` matches. */
const replaceOne =
  (expression: RegExp, by: (match: string, next: (limit: number) => number) => string): Mutator =>
  (text, next) => {
    const matches = [...text.matchAll(expression)]
    const match = matches[next(Math.max(1, matches.length))]
    if (match === undefined) return text
    const end = match.index + match[0].length
    return text.slice(0, match.index) + by(match[0], next) + text.slice(end)
  }

const splice = (text: string, at: number, drop: number, put: string): string =>
  text.slice(0, at) + put + text.slice(at + drop)

const MUTATORS: readonly Mutator[] = [
  // Bytes.
  (text, next) => splice(text, next(text.length + 1), 1, String.fromCharCode(next(256))),
  (text, next) => splice(text, next(text.length + 1), 0, pick(BYTES, next)),
  (text, next) => splice(text, next(text.length + 1), 1 + next(3), ''),
  (text, next) => splice(text, next(text.length + 1), 1, pick(BYTES, next)),
  // Line ends.
  replaceOne(/\r\n/g, (_, next) => pick(ENDS, next)),
  replaceOne(/\r\n/g, (_, next) => pick(ENDS, next)),
  // Fields: one more, one twice, other case.
  replaceOne(/\r\n/g, (end, next) => `${end}${pick(LINES, next)}\r\n`),
  replaceOne(/[\w-]+: ?[^\r\n]*\r\n/g, (line) => line + line),
  replaceOne(/[\w-]+(?=:)/g, (name, next) => (next(2) ? name.toUpperCase() : name.toLowerCase())),
  replaceOne(/:(?= )/g, (_, next) => pick([' :', ':\t', ':', ': \t', '::'], next)),
  // Lengths and chunks.
  replaceOne(/(?<=Content-Length: )\d+/g, (_, next) => pick(SIZES, next)),
  replaceOne(/(?<=\r\n)[0-9a-f]+(?=[\r;])/g, (_, next) => pick(SIZES, next)),
  replaceOne(/(?<=\r\n[0-9a-f]+)\r\n/g, (_, next) =>
    pick([';a=b\r\n', ' ;\r\n', ' \r\n', ';\n'], next),
  ),
  replaceOne(/(?<=\r\n0\r\n)/g, (_, next) => `${pick(LINES, next)}\r\n`),
  // Request line.
  replaceOne(/(?<=^|\n)[A-Z]+(?= )/g, (_, next) =>
    pick(['GET', 'POST', 'HEAD', 'get', 'TRACE', 'CONNECT', 'PURGE', 'G@T', 'OPTIONS'], next),
  ),
  replaceOne(/(?<= )[^ \r\n]+(?= HTTP)/g, (_, next) => pick(TARGETS, next)),
  replaceOne(/(?<=HTTP\/)\S+/g, (_, next) => pick(VERSIONS, next)),
  replaceOne(/ (?=HTTP|\/)/g, (_, next) => pick(['  ', '\t', ''], next)),
]

/** Input number `index` of a run. */
export function makeInput(seed: number, index: number): Input {
  const next = numbers(Math.imul(seed, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca6b))
  const seedText = (): string => pick(next(3) === 0 ? cases : GOOD, next)
  let text = seedText()
  while (next(3) === 0) text += seedText()
  for (let changes = next(4); changes > 0; changes--) text = pick(MUTATORS, next)(text, next)
  if (next(8) === 0) text = pick(GOOD, next) + text
  text = text.slice(0, INPUT_BYTES_MAX)
  const fin = next(8) === 0
  if (fin) text = text.slice(0, next(text.length + 1))
  const pieces = next(3) === 0 ? [1 + next(40), 1 + next(9), 1 + next(200)] : []
  return { text: fin ? text : text + PROBE, fin, pieces }
}

/** Bytes as a JavaScript string literal that stands on one line. */
export const escaped = (text: string): string =>
  JSON.stringify(text).replace(
    /[^\x20-\x7e]/g,
    (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
