import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const PAGES = ['http1', 'core', 'engines', 'datapath', 'design', 'redis'] as const
const SKIPPED = new Set(['node_modules', 'dist', 'build', 'prebuilds', 'shared', 'corpus'])
const CODE = /\.(ts|mts|mjs|cjs|cc|h)$/
const TEST = /\.test(-d)?\.ts$|\/(test|conformance|fuzz)\//

const AREAS = [
  'RL|VER|MET|TGT|PATH|FLD|HOST|CL|TE|BODY|CHK|EXP|CON|UPG|PIP|EOF|CLOSE|RES|TIM|BP|[LRCQBAXKEM]',
  'TRA|LEAN|LPL|GUARD|API|FLUSH|WIRE|REPLY|SAME|SIG|STALL|DELIV|BOUND|CLU|SEN|HELP|SUITE',
].join('|')
/** `RL-3` and `A-4`; `C11` and `R16` of engines.md; not `%C0` nor `\xC1`. */
const ID = new RegExp(`(?<![\\w%\\\\-])(?:(?:${AREAS})-\\d{1,2}|[CR][1-9]\\d?)(?![\\w-])`, 'g')
/** Where a rule is defined: at the start of an item, or alone in the first cell of a row. */
const DEFINITION = new RegExp(`^(?:- ((?:${AREAS})-\\d{1,2}) |\\| ([CR]\\d{1,2}) *\\|)`, 'gm')
const SECTION = /\b(http1|core|engines|datapath|redis)\.md §(\d+(?:\.\d+)?)/g

function filesUnder(folder: string): string[] {
  return readdirSync(`${root}${folder}`, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    if (entry.name.startsWith('.') || SKIPPED.has(entry.name)) return []
    if (entry.isDirectory()) return filesUnder(path)
    return CODE.test(entry.name) ? [path] : []
  })
}

const read = (path: string): string => readFileSync(`${root}${path}`, 'utf8')
const idsIn = (text: string): string[] => [...text.matchAll(ID)].map(([id]) => id)

const pages = PAGES.map((page) => ({ page, text: read(`docs/internals/${page}.md`) }))
const files = ['packages', 'examples', 'scripts', 'test'].flatMap(filesUnder)
/** What a page says about itself, `Not built yet` included, before its first section of rules. */
const introduction = (text: string): string =>
  (text.split('\n## Not built yet\n')[1] ?? '').split('\n## ', 1)[0] as string

const definitions = pages.flatMap(({ page, text }) =>
  [...text.replace(introduction(text), '').matchAll(DEFINITION)].map(([, first, second]) => ({
    page,
    id: (first ?? second) as string,
  })),
)
const defined = new Set(definitions.map(({ id }) => id))

describe('rule ids', () => {
  it('are defined once, on one page', () => {
    const ids = definitions.map(({ id }) => id)
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([])
    expect(ids.length).toBeGreaterThan(150)
  })

  it('that code and tests cite stand in docs/internals', () => {
    const unknown = files.flatMap((path) =>
      idsIn(read(path))
        .filter((id) => !defined.has(id))
        .map((id) => `${path}: ${id}`),
    )
    expect(unknown).toEqual([])
  })

  it('that the pages cite stand in docs/internals', () => {
    const unknown = pages.flatMap(({ page, text }) =>
      idsIn(text)
        .filter((id) => !defined.has(id))
        .map((id) => `${page}.md: ${id}`),
    )
    expect(unknown).toEqual([])
  })

  it('have a test, or their page says that it is missing', () => {
    const proven = new Set(
      files.filter((path) => TEST.test(path)).flatMap((path) => spelledOut(read(path))),
    )
    const admitted = new Set(pages.flatMap(({ text }) => spelledOut(introduction(text))))
    const silent = [...defined].filter((id) => !proven.has(id) && !admitted.has(id))
    expect(silent).toEqual([])
  })

  it('that name a section name one that exists', () => {
    const sections = new Map(
      pages.map(({ page, text }) => [
        page as string,
        new Set([...text.matchAll(/^#{2,3} (\d+(?:\.\d+)?)[. ]/gm)].map(([, number]) => number)),
      ]),
    )
    const sources = [...files.map((path) => ({ path, text: read(path) }))]
    const unknown = sources.flatMap(({ path, text }) =>
      [...text.matchAll(SECTION)]
        .filter(([, page, section]) => sections.get(page as string)?.has(section) !== true)
        .map(([citation]) => `${path}: ${citation}`),
    )
    expect(unknown).toEqual([])
  })
})

/** The ids of a text; `R1 to R6` is all of them. */
function spelledOut(text: string): string[] {
  const ranges = [...text.matchAll(/\b([A-Z]+-?)(\d+) to \1(\d+)\b/g)].flatMap(
    ([, area, first, last]) =>
      Array.from(
        { length: Number(last) - Number(first) + 1 },
        (_, at) => `${area}${Number(first) + at}`,
      ),
  )
  return [...idsIn(text), ...ranges]
}
