// Inputs the fuzzers start with: hard ones, and the shrunk ones that failed once. Add yours.

/** Raw paths, as latin1. */
export const PATHS: readonly string[] = [
  '/',
  '//',
  '/%',
  '/%2',
  '/%2f%2F',
  '/%00',
  '/\0',
  '/.',
  '/..',
  '/%2e%2E',
  '/.%2e/x',
  '/...',
  '/%c0%ae',
  '/%ed%a0%80',
  '/%f4%90%80%80',
  '/%e2%82',
  '/%e2%82/%ac',
  '/\xe2%82\xac',
  '/\xff',
  '/a;b=c/?',
  '/%252e%252e',
]

/** Values of `cookie` fields. */
export const COOKIES: readonly string[] = [
  'a=1; a=2',
  'a="x"; b=""; c="',
  ' a = 1 ;;= ; =b; c',
  '__proto__=1; toString=2; constructor=3',
  'a=%; b=%ff; c=%E2%82%AC',
  'a\t=\t1',
  'a=b=c;d==',
  'é=1; a=é',
]

/** Values of `x-forwarded-for` and `forwarded`. */
export const FORWARDED: readonly string[] = [
  '',
  ',',
  '1.1.1.1',
  '6.6.6.6, 1.1.1.1,10.0.0.1',
  '[::1]:80, ::ffff:10.0.0.1',
  'unknown, 10.0.0.1',
  'for="',
  'for="[2001:db8::1]:80";by=x, for=10.0.0.1',
  'for=1.1.1.1, for="a,b"',
  'for=1.1.1.1;;',
  'for="\\"", for=10.0.0.1',
]

/** Values of `accept` and its kin. */
export const ACCEPTS: readonly string[] = [
  '',
  '*/*;q=0',
  'text/html;q=0.5;level=1, text/*;q=0.4, */*;q=0.1',
  'text/html;q=x, a/b;q=1.0001',
  'gzip;q=0, *',
  'identity;q=0',
  'en-*, *-us, en;q=',
  ';;;,,,===',
  '__proto__, constructor/prototype',
]

/** Route patterns. */
export const PATTERNS: readonly string[] = [
  '/',
  '*',
  '/:a?/',
  '/:a{[}]}',
  '/:a{(?=x)y}/:b',
  '/\\:\\*\\{\\}\\?\\%41',
  '/:__proto__/*toString',
  '/é/:ü{\\p{L}+}',
  '/*rest',
]
