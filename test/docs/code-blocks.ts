// Code blocks of Markdown pages, made into programs. What stands in comments beside a block:
//   <!-- no-run: REASON -->            before it: not executed, for a reason
//   <!-- setup: CODE -->               before it: what the reader is to imagine
//   <!-- check GET /a => 200 TEXT -->  behind it: asks the block's server; TEXT occurs in head or body
// A check may give headers and a body: `check POST /a content-type=text/plain BODY => 201`.

/** A request to the server of a block, and what its answer must have. */
export interface Check {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  readonly status: number
  readonly text: string
}

export interface CodeBlock {
  readonly page: string
  readonly language: 'ts' | 'js'
  /** Page and line, for the name of a test. */
  readonly where: string
  readonly code: string
  readonly setup: string
  readonly noRun: string | undefined
  readonly checks: readonly Check[]
}

const FENCE =
  /((?:^<!--(?:(?!-->)[\s\S])*-->\n+)*)^```(ts|js)\n([\s\S]*?)^```\n((?:\n*<!-- check .* -->\n)*)/gm
const CHECK = /<!-- check (\S+) (\S+)((?: [\w-]+=\S+)*)(?: (.*?))? => (\d{3})(?: (.*?))? -->/g

function parseChecks(text: string): Check[] {
  return [...text.matchAll(CHECK)].map((match) => {
    const [, method = '', path = '', fields = '', body, status, expected = ''] = match
    const headers = Object.fromEntries(
      [...fields.matchAll(/ ([\w-]+)=(\S+)/g)].map(([, name = '', value = '']) => [name, value]),
    )
    return { method, path, headers, body, status: Number(status), text: expected }
  })
}

/** All blocks of a page that are TypeScript or JavaScript. */
export function codeBlocks(page: string, markdown: string): CodeBlock[] {
  const blocks = [...markdown.matchAll(FENCE)].map((match): CodeBlock => {
    const [, before = '', language, code = '', after = ''] = match
    const line = markdown.slice(0, match.index + before.length).split('\n').length
    return {
      page,
      language: language as 'ts' | 'js',
      where: `${page}:${line}`,
      code,
      setup: /<!-- setup: ([\s\S]*?) -->/.exec(before)?.[1] ?? '',
      noRun: /<!-- no-run: (.+?) -->/.exec(before)?.[1],
      checks: parseChecks(after),
    }
  })
  const fences = markdown.match(/^```(?:ts|js|typescript|javascript)/gm)?.length ?? 0
  if (fences !== blocks.length) throw new Error(`${page}: ${fences} fences, ${blocks.length} read`)
  const written = markdown.match(/<!-- check /g)?.length ?? 0
  const read = blocks.reduce((sum, { checks }) => sum + checks.length, 0)
  if (written !== read) throw new Error(`${page}: ${written} checks, ${read} read`)
  return blocks
}

/** Whether it stands on a page about the Redis client, which has no server of ours. */
export const aboutRedis = ({ page }: CodeBlock): boolean => /redis/.test(page)

/**
 * The block as a module. A fragment, which imports nothing of core, gets imports and an `app`; on a
 * page about Redis, one that makes no `redis` gets one, which is closed behind it.
 */
export function programOf(block: CodeBlock, exportsOfCore: readonly string[]): string {
  const { code, setup } = block
  const text = `${setup}\n${code}`
  const [before, after] = aboutRedis(block) ? aroundRedis(text) : aroundApp(block, exportsOfCore)
  return `${[...before, setup].join('\n')}\n${code}\n${after}\nexport {}\n`
}

function aroundApp(
  { code, setup }: CodeBlock,
  exportsOfCore: readonly string[],
): [string[], string] {
  if (/from '@celeris\/core'/.test(code)) return [[], '']
  const text = `${setup}\n${code}`
  const used = exportsOfCore.filter((name) => new RegExp(`\\b${name}\\b`).test(text))
  const names = [...new Set([...used, 'Server'])]
  const hasApp = /\bapp\b/.test(text) && !/\bconst app\b/.test(text)
  if (!hasApp && used.length === 0) return [[], '']
  const imports = `import { ${names.join(', ')} } from '@celeris/core'`
  return [hasApp ? [imports, 'const app = new Server()'] : [imports], '']
}

function aroundRedis(text: string): [string[], string] {
  if (!/\bredis\b[.,]/.test(text) || /\bconst redis\b/.test(text)) return [[], '']
  const client = [
    `import Redis from '@celeris/redis'`,
    `const redis = new Redis(process.env.REDIS_URL ?? '')`,
  ]
  return [client, 'redis.disconnect()']
}
