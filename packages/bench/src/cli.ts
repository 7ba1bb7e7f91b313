#!/usr/bin/env node
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createProgram } from './cli/program.ts'
import { BenchError } from './errors.ts'
import { packageRoot } from './package-root.ts'

const manifest: { version: string } = JSON.parse(
  readFileSync(join(packageRoot, 'package.json'), 'utf8'),
)

createProgram(manifest.version)
  .parseAsync()
  .catch((error: unknown) => {
    if (!(error instanceof BenchError)) throw error
    process.stderr.write(`celeris-bench: ${error.message}\n(${error.code})\n`)
    process.exitCode = error.code === 'CELERIS_BENCH_ARGUMENT' ? 2 : 1
  })
