import { describe, expect, it } from 'vitest'
import { fillDocument } from './document.ts'

const open = (name: string): string => `<!-- celeris-bench:${name} -->`
const close = '<!-- /celeris-bench -->'

describe('fillDocument', () => {
  it('replaces what stands between the markers and nothing else', () => {
    const before = `# A\n${open('bars')}\nold\n${close}\nend\n`
    const { text, filled } = fillDocument(before, new Map([['bars', 'new figures\n']]))
    expect(text).toBe(`# A\n${open('bars')}\nnew figures\n${close}\nend\n`)
    expect(filled).toEqual(['bars'])
  })

  it('fills empty markers, and gives the same text when run again', () => {
    const sections = new Map([['hello', 'figures with $& and $1']])
    const once = fillDocument(`${open('hello')}\n${close}`, sections).text
    expect(once).toContain('figures with $& and $1')
    expect(fillDocument(once, sections).text).toBe(once)
  })

  it('keeps markers of other names', () => {
    const before = `${open('json')}\nkept\n${close}\n${open('bars')}\n${close}`
    expect(fillDocument(before, new Map([['bars', 'x']])).text).toContain('kept')
  })

  it('says which markers to write when there is none', () => {
    expect(() => fillDocument('# nothing', new Map([['bars', 'x']]))).toThrow(/no marker for bars/)
  })
})
