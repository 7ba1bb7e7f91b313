import { library } from '../../tsup.base.ts'

export default [
  library({ entry: ['src/index.ts'] }),
  library({ entry: ['src/cli.ts'], format: ['esm'], dts: false, clean: false }),
]
