import { describe, expect, it } from 'vitest'
import { RouteError } from './errors.ts'
import { expandOptional, namesOf, parsePattern, shapeOf } from './route-pattern.ts'

describe('parsePattern (R-1)', () => {
  it.each([
    ['/', [{ kind: 'literal', text: '' }]],
    [
      '/a/',
      [
        { kind: 'literal', text: 'a' },
        { kind: 'literal', text: '' },
      ],
    ],
    ['/café', [{ kind: 'literal', text: 'café' }]],
    [
      '/a/:b',
      [
        { kind: 'literal', text: 'a' },
        { kind: 'param', name: 'b' },
      ],
    ],
    ['/:b{[0-9]{2,3}}', [{ kind: 'constrained', name: 'b', source: '[0-9]{2,3}' }]],
    [
      '/:b{[^/]+/x}/c',
      [
        { kind: 'constrained', name: 'b', source: '[^/]+/x' },
        { kind: 'literal', text: 'c' },
      ],
    ],
    ['/:b{[}]}', [{ kind: 'constrained', name: 'b', source: '[}]' }]],
    ['/:b{\\}}', [{ kind: 'constrained', name: 'b', source: '\\}' }]],
    [
      '/f/*rest',
      [
        { kind: 'literal', text: 'f' },
        { kind: 'wildcard', name: 'rest' },
      ],
    ],
    ['/*', [{ kind: 'wildcard', name: '*' }]],
    ['*', [{ kind: 'wildcard', name: '*' }]],
    [
      '/a\\:b/\\*',
      [
        { kind: 'literal', text: 'a:b' },
        { kind: 'literal', text: '*' },
      ],
    ],
    ['/100\\%41', [{ kind: 'literal', text: '100%41' }]],
    ['/100%', [{ kind: 'literal', text: '100%' }]],
    ['/$_ü', [{ kind: 'literal', text: '$_ü' }]],
  ])('%s', (text, segments) => {
    expect(parsePattern(text)).toEqual({ text, segments, optional: false })
  })

  it.each([
    ['', 0, '/'],
    ['users', 0, '/users'],
    ['/file-:id', 6, '/:id'],
    ['/a*', 2, '/*rest'],
    ['/f/*rest/x', 3, '/f/*rest'],
    ['/:id.json', 4, '/:id'],
    ['/:', 2, '/:id'],
    ['/:1', 2, '/:id'],
    ['/:a/:a', 4, ':a2'],
    ['/:a?/b', 3, '/:a'],
    ['/:a{', 4, '/:a{[0-9]+}'],
    ['/:a{}', 3, '/:a{[0-9]+}'],
    ['/:a{[0-9]+}x', 12, '/:a{[0-9]+}'],
    ['/:a{(b|c)}', 4, '/:a{(?:b|c)}'],
    ['/:a{x(?<n>b)}', 5, '/:a{x(?:b)}'],
    ['/:a{[}', 4, '/:a{[0-9]+}'],
    ['/:a{*}', 4, '/:a{[0-9]+}'],
    ['/{id}', 1, '/:id'],
    ['/a?b=c', 2, '/a'],
    ['/caf%C3%A9', 4, '/café'],
    ['/a//b', 3, '/a/b'],
    ['//a', 1, '/a'],
    ['/..', 1, '/name'],
    ['/./a', 1, '/name'],
    ['/a\\b', 2, '/a\\\\'],
    ['/\ud800', 1, '/name'],
  ])('refuses %s at position %i and shows how to write it', (text, position, correct) => {
    let error: unknown
    try {
      parsePattern(text)
    } catch (thrown) {
      error = thrown
    }
    expect(error).toBeInstanceOf(RouteError)
    expect(error).toMatchObject({ code: 'CELERIS_ROUTE_PATTERN', pattern: text, position })
    expect((error as RouteError).message).toContain(`  ${correct}`)
  })

  it('makes two forms of an optional parameter', () => {
    expect(expandOptional(parsePattern('/a/:b?')).map(shapeOf)).toEqual(['/=a', '/=a/:'])
    expect(expandOptional(parsePattern('/:b{[0-9]+}?')).map(shapeOf)).toEqual(['/=', '/:{[0-9]+}'])
  })

  it('gives names in order', () => {
    expect(namesOf(parsePattern('/:a/x/:b{c}/*d').segments)).toEqual(['a', 'b', 'd'])
  })
})
