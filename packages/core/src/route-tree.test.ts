import { METHOD_GET } from '@celeris/engine/layout'
import { describe, expect, it } from 'vitest'
import { type Found, fixture, named } from '../test/route-fixture.ts'
import { RouteError } from './errors.ts'
import { expandOptional, type PatternSegment, parsePattern } from './route-pattern.ts'
import { Router } from './router.ts'

/** A generator of numbers below a limit; the same for a seed. */
function numbers(seed: number): (limit: number) => number {
  let state = seed >>> 0 || 1
  return (limit) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % limit
  }
}

interface NaiveRoute {
  readonly method: string
  readonly text: string
  readonly segments: readonly PatternSegment[]
}

/** What a segment of the path looks like to the rules: decoded once, an encoded slash as NUL. */
function naiveSegments(rawPath: string): string[] | null {
  const parts = rawPath.slice(1).split('/')
  const decoded: string[] = []
  for (const part of parts) {
    let text: string
    try {
      text = decodeURIComponent(part)
    } catch {
      return null
    }
    if (text === '.' || text === '..' || text.includes('\0')) return null
    decoded.push(text.replaceAll('/', '\0'))
  }
  return decoded
}

const RANK = { literal: 0, constrained: 1, param: 2, wildcard: 3 } as const

/** Parameters of a route for a path, null if it does not match. */
function naiveMatch(route: NaiveRoute, parts: readonly string[]): Record<string, string> | null {
  const params: Record<string, string> = {}
  for (const [index, segment] of route.segments.entries()) {
    if (segment.kind === 'wildcard') {
      if (index >= parts.length) return null
      params[segment.name] = parts.slice(index).join('/').replaceAll('\0', '%2F')
      return params
    }
    const part = parts[index]
    if (part === undefined) return null
    if (segment.kind === 'literal') {
      if (segment.text !== part) return null
      continue
    }
    if (part === '') return null
    const value = part.replaceAll('\0', '/')
    if (segment.kind === 'constrained' && !new RegExp(`^(?:${segment.source})$`, 'u').test(value)) {
      return null
    }
    params[segment.name] = value
  }
  return parts.length === route.segments.length ? params : null
}

/** Order of two matching routes: the first segment in which they differ decides (R-2). */
function naiveOrder(order: readonly string[], a: NaiveRoute, b: NaiveRoute): number {
  for (let i = 0; ; i++) {
    const x = a.segments[i]
    const y = b.segments[i]
    if (x === undefined || y === undefined) return 0
    if (RANK[x.kind] !== RANK[y.kind]) return RANK[x.kind] - RANK[y.kind]
    if (x.kind === 'constrained' && y.kind === 'constrained' && x.source !== y.source) {
      const prefix = (segments: readonly PatternSegment[]): string =>
        JSON.stringify(
          segments
            .slice(0, i + 1)
            .map((segment) => ({ ...segment, name: 'name' in segment ? '' : undefined })),
        )
      return order.indexOf(prefix(a.segments)) - order.indexOf(prefix(b.segments))
    }
  }
}

const prefixKeys = (segments: readonly PatternSegment[]): string[] =>
  segments.map((_, i) =>
    JSON.stringify(
      segments
        .slice(0, i + 1)
        .map((segment) => ({ ...segment, name: 'name' in segment ? '' : undefined })),
    ),
  )

function methodRank(route: NaiveRoute, method: string): number {
  if (route.method === method) return 0
  if (method === 'HEAD' && route.method === 'GET') return 1
  return route.method === '*' ? 2 : -1
}

describe('2 000 random route tables against a naive matcher (R-2 to R-7)', () => {
  const SEGMENTS = [
    'a',
    'b',
    'ab',
    'é',
    ':p',
    ':q',
    ':n{[0-9]+}',
    ':w{[a-z]+}',
    ':x{a/b|[a-f0-9]+}',
  ]
  const LAST = [...SEGMENTS, '', '*', '*rest', ':o?', ':o{[0-9]+}?']
  const METHODS = ['GET', 'POST', 'HEAD', '*', 'PURGE']
  const PARTS = ['a', 'b', 'ab', '%61', '7', 'é', '%C3%A9', 'x', '', 'a%2Fb', '12', '%', '..', 'A']
  const TRIED = ['GET', 'HEAD', 'POST', 'PURGE', 'BREW']

  it.each(Array.from({ length: 20 }, (_, index) => index))('tables %i00 to %i99', (block) => {
    for (let table = 0; table < 100; table++) {
      const next = numbers(1 + block * 100 + table)
      const pick = <T>(list: readonly T[]): T => list[next(list.length)] as T
      const router = new Router()
      const routes: NaiveRoute[] = []
      const order: string[] = []
      for (let i = next(14) + 1; i > 0; i--) {
        const depth = next(3)
        let text = ''
        for (let d = 0; d < depth; d++) text += `/${pick(SEGMENTS)}`
        text += `/${pick(LAST)}`
        const method = pick(METHODS)
        try {
          router.on(method, text, named(text))
        } catch (error) {
          expect(error).toBeInstanceOf(RouteError)
          continue
        }
        for (const segments of expandOptional(parsePattern(text))) {
          routes.push({ method, text, segments })
          order.push(...prefixKeys(segments).filter((key) => !order.includes(key)))
        }
      }
      const { find, allowed } = fixture(router)
      for (let i = 0; i < 30; i++) {
        let path = ''
        for (let d = next(4); d >= 0; d--) path += `/${pick(PARTS)}`
        const parts = naiveSegments(path)
        const matching =
          parts === null
            ? []
            : routes
                .map((route) => ({ route, params: naiveMatch(route, parts) }))
                .filter(({ params }) => params !== null)
                .sort((a, b) => naiveOrder(order, a.route, b.route))
        const method = pick(TRIED)
        const label = `${method} ${path} in ${routes.map((r) => `${r.method} ${r.text}`).join(', ')}`
        const found = find(method, path)
        if (parts === null) {
          expect(found, label).toBe(400)
          continue
        }
        const fitting = matching.filter(({ route }) => methodRank(route, method) >= 0)
        const best = fitting
          .filter(
            ({ route }) =>
              naiveOrder(order, route, (fitting[0] as { route: NaiveRoute }).route) === 0,
          )
          .sort((a, b) => methodRank(a.route, method) - methodRank(b.route, method))[0]
        if (best === undefined) expect(found, label).toBe(null)
        else {
          const { entry, params } = found as Found
          expect([entry.method, entry.pattern], label).toEqual([best.route.method, best.route.text])
          expect(params, label).toEqual(best.params)
        }
        const methods = new Set(matching.map(({ route }) => route.method))
        if (methods.size === 0) expect(allowed(path), label).toEqual([])
        else {
          for (const one of methods) if (one !== '*') expect(allowed(path), label).toContain(one)
          expect(allowed(path), label).toContain('OPTIONS')
        }
      }
    }
  })
})

describe('hostile paths', () => {
  const router = new Router()
  for (const path of [
    '/admin',
    '/admin/:id',
    '/files/*path',
    '/a',
    '/',
    '/:one',
    '/n/:n{[0-9]+}',
  ]) {
    router.get(path, named(path))
  }
  const { find } = fixture(router)

  it.each<[string, string | null | 400, string?]>([
    ['/../etc/passwd', 400],
    ['/files/../admin', 400],
    ['/files/%2e%2e/admin', 400],
    ['/files/%2E./admin', 400],
    ['/files/.%2e', 400],
    ['/files/..', 400],
    ['/files/.', 400],
    ['/files/%2e', 400],
    ['/files/..%2fadmin', '/files/*path', '..%2Fadmin'],
    ['/files/..%5cadmin', '/files/*path', '..\\admin'],
    ['/files/...', '/files/*path', '...'],
    ['/files/%252e%252e', '/files/*path', '%2e%2e'],
    ['/files/%252e%252e%252f', '/files/*path', '%2e%2e%2f'],
    ['/files/%00', 400],
    ['/files/a%00.png', 400],
    ['/files/%c0%ae%c0%ae', 400],
    ['/files/%c0%af', 400],
    ['/files/%e0%80%af', 400],
    ['/files/%ff', 400],
    ['/files/%fe%fe', 400],
    ['/files/%ed%a0%80', 400],
    ['/files/%u002e', 400],
    ['/files/%', 400],
    ['/files/%2', 400],
    ['/files/%zz', 400],
    ['//evil.example', null],
    ['//admin', null],
    ['/admin/', null],
    ['/admin//', null],
    ['/ADMIN', '/:one'],
    ['/%61dmin', '/admin'],
    ['/admin%2F', '/:one'],
    ['/admin%2f7', '/:one'],
    ['/admin/%2f', '/admin/:id'],
    ['/a;b', '/:one'],
    ['/a;/../admin', 400],
    ['/a%3Fb', '/:one'],
    ['/a%23b', '/:one'],
    ['/n/1%0a', null],
    ['/n/%31', '/n/:n{[0-9]+}'],
    ['/n/1%2F2', null],
    ['/*', '/:one'],
    ['/%2A', '/:one'],
    ['/:one', '/:one'],
    ['/http:%2F%2Fevil', '/:one'],
    ['/a%e2%80%ae', '/:one'],
    [`/${'a'.repeat(16_383)}`, '/:one'],
    [`/files${'/'.repeat(16_000)}`, '/files/*path', '/'.repeat(15_999)],
    [`/${'%41'.repeat(5_000)}`, '/:one'],
    ['/files/%E2%82%AC', '/files/*path', '€'],
  ])('%.40s', (path, pattern, value) => {
    const found = find('GET', path)
    if (pattern === null || pattern === 400) expect(found).toBe(pattern)
    else expect(found).toMatchObject({ entry: { pattern } })
    if (value !== undefined) expect(found).toMatchObject({ params: { path: value } })
  })
})

describe('cost', () => {
  /** Shortest of several runs, milliseconds: what the work costs without pauses of the machine. */
  function shortest(run: () => void): number {
    let best = Number.POSITIVE_INFINITY
    for (let i = 0; i < 50; i++) {
      const start = performance.now()
      run()
      best = Math.min(best, performance.now() - start)
    }
    return best
  }

  it('of a table made for backtracking stays under 1 ms on an 8 KiB path', () => {
    const router = new Router()
    // Every place has a literal, a constrained, a plain way, and each of them leads on.
    for (let bits = 0; bits < 3 ** 6; bits++) {
      let text = ''
      for (let d = 0, rest = bits; d < 6; d++, rest = Math.floor(rest / 3)) {
        text += ['/a', `/:c${d}{a+}`, `/:p${d}`][rest % 3]
      }
      router.get(`${text}/end`, named('end'))
    }
    const { table } = fixture(router)
    const params = new Int32Array(2 * table.maxParams)
    const find = (path: string): (() => void) => {
      const bytes = Buffer.from(path)
      return () => void table.find(bytes, 0, bytes.length, METHOD_GET, null, params)
    }
    expect(shortest(find(`/a/a/a/a/a/a/${'x'.repeat(8_000)}`))).toBeLessThan(1)
    expect(shortest(find('/a'.repeat(4_096)))).toBeLessThan(1)
    expect(shortest(find('/'.repeat(8_192)))).toBeLessThan(1)
    expect(shortest(find(`/${'a'.repeat(8_191)}`))).toBeLessThan(1)
  })

  it('of a hit is no allocation', () => {
    const router = new Router()
    for (const path of ['/users/:id', '/users/me', '/files/*rest', '/a/:b/c/:d']) {
      router.get(path, named(path))
    }
    const { table } = fixture(router)
    const params = new Int32Array(2 * table.maxParams)
    const paths = ['/users/12345', '/users/me', '/files/a/b/c', '/a/1/c/2'].map((path) =>
      Buffer.from(path),
    )
    const round = (): void => {
      for (let i = 0; i < 100_000; i++) {
        const bytes = paths[i & 3] as Buffer
        table.find(bytes, 0, bytes.length, METHOD_GET, null, params)
      }
    }
    round()
    let least = Number.POSITIVE_INFINITY
    for (let i = 0; i < 5; i++) {
      const before = process.memoryUsage().heapUsed
      round()
      least = Math.min(least, Math.abs(process.memoryUsage().heapUsed - before))
    }
    // A single object per call would be megabytes.
    expect(least).toBeLessThan(200_000)
  })
})
