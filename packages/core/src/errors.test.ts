import { readdirSync, readFileSync } from 'node:fs'
import { CelerisError } from '@celeris/engine'
import { describe, expect, it, vi } from 'vitest'
import { ERROR_CODES } from './error-codes.ts'
import * as programErrors from './errors.ts'
import * as httpErrors from './http-errors.ts'

const {
  BadRequestError,
  HttpError,
  MethodNotAllowedError,
  ServiceUnavailableError,
  TooManyRequestsError,
  UnauthorizedError,
  ValidationError,
} = httpErrors

describe('HttpError (E-1)', () => {
  it('takes statuses 400 to 599 and refuses others', () => {
    expect(new HttpError(400).status).toBe(400)
    expect(new HttpError(599).status).toBe(599)
    for (const status of [200, 399, 600, 404.5, Number.NaN]) {
      expect(() => new HttpError(status)).toThrow(RangeError)
    }
  })

  it('exposes below 500 unless told otherwise', () => {
    expect(new HttpError(499).expose).toBe(true)
    expect(new HttpError(500).expose).toBe(false)
    expect(new HttpError(500, 'x', { expose: true }).expose).toBe(true)
    expect(new HttpError(404, 'x', { expose: false }).expose).toBe(false)
  })

  it('has a code per status without a second part', () => {
    expect(new HttpError(403).code).toBe('CELERIS_FORBIDDEN')
    expect(new HttpError(409).code).toBe('CELERIS_CONFLICT')
    expect(new HttpError(413).code).toBe('CELERIS_PAYLOAD_TOO_LARGE')
    expect(new HttpError(500).code).toBe('CELERIS_INTERNAL')
    expect(new HttpError(501).code).toBe('CELERIS_NOT_IMPLEMENTED')
    expect(new HttpError(499).code).toBe('CELERIS_CLIENT_ERROR')
    expect(new HttpError(404, 'x', { code: 'MINE' }).code).toBe('MINE')
  })

  it('keeps cause and headers', () => {
    const cause = new Error('underneath')
    const error = new HttpError(502, 'no', { cause, headers: { 'x-a': 'b' } })
    expect(error.cause).toBe(cause)
    expect(error.headers).toEqual({ 'x-a': 'b' })
    expect('cause' in new HttpError(502)).toBe(false)
  })

  it('is an instance across copies of the package', async () => {
    vi.resetModules()
    const copy = await import('./http-errors.ts')
    expect(copy.UnauthorizedError).not.toBe(UnauthorizedError)
    class Expired extends copy.UnauthorizedError {}
    const error = new Expired('token expired')
    expect(error).toBeInstanceOf(UnauthorizedError)
    expect(error).toBeInstanceOf(HttpError)
    expect(error).toBeInstanceOf(CelerisError)
    expect(error).not.toBeInstanceOf(BadRequestError)
    expect(new UnauthorizedError()).not.toBeInstanceOf(Expired)
    expect(error.name).toBe('Expired')
  })

  it('gives 405 a sorted allow and 400 its issues', () => {
    const error = new MethodNotAllowedError(['POST', 'GET', 'POST'])
    expect(error.allowed).toEqual(['GET', 'POST'])
    expect(error.headers).toEqual({ allow: 'GET, POST' })
    const invalid = new ValidationError([{ path: ['a', 0], message: 'wrong' }])
    expect(invalid).toBeInstanceOf(BadRequestError)
    expect(invalid.code).toBe('CELERIS_VALIDATION')
    expect(invalid.issues).toHaveLength(1)
  })
})

describe.each([
  [TooManyRequestsError, 429, 'CELERIS_TOO_MANY_REQUESTS'],
  [ServiceUnavailableError, 503, 'CELERIS_SERVICE_UNAVAILABLE'],
] as const)('%s (middlewares §8)', (Class, status, code) => {
  it('captures no stack and leaves the limit as it was', () => {
    const limit = Error.stackTraceLimit
    const error = new Class('busy', { retryAfterMs: 1_001 })
    expect(error.status).toBe(status)
    expect(error.code).toBe(code)
    expect(error.stack).not.toContain('\n    at ')
    expect(Error.stackTraceLimit).toBe(limit)
    expect(new Error('x').stack).toContain('\n    at ')
  })

  it('sends retry-after in whole seconds, rounded up', () => {
    expect(new Class('x', { retryAfterMs: 1_001 }).headers).toEqual({ 'retry-after': '2' })
    expect(new Class('x').headers).toBeUndefined()
    expect(() => new Class('x', { retryAfterMs: -1 })).toThrow(RangeError)
  })
})

describe('ERROR_CODES (E-1)', () => {
  const codes = ERROR_CODES.map(({ code }) => code)

  it('lists each code once', () => {
    expect(new Set(codes).size).toBe(codes.length)
  })

  it('lists every code in the sources', () => {
    const folder = new URL('.', import.meta.url)
    const found = readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
      .flatMap(
        (name) =>
          readFileSync(new URL(name, folder), 'utf8').match(/'CELERIS_[A-Z_]+[A-Z]'/g) ?? [],
      )
      .map((quoted) => quoted.slice(1, -1))
    expect(found.length).toBeGreaterThan(20)
    expect(found.filter((code) => !codes.includes(code))).toEqual([])
  })

  it('names classes that exist', () => {
    const classes = { ...programErrors, ...httpErrors }
    const ours = ERROR_CODES.filter(({ code }) => !/_(ENGINE|CLUSTER|INVALID_FD)/.test(code))
    for (const { type } of ours) expect(type === 'CelerisError' || type in classes).toBe(true)
  })

  it('tells what to do', () => {
    for (const { cause, cure } of ERROR_CODES) {
      expect(cause).toMatch(/\.$/)
      expect(cure).toMatch(/\.$/)
    }
  })
})
