import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

/** Writes a report as JSON, making its folder. */
export const writeReport = async (
  file: string,
  report: unknown,
  say: (line: string) => void,
): Promise<void> => {
  await mkdir(dirname(resolve(file)), { recursive: true })
  await writeFile(file, `${JSON.stringify(report, null, 1)}\n`)
  say(`report written to ${file}`)
}
