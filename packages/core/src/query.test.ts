import { describe, expect, it } from 'vitest'
import { decodeQuery, queryAll, queryFirst } from './query.ts'

describe('query (Q-3)', () => {
  it.each([
    '',
    'a=1',
    'a=1&a=2&b=3',
    'a',
    'a&b',
    'a=',
    '=a',
    '=',
    '&&a=1&&',
    'a=b=c',
    'a=1;b=2',
    'a[]=1&a[b]=2',
    '+a+=+b+',
    '%61=%62&a=c',
    'a=%E2%82%AC',
    'a=%',
    'a=%4',
    'a=%zz%41',
    'a=%ff%41',
    'a=%C0%AE&%ff=1',
    'a=%ED%A0%80',
    'a=%EF%BB%BFx',
    'a=%00',
    '?a=1',
    'a=%2B%26%3D',
    '__proto__=1',
    'a%3D=1&a=2',
    'ab=1&a=2',
    'é=ü&a=%ff',
  ])('reads %j as the URL standard does', (raw) => {
    const standard = new URLSearchParams(`?${raw}`)
    expect(decodeQuery(raw).toString()).toBe(standard.toString())
    for (const name of new Set([...standard.keys(), 'a', 'b', '', 'nope', '?a'])) {
      expect(queryFirst(raw, name)).toBe(standard.get(name) ?? undefined)
      expect(queryAll(raw, name)).toEqual(standard.getAll(name))
    }
  })

  it('agrees with the URL standard on 5 000 random queries', () => {
    const pieces = ['a', 'b', '=', '&', '+', '%', '%41', '%e2%82%ac', '%ff', '%e2', '1', ';', '?']
    let seed = 7
    const random = (): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff
      return seed / 0x80000000
    }
    for (let round = 0; round < 5_000; round++) {
      let raw = ''
      const length = Math.floor(random() * 12)
      for (let i = 0; i < length; i++) raw += pieces[Math.floor(random() * pieces.length)]
      const standard = new URLSearchParams(`?${raw}`)
      for (const name of new Set([...standard.keys(), 'a'])) {
        expect(queryAll(raw, name), raw).toEqual(standard.getAll(name))
      }
    }
  })
})
