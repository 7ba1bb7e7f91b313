import { describe, expect, it } from 'vitest'
import { fixture, named } from '../test/route-fixture.ts'
import { RouteError } from './errors.ts'
import type { UrlParams, UrlQuery } from './route-url.ts'
import { Router } from './router.ts'

const h = named('h')
const router = new Router()
router.get('/', h).name('home')
router.get('/users/:id', h).name('user')
router.get('/n/:n{[0-9]+}', h).name('number')
router.get('/files/*path', h).name('files')
router.get('/opt/:page?', h).name('optional')
router.get('/café/a b', h).name('literal')
router.group('/orgs/:org').get('/x/:y', h).name('nested')

describe('url() (R-13)', () => {
  it.each<[string, UrlParams | undefined, UrlQuery | undefined, string]>([
    ['home', undefined, undefined, '/'],
    ['user', { id: 7 }, undefined, '/users/7'],
    ['user', { id: 'a/b c?é' }, undefined, '/users/a%2Fb%20c%3F%C3%A9'],
    ['user', { id: '...' }, undefined, '/users/...'],
    ['number', { n: 42 }, undefined, '/n/42'],
    ['files', { path: 'a b/c%2F/d' }, undefined, '/files/a%20b/c%252F/d'],
    ['files', { path: '' }, undefined, '/files/'],
    ['files', { path: '/x//' }, undefined, '/files//x//'],
    ['optional', {}, undefined, '/opt'],
    ['optional', { page: undefined }, undefined, '/opt'],
    ['optional', { page: 2 }, undefined, '/opt/2'],
    ['literal', {}, undefined, '/caf%C3%A9/a%20b'],
    ['nested', { org: 'o', y: '1' }, undefined, '/orgs/o/x/1'],
    ['home', {}, { a: 1, b: [true, undefined, 'x y'], c: undefined }, '/?a=1&b=true&b=x+y'],
    ['home', {}, { c: undefined }, '/'],
    ['home', {}, new URLSearchParams('é=1'), '/?%C3%A9=1'],
  ])('%s %j %j', (name, params, query, expected) => {
    expect(router.url(name, params, query)).toBe(expected)
  })

  it.each<[string, UrlParams]>([
    ['user', {}],
    ['user', { id: undefined }],
    ['user', { id: '' }],
    ['user', { id: '.' }],
    ['user', { id: '..' }],
    ['user', { id: 'a\0' }],
    ['user', { id: '\ud800' }],
    ['user', { id: '1', more: '2' }],
    ['number', { n: 'x' }],
    ['number', { n: '-1' }],
    ['files', {}],
    ['files', { path: 'a/../b' }],
    ['optional', { page: '' }],
  ])('refuses %s %j', (name, params) => {
    let error: unknown
    try {
      router.url(name, params)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(RouteError)
    expect(error).toMatchObject({ code: 'CELERIS_URL_PARAM' })
  })

  it('names the known routes when it does not know one', () => {
    expect(() => router.url('nope')).toThrow('known: files, home')
    expect(() => router.url('nope')).toThrow(RouteError)
    expect(() => router.url('toString')).toThrow(RouteError)
  })

  it('is matched back to the same values', () => {
    const { find } = fixture(router)
    const pieces = [
      'a',
      '/',
      '%',
      '%2F',
      ' ',
      '.',
      '..',
      'é',
      '😀',
      '?',
      '#',
      ';',
      '\\',
      '+',
      ':',
      '*',
      '&',
    ]
    let seed = 3
    const next = (limit: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff
      return seed % limit
    }
    let built = 0
    for (let round = 0; round < 3_000; round++) {
      let value = ''
      for (let i = next(5); i >= 0; i--) value += pieces[next(pieces.length)]
      const [name, param] =
        round % 2 === 0 ? (['user', 'id'] as const) : (['files', 'path'] as const)
      let url: string
      try {
        url = router.url(name, { [param]: value })
      } catch (error) {
        expect((error as RouteError).code).toBe('CELERIS_URL_PARAM')
        continue
      }
      built++
      const found = find('GET', url)
      expect(found, url).toMatchObject({ entry: { name }, params: { [param]: value } })
    }
    expect(built).toBeGreaterThan(2_000)
  })
})
