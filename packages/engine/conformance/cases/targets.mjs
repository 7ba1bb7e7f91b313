// Targets of every form (http1.md TGT).
import { DECIDED, END, HOST, shown, table, withLine } from './table.mjs'

export const targetCases = table((accepted, refused) => {
  for (const byte of ['\0', '\x01', '\x1f', '\x7f', '\x80', '\xff', '#']) {
    refused(`TGT-1 ${shown(byte)} in the target`, 400, [
      `GET /abc${byte}def HTTP/1.1\r\n`,
      DECIDED,
      HOST,
      END,
    ])
  }
  refused('TGT-1 raw UTF-8', 400, ['GET /caf\xc3\xa9 HTTP/1.1\r\n', DECIDED, HOST, END])
  refused('TGT-1 # in the query', 400, ['GET /?a#b HTTP/1.1\r\n', DECIDED, HOST, END])
  refused('TGT-1 # behind 40 bytes', 400, [
    'GET /',
    ['a', 40],
    '# HTTP/1.1\r\n',
    DECIDED,
    HOST,
    END,
  ])
  {
    const target = `/!$%&'()*+,-./0123456789:;<=>?@A[\\]^_\`a{|}~"`
    accepted('TGT-1 every byte allowed', withLine(`GET ${target} HTTP/1.1`), { target })
  }
  accepted('TGT-1 raw brackets in the query', withLine('GET /?a|b^c{d}"<> HTTP/1.1'), {
    target: '/?a|b^c{d}"<>',
    flags: ['BODY_COMPLETE', 'PATH_PLAIN'],
  })
  accepted('TGT-2 two slashes are a path', withLine('GET //host/x HTTP/1.1'), {
    target: '//host/x',
  })
  for (const [target, plain] of [
    ['/a/b.c', true],
    ['/a..b', true],
    ['/%61', false],
    ['/./a', false],
    ['/a/../b', false],
    ['/a/..', false],
    ['/a?/../b%', true],
    ['/0123456789abcdef/0123456789abcdef/../x', false],
    ['/0123456789abcd/.', false],
    ['/0123456789abcdef?0123456789abcdef/../%20', true],
  ]) {
    const flags = ['BODY_COMPLETE', ...(plain ? ['PATH_PLAIN'] : [])]
    accepted(`TGT-2 ${target}`, withLine(`GET ${target} HTTP/1.1`), { target, flags })
  }
  const absolute = (path, flags = ['PATH_PLAIN']) => ({
    path,
    flags: ['BODY_COMPLETE', 'ABSOLUTE_FORM', ...flags],
  })
  for (const [target, expected] of [
    ['http://b/', absolute('/')],
    ['http://b/x?y', absolute('/x')],
    ['HTTP://b.example:8080/x', absolute('/x')],
    ['http://[::1]:80/x', absolute('/x')],
    ['http://b', absolute('')],
    ['http://b?y', absolute('')],
    ['http://b/?http://c/', absolute('/')],
    ['http://b/%20', absolute('/%20', [])],
    ['hTtP://b/', absolute('/')],
    ['http://b:/', absolute('/')],
    ['http://b:0/', absolute('/')],
    ['http://b:65535/', absolute('/')],
    ['http://b//x', absolute('//x')],
    ['http://b/./x', absolute('/./x', [])],
    ['http://b/x@y:z', absolute('/x@y:z')],
    ['http://b?/x@y', absolute('')],
    ['http://b/?', absolute('/')],
    ['http://b/https://c/', absolute('/https://c/')],
    ['http://a_b.c~d/', absolute('/')],
    ['http://[2001:db8::1]/', absolute('/')],
  ]) {
    accepted(`TGT-3 ${target}`, withLine(`GET ${target} HTTP/1.1`), { target, ...expected })
  }
  accepted('TGT-3 OPTIONS without a path', withLine('OPTIONS http://b HTTP/1.1'), {
    method: 'OPTIONS',
    target: 'http://b',
    path: '',
  })
  refused('TGT-3 absolute target without Host', 400, ['GET http://b/ HTTP/1.1\r\n\r\n', DECIDED])
  for (const target of [
    'https://a/',
    'HTTPS://a/',
    'hTTpS://a/',
    'https://',
    'https://user@a/',
    'https://[::1',
    'https://a:70000/',
  ]) {
    refused(`TGT-3 ${target}`, 421, [`GET ${target} HTTP/1.1\r\n`, DECIDED, HOST, END])
  }
  for (const target of [
    'http://user@b/',
    'http://user:pass@b/',
    'http:///x',
    'http://',
    'http://?x',
    'http://:80/',
    'http://b:70000/',
    'http://b:x/',
    'http://[::1/',
    'http:/b/',
    'http:b',
    'ftp://b/',
    'ftp:',
    'ws://b/',
    'b',
    'b/c',
    'b:1',
    'b?x',
    '.',
    '..',
    '%2f',
    '%',
    ':',
    ';x',
    '**',
    '*/',
    'http',
    'http:',
    'http:/',
    'httpx://b/',
    'xhttp://b/',
    'http:\\\\b/',
    'http://b\\x',
    'http://b:80:80/',
    'http://b:+80/',
    'http://b:1e1/',
    'http://@b/',
    'http://b@/',
    'http://b@c:80/',
    'http://:@b/',
    'http://b%/',
    'http://b%zz/',
    'http://b"c/',
    'http://b|c/',
    'http://b^c/',
    'http://{b}/',
    'http://[b]/',
    'http://[::1]b/',
    'http://[::1%25lo]/',
    'http://::1/',
    'http://[]/',
    'http:////b/',
    'wss://b/',
    'file:///x',
    'javascript:x',
    'data:,x',
    'urn:x:y',
    'about:blank',
    'mailto:a@b',
    'h2://b/',
    '1http://b/',
    '?x',
    '\\x',
  ]) {
    refused(`TGT-3 ${target}`, 400, [`GET ${target} HTTP/1.1\r\n`, DECIDED, HOST, END])
  }
  accepted('TGT-4 OPTIONS *', withLine('OPTIONS * HTTP/1.1'), {
    method: 'OPTIONS',
    target: '*',
    path: '*',
  })
  for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE', 'PROPFIND'])
    refused(`TGT-4 ${method} *`, 400, [`${method} * HTTP/1.1\r\n`, DECIDED, HOST, END])
  for (const target of ['**', '*/', '*?x', '*a', '**/x', 'a:1', 'a'])
    refused(`TGT-4 OPTIONS ${target}`, 400, [`OPTIONS ${target} HTTP/1.1\r\n`, DECIDED, HOST, END])
  accepted('TGT-4 OPTIONS /*', withLine('OPTIONS /* HTTP/1.1'), { method: 'OPTIONS', target: '/*' })
  accepted('TGT-4 OPTIONS * on 1.0', 'OPTIONS * HTTP/1.0\r\n\r\n', {
    method: 'OPTIONS',
    target: '*',
    path: '*',
    minor: 0,
  })
  for (const method of ['HEAD', 'POST', 'DELETE', 'TRACE'])
    accepted(`TGT-3 ${method} of an absolute target`, withLine(`${method} http://b/x HTTP/1.1`), {
      method,
      target: 'http://b/x',
      path: '/x',
    })
  accepted('TGT-3 OPTIONS with a query and no path', withLine('OPTIONS http://b?x HTTP/1.1'), {
    method: 'OPTIONS',
    target: 'http://b?x',
    path: '',
  })
  accepted('TGT-3 on 1.0 without Host', 'GET http://b/x HTTP/1.0\r\n\r\n', {
    target: 'http://b/x',
    path: '/x',
    minor: 0,
  })
  accepted('TGT-3 an escape in the authority', withLine('GET http://%61/ HTTP/1.1'), {
    target: 'http://%61/',
    path: '/',
  })
  refused('TGT-3 with an invalid Host', 400, `GET http://b/ HTTP/1.1\r\nHost: a b\r\n\r\n`)
  refused('TGT-3 with two Hosts', 400, `GET http://b/ HTTP/1.1\r\n${HOST}${HOST}\r\n`)
  refused('TGT-3 https on 1.0', 421, ['GET https://b/ HTTP/1.0\r\n', DECIDED, END])
  refused('TGT-4 OPTIONS *x', 400, ['OPTIONS *x HTTP/1.1\r\n', DECIDED, HOST, END])
  refused('TGT-4 authority-form', 400, ['GET a:80 HTTP/1.1\r\n', DECIDED, HOST, END])
})
