import { library } from '../../tsup.base.ts'

export default library({
  // src and dist are both one level below binding.cjs, so the import holds in either.
  external: [/binding\.cjs$/],
})
