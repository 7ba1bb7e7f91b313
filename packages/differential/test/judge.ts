// Where a server's verdict leaves what the rules say, as one of a few kinds.
import type { Verdict } from './exchange.ts'
import type { Reading, Seen } from './model.ts'
import type { Input } from './mutate.ts'

export type Disagreement =
  /** It answers a request at a place where the rules refuse, or need more bytes. */
  | { readonly kind: 'accepts'; readonly request: Seen }
  /** It refuses or ignores a request that the rules accept; 0: no answer at all. */
  | { readonly kind: 'refuses'; readonly request: Seen; readonly status: number }
  /** Both accept, and its handler sees something else. */
  | {
      readonly kind: 'differs'
      readonly part: keyof Seen
      readonly request: Seen
      readonly saw: Seen
    }
  /** Both refuse, with other statuses; 0: no answer at all. */
  | { readonly kind: 'status'; readonly status: number }
  /** All requests are agreed on, but not that more bytes are needed. */
  | { readonly kind: 'ending'; readonly status: number; readonly ended: Verdict['ended'] }
  /** The rules refuse, and it wants more bytes until FIN comes. */
  | { readonly kind: 'waits'; readonly status: number }
  /** It resets the connection; answers on their way are lost. */
  | { readonly kind: 'reset' }
  /** It neither answers nor closes, where the rules refuse. */
  | { readonly kind: 'hung' }
  /** It goes on behind a refusal: what follows may be somebody else's bytes. */
  | { readonly kind: 'goes on' }

/** Field lines in the order of their names, those of one name joined: what all servers can tell. */
function joined(fields: Seen['fields']): string {
  const names = [...new Set(fields.map(([name]) => name))].sort()
  const values = (name: string): string[] => fields.filter((f) => f[0] === name).map((f) => f[1])
  const glue = (name: string): string => (name === 'cookie' ? '; ' : ', ')
  return JSON.stringify(
    names.map((name) => [
      name,
      values(name)
        .filter((value) => value !== '')
        .join(glue(name)),
    ]),
  )
}

/** A query that is there and empty cannot be told from none everywhere. */
const withoutEmptyQuery = (target: string): string => target.replace(/\?$/, '')

const PARTS: readonly (readonly [keyof Seen, (seen: Seen) => string])[] = [
  ['method', (seen) => seen.method],
  ['target', (seen) => withoutEmptyQuery(seen.target)],
  ['host', (seen) => seen.host],
  ['fields', (seen) => joined(seen.fields)],
  ['body', (seen) => seen.body],
]

/** The first point on which they disagree; undefined when they do not. */
export function judge(
  input: Input,
  { requests, outcome }: Reading,
  verdict: Verdict,
): Disagreement | undefined {
  if (verdict.ended === 'hung') return { kind: 'hung' }
  if (verdict.ended === 'reset') return { kind: 'reset' }
  if (verdict.seenBehindRefusal > 0) return { kind: 'goes on' }
  const { seen, refusal, ended } = verdict
  for (const [index, request] of requests.entries()) {
    const saw = seen[index]
    if (saw === undefined) return { kind: 'refuses', request, status: refusal ?? 0 }
    const other = PARTS.find(([, text]) => text(saw) !== text(request))
    if (other !== undefined) return { kind: 'differs', part: other[0], request, saw }
  }
  const surplus = seen[requests.length]
  if (surplus !== undefined) return { kind: 'accepts', request: surplus }
  if (outcome.kind === 'refused') {
    const status = refusal ?? 0
    const waited = refusal === undefined || verdict.refusedBehindFin
    if (waited && ended === 'client' && !input.fin) return { kind: 'waits', status }
    return status === outcome.status ? undefined : { kind: 'status', status }
  }
  const waits = outcome.kind === 'incomplete'
  // Part of a head may be enough to refuse it, and a body that ends early is told to its reader.
  const mayRefuse = waits && (outcome.within === 'head' || outcome.within === 'streamed body')
  const answered = refusal !== undefined && !mayRefuse
  const byItself = waits && !input.fin && refusal === undefined && ended !== 'client'
  if (answered || byItself) return { kind: 'ending', status: refusal ?? 0, ended }
  return undefined
}
