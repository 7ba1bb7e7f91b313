// Type-checks programs that exist in memory only, as a user of the packages would.
import { join } from 'node:path'
import ts from 'typescript'

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: ['node'],
  strict: true,
  noEmit: true,
  skipLibCheck: true,
}

/** Problems of each program, by its name; `folder` is where its imports are looked up. */
export function typeProblems(
  programs: ReadonlyMap<string, string>,
  folder: string,
): Map<string, string[]> {
  const files = new Map(
    [...programs].map(([name, text], index) => [
      join(folder, `block-${index}.mts`),
      { name, text },
    ]),
  )
  const host = ts.createCompilerHost(OPTIONS)
  const { fileExists, readFile, getSourceFile } = host
  host.getCurrentDirectory = () => folder
  host.fileExists = (file) => files.has(file) || fileExists(file)
  host.readFile = (file) => files.get(file)?.text ?? readFile(file)
  host.getSourceFile = (file, ...rest) => {
    const text = files.get(file)?.text
    return text === undefined
      ? getSourceFile(file, ...rest)
      : ts.createSourceFile(file, text, rest[0])
  }
  const program = ts.createProgram([...files.keys()], OPTIONS, host)
  const problems = new Map<string, string[]>()
  for (const [file, { name }] of files) {
    const found = ts
      .getPreEmitDiagnostics(program, program.getSourceFile(file))
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))
    if (found.length > 0) problems.set(name, found)
  }
  return problems
}

/** JavaScript of a TypeScript program. */
export function transpile(text: string): string {
  return ts.transpileModule(text, {
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
    },
  }).outputText
}
