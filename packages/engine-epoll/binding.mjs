// Loads the CommonJS loader without the lexer that an ES module's import of it would bring in.
import { createRequire } from 'node:module'

export default createRequire(import.meta.url)('./binding.cjs')
