import { readFile, writeFile } from 'node:fs/promises'
import { Command } from 'commander'
import { fillDocument } from '../report/document.ts'
import { reportMarkdown, reportSections } from '../report/markdown.ts'
import { readReport } from '../report/read-report.ts'

const report = async (files: readonly string[], { into }: { into?: string }): Promise<void> => {
  const reports = await Promise.all(files.map(readReport))
  if (!into) {
    process.stdout.write(reports.map(reportMarkdown).join('\n'))
    return
  }
  const sections = new Map(reports.flatMap((one) => [...reportSections(one)]))
  const { text, filled } = fillDocument(await readFile(into, 'utf8'), sections)
  await writeFile(into, text)
  process.stderr.write(`${into}: wrote ${filled.join(', ')}\n`)
}

/** `celeris-bench report`: JSON in, Markdown out, or figures into a document. */
export const reportCommand = (): Command =>
  new Command('report')
    .description('reports as Markdown, or their figures between the markers of a document')
    .argument('<files...>', 'JSON written by --json')
    .option(
      '--into <document>',
      'writes between <!-- celeris-bench:NAME --> and <!-- /celeris-bench -->; NAME is bars, run, summary, compare or a scenario',
    )
    .action(report)
