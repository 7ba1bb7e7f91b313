import { expectTypeOf } from 'vitest'
import type { Context, Env } from './context.ts'
import type { Handler } from './handler.ts'
import { Router } from './router.ts'

const router = new Router()

router.get('/users/:id/:page?', (c) => {
  expectTypeOf(c.param('id')).toEqualTypeOf<string>()
  expectTypeOf(c.param('page')).toEqualTypeOf<string | undefined>()
  // @ts-expect-error not in the pattern
  c.param('name')
})

const general: Handler = (c) => c.path
router.get('/users/:id', general, (c) => c.param('id'))
router.use(general)
router.use('/users/:id', general)
router.group('/api', general).get('/x/:y', general)

router.group('/orgs/:org').get('/users/:id', (c) => {
  expectTypeOf(c.param('org')).toEqualTypeOf<string>()
  // @ts-expect-error not in the pattern
  c.param('x')
})

router.group('/').get('/x/:y', (c) => {
  expectTypeOf(c.param('y')).toEqualTypeOf<string>()
})

declare const path: string
router.get(path, (c: Context) => {
  expectTypeOf(c.param('anything')).toEqualTypeOf<string | undefined>()
})

interface Mine extends Env {
  Variables: { user: string }
}
const mine = new Router<Mine>()
mine.get('/a', general)
mine.get('/b', (c) => {
  expectTypeOf(c).toExtend<Context<Mine, '/b'>>()
})
router.mount('/m', mine)
