import { library } from '../../tsup.base.ts'

export default [
  library({ entry: ['src/index.ts'] }),
  library({
    entry: {
      cli: 'src/cli.ts',
      'workload-server': 'src/workload/server.ts',
      attackers: 'src/drills/attackers.ts',
    },
    format: ['esm'],
    dts: false,
    clean: false,
  }),
]
