import { describe, expect, it } from 'vitest'
import { fixture, named, parts } from '../test/route-fixture.ts'
import type { Context } from './context.ts'
import { coverage, onlyUnder } from './route-coverage.ts'
import { parsePattern } from './route-pattern.ts'
import { Router } from './router.ts'

describe('coverage of use(path) (R-9)', () => {
  it.each([
    ['/admin', '/admin', 'always'],
    ['/admin', '/admin/', 'always'],
    ['/admin', '/admin/x', 'always'],
    ['/admin', '/admin/*', 'always'],
    ['/admin', '/administrator', 'never'],
    ['/admin', '/', 'never'],
    ['/admin', '/:any', 'sometimes'],
    ['/admin', '/*', 'sometimes'],
    ['/admin', '/:n{[0-9]+}', 'never'],
    ['/admin', '/:n{[a-z]+}/x', 'sometimes'],
    ['/admin/x', '/admin', 'never'],
    ['/admin/x', '/admin/*', 'sometimes'],
    ['/admin/', '/admin', 'never'],
    ['/admin/', '/admin/x', 'always'],
    ['/admin/*', '/admin/', 'always'],
    ['/admin/*', '/admin', 'never'],
    ['/', '/', 'always'],
    ['/', '/x/y', 'always'],
    ['/*', '/x/y', 'always'],
    ['*', '/x', 'always'],
    ['/a/:b?', '/a', 'always'],
    ['/a/:b', '/a', 'never'],
    ['/a/:b', '/a/', 'never'],
    ['/a/:b', '/a/c', 'always'],
    ['/a/:b', '/a/:c/d', 'always'],
    ['/a/:b{[0-9]+}', '/a/:c{[0-9]+}', 'always'],
    ['/a/:b{[0-9]+}', '/a/:c', 'sometimes'],
    ['/a/:b{[0-9]+}', '/a/7', 'always'],
    ['/a/:b{[0-9]+}', '/a/x', 'never'],
  ])('%s for %s: %s', (path, route, expected) => {
    expect(coverage(path, parsePattern(route).segments)).toBe(expected)
  })

  it.each([
    [
      '/admin',
      ['/admin', '/admin/', '/admin/x'],
      ['/', '/administrator', '/a/admin', '*', '/Admin'],
    ],
    ['/admin/', ['/admin/', '/admin/x'], ['/admin', '/adminx']],
    ['/a/:b', ['/a/x', '/a/x/y'], ['/a', '/a/', '/b/x', '*']],
    ['/a/:b{[0-9]/x}', ['/a/7%2Fx', '/a/7%2Fx/y'], ['/a/7/x', '/a/7']],
    ['/a/*', ['/a/', '/a/b'], ['/a']],
    ['/', ['/', '/x'], ['*']],
  ])('%s at request time', (path, inside, outside) => {
    const covered = onlyUnder(path, () => 'ran')
    const run = (requested: string): unknown => covered({ path: requested } as Context, () => {})
    for (const requested of inside) expect(run(requested), requested).toBe('ran')
    for (const requested of outside) expect(run(requested), requested).toBeUndefined()
  })

  it('gives what is behind it when it steps aside', () => {
    const promise = Promise.resolve()
    expect(onlyUnder('/a', () => 'x')({ path: '/b' } as Context, () => promise)).toBe(promise)
  })

  it('is applied when sealed where the pattern decides, else wrapped; on 404 always wrapped', () => {
    const router = new Router()
    const guard = named('guard')
    router.use('/admin', guard)
    router.get('/admin/users', named('users'))
    router.get('/public', named('public'))
    router.get('/:page', named('page'))
    const { find, table } = fixture(router)
    expect(find('GET', '/admin/users')).toMatchObject({ chain: ['guard', 'users'] })
    expect(find('GET', '/%61dmin/users')).toMatchObject({ chain: ['guard', 'users'] })
    expect(find('GET', '/public')).toMatchObject({ chain: ['public'] })
    const page = find('GET', '/admin')
    if (page === null || page === 400) throw new Error('no route')
    expect(page.entry.handlers).toHaveLength(2)
    expect(page.entry.handlers[0]).not.toBe(guard)
    const [wrapped] = table.unmatched.notFound.handlers
    expect(wrapped?.({ path: '/admin/x' } as Context, () => {})).toBe('guard')
    expect(wrapped?.({ path: '/x' } as Context, () => {})).toBeUndefined()
    expect(table.functions).toContain(guard)
  })

  it('counts prefixes of groups and mounts', () => {
    const mounted = new Router()
    mounted.use('/in', named('deep'))
    mounted.get('/in/x', named('x'))
    mounted.get('/out', named('out'))
    const router = new Router()
    const group = router.group('/g')
    group.use('/y', named('y'))
    group.get('/y/z', named('z'))
    group.get('/z', named('z'))
    group.mount('/m', mounted)
    const { find } = fixture(router)
    expect(find('GET', '/g/m/in/x')).toMatchObject({ chain: ['deep', 'x'] })
    expect(find('GET', '/g/m/out')).toMatchObject({ chain: ['out'] })
    expect(find('GET', '/g/y/z')).toMatchObject({ chain: ['y', 'z'] })
    expect(find('GET', '/g/z')).toMatchObject({ chain: ['z'] })
    expect(parts.unmatched.notFound.name).toBe('default-404')
  })
})
