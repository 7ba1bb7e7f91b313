// Every byte that may not stand somewhere, at each place there: one row per byte. The parser tests judge every byte at
// every offset; these prove that nothing in front of the parser lets one through.
import {
  CHUNKED_HEAD,
  CONTROLS,
  DELIMITERS,
  END,
  HIGH_BYTES,
  HOST,
  LINE,
  OTHER_BLANKS,
  shown,
  table,
} from './table.mjs'

const SWEEP = { sweep: true }
const NOT_IN_TOKENS = [...CONTROLS, ' ', ...DELIMITERS, ...HIGH_BYTES]
const except = (bytes, ...left) => bytes.filter((byte) => !left.includes(byte))

export const byteSweepCases = table((accepted, refused) => {
  const bad = (name, bytes) => refused(name, 400, bytes, SWEEP)

  // CR and LF first are RL-1's.
  for (const byte of except(NOT_IN_TOKENS, '\r', '\n'))
    bad(`RL-2 ${shown(byte)} is no first byte`, `${byte}GET / HTTP/1.1\r\n${HOST}\r\n`)
  for (const byte of NOT_IN_TOKENS) {
    bad(`MET-1 ${shown(byte)} inside the method`, `GE${byte}T / HTTP/1.1\r\n${HOST}\r\n`)
    if (byte !== ' ')
      bad(`MET-1 ${shown(byte)} behind the method`, `GET${byte} / HTTP/1.1\r\n${HOST}\r\n`)
  }
  for (const byte of [...CONTROLS, '#', ...HIGH_BYTES]) {
    bad(`TGT-1 ${shown(byte)} first in the target`, `GET ${byte}/a HTTP/1.1\r\n${HOST}\r\n`)
    bad(`TGT-1 ${shown(byte)} inside the target`, `GET /a${byte}b HTTP/1.1\r\n${HOST}\r\n`)
    bad(`TGT-1 ${shown(byte)} last in the target`, `GET /a${byte} HTTP/1.1\r\n${HOST}\r\n`)
    bad(`TGT-1 ${shown(byte)} in the query`, `GET /?a${byte}b HTTP/1.1\r\n${HOST}\r\n`)
    bad(`TGT-3 ${shown(byte)} in an authority`, `GET http://a${byte}b/ HTTP/1.1\r\n${HOST}\r\n`)
  }
  for (const byte of [...CONTROLS, ...HIGH_BYTES]) {
    bad(`VER-1 ${shown(byte)} before the version`, `GET / ${byte}HTTP/1.1\r\n${HOST}\r\n`)
    bad(`VER-1 ${shown(byte)} inside the version`, `GET / HTTP/1${byte}.1\r\n${HOST}\r\n`)
    bad(`VER-1 ${shown(byte)} behind the version`, `GET / HTTP/1.1${byte}\r\n${HOST}\r\n`)
  }
  for (const byte of NOT_IN_TOKENS)
    bad(`FLD-1 ${shown(byte)} first in a name`, `${LINE}${HOST}${byte}X: y\r\n\r\n`)
  for (const byte of except(NOT_IN_TOKENS, ':')) {
    bad(`FLD-1 ${shown(byte)} inside a name`, `${LINE}${HOST}X${byte}Z: y\r\n\r\n`)
    bad(`FLD-1 ${shown(byte)} before the colon`, `${LINE}${HOST}X${byte}: y\r\n\r\n`)
    bad(`CHK-3 ${shown(byte)} in a trailer name`, `${CHUNKED_HEAD}0\r\nX${byte}Z: y\r\n\r\n`)
  }
  for (const byte of except(CONTROLS, '\t')) {
    bad(`FLD-2 ${shown(byte)} first in a value`, `${LINE}${HOST}X:${byte}y\r\n\r\n`)
    bad(`FLD-2 ${shown(byte)} inside a value`, `${LINE}${HOST}X: y${byte}z\r\n\r\n`)
    bad(`FLD-2 ${shown(byte)} last in a value`, `${LINE}${HOST}X: y${byte}\r\n\r\n`)
    bad(`FLD-2 ${shown(byte)} in the Host value`, `${LINE}Host: a${byte}b\r\n\r\n`)
    bad(`CHK-3 ${shown(byte)} in a trailer value`, `${CHUNKED_HEAD}0\r\nX: y${byte}z\r\n\r\n`)
    bad(`CHK-2 ${shown(byte)} inside an extension`, `${CHUNKED_HEAD}1;a${byte}b\r\nx\r\n0\r\n\r\n`)
  }
  for (const byte of [...CONTROLS, ' ', ...'GgxX+-.,_"#~', ...HIGH_BYTES]) {
    bad(`CHK-1 ${shown(byte)} before the size`, `${CHUNKED_HEAD}${byte}1\r\nx\r\n0\r\n\r\n`)
    bad(`CHK-1 ${shown(byte)} behind the size`, `${CHUNKED_HEAD}1${byte}\r\nx\r\n0\r\n\r\n`)
    bad(`CHK-2 ${shown(byte)} behind the data`, `${CHUNKED_HEAD}1\r\nx${byte}\r\n0\r\n\r\n`)
    bad(`CHK-1 ${shown(byte)} behind the last size`, `${CHUNKED_HEAD}0${byte}\r\n\r\n`)
  }
  for (const byte of OTHER_BLANKS) {
    const post = (line) => `POST / HTTP/1.1\r\n${HOST}${line}\r\n\r\n3\r\nabc\r\n0\r\n\r\n`
    bad(`CL-1 ${shown(byte)} before the digits`, post(`Content-Length:${byte}3`))
    bad(`CL-1 ${shown(byte)} behind the digits`, post(`Content-Length: 3${byte}`))
    bad(`CL-1 ${shown(byte)} behind the name`, post(`Content-Length${byte}: 3`))
    bad(`TE-1 ${shown(byte)} before the coding`, post(`Transfer-Encoding:${byte}chunked`))
    bad(`TE-1 ${shown(byte)} behind the coding`, post(`Transfer-Encoding: chunked${byte}`))
    bad(`TE-1 ${shown(byte)} behind the name`, post(`Transfer-Encoding${byte}: chunked`))
    bad(`HOST-2 ${shown(byte)} behind the host`, `${LINE}Host: a${byte}\r\n\r\n`)
  }

  const highBytes = Array.from({ length: 128 }, (_, index) => String.fromCharCode(128 + index))
  accepted('FLD-2 every byte from 0x80 up', `${LINE}${HOST}X: ${highBytes.join('')}\r\n${END}`, {
    fields: [
      ['Host', 'a'],
      ['X', highBytes.join('')],
    ],
  })
})
