// Where things are in this repository.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Scratch folder that survives runs; git-ignored, gone with node_modules. */
export const cache = join(root, 'node_modules', '.cache', 'celeris')

export const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'))

/** Every workspace package: folder, manifest, and whether it has a native addon. */
export function workspacePackages() {
  return ['packages', 'examples']
    .filter((parent) => existsSync(join(root, parent)))
    .flatMap((parent) => readdirSync(join(root, parent)).map((name) => join(root, parent, name)))
    .filter((folder) => existsSync(join(folder, 'package.json')))
    .map((folder) => ({
      folder,
      manifest: readJson(join(folder, 'package.json')),
      native: existsSync(join(folder, 'native', 'binding.gyp')),
    }))
}

export const publicPackages = () => workspacePackages().filter((p) => !p.manifest.private)
export const nativePackages = () => workspacePackages().filter((p) => p.native)
