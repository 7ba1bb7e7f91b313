import { describe, expect, it } from 'vitest'
import { fixture, named, parts } from '../test/route-fixture.ts'
import { RouteConflictError, RouteError, ServerStateError } from './errors.ts'
import { sealRoutes } from './route-table.ts'
import { Router } from './router.ts'

const h = named('h')

/** Pattern that a GET for a raw path finds. */
function patternFor(router: Router, method: string, path: string): string | null | 400 {
  const found = fixture(router).find(method, path)
  return found === null || found === 400 ? found : found.entry.pattern
}

const code = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    return (error as { code: string }).code
  }
  return 'none'
}

describe('matching', () => {
  it('prefers literal, constrained in order, plain, wildcard (R-2)', () => {
    const router = new Router()
    router.get('/u/*rest', h)
    router.get('/u/:id', h)
    router.get('/u/:n{[0-9]+}', h)
    router.get('/u/:w{[0-9a-z]+}', h)
    router.get('/u/me', h)
    expect(patternFor(router, 'GET', '/u/me')).toBe('/u/me')
    expect(patternFor(router, 'GET', '/u/12')).toBe('/u/:n{[0-9]+}')
    expect(patternFor(router, 'GET', '/u/12a')).toBe('/u/:w{[0-9a-z]+}')
    expect(patternFor(router, 'GET', '/u/A')).toBe('/u/:id')
    expect(patternFor(router, 'GET', '/u/')).toBe('/u/*rest')
    expect(patternFor(router, 'GET', '/u/me/x')).toBe('/u/*rest')
    expect(patternFor(router, 'GET', '/u')).toBe(null)
  })

  it('backtracks, and parameters are those of the route found (R-2)', () => {
    const router = new Router()
    router.get('/a/:x/c/:y/end', h)
    router.get('/a/b/:z/d', h)
    router.get('/:p/b/c/:q', h)
    router.get('/*all', h)
    const { find } = fixture(router)
    expect(find('GET', '/a/b/c/d')).toMatchObject({ params: { z: 'c' } })
    expect(find('GET', '/a/b/c/e')).toMatchObject({ params: { p: 'a', q: 'e' } })
    expect(find('GET', '/a/b/c/e/end')).toMatchObject({ params: { x: 'b', y: 'e' } })
    expect(find('GET', '/a/b/c/e/f')).toMatchObject({ params: { all: 'a/b/c/e/f' } })
  })

  it('takes a method miss for a miss of the branch', () => {
    const router = new Router()
    router.post('/a/b', h)
    router.get('/a/:x', h)
    const { find, allowed } = fixture(router)
    expect(find('GET', '/a/b')).toMatchObject({ params: { x: 'b' } })
    expect(find('POST', '/a/b')).toMatchObject({ params: {} })
    expect(find('PUT', '/a/b')).toBe(null)
    expect(allowed('/a/b')).toEqual(['GET', 'HEAD', 'OPTIONS', 'POST'])
    expect(allowed('/nope')).toEqual([])
  })

  it('keeps /a and /a/ apart, case too; a wildcard may be empty (R-4)', () => {
    const router = new Router()
    router.get('/a', h)
    router.get('/f/*rest', h)
    const { find } = fixture(router)
    expect(find('GET', '/a/')).toBe(null)
    expect(find('GET', '/A')).toBe(null)
    expect(find('GET', '/f')).toBe(null)
    expect(find('GET', '/f/')).toMatchObject({ params: { rest: '' } })
    expect(find('GET', '/f/a/b')).toMatchObject({ params: { rest: 'a/b' } })
    expect(find('GET', '/f//x/')).toMatchObject({ params: { rest: '/x/' } })
  })

  it('decodes once; a slash is shown in parameters and stays %2F in wildcards (R-5)', () => {
    const router = new Router()
    router.get('/p/:v', h)
    router.get('/w/*v', h)
    router.get('/café', h)
    const { find } = fixture(router)
    expect(find('GET', '/p/a%2Fb%252F%20%E2%82%AC')).toMatchObject({ params: { v: 'a/b%2F €' } })
    expect(find('GET', '/w/a%2fb/c%41')).toMatchObject({ params: { v: 'a%2Fb/cA' } })
    expect(find('GET', '/caf%C3%A9')).toMatchObject({ params: {} })
    expect(find('GET', '/%70/x')).toMatchObject({ params: { v: 'x' } })
    expect(find('GET', '/p%2Fx')).toBe(null)
  })

  it('tests constraints on the decoded value', () => {
    const router = new Router()
    router.get('/:v{a/b|ü+}', h)
    const { find } = fixture(router)
    expect(find('GET', '/a%2Fb')).toMatchObject({ params: { v: 'a/b' } })
    expect(find('GET', '/%C3%BC%C3%BC')).toMatchObject({ params: { v: 'üü' } })
    expect(find('GET', '/a/b')).toBe(null)
  })

  it('makes two routes of an optional parameter (R-1)', () => {
    const router = new Router()
    router.get('/a/:b?', h)
    const { find } = fixture(router)
    expect(find('GET', '/a')).toMatchObject({ params: {}, entry: { pattern: '/a/:b?' } })
    expect(find('GET', '/a/x')).toMatchObject({ params: { b: 'x' } })
    expect(find('GET', '/a/')).toBe(null)
  })

  it('lets GET answer HEAD unless there is a HEAD route, then any (R-6)', () => {
    const router = new Router()
    router.get('/a', named('get'))
    router.get('/b', named('get'))
    router.head('/b', named('head'))
    router.any('/c', named('any'))
    const { find } = fixture(router)
    expect(find('HEAD', '/a')).toMatchObject({ chain: ['get'] })
    expect(find('HEAD', '/b')).toMatchObject({ chain: ['head'] })
    expect(find('HEAD', '/c')).toMatchObject({ chain: ['any'] })
  })

  it('lets any answer every method but those with a route (R-7)', () => {
    const router = new Router()
    router.any('/a', named('any'))
    router.on(['PURGE', 'POST'], '/a', named('own'))
    const { find, table } = fixture(router)
    expect(find('GET', '/a')).toMatchObject({ chain: ['any'] })
    expect(find('POST', '/a')).toMatchObject({ chain: ['own'] })
    expect(find('PURGE', '/a')).toMatchObject({ chain: ['own'] })
    expect(find('BREW', '/a')).toMatchObject({ chain: ['any'] })
    expect(table.knownMethods.has('PURGE')).toBe(true)
    expect(table.knownMethods.has('BREW')).toBe(false)
  })

  it('knows the methods of the whole server for OPTIONS * (R-6)', () => {
    const router = new Router()
    expect(fixture(router).table.allMethods).toEqual(['OPTIONS'])
    router.get('/a', h)
    router.on('PURGE', '/b', h)
    expect(fixture(router).table.allMethods).toEqual(['GET', 'HEAD', 'OPTIONS', 'PURGE'])
  })
})

describe('registration', () => {
  it('refuses the same method and shape twice (R-3)', () => {
    const router = new Router()
    router.get('/a/:b', h)
    router.post('/a/:other', h)
    router.get('/x/:n{[0-9]+}', h)
    router.get('/x/:n{[a-z]+}', h)
    router.get('/o/:p?', h)
    for (const path of ['/a/:c', '/x/:m{[0-9]+}', '/o', '/o/:q']) {
      expect(() => router.get(path, h)).toThrow(RouteConflictError)
    }
    expect(() => router.get('/a/:c', h)).toThrow("'/a/:b' already has this method and shape")
  })

  it('refuses bad methods and handlers (R-7)', () => {
    const router = new Router()
    expect(code(() => router.on('A B', '/', h))).toBe('CELERIS_ROUTE_HANDLER')
    expect(code(() => router.on([], '/', h))).toBe('CELERIS_ROUTE_HANDLER')
    expect(code(() => router.get('/', undefined as never))).toBe('CELERIS_ROUTE_HANDLER')
    expect(code(() => Reflect.apply(router.get, router, ['/']))).toBe('CELERIS_ROUTE_HANDLER')
    expect(code(() => router.use('/x', 5 as never))).toBe('CELERIS_ROUTE_HANDLER')
    expect(code(() => router.get('x', h))).toBe('CELERIS_ROUTE_PATTERN')
    expect(router.routes()).toEqual([])
  })

  it('throws after sealing, in groups, routes and mounted routers too (L-1)', () => {
    const router = new Router()
    const group = router.group('/g')
    const mounted = new Router()
    router.mount('/m', mounted)
    const route = router.get('/', h)
    sealRoutes(router, parts)
    const late: (() => unknown)[] = [
      () => router.get('/x', h),
      () => group.get('/x', h),
      () => mounted.get('/x', h),
      () => router.use(h),
      () => router.pre(h),
      () => router.group('/y'),
      () => router.mount('/z', new Router()),
      () => router.notFound(h),
      () => router.onError(() => 'x'),
      () => route.name('x'),
      () => route.use(h),
    ]
    for (const run of late) {
      expect(run).toThrow(ServerStateError)
      expect(code(run)).toBe('CELERIS_SERVER_SEALED')
    }
  })

  it('keeps names unique, also across mounts (R-13)', () => {
    const router = new Router()
    const mounted = new Router()
    mounted.get('/x', h).name('x')
    router.get('/a', h).name('a')
    router.mount('/m', mounted)
    expect(() => router.get('/b', h).name('x')).toThrow(RouteConflictError)
    expect(() => mounted.get('/c', h).name('a')).toThrow(RouteConflictError)
    expect(() => router.mount('/n', mounted)).toThrow(RouteConflictError)
    expect(router.url('x')).toBe('/m/x')
    expect(mounted.url('x')).toBe('/x')
  })

  it('warns in development about late middleware and lower-case methods (R-9)', () => {
    const router = new Router()
    router.use(h)
    router.get('/', h)
    router.use(h)
    router.use(h)
    router.on('get', '/x', h)
    const { warnings } = fixture(router).table
    expect(warnings).toHaveLength(2)
    expect(warnings[0]).toMatch('use() came after 1 route')
    expect(warnings[1]).toMatch('case-sensitive')
  })

  it('lists routes by path, then method (R-14)', () => {
    const router = new Router()
    router.use(h)
    router.post('/b', h, h).name('b')
    router.on(['PUT', 'GET'], '/a', h)
    router.mount('/m', new Router().use(h))
    expect(router.routes()).toEqual([
      { method: 'GET', path: '/a', name: undefined, handlers: 2 },
      { method: 'PUT', path: '/a', name: undefined, handlers: 2 },
      { method: 'POST', path: '/b', name: 'b', handlers: 3 },
    ])
  })
})

describe('chains', () => {
  it('run global, groups outer to inner, route, handlers (R-10)', () => {
    const router = new Router()
    router.use(named('global'))
    const outer = router.group('/o', named('outer'))
    const inner = outer.group('/i', named('inner'))
    inner.get('/x', named('first'), named('last')).use(named('route'))
    router.use(named('late'))
    inner.use(named('inner2'))
    inner.get('/y', named('y'))
    const { find } = fixture(router)
    expect(find('GET', '/o/i/x')).toMatchObject({
      chain: ['global', 'outer', 'inner', 'route', 'first', 'last'],
    })
    expect(find('GET', '/o/i/y')).toMatchObject({
      chain: ['global', 'late', 'outer', 'inner', 'inner2', 'y'],
    })
  })

  it('run around 404 with all global middleware, not that of groups (R-8)', () => {
    const router = new Router()
    router.use(named('a'))
    router.group('/g', named('group')).get('/x', h)
    router.use(named('b'))
    const { notFound, table } = fixture(router)
    expect(notFound('/g/none')).toEqual(['a', 'b', 'default-404'])
    expect(table.unmatched.options.handlers.map(({ name }) => name)).toEqual([
      'a',
      'b',
      'default-options',
    ])
    expect(table.unmatched.notImplemented.pattern).toBe('')
    router.notFound(named('mine'))
    expect(fixture(router).notFound('/')).toEqual(['a', 'b', 'mine'])
  })

  it('join a mounted router with its own middleware, notFound and onError (R-11)', () => {
    const mounted = new Router()
    mounted.use(named('own'))
    mounted.get('/', named('root'))
    mounted.get('/:id', named('item'))
    const router = new Router()
    router.use(named('before'))
    router.mount('/m', mounted)
    router.use(named('after'))
    mounted.get('/late/x', named('late'))
    const onError = () => 'x'
    mounted.notFound(named('own-404')).onError(onError)
    const { find, notFound } = fixture(router)
    expect(find('GET', '/m/')).toMatchObject({ chain: ['before', 'own', 'root'] })
    expect(find('GET', '/m/7')).toMatchObject({
      chain: ['before', 'own', 'item'],
      params: { id: '7' },
      entry: { onError },
    })
    // Registered after the parent's later middleware, so covered by it.
    expect(find('GET', '/m/late/x')).toMatchObject({ chain: ['before', 'after', 'own', 'late'] })
    expect(notFound('/m/a/b')).toEqual(['before', 'own', 'own-404'])
    expect(notFound('/m')).toEqual(['before', 'own', 'own-404'])
    expect(notFound('/mm')).toEqual(['before', 'after', 'default-404'])
  })

  it('use the parent notFound for a mount without one', () => {
    const router = new Router()
    router.notFound(named('parent'))
    router.mount('/m', new Router().use(named('own')))
    expect(fixture(router).notFound('/m/x')).toEqual(['parent'])
  })

  it('take the nearest onError (C-6)', () => {
    const outer = () => 'outer'
    const inner = () => 'inner'
    const router = new Router()
    router.onError(outer)
    router.get('/a', h)
    const group = router.group('/g')
    group.get('/b', h)
    group.onError(inner)
    const { find } = fixture(router)
    expect(find('GET', '/a')).toMatchObject({ entry: { onError: outer } })
    expect(find('GET', '/g/b')).toMatchObject({ entry: { onError: inner } })
  })

  it('refuse mounts that cannot work (R-11)', () => {
    const router = new Router()
    const pre = new Router()
    pre.pre(h)
    const sealed = new Router()
    sealRoutes(sealed, parts)
    const child = new Router()
    router.mount('/c', child)
    expect(code(() => router.mount('/x', router))).toBe('CELERIS_SERVER_MOUNT')
    expect(code(() => child.mount('/x', router))).toBe('CELERIS_SERVER_MOUNT')
    expect(code(() => router.mount('/x', pre))).toBe('CELERIS_SERVER_MOUNT')
    expect(code(() => router.mount('/x', new Router().group('/y') as never))).toBe(
      'CELERIS_SERVER_MOUNT',
    )
    expect(code(() => router.mount('/x', sealed))).toBe('CELERIS_SERVER_LISTENING')
    expect(code(() => child.pre(h))).toBe('CELERIS_SERVER_MOUNT')
    expect(code(() => router.group('/g').pre(h))).toBe('CELERIS_SERVER_MOUNT')
  })

  it('join at the root, with parameters in prefixes, refuse slashes at their end', () => {
    const mounted = new Router()
    mounted.get('/x/:y', h)
    const router = new Router()
    router.mount('/', mounted)
    router.mount('/orgs/:org', mounted)
    const { find } = fixture(router)
    expect(find('GET', '/x/1')).toMatchObject({ params: { y: '1' } })
    expect(find('GET', '/orgs/o/x/1')).toMatchObject({ params: { org: 'o', y: '1' } })
    expect(() => router.mount('/bad/', mounted)).toThrow(RouteError)
    expect(() => router.group('/bad/*')).toThrow(RouteError)
    expect(() => router.mount('/d/:y', mounted)).toThrow("'y' occurs twice")
    expect(() => mounted.get('/z/:org', h)).toThrow("'org' occurs twice")
    expect(router.group('/api').get('', h)).toBeDefined()
    expect(patternFor(router, 'GET', '/api')).toBe('/api')
  })

  it('note every function once, for its metrics and close (M-3)', () => {
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(named) as [typeof h, typeof h, typeof h, typeof h]
    const router = new Router()
    router.pre(a)
    router.use(b)
    router.use('/x', c)
    router.get('/y', d).use(b)
    expect(fixture(router).table.functions).toEqual([a, b, c, d])
  })

  it('mark chains with an async function (X-1)', () => {
    const router = new Router()
    router.get('/a', async () => 'x')
    router.get('/b', h)
    const { find } = fixture(router)
    expect(find('GET', '/a')).toMatchObject({ entry: { neverAsync: false } })
    expect(find('GET', '/b')).toMatchObject({ entry: { neverAsync: true } })
  })
})

describe('literals', () => {
  it('give the engine the paths that are spelled as they are', () => {
    const router = new Router()
    router.get('/', h)
    router.post('/a/b.c', h)
    router.get('/@me\\:x', h)
    router.get('/café', h)
    router.get('/a b', h)
    router.get('/o/:p?', h)
    const { table } = fixture(router)
    expect(table.literals).toEqual([
      { path: '/', id: 1 },
      { path: '/a/b.c', id: 2 },
      { path: '/@me:x', id: 3 },
      { path: '/o', id: 4 },
    ])
    expect(table.literalTables[2]?.methods).toEqual(['POST'])
    expect(table.literalTables[0]?.methods).toEqual([])
    expect([...table.literalPaths.keys()]).toEqual(['/', '/a/b.c', '/@me:x', '/café', '/a b', '/o'])
  })
})
