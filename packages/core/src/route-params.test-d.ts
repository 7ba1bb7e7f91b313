import { expectTypeOf } from 'vitest'
import type { ParamNames, Params, ParamValue } from './route-params.ts'

expectTypeOf<ParamNames<'/users/:id{[0-9]+}/*rest'>>().toEqualTypeOf<'id' | 'rest'>()
expectTypeOf<ParamNames<'/a/:b/c/:d?'>>().toEqualTypeOf<'b' | 'd'>()
expectTypeOf<ParamNames<'/a/b'>>().toEqualTypeOf<never>()
expectTypeOf<ParamNames<'/a/*'>>().toEqualTypeOf<'*'>()
expectTypeOf<ParamNames<'/a/\\:b'>>().toEqualTypeOf<never>()
expectTypeOf<ParamNames<'/:n{[0-9]{2,4}}'>>().toEqualTypeOf<'n'>()
expectTypeOf<ParamNames<string>>().toEqualTypeOf<string>()
expectTypeOf<ParamValue<'/:a/:b?', 'a'>>().toEqualTypeOf<string>()
expectTypeOf<ParamValue<'/:a/:b?', 'b'>>().toEqualTypeOf<string | undefined>()
expectTypeOf<ParamValue<'/:b{[a-z]+}?', 'b'>>().toEqualTypeOf<string | undefined>()
expectTypeOf<ParamValue<string, 'x'>>().toEqualTypeOf<string | undefined>()
expectTypeOf<Params<'/:a/:b?'>>().toExtend<{ readonly a: string; readonly b?: string }>()
