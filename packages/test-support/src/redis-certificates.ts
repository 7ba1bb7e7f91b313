import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Files of a server certificate for localhost, and the authority that signed it. */
export interface RedisCertificates {
  /** PEM of the authority. */
  readonly ca: string
  readonly caFile: string
  readonly certificateFile: string
  readonly keyFile: string
}

/** Makes a new authority and a certificate for localhost, 127.0.0.1 and ::1, valid for two days. */
export function makeCertificates(folder: string): RedisCertificates {
  const path = (name: string): string => join(folder, name)
  const make = (name: string, subject: string, ...rest: readonly string[]): void => {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    const files = ['-keyout', path(`${name}.key`), '-out', path(`${name}.crt`)]
    const args = ['req', '-x509', ...key, ...files, '-days', '2', '-subj', subject, ...rest]
    execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  }
  make('ca', '/CN=Celeris test authority')
  const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1'
  const issuer = ['-CA', path('ca.crt'), '-CAkey', path('ca.key')]
  make(
    'server',
    '/CN=localhost',
    ...issuer,
    '-addext',
    names,
    '-addext',
    'basicConstraints=CA:FALSE',
  )
  return {
    ca: readFileSync(path('ca.crt'), 'utf8'),
    caFile: path('ca.crt'),
    certificateFile: path('server.crt'),
    keyFile: path('server.key'),
  }
}
