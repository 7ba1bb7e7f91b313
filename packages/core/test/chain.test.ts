import { createHook } from 'node:async_hooks'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { type Handler, HttpError, NotFoundError, type Server } from '../src/index.ts'
import { EVERYWHERE, gate, serve, type Target } from './support/serve.ts'

/** A promise that settles after a turn of the event loop. */
const later = async <T>(value: T): Promise<T> => {
  await turn()
  return value
}

describe.each(EVERYWHERE)('chain of handlers, %s', (subject) => {
  const run = (build: (app: Server) => void): Promise<Target> => serve(subject, build)

  test('a synchronous chain makes no promise, and next() gives undefined (C-1)', async () => {
    let given: unknown = 'never'
    let promises = -1
    const { ask } = await run((app) => {
      app.use((_c, next) => {
        let made = 0
        const hook = createHook({
          init: (_id, type) => {
            if (type === 'PROMISE') made++
          },
        }).enable()
        given = next()
        hook.disable()
        promises = made
        return given as undefined
      })
      app.use((_c, next) => next())
      app.get('/', (c) => c.text('sync'))
    })
    for (let i = 0; i < 3; i++) expect((await ask('/')).text).toBe('sync')
    expect(given).toBeUndefined()
    expect(promises).toBe(0)
  })

  test('next() of an asynchronous chain gives its promise; await works on both (C-1)', async () => {
    const order: string[] = []
    const { ask } = await run((app) => {
      app.use(async (c, next) => {
        order.push('in')
        await next()
        order.push('out')
        c.setHeader('x-after', 'yes')
      })
      app.get('/sync', (c) => c.text('sync'))
      app.get('/async', async (c) => {
        await turn()
        order.push('handler')
        c.text('async')
      })
    })
    expect((await ask('/sync')).header('x-after')).toBe('yes')
    const answer = await ask('/async')
    expect(answer.text).toBe('async')
    expect(answer.header('x-after')).toBe('yes')
    expect(order).toEqual(['in', 'out', 'in', 'handler', 'out'])
  })

  test('a synchronous middleware sets headers after next() (A-3)', async () => {
    const { ask } = await run((app) => {
      app.use((c, next) => {
        next()
        c.setHeader('x-late', String(c.written)).status(201)
      })
      app.get('/', (c) => c.text('hi'))
    })
    const answer = await ask('/')
    expect([answer.status, answer.header('x-late'), answer.text]).toEqual([201, 'true', 'hi'])
  })

  const values: readonly [what: string, value: () => unknown, type: string, body: string][] = [
    ['a string', () => 'text', 'text/plain; charset=utf-8', 'text'],
    ['an empty string', () => '', 'text/plain; charset=utf-8', ''],
    ['bytes', () => Buffer.from('raw'), 'application/octet-stream', 'raw'],
    ['an ArrayBuffer', () => Uint8Array.from([104, 105]).buffer, 'application/octet-stream', 'hi'],
    ['an object', () => ({ a: 1 }), 'application/json', '{"a":1}'],
    ['an array', () => [1, 'b'], 'application/json', '[1,"b"]'],
    ['null', () => null, 'application/json', 'null'],
    ['a number', () => 7, 'application/json', '7'],
    ['false', () => false, 'application/json', 'false'],
  ]
  test.each(values)('%s is sent, given and promised (C-4)', async (_, value, type, body) => {
    const { ask } = await run((app) => {
      app.get('/given', (() => value()) as Handler)
      app.get('/promised', async () => value())
      app.get('/late', () => later(value()))
      app.get('/behind', (_c, next) => next(), (() => value()) as Handler)
      app.get(
        '/behind-late',
        async (_c, next) => await next(),
        async () => later(value()),
      )
    })
    for (const path of ['/given', '/promised', '/late', '/behind', '/behind-late']) {
      const answer = await ask(path)
      expect([path, answer.status, answer.header('content-type'), answer.text]).toEqual([
        path,
        200,
        type,
        body,
      ])
    }
  })

  test.each(['/sync', '/async'])(
    'a value returned after an answer is an error (C-4), %s',
    async (path) => {
      const { ask, errors } = await run((app) => {
        app.get('/sync', (c) => {
          c.text('first')
          return 'second'
        })
        app.get('/async', async (c) => {
          await turn()
          c.text('first')
          return 'second'
        })
      })
      expect((await ask(path)).status).toBe(500)
      expect(errors()).toEqual(['CELERIS_RESPONSE_WRITTEN'])
    },
  )

  test('the value of a middleware counts only if it did not call next() (C-4)', async () => {
    const { ask } = await run((app) => {
      app.get(
        '/called',
        (_c, next) => {
          next()
          return 'ignored'
        },
        () => 'handler',
      )
      app.get(
        '/called-late',
        async (_c, next) => {
          await next()
          return 'ignored'
        },
        () => later('handler'),
      )
      app.get(
        '/stopped',
        () => 'middleware',
        () => 'never',
      )
      app.get(
        '/stopped-late',
        async () => later('middleware'),
        () => 'never',
      )
    })
    expect((await ask('/called')).text).toBe('handler')
    expect((await ask('/called-late')).text).toBe('handler')
    expect((await ask('/stopped')).text).toBe('middleware')
    expect((await ask('/stopped-late')).text).toBe('middleware')
  })

  test.each([1, 2, 31, 32, 33, 34, 40, 64, 65, 70])(
    'a middleware ends a chain of 71 at place %i, each next() works once (C-2, C-4)',
    async (place) => {
      let ran = 0
      const { ask, errors } = await run((app) => {
        for (let index = 0; index < 70; index++) {
          app.use((_c, next) => {
            ran++
            return index === place - 1 ? (`stopped at ${place}` as string) : next()
          })
        }
        app.get('/', () => 'handler')
      })
      for (let round = 1; round <= 3; round++) {
        const answer = await ask('/')
        expect([answer.status, answer.text]).toEqual([200, `stopped at ${place}`])
        expect(ran).toBe(place * round)
      }
      expect(errors()).toEqual([])
    },
  )

  test.each([0, 5, 31, 32, 33, 50])(
    'next() twice at place %i throws, the first run stands (C-2)',
    async (place) => {
      const seen: unknown[] = []
      let handled = 0
      const { ask } = await run((app) => {
        for (let index = 0; index < 51; index++) {
          app.use((_c, next) => {
            const first = next()
            if (index === place) {
              try {
                next()
              } catch (error) {
                seen.push((error as { code: string }).code)
              }
            }
            return first
          })
        }
        app.get('/', (c) => {
          handled++
          c.text('once')
        })
      })
      for (let round = 0; round < 3; round++) expect((await ask('/')).text).toBe('once')
      expect(handled).toBe(3)
      expect(seen).toEqual(new Array(3).fill('CELERIS_NEXT_CALLED_TWICE'))
    },
  )

  test('next() after it settled throws too; uncaught it is a 500 (C-2)', async () => {
    const { ask, errors } = await run((app) => {
      app.use(async (_c, next) => {
        await next()
        await next()
      })
      app.get('/', async (c) => {
        await turn()
        c.text('once')
      })
    })
    expect((await ask('/')).status).toBe(500)
    expect(errors()).toEqual(['CELERIS_NEXT_CALLED_TWICE'])
  })

  test('an unawaited next() is waited for before the answer leaves (C-3)', async () => {
    const { ask, errors } = await run((app) => {
      app.get(
        '/sync',
        (_c, next) => {
          next()
        },
        async (c) => {
          await turn()
          c.text(`late ${c.path}`)
        },
      )
      app.get(
        '/async',
        async (_c, next) => {
          void next()
        },
        async (c) => {
          await turn()
          await turn()
          c.text(`late ${c.path}`)
        },
      )
    })
    expect((await ask('/sync')).text).toBe('late /sync')
    expect((await ask('/async')).text).toBe('late /async')
    expect(errors()).toEqual([])
  })

  test.each(['/sync', '/async', '/answered', '/throws'])(
    'the rejection of an unawaited next() enters the error flow (C-3), %s',
    async (path) => {
      const { ask } = await run((app) => {
        app.onError((error, c) => c.text(`caught ${(error as Error).message}`, 503))
        const fails: Handler = async () => {
          await turn()
          throw new Error('behind')
        }
        app.get(
          '/sync',
          (_c, next) => {
            next()
          },
          fails,
        )
        app.get(
          '/async',
          async (_c, next) => {
            void next()
          },
          fails,
        )
        app.get(
          '/answered',
          (c, next) => {
            next()
            c.text('mine')
          },
          fails,
        )
        app.get(
          '/throws',
          (_c, next) => {
            next()
            throw new Error('behind')
          },
          fails,
        )
      })
      const answer = await ask(path)
      expect([answer.status, answer.text]).toEqual([503, 'caught behind'])
    },
  )

  test('a middleware that throws beside an unawaited next() waits for it (C-3)', async () => {
    const released = gate<string[]>()
    const order: string[] = []
    const { ask, errors } = await run((app) => {
      app.get(
        '/',
        async (c, next) => {
          c.onRelease(() => released.open(order))
          void next()
          throw new HttpError(409)
        },
        async (c) => {
          await turn()
          await turn()
          order.push(c.path)
        },
      )
    })
    expect((await ask('/')).status).toBe(409)
    expect(await released.promise).toEqual(['/'])
    expect(errors()).toEqual([])
  })

  const failures: readonly [where: string, build: (app: Server) => void][] = [
    [
      'a sync handler',
      (app) =>
        app.get('/', () => {
          throw new HttpError(409, 'tea')
        }),
    ],
    [
      'an async handler',
      (app) =>
        app.get('/', async () => {
          throw new HttpError(409, 'tea')
        }),
    ],
    [
      'a late handler',
      (app) =>
        app.get('/', async () => {
          await turn()
          throw new HttpError(409, 'tea')
        }),
    ],
    [
      'a sync middleware before next()',
      (app) => {
        app.use(() => {
          throw new HttpError(409, 'tea')
        })
        app.get('/', () => 'never')
      },
    ],
    [
      'a sync middleware after next()',
      (app) => {
        app.use((_c, next) => {
          next()
          throw new HttpError(409, 'tea')
        })
        app.get('/', () => 'lost')
      },
    ],
    [
      'an async middleware before next()',
      (app) => {
        app.use(async () => {
          await turn()
          throw new HttpError(409, 'tea')
        })
        app.get('/', () => 'never')
      },
    ],
    [
      'an async middleware after next()',
      (app) => {
        app.use(async (_c, next) => {
          await next()
          throw new HttpError(409, 'tea')
        })
        app.get('/', async () => later('lost'))
      },
    ],
    [
      'a handler behind a sync middleware',
      (app) => {
        app.use((_c, next) => next())
        app.get('/', async () => {
          await turn()
          throw new HttpError(409, 'tea')
        })
      },
    ],
    [
      'a thenable',
      (app) =>
        app.get('/', () => ({
          // biome-ignore lint/suspicious/noThenProperty: a thenable is what is tested
          then: (_: unknown, reject: (error: unknown) => void) => reject(new HttpError(409, 'tea')),
        })),
    ],
    [
      'beforeSend',
      (app) =>
        app.get('/', (c) => {
          c.beforeSend(() => {
            throw new HttpError(409, 'tea')
          })
          c.text('lost')
        }),
    ],
    [
      'pre()',
      (app) => {
        app.pre(() => {
          throw new HttpError(409, 'tea')
        })
        app.get('/', () => 'never')
      },
    ],
    [
      'pre() after next()',
      (app) => {
        app.pre(async (_c, next) => {
          await next()
          throw new HttpError(409, 'tea')
        })
        app.get('/', () => 'lost')
      },
    ],
    [
      'notFound',
      (app) =>
        app.notFound(() => {
          throw new HttpError(409, 'tea')
        }),
    ],
  ]
  test.each(failures)('an error of %s gets the default answer (C-6, E-1)', async (_, build) => {
    const { ask, errors } = await run(build)
    for (let round = 0; round < 2; round++) {
      const answer = await ask('/')
      expect(answer.status).toBe(409)
      expect(answer.json).toEqual({ error: { code: 'CELERIS_CONFLICT', message: 'tea' } })
    }
    expect(errors()).toEqual([])
  })

  test.each(failures)('an error of %s reaches onError, sync and async (C-6)', async (_, build) => {
    for (const handler of [
      (error: unknown) => `sync ${(error as Error).message}`,
      async (error: unknown) => later(`late ${(error as Error).message}`),
    ]) {
      const { ask } = await run((app) => {
        app.onError(handler)
        build(app)
      })
      const answer = await ask('/')
      expect(answer.text).toMatch(/^(sync|late) tea$/)
      expect(answer.status).toBe(200)
    }
  })

  test('middleware catches what is thrown behind it, also after an answer (C-6)', async () => {
    const { ask, errors } = await run((app) => {
      app.use('/sync', (c, next) => {
        try {
          return next()
        } catch (error) {
          c.text(`caught ${(error as Error).message}`, 409)
        }
      })
      app.use('/async', async (c, next) => {
        try {
          await next()
        } catch (error) {
          c.text(`caught ${(error as Error).message}`, 409)
        }
      })
      app.use('/status', async (c, next) => {
        try {
          await next()
        } catch {
          c.status(409)
        }
      })
      app.get('/sync', (c) => {
        c.text('answered')
        throw new Error('then thrown')
      })
      app.get('/async', async (c) => {
        await turn()
        c.text('answered')
        throw new Error('then thrown')
      })
      app.get('/status', async (c) => {
        await turn()
        c.text('answered')
        throw new Error('then thrown')
      })
    })
    for (const path of ['/sync', '/async']) {
      const answer = await ask(path)
      expect([path, answer.status, answer.text]).toEqual([path, 409, 'caught then thrown'])
    }
    const answer = await ask('/status')
    expect([answer.status, answer.text]).toEqual([409, ''])
    expect(errors()).toEqual([])
  })

  test('the nearest onError answers: of the mount, else of the server (C-6, R-11)', async () => {
    const { Router } = await import('../src/index.ts')
    const fails: Handler = () => {
      throw new Error('x')
    }
    const { ask } = await run((app) => {
      app.onError((_error, c) => c.text('outer'))
      const own = new Router()
      own.onError((_error, c) => c.text('inner'))
      own.get('/x', fails)
      const plain = new Router()
      plain.get('/x', fails)
      app.mount('/own', own)
      app.mount('/plain', plain)
      app.get('/x', fails)
    })
    expect((await ask('/own/x')).text).toBe('inner')
    expect((await ask('/plain/x')).text).toBe('outer')
    expect((await ask('/x')).text).toBe('outer')
  })

  const badHandlers: readonly [string, (error: unknown) => unknown][] = [
    [
      'throws',
      () => {
        throw new Error('second')
      },
    ],
    [
      'rejects',
      async () => {
        await turn()
        throw new Error('second')
      },
    ],
    ['does not answer', () => undefined],
    ['does not answer, late', async () => later(undefined)],
  ]
  test.each(badHandlers)(
    'an onError that %s leads to the default answer (C-6)',
    async (_, handler) => {
      const { ask, errors } = await run((app) => {
        app.onError(handler as never)
        app.get('/sync', () => {
          throw new HttpError(409, 'tea')
        })
        app.get('/late', async () => {
          await turn()
          throw new HttpError(409, 'tea')
        })
        app.get('/hook', (c) => {
          c.beforeSend(() => {
            throw new HttpError(409, 'tea')
          })
          c.text('')
        })
        app.get('/none', () => undefined)
      })
      for (const path of ['/sync', '/late', '/hook']) expect((await ask(path)).status).toBe(409)
      expect((await ask('/none')).status).toBe(500)
      expect(errors()).toContain('CELERIS_NO_RESPONSE')
      if (errors().length > 1) expect(errors()).toContain('Error: second')
    },
  )

  test('what onError reads after a wait is still the request (C-6, X-1)', async () => {
    const { ask } = await run((app) => {
      app.onError(async (_error, c) => {
        await turn()
        await turn()
        c.text(`${c.method} ${c.path} ${c.query('q')} ${c.header('x-mine')} ${c.param('id')}`, 400)
      })
      app.get('/none/:id', () => undefined)
      app.get('/hook/:id', (c) => {
        c.beforeSend(() => {
          throw new Error('x')
        })
        c.text('lost')
      })
      app.get('/sync/:id', () => {
        throw new Error('x')
      })
    })
    const paths = ['/none/1?q=a', '/hook/2?q=b', '/sync/3?q=c', '/none/4?q=d', '/hook/5?q=e']
    const answers = await Promise.all(
      paths.map((path, index) => ask(path, { headers: [['x-mine', `mine-${index}`]] })),
    )
    answers.forEach((answer, index) => {
      const [path, query] = (paths[index] as string).split('?q=')
      const id = (path as string).split('/')[2]
      expect(answer.text).toBe(`GET ${path} ${query} mine-${index} ${id}`)
    })
  })

  test('nothing answered is a logged 500, a status alone an empty answer (C-5)', async () => {
    const { ask, errors, log } = await run((app) => {
      app.get('/none', () => undefined)
      app.get('/none-late', async () => later(undefined))
      app.get(
        '/none-behind',
        (_c, next) => next(),
        () => undefined,
      )
      app.get(
        '/no-next',
        () => undefined,
        () => 'never',
      )
      app.get('/status', (c) => void c.status(202))
      app.get('/status-late', async (c) => {
        await turn()
        c.status(202)
      })
    })
    for (const path of ['/none', '/none-late', '/none-behind', '/no-next']) {
      const answer = await ask(path)
      expect(answer.status).toBe(500)
      expect(answer.json).toEqual({ error: { code: 'CELERIS_INTERNAL', message: '' } })
    }
    expect(errors()).toEqual(new Array(4).fill('CELERIS_NO_RESPONSE'))
    expect(log[log.length - 1]?.facts).toMatchObject({ method: 'GET', route: '/no-next' })
    for (const path of ['/status', '/status-late']) {
      const answer = await ask(path)
      expect([answer.status, answer.text]).toEqual([202, ''])
    }
  })

  const thrown: readonly [string, () => unknown, number, string | undefined][] = [
    ['a string', () => 'text', 500, undefined],
    ['undefined', () => undefined, 500, undefined],
    ['null', () => null, 500, undefined],
    ['a number', () => 404, 500, undefined],
    ['a symbol', () => Symbol('s'), 500, undefined],
    ['a plain Error', () => new Error('secret'), 500, undefined],
    ['a stranger with status 404', () => ({ status: 404, message: 'gone away' }), 404, 'gone away'],
    [
      'an Error with status 404',
      () => Object.assign(new Error('gone away'), { status: 404 }),
      404,
      'gone away',
    ],
    ['a stranger with status 503', () => ({ status: 503, message: 'secret' }), 503, undefined],
    [
      'an exposed stranger',
      () => ({ status: 503, expose: true, message: 'down', code: 'DOWN' }),
      503,
      'down',
    ],
    ['a stranger with status 200', () => ({ status: 200, message: 'secret' }), 500, undefined],
    ['a stranger with status "404"', () => ({ status: '404', message: 'secret' }), 500, undefined],
    [
      'an object whose status throws',
      () => ({
        get status() {
          throw new Error('trap')
        },
      }),
      500,
      undefined,
    ],
    [
      'a revoked proxy',
      () => {
        const { proxy, revoke } = Proxy.revocable({}, {})
        revoke()
        return proxy
      },
      500,
      undefined,
    ],
    [
      'an HttpError with a bad header',
      () => new HttpError(400, 'm', { headers: { 'bad name': 'x' } }),
      500,
      undefined,
    ],
    [
      'an error with circular issues',
      () => {
        const issues: unknown[] = []
        issues.push(issues)
        return Object.assign(new HttpError(400, 'm'), { issues })
      },
      500,
      undefined,
    ],
  ]
  test.each(thrown)(
    'throwing %s is answered and ends nothing (C-8, E-1)',
    async (_, make, status, message) => {
      const { ask, errors } = await run((app) => {
        app.get('/sync', () => {
          throw make()
        })
        app.get('/late', async () => {
          await turn()
          throw make()
        })
        app.get('/fine', () => 'fine')
      })
      for (const path of ['/sync', '/late']) {
        const answer = await ask(path)
        expect([path, answer.status]).toEqual([path, status])
        expect((answer.json as { error: { message: string } }).error.message).toBe(message ?? '')
        expect(answer.text).not.toContain('secret')
      }
      expect(errors().length > 0).toBe(status >= 500)
      expect((await ask('/fine')).text).toBe('fine')
    },
  )

  test('a rejection without a reason is a 500 and logged (C-8)', async () => {
    const { ask, log } = await run((app) => app.get('/', () => Promise.reject()))
    expect((await ask('/')).status).toBe(500)
    expect(log.filter(({ level }) => level === 'error')).toHaveLength(1)
  })

  test.each(['/sync', '/late', '/handled'])(
    'an error keeps what fits it and drops what was about the body (C-7), %s',
    async (path) => {
      const { ask } = await run((app) => {
        app.use((c, next) => {
          c.setHeader('x-request-id', '7').setHeader('access-control-allow-origin', '*')
          c.setCookie('a', '1')
          c.setCookie('b', '2')
          c.setHeader('content-encoding', 'gzip').setHeader('content-type', 'image/png')
          c.setHeader('etag', '"x"').setHeader('last-modified', 'never')
          c.setHeader('accept-ranges', 'bytes').setHeader('cache-control', 'max-age=60')
          c.setHeader('content-length', 5)
          return next()
        })
        app.get('/sync', () => {
          throw new Error('x')
        })
        app.get('/late', async () => {
          await turn()
          throw new Error('x')
        })
        app.group('/').get('/handled', () => {
          throw new Error('x')
        })
      })
      const answer = await ask(path)
      expect(answer.status).toBe(500)
      expect(answer.header('x-request-id')).toBe('7')
      expect(answer.header('access-control-allow-origin')).toBe('*')
      expect(answer.lines('set-cookie')).toEqual(['a=1; Path=/', 'b=2; Path=/'])
      for (const name of ['content-encoding', 'etag', 'last-modified', 'accept-ranges'])
        expect(answer.lines(name)).toEqual([])
      expect(answer.header('cache-control')).toBe('no-store')
      expect(answer.header('content-type')).toBe('application/json')
    },
  )

  test('headers of an HttpError win (C-7), a 4xx has no cache-control of ours', async () => {
    const { ask } = await run((app) => {
      app.get('/', (c) => {
        c.setHeader('retry-after', '1').setHeader('vary', 'accept')
        throw new HttpError(429, 'slow', { headers: { 'retry-after': '9', 'x-list': ['a', 'b'] } })
      })
    })
    const answer = await ask('/')
    expect(answer.header('retry-after')).toBe('9')
    expect(answer.header('vary')).toBe('accept')
    expect(answer.header('x-list')).toBe('a, b')
    expect(answer.header('cache-control')).toBeUndefined()
  })

  test('the default error answer is JSON where acceptable, else text, for HEAD empty (E-1)', async () => {
    const { ask } = await run((app) =>
      app.get('/', () => {
        throw new NotFoundError('no such')
      }),
    )
    const types: [string | undefined, string][] = [
      [undefined, 'application/json'],
      ['*/*', 'application/json'],
      ['application/*', 'application/json'],
      ['text/plain', 'text/plain; charset=utf-8'],
      ['text/html', 'text/plain; charset=utf-8'],
      ['text/plain;q=0.9, application/json;q=0.1', 'text/plain; charset=utf-8'],
    ]
    for (const [accept, type] of types) {
      const answer = await ask('/', { headers: accept === undefined ? [] : [['accept', accept]] })
      expect([accept, answer.header('content-type')]).toEqual([accept, type])
      expect(answer.text).toContain('no such')
    }
    const head = await ask('/', { method: 'HEAD' })
    expect([head.status, head.text]).toEqual([404, ''])
  })

  test('pre() runs before routing, on 404s too, and may rewrite (R-12)', async () => {
    const { ask } = await run((app) => {
      app.pre((c, next) => {
        if (c.path === '/stop') return c.text('stopped')
        c.setHeader('x-pre', c.routePath === '' ? 'unrouted' : 'routed')
        if (c.query('to') !== undefined)
          c.rewrite({ path: c.query('to') as string, query: 'q=new' })
        if (c.query('method') !== undefined) c.rewrite({ method: 'POST' })
        return next()
      })
      app.pre(async (_c, next) => {
        await turn()
        return next()
      })
      app.get('/a/:id', (c) => `${c.param('id')} ${c.path} ${c.originalPath} ${c.rawQuery}`)
      app.post('/a/:id', (c) => `posted ${c.param('id')}`)
      app.get('/late', (c) => c.rewrite({ path: '/x' }))
    })
    expect((await ask('/stop')).text).toBe('stopped')
    const plain = await ask('/a/1?z=1')
    expect([plain.text, plain.header('x-pre')]).toEqual(['1 /a/1 /a/1 z=1', 'unrouted'])
    expect((await ask('/b?to=/a/%2520x')).text).toBe(' x /a/ x /b q=new')
    expect((await ask('/a/3?method=1')).text).toBe('posted 3')
    const missing = await ask('/nowhere')
    expect([missing.status, missing.header('x-pre')]).toEqual([404, 'unrouted'])
    expect((await ask('/late')).status).toBe(500)
    expect((await ask('/b?to=/a/../b')).status).toBe(400)
  })

  test('the values of pre() and of what is behind it follow the same rules (C-4, R-12)', async () => {
    const { ask } = await run((app) => {
      app.pre((_c, next) => next())
      app.get('/value', () => 'value')
      app.get('/late', async () => later({ late: true }))
      app.get(
        '/stop',
        () => 'stop',
        () => 'never',
      )
      app.get(
        '/stop-late',
        async () => later('stop'),
        () => 'never',
      )
      app.get(
        '/ignored',
        (_c, next) => {
          next()
          return 'ignored'
        },
        () => 'kept',
      )
      app.get('/none', () => undefined)
    })
    expect((await ask('/value')).text).toBe('value')
    expect((await ask('/late')).json).toEqual({ late: true })
    expect((await ask('/stop')).text).toBe('stop')
    expect((await ask('/stop-late')).text).toBe('stop')
    expect((await ask('/ignored')).text).toBe('kept')
    expect((await ask('/none')).status).toBe(500)
  })

  test('order: global, groups outer to inner, route.use, handlers; around mounts too (R-10, R-11)', async () => {
    const { Router } = await import('../src/index.ts')
    const order: string[] = []
    const mark =
      (name: string): Handler =>
      (_c, next) => {
        order.push(name)
        return next()
      }
    const { ask } = await run((app) => {
      app.pre(mark('pre'))
      app.use(mark('global'))
      app.use('/g', mark('path'))
      const outer = app.group('/g', mark('outer'))
      const inner = outer.group('/i', mark('inner'))
      inner.get('/x', mark('handler'), (c) => c.text('x')).use(mark('route'))
      const other = new Router()
      other.use(mark('mounted'))
      other.get('/x', (c) => c.text('m'))
      app.mount('/m', other)
      app.use(mark('too late'))
    })
    await ask('/g/i/x')
    expect(order.splice(0)).toEqual(['pre', 'global', 'path', 'outer', 'inner', 'route', 'handler'])
    await ask('/m/x')
    expect(order.splice(0)).toEqual(['pre', 'global', 'mounted'])
    const missing = await ask('/g/i/missing')
    expect(missing.status).toBe(404)
    expect(order.splice(0)).toEqual(['pre', 'global', 'path', 'too late'])
  })
})
