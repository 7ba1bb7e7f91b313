import { describe, expect, it } from 'vitest'
import { acceptedEncodings, acceptedLanguages, acceptedTypes } from './negotiation.ts'

describe('negotiation (A-8, RFC 9110 §12.5)', () => {
  it.each([
    [undefined, ['application/json', 'text/html'], 'application/json'],
    ['text/html, application/json', ['application/json', 'text/html'], 'text/html'],
    ['text/html;q=0.5, application/json', ['text/html', 'application/json'], 'application/json'],
    ['text/*;q=0.9, text/html;q=0.1', ['text/html', 'text/plain'], 'text/plain'],
    ['text/html;q=0, */*', ['text/html', 'text/plain'], 'text/plain'],
    ['text/html;q=0, */*', ['text/html'], undefined],
    ['image/png', ['text/html'], undefined],
    ['*/*', ['json', 'html'], 'json'],
    ['text/html', ['json', 'html'], 'html'],
    ['TEXT/HTML', ['text/html'], 'text/html'],
    ['', ['text/html'], undefined],
    ['nonsense', ['text/html'], undefined],
    ['text/html', [], undefined],
  ])('accept %j of %j is %j', (field, offers, expected) => {
    expect(acceptedTypes(field, offers)).toBe(expected)
  })

  it.each([
    [undefined, ['gzip'], 'gzip'],
    ['gzip', ['br', 'gzip'], 'gzip'],
    ['gzip;q=0.1, br', ['gzip', 'br'], 'br'],
    ['gzip', ['identity'], 'identity'],
    ['gzip', ['br', 'identity'], 'identity'],
    ['identity;q=0', ['identity'], undefined],
    ['*;q=0', ['identity'], undefined],
    ['', ['gzip', 'identity'], 'identity'],
    ['br', ['gzip'], undefined],
  ])('accept-encoding %j of %j is %j', (field, offers, expected) => {
    expect(acceptedEncodings(field, offers)).toBe(expected)
  })

  it.each([
    [undefined, ['de'], 'de'],
    ['en', ['de', 'en-US'], 'en-US'],
    ['de;q=0.5, fr', ['de', 'fr'], 'fr'],
    ['es', ['de'], undefined],
  ])('accept-language %j of %j is %j', (field, offers, expected) => {
    expect(acceptedLanguages(field, offers)).toBe(expected)
  })
})
