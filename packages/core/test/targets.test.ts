// What a handler sees of a target, a Host and a method, on the wire (http1.md PATH, TGT, HOST, MET, FLD-5).
import { describe, expect, test } from 'vitest'
import type { Context, Server } from '../src/index.ts'
import { ENGINES, serve } from './support/serve.ts'
import type { Answer, Wire } from './support/wire.ts'

const seen = (c: Context): object => ({
  path: c.path,
  rawPath: c.rawPath,
  rawQuery: c.rawQuery,
  host: c.host,
})

describe.each(ENGINES)('targets, %s', (engine) => {
  const open = async (build: (app: Server) => void): Promise<Wire> =>
    (await serve(engine, build)).connect()
  const everything = (app: Server): void => {
    app.any('/', (c) => c.json(seen(c)))
    app.any('/*rest', (c) => c.json({ ...seen(c), rest: c.param('rest') }))
  }
  const get = (wire: Wire, target: string, ...lines: string[]): Promise<Answer> =>
    wire.ask([`GET ${target} HTTP/1.1`, 'host: own', ...lines, '', ''].join('\r\n'))

  test('rawPath is the path as sent up to the first ?, rawQuery what follows (PATH-1)', async () => {
    const wire = await open(everything)
    for (const [target, rawPath, rawQuery] of [
      ['/', '/', ''],
      ['/?', '/', ''],
      ['/a?', '/a', ''],
      ['/a?b', '/a', 'b'],
      ['/a??b', '/a', '?b'],
      ['/a?b?c', '/a', 'b?c'],
      ['/a?/../%2e', '/a', '/../%2e'],
      ['/%61%2Fb?%61', '/%61%2Fb', '%61'],
      ['/a%3Fb?c', '/a%3Fb', 'c'],
      ['//a//b?c', '//a//b', 'c'],
      ['/a;b=c?d;e', '/a;b=c', 'd;e'],
      ['/a+b?c+d', '/a+b', 'c+d'],
      ['/A?B', '/A', 'B'],
    ] as const)
      expect((await get(wire, target)).json).toMatchObject({ rawPath, rawQuery })
  })

  test('the query is not validated: broken escapes stay as they are (PATH-6)', async () => {
    const wire = await open(everything)
    for (const query of ['%', '%4', '%zz', 'a=%ff%fe', '%00', '%2e%2e/', '..', '%c0%af', '&&==&'])
      expect((await get(wire, `/a?${query}`)).json).toMatchObject({ path: '/a', rawQuery: query })
  })

  test('a path that decodes badly is 400 and keeps the connection: framing is intact (PATH-2, PATH-3)', async () => {
    const wire = await open(everything)
    for (const path of [
      '/%',
      '/%zz',
      '/%ff',
      '/%c0%af',
      '/%00',
      '/a/../b',
      '/%2e%2e/b',
      '/.',
      '/a/%2E',
    ]) {
      const answer = await get(wire, path)
      expect([path, answer.status, answer.header('connection')]).toEqual([path, 400, undefined])
    }
    expect((await get(wire, '/.well-known/a..b')).json).toMatchObject({ path: '/.well-known/a..b' })
  })

  test('nothing is merged, folded or turned into a slash (PATH-4, PATH-5, TGT-2)', async () => {
    const wire = await open(everything)
    for (const [target, path] of [
      ['//host/x', '//host/x'],
      ['/a//b/', '/a//b/'],
      ['/A%41', '/AA'],
      ['/a%2Fb', '/a%2Fb'],
      ['/a%2fb', '/a%2Fb'],
      ['/a\\b', '/a\\b'],
      ['/a+b%2B', '/a+b+'],
      ['/a;b', '/a;b'],
    ] as const)
      expect((await get(wire, target)).json).toMatchObject({ path })
  })

  test('an absolute target names the host, Host does not; its empty path is / (TGT-3, HOST-3)', async () => {
    const wire = await open(everything)
    for (const [target, host, path] of [
      ['http://other/', 'other', '/'],
      ['HTTP://Other:8080/x?y', 'Other:8080', '/x'],
      ['http://other', 'other', '/'],
      ['http://other?y', 'other', '/'],
      ['http://[::1]:80/x', '[::1]:80', '/x'],
      ['/http://other/', 'own', '/http://other/'],
    ] as const)
      expect((await get(wire, target)).json).toMatchObject({ host, path })
    const old = await open(everything)
    expect((await old.ask('GET / HTTP/1.0\r\n\r\n')).json).toMatchObject({ host: '' })
  })

  test('OPTIONS * has the path *, and so has an absolute target without path and query (TGT-3, TGT-4)', async () => {
    const wire = await open((app) => {
      app.pre((c) => c.json({ path: c.path, rawPath: c.rawPath }))
      everything(app)
    })
    const routed = await open(everything)
    for (const [target, allow] of [
      ['*', true],
      ['http://a', true],
      ['http://a?x', false],
    ] as const) {
      const answer = await routed.ask(`OPTIONS ${target} HTTP/1.1\r\nhost: own\r\n\r\n`)
      expect([target, answer.header('allow') !== undefined]).toEqual([target, allow])
    }
    for (const [target, path] of [
      ['*', '*'],
      ['http://a', '*'],
      ['http://a/', '/'],
      ['http://a?x', '/'],
    ] as const)
      expect((await wire.ask(`OPTIONS ${target} HTTP/1.1\r\nhost: own\r\n\r\n`)).json).toEqual({
        path,
        rawPath: path,
      })
  })

  test('an unknown method is 501, a known one without a route 405; both keep the connection (MET-2)', async () => {
    const wire = await open((app) => {
      app.get('/a', (c) => c.text('a'))
      app.on('REPORT', '/r', (c) => c.text('r'))
    })
    const ask = async (method: string, path: string): Promise<unknown[]> => {
      const answer = await wire.ask(`${method} ${path} HTTP/1.1\r\nhost: own\r\n\r\n`, method)
      return [answer.status, answer.header('connection'), answer.header('allow')]
    }
    expect(await ask('PROPFIND', '/a')).toEqual([501, undefined, undefined])
    expect((await ask('DELETE', '/a')).slice(0, 2)).toEqual([405, undefined])
    expect((await ask('REPORT', '/a')).slice(0, 2)).toEqual([405, undefined])
    expect((await ask('REPORT', '/r'))[0]).toBe(200)
    expect((await ask('GET', '/a'))[0]).toBe(200)
  })

  test('TRACE is never answered by itself, and can have a route (MET-4)', async () => {
    const wire = await open((app) => {
      app.get('/a', (c) => c.text('a'))
      app.on('TRACE', '/t', (c) => c.text('routed'))
    })
    const trace = 'HTTP/1.1\r\nhost: own\r\ncookie: secret=1\r\nauthorization: secret\r\n\r\n'
    const refused = await wire.ask(`TRACE /a ${trace}`)
    expect([refused.status, refused.text.includes('secret')]).toEqual([405, false])
    expect((await wire.ask(`TRACE /nowhere ${trace}`)).text.includes('secret')).toBe(false)
    expect((await wire.ask(`TRACE /t ${trace}`)).text).toBe('routed')
  })

  test('repeated fields are joined, except those of which the first wins (FLD-5)', async () => {
    const first = [
      'age',
      'authorization',
      'content-type',
      'etag',
      'expires',
      'from',
      'if-modified-since',
      'if-unmodified-since',
      'last-modified',
      'location',
      'max-forwards',
      'proxy-authorization',
      'referer',
      'retry-after',
      'server',
      'user-agent',
    ]
    const names = [...first, 'cookie', 'accept', 'x-any', 'if-match']
    const wire = await open((app) => {
      app.get('/', (c) => c.json(names.map((name) => c.header(name.toUpperCase()))))
    })
    const lines = names.flatMap((name) => [`${name}: one`, `X-Between: ${name}`, `${name}: two`])
    const values = (await get(wire, '/', ...lines)).json as string[]
    expect(values.slice(0, first.length)).toEqual(first.map(() => 'one'))
    expect(values.slice(first.length)).toEqual(['one; two', 'one, two', 'one, two', 'one, two'])
  })
})
