// Owns the variables of the service itself: where it is found, what it keeps, who begins, how it runs.

import * as z from 'zod'
import { documentation } from './documentation.ts'
import { parseHttpOrigin } from './origins.ts'
import {
  duration,
  durationOrOff,
  flag,
  integer,
  listenHost,
  listOf,
  oneOf,
  parsed,
  port,
  portOrOff,
  urlOf,
} from './values.ts'

const SECRET_KEY_CHARACTERS = 32
const PASSWORD_CHARACTERS = 8
const PASSWORD_BYTES = 1024
const EMAIL_CHARACTERS = 254

const DEFAULT_PORT = '8080'

export const secretKeys = listOf(
  (key) => (key.length >= SECRET_KEY_CHARACTERS ? key : undefined),
  `${SECRET_KEY_CHARACTERS} characters or more; several keys are separated by commas, ${SECRET_KEY_CHARACTERS} characters or more each`,
)

const email = z
  .email({ pattern: z.regexes.html5Email, error: 'an email address' })
  .max(EMAIL_CHARACTERS, 'an email address')

function isPassword(text: string): boolean {
  return [...text].length >= PASSWORD_CHARACTERS && Buffer.byteLength(text) <= PASSWORD_BYTES
}

const WHERE = 'Where people find it'
const STORAGE = 'Storage and secrets'
const ADMIN = 'The first administrator'
const SESSIONS = 'Sessions'
const OPERATIONS = 'Operations'

export const serviceVariables = {
  PUBLIC_URL: parsed(
    parseHttpOrigin,
    'an origin, such as https://gate.example.com: scheme, host and perhaps a port, without path, query or user',
  )
    .optional()
    .register(documentation, {
      group: WHERE,
      meaning:
        'The origin that people and clients see. It is the issuer of every token, so it has to be the same for all replicas and must not change lightly. An origin only: no path, no query. Plain `http:` is accepted for this machine (`localhost`, `127.0.0.1`, `[::1]`); for any other host it has to be `https:`, or `ALLOW_INSECURE_HTTP` has to say that you mean it.',
      example: 'https://gate.example.com',
      fallback: `http://localhost:${DEFAULT_PORT}, or the port of \`PORT\``,
    }),
  HOST: listenHost().prefault('127.0.0.1').register(documentation, {
    group: WHERE,
    meaning:
      'The address to listen on. The container image sets `0.0.0.0`; the flag `--host` wins over the variable.',
    example: '0.0.0.0',
  }),
  PORT: port().prefault(DEFAULT_PORT).register(documentation, {
    group: WHERE,
    meaning: 'The port to listen on; the flag `--port` wins over the variable.',
    example: '3000',
  }),
  ALLOW_INSECURE_HTTP: flag().prefault('false').register(documentation, {
    group: WHERE,
    meaning:
      'Accept a `PUBLIC_URL` with plain `http:` on a host other than this machine. Passwords and tokens then cross the network readable by anybody on it: for experiments in a closed network only.',
    example: 'true',
  }),

  DATABASE_URL: urlOf(
    ['postgres:', 'postgresql:'],
    'a PostgreSQL URL, such as postgres://user:password@host:5432/database',
  )
    .optional()
    .register(documentation, {
      group: STORAGE,
      meaning:
        'PostgreSQL 15 or newer. Without it an embedded database is kept under `DATA_DIR`, which is enough for one process on one machine.',
      example: 'postgres://gatehouse:password@db:5432/gatehouse',
      secret: true,
    }),
  DATA_DIR: parsed((text) => (text.includes('\0') ? undefined : text), 'a directory')
    .prefault('./data')
    .register(documentation, {
      group: STORAGE,
      meaning:
        'The directory of the embedded database and of generated secrets. Relative to the working directory.',
      example: '/var/lib/gatehouse',
    }),
  SECRET_KEY: secretKeys.optional().register(documentation, {
    group: STORAGE,
    meaning:
      'The master key, 32 characters or more: `openssl rand -base64 32` makes a good one. Required with `DATABASE_URL`, because replicas have to share it; without a database it is generated once into `DATA_DIR/secret-key`, readable by its owner only. Several keys are separated by commas: the first one seals, all of them open, so a new key is put in front of the old one. What is stored is then sealed again in the background, and the log says when the old one is not needed any more. What was sealed under a lost key is lost.',
    example: null,
    fallback: 'generated under `DATA_DIR`',
    secret: true,
  }),
  SIGNING_KEY_ROTATION: durationOrOff('1d', '730d').prefault('90d').register(documentation, {
    group: STORAGE,
    meaning:
      'How long a key signs tokens before a new one takes over. The new one is published an hour ahead, the old one for as long as its last token is good for. `off`: only `gatehouse keys rotate` does it.',
    example: '30d',
  }),

  ADMIN_EMAIL: z.string().trim().pipe(email).optional().register(documentation, {
    group: ADMIN,
    meaning:
      'The email address of the first administrator. Together with `ADMIN_PASSWORD`, or neither: without them a set-up link, good for one use, is printed at the start.',
    example: 'admin@example.com',
  }),
  ADMIN_PASSWORD: z
    .string()
    .refine(isPassword, `${PASSWORD_CHARACTERS} characters or more, and ${PASSWORD_BYTES} bytes at most`)
    .optional()
    .register(documentation, {
      group: ADMIN,
      meaning:
        'The password of the first administrator: 8 characters or more. Better as `ADMIN_PASSWORD_FILE`.',
      example: null,
      secret: true,
    }),

  SESSION_IDLE_TTL: duration('1m', '365d').prefault('7d').register(documentation, {
    group: SESSIONS,
    meaning:
      'How long a browser stays signed in that does not come back. Every use of our pages starts it anew, up to `SESSION_MAX_TTL`.',
    example: '12h',
  }),
  SESSION_MAX_TTL: duration('1m', '365d').prefault('30d').register(documentation, {
    group: SESSIONS,
    meaning:
      'How long a browser stays signed in at most, counted from signing in. Connected apps are not signed out by it: they have refresh tokens.',
    example: '7d',
  }),

  LOG_LEVEL: oneOf(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
    .prefault('info')
    .register(documentation, {
      group: OPERATIONS,
      meaning: 'How much is logged; the flag `--log-level` wins over the variable.',
      example: 'debug',
    }),
  SHUTDOWN_GRACE: duration('0s', '10m').prefault('10s').register(documentation, {
    group: OPERATIONS,
    meaning: 'How long requests and streams that are under way may go on after the signal to stop.',
    example: '30s',
  }),
  WORKERS: integer(1, 64).prefault('1').register(documentation, {
    group: OPERATIONS,
    meaning: 'The number of processes on this machine.',
    example: '4',
    reserved: true,
  }),
  METRICS_PORT: portOrOff().prefault('off').register(documentation, {
    group: OPERATIONS,
    meaning:
      'A second port, for metrics: `/metrics` there, in the text format of Prometheus. Without a login, so keep it away from the internet.',
    example: '9464',
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: urlOf(
    ['http:', 'https:'],
    'an http or https URL, such as http://collector:4318',
  )
    .optional()
    .register(documentation, {
      group: OPERATIONS,
      meaning: 'Where traces are sent (OTLP over HTTP).',
      example: 'http://collector:4318',
      fallback: 'off',
      reserved: true,
    }),
}
