import { propertyParameters } from '@celeris/test-support'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RouteError } from '../../src/errors.ts'
import { Router } from '../../src/router.ts'
import { type Found, fixture, named } from '../route-fixture.ts'
import { PATHS, PATTERNS } from './corpus.ts'
import { FUZZ, piecesOf } from './support.ts'

const anyPattern = piecesOf(PATTERNS, [
  '/',
  ':a',
  ':b',
  '*',
  '*r',
  '{',
  '}',
  '[0-9]+',
  '?',
  '\\',
  'é',
  '%41',
  'x',
])
const anyPath = piecesOf(PATHS, ['/', 'a', 'x', '7', '%41', '%2f', '%', '.', 'é', '%C3%A9']).map(
  (text) => `/${text}`,
)

/** A segment of a pattern, and whether it takes a decoded segment. */
interface Segment {
  readonly text: string
  /** Literal before constrained before plain before wildcard (R-2). */
  readonly rank: 0 | 1 | 2 | 3
  readonly takes: (value: string) => boolean
}

const literal = (text: string, decoded = text): Segment => ({
  text,
  rank: 0,
  takes: (value) => value === decoded,
})
const segments: readonly Segment[] = [
  literal('a'),
  literal('é b'),
  literal('\\:a\\*', ':a*'),
  literal('A'),
  literal('%', '%'),
  { text: ':n{[0-9]+}', rank: 1, takes: (value) => /^[0-9]+$/.test(value) },
  { text: ':p', rank: 2, takes: (value) => value !== '' },
]
const wildcard: Segment = { text: '*r', rank: 3, takes: () => true }
const slash: Segment = literal('')

const routes = fc
  .tuple(
    fc.array(fc.constantFrom(...segments), { minLength: 1, maxLength: 3 }),
    fc.constantFrom(undefined, undefined, undefined, slash, wildcard),
  )
  .map(([list, last]): readonly Segment[] => (last === undefined ? list : [...list, last]))
const values = fc.constantFrom('a', 'é b', ':a*', 'A', '%', '7', '42', 'x/y', '', 'b')
const decodedPaths = fc.array(values, { minLength: 1, maxLength: 4 })

/** Parameters get names of their own, since a name stands once in a pattern. */
const patternOf = (route: readonly Segment[]): string =>
  route.map(({ text }, at) => `/${text.replace(/^([:*])(\w)/, `$1$2${at}`)}`).join('')

const rawOf = (path: readonly string[]): string =>
  path.map((segment) => `/${encodeURIComponent(segment)}`).join('')

function matches(route: readonly Segment[], path: readonly string[]): boolean {
  const open = route.at(-1) === wildcard
  const fixed = open ? route.slice(0, -1) : route
  if (open ? path.length < route.length : path.length !== route.length) return false
  return fixed.every((segment, at) => segment.takes(path[at] as string))
}

const ranks = (route: readonly Segment[]): string => route.map(({ rank }) => rank).join('')

function tryAdd(router: Router, pattern: string): boolean {
  try {
    router.get(pattern, named(pattern))
    return true
  } catch (error) {
    if (error instanceof RouteError) return false
    throw error
  }
}

describe('router', FUZZ, () => {
  it('takes or refuses any patterns, and answers any path (R-1, R-3)', () => {
    fc.assert(
      fc.property(fc.array(anyPattern, { maxLength: 8 }), fc.array(anyPath), (patterns, paths) => {
        const router = new Router()
        // An empty one only means something in a router that is mounted.
        const added = patterns.filter((pattern) => pattern !== '' && tryAdd(router, pattern))
        // An optional parameter is one registration; `*` is written as `/*`.
        const texts = new Set(router.routes().map(({ path }) => path))
        expect(texts.size).toBe(added.length)
        const { find, allowed } = fixture(router)
        for (const path of paths) {
          const found = find('GET', path)
          const known = found === null || found === 400 || texts.has(found.entry.pattern)
          expect(known).toBe(true)
          expect(allowed(path) === 400).toBe(found === 400)
        }
      }),
      {
        ...propertyParameters(600),
        examples: [[[...PATTERNS], [...PATHS]]],
      },
    )
  })

  it('finds what a naive matcher finds, whatever the order of registration (R-2, R-4, R-5)', () => {
    fc.assert(
      fc.property(
        fc.array(routes, { minLength: 1, maxLength: 10 }),
        fc.array(decodedPaths, { minLength: 1, maxLength: 10 }),
        (table, paths) => {
          const router = new Router()
          const added = table.filter((route) => tryAdd(router, patternOf(route)))
          const { find } = fixture(router)
          for (const path of paths) {
            const fitting = added.filter((route) => matches(route, path))
            const [best] = fitting.sort((a, b) => (ranks(a) < ranks(b) ? -1 : 1))
            const found = find('GET', rawOf(path))
            if (best === undefined) expect(found).toBe(null)
            else expect((found as Found).entry.pattern).toBe(patternOf(best))
          }
        },
      ),
      propertyParameters(600),
    )
  })

  it('matches what url() builds back to the same values, or url() refuses (R-13)', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 8 }),
      values,
      fc.constantFrom('.', '..'),
    )
    fc.assert(
      fc.property(routes, fc.array(text, { minLength: 4, maxLength: 4 }), (route, given) => {
        const router = new Router()
        const pattern = patternOf(route)
        router.get(pattern, named(pattern)).name('it')
        const names = [...pattern.matchAll(/\/[:*](\w+)/g)].map(([, name]) => name as string)
        const params = Object.fromEntries(names.map((name, at) => [name, given[at] as string]))
        let url: string
        try {
          url = router.url('it', params)
        } catch (error) {
          expect(error).toMatchObject({ code: 'CELERIS_URL_PARAM' })
          return
        }
        expect(url).toMatch(/^\/[\x21-\x7e]*$/)
        expect(fixture(router).find('GET', url)).toMatchObject({ entry: { pattern }, params })
      }),
      propertyParameters(700),
    )
  })
})
