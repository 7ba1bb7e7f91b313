import { BenchError } from '../errors.ts'

const MARKED = /(<!-- celeris-bench:([\w-]+) -->\n?)([\s\S]*?)(<!-- \/celeris-bench -->)/g

/** A document after {@link fillDocument}. */
export interface FilledDocument {
  readonly text: string
  /** Names of the markers that were filled. */
  readonly filled: readonly string[]
}

/**
 * Writes sections between the markers of a document, `<!-- celeris-bench:NAME -->` and
 * `<!-- /celeris-bench -->`. Markers of other names keep what they have.
 *
 * @throws BenchError `CELERIS_BENCH_REPORT` when no marker has a name among the sections.
 */
export const fillDocument = (
  document: string,
  sections: ReadonlyMap<string, string>,
): FilledDocument => {
  const filled: string[] = []
  const text = document.replace(
    MARKED,
    (whole, open: string, name: string, _old: string, close: string) => {
      const section = sections.get(name)
      if (section === undefined) return whole
      filled.push(name)
      return `${open.trimEnd()}\n${section.trimEnd()}\n${close}`
    },
  )
  if (filled.length === 0)
    throw new BenchError(
      'CELERIS_BENCH_REPORT',
      `the document has no marker for ${[...sections.keys()].join(', ')}: put <!-- celeris-bench:NAME --> and <!-- /celeris-bench --> where the figures belong`,
    )
  return { text, filled }
}
