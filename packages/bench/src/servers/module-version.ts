import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { packageRoot } from '../package-root.ts'

const versionIn = async (manifest: string): Promise<string | undefined> => {
  const content: unknown = JSON.parse(await readFile(manifest, 'utf8'))
  if (typeof content !== 'object' || content === null || !('version' in content)) return undefined
  return String(content.version)
}

/** Version of a package our servers import, or undefined when it cannot be resolved (not built). */
export const moduleVersion = async (
  name: string,
  from: string = packageRoot,
): Promise<string | undefined> => {
  try {
    const entry = createRequire(join(from, 'package.json')).resolve(name)
    if (!existsSync(entry)) return undefined
    for (let folder = dirname(entry); folder !== dirname(folder); folder = dirname(folder)) {
      const manifest = join(folder, 'package.json')
      if (existsSync(manifest)) return await versionIn(manifest)
    }
    return undefined
  } catch {
    return undefined
  }
}
