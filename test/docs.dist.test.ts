import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { redisAvailable } from '../packages/test-support/src/index.ts'
import { transpile, typeProblems } from './docs/check-types.ts'
import { aboutRedis, type CodeBlock, codeBlocks, programOf } from './docs/code-blocks.ts'
import { type RedisServers, startRedisServers } from './docs/redis-servers.ts'

const root = fileURLToPath(new URL('../', import.meta.url))
/** From here what a block imports is found: core and the engines, or the Redis client and its peers. */
const folderOf = (block: CodeBlock): string =>
  join(root, aboutRedis(block) ? 'packages/redis' : 'packages/core')
const runBlock = pathToFileURL(join(root, 'test/docs/run-block.mjs')).href
const load = async (file: string): Promise<unknown> => import(/* @vite-ignore */ join(root, file))

const pages = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
  ...readdirSync(join(root, 'packages'))
    .map((name) => `packages/${name}/README.md`)
    .filter((file) => existsSync(join(root, file))),
]
const text = (page: string): string => readFileSync(join(root, page), 'utf8')
const blocks = pages.flatMap((page) => codeBlocks(page, text(page)))
const exportsOfCore = Object.keys((await load('packages/core/dist/index.js')) as object)

const withRedis = redisAvailable()
let redis: RedisServers | undefined
beforeAll(async () => {
  if (withRedis) redis = await startRedisServers()
}, 90_000)
afterAll(() => redis?.stop())

/** Runs a block as a program of its own; it must end by itself with exit code 0. */
function runProgram(block: CodeBlock): Promise<{ code: number; output: string }> {
  const program = programOf(block, exportsOfCore)
  const code = block.language === 'ts' ? transpile(program) : program
  const app = /\bapp\b/.test(program) ? 'app' : 'undefined'
  const end = `;await globalThis.docs.finish(${app}, ${JSON.stringify(block.checks)})`
  return new Promise((resolve) => {
    const args = ['--import', runBlock, '--input-type=module', '-']
    const child = execFile(
      process.execPath,
      args,
      {
        cwd: folderOf(block),
        timeout: 50_000,
        env: { ...process.env, ...redis?.env },
      },
      (error, out, err) =>
        resolve({
          code: error === null ? 0 : 1,
          output: `${out}${err}${error?.killed ? 'hangs' : ''}`,
        }),
    )
    child.stdin?.end(`${code}\n${end}\n`)
  })
}

describe('code blocks of README and docs', () => {
  const runnable = blocks.filter(({ noRun }) => noRun === undefined)
  it.concurrent.each(runnable.filter((block) => withRedis || !aboutRedis(block)))(
    '$where runs',
    async (block) => {
      const { code, output } = await runProgram(block)
      expect(code, `${programOf(block, exportsOfCore)}\n${output}`).toBe(0)
    },
    60_000,
  )

  it('have the types they claim', () => {
    const typed = blocks.filter(({ language }) => language === 'ts')
    const problems = [...new Set(typed.map(folderOf))].flatMap((folder) => {
      const there = typed.filter((block) => folderOf(block) === folder)
      const programs = new Map(there.map((block) => [block.where, programOf(block, exportsOfCore)]))
      return [...typeProblems(programs, folder)]
    })
    expect(Object.fromEntries(problems)).toEqual({})
  }, 60_000)
})

describe('links of README and docs', () => {
  it.each(pages)('%s points at files that exist', (page) => {
    const links = [...text(page).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)(?:#[^)]*)?\)/g)]
    const missing = links
      .map(([, link = '']) => link)
      .filter((link) => !existsSync(join(root, page, '..', link)))
    expect(missing).toEqual([])
  })
})

describe('tables', () => {
  it('docs/errors.md has a row for every code, with its cause and cure', async () => {
    const { ERROR_CODES } = (await load('packages/core/src/error-codes.ts')) as {
      ERROR_CODES: { code: string; status: number | null; cause: string; cure: string }[]
    }
    const rows = new Map(
      [
        ...text('docs/errors.md').matchAll(
          /^\| `(CELERIS_\w+)` +\| (.+?) +\| (.+?) +\| (.+?) +\|$/gm,
        ),
      ].map(([, code = '', status, cause, cure]) => [code, { status, cause, cure }]),
    )
    const expected = new Map(
      ERROR_CODES.map(({ code, status, cause, cure }) => [
        code,
        { status: status === null ? '–' : String(status), cause, cure },
      ]),
    )
    expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(expected))
  })

  it('docs/errors.md has a row for every code of the Redis client (DELIV-8)', () => {
    const sources = readdirSync(join(root, 'packages/redis/src'), { recursive: true })
      .map((file) => `packages/redis/src/${file}`)
      .filter((file) => file.endsWith('errors.ts'))
    const codes = (page: string, pattern: RegExp): string[] =>
      [...text(page).matchAll(pattern)].map(([, code = '']) => code)
    const declared = new Set(sources.flatMap((file) => codes(file, /'(CELERIS_REDIS_\w+)'/g)))
    const rows = codes('docs/errors.md', /^\| `(CELERIS_REDIS_\w+)`/gm)
    expect(rows.sort()).toEqual([...declared].sort())
  })

  it('docs/configuration.md has a row for every option', async () => {
    const { CONFIG_NAMES } = (await load('packages/core/src/server-options.ts')) as {
      CONFIG_NAMES: string[]
    }
    const rows = [...text('docs/configuration.md').matchAll(/^\| `(\w+)` +\|/gm)].map(
      ([, name]) => name,
    )
    expect([...rows].sort()).toEqual([...CONFIG_NAMES].sort())
  })
})
